//! The ways to read, label and write sign-in records that are compared ([`ways`]), and how they are timed ([`timing`]).
//!
//! `main.rs` prints the tables of the README, `benches/ways.rs` looks at one way at a time. The records are those of
//! `host_test::figures`, which the budget test counts instructions on.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a program that measures time"
)]

pub mod timing;
pub mod ways;

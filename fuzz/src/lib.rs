//! What must hold of any bytes at all, one module for each target in `fuzz_targets`.
//!
//! Each has a function `check`, which panics where it does not hold. A finding becomes a row of a test in the crate that
//! it is of; `tests/what_came_before.rs` of the transform runs [`line`] over the samples without a fuzzer.

pub mod batch;
pub mod config;
pub mod fluent_bit;
pub mod http_body;
pub mod keyed;
pub mod line;
pub mod snapshot;

/// Some sign-ins of one user and one address, to be read by a session that has been brought into an odd state.
pub const SOME: &str = include_str!("../some.ndjson");

/// The text before the first line end, and what stands behind it.
pub fn first_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

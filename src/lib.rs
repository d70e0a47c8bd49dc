//! Labels, flags and scores Microsoft Entra ID sign-in records in flight.
//!
//! A line of JSON goes in; the same line comes out with one member more that says how the sign-in ended and why,
//! whether the record is noise, and how suspicious it is. [`Session::process`] is the whole path, in the order of
//! the modules:
//!
//! bytes → [`input`] → [`classify`] → [`state`] → [`signals`] → [`score`] → [`noise`] → [`write`] → bytes
//!
//! On the way out a record can wait for what becomes of it ([`held`]), or leave the stream with a line in its place
//! ([`rollup`]). What is remembered can be written down and taken up again ([`snapshot`]), and an engine can keep it
//! apart by key ([`keyed`]). Fluent Bit takes the same path record by record ([`fluent_bit`]).
//!
//! What holds throughout, and the test that shows it:
//!
//! - Nothing is imported, so there is no clock, no network and no file (`host-test/tests/component.rs`).
//! - Every line leaves once: kept, suppressed or still held; what is not ours of it leaves byte for byte, and roll-ups
//!   add up to what was suppressed (`host-test/tests/laws.rs`).
//! - The same lines give the same bytes however they are cut into batches (`host-test/tests/laws.rs`).
//! - No bytes make it trap (`host-test/tests/laws.rs`).
//! - What is remembered is bounded in entries and bytes ([`limits`]), and a session restored from a snapshot goes on
//!   byte for byte (`host-test/tests/memory.rs`).
//! - A hit of no negative weight never lowers the score ([`score`]).
//! - A text is accepted exactly when it is JSON (`input::json`).
//! - The reader compares a line with what came before instead of reading it, and what came before never changes what a
//!   record says (`input::agreement`, `tests/what_came_before.rs`).
//! - A session that is warm asks the allocator for nothing per record (`tests/allocations.rs`), and what it costs in
//!   wasm instructions is held to a budget (`host-test/tests/budget.rs`).
//! - A failure, a denial, a risk, or a hit of medium weight is never marked as noise (`noise`).
//! - A signal changes nothing, so the order of signals does not matter (`signals`).
//! - Every default is in its range and names its source (`config`).

pub mod classify;
#[cfg(feature = "component")]
mod component;
pub mod config;
pub mod error;
pub mod fluent_bit;
pub mod held;
pub mod input;
pub mod keyed;
pub mod limits;
pub mod noise;
pub mod rollup;
pub mod score;
pub mod session;
pub mod signals;
pub mod snapshot;
pub mod state;
pub mod stats;
pub mod time;
pub mod write;

pub use config::Config;
pub use session::{Outcome, Rejected, Session};
pub use stats::Counter;

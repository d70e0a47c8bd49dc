//! The harness of signin-triage: runs the component in wasmtime, for tests, for the command line, and for hosts
//! that want records enriched from Rust.
//!
//! bytes → [`stream::cut`] → whole lines → [`Session::process`] → bytes. [`plugin`] and, for the module that Fluent
//! Bit runs, [`fluent_bit`] are the only ones that know wasmtime, [`cards`] the only one that knows the native crate,
//! but for its limits, options and the wording of problems. The rest are the commands, one module each.
//!
//! Invariants, each with its test:
//! - A byte that comes in goes out, in its place, whatever it is part of (`tests/cli.rs`: `bad_input_goes_out_as_it_came`).
//! - Memory does not grow with the input, nor with a line (`stream::tests::a_line_without_end_is_not_held`).
//! - A trap, a loop or a lie of the component costs the line that brought it about its labels, and no line anything
//!   else (`tests/misbehaving.rs`).
//! - Nothing that a record holds reaches the terminal as a control character (`terminal::tests`).
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "clippy.toml forbids clocks, the environment and hash maps to the transform; this is a program around it"
)]

pub mod bake;
pub mod cards;
mod checksum;
pub mod config_file;
mod dead_letters;
pub mod demo;
pub mod explain;
mod feed;
mod fields;
pub mod figures;
pub mod fluent_bit;
mod inputs;
pub mod inspect;
mod line_file;
mod lockstep;
mod opened;
mod output;
mod pipeline;
pub mod plugin;
mod position;
mod progress;
mod promise;
pub mod run;
pub mod sandbox;
pub mod serve;
mod state_file;
pub mod stream;
mod summary;
mod terminal;
mod undelivered;

pub use plugin::{
    Counter, Failed, Key, Keyed, OpenError, Outcome, PassedOn, Plugin, Problem, Rejected, Session,
    Trouble,
};
pub use terminal::say;

/// How a command ended, and with it the exit code. What went wrong has been said on standard error by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Everything asked for was done. Exit code 0.
    Done,
    /// An input or the output failed; the rest was done. Exit code 1.
    Failed,
    /// Wrong usage or configuration; nothing was done. Exit code 2.
    WrongUsage,
}

impl From<Ending> for std::process::ExitCode {
    fn from(ending: Ending) -> Self {
        std::process::ExitCode::from(match ending {
            Ending::Done => 0,
            Ending::Failed => 1,
            Ending::WrongUsage => 2,
        })
    }
}

//! The options about the component itself: which one, how long a call may take, and where lines go on which it fails.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::dead_letters::DeadLetters;
use crate::plugin::{BATCH_SECS, Plugin};
use crate::terminal::say;

/// See the module.
#[derive(Debug, Args)]
pub struct Sandbox {
    /// Add each line on which the transform fails there, with the reason; it leaves unchanged either way
    #[arg(long, value_name = "FILE")]
    pub dead_letter: Option<PathBuf>,
    /// How long the transform may take for a batch, beside a second for each MiB. Beyond it the lines that take so long
    /// leave unchanged
    #[arg(long, value_name = "SECS", default_value_t = BATCH_SECS,
        value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub batch_secs: u64,
    /// Run that component instead of the one built in
    #[arg(long, value_name = "FILE")]
    pub component: Option<PathBuf>,
}

impl Sandbox {
    /// The component.
    ///
    /// # Errors
    /// The file cannot be read, or is no component.
    pub fn plugin(&self) -> Result<Plugin> {
        let plugin = match &self.component {
            Some(file) => Plugin::from_file(file).with_context(|| file.display().to_string())?,
            None => Plugin::built_in()?,
        };
        Ok(plugin.with_batch_secs(self.batch_secs))
    }

    /// Where lines go on which it fails. `None` after it has been said why they cannot.
    pub fn dead_letters(&self) -> Option<DeadLetters> {
        let letters = DeadLetters::open(self.dead_letter.as_deref());
        letters.map_err(|problem| say(&problem)).ok()
    }
}

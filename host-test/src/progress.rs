//! The progress bar, where a person watches.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

use crate::inputs::Input;
use crate::pipeline::Read;

/// Shows how far the reading is. Silent unless standard error is a terminal.
pub struct Progress {
    bar: ProgressBar,
    lines: u64,
}

impl Progress {
    /// `records_to_stdout`: the bar stays away where records appear on the same terminal.
    pub fn new(inputs: &[Input], records_to_stdout: bool, quiet: bool) -> Self {
        let same_terminal = records_to_stdout && io::stdout().is_terminal();
        let watched = io::stderr().is_terminal() && !same_terminal && !quiet;
        let total: Option<u64> = inputs.iter().map(Input::bytes).sum();
        let bar = match total {
            _ if !watched => ProgressBar::hidden(),
            Some(bytes) => ProgressBar::new(bytes)
                .with_style(style("{bar:30} {bytes}/{total_bytes}, {eta} left")),
            None => ProgressBar::new_spinner().with_style(style("{spinner} {bytes}")),
        };
        Progress { bar, lines: 0 }
    }

    /// So much of the input is done.
    pub fn advance(&mut self, read: Read) {
        if self.bar.is_hidden() {
            return;
        }
        self.lines += read.lines as u64;
        self.bar.inc(read.bytes as u64);
        let millis = self.bar.elapsed().as_millis().max(1);
        let per_second = u128::from(self.lines) * 1000 / millis;
        self.bar.set_message(format!("{per_second} records/s"));
    }

    /// Takes the bar away, so that what follows stands where it stood.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Says a line without breaking the bar.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| crate::terminal::say(line));
    }
}

fn style(head: &str) -> ProgressStyle {
    let template = format!("{head}, {{bytes_per_sec}}, {{msg}}");
    ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

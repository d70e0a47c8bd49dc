//! What is said where the transform failed, and the file that keeps the lines on which it did (`--dead-letter`).
//!
//! ```json
//! {"version":"0.1.0","reason":"wasm trap: wasm `unreachable` instruction executed","line":"{\"time\":…}"}
//! ```
//! The line is in it as it came, without its line end, so that whoever mends the transform has what broke it. There is
//! no time in it but the line's own.

use std::path::Path;

use serde::Serialize;

use crate::PassedOn;
use crate::line_file::LineFile;
use crate::plugin::Trouble;
use crate::stream::bare;

/// Takes what the transform failed on.
#[derive(Default)]
pub struct DeadLetters {
    file: Option<LineFile>,
    /// A line could not be kept.
    lost: bool,
}

/// A line as it stands in the file.
#[derive(Serialize)]
struct Letter<'a> {
    version: &'a str,
    reason: &'a str,
    line: &'a str,
}

impl DeadLetters {
    /// Opens the file, or makes it, for its owner only; without one nothing is kept.
    ///
    /// # Errors
    /// It cannot be written to; in words, with its name.
    pub fn open(path: Option<&Path>) -> Result<DeadLetters, String> {
        let file = path.map(LineFile::open).transpose();
        Ok(DeadLetters {
            file: file.map_err(|error| format!("{error:#}"))?,
            lost: false,
        })
    }

    /// Says with `say` what went wrong in a batch, and keeps the lines.
    pub fn take(&mut self, trouble: &Trouble, mut say: impl FnMut(&str)) {
        say(&in_words(trouble));
        let Some(file) = &mut self.file else { return };
        let mut letters = Vec::new();
        for failed in &trouble.failed {
            // What was given up is not known to fail.
            if failed.why == PassedOn::Trapped {
                let letter = Letter {
                    version: env!("CARGO_PKG_VERSION"),
                    reason: &failed.reason,
                    line: str::from_utf8(bare(failed.lines.as_bytes())).unwrap_or(&failed.lines),
                };
                // To memory, and a text has a form in JSON whatever it holds.
                self.lost |= serde_json::to_writer(&mut letters, &letter).is_err();
                letters.push(b'\n');
            }
        }
        if let Err(error) = file.append(&letters) {
            // The records go on all the same; the exit code says it as well.
            self.lost = true;
            say(&format!("{error:#}"));
        }
    }

    /// Whether every line that was to be kept was.
    pub fn all_kept(&self) -> bool {
        !self.lost
    }
}

/// One message for each batch: there may be thousands of lines.
fn in_words(trouble: &Trouble) -> String {
    let count = |why| {
        let of = trouble.failed.iter().filter(move |one| one.why == why);
        of.map(|one| one.lines.lines().count()).sum::<usize>()
    };
    let reason = &trouble.reason;
    let given_up = match count(PassedOn::GivenUp) {
        0 => String::new(),
        count => format!(", and the {count} after them were not tried"),
    };
    match count(PassedOn::Trapped) {
        0 if given_up.is_empty() => format!("the transform failed once: {reason}"),
        1 => {
            format!("the transform failed on a line, which went out unchanged{given_up}: {reason}")
        }
        count => format!(
            "the transform failed on {count} lines, which went out unchanged{given_up}: {reason}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::Failed;

    #[test]
    fn a_line_is_kept_with_the_reason_and_what_was_given_up_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dead");
        let failed = |lines: &str, why| Failed {
            lines: lines.to_owned(),
            why,
            reason: "why \"x\"".to_owned(),
        };
        let trouble = Trouble {
            reason: "first".to_owned(),
            failed: vec![
                failed("{\"a\":\"é\"}\r\n", PassedOn::Trapped),
                failed("b\nc\n", PassedOn::GivenUp),
            ],
        };
        let mut said = Vec::new();
        let mut letters = DeadLetters::open(Some(&path)).unwrap();
        letters.take(&trouble, |line| said.push(line.to_owned()));
        letters.take(&trouble, |_| {});
        assert!(letters.all_kept());
        assert_eq!(
            said,
            [
                "the transform failed on a line, which went out unchanged, and the 2 after them were not tried: first"
            ]
        );
        let version = env!("CARGO_PKG_VERSION");
        let line = format!(
            "{{\"version\":\"{version}\",\"reason\":\"why \\\"x\\\"\",\"line\":\"{{\\\"a\\\":\\\"é\\\"}}\"}}\n"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), line.repeat(2));

        let mut full = DeadLetters::open(Some(Path::new("/dev/full"))).unwrap();
        full.take(&trouble, |_| {});
        assert!(!full.all_kept());
        assert!(DeadLetters::open(Some(folder.path())).is_err());
    }
}

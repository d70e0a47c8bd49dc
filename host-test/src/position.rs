//! How far a run with `--resume` had come: which part of its inputs and outputs the state covers.
//!
//! Saved in one step with what the session remembered there. So whoever was killed goes on from the last saving as if
//! nothing had happened: what the outputs hold beyond it is cut off, half a line or a thousand, and made again.

use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::checksum::sha256;
use crate::inputs::Input;
use crate::pipeline::Made;

/// Of the first input so many bytes are known again.
const HEAD_BYTES: u64 = 4096;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    run: Names,
    head: Head,
    /// How many inputs have been begun. 0: none.
    pub inputs: usize,
    /// Bytes of the last one that are covered, unpacked.
    pub bytes: u64,
    /// Bytes of the output that are covered.
    pub out: u64,
    /// Bytes of the second output.
    pub suppressed: u64,
    /// Bytes of the first input to be read that were covered when it was.
    #[serde(skip)]
    passed_by: Option<u64>,
}

/// What is read and written, as it was named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Names {
    inputs: Vec<String>,
    out: String,
    suppressed: Option<String>,
}

/// How the first input begins, where it is a file: another that took its name is not skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    bytes: u64,
    sha256: String,
}

impl Position {
    /// The beginning.
    ///
    /// # Errors
    /// The first input cannot be read.
    pub fn new(inputs: &[Input], out: &Path, suppressed: Option<&Path>) -> io::Result<Position> {
        let shown = |path: &Path| path.display().to_string();
        Ok(Position {
            run: Names {
                inputs: inputs.iter().map(Input::shown).collect(),
                out: shown(out),
                suppressed: suppressed.map(shown),
            },
            head: Head::of(inputs, HEAD_BYTES)?,
            ..Position::default()
        })
    }

    /// Where `saved` was, if that was the same run; `self`, the beginning, if not.
    ///
    /// # Errors
    /// The first input is another under the same name, in words.
    pub fn resume(self, saved: Option<&str>, inputs: &[Input]) -> Result<Position, String> {
        let saved = saved.and_then(|text| serde_json::from_str::<Position>(text).ok());
        let Some(saved) = saved.filter(|saved| saved.run == self.run) else {
            return Ok(self);
        };
        let head = Head::of(inputs, saved.head.bytes).map_err(|error| error.to_string())?;
        if head != saved.head {
            return Err(
                "the first input is not the one that was begun: leave --resume out to begin anew"
                    .to_owned(),
            );
        }
        Ok(Position {
            // It may have been shorter.
            head: self.head,
            ..saved
        })
    }

    /// So much more has been done.
    pub fn add(&mut self, made: &Made) {
        match made {
            Made::Begin => {
                self.inputs += 1;
                // Of the first one that is read, what was covered already was passed by.
                self.bytes = self.passed_by.take().unwrap_or(0);
            }
            Made::Batch(batch) => self.bytes += batch.read.bytes as u64,
            Made::Raw(bytes) => self.bytes += bytes.len() as u64,
            _ => {}
        }
    }

    /// Goes back to before the input that is to be read on: how many are passed by whole, and how many bytes of the
    /// next.
    pub fn go_back(&mut self) -> (usize, u64) {
        self.inputs = self.inputs.saturating_sub(1);
        self.passed_by = Some(self.bytes);
        (self.inputs, self.bytes)
    }

    /// As it is saved.
    pub fn text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

impl Head {
    fn of(inputs: &[Input], bytes: u64) -> io::Result<Head> {
        let mut start = Vec::new();
        if let Some(input @ Input::File(_)) = inputs.first() {
            // Of a pipe it would be gone.
            if input.is_regular() {
                input.open_unpacked()?.take(bytes).read_to_end(&mut start)?;
            }
        }
        Ok(Head {
            bytes: start.len() as u64,
            sha256: sha256(&start),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_same_run_goes_on_and_another_begins() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("in");
        fs::write(&file, "one\n").unwrap();
        let inputs = [Input::File(file.clone())];
        let begin =
            |inputs: &[Input], out: &str| Position::new(inputs, Path::new(out), None).unwrap();
        let saved = Position {
            inputs: 1,
            bytes: 4,
            out: 9,
            ..begin(&inputs, "out")
        };
        let text = saved.text().unwrap();
        // It has grown meanwhile.
        fs::write(&file, "one\ntwo\n").unwrap();
        let resumed = begin(&inputs, "out").resume(Some(&text), &inputs).unwrap();
        assert_eq!((resumed.inputs, resumed.bytes, resumed.out), (1, 4, 9));
        for (inputs, out, saved) in [
            (&inputs[..], "other", Some(&*text)),
            (&[Input::Stdin], "out", Some(&*text)),
            (&inputs, "out", None),
            (&inputs, "out", Some("nonsense")),
        ] {
            let begin = begin(inputs, out);
            assert_eq!(begin.clone().resume(saved, inputs), Ok(begin));
        }
        fs::write(&file, "another\n").unwrap();
        assert!(begin(&inputs, "out").resume(Some(&text), &inputs).is_err());
    }
}

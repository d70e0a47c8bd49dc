//! How far a run with `--resume` had come: which part of its inputs and outputs the state covers.
//!
//! Saved in one step with what the session remembered there. So whoever was killed goes on from the last saving as if
//! nothing had happened: what the outputs hold beyond it is cut off, half a line or a thousand, and made again. What is
//! passed by has to be what was read, as far as its beginning and its length tell.

use std::cmp::Ordering;
use std::fmt;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::checksum::sha256;
use crate::feed::Reading;
use crate::inputs::{Input, Source};
use crate::pipeline::Made;

/// Of each input so many bytes are known again.
pub const HEAD_BYTES: u64 = 4096;

const SHORTER: &str = "shorter than what the state covers";

/// What to do where a run cannot be gone on with.
const INSTEAD: &str = "leave --resume out to begin anew, or give another --state";

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    names: Outputs,
    /// The inputs that have been begun, in order. All but the last have been read to their end.
    begun: Vec<Begun>,
    /// Bytes of the output that are covered.
    pub out: u64,
    /// Bytes of the second output.
    pub suppressed: u64,
    /// The first [`HEAD_BYTES`] of the last input, or more than has been done of it.
    #[serde(skip)]
    start: Vec<u8>,
    /// The input that begins next is the last one, which is gone on with.
    #[serde(skip)]
    goes_on: bool,
    /// What was done last is a line without its end.
    #[serde(skip)]
    inside_line: bool,
}

/// What is written, as it was named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Outputs {
    out: String,
    /// `None` in mode annotate.
    suppressed: Option<String>,
}

/// An input of which something has been done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Begun {
    /// As it was named.
    name: String,
    /// Bytes that are covered, unpacked.
    bytes: u64,
    /// Of the first of these, at most [`HEAD_BYTES`].
    sha256: String,
}

impl Position {
    /// The beginning of a run that writes there.
    pub fn new(out: &Path, suppressed: Option<&Path>) -> Position {
        let shown = |path: &Path| path.display().to_string();
        Position {
            names: Outputs {
                out: shown(out),
                suppressed: suppressed.map(shown),
            },
            ..Position::default()
        }
    }

    /// Where `saved` was; `self`, the beginning, where nothing was saved. With what is to be read from there: what comes
    /// before has been read and compared, but no output has been looked at.
    ///
    /// # Errors
    /// It was not the same run, or an input is not what was read, in words.
    pub fn resume(
        self,
        saved: Option<&str>,
        mut inputs: Vec<Input>,
    ) -> Result<(Position, Reading), String> {
        let Some(saved) = saved else {
            return Ok((self, Reading::resumable(inputs, None)));
        };
        let saved: Position = serde_json::from_str(saved).map_err(|error| {
            format!("how far the run had come cannot be read from the state ({error}): {INSTEAD}")
        })?;
        saved.is_of(&self.names, &inputs)?;
        let named = |begun: &Begun, error| format!("{}: {error}", begun.name);
        let Some((last, ended)) = saved.begun.split_last() else {
            return Ok((saved, Reading::resumable(inputs, None)));
        };
        let rest = inputs.split_off(ended.len());
        for (begun, input) in ended.iter().zip(&inputs) {
            let passed = begun.has_ended(input);
            passed.map_err(|error| named(begun, error))?;
        }
        let opened = rest.first().map(|input| last.pass_by(input)).transpose();
        let opened = opened.map_err(|error| named(last, error))?;
        let (source, start) = opened.unzip();
        let begun = source.map(|source| (source, last.bytes));
        Ok((
            Position {
                goes_on: begun.is_some(),
                start: start.unwrap_or_default(),
                ..saved
            },
            Reading::resumable(rest, begun),
        ))
    }

    /// Whether these are its names; inputs may have been added at the end.
    fn is_of(&self, names: &Outputs, inputs: &[Input]) -> Result<(), String> {
        let other = |index: usize, name: &str| match inputs.get(index).map(Input::shown) {
            Some(given) if given == name => None,
            Some(given) => Some(format!("reads {given} there")),
            None => Some(format!("has only {index}")),
        };
        let differs = self.begun.iter().enumerate().find_map(|(index, begun)| {
            let is = other(index, &begun.name)?;
            Some((format!("read {} as input {}", begun.name, index + 1), is))
        });
        let (was, is) = match differs {
            _ if self.names != *names => (self.names.to_string(), names.to_string()),
            Some(differs) => differs,
            None => return Ok(()),
        };
        Err(format!(
            "the state is of another run, which {was}; this one {is}: {INSTEAD}"
        ))
    }

    /// So much more has been done.
    pub fn add(&mut self, made: &Made) {
        match made {
            Made::Begin(_) if self.goes_on => self.goes_on = false,
            Made::Begin(name) => {
                self.start.clear();
                self.begun.push(Begun::new(name));
            }
            Made::Head(bytes) => self.start.extend_from_slice(bytes),
            Made::Batch(batch) => self.advance(batch.read.bytes, batch.read.unended),
            Made::Raw(bytes) => self.advance(bytes.len(), !bytes.ends_with(b"\n")),
            _ => {}
        }
    }

    fn advance(&mut self, bytes: usize, unended: bool) {
        let Some(last) = self.begun.last_mut() else {
            return;
        };
        let head_grows = last.bytes < HEAD_BYTES;
        last.bytes += bytes as u64;
        if head_grows {
            last.sha256 = sha256(&self.start[..last.head_bytes().min(self.start.len())]);
        }
        self.inside_line = unended;
    }

    /// Whether a line has been done whose end has not come, which may be half a record. What is saved has to stay what it
    /// was before that line, so that the next run does it again, whole.
    pub fn is_inside_line(&self) -> bool {
        self.inside_line
    }

    /// As it is saved.
    pub fn text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

impl fmt::Display for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.suppressed {
            Some(suppressed) => write!(f, "filters to {} and {suppressed}", self.out),
            None => write!(f, "annotates to {}", self.out),
        }
    }
}

impl Begun {
    fn new(name: &str) -> Begun {
        Begun {
            name: name.to_owned(),
            bytes: 0,
            sha256: sha256(b""),
        }
    }

    fn head_bytes(&self) -> usize {
        // At most HEAD_BYTES, which fits.
        usize::try_from(self.bytes.min(HEAD_BYTES)).unwrap_or(usize::MAX)
    }

    /// Opens the input behind what is covered of it. With its first bytes.
    fn pass_by(&self, input: &Input) -> io::Result<(Source, Vec<u8>)> {
        let (mut source, start) = self.open(input)?;
        let left = self.bytes - start.len() as u64;
        if io::copy(&mut source.by_ref().take(left), &mut io::sink())? < left {
            return Err(other(SHORTER));
        }
        Ok((source, start))
    }

    /// Opens the input behind its first bytes, which are those that were read.
    fn open(&self, input: &Input) -> io::Result<(Source, Vec<u8>)> {
        let mut source = input.open_unpacked()?;
        let mut start = Vec::new();
        let bytes = self.head_bytes();
        source.by_ref().take(bytes as u64).read_to_end(&mut start)?;
        if start.len() < bytes {
            return Err(other(SHORTER));
        }
        if sha256(&start) != self.sha256 {
            return Err(other("not the one that was begun"));
        }
        Ok((source, start))
    }

    /// Whether that input has ended where it did. Of a packed file only the beginning is looked at: to unpack all that
    /// has ever been read would take longer each day.
    fn has_ended(&self, input: &Input) -> io::Result<()> {
        let bytes = if input.is_regular() {
            self.open(input)?;
            input.bytes().unwrap_or(self.bytes)
        } else {
            let (source, _) = self.pass_by(input)?;
            self.bytes + io::copy(&mut source.take(1), &mut io::sink())?
        };
        match bytes.cmp(&self.bytes) {
            Ordering::Less => Err(other(SHORTER)),
            Ordering::Equal => Ok(()),
            Ordering::Greater => Err(other("has grown after the input behind it was begun")),
        }
    }
}

fn other(what: &str) -> io::Error {
    io::Error::other(format!("{what}: {INSTEAD}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_same_run_goes_on_and_another_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two, three, gone] = ["one", "two", "three", "gone"].map(|name| {
            fs::write(folder.path().join(name), name.to_owned() + "\n").unwrap();
            Input::File(folder.path().join(name))
        });
        fs::remove_file(folder.path().join("gone")).unwrap();
        let mut saved = Position::new(Path::new("out"), None);
        for input in [&one, &two] {
            saved.add(&Made::Begin(input.shown()));
            saved.add(&Made::Head(b"one\nxyz"[..4].to_owned()));
            saved.add(&Made::Raw(b"one\n".to_vec()));
        }
        saved.begun[1].sha256 = sha256(b"two\n");
        let text = saved.text().unwrap();
        let begin =
            |out: &str, gone: Option<&str>| Position::new(Path::new(out), gone.map(Path::new));
        // Where inputs were added at the end, and where those there are have grown at the end.
        fs::write(folder.path().join("two"), "two\nmore\n").unwrap();
        for more in [vec![], vec![three.clone()], vec![gone.clone()]] {
            let inputs = [vec![one.clone(), two.clone()], more.clone()].concat();
            let (resumed, reading) = begin("out", None).resume(Some(&text), inputs).unwrap();
            assert_eq!(resumed.begun, saved.begun);
            assert_eq!(reading.inputs, [vec![two.clone()], more].concat());
            let (mut source, bytes) = reading.begun.unwrap();
            let mut rest = String::new();
            source.read_to_string(&mut rest).unwrap();
            assert_eq!((&*rest, bytes), ("more\n", 4));
        }
        let both = [one.clone(), two.clone()];
        for (inputs, out, suppressed) in [
            (&both[..], "other", None),
            (&both, "out", Some("gone")),
            (&both[..1], "out", None),
            (&both[1..], "out", None),
            (&[two.clone(), one.clone()], "out", None),
            (&[one.clone(), gone.clone()], "out", None),
            (&[Input::Stdin, two.clone()], "out", None),
        ] {
            let refused = begin(out, suppressed).resume(Some(&text), inputs.to_vec());
            let problem = refused.err().unwrap();
            for part in ["another run", INSTEAD] {
                assert!(problem.contains(part), "{problem}");
            }
        }
        // Nothing saved is the beginning; what cannot be read is not.
        let (fresh, reading) = begin("out", None).resume(None, both.to_vec()).unwrap();
        assert_eq!((fresh, reading.inputs), (begin("out", None), both.to_vec()));
        let refused = begin("out", None).resume(Some("nonsense"), both.to_vec());
        assert!(refused.err().unwrap().contains(INSTEAD));
        // The first was passed by, the second is gone on with.
        for (name, text_now, said) in [
            ("one", "one\nmore\n", "one: has grown after"),
            ("one", "on\n", "one: shorter than"),
            ("one", "two\n", "one: not the one that was begun"),
            ("two", "one\n", "two: not the one that was begun"),
            ("two", "tw", "two: shorter than"),
        ] {
            let path = folder.path().join(name);
            let before = fs::read(&path).unwrap();
            fs::write(&path, text_now).unwrap();
            let refused = begin("out", None).resume(Some(&text), both.to_vec());
            let problem = refused.err().unwrap();
            assert!(problem.contains(said), "{problem}");
            fs::write(&path, before).unwrap();
        }
    }

    #[test]
    fn a_head_is_that_of_what_is_covered() {
        let mut position = Position::new(Path::new("out"), None);
        position.add(&Made::Begin("in".to_owned()));
        // It is ahead of what has been done.
        let start = [b"one\ntwo\n".to_vec(), vec![b'x'; 5000]].concat();
        position.add(&Made::Head(start[..4096].to_vec()));
        for (bytes, covered, inside) in [
            (&b"one\n"[..], 4, false),
            (b"two", 7, true),
            (b"\n", 8, false),
            (&start[8..], 4096, true),
            (b"more\n", 4096, false),
        ] {
            position.add(&Made::Raw(bytes.to_vec()));
            assert_eq!(position.begun[0].sha256, sha256(&start[..covered]));
            assert_eq!(position.is_inside_line(), inside);
        }
    }
}

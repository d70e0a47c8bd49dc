//! What to read: file names, glob patterns and `-`, in the order given.

use std::fs::{self, File};
use std::io::{self, BufReader, Cursor, ErrorKind, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::terminal::say;

/// What gzip begins with, and no text does.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Bytes of gzip that are unpacked at a time.
const PACKED_BYTES: usize = 256 << 10;

/// What is read from.
pub type Source = Box<dyn Read + Send>;

/// One thing to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file, or whatever else can be opened by a name.
    File(PathBuf),
}

impl Input {
    /// The name for messages.
    pub fn shown(&self) -> String {
        match self {
            Input::Stdin => "standard input".to_owned(),
            Input::File(path) => path.display().to_string(),
        }
    }

    /// Opens it. Standard input is not buffered further: one read gives what a pipe holds.
    pub fn open(&self) -> io::Result<Source> {
        Ok(match self {
            Input::Stdin => Box::new(io::stdin()),
            Input::File(path) => Box::new(File::open(path)?),
        })
    }

    /// The same, unpacked where it is gzip. A packed input that is damaged gives what was in it so far, and then fails.
    pub fn open_unpacked(&self) -> io::Result<Source> {
        unpacked(self.open()?)
    }

    /// Whether it is a file that can be read again.
    pub fn is_regular(&self) -> bool {
        match self {
            Input::Stdin => false,
            Input::File(path) => fs::metadata(path).is_ok_and(|about| about.is_file()),
        }
    }

    /// How many bytes it holds, where that is known: of a pipe, a terminal and what is packed it is not.
    pub fn bytes(&self) -> Option<u64> {
        let Input::File(path) = self else {
            return None;
        };
        let about = fs::metadata(path).ok()?;
        (about.is_file() && !self.is_gzip()).then_some(about.len())
    }

    /// Whether this is the file at `path`, under whatever name; standard input can be a file as well.
    pub fn is_file(&self, path: &Path) -> bool {
        let own = match self {
            Input::Stdin => io::stdin()
                .as_fd()
                .try_clone_to_owned()
                .and_then(|stdin| File::from(stdin).metadata()),
            Input::File(own) => fs::metadata(own),
        };
        match (own, fs::metadata(path)) {
            (Ok(own), Ok(other)) => own.is_file() && same_file(&own, &other),
            _ => false,
        }
    }

    /// Whether a file holds gzip.
    fn is_gzip(&self) -> bool {
        let Input::File(path) = self else {
            return false;
        };
        // A pipe has a name too at times, and what is read from it is gone.
        let mut start = [0; GZIP.len()];
        self.is_regular()
            && File::open(path).is_ok_and(|mut file| file.read_exact(&mut start).is_ok())
            && start == GZIP
    }
}

/// A source, unpacked if its first two bytes say that it is gzip.
fn unpacked(mut source: Source) -> io::Result<Source> {
    let (mut start, mut filled) = ([0; GZIP.len()], 0);
    // On a pipe the second byte is waited for only where the first is gzip's.
    while filled < GZIP.len() && start[..filled] == GZIP[..filled] {
        match source.read(&mut start[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let whole = Cursor::new(start[..filled].to_vec()).chain(source);
    Ok(if start[..filled] == GZIP {
        Box::new(MultiGzDecoder::new(BufReader::with_capacity(
            PACKED_BYTES,
            whole,
        )))
    } else {
        Box::new(whole)
    })
}

/// What is wrong with each input where not one of them is there; `None` where at least one is.
pub fn none_exists(inputs: &[Input]) -> Option<Vec<String>> {
    let missing = |input: &Input| match input {
        Input::Stdin => None,
        Input::File(path) => fs::metadata(path)
            .err()
            .map(|error| format!("{}: {error}", path.display())),
    };
    inputs.iter().map(missing).collect()
}

/// Whether two names lead to one file that exists.
pub fn same(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => one.is_file() && same_file(&one, &other),
        _ => one == other,
    }
}

/// Whether both are one file, also by way of a hard link.
fn same_file(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// The inputs behind the arguments, and whether each argument led to one. What did not has been said.
///
/// No argument means standard input. A name that exists is taken as it stands, also where it reads like a pattern.
pub fn expand(arguments: &[String]) -> (Vec<Input>, bool) {
    if arguments.is_empty() {
        return (vec![Input::Stdin], true);
    }
    let mut inputs = Vec::new();
    let mut all = true;
    for argument in arguments {
        if argument == "-" {
            inputs.push(Input::Stdin);
        } else if !argument.contains(['*', '?', '[']) || Path::new(argument).exists() {
            inputs.push(Input::File(argument.into()));
        } else {
            match matches(argument) {
                Ok(paths) => inputs.extend(paths.into_iter().map(Input::File)),
                Err(problem) => {
                    say(&format!("{argument}: {problem}"));
                    all = false;
                }
            }
        }
    }
    (inputs, all)
}

/// The files that match, in alphabetical order: names with a date in them then come in order of time.
fn matches(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let found = glob::glob(pattern).map_err(|error| format!("not a pattern: {}", error.msg))?;
    let mut paths = Vec::new();
    for path in found {
        let path = path.map_err(|error| error.to_string())?;
        if !path.is_dir() {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err("no file matches".to_owned());
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_become_inputs_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        for name in ["b.ndjson", "a.ndjson", "odd[1].ndjson"] {
            fs::write(at(name), "").unwrap();
        }
        let file = |name: &str| Input::File(at(name).into());
        for (arguments, inputs, all) in [
            (vec![], vec![Input::Stdin], true),
            (
                vec!["-".to_owned(), at("a.ndjson")],
                vec![Input::Stdin, file("a.ndjson")],
                true,
            ),
            (
                vec![at("?.ndjson")],
                vec![file("a.ndjson"), file("b.ndjson")],
                true,
            ),
            (vec![at("odd[1].ndjson")], vec![file("odd[1].ndjson")], true),
            (
                vec![at("none*"), at("a.ndjson")],
                vec![file("a.ndjson")],
                false,
            ),
            // That it is missing shows when it is opened.
            (vec![at("missing")], vec![file("missing")], true),
        ] {
            assert_eq!(expand(&arguments), (inputs, all), "{arguments:?}");
        }
    }
}

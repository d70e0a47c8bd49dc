//! Where lines go: a file or standard output, and what it means when one cannot be written.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::Ending;
use crate::terminal::say;

/// Why nothing more is written.
pub enum Stop {
    /// Whoever read the output has had enough: nothing is wrong.
    ReaderGone,
    /// An output could not be written: its name and what went wrong.
    Writing(String, io::Error),
}

impl Stop {
    /// Says what went wrong, where something did; how the program ends with it.
    pub fn say(&self) -> Ending {
        match self {
            Stop::ReaderGone => Ending::Done,
            Stop::Writing(name, error) if error.kind() == ErrorKind::BrokenPipe => {
                say(&format!("{name}: nobody reads it any more"));
                Ending::Failed
            }
            Stop::Writing(name, error) => {
                say(&format!("{name}: {error}"));
                Ending::Failed
            }
        }
    }
}

/// Where lines go.
pub struct Output {
    name: String,
    sink: Box<dyn Write>,
    /// The last byte written was not a line end.
    unended: bool,
    /// A line end is due before the next byte.
    line_end_due: bool,
    /// Whether its reader may leave without that being a failure.
    may_be_left: bool,
    /// The file, where it is one.
    file: Option<File>,
    /// Bytes in it, or written to it where it is no file.
    bytes: u64,
}

impl Output {
    /// A file, which is emptied if there is one of that name.
    ///
    /// # Errors
    /// It cannot be opened, which has been said.
    pub fn create(path: &Path) -> Result<Output, Ending> {
        let name = path.display().to_string();
        match File::create(path) {
            Ok(file) => Ok(Output::new(name, file)),
            Err(error) => {
                say(&format!("{name}: {error}"));
                Err(Ending::Failed)
            }
        }
    }

    /// A file of which the first `bytes` stay and the rest is cut off.
    ///
    /// # Errors
    /// It cannot be opened, or is shorter than that, which has been said.
    pub fn resume(path: &Path, bytes: u64) -> Result<Output, Ending> {
        let name = path.display().to_string();
        cut(path, bytes)
            .and_then(|(file, unended)| {
                Ok(Output {
                    file: Some(file.try_clone()?),
                    bytes,
                    unended,
                    ..Output::new(name.clone(), file)
                })
            })
            .map_err(|error| {
                say(&format!("{name}: {error}"));
                Ending::Failed
            })
    }

    /// Bytes in the file, or written where it is no file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Sees to it that what was written outlives a power cut.
    ///
    /// # Errors
    /// The disk says that it does not; with the name.
    pub fn sync(&self) -> Result<(), String> {
        match &self.file {
            Some(file) => file
                .sync_data()
                .map_err(|error| format!("{}: {error}", self.name)),
            None => Ok(()),
        }
    }

    /// Standard output.
    pub fn stdout() -> Output {
        Output::new("standard output".to_owned(), io::stdout().lock())
    }

    /// The same, and its reader may leave without that being a failure.
    #[must_use]
    pub fn that_may_be_left(self) -> Output {
        Output {
            may_be_left: true,
            ..self
        }
    }

    fn new(name: String, sink: impl Write + 'static) -> Self {
        Output {
            name,
            sink: Box::new(sink),
            unended: false,
            line_end_due: false,
            may_be_left: false,
            file: None,
            bytes: 0,
        }
    }

    /// The last line of a file may lack its line end. Where another file follows, one is put between, or two
    /// records would become one line that nobody can read.
    pub fn next_input(&mut self) {
        self.line_end_due = self.unended;
    }

    /// Writes and flushes: a record that has been read should not wait in a buffer.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let Some(last) = bytes.last() else {
            return Ok(());
        };
        let due: &[u8] = if self.line_end_due { b"\n" } else { b"" };
        self.bytes += (due.len() + bytes.len()) as u64;
        self.line_end_due = false;
        self.unended = *last != b'\n';
        let written = self
            .sink
            .write_all(due)
            .and_then(|()| self.sink.write_all(bytes))
            .and_then(|()| self.sink.flush());
        written.map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe if self.may_be_left => Stop::ReaderGone,
            _ => Stop::Writing(self.name.clone(), error),
        })
    }
}

/// Opens a file behind its first `bytes`, and says whether the line there has no end. What is no file, such as
/// `/dev/null`, is opened as it is.
fn cut(path: &Path, bytes: u64) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    let mut file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Ok((file, false));
    }
    if about.len() < bytes {
        let what = format!(
            "has {} bytes, and the state covers {bytes}: leave --resume out to begin anew",
            about.len()
        );
        return Err(io::Error::other(what));
    }
    file.set_len(bytes)?;
    let mut last = [b'\n'];
    if bytes > 0 {
        file.seek(SeekFrom::Start(bytes - 1))?;
        file.read_exact(&mut last)?;
    }
    Ok((file, last != *b"\n"))
}

//! A file to which whole lines are added: a second output, or lines on which the transform failed.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::de::IgnoredAny;

use crate::stream::LINE_BYTES_MAX;

/// Where half a line is looked for: no line that is written is longer.
const TAIL_BYTES: u64 = 4 * LINE_BYTES_MAX as u64;

/// A file to which whole lines are added.
pub struct LineFile {
    file: File,
    path: PathBuf,
}

impl LineFile {
    /// Opens it, or makes it, for its owner only: it holds whole records.
    ///
    /// # Errors
    /// It cannot be written to, or is a pipe, which nobody may read.
    pub fn open(path: &Path) -> Result<LineFile> {
        let named = || path.display().to_string();
        let is_pipe = path
            .metadata()
            .is_ok_and(|about| about.file_type().is_fifo());
        ensure!(!is_pipe, "{}: is a pipe", named());
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let mut file = options.open(path).with_context(named)?;
        mend(&mut file).with_context(named)?;
        Ok(LineFile {
            file,
            path: path.to_owned(),
        })
    }

    /// Adds lines, all or none. Where another file, or none, stands in its place since, as after it was rotated, they
    /// go to that one.
    ///
    /// # Errors
    /// It cannot be written to; with its name.
    pub fn append(&mut self, lines: &[u8]) -> Result<()> {
        let identity = |about: Metadata| (about.dev(), about.ino());
        let there = fs::metadata(&self.path).map(identity).ok();
        if there != self.file.metadata().map(identity).ok() {
            *self = LineFile::open(&self.path)?;
        }
        let before = self.file.metadata().map(|about| about.len());
        let written = self.file.write_all(lines).and_then(|()| self.file.flush());
        if written.is_err()
            && let Ok(before) = before
        {
            // Half of them would stand before the whole when they come again.
            let _ = self.file.set_len(before);
        }
        written.with_context(|| self.path.display().to_string())
    }
}

/// Whoever was killed while writing leaves half a line. It is cut off: what it was part of was not reported as written,
/// and comes again. A record that lacks its line end only is given it, and so is what cannot have been one.
fn mend(file: &mut File) -> io::Result<()> {
    let about = file.metadata()?;
    if !about.is_file() {
        return Ok(());
    }
    let from = about.len().saturating_sub(TAIL_BYTES);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.read_to_end(&mut tail)?;
    let begin = memchr::memrchr(b'\n', &tail).map_or(0, |end| end + 1);
    let last = &tail[begin..];
    let is_half = last.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(last).is_err();
    match last {
        [] => Ok(()),
        _ if is_half && (begin > 0 || from == 0) => file.set_len(from + begin as u64),
        _ => file.write_all(b"\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_that_was_moved_away_or_removed_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let [path, moved] = ["noise", "noise.1"].map(|name| folder.path().join(name));
        let mut file = LineFile::open(&path).unwrap();
        file.append(b"a\n").unwrap();
        fs::rename(&path, &moved).unwrap();
        file.append(b"b\n").unwrap();
        fs::remove_file(&path).unwrap();
        file.append(b"c\n").unwrap();
        file.append(b"d\n").unwrap();
        let read = |path| fs::read_to_string(path).unwrap();
        assert_eq!((&*read(&moved), &*read(&path)), ("a\n", "c\nd\n"));
    }

    #[test]
    fn lines_are_added_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("noise");
        LineFile::open(&path).unwrap().append(b"a\n").unwrap();
        for (before, after) in [
            ("a\n{\"torn", "a\nb\n"),
            ("{\"torn", "b\n"),
            ("a\n{\"whole\":1}", "a\n{\"whole\":1}\nb\n"),
            ("a\nanother's", "a\nanother's\nb\n"),
            ("a\n", "a\nb\n"),
        ] {
            fs::write(&path, before).unwrap();
            LineFile::open(&path).unwrap().append(b"b\n").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), after);
        }
        LineFile::open(Path::new("/dev/null"))
            .unwrap()
            .append(b"c\n")
            .unwrap();
        assert!(LineFile::open(folder.path()).is_err());
        let full = LineFile::open(Path::new("/dev/full"))
            .unwrap()
            .append(b"d\n");
        assert!(format!("{:#}", full.unwrap_err()).contains("/dev/full"));
    }
}

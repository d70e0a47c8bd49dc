//! A second output that is a file.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// A file to which whole lines are added.
pub struct SecondFile {
    file: File,
    path: PathBuf,
}

impl SecondFile {
    /// Opens it, or makes it, for its owner only: it holds whole records.
    ///
    /// # Errors
    /// It cannot be written to, or is a pipe, which nobody may read.
    pub fn open(path: &Path) -> Result<SecondFile> {
        let named = || path.display().to_string();
        let is_pipe = path
            .metadata()
            .is_ok_and(|about| about.file_type().is_fifo());
        ensure!(!is_pipe, "{}: is a pipe", named());
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let mut file = options.open(path).with_context(named)?;
        // Whoever was killed while writing leaves half a line; the next must not be glued to it.
        let mut last = [b'\n'];
        let about = file.metadata().with_context(named)?;
        if about.is_file() && about.len() > 0 {
            file.seek(SeekFrom::End(-1)).with_context(named)?;
            file.read_exact(&mut last).with_context(named)?;
        }
        if last != *b"\n" {
            file.write_all(b"\n").with_context(named)?;
        }
        Ok(SecondFile {
            file,
            path: path.to_owned(),
        })
    }

    /// Adds lines, all or none.
    ///
    /// # Errors
    /// It cannot be written to; with its name.
    pub fn append(&mut self, lines: &[u8]) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn lines_are_added_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("noise");
        SecondFile::open(&path).unwrap().append(b"a\n").unwrap();
        fs::write(&path, "a\n{\"torn").unwrap();
        SecondFile::open(&path).unwrap().append(b"b\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\n{\"torn\nb\n");
        SecondFile::open(Path::new("/dev/null"))
            .unwrap()
            .append(b"c\n")
            .unwrap();
        assert!(SecondFile::open(folder.path()).is_err());
        let full = SecondFile::open(Path::new("/dev/full"))
            .unwrap()
            .append(b"d\n");
        assert!(format!("{:#}", full.unwrap_err()).contains("/dev/full"));
    }
}

//! The file that `--state` names: what the session remembers, between runs.
//!
//! Written next to its place and moved there in one step, so that a crash leaves the old one; readable by its owner
//! only, because it holds whole lines where records wait.

use std::fmt;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A state file.
pub struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// The file at `path`, whether or not it exists.
    pub fn new(path: &Path) -> StateFile {
        StateFile {
            path: path.to_owned(),
        }
    }

    /// What it holds; `None` where there is no such file yet.
    ///
    /// # Errors
    /// It cannot be read; in words, with its name.
    pub fn load(&self) -> Result<Option<String>, String> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.problem(&error)),
        }
    }

    /// Whether it will be possible to save, found out before anything is read: a run that cannot keep what it holds
    /// back must not begin.
    ///
    /// # Errors
    /// Its folder cannot be written to; in words, with its name.
    pub fn check(&self) -> Result<(), String> {
        // A pipe would be waited for without end.
        if fs::metadata(&self.path).is_ok_and(|about| !about.is_file()) {
            return Err(self.problem(&"not a regular file"));
        }
        let made = tempfile::NamedTempFile::new_in(self.folder());
        made.map(drop).map_err(|error| self.problem(&error))
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// Puts `text` in its place.
    ///
    /// # Errors
    /// It cannot be written; in words, with its name. What was there before is still there.
    pub fn save(&self, text: &str) -> Result<(), String> {
        // Made with mode 0600.
        tempfile::NamedTempFile::new_in(self.folder())
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.as_file().sync_all()?;
                file.persist(&self.path).map_err(|failed| failed.error)?;
                Ok(())
            })
            .map_err(|error| self.problem(&error))
    }

    /// What is wrong with it, with its name.
    pub fn problem(&self, what: &dyn fmt::Display) -> String {
        format!("{}: {what}", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_loaded_and_nobody_else_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let file = StateFile::new(&path);
        assert_eq!(file.load(), Ok(None));
        for text in ["one", "two"] {
            file.save(text).unwrap();
            assert_eq!(file.load(), Ok(Some(text.to_owned())));
        }
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let nowhere = StateFile::new(&folder.path().join("no/such/state"));
        assert!(nowhere.save("x").unwrap_err().contains("no/such/state"));
        assert!(nowhere.check().unwrap_err().contains("no/such/state"));
        assert!(file.check().is_ok());
        assert!(StateFile::new(folder.path()).load().is_err());
    }
}

//! The file that `--state` names: what the session remembers, between runs.
//!
//! ```text
//! signin-triage-file <format> <bytes of what follows> <its SHA-256>
//! signin-triage-position {…}          only with run --resume
//! <lines that have not arrived, of serve> <snapshot>
//! ```
//! Written next to its place (`FILE.next`) and moved there in one step, so that whoever is killed leaves the old one. The
//! one before stays as `FILE.previous` and is taken where the last turns out to be damaged. `FILE.lock` is locked while a
//! program has it, and free once that has ended, however it did. All are readable by their owner only, because they hold
//! whole lines where records wait. Where the name is a link, all of them are beside what it leads to. A snapshot without
//! the first line, as another host saves it, is taken as well.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::checksum::sha256;
use crate::terminal::say;

const NAME: &str = "signin-triage-file";
const POSITION: &str = "signin-triage-position ";

/// Version of the format.
const FORMAT: u32 = 1;

/// How long the one who has the file is waited for: the one before, which is being stopped, may still be saving.
const LOCK_TRIES: u32 = 40;
const LOCK_STEP: Duration = Duration::from_millis(50);

/// Links that are followed from one to the next, as by the kernel: those that lead to each other never end.
const LINKS_MAX: u32 = 40;

/// A state file, which nobody else has while this is there.
pub struct StateFile {
    path: PathBuf,
    /// What is in its place is whole, so that it can become the previous one.
    is_whole: bool,
    _lock: File,
}

/// What a state file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// How far a run had come, as [`crate::position::Position`] writes it.
    pub position: Option<String>,
    /// What was remembered.
    pub state: String,
}

/// Why a file is not taken.
enum Refused {
    /// It is not what was written; the one before may be.
    Damaged(String),
    /// Anything else.
    Other(String),
}

impl StateFile {
    /// The file at `path`, whether or not it exists. Whether it will be possible to save is found out here, before
    /// anything is read: a run that cannot keep what it holds back must not begin.
    ///
    /// # Errors
    /// Its folder cannot be written to, or another program has it; in words, with its name.
    pub fn open(path: &Path) -> Result<StateFile, String> {
        let path = &behind_links(path);
        let named = |what: &dyn fmt::Display| named(path, what);
        // A pipe would be waited for without end.
        if fs::metadata(path).is_ok_and(|about| !about.is_file()) {
            return Err(named(&"not a regular file"));
        }
        let file = StateFile {
            path: path.clone(),
            is_whole: false,
            _lock: lock(path).map_err(|problem| named(&problem))?,
        };
        let made = file.make_next().map(drop);
        made.and_then(|()| fs::remove_file(file.beside("next")))
            .map_err(|error| named(&error))?;
        Ok(file)
    }

    /// What it holds; `None` where there is no such file yet. Where it is damaged, what the one before holds, which is
    /// said.
    ///
    /// # Errors
    /// It cannot be read; in words, with its name.
    pub fn load(&mut self) -> Result<Option<Saved>, String> {
        let refused = match read(&self.path) {
            Ok(saved) => {
                self.is_whole = saved.is_some();
                let previous = self.beside("previous");
                if saved.is_none() && previous.exists() {
                    say(&self.problem(&format!(
                        "not there, so nothing is remembered; {} is, and can be moved into its place",
                        previous.display()
                    )));
                }
                return Ok(saved);
            }
            Err(refused) => refused,
        };
        let problem = match refused {
            Refused::Other(problem) => return Err(self.problem(&problem)),
            Refused::Damaged(problem) => problem,
        };
        match read(&self.beside("previous")) {
            Ok(Some(saved)) => {
                say(&self.problem(&format!(
                    "{problem}; {} is taken instead, and what was learnt after it is gone",
                    self.beside("previous").display()
                )));
                Ok(Some(saved))
            }
            _ => Err(self.problem(&format!(
                "{problem}; nor is there one before that can be taken. Move it away to begin anew"
            ))),
        }
    }

    /// Puts what is remembered in its place, with how far a run had come.
    ///
    /// # Errors
    /// It cannot be written; in words, with its name. What was there before is still there.
    pub fn save(&mut self, state: &str, position: Option<&str>) -> Result<(), String> {
        let position = position.map_or(String::new(), |text| format!("{POSITION}{text}\n"));
        let body = position + state;
        let head = format!(
            "{NAME} {FORMAT} {} {}\n",
            body.len(),
            sha256(body.as_bytes())
        );
        let next = self.beside("next");
        let written = self.make_next().and_then(|mut file| {
            file.write_all(head.as_bytes())?;
            file.write_all(body.as_bytes())?;
            file.sync_all()?;
            self.keep_previous()?;
            fs::rename(&next, &self.path)
        });
        if let Err(error) = written {
            let _ = fs::remove_file(&next);
            return Err(self.problem(&error));
        }
        self.is_whole = true;
        // That the name leads to it outlives a power cut too, where the file system can promise that.
        let _ = File::open(folder(&self.path)).and_then(|folder| folder.sync_all());
        Ok(())
    }

    /// Makes the file that will take its place, for its owner only. Whoever was killed may have left one: the name is
    /// always the same, and only who has the lock uses it.
    fn make_next(&self) -> io::Result<File> {
        let next = self.beside("next");
        match fs::remove_file(&next) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).open(next)
    }

    /// Lets what is in its place have a second name, under which it stays when it is replaced. One that is damaged
    /// does not push out one that is not.
    fn keep_previous(&self) -> io::Result<()> {
        if !self.is_whole {
            return Ok(());
        }
        let previous = self.beside("previous");
        match fs::remove_file(&previous) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Some file systems know no second names.
        fs::hard_link(&self.path, &previous)
            .or_else(|_| fs::copy(&self.path, &previous).map(drop))
            .or_else(|error| match error.kind() {
                // Somebody moved it away to begin anew.
                ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })
    }

    fn beside(&self, what: &str) -> PathBuf {
        beside(&self.path, what)
    }

    /// What is wrong with it, with its name.
    pub fn problem(&self, what: &dyn fmt::Display) -> String {
        named(&self.path, what)
    }
}

fn named(path: &Path, what: &dyn fmt::Display) -> String {
    format!("{}: {what}", path.display())
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    name.into()
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Where a name leads, whether or not there is a file yet: what is moved to the name of a link would take its place.
fn behind_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match fs::read_link(&path) {
            Ok(target) => path = folder(&path).join(target),
            Err(_) => break,
        }
    }
    path
}

/// Locks a file beside it: its own place is taken by another file each time it is saved.
fn lock(path: &Path) -> Result<File, String> {
    let beside = beside(path, "lock");
    let mut options = OpenOptions::new();
    let opened = options.write(true).create(true).mode(0o600).open(&beside);
    let file = opened.map_err(|error| format!("{}: {error}", beside.display()))?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_STEP),
            Err(TryLockError::Error(error)) => {
                return Err(format!("{}: {error}", beside.display()));
            }
        }
    }
    Err("another program has this state; one at a time".to_owned())
}

fn read(path: &Path) -> Result<Option<Saved>, Refused> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Refused::Other(error.to_string())),
    };
    let damaged = |what: &str| Refused::Damaged(what.to_owned());
    let Ok(text) = String::from_utf8(bytes) else {
        return Err(damaged("damaged: it is not text"));
    };
    let Some(rest) = text.strip_prefix(NAME) else {
        // A snapshot by itself, of which the component says what it thinks.
        let known = text.starts_with("signin-triage-state ")
            || text.starts_with("signin-triage-undelivered ");
        return if known {
            Ok(Some(Saved {
                position: None,
                state: text,
            }))
        } else {
            Err(damaged("not a state of signin-triage"))
        };
    };
    let (head, body) = rest
        .split_once('\n')
        .ok_or_else(|| damaged("damaged: cut off"))?;
    let words: Vec<&str> = head.split_whitespace().collect();
    let [format, bytes, sum] = words[..] else {
        return Err(damaged("damaged: its first line is not what was written"));
    };
    if let Ok(format) = format.parse::<u32>()
        && format != FORMAT
    {
        let problem = format!("written as {NAME} {format}, and this version reads {FORMAT}");
        return Err(Refused::Other(problem));
    }
    if bytes.parse() != Ok(body.len()) || sum != sha256(body.as_bytes()) {
        return Err(damaged("damaged: it is not what was written"));
    }
    let (position, state) = match body
        .strip_prefix(POSITION)
        .and_then(|rest| rest.split_once('\n'))
    {
        Some((position, state)) => (Some(position.to_owned()), state),
        None => (None, body),
    };
    Ok(Some(Saved {
        position,
        state: state.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(text: &str) -> Saved {
        Saved {
            position: None,
            state: text.to_owned(),
        }
    }

    #[test]
    fn what_was_saved_is_loaded_and_nobody_else_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let mut file = StateFile::open(&path).unwrap();
        assert_eq!(file.load(), Ok(None));
        for text in ["one", "two", "three"] {
            file.save(text, None).unwrap();
            assert_eq!(file.load(), Ok(Some(saved(text))));
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(
                entry.metadata().unwrap().permissions().mode() & 0o777,
                0o600
            );
            names.push(entry.file_name().into_string().unwrap());
        }
        names.sort();
        assert_eq!(names, ["state", "state.lock", "state.previous"]);
        let nowhere = StateFile::open(&folder.path().join("no/such/state"));
        assert!(nowhere.err().unwrap().contains("no/such/state"));
        assert!(StateFile::open(folder.path()).is_err());
        // With how far a run had come.
        file.save("four\nlines", Some("{}")).unwrap();
        let loaded = file.load().unwrap().unwrap();
        assert_eq!(
            (loaded.position.as_deref(), &*loaded.state),
            (Some("{}"), "four\nlines")
        );
    }

    #[test]
    fn where_the_last_is_damaged_the_one_before_is_taken_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let before = folder.path().join("state.previous");
        let mut file = StateFile::open(&path).unwrap();
        file.save("one", None).unwrap();
        assert!(!before.exists());
        file.save("two", None).unwrap();
        let good = fs::read(&path).unwrap();
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let head = good.iter().position(|byte| *byte == b'\n').unwrap();
        for damage in [
            &good[..good.len() - 1],
            &good[..head],
            &good[..5],
            b"",
            b"\xff",
            b"something else",
            &flipped,
            &[&good[..], b"x"].concat(),
        ] {
            fs::write(&path, damage).unwrap();
            file.is_whole = false;
            assert_eq!(file.load(), Ok(Some(saved("one"))), "{damage:?}");
            // What is saved next does not push it out.
            file.save("three", None).unwrap();
            assert_eq!(read(&before).ok(), Some(Some(saved("one"))));
            assert_eq!(file.load(), Ok(Some(saved("three"))));
        }
        // Neither is: refused, and left as they are.
        fs::write(&path, &flipped).unwrap();
        fs::write(&before, &flipped).unwrap();
        assert!(file.load().unwrap_err().contains("damaged"));
        assert_eq!(fs::read(&path).unwrap(), flipped);
        // Another format is nothing to guess about.
        let other = String::from_utf8(good).unwrap().replacen(" 1 ", " 2 ", 1);
        fs::write(&path, other).unwrap();
        assert!(file.load().unwrap_err().contains("signin-triage-file 2"));
        // Moved away to begin anew: the one before is not asked.
        fs::remove_file(&path).unwrap();
        assert_eq!(file.load(), Ok(None));
        file.save("four", None).unwrap();
    }

    #[test]
    fn a_link_stays_one_whether_or_not_it_leads_to_a_file() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("real")).unwrap();
        symlink("real/link", at("state")).unwrap();
        symlink("state", at("real/link")).unwrap();
        for text in ["one", "two"] {
            let mut file = StateFile::open(&at("state")).unwrap();
            file.load().unwrap();
            file.save(text, None).unwrap();
            let real = read(&at("real/state")).ok();
            assert_eq!(real, Some(Some(saved(text))));
        }
        assert!(at("state").is_symlink() && at("real/link").is_symlink());
        assert!(at("real/state.previous").exists() && !at("state.lock").exists());
        // In a ring.
        symlink("b", at("a")).unwrap();
        symlink("a", at("b")).unwrap();
        let ring = StateFile::open(&at("a"));
        assert!(ring.is_ok_and(|mut ring| ring.load().is_err()));
    }

    #[test]
    fn one_program_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let first = StateFile::open(&path).unwrap();
        let second = StateFile::open(&path);
        assert!(
            second
                .err()
                .unwrap()
                .contains("another program has this state")
        );
        drop(first);
        assert!(StateFile::open(&path).is_ok());
    }
}

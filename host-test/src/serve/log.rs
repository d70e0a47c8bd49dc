//! What is said of the neighbours: each thing when it happens, and then not more often than somebody can read it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::terminal::say;

/// Between two lines that say the same.
const AGAIN: Duration = Duration::from_mins(1);

/// Different lines that are said within that time. What a neighbour answers is its own choice.
const LINES_MAX: usize = 64;

/// See the module. Nothing that it is given may hold what a record holds.
#[derive(Default)]
pub struct Log(Mutex<Said>);

#[derive(Default)]
struct Said {
    lines: BTreeMap<String, Line>,
    /// It was said that records do not arrive.
    failing: bool,
    /// Requests that failed since it was said that records arrive.
    failed: u64,
}

/// When a line was said last.
struct Line {
    said: Instant,
    /// How often it would have been said since.
    unsaid: u64,
}

impl Log {
    /// Says what has happened. `detail` goes behind it, and is not looked at to tell whether that was said before.
    pub fn happened(&self, what: &str, detail: &str) {
        self.said().say(what, detail);
    }

    /// The records of a request have not arrived, and this is why.
    pub fn failed(&self, why: &str) {
        let mut said = self.said();
        said.failed += 1;
        let what = format!("records do not arrive, and their senders are told so: {why}");
        said.failing |= said.say(&what, "");
    }

    /// The records of a request have arrived.
    pub fn arrived(&self) {
        let mut said = self.said();
        if said.failing {
            let failed = std::mem::take(&mut said.failed);
            said.failing = false;
            say(&format!(
                "records arrive again; requests that failed: {failed}"
            ));
        }
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Said {
    /// Whether it was said.
    fn say(&mut self, what: &str, detail: &str) -> bool {
        let now = Instant::now();
        let recently = |line: &Line| now.duration_since(line.said) < AGAIN;
        let unsaid = match self.lines.get_mut(what) {
            Some(line) if recently(line) => {
                line.unsaid += 1;
                return false;
            }
            Some(line) => line.unsaid,
            None => 0,
        };
        if self.lines.len() >= LINES_MAX {
            self.lines.retain(|_, line| recently(line));
            if self.lines.len() >= LINES_MAX {
                return false;
            }
        }
        let line = Line {
            said: now,
            unsaid: 0,
        };
        self.lines.insert(what.to_owned(), line);
        let more = match unsaid {
            0 => String::new(),
            more => format!(" ({more} times more since this was said last)"),
        };
        say(&[what, detail, &more].concat());
        true
    }
}

//! Labels, flags and scores Microsoft Entra ID sign-in records in flight.
//!
//! A line of JSON goes in; the same line comes out with one member more that says how the sign-in ended and why,
//! whether the record is noise, and how suspicious it is. [`Session::process`] is the whole path, in the order of
//! the modules:
//!
//! bytes → [`input`] → [`classify`] → [`signals`] → [`score`] → [`noise`] → [`write`] → bytes
//!
//! What holds throughout, and the test that shows it:
//!
//! - Nothing is imported, so there is no clock, no network and no file (`host-test/tests/component.rs`).
//! - Every line leaves, in order, and what is not ours of it leaves byte for byte (`host-test/tests/laws.rs`).
//! - The same lines give the same bytes however they are cut into batches (`host-test/tests/laws.rs`).
//! - No bytes make it trap (`host-test/tests/laws.rs`).
//! - A text is accepted exactly when it is JSON (`input::json`).
//! - A failure, a denial, a risk, or a hit of medium weight is never marked as noise (`noise`).
//! - A signal changes nothing, so the order of signals does not matter (`signals`).
//! - Every default is in its range and names its source (`config`).

pub mod classify;
#[cfg(feature = "component")]
mod component;
pub mod config;
pub mod error;
pub mod input;
pub mod limits;
pub mod noise;
pub mod score;
pub mod signals;
pub mod stats;
pub mod time;
pub mod write;

pub use config::Config;
pub use stats::Counter;

use input::json::{Cursor, Span};

use input::{Scratch, Skip, View, lines, view};
use signals::{Case, Hit};
use stats::Stats;
use write::Decision;

/// A long-lived run over a stream of lines.
pub struct Session {
    config: Config,
    scratch: Scratch,
    hits: Vec<Hit>,
    stats: Stats,
}

/// What became of one batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The lines that stay in the stream, in order.
    pub kept: String,
    /// The lines that leave by the second output.
    pub suppressed: String,
    /// What was passed on unchanged, the first [`limits::REJECTED_MAX`] of a batch; these lines are part of `kept`.
    pub rejected: Vec<Rejected>,
}

/// A line, or an element of an envelope, that was passed on unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// Number of the line within the batch, from 1.
    pub line: u32,
    /// Why.
    pub reason: Skip,
}

impl Session {
    /// Opens a session.
    pub fn open(config: Config) -> Session {
        Session {
            config,
            scratch: Scratch::default(),
            hits: Vec::new(),
            stats: Stats::default(),
        }
    }

    /// Enriches a batch of whole lines. What cannot be read is passed on unchanged.
    pub fn process(&mut self, batch: &str) -> Outcome {
        let mut outcome = Outcome::default();
        // What is added to a record is mostly a fifth of it or less.
        outcome.kept.reserve(batch.len() + batch.len() / 4);
        for (line, number) in lines::split(batch).zip(1..) {
            let start = outcome.kept.len();
            outcome.kept.push_str(line.lead);
            let rejected = &mut |reason| {
                if outcome.rejected.len() < limits::REJECTED_MAX {
                    outcome.rejected.push(Rejected {
                        line: number,
                        reason,
                    });
                }
            };
            let records = self.stats.records();
            self.line(line.text, &mut outcome.kept, rejected);
            outcome.kept.push_str(line.tail);
            self.stats.line(
                line.lead.len() + line.text.len() + line.tail.len(),
                outcome.kept.len() - start,
                self.stats.records() > records,
            );
        }
        outcome
    }

    /// All counts since the session was opened, in a fixed order.
    pub fn stats(&self) -> Vec<Counter> {
        self.stats.counters()
    }

    /// One line: a record, or an envelope whose records are enriched in place.
    fn line(&mut self, text: &str, out: &mut String, rejected: &mut dyn FnMut(Skip)) {
        let start = out.len();
        let done = match self.object(text, out) {
            Ok(None) => Ok(()),
            Ok(Some(array)) => self.envelope(text, array, out, rejected),
            Err(skip) => Err(skip),
        };
        if let Err(skip) = done {
            out.truncate(start);
            out.push_str(text);
            self.reject(skip, rejected);
        }
    }

    /// The elements of the array at `array`, each enriched in its place. An empty one holds no sign-in.
    fn envelope(
        &mut self,
        text: &str,
        array: Span,
        out: &mut String,
        rejected: &mut dyn FnMut(Skip),
    ) -> Result<(), Skip> {
        let mut cursor = Cursor::starting_at(text, array.start);
        let mut first = true;
        cursor.value()?;
        if !cursor.element(&mut first)? {
            return Err(Skip::Empty);
        }
        let mut from = 0;
        loop {
            let element = cursor.skip()?;
            out.push_str(text.get(from..element.start).unwrap_or(""));
            from = element.end;
            let element = cursor.slice(element);
            // An envelope within an envelope is none of the known shapes.
            let done = self.object(element, out);
            if let Some(skip) = done.map_or_else(Some, |inner| inner.map(|_| Skip::NotSignIn)) {
                out.push_str(element);
                self.reject(skip, rejected);
            }
            if !cursor.element(&mut first)? {
                break;
            }
        }
        out.push_str(text.get(from..).unwrap_or(""));
        Ok(())
    }

    fn reject(&mut self, skip: Skip, rejected: &mut dyn FnMut(Skip)) {
        self.stats.rejected(skip);
        rejected(skip);
    }

    /// The path of one object. Writes it enriched, or writes nothing and returns the place of an envelope's array.
    fn object(&mut self, text: &str, out: &mut String) -> Result<Option<Span>, Skip> {
        if text.len() > limits::LINE_BYTES_MAX {
            return Err(Skip::TooLong);
        }
        let member = self.config.text(&config::MEMBER);
        let record = match view(text, member, &mut self.scratch)? {
            View::Record(record) => record,
            View::Envelope(array) => return Ok(Some(array)),
        };
        let class = classify::classify(&record);
        let case = Case {
            record: &record,
            class: &class,
            config: &self.config,
        };
        signals::check_all(&case, &mut self.hits);
        let score = score::total(&self.hits);
        let verdict = score::verdict(score, &self.config);
        let decision = Decision {
            record: &record,
            class: &class,
            noise: noise::decide(&case, &self.hits, verdict),
            score,
            verdict,
            hits: &self.hits,
        };
        write::record(out, text, record.layout(), member, &decision);
        self.stats.record(&decision, text.len());
        Ok(None)
    }
}

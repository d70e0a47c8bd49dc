//! The one session behind all connections, and what it is asked.

use std::fs::File;
use std::io::Write;

use anyhow::{Context, Result};
use tokio::sync::{mpsc, oneshot};

use super::undelivered::{LineKeys, Made, Undelivered};
use crate::plugin::{Counter, Session};
use crate::state_file::StateFile;
use crate::stream::{self, Stopped, Stretch};
use crate::terminal::say;

/// What the session is asked.
pub enum Job {
    /// Enrich these lines. An error is a second output that does not take them.
    Enrich(Vec<u8>, oneshot::Sender<Result<Enriched>>),
    /// The second output has what a request had for it.
    SuppressedArrived(u64),
    /// What came of a request has arrived downstream.
    Arrived(u64),
    /// It is not known to have, and its sender has been told.
    Failed(u64),
    /// All counts.
    Stats(oneshot::Sender<Vec<Counter>>),
    /// Save the state, where it has changed.
    Save,
}

/// What was made of the lines of one request.
pub struct Enriched {
    /// Number of the request, under which its lines are kept until they have arrived.
    pub request: u64,
    /// What goes downstream.
    pub kept: Vec<u8>,
    /// What goes to the second output, where that is not a file.
    pub suppressed: Vec<u8>,
}

/// The session, and what is kept until it has arrived.
pub struct Worker<'a> {
    session: Session<'a>,
    undelivered: Undelivered,
    /// The second output where it is a file.
    suppressed: Option<File>,
    state: Option<StateFile>,
    /// Something has changed since the state was saved.
    unsaved: bool,
    requests: u64,
}

impl<'a> Worker<'a> {
    /// `suppressed`: the second output where it is a file.
    pub fn new(
        session: Session<'a>,
        undelivered: Undelivered,
        suppressed: Option<File>,
        state: Option<StateFile>,
    ) -> Self {
        Worker {
            session,
            undelivered,
            suppressed,
            state,
            unsaved: false,
            requests: 0,
        }
    }

    /// Answers until nobody can ask any more.
    pub fn work(&mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.blocking_recv() {
            match job {
                Job::Stats(reply) => {
                    let _ = reply.send(self.stats());
                    continue;
                }
                Job::Save => {
                    if self.unsaved
                        && let Err(problem) = self.save()
                    {
                        say(&problem);
                    }
                    continue;
                }
                Job::Enrich(lines, reply) => {
                    let _ = reply.send(self.enrich(&lines));
                }
                Job::SuppressedArrived(request) => self.undelivered.suppressed_arrived(request),
                Job::Arrived(request) => self.undelivered.arrived(request),
                Job::Failed(request) => self.undelivered.failed(request),
            }
            self.unsaved = true;
        }
    }

    fn enrich(&mut self, lines: &[u8]) -> Result<Enriched> {
        self.requests += 1;
        let request = self.requests;
        let mut keys = LineKeys::default();
        let mut kept = Vec::with_capacity(lines.len() + lines.len() / 4);
        let mut suppressed = Vec::new();
        let Worker {
            session,
            undelivered,
            ..
        } = self;
        let read = stream::cut(lines, |stretch| {
            match stretch {
                Stretch::Lines(text) => {
                    for line in text.split_inclusive('\n') {
                        let key = keys.of(line);
                        let made = undelivered.take_over(request, key).unwrap_or_else(|| {
                            let made = made_of(session, line);
                            undelivered.keep(request, key, made.clone());
                            made
                        });
                        kept.extend_from_slice(made.kept.as_bytes());
                        suppressed.extend_from_slice(made.suppressed.as_bytes());
                    }
                }
                Stretch::Raw {
                    bytes,
                    why,
                    begins_line,
                } => {
                    session.pass_on(why, u64::from(begins_line), bytes.len());
                    kept.extend_from_slice(bytes);
                }
            }
            Ok::<(), std::convert::Infallible>(())
        });
        match read {
            Ok(()) => {}
            Err(Stopped::Reading(error)) => return Err(error.into()),
            Err(Stopped::Taking(never)) => match never {},
        }
        if let Some(file) = &mut self.suppressed
            && !suppressed.is_empty()
        {
            if let Err(error) = file.write_all(&suppressed).and_then(|()| file.flush()) {
                self.undelivered.failed(request);
                return Err(error).context("the file for suppressed records");
            }
            suppressed.clear();
            self.undelivered.suppressed_arrived(request);
        }
        Ok(Enriched {
            request,
            kept,
            suppressed,
        })
    }

    /// All counts: those of the session, and of what has not arrived.
    pub fn stats(&mut self) -> Vec<Counter> {
        let mut counters = self.session.stats();
        for (group, count) in [
            ("undelivered", self.undelivered.len() as u64),
            ("undelivered_forgotten", self.undelivered.forgotten()),
        ] {
            counters.push(Counter {
                group: group.to_owned(),
                name: String::new(),
                count,
            });
        }
        counters
    }

    /// Releases what the session holds: open roll-ups.
    pub fn drain(&mut self) -> String {
        self.session.drain().kept
    }

    /// Saves the state, where there is one to be saved.
    ///
    /// # Errors
    /// In words, with the name of the file.
    pub fn save(&mut self) -> Result<(), String> {
        let Some(state) = &self.state else {
            return Ok(());
        };
        let snapshot = self.session.snapshot().map_err(|error| error.to_string())?;
        let saved = self.undelivered.save(&snapshot);
        state.save(&saved.map_err(|error| error.to_string())?)?;
        self.unsaved = false;
        Ok(())
    }
}

fn made_of(session: &mut Session, line: &str) -> Made {
    let outcome = session.process(line);
    if let Some(trap) = &outcome.trap {
        let reason = trap.lines().next().unwrap_or_default();
        say(&format!(
            "the transform failed and a line went out unchanged: {reason}"
        ));
    }
    Made {
        kept: outcome.kept,
        suppressed: outcome.suppressed,
    }
}

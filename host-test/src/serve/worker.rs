//! The one session behind all connections, and what it is asked.

use std::convert::Infallible;
use std::fs::File;
use std::io::Write;

use anyhow::{Context, Result};
use tokio::sync::{mpsc, oneshot};

use crate::opened::Opened;
use crate::plugin::{Counter, Session};
use crate::stream::{self, Stretch};
use crate::terminal::say;
use crate::undelivered::{LineKeys, Made};

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

/// The session, what is kept until it has arrived, and a second output that is a file.
pub struct Worker<'a> {
    opened: Opened<'a>,
    suppressed: Option<File>,
    /// Something has changed since the state was saved.
    unsaved: bool,
    requests: u64,
}

impl<'a> Worker<'a> {
    /// `suppressed`: the second output where it is a file.
    pub fn new(opened: Opened<'a>, suppressed: Option<File>) -> Self {
        Worker {
            opened,
            suppressed,
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
                    if self.unsaved {
                        self.save();
                    }
                    continue;
                }
                Job::Enrich(lines, reply) => {
                    let _ = reply.send(self.enrich(&lines));
                }
                Job::SuppressedArrived(request) => {
                    self.opened.undelivered.suppressed_arrived(request);
                }
                Job::Arrived(request) => self.opened.undelivered.arrived(request),
                Job::Failed(request) => self.opened.undelivered.failed(request),
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
        let Opened {
            session,
            undelivered,
            ..
        } = &mut self.opened;
        let ended = stream::cut_whole(lines, |stretch| {
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
                Stretch::Raw { bytes, why, .. } => {
                    session.pass_on(why, 1, bytes.len());
                    kept.extend_from_slice(bytes);
                }
            }
            Ok::<(), Infallible>(())
        });
        let Ok(()) = ended;
        if let Some(file) = &mut self.suppressed
            && !suppressed.is_empty()
        {
            if let Err(error) = file.write_all(&suppressed).and_then(|()| file.flush()) {
                undelivered.failed(request);
                return Err(error).context("the file for suppressed records");
            }
            suppressed.clear();
            undelivered.suppressed_arrived(request);
        }
        Ok(Enriched {
            request,
            kept,
            suppressed,
        })
    }

    /// All counts: those of the session, and of what has not arrived.
    pub fn stats(&mut self) -> Vec<Counter> {
        let mut counters = self.opened.session.stats();
        for (group, count) in [
            ("undelivered", self.opened.undelivered.len() as u64),
            ("undelivered_forgotten", self.opened.undelivered.forgotten()),
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
        self.opened.session.drain().kept
    }

    /// Whether there is a state to be saved.
    pub fn has_state(&self) -> bool {
        self.opened.has_state()
    }

    /// Saves the state, where there is one. `false` after it has been said why that cannot be done.
    pub fn save(&mut self) -> bool {
        let saved = self.opened.save();
        self.unsaved &= !saved;
        saved
    }
}

fn made_of(session: &mut Session, line: &str) -> Made {
    let outcome = session.process(line);
    if let Some(reason) = outcome.trap_reason() {
        say(&format!(
            "the transform failed and a line went out unchanged: {reason}"
        ));
    }
    Made {
        kept: outcome.kept,
        suppressed: outcome.suppressed,
    }
}

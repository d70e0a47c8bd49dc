//! The one session behind all connections, and what it is asked.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Result;
use tokio::sync::{mpsc, oneshot};

use super::log::Log;
use crate::dead_letters::DeadLetters;
use crate::line_file::LineFile;
use crate::opened::Opened;
use crate::plugin::{Counter, Session};
use crate::promise::ROLLUP;
use crate::stream::{self, Stretch};
use crate::terminal::say;
use crate::undelivered::{Known, LineKeys, Made, Undelivered};

/// A line that is shorter holds no sign-in, which has a time, a user and a code. Such lines are passed through together and not
/// kept: a body may hold millions of them.
const RECORD_BYTES_MIN: usize = 40;

/// What our member says of a record that came before.
const DUPLICATE: &[u8] = br#""reason":"duplicate""#;

/// What the session is asked.
pub enum Job {
    /// Enrich these lines. An error is a second output that does not take them.
    Enrich(Vec<u8>, oneshot::Sender<Result<Enriched>>),
    /// The second output has what a request had for it.
    SuppressedArrived(u64),
    /// What came of a request has arrived downstream, but these lines, which it refused each by itself.
    Arrived(u64, Vec<u8>),
    /// It is not known to have, but for these lines, and its sender has been told to send it again.
    Failed(u64, Vec<u8>),
    /// Roll-ups that have not arrived, of about so many bytes.
    Rollups(usize, oneshot::Sender<String>),
    /// They have arrived or will never, or have to be sent again.
    RollupsSent(bool),
    /// All counts.
    Stats(oneshot::Sender<Vec<Counter>>),
    /// Save the state, where it has changed.
    Save,
    /// Nothing more will be answered.
    Stop,
}

/// What was made of the lines of one request.
pub struct Enriched {
    /// Number of the request, under which its lines are kept until they have arrived.
    pub request: u64,
    /// What goes downstream.
    pub kept: Vec<u8>,
    /// What goes to the second output, where that is not a file.
    pub suppressed: Vec<u8>,
    repeats: Repeats,
}

/// Lines of a request that came before.
#[derive(Default)]
struct Repeats {
    lines: usize,
    /// Of those, lines that had not arrived.
    undelivered: usize,
    /// Lines that were sent on before, and are labelled so.
    duplicates: usize,
}

impl Enriched {
    /// Adds what was made of a line; where there is no second output, nothing leaves for it.
    fn add(&mut self, made: &Made, has_second: bool) {
        self.kept.extend_from_slice(made.kept.as_bytes());
        let rest = if has_second {
            &mut self.suppressed
        } else {
            &mut self.kept
        };
        rest.extend_from_slice(made.suppressed.as_bytes());
    }
}

impl Repeats {
    /// Says what a sender did, where it did it with most of a request: single records come twice from everywhere.
    fn say(&self, log: &Log) {
        let Repeats {
            lines,
            undelivered,
            duplicates,
        } = *self;
        let count = format!("; lines of it: {}", undelivered.max(duplicates));
        if undelivered * 2 > lines {
            log.happened(
                "a request came again that had not arrived; its lines go on as before",
                &count,
            );
        } else if duplicates > 0 && duplicates == lines {
            log.happened(
                "a request came again that had arrived; its lines are labelled duplicate",
                &count,
            );
        }
    }
}

/// The session, what is kept until it has arrived, and a second output that is a file.
pub struct Worker<'a> {
    opened: Opened<'a>,
    suppressed: Option<LineFile>,
    /// Whether there is a second output at all.
    has_second: bool,
    letters: DeadLetters,
    log: Arc<Log>,
    /// Something has changed since the state was saved.
    unsaved: bool,
    requests: u64,
    /// Lines of which what was made was forgotten, sent on as they came.
    unlabelled: u64,
    save_failures: u64,
    /// Whether a sign-in has come, or it was said that none has.
    recognised: bool,
}

impl<'a> Worker<'a> {
    /// `suppressed`: the second output where it is a file. `has_second`: whether there is one at all.
    /// `letters` take what the transform fails on.
    pub fn new(
        opened: Opened<'a>,
        suppressed: Option<LineFile>,
        has_second: bool,
        letters: DeadLetters,
        log: Arc<Log>,
    ) -> Self {
        let requests = opened.undelivered.last_request();
        Worker {
            opened,
            suppressed,
            has_second,
            letters,
            log,
            unsaved: false,
            requests,
            unlabelled: 0,
            save_failures: 0,
            recognised: false,
        }
    }

    /// Answers until told to stop, or nobody can ask any more.
    pub fn work(&mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.blocking_recv() {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let now = now.map_or(0, |now| now.as_secs());
            self.opened.undelivered.it_is(now);
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
                Job::Stop => break,
                Job::Enrich(lines, reply) => {
                    let _ = reply.send(self.enrich(&lines));
                }
                Job::SuppressedArrived(request) => {
                    self.opened.undelivered.suppressed_arrived(request);
                }
                Job::Arrived(request, refused) => {
                    self.opened.undelivered.arrived(request, &refused);
                }
                Job::Failed(request, arrived) => {
                    self.opened.undelivered.failed(request, &arrived);
                }
                Job::Rollups(bytes, reply) => {
                    let _ = reply.send(self.opened.undelivered.rollups_to_send(bytes));
                    continue;
                }
                Job::RollupsSent(done) => self.opened.undelivered.rollups_sent(done),
            }
            self.unsaved = true;
        }
    }

    fn enrich(&mut self, lines: &[u8]) -> Result<Enriched> {
        self.requests += 1;
        let request = self.requests;
        let mut all = Enriched {
            request,
            kept: Vec::with_capacity(lines.len() + lines.len() / 4),
            suppressed: Vec::new(),
            repeats: Repeats::default(),
        };
        let mut keys = LineKeys::default();
        let ended = stream::cut_whole(lines, |stretch| {
            match stretch {
                Stretch::Lines(text) => self.enrich_lines(text, &mut keys, &mut all),
                Stretch::Raw { bytes, why, .. } => {
                    self.opened.session.pass_on(why, 1, bytes.len());
                    all.kept.extend_from_slice(bytes);
                }
            }
            Ok::<(), Infallible>(())
        });
        let Ok(()) = ended;
        if !self.recognised && !lines.is_empty() {
            // Its sender hears only that all has arrived.
            self.recognised = true;
            say(
                "the first request held no sign-in record and went on as it came; expected are newline-delimited JSON, a JSON array, or one record",
            );
        }
        all.repeats.say(&self.log);
        // Each was made with a line end, so that none is glued to another; the last goes as it came.
        if !lines.ends_with(b"\n") && all.kept.ends_with(b"\n") {
            all.kept.pop();
        }
        let undelivered = &mut self.opened.undelivered;
        if let Some(file) = &mut self.suppressed
            && !all.suppressed.is_empty()
        {
            if let Err(error) = file.append(&all.suppressed) {
                undelivered.failed(request, b"");
                return Err(error);
            }
            all.suppressed.clear();
            undelivered.suppressed_arrived(request);
        }
        Ok(all)
    }

    fn enrich_lines(&mut self, text: &str, keys: &mut LineKeys, all: &mut Enriched) {
        let Opened {
            session,
            undelivered,
            ..
        } = &mut self.opened;
        let letters = &mut Letters {
            letters: &mut self.letters,
            log: &self.log,
        };
        let is_short = |line: &str| line.len() < RECORD_BYTES_MIN;
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for group in lines.chunk_by(|one, other| is_short(one) && is_short(other)) {
            let [line] = group else {
                let (one, _) = made_of(session, undelivered, letters, &group.concat());
                all.add(&one, self.has_second);
                continue;
            };
            let key = keys.of(line);
            match undelivered.take_over(all.request, key) {
                Known::New => {
                    let (made, is_record) = made_of(session, undelivered, letters, line);
                    all.repeats.lines += 1;
                    all.repeats.duplicates += usize::from(is_duplicate(&made, line));
                    all.add(&made, self.has_second);
                    if is_record {
                        self.recognised = true;
                        undelivered.keep(all.request, key, made);
                        keys.used(key);
                    }
                }
                Known::Made(made) => {
                    all.repeats.lines += 1;
                    all.repeats.undelivered += 1;
                    all.add(&made, self.has_second);
                    keys.used(key);
                }
                Known::Forgotten => {
                    all.repeats.lines += 1;
                    all.repeats.undelivered += 1;
                    self.unlabelled += 1;
                    all.kept.extend_from_slice(line.as_bytes());
                    if !line.ends_with('\n') {
                        all.kept.push(b'\n');
                    }
                    keys.used(key);
                }
            }
        }
    }

    /// All counts: those of the session, and of what has not arrived.
    pub fn stats(&mut self) -> Vec<Counter> {
        let mut counters = self.opened.session.stats();
        let undelivered = &self.opened.undelivered;
        for (group, count) in [
            ("undelivered", undelivered.len() as u64),
            ("undelivered_forgotten", undelivered.forgotten()),
            ("undelivered_forgotten_keys", undelivered.forgotten_keys()),
            ("undelivered_unlabelled", self.unlabelled),
            ("undelivered_rollups", undelivered.rollups() as u64),
            (
                "undelivered_rollups_forgotten",
                undelivered.forgotten_rollups(),
            ),
            ("state_failures", self.save_failures),
        ] {
            counters.push(Counter {
                group: group.to_owned(),
                name: String::new(),
                count,
            });
        }
        counters
    }

    /// Releases what the session holds, and what no request carried any more: open roll-ups.
    pub fn drain(&mut self) -> String {
        let drained = self.opened.session.drain();
        if let Some(trouble) = drained.trouble() {
            self.letters.take(&trouble, say);
        }
        let undelivered = &mut self.opened.undelivered;
        undelivered.rollups_sent(false);
        undelivered.rollups_to_send(usize::MAX) + &drained.kept
    }

    /// Whether every line that was to be kept as one on which the transform fails was.
    pub fn all_letters_kept(&self) -> bool {
        self.letters.all_kept()
    }

    /// Whether there is a state to be saved.
    pub fn has_state(&self) -> bool {
        self.opened.has_state()
    }

    /// Saves the state, where there is one. `false` after it has been said why that cannot be done.
    pub fn save(&mut self) -> bool {
        let saved = self.opened.save();
        self.unsaved &= !saved;
        self.save_failures += u64::from(!saved);
        saved
    }
}

/// Whether the transform knows a record already, by what it added behind it. Of an envelope, whether it knows the last.
fn is_duplicate(made: &Made, line: &str) -> bool {
    let enriched = [&made.kept, &made.suppressed];
    let added = |text: &&String| memchr::memmem::rfind(text.as_bytes(), DUPLICATE);
    enriched
        .iter()
        .any(|text| added(text).is_some_and(|at| at + 1 >= line.trim_end().len()))
}

fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

/// Where lines go on which the transform fails, and where that is said.
struct Letters<'a> {
    letters: &'a mut DeadLetters,
    log: &'a Log,
}

/// What the session makes of lines, each with its end, and whether something in them was remembered: a line that was
/// rejected can be seen again. Roll-ups among it belong to no line and are kept apart.
fn made_of(
    session: &mut Session,
    undelivered: &mut Undelivered,
    Letters { letters, log }: &mut Letters,
    lines: &str,
) -> (Made, bool) {
    let outcome = session.process(lines);
    if let Some(trouble) = outcome.trouble() {
        letters.take(&trouble, |what| log.happened(what, ""));
    }
    let all_passed = outcome.rejected.is_empty() && outcome.failed.is_empty();
    // A record that was labelled before may come out as it came.
    let is_record = all_passed || outcome.kept.trim_end() != lines.trim_end();
    let mut made = Made {
        kept: outcome.kept,
        suppressed: outcome.suppressed,
    };
    if made.kept.contains(ROLLUP) && !lines.contains(ROLLUP) {
        let mut kept = String::with_capacity(made.kept.len());
        for line in made.kept.split_inclusive('\n') {
            if line.starts_with(ROLLUP) {
                let mut rollup = line.to_owned();
                end_line(&mut rollup);
                undelivered.keep_rollup(rollup);
            } else {
                kept += line;
            }
        }
        made.kept = kept;
    }
    end_line(&mut made.kept);
    end_line(&mut made.suppressed);
    (made, is_record)
}

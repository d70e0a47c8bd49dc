//! `run --lockstep`: for callers that send a request, wait for its reply, and then send the next.
//!
//! Each request has exactly one reply, in order, and flushed before the next request is looked at. One reply too many
//! and a caller gives every later record the answer of another, for ever. So standard error, which some callers read
//! as well, is moved away before anything can be said there, and what lets lines wait or leave is refused.
//!
//! ```text
//! lockstep/requests.rs   what callers send, read by a thread of its own
//! lockstep/rsyslog.rs    the reply for rsyslog
//! ```

mod requests;
mod rsyslog;

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueEnum;
use serde_json::Value;

use self::requests::Heard;
use crate::dead_letters::DeadLetters;
use crate::opened::{Configuration, Opened};
use crate::output::{Output, Stop};
use crate::sandbox::Sandbox;
use crate::terminal::say;
use crate::{Ending, PassedOn, Trouble, stream, summary};

/// Longest message that is held, in bytes. Of a longer one, and of a longer line, the reply begins while the request is
/// still read, which a caller that does not read while it writes would wait for without end.
pub const MESSAGE_BYTES_MAX: u64 = 64 << 20;

/// How requests and replies are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// A line in, a line of JSON out that says what to change in the message ({} for nothing): mmexternal
    Rsyslog,
    /// A line in, the enriched line out
    Lines,
    /// A message in, the enriched message out, each after its length: four bytes, the highest first. A message holds
    /// one line or many
    LengthPrefixed,
}

/// What is asked for on the command line, see [`crate::run::Run`].
pub struct Lockstep<'a> {
    /// How requests and replies are told apart.
    pub protocol: Protocol,
    /// The configuration file.
    pub config: Option<&'a Path>,
    /// What goes over it.
    pub over: Vec<(&'static str, Value)>,
    /// The state file.
    pub state: Option<&'a Path>,
    /// Seconds between a reply and when what was remembered by then has been saved.
    pub save_secs: u64,
    /// Where messages go.
    pub log: Option<&'a Path>,
    /// The component, and what becomes of lines on which it fails.
    pub sandbox: &'a Sandbox,
    /// No summary.
    pub quiet: bool,
}

impl Lockstep<'_> {
    /// Does it.
    pub fn run(&self) -> Result<Ending> {
        if let Err(error) = move_standard_error(self.log) {
            let name = self.log.unwrap_or(Path::new("/dev/null")).display();
            say(&format!("{name}: {error}"));
            return Ok(Ending::Failed);
        }
        let plugin = self.sandbox.plugin()?;
        let config = Configuration::load(&plugin, self.config, &self.over)?;
        let Some(config) = config.filter(Configuration::answers_at_once) else {
            return Ok(Ending::WrongUsage);
        };
        let Some(mut opened) = Opened::open(&plugin, &config, self.state)? else {
            return Ok(Ending::Failed);
        };
        opened.say_undelivered();
        if !opened.answers_at_once() {
            return Ok(Ending::Failed);
        }
        let Some(letters) = self.sandbox.dead_letters() else {
            return Ok(Ending::Failed);
        };
        let started = Instant::now();
        let mut replies = Replies {
            protocol: self.protocol,
            member: config.member,
            output: Output::stdout(),
            letters,
            unended: None,
        };
        let heard = requests::hear(self.protocol);
        let save_after = Duration::from_secs(self.save_secs);
        let mut all = replies.answer_all(&heard, &mut opened, save_after);
        all &= opened.save() & replies.letters.all_kept();
        if self.log.is_some() && !self.quiet {
            let text = summary::text(&opened.session.stats(), started.elapsed());
            let _ = io::stderr().write_all(text.as_bytes());
        }
        Ok(if all { Ending::Done } else { Ending::Failed })
    }
}

/// Moves standard error to the end of `log`, or where there is none to nowhere, unless a person reads it. A panic
/// is said there too. Where the log cannot be opened nobody hears of it but by the exit code: who waits for a reply
/// would take the message for one.
fn move_standard_error(log: Option<&Path>) -> io::Result<()> {
    if io::stderr().is_terminal() && log.is_none() {
        return Ok(());
    }
    let open = |path| OpenOptions::new().append(true).create(true).open(path);
    if !io::stderr().is_terminal() {
        rustix::stdio::dup2_stderr(open(Path::new("/dev/null"))?)?;
    }
    if let Some(log) = log {
        rustix::stdio::dup2_stderr(open(log)?)?;
    }
    Ok(())
}

/// Writes the replies.
struct Replies {
    protocol: Protocol,
    member: String,
    output: Output,
    letters: DeadLetters,
    /// A line whose end has not come yet, as far as it is held for its reply.
    unended: Option<Vec<u8>>,
}

impl Replies {
    /// Answers until the input ends. `false` where something went wrong, which has been said.
    fn answer_all(
        &mut self,
        heard: &Receiver<Heard>,
        opened: &mut Opened<'_>,
        save_after: Duration,
    ) -> bool {
        let mut all = true;
        // When what has changed since it was last saved will be saved.
        let mut due: Option<Instant> = None;
        loop {
            let now = Instant::now();
            if due.is_some_and(|due| due <= now) {
                all &= opened.save();
                due = None;
            }
            let next = match due {
                Some(due) => heard.recv_timeout(due - now),
                None => heard.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match next {
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) | Ok(Heard::Stop) => return all,
                Ok(Heard::End) => return written(self.answer_unended()) && all,
                Ok(Heard::Broken(problem)) => {
                    say(&problem);
                    return false;
                }
                Ok(request) => {
                    if !written(self.answer(request, opened)) {
                        return false;
                    }
                }
            }
            if opened.has_state() {
                due = due.or_else(|| Instant::now().checked_add(save_after));
            }
        }
    }

    fn answer(&mut self, request: Heard, opened: &mut Opened<'_>) -> Result<(), Stop> {
        let session = &mut opened.session;
        match request {
            Heard::Lines(lines) if self.protocol == Protocol::Rsyslog => {
                for line in lines.split_inclusive('\n') {
                    let outcome = session.process(line);
                    self.output
                        .write(&rsyslog::reply(line, &outcome, &self.member))?;
                    self.keep(outcome.trouble());
                }
                Ok(())
            }
            Heard::Lines(lines) => {
                let outcome = session.process(&lines);
                self.keep(outcome.trouble());
                let mut kept = outcome.kept;
                // Who waits for a line waits for its end.
                if !kept.ends_with('\n') {
                    kept.push('\n');
                }
                self.output.write(kept.as_bytes())
            }
            Heard::Raw {
                bytes,
                why,
                begins_line,
            } => {
                session.pass_on(why, u64::from(begins_line), bytes.len());
                self.pass_on(&bytes)
            }
            Heard::Message(message) => {
                let enriched = stream::enrich(session, &message);
                self.keep(enriched.troubles);
                let (length, reply) = match u32::try_from(enriched.kept.len()) {
                    Ok(length) => (length, enriched.kept),
                    // Some 4 GiB of labels on 64 MiB of records do not happen; a wrong length would be worse.
                    Err(_) => (u32::try_from(message.len()).unwrap_or(0), message),
                };
                self.output
                    .write(&[&length.to_be_bytes()[..], &reply].concat())
            }
            Heard::LongMessage(length) => {
                say(&format!(
                    "a message of {length} bytes was passed on unchanged: more than {MESSAGE_BYTES_MAX} are not held"
                ));
                session.pass_on(PassedOn::TooLong, 1, 0);
                self.output.write(&length.to_be_bytes())
            }
            Heard::Piece(bytes) => {
                session.pass_on(PassedOn::TooLong, 0, bytes.len());
                self.output.write(&bytes)
            }
            Heard::End | Heard::Broken(_) | Heard::Stop => Ok(()),
        }
    }

    fn keep(&mut self, troubles: impl IntoIterator<Item = Trouble>) {
        for trouble in troubles {
            self.letters.take(&trouble, say);
        }
    }

    /// A line that is not looked at, or a piece of it. The reply waits for the line end, because a caller may not read
    /// before it has written that.
    fn pass_on(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let held = self.unended.get_or_insert_default();
        if self.protocol == Protocol::Lines {
            held.extend_from_slice(bytes);
        }
        if bytes.ends_with(b"\n") {
            return self.answer_unended();
        }
        if held.len() as u64 > MESSAGE_BYTES_MAX {
            self.output.write(held)?;
            held.clear();
        }
        Ok(())
    }

    /// Answers the line that has come as far as it will.
    fn answer_unended(&mut self) -> Result<(), Stop> {
        let Some(mut held) = self.unended.take() else {
            return Ok(());
        };
        if self.protocol == Protocol::Rsyslog {
            return self.output.write(rsyslog::UNCHANGED);
        }
        if !held.ends_with(b"\n") {
            held.push(b'\n');
        }
        self.output.write(&held)
    }
}

/// Says why a reply could not be written; `false` if it could not.
fn written(ended: Result<(), Stop>) -> bool {
    ended.map_err(|stop| stop.say()).is_ok()
}

//! `run`: files or standard input in, enriched records out, a summary at the end.

use std::io::{self, IsTerminal, Write};
use std::iter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{ArgGroup, Args};
use serde_json::Value;

use crate::feed::{self, Reading};
use crate::inputs::{self, Input};
use crate::lockstep::{Lockstep, Protocol};
use crate::opened::{Configuration, Opened, save_to};
use crate::output::{Output, Stop};
use crate::pipeline::{self, JOBS_MAX, Made};
use crate::plugin::{self, Counter, Plugin};
use crate::position::Position;
use crate::progress::Progress;
use crate::sandbox::Sandbox;
use crate::terminal::say;
use crate::{Ending, Session, summary};

/// Reads records and writes them enriched.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("saves between").args(["lockstep", "resume"])))]
pub struct Run {
    /// Files, glob patterns, or - for standard input; without any, standard input. Gzip is unpacked
    #[arg(value_name = "FILES")]
    pub inputs: Vec<String>,
    /// Options of the transform, JSON or TOML
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Write the records there instead of to standard output (-)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// annotate: every line leaves; filter: noise leaves to --suppressed, with roll-ups in its place. Goes over the
    /// configuration
    #[arg(long, value_name = "MODE")]
    pub mode: Option<String>,
    /// Where suppressed records go; needed in mode filter (/dev/null to drop them)
    #[arg(long, value_name = "FILE")]
    pub suppressed: Option<PathBuf>,
    /// Let interrupted records wait so many seconds of event time for what becomes of them. Goes over the configuration
    #[arg(long, value_name = "SECS")]
    pub hold: Option<i64>,
    /// Take up what was remembered from there, and save it at the end and when told to stop; without it the end of
    /// the input releases all that is held
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// With --state: release all that is held at the end as well
    #[arg(long, requires = "state")]
    pub drain: bool,
    /// For callers that send a request on standard input and wait for its reply: one reply to each, at once
    #[arg(long, value_name = "PROTOCOL", conflicts_with_all = ["inputs", "out", "suppressed", "drain", "jobs"])]
    pub lockstep: Option<Protocol>,
    /// With --state and --out: go on where the same run was when it was last saved, however it ended. What of the inputs
    /// the state covers is passed by, and what the outputs hold beyond it is cut off and made again
    #[arg(long, requires_all = ["state", "out"], conflicts_with_all = ["lockstep", "jobs"])]
    pub resume: bool,
    /// With --lockstep: append what goes wrong and the summary to that file; without it nothing is said, because
    /// callers may take a line on standard error for a reply
    #[arg(long, value_name = "FILE", requires = "lockstep")]
    pub log: Option<PathBuf>,
    /// With --lockstep or --resume: save no later than so many seconds after a reply or a batch; 0: after each
    #[arg(long, value_name = "SECS", requires_all = ["saves between", "state"], default_value_t = 300,
        value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub save_secs: u64,
    /// So many sessions side by side, with the lines spread over them by user. Labels only, and does not see all that
    /// one session does: see below
    #[arg(long, short, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u8).range(1..=i64::from(JOBS_MAX)))]
    pub jobs: u8,
    /// The component itself.
    #[command(flatten)]
    pub sandbox: Sandbox,
    /// Neither progress bar nor summary; what goes wrong is still said
    #[arg(long, short)]
    pub quiet: bool,
}

impl Run {
    /// Does it.
    pub fn run(&self) -> Result<Ending> {
        if let Some(protocol) = self.lockstep {
            return self.lockstep(protocol).run();
        }
        let plugin = self.sandbox.plugin()?;
        let Some(config) = self.configuration(&plugin)? else {
            return Ok(Ending::WrongUsage);
        };
        let (inputs, mut all) = inputs::expand(&self.inputs);
        if let Some(problems) = inputs::none_exists(&inputs) {
            // A wrong name must not cost what the outputs hold.
            for problem in &problems {
                say(problem);
            }
            return Ok(Ending::Failed);
        }
        let Some(mut opened) = Opened::open(&plugin, &config, self.state.as_deref())? else {
            return Ok(Ending::Failed);
        };
        opened.say_undelivered();
        // All is looked at before any file is opened, because opening empties it.
        if let Err(ending) = self.check_names(&inputs) {
            return Ok(ending);
        }
        let Some(mut letters) = self.sandbox.dead_letters() else {
            return Ok(Ending::Failed);
        };
        if self.resume && !all {
            // What one day comes to the missing place would be another run's.
            return Ok(Ending::Failed);
        }
        let (mut position, reading) = match self.position(inputs.clone(), config.filters, &opened) {
            Ok(found) => found,
            Err(problem) => {
                say(&problem);
                return Ok(Ending::Failed);
            }
        };
        let mut outputs = match self.outputs(config.filters, position.as_ref()) {
            Ok(outputs) => outputs,
            Err(ending) => return Ok(ending),
        };
        if inputs.contains(&Input::Stdin) && io::stdin().is_terminal() && !self.quiet {
            say("reading records from the keyboard; end with Ctrl-D");
        }

        // The first session is the one that has the state, where there is one.
        let mut more: Vec<Session> = (1..self.jobs)
            .map(|_| plugin.open(&config.json))
            .collect::<Result<_, _>>()?;
        let mut progress = Progress::new(&inputs, self.out.is_none(), self.quiet);
        let save_after = self.resume.then_some(Duration::from_secs(self.save_secs));
        let (undelivered, mut state) = (&opened.undelivered, opened.state.as_mut());
        let started = Instant::now();
        let mut done = 0;
        let (mut stopped, mut failed) = (false, false);
        let sessions = iter::once(&mut opened.session).chain(&mut more);
        let mut ended = pipeline::run(feed::feed(reading), sessions, save_after, |made| {
            if let Some(position) = &mut position {
                position.add(&made);
            }
            match made {
                Made::Begin(_) => outputs.next_input(),
                Made::Head(_) => {}
                Made::Snapshot(snapshot) => {
                    if let (Some(position), Some(state)) = (&mut position, state.as_deref_mut()) {
                        all &= outputs.note(position)
                            && save_to(state, snapshot, undelivered, Some(position));
                    }
                }
                Made::Batch(batch) => {
                    for trouble in &batch.troubles {
                        letters.take(trouble, |line| progress.say(line));
                    }
                    progress.advance(batch.read);
                    outputs.write(&batch.kept, &batch.suppressed)?;
                }
                Made::Raw(bytes) => {
                    progress.advance(pipeline::Read::of(&bytes));
                    outputs.kept.write(&bytes)?;
                }
                Made::End => done += 1,
                Made::Failed(input, error) => {
                    progress.say(&format!("{}: {error}", input.shown()));
                    failed = true;
                }
                Made::Stop => stopped = true,
            }
            Ok(())
        });
        if stopped {
            let counters = stats(&mut opened, &mut more);
            let lines = summary::Counts(&counters).total("lines");
            progress.say(&format!(
                "told to stop; {lines} lines were read and are done"
            ));
        }
        all &= !failed;
        // What is gone on with has not come to its end.
        let at_end = !(self.resume && (stopped || failed));
        if ended.is_ok() && (self.state.is_none() || self.drain) && at_end {
            outputs.next_input();
            let rest = opened.session.drain();
            if let Some(trouble) = rest.trouble() {
                letters.take(&trouble, |line| progress.say(line));
                all &= opened.nothing_left();
            }
            ended = outputs.write(&rest.kept, &rest.suppressed);
        }
        progress.finish();
        if let Err(stop) = ended {
            return Ok(stop.say());
        }
        // After the output: records that are held must be in one of the two. Inside a line what was saved before it stays.
        let inside_line = position.as_ref().is_some_and(Position::is_inside_line);
        if !inside_line {
            if let Some(position) = &mut position {
                all &= outputs.note(position);
            }
            all &= opened.save_at(position.as_ref());
        }
        all &= letters.all_kept();
        let counters = stats(&mut opened, &mut more);
        let counts = summary::Counts(&counters);
        let (lines, records) = (counts.total("lines"), counts.total("records"));
        // Half a record is none yet.
        if lines > u64::from(inside_line) && records == 0 && counts.total("lines_held") == 0 {
            // Said with --quiet too: in a pipeline nobody would see it otherwise.
            say(&format!(
                "none of {lines} lines was a sign-in record; all went out unchanged"
            ));
        }
        if !self.quiet && (done > 0 || stopped) {
            let text = summary::text(&counters, started.elapsed());
            let _ = io::stderr().write_all(text.as_bytes());
        }
        Ok(if all { Ending::Done } else { Ending::Failed })
    }

    fn lockstep(&self, protocol: Protocol) -> Lockstep<'_> {
        Lockstep {
            protocol,
            config: self.config.as_deref(),
            over: self.over(),
            state: self.state.as_deref(),
            save_secs: self.save_secs,
            log: self.log.as_deref(),
            sandbox: &self.sandbox,
            quiet: self.quiet,
        }
    }

    /// The options of the transform that have one on the command line.
    fn over(&self) -> Vec<(&'static str, Value)> {
        let mode = self.mode.as_deref().map(|mode| ("mode", Value::from(mode)));
        let hold = self.hold.map(|secs| ("hold_secs", Value::from(secs)));
        mode.into_iter().chain(hold).collect()
    }

    /// The configuration; `None` after every problem has been said.
    fn configuration(&self, plugin: &Plugin) -> Result<Option<Configuration>> {
        let config = Configuration::load(plugin, self.config.as_deref(), &self.over())?;
        if config.as_ref().is_some_and(|config| config.filters) && self.suppressed.is_none() {
            say(
                "mode filter needs --suppressed FILE for the records that leave the stream (/dev/null to drop them)",
            );
            return Ok(None);
        }
        Ok(config.filter(|config| self.fits_jobs(config)))
    }

    /// Whether what is asked for can be done by several sessions, if it is to be. If not, that has been said.
    ///
    /// An attack from an address over many users is an attack to one session and a few refused sign-ins to each of
    /// several. What comes from there next is then not known to belong to it, so nothing may be removed by what they
    /// say. Lines that wait, and a state, belong to one session.
    fn fits_jobs(&self, config: &Configuration) -> bool {
        let reasons = [
            (
                config.filters,
                "mode filter (it could remove what belongs to an attack that no single session sees)",
            ),
            (
                config.hold_secs > 0,
                "hold_secs (a line that waits would lose its place)",
            ),
            (self.state.is_some(), "--state (it is one session's)"),
        ];
        let reasons: Vec<_> = reasons
            .into_iter()
            .filter_map(|(applies, reason)| applies.then_some(reason))
            .collect();
        let fits = self.jobs == 1 || reasons.is_empty();
        if !fits {
            say(&format!(
                "--jobs {} cannot be combined with {}",
                self.jobs,
                reasons.join(" nor with ")
            ));
        }
        fits
    }

    /// What is to be read; with --resume, where to go on as well.
    fn position(
        &self,
        inputs: Vec<Input>,
        filters: bool,
        opened: &Opened,
    ) -> Result<(Option<Position>, Reading), String> {
        let Some(out) = self.out.as_deref().filter(|_| self.resume) else {
            return Ok((None, Reading::all(inputs)));
        };
        if out == Path::new("-") {
            return Err(
                "--resume needs a file as --out, of which a part can be cut off".to_owned(),
            );
        }
        let suppressed = self.suppressed.as_deref().filter(|_| filters);
        let begin = Position::new(out, suppressed);
        let (position, reading) = begin.resume(opened.position.as_deref(), inputs)?;
        Ok((Some(position), reading))
    }

    fn outputs(&self, filters: bool, position: Option<&Position>) -> Result<Outputs, Ending> {
        let open = |path: &Path, covered: fn(&Position) -> u64| match position {
            Some(position) => Output::resume(path, covered(position)),
            None => Output::create(path),
        };
        let kept = match self.out.as_deref() {
            Some(path) if path != Path::new("-") => open(path, |position| position.out)?,
            // Who stops reading misses records, so that is a failure.
            _ => Output::stdout(),
        };
        // Without the mode nothing goes there, and what it holds is left alone.
        let suppressed = match &self.suppressed {
            Some(path) if filters => Some(open(path, |position| position.suppressed)?),
            _ => None,
        };
        Ok(Outputs { kept, suppressed })
    }

    /// Whether each file that is written is one of its own.
    fn check_names(&self, inputs: &[Input]) -> Result<(), Ending> {
        let named = [
            (
                "--out",
                self.out.as_deref().filter(|path| *path != Path::new("-")),
            ),
            ("--suppressed", self.suppressed.as_deref()),
            ("--state", self.state.as_deref()),
            ("--dead-letter", self.sandbox.dead_letter.as_deref()),
        ];
        let written: Vec<(&str, &Path)> = named
            .into_iter()
            .filter_map(|(option, path)| Some((option, path?)))
            .collect();
        let mut fine = true;
        for (index, &(option, path)) in written.iter().enumerate() {
            let name = path.display();
            if path == Path::new("-") {
                say(&format!(
                    "{option} -: standard output is for the records that stay"
                ));
                fine = false;
            }
            if inputs.iter().any(|input| input.is_file(path)) {
                say(&format!(
                    "{name}: is an input too, and would be emptied before it is read"
                ));
                fine = false;
            }
            let config = self.config.as_deref();
            if config.is_some_and(|config| inputs::same(path, config)) {
                say(&format!("{option} and --config are one file"));
                fine = false;
            }
            for (other, _) in written
                .iter()
                .take(index)
                .filter(|(_, other)| inputs::same(path, other))
            {
                say(&format!("{other} and {option} are one file"));
                fine = false;
            }
        }
        if fine {
            Ok(())
        } else {
            Err(Ending::WrongUsage)
        }
    }
}

/// The two ways out.
struct Outputs {
    kept: Output,
    suppressed: Option<Output>,
}

impl Outputs {
    /// See [`Output::next_input`].
    fn next_input(&mut self) {
        self.kept.next_input();
    }

    /// Notes how far they have come, once that outlives a power cut. `false` after it has been said that it does not.
    fn note(&self, position: &mut Position) -> bool {
        position.out = self.kept.bytes();
        position.suppressed = self.suppressed.as_ref().map_or(0, Output::bytes);
        let synced = self
            .suppressed
            .iter()
            .chain([&self.kept])
            .try_for_each(Output::sync);
        synced.map_err(|problem| say(&problem)).is_ok()
    }

    /// Writes what became of a batch. Suppressed records first: what stands for them in the stream comes after them.
    fn write(&mut self, kept: &str, suppressed: &str) -> Result<(), Stop> {
        if let Some(output) = &mut self.suppressed {
            output.write(suppressed.as_bytes())?;
        }
        self.kept.write(kept.as_bytes())
    }
}

/// The counts of all sessions.
fn stats<'a>(opened: &mut Opened<'a>, more: &mut [Session<'a>]) -> Vec<Counter> {
    let sessions = iter::once(&mut opened.session).chain(more);
    plugin::total(sessions.map(Session::stats))
}

/// What `--help` says of `--jobs`: which signals see less, from their list.
pub fn about_jobs() -> String {
    format!(
        "--jobs N spreads the lines by user over N sessions. What is said by user is as with one session. Signals by \
         address and by tenant ({}) see only the lines of their own session: a spray over users of several is counted \
         in each by itself, so they hit later or not at all, new_place_tenant more often. What follows an attack is \
         then not known to, and noise.suppress can be true for a record that one session would keep: do not drop \
         records by it. Mode filter, hold_secs and --state are refused. Lines leave in the order in which they came. \
         Envelopes, and lines that name no user, are all with the first session. Memory is N times that of one.",
        seen_apart().join(", ")
    )
}

/// The signals that see less with several sessions: those that look at what is kept by another key than the user.
pub fn seen_apart() -> Vec<&'static str> {
    use signin_triage::{signals, state::Key};
    let by_other = |key: Option<Key>| key.is_some_and(|key| key != Key::User);
    let ids = signals::ALL.iter().filter(|signal| by_other(signal.needs));
    ids.map(|signal| signal.id).collect()
}

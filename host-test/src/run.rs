//! `run`: files or standard input in, enriched records out, a summary at the end.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use crate::feed::{self, Fed};
use crate::inputs::{self, Input};
use crate::lockstep::{Lockstep, Protocol};
use crate::opened::{Configuration, Opened};
use crate::output::{Output, Stop};
use crate::plugin::{Outcome, Plugin};
use crate::progress::Progress;
use crate::terminal::say;
use crate::{Ending, summary};

/// Reads records and writes them enriched.
#[derive(Debug, Args)]
pub struct Run {
    /// Files, glob patterns, or - for standard input; without any, standard input
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
    #[arg(long, value_name = "PROTOCOL", conflicts_with_all = ["inputs", "out", "suppressed", "drain"])]
    pub lockstep: Option<Protocol>,
    /// With --lockstep: append what goes wrong and the summary to that file; without it nothing is said, because
    /// callers may take a line on standard error for a reply
    #[arg(long, value_name = "FILE", requires = "lockstep")]
    pub log: Option<PathBuf>,
    /// With --lockstep and --state: save no later than so many seconds after a reply
    #[arg(long, value_name = "SECS", requires_all = ["lockstep", "state"], default_value_t = 300,
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub save_secs: u64,
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
        let plugin = Plugin::built_in()?;
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
        let mut outputs = match self.outputs(&inputs, config.filters) {
            Ok(outputs) => outputs,
            Err(ending) => return Ok(ending),
        };
        if inputs.contains(&Input::Stdin) && io::stdin().is_terminal() && !self.quiet {
            say("reading records from the keyboard; end with Ctrl-D");
        }

        let session = &mut opened.session;
        let mut progress = Progress::new(&inputs, self.out.is_none(), self.quiet);
        let started = Instant::now();
        let mut done = 0;
        let mut ended = Ok(());
        let mut stopped = false;
        for fed in feed::feed(inputs) {
            ended = match fed {
                Fed::Begin(input) => {
                    outputs.next_input();
                    if input.is_gzip() {
                        progress.say(&format!(
                            "{}: is gzip; unpack it first: zcat FILE | signin-triage run",
                            input.shown()
                        ));
                    }
                    Ok(())
                }
                Fed::Lines(batch) => {
                    progress.advance(batch.as_bytes());
                    outputs.take(&session.process(&batch), &progress)
                }
                Fed::Raw {
                    bytes,
                    why,
                    begins_line,
                } => {
                    session.pass_on(why, u64::from(begins_line), bytes.len());
                    progress.advance(&bytes);
                    outputs.kept.write(&bytes)
                }
                Fed::End => {
                    done += 1;
                    Ok(())
                }
                Fed::Failed(input, error) => {
                    progress.say(&format!("{}: {error}", input.shown()));
                    all = false;
                    Ok(())
                }
                Fed::Done => break,
                Fed::Stop => {
                    stopped = true;
                    break;
                }
            };
            if ended.is_err() {
                break;
            }
        }
        if stopped {
            let counters = session.stats();
            let lines = summary::Counts(&counters).total("lines");
            progress.say(&format!(
                "told to stop; {lines} lines were read and are done"
            ));
        }
        if ended.is_ok() && (self.state.is_none() || self.drain) {
            outputs.next_input();
            ended = outputs.take(&session.drain(), &progress);
        }
        progress.finish();
        match ended {
            Ok(()) => {}
            Err(Stop::ReaderGone) => return Ok(Ending::Done),
            Err(Stop::Writing(name, error)) => {
                say(&format!("{name}: {error}"));
                return Ok(Ending::Failed);
            }
        }
        // After the output: records that are held must be in one of the two.
        all &= opened.save();
        let counters = opened.session.stats();
        let counts = summary::Counts(&counters);
        let (lines, records) = (counts.total("lines"), counts.total("records"));
        if lines > 0 && records == 0 && counts.total("lines_held") == 0 {
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
        Ok(config)
    }

    fn outputs(&self, inputs: &[Input], filters: bool) -> Result<Outputs, Ending> {
        // All is looked at before any file is opened, because opening empties it.
        self.check_names(inputs)?;
        let kept = match self.out.as_deref() {
            Some(path) if path != Path::new("-") => Output::create(path)?,
            _ => {
                // `| head` is nobody's fault. Where there is a state to save or a second output, whoever stops reading
                // has failed.
                Output::stdout(self.state.is_none() && !filters)
            }
        };
        // Without the mode nothing goes there, and what it holds is left alone.
        let suppressed = match &self.suppressed {
            Some(path) if filters => Some(Output::create(path)?),
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

    /// Writes what became of a batch. Suppressed records first: what stands for them in the stream comes after them.
    fn take(&mut self, outcome: &Outcome, progress: &Progress) -> Result<(), Stop> {
        if let Some(reason) = outcome.trap_reason() {
            progress.say(&format!(
                "the transform failed and a batch went out unchanged: {reason}"
            ));
        }
        if let Some(suppressed) = &mut self.suppressed {
            suppressed.write(outcome.suppressed.as_bytes())?;
        }
        self.kept.write(outcome.kept.as_bytes())
    }
}

//! `run`: files or standard input in, enriched records out, a summary at the end.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::Args;

use crate::inputs::{self, Input};
use crate::plugin::{Plugin, Session};
use crate::progress::Progress;
use crate::stream::{self, Stopped, Stretch};
use crate::terminal::say;
use crate::{Ending, config_file, summary};

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
    /// What becomes of records that could be suppressed; goes over the configuration
    #[arg(long, value_name = "annotate")]
    pub mode: Option<String>,
    /// Neither progress bar nor summary; what goes wrong is still said
    #[arg(long, short)]
    pub quiet: bool,
}

/// Why the run ended before its inputs did.
enum Stop {
    /// Whoever read the output has had enough: nothing is wrong.
    ReaderGone,
    /// The output could not be written.
    Writing(io::Error),
}

impl Run {
    /// Does it.
    pub fn run(&self) -> Result<Ending> {
        let plugin = Plugin::built_in()?;
        let Some(config) =
            config_file::load(&plugin, self.config.as_deref(), self.mode.as_deref())?
        else {
            return Ok(Ending::WrongUsage);
        };
        let (inputs, mut all) = inputs::expand(&self.inputs);
        let mut output = match self.output(&inputs) {
            Ok(output) => output,
            Err(ending) => return Ok(ending),
        };
        if inputs.contains(&Input::Stdin) && io::stdin().is_terminal() && !self.quiet {
            say("reading records from the keyboard; end with Ctrl-D");
        }

        let mut session = plugin.open(&config)?;
        let mut progress = Progress::new(&inputs, self.out.is_none(), self.quiet);
        let started = Instant::now();
        let mut done = 0;
        for input in &inputs {
            output.next_input();
            match one_input(input, &mut session, &mut output, &mut progress) {
                Ok(()) => done += 1,
                Err(Stopped::Reading(error)) => {
                    progress.say(&format!("{}: {error}", input.shown()));
                    all = false;
                }
                Err(Stopped::Taking(Stop::ReaderGone)) => {
                    progress.finish();
                    return Ok(Ending::Done);
                }
                Err(Stopped::Taking(Stop::Writing(error))) => {
                    progress.finish();
                    say(&format!("{}: {error}", output.name));
                    return Ok(Ending::Failed);
                }
            }
        }
        progress.finish();
        let counters = session.stats();
        let counts = summary::Counts(&counters);
        let (lines, records) = (counts.total("lines"), counts.total("records"));
        if lines > 0 && records == 0 {
            // Said with --quiet too: in a pipeline nobody would see it otherwise.
            say(&format!(
                "none of {lines} lines was a sign-in record; all went out unchanged"
            ));
        }
        if !self.quiet && done > 0 {
            let text = summary::text(&counters, started.elapsed());
            let _ = io::stderr().write_all(text.as_bytes());
        }
        Ok(if all { Ending::Done } else { Ending::Failed })
    }

    fn output(&self, inputs: &[Input]) -> Result<Output, Ending> {
        let Some(path) = self.out.as_deref().filter(|path| *path != Path::new("-")) else {
            return Ok(Output::new(
                "standard output".to_owned(),
                io::stdout().lock(),
            ));
        };
        let name = path.display().to_string();
        if inputs.iter().any(|input| input.is_file(path)) {
            say(&format!(
                "{name}: is an input too, and would be emptied before it is read"
            ));
            return Err(Ending::WrongUsage);
        }
        match File::create(path) {
            Ok(file) => Ok(Output::new(name, file)),
            Err(error) => {
                say(&format!("{name}: {error}"));
                Err(Ending::Failed)
            }
        }
    }
}

fn one_input(
    input: &Input,
    session: &mut Session,
    output: &mut Output,
    progress: &mut Progress,
) -> Result<(), Stopped<Stop>> {
    let source = input.open().map_err(Stopped::Reading)?;
    if input.is_gzip() {
        progress.say(&format!(
            "{}: is gzip; unpack it first: zcat FILE | signin-triage run",
            input.shown()
        ));
    }
    stream::cut(source, |stretch| {
        match stretch {
            Stretch::Lines(batch) => {
                let outcome = session.process(batch);
                if let Some(trap) = &outcome.trap {
                    let reason = trap.lines().next().unwrap_or_default();
                    progress.say(&format!(
                        "the transform failed and a batch went out unchanged: {reason}"
                    ));
                }
                output.write(outcome.kept.as_bytes())?;
                progress.advance(batch.as_bytes());
            }
            Stretch::Raw {
                bytes,
                why,
                begins_line,
            } => {
                session.pass_on(why, u64::from(begins_line), bytes.len());
                output.write(bytes)?;
                progress.advance(bytes);
            }
        }
        Ok(())
    })
}

/// Where the records go.
struct Output {
    name: String,
    sink: Box<dyn Write>,
    /// The last byte written was not a line end.
    unended: bool,
    /// A line end is due before the next byte.
    line_end_due: bool,
}

impl Output {
    fn new(name: String, sink: impl Write + 'static) -> Self {
        Output {
            name,
            sink: Box::new(sink),
            unended: false,
            line_end_due: false,
        }
    }

    /// The last line of a file may lack its line end. Where another file follows, one is put between, or two
    /// records would become one line that nobody can read.
    fn next_input(&mut self) {
        self.line_end_due = self.unended;
    }

    /// Writes and flushes: a record that has been read should not wait in a buffer.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let Some(last) = bytes.last() else {
            return Ok(());
        };
        let due: &[u8] = if self.line_end_due { b"\n" } else { b"" };
        self.line_end_due = false;
        self.unended = *last != b'\n';
        let written = self
            .sink
            .write_all(due)
            .and_then(|()| self.sink.write_all(bytes))
            .and_then(|()| self.sink.flush());
        written.map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Stop::ReaderGone,
            _ => Stop::Writing(error),
        })
    }
}

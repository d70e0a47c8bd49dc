//! `serve`: an HTTP bridge. What a shipper posts is enriched and posted on, and the shipper is told what the downstream
//! said, once the downstream has said it. So whoever waits for an acknowledgement waits for the right one.
//!
//! ```text
//! serve/http.rs        connections, who is let in, bodies
//! serve/room.rs        how much is dealt with at once
//! serve/body.rs        what a body holds, and the shape in which it goes on
//! serve/bridge.rs      one request: enriched, sent on, answered
//! serve/courier.rs     roll-ups, which go by themselves
//! serve/worker.rs      the one session behind all requests
//! serve/downstream.rs  sending on, and what the answer means
//! serve/log.rs         what is said of senders and downstreams, and how often
//! serve/metrics.rs     counts for Prometheus
//! ```

mod body;
mod bridge;
mod courier;
mod downstream;
mod guard;
mod http;
mod log;
mod metrics;
mod room;
mod worker;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time;

use self::body::Shape;
use self::bridge::Bridge;
use self::courier::Courier;
use self::downstream::{Downstream, LINES_TYPE};
use self::guard::Token;
use self::log::Log;
use self::worker::{Job, Worker};
use crate::dead_letters::DeadLetters;
use crate::inputs::same;
use crate::line_file::LineFile;
use crate::opened::{Configuration, Opened};
use crate::plugin::Plugin;
use crate::sandbox::Sandbox;
use crate::terminal::say;
use crate::{Ending, summary};

/// Questions to the session that wait at once.
const JOBS_MAX: usize = 64;

/// How long what is left at the end may take to be sent on.
const LAST: Duration = Duration::from_secs(8);

/// Takes records by HTTP, sends them on enriched, and answers what the downstream answered.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen; other machines can reach it only where that is told
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8087")]
    pub listen: SocketAddr,
    /// Where the enriched records go, http:// or https://
    #[arg(long, value_name = "URL")]
    pub forward: String,
    /// Options of the transform, JSON or TOML
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// annotate: every line leaves; filter: noise leaves to --suppressed, with roll-ups in its place. Goes over the
    /// configuration
    #[arg(long, value_name = "MODE")]
    pub mode: Option<String>,
    /// Where suppressed records go, a file that is added to or a URL; needed in mode filter (/dev/null to drop them)
    #[arg(long, value_name = "FILE|URL")]
    pub suppressed: Option<String>,
    /// Take up what was remembered from there, and save it when told to stop and every --save-secs
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Seconds between two savings of the state; 0: only when told to stop
    #[arg(long, value_name = "SECS", default_value_t = 300)]
    pub save_secs: u64,
    /// File with the token that senders must name (Authorization: Bearer); needed unless ADDR is of this machine only
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// File with the token to name to the downstream
    #[arg(long, value_name = "FILE")]
    pub forward_token_file: Option<PathBuf>,
    /// File with the token to name where --suppressed is a URL
    #[arg(long, value_name = "FILE")]
    pub suppressed_token_file: Option<PathBuf>,
    /// How long sending a request on may take in all; less than the senders' own patience
    #[arg(long, value_name = "SECS", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub forward_secs: u64,
    /// Largest request, unpacked; a larger one is refused with 413
    #[arg(long, value_name = "MIB", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub body_mib: u16,
    /// The component itself.
    #[command(flatten)]
    pub sandbox: Sandbox,
    /// No summary; what goes wrong is still said
    #[arg(long, short)]
    pub quiet: bool,
}

/// Everything around the session, checked and not yet opened.
struct Neighbours {
    token: Option<Token>,
    downstream: Downstream,
    suppressed: Second,
}

/// The second output.
enum Second {
    Nowhere,
    File(PathBuf),
    Url(Downstream),
}

impl Serve {
    /// Does it, until told to stop.
    pub fn run(&self) -> Result<Ending> {
        let plugin = self.sandbox.plugin()?;
        let mut problems = Vec::new();
        let config = self.configuration(&plugin, &mut problems)?;
        let filters = config.as_ref().is_some_and(|config| config.filters);
        let neighbours = self.neighbours(filters, &mut problems);
        let (Some(config), Some(neighbours), true) = (config, neighbours, problems.is_empty())
        else {
            for problem in &problems {
                say(problem);
            }
            return Ok(Ending::WrongUsage);
        };
        let Some(mut opened) = Opened::open(&plugin, &config, self.state.as_deref())? else {
            return Ok(Ending::Failed);
        };
        if !opened.holds_no_line() {
            return Ok(Ending::Failed);
        }
        let Some(letters) = self.sandbox.dead_letters() else {
            return Ok(Ending::Failed);
        };
        self.serve(opened, neighbours, letters).or_else(|problem| {
            say(&problem);
            Ok(Ending::Failed)
        })
    }

    /// `None` after its problems have been said.
    fn configuration(
        &self,
        plugin: &Plugin,
        problems: &mut Vec<String>,
    ) -> Result<Option<Configuration>> {
        let mode = self.mode.as_deref().map(|mode| ("mode", Value::from(mode)));
        let over: Vec<_> = mode.into_iter().collect();
        let config = Configuration::load(plugin, self.config.as_deref(), &over)?;
        if let Some(config) = &config {
            let secs = config.hold_secs;
            if secs > 0 {
                problems.push(format!(
                    "hold_secs: found {secs}, allowed 0 with serve: a record that waits would be acknowledged before it has arrived"
                ));
            }
            if config.filters && self.suppressed.is_none() {
                problems.push(
                    "mode filter needs --suppressed FILE or URL for the records that leave the stream (/dev/null to drop them)".to_owned(),
                );
            }
        }
        Ok(config)
    }

    /// Checks who may send and where records go; `None` where there is a problem.
    fn neighbours(&self, filters: bool, problems: &mut Vec<String>) -> Option<Neighbours> {
        let mut read = |path: Option<&Path>| match path.map(guard::read).transpose() {
            Ok(token) => token,
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        let token = read(self.token_file.as_deref());
        let forward_token = read(self.forward_token_file.as_deref());
        let suppressed_token = read(self.suppressed_token_file.as_deref());
        if self.token_file.is_none() && !self.listen.ip().is_loopback() {
            problems.push(format!(
                "--listen {}: other machines can reach that; give the token that they must name with --token-file",
                self.listen
            ));
        }
        let timeout = Duration::from_secs(self.forward_secs);
        let mut to = |option: &str, address: &str, token: Option<&str>| {
            let downstream = Downstream::new(address, token, timeout).and_then(|downstream| {
                ensure!(
                    !downstream.is_at(self.listen),
                    "is where this listens itself"
                );
                Ok(downstream)
            });
            let named = |error| problems.push(format!("{option}: {error:#}"));
            downstream.map_err(named).ok()
        };
        let downstream = to("--forward", &self.forward, forward_token.as_deref());
        let suppressed = match self.suppressed.as_deref().filter(|_| filters) {
            None => Some(Second::Nowhere),
            Some(address) if address.contains("://") => {
                to("--suppressed", address, suppressed_token.as_deref()).map(Second::Url)
            }
            Some("-") => {
                problems.push("--suppressed -: a file or a URL is needed".to_owned());
                None
            }
            Some(path) => {
                let path = PathBuf::from(path);
                for (option, other) in [
                    ("--state", &self.state),
                    ("--config", &self.config),
                    ("--dead-letter", &self.sandbox.dead_letter),
                    ("--token-file", &self.token_file),
                    ("--forward-token-file", &self.forward_token_file),
                ] {
                    if other.as_deref().is_some_and(|other| same(&path, other)) {
                        problems.push(format!("--suppressed and {option} are one file"));
                    }
                }
                Some(Second::File(path))
            }
        };
        Some(Neighbours {
            token: token.as_deref().map(Token::new),
            downstream: downstream?,
            suppressed: suppressed?,
        })
    }

    /// An error is in words, with the name of what failed.
    fn serve(
        &self,
        opened: Opened,
        neighbours: Neighbours,
        letters: DeadLetters,
    ) -> Result<Ending, String> {
        let (has_second, suppressed_url, suppressed_file) = match neighbours.suppressed {
            Second::Nowhere => (false, None, None),
            Second::Url(downstream) => (true, Some(downstream), None),
            Second::File(path) => {
                let file = LineFile::open(&path).map_err(|error| format!("{error:#}"))?;
                (true, None, Some(file))
            }
        };
        let log = Arc::new(Log::default());
        let mut worker = Worker::new(
            opened,
            suppressed_file,
            has_second,
            letters,
            Arc::clone(&log),
        );

        let runtime = Runtime::new().map_err(|error| error.to_string())?;
        let listener = runtime
            .block_on(TcpListener::bind(self.listen))
            .map_err(|error| format!("{}: {error}", self.listen))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let (jobs, to_do) = mpsc::channel(JOBS_MAX);
        let (calls, called) = mpsc::channel(1);
        let courier = Courier {
            jobs: jobs.clone(),
            downstream: neighbours.downstream.clone(),
            log: Arc::clone(&log),
        };
        let courier = runtime.spawn(courier.work(called));
        if self.save_secs > 0 {
            let every = Duration::from_secs(self.save_secs);
            runtime.spawn(save_every(every, jobs.downgrade()));
        }
        let downstream = neighbours.downstream.clone();
        say(&format!(
            "listening on http://{address}, forwarding to {}",
            downstream.shown()
        ));
        let started = Instant::now();
        let bridge = Bridge::new(
            jobs,
            neighbours.downstream,
            suppressed_url,
            Duration::from_secs(self.forward_secs),
            log,
            calls,
        );
        let serving = http::listen(
            listener,
            bridge,
            neighbours.token,
            self.body_mib.into(),
            courier,
        );
        let serving = runtime.spawn(serving);
        // Until what has come is done, or has to be left.
        worker.work(to_do);
        runtime
            .block_on(serving)
            .map_err(|error| error.to_string())?;

        let mut ending = Ending::Done;
        if !worker.has_state() {
            let left = worker.drain();
            if !left.is_empty() {
                let kind = LINES_TYPE;
                let sent = downstream.send(Shape::Lines, &kind, left.as_bytes());
                let sent = runtime.block_on(async { time::timeout(LAST, sent).await });
                let arrived =
                    sent.is_ok_and(|sent| sent.answer.is_arrived() && sent.too_large.is_empty());
                if !arrived {
                    let count = left.lines().count();
                    say(&format!(
                        "{count} open roll-ups did not arrive downstream; --state would keep them"
                    ));
                    ending = Ending::Failed;
                }
            }
        }
        runtime.shutdown_background();
        if !worker.save() || !worker.all_letters_kept() {
            ending = Ending::Failed;
        }
        if !self.quiet {
            let text = summary::text(&worker.stats(), started.elapsed());
            let _ = io::stderr().write_all(text.as_bytes());
        }
        Ok(ending)
    }
}

/// Has the state saved from time to time, until nobody can ask the session any more.
async fn save_every(every: Duration, jobs: mpsc::WeakSender<Job>) {
    loop {
        time::sleep(every).await;
        let Some(jobs) = jobs.upgrade() else { return };
        let _ = jobs.send(Job::Save).await;
    }
}

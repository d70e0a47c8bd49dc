//! `serve`: an HTTP bridge. What a shipper posts is enriched and posted on, and the shipper is told what the downstream
//! said, once the downstream has said it. So whoever waits for an acknowledgement waits for the right one.

mod body;
mod downstream;
mod guard;
mod metrics;
mod worker;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use clap::Args;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time;
use tower_http::decompression::RequestDecompressionLayer;

use self::body::Shape;
use self::downstream::{Answer, Downstream};
use self::guard::Token;
use self::metrics::{Metrics, Status};
use self::worker::{Enriched, Job, Worker};
use crate::opened::{Configuration, Opened};
use crate::plugin::Plugin;
use crate::terminal::say;
use crate::{Ending, summary};

/// Bodies that are dealt with at once, in MiB, each counted as one at least; further requests wait, and their senders with
/// them. Memory is bounded by it: what is made of a body takes some four times as much until it has arrived.
const AT_ONCE_MIB: u32 = 64;

/// Questions to the session that wait at once.
const JOBS_MAX: usize = 64;

/// How long a sender may take for a request, in seconds. Then it is told so, and tries again.
const BODY_SECS: u64 = 60;

/// Type of what came without one.
const LINES_TYPE: HeaderValue = HeaderValue::from_static("application/x-ndjson");

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
    /// How long the downstream may take; less than the senders' own patience
    #[arg(long, value_name = "SECS", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub forward_secs: u64,
    /// Largest request, unpacked; a larger one is refused with 413
    #[arg(long, value_name = "MIB", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub body_mib: u16,
    /// No summary; what goes wrong is still said
    #[arg(long, short)]
    pub quiet: bool,
}

/// What all requests share.
struct Bridge {
    jobs: mpsc::Sender<Job>,
    downstream: Downstream,
    /// The second output where it is a URL.
    suppressed: Option<Downstream>,
    token: Option<Token>,
    /// For bodies, in MiB.
    room: Arc<Semaphore>,
    room_mib: u32,
    body_mib: u32,
    metrics: Metrics,
    /// The last that was tried did not arrive. For saying so once.
    failing: AtomicBool,
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
        let plugin = Plugin::built_in()?;
        let mut problems = Vec::new();
        let config = self.configuration(&plugin, &mut problems)?;
        let neighbours = self.neighbours(&mut problems);
        let (Some(config), Some(neighbours), true) = (config, neighbours, problems.is_empty())
        else {
            for problem in &problems {
                say(problem);
            }
            return Ok(Ending::WrongUsage);
        };
        let Some(opened) = Opened::open(&plugin, &config, self.state.as_deref())? else {
            return Ok(Ending::Failed);
        };
        self.serve(opened, neighbours).or_else(|problem| {
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
    fn neighbours(&self, problems: &mut Vec<String>) -> Option<Neighbours> {
        let mut read = |path: Option<&Path>| match path.map(guard::read).transpose() {
            Ok(token) => token,
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        let token = read(self.token_file.as_deref());
        let forward_token = read(self.forward_token_file.as_deref());
        if self.token_file.is_none() && !self.listen.ip().is_loopback() {
            problems.push(format!(
                "--listen {}: other machines can reach that; give the token that they must name with --token-file",
                self.listen
            ));
        }
        let timeout = Duration::from_secs(self.forward_secs);
        let mut to = |option: &str, address: &str| {
            Downstream::new(address, forward_token.as_deref(), timeout)
                .map_err(|error| problems.push(format!("{option}: {error:#}")))
                .ok()
        };
        let downstream = to("--forward", &self.forward);
        let suppressed = match self.suppressed.as_deref() {
            None => Some(Second::Nowhere),
            Some(address) if address.contains("://") => {
                to("--suppressed", address).map(Second::Url)
            }
            Some(path) => Some(Second::File(path.into())),
        };
        Some(Neighbours {
            token: token.as_deref().map(Token::new),
            downstream: downstream?,
            suppressed: suppressed?,
        })
    }

    /// An error is in words, with the name of what failed.
    fn serve(&self, opened: Opened, neighbours: Neighbours) -> Result<Ending, String> {
        let mut suppressed_url = None;
        let suppressed_file = match neighbours.suppressed {
            Second::Nowhere => None,
            Second::Url(downstream) => {
                suppressed_url = Some(downstream);
                None
            }
            Second::File(path) => Some(
                OpenOptions::new()
                    .append(true)
                    .create(true)
                    .open(&path)
                    .map_err(|error| format!("{}: {error}", path.display()))?,
            ),
        };
        let mut worker = Worker::new(opened, suppressed_file);

        let runtime = Runtime::new().map_err(|error| error.to_string())?;
        let listener = runtime
            .block_on(TcpListener::bind(self.listen))
            .map_err(|error| format!("{}: {error}", self.listen))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let (jobs, to_do) = mpsc::channel(JOBS_MAX);
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
        // A body of the largest size must fit.
        let room_mib = AT_ONCE_MIB.max(self.body_mib.into());
        let bridge = Bridge {
            jobs,
            downstream: neighbours.downstream,
            suppressed: suppressed_url,
            token: neighbours.token,
            room: Arc::new(Semaphore::new(room_mib as usize)),
            room_mib,
            body_mib: self.body_mib.into(),
            metrics: Metrics::default(),
            failing: AtomicBool::new(false),
        };
        let serving = runtime.spawn(listen(listener, bridge));
        // Until the last connection is closed, and what they left behind is done.
        worker.work(to_do);
        let served = runtime
            .block_on(serving)
            .map_err(|error| error.to_string())?;
        served.map_err(|error| error.to_string())?;

        let mut ending = Ending::Done;
        if !worker.has_state() {
            let left = worker.drain();
            let sent =
                runtime.block_on(downstream.send(Shape::Lines, &LINES_TYPE, left.as_bytes()));
            if !left.is_empty() && !sent.is_arrived() {
                let count = left.lines().count();
                say(&format!(
                    "{count} open roll-ups did not arrive downstream; --state would keep them"
                ));
                ending = Ending::Failed;
            }
        }
        if !worker.save() {
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

/// Takes connections until told to stop, and then deals with what has come.
async fn listen(listener: TcpListener, bridge: Bridge) -> io::Result<()> {
    let body_bytes_max = (bridge.body_mib as usize) << 20;
    let bridge = Arc::new(bridge);
    let records = Router::new()
        .fallback(take)
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .layer(RequestDecompressionLayer::new())
        .with_state(Arc::clone(&bridge));
    let router = Router::new()
        .route("/metrics", get(metrics))
        .with_state(Arc::clone(&bridge))
        .fallback_service(records)
        .layer(middleware::from_fn_with_state(Arc::clone(&bridge), let_in))
        // After the guard: whether it is alive is nobody's secret.
        .route("/health", get(async || "fine\n"));
    axum::serve(listener, router)
        .with_graceful_shutdown(told_to_stop())
        .await?;
    // What was begun for a sender that has gone since is finished as well.
    let _ = bridge.room.acquire_many(bridge.room_mib).await;
    Ok(())
}

/// SIGINT, SIGTERM or SIGHUP.
async fn told_to_stop() {
    let listen = |kind| signal(kind).ok();
    let (mut term, mut hup) = (
        listen(SignalKind::terminate()),
        listen(SignalKind::hangup()),
    );
    let heard = async |signal: &mut Option<Signal>| match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = heard(&mut term) => {}
        () = heard(&mut hup) => {}
    }
    say("told to stop; finishing what has come");
}

/// Lets in whoever has the token, where one is needed.
async fn let_in(
    State(bridge): State<Arc<Bridge>>,
    request: Request,
    next: middleware::Next,
) -> Response {
    if bridge
        .token
        .as_ref()
        .is_none_or(|token| token.is_in(request.headers()))
    {
        return next.run(request).await;
    }
    let mut answer = Answer::of(StatusCode::UNAUTHORIZED, "the token is missing or wrong");
    let scheme = HeaderValue::from_static("Bearer");
    answer.headers.insert(header::WWW_AUTHENTICATE, scheme);
    answer.into_response()
}

/// All counts, for Prometheus.
async fn metrics(State(bridge): State<Arc<Bridge>>) -> Response {
    let (reply, counters) = oneshot::channel();
    let _ = bridge.jobs.send(Job::Stats(reply)).await;
    let text = bridge.metrics.text(counters.await.unwrap_or_default());
    let kind = [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)];
    (kind, text.unwrap_or_default()).into_response()
}

/// Takes a request with records.
async fn take(State(bridge): State<Arc<Bridge>>, request: Request) -> Response {
    let answer = answer(&bridge, request).await;
    let status = answer.status.as_u16();
    bridge
        .metrics
        .requests
        .get_or_create(&Status { status })
        .inc();
    answer.into_response()
}

async fn answer(bridge: &Arc<Bridge>, request: Request) -> Answer {
    match *request.method() {
        Method::POST | Method::PUT => {}
        // Vector asks so whether its sink is healthy.
        Method::HEAD => return Answer::of(StatusCode::OK, ""),
        _ => return Answer::of(StatusCode::METHOD_NOT_ALLOWED, "records come by POST"),
    }
    // A packed body has none here: what it comes to is not known before it is unpacked.
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
    let mib = length
        .map_or(bridge.body_mib, whole_mib)
        .min(bridge.body_mib);
    let Ok(mut room) = Arc::clone(&bridge.room).acquire_many_owned(mib).await else {
        return Answer::of(StatusCode::SERVICE_UNAVAILABLE, "stopping");
    };
    let kind = request.headers().get(header::CONTENT_TYPE).cloned();
    let read = time::timeout(
        Duration::from_secs(BODY_SECS),
        Bytes::from_request(request, &()),
    );
    let bytes = match read.await {
        Ok(Ok(bytes)) => bytes,
        // Too large (413), or not what its Content-Encoding says (400).
        Ok(Err(refused)) => return Answer::of(refused.status(), refused.body_text()),
        Err(_) => {
            return Answer::of(
                StatusCode::REQUEST_TIMEOUT,
                "the request took too long to arrive",
            );
        }
    };
    let surplus = mib.saturating_sub(whole_mib(bytes.len() as u64));
    drop(room.split(surplus as usize));
    // Apart from the connection: a sender that goes while the downstream is slow must not leave its lines in between.
    let bridge = Arc::clone(bridge);
    let carried = tokio::spawn(async move {
        bridge.metrics.on_the_way.inc();
        let answer = bridge.carry(bytes.into(), kind.unwrap_or(LINES_TYPE)).await;
        bridge.metrics.on_the_way.dec();
        drop(room);
        answer
    });
    carried
        .await
        .unwrap_or_else(|_| Answer::of(StatusCode::INTERNAL_SERVER_ERROR, "a defect of the bridge"))
}

/// MiB that hold so many bytes, one at least.
fn whole_mib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1 << 20))
        .unwrap_or(u32::MAX)
        .max(1)
}

impl Bridge {
    /// Enriches a body and sends it on.
    async fn carry(&self, bytes: Vec<u8>, kind: HeaderValue) -> Answer {
        let (shape, lines) = body::read(bytes);
        let (reply, enriched) = oneshot::channel();
        if self.jobs.send(Job::Enrich(lines, reply)).await.is_err() {
            return Answer::of(StatusCode::SERVICE_UNAVAILABLE, "stopping");
        }
        let enriched = match enriched.await {
            Ok(Ok(enriched)) => enriched,
            Ok(Err(error)) => {
                self.heard(false, &format!("{error:#}"));
                return Answer::of(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the second output does not take what is suppressed",
                );
            }
            Err(_) => {
                return Answer::of(StatusCode::INTERNAL_SERVER_ERROR, "a defect of the bridge");
            }
        };
        let request = enriched.request;
        let answer = self.deliver(&enriched, shape, &kind).await;
        let ended = if answer.is_arrived() {
            Job::Arrived(request)
        } else {
            Job::Failed(request)
        };
        // Before the sender hears: what it sends next is dealt with after this.
        let _ = self.jobs.send(ended).await;
        answer
    }

    /// Suppressed records first: what stands for them in the stream comes after them.
    async fn deliver(&self, enriched: &Enriched, shape: Shape, kind: &HeaderValue) -> Answer {
        if let Some(second) = &self.suppressed
            && !enriched.suppressed.is_empty()
        {
            let answer = second
                .send(Shape::Lines, &LINES_TYPE, &enriched.suppressed)
                .await;
            if !answer.is_arrived() {
                self.heard(false, &format!("{}: {}", second.shown(), answer.status));
                return answer;
            }
            let _ = self
                .jobs
                .send(Job::SuppressedArrived(enriched.request))
                .await;
        }
        if enriched.kept.is_empty() {
            return Answer::of(StatusCode::OK, "");
        }
        let began = Instant::now();
        let answer = self.downstream.send(shape, kind, &enriched.kept).await;
        self.metrics.forward.observe(began.elapsed().as_secs_f64());
        let shown = self.downstream.shown();
        self.heard(answer.is_arrived(), &format!("{shown}: {}", answer.status));
        answer
    }

    /// Says that records do not arrive, and that they do again; not each time.
    fn heard(&self, arrived: bool, what: &str) {
        if self.failing.swap(!arrived, Ordering::Relaxed) == arrived {
            if arrived {
                say("records arrive again");
            } else {
                say(&format!(
                    "records do not arrive, and their senders are told so: {what}"
                ));
            }
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.status, self.headers, self.text).into_response()
    }
}

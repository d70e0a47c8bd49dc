//! `serve`: an HTTP bridge. What a shipper posts is enriched and posted on, and the shipper is told what the downstream
//! said, once the downstream has said it. So whoever waits for an acknowledgement waits for the right one.

mod body;
mod downstream;
mod guard;
mod metrics;
mod second;
mod worker;

use std::future::poll_fn;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use clap::Args;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time;

use self::body::{Packing, Shape};
use self::downstream::{Answer, Downstream};
use self::guard::Token;
use self::metrics::{Metrics, Status};
use self::second::SecondFile;
use self::worker::{Enriched, Job, Worker};
use crate::inputs::same;
use crate::opened::{Configuration, Opened};
use crate::plugin::Plugin;
use crate::terminal::say;
use crate::{Ending, summary};

/// Bodies that are dealt with at once, in MiB, each counted as one at least; further requests wait, and their senders with
/// them. Memory is bounded by it: what is made of a body takes some four times as much until it has arrived.
const AT_ONCE_MIB: u32 = 64;

/// Connections at once; more wait to be taken.
const CONNECTIONS_MAX: usize = 512;

/// How long a connection may take for the head of a request, and stay open between two. Longer than shippers pause.
const HEAD: Duration = Duration::from_mins(1);

/// How long what has come may take once told to stop: less than a service manager waits before it kills. What is cut off
/// is sent again by its sender, and known by then.
const GRACE: Duration = Duration::from_secs(8);

/// What is read and thrown away of a body that is too large, so that its sender hears why, in bytes.
const DISCARDED_MAX: usize = 256 << 20;

/// Between two messages about the downstream.
const SAID: Duration = Duration::from_secs(10);

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
    /// File with the token to name where --suppressed is a URL
    #[arg(long, value_name = "FILE")]
    pub suppressed_token_file: Option<PathBuf>,
    /// How long sending a request on may take in all; less than the senders' own patience
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
    /// How long sending on may take.
    patience: Duration,
    heard: Mutex<Heard>,
}

/// What was said last about the downstream.
#[derive(Default)]
struct Heard {
    failing: bool,
    said: Option<Instant>,
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
        let filters = config.as_ref().is_some_and(|config| config.filters);
        let neighbours = self.neighbours(filters, &mut problems);
        let (Some(config), Some(neighbours), true) = (config, neighbours, problems.is_empty())
        else {
            for problem in &problems {
                say(problem);
            }
            return Ok(Ending::WrongUsage);
        };
        let opened = Opened::open(&plugin, &config, self.state.as_deref())?;
        let Some(mut opened) = opened else {
            return Ok(Ending::Failed);
        };
        if !opened.holds_no_line() {
            return Ok(Ending::Failed);
        }
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
    fn serve(&self, opened: Opened, neighbours: Neighbours) -> Result<Ending, String> {
        let (has_second, suppressed_url, suppressed_file) = match neighbours.suppressed {
            Second::Nowhere => (false, None, None),
            Second::Url(downstream) => (true, Some(downstream), None),
            Second::File(path) => {
                let file = SecondFile::open(&path).map_err(|error| format!("{error:#}"))?;
                (true, None, Some(file))
            }
        };
        let mut worker = Worker::new(opened, suppressed_file, has_second);

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
            patience: Duration::from_secs(self.forward_secs),
            heard: Mutex::default(),
        };
        let serving = runtime.spawn(listen(listener, bridge));
        // Until what has come is done, or has to be left.
        worker.work(to_do);
        let served = runtime.block_on(serving);
        served.map_err(|error| error.to_string())?;

        let mut ending = Ending::Done;
        if !worker.has_state() {
            let left = worker.drain();
            if !left.is_empty() {
                let kind = LINES_TYPE;
                let sent = downstream.send(Shape::Lines, &kind, left.as_bytes());
                let sent = runtime.block_on(sent);
                if !sent.answer.is_arrived() || !sent.too_large.is_empty() {
                    let count = left.lines().count();
                    say(&format!(
                        "{count} open roll-ups did not arrive downstream; --state would keep them"
                    ));
                    ending = Ending::Failed;
                }
            }
        }
        runtime.shutdown_background();
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
async fn listen(listener: TcpListener, bridge: Bridge) {
    let bridge = Arc::new(bridge);
    let router = Router::new()
        .route("/metrics", get(metrics))
        .fallback(take)
        .with_state(Arc::clone(&bridge))
        .layer(middleware::from_fn_with_state(Arc::clone(&bridge), let_in))
        // After the guard: whether it is alive is nobody's secret.
        .route("/health", get(async || "fine\n"));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let open = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut stop = pin!(told_to_stop());
    loop {
        let taken = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            taken = taken => taken,
            () = &mut stop => break,
        };
        let Ok((stream, _)) = accepted else {
            // Too many files are open, mostly; that passes.
            time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = open.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // How a connection ends is its sender's matter.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    say("told to stop; finishing what has come");
    // Should the end not be reached, this much is safe.
    let _ = bridge.jobs.send(Job::Save).await;
    let finished = async {
        open.shutdown().await;
        // What was begun for a sender that has gone since is finished as well.
        let _ = bridge.room.acquire_many(bridge.room_mib).await;
    };
    tokio::select! {
        () = finished => {}
        () = time::sleep(GRACE) => say("not all has finished; its senders will send it again"),
        () = told_to_stop() => say("told again; the rest will be sent again"),
    }
    let _ = bridge.jobs.send(Job::Stop).await;
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
    let (head, body) = request.into_parts();
    let header = |name| head.headers.get(name);
    let Some(packing) = Packing::named(header(header::CONTENT_ENCODING)) else {
        let mut answer = Answer::of(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "packed in a way that is not known here; gzip and deflate are",
        );
        let known = HeaderValue::from_static("gzip, deflate");
        answer.headers.insert(header::ACCEPT_ENCODING, known);
        return answer;
    };
    let length = header(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let kind = header(header::CONTENT_TYPE).cloned().unwrap_or(LINES_TYPE);
    let bytes_max = (bridge.body_mib as usize) << 20;
    // How much there is to come is not always known; then it is accounted for once it is there.
    let mut mib = length.map_or(1, whole_mib).min(bridge.body_mib);
    let stopping = || Answer::of(StatusCode::SERVICE_UNAVAILABLE, "stopping");
    let Ok(mut room) = Arc::clone(&bridge.room).acquire_many_owned(mib).await else {
        return stopping();
    };
    let read = read(body, bytes_max);
    let bytes = match time::timeout(Duration::from_secs(BODY_SECS), read).await {
        Ok(Ok(bytes)) => packing.unpack(bytes, bytes_max),
        Ok(Err(answer)) => return answer,
        Err(_) => {
            return Answer::of(
                StatusCode::REQUEST_TIMEOUT,
                "the request took too long to arrive",
            );
        }
    };
    let bytes = match bytes {
        Ok(bytes) if bytes.len() > bytes_max => return too_large(),
        Ok(bytes) => bytes,
        Err(error) => {
            return Answer::of(
                StatusCode::BAD_REQUEST,
                format!("cannot be unpacked: {error}"),
            );
        }
    };
    let needed = whole_mib(bytes.len() as u64).min(bridge.body_mib);
    if needed > mib {
        // Given back first: two that wait for each other's room would wait for ever.
        drop(room);
        mib = needed;
        let Ok(larger) = Arc::clone(&bridge.room).acquire_many_owned(mib).await else {
            return stopping();
        };
        room = larger;
    }
    drop(room.split(mib.saturating_sub(needed) as usize));
    // Apart from the connection: a sender that goes while the downstream is slow must not leave its lines in between.
    let bridge = Arc::clone(bridge);
    let carried = tokio::spawn(async move {
        bridge.metrics.on_the_way.inc();
        let answer = bridge.carry(bytes, kind).await;
        bridge.metrics.on_the_way.dec();
        drop(room);
        answer
    });
    carried
        .await
        .unwrap_or_else(|_| Answer::of(StatusCode::INTERNAL_SERVER_ERROR, "a defect of the bridge"))
}

/// The whole of a body. An error is what its sender is told.
async fn read(mut body: Body, bytes_max: usize) -> Result<Vec<u8>, Answer> {
    let (mut bytes, mut discarded) = (Vec::new(), 0);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(frame) = frame else {
            return Err(Answer::of(StatusCode::BAD_REQUEST, "the body broke off"));
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if discarded == 0 && bytes.len() + data.len() <= bytes_max {
            bytes.extend_from_slice(&data);
            continue;
        }
        // Whoever still writes when the connection is closed does not hear why, and tries again for ever.
        bytes = Vec::new();
        discarded += data.len();
        if discarded > DISCARDED_MAX {
            break;
        }
    }
    if discarded > 0 {
        return Err(too_large());
    }
    Ok(bytes)
}

fn too_large() -> Answer {
    Answer::of(
        StatusCode::PAYLOAD_TOO_LARGE,
        "larger than --body-mib allows",
    )
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
        let is_json = kind.as_bytes().starts_with(b"application/json");
        let (shape, lines) = body::read(bytes, is_json);
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
            Err(_) => return Answer::of(StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        };
        let request = enriched.request;
        let delivered = time::timeout(self.patience, self.deliver(enriched, shape, &kind)).await;
        let (answer, settled) = delivered.unwrap_or_else(|_| {
            let late = Answer::of(
                StatusCode::GATEWAY_TIMEOUT,
                "the downstream does not answer in time",
            );
            (late, false)
        });
        if !answer.is_arrived() {
            let shown = self.downstream.shown();
            self.heard(false, &format!("{shown}: {}", answer.shown()));
        }
        let ended = if settled {
            Job::Arrived(request)
        } else {
            Job::Failed(request)
        };
        // Before the sender hears: what it sends next is dealt with after this.
        let _ = self.jobs.send(ended).await;
        answer
    }

    /// Sends on what was made of a request. Suppressed records first: what stands for them in the stream comes after
    /// them. The answer, and whether its sender has no more to do.
    async fn deliver(
        &self,
        enriched: Enriched,
        shape: Shape,
        kind: &HeaderValue,
    ) -> (Answer, bool) {
        let mut kept = enriched.kept;
        if let Some(second) = &self.suppressed
            && !enriched.suppressed.is_empty()
        {
            let sent = second
                .send(Shape::Lines, &LINES_TYPE, &enriched.suppressed)
                .await;
            if !sent.answer.is_arrived() {
                // Whatever it says, the sender has to come again: other records wait behind these.
                let mut answer = Answer::of(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the second output does not take what is suppressed",
                );
                answer.cause = Some(format!("{}: {}", second.shown(), sent.answer.shown()));
                let after = sent.answer.headers.get(header::RETRY_AFTER);
                answer
                    .headers
                    .extend(after.map(|after| (header::RETRY_AFTER, after.clone())));
                return (answer, false);
            }
            // What has no place there stays in the stream.
            if !sent.too_large.is_empty() && !kept.is_empty() && !kept.ends_with(b"\n") {
                kept.push(b'\n');
            }
            kept.extend(sent.too_large);
            let arrived = Job::SuppressedArrived(enriched.request);
            let _ = self.jobs.send(arrived).await;
        }
        if kept.is_empty() {
            return (Answer::of(StatusCode::OK, ""), true);
        }
        let began = Instant::now();
        let sent = self.downstream.send(shape, kind, &kept).await;
        self.metrics.forward.observe(began.elapsed().as_secs_f64());
        if !sent.answer.is_arrived() {
            return (sent.answer, false);
        }
        self.heard(true, "");
        if sent.too_large.is_empty() {
            return (sent.answer, true);
        }
        // All others have arrived, and the sender of a 413 does not come again.
        let too_large = Answer::of(
            StatusCode::PAYLOAD_TOO_LARGE,
            "a record is larger than the downstream takes; all others have arrived",
        );
        (too_large, true)
    }

    /// Says that records do not arrive, or that they do again: when that changes, and not more often than there is
    /// something to read.
    fn heard(&self, arrived: bool, what: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let recently = heard.said.is_some_and(|said| said.elapsed() < SAID);
        if heard.failing != arrived || recently && !arrived {
            return;
        }
        heard.failing = !arrived;
        if arrived {
            say("records arrive again");
        } else {
            heard.said = Some(Instant::now());
            say(&format!(
                "records do not arrive, and their senders are told so: {what}"
            ));
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.status, self.headers, self.text).into_response()
    }
}

//! HTTP: connections, who is let in, and the bodies of requests.

use std::future::poll_fn;
use std::io::Read as _;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router, middleware};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{self, Instant};
use tokio_io_timeout::TimeoutStream;

use super::body::Packing;
use super::bridge::Bridge;
use super::courier::Call;
use super::downstream::{Answer, LINES_TYPE};
use super::guard::Token;
use super::metrics::{self, Status};
use super::room::{Peers, Room, Rooms};
use super::worker::Job;
use crate::terminal::say;

/// What a body may hold before it takes up room, in bytes: a sender that says it will send much and sends little keeps
/// nobody waiting.
const ROOMLESS_BYTES: usize = 64 << 10;

/// What a sender has to send each second once its request takes up room, in bytes, and the seconds that it may pause.
const BYTES_A_SECOND: u32 = 64 << 10;
const PAUSE: Duration = Duration::from_secs(5);

/// Connections at once; more wait to be taken.
const CONNECTIONS_MAX: usize = 512;

/// Connections from one address. One more is closed at once.
pub const PEER_CONNECTIONS_MAX: usize = CONNECTIONS_MAX / 2;

/// How long an answer may wait to be read.
const WRITE: Duration = Duration::from_secs(30);

/// How long a connection may take for the head of a request, and stay open between two. Longer than shippers pause.
const HEAD: Duration = Duration::from_mins(1);

/// How long what has come may take once told to stop: less than a service manager waits before it kills. What is cut off
/// is sent again by its sender, and known by then.
const GRACE: Duration = Duration::from_secs(8);

/// What is unpacked at once, in bytes.
const UNPACKED_BYTES: usize = 1 << 20;

/// What a line takes up besides itself until it has arrived, in bytes: what is added to it, twice, and its place in the
/// tables of what has not arrived.
const LINE_COST_BYTES: usize = 512;

/// What is read and thrown away of a body that is too large, so that its sender hears why, in bytes.
const DISCARDED_MAX: usize = 256 << 20;

/// How long a sender may take for a request. Then it is told so, and tries again.
const BODY: Duration = Duration::from_mins(1);

/// Who has no token keeps no connection.
const CLOSE: (HeaderName, HeaderValue) = (header::CONNECTION, HeaderValue::from_static("close"));

/// What the handlers share.
struct Shared {
    bridge: Bridge,
    token: Option<Token>,
    rooms: Rooms,
    /// The largest body, in MiB.
    body_mib: u32,
}

/// Where a request comes from.
#[derive(Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Takes connections until told to stop, and then deals with what has come. `token`: what senders must name;
/// `body_mib`: the largest body, in MiB. `courier` is told when it may end.
pub async fn listen(
    listener: TcpListener,
    bridge: Bridge,
    token: Option<Token>,
    body_mib: u32,
    courier: JoinHandle<()>,
) {
    let shared = Arc::new(Shared {
        rooms: Rooms::new(Arc::clone(&bridge.log)),
        bridge,
        token,
        body_mib,
    });
    let router = Router::new()
        .route("/metrics", get(metrics))
        .fallback(take)
        .with_state(Arc::clone(&shared))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), let_in))
        // After the guard: whether it is alive is nobody's secret.
        .route("/health", get(async || ([CLOSE], "fine\n")));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let open = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let peers = Peers::default();
    let mut stop = pin!(told_to_stop());
    loop {
        let next = async {
            if places.available_permits() == 0 {
                let full = format!("{CONNECTIONS_MAX} connections are open; more wait to be taken");
                shared.bridge.log.happened(&full, "");
            }
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = &mut stop => break,
        };
        let (stream, peer) = match accepted {
            Ok((stream, peer)) => (stream, Peer(peer.ip())),
            Err(error) => {
                // Too many files are open, mostly; that passes.
                let what = format!("a connection could not be taken: {error}");
                shared.bridge.log.happened(&what, "");
                time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(of_peer) = peers.take(peer) else {
            shared.bridge.log.happened(
                "an address has as many connections as one may; more from there are closed",
                &format!("; it is {}", peer.0),
            );
            continue;
        };
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE));
        let stream = TokioIo::new(Box::pin(stream));
        let handler = TowerToHyperService::new(router.clone());
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(peer);
            handler.call(request)
        });
        let connection = open.watch(http.serve_connection(stream, service));
        tokio::spawn(async move {
            // How a connection ends is its sender's matter.
            let _ = connection.await;
            drop((place, of_peer));
        });
    }
    drop(listener);
    say("told to stop; finishing what has come");
    // Should the end not be reached, this much is safe.
    let _ = shared.bridge.jobs.send(Job::Save).await;
    let finished = async {
        open.shutdown().await;
        // What was begun for a sender that has gone since is finished as well.
        shared.rooms.all_free().await;
        let _ = shared.bridge.courier.send(Call::Last).await;
        let _ = courier.await;
    };
    tokio::select! {
        () = finished => {}
        () = time::sleep(GRACE) => say("not all has finished; its senders will send it again"),
        () = told_to_stop() => say("told again; the rest will be sent again"),
    }
    let _ = shared.bridge.jobs.send(Job::Stop).await;
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
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: middleware::Next,
) -> Response {
    if shared
        .token
        .as_ref()
        .is_none_or(|token| token.is_in(request.headers()))
    {
        return next.run(request).await;
    }
    let mut answer = Answer::of(StatusCode::UNAUTHORIZED, "the token is missing or wrong");
    let scheme = HeaderValue::from_static("Bearer");
    answer.headers.insert(header::WWW_AUTHENTICATE, scheme);
    answer.headers.extend([CLOSE]);
    refuse(&shared, peer, answer)
}

/// All counts, for Prometheus.
async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let (reply, counters) = oneshot::channel();
    let _ = shared.bridge.jobs.send(Job::Stats(reply)).await;
    let text = shared
        .bridge
        .metrics
        .text(counters.await.unwrap_or_default());
    let kind = [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)];
    (kind, text.unwrap_or_default()).into_response()
}

/// Takes a request with records.
async fn take(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    match *request.method() {
        Method::POST | Method::PUT => {}
        // Vector asks so whether its sink is healthy.
        Method::HEAD => return told(&shared, Answer::of(StatusCode::OK, "")),
        _ => {
            let answer = Answer::of(StatusCode::METHOD_NOT_ALLOWED, "records come by POST");
            return refuse(&shared, peer, answer);
        }
    }
    let Received { bytes, kind, room } = match shared.receive(request).await {
        Ok(received) => received,
        Err(answer) => return refuse(&shared, peer, answer),
    };
    // Apart from the connection: a sender that goes while the downstream is slow must not leave its lines in between.
    let bridge = Arc::clone(&shared);
    let carried = tokio::spawn(async move {
        let bridge = &bridge.bridge;
        bridge.metrics.on_the_way.inc();
        let answer = bridge.carry(bytes, kind).await;
        bridge.metrics.on_the_way.dec();
        drop(room);
        answer
    });
    let answer = carried.await;
    let answer = answer.unwrap_or_else(|_| {
        Answer::of(StatusCode::INTERNAL_SERVER_ERROR, "a defect of the bridge")
    });
    told(&shared, answer)
}

/// Counts an answer, and gives it to its sender.
fn told(shared: &Shared, answer: Answer) -> Response {
    let status = answer.status.as_u16();
    let requests = &shared.bridge.metrics.requests;
    requests.get_or_create(&Status { status }).inc();
    (answer.status, answer.headers, answer.text).into_response()
}

/// Says that a request goes no further, which is its sender's doing.
fn refuse(shared: &Shared, Peer(peer): Peer, answer: Answer) -> Response {
    let why = String::from_utf8_lossy(&answer.text);
    let what = format!("refused a request: {}, {}", answer.status, why.trim_end());
    shared
        .bridge
        .log
        .happened(&what, &format!("; it came from {peer}"));
    told(shared, answer)
}

/// A request that has come whole.
struct Received {
    bytes: Vec<u8>,
    kind: HeaderValue,
    /// What it takes up.
    room: Room,
}

impl Shared {
    /// The body of a request, unpacked. An error is what its sender is told.
    async fn receive(&self, request: Request) -> Result<Received, Answer> {
        let (head, body) = request.into_parts();
        let mut encodings = head.headers.get_all(header::CONTENT_ENCODING).iter();
        let packing = Packing::named(encodings.next()).filter(|_| encodings.next().is_none());
        let Some(packing) = packing else {
            let mut answer = Answer::of(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "packed in a way that is not known here; gzip and deflate are",
            );
            let known = HeaderValue::from_static("gzip, deflate");
            answer.headers.insert(header::ACCEPT_ENCODING, known);
            return Err(answer);
        };
        let kind = head.headers.get(header::CONTENT_TYPE).cloned();
        let mut room = self.rooms.room();
        let mut bytes = self.read(body, &mut room).await?;
        let packing = packing.or_by(&bytes);
        if packing != Packing::None {
            bytes = self.unpack(packing, bytes, &mut room).await?;
        }
        // Each line has its own cost, however short it is.
        let lines = memchr::memchr_iter(b'\n', &bytes).count();
        room.hold(bytes.len() + lines * LINE_COST_BYTES).await;
        Ok(Received {
            bytes,
            kind: kind.unwrap_or(LINES_TYPE),
            room,
        })
    }

    /// The largest body, in bytes.
    fn bytes_max(&self) -> usize {
        (self.body_mib as usize) << 20
    }

    /// The whole of a body, in its room.
    async fn read(&self, mut body: Body, room: &mut Room) -> Result<Vec<u8>, Answer> {
        let bytes_max = self.bytes_max();
        let (mut bytes, mut discarded) = (Vec::new(), 0);
        let mut until = Instant::now() + BODY;
        // Since when it takes up room.
        let mut since = None;
        loop {
            let next = poll_fn(|context| Pin::new(&mut body).poll_frame(context));
            let in_time = |since: Instant| since + PAUSE + seconds(bytes.len());
            let at_the_latest = since.map_or(until, |since| in_time(since).min(until));
            let frame = match time::timeout_at(at_the_latest, next).await {
                Ok(None) => break,
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(_))) => {
                    return Err(Answer::of(StatusCode::BAD_REQUEST, "the body broke off"));
                }
                Err(_) => {
                    return Err(Answer::of(
                        StatusCode::REQUEST_TIMEOUT,
                        "the request took too long to arrive",
                    ));
                }
            };
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if discarded > 0 || bytes.len() + data.len() > bytes_max {
                // Whoever still writes when the connection is closed does not hear why, and tries again for ever.
                bytes = Vec::new();
                room.give_back();
                since = None;
                discarded += data.len();
                if discarded > DISCARDED_MAX {
                    break;
                }
                continue;
            }
            if bytes.len() + data.len() > ROOMLESS_BYTES {
                let began = Instant::now();
                room.hold(bytes.len() + data.len()).await;
                // That was not the sender's time.
                let waited = began.elapsed();
                until += waited;
                since = Some(since.map_or(began, |since: Instant| since) + waited);
            }
            bytes.extend_from_slice(&data);
        }
        if discarded > 0 {
            return Err(too_large());
        }
        Ok(bytes)
    }

    /// What a body holds, unpacked a piece at a time.
    async fn unpack(
        &self,
        packing: Packing,
        packed: Vec<u8>,
        room: &mut Room,
    ) -> Result<Vec<u8>, Answer> {
        let mut reader = packing.reader(&packed);
        let mut bytes = Vec::new();
        loop {
            room.hold(packed.len() + bytes.len() + UNPACKED_BYTES).await;
            let before = bytes.len();
            let read = reader
                .by_ref()
                .take(UNPACKED_BYTES as u64)
                .read_to_end(&mut bytes);
            if let Err(error) = read {
                let what = format!("cannot be unpacked: {error}");
                return Err(Answer::of(StatusCode::BAD_REQUEST, what));
            }
            if bytes.len() > self.bytes_max() {
                return Err(too_large());
            }
            if bytes.len() == before {
                return Ok(bytes);
            }
        }
    }
}

/// How long so many bytes may take to come.
fn seconds(bytes: usize) -> Duration {
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    Duration::from_secs(u64::from(bytes / BYTES_A_SECOND))
}

fn too_large() -> Answer {
    Answer::of(
        StatusCode::PAYLOAD_TOO_LARGE,
        "larger than --body-mib allows",
    )
}

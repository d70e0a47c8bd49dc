//! HTTP: connections, who is let in, and the bodies of requests.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
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
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{self, Instant};

use super::body::Packing;
use super::bridge::Bridge;
use super::downstream::{Answer, LINES_TYPE};
use super::guard::Token;
use super::metrics::{self, Status};
use super::worker::Job;
use crate::terminal::say;

/// Bodies that are dealt with at once, in MiB, each counted as one at least; further requests wait, and their senders with
/// them. Memory is bounded by it: what is made of a body takes some four times as much until it has arrived. For what
/// is unpacked there is as much again.
const AT_ONCE_MIB: u32 = 64;

/// What a body may hold before it takes up room, in bytes: a sender that says it will send much and sends little keeps
/// nobody waiting.
const ROOMLESS_BYTES: usize = 64 << 10;

/// Connections at once; more wait to be taken.
const CONNECTIONS_MAX: usize = 512;

/// How long a connection may take for the head of a request, and stay open between two. Longer than shippers pause.
const HEAD: Duration = Duration::from_mins(1);

/// How long what has come may take once told to stop: less than a service manager waits before it kills. What is cut off
/// is sent again by its sender, and known by then.
const GRACE: Duration = Duration::from_secs(8);

/// What is read and thrown away of a body that is too large, so that its sender hears why, in bytes.
const DISCARDED_MAX: usize = 256 << 20;

/// How long a sender may take for a request. Then it is told so, and tries again.
const BODY: Duration = Duration::from_mins(1);

/// What the handlers share.
struct Shared {
    bridge: Bridge,
    token: Option<Token>,
    /// For bodies as they come, in MiB.
    room: Arc<Semaphore>,
    /// For bodies that were unpacked. Who has some of it waits for no more of either.
    unpacked_room: Arc<Semaphore>,
    /// The largest body, in MiB.
    body_mib: u32,
}

/// Where a request comes from.
#[derive(Clone, Copy)]
struct Peer(IpAddr);

/// Takes connections until told to stop, and then deals with what has come. `token`: what senders must name;
/// `body_mib`: the largest body, in MiB.
pub async fn listen(listener: TcpListener, bridge: Bridge, token: Option<Token>, body_mib: u32) {
    // A body of the largest size must fit.
    let room_mib = AT_ONCE_MIB.max(body_mib);
    let shared = Arc::new(Shared {
        bridge,
        token,
        room: Arc::new(Semaphore::new(room_mib as usize)),
        unpacked_room: Arc::new(Semaphore::new(room_mib as usize)),
        body_mib,
    });
    let router = Router::new()
        .route("/metrics", get(metrics))
        .fallback(take)
        .with_state(Arc::clone(&shared))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), let_in))
        // After the guard: whether it is alive is nobody's secret.
        .route("/health", get(async || "fine\n"));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let open = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
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
        let handler = TowerToHyperService::new(router.clone());
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(peer);
            handler.call(request)
        });
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
    let _ = shared.bridge.jobs.send(Job::Save).await;
    let finished = async {
        open.shutdown().await;
        // What was begun for a sender that has gone since is finished as well.
        let _ = shared.room.acquire_many(room_mib).await;
        let _ = shared.unpacked_room.acquire_many(room_mib).await;
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
    room: OwnedSemaphorePermit,
}

impl Shared {
    /// The body of a request, unpacked. An error is what its sender is told.
    async fn receive(&self, request: Request) -> Result<Received, Answer> {
        let (head, body) = request.into_parts();
        let header = |name| head.headers.get(name);
        let Some(packing) = Packing::named(header(header::CONTENT_ENCODING)) else {
            let mut answer = Answer::of(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "packed in a way that is not known here; gzip and deflate are",
            );
            let known = HeaderValue::from_static("gzip, deflate");
            answer.headers.insert(header::ACCEPT_ENCODING, known);
            return Err(answer);
        };
        let length =
            header(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let kind = header(header::CONTENT_TYPE).cloned().unwrap_or(LINES_TYPE);
        let (bytes, room) = self.read(body, length).await?;
        if packing == Packing::None {
            return Ok(Received { bytes, kind, room });
        }
        // How large it will be is known afterwards.
        let unpacked_room = self.claim(&self.unpacked_room, self.body_mib).await?;
        let bytes_max = self.bytes_max();
        let bytes = packing.unpack(bytes, bytes_max).map_err(|error| {
            Answer::of(
                StatusCode::BAD_REQUEST,
                format!("cannot be unpacked: {error}"),
            )
        })?;
        if bytes.len() > bytes_max {
            return Err(too_large());
        }
        let room = keep(unpacked_room, bytes.len());
        Ok(Received { bytes, kind, room })
    }

    /// The largest body, in bytes.
    fn bytes_max(&self) -> usize {
        (self.body_mib as usize) << 20
    }

    /// Waits for room. An error is what a sender is told.
    async fn claim(&self, room: &Arc<Semaphore>, mib: u32) -> Result<OwnedSemaphorePermit, Answer> {
        if let Ok(claimed) = Arc::clone(room).try_acquire_many_owned(mib) {
            return Ok(claimed);
        }
        self.bridge.log.happened(
            "requests wait: as many have come as are dealt with at once",
            "",
        );
        let claimed = Arc::clone(room).acquire_many_owned(mib).await;
        claimed.map_err(|_| Answer::of(StatusCode::SERVICE_UNAVAILABLE, "stopping"))
    }

    /// The whole of a body, and the room that it takes up. `length`: as its sender says, in bytes.
    async fn read(
        &self,
        mut body: Body,
        length: Option<u64>,
    ) -> Result<(Vec<u8>, OwnedSemaphorePermit), Answer> {
        let bytes_max = self.bytes_max();
        // How much there is to come is not always said.
        let mib = length.map_or(self.body_mib, whole_mib).min(self.body_mib);
        let (mut bytes, mut room, mut discarded) = (Vec::new(), None, 0);
        let mut until = Instant::now() + BODY;
        loop {
            let next = poll_fn(|context| Pin::new(&mut body).poll_frame(context));
            let frame = match time::timeout_at(until, next).await {
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
                (bytes, room) = (Vec::new(), None);
                discarded += data.len();
                if discarded > DISCARDED_MAX {
                    break;
                }
                continue;
            }
            if room.is_none() && bytes.len() + data.len() > ROOMLESS_BYTES {
                let began = Instant::now();
                room = Some(self.claim(&self.room, mib).await?);
                // That was not the sender's time.
                until += began.elapsed();
            }
            bytes.extend_from_slice(&data);
        }
        if discarded > 0 {
            return Err(too_large());
        }
        let room = match room {
            Some(room) => room,
            None => self.claim(&self.room, 1).await?,
        };
        let room = keep(room, bytes.len());
        Ok((bytes, room))
    }
}

/// Gives back what a body does not need of its room.
fn keep(mut room: OwnedSemaphorePermit, bytes: usize) -> OwnedSemaphorePermit {
    let needed = whole_mib(bytes as u64) as usize;
    let spare = room.num_permits().saturating_sub(needed);
    drop(room.split(spare));
    room
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

//! HTTP: connections, who is let in, and the bodies of requests.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, oneshot};
use tokio::time;

use super::body::Packing;
use super::bridge::Bridge;
use super::downstream::{Answer, LINES_TYPE};
use super::guard::Token;
use super::metrics::{self, Status};
use super::worker::Job;
use crate::terminal::say;

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

/// How long a sender may take for a request, in seconds. Then it is told so, and tries again.
const BODY_SECS: u64 = 60;

/// What the handlers share.
struct Shared {
    bridge: Bridge,
    token: Option<Token>,
    /// For bodies, in MiB.
    room: Arc<Semaphore>,
    /// The largest body, in MiB.
    body_mib: u32,
}

/// Takes connections until told to stop, and then deals with what has come. `token`: what senders must name;
/// `body_mib`: the largest body, in MiB.
pub async fn listen(listener: TcpListener, bridge: Bridge, token: Option<Token>, body_mib: u32) {
    // A body of the largest size must fit.
    let room_mib = AT_ONCE_MIB.max(body_mib);
    let shared = Arc::new(Shared {
        bridge,
        token,
        room: Arc::new(Semaphore::new(room_mib as usize)),
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
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
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
    let _ = shared.bridge.jobs.send(Job::Save).await;
    let finished = async {
        open.shutdown().await;
        // What was begun for a sender that has gone since is finished as well.
        let _ = shared.room.acquire_many(room_mib).await;
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
    told(&shared, answer)
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
async fn take(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let answer = answer(&shared, request).await;
    told(&shared, answer)
}

/// Counts an answer, and gives it to its sender.
fn told(shared: &Shared, answer: Answer) -> Response {
    let status = answer.status.as_u16();
    let requests = &shared.bridge.metrics.requests;
    requests.get_or_create(&Status { status }).inc();
    (answer.status, answer.headers, answer.text).into_response()
}

async fn answer(shared: &Arc<Shared>, request: Request) -> Answer {
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
    let bytes_max = (shared.body_mib as usize) << 20;
    // How much there is to come is not always known; then it is accounted for once it is there.
    let mib = length.map_or(1, whole_mib).min(shared.body_mib);
    let stopping = || Answer::of(StatusCode::SERVICE_UNAVAILABLE, "stopping");
    let Ok(mut room) = Arc::clone(&shared.room).acquire_many_owned(mib).await else {
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
    let needed = whole_mib(bytes.len() as u64).min(shared.body_mib);
    if needed > mib {
        // Given back first: two that wait for each other's room would wait for ever.
        drop(room);
        let Ok(larger) = Arc::clone(&shared.room).acquire_many_owned(needed).await else {
            return stopping();
        };
        room = larger;
    } else {
        drop(room.split((mib - needed) as usize));
    }
    // Apart from the connection: a sender that goes while the downstream is slow must not leave its lines in between.
    let shared = Arc::clone(shared);
    let carried = tokio::spawn(async move {
        shared.bridge.metrics.on_the_way.inc();
        let answer = shared.bridge.carry(bytes, kind).await;
        shared.bridge.metrics.on_the_way.dec();
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

//! Sending on, and what the answer means for the sender.

use std::error::Error as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use reqwest::{Client, Url, redirect};
use tokio::time;

use super::body::{self, Shape};

/// Type of what came without one.
pub const LINES_TYPE: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// Most of a downstream's answer that is passed back, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// How long its text may take once the status is there.
const ANSWER_TEXT: Duration = Duration::from_secs(1);

/// Headers of a downstream's answer that are passed back.
const ANSWER_HEADERS: [HeaderName; 2] = [header::CONTENT_TYPE, header::RETRY_AFTER];

/// Where records go.
#[derive(Clone)]
pub struct Downstream {
    client: Client,
    url: Url,
    /// Of the `Authorization` header.
    token: Option<HeaderValue>,
    /// How many bytes of lines it is sent at once: half of what it last found too large, and slowly more.
    takes: Arc<AtomicUsize>,
}

/// What a sender is told.
#[derive(Debug, Clone)]
pub struct Answer {
    /// 2xx only where all has arrived.
    pub status: StatusCode,
    /// `Content-Type` and `Retry-After`.
    pub headers: HeaderMap,
    /// Its text.
    pub text: Bytes,
    /// Why, for our own log; `None`: the status says it.
    pub cause: Option<String>,
}

impl Answer {
    /// One of our own.
    pub fn of(status: StatusCode, text: impl Into<String>) -> Self {
        let mut text = text.into();
        let mut headers = HeaderMap::new();
        if !text.is_empty() {
            text.push('\n');
            let plain = HeaderValue::from_static("text/plain; charset=utf-8");
            headers.insert(header::CONTENT_TYPE, plain);
        }
        Answer {
            status,
            headers,
            text: text.into(),
            cause: None,
        }
    }

    /// Whether what was sent has arrived.
    pub fn is_arrived(&self) -> bool {
        self.status.is_success()
    }

    /// What went wrong, for our own log.
    pub fn shown(&self) -> String {
        self.cause
            .clone()
            .unwrap_or_else(|| self.status.to_string())
    }
}

/// What became of lines that were sent on.
pub struct Sent {
    /// What the downstream said.
    pub answer: Answer,
    /// Lines that each alone are too large for it. All others have arrived where `answer` says so.
    pub too_large: Vec<u8>,
}

/// Lines that have arrived though not all have, because they were sent in parts.
pub type Parts = Vec<u8>;

impl Downstream {
    /// `token`: what goes behind `Bearer` in each request.
    ///
    /// # Errors
    /// The address is none that can be sent to, or no certificate of the system can be read.
    pub fn new(address: &str, token: Option<&str>, timeout: Duration) -> Result<Downstream> {
        let url = Url::parse(address).context("not an address to forward to")?;
        ensure!(
            ["http", "https"].contains(&url.scheme()) && url.has_host(),
            "not an address to forward to: begin it with http:// or https://"
        );
        let has_user = !url.username().is_empty() || url.password().is_some();
        ensure!(
            !has_user || token.is_none(),
            "has a user in it, and there is a token as well; only one can be sent"
        );
        // A second time it is there already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("signin-triage/", env!("CARGO_PKG_VERSION")))
            // A POST that follows one becomes a GET, and the records are gone.
            .redirect(redirect::Policy::none())
            .connect_timeout(timeout.min(Duration::from_secs(10)))
            .timeout(timeout);
        if url.scheme() == "http" {
            // The certificates of the system are not looked for where none is needed.
            builder = builder.tls_certs_only([]);
        }
        if is_here(&url) {
            // What is on this machine is not looked for elsewhere.
            builder = builder.no_proxy();
        }
        let token = token.map(|token| {
            HeaderValue::try_from(format!("Bearer {token}")).map(|mut value| {
                value.set_sensitive(true);
                value
            })
        });
        Ok(Downstream {
            client: builder.build()?,
            url,
            token: token.transpose().context("not a token")?,
            takes: Arc::new(AtomicUsize::new(usize::MAX)),
        })
    }

    /// Whether it is where this program listens.
    pub fn is_at(&self, listen: SocketAddr) -> bool {
        let here = listen.ip().is_loopback() || listen.ip().is_unspecified();
        self.url.port_or_known_default() == Some(listen.port()) && here && is_here(&self.url)
    }

    /// The address without what may be secret in it: some downstreams have their token in the path.
    pub fn shown(&self) -> String {
        let mut url = self.url.clone();
        url.set_path("");
        url.set_query(None);
        url.set_fragment(None);
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.to_string()
    }

    /// Sends lines on. What a downstream finds too large at once is sent in parts: it was we who made it larger.
    pub async fn send(&self, shape: Shape, kind: &HeaderValue, lines: &[u8]) -> Sent {
        self.send_in_parts(shape, kind, lines, &mut Parts::new())
            .await
    }

    /// The same. Parts that arrive before others are added to `arrived`, also where this is given up on the way.
    pub async fn send_in_parts(
        &self,
        shape: Shape,
        kind: &HeaderValue,
        lines: &[u8],
        arrived: &mut Parts,
    ) -> Sent {
        let mut parts = vec![lines];
        let mut sent = Sent {
            answer: Answer::of(StatusCode::OK, ""),
            too_large: Vec::new(),
        };
        while let Some(part) = parts.pop() {
            let takes = self.takes.load(Ordering::Relaxed);
            if part.len() > takes
                && let Some((first, second)) = body::halves(part)
            {
                parts.extend([second, first]);
                continue;
            }
            let answer = self.post(kind, body::write(shape, part)).await;
            if answer.status == StatusCode::PAYLOAD_TOO_LARGE {
                if let Some((first, second)) = body::halves(part) {
                    self.takes.fetch_min(part.len() / 2, Ordering::Relaxed);
                    parts.extend([second, first]);
                } else {
                    sent.too_large.extend_from_slice(part);
                }
                continue;
            }
            if !answer.is_arrived() {
                sent.answer = answer;
                break;
            }
            if part.len() > takes / 2 {
                // It may take more than it did once.
                let more = takes.saturating_add(takes / 16);
                let _ =
                    self.takes
                        .compare_exchange(takes, more, Ordering::Relaxed, Ordering::Relaxed);
            }
            if !parts.is_empty() {
                arrived.extend_from_slice(part);
            }
            sent.answer = answer;
        }
        sent
    }

    async fn post(&self, kind: &HeaderValue, bytes: Vec<u8>) -> Answer {
        let request = self.client.post(self.url.clone());
        let request = request.header(header::CONTENT_TYPE, kind).body(bytes);
        let request = match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, token),
            None => request,
        };
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return failed(&error),
        };
        let status = response.status();
        if !(status.is_success() || status.is_client_error() || status.is_server_error()) {
            let why = format!("the downstream answered {status}, which is not followed");
            return Answer {
                cause: Some(why.clone()),
                ..Answer::of(StatusCode::BAD_GATEWAY, why)
            };
        }
        let mut headers = HeaderMap::new();
        for name in ANSWER_HEADERS {
            if let Some(value) = response.headers().get(&name) {
                headers.insert(name, value.clone());
            }
        }
        // The status has come, and with it the decision; a text that breaks off changes nothing.
        let mut text = Vec::new();
        let read = async {
            while let Ok(Some(chunk)) = response.chunk().await {
                let room = ANSWER_BYTES_MAX - text.len();
                text.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
                if chunk.len() >= room {
                    break;
                }
            }
        };
        let _ = time::timeout(ANSWER_TEXT, read).await;
        Answer {
            status,
            headers,
            text: text.into(),
            cause: None,
        }
    }
}

/// Whether an address is one of this machine.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The sender is to try again: all of these are among what shippers take for passing.
fn failed(error: &reqwest::Error) -> Answer {
    let (status, what) = if error.is_timeout() {
        (
            StatusCode::GATEWAY_TIMEOUT,
            "the downstream does not answer in time",
        )
    } else if error.is_connect() {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the downstream cannot be reached",
        )
    } else {
        (StatusCode::BAD_GATEWAY, "the downstream broke off")
    };
    // The innermost says it: "Connection refused", a certificate that is not trusted. The outer ones hold the address.
    let mut innermost = error.source();
    while let Some(source) = innermost.and_then(std::error::Error::source) {
        innermost = Some(source);
    }
    Answer {
        cause: Some(innermost.map_or(what.to_owned(), |cause| format!("{what}: {cause}"))),
        ..Answer::of(status, what)
    }
}

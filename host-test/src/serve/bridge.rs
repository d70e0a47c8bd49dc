//! One request: enriched, sent on, and its sender answered.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderValue, StatusCode, header};
use tokio::sync::{mpsc, oneshot};
use tokio::time;

use super::body::{self, Shape};
use super::downstream::{Answer, Downstream, LINES_TYPE};
use super::metrics::Metrics;
use super::worker::{Enriched, Job};
use crate::terminal::say;

/// Between two messages about the downstream.
const SAID: Duration = Duration::from_secs(10);

/// What all requests share.
pub struct Bridge {
    /// For questions to the session.
    pub jobs: mpsc::Sender<Job>,
    /// What is counted outside the session.
    pub metrics: Metrics,
    downstream: Downstream,
    /// The second output where it is a URL.
    suppressed: Option<Downstream>,
    /// How long sending on may take.
    patience: Duration,
    heard: Mutex<Heard>,
}

/// What was said last about the downstream.
#[derive(Default)]
struct Heard {
    failing: bool,
    what: String,
    said: Option<Instant>,
}

impl Bridge {
    /// `suppressed`: the second output where it is a URL. `patience`: how long sending on may take.
    pub fn new(
        jobs: mpsc::Sender<Job>,
        downstream: Downstream,
        suppressed: Option<Downstream>,
        patience: Duration,
    ) -> Self {
        Bridge {
            jobs,
            metrics: Metrics::default(),
            downstream,
            suppressed,
            patience,
            heard: Mutex::default(),
        }
    }

    /// Enriches a body and sends it on.
    pub async fn carry(&self, bytes: Vec<u8>, kind: HeaderValue) -> Answer {
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
            if sent.too_large.is_empty() {
                let arrived = Job::SuppressedArrived(enriched.request);
                let _ = self.jobs.send(arrived).await;
            } else {
                // What has no place there stays in the stream; until it has arrived there nothing is done with.
                if !kept.is_empty() && !kept.ends_with(b"\n") {
                    kept.push(b'\n');
                }
                kept.extend(sent.too_large);
            }
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
            "a record is larger than the downstream takes; whatever is not has arrived",
        );
        (too_large, true)
    }

    /// Says that records do not arrive and why, or that they do again: when that changes, and not more often than
    /// somebody can read it.
    fn heard(&self, arrived: bool, what: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let recently = heard.said.is_some_and(|said| said.elapsed() < SAID);
        let known = heard.failing != arrived && (arrived || heard.what == what);
        if known || recently && !arrived {
            return;
        }
        what.clone_into(&mut heard.what);
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

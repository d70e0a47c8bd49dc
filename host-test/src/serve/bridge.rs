//! One request: enriched, sent on, and its sender answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{HeaderValue, StatusCode, header};
use tokio::sync::{mpsc, oneshot};
use tokio::time;

use super::body::{self, Shape};
use super::downstream::{Answer, Downstream, LINES_TYPE};
use super::log::Log;
use super::metrics::Metrics;
use super::worker::{Enriched, Job};

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
    /// What is said of the neighbours.
    pub log: Arc<Log>,
}

impl Bridge {
    /// `suppressed`: the second output where it is a URL. `patience`: how long sending on may take.
    pub fn new(
        jobs: mpsc::Sender<Job>,
        downstream: Downstream,
        suppressed: Option<Downstream>,
        patience: Duration,
        log: Arc<Log>,
    ) -> Self {
        Bridge {
            jobs,
            metrics: Metrics::default(),
            downstream,
            suppressed,
            patience,
            log,
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
                self.log.failed(&format!("{error:#}"));
                return Answer::of(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the second output does not take what is suppressed",
                );
            }
            Err(_) => return Answer::of(StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        };
        let request = enriched.request;
        let delivered = time::timeout(self.patience, self.deliver(enriched, shape, &kind)).await;
        let (answer, refused) = delivered.unwrap_or_else(|_| {
            let late = Answer::of(
                StatusCode::GATEWAY_TIMEOUT,
                "the downstream does not answer in time",
            );
            (late, None)
        });
        if !answer.is_arrived() {
            let shown = self.downstream.shown();
            self.log.failed(&format!("{shown}: {}", answer.shown()));
        }
        let ended = match refused {
            Some(refused) => Job::Arrived(request, refused),
            None => Job::Failed(request),
        };
        // Before the sender hears: what it sends next is dealt with after this.
        let _ = self.jobs.send(ended).await;
        answer
    }

    /// Sends on what was made of a request. Suppressed records first: what stands for them in the stream comes after
    /// them. The answer, and where all has arrived the lines that have not because each alone is too large.
    async fn deliver(
        &self,
        enriched: Enriched,
        shape: Shape,
        kind: &HeaderValue,
    ) -> (Answer, Option<Vec<u8>>) {
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
                return (answer, None);
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
            return (Answer::of(StatusCode::OK, ""), Some(Vec::new()));
        }
        let began = Instant::now();
        let sent = self.downstream.send(shape, kind, &kept).await;
        self.metrics.forward.observe(began.elapsed().as_secs_f64());
        if !sent.answer.is_arrived() {
            return (sent.answer, None);
        }
        self.log.arrived();
        if sent.too_large.is_empty() {
            return (sent.answer, Some(Vec::new()));
        }
        // All others have arrived, and the sender of a 413 does not come again.
        let why = "a record is larger than the downstream takes; whatever is not has arrived";
        let mut too_large = Answer::of(StatusCode::PAYLOAD_TOO_LARGE, why);
        too_large.cause = Some(why.to_owned());
        (too_large, Some(sent.too_large))
    }
}

//! One request: enriched, sent on, and its sender answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{HeaderValue, StatusCode, header};
use tokio::sync::{mpsc, oneshot};
use tokio::time;

use super::body::{self, Shape};
use super::courier::Call;
use super::downstream::{Answer, Downstream, LINES_TYPE, Parts};
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
    /// For whom roll-ups go.
    pub courier: mpsc::Sender<Call>,
}

impl Bridge {
    /// `suppressed`: the second output where it is a URL. `patience`: how long sending on may take.
    pub fn new(
        jobs: mpsc::Sender<Job>,
        downstream: Downstream,
        suppressed: Option<Downstream>,
        patience: Duration,
        log: Arc<Log>,
        courier: mpsc::Sender<Call>,
    ) -> Self {
        Bridge {
            jobs,
            metrics: Metrics::default(),
            downstream,
            suppressed,
            patience,
            log,
            courier,
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
        let mut parts = Parts::new();
        let delivered = self.deliver(enriched, shape, &kind, &mut parts);
        let delivered = time::timeout(self.patience, delivered).await;
        let (answer, refused) = delivered.unwrap_or_else(|_| {
            let late = Answer::of(
                StatusCode::GATEWAY_TIMEOUT,
                "the downstream does not answer in time",
            );
            (late, None)
        });
        if !answer.is_arrived() {
            self.log.failed(&match &answer.cause {
                Some(cause) => cause.clone(),
                None => format!("{}: {}", self.downstream.shown(), answer.status),
            });
        }
        let ended = match refused {
            Some(refused) => Job::Arrived(request, refused),
            None => Job::Failed(request, parts),
        };
        // Before the sender hears: what it sends next is dealt with after this.
        let _ = self.jobs.send(ended).await;
        if answer.is_arrived() {
            // Where it has been told already, it looks once more.
            let _ = self.courier.try_send(Call::Go(shape, kind));
        }
        answer
    }

    /// Sends on what was made of a request. Suppressed records first: what stands for them in the stream comes after
    /// them. The answer, and where all has arrived the lines that have not because each alone is too large. `parts`: what
    /// of the records has arrived where not all has.
    async fn deliver(
        &self,
        enriched: Enriched,
        shape: Shape,
        kind: &HeaderValue,
        parts: &mut Parts,
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
        let sent = self
            .downstream
            .send_in_parts(shape, kind, &kept, parts)
            .await;
        self.metrics.forward.observe(began.elapsed().as_secs_f64());
        if !sent.answer.is_arrived() {
            let mut answer = sent.answer;
            answer.cause = answer
                .cause
                .map(|cause| format!("{}: {cause}", self.downstream.shown()));
            return (answer, None);
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

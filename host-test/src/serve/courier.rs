//! Takes roll-ups downstream, by themselves and after the records: one that is refused must not cost a record.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode};
use tokio::sync::{mpsc, oneshot};

use super::body::{self, Shape};
use super::downstream::{Answer, Downstream};
use super::log::Log;
use super::worker::Job;

/// Roll-ups of one request, in bytes.
const REQUEST_BYTES: usize = 1 << 20;

/// What the courier is told.
pub enum Call {
    /// Records of this shape and type have arrived: roll-ups may now. They take the same form.
    Go(Shape, HeaderValue),
    /// Nothing more will come.
    Last,
}

/// See the module.
pub struct Courier {
    /// For questions to the session.
    pub jobs: mpsc::Sender<Job>,
    /// Where they go.
    pub downstream: Downstream,
    /// What is said of it.
    pub log: Arc<Log>,
}

impl Courier {
    /// Works until it is told the last.
    pub async fn work(self, mut calls: mpsc::Receiver<Call>) {
        while let Some(Call::Go(shape, kind)) = calls.recv().await {
            while self.carry(shape, &kind).await {}
        }
    }

    /// Whether some have been taken there, so that there may be more.
    async fn carry(&self, shape: Shape, kind: &HeaderValue) -> bool {
        let (reply, lines) = oneshot::channel();
        if self
            .jobs
            .send(Job::Rollups(REQUEST_BYTES, reply))
            .await
            .is_err()
        {
            return false;
        }
        let Some(lines) = lines.await.ok().filter(|lines| !lines.is_empty()) else {
            return false;
        };
        let delivered = self.deliver(shape, kind, lines.as_bytes()).await;
        if let Err(why) = &delivered {
            let what = format!("roll-ups do not arrive, and are sent again later: {why}");
            self.log.happened(&what, "");
        }
        let done = delivered.is_ok();
        let _ = self.jobs.send(Job::RollupsSent(done)).await;
        done
    }

    /// An error is why they have to be sent again.
    async fn deliver(&self, shape: Shape, kind: &HeaderValue, lines: &[u8]) -> Result<(), String> {
        // Who posts a record at a time has a downstream that takes one at a time.
        let mut parts: Vec<&[u8]> = match shape {
            Shape::One => lines.split_inclusive(|byte| *byte == b'\n').rev().collect(),
            Shape::Lines | Shape::Array => vec![lines],
        };
        while let Some(part) = parts.pop() {
            let sent = self.downstream.send(shape, kind, part).await;
            let refused = is_for_good(&sent.answer);
            if !sent.answer.is_arrived() && !refused {
                return Err(sent.answer.shown());
            }
            if !refused && sent.too_large.is_empty() {
                continue;
            }
            if let (true, Some((first, second))) = (refused, body::halves(part)) {
                parts.extend([second, first]);
                continue;
            }
            let status = if refused {
                sent.answer.status
            } else {
                StatusCode::PAYLOAD_TOO_LARGE
            };
            let what = format!("a roll-up is not taken downstream, and is dropped: {status}");
            self.log.happened(&what, "");
        }
        Ok(())
    }
}

/// Whether the same once more would be refused as well. Credentials and addresses are mended, and load passes.
fn is_for_good(answer: &Answer) -> bool {
    answer.status.is_client_error()
        && !matches!(
            answer.status.as_u16(),
            401 | 403 | 404 | 407 | 408 | 421 | 425 | 429
        )
}

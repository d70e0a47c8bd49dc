//! The counts of the session and of the bridge, as Prometheus reads them.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder, text,
};
use prometheus_client::metrics::counter::{ConstCounter, Counter as LiveCounter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::plugin::{Counter, is_gauge};

/// What `Content-Type` the text has.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const PREFIX: &str = "signin_triage";

/// Upper bounds of the times that a downstream takes, in seconds.
const SECONDS: [f64; 9] = [0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// What the bridge counts itself.
pub struct Metrics {
    registry: Registry,
    /// Requests but for those of `/metrics` and `/health`, by the status with which they were answered; those without the
    /// token all.
    pub requests: Family<Status, LiveCounter>,
    /// Requests that are being dealt with.
    pub on_the_way: Gauge,
    /// Times that the downstream took.
    pub forward: Histogram,
}

/// The label of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Status {
    /// The status with which it was answered.
    pub status: u16,
}

impl Default for Metrics {
    fn default() -> Self {
        let requests = Family::default();
        let on_the_way = Gauge::default();
        let forward = Histogram::new(SECONDS);
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register("requests", "Requests answered, by status", requests.clone());
        registry.register(
            "requests_on_the_way",
            "Requests being dealt with",
            on_the_way.clone(),
        );
        registry.register_with_unit(
            "forward",
            "Time that the downstream took to answer",
            Unit::Seconds,
            forward.clone(),
        );
        Metrics {
            registry,
            requests,
            on_the_way,
            forward,
        }
    }
}

impl Metrics {
    /// The text, with the counts of the session.
    ///
    /// # Errors
    /// Writing to a text does not fail.
    pub fn text(&self, counters: Vec<Counter>) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode_registry(&mut out, &self.registry)?;
        let mut of_session = Registry::with_prefix(PREFIX);
        of_session.register_collector(Box::new(Counts(counters)));
        text::encode_registry(&mut out, &of_session)?;
        text::encode_eof(&mut out)?;
        Ok(out)
    }
}

/// Counters of the session: a metric for each group, and where a group has names the label `name`.
#[derive(Debug)]
struct Counts(Vec<Counter>);

impl Collector for Counts {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        // All of a metric have to stand together.
        let mut counters: Vec<&Counter> = self.0.iter().collect();
        counters.sort_by_key(|one| self.0.iter().position(|first| first.group == one.group));
        for group in counters.chunk_by(|one, other| one.group == other.group) {
            let Some(first) = group.first() else { continue };
            let name = first.group.as_str();
            let gauge = is_gauge(name)
                || ["undelivered", "undelivered_rollups", "users", "addresses"].contains(&name);
            let kind = if gauge {
                ConstGauge::new(0i64).metric_type()
            } else {
                ConstCounter::new(0u64).metric_type()
            };
            let mut metric = encoder.encode_descriptor(name, help(name), None, kind)?;
            if let [one] = group
                && one.name.is_empty()
            {
                sample(gauge, one.count, metric)?;
                continue;
            }
            for one in group {
                let labels = [("name", one.name.as_str())];
                sample(gauge, one.count, metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

fn sample(gauge: bool, count: u64, metric: MetricEncoder) -> Result<(), fmt::Error> {
    if gauge {
        ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX)).encode(metric)
    } else {
        ConstCounter::new(count).encode(metric)
    }
}

fn help(group: &str) -> &'static str {
    match group {
        "lines" => "Lines read",
        "lines_enriched" => "Lines that left with our member",
        "lines_unchanged" => "Lines that left as they came",
        "lines_suppressed" => "Lines that left by the second output",
        "lines_restored" => {
            "Lines that waited when the state was saved from which this session began"
        }
        "released_early" => "Lines that waited and were let go before their time, for want of room",
        "shape" => "Records by the form in which they came",
        "category" => "Records by the kind of sign-in",
        "first_factor" => "Records by what became of the first factor",
        "rollups" => "Roll-ups written",
        "rollups_open" => "Roll-ups that still count",
        "rollup_bytes" => "Bytes of roll-ups",
        "ahead_of_time" => "Records so far ahead of all others that they were not remembered",
        "lines_held" => "Lines that wait",
        "bytes_in" => "Bytes read",
        "bytes_out" => "Bytes that stay in the stream",
        "records" => "Sign-in records read, those of envelopes one by one",
        "rejected" => "Lines and elements that were passed on unchanged, by reason",
        "status" => "Records by status",
        "cause" => "Records by status and cause",
        "noise" => "Records that are noise, by reason",
        "noise_bytes" => "Bytes of records that are noise",
        "suppressed" => "Records that left by the second output",
        "suppressed_bytes" => "Their bytes",
        "kept_for" => "Records that looked like noise and were kept, by rule",
        "verdict" => "Records by verdict",
        "signal" => "Hits by signal",
        "remembered" => "Entries of the tables",
        "remembered_bytes" => "Bytes of the tables",
        "forgotten" => "Entries forgotten for want of room",
        "too_late" => "Records too late to be remembered",
        "undelivered" => "Lines that have not arrived downstream, those on their way included",
        "undelivered_forgotten" => {
            "Lines that had not arrived, and what was made of them was forgotten for want of room"
        }
        "undelivered_unlabelled" => "Such lines that came again, and were sent on as they came",
        "undelivered_forgotten_keys" => {
            "Such lines of which nothing at all is known any more: if they come again they count as duplicates"
        }
        "undelivered_rollups" => "Roll-ups that have not arrived downstream",
        "undelivered_rollups_forgotten" => {
            "Roll-ups that had not arrived and were forgotten for want of room"
        }
        "state_failures" => "Times that the state could not be saved",
        "users" => "Different users",
        "addresses" => "Different addresses",
        _ => "See stats in wit/world.wit",
    }
}

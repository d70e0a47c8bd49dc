//! Counters. Each line ends in exactly one of `lines_enriched` and `lines_unchanged`; each record, and each
//! line or element that is not one, in exactly one of `records` and `rejected`.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};

use crate::classify::{Cause, Class, FirstFactor, Status};
use crate::input::record::Category;
use crate::input::shapes::Shape;
use crate::input::{Record, Skip};
use crate::limits::DISTINCT_MAX;
use crate::noise::{Noise, Reason};
use crate::score::Verdict;
use crate::signals::{self, Hit};
use crate::write::Decision;

/// One count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// What is counted.
    pub group: &'static str,
    /// Which one of the group; empty where the group has one count only.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// All counters of a session.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    lines: u64,
    lines_enriched: u64,
    bytes_in: u64,
    bytes_out: u64,
    records: u64,
    rejected: BTreeMap<Skip, u64>,
    shapes: BTreeMap<Shape, u64>,
    categories: BTreeMap<Category, u64>,
    causes: BTreeMap<(Status, Cause), u64>,
    first_factors: BTreeMap<FirstFactor, u64>,
    noise: BTreeMap<Reason, u64>,
    noise_bytes: u64,
    kept_for: BTreeMap<&'static str, u64>,
    verdicts: BTreeMap<Verdict, u64>,
    signals: BTreeMap<&'static str, u64>,
    users: Distinct,
    addresses: Distinct,
}

impl Stats {
    /// Records counted so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Counts a line. It is enriched where at least one record of it is.
    pub fn line(&mut self, bytes_in: usize, bytes_out: usize, enriched: bool) {
        self.lines += 1;
        self.lines_enriched += u64::from(enriched);
        self.bytes_in += bytes_in as u64;
        self.bytes_out += bytes_out as u64;
    }

    /// Counts a line or an element that was passed on unchanged.
    pub fn rejected(&mut self, skip: Skip) {
        *self.rejected.entry(skip).or_default() += 1;
    }

    /// Counts a record. `bytes` is what suppressing it would save.
    pub fn record(&mut self, decision: &Decision, bytes: usize) {
        let Decision {
            record,
            class,
            noise,
            verdict,
            hits,
            ..
        } = decision;
        self.records += 1;
        self.seen(record, class, hits);
        *self.verdicts.entry(*verdict).or_default() += 1;
        match noise {
            Noise::Not => {}
            Noise::Suppress(reason) => {
                *self.noise.entry(*reason).or_default() += 1;
                self.noise_bytes += bytes as u64;
            }
            Noise::Keep(rule) => *self.kept_for.entry(rule).or_default() += 1,
        }
    }

    fn seen(&mut self, record: &Record, class: &Class, hits: &[Hit]) {
        *self.shapes.entry(record.shape()).or_default() += 1;
        *self.categories.entry(record.category()).or_default() += 1;
        *self.causes.entry((class.status, class.cause)).or_default() += 1;
        *self.first_factors.entry(class.first_factor).or_default() += 1;
        for hit in hits {
            *self.signals.entry(hit.id).or_default() += 1;
        }
        if let Some(user) = record.user() {
            self.users.add(user);
        }
        if let Some(address) = record.address() {
            self.addresses.add(address);
        }
    }

    /// All counts in a fixed order. Zeros are there where the names are known beforehand.
    pub fn counters(&self) -> Vec<Counter> {
        let mut out = Out(Vec::new());
        out.one("lines", self.lines);
        out.one("lines_enriched", self.lines_enriched);
        out.one("lines_unchanged", self.lines - self.lines_enriched);
        out.one("bytes_in", self.bytes_in);
        out.one("bytes_out", self.bytes_out);
        out.one("records", self.records);
        out.group("rejected", Skip::ALL, &self.rejected, |skip| skip.label());
        out.group("shape", Shape::ALL, &self.shapes, |shape| shape.label());
        out.group("category", Category::ALL, &self.categories, |category| {
            category.label()
        });
        for status in Status::ALL {
            let causes = self.causes.iter().filter(|((of, _), _)| of == status);
            out.add(
                "status",
                status.label(),
                causes.map(|(_, count)| count).sum(),
            );
        }
        for ((status, cause), count) in &self.causes {
            let name = format!("{}/{}", status.label(), cause.label());
            out.add("cause", &name, *count);
        }
        let factors = FirstFactor::ALL.iter().copied();
        out.group("first_factor", factors, &self.first_factors, |factor| {
            factor.label()
        });
        out.group("noise", Reason::ALL, &self.noise, |reason| reason.label());
        out.one("noise_bytes", self.noise_bytes);
        for (rule, count) in &self.kept_for {
            out.add("kept_for", rule, *count);
        }
        out.group("verdict", Verdict::ALL, &self.verdicts, |verdict| {
            verdict.label()
        });
        let ids = signals::ALL.iter().map(|signal| signal.id);
        out.group("signal", ids, &self.signals, |id| id);
        out.one("users", self.users.count());
        out.one("addresses", self.addresses.count());
        out.0
    }
}

struct Out(Vec<Counter>);

impl Out {
    fn add(&mut self, group: &'static str, name: &str, count: u64) {
        self.0.push(Counter {
            group,
            name: name.to_owned(),
            count,
        });
    }

    fn one(&mut self, group: &'static str, count: u64) {
        self.add(group, "", count);
    }

    fn group<K: Ord + Copy>(
        &mut self,
        group: &'static str,
        names: impl IntoIterator<Item = K>,
        counts: &BTreeMap<K, u64>,
        label: impl Fn(K) -> &'static str,
    ) {
        for name in names {
            let count = counts.get(&name).copied().unwrap_or(0);
            self.add(group, label(name), count);
        }
    }
}

/// Counts distinct texts up to [`DISTINCT_MAX`] and stands still there.
#[derive(Debug, Clone, Default)]
struct Distinct {
    /// A tree, so that texts chosen to collide cost no more than others.
    hashes: BTreeSet<u64>,
}

impl Distinct {
    fn add(&mut self, text: &str) {
        // SipHash with fixed keys: the same lines give the same counts.
        let mut hasher = DefaultHasher::new();
        for part in text.as_bytes().chunks(64) {
            let mut lower = [0; 64];
            if let Some(lower) = lower.get_mut(..part.len()) {
                lower.copy_from_slice(part);
                lower.make_ascii_lowercase();
                hasher.write(lower);
            }
        }
        if self.hashes.len() < DISTINCT_MAX {
            self.hashes.insert(hasher.finish());
        }
    }

    fn count(&self) -> u64 {
        self.hashes.len() as u64
    }
}

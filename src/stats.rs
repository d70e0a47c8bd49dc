//! Counters. Each line ends in exactly one of `lines_enriched`, `lines_unchanged` and `lines_suppressed`, or is still in
//! `lines_held`; each record, and each line or element that is not one, in exactly one of `records`, `rejected` and
//! `lines_held`.

use std::collections::BTreeSet;

use crate::classify::{Cause, FirstFactor, Status};
use crate::input::Skip;
use crate::input::shapes::Shape;
use crate::input::words::Category;
use crate::limits::DISTINCT_MAX;
use crate::noise::{KEEPING_RULES, Noise, Reason};
use crate::score::Verdict;
use crate::signals;
use crate::state::Names;
use crate::state::table::Gauge;
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

/// How a line left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// In the stream, with at least one record enriched.
    Enriched,
    /// In the stream, as it came.
    Unchanged,
    /// By the second output.
    Suppressed,
    /// Not yet.
    Held,
}

/// What is counted elsewhere, at this moment.
#[derive(Debug, Clone, Copy)]
pub struct Gauges {
    /// Records held back.
    pub held: usize,
    /// Roll-ups whose windows are open.
    pub open_rollups: usize,
    /// The tables of what is remembered.
    pub tables: [(&'static str, Gauge); 3],
    /// Records that were too late to be remembered.
    pub too_late: u64,
}

/// All counters of a session.
#[derive(Debug, Clone)]
pub struct Stats {
    lines: u64,
    lines_enriched: u64,
    lines_unchanged: u64,
    lines_suppressed: u64,
    /// Lines that were held at some time, and those let go since; negative where they came with a snapshot.
    held: u64,
    released: u64,
    released_early: u64,
    ahead: u64,
    suppressed: u64,
    suppressed_bytes: u64,
    rollups: u64,
    rollup_bytes: u64,
    bytes_in: u64,
    bytes_out: u64,
    records: u64,
    rejected: [u64; Skip::ALL.len()],
    shapes: [u64; Shape::ALL.len()],
    categories: [u64; Category::ALL.len()],
    /// Per status, per cause.
    causes: [[u64; Cause::ALL.len()]; Status::ALL.len()],
    first_factors: [u64; FirstFactor::ALL.len()],
    noise: [u64; Reason::ALL.len()],
    noise_bytes: u64,
    kept_for: Vec<(&'static str, u64)>,
    verdicts: [u64; Verdict::ALL.len()],
    /// By position in [`signals::ALL`].
    signals: Vec<u64>,
    users: Distinct,
    addresses: Distinct,
}

impl Default for Stats {
    fn default() -> Self {
        let ids = signals::ALL.iter().map(|signal| signal.id);
        let rules = KEEPING_RULES.iter().map(|rule| rule.0);
        Stats {
            lines: 0,
            lines_enriched: 0,
            lines_unchanged: 0,
            lines_suppressed: 0,
            held: 0,
            released: 0,
            released_early: 0,
            ahead: 0,
            suppressed: 0,
            suppressed_bytes: 0,
            rollups: 0,
            rollup_bytes: 0,
            bytes_in: 0,
            bytes_out: 0,
            records: 0,
            rejected: Default::default(),
            shapes: Default::default(),
            categories: Default::default(),
            causes: [[0; Cause::ALL.len()]; Status::ALL.len()],
            first_factors: Default::default(),
            noise: Default::default(),
            noise_bytes: 0,
            kept_for: rules.chain(ids).map(|name| (name, 0)).collect(),
            verdicts: Default::default(),
            signals: vec![0; signals::ALL.len()],
            users: Distinct::default(),
            addresses: Distinct::default(),
        }
    }
}

impl Stats {
    /// Records counted so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Counts a line. It is enriched where at least one record of it is.
    pub fn line(&mut self, bytes_in: usize, bytes_out: usize, left: Left) {
        self.lines += 1;
        self.bytes_in += bytes_in as u64;
        self.left(bytes_out, left);
    }

    /// Counts a line that had been held and leaves.
    pub fn released(&mut self, bytes: usize, left: Left) {
        self.released += 1;
        self.left(bytes, left);
    }

    fn left(&mut self, bytes: usize, left: Left) {
        match left {
            Left::Enriched => self.lines_enriched += 1,
            Left::Unchanged => self.lines_unchanged += 1,
            Left::Suppressed => self.lines_suppressed += 1,
            Left::Held => {}
        }
        if matches!(left, Left::Enriched | Left::Unchanged) {
            self.bytes_out += bytes as u64;
        }
    }

    /// Counts a record that is held back for now.
    pub fn held_record(&mut self) {
        self.held += 1;
    }

    /// Counts a held record for which there was no room until it was due.
    pub fn released_early(&mut self) {
        self.released_early += 1;
    }

    /// Counts a record whose time is too far ahead to be believed.
    pub fn ahead(&mut self) {
        self.ahead += 1;
    }

    /// Counts a record that left the stream.
    pub fn suppressed_record(&mut self, bytes: usize) {
        self.suppressed += 1;
        self.suppressed_bytes += bytes as u64;
    }

    /// Counts a roll-up line.
    pub fn rollup(&mut self, bytes: usize) {
        self.rollups += 1;
        self.rollup_bytes += bytes as u64;
        self.bytes_out += bytes as u64;
    }

    /// Counts a line or an element that was passed on unchanged.
    pub fn rejected(&mut self, skip: Skip) {
        up(&mut self.rejected, skip as usize);
    }

    /// Counts a record. `bytes` is what suppressing it would save.
    pub fn record(&mut self, decision: &Decision, names: &Names, bytes: usize) {
        let Decision {
            record,
            class,
            noise,
            verdict,
            hits,
            ..
        } = decision;
        self.records += 1;
        up(&mut self.shapes, record.shape() as usize);
        up(&mut self.categories, record.category() as usize);
        if let Some(causes) = self.causes.get_mut(class.status as usize) {
            up(causes, class.cause as usize);
        }
        up(&mut self.first_factors, class.first_factor as usize);
        up(&mut self.verdicts, *verdict as usize);
        for hit in *hits {
            up(&mut self.signals, usize::from(hit.position));
        }
        match noise {
            Noise::Not => {}
            Noise::Suppress(reason) => {
                up(&mut self.noise, *reason as usize);
                self.noise_bytes += bytes as u64;
            }
            Noise::Keep(rule) => up_named(&mut self.kept_for, rule),
        }
        if let Some(user) = names.user {
            self.users.add(user);
        }
        if let Some(address) = names.address {
            self.addresses.add(address);
        }
    }

    /// All counts in a fixed order; of causes and of what kept a record only those that were seen.
    pub fn counters(&self, gauges: &Gauges) -> Vec<Counter> {
        let mut out = Out(Vec::new());
        out.one("lines", self.lines);
        out.one("lines_enriched", self.lines_enriched);
        out.one("lines_unchanged", self.lines_unchanged);
        out.one("lines_suppressed", self.lines_suppressed);
        out.one("lines_held", gauges.held as u64);
        // What was held when the session was restored came in before it was opened.
        let restored = (gauges.held as u64 + self.released).saturating_sub(self.held);
        out.one("lines_restored", restored);
        out.one("released_early", self.released_early);
        out.one("bytes_in", self.bytes_in);
        out.one("bytes_out", self.bytes_out);
        out.one("records", self.records);
        out.group("rejected", &Skip::ALL.map(Skip::label), &self.rejected);
        out.group("shape", &Shape::ALL.map(Shape::label), &self.shapes);
        let categories = Category::ALL.map(Category::label);
        out.group("category", &categories, &self.categories);
        for (status, causes) in Status::ALL.iter().zip(&self.causes) {
            out.add("status", status.label(), causes.iter().sum());
        }
        for (status, causes) in Status::ALL.iter().zip(&self.causes) {
            for (cause, &count) in Cause::ALL.iter().zip(causes) {
                if count > 0 {
                    let name = format!("{}/{}", status.label(), cause.label());
                    out.add("cause", &name, count);
                }
            }
        }
        for (factor, &count) in FirstFactor::ALL.iter().zip(&self.first_factors) {
            out.add("first_factor", factor.label(), count);
        }
        out.group("noise", &Reason::ALL.map(Reason::label), &self.noise);
        out.one("noise_bytes", self.noise_bytes);
        out.one("suppressed", self.suppressed);
        out.one("suppressed_bytes", self.suppressed_bytes);
        out.one("rollups", self.rollups);
        out.one("rollups_open", gauges.open_rollups as u64);
        out.one("rollup_bytes", self.rollup_bytes);
        for &(rule, count) in self.kept_for.iter().filter(|(_, count)| *count > 0) {
            out.add("kept_for", rule, count);
        }
        out.group("verdict", &Verdict::ALL.map(Verdict::label), &self.verdicts);
        for (signal, &count) in signals::ALL.iter().zip(&self.signals) {
            out.add("signal", signal.id, count);
        }
        out.one("users", self.users.count());
        out.one("addresses", self.addresses.count());
        for (table, gauge) in gauges.tables {
            out.add("remembered", table, gauge.entries as u64);
            out.add("remembered_bytes", table, gauge.bytes as u64);
            out.add("forgotten", table, gauge.forgotten);
        }
        out.one("too_late", gauges.too_late);
        out.one("ahead_of_time", self.ahead);
        out.0
    }
}

/// Counts one more at `index`, the position of a word in its list.
fn up(counts: &mut [u64], index: usize) {
    if let Some(count) = counts.get_mut(index) {
        *count += 1;
    }
}

fn up_named(counts: &mut [(&'static str, u64)], name: &str) {
    if let Some(count) = counts.iter_mut().find(|count| count.0 == name) {
        count.1 += 1;
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

    fn group(&mut self, group: &'static str, names: &[&str], counts: &[u64]) {
        for (name, &count) in names.iter().zip(counts) {
            self.add(group, name, count);
        }
    }
}

/// Counts distinct texts up to [`DISTINCT_MAX`] and stands still there.
#[derive(Debug, Clone, Default)]
struct Distinct {
    /// A tree, so that texts chosen to collide cost no more than others.
    hashes: BTreeSet<u64>,
    /// Some that were added lately, each at the place that its lowest bits say: most come again soon. Empty before the
    /// first.
    recent: Vec<u64>,
}

/// A power of two.
const RECENT: usize = 1024;

impl Distinct {
    fn add(&mut self, hash: u64) {
        self.recent.resize(RECENT, 0);
        let place = usize::try_from(hash % RECENT as u64).unwrap_or(0);
        match self.recent.get_mut(place) {
            // 0 stands for none; the hash 0 itself is looked for in the tree each time.
            Some(recent) if *recent == hash && hash != 0 => return,
            Some(recent) => *recent = hash,
            None => {}
        }
        if self.hashes.len() < DISTINCT_MAX {
            self.hashes.insert(hash);
        }
    }

    fn count(&self) -> u64 {
        self.hashes.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::event::hash64;

    /// Counts are kept by position, so a list in another order than its enum would swap names.
    #[test]
    fn every_list_stands_in_the_order_of_its_enum() {
        fn in_order(positions: impl IntoIterator<Item = usize>) {
            for (index, position) in positions.into_iter().enumerate() {
                assert_eq!(index, position);
            }
        }
        in_order(Skip::ALL.map(|one| one as usize));
        in_order(Shape::ALL.map(|one| one as usize));
        in_order(Category::ALL.map(|one| one as usize));
        in_order(Reason::ALL.map(|one| one as usize));
        in_order(Verdict::ALL.map(|one| one as usize));
        in_order(Status::ALL.iter().map(|&one| one as usize));
        in_order(Cause::ALL.iter().map(|&one| one as usize));
        in_order(FirstFactor::ALL.iter().map(|&one| one as usize));
    }

    #[test]
    fn distinct_texts_are_counted_once_and_no_further_than_the_limit() {
        let mut distinct = Distinct::default();
        for text in [
            "a@contoso.example",
            "A@CONTOSO.example",
            "b@contoso.example",
            "",
        ] {
            distinct.add(hash64(text));
        }
        assert_eq!(distinct.count(), 3);
        for number in 0..DISTINCT_MAX + 10 {
            distinct.add(hash64(&number.to_string()));
        }
        assert_eq!(distinct.count(), DISTINCT_MAX as u64);
    }
}

//! The closing summary: the counters of a session, laid out for a person.
//!
//! A group that the component does not give is left out, so that an older component can be run too.

use std::fmt::Write as _;
use std::time::Duration;

use comfy_table::{CellAlignment, Table};

use crate::plugin::Counter;
use crate::terminal;

/// Most names in one row of the lower table. The rest is a number.
const NAMES_MAX: usize = 8;

/// What every terminal has. On a wider one more columns would only make the lists harder to read.
const WIDTH: u16 = 80;

/// Columns of a list: those of the lower table less its titles and lines.
const LIST_COLUMNS: usize = 54;

/// The summary, with a line end.
pub fn text(counters: &[Counter], took: Duration) -> String {
    let counts = Counts(counters);
    let mut text = String::new();
    if let Some(table) = causes(&counts) {
        let _ = writeln!(text, "{table}");
    }
    let _ = writeln!(text, "{}", totals(&counts, took));
    text
}

/// Look-ups in the counters.
pub struct Counts<'a>(pub &'a [Counter]);

impl Counts<'_> {
    pub fn total(&self, group: &str) -> u64 {
        self.of(group).map(|(_, count)| count).sum()
    }

    fn known(&self, group: &str) -> Option<u64> {
        self.of(group).next().map(|_| self.total(group))
    }

    /// The counters of a group that are not zero, in the component's order.
    fn nonzero(&self, group: &str) -> Vec<(&str, u64)> {
        self.of(group).filter(|&(_, count)| count > 0).collect()
    }

    fn of(&self, group: &str) -> impl Iterator<Item = (&str, u64)> {
        self.0
            .iter()
            .filter(move |one| one.group == group)
            .map(|one| (&*one.name, one.count))
    }
}

/// Records by status and cause: the statuses in the component's order, the commonest cause first.
fn causes(counts: &Counts) -> Option<Table> {
    let records = counts.total("status");
    let causes = counts.nonzero("cause");
    if records == 0 {
        return None;
    }
    let mut table = terminal::table(WIDTH);
    table.set_header(["Status", "Cause", "Records", "Share"]);
    for (status, of_status) in counts.nonzero("status") {
        let mut rows: Vec<_> = causes
            .iter()
            .filter_map(|&(name, count)| {
                Some((name.strip_prefix(status)?.strip_prefix('/')?, count))
            })
            .collect();
        rows.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        if rows.is_empty() {
            rows.push(("", of_status));
        }
        for (index, (cause, count)) in rows.into_iter().enumerate() {
            let status = if index == 0 { status } else { "" };
            table.add_row([status, cause, &thousands(count), &share(count, records)]);
        }
    }
    for index in [2, 3] {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    Some(table)
}

/// Everything else, one thing a row.
fn totals(counts: &Counts, took: Duration) -> Table {
    let mut table = terminal::table(WIDTH);
    let records = counts
        .known("records")
        .unwrap_or_else(|| counts.total("status"));
    let bytes_in = counts.total("bytes_in");
    if records > 0 {
        table.add_row(["Noise".to_owned(), noise(counts, records, bytes_in)]);
        for (title, group) in [
            ("Kept all the same", "kept_for"),
            ("Verdicts", "verdict"),
            ("Signals", "signal"),
        ] {
            let names = counts.nonzero(group);
            if !names.is_empty() {
                table.add_row([title.to_owned(), listed(names, NAMES_MAX)]);
            }
        }
        table.add_row(["Records".to_owned(), seen(counts, records)]);
        if let Some(memory) = memory(counts) {
            table.add_row(["Remembered".to_owned(), memory]);
        }
    }
    let rejected = counts.nonzero("rejected");
    let rejected = if rejected.is_empty() {
        "none".to_owned()
    } else {
        listed(rejected, usize::MAX)
    };
    table.add_row(["Rejected, unchanged".to_owned(), rejected]);
    table.add_row(["Lines".to_owned(), lines(counts)]);
    table.add_row([
        "Bytes".to_owned(),
        bytes(bytes_in, counts.total("bytes_out")),
    ]);
    table.add_row(["Time".to_owned(), speed(took, records, bytes_in)]);
    table
}

/// What goes out is larger by the members added, or smaller by what left; who pays by the byte wants to know.
fn bytes(bytes_in: u64, bytes_out: u64) -> String {
    let (size_in, size_out) = (size(bytes_in), size(bytes_out));
    let change = match bytes_out.checked_sub(bytes_in) {
        Some(added) => format!(
            "the added fields are {} of the input",
            share(added, bytes_in)
        ),
        None => format!("{} less", share(bytes_in - bytes_out, bytes_in)),
    };
    format!("{size_in} in, {size_out} out ({change})")
}

/// What is rejected can be a line or a part of an envelope, so only these two add up to the lines.
fn lines(counts: &Counts) -> String {
    let mut parts = vec![
        ("lines_enriched", "enriched"),
        ("lines_unchanged", "unchanged"),
    ];
    // Of no interest to whoever neither filters nor holds.
    let more = [
        ("lines_suppressed", "suppressed"),
        ("lines_held", "still held"),
    ];
    parts.extend(more.iter().filter(|(group, _)| counts.total(group) > 0));
    with_parts(counts, counts.total("lines"), &parts)
}

fn seen(counts: &Counts, records: u64) -> String {
    let parts = [("users", "users"), ("addresses", "addresses")];
    with_parts(counts, records, &parts)
}

/// `12 (9 of this, 3 of that)`, with the groups that there are.
fn with_parts(counts: &Counts, total: u64, parts: &[(&str, &str)]) -> String {
    let known: Vec<_> = parts
        .iter()
        .filter_map(|(group, word)| Some(format!("{} {word}", thousands(counts.known(group)?))))
        .collect();
    let total = thousands(total);
    if known.is_empty() {
        return total;
    }
    format!("{total} ({})", known.join(", "))
}

fn noise(counts: &Counts, records: u64, bytes_in: u64) -> String {
    let reasons = counts.nonzero("noise");
    let suppressed: u64 = reasons.iter().map(|&(_, count)| count).sum();
    let left = counts.total("suppressed") > 0;
    let what = if left {
        "left the stream"
    } else {
        "could stay out of the SIEM"
    };
    let of = format!("of {} records {what}", thousands(records));
    if suppressed == 0 {
        return format!("none {of}");
    }
    let bytes = counts.total("noise_bytes");
    let mut text = format!(
        "{} {of}\n({} of records, {} of bytes: {})\n{}",
        thousands(suppressed),
        share(suppressed, records),
        share(bytes, bytes_in),
        size(bytes),
        listed(reasons, usize::MAX)
    );
    if left {
        let _ = write!(
            text,
            "\nroll-ups in their place: {} ({})",
            thousands(counts.total("rollups")),
            size(counts.total("rollup_bytes")),
        );
    }
    text
}

/// What the tables hold, and whether they were large enough.
fn memory(counts: &Counts) -> Option<String> {
    let remembered = counts.nonzero("remembered");
    if remembered.is_empty() {
        return None;
    }
    let mut text = format!(
        "{} ({})",
        listed(remembered, usize::MAX),
        size(counts.total("remembered_bytes"))
    );
    let forgotten = counts.nonzero("forgotten");
    if !forgotten.is_empty() {
        let crowded = counts.total("forgotten") > counts.total("remembered");
        let _ = write!(
            text,
            "\nforgotten to make room: {}{}",
            listed(forgotten, usize::MAX),
            if crowded {
                "\nhardly any has a history: raise state_mib"
            } else {
                ""
            }
        );
    }
    for (group, what) in [
        ("too_late", "records too late to be remembered"),
        (
            "ahead_of_time",
            "records too far ahead of the others to be believed",
        ),
        ("released_early", "held records let go early to make room"),
    ] {
        let count = counts.total(group);
        if count > 0 {
            let _ = write!(text, "\n{} {what}", thousands(count));
        }
    }
    Some(text)
}

/// `name 12, other 3`, the commonest first. Broken into lines here, because the table would part a name from its number.
fn listed(mut names: Vec<(&str, u64)>, names_max: usize) -> String {
    names.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let more = names.len().saturating_sub(names_max);
    let mut words: Vec<_> = names
        .iter()
        .take(names_max)
        .map(|(name, count)| format!("{name} {}", thousands(*count)))
        .collect();
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    let mut text = String::new();
    let mut column = 0;
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            text.push(',');
            let fits = column + word.len() + 3 <= LIST_COLUMNS;
            text.push(if fits { ' ' } else { '\n' });
            column = if fits { column + 2 } else { 0 };
        }
        text.push_str(word);
        column += word.len();
    }
    text
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is no exact number, and not negative"
)]
fn speed(took: Duration, records: u64, bytes: u64) -> String {
    let seconds = took.as_secs_f64();
    // Of a handful of records the rate says nothing.
    if seconds < 0.001 {
        return "less than a millisecond".to_owned();
    }
    format!(
        "{seconds:.3} s, {} records/s, {:.1} MB/s",
        thousands((records as f64 / seconds) as u64),
        bytes as f64 / seconds / 1e6
    )
}

#[allow(
    clippy::cast_precision_loss,
    reason = "shown with one digit after the point"
)]
fn share(part: u64, whole: u64) -> String {
    format!("{:.1} %", part as f64 * 100.0 / whole.max(1) as f64)
}

#[allow(
    clippy::cast_precision_loss,
    reason = "shown with one digit after the point"
)]
fn size(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} bytes"),
    }
}

/// `1234567` as `1,234,567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(rows: &[(&str, &str, u64)]) -> Vec<Counter> {
        rows.iter()
            .map(|&(group, name, count)| Counter {
                group: group.to_owned(),
                name: name.to_owned(),
                count,
            })
            .collect()
    }

    #[test]
    fn a_session_reads_as_tables() {
        let counters = counters(&[
            ("lines", "", 1205),
            ("lines_enriched", "", 1199),
            ("lines_unchanged", "", 6),
            ("records", "", 1200),
            ("bytes_in", "", 8_400_000),
            ("bytes_out", "", 9_000_000),
            ("rejected", "empty", 0),
            ("rejected", "not_json", 5),
            ("status", "success", 1000),
            ("status", "interrupted", 200),
            ("status", "failure", 0),
            ("cause", "success/none", 1000),
            ("cause", "interrupted/mfa_required", 50),
            ("cause", "interrupted/kmsi_prompt", 150),
            ("noise", "handshake", 150),
            ("noise_bytes", "", 1_050_000),
            ("verdict", "benign", 1200),
            ("users", "", 40),
            ("addresses", "", 52),
        ]);
        let text = text(&counters, Duration::from_millis(100));
        let squeezed = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "success ┆ none ┆ 1,000 ┆ 83.3 %",
            "interrupted ┆ kmsi_prompt ┆ 150 ┆ 12.5 % │ │ ┆ mfa_required ┆ 50",
            "150 of 1,200 records could stay out of the SIEM",
            "(12.5 % of records, 12.5 % of bytes: 1.1 MB)",
            "handshake 150",
            "benign 1,200",
            "Records ┆ 1,200 (40 users, 52 addresses)",
            "not_json 5",
            "Lines ┆ 1,205 (1,199 enriched, 6 unchanged)",
            "8.4 MB in, 9.0 MB out",
            "0.100 s, 12,000 records/s, 84.0 MB/s",
        ] {
            assert!(squeezed.contains(part), "{part} in:\n{text}");
        }
        assert!(!text.contains("empty"), "{text}");
        // Numbers end where their column does, and no line is wider than any terminal.
        assert!(text.contains("┆   1,000 ┆ 83.3 % │"), "{text}");
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(usize::from(WIDTH)), "{text}");
    }

    #[test]
    fn what_left_and_what_is_remembered_is_said() {
        let counters = counters(&[
            ("lines", "", 1000),
            ("lines_enriched", "", 600),
            ("lines_unchanged", "", 0),
            ("lines_suppressed", "", 390),
            ("lines_held", "", 10),
            ("released_early", "", 3),
            ("records", "", 990),
            ("bytes_in", "", 5_000_000),
            ("bytes_out", "", 4_000_000),
            ("status", "success", 990),
            ("noise", "repeat_refresh", 390),
            ("noise", "duplicate", 0),
            ("noise_bytes", "", 1_950_000),
            ("suppressed", "", 390),
            ("rollups", "", 40),
            ("rollup_bytes", "", 14_000),
            ("remembered", "users", 50),
            ("remembered", "addresses", 70),
            ("remembered_bytes", "users", 60_000),
            ("remembered_bytes", "addresses", 20_000),
            ("forgotten", "users", 4),
            ("forgotten", "addresses", 0),
            ("too_late", "", 7),
            ("ahead_of_time", "", 2),
        ]);
        let text = text(&counters, Duration::from_millis(100));
        let squeezed = text
            .replace(['│', '┆'], "")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        for part in [
            "390 of 990 records left the stream",
            "roll-ups in their place: 40 (14.0 kB)",
            "addresses 70, users 50 (80.0 kB)",
            "forgotten to make room: users 4",
            "7 records too late to be remembered",
            "2 records too far ahead of the others to be believed",
            "3 held records let go early to make room",
            "1,000 (600 enriched, 0 unchanged, 390 suppressed, 10 still held)",
            "5.0 MB in, 4.0 MB out (20.0 % less)",
        ] {
            assert!(squeezed.contains(part), "{part} in:\n{text}");
        }
    }

    #[test]
    fn that_nothing_was_rejected_is_said() {
        let text = text(&[], Duration::ZERO);
        assert!(text.contains("Rejected, unchanged ┆ none"), "{text}");
    }

    #[test]
    fn a_list_is_broken_between_its_names() {
        let long = "n".repeat(23);
        for (names, names_max, text) in [
            (vec![("a", 1), ("b", 2)], 8, "b 2, a 1".to_owned()),
            (vec![("a", 1), ("b", 2)], 1, "b 2, and 1 more".to_owned()),
            (
                vec![(&*long, 10), (&long, 9)],
                8,
                format!("{long} 10, {long} 9"),
            ),
            (
                vec![(&*long, 9_000), (&long, 8)],
                8,
                format!("{long} 9,000,\n{long} 8"),
            ),
        ] {
            let listed = listed(names, names_max);
            assert_eq!(listed, text);
            assert!(listed.lines().all(|line| line.len() <= LIST_COLUMNS));
        }
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1234567, "1,234,567"),
        ] {
            assert_eq!(thousands(number), text);
        }
        for (bytes, text) in [(999, "999 bytes"), (1500, "1.5 kB"), (2_000_000, "2.0 MB")] {
            assert_eq!(size(bytes), text);
        }
    }
}

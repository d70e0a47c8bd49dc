//! What must hold of a session that remembers, over seeded random streams through the real component: nothing is lost,
//! bounds hold, and stopping, restoring and spreading by key change no byte.
//!
//! A failure names its seed; `LAWS_SEEDS=<seed> cargo test --test memory` runs that one.

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use common::stream::{seeds, stream};
use common::{members, plugin};
use host_test::{Counter, Key, Outcome, Session};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

const LINES: usize = 80;
const FILTER_AND_HOLD: &str = r#"{"mode":"filter","hold_secs":600,"rollup_secs":1200}"#;
const CONFIGS: [&str; 4] = [
    "",
    r#"{"hold_secs":300}"#,
    r#"{"mode":"filter"}"#,
    FILTER_AND_HOLD,
];

fn open(config: &str) -> Session<'static> {
    plugin().open(config).expect("a good configuration")
}

/// Both outputs of several calls, one after the other.
#[derive(Debug, Default, PartialEq, Eq)]
struct Out {
    kept: String,
    suppressed: String,
}

impl Out {
    fn add(&mut self, outcome: &Outcome) {
        assert_eq!(outcome.trap, None, "trapped");
        self.kept += &outcome.kept;
        self.suppressed += &outcome.suppressed;
    }
}

fn sum(counters: &[Counter], group: &str) -> u64 {
    counters
        .iter()
        .filter(|one| one.group == group)
        .map(|one| one.count)
        .sum()
}

fn rollups(text: &str) -> Vec<Value> {
    text.lines()
        .filter(|line| line.starts_with("{\"signin_triage_rollup\":"))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// Lines in = lines kept + suppressed + still held, records likewise, and roll-ups count what was suppressed.
#[test]
fn nothing_is_lost_and_nothing_is_counted_twice() {
    for seed in seeds() {
        for config in CONFIGS {
            let input = stream(seed, LINES);
            let mut session = open(config);
            let mut out = Out::default();
            out.add(&session.process(&input));
            for drained in [false, true] {
                if drained {
                    out.add(&session.drain());
                }
                let stats = session.stats();
                let count = |group| sum(&stats, group);
                let held = count("lines_held");
                assert_eq!(
                    count("lines"),
                    count("lines_enriched")
                        + count("lines_unchanged")
                        + count("lines_suppressed")
                        + held,
                    "seed {seed} {config}"
                );
                let in_stream = rollups(&out.kept);
                let lines = out.kept.split_inclusive('\n').count() - in_stream.len();
                assert_eq!(
                    lines as u64,
                    count("lines_enriched") + count("lines_unchanged"),
                    "seed {seed} {config}"
                );
                assert_eq!(
                    count("bytes_out"),
                    out.kept.len() as u64,
                    "seed {seed} {config}"
                );
                assert_eq!(
                    count("rollups"),
                    in_stream.len() as u64,
                    "seed {seed} {config}"
                );
                let gone = out.suppressed.lines().count() as u64;
                assert_eq!(gone, count("suppressed"), "seed {seed} {config}");
                if drained {
                    assert_eq!(
                        (held, count("rollups_open")),
                        (0, 0),
                        "seed {seed} {config}"
                    );
                    let told: u64 = in_stream
                        .iter()
                        .map(|one| one["signin_triage_rollup"]["count"].as_u64().unwrap())
                        .sum();
                    assert_eq!(told, gone, "seed {seed} {config}");
                }
            }
            let enriched = |text: &str| text.lines().map(|line| members(line).len()).sum::<usize>();
            assert_eq!(
                enriched(&out.kept) + enriched(&out.suppressed),
                enriched(&common::enrich(&input, "")),
                "seed {seed} {config}"
            );
        }
    }
}

#[test]
fn any_cut_into_batches_gives_the_same_bytes() {
    for seed in seeds() {
        let input = stream(seed, LINES);
        for config in CONFIGS {
            let mut whole = Out::default();
            whole.add(&open(config).process(&input));
            let mut rng = StdRng::seed_from_u64(seed);
            let (mut session, mut pieces) = (open(config), Out::default());
            for batch in cut(&input, &mut rng) {
                pieces.add(&session.process(&batch));
            }
            assert!(pieces == whole, "seed {seed} {config}");
        }
    }
}

fn cut(input: &str, rng: &mut StdRng) -> Vec<String> {
    let mut batches = vec![String::new()];
    for line in input.split_inclusive('\n') {
        batches.last_mut().unwrap().push_str(line);
        if rng.random_bool(0.2) {
            batches.push(String::new());
        }
    }
    batches
}

#[test]
fn a_session_restored_anywhere_goes_on_byte_for_byte() {
    for seed in seeds() {
        let input = stream(seed, LINES);
        // Tables so small that they forget while they are watched.
        for config in [
            FILTER_AND_HOLD,
            r#"{"users_max":7,"addresses_max":2,"hold_secs":60}"#,
        ] {
            let mut rng = StdRng::seed_from_u64(seed);
            let (mut session, mut whole) = (open(config), Out::default());
            let (mut stopped, mut pieces) = (open(config), Out::default());
            for batch in cut(&input, &mut rng) {
                whole.add(&session.process(&batch));
                pieces.add(&stopped.process(&batch));
                if rng.random_bool(0.4) {
                    let snapshot = stopped.snapshot().unwrap();
                    assert_eq!(snapshot, session.snapshot().unwrap(), "seed {seed}");
                    stopped = plugin().restore(config, Some(snapshot)).expect("its own");
                }
            }
            whole.add(&session.drain());
            pieces.add(&stopped.drain());
            assert!(pieces == whole, "seed {seed} {config}");
            let stats = stopped.stats();
            assert_eq!(
                sum(&stats, "lines") + sum(&stats, "lines_restored"),
                sum(&stats, "lines_enriched")
                    + sum(&stats, "lines_unchanged")
                    + sum(&stats, "lines_suppressed"),
                "seed {seed} {config}"
            );
        }
    }
}

#[test]
fn a_damaged_or_foreign_snapshot_is_refused() {
    let mut session = open(FILTER_AND_HOLD);
    session.process(&stream(1, LINES));
    let good = session.snapshot().unwrap();
    let (first, body) = good.split_once('\n').unwrap();
    let version = format!(" {} ", env!("CARGO_PKG_VERSION"));
    let rows = [
        (String::new(), "not a state"),
        ("nonsense".to_owned(), "not a state"),
        (body.to_owned(), "not a state"),
        (format!("{first}\n"), "damaged"),
        (good[..good.len() - 1].to_owned(), "damaged"),
        (format!("{good}0"), "damaged"),
        (
            good.replacen(body, &body.replacen('0', "1", 1), 1),
            "damaged",
        ),
        (
            good.replacen(&version, " 99.0.0 ", 1),
            "written as signin-triage-state 2 99.0.0",
        ),
        (
            good.replacen("state 2 ", "state 3 ", 1),
            "written as signin-triage-state 3",
        ),
    ];
    for (snapshot, expected) in rows {
        let refused = plugin().restore("", Some(snapshot.clone())).err();
        let said = refused.expect("it is refused").to_string();
        assert!(
            said.contains(expected),
            "{said}: {}",
            &snapshot[..snapshot.len().min(80)]
        );
    }
    assert!(
        plugin().restore("", Some(good)).is_ok(),
        "other options are fine"
    );
}

/// An engine that spreads the lines by user, then by address, then by tenant, and keeps a state for each key.
struct Engine {
    keyed: host_test::Keyed,
    states: BTreeMap<(usize, String), String>,
}

impl Engine {
    /// Each line by itself, so that the order stays and the states change hands as often as they can.
    fn pass(&mut self, by: Key, index: usize, config: &str, lines: &[String]) -> Vec<String> {
        let each = |line: &String| {
            let key = self.keyed.key_of(by, line).unwrap().unwrap_or_default();
            let place = (index, key);
            let state = self.states.get(&place).map(String::as_str);
            let (state, outcome) = self.keyed.step(by, config, state, line, None).unwrap();
            self.states.insert(place, state);
            outcome.kept
        };
        lines.iter().map(each).collect()
    }
}

#[test]
fn steps_by_key_in_any_order_come_to_what_one_session_does() {
    let orders = [
        [Key::User, Key::Address, Key::Tenant],
        [Key::Address, Key::Tenant, Key::User],
        [Key::Tenant, Key::User, Key::Address],
    ];
    // A step takes its configuration and its state anew, so fewer seeds than elsewhere.
    for seed in seeds().step_by(10) {
        // Of an envelope the records belong to several keys: an engine splits it first.
        let input: Vec<String> = stream(seed, LINES)
            .split_inclusive('\n')
            .filter(|line| !line.contains("\"records\"") && !line.contains("\"value\": ["))
            .map(str::to_owned)
            .collect();
        let whole = open("").process(&input.concat()).kept;
        for order in orders {
            let mut engine = Engine {
                keyed: plugin().keyed().unwrap(),
                states: BTreeMap::new(),
            };
            let mut lines = input.clone();
            for (index, by) in order.into_iter().enumerate() {
                lines = engine.pass(by, index, "", &lines);
                let left = lines.concat().matches("\"keyed\":[").count();
                assert_eq!(left == 0, index == 2, "seed {seed} {order:?}");
            }
            for (line, expected) in lines.iter().zip(whole.split_inclusive('\n')) {
                assert_eq!(line, expected, "seed {seed} {order:?}");
            }
        }
    }
}

/// Both orders of arrival end in the same verdict for whoever sees all of a burst: here for the last line to arrive.
#[test]
fn a_shuffled_burst_is_seen_by_its_last_line() {
    let line = |number: u32| {
        format!(
            r#"{{"id":"{number}","createdDateTime":"2026-03-10T08:{:02}:00Z","userPrincipalName":"user{number}@contoso.example","ipAddress":"203.0.113.9","status":{{"errorCode":50126}},"appId":"x"}}"#,
            number % 10
        ) + "\n"
    };
    for seed in 1..=20 {
        let mut lines: Vec<String> = (0..40).map(line).collect();
        lines.shuffle(&mut StdRng::seed_from_u64(seed));
        let out = open("").process(&lines.concat()).kept;
        let last = members(out.lines().last().unwrap());
        assert_eq!(last[0]["verdict"], "suspicious", "seed {seed}: {}", last[0]);
    }
}

/// A batch that is sent again because nobody said that it had arrived changes nothing for what comes after it.
#[test]
fn what_is_delivered_twice_counts_once() {
    for seed in seeds() {
        let input = stream(seed, LINES);
        let (first, rest) = input.split_at(input.match_indices('\n').nth(20).unwrap().0 + 1);
        let (mut once, mut twice) = (open(""), open(""));
        once.process(first);
        twice.process(first);
        twice.process(first);
        let of = |text: &str| {
            text.lines()
                .flat_map(members)
                .map(|one| one["verdict"].clone())
                .collect::<Vec<_>>()
        };
        let (expected, found) = (once.process(rest).kept, twice.process(rest).kept);
        assert_eq!(of(&found), of(&expected), "seed {seed}");
    }
}

/// Five million users and addresses that are never seen again: every line leaves, and memory stays where it was said to.
#[test]
fn a_storm_of_strangers_stays_within_bounds_and_loses_no_line() {
    const STRANGERS: u32 = 5_000_000;
    const BATCH: u32 = 2500;
    let mut session = open("");
    let (mut lines, mut batch) = (0, String::new());
    for number in 0..STRANGERS {
        let address = Ipv4Addr::from_bits(0x0b00_0000 + number);
        let code = [0, 50126, 50074, 50058][number as usize % 4];
        writeln!(
            batch,
            r#"{{"id":"{number}","createdDateTime":"2026-03-10T{:02}:{:02}:00Z","userPrincipalName":"u{number}@x.example","ipAddress":"{address}","status":{{"errorCode":{code}}}}}"#,
            number / 250_000,
            number / 4167 % 60,
        )
        .unwrap();
        if (number + 1) % BATCH == 0 {
            let outcome = session.process(&batch);
            assert_eq!(outcome.trap, None);
            lines += outcome.kept.lines().count();
            batch.clear();
        }
    }
    assert_eq!(lines, STRANGERS as usize);
    let stats = session.stats();
    assert_eq!(sum(&stats, "lines_enriched"), u64::from(STRANGERS));
    assert!(
        sum(&stats, "forgotten") > 9_000_000,
        "{}",
        sum(&stats, "forgotten")
    );
    stays_within_bounds("strangers", &mut session);
}

/// Users and addresses whose lists are all full, records that wait and roll-ups, more of each than fit: the worst case
/// for memory. The harness takes snapshots meanwhile, as it does for a trap.
#[test]
fn a_crowd_that_fills_every_list_stays_within_bounds() {
    let mut session = open(FILTER_AND_HOLD);
    let mut number = 0_u32;
    for round in 0..60_u32 {
        let mut batch = String::new();
        for user in 0..20_000_u32 {
            // Only some users at a time, or a batch would be larger than what a host sends.
            if user % 8 != round % 8 {
                continue;
            }
            for step in 0..6_u32 {
                number += 1;
                let seconds = round * 600 + step * 7;
                let category =
                    ["SignInLogs", "NonInteractiveUserSignInLogs"][usize::from(step % 3 == 2)];
                let code = [50074, 50126, 0, 50058, 0, 0][step as usize];
                writeln!(
                    batch,
                    r#"{{"category":"{category}","tenantId":"t{tenant}","resultType":"{code}","properties":{{"id":"{number}","createdDateTime":"2026-03-10T{:02}:{:02}:{:02}Z","userPrincipalName":"u{user}@x.example","ipAddress":"{address}","autonomousSystemNumber":{asn},"location":{{"countryOrRegion":"{country}"}},"appId":"app{app}","correlationId":"c{number}","sessionId":"s{number}","userAgent":"a{number}","deviceDetail":{{"deviceId":"d{number}","isManaged":true}}}}}}"#,
                    seconds / 3600,
                    seconds / 60 % 60,
                    seconds % 60,
                    tenant = user % 200,
                    address = Ipv4Addr::from_bits(0x0b00_0000 + (user * 7 + round * 13 + step) % 20_000),
                    asn = 1000 + number % 5000,
                    country = ["DE", "FR", "US", "BR", "JP", "IN", "GB"][number as usize % 7],
                    app = number % 97,
                )
                .unwrap();
                if batch.len() > 1 << 20 {
                    assert_eq!(session.process(&batch).trap, None);
                    batch.clear();
                }
            }
        }
        assert_eq!(session.process(&batch).trap, None);
    }
    let stats = session.stats();
    assert!(
        sum(&stats, "forgotten") > 1000,
        "{}",
        sum(&stats, "forgotten")
    );
    stays_within_bounds("crowd", &mut session);
}

/// The default bound: 64 MiB of linear memory, a snapshot included.
fn stays_within_bounds(name: &str, session: &mut Session) {
    let before = session.memory_bytes();
    let snapshot = session.snapshot().unwrap();
    let bytes = session.memory_bytes();
    let stats = session.stats();
    println!(
        "{name}: {} entries in {} bytes of tables, {} lines held, {} roll-ups open, snapshot {} bytes, linear memory {before} bytes, {bytes} with it",
        sum(&stats, "remembered"),
        sum(&stats, "remembered_bytes"),
        sum(&stats, "lines_held"),
        sum(&stats, "rollups_open"),
        snapshot.len(),
    );
    assert!(bytes <= 64 << 20, "{bytes}");
}

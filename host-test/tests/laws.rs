//! What must hold for any stream, over seeded random ones through the real component.
//!
//! A failure names its seed; `LAWS_SEEDS=<seed> cargo test --test laws` runs that one, `LAWS_SEEDS=1..5000` many.

mod common;

use common::stream::{seeds, stream};
use common::{enrich, members, plugin, taken_off};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

const LINES: usize = 60;

/// The one count that depends on how long a pointer is: 32 bits in the sandbox, 64 natively.
const OF_A_POINTER: &str = "remembered_bytes";

#[test]
fn every_line_leaves_and_taking_our_member_off_gives_it_back() {
    for seed in seeds() {
        let input = stream(seed, LINES);
        let output = enrich(&input, "");
        let (ins, outs) = (input.split_inclusive('\n'), output.split_inclusive('\n'));
        assert_eq!(ins.clone().count(), outs.clone().count(), "seed {seed}");
        for (line, enriched) in ins.zip(outs) {
            assert_eq!(taken_off(enriched, line), line, "seed {seed}");
        }
    }
}

#[test]
fn any_cut_into_batches_gives_the_same_bytes() {
    for seed in seeds() {
        let input = stream(seed, LINES);
        let whole = enrich(&input, "");
        let mut rng = StdRng::seed_from_u64(seed);
        let mut session = plugin().open("").unwrap();
        let mut pieces = String::new();
        let mut batch = String::new();
        for line in input.split_inclusive('\n') {
            batch.push_str(line);
            if rng.random_bool(0.3) {
                pieces += &session.process(&batch).kept;
                batch.clear();
            }
        }
        pieces += &session.process(&batch).kept;
        assert_eq!(pieces, whole, "seed {seed}");
    }
}

#[test]
fn a_second_pass_changes_nothing() {
    for seed in seeds() {
        let once = enrich(&stream(seed, LINES), "");
        assert_eq!(enrich(&once, ""), once, "seed {seed}");
    }
}

#[test]
fn the_sandbox_and_native_code_agree() {
    for seed in seeds() {
        let input = stream(seed, LINES);
        let mut native = signin_triage::Session::open(signin_triage::Config::default());
        let outcome = native.process(&input);
        let mut session = plugin().open("").unwrap();
        assert_eq!(session.process(&input).kept, outcome.kept, "seed {seed}");
        let counts: Vec<_> = session
            .stats()
            .into_iter()
            .filter(|one| one.group != OF_A_POINTER)
            .map(|one| (one.group, one.name, one.count))
            .collect();
        let native: Vec<_> = native
            .stats()
            .into_iter()
            .filter(|one| one.group != OF_A_POINTER)
            .map(|one| (one.group.to_owned(), one.name, one.count))
            .collect();
        assert_eq!(counts, native, "seed {seed}");
    }
}

#[test]
fn an_enriched_line_is_the_same_json_with_one_member_more() {
    for seed in seeds() {
        let input = stream(seed, LINES);
        let output = enrich(&input, "");
        for (line, enriched) in input.lines().zip(output.lines()) {
            if line == enriched {
                continue;
            }
            let parse = |text: &str| -> Value {
                serde_json::from_str(text.trim_start_matches('\u{feff}'))
                    .unwrap_or_else(|error| panic!("seed {seed}: {error}: {text}"))
            };
            let (before, mut after) = (parse(line), parse(enriched));
            let take = |value: &mut Value| {
                value
                    .as_object_mut()
                    .and_then(|object| object.remove("signin_triage"))
            };
            let mut found = usize::from(take(&mut after).is_some());
            for name in ["records", "value"] {
                if let Some(items) = after.get_mut(name).and_then(Value::as_array_mut) {
                    found += items.iter_mut().filter_map(take).count();
                }
            }
            assert!(found > 0, "seed {seed}: {enriched}");
            assert_eq!(before, after, "seed {seed}");
        }
    }
}

#[test]
fn the_added_object_keeps_the_contract() {
    for seed in seeds() {
        let output = enrich(&stream(seed, LINES), "");
        for member in output.lines().flat_map(members) {
            let at = |path: &str| member.pointer(path).cloned().unwrap_or_default();
            let status = at("/status");
            assert_eq!(at("/version"), 1);
            assert_eq!(
                status == "success",
                at("/cause") == "none",
                "seed {seed}: {member}"
            );
            assert_eq!(
                status == "interrupted",
                member.get("outcome").is_some(),
                "seed {seed}: {member}"
            );
            let score = at("/score").as_i64().unwrap();
            let points = at("/signals").as_array().map_or(0, |signals| {
                signals
                    .iter()
                    .map(|one| one["points"].as_i64().unwrap())
                    .sum()
            });
            assert_eq!(score, points.clamp(0, 100), "seed {seed}: {member}");
            let verdict = match score {
                ..30 => "benign",
                30..60 => "review",
                _ => "suspicious",
            };
            assert_eq!(at("/verdict"), verdict, "seed {seed}: {member}");
            for absent in ["signals", "stopped_by"] {
                assert_ne!(
                    at(&format!("/{absent}")),
                    Value::Array(Vec::new()),
                    "{member}"
                );
            }
        }
    }
}

#[test]
fn what_must_be_kept_is_never_marked_as_noise() {
    for seed in seeds() {
        let input = stream(seed, LINES);
        for config in ["", r#"{"mode":"filter","hold_secs":600}"#] {
            let mut session = plugin().open(config).unwrap();
            for outcome in [session.process(&input), session.drain()] {
                for line in outcome.kept.lines().chain(outcome.suppressed.lines()) {
                    for member in members(line) {
                        is_no_noise_that_must_be_kept(&member, &format!("seed {seed}: {line}"));
                    }
                }
                // What left is noise, and what stayed in mode filter is none.
                for (text, left) in [(&outcome.kept, false), (&outcome.suppressed, true)] {
                    let noise = |member: Value| member["noise"]["suppress"] == true;
                    let mut members = text.lines().flat_map(members);
                    assert!(
                        config.is_empty() || members.all(|member| noise(member) == left),
                        "seed {seed}"
                    );
                }
            }
        }
    }
}

fn is_no_noise_that_must_be_kept(member: &Value, place: &str) {
    if member["noise"]["suppress"] != true {
        return;
    }
    let reason = member["noise"]["reason"].as_str();
    assert!(reason.is_some(), "{place}");
    // A success is noise only as one that was there before: a repeat, or the same delivered again.
    match member["status"].as_str() {
        Some("interrupted") => {}
        Some("success") => assert!(
            matches!(reason, Some("repeat_refresh" | "duplicate")),
            "{place}"
        ),
        _ => panic!("a failure, {place}"),
    }
    assert_ne!(member["code"], 50199, "{place}");
    assert_ne!(member["outcome"], "denied", "{place}");
    assert_ne!(member["cause"], "mfa_denied", "{place}");
    assert_eq!(member["verdict"], "benign", "{place}");
}

#[test]
fn counts_add_up() {
    for seed in seeds() {
        let input = stream(seed, LINES);
        let mut session = plugin().open("").unwrap();
        let outcome = session.process(&input);
        let stats = session.stats();
        let sum = |group: &str| -> u64 {
            let of = stats.iter().filter(|one| one.group == group);
            of.map(|one| one.count).sum()
        };
        assert_eq!(sum("lines"), LINES as u64, "seed {seed}");
        assert_eq!(sum("lines"), sum("lines_enriched") + sum("lines_unchanged"));
        assert_eq!(sum("bytes_in"), input.len() as u64, "seed {seed}");
        assert_eq!(sum("bytes_out"), outcome.kept.len() as u64, "seed {seed}");
        assert_eq!(
            sum("rejected"),
            outcome.rejected.len() as u64,
            "seed {seed}"
        );
        for group in [
            "shape",
            "category",
            "status",
            "cause",
            "verdict",
            "first_factor",
        ] {
            assert_eq!(sum(group), sum("records"), "seed {seed}: {group}");
        }
        let added = outcome
            .kept
            .matches("\"signin_triage\":{\"version\":")
            .count();
        assert_eq!(sum("records"), added as u64, "seed {seed}");
    }
}

/// An operator may call the added member what they like; a record's own member of that name is never replaced.
#[test]
fn no_name_of_the_member_costs_a_record_anything() {
    let names = [
        "Level",
        "identity",
        "durationMs",
        "operationVersion",
        "x",
        "Type2",
    ];
    for (seed, name) in seeds().zip(names.iter().cycle()) {
        let input = stream(seed, LINES);
        let output = enrich(&input, &format!(r#"{{"member":"{name}"}}"#));
        for (line, enriched) in input.lines().zip(output.lines()) {
            if line == enriched {
                continue;
            }
            let parse = |text: &str| -> Value {
                serde_json::from_str(text.trim_start_matches('\u{feff}')).expect("JSON")
            };
            let (before, after) = (parse(line), parse(enriched));
            // What was there is there still; an envelope has it one level down.
            let kept = |before: &Value, after: &Value| {
                before.as_object().is_none_or(|object| {
                    object.iter().all(|(key, value)| {
                        after.get(key) == Some(value)
                            || value.is_array() && ["records", "value"].contains(&key.as_str())
                    })
                })
            };
            assert!(kept(&before, &after), "seed {seed}, {name}: {line}");
            for envelope in ["records", "value"] {
                let items = |value: &Value| value.get(envelope).and_then(Value::as_array).cloned();
                if let (Some(before), Some(after)) = (items(&before), items(&after)) {
                    assert_eq!(before.len(), after.len(), "seed {seed}");
                    let same = before
                        .iter()
                        .zip(&after)
                        .all(|(one, other)| kept(one, other));
                    assert!(same, "seed {seed}, {name}: {line}");
                }
            }
        }
    }
}

/// Lines as large as lines can be, made to cost: each leaves, nothing traps, and what crosses stays bounded.
#[test]
fn sizes_that_an_enemy_would_choose_go_through() {
    let full = signin_triage::limits::LINE_BYTES_MAX - 100;
    let filled = |start: &str, part: &str, end: &str| {
        let parts = part.repeat((full - start.len() - end.len()) / part.len());
        format!("{start}{}{end}", parts.trim_end_matches(','))
    };
    let sign_in = r#""createdDateTime":"2026-03-10T08:00:00Z","status":{"errorCode":50140}"#;
    let rows = [
        (
            "own members",
            filled("{", "\"signin_triage\":null,", &format!(",{sign_in}}}")),
        ),
        ("elements", filled("{\"records\":[", "1,", "]}")),
        ("empty records", filled("{\"records\":[", "{},", "]}")),
        (
            "keys",
            filled("{", "\"userAgen\":\"x\",", &format!(",{sign_in}}}")),
        ),
        (
            "escapes",
            filled(&format!("{{{sign_in},\"userAgent\":\""), "\\u00e9", "\"}"),
        ),
        (
            "user agent",
            filled(
                &format!("{{{sign_in},\"userAgent\":\""),
                "python curl ",
                "\"}",
            ),
        ),
        (
            "steps",
            filled(
                &format!("{{{sign_in},\"authenticationDetails\":["),
                "{\"authenticationStepResultDetail\":\"MFA denied; x\"},",
                "]}",
            ),
        ),
        (
            "policies",
            filled(
                &format!("{{{sign_in},\"appliedConditionalAccessPolicies\":["),
                "{\"result\":\"failure\",\"enforcedGrantControls\":[\"x\"]},",
                "]}",
            ),
        ),
        ("blank lines", "\n".repeat(full)),
    ];
    for (name, text) in rows {
        let input = format!("{text}\n");
        let mut session = plugin().open("").unwrap();
        let outcome = session.process(&input);
        assert_eq!(outcome.trap, None, "{name}");
        assert!(
            outcome.rejected.len() <= signin_triage::limits::REJECTED_MAX,
            "{name}"
        );
        let added: usize = outcome.kept.len().abs_diff(input.len());
        let bound = if name == "own members" {
            input.len()
        } else {
            10_000
        };
        assert!(added <= bound, "{name}: {added}");
    }
}

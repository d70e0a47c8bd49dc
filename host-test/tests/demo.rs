//! The demo tenant through the real program: its bytes, its truth, and what it refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const FAMILIES: [&str; 22] = [
    "mfa_fatigue",
    "password_spray_ip",
    "distributed_spray",
    "brute_force",
    "token_replay",
    "aitm",
    "session_theft",
    "impossible_travel",
    "valid_creds_stopped",
    "interrupted_burst",
    "interrupted_then_failed",
    "repeated_interrupts",
    "device_code_phish",
    "mfasweep",
    "disabled_pivot",
    "lockout_burst",
    "enumeration",
    "sso_spray",
    "legacy_spray",
    "service_principal_theft",
    "dormant_account",
    "tool_client",
];

fn demo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_signin-triage"))
        .arg("demo")
        .args(arguments)
        .output()
        .unwrap()
}

/// A line and the truth about it.
struct Told {
    bytes: String,
    record: Value,
    truth: Value,
}

impl Told {
    fn property(&self, name: &str) -> &Value {
        &self.record["properties"][name]
    }

    fn happened(&self) -> &str {
        self.property("createdDateTime").as_str().unwrap()
    }

    fn truth(&self, name: &str) -> &str {
        self.truth[name].as_str().unwrap()
    }

    fn of_attack(&self) -> bool {
        !self.truth["attack"].is_null()
    }
}

/// Runs a demo and reads back what it wrote.
fn told(arguments: &[&str]) -> Vec<Told> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (out, truth) = (path("out"), path("truth"));
    let mut all = vec!["--out", &out, "--truth", &truth];
    all.extend(arguments);
    let output = demo(&all);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty());
    let (lines, truths) = (read(&out), read(&truth));
    assert_eq!(lines.lines().count(), truths.lines().count());
    let both = lines.lines().zip(truths.lines());
    both.map(|(line, truth)| Told {
        bytes: line.to_owned(),
        record: serde_json::from_str(line).unwrap(),
        truth: serde_json::from_str(truth).unwrap(),
    })
    .collect()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_same_options_give_the_same_bytes() {
    let run = |seed: &str| demo(&["--users", "40", "--seed", seed, "--late", "600"]).stdout;
    let first = run("5");
    assert!(!first.is_empty());
    assert!(first == run("5"), "two runs differ");
    assert!(first != run("6"), "the seed changes nothing");
}

#[test]
fn every_line_is_a_record_and_has_its_truth() {
    let lines = told(&["--users", "300", "--seed", "7", "--runs", "2"]);
    let mut categories = BTreeSet::new();
    let mut climaxes: BTreeMap<(String, u64), u32> = BTreeMap::new();
    let mut last = String::new();
    for (at, line) in (1..).zip(&lines) {
        let code = line.property("status")["errorCode"].as_u64().unwrap();
        assert_eq!(line.record["resultType"], code.to_string());
        assert_eq!(line.truth["line"], at);
        assert_eq!(&line.truth["id"], line.property("id"));
        assert_eq!(
            line.truth["outcome"].is_string(),
            line.truth("status") == "interrupted"
        );
        assert_eq!(code == 0, line.truth("status") == "success");
        assert!(line.record["time"].as_str().unwrap() > &line.happened()[..19]);
        assert!(*line.happened() >= *last, "line {at} is out of order");
        line.happened().clone_into(&mut last);
        categories.insert(line.record["category"].as_str().unwrap().to_owned());
        if line.of_attack() {
            let attack = &line.truth["attack"];
            let family = attack["family"].as_str().unwrap().to_owned();
            let run = attack["run"].as_u64().unwrap();
            *climaxes.entry((family, run)).or_default() +=
                u32::from(attack["climax"].as_bool().unwrap());
            // The first day is for getting to know people.
            assert!(line.happened() >= "2026-03-03");
        }
    }
    assert!(last.starts_with("2026-03-03T23"), "{last}");
    assert_eq!(
        categories.into_iter().collect::<Vec<_>>(),
        [
            "ManagedIdentitySignInLogs",
            "NonInteractiveUserSignInLogs",
            "ServicePrincipalSignInLogs",
            "SignInLogs"
        ]
    );
    for family in FAMILIES {
        for run in 1..=2 {
            let count = climaxes.remove(&(family.to_owned(), run));
            assert_eq!(count, Some(1), "climaxes of {family}, run {run}");
        }
    }
    assert!(climaxes.is_empty(), "{climaxes:?}");
}

#[test]
fn shares_are_those_of_a_tenant() {
    let lines = told(&["--users", "400", "--attacks", "none"]);
    assert!(!lines.iter().any(Told::of_attack));
    let of = |category: &str| {
        lines
            .iter()
            .filter(|line| line.record["category"] == category)
            .collect::<Vec<_>>()
    };
    let interactive = of("SignInLogs");
    let silent = of("NonInteractiveUserSignInLogs");
    assert!(silent.len() > 2 * interactive.len());
    let interrupted: Vec<_> = interactive
        .iter()
        .filter(|line| line.truth("status") == "interrupted")
        .collect();
    let percent = interrupted.len() * 100 / interactive.len();
    assert!((15..=40).contains(&percent), "{percent} in a hundred");
    for outcome in ["completed", "abandoned"] {
        assert!(
            interrupted
                .iter()
                .any(|line| line.truth("outcome") == outcome)
        );
    }
}

#[test]
fn a_completed_interrupt_has_a_later_success() {
    let lines = told(&["--users", "150", "--seed", "3"]);
    let mut successes: BTreeMap<&str, &str> = BTreeMap::new();
    for line in &lines {
        if line.truth("status") == "success" {
            successes.insert(line.truth("user"), line.happened());
        }
    }
    for line in &lines {
        if line.truth["outcome"] != "completed" {
            continue;
        }
        // Silent sign-in may not have known yet whose it is.
        if line.property("userId") == "00000000-0000-0000-0000-000000000000" {
            continue;
        }
        let user = line.truth("user");
        let later = successes.get(user).is_some_and(|at| *at > line.happened());
        assert!(later, "{user} at {}", line.happened());
    }
}

#[test]
fn late_records_stand_where_they_arrive_and_some_come_twice() {
    let plain = told(&["--users", "60"]);
    let travelled = told(&["--users", "60", "--late", "900", "--twice", "100"]);
    let key = |line: &Told| {
        let id = line.truth("id").to_owned();
        (
            line.happened().to_owned(),
            id,
            line.record["resultType"].to_string(),
        )
    };
    let in_order =
        |lines: &[Told]| lines.is_sorted_by(|one, next| one.happened() <= next.happened());
    assert!(in_order(&plain));
    assert!(!in_order(&travelled));

    let (again, first): (Vec<_>, Vec<_>) = travelled
        .iter()
        .partition(|line| line.truth["twice"] == true);
    let once: BTreeSet<_> = plain.iter().map(key).collect();
    assert_eq!(once.len(), plain.len());
    assert_eq!(
        first.iter().map(|line| key(line)).collect::<BTreeSet<_>>(),
        once
    );
    let permille = again.len() * 1000 / first.len();
    assert!((60..=140).contains(&permille), "{permille}");
    let bytes: BTreeSet<_> = first.iter().map(|line| &line.bytes).collect();
    for line in &again {
        assert!(bytes.contains(&line.bytes), "{}", line.bytes);
        assert_ne!(line.truth["attack"]["climax"], true);
    }
}

#[test]
fn the_list_names_every_family() {
    let output = demo(&["--list"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let named: Vec<&str> = text
        .lines()
        .map(|line| line.split_once(' ').unwrap().0)
        .collect();
    assert_eq!(named, FAMILIES);
}

#[test]
fn chosen_families_only() {
    let lines = told(&["--users", "30", "--days", "1", "--attacks", "aitm,mfasweep"]);
    let families: BTreeSet<&str> = lines
        .iter()
        .filter_map(|line| line.truth["attack"]["family"].as_str())
        .collect();
    assert_eq!(
        families.into_iter().collect::<Vec<_>>(),
        ["aitm", "mfasweep"]
    );
    // With a single day, attacks begin in its second half.
    let mut of_attacks = lines.iter().filter(|line| line.of_attack());
    assert!(of_attacks.all(|line| line.happened() >= "2026-03-02T12"));
}

#[test]
fn wrong_usage_says_what_is_allowed() {
    for (arguments, told) in [
        (
            &["--attacks", "sprays"][..],
            "allowed are all, none, mfa_fatigue",
        ),
        (&["--attacks", "aitm,phish"], "tool_client"),
        (&["--start", "2026-02-30"], "2026-03-02"),
        (&["--users", "0"], "1..=5000000"),
        (&["--twice", "1001"], "0..=1000"),
        (&["--truth", "-"], "--out"),
    ] {
        let output = demo(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(told), "{arguments:?}: {errors}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn what_cannot_be_written_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no").join("such").display().to_string();
    for option in ["--out", "--truth"] {
        let output = demo(&["--users", "2", option, &path]);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{option}: {errors}");
        assert!(errors.contains("such"), "{errors}");
    }
}

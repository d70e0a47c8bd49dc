//! The demo tenant through the component: is each attack seen in time, is each attack kept, and is the rest left alone?
//!
//! `SCENARIOS=101..110 cargo test --test scenarios -- --nocapture` runs other seeds and prints the table of families,
//! `SCENARIO_USERS` and `SCENARIO_DAYS` set the size of the tenant.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use common::plugin;
use serde::Deserialize;
use serde_json::Value;

/// What is true about a record.
#[derive(Debug, Deserialize)]
struct Truth {
    id: String,
    status: String,
    flow: String,
    attack: Option<Attack>,
}

#[derive(Debug, Deserialize)]
struct Attack {
    family: String,
    run: u32,
    climax: bool,
}

/// What the component made of a record.
#[derive(Debug, Clone)]
struct Decision {
    verdict: String,
    suppress: bool,
    score: i64,
    signals: Vec<String>,
    /// What kept it although it looked like noise.
    kept_for: String,
}

#[allow(
    clippy::disallowed_methods,
    reason = "a test is told by the environment"
)]
fn told(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn seeds() -> std::ops::RangeInclusive<u64> {
    let text = told("SCENARIOS", "1..2");
    let (first, last) = text.split_once("..").unwrap_or((&text, &text));
    let number = |text: &str| text.trim_matches('=').parse().expect("SCENARIOS=101..110");
    number(first)..=number(last)
}

/// A demo tenant: its lines, and the truth about each.
fn demo(seed: u64, late: &str) -> (String, Vec<Truth>) {
    let folder = tempfile::tempdir().unwrap();
    let (records, truth) = (folder.path().join("records"), folder.path().join("truth"));
    let written = Command::new(env!("CARGO_BIN_EXE_signin-triage"))
        .args(["demo", "--users", &told("SCENARIO_USERS", "300")])
        .args(["--days", &told("SCENARIO_DAYS", "3")])
        .args(["--late", late, "--seed", &seed.to_string(), "--out"])
        .arg(&records)
        .arg("--truth")
        .arg(&truth)
        .output()
        .unwrap();
    assert!(written.status.success(), "{written:?}");
    let read = |line| serde_json::from_str(line).expect("the truth");
    let truth = fs::read_to_string(truth).unwrap();
    (
        fs::read_to_string(records).unwrap(),
        truth.lines().map(read).collect(),
    )
}

/// A record's name in the stream: an interrupt and its success share the id.
fn name(record: &Value) -> String {
    let at = |path: &str| {
        record
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned()
    };
    format!(
        "{} {} {}",
        at("/properties/id"),
        at("/resultType"),
        at("/properties/createdDateTime")
    )
}

/// What becomes of each line, in the order of the input, whatever the order of the output.
fn decisions(input: &str, config: &str) -> Vec<Decision> {
    let mut session = plugin().open(config).unwrap();
    let mut kept = String::new();
    let batches: Vec<&str> = input.split_inclusive('\n').collect();
    for batch in batches.chunks(1000) {
        let outcome = session.process(&batch.concat());
        assert_eq!(outcome.trap, None);
        kept += &outcome.kept;
    }
    kept += &session.drain().kept;
    let mut found: BTreeMap<String, Decision> = BTreeMap::new();
    for line in kept.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let member = &record["signin_triage"];
        let signals = member["signals"].as_array().cloned().unwrap_or_default();
        let shown =
            |one: &Value| format!("{} {}", one["name"].as_str().unwrap_or(""), one["points"]);
        let decision = Decision {
            verdict: member["verdict"].as_str().unwrap().to_owned(),
            suppress: member["noise"]["suppress"] == true,
            score: member["score"].as_i64().unwrap(),
            signals: signals.iter().map(shown).collect(),
            kept_for: member["noise"]["kept_for"]
                .as_str()
                .unwrap_or("")
                .to_owned(),
        };
        found.insert(name(&record), decision);
    }
    let each = |line: &str| found[&name(&serde_json::from_str(line).unwrap())].clone();
    input.lines().map(each).collect()
}

#[derive(Debug, Default)]
struct Family {
    runs: u32,
    in_time: u32,
    records: u32,
    suspicious: u32,
    missed: Vec<String>,
    suppressed: u32,
}

/// One attack, as far as it has been seen.
#[derive(Debug, Default)]
struct Run {
    /// A record of it was suspicious before its climax was over.
    in_time: bool,
    /// The climax has been seen.
    over: bool,
    highest: i64,
    /// What made the highest score.
    signals: Vec<String>,
}

#[derive(Debug, Default)]
struct Report {
    families: BTreeMap<String, Family>,
    benign: u64,
    suspicious: u64,
    review: u64,
    interrupted: u64,
    suppressed_interrupted: [u64; 2],
    attack_suppressed: u64,
    /// What made benign records look bad, and what kept benign interrupts.
    why: BTreeMap<String, u64>,
}

impl Report {
    fn add(&mut self, seed: u64, late: &str) {
        let (input, truth) = demo(seed, late);
        let at_once = decisions(&input, "");
        let held = decisions(&input, r#"{"hold_secs":600}"#);
        assert_eq!((truth.len(), truth.len()), (at_once.len(), held.len()));
        let mut runs: BTreeMap<(String, u32), Run> = BTreeMap::new();
        for ((truth, now), later) in truth.iter().zip(&at_once).zip(&held) {
            let Some(attack) = &truth.attack else {
                self.benign_record(truth, now, later);
                continue;
            };
            let family = self.families.entry(attack.family.clone()).or_default();
            family.records += 1;
            family.suspicious += u32::from(now.verdict == "suspicious");
            for decision in [now, later] {
                if decision.suppress {
                    family.suppressed += 1;
                    self.attack_suppressed += 1;
                    println!(
                        "SUPPRESSED seed {seed} {} {} {:?}",
                        attack.family, truth.id, decision
                    );
                }
            }
            let run = runs.entry((attack.family.clone(), attack.run)).or_default();
            if !run.over {
                run.in_time |= now.verdict == "suspicious";
                if now.score > run.highest {
                    run.highest = now.score;
                    run.signals.clone_from(&now.signals);
                }
            }
            run.over |= attack.climax;
        }
        for ((name, number), run) in runs {
            let family = self.families.get_mut(&name).unwrap();
            family.runs += 1;
            family.in_time += u32::from(run.in_time);
            if !run.in_time {
                let signals = run.signals.join(", ");
                let missed = format!("seed {seed} run {number}: {} {signals}", run.highest);
                family.missed.push(missed);
            }
        }
    }

    /// What must hold of any demo tenant.
    fn check(&self) {
        assert_eq!(self.attack_suppressed, 0);
        assert!(
            self.suspicious * 1000 <= self.benign,
            "more than 0.1 % of benign records suspicious"
        );
        assert!(
            self.review * 100 <= self.benign,
            "more than 1 % of benign records to review"
        );
        for (share, suppressed) in [90, 95].into_iter().zip(self.suppressed_interrupted) {
            assert!(
                suppressed * 100 >= self.interrupted * share,
                "less than {share} % suppressed"
            );
        }
        // What looks at its climax like a developer's or a traveller's day is seen a record later.
        for (name, family) in &self.families {
            assert!(family.in_time * 2 > family.runs, "{name}");
        }
    }

    fn benign_record(&mut self, truth: &Truth, now: &Decision, later: &Decision) {
        self.benign += 1;
        self.suspicious += u64::from(now.verdict == "suspicious");
        self.review += u64::from(now.verdict == "review");
        if now.verdict != "benign" {
            let key = format!("{} {}: {}", now.verdict, truth.flow, now.signals.join(", "));
            *self.why.entry(key).or_default() += 1;
        }
        if truth.status == "interrupted" {
            self.interrupted += 1;
            let modes = ["at once", "held"].into_iter().zip([now, later]);
            for (count, (mode, decision)) in self.suppressed_interrupted.iter_mut().zip(modes) {
                *count += u64::from(decision.suppress);
                if !decision.suppress {
                    let key = format!("{mode} kept {} for {}", truth.flow, decision.kept_for);
                    *self.why.entry(key).or_default() += 1;
                }
            }
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "shares")]
    fn print(&self) {
        println!(
            "{:26} {:>5} {:>8} {:>8} {:>11} {:>10}",
            "family", "runs", "in time", "records", "suspicious", "suppressed"
        );
        for (name, family) in &self.families {
            println!(
                "{name:26} {:>5} {:>8} {:>8} {:>11} {:>10}",
                family.runs, family.in_time, family.records, family.suspicious, family.suppressed
            );
            for missed in &family.missed {
                println!("    missed {name}: {missed}");
            }
        }
        let share = |part: u64, whole: u64| part as f64 * 100.0 / whole.max(1) as f64;
        println!(
            "benign records {}: suspicious {} ({:.3} %), review {} ({:.3} %)",
            self.benign,
            self.suspicious,
            share(self.suspicious, self.benign),
            self.review,
            share(self.review, self.benign),
        );
        let [now, later] = self.suppressed_interrupted;
        println!(
            "benign interrupted records {}: suppressed at once {now} ({:.2} %), with hold_secs 600 {later} ({:.2} %)",
            self.interrupted,
            share(now, self.interrupted),
            share(later, self.interrupted),
        );
        println!("attack records suppressed: {}", self.attack_suppressed);
        let mut why: Vec<_> = self.why.iter().collect();
        why.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (why, count) in why
            .iter()
            .take(told("SCENARIO_WHY", "0").parse().unwrap_or(0))
        {
            println!("{count:>6} {why}");
        }
    }
}

#[test]
fn every_attack_is_seen_in_time_and_the_rest_is_left_alone() {
    let mut report = Report::default();
    for seed in seeds() {
        report.add(seed, "0");
    }
    report.print();
    report.check();
}

/// The same where each record arrives up to ten minutes after it happened, so that hardly two stand in their order.
#[test]
fn lateness_changes_none_of_it() {
    let mut report = Report::default();
    report.add(*seeds().start(), "600");
    report.print();
    report.check();
}

//! What the transform may cost, in wasm instructions: `budget.toml` beside this file says how many each input takes.
//!
//! `UPDATE_BUDGET=1 cargo test -p host-test --test budget` writes it anew; the difference is read like code.
//!
//! The counts are exact and the same on every machine and in every profile of this harness, for `build.rs` builds the
//! component by a profile of its own. They depend on the compiler, though, so the file names the one they are from:
//! with it a figure may be off by 2 % either way, because a budget that is too large guards nothing. Another compiler
//! makes other code of the same source; then only growth counts, by more than 10 %.
#![allow(
    clippy::disallowed_methods,
    reason = "a test is told by the environment; the ban is for the transform"
)]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use common::folder;
use host_test::figures::COMPILER;
use host_test::figures::counted::{Counted, CountedSession};
use host_test::figures::records::{Crowd, Form, Shape, Stream};
use host_test::fluent_bit::{self, ANNOTATE};

/// Per cent that a figure may be off with the compiler that the budget is from.
const MARGIN: u64 = 2;

/// Per cent that a figure may grow with another one.
const MARGIN_OTHER_COMPILER: u64 = 10;

const FILE: &str = "tests/budget.toml";

struct Budget {
    /// As `rustc -V` says.
    compiler: String,
    /// Instructions for each input.
    component: BTreeMap<String, u64>,
    fluent_bit: BTreeMap<String, u64>,
}

#[test]
fn nothing_costs_more_or_less_than_the_budget_says() {
    let found = Budget {
        compiler: COMPILER.to_owned(),
        component: component(),
        fluent_bit: module(),
    };
    if std::env::var_os("UPDATE_BUDGET").is_some() {
        fs::write(folder(FILE), found.text()).expect("the budget is written");
        return;
    }
    let text = fs::read_to_string(folder(FILE)).expect("the budget");
    let committed = Budget::read(&text);
    let problems = committed.problems(&found);
    assert!(
        problems.is_empty(),
        "wasm instructions:\n{}\nUPDATE_BUDGET=1 cargo test -p host-test --test budget writes what is found",
        problems.join("\n")
    );
    if committed.compiler != found.compiler {
        println!("{}", committed.other_compiler(&found));
    }
}

impl Budget {
    fn read(text: &str) -> Budget {
        let table: toml::Table = text.parse().expect("TOML");
        let figures = |name: &str| {
            let table = table[name].as_table().expect(name);
            let figure = |count: &toml::Value| count.as_integer().map(i64::cast_unsigned);
            table
                .iter()
                .map(|(input, count)| (input.clone(), figure(count).expect(input)))
                .collect()
        };
        Budget {
            compiler: table["compiler"].as_str().expect("a text").to_owned(),
            component: figures("component"),
            fluent_bit: figures("fluent_bit"),
        }
    }

    fn text(&self) -> String {
        let mut text = format!(
            "# Wasm instructions that each input of budget.rs takes, written by UPDATE_BUDGET=1.\ncompiler = \"{}\"\n",
            self.compiler
        );
        for (table, figures) in [
            ("component", &self.component),
            ("fluent_bit", &self.fluent_bit),
        ] {
            let _ = writeln!(text, "\n[{table}]");
            for (input, count) in figures {
                let _ = writeln!(text, "{input} = {count}");
            }
        }
        text
    }

    fn other_compiler(&self, found: &Budget) -> String {
        format!(
            "the budget is of {}, this is {}: only growth by more than {MARGIN_OTHER_COMPILER} % counts",
            self.compiler, found.compiler
        )
    }

    /// Each figure of `found` that does not keep to this budget, in words.
    fn problems(&self, found: &Budget) -> Vec<String> {
        let same = self.compiler == found.compiler;
        let tables = [
            ("component", &self.component, &found.component),
            ("fluent_bit", &self.fluent_bit, &found.fluent_bit),
        ];
        let mut problems = Vec::new();
        for (table, committed, found) in tables {
            for (input, &count) in found {
                let problem = match committed.get(input) {
                    None => Some("is not in the budget".to_owned()),
                    Some(&budget) => off(budget, count, same),
                };
                problems.extend(problem.map(|problem| format!("{table}.{input} {problem}")));
            }
            let gone = committed.keys().filter(|&input| !found.contains_key(input));
            problems.extend(gone.map(|input| format!("{table}.{input} is measured no more")));
        }
        if !same && !problems.is_empty() {
            problems.push(self.other_compiler(found));
        }
        problems
    }
}

/// What is wrong with a figure; `None` where it is near enough.
fn off(budget: u64, found: u64, same_compiler: bool) -> Option<String> {
    let margin = if same_compiler {
        MARGIN
    } else {
        MARGIN_OTHER_COMPILER
    };
    let by = budget.abs_diff(found);
    if by * 100 <= budget * margin || (found < budget && !same_compiler) {
        return None;
    }
    let tenths = by * 1000 / budget.max(1);
    let (verb, advice) = if found > budget {
        ("grew", "")
    } else {
        ("shrank", "; lower the budget, so that it stays won")
    };
    let (whole, tenth) = (tenths / 10, tenths % 10);
    Some(format!(
        "{verb} by {whole}.{tenth} %, from {budget} to {found}{advice}"
    ))
}

#[test]
fn off_by_more_than_the_margin_is_told() {
    for (budget, found, same_compiler, told) in [
        (1000, 1000, true, None),
        (1000, 1020, true, None),
        (1000, 980, true, None),
        (1000, 1021, true, Some("grew by 2.1 %, from 1000 to 1021")),
        (
            1000,
            979,
            true,
            Some("shrank by 2.1 %, from 1000 to 979; lower the budget, so that it stays won"),
        ),
        (1000, 1100, false, None),
        (1000, 1101, false, Some("grew by 10.1 %, from 1000 to 1101")),
        (1000, 1, false, None),
        (0, 1, true, Some("grew by 100.0 %, from 0 to 1")),
    ] {
        assert_eq!(off(budget, found, same_compiler).as_deref(), told);
    }
}

/// Lines that are no usual ones, by name.
fn single_lines() -> [(&'static str, String); 6] {
    let mut stream = Stream::new(Form::USUAL, 1000);
    let usual = stream.record(Shape::AzureMonitor);
    let broken = usual[..usual.len() - 20].to_owned();
    [
        ("graph_record", stream.record(Shape::Graph)),
        ("log_analytics_row", stream.record(Shape::LogAnalytics)),
        ("envelope_of_10", stream.envelope(10)),
        ("broken_line", broken),
        ("deep_line", "{\"properties\":".repeat(100_000)),
        (
            "long_string",
            usual.replacen("Mozilla", &"a".repeat(200_000), 1),
        ),
    ]
}

/// What the component takes, each input in a session of its own.
fn component() -> BTreeMap<String, u64> {
    let component = Counted::built_in().expect("the component compiles");
    let open = || component.open("", None).expect("a session");
    let mut figures = BTreeMap::new();
    let mut put =
        |name: &str, count: u64| assert!(figures.insert(name.to_owned(), count).is_none());
    let process = |session: &mut CountedSession, batch: &str| session.process(batch).expect(batch);

    put("open", open().1);
    for (name, mut stream) in [
        ("records_7200", Stream::new(Form::USUAL, 100)),
        ("records_3800", Stream::new(Form::PLAIN, 100)),
        (
            "records_7200_new_policies",
            Stream::new(Form::USUAL, 100).hostile(),
        ),
    ] {
        let mut session = open().0;
        // The first batch meets empty tables and buffers, the second does not.
        process(&mut session, &stream.batch(1 << 20));
        put(name, process(&mut session, &stream.batch(1 << 20)));
    }
    // Beside records_3800: whoever attacks chooses what is remembered, and must not choose what a record costs.
    for (name, crowd) in [
        ("attack_spray", Crowd::SPRAY),
        ("attack_brute_force", Crowd::BRUTE_FORCE),
        ("attack_flood", Crowd::FLOOD),
        ("attack_distributed_spray", Crowd::DISTRIBUTED_SPRAY),
        (
            "attack_distributed_spray_mixed",
            Crowd::DISTRIBUTED_SPRAY_MIXED,
        ),
    ] {
        let mut stream = Stream::of(Form::PLAIN, crowd);
        let mut session = open().0;
        // More than is remembered of a tenant.
        process(&mut session, &stream.batch(3 << 20));
        put(name, process(&mut session, &stream.batch(1 << 20)));
    }
    for (name, line) in single_lines() {
        put(name, process(&mut open().0, &(line + "\n")));
    }
    // Each user of a thousand twice.
    let mut stream = Stream::new(Form::CUT_DOWN, 1000);
    let mut session = open().0;
    process(
        &mut session,
        &stream.batch(2 * 1000 * (Form::CUT_DOWN.bytes + 1)),
    );
    let (snapshot, count) = session.snapshot().expect("a snapshot");
    put("snapshot_1000_users", count);
    let restored = component.open("", Some(&snapshot)).expect("a session");
    put("restore_1000_users", restored.1);
    figures
}

/// What the module for Fluent Bit takes, which gets its records one by one.
fn module() -> BTreeMap<String, u64> {
    let module = fluent_bit::Module::from_bytes(fluent_bit::BUILT_IN).expect("the module compiles");
    let mut figures = BTreeMap::new();
    for (name, form) in [("records_7200", Form::USUAL), ("records_3800", Form::PLAIN)] {
        let mut instance = module.instantiate().expect("an instance");
        let mut stream = Stream::new(form, 100);
        let mut before = 0;
        for number in 0..200 {
            if number == 100 {
                before = instance.instructions();
            }
            let record = stream.record(Shape::AzureMonitor);
            instance
                .call(ANNOTATE, record.as_bytes())
                .expect("a record");
        }
        figures.insert(name.to_owned(), instance.instructions() - before);
    }
    for (name, line) in single_lines() {
        let mut instance = module.instantiate().expect("an instance");
        // So that the first call's opening is not counted.
        instance.call(ANNOTATE, b"{}").expect("a record");
        let before = instance.instructions();
        instance.call(ANNOTATE, line.as_bytes()).expect(name);
        figures.insert(name.to_owned(), instance.instructions() - before);
    }
    figures
}

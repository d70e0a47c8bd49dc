//! A component that traps, loops, grows, lies: what it costs, and what it does not.

mod common;
#[path = "common/misbehaving.rs"]
mod components;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use common::bridge::{Downstream, Sender, Serve};
use common::{enrich, folder};
use components::{liar, misbehaving};
use host_test::{Counter, PassedOn, Plugin};
use serde_json::Value;

/// One line of it is enough to bring the component down.
const DEEDS: [&str; 8] = [
    "trap", "loop", "grow", "recurse", "drop", "double", "change", "remove",
];

/// The component with a will of its own, which may have some memory and little time.
fn plugin() -> &'static Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| {
        let plugin = Plugin::from_file(misbehaving()).unwrap();
        plugin.with_memory_bytes_max(64 << 20).with_batch_secs(1)
    })
}

/// A failed sign-in. The history of its user and of its address shows in what is said about the next.
fn record(number: usize, agent: &str) -> String {
    format!(
        concat!(
            r#"{{"id":"{0:08x}","createdDateTime":"2026-03-10T08:{1:02}:{2:02}Z","userPrincipalName":"user{3}@contoso.example","#,
            r#""ipAddress":"192.0.2.7","userAgent":"{4}","status":{{"errorCode":50126}}}}"#,
            "\n"
        ),
        number,
        number / 60 % 60,
        number % 60,
        number % 40,
        agent
    )
}

/// So many records, some of which ask for a deed.
fn records(count: usize, deeds: &[(usize, &str)]) -> String {
    let deeds: BTreeMap<usize, &str> = deeds.iter().copied().collect();
    let one = |number: usize| match deeds.get(&number) {
        Some(deed) => record(number, &format!("please-{deed}")),
        None => record(number, "Mozilla/5.0"),
    };
    (0..count).map(one).collect()
}

/// What the real component makes of `input` when it never sees the lines that ask for a deed; these stand in it as they
/// came.
fn expected(input: &str, config: &str) -> String {
    let asks = |line: &&str| line.contains("please-");
    let good: String = input
        .split_inclusive('\n')
        .filter(|line| !asks(line))
        .collect();
    let enriched = enrich(&good, config);
    let mut enriched = enriched.split_inclusive('\n');
    let line = |line| {
        if asks(&line) {
            line
        } else {
            enriched.next().unwrap()
        }
    };
    input.split_inclusive('\n').map(line).collect()
}

fn count(counters: &[Counter], group: &str, name: &str) -> u64 {
    let of = counters
        .iter()
        .filter(|one| one.group == group && one.name == name);
    of.map(|one| one.count).sum()
}

#[test]
fn one_line_costs_its_own_labels_whatever_it_does() {
    for deed in DEEDS {
        let mut session = plugin().open("").unwrap();
        let input = records(300, &[(123, deed)]);
        let line = record(123, &format!("please-{deed}"));
        // What it remembers of before the batch is not lost either.
        let (before, batch) = input.split_at(input.find("0000002a").unwrap() - 7);
        let mut kept = session.process(before).kept;
        let outcome = session.process(batch);
        kept += &outcome.kept;
        assert!(kept == expected(&input, ""), "{deed}");
        let trouble = outcome.trouble().unwrap();
        let [failed] = &trouble.failed[..] else {
            panic!("{deed}: {trouble:?}");
        };
        assert_eq!(
            (&failed.lines, failed.why),
            (&line, PassedOn::Trapped),
            "{deed}"
        );
        let reason = match deed {
            "loop" => "it took too long",
            "grow" => "it asked for more than 64 MiB of memory",
            "trap" => "unreachable",
            // Its own stack ends before the machine's.
            "recurse" => "out of bounds memory access",
            "drop" => "fewer lines",
            "double" => "more lines",
            "change" => "another line",
            _ => "removed lines",
        };
        assert!(failed.reason.contains(reason), "{deed}: {}", failed.reason);
        // Counted once, like all others.
        let stats = session.stats();
        for (group, name, expected) in [
            ("lines", "", 300),
            ("lines_enriched", "", 299),
            ("rejected", "trapped", 1),
            ("status", "failure", 299),
        ] {
            assert_eq!(
                count(&stats, group, name),
                expected,
                "{deed}: {group} {name}"
            );
        }
    }
}

#[test]
fn several_lines_are_each_found() {
    let mut session = plugin().open("").unwrap();
    let deeds = [
        (0, "trap"),
        (1, "drop"),
        (150, "double"),
        (151, "grow"),
        (299, "reject"),
    ];
    let input = records(300, &deeds);
    let outcome = session.process(&input);
    assert!(outcome.kept == expected(&input, ""));
    let numbers: Vec<&str> = outcome.failed.iter().map(|one| &one.lines[7..15]).collect();
    assert_eq!(
        numbers,
        ["00000000", "00000001", "00000096", "00000097", "0000012b"]
    );
    assert!(outcome.rejected.is_empty());
    // And it goes on.
    assert!(session.process(&record(300, "")).trap.is_none());
}

#[test]
fn what_fails_in_company_only_costs_nothing() {
    let mut session = plugin().open("").unwrap();
    let input = records(50, &[(20, "shun")]);
    let outcome = session.process(&input);
    assert!(
        outcome
            .trouble()
            .is_some_and(|trouble| trouble.failed.is_empty())
    );
    assert!(outcome.kept == enrich(&input, ""));
}

#[test]
fn a_component_that_fails_at_everything_costs_bounded_work() {
    let mut session = plugin().open("").unwrap();
    let deeds: Vec<(usize, &str)> = (0..2000).map(|number| (number, "trap")).collect();
    let input = records(2000, &deeds);
    let mut found = Vec::new();
    for _ in 0..3 {
        let outcome = session.process(&input);
        assert!(outcome.kept == input);
        let trapped = outcome
            .failed
            .iter()
            .filter(|one| one.why == PassedOn::Trapped);
        found.push(trapped.count());
        let lines: usize = outcome
            .failed
            .iter()
            .map(|one| one.lines.lines().count())
            .sum();
        assert_eq!(lines, 2000);
    }
    // Each search ends after so many failed calls, and the next is shorter.
    assert!(
        found[0] > found[1] && found[1] > 0 && found[0] < 256,
        "{found:?}"
    );
    let stats = session.stats();
    let trapped = found.iter().sum::<usize>() as u64;
    assert_eq!(count(&stats, "rejected", "trapped"), trapped);
    assert_eq!(count(&stats, "rejected", "given_up"), 6000 - trapped);
    assert_eq!(count(&stats, "lines", ""), 6000);
    // Once it does better, so does the search.
    assert!(session.process(&record(1, "")).trap.is_none());
    let input = records(2000, &[(1000, "trap"), (1100, "trap"), (1999, "trap")]);
    assert_eq!(session.process(&input).failed.len(), 3);
}

#[test]
fn lies_below_the_level_of_text_are_traps_too() {
    for (what, kept, length) in [
        ("no UTF-8", 1024, 2),
        ("beyond its memory", 1024, 0x10000),
        ("all there can be", 0, u32::MAX),
        ("from nowhere", u32::MAX, 5),
        ("nothing, of something", 1024, 0),
    ] {
        let plugin = Plugin::from_bytes(&liar(kept, length)).unwrap();
        let mut session = plugin.open("").unwrap();
        let input = records(40, &[]);
        for _ in 0..2 {
            let outcome = session.process(&input);
            assert!(outcome.kept == input, "{what}");
            assert!(!outcome.failed.is_empty(), "{what}");
        }
        assert_eq!(count(&session.stats(), "lines", ""), 80, "{what}");
    }
}

#[test]
fn a_snapshot_that_is_no_snapshot_costs_the_memory_and_no_labels() {
    let mut session = plugin().open("").unwrap();
    let input = records(100, &[(50, "forget"), (80, "trap")]);
    let outcome = session.process(&input);
    assert_eq!(outcome.kept.lines().count(), 100);
    assert_eq!(outcome.failed.len(), 1, "{:?}", outcome.failed);
    let labelled = session.process(&record(1, "")).kept;
    assert!(labelled.contains("signin_triage"), "{labelled}");
}

/// Runs the program with that component to its end.
fn run(arguments: &[&str], input: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_signin-triage"))
        .args(["run", "--component"])
        .arg(misbehaving())
        .args(["--batch-secs", "1"])
        .args(arguments)
        .stdin(fs::File::open(input).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .unwrap()
}

/// The lines that a dead-letter file holds, each with a reason, and for its owner only.
fn letters(path: &Path) -> Vec<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(path).unwrap();
    let line = |line: &str| {
        let letter: Value = serde_json::from_str(line).unwrap();
        let names: Vec<_> = letter.as_object().unwrap().keys().cloned().collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(
            letter["reason"]
                .as_str()
                .is_some_and(|reason| !reason.is_empty())
        );
        letter["line"].as_str().unwrap().to_owned()
    };
    text.lines().map(line).collect()
}

#[test]
fn run_keeps_the_lines_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let shown = |name: &str| at(name).display().to_string();
    let deeds = [(7, "trap"), (500, "loop"), (501, "recurse"), (999, "drop")];
    let input = records(1000, &deeds);
    fs::write(at("in"), &input).unwrap();
    let dead: Vec<String> = deeds
        .iter()
        .map(|(number, deed)| {
            record(*number, &format!("please-{deed}"))
                .trim_end()
                .to_owned()
        })
        .collect();
    for (what, options) in [("one", &[][..]), ("jobs", &["--jobs", "2"])] {
        let out = shown(&format!("{what}.out"));
        let dead_letter = shown(&format!("{what}.dead"));
        let mut arguments = vec!["-q", "--out", &out, "--dead-letter", &dead_letter];
        arguments.extend(options);
        let output = run(&arguments, &at("in"));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{what}: {said}");
        assert!(said.contains("the transform failed on"), "{what}: {said}");
        let kept = fs::read_to_string(&out).unwrap();
        if what == "one" {
            assert!(kept == expected(&input, ""), "{what}");
        }
        let unlabelled = kept
            .lines()
            .filter(|line| !line.contains("\"signin_triage\":"));
        assert_eq!(unlabelled.collect::<Vec<_>>(), dead, "{what}");
        assert_eq!(kept.lines().count(), 1000, "{what}");
        let mut letters = letters(Path::new(&dead_letter));
        letters.sort_unstable();
        assert_eq!(letters, dead, "{what}");
    }
    // Without a file for them they are counted all the same.
    let output = run(&[], &at("in"));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("trapped"), "{said}");
    // One that cannot be written is a failure, and costs no record.
    let output = run(&["-q", "--dead-letter", "/dev/full"], &at("in"));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap() == expected(&input, ""));
    let output = run(&["-q", "--dead-letter", &shown("in")], &at("in"));
    assert_eq!(output.status.code(), Some(2));
    assert!(fs::read_to_string(at("in")).unwrap() == input);
}

#[test]
fn what_waits_and_is_not_let_go_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let prompt = record(1, "please-stick").replace("50126", "50074");
    fs::write(at("in"), prompt).unwrap();
    let output = run(&["-q", "--hold", "600"], Path::new(&at("in")));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("1 lines that waited"), "{said}");
    // With a state it is kept for whoever comes next.
    let output = run(
        &["-q", "--hold", "600", "--state", &at("state"), "--drain"],
        Path::new(&at("in")),
    );
    assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]));
    let output = Command::new(env!("CARGO_BIN_EXE_signin-triage"))
        .args(["run", "-q", "--state", &at("state"), "--drain", "/dev/null"])
        .output()
        .unwrap();
    assert_eq!(
        output.stdout.split_inclusive(|byte| *byte == b'\n').count(),
        1
    );
}

#[test]
fn lockstep_answers_every_request() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let shown = |name: &str| at(name).display().to_string();
    let input = records(60, &[(5, "trap"), (30, "loop"), (59, "double")]);
    for protocol in ["lines", "rsyslog", "length-prefixed"] {
        let request = if protocol == "length-prefixed" {
            let length = u32::try_from(input.len()).unwrap();
            [&length.to_be_bytes()[..], input.as_bytes()].concat()
        } else {
            input.clone().into_bytes()
        };
        fs::write(at("in"), request).unwrap();
        let (log, dead) = (shown("log"), shown(protocol));
        let output = run(
            &[
                "--lockstep",
                protocol,
                "--log",
                &log,
                "--dead-letter",
                &dead,
            ],
            &at("in"),
        );
        assert_eq!(output.status.code(), Some(0), "{protocol}");
        assert_eq!(letters(Path::new(&dead)).len(), 3, "{protocol}");
        let reply = &output.stdout[..];
        match protocol {
            "lines" => assert!(reply == expected(&input, "").as_bytes()),
            "rsyslog" => {
                let unchanged = reply
                    .split(|byte| *byte == b'\n')
                    .filter(|one| *one == b"{}");
                assert_eq!(unchanged.count(), 3);
            }
            _ => assert!(&reply[4..] == expected(&input, "").as_bytes()),
        }
    }
}

#[test]
fn serve_answers_and_keeps_the_lines() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let folder = tempfile::tempdir().unwrap();
    let dead = folder.path().join("dead").display().to_string();
    let component = misbehaving().display().to_string();
    let serve = Serve::start(
        &downstream.url,
        &[
            "--component",
            &component,
            "--batch-secs",
            "1",
            "--dead-letter",
            &dead,
            "-q",
        ],
    );
    let input = records(60, &[(5, "trap"), (30, "loop"), (59, "double")]);
    assert_eq!(sender.post(&serve.url, input.clone()).0, 200);
    assert!(downstream.accepted() == expected(&input, ""));
    let metrics = sender.get(&format!("{}/metrics", serve.url));
    assert!(metrics.contains("trapped"), "{metrics}");
    assert_eq!(letters(Path::new(&dead)).len(), 3);
    let (said, ended) = serve.stop();
    assert!(ended.success(), "{said}");
    assert_eq!(
        said.matches("the transform failed on a line").count(),
        3,
        "{said}"
    );
}

#[test]
fn another_component_can_be_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_signin-triage"))
        .args(["run", "--component"])
        .arg(folder("Cargo.toml"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("Cargo.toml: not a WebAssembly file"),
        "{said}"
    );
}

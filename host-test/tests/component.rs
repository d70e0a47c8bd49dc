//! The component as a host meets it: what it wants, what it offers, and what an error leaves behind.

use host_test::plugin::{BUILT_IN, OpenError, in_words};
use host_test::{Counter, PassedOn, Plugin};

const RECORD: &str = concat!(
    r#"{"createdDateTime":"2025-03-01T10:02:03Z","userPrincipalName":"ada@contoso.example","#,
    r#""appDisplayName":"Portal","ipAddress":"192.0.2.1","status":{"errorCode":50126}}"#,
    "\n"
);

fn count(counters: &[Counter], group: &str, name: &str) -> u64 {
    counters
        .iter()
        .filter(|one| one.group == group && one.name == name)
        .map(|one| one.count)
        .sum()
}

#[test]
fn it_imports_nothing_and_runs_on_an_empty_linker() {
    println!("signin_triage.wasm: {} bytes", BUILT_IN.len());
    let plugin = Plugin::built_in().unwrap();
    assert_eq!(plugin.imports(), Vec::<String>::new());
    for interface in ["transform", "keyed"] {
        let name = format!("signin-triage:transform/{interface}@0.1.0");
        let exports = plugin.exports();
        assert!(exports.contains(&name), "{name} in {exports:?}");
    }
    // Instantiates: the linker that a plugin uses has nothing in it.
    assert!(plugin.config_schema().unwrap().contains("properties"));
}

#[test]
fn the_file_tells_its_version() {
    // A custom section begins with its name and the name's length; its content has none.
    let section = concat!("\x07version", env!("CARGO_PKG_VERSION")).as_bytes();
    assert!(
        BUILT_IN
            .windows(section.len())
            .any(|window| window == section)
    );
}

#[test]
fn a_session_labels_a_record_and_counts_it() {
    let plugin = Plugin::built_in().unwrap();
    let mut session = plugin.open("").unwrap();
    let outcome = session.process(RECORD);
    assert!(
        outcome.kept.contains(r#""cause":"bad_credentials""#),
        "{}",
        outcome.kept
    );
    assert!(outcome.suppressed.is_empty() && outcome.rejected.is_empty() && outcome.trap.is_none());
    let stats = session.stats();
    for (group, name, expected) in [
        ("lines", "", 1),
        ("records", "", 1),
        ("status", "failure", 1),
        ("cause", "failure/bad_credentials", 1),
        ("bytes_in", "", RECORD.len() as u64),
        ("bytes_out", "", outcome.kept.len() as u64),
    ] {
        assert_eq!(count(&stats, group, name), expected, "{group} {name}");
    }
}

#[test]
fn an_error_leaves_the_session_usable() {
    let plugin = Plugin::built_in().unwrap();
    let Err(OpenError::Config(problems)) = plugin.open(r#"{"mode":"nonsense","nonsense":1}"#)
    else {
        panic!("the configuration was taken");
    };
    assert_eq!(problems.len(), 2);

    let mut session = plugin.open("").unwrap();
    let before = session.process(RECORD).kept;
    let deep = "[".repeat(10_000);
    for line in [
        "",
        "nonsense",
        "[]",
        "{}",
        "{\"records\":[1]}",
        "\u{feff}",
        "\0",
        &deep,
    ] {
        let outcome = session.process(line);
        assert_eq!(outcome.kept, line);
        assert!(outcome.trap.is_none());
    }
    assert_eq!(session.process(RECORD).kept, before);
}

/// Where the stream falls silent the host says how far time has come, and at its end lets go of what waits.
#[test]
fn what_waits_is_let_go_by_time_or_at_the_end() {
    let plugin = Plugin::built_in().unwrap();
    let prompt = RECORD.replace("50126", "50074");
    let due = 1_740_823_323_000 + 600_000;
    for (millis, outcome) in [(due - 1000, "pending"), (due, "abandoned")] {
        let mut session = plugin.open(r#"{"hold_secs":600}"#).unwrap();
        assert_eq!(session.process(&prompt).kept, "");
        assert_eq!(count(&session.stats(), "lines_held", ""), 1);
        let advanced = session.advance(millis).kept;
        assert_eq!(advanced.is_empty(), outcome == "pending", "{advanced}");
        let out = advanced + &session.drain().kept;
        let expected = format!("\"outcome\":\"{outcome}\"");
        assert!(out.contains(&expected), "{expected} in {out}");
        assert_eq!(out.lines().count(), 1);
        assert_eq!(count(&session.stats(), "lines_held", ""), 0);
    }
}

#[test]
fn every_problem_of_a_configuration_is_named() {
    let plugin = Plugin::built_in().unwrap();
    let problems = plugin
        .problems(r#"{"mode":"nonsense","reveiw_from":1,"suspicious_from":1000}"#)
        .unwrap();
    let words: Vec<_> = problems.iter().map(in_words).collect();
    for expected in [
        "mode: found \"nonsense\", allowed annotate or filter",
        "reveiw_from: unknown key, nearest is review_from",
        "suspicious_from: found 1000, allowed 2 to 100 points",
    ] {
        assert!(
            words.iter().any(|one| one == expected),
            "{expected} in {words:?}"
        );
    }
    assert_eq!(words.len(), 3, "{words:?}");
}

/// Nothing that a line holds makes it trap, so here the memory is taken away. No single line is at fault, so none loses its
/// labels.
#[test]
fn a_batch_that_is_too_large_for_the_memory_is_enriched_in_parts() {
    let roomy = Plugin::built_in().unwrap();
    let mut roomy = roomy.open("").unwrap();
    let plugin = Plugin::built_in().unwrap().with_memory_bytes_max(24 << 20);
    let mut session = plugin.open("").unwrap();
    let records = |bytes: usize| RECORD.repeat(bytes / RECORD.len());
    // One batch that is counted at once, and one that has to be run again for its counts.
    let large = records(2 << 20);
    let large_out = session.process(&large).kept;
    let small_out = session.process(RECORD).kept;
    for batch in [&large, RECORD] {
        roomy.process(batch);
    }

    let huge = records(12 << 20);
    let outcome = session.process(&huge);
    let trouble = outcome.trouble().unwrap();
    assert!(trouble.reason.contains("MiB of memory"), "{trouble:?}");
    assert!(trouble.failed.is_empty());
    assert!(outcome.kept == roomy.process(&huge).kept);

    assert_eq!(session.process(RECORD).kept, small_out);
    let stats = session.stats();
    let labelled = (large.lines().count() + huge.lines().count()) as u64 + 2;
    let bytes_in = large.len() + huge.len() + 2 * RECORD.len();
    let bytes_out = large_out.len() + outcome.kept.len() + 2 * small_out.len();
    for (group, name, expected) in [
        ("lines", "", labelled),
        ("lines_enriched", "", labelled),
        ("lines_unchanged", "", 0),
        ("records", "", labelled),
        ("rejected", "trapped", 0),
        ("bytes_in", "", bytes_in as u64),
        ("bytes_out", "", bytes_out as u64),
    ] {
        assert_eq!(count(&stats, group, name), expected, "{group} {name}");
    }
}

#[test]
fn lines_that_no_instance_saw_are_counted_as_unchanged() {
    let plugin = Plugin::built_in().unwrap();
    let mut session = plugin.open("").unwrap();
    session.process(RECORD);
    session.process("nonsense\n");
    session.pass_on(PassedOn::BrokenEncoding, 1, 10);
    // A line that comes in two pieces is one line.
    session.pass_on(PassedOn::TooLong, 1, 100);
    session.pass_on(PassedOn::TooLong, 0, 100);
    let stats = session.stats();
    for (group, name, expected) in [
        ("lines", "", 4),
        ("lines_enriched", "", 1),
        ("lines_unchanged", "", 3),
        ("rejected", "not_json", 1),
        ("rejected", "broken_encoding", 1),
        ("rejected", "too_long", 1),
        ("bytes_in", "", RECORD.len() as u64 + 9 + 210),
    ] {
        assert_eq!(count(&stats, group, name), expected, "{group} {name}");
    }
}

/// What a start costs: `cargo test -p host-test --release --test component -- --ignored --nocapture`.
#[test]
#[ignore = "measures, and checks nothing"]
#[allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the ban on clocks is for the transform"
)]
fn how_long_a_start_takes() {
    use std::time::{Duration, Instant};
    use wasmtime::component::Component;
    use wasmtime::{Config, Engine, OptLevel};

    // The median of a few, as the first one also warms the caches.
    let median = |what: &str, mut run: Box<dyn FnMut() + '_>| {
        let mut took: Vec<Duration> = (0..9)
            .map(|_| {
                let start = Instant::now();
                run();
                start.elapsed()
            })
            .collect();
        took.sort();
        println!("{what}: {:?}", took[took.len() / 2]);
    };
    println!("{} bytes", BUILT_IN.len());
    for (what, change) in [
        (
            "compile, one thread",
            (|config| config.parallel_compilation(false)) as fn(&mut Config) -> &mut Config,
        ),
        ("compile, in parallel", |config| config),
        ("compile, in parallel, without optimisation", |config| {
            config.cranelift_opt_level(OptLevel::None)
        }),
    ] {
        let mut config = Config::new();
        change(&mut config);
        let engine = Engine::new(&config).unwrap();
        median(
            what,
            Box::new(|| drop(Component::new(&engine, BUILT_IN).unwrap())),
        );
    }
    let plugin = Plugin::built_in().unwrap();
    median(
        "instantiate and open a session",
        Box::new(|| drop(plugin.open("").unwrap())),
    );
    let mut session = plugin.open("").unwrap();
    median("one record", Box::new(|| drop(session.process(RECORD))));
}

#[test]
fn what_is_no_such_component_is_named_as_that() {
    for (bytes, said) in [
        (&b"nonsense"[..], "not a WebAssembly file"),
        (&b""[..], "not a WebAssembly file"),
        (
            &b"\0asm\x01\0\0\0"[..],
            "a core WebAssembly module, not a component",
        ),
    ] {
        let error = Plugin::from_bytes(bytes).err().unwrap();
        assert!(error.to_string().contains(said), "{error}");
    }
    // An empty component is a component, and not this one.
    let empty = Plugin::from_bytes(b"\0asm\x0d\0\x01\0").unwrap();
    assert!(empty.config_schema().is_err());
    assert!(matches!(empty.open(""), Err(OpenError::Other(_))));
}

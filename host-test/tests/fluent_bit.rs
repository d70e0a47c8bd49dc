//! The module for Fluent Bit, driven as Fluent Bit drives it, and by Fluent Bit itself where that is on the path.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the ban on clocks and the environment is for the transform"
)]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use common::{folder, plugin};
use host_test::bake::bake;
use host_test::fluent_bit::{ANNOTATE, BUILT_IN, FILTER, Filtering, Module, validate};
use serde_json::Value;
use tempfile::TempDir;

const RECORD: &str = concat!(
    r#"{"createdDateTime":"2026-03-01T10:02:03Z","id":"1","userPrincipalName":"ada@contoso.example","#,
    r#""appDisplayName":"Portal","ipAddress":"192.0.2.1","status":{"errorCode":50126}}"#
);

fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| Module::from_bytes(BUILT_IN).expect("the built-in module compiles"))
}

fn with_config(config: &str) -> Module {
    Module::from_bytes(&bake(BUILT_IN, config).unwrap()).unwrap()
}

fn answer(instance: &mut Filtering, function: &str, record: &str) -> String {
    let answer = instance.call(function, record.as_bytes()).unwrap();
    String::from_utf8(answer).unwrap()
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text:.200}"))
}

fn program(arguments: &[&str]) {
    let program = Command::new(env!("CARGO_BIN_EXE_signin-triage"))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&program.stderr);
    assert!(program.status.success(), "{arguments:?}: {said}");
}

/// The first `lines` of an invented tenant's traffic, attacks among it.
fn traffic(lines: usize, users: u32, days: u32) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("demo.ndjson").display().to_string();
    let (users, days) = (users.to_string(), days.to_string());
    program(&["demo", "--users", &users, "--days", &days, "--out", &file]);
    let text = fs::read_to_string(file).unwrap();
    let lines: Vec<_> = text.lines().take(lines).map(str::to_owned).collect();
    assert!(lines.len() > 1000);
    lines
}

/// Records that ask a lot of a reader, each with an id.
fn hostile() -> Vec<String> {
    let with = |name: &str, member: String| {
        RECORD
            .replace(
                "{\"createdDateTime\"",
                &format!("{{\"id\":\"{name}\",{member},\"createdDateTime\""),
            )
            .replace("\"id\":\"1\",", "")
    };
    let policies: Vec<_> = (0..240)
        .map(|number| {
            format!(
                r#"{{"id":"{number}","displayName":"CA {number} \u00e9 \"x\"","result":"failure"}}"#
            )
        })
        .collect();
    let steps: Vec<_> = (0..100)
        .map(|number| format!(r#"{{"authenticationStepDateTime":"2026-03-01T10:02:{:02}Z","authenticationMethod":"Password","succeeded":false,"authenticationStepResultDetail":"MFA denied; user declined the authentication"}}"#, number % 60))
        .collect();
    let (policies, steps) = (policies.join(","), steps.join(","));
    let escaped = policies.replace('\\', "\\\\").replace('"', "\\\"");
    let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    vec![
        with(
            "long",
            format!("\"a\":\"{}\"", "x\\\"\\u00e9".repeat(30_000)),
        ),
        with(
            "many",
            format!("\"a\":[{}1]", "{\"b\":[1,2.5,null]},".repeat(10_000)),
        ),
        with("deep", format!("\"a\":{}", deep(50))),
        with("deep status", format!("\"deviceDetail\":{}", deep(50))),
        with(
            "policies",
            format!("\"appliedConditionalAccessPolicies\":[{policies}]"),
        ),
        with("steps", format!("\"authenticationDetails\":[{steps}]")),
        with(
            "text",
            format!(
                "\"conditionalAccessPolicies\":\"[{escaped}]\",\"authenticationDetails\":\"{}\"",
                deep(5000)
            ),
        ),
        with("surrogate", "\"a\":\"\\ud800\"".to_owned()),
    ]
}

#[test]
fn it_needs_nothing_that_fluent_bit_does_not_have() {
    println!("signin_triage_fluent_bit.wasm: {} bytes", BUILT_IN.len());
    validate(BUILT_IN).unwrap();
    assert_eq!(module().imports(), [""; 0]);
    let exports = module().exports();
    for name in [
        "memory",
        "malloc",
        "free",
        ANNOTATE,
        FILTER,
        "signin_triage_config",
    ] {
        assert!(
            exports.iter().any(|one| one == name),
            "{name} in {exports:?}"
        );
    }
    // A function that returns a vector of 128 bits.
    let simd = b"\0asm\x01\0\0\0\x01\x05\x01\x60\0\x01\x7b";
    assert!(validate(simd).is_err());
}

/// Byte for byte, over every golden case and a tenant's traffic; what is no object comes back in one.
#[test]
fn the_answers_are_those_of_the_component() {
    let mut lines = Vec::new();
    for case in fs::read_dir(folder("golden")).unwrap() {
        let input = fs::read(case.unwrap().path().join("input.ndjson")).unwrap();
        let input = String::from_utf8_lossy(&input).into_owned();
        lines.extend(input.lines().map(str::to_owned));
    }
    lines.extend(traffic(10_000, 60, 3));
    lines.extend(hostile());
    let mut session = plugin().open("").unwrap();
    let mut instance = module().instantiate().unwrap();
    let (mut wrapped, mut signals, mut repeats) = (0, 0, 0);
    for line in &lines {
        let answer = answer(&mut instance, ANNOTATE, line);
        let kept = session.process(line).kept;
        signals += usize::from(answer.contains("\"signals\":["));
        repeats += usize::from(answer.contains("repeat_refresh"));
        if answer == kept.trim_start_matches('\u{feff}').trim() {
            continue;
        }
        wrapped += 1;
        assert_eq!(kept, *line);
        assert!(
            serde_json::from_str::<BTreeMap<String, Value>>(line).is_err(),
            "{line:.200}"
        );
        assert_eq!(value(&answer)["log"], line.trim());
    }
    // So that the test cannot pass without what it is about: state, and lines that are no records.
    assert!(
        wrapped > 5 && signals > 100 && repeats > 1000,
        "{wrapped} {signals} {repeats}"
    );
}

#[test]
fn every_answer_is_one_object_whatever_comes() {
    let levels = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
    let members = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    let same = [
        levels(126),
        levels(127),
        levels(5000),
        members(127),
        members(5000),
        format!("{{\"a\":\"{}\"}}", "x".repeat(5_000_000)),
        "{\"records\":[]}".to_owned(),
        "{}".to_owned(),
    ];
    let mut wrapped: Vec<Vec<u8>> = [
        "",
        " ",
        "x",
        "\"x\"",
        "[{}]",
        "{}{}",
        "{\"a\":nan}",
        "{\"a\":\"\\x01\"}",
        "null",
        "\u{1}",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    wrapped.push(b"\xff\xfe{".to_vec());
    wrapped.push("[".repeat(200_000).into_bytes());
    wrapped.push("{\"a\":\"".repeat(30_000).into_bytes());
    // Every beginning of a record is a broken one.
    wrapped.extend((1..RECORD.len()).map(|end| RECORD.as_bytes()[..end].to_vec()));
    for function in [ANNOTATE, FILTER] {
        let mut instance = module().instantiate().unwrap();
        for record in &same {
            assert!(
                answer(&mut instance, function, record) == *record,
                "{record:.60}"
            );
        }
        for record in &wrapped {
            let answer = String::from_utf8(instance.call(function, record).unwrap()).unwrap();
            let log = value(&answer)["log"].as_str().map(str::len);
            assert!(log >= Some(record.trim_ascii().len()), "{answer:.200}");
        }
        let answer = answer(&mut instance, function, RECORD);
        assert_eq!(value(&answer)["signin_triage"]["cause"], "bad_credentials");
    }
}

/// The host calls with a null pointer and the real length where it found no memory.
#[test]
fn a_record_that_did_not_arrive_is_not_read() {
    let mut instance = module().instantiate().unwrap();
    let lost = instance.call_without_record(ANNOTATE, 200_000).unwrap();
    let lost = value(std::str::from_utf8(&lost).unwrap());
    let log = lost["log"].as_str().unwrap();
    assert!(
        log.contains("no memory for a record of 200000 bytes"),
        "{log}"
    );
    assert!(answer(&mut instance, ANNOTATE, RECORD).contains("bad_credentials"));
}

/// Nothing that a record holds makes it trap, so here the memory is taken away.
#[test]
fn after_a_trap_the_next_record_is_answered() {
    let tight = Module::from_bytes(BUILT_IN).unwrap();
    let start = tight.instantiate().unwrap().memory_bytes();
    // Room for the record, twice because what it leaves is begun by the next session, and none for the answer as well.
    let tight = tight.with_memory_bytes_max(start + 6_800_000);
    let mut instance = tight.instantiate().unwrap();
    let first = answer(&mut instance, ANNOTATE, RECORD);
    let huge = format!("{{\"id\":\"{}\",{}", "x".repeat(3_000_000), &RECORD[1..]);
    for _ in 0..20 {
        assert!(instance.call(ANNOTATE, huge.as_bytes()).is_err());
        let next = answer(&mut instance, ANNOTATE, RECORD);
        // The session that trapped is gone, and after a few no more are opened.
        assert!(next == first || next == RECORD, "{next}");
    }
    assert_eq!(answer(&mut instance, ANNOTATE, RECORD), RECORD);
}

#[test]
fn memory_stays_as_it_is() {
    let lines = traffic(20_000, 100, 3);
    let large = hostile();
    let module = with_config(r#"{"state_mib":1,"users_max":60,"addresses_max":60}"#);
    for function in [ANNOTATE, FILTER] {
        let mut instance = module.instantiate().unwrap();
        let mut at_first = 0;
        for (number, line) in lines.iter().enumerate() {
            answer(&mut instance, function, line);
            if number % 500 == 0 {
                for record in &large {
                    answer(&mut instance, function, record);
                }
            }
            if number == 2000 {
                at_first = instance.memory_bytes();
            }
        }
        assert_eq!(instance.memory_bytes(), at_first, "{function}");
        assert!(at_first < 16 << 20, "{at_first}");
    }
}

/// Records in are records out and records suppressed; what the roll-ups count was suppressed.
#[test]
fn the_filter_takes_out_noise_and_leaves_what_it_was() {
    let lines = traffic(8000, 60, 3);
    let config = r#"{"rollup_secs":600}"#;
    let mut session = plugin()
        .open(r#"{"rollup_secs":600,"mode":"filter"}"#)
        .unwrap();
    // The configuration says nothing about the mode: the function does.
    let mut instance = with_config(config).instantiate().unwrap();
    let (mut suppressed, mut rollups, mut counted) = (0, 0, 0);
    for line in &lines {
        let answer = answer(&mut instance, FILTER, line);
        let outcome = session.process(line);
        if outcome.suppressed.is_empty() {
            assert!(outcome.kept.lines().any(|kept| kept == answer), "{answer}");
            continue;
        }
        suppressed += 1;
        if !answer.is_empty() {
            rollups += 1;
            counted += value(&answer)["signin_triage_rollup"]["count"]
                .as_u64()
                .unwrap();
        }
    }
    assert!(rollups > 100 && counted < suppressed, "{rollups} {counted}");
    // A day later one record comes again and again, and the roll-ups that are left come in its place.
    let later = RECORD
        .replace("03-01T10", "03-05T23")
        .replace("50126", "50058");
    let mut silent = false;
    while !silent {
        let answer = answer(&mut instance, FILTER, &later);
        silent = answer.is_empty();
        if answer.starts_with("{\"signin_triage_rollup\"") {
            counted += value(&answer)["signin_triage_rollup"]["count"]
                .as_u64()
                .unwrap();
        }
    }
    assert_eq!(counted, suppressed);
}

#[test]
fn a_baked_configuration_is_inside_and_obeyed() {
    assert_eq!(module().config().unwrap(), "");
    assert_eq!(bake(BUILT_IN, "").unwrap(), BUILT_IN);
    let mut networks = String::new();
    for number in 0..9_999 {
        let _ = write!(networks, "\"10.{}.{}.0/24\",", number / 256, number % 256);
    }
    for config in [
        r#"{"member":"triage"}"#.to_owned(),
        format!(
            "{{\"bad_network\":{{\"addresses\":[{networks}\"192.0.2.0/24\"]}},\n \"member\":\"triage\"}}"
        ),
    ] {
        let module = bake(BUILT_IN, &config).unwrap();
        validate(&module).unwrap();
        let module = Module::from_bytes(&module).unwrap();
        assert_eq!(module.config().unwrap(), config);
        let mut instance = module.instantiate().unwrap();
        let mut session = plugin().open(&config).expect("a good configuration");
        let lines = traffic(1500, 20, 2);
        for line in lines.iter().map(String::as_str).chain([RECORD]) {
            let answer = answer(&mut instance, ANNOTATE, line);
            assert_eq!(answer, session.process(line).kept);
            assert!(answer.contains("\"triage\":{"));
        }
        assert_eq!(module.config().unwrap(), config);
    }
    // What bake refuses, and another program might still put inside: records go through.
    for config in [r#"{"hold_secs":60}"#, "nonsense"] {
        let mut instance = with_config(config).instantiate().unwrap();
        assert_eq!(answer(&mut instance, FILTER, RECORD), RECORD);
    }
    assert!(bake(host_test::plugin::BUILT_IN, "{}").is_err());
    assert!(bake(b"\0asm\x01\0\0\0", "{}").is_err());
}

/// What a record costs: `cargo test -p host-test --test fluent_bit -- --ignored --nocapture`.
#[test]
#[ignore = "measures, and checks nothing"]
fn how_many_instructions_a_record_takes() {
    let large = fs::read_to_string(folder("examples/azure-monitor-7kb.json")).unwrap();
    let large: Vec<_> = (0..5000)
        .map(|number| {
            let (minute, second) = (number / 60, number % 60);
            large
                .trim_end()
                .replace(
                    "12:55:08",
                    &format!("{:02}:{:02}:{second:02}", 10 + minute / 60, minute % 60),
                )
                .replace("fa8dae42", &format!("{number:08}"))
                .replace("marc.", &format!("marc{}.", number % 1000))
        })
        .collect();
    for (what, lines) in [("demo", traffic(10_000, 120, 3)), ("7 kB", large)] {
        let mut instance = module().instantiate().unwrap();
        // What is done once is not counted.
        answer(&mut instance, ANNOTATE, &lines[0]);
        let start = instance.instructions();
        for line in &lines[1..] {
            answer(&mut instance, ANNOTATE, line);
        }
        let run = instance.instructions() - start;
        let bytes: usize = lines[1..].iter().map(String::len).sum();
        let records = lines.len() - 1;
        println!(
            "{what}: {} instructions a record of {} bytes, {} a byte",
            run / records as u64,
            bytes / records,
            run / bytes as u64
        );
    }
}

/// The program itself, with the example's configuration as it stands: every record comes out once, with the
/// enrichment that the component gives it.
#[test]
fn fluent_bit_itself_loses_nothing_and_mixes_nothing_up() {
    let Some(fluent_bit) = on_path("fluent-bit") else {
        // Past the harness, which shows nothing of a test that passes.
        let _ = io::stderr().write_all(b"skipped: fluent-bit is not on the path\n");
        return;
    };
    let mut lines = traffic(20_000, 120, 3);
    for (number, hostile) in hostile().into_iter().enumerate() {
        lines.insert(number * 1000 + 500, hostile);
    }
    // What the parser does not take, it hands on as the text of `log`.
    for (number, line) in ["no JSON", "[1,2]", "{\"a\":"].into_iter().enumerate() {
        lines.insert(number * 3000 + 100, line.to_owned());
    }
    let setting = Setting::new(&lines);
    let [siem, noise] = setting.run(&fluent_bit, ANNOTATE, lines.len());
    let mut session = plugin().open("").unwrap();
    let mut expected: [BTreeMap<String, Vec<Value>>; 2] = Default::default();
    for line in &lines {
        // What is half a surrogate pair, its parser replaces.
        let kept = session.process(&line.replace("\\ud800", "\u{fffd}")).kept;
        let record = serde_json::from_str(&kept).ok().filter(Value::is_object);
        let record = record.unwrap_or_else(|| serde_json::json!({"log": line}));
        let is_noise = record["signin_triage"]["noise"]["suppress"] == true;
        // An id comes again where a record was brought up to date.
        let same_id = expected[usize::from(is_noise)].entry(id(&record));
        same_id.or_default().push(record);
    }
    for (found, expected) in [siem, noise].iter().zip(&mut expected) {
        assert!(found.len() > 1000);
        for record in found {
            let others = expected.get_mut(&id(record)).map(Vec::as_mut_slice);
            let others = others.unwrap_or_default();
            let place = others.iter().position(|other| alike(record, other));
            let place = place.unwrap_or_else(|| panic!("{record}\nis none of\n{others:?}"));
            expected
                .get_mut(&id(record))
                .map(|others| others.remove(place));
        }
        assert!(expected.values().all(Vec::is_empty), "some did not come");
    }

    // The same with the function that takes noise out: what is left, and roll-ups for the rest.
    let lines = &lines[..6000];
    let mut session = plugin().open(r#"{"mode":"filter"}"#).unwrap();
    let (mut kept, mut suppressed) = (0, 0);
    for line in lines {
        if session.process(line).suppressed.is_empty() {
            kept += 1;
        } else {
            suppressed += 1;
        }
    }
    let setting = Setting::new(lines);
    let [siem, noise] = setting.run(&fluent_bit, FILTER, kept);
    assert!(noise.is_empty());
    let rollups: Vec<_> = siem
        .iter()
        .filter_map(|record| record["signin_triage_rollup"]["count"].as_u64())
        .collect();
    assert_eq!(siem.len() - rollups.len(), kept);
    assert!(!rollups.is_empty() && rollups.iter().sum::<u64>() <= suppressed);
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// The record's id, or what stands for it.
fn id(record: &Value) -> String {
    let id = record["properties"]["id"]
        .as_str()
        .or(record["id"].as_str());
    id.map_or_else(|| record.to_string(), str::to_owned)
}

/// Fluent Bit writes numbers anew: 8.72413 as 8.724130000000001.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, value)| other.get(key).is_some_and(|other| alike(value, other)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            (one - other).abs() <= 1e-12 * one.abs().max(1.0)
        }
        _ => one == other,
    }
}

/// A folder as the example's README has it.
struct Setting {
    folder: TempDir,
}

impl Setting {
    fn new(lines: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        program(&[
            "bake",
            "--out",
            &at("signin_triage_fluent_bit.wasm").display().to_string(),
        ]);
        fs::write(at("signins.ndjson"), lines.join("\n") + "\n").unwrap();
        Setting { folder }
    }

    /// The records of both outputs, once there are `count` besides roll-ups.
    fn run(&self, fluent_bit: &Path, function: &str, count: usize) -> [Vec<Value>; 2] {
        let at = |name: &str| self.folder.path().join(name);
        let config = fs::read_to_string(folder("../examples/fluent-bit/fluent-bit.yaml")).unwrap();
        assert!(config.contains(ANNOTATE));
        fs::write(at("fluent-bit.yaml"), config.replace(ANNOTATE, function)).unwrap();
        let log = fs::File::create(at("log")).unwrap();
        let mut child = Command::new(fluent_bit)
            .args(["-c", "fluent-bit.yaml"])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let texts = || {
            ["siem.ndjson", "noise.ndjson"]
                .map(|name| fs::read_to_string(at(name)).unwrap_or_default())
        };
        let records = |text: &String| {
            text.lines()
                .filter(|line| !line.starts_with("{\"signin_triage_rollup\""))
                .count()
        };
        let start = Instant::now();
        loop {
            thread::sleep(Duration::from_secs(1));
            let there: usize = texts().iter().map(records).sum();
            let ended = child.try_wait().unwrap();
            if there >= count || ended.is_some() || start.elapsed() > Duration::from_mins(5) {
                break;
            }
        }
        // Whatever would come twice has time to come.
        thread::sleep(Duration::from_secs(3));
        child.kill().unwrap();
        child.wait().unwrap();
        let log = fs::read_to_string(at("log")).unwrap();
        for line in log.lines() {
            assert!(
                !line.contains("[error]") && !line.contains("xception"),
                "{line}"
            );
        }
        texts().map(|text| text.lines().map(value).collect())
    }
}

//! The example for Vector in the real Vector, where it is on the path, also with the bridge killed in the middle.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use common::bridge::Serve;
use common::{enrich, folder, members, taken_off};
use serde_json::Value;
use tempfile::TempDir;

/// The example, running in a folder of its own.
struct Example {
    at: TempDir,
    input: String,
    /// Where the bridge is to listen, and where it forwards to.
    bridge: String,
    forward: String,
    vector: Child,
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.vector.kill();
        let _ = self.vector.wait();
    }
}

/// Starts the example on ports of its own, with records in its folder; `None` where there is no Vector.
fn example() -> Option<Example> {
    let at = tempfile::tempdir().unwrap();
    let port = || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let (bridge, source) = (port(), port());
    let mut config = fs::read_to_string(folder("../examples/vector/vector.yaml")).unwrap();
    for (theirs, ours) in [("127.0.0.1:8087", &bridge), ("127.0.0.1:8088", &source)] {
        assert!(config.contains(theirs), "{theirs}");
        config = config.replace(theirs, ours);
    }
    fs::write(at.path().join("vector.yaml"), config).unwrap();
    for folder in ["in", "out", "data"] {
        fs::create_dir(at.path().join(folder)).unwrap();
    }
    let vector = start(at.path())?;
    let input = demo(RECORDS);
    fs::write(at.path().join("in/signins.ndjson"), &input).unwrap();
    Some(Example {
        at,
        input,
        bridge,
        forward: format!("http://{source}"),
        vector,
    })
}

fn start(at: &Path) -> Option<Child> {
    let log = fs::File::create(at.join("log")).unwrap();
    let child = Command::new("vector")
        .args(["--config", "vector.yaml"])
        .current_dir(at)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn();
    if child.is_err() {
        let _ = io::stderr().write_all(b"skipped: vector is not on the path\n");
    }
    child.ok()
}

/// So many records of the demo tenant.
fn demo(lines: usize) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_signin-triage"))
        .args(["demo", "--users", "260", "--days", "2", "--seed", "7"])
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let some: String = text.split_inclusive('\n').take(lines).collect();
    assert_eq!(some.lines().count(), lines);
    some
}

/// What has come out so far: the stream for the SIEM, and the noise.
fn out(at: &Path) -> (String, String) {
    let read = |name: &str| fs::read_to_string(at.join("out").join(name)).unwrap_or_default();
    (read("siem.ndjson"), read("noise.ndjson"))
}

/// Waits until all `records` are out, `seen` being shown at each look how many lines there are.
fn wait_for(at: &Path, records: usize, mut seen: impl FnMut(usize)) -> (String, String) {
    let mut distinct = 0;
    for _ in 0..LOOKS_MAX {
        let (siem, noise) = out(at);
        let whole = [&siem, &noise].iter().all(|text| text.ends_with('\n'));
        let lines = || siem.lines().chain(noise.lines());
        let count = lines().count();
        seen(count);
        if count >= records && whole {
            let different: BTreeSet<String> = lines().filter_map(before).collect();
            distinct = different.len();
            if distinct >= records {
                return (siem, noise);
            }
        }
        thread::sleep(Duration::from_millis(100));
    }
    let log = fs::read_to_string(at.join("log")).unwrap_or_default();
    panic!("{distinct} of {records}\n{log}");
}

/// An enriched line as it came.
fn before(line: &str) -> Option<String> {
    let at = line.find(",\"signin_triage\":")?;
    Some(line[..at].to_owned() + "}")
}

/// Looks at what has come out, a tenth of a second apart, before it counts as hanging.
const LOOKS_MAX: usize = 6000;

const RECORDS: usize = 20_000;

#[test]
fn every_record_comes_out_once_with_its_own_enrichment() {
    let Some(example) = example() else {
        return;
    };
    let serve = Serve::start_at(&example.bridge, &example.forward, &["--quiet"]);
    let (siem, noise) = wait_for(example.at.path(), RECORDS, |_| {});
    // One request at a time: the order is that of the input, so the bytes are those of one run.
    let expected = enrich(&example.input, "");
    let is_noise = |line: &&str| {
        members(line)
            .iter()
            .any(|member| member["noise"]["suppress"] == true)
    };
    let (of_noise, of_siem): (Vec<&str>, Vec<&str>) =
        expected.split_inclusive('\n').partition(is_noise);
    assert!(siem == of_siem.concat() && noise == of_noise.concat());
    assert!(serve.stop().1.success());
}

#[test]
fn nothing_is_lost_when_the_bridge_is_killed_and_started_again() {
    let Some(example) = example() else {
        return;
    };
    let state = example.at.path().join("state").display().to_string();
    let arguments = ["--quiet", "--state", &state, "--save-secs", "1"];
    let begin = || {
        Some(Serve::start_at(
            &example.bridge,
            &example.forward,
            &arguments,
        ))
    };
    let mut serve = begin();
    let (mut kills, mut next) = (0, 2000);
    let (siem, noise) = wait_for(example.at.path(), RECORDS, |count| {
        if count >= next {
            next = count + 2000;
            kills += 1;
            serve.take().unwrap().kill();
            serve = begin();
        }
    });
    assert!(kills >= 3, "{kills}");
    // What a record says by itself does not depend on what was remembered.
    let own = |member: &Value| {
        [&member["status"], &member["code"], &member["cause"]].map(Value::to_string)
    };
    let mut waiting: BTreeMap<&str, _> = BTreeMap::new();
    let expected = enrich(&example.input, "");
    for (line, enriched) in example.input.lines().zip(expected.lines()) {
        waiting.insert(line, (own(&members(enriched)[0]), 0, 0));
    }
    let mut twice = 0;
    for line in siem.lines().chain(noise.lines()) {
        let value: Value = serde_json::from_str(line).unwrap();
        let before = before(line).expect("a record");
        let (said, times, duplicates) = waiting.get_mut(&*before).expect("one of ours");
        assert_eq!(&own(&value["signin_triage"]), said);
        assert_eq!(taken_off(line, &before), before);
        *times += 1;
        *duplicates += u32::from(value["signin_triage"]["noise"]["reason"] == "duplicate");
        twice += usize::from(*times > 1);
    }
    let lost = waiting.values().filter(|(_, times, _)| *times == 0).count();
    // A copy that says it is one is noise, so there must be another that is judged.
    let all_duplicates = |(_, times, duplicates): &&(_, u32, u32)| times == duplicates;
    assert_eq!(waiting.values().filter(all_duplicates).count(), lost);
    let told =
        format!("vector: {kills} kills, {RECORDS} in, {lost} lost, {twice} delivered twice\n");
    let _ = io::stderr().write_all(told.as_bytes());
    assert_eq!(lost, 0);
}

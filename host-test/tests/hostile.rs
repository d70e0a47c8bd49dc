//! What senders write who mean harm. Names, agents and addresses are theirs to choose; the rest of a record is Entra's.
//!
//! What they can make of it is bounded here: a line leaves whatever it holds, nothing in it is taken for our own word,
//! and what it costs to make the session forget somebody is said in numbers.

mod common;

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Output, Stdio};

use common::bridge::{Does, Downstream, Sender, Serve};
use common::{enrich, folder, members, plugin, taken_off};
use host_test::figures::counted::Counted;
use host_test::{Counter, Key, Session};
use serde_json::{Value, json};
use signin_triage::state::event::hash64;

/// A failed sign-in with something in every place that a sender can reach.
fn record() -> Value {
    json!({
        "id": "one",
        "createdDateTime": "2026-03-10T08:00:00Z",
        "userPrincipalName": "ada@contoso.example",
        "userDisplayName": "Ada",
        "appDisplayName": "Portal",
        "ipAddress": "192.0.2.7",
        "userAgent": "Mozilla/5.0 (Windows NT 10.0)",
        "correlationId": "two",
        "status": {"errorCode": 53003, "failureReason": "Blocked.", "additionalDetails": "none"},
        "deviceDetail": {"deviceId": "three", "displayName": "a laptop", "browser": "Edge"},
        "location": {"city": "Bern", "countryOrRegion": "CH"},
        "appliedConditionalAccessPolicies": [
            {"id": "four", "displayName": "CA001", "enforcedGrantControls": ["Block"], "result": "failure"},
        ],
        "authenticationDetails": [
            {"authenticationMethod": "Password", "authenticationStepResultDetail": "Correct password", "succeeded": true},
        ],
    })
}

/// One line with `value` on it.
fn line(value: &Value) -> String {
    format!("{value}\n")
}

/// Our member of a line that holds one record; what it says of policies is the record's own text.
fn told(line: &str) -> Value {
    let mut members = members(line);
    assert_eq!(members.len(), 1, "{line}");
    members.remove(0)
}

fn sum(counters: &[Counter], group: &str, name: &str) -> u64 {
    let of = |one: &&Counter| one.group == group && one.name == name;
    counters.iter().filter(of).map(|one| one.count).sum()
}

/// C0, DEL, C1, what reverses the reading direction, what is not seen, what a terminal obeys, and a forged line.
fn hostile() -> String {
    let mut text: String = ('\0'..' ').chain('\u{7f}'..='\u{9f}').collect();
    text +=
        "\u{202a}\u{202b}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{200e}\u{200f}\u{61c}";
    text += "\u{200b}\u{2028}\u{2029}\u{feff}\u{ad}\u{e0041}";
    text + "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\r\nverdict: benign\n"
}

/// What no line for a person may hold.
fn is_obeyed(letter: char) -> bool {
    letter.is_control() && letter != '\n'
        || "\u{202a}\u{202b}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{200e}\u{200f}\u{61c}"
            .contains(letter)
        || "\u{200b}\u{2028}\u{2029}\u{feff}\u{ad}\u{e0041}".contains(letter)
}

/// Puts `text` behind each text that a sender could have written; where `all` is set behind every other one too.
fn poisoned(value: &mut Value, text: &str, all: bool) {
    match value {
        Value::String(old) => {
            // A column of Log Analytics that is JSON inside a string.
            match serde_json::from_str::<Value>(old) {
                Ok(mut nested @ (Value::Object(_) | Value::Array(_))) => {
                    poisoned(&mut nested, text, all);
                    *old = nested.to_string();
                }
                _ => old.push_str(text),
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|one| poisoned(one, text, all)),
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                let key = key.to_ascii_lowercase();
                let kind = [
                    "category",
                    "operation",
                    "resulttype",
                    "type",
                    "time",
                    "result",
                    "recordtype",
                    "errornumber",
                ];
                let kept =
                    kind.iter().any(|kind| key.starts_with(kind)) || key.ends_with("datetime");
                if all || !kept {
                    poisoned(value, text, all);
                }
            }
            if all {
                object.insert(text.to_owned(), json!(text));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The same sign-in in every shape, with `text` in it.
fn every_shape(text: &str, all: bool) -> String {
    let input =
        fs::read_to_string(folder("golden/shapes_same_signin/input.ndjson")).expect("a story");
    let poison = |one: &str| {
        let mut value: Value = serde_json::from_str(one).expect("JSON");
        poisoned(&mut value, text, all);
        line(&value)
    };
    input.lines().map(poison).collect()
}

#[test]
fn control_characters_stay_in_the_record_and_in_json() {
    for all in [false, true] {
        let input = every_shape(&hostile(), all);
        let output = enrich(&input, "");
        assert_eq!(taken_off(&output, &input), input);
        for enriched in output.lines() {
            assert!(!enriched.contains(|one: char| one < ' '), "{enriched:?}");
            assert!(all || !members(enriched).is_empty(), "{enriched:?}");
        }
    }
}

fn program(arguments: &[&str], folder: &std::path::Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_signin-triage"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("the program runs")
}

fn is_harmless(bytes: &[u8], place: &str) {
    let text = str::from_utf8(bytes).expect("text");
    let found = text.find(is_obeyed);
    let around = found.map(|at| text[at..].chars().take(40).collect::<String>());
    assert_eq!(around, None, "{place}");
}

#[test]
fn nothing_that_a_terminal_obeys_is_shown_to_a_person() {
    let folder = tempfile::tempdir().unwrap();
    // A file's name is the sender's too, where shippers name files after what is in them.
    let name = "\u{1b}[31m\u{202e}records.ndjson";
    for all in [false, true] {
        let input = every_shape(&hostile(), all);
        fs::write(folder.path().join(name), &input).unwrap();
        // Where everything is poisoned nothing is a sign-in, so that a few say it for all.
        for number in (1..=input.lines().count()).step_by(if all { 3 } else { 1 }) {
            let number = number.to_string();
            let output = program(
                &["explain", name, "--long", "--line", &number],
                folder.path(),
            );
            is_harmless(&output.stdout, "explain");
            is_harmless(&output.stderr, "explain says");
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(all || text.contains("\\u{1b}[2J"), "line {number}: {text}");
        }
        let arguments = ["run", name, "gone\u{9b}31m", "--out", "out.ndjson"];
        let output = program(&arguments, folder.path());
        assert!(!output.stderr.is_empty(), "a summary");
        is_harmless(&output.stderr, "the summary");
        is_harmless(&output.stdout, "nothing");
    }
    let hostile = hostile();
    let config = json!({ hostile.clone(): 1, "mode": hostile, "member": hostile, "bad_network_asns": [hostile] });
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    fs::write(
        folder.path().join("config.toml"),
        format!("mode = '''{hostile}'''"),
    )
    .unwrap();
    for file in ["config.json", "config.toml"] {
        let output = program(&["check-config", file], folder.path());
        assert_eq!(output.status.code(), Some(2));
        is_harmless(&output.stderr, file);
        is_harmless(&output.stdout, file);
    }
    fs::write(
        folder.path().join("state"),
        format!("signin-triage-state {hostile} {hostile} 0\nx"),
    )
    .unwrap();
    let output = program(
        &["run", name, "--state", "state", "--out", "out.ndjson"],
        folder.path(),
    );
    assert_eq!(output.status.code(), Some(1));
    is_harmless(&output.stderr, "a state");
}

/// A word that stands in every place of a record and so must not be found anywhere else.
const SECRET: &str = "zq7secret";

#[test]
fn what_is_said_while_running_holds_nothing_of_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let good = every_shape(SECRET, false);
    let bad = format!(
        "{{\"{SECRET}\":\n[\"{SECRET}\"]\n{{\"category\":\"{SECRET}\"}}\n\u{feff}{SECRET}\n"
    );
    let mut bytes = [good.as_bytes(), bad.as_bytes()].concat();
    bytes.extend(format!("\"{SECRET}").bytes().chain(*b"\xff\"\n"));
    bytes.extend(format!("{{\"{SECRET}\":\"{}\"}}\n", "x".repeat(5 << 20)).bytes());
    fs::write(folder.path().join("in.ndjson"), &bytes).unwrap();
    let says_nothing = |said: &[u8], place: &str| {
        let said = String::from_utf8_lossy(said);
        assert!(
            !said.is_empty() && !said.contains(SECRET),
            "{place}: {said}"
        );
    };

    let output = program(
        &[
            "run",
            "in.ndjson",
            "--mode",
            "filter",
            "--suppressed",
            "gone.ndjson",
            "--state",
            "state",
            "--out",
            "out.ndjson",
        ],
        folder.path(),
    );
    assert!(output.status.success());
    says_nothing(&output.stderr, "run");

    let mut child = Command::new(env!("CARGO_BIN_EXE_signin-triage"));
    child.args(["run", "--lockstep", "length-prefixed", "--log", "log"]);
    let mut child = child
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    {
        use std::io::Write as _;
        let mut stdin = child.stdin.take().unwrap();
        let length = u32::try_from(bad.len()).unwrap();
        stdin.write_all(&length.to_be_bytes()).unwrap();
        stdin.write_all(bad.as_bytes()).unwrap();
        // One that is cut off.
        stdin.write_all(&1000_u32.to_be_bytes()).unwrap();
        stdin.write_all(bad.as_bytes()).unwrap();
    }
    child.wait().unwrap();
    says_nothing(&fs::read(folder.path().join("log")).unwrap(), "lockstep");

    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    downstream.next([Does::Answers(500), Does::Answers(400)]);
    let serve = Serve::start(&downstream.url, &[]);
    for body in [
        bytes.clone(),
        bytes.clone(),
        bytes,
        bad.into_bytes(),
        SECRET.into(),
    ] {
        sender.post(&serve.url, body);
    }
    let packed = sender
        .client
        .post(&serve.url)
        .header("content-encoding", "gzip");
    sender.send(packed.body(SECRET));
    sender.post(&format!("{}/{SECRET}", serve.url), SECRET);
    let metrics = sender.get(&format!("{}/metrics", serve.url));
    assert!(
        metrics.contains("records") && !metrics.contains(SECRET),
        "{metrics}"
    );
    let (said, _) = serve.stop();
    says_nothing(said.as_bytes(), "serve");
}

#[test]
fn a_megabyte_in_any_place_is_one_megabyte() {
    let long = "x\u{1}".repeat(1 << 19);
    let paths = [
        "/userPrincipalName",
        "/userDisplayName",
        "/appDisplayName",
        "/ipAddress",
        "/userAgent",
        "/correlationId",
        "/id",
        "/createdDateTime",
        "/status/failureReason",
        "/status/additionalDetails",
        "/deviceDetail/deviceId",
        "/location/countryOrRegion",
        "/appliedConditionalAccessPolicies/0/id",
        "/appliedConditionalAccessPolicies/0/displayName",
        "/appliedConditionalAccessPolicies/0/enforcedGrantControls/0",
        "/appliedConditionalAccessPolicies/0/result",
        "/authenticationDetails/0/authenticationMethod",
        "/authenticationDetails/0/authenticationStepResultDetail",
    ];
    let mut session = plugin()
        .open(r#"{"mode":"filter","hold_secs":600}"#)
        .unwrap();
    for path in paths {
        // A prompt, so that it waits and is rolled up where it may.
        for code in [50126, 50140, 50058] {
            let mut record = record();
            record["status"]["errorCode"] = json!(code);
            *record.pointer_mut(path).expect(path) = json!(long);
            let input = line(&record);
            let mut out = session.process(&input);
            assert_eq!(out.trap, None, "{path}");
            let drained = session.drain();
            out.kept += &drained.kept;
            out.suppressed += &drained.suppressed;
            let left = out.kept.len() + out.suppressed.len();
            // The name of a policy stands once more in our member.
            let copies = if path.ends_with("displayName") { 2 } else { 1 };
            assert!(
                left >= input.len() && left <= copies * input.len() + 2000,
                "{path}: {left}"
            );
        }
    }
    assert!(
        session.memory_bytes() <= 64 << 20,
        "{}",
        session.memory_bytes()
    );
    assert!(session.snapshot().unwrap().len() < 100_000);
}

/// Keys that look like ours are others: what they say changes nothing.
#[test]
fn keys_that_only_look_like_known_ones_are_not_read() {
    let expected = told(&enrich(&line(&record()), ""));
    let look_alikes = [
        ("st\u{430}tus", json!({"errorCode": 0})),
        ("ipAddre\u{455}s", json!("203.0.113.9")),
        ("\u{ff55}serPrincipalName", json!("eve@contoso.example")),
        ("userPrincipalName ", json!("eve@contoso.example")),
        (" userPrincipalName", json!("eve@contoso.example")),
        ("userPrincipalName\u{0}", json!("eve@contoso.example")),
        ("userPrincipalName\u{200b}", json!("eve@contoso.example")),
        ("\u{feff}status", json!({"errorCode": 0})),
        ("status.errorCode", json!(0)),
        ("status\\", json!({"errorCode": 0})),
        ("\"status\"", json!({"errorCode": 0})),
        // U+212A and U+017F become k and s in lower case.
        ("ri\u{17f}kState", json!("confirmedSafe")),
        ("ris\u{212a}State", json!("confirmedSafe")),
        ("\u{17f}tatus", json!({"errorCode": 0})),
        (
            "\u{17f}ignin_triage",
            json!({"version": 1, "noise": {"suppress": true}}),
        ),
        (
            "signin_triage ",
            json!({"version": 1, "noise": {"suppress": true}}),
        ),
        (
            "SIGNIN_TRIAGE",
            json!({"version": 1, "noise": {"suppress": true}}),
        ),
    ];
    for (key, value) in look_alikes {
        let mut record = record();
        record[key] = value;
        let input = line(&record);
        let output = enrich(&input, "");
        let mut found: Value = serde_json::from_str(&output).expect("JSON");
        assert_eq!(found["signin_triage"], expected, "{key:?}");
        found.as_object_mut().unwrap().remove("signin_triage");
        assert_eq!(found, record, "{key:?}");
    }
}

/// JSON that stands in a text is text, but in the columns that Log Analytics writes so, and those a sender does not fill.
#[test]
fn json_in_a_text_is_text() {
    let names = [
        "userAgent",
        "userPrincipalName",
        "userDisplayName",
        "appDisplayName",
        "id",
        "correlationId",
        "ipAddress",
    ];
    let texts = [
        r#"{"status":{"errorCode":0},"signin_triage":{"version":1,"noise":{"suppress":true}}}"#,
        r#"[{"errorCode":0}]"#,
        r#"x","status":{"errorCode":0},"y":"z"#,
        r#"\",\"status\":{\"errorCode\":0}"#,
        "}\n{\"status\":{\"errorCode\":0}}",
        r#"","signin_triage":{"version":1}}"#,
    ];
    for name in names {
        let expected = {
            let mut record = record();
            record[name] = json!("a text of no meaning");
            told(&enrich(&line(&record), ""))
        };
        for text in texts {
            let mut record = record();
            record[name] = json!(text);
            let input = line(&record);
            let output = enrich(&input, "");
            assert_eq!(output.lines().count(), 1, "{name}: {text}");
            assert_eq!(taken_off(&output, &input), input, "{name}: {text}");
            assert_eq!(told(&output), expected, "{name}: {text}");
        }
    }
}

/// A member of ours that comes with a line is replaced or the line is left as it is; what it says is never believed.
#[test]
fn a_forged_member_is_replaced_and_never_believed() {
    let plain = record().to_string();
    let expected = enrich(&format!("{plain}\n"), "");
    let forged = r#"{"version":1,"status":"success","noise":{"suppress":true,"reason":"handshake"},"score":0,"verdict":"benign","keyed":["user"]}"#;
    let body = &plain[1..plain.len() - 1];
    let (head, tail) = body
        .split_once(",\"createdDateTime\"")
        .map_or((body, String::new()), |(head, tail)| {
            (head, format!(",\"createdDateTime\"{tail}"))
        });
    for input in [
        format!("{{\"signin_triage\":{forged},{body}}}\n"),
        format!("{{{body},\"signin_triage\":{forged}}}\n"),
        format!("{{{head},\"signin_triage\":{forged}{tail}}}\n"),
        format!(
            "{{\"signin_triage\":{forged},{head},\"signin_triage\":null{tail},\"signin_triage\":{forged}}}\n"
        ),
        format!("{{{body},\"sign\\u0069n_triag\\u0065\":{forged}}}\n"),
    ] {
        assert_eq!(enrich(&input, ""), expected, "{input}");
        let mut session = plugin().open(r#"{"mode":"filter"}"#).unwrap();
        let out = session.process(&input);
        assert_eq!(
            (out.kept, out.suppressed.as_str()),
            (expected.clone(), ""),
            "{input}"
        );
        // A step by user does not ask others what it knows itself.
        let mut keyed = plugin().keyed().unwrap();
        let (_, out) = keyed
            .step(Key::User, r#"{"mode":"filter"}"#, None, &input, None)
            .unwrap();
        assert_eq!(out.suppressed, "", "{input}");
        assert_eq!(
            told(&out.kept)["verdict"],
            told(&expected)["verdict"],
            "{input}"
        );
    }
    // Not of a form that we write: it could be somebody's own, so the record stays as it is.
    for other in ["\"x\"", "4", "[]", "{}", r#"{"noise":{"suppress":true}}"#] {
        let input = format!("{{{body},\"signin_triage\":{other}}}\n");
        let mut session = plugin().open(r#"{"mode":"filter"}"#).unwrap();
        assert_eq!(session.process(&input).kept, input);
        assert_eq!(
            sum(&session.stats(), "rejected", "member_taken"),
            1,
            "{other}"
        );
    }
    // A roll-up of ours is no sign-in, and is counted nowhere.
    let rollup =
        "{\"signin_triage_rollup\":{\"version\":1,\"count\":1000000,\"reason\":\"handshake\"}}\n";
    let mut session = plugin().open(r#"{"mode":"filter"}"#).unwrap();
    assert_eq!(session.process(rollup).kept, rollup);
    assert_eq!(sum(&session.stats(), "rejected", "not_sign_in"), 1);
}

/// How many sign-ins of others it takes until the first user, or address, is forgotten; `None` where `most` are not enough.
fn until_forgotten(table: &str, most: u32, each: impl Fn(u32) -> String) -> Option<u32> {
    const BATCH: u32 = 1000;
    let mut session = plugin().open("").unwrap();
    session.process(&line(&record()));
    for batch in 0..most.div_ceil(BATCH) {
        let lines: String = (batch * BATCH..(batch + 1) * BATCH).map(&each).collect();
        session.process(&lines);
        if sum(&session.stats(), "forgotten", table) > 0 {
            return Some((batch + 1) * BATCH);
        }
    }
    None
}

/// A sign-in of a stranger, from an address of its own where `apart`.
fn stranger(number: u32, code: u32, apart: bool) -> String {
    let [_, one, two, three] = if apart { number } else { 0 }.to_be_bytes();
    format!(
        "{{\"id\":\"{number}\",\"createdDateTime\":\"2026-03-10T08:{:02}:00Z\",\"userPrincipalName\":\"u{number}@contoso.example\",\"ipAddress\":\"10.{one}.{two}.{three}\",\"status\":{{\"errorCode\":{code}}}}}\n",
        number / 10_000 % 60
    )
}

/// Floods that are meant to make the session forget somebody who was last seen before they began. The numbers stand in
/// the README.
#[test]
fn a_flood_of_strangers_has_its_price() {
    // Names that the directory does not know are nobody: no number of them is enough.
    let invented = until_forgotten("users", 120_000, |number| stranger(number, 50034, false));
    assert_eq!(invented, None);
    // Names that it knows: as many as there is room for. A tenant of fewer accounts cannot be flooded by its own.
    let known = until_forgotten("users", 120_000, |number| stranger(number, 50058, false));
    // Addresses are anybody's: a botnet, or one host with a /64 of IPv6.
    let addresses = until_forgotten("addresses", 120_000, |number| stranger(number, 50034, true));
    println!("until somebody is forgotten: {known:?} names that exist, {addresses:?} addresses");
    assert!(known.is_some_and(|known| known >= 90_000), "{known:?}");
    assert!(
        addresses.is_some_and(|addresses| addresses >= 60_000),
        "{addresses:?}"
    );
}

/// Whoever is seen meanwhile is not forgotten, however many strangers come.
#[test]
fn a_flood_does_not_push_out_who_is_seen_meanwhile() {
    let mut session = plugin().open(r#"{"users_max":1000}"#).unwrap();
    let seen = |number: u32| {
        let mut record = record();
        record["id"] = json!(format!("seen {number}"));
        record["createdDateTime"] = json!(format!("2026-03-10T08:{number:02}:30Z"));
        record["status"] = json!({"errorCode": if number == 59 { 0 } else { 50126 }});
        line(&record)
    };
    let mut last = String::new();
    for number in 0..60 {
        let strangers: String = (0..200)
            .map(|one| stranger(number * 10_000 + one, 50126, true))
            .collect();
        session.process(&strangers);
        last = session.process(&seen(number)).kept;
    }
    assert!(sum(&session.stats(), "forgotten", "users") > 10_000);
    let signals = told(&last)["signals"].clone();
    let names: Vec<&str> = signals
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert!(names.contains(&"success_after_failures"), "{names:?}");
}

/// Names whose hashes crowd into the same places of the index. The hash has no secret, so anybody can make such.
#[test]
fn names_chosen_to_collide_cost_no_more_than_others() {
    const NAMES: usize = 2000;
    /// Where the index looks for a name: bits of both halves of its hash.
    const PLACES: u64 = 0x3F_0000_003F;
    let names = (0_u32..).map(|number| format!("c{number:09}@contoso.example"));
    let crowd: Vec<String> = names
        .filter(|name| hash64(name) & PLACES == 0)
        .take(NAMES)
        .collect();
    let others: Vec<String> = (0..NAMES)
        .map(|number| format!("o{number:09}@contoso.example"))
        .collect();
    let cost = |names: &[String]| -> u64 {
        let (mut session, _) = Counted::built_in().unwrap().open("", None).unwrap();
        // The second round finds all of them.
        let round = |round: usize| {
            let mut lines = String::new();
            for (name, number) in names.iter().zip(0..) {
                let _ = writeln!(
                    lines,
                    "{{\"id\":\"{round} {number:05}\",\"createdDateTime\":\"2026-03-10T08:{round:02}:00Z\",\"userPrincipalName\":\"{name}\",\"ipAddress\":\"192.0.2.7\",\"status\":{{\"errorCode\":50126}}}}"
                );
            }
            lines
        };
        session.process(&round(1)).unwrap();
        session.process(&round(2)).unwrap()
    };
    let (ordinary, crowded) = (cost(&others), cost(&crowd));
    println!(
        "wasm instructions for {NAMES} records: {ordinary} with any names, {crowded} with chosen ones"
    );
    assert!(crowded < ordinary + ordinary / 10, "{ordinary} {crowded}");
}

/// Times far in the past or the future move nothing, unless three records in a row agree: two liars in turn do not.
#[test]
fn times_far_away_do_not_move_the_clock() {
    let at = |session: &mut Session, id: &str, time: &str, user: &str, code: u32| {
        let mut record = record();
        record["id"] = json!(id);
        record["createdDateTime"] = json!(time);
        record["userPrincipalName"] = json!(user);
        record["status"] = json!({ "errorCode": code });
        session.process(&line(&record)).kept
    };
    let times = [
        "9999-12-31T23:59:59Z",
        "2106-02-07T06:28:15Z",
        "2106-02-07T06:28:16Z",
        "2038-01-19T03:14:08Z",
        "2027-03-10T08:00:00Z",
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00Z",
        "-2026-03-10T08:00:00Z",
        "99999999999-01-01T00:00:00Z",
        "2026-03-10T08:00:00+99:99",
        "1e400",
        "",
    ];
    let mut quiet = plugin().open("").unwrap();
    let mut disturbed = plugin().open("").unwrap();
    for number in 0..30_usize {
        let time = format!("2026-03-10T08:{number:02}:00Z");
        let id = format!("true {number}");
        // Failures of one user, so that each says how many came before it.
        let code = if number == 29 { 0 } else { 50126 };
        let expected = at(&mut quiet, &id, &time, "ada@contoso.example", code);
        for (lie, which) in [
            (number % times.len(), "one"),
            ((number + 5) % times.len(), "other"),
        ] {
            let user = format!("eve{number}{which}@contoso.example");
            let out = at(
                &mut disturbed,
                &format!("{which} {number}"),
                times[lie],
                &user,
                50034,
            );
            assert!(out.contains("\"signin_triage\""), "{}: {out}", times[lie]);
        }
        let found = at(&mut disturbed, &id, &time, "ada@contoso.example", code);
        let noted = |text: &str| {
            let member = told(text);
            let of_user = |name: &&Value| {
                ["brute_force_user", "success_after_failures"]
                    .contains(&name["name"].as_str().unwrap_or(""))
            };
            let signals = member["signals"].as_array().cloned().unwrap_or_default();
            signals.iter().filter(of_user).cloned().collect::<Vec<_>>()
        };
        assert_eq!(noted(&found), noted(&expected), "after {number}");
    }
    let stats = disturbed.stats();
    let ahead: u64 = stats
        .iter()
        .filter(|one| one.group == "ahead_of_time")
        .map(|one| one.count)
        .sum();
    assert!(ahead > 0);
}

//! `run --lockstep` as its callers drive it: one request, its reply, the next request.

#[path = "common/caller.rs"]
mod caller;

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use caller::{Caller, lines_of, output_of, traffic, wait_until};
use serde_json::{Value, json};

const RECORD: &str = concat!(
    r#"{"createdDateTime":"2026-03-10T10:02:03Z","userPrincipalName":"ada@contoso.example","#,
    r#""appDisplayName":"Portal","ipAddress":"192.0.2.1","status":{"errorCode":50126}}"#
);

/// A line longer than any that is looked at.
fn long_line() -> Vec<u8> {
    format!("{{\"a\":\"{}\"}}\n", "x".repeat(6_000_000)).into_bytes()
}

/// Lines of every kind, and what `run` makes of them.
fn asked_and_expected() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let mut lines = traffic(40);
    lines.insert(100, long_line());
    let expected = lines_of(&output_of(&["run", "--quiet"], &lines.concat()));
    assert!(lines.len() > 2_000, "only {} lines", lines.len());
    assert_eq!(lines.len(), expected.len());
    (lines, expected)
}

#[test]
fn each_line_is_answered_with_its_own_enrichment() {
    let (lines, expected) = asked_and_expected();
    for protocol in ["lines", "length-prefixed"] {
        let mut caller = Caller::start(protocol, &[]);
        for (line, expected) in lines.iter().zip(&expected) {
            let reply = caller.ask(line);
            assert!(
                reply.as_ref() == Some(expected),
                "{protocol}: {}",
                shown(line)
            );
        }
        caller.finish().in_order(0);
    }
}

fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(300)]).into_owned()
}

#[test]
fn rsyslog_is_told_what_to_change() {
    let (lines, expected) = asked_and_expected();
    let mut caller = Caller::start("rsyslog", &[]);
    let mut changed = 0;
    for (line, expected) in lines.iter().zip(&expected) {
        let reply = caller.ask(line).unwrap();
        let reply: Value = serde_json::from_slice(&reply).unwrap();
        if line == expected {
            assert_eq!(reply, json!({}), "{}", shown(line));
            continue;
        }
        changed += 1;
        let enriched = str::from_utf8(expected)
            .unwrap()
            .strip_suffix('\n')
            .unwrap();
        let record: Value = serde_json::from_str(enriched).unwrap();
        let expected = match record.get("signin_triage") {
            Some(member) => json!({"msg": enriched, "$!": {"signin_triage": member}}),
            None => json!({"msg": enriched}),
        };
        assert_eq!(reply, expected);
    }
    caller.finish().in_order(0);
    assert!(changed > 2_000, "{changed}");
}

/// Callers that do not wait, such as a shell pipe, get the same.
#[test]
fn requests_may_come_in_a_burst() {
    let (lines, expected) = asked_and_expected();
    let output = output_of(&["run", "--lockstep", "lines"], &lines.concat());
    assert!(output == expected.concat());
    let output = output_of(&["run", "--lockstep", "rsyslog"], &lines.concat());
    assert_eq!(lines_of(&output).len(), lines.len());
}

/// Who waits for a line waits for its end.
#[test]
fn the_last_line_is_answered_with_a_line_end() {
    let long = long_line();
    for last in [RECORD.as_bytes(), b"hello", b"\xff", long.trim_ascii_end()] {
        let input = [b"first\n", last].concat();
        let output = lines_of(&output_of(&["run", "--lockstep", "lines"], &input));
        assert_eq!(output.len(), 2);
        assert!(output[1].ends_with(b"\n"));
        assert!(output[1].starts_with(&last[..last.len() - 1]));
        let output = lines_of(&output_of(&["run", "--lockstep", "rsyslog"], &input));
        assert_eq!(output.len(), 2);
        assert!(output[1].ends_with(b"}\n"));
    }
}

#[test]
fn a_message_can_hold_a_batch() {
    let (lines, expected) = asked_and_expected();
    let mut caller = Caller::start("length-prefixed", &[]);
    for (lines, expected) in lines.chunks(97).zip(expected.chunks(97)) {
        assert_eq!(caller.ask(b""), Some(Vec::new()));
        // The last line of a message may lack its end, and so does the reply.
        let (asked, expected) = (lines.concat(), expected.concat());
        let bare = |bytes: Vec<u8>| bytes.strip_suffix(b"\n").unwrap().to_vec();
        assert!(caller.ask(&bare(asked)) == Some(bare(expected)));
    }
    caller.finish().in_order(0);
}

#[test]
fn a_message_that_is_too_large_is_passed_on_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log").display().to_string();
    let large = vec![b'x'; (64 << 20) + 1];
    let frame = |message: &[u8]| {
        let length = u32::try_from(message.len()).unwrap();
        [&length.to_be_bytes()[..], message].concat()
    };
    let input = [frame(b"first"), frame(&large), frame(RECORD.as_bytes())].concat();
    let output = output_of(
        &["run", "--lockstep", "length-prefixed", "--log", &log],
        &input,
    );
    let before = [frame(b"first"), frame(&large)].concat();
    assert!(output.starts_with(&before));
    let last = &output[before.len() + 4..];
    assert!(str::from_utf8(last).unwrap().contains("\"signin_triage\":"));
    let log = fs::read_to_string(&log).unwrap();
    assert!(
        log.contains("a message of 67108865 bytes was passed on"),
        "{log}"
    );
    assert!(log.contains("too_long 1"), "{log}");
}

#[test]
fn half_a_message_at_the_end_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log").display().to_string();
    for half in [&b"\0\0\0\x07{"[..], b"\0\0", b"\x7f\0\0\0abc"] {
        let mut caller = Caller::start("length-prefixed", &["--log", &log]);
        assert_eq!(caller.ask(b"hello").as_deref(), Some(&b"hello"[..]));
        caller.send(half);
        let ended = caller.close();
        assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(1), ""));
    }
    let log = fs::read_to_string(&log).unwrap();
    assert_eq!(
        log.matches("standard input: ends within a message").count(),
        3
    );
}

/// The state is saved between two replies as well, so that a caller that is killed, or kills, costs minutes only.
#[test]
fn what_was_remembered_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let lines = traffic(20);
    let expected = lines_of(&output_of(&["run", "--quiet"], &lines.concat()));
    let (first, second) = lines.split_at(lines.len() / 2);
    output_of(
        &["run", "--quiet", "--state", &at("whole")],
        &first.concat(),
    );
    let remembered = fs::read(at("whole")).unwrap();

    for (signal, code) in [("TERM", Some(0)), ("KILL", None)] {
        let state = at(signal);
        let arguments = ["--state", &state, "--save-secs", "1"];
        let mut caller = Caller::start("lines", &arguments);
        for (line, expected) in first.iter().zip(&expected) {
            assert!(caller.ask(line).as_ref() == Some(expected));
        }
        if signal == "KILL" {
            wait_until(|| match fs::read(&state) {
                Ok(saved) if saved == remembered => Ok(()),
                _ => Err("what was remembered is not saved".to_owned()),
            });
        }
        caller.signal(signal);
        let ended = caller.finish();
        assert_eq!((ended.status.code(), ended.stderr.as_str()), (code, ""));
        assert!(fs::read(&state).unwrap() == remembered, "{signal}");

        let mut caller = Caller::start("lines", &arguments);
        for (line, expected) in second.iter().zip(&expected[first.len()..]) {
            assert!(caller.ask(line).as_ref() == Some(expected), "{signal}");
        }
        caller.finish().in_order(0);
    }
}

/// The exit code, and what is in the log; nothing is written or said elsewhere.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log").display().to_string();
    let mut codes = Vec::new();
    for log in [&["--log", &*log][..], &[]] {
        let mut caller = Caller::start("rsyslog", &[arguments, log].concat());
        assert_eq!(caller.ask(b"hello\n"), None, "{arguments:?}");
        let ended = caller.finish();
        assert_eq!(ended.stderr, "");
        assert!(ended.unasked.is_empty());
        codes.push(ended.status.code());
    }
    assert_eq!(codes[0], codes[1]);
    (codes[0], fs::read_to_string(&log).unwrap())
}

#[test]
fn what_has_no_place_in_a_reply_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let file = |name: &str, text: &str| {
        fs::write(at(name), text).unwrap();
        at(name)
    };
    let wrong = file("wrong.toml", "review_form = 25\n");
    let filters = file("filters.json", r#"{"mode":"filter","hold_secs":60}"#);
    let damaged = file("damaged", "nonsense");
    for (arguments, code, said) in [
        (
            ["--config", &*wrong],
            2,
            "unknown key, nearest is review_from",
        ),
        (["--config", &at("none.toml")], 2, "none.toml: "),
        (["--mode", "filter"], 2, "mode filter has no place here"),
        (["--hold", "60"], 2, "hold_secs has no place here"),
        (["--config", &*filters], 2, "hold_secs has no place here"),
        (["--state", &*damaged], 1, "damaged: "),
    ] {
        let (found, log) = refused(&arguments);
        assert_eq!(found, Some(code), "{arguments:?}");
        assert!(log.contains(said), "{said} in {log}");
    }
    assert_eq!(fs::read_to_string(&damaged).unwrap(), "nonsense");

    // The command line goes over the file.
    let annotate = ["--config", &filters, "--mode", "annotate", "--hold", "0"];
    let mut caller = Caller::start("lines", &annotate);
    assert_eq!(caller.ask(b"hello\n").as_deref(), Some(&b"hello\n"[..]));
    caller.finish().in_order(0);
}

#[test]
fn standard_input_is_the_only_input() {
    for more in [
        &["file.ndjson"][..],
        &["--out", "out.ndjson"],
        &["--suppressed", "noise.ndjson"],
        &["--state", "state", "--drain"],
    ] {
        let status = Command::new(env!("CARGO_BIN_EXE_signin-triage"))
            .args(["run", "--lockstep", "lines"])
            .args(more)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert_eq!(status.unwrap().code(), Some(2), "{more:?}");
    }
}

/// Lines that an earlier run held back would leave in the middle of a reply.
#[test]
fn a_state_in_which_lines_wait_is_refused_until_they_are_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").display().to_string();
    let waits = RECORD.replace("50126", "50074") + "\n";
    let held = ["run", "--quiet", "--hold", "600", "--state", &state];
    assert_eq!(output_of(&held, waits.as_bytes()), b"");

    let (code, log) = refused(&["--state", &state]);
    assert_eq!(code, Some(1));
    assert!(log.contains("1 lines wait in it"), "{log}");
    let (_, command) = log.split_once("(signin-triage ").unwrap();
    let (command, _) = command.split_once(')').unwrap();
    let command = command.replace("FILE", &state);
    let command: Vec<_> = command.split(' ').collect();
    let released = output_of(&command, b"");
    assert!(
        str::from_utf8(&released)
            .unwrap()
            .contains("\"outcome\":\"pending\"")
    );

    let mut caller = Caller::start("lines", &["--state", &state]);
    assert_eq!(caller.ask(b"hello\n").as_deref(), Some(&b"hello\n"[..]));
    caller.finish().in_order(0);
}

#[test]
fn the_log_is_appended_to_and_holds_the_summary() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log").display().to_string();
    for _ in 0..2 {
        let mut caller = Caller::start("lines", &["--log", &log]);
        caller.ask(format!("{RECORD}\n").as_bytes()).unwrap();
        caller.finish().in_order(0);
    }
    let mut caller = Caller::start("lines", &["--log", &log, "--quiet"]);
    caller.ask(b"hello\n").unwrap();
    caller.finish().in_order(0);
    let said = fs::read_to_string(&log).unwrap();
    assert_eq!(said.matches("bad_credentials").count(), 2, "{said}");

    let nowhere = folder.path().join("no/such/log").display().to_string();
    let mut caller = Caller::start("lines", &["--log", &nowhere]);
    assert_eq!(caller.ask(b"hello\n"), None);
    let ended = caller.finish();
    assert_eq!(ended.status.code(), Some(1));
    // Whoever waits for a reply would take it for one.
    assert_eq!(ended.stderr, "");
}

#[test]
fn the_member_is_named_as_the_operator_chose() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml").display().to_string();
    fs::write(&config, "member = \"triage\"\n").unwrap();
    let mut caller = Caller::start("rsyslog", &["--config", &config]);
    let reply = caller.ask(format!("{RECORD}\n").as_bytes()).unwrap();
    let reply: Value = serde_json::from_slice(&reply).unwrap();
    assert_eq!(reply["$!"]["triage"]["cause"], "bad_credentials");
    caller.finish().in_order(0);
}

/// A caller that goes away has not had its replies; what was remembered is kept all the same.
#[test]
fn a_caller_that_stops_reading_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").display().to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_signin-triage"))
        .args(["run", "--lockstep", "lines", "--state", &state])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(format!("{RECORD}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(1), Vec::new()));
    assert!(fs::exists(&state).unwrap());
}

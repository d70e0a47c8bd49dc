//! `run --jobs N`: what several sessions say side by side, against what one says.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use common::members;
use serde_json::{Map, Value};
use signin_triage::signals::{self, Signal};
use signin_triage::state::Key;

const RECORD: &str = r#"{"createdDateTime":"2025-03-01T10:02:03Z","userPrincipalName":"ada@contoso.example","ipAddress":"192.0.2.1","status":{"errorCode":50126}}"#;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signin-triage"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the program to its end; it has to go well.
fn run(arguments: &[&str]) -> Output {
    let output = program(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    output
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

/// The traffic of an invented tenant, attacks among it, none of it in envelopes.
fn traffic() -> String {
    let output = run(&["demo", "--users", "40", "--days", "1", "--late", "600"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() > 1000, "too little traffic");
    text
}

/// The signals that look at what is kept by another key than the user.
fn seen_apart() -> impl Iterator<Item = &'static &'static Signal> {
    let by_other = |key: Option<Key>| key.is_some_and(|key| key != Key::User);
    signals::ALL
        .iter()
        .filter(move |signal| by_other(signal.needs))
}

/// A configuration in which these signals say nothing.
fn by_user_only() -> String {
    let levels = seen_apart().flat_map(|signal| signal.levels);
    let off: Map<String, Value> = levels
        .map(|level| (level.points.key.to_owned(), Value::from(0)))
        .collect();
    Value::from(off).to_string()
}

#[test]
fn what_is_said_by_user_is_the_same_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, bytes: &[u8]| write(folder.path(), name, bytes);
    let text = traffic();
    let mut odd = Vec::new();
    for (number, line) in text.lines().enumerate() {
        odd.extend_from_slice(line.as_bytes());
        odd.extend_from_slice(match number {
            10 => b"\n\n \r\n".as_slice(),
            20 => b"\nnot JSON\n",
            30 => b"\nbroken \xff\xfe\n",
            40 => b"\n{\"records\":[{\"createdDateTime\":\"2026-03-02T10:02:03Z\",\"userPrincipalName\":\"only@here\",\"status\":{\"errorCode\":0}}]}\n",
            50 => b"\r\n",
            _ => b"\n",
        });
        if number == 60 {
            odd.extend(std::iter::repeat_n(b'x', 6 << 20));
            odd.push(b'\n');
        }
    }
    // Without a line end: the next input must not run into it.
    odd.pop();
    let (first, second) = (at("first.ndjson", &odd), at("second.ndjson", b"\nlast\n"));
    let config = at("by-user.json", by_user_only().as_bytes());
    let enrich = |more: &[&str]| {
        let arguments = ["run", &first, &second, "--config", &config];
        run(&[&arguments, more].concat())
    };
    let one = enrich(&[]);
    assert_eq!(one.stdout, enrich(&["--jobs", "1"]).stdout);
    for jobs in ["2", "5", "64"] {
        let several = enrich(&["--jobs", jobs]);
        assert!(one.stdout == several.stdout, "{jobs}");
        assert_eq!(counted(&stderr(&several)), counted(&stderr(&one)), "{jobs}");
    }
}

/// What of a summary does not depend on the time it took, nor on who remembers what: its words, sorted, because of
/// what is counted equally often any can come first.
fn counted(summary: &str) -> Vec<&str> {
    let (before, rest) = summary.split_once("│ Records ").expect(summary);
    let (records, rest) = rest.split_once("│ Rejected").expect(summary);
    let (after, _) = rest.split_once("│ Time").expect(summary);
    // `1,205 (40 users`; addresses are counted by one session only.
    let users = records
        .split(&[' ', ',', ')'][..])
        .take_while(|word| *word != "users");
    let mut words: Vec<_> = [before, after]
        .into_iter()
        .flat_map(|part| part.split([' ', ',', '\n']))
        .chain(users)
        .collect();
    words.sort_unstable();
    words
}

#[test]
fn only_signals_by_address_and_tenant_see_less() {
    let folder = tempfile::tempdir().unwrap();
    let input = write(folder.path(), "in.ndjson", traffic().as_bytes());
    let enrich = |jobs| {
        let output = run(&["run", "--quiet", &input, "--jobs", jobs]);
        String::from_utf8(output.stdout).unwrap()
    };
    let (one, several) = (enrich("1"), enrich("4"));
    assert_eq!(one.lines().count(), several.lines().count());
    let is_apart = |hit: &Value| seen_apart().any(|signal| hit["name"] == signal.id);
    // The hits by user, and whether there are others.
    let by_user = |line: &str| {
        let hits = members(line)[0]["signals"].as_array().cloned();
        let hits = hits.unwrap_or_default();
        let (apart, by_user): (Vec<_>, Vec<_>) = hits.into_iter().partition(is_apart);
        (by_user, apart)
    };
    let mut less = 0;
    for (one, several) in one.lines().zip(several.lines()) {
        if one == several {
            continue;
        }
        let ((same, before), (found, now)) = (by_user(one), by_user(several));
        assert_eq!(found, same, "{several}");
        assert!(before != now, "{one}\n{several}");
        less += 1;
    }
    assert!(
        less > 10,
        "only {less} records differ: the traffic holds no attack by address"
    );
}

#[test]
fn what_several_sessions_cannot_do_is_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (state, noise) = (at("state"), at("noise"));
    let filter = ["--mode", "filter", "--suppressed", &noise];
    let rows: [(&[&str], &[&str]); 4] = [
        (&filter, &["mode filter"]),
        (&["--hold", "60"], &["hold_secs"]),
        (&["--state", &state], &["--state"]),
        (
            &[&filter[..], &["--hold", "60", "--state", &state]].concat(),
            &["mode filter", "hold_secs", "--state"],
        ),
    ];
    for (arguments, named) in rows {
        let output = program(&[&["run", "--jobs", "2"], arguments].concat())
            .output()
            .unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.starts_with("--jobs 2 cannot be combined with "),
            "{said}"
        );
        assert!(named.iter().all(|name| said.contains(name)), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        // One session can.
        run(&[&["run", "-q", "--jobs", "1"], arguments].concat());
        fs::remove_file(&state).unwrap_or_default();
        fs::remove_file(state.clone() + ".lock").unwrap_or_default();
        fs::remove_file(&noise).unwrap_or_default();
    }
    for wrong in [
        &["run", "--jobs", "0"][..],
        &["run", "--jobs", "65"],
        &["run", "--jobs", "2", "--lockstep", "lines"],
    ] {
        let output = program(wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn the_help_names_the_signals_that_see_less() {
    let help = String::from_utf8(run(&["run", "--help"]).stdout).unwrap();
    let words: Vec<_> = help
        .split([' ', '\n', ',', '(', ')'])
        .filter(|word| !word.is_empty())
        .collect();
    for signal in seen_apart() {
        assert!(words.contains(&signal.id), "{} in {help}", signal.id);
    }
}

fn started(jobs: &str, stdout: impl Into<Stdio>) -> Child {
    let mut command = program(&["run", "--jobs", jobs]);
    let command = command.stdin(Stdio::piped()).stdout(stdout);
    command.spawn().unwrap()
}

#[test]
fn a_record_comes_out_at_once_and_a_signal_is_heard_while_the_pipe_is_silent() {
    for jobs in ["1", "3"] {
        let mut child = started(jobs, Stdio::piped());
        let mut stdin = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for user in ["ada", "bob", "eve"] {
            writeln!(stdin, "{}", RECORD.replace("ada", user)).unwrap();
            let line = lines.next().unwrap().unwrap();
            assert!(
                line.contains(user) && line.contains("signin_triage"),
                "{line}"
            );
        }
        let told = Command::new("kill")
            .args(["-s", "TERM", &child.id().to_string()])
            .status();
        assert!(told.unwrap().success());
        assert!(lines.next().is_none());
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(0), "{jobs}: {said}");
        let expected = "told to stop; 3 lines were read and are done\n";
        assert!(said.starts_with(expected), "{jobs}: {said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_it_while_the_pipe_is_silent() {
    for jobs in ["1", "3"] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let mut child = started(jobs, full);
        let mut stdin = child.stdin.take().unwrap();
        writeln!(stdin, "{RECORD}").unwrap();
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        assert_eq!(output.status.code(), Some(1), "{jobs}");
        let said = stderr(&output);
        assert!(said.starts_with("standard output: "), "{jobs}: {said}");
        assert_eq!(said.lines().count(), 1, "{jobs}: {said}");
    }
}

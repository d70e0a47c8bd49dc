//! The real program: arguments and bytes in, bytes and exit code out.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

const RECORD: &str = concat!(
    r#"{"createdDateTime":"2025-03-01T10:02:03Z","userDisplayName":"Ada","userPrincipalName":"ada@contoso.example","#,
    r#""appDisplayName":"Portal","ipAddress":"192.0.2.1","status":{"errorCode":50126}}"#
);
const AUDIT: &str =
    r#"{"category":"AuditLogs","operationName":"Add user","properties":{"id":"1"}}"#;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signin-triage"));
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the program to its end with `input` on standard input.
fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = program(arguments).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // By another thread, or both sides could wait for each other. A program that ends early does not read it all.
    let feeder = thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    output
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The bytes without our member, and how often it was there.
fn taken_off(bytes: &[u8]) -> (Vec<u8>, usize) {
    let member = b",\"signin_triage\":{";
    let mut rest = bytes.to_vec();
    let mut count = 0;
    while let Some(start) = rest
        .windows(member.len())
        .position(|window| window == member)
    {
        let end = start + member.len() + object_length(&rest[start + member.len()..]);
        rest.drain(start..end);
        count += 1;
    }
    (rest, count)
}

/// How many bytes after an opening brace the object ends.
fn object_length(bytes: &[u8]) -> usize {
    let (mut depth, mut in_text, mut escaped) = (1, false, false);
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' if !in_text => depth += 1,
            b'}' if !in_text => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    bytes.len()
}

/// Input of every bad kind, with the reason under which it is counted, or none where it is a sign-in all the same.
fn bad_inputs() -> Vec<(&'static str, Vec<u8>, Option<&'static str>)> {
    let text = |text: String| text.into_bytes();
    let with = |from: &str, to: &str| {
        let changed = RECORD.replace(from, to);
        assert_ne!(changed, RECORD);
        text(changed)
    };
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(5_000_000));
    let mut broken = with("Ada", "A?a");
    let at = broken.iter().position(|&byte| byte == b'?').unwrap();
    broken[at] = 0xff;
    vec![
        (
            "not JSON",
            b"Mar  1 10:02:03 host app: hello".to_vec(),
            Some("not_json"),
        ),
        (
            "half a record",
            text(RECORD[..60].to_owned()),
            Some("not_json"),
        ),
        ("not an object", b"[1, 2]".to_vec(), Some("not_object")),
        ("an audit log", text(AUDIT.to_owned()), Some("not_sign_in")),
        ("empty", b"".to_vec(), Some("empty")),
        ("blank", b" \t ".to_vec(), Some("empty")),
        ("5 MB", text(long), Some("too_long")),
        ("deep", text(deep), Some("too_deep")),
        ("not UTF-8", broken, Some("broken_encoding")),
        ("a NUL", with("Ada", "A\0a"), Some("not_json")),
        ("CRLF", text(format!("{RECORD}\r")), None),
        ("a byte order mark", text(format!("\u{feff}{RECORD}")), None),
        (
            "a lone surrogate",
            with("Ada", "\\ud800"),
            Some("broken_encoding"),
        ),
        ("an escaped NUL", with("Ada", "A\\u0000a"), None),
        (
            "a key twice",
            with(
                "\"appDisplayName\"",
                "\"ipAddress\":\"192.0.2.2\",\"appDisplayName\"",
            ),
            None,
        ),
        ("a number as text", with("50126", "\"50126\""), None),
        ("spaces around", text(format!("  {RECORD} ")), None),
    ]
}

#[test]
fn bad_input_goes_out_as_it_came() {
    for (what, line, reason) in bad_inputs() {
        let input = [&line[..], b"\n"].concat();
        let output = run(&["run"], &input);
        assert_eq!(code(&output), 0, "{what}");
        let (rest, labels) = taken_off(&output.stdout);
        assert!(rest == input, "{what}: not as it came");
        assert_eq!(labels, usize::from(reason.is_none()), "{what}");
        let counted = reason.map_or("none".to_owned(), |reason| format!("{reason} 1"));
        let rejected = format!("Rejected, unchanged ┆ {counted}");
        let summary = stderr(&output)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(
            summary.contains(&rejected),
            "{what}: {rejected} in {summary}"
        );
    }
}

#[test]
fn bad_lines_stay_in_their_place_among_good_ones() {
    let mut input = Vec::new();
    for (_, line, _) in bad_inputs() {
        input.extend_from_slice(&line);
        input.push(b'\n');
        input.extend_from_slice(RECORD.as_bytes());
        input.extend_from_slice(b"\r\n");
    }
    let output = run(&["run", "--quiet", "-"], &input);
    assert_eq!(code(&output), 0);
    let (rest, labels) = taken_off(&output.stdout);
    assert!(rest == input, "not as it came");
    let good = bad_inputs()
        .iter()
        .filter(|(_, _, reason)| reason.is_none())
        .count();
    assert_eq!(labels, bad_inputs().len() + good);
}

#[test]
fn every_end_of_input_survives() {
    for end in ["", "\n", "\r\n", "\n\n", "\n\r\n"] {
        let input = format!("{RECORD}\n{RECORD}{end}");
        let output = run(&["run", "-q"], input.as_bytes());
        let (rest, labels) = taken_off(&output.stdout);
        assert_eq!(String::from_utf8(rest).unwrap(), input);
        assert_eq!((labels, code(&output)), (2, 0), "{end:?}");
    }
    let nothing = run(&["run", "-q"], b"");
    assert_eq!((code(&nothing), nothing.stdout.len()), (0, 0));
}

#[test]
fn a_record_on_a_pipe_comes_out_at_once() {
    let mut child = program(&["run", "--quiet"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // Each is read before the next is written. A program that waited for more would wait here for ever.
    for _ in 0..3 {
        writeln!(stdin, "{RECORD}").unwrap();
        let line = lines.next().unwrap().unwrap();
        assert!(line.contains("signin_triage"), "{line}");
    }
    drop(stdin);
    assert!(lines.next().is_none());
    assert!(child.wait().unwrap().success());
}

#[test]
fn files_patterns_and_standard_input_are_read_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let line = |id: &str| RECORD.replace("Ada", id);
    fs::write(at("b.ndjson"), line("bee") + "\n").unwrap();
    // Without a line end: the record of the next file must not run into it.
    fs::write(at("a.ndjson"), line("ay")).unwrap();
    fs::write(at("c.json"), line("sea") + "\n").unwrap();

    let pattern = at("*.ndjson");
    let output = run(
        &["run", "-q", &pattern, "-", &at("c.json")],
        (line("pipe") + "\n").as_bytes(),
    );
    assert_eq!(code(&output), 0);
    let (rest, labels) = taken_off(&output.stdout);
    let expected: Vec<_> = ["ay", "bee", "pipe", "sea"].map(line).to_vec();
    assert_eq!(String::from_utf8(rest).unwrap(), expected.join("\n") + "\n");
    assert_eq!(labels, 4);
}

#[test]
fn what_is_missing_is_named_and_the_rest_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::write(at("here.ndjson"), format!("{RECORD}\n")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    for (argument, said) in [
        (at("missing.ndjson"), "missing.ndjson: "),
        (at("none-*.ndjson"), "none-*.ndjson: no file matches"),
        (at("folder"), "folder: "),
    ] {
        let output = run(&["run", "-q", &argument, &at("here.ndjson")], b"");
        assert_eq!(code(&output), 1, "{argument}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
        assert_eq!(taken_off(&output.stdout).1, 1, "{argument}");
    }
}

#[test]
fn the_output_can_be_a_file_but_not_an_input() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let input = format!("{RECORD}\n");
    fs::write(at("in.ndjson"), &input).unwrap();

    let output = run(&["run", &at("in.ndjson"), "--out", &at("out.ndjson")], b"");
    assert_eq!((code(&output), output.stdout.len()), (0, 0));
    let written = fs::read(at("out.ndjson")).unwrap();
    assert_eq!(taken_off(&written), (input.clone().into_bytes(), 1));

    let same = folder
        .path()
        .join(".")
        .join("in.ndjson")
        .display()
        .to_string();
    let output = run(&["run", &at("in.ndjson"), "--out", &same], b"");
    assert_eq!(code(&output), 2);
    assert_eq!(fs::read_to_string(at("in.ndjson")).unwrap(), input);

    let output = run(
        &["run", &at("in.ndjson"), "--out", &at("no/such/folder")],
        b"",
    );
    assert_eq!(code(&output), 1);
    assert!(
        stderr(&output).contains("no/such/folder: "),
        "{}",
        stderr(&output)
    );
}

#[test]
fn the_summary_says_what_happened_unless_quiet() {
    let input = format!("{RECORD}\nnonsense\n");
    let output = run(&["run"], input.as_bytes());
    let summary = stderr(&output)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    for part in [
        "failure ┆ bad_credentials ┆ 1 ┆ 100.0 %",
        "none of 1 records could stay out of the SIEM",
        "Rejected, unchanged ┆ not_json 1",
        "Lines ┆ 2 (1 enriched, 1 unchanged)",
        "Records ┆ 1 (1 users, 1 addresses)",
    ] {
        assert!(summary.contains(part), "{part} in {summary}");
    }
    assert_eq!(stderr(&run(&["run", "--quiet"], input.as_bytes())), "");
}

/// Lines that never reach the component are counted by this program, and must be in the same sums.
#[test]
fn the_lines_add_up_whoever_passed_them_on() {
    let mut input = Vec::new();
    for (_, line, _) in bad_inputs() {
        input.extend_from_slice(&line);
        input.push(b'\n');
    }
    let reasons = bad_inputs().into_iter().map(|(_, _, reason)| reason);
    let (unchanged, enriched): (Vec<_>, Vec<_>) = reasons.partition(Option::is_some);
    let (unchanged, enriched) = (unchanged.len(), enriched.len());
    let lines = unchanged + enriched;
    let output = run(&["run"], &input);
    let summary = stderr(&output)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let expected = format!("Lines ┆ {lines} ({enriched} enriched, {unchanged} unchanged)");
    assert!(summary.contains(&expected), "{expected} in {summary}");
}

/// The examples have every kind of row; a test has no terminal, so the width must not come from one.
#[test]
fn the_summary_fits_every_terminal() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/signins.ndjson");
    let mut seen = Vec::new();
    for columns in ["40", "80", "160"] {
        let mut command = program(&["run", examples]);
        let output = command.env("COLUMNS", columns).output().unwrap();
        let summary = stderr(&output);
        let widest = summary.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{summary}");
        seen.push(summary.lines().count());
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
}

/// A forwarder that dies must not look like the end of the records.
#[test]
fn a_reader_that_leaves_is_a_failure_and_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.ndjson");
    fs::write(&path, format!("{RECORD}\n").repeat(50_000)).unwrap();
    let path = path.display().to_string();
    let state = folder.path().join("state").display().to_string();
    let filter = ["--mode", "filter", "--suppressed", "/dev/null"];
    for more in [&[][..], &["--state", &state], &filter] {
        let mut child = program(&[&["run", "-q", &path], more].concat())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(code(&output), 1, "{more:?}");
        assert_eq!(
            stderr(&output),
            "standard output: nobody reads it any more\n",
            "{more:?}"
        );
    }
    assert!(!Path::new(&state).exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_failure() {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut child = program(&["run"]).stdout(full).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{RECORD}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 1);
    assert!(
        stderr(&output).starts_with("standard output: "),
        "{}",
        stderr(&output)
    );
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn all_problems_of_a_configuration_come_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let toml = "mode = \"nonsense\"\nreveiw_from = 10\n[mfa_denied]\nfraud_points = 1000\n";
    let json = r#"{"mode":"nonsense","reveiw_from":10,"mfa_denied":{"fraud_points":1000}}"#;
    for (name, text) in [
        ("a.toml", toml),
        ("a.json", json),
        ("toml.conf", toml),
        ("json.conf", json),
    ] {
        let path = write(folder.path(), name, text);
        for arguments in [vec!["check-config", &path], vec!["run", "--config", &path]] {
            let output = run(&arguments, b"");
            assert_eq!(code(&output), 2, "{arguments:?}");
            let said = stderr(&output);
            for expected in [
                "mode: found \"nonsense\", allowed annotate or filter",
                "reveiw_from: unknown key, nearest is review_from",
                "mfa_denied.fraud_points: found 1000, allowed -100 to 100 points",
            ] {
                assert!(
                    said.lines().any(|line| line == expected),
                    "{expected} in {said}"
                );
            }
            assert_eq!(said.lines().count(), 3, "{said}");
            assert!(output.stdout.is_empty());
        }
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text, said) in [
        (
            "a.toml",
            "mode = = 1\n",
            "a.toml: not TOML at line 1, column ",
        ),
        (
            "b.toml",
            "\n\nmode = 'annotate'\nmode = 'annotate'\n",
            "b.toml: not TOML at line 4, column ",
        ),
        ("a.json", "{\"mode\":", "not a JSON object: "),
        ("b.json", "[]", "not a JSON object: "),
        (
            "c.json",
            "{\"mode\":\"annotate\",\"mode\":\"annotate\"}",
            "mode: stands more than once",
        ),
    ] {
        let path = write(folder.path(), name, text);
        let output = run(&["check-config", &path], b"");
        assert_eq!(code(&output), 2, "{name}");
        assert!(
            stderr(&output).contains(said),
            "{said} in {}",
            stderr(&output)
        );
    }
    let output = run(&["run", "--config", "no-such-file.toml"], b"");
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).starts_with("no-such-file.toml: "),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_good_configuration_is_fine_and_toml_does_what_json_does() {
    let folder = tempfile::tempdir().unwrap();
    let toml = write(
        folder.path(),
        "a.toml",
        "\u{feff}member = \"triage\"\nreview_from = 5\n",
    );
    let json = write(
        folder.path(),
        "a.json",
        "\u{feff}{\"member\":\"triage\",\"review_from\":5}\r\n",
    );
    let mut outputs = Vec::new();
    for path in [&toml, &json] {
        let checked = run(&["check-config", path], b"");
        assert_eq!(code(&checked), 0, "{}", stderr(&checked));
        assert_eq!(stdout(&checked), format!("{path}: fine\n"));
        outputs.push(run(&["run", "-q", "--config", path], RECORD.as_bytes()).stdout);
    }
    assert_eq!(outputs[0], outputs[1]);
    assert!(String::from_utf8_lossy(&outputs[0]).contains("\"triage\":{"));

    let shown = run(&["check-config", "--show", &json], b"");
    assert_eq!(code(&shown), 0);
    let schema: serde_json::Value = serde_json::from_str(&stdout(&shown)).unwrap();
    assert_eq!(schema["properties"]["mode"]["default"], "annotate");
}

#[test]
fn the_mode_goes_through_to_the_transform() {
    let input = format!("{RECORD}\n");
    assert_eq!(
        code(&run(&["run", "-q", "--mode", "annotate"], input.as_bytes())),
        0
    );
    let output = run(&["run", "--mode", "nonsense"], input.as_bytes());
    assert_eq!((code(&output), output.stdout.len()), (2, 0));
    assert_eq!(
        stderr(&output),
        "mode: found \"nonsense\", allowed annotate or filter\n"
    );
}

#[test]
fn explain_reads_out_the_line_asked_for() {
    let input = format!("nonsense\n{RECORD}\n{{\"records\":[{RECORD},{RECORD}]}}\n");
    for (line, count, said) in [
        ("1", 0, "Line 1 is passed on unchanged: it is not JSON."),
        ("2", 1, "Status: failure, AADSTS50126"),
        ("3", 2, "Cause: bad_credentials."),
    ] {
        let output = run(&["explain", "--line", line], input.as_bytes());
        let text = stdout(&output);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert_eq!(
            text.matches("Sign-in of Ada at 2025-03-01T10:02:03Z")
                .count(),
            count,
            "{text}"
        );
        assert!(text.contains(said), "{said} in {text}");
    }
    let beyond = run(&["explain", "--line", "4"], input.as_bytes());
    assert_eq!(code(&beyond), 1);
    assert_eq!(stderr(&beyond), "standard input: has no line 4\n");
    let audit = run(&["explain"], AUDIT.as_bytes());
    assert_eq!(code(&audit), 0);
    assert!(
        stdout(&audit).contains("not a sign-in record"),
        "{}",
        stdout(&audit)
    );
}

#[test]
fn explain_shows_the_cards_only_when_asked() {
    let closing = "--long shows of each signal";
    let ropc = RECORD.replace(
        "\"appDisplayName\"",
        "\"authenticationProtocol\":\"ropc\",\"appDisplayName\"",
    );
    let audit = AUDIT.to_owned();
    for (record, arguments, cards, closes) in [
        (&ropc, vec!["explain"], false, true),
        (&ropc, vec!["explain", "--long"], true, false),
        // Without a signal there is nothing more to show.
        (&audit, vec!["explain"], false, false),
    ] {
        let text = stdout(&run(&arguments, record.as_bytes()));
        for part in [
            "would not see:",
            "can also be:",
            "techniques: T",
            "https://",
        ] {
            assert_eq!(text.contains(part), cards, "{part} in {text}");
        }
        assert_eq!(text.contains(closing), closes, "{text}");
    }
    let all = stdout(&run(&["inspect", "--long"], b""));
    assert!(all.matches("would not see:").count() > 10, "{all}");
}

#[test]
fn explain_lets_no_control_character_through() {
    let evil = RECORD.replace(
        "Ada",
        "\\u001b[2J\\u009b31m\\u202e\u{202e}\\nStatus: success",
    );
    let output = run(&["explain"], evil.as_bytes());
    let text = stdout(&output);
    assert_eq!(code(&output), 0);
    assert!(text.contains("\\u{1b}[2J"), "{text:?}");
    assert!(
        !text.contains(|one: char| one.is_control() && one != '\n' || one == '\u{202e}'),
        "{text:?}"
    );
    assert_eq!(
        text.lines()
            .filter(|line| line.starts_with("Status:"))
            .count(),
        1,
        "{text}"
    );
}

#[test]
fn inspect_shows_what_a_component_is() {
    let text = stdout(&run(&["inspect"], b""));
    for part in [
        concat!("version    ", env!("CARGO_PKG_VERSION"), "\n"),
        "imports    none\n",
        "signin-triage:transform/transform@0.1.0",
        "sha256 ",
        "review_from",
        "mfa_denied",
        "T1621",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, said) in [
        ("text.wasm", &b"nonsense"[..], "not a WebAssembly file"),
        (
            "core.wasm",
            &b"\0asm\x01\0\0\0"[..],
            "a core WebAssembly module, not a component",
        ),
        ("cut.wasm", &b"\0asm\x0d\0\x01\0\x07"[..], ""),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let output = run(&["inspect", &path.display().to_string()], b"");
        assert_eq!(code(&output), 1, "{name}");
        assert!(
            stderr(&output).contains(&format!("{name}: {said}")),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn bake_puts_a_configuration_inside_and_inspect_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let config = write(
        folder.path(),
        "triage.toml",
        "review_from = 25\n[mfa_denied]\nfraud_points = 90\n",
    );
    for (arguments, shown) in [
        (vec![], "No configuration inside"),
        (vec!["--config", &config], "\"fraud_points\": 90"),
    ] {
        let module = at("module.wasm");
        let arguments = [vec!["bake", "--out", &module], arguments].concat();
        let output = run(&arguments, b"");
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(stderr(&output).contains("module.wasm: "));
        let text = stdout(&run(&["inspect", &module], b""));
        for part in [
            concat!("version    ", env!("CARGO_PKG_VERSION"), "\n"),
            "licence    Apache-2.0\n",
            "imports    none\n",
            "signin_triage_annotate",
            "signin_triage_filter",
            "malloc",
            "sha256 ",
            shown,
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    let (two, hold) = (
        write(folder.path(), "two.json", r#"{"mode":"x","review_from":0}"#),
        write(folder.path(), "hold.json", r#"{"hold_secs":600}"#),
    );
    let nowhere = at("no-such-folder/module.wasm");
    for (arguments, expected, said) in [
        (
            vec!["--config", &two],
            2,
            "mode: found \"x\", allowed annotate or filter\nreview_from: found 0",
        ),
        (
            vec!["--config", &hold],
            2,
            "hold_secs: found 600, allowed 0 seconds of event time",
        ),
        (vec!["--config", "no-such-file"], 2, "no-such-file: "),
        (vec!["--out", &nowhere], 1, "no-such-folder"),
        (
            vec!["--config", &config, "--out", &config],
            2,
            "--out: must not be the configuration",
        ),
    ] {
        let output = program(&[vec!["bake"], arguments.clone()].concat())
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(code(&output), expected, "{arguments:?}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
        assert!(!folder.path().join("signin_triage_fluent_bit.wasm").exists());
    }
    assert!(read(&config).starts_with("review_from"));
    let piped = run(&["bake", "--out", "-"], b"");
    assert_eq!(piped.stdout, host_test::fluent_bit::BUILT_IN);
}

#[test]
fn wrong_usage_and_help_have_their_codes() {
    for (arguments, expected) in [
        (vec!["--version"], 0),
        (vec!["--help"], 0),
        (vec!["run", "--help"], 0),
        (vec![], 2),
        (vec!["nonsense"], 2),
        (vec!["run", "--nonsense"], 2),
        (vec!["explain", "--line", "0"], 2),
        (vec!["check-config"], 2),
        (vec!["explain", "no-such-file"], 1),
        (vec!["inspect", "no-such-file"], 1),
    ] {
        assert_eq!(code(&run(&arguments, b"")), expected, "{arguments:?}");
    }
}

#[test]
fn an_output_that_is_an_input_is_refused_under_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::write(at("in.ndjson"), format!("{RECORD}\n")).unwrap();
    fs::hard_link(at("in.ndjson"), at("hard.ndjson")).unwrap();
    std::os::unix::fs::symlink(at("in.ndjson"), at("soft.ndjson")).unwrap();
    for name in ["in.ndjson", "hard.ndjson", "soft.ndjson"] {
        let output = run(&["run", "-q", &at("in.ndjson"), "--out", &at(name)], b"");
        assert_eq!(code(&output), 2, "{name}");
        let left = fs::read_to_string(at("in.ndjson")).unwrap();
        assert_eq!(left, format!("{RECORD}\n"), "{name}");
    }
    let redirected = program(&["run", "-q", "--out", &at("hard.ndjson")])
        .stdin(fs::File::open(at("in.ndjson")).unwrap())
        .output()
        .unwrap();
    assert_eq!(code(&redirected), 2);
    let left = fs::read_to_string(at("in.ndjson")).unwrap();
    assert_eq!(left, format!("{RECORD}\n"));
}

#[test]
fn input_without_any_record_is_said_even_quietly() {
    for (input, said) in [
        ("{}\nx\n", "none of 2 lines was a sign-in record"),
        ("", ""),
    ] {
        let output = run(&["run", "-q"], input.as_bytes());
        assert_eq!(code(&output), 0, "{input:?}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
        assert_eq!(stderr(&output).is_empty(), said.is_empty());
    }
}

#[test]
fn gzip_is_unpacked_by_its_first_bytes_and_a_damaged_one_fails_after_what_it_held() {
    let packed = |text: &str| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        packer.finish().unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.ndjson").display().to_string();
    let text = (0..600).fold(String::new(), |text, number| {
        text + &RECORD.replace("Ada", &format!("Ada {number}")) + "\n"
    });
    let plain = run(&["run", "-q"], text.as_bytes()).stdout;
    // Two packed files one behind the other are one.
    let half = text.match_indices('\n').nth(299).unwrap().0 + 1;
    let whole = [packed(&text[..half]), packed(&text[half..])].concat();
    fs::write(&path, &whole).unwrap();
    for (arguments, input) in [
        (vec!["run", "-q", &path], &b""[..]),
        (vec!["run", "-q", "-"], &whole),
    ] {
        let output = run(&arguments, input);
        assert_eq!((code(&output), &*stderr(&output)), (0, ""));
        assert!(output.stdout == plain, "{arguments:?}");
    }
    let said = stdout(&run(&["explain", &path, "--line", "600"], b""));
    assert!(said.contains("Ada 599"), "{said}");

    // Cut off: all that could be unpacked leaves, the next file is done, and the exit code says so.
    fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    let next = write(folder.path(), "next.ndjson", &format!("{RECORD}\n"));
    let output = run(&["run", "-q", &path, &next], b"");
    let said = stderr(&output);
    assert_eq!((code(&output), said.lines().count()), (1, 1), "{said}");
    assert!(said.starts_with(&format!("{path}: ")), "{said}");
    let (rest, labels) = taken_off(&output.stdout);
    assert!(labels > 400, "only {labels} were unpacked");
    assert!(rest.starts_with(&text.as_bytes()[..half]));
    assert!(rest.ends_with(format!("\n{RECORD}\n").as_bytes()));

    // What only begins alike is passed on as it is.
    for input in [&b"\x1f"[..], b"\x1f\n", b"\n", b"a\x1f\x8b\n"] {
        let output = run(&["run", "-q"], input);
        assert_eq!((code(&output), &*output.stdout), (0, input));
    }
}

#[test]
fn a_dash_means_standard_output_and_inspect_gives_the_component_away() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["run", "-q", "--out", "-"], RECORD.as_bytes());
    assert_eq!(taken_off(&output.stdout), (RECORD.as_bytes().to_vec(), 1));

    let path = folder.path().join("signin_triage.wasm");
    let name = path.display().to_string();
    assert_eq!(code(&run(&["inspect", "--write", &name], b"")), 0);
    let shown = run(&["inspect", &name], b"");
    assert_eq!(code(&shown), 0, "{}", stderr(&shown));
    assert_eq!(fs::read(&path).unwrap(), host_test::plugin::BUILT_IN);
}

#[test]
fn the_schema_is_shown_without_a_file() {
    let output = run(&["check-config", "--show"], b"");
    assert_eq!(code(&output), 0);
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(schema["properties"]["review_from"]["default"], 30);
    assert_eq!(code(&run(&["check-config"], b"")), 2);
}

/// The traffic of an invented tenant, small enough to be run many times.
fn traffic() -> String {
    let output = run(
        &["demo", "--users", "40", "--days", "1", "--late", "600"],
        b"",
    );
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.lines().count() > 1000, "too little traffic");
    text
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn rollup_counts(text: &str) -> Vec<u64> {
    let lines = text
        .lines()
        .filter(|line| line.starts_with("{\"signin_triage_rollup\":"));
    lines
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            value["signin_triage_rollup"]["count"].as_u64().unwrap()
        })
        .collect()
}

#[test]
fn filter_needs_to_be_told_where_suppressed_records_go() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(folder.path(), "a.json", r#"{"mode":"filter"}"#);
    for arguments in [
        vec!["run", "--mode", "filter"],
        vec!["run", "--config", &config],
    ] {
        let output = run(&arguments, RECORD.as_bytes());
        assert_eq!((code(&output), output.stdout.len()), (2, 0));
        let said = stderr(&output);
        assert!(
            said.starts_with("mode filter needs --suppressed FILE"),
            "{said}"
        );
    }
    // The option goes over the file.
    let over = ["run", "-q", "--config", &config, "--mode", "annotate"];
    assert_eq!(code(&run(&over, RECORD.as_bytes())), 0);
}

#[test]
fn in_mode_filter_every_line_is_in_one_of_two_files_and_roll_ups_count_the_second() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let input = traffic();
    for hold in ["0", "600"] {
        let output = run(
            &[
                "run",
                "--mode",
                "filter",
                "--hold",
                hold,
                "--out",
                &at("kept"),
                "--suppressed",
                &at("suppressed"),
            ],
            input.as_bytes(),
        );
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let (kept, suppressed) = (read(&at("kept")), read(&at("suppressed")));
        let counts = rollup_counts(&kept);
        let gone = suppressed.lines().count();
        assert!(gone > 20 && !counts.is_empty(), "{gone} suppressed");
        assert_eq!(counts.iter().sum::<u64>(), gone as u64);
        assert_eq!(
            kept.lines().count() - counts.len() + gone,
            input.lines().count()
        );
        // What left is what came, with the member that says why.
        let (rest, labels) = taken_off(suppressed.as_bytes());
        assert_eq!(labels, gone);
        let came: std::collections::BTreeSet<_> = input.lines().collect();
        let rest = String::from_utf8(rest).unwrap();
        assert!(rest.lines().all(|line| came.contains(line)));
        assert!(!suppressed.contains("\"status\":\"failure\""));
        let summary = stderr(&output);
        for part in [
            "left the stream",
            "roll-ups in their place",
            "suppressed)",
            "Remembered",
        ] {
            assert!(summary.contains(part), "{part} in {summary}");
        }
    }
}

#[test]
fn hold_lets_a_prompt_leave_with_what_became_of_it() {
    let prompt = |at: &str, code: &str, who: &str| {
        format!(
            r#"{{"id":"{who}","createdDateTime":"2026-03-10T08:{at}Z","userPrincipalName":"{who}@contoso.example","appDisplayName":"Portal","ipAddress":"192.0.2.1","status":{{"errorCode":{code}}}}}"#
        )
    };
    let input = [
        prompt("00:00", "50074", "ada"),
        prompt("00:05", "50074", "bob"),
        prompt("00:09", "0", "ada"),
        prompt("11:00", "0", "eve"),
    ]
    .join("\n");
    let outcomes = |arguments: &[&str]| -> Vec<(String, String)> {
        let output = run(arguments, input.as_bytes());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let records = stdout(&output);
        let records = records.lines().map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
            (text(&line["id"]), text(&line["signin_triage"]["outcome"]))
        });
        records.collect()
    };
    let rows = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
        let owned = |&(id, outcome): &(&str, &str)| (id.to_owned(), outcome.to_owned());
        rows.iter().map(owned).collect()
    };
    assert_eq!(
        outcomes(&["run", "-q"]),
        rows(&[
            ("ada", "pending"),
            ("bob", "pending"),
            ("ada", "-"),
            ("eve", "-")
        ])
    );
    assert_eq!(
        outcomes(&["run", "-q", "--hold", "600"]),
        rows(&[
            ("ada", "completed"),
            ("ada", "-"),
            ("bob", "abandoned"),
            ("eve", "-")
        ])
    );
    let wrong = run(&["run", "--hold", "99999"], input.as_bytes());
    assert_eq!(code(&wrong), 2);
    assert_eq!(
        stderr(&wrong),
        "hold_secs: found 99999, allowed 0 to 3600 seconds of event time\n"
    );
}

/// One run with `--state` over all of a file, and several over its parts, come to the same bytes in both outputs.
#[test]
fn stop_and_go_with_a_state_changes_no_byte() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let input = traffic();
    let lines: Vec<&str> = input.split_inclusive('\n').collect();
    let part = |input: &str, state: &str, drain: bool| {
        let (state, kept, suppressed) = (at(state), at("kept"), at("suppressed"));
        let mut arguments = vec!["run", "-q", "--mode", "filter", "--hold", "600"];
        arguments.extend(["--state", &state, "--out", &kept]);
        arguments.extend(["--suppressed", &suppressed]);
        arguments.extend(drain.then_some("--drain"));
        let output = run(&arguments, input.as_bytes());
        assert_eq!((code(&output), &*stderr(&output)), (0, ""));
        let mode = fs::metadata(&state).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        (read(&kept), read(&suppressed))
    };
    let (mut kept, mut suppressed) = part(&input, "whole", false);
    for cut in [lines.len() / 2, lines.len() / 3, 1] {
        for name in ["parts", "parts.previous"] {
            let _ = fs::remove_file(at(name));
        }
        let (first, second) = lines.split_at(cut);
        let before = part(&first.concat(), "parts", false);
        let after = part(&second.concat(), "parts", false);
        assert!(before.0 + &after.0 == kept, "cut after {cut} lines");
        assert!(before.1 + &after.1 == suppressed, "cut after {cut} lines");
        assert!(read(&at("parts")) == read(&at("whole")), "{cut}");
    }
    // Draining at the end comes to what a run without a state writes.
    let rest = part("", "whole", true);
    kept += &rest.0;
    suppressed += &rest.1;
    assert!(!rest.0.is_empty(), "nothing was held");
    let mut arguments = vec!["run", "-q", "--mode", "filter", "--hold", "600"];
    let (out, gone) = (at("out"), at("gone"));
    arguments.extend(["--out", &out, "--suppressed", &gone]);
    assert_eq!(code(&run(&arguments, input.as_bytes())), 0);
    assert!(read(&out) == kept && read(&gone) == suppressed);
}

#[test]
fn drain_is_for_runs_with_a_state() {
    let output = run(&["run", "-q", "--drain"], b"");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("--state"), "{}", stderr(&output));
}

#[test]
fn a_state_that_cannot_be_taken_up_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let input = format!("{RECORD}\n");
    let good = at("good");
    assert_eq!(
        code(&run(&["run", "-q", "--state", &good], input.as_bytes())),
        0
    );
    let good = fs::read(good).unwrap();
    let text = String::from_utf8(good.clone()).unwrap();
    // As another host saves it.
    let (_, snapshot) = text.split_once('\n').unwrap();
    let version = format!(" {} ", env!("CARGO_PKG_VERSION"));
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for (what, state, said) in [
        (
            "another file",
            input.clone().into_bytes(),
            "not a state of signin-triage",
        ),
        ("empty", Vec::new(), "not a state of signin-triage"),
        ("cut off", good[..good.len() - 3].to_vec(), "damaged"),
        ("a byte changed", flipped.clone(), "damaged"),
        (
            "of another version",
            snapshot.replacen(&version, " 99.0.0 ", 1).into_bytes(),
            "99.0.0",
        ),
        (
            "a snapshot that was changed",
            flipped.split_off(flipped.len() - snapshot.len()),
            "damaged",
        ),
        (
            "another format",
            text.replacen("-file 1 ", "-file 99 ", 1).into_bytes(),
            "signin-triage-file 99",
        ),
        ("no text", vec![0xff, 0xfe], ""),
    ] {
        fs::write(at("state"), &state).unwrap();
        fs::write(at("out"), "of before").unwrap();
        let output = run(
            &["run", "-q", "--state", &at("state"), "--out", &at("out")],
            input.as_bytes(),
        );
        assert_eq!((code(&output), output.stdout.len()), (1, 0), "{what}");
        let named = stderr(&output);
        assert!(
            named.starts_with(&format!("{}: ", at("state"))) && named.contains(said),
            "{what}: {named}"
        );
        assert_eq!(named.lines().count(), 1, "{what}: {named}");
        assert!(fs::read(at("state")).unwrap() == state, "{what}");
        assert_eq!(read(&at("out")), "of before", "{what}");
    }
}

#[test]
fn told_to_stop_while_the_pipe_is_silent_it_saves_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let waits = RECORD.replace("50126", "50074");
    for signal in ["TERM", "INT", "HUP"] {
        let state = folder.path().join(signal).display().to_string();
        let arguments = ["run", "--hold", "600", "--state", &state];
        let mut child = program(&arguments).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        write!(stdin, "{waits}\n{RECORD}\n").unwrap();
        // When the second has come out, the first has been read.
        let line = lines.next().unwrap().unwrap();
        assert!(line.contains("bad_credentials"), "{line}");
        let told = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status();
        assert!(told.unwrap().success());
        assert!(lines.next().is_none());
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        assert_eq!(code(&output), 0, "{signal}");
        let said = stderr(&output);
        let expected = "told to stop; 2 lines were read and are done\n";
        assert!(said.starts_with(expected), "{signal}: {said}");

        let arguments = ["run", "-q", "--hold", "600", "--state", &state, "--drain"];
        let rest = stdout(&run(&arguments, b""));
        assert_eq!(
            rest.lines().count(),
            1,
            "{signal}: the held line is not there"
        );
        assert!(rest.contains("\"outcome\":\"pending\""), "{rest}");
    }
}

#[test]
fn the_two_outputs_are_not_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::write(at("one"), "").unwrap();
    std::os::unix::fs::symlink(at("one"), at("soft")).unwrap();
    for other in ["one", "soft"] {
        let output = run(
            &[
                "run",
                "--mode",
                "filter",
                "--out",
                &at("one"),
                "--suppressed",
                &at(other),
            ],
            RECORD.as_bytes(),
        );
        assert_eq!(code(&output), 2, "{other}");
        assert_eq!(stderr(&output), "--out and --suppressed are one file\n");
    }
    // Nor is the second an input.
    fs::write(at("in"), RECORD).unwrap();
    let arguments = ["run", "--mode", "filter", "--suppressed", &at("in")];
    let output = run(&[&arguments[..], &[&at("in")]].concat(), b"");
    assert_eq!(code(&output), 2);
    assert_eq!(read(&at("in")), RECORD);
    // Nor is either of them the configuration.
    let config = at("config.toml");
    fs::write(&config, "mode = \"filter\"\n").unwrap();
    for (option, other) in [("--out", "--suppressed"), ("--suppressed", "--out")] {
        let arguments = [
            "run",
            "--config",
            &config,
            option,
            &config,
            other,
            "/dev/null",
        ];
        let output = run(&arguments, RECORD.as_bytes());
        assert_eq!(code(&output), 2);
        assert_eq!(
            stderr(&output),
            format!("{option} and --config are one file\n")
        );
        assert_eq!(read(&config), "mode = \"filter\"\n");
    }
}

#[test]
fn explain_takes_the_lines_before_into_account() {
    let story = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/golden/spray_then_success/input.ndjson"
    );
    let whole = stdout(&run(&["explain", story, "--line", "16"], b""));
    for part in ["success_after_spray: got in where 10 others", "suspicious"] {
        assert!(whole.contains(part), "{part} in {whole}");
    }
    let text = read(story);
    let alone = text.lines().nth(15).unwrap();
    let alone = stdout(&run(&["explain"], alone.as_bytes()));
    assert!(!alone.contains("success_after_spray"), "{alone}");
    let story = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/golden/mfa_flow_completed/input.ndjson"
    );
    for (line, said) in [
        (
            "5",
            "Flow: completes 2 interrupted records of the same sign-in, 23 s after the first.",
        ),
        ("9", "Outcome: completed. A success of the same flow"),
        ("9", "prompt_completed, the success of the same flow"),
    ] {
        let output = run(&["explain", story, "--line", line], b"");
        let text = stdout(&output)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(text.contains(said), "{said} in {text}");
    }
}

/// A wrong name must not cost what stands in the outputs, and neither must an option that is not needed.
#[test]
fn outputs_are_left_alone_until_there_is_something_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| folder.path().join(name).display().to_string();
    let (out, suppressed) = (name("out"), name("suppressed"));
    for path in [&out, &suppressed] {
        fs::write(path, "precious").unwrap();
    }
    let missing = name("missing.ndjson");
    let output = run(&["run", &missing, "--out", &out], b"");
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("missing.ndjson"));
    let pattern = name("*.nothing");
    assert_eq!(code(&run(&["run", &pattern, "--out", &out], b"")), 1);
    assert_eq!(fs::read_to_string(&out).unwrap(), "precious");

    // In mode annotate nothing goes there.
    let arguments = ["run", "-q", "--suppressed", &suppressed];
    assert_eq!(code(&run(&arguments, RECORD.as_bytes())), 0);
    assert_eq!(fs::read_to_string(&suppressed).unwrap(), "precious");

    let arguments = ["run", "-q", "--suppressed", "-", "--mode", "filter"];
    assert_eq!(code(&run(&arguments, RECORD.as_bytes())), 2);
}

//! The real program: arguments and bytes in, bytes and exit code out.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
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

#[test]
fn a_reader_who_has_enough_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.ndjson");
    fs::write(&path, format!("{RECORD}\n").repeat(50_000)).unwrap();
    let mut child: Child = program(&["run", &path.display().to_string()])
        .spawn()
        .unwrap();
    let mut some = [0; 100];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut some).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), stderr(&output)), (0, String::new()));
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
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.ndjson.gz").display().to_string();
    fs::write(&path, b"\x1f\x8b\x08\x00\x00\n\xff\xfe").unwrap();
    for (arguments, input, said) in [
        (
            vec!["run", "-q"],
            "{}\nx\n",
            "none of 2 lines was a sign-in record",
        ),
        (vec!["run", "-q", &path], "", "is gzip; unpack it first"),
        (vec!["run", "-q"], "", ""),
    ] {
        let output = run(&arguments, input.as_bytes());
        assert_eq!(code(&output), 0, "{arguments:?}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
        assert_eq!(stderr(&output).is_empty(), said.is_empty());
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

//! `kill -9` anywhere, disks that are full, files that are damaged: what stands on the disk afterwards, and that the next
//! run goes on from it.
//!
//! `KILLS=200 cargo test --test killed -- --nocapture` kills so often, and says what it saw.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the bans are for the transform"
)]

mod common;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::bridge::{Downstream, Sender, Serve};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

/// How often a test kills.
fn kills() -> usize {
    let told = std::env::var("KILLS").ok();
    told.map_or(20, |kills| kills.parse().expect("KILLS is a number"))
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signin-triage"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// What it said, and its exit code.
fn ended(output: &Output) -> (String, Option<i32>) {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    (said, output.status.code())
}

/// The traffic of an invented tenant, in two files as large as some of the program's steps.
fn traffic(folder: &Path) -> [String; 2] {
    let whole = folder.join("whole").display().to_string();
    let users = [
        "demo", "--users", "60", "--days", "1", "--seed", "3", "--out", &whole,
    ];
    let output = program(&users).output().unwrap();
    assert_eq!(ended(&output).1, Some(0), "{}", ended(&output).0);
    let text = fs::read_to_string(&whole).unwrap();
    let middle = text.len() / 2;
    let middle = middle + text[middle..].find('\n').unwrap() + 1;
    let names = ["one", "two"].map(|name| folder.join(name).display().to_string());
    fs::write(&names[0], &text[..middle]).unwrap();
    // The last line of an input may lack its end.
    fs::write(&names[1], text[middle..].trim_end()).unwrap();
    names
}

struct Run {
    folder: tempfile::TempDir,
    inputs: [String; 2],
}

impl Run {
    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.at(name)).unwrap_or_default()
    }

    /// Filters and holds, so that lines are in four places: both outputs, waiting, and counted in roll-ups.
    fn command(&self, name: &str, more: &[&str]) -> Command {
        let [out, gone, state] =
            ["out", "gone", "state"].map(|what| self.at(&format!("{name}.{what}")));
        let mut command = program(&["run", "-q", "--mode", "filter", "--hold", "600"]);
        command.args(["--out", &out, "--suppressed", &gone, "--state", &state]);
        command.args(more).args(&self.inputs);
        command.stderr(Stdio::piped());
        command
    }

    fn resumed(&self) -> Child {
        let resume = ["--resume", "--save-secs", "0"];
        self.command("killed", &resume).spawn().unwrap()
    }
}

#[test]
fn a_run_that_is_killed_goes_on_as_if_nothing_had_happened() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = traffic(folder.path());
    let run = Run { folder, inputs };
    let output = run.command("whole", &[]).output().unwrap();
    assert_eq!(ended(&output), (String::new(), Some(0)));
    let (out, gone) = (run.read("whole.out"), run.read("whole.gone"));
    assert!(!out.is_empty() && !gone.is_empty());
    // The last line lacks its end, so what is saved is what was before it: the next run does it again.
    let second = fs::read_to_string(&run.inputs[1]).unwrap();
    let last = second.rfind('\n').unwrap() + 1;
    fs::write(&run.inputs[1], &second[..last]).unwrap();
    let output = run.command("before", &[]).output().unwrap();
    assert_eq!(ended(&output), (String::new(), Some(0)));
    fs::write(&run.inputs[1], second).unwrap();

    // How long it takes undisturbed, so that the kills are spread over all of it.
    let took = {
        let began = Instant::now();
        assert!(run.resumed().wait().unwrap().success());
        began.elapsed()
    };
    let clear = || {
        for name in ["out", "gone", "state", "state.previous"] {
            let _ = fs::remove_file(run.at(&format!("killed.{name}")));
        }
    };
    let mut rng = StdRng::seed_from_u64(9);
    let (mut killed, mut rounds, mut resumed, mut half) = (0, 0, 0, 0);
    clear();
    loop {
        let mut child = run.resumed();
        if killed < kills() {
            thread::sleep(took.mul_f64(rng.random_range(0.0..1.0)));
            child.kill().unwrap();
        }
        let output = child.wait_with_output().unwrap();
        let (said, code) = ended(&output);
        // What stands there is what would have been written anyway, as far as it goes; perhaps not to the end of a line.
        let now = run.read("killed.out");
        assert!(out.starts_with(&now), "after {killed} kills");
        assert!(
            gone.starts_with(&run.read("killed.gone")),
            "after {killed} kills"
        );
        if let Some(code) = code {
            assert_eq!((code, &*said), (0, ""));
            assert!(
                now == out && run.read("killed.gone") == gone,
                "round {rounds}"
            );
            let state = |name: &str| {
                let text = String::from_utf8(run.read(name)).unwrap();
                text[text.find("signin-triage-state ").unwrap()..].to_owned()
            };
            assert!(
                state("killed.state") == state("before.state"),
                "round {rounds}"
            );
            // The same once more gives the same.
            assert!(run.resumed().wait().unwrap().success());
            assert!(run.read("killed.out") == out && run.read("killed.gone") == gone);
            // And nothing lies about but what is meant to.
            let names = fs::read_dir(run.folder.path()).unwrap();
            let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
            let litter = |name: &&OsString| {
                name.to_string_lossy().starts_with('.') || name.to_string_lossy().ends_with(".next")
            };
            assert_eq!(names.iter().find(litter), None);
            rounds += 1;
            if killed >= kills() {
                break;
            }
            clear();
        } else {
            killed += 1;
            resumed += usize::from(run.folder.path().join("killed.state").exists());
            half += usize::from(now.last().is_some_and(|last| *last != b'\n'));
        }
    }
    let lines = |text: &[u8]| text.split_inclusive(|byte| *byte == b'\n').count();
    println!(
        "run: {killed} kills, {resumed} with a state to go on from, {half} in the middle of a line; {rounds} rounds of {} \
         lines came to {} kept and {} suppressed each, byte for byte, none twice",
        lines(&fs::read(&run.inputs[0]).unwrap()) + lines(&fs::read(&run.inputs[1]).unwrap()),
        lines(&out),
        lines(&gone)
    );
}

/// A record of a user of its own, with a number.
fn records(ids: std::ops::Range<u32>) -> String {
    let record = |id: u32| {
        format!(
            concat!(
                r#"{{"id":"{0:08x}","createdDateTime":"2026-03-10T08:{1:02}:{2:02}Z","userPrincipalName":"user{3}@contoso.example","#,
                r#""ipAddress":"192.0.2.{4}","correlationId":"c{0}","deviceDetail":{{"isCompliant":true}},"status":{{"errorCode":50140}}}}"#,
                "\n"
            ),
            id,
            id / 60 % 60,
            id % 60,
            id % 500,
            id % 200
        )
    };
    ids.map(record).collect()
}

/// How many times each record has arrived, by its number.
#[derive(Default)]
struct Arrived {
    times: BTreeMap<u32, u32>,
    rollups: u64,
}

impl Arrived {
    /// Each line has to be whole.
    fn add(&mut self, lines: &str) {
        for line in lines.lines() {
            let value: Value = serde_json::from_str(line).expect("a whole line");
            if value.get("signin_triage_rollup").is_some() {
                self.rollups += 1;
                continue;
            }
            assert!(value["signin_triage"].is_object(), "{line}");
            let id = u32::from_str_radix(value["id"].as_str().unwrap(), 16).unwrap();
            *self.times.entry(id).or_default() += 1;
        }
    }
}

#[test]
fn a_bridge_that_is_killed_loses_nothing_that_it_acknowledged() {
    const BODY: u32 = 25;
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (state, noise) = (at("state"), at("noise"));
    let arguments = [
        "-q",
        "--state",
        &state,
        "--save-secs",
        "1",
        "--mode",
        "filter",
        "--suppressed",
        &noise,
    ];
    let mut rng = StdRng::seed_from_u64(10);
    let (mut next, mut again, mut killed, mut with_state) = (0, 0, 0, 0);
    let mut arrived = Arrived::default();
    while killed < kills() {
        with_state += usize::from(Path::new(&state).exists());
        let serve = Serve::start(&downstream.url, &arguments);
        let url = serve.url.clone();
        let lives = Duration::from_millis(rng.random_range(0..2000));
        let stopper = thread::spawn(move || {
            thread::sleep(lives);
            serve.kill();
        });
        // The sender sends until it is answered.
        while sender.post(&url, records(next..next + BODY)).0 == 200 {
            next += BODY;
            thread::sleep(Duration::from_millis(5));
        }
        again += 1;
        stopper.join().unwrap();
        killed += 1;
        arrived.add(&downstream.accepted());
    }
    let serve = Serve::start(&downstream.url, &arguments);
    assert_eq!(sender.post(&serve.url, records(next..next + BODY)).0, 200);
    next += BODY;
    let (said, ended) = serve.stop();
    assert!(ended.success(), "{said}");
    arrived.add(&downstream.accepted());
    arrived.add(&fs::read_to_string(noise).unwrap());
    let missing = (0..next).filter(|id| !arrived.times.contains_key(id));
    assert_eq!(missing.count(), 0);
    let twice = arrived.times.values().filter(|times| **times > 1).count();
    println!(
        "serve: {killed} kills, {with_state} begun with a state; {next} records acknowledged, {} of them arrived, {twice} more than once \
         ({again} requests were sent again), {} roll-ups",
        arrived.times.len(),
        arrived.rollups
    );
    // What was acknowledged is not sent again; of what was not, one request each time.
    assert!(twice <= killed * BODY as usize);
}

#[test]
fn a_state_that_is_damaged_costs_what_was_learnt_since_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let state = at("state");
    fs::write(at("one"), records(0..10)).unwrap();
    let run = |input: &str| {
        let output = program(&["run", "-q", "--state", &state, input])
            .output()
            .unwrap();
        let (said, code) = ended(&output);
        (String::from_utf8(output.stdout).unwrap(), said, code)
    };
    let fresh = run(&at("one")).0;
    let known = run(&at("one")).0;
    assert_ne!(fresh, known);
    for damage in ["", "nonsense", "signin-triage-file 1 7 00\n"] {
        fs::write(&state, damage).unwrap();
        let (out, said, code) = run(&at("one"));
        assert_eq!((out == known, code), (true, Some(0)), "{said}");
        assert!(said.contains("state.previous is taken instead"), "{said}");
    }
    // It was moved away: begun anew, and said that there is one.
    fs::remove_file(&state).unwrap();
    let (out, said, code) = run(&at("one"));
    assert_eq!((out == fresh, code), (true, Some(0)), "{said}");
    assert!(
        said.contains("state.previous is, and can be moved into its place"),
        "{said}"
    );
    // Neither is whole.
    for name in [&state, &at("state.previous")] {
        fs::write(name, "nonsense").unwrap();
    }
    let (out, said, code) = run(&at("one"));
    assert_eq!((&*out, code), ("", Some(1)), "{said}");
    assert_eq!(fs::read_to_string(&state).unwrap(), "nonsense");
}

#[test]
fn a_state_belongs_to_one_program_until_it_dies() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").display().to_string();
    let mut first = program(&["run", "-q", "--state", &state]);
    let mut first = first
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = first.stdin.take().unwrap();
    stdin.write_all(records(0..1).as_bytes()).unwrap();
    // It has begun once a record comes out.
    let mut byte = [0];
    std::io::Read::read_exact(first.stdout.as_mut().unwrap(), &mut byte).unwrap();
    let second = || {
        program(&["run", "-q", "--state", &state, "/dev/null"])
            .output()
            .unwrap()
    };
    let (said, code) = ended(&second());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("another program has this state"), "{said}");
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(ended(&second()), (String::new(), Some(0)));
}

/// Resumes only where it is certain that it can.
#[test]
fn another_input_or_a_shorter_output_is_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (input, out, state) = (at("in"), at("out"), at("state"));
    let run = |more: &[&str]| {
        let mut command = program(&["run", "-q", "--resume", "--state", &state, "--out", &out]);
        ended(&command.args(more).output().unwrap())
    };
    fs::write(&input, records(0..20)).unwrap();
    assert_eq!(run(&[&input]), (String::new(), Some(0)));
    let first = fs::read_to_string(&out).unwrap();
    assert_eq!(first.lines().count(), 20);
    // It has grown: the new lines are added.
    fs::write(&input, records(0..30)).unwrap();
    assert_eq!(run(&[&input]), (String::new(), Some(0)));
    let grown = fs::read_to_string(&out).unwrap();
    assert!(grown.starts_with(&first) && grown.lines().count() == 30);
    // What somebody else added to the output is not ours.
    fs::write(&out, grown.clone() + "{\"half").unwrap();
    assert_eq!(run(&[&input]), (String::new(), Some(0)));
    assert_eq!(fs::read_to_string(&out).unwrap(), grown);
    for (text, said) in [
        (records(0..25), "shorter than what the state covers"),
        (records(7..50), "not the one that was begun"),
    ] {
        fs::write(&input, text).unwrap();
        let (problem, code) = run(&[&input]);
        assert_eq!(code, Some(1), "{problem}");
        assert!(problem.contains(said), "{problem}");
        assert_eq!(fs::read_to_string(&out).unwrap(), grown);
    }
    fs::write(&input, records(0..30)).unwrap();
    fs::write(&out, &grown[..100]).unwrap();
    let (problem, code) = run(&[&input]);
    assert_eq!(code, Some(1));
    assert!(
        problem.contains("has 100 bytes, and the state covers"),
        "{problem}"
    );
    assert_eq!(fs::read_to_string(&out).unwrap(), grown[..100]);
    fs::write(&out, &grown).unwrap();
    let stdout = ended(
        &program(&["run", "--resume", "--state", &state, "--out", "-"])
            .output()
            .unwrap(),
    );
    assert_eq!(stdout.1, Some(1), "{}", stdout.0);
}

/// What `--resume` leaves, beside what a run that was never disturbed makes of the same.
struct Resumed {
    folder: tempfile::TempDir,
}

impl Resumed {
    fn new() -> Resumed {
        let folder = tempfile::tempdir().unwrap();
        Resumed { folder }
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(name)).unwrap_or_default()
    }

    /// Holds, so that what waits is in the state.
    fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let names = ["out", "gone", "state"].map(|what| format!("{name}.{what}"));
        let mut command = program(&["run", "-q", "--hold", "600", "--mode", "filter"]);
        command.args(["--out", &names[0], "--suppressed", &names[1]]);
        command.args(["--state", &names[2]]).args(arguments);
        command.current_dir(self.folder.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> (String, Option<i32>) {
        let mut command = self.command("resumed", &["--resume"]);
        ended(&command.args(arguments).output().unwrap())
    }

    fn piped(&self, text: &str, arguments: &[&str]) -> (String, Option<i32>) {
        self.write("pipe", text);
        let mut command = self.command("resumed", &["--resume"]);
        let stdin = fs::File::open(self.folder.path().join("pipe")).unwrap();
        // A pipe in between, which cannot be read twice.
        let mut cat = Command::new("cat")
            .stdin(stdin)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        command.args(arguments).stdin(cat.stdout.take().unwrap());
        let output = command.output().unwrap();
        // Its end of the pipe, or what is not read is waited for.
        drop(command);
        cat.wait().unwrap();
        ended(&output)
    }

    /// The outputs so far.
    fn left(&self) -> [Vec<u8>; 2] {
        ["resumed.out", "resumed.gone"].map(|name| self.read(name))
    }

    /// Whether the outputs are those of one run over these inputs.
    fn assert_as_undisturbed(&self, inputs: &[&str]) {
        let (said, code) = ended(&self.command("whole", inputs).output().unwrap());
        assert_eq!(code, Some(0), "{said}");
        for name in ["out", "gone"] {
            let whole = self.read(&format!("whole.{name}"));
            let resumed = self.read(&format!("resumed.{name}"));
            assert_eq!(
                String::from_utf8_lossy(&resumed),
                String::from_utf8_lossy(&whole)
            );
        }
        fs::remove_file(self.folder.path().join("whole.state")).unwrap();
    }
}

/// What is refused says what to do.
fn assert_refused(ended: (String, Option<i32>), parts: &[&str]) {
    let (said, code) = ended;
    assert_eq!(code, Some(1), "{said}");
    for part in parts
        .iter()
        .chain(&["leave --resume out", "give another --state"])
    {
        assert!(said.contains(part), "{part:?} in {said}");
    }
}

#[test]
fn inputs_that_are_added_are_gone_on_with_and_another_run_is_refused() {
    let run = Resumed::new();
    for (day, ids) in [("d1", 0..300), ("d2", 300..600), ("d3", 600..900)] {
        run.write(day, records(ids));
    }
    let fine = (String::new(), Some(0));
    assert_eq!(run.run(&["d1", "d2"]), fine);
    assert_eq!(run.run(&["d1", "d2", "d3"]), fine);
    run.assert_as_undisturbed(&["d1", "d2", "d3"]);
    // As a glob of dated files grows, and the last of them.
    run.write("d3", records(600..950));
    run.write("d4", records(950..1000));
    assert_eq!(run.run(&["d?"]), fine);
    run.assert_as_undisturbed(&["d?"]);

    let left = run.left();
    let state = run.read("resumed.state");
    let refused: [(&[&str], &[&str]); 4] = [
        (
            &["d2", "d3", "d4"],
            &["read d1 as input 1; this one reads d2 there"],
        ),
        (
            &["d1", "d2", "d3"],
            &["read d4 as input 4; this one has only 3"],
        ),
        (
            &["d?", "--out", "other"],
            &[
                "filters to resumed.out and",
                "this one filters to other and",
            ],
        ),
        (
            &["d?", "--mode", "annotate"],
            &["filters to resumed.out", "annotates to resumed.out"],
        ),
    ];
    for (arguments, parts) in refused {
        let mut command = program(&["run", "-q", "--resume", "--hold", "600"]);
        let named = |option: &str| arguments.contains(&option);
        for (option, value) in [
            ("--mode", "filter"),
            ("--out", "resumed.out"),
            ("--suppressed", "resumed.gone"),
            ("--state", "resumed.state"),
        ] {
            if !named(option) {
                command.args([option, value]);
            }
        }
        command.args(arguments).current_dir(run.folder.path());
        assert_refused(ended(&command.output().unwrap()), parts);
        assert!(run.left() == left && run.read("resumed.state") == state);
        assert!(run.read("other").is_empty());
    }
    // One that was passed by has grown where nobody looks.
    run.write("d1", records(0..301));
    let grown = "d1: has grown after the input behind it";
    assert_refused(run.run(&["d?"]), &[grown]);
    assert!(run.left() == left && run.read("resumed.state") == state);
    run.write("d1", records(0..300));
    assert_eq!(run.run(&["d?"]), fine);
    assert!(run.left() == left);
}

#[test]
fn an_input_that_failed_is_come_back_to() {
    let pack = |text: &str| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap()
    };
    let packed = pack(&records(0..30_000));
    let half = &packed[..packed.len() / 2];
    // Not there, and still being copied.
    for (before, after) in [
        (None, records(0..50).into_bytes()),
        (Some(half), packed.clone()),
    ] {
        let run = Resumed::new();
        run.write("first", records(40_000..40_010));
        run.write("last", records(50_000..50_010));
        if let Some(half) = before {
            run.write("failing", half);
        }
        let inputs = ["first", "failing", "last"];
        for _ in 0..2 {
            let (said, code) = run.run(&inputs);
            assert_eq!(code, Some(1));
            assert!(said.starts_with("failing: "), "{said}");
        }
        let lines = |name| String::from_utf8(run.read(name)).unwrap();
        assert!(
            !lines("resumed.out").contains(r#""id":"0000c350""#),
            "the last was read"
        );
        run.write("failing", after);
        assert_eq!(run.run(&inputs), (String::new(), Some(0)));
        run.assert_as_undisturbed(&inputs);
    }
    // What is to be let go at the end waits until there is one.
    let run = Resumed::new();
    let drained = ["first", "failing", "--drain"];
    run.write("first", records(0..10));
    assert_eq!(run.run(&drained).1, Some(1));
    run.write("failing", records(10..20));
    assert_eq!(run.run(&drained), (String::new(), Some(0)));
    run.assert_as_undisturbed(&drained);
    // A pattern without a match is not there either.
    let run = Resumed::new();
    run.write("first", records(0..10));
    let (said, code) = run.run(&["first", "later*"]);
    assert_eq!((&*said, code), ("later*: no file matches\n", Some(1)));
    assert!(run.left().concat().is_empty());
}

#[test]
fn a_record_that_is_half_written_is_done_again_whole() {
    let text = records(0..40);
    let bytes = text.as_bytes();
    let last = text.trim_end().rfind('\n').unwrap() + 1;
    let fine = (String::new(), Some(0));
    let done = {
        let run = Resumed::new();
        run.write("in", bytes);
        assert_eq!(run.run(&["in"]), fine);
        run.left()
    };
    // Within the first line, within the last, and all but its end.
    for cut in [60, last + 60, bytes.len() - 1] {
        let run = Resumed::new();
        run.write("in", &bytes[..cut]);
        assert_eq!(run.run(&["in"]), fine);
        // It leaves all the same, should nothing more come.
        run.assert_as_undisturbed(&["in"]);
        let left = run.left();
        assert_eq!(run.run(&["in"]), fine);
        assert!(run.left() == left, "{cut}");
        run.write("in", bytes);
        assert_eq!(run.run(&["in"]), fine);
        assert!(run.left() == done, "{cut}");
    }
    // The same with another input behind it, in which there is nothing yet.
    let run = Resumed::new();
    run.write("in", &bytes[..last + 60]);
    run.write("next", "");
    for text in [&bytes[..last + 60], bytes] {
        run.write("in", text);
        assert_eq!(run.run(&["in", "next"]), fine);
    }
    assert!(run.left() == done);
    // Where that has begun, what is there is all; and that one may itself be half.
    let run = Resumed::new();
    run.write("in", &bytes[..last + 60]);
    for next in [&text[..60], &text] {
        run.write("next", next);
        assert_eq!(run.run(&["in", "next"]), fine);
        run.assert_as_undisturbed(&["in", "next"]);
    }
    // Neither text, nor of a length that anybody reads.
    for line in [vec![0xff; 300], vec![b'x'; 10 << 20]] {
        let run = Resumed::new();
        let whole = [bytes, &line, b"\n", bytes].concat();
        for text in [&whole[..bytes.len() + line.len() / 2], &whole] {
            run.write("in", text);
            assert_eq!(run.run(&["in"]), fine);
        }
        run.assert_as_undisturbed(&["in"]);
    }
}

#[test]
fn standard_input_is_gone_on_with_only_where_it_begins_as_it_did() {
    let fine = (String::new(), Some(0));
    // Shorter than what is looked at, and longer.
    for lines in [3, 500] {
        let run = Resumed::new();
        assert_eq!(run.piped(&records(0..lines), &[]), fine);
        assert_eq!(run.piped(&records(0..lines + 50), &[]), fine);
        run.write("in", records(0..lines + 50));
        run.assert_as_undisturbed(&["in"]);
        // What stands behind what is covered stays as well: nobody could make it again.
        let [out, gone] = run.left();
        let more = [&out[..], b"and half a li"].concat();
        run.write("resumed.out", &more);
        for (text, part) in [
            (records(1000..3000), "not the one that was begun"),
            (records(0..lines), "shorter than what the state covers"),
        ] {
            assert_refused(run.piped(&text, &[]), &["standard input: ", part]);
            assert!(run.left() == [more.clone(), gone.clone()]);
        }
    }
    // Behind a file, and before one.
    let run = Resumed::new();
    run.write("file", records(0..10));
    let behind = ["file", "-"];
    assert_eq!(run.piped(&records(10..300), &behind), fine);
    assert_refused(run.piped(&records(20..310), &behind), &["not the one"]);
    let run = Resumed::new();
    run.write("file", records(300..310));
    let before = ["-", "file"];
    for _ in 0..2 {
        assert_eq!(run.piped(&records(0..300), &before), fine);
    }
    assert_refused(run.piped(&records(0..301), &before), &["has grown"]);
}

/// Taken away again, whatever fails.
struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

/// Needs to be root for a file system of its own; says so where it is not.
#[test]
fn a_disk_that_is_full_or_read_only_is_said_and_what_was_written_stays() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mount = |options: &str| {
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&disk);
        command.output().is_ok_and(|output| output.status.success())
    };
    if !mount("size=2m") {
        eprintln!("skipped: no file system can be mounted here");
        return;
    }
    let _mounted = Mounted(&disk);
    let at = |name: &str| folder.path().join(name).display().to_string();
    let on_disk = |name: &str| disk.join(name).display().to_string();
    let input = at("in");
    fs::write(&input, records(0..8000)).unwrap();
    let run = |more: &[&str]| {
        let mut command = program(&["run", "-q", &input]);
        ended(&command.args(more).stdout(Stdio::null()).output().unwrap())
    };

    // The output: what fits is there, as it would have been, and the state is the one of before.
    let (state, out) = (at("state"), on_disk("out"));
    assert_eq!(run(&["--out", &at("whole")]), (String::new(), Some(0)));
    let whole = fs::read(at("whole")).unwrap();
    let (said, code) = run(&["--out", &out, "--state", &state]);
    assert_eq!(code, Some(1));
    assert!(said.contains("disk/out: No space left"), "{said}");
    assert!(!Path::new(&state).exists());
    let there = fs::read(&out).unwrap();
    assert!(!there.is_empty() && whole.starts_with(&there));
    fs::remove_file(&out).unwrap();

    // The state: the records are all there, and so is the state of before.
    fs::write(at("few"), records(0..3)).unwrap();
    let state = on_disk("state");
    assert_eq!(run(&["--state", &state, "--out", &at("small")]).1, Some(0));
    let before = fs::read(&state).unwrap();
    let fill = vec![b'x'; 4 << 20];
    let _ = fs::File::create(disk.join("fill")).unwrap().write(&fill);
    let (said, code) = run(&["--state", &state, "--out", &at("again")]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("disk/state: No space left"), "{said}");
    assert_eq!(fs::read(&state).unwrap(), before);
    assert_eq!(
        fs::read_to_string(at("again")).unwrap().lines().count(),
        8000
    );

    // Read only: nothing is begun.
    assert!(mount("remount,ro"));
    for option in ["--state", "--out", "--dead-letter"] {
        let (said, code) = run(&[option, &on_disk("new")]);
        assert_eq!(code, Some(1), "{option}: {said}");
        // Of a state it is its lock that cannot be made.
        let named =
            said.contains("disk/new: Read-only") || said.contains("disk/new.lock: Read-only");
        assert!(named, "{option}: {said}");
    }
    assert_eq!(fs::read(&state).unwrap(), before);
}

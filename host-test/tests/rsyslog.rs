//! The example for rsyslog, run by the real daemon: each record has its own enrichment, whatever happens to the plugin.
//!
//! Where there is no rsyslogd that is said, and nothing is tested.

#[path = "common/caller.rs"]
mod caller;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use caller::{lines_of, output_of, traffic, wait_until};
use serde_json::Value;

/// The daemon, if this machine has it; it is often not on the path of a user.
fn rsyslogd() -> Option<PathBuf> {
    #[allow(
        clippy::disallowed_methods,
        reason = "a test may look where programs are; the ban is for the transform"
    )]
    let path = std::env::var("PATH").unwrap_or_default();
    let found = path
        .split(':')
        .chain(["/usr/sbin", "/sbin"])
        .map(|folder| Path::new(folder).join("rsyslogd"))
        .find(|program| program.is_file());
    if found.is_none() {
        // Not by a macro: what a test prints is shown only when it fails.
        let said = io::stderr().write_all(b"skipped: rsyslogd is not on the path\n");
        drop(said);
    }
    found
}

/// The daemon with the example's configuration, but for its places.
struct Daemon {
    folder: tempfile::TempDir,
    process: Child,
}

impl Daemon {
    fn start(program: &Path, configuration: &str) -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        for name in ["entra", "signins", "spool", "state"] {
            fs::create_dir(at(name)).unwrap();
        }
        let mut text = configuration.to_owned();
        for (from, to) in [
            (
                "/usr/local/bin/signin-triage",
                env!("CARGO_BIN_EXE_signin-triage"),
            ),
            ("/var/spool/rsyslog", &at("spool")),
            ("/var/lib/signin-triage", &at("state")),
            ("/var/log/entra", &at("entra")),
            ("/var/log/signins", &at("signins")),
            ("/var/log/signin-triage.log", &at("log")),
        ] {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        fs::write(at("rsyslog.conf"), text).unwrap();
        let process = Command::new(program)
            .args(["-n", "-f", &at("rsyslog.conf"), "-i", &at("pid")])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Daemon { folder, process }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// More lines in the file that is followed.
    fn append(&self, lines: &[Vec<u8>]) {
        let path = self.at("entra/signins.ndjson");
        let mut file = OpenOptions::new().create(true).append(true).open(path);
        file.as_mut().unwrap().write_all(&lines.concat()).unwrap();
    }

    /// What has been written so far.
    fn written(&self) -> Written {
        let read = |name| lines_of(&fs::read(self.at(name)).unwrap_or_default());
        Written {
            kept: read("signins/kept.ndjson"),
            noise: read("signins/noise.ndjson"),
        }
    }

    /// Waits until so many lines have been written.
    fn wait_for(&self, lines: usize) {
        wait_until(|| match self.written().count() {
            written if written >= lines => Ok(()),
            written => Err(format!(
                "{written} of {lines} lines are written; plugins: {:?}",
                self.plugins()
            )),
        });
    }

    /// The plugins that are running, by process id.
    fn plugins(&self) -> Vec<String> {
        let parent = self.process.id().to_string();
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        processes
            .map(|process| process.file_name().into_string().unwrap())
            .filter(|id| {
                // 42 (signin-triage) S 41 …
                let about = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
                let (name, rest) = about.rsplit_once(')').unwrap_or_default();
                let mut rest = rest.split_whitespace();
                let alive = rest.next().is_some_and(|state| state != "Z");
                alive && name.ends_with("(signin-triage") && rest.next() == Some(&parent)
            })
            .collect()
    }

    /// Ends the daemon, and gives what was written.
    fn stop(mut self) -> Written {
        let stopped = kill("TERM", &self.process.id().to_string());
        assert!(stopped && self.process.wait().unwrap().success());
        // The plugin ends a little later, when it has saved.
        let state = self.at("state/rsyslog.state");
        wait_until(|| {
            let there = state.exists().then_some(());
            there.ok_or_else(|| "no state was saved".to_owned())
        });
        self.written()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // After a test that failed. The plugin ends with it.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn kill(signal: &str, id: &str) -> bool {
    let status = Command::new("kill").args(["-s", signal, id]).status();
    status.unwrap().success()
}

/// The lines of the two files that the example writes.
struct Written {
    kept: Vec<Vec<u8>>,
    noise: Vec<Vec<u8>>,
}

impl Written {
    fn count(&self) -> usize {
        self.kept.len() + self.noise.len()
    }
}

/// Lines as rsyslog can be given them: it leaves out those that are empty.
fn lines() -> Vec<Vec<u8>> {
    let mut lines = traffic(70);
    lines.retain(|line| line != b"\n");
    // Far more than a pipe holds, and than rsyslog takes unless told.
    let last: Value = serde_json::from_slice(lines.last().unwrap()).unwrap();
    let mut large = last;
    large["properties"]["userAgent"] = "x".repeat(256_000).into();
    lines.push(format!("{large}\n").into_bytes());
    assert!(lines.len() > 3_000);
    lines
}

fn run(lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    lines_of(&output_of(&["run", "--quiet"], &lines.concat()))
}

/// The member that was added.
fn member(line: &[u8]) -> Option<Value> {
    let record: Value = serde_json::from_slice(line).ok()?;
    record.get("signin_triage").cloned()
}

fn is_noise(line: &[u8]) -> bool {
    member(line).is_some_and(|member| member["noise"]["suppress"] == true)
}

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/rsyslog");

fn example(name: &str) -> String {
    fs::read_to_string(Path::new(EXAMPLE).join(name)).unwrap()
}

#[test]
fn each_record_has_its_own_enrichment() {
    let Some(program) = rsyslogd() else { return };
    let lines = lines();
    let (noise, kept): (Vec<_>, Vec<_>) = run(&lines).into_iter().partition(|line| is_noise(line));
    let daemon = Daemon::start(&program, &example("rsyslog.conf"));
    daemon.append(&lines);
    daemon.wait_for(lines.len());
    let written = daemon.stop();
    assert!(written.kept == kept && written.noise == noise);
    assert!(noise.len() > 500, "{}", noise.len());
}

#[test]
fn records_over_tcp_too() {
    let Some(program) = rsyslogd() else { return };
    let mut lines = lines();
    lines.retain(|line| str::from_utf8(line).is_ok() && !line.ends_with(b"\r\n"));
    for line in lines.iter_mut().step_by(5).filter(|line| line[0] == b'{') {
        line.splice(1..1, *b"\t");
    }
    let (noise, kept): (Vec<_>, Vec<_>) = run(&lines).into_iter().partition(|line| is_noise(line));
    // Free now, and most likely still so in a moment.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let tcp = example("tcp.conf").replace("10514", &port.to_string());
    let daemon = Daemon::start(&program, &(example("rsyslog.conf") + &tcp));
    let mut stream = None;
    wait_until(|| {
        let connected = TcpStream::connect(("127.0.0.1", port));
        stream = Some(connected.map_err(|error| error.to_string())?);
        Ok(())
    });
    let mut stream = stream.unwrap();
    for line in &lines {
        let record = line.strip_suffix(b"\n").unwrap();
        let header = b"<134>1 2026-03-10T08:00:00Z host entra - - - ";
        let length = (header.len() + record.len()).to_string();
        let message = [length.as_bytes(), b" ", header, record].concat();
        stream.write_all(&message).unwrap();
    }
    daemon.wait_for(lines.len());
    let written = daemon.stop();
    assert!(written.kept == kept && written.noise == noise);
}

/// What the record alone decides: the same, however much a plugin that was killed has forgotten.
fn own(member: &Value) -> Vec<&Value> {
    let names = [
        "version",
        "status",
        "code",
        "cause",
        "first_factor",
        "stopped_by",
    ];
    names.iter().map(|name| &member[name]).collect()
}

#[test]
fn a_plugin_that_is_killed_costs_labels_never_records() {
    let Some(program) = rsyslogd() else { return };
    let lines = lines();
    let expected = run(&lines);
    let daemon = Daemon::start(&program, &example("rsyslog.conf"));
    let (first, last) = lines.split_at(lines.len() * 9 / 10);
    daemon.append(first);
    let mut killed = 0;
    for step in 1..=15 {
        daemon.wait_for(lines.len() * step / 20);
        for plugin in daemon.plugins() {
            let killed_one = kill("KILL", &plugin);
            let in_between = daemon.written().count() < first.len();
            killed += usize::from(killed_one && in_between);
        }
    }
    daemon.wait_for(first.len());
    // A plugin may have been killed after it had the last line that there was, and the next one starts with a line.
    daemon.append(last);
    daemon.wait_for(lines.len());
    let Written { kept, noise } = daemon.stop();
    assert!(killed > 2, "{killed}");

    // Each line is the next of one of the files, as it came or with what is its own.
    let (mut kept, mut noise) = (kept.iter().peekable(), noise.iter().peekable());
    let (mut enriched, mut bare) = (0, 0);
    for (line, expected) in lines.iter().zip(&expected) {
        let is_its_own = |written: &&Vec<u8>| *written == line || same_record(written, expected);
        let suppressed = noise.next_if(is_its_own);
        let written = suppressed.or_else(|| kept.next_if(is_its_own));
        let written = written.unwrap_or_else(|| panic!("lost: {}", String::from_utf8_lossy(line)));
        assert_eq!(is_noise(written), suppressed.is_some());
        if line != expected {
            enriched += usize::from(written != line);
            bare += usize::from(written == line);
        }
    }
    assert_eq!((kept.next(), noise.next()), (None, None));
    let said =
        format!("{killed} plugins killed: {enriched} records enriched, {bare} as they came\n");
    drop(io::stderr().write_all(said.as_bytes()));
    assert!(bare * 10 < enriched, "{said}");
}

/// Whether both are the same line with what is its own, whatever each took from memory.
fn same_record(one: &[u8], other: &[u8]) -> bool {
    let (Ok(mut one), Ok(mut other)) = (
        serde_json::from_slice::<Value>(one),
        serde_json::from_slice::<Value>(other),
    ) else {
        return false;
    };
    let records = |line: &mut Value| {
        let members = match line["records"].as_array_mut() {
            Some(records) => records.iter_mut().collect(),
            None => vec![line],
        };
        let take = |record: &mut Value| record.as_object_mut()?.remove("signin_triage");
        members.into_iter().map(take).collect::<Vec<_>>()
    };
    let (members, others) = (records(&mut one), records(&mut other));
    let same = |(one, other): (&Option<Value>, &Option<Value>)| match (one, other) {
        (Some(one), Some(other)) => own(one) == own(other),
        _ => one == other,
    };
    one == other && members.len() == others.len() && members.iter().zip(&others).all(same)
}

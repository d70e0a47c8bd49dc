//! The traffic of an invented tenant through `serve` at full speed, while its neighbours fail in every way, and it is stopped and
//! killed: what is acknowledged has arrived as it was sent, the counts add up, and memory stays flat.
//!
//! `SOAK_SECS=3600 cargo test --test soak -- --nocapture` goes on for an hour, and says what it saw. With `SOAK_KILLS=0` nothing
//! is killed: then roll-ups stand for every record that was suppressed, but for those that a downstream will not have.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the bans are for the transform"
)]

mod common;

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::bridge::{Sender, Serve};
use common::faulty::{Fault, Faulty};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

/// Connections that send at once.
const SENDERS: u64 = 6;

/// Lines of a request.
const LINES: usize = 250;

/// One request of so many meets a fault of the downstream, of the second output, and of its own sender.
const DOWNSTREAM_FAULT: u32 = 40;
const SECOND_FAULT: u32 = 80;
const SENDER_FAULT: u32 = 50;

/// Between two things that happen to a whole program.
const CALM: Duration = Duration::from_secs(5);

fn secs() -> u64 {
    let told = std::env::var("SOAK_SECS").ok();
    told.map_or(20, |secs| secs.parse().expect("SOAK_SECS is a number"))
}

/// Lines, each with its number, which stands in it.
type Batch = Vec<(u64, String)>;

/// One line that arrived.
struct Arrival {
    /// Of what it was before our member was put into it.
    hash: u64,
    suppressed: bool,
}

/// What the two downstreams have said that they took.
#[derive(Default)]
struct Arrived {
    /// Of each line that its sender has not looked for yet.
    lines: Mutex<HashMap<u64, Vec<Arrival>>>,
    hasher: RandomState,
    kept: AtomicU64,
    suppressed: AtomicU64,
    unlabelled: AtomicU64,
    /// The records that each roll-up stands for, by its hash: like any line one may arrive twice.
    rollups: Mutex<HashMap<u64, u64>>,
}

impl Arrived {
    fn take(&self, path: &str, body: &[u8], fault: Fault) {
        if !fault.accepts() {
            return;
        }
        let mut lines = self.lines.lock().unwrap();
        for line in body
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            if line.starts_with(b"{\"signin_triage_rollup\"") {
                let rollup: Value = serde_json::from_slice(line).expect("a whole roll-up");
                let count = rollup["signin_triage_rollup"]["count"].as_u64().unwrap();
                let hash = self.hasher.hash_one(line);
                self.rollups.lock().unwrap().insert(hash, count);
                continue;
            }
            let suppressed = path == "/noise";
            let to = if suppressed {
                &self.suppressed
            } else {
                &self.kept
            };
            to.fetch_add(1, Relaxed);
            let (line, member) = match memchr::memmem::rfind(line, b",\"signin_triage\":{") {
                Some(at) => ([&line[..at], b"}"].concat(), true),
                None => (line.to_vec(), false),
            };
            self.unlabelled.fetch_add(u64::from(!member), Relaxed);
            let number = number_of(&line).expect("a line that was sent");
            let hash = self.hasher.hash_one(&line[..]);
            lines
                .entry(number)
                .or_default()
                .push(Arrival { hash, suppressed });
        }
    }
}

const NUMBER: &[u8] = b"{\"soak\":";

fn number_of(line: &[u8]) -> Option<u64> {
    let digits = line.strip_prefix(NUMBER)?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

/// Writes the traffic of tenants, one after the other, in batches, until told to stop.
fn feed(to: &SyncSender<Batch>, stop: &AtomicBool) {
    let (mut number, mut batch) = (0, Batch::new());
    for seed in 1.. {
        let mut demo = Command::new(env!("CARGO_BIN_EXE_signin-triage"))
            .args(["demo", "--users", "2000", "--days", "365", "--twice", "5"])
            .args(["--seed", &seed.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for line in BufReader::new(demo.stdout.take().unwrap()).lines() {
            if stop.load(Relaxed) {
                break;
            }
            let line = line.unwrap();
            batch.push((number, format!("{{\"soak\":{number},{}\n", &line[1..])));
            number += 1;
            if batch.len() == LINES {
                to.send(std::mem::take(&mut batch)).unwrap();
            }
        }
        if stop.load(Relaxed) {
            demo.kill().unwrap();
            demo.wait().unwrap();
            return;
        }
        assert!(demo.wait().unwrap().success());
    }
}

/// What senders did, all together.
#[derive(Default)]
struct Sent {
    /// Lines that were acknowledged, and their bytes.
    lines: AtomicU64,
    bytes: AtomicU64,
    /// Requests by what was answered; 0 where nothing was.
    answers: Mutex<BTreeMap<u16, u64>>,
    broken_off: AtomicU64,
    slow: AtomicU64,
    /// Requests that were sent again though they had been acknowledged.
    repeated: AtomicU64,
    /// Lines that arrived more often than they were acknowledged.
    twice: AtomicU64,
    /// Lines that were suppressed, each as often as it was acknowledged.
    suppressed: AtomicU64,
}

/// Sends each batch until it is acknowledged, and then looks whether it has arrived.
fn send(nth: u64, batches: &Mutex<Receiver<Batch>>, address: &str, arrived: &Arrived, sent: &Sent) {
    let sender = Sender::new();
    let url = format!("http://{address}");
    let mut rng = StdRng::seed_from_u64(nth);
    loop {
        let next = batches.lock().unwrap().recv();
        let Ok(batch) = next else { return };
        let body: String = batch.iter().map(|(_, line)| &**line).collect();
        let (mut acknowledged, mut due) = (0, 1);
        while acknowledged < due {
            let status = match rng.random_range(0..SENDER_FAULT * 3) {
                0 => {
                    sent.broken_off.fetch_add(1, Relaxed);
                    let half = &body.as_bytes()[..rng.random_range(0..body.len())];
                    post_slowly(address, body.len(), half, 1)
                }
                1 => {
                    sent.slow.fetch_add(1, Relaxed);
                    post_slowly(address, body.len(), body.as_bytes(), 20)
                }
                _ => sender.post(&url, body.clone()).0,
            };
            *sent.answers.lock().unwrap().entry(status).or_default() += 1;
            if status == 200 {
                acknowledged += 1;
                sent.lines.fetch_add(batch.len() as u64, Relaxed);
                sent.bytes.fetch_add(body.len() as u64, Relaxed);
                if rng.random_range(0..SENDER_FAULT * 3) == 2 {
                    sent.repeated.fetch_add(1, Relaxed);
                    due += 1;
                }
            } else {
                thread::sleep(Duration::from_millis(50));
            }
        }
        let mut lines = arrived.lines.lock().unwrap();
        for (number, line) in &batch {
            let arrivals = lines.remove(number).unwrap_or_default();
            assert!(
                arrivals.len() >= acknowledged,
                "acknowledged and not arrived: {line}"
            );
            let hash = arrived.hasher.hash_one(line.trim_end().as_bytes());
            assert!(
                arrivals.iter().all(|one| one.hash == hash),
                "not as it was sent: {line}"
            );
            let suppressed = arrivals.iter().filter(|one| one.suppressed).count();
            let (twice, suppressed) = (arrivals.len() - acknowledged, suppressed.min(acknowledged));
            sent.twice.fetch_add(twice as u64, Relaxed);
            sent.suppressed.fetch_add(suppressed as u64, Relaxed);
        }
    }
}

/// Posts in so many pieces; the status, and 0 where none comes.
fn post_slowly(address: &str, length: usize, body: &[u8], pieces: usize) -> u16 {
    let post = || {
        let mut stream = TcpStream::connect(address)?;
        write!(
            stream,
            "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n"
        )?;
        for piece in body.chunks((body.len() / pieces).max(1)) {
            stream.write_all(piece)?;
            thread::sleep(Duration::from_millis(20));
        }
        let mut head = [0; 12];
        if body.len() == length {
            stream.read_exact(&mut head)?;
        }
        let status = str::from_utf8(&head[9..])
            .ok()
            .and_then(|text| text.parse().ok());
        Ok::<u16, std::io::Error>(status.unwrap_or(0))
    };
    post().unwrap_or(0)
}

/// What happens to whole programs, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Stopped,
    DownstreamGone,
    SecondGone,
    Killed,
}

/// A downstream that has a fault once in `one_in` requests.
fn faulty(sender: &Sender, one_in: u32, arrived: &Arc<Arrived>, faults: &Faults) -> Faulty {
    let rng = Mutex::new(StdRng::seed_from_u64(u64::from(one_in)));
    let faults = Arc::clone(faults);
    let decide = move || {
        let mut rng = rng.lock().unwrap();
        if rng.random_range(0..one_in) > 0 {
            return Fault::None;
        }
        let fault = Fault::ALL[rng.random_range(1..Fault::ALL.len())];
        *faults.lock().unwrap().entry(fault).or_default() += 1;
        fault
    };
    let arrived = Arc::clone(arrived);
    let take = move |path: &str, body: &[u8], fault| arrived.take(path, body, fault);
    Faulty::start(&sender.runtime, Arc::new(decide), Arc::new(take))
}

type Faults = Arc<Mutex<BTreeMap<Fault, u64>>>;

#[test]
fn an_hour_of_everything_loses_nothing_and_grows_nothing() {
    let sender = Sender::new();
    let (arrived, faults, sent) = (
        Arc::<Arrived>::default(),
        Faults::default(),
        Arc::<Sent>::default(),
    );
    let mut downstream = faulty(&sender, DOWNSTREAM_FAULT, &arrived, &faults);
    let mut second = faulty(&sender, SECOND_FAULT, &arrived, &faults);
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (state, letters) = (at("state"), at("letters"));
    let forward = format!("http://{}/in", downstream.address);
    let noise = format!("http://{}/noise", second.address);
    let arguments = [
        "--mode",
        "filter",
        "--suppressed",
        &noise,
        "--state",
        &state,
        "--save-secs",
        "5",
        "--forward-secs",
        "3",
        "--dead-letter",
        &letters,
    ];
    let mut serve = Serve::start(&forward, &arguments);
    let address = serve.address().to_owned();

    let stop = Arc::new(AtomicBool::new(false));
    let (to, batches) = sync_channel(2);
    let feeder = thread::spawn({
        let stop = Arc::clone(&stop);
        move || feed(&to, &stop)
    });
    let batches = Arc::new(Mutex::new(batches));
    let senders: Vec<_> = (0..SENDERS)
        .map(|nth| {
            let (batches, address) = (Arc::clone(&batches), address.clone());
            let (arrived, sent) = (Arc::clone(&arrived), Arc::clone(&sent));
            thread::spawn(move || send(nth, &batches, &address, &arrived, &sent))
        })
        .collect();

    let began = Instant::now();
    let took = Duration::from_secs(secs());
    let mut rng = StdRng::seed_from_u64(1);
    let mut events: BTreeMap<Event, u64> = BTreeMap::new();
    // The most memory in each tenth of the time, in MiB.
    let mut memory = [0; 10];
    let mut said = String::new();
    let all = [
        Event::Stopped,
        Event::DownstreamGone,
        Event::SecondGone,
        Event::Killed,
    ];
    let no_kills = std::env::var("SOAK_KILLS").is_ok_and(|told| told == "0");
    let mut order = all[..all.len() - usize::from(no_kills)]
        .iter()
        .copied()
        .cycle();
    while began.elapsed() < took {
        let calm = Instant::now() + CALM.mul_f64(rng.random_range(0.5..1.5));
        while Instant::now() < calm && began.elapsed() < took {
            let tenth = began.elapsed().as_millis() * 10 / took.as_millis();
            let most = &mut memory[usize::try_from(tenth).unwrap().min(9)];
            *most = serve.resident_mib().max(*most);
            assert!(
                senders.iter().all(|one| !one.is_finished()),
                "a sender has failed"
            );
            thread::sleep(Duration::from_millis(200));
        }
        let event = order.next().unwrap();
        *events.entry(event).or_default() += 1;
        match event {
            Event::Stopped => {
                let (all, ended) = serve.stop();
                assert!(ended.success(), "{all}");
                said += &all;
                serve = Serve::start_at(&address, &forward, &arguments);
            }
            Event::Killed => {
                said += &serve.kill();
                serve = Serve::start_at(&address, &forward, &arguments);
            }
            Event::DownstreamGone | Event::SecondGone => {
                let gone = if event == Event::SecondGone {
                    &mut second
                } else {
                    &mut downstream
                };
                gone.go(&sender.runtime);
                thread::sleep(Duration::from_secs(1));
                gone.come_back(&sender.runtime);
            }
        }
    }

    stop.store(true, Relaxed);
    feeder.join().unwrap();
    for sender in senders {
        sender.join().unwrap();
    }
    let metrics = sender.get(&format!("http://{address}/metrics"));
    let undelivered: Vec<&str> = metrics
        .lines()
        .filter(|line| line.starts_with("signin_triage_undelivered"))
        .collect();
    println!("at the end: {undelivered:?}");
    let (all, ended) = serve.stop();
    assert!(ended.success(), "{all}");
    said += &all;
    // Roll-ups that are still open.
    let drained = Command::new(env!("CARGO_BIN_EXE_signin-triage"))
        .args([
            "run",
            "--quiet",
            "--mode",
            "filter",
            "--suppressed",
            "/dev/null",
            "--state",
            &state,
            "--drain",
            "/dev/null",
        ])
        .output()
        .unwrap();
    assert!(
        drained.status.success(),
        "{}",
        String::from_utf8_lossy(&drained.stderr)
    );
    arrived.take("/in", &drained.stdout, Fault::None);

    let of = |count: &AtomicU64| count.load(Relaxed);
    let (kept, suppressed) = (of(&arrived.kept), of(&arrived.suppressed));
    let (rollups, rolled_up) = {
        let rollups = arrived.rollups.lock().unwrap();
        (rollups.len(), rollups.values().sum::<u64>())
    };
    let late = arrived.lines.lock().unwrap().len();
    println!("{} s; events {events:?}", began.elapsed().as_secs());
    println!(
        "faults of the downstreams {:?}; of the senders: {} broken off, {} slow, {} repeated",
        faults.lock().unwrap(),
        of(&sent.broken_off),
        of(&sent.slow),
        of(&sent.repeated)
    );
    println!("requests by answer {:?}", sent.answers.lock().unwrap());
    println!(
        "{} lines acknowledged ({} MB), each has arrived as it was sent; arrived {kept} kept and {suppressed} suppressed, {} of them \
         more often than acknowledged, {late} after they were; {} without labels",
        of(&sent.lines),
        of(&sent.bytes) / 1_000_000,
        of(&sent.twice),
        of(&arrived.unlabelled)
    );
    println!(
        "{rollups} roll-ups stand for {rolled_up} of {} suppressed",
        of(&sent.suppressed)
    );
    println!("most memory in each tenth of the time, MiB: {memory:?}");
    println!("lines said: {}", said.lines().count());

    assert_eq!(
        kept + suppressed,
        of(&sent.lines) + of(&sent.twice) + late as u64
    );
    assert_eq!(
        std::fs::read_to_string(&letters).unwrap_or_default(),
        "",
        "dead letters"
    );
    // Nothing that a record holds is said.
    assert!(!said.contains('@') && !said.contains("soak"), "{said}");
    // What was counted after the state was saved last dies with who is killed, and a downstream that says 413 to a roll-up
    // alone does not get it.
    let lost = events.contains_key(&Event::Killed) || said.contains("a roll-up is not taken");
    let stood_for = of(&sent.suppressed);
    assert!(rolled_up == stood_for || lost && rolled_up < stood_for);
    let peak = |tenths: &[u64]| tenths.iter().copied().max().unwrap();
    let (early, late) = (peak(&memory[2..6]), peak(&memory[6..]));
    // In a few seconds the tables are still being filled.
    assert!(late <= early + early / 4 + 32, "it grows: {memory:?}");
}

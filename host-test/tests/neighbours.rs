//! `serve` between neighbours that fail in every way there is below and above HTTP: nothing is acknowledged that has not
//! arrived, nothing is lost, each is said once, and memory does not grow with it.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the bans are for the transform"
)]

mod common;

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::bridge::{PATIENCE, Sender, Serve, reason, records};
use common::faulty::{Fault, Faulty};
use tokio::io::AsyncWriteExt as _;

/// A downstream that does what it is told, once each, and otherwise nothing wrong; and what it took.
struct Told {
    downstream: Faulty,
    next: Arc<Mutex<VecDeque<Fault>>>,
    taken: Arc<Mutex<Vec<(Fault, String)>>>,
}

impl Told {
    fn start(sender: &Sender) -> Told {
        let next = Arc::new(Mutex::new(VecDeque::new()));
        let taken = Arc::new(Mutex::new(Vec::new()));
        let (script, log) = (Arc::clone(&next), Arc::clone(&taken));
        let decide = move || script.lock().unwrap().pop_front().unwrap_or(Fault::None);
        let take = move |_: &str, body: &[u8], fault| {
            let body = String::from_utf8(body.to_vec()).unwrap();
            log.lock().unwrap().push((fault, body));
        };
        Told {
            downstream: Faulty::start(&sender.runtime, Arc::new(decide), Arc::new(take)),
            next,
            taken,
        }
    }

    fn url(&self) -> String {
        format!("http://{}/in", self.downstream.address)
    }

    /// As it is shown: its path may be secret.
    fn origin(&self) -> String {
        format!("http://{}/", self.downstream.address)
    }

    fn does(&self, fault: Fault) {
        self.next.lock().unwrap().push_back(fault);
    }

    /// What it has said that it took, since this was asked last.
    fn accepted(&self) -> String {
        let taken = std::mem::take(&mut *self.taken.lock().unwrap());
        let accepted = taken.into_iter().filter(|(fault, _)| fault.accepts());
        accepted.map(|(_, body)| body).collect()
    }
}

#[test]
fn whatever_the_downstream_does_its_sender_hears_it_and_nothing_is_lost() {
    let sender = Sender::new();
    let told = Told::start(&sender);
    let serve = Serve::start(&told.url(), &["--forward-secs", "2"]);
    let cases = [
        (Fault::None, 200, None),
        (Fault::Slow, 200, None),
        (
            Fault::Answers(500),
            500,
            Some("told so: {url}: 500 Internal Server Error"),
        ),
        (
            Fault::Answers(503),
            503,
            Some("told so: {url}: 503 Service Unavailable"),
        ),
        (
            Fault::Answers(429),
            429,
            Some("told so: {url}: 429 Too Many Requests"),
        ),
        // One line, which can be no smaller.
        (
            Fault::Answers(413),
            413,
            Some("a record is larger than the downstream takes"),
        ),
        (Fault::RefusesUnread, 413, None),
        (
            Fault::Hangs,
            504,
            Some("the downstream does not answer in time"),
        ),
        (Fault::HangsUnread, 504, None),
        (Fault::ClosesReading, 502, Some("the downstream broke off")),
        (Fault::ClosesBeforeAnswer, 502, None),
        (Fault::ClosesInStatus, 502, None),
        // The status had come, and with it that it has arrived.
        (Fault::ClosesInText, 200, None),
        (Fault::Nonsense, 502, Some("invalid HTTP")),
    ];
    for (nth, (fault, answered, said)) in (0..).zip(cases) {
        told.does(fault);
        let body = records(nth..nth + 1);
        assert_eq!(
            sender.post(&serve.url, body.clone()).0,
            answered,
            "{fault:?}"
        );
        let mut arrived = told.accepted();
        assert_eq!(
            arrived.lines().count(),
            usize::from(answered == 200),
            "{fault:?}"
        );
        if answered != 200 {
            // Its sender comes again, and then it is what it was.
            assert_eq!(sender.post(&serve.url, body).0, 200, "{fault:?}");
            arrived = told.accepted();
        }
        assert_eq!(
            arrived.lines().map(reason).collect::<Vec<_>>(),
            ["handshake"],
            "{fault:?}"
        );
        if let Some(said) = said {
            let said = said.replace("{url}", &told.origin());
            serve.wait_until_said(&said);
        }
    }
    serve.wait_until_said("records arrive again; requests that failed: 1");
    serve.wait_until_said("a request came again that had not arrived");
}

#[test]
fn a_downstream_that_is_gone_for_a_while_costs_that_while() {
    let sender = Sender::new();
    let mut told = Told::start(&sender);
    let serve = Serve::start(&told.url(), &["--forward-secs", "5"]);
    assert_eq!(sender.post(&serve.url, records(0..5)).0, 200);
    told.downstream.go(&sender.runtime);
    for _ in 0..50 {
        assert!([502, 503].contains(&sender.post(&serve.url, records(5..10)).0));
    }
    serve.wait_until_said("the downstream cannot be reached: Connection refused");
    told.downstream.come_back(&sender.runtime);
    assert_eq!(sender.post(&serve.url, records(5..10)).0, 200);
    serve.wait_until_said("records arrive again; requests that failed: 50");
    let accepted = told.accepted();
    assert_eq!(accepted.lines().count(), 10);
    assert!(accepted.lines().all(|line| reason(line) == "handshake"));
    let (said, _) = serve.stop();
    assert_eq!(said.matches("cannot be reached").count(), 1, "{said}");
}

/// Large requests, failed by the downstream in all of its ways over and over, each sent until it arrives.
#[test]
fn memory_does_not_grow_with_what_fails() {
    let sender = Sender::new();
    let told = Told::start(&sender);
    let serve = Serve::start(&told.url(), &["--forward-secs", "1"]);
    let faults = Fault::ALL.into_iter().filter(|fault| {
        // Whoever hangs holds us up, and these are for speed.
        !matches!(
            fault,
            Fault::Hangs | Fault::HangsUnread | Fault::RefusesUnread | Fault::Answers(413)
        )
    });
    let faults: Vec<Fault> = faults.collect();
    let mut after = Vec::new();
    for round in 0..8 {
        for (nth, fault) in (0..).zip(&faults) {
            let from = (round * 100 + nth) * 4_000;
            let body = records(from..from + 4_000);
            assert!(body.len() > 900_000);
            told.does(*fault);
            told.does(Fault::Answers(503));
            while sender.post(&serve.url, body.clone()).0 != 200 {}
            assert_eq!(told.accepted().lines().count(), 4_000);
        }
        after.push(serve.resident_mib());
    }
    let (early, late) = (after[3], after[7]);
    assert!(late <= early + 32, "MiB after each round: {after:?}");
    assert!(serve.peak_mib() < 500, "{} MiB", serve.peak_mib());
}

/// A request of which the head says that the body has `length` bytes.
fn begin(serve: &Serve, length: usize, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(serve.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n"
    )
    .unwrap();
    stream.write_all(body).unwrap();
    stream
}

#[test]
fn of_a_body_that_breaks_off_nothing_is_taken() {
    let sender = Sender::new();
    let told = Told::start(&sender);
    let serve = Serve::start(&told.url(), &[]);
    let body = records(0..200);
    let half = &body.as_bytes()[..body.len() / 2];
    for _ in 0..20 {
        // It closes, or only stops writing, or is reset with an answer unread; with a length, or in chunks.
        drop(begin(&serve, body.len(), half));
        let mut stops = begin(&serve, body.len(), half);
        stops.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        let _ = stops.read_to_string(&mut answer);
        let mut chunks = TcpStream::connect(serve.address()).unwrap();
        write!(
            chunks,
            "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n",
            half.len()
        )
        .unwrap();
        chunks.write_all(half).unwrap();
        drop(chunks);
    }
    serve.wait_until_said(
        "refused a request: 400 Bad Request, the body broke off; it came from 127.0.0.1",
    );
    assert_eq!(told.accepted(), "");
    assert_eq!(sender.post(&serve.url, body).0, 200);
    let accepted = told.accepted();
    assert_eq!(accepted.lines().count(), 200);
    assert!(accepted.lines().all(|line| reason(line) == "handshake"));
    let (said, _) = serve.stop();
    assert_eq!(said.matches("broke off").count(), 1, "{said}");
}

#[test]
fn senders_that_are_slow_keep_nobody_waiting_and_are_told() {
    let sender = Sender::new();
    let told = Told::start(&sender);
    let serve = Serve::start(&told.url(), &[]);
    // A hundred that say they will send a megabyte, and send a byte at a time.
    let began = Instant::now();
    let mut slow: Vec<TcpStream> = (0..100).map(|_| begin(&serve, 1 << 20, b"{")).collect();
    for part in 0..20 {
        for stream in &mut slow {
            stream.write_all(b" ").unwrap();
        }
        assert_eq!(sender.post(&serve.url, records(part..part + 1)).0, 200);
    }
    assert_eq!(told.accepted().lines().count(), 20);
    // One that is slow and comes to its end.
    let body = records(100..110);
    let mut patient = begin(&serve, body.len(), b"");
    for piece in body.as_bytes().chunks(50) {
        patient.write_all(piece).unwrap();
        thread::sleep(Duration::from_millis(20));
    }
    let mut answer = [0; 12];
    patient.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    assert_eq!(told.accepted().lines().count(), 10);
    // The others have had their minute.
    for stream in &mut slow {
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 408");
    }
    assert!(began.elapsed() > Duration::from_secs(50));
    serve.wait_until_said("refused a request: 408 Request Timeout");
    assert!(serve.peak_mib() < 300, "{} MiB", serve.peak_mib());
}

/// Their requests take up room already, all that there is.
#[test]
fn senders_that_stop_in_the_middle_hold_nobody_up() {
    let sender = Sender::new();
    let told = Told::start(&sender);
    let serve = Serve::start(&told.url(), &[]);
    let part = vec![b' '; 2 << 20];
    let began = Instant::now();
    let mut stopped: Vec<TcpStream> = (0..70)
        .map(|_| begin(&serve, 32 << 20, &part[..70_000]))
        .collect();
    for _ in 0..3 {
        stopped.push(begin(&serve, 32 << 20, &part));
    }
    assert_eq!(sender.post(&serve.url, records(0..1)).0, 200);
    for stream in &mut stopped {
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 408");
    }
    assert!(
        began.elapsed() < Duration::from_secs(50),
        "a minute is for those that take up none"
    );
    assert!(serve.peak_mib() < 400, "{} MiB", serve.peak_mib());
}

#[test]
fn an_address_that_opens_connections_without_end_keeps_no_other_out() {
    let sender = Sender::new();
    let told = Told::start(&sender);
    let serve = Serve::start(&told.url(), &[]);
    let address = serve.address().parse().unwrap();
    let connect = async || {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind("127.0.0.2:0".parse().unwrap())?;
        let mut stream = socket.connect(address).await?;
        stream.write_all(b"GET /health HTTP/1.1\r\n").await?;
        Ok::<_, std::io::Error>(stream)
    };
    let open: Vec<_> = (0..600)
        .map(|_| sender.runtime.block_on(connect()))
        .collect();
    assert_eq!(sender.post(&serve.url, records(0..3)).0, 200);
    serve.wait_until_said("an address has as many connections as one may; more from there are closed; it is 127.0.0.2");
    drop(open);
}

#[test]
fn a_sender_that_repeats_itself_is_labelled_and_said() {
    let sender = Sender::new();
    let told = Told::start(&sender);
    let serve = Serve::start(&told.url(), &[]);
    let body = records(0..50);
    for time in 0..50 {
        assert_eq!(sender.post(&serve.url, body.clone()).0, 200);
        let accepted = told.accepted();
        assert_eq!(accepted.lines().count(), 50);
        let expected = if time == 0 { "handshake" } else { "duplicate" };
        assert!(accepted.lines().all(|line| reason(line) == expected));
    }
    serve.wait_until_said(
        "a request came again that had arrived; its lines are labelled duplicate; lines of it: 50",
    );
    let (said, _) = serve.stop();
    assert_eq!(said.matches("came again").count(), 1, "{said}");
}

/// Larger than there is room for, as they are and packed.
#[test]
fn a_hundred_at_once_are_all_answered_within_the_memory_there_is() {
    let sender = Sender::new();
    let told = Told::start(&sender);
    let serve = Serve::start(&told.url(), &["--body-mib", "8"]);
    let posts: Vec<_> = (0..100)
        .map(|nth| {
            let (client, url) = (sender.client.clone(), serve.url.clone());
            sender.runtime.spawn(async move {
                let body = records(nth * 5_000..(nth + 1) * 5_000);
                let mut post = client.post(&url);
                let body = if nth % 2 == 0 {
                    body.into_bytes()
                } else {
                    post = post.header("content-encoding", "gzip");
                    let fast = flate2::Compression::fast();
                    let mut packed = flate2::write::GzEncoder::new(Vec::new(), fast);
                    packed.write_all(body.as_bytes()).unwrap();
                    packed.finish().unwrap()
                };
                post.body(body).send().await.unwrap().status().as_u16()
            })
        })
        .collect();
    for post in posts {
        assert_eq!(sender.runtime.block_on(post).unwrap(), 200);
    }
    serve.wait_until_said("requests wait: as many have come as are dealt with at once");
    assert_eq!(told.accepted().lines().count(), 500_000);
    assert!(serve.peak_mib() < 900, "{} MiB", serve.peak_mib());
}

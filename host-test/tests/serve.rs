//! `serve` between a sender and a downstream, each of which may do anything.

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;

use common::bridge::{Arrived, Does, Downstream, Sender, Serve, reason, records, wait_until};
use common::enrich;
use common::stream::stream;
use serde_json::Value;
use tokio::sync::Notify;

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn what_is_posted_arrives_enriched_and_its_sender_hears_what_the_downstream_said() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let serve = Serve::start(&downstream.url, &[]);
    let input = stream(7, 400);
    let mut expected = enrich(&input, "");
    let (first, second) = input.split_at(input[..input.len() / 2].rfind('\n').unwrap() + 1);
    for part in [first, second] {
        let request = sender
            .client
            .post(&serve.url)
            .header("content-type", "application/x-ndjson");
        assert_eq!(
            sender.send(request.body(part.to_owned())),
            (200, "the downstream says 200".to_owned())
        );
    }
    let arrived = downstream.arrived();
    let kind = |one: &Arrived| one.headers["content-type"].clone();
    assert!(
        arrived
            .iter()
            .all(|one| kind(one) == "application/x-ndjson")
    );
    let bodies: Vec<u8> = arrived.into_iter().flat_map(|one| one.body).collect();
    assert!(bodies == expected.as_bytes());

    // Bytes that are no text, in a stretch between two that are.
    let lines = [b"{\"a\":1}\n".as_slice(), b"\xff\xfe\n", b"{\"b\":2}"].concat();
    assert_eq!(sender.post(&serve.url, lines.clone()).0, 200);
    assert_eq!(downstream.arrived()[0].body, lines);

    // An array goes on as an array, also over several lines, and packed.
    let array = format!("[\n  {}]", records(0..3).trim_end().replace('\n', ",\n  "));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(array.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    expected = enrich(&(input + &records(0..3)), "");
    let expected: Vec<Value> = expected
        .lines()
        .rev()
        .take(3)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let request = sender
        .client
        .post(format!("{}/any/path", serve.url))
        .header("content-encoding", "gzip");
    assert_eq!(
        sender
            .send(
                request
                    .header("content-type", "application/json")
                    .body(packed)
            )
            .0,
        200
    );
    let arrived = downstream.arrived().remove(0);
    assert_eq!(arrived.headers["content-type"], "application/json");
    assert!(!arrived.headers.contains_key("content-encoding"));
    let mut found: Vec<Value> = serde_json::from_slice(&arrived.body).unwrap();
    found.reverse();
    assert_eq!(found, expected);

    // Of a single record in JSON one is sent on.
    let request = sender.client.post(&serve.url);
    let request = request.header("content-type", "application/json");
    let one = records(70..71);
    assert_eq!(sender.send(request.body(one.trim_end().to_owned())).0, 200);
    let body = downstream.arrived().remove(0).body;
    assert!(serde_json::from_slice::<Value>(&body).unwrap().is_object());

    // Nothing to send on, not even at the end.
    assert_eq!(sender.post(&serve.url, "").0, 200);
    assert_eq!(sender.post(&serve.url, "[]").0, 200);
    assert_eq!(downstream.arrived().len(), 0);
    let (said, ended) = serve.stop();
    assert!(ended.success());
    assert!(
        said.contains("told to stop") && said.contains("Lines"),
        "{said}"
    );
}

#[test]
fn every_answer_of_the_downstream_comes_back_and_only_a_good_one_counts() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let serve = Serve::start(&downstream.url, &["--forward-secs", "1"]);
    for (status, answered) in [
        (200, 200),
        (202, 202),
        (400, 400),
        (401, 401),
        (404, 404),
        (429, 429),
        (500, 500),
        (503, 503),
        // Following it would turn the POST into a GET.
        (302, 502),
    ] {
        downstream.next([Does::Answers(status)]);
        let posted = sender.client.post(&serve.url).body(records(0..1));
        let answer = sender
            .runtime
            .block_on(async { posted.send().await })
            .unwrap();
        assert_eq!(answer.status().as_u16(), answered);
        if answered == status {
            assert_eq!(answer.headers()["retry-after"], "7");
            let text = sender.runtime.block_on(answer.text()).unwrap();
            assert_eq!(text, format!("the downstream says {status}"));
        }
    }
    downstream.next([Does::Hangs]);
    assert_eq!(sender.post(&serve.url, records(0..1)).0, 504);
    assert_eq!(sender.post(&serve.url, records(0..1)).0, 200);

    let gone = Serve::start("http://127.0.0.1:9/", &[]);
    assert_eq!(sender.post(&gone.url, records(0..1)).0, 503);
    assert_eq!(sender.post(&gone.url, records(1..2)).0, 503);
    let (said, _) = gone.stop();
    assert_eq!(said.matches("records do not arrive").count(), 1, "{said}");
    let (said, _) = serve.stop();
    assert!(said.contains("records arrive again"), "{said}");
}

#[test]
fn a_sender_is_answered_only_once_the_downstream_has_it() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let serve = Serve::start(&downstream.url, &[]);
    let until = Arc::new(Notify::new());
    downstream.next([Does::Waits(Arc::clone(&until), 200)]);
    let waiting = sender.begin(&serve.url, records(0..5));
    downstream.wait_for_one(&sender.runtime);
    // Others are dealt with meanwhile.
    assert_eq!(sender.post(&serve.url, records(5..6)).0, 200);
    assert!(!waiting.is_finished());
    until.notify_one();
    assert_eq!(sender.runtime.block_on(waiting).unwrap(), 200);
    assert_eq!(downstream.accepted().lines().count(), 6);
}

#[test]
fn what_failed_is_sent_again_as_it_was_and_what_arrived_is_a_duplicate() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let serve = Serve::start(&downstream.url, &[]);
    let input = records(0..10);
    let expected = enrich(&input, "");
    downstream.next([503, 500, 429].map(Does::Answers));
    for _ in 0..3 {
        assert!(sender.post(&serve.url, input.clone()).0 >= 400);
    }
    assert_eq!(downstream.accepted(), "");
    // Cut otherwise, as after a restart of the sender, and with something new among it.
    let lines: Vec<&str> = input.split_inclusive('\n').collect();
    let new = records(50..51);
    assert_eq!(sender.post(&serve.url, lines[..4].concat()).0, 200);
    assert_eq!(
        sender
            .post(&serve.url, new.clone() + &lines[4..].concat())
            .0,
        200
    );
    let accepted = downstream.accepted();
    let of_new = accepted
        .lines()
        .filter(|line| line.contains("user50@"))
        .count();
    assert_eq!(of_new, 1);
    let rest: String = accepted
        .split_inclusive('\n')
        .filter(|line| !line.contains("user50@"))
        .collect();
    assert_eq!(rest, expected);

    // Cut where the last line had no end, and one is a line by itself now.
    let two = records(70..72);
    downstream.next([Does::Answers(503)]);
    assert_eq!(sender.post(&serve.url, two.trim_end().to_owned()).0, 503);
    downstream.arrived();
    for line in two.split_inclusive('\n') {
        assert_eq!(sender.post(&serve.url, line.to_owned()).0, 200);
    }
    assert_eq!(downstream.accepted(), enrich(&two, ""));

    // The answer got lost, so the sender tries again: the downstream has it twice, and the second says so.
    assert_eq!(sender.post(&serve.url, input.clone()).0, 200);
    let again = downstream.accepted();
    assert!(
        again.lines().all(|line| reason(line) == "duplicate"),
        "{again}"
    );

    // The same line twice in one request is a second delivery, however often the request is sent.
    let twice = records(60..61).repeat(2);
    downstream.next([Does::Answers(503)]);
    for status in [503, 200] {
        assert_eq!(sender.post(&serve.url, twice.clone()).0, status);
        let body = downstream.arrived().remove(0).body;
        let lines: Vec<String> = String::from_utf8(body)
            .unwrap()
            .lines()
            .map(reason)
            .collect();
        assert_eq!(lines, ["handshake", "duplicate"]);
    }
}

#[test]
fn a_sender_that_goes_away_leaves_nothing_in_between() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let serve = Serve::start(&downstream.url, &[]);
    // It has gone while the downstream was slow; what the downstream took then is known.
    for (status, expected) in [(200, "duplicate"), (503, "handshake")] {
        let until = Arc::new(Notify::new());
        downstream.next([Does::Waits(Arc::clone(&until), status)]);
        let input = records(u32::from(status)..u32::from(status) + 3);
        let waiting = sender.begin(&serve.url, input.clone());
        downstream.wait_for_one(&sender.runtime);
        waiting.abort();
        until.notify_one();
        while sender
            .get(&format!("{}/metrics", serve.url))
            .contains("on_the_way 1")
        {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        downstream.arrived();
        assert_eq!(sender.post(&serve.url, input).0, 200);
        let accepted = downstream.accepted();
        assert!(
            accepted.lines().all(|line| reason(line) == expected),
            "{accepted}"
        );
        assert_eq!(accepted.lines().count(), 3);
    }
    // It has gone in the middle of a body: nothing of it was looked at.
    let address = serve.url.trim_start_matches("http://");
    let mut half = TcpStream::connect(address).unwrap();
    let body = records(900..910);
    write!(
        half,
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{}",
        body.len(),
        &body[..body.len() / 2]
    )
    .unwrap();
    half.shutdown(std::net::Shutdown::Write).unwrap();
    let _ = half.read_to_end(&mut Vec::new());
    assert_eq!(downstream.arrived().len(), 0);
    assert_eq!(sender.post(&serve.url, body).0, 200);
    assert!(
        downstream
            .accepted()
            .lines()
            .all(|line| reason(line) == "handshake")
    );
}

#[test]
fn many_connections_share_one_state_and_lose_nothing() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let serve = Serve::start(&downstream.url, &[]);
    // Some fail in between, and are sent again.
    downstream.next((0..60).map(|index| Does::Answers(if index % 3 == 0 { 503 } else { 200 })));
    let posts: Vec<_> = (0..40u32)
        .map(|part| {
            let (client, url) = (sender.client.clone(), serve.url.clone());
            sender.runtime.spawn(async move {
                for batch in 0..5 {
                    let from = (part * 5 + batch) * 10;
                    let body = records(from..from + 10);
                    while !client
                        .post(&url)
                        .body(body.clone())
                        .send()
                        .await
                        .unwrap()
                        .status()
                        .is_success()
                    {}
                }
            })
        })
        .collect();
    for post in posts {
        sender.runtime.block_on(post).unwrap();
    }
    let accepted = downstream.accepted();
    let taken_off = |text: &str| -> String {
        let member =
            |line: &str| line[..line.find(",\"signin_triage\"").unwrap()].to_owned() + "}\n";
        text.lines().map(member).collect()
    };
    assert_eq!(sorted(&taken_off(&accepted)), sorted(&records(0..2000)));
    assert!(accepted.lines().all(|line| reason(line) == "handshake"));
    let metrics = sender.get(&format!("{}/metrics", serve.url));
    for line in [
        "signin_triage_lines_total 2000",
        "signin_triage_noise_total{name=\"handshake\"} 2000",
        "signin_triage_undelivered 0",
        "signin_triage_requests_on_the_way 0",
    ] {
        assert!(metrics.lines().any(|one| one == line), "{line}\n{metrics}");
    }
    assert!(!metrics.contains("See stats in"), "{metrics}");
    // Each metric is described once, with all its samples behind it.
    let mut described: Vec<&str> = metrics
        .lines()
        .filter(|line| line.starts_with("# TYPE"))
        .collect();
    let count = described.len();
    described.sort_unstable();
    described.dedup();
    assert_eq!(described.len(), count);
    assert!(metrics.ends_with("# EOF\n"));
}

#[test]
fn more_than_there_is_room_for_waits_and_comes_through() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let serve = Serve::start(&downstream.url, &["--body-mib", "64"]);
    // Each asks for all the room there is, because it does not say how long it is.
    let packed = |part: u32| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let body = records(part * 10..part * 10 + 10);
        packed.write_all(body.as_bytes()).unwrap();
        packed.finish().unwrap()
    };
    let posts: Vec<_> = (0..20)
        .map(|part| {
            let post = sender
                .client
                .post(&serve.url)
                .header("content-encoding", "gzip");
            let post = post.body(packed(part));
            sender
                .runtime
                .spawn(async { post.send().await.unwrap().status().as_u16() })
        })
        .collect();
    for post in posts {
        assert_eq!(sender.runtime.block_on(post).unwrap(), 200);
    }
    assert_eq!(downstream.accepted().lines().count(), 200);
    assert!(serve.stop().1.success());
}

#[test]
fn what_cannot_be_taken_is_refused_and_nothing_of_it_is_sent_on() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let serve = Serve::start(&downstream.url, &["--body-mib", "1"]);
    let too_large = records(0..10).repeat(500);
    assert!(too_large.len() > 1 << 20);
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(too_large.as_bytes()).unwrap();
    let bomb = bomb.finish().unwrap();
    let post = || sender.client.post(&serve.url);
    for (request, status) in [
        (post().body(too_large), 413),
        (post().header("content-encoding", "gzip").body(bomb), 413),
        (
            post().header("content-encoding", "gzip").body("no gzip"),
            400,
        ),
        (post().header("content-encoding", "br").body("x"), 415),
        (
            post().header("content-encoding", "X-GZIP").body("no gzip"),
            400,
        ),
        // Packed twice; what is not named is known by how it begins.
        (
            post()
                .header("content-encoding", "gzip")
                .header("content-encoding", "gzip")
                .body("x"),
            415,
        ),
        (post().body(&b"\x1f\x8bno gzip"[..]), 400),
        (sender.client.get(&serve.url), 405),
        (sender.client.delete(&serve.url), 405),
        (sender.client.head(&serve.url), 200),
    ] {
        assert_eq!(sender.send(request).0, status);
    }
    assert_eq!(downstream.arrived().len(), 0);
    assert_eq!(sender.get(&format!("{}/health", serve.url)), "fine\n");
    // What is no record goes on, and that is said, once.
    for _ in 0..2 {
        assert_eq!(sender.post(&serve.url, "\u{1}msgpack").0, 200);
    }
    assert_eq!(sender.post(&serve.url, records(0..1)).0, 200);
    let (said, _) = serve.stop();
    assert_eq!(said.matches("held no sign-in record").count(), 1, "{said}");
}

#[test]
fn a_downstream_that_takes_less_at_once_gets_it_in_parts() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let serve = Serve::start(&downstream.url, &[]);
    let input = records(0..100);
    downstream.takes_at_most(input.len() / 5);
    assert_eq!(sender.post(&serve.url, input.clone()).0, 200);
    assert_eq!(downstream.accepted(), enrich(&input, ""));
    // An array stays one, in each part.
    let array = format!("[{}]", records(100..200).trim_end().replace('\n', ","));
    assert_eq!(sender.post(&serve.url, array).0, 200);
    let parts: Vec<_> = downstream
        .arrived()
        .into_iter()
        .filter(|one| one.status == 200)
        .collect();
    let count = |body: &[u8]| serde_json::from_slice::<Vec<Value>>(body).unwrap().len();
    assert_eq!(parts.iter().map(|one| count(&one.body)).sum::<usize>(), 100);
    // One line alone is too large: its sender hears it, and the others have arrived.
    let large = format!(
        "{}{{\"x\":\"{}\"}}\n",
        records(200..203),
        "y".repeat(input.len())
    );
    assert_eq!(sender.post(&serve.url, large).0, 413);
    assert_eq!(downstream.accepted().lines().count(), 3);
}

#[test]
fn what_has_arrived_in_parts_is_not_sent_again() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let serve = Serve::start(&downstream.url, &[]);
    let input = records(0..64);
    let whole = enrich(&input, "");
    downstream.takes_at_most(whole.len() / 10);
    // Too large, too large, and of the quarters and smaller parts one arrives.
    downstream.next([413, 413, 413, 413, 200, 503].map(Does::Answers));
    assert_eq!(sender.post(&serve.url, input.clone()).0, 503);
    let first = downstream.accepted();
    assert!(!first.is_empty() && whole.starts_with(&first));
    assert_eq!(sender.post(&serve.url, input).0, 200);
    let seen = downstream.seen();
    assert_eq!(first + &downstream.accepted(), whole);
    // It is known by now how much is taken at once.
    let refused = seen.iter().filter(|one| one.status == 413).count();
    assert!(refused <= 1, "{refused}");
}

#[test]
fn a_line_that_was_labelled_before_is_no_duplicate_when_it_is_sent_again() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let labelled = enrich(&records(0..3), "");
    let serve = Serve::start(&downstream.url, &[]);
    downstream.next([Does::Answers(503)]);
    assert_eq!(sender.post(&serve.url, labelled.clone()).0, 503);
    assert_eq!(sender.post(&serve.url, labelled.clone()).0, 200);
    assert_eq!(downstream.accepted(), labelled);
}

#[test]
fn only_who_has_the_token_is_let_in() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name).display().to_string();
        fs::write(&path, text).unwrap();
        path
    };
    let (own, next) = (file("own", "s3cret\n"), file("next", "other\n"));
    let serve = Serve::start(
        &downstream.url,
        &["--token-file", &own, "--forward-token-file", &next],
    );
    let post = || sender.client.post(&serve.url).body(records(0..1));
    assert_eq!(sender.send(post()).0, 401);
    assert_eq!(sender.send(post().bearer_auth("s3cre")).0, 401);
    assert_eq!(
        sender
            .send(sender.client.get(format!("{}/metrics", serve.url)))
            .0,
        401
    );
    assert_eq!(sender.get(&format!("{}/health", serve.url)), "fine\n");
    assert_eq!(downstream.arrived().len(), 0);
    assert_eq!(sender.send(post().bearer_auth("s3cret")).0, 200);
    let metrics = sender.client.get(format!("{}/metrics", serve.url));
    let (_, metrics) = sender.send(metrics.bearer_auth("s3cret"));
    assert!(
        metrics.contains("requests_total{status=\"401\"} 3\n"),
        "{metrics}"
    );
    assert_eq!(
        downstream.arrived()[0].headers["authorization"],
        "Bearer other"
    );
}

#[test]
fn wrong_usage_is_said_all_at_once_and_nothing_listens() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    fs::write(&config, r#"{"hold_secs":60,"mode":"filter"}"#).unwrap();
    let run = |arguments: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_signin-triage"))
            .arg("serve")
            .args(arguments)
            .output()
            .unwrap();
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    let (code, said) = run(&[
        "--listen",
        "0.0.0.0:0",
        "--forward",
        "ftp://x",
        "--config",
        config.to_str().unwrap(),
        "--forward-token-file",
        "/no/such",
    ]);
    assert_eq!(code, Some(2), "{said}");
    for part in [
        "hold_secs: found 60",
        "--suppressed",
        "--token-file",
        "--forward: not an address",
        "/no/such",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(said.lines().count(), 5, "{said}");
    let noise = folder.path().join("noise").display().to_string();
    let filter = [
        "--forward",
        "http://127.0.0.1:9",
        "--mode",
        "filter",
        "--suppressed",
    ];
    let same = [filter.as_slice(), &[&noise, "--state", &noise]].concat();
    let (code, said) = run(&same);
    assert_eq!(code, Some(2));
    assert!(
        said.contains("--suppressed and --state are one file"),
        "{said}"
    );
    let (code, said) = run(&[filter.as_slice(), &["-"]].concat());
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = run(&["--forward", "http://localhost:8087/"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("listens itself"), "{said}");
    let (code, said) = run(&[
        "--forward",
        "http://127.0.0.1:9",
        "--state",
        "/no/such/state",
    ]);
    assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = run(&["--forward", "http://127.0.0.1:9", "--listen", &address]);
    assert_eq!(code, Some(1));
    assert!(said.contains(&address), "{said}");
}

#[test]
fn it_goes_on_where_it_stopped_also_with_what_had_not_arrived() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").display().to_string();
    let serve = Serve::start(&downstream.url, &["--state", &state]);
    assert_eq!(sender.post(&serve.url, records(0..3)).0, 200);
    downstream.next([Does::Answers(503)]);
    assert_eq!(sender.post(&serve.url, records(3..6)).0, 503);
    assert!(serve.stop().1.success());
    downstream.arrived();

    // `run` may take the state up in between, and keeps what has not arrived.
    let run = Command::new(env!("CARGO_BIN_EXE_signin-triage"))
        .args(["run", "--state", &state, "--quiet", "/dev/null"])
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(0));
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(said.contains("3 lines in it have not arrived"), "{said}");

    let serve = Serve::start(&downstream.url, &["--state", &state]);
    assert_eq!(sender.post(&serve.url, records(0..6)).0, 200);
    let reasons: Vec<String> = downstream.accepted().lines().map(reason).collect();
    assert_eq!(
        reasons,
        [
            "duplicate",
            "duplicate",
            "duplicate",
            "handshake",
            "handshake",
            "handshake"
        ]
    );
    assert!(serve.stop().1.success());

    // All has arrived, so it is a state like any other.
    let saved = fs::read_to_string(&state).unwrap();
    assert!(!saved.contains("signin-triage-undelivered"));
}

#[test]
fn killed_in_the_middle_it_loses_nothing_that_was_not_acknowledged() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").display().to_string();
    let arguments = ["--state", state.as_str(), "--save-secs", "1"];
    let mut serve = Serve::start(&downstream.url, &arguments);
    for part in 0..6 {
        let body = records(part * 10..part * 10 + 10);
        if part % 2 == 1 {
            // In the middle of a request.
            downstream.next([Does::Hangs]);
            let waiting = sender.begin(&serve.url, body.clone());
            downstream.wait_for_one(&sender.runtime);
            // The state is ahead of what has arrived.
            let saved = || fs::read_to_string(&state).unwrap_or_default();
            while !saved().contains("\nsignin-triage-undelivered") {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            serve.kill();
            let answer = sender.runtime.block_on(waiting).unwrap();
            assert_eq!(answer, 0, "not acknowledged");
            serve = Serve::start(&downstream.url, &arguments);
        }
        assert_eq!(sender.post(&serve.url, body).0, 200);
    }
    let accepted = downstream.accepted();
    assert_eq!(accepted.lines().count(), 60);
    assert!(
        accepted.lines().all(|line| reason(line) == "handshake"),
        "{accepted}"
    );
}

#[test]
fn in_mode_filter_noise_goes_its_own_way_first_and_the_counts_add_up() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let second = Downstream::start(&sender.runtime);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("noise.ndjson").display().to_string();
    for suppressed in [&second.url, &file] {
        let serve = Serve::start(
            &downstream.url,
            &["--mode", "filter", "--suppressed", suppressed],
        );
        let failing = suppressed == &second.url;
        if failing {
            // Nothing goes downstream before the noise is where it belongs.
            second.next([Does::Answers(500)]);
            assert_eq!(sender.post(&serve.url, records(0..20)).0, 503);
            assert_eq!(downstream.arrived().len(), 0);
            second.arrived();
        }
        assert_eq!(sender.post(&serve.url, records(0..20)).0, 200);
        // A failure stays in the stream; the second output has the noise before it already.
        downstream.next([Does::Answers(503)]);
        let failure = records(30..31).replace("50140", "50126");
        let body = records(20..30) + &failure;
        assert_eq!(sender.post(&serve.url, body.clone()).0, 503);
        assert_eq!(sender.post(&serve.url, body).0, 200);
        let (said, ended) = serve.stop();
        assert!(ended.success(), "{said}");
        let suppressed = if failing {
            second.accepted()
        } else {
            fs::read_to_string(&file).unwrap()
        };
        assert_eq!(suppressed.lines().count(), 30);
        let accepted = downstream.accepted();
        let (rollups, kept): (Vec<&str>, Vec<&str>) = accepted
            .lines()
            .partition(|line| line.contains("signin_triage_rollup"));
        assert_eq!(kept.len(), 1);
        let count = |line: &&str| {
            let value: Value = serde_json::from_str(line).unwrap();
            value["signin_triage_rollup"]["count"].as_u64().unwrap()
        };
        assert_eq!(rollups.iter().map(count).sum::<u64>(), 30);
    }
}

#[test]
fn trouble_at_the_second_output_never_costs_what_stays() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let second = Downstream::start(&sender.runtime);
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").display().to_string();
    let filter = [
        "--mode",
        "filter",
        "--suppressed",
        &second.url,
        "--state",
        &state,
    ];
    let serve = Serve::start(&downstream.url, &filter);
    let failure = records(1..2).replace("50140", "50126");
    let body = records(0..1) + &failure;
    // Shippers do not come again after these.
    second.next([Does::Answers(400), Does::Answers(404)]);
    for _ in 0..2 {
        assert_eq!(sender.post(&serve.url, body.clone()).0, 503);
    }
    assert_eq!(downstream.arrived().len(), 0);
    // A record that is too large for it alone stays in the stream, and so does the rest.
    second.takes_at_most(10);
    downstream.next([Does::Answers(503)]);
    assert_eq!(sender.post(&serve.url, body.clone()).0, 503);
    downstream.arrived();
    assert_eq!(sender.post(&serve.url, body.clone()).0, 200);
    assert_eq!(downstream.accepted().lines().count(), 2);

    // What was suppressed and has not arrived is not lost on a bridge that has no second output.
    second.takes_at_most(usize::MAX);
    second.next([Does::Answers(500)]);
    assert_eq!(sender.post(&serve.url, records(2..4)).0, 503);
    assert!(serve.stop().1.success());
    second.arrived();
    let serve = Serve::start(&downstream.url, &["--state", &state]);
    downstream.arrived();
    assert_eq!(sender.post(&serve.url, records(2..4)).0, 200);
    assert_eq!(
        downstream
            .accepted()
            .matches("\"reason\":\"handshake\"")
            .count(),
        2
    );
}

#[test]
fn a_rollup_that_is_refused_costs_no_record() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let serve = Serve::start(
        &downstream.url,
        &["--mode", "filter", "--suppressed", "/dev/null"],
    );
    // Hours apart, so that the roll-ups of the hours before are due.
    let hour = |hour: u32, text: String| text.replace("T08:", &format!("T{hour:02}:"));
    let noise = |at: u32| hour(at, records(at * 10..at * 10 + 3));
    let failure = |at: u32| hour(at, records(at..at + 1).replace("50140", "50126"));
    let rollups = |arrived: &[Arrived], status| {
        let bodies = arrived.iter().filter(|one| one.status == status);
        let count = |one: &Arrived| {
            String::from_utf8_lossy(&one.body)
                .matches("signin_triage_rollup")
                .count()
        };
        bodies.map(count).sum::<usize>()
    };
    assert_eq!(sender.post(&serve.url, noise(1)).0, 200);
    assert_eq!(downstream.arrived().len(), 0);
    // They come after the record, by themselves, and later again.
    downstream.next([200, 503].map(Does::Answers));
    assert_eq!(sender.post(&serve.url, failure(9)).0, 200);
    serve.wait_until_said("roll-ups do not arrive, and are sent again later");
    let arrived = downstream.arrived();
    assert_eq!((rollups(&arrived, 200), rollups(&arrived, 503)), (0, 3));
    // This the downstream will not have, and its sender gives up; the roll-ups do not.
    downstream.next([Does::Answers(400)]);
    assert_eq!(sender.post(&serve.url, failure(10)).0, 400);
    assert_eq!(rollups(&downstream.arrived(), 400), 0);
    assert_eq!(sender.post(&serve.url, failure(11)).0, 200);
    wait_until(|| match rollups(&downstream.seen(), 200) {
        3 => Ok(()),
        other => Err(format!("{other} roll-ups")),
    });
    downstream.arrived();

    // One of three is refused for good: the other two arrive, and so does all that comes after.
    assert_eq!(sender.post(&serve.url, noise(12)).0, 200);
    downstream.next([200, 400, 400, 200, 200].map(Does::Answers));
    assert_eq!(sender.post(&serve.url, failure(20)).0, 200);
    serve.wait_until_said("a roll-up is not taken downstream, and is dropped: 400 Bad Request");
    wait_until(|| match rollups(&downstream.seen(), 200) {
        2 => Ok(()),
        other => Err(format!("{other} roll-ups")),
    });
    assert_eq!(sender.post(&serve.url, failure(21)).0, 200);
    let metrics = sender.get(&format!("{}/metrics", serve.url));
    assert!(
        metrics.contains("signin_triage_undelivered_rollups 0\n"),
        "{metrics}"
    );
}

#[test]
fn it_stops_whatever_its_connections_do_and_saves() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let serve = Serve::start(&downstream.url, &["--state", &state.display().to_string()]);
    assert_eq!(sender.post(&serve.url, records(0..3)).0, 200);
    // Half a head, half a body, and a downstream that hangs.
    let address = serve.url.trim_start_matches("http://");
    let mut half_head = TcpStream::connect(address).unwrap();
    write!(half_head, "POST / HTTP/1.1\r\nhost: x\r\n").unwrap();
    let mut half_body = TcpStream::connect(address).unwrap();
    write!(
        half_body,
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{{"
    )
    .unwrap();
    downstream.next([Does::Hangs]);
    let hanging = sender.begin(&serve.url, records(3..5));
    downstream.wait_for_one(&sender.runtime);
    let (said, ended) = serve.stop();
    assert!(ended.success(), "{said}");
    assert!(said.contains("send it again"), "{said}");
    assert_eq!(sender.runtime.block_on(hanging).unwrap(), 0);
    downstream.arrived();

    let serve = Serve::start(&downstream.url, &["--state", &state.display().to_string()]);
    assert_eq!(sender.post(&serve.url, records(2..5)).0, 200);
    let reasons: Vec<String> = downstream.accepted().lines().map(reason).collect();
    assert_eq!(reasons, ["duplicate", "handshake", "handshake"]);
}

#[test]
fn a_body_of_a_million_lines_is_no_million_of_anything() {
    let sender = Sender::new();
    let downstream = Downstream::start(&sender.runtime);
    let serve = Serve::start(&downstream.url, &[]);
    for line in ["\n", "{}\n"] {
        let body = line.repeat(1_000_000);
        downstream.next([Does::Answers(503)]);
        assert_eq!(sender.post(&serve.url, body.clone()).0, 503);
        assert_eq!(sender.post(&serve.url, body.clone()).0, 200);
        assert!(downstream.accepted() == body);
    }
    assert!(serve.peak_mib() < 400, "{} MiB", serve.peak_mib());
}

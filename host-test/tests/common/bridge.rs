//! `serve` as its neighbours see it: a downstream that does what it is told, and a sender.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::{Router, response::IntoResponse};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub use super::patience::{PATIENCE, wait_until};

/// What the downstream does with a request.
pub enum Does {
    /// Answers so, with a text that says it.
    Answers(u16),
    /// The same, once it is notified.
    Waits(Arc<Notify>, u16),
    /// Never answers.
    Hangs,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// What it was answered.
    pub status: u16,
}

#[derive(Default)]
struct Shared {
    script: Mutex<VecDeque<Does>>,
    arrived: Mutex<Vec<Arrived>>,
    begun: Notify,
    bytes_max: Mutex<Option<usize>>,
}

/// Takes what is posted, and answers 200 unless told otherwise.
pub struct Downstream {
    shared: Arc<Shared>,
    pub url: String,
}

impl Downstream {
    pub fn start(runtime: &Runtime) -> Downstream {
        let shared = Arc::new(Shared::default());
        let router = Router::new()
            .fallback(arrive)
            .with_state(Arc::clone(&shared));
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Downstream { shared, url }
    }

    /// What it does with the next requests, one each.
    pub fn next(&self, does: impl IntoIterator<Item = Does>) {
        self.shared.script.lock().unwrap().extend(does);
    }

    /// Refuses what is larger with 413, from now on.
    pub fn takes_at_most(&self, bytes: usize) {
        *self.shared.bytes_max.lock().unwrap() = Some(bytes);
    }

    /// Waits until a request has come of which the answer is still due.
    pub fn wait_for_one(&self, runtime: &Runtime) {
        let begun = self.shared.begun.notified();
        runtime
            .block_on(async { tokio::time::timeout(PATIENCE, begun).await })
            .expect("a request comes");
    }

    /// What has arrived since this was asked last.
    pub fn arrived(&self) -> Vec<Arrived> {
        std::mem::take(&mut *self.shared.arrived.lock().unwrap())
    }

    /// The same, and it stays.
    pub fn seen(&self) -> Vec<Arrived> {
        self.shared.arrived.lock().unwrap().clone()
    }

    /// The bodies of those that were answered 2xx, one after the other.
    pub fn accepted(&self) -> String {
        let accepted = |one: &Arrived| (200..300).contains(&one.status);
        let bodies = self.arrived().into_iter().filter(accepted);
        bodies
            .map(|one| String::from_utf8(one.body).unwrap())
            .collect()
    }
}

async fn arrive(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let does = shared.script.lock().unwrap().pop_front();
    let mut status = match does {
        None => 200,
        Some(Does::Answers(status)) => status,
        Some(Does::Waits(until, status)) => {
            shared.begun.notify_one();
            until.notified().await;
            status
        }
        Some(Does::Hangs) => {
            shared.begun.notify_one();
            std::future::pending().await
        }
    };
    let too_large = shared
        .bytes_max
        .lock()
        .unwrap()
        .is_some_and(|most| body.len() > most);
    if too_large {
        status = 413;
    }
    let arrived = Arrived {
        headers,
        body: body.to_vec(),
        status,
    };
    shared.arrived.lock().unwrap().push(arrived);
    let text = format!("the downstream says {status}");
    (
        StatusCode::from_u16(status).unwrap(),
        [(HeaderName::from_static("retry-after"), "7")],
        text,
    )
}

/// Records of users who sign in once, an interrupt each, that differ in their request id.
pub fn records(ids: std::ops::Range<u32>) -> String {
    let record = |id: u32| {
        format!(
            concat!(
                r#"{{"category":"SignInLogs","properties":{{"id":"{0:08x}","createdDateTime":"2026-03-10T08:{1:02}:{2:02}Z","#,
                r#""userPrincipalName":"user{0}@contoso.example","ipAddress":"192.0.2.{3}","correlationId":"c{0}","#,
                r#""deviceDetail":{{"isCompliant":true}},"status":{{"errorCode":50140}}}}}}"#,
                "\n"
            ),
            id,
            id / 60 % 60,
            id % 60,
            id % 200
        )
    };
    ids.map(record).collect()
}

/// Why an enriched record is noise; empty where it is none.
pub fn reason(line: &str) -> String {
    let value: Value = serde_json::from_str(line).unwrap();
    value["signin_triage"]["noise"]["reason"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// The real program, listening.
pub struct Serve {
    child: Child,
    pub url: String,
    /// What it has said.
    heard: Arc<Mutex<String>>,
    listener: Option<thread::JoinHandle<()>>,
}

impl Serve {
    /// Starts it on a port of its own. `arguments` go behind `--forward URL`.
    pub fn start(forward: &str, arguments: &[&str]) -> Serve {
        Serve::start_at("127.0.0.1:0", forward, arguments)
    }

    /// The same on a given port.
    pub fn start_at(listen: &str, forward: &str, arguments: &[&str]) -> Serve {
        let mut child = Command::new(env!("CARGO_BIN_EXE_signin-triage"))
            .args(["serve", "--listen", listen, "--forward", forward])
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let address = line.split(['/', ',']).nth(2).unwrap_or_default();
        assert!(address.parse::<SocketAddr>().is_ok(), "it said: {line}");
        let url = format!("http://{address}");
        // Read on, or it could not say any more.
        let heard = Arc::new(Mutex::new(line));
        let (keep, mut line) = (Arc::clone(&heard), String::new());
        let listener = thread::spawn(move || {
            while said.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                keep.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        Serve {
            child,
            url,
            heard,
            listener: Some(listener),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Waits until it has said that.
    pub fn wait_until_said(&self, what: &str) {
        wait_until(|| {
            let said = self.heard.lock().unwrap();
            let has = said.contains(what).then_some(());
            has.ok_or_else(|| format!("{what:?} was not said, but: {said}"))
        });
    }

    /// The most memory it has had, in MiB.
    pub fn peak_mib(&self) -> u64 {
        self.memory_mib("VmHWM:")
    }

    /// The memory it has, in MiB.
    pub fn resident_mib(&self) -> u64 {
        self.memory_mib("VmRSS:")
    }

    fn memory_mib(&self, name: &str) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with(name));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        kib.unwrap() / 1024
    }

    /// Tells it to stop; what it said, and how it ended.
    pub fn stop(mut self) -> (String, ExitStatus) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(told.success());
        let ended = self.child.wait().unwrap();
        (self.all_said(), ended)
    }

    /// Ends it in the middle of whatever it does; what it had said.
    pub fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.all_said()
    }

    fn all_said(&mut self) -> String {
        self.listener.take().unwrap().join().unwrap();
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends, and says status and text; status 0 where no answer came.
pub struct Sender {
    pub runtime: Runtime,
    pub client: reqwest::Client,
}

impl Sender {
    pub fn new() -> Sender {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .tls_certs_only([])
            .timeout(PATIENCE);
        Sender {
            runtime: Runtime::new().unwrap(),
            client: client.build().unwrap(),
        }
    }

    pub fn post(&self, url: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
        self.send(self.client.post(url).body(body))
    }

    /// Sends meanwhile; the status, and 0 where no answer came.
    pub fn begin(&self, url: &str, body: impl Into<reqwest::Body>) -> JoinHandle<u16> {
        let request = self.client.post(url).body(body);
        self.runtime.spawn(async {
            let answer = request.send().await;
            answer.map_or(0, |answer| answer.status().as_u16())
        })
    }

    pub fn send(&self, request: reqwest::RequestBuilder) -> (u16, String) {
        self.runtime.block_on(async {
            match request.send().await {
                Ok(answer) => (
                    answer.status().as_u16(),
                    answer.text().await.unwrap_or_default(),
                ),
                Err(_) => (0, String::new()),
            }
        })
    }

    pub fn get(&self, url: &str) -> String {
        self.send(self.client.get(url)).1
    }
}

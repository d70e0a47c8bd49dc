//! A downstream that misbehaves below what an HTTP server can be told to do.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time;

/// Longer than anybody who sends to it waits.
const HANGS: Duration = Duration::from_secs(20);

/// What a downstream does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nothing wrong: takes it, and says 200.
    None,
    /// Takes it a piece at a time, and says 200.
    Slow,
    /// Reads it and answers so.
    Answers(u16),
    /// Answers 413 before it has read the body, and closes.
    RefusesUnread,
    /// Reads it and never answers.
    Hangs,
    /// Does not even read it.
    HangsUnread,
    /// Closes when it has half of the body.
    ClosesReading,
    /// Closes before it answers.
    ClosesBeforeAnswer,
    /// Closes within the status line.
    ClosesInStatus,
    /// Closes within the text that follows a 200.
    ClosesInText,
    /// Answers what is not HTTP.
    Nonsense,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 14] = [
        Fault::None,
        Fault::Slow,
        Fault::Answers(500),
        Fault::Answers(503),
        Fault::Answers(429),
        Fault::Answers(413),
        Fault::RefusesUnread,
        Fault::Hangs,
        Fault::HangsUnread,
        Fault::ClosesReading,
        Fault::ClosesBeforeAnswer,
        Fault::ClosesInStatus,
        Fault::ClosesInText,
        Fault::Nonsense,
    ];

    /// Whether whoever sent it has been told that it arrived.
    pub fn accepts(self) -> bool {
        matches!(self, Fault::None | Fault::Slow | Fault::ClosesInText)
    }
}

/// Says what it does with the next request.
pub type Decide = dyn Fn() -> Fault + Send + Sync;

/// Is given what has been taken, before it is answered: the path, and the body.
pub type Take = dyn Fn(&str, &[u8], Fault) + Send + Sync;

pub struct Faulty {
    pub address: String,
    decide: Arc<Decide>,
    take: Arc<Take>,
    listening: Option<JoinHandle<()>>,
}

impl Faulty {
    pub fn start(runtime: &Runtime, decide: Arc<Decide>, take: Arc<Take>) -> Faulty {
        let mut downstream = Faulty {
            address: "127.0.0.1:0".to_owned(),
            decide,
            take,
            listening: None,
        };
        downstream.come_back(runtime);
        downstream
    }

    /// Nobody listens there any more, and what is open is closed.
    pub fn go(&mut self, runtime: &Runtime) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
            let _ = runtime.block_on(listening);
        }
    }

    /// Listens again, at the same address.
    pub fn come_back(&mut self, runtime: &Runtime) {
        let listener = runtime.block_on(TcpListener::bind(&self.address)).unwrap();
        self.address = listener.local_addr().unwrap().to_string();
        let (decide, take) = (Arc::clone(&self.decide), Arc::clone(&self.take));
        self.listening = Some(runtime.spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (decide, take) = (Arc::clone(&decide), Arc::clone(&take));
                open.spawn(async move {
                    // How it ends is what the other side is tested with.
                    let _ = converse(stream, &*decide, &*take).await;
                });
                while open.try_join_next().is_some() {}
            }
        }));
    }
}

/// Answers requests until one side closes.
async fn converse(mut stream: TcpStream, decide: &Decide, take: &Take) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = memchr::memmem::find(&buffer, b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let text = String::from_utf8_lossy(&buffer[..head]).to_lowercase();
        let path = text
            .split_whitespace()
            .nth(1)
            .unwrap_or_default()
            .to_owned();
        let length = text.split("content-length: ").nth(1);
        let length: usize = length.unwrap().lines().next().unwrap().parse().unwrap();
        buffer.drain(..head);
        let fault = decide();
        match fault {
            Fault::RefusesUnread => {
                answer(&mut stream, 413, "").await?;
                return Ok(());
            }
            Fault::HangsUnread => {
                time::sleep(HANGS).await;
                return Ok(());
            }
            _ => {}
        }
        while buffer.len() < length {
            if fault == Fault::ClosesReading && buffer.len() >= length / 2 {
                return Ok(());
            }
            if fault == Fault::Slow {
                time::sleep(Duration::from_millis(5)).await;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        let body: Vec<u8> = buffer.drain(..length).collect();
        take(&path, &body, fault);
        match fault {
            Fault::None => answer(&mut stream, 200, "taken").await?,
            Fault::Slow => {
                time::sleep(Duration::from_millis(300)).await;
                answer(&mut stream, 200, "taken").await?;
            }
            Fault::Answers(status) => answer(&mut stream, status, "no").await?,
            Fault::Hangs => {
                drop(body);
                time::sleep(HANGS).await;
                return Ok(());
            }
            Fault::ClosesInStatus => return stream.write_all(b"HTTP/1.1 20").await,
            Fault::ClosesInText => {
                let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ntaken";
                return stream.write_all(cut).await;
            }
            Fault::Nonsense => return stream.write_all(b"\x16\x03\x01\x02\r\n\r\n").await,
            Fault::ClosesReading
            | Fault::ClosesBeforeAnswer
            | Fault::RefusesUnread
            | Fault::HangsUnread => return Ok(()),
        }
    }
}

async fn answer(stream: &mut TcpStream, status: u16, text: &str) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status} Word\r\nretry-after: 1\r\ncontent-length: {}\r\n\r\n{text}",
        text.len()
    );
    stream.write_all(head.as_bytes()).await
}

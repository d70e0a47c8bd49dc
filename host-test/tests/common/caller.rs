//! A caller that sends one request, waits for its reply, and only then sends the next; and what it sends.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

#[path = "patience.rs"]
mod patience;

pub use patience::{PATIENCE, wait_until};

/// The program under `run --lockstep PROTOCOL`, in an empty environment as callers have it.
pub struct Caller {
    child: Child,
    stdin: Option<ChildStdin>,
    wanted: Sender<()>,
    replies: Receiver<Option<Vec<u8>>>,
    stderr: JoinHandle<Vec<u8>>,
    length_prefixed: bool,
}

/// What is left when the program has ended.
pub struct Ended {
    pub status: ExitStatus,
    pub stderr: String,
    /// What was written besides the replies asked for.
    pub unasked: Vec<Vec<u8>>,
}

impl Caller {
    pub fn start(protocol: &str, arguments: &[&str]) -> Caller {
        let mut child = Command::new(env!("CARGO_BIN_EXE_signin-triage"))
            .args(["run", "--lockstep", protocol])
            .args(arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let (wanted, asked) = channel();
        let (answer, replies) = channel();
        let length_prefixed = protocol == "length-prefixed";
        // Nothing is read before the request has been written to its end: a program that answers earlier, with more
        // than a pipe holds, would wait here for ever, as it would with the callers it is made for.
        thread::spawn(move || {
            while asked.recv().is_ok() {
                let reply = if length_prefixed {
                    message(&mut stdout)
                } else {
                    line(&mut stdout)
                };
                let _ = answer.send(reply);
            }
            // A caller that goes away early would be a failure of its own.
            drop(io::copy(&mut stdout, &mut io::sink()));
        });
        let stderr = thread::spawn(move || {
            let mut said = Vec::new();
            let _ = stderr.read_to_end(&mut said);
            said
        });
        Caller {
            stdin: child.stdin.take(),
            child,
            wanted,
            replies,
            stderr,
            length_prefixed,
        }
    }

    /// Sends a request and waits for its reply. `None`: the program has ended.
    pub fn ask(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        let length = u32::try_from(request.len()).unwrap().to_be_bytes();
        let stdin = self.stdin.as_mut().unwrap();
        let sent = if self.length_prefixed {
            stdin.write_all(&[&length[..], request].concat())
        } else {
            stdin.write_all(request)
        };
        // A program that has ended does not take it, and gives no reply either.
        drop(sent);
        self.reply()
    }

    fn reply(&self) -> Option<Vec<u8>> {
        self.wanted.send(()).unwrap();
        self.replies
            .recv_timeout(PATIENCE)
            .expect("a reply in time")
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stdin.as_mut().unwrap().write_all(bytes).unwrap();
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Closes the input and waits for the end, whatever is written until then.
    pub fn close(mut self) -> Ended {
        self.stdin = None;
        drop(self.wanted);
        Ended {
            status: self.child.wait().unwrap(),
            stderr: String::from_utf8(self.stderr.join().unwrap()).unwrap(),
            unasked: Vec::new(),
        }
    }

    /// Closes the input and waits for the end.
    pub fn finish(mut self) -> Ended {
        self.stdin = None;
        let mut unasked = Vec::new();
        while let Some(reply) = self.reply() {
            unasked.push(reply);
        }
        Ended {
            status: self.child.wait().unwrap(),
            stderr: String::from_utf8(self.stderr.join().unwrap()).unwrap(),
            unasked,
        }
    }
}

impl Ended {
    /// With that exit code, nothing on standard error, and no reply too many.
    pub fn in_order(&self, code: i32) {
        assert_eq!(self.stderr, "");
        assert_eq!(self.unasked, Vec::<Vec<u8>>::new());
        assert_eq!(self.status.code(), Some(code));
    }
}

fn line(from: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line).unwrap();
    (!line.is_empty()).then_some(line)
}

fn message(from: &mut impl Read) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).ok()?;
    let mut message = vec![0; u32::from_be_bytes(length) as usize];
    from.read_exact(&mut message).unwrap();
    Some(message)
}

/// Runs the program to its end with `input` on standard input, and gives what it wrote.
pub fn output_of(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_signin-triage"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    output.stdout
}

/// Lines with their line ends.
pub fn lines_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    lines.map(<[u8]>::to_vec).collect()
}

/// The records of an invented tenant, with what real streams hold besides after every ninth of them.
pub fn traffic(users: u32) -> Vec<Vec<u8>> {
    let records = output_of(&["demo", "--users", &users.to_string(), "--days", "1"], b"");
    let records = lines_of(&records);
    let first = String::from_utf8(records[0].trim_ascii_end().to_vec()).unwrap();
    let deep = format!("{{\"a\":{}{}}}\n", "[".repeat(10_000), "]".repeat(10_000));
    let broken: [Vec<u8>; 8] = [
        b"\n".to_vec(),
        b"Mar  1 10:02:03 host app: hello\n".to_vec(),
        format!("{}\n", &first[..first.len() / 2]).into_bytes(),
        b"{\"category\":\"AuditLogs\",\"name\":\"\xff\xfe\"}\n".to_vec(),
        b"{\"category\":\"AuditLogs\",\"operationName\":\"Add user\"}\r\n".to_vec(),
        deep.into_bytes(),
        b"\xff\n".to_vec(),
        format!("{{\"records\":[{first},{first}]}}\r\n").into_bytes(),
    ];
    let mut lines = Vec::new();
    for (index, record) in records.into_iter().enumerate() {
        lines.push(record);
        if index % 9 == 8 {
            lines.push(broken[index / 9 % broken.len()].clone());
        }
    }
    lines
}

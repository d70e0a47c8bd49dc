//! What callers send: lines, or messages with their length before them, read by a thread of its own.

use std::io::{self, ErrorKind, Read};
use std::sync::mpsc::{Receiver, SyncSender};

use super::{MESSAGE_BYTES_MAX, Protocol};
use crate::PassedOn;
use crate::feed;
use crate::inputs::Input;
use crate::stream::{self, BATCH_BYTES, Stopped, Stretch};

/// What was read, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// Whole lines with their line ends; only the last can lack one.
    Lines(String),
    /// A line that no component can take, or a piece of it: see [`Stretch::Raw`].
    Raw {
        /// The bytes; a line end can only be the last of them.
        bytes: Vec<u8>,
        /// What they are.
        why: PassedOn,
        /// Whether a line begins here.
        begins_line: bool,
    },
    /// A whole message, without its length.
    Message(Vec<u8>),
    /// The length of a message that is longer than [`MESSAGE_BYTES_MAX`]. It follows in pieces.
    LongMessage(u32),
    /// A piece of such a message.
    Piece(Vec<u8>),
    /// The caller has closed the input, and all of it was read.
    End,
    /// The input ended within a message, or could not be read any further.
    Broken(String),
    /// The program was told to stop: SIGINT, SIGTERM or SIGHUP.
    Stop,
}

/// Reads standard input. [`Heard::End`], [`Heard::Broken`] or [`Heard::Stop`] is the last to come.
pub fn hear(protocol: Protocol) -> Receiver<Heard> {
    let (_, heard) = feed::on_thread(
        || Heard::Stop,
        move |sender| {
            let read = Input::Stdin.open().map_err(Stopped::Reading);
            let ended = read.and_then(|input| match protocol {
                Protocol::Rsyslog | Protocol::Lines => lines(input, &sender),
                Protocol::LengthPrefixed => messages(input, |heard| send(&sender, heard)),
            });
            let last = match ended {
                Ok(()) => Heard::End,
                Err(Stopped::Reading(error)) => Heard::Broken(format!("standard input: {error}")),
                Err(Stopped::Taking(Gone)) => return,
            };
            let _ = sender.send(last);
        },
    );
    heard
}

/// Nobody listens any more.
#[derive(Debug)]
struct Gone;

fn send(sender: &SyncSender<Heard>, heard: Heard) -> Result<(), Gone> {
    sender.send(heard).map_err(|_| Gone)
}

fn lines(input: impl Read, sender: &SyncSender<Heard>) -> Result<(), Stopped<Gone>> {
    stream::cut(input, |stretch| {
        let heard = match stretch {
            Stretch::Lines(text) => Heard::Lines(text.to_owned()),
            Stretch::Raw {
                bytes,
                why,
                begins_line,
            } => Heard::Raw {
                bytes: bytes.to_owned(),
                why,
                begins_line,
            },
        };
        send(sender, heard)
    })
}

/// Reads messages, each after its length: four bytes, the highest first.
fn messages<E>(
    mut input: impl Read,
    mut take: impl FnMut(Heard) -> Result<(), E>,
) -> Result<(), Stopped<E>> {
    while let Some(length) = length(&mut input).map_err(Stopped::Reading)? {
        let mut left = u64::from(length);
        if left <= MESSAGE_BYTES_MAX {
            let message = piece(&mut input, left).map_err(Stopped::Reading)?;
            take(Heard::Message(message)).map_err(Stopped::Taking)?;
            continue;
        }
        take(Heard::LongMessage(length)).map_err(Stopped::Taking)?;
        while left > 0 {
            let bytes =
                piece(&mut input, left.min(BATCH_BYTES as u64)).map_err(Stopped::Reading)?;
            left -= bytes.len() as u64;
            take(Heard::Piece(bytes)).map_err(Stopped::Taking)?;
        }
    }
    Ok(())
}

/// The length of the next message; `None` at the end of the input.
fn length(input: &mut impl Read) -> io::Result<Option<u32>> {
    let mut bytes = [0; 4];
    let mut filled = 0;
    while filled < bytes.len() {
        match input.read(&mut bytes[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(half()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(u32::from_be_bytes(bytes)))
}

/// So many bytes. Room is made as they come, so a length that is a lie costs nothing.
fn piece(input: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(length).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < length {
        return Err(half());
    }
    Ok(bytes)
}

fn half() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "ends within a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(input: &[u8]) -> (Vec<Heard>, Option<String>) {
        let mut seen = Vec::new();
        let ended = messages(input, |heard| {
            seen.push(heard);
            Ok::<(), ()>(())
        });
        let problem = match ended {
            Err(Stopped::Reading(error)) => Some(error.to_string()),
            _ => None,
        };
        (seen, problem)
    }

    #[test]
    fn messages_are_read_by_their_length() {
        let message = |text: &str| Heard::Message(text.as_bytes().to_vec());
        for (input, seen, half) in [
            (&b""[..], vec![], false),
            (b"\0\0\0\0", vec![message("")], false),
            (
                b"\0\0\0\x02ab\0\0\0\x01\n",
                vec![message("ab"), message("\n")],
                false,
            ),
            (b"\0\0\0\x01a\0\0", vec![message("a")], true),
            (b"\0\0\0\x01a\0\0\0\x02b", vec![message("a")], true),
            // A text instead of a length announces a gigabyte.
            (b"{\"a\":1}", vec![Heard::LongMessage(0x7b22_6122)], true),
        ] {
            let problem = half.then(|| "ends within a message".to_owned());
            assert_eq!(heard(input), (seen, problem), "{input:?}");
        }
    }

    #[test]
    fn a_long_message_comes_in_pieces() {
        let length = u32::try_from(MESSAGE_BYTES_MAX + 1).unwrap();
        let input = [&length.to_be_bytes()[..], &vec![b'x'; length as usize]].concat();
        let (seen, problem) = heard(&input);
        assert_eq!((&seen[0], problem), (&Heard::LongMessage(length), None));
        let mut total = 0;
        for piece in &seen[1..] {
            let Heard::Piece(bytes) = piece else {
                panic!("not a piece")
            };
            assert!(bytes.len() <= BATCH_BYTES);
            total += bytes.len();
        }
        assert_eq!(total, length as usize);
    }
}

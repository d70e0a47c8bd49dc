//! Reading apart from transforming: a thread reads the inputs, so that a signal to stop is heard while a pipe is silent.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::PassedOn;
use crate::inputs::{Input, Source};
use crate::position::HEAD_BYTES;
use crate::stream::{self, Stopped, Stretch};

/// What was read, in order.
#[derive(Debug)]
pub enum Fed {
    /// An input of that name has been opened and begins.
    Begin(String),
    /// How the input begins, where the run can be gone on with: what comes next of its first [`HEAD_BYTES`].
    Head(Vec<u8>),
    /// Whole lines with their line ends; only the last of an input can lack one.
    Lines(String),
    /// Bytes to be passed on as they are, see [`Stretch::Raw`].
    Raw {
        /// The bytes.
        bytes: Vec<u8>,
        /// What they are.
        why: PassedOn,
        /// Whether a line begins here.
        begins_line: bool,
    },
    /// The input has been read to its end.
    End,
    /// It could not be read any further; what was read until then has been handed over.
    Failed(Input, io::Error),
    /// That was the last input.
    Done,
    /// The program was told to stop: SIGINT, SIGTERM or SIGHUP.
    Stop,
}

/// Batches read ahead, of at most about a megabyte each.
const AHEAD: usize = 2;

/// What is being read, and a way to end it.
pub struct Feed {
    /// What was read. [`Fed::Done`] or [`Fed::Stop`] is the last to come.
    pub fed: Receiver<Fed>,
    /// Whoever sends [`Fed::Stop`] here ends it, also while a pipe is silent.
    pub stop: SyncSender<Fed>,
}

/// What is to be read.
pub struct Reading {
    /// In order.
    pub inputs: Vec<Input>,
    /// The first of them, where it has been opened and so many bytes of it are passed by.
    pub begun: Option<(Source, u64)>,
    /// The run can be gone on with. So the first input that fails is the last, for the next run to begin there: nothing
    /// that comes after it belongs where it would go.
    resumable: bool,
}

impl Reading {
    /// All inputs, whichever of them fail.
    pub fn all(inputs: Vec<Input>) -> Reading {
        Reading {
            inputs,
            begun: None,
            resumable: false,
        }
    }

    /// For a run that can be gone on with.
    pub fn resumable(inputs: Vec<Input>, begun: Option<(Source, u64)>) -> Reading {
        Reading {
            inputs,
            begun,
            resumable: true,
        }
    }
}

/// Reads the inputs one after the other.
pub fn feed(reading: Reading) -> Feed {
    let Reading {
        inputs,
        mut begun,
        resumable,
    } = reading;
    let (stop, fed) = on_thread(
        || Fed::Stop,
        move |sender| {
            for input in inputs {
                match one(&input, begun.take(), resumable, &sender) {
                    Err(Gone) => return,
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => {
                        if sender.send(Fed::Failed(input, error)).is_err() {
                            return;
                        }
                        if resumable {
                            break;
                        }
                    }
                }
            }
            let _ = sender.send(Fed::Done);
        },
    );
    Feed { fed, stop }
}

/// Runs `read` on a thread of its own. What it sends comes out here, and `stop` too, when the program is told to stop;
/// what is sent by others stands among it.
pub fn on_thread<T: Send + 'static>(
    stop: impl Fn() -> T + Send + 'static,
    read: impl FnOnce(SyncSender<T>) + Send + 'static,
) -> (SyncSender<T>, Receiver<T>) {
    let (sender, receiver) = sync_channel(AHEAD);
    let others = sender.clone();
    let stopping = sender.clone();
    // A second handler in one process is refused; tests that run several times in one process go without.
    let heard = ctrlc::set_handler(move || {
        let _ = stopping.send(stop());
    });
    drop(heard);
    thread::spawn(move || read(sender));
    (others, receiver)
}

/// Nobody listens any more.
struct Gone;

/// Reads one input: to its end, or until that fails.
fn one(
    input: &Input,
    begun: Option<(Source, u64)>,
    resumable: bool,
    sender: &SyncSender<Fed>,
) -> Result<io::Result<()>, Gone> {
    let send = |fed| sender.send(fed).map_err(|_| Gone);
    let opened = begun.map_or_else(|| Ok((input.open_unpacked()?, 0)), Ok);
    let (source, passed) = match opened {
        Ok(opened) => opened,
        Err(error) => return Ok(Err(error)),
    };
    send(Fed::Begin(input.shown()))?;
    let mut head_left = if resumable {
        usize::try_from(HEAD_BYTES.saturating_sub(passed)).unwrap_or(usize::MAX)
    } else {
        0
    };
    let ended = stream::cut(source, |stretch| {
        let bytes = match stretch {
            Stretch::Lines(text) => text.as_bytes(),
            Stretch::Raw { bytes, .. } => bytes,
        };
        let head = &bytes[..head_left.min(bytes.len())];
        head_left -= head.len();
        if !head.is_empty() {
            send(Fed::Head(head.to_owned()))?;
        }
        send(match stretch {
            Stretch::Lines(text) => Fed::Lines(text.to_owned()),
            Stretch::Raw {
                bytes,
                why,
                begins_line,
            } => Fed::Raw {
                bytes: bytes.to_owned(),
                why,
                begins_line,
            },
        })
    });
    match ended {
        Ok(()) => send(Fed::End).map(Ok),
        Err(Stopped::Reading(error)) => Ok(Err(error)),
        Err(Stopped::Taking(gone)) => Err(gone),
    }
}

//! Reading apart from transforming: a thread reads the inputs, so that a signal to stop is heard while a pipe is silent.

use std::io::{self, ErrorKind, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::PassedOn;
use crate::inputs::Input;
use crate::stream::{self, Stopped, Stretch};

/// What was read, in order.
#[derive(Debug)]
pub enum Fed {
    /// An input begins.
    Begin,
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

/// Reads the inputs one after the other, but for so many bytes of the first, which are passed by.
pub fn feed(inputs: Vec<Input>, mut skip: u64) -> Feed {
    let (stop, fed) = on_thread(
        || Fed::Stop,
        move |sender| {
            for input in inputs {
                if one(input, std::mem::take(&mut skip), &sender).is_err() {
                    return;
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

/// Reads so many bytes and forgets them.
fn pass_by(source: &mut dyn Read, bytes: u64) -> io::Result<()> {
    if io::copy(&mut source.take(bytes), &mut io::sink())? < bytes {
        let what = "is shorter than what the state covers: leave --resume out to begin anew";
        return Err(io::Error::new(ErrorKind::UnexpectedEof, what));
    }
    Ok(())
}

/// Nobody listens any more, or nothing more is to come.
struct Gone;

fn one(input: Input, skip: u64, sender: &SyncSender<Fed>) -> Result<(), Gone> {
    let send = |fed| sender.send(fed).map_err(|_| Gone);
    send(Fed::Begin)?;
    let opened = input.open_unpacked().and_then(|mut source| {
        pass_by(&mut source, skip)?;
        Ok(source)
    });
    let source = match opened {
        // Nothing that comes after it belongs where it would go.
        Err(error) if skip > 0 => {
            send(Fed::Failed(input, error))?;
            send(Fed::Done)?;
            return Err(Gone);
        }
        Ok(source) => source,
        Err(error) => return send(Fed::Failed(input, error)),
    };
    let ended = stream::cut(source, |stretch| {
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
        Ok(()) => send(Fed::End),
        Err(Stopped::Reading(error)) => send(Fed::Failed(input, error)),
        Err(Stopped::Taking(gone)) => Err(gone),
    }
}

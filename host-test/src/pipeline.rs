//! The stages of `run`, each on a thread of its own, so that the transform waits for neither reading nor writing.
//!
//! [`feed`](crate::feed) reads → [`spread`] sends lines to sessions → each session enriches what is sent to it → the
//! caller takes what was made, in the order in which it was read. With several sessions the lines are spread by user.
//! The stages are joined by short queues, so memory does not grow with the input.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use std::{io, iter, thread};

use signin_triage::keyed;
use signin_triage::state::Key;
use signin_triage::state::event::hash64;

use crate::feed::{Fed, Feed};
use crate::inputs::Input;
use crate::plugin::{Outcome, Trouble};
use crate::{PassedOn, Session};

/// Most sessions side by side: the partition of a line is noted in a byte.
pub const JOBS_MAX: u8 = 64;

/// Batches that wait before each stage.
const AHEAD: usize = 2;

/// Sessions for which one thread finds the users.
const SESSIONS_A_READER: usize = 2;

/// What is worth a thread of its own, in bytes.
const PIECE_BYTES_MIN: usize = 64 << 10;

/// What has been made of what was read, in order. See [`Fed`], whose lines these are.
pub enum Made {
    /// An input of that name begins.
    Begin(String),
    /// What comes next of its first bytes.
    Head(Vec<u8>),
    /// The lines of a batch, enriched.
    Batch(Batch),
    /// Bytes of no session.
    Raw(Vec<u8>),
    /// What the session remembers here, or why that cannot be said. Only whole lines came before.
    Snapshot(Result<String, String>),
    /// The input has been read to its end.
    End,
    /// It could not be read any further.
    Failed(Input, io::Error),
    /// The program was told to stop; all that was read before has been handed over.
    Stop,
}

/// What became of a batch.
#[derive(Default)]
pub struct Batch {
    /// The lines that stay.
    pub kept: String,
    /// The lines that leave by the second output.
    pub suppressed: String,
    /// Where the component failed.
    pub troubles: Vec<Trouble>,
    /// How large it was when it was read.
    pub read: Read,
}

/// How much was read.
#[derive(Default, Clone, Copy)]
pub struct Read {
    /// Bytes.
    pub bytes: usize,
    /// Line ends.
    pub lines: usize,
    /// The last line lacks its end.
    pub unended: bool,
}

impl Read {
    /// How much these bytes are.
    pub fn of(bytes: &[u8]) -> Read {
        Read {
            bytes: bytes.len(),
            lines: memchr::memchr_iter(b'\n', bytes).count(),
            unended: bytes.last().is_some_and(|last| *last != b'\n'),
        }
    }
}

/// Enriches all that is read and hands it to `take`, until that was all, the program is told to stop, or `take` fails.
/// Then no session has anything left to do, and unless `take` failed it had all that they made.
///
/// `snapshot_after`: take a snapshot of the first session no later than so long after a batch, and before a line whose end
/// has not come, which may be half of what it will be.
pub fn run<'s, 'p: 's, E>(
    feed: Feed,
    sessions: impl IntoIterator<Item = &'s mut Session<'p>>,
    snapshot_after: Option<Duration>,
    mut take: impl FnMut(Made) -> Result<(), E>,
) -> Result<(), E> {
    let Feed { fed, stop } = feed;
    thread::scope(|scope| {
        let (lanes, outcomes): (Vec<_>, Vec<_>) = sessions
            .into_iter()
            .map(|session| {
                let (lane, work) = sync_channel(AHEAD);
                let (done, outcomes) = sync_channel(AHEAD);
                scope.spawn(move || enrich(session, work, &done));
                (lane, outcomes)
            })
            .unzip();
        let (sender, tickets) = sync_channel(AHEAD);
        scope.spawn(move || spread(&fed, &lanes, &sender, snapshot_after));
        let ended = tickets.iter().try_for_each(|ticket| {
            take(match ticket {
                Ticket::Ready(made) => made,
                Ticket::Batch(order, read) => order.collect(&outcomes, read),
                Ticket::Snapshot => Made::Snapshot(match outcomes.first().map(Receiver::recv) {
                    Some(Ok(Done::Snapshot(snapshot))) => snapshot,
                    _ => Err("the session has ended".to_owned()),
                }),
            })
        });
        // Whoever waits for us, or for a pipe that is silent, ends.
        drop((tickets, outcomes));
        let _ = stop.send(Fed::Stop);
        ended
    })
}

/// What a session is asked.
enum Work {
    /// Lines to enrich; it answers with their outcome.
    Lines(String),
    /// Lines to count, which it does not answer.
    PassOn(PassedOn, u64, usize),
    /// What it remembers; it answers with that.
    Snapshot,
}

/// What a session answers.
enum Done {
    Lines(Outcome),
    Snapshot(Result<String, String>),
}

/// What comes next in the output.
enum Ticket {
    /// Something that no session has to look at.
    Ready(Made),
    /// A batch that sessions are at.
    Batch(Order, Read),
    /// What the first session remembers.
    Snapshot,
}

/// Where the lines of a batch are.
#[derive(Debug, PartialEq, Eq)]
enum Order {
    /// All with one session.
    One(u8),
    /// The session of each line, in the order in which they came.
    Each(Vec<u8>),
}

/// One session at work.
fn enrich(session: &mut Session, work: Receiver<Work>, done: &SyncSender<Done>) {
    for one in work {
        let answer = match one {
            Work::Lines(lines) => Done::Lines(session.process_owned(lines)),
            Work::Snapshot => Done::Snapshot(session.snapshot().map_err(|error| error.to_string())),
            Work::PassOn(why, lines, bytes) => {
                session.pass_on(why, lines, bytes);
                continue;
            }
        };
        if done.send(answer).is_err() {
            return;
        }
    }
}

/// Sends what is read to the sessions, and says in `tickets` what comes in which order. Ends where nobody listens.
fn spread(
    fed: &Receiver<Fed>,
    lanes: &[SyncSender<Work>],
    tickets: &SyncSender<Ticket>,
    snapshot_after: Option<Duration>,
) {
    let ready = |made| tickets.send(Ticket::Ready(made)).is_ok();
    let snapshot = || {
        let asked = tickets.send(Ticket::Snapshot).is_ok();
        let lane = lanes.first();
        asked && lane.is_some_and(|lane| lane.send(Work::Snapshot).is_ok())
    };
    // When a snapshot is due, and whether a line has begun whose end has not come: it would be cut in two there. Where it
    // is the last of its input, its end has come with the first line of the next.
    let mut due: Option<Instant> = None;
    let mut inside_line = false;
    loop {
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) && !inside_line {
            due = None;
            if !snapshot() {
                return;
            }
        }
        let next = match left.filter(|_| due.is_some() && !inside_line) {
            Some(left) => fed.recv_timeout(left),
            None => fed.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let one = match next {
            Ok(one) => one,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let (begins_line, ends_line) = match &one {
            Fed::Lines(text) => (true, text.ends_with('\n')),
            Fed::Raw {
                bytes, begins_line, ..
            } => (*begins_line, bytes.ends_with(b"\n")),
            _ => (false, !inside_line),
        };
        inside_line = !ends_line;
        if let (Fed::Lines(_) | Fed::Raw { .. }, Some(after)) = (&one, snapshot_after) {
            if begins_line && inside_line {
                due = None;
                if !snapshot() {
                    return;
                }
            }
            due = due.or_else(|| Instant::now().checked_add(after));
        }
        let goes_on = match one {
            Fed::Begin(name) => ready(Made::Begin(name)),
            Fed::Head(bytes) => ready(Made::Head(bytes)),
            Fed::Lines(text) => {
                let read = Read::of(text.as_bytes());
                let (order, parts) = part(text, lanes.len());
                let mut goes_on = tickets.send(Ticket::Batch(order, read)).is_ok();
                for (lane, part) in lanes.iter().zip(parts) {
                    goes_on &= part.is_empty() || lane.send(Work::Lines(part)).is_ok();
                }
                goes_on
            }
            Fed::Raw {
                bytes,
                why,
                begins_line,
            } => {
                let count = Work::PassOn(why, u64::from(begins_line), bytes.len());
                let counted = lanes.first().is_some_and(|lane| lane.send(count).is_ok());
                counted && ready(Made::Raw(bytes))
            }
            Fed::End => ready(Made::End),
            Fed::Failed(input, error) => ready(Made::Failed(input, error)),
            Fed::Done => return,
            Fed::Stop => {
                ready(Made::Stop);
                return;
            }
        };
        if !goes_on {
            return;
        }
    }
}

/// Parts a batch by user, for so many sessions; what a session has nothing of is empty.
fn part(text: String, sessions: usize) -> (Order, Vec<String>) {
    if sessions == 1 {
        return (Order::One(0), vec![text]);
    }
    let order = places(&text, sessions);
    let mut sizes = vec![0; sessions];
    for (line, &place) in lines(&text).zip(&order) {
        sizes[usize::from(place)] += line.len();
    }
    let mut parts: Vec<String> = sizes
        .iter()
        .map(|&size| String::with_capacity(size))
        .collect();
    if let Some(&place) = order
        .first()
        .filter(|&&first| sizes[usize::from(first)] == text.len())
    {
        parts[usize::from(place)] = text;
        return (Order::One(place), parts);
    }
    for (line, &place) in lines(&text).zip(&order) {
        parts[usize::from(place)].push_str(line);
    }
    (Order::Each(order), parts)
}

/// The lines of a text, with their line ends.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |end| end + 1);
        let (line, left) = rest.split_at(end);
        rest = left;
        (!line.is_empty()).then_some(line)
    })
}

/// The session of each line. To find the user is a third of the work that a session has with a line, so one thread
/// could not do it for many.
fn places(text: &str, sessions: usize) -> Vec<u8> {
    let of = |text: &str| -> Vec<u8> { lines(text).map(|line| place_of(line, sessions)).collect() };
    let threads = sessions.div_ceil(SESSIONS_A_READER);
    if threads == 1 || text.len() < PIECE_BYTES_MIN * threads {
        return of(text);
    }
    let bytes = text.len() / threads + 1;
    thread::scope(|scope| {
        let mut rest = text;
        let mut readers = Vec::new();
        while !rest.is_empty() {
            let from = bytes.min(rest.len());
            let end = memchr::memchr(b'\n', &rest.as_bytes()[from..]);
            let (piece, left) = rest.split_at(end.map_or(rest.len(), |end| from + end + 1));
            rest = left;
            readers.push(scope.spawn(move || of(piece)));
        }
        let places = readers
            .into_iter()
            .flat_map(|reader| reader.join().unwrap_or_else(|panic| resume_unwind(panic)));
        places.collect()
    })
}

/// The session for a line: the same for all lines of a user, as the component reads it. What names no user, and
/// envelopes, which hold records of several, all go to the first.
fn place_of(line: &str, sessions: usize) -> u8 {
    let user = keyed::key_of(Key::User, line);
    let place = user.map_or(0, |user| hash64(&user) % sessions as u64);
    u8::try_from(place).unwrap_or(0)
}

impl Order {
    /// Waits for what the sessions make of a batch, and puts it together.
    fn collect(self, outcomes: &[Receiver<Done>], read: Read) -> Made {
        let mut batch = Batch {
            read,
            ..Batch::default()
        };
        let mut has_part = vec![false; outcomes.len()];
        match &self {
            Order::One(place) => has_part[usize::from(*place)] = true,
            Order::Each(places) => {
                for place in places {
                    has_part[usize::from(*place)] = true;
                }
            }
        }
        let kept: Vec<String> = outcomes
            .iter()
            .zip(has_part)
            .map(|(outcomes, has_part)| {
                // A session that panicked makes nothing more; the panic goes on when all threads have ended.
                let outcome = match has_part.then(|| outcomes.recv()) {
                    Some(Ok(Done::Lines(outcome))) => outcome,
                    _ => Outcome::default(),
                };
                batch.troubles.extend(outcome.trouble());
                if batch.suppressed.is_empty() {
                    batch.suppressed = outcome.suppressed;
                } else {
                    batch.suppressed.push_str(&outcome.suppressed);
                }
                outcome.kept
            })
            .collect();
        batch.kept = self.merged(kept);
        Made::Batch(batch)
    }

    /// The lines of all sessions in the order in which they came. One line of each is one that came; where that is
    /// not so, what is left over stands at the end, because no line may be lost.
    fn merged(self, mut kept: Vec<String>) -> String {
        let places = match self {
            Order::One(place) => return kept.swap_remove(usize::from(place)),
            Order::Each(places) => places,
        };
        let mut merged = String::with_capacity(kept.iter().map(String::len).sum());
        let mut rests: Vec<&str> = kept.iter().map(String::as_str).collect();
        for place in places {
            let rest = &mut rests[usize::from(place)];
            let end = memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |end| end + 1);
            let (line, left) = rest.split_at(end);
            merged.push_str(line);
            *rest = left;
        }
        merged.extend(rests);
        merged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(user: &str, id: usize) -> String {
        format!(
            r#"{{"id":"{id}","createdDateTime":"2026-03-10T08:00:00Z","userPrincipalName":"{user}","status":{{"errorCode":0}}}}"#
        )
    }

    #[test]
    fn a_user_is_with_one_session_whatever_the_capitals() {
        for sessions in [2, 3, 64] {
            let mut seen = vec![false; sessions];
            for number in 0..1000 {
                let user = format!("user{number}@contoso.example");
                let place = place_of(&record(&user, 1), sessions);
                assert_eq!(place, place_of(&record(&user.to_uppercase(), 2), sessions));
                seen[usize::from(place)] = true;
            }
            assert!(seen.iter().all(|&seen| seen), "{sessions}");
        }
        let envelope = format!(r#"{{"records":[{}]}}"#, record("ada", 1));
        for line in ["", "\n", "nonsense\n", "{}", &envelope] {
            assert_eq!(place_of(line, 7), 0, "{line}");
        }
    }

    #[test]
    fn what_was_parted_comes_together_in_order() {
        let line = |number: usize| record(&format!("user{}", number % 5), number) + "\r\n";
        let mut text: String = (0..40).map(line).collect();
        text.insert_str(0, "\n\nnonsense\n");
        text.push_str("no line end");
        assert!(
            text.len() * 40 > PIECE_BYTES_MIN * 2,
            "too short for two threads"
        );
        for (sessions, times) in [(1, 1), (2, 1), (5, 1), (64, 1), (4, 40)] {
            let text = text.repeat(times);
            let (order, parts) = part(text.clone(), sessions);
            assert_eq!(parts.len(), sessions);
            assert_eq!(parts.iter().map(String::len).sum::<usize>(), text.len());
            assert_eq!(order.merged(parts), text, "{sessions}");
        }
        // All of one user: nothing is taken apart.
        let one = record("ada", 1) + "\n" + &record("ada", 2);
        let (order, parts) = part(one.clone(), 4);
        assert!(matches!(order, Order::One(_)), "{order:?}");
        assert_eq!(order.merged(parts), one);
    }

    #[test]
    fn no_line_is_lost_where_lines_and_order_disagree() {
        let order = Order::Each(vec![1, 0, 1]);
        let kept = ["a\nb\nc".to_owned(), "1\n".to_owned()];
        assert_eq!(order.merged(kept.into()), "1\na\nb\nc");
    }
}

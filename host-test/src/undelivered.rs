//! Lines that were enriched and are not known to have arrived downstream.
//!
//! A request that fails is sent again, perhaps cut otherwise. Were its lines judged a second time, they would be known
//! and count as noise (`duplicate`), though nobody has seen them. So what was made of each is kept until it has
//! arrived, and sent again as it was. Where there is no room for that any more, its key stays, and the line is sent on
//! as it came: without labels, but never as noise.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::checksum::sha256;
use crate::stream::bare;

/// Memory for lines of requests that have failed, in bytes. Beyond it the text of those that failed first is forgotten.
/// What is on its way is kept besides.
pub const BYTES_MAX: usize = 64 << 20;

/// How long the text of a line is kept after its request failed, in seconds. Senders that try again do so within minutes;
/// what comes after this goes on without labels.
pub const TEXT_SECS: u64 = 3600;

/// Keys kept of lines whose text was forgotten: those of a gigabyte of records. Beyond it the first go, and would be
/// judged a second time.
pub const KEYS_MAX: usize = 200_000;

/// Memory for roll-ups that have not arrived, in bytes. Beyond it the oldest are forgotten.
pub const ROLLUP_BYTES_MAX: usize = 16 << 20;

/// What a line takes besides its text, in bytes: keys in two tables, and the allocator's share.
const LINE_BYTES: usize = 200;

/// First line of a state file that holds such lines before the snapshot: `<name> <bytes of what follows> <its SHA-256>`.
const NAME: &str = "signin-triage-undelivered";

/// The first half of the SHA-256 of a line without its end, and how many times the request held that line before.
pub type LineKey = ([u8; 16], u32);

/// Tells the lines of one request apart, also where one stands twice in it.
#[derive(Default)]
pub struct LineKeys {
    seen: BTreeMap<[u8; 16], u32>,
}

impl LineKeys {
    /// The key of the next line. The same until [`LineKeys::used`].
    pub fn of(&self, line: &str) -> LineKey {
        let half = half(line.as_bytes());
        (half, self.seen.get(&half).copied().unwrap_or_default())
    }

    /// The line of that key is kept; the next one like it has another.
    pub fn used(&mut self, (half, nth): LineKey) {
        self.seen.insert(half, nth + 1);
    }
}

/// What was made of a line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// What goes downstream.
    pub kept: String,
    /// What leaves by the second output; empty once it has.
    pub suppressed: String,
}

impl Made {
    /// Whatever leaves, without the line ends.
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        lines(self.kept.as_bytes()).chain(lines(self.suppressed.as_bytes()))
    }
}

/// What is known of a line that comes.
#[derive(Debug, PartialEq, Eq)]
pub enum Known {
    /// It is to be judged.
    New,
    /// This was made of it.
    Made(Made),
    /// It was judged, and what was made of it is forgotten.
    Forgotten,
}

/// A line, and the last request that held it.
struct Line {
    request: u64,
    /// `None`: forgotten.
    made: Option<Made>,
}

impl Line {
    fn bytes(&self) -> usize {
        let text = |made: &Made| made.kept.len() + made.suppressed.len() + LINE_BYTES;
        self.made.as_ref().map_or(0, text)
    }
}

/// The lines of a request. Those that another request took over since are passed by.
#[derive(Default)]
struct Request {
    keys: Vec<LineKey>,
    /// How many are still its own.
    own: usize,
    /// When it failed, in seconds of the epoch.
    since: u64,
}

/// A line as it stands in a state file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Saved {
    Rollup {
        rollup: String,
    },
    Line {
        line: String,
        nth: u32,
        made: Option<Made>,
        #[serde(default)]
        request: u64,
        #[serde(default)]
        since: u64,
    },
}

/// See the module.
#[derive(Default)]
pub struct Undelivered {
    lines: BTreeMap<LineKey, Line>,
    on_the_way: BTreeMap<u64, Request>,
    failed: BTreeMap<u64, Request>,
    /// Of lines in `failed`.
    bytes: usize,
    /// Lines of which only the key is left, those forgotten first in front.
    keys_only: BTreeMap<u64, Request>,
    forgotten: u64,
    forgotten_keys: u64,
    rollups: Rollups,
    /// Seconds of the epoch, as told last.
    now: u64,
}

/// Roll-ups that have not arrived. They belong to no request, and go by themselves.
#[derive(Default)]
struct Rollups {
    /// The oldest first.
    lines: VecDeque<String>,
    bytes: usize,
    /// How many of the first are on their way.
    on_the_way: usize,
    forgotten: u64,
}

impl Undelivered {
    /// It is so late now, in seconds of the epoch. The text of what failed [`TEXT_SECS`] ago is forgotten.
    pub fn it_is(&mut self, now: u64) {
        self.now = now;
        while let Some(oldest) = self.failed.first_entry()
            && oldest.get().since.saturating_add(TEXT_SECS) < now
        {
            let (request, of) = oldest.remove_entry();
            self.forget_text(request, of);
        }
    }

    /// The highest number of a request that was taken up from a state.
    pub fn last_request(&self) -> u64 {
        let requests = [&self.failed, &self.keys_only];
        let last = requests.map(|of| of.last_key_value().map_or(0, |(request, _)| *request));
        last.into_iter().max().unwrap_or_default()
    }

    /// What is known of a line; where it is known, it is one of `request` from now on.
    pub fn take_over(&mut self, request: u64, key: LineKey) -> Known {
        let Some(line) = self.lines.get_mut(&key) else {
            return Known::New;
        };
        let before = std::mem::replace(&mut line.request, request);
        let known = line.made.clone().map_or(Known::Forgotten, Known::Made);
        let bytes = line.bytes();
        for (requests, counted) in [
            (&mut self.failed, bytes),
            (&mut self.keys_only, 0),
            (&mut self.on_the_way, 0),
        ] {
            if let Some(of) = requests.get_mut(&before) {
                of.own -= 1;
                if of.own == 0 {
                    requests.remove(&before);
                } else if of.keys.len() > 2 * of.own + 64 {
                    // A request of which one line at a time comes again does not keep the keys of all.
                    let is_own = |key: &LineKey| {
                        let line = self.lines.get(key);
                        line.is_some_and(|line| line.request == before)
                    };
                    of.keys.retain(is_own);
                    of.keys.shrink_to_fit();
                }
                self.bytes -= counted;
                break;
            }
        }
        self.join(request, key);
        known
    }

    /// Keeps what was made of a line of `request`.
    pub fn keep(&mut self, request: u64, key: LineKey, made: Made) {
        let made = Some(made);
        self.lines.insert(key, Line { request, made });
        self.join(request, key);
    }

    fn join(&mut self, request: u64, key: LineKey) {
        let of = self.on_the_way.entry(request).or_default();
        of.keys.push(key);
        of.own += 1;
    }

    /// Keeps a roll-up until it has arrived. Where there are too many, the oldest is forgotten.
    pub fn keep_rollup(&mut self, line: String) {
        let rollups = &mut self.rollups;
        rollups.bytes += line.len();
        rollups.lines.push_back(line);
        while rollups.bytes > ROLLUP_BYTES_MAX
            && let Some(oldest) = rollups.lines.remove(rollups.on_the_way)
        {
            rollups.bytes -= oldest.len();
            rollups.forgotten += 1;
        }
    }

    /// The oldest roll-ups, of so many bytes and one at least, which are on their way from now on. Empty where there
    /// are none, or some are already.
    pub fn rollups_to_send(&mut self, bytes: usize) -> String {
        let rollups = &mut self.rollups;
        let mut text = String::new();
        if rollups.on_the_way == 0 {
            for line in &rollups.lines {
                if !text.is_empty() && text.len() + line.len() > bytes {
                    break;
                }
                text += line;
                rollups.on_the_way += 1;
            }
        }
        text
    }

    /// The roll-ups on their way are done with, or have to be sent again.
    pub fn rollups_sent(&mut self, done: bool) {
        let rollups = &mut self.rollups;
        let on_the_way = std::mem::take(&mut rollups.on_the_way);
        if done {
            let gone = rollups.lines.drain(..on_the_way);
            rollups.bytes -= gone.map(|line| line.len()).sum::<usize>();
        }
    }

    /// Roll-ups that have not arrived.
    pub fn rollups(&self) -> usize {
        self.rollups.lines.len()
    }

    /// Roll-ups that were forgotten for want of room.
    pub fn forgotten_rollups(&self) -> u64 {
        self.rollups.forgotten
    }

    /// The second output has the lines of `request` that go there.
    pub fn suppressed_arrived(&mut self, request: u64) {
        let own = self.on_the_way.get(&request);
        for key in own.into_iter().flat_map(|own| &own.keys) {
            if let Some(line) = self.lines.get_mut(key)
                && line.request == request
                && let Some(made) = &mut line.made
            {
                made.suppressed = String::new();
            }
        }
    }

    /// All lines of `request` have arrived but `refused`, lines as they were sent on. Most senders do not send such
    /// lines again; of one who does nobody has seen them yet.
    pub fn arrived(&mut self, request: u64, refused: &[u8]) {
        let mut of = self.on_the_way.remove(&request).unwrap_or_default();
        if !refused.is_empty() {
            let refused: BTreeSet<&[u8]> = lines(refused).collect();
            // What is forgotten was sent on as it came.
            let halves: BTreeSet<_> = refused.iter().map(|line| half(line)).collect();
            let left = of.keys.extract_if(.., |key| {
                let line = self.lines.get(key).filter(|line| line.request == request);
                line.is_some_and(|line| match &line.made {
                    Some(made) => made.lines().any(|line| refused.contains(line)),
                    None => halves.contains(&key.0),
                })
            });
            let keys: Vec<LineKey> = left.collect();
            let own = keys.len();
            if own > 0 {
                let since = self.now;
                self.on_the_way
                    .insert(request, Request { keys, own, since });
                self.failed(request, b"");
            }
        }
        for key in of.keys {
            self.forget(request, key);
        }
    }

    fn forget(&mut self, request: u64, key: LineKey) {
        if self
            .lines
            .get(&key)
            .is_some_and(|line| line.request == request)
        {
            self.lines.remove(&key);
        }
    }

    /// Whether all lines of `request` have arrived is not known: its sender has been told to send it again. `arrived`
    /// have, lines as they were sent on, and are not sent a second time.
    pub fn failed(&mut self, request: u64, arrived: &[u8]) {
        let Some(mut of) = self.on_the_way.remove(&request) else {
            return;
        };
        of.since = self.now;
        let arrived: BTreeSet<&[u8]> = lines(arrived).collect();
        for key in &of.keys {
            if let Some(line) = self.lines.get_mut(key)
                && line.request == request
            {
                if let Some(made) = &mut line.made
                    && !arrived.is_empty()
                    && made.lines().all(|line| arrived.contains(line))
                {
                    *made = Made::default();
                }
                self.bytes += line.bytes();
            }
        }
        self.failed.insert(request, of);
        while self.bytes > BYTES_MAX
            && let Some((oldest, of)) = self.failed.pop_first()
        {
            self.forget_text(oldest, of);
        }
        let keys: usize = self.keys_only.values().map(|of| of.own).sum();
        let mut spare = keys.saturating_sub(KEYS_MAX);
        while spare > 0
            && let Some((oldest, mut of)) = self.keys_only.pop_first()
        {
            let before = spare;
            let gone = of.keys.extract_if(.., |key| {
                let line = self.lines.get(key);
                let is_own = line.is_some_and(|line| line.request == oldest);
                let goes = !is_own || spare > 0;
                spare -= usize::from(is_own && goes);
                goes
            });
            let gone: Vec<LineKey> = gone.collect();
            for key in gone {
                self.forget(oldest, key);
            }
            of.own -= before - spare;
            self.forgotten_keys += (before - spare) as u64;
            if of.own > 0 {
                self.keys_only.insert(oldest, of);
            }
        }
    }

    /// Of a request that failed the keys stay.
    fn forget_text(&mut self, request: u64, of: Request) {
        for key in &of.keys {
            if let Some(line) = self.lines.get_mut(key)
                && line.request == request
                && line.made.is_some()
            {
                self.bytes -= line.bytes();
                line.made = None;
                self.forgotten += 1;
            }
        }
        self.keys_only.insert(request, of);
    }

    /// Lines that have not arrived, those on their way included.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Lines of which what was made was forgotten for want of room.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Lines of which not even the key is left: if they come again they count as known.
    pub fn forgotten_keys(&self) -> u64 {
        self.forgotten_keys
    }

    /// Puts them before a snapshot. Without any it is the snapshot alone.
    ///
    /// # Errors
    /// Writing to a text does not fail.
    pub fn save(&self, snapshot: &str) -> Result<String, serde_json::Error> {
        if self.lines.is_empty() && self.rollups.lines.is_empty() {
            return Ok(snapshot.to_owned());
        }
        let since = |request| {
            let failed = self.failed.get(&request);
            let of = failed.or_else(|| self.keys_only.get(&request));
            of.map_or(self.now, |of| of.since)
        };
        let lines = self.lines.iter().map(|((half, nth), line)| Saved::Line {
            line: format!("{:032x}", u128::from_be_bytes(*half)),
            nth: *nth,
            made: line.made.clone(),
            request: line.request,
            since: since(line.request),
        });
        let rollups = self.rollups.lines.iter().map(|line| Saved::Rollup {
            rollup: line.clone(),
        });
        let mut text = String::new();
        for saved in lines.chain(rollups) {
            text += &serde_json::to_string(&saved)?;
            text.push('\n');
        }
        let (bytes, sum) = (text.len(), sha256(text.as_bytes()));
        Ok(format!("{NAME} {bytes} {sum}\n{text}{snapshot}"))
    }

    /// Takes apart what [`Undelivered::save`] put together; the rest is the snapshot.
    ///
    /// # Errors
    /// It is not what was written, in words.
    pub fn load(saved: &str) -> Result<(Undelivered, &str), String> {
        let mut undelivered = Undelivered::default();
        if !saved.starts_with(NAME) {
            return Ok((undelivered, saved));
        }
        let damaged = || "the lines that have not arrived are damaged".to_owned();
        let (head, rest) = saved.split_once('\n').ok_or_else(damaged)?;
        let mut words = head.split(' ').skip(1);
        let bytes = words.next().and_then(|word| word.parse().ok());
        let (text, snapshot) = bytes
            .and_then(|bytes| rest.split_at_checked(bytes))
            .ok_or_else(damaged)?;
        if words.next() != Some(&*sha256(text.as_bytes())) {
            return Err(damaged());
        }
        let mut requests = BTreeMap::new();
        for line in text.lines() {
            match serde_json::from_str(line).map_err(|_| damaged())? {
                Saved::Rollup { rollup } => undelivered.keep_rollup(rollup),
                Saved::Line {
                    line,
                    nth,
                    made,
                    request,
                    since,
                } => {
                    let key = (half_of(&line).ok_or_else(damaged)?, nth);
                    undelivered.lines.insert(key, Line { request, made });
                    undelivered.join(request, key);
                    requests.insert(request, since);
                }
            }
        }
        for (request, since) in requests {
            undelivered.now = since;
            undelivered.failed(request, b"");
        }
        Ok((undelivered, snapshot))
    }
}

/// The first half of the SHA-256 of a line without its end.
fn half(line: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    for (to, from) in half.iter_mut().zip(Sha256::digest(bare(line))) {
        *to = from;
    }
    half
}

/// Lines without their ends.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
}

fn half_of(hex: &str) -> Option<[u8; 16]> {
    let number = u128::from_str_radix(hex, 16).ok()?;
    (hex.len() == 32).then(|| number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> Made {
        Made {
            kept: text.to_owned(),
            suppressed: String::new(),
        }
    }

    fn known(text: &str) -> Known {
        Known::Made(made(text))
    }

    fn keys(lines: &[&str]) -> Vec<LineKey> {
        let mut keys = LineKeys::default();
        let mut next = |line: &&str| {
            let key = keys.of(line);
            keys.used(key);
            key
        };
        lines.iter().map(&mut next).collect()
    }

    #[test]
    fn a_line_that_failed_comes_again_as_it_was_and_one_that_arrived_does_not() {
        let mut all = Undelivered::default();
        let first = keys(&["a", "b\n", "a\r\n"]);
        assert_ne!(first[0], first[2], "the same line twice");
        for (key, text) in first.iter().zip(["a1", "b1", "a2"]) {
            assert_eq!(all.take_over(1, *key), Known::New);
            all.keep(1, *key, made(text));
        }
        all.failed(1, b"");
        // Sent again in two parts, with other line ends.
        let again = keys(&["a\n", "c"]);
        assert_eq!(all.take_over(2, again[0]), known("a1"));
        assert_eq!(all.take_over(2, again[1]), Known::New);
        all.arrived(2, b"");
        assert_eq!(all.take_over(3, again[0]), Known::New);
        assert_eq!(all.take_over(3, first[1]), known("b1"));
        assert_eq!(all.take_over(3, first[2]), known("a2"));
        // While they are on their way a third copy comes, and arrives last.
        assert_eq!(all.take_over(4, first[1]), known("b1"));
        all.arrived(3, b"");
        assert_eq!(all.len(), 1);
        all.arrived(4, b"");
        assert_eq!((all.len(), all.bytes), (0, 0));
        assert!(all.failed.is_empty() && all.on_the_way.is_empty());
    }

    #[test]
    fn a_request_that_fails_for_ever_takes_no_more_room() {
        let mut all = Undelivered::default();
        let keys = keys(&["a", "b"]);
        for request in 1..100 {
            for key in &keys {
                if all.take_over(request, *key) == Known::New {
                    all.keep(request, *key, made("x"));
                }
            }
            all.failed(request, b"");
            assert_eq!((all.failed.len(), all.on_the_way.len()), (1, 0));
            assert_eq!(all.bytes, 2 * (1 + LINE_BYTES));
        }
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let mut all = Undelivered::default();
        assert_eq!(all.save("state").unwrap(), "state");
        let three = keys(&["a", "b", "a"]);
        for key in &three {
            let made = Made {
                kept: "k\n".to_owned(),
                suppressed: "é\n".to_owned(),
            };
            all.keep(7, *key, made);
        }
        all.keep_rollup("{}\n".to_owned());
        let saved = all.save("state 1\nx").unwrap();
        let (mut back, snapshot) = Undelivered::load(&saved).unwrap();
        assert_eq!((back.len(), snapshot), (3, "state 1\nx"));
        assert!(back.bytes > 0);
        assert!(
            matches!(back.take_over(1, three[1]), Known::Made(made) if made.suppressed == "é\n")
        );
        back.suppressed_arrived(1);
        assert_eq!(back.take_over(2, three[1]), known("k\n"));
        assert_eq!(back.rollups_to_send(9), "{}\n");
        assert_eq!(back.rollups_to_send(9), "", "it is on its way");
        back.rollups_sent(false);
        assert_eq!(back.rollups_to_send(9), "{}\n");
        back.rollups_sent(true);
        assert_eq!((back.rollups_to_send(9).as_str(), back.rollups()), ("", 0));
        for damaged in [saved.replacen("\\n", "\\t", 1), saved[..90].to_owned()] {
            assert!(Undelivered::load(&damaged).is_err());
        }
        assert_eq!(Undelivered::load("state").unwrap().1, "state");
    }

    #[test]
    fn for_want_of_room_the_text_goes_first_and_the_key_stays() {
        let mut all = Undelivered::default();
        let text = "x".repeat(BYTES_MAX / 4 - LINE_BYTES);
        let keys = keys(&["1", "2", "3", "4", "5", "6"]);
        for (key, request) in keys.iter().zip(1..) {
            all.keep(request, *key, made(&text));
            if request != 2 {
                all.failed(request, b"");
            }
        }
        // Five failed, there is room for four, and the one on its way stays.
        assert_eq!((all.len(), all.forgotten(), all.bytes), (6, 1, BYTES_MAX));
        assert_eq!(all.take_over(9, keys[0]), Known::Forgotten);
        assert_eq!(all.take_over(9, keys[1]), known(&text));
        assert_eq!(all.take_over(9, keys[5]), known(&text));
        assert!(all.keys_only.is_empty());
        // Still forgotten after another failure, and done with once it has arrived.
        all.failed(9, b"");
        assert_eq!(all.take_over(10, keys[0]), Known::Forgotten);
        all.arrived(10, b"");
        assert_eq!(all.take_over(11, keys[0]), Known::New);
    }

    #[test]
    fn a_line_that_was_refused_is_still_what_it_was_if_it_comes_again() {
        let mut all = Undelivered::default();
        let keys = keys(&["a", "b", "c"]);
        for (key, text) in keys.iter().zip(["A\n", "B\n", "C\n"]) {
            all.keep(1, *key, made(text));
        }
        all.arrived(1, b"B\nno line of that request");
        assert_eq!(all.len(), 1);
        assert_eq!(all.take_over(2, keys[0]), Known::New);
        assert_eq!(all.take_over(2, keys[1]), known("B\n"));
        all.arrived(2, b"");
        assert_eq!((all.len(), all.bytes), (0, 0));
    }

    #[test]
    fn what_arrived_of_a_request_that_failed_is_not_sent_again() {
        let mut all = Undelivered::default();
        let keys = keys(&["a", "b"]);
        for (key, text) in keys.iter().zip(["A\n", "B\n"]) {
            all.keep(1, *key, made(text));
        }
        all.failed(1, b"A\n");
        assert_eq!(all.take_over(2, keys[0]), known(""));
        assert_eq!(all.take_over(2, keys[1]), known("B\n"));
    }

    #[test]
    fn nothing_of_it_grows_without_bound() {
        // Roll-ups: the oldest go, but for those on their way.
        let mut all = Undelivered::default();
        let line = |nth: usize| format!("{nth:0>1023}\n");
        let most = ROLLUP_BYTES_MAX / 1024;
        for nth in 0..most {
            all.keep_rollup(line(nth));
        }
        assert_eq!(all.rollups_to_send(3000), [line(0), line(1)].concat());
        all.keep_rollup(line(most));
        assert_eq!((all.rollups(), all.forgotten_rollups()), (most, 1));
        all.rollups_sent(true);
        assert_eq!(all.rollups_to_send(1), line(3));
        assert_eq!(all.rollups.bytes, (most - 2) * 1024);

        // Keys of which the line has moved on to other requests.
        let mut all = Undelivered::default();
        let lines: Vec<String> = (0..10_000).map(|nth| nth.to_string()).collect();
        let keys = keys(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        for key in &keys {
            all.keep(1, *key, made("x"));
        }
        all.failed(1, b"");
        for (key, request) in keys[1..].iter().zip(2..) {
            assert_eq!(all.take_over(request, *key), known("x"));
            all.arrived(request, b"");
        }
        assert_eq!(all.len(), 1);
        assert!(all.failed[&1].keys.len() <= 66);
    }

    #[test]
    fn of_too_many_keys_the_oldest_go() {
        let mut all = Undelivered::default();
        let key = |nth: usize| ((nth as u128).to_be_bytes(), 0);
        for nth in 0..KEYS_MAX + 10 {
            all.keep(1, key(nth), made("x"));
        }
        all.failed(1, b"");
        let (_, of) = all.failed.pop_first().unwrap();
        for line in all.lines.values_mut() {
            line.made = None;
        }
        all.keys_only.insert(1, of);
        all.keep(2, key(KEYS_MAX + 10), made("x"));
        all.failed(2, b"");
        assert_eq!((all.forgotten_keys(), all.len()), (10, KEYS_MAX + 1));
        assert_eq!(all.take_over(3, key(9)), Known::New);
        assert_eq!(all.take_over(3, key(10)), Known::Forgotten);
    }

    #[test]
    fn an_hour_after_its_sender_gave_up_the_text_of_a_line_is_gone() {
        let mut all = Undelivered::default();
        let keys = keys(&["a", "b"]);
        for (key, request) in keys.iter().zip(1..) {
            all.it_is(1_000 * request);
            all.keep(request, *key, made("x"));
            all.failed(request, b"");
        }
        // Also over a restart.
        let saved = all.save("").unwrap();
        let (mut all, _) = Undelivered::load(&saved).unwrap();
        assert_eq!(all.last_request(), 2);
        all.it_is(1_001 + TEXT_SECS);
        assert_eq!((all.forgotten(), all.len()), (1, 2));
        assert!(!all.save("").unwrap().contains("\"request\":1,\"made\":{"));
        assert_eq!(all.take_over(3, keys[0]), Known::Forgotten);
        assert_eq!(all.take_over(3, keys[1]), known("x"));
    }
}

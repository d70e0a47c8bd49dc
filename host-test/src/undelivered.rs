//! Lines that were enriched and are not known to have arrived downstream.
//!
//! A request that fails is sent again, perhaps cut otherwise. Were its lines judged a second time, they would be known
//! and count as noise (`duplicate`), though nobody has seen them. So what was made of each is kept until it has
//! arrived, and sent again as it was. Where there is no room for that any more, its key stays, and the line is sent on
//! as it came: without labels, but never as noise.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::checksum::sha256;
use crate::stream::bare;

/// Memory for lines of requests that have failed, in bytes. Beyond it the text of those that failed first is forgotten.
/// What is on its way is kept besides.
pub const BYTES_MAX: usize = 64 << 20;

/// Keys kept of lines whose text was forgotten: those of a gigabyte of records. Beyond it the first go, and would be
/// judged a second time.
pub const KEYS_MAX: usize = 200_000;

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
        let digest = Sha256::digest(bare(line.as_bytes()));
        let mut half = [0; 16];
        for (to, from) in half.iter_mut().zip(digest) {
            *to = from;
        }
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
    /// Roll-ups belong to no line of a request: each goes along with any, until one has arrived. With it the request
    /// that carries it.
    rollups: Vec<(Option<u64>, String)>,
}

impl Undelivered {
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

    /// Keeps a roll-up until it has arrived.
    pub fn keep_rollup(&mut self, line: String) {
        self.rollups.push((None, line));
    }

    /// The roll-ups that no request carries; this one does from now on.
    pub fn rollups_for(&mut self, request: u64) -> String {
        let mut text = String::new();
        for (carrier, line) in &mut self.rollups {
            if carrier.is_none() {
                *carrier = Some(request);
                text += line;
            }
        }
        text
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
        self.rollups
            .retain(|(carrier, _)| *carrier != Some(request));
        let mut of = self.on_the_way.remove(&request).unwrap_or_default();
        if !refused.is_empty() {
            let refused: BTreeSet<&[u8]> = lines(refused).collect();
            let is_refused = |made: &Made| {
                let mut sent = [&made.kept, &made.suppressed].into_iter();
                sent.any(|sent| lines(sent.as_bytes()).any(|line| refused.contains(line)))
            };
            let left = of.keys.extract_if(.., |key| {
                let line = self.lines.get(key).filter(|line| line.request == request);
                line.and_then(|line| line.made.as_ref())
                    .is_some_and(is_refused)
            });
            let keys: Vec<LineKey> = left.collect();
            let own = keys.len();
            if own > 0 {
                self.on_the_way.insert(request, Request { keys, own });
                self.failed(request);
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

    /// Whether all lines of `request` have arrived is not known: its sender has been told to send it again.
    pub fn failed(&mut self, request: u64) {
        for (carrier, _) in &mut self.rollups {
            carrier.take_if(|carrier| *carrier == request);
        }
        let Some(of) = self.on_the_way.remove(&request) else {
            return;
        };
        let own = of.keys.iter().filter_map(|key| self.lines.get(key));
        self.bytes += own
            .filter(|line| line.request == request)
            .map(Line::bytes)
            .sum::<usize>();
        self.failed.insert(request, of);
        while self.bytes > BYTES_MAX
            && let Some((oldest, of)) = self.failed.pop_first()
        {
            for key in &of.keys {
                if let Some(line) = self.lines.get_mut(key)
                    && line.request == oldest
                {
                    self.bytes -= line.bytes();
                    line.made = None;
                    self.forgotten += 1;
                }
            }
            self.keys_only.insert(oldest, of);
        }
        let mut keys: usize = self.keys_only.values().map(|of| of.own).sum();
        while keys > KEYS_MAX
            && let Some((oldest, of)) = self.keys_only.pop_first()
        {
            keys -= of.own;
            for key in of.keys {
                self.forget(oldest, key);
            }
        }
    }

    /// Lines that have not arrived, those on their way included.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Lines of which what was made was forgotten for want of room.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Puts them before a snapshot. Without any it is the snapshot alone.
    ///
    /// # Errors
    /// Writing to a text does not fail.
    pub fn save(&self, snapshot: &str) -> Result<String, serde_json::Error> {
        if self.lines.is_empty() && self.rollups.is_empty() {
            return Ok(snapshot.to_owned());
        }
        let lines = self.lines.iter().map(|((half, nth), line)| Saved::Line {
            line: format!("{:032x}", u128::from_be_bytes(*half)),
            nth: *nth,
            made: line.made.clone(),
        });
        let rollups = self.rollups.iter().map(|(_, line)| Saved::Rollup {
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
        for line in text.lines() {
            match serde_json::from_str(line).map_err(|_| damaged())? {
                Saved::Rollup { rollup } => undelivered.keep_rollup(rollup),
                Saved::Line { line, nth, made } => {
                    let key = (half_of(&line).ok_or_else(damaged)?, nth);
                    undelivered.lines.insert(key, Line { request: 0, made });
                    undelivered.join(0, key);
                }
            }
        }
        undelivered.failed(0);
        Ok((undelivered, snapshot))
    }
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
        all.failed(1);
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
            all.failed(request);
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
        assert_eq!(back.rollups_for(2), "{}\n");
        assert_eq!(back.rollups_for(3), "");
        back.failed(2);
        assert_eq!(back.rollups_for(3), "{}\n");
        back.arrived(3, b"");
        assert_eq!(back.rollups_for(4), "");
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
                all.failed(request);
            }
        }
        // Five failed, there is room for four, and the one on its way stays.
        assert_eq!((all.len(), all.forgotten(), all.bytes), (6, 1, BYTES_MAX));
        assert_eq!(all.take_over(9, keys[0]), Known::Forgotten);
        assert_eq!(all.take_over(9, keys[1]), known(&text));
        assert_eq!(all.take_over(9, keys[5]), known(&text));
        assert!(all.keys_only.is_empty());
        // Still forgotten after another failure, and done with once it has arrived.
        all.failed(9);
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
}

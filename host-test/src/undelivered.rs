//! Lines that were enriched and are not known to have arrived downstream.
//!
//! A request that fails is sent again, perhaps cut otherwise. Were its lines judged a second time, they would be known
//! and count as noise (`duplicate`), though nobody has seen them. So what was made of each is kept until it has
//! arrived, and sent again as it was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::checksum::sha256;

/// Bytes kept for requests that have failed. Beyond it those that failed first are forgotten, and would be judged again.
/// What is on its way is kept besides.
pub const BYTES_MAX: usize = 64 << 20;

/// First line of a state file that holds such lines before the snapshot: `<name> <bytes of what follows> <its SHA-256>`.
const NAME: &str = "signin-triage-undelivered";

/// The first half of a line's SHA-256, and how many times the request held that line before.
pub type LineKey = ([u8; 16], u32);

/// Tells the lines of one request apart, also where one stands twice in it.
#[derive(Default)]
pub struct LineKeys {
    seen: BTreeMap<[u8; 16], u32>,
}

impl LineKeys {
    /// The key of the next line.
    pub fn of(&mut self, line: &str) -> LineKey {
        let digest = Sha256::digest(line.as_bytes());
        let mut half = [0; 16];
        for (to, from) in half.iter_mut().zip(digest) {
            *to = from;
        }
        let count = self.seen.entry(half).or_default();
        let key = (half, *count);
        *count += 1;
        key
    }
}

/// What was made of a line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// What goes downstream, roll-ups that were due included.
    pub kept: String,
    /// What leaves by the second output; empty once it has.
    pub suppressed: String,
}

impl Made {
    fn bytes(&self) -> usize {
        self.kept.len() + self.suppressed.len()
    }
}

/// A line as it stands in a state file.
#[derive(Serialize, Deserialize)]
struct Saved {
    line: String,
    nth: u32,
    #[serde(flatten)]
    made: Made,
}

/// See the module.
#[derive(Default)]
pub struct Undelivered {
    /// Each line with the last request that held it.
    lines: BTreeMap<LineKey, (u64, Made)>,
    /// The lines of each request. A line that another request took over since is passed by.
    on_the_way: BTreeMap<u64, Vec<LineKey>>,
    failed: BTreeMap<u64, Vec<LineKey>>,
    /// Of the requests that failed.
    bytes: usize,
    forgotten: u64,
}

impl Undelivered {
    /// What an earlier request had made of the line, which from now on is one of `request`.
    pub fn take_over(&mut self, request: u64, key: LineKey) -> Option<Made> {
        let (owner, made) = self.lines.get_mut(&key)?;
        if self.failed.contains_key(owner) {
            self.bytes -= made.bytes();
        }
        *owner = request;
        self.on_the_way.entry(request).or_default().push(key);
        Some(made.clone())
    }

    /// Keeps what was made of a line of `request`.
    pub fn keep(&mut self, request: u64, key: LineKey, made: Made) {
        self.on_the_way.entry(request).or_default().push(key);
        self.lines.insert(key, (request, made));
    }

    /// The second output has the lines of `request` that go there.
    pub fn suppressed_arrived(&mut self, request: u64) {
        for key in self.on_the_way.get(&request).into_iter().flatten() {
            if let Some((owner, made)) = self.lines.get_mut(key)
                && *owner == request
            {
                made.suppressed = String::new();
            }
        }
    }

    /// All lines of `request` have arrived.
    pub fn arrived(&mut self, request: u64) {
        for key in self.on_the_way.remove(&request).unwrap_or_default() {
            if self
                .lines
                .get(&key)
                .is_some_and(|(owner, _)| *owner == request)
            {
                self.lines.remove(&key);
            }
        }
    }

    /// Whether all lines of `request` have arrived is not known: its sender has been told to send it again.
    pub fn failed(&mut self, request: u64) {
        let Some(keys) = self.on_the_way.remove(&request) else {
            return;
        };
        self.bytes += keys
            .iter()
            .filter_map(|key| self.lines.get(key))
            .filter(|(owner, _)| *owner == request)
            .map(|(_, made)| made.bytes())
            .sum::<usize>();
        self.failed.insert(request, keys);
        while self.bytes > BYTES_MAX
            && let Some((oldest, keys)) = self.failed.pop_first()
        {
            for key in keys {
                if let Some((owner, made)) = self.lines.get(&key)
                    && *owner == oldest
                {
                    self.bytes -= made.bytes();
                    self.lines.remove(&key);
                    self.forgotten += 1;
                }
            }
        }
    }

    /// Lines that have not arrived, those on their way included.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Lines forgotten for want of room.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Puts them before a snapshot. Without any it is the snapshot alone, which `run` takes up as well.
    pub fn save(&self, snapshot: &str) -> Result<String, serde_json::Error> {
        if self.lines.is_empty() {
            return Ok(snapshot.to_owned());
        }
        let mut text = String::new();
        for ((half, nth), (_, made)) in &self.lines {
            let saved = Saved {
                line: format!("{:032x}", u128::from_be_bytes(*half)),
                nth: *nth,
                made: made.clone(),
            };
            text += &serde_json::to_string(&saved)?;
            text.push('\n');
        }
        Ok(format!(
            "{NAME} {} {}\n{text}{snapshot}",
            text.len(),
            sha256(text.as_bytes())
        ))
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
            let saved: Saved = serde_json::from_str(line).map_err(|_| damaged())?;
            let half = half_of(&saved.line).ok_or_else(damaged)?;
            undelivered.keep(0, (half, saved.nth), saved.made);
        }
        undelivered.failed(0);
        Ok((undelivered, snapshot))
    }
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

    #[test]
    fn a_line_that_failed_comes_again_as_it_was_and_one_that_arrived_does_not() {
        let mut all = Undelivered::default();
        let keys = |lines: &[&str]| -> Vec<LineKey> {
            let mut keys = LineKeys::default();
            lines.iter().map(|line| keys.of(line)).collect()
        };
        let first = keys(&["a", "b", "a"]);
        assert_ne!(first[0], first[2], "the same line twice");
        for (key, text) in first.iter().zip(["a1", "b1", "a2"]) {
            assert_eq!(all.take_over(1, *key), None);
            all.keep(1, *key, made(text));
        }
        all.failed(1);
        // Sent again in two parts.
        let again = keys(&["a", "c"]);
        assert_eq!(all.take_over(2, again[0]), Some(made("a1")));
        assert_eq!(all.take_over(2, again[1]), None);
        all.arrived(2);
        assert_eq!(all.take_over(3, again[0]), None);
        assert_eq!(all.take_over(3, first[1]), Some(made("b1")));
        assert_eq!(all.take_over(3, first[2]), Some(made("a2")));
        // While they are on their way a third copy comes, and arrives first.
        assert_eq!(all.take_over(4, first[1]), Some(made("b1")));
        all.arrived(3);
        assert_eq!(all.len(), 1);
        all.arrived(4);
        assert_eq!((all.len(), all.bytes), (0, 0));
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let mut all = Undelivered::default();
        assert_eq!(all.save("state").unwrap(), "state");
        let mut keys = LineKeys::default();
        for line in ["a", "b", "a"] {
            let made = Made {
                kept: format!("{line}\n"),
                suppressed: "é\n".to_owned(),
            };
            all.keep(7, keys.of(line), made);
        }
        let saved = all.save("state 1\nx").unwrap();
        let (mut back, snapshot) = Undelivered::load(&saved).unwrap();
        assert_eq!((back.len(), snapshot), (3, "state 1\nx"));
        let key = LineKeys::default().of("b");
        assert_eq!(back.take_over(1, key).unwrap().kept, "b\n");
        back.suppressed_arrived(1);
        assert_eq!(back.take_over(2, key).unwrap().suppressed, "");
        for damaged in [saved.replacen("\\n", "\\t", 1), saved[..90].to_owned()] {
            assert!(Undelivered::load(&damaged).is_err());
        }
        assert_eq!(Undelivered::load("state").unwrap().1, "state");
    }

    #[test]
    fn the_first_to_fail_are_forgotten_for_want_of_room() {
        let mut all = Undelivered::default();
        let mut keys = LineKeys::default();
        let text = "x".repeat(BYTES_MAX / 4);
        let mut held = Vec::new();
        for request in 1..=6 {
            let key = keys.of(&request.to_string());
            held.push(key);
            all.keep(request, key, made(&text));
            if request != 2 {
                all.failed(request);
            }
        }
        // Five failed, there is room for four, and the one on its way stays.
        assert_eq!(
            (all.len(), all.forgotten(), all.bytes),
            (5, 1, text.len() * 4)
        );
        assert_eq!(all.take_over(9, held[0]), None);
        assert!(all.take_over(9, held[1]).is_some());
        assert!(all.take_over(9, held[5]).is_some());
        assert_eq!(all.bytes, text.len() * 3);
    }
}

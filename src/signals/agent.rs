//! What a user agent says of the program behind it. The same few thousand agents come again and again, so what was made
//! of the last ones is remembered.
//!
//! Not a signal: `suspicious_user_agent` says what the names mean, this file looks for them. What is remembered changes
//! no answer, so it is no part of a snapshot.
use super::suspicious_user_agent::{EXTRA_TOOLS, LIBRARIES, TOOLS};
use crate::config::Config;
use crate::input::Record;
use crate::input::shapes::Field;
use crate::input::words::mentions;
use crate::limits::{AGENT_KEPT_BYTES_MAX, AGENTS_MAX, USER_AGENT_BYTES_MAX};

/// The names found in a user agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Agent {
    /// An attack tool's.
    pub(super) tool: Option<&'static str>,
    /// The position in the operator's list of the first text that is found.
    pub(super) extra: Option<usize>,
    /// A library's.
    pub(super) library: Option<&'static str>,
}

impl Agent {
    fn read(text: &str, config: &Config) -> Agent {
        // Whoever signs in chooses how long it is.
        let end = text.floor_char_boundary(USER_AGENT_BYTES_MAX);
        let start = text.get(..end).unwrap_or(text);
        let extra = config.texts(&EXTRA_TOOLS).iter();
        Agent {
            tool: TOOLS.find(start),
            extra: extra.clone().position(|text| mentions(start, text)),
            library: LIBRARIES.find(start),
        }
    }
}

/// The user agents that were looked at last, each at the place that its hash says.
pub(crate) struct Agents {
    kept: Vec<(String, Agent)>,
}

impl Default for Agents {
    fn default() -> Self {
        Agents {
            kept: vec![(String::new(), Agent::default()); AGENTS_MAX],
        }
    }
}

impl Agents {
    /// What the user agent of a record says. `config` has to be the same each time.
    pub(crate) fn look_at(&mut self, record: &Record, config: &Config) -> Agent {
        let Some(text) = record.text(Field::UserAgent) else {
            return Agent::default();
        };
        let place = place(text.as_bytes());
        match self.kept.get_mut(place) {
            Some((kept, agent)) if text.len() <= AGENT_KEPT_BYTES_MAX => {
                if !same(kept.as_bytes(), text.as_bytes()) {
                    *agent = Agent::read(text, config);
                    kept.clear();
                    kept.push_str(text);
                }
                *agent
            }
            _ => Agent::read(text, config),
        }
    }
}

/// Eight bytes at a time, since user agents are long.
fn same(one: &[u8], other: &[u8]) -> bool {
    let (ones, one_rest) = one.as_chunks::<8>();
    let (others, other_rest) = other.as_chunks::<8>();
    let word = |chunk: &[u8; 8]| u64::from_le_bytes(*chunk);
    let mut words = ones.iter().zip(others);
    one.len() == other.len()
        && words.all(|(one, other)| word(one) == word(other))
        && one_rest == other_rest
}

/// Where a text is kept. Those that share a place take turns there, which costs time and nothing else, so this need not
/// withstand texts chosen to collide.
fn place(text: &[u8]) -> usize {
    let (chunks, rest) = text.as_chunks::<8>();
    let add = |hash: u64, word: u64| {
        (hash ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
    };
    let hash = chunks.iter().fold(text.len() as u64, |hash, chunk| {
        add(hash, u64::from_le_bytes(*chunk))
    });
    let hash = rest
        .iter()
        .fold(hash, |hash, &byte| add(hash, u64::from(byte)));
    usize::try_from(hash % AGENTS_MAX as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Scratch, View, view};

    /// Agents chosen to push each other out, longer and shorter than what is kept, each twice in a row and in turn.
    #[test]
    fn what_is_remembered_changes_no_answer() {
        let config =
            Config::from_json(r#"{"suspicious_user_agent.extra_tools":["5 of"]}"#).unwrap();
        let mut agents = Agents::default();
        let mut scratch = Scratch::default();
        let names = [
            "curl/8",
            "azurehound",
            "Mozilla/5.0",
            "python-requests",
            "x",
        ];
        for number in (0..4 * AGENTS_MAX).chain(0..40) {
            let name = names[number % names.len()];
            let long = "x".repeat(number % 7 * (AGENT_KEPT_BYTES_MAX / 4));
            let text = format!("{name} {} of {long}", number % (3 * AGENTS_MAX));
            let line =
                format!(r#"{{"category":"SignInLogs","properties":{{"userAgent":"{text}"}}}}"#);
            let Ok(View::Record(record)) = view(&line, "m", &mut scratch) else {
                panic!("not a record: {line}");
            };
            for _ in 0..2 {
                assert_eq!(
                    agents.look_at(&record, &config),
                    Agent::read(&text, &config),
                    "{text}"
                );
            }
        }
        assert!(
            agents
                .kept
                .iter()
                .all(|kept| kept.0.len() <= AGENT_KEPT_BYTES_MAX)
        );
        assert!(same(b"", b"") && same(b"12345678x", b"12345678x"));
        assert!(!same(b"12345678x", b"12345678y") && !same(b"02345678", b"12345678"));
    }
}

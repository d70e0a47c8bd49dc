//! State in, state out, for engines that keep the state themselves and spread it by key.
//!
//! Every signal says which key it needs ([`crate::signals::Signal::needs`]): a step by user carries the signals of
//! users and sessions, a step by address those of addresses, a step by tenant those of tenants. Run one after the other in any order, each
//! step keeps what the ones before it found, and after all three the lines are those that one session writes. Our
//! member says meanwhile in `keyed` which keys have been looked at.
//!
//! A record that waits (`hold_secs`) or leaves the stream (mode `filter`) does so in the step that is told to: give
//! these options to the last one only, and make that the one by user, which knows what completes a record. While it
//! waits there, an attack from its address is not seen, as one session would; and times far ahead are believed.

use crate::classify::Outcome as FlowOutcome;
use crate::config::Config;
use crate::config::tree::Node;
use crate::input::{Record, Scratch, View, view};
use crate::limits::SCORE_MAX;
use crate::noise::{KEEPING_RULES, Noise, Reason};
use crate::session::{Outcome, Session};
use crate::signals::why::Why;
use crate::signals::{self, Hit};
use crate::snapshot::Refused;
use crate::state::flow::Completed;
use crate::state::{Key, Keys};

/// A name that no member has.
const NO_MEMBER: &str = "\u{0}";

/// The key of a line: what an engine groups by. `None` where the line is no record, or an envelope of several, or does
/// not name its user or address; such lines need no state and can go to any step.
pub fn key_of(by: Key, line: &str) -> Option<String> {
    let mut scratch = Scratch::default();
    // Whatever our member is called, the key does not depend on it.
    let Ok(View::Record(record)) = view(line, NO_MEMBER, &mut scratch) else {
        return None;
    };
    by.of(&record).map(str::to_ascii_lowercase)
}

/// Takes up the state of one key (`None` before the first), enriches a batch of its lines, and gives the state back.
/// `watermark` is how far event time has come, in milliseconds since 1970, where the engine knows: it releases what
/// is due.
///
/// # Errors
/// The state is of another version, or damaged.
pub fn step(
    by: Key,
    config: Config,
    state: Option<&str>,
    batch: &str,
    watermark: Option<i64>,
) -> Result<(String, Outcome), Refused> {
    let keys = Keys::only(by);
    let mut session = match state {
        Some(state) => Session::restore_by(config, keys, state)?,
        None => Session::by(config, keys),
    };
    let mut outcome = session.process(batch);
    if let Some(watermark) = watermark {
        let released = session.advance(watermark);
        outcome.kept.push_str(&released.kept);
        outcome.suppressed.push_str(&released.suppressed);
    }
    Ok((session.snapshot(), outcome))
}

/// What steps by other keys found in a record before.
#[derive(Debug, Default)]
pub(crate) struct Earlier {
    /// The keys that have been looked at, those of this step aside.
    pub(crate) keys: Keys,
    hits: Vec<Hit>,
    /// What was decided with the user known; `None` where this step knows the user itself.
    pub(crate) noise: Option<Noise>,
    /// What became of it, as far as the step by user knew.
    pub(crate) outcome: Option<FlowOutcome>,
    /// What it completes.
    pub(crate) flow: Option<Completed>,
}

impl Earlier {
    /// Reads our member as another step left it. Nothing where this session looks at all keys itself, and nothing of
    /// a member that an ordinary pass left.
    pub(crate) fn of(record: &Record, keys: Keys) -> Earlier {
        if keys == Keys::ALL {
            return Earlier::default();
        }
        let member = record
            .layout()
            .cuts()
            .last()
            .and_then(|span| record.json().get(span.start..span.end));
        member
            .and_then(|member| member.get(member.find('{')?..=member.rfind('}')?))
            .and_then(|object| serde_json::from_str::<Node>(object).ok())
            .map(|node| Earlier::read(&node, keys))
            .unwrap_or_default()
    }

    fn read(node: &Node, own: Keys) -> Earlier {
        let mut earlier = Earlier::default();
        for word in node.member("keyed").map(Node::items).unwrap_or_default() {
            let key = Key::ALL
                .into_iter()
                .find(|key| word.text() == Some(key.label()));
            if let Some(key) = key.filter(|&key| !own.has(key)) {
                earlier.keys = earlier.keys.and(Keys::only(key));
            }
        }
        let signals = node.member("signals").map(Node::items).unwrap_or_default();
        let carried = |key: Option<Key>| key.is_some_and(|key| earlier.keys.has(key));
        earlier.hits = signals
            .iter()
            .filter_map(|hit| {
                let name = hit.member("name")?.text()?;
                let mut all = signals::ALL.iter().zip(0..);
                let (signal, position) = all.find(|(signal, _)| signal.id == name)?;
                let points = hit.member("points")?.int()?.clamp(-SCORE_MAX, SCORE_MAX);
                carried(signal.needs).then(|| Hit {
                    position,
                    weight: signals::Weight::High,
                    points,
                    why: Why::Given(hit.member("why").and_then(Node::text).unwrap_or("").into()),
                })
            })
            .collect();
        if !earlier.keys.has(Key::User) {
            return earlier;
        }
        earlier.noise = Some(node.member("noise").map_or(Noise::Not, noise_of));
        earlier.outcome = node
            .member("outcome")
            .and_then(Node::text)
            .and_then(|label| {
                FlowOutcome::ALL
                    .iter()
                    .find(|outcome| outcome.label() == label)
            })
            .copied();
        earlier.flow = node.member("flow").and_then(|flow| {
            let number = |name| u32::try_from(flow.member(name)?.int()?).ok();
            Some(Completed {
                interrupts: number("interrupts")?,
                seconds: number("seconds")?,
            })
        });
        earlier
    }

    /// Puts the earlier hits among `hits`, in output order.
    pub(crate) fn add_hits(&self, hits: &mut Vec<Hit>, config: &Config) {
        if self.hits.is_empty() {
            return;
        }
        for hit in &self.hits {
            let weight = signals::weight_of(hit.signal(), hit.points, config);
            let at = hits.partition_point(|other| other.position < hit.position);
            hits.insert(
                at,
                Hit {
                    weight,
                    ..hit.clone()
                },
            );
        }
    }
}

fn noise_of(noise: &Node) -> Noise {
    let word = |name| noise.member(name).and_then(Node::text);
    if let Some(rule) = word("kept_for") {
        let rules = KEEPING_RULES.iter().map(|rule| rule.0);
        let found = rules
            .chain(signals::ALL.iter().map(|signal| signal.id))
            .find(|&known| known == rule);
        return found.map_or(Noise::Not, Noise::Keep);
    }
    let reason = word("reason").and_then(|label| {
        Reason::ALL
            .into_iter()
            .find(|reason| reason.label() == label)
    });
    reason.map_or(Noise::Not, Noise::Suppress)
}

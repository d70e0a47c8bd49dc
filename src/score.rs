//! Hits to a score from 0 to 100 and a verdict.

use crate::config::{Config, REVIEW_FROM, SUSPICIOUS_FROM};
use crate::limits::SCORE_MAX;
use crate::signals::{self, Hit};
use crate::state::{Attack, Key};

/// What the score amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Below `review_from`.
    Benign,
    /// From `review_from` on.
    Review,
    /// From `suspicious_from` on.
    Suspicious,
}

impl Verdict {
    /// All verdicts, the least first.
    pub const ALL: [Verdict; 3] = [Verdict::Benign, Verdict::Review, Verdict::Suspicious];

    /// The value in the output.
    pub fn label(self) -> &'static str {
        match self {
            Verdict::Benign => "benign",
            Verdict::Review => "review",
            Verdict::Suspicious => "suspicious",
        }
    }
}

/// The score of a record: the sum of its hits' points, kept within 0 and 100.
pub fn total(hits: &[Hit]) -> i64 {
    let sum: i64 = hits.iter().map(|hit| hit.points).sum();
    sum.clamp(0, SCORE_MAX)
}

/// The verdict on a score.
pub fn verdict(score: i64, config: &Config) -> Verdict {
    if score >= config.int(&SUSPICIOUS_FROM) {
        Verdict::Suspicious
    } else if score >= config.int(&REVIEW_FROM) {
        Verdict::Review
    } else {
        Verdict::Benign
    }
}

/// The attacks on the record's user, and from its address, that its hits amount to by themselves.
///
/// Each goes by what the record and its own key show, never by what another key shows: an office is not an attacker
/// because one of its users was phished, and an engine that keeps users and addresses apart comes to the same. That
/// an attack is under way does not prolong it.
pub fn attacks(hits: &[Hit], at: u32, config: &Config) -> (Option<Attack>, Option<Attack>) {
    let attack = |counts: &dyn Fn(Option<Key>) -> bool| {
        let mut sum = 0;
        let mut most: Option<(i64, usize)> = None;
        for hit in hits {
            let position = signals::ALL.iter().position(|signal| signal.id == hit.id)?;
            let signal = signals::ALL.get(position)?;
            if !counts(signal.needs) || signals::IN_ATTACK.contains(&signal.id) {
                continue;
            }
            sum += hit.points;
            if most.is_none_or(|(points, _)| hit.points > points) {
                most = Some((hit.points, position));
            }
        }
        let (_, position) = most.filter(|_| sum >= config.int(&SUSPICIOUS_FROM))?;
        Some(Attack {
            at,
            signal: u8::try_from(position).ok()?,
        })
    };
    (
        attack(&|needs| needs.is_none_or(|key| key == Key::User)),
        attack(&|needs| needs == Some(Key::Address)),
    )
}

/// Whether a record is worth a look by what the record and its user show: the same for whoever knows the address and
/// tenant as well and for whoever does not.
pub fn is_odd(hits: &[Hit], config: &Config) -> bool {
    let counts = |hit: &&Hit| {
        let signal = signals::ALL.iter().find(|signal| signal.id == hit.id);
        signal.is_some_and(|signal| signal.needs.is_none_or(|key| key == Key::User))
    };
    let sum: i64 = hits.iter().filter(counts).map(|hit| hit.points).sum();
    sum >= config.int(&REVIEW_FROM)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::Weight;

    fn hits(points: &[i64]) -> Vec<Hit> {
        let hit = |&points| Hit {
            id: "x",
            weight: Weight::Low,
            points,
            why: "".into(),
        };
        points.iter().map(hit).collect()
    }

    #[test]
    fn adds_up_within_bounds() {
        let rows: [(&[i64], i64); 6] = [
            (&[], 0),
            (&[5], 5),
            (&[5, 50, 30], 85),
            (&[80, 80], 100),
            (&[-20], 0),
            (&[50, -20], 30),
        ];
        for (points, expected) in rows {
            assert_eq!(total(&hits(points)), expected, "{points:?}");
        }
    }

    #[test]
    fn verdicts_begin_at_their_bounds() {
        let default = Config::default();
        let strict = Config::from_json(r#"{"review_from":1,"suspicious_from":2}"#).unwrap();
        let rows = [
            (0, Verdict::Benign, Verdict::Benign),
            (1, Verdict::Benign, Verdict::Review),
            (29, Verdict::Benign, Verdict::Suspicious),
            (30, Verdict::Review, Verdict::Suspicious),
            (59, Verdict::Review, Verdict::Suspicious),
            (60, Verdict::Suspicious, Verdict::Suspicious),
            (100, Verdict::Suspicious, Verdict::Suspicious),
        ];
        for (score, usual, touchy) in rows {
            assert_eq!(verdict(score, &default), usual, "{score}");
            assert_eq!(verdict(score, &strict), touchy, "{score}");
        }
    }
}

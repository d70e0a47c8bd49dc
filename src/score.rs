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

/// What the hits of a record amount to by themselves, for what is remembered.
///
/// Each part goes by what the record and its own key show, never by what another key shows: an office is not an
/// attacker because one of its users was phished, and an engine that keeps users and addresses apart comes to the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Findings {
    /// An attack on the user, by what the record and the user show.
    pub user: Option<Attack>,
    /// An attack from the address, by what the address shows.
    pub address: Option<Attack>,
    /// By what the record and the user show it is worth a look.
    pub odd: bool,
}

/// Points that add up to an attack, and the position in [`signals::ALL`] of what says most for it.
#[derive(Default)]
struct Sum {
    points: i64,
    most: Option<(i64, u8)>,
}

impl Sum {
    fn add(&mut self, points: i64, position: u8) {
        self.points += points;
        if self.most.is_none_or(|(most, _)| points > most) {
            self.most = Some((points, position));
        }
    }

    fn attack(&self, at: u32, config: &Config) -> Option<Attack> {
        let (_, signal) = self.most?;
        (self.points >= config.int(&SUSPICIOUS_FROM)).then_some(Attack { at, signal })
    }
}

/// What the hits of a record of second `at` amount to. That an attack is under way does not prolong it.
pub fn findings(hits: &[Hit], at: u32, config: &Config) -> Findings {
    let (mut user, mut address, mut odd) = (Sum::default(), Sum::default(), 0);
    for hit in hits {
        let signal = hit.signal();
        let of = match signal.needs {
            None | Some(Key::User) => {
                odd += hit.points;
                &mut user
            }
            Some(Key::Address) => &mut address,
            Some(Key::Tenant) => continue,
        };
        if !signals::IN_ATTACK.contains(&signal.id) {
            of.add(hit.points, hit.position);
        }
    }
    Findings {
        user: user.attack(at, config),
        address: address.attack(at, config),
        odd: odd >= config.int(&REVIEW_FROM),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::signals::Weight;

    fn hits(points: &[i64]) -> Vec<Hit> {
        let hit = |&points| Hit {
            position: 0,
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

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_further_hit_never_lowers_it_unless_its_weight_is_negative(
            points in prop::collection::vec(-100_i64..=100, 0..60),
            further in 0_i64..=100,
            place in 0_usize..60,
        ) {
            let mut more = points.clone();
            more.insert(place.min(points.len()), further);
            prop_assert!(total(&hits(&more)) >= total(&hits(&points)));
        }
    }
}

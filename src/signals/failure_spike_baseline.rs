//! A user fails far more often today than on the days before.
//!
//! Slow guessing, or a client that goes wrong: a change by itself, whatever it is. Mean and spread of the days before are
//! kept as running numbers. Late records of an earlier day count for the present one and never fire; one delivered twice
//! counts once.
use super::prelude::*;

pub(super) const SIGNAL: Signal = Signal {
    id: "failure_spike_baseline",
    summary: "Far more failures than on the days before",
    levels: &[&SPIKE],
    techniques: card(&["T1110"]),
    false_positives: card(&[
        "A new Conditional Access policy, until its day has become part of the mean",
        "The day after a change of password, with old ones in several devices",
        "A client or a workload whose set-up broke",
    ]),
    blind_spots: card(&[
        "Users who are known for fewer days than needed",
        "An attacker who takes days to become more",
        "Users with many failures every day",
    ]),
    references: card(&[
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/SigninLogs/SpikeInFailedSignInAttempts.yaml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/PrivilegedAccountsSigninFailureSpikes.yaml",
    ]),
    options: &[&DAYS_MIN, &FAILURES_MIN, &SPREADS_MIN],
    needs: Some(Key::User),
    check,
};

const SPIKE: Level = Level {
    name: "spike",
    weight: Weight::Low,
    points: Opt::points(
        "failure_spike_baseline.spike_points",
        5,
        "Our weight: says that something changed, not what; Sentinel has it mostly among the hunts",
    ),
};
const DAYS_MIN: Opt = Opt::int(
    "failure_spike_baseline.days_min",
    "days before",
    7,
    (1, 60),
    "Sentinel's series are 7 to 30 days long",
);
const FAILURES_MIN: Opt = Opt::int(
    "failure_spike_baseline.failures_min",
    "failures today",
    10,
    (1, 100_000),
    "Our value: Sentinel has floors of 5, 25 and 50 on the expected number; below ten a slip or two makes the outlier",
);
const SPREADS_MIN: Opt = Opt::int(
    "failure_spike_baseline.spreads_min",
    "times the mean difference, above the mean",
    4,
    (1, 100),
    "Splunk's mean and 3 standard deviations: one is about 1.25 mean differences",
);

fn check(case: &Case) -> Option<Hit> {
    let (user, _, event) = case.user()?;
    let failures = &user.failures;
    if !event.is_failure() || i64::from(failures.days) < case.config.int(&DAYS_MIN) {
        return None;
    }
    // The day that is counted is that of the newest record.
    let today = i64::from(failures.today);
    if event.at / 86_400 != user.last_seen / 86_400 || today < case.config.int(&FAILURES_MIN) {
        return None;
    }
    let mean = i64::from(failures.mean);
    let usual = mean + case.config.int(&SPREADS_MIN) * i64::from(failures.spread);
    if today.saturating_mul(1000) <= usual {
        return None;
    }
    let mean = (mean + 500) / 1000;
    case.hit(
        &SPIKE,
        why!("{} failures today, about {} a day before", today, mean),
    )
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "failure_spike_baseline";

    fn failure(day: i64, number: i64) -> Line<'static> {
        Line {
            at: day * 86_400 + number,
            code: 50126,
            ..Line::default()
        }
    }

    /// Points on the last of `today` failures after `days` days of `usual` failures each.
    fn last(days: i64, usual: i64, today: i64) -> Option<i64> {
        let mut story = Story::new("");
        for day in 0..days {
            story.see(&Line {
                at: day * 86_400,
                ..Line::default()
            });
            for number in 0..usual {
                story.see(&failure(day, number));
            }
        }
        (0..today).fold(None, |_, number| story.points(ID, &failure(days, number)))
    }

    #[test]
    fn fires_above_what_is_usual() {
        let rows = [
            (7, 0, 9, None),
            (7, 0, 10, Some(5)),
            (6, 0, 10, None),
            (7, 1, 10, Some(5)),
            // A device that fails every day.
            (7, 20, 20, None),
            (7, 20, 21, Some(5)),
        ];
        for (days, usual, today, points) in rows {
            assert_eq!(last(days, usual, today), points, "{days} {usual} {today}");
        }
    }

    #[test]
    fn days_that_differ_widen_what_is_usual() {
        let mut story = Story::new("");
        for day in 0..14 {
            for number in 0..(day % 2) * 20 {
                story.see(&failure(day, number));
            }
            story.see(&Line {
                at: day * 86_400,
                ..Line::default()
            });
        }
        let points = (0..30).map(|number| story.points(ID, &failure(14, number)));
        assert!(points.into_iter().all(|points| points.is_none()));
    }

    #[test]
    fn only_failures_of_today_and_each_once() {
        let mut story = Story::new("");
        for day in 0..8 {
            story.see(&Line {
                at: day * 86_400,
                ..Line::default()
            });
        }
        for _ in 0..12 {
            let again = Line {
                request: "same",
                ..failure(8, 0)
            };
            assert_eq!(story.points(ID, &again), None);
        }
        for number in 0..12 {
            story.see(&failure(8, number));
        }
        assert_eq!(story.points(ID, &failure(8, 20)), Some(5));
        let success = Line {
            code: 0,
            ..failure(8, 21)
        };
        assert_eq!(story.points(ID, &success), None);
        // Late, of the day before.
        assert_eq!(story.points(ID, &failure(7, 100)), None);
    }
}

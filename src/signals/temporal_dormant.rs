//! An account that nobody used for long, or a person at an hour at which this user never was there.
//!
//! Forgotten accounts are the ones whose misuse nobody notices. Both are weak by themselves. The hour and the silence
//! are told by the first record to arrive: one that is repeated has ended the silence itself and is left out.
use super::prelude::*;
use super::shared;

pub(super) const SIGNAL: Signal = Signal {
    id: "temporal_dormant",
    summary: "First sign-in after a long silence, or at an hour new for the user",
    levels: &[&ELSEWHERE, &DORMANT, &HOUR],
    techniques: card(&["T1078.004"]),
    false_positives: card(&[
        "Holidays, parental leave, seasonal work",
        "On-call work, and another time zone on a journey",
    ]),
    blind_spots: card(&[
        "Someone keeps the account awake, as a guesser does from a network of the user's own",
        "What was forgotten to make room for others",
        "The user's usual hours",
    ]),
    references: card(&[
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/SigninLogs/InactiveAccounts.yaml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/SigninLogs/UserAccounts-UnusualLogonTimes.yaml",
    ]),
    options: &[&DORMANT_DAYS, &HISTORY_DAYS],
    needs: Some(Key::User),
    check,
};

const ELSEWHERE: Level = Level {
    name: "elsewhere",
    weight: Weight::Medium,
    points: Opt::points(
        "temporal_dormant.elsewhere_points",
        20,
        "Our weight: who comes back after weeks from a new network may be somebody else",
    ),
};
const DORMANT: Level = Level {
    name: "dormant",
    weight: Weight::Low,
    points: Opt::points(
        "temporal_dormant.dormant_points",
        8,
        "Our weight: Sentinel InactiveAccounts is a hunt; holidays do it",
    ),
};
const HOUR: Level = Level {
    name: "hour",
    weight: Weight::Low,
    points: Opt::points(
        "temporal_dormant.hour_points",
        2,
        "Our weight: Sentinel UserAccounts-UnusualLogonTimes is a hunt and asks for a rare hour of a whole country",
    ),
};
const DORMANT_DAYS: Opt = Opt::int(
    "temporal_dormant.dormant_days",
    "days",
    13,
    (2, 365),
    "Sentinel InactiveAccounts: unseen for 13 days",
);
const HISTORY_DAYS: Opt = Opt::int(
    "temporal_dormant.history_days",
    "days that the user must be known, for the hour",
    7,
    (1, 365),
    "Our value: a week holds every kind of day once",
);

fn check(case: &Case) -> Option<Hit> {
    let (user, before, event) = case.user()?;
    if before.duplicate || !shared::is_through(event) {
        return None;
    }
    let silent = i64::from(before.unseen_secs? / 86_400);
    let elsewhere = before.network == Familiarity::New;
    // From a new network: since the last success, so that guessing from there does not count as life.
    let since_success = || {
        let others = user.networks.all().iter();
        let others = others.filter(|seen| seen.key != event.network);
        let last = others.map(|seen| seen.last).max()?;
        Some(i64::from(event.at.saturating_sub(last) / 86_400))
    };
    let days = if elsewhere {
        since_success().unwrap_or(silent)
    } else {
        silent
    };
    if days >= case.config.int(&DORMANT_DAYS) {
        let level = if elsewhere { &ELSEWHERE } else { &DORMANT };
        let place = if elsewhere { ", new network" } else { "" };
        return case.hit(level, why!("first sign-in in {} days{}", days, place));
    }
    let known_days = i64::from(event.at.saturating_sub(user.since) / 86_400);
    let unusual = before.new_hour
        && event.is(Traits::INTERACTIVE)
        && user.since != 0
        && known_days >= case.config.int(&HISTORY_DAYS);
    let hour = event.at / 3600 % 24;
    unusual
        .then(|| case.hit(&HOUR, why!("first time at {}:00 UTC", hour)))
        .flatten()
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "temporal_dormant";
    const DAY: i64 = 86_400;

    fn line(at: i64, code: u32, asn: u32) -> Line<'static> {
        Line {
            at,
            code,
            asn,
            request: "same",
            ..Line::default()
        }
    }

    #[test]
    fn silence_counts_in_days() {
        // The last sign-in of the history is a day and an hour before.
        let rows = [
            (line(12 * DAY, 0, 64496), Some(8)),
            (line(11 * DAY, 0, 64496), None),
            (line(12 * DAY, 50074, 64496), Some(8)),
            (line(12 * DAY, 0, 64500), Some(20)),
            (line(12 * DAY, 50126, 64500), None),
        ];
        for (line, points) in rows {
            let mut story = Story::with_history("", &["ada@contoso.example"]);
            let found = story.points(ID, &line);
            assert_eq!(found.filter(|&points| points > 2), points, "{line:?}");
            assert_eq!(story.points(ID, &line), None, "twice: {line:?}");
        }
    }

    #[test]
    fn guessing_from_elsewhere_is_no_life() {
        let mut story = Story::with_history("", &["ada@contoso.example"]);
        story.see(&line(14 * DAY - 60, 50126, 64500));
        assert_eq!(story.points(ID, &line(14 * DAY, 0, 64500)), Some(20));
    }

    #[test]
    fn hours_count_after_a_week() {
        for (day, hour, points) in [(6, 12, Some(2)), (4, 12, None), (6, -1, None)] {
            let mut story = Story::with_history("", &["ada@contoso.example"]);
            for day in 0..6 {
                story.see(&Line {
                    at: day * DAY - 3600,
                    ..Line::default()
                });
            }
            let now = line(day * DAY + hour * 3600, 0, 64496);
            assert_eq!(story.points(ID, &now), points, "{day} {hour}");
        }
    }
}

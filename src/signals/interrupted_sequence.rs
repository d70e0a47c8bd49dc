//! A right password is stopped again and again, or goes on to fail, from a place that is not the user's.
//!
//! One interrupt is the ordinary half of a sign-in. What tells a stranger from the user is that nobody completes it:
//! the user passes the second factor within a minute, a thief tries the next way in. Apps that ask at the same time
//! are one try. What a success completes later is taken out again, so late records only make it quieter; shuffled ones
//! are counted where they belong, and one delivered twice counts once.
use super::prelude::*;
use super::shared::{is_earlier_session, is_foreign, is_policy_block, is_stopped, lately};
use super::why::Why;

pub(super) const SIGNAL: Signal = Signal {
    id: "interrupted_sequence",
    summary: "Right password stopped repeatedly, or stopped and then refused, away from the user's places",
    levels: &[&BY_TURNS, &REPEATED, &THEN_FAILED, &ABANDONED],
    techniques: card(&["T1078.004", "T1621"]),
    false_positives: card(&[
        "Travellers whose phone is not at hand",
        "The first day with a new device in a new network",
        "A policy that is new and that a client does not know how to satisfy",
    ]),
    blind_spots: card(&[
        "An attacker in a network of the user's own",
        "Users without a history",
        "A single try",
        "Steps without a person: they mostly show a token, not a password",
    ]),
    references: card(&[
        "https://github.com/splunk/splunk-add-on-microsoft-azure/issues/90",
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_mfa_interrupted.yml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Detections/SigninLogs/NewCountryValidCreds.yaml",
    ]),
    options: &[
        &TURNS_MIN,
        &REPEATED_MIN,
        &APART_SECS,
        &ABANDONED_SECS,
        &WINDOW_SECS,
    ],
    needs: Some(Key::User),
    check,
};

const REPEATED: Level = Level {
    name: "repeated",
    weight: Weight::Medium,
    points: Opt::points(
        "interrupted_sequence.repeated_points",
        40,
        "Review alone, suspicious with a new country or a hosting network; no public rule counts interrupts, our weight",
    ),
};
const BY_TURNS: Level = Level {
    name: "by_turns",
    weight: Weight::High,
    points: Opt::points(
        "interrupted_sequence.by_turns_points",
        60,
        "Suspicious alone: right password, refused, right password, refused, and never in; our weight",
    ),
};
const TURNS_MIN: Opt = Opt::int(
    "interrupted_sequence.turns_min",
    "refusals after an interrupt",
    3,
    (2, 20),
    "Our value: once is a slip at the second attempt, twice a slip and a prompt that was missed",
);
const THEN_FAILED: Level = Level {
    name: "then_failed",
    weight: Weight::Medium,
    points: Opt::points(
        "interrupted_sequence.then_failed_points",
        15,
        "Review with what such a failure has anyway from a new country: travellers miss a prompt once; our weight",
    ),
};
const ABANDONED: Level = Level {
    name: "abandoned",
    weight: Weight::Low,
    points: Opt::points(
        "interrupted_sequence.abandoned_points",
        8,
        "Our weight: closing the page is what many do",
    ),
};
const REPEATED_MIN: Opt = Opt::int(
    "interrupted_sequence.repeated_min",
    "tries",
    3,
    (2, 40),
    "Our value: once is the rule, twice is a page that was closed",
);
const APART_SECS: Opt = Opt::int(
    "interrupted_sequence.apart_secs",
    "seconds between tries",
    60,
    (0, 3600),
    "Our value: a prompt is open for a minute, and apps of one device ask at the same time",
);
const ABANDONED_SECS: Opt = Opt::int(
    "interrupted_sequence.abandoned_secs",
    "seconds without a success",
    600,
    (10, 86_400),
    "splunk-add-on-microsoft-azure#90: 10 minutes and more between a prompt and its success were seen",
);
const WINDOW_SECS: Opt = Opt::window(
    "interrupted_sequence.window_secs",
    3600,
    "Our value: the longest time in which a flow goes on (same request id)",
);

fn check(case: &Case) -> Option<Hit> {
    let (user, before, event) = case.user()?;
    let interrupt = is_interrupt(event);
    if (!interrupt && !fails(event)) || before.completed || is_earlier_session(case) {
        return None;
    }
    if !is_foreign(user, event, event.at) {
        return None;
    }
    let recent = lately(case, &WINDOW_SECS)?;
    let open = || {
        let open = |one: &&Event| is_interrupt(one) && !one.is(Traits::COMPLETED);
        recent.iter().filter(open)
    };
    let here = |one: &Event| one.address == event.address && one.address != 0;
    // Then failed, in whichever order the two arrived.
    let failed = if interrupt {
        recent
            .iter()
            .find(|one| fails(one) && here(one) && one.at > event.at)
    } else {
        open()
            .any(|one| here(one) && one.at <= event.at)
            .then_some(event)
    };
    let repeated_min = case.config.int(&REPEATED_MIN);
    if !interrupt {
        let code = failed?.code;
        let turns = turns(recent.iter().filter(|one| here(one)));
        if turns >= case.config.int(&TURNS_MIN) {
            return case.hit(
                &BY_TURNS,
                why!("right password stopped and then refused {} times by turns, not from a place of the user's", turns),
            );
        }
        return case.hit(&THEN_FAILED, why_failed(code));
    }
    let apart = case.config.int(&APART_SECS);
    let (mut tries, mut last) = (0, None);
    for one in open().filter(|one| is_foreign(user, one, event.at)) {
        let at = i64::from(one.at);
        if last.is_none_or(|last| at - last >= apart) {
            tries += 1;
            last = Some(at);
        }
    }
    if tries >= repeated_min {
        return case.hit(
            &REPEATED,
            why!("right password stopped {} times within {} min and never completed, not from a place of the user's", tries, case.config.int(&WINDOW_SECS) / 60),
        );
    }
    if let Some(failed) = failed {
        return case.hit(&THEN_FAILED, why_failed(failed.code));
    }
    let long_ago = i64::from(event.at) - case.config.int(&ABANDONED_SECS);
    let left =
        open().find(|one| i64::from(one.at) <= long_ago && is_foreign(user, one, event.at))?;
    let minutes = event.at.saturating_sub(left.at) / 60;
    case.hit(
        &ABANDONED,
        why!(
            "right password stopped {} min before, and nobody went on with it",
            minutes
        ),
    )
}

/// How often a refusal comes after an interrupt, going by turns.
fn turns<'a>(events: impl Iterator<Item = &'a Event>) -> i64 {
    let (mut turns, mut stopped) = (0, false);
    for event in events {
        if is_interrupt(event) && !event.is(Traits::COMPLETED) {
            stopped = true;
        } else if stopped && fails(event) {
            stopped = false;
            turns += 1;
        }
    }
    turns
}

fn is_interrupt(event: &Event) -> bool {
    event.is_interrupted() && is_stopped(event)
}

/// Whether it was refused for the password, for the second factor, or by policy.
fn fails(event: &Event) -> bool {
    event.is_failure()
        && (event.is_wrong_password()
            || event.is(Traits::MFA_FAILED)
            || (is_policy_block(event) && !event.is(Traits::NON_INTERACTIVE)))
}

fn why_failed(code: u32) -> Why {
    why!(
        "right password stopped, then {} from the same address, which is not the user's",
        code
    )
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story, away, home};

    const ID: &str = "interrupted_sequence";
    const ADA: &str = "ada@contoso.example";

    /// Points on the last of the lines.
    fn last(story: &mut Story, lines: &[Line]) -> Option<i64> {
        lines.iter().fold(None, |_, line| story.points(ID, line))
    }

    #[test]
    fn weighs_what_follows_an_interrupt() {
        let other = |at, code| Line {
            address: "198.51.100.9",
            ..away(at, code)
        };
        let token = Line {
            interactive: false,
            ..away(1200, 50076)
        };
        let rows: [(&[Line], Option<i64>); 22] = [
            (&[away(0, 50074)], None),
            // Then failed.
            (&[away(0, 50074), away(30, 50126)], Some(15)),
            (&[away(0, 50074), away(30, 500121)], Some(15)),
            (&[away(0, 50072), away(30, 53003)], Some(15)),
            (&[away(0, 50074), away(3599, 50126)], Some(15)),
            (&[away(0, 50074), away(3600, 50126)], None),
            (&[away(0, 50074), other(30, 50126)], None),
            (&[away(0, 50058), away(30, 50126)], None),
            (&[away(0, 50074), away(30, 50105)], None),
            (&[home(0, 50074), home(30, 500121)], None),
            // In the wrong order of arrival.
            (&[away(30, 50126), away(0, 50074)], Some(15)),
            // Repeated.
            (
                &[away(0, 50074), away(60, 50074), away(120, 50074)],
                Some(40),
            ),
            (
                &[away(120, 50074), away(0, 50074), away(60, 50074)],
                Some(40),
            ),
            (&[away(0, 50074), away(60, 50074), away(119, 50074)], None),
            (
                &[away(0, 50074), away(60, 50076), other(120, 50158)],
                Some(40),
            ),
            (&[home(0, 50074), home(60, 50074), home(120, 50074)], None),
            (&[away(0, 50140), away(60, 50140), away(120, 50140)], None),
            (
                &[away(0, 50074), away(1800, 50074), away(3600, 50074)],
                Some(8),
            ),
            // Abandoned.
            (&[away(0, 50074), away(600, 50074)], Some(8)),
            (&[away(0, 50074), away(599, 50074)], None),
            (&[home(0, 50074), home(900, 50074)], None),
            // A phone abroad whose token is stopped again and again.
            (&[away(0, 50074), away(60, 50074), token], None),
        ];
        for (lines, points) in rows {
            let mut story = Story::with_history("", &[ADA]);
            let shown: Vec<_> = lines.iter().map(|line| (line.at, line.code)).collect();
            assert_eq!(last(&mut story, lines), points, "{shown:?}");
        }
    }

    #[test]
    fn silent_for_who_gets_in() {
        let mut story = Story::with_history("", &[ADA]);
        let done = Line {
            mfa: true,
            ..away(20, 0)
        };
        story.see(&away(0, 50074));
        story.see(&done);
        // The place is the user's own from here on.
        for at in [700, 1400, 2100] {
            assert_eq!(story.points(ID, &away(at, 50074)), None);
        }
        assert_eq!(story.points(ID, &away(2130, 500121)), None);
    }

    #[test]
    fn silent_without_history_as_on_the_morning_of_a_roll_out() {
        let mut story = Story::new("");
        for at in 0..10 {
            assert_eq!(story.points(ID, &home(at * 100, 50079)), None);
        }
    }

    #[test]
    fn a_record_delivered_twice_counts_once() {
        let mut story = Story::with_history("", &[ADA]);
        for _ in 0..5 {
            let again = Line {
                request: "same",
                ..away(0, 50074)
            };
            assert_eq!(story.points(ID, &again), None);
        }
    }

    #[test]
    fn by_turns_right_and_wrong_is_no_slip() {
        for (refusals, points) in [(1, Some(15)), (2, Some(15)), (3, Some(60))] {
            let mut story = Story::with_history("", &[ADA]);
            let mut last_seen = None;
            for turn in 0..refusals {
                story.see(&away(turn * 30, 50074));
                last_seen = story.points(ID, &away(turn * 30 + 15, 50126));
            }
            assert_eq!(last_seen, points, "{refusals}");
        }
        // One interrupt and then wrong passwords only.
        let mut story = Story::with_history("", &[ADA]);
        story.see(&away(0, 50074));
        let wrong = [away(10, 50126), away(20, 50126), away(30, 50126)];
        assert_eq!(last(&mut story, &wrong), Some(15));
    }
}

//! One address tries disabled accounts of several users, and perhaps gets in with another one.
//!
//! Lists of names grow old: who works through one meets those who left. The phone of somebody who left asks for one
//! account only, from where that account got in before or from where many others get in. Order and repeats change
//! nothing but which record is the first to see enough; a success that arrives before the refusals is silent.
use super::prelude::*;
use super::shared;
use crate::state::address::{Address, Trace};

pub(super) const SIGNAL: Signal = Signal {
    id: "disabled_account_pivot",
    summary: "One address tries disabled accounts, or gets in after it",
    levels: &[&GOT_IN, &USERS],
    techniques: card(&["T1078.004", "T1110.003"]),
    false_positives: card(&[
        "Phones of people who left, behind one carrier address that hardly anybody uses",
        "A departing team's devices behind an exit not seen before",
    ]),
    blind_spots: card(&[
        "A list without disabled accounts",
        "From the exit of a busy office or carrier",
    ]),
    references: card(&[
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/SigninAttemptsByIPviaDisabledAccounts.yaml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/SigninLogs/DisabledAccountSigninAttemptsByIP.yaml",
    ]),
    options: &[&USERS_MIN, &WINDOW_SECS, &GOT_IN_USERS, &GOT_IN_SECS],
    needs: Some(Key::Address),
    check,
};

const GOT_IN: Level = Level {
    name: "got_in",
    weight: Weight::High,
    points: Opt::points(
        "disabled_account_pivot.got_in_points",
        60,
        "Suspicious alone: Sentinel SigninAttemptsByIPviaDisabledAccounts (medium); ours asks for two accounts and a stranger",
    ),
};
const USERS: Level = Level {
    name: "users",
    weight: Weight::Medium,
    points: Opt::points(
        "disabled_account_pivot.users_points",
        30,
        "Review alone: Sentinel hunts it from one account on",
    ),
};
const USERS_MIN: Opt = Opt::int(
    "disabled_account_pivot.users",
    "disabled users",
    3,
    (1, 96),
    "Our value: two people who left can share an address",
);
const WINDOW_SECS: Opt = Opt::window(
    "disabled_account_pivot.window_secs",
    86_400,
    "Sentinel SigninAttemptsByIPviaDisabledAccounts: a day",
);
const GOT_IN_USERS: Opt = Opt::int(
    "disabled_account_pivot.got_in_users",
    "disabled users before somebody gets in",
    2,
    (1, 96),
    "Our value: one is a phone that somebody who left still carries",
);
const GOT_IN_SECS: Opt = Opt::window(
    "disabled_account_pivot.got_in_secs",
    3600,
    "Our value: in a day a carrier's address passes through many hands",
);

// The code alone: Microsoft changed the text, and rules that matched it broke (Azure-Sentinel#14655).
const DISABLED: u32 = 50057;

/// Strangers' disabled accounts tried within `window`, and users who got in in that time.
fn tried(case: &Case, address: &Address, event: &Event, window: &Opt) -> Option<(i64, i64, i64)> {
    let secs = case.config.int(window);
    if i64::from(event.at) <= i64::from(address.trouble.clock()) - secs {
        return None;
    }
    let disabled = |trace: &Trace| trace.code == DISABLED;
    let traces = address.trouble.within(secs);
    let users = if traces.iter().any(disabled) {
        shared::strangers(traces, disabled)
    } else {
        0
    };
    let insiders = if users == 0 {
        0
    } else {
        shared::insiders(address, secs.max(86_400), event.user)
    };
    Some((users, insiders, secs / 60))
}

fn check(case: &Case) -> Option<Hit> {
    let (address, _, event) = case.address()?;
    if event.code == DISABLED {
        if shared::is_insider(address, event) {
            return None;
        }
        let (users, insiders, minutes) = tried(case, address, event, &WINDOW_SECS)?;
        if users < case.config.int(&USERS_MIN) || users <= insiders {
            return None;
        }
        return case.hit(
            &USERS,
            why!(
                "{} disabled accounts tried from this address within {} min",
                users,
                minutes
            ),
        );
    }
    if address.trouble.all().is_empty() || !shared::stranger_has_password(case, address, event) {
        return None;
    }
    let (users, insiders, minutes) = tried(case, address, event, &GOT_IN_SECS)?;
    // Sentinel's ratio: half as many disabled accounts as users who get in, this one included.
    if users < case.config.int(&GOT_IN_USERS) || users * 2 <= insiders {
        return None;
    }
    case.hit(
        &GOT_IN,
        why!(
            "password right where {} disabled accounts were tried within {} min",
            users,
            minutes
        ),
    )
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "disabled_account_pivot";

    fn disabled(story: &mut Story, users: i64, step: i64) -> Option<i64> {
        let mut last = None;
        for number in 0..users {
            let user = format!("left{number}@contoso.example");
            last = story.points(
                ID,
                &Line {
                    at: number * step,
                    code: 50057,
                    user: &user,
                    ..Line::default()
                },
            );
        }
        last
    }

    #[test]
    fn counts_disabled_users() {
        let rows = [
            (2, 1, None),
            (3, 1, Some(30)),
            (3, 43_199, Some(30)),
            (3, 43_200, None),
        ];
        for (users, step, points) in rows {
            let mut story = Story::new("");
            assert_eq!(disabled(&mut story, users, step), points, "{users} {step}");
        }
    }

    #[test]
    fn fires_when_a_stranger_gets_in_afterwards() {
        let rows = [
            (1, 60, 0, None),
            (2, 60, 0, Some(60)),
            (2, 60, 50074, Some(60)),
            (2, 3599, 0, Some(60)),
            (2, 3600, 0, None),
            (2, 60, 50058, None),
            (2, 60, 50126, None),
        ];
        for (users, at, code, points) in rows {
            let mut story = Story::new("");
            disabled(&mut story, users, 1);
            let line = Line {
                at,
                code,
                ..Line::default()
            };
            assert_eq!(story.points(ID, &line), points, "{users} {at} {code}");
        }
    }

    #[test]
    fn phones_of_people_who_left_are_silent() {
        let mut story = Story::new("");
        for number in 0..5 {
            let user = format!("user{number}@contoso.example");
            story.see(&Line {
                user: &user,
                ..Line::default()
            });
        }
        // Three at a busy address, and one that asks all day.
        assert_eq!(disabled(&mut story, 3, 60), None);
        for number in 0..40 {
            let line = Line {
                at: 200 + number * 600,
                code: 50057,
                address: "192.0.2.50",
                ..Line::default()
            };
            assert_eq!(story.points(ID, &line), None);
        }
        // Those who left had got in from here.
        let mut story = Story::new("");
        for (at, code) in [(0, 0), (10, 50057)] {
            for number in 0..3 {
                let user = format!("left{number}@contoso.example");
                let line = Line {
                    at,
                    code,
                    user: &user,
                    ..Line::default()
                };
                assert_eq!(story.points(ID, &line), None);
            }
        }
    }

    #[test]
    fn shuffled_and_repeated() {
        let mut story = Story::new("");
        for (number, points) in [(2, None), (2, None), (0, None), (0, None), (1, Some(30))] {
            let user = format!("left{number}@contoso.example");
            let request = format!("r{number}");
            let line = Line {
                at: number * 10,
                code: 50057,
                user: &user,
                request: &request,
                ..Line::default()
            };
            assert_eq!(story.points(ID, &line), points, "{number}");
        }
    }
}

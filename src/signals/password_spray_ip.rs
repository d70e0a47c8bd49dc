//! Password spray: the first factor of many users is refused at one address.
//!
//! Spreading tries over users keeps each below its lockout limit, so only the address shows it. An office has as many
//! wrong passwords, but its users got in from there before or do a moment later: those are not counted, and what is left
//! must be more than the users who do get in. Order and lateness change nothing but which record is the first to see
//! enough; a record delivered twice says the same again.
use super::prelude::*;
use super::shared;
use crate::state::address::Address;

pub(super) const SIGNAL: Signal = Signal {
    id: "password_spray_ip",
    summary: "One address is refused on many users",
    levels: &[&MANY, &SOME, &SLOW],
    techniques: card(&["T1110.003"]),
    false_positives: card(&[
        "A shared exit that few got in from yet, while a directory or an agent is down",
        "One person who tries many spellings of a name",
        "A portal of the tenant's own that passes passwords on",
    ]),
    blind_spots: card(&[
        "Sprays over many addresses, see distributed_spray",
        "Fewer than ten users a day from one address",
        "From the exit of a busy office or carrier, until more are refused than usually get in",
        "Users who got in from the same address before",
    ]),
    references: card(&[
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/SigninPasswordSpray.yaml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Detections/ASimAuthentication/imAuthPasswordSpray.yaml",
        "https://github.com/splunk/security_content/blob/develop/detections/cloud/azure_ad_multiple_users_failing_to_authenticate_from_ip.yml",
        "https://github.com/splunk/security_content/blob/develop/detections/cloud/o365_multiple_users_failing_to_authenticate_from_ip.yml",
    ]),
    options: &[
        &MANY_USERS,
        &SHARED_USERS,
        &SOME_USERS,
        &WINDOW_SECS,
        &SLOW_USERS,
        &SLOW_SECS,
    ],
    needs: Some(Key::Address),
    check,
};

const MANY: Level = Level {
    name: "many",
    weight: Weight::High,
    points: Opt::points(
        "password_spray_ip.many_points",
        60,
        "Suspicious alone: ten strangers refused at one address and hardly anybody let in leaves little doubt",
    ),
};
const SOME: Level = Level {
    name: "some",
    weight: Weight::Medium,
    points: Opt::points(
        "password_spray_ip.some_points",
        30,
        "Review alone: Sentinel SigninPasswordSpray (medium) fires here",
    ),
};
const SLOW: Level = Level {
    name: "slow",
    weight: Weight::Medium,
    points: Opt::points(
        "password_spray_ip.slow_points",
        30,
        "Review alone: our weight, a day gathers other people's slips at a shared address",
    ),
};
const MANY_USERS: Opt = Opt::int(
    "password_spray_ip.many_users",
    "users",
    10,
    (2, 96),
    "Elastic, by repeat source (>= 10 within 30 minutes); Splunk for Office 365 (> 10 within 5 minutes)",
);
const SHARED_USERS: Opt = Opt::int(
    "password_spray_ip.shared_users",
    "users, where more get in than are refused",
    20,
    (2, 96),
    "Our value: between ASIM's 15 and Splunk's 30 users, both without a look at who gets in",
);
const SOME_USERS: Opt = Opt::int(
    "password_spray_ip.some_users",
    "users",
    5,
    (2, 96),
    "Sentinel SigninPasswordSpray: >= 5 within 20 minutes, and more than get in",
);
const WINDOW_SECS: Opt = Opt::window(
    "password_spray_ip.window_secs",
    1200,
    "Sentinel SigninPasswordSpray: 20 minutes",
);
const SLOW_USERS: Opt = Opt::int(
    "password_spray_ip.slow_users",
    "users",
    10,
    (2, 96),
    "Sigma bad password threshold: > 10 users, no window stated",
);
const SLOW_SECS: Opt = Opt::window(
    "password_spray_ip.slow_secs",
    86_400,
    "Our value: as long as refusals are remembered one by one",
);

/// Whether a code says that a first factor was refused: Sentinel's `SigninPasswordSpray` and ASIM's lookup.
pub(super) fn is_refused(code: u32) -> bool {
    matches!(code, 50126 | 50053 | 50055 | 50056 | 50034 | 50064 | 51004)
}

/// A spray as seen from the address.
pub(super) struct Spray {
    level: &'static Level,
    /// Strangers who were refused.
    pub users: i64,
    /// Users who got in.
    pub insiders: i64,
    /// Length of the window, in minutes.
    pub minutes: i64,
}

/// The spray of which a record at `at` is a part, if there is one. What `but`, a user, did does not count.
pub(super) fn spray(case: &Case, address: &Address, at: u32, but: u32) -> Option<Spray> {
    let int = |opt| case.config.int(opt);
    let rows = [
        (&MANY, int(&MANY_USERS), int(&SHARED_USERS), &WINDOW_SECS),
        (&SOME, int(&SOME_USERS), i64::MAX, &WINDOW_SECS),
        (&SLOW, int(&SLOW_USERS), i64::MAX, &SLOW_SECS),
    ];
    // There are no more users than records.
    let refused = shared::count(
        address
            .trouble
            .all()
            .iter()
            .filter(|trace| is_refused(trace.code)),
    );
    for (level, few, many, window) in rows.into_iter().filter(|row| row.1 <= refused) {
        let secs = int(window);
        if i64::from(at) <= i64::from(address.trouble.clock()) - secs {
            continue;
        }
        let traces = address.trouble.within(secs);
        let users = shared::strangers(traces, |trace| is_refused(trace.code) && trace.user != but);
        if users < few {
            continue;
        }
        let insiders = shared::insiders(address, secs, but);
        if users > insiders || users >= many {
            let minutes = secs / 60;
            return Some(Spray {
                level,
                users,
                insiders,
                minutes,
            });
        }
    }
    None
}

fn check(case: &Case) -> Option<Hit> {
    let (address, _, event) = case.address()?;
    if !is_refused(event.code) || shared::is_insider(address, event) {
        return None;
    }
    let seen = spray(case, address, event.at, 0)?;
    case.hit(
        seen.level,
        why!(
            "{} users refused from this address within {} min, {} got in",
            seen.users,
            seen.minutes,
            seen.insiders
        ),
    )
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "password_spray_ip";

    /// `users` refused one after another, `step` seconds apart; what the last one gets.
    fn refused(story: &mut Story, users: i64, step: i64, code: u32) -> Option<i64> {
        let line = Line {
            at: 1,
            code,
            ..Line::default()
        };
        story.crowd(ID, users, step, &line)
    }

    #[test]
    fn counts_users_within_its_windows() {
        let rows = [
            (4, 1, 50126, None),
            (5, 1, 50126, Some(30)),
            (9, 1, 50126, Some(30)),
            (10, 1, 50126, Some(60)),
            (10, 133, 50053, Some(60)),
            // The tenth comes when the first is 20 minutes old.
            (10, 134, 50053, Some(30)),
            (10, 1, 50034, Some(60)),
            (10, 1, 50055, Some(60)),
            (10, 1, 51004, Some(60)),
            // Slow: one every two hours and a half.
            (9, 9000, 50126, None),
            (10, 9000, 50126, Some(30)),
            (10, 9601, 50126, None),
            // Near misses: other troubles.
            (40, 1, 50058, None),
            (40, 1, 50074, None),
            (40, 1, 70043, None),
            (40, 1, 50011, None),
        ];
        for (users, step, code, points) in rows {
            let mut story = Story::new("");
            assert_eq!(
                refused(&mut story, users, step, code),
                points,
                "{users} {step} {code}"
            );
        }
    }

    #[test]
    fn one_user_many_times_is_no_spray() {
        let mut story = Story::new("");
        for at in 0..60 {
            let line = Line {
                at,
                code: 50126,
                ..Line::default()
            };
            assert_eq!(story.points(ID, &line), None);
        }
    }

    #[test]
    fn an_office_morning_is_silent() {
        // Each mistypes once and gets in half a minute later; nobody is known yet.
        let mut story = Story::new("");
        for number in 0..120 {
            let user = format!("user{number}@contoso.example");
            for (after, code) in [(0, 50126), (25, 0)] {
                let line = Line {
                    at: number * 10 + after,
                    code,
                    user: &user,
                    ..Line::default()
                };
                assert_eq!(story.points(ID, &line), None, "{number}");
            }
        }
    }

    #[test]
    fn a_shared_address_needs_more() {
        for (users, points) in [(9, None), (10, None), (19, None), (20, Some(60))] {
            let mut story = Story::new("");
            for number in 0..25 {
                let user = format!("guest{number}@contoso.example");
                story.see(&Line {
                    user: &user,
                    ..Line::default()
                });
            }
            assert_eq!(refused(&mut story, users, 1, 50126), points, "{users}");
            // Who is at home there is no stranger.
            let own = Line {
                at: 30,
                code: 50126,
                user: "guest3@contoso.example",
                ..Line::default()
            };
            assert_eq!(story.points(ID, &own), None);
        }
    }

    #[test]
    fn order_and_repeats_change_nothing() {
        let mut story = Story::new("");
        let mut last = None;
        // The newest first, each twice under the same request.
        for number in (0..10).rev().flat_map(|number| [number, number]) {
            let user = format!("user{number}@contoso.example");
            let request = format!("r{number}");
            last = story.points(
                ID,
                &Line {
                    at: number * 60,
                    code: 50126,
                    user: &user,
                    request: &request,
                    ..Line::default()
                },
            );
            let expected = match number {
                6.. => None,
                1..=5 => Some(30),
                _ => Some(60),
            };
            assert_eq!(last, expected, "{number}");
        }
        assert_eq!(last, Some(60));
    }

    #[test]
    fn what_is_too_old_is_no_part_of_it() {
        let mut story = Story::new("");
        refused(&mut story, 10, 1, 50126);
        let late = |at| Line {
            at,
            code: 50126,
            user: "late@contoso.example",
            ..Line::default()
        };
        assert_eq!(story.points(ID, &late(10 - 1199)), Some(60));
        let mut story = Story::new(r#"{"password_spray_ip.slow_points":0}"#);
        refused(&mut story, 10, 1, 50126);
        assert_eq!(story.points(ID, &late(10 - 1200)), None);
    }
}

//! Many users' right password is stopped at one address, and they do not go on: somebody has a list that works.
//!
//! The second factor or a policy holds, so nothing else raises an alarm. The same is seen on the morning when an office
//! gets a policy; there users go on within minutes, or had got in from there before, and most of the others do get in.
//! Late and shuffled records only change which one is the first to see enough; one that arrives after its own success
//! counts as open.
use super::prelude::*;
use super::shared::{self, Causes, Different};
use crate::state::address::Trace;

pub(super) const SIGNAL: Signal = Signal {
    id: "interrupted_burst_ip",
    summary: "Many users' right password stopped at one address",
    levels: &[&USERS, &SOME],
    techniques: card(&["T1110.004", "T1078.004"]),
    false_positives: card(&[
        "The first minutes of a roll-out at an office that was never seen before",
        "A group that arrives at a hotel or conference and is asked all at once",
    ]),
    blind_spots: card(&[
        "One address per user",
        "From an address where half as many users get in",
        "Fewer than three users an hour",
        "Users without a registered second factor are rated lower",
    ]),
    references: card(&[
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/SigninPasswordSpray.yaml",
        "https://learn.microsoft.com/entra/identity-platform/reference-error-codes",
    ]),
    options: &[&MANY_USERS, &SOME_USERS, &SOME_RECORDS, &WINDOW_SECS],
    needs: Some(Key::Address),
    check,
};

const USERS: Level = Level {
    name: "users",
    weight: Weight::High,
    points: Opt::points(
        "interrupted_burst_ip.users_points",
        60,
        "Suspicious alone: our weight; that many known passwords at a strange address leave little doubt",
    ),
};
const SOME: Level = Level {
    name: "some",
    weight: Weight::Medium,
    points: Opt::points(
        "interrupted_burst_ip.some_points",
        30,
        "Review alone: our weight; no public rule counts interrupts by address",
    ),
};
const MANY_USERS: Opt = Opt::int(
    "interrupted_burst_ip.many_users",
    "users",
    5,
    (2, 96),
    "Sentinel SigninPasswordSpray counts 5 users; there they were refused. Those who are sent to register do not count",
);
const SOME_USERS: Opt = Opt::int(
    "interrupted_burst_ip.some_users",
    "users",
    3,
    (2, 96),
    "Our value: two who are asked at the same moment are a coincidence",
);
const SOME_RECORDS: Opt = Opt::int(
    "interrupted_burst_ip.some_records",
    "interrupts of two users or more",
    10,
    (2, 96),
    "Our value: twice what two users need who try again",
);
const WINDOW_SECS: Opt = Opt::window(
    "interrupted_burst_ip.window_secs",
    3600,
    "Sentinel ADFSSignInLogsPasswordSpray: an hour, by address",
);

/// What stops a sign-in after a right password. 50140 and consent come after everything was accepted, and expired
/// sessions need no password.
const STOPS: Causes = Causes::of(&[
    Cause::MfaRequired,
    Cause::MfaSetup,
    Cause::MfaFailed,
    Cause::MfaDenied,
    Cause::UserAbandoned,
    Cause::ExternalChallenge,
    Cause::CaDevice,
    Cause::CaApp,
    Cause::PolicyBlock,
    Cause::RiskBlock,
    Cause::PasswordChange,
]);

fn is_stopped(trace: &Trace) -> bool {
    trace.is(Traits::PROVED)
        && !trace.is(Traits::OWN_PLACE)
        && !trace.is(Traits::MFA_CLAIMED)
        && STOPS.have(trace.cause)
}

fn check(case: &Case) -> Option<Hit> {
    let (address, _, event) = case.address()?;
    if !event.is(Traits::PROVED) || event.is_success() {
        return None;
    }
    let secs = case.config.int(&WINDOW_SECS);
    let traces = address.trouble.within(secs);
    // The record is itself one of them, still open.
    let own = traces.iter().rev().find(|trace| trace.id == event.id)?;
    if own.guest || own.is(Traits::COMPLETED) || !is_stopped(own) {
        return None;
    }
    // Strangers who were stopped, and what else has to be looked at more closely.
    let mut users = Different::default();
    let (mut records, mut went_on, mut setup) = (0, false, false);
    for trace in traces {
        if trace.is(Traits::COMPLETED) {
            went_on = true;
        } else if !trace.guest && is_stopped(trace) {
            records += 1;
            setup |= trace.caused_by(Cause::MfaSetup);
            if !trace.is(Traits::CONFIDENTIAL) {
                users.add(trace.user);
            }
        }
    }
    let int = |opt| case.config.int(opt);
    let users = users.count();
    if users < int(&SOME_USERS) && (users < 2 || records < int(&SOME_RECORDS)) {
        return None;
    }
    // Who got in within the day: an office is known before its users are asked for something new. And who went on: of
    // an address that is under suspicion no guests are noted.
    let went_on = if went_on {
        let traces = traces.iter();
        let completed = traces.filter(|trace| trace.is(Traits::COMPLETED));
        shared::distinct(completed.map(|trace| trace.user))
    } else {
        0
    };
    let insiders = shared::insiders(address, secs.max(86_400), 0).max(went_on);
    if users <= 2 * insiders {
        return None;
    }
    // Users who are sent to register come in crowds on the day of a roll-out.
    let beyond_setup = if setup {
        shared::strangers(traces, |trace| {
            is_stopped(trace) && !trace.caused_by(Cause::MfaSetup)
        })
    } else {
        users
    };
    let level = if beyond_setup >= int(&MANY_USERS) {
        &USERS
    } else {
        &SOME
    };
    case.hit(
        level,
        why!(
            "{} users' right password stopped {} times at this address within {} min, {} got in",
            users,
            records,
            secs / 60,
            insiders
        ),
    )
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "interrupted_burst_ip";

    #[test]
    fn counts_users_whose_password_was_right() {
        let rows = [
            (2, 1, 50074, None),
            (3, 1, 50074, Some(30)),
            (4, 1, 50074, Some(30)),
            (5, 1, 50074, Some(60)),
            (5, 1, 50079, Some(30)),
            (30, 1, 50072, Some(30)),
            (5, 1, 53003, Some(60)),
            (5, 1, 500_121, Some(60)),
            (5, 899, 50076, Some(60)),
            (5, 900, 50076, Some(30)),
            (5, 1800, 50076, None),
            // Near misses: nobody looked at a password, or everything was accepted.
            (30, 1, 50058, None),
            (30, 1, 50097, None),
            (30, 1, 50140, None),
            (30, 1, 65001, None),
            (30, 1, 70043, None),
            (30, 1, 50126, None),
        ];
        for (users, step, code, points) in rows {
            let line = Line {
                code,
                ..Line::default()
            };
            let mut story = Story::new("");
            assert_eq!(
                story.crowd(ID, users, step, &line),
                points,
                "{users} {step} {code}"
            );
        }
        let own = Line {
            code: 50076,
            more: r#""deviceDetail":{"isCompliant":true}"#,
            ..Line::default()
        };
        assert_eq!(Story::new("").crowd(ID, 30, 1, &own), None);
    }

    #[test]
    fn two_users_again_and_again() {
        for (records, users, points) in [(9, 2, None), (10, 2, Some(30)), (30, 1, None)] {
            let mut story = Story::new("");
            let mut last = None;
            for number in 0..records {
                let user = format!("user{}@contoso.example", number % users);
                let line = Line {
                    at: number,
                    code: 50076,
                    user: &user,
                    ..Line::default()
                };
                last = story.points(ID, &line);
            }
            assert_eq!(last, points, "{records} {users}");
        }
    }

    #[test]
    fn a_roll_out_morning_is_silent() {
        // One person every 15 seconds is sent to register. Three of four do, within four minutes. `guests` of other
        // rooms got in before: without any, the first minutes deserve a look.
        let mut lines = Vec::new();
        for number in 0..200_i64 {
            lines.push((number * 15, 50079, number));
            lines.push((number * 15 + 30, 50072, number));
            if number % 4 != 0 {
                lines.push((number * 15 + 60 + number % 7 * 30, 0, number));
            }
        }
        lines.sort_unstable();
        for (guests, most) in [(20, 0), (0, 60)] {
            let mut story = Story::new("");
            for number in 0..guests {
                let user = format!("early{number}@contoso.example");
                story.see(&Line {
                    at: -600,
                    user: &user,
                    interactive: false,
                    ..Line::default()
                });
            }
            let mut fired = 0;
            for &(at, code, number) in &lines {
                let user = format!("user{number}@contoso.example");
                let line = Line {
                    at,
                    code,
                    user: &user,
                    mfa: code == 0,
                    ..Line::default()
                };
                let points = story.points(ID, &line);
                fired += usize::from(points.is_some());
                assert!(points.is_none_or(|points| points < 60), "{at}");
                assert!(points.is_none() || at < 420, "{at}");
            }
            assert!(fired <= most, "{guests} guests: {fired}");
        }
    }

    #[test]
    fn shuffled_and_repeated() {
        let mut story = Story::new("");
        let mut last = None;
        for number in [3, 0, 4, 4, 1, 1, 2] {
            let user = format!("user{number}@contoso.example");
            let request = format!("r{number}");
            last = story.points(
                ID,
                &Line {
                    at: number * 10,
                    code: 50074,
                    user: &user,
                    request: &request,
                    ..Line::default()
                },
            );
            if number == 1 {
                assert_eq!(last, Some(30));
            }
        }
        assert_eq!(last, Some(60));
    }
}

//! Errors of seamless single sign-on over many users from one address.
//!
//! The endpoint that browsers hand Kerberos tickets to also takes passwords, and what is tried there shows as codes that
//! begin with 81. A clock fault or an expired ticket does the same to an office, whose users got in from there before or
//! do so with a password a moment later. Late, shuffled and repeated records change nothing but who sees enough first.
use super::prelude::*;
use super::shared;
use crate::state::address::Trace;

pub(super) const SIGNAL: Signal = Signal {
    id: "sso_error_spray",
    summary: "Seamless single sign-on fails for many users at one address",
    levels: &[&MANY, &SOME],
    techniques: card(&["T1110.003"]),
    false_positives: card(&[
        "An expired Kerberos key or a clock fault at a site whose users were never seen there",
        "Single sign-on being set up",
    ]),
    blind_spots: card(&[
        "Five users an hour or fewer",
        "Tries at that endpoint which no log records",
        "From an address where as many users get in",
    ]),
    references: card(&[
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/SeamlessSSOPasswordSpray.yaml",
        "https://github.com/splunk/security_content/blob/develop/detections/cloud/o365_excessive_sso_logon_errors.yml",
    ]),
    options: &[&MANY_USERS, &SOME_USERS, &WINDOW_SECS],
    needs: Some(Key::Address),
    check,
};

const MANY: Level = Level {
    name: "many",
    weight: Weight::High,
    points: Opt::points(
        "sso_error_spray.many_points",
        60,
        "Suspicious alone: our weight, as for any spray over that many users",
    ),
};
const SOME: Level = Level {
    name: "some",
    weight: Weight::Medium,
    points: Opt::points(
        "sso_error_spray.some_points",
        30,
        "Review alone: Sentinel SeamlessSSOPasswordSpray (medium) fires here",
    ),
};
const MANY_USERS: Opt = Opt::int(
    "sso_error_spray.many_users",
    "users",
    15,
    (2, 96),
    "ASIM imAuthPasswordSpray: 15 users, of any refused first factor",
);
const SOME_USERS: Opt = Opt::int(
    "sso_error_spray.some_users",
    "users",
    6,
    (2, 96),
    "Sentinel SeamlessSSOPasswordSpray: > 5 within an hour",
);
const WINDOW_SECS: Opt = Opt::window(
    "sso_error_spray.window_secs",
    3600,
    "Sentinel SeamlessSSOPasswordSpray: an hour",
);

fn is_sso(code: u32) -> bool {
    code / 1000 == 81
}

fn check(case: &Case) -> Option<Hit> {
    let (address, _, event) = case.address()?;
    if !is_sso(event.code) || shared::is_insider(address, event) {
        return None;
    }
    let secs = case.config.int(&WINDOW_SECS);
    if i64::from(event.at) <= i64::from(address.trouble.clock()) - secs {
        return None;
    }
    let traces = address.trouble.within(secs);
    let users = shared::strangers(traces, |trace: &Trace| is_sso(trace.code));
    let level = if users >= case.config.int(&MANY_USERS) {
        &MANY
    } else if users >= case.config.int(&SOME_USERS) {
        &SOME
    } else {
        return None;
    };
    let insiders = shared::insiders(address, secs, 0);
    if users <= insiders {
        return None;
    }
    case.hit(
        level,
        why!(
            "single sign-on failed for {} users at this address within {} min, {} got in",
            users,
            secs / 60,
            insiders
        ),
    )
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "sso_error_spray";

    #[test]
    fn counts_users() {
        let rows = [
            (5, 1, 81016, None),
            (6, 1, 81016, Some(30)),
            (14, 1, 81010, Some(30)),
            (15, 1, 81010, Some(60)),
            (6, 719, 81016, Some(30)),
            (6, 720, 81016, None),
            // Near misses: no session found, another fault.
            (30, 1, 50058, None),
            (30, 1, 80012, None),
        ];
        for (users, step, code, points) in rows {
            let mut story = Story::new("");
            let mut last = None;
            // Backwards, and each twice.
            for number in (0..users).rev().flat_map(|number| [number, number]) {
                let user = format!("user{number}@contoso.example");
                let request = format!("r{number}");
                last = story.points(
                    ID,
                    &Line {
                        at: number * step,
                        code,
                        user: &user,
                        request: &request,
                        ..Line::default()
                    },
                );
            }
            // The last to arrive is the oldest; at the edge it lies outside.
            assert_eq!(last, points, "{users} {step} {code}");
        }
    }

    #[test]
    fn an_office_with_old_tickets_is_silent() {
        let mut story = Story::new("");
        for number in 0..60 {
            let user = format!("user{number}@contoso.example");
            for (after, code) in [(0, 81010), (20, 0)] {
                let line = Line {
                    at: number * 10 + after,
                    code,
                    user: &user,
                    ..Line::default()
                };
                assert_eq!(story.points(ID, &line), None, "{number}");
            }
        }
        // The next day nobody waits for anybody.
        for number in 0..60 {
            let user = format!("user{number}@contoso.example");
            let line = Line {
                at: 86_400 + number,
                code: 81010,
                user: &user,
                ..Line::default()
            };
            assert_eq!(story.points(ID, &line), None, "{number}");
        }
    }
}

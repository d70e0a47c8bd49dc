//! A user's password is right at an address that was just refused on many others: the climax of a spray.
//!
//! Got in, or stopped by the second factor or a policy after a right password: both mean that the sprayer now has one. A
//! guest of the address, a device of the tenant and a session that goes on are none of the spray's. What is refused
//! later, or arrives later, is not known yet when the success passes; delivered twice it says the same again.
use super::password_spray_ip::spray;
use super::prelude::*;
use super::shared;

pub(super) const SIGNAL: Signal = Signal {
    id: "success_after_spray",
    summary: "Right password at an address that sprayed others",
    levels: &[&GOT_IN, &PASSWORD_RIGHT],
    techniques: card(&["T1110.003", "T1078.004"]),
    false_positives: card(&["A newcomer at a hotel or carrier whose address a sprayer shares"]),
    blind_spots: card(&[
        "A success that comes before five others were refused",
        "Success from another address than the spray's",
        "A user who got in from the address before",
        "Sprays from a network that the tenant trusts",
    ]),
    references: card(&[
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/MultipleDataSources/IPIdentityFailureBurstFollowedBySuccess.yaml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/SigninPasswordSpray.yaml",
    ]),
    // What a spray is, password_spray_ip says.
    options: &[],
    needs: Some(Key::Address),
    check,
};

const GOT_IN: Level = Level {
    name: "got_in",
    weight: Weight::High,
    points: Opt::points(
        "success_after_spray.got_in_points",
        80,
        "Suspicious alone: Sentinel hunts it from 5 failed users on; somebody is in",
    ),
};
const PASSWORD_RIGHT: Level = Level {
    name: "password_right",
    weight: Weight::High,
    points: Opt::points(
        "success_after_spray.password_right_points",
        60,
        "Suspicious alone: Sentinel SigninPasswordSpray takes such interrupts for a right password",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    let (address, _, event) = case.address()?;
    if address.trouble.all().is_empty() || !shared::stranger_has_password(case, address, event) {
        return None;
    }
    let seen = spray(case, address, event.at, event.user)?;
    let (level, what) = if event.is_success() {
        (&GOT_IN, "got in")
    } else {
        (&PASSWORD_RIGHT, "password right")
    };
    case.hit(
        level,
        why!(
            "{} where {} others were refused within {} min",
            what,
            seen.users,
            seen.minutes
        ),
    )
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "success_after_spray";

    fn refused(story: &mut Story, users: i64, step: i64) {
        let line = Line {
            code: 50126,
            ..Line::default()
        };
        story.crowd(ID, users, step, &line);
    }

    #[test]
    fn fires_on_a_right_password_after_a_spray() {
        let line = Line {
            at: 60,
            ..Line::default()
        };
        let code = |code| Line { code, ..line };
        let more = |more| Line { more, ..line };
        let rows = [
            (4, line, None),
            (5, line, Some(80)),
            (20, line, Some(80)),
            (5, Line { mfa: true, ..line }, Some(80)),
            (5, code(50074), Some(60)),
            (5, code(50079), Some(60)),
            (5, code(53003), Some(60)),
            (5, code(500_121), Some(60)),
            (5, code(50055), Some(60)),
            // Near misses: a password that nobody looked at, a wrong one, another address, too late.
            (5, code(50058), None),
            (5, code(50126), None),
            (
                5,
                Line {
                    address: "192.0.2.9",
                    ..line
                },
                None,
            ),
            (5, Line { at: 1300, ..line }, None),
            // The user's own: a device of the tenant, a session that goes on, a token that is renewed.
            (5, more(r#""deviceDetail":{"isManaged":true}"#), None),
            (
                5,
                more(
                    r#""authenticationDetails":[{"authenticationMethod":"Previously satisfied","succeeded":true,"authenticationStepResultDetail":"MFA requirement satisfied by claim in the token"}]"#,
                ),
                None,
            ),
            (
                5,
                Line {
                    interactive: false,
                    ..more(r#""incomingTokenType":"refreshToken""#)
                },
                None,
            ),
        ];
        for (users, line, points) in rows {
            let mut story = Story::new("");
            refused(&mut story, users, 1);
            assert_eq!(story.points(ID, &line), points, "{users} {line:?}");
        }
    }

    #[test]
    fn slow_sprays_end_in_it_as_well() {
        for (users, points) in [(9, None), (10, Some(80))] {
            let mut story = Story::new("");
            refused(&mut story, users, 3600);
            let line = Line {
                at: users * 3600,
                ..Line::default()
            };
            assert_eq!(story.points(ID, &line), points, "{users}");
        }
    }

    #[test]
    fn guests_of_the_address_are_not_meant() {
        let mut story = Story::new("");
        story.see(&Line::default());
        refused(&mut story, 12, 1);
        let line = Line {
            at: 60,
            ..Line::default()
        };
        assert_eq!(story.points(ID, &line), None);
    }

    #[test]
    fn ones_own_slips_are_no_spray() {
        let mut story = Story::new("");
        refused(&mut story, 4, 1);
        for code in [50126, 50126, 0] {
            let line = Line {
                at: 20,
                code,
                ..Line::default()
            };
            assert_eq!(story.points(ID, &line), None, "{code}");
        }
    }

    #[test]
    fn delivered_twice_and_late_it_says_the_same() {
        let mut story = Story::new("");
        refused(&mut story, 7, 10);
        let line = Line {
            at: 30,
            request: "once",
            ..Line::default()
        };
        assert_eq!(story.points(ID, &line), Some(80));
        assert_eq!(story.points(ID, &line), Some(80));
    }
}

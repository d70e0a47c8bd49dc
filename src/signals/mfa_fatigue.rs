//! Many attempts at a second factor of one user fail in a row: prompts until one is approved, or codes until one fits.
//!
//! Who has the password can ask for a prompt again and again, and needs one approval out of many. A user whose phone is
//! out of reach does the same a few times, from a place that is the user's own. One attempt can write several records,
//! so attempts are counted by `originalRequestId`. Late and shuffled records count where they belong in time: an
//! approval that arrived before the attempts is found by the last of them. A record delivered twice counts once.
use super::prelude::*;
use super::shared::{count, distinct, is_foreign, is_own, lately};

pub(super) const SIGNAL: Signal = Signal {
    id: "mfa_fatigue",
    summary: "Many attempts at the second factor of one user failed",
    levels: &[&THEN_SUCCESS, &PUSH_BURST, &CODE_BURST, &OWN_PLACE],
    techniques: card(&["T1621", "T1110.001", "T1078.004"]),
    false_positives: card(&[
        "A phone that is new, broken or out of reach, above all while travelling",
        "A clock that is off, so that every typed code is wrong",
        "A client that asks for a prompt by itself again and again, such as a VPN that reconnects",
    ]),
    blind_spots: card(&[
        "A user who approves one of the first prompts",
        "Prompts with pauses longer than the window",
        "An attacker in a network of the user's own, such as the same home provider: more attempts are needed there",
        "Prompts that no 500121 is written for",
    ]),
    references: card(&[
        "https://github.com/splunk/security_content/blob/develop/detections/cloud/azure_ad_multiple_denied_mfa_requests_for_user.yml",
        "https://github.com/splunk/security_content/blob/develop/detections/cloud/azure_ad_multiple_failed_mfa_requests_for_user.yml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/MFASpammingfollowedbySuccessfullogin.yaml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/credential_access_entra_id_totp_brute_force_attempts.toml",
        "https://github.com/splunk/security_content/issues/3134",
    ]),
    options: &[
        &ATTEMPTS_MIN,
        &FOREIGN_ATTEMPTS_MIN,
        &CODES_MIN,
        &DENIALS_MIN,
        &WINDOW_SECS,
    ],
    needs: Some(Key::User),
    check,
};

const THEN_SUCCESS: Level = Level {
    name: "then_success",
    weight: Weight::High,
    points: Opt::points(
        "mfa_fatigue.then_success_points",
        80,
        "Suspicious alone: Sentinel MFASpammingfollowedbySuccessfullogin (high)",
    ),
};
const PUSH_BURST: Level = Level {
    name: "push_burst",
    weight: Weight::High,
    points: Opt::points(
        "mfa_fatigue.push_burst_points",
        50,
        "Suspicious with what every failed attempt has (mfa_interrupted, mfa_denied): Splunk's two rules are TTPs",
    ),
};
const CODE_BURST: Level = Level {
    name: "code_burst",
    weight: Weight::High,
    points: Opt::points(
        "mfa_fatigue.code_burst_points",
        50,
        "As for prompts; Elastic totp_brute_force_attempts (medium)",
    ),
};
const OWN_PLACE: Level = Level {
    name: "own_place",
    weight: Weight::Medium,
    points: Opt::points(
        "mfa_fatigue.own_place_points",
        20,
        "Review with mfa_interrupted.failed: from a place of the user's own it is a broken phone as a rule; our weight",
    ),
};
const ATTEMPTS_MIN: Opt = Opt::int(
    "mfa_fatigue.attempts_min",
    "attempts",
    10,
    (2, 40),
    "Splunk azure_ad_multiple_denied_mfa_requests_for_user: more than 9",
);
const FOREIGN_ATTEMPTS_MIN: Opt = Opt::int(
    "mfa_fatigue.foreign_attempts_min",
    "attempts from a place that is not the user's",
    5,
    (2, 40),
    "Our value: half of what public rules ask for, which do not know the user's places; who travels tries three times",
);
const CODES_MIN: Opt = Opt::int(
    "mfa_fatigue.codes_min",
    "attempts with a typed code",
    10,
    (2, 40),
    "Elastic totp_brute_force_attempts: 10 sessions (and 20 records)",
);
const DENIALS_MIN: Opt = Opt::int(
    "mfa_fatigue.denials_min",
    "declined prompts before an approved one",
    2,
    (1, 40),
    "Our value: one can be a slip of the finger, after which the user tries again",
);
const WINDOW_SECS: Opt = Opt::window(
    "mfa_fatigue.window_secs",
    1800,
    "Our value: 10 minutes in Splunk, 5 in Sentinel; a prompt is open for a minute, and who sends them makes pauses",
);

fn check(case: &Case) -> Option<Hit> {
    let (user, _, event) = case.user()?;
    let given = is_given(event);
    if !given && !event.is(Traits::MFA_FAILED) {
        return None;
    }
    let recent = lately(case, &WINDOW_SECS)?;
    let failed = || recent.iter().filter(|one| one.is(Traits::MFA_FAILED));
    let since = failed().next()?.at;
    let approval = if given {
        Some(event)
    } else {
        let later =
            |one: &&Event| one.at > event.at && is_given(one) && one.network == event.network;
        recent.iter().find(later)
    };
    let who = approval.unwrap_or(event);
    let own = is_own(user, who, since);
    let foreign = is_foreign(user, who, since);
    // The user signs in as usual while a stranger asks for prompts: only what can be of one hand is counted together.
    let tries = || {
        failed().filter(|one| {
            approval.is_none_or(|approval| one.at <= approval.at)
                && is_own(user, one, since) == own
                && (own || foreign || approval.is_none() || one.network == who.network)
        })
    };
    let number = |opt| case.config.int(opt);
    let enough = if foreign {
        number(&FOREIGN_ATTEMPTS_MIN)
    } else {
        number(&ATTEMPTS_MIN)
    };
    let minutes = number(&WINDOW_SECS) / 60;
    if approval.is_some() {
        let denials = || tries().filter(|one| one.is(Traits::DENIED));
        // Few records have anything before them, so this is cheap for all others.
        if own || count(tries()) < enough.min(number(&DENIALS_MIN)) {
            return None;
        }
        let attempts = distinct(tries().map(|one| one.attempt));
        let declined = distinct(denials().map(|one| one.attempt));
        if attempts < enough && declined < number(&DENIALS_MIN) {
            return None;
        }
        return case.hit(
            &THEN_SUCCESS,
            why!(
                "passed after {} failed attempts ({} declined) within {} min",
                attempts,
                declined,
                minutes
            ),
        );
    }
    let typed = event.is(Traits::TYPED_CODE);
    let attempts = distinct(
        tries()
            .filter(|one| one.is(Traits::TYPED_CODE) == typed)
            .map(|one| one.attempt),
    );
    let (level, enough) = match (own, typed) {
        (true, _) => (&OWN_PLACE, number(&ATTEMPTS_MIN)),
        (false, true) => (&CODE_BURST, number(&CODES_MIN)),
        (false, false) => (&PUSH_BURST, enough),
    };
    if attempts < enough {
        return None;
    }
    let what = if typed { "codes" } else { "prompts" };
    case.hit(
        level,
        why!("{} {} failed within {} min", attempts, what, minutes),
    )
}

/// Whether a second factor was given: said outright, or one factor was not enough and no earlier sign-in counted.
fn is_given(event: &Event) -> bool {
    (event.is_success() || event.code == 50140)
        && !event.is(Traits::NON_INTERACTIVE)
        && (event.is(Traits::MFA_GIVEN)
            || !(event.is(Traits::MFA_CLAIMED) || event.is(Traits::SINGLE_FACTOR)))
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "mfa_fatigue";
    const ADA: &str = "ada@contoso.example";
    const UNANSWERED: &str = r#""status":{"additionalDetails":"MFA denied; user did not respond to mobile app notification"}"#;
    const DECLINED: &str =
        r#""status":{"additionalDetails":"MFA denied; user declined the authentication"}"#;
    const WRONG_CODE: &str =
        r#""status":{"additionalDetails":"MFA denied; user entered incorrect code"}"#;
    const ELSEWHERE: Line = Line {
        address: "203.0.113.7",
        asn: 64511,
        country: "BR",
        agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0",
        ..HOME
    };
    const HOME: Line = Line {
        at: 0,
        code: 500121,
        user: ADA,
        address: "192.0.2.1",
        asn: 64496,
        country: "DE",
        app: "app",
        resource: "resource",
        agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edg/120.0.0.0",
        session: "",
        correlation: "",
        request: "",
        attempt: "",
        interactive: true,
        mfa: false,
        more: UNANSWERED,
    };

    fn given(line: Line<'static>, at: i64) -> Line<'static> {
        Line {
            at,
            code: 0,
            mfa: true,
            more: "",
            ..line
        }
    }

    /// Points on the last of `tries` attempts, a minute apart, and on the approval that follows.
    fn told(story: &mut Story, line: Line, tries: i64, then: &Line) -> (Option<i64>, Option<i64>) {
        let mut last = None;
        for number in 0..tries {
            let at = line.at + number * 60;
            last = story.points(ID, &Line { at, ..line });
        }
        (last, story.points(ID, then))
    }

    #[test]
    fn counts_attempts_by_place() {
        let declined = Line {
            more: DECLINED,
            ..ELSEWHERE
        };
        let code = Line {
            more: WRONG_CODE,
            ..ELSEWHERE
        };
        let rows = [
            // history, line, attempts, points on the last, points on the approval
            (true, ELSEWHERE, 4, None, None),
            (true, ELSEWHERE, 5, Some(50), Some(80)),
            (false, ELSEWHERE, 9, None, None),
            (false, ELSEWHERE, 10, Some(50), Some(80)),
            (true, declined, 1, None, None),
            (true, declined, 2, None, Some(80)),
            (false, declined, 2, None, Some(80)),
            (true, code, 9, None, Some(80)),
            (true, code, 10, Some(50), Some(80)),
            // A broken phone at home.
            (true, HOME, 9, None, None),
            (true, HOME, 10, Some(20), None),
        ];
        for (history, line, tries, last, then) in rows {
            let mut story = if history {
                Story::with_history("", &[ADA])
            } else {
                Story::new("")
            };
            let then_line = given(line, tries * 60);
            assert_eq!(
                told(&mut story, line, tries, &then_line),
                (last, then),
                "{history} {tries} {}",
                line.more
            );
        }
    }

    #[test]
    fn several_records_of_an_attempt_and_deliveries_count_once() {
        for (attempt, request) in [("one", ""), ("", "same")] {
            let mut story = Story::with_history("", &[ADA]);
            for number in 0..12 {
                let line = Line {
                    // The same record again, or another one of the same attempt.
                    at: if request.is_empty() { number * 20 } else { 0 },
                    attempt,
                    request,
                    ..ELSEWHERE
                };
                assert_eq!(story.points(ID, &line), None, "{attempt} {number}");
            }
        }
    }

    #[test]
    fn the_window_slides() {
        // The first of five lies on the edge of the last one's window.
        for (last, points) in [(1799, Some(50)), (1800, None)] {
            let mut story = Story::with_history("", &[ADA]);
            for at in 0..4 {
                story.see(&Line { at, ..ELSEWHERE });
            }
            let line = Line {
                at: last,
                ..ELSEWHERE
            };
            assert_eq!(story.points(ID, &line), points, "{last}");
        }
    }

    #[test]
    fn the_user_goes_on_at_home_meanwhile() {
        let mut story = Story::with_history("", &[ADA]);
        let then = given(HOME, 400);
        let (burst, approval) = told(&mut story, ELSEWHERE, 6, &then);
        assert_eq!((burst, approval), (Some(50), None));
        // The same without a history: another network is another hand.
        let mut story = Story::new("");
        let (burst, approval) = told(&mut story, ELSEWHERE, 10, &given(HOME, 700));
        assert_eq!((burst, approval), (Some(50), None));
    }

    #[test]
    fn an_earlier_second_factor_approves_nothing() {
        let claimed = Line {
            more: r#""authenticationRequirement":"singleFactorAuthentication""#,
            mfa: false,
            ..given(ELSEWHERE, 700)
        };
        let mut story = Story::with_history("", &[ADA]);
        assert_eq!(told(&mut story, ELSEWHERE, 10, &claimed), (Some(50), None));
    }

    #[test]
    fn an_approval_that_arrived_first_is_found() {
        let mut story = Story::with_history("", &[ADA]);
        assert_eq!(story.points(ID, &given(ELSEWHERE, 400)), None);
        let mut last = None;
        for at in [240, 0, 180, 60, 120] {
            last = story.points(ID, &Line { at, ..ELSEWHERE });
        }
        assert_eq!(last, Some(80));
    }
}

//! Right password, second factor asked for and not given in this record.
//!
//! The ordinary first half of every sign-in with two factors, and also what a stolen password looks like
//! when the second factor stops it. By itself it says little; sequences are for the signals with memory.
use super::prelude::*;

pub(super) const SIGNAL: Signal = Signal {
    id: "mfa_interrupted",
    summary: "Password right, second factor not given or not accepted",
    levels: &[&GUESSED, &FAILED, &SEEN],
    techniques: card(&["T1078.004"]),
    false_positives: card(&[
        "Every prompt writes one such record before the user answers",
        "First-time registration (50072, 50079) on a user's first day",
        "A phone left on the desk, a code typed too late",
    ]),
    blind_spots: card(&[
        "A thief who gives up at the prompt looks the same as a user who closes the tab",
    ]),
    references: card(&[
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_mfa_interrupted.yml",
    ]),
    options: &[],
    needs: None,
    check,
};

const GUESSED: Level = Level {
    name: "guessed",
    weight: Weight::Medium,
    points: Opt::points(
        "mfa_interrupted.guessed_points",
        20,
        "Our weight: a wrong number, a code used twice or too many codes is more than a slip and less than a denial",
    ),
};
const FAILED: Level = Level {
    name: "failed",
    weight: Weight::Low,
    points: Opt::points(
        "mfa_interrupted.failed_points",
        10,
        "Sigma azure_mfa_interrupted and Splunk fire on one 500121; low because unanswered prompts are common",
    ),
};
const SEEN: Level = Level {
    name: "seen",
    weight: Weight::Low,
    points: Opt::points(
        "mfa_interrupted.seen_points",
        5,
        "Our weight: low alone, because every sign-in with two factors writes one",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    let class = case.class;
    if class.status == Status::Success || class.first_factor != FirstFactor::Proved {
        return None;
    }
    // Of a session that goes on nobody was asked for the password again.
    let earlier = class.told.has(Said::FirstFactorReused) && !class.told.password_right;
    let told = |now: &'static str, then: &'static str| if earlier { then } else { now };
    let guesses = [
        (Said::TooManyCodes, "wrong codes until the limit"),
        (Said::WrongNumber, "the wrong number picked"),
        (Said::CodeReused, "a code used twice"),
    ];
    let guess = guesses.into_iter().find(|(said, _)| class.told.has(*said));
    match (class.cause, guess) {
        (Cause::MfaFailed, Some((_, what))) => {
            case.hit(&GUESSED, why!("password right, second factor: {}", what))
        }
        (Cause::MfaFailed, None) => case.hit(&FAILED, "password right, second factor failed"),
        (Cause::UserAbandoned, _) => {
            case.hit(&FAILED, "password right, second factor not answered")
        }
        (Cause::MfaRequired, _) => case.hit(
            &SEEN,
            told(
                "password right, second factor not given yet",
                "session of an earlier sign-in, second factor not given yet",
            ),
        ),
        (Cause::MfaSetup, _) => case.hit(
            &SEEN,
            told(
                "password right, no second factor registered yet",
                "session of an earlier sign-in, no second factor registered yet",
            ),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::hits;

    #[test]
    fn fires_on_a_proved_password_without_second_factor() {
        let rows = [
            ("50074", true),
            ("50076", true),
            ("50079", true),
            ("50072", true),
            // Near misses: the password was not looked at, the page comes after both factors, it was wrong.
            ("50058", false),
            ("50140", false),
            ("50126", false),
            ("0", false),
        ];
        for (code, fires) in rows {
            let record = format!(r#""resultType":"{code}""#);
            assert_eq!(
                hits("mfa_interrupted", &record, "").is_some(),
                fires,
                "{code}"
            );
        }
    }

    #[test]
    fn weighs_how_the_second_factor_failed() {
        let rows = [
            ("", Some(10)),
            (
                "MFA denied; user did not respond to mobile app notification",
                Some(10),
            ),
            ("MFA denied; user entered incorrect code", Some(10)),
            (
                "MFA denied; user did not select the correct number",
                Some(20),
            ),
            ("MFA denied; verification code already used once", Some(20)),
            (
                "MFA denied; entered incorrect code too many times",
                Some(20),
            ),
            // Near misses: a denial is a signal of its own, a fault of the service is nobody's.
            ("MFA denied; user declined the authentication", None),
            ("MFA denied; service error", None),
        ];
        for (text, points) in rows {
            let record = format!(
                r#""resultType":"500121","properties":{{"status":{{"errorCode":500121,"additionalDetails":"{text}"}}}}"#
            );
            let hit = hits("mfa_interrupted", &record, "");
            assert_eq!(hit.map(|hit| hit.points), points, "{text}");
        }
    }
}

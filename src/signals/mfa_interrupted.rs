//! Right password, second factor asked for and not given in this record.
//!
//! The ordinary first half of every sign-in with two factors, and also what a stolen password looks like
//! when the second factor stops it. By itself it says little; sequences are for the signals with memory.
use super::prelude::*;

pub(super) const SIGNAL: Signal = Signal {
    id: "mfa_interrupted",
    summary: "Password right, second factor not yet given",
    levels: &[&SEEN],
    techniques: &["T1078.004"],
    false_positives: &[
        "Every prompt writes one such record before the user answers",
        "First-time registration (50072, 50079) on a user's first day",
    ],
    blind_spots: &[
        "A thief who gives up at the prompt looks the same as a user who closes the tab",
    ],
    references: &[
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_mfa_interrupted.yml",
    ],
    options: &[],
    check,
};

const SEEN: Level = Level {
    name: "seen",
    weight: Weight::Low,
    points: Opt::points(
        "mfa_interrupted.seen_points",
        5,
        "Low alone: a normal login flow writes it; our weight, see signals table",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    if case.class.status != Status::Interrupted || case.class.first_factor != FirstFactor::Proved {
        return None;
    }
    match case.class.cause {
        Cause::MfaRequired => case.hit(&SEEN, "password right, second factor not given yet"),
        Cause::MfaSetup => case.hit(&SEEN, "password right, no second factor registered yet"),
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
}

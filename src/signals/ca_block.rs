//! Refused by policy or by risk, mostly after a right password.
//!
//! The policy worked, so it weighs little; that the password was right is for signals that know the user's places.
//! Refusals of a device code as such are in `device_code_flow`. Many within an hour, away from the user's places, are
//! somebody who looks for a way around: late and shuffled records count where they belong in time, one delivered twice
//! counts once.
use super::prelude::*;
use super::shared::{count, is_foreign, is_policy_block, lately, with_code};

pub(super) const SIGNAL: Signal = Signal {
    id: "ca_block",
    summary: "Refused by Conditional Access, by another policy or by risk",
    levels: &[&RISK, &WORKLOAD, &REPEATED, &BLOCKED],
    techniques: card(&["T1078.004", "T1110"]),
    false_positives: card(&[
        "A policy that has just been rolled out",
        "Users on a private device, or in a country that is blocked, who did not know",
        "Service accounts that a policy was not written for",
        "For repeated: a traveller in a country that is blocked, who does not give up",
    ]),
    blind_spots: card(&[
        "Policies in report-only mode stop nobody",
        "An attacker who finds an app, client or place that no policy covers",
    ]),
    references: card(&[
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_user_login_blocked_by_conditional_access.yml",
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_conditional_access_failure.yml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/UserAccounts-CABlockedSigninSpikes.yaml",
    ]),
    options: &[&REPEATED_MIN, &WINDOW_SECS],
    needs: Some(Key::User),
    check,
};

const RISK: Level = Level {
    name: "risk",
    weight: Weight::Medium,
    points: Opt::points(
        "ca_block.risk_points",
        30,
        "Review alone: Microsoft held user or sign-in to be risky enough to refuse; our weight",
    ),
};
const WORKLOAD: Level = Level {
    name: "workload",
    weight: Weight::Medium,
    points: Opt::points(
        "ca_block.workload_points",
        30,
        "Review alone, our weight: a workload has no typing errors and no phone; its secret was right and the place was not",
    ),
};
const REPEATED: Level = Level {
    name: "repeated",
    weight: Weight::Medium,
    points: Opt::points(
        "ca_block.repeated_points",
        25,
        "Review with valid_creds_interrupted: Sentinel UserAccounts-CABlockedSigninSpikes (medium) looks for spikes",
    ),
};
const BLOCKED: Level = Level {
    name: "blocked",
    weight: Weight::Low,
    points: Opt::points(
        "ca_block.blocked_points",
        10,
        "Sigma fires on one 53003; low because it did not get in and new policies write many",
    ),
};

const REPEATED_MIN: Opt = Opt::int(
    "ca_block.repeated_min",
    "refused sign-ins, not from a place of the user's",
    5,
    (2, 40),
    "Our value: Sentinel's spikes begin at 50 a day, wherever they come from; five in an hour is no misunderstanding",
);
const WINDOW_SECS: Opt = Opt::window(
    "ca_block.window_secs",
    3600,
    "Our value: an hour; Sentinel counts by day",
);

fn check(case: &Case) -> Option<Hit> {
    if !case.class.blocked {
        return None;
    }
    // Refused device codes are counted by device_code_flow.
    let record = case.record;
    if record.is(Field::Protocol, "deviceCode")
        || record.is(Field::TransferMethod, "deviceCodeFlow")
    {
        return None;
    }
    if let Some(hit) = repeated(case) {
        return Some(hit);
    }
    let (level, what) = match case.class.cause {
        Cause::RiskBlock => (&RISK, "blocked for risk"),
        Cause::PolicyBlock if record.is_workload() => {
            (&WORKLOAD, "credential right, blocked by policy")
        }
        Cause::PolicyBlock => (&BLOCKED, "blocked by policy"),
        Cause::CaDevice => (&BLOCKED, "blocked: the device does not satisfy a policy"),
        Cause::CaApp => (&BLOCKED, "blocked: the app does not satisfy a policy"),
        _ => return None,
    };
    case.hit(level, with_code(what, case.class.looked_up))
}

/// Clients that go on by themselves repeat a refused request for hours, so they do not count.
fn repeated(case: &Case) -> Option<Hit> {
    let (user, _, event) = case.user()?;
    let part = |one: &Event| {
        is_policy_block(one)
            && !one.is(Traits::NON_INTERACTIVE)
            && !one.is(Traits::WORKLOAD)
            && is_foreign(user, one, event.at)
    };
    if !part(event) {
        return None;
    }
    let times = count(lately(case, &WINDOW_SECS)?.iter().filter(|one| part(one)));
    if times < case.config.int(&REPEATED_MIN) {
        return None;
    }
    case.hit(
        &REPEATED,
        why!(
            "blocked by policy {} times within {} min, not from a place of the user's",
            times,
            case.config.int(&WINDOW_SECS) / 60
        ),
    )
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story, hits};

    #[test]
    fn fires_on_refusals_by_policy() {
        let rows = [
            ("53000", Some(10)),
            ("53001", Some(10)),
            ("53002", Some(10)),
            ("53003", Some(10)),
            ("50005", Some(10)),
            ("50131", Some(10)),
            ("530032", Some(30)),
            ("53004", Some(30)),
            // Near misses: steps that are no refusal, lockout, refused device codes, a second factor not passed.
            ("50097", None),
            ("50158", None),
            ("50076", None),
            ("70043", None),
            ("50053", None),
            ("530033", None),
            ("500121", None),
            ("0", None),
        ];
        for (code, points) in rows {
            let record = format!(r#""resultType":"{code}""#);
            let hit = hits("ca_block", &record, "");
            assert_eq!(hit.map(|hit| hit.points), points, "{code}");
        }
    }

    #[test]
    fn a_user_blocked_for_prompts_is_not_blocked_by_policy() {
        let record = r#""resultType":"500121","properties":{"status":{"errorCode":500121,"additionalDetails":"MFA denied; user is blocked"}}"#;
        assert!(hits("ca_block", record, "").is_none());
    }

    #[test]
    fn says_which_code() {
        let hit = hits("ca_block", r#""resultType":"53003""#, "").unwrap();
        assert_eq!(hit.why.to_string(), "blocked by policy (53003)");
    }

    #[test]
    fn counts_refusals_away_from_the_users_places() {
        let away = Line {
            code: 53003,
            address: "203.0.113.7",
            asn: 64511,
            ..Line::default()
        };
        let home = Line {
            code: 53003,
            ..Line::default()
        };
        let client = Line {
            interactive: false,
            ..away
        };
        let again = Line {
            request: "same",
            ..away
        };
        let step = Line {
            code: 50076,
            ..away
        };
        let rows = [
            // line, how many, seconds apart, points
            (away, 4, 10, Some(10)),
            (away, 5, 10, Some(25)),
            (away, 5, 899, Some(25)),
            (away, 5, 900, Some(10)),
            (home, 20, 10, Some(10)),
            (client, 20, 10, Some(10)),
            (again, 20, 0, Some(10)),
            (step, 20, 10, None),
        ];
        for (line, times, apart, points) in rows {
            for backwards in [false, true] {
                let mut story = Story::with_history("", &["ada@contoso.example"]);
                let mut last = None;
                for number in 0..times {
                    let number = if backwards {
                        times - 1 - number
                    } else {
                        number
                    };
                    let at = number * apart;
                    last = story.points("ca_block", &Line { at, ..line });
                }
                assert_eq!(last, points, "{times} {apart} {} {backwards}", line.code);
            }
        }
    }

    #[test]
    fn a_new_policy_is_no_attack_on_new_users() {
        let mut story = Story::new("");
        for at in 0..20 {
            let line = Line {
                at,
                code: 53000,
                ..Line::default()
            };
            assert_eq!(story.points("ca_block", &line), Some(10));
        }
    }
}

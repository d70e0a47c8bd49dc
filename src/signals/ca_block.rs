//! Refused by policy or by risk, mostly after a right password.
//!
//! The policy worked, so it weighs little; that the password was right is for signals that know the user's places.
//! Refusals of a device code as such are in `device_code_flow`.
use super::prelude::*;
use super::shared::with_code;

pub(super) const SIGNAL: Signal = Signal {
    id: "ca_block",
    summary: "Refused by Conditional Access, by another policy or by risk",
    levels: &[&RISK, &WORKLOAD, &BLOCKED],
    techniques: &["T1078.004", "T1110"],
    false_positives: &[
        "A policy that has just been rolled out",
        "Users on a private device, or in a country that is blocked, who did not know",
        "Service accounts that a policy was not written for",
    ],
    blind_spots: &[
        "Policies in report-only mode stop nobody",
        "An attacker who finds an app, client or place that no policy covers",
    ],
    references: &[
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_user_login_blocked_by_conditional_access.yml",
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_conditional_access_failure.yml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/UserAccounts-CABlockedSigninSpikes.yaml",
    ],
    options: &[],
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
const BLOCKED: Level = Level {
    name: "blocked",
    weight: Weight::Low,
    points: Opt::points(
        "ca_block.blocked_points",
        10,
        "Sigma fires on one 53003; low because it did not get in and new policies write many",
    ),
};

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

#[cfg(test)]
mod tests {
    use crate::signals::bench::hits;

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
        assert_eq!(hit.why, "blocked by policy (53003)");
    }
}

//! The user declined a prompt, reported it as fraud, or is blocked for second factors.
//!
//! The strongest thing a single record can say: somebody had the password, and the user says it was not them.
use super::prelude::*;

pub(super) const SIGNAL: Signal = Signal {
    id: "mfa_denied",
    summary: "The user declined a prompt or reported it as fraud",
    levels: &[&THEN_COMPLETED, &FRAUD, &DECLINED, &BLOCKED],
    techniques: card(&["T1621", "T1078.004"]),
    false_positives: card(&[
        "A slip of the finger on Deny",
        "A prompt that the user had asked for and no longer wanted",
    ]),
    blind_spots: card(&[
        "A user who approves a prompt that is not theirs",
        "Microsoft at times writes \"duplicate authentication attempt\" in place of the denial",
    ]),
    references: card(&[
        "https://github.com/Azure/Azure-Sentinel/blob/master/Detections/SigninLogs/ExplicitMFADeny.yaml",
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_mfa_denies.yml",
        "https://github.com/elastic/detection-rules/issues/2440",
    ]),
    options: &[],
    needs: None,
    check,
};

const THEN_COMPLETED: Level = Level {
    name: "then_completed",
    weight: Weight::High,
    points: Opt::points(
        "mfa_denied.then_completed_points",
        80,
        "Suspicious alone: a denial and a completed prompt in one record is fatigue that worked (elastic/detection-rules#2440)",
    ),
};
const FRAUD: Level = Level {
    name: "fraud",
    weight: Weight::High,
    points: Opt::points(
        "mfa_denied.fraud_points",
        80,
        "Suspicious alone: the user says it was not them; one event in Sentinel ExplicitMFADeny",
    ),
};
const DECLINED: Level = Level {
    name: "declined",
    weight: Weight::High,
    points: Opt::points(
        "mfa_denied.declined_points",
        50,
        "Review alone, suspicious with anything more: one event in Sentinel, Sigma azure_mfa_denies; mis-taps happen",
    ),
};
const BLOCKED: Level = Level {
    name: "blocked",
    weight: Weight::Medium,
    points: Opt::points(
        "mfa_denied.blocked_points",
        40,
        "Review alone: Sentinel hunting MFAUserBlocked, one event",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    let told = case.class.told;
    if told.completed_after_denial {
        return case.hit(
            &THEN_COMPLETED,
            "a prompt was declined or reported, and a later one in the same record completed",
        );
    }
    if told.has(Said::Fraud) {
        return case.hit(&FRAUD, "the user reported the prompt as fraud");
    }
    // 70034: declined on another device, known by its code alone.
    if told.has(Said::Declined) || case.class.cause == Cause::MfaDenied {
        return case.hit(&DECLINED, "the user declined the prompt");
    }
    if told.has(Said::Blocked) {
        return case.hit(&BLOCKED, "the user is blocked for second factors");
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::hits;

    #[test]
    fn tells_how_the_prompt_was_answered() {
        let rows = [
            ("MFA denied; user declined the authentication", Some(50)),
            ("MFA denied; Phone App Reported Fraud", Some(80)),
            ("MFA denied, fraud code entered", Some(80)),
            ("MFA denied; user is blocked", Some(40)),
            // Near misses: nobody said no.
            (
                "MFA denied; user did not respond to mobile app notification",
                None,
            ),
            ("MFA denied; duplicate authentication attempt", None),
            ("MFA required in Azure AD", None),
        ];
        for (text, points) in rows {
            let record = format!(
                r#""resultType":"500121","properties":{{"status":{{"errorCode":500121,"additionalDetails":"{text}"}}}}"#
            );
            let hit = hits("mfa_denied", &record, "");
            assert_eq!(hit.map(|hit| hit.points), points, "{text}");
        }
    }

    #[test]
    fn a_stay_signed_in_page_after_a_denial_is_the_worst() {
        let steps = |order: [&str; 2]| {
            let step = |text| format!(r#"{{"authenticationStepResultDetail":"{text}"}}"#);
            let steps = order.map(step).join(",");
            format!(r#""resultType":"50140","properties":{{"authenticationDetails":[{steps}]}}"#)
        };
        let denial = "MFA denied; user declined the authentication";
        let done = "MFA successfully completed";
        let rows = [
            ([denial, done], Some(80)),
            ([done, denial], Some(50)),
            ([done, done], None),
        ];
        for (order, points) in rows {
            let hit = hits("mfa_denied", &steps(order), "");
            assert_eq!(hit.map(|hit| hit.points), points, "{order:?}");
        }
    }
}

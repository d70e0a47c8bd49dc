//! Identity Protection holds the sign-in or the user to be risky.
//!
//! Silent where the risk was dismissed, remediated or confirmed safe. `hidden` is what tenants without the licence get
//! and is no level.
use super::prelude::*;

pub(super) const SIGNAL: Signal = Signal {
    id: "risky_signin",
    summary: "Identity Protection reports risk",
    levels: &[
        &COMPROMISED,
        &HIGH,
        &MEDIUM,
        &TRANSIENT,
        &AT_RISK,
        &CHANGE_FORCED,
        &LOW,
    ],
    techniques: card(&["T1078.004"]),
    false_positives: card(&[
        "Travel, VPN, a new phone: what is unfamiliar counts as risk until it is learnt",
        "Sign-ins that Microsoft calls risky for a moment and refuses: they count for less here",
        "A user whose risk nobody has looked at and closed",
    ]),
    blind_spots: card(&[
        "Tenants without the licence see no levels",
        "Risk that is found minutes or days later is not in the record",
        "Workloads at low risk: the level stands in most of their records and says nothing",
    ]),
    references: card(&[
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_entra_id_high_risk_signin.toml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_entra_id_risky_user_or_compromised_sign_in.toml",
        "https://github.com/panther-labs/panther-analysis/blob/main/rules/azure_signin_rules/azure_high_risk_signin.yml",
        "https://github.com/panther-labs/panther-analysis/blob/main/rules/azure_signin_rules/azure_risklevel_passthrough.yml",
        "https://github.com/elastic/detection-rules/issues/6408",
    ]),
    options: &[],
    needs: None,
    check,
};

const COMPROMISED: Level = Level {
    name: "compromised",
    weight: Weight::High,
    points: Opt::points(
        "risky_signin.compromised_points",
        80,
        "Suspicious alone: an administrator or Microsoft has confirmed it; Elastic calls a confirmation critical",
    ),
};
const HIGH: Level = Level {
    name: "high",
    weight: Weight::High,
    points: Opt::points(
        "risky_signin.high_points",
        60,
        "Suspicious alone: Elastic high_risk_signin and Panther azure_high_risk_signin (both high), one event",
    ),
};
const MEDIUM: Level = Level {
    name: "medium",
    weight: Weight::Medium,
    points: Opt::points(
        "risky_signin.medium_points",
        35,
        "Review alone: Panther azure_risklevel_passthrough, where severity follows the level",
    ),
};
const TRANSIENT: Level = Level {
    name: "transient",
    weight: Weight::Medium,
    points: Opt::points(
        "risky_signin.transient_points",
        30,
        "Review alone: Panther counts such failures, Elastic leaves them out and had 62 % fewer alerts (detection-rules#6408)",
    ),
};
const AT_RISK: Level = Level {
    name: "at_risk",
    weight: Weight::Medium,
    points: Opt::points(
        "risky_signin.at_risk_points",
        30,
        "Review alone: Elastic risky_user_or_compromised_sign_in (medium) goes by the state whatever the level",
    ),
};
const CHANGE_FORCED: Level = Level {
    name: "change_forced",
    weight: Weight::Medium,
    points: Opt::points(
        "risky_signin.change_forced_points",
        30,
        "Review alone: 50135 and 50142 ask for a new password because the old one is held to be known to others; Microsoft's impact workbook counts 50142 as risk remediated",
    ),
};
const LOW: Level = Level {
    name: "low",
    weight: Weight::Low,
    points: Opt::points(
        "risky_signin.low_points",
        10,
        "Panther azure_risklevel_passthrough passes low on as low",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    let record = case.record;
    // In most records none of it is said, or "none".
    let text = record.text(Field::RiskState).unwrap_or("none");
    let state = |word: &str| text.eq_ignore_ascii_case(word);
    if state("confirmedCompromised") {
        return case.hit(&COMPROMISED, "Identity Protection: confirmed compromised");
    }
    let user = record.risk(Field::RiskAggregated);
    let risk = record.risk(Field::RiskDuringSignIn).max(user);
    let at_risk = state("atRisk");
    let change_forced = matches!(case.class.looked_up, Some(50135 | 50142));
    if risk < Risk::Low && !at_risk && !change_forced {
        return None;
    }
    if state("remediated") || state("dismissed") || state("confirmedSafe") {
        return None;
    }
    let passed_by = case.class.status == Status::Failure && user <= Risk::None && !at_risk;
    match risk {
        Risk::High | Risk::Medium if passed_by => case.hit(
            &TRANSIENT,
            "Identity Protection: risk during a failed sign-in, not held against the user",
        ),
        Risk::High => case.hit(&HIGH, "Identity Protection: high risk"),
        Risk::Medium => case.hit(&MEDIUM, "Identity Protection: medium risk"),
        _ if at_risk => case.hit(&AT_RISK, "Identity Protection: at risk"),
        _ if change_forced => case.hit(
            &CHANGE_FORCED,
            "a new password was asked for because of risk",
        ),
        // In records of workloads "low" stands beside the state "none" as a matter of course.
        Risk::Low if !record.is_workload() => case.hit(&LOW, "Identity Protection: low risk"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::hits;

    #[test]
    fn goes_by_state_and_the_larger_level() {
        let (user, workload) = ("SignInLogs", "ServicePrincipalSignInLogs");
        let rows = [
            // code, category, during, aggregated, state
            (0, user, "high", "high", "confirmedCompromised", Some(80)),
            (0, user, "none", "none", "confirmedCompromised", Some(80)),
            (0, user, "high", "none", "atRisk", Some(60)),
            (0, user, "none", "high", "none", Some(60)),
            (50074, user, "high", "none", "none", Some(60)),
            (50126, user, "high", "high", "atRisk", Some(60)),
            (0, user, "medium", "low", "atRisk", Some(35)),
            (0, user, "none", "none", "atRisk", Some(30)),
            (0, user, "hidden", "hidden", "atRisk", Some(30)),
            (0, user, "low", "low", "atRisk", Some(30)),
            (0, user, "low", "none", "none", Some(10)),
            (0, user, "LOW", "none", "", Some(10)),
            // A failed sign-in that was risky for a moment.
            (50126, user, "high", "none", "none", Some(30)),
            (50126, user, "medium", "none", "none", Some(30)),
            (50126, user, "high", "none", "atRisk", Some(60)),
            (7000215, workload, "high", "none", "none", Some(30)),
            // Closed by somebody.
            (0, user, "high", "high", "dismissed", None),
            (0, user, "high", "high", "remediated", None),
            (0, user, "high", "high", "confirmedSafe", None),
            // Near misses: no level, a level not shown, a value not known yet, what all workloads have.
            (0, user, "none", "none", "none", None),
            (0, user, "hidden", "hidden", "none", None),
            (
                0,
                user,
                "unknownFutureValue",
                "",
                "unknownFutureValue",
                None,
            ),
            (0, workload, "low", "low", "none", None),
        ];
        for (code, category, during, aggregated, state, points) in rows {
            let record = format!(
                r#""resultType":"{code}","category":"{category}","properties":{{"riskLevelDuringSignIn":"{during}","riskLevelAggregated":"{aggregated}","riskState":"{state}"}}"#
            );
            let hit = hits("risky_signin", &record, "");
            assert_eq!(hit.map(|hit| hit.points), points, "{record}");
        }
    }
}

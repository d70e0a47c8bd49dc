//! A user got in on one factor although the tenant has a policy that asks for two: the policy did not apply.
//!
//! Only successes: codes such as 50076, 70043 and 70044 count as Conditional Access failures and are normal steps
//! (Azure-Sentinel#13815).
use super::prelude::*;
use super::shared::got_in_on_one_factor;

pub(super) const SIGNAL: Signal = Signal {
    id: "ca_gap",
    summary: "Policies that ask for a second factor did not apply",
    levels: &[&MFA_NOT_APPLIED],
    techniques: &["T1556.009", "T1078.004"],
    false_positives: &[
        "Policies that are meant for other users, apps or places: every record lists them all",
        "Emergency accounts that are left out on purpose",
    ],
    blind_spots: &[
        "Senders that leave the policies out, or whose right to read them is missing",
        "A policy that applies and is satisfied by something weaker",
        "Tenants without such a policy",
    ],
    references: &[
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/defense_evasion_entra_id_ca_mfa_bypass_first_party_graph.toml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/SigninLogs/PrivilegedSigninsWithoutConditionalAccessSuccess.yaml",
        "https://github.com/Azure/Azure-Sentinel/issues/13815",
    ],
    options: &[],
    check,
};

const MFA_NOT_APPLIED: Level = Level {
    name: "mfa_not_applied",
    weight: Weight::Medium,
    points: Opt::points(
        "ca_gap.mfa_not_applied_points",
        15,
        "Our weight: Elastic ca_mfa_bypass_first_party_graph (medium) also asks for a user, client and network not seen before",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    let record = case.record;
    let tally = record.policy_tally();
    if tally.mfa_not_applied == 0 || tally.satisfied > 0 {
        return None;
    }
    // Rows of 2018 have 0 for success.
    let satisfied = ["success", "0"]
        .iter()
        .any(|word| record.is(Field::ConditionalAccess, word));
    if satisfied || record.is_interactive() != Some(true) || !got_in_on_one_factor(case) {
        return None;
    }
    let policies = tally.mfa_not_applied;
    case.hit(
        &MFA_NOT_APPLIED,
        format!("got in on one factor; policies that ask for two and did not apply: {policies}"),
    )
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::hits;

    #[test]
    fn fires_on_success_past_the_policy() {
        let policy = |result: &str, control: &str| {
            format!(
                r#"{{"displayName":"CA","result":"{result}","enforcedGrantControls":["{control}"]}}"#
            )
        };
        let past = policy("notApplied", "Mfa");
        let block = policy("notApplied", "Block");
        let kept = format!("{past},{}", policy("success", "RequireCompliantDevice"));
        let single = r#""authenticationRequirement":"singleFactorAuthentication""#;
        let double = r#""authenticationRequirement":"multiFactorAuthentication""#;
        let hello = format!(r#"{single},"appDisplayName":"Windows Sign In""#);
        let claim = format!(
            r#"{single},"authenticationDetails":[{{"authenticationStepResultDetail":"MFA requirement satisfied by claim in the token"}}]"#
        );
        let trusted = format!(
            r#"{single},"networkLocationDetails":[{{"networkType":"trustedNamedLocation"}}]"#
        );
        let (user, later) = ("SignInLogs", "NonInteractiveUserSignInLogs");
        let rows = [
            (0, user, &past, "notApplied", single, true),
            (
                0,
                user,
                &format!("{past},{block}"),
                "notApplied",
                single,
                true,
            ),
            // Near misses: no policy asks for a second factor, another one was satisfied, Conditional Access is content.
            (0, user, &block, "notApplied", single, false),
            (0, user, &kept, "success", single, false),
            (0, user, &past, "success", single, false),
            (0, user, &past, "0", single, false),
            // Two factors, the logon screen, an earlier second factor, a trusted place, a refresh.
            (0, user, &past, "notApplied", double, false),
            (0, user, &past, "notApplied", hello.as_str(), false),
            (0, user, &past, "notApplied", claim.as_str(), false),
            (0, user, &past, "notApplied", trusted.as_str(), false),
            (0, later, &past, "notApplied", single, false),
            // Normal steps that count as Conditional Access failures.
            (50076, user, &past, "failure", single, false),
            (70043, user, &past, "failure", single, false),
            (70044, user, &past, "failure", single, false),
        ];
        for (code, category, policies, status, properties, fires) in rows {
            let record = format!(
                r#""resultType":"{code}","category":"{category}","properties":{{{properties},"conditionalAccessStatus":"{status}","appliedConditionalAccessPolicies":[{policies}]}}"#
            );
            assert_eq!(hits("ca_gap", &record, "").is_some(), fires, "{record}");
        }
    }
}

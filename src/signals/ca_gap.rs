//! A user got in on one factor although the tenant has a policy that asks for two, or is blocked from one address after
//! another: a gap in the policies, and somebody who looks for one.
//!
//! Codes such as 50076, 70043 and 70044 count as Conditional Access failures and are normal steps
//! (Azure-Sentinel#13815), so only refusals by policy count. Late and shuffled records count where they belong in time,
//! one delivered twice counts once.
use super::prelude::*;
use super::shared::{before, distinct, got_in_on_one_factor, is_foreign, is_policy_block, lately};

pub(super) const SIGNAL: Signal = Signal {
    id: "ca_gap",
    summary: "Policies that ask for a second factor did not apply",
    levels: &[&MFA_NOT_APPLIED, &SEVERAL_ADDRESSES, &AS_EVER],
    techniques: card(&["T1556.009", "T1078.004"]),
    false_positives: card(&[
        "Policies that are meant for other users, apps or places: every record lists them all",
        "Emergency accounts that are left out on purpose",
        "For several addresses: a traveller whose phone no policy lets in, a line with IPv4 and IPv6",
    ]),
    blind_spots: card(&[
        "Senders that leave the policies out, or whose right to read them is missing",
        "A policy that applies and is satisfied by something weaker",
        "Tenants without such a policy",
        "For several addresses: users without a history, and networks of the user's own",
    ]),
    references: card(&[
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/BypassCondAccessRule.yaml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/defense_evasion_entra_id_ca_mfa_bypass_first_party_graph.toml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/SigninLogs/PrivilegedSigninsWithoutConditionalAccessSuccess.yaml",
        "https://github.com/Azure/Azure-Sentinel/issues/13815",
    ]),
    options: &[&ADDRESSES_MIN, &WINDOW_SECS],
    needs: Some(Key::User),
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

const AS_EVER: Level = Level {
    name: "as_ever",
    weight: Weight::Low,
    points: Opt::points(
        "ca_gap.as_ever_points",
        5,
        "Our weight: the same user, app and network for a day or more, as a printer that sends mail; still a gap",
    ),
};

const SEVERAL_ADDRESSES: Level = Level {
    name: "several_addresses",
    weight: Weight::Low,
    points: Opt::points(
        "ca_gap.several_addresses_points",
        8,
        "Sentinel BypassCondAccessRule (low)",
    ),
};
const ADDRESSES_MIN: Opt = Opt::int(
    "ca_gap.addresses_min",
    "addresses",
    2,
    (2, 40),
    "Sentinel BypassCondAccessRule: more than one",
);
const WINDOW_SECS: Opt = Opt::window(
    "ca_gap.window_secs",
    86_400,
    "Sentinel BypassCondAccessRule: a day",
);

fn check(case: &Case) -> Option<Hit> {
    if case.class.blocked {
        return several_addresses(case);
    }
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
    let as_ever = case.user().map(before).is_some_and(|before| {
        before.app == Familiarity::Known && before.network == Familiarity::Known
    });
    case.hit(
        if as_ever { &AS_EVER } else { &MFA_NOT_APPLIED },
        why!(
            "got in on one factor; policies that ask for two and did not apply: {}",
            policies
        ),
    )
}

fn several_addresses(case: &Case) -> Option<Hit> {
    let (user, _, event) = case.user()?;
    let part = |one: &Event| is_policy_block(one) && is_foreign(user, one, event.at);
    if !part(event) {
        return None;
    }
    let recent = lately(case, &WINDOW_SECS)?.iter();
    let addresses = distinct(recent.filter(|one| part(one)).map(|one| one.address));
    if addresses < case.config.int(&ADDRESSES_MIN) {
        return None;
    }
    case.hit(
        &SEVERAL_ADDRESSES,
        why!(
            "blocked by policy from {} addresses, none of the user's places",
            addresses
        ),
    )
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story, hits};

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

    #[test]
    fn counts_addresses_that_were_blocked() {
        let line = |at, code, address| Line {
            at,
            code,
            address,
            asn: 64511,
            ..Line::default()
        };
        let (one, two) = ("203.0.113.7", "203.0.113.8");
        let home = |at, address| Line {
            asn: 64496,
            ..line(at, 53003, address)
        };
        let rows = [
            ([line(0, 53003, one), line(1, 53003, two)], Some(8)),
            ([line(1, 53003, two), line(0, 53000, one)], Some(8)),
            ([line(0, 53003, one), line(1, 53003, one)], None),
            ([line(0, 53003, one), line(86_399, 53003, two)], Some(8)),
            ([line(0, 53003, one), line(86_400, 53003, two)], None),
            // Normal steps that count as Conditional Access failures.
            ([line(0, 50076, one), line(1, 50076, two)], None),
            ([line(0, 70043, one), line(1, 70044, two)], None),
            ([line(0, 53003, one), line(1, 50126, two)], None),
            // The user's own network has many addresses.
            ([home(0, one), home(1, two)], None),
        ];
        for (lines, points) in rows {
            let mut story = Story::with_history("", &["ada@contoso.example"]);
            let told = lines.map(|line| story.points("ca_gap", &line));
            assert_eq!(told, [None, points], "{lines:?}");
        }
    }
}

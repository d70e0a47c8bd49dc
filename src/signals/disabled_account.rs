//! Someone signs in to an account that is disabled.
//!
//! Known by the code alone: the text was changed by Microsoft and broke the rules that matched it. One address that
//! tries several such accounts, or then gets in elsewhere, is for signals with memory.
use super::prelude::*;

pub(super) const SIGNAL: Signal = Signal {
    id: "disabled_account",
    summary: "Sign-in to a disabled account",
    levels: &[&SEEN],
    techniques: &["T1078.004"],
    false_positives: &[
        "Phones and virtual desktops of people who left and still poll",
        "Automation that runs under a disabled account",
    ],
    blind_spots: &[
        "A deleted account gives another code (50034)",
        "Whether the password was right cannot be told from the code",
    ],
    references: &[
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_login_to_disabled_account.yml",
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_blocked_account_attempt.yml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/DisabledAccountSigninsAcrossManyApplications.yaml",
        "https://github.com/Azure/Azure-Sentinel/issues/14655",
    ],
    options: &[],
    check,
};

const SEEN: Level = Level {
    name: "seen",
    weight: Weight::Low,
    points: Opt::points(
        "disabled_account.seen_points",
        10,
        "Sigma fires on one event; low because leavers' devices poll for weeks, Sentinel waits for three apps",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    if case.class.looked_up != Some(50057) {
        return None;
    }
    case.hit(&SEEN, "50057: the account is disabled")
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::hits;

    #[test]
    fn goes_by_the_code_and_not_by_the_text() {
        let rows = [
            (r#""resultType":"50057""#, true),
            (r#""resultType":50057"#, true),
            (
                r#""Operation":"UserLoginFailed","RecordType":15,"LogonError":"UserDisabled""#,
                true,
            ),
            // Near misses: the text without the code, a guest's account, not assigned to the app.
            (
                r#""resultType":"50126","resultDescription":"User account is disabled. The account has been disabled by an administrator.""#,
                false,
            ),
            (r#""resultType":"500571""#, false),
            (r#""resultType":"50105""#, false),
        ];
        for (record, fires) in rows {
            let hit = hits("disabled_account", record, "");
            assert_eq!(hit.is_some(), fires, "{record}");
        }
    }
}

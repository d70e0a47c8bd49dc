//! A user got in on a password alone.
//!
//! Common, and no finding by itself: it adds to others. What counts as one factor is in `shared`.
use super::prelude::*;
use super::shared::got_in_on_one_factor;

pub(super) const SIGNAL: Signal = Signal {
    id: "single_factor_success",
    summary: "A user got in on one factor",
    levels: &[&SEEN],
    techniques: card(&["T1078.004"]),
    false_positives: card(&[
        "Apps and users for which the tenant asks for nothing more",
        "A second factor that was given to another provider and is not in the record",
    ]),
    blind_spots: card(&[
        "A stolen session: the claim of an earlier second factor satisfies the requirement",
        "Records that do not carry authenticationRequirement (Office 365, AD FS)",
    ]),
    references: card(&[
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_ad_only_single_factor_auth_required.yml",
        "https://github.com/splunk/security_content/blob/develop/detections/cloud/azure_ad_successful_single_factor_authentication.yml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Detections/SigninLogs/AnomalousSingleFactorSignin.yaml",
    ]),
    options: &[],
    needs: None,
    check,
};

const SEEN: Level = Level {
    name: "seen",
    weight: Weight::Low,
    points: Opt::points(
        "single_factor_success.seen_points",
        5,
        "Our weight: Sigma and Splunk fire on one event, Sentinel only together with a new place",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    if !got_in_on_one_factor(case) {
        return None;
    }
    case.hit(&SEEN, "got in on one factor")
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::hits;

    const SINGLE: &str = r#""authenticationRequirement":"singleFactorAuthentication""#;

    #[test]
    fn fires_on_one_factor_given_just_now() {
        let step = |method: &str, detail: &str| {
            format!(
                r#"{SINGLE},"authenticationDetails":[{{"authenticationMethod":"{method}","authenticationStepResultDetail":"{detail}","succeeded":true}}]"#
            )
        };
        let (user, later) = ("SignInLogs", "NonInteractiveUserSignInLogs");
        let workload = "ServicePrincipalSignInLogs";
        let rows = [
            (0, user, SINGLE.to_owned(), true),
            (0, user, step("Password", "Correct password"), true),
            (0, user, format!(r#"{SINGLE},"isInteractive":true"#), true),
            // Near misses: stopped, wrong, two factors asked for, not said.
            (50074, user, SINGLE.to_owned(), false),
            (50126, user, SINGLE.to_owned(), false),
            (
                0,
                user,
                r#""authenticationRequirement":"multiFactorAuthentication""#.to_owned(),
                false,
            ),
            (
                0,
                user,
                r#""authenticationRequirement":"""#.to_owned(),
                false,
            ),
            // Nobody was asked, or no person was there.
            (0, later, SINGLE.to_owned(), false),
            (0, user, format!(r#"{SINGLE},"isInteractive":false"#), false),
            (0, workload, SINGLE.to_owned(), false),
            // An earlier sign-in, a second factor all the same, a factor that is worth two.
            (
                0,
                user,
                step(
                    "Previously satisfied",
                    "First factor requirement satisfied by claim in the token",
                ),
                false,
            ),
            (
                0,
                user,
                step(
                    "Previously satisfied",
                    "MFA requirement satisfied by claim in the token",
                ),
                false,
            ),
            (
                0,
                user,
                step("Mobile app notification", "MFA successfully completed"),
                false,
            ),
            (0, user, step("Windows Hello for Business", ""), false),
            (0, user, step("FIDO2 security key", ""), false),
            (0, user, step("X.509 Certificate", ""), false),
            (0, user, step("Passwordless phone sign-in", ""), false),
            // The Windows logon screen, by name and by id; a network that the tenant trusts.
            (
                0,
                user,
                format!(r#"{SINGLE},"appDisplayName":"Windows Sign In""#),
                false,
            ),
            (
                0,
                user,
                format!(r#"{SINGLE},"appId":"38aa3b87-a06d-4817-b275-7a989988d93b""#),
                false,
            ),
            (
                0,
                user,
                format!(
                    r#"{SINGLE},"networkLocationDetails":[{{"networkType":"trustedNamedLocation"}}]"#
                ),
                false,
            ),
        ];
        for (code, category, properties, fires) in rows {
            let record = format!(
                r#""resultType":"{code}","category":"{category}","properties":{{{properties}}}"#
            );
            let hit = hits("single_factor_success", &record, "");
            assert_eq!(hit.is_some(), fires, "{record}");
        }
    }
}

//! A user or an app that the tenant does not know: the first thing that probing meets.
//!
//! One unknown user is mostly a typo. How many unknown names an address tries is for signals with memory.
use super::prelude::*;

pub(super) const SIGNAL: Signal = Signal {
    id: "enum_unknown",
    summary: "User or app not known to the tenant",
    levels: &[&APP_BY_ROPC, &USER],
    techniques: &["T1087.004", "T1110.003"],
    false_positives: &[
        "A mistyped name, or a private account used at work",
        "A client that still uses an app that was deleted",
    ],
    blind_spots: &[
        "Names are mostly probed by calls that no sign-in log records",
        "Probing with names that exist",
    ],
    references: &[
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/credential_access_entra_id_ropc_unknown_client_id.toml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/SigninLogs/UnauthUser_AzurePortal.yaml",
    ],
    options: &[],
    check,
};

const APP_BY_ROPC: Level = Level {
    name: "app_by_ropc",
    weight: Weight::Medium,
    points: Opt::points(
        "enum_unknown.app_by_ropc_points",
        30,
        "Review alone: Elastic credential_access_entra_id_ropc_unknown_client_id (medium); sprayers invent the app id",
    ),
};
const USER: Level = Level {
    name: "user",
    weight: Weight::Low,
    points: Opt::points(
        "enum_unknown.user_points",
        5,
        "Our weight: one typo writes the same; Sentinel UnauthUser_AzurePortal only hunts with it",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    match case.class.looked_up? {
        700016 if case.record.is(Field::Protocol, "ropc") => case.hit(
            &APP_BY_ROPC,
            "700016: a password grant for an app that the tenant does not know",
        ),
        50034 => case.hit(&USER, "50034: no such user in the tenant"),
        50020 => case.hit(
            &USER,
            "50020: a user of another tenant who is no guest here",
        ),
        51004 => case.hit(&USER, "51004: no such account in the tenant"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::hits;

    #[test]
    fn fires_on_unknown_names() {
        let rows = [
            ("50034", "none", Some(5)),
            ("50020", "none", Some(5)),
            ("51004", "none", Some(5)),
            ("700016", "ropc", Some(30)),
            ("700016", "ROPC", Some(30)),
            // Near misses: an app that was set up wrongly, a password grant to a known app, a wrong password.
            ("700016", "oAuth2", None),
            ("50126", "ropc", None),
            ("0", "ropc", None),
        ];
        for (code, protocol, points) in rows {
            let record = format!(
                r#""resultType":"{code}","properties":{{"authenticationProtocol":"{protocol}"}}"#
            );
            let hit = hits("enum_unknown", &record, "");
            assert_eq!(hit.map(|hit| hit.points), points, "{code} {protocol}");
        }
    }
}

//! A user or an app that the tenant does not know: the first thing that probing meets.
//!
//! One unknown user is mostly a typo; many from one address are a list that is tried, or one name in many spellings.
//! Names that got in from the address later, and fewer than there are users who get in there, are slips. Late, shuffled
//! and repeated records change nothing but which one is the first to see enough.
use super::prelude::*;
use super::shared;
use crate::state::address::Trace;

pub(super) const SIGNAL: Signal = Signal {
    id: "enum_unknown",
    summary: "User or app not known to the tenant",
    levels: &[&MANY, &APP_BY_ROPC, &SOME, &USER],
    techniques: card(&["T1087.004", "T1110.003"]),
    false_positives: card(&[
        "A mistyped name, or a private account used at work",
        "A client that still uses an app that was deleted",
    ]),
    blind_spots: card(&[
        "Names are mostly probed by calls that no sign-in log records",
        "Probing with names that exist, or from one address per name",
        "From an address where as many users get in",
    ]),
    references: card(&[
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/credential_access_entra_id_ropc_unknown_client_id.toml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/SigninLogs/UnauthUser_AzurePortal.yaml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/MultipleDataSources/PermutationsOnLogonNames.yaml",
    ]),
    options: &[&MANY_NAMES, &SOME_NAMES, &WINDOW_SECS],
    needs: Some(Key::Address),
    check,
};

const MANY: Level = Level {
    name: "many",
    weight: Weight::High,
    points: Opt::points(
        "enum_unknown.many_points",
        60,
        "Suspicious alone: nobody mistypes that many names",
    ),
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
const SOME: Level = Level {
    name: "some",
    weight: Weight::Medium,
    points: Opt::points(
        "enum_unknown.some_points",
        25,
        "Our weight: one person who looks for the right spelling does the same",
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

const MANY_NAMES: Opt = Opt::int(
    "enum_unknown.many_names",
    "unknown users at one address",
    10,
    (2, 96),
    "As many as password_spray_ip asks for; no public rule counts unknown users",
);
const SOME_NAMES: Opt = Opt::int(
    "enum_unknown.some_names",
    "unknown users at one address",
    4,
    (2, 96),
    "Sentinel PermutationsOnLogonNames: >= 3 failures of >= 2 spellings; one more than a person's usual tries",
);
const WINDOW_SECS: Opt = Opt::window(
    "enum_unknown.window_secs",
    1200,
    "Sentinel PermutationsOnLogonNames: 10 minutes; 20 as for password_spray_ip, so that slower lists are seen",
);

const UNKNOWN: [u32; 3] = [50034, 50020, 51004];

/// Many unknown names at one address; `None` where they are few, or nothing is remembered.
fn list(case: &Case) -> Option<Hit> {
    let (address, _, event) = case.address()?;
    if !UNKNOWN.contains(&event.code) {
        return None;
    }
    let secs = case.config.int(&WINDOW_SECS);
    if i64::from(event.at) <= i64::from(address.trouble.clock()) - secs {
        return None;
    }
    let traces = address.trouble.within(secs);
    let names = shared::strangers(traces, |trace: &Trace| UNKNOWN.contains(&trace.code));
    let level = if names >= case.config.int(&MANY_NAMES) {
        &MANY
    } else if names >= case.config.int(&SOME_NAMES) {
        &SOME
    } else {
        return None;
    };
    if names <= shared::insiders(address, secs, 0) {
        return None;
    }
    case.hit(
        level,
        why!(
            "{} unknown users tried from this address within {} min",
            names,
            secs / 60
        ),
    )
}

fn check(case: &Case) -> Option<Hit> {
    list(case).or_else(|| alone(case))
}

/// What the record says by itself.
fn alone(case: &Case) -> Option<Hit> {
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
    use crate::signals::bench::{Line, Story, hits};

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

    #[test]
    fn counts_names_at_an_address() {
        let rows = [
            (3, 1, 50034, 0, Some(5)),
            (4, 1, 50034, 0, Some(25)),
            (9, 1, 50020, 0, Some(25)),
            (10, 1, 50020, 0, Some(60)),
            (10, 1, 51004, 0, Some(60)),
            (4, 399, 50034, 0, Some(25)),
            (4, 400, 50034, 0, Some(5)),
            // As many get in.
            (4, 1, 50034, 3, Some(25)),
            (4, 1, 50034, 4, Some(5)),
            // Near miss: known names.
            (30, 1, 50126, 0, None),
        ];
        for (names, step, code, guests, points) in rows {
            let mut story = Story::new("");
            for number in 0..guests {
                let user = format!("guest{number}@contoso.example");
                story.see(&Line {
                    user: &user,
                    ..Line::default()
                });
            }
            let mut last = None;
            // Backwards, and each twice.
            for number in (0..names).rev().flat_map(|number| [number, number]) {
                let user = format!("name{number}@contoso.example");
                let request = format!("r{number}");
                last = story.points(
                    "enum_unknown",
                    &Line {
                        at: 1 + number * step,
                        code,
                        user: &user,
                        request: &request,
                        ..Line::default()
                    },
                );
            }
            assert_eq!(last, points, "{names} {step} {code} {guests}");
        }
    }
}

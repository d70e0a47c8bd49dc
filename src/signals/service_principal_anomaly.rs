//! A workload signs in from a network it never used: its secret is somewhere else now.
//!
//! Workloads live in few places for long, so a new one means more than with people. Build machines in a cloud change
//! networks all day; they are known by having had many. The place is learnt by the first success. Of shuffled records
//! the first to arrive fires; a repeated one answers as before, except for the long silence, which it has ended itself.
use super::prelude::*;
use super::{bad_network, shared};

pub(super) const SIGNAL: Signal = Signal {
    id: "service_principal_anomaly",
    summary: "A workload signs in from a new place, or after a long silence",
    levels: &[&HOSTING, &ABROAD, &ELSEWHERE, &DORMANT],
    techniques: card(&["T1078.004", "T1552"]),
    false_positives: card(&[
        "A workload that moves to another provider",
        "A second site that takes over",
        "Jobs that run once a month",
    ]),
    blind_spots: card(&[
        "A thief in the workload's own network, or in Microsoft's cloud",
        "Workloads that sign in from many networks",
        "Workloads known for less than a day, managed identities, and Microsoft's own",
    ]),
    references: card(&[
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_entra_id_service_principal_signin_unusual_source_asn.toml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Detections/SigninLogs/ServicePrincipalAuthenticationAttemptfromNewCountry.yaml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/MultipleDataSources/WorkloadIdentitySignInFromNewCountry.yaml",
    ]),
    options: &[&NETWORKS_MAX, &DORMANT_DAYS],
    needs: Some(Key::User),
    check,
};

const HOSTING: Level = Level {
    name: "hosting",
    weight: Weight::High,
    points: Opt::points(
        "service_principal_anomaly.hosting_points",
        60,
        "Suspicious alone: Elastic unusual_source_asn, narrowed to hosting networks with a bad name",
    ),
};
const ABROAD: Level = Level {
    name: "abroad",
    weight: Weight::High,
    points: Opt::points(
        "service_principal_anomaly.abroad_points",
        60,
        "Suspicious alone: Elastic's new network and Sentinel's new country in one event (medium each)",
    ),
};
const ELSEWHERE: Level = Level {
    name: "elsewhere",
    weight: Weight::Medium,
    points: Opt::points(
        "service_principal_anomaly.elsewhere_points",
        30,
        "Review alone: Elastic service_principal_signin_unusual_source_asn (medium), one event",
    ),
};
const DORMANT: Level = Level {
    name: "dormant",
    weight: Weight::Low,
    points: Opt::points(
        "service_principal_anomaly.dormant_points",
        8,
        "Our weight: monthly jobs are common",
    ),
};
const NETWORKS_MAX: Opt = Opt::int(
    "service_principal_anomaly.networks_max",
    "networks used before",
    3,
    (1, 12),
    "Our value: a site, a second one and an administrator's desk; build machines soon have more",
);
const DORMANT_DAYS: Opt = Opt::int(
    "service_principal_anomaly.dormant_days",
    "days",
    13,
    (2, 365),
    "Sentinel InactiveAccounts: 13 days, there for users",
);

fn check(case: &Case) -> Option<Hit> {
    let known = case.user()?;
    let (user, _, event) = known;
    if case.record.category() != Category::ServicePrincipal || !event.is_success() {
        return None;
    }
    let before = shared::before(known);
    let others = user.networks.all().iter();
    let others = shared::count(others.filter(|seen| seen.key != event.network));
    let settled = (1..=case.config.int(&NETWORKS_MAX)).contains(&others);
    let elsewhere = before.network == Familiarity::New
        && settled
        && !user.networks.is_full()
        && !shared::is_microsoft(event.network);
    if elsewhere && bad_network::is_hosting(case, event.network) {
        return case.hit(
            &HOSTING,
            why!(
                "hosting network, new to a workload that has used {}",
                others
            ),
        );
    }
    if elsewhere && before.country == Familiarity::New {
        return case.hit(
            &ABROAD,
            why!(
                "network and country new to a workload that has used {} networks",
                others
            ),
        );
    }
    // Without an ASN the network is a mere block of addresses, of which a provider has thousands.
    if elsewhere && case.record.asn().is_some() {
        return case.hit(
            &ELSEWHERE,
            why!("network new to a workload that has used {}", others),
        );
    }
    let days = i64::from(before.unseen_secs? / 86_400);
    (days >= case.config.int(&DORMANT_DAYS))
        .then(|| {
            case.hit(
                &DORMANT,
                why!("first sign-in of the workload in {} days", days),
            )
        })
        .flatten()
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "service_principal_anomaly";
    /// Closes the properties and names the category again: of a member that stands twice the later one counts.
    const WORKLOAD: &str =
        r#""servicePrincipalId":"sp"},"category":"ServicePrincipalSignInLogs","x":{"y":1"#;
    const MANAGED: &str =
        r#""servicePrincipalId":"sp"},"category":"ManagedIdentitySignInLogs","x":{"y":1"#;

    fn line(at: i64, asn: u32) -> Line<'static> {
        Line {
            at,
            asn,
            user: "",
            more: WORKLOAD,
            ..Line::default()
        }
    }

    /// A workload that has been in `networks` networks for two days.
    fn story(networks: u32) -> Story {
        let mut story = Story::new("");
        for asn in 0..networks {
            for day in [-2, -1] {
                story.see(&line(day * 86_400 - 3600, 64496 + asn));
            }
        }
        story
    }

    #[test]
    fn weighs_the_place() {
        let abroad = Line {
            country: "NG",
            ..line(60, 64510)
        };
        let rows = [
            (1, abroad, Some(60)),
            (3, abroad, Some(60)),
            (1, line(60, 9009), Some(60)),
            (1, line(60, 64510), Some(30)),
            (3, line(60, 64510), Some(30)),
            // Build machines, the workload's own network, Microsoft's, a failure, managed identities, people.
            (4, line(60, 64510), None),
            (12, abroad, None),
            (1, line(60, 64496), None),
            (1, line(60, 8075), None),
            (
                1,
                Line {
                    code: 7000215,
                    ..abroad
                },
                None,
            ),
            (
                1,
                Line {
                    more: MANAGED,
                    ..abroad
                },
                None,
            ),
            (1, Line { more: "", ..abroad }, None),
            (0, abroad, None),
        ];
        for (networks, line, points) in rows {
            let mut story = story(networks);
            let line = Line {
                request: "same",
                ..line
            };
            assert_eq!(story.points(ID, &line), points, "{networks} {line:?}");
            assert_eq!(
                story.points(ID, &line),
                points,
                "twice: {networks} {line:?}"
            );
        }
    }

    #[test]
    fn silence_counts_in_days() {
        for (days, points) in [(13, Some(8)), (12, None)] {
            let mut story = story(1);
            let back = line(-90_000 + days * 86_400, 64496);
            assert_eq!(story.points(ID, &back), points, "{days}");
        }
    }
}

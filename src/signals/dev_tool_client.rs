//! Microsoft's own command lines and editor as clients: built for developers, and trusted enough to be phished for.
//!
//! Azure AD PowerShell and Azure PowerShell within minutes are what `AzureHound` signs in with; of a shuffled pair the one
//! that arrives last fires, and a repeated record answers as before. How new the client is, `first_seen_client` says.
use super::prelude::*;
use super::shared::{self, asks_azure_ad_graph, asks_microsoft_graph};
use crate::state::event::hash32;

pub(super) const SIGNAL: Signal = Signal {
    id: "dev_tool_client",
    summary: "A developer's client: command line, PowerShell, VS Code",
    levels: &[&VSCODE_GRAPH, &PAIR, &POWERSHELL_ELSEWHERE, &SEEN],
    techniques: card(&["T1078.004", "T1528", "T1566.002"]),
    false_positives: card(&[
        "Developers and administrators at work",
        "Scripts of administrators that load both PowerShell modules, for the pair",
        "Extensions of VS Code that sign in to Microsoft 365",
    ]),
    blind_spots: card(&[
        "Other first-party clients with the same rights (the family of client ids)",
        "An app id of the attacker's own",
    ]),
    references: card(&[
        "https://github.com/panther-labs/panther-analysis/blob/main/rules/azure_signin_rules/azure_vscode_oauth_phishing.yml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_entra_id_oauth_phishing_via_first_party_microsoft_application.toml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/AzureAADPowerShellAnomaly.yaml",
        "https://github.com/splunk/security_content/blob/develop/detections/cloud/azure_ad_successful_powershell_authentication.yml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Detections/SigninLogs/DiscoveryAttemptWithAzureHound.yaml",
    ]),
    options: &[&PAIR_SECS],
    needs: Some(Key::User),
    check,
};

const VSCODE_GRAPH: Level = Level {
    name: "vscode_graph",
    weight: Weight::Medium,
    points: Opt::points(
        "dev_tool_client.vscode_graph_points",
        30,
        "Review alone, until the user has used it from there for a day: Panther azure_vscode_oauth_phishing, one event",
    ),
};
const PAIR: Level = Level {
    name: "pair",
    weight: Weight::Medium,
    points: Opt::points(
        "dev_tool_client.pair_points",
        20,
        "Our weight: Sentinel DiscoveryAttemptWithAzureHound is of low severity; scripts of administrators do the same",
    ),
};
const PAIR_SECS: Opt = Opt::window(
    "dev_tool_client.pair_secs",
    300,
    "Sentinel DiscoveryAttemptWithAzureHound: 5 minutes",
);
const POWERSHELL_ELSEWHERE: Level = Level {
    name: "powershell_elsewhere",
    weight: Weight::Low,
    points: Opt::points(
        "dev_tool_client.powershell_elsewhere_points",
        10,
        "Sentinel AzureAADPowerShellAnomaly, one event, of low severity",
    ),
};
const SEEN: Level = Level {
    name: "seen",
    weight: Weight::Low,
    points: Opt::points(
        "dev_tool_client.seen_points",
        5,
        "Our weight: Elastic and Splunk fire on one event (medium), yet it is daily work in IT departments",
    ),
};

const VS_CODE: &str = "aebc6443-996d-45c2-90f0-388ff96faa56";
const AAD_POWERSHELL: &str = "1b730954-1685-4b74-9bfd-dac224a7b894";
const AZURE_POWERSHELL: &str = "1950a258-227b-4e31-a9cf-717495945fc2";
/// App ids of the rules above, with names for the reader.
const APPS: &[(&str, &str)] = &[
    ("04b07795-8ddb-461a-bbee-02f9e1bf7b46", "Azure CLI"),
    (AZURE_POWERSHELL, "Azure PowerShell"),
    (AAD_POWERSHELL, "Azure AD PowerShell"),
    ("14d82eec-204b-4c2f-b7e8-296a70dab67e", "Graph command line"),
    (VS_CODE, "VS Code"),
];

/// The name of the client with this app id; `None` where it is another app.
pub(super) fn name_of(app: &str) -> Option<&'static str> {
    find(app).map(|row| row.1)
}

fn find(app: &str) -> Option<&'static (&'static str, &'static str)> {
    APPS.iter().find(|(id, _)| shared::is_id(app, id))
}

/// Minutes between this sign-in and the nearest one of the other PowerShell; `None` where there is none.
fn paired(case: &Case, app: &str) -> Option<u32> {
    let other = match app {
        AAD_POWERSHELL => AZURE_POWERSHELL,
        AZURE_POWERSHELL => AAD_POWERSHELL,
        _ => return None,
    };
    let (user, _, event) = case.user()?;
    let other = hash32(other);
    let secs = case.config.int(&PAIR_SECS);
    let recent = user.recent.all().iter();
    let recent =
        recent.filter(|one| one.is_success() && one.app == other && shared::is_through(one));
    let gaps = recent.map(|one| event.at.abs_diff(one.at));
    gaps.filter(|&gap| i64::from(gap) <= secs)
        .min()
        .map(|gap| gap / 60)
}

fn check(case: &Case) -> Option<Hit> {
    let record = case.record;
    if case.class.first_factor != FirstFactor::Proved {
        return None;
    }
    let app = record.text(Field::AppId)?;
    let (app, name) = find(app)?;
    let success = case.class.status == Status::Success;
    // Who has done it for days from there is at work.
    let usual = case.user().map(shared::before).is_some_and(|before| {
        before.app == Familiarity::Known && before.network == Familiarity::Known
    });
    if success && *app == VS_CODE && asks_microsoft_graph(record) && !usual {
        return case.hit(&VSCODE_GRAPH, "VS Code got a token for Microsoft Graph");
    }
    if success && let Some(minutes) = paired(case, app) {
        return case.hit(
            &PAIR,
            why!(
                "Azure AD PowerShell and Azure PowerShell {} min apart",
                minutes
            ),
        );
    }
    let elsewhere = || {
        record.resource().is_some() && !asks_microsoft_graph(record) && !asks_azure_ad_graph(record)
    };
    if success && *app == AAD_POWERSHELL && elsewhere() {
        return case.hit(
            &POWERSHELL_ELSEWHERE,
            "Azure AD PowerShell got a token for something other than the directory",
        );
    }
    case.hit(&SEEN, why!("the client is {}", *name))
}

#[cfg(test)]
mod tests {
    use super::{AAD_POWERSHELL, AZURE_POWERSHELL, VS_CODE};
    use crate::signals::bench::{Line, Story, hits};

    #[test]
    fn two_powershells_within_minutes_are_a_pair() {
        let graph = "00000002-0000-0000-c000-000000000000";
        let rows = [
            (AAD_POWERSHELL, 0, AZURE_POWERSHELL, 300, 0, Some(20)),
            (AZURE_POWERSHELL, 0, AAD_POWERSHELL, 300, 0, Some(20)),
            (AZURE_POWERSHELL, 300, AAD_POWERSHELL, 0, 0, Some(20)),
            (AAD_POWERSHELL, 0, AZURE_POWERSHELL, 301, 0, Some(5)),
            (AAD_POWERSHELL, 0, AAD_POWERSHELL, 60, 0, Some(5)),
            (VS_CODE, 0, AZURE_POWERSHELL, 60, 0, Some(5)),
            (AAD_POWERSHELL, 0, AZURE_POWERSHELL, 60, 50074, Some(5)),
        ];
        for (first, first_at, second, at, code, points) in rows {
            let mut story = Story::new("");
            let line = Line {
                at: first_at,
                app: first,
                resource: graph,
                ..Line::default()
            };
            story.see(&line);
            let next = Line {
                at,
                app: second,
                code,
                request: "same",
                ..line
            };
            for _ in 0..2 {
                let found = story.points("dev_tool_client", &next);
                assert_eq!(found, points, "{first} {second} {at}");
            }
        }
    }

    #[test]
    fn weighs_the_client_with_its_resource() {
        let cli = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
        let rows = [
            (0, VS_CODE, "Microsoft Graph", Some(30)),
            (
                0,
                "AEBC6443-996D-45C2-90F0-388FF96FAA56",
                "Microsoft Graph",
                Some(30),
            ),
            (0, VS_CODE, "Azure DevOps", Some(5)),
            (50074, VS_CODE, "Microsoft Graph", Some(5)),
            (0, cli, "Microsoft Graph", Some(5)),
            (0, AAD_POWERSHELL, "Windows Azure Active Directory", Some(5)),
            (0, AAD_POWERSHELL, "Azure Key Vault", Some(10)),
            (0, AAD_POWERSHELL, "", Some(5)),
            // Near misses: a wrong password, polling for a device code, another app.
            (50126, VS_CODE, "Microsoft Graph", None),
            (70016, cli, "Microsoft Graph", None),
            (
                0,
                "d3590ed6-52b3-4102-aeff-aad2292ab01c",
                "Microsoft Graph",
                None,
            ),
        ];
        for (code, app, resource, points) in rows {
            let record = format!(
                r#""resultType":"{code}","properties":{{"appId":"{app}","resourceDisplayName":"{resource}"}}"#
            );
            let hit = hits("dev_tool_client", &record, "");
            assert_eq!(hit.map(|hit| hit.points), points, "{record}");
        }
    }

    #[test]
    fn graph_is_known_by_its_id_too() {
        let record = format!(
            r#""resultType":"0","properties":{{"appId":"{VS_CODE}","resourceId":"00000003-0000-0000-c000-000000000000"}}"#
        );
        let hit = hits("dev_tool_client", &record, "");
        assert_eq!(hit.map(|hit| hit.points), Some(30));
    }
}

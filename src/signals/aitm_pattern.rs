//! The shape of a phishing kit that sits between user and Microsoft: a Node library where a person's client should be.
//!
//! Kits that relay sign-ins (Tycoon 2FA and its like) use the Authentication Broker or `OfficeHome` as client and forget to
//! forge the user agent.
use super::prelude::*;
use super::shared::{
    BROKER, asks_azure_ad_graph, asks_device_registration, asks_microsoft_graph, is_app,
};
use crate::input::words::{begins, mentions};

pub(super) const SIGNAL: Signal = Signal {
    id: "aitm_pattern",
    summary: "A script's user agent where a person's client should be",
    levels: &[&KIT, &BROKER_AGENT, &AGENT],
    techniques: card(&["T1557", "T1566.002", "T1539"]),
    false_positives: card(&[
        "Node automation of the tenant's own that signs in as a user",
        "Tools that drive the broker for tests",
    ]),
    blind_spots: card(&[
        "A kit that forwards the victim's user agent, as the better ones do",
        "A kit with another client app",
    ]),
    references: card(&[
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_tycoon_entra_id.toml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_entra_id_microsoft_auth_broker_nonstandard_user_agent.toml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/o365/initial_access_tycoon_o365.toml",
        "https://github.com/SigmaHQ/sigma/blob/master/rules-threat-hunting/cloud/azure/signin_logs/azure_ad_signin_axios_user_agent.yml",
    ]),
    options: &[],
    needs: None,
    check,
};

const KIT: Level = Level {
    name: "kit",
    weight: Weight::High,
    points: Opt::points(
        "aitm_pattern.kit_points",
        60,
        "Suspicious alone: Elastic initial_access_tycoon_entra_id (high), one event; ours asks for a right first factor",
    ),
};
const BROKER_AGENT: Level = Level {
    name: "broker_agent",
    weight: Weight::Medium,
    points: Opt::points(
        "aitm_pattern.broker_agent_points",
        30,
        "Review alone: Elastic microsoft_auth_broker_nonstandard_user_agent, one event; its list of good agents is short",
    ),
};
const AGENT: Level = Level {
    name: "agent",
    weight: Weight::Low,
    points: Opt::points(
        "aitm_pattern.agent_points",
        10,
        "Our weight: Sigma's hunt for axios is of low severity",
    ),
};

/// `OfficeHome`, the page at office.com.
const OFFICE_HOME: &str = "4765445b-32c6-49b0-83e6-1d93765276ca";

/// How the user agents of genuine broker clients begin (Elastic).
const BROKER_AGENTS: &[&str] = &[
    "Mozilla",
    "Dalvik",
    "Windows-AzureAD-Authentication-Provider",
];

fn check(case: &Case) -> Option<Hit> {
    let record = case.record;
    let agent = record.text(Field::UserAgent)?;
    let broker = is_app(record, BROKER);
    let Some(name) = node_agent(agent) else {
        let odd = broker
            && case.class.status == Status::Success
            && !is_broker_agent(agent)
            && (asks_device_registration(record)
                || asks_microsoft_graph(record)
                || asks_azure_ad_graph(record));
        return odd
            .then(|| {
                case.hit(
                    &BROKER_AGENT,
                    "the Authentication Broker with a user agent that no genuine client has",
                )
            })
            .flatten();
    };
    let proved = case.class.first_factor == FirstFactor::Proved;
    if proved && (broker || is_app(record, OFFICE_HOME)) {
        let app = if broker {
            "the Authentication Broker"
        } else {
            "OfficeHome"
        };
        return case.hit(&KIT, why!("{} with the user agent of {}", app, name));
    }
    if record.category() != Category::User {
        return None;
    }
    case.hit(&AGENT, why!("a user's sign-in by {}", name))
}

/// The Node library behind a user agent: `node` alone, and `axios` and `undici` with any version.
fn node_agent(agent: &str) -> Option<&'static str> {
    if agent.eq_ignore_ascii_case("node") {
        return Some("node");
    }
    ["axios", "undici"]
        .into_iter()
        .find(|name| begins(agent, name))
}

fn is_broker_agent(agent: &str) -> bool {
    BROKER_AGENTS.iter().any(|start| begins(agent, start))
        || mentions(agent, "CFNetwork")
        || (begins(agent, "Java") && mentions(agent, "ThinkPad"))
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::hits;

    #[test]
    fn weighs_the_agent_with_the_app() {
        let broker = "29d9ed98-a469-4536-ade2-f981bc1d605e";
        let home = "4765445b-32c6-49b0-83e6-1d93765276ca";
        let cli = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
        let (user, refresh) = ("SignInLogs", "NonInteractiveUserSignInLogs");
        let graph = "Microsoft Graph";
        let rows = [
            (0, user, home, graph, "axios/1.7.9", Some(60)),
            (0, user, home, "OfficeHome", "undici", Some(60)),
            (
                0,
                user,
                broker,
                "Device Registration Service",
                "node",
                Some(60),
            ),
            (50074, user, home, graph, "axios/1.7.9", Some(60)),
            (0, refresh, broker, graph, "node", Some(60)),
            (0, user, broker, graph, "python-requests/2.32.3", Some(30)),
            // The password was wrong, or the app is another one.
            (50126, user, home, graph, "axios/1.7.9", Some(10)),
            (0, user, cli, graph, "axios/1.7.9", Some(10)),
            // Near misses: a refresh of another app, node with something behind it, genuine clients.
            (0, refresh, cli, graph, "axios/1.7.9", None),
            (0, user, home, graph, "node-fetch/1.0", None),
            (0, user, home, graph, "Mozilla/5.0 axios/1.7.9", None),
            (
                0,
                user,
                broker,
                graph,
                "Windows-AzureAD-Authentication-Provider/1.0",
                None,
            ),
            (
                0,
                user,
                broker,
                graph,
                "Company%20Portal/1 CFNetwork/1498 Darwin/23",
                None,
            ),
            (
                0,
                user,
                broker,
                graph,
                "Dalvik/2.1.0 (Linux; U; Android 14)",
                None,
            ),
            // The broker by a script, to a resource that nobody is after; refused; without a user agent.
            (0, user, broker, "Contoso Timesheets", "curl/8.9.1", None),
            (50126, user, broker, graph, "curl/8.9.1", None),
            (0, user, broker, graph, "", None),
        ];
        for (code, category, app, resource, agent, points) in rows {
            let record = format!(
                r#""resultType":"{code}","category":"{category}","properties":{{"appId":"{app}","resourceDisplayName":"{resource}","userAgent":"{agent}"}}"#
            );
            let hit = hits("aitm_pattern", &record, "");
            assert_eq!(hit.map(|hit| hit.points), points, "{record}");
        }
    }
}

//! Signing in by a code typed on another device, the way in of device-code phishing.
//!
//! Polls (70016) and codes that ran out (70019, 70020) stay silent: nobody has typed the code. Sessions
//! that mix places are for `device_code_phish`. Whether the app is new for the user is told by the first record of it to
//! arrive; a repeated one answers as before.
use super::prelude::*;
use super::shared::{
    self, BROKER as BROKER_APP, asks_azure_ad_graph, asks_microsoft_graph, is_app, with_code,
};

pub(super) const SIGNAL: Signal = Signal {
    id: "device_code_flow",
    summary: "Signed in by a code typed on another device",
    levels: &[&BROKER, &BROKER_LATER, &GRAPH, &FIRST, &SEEN, &REFUSED],
    techniques: card(&["T1566.002", "T1528", "T1550.001"]),
    false_positives: card(&[
        "Azure CLI and PowerShell on machines without a browser",
        "Meeting rooms, kiosks and shared displays",
        "50199 also asks before other native apps get a token",
    ]),
    blind_spots: card(&[
        "A phished token that is used later without the mark of its origin",
        "Logs that do not carry authenticationProtocol and originalTransferMethod",
        "A broker sign-in from a device that the attacker has made compliant counts as an ordinary one",
    ]),
    references: card(&[
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_entra_id_device_code_auth_with_broker_client.toml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_entra_id_oauth_device_code_phishing_tycoon_aitm.toml",
        "https://github.com/panther-labs/panther-analysis/blob/main/rules/azure_signin_rules/azure_device_code_broker_client.yml",
        "https://github.com/splunk/security_content/blob/develop/detections/cloud/azure_ad_device_code_authentication.yml",
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_app_device_code_authentication.yml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_entra_id_first_time_seen_device_code_auth.toml",
    ]),
    options: &[],
    needs: Some(Key::User),
    check,
};

const BROKER: Level = Level {
    name: "broker",
    weight: Weight::High,
    points: Opt::points(
        "device_code_flow.broker_points",
        45,
        "Review alone, suspicious with anything more: one event in Panther and Elastic (medium; high to mail or Graph)",
    ),
};
const BROKER_LATER: Level = Level {
    name: "broker_later",
    weight: Weight::Medium,
    points: Opt::points(
        "device_code_flow.broker_later_points",
        30,
        "Review alone: what began so goes on under the same mark; Teams phones repeat it every hour",
    ),
};
const GRAPH: Level = Level {
    name: "graph",
    weight: Weight::Medium,
    points: Opt::points(
        "device_code_flow.graph_points",
        30,
        "Review alone: Splunk azure_ad_device_code_authentication (risk 35); Graph opens mail, files and directory",
    ),
};
const FIRST: Level = Level {
    name: "first",
    weight: Weight::Medium,
    points: Opt::points(
        "device_code_flow.first_points",
        25,
        "Our weight: Elastic first_time_seen_device_code_auth (medium); the app is new for the user, as it is to each once",
    ),
};
const SEEN: Level = Level {
    name: "seen",
    weight: Weight::Medium,
    points: Opt::points(
        "device_code_flow.seen_points",
        15,
        "Our weight: Sigma and Splunk fire on one event, yet command lines do it daily; medium so that it stays in the SIEM",
    ),
};
const REFUSED: Level = Level {
    name: "refused",
    weight: Weight::Low,
    points: Opt::points(
        "device_code_flow.refused_points",
        10,
        "Our weight: the policy worked, or the code was mistyped or declined",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    let (record, class) = (case.record, case.class);
    let just_now = record.is(Field::Protocol, "deviceCode");
    // Later tokens of the same session still carry where it began.
    let earlier = record.is(Field::TransferMethod, "deviceCodeFlow");
    match class.status {
        Status::Failure => {
            let blocked = class.blocked && (just_now || earlier);
            if blocked || class.cause == Cause::DeviceCode {
                return case.hit(
                    &REFUSED,
                    with_code("device code refused", case.class.looked_up),
                );
            }
            return None;
        }
        Status::Interrupted if class.cause == Cause::DeviceCode => return None,
        Status::Interrupted | Status::Success => {}
    }
    if just_now || earlier {
        // Windows brokers its own joins this way; a device that the tenant manages cannot be claimed by a stranger.
        if is_app(record, BROKER_APP) && !record.is_device_managed() {
            return if just_now {
                case.hit(&BROKER, "device code to the Authentication Broker")
            } else {
                case.hit(
                    &BROKER_LATER,
                    "the session began with a device code to the Authentication Broker",
                )
            };
        }
        let graph = || asks_microsoft_graph(record) || asks_azure_ad_graph(record);
        // Refreshes of an old session would repeat this every hour.
        if just_now && class.status == Status::Success && graph() {
            return case.hit(&GRAPH, "device code gave a token for Graph");
        }
        let first = case
            .user()
            .is_some_and(|known| shared::before(known).app == Familiarity::New);
        if just_now && first {
            return case.hit(&FIRST, "device code for an app that is new for the user");
        }
        return if just_now {
            case.hit(&SEEN, "asked for by device code")
        } else {
            case.hit(&SEEN, "the session began with a device code")
        };
    }
    if case.class.looked_up == Some(50199) {
        return case.hit(
            &SEEN,
            "50199: asked to confirm the app, as before a device code is honoured",
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story, hits};

    #[test]
    fn an_app_that_is_new_for_the_user_weighs_more() {
        let cli = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
        let portal = Line::default().app;
        let now = r#""authenticationProtocol":"deviceCode""#;
        for (app, points) in [(cli, 25), (portal, 15)] {
            let line = Line {
                at: 60,
                app,
                more: now,
                request: "same",
                ..Line::default()
            };
            let mut story = Story::with_history("", &["ada@contoso.example"]);
            for _ in 0..2 {
                assert_eq!(story.points("device_code_flow", &line), Some(points));
            }
            let next = Line {
                at: 90,
                request: "next",
                ..line
            };
            assert_eq!(story.points("device_code_flow", &next), Some(15));
            assert_eq!(Story::new("").points("device_code_flow", &line), Some(15));
        }
    }

    const CLI: &str = r#""appId":"04b07795-8ddb-461a-bbee-02f9e1bf7b46""#;
    const BROKER: &str = r#""appId":"29d9ed98-a469-4536-ade2-f981bc1d605e""#;
    const NOW: &str = r#""authenticationProtocol":"deviceCode""#;
    const LATER: &str = r#""originalTransferMethod":"deviceCodeFlow""#;
    const GRAPH: &str = r#""resourceDisplayName":"Microsoft Graph""#;

    #[test]
    fn weighs_by_app_and_resource() {
        let managed = r#""deviceDetail":{"isCompliant":true,"isManaged":true}"#;
        let azure_ad = r#""resourceId":"00000002-0000-0000-c000-000000000000""#;
        let rows: [(u32, &[&str], Option<i64>); 22] = [
            (0, &[NOW, BROKER], Some(45)),
            (50074, &[NOW, BROKER], Some(45)),
            (0, &[LATER, BROKER], Some(30)),
            (0, &[NOW, CLI, GRAPH], Some(30)),
            (0, &[NOW, CLI, azure_ad], Some(30)),
            (0, &[NOW, CLI], Some(15)),
            (50074, &[NOW, CLI, GRAPH], Some(15)),
            (0, &[LATER, CLI, GRAPH], Some(15)),
            (50199, &[CLI], Some(15)),
            (50199, &[NOW, BROKER], Some(45)),
            (530033, &[CLI], Some(10)),
            (530036, &[LATER, CLI], Some(10)),
            (70018, &[CLI], Some(10)),
            (53003, &[NOW, BROKER], Some(10)),
            // Near misses: Windows joins a managed device, polls, codes that ran out, a QR code.
            (0, &[NOW, BROKER, managed], Some(15)),
            (70016, &[NOW, CLI], None),
            (70016, &[NOW, BROKER], None),
            (70019, &[NOW, CLI], None),
            (29200, &[CLI], None),
            // A failure that is no refusal, the broker without a code, Graph without a code.
            (50126, &[NOW, CLI], None),
            (0, &[BROKER], None),
            (0, &[CLI, GRAPH], None),
        ];
        for (code, properties, points) in rows {
            let record = format!(
                r#""resultType":"{code}","properties":{{{}}}"#,
                properties.join(",")
            );
            let hit = hits("device_code_flow", &record, "");
            assert_eq!(hit.map(|hit| hit.points), points, "{record}");
        }
    }
}

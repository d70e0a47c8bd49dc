//! The password grant (ROPC): an app hands over name and password, and nobody can be asked for a second factor.
//!
//! Exchange signs legacy mail clients in the same way. That is one fact, so `legacy_auth` counts it and this adds little.
//! A script that has signed in from its place for days is told apart from somebody new; a late or repeated record changes
//! nothing about that.
use super::legacy_auth;
use super::prelude::*;
use super::shared;
use crate::input::words::begins;

pub(super) const SIGNAL: Signal = Signal {
    id: "ropc",
    summary: "An app handed over the user's password (ROPC)",
    levels: &[&FIRST, &SUCCESS, &STOPPED, &TRIED, &USUAL, &LEGACY_CLIENT],
    techniques: card(&["T1078.004", "T1110.003"]),
    false_positives: card(&[
        "Test automation and scripts with a technical user",
        "Older apps of the tenant's own that keep passwords",
    ]),
    blind_spots: card(&[
        "Logs that do not carry authenticationProtocol",
        "Federated tenants send some password grants elsewhere",
    ]),
    references: card(&[
        "https://github.com/panther-labs/panther-analysis/blob/main/rules/azure_signin_rules/azure_ropc_login_no_mfa.yml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_entra_id_unusual_ropc_login_attempt.toml",
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_app_ropc_authentication.yml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/o365/initial_access_identity_ropc_grant_via_legacy_authenticated_client.toml",
    ]),
    options: &[],
    needs: Some(Key::User),
    check,
};

const FIRST: Level = Level {
    name: "first",
    weight: Weight::High,
    points: Opt::points(
        "ropc.first_points",
        45,
        "Review alone: Elastic unusual_ropc_login_attempt (medium), first of a user; ours asks for a new network",
    ),
};
const USUAL: Level = Level {
    name: "usual",
    weight: Weight::Low,
    points: Opt::points(
        "ropc.usual_points",
        8,
        "Our weight: app and network are long the user's own, as of a script; Elastic fires on the first one only",
    ),
};
const SUCCESS: Level = Level {
    name: "success",
    weight: Weight::Medium,
    points: Opt::points(
        "ropc.success_points",
        35,
        "Review alone: Panther azure_ropc_login_no_mfa (medium), one event",
    ),
};
const STOPPED: Level = Level {
    name: "stopped",
    weight: Weight::Medium,
    points: Opt::points(
        "ropc.stopped_points",
        20,
        "Our weight: the password was right, as a sprayer learns by this grant; a script that now meets MFA looks the same",
    ),
};
const TRIED: Level = Level {
    name: "tried",
    weight: Weight::Low,
    points: Opt::points(
        "ropc.tried_points",
        10,
        "Our weight: Sigma fires on one event whatever came of it; the password was wrong, or a second factor counted",
    ),
};
const LEGACY_CLIENT: Level = Level {
    name: "legacy_client",
    weight: Weight::Low,
    points: Opt::points(
        "ropc.legacy_client_points",
        5,
        "Our weight: legacy_auth has counted the same sign-in already",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    let record = case.record;
    let by_protocol = record.is(Field::Protocol, "ropc");
    let by_agent = || {
        let agent = record.text(Field::UserAgent);
        agent.is_some_and(|agent| begins(agent, "BAV2ROPC"))
    };
    if !by_protocol && !by_agent() {
        return None;
    }
    let got_in = case.class.status == Status::Success
        && !record.is(Field::Requirement, "multiFactorAuthentication");
    let stopped =
        case.class.status != Status::Success && case.class.first_factor == FirstFactor::Proved;
    if (got_in || stopped) && legacy_auth::client(record).is_some() {
        return case.hit(&LEGACY_CLIENT, "password grant (ROPC) by a legacy client");
    }
    if got_in {
        let before = case.user().map(shared::before).unwrap_or_default();
        return match (before.network, before.app) {
            (Familiarity::New, _) => case.hit(
                &FIRST,
                "password grant (ROPC) got in on one factor from a network new for the user",
            ),
            (Familiarity::Known, Familiarity::Known) => case.hit(
                &USUAL,
                "password grant (ROPC) got in on one factor, with app and network of old",
            ),
            _ => case.hit(&SUCCESS, "password grant (ROPC) got in on one factor"),
        };
    }
    if stopped {
        return case.hit(
            &STOPPED,
            "password grant (ROPC) with the right password, not finished",
        );
    }
    match case.class.status {
        Status::Success => case.hit(&TRIED, "password grant (ROPC) where two factors count"),
        _ => case.hit(&TRIED, "password grant (ROPC) tried"),
    }
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story, hits};

    #[test]
    fn tells_a_script_from_somebody_new() {
        let ropc = r#""authenticationProtocol":"ropc""#;
        let app = Line::default().app;
        let rows = [
            (64500, app, 45),
            (64500, "other", 45),
            (64496, "other", 35),
            (64496, app, 8),
        ];
        for (asn, app, points) in rows {
            let line = Line {
                at: 60,
                asn,
                app,
                more: ropc,
                request: "same",
                ..Line::default()
            };
            let mut story = Story::with_history("", &["ada@contoso.example"]);
            for _ in 0..2 {
                assert_eq!(story.points("ropc", &line), Some(points), "{asn} {app}");
            }
            assert_eq!(Story::new("").points("ropc", &line), Some(35));
        }
    }

    #[test]
    fn fires_on_password_grants() {
        let modern = "Mobile Apps and Desktop clients";
        let single = "singleFactorAuthentication";
        let rows = [
            // code, protocol, requirement, client, agent
            (
                0,
                "ropc",
                single,
                modern,
                "python-requests/2.28.1",
                Some(35),
            ),
            (0, "ROPC", "", modern, "", Some(35)),
            (0, "ropc", "multiFactorAuthentication", modern, "", Some(10)),
            (50126, "ropc", single, modern, "", Some(10)),
            (50076, "ropc", single, modern, "", Some(20)),
            (53003, "none", single, "IMAP4", "BAV2ROPC", Some(5)),
            (50126, "none", single, "IMAP4", "BAV2ROPC", Some(10)),
            (0, "none", single, "Authenticated SMTP", "BAV2ROPC", Some(5)),
            (0, "ropc", single, "Other clients", "", Some(5)),
            // Near misses: another protocol, a legacy client of another kind, a certificate.
            (0, "oAuth2", single, modern, "", None),
            (0, "none", single, "IMAP4", "CBAInPROD", None),
            (0, "", "", "", "", None),
        ];
        for (code, protocol, requirement, client, agent, points) in rows {
            let record = format!(
                r#""resultType":"{code}","properties":{{"authenticationProtocol":"{protocol}","authenticationRequirement":"{requirement}","clientAppUsed":"{client}","userAgent":"{agent}"}}"#
            );
            let hit = hits("ropc", &record, "");
            assert_eq!(hit.map(|hit| hit.points), points, "{record}");
        }
    }
}

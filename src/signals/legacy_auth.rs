//! A client that signs in with name and password only and cannot be asked for a second factor.
//!
//! Printers and service mailboxes do it too, so the operator can name users of whom it is expected, and those
//! who have done it from the same place for days count for little. A late or repeated record changes nothing about that.
use super::prelude::*;
use super::shared;
use super::why::Part;
use crate::input::Record;
use crate::input::words::begins;

pub(super) const SIGNAL: Signal = Signal {
    id: "legacy_auth",
    summary: "A client that cannot do a second factor",
    levels: &[&FIRST, &SUCCESS, &STOPPED, &USUAL, &TRIED],
    techniques: card(&["T1078.004", "T1110"]),
    false_positives: card(&[
        "Printers, scanners and monitoring that send mail by SMTP",
        "Service mailboxes, and mail programs of before 2016",
        "Exchange ActiveSync and Exchange web services with modern authentication carry the same client name",
    ]),
    blind_spots: card(&[
        "A client name that is not on the list",
        "Password grants under a modern client name: see ropc",
    ]),
    references: card(&[
        "https://github.com/panther-labs/panther-analysis/blob/main/rules/azure_signin_rules/azure_legacyauth.yml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_entra_id_unusual_legacy_auth_client_signin.toml",
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_legacy_authentication_protocols.yml",
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_ad_suspicious_signin_bypassing_mfa.yml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/SigninLogs/LegacyAuthAttempt.yaml",
    ]),
    options: &[&EXPECTED_USERS],
    needs: Some(Key::User),
    check,
};

const FIRST: Level = Level {
    name: "first",
    weight: Weight::Medium,
    points: Opt::points(
        "legacy_auth.first_points",
        40,
        "Review alone: Elastic unusual_legacy_auth_client_signin, first of a user; ours asks for a new network",
    ),
};
const USUAL: Level = Level {
    name: "usual",
    weight: Weight::Low,
    points: Opt::points(
        "legacy_auth.usual_points",
        8,
        "Our weight: app and network are long the user's own, as of a printer; Elastic fires on the first one only",
    ),
};
const SUCCESS: Level = Level {
    name: "success",
    weight: Weight::Medium,
    points: Opt::points(
        "legacy_auth.success_points",
        30,
        "Review alone: one event in Panther azure_legacyauth (medium), Sigma (high) and Sentinel LegacyAuthUserAgents",
    ),
};
const STOPPED: Level = Level {
    name: "stopped",
    weight: Weight::Medium,
    points: Opt::points(
        "legacy_auth.stopped_points",
        20,
        "Our weight: the password was right, which is what a sprayer wants to know; old devices that meet a new policy look the same",
    ),
};
const TRIED: Level = Level {
    name: "tried",
    weight: Weight::Low,
    points: Opt::points(
        "legacy_auth.tried_points",
        5,
        "Our weight: the password was not right, or a token or second factor was; old devices retry for years",
    ),
};
const EXPECTED_USERS: Opt = Opt::new(
    "legacy_auth.expected_users",
    "user names of which this is expected",
    Kind::Texts { default: &[] },
    "empty; Panther azure_legacyauth keeps such a list of known exceptions",
);

/// `clientAppUsed` of such clients: the lists of Elastic, Sentinel and Sigma together. Compared to the whole name.
const CLIENTS: &[&str] = &[
    "Authenticated SMTP",
    "SMTP",
    "Autodiscover",
    "Exchange ActiveSync",
    "Exchange Online PowerShell",
    "Exchange Web Services",
    "IMAP4",
    "IMAP",
    "MAPI Over HTTP",
    "MAPI",
    "Offline Address Book",
    "Outlook Anywhere",
    "Outlook Anywhere (RPC over HTTP)",
    "Outlook Service",
    "POP3",
    "POP",
    "Reporting Web Services",
];

/// User agents under which Exchange signs such a client in. Panther spells `CBAInPROD`, Sigma `CBAinPROD`.
const AGENTS: &[&str] = &["BAV2ROPC", "CBAinPROD", "CBAinTAR"];

fn check(case: &Case) -> Option<Hit> {
    let name = client(case.record)?;
    let user = case.record.user().unwrap_or("");
    let expected = case.config.texts(&EXPECTED_USERS);
    if expected.iter().any(|one| one.eq_ignore_ascii_case(user)) {
        return None;
    }
    let class = case.class;
    let proved = class.first_factor == FirstFactor::Proved;
    match class.status {
        // ActiveSync and web services with modern authentication carry the old client's name.
        _ if proved && by_token(case) => case.hit(
            &TRIED,
            why!(
                "client {}, by a token or with a second factor",
                Part::Quoted(name)
            ),
        ),
        Status::Success => {
            let before = case.user().map(shared::before).unwrap_or_default();
            let (level, place) = match (before.network, before.app) {
                (Familiarity::New, _) => (&FIRST, " from a network new for the user"),
                (Familiarity::Known, Familiarity::Known) => (&USUAL, " as it long has"),
                _ => (&SUCCESS, ""),
            };
            case.hit(
                level,
                why!(
                    "client {} cannot do a second factor, and got in{}",
                    Part::Quoted(name),
                    place
                ),
            )
        }
        _ if proved => case.hit(
            &STOPPED,
            why!(
                "client {} had the right password and was stopped",
                Part::Quoted(name)
            ),
        ),
        _ => case.hit(&TRIED, why!("client {} tried", Part::Quoted(name))),
    }
}

/// Whether the sign-in rests on a token of an earlier one, or on a second factor.
fn by_token(case: &Case) -> bool {
    let told = case.class.told;
    let token = |word: &str| case.record.is(Field::IncomingToken, word);
    // "MFA requirement satisfied by claim in the token" stands wrongly beside a password at times.
    (told.has(Said::Satisfied) && !told.password_right)
        || told.has(Said::Completed)
        || token("refreshToken")
        || token("primaryRefreshToken")
}

/// The name of the client, as it stands in our lists; `None` where it is a modern one.
pub(super) fn client(record: &Record) -> Option<&'static str> {
    if let Some(used) = record.text(Field::ClientApp) {
        // "Other clients", and of older records "Other clients; IMAP".
        if begins(used, "Other client") {
            return Some("Other clients");
        }
        let same = |name: &&&str| name.eq_ignore_ascii_case(used);
        if let Some(name) = CLIENTS.iter().find(same) {
            return Some(name);
        }
    }
    let agent = record.text(Field::UserAgent)?;
    AGENTS.iter().find(|name| begins(agent, name)).copied()
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story, hits};

    #[test]
    fn tells_a_printer_from_somebody_new() {
        let imap = r#""clientAppUsed":"IMAP4""#;
        let app = Line::default().app;
        let rows = [(64500, app, 40), (64496, "other", 30), (64496, app, 8)];
        for (asn, app, points) in rows {
            let line = Line {
                at: 60,
                asn,
                app,
                more: imap,
                request: "same",
                ..Line::default()
            };
            let mut story = Story::with_history("", &["ada@contoso.example"]);
            for _ in 0..2 {
                let found = story.points("legacy_auth", &line);
                assert_eq!(found, Some(points), "{asn} {app}");
            }
            assert_eq!(Story::new("").points("legacy_auth", &line), Some(30));
        }
    }

    fn record(code: u32, client: &str, agent: &str) -> String {
        format!(
            r#""resultType":"{code}","properties":{{"userPrincipalName":"scanner@contoso.example","clientAppUsed":"{client}","userAgent":"{agent}"}}"#
        )
    }

    #[test]
    fn goes_by_client_name_and_user_agent() {
        let rows = [
            (0, "IMAP4", "", Some(30)),
            (0, "authenticated smtp", "", Some(30)),
            (0, "AutoDiscover", "", Some(30)),
            (
                0,
                "Exchange ActiveSync",
                "Apple-iPhone14C2/2203.100",
                Some(30),
            ),
            (0, "Other clients", "", Some(30)),
            (0, "Other clients; POP", "", Some(30)),
            (0, "", "BAV2ROPC", Some(30)),
            (0, "Unknown", "CBAInPROD", Some(30)),
            (0, "Browser", "cbaintar", Some(30)),
            (50126, "IMAP4", "", Some(5)),
            (50076, "IMAP4", "", Some(20)),
            (53003, "", "BAV2ROPC", Some(20)),
            // Near misses: modern clients, and nothing said.
            (0, "Browser", "Mozilla/5.0", None),
            (
                0,
                "Mobile Apps and Desktop clients",
                "python-requests/2.32.3",
                None,
            ),
            (0, "", "", None),
            (0, "IMAP4rev2", "", None),
        ];
        for (code, client, agent, points) in rows {
            let hit = hits("legacy_auth", &record(code, client, agent), "");
            assert_eq!(hit.map(|hit| hit.points), points, "{code} {client} {agent}");
        }
    }

    #[test]
    fn modern_authentication_under_an_old_name_counts_for_little() {
        let rows = [
            (r#""incomingTokenType":"refreshToken""#, Some(5)),
            (r#""incomingTokenType":"none""#, Some(30)),
            (
                r#""authenticationDetails":[{"authenticationStepResultDetail":"MFA requirement satisfied by claim in the token"}]"#,
                Some(5),
            ),
            // As in one of Panther's tests: the claim stands in the details, the step shows a password.
            (
                r#""status":{"errorCode":0,"additionalDetails":"MFA requirement satisfied by claim in the token"},"authenticationDetails":[{"authenticationMethod":"Password","succeeded":true,"authenticationStepResultDetail":"Correct password"}]"#,
                Some(30),
            ),
        ];
        for (more, points) in rows {
            let record = format!(
                r#""resultType":"0","properties":{{"clientAppUsed":"Exchange ActiveSync",{more}}}"#
            );
            let hit = hits("legacy_auth", &record, "");
            assert_eq!(hit.map(|hit| hit.points), points, "{more}");
        }
    }

    #[test]
    fn an_expected_user_is_no_finding() {
        let config = r#"{"legacy_auth":{"expected_users":["Scanner@contoso.example"]}}"#;
        let record = record(0, "Authenticated SMTP", "");
        assert!(hits("legacy_auth", &record, config).is_none());
    }

    #[test]
    fn the_audit_log_has_the_user_agent() {
        let record = r#""Operation":"UserLoggedIn","RecordType":15,"ExtendedProperties":[{"Name":"UserAgent","Value":"BAV2ROPC"}]"#;
        assert!(hits("legacy_auth", record, "").is_some());
    }
}

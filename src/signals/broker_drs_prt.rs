//! The Authentication Broker asks for the Device Registration Service: the step by which a stolen token becomes a device,
//! and the device a token that outlives the password.
//!
//! Quiet on a device that the tenant manages, which talks to that service all day. From a network that is new for the user
//! it weighs more; a late or repeated record changes nothing about that.
use super::prelude::*;
use super::shared::{
    self, BROKER, HOSTING_ASNS, asks_device_registration, got_in_on_one_factor, is_app,
};

pub(super) const SIGNAL: Signal = Signal {
    id: "broker_drs_prt",
    summary: "A token for registering a device",
    levels: &[&HOSTING, &ELSEWHERE, &ONE_FACTOR, &REFRESH_TOKEN, &DRS],
    techniques: card(&["T1098.005", "T1550.001", "T1078.004"]),
    false_positives: card(&[
        "A user who joins a new computer or phone",
        "Bulk provisioning",
        "Virtual desktops at a hosting provider, for the hosting level",
    ]),
    blind_spots: card(&[
        "Device registration that never shows in the sign-in log, see the audit log",
        "A device that the attacker has already made compliant",
    ]),
    references: card(&[
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/persistence_entra_id_microsoft_auth_broker_drs_signin_from_suspicious_asn.toml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/persistence_entra_id_suspicious_adrs_token_request.toml",
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_ad_device_registration_or_join_without_mfa.yml",
    ]),
    options: &[&ASNS],
    needs: Some(Key::User),
    check,
};

const HOSTING: Level = Level {
    name: "hosting",
    weight: Weight::High,
    points: Opt::points(
        "broker_drs_prt.hosting_points",
        45,
        "Review alone: Elastic broker_drs_signin_from_suspicious_asn (high), one event",
    ),
};
const ELSEWHERE: Level = Level {
    name: "elsewhere",
    weight: Weight::Medium,
    points: Opt::points(
        "broker_drs_prt.elsewhere_points",
        40,
        "Review alone: our weight, Elastic broker_to_drs (high) asks for two addresses in the session; joins on a journey are rare",
    ),
};
const ONE_FACTOR: Level = Level {
    name: "one_factor",
    weight: Weight::Medium,
    points: Opt::points(
        "broker_drs_prt.one_factor_points",
        30,
        "Review alone: Sigma azure_ad_device_registration_or_join_without_mfa (medium), one event",
    ),
};
const REFRESH_TOKEN: Level = Level {
    name: "refresh_token",
    weight: Weight::Medium,
    points: Opt::points(
        "broker_drs_prt.refresh_token_points",
        20,
        "Elastic suspicious_adrs_token_request (medium); less, since its scope adrs_access is not read here",
    ),
};
const DRS: Level = Level {
    name: "drs",
    weight: Weight::Medium,
    points: Opt::points(
        "broker_drs_prt.drs_points",
        15,
        "Our weight: every join of a new device does it; medium so that it stays in the SIEM",
    ),
};
const ASNS: Opt = Opt::new(
    "broker_drs_prt.asns",
    "networks from which nobody should register a device",
    Kind::Asns {
        default: HOSTING_ASNS,
    },
    "Elastic persistence_entra_id_microsoft_auth_broker_drs_signin_from_suspicious_asn, all 14",
);

fn check(case: &Case) -> Option<Hit> {
    let record = case.record;
    if case.class.first_factor != FirstFactor::Proved || !asks_device_registration(record) {
        return None;
    }
    let success = case.class.status == Status::Success;
    let managed = record.is_device_managed();
    let broker = is_app(record, BROKER);
    let asn = record.asn().filter(|_| broker);
    if let Some(asn) = asn.filter(|&asn| case.config.has_asn(&ASNS, asn)) {
        return case.hit(
            &HOSTING,
            why!("broker to device registration from hosting network {}", asn),
        );
    }
    if !success || managed {
        return None;
    }
    // A stolen token becomes a device where the thief is. Another app that asks counts only without a second factor.
    let one_factor = got_in_on_one_factor(case);
    let elsewhere = || {
        case.user()
            .is_some_and(|known| shared::before(known).network == Familiarity::New)
    };
    if (broker || one_factor) && elsewhere() {
        return case.hit(
            &ELSEWHERE,
            "token for device registration in a network new for the user",
        );
    }
    // Whatever the client: a device should not be registered on a password alone.
    if one_factor {
        return case.hit(&ONE_FACTOR, "token for device registration on one factor");
    }
    if !broker {
        return None;
    }
    let refresh = record.category() == Category::NonInteractiveUser
        && record.is(Field::IncomingToken, "refreshToken");
    if refresh {
        return case.hit(
            &REFRESH_TOKEN,
            "broker turned a refresh token into one for device registration",
        );
    }
    case.hit(&DRS, "broker got a token for device registration")
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story, hits};

    #[test]
    fn a_new_network_weighs_more() {
        let broker = "29d9ed98-a469-4536-ade2-f981bc1d605e";
        let managed = r#""deviceDetail":{"isManaged":true}"#;
        let rows = [
            (64500, broker, "", Some(40)),
            (64496, broker, "", Some(15)),
            (9009, broker, "", Some(45)),
            (64500, broker, managed, None),
            (64500, "other", "", None),
        ];
        for (asn, app, more, points) in rows {
            let line = Line {
                at: 60,
                asn,
                app,
                more,
                resource: "01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9",
                mfa: true,
                request: "same",
                ..Line::default()
            };
            let mut story = Story::with_history("", &["ada@contoso.example"]);
            for _ in 0..2 {
                let found = story.points("broker_drs_prt", &line);
                assert_eq!(found, points, "{asn} {app} {more}");
            }
        }
    }

    const BROKER: &str = r#""appId":"29d9ed98-a469-4536-ade2-f981bc1d605e""#;
    const DRS: &str = r#""resourceId":"01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9""#;

    #[test]
    fn weighs_where_and_how() {
        let by_name = r#""resourceDisplayName":"Device Registration Service""#;
        let hosting = r#""autonomousSystemNumber":399629"#;
        let managed = r#""deviceDetail":{"isCompliant":true}"#;
        let single = r#""authenticationRequirement":"singleFactorAuthentication""#;
        let refresh = r#""incomingTokenType":"refreshToken""#;
        let primary = r#""incomingTokenType":"primaryRefreshToken""#;
        let (user, later) = ("SignInLogs", "NonInteractiveUserSignInLogs");
        let rows: [(u32, &str, &[&str], Option<i64>); 16] = [
            (0, user, &[BROKER, DRS, hosting], Some(45)),
            (50074, user, &[BROKER, DRS, hosting], Some(45)),
            (0, user, &[BROKER, DRS, hosting, managed], Some(45)),
            (0, user, &[BROKER, DRS, single], Some(30)),
            (0, user, &[DRS, single], Some(30)),
            (0, later, &[BROKER, DRS, refresh, single], Some(20)),
            (0, user, &[BROKER, DRS], Some(15)),
            (0, user, &[BROKER, by_name], Some(15)),
            (0, later, &[BROKER, DRS, primary], Some(15)),
            // Near misses: a managed device, stopped by the second factor, a wrong password.
            (0, user, &[BROKER, DRS, managed, single], None),
            (50074, user, &[BROKER, DRS], None),
            (50126, user, &[BROKER, DRS, hosting], None),
            // Another app, another resource, neither.
            (0, user, &[DRS, hosting], None),
            (0, user, &[BROKER, hosting], None),
            (0, later, &[DRS, refresh], None),
            (0, user, &[], None),
        ];
        for (code, category, properties, points) in rows {
            let record = format!(
                r#""resultType":"{code}","category":"{category}","properties":{{{}}}"#,
                properties.join(",")
            );
            let hit = hits("broker_drs_prt", &record, "");
            assert_eq!(hit.map(|hit| hit.points), points, "{record}");
        }
    }
}

//! The address is on the operator's list, or the network belongs to a hosting provider known for abuse.
//!
//! Both lists are the operator's to keep. Places that are new for a user are for signals with memory.
use super::prelude::*;
use super::shared::HOSTING_ASNS;
use crate::config::Config;
use crate::input::Record;

pub(super) const SIGNAL: Signal = Signal {
    id: "bad_network",
    summary: "Address or network with a bad name",
    levels: &[&LISTED, &HOSTING],
    techniques: card(&["T1078.004", "T1583.003"]),
    false_positives: card(&[
        "Users of a private VPN whose exits are rented servers",
        "Virtual desktops and build machines at a hosting provider",
        "A list that has grown old: addresses change hands",
    ]),
    blind_spots: card(&[
        "Home addresses rented by the hour (residential proxies)",
        "Providers that are not on the list; the list is empty for addresses until the operator fills it",
        "Records without an ASN, for the hosting level",
    ]),
    references: card(&[
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/persistence_entra_id_microsoft_auth_broker_drs_signin_from_suspicious_asn.toml",
        "https://github.com/elastic/detection-rules/blob/main/hunting/azure/queries/entra_authentication_attempts_from_abused_hosting_service_providers.toml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/SigninLogs/Signins-From-VPS-Providers.yaml",
        "https://github.com/panther-labs/panther-analysis/blob/main/rules/standard_rules/greynoise_malicious_ip.yml",
    ]),
    options: &[&ADDRESSES, &ASNS],
    needs: None,
    check,
};

const LISTED: Level = Level {
    name: "listed",
    weight: Weight::Medium,
    points: Opt::points(
        "bad_network.listed_points",
        40,
        "Review alone: Panther's address-list rules fire on one event; our weight, the list is the operator's word",
    ),
};
const HOSTING: Level = Level {
    name: "hosting",
    weight: Weight::Low,
    points: Opt::points(
        "bad_network.hosting_points",
        10,
        "Our weight: Elastic uses these networks only together with the broker or in a hunt",
    ),
};
const ADDRESSES: Opt = Opt::new(
    "bad_network.addresses",
    "addresses and networks with a bad name",
    Kind::Networks,
    "empty: which list of addresses to trust is the operator's choice",
);
const ASNS: Opt = Opt::new(
    "bad_network.asns",
    "networks of hosting providers",
    Kind::Asns {
        default: HOSTING_ASNS,
    },
    "Elastic persistence_entra_id_microsoft_auth_broker_drs_signin_from_suspicious_asn, all 14",
);

/// Whether a network is on the list of hosting providers.
pub(super) fn is_hosting(case: &Case, network: u32) -> bool {
    case.config.has_asn(&ASNS, network)
}

/// Why a place is listed as bad.
enum Bad {
    Address,
    Network(u32),
}

/// Whether the record comes from a place that is listed as bad.
pub(super) fn is_listed(record: &Record, config: &Config) -> bool {
    listed(record, config).is_some()
}

fn listed(record: &Record, config: &Config) -> Option<Bad> {
    if !record.is_address_of_caller() || record.is_network_trusted() {
        return None;
    }
    let on_list = |address| config.has_address(&ADDRESSES, address);
    if !config.has_no_networks(&ADDRESSES) && record.address().is_some_and(on_list) {
        return Some(Bad::Address);
    }
    // Workloads run at hosting providers by nature.
    let asn = record.asn().filter(|_| !record.is_workload())?;
    config.has_asn(&ASNS, asn).then_some(Bad::Network(asn))
}

fn check(case: &Case) -> Option<Hit> {
    // Of a record with a time it has been found out already.
    if case
        .known
        .event
        .is_some_and(|event| !event.is(Traits::LISTED))
    {
        return None;
    }
    match listed(case.record, case.config)? {
        Bad::Address => case.hit(&LISTED, "the address is on the list of bad addresses"),
        Bad::Network(asn) => case.hit(&HOSTING, why!("network {} is a hosting provider's", asn)),
    }
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::hits;

    const LIST: &str = r#"{"bad_network.addresses":["203.0.113.0/24"]}"#;

    fn record(category: &str, properties: &str) -> String {
        format!(
            r#""resultType":"0","category":"{category}","properties":{{{properties},"isInteractive":true}}"#
        )
    }

    #[test]
    fn fires_on_listed_addresses_and_hosting_networks() {
        let user = "SignInLogs";
        let rows = [
            (user, r#""ipAddress":"203.0.113.7""#, Some(40)),
            (
                user,
                r#""ipAddress":"203.0.113.7","autonomousSystemNumber":9009"#,
                Some(40),
            ),
            (user, r#""autonomousSystemNumber":9009"#, Some(10)),
            (user, r#""autonomousSystemNumber":"14061""#, Some(10)),
            (
                "ServicePrincipalSignInLogs",
                r#""ipAddress":"203.0.113.7""#,
                Some(40),
            ),
            // Near misses: the neighbour, no address, a text that is none, another network.
            (user, r#""ipAddress":"203.0.112.7""#, None),
            (user, r#""ipAddress":"""#, None),
            (user, r#""ipAddress":"unknown""#, None),
            (user, r#""autonomousSystemNumber":64496"#, None),
            // A workload at a hosting provider is at home.
            (
                "ServicePrincipalSignInLogs",
                r#""autonomousSystemNumber":14061"#,
                None,
            ),
            // The address of a confidential client is not that of the caller.
            (
                "NonInteractiveUserSignInLogs",
                r#""ipAddress":"203.0.113.7","clientCredentialType":"clientSecret""#,
                None,
            ),
            // The tenant trusts this network.
            (
                user,
                r#""ipAddress":"203.0.113.7","networkLocationDetails":[{"networkType":"trustedNamedLocation"}]"#,
                None,
            ),
        ];
        for (category, properties, points) in rows {
            let hit = hits("bad_network", &record(category, properties), LIST);
            assert_eq!(hit.map(|hit| hit.points), points, "{category} {properties}");
        }
    }

    #[test]
    fn no_address_is_listed_until_the_operator_lists_it() {
        let record = record("SignInLogs", r#""ipAddress":"203.0.113.7""#);
        assert!(hits("bad_network", &record, "").is_none());
    }
}

//! A sign-in with its second factor from a rented server that is strange to the user: a relay in the middle.
//!
//! A phishing kit stands between user and Microsoft and passes on every step, the second factor too; what it cannot pass
//! on is the user's address. People sit at home, in offices and behind carriers and not in hosting networks, unless
//! they use a private VPN. Late records change nothing, each is judged by its own network; a repeated one answers as
//! before.
use super::bad_network;
use super::prelude::*;
use super::shared::{self, BROKER, is_app};
use crate::state::user::User;

pub(super) const SIGNAL: Signal = Signal {
    id: "aitm_relay",
    summary: "Second factor passed from a hosting network that is strange to the user",
    levels: &[&KIT_APP, &FOLLOWED, &RELAY],
    techniques: card(&["T1557", "T1539", "T1566.002"]),
    false_positives: card(&[
        "A private VPN whose exits are rented servers, on its first day",
        "A cloud desktop at a hosting provider, on its first day",
    ]),
    blind_spots: card(&[
        "Relays behind home addresses rented by the hour (residential proxies)",
        "Providers that are not on the list bad_network.asns, and records without an ASN",
        "Users who have a hosting network of their own, or are known for less than a day",
        "Logs that do not tell how the second factor was passed",
    ]),
    references: card(&[
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/MultipleDataSources/AnomalousTokenIssuanceAfterAiTM.yaml",
        "https://github.com/elastic/detection-rules/blob/main/hunting/azure/queries/entra_authentication_attempts_from_abused_hosting_service_providers.toml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_tycoon_entra_id.toml",
    ]),
    options: &[&FOLLOWED_SECS],
    needs: Some(Key::User),
    check,
};

const KIT_APP: Level = Level {
    name: "kit_app",
    weight: Weight::High,
    points: Opt::points(
        "aitm_relay.kit_app_points",
        60,
        "Suspicious alone: OfficeHome and the broker are the clients of Elastic's rules for kits (high)",
    ),
};
const FOLLOWED: Level = Level {
    name: "followed",
    weight: Weight::High,
    points: Opt::points(
        "aitm_relay.followed_points",
        60,
        "Suspicious alone: Sentinel AnomalousTokenIssuanceAfterAiTM, narrowed to hosting networks",
    ),
};
const RELAY: Level = Level {
    name: "relay",
    weight: Weight::High,
    points: Opt::points(
        "aitm_relay.relay_points",
        50,
        "Suspicious with bad_network, which sees the same server: our weight, Elastic has it as a hunt",
    ),
};
const FOLLOWED_SECS: Opt = Opt::window(
    "aitm_relay.followed_secs",
    600,
    "Sentinel AnomalousTokenIssuanceAfterAiTM: 10 minutes",
);

/// `OfficeHome`, the page at office.com.
const OFFICE_HOME: &str = "4765445b-32c6-49b0-83e6-1d93765276ca";

fn check(case: &Case) -> Option<Hit> {
    let known = case.user()?;
    let (user, _, event) = known;
    if !event.is_success()
        || !shared::is_through(event)
        || event.is(Traits::OWN_PLACE)
        || !bad_network::is_hosting(case, event.network)
    {
        return None;
    }
    let before = shared::before(known);
    if before.device == Familiarity::Known || has_own_server(case, user, event) {
        return None;
    }
    let network = event.network;
    if event.is(Traits::INTERACTIVE) {
        if !passed(event) || !shared::is_strange(before.network) {
            return None;
        }
        let record = case.record;
        let kit = is_app(record, OFFICE_HOME) || is_app(record, BROKER);
        let level = if kit { &KIT_APP } else { &RELAY };
        return case.hit(
            level,
            why!(
                "second factor passed from hosting network {}, strange to the user",
                network
            ),
        );
    }
    let secs = case.config.int(&FOLLOWED_SECS);
    let relayed = user.recent.all().iter().any(|other| {
        let gap = i64::from(event.at) - i64::from(other.at);
        other.network == network
            && (0..=secs).contains(&gap)
            && other.is_success()
            && other.is(Traits::INTERACTIVE)
            && passed(other)
            && !other.is(Traits::OWN_PLACE)
            && shared::is_strange(shared::network_at(user, network, other.at))
    });
    relayed
        .then(|| {
            case.hit(
                &FOLLOWED,
                why!(
                    "tokens renewed right after a sign-in from hosting network {}",
                    network
                ),
            )
        })
        .flatten()
}

/// Whether the second factor was given, or satisfied by an earlier sign-in.
fn passed(event: &Event) -> bool {
    event.is(Traits::MFA_GIVEN) || event.is(Traits::MFA_CLAIMED)
}

/// Whether another hosting network has long been the user's: the exits of a private VPN change.
fn has_own_server(case: &Case, user: &User, event: &Event) -> bool {
    user.networks.all().iter().any(|seen| {
        seen.key != event.network
            && bad_network::is_hosting(case, seen.key)
            && shared::network_at(user, seen.key, event.at) == Familiarity::Known
    })
}

#[cfg(test)]
mod tests {
    use super::OFFICE_HOME;
    use crate::signals::bench::{Line, Story};
    use crate::signals::shared::BROKER;

    const ID: &str = "aitm_relay";
    const CLAIMED: &str = r#""authenticationDetails":[{"authenticationMethod":"Previously satisfied","succeeded":true,"authenticationStepResultDetail":"MFA requirement satisfied by claim in the token"}]"#;

    fn relay() -> Line<'static> {
        Line {
            at: 60,
            address: "198.51.100.7",
            asn: 9009,
            mfa: true,
            ..Line::default()
        }
    }

    fn story() -> Story {
        Story::with_history("", &["ada@contoso.example"])
    }

    #[test]
    fn weighs_the_client() {
        let rows = [
            (relay(), Some(50)),
            (
                Line {
                    app: OFFICE_HOME,
                    ..relay()
                },
                Some(60),
            ),
            (
                Line {
                    app: BROKER,
                    ..relay()
                },
                Some(60),
            ),
            (
                Line {
                    mfa: false,
                    more: CLAIMED,
                    ..relay()
                },
                Some(50),
            ),
            // Near misses: one factor, stopped, another network, a managed device, a renewal with nothing before it.
            (
                Line {
                    mfa: false,
                    ..relay()
                },
                None,
            ),
            (
                Line {
                    code: 53003,
                    ..relay()
                },
                None,
            ),
            (
                Line {
                    asn: 64500,
                    ..relay()
                },
                None,
            ),
            (
                Line {
                    more: r#""deviceDetail":{"isCompliant":true}"#,
                    ..relay()
                },
                None,
            ),
            (
                Line {
                    interactive: false,
                    mfa: false,
                    ..relay()
                },
                None,
            ),
        ];
        for (line, points) in rows {
            let line = Line {
                request: "same",
                ..line
            };
            let mut story = story();
            assert_eq!(story.points(ID, &line), points, "{line:?}");
            assert_eq!(story.points(ID, &line), points, "twice: {line:?}");
            assert_eq!(Story::new("").points(ID, &line), None, "{line:?}");
        }
    }

    #[test]
    fn renewals_right_after_it_count() {
        for (at, points) in [(60, Some(60)), (660, Some(60)), (661, None)] {
            let mut story = story();
            story.see(&relay());
            let renewal = Line {
                at,
                interactive: false,
                mfa: false,
                ..relay()
            };
            assert_eq!(story.points(ID, &renewal), points, "{at}");
        }
    }

    #[test]
    fn who_has_long_used_a_rented_server_may_change_it() {
        let mut story = story();
        for at in [-100_000, -10_000] {
            story.see(&Line {
                at,
                asn: 14061,
                ..relay()
            });
        }
        assert_eq!(story.points(ID, &relay()), None);
        // And whoever has come through this one for long.
        assert_eq!(
            story.points(
                ID,
                &Line {
                    asn: 14061,
                    ..relay()
                }
            ),
            None
        );
    }
}

//! One session that goes on from another network: a cookie or token that was carried off.
//!
//! A session moves by itself as well, with a laptop that is carried into a café and a phone that leaves the Wi-Fi. So a
//! new network alone is little; another client under the same session, a rented server or a new country is what a
//! thief adds. Each strange sign-in is laid beside the others of its session on either side in time, so of a shuffled
//! pair the one that arrives last fires; a repeated one answers as before.
use super::prelude::*;
use super::{bad_network, shared};
use crate::state::user::User;

pub(super) const SIGNAL: Signal = Signal {
    id: "session_multi_ip",
    summary: "A session goes on from a network that is strange to the user",
    levels: &[&STOLEN, &JUMP, &ROAMED],
    techniques: card(&["T1539", "T1550.001", "T1550.004"]),
    false_positives: card(&[
        "A private VPN that is switched on, with an app that was not used before",
        "Apps that share the session of a device, first used at a new place",
        "Roaming abroad",
    ]),
    blind_spots: card(&[
        "A thief in a network of the user's own, or with the user agent of the victim in the same country",
        "Sessions that were last used more than two hours before",
        "Logs without session ids",
        "Devices that the tenant manages or that the user has long had",
    ]),
    references: card(&[
        "https://github.com/panther-labs/panther-analysis/blob/main/rules/azure_signin_rules/azure_graph_session_multiple_ips.yml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_entra_id_graph_single_session_from_multiple_addresses.toml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_entra_id_suspicious_oauth_flow_via_auth_broker_to_drs.toml",
        "https://github.com/splunk/security_content/blob/develop/detections/cloud/o365_concurrent_sessions_from_different_ips.yml",
    ]),
    options: &[&WINDOW_SECS],
    needs: Some(Key::User),
    check,
};

const STOLEN: Level = Level {
    name: "stolen",
    weight: Weight::High,
    points: Opt::points(
        "session_multi_ip.stolen_points",
        60,
        "Suspicious alone: Panther and Elastic fire on 2 addresses (medium, high); ours asks for two of client, server, country",
    ),
};
const JUMP: Level = Level {
    name: "jump",
    weight: Weight::Medium,
    points: Opt::points(
        "session_multi_ip.jump_points",
        25,
        "Our weight: one of other client, rented server and new country happens to travellers and users of a VPN",
    ),
};
const ROAMED: Level = Level {
    name: "roamed",
    weight: Weight::Low,
    points: Opt::points(
        "session_multi_ip.roamed_points",
        3,
        "Our weight: Elastic names roaming from Wi-Fi to mobile as a false positive",
    ),
};
const WINDOW_SECS: Opt = Opt::int(
    "session_multi_ip.window_secs",
    "seconds",
    7200,
    (10, 7200),
    "Our value: Panther looks at 60 minutes; tokens last up to 90, so a session in use is seen again within two hours",
);

/// One use of the session.
#[derive(Clone, Copy)]
struct Use {
    at: u32,
    agent: u32,
    address: u32,
    network: u32,
}

fn check(case: &Case) -> Option<Hit> {
    let known = case.user()?;
    let (user, _, event) = known;
    if event.session == 0 || event.network == 0 || !shared::is_through(event) {
        return None;
    }
    let secs = case.config.int(&WINDOW_SECS);
    let from = i64::from(user.recent.clock()) - secs;
    let elsewhere = |other: &Use| other.network != event.network && other.address != event.address;
    let others = || uses(user, event.session, from).filter(elsewhere);
    if i64::from(event.at) <= from || others().next().is_none() {
        return None;
    }
    let before = shared::before(known);
    let own_device = event.is(Traits::OWN_PLACE) || before.device == Familiarity::Known;
    if own_device {
        return None;
    }
    let strange = shared::is_strange(before.network) && !shared::is_microsoft(event.network);
    let came_before = others().any(|other| other.at <= event.at);
    let (stranger, abroad, is_new) = if strange && came_before {
        let this = Use {
            at: event.at,
            agent: event.agent,
            address: event.address,
            network: event.network,
        };
        let abroad = before.country == Familiarity::New;
        (this, abroad, before.network == Familiarity::New)
    } else {
        // This one arrives late: what the session did afterwards has been seen already.
        let after = others().find(|other| {
            other.at >= event.at
                && !shared::is_microsoft(other.network)
                && shared::is_strange(shared::network_at(user, other.network, other.at))
        });
        (after?, false, false)
    };
    let hosting = bad_network::is_hosting(case, stranger.network);
    let own = || uses(user, event.session, from).filter(|other| other.network != stranger.network);
    let client = stranger.agent != 0
        && own().any(|other| other.agent != 0)
        && !shared::is_client_of_elsewhere(user, stranger.agent, stranger.network);
    let said = |sign: bool, words: &'static str| if sign { words } else { "" };
    let level = match [hosting, client, abroad]
        .iter()
        .filter(|&&sign| sign)
        .count()
    {
        0 if !is_new => return None,
        0 => &ROAMED,
        1 => &JUMP,
        _ => &STOLEN,
    };
    case.hit(
        level,
        why!(
            "the session goes on from a strange network{}{}{}",
            said(hosting, " of a hosting provider"),
            said(client, ", other client"),
            said(abroad, ", new country"),
        ),
    )
}

/// The uses of a session since `from` that got through.
fn uses(user: &User, session: u32, from: i64) -> impl Iterator<Item = Use> + '_ {
    let recent = user.recent.all().iter();
    let recent = recent
        .filter(move |other| other.session == session && shared::is_through(other))
        .map(|other| Use {
            at: other.at,
            agent: other.agent,
            address: other.address,
            network: other.network,
        });
    let refreshes = user.refreshes.all().iter();
    let refreshes = refreshes
        .filter(move |other| other.session == session)
        .map(|other| Use {
            at: other.at,
            agent: other.agent,
            address: other.address,
            network: other.network,
        });
    recent
        .chain(refreshes)
        .filter(move |other| i64::from(other.at) > from && other.network != 0)
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "session_multi_ip";

    fn home(at: i64) -> Line<'static> {
        Line {
            at,
            session: "s",
            ..Line::default()
        }
    }

    fn away(at: i64) -> Line<'static> {
        Line {
            address: "198.51.100.7",
            asn: 64500,
            interactive: false,
            ..home(at)
        }
    }

    fn story() -> Story {
        Story::with_history("", &["ada@contoso.example"])
    }

    #[test]
    fn weighs_what_a_thief_adds() {
        let server = Line {
            asn: 9009,
            ..away(60)
        };
        let script = Line {
            agent: "python-requests/2.32",
            ..away(60)
        };
        let rows = [
            (
                Line {
                    agent: "node",
                    ..server
                },
                Some(60),
            ),
            (
                Line {
                    country: "NG",
                    ..script
                },
                Some(60),
            ),
            (
                Line {
                    interactive: true,
                    country: "NG",
                    ..server
                },
                Some(60),
            ),
            (server, Some(25)),
            (script, Some(25)),
            (
                Line {
                    country: "NG",
                    ..away(60)
                },
                Some(25),
            ),
            // Roaming: another network, the same client.
            (away(60), Some(3)),
            (Line { at: 7199, ..script }, Some(25)),
            (Line { at: 7200, ..script }, None),
            // Near misses: other sessions, no session, the user's own network, Microsoft's, a managed device, a
            // confidential client, a refused one.
            (
                Line {
                    session: "t",
                    ..script
                },
                None,
            ),
            (
                Line {
                    session: "",
                    ..script
                },
                None,
            ),
            (
                Line {
                    asn: 64496,
                    ..script
                },
                None,
            ),
            (
                Line {
                    asn: 8075,
                    ..script
                },
                None,
            ),
            (
                Line {
                    more: r#""deviceDetail":{"isManaged":true}"#,
                    ..script
                },
                None,
            ),
            (
                Line {
                    more: r#""clientCredentialType":"clientSecret""#,
                    ..script
                },
                None,
            ),
            (
                Line {
                    code: 53003,
                    more: r#""authenticationDetails":[]"#,
                    session: "t",
                    ..script
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
            assert_eq!(story.points(ID, &home(0)), None);
            assert_eq!(story.points(ID, &line), points, "{line:?}");
            assert_eq!(story.points(ID, &line), points, "twice: {line:?}");
        }
    }

    #[test]
    fn a_shuffled_pair_fires_and_the_user_goes_on_in_peace() {
        let thief = Line {
            agent: "node",
            asn: 9009,
            ..away(60)
        };
        let mut shuffled = story();
        assert_eq!(shuffled.points(ID, &thief), None);
        assert_eq!(shuffled.points(ID, &home(0)), Some(60));
        assert_eq!(shuffled.points(ID, &home(300)), None);
    }

    #[test]
    fn roaming_between_known_networks_is_silent() {
        let mut story = story();
        let mobile = Line {
            asn: 64499,
            ..Line::default()
        };
        for days in [-2, -1] {
            story.see(&Line {
                at: days * 86_400,
                ..mobile
            });
        }
        for step in 0..20 {
            let line = Line {
                asn: if step % 2 == 0 { 64496 } else { 64499 },
                address: if step % 2 == 0 {
                    "192.0.2.1"
                } else {
                    "192.0.2.9"
                },
                agent: if step % 3 == 0 { "Outlook" } else { "Teams" },
                interactive: false,
                ..home(i64::from(step) * 60)
            };
            assert_eq!(story.points(ID, &line), None, "{step}");
        }
    }
}

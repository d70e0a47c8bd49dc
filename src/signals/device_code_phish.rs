//! A device code typed by the victim and redeemed by somebody else.
//!
//! The phisher asks for a code and sends it on; the victim types it on Microsoft's own page, with every second factor in
//! place, and the tokens go to the phisher. What shows it is that the two halves come from different places. Steps are
//! laid side by side by event time in either order, so of a shuffled pair the one that arrives last fires; a repeated
//! one answers as before.
use super::prelude::*;
use super::shared::{self, BROKER};
use super::{bad_network, dev_tool_client};
use crate::state::flow;

pub(super) const SIGNAL: Signal = Signal {
    id: "device_code_phish",
    summary: "A device code was typed in one place and redeemed in another",
    levels: &[
        &ELSEWHERE,
        &OTHER_APP,
        &CONFIRMED,
        &NEW_PLACE,
        &CONFIRMED_TOOL,
    ],
    techniques: card(&["T1566.002", "T1528", "T1550.001"]),
    false_positives: card(&[
        "A command line on a new server, with the code typed on a laptop",
        "A meeting room or phone that is set up by an administrator",
    ]),
    blind_spots: card(&[
        "A phisher in a network of the user's own",
        "Logs without authenticationProtocol and originalTransferMethod, where the steps share no id",
        "Devices that the tenant manages or that the user has long had",
    ]),
    references: card(&[
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/credential_access_azure_entra_susp_device_code_signin.toml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_entra_id_device_code_auth_with_broker_client.toml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/MultipleDataSources/DeviceCodeSignInFromUnseenASN.yaml",
    ]),
    options: &[&WINDOW_SECS],
    needs: Some(Key::User),
    check,
};

const ELSEWHERE: Level = Level {
    name: "elsewhere",
    weight: Weight::High,
    points: Opt::points(
        "device_code_phish.elsewhere_points",
        60,
        "Suspicious alone: Elastic device code with concurrent sign-ins (high); to the broker, or at a rented server",
    ),
};
const OTHER_APP: Level = Level {
    name: "other_app",
    weight: Weight::High,
    points: Opt::points(
        "device_code_phish.other_app_points",
        40,
        "Review alone, suspicious with device_code_flow to Graph: a command line on a new server does the same",
    ),
};
const NEW_PLACE: Level = Level {
    name: "new_place",
    weight: Weight::Medium,
    points: Opt::points(
        "device_code_phish.new_place_points",
        30,
        "Review alone: Sentinel DeviceCodeSignInFromUnseenASN, one event",
    ),
};
const CONFIRMED: Level = Level {
    name: "confirmed",
    weight: Weight::Medium,
    points: Opt::points(
        "device_code_phish.confirmed_points",
        35,
        "Suspicious with device_code_flow: Microsoft's hunt for 50199 and then success in one session, by who never used a code before",
    ),
};
const CONFIRMED_TOOL: Level = Level {
    name: "confirmed_tool",
    weight: Weight::Medium,
    points: Opt::points(
        "device_code_phish.confirmed_tool_points",
        15,
        "Review with device_code_flow: the same for a developer's client, which developers sign in to so for good reasons",
    ),
};
const WINDOW_SECS: Opt = Opt::window(
    "device_code_phish.window_secs",
    3600,
    "Our value: a code lives for 15 minutes; an hour also finds the first renewals of what it gave",
);

fn check(case: &Case) -> Option<Hit> {
    two_places(case).or_else(|| confirmed(case))
}

/// The page that asks to confirm the app, and then a success by code, of a user with a history who never used a code
/// before. The record shows the victim's own place, where all else is as ever.
fn confirmed(case: &Case) -> Option<Hit> {
    let (user, _, event) = case.user()?;
    let first = event.is_success()
        && event.is(Traits::DEVICE_CODE)
        && event.is(Traits::INTERACTIVE)
        && user.has_history(event.at)
        && user.first_code >= event.at;
    if !first {
        return None;
    }
    let secs = case.config.int(&WINDOW_SECS);
    let page = |one: &Event| one.caused_by(Cause::AppConfirm) && flow::goes_on(one, event);
    let pages = user.recent.all().iter().filter(|one| page(one));
    let seconds = pages.map(|one| event.at - one.at).min()?;
    if i64::from(seconds) > secs {
        return None;
    }
    let tool = case
        .record
        .text(Field::AppId)
        .is_some_and(|app| dev_tool_client::name_of(app).is_some());
    case.hit(
        if tool { &CONFIRMED_TOOL } else { &CONFIRMED },
        why!(
            "50199 confirmed and a device code honoured {} s later, the user's first",
            seconds
        ),
    )
}

/// The two halves come from different places, or the second from a new one.
fn two_places(case: &Case) -> Option<Hit> {
    let known = case.user()?;
    let (user, _, event) = known;
    if !event.is_success() || !shared::is_through(event) || event.is(Traits::OWN_PLACE) {
        return None;
    }
    let secs = case.config.int(&WINDOW_SECS);
    let marked = event.is(Traits::DEVICE_CODE);
    let same = |one: u32, other: u32| one != 0 && one == other;
    let step = |other: &&Event| {
        let by_code = other.is(Traits::DEVICE_CODE)
            || other.caused_by(Cause::DeviceCode)
            || other.caused_by(Cause::AppConfirm);
        by_code
            && other.id != event.id
            && i64::from(event.at.abs_diff(other.at)) <= secs
            && (same(other.correlation, event.correlation)
                || same(other.session, event.session)
                || (marked && same(other.app, event.app)))
    };
    let steps = || user.recent.all().iter().filter(step);
    if !marked && steps().next().is_none() {
        return None;
    }
    let before = shared::before(known);
    if before.device == Familiarity::Known {
        return None;
    }
    let broker = shared::is_app(case.record, BROKER);
    let hosting = |network| bad_network::is_hosting(case, network);
    // Cloud shells and cloud desktops run in Microsoft's own network; the broker has no business there.
    let strange = |network: u32, familiarity| {
        shared::is_strange(familiarity) && (broker || !shared::is_microsoft(network))
    };
    let here = strange(event.network, before.network);
    let elsewhere = steps().find(|other| {
        // The one who asks for the code polls until it is typed.
        let polls = other.caused_by(Cause::DeviceCode)
            && strange(
                other.network,
                shared::network_at(user, other.network, other.at),
            );
        other.network != 0
            && event.network != 0
            && other.network != event.network
            && other.address != event.address
            && (here || polls)
    });
    if let Some(other) = elsewhere {
        let minutes = event.at.abs_diff(other.at) / 60;
        let why = why!(
            "device code typed in one network and redeemed in another, {} min apart",
            minutes
        );
        let level = if broker || hosting(event.network) || hosting(other.network) {
            &ELSEWHERE
        } else {
            &OTHER_APP
        };
        return case.hit(level, why);
    }
    if marked && here && before.network == Familiarity::New {
        return case.hit(&NEW_PLACE, "device code from a network new for the user");
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};
    use crate::signals::shared::{AZURE_CLI, BROKER};

    const ID: &str = "device_code_phish";
    const NOW: &str = r#""authenticationProtocol":"deviceCode""#;
    const LATER: &str = r#""originalTransferMethod":"deviceCodeFlow""#;

    /// The victim's page.
    fn typed(app: &'static str) -> Line<'static> {
        Line {
            at: 60,
            code: 50199,
            app,
            correlation: "c",
            ..Line::default()
        }
    }

    /// The phisher's token.
    fn redeemed(app: &'static str) -> Line<'static> {
        Line {
            at: 120,
            code: 0,
            address: "198.51.100.7",
            asn: 64500,
            more: NOW,
            ..typed(app)
        }
    }

    fn story() -> Story {
        Story::with_history("", &["ada@contoso.example"])
    }

    #[test]
    fn weighs_where_the_code_is_redeemed() {
        let later = Line {
            interactive: false,
            correlation: "other",
            more: LATER,
            ..redeemed(BROKER)
        };
        let rows = [
            (redeemed(BROKER), Some(60)),
            (later, Some(60)),
            (
                Line {
                    more: "",
                    ..redeemed(BROKER)
                },
                Some(60),
            ),
            (
                Line {
                    at: 3660,
                    ..redeemed(BROKER)
                },
                Some(60),
            ),
            (
                Line {
                    at: 3661,
                    ..redeemed(BROKER)
                },
                Some(30),
            ),
            (redeemed(AZURE_CLI), Some(40)),
            (
                Line {
                    asn: 9009,
                    ..redeemed(AZURE_CLI)
                },
                Some(60),
            ),
            // Where the success shows the victim's place.
            (
                Line {
                    address: "192.0.2.1",
                    asn: 64496,
                    ..redeemed(BROKER)
                },
                Some(35),
            ),
            // Where nothing but the first code speaks: a command line at a place of old. In
            // Microsoft's cloud, and on a managed device elsewhere, nothing ties the two together.
            (
                Line {
                    address: "192.0.2.1",
                    asn: 64496,
                    ..redeemed(AZURE_CLI)
                },
                Some(15),
            ),
            (
                Line {
                    asn: 64496,
                    ..redeemed(AZURE_CLI)
                },
                Some(15),
            ),
            (
                Line {
                    asn: 8075,
                    ..redeemed(AZURE_CLI)
                },
                None,
            ),
            (
                Line {
                    more: r#""authenticationProtocol":"deviceCode","deviceDetail":{"isManaged":true}"#,
                    ..redeemed(BROKER)
                },
                None,
            ),
            // Near misses: no device code, a wrong password.
            (
                Line {
                    more: "",
                    correlation: "other",
                    ..redeemed(BROKER)
                },
                None,
            ),
            (
                Line {
                    code: 50126,
                    ..redeemed(BROKER)
                },
                None,
            ),
        ];
        for (line, points) in rows {
            let app = line.app;
            let line = Line {
                request: "same",
                ..line
            };
            let mut story = story();
            assert_eq!(story.points(ID, &typed(app)), None);
            assert_eq!(story.points(ID, &line), points, "{line:?}");
            assert_eq!(story.points(ID, &line), points, "twice: {line:?}");
        }
    }

    #[test]
    fn a_poll_from_elsewhere_before_and_shuffled_steps_count() {
        let poll = Line {
            at: 10,
            code: 70016,
            interactive: false,
            ..redeemed(BROKER)
        };
        let success = Line {
            code: 0,
            at: 120,
            more: NOW,
            ..typed(BROKER)
        };
        let mut polled = story();
        assert_eq!(polled.points(ID, &poll), None);
        assert_eq!(polled.points(ID, &success), Some(60));
        let mut shuffled = story();
        assert_eq!(shuffled.points(ID, &redeemed(BROKER)), Some(30));
        let typed_late = Line {
            code: 0,
            more: NOW,
            ..typed(BROKER)
        };
        assert_eq!(shuffled.points(ID, &typed_late), None);
        assert_eq!(
            shuffled.points(
                ID,
                &Line {
                    at: 130,
                    ..redeemed(BROKER)
                }
            ),
            Some(60)
        );
    }

    #[test]
    fn the_first_code_of_a_user_is_told_from_later_ones() {
        let at_home = |app| Line {
            asn: 64496,
            address: "192.0.2.1",
            ..redeemed(app)
        };
        for (app, points) in [(BROKER, Some(35)), (AZURE_CLI, Some(15))] {
            let mut story = story();
            story.see(&typed(app));
            assert_eq!(story.points(ID, &at_home(app)), points, "{app}");
            let (page, success) = (typed(app), at_home(app));
            for days in 1..3 {
                let at = days * 86_400;
                story.see(&Line {
                    at: page.at + at,
                    ..page
                });
                let again = Line {
                    at: success.at + at,
                    ..success
                };
                assert_eq!(story.points(ID, &again), None, "{app}");
            }
        }
        // Nobody knows what a new user is used to.
        let mut fresh = Story::new("");
        fresh.see(&typed(BROKER));
        assert_eq!(fresh.points(ID, &at_home(BROKER)), None);
    }
}

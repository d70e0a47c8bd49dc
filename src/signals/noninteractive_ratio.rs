//! Many renewals of tokens from a network in which nobody ever signed in.
//!
//! Where a person works there is a person's sign-in now and then; where only a token is, there is none. A phone on a
//! new carrier looks the same, so the client has to be one that was not seen elsewhere, or the network a hosting
//! provider's. Counted in event time, in whatever order records arrive; one that is repeated does not count again.
use super::bad_network;
use super::prelude::*;
use super::shared::{self, Renewals};

pub(super) const SIGNAL: Signal = Signal {
    id: "noninteractive_ratio",
    summary: "Many renewals from a strange network in which nobody signed in",
    levels: &[&HOSTING, &MANY],
    techniques: card(&["T1550.001"]),
    false_positives: card(&[
        "A new device that synchronises at a new place",
        "A private VPN on a phone, for the hosting level",
    ]),
    blind_spots: card(&[
        "A thief who is patient, or signs in as well",
        "A thief with the user agent of the victim, outside of hosting networks",
        "Networks in which the user was for more than a day",
    ]),
    references: card(&[
        "https://github.com/splunk/security_content/blob/develop/detections/cloud/azure_ad_concurrent_sessions_from_different_ips.yml",
        "https://learn.microsoft.com/entra/identity/monitoring-health/concept-noninteractive-sign-ins",
    ]),
    options: &[&EVENTS_MIN, &WINDOW_SECS],
    needs: Some(Key::User),
    check,
};

const HOSTING: Level = Level {
    name: "hosting",
    weight: Weight::Medium,
    points: Opt::points(
        "noninteractive_ratio.hosting_points",
        25,
        "Our weight: nobody sits at a rented server, yet users of a private VPN seem to",
    ),
};
const MANY: Level = Level {
    name: "many",
    weight: Weight::Low,
    points: Opt::points(
        "noninteractive_ratio.many_points",
        8,
        "Our weight: no public rule counts it; a new phone at a new place does the same",
    ),
};
const EVENTS_MIN: Opt = Opt::int(
    "noninteractive_ratio.events_min",
    "renewals without a person's sign-in",
    10,
    (2, 32),
    "Our value: a mailbox and a chat client alone renew some four times an hour",
);
const WINDOW_SECS: Opt = Opt::int(
    "noninteractive_ratio.window_secs",
    "seconds",
    3600,
    (10, 7200),
    "Our value: an hour, about as long as a token lasts",
);

fn check(case: &Case) -> Option<Hit> {
    let Renewals {
        user,
        event,
        count: renewals,
        ..
    } = shared::strange_renewals(case, &WINDOW_SECS)?;
    if renewals < case.config.int(&EVENTS_MIN) {
        return None;
    }
    let in_person = |other: &Event| {
        other.network == event.network && other.is(Traits::INTERACTIVE) && shared::is_through(other)
    };
    if user.recent.all().iter().any(in_person) {
        return None;
    }
    let why = || {
        why!(
            "{} renewals and no sign-in from a strange network",
            renewals
        )
    };
    if bad_network::is_hosting(case, event.network) {
        return case.hit(&HOSTING, why());
    }
    if shared::is_client_of_elsewhere(user, event.agent, event.network) {
        return None;
    }
    case.hit(&MANY, why())
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    #[test]
    fn counts_renewals_where_nobody_signed_in() {
        let away = Line {
            address: "198.51.100.7",
            asn: 64500,
            agent: "python-requests/2.32",
            interactive: false,
            ..Line::default()
        };
        let home = Line::default();
        let rows = [
            (10, 60, away, Some(8)),
            (9, 60, away, None),
            (10, 399, away, Some(8)),
            (10, 400, away, None),
            (10, 60, Line { asn: 9009, ..away }, Some(25)),
            (
                10,
                60,
                Line {
                    asn: 9009,
                    agent: home.agent,
                    ..away
                },
                Some(25),
            ),
            // A phone of old on a new carrier, the user's own network, Microsoft's, a managed device, an app server.
            (
                10,
                60,
                Line {
                    agent: home.agent,
                    ..away
                },
                None,
            ),
            (10, 60, Line { asn: 64496, ..away }, None),
            (10, 60, Line { asn: 8075, ..away }, None),
            (
                10,
                60,
                Line {
                    more: r#""deviceDetail":{"isManaged":true}"#,
                    ..away
                },
                None,
            ),
            (
                10,
                60,
                Line {
                    more: r#""clientCredentialType":"clientSecret""#,
                    ..away
                },
                None,
            ),
        ];
        let id = "noninteractive_ratio";
        for (count, step, like, points) in rows {
            let mut story = Story::with_history("", &["ada@contoso.example"]);
            story.see(&home);
            let mut last = None;
            // The newest arrives first.
            for number in (0..count).rev() {
                let line = Line {
                    at: 60 + number * step,
                    request: ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9"]
                        [usize::try_from(number).unwrap()],
                    ..like
                };
                last = story.points(id, &line);
                let twice = story.points(id, &line);
                assert_eq!(last, twice, "{count} {step} {like:?}");
            }
            // Of a window that is too long the oldest, which came last, is outside.
            assert_eq!(last, points, "{count} {step} {like:?}");
        }
    }

    #[test]
    fn a_sign_in_there_explains_it() {
        let mut story = Story::with_history("", &["ada@contoso.example"]);
        let away = Line {
            asn: 9009,
            address: "198.51.100.7",
            ..Line::default()
        };
        story.see(&away);
        for at in 1..15 {
            let line = Line {
                at,
                interactive: false,
                ..away
            };
            assert_eq!(story.points("noninteractive_ratio", &line), None);
        }
    }
}

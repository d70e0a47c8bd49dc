//! Tokens are renewed from another network right after a person signed in: a token that was taken along.
//!
//! A client that moves, as from Wi-Fi to a carrier, does the same under its own user agent, so the client has to be one
//! that was not seen elsewhere, or the network a hosting provider's. Counted in event time, in whatever order records
//! arrive; one that is repeated does not count again.
use super::bad_network;
use super::prelude::*;
use super::shared::{self, Renewals};

pub(super) const SIGNAL: Signal = Signal {
    id: "token_replay",
    summary: "Tokens are renewed from another network right after a sign-in",
    levels: &[&ELSEWHERE, &SESSION, &SEEN],
    techniques: card(&["T1550.001", "T1539"]),
    false_positives: card(&[
        "A VPN that is switched on right after signing in, with other apps",
        "A second device that begins to synchronise at a new place",
    ]),
    blind_spots: card(&[
        "A thief in the same provider's network, or with the user agent of the victim at home",
        "Few requests, or the first only after the window",
        "Confidential clients, whose address is not theirs",
    ]),
    references: card(&[
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/MultipleDataSources/SignInASNMismatchInteractiveVsNonInteractive.yaml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/MultipleDataSources/AnomalousTokenIssuanceAfterAiTM.yaml",
        "https://github.com/splunk/security_content/blob/develop/detections/cloud/azure_ad_concurrent_sessions_from_different_ips.yml",
    ]),
    options: &[&SOON_SECS, &EVENTS_MIN, &WINDOW_SECS],
    needs: Some(Key::User),
    check,
};

const SESSION: Level = Level {
    name: "session",
    weight: Weight::High,
    points: Opt::points(
        "token_replay.session_points",
        45,
        "Review alone, suspicious with session_multi_ip, which sees the same: the session of the sign-in goes on elsewhere",
    ),
};
const ELSEWHERE: Level = Level {
    name: "elsewhere",
    weight: Weight::High,
    points: Opt::points(
        "token_replay.elsewhere_points",
        60,
        "Suspicious alone: so many renewals, in another country or at a hosting provider, by a client not seen elsewhere",
    ),
};
const SEEN: Level = Level {
    name: "seen",
    weight: Weight::Medium,
    points: Opt::points(
        "token_replay.seen_points",
        25,
        "Our weight: Sentinel has it as a hunt, since VPNs and proxies do the same",
    ),
};
const SOON_SECS: Opt = Opt::int(
    "token_replay.soon_secs",
    "seconds from sign-in to first renewal",
    600,
    (10, 7200),
    "Sentinel SignInASNMismatchInteractiveVsNonInteractive: 10 minutes",
);
const EVENTS_MIN: Opt = Opt::int(
    "token_replay.events_min",
    "renewals from there",
    6,
    (1, 32),
    "Our value, more than five: Sentinel fires on 1, which every changed proxy makes",
);
const WINDOW_SECS: Opt = Opt::int(
    "token_replay.window_secs",
    "seconds",
    3600,
    (10, 7200),
    "Our value: an hour in which renewals are counted; what a token opens is renewed hourly",
);

fn check(case: &Case) -> Option<Hit> {
    let Renewals {
        user,
        event,
        first,
        count: renewals,
    } = shared::strange_renewals(case, &WINDOW_SECS)?;
    if renewals < case.config.int(&EVENTS_MIN) {
        return None;
    }
    if shared::is_client_of_elsewhere(user, event.agent, event.network)
        && !bad_network::is_hosting(case, event.network)
    {
        return None;
    }
    let sign_in = |other: &&Event| {
        other.is_success() && other.is(Traits::INTERACTIVE) && shared::is_through(other)
    };
    let sign_ins = || user.recent.all().iter().filter(sign_in);
    // Who signed in here as well has moved.
    if sign_ins().any(|other| other.network == event.network) {
        return None;
    }
    let soon = case.config.int(&SOON_SECS);
    let opened = sign_ins().rev().find(|other| {
        let gap = i64::from(first.at) - i64::from(other.at);
        other.network != 0 && other.address != event.address && (0..=soon).contains(&gap)
    })?;
    let minutes = first.at.saturating_sub(opened.at) / 60;
    let same = |other: &Event| event.session != 0 && other.session == event.session;
    let hosting = bad_network::is_hosting(case, event.network);
    let abroad = event.country != 0 && opened.country != 0 && event.country != opened.country;
    let (level, whose) = if hosting || abroad {
        (&ELSEWHERE, "tokens")
    } else if sign_ins().any(same) {
        (&SESSION, "its session")
    } else {
        (&SEEN, "tokens")
    };
    case.hit(
        level,
        why!(
            "{} renewed {} times from a strange network, begun {} min after a sign-in",
            whose,
            renewals,
            minutes
        ),
    )
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "token_replay";

    fn home() -> Line<'static> {
        Line {
            session: "s",
            mfa: true,
            ..Line::default()
        }
    }

    fn away(at: i64) -> Line<'static> {
        Line {
            at,
            address: "198.51.100.7",
            asn: 64500,
            agent: "python-requests/2.32",
            interactive: false,
            ..Line::default()
        }
    }

    fn last(lines: &[Line]) -> Option<i64> {
        let mut story = Story::with_history("", &["ada@contoso.example"]);
        let mut last = None;
        for line in lines {
            last = story.points(ID, line);
        }
        last
    }

    fn renewals(count: usize, from: i64, like: Line<'static>) -> Vec<Line<'static>> {
        let mut lines = vec![home()];
        lines.extend((0..count).map(|number| Line {
            at: from + i64::try_from(number).unwrap(),
            ..like
        }));
        lines
    }

    #[test]
    fn counts_renewals_from_a_strange_network() {
        let same = Line {
            session: "s",
            ..away(0)
        };
        let rows = [
            (6, 60, away(0), Some(25)),
            (5, 60, away(0), None),
            (6, 60, same, Some(45)),
            (6, 600, away(0), Some(25)),
            (6, 601, away(0), None),
            // The same client has moved: silent, unless to a rented server.
            (
                6,
                60,
                Line {
                    agent: home().agent,
                    ..same
                },
                None,
            ),
            (
                6,
                60,
                Line {
                    agent: home().agent,
                    asn: 9009,
                    ..same
                },
                Some(60),
            ),
            (
                6,
                60,
                Line {
                    country: "BR",
                    ..away(0)
                },
                Some(60),
            ),
            // Near misses: the user's own network, a confidential client, a managed device, Microsoft's network.
            (6, 60, Line { asn: 64496, ..same }, None),
            (
                6,
                60,
                Line {
                    more: r#""clientCredentialType":"clientSecret""#,
                    ..same
                },
                None,
            ),
            (
                6,
                60,
                Line {
                    more: r#""deviceDetail":{"isManaged":true}"#,
                    ..same
                },
                None,
            ),
            (6, 60, Line { asn: 8075, ..same }, None),
        ];
        for (count, from, like, points) in rows {
            let lines = renewals(count, from, like);
            assert_eq!(last(&lines), points, "{count} {from} {like:?}");
        }
    }

    #[test]
    fn order_does_not_matter_and_repeats_do_not_count() {
        let mut lines = renewals(6, 60, away(0));
        lines.swap(0, 3);
        lines.swap(2, 5);
        assert_eq!(last(&lines), Some(25));
        let twice = Line {
            request: "same",
            ..away(60)
        };
        let mut lines = renewals(4, 60, away(0));
        lines.extend([twice; 3]);
        assert_eq!(last(&lines), None);
        lines.push(away(70));
        lines.extend([twice; 2]);
        assert_eq!(last(&lines), Some(25));
    }

    #[test]
    fn who_signs_in_there_as_well_has_moved() {
        let mut lines = renewals(6, 60, away(0));
        let moved = Line {
            interactive: true,
            ..away(50)
        };
        lines.insert(1, moved);
        assert_eq!(last(&lines), None);
    }
}

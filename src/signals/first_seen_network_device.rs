//! A network or device that the user was never seen with.
//!
//! Each alone is a new carrier or a new phone; both at once, on a device that nobody manages, is how a stranger looks
//! who was not asked for a second factor.
//! What is new is learnt by the first success. Of shuffled records the first to arrive fires; a repeated one answers
//! as before.
use super::prelude::*;
use super::shared;
use crate::state::timeline::Seen;

pub(super) const SIGNAL: Signal = Signal {
    id: "first_seen_network_device",
    summary: "Network or device that is new for the user",
    levels: &[&BOTH, &DEVICE, &NETWORK],
    techniques: card(&["T1078.004"]),
    false_positives: card(&[
        "A new phone, laptop or carrier",
        "Hotels, trains and customers' networks",
        "A private window of the browser, which has no device id",
    ]),
    blind_spots: card(&[
        "Users known for less than a day",
        "An attacker in the same provider's network",
        "Users of so many networks that some had to be forgotten, for the network alone",
    ]),
    references: card(&[
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/persistence_entra_id_user_signed_in_from_unusual_device.toml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Detections/SigninLogs/AnomalousSingleFactorSignin.yaml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Detections/SigninLogs/PrivilegedUserLogonfromnewASN.yaml",
    ]),
    options: &[],
    needs: Some(Key::User),
    check,
};

const BOTH: Level = Level {
    name: "both",
    weight: Weight::Medium,
    points: Opt::points(
        "first_seen_network_device.both_points",
        15,
        "Our weight: Sentinel AnomalousSingleFactorSignin (low) asks for a new network without a device id",
    ),
};
const DEVICE: Level = Level {
    name: "device",
    weight: Weight::Low,
    points: Opt::points(
        "first_seen_network_device.device_points",
        6,
        "Our weight: Elastic user_signed_in_from_unusual_device, one event, of low severity",
    ),
};
const NETWORK: Level = Level {
    name: "network",
    weight: Weight::Low,
    points: Opt::points(
        "first_seen_network_device.network_points",
        4,
        "Our weight: Sentinel uses a new network alone for privileged users only",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    let known = case.user()?;
    let (user, _, event) = known;
    if !shared::is_through(event) {
        return None;
    }
    let before = shared::before(known);
    let network = before.network == Familiarity::New && !shared::is_microsoft(event.network);
    let device = before.device == Familiarity::New;
    if !network && !device {
        return None;
    }
    // Who came with a device id for long comes without one.
    let missing = event.device == 0 && user.devices.all().iter().any(Seen::is_settled);
    // What was stopped in a new place is what `valid_creds_interrupted` counts.
    if network
        && (device || missing)
        && event.is_success()
        && event.is(Traits::INTERACTIVE)
        && !event.is(Traits::MFA_GIVEN)
        && !event.is(Traits::OWN_PLACE)
    {
        return case.hit(&BOTH, "network and device are new for the user");
    }
    if device {
        return case.hit(&DEVICE, "the device is new for the user");
    }
    if user.networks.is_full() {
        return None;
    }
    case.hit(&NETWORK, "the network is new for the user")
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ADA: &str = "ada@contoso.example";
    const LAPTOP: &str = r#""deviceDetail":{"deviceId":"laptop"}"#;

    #[test]
    fn weighs_network_and_device() {
        let home = Line {
            at: 60,
            more: LAPTOP,
            ..Line::default()
        };
        let away = Line {
            address: "198.51.100.7",
            asn: 64500,
            ..home
        };
        let other = r#""deviceDetail":{"deviceId":"other"}"#;
        let rows = [
            (
                Line {
                    more: other,
                    ..away
                },
                Some(15),
            ),
            (Line { more: "", ..away }, Some(15)),
            (
                Line {
                    code: 50074,
                    more: other,
                    ..away
                },
                Some(6),
            ),
            (
                Line {
                    more: other,
                    ..home
                },
                Some(6),
            ),
            (
                Line {
                    more: r#""deviceDetail":{"deviceId":"other","isManaged":true}"#,
                    ..away
                },
                Some(6),
            ),
            (
                Line {
                    interactive: false,
                    more: "",
                    ..away
                },
                Some(4),
            ),
            (away, Some(4)),
            (
                Line {
                    mfa: true,
                    more: "",
                    ..away
                },
                Some(4),
            ),
            // Near misses: all as ever, a wrong password, Microsoft's network.
            (home, None),
            (Line { more: "", ..home }, None),
            (
                Line {
                    code: 50126,
                    more: other,
                    ..away
                },
                None,
            ),
            (Line { asn: 8075, ..away }, None),
        ];
        for (line, points) in rows {
            let mut story = Story::with_history("", &[ADA]);
            for at in [-180_000, -80_000] {
                story.see(&Line { at, ..home });
            }
            let line = Line {
                request: "same",
                ..line
            };
            let id = "first_seen_network_device";
            assert_eq!(story.points(id, &line), points, "{line:?}");
            assert_eq!(story.points(id, &line), points, "twice: {line:?}");
            if line.code == 0 {
                let next = Line {
                    at: 90,
                    request: "next",
                    ..line
                };
                assert_eq!(story.points(id, &next), None, "{line:?}");
            }
        }
    }

    #[test]
    fn another_network_means_little_to_who_has_many() {
        let mut story = Story::with_history("", &[ADA]);
        let mut last = None;
        for number in 0..20 {
            last = story.points(
                "first_seen_network_device",
                &Line {
                    at: i64::from(number) * 600,
                    asn: 64500 + number,
                    ..Line::default()
                },
            );
            assert_eq!(last, (number < 11).then_some(4), "{number}");
        }
        assert_eq!(last, None);
    }
}

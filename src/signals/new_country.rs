//! The right password, or a sign-in that got through, from a country new to the user.
//!
//! Most people are in one country for months, so the first sign-in from another is worth a note; who travels shows a
//! second factor or a device of the tenant there. The country is learnt by the first success, so it fires a few times
//! and not for the whole journey. Of shuffled records the first to arrive fires; a repeated one answers as before.
use super::prelude::*;
use super::shared;
use super::why::Part;

pub(super) const SIGNAL: Signal = Signal {
    id: "new_country",
    summary: "Right password from a country that is new for the user",
    levels: &[&GOT_IN, &SEEN, &STOPPED],
    techniques: card(&["T1078.004"]),
    false_positives: card(&[
        "Travel",
        "A VPN exit, or a phone that roams",
        "Wrong countries in the provider's table of addresses",
    ]),
    blind_spots: card(&[
        "An attacker in the user's own country, or behind a proxy there",
        "Users known for less than a day",
        "A country that the user has been to",
    ]),
    references: card(&[
        "https://github.com/Azure/Azure-Sentinel/blob/master/Detections/SigninLogs/NewCountryValidCreds.yaml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Detections/SigninLogs/AuthenticationAttemptfromNewCountry.yaml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/o365/initial_access_entra_id_portal_login_atypical_travel.toml",
    ]),
    options: &[],
    needs: Some(Key::User),
    check,
};

const GOT_IN: Level = Level {
    name: "got_in",
    weight: Weight::Medium,
    points: Opt::points(
        "new_country.got_in_points",
        15,
        "Our weight: Elastic and Sentinel fire on one event (medium), yet every traveller is one",
    ),
};
const SEEN: Level = Level {
    name: "seen",
    weight: Weight::Low,
    points: Opt::points(
        "new_country.seen_points",
        6,
        "Our weight: a second factor, a device or network of the user's own or a refresh speaks for travel",
    ),
};
const STOPPED: Level = Level {
    name: "stopped",
    weight: Weight::Low,
    points: Opt::points(
        "new_country.stopped_points",
        2,
        "Our weight: valid_creds_interrupted counts a right password that was stopped in a new place",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    let known = case.user()?;
    let event = known.2;
    if event.country == 0 || !shared::is_through(event) {
        return None;
    }
    let before = shared::before(known);
    if before.country != Familiarity::New {
        return None;
    }
    let alone = event.is_success()
        && event.is(Traits::INTERACTIVE)
        && !event.is(Traits::MFA_GIVEN)
        && !event.is(Traits::OWN_PLACE)
        && before.network != Familiarity::Known
        && before.device != Familiarity::Known;
    let country = Part::Country(event.country);
    if alone {
        return case.hit(&GOT_IN, why!("got in from {}, new for the user", country));
    }
    let level = if event.is_success() { &SEEN } else { &STOPPED };
    case.hit(level, why!("{} is new for the user", country))
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ADA: &str = "ada@contoso.example";

    #[test]
    fn fires_on_the_first_from_a_country() {
        let abroad = Line {
            at: 60,
            address: "198.51.100.7",
            asn: 64500,
            country: "FR",
            ..Line::default()
        };
        let rows = [
            (abroad, Some(15)),
            (
                Line {
                    mfa: true,
                    ..abroad
                },
                Some(6),
            ),
            (
                Line {
                    code: 50074,
                    ..abroad
                },
                Some(2),
            ),
            (
                Line {
                    interactive: false,
                    ..abroad
                },
                Some(6),
            ),
            (
                Line {
                    asn: 64496,
                    ..abroad
                },
                Some(6),
            ),
            (
                Line {
                    more: r#""deviceDetail":{"isCompliant":true}"#,
                    ..abroad
                },
                Some(6),
            ),
            // Near misses: a wrong password, home, no country, a confidential client.
            (
                Line {
                    code: 50126,
                    ..abroad
                },
                None,
            ),
            (
                Line {
                    country: "DE",
                    ..abroad
                },
                None,
            ),
            (
                Line {
                    country: "",
                    ..abroad
                },
                None,
            ),
            (
                Line {
                    interactive: false,
                    more: r#""clientCredentialType":"clientSecret""#,
                    ..abroad
                },
                None,
            ),
        ];
        for (line, points) in rows {
            let mut story = Story::with_history("", &[ADA]);
            assert_eq!(story.points("new_country", &line), points, "{line:?}");
            let again = Line {
                request: "again",
                at: 90,
                ..line
            };
            let first = Line {
                request: "again",
                ..line
            };
            let mut story = Story::with_history("", &[ADA]);
            story.see(&first);
            assert_eq!(story.points("new_country", &first), points, "{line:?}");
            // Learnt by getting in.
            let next = points.filter(|_| line.code != 0);
            assert_eq!(story.points("new_country", &again), next, "{line:?}");
            // Without history nothing is new.
            assert_eq!(Story::new("").points("new_country", &line), None);
        }
    }
}

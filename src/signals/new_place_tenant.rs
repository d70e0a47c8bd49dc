//! A right password from a country or network where nobody of the tenant ever got in.
//!
//! What is new for one user may be an office of the tenant; what is new for all of them is a traveller or a stranger.
//! Only a password that was right counts, as wrong ones come from everywhere. It goes by what was known when the record
//! arrived: of two that arrive out of order the first says it, and one delivered twice does not say it again once
//! somebody got in.
use super::prelude::*;
use super::why::Part;

pub(super) const SIGNAL: Signal = Signal {
    id: "new_place_tenant",
    summary: "Right password from where nobody of the tenant ever got in",
    levels: &[&COUNTRY, &NETWORK],
    techniques: card(&["T1078.004"]),
    false_positives: card(&[
        "The first traveller to a country, a new hotel or carrier",
        "A new office",
    ]),
    blind_spots: card(&[
        "The first day, and tenants of more than 512 networks",
        "Places where any other user got in, and proxies in the tenant's own countries",
        "Devices that the tenant manages",
    ]),
    references: card(&[
        "https://github.com/Azure/Azure-Sentinel/blob/master/Detections/SigninLogs/AuthenticationAttemptfromNewCountry.yaml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Detections/SigninLogs/AnomalousSingleFactorSignin.yaml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/SigninLogs/new_locations_azuread_signin.yaml",
    ]),
    options: &[],
    needs: Some(Key::Tenant),
    check,
};

const COUNTRY: Level = Level {
    name: "country",
    weight: Weight::Medium,
    points: Opt::points(
        "new_place_tenant.country_points",
        15,
        "Our weight: Sentinel AuthenticationAttemptfromNewCountry (medium); low because somebody always travels",
    ),
};
const NETWORK: Level = Level {
    name: "network",
    weight: Weight::Low,
    points: Opt::points(
        "new_place_tenant.network_points",
        5,
        "Our weight: Sentinel AnomalousSingleFactorSignin uses it only together with other things",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    let (_, before, event) = case.tenant()?;
    let country = before.country == Familiarity::New;
    if !country && before.network != Familiarity::New {
        return None;
    }
    // Workloads move between data centres, see service_principal_anomaly.
    let not_a_stranger = [Traits::OWN_PLACE, Traits::CONFIDENTIAL, Traits::WORKLOAD];
    if !(event.is_success() || event.is(Traits::PROVED))
        || not_a_stranger.iter().any(|&other| event.is(other))
    {
        return None;
    }
    if country {
        let letters = Part::Country(event.country);
        return case.hit(
            &COUNTRY,
            why!("nobody of the tenant ever got in from {}", letters),
        );
    }
    let network = case.record.asn();
    match network {
        Some(asn) => case.hit(
            &NETWORK,
            why!("nobody of the tenant ever got in from network {}", asn),
        ),
        None => case.hit(
            &NETWORK,
            "nobody of the tenant ever got in from this network",
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "new_place_tenant";
    const ADA: &str = "ada@contoso.example";

    #[test]
    fn fires_on_right_passwords_from_new_places() {
        let at_home = Line {
            at: 60,
            ..Line::default()
        };
        let abroad = Line {
            country: "BR",
            asn: 64499,
            ..at_home
        };
        let rows = [
            (at_home, None),
            (abroad, Some(15)),
            (
                Line {
                    asn: 64499,
                    ..at_home
                },
                Some(5),
            ),
            (
                Line {
                    code: 50074,
                    ..abroad
                },
                Some(15),
            ),
            (
                Line {
                    code: 53003,
                    ..abroad
                },
                Some(15),
            ),
            (
                Line {
                    interactive: false,
                    ..abroad
                },
                Some(15),
            ),
            // Near misses: nobody had the password, or it is not said where it was.
            (
                Line {
                    code: 50126,
                    ..abroad
                },
                None,
            ),
            (
                Line {
                    code: 50058,
                    ..abroad
                },
                None,
            ),
            (
                Line {
                    country: "",
                    asn: 64496,
                    ..abroad
                },
                None,
            ),
            // A device of the tenant on a journey, and a server that is not where the user is.
            (
                Line {
                    more: r#""deviceDetail":{"isManaged":true}"#,
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
            assert_eq!(story.points(ID, &line), points, "{line:?}");
        }
    }

    #[test]
    fn only_until_somebody_got_in() {
        let mut story = Story::with_history("", &[ADA]);
        let abroad = |at, code, request| Line {
            at,
            code,
            request,
            country: "BR",
            ..Line::default()
        };
        for (line, points) in [
            (abroad(60, 50074, "a"), Some(15)),
            (abroad(60, 50074, "a"), Some(15)),
            (abroad(90, 0, "b"), Some(15)),
            (abroad(90, 0, "b"), None),
            (abroad(99, 0, "c"), None),
            // It happened before, and arrives later.
            (abroad(30, 0, "d"), None),
        ] {
            assert_eq!(story.points(ID, &line), points, "{line:?}");
        }
    }

    #[test]
    fn a_young_tenant_has_no_new_places() {
        for (at, points) in [(86_399, None), (86_400, Some(15))] {
            let mut story = Story::new("");
            story.see(&Line::default());
            let line = Line {
                at,
                country: "BR",
                ..Line::default()
            };
            assert_eq!(story.points(ID, &line), points, "{at}");
        }
    }
}

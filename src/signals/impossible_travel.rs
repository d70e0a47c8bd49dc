//! Two sign-ins of one user too far apart for the time between them.
//!
//! A person is in one place at a time; a thief with the same password is in another. Neighbours in event time are
//! compared, and only where at least one of the two places is not the user's own: VPN exits and carriers' hubs put
//! people far from where they are, every day in the same way. Shuffled records are compared with the neighbour on
//! either side, so of a pair the one that arrives last fires; a repeated one answers as the first did.
use super::prelude::*;
use super::shared;
use crate::state::flow;
use crate::state::user::{User, has_degrees};

pub(super) const SIGNAL: Signal = Signal {
    id: "impossible_travel",
    summary: "Two sign-ins too far apart for the time between them",
    levels: &[&DISTANCE, &COUNTRIES, &INLAND],
    techniques: card(&["T1078.004"]),
    false_positives: card(&[
        "A VPN or secure web gateway that is switched on for the first time",
        "Mobile carriers whose hub stands in another city",
        "Wrong places in the provider's table of addresses",
    ]),
    blind_spots: card(&[
        "An attacker in the same region, or behind a proxy there",
        "Places that have become the user's own, and devices that the tenant manages",
        "Refreshes of a stolen token, see token_replay and session_multi_ip",
        "Office 365 audit records, which do not say whether a person was there",
    ]),
    references: card(&[
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/initial_access_entra_id_signin_impossible_travel.toml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/o365/initial_access_entra_id_portal_login_impossible_travel.toml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/SigninLogs/UserLoginIPAddressTeleportation.yaml",
    ]),
    options: &[&KM_MIN, &SPEED_MIN, &WINDOW_SECS, &COUNTRIES_SECS],
    needs: Some(Key::User),
    check,
};

const DISTANCE: Level = Level {
    name: "distance",
    weight: Weight::Medium,
    points: Opt::points(
        "impossible_travel.distance_points",
        40,
        "Review alone: Elastic entra_id_signin_impossible_travel (high there); a VPN switched on looks the same",
    ),
};
const COUNTRIES: Level = Level {
    name: "countries",
    weight: Weight::Medium,
    points: Opt::points(
        "impossible_travel.countries_points",
        30,
        "Review alone: Elastic portal_login_impossible_travel and Sentinel's teleportation; without coordinates a border is enough",
    ),
};
const INLAND: Level = Level {
    name: "inland",
    weight: Weight::Low,
    points: Opt::points(
        "impossible_travel.inland_points",
        10,
        "Our weight: within one country it is mostly a carrier's hub",
    ),
};
const KM_MIN: Opt = Opt::int(
    "impossible_travel.km_min",
    "kilometres",
    500,
    (50, 20_000),
    "Elastic entra_id_signin_impossible_travel: 500 km",
);
const SPEED_MIN: Opt = Opt::int(
    "impossible_travel.speed_min",
    "kilometres an hour",
    1000,
    (100, 100_000),
    "Our value: Elastic asks for 800 within 90 minutes; over a longer window a jet with tail wind makes more than 900",
);
const WINDOW_SECS: Opt = Opt::window(
    "impossible_travel.window_secs",
    43_200,
    "Our value: Elastic looks back 90 minutes; half a day is what half the globe takes at that speed",
);
const COUNTRIES_SECS: Opt = Opt::window(
    "impossible_travel.countries_secs",
    600,
    "Sentinel's teleportation: 2 countries within 10 minutes; Elastic for Office 365 takes 15",
);

fn check(case: &Case) -> Option<Hit> {
    let (user, before, event) = case.user()?;
    if !is_sign_in(event) {
        return None;
    }
    let network = shared::before((user, before, event)).network;
    let away = !event.is(Traits::OWN_PLACE) && network != Familiarity::Known;
    let compared = |other: &&Event| {
        other.id != event.id
            && is_sign_in(other)
            && !flow::goes_on(other, event)
            && !flow::goes_on(event, other)
    };
    let recent = user.recent.all();
    let split = recent.partition_point(|other| other.at <= event.at);
    let (earlier, later) = recent.split_at_checked(split)?;
    let earlier = earlier.iter().rev().find(compared);
    let later = later.iter().find(compared);
    [earlier, later]
        .into_iter()
        .flatten()
        .filter(|other| away || is_away(user, other))
        .find_map(|other| apart(case, event, other))
}

/// A person with the right password, from where the address is.
fn is_sign_in(event: &Event) -> bool {
    event.is(Traits::INTERACTIVE)
        && shared::is_through(event)
        && !shared::is_microsoft(event.network)
        && (event.country != 0 || has_degrees(event))
}

fn is_away(user: &User, event: &Event) -> bool {
    !event.is(Traits::OWN_PLACE)
        && shared::network_at(user, event.network, event.at) != Familiarity::Known
}

/// The hit of two sign-ins, where nobody could have travelled from one to the other.
fn apart(case: &Case, event: &Event, other: &Event) -> Option<Hit> {
    let gap = i64::from(event.at.abs_diff(other.at));
    let minutes = gap / 60;
    let same_country = event.country == other.country;
    if !has_degrees(event) || !has_degrees(other) {
        let crossed = !same_country && event.country != 0 && other.country != 0;
        let soon = gap <= case.config.int(&COUNTRIES_SECS);
        return (crossed && soon)
            .then(|| case.hit(&COUNTRIES, why!("two countries within {} min", minutes)))
            .flatten();
    }
    if gap > case.config.int(&WINDOW_SECS) {
        return None;
    }
    let km = distance_km(event, other);
    if km < case.config.int(&KM_MIN) || km * 3600 < case.config.int(&SPEED_MIN) * gap {
        return None;
    }
    let level = if same_country && event.country != 0 {
        &INLAND
    } else {
        &DISTANCE
    };
    case.hit(
        level,
        why!("{} km from another sign-in {} min apart", km, minutes),
    )
}

/// Distance over the globe, by the haversine formula.
///
/// Made of sums, products and one square root, whose bits are the same everywhere; the sines of mathematical
/// libraries are not.
fn distance_km(one: &Event, other: &Event) -> i64 {
    const EARTH_KM: f64 = 6371.0;
    let (north, other_north) = (i32::from(one.latitude), i32::from(other.latitude));
    let east = (i32::from(one.longitude) - i32::from(other.longitude)).abs();
    let cosine = |latitude: i32| 1.0 - 2.0 * half_sine_squared(latitude);
    let chord = half_sine_squared(north - other_north)
        + cosine(north) * cosine(other_north) * half_sine_squared(east.min(36_000 - east));
    let km = 2.0 * EARTH_KM * arc_sine(chord.clamp(0.0, 1.0).sqrt());
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most half of the way around the globe"
    )]
    let km = km as i64;
    km
}

/// The square of the sine of half an angle, which is at most 180 degrees, in hundredths.
fn half_sine_squared(hundredths: i32) -> f64 {
    let x = f64::from(hundredths) * (std::f64::consts::PI / 36_000.0);
    let y = x * x;
    // Taylor's series; the rest is below 0.000004 at a right angle.
    let sine = x * (1.0 - y / 6.0 * (1.0 - y / 20.0 * (1.0 - y / 42.0 * (1.0 - y / 72.0))));
    sine * sine
}

/// The angle of a sine from 0 to 1: Abramowitz and Stegun, 4.4.45, within 0.00007 (500 m).
fn arc_sine(x: f64) -> f64 {
    let poly = 1.570_728_8 + x * (-0.212_114_4 + x * (0.074_261 - x * 0.018_729_3));
    std::f64::consts::FRAC_PI_2 - (1.0 - x).sqrt() * poly
}

#[cfg(test)]
mod tests {
    use super::distance_km;
    use crate::signals::bench::{Line, Story};
    use crate::state::event::Event;

    const ADA: &str = "ada@contoso.example";
    const BERLIN: &str = r#""location":{"countryOrRegion":"DE","geoCoordinates":{"latitude":52.52,"longitude":13.40}}"#;
    const MUNICH: &str = r#""location":{"countryOrRegion":"DE","geoCoordinates":{"latitude":48.13,"longitude":11.58}}"#;
    const ROME: &str = r#""location":{"countryOrRegion":"IT","geoCoordinates":{"latitude":41.89,"longitude":12.48}}"#;
    const SINGAPORE: &str = r#""location":{"countryOrRegion":"SG","geoCoordinates":{"latitude":1.35,"longitude":103.82}}"#;
    const KIEL: &str = r#""location":{"countryOrRegion":"DE","geoCoordinates":{"latitude":54.32,"longitude":10.13}}"#;
    const NOWHERE: &str = r#""location":{"countryOrRegion":"SG"}"#;
    const MANAGED: &str = r#""deviceDetail":{"isManaged":true},"location":{"countryOrRegion":"SG","geoCoordinates":{"latitude":1.35,"longitude":103.82}}"#;

    fn home(at: i64) -> Line<'static> {
        Line {
            at,
            more: BERLIN,
            ..Line::default()
        }
    }

    fn away(at: i64, more: &'static str) -> Line<'static> {
        Line {
            at,
            address: "198.51.100.7",
            asn: 64500,
            app: "another",
            more,
            ..Line::default()
        }
    }

    #[test]
    fn distances_are_those_of_the_globe() {
        let rows = [
            ((5252, 1340), (5252, 1340), 0),
            ((5252, 1340), (4813, 1158), 504),
            ((5252, 1340), (135, 10382), 9916),
            ((5003, 856), (3762, -12238), 9150),
            ((0, 17900), (0, -17900), 222),
            ((0, 0), (0, 18000), 20015),
            ((9000, 0), (-9000, 100), 20015),
        ];
        for (one, other, km) in rows {
            let mut events = [one, other].map(|(latitude, longitude)| {
                let line =
                    r#"{"category":"SignInLogs","time":"2026-03-02T08:00:00Z","properties":{}}"#;
                let mut scratch = crate::input::Scratch::default();
                let Ok(crate::input::View::Record(record)) =
                    crate::input::view(line, "x", &mut scratch)
                else {
                    panic!("a record");
                };
                let event = Event::of(
                    &record,
                    &crate::state::Names::of(&record),
                    &crate::classify::classify(&record),
                    false,
                );
                Event {
                    latitude,
                    longitude,
                    ..event.unwrap()
                }
            });
            let found = distance_km(&events[0], &events[1]);
            assert!((found - km).abs() <= 5, "{one:?} {other:?}: {found}");
            events.swap(0, 1);
            assert_eq!(found, distance_km(&events[0], &events[1]));
        }
    }

    #[test]
    fn weighs_distance_and_time() {
        let far = |at| away(at, SINGAPORE);
        let rows = [
            // 9916 km: 35 697 seconds at 1000 km/h.
            (far(1800), Some(40)),
            (far(35_690), Some(40)),
            (far(35_710), None),
            // A real flight takes longer than half a day from door to door.
            (far(46_800), None),
            (away(1800, ROME), Some(40)),
            // 504 km within one country; 305 km are too few.
            (away(1700, MUNICH), Some(10)),
            (away(60, KIEL), None),
            // Without coordinates: two countries within minutes.
            (away(600, NOWHERE), Some(30)),
            (away(601, NOWHERE), None),
            (away(60, r#""location":{"countryOrRegion":"DE"}"#), None),
            // Near misses: a managed device, a wrong password, nobody there, Microsoft's own network.
            (away(1800, MANAGED), None),
            (
                Line {
                    code: 50126,
                    ..far(1800)
                },
                None,
            ),
            (
                Line {
                    code: 50074,
                    ..far(1800)
                },
                Some(40),
            ),
            (
                Line {
                    interactive: false,
                    ..far(1800)
                },
                None,
            ),
            (
                Line {
                    asn: 8075,
                    ..far(1800)
                },
                None,
            ),
            // A network of old: the VPN's exit.
            (
                Line {
                    asn: 64496,
                    ..far(1800)
                },
                None,
            ),
        ];
        for (line, points) in rows {
            let mut story = Story::with_history("", &[ADA]);
            story.see(&home(0));
            assert_eq!(story.points("impossible_travel", &line), points, "{line:?}");
            // Delivered twice it answers the same.
            assert_eq!(story.points("impossible_travel", &line), points, "{line:?}");
        }
    }

    #[test]
    fn of_a_shuffled_pair_the_later_arrival_fires_and_the_user_goes_on_in_peace() {
        let mut story = Story::with_history("", &[ADA]);
        assert_eq!(
            story.points("impossible_travel", &away(1800, SINGAPORE)),
            None
        );
        assert_eq!(story.points("impossible_travel", &home(0)), Some(40));
        assert_eq!(story.points("impossible_travel", &home(3600)), Some(40));
        let next = Line {
            app: "third",
            ..home(7200)
        };
        assert_eq!(story.points("impossible_travel", &next), None);
    }
}

//! The password was right, something else stopped the sign-in, and the user was never there before.
//!
//! A second factor or a policy that stops a stolen password leaves a record that looks like any other interrupt. The
//! place tells them apart: users are mostly where they were before. Once the user got in from there the place is known,
//! so records that arrive late or twice can only make it quieter.
use super::prelude::*;
use super::shared::{is_earlier_session, is_stopped};

pub(super) const SIGNAL: Signal = Signal {
    id: "valid_creds_interrupted",
    summary: "Right password stopped at a place that is new to the user",
    levels: &[&NEW_COUNTRY, &HOSTING, &NEW_COUNTRY_OPEN, &NEW_NETWORK],
    techniques: card(&["T1078.004", "T1110.004"]),
    false_positives: card(&[
        "The first sign-in of a journey, before the second factor is given",
        "A VPN that is used for the first time",
        "A change of carrier, or a mobile network that hands out addresses of another country",
    ]),
    blind_spots: card(&[
        "Users without a history",
        "An attacker in the user's own country and network",
        "Codes that do not tell whether the password was right, such as 50053 and 50057",
    ]),
    references: card(&[
        "https://github.com/Azure/Azure-Sentinel/blob/master/Detections/SigninLogs/NewCountryValidCreds.yaml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/SigninPasswordSpray.yaml",
    ]),
    options: &[],
    needs: Some(Key::User),
    check,
};

const NEW_COUNTRY: Level = Level {
    name: "new_country",
    weight: Weight::Medium,
    points: Opt::points(
        "valid_creds_interrupted.new_country_points",
        30,
        "Review alone: Sentinel NewCountryValidCreds (medium), one event",
    ),
};
const HOSTING: Level = Level {
    name: "hosting",
    weight: Weight::Medium,
    points: Opt::points(
        "valid_creds_interrupted.hosting_points",
        40,
        "Review alone, suspicious with what goes along: people seldom sit at a hosting provider, still less at a new one; our weight",
    ),
};
const NEW_COUNTRY_OPEN: Level = Level {
    name: "new_country_open",
    weight: Weight::Medium,
    points: Opt::points(
        "valid_creds_interrupted.new_country_open_points",
        15,
        "Half of new_country: the second factor may still be given, as by every traveller on the first day",
    ),
};
const NEW_NETWORK: Level = Level {
    name: "new_network",
    weight: Weight::Low,
    points: Opt::points(
        "valid_creds_interrupted.new_network_points",
        8,
        "Our weight: hotels, cafes and phones change networks every day",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    let (_, before, event) = case.user()?;
    let typed = case.class.told.password_right && event.is(Traits::PROVED) && !event.is_success();
    let told = typed && !event.is(Traits::WORKLOAD) && !is_page(event);
    let stopped = is_stopped(event) || told;
    if !stopped
        || before.completed
        || is_earlier_session(case)
        || event.is(Traits::OWN_PLACE)
        || event.is(Traits::CONFIDENTIAL)
    {
        return None;
    }
    let new_country = before.country == Familiarity::New;
    let new_network = before.network == Familiarity::New;
    // A device that is known by its id proves itself: the user is travelling.
    if !(new_country || new_network) || before.device == Familiarity::Known {
        return None;
    }
    // A device whose password has run out, or whose account is closed, tries again by itself wherever it is.
    let by_itself = matches!(event.code, 50055 | 50057 | 50144);
    let ended = case.class.cause.label();
    let asns = super::bad_network::SIGNAL.options.iter();
    let hosting = || {
        let asn = case.record.asn()?;
        let mut asns = asns.filter(|opt| matches!(opt.kind, Kind::Asns { .. }));
        asns.any(|opt| case.config.has_asn(opt, asn)).then_some(())
    };
    let (level, what) = match (new_country, new_network) {
        (true, true) if !by_itself && event.is_failure() => (&NEW_COUNTRY, "country"),
        (_, true) if !by_itself && hosting().is_some() => (&HOSTING, "hosting provider"),
        (true, true) if !by_itself => (&NEW_COUNTRY_OPEN, "country"),
        (_, true) => (&NEW_NETWORK, "network"),
        // A network that the user knows, with exits in several countries.
        _ => (&NEW_NETWORK, "country, from a known network,"),
    };
    case.hit(
        level,
        why!(
            "right password, stopped ({}); the {} is new for the user",
            ended,
            what
        ),
    )
}

/// Whether only a page after all factors stopped it.
fn is_page(event: &Event) -> bool {
    [Cause::KmsiPrompt, Cause::AppConfirm, Cause::Consent]
        .iter()
        .any(|&cause| event.caused_by(cause))
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "valid_creds_interrupted";
    const ADA: &str = "ada@contoso.example";

    fn away(code: u32) -> Line<'static> {
        Line {
            code,
            address: "203.0.113.7",
            asn: 64511,
            country: "BR",
            ..Line::default()
        }
    }

    #[test]
    fn weighs_the_place() {
        const MANAGED: &str = r#""deviceDetail":{"isManaged":true}"#;
        const RIGHT: &str = r#""authenticationDetails":[{"authenticationMethod":"Password","succeeded":true,"authenticationStepResultDetail":"Correct password"}]"#;
        let near = |code| Line {
            country: "DE",
            ..away(code)
        };
        let hosted = |line| Line { asn: 9009, ..line };
        let roaming = Line {
            asn: 64496,
            ..away(50074)
        };
        let with = |code, more| Line { more, ..away(code) };
        let token = |more| Line {
            interactive: false,
            ..with(50076, more)
        };
        let home = Line {
            code: 50074,
            ..Line::default()
        };
        let rows = [
            (away(50074), Some(15)),
            (away(50079), Some(15)),
            (away(500121), Some(30)),
            (away(53003), Some(30)),
            (away(53000), Some(30)),
            (hosted(away(50074)), Some(40)),
            (hosted(away(53003)), Some(30)),
            (hosted(near(50074)), Some(40)),
            (near(50074), Some(8)),
            (roaming, Some(8)),
            // A dead device tries again by itself.
            (away(50055), Some(8)),
            (with(50057, RIGHT), Some(8)),
            (away(50057), None),
            // A token was right, not a password, unless the steps say so.
            (token(""), None),
            (token(RIGHT), Some(15)),
            // Near misses: the user's place and device, the password not looked at or wrong, pages after all factors.
            (home, None),
            (with(50074, MANAGED), None),
            (away(50058), None),
            (away(50126), None),
            (away(50140), None),
            (away(65001), None),
            (away(0), None),
        ];
        for (line, points) in rows {
            let mut story = Story::with_history("", &[ADA]);
            let shown = (line.code, line.asn, line.country, line.more);
            assert_eq!(story.points(ID, &line), points, "{shown:?}");
            // Delivered again: the same answer.
            let again = Line {
                request: "request-3",
                ..line
            };
            assert_eq!(story.points(ID, &again), points, "{shown:?} again");
            // A user without history.
            assert_eq!(Story::new("").points(ID, &line), None, "{shown:?} new");
        }
    }

    #[test]
    fn silent_once_the_user_got_in() {
        let done = Line {
            at: 20,
            mfa: true,
            ..away(0)
        };
        // In order, and with the success first.
        for (lines, points) in [
            (
                [
                    away(50074),
                    done,
                    Line {
                        at: 900,
                        ..away(50074)
                    },
                ],
                [Some(15), None, None],
            ),
            (
                [
                    done,
                    away(50074),
                    Line {
                        at: 900,
                        ..away(50074)
                    },
                ],
                [None, None, None],
            ),
        ] {
            let mut story = Story::with_history("", &[ADA]);
            assert_eq!(lines.map(|line| story.points(ID, &line)), points);
        }
    }

    #[test]
    fn a_device_that_is_known_travels() {
        let mut story = Story::with_history("", &[ADA]);
        let device = r#""deviceDetail":{"deviceId":"d1"}"#;
        for days in [-2, -1] {
            story.see(&Line {
                at: days * 86_400,
                more: device,
                mfa: true,
                ..Line::default()
            });
        }
        let line = Line {
            more: device,
            ..away(50074)
        };
        assert_eq!(story.points(ID, &line), None);
    }

    #[test]
    fn hosting_networks_are_the_operators() {
        let mut story = Story::with_history(r#"{"bad_network.asns":[64511]}"#, &[ADA]);
        let line = Line {
            country: "DE",
            ..away(50074)
        };
        assert_eq!(story.points(ID, &line), Some(40));
    }
}

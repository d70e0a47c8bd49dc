//! One user gets in from several networks within half an hour.
//!
//! Networks count and not addresses: IPv4 beside IPv6 and a carrier's changing addresses are one network. At least one
//! has to be strange, since office, home and phone are nobody's finding. Windows are of event time, so shuffled
//! records fire too; a repeated one does not count again.
use super::prelude::*;
use super::shared;

pub(super) const SIGNAL: Signal = Signal {
    id: "multi_ip_user",
    summary: "Got in from several networks within half an hour",
    levels: &[&MANY, &SEVERAL],
    techniques: card(&["T1078.004"]),
    false_positives: card(&[
        "A phone beside a laptop, on the first day at a new place",
        "A VPN that is switched on or off",
    ]),
    blind_spots: card(&[
        "Networks that have become the user's own",
        "Users known for less than a day",
        "One network only, as of one provider",
    ]),
    references: card(&[
        "https://github.com/splunk/security_content/blob/develop/detections/cloud/azure_ad_successful_authentication_from_different_ips.yml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/credential_access_entra_id_suspicious_signin.toml",
    ]),
    options: &[&NETWORKS_MIN, &MANY_MIN, &WINDOW_SECS],
    needs: Some(Key::User),
    check,
};

const MANY: Level = Level {
    name: "many",
    weight: Weight::Medium,
    points: Opt::points(
        "multi_ip_user.many_points",
        20,
        "Our weight: nobody changes strange networks so fast but through proxies",
    ),
};
const SEVERAL: Level = Level {
    name: "several",
    weight: Weight::Low,
    points: Opt::points(
        "multi_ip_user.several_points",
        6,
        "Our weight: Splunk successful_authentication_from_different_ips (risk 56) is noisy alone",
    ),
};
const NETWORKS_MIN: Opt = Opt::int(
    "multi_ip_user.networks_min",
    "networks, of which one is strange",
    2,
    (2, 48),
    "Splunk successful_authentication_from_different_ips: more than 1 address",
);
const MANY_MIN: Opt = Opt::int(
    "multi_ip_user.many_min",
    "strange networks",
    3,
    (2, 48),
    "Our value: laptop and phone at a new place make 2",
);
const WINDOW_SECS: Opt = Opt::window(
    "multi_ip_user.window_secs",
    1800,
    "Splunk successful_authentication_from_different_ips: 30 minutes",
);

fn check(case: &Case) -> Option<Hit> {
    let (user, _, event) = case.user()?;
    let counts = |other: &&Event| {
        other.is_success()
            && other.is(Traits::INTERACTIVE)
            && other.network != 0
            && shared::is_through(other)
            && !shared::is_microsoft(other.network)
    };
    if !counts(&event) || !user.has_history(event.at) {
        return None;
    }
    let recent = shared::lately(case, &WINDOW_SECS)?;
    let sign_ins = || recent.iter().filter(counts);
    if sign_ins().all(|other| other.network == event.network) {
        return None;
    }
    let strange = |other: &&Event| {
        !other.is(Traits::OWN_PLACE)
            && shared::is_strange(shared::network_at(user, other.network, other.at))
    };
    // The user's own sign-ins that come after are for `user_in_attack`; what arrives late completes the picture.
    let part = strange(&event) || sign_ins().filter(strange).any(|other| other.at >= event.at);
    if !part {
        return None;
    }
    let networks = shared::distinct(sign_ins().map(|other| other.network));
    let strangers = shared::distinct(sign_ins().filter(strange).map(|other| other.network));
    let minutes = case.config.int(&WINDOW_SECS) / 60;
    if strangers >= case.config.int(&MANY_MIN) {
        return case.hit(
            &MANY,
            why!(
                "got in from {} strange networks within {} min",
                strangers,
                minutes
            ),
        );
    }
    if networks < case.config.int(&NETWORKS_MIN) {
        return None;
    }
    case.hit(
        &SEVERAL,
        why!("got in from {} networks within {} min", networks, minutes),
    )
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    fn line(at: i64, asn: u32) -> Line<'static> {
        Line {
            at,
            asn,
            ..Line::default()
        }
    }

    /// Seconds and network of each sign-in, and the points of the last.
    type Row = (&'static [(i64, u32)], Option<i64>);

    #[test]
    fn counts_strange_networks_in_the_window() {
        let rows: [Row; 9] = [
            (&[(0, 64496), (1799, 64500)], Some(6)),
            (&[(0, 64496), (1800, 64500)], None),
            (&[(0, 64500), (60, 64501)], Some(6)),
            (&[(0, 64500), (60, 64501), (90, 64502)], Some(20)),
            // One strange network, however many addresses; Microsoft's; the user goes on at home.
            (&[(0, 64500), (60, 64500)], None),
            (&[(0, 64496), (60, 8075)], None),
            (&[(0, 64500), (60, 64496)], None),
            // Shuffled.
            (&[(60, 64500), (0, 64496)], Some(6)),
            (&[(60, 64500), (90, 64501), (0, 64502)], Some(20)),
        ];
        for (lines, points) in rows {
            let mut story = Story::with_history("", &["ada@contoso.example"]);
            let mut last = None;
            for (at, asn) in lines {
                last = story.points("multi_ip_user", &line(*at, *asn));
            }
            assert_eq!(last, points, "{lines:?}");
        }
    }

    #[test]
    fn new_users_refreshes_and_repeats_do_not_count() {
        let mut story = Story::new("");
        for asn in 64500..64510 {
            assert_eq!(story.points("multi_ip_user", &line(60, asn)), None);
        }
        let mut story = Story::with_history("", &["ada@contoso.example"]);
        story.see(&line(0, 64496));
        let silent = [
            Line {
                interactive: false,
                ..line(60, 64500)
            },
            Line {
                code: 50126,
                ..line(60, 64501)
            },
        ];
        for one in silent {
            assert_eq!(story.points("multi_ip_user", &one), None);
        }
        let twice = Line {
            request: "same",
            ..line(60, 64500)
        };
        for _ in 0..3 {
            assert_eq!(story.points("multi_ip_user", &twice), Some(6));
        }
    }
}

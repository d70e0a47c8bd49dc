//! Many refused passwords on one user.
//!
//! Guessing comes fast and from elsewhere. A phone that keeps an old password looks the same in numbers, for hours, but
//! comes from the user's own networks with one user agent. Refused are first factors that were wrong, and tries at a
//! locked account. Late and shuffled records count where they belong in time; one delivered twice counts once.
use super::prelude::*;
use super::shared::{count, distinct, is_carried, is_foreign, is_own, is_refused, lately};

pub(super) const SIGNAL: Signal = Signal {
    id: "brute_force_user",
    summary: "Many refused passwords on one user",
    levels: &[&GUESSING, &MANY, &STEADY],
    techniques: card(&["T1110.001", "T1110.004"]),
    false_positives: card(&[
        "A phone, mail client or service that keeps an old password, above all while its user travels",
        "A user who comes back from a holiday and does not remember",
        "A test that signs in with a wrong password on purpose",
    ]),
    blind_spots: card(&[
        "Guessing that stays below the numbers, or pauses longer than the window",
        "An attacker in a network of the user's own, such as the same home provider",
        "Few tries on each of many users: password_spray_ip, distributed_spray",
    ]),
    references: card(&[
        "https://github.com/splunk/security_content/blob/develop/detections/cloud/azure_ad_high_number_of_failed_authentications_for_user.yml",
        "https://github.com/panther-labs/panther-analysis/blob/main/rules/azure_signin_rules/azure_failed_signins.yml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/credential_access_entra_id_brute_force_activity.toml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/FailedLogonToAzurePortal.yaml",
    ]),
    options: &[&FAST_MIN, &FAST_SECS, &SLOW_MIN, &SLOW_SECS],
    needs: Some(Key::User),
    check,
};

const GUESSING: Level = Level {
    name: "guessing",
    weight: Weight::High,
    points: Opt::points(
        "brute_force_user.guessing_points",
        60,
        "Suspicious alone: fast, and not from a place of the user's; public rules (medium) do not know the places",
    ),
};
const MANY: Level = Level {
    name: "many",
    weight: Weight::Medium,
    points: Opt::points(
        "brute_force_user.many_points",
        35,
        "Review alone: Panther, Splunk and Sentinel (medium) go by the number; a device with an old password does it too",
    ),
};
const STEADY: Level = Level {
    name: "steady",
    weight: Weight::Low,
    points: Opt::points(
        "brute_force_user.steady_points",
        5,
        "Our weight: Elastic and Sigma name old passwords in devices and services as the false positive",
    ),
};
const FAST_MIN: Opt = Opt::int(
    "brute_force_user.fast_min",
    "refused sign-ins",
    10,
    (2, 40),
    "Panther azure_failed_signins: 10; it counts every code, here refused first factors only",
);
const FAST_SECS: Opt = Opt::window(
    "brute_force_user.fast_secs",
    600,
    "Panther azure_failed_signins, Splunk: 10 minutes",
);
const SLOW_MIN: Opt = Opt::int(
    "brute_force_user.slow_min",
    "refused sign-ins",
    20,
    (2, 40),
    "Sentinel FailedLogonToAzurePortal: 20 a day",
);
const SLOW_SECS: Opt = Opt::window(
    "brute_force_user.slow_secs",
    86_400,
    "Sentinel FailedLogonToAzurePortal: a day",
);

fn check(case: &Case) -> Option<Hit> {
    let (user, _, event) = case.user()?;
    // The secret of a workload is too long to be guessed: it has run out.
    if !is_refused(event) || event.is(Traits::WORKLOAD) {
        return None;
    }
    let own = is_own(user, event, event.at);
    let refused = |window| {
        let recent = lately(case, window).unwrap_or(&[]).iter();
        recent.filter(|one| is_refused(one) && is_own(user, one, event.at) == own)
    };
    let number = |opt| case.config.int(opt);
    let fast = count(refused(&FAST_SECS));
    let slow = count(refused(&SLOW_SECS));
    let is_fast = fast >= number(&FAST_MIN);
    if !is_fast && slow < number(&SLOW_MIN) {
        return None;
    }
    let (tried, window) = if is_fast {
        (fast, &FAST_SECS)
    } else {
        (slow, &SLOW_SECS)
    };
    let addresses = distinct(refused(window).map(|one| one.address));
    let agents = distinct(refused(window).map(|one| one.agent));
    // Without a history one device and many guesses cannot be told apart but by their tempo.
    // Two addresses of one network are one line with IPv4 and IPv6.
    let networks = distinct(refused(window).map(|one| one.network));
    let elsewhere = is_foreign(user, event, event.at) || networks > 1 || agents > 1;
    let level = match (own, is_fast, elsewhere) {
        (false, true, true) => &GUESSING,
        (false, true, false) => &MANY,
        (false, false, true) if !is_carried(user, event) => &MANY,
        _ => &STEADY,
    };
    case.hit(
        level,
        why!(
            "{} refused within {} min, {} addresses, {} user agents",
            tried,
            number(window) / 60,
            addresses,
            agents
        ),
    )
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "brute_force_user";
    const ADA: &str = "ada@contoso.example";
    const AWAY: [&str; 2] = ["203.0.113.7", "203.0.113.8"];

    fn away(number: i64, apart: i64) -> Line<'static> {
        Line {
            at: number * apart,
            code: 50126,
            address: AWAY[0],
            asn: 64511,
            country: "BR",
            ..Line::default()
        }
    }

    fn last<'a>(history: bool, lines: impl Iterator<Item = Line<'a>>) -> Option<i64> {
        let mut story = if history {
            Story::with_history("", &[ADA])
        } else {
            Story::new("")
        };
        lines.fold(None, |_, line| story.points(ID, &line))
    }

    #[test]
    fn counts_by_place_and_tempo() {
        let rows = [
            // history, tries, seconds apart, points
            (true, 9, 60, None),
            (true, 10, 66, Some(60)),
            (true, 10, 67, None),
            (true, 19, 600, None),
            (true, 20, 600, Some(35)),
            // One device or many guesses of a user without history: by tempo.
            (false, 9, 60, None),
            (false, 10, 60, Some(35)),
            (false, 20, 600, Some(5)),
        ];
        for (history, tries, apart, points) in rows {
            let lines = || (0..tries).map(|number| away(number, apart));
            assert_eq!(last(history, lines()), points, "{history} {tries} {apart}");
            assert_eq!(last(history, lines().rev()), points, "the last first");
        }
        let two = |number, networks| Line {
            address: AWAY[usize::try_from(number % 2).unwrap()],
            asn: 64511 + u32::try_from(number % networks).unwrap(),
            ..away(number, 60)
        };
        let lines = |networks| (0..10).map(move |number| two(number, networks));
        assert_eq!(last(false, lines(2)), Some(60));
        // One line with IPv4 and IPv6.
        assert_eq!(last(false, lines(1)), Some(35));
    }

    #[test]
    fn counts_refused_first_factors_only() {
        let rows = [
            (50126, Some(60)),
            (50053, Some(60)),
            (50056, Some(60)),
            // What other rules count by mistake.
            (50140, None),
            (50074, None),
            (70043, None),
            (500121, None),
            (53003, None),
            (50057, None),
        ];
        for (code, points) in rows {
            let lines = (0..12).map(|number| Line {
                code,
                ..away(number, 30)
            });
            assert_eq!(last(true, lines), points, "{code}");
        }
    }

    #[test]
    fn a_phone_with_an_old_password_stays_low() {
        let home = |number: i64, apart| Line {
            address: "192.0.2.1",
            asn: 64496,
            country: "DE",
            interactive: false,
            ..away(number, apart)
        };
        assert_eq!(last(true, (0..19).map(|number| home(number, 900))), None);
        assert_eq!(last(true, (0..40).map(|number| home(number, 900))), Some(5));
        assert_eq!(last(true, (0..40).map(|number| home(number, 10))), Some(5));
        // It goes along on a journey.
        let mut story = Story::with_history("", &[ADA]);
        for number in 0..3 {
            story.see(&home(number, 900));
        }
        for number in 3..30 {
            let hit = story.points(ID, &away(number, 900));
            assert!(hit.is_none_or(|points| points == 5), "{number}");
        }
    }

    #[test]
    fn a_record_delivered_twice_counts_once_and_an_old_one_is_not_part_of_it() {
        let again = (0..30).map(|_| Line {
            request: "same",
            ..away(0, 0)
        });
        assert_eq!(last(true, again), None);
        let mut story = Story::with_history("", &[ADA]);
        for number in 0..10 {
            story.see(&away(number + 100, 30));
        }
        assert_eq!(story.points(ID, &away(1, 30)), None);
    }
}

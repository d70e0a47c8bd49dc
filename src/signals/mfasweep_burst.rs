//! One user and address, many apps and user agents within minutes: somebody looks for a way in without a second factor.
//!
//! Tools such as `MFASweep` try a password at every service and as every kind of device, because policies leave gaps.
//! People use few user agents at one address within minutes. Late and shuffled records count where they belong in time,
//! so the burst is seen by the last one to arrive; one delivered twice counts once.
use super::prelude::*;
use super::shared::{count, distinct, is_own, lately};

pub(super) const SIGNAL: Signal = Signal {
    id: "mfasweep_burst",
    summary: "Right password tried at many apps with many user agents from one address",
    levels: &[&FOUND_GAP, &SWEEP],
    techniques: card(&["T1078.004", "T1556.006"]),
    false_positives: card(&[
        "Tests of Conditional Access policies by an administrator",
        "The day on which somebody sets up several devices at once",
    ]),
    blind_spots: card(&[
        "A sweep over several addresses, or slower than the window",
        "A tool that uses one user agent throughout",
        "A device that the tenant manages, or a network that it trusts",
    ]),
    references: card(&[
        "https://github.com/splunk/security_content/blob/develop/detections/cloud/azure_ad_multiple_appids_and_useragents_authentication_spike.yml",
        "https://github.com/dafthack/MFASweep",
    ]),
    options: &[&RECORDS_MIN, &APPS_MIN, &AGENTS_MIN, &WINDOW_SECS],
    needs: Some(Key::User),
    check,
};

const FOUND_GAP: Level = Level {
    name: "found_gap",
    weight: Weight::High,
    points: Opt::points(
        "mfasweep_burst.found_gap_points",
        80,
        "Suspicious alone: as below, and one of them got in on one factor",
    ),
};
const SWEEP: Level = Level {
    name: "sweep",
    weight: Weight::High,
    points: Opt::points(
        "mfasweep_burst.sweep_points",
        60,
        "Suspicious alone: Splunk calls rapid genuine use highly unlikely",
    ),
};
const RECORDS_MIN: Opt = Opt::int(
    "mfasweep_burst.records_min",
    "records",
    6,
    (2, 40),
    "Splunk azure_ad_multiple_appids_and_useragents_authentication_spike: more than 5",
);
const APPS_MIN: Opt = Opt::int(
    "mfasweep_burst.apps_min",
    "apps",
    3,
    (1, 40),
    "Splunk: more than 2",
);
const AGENTS_MIN: Opt = Opt::int(
    "mfasweep_burst.agents_min",
    "user agents",
    5,
    (1, 40),
    "Splunk asks for more than 5; MFASweep brings six, of which one may be missing here",
);
const WINDOW_SECS: Opt = Opt::window("mfasweep_burst.window_secs", 300, "Splunk: 5 minutes");

fn check(case: &Case) -> Option<Hit> {
    let (user, _, event) = case.user()?;
    if event.address == 0 || !is_try(event) {
        return None;
    }
    let recent = lately(case, &WINDOW_SECS)?;
    let tries = || {
        recent.iter().filter(|one| {
            one.address == event.address
                && is_try(one)
                // At home, sign-ins that were completed and clients that go on by themselves are everyday life.
                && !((one.is(Traits::COMPLETED) || one.is(Traits::NON_INTERACTIVE))
                    && is_own(user, one, event.at))
        })
    };
    let number = |opt| case.config.int(opt);
    let records = count(tries());
    if records < number(&RECORDS_MIN) {
        return None;
    }
    let apps = distinct(tries().map(|one| one.app));
    let agents = distinct(tries().map(|one| one.agent));
    if apps < number(&APPS_MIN) || agents < number(&AGENTS_MIN) {
        return None;
    }
    let (level, what) = if tries().any(Event::is_success) {
        (&FOUND_GAP, ", and got in")
    } else {
        (&SWEEP, "")
    };
    case.hit(
        level,
        why!(
            "{} tries at {} apps with {} user agents within {} min{}",
            records,
            apps,
            agents,
            number(&WINDOW_SECS) / 60,
            what
        ),
    )
}

/// Whether the password was right and something stopped it, or one factor was enough.
fn is_try(event: &Event) -> bool {
    let got_in = event.is_success()
        && event.is(Traits::SINGLE_FACTOR)
        && !event.is(Traits::MFA_CLAIMED)
        && !event.is(Traits::NON_INTERACTIVE);
    let page = [Cause::KmsiPrompt, Cause::SessionExpired];
    let stopped = !event.is_success()
        && event.is(Traits::PROVED)
        && !page.iter().any(|&cause| event.caused_by(cause));
    (got_in || stopped)
        && !event.is(Traits::OWN_PLACE)
        && !event.is(Traits::CONFIDENTIAL)
        && !event.is(Traits::WORKLOAD)
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "mfasweep_burst";
    const ADA: &str = "ada@contoso.example";
    const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

    /// `records` tries, `apart` seconds from each other, over so many apps and agents.
    fn sweep(records: usize, apps: usize, agents: usize, apart: i64) -> Vec<Line<'static>> {
        let at = |number: usize| i64::try_from(number).unwrap() * apart;
        (0..records)
            .map(|number| Line {
                at: at(number),
                code: 50076,
                address: "203.0.113.7",
                asn: 64511,
                app: NAMES[number % apps],
                agent: NAMES[number % agents],
                ..Line::default()
            })
            .collect()
    }

    fn last<'a>(lines: impl IntoIterator<Item = Line<'a>>) -> Option<i64> {
        let mut story = Story::with_history("", &[ADA]);
        lines
            .into_iter()
            .fold(None, |_, line| story.points(ID, &line))
    }

    #[test]
    fn counts_records_apps_and_agents() {
        let rows = [
            (6, 3, 5, 10, Some(60)),
            (5, 3, 5, 10, None),
            (6, 2, 5, 10, None),
            (6, 3, 4, 10, None),
            (6, 3, 6, 59, Some(60)),
            (6, 3, 6, 60, None),
        ];
        for (records, apps, agents, apart, points) in rows {
            let lines = sweep(records, apps, agents, apart);
            assert_eq!(
                last(lines.clone()),
                points,
                "{records} {apps} {agents} {apart}"
            );
            assert_eq!(last(lines.into_iter().rev()), points, "the last first");
        }
    }

    #[test]
    fn a_gap_that_was_found_is_worse() {
        let gap = Line {
            at: 70,
            code: 0,
            more: r#""authenticationRequirement":"singleFactorAuthentication""#,
            ..sweep(1, 1, 1, 0)[0]
        };
        let mut lines = sweep(6, 3, 6, 10);
        lines.push(gap);
        assert_eq!(last(lines), Some(80));
    }

    #[test]
    fn other_addresses_wrong_passwords_and_deliveries_do_not_count() {
        let lines = || sweep(8, 3, 8, 10).into_iter();
        let apart = lines().enumerate().map(|(at, line)| Line {
            address: ["203.0.113.7", "203.0.113.8"][at % 2],
            ..line
        });
        assert_eq!(last(apart), None);
        let wrong = lines().map(|line| Line {
            code: 50126,
            ..line
        });
        assert_eq!(last(wrong), None);
        let managed = lines().map(|line| Line {
            more: r#""deviceDetail":{"isManaged":true}"#,
            ..line
        });
        assert_eq!(last(managed), None);
        let again = sweep(5, 3, 5, 10).repeat(3).into_iter();
        let again = again.enumerate().map(|(at, line)| Line {
            request: NAMES[at % 5],
            ..line
        });
        assert_eq!(last(again), None);
    }

    #[test]
    fn new_devices_at_home_are_completed() {
        let mut story = Story::with_history("", &[ADA]);
        for line in sweep(8, 4, 8, 20) {
            let home = Line {
                address: "192.0.2.1",
                asn: 64496,
                ..line
            };
            assert_eq!(story.points(ID, &home), None);
            story.see(&Line {
                at: home.at + 10,
                code: 0,
                mfa: true,
                ..home
            });
        }
        // A client without a person, after a policy was rolled out.
        let token = sweep(8, 4, 8, 20).into_iter().map(|line| Line {
            address: "192.0.2.1",
            asn: 64496,
            interactive: false,
            ..line
        });
        assert_eq!(last(token), None);
    }
}

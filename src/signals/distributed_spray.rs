//! Many users are refused at many addresses at the same time: a spray through proxies.
//!
//! No user and no address shows anything by itself. What is counted are users with one or two tries an hour, at addresses
//! with few of them: phones with an old password try more often, and offices have more users. What is left belongs
//! together where nearly all of it shows one user agent, comes from countries where nobody ever got in, or is far more
//! than in the half-hour before. Only a first factor that was refused counts, so tokens that run out together do not.
//! Shuffled and repeated records change nothing but which one is the first to see enough.
use super::password_spray_ip::REFUSED;
use super::prelude::*;
use super::shared;
use crate::limits::{REFUSALS_PER_TENANT, REFUSALS_SECS, SETTLE_SECS};
use crate::state::tenant::{Refusal, Tenant};

pub(super) const SIGNAL: Signal = Signal {
    id: "distributed_spray",
    summary: "Many users refused at many addresses at once",
    levels: &[&ONE_AGENT, &STRANGE_COUNTRIES, &SPIKE],
    techniques: card(&["T1110.003", "T1110.004"]),
    false_positives: card(&[
        "Monday morning in a tenant of ten thousand and more who work at home with one browser",
        "A directory or password agent that is down",
    ]),
    blind_spots: card(&[
        "Fewer than ten users within half an hour",
        "Many user agents from countries of the tenant, spread over hours",
        "Three and more tries on each user, see brute_force_user",
        "Beyond 512 refusals an hour in the whole tenant only the last ones are known",
    ]),
    references: card(&[
        "https://github.com/splunk/security_content/blob/develop/detections/cloud/azure_ad_multi_source_failed_authentications_spike.yml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/credential_access_entra_id_brute_force_activity.toml",
        "https://github.com/elastic/detection-rules/blob/main/hunting/azure/queries/entra_excessive_non_interactive_sfa_sign_ins_across_users.toml",
        "https://github.com/elastic/detection-rules/issues/4404",
    ]),
    options: &[
        &AGENT_USERS,
        &FAMILIAR_USERS,
        &AGENT_SHARE,
        &COUNTRY_USERS,
        &SPIKE_USERS,
        &SPIKE_FACTOR,
        &ADDRESSES,
        &TRIES_MAX,
        &WINDOW_SECS,
    ],
    needs: Some(Key::Tenant),
    check,
};

const ONE_AGENT: Level = Level {
    name: "one_agent",
    weight: Weight::High,
    points: Opt::points(
        "distributed_spray.one_agent_points",
        60,
        "Suspicious alone: Splunk's multi-source spike asks for exactly one user agent; Elastic rates its spray as medium",
    ),
};
const STRANGE_COUNTRIES: Level = Level {
    name: "strange_countries",
    weight: Weight::High,
    points: Opt::points(
        "distributed_spray.strange_countries_points",
        60,
        "Suspicious alone: our weight; ten users are not abroad at once in places where nobody ever got in",
    ),
};
const SPIKE: Level = Level {
    name: "spike",
    weight: Weight::Medium,
    points: Opt::points(
        "distributed_spray.spike_points",
        30,
        "Review alone: our weight; a fault of the directory looks the same",
    ),
};
const AGENT_USERS: Opt = Opt::int(
    "distributed_spray.agent_users",
    "users refused with one user agent",
    15,
    (2, 512),
    "Elastic credential_access_entra_id_brute_force_activity, spray: >= 15 users within 1800 seconds",
);
const FAMILIAR_USERS: Opt = Opt::int(
    "distributed_spray.familiar_users",
    "the same, where others got in from the record's network",
    30,
    (2, 512),
    "Elastic's hunt over non-interactive sign-ins: >= 30 users",
);
const AGENT_SHARE: Opt = Opt::int(
    "distributed_spray.agent_share",
    "percent of the refused users who show that user agent",
    60,
    (1, 100),
    "Our value: the commonest browser of a workforce stays below; Splunk asks for all",
);
const COUNTRY_USERS: Opt = Opt::int(
    "distributed_spray.country_users",
    "users refused in countries where nobody got in",
    10,
    (2, 512),
    "Elastic credential_access_entra_id_brute_force_activity, stuffing: >= 10 users",
);
const SPIKE_USERS: Opt = Opt::int(
    "distributed_spray.spike_users",
    "users refused with one code",
    20,
    (2, 512),
    "Splunk azure_ad_multi_source_failed_authentications_spike: > 20 users and addresses",
);
const SPIKE_FACTOR: Opt = Opt::int(
    "distributed_spray.spike_factor",
    "times as many as in the window before",
    3,
    (1, 100),
    "Our value: an office morning doubles within half an hour",
);
const ADDRESSES: Opt = Opt::int(
    "distributed_spray.addresses",
    "addresses",
    5,
    (2, 512),
    "Elastic credential_access_entra_id_brute_force_activity, stuffing: >= 5",
);
const TRIES_MAX: Opt = Opt::int(
    "distributed_spray.tries_max",
    "refusals an hour of a user who counts, at most",
    2,
    (1, 512),
    "Our value: sprays try one or two passwords a round, to stay below the lockout",
);
const WINDOW_SECS: Opt = Opt::int(
    "distributed_spray.window_secs",
    "seconds",
    1800,
    (10, REFUSALS_SECS as i64),
    "Elastic credential_access_entra_id_brute_force_activity, spray: <= 1800 seconds",
);

/// Users of one address from which on the address shows it: `password_spray_ip` begins there.
const USERS_OF_ADDRESS: i64 = 5;

/// Users and addresses of some refusals.
fn spread<'a>(refusals: impl Iterator<Item = &'a Refusal> + Clone) -> (i64, i64) {
    (
        shared::distinct(refusals.clone().map(|refusal| refusal.user)),
        shared::distinct(refusals.map(|refusal| refusal.address)),
    )
}

/// Some refusals of a tenant. They stand where they are listed, so that a spray takes no memory.
struct List<'a> {
    refusals: [&'a Refusal; REFUSALS_PER_TENANT],
    count: usize,
}

impl<'a> List<'a> {
    /// `None` for an empty list.
    fn of(mut refusals: impl Iterator<Item = &'a Refusal>) -> Option<List<'a>> {
        let first = refusals.next()?;
        let mut list = List {
            refusals: [first; REFUSALS_PER_TENANT],
            count: 1,
        };
        for (place, refusal) in list.refusals.iter_mut().skip(1).zip(refusals) {
            *place = refusal;
            list.count += 1;
        }
        Some(list)
    }

    fn all(&self) -> &[&'a Refusal] {
        self.refusals.get(..self.count).unwrap_or(&[])
    }

    /// Sorts by a number; what has the same number stays in order.
    fn sort_by(&mut self, number: fn(&Refusal) -> u32) {
        let before = self.refusals;
        let mut places = [0; REFUSALS_PER_TENANT];
        for ((place, refusal), position) in places.iter_mut().zip(self.all()).zip(0_u64..) {
            *place = u64::from(number(refusal)) << 32 | position;
        }
        let places = places.get_mut(..self.count).unwrap_or(&mut []);
        places.sort_unstable();
        for (refusal, place) in self.refusals.iter_mut().zip(places) {
            let position = usize::try_from(*place & u64::from(u32::MAX)).unwrap_or(0);
            *refusal = before.get(position).unwrap_or(refusal);
        }
    }
}

/// Whether a refusal is of a first factor, at an address that is known.
fn is_refused(refusal: &Refusal) -> bool {
    REFUSED.contains(&refusal.code) && refusal.address != 0
}

/// Refusals of users with few tries, at addresses with few such users; `None` where there are none.
fn lone(tenant: &Tenant, tries: i64) -> Option<List<'_>> {
    let few = |tried: &&[&Refusal]| i64::try_from(tried.len()).is_ok_and(|count| count <= tries);
    let mut refused = List::of(tenant.refusals.all().iter().filter(|one| is_refused(one)))?;
    refused.sort_by(|refusal| refusal.user);
    let by_user = refused.all().chunk_by(|one, next| one.user == next.user);
    let mut few = List::of(by_user.filter(few).flatten().copied())?;
    few.sort_by(|refusal| refusal.address);
    let by_address = few.all().chunk_by(|one, next| one.address == next.address);
    let lone =
        |here: &&[&Refusal]| shared::distinct(here.iter().map(|one| one.user)) < USERS_OF_ADDRESS;
    List::of(by_address.filter(lone).flatten().copied())
}

fn check(case: &Case) -> Option<Hit> {
    let (tenant, before, event) = case.tenant()?;
    if !REFUSED.contains(&event.code) || !event.is_failure() || event.is(Traits::WORKLOAD) {
        return None;
    }
    let int = |opt| case.config.int(opt);
    let least = int(&AGENT_USERS)
        .min(int(&COUNTRY_USERS))
        .min(int(&SPIKE_USERS));
    let clock = i64::from(tenant.refusals.clock());
    let from = clock - int(&WINDOW_SECS);
    if i64::from(event.at) <= from || shared::count(tenant.refusals.all().iter()) < least {
        return None;
    }
    let tries = int(&TRIES_MAX);
    let (mut own, mut now) = (0, 0);
    for refusal in tenant.refusals.all().iter().filter(|one| is_refused(one)) {
        own += i64::from(refusal.user == event.user);
        now += i64::from(i64::from(refusal.at) > from);
    }
    // A user with many tries is none of a spray; without a request id, the record is not told from others. And a spray
    // has no more users than refusals.
    if (own > tries && event.id != 0) || now < least.min(int(&FAMILIAR_USERS)) {
        return None;
    }
    let lone = lone(tenant, tries)?;
    let lone = lone.all();
    if !lone.iter().any(|refusal| refusal.id == event.id) {
        return None;
    }
    let now = lone
        .iter()
        .copied()
        .filter(|refusal| i64::from(refusal.at) > from);
    let (all, _) = spread(now.clone());
    let minutes = int(&WINDOW_SECS) / 60;
    let fire = |level, (users, addresses), what: &'static str| {
        case.hit(
            level,
            why!(
                "{} users refused at {} addresses {} within {} min",
                users,
                addresses,
                what,
                minutes
            ),
        )
    };

    let familiar = matches!(before.network, Familiarity::Known | Familiarity::Fresh);
    let least = int(if familiar {
        &FAMILIAR_USERS
    } else {
        &AGENT_USERS
    });
    let seen = spread(now.clone().filter(|refusal| refusal.agent == event.agent));
    if seen.0 >= least && seen.1 >= int(&ADDRESSES) && seen.0 * 100 >= all * int(&AGENT_SHARE) {
        return fire(&ONE_AGENT, seen, "with one user agent");
    }

    // Of a tenant that is known for less than a day no country means anything.
    let strange = |country: u16| {
        country != 0
            && tenant.countries.get(u32::from(country)).is_none()
            && !tenant.countries.is_full()
    };
    let history = tenant.since != 0 && tenant.since.saturating_add(SETTLE_SECS) <= event.at;
    if history && strange(event.country) {
        let seen = spread(now.clone().filter(|refusal| strange(refusal.country)));
        if seen.0 >= int(&COUNTRY_USERS) && seen.1 >= int(&ADDRESSES) {
            return fire(
                &STRANGE_COUNTRIES,
                seen,
                "in countries where nobody ever got in",
            );
        }
    }

    let same = |refusal: &&Refusal| refusal.code == event.code;
    let seen = spread(now.filter(same));
    // The window before has to be known: the tenant long enough, and nothing let go to make room.
    let young = tenant.since != 0 && tenant.since.saturating_add(REFUSALS_SECS) > event.at;
    if seen.0.min(seen.1) < int(&SPIKE_USERS)
        || young
        || tenant.refusals.all().len() >= REFUSALS_PER_TENANT
    {
        return None;
    }
    let earlier = lone
        .iter()
        .copied()
        .filter(|refusal| i64::from(refusal.at) <= from);
    let (usual, _) = spread(earlier.filter(same));
    if seen.0 < usual * int(&SPIKE_FACTOR) {
        return None;
    }
    fire(&SPIKE, seen, "far more than before")
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::{Line, Story};

    const ID: &str = "distributed_spray";

    /// What distinguishes the refusals of a story: users, of which so many share an address, seconds between them.
    struct Wave<'a> {
        users: i64,
        share: i64,
        step: i64,
        agents: i64,
        line: Line<'a>,
    }

    fn wave<'a>(users: i64) -> Wave<'a> {
        Wave {
            users,
            share: 1,
            step: 1,
            agents: 1,
            line: Line {
                at: 1,
                code: 50126,
                ..Line::default()
            },
        }
    }

    fn run(story: &mut Story, wave: &Wave) -> Option<i64> {
        let mut last = None;
        for number in 0..wave.users {
            let user = format!("user{number}@contoso.example");
            let place = number / wave.share;
            let address = format!("198.51.{}.{}", place / 200, place % 200);
            let agent = format!("agent {}", number % wave.agents);
            last = story.points(
                ID,
                &Line {
                    at: wave.line.at + number * wave.step,
                    user: &user,
                    address: &address,
                    agent: &agent,
                    ..wave.line
                },
            );
        }
        last
    }

    #[test]
    fn one_agent_over_many_users_and_addresses() {
        let rows = [
            (wave(14), None),
            (wave(15), Some(60)),
            (
                Wave {
                    share: 4,
                    ..wave(16)
                },
                None,
            ),
            (
                Wave {
                    share: 4,
                    ..wave(17)
                },
                Some(60),
            ),
            // Five users at an address are that address's affair.
            (
                Wave {
                    share: 5,
                    ..wave(40)
                },
                None,
            ),
            (
                Wave {
                    step: 128,
                    ..wave(15)
                },
                Some(60),
            ),
            (
                Wave {
                    step: 129,
                    ..wave(15)
                },
                None,
            ),
            (
                Wave {
                    agents: 2,
                    ..wave(19)
                },
                None,
            ),
        ];
        for (wave, points) in rows {
            assert_eq!(run(&mut Story::new(""), &wave), points, "{}", wave.users);
        }
        // Near misses: tokens that run out together, a broken application, sessions that are missing.
        for code in [70043, 70008, 700_082, 50011, 700_016, 50058, 53003, 50057] {
            let mut wave = wave(100);
            wave.line.code = code;
            assert_eq!(run(&mut Story::new(""), &wave), None, "{code}");
        }
    }

    #[test]
    fn a_familiar_network_needs_more() {
        for (users, asn, points) in [
            (15, 64497, Some(60)),
            (29, 64496, None),
            (30, 64496, Some(60)),
        ] {
            let mut story = Story::with_history(
                r#"{"distributed_spray.spike_points":0}"#,
                &["ada@contoso.example"],
            );
            let mut wave = wave(users);
            wave.line.asn = asn;
            assert_eq!(run(&mut story, &wave), points, "{users} {asn}");
        }
    }

    #[test]
    fn strange_countries() {
        for (users, country, points) in [(9, "BR", None), (10, "BR", Some(60)), (10, "DE", None)] {
            let mut story = Story::with_history("", &["ada@contoso.example"]);
            let mut wave = Wave {
                agents: 50,
                ..wave(users)
            };
            wave.line.country = country;
            assert_eq!(run(&mut story, &wave), points, "{users} {country}");
        }
    }

    #[test]
    fn a_spike_of_one_code() {
        for (usual, users, points) in [
            (0, 19, None),
            (0, 20, Some(30)),
            (7, 20, None),
            (7, 21, Some(30)),
        ] {
            let mut story = Story::with_history("", &["ada@contoso.example"]);
            let before = Wave {
                agents: 50,
                ..wave(usual)
            };
            run(&mut story, &before);
            let mut after = Wave {
                agents: 50,
                ..wave(users)
            };
            after.line.at = 1850;
            // Other users than before.
            let mut last = None;
            for number in 0..users {
                let user = format!("other{number}@contoso.example");
                let address = format!("203.0.113.{number}");
                let agent = format!("agent {number}");
                last = story.points(
                    ID,
                    &Line {
                        at: after.line.at + number,
                        user: &user,
                        address: &address,
                        agent: &agent,
                        ..after.line
                    },
                );
            }
            assert_eq!(last, points, "{usual} {users}");
        }
    }

    #[test]
    fn phones_with_an_old_password_are_silent() {
        let mut story = Story::new("");
        for turn in 0..1200_i64 {
            let user = format!("user{}@contoso.example", turn % 40);
            let address = format!("198.51.100.{}", turn % 40);
            let line = Line {
                at: turn * 5,
                code: 50126,
                user: &user,
                address: &address,
                ..Line::default()
            };
            let points = story.points(ID, &line);
            // On the first two rounds nobody can know.
            assert!(points.is_none() || turn < 80, "{turn}");
        }
    }

    #[test]
    fn shuffled_and_repeated() {
        let mut story = Story::new("");
        let mut last = None;
        for number in (0..15).map(|number| number * 7 % 15) {
            for _ in 0..3 {
                let user = format!("user{number}@contoso.example");
                let address = format!("198.51.100.{number}");
                let request = format!("r{number}");
                last = story.points(
                    ID,
                    &Line {
                        at: number * 60,
                        code: 50126,
                        user: &user,
                        address: &address,
                        request: &request,
                        ..Line::default()
                    },
                );
            }
            assert_eq!(last.is_some(), number == 8, "{number}");
        }
        assert_eq!(last, Some(60));
    }
}

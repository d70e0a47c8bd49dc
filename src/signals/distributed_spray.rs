//! Many users are refused at many addresses at the same time: a spray through proxies.
//!
//! No user and no address shows anything by itself. What is counted are users with one or two tries an hour, at addresses
//! with few of them: phones with an old password try more often, and offices have more users. What is left belongs
//! together where nearly all of it shows one user agent, comes from countries where nobody ever got in, or is far more
//! than in the half-hour before. Only a first factor that was refused counts, so tokens that run out together do not.
//! Shuffled and repeated records change nothing but which one is the first to see enough.
use super::groups::{Each, Group, Groups, NONE, place};
use super::password_spray_ip::is_refused;
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
const USERS_OF_ADDRESS: u16 = 5;

/// Whether a refusal is of a first factor, at an address that is known.
fn counts(refusal: &Refusal) -> bool {
    is_refused(refusal.code) && refusal.address != 0
}

/// Whether a record is seen to be none of a spray before all users and addresses are looked at: of a user with many
/// tries, or at an address that shows it by itself. Most attacks are one or the other.
fn is_other(refusals: &[Refusal], event: &Event, tries_max: i64) -> bool {
    let tries = |user: u32| {
        let own = refusals.iter().filter(|one| one.user == user);
        shared::count(own.filter(|one| counts(one)))
    };
    let newest = || refusals.iter().rev();
    let Some(own) = newest().find(|one| one.id == event.id) else {
        return true;
    };
    if tries(event.user) > tries_max {
        return true;
    }
    let mut users = [0; USERS_OF_ADDRESS as usize];
    let mut found = 0;
    for one in newest().filter(|one| one.address == own.address && counts(one)) {
        if one.user == 0 || users.contains(&one.user) {
            continue;
        }
        users[found] = one.user;
        found += 1;
        if found == users.len() {
            return users.iter().all(|&user| tries(user) <= tries_max);
        }
    }
    false
}

/// Refusals of users with few tries, at addresses with few such users.
struct Lone<'a> {
    refusals: &'a [Refusal],
    users: Groups,
    addresses: Groups,
    /// Refusals of each user.
    tries: Each<u16>,
    tries_max: u16,
    /// Users with few tries at each address; refusals where none has as many as matter.
    crowd: Each<u16>,
}

impl<'a> Lone<'a> {
    fn new(refusals: &'a [Refusal], event: &Event, tries_max: u16) -> Lone<'a> {
        Lone {
            refusals,
            users: Groups::new(event),
            addresses: Groups::new(event),
            tries: [0; REFUSALS_PER_TENANT],
            tries_max,
            crowd: [0; REFUSALS_PER_TENANT],
        }
    }

    /// Finds them, in place: what was found is too large to be moved.
    fn find(&mut self, event: &Event) {
        let refusals = self.refusals;
        let of = |group| refusals.get(usize::from(group));
        let mut most = 0;
        for (at, one) in (0..).zip(refusals).filter(|(_, one)| counts(one)) {
            let user_of = |group| of(group).map_or(0, |one| one.user);
            let user = self.users.add(at, one.user, user_of);
            self.tries[place(user)] += 1;
            let address_of = |group| of(group).map_or(0, |one| one.address);
            let address = self.addresses.add(at, one.address, address_of);
            let here = &mut self.crowd[place(address)];
            *here += 1;
            most = most.max(*here);
        }
        // There are no more users than refusals.
        if most >= USERS_OF_ADDRESS {
            self.find_crowds(event);
        }
    }

    /// Counts the users with few tries at each address.
    fn find_crowds(&mut self, event: &Event) {
        self.crowd.fill(0);
        // A user who tries twice at an address is one user there.
        let mut pairs = None;
        for (at, one) in (0..).zip(self.refusals) {
            let (user, address) = (self.users.of[place(at)], self.addresses.of[place(at)]);
            if user == NONE || !self.is_few(user) || one.user == 0 {
                continue;
            }
            if self.tries[place(user)] > 1 {
                let pairs = pairs.get_or_insert_with(|| Groups::new(event));
                let both = |user, address| u32::from(user) << 16 | u32::from(address);
                let pair_of = |at| both(self.users.of[place(at)], self.addresses.of[place(at)]);
                if pairs.add(at, both(user, address), pair_of) != at {
                    continue;
                }
            }
            self.crowd[place(address)] += 1;
        }
    }

    /// Whether it is of a user with few tries.
    fn is_few(&self, user: Group) -> bool {
        self.tries[place(user)] <= self.tries_max
    }

    /// All of them, with user and address.
    fn all(&self) -> impl Iterator<Item = (Group, Group, &'a Refusal)> {
        let groups = self.users.of.iter().zip(&self.addresses.of);
        let all = groups.zip(self.refusals);
        let all = all.map(|((&user, &address), one)| (user, address, one));
        all.filter(|&(user, address, _)| {
            user != NONE && self.is_few(user) && self.crowd[place(address)] < USERS_OF_ADDRESS
        })
    }
}

/// What counts of a refusal, one bit each.
mod kind {
    /// Within the window.
    pub const NOW: u8 = 1;
    /// Within it and with the user agent of the record.
    pub const AGENT: u8 = 2;
    /// Within it and from a country where nobody ever got in.
    pub const STRANGE: u8 = 4;
    /// Within it and with the code of the record.
    pub const CODE: u8 = 8;
    /// With that code, before the window.
    pub const USUAL: u8 = 16;
    pub const ALL: usize = 32;
}

/// How many users, or addresses, have refusals of each kind.
struct Tally {
    /// Kinds that were found of each.
    found: Each<u8>,
    /// How often these kinds were the ones that were new of one.
    times: [u16; kind::ALL],
}

impl Tally {
    fn new() -> Tally {
        Tally {
            found: [0; REFUSALS_PER_TENANT],
            times: [0; kind::ALL],
        }
    }

    /// Counts a refusal of these kinds: one, once for each kind.
    fn add(&mut self, one: Group, kinds: u8) {
        let found = &mut self.found[place(one)];
        let new = kinds & !*found;
        *found |= kinds;
        self.times[usize::from(new) % kind::ALL] += 1;
    }

    /// How many have one of a kind.
    fn count(&self, kind: u8) -> i64 {
        let times = self.times.iter().zip(0_u8..);
        let times = times.filter(|(_, kinds)| kinds & kind != 0);
        times.map(|(times, _)| i64::from(*times)).sum()
    }
}

/// Countries where somebody got in, to be asked for each refusal. Five bits tell letters apart, so ten tell countries.
struct Countries([u64; 16]);

impl Countries {
    fn of(tenant: &Tenant) -> Countries {
        let mut countries = Countries([0; 16]);
        for seen in tenant.countries.all() {
            let (word, bit) = Countries::place(seen.key);
            countries.0[word] |= 1 << bit;
        }
        countries
    }

    fn have(&self, country: u16) -> bool {
        let (word, bit) = Countries::place(country.into());
        self.0[word] >> bit & 1 != 0
    }

    fn place(country: u32) -> (usize, u32) {
        let number = (country >> 8 & 31) << 5 | country & 31;
        ((number >> 6) as usize, number & 63)
    }
}

fn check(case: &Case) -> Option<Hit> {
    let (tenant, before, event) = case.tenant()?;
    if !is_refused(event.code) || !event.is_failure() || event.is(Traits::WORKLOAD) {
        return None;
    }
    let int = |opt| case.config.int(opt);
    let least = int(&AGENT_USERS)
        .min(int(&COUNTRY_USERS))
        .min(int(&SPIKE_USERS));
    let refusals = tenant.refusals.all();
    let from = i64::from(tenant.refusals.clock()) - int(&WINDOW_SECS);
    let now = shared::count(tenant.refusals.within(int(&WINDOW_SECS)).iter());
    // A spray has no more users than refusals.
    if i64::from(event.at) <= from
        || shared::count(refusals.iter()) < least
        || now < least.min(int(&FAMILIAR_USERS))
    {
        return None;
    }
    let tries = int(&TRIES_MAX);
    // Without a request id, the record is not told from others.
    if event.id != 0 && is_other(refusals, event, tries) {
        return None;
    }
    let mut lone = Lone::new(refusals, event, u16::try_from(tries).unwrap_or(u16::MAX));
    lone.find(event);

    // Of a tenant that is known for less than a day no country means anything.
    let history = tenant.since != 0 && tenant.since.saturating_add(SETTLE_SECS) <= event.at;
    let known = (history && !tenant.countries.is_full()).then(|| Countries::of(tenant));
    let strange =
        |country: u16| country != 0 && known.as_ref().is_some_and(|known| !known.have(country));
    let kinds = |one: &Refusal| {
        let bit = |kind, is| if is { kind } else { 0 };
        let code = one.code == event.code;
        if i64::from(one.at) > from {
            kind::NOW
                | bit(kind::AGENT, one.agent == event.agent)
                | bit(kind::STRANGE, strange(one.country))
                | bit(kind::CODE, code)
        } else {
            bit(kind::USUAL, code)
        }
    };
    let (mut users, mut addresses) = (Tally::new(), Tally::new());
    let mut own = false;
    for (user, address, one) in lone.all() {
        own |= one.id == event.id;
        let kinds = kinds(one);
        addresses.add(address, kinds);
        // Nobody known is no user.
        if one.user != 0 {
            users.add(user, kinds);
        }
    }
    if !own {
        return None;
    }
    let spread = |kind| (users.count(kind), addresses.count(kind));
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
    let seen = spread(kind::AGENT);
    let share = users.count(kind::NOW) * int(&AGENT_SHARE);
    if seen.0 >= least && seen.1 >= int(&ADDRESSES) && seen.0 * 100 >= share {
        return fire(&ONE_AGENT, seen, "with one user agent");
    }

    let seen = spread(kind::STRANGE);
    if strange(event.country) && seen.0 >= int(&COUNTRY_USERS) && seen.1 >= int(&ADDRESSES) {
        return fire(
            &STRANGE_COUNTRIES,
            seen,
            "in countries where nobody ever got in",
        );
    }

    let seen = spread(kind::CODE);
    // The window before has to be known: the tenant long enough, and nothing let go to make room.
    let young = tenant.since != 0 && tenant.since.saturating_add(REFUSALS_SECS) > event.at;
    if seen.0.min(seen.1) < int(&SPIKE_USERS) || young || refusals.len() >= REFUSALS_PER_TENANT {
        return None;
    }
    if seen.0 < users.count(kind::USUAL) * int(&SPIKE_FACTOR) {
        return None;
    }
    fire(&SPIKE, seen, "far more than before")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
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

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn lone_ones_are_those_that_counting_one_by_one_finds(
            list in prop::collection::vec((0..30_u32, 0..9_u32, 0..4_usize), 1..200),
            tries in 1..6_u16,
            factor in any::<u32>(),
        ) {
            let refusals: Vec<Refusal> = (1..)
                .zip(list)
                .map(|(id, (user, address, code))| Refusal {
                    id,
                    user,
                    address,
                    code: [50126, 50053, 50034, 53003][code],
                    ..Refusal::default()
                })
                .collect();
            let all = || refusals.iter().filter(|one| counts(one));
            let few = |user| all().filter(|one| one.user == user).count() <= usize::from(tries);
            let crowd = |address| {
                let here = all().filter(|one| one.address == address && few(one.user));
                shared::distinct(here.map(|one| one.user))
            };
            let expected: Vec<u32> = all()
                .filter(|one| few(one.user) && crowd(one.address) < i64::from(USERS_OF_ADDRESS))
                .map(|one| one.id)
                .collect();

            let event = Event { id: factor, ..Event::blank(1) };
            let mut lone = Lone::new(&refusals, &event, tries);
            lone.find(&event);
            let found: Vec<u32> = lone.all().map(|(_, _, one)| one.id).collect();
            prop_assert_eq!(&found, &expected);
            for one in &refusals {
                let event = Event { id: one.id, ..Event::blank(one.user) };
                if is_other(&refusals, &event, tries.into()) {
                    prop_assert!(!expected.contains(&one.id), "{}", one.id);
                }
            }
        }
    }

    #[test]
    fn countries_are_told_apart() {
        let letters = || b'A'..=b'Z';
        let mut tenant = Tenant::default();
        for (first, second) in [(b'C', b'H'), (b'A', b'A'), (b'Z', b'Z')] {
            let country = u16::from_be_bytes([first, second]);
            tenant.countries.note(country.into(), 1, false);
        }
        let known = Countries::of(&tenant);
        for first in letters() {
            for second in letters() {
                let country = u16::from_be_bytes([first, second]);
                let expected = tenant.countries.get(country.into()).is_some();
                assert_eq!(known.have(country), expected, "{country:x}");
            }
        }
    }
}

//! Attacks: which families there are, when each run begins, and what a run may use.
//!
//! A run is planned as an attacker would: who, with what, from where and how fast. What the tenant answers follows
//! from the people, so a wrong password locks nobody who is disabled, and only a person whom no policy asks for a
//! second factor is lost to a password alone.

mod accounts;
mod second_factor;
mod sessions;
mod sprays;
mod workload;

use std::collections::BTreeSet;

use super::calendar::{DAY, HOUR};
use super::clients::{self, ClientIndex};
use super::day;
use super::people::{Kind, Person};
use super::places::{
    ATTACKER_CITIES, BLOCKED_COUNTRIES, CITIES, CityIndex, Place, hosting, residential,
};
use super::random::{Dice, Purpose};
use super::record::{Event, Flow, FlowName, Log, Mark, Proof, Protocol, Risk, Token, Verdict, Who};
use super::tenant::{self, AppIndex, REQUIRE_MFA, Tenant};

/// A kind of attack.
pub(super) struct Family {
    pub id: &'static str,
    pub summary: &'static str,
    /// A run is over within this time.
    span: i64,
    build: fn(&mut Scene<'_>),
}

macro_rules! families {
    ($($id:literal, $hours:literal, $build:path, $summary:literal;)*) => {
        /// All families, in the order of the list.
        pub(super) const FAMILIES: &[Family] = &[
            $(Family { id: $id, summary: $summary, span: $hours * HOUR, build: $build }),*
        ];
    };
}

families! {
    "mfa_fatigue", 4, second_factor::fatigue, "Somebody who knows the password sends prompt after prompt, or tries code after code, until one is accepted";
    "password_spray_ip", 6, sprays::one_address, "One address tries a password or two on many accounts";
    "distributed_spray", 6, sprays::many_addresses, "Many addresses try one password on many accounts, each account from another";
    "brute_force", 4, accounts::brute_force, "One account, password after password, until one is right";
    "token_replay", 2, sessions::token_replay, "A stolen refresh token is used from another network soon after the user signed in";
    "aitm", 3, sessions::phishing_proxy, "A phishing proxy passes password and second factor on, and keeps the session";
    "session_theft", 4, sessions::session_theft, "A stolen browser session is used from several networks";
    "impossible_travel", 2, sessions::impossible_travel, "A sign-in succeeds far from where the user has just signed in";
    "valid_creds_stopped", 2, second_factor::stopped_once, "The right password from a place new to the user, stopped by the second factor or a policy";
    "interrupted_burst", 2, second_factor::leaked_list, "One address tries a leaked list of right passwords and is stopped at each account";
    "interrupted_then_failed", 2, second_factor::stopped_then_failed, "Stopped at the second factor, the attacker guesses on and fails";
    "repeated_interrupts", 7, second_factor::stopped_again, "One account, again and again stopped at the second factor, from a place new to the user";
    "device_code_phish", 2, sessions::device_code, "The user enters a code that an attacker began, and the attacker gets the token";
    "mfasweep", 1, second_factor::sweep, "One account is tried on every protocol and application in search of one without a second factor";
    "disabled_pivot", 3, accounts::disabled_pivot, "An address meets disabled accounts on an old list, then one that is not";
    "lockout_burst", 2, accounts::lockout_burst, "So many wrong passwords that many accounts are locked at once";
    "enumeration", 4, accounts::enumeration, "Made-up user names, to learn which exist";
    "sso_spray", 3, sprays::seamless_sso, "Passwords are tried at the seamless single sign-on endpoint";
    "legacy_spray", 6, sprays::legacy, "Passwords are tried through old mail protocols";
    "service_principal_theft", 5, workload::stolen_secret, "A service principal's secret is used from a network and country new to it";
    "dormant_account", 3, accounts::dormant, "An account that nobody has used for months signs in from afar";
    "tool_client", 2, accounts::tools, "A known attack tool, or directory PowerShell and then resource PowerShell, reads the tenant";
}

/// The place of a family in [`FAMILIES`].
pub(super) fn family(id: &str) -> Option<usize> {
    FAMILIES.iter().position(|family| family.id == id)
}

/// All attacks of a demo, in time order.
#[derive(Default)]
pub(super) struct Attacks {
    pub events: Vec<Event>,
    /// Names that were tried and that the tenant does not have.
    pub strangers: Vec<String>,
}

impl Attacks {
    /// Plans `runs` runs of each family, given by its place in [`FAMILIES`].
    pub fn plan(tenant: &Tenant, families: &[usize], runs: u16) -> Attacks {
        let mut attacks = Attacks::default();
        let mut taken = BTreeSet::new();
        for family in families {
            for run in 1..=runs {
                let events = one_run(tenant, *family, run, &mut taken, &mut attacks.strangers);
                attacks.events.extend(events);
            }
        }
        attacks.events.sort_by_key(|event| (event.at, event.id));
        attacks
    }
}

fn one_run(
    tenant: &Tenant,
    family: usize,
    run: u16,
    taken: &mut BTreeSet<u32>,
    strangers: &mut Vec<String>,
) -> Vec<Event> {
    let of = [family as u64, u64::from(run)];
    let mut dice = Dice::new(tenant.seed, Purpose::Attack, &of);
    // People are known before they are attacked: the first day belongs to them, or half of the only one.
    let from = tenant.begin + if tenant.days > 1 { DAY } else { DAY / 2 };
    let until = (tenant.end - FAMILIES[family].span).max(from);
    let start = dice.between(from, until);
    let mut events = Vec::new();
    let mut scene = Scene {
        tenant,
        from,
        until,
        start,
        mark: Mark {
            family: u8::try_from(family).unwrap_or(0),
            run,
            climax: false,
        },
        dice: &mut dice,
        taken,
        strangers,
        out: &mut events,
    };
    (FAMILIES[family].build)(&mut scene);
    events.sort_by_key(|event| (event.at, event.id));
    one_climax(&mut events);
    events
}

/// Leaves exactly one climax: the first that was set, or else the last record.
fn one_climax(events: &mut [Event]) {
    let set = |event: &Event| event.attack.is_some_and(|mark| mark.climax);
    let at = events
        .iter()
        .position(set)
        .unwrap_or(events.len().saturating_sub(1));
    for (index, event) in events.iter_mut().enumerate() {
        if let Some(mark) = &mut event.attack {
            mark.climax = index == at;
        }
    }
}

/// What a run is made with.
struct Scene<'a> {
    tenant: &'a Tenant,
    /// Where runs may begin, from and until.
    from: i64,
    until: i64,
    /// When this one begins, unless it waits for its victim.
    start: i64,
    mark: Mark,
    dice: &'a mut Dice,
    /// Victims of other runs. One person is attacked once, as long as there are others.
    taken: &'a mut BTreeSet<u32>,
    strangers: &'a mut Vec<String>,
    out: &'a mut Vec<Event>,
}

impl Scene<'_> {
    /// Somebody whom `fits` accepts; in a tenant without such a person, anybody.
    fn victim(&mut self, fits: impl Fn(&Person) -> bool) -> Person {
        let people = u64::from(self.tenant.people.max(1));
        let mut anybody = Person::new(self.tenant, 0);
        for turn in 0..6000 {
            let number = u32::try_from(self.dice.below(people)).unwrap_or(0);
            let person = Person::new(self.tenant, number);
            let fresh = !self.taken.contains(&number);
            if person.kind == Kind::Office && (fresh || anybody.kind != Kind::Office) {
                anybody = person;
            }
            if fits(&person) && (fresh || turn > 3000) {
                self.taken.insert(number);
                return person;
            }
        }
        self.taken.insert(anybody.number);
        anybody
    }

    /// Somebody at work whose password is worth having.
    fn employee(&mut self) -> Person {
        self.victim(|person| {
            matches!(person.kind, Kind::Office | Kind::Admin | Kind::Developer) && !person.exempt
        })
    }

    /// Somebody who is lost to a password alone.
    fn exempt(&mut self) -> Person {
        self.victim(|person| person.exempt && matches!(person.kind, Kind::Office | Kind::Developer))
    }

    /// `count` different accounts in no order, as an address book yields them; all, if there are not so many.
    fn address_book(&mut self, count: usize) -> Vec<Person> {
        let people = u64::from(self.tenant.people.max(1));
        let mut seen = BTreeSet::new();
        let mut book = Vec::new();
        // A small tenant runs out of people before the book is full.
        for _ in 0..count * 20 {
            let number = u32::try_from(self.dice.below(people)).unwrap_or(0);
            let person = Person::new(self.tenant, number);
            // Guests sign in under the name of their own company.
            if book.len() < count && person.kind != Kind::Guest && seen.insert(number) {
                book.push(person);
            }
        }
        if book.is_empty() {
            book.push(Person::new(self.tenant, 0));
        }
        book
    }

    /// What the person does by themselves between `from` and `until`, in time order.
    fn life_of(&self, person: &Person, from: i64, until: i64) -> Vec<Event> {
        let mut events = Vec::new();
        for day in from / DAY - 1..=until / DAY + 1 {
            day::plan(self.tenant, person, day, &mut events);
        }
        events.retain(|event| (from..until).contains(&event.at));
        events.sort_by_key(|event| (event.at, event.id));
        events
    }

    /// Somebody who signs in while the run may begin, and that record. Nobody may, on a Sunday; then the record is
    /// as it would have been.
    fn signed_in(&mut self, fits: impl Fn(&Event) -> bool) -> (Person, Event) {
        let mut person = self.employee();
        for _ in 0..60 {
            let mut life = self.life_of(&person, self.from, self.until.max(self.from + HOUR));
            life.retain(|event| {
                event.log == Log::Interactive
                    && event.code == 0
                    && matches!(event.who, Who::Account(_))
                    && fits(event)
            });
            if !life.is_empty() {
                return (person, *self.dice.pick(&life));
            }
            person = self.employee();
        }
        let event = Event {
            place: person.at_office(self.tenant),
            client: person.laptop.browser,
            device: person.laptop.device,
            proof: Proof::Claim,
            session: self.dice.bits(),
            ..Event::blank(Who::Account(person.number), self.start)
        };
        (person, event)
    }

    /// A rented machine in a country that is not the person's.
    fn rented(&mut self, person: &Person) -> Place {
        let city = self.abroad(person);
        let (bits, provider) = (self.dice.bits(), self.dice.below(64));
        let six = self.dice.chance(120);
        hosting(bits, provider, city, six)
    }

    /// A city of attackers in a country that is not the person's and that no policy blocks.
    fn abroad(&mut self, person: &Person) -> CityIndex {
        loop {
            let city = *self.dice.pick(&ATTACKER_CITIES);
            if CITIES[usize::from(city)].country != CITIES[usize::from(person.city())].country
                && !BLOCKED_COUNTRIES.contains(&city)
            {
                return city;
            }
        }
    }

    /// Any machine that attackers rent, or a home connection that somebody rents out.
    fn any_address(&mut self) -> Place {
        let city = *self.dice.pick(&ATTACKER_CITIES);
        let bits = self.dice.bits();
        if self.dice.chance(300) {
            residential(bits, city)
        } else {
            let (provider, six) = (self.dice.below(64), self.dice.chance(80));
            hosting(bits, provider, city, six)
        }
    }

    /// A record of the attack.
    fn record(
        &self,
        who: Who,
        at: i64,
        place: Place,
        client: ClientIndex,
        (app, resource): (AppIndex, AppIndex),
    ) -> Event {
        Event {
            app,
            resource,
            place,
            client,
            flow: FlowName::Attack,
            attack: Some(self.mark),
            ..Event::blank(who, at)
        }
    }

    /// Writes a flow: `steps` adds its records.
    fn flow(&mut self, template: Event, steps: impl FnOnce(&mut Flow<'_>, &mut Dice)) {
        let bits = self.dice.bits();
        let mut flow = Flow::new(self.out, template, bits);
        steps(&mut flow, self.dice);
        flow.finish(self.tenant.begin, self.tenant.end);
    }

    /// The tokens that whoever is in fetches next, without a prompt.
    fn harvest(&mut self, after: &Event, count: usize) {
        let template = Event {
            at: after.at,
            log: Log::NonInteractive,
            token: Token::Refresh,
            protocol: Protocol::OAuth,
            ..*after
        };
        let wanted = [
            (tenant::OFFICE, tenant::EXCHANGE),
            (tenant::OFFICE, tenant::GRAPH),
            (tenant::TEAMS, tenant::SHAREPOINT),
            (tenant::AZ_POWERSHELL, tenant::MANAGEMENT),
            (tenant::OUTLOOK_WEB, tenant::EXCHANGE),
        ];
        let proof = match after.proof {
            Proof::Password => Proof::ClaimSingle,
            _ => Proof::Claim,
        };
        for _ in 0..count {
            let (app, resource) = *self.dice.pick(&wanted);
            let at = template.at + self.dice.skewed(5_000, 12 * 60_000);
            self.flow(
                Event {
                    at,
                    app,
                    resource,
                    ..template
                },
                |flow, _| {
                    flow.step(0, 0, proof);
                },
            );
        }
    }
}

/// What the tenant answers to the right password of an account, in a browser (`page`) or through a protocol that
/// cannot ask back.
fn answer_to_right_password(person: &Person, page: bool) -> (u32, Proof, Verdict) {
    match person.kind {
        Kind::Leaver => (50057, Proof::Refused, Verdict::NotApplied),
        _ if person.exempt => (0, Proof::Password, Verdict::NotApplied),
        Kind::Dormant | Kind::NewHire => (
            if page { 50072 } else { 50079 },
            Proof::Password,
            Verdict::Failed(REQUIRE_MFA),
        ),
        _ => (
            if page { 50074 } else { 50076 },
            Proof::SecondNeeded,
            Verdict::Failed(REQUIRE_MFA),
        ),
    }
}

/// What it answers to a wrong one. `tries` is how many came before, lately.
fn answer_to_wrong_password(person: &Person, tries: usize, dice: &mut Dice) -> (u32, Proof) {
    if person.kind == Kind::Leaver {
        (50057, Proof::Refused)
    } else if tries >= 10 && dice.chance(850) {
        (50053, Proof::Refused)
    } else {
        (50126, Proof::WrongPassword)
    }
}

/// What attackers use to try passwords, with the application they name.
const SPRAYERS: [(ClientIndex, AppIndex, AppIndex); 6] = [
    (clients::PYTHON, tenant::CLI, tenant::MANAGEMENT),
    (clients::OLD_CHROME, tenant::OFFICE_HOME, tenant::GRAPH),
    (clients::TEAM_FILTRATION, tenant::TEAMS, tenant::GRAPH),
    (
        clients::WINDOWS_POWERSHELL,
        tenant::AAD_POWERSHELL,
        tenant::DIRECTORY,
    ),
    (clients::GO, tenant::AZ_POWERSHELL, tenant::MANAGEMENT),
    (clients::KIT_CHROME, tenant::OUTLOOK_WEB, tenant::EXCHANGE),
];

/// How Identity Protection rates a stranger's success: often not at all.
fn rated(dice: &mut Dice) -> Risk {
    dice.weighted(&[
        (Risk::None, 60),
        (Risk::Low, 12),
        (Risk::Medium, 20),
        (Risk::High, 8),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_one_climax_and_keeps_its_time() {
        for seed in 0..25 {
            for (people, days) in [(40, 1), (300, 2)] {
                let tenant = Tenant::new(seed, people, 20_514, days);
                let all: Vec<usize> = (0..FAMILIES.len()).collect();
                let attacks = Attacks::plan(&tenant, &all, 2);
                let from = tenant.begin + if days > 1 { DAY } else { DAY / 2 };
                assert!(attacks.events.iter().all(|event| event.at >= from));
                for family in all {
                    for run in 1..=2 {
                        let of_run = |event: &&Event| {
                            event.attack.is_some_and(|mark| {
                                usize::from(mark.family) == family && mark.run == run
                            })
                        };
                        let climaxes = attacks
                            .events
                            .iter()
                            .filter(of_run)
                            .filter(|event| event.attack.is_some_and(|mark| mark.climax));
                        let name = FAMILIES[family].id;
                        assert_eq!(climaxes.count(), 1, "{name}, run {run}, seed {seed}");
                        let mut times = attacks.events.iter().filter(of_run).map(|event| event.at);
                        let first = times.next().unwrap_or(0);
                        let last = times.next_back().unwrap_or(first);
                        assert!(
                            last - first <= FAMILIES[family].span,
                            "{name}, run {run}, seed {seed}: {} minutes",
                            (last - first) / 60_000
                        );
                    }
                }
            }
        }
    }
}

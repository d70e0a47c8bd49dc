//! Who works for the tenant: each person's habits, computed from the seed and the person's number.
//!
//! The tenant may have a million people, so none of them is kept. Numbers beyond the people are accounts without a
//! person: meeting rooms and the mailboxes of scanners.

use std::fmt::Write as _;

use super::calendar::DAY;
use super::clients::{self, ClientIndex, Device, Trust};
use super::places::{
    self, CITIES, CityIndex, DESTINATIONS, LISBON, Place, SITES, carrier, company_exit, guest_wifi,
    home, office,
};
use super::random::{Dice, Purpose, mix};
use super::tenant::{Happening, Tenant};
use super::wire::uuid;

const FIRST: [&str; 64] = [
    "Anna", "Ben", "Clara", "David", "Elena", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Kira",
    "Lukas", "Maria", "Noah", "Olga", "Paul", "Rosa", "Samuel", "Tara", "Urs", "Vera", "Willem",
    "Xenia", "Yusuf", "Zoe", "Adam", "Beatriz", "Carlos", "Diana", "Emil", "Fatima", "Gavin",
    "Hannah", "Ivan", "Julia", "Karim", "Lena", "Marc", "Nadia", "Oskar", "Priya", "Rafael",
    "Sofia", "Tomasz", "Usha", "Victor", "Wanda", "Xavier", "Yara", "Zeno", "Aisha", "Bruno",
    "Celia", "Daniel", "Esther", "Farid", "Gloria", "Henry", "Irene", "James", "Katja", "Liam",
    "Mei", "Nils",
];

// A prime number of them: see `names`.
const LAST: [&str; 101] = [
    "Keller",
    "Meier",
    "Fischer",
    "Brandt",
    "Lind",
    "Wilk",
    "Raman",
    "Tanaka",
    "Kessler",
    "Oberholzer",
    "Smith",
    "Jones",
    "Taylor",
    "Brown",
    "Wilson",
    "Evans",
    "Thomas",
    "Roberts",
    "Walker",
    "Wright",
    "Garcia",
    "Martinez",
    "Lopez",
    "Gonzalez",
    "Perez",
    "Sanchez",
    "Romero",
    "Torres",
    "Ruiz",
    "Navarro",
    "Nowak",
    "Kowalski",
    "Wozniak",
    "Mazur",
    "Krawczyk",
    "Zajac",
    "Pawlak",
    "Walczak",
    "Sikora",
    "Baran",
    "Tan",
    "Lim",
    "Lee",
    "Ng",
    "Wong",
    "Goh",
    "Chua",
    "Koh",
    "Teo",
    "Ong",
    "Miller",
    "Davis",
    "Johnson",
    "Anderson",
    "Jackson",
    "White",
    "Harris",
    "Martin",
    "Thompson",
    "Robinson",
    "Clark",
    "Lewis",
    "Hall",
    "Young",
    "King",
    "Scott",
    "Green",
    "Baker",
    "Adams",
    "Nelson",
    "Hill",
    "Carter",
    "Mitchell",
    "Turner",
    "Parker",
    "Collins",
    "Edwards",
    "Stewart",
    "Morris",
    "Murphy",
    "Cook",
    "Rogers",
    "Morgan",
    "Cooper",
    "Reed",
    "Bailey",
    "Bell",
    "Kelly",
    "Howard",
    "Ward",
    "Cox",
    "Richardson",
    "Wood",
    "Watson",
    "Brooks",
    "Bennett",
    "Gray",
    "Hughes",
    "Price",
    "Myers",
    "Long",
];

/// What a person does for the tenant, as far as it changes how they sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Office,
    Admin,
    Developer,
    /// On their feet all day, with a phone only.
    Frontline,
    /// Of another company, with an account of its tenant.
    Guest,
    /// Starts on one of the first days.
    NewHire,
    /// Gone and disabled, but the phone still asks.
    Leaver,
    /// Enabled, and unused for months.
    Dormant,
    /// A meeting room's account.
    Room,
    /// A scanner's mailbox.
    Scanner,
}

/// What the second factor usually is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Push,
    Code,
    Text,
    Call,
}

/// A person and their habits.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "five habits that have nothing to do with each other"
)]
pub(super) struct Person {
    pub number: u32,
    pub kind: Kind,
    pub site: usize,
    pub town: CityIndex,
    /// Minutes that their day begins later than the office's.
    pub late_minutes: i64,
    /// How often in a thousand days they work at home.
    pub home_permille: u64,
    /// Their laptop leaves home through the company's exit.
    pub company_exit: bool,
    /// Their laptop leaves home through a private VPN, at times.
    pub private_vpn: bool,
    /// Their home reaches the service by IPv6 as well.
    pub dual_stack: bool,
    /// Days that a home address lasts.
    pub lease_days: u64,
    pub laptop: Machine,
    pub phone: Machine,
    pub method: Method,
    /// Signs in without a password: Windows Hello or a security key.
    pub passwordless: bool,
    /// Excluded from the policy that asks everybody for a second factor.
    pub exempt: bool,
}

/// A device and the two ways it signs in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Machine {
    pub device: Device,
    pub browser: ClientIndex,
    pub native: ClientIndex,
}

/// A stay away from home, in days since 1970 by the clock at home.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trip {
    pub first: i64,
    pub last: i64,
    pub city: CityIndex,
    pub conference: bool,
}

impl Person {
    pub fn new(tenant: &Tenant, number: u32) -> Person {
        let mut dice = Dice::new(tenant.seed, Purpose::Person, &[u64::from(number)]);
        let kind = kind(tenant, number);
        let share = dice.below(100);
        let mut site = 0;
        let mut below = 0;
        for (index, of) in SITES.iter().enumerate() {
            below += of.share;
            if share < below {
                site = index;
                break;
            }
        }
        let town = *dice.pick(&[
            SITES[site].city,
            SITES[site].towns[0],
            SITES[site].towns[1],
            SITES[site].towns[2],
        ]);
        let laptop = laptop(tenant, number, kind, &mut dice);
        let phone = phone(tenant, number, &mut dice);
        Person {
            number,
            kind,
            site,
            town,
            late_minutes: dice.between(-60, 90),
            home_permille: *dice.pick(&[0, 100, 200, 400, 400, 600, 950]),
            company_exit: dice.chance(180),
            private_vpn: dice.chance(30),
            dual_stack: dice.chance(400),
            lease_days: *dice.pick(&[1, 3, 7, 14, 30, 90]),
            laptop,
            phone,
            method: dice.weighted(&[
                (Method::Push, 70),
                (Method::Code, 15),
                (Method::Text, 12),
                (Method::Call, 3),
            ]),
            passwordless: dice.chance(if laptop.device.managed() { 600 } else { 60 }),
            exempt: !matches!(kind, Kind::Admin | Kind::Guest | Kind::NewHire) && dice.chance(50),
        }
    }

    pub fn city(&self) -> CityIndex {
        SITES[self.site].city
    }

    /// Milliseconds that their clocks are ahead of UTC.
    pub fn offset(&self) -> i64 {
        CITIES[usize::from(self.city())].offset_hours * super::calendar::HOUR
    }

    pub fn first_name(&self) -> &'static str {
        names(self.number).0
    }

    pub fn last_name(&self) -> &'static str {
        names(self.number).1
    }

    pub fn display_name(&self) -> String {
        let (first, last, again) = names(self.number);
        let city = CITIES[usize::from(self.city())].name;
        match self.kind {
            Kind::Room => format!("Meeting room {city} {}", self.number % 97),
            Kind::Scanner => format!("Scanner {city} {}", self.number % 97),
            _ if again > 0 => format!("{first} {last} {}", again + 1),
            _ => format!("{first} {last}"),
        }
    }

    pub fn principal_name(&self) -> String {
        let (first, last, again) = names(self.number);
        let mut name = match self.kind {
            Kind::Room => format!("room.{}", self.number),
            Kind::Scanner => format!("scan.{}", self.number),
            _ => format!(
                "{}.{}",
                first.to_ascii_lowercase(),
                last.to_ascii_lowercase()
            ),
        };
        if again > 0 && !matches!(self.kind, Kind::Room | Kind::Scanner) {
            let _ = write!(name, "{}", again + 1);
        }
        name.push_str(if self.kind == Kind::Guest {
            "@fabrikam.example"
        } else {
            "@contoso.example"
        });
        name
    }

    pub fn id(&self, tenant: &Tenant) -> String {
        uuid(mix(tenant.seed, Purpose::Object, &[u64::from(self.number)]))
    }

    /// The session that a device's client is in. It lasts for some days, wherever the device is carried.
    pub fn session(&self, tenant: &Tenant, client: ClientIndex, day: i64) -> u64 {
        let of = mix(
            tenant.seed,
            Purpose::Session,
            &[u64::from(self.number), u64::from(client)],
        );
        let lasts = 5 + of % 20;
        let turn = (day.cast_unsigned() + of % 31) / lasts;
        mix(of, Purpose::Session, &[turn])
    }

    pub fn at_office(&self, tenant: &Tenant) -> Place {
        office(
            self.site,
            tenant.people_of_site(self.site),
            u64::from(self.number),
        )
    }

    /// At home. Programs and browsers of a dual-stack home differ in the protocol they prefer.
    pub fn at_home(&self, tenant: &Tenant, day: i64, device: u64, six: bool) -> Place {
        let line = mix(tenant.seed, Purpose::Home, &[u64::from(self.number), 1]);
        let lease = (day.cast_unsigned() + line % self.lease_days) / self.lease_days;
        home(
            tenant.seed,
            u64::from(self.number),
            self.town,
            lease,
            (six && self.dual_stack).then_some(device),
        )
    }

    /// On the mobile network, at home or, with the city of a trip, roaming.
    pub fn on_carrier(&self, tenant: &Tenant, at: i64, roaming: Option<CityIndex>) -> Place {
        let hub = roaming.unwrap_or(SITES[self.site].carrier_hub);
        let lasts = 2 + u64::from(self.number) % 5;
        carrier(
            tenant.seed,
            u64::from(self.number),
            hub,
            tenant.people_of_site(self.site) / 60,
            (at / super::calendar::HOUR).cast_unsigned() / lasts,
            self.number.is_multiple_of(3),
        )
    }

    pub fn at_company_exit(&self) -> Place {
        company_exit(self.site, u64::from(self.number))
    }

    pub fn at_hotel(&self, trip: &Trip) -> Place {
        guest_wifi(
            trip.city,
            if trip.conference {
                0
            } else {
                1 + u64::from(self.number)
            },
        )
    }

    pub fn on_private_vpn(&self, day: i64) -> Place {
        let number = u64::from(self.number);
        places::hosting(
            mix(number, Purpose::Home, &[day.cast_unsigned() / 3]),
            number,
            [25, 24, 27, 4][usize::from(self.town % 4)],
            false,
        )
    }

    /// The trip that `day` belongs to.
    pub fn trip(&self, tenant: &Tenant, day: i64) -> Option<Trip> {
        if !matches!(self.kind, Kind::Office | Kind::Admin | Kind::Developer) {
            return None;
        }
        // The conference takes some Europeans, always the same few who sell.
        if self.number % 24 == 5 && !matches!(self.site, 2 | 4) {
            for first in day - 1..=day {
                if tenant.happens(Happening::Conference, first) {
                    return Some(Trip {
                        first,
                        last: first + 1,
                        city: LISBON,
                        conference: true,
                    });
                }
            }
        }
        let week = (day + 3).div_euclid(7);
        let of = [u64::from(self.number), week.cast_unsigned()];
        let mut dice = Dice::new(tenant.seed, Purpose::Trip, &of);
        if !dice.chance(60) {
            return None;
        }
        let first = week * 7 - 3 + dice.between(0, 3);
        let last = first + dice.between(1, 3);
        let city = *dice.pick(&DESTINATIONS);
        let abroad = CITIES[usize::from(city)].country != CITIES[usize::from(self.city())].country;
        (abroad && (first..=last).contains(&day)).then_some(Trip {
            first,
            last,
            city,
            conference: false,
        })
    }

    /// The day, since 1970, on which a new hire starts.
    pub fn starts(&self, tenant: &Tenant) -> i64 {
        let within = tenant.days.clamp(1, 10).cast_unsigned();
        tenant.first_day + (u64::from(self.number / 7) % within).cast_signed()
    }

    /// When the day begins and ends here, in UTC.
    pub fn midnight(&self, day: i64) -> i64 {
        day * DAY - self.offset()
    }
}

/// First name, last name, and how many people of that name came before.
///
/// Every pair occurs once before any occurs twice: for a first name, the last names go round in steps of
/// `13 * 64 + 1`, and as their number is prime they come all round.
fn names(number: u32) -> (&'static str, &'static str, u32) {
    let number = number as usize;
    let first = number % FIRST.len();
    let last = (number / FIRST.len() + 13 * number) % LAST.len();
    let again = number / (FIRST.len() * LAST.len());
    (FIRST[first], LAST[last], u32::try_from(again).unwrap_or(0))
}

fn kind(tenant: &Tenant, number: u32) -> Kind {
    if number >= tenant.people {
        return if number < tenant.people + tenant.rooms() {
            Kind::Room
        } else {
            Kind::Scanner
        };
    }
    // Exact shares of every hundred, so that a small tenant has some of each.
    match (u64::from(number) * 37 + tenant.seed % 100) % 100 {
        0..2 => Kind::Admin,
        2..9 => Kind::Developer,
        9..18 => Kind::Frontline,
        18..22 => Kind::Guest,
        22 => Kind::Leaver,
        23 => Kind::NewHire,
        24 => Kind::Dormant,
        _ => Kind::Office,
    }
}

fn laptop(tenant: &Tenant, number: u32, kind: Kind, dice: &mut Dice) -> Machine {
    let bits = mix(tenant.seed, Purpose::Device, &[u64::from(number), 1]);
    let (trust, compliant) = match kind {
        Kind::Guest => (Trust::None, false),
        Kind::Developer => dice.weighted(&[
            ((Trust::EntraJoined, true), 60),
            ((Trust::Registered, true), 20),
            ((Trust::None, false), 20),
        ]),
        _ => dice.weighted(&[
            ((Trust::EntraJoined, true), 45),
            ((Trust::HybridJoined, true), 25),
            ((Trust::HybridJoined, false), 5),
            ((Trust::Registered, true), 8),
            ((Trust::None, false), 17),
        ]),
    };
    let device = Device {
        bits,
        trust,
        compliant,
    };
    let (browser, native) = if device.managed() {
        let browser = *dice.pick(&[
            clients::EDGE_145,
            clients::EDGE_145,
            clients::EDGE_144,
            clients::CHROME_145,
        ]);
        (browser, clients::WINDOWS_BROKER)
    } else {
        *dice.pick(&[
            (clients::MAC_SAFARI, clients::MAC_BROKER),
            (clients::MAC_CHROME, clients::MAC_BROKER),
            (clients::CHROME_144, clients::WINDOWS_BROKER),
            (clients::FIREFOX_147, clients::WINDOWS_BROKER),
            (clients::LINUX_FIREFOX, clients::LINUX_BROKER),
        ])
    };
    Machine {
        device,
        browser,
        native,
    }
}

fn phone(tenant: &Tenant, number: u32, dice: &mut Dice) -> Machine {
    let bits = mix(tenant.seed, Purpose::Device, &[u64::from(number), 2]);
    let registered = dice.chance(600);
    let device = if registered {
        Device {
            bits,
            trust: Trust::Registered,
            compliant: dice.chance(700),
        }
    } else {
        Device::UNKNOWN
    };
    let (browser, native) = if dice.chance(550) {
        (clients::IPHONE_SAFARI, clients::IPHONE_BROKER)
    } else {
        (clients::ANDROID_CHROME, clients::ANDROID_BROKER)
    };
    Machine {
        device,
        browser,
        native,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn nobody_shares_a_name() {
        let tenant = Tenant::new(1, 20_000, 20_514, 1);
        let mut seen = BTreeSet::new();
        for number in 0..20_000 + tenant.fixtures() {
            let name = Person::new(&tenant, number).principal_name();
            assert!(seen.insert(name.clone()), "{name}");
        }
    }

    #[test]
    fn a_hundred_people_are_of_every_kind() {
        let tenant = Tenant::new(3, 100, 20_514, 1);
        for (kind, count) in [
            (Kind::Admin, 2),
            (Kind::Developer, 7),
            (Kind::Frontline, 9),
            (Kind::Guest, 4),
            (Kind::Leaver, 1),
            (Kind::NewHire, 1),
            (Kind::Dormant, 1),
        ] {
            let found = (0..100)
                .filter(|number| Person::new(&tenant, *number).kind == kind)
                .count();
            assert_eq!(found, count, "{kind:?}");
        }
    }

    #[test]
    fn a_trip_is_the_same_on_each_of_its_days() {
        let tenant = Tenant::new(3, 2000, 20_514, 14);
        let mut trips = 0;
        for number in 0..500 {
            let person = Person::new(&tenant, number);
            for day in 20_514..20_528 {
                let Some(trip) = person.trip(&tenant, day) else {
                    continue;
                };
                assert!((trip.first..=trip.last).contains(&day));
                trips += 1;
            }
        }
        assert!(trips > 50, "{trips}");
    }
}

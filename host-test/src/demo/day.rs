//! A day of one account: where its person is at each hour, and what they sign in to meanwhile.

use super::calendar::{DAY, HOUR, MINUTE, weekday};
use super::clients::{self, Device, Trust};
use super::flows::{Desk, Seat};
use super::people::{Kind, Machine, Person, Trip};
use super::places::{CITIES, Place, guest_wifi, kilometres};
use super::random::{Dice, Purpose, mix};
use super::record::{Event, FlowName};
use super::tenant::{self, Happening, Tenant};
use super::workloads;

/// Where somebody is during a day.
struct Whereabouts {
    trip: Option<Trip>,
    /// Take-off and landing, on the way out.
    out: Option<(i64, i64)>,
    /// The same on the way home, which may have begun the day before.
    back: Option<(i64, i64)>,
    /// The office, from and until. Empty on a day at home.
    office: (i64, i64),
    /// Travelling to and from the office takes this long.
    commute: i64,
}

impl Whereabouts {
    fn new(tenant: &Tenant, person: &Person, day: i64, works: bool, dice: &mut Dice) -> Self {
        let midnight = person.midnight(day);
        let begin = midnight
            + 8 * HOUR
            + person.late_minutes * MINUTE
            + dice.between(-20 * MINUTE, 20 * MINUTE);
        let end = begin + 8 * HOUR + dice.between(0, 90 * MINUTE);
        let trip = person.trip(tenant, day);
        let earlier = person.trip(tenant, day - 1);
        let back = trip.or(earlier).filter(|trip| trip.last <= day);
        let at_office = works && trip.is_none() && !dice.chance(person.home_permille);
        Whereabouts {
            trip,
            // Long ones land the next day, so it is asked for on each.
            out: trip.map(|trip| flight(person, &trip, trip.first, 6)),
            back: back.map(|trip| flight(person, &trip, trip.last, 15)),
            office: if at_office { (begin, end) } else { (0, 0) },
            commute: dice.between(15 * MINUTE, 70 * MINUTE),
        }
    }

    /// Where they are abroad, from the landing to the flight home.
    fn away(&self, at: i64) -> Option<Trip> {
        let trip = self.trip?;
        let landed = self.out.is_none_or(|(_, land)| at >= land);
        let left = self.back.is_some_and(|(off, _)| at >= off);
        (landed && !left).then_some(trip)
    }

    fn at_office(&self, at: i64) -> bool {
        (self.office.0..self.office.1).contains(&at)
    }

    fn commutes(&self, at: i64) -> bool {
        self.office.1 > 0
            && (self.office.0 - self.commute..self.office.1 + self.commute).contains(&at)
            && !self.at_office(at)
    }

    fn laptop(&self, tenant: &Tenant, person: &Person, day: i64, at: i64) -> Place {
        if let Some(trip) = self.away(at) {
            // At the conference itself nobody bothers with the company's exit.
            if person.company_exit && !trip.conference {
                return person.at_company_exit();
            }
            return person.at_hotel(&trip);
        }
        if let Some((off, _)) = self.out
            && at > off - 2 * HOUR
            && at < off
        {
            return guest_wifi(person.city(), 4);
        }
        if self.at_office(at) {
            return person.at_office(tenant);
        }
        let hour = (at - person.midnight(day)) / HOUR;
        if person.company_exit {
            person.at_company_exit()
        } else if person.private_vpn && hour >= 18 {
            person.on_private_vpn(day)
        } else {
            // A dual-stack home reaches the service now by one protocol and now by the other.
            let turn = (at / (7 * MINUTE)).cast_unsigned();
            let of = [u64::from(person.number), turn, 2];
            let six = mix(tenant.seed, Purpose::Home, &of) % 4 < 3;
            person.at_home(tenant, day, 1, six)
        }
    }

    fn phone(&self, tenant: &Tenant, person: &Person, day: i64, at: i64) -> Place {
        // A phone drops off the Wi-Fi for an hour now and then, and its session goes with it.
        let hour = (at / (40 * MINUTE)).cast_unsigned();
        let dropped = mix(
            tenant.seed,
            Purpose::Carrier,
            &[u64::from(person.number), hour, 1],
        ) % 100;
        if let Some(trip) = self.away(at) {
            return if dropped < 40 {
                person.on_carrier(tenant, at, Some(trip.city))
            } else {
                person.at_hotel(&trip)
            };
        }
        if self.commutes(at) {
            return person.on_carrier(tenant, at, None);
        }
        if self.at_office(at) {
            return if dropped < 40 {
                person.on_carrier(tenant, at, None)
            } else {
                person.at_office(tenant)
            };
        }
        if dropped < 20 {
            person.on_carrier(tenant, at, None)
        } else {
            person.at_home(tenant, day, 2, dropped < 70)
        }
    }
}

/// A flight on a day, from some hour on, by a clock at home. The same whenever it is asked for.
fn flight(person: &Person, trip: &Trip, day: i64, hour: i64) -> (i64, i64) {
    let of = u64::from(person.number) + day.cast_unsigned();
    let off = person.midnight(day) + hour * HOUR + (of % 240).cast_signed() * MINUTE;
    let hours = kilometres(person.city(), trip.city) * HOUR / 800;
    (off, off + hours + 40 * MINUTE)
}

/// Adds all records of an account that belong to a day of its calendar.
pub(super) fn plan(tenant: &Tenant, person: &Person, day: i64, out: &mut Vec<Event>) {
    let of = [u64::from(person.number), day.cast_unsigned()];
    let mut dice = Dice::new(tenant.seed, Purpose::Day, &of);
    if person.kind == Kind::Scanner {
        workloads::plan_scanner(tenant, person, day, &mut dice, out);
        return;
    }
    let work_day = weekday(day) < 5;
    let works = match person.kind {
        Kind::Frontline => dice.chance(700),
        Kind::Guest => work_day && dice.chance(500),
        _ => work_day && dice.chance(940),
    };
    let whereabouts = Whereabouts::new(tenant, person, day, works, &mut dice);
    let mut today = Today {
        midnight: person.midnight(day),
        desk: Desk {
            flights: [whereabouts.out, whereabouts.back],
            tenant,
            person,
            day,
            dice: &mut dice,
            out,
        },
        whereabouts,
    };
    match person.kind {
        Kind::NewHire if day < person.starts(tenant) => {}
        Kind::Leaver => today.leaver(),
        Kind::Room => today.room(),
        Kind::Guest if works => today.guest(),
        Kind::Guest | Kind::Dormant => {}
        _ => today.employee(works),
    }
}

struct Today<'a> {
    midnight: i64,
    whereabouts: Whereabouts,
    desk: Desk<'a>,
}

impl Today<'_> {
    fn at_laptop(&self, at: i64) -> Seat {
        let desk = &self.desk;
        Seat {
            at,
            place: self
                .whereabouts
                .laptop(desk.tenant, desk.person, desk.day, at),
            machine: desk.person.laptop,
        }
    }

    fn at_phone(&self, at: i64) -> Seat {
        let desk = &self.desk;
        Seat {
            at,
            place: self
                .whereabouts
                .phone(desk.tenant, desk.person, desk.day, at),
            machine: desk.person.phone,
        }
    }

    fn employee(&mut self, works: bool) {
        let person = *self.desk.person;
        self.phone_all_day();
        if person.kind == Kind::Frontline {
            if works {
                let shift = self.midnight + *self.desk.dice.pick(&[6, 13, 21]) * HOUR;
                for _ in 0..self.desk.dice.count(1, 3) {
                    let at = shift + self.desk.dice.between(0, 8 * HOUR);
                    let seat = self.at_phone(at);
                    self.browse(&seat);
                }
            }
            self.incidents(true);
            return;
        }
        if works {
            self.working_day();
            self.incidents(false);
        } else if self.desk.dice.chance(80) {
            let at = self.midnight + self.desk.dice.between(10 * HOUR, 20 * HOUR);
            let seat = self.at_laptop(at);
            self.browse(&seat);
        }
        self.befallen(works);
    }

    /// From the lock screen in the morning to the last page, with an hour of less at noon.
    fn working_day(&mut self) {
        let person = *self.desk.person;
        let (begin, end) = self.hours();
        if person.kind == Kind::NewHire && self.desk.day == person.starts(self.desk.tenant) {
            let seat = self.at_laptop(begin + 30 * MINUTE);
            self.desk.sign_in(FlowName::Enrolment, &seat);
        }
        if person.laptop.device.managed() {
            let seat = self.at_laptop(begin);
            self.desk.windows_logon(&seat);
        }
        for (app, resources) in [
            (tenant::OFFICE, &[tenant::EXCHANGE][..]),
            (tenant::TEAMS, &[tenant::GRAPH, tenant::SHAREPOINT]),
            (tenant::ONEDRIVE, &[tenant::SHAREPOINT]),
            (tenant::EDGE, &[tenant::GRAPH]),
        ] {
            let mut at = begin + self.desk.dice.skewed(0, 40 * MINUTE);
            while at < end {
                let seat = self.at_laptop(at);
                self.desk.refresh(&seat, app, resources);
                at += self.desk.dice.between(62 * MINUTE, 130 * MINUTE);
            }
        }
        let pages = self.desk.dice.count(3, 9);
        for _ in 0..pages {
            let mut at = self.desk.dice.between(begin, end);
            let noon = self.midnight + 12 * HOUR;
            if (noon..noon + HOUR).contains(&at) && self.desk.dice.chance(600) {
                at += 90 * MINUTE;
            }
            let seat = self.at_laptop(at);
            self.browse(&seat);
        }
        if matches!(person.kind, Kind::Admin | Kind::Developer) {
            for _ in 0..self.desk.dice.count(1, 4) {
                let at = self.desk.dice.between(begin, end);
                let seat = self.at_laptop(at);
                self.desk.tools(&seat);
            }
            if person.kind == Kind::Developer && self.desk.dice.chance(100) {
                let at = self.desk.dice.between(begin, end);
                let seat = self.at_laptop(at);
                self.desk.device_code(&seat);
            }
        }
        if self.desk.dice.chance(200) {
            let at = self.midnight + self.desk.dice.between(19 * HOUR, 23 * HOUR);
            let seat = self.at_laptop(at);
            self.browse(&seat);
            self.desk
                .refresh(&seat, tenant::OFFICE, &[tenant::EXCHANGE]);
        }
    }

    /// Working hours, by the clock of where they are.
    fn hours(&mut self) -> (i64, i64) {
        let person = self.desk.person;
        let (mut begin, mut end) = self.whereabouts.office;
        if end == 0 {
            begin = self.midnight
                + 8 * HOUR
                + person.late_minutes * MINUTE
                + self.desk.dice.between(-30 * MINUTE, 40 * MINUTE);
            end = begin + 9 * HOUR;
        }
        if let Some(trip) = self
            .whereabouts
            .trip
            .filter(|trip| trip.first < self.desk.day)
        {
            let ahead = CITIES[usize::from(trip.city)].offset_hours * HOUR - person.offset();
            begin -= ahead;
            end -= ahead;
        }
        (begin, end)
    }

    /// One visit to a page: mostly nothing to type, often an interrupt on the way.
    fn browse(&mut self, seat: &Seat) {
        let managed = seat.machine.device.managed();
        let known = seat.machine.device.trust != Trust::None;
        let asked = !seat.place.trusted() && !self.desk.person.exempt;
        let weights = [
            (FlowName::ClaimSignIn, if known { 480 } else { 330 }),
            (FlowName::SilentSignIn, 170),
            (FlowName::SilentAlone, 45),
            (
                FlowName::BrowserMfa,
                if asked && managed {
                    60
                } else if asked {
                    170
                } else {
                    0
                },
            ),
            (FlowName::PasswordOnly, if asked { 0 } else { 90 }),
            (
                FlowName::Passwordless,
                if self.desk.person.passwordless { 60 } else { 4 },
            ),
            (FlowName::StaySignedIn, if managed { 8 } else { 60 }),
            (FlowName::AccountChoice, 22),
            (FlowName::WrongPassword, 28),
            (FlowName::PromptUnanswered, if asked { 14 } else { 0 }),
            (FlowName::SecondFailed, if asked { 8 } else { 0 }),
            (FlowName::Consent, 7),
            (FlowName::PageLeftOpen, 6),
            (FlowName::SessionRevoked, 7),
            (FlowName::BackButton, 3),
            (FlowName::ServiceFault, 3),
            (FlowName::SeamlessSso, if managed { 5 } else { 0 }),
            (FlowName::MistypedName, 3),
            (
                FlowName::DeviceRefused,
                if seat.machine.device.compliant { 0 } else { 5 },
            ),
        ];
        let mut name = self.desk.dice.weighted(&weights);
        if name == FlowName::BrowserMfa && !asked {
            name = FlowName::PasswordOnly;
        }
        self.desk.sign_in(name, seat);
    }

    /// Mail and chat on the phone ask for tokens as long as anybody is awake, and sometimes longer.
    fn phone_all_day(&mut self) {
        for (app, resource) in [
            (tenant::OUTLOOK_MOBILE, tenant::EXCHANGE),
            (tenant::TEAMS, tenant::GRAPH),
        ] {
            let mut at = self.desk.dice.between(0, 4 * HOUR);
            while at < DAY {
                let night = at < 6 * HOUR;
                let seat = self.at_phone(self.midnight + at);
                if self.desk.dice.chance(12) {
                    self.desk.device_handshake(&seat);
                } else {
                    self.desk.refresh(&seat, app, &[resource]);
                }
                at += if night {
                    self.desk.dice.between(3 * HOUR, 6 * HOUR)
                } else {
                    self.desk.dice.between(110 * MINUTE, 5 * HOUR)
                };
            }
        }
        if self.desk.dice.chance(130) {
            let at = self.midnight + self.desk.dice.between(7 * HOUR, 22 * HOUR);
            let seat = self.at_phone(at);
            self.browse(&seat);
        }
    }

    /// What goes wrong for somebody on one day of many.
    fn incidents(&mut self, by_phone: bool) {
        let chances = [
            (FlowName::ForgottenPassword, 10),
            (FlowName::PasswordExpired, 8),
            (FlowName::StalePhone, 8),
            (FlowName::TokenExpired, 45),
            (FlowName::SessionRevoked, 10),
            (FlowName::NewPhone, 7),
            (FlowName::Enrolment, 4),
            (FlowName::MistakenDeny, 3),
        ];
        for (name, permille) in chances {
            if !self.desk.dice.chance(permille) {
                continue;
            }
            let (begin, end) = self.hours();
            let at = self.desk.dice.between(begin, end);
            let seat = if by_phone {
                self.at_phone(at)
            } else {
                self.at_laptop(at)
            };
            match name {
                FlowName::ForgottenPassword => self.desk.forgotten_password(&seat),
                FlowName::StalePhone => {
                    let seat = self.at_phone(at);
                    let Self {
                        desk, whereabouts, ..
                    } = self;
                    let (tenant, person, day) = (desk.tenant, *desk.person, desk.day);
                    desk.stale_phone(&seat, |at| whereabouts.phone(tenant, &person, day, at));
                }
                FlowName::TokenExpired => {
                    let code = *self
                        .desk
                        .dice
                        .pick(&[70043, 70043, 70044, 700_082, 700_082]);
                    self.desk.token_refused(FlowName::TokenExpired, &seat, code);
                }
                FlowName::NewPhone => {
                    let seat = self.at_phone(at);
                    let new = Machine {
                        device: Device {
                            bits: self.desk.dice.bits(),
                            trust: Trust::Registered,
                            compliant: true,
                        },
                        browser: clients::IPHONE_SAFARI,
                        native: clients::IPHONE_BROKER,
                    };
                    self.desk.new_phone(&seat, new);
                }
                FlowName::MistakenDeny if seat.place.trusted() || self.desk.person.exempt => {}
                other => self.desk.sign_in(other, &seat),
            }
        }
    }

    /// What comes over the whole office or everybody.
    fn befallen(&mut self, works: bool) {
        let (tenant, person, day) = (self.desk.tenant, self.desk.person, self.desk.day);
        if !works {
            return;
        }
        let at_office = self.whereabouts.office.1 > 0;
        if tenant.happens(Happening::RollOut, day)
            && at_office
            && person.site == tenant.roll_out_site()
        {
            let at = self.midnight + 8 * HOUR + self.desk.dice.skewed(0, 70 * MINUTE);
            let seat = Seat {
                place: person.at_office(tenant),
                ..self.at_laptop(at)
            };
            self.desk.sign_in(FlowName::RollOut, &seat);
        }
        if tenant.happens(Happening::BrokenApp, day) && at_office && self.desk.dice.chance(500) {
            // The morning in Zürich; others meet it in the middle of their day, or not at all.
            let at = day * DAY + self.desk.dice.between(8 * HOUR, 11 * HOUR);
            if self.whereabouts.at_office(at) {
                let seat = self.at_laptop(at);
                self.desk.broken_app(&seat);
            }
        }
        if tenant.happens(Happening::ShorterTokens, day) {
            let (begin, _) = self.hours();
            let at = begin + self.desk.dice.skewed(0, 90 * MINUTE);
            let seat = self.at_laptop(at);
            self.desk
                .token_refused(FlowName::ShorterTokens, &seat, 70043);
        }
    }

    fn leaver(&mut self) {
        let mut at = self.desk.dice.between(0, 2 * HOUR);
        while at < DAY {
            let seat = self.at_phone(self.midnight + at);
            self.desk.leaver_phone(&seat);
            at += self.desk.dice.between(40 * MINUTE, 4 * HOUR);
        }
    }

    /// A meeting room stays signed in, and now and then is signed in again by whoever stands before it.
    fn room(&mut self) {
        let place = self.desk.person.at_office(self.desk.tenant);
        let machine = self.desk.person.phone;
        let mut at = self.midnight + self.desk.dice.between(0, HOUR);
        let until = self.midnight + DAY;
        while at < until {
            let seat = Seat { at, place, machine };
            self.desk.refresh(&seat, tenant::TEAMS, &[tenant::GRAPH]);
            at += self.desk.dice.between(90 * MINUTE, 4 * HOUR);
        }
        if weekday(self.desk.day) < 5 && self.desk.dice.chance(150) {
            let at = self.midnight + self.desk.dice.between(8 * HOUR, 10 * HOUR);
            self.desk.device_code(&Seat { at, place, machine });
        }
    }

    fn guest(&mut self) {
        let (begin, end) = self.hours();
        for turn in 0..self.desk.dice.count(1, 3) {
            let at = self.desk.dice.between(begin, end);
            let seat = self.at_laptop(at);
            if turn == 0 && self.desk.dice.chance(250) {
                self.desk.sign_in(FlowName::TermsOfUse, &seat);
            } else {
                self.browse(&seat);
            }
        }
    }
}

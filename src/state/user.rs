//! What is remembered of a user, and why each part is needed.
//!
//! Places become the user's own by getting in from them. At once where the record shows more than a password: a device
//! that the tenant manages, a network that it trusts, or a second factor given just then. Else by being used again a day
//! later, and so does what belongs to a hosting provider, or was proved with a second factor that a user without history
//! had just registered. What was first seen in an attack takes two weeks ([`Seen::is_settled`]).

use super::compact::{Reader, Writer};
use super::event::{Event, NO_DEGREES, Traits, folded};
use super::pack::{Damaged, Pack, pack_struct};
use super::table::Entry;
use super::timeline::{Familiar, Happening, Seen, Timeline, bytes_of, note_first, reserve, shrink};
use super::{Attack, flow};
use crate::classify::Cause;
use crate::limits::{
    APPS_PER_USER, COUNTRIES_PER_USER, DELIVERIES_PER_USER, DEVICES_PER_USER, EVENTS_PER_USER,
    EVENTS_SECS, NETWORKS_PER_USER, QUIET_EVENTS, REFRESHES_PER_USER, REFRESHES_SECS, REPEAT_SECS,
    REPEATS_PER_USER, SETTLE_SECS,
};

/// A non-interactive sign-in that got in, in short: there are many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refresh {
    /// Seconds since 1970.
    pub at: u32,
    /// Application.
    pub app: u32,
    /// Resource asked for.
    pub resource: u32,
    /// Session id.
    pub session: u32,
    /// User agent.
    pub agent: u32,
    /// Address.
    pub address: u32,
    /// Network.
    pub network: u32,
}

impl Happening for Refresh {
    fn at(&self) -> u32 {
        self.at
    }

    fn write(&self, before: &Refresh, out: &mut Writer) {
        out.changes(&self.words(), &before.words());
    }

    fn read(at: u32, before: &Refresh, from: &mut Reader) -> Result<Refresh, Damaged> {
        let mut words = before.words();
        from.changes(&mut words)?;
        let [app, resource, session, agent, address, network] = words;
        Ok(Refresh {
            at,
            app,
            resource,
            session,
            agent,
            address,
            network,
        })
    }
}

impl Refresh {
    /// What is remembered of a non-interactive sign-in that got in.
    fn of(event: &Event) -> Refresh {
        Refresh {
            at: event.at,
            app: event.app,
            resource: event.resource,
            session: event.session,
            agent: event.agent,
            address: event.address,
            network: event.network,
        }
    }

    fn words(&self) -> [u32; 6] {
        [
            self.app,
            self.resource,
            self.session,
            self.agent,
            self.address,
            self.network,
        ]
    }
}

/// A kind of non-interactive sign-in of which one has been left in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Repeat {
    /// Application, address, resource, status and code.
    kind: u32,
    /// When the one was.
    at: u32,
}

/// What is remembered of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// Sign-ins of the last day: sequences and counts. Non-interactive ones that got in are in `refreshes`.
    pub recent: Timeline<Event, EVENTS_PER_USER, EVENTS_SECS>,
    /// Non-interactive sign-ins that got in: what a stolen token does.
    pub refreshes: Timeline<Refresh, REFRESHES_PER_USER, REFRESHES_SECS>,
    /// Networks from which the user got in.
    pub networks: Familiar<NETWORKS_PER_USER>,
    /// Countries from which the user got in.
    pub countries: Familiar<COUNTRIES_PER_USER>,
    /// Applications that the user got into.
    pub apps: Familiar<APPS_PER_USER>,
    /// Devices with which the user got in.
    pub devices: Familiar<DEVICES_PER_USER>,
    /// Ids of the last records: a record delivered twice must not count twice.
    delivered: Vec<u32>,
    /// What `repeat_refresh` compares with.
    repeats: Vec<Repeat>,
    /// The first success, in seconds since 1970; 0 before it.
    pub since: u32,
    /// The first success by device code; 0 before it.
    pub first_code: u32,
    /// The last sign-in of any kind; 0 before the first.
    pub last_seen: u32,
    /// The hours of the day (UTC) at which a person was there and got in, one bit each.
    pub hours: u32,
    /// Failures day by day.
    pub failures: Daily,
    /// The last attack on this user that was seen.
    pub attack: Option<Attack>,
}

/// Parts of a user that are written only where there is something to say.
mod said {
    pub const SINCE: u8 = 1;
    pub const FIRST_CODE: u8 = 2;
    pub const HOURS: u8 = 4;
    pub const FAILURES: u8 = 8;
    pub const ATTACK: u8 = 16;
}

impl Entry for User {
    fn is_quiet(&self) -> bool {
        self.recent.all().len() + self.refreshes.all().len() <= QUIET_EVENTS
    }

    fn heap_bytes(&self) -> usize {
        self.recent.heap_bytes()
            + self.refreshes.heap_bytes()
            + self.networks.heap_bytes()
            + self.countries.heap_bytes()
            + self.apps.heap_bytes()
            + self.devices.heap_bytes()
            + bytes_of(&self.delivered)
            + bytes_of(&self.repeats)
    }

    fn tidy(&mut self) {
        self.recent.tidy();
        self.refreshes.tidy();
        shrink(&mut self.delivered);
        shrink(&mut self.repeats);
    }

    fn clear(&mut self) {
        self.recent.clear();
        self.refreshes.clear();
        self.networks.clear();
        self.countries.clear();
        self.apps.clear();
        self.devices.clear();
        self.delivered.clear();
        self.repeats.clear();
        self.since = 0;
        self.first_code = 0;
        self.last_seen = 0;
        self.hours = 0;
        self.failures = Daily::default();
        self.attack = None;
    }

    fn write(&self, key: u64, out: &mut Writer) {
        let now = self.last_seen;
        let parts = [
            (said::SINCE, self.since != 0),
            (said::FIRST_CODE, self.first_code != 0),
            (said::HOURS, self.hours != 0),
            (said::FAILURES, self.failures != Daily::none(now)),
            (said::ATTACK, self.attack.is_some()),
        ];
        let parts = parts.iter().filter(|part| part.1);
        let parts = parts.fold(0, |parts, part| parts | part.0);
        out.number(parts);
        out.fresh(now);
        if parts & said::SINCE != 0 {
            out.number(now.wrapping_sub(self.since));
        }
        if parts & said::FIRST_CODE != 0 {
            out.number(now.wrapping_sub(self.first_code));
        }
        if parts & said::HOURS != 0 {
            out.number(self.hours);
        }
        if parts & said::FAILURES != 0 {
            self.failures.write(now, out);
        }
        if let Some(attack) = self.attack {
            attack.write(now, out);
        }
        // The ids first: those of the sign-ins that are remembered are among them.
        out.number(self.delivered.len() as u64);
        for &id in &self.delivered {
            out.fresh(id);
        }
        let blank = Event::blank(folded(key));
        self.recent.write(now, &blank, out);
        let last = self.recent.all().last().unwrap_or(&blank);
        self.refreshes.write(now, &Refresh::of(last), out);
        self.networks.write(now, out);
        self.countries.write(now, out);
        self.apps.write(now, out);
        self.devices.write(now, out);
        out.number(self.repeats.len() as u64);
        for repeat in &self.repeats {
            out.fresh(repeat.kind);
            out.number(now.wrapping_sub(repeat.at));
        }
    }

    fn read(&mut self, key: u64, from: &mut Reader) -> Result<(), Damaged> {
        let parts: u8 = from.number()?;
        let now = from.fresh()?;
        let mut before = |part| {
            let said = parts & part != 0;
            let secs = said.then(|| from.number()).transpose()?;
            Ok(secs.map_or(0, |secs| now.wrapping_sub(secs)))
        };
        self.last_seen = now;
        self.since = before(said::SINCE)?;
        self.first_code = before(said::FIRST_CODE)?;
        self.hours = match parts & said::HOURS {
            0 => 0,
            _ => from.number()?,
        };
        self.failures = match parts & said::FAILURES {
            0 => Daily::none(now),
            _ => Daily::read(now, from)?,
        };
        self.attack = match parts & said::ATTACK {
            0 => None,
            _ => Some(Attack::read(now, from)?),
        };
        self.delivered.clear();
        for _ in 0..from.count(DELIVERIES_PER_USER)? {
            self.delivered.push(from.fresh()?);
        }
        let blank = Event::blank(folded(key));
        self.recent.read(now, &blank, from)?;
        let last = self.recent.all().last().unwrap_or(&blank);
        self.refreshes.read(now, &Refresh::of(last), from)?;
        self.networks.read(now, from)?;
        self.countries.read(now, from)?;
        self.apps.read(now, from)?;
        self.devices.read(now, from)?;
        self.repeats.clear();
        for _ in 0..from.count(REPEATS_PER_USER)? {
            let kind = from.fresh()?;
            let at = now.wrapping_sub(from.number()?);
            self.repeats.push(Repeat { kind, at });
        }
        Ok(())
    }
}

/// Failures counted by day of event time, with a running mean and spread of the days before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Daily {
    /// Days since 1970 of the day that is being counted.
    day: u32,
    /// Failures of that day.
    pub today: u32,
    /// Whole days counted before it, up to 255.
    pub days: u8,
    /// Mean of the days before, in thousandths.
    pub mean: u32,
    /// Mean absolute difference from the mean, in thousandths.
    pub spread: u32,
}

impl Daily {
    /// None on the day of `now`, nor before.
    fn none(now: u32) -> Daily {
        Daily {
            day: now / 86_400,
            ..Daily::default()
        }
    }

    fn write(&self, now: u32, out: &mut Writer) {
        out.number((now / 86_400).wrapping_sub(self.day));
        out.number(self.today);
        out.number(self.days);
        out.number(self.mean);
        out.number(self.spread);
    }

    fn read(now: u32, from: &mut Reader) -> Result<Daily, Damaged> {
        Ok(Daily {
            day: (now / 86_400).wrapping_sub(from.number()?),
            today: from.number()?,
            days: from.number()?,
            mean: from.number()?,
            spread: from.number()?,
        })
    }

    /// Closes the days before that of `at`, each of which moves the mean by a seventh: about a week is remembered.
    fn tick(&mut self, at: u32) {
        let day = at / 86_400;
        if self.day == 0 {
            self.day = day;
        }
        // Beyond a month there is nothing left of what was before.
        let closed = day.saturating_sub(self.day).min(31);
        for _ in 0..closed {
            let count = i64::from(self.today.min(1_000_000)) * 1000;
            let mean = i64::from(self.mean);
            let spread = i64::from(self.spread);
            if self.days == 0 {
                self.mean = u32::try_from(count).unwrap_or(u32::MAX);
            } else {
                let off = (count - mean).abs();
                self.mean = u32::try_from(mean + (count - mean) / 7).unwrap_or(0);
                self.spread = u32::try_from(spread + (off - spread) / 7).unwrap_or(0);
            }
            self.days = self.days.saturating_add(1);
            self.today = 0;
        }
        self.day = self.day.max(day);
    }
}

/// How well something is known to be the user's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Familiarity {
    /// The record does not say what it is.
    #[default]
    Unsaid,
    /// The user is known too short a time to tell.
    NoHistory,
    /// Never seen, and the user is known for long enough that this means something.
    New,
    /// Seen, but not long ago and not in a way that shows it to be the user's own.
    Fresh,
    /// The user's own.
    Known,
}

impl Familiarity {
    const ALL: [Familiarity; 5] = [
        Familiarity::Unsaid,
        Familiarity::NoHistory,
        Familiarity::New,
        Familiarity::Fresh,
        Familiarity::Known,
    ];

    /// How well `key` is known; 0 stands for "not said". `settled`: whether what was seen of it makes it the user's
    /// own; `None` where it was never seen. `history`: whether that means something.
    pub fn of(key: u32, settled: Option<bool>, history: bool) -> Familiarity {
        match settled {
            _ if key == 0 => Familiarity::Unsaid,
            Some(true) => Familiarity::Known,
            Some(false) => Familiarity::Fresh,
            None if history => Familiarity::New,
            None => Familiarity::NoHistory,
        }
    }
}

impl Pack for Familiarity {
    fn pack(&self, out: &mut String) {
        (*self as u8).pack(out);
    }

    fn unpack(text: &mut &str) -> Result<Familiarity, Damaged> {
        let position = usize::from(u8::unpack(text)?);
        Familiarity::ALL.get(position).copied().ok_or(Damaged)
    }
}

/// How well the place of a sign-in was known to be the user's before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// The network.
    pub network: Familiarity,
    /// The country.
    pub country: Familiarity,
}

pack_struct!(Place { network, country });

impl Place {
    /// Whether the user got in from there before, in a way that shows it to be the user's own.
    pub fn is_known(self) -> bool {
        self.network == Familiarity::Known
            && matches!(self.country, Familiarity::Known | Familiarity::Unsaid)
    }

    /// Whether the user has a history, and nothing of it is from there.
    pub fn is_new(self) -> bool {
        self.network == Familiarity::New || self.country == Familiarity::New
    }
}

/// How things stood before a record, and what it is to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each answers its own question"
)]
pub struct Before {
    /// The same record was delivered before.
    pub duplicate: bool,
    /// It is older than what is remembered, so it is not counted.
    pub too_late: bool,
    /// The network, as that of the user.
    pub network: Familiarity,
    /// The country.
    pub country: Familiarity,
    /// The application.
    pub app: Familiarity,
    /// The device; where the record has no device id, [`Familiarity::Unsaid`].
    pub device: Familiarity,
    /// Seconds since the user's last sign-in of any kind; `None` where there was none.
    pub unseen_secs: Option<u32>,
    /// A person is there at an hour of the day at which the user never was before.
    pub new_hour: bool,
    /// A success: the interrupts that it completes.
    pub completes: Option<flow::Completed>,
    /// An interrupt: a success that completes it has been seen already.
    pub completed: bool,
    /// That success was found worth a look.
    pub completed_oddly: bool,
    /// A non-interactive sign-in like one before it.
    pub repeat: bool,
}

impl Before {
    /// How well the place was known.
    pub fn place(&self) -> Place {
        Place {
            network: self.network,
            country: self.country,
        }
    }
}

impl User {
    /// Takes note of a sign-in and says how things stood before it.
    pub fn observe(&mut self, event: &Event) -> Before {
        let mut before = self.before(event);
        if before.duplicate {
            return before;
        }
        if event.id != 0 {
            push_bounded(&mut self.delivered, event.id, DELIVERIES_PER_USER);
        }
        self.last_seen = self.last_seen.max(event.at);
        self.failures.tick(event.at);
        let failed = u32::from(event.is_failure());
        self.failures.today = self.failures.today.saturating_add(failed);
        before.too_late = !self.remember(event);
        if event.is_success() {
            let recent = self.recent.all_mut();
            before.completes = flow::complete(recent, event);
        } else if event.is_interrupted() {
            let success = flow::completed_by(self.recent.all(), event);
            if let Some(success) = success {
                before.completed = true;
                before.completed_oddly = success.is(Traits::ODD);
                flow::mark_completed(self.recent.all_mut(), event);
            }
        }
        self.learn(event);
        before.repeat = event.is(Traits::NON_INTERACTIVE) && self.repeats(event);
        before
    }

    /// Takes note of what the signals made of it: an attack on this user.
    pub fn reported(&mut self, event: &Event, before: &Before, attack: Attack) {
        attack.note(&mut self.attack);
        // An attacker's place must not become the user's by getting in; and a user whose new VPN looks like an attack
        // must not stay a stranger for ever. So time alone proves what was first seen here.
        let doubt = |how| matches!(how, Familiarity::New | Familiarity::NoHistory);
        if doubt(before.network) {
            self.networks.doubt(event.network);
        }
        if doubt(before.country) {
            self.countries.doubt(u32::from(event.country));
        }
        if doubt(before.device) {
            self.devices.doubt(event.device);
        }
    }

    /// Takes note that the signals found a sign-in worth a look.
    pub fn reviewed(&mut self, event: &Event) {
        let mut recent = self.recent.all_mut().iter_mut().rev();
        if let Some(own) = recent.find(|own| own.id == event.id && own.at == event.at) {
            own.traits |= Traits::ODD.0;
        }
    }

    /// Whether the user is known long enough for "new" to mean something.
    pub fn has_history(&self, at: u32) -> bool {
        self.since != 0 && self.since.saturating_add(SETTLE_SECS) <= at
    }

    fn before(&self, event: &Event) -> Before {
        let history = self.has_history(event.at);
        let familiarity = |seen: Option<Seen>, key: u32| {
            Familiarity::of(key, seen.map(|seen| seen.is_settled()), history)
        };
        let country = u32::from(event.country);
        let hour = 1 << (event.at / 3600 % 24);
        Before {
            duplicate: self.delivered.iter().any(|&id| event.is_delivery_of(id)),
            network: familiarity(self.networks.get(event.network), event.network),
            country: familiarity(self.countries.get(country), country),
            app: familiarity(self.apps.get(event.app), event.app),
            device: familiarity(self.devices.get(event.device), event.device),
            unseen_secs: (self.last_seen != 0).then(|| event.at.saturating_sub(self.last_seen)),
            new_hour: history && self.hours & hour == 0,
            ..Before::default()
        }
    }

    /// False where the event is too old to be remembered.
    fn remember(&mut self, event: &Event) -> bool {
        if event.is_success() && event.is(Traits::NON_INTERACTIVE) {
            self.recent.tick(event.at);
            return self.refreshes.insert(Refresh::of(event));
        }
        self.refreshes.tick(event.at);
        self.recent.insert(*event)
    }

    fn learn(&mut self, event: &Event) {
        // 50140 comes after everything has been accepted.
        let got_in = event.is_success() || event.code == 50140;
        if !got_in || event.is(Traits::CONFIDENTIAL) {
            return;
        }
        note_first(&mut self.since, event.at);
        if event.is(Traits::DEVICE_CODE) && event.is(Traits::INTERACTIVE) {
            note_first(&mut self.first_code, event.at);
        }
        // Whoever has the password of an account that was never used registers a second factor of their own.
        let enrolled = || {
            let mut recent = self.recent.all().iter().rev();
            !self.has_history(event.at) && recent.any(|one| one.caused_by(Cause::MfaSetup))
        };
        let attacked = self.attack.is_some_and(|attack| attack.shadows(event.at));
        let proved = event.is(Traits::OWN_PLACE)
            || (event.is_second_factor_given()
                && !event.is(Traits::LISTED)
                && !attacked
                && !enrolled());
        self.networks.note(event.network, event.at, proved);
        self.countries
            .note(u32::from(event.country), event.at, proved);
        self.apps.note(event.app, event.at, false);
        self.devices.note(event.device, event.at, proved);
        if event.is(Traits::INTERACTIVE) {
            self.hours |= 1 << (event.at / 3600 % 24);
        }
    }

    /// Whether one like it came less than [`REPEAT_SECS`] before. If not, this is the one that others are repeats of.
    fn repeats(&mut self, event: &Event) -> bool {
        let kind = event.kind();
        let place = self.repeats.iter_mut().find(|repeat| repeat.kind == kind);
        if let Some(repeat) = place {
            if event.at.abs_diff(repeat.at) < REPEAT_SECS {
                return true;
            }
            repeat.at = repeat.at.max(event.at);
            return false;
        }
        let new = Repeat { kind, at: event.at };
        if self.repeats.len() >= REPEATS_PER_USER {
            let oldest = self.repeats.iter_mut().min_by_key(|repeat| repeat.at);
            if let Some(oldest) = oldest {
                *oldest = new;
            }
        } else {
            reserve(&mut self.repeats);
            self.repeats.push(new);
        }
        false
    }
}

/// Appends, letting go of the first where the list is full.
fn push_bounded<T>(list: &mut Vec<T>, item: T, max: usize) {
    if list.len() >= max {
        list.remove(0);
    }
    reserve(list);
    list.push(item);
}

/// Whether an event has a place on the globe.
pub fn has_degrees(event: &Event) -> bool {
    event.latitude != NO_DEGREES
}

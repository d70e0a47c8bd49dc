//! What is remembered of an address, and why each part is needed.
//!
//! One address with many users is an office, a carrier or an attacker. What tells them apart is who got in from there
//! before, and whether those who are stopped get in a moment later.

use super::Attack;
use super::compact::{Reader, Writer};
use super::event::{Event, Traits};
use super::pack::Damaged;
use super::table::Entry;
use super::timeline::{Familiar, Happening, Timeline};
use crate::classify::Cause;
use crate::limits::{EVENTS_SECS, GUESTS_PER_ADDRESS, QUIET_EVENTS, TRACES_PER_ADDRESS};

/// A sign-in from an address that was interrupted or refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trace {
    /// Seconds since 1970.
    pub at: u32,
    /// Tells deliveries of the same record from other records.
    pub id: u32,
    /// User.
    pub user: u32,
    /// Application.
    pub app: u32,
    /// User agent.
    pub agent: u32,
    /// Result code.
    pub code: u32,
    /// Why it ended as it did: the position in [`Cause::ALL`].
    pub cause: u8,
    /// The user had got in from this address before.
    pub guest: bool,
    /// What came of it, see [`Event::traits`]; `COMPLETED` where the user got in from here afterwards.
    pub traits: u32,
}

impl Happening for Trace {
    fn at(&self) -> u32 {
        self.at
    }

    fn write(&self, before: &Trace, out: &mut Writer) {
        out.changes(&self.words(), &before.words());
    }

    fn read(at: u32, before: &Trace, from: &mut Reader) -> Result<Trace, Damaged> {
        let mut words = before.words();
        from.changes(&mut words)?;
        let [id, user, code, cause, traits, agent, app, guest] = words;
        Ok(Trace {
            at,
            id,
            user,
            app,
            agent,
            code,
            cause: u8::try_from(cause).map_err(|_| Damaged)?,
            guest: guest != 0,
            traits,
        })
    }
}

impl Trace {
    /// All but the time, what differs most between the sign-ins from an address first.
    fn words(&self) -> [u32; 8] {
        [
            self.id,
            self.user,
            self.code,
            self.cause.into(),
            self.traits,
            self.agent,
            self.app,
            self.guest.into(),
        ]
    }

    /// Whether all of `traits` hold.
    pub fn is(&self, traits: Traits) -> bool {
        Traits(self.traits).has(traits)
    }

    /// Whether it ended for `cause`.
    pub fn caused_by(&self, cause: Cause) -> bool {
        self.cause == cause as u8
    }
}

/// What is remembered of an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// What was interrupted or refused within the last day.
    pub trouble: Timeline<Trace, TRACES_PER_ADDRESS, EVENTS_SECS>,
    /// The users who got in from here; `proved` with a second factor or from a place of the tenant.
    pub guests: Familiar<GUESTS_PER_ADDRESS>,
    /// The last attack from this address that was seen.
    pub attack: Option<Attack>,
}

impl Entry for Address {
    fn is_quiet(&self) -> bool {
        self.trouble.all().len() + self.guests.len() <= QUIET_EVENTS
    }

    fn heap_bytes(&self) -> usize {
        self.trouble.heap_bytes() + self.guests.heap_bytes()
    }

    fn tidy(&mut self) {
        self.trouble.tidy();
    }

    fn clear(&mut self) {
        self.trouble.clear();
        self.guests.clear();
        self.attack = None;
    }

    fn write(&self, _: u64, out: &mut Writer) {
        let now = self.trouble.clock();
        out.number(self.attack.is_some());
        out.fresh(now);
        if let Some(attack) = self.attack {
            attack.write(now, out);
        }
        self.trouble.write(now, &Trace::default(), out);
        self.guests.write(now, out);
    }

    fn read(&mut self, _: u64, from: &mut Reader) -> Result<(), Damaged> {
        let attacked = from.count(1)? == 1;
        let now = from.fresh()?;
        self.attack = attacked.then(|| Attack::read(now, from)).transpose()?;
        self.trouble.read(now, &Trace::default(), from)?;
        self.guests.read(now, from)
    }
}

/// How things stood at an address before a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AddressBefore {
    /// The same record was delivered before.
    pub duplicate: bool,
    /// It is older than what is remembered, so it is not counted.
    pub too_late: bool,
    /// The user had got in from here before.
    pub guest: bool,
}

impl Address {
    /// Takes note of a sign-in and says how things stood before it.
    pub fn observe(&mut self, event: &Event) -> AddressBefore {
        let mut before = AddressBefore {
            guest: self.guests.get(event.user).is_some(),
            ..AddressBefore::default()
        };
        if event.is_success() {
            self.trouble.tick(event.at);
            self.welcome(event);
            return before;
        }
        if self
            .trouble
            .all()
            .iter()
            .any(|trace| event.is_delivery_of(trace.id))
        {
            before.duplicate = true;
            return before;
        }
        before.too_late = !self.trouble.insert(Trace {
            at: event.at,
            id: event.id,
            user: event.user,
            app: event.app,
            agent: event.agent,
            code: event.code,
            cause: event.cause,
            guest: before.guest,
            traits: event.traits,
        });
        before
    }

    /// A user got in: what stopped the same user here shortly before was a step on the way.
    fn welcome(&mut self, event: &Event) {
        const WITHIN_SECS: u32 = 1800;
        if event.is(Traits::CONFIDENTIAL) {
            return;
        }
        for trace in self.trouble.all_mut() {
            if trace.user == event.user && event.at.abs_diff(trace.at) <= WITHIN_SECS {
                trace.traits |= Traits::COMPLETED.0;
            }
        }
        let proved = event.is(Traits::OWN_PLACE) || event.is_second_factor_given();
        let attacked = self.attack.is_some_and(|attack| attack.shadows(event.at));
        // Who gets in from an address during an attack is a victim and not a guest, unless the tenant manages the device.
        if !attacked || event.is(Traits::OWN_PLACE) {
            self.guests.note(event.user, event.at, proved);
        }
    }
}

//! What is remembered of a tenant, and why each part is needed: what spreads over users and addresses shows only here.

use super::compact::{Reader, Writer};
use super::event::Event;
use super::pack::Damaged;
use super::table::Entry;
use super::timeline::{Familiar, Happening, Seen, Timeline, note_first};
use crate::classify::Cause;
use crate::limits::{
    COUNTRIES_PER_TENANT, NETWORKS_PER_TENANT, REFUSALS_PER_TENANT, REFUSALS_SECS, SETTLE_SECS,
};

use super::user::Familiarity;

/// A sign-in that was refused, or stopped after a right password, in short.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Seconds since 1970.
    pub at: u32,
    /// Tells deliveries of the same record from other records.
    pub id: u32,
    /// User.
    pub user: u32,
    /// Address.
    pub address: u32,
    /// User agent.
    pub agent: u32,
    /// Result code.
    pub code: u32,
    /// Country: its two letters as a number.
    pub country: u16,
    /// Why it ended as it did: the position in [`Cause::ALL`].
    pub cause: u8,
}

impl Happening for Refusal {
    fn at(&self) -> u32 {
        self.at
    }

    fn write(&self, before: &Refusal, out: &mut Writer) {
        out.changes(&self.words(), &before.words());
    }

    fn read(at: u32, before: &Refusal, from: &mut Reader) -> Result<Refusal, Damaged> {
        let mut words = before.words();
        from.changes(&mut words)?;
        let [id, user, address, code, cause, agent, country] = words;
        Ok(Refusal {
            at,
            id,
            user,
            address,
            agent,
            code,
            country: u16::try_from(country).map_err(|_| Damaged)?,
            cause: u8::try_from(cause).map_err(|_| Damaged)?,
        })
    }
}

impl Refusal {
    /// All but the time.
    fn words(&self) -> [u32; 7] {
        [
            self.id,
            self.user,
            self.address,
            self.code,
            self.cause.into(),
            self.agent,
            self.country.into(),
        ]
    }

    /// Whether it ended for `cause`.
    pub fn caused_by(&self, cause: Cause) -> bool {
        self.cause == cause as u8
    }
}

/// What is remembered of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tenant {
    /// What was refused within the last hour, by first factor, lockout or restriction.
    pub refusals: Timeline<Refusal, REFUSALS_PER_TENANT, REFUSALS_SECS>,
    /// Countries from which anyone got in.
    pub countries: Familiar<COUNTRIES_PER_TENANT>,
    /// Networks from which anyone got in.
    pub networks: Familiar<NETWORKS_PER_TENANT>,
    /// The first success, in seconds since 1970; 0 before it.
    pub since: u32,
}

impl Entry for Tenant {
    /// Never: tenants are few, large, and seen with every record.
    fn is_quiet(&self) -> bool {
        false
    }

    fn heap_bytes(&self) -> usize {
        self.refusals.heap_bytes() + self.countries.heap_bytes() + self.networks.heap_bytes()
    }

    fn tidy(&mut self) {
        self.refusals.tidy();
    }

    fn clear(&mut self) {
        self.refusals.clear();
        self.countries.clear();
        self.networks.clear();
        self.since = 0;
    }

    fn write(&self, _: u64, out: &mut Writer) {
        let now = self.refusals.clock();
        out.fresh(now);
        out.number(self.since);
        self.refusals.write(now, &Refusal::default(), out);
        self.countries.write(now, out);
        self.networks.write(now, out);
    }

    fn read(&mut self, _: u64, from: &mut Reader) -> Result<(), Damaged> {
        let now = from.fresh()?;
        self.since = from.number()?;
        self.refusals.read(now, &Refusal::default(), from)?;
        self.countries.read(now, from)?;
        self.networks.read(now, from)
    }
}

/// How things stood in a tenant before a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TenantBefore {
    /// The same record was delivered before.
    pub duplicate: bool,
    /// It is older than what is remembered, so it is not counted.
    pub too_late: bool,
    /// The network, as one of the tenant's.
    pub network: Familiarity,
    /// The country.
    pub country: Familiarity,
}

impl Tenant {
    /// Takes note of a sign-in and says how things stood before it.
    pub fn observe(&mut self, event: &Event) -> TenantBefore {
        let mut before = self.before(event);
        if event.is_success() {
            self.refusals.tick(event.at);
            note_first(&mut self.since, event.at);
            self.networks.note(event.network, event.at, false);
            self.countries
                .note(u32::from(event.country), event.at, false);
            return before;
        }
        if !event.is_failure() {
            return before;
        }
        if self
            .refusals
            .all()
            .iter()
            .any(|refusal| event.is_delivery_of(refusal.id))
        {
            before.duplicate = true;
            return before;
        }
        before.too_late = !self.refusals.insert(Refusal {
            at: event.at,
            id: event.id,
            user: event.user,
            address: event.address,
            agent: event.agent,
            code: event.code,
            country: event.country,
            cause: event.cause,
        });
        before
    }

    fn before(&self, event: &Event) -> TenantBefore {
        let history = self.since != 0 && self.since.saturating_add(SETTLE_SECS) <= event.at;
        let country = u32::from(event.country);
        // What was let go to make room may have been seen: nothing is new then.
        let familiarity = |seen: Option<Seen>, key: u32, full: bool| {
            let settled = |seen: Seen| seen.first.saturating_add(SETTLE_SECS) <= event.at;
            Familiarity::of(key, seen.map(settled), history && !full)
        };
        let (networks, countries) = (&self.networks, &self.countries);
        TenantBefore {
            network: familiarity(
                networks.get(event.network),
                event.network,
                networks.is_full(),
            ),
            country: familiarity(countries.get(country), country, countries.is_full()),
            ..TenantBefore::default()
        }
    }
}

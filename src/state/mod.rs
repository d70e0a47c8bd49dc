//! What is remembered, in event time, per user, address and tenant; sessions are remembered with their user.
//!
//! [`State::observe`] and [`State::reported`] are the only two that change it. Each of the three tables is changed by
//! what its own key sees and by nothing else, so that an engine can keep them apart ([`crate::keyed`]).

pub mod address;
pub mod arena;
pub mod compact;
pub mod event;
pub mod flow;
pub mod index;
pub mod pack;
mod sip;
pub mod table;
pub mod tenant;
pub mod timeline;
pub mod user;

use address::{Address, AddressBefore};
use compact::{Reader, Writer};
use event::{Event, hash64};
use pack::{Damaged, Pack};
use table::{Place, Table};
use tenant::{Tenant, TenantBefore};
use user::{Before, User};

use crate::classify::Cause;
use crate::config::{self, Config};
use crate::input::Record;
use crate::input::shapes::Field;
use crate::limits::{SHADOW_SECS, TENANTS_MAX};
use crate::score::Findings;

/// What a state is kept by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The user, or the workload.
    User,
    /// The address.
    Address,
    /// The tenant.
    Tenant,
}

impl Key {
    /// All keys, in the order of documentation.
    pub const ALL: [Key; 3] = [Key::User, Key::Address, Key::Tenant];

    /// The name in documentation and output.
    pub fn label(self) -> &'static str {
        match self {
            Key::User => "user",
            Key::Address => "address",
            Key::Tenant => "tenant",
        }
    }

    /// The key's value in a record, as text; `None` where the record does not say. Records that name no tenant are of
    /// the tenant "".
    pub fn of<'a>(self, record: &Record<'a>) -> Option<&'a str> {
        match self {
            Key::User => record.user(),
            Key::Address => record.address(),
            // Of a guest's sign-in the tenant that was signed in to: its log this is.
            Key::Tenant => [
                Field::DirectoryTenantId,
                Field::TenantId,
                Field::ResourceTenantId,
                Field::HomeTenantId,
            ]
            .into_iter()
            .find_map(|field| record.text(field))
            .or(Some("")),
        }
    }
}

/// The keys by which something is remembered or was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keys(u8);

impl Keys {
    /// All of them.
    pub const ALL: Keys = Keys(7);

    /// Only `key`.
    pub const fn only(key: Key) -> Keys {
        Keys(1 << key as u8)
    }

    /// Whether `key` is among them.
    pub fn has(self, key: Key) -> bool {
        self.0 & 1 << key as u8 != 0
    }

    /// These and `others`.
    #[must_use]
    pub fn and(self, others: Keys) -> Keys {
        Keys(self.0 | others.0)
    }

    /// Those that are there, in the order of [`Key::ALL`].
    pub fn each(self) -> impl Iterator<Item = Key> {
        Key::ALL.into_iter().filter(move |&key| self.has(key))
    }
}

/// The keys of a record, hashed once: `None` where the record does not name one.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// By [`hash64`], the user or the workload.
    pub user: Option<u64>,
    /// The address.
    pub address: Option<u64>,
    /// The tenant.
    pub tenant: Option<u64>,
}

impl Names {
    /// The names in a record.
    pub fn of(record: &Record) -> Names {
        let name = |key: Key| key.of(record).map(hash64);
        Names {
            user: name(Key::User),
            address: name(Key::Address),
            tenant: name(Key::Tenant),
        }
    }
}

/// An attack that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attack {
    /// When, in seconds since 1970.
    pub at: u32,
    /// The position in [`crate::signals::ALL`] of the signal that said most for it.
    pub signal: u8,
}

impl Attack {
    /// Writes it into an entry that was seen last at `now`.
    fn write(self, now: u32, out: &mut Writer) {
        out.number(now.wrapping_sub(self.at));
        out.number(self.signal);
    }

    /// Reads what [`Attack::write`] wrote.
    fn read(now: u32, from: &mut Reader) -> Result<Attack, Damaged> {
        Ok(Attack {
            at: now.wrapping_sub(from.number()?),
            signal: from.number()?,
        })
    }

    /// Whether `at` lies in the attack's shadow: nothing that is new then becomes anybody's own.
    pub fn shadows(self, at: u32) -> bool {
        self.covers(at, SHADOW_SECS)
    }

    /// Takes its place as the last attack that was seen, unless a later one was.
    fn note(self, last: &mut Option<Attack>) {
        if last.is_none_or(|last| last.at <= self.at) {
            *last = Some(self);
        }
    }

    /// Whether `at` lies within `secs` after it. What arrives late and happened shortly before belongs to it as well.
    pub fn covers(self, at: u32, secs: u32) -> bool {
        at.abs_diff(self.at) <= secs
    }
}

/// All that is remembered.
#[derive(Debug)]
pub struct State {
    /// By [`hash64`] of the user.
    pub users: Table<User>,
    /// By [`hash64`] of the address.
    pub addresses: Table<Address>,
    /// By [`hash64`] of the tenant.
    pub tenants: Table<Tenant>,
    /// Records that were too late to be remembered.
    too_late: u64,
    keys: Keys,
}

/// A record as it was taken note of.
#[derive(Debug, Clone, Copy)]
pub struct Sighting {
    /// What is remembered of it.
    pub event: Event,
    /// Hash of the user, where the user is kept here.
    pub user_key: Option<u64>,
    user: Option<(Place, Before)>,
    address: Option<(Place, AddressBefore)>,
    tenant: Option<(Place, TenantBefore)>,
}

/// What is known about a record's user, address and tenant; each `None` where the record does not name it, or where
/// it is not kept here.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// What is remembered of the record itself; `None` where it has no time.
    pub event: Option<&'a Event>,
    /// The user as remembered, with this record in it, and how things stood before.
    pub user: Option<(&'a User, &'a Before)>,
    /// The same for the address.
    pub address: Option<(&'a Address, &'a AddressBefore)>,
    /// The same for the tenant.
    pub tenant: Option<(&'a Tenant, &'a TenantBefore)>,
}

impl Sighting {
    /// How things stood with the user before the record.
    pub fn of_user(&self) -> Option<&Before> {
        self.user.as_ref().map(|(_, before)| before)
    }
}

impl State {
    /// Nothing remembered yet. Only what is kept by `keys` will be.
    pub fn new(config: &Config, keys: Keys) -> State {
        let number = |opt| usize::try_from(config.int(opt)).unwrap_or(usize::MAX);
        let bytes = number(&config::STATE_MIB) << 20;
        State {
            // A user takes more than twice what an address does; tenants are few and large.
            users: Table::new(number(&config::USERS_MAX), bytes / 8 * 5),
            addresses: Table::new(number(&config::ADDRESSES_MAX), bytes / 4),
            tenants: Table::new(TENANTS_MAX, bytes / 8),
            too_late: 0,
            keys,
        }
    }

    /// Takes note of a record. `event` is what is remembered of it.
    pub fn observe(&mut self, names: &Names, event: Event) -> Sighting {
        let keys = self.keys;
        // A name that does not exist is nobody: whoever invents names must not push users out of the table.
        let somebody = !event.caused_by(Cause::UserNotFound);
        let user_key = names.user.filter(|_| keys.has(Key::User) && somebody);
        let address = names.address.filter(|_| keys.has(Key::Address));
        let tenant = names.tenant.filter(|_| keys.has(Key::Tenant));
        let user = user_key.map(|key| self.users.change(key, |user| user.observe(&event)));
        let address = address.map(|key| self.addresses.change(key, |one| one.observe(&event)));
        let tenant = tenant.map(|key| self.tenants.change(key, |tenant| tenant.observe(&event)));
        let too_late = user.is_some_and(|(_, before)| before.too_late)
            || address.is_some_and(|(_, before)| before.too_late);
        self.too_late += u64::from(too_late);
        Sighting {
            event,
            user_key,
            user,
            address,
            tenant,
        }
    }

    /// What is known after a record was taken note of. Valid until the next one is.
    pub fn facts<'a>(&'a self, sighting: &'a Sighting) -> Facts<'a> {
        Facts {
            event: Some(&sighting.event),
            user: sighting
                .user
                .as_ref()
                .map(|(place, before)| (self.users.at(*place), before)),
            address: sighting
                .address
                .as_ref()
                .map(|(place, before)| (self.addresses.at(*place), before)),
            tenant: sighting
                .tenant
                .as_ref()
                .map(|(place, before)| (self.tenants.at(*place), before)),
        }
    }

    /// Takes note of what the signals saw in a record: an attack on its user or from its address, and whether it is
    /// worth a look.
    pub fn reported(&mut self, sighting: &Sighting, found: &Findings) {
        if let (Some((place, _)), true) = (&sighting.user, found.odd) {
            self.users
                .touch(*place, |user| user.reviewed(&sighting.event));
        }
        if let (Some((place, before)), Some(attack)) = (&sighting.user, found.user) {
            self.users.touch(*place, |user| {
                user.reported(&sighting.event, before, attack);
            });
        }
        if let (Some((place, _)), Some(attack)) = (&sighting.address, found.address) {
            self.addresses
                .touch(*place, |address| attack.note(&mut address.attack));
        }
    }

    /// Records that were too late to be remembered of their user or address.
    pub fn too_late(&self) -> u64 {
        self.too_late
    }

    /// Bytes that [`State::pack`] appends.
    pub fn text_bytes(&self) -> usize {
        // The counts of the three tables and of what was too late.
        const NUMBERS: usize = 64;
        self.users.text_bytes() + self.addresses.text_bytes() + self.tenants.text_bytes() + NUMBERS
    }

    /// Appends all that is remembered.
    pub fn pack(&self, out: &mut String) {
        self.users.pack(out);
        self.addresses.pack(out);
        self.tenants.pack(out);
        self.too_late.pack(out);
    }

    /// Takes over what a text holds into an empty state.
    ///
    /// # Errors
    /// The text is damaged.
    pub fn unpack(&mut self, text: &mut &str) -> Result<(), Damaged> {
        self.users.unpack(text)?;
        self.addresses.unpack(text)?;
        self.tenants.unpack(text)?;
        self.too_late = u64::unpack(text)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::compact::Words;
    use super::event::Traits;
    use super::table::Entry;
    use super::*;

    #[test]
    fn what_is_cleared_and_what_nothing_was_written_of_has_no_history() {
        fn blank<T: Entry + PartialEq + std::fmt::Debug>(mut entry: T) {
            let mut other = entry.clone();
            other.clear();
            assert_eq!(other, T::default());
            let words = &mut Words::default();
            assert_eq!(entry.read(7, &mut Reader::new(&[0; 64], words)), Ok(()));
            assert_eq!(entry, T::default());
        }
        let mut user = User::default();
        let mut address = Address::default();
        let mut tenant = Tenant::default();
        for at in [1_000_000, 1_000_060, 2_000_000] {
            let event = Event {
                at,
                id: at,
                network: 3,
                traits: Traits::SUCCESS.0,
                ..Event::blank(9)
            };
            user.observe(&event);
            address.observe(&event);
            tenant.observe(&event);
        }
        blank(user);
        blank(address);
        blank(tenant);
    }
}

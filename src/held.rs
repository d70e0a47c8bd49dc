//! Interrupted records that wait for what becomes of them, and what is needed to let them go.
//!
//! The line itself is kept and read once more when it leaves: what it says by itself does not change, and the labels
//! that do (outcome, noise) are known only then. What the signals saw when it arrived is kept with it.

use std::collections::{BTreeMap, BTreeSet};

use crate::limits::{HELD_BYTES_MAX, HELD_MAX, HELD_PER_USER};
use crate::signals::why::Why;
use crate::signals::{self, Hit, Weight};
use crate::state::event::Event;
use crate::state::flow;
use crate::state::pack::{Damaged, Pack, pack_struct};
use crate::state::user::Place;

/// A record that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Hash of the user: only the same user's records go on with it.
    pub user: u64,
    /// What is remembered of it.
    pub event: Event,
    /// How well its place was known to be the user's when it arrived.
    pub place: Place,
    /// What the signals saw when it arrived.
    pub hits: Vec<HeldHit>,
    /// The line as it came, byte order mark and line end included.
    pub line: String,
}

pack_struct!(Held {
    user,
    event,
    place,
    hits,
    line
});

/// A hit of a record that waits, its sentence written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldHit {
    position: u8,
    weight: Weight,
    points: i64,
    why: Box<str>,
}

impl From<&Hit> for HeldHit {
    fn from(hit: &Hit) -> HeldHit {
        HeldHit {
            position: hit.position,
            weight: hit.weight,
            points: hit.points,
            why: hit.why.to_string().into(),
        }
    }
}

impl From<&HeldHit> for Hit {
    fn from(held: &HeldHit) -> Hit {
        Hit {
            position: held.position,
            weight: held.weight,
            points: held.points,
            why: Why::Given(held.why.clone()),
        }
    }
}

impl Pack for HeldHit {
    fn pack(&self, out: &mut String) {
        u64::from(self.position).pack(out);
        (self.weight as u8).pack(out);
        self.points.pack(out);
        self.why.to_string().pack(out);
    }

    fn unpack(text: &mut &str) -> Result<HeldHit, Damaged> {
        let position = u8::try_from(u64::unpack(text)?).map_err(|_| Damaged)?;
        if usize::from(position) >= signals::ALL.len() {
            return Err(Damaged);
        }
        let weight = usize::from(u8::unpack(text)?);
        Ok(HeldHit {
            position,
            weight: *Weight::ALL.get(weight).ok_or(Damaged)?,
            points: i64::unpack(text)?,
            why: String::unpack(text)?.into(),
        })
    }
}

/// All records that wait, in the order in which they are due.
#[derive(Debug, Default)]
pub struct Waiting {
    /// By the second at which it is due and its number.
    held: BTreeMap<(u32, u64), Held>,
    /// The same per user: user, due, number.
    by_user: BTreeSet<(u64, u32, u64)>,
    /// Numbers are given in order of arrival.
    next: u64,
    bytes: usize,
}

/// Bytes that a held record takes besides its texts: itself, and its share of two trees.
const EACH_BYTES: usize = size_of::<Held>() * 2 + 96;

impl Waiting {
    /// Records that wait.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that they take, which is more than their text.
    pub fn bytes(&self) -> usize {
        self.bytes + 16
    }

    /// Lets a record wait until second `due`. Gives back the one of the same user that has to leave early for it;
    /// `None` where there was room.
    pub fn hold(&mut self, due: u32, held: Held) -> Option<Held> {
        let user = held.user;
        self.bytes += bytes_of(&held);
        self.by_user.insert((held.user, due, self.next));
        self.held.insert((due, self.next), held);
        self.next += 1;
        let mut own = self.of_user(user);
        let &(_, due, number) = own.next()?;
        let surplus = own.count() >= HELD_PER_USER;
        surplus.then(|| self.take(due, number)).flatten()
    }

    /// The user's places, in the order in which they are due.
    fn of_user(&self, user: u64) -> impl Iterator<Item = &(u64, u32, u64)> {
        self.by_user
            .range((user, 0, 0)..=(user, u32::MAX, u64::MAX))
    }

    /// The next record that is due at `now`; `None` where none is.
    pub fn due(&mut self, now: u32) -> Option<Held> {
        let (&(due, number), _) = self.held.first_key_value()?;
        (due <= now).then(|| self.take(due, number)).flatten()
    }

    /// The record that has to leave early because there are too many; `None` where there is room.
    pub fn surplus(&mut self) -> Option<Held> {
        if self.held.len() <= HELD_MAX && self.bytes <= HELD_BYTES_MAX {
            return None;
        }
        let (&(due, number), _) = self.held.first_key_value()?;
        self.take(due, number)
    }

    /// The records of `user` with which `later` goes on, in the order in which they are due.
    pub fn go_on(&mut self, user: u64, later: &Event) -> Vec<Held> {
        let found: Vec<(u32, u64)> = self
            .of_user(user)
            .map(|&(_, due, number)| (due, number))
            .filter(|place| {
                self.held
                    .get(place)
                    .is_some_and(|held| flow::goes_on(&held.event, later))
            })
            .collect();
        found
            .into_iter()
            .filter_map(|(due, number)| self.take(due, number))
            .collect()
    }

    fn take(&mut self, due: u32, number: u64) -> Option<Held> {
        let held = self.held.remove(&(due, number))?;
        self.by_user.remove(&(held.user, due, number));
        self.bytes -= bytes_of(&held);
        Some(held)
    }
}

fn bytes_of(held: &Held) -> usize {
    // And what the allocator adds to a text.
    let each = |hit: &HeldHit| hit.why.len() + size_of::<HeldHit>() + 8;
    EACH_BYTES + held.line.len() + held.hits.iter().map(each).sum::<usize>()
}

impl Pack for Waiting {
    fn pack(&self, out: &mut String) {
        (self.held.len() as u64).pack(out);
        for (&(due, _), held) in &self.held {
            due.pack(out);
            held.pack(out);
        }
    }

    fn unpack(text: &mut &str) -> Result<Waiting, Damaged> {
        let mut waiting = Waiting::default();
        for _ in 0..u64::unpack(text)? {
            let due = u32::unpack(text)?;
            if waiting.hold(due, Held::unpack(text)?).is_some() {
                return Err(Damaged);
            }
        }
        Ok(waiting)
    }
}

//! Which of a tenant's refusals have something in common, such as the user.
//!
//! There are up to 512, and whoever tries passwords chooses what stands in them: to look through them must not cost more
//! for some names than for others.

use crate::limits::REFUSALS_PER_TENANT;
use crate::state::event::Event;

/// Something of each refusal, by its place in the list of all, or of each group.
pub(super) type Each<T> = [T; REFUSALS_PER_TENANT];

/// A group is known by the place of its first refusal.
pub(super) type Group = u16;

/// Of refusals that are in no group.
pub(super) const NONE: Group = Group::MAX;

/// A place that is within [`Each`], as all but [`NONE`] are.
pub(super) fn place(group: Group) -> usize {
    usize::from(group) % REFUSALS_PER_TENANT
}

/// Twice as many as there can be groups, so that few fall together.
const HEADS: usize = 2 * REFUSALS_PER_TENANT;

const _: () = assert!(REFUSALS_PER_TENANT.is_power_of_two());
const _: () = assert!(REFUSALS_PER_TENANT < NONE as usize);

/// Refusals in groups, each with others of the same key.
pub(super) struct Groups {
    /// The group of each refusal, or [`NONE`].
    pub of: Each<Group>,
    /// The group that was made last of those whose keys fall together.
    heads: [Group; HEADS],
    /// The one that was made before.
    next: Each<Group>,
    factor: u32,
}

impl Groups {
    /// None yet. `event` is the record that asks.
    pub(super) fn new(event: &Event) -> Groups {
        Groups {
            of: [NONE; REFUSALS_PER_TENANT],
            heads: [NONE; HEADS],
            next: [NONE; REFUSALS_PER_TENANT],
            factor: factor(event),
        }
    }

    /// Puts in the refusal at a place. `key_at` gives the keys of those before it.
    #[inline]
    pub(super) fn add(&mut self, at: Group, key: u32, key_at: impl Fn(Group) -> u32) -> Group {
        let head = key.wrapping_mul(self.factor) >> (u32::BITS - HEADS.ilog2());
        let head = &mut self.heads[head as usize % HEADS];
        let mut group = *head;
        while group != NONE && key_at(group) != key {
            group = self.next[place(group)];
        }
        if group == NONE {
            group = at;
            self.next[place(at)] = *head;
            *head = at;
        }
        self.of[place(at)] = group;
        group
    }
}

/// An odd number that nobody knew when the names were chosen: Entra gives the id, and without one the number changes with
/// every second. Whatever the names are, two of them fall together by a chance of two in `HEADS` at the most
/// (multiply-shift of Dietzfelbinger and others, 1997).
fn factor(event: &Event) -> u32 {
    let mixed = (event.id ^ event.at).wrapping_mul(0x9e37_79b1);
    (mixed ^ mixed >> 15).wrapping_mul(0x85eb_ca6b) | 1
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn groups(keys: &[u32], id: u32, compared: &Cell<usize>) -> Vec<Group> {
        let event = Event {
            id,
            ..Event::blank(1)
        };
        let mut groups = Groups::new(&event);
        let key_at = |at: Group| {
            compared.set(compared.get() + 1);
            keys[usize::from(at)]
        };
        let added = (0..).zip(keys);
        let added: Vec<Group> = added
            .map(|(at, &key)| groups.add(at, key, key_at))
            .collect();
        assert_eq!(added, groups.of[..keys.len()]);
        added
    }

    #[test]
    fn a_group_is_known_by_its_first() {
        for id in [0, 1, 77, u32::MAX] {
            let found = groups(&[5, 0, 5, 9, 0, u32::MAX, 5], id, &Cell::default());
            assert_eq!(found, [0, 1, 0, 3, 1, 5, 0], "{id}");
        }
    }

    #[test]
    fn no_keys_fall_together_for_all_ids() {
        const IDS: usize = 64;
        let count = u32::try_from(REFUSALS_PER_TENANT).unwrap();
        let chosen: [&dyn Fn(u32) -> u32; 4] = [
            &|number| number,
            &|number| number << 23,
            &|number| number << 9,
            // All in one place with the factor 1.
            &|number| number.reverse_bits() >> 10,
        ];
        for (which, key) in chosen.iter().enumerate() {
            let keys: Vec<u32> = (0..count).map(key).collect();
            let compared = Cell::default();
            for number in 1..=IDS {
                let id = crate::state::event::hash32(&format!("request {number}"));
                groups(&keys, id, &compared);
            }
            let each = compared.get() / IDS / keys.len();
            assert!(each <= 1, "{which}: {each} for each key");
        }
    }
}

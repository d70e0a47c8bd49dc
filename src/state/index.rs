//! Where the entry of a key stands: eight bytes for an entry instead of the twenty-four of a tree.
//!
//! Cells of four bytes in groups of eight, one cache line or less. A key has two groups, and its cell is in the emptier
//! one; where both are full, as chance makes it hardly ever, it goes to a tree. A cell holds eight bits of the key too,
//! so that a stranger's entry is rarely looked at.
//!
//! That leaves nothing to luck. Whoever chooses addresses so that their hashes crowd into the same groups fills sixteen
//! cells and then writes into a tree: looking up costs sixteen comparisons and a search of the tree at the worst, for any
//! set of keys. The hash has no secret, so such a set can be made; it costs its maker a try for each group of the table
//! and each key, and us the bytes of a tree for those keys ([`SPILLED_BYTES`]), which is what all keys cost in a tree.

use std::collections::BTreeMap;

/// Bytes of a cell and its share of those that are free: groups are doubled when seven of eight cells are taken.
pub const CELL_BYTES: usize = 10;

/// Bytes of a key in the tree: nodes of 11 keys that are at worst half full.
pub const SPILLED_BYTES: usize = 2 * (size_of::<u64>() + size_of::<u32>()) + 4;

/// Numbers of entries are below this: a cell has 24 bits for them.
pub const NUMBERS: usize = (1 << 24) - 1;

/// A cell without an entry.
const FREE: u32 = u32::MAX;

const CELLS: usize = 8;

#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
struct Group([u32; CELLS]);

/// Numbers of entries by key.
#[derive(Debug, Default)]
pub struct ByKey {
    /// A power of two of them, or none.
    groups: Vec<Group>,
    entries: usize,
    spilled: BTreeMap<u64, u32>,
}

/// What the cell of a key holds besides the number.
fn tag(key: u64) -> u32 {
    u32::from(key.to_be_bytes()[0]) << 24
}

impl ByKey {
    /// Keys held.
    pub fn count(&self) -> usize {
        self.entries
    }

    /// The number of `key`; `key_of` says which key a number has.
    pub fn get(&self, key: u64, key_of: impl Fn(u32) -> u64) -> Option<u32> {
        for place in self.places(key)? {
            for &cell in &self.groups[place].0 {
                let number = cell & !(0xFF << 24);
                if cell & 0xFF << 24 == tag(key) && cell != FREE && key_of(number) == key {
                    return Some(number);
                }
            }
        }
        if self.spilled.is_empty() {
            return None;
        }
        self.spilled.get(&key).copied()
    }

    /// Takes in a key that is not there, with a number below [`NUMBERS`].
    pub fn insert(&mut self, key: u64, number: u32, key_of: impl Fn(u32) -> u64) {
        if self.entries >= self.groups.len() * (CELLS - 1) {
            self.grow(key_of);
        }
        self.entries += 1;
        self.put(key, number);
    }

    /// Lets go of a key.
    pub fn remove(&mut self, key: u64, number: u32) {
        self.entries -= 1;
        let own = tag(key) | number;
        for place in self.places(key).into_iter().flatten() {
            if let Some(cell) = self.groups[place].0.iter_mut().find(|cell| **cell == own) {
                *cell = FREE;
                return;
            }
        }
        self.spilled.remove(&key);
    }

    /// Twice as many groups.
    fn grow(&mut self, key_of: impl Fn(u32) -> u64) {
        let groups = (self.groups.len() * 2).max(1);
        let before = std::mem::replace(&mut self.groups, vec![Group([FREE; CELLS]); groups]);
        let spilled = std::mem::take(&mut self.spilled);
        for cell in before.iter().flat_map(|group| group.0) {
            if cell != FREE {
                let number = cell & !(0xFF << 24);
                self.put(key_of(number), number);
            }
        }
        for (key, number) in spilled {
            self.put(key, number);
        }
    }

    fn put(&mut self, key: u64, number: u32) {
        let free = |group: &Group| {
            let free = group.0.iter().map(|&cell| u32::from(cell == FREE));
            free.sum::<u32>()
        };
        let cell = self.places(key).and_then(|[one, other]| {
            let emptier = free(&self.groups[other]) > free(&self.groups[one]);
            let place = if emptier { other } else { one };
            let mut cells = self.groups[place].0.iter_mut();
            cells.find(|cell| **cell == FREE)
        });
        match cell {
            Some(cell) => *cell = tag(key) | number,
            None => {
                self.spilled.insert(key, number);
            }
        }
    }

    /// The two groups of a key; `None` before the first key.
    fn places(&self, key: u64) -> Option<[usize; 2]> {
        let mask = self.groups.len().checked_sub(1)?;
        let half = |key: u64| (key & 0xFFFF_FFFF) as usize & mask;
        Some([half(key), half(key >> 32)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Keys of few bits crowd into few groups, so that the tree has its part.
        #[test]
        fn finds_what_a_tree_finds(
            steps in prop::collection::vec((any::<bool>(), 0..400_u64, 0..2_u32), 0..600),
        ) {
            let mut index = ByKey::default();
            let mut keys: Vec<u64> = Vec::new();
            let mut tree = BTreeMap::new();
            for (taken, key, crowd) in steps {
                let key = if crowd == 1 { key << 56 | key } else { key << 20 };
                let found = index.get(key, |number| keys[number as usize]);
                prop_assert_eq!(found, tree.get(&key).copied());
                match found {
                    Some(number) if taken => {
                        index.remove(key, number);
                        tree.remove(&key);
                    }
                    Some(_) => {}
                    None => {
                        let number = u32::try_from(keys.len()).unwrap();
                        keys.push(key);
                        index.insert(key, number, |number| keys[number as usize]);
                        tree.insert(key, number);
                    }
                }
                prop_assert_eq!(index.count(), tree.len());
            }
        }
    }

    #[test]
    fn chance_spills_hardly_anything_and_malice_no_more_than_its_own() {
        let key_of = |number: u32| crate::state::event::hash64(&number.to_string());
        let mut index = ByKey::default();
        for number in 0..20_000 {
            index.insert(key_of(number), number, key_of);
            assert!(index.groups.len() * size_of::<Group>() <= CELL_BYTES * index.count().max(7));
        }
        assert!(index.spilled.len() < 20, "{}", index.spilled.len());
        let one_place = |number: u32| u64::from(number) << 40;
        let mut crowded = ByKey::default();
        for number in 0..20_000 {
            crowded.insert(one_place(number), number, one_place);
        }
        for number in 0..20_000 {
            assert_eq!(crowded.get(one_place(number), one_place), Some(number));
        }
    }
}

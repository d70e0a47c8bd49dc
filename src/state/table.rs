//! A table of bounded size, by key: forgets what was unseen the longest and counts what it forgot.
//!
//! Keys are 64-bit hashes in a B-tree. A tree needs no luck: whoever chooses user names so that their hashes
//! collide or crowd together gains nothing, since looking up costs the same for any set of keys. Two names with the
//! same 64 bits would share an entry; to find a name for a given victim's hash takes about 2^64 tries.

use std::collections::BTreeMap;
use std::iter::successors;
use std::ops::{Index, IndexMut};

use super::pack::{Damaged, Pack};

/// What an entry says about its size.
pub trait Footprint {
    /// Bytes behind pointers; the entry itself is counted by the table. The same for equal values, so that a restored
    /// table forgets what the original would have.
    fn heap_bytes(&self) -> usize;
}

/// How full a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauge {
    /// Entries held.
    pub entries: usize,
    /// Bytes that they take, index included.
    pub bytes: usize,
    /// Entries forgotten since the table was made.
    pub forgotten: u64,
}

/// Where an entry stands; valid until the next change of the table.
pub type Place = usize;

/// No neighbour.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Slot<T> {
    key: u64,
    /// Seen just after this one; [`NONE`] for the latest.
    newer: u32,
    /// Seen just before this one; [`NONE`] for the one unseen the longest.
    older: u32,
    /// What `bytes` of the table holds for this entry.
    bytes: u32,
    value: T,
}

/// Slots by number, in pages that never move: a list that grows in one piece leaves holes of every size that it had.
#[derive(Debug)]
struct Slots<T> {
    pages: Vec<Vec<Slot<T>>>,
}

/// Slots of a page.
const PAGE: usize = 32;

impl<T> Slots<T> {
    fn get(&self, at: usize) -> Option<&Slot<T>> {
        self.pages.get(at / PAGE)?.get(at % PAGE)
    }

    /// Takes `slot` in and gives its number.
    fn push(&mut self, slot: Slot<T>) -> usize {
        if self.pages.last().is_none_or(|page| page.len() == PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        let before = (self.pages.len() - 1) * PAGE;
        let Some(page) = self.pages.last_mut() else {
            return 0;
        };
        page.push(slot);
        before + page.len() - 1
    }
}

impl<T> Index<usize> for Slots<T> {
    type Output = Slot<T>;

    fn index(&self, at: usize) -> &Slot<T> {
        &self.pages[at / PAGE][at % PAGE]
    }
}

impl<T> IndexMut<usize> for Slots<T> {
    fn index_mut(&mut self, at: usize) -> &mut Slot<T> {
        &mut self.pages[at / PAGE][at % PAGE]
    }
}

/// Bytes of the index for each entry: B-tree nodes of 11 keys that are at worst half full.
const INDEX_BYTES: usize = 2 * (size_of::<u64>() + size_of::<u32>()) + 4;

/// A table of at most so many entries and bytes.
#[derive(Debug)]
pub struct Table<T> {
    index: BTreeMap<u64, u32>,
    slots: Slots<T>,
    free: Vec<u32>,
    newest: u32,
    oldest: u32,
    entries_max: usize,
    bytes_max: usize,
    bytes: usize,
    forgotten: u64,
}

impl<T: Default + Footprint> Table<T> {
    /// An empty table. Both maxima are at least what one entry takes.
    pub fn new(entries_max: usize, bytes_max: usize) -> Table<T> {
        Table {
            index: BTreeMap::new(),
            slots: Slots { pages: Vec::new() },
            free: Vec::new(),
            newest: NONE,
            oldest: NONE,
            entries_max: entries_max.clamp(1, NONE as usize - 1),
            bytes_max,
            bytes: 0,
            forgotten: 0,
        }
    }

    /// Entries held.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the entries take, index included.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What `stats` says of it.
    pub fn gauge(&self) -> Gauge {
        Gauge {
            entries: self.len(),
            bytes: self.bytes,
            forgotten: self.forgotten,
        }
    }

    /// Entries forgotten since the table was made.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Changes the entry of `key`, which is made where there is none and becomes the one seen last. Others are
    /// forgotten until the table is within its bounds.
    pub fn change<R>(&mut self, key: u64, change: impl FnOnce(&mut T) -> R) -> (Place, R) {
        let at = match self.index.get(&key) {
            Some(&at) => {
                self.unlink(at);
                at
            }
            None => self.insert(key, T::default()),
        };
        self.link_newest(at);
        let place = at as usize;
        let slot = &mut self.slots[place];
        let answer = change(&mut slot.value);
        self.weigh(place);
        self.forget_surplus();
        (place, answer)
    }

    /// The entry at a place that [`Table::change`] gave.
    pub fn at(&self, place: Place) -> &T {
        &self.slots[place].value
    }

    /// Changes the entry at a place without it counting as seen.
    pub fn touch(&mut self, place: Place, change: impl FnOnce(&mut T)) {
        change(&mut self.slots[place].value);
        self.weigh(place);
    }

    /// The entry of `key`; `None` where there is none.
    pub fn get(&self, key: u64) -> Option<&T> {
        let &at = self.index.get(&key)?;
        self.slots.get(at as usize).map(|slot| &slot.value)
    }

    fn insert(&mut self, key: u64, value: T) -> u32 {
        let slot = Slot {
            key,
            newer: NONE,
            older: NONE,
            bytes: 0,
            value,
        };
        let at = if let Some(at) = self.free.pop() {
            self.slots[at as usize] = slot;
            at
        } else {
            u32::try_from(self.slots.push(slot)).unwrap_or(NONE)
        };
        self.index.insert(key, at);
        at
    }

    /// Brings `bytes` up to date with the entry at `place`.
    fn weigh(&mut self, place: Place) {
        let slot = &mut self.slots[place];
        let own = size_of::<Slot<T>>() + INDEX_BYTES;
        let bytes = own + slot.value.heap_bytes();
        self.bytes = self.bytes + bytes - slot.bytes as usize;
        slot.bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    }

    /// Forgets the entries unseen the longest, never the newest one.
    fn forget_surplus(&mut self) {
        while (self.len() > self.entries_max || self.bytes > self.bytes_max)
            && self.oldest != self.newest
        {
            let at = self.oldest;
            self.unlink(at);
            let slot = &mut self.slots[at as usize];
            slot.value = T::default();
            self.bytes -= slot.bytes as usize;
            self.index.remove(&slot.key);
            self.free.push(at);
            self.forgotten += 1;
        }
    }

    fn unlink(&mut self, at: u32) {
        let Slot { newer, older, .. } = self.slots[at as usize];
        match newer {
            NONE => self.newest = older,
            _ => self.slots[newer as usize].older = older,
        }
        match older {
            NONE => self.oldest = newer,
            _ => self.slots[older as usize].newer = newer,
        }
    }

    fn link_newest(&mut self, at: u32) {
        let before = self.newest;
        let slot = &mut self.slots[at as usize];
        slot.newer = NONE;
        slot.older = before;
        match before {
            NONE => self.oldest = at,
            _ => self.slots[before as usize].newer = at,
        }
        self.newest = at;
    }
}

impl<T: Default + Footprint + Pack> Table<T> {
    /// Appends all entries, the one unseen the longest first.
    pub fn pack(&self, out: &mut String) {
        (self.len() as u64).pack(out);
        for slot in self.oldest_first() {
            slot.key.pack(out);
            slot.value.pack(out);
        }
    }

    /// Bytes that [`Table::pack`] appends, but for the few of their number.
    pub fn text_bytes(&self) -> usize {
        let mut text = String::new();
        let bytes = |slot: &Slot<T>| {
            text.clear();
            slot.key.pack(&mut text);
            slot.value.pack(&mut text);
            text.len()
        };
        self.oldest_first().map(bytes).sum()
    }

    fn oldest_first(&self) -> impl Iterator<Item = &Slot<T>> {
        let slot = |at: u32| self.slots.get(at as usize);
        successors(slot(self.oldest), move |before| slot(before.newer))
    }

    /// Takes over the entries of a text into an empty table. Where its bounds are narrower than those of the table
    /// that was written, the oldest are forgotten.
    ///
    /// # Errors
    /// The text is damaged.
    pub fn unpack(&mut self, text: &mut &str) -> Result<(), Damaged> {
        let count = u64::unpack(text)?;
        for _ in 0..count {
            let key = u64::unpack(text)?;
            let value = T::unpack(text)?;
            self.change(key, |entry| *entry = value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Text(String);

    impl Footprint for Text {
        fn heap_bytes(&self) -> usize {
            self.0.len()
        }
    }

    impl Pack for Text {
        fn pack(&self, out: &mut String) {
            self.0.pack(out);
        }

        fn unpack(text: &mut &str) -> Result<Text, Damaged> {
            String::unpack(text).map(Text)
        }
    }

    fn keys(table: &Table<Text>) -> Vec<u64> {
        table.index.keys().copied().collect()
    }

    #[test]
    fn forgets_the_longest_unseen_first() {
        let mut table = Table::<Text>::new(3, usize::MAX);
        for key in [1, 2, 3, 1, 4, 5] {
            table.change(key, |text| text.0.push('x'));
        }
        assert_eq!(keys(&table), [1, 4, 5]);
        assert_eq!(table.forgotten(), 2);
        // What comes back after having been forgotten begins anew.
        table.change(2, |text| assert_eq!(text.0, ""));
        assert_eq!(table.get(1).map(|text| text.0.as_str()), None);
    }

    #[test]
    fn bytes_are_bounded_too_and_the_newest_stays() {
        let mut table = Table::<Text>::new(100, 2000);
        for key in 0..50 {
            table.change(key, |text| text.0 = "x".repeat(100));
            assert!(table.bytes() <= 2000);
        }
        assert!(table.len() > 5, "{}", table.len());
        assert_eq!(table.len() as u64 + table.forgotten(), 50);
        table.change(99, |text| text.0 = "x".repeat(5000));
        assert_eq!(keys(&table), [99]);
        table.change(99, |text| text.0.clear());
        assert!(table.bytes() < 200);
    }

    #[test]
    fn a_restored_table_goes_on_like_the_original() {
        let mut table = Table::<Text>::new(5, 700);
        let text_of = |key: u64| "x".repeat(usize::try_from(key * 7 % 60).unwrap());
        for key in [5, 1, 4, 1, 9, 2, 6, 5, 3] {
            table.change(key, |text| text.0 = text_of(key));
        }
        let mut written = String::new();
        table.pack(&mut written);
        let mut restored = Table::<Text>::new(5, 700);
        let rest = &mut written.as_str();
        restored.unpack(rest).unwrap();
        assert_eq!(*rest, "");
        for key in [8, 9, 7, 3, 2, 11, 12] {
            table.change(key, |text| text.0 = text_of(key));
            restored.change(key, |text| text.0 = text_of(key));
            assert_eq!(keys(&table), keys(&restored));
            assert_eq!(table.bytes(), restored.bytes());
        }
        assert_eq!(Table::<Text>::new(5, 700).unpack(&mut "3x"), Err(Damaged));
    }
}

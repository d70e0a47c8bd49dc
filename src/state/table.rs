//! A table of bounded size, by key: forgets what was unseen the longest and counts what it forgot.
//!
//! Most users and addresses are quiet, and there are many: their entries are kept packed ([`super::compact`]), a few
//! hundred bytes instead of a few thousand, and unpacked into the same place one after the other, as their records
//! come. The busy ones lie open: to unpack and pack long lists for each record would cost more than they save. Which of
//! the two depends on the entry alone ([`Entry::is_quiet`]), so that a restored table has the same in the same form, and
//! the work for a record is bounded either way.
//!
//! Keys are 64-bit hashes. Two names with the same 64 bits would share an entry; to find a name for a given victim's
//! hash takes about 2^64 tries. What it takes to crowd them is said in [`super::index`].

use std::collections::BTreeMap;
use std::iter::successors;
use std::ops::{Index, IndexMut};

use super::arena::{self, Arena, CONTENT_MAX, NOWHERE};
use super::compact::{Reader, Words, Writer};
use super::index::{ByKey, CELL_BYTES, NUMBERS};
use super::pack::{Damaged, NUMBER_BYTES, Pack, pack_bytes, text_bytes, unpack_bytes};

/// What a table remembers of a key.
pub trait Entry: Default + Clone {
    /// Whether it is kept packed.
    fn is_quiet(&self) -> bool;

    /// Bytes behind pointers while it lies open. The same for equal values, so that a restored table forgets what the
    /// original would have.
    fn heap_bytes(&self) -> usize;

    /// Gives back room that is not needed any more: it lies open and stays so.
    fn tidy(&mut self);

    /// Makes it one without history. It keeps its room for the next.
    fn clear(&mut self);

    /// Writes the entry of `key`.
    fn write(&self, key: u64, out: &mut Writer);

    /// Replaces the entry by one that was written of `key`. It uses the room of the one before.
    ///
    /// # Errors
    /// The bytes are damaged.
    fn read(&mut self, key: u64, from: &mut Reader) -> Result<(), Damaged>;
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
pub type Place = u32;

/// No neighbour.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Slot {
    /// The key's bytes, in whose place a number would leave four more unused.
    key: [u8; 8],
    /// Seen just after this one; [`NONE`] for the latest.
    newer: u32,
    /// Seen just before this one; [`NONE`] for the one unseen the longest.
    older: u32,
    /// Where it is in the arena; [`NOWHERE`] while it lies open.
    packed: u32,
}

/// Bytes of an open entry's place in the tree and of its block, besides itself.
const OPEN_BYTES: usize = 2 * (size_of::<u32>() + size_of::<usize>()) + 8;

/// Slots by number, in pages that never move: a list that grows in one piece leaves holes of every size that it had.
#[derive(Debug, Default)]
struct Slots {
    pages: Vec<Vec<Slot>>,
}

/// Slots of a page.
const PAGE: usize = 128;

impl Slots {
    /// Takes `slot` in and gives its number.
    fn push(&mut self, slot: Slot) -> u32 {
        if self.pages.last().is_none_or(|page| page.len() == PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        let before = (self.pages.len() - 1) * PAGE;
        let Some(page) = self.pages.last_mut() else {
            return NONE;
        };
        page.push(slot);
        u32::try_from(before + page.len() - 1).unwrap_or(NONE)
    }

    fn key(&self, at: u32) -> u64 {
        u64::from_le_bytes(self[at].key)
    }
}

impl Index<u32> for Slots {
    type Output = Slot;

    fn index(&self, at: u32) -> &Slot {
        let at = at as usize;
        &self.pages[at / PAGE][at % PAGE]
    }
}

impl IndexMut<u32> for Slots {
    fn index_mut(&mut self, at: u32) -> &mut Slot {
        let at = at as usize;
        &mut self.pages[at / PAGE][at % PAGE]
    }
}

/// A table of at most so many entries and bytes.
#[derive(Debug)]
pub struct Table<T> {
    index: ByKey,
    slots: Slots,
    /// The entries that are packed.
    arena: Arena,
    /// The entries that lie open, by the number of their slot.
    open: BTreeMap<u32, Box<T>>,
    /// The packed entry that was changed last, unpacked.
    hand: T,
    /// Whose it is; [`NONE`] for nobody's.
    hand_of: u32,
    writer: Writer,
    words: Words,
    free: Vec<u32>,
    newest: u32,
    oldest: u32,
    entries_max: usize,
    bytes_max: usize,
    bytes: usize,
    forgotten: u64,
}

impl<T: Entry> Table<T> {
    /// An empty table. Both maxima are at least what one entry takes.
    pub fn new(entries_max: usize, bytes_max: usize) -> Table<T> {
        Table {
            index: ByKey::default(),
            slots: Slots::default(),
            arena: Arena::default(),
            open: BTreeMap::new(),
            hand: T::default(),
            hand_of: NONE,
            writer: Writer::default(),
            words: Words::default(),
            free: Vec::new(),
            newest: NONE,
            oldest: NONE,
            entries_max: entries_max.clamp(1, NUMBERS - 1),
            bytes_max,
            bytes: 0,
            forgotten: 0,
        }
    }

    /// Entries held.
    pub fn len(&self) -> usize {
        self.index.count()
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
        let at = self.seen(key);
        let answer = self.alter(at, change);
        self.forget_surplus();
        (at, answer)
    }

    /// The entry at the place that the last [`Table::change`] gave.
    pub fn at(&self, place: Place) -> &T {
        if place == self.hand_of {
            return &self.hand;
        }
        let open = self.open.get(&place);
        debug_assert!(open.is_some(), "not the last place");
        open.map_or(&self.hand, |entry| entry)
    }

    /// Changes the entry at a place that the last [`Table::change`] gave without it counting as seen.
    pub fn touch(&mut self, place: Place, change: impl FnOnce(&mut T)) {
        self.alter(place, change);
    }

    /// Looks at the entry of `key`; `None` where there is none. A packed one is unpacked for it.
    pub fn look<R>(&self, key: u64, look: impl FnOnce(&T) -> R) -> Option<R> {
        let at = self.index.get(key, |at| self.slots.key(at))?;
        if at == self.hand_of {
            return Some(look(&self.hand));
        }
        let packed = self.slots[at].packed;
        if packed == NOWHERE {
            return self.open.get(&at).map(|entry| look(entry));
        }
        let mut entry = T::default();
        let words = &mut Words::default();
        entry
            .read(key, &mut Reader::new(self.arena.get(packed), words))
            .ok()?;
        Some(look(&entry))
    }

    /// Makes the entry of `key` the one seen last, and makes one where there is none.
    fn seen(&mut self, key: u64) -> u32 {
        let found = self.index.get(key, |at| self.slots.key(at));
        let at = found.unwrap_or_else(|| self.insert(key));
        if self.newest != at {
            if found.is_some() {
                self.unlink(at);
            }
            self.link_newest(at);
        }
        at
    }

    fn insert(&mut self, key: u64) -> u32 {
        let slot = Slot {
            key: key.to_le_bytes(),
            newer: NONE,
            older: NONE,
            packed: NOWHERE,
        };
        let at = if let Some(at) = self.free.pop() {
            self.slots[at] = slot;
            at
        } else {
            self.slots.push(slot)
        };
        self.index.insert(key, at, |at| self.slots.key(at));
        self.bytes += OWN_BYTES;
        at
    }

    /// Changes the entry of a slot in the form in which it is kept, and keeps it in the form that it then needs.
    fn alter<R>(&mut self, at: u32, change: impl FnOnce(&mut T) -> R) -> R {
        let (key, packed) = (self.slots.key(at), self.slots[at].packed);
        if packed == NOWHERE
            && let Some(entry) = self.open.get_mut(&at)
        {
            self.bytes -= open_bytes(&**entry);
            let answer = change(entry);
            if !entry.is_quiet() {
                entry.tidy();
                self.bytes += open_bytes(&**entry);
                return answer;
            }
            if let Some(entry) = self.open.remove(&at) {
                self.hand = *entry;
            }
            self.hand_of = at;
            self.put_away(at);
            return answer;
        }
        let bytes = match packed {
            NOWHERE => &[],
            _ => self.arena.get(packed),
        };
        if packed != NOWHERE {
            self.bytes -= arena::bytes_for(bytes.len());
        }
        if at != self.hand_of {
            let from = &mut Reader::new(bytes, &mut self.words);
            if packed == NOWHERE || self.hand.read(key, from).is_err() {
                self.hand.clear();
            }
            self.hand_of = at;
        }
        let answer = change(&mut self.hand);
        self.put_away(at);
        answer
    }

    /// Keeps what is at hand as the entry of `at`, whose bytes are not counted yet.
    fn put_away(&mut self, at: u32) {
        let (key, packed) = (self.slots.key(at), self.slots[at].packed);
        if self.hand.is_quiet() {
            self.writer.begin();
            self.hand.write(key, &mut self.writer);
            let bytes = self.writer.bytes();
            if bytes.len() <= CONTENT_MAX {
                let moved = |other, place| self.slots[other].packed = place;
                let place = self.arena.set(packed, at, bytes, moved);
                self.slots[at].packed = place;
                self.bytes += arena::bytes_for(bytes.len());
                return;
            }
        }
        if packed != NOWHERE {
            self.arena.free(packed);
            self.slots[at].packed = NOWHERE;
        }
        self.hand_of = NONE;
        let entry = Box::new(self.hand.clone());
        self.bytes += open_bytes(&*entry);
        self.open.insert(at, entry);
    }

    /// Forgets the entries unseen the longest, never the newest one.
    fn forget_surplus(&mut self) {
        while (self.len() > self.entries_max || self.bytes > self.bytes_max)
            && self.oldest != self.newest
        {
            let at = self.oldest;
            self.unlink(at);
            let key = self.slots.key(at);
            let packed = std::mem::replace(&mut self.slots[at].packed, NOWHERE);
            self.bytes -= OWN_BYTES;
            if packed != NOWHERE {
                self.bytes -= arena::bytes_for(self.arena.get(packed).len());
                self.arena.free(packed);
            } else if let Some(entry) = self.open.remove(&at) {
                self.bytes -= open_bytes(&*entry);
            }
            self.index.remove(key, at);
            if self.hand_of == at {
                self.hand_of = NONE;
            }
            self.free.push(at);
            self.forgotten += 1;
        }
    }

    fn unlink(&mut self, at: u32) {
        let Slot { newer, older, .. } = self.slots[at];
        match newer {
            NONE => self.newest = older,
            _ => self.slots[newer].older = older,
        }
        match older {
            NONE => self.oldest = newer,
            _ => self.slots[older].newer = newer,
        }
    }

    fn link_newest(&mut self, at: u32) {
        let before = self.newest;
        let slot = &mut self.slots[at];
        slot.newer = NONE;
        slot.older = before;
        match before {
            NONE => self.oldest = at,
            _ => self.slots[before].newer = at,
        }
        self.newest = at;
    }

    /// Appends all entries, the one unseen the longest first.
    pub fn pack(&self, out: &mut String) {
        (self.len() as u64).pack(out);
        self.each_written(|key, bytes| {
            key.pack(out);
            pack_bytes(bytes, out);
        });
    }

    /// Bytes that [`Table::pack`] appends at the most.
    pub fn text_bytes(&self) -> usize {
        let mut sum = NUMBER_BYTES;
        self.each_written(|_, bytes| sum += NUMBER_BYTES + text_bytes(bytes));
        sum
    }

    /// Shows all entries as they are written, the one unseen the longest first.
    fn each_written(&self, mut show: impl FnMut(u64, &[u8])) {
        let mut writer = Writer::default();
        let numbers = Some(self.oldest).filter(|&oldest| oldest != NONE);
        let newer = |&at: &u32| Some(self.slots[at].newer).filter(|&newer| newer != NONE);
        for at in successors(numbers, newer) {
            let (key, packed) = (self.slots.key(at), self.slots[at].packed);
            if packed != NOWHERE {
                show(key, self.arena.get(packed));
            } else if let Some(entry) = self.open.get(&at) {
                writer.begin();
                entry.write(key, &mut writer);
                show(key, writer.bytes());
            }
        }
    }

    /// Takes over the entries of a text into an empty table. Where its bounds are narrower than those of the table
    /// that was written, the oldest are forgotten.
    ///
    /// # Errors
    /// The text is damaged.
    pub fn unpack(&mut self, text: &mut &str) -> Result<(), Damaged> {
        let count = u64::unpack(text)?;
        let mut bytes = Vec::new();
        for _ in 0..count {
            let key = u64::unpack(text)?;
            unpack_bytes(text, &mut bytes)?;
            let mut entry = std::mem::take(&mut self.hand);
            self.hand_of = NONE;
            let from = &mut Reader::new(&bytes, &mut self.words);
            entry.read(key, from)?;
            from.end()?;
            self.change(key, |kept| *kept = entry);
        }
        Ok(())
    }
}

/// Bytes of an entry in whatever form: its slot and its part of the index.
const OWN_BYTES: usize = size_of::<Slot>() + CELL_BYTES;

/// Bytes of an entry that lies open.
fn open_bytes<T: Entry>(entry: &T) -> usize {
    OPEN_BYTES + size_of::<T>() + entry.heap_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Clone, PartialEq, Eq)]
    struct Text(String);

    impl Entry for Text {
        fn is_quiet(&self) -> bool {
            self.0.len() < 60
        }

        fn heap_bytes(&self) -> usize {
            self.0.len()
        }

        fn tidy(&mut self) {}

        fn clear(&mut self) {
            self.0.clear();
        }

        fn write(&self, _: u64, out: &mut Writer) {
            out.number(self.0.len() as u64);
            for byte in self.0.bytes() {
                out.number(byte);
            }
        }

        fn read(&mut self, _: u64, from: &mut Reader) -> Result<(), Damaged> {
            self.0.clear();
            for _ in 0..from.count(10_000)? {
                self.0.push(char::from(from.number::<u8>()?));
            }
            Ok(())
        }
    }

    const KEYS: std::ops::Range<u64> = 0..100;

    fn keys(table: &Table<Text>) -> Vec<u64> {
        KEYS.filter(|&key| table.look(key, |_| ()).is_some())
            .collect()
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
        assert_eq!(table.look(1, |text| text.0.clone()), None);
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
    fn entries_stay_what_they_are_in_either_form() {
        let mut table = Table::<Text>::new(100, usize::MAX);
        let mut plain = BTreeMap::<u64, String>::new();
        let mut seed = 1_u64;
        for _ in 0..3000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (key, length) = (seed >> 33 & 15, usize::try_from(seed >> 40 & 127).unwrap());
            let text = plain.entry(key).or_default();
            let (place, before) =
                table.change(key, |one| std::mem::replace(&mut one.0, "y".repeat(length)));
            assert_eq!(before, std::mem::replace(text, "y".repeat(length)));
            assert_eq!(table.at(place).0, *text);
            if length % 3 == 0 {
                table.touch(place, |one| one.0.push('z'));
                text.push('z');
            }
            assert_eq!(table.at(place).0, *text);
            for (&key, text) in &plain {
                assert!(table.look(key, |one| one.0 == *text) == Some(true));
            }
        }
        // What is counted is what is there.
        let sum = |text: &String| match text.len() {
            0..60 => OWN_BYTES + arena::bytes_for(text.len() + 1),
            _ => OWN_BYTES + open_bytes(&Text(text.clone())),
        };
        assert_eq!(table.bytes(), plain.values().map(sum).sum::<usize>());
        assert!(
            table.text_bytes() >= {
                let mut out = String::new();
                table.pack(&mut out);
                out.len()
            }
        );
    }

    #[test]
    fn a_restored_table_goes_on_like_the_original() {
        let mut table = Table::<Text>::new(5, 700);
        let text_of = |key: u64| "x".repeat(usize::try_from(key * 37 % 90).unwrap());
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

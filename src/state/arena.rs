//! Blocks of bytes, each of an owner, in pages that are tidied: what many small entries are kept in.
//!
//! Entries grow and shrink by a few bytes with their records. A general allocator would leave holes among them of every
//! size that they had, and large buffers that come and go between would find none that fits: twice the memory. Here a
//! block that needs more room moves to the end of the page that is being filled; where more than a sixteenth of all bytes
//! are left behind, a page that has its share of them is emptied, its blocks moved to the end as well. So at most a
//! sixteenth is lost, and a few pages. A block with a little room to spare stays where it is: most records of a known user
//! move nothing.
//!
//! A block is its owner (three bytes), its size in units of eight bytes (one), the length of what it holds (two), and
//! what it holds. A place is a number of a page and a unit in it.

/// Nowhere.
pub const NOWHERE: u32 = u32::MAX;

/// Longest content of a block.
pub const CONTENT_MAX: usize = 255 * UNIT - HEAD;

/// Blocks begin and end at multiples of so many bytes.
const UNIT: usize = 8;
/// Bytes before the content.
const HEAD: usize = 6;
/// Bytes of a page.
const PAGE: usize = 1 << 15;
/// Units of a page.
const UNITS: u32 = 1 << 12;
const _: () = assert!(UNITS as usize * UNIT == PAGE);
/// A block stays while it is at most so many units larger than needed.
const SPARE: usize = 4;
/// The owner of what was left behind.
const NOBODY: u32 = (1 << 24) - 1;
/// Bytes left behind for one in use, as a divisor.
const LOST: usize = 16;

/// Bytes that content of some length takes at the most, in the long run: its block, and its share of what is lost.
pub fn bytes_for(length: usize) -> usize {
    let block = units(length) * UNIT;
    block + block / (LOST - 1)
}

fn units(length: usize) -> usize {
    (HEAD + length).div_ceil(UNIT)
}

#[derive(Debug, Default)]
struct Page {
    /// Never more than [`PAGE`].
    bytes: Vec<u8>,
    /// Bytes left behind in it.
    left: usize,
}

/// See the top of this file.
#[derive(Debug, Default)]
pub struct Arena {
    pages: Vec<Page>,
    /// Pages without bytes.
    empty: Vec<u32>,
    /// The page that is being filled.
    filling: u32,
    /// Where the search for a page to be emptied goes on.
    next: u32,
    /// Bytes of all blocks.
    bytes: usize,
    /// Bytes left behind, of all.
    left: usize,
}

/// The head of a block.
struct Head {
    owner: u32,
    units: usize,
    length: usize,
}

impl Head {
    fn of(block: &[u8]) -> Head {
        let [o0, o1, o2, units, l0, l1] = *block.first_chunk().unwrap_or(&[0; HEAD]);
        Head {
            owner: u32::from_le_bytes([o0, o1, o2, 0]),
            units: units.into(),
            length: u16::from_le_bytes([l0, l1]).into(),
        }
    }
}

impl Arena {
    /// What the block at `place` holds.
    pub fn get(&self, place: u32) -> &[u8] {
        let block = self.block(place);
        let length = Head::of(block).length;
        block.get(HEAD..HEAD + length).unwrap_or(&[])
    }

    /// Replaces the block at `place`, or at [`NOWHERE`] makes one, of `owner`, a number of 24 bits that are not all set.
    /// `content` is at most [`CONTENT_MAX`] long. Gives the new place; `moved` is told those of others.
    pub fn set(
        &mut self,
        place: u32,
        owner: u32,
        content: &[u8],
        moved: impl FnMut(u32, u32),
    ) -> u32 {
        let needed = units(content.len());
        if place != NOWHERE {
            let block = self.block_mut(place);
            let own = Head::of(block).units;
            if (needed..=needed + SPARE).contains(&own) {
                write(block, owner, own, content);
                return place;
            }
            self.free(place);
        }
        let place = self.room(needed * UNIT);
        let page = &mut self.pages[self.filling as usize].bytes;
        let start = page.len();
        page.resize(start + needed * UNIT, 0);
        write(
            page.get_mut(start..).unwrap_or(&mut []),
            owner,
            needed,
            content,
        );
        self.tidy(moved);
        place
    }

    /// Leaves the block at `place` behind.
    pub fn free(&mut self, place: u32) {
        let block = self.block_mut(place);
        let bytes = Head::of(block).units * UNIT;
        if let Some(owner) = block.first_chunk_mut::<3>() {
            *owner = [0xFF; 3];
        }
        self.pages[(place / UNITS) as usize].left += bytes;
        self.left += bytes;
    }

    /// Sees to it that the page that is being filled has room for so many bytes; gives the place of its end.
    fn room(&mut self, bytes: usize) -> u32 {
        self.bytes += bytes;
        let full = |page: &Page| page.bytes.len() + bytes > PAGE;
        if self.pages.get(self.filling as usize).is_none_or(full) {
            let next = || u32::try_from(self.pages.len()).unwrap_or(0);
            self.filling = self.empty.pop().unwrap_or_else(next);
            let page = Page {
                bytes: Vec::with_capacity(PAGE),
                left: 0,
            };
            match self.pages.get_mut(self.filling as usize) {
                Some(empty) => *empty = page,
                None => self.pages.push(page),
            }
        }
        let end = self.pages[self.filling as usize].bytes.len() / UNIT;
        self.filling * UNITS + u32::try_from(end).unwrap_or(0)
    }

    /// Empties a page where too much was left behind.
    fn tidy(&mut self, mut moved: impl FnMut(u32, u32)) {
        if self.left * LOST <= self.bytes.max(2 * LOST * PAGE) {
            return;
        }
        let pages = u32::try_from(self.pages.len()).unwrap_or(0);
        let round = (self.next..pages).chain(0..self.next.min(pages));
        let has_its_share = |&at: &u32| {
            let page = &self.pages[at as usize];
            at != self.filling && page.left * LOST >= page.bytes.len() && page.left > 0
        };
        let Some(at) = round.into_iter().find(has_its_share) else {
            return;
        };
        self.next = at + 1;
        let page = std::mem::take(&mut self.pages[at as usize]);
        self.bytes -= page.bytes.len();
        self.left -= page.left;
        let mut rest = &page.bytes[..];
        while !rest.is_empty() {
            let Head { owner, units, .. } = Head::of(rest);
            let Some((block, others)) = rest.split_at_checked(units.max(1) * UNIT) else {
                break;
            };
            rest = others;
            if owner != NOBODY {
                let place = self.room(block.len());
                let page = &mut self.pages[self.filling as usize];
                page.bytes.extend_from_slice(block);
                moved(owner, place);
            }
        }
        self.empty.push(at);
    }

    fn block(&self, place: u32) -> &[u8] {
        let page = self.pages.get((place / UNITS) as usize);
        let start = (place % UNITS) as usize * UNIT;
        page.and_then(|page| page.bytes.get(start..)).unwrap_or(&[])
    }

    /// The block at `place` and no byte behind it.
    fn block_mut(&mut self, place: u32) -> &mut [u8] {
        let bytes = Head::of(self.block(place)).units * UNIT;
        let page = self.pages.get_mut((place / UNITS) as usize);
        let start = (place % UNITS) as usize * UNIT;
        page.and_then(|page| page.bytes.get_mut(start..start + bytes))
            .unwrap_or(&mut [])
    }
}

/// Writes a block.
fn write(block: &mut [u8], owner: u32, units: usize, content: &[u8]) {
    let [o0, o1, o2, _] = owner.to_le_bytes();
    let [l0, l1, ..] = content.len().to_le_bytes();
    let [units, ..] = units.to_le_bytes();
    if let Some((head, rest)) = block.split_first_chunk_mut() {
        *head = [o0, o1, o2, units, l0, l1];
        if let Some(own) = rest.get_mut(..content.len()) {
            own.copy_from_slice(content);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries that grow, shrink and go, and where each is.
    #[test]
    fn blocks_keep_what_they_hold_and_little_is_lost() {
        const OWNERS: usize = 4000;
        let mut arena = Arena::default();
        let mut places = vec![NOWHERE; OWNERS];
        let mut contents: Vec<Vec<u8>> = vec![Vec::new(); OWNERS];
        let mut seed = 1_u64;
        for step in 0..200_000_u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let owner = usize::try_from(seed >> 33).unwrap() % OWNERS;
            if (seed >> 28).is_multiple_of(32) && places[owner] != NOWHERE {
                arena.free(places[owner]);
                (places[owner], contents[owner]) = (NOWHERE, Vec::new());
                continue;
            }
            let length = contents[owner].len() + usize::try_from(seed >> 50 & 63).unwrap();
            contents[owner] = vec![u8::try_from(step & 255).unwrap(); length % 700];
            let number = u32::try_from(owner).unwrap();
            let place = arena.set(places[owner], number, &contents[owner], |other, place| {
                assert_ne!(other, number);
                places[other as usize] = place;
            });
            places[owner] = place;
            assert_eq!(arena.get(place), contents[owner]);
        }
        let mut bytes = 0;
        for (&place, content) in places.iter().zip(&contents) {
            if place != NOWHERE {
                assert_eq!(arena.get(place), content);
                bytes += bytes_for(content.len() + SPARE * UNIT);
            }
        }
        let pages = arena.pages.len() - arena.empty.len();
        assert!(pages * PAGE < bytes + 4 * PAGE, "{pages} pages for {bytes}");
    }

    #[test]
    fn a_block_that_changes_a_little_stays() {
        let mut arena = Arena::default();
        let first = arena.set(NOWHERE, 1, &[7; 30], |_, _| ());
        for length in [25, 34, 8, 34] {
            assert_eq!(arena.set(first, 1, &vec![9; length], |_, _| ()), first);
            assert_eq!(arena.get(first), vec![9; length]);
        }
        let second = arena.set(first, 1, &[7; 35], |_, _| ());
        assert_ne!(second, first);
        assert_eq!(arena.left, 40);
        assert_ne!(arena.set(second, 1, &[], |_, _| ()), second);
        let largest = arena.set(NOWHERE, 2, &[3; CONTENT_MAX], |_, _| ());
        assert_eq!(arena.get(largest), [3; CONTENT_MAX]);
    }
}

//! State as bytes: what a quiet user or address is kept as between its records, and what a snapshot holds of all.
//!
//! Most of what is remembered is said again and again: the application, the address, the device. So a happening is
//! written as what differs from the one before it ([`Writer::changes`]), and a value that stood here before as its place
//! among the last ones ([`Writer::word`]), one byte instead of five. Values that were near each other in time stay near
//! in memory, and nothing has to be shared between entries.
//!
//! A number is written in groups of seven bits, the lowest first; a group that is not the last has the eighth bit set.
//! A word is one byte, or a head and up to four:
//!
//! | head | the word |
//! |---|---|
//! | 0–127 | what stands at this place among the last words |
//! | 128–187 | 0–59 |
//! | 188–191 | the next 1–4 bytes, the lowest first |
//!
//! Reading takes nothing on trust: what is cut short or out of range is an error, and costs no memory.

use super::pack::Damaged;

/// Places of the last words. More than a day of one user has; two that share a place cost bytes and nothing else.
const PLACES: usize = 128;
/// The head of the word 0.
const SMALL: u8 = 128;
/// The head of a word of one byte.
const LONG: u8 = 188;
/// The words with a head of their own.
const SMALL_END: u32 = (LONG - SMALL) as u32;

/// The last words of an entry, each at its place, to be used for one entry after the other.
#[derive(Debug)]
pub struct Words {
    /// The word and above it the number of the entry: nothing has to be cleared between two.
    cells: [u64; PLACES],
    /// Number of the entry; never 0.
    entry: u32,
}

impl Default for Words {
    fn default() -> Self {
        Words {
            cells: [0; PLACES],
            entry: 1,
        }
    }
}

impl Words {
    /// Forgets all words.
    fn begin(&mut self) {
        self.entry = self.entry.wrapping_add(1);
        if self.entry == 0 {
            *self = Words::default();
        }
    }

    /// What stands in the cell of `word`.
    #[inline]
    fn cell_of(&self, word: u32) -> u64 {
        u64::from(self.entry) << 32 | u64::from(word)
    }

    /// The word at a place below [`PLACES`]; 0 where there is none yet.
    #[inline]
    fn at(&self, place: usize) -> u32 {
        let cell = self.cells[place];
        let [word, entry] = [cell, cell >> 32].map(|half| (half & 0xFFFF_FFFF) as u32);
        if entry == self.entry { word } else { 0 }
    }

    #[inline]
    fn note(&mut self, word: u32) {
        self.cells[place_of(word)] = self.cell_of(word);
    }

    /// The place of `word`; `None` where it was not there, and is from now on.
    #[inline]
    fn find(&mut self, word: u32) -> Option<u8> {
        let (place, own) = (place_of(word), self.cell_of(word));
        if self.cells[place] == own {
            return Some(place.to_le_bytes()[0]);
        }
        self.cells[place] = own;
        None
    }
}

/// The place of a word: the upper bits of a product, which depend on all of its bits.
fn place_of(word: u32) -> usize {
    (word.wrapping_mul(0x9E37_79B1) >> 25) as usize
}

/// Writes one entry after the other, in a buffer that is used again.
#[derive(Debug, Default)]
pub struct Writer {
    /// What was written, and room behind it.
    bytes: Vec<u8>,
    end: usize,
    words: Words,
}

impl Writer {
    /// Begins a new entry.
    pub fn begin(&mut self) {
        self.end = 0;
        self.words.begin();
    }

    /// What was written since.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.end).unwrap_or(&[])
    }

    /// Appends the lowest `count` bytes, at most eight, the lowest first.
    #[inline]
    fn put(&mut self, bytes: u64, count: usize) {
        let room = self.bytes.get_mut(self.end..);
        let Some(room) = room.and_then(<[u8]>::first_chunk_mut) else {
            return self.put_further(bytes, count);
        };
        *room = bytes.to_le_bytes();
        self.end += count;
    }

    /// The same where there is no room left.
    #[cold]
    fn put_further(&mut self, bytes: u64, count: usize) {
        self.bytes.resize((self.bytes.len() * 2).max(256), 0);
        self.put(bytes, count);
    }

    /// Appends a number.
    #[inline]
    pub fn number(&mut self, number: impl Into<u64>) {
        let mut rest = number.into();
        while rest >= 128 {
            self.put(rest & 127 | 128, 1);
            rest >>= 7;
        }
        self.put(rest, 1);
    }

    /// Appends four bytes: what is different each time, and looked up by later words.
    #[inline]
    pub fn fresh(&mut self, word: u32) {
        self.put(word.into(), 4);
        self.words.note(word);
    }

    /// Appends a word.
    #[inline]
    pub fn word(&mut self, word: u32) {
        if word < SMALL_END {
            self.put(u64::from(SMALL) + u64::from(word), 1);
        } else if let Some(place) = self.words.find(word) {
            self.put(place.into(), 1);
        } else {
            let more = 3 - word.leading_zeros() / 8;
            let head = u64::from(LONG) + u64::from(more);
            self.put(head | u64::from(word) << 8, 2 + more as usize);
        }
    }

    /// Appends the words of `now` that are not those of `before`, at most 32.
    pub fn changes<const N: usize>(&mut self, now: &[u32; N], before: &[u32; N]) {
        let mut changed = 0_u32;
        for (bit, (now, before)) in now.iter().zip(before).enumerate() {
            changed |= u32::from(now != before) << bit;
        }
        self.number(changed);
        while changed != 0 {
            self.word(now[changed.trailing_zeros() as usize]);
            changed &= changed - 1;
        }
    }
}

/// Reads what a [`Writer`] wrote.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    words: &'a mut Words,
}

impl<'a> Reader<'a> {
    /// Begins to read an entry. What `words` holds does not matter.
    pub fn new(bytes: &'a [u8], words: &'a mut Words) -> Reader<'a> {
        words.begin();
        Reader { rest: bytes, words }
    }

    /// Says that the entry ends here.
    ///
    /// # Errors
    /// It does not.
    pub fn end(&self) -> Result<(), Damaged> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Damaged)
        }
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Damaged> {
        let (&byte, rest) = self.rest.split_first().ok_or(Damaged)?;
        self.rest = rest;
        Ok(byte)
    }

    /// Reads a number.
    ///
    /// # Errors
    /// The bytes are damaged.
    #[inline]
    pub fn number<T: TryFrom<u64>>(&mut self) -> Result<T, Damaged> {
        let mut number = 0_u64;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return T::try_from(number).map_err(|_| Damaged);
            }
        }
        Err(Damaged)
    }

    /// Reads a count of at most `max`.
    ///
    /// # Errors
    /// The bytes are damaged.
    #[inline]
    pub fn count(&mut self, max: usize) -> Result<usize, Damaged> {
        let count = self.number()?;
        if count <= max {
            Ok(count)
        } else {
            Err(Damaged)
        }
    }

    /// Reads four bytes.
    ///
    /// # Errors
    /// The bytes are damaged.
    #[inline]
    pub fn fresh(&mut self) -> Result<u32, Damaged> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Damaged)?;
        self.rest = rest;
        let word = u32::from_le_bytes(*bytes);
        self.words.note(word);
        Ok(word)
    }

    /// Reads a word.
    ///
    /// # Errors
    /// The bytes are damaged.
    #[inline]
    pub fn word(&mut self) -> Result<u32, Damaged> {
        let head = self.byte()?;
        match head {
            0..SMALL => Ok(self.words.at(usize::from(head))),
            SMALL..LONG => Ok(u32::from(head - SMALL)),
            LONG..=191 => {
                let length = usize::from(head - LONG) + 1;
                let more = u32::MAX >> (8 * (4 - length));
                let word = if let Some(four) = self.rest.first_chunk() {
                    u32::from_le_bytes(*four) & more
                } else {
                    // The last word of an entry.
                    let own = self.rest.get(..length).ok_or(Damaged)?.iter();
                    own.rev().fold(0, |word, &byte| word << 8 | u32::from(byte))
                };
                self.rest = self.rest.get(length..).ok_or(Damaged)?;
                self.words.note(word);
                Ok(word)
            }
            _ => Err(Damaged),
        }
    }

    /// Reads what has changed into `words` and gives it as a set of bits.
    ///
    /// # Errors
    /// The bytes are damaged.
    pub fn changes<const N: usize>(&mut self, words: &mut [u32; N]) -> Result<u32, Damaged> {
        let changed: u32 = self.number()?;
        let mut rest = changed;
        while rest != 0 {
            let place = rest.trailing_zeros() as usize;
            *words.get_mut(place).ok_or(Damaged)? = self.word()?;
            rest &= rest - 1;
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_written_is_read(
            numbers in prop::collection::vec(0..1_u64 << 40, 0..9),
            words in prop::collection::vec(prop_oneof![any::<u32>(), 0..300_u32, 70_000..70_100_u32], 0..200),
            events in prop::collection::vec(any::<[u32; 5]>(), 1..9),
        ) {
            let mut out = Writer::default();
            // What was written before does not matter.
            out.word(70_050);
            out.begin();
            for &number in &numbers {
                out.number(number);
            }
            for &word in &words {
                out.word(word);
                out.fresh(word);
            }
            let mut before = [0; 5];
            for event in &events {
                out.changes(event, &before);
                before = *event;
            }
            // Nor what was read.
            let room = &mut Words::default();
            room.note(70_050);
            let from = &mut Reader::new(out.bytes(), room);
            for &number in &numbers {
                prop_assert_eq!(from.number(), Ok(number));
            }
            for &word in &words {
                prop_assert_eq!(from.word(), Ok(word));
                prop_assert_eq!(from.fresh(), Ok(word));
            }
            let mut read = [0; 5];
            for event in &events {
                prop_assert!(from.changes(&mut read).is_ok());
                prop_assert_eq!(&read, event);
            }
            prop_assert_eq!(from.end(), Ok(()));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let words = &mut Words::default();
            let from = &mut Reader::new(&bytes, words);
            while from.end().is_err() {
                if from.word().is_err() || from.changes(&mut [0; 9]).is_err() || from.number::<u32>().is_err() {
                    break;
                }
            }
        }
    }

    #[test]
    fn what_was_said_before_takes_a_byte() {
        let mut out = Writer::default();
        for (word, bytes) in [
            (0, 1),
            (59, 1),
            (60, 2),
            (60, 1),
            (50_126, 3),
            (50_126, 1),
            (500_011, 4),
            (u32::MAX, 5),
            (u32::MAX, 1),
        ] {
            let before = out.bytes().len();
            out.word(word);
            assert_eq!(out.bytes().len() - before, bytes, "{word}");
        }
    }

    #[test]
    fn what_is_out_of_range_or_cut_short_is_refused() {
        let words = &mut Words::default();
        assert_eq!(Reader::new(&[], words).word(), Err(Damaged));
        assert_eq!(Reader::new(&[191, 1, 2, 3], words).word(), Err(Damaged));
        assert_eq!(Reader::new(&[192], words).word(), Err(Damaged));
        assert_eq!(Reader::new(&[1, 2, 3], words).fresh(), Err(Damaged));
        assert_eq!(Reader::new(&[200, 1], words).number::<u8>(), Ok(200));
        assert_eq!(Reader::new(&[200, 2], words).number::<u8>(), Err(Damaged));
        assert_eq!(Reader::new(&[255; 12], words).number::<u64>(), Err(Damaged));
        assert_eq!(Reader::new(&[9], words).count(8), Err(Damaged));
        // The fourth word of three.
        assert_eq!(
            Reader::new(&[8, 128], words).changes(&mut [0; 3]),
            Err(Damaged)
        );
    }
}

//! Walks over bytes a word at a time: 8 bytes in plain wasm, 16 where the target has vectors.

use wide::u8x16;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Whether a byte ends what stands for itself within a JSON string: a quote, a backslash or a control character.
const fn is_stop(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

/// Whether the target compares 16 bytes in one instruction.
const VECTORS: bool = cfg!(any(
    target_feature = "simd128",
    target_feature = "sse2",
    target_feature = "neon"
));

/// Where the first stop of `bytes` is; their length where there is none.
#[inline(always)]
pub(super) fn stop(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    if VECTORS {
        while let Some((chunk, more)) = rest.split_first_chunk() {
            let marks = stops_of_chunk(*chunk);
            if marks != 0 {
                return bytes.len() - rest.len() + marks.trailing_zeros() as usize;
            }
            rest = more;
        }
    }
    while let Some((chunk, more)) = rest.split_first_chunk() {
        let marks = stops(u64::from_le_bytes(*chunk));
        if marks != 0 {
            return bytes.len() - rest.len() + (marks.trailing_zeros() / 8) as usize;
        }
        rest = more;
    }
    let plain = rest.iter().position(|&byte| is_stop(byte));
    bytes.len() - rest.len() + plain.unwrap_or(rest.len())
}

/// The high bit of each byte of `word` that is a stop. A borrow can mark bytes above a marked one, never one below.
fn stops(word: u64) -> u64 {
    // With this bit turned over the quote is 0x20, just above the control characters, which stay among themselves.
    let low = (word ^ (ONES * 2)).wrapping_sub(ONES * 0x21);
    let slash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    (low | slash) & !word & HIGHS
}

/// A bit for each byte of `chunk` that is a stop.
fn stops_of_chunk(chunk: [u8; 16]) -> u32 {
    let bytes = u8x16::new(chunk);
    let quote = u8x16::splat(0x20);
    // As in `stops`.
    let low = (bytes ^ u8x16::splat(2)).max(quote).simd_eq(quote);
    (low | bytes.simd_eq(u8x16::splat(b'\\'))).to_bitmask()
}

/// Where the first line end of `bytes` is; `None` where there is none. The standard library's search takes twice as many
/// instructions in the sandbox, where it goes by words of 4 bytes.
pub(super) fn line_end(bytes: &[u8]) -> Option<usize> {
    let marks = |chunk: &[u8; 8]| {
        let word = u64::from_le_bytes(*chunk) ^ (ONES * 10);
        word.wrapping_sub(ONES) & !word & HIGHS
    };
    // A test for each 32 bytes; a mark that a borrow made never comes without a true one below it.
    let (blocks, _) = bytes.as_chunks::<32>();
    let has_none = |block: &&[u8; 32]| {
        let chunks = block.as_chunks().0.iter();
        chunks.fold(0, |all, chunk| all | marks(chunk)) == 0
    };
    let passed = 32 * blocks.iter().take_while(has_none).count();
    let rest = bytes.get(passed..)?;
    rest.iter()
        .position(|&byte| byte == b'\n')
        .map(|at| passed + at)
}

/// A text of fewer than `8 * WORDS` bytes that is to be compared often.
#[derive(Clone, Copy)]
pub(super) struct Text<const WORDS: usize> {
    words: [u64; WORDS],
    /// Which bytes count of the word behind the whole ones.
    mask: u64,
    length: u16,
}

impl<const WORDS: usize> PartialEq for Text<WORDS> {
    /// By words, because memory is compared by bytes in the sandbox.
    fn eq(&self, other: &Self) -> bool {
        let mut words = self.words.iter().zip(&other.words);
        self.length == other.length && words.all(|(one, other)| one == other)
    }
}

impl<const WORDS: usize> Text<WORDS> {
    /// Nothing, which everything begins with.
    pub(super) const EMPTY: Text<WORDS> = Text {
        words: [0; WORDS],
        mask: 0,
        length: 0,
    };

    /// Keeps `text`; `None` where it is too long.
    pub(super) fn new(text: &[u8]) -> Option<Text<WORDS>> {
        // One byte at least is left over, so that no mask covers a whole word.
        if text.len() >= 8 * WORDS {
            return None;
        }
        let mut words = [0; WORDS];
        let (whole, rest) = text.as_chunks::<8>();
        for (word, chunk) in words.iter_mut().zip(whole) {
            *word = u64::from_le_bytes(*chunk);
        }
        let last = words.get_mut(whole.len())?;
        *last = rest
            .iter()
            .rev()
            .fold(0, |word, &byte| word << 8 | u64::from(byte));
        Some(Text {
            words,
            mask: (1 << (8 * rest.len())) - 1,
            length: u16::try_from(text.len()).ok()?,
        })
    }

    /// Its bytes.
    pub(super) fn len(&self) -> usize {
        usize::from(self.length)
    }

    /// Whether `bytes` begins with it. Where too few bytes follow to compare whole words, the answer is no.
    #[inline(always)]
    pub(super) fn begins(&self, bytes: &[u8]) -> bool {
        let whole = self.len() / 8;
        let (Some((last, words)), Some(bytes)) = (
            self.words.get(..=whole).and_then(<[u64]>::split_last),
            bytes.get(..8 * whole + 8),
        ) else {
            return false;
        };
        // Four words at a time, because the tests cost more than the comparison.
        let (fours, words) = words.as_chunks::<4>();
        let (blocks, _) = bytes.as_chunks::<32>();
        for (four, block) in fours.iter().zip(blocks) {
            let [one, two, three, end] = block.as_chunks::<8>().0 else {
                return false;
            };
            let word = |chunk: &[u8; 8]| u64::from_le_bytes(*chunk);
            let differs = (four[0] ^ word(one))
                | (four[1] ^ word(two))
                | (four[2] ^ word(three))
                | (four[3] ^ word(end));
            if differs != 0 {
                return false;
            }
        }
        let rest = bytes.get(32 * fours.len()..).unwrap_or(&[]);
        let (chunks, _) = rest.as_chunks::<8>();
        let mut pairs = words.iter().zip(chunks);
        pairs.all(|(word, chunk)| *word == u64::from_le_bytes(*chunk))
            && chunks
                .last()
                .is_some_and(|end| (last ^ u64::from_le_bytes(*end)) & self.mask == 0)
    }

    /// A number that equal texts share.
    pub(super) fn hash(&self) -> u64 {
        self.words
            .iter()
            .fold(u64::from(self.length), |hash, word| {
                (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn finds_the_first_stop(
            bytes in prop::collection::vec(prop_oneof![9 => any::<u8>().prop_filter("plain", |&byte| !is_stop(byte)), 1 => any::<u8>()], 0..90),
        ) {
            let found = bytes.iter().position(|&byte| is_stop(byte));
            prop_assert_eq!(stop(&bytes), found.unwrap_or(bytes.len()));
        }

        #[test]
        fn finds_the_first_line_end(
            bytes in prop::collection::vec(prop_oneof![30 => any::<u8>(), 1 => Just(b'\n'), 1 => Just(11_u8)], 0..200),
        ) {
            prop_assert_eq!(line_end(&bytes), bytes.iter().position(|&byte| byte == b'\n'));
        }

        #[test]
        fn tells_what_begins_alike(text in prop::collection::vec(any::<u8>(), 0..120), at in any::<prop::sample::Index>(), rest in 0..9_usize) {
            let known = Text::<12>::new(&text);
            prop_assert_eq!(known.is_some(), text.len() < 96);
            if let Some(known) = known {
                let mut bytes = text.clone();
                bytes.resize(text.len() + rest, 7);
                prop_assert_eq!(known.len(), text.len());
                prop_assert_eq!(known.begins(&bytes), rest >= 8 - text.len() % 8);
                bytes.resize(text.len() + 8, 7);
                if !text.is_empty() {
                    bytes[at.index(text.len())] ^= 0x40;
                    prop_assert!(!known.begins(&bytes));
                    prop_assert!(!known.begins(&text[1..]));
                }
            }
        }
    }

    #[test]
    fn every_byte_is_told_in_every_place() {
        for byte in 0..=u8::MAX {
            for at in 0..24 {
                let mut bytes = [b'a'; 40];
                bytes[at] = byte;
                assert_eq!(
                    stop(&bytes),
                    if is_stop(byte) { at } else { 40 },
                    "{byte} at {at}"
                );
            }
        }
    }
}

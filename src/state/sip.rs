//! `SipHash-1-3` with the key 0 of texts in ASCII lower case and of numbers, eight bytes at a time.
//!
//! Every record has some ten texts to be hashed, so nothing is copied: letters are folded in the words in which they are
//! read.

/// The hash of a text without regard to ASCII case.
pub(super) fn of_text(text: &str) -> u64 {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mut sip = Sip::new();
    for word in words {
        sip.add(lower(u64::from_le_bytes(*word)));
    }
    sip.end(lower(short(rest)), text.len())
}

/// The hash of four numbers, as of their bytes, the lowest first.
pub(super) fn of_numbers([a, b, c, d]: [u32; 4]) -> u64 {
    let pair = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
    let mut sip = Sip::new();
    sip.add(pair(a, b));
    sip.add(pair(c, d));
    sip.end(0, 16)
}

/// Fewer than eight bytes as a number, the lowest first.
fn short(bytes: &[u8]) -> u64 {
    let four = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
    match (bytes.first_chunk(), bytes.last_chunk(), bytes) {
        // They overlap, and agree where they do.
        (Some(first), Some(last), _) => four(first) | four(last) << (8 * (bytes.len() - 4)),
        (_, _, &[a, b, c]) => u64::from(a) | u64::from(b) << 8 | u64::from(c) << 16,
        (_, _, &[a, b]) => u64::from(a) | u64::from(b) << 8,
        (_, _, &[a]) => u64::from(a),
        _ => 0,
    }
}

/// Eight bytes with ASCII letters in lower case.
fn lower(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const TOP: u64 = EACH << 7;
    // With the top bits aside no sum reaches the byte above. 0x41 is A, and 0x5A is Z.
    let low = word & !TOP;
    let from_a = low + EACH * (0x80 - 0x41);
    let beyond_z = low + EACH * (0x7F - 0x5A);
    let upper = from_a & !beyond_z & !word & TOP;
    word | upper >> 2
}

struct Sip {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl Sip {
    fn new() -> Sip {
        Sip {
            v0: 0x736f_6d65_7073_6575,
            v1: 0x646f_7261_6e64_6f6d,
            v2: 0x6c79_6765_6e65_7261,
            v3: 0x7465_6462_7974_6573,
        }
    }

    #[inline]
    fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.rotate_left(32).wrapping_add(self.v3);
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.rotate_left(32);
    }

    #[inline]
    fn add(&mut self, word: u64) {
        self.v3 ^= word;
        self.round();
        self.v0 ^= word;
    }

    /// `rest` are the bytes behind the last whole word; `length` counts all.
    #[inline]
    fn end(mut self, rest: u64, length: usize) -> u64 {
        self.add(rest | (length as u64) << 56);
        self.v2 ^= 0xFF;
        for _ in 0..3 {
            self.round();
        }
        self.v0 ^ self.v1 ^ self.v2 ^ self.v3
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use siphasher::sip::SipHasher13;
    use std::hash::Hasher;

    fn reference(bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new();
        hasher.write(bytes);
        hasher.finish()
    }

    proptest! {
        #[test]
        fn as_the_reference_has_it(text in "[\\x00-\\x7F]{0,40}", other in ".{0,40}", four: [u32; 4]) {
            for text in [text, other] {
                let lower = text.to_ascii_lowercase();
                prop_assert_eq!(of_text(&text), reference(lower.as_bytes()));
            }
            let bytes: Vec<u8> = four.iter().flat_map(|number| number.to_le_bytes()).collect();
            prop_assert_eq!(of_numbers(four), reference(&bytes));
        }
    }

    #[test]
    fn every_byte_is_folded_as_ascii_says() {
        for byte in 0..=u8::MAX {
            let word = u64::from_le_bytes([byte; 8]);
            let folded = u64::from_le_bytes([byte.to_ascii_lowercase(); 8]);
            assert_eq!(lower(word), folded, "{byte}");
        }
    }
}

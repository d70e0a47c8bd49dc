//! State as text: numbers in a base-32 of printable characters, seven bits shorter than a decimal and without a parser.
//!
//! A snapshot crosses to the host as a `string`, so it is text from the start: no bytes in between that would have
//! to be held a second time while they are turned into text. A number is written in groups of five bits, the lowest
//! first; a group that is not the last has the sixth bit set. That gives 64 characters: `0`–`9`, `A`–`Z`, `a`–`z`,
//! `-` and `_`. A text is its length in bytes and then itself.
//!
//! Reading takes nothing on trust: a count is only believed item by item, and what is out of range is an error.

/// What is wrong with a text that should hold a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged;

/// A value that can be written as text and read back.
pub trait Pack: Sized {
    /// Appends the value.
    fn pack(&self, out: &mut String);

    /// Reads the value from the start of `text` and moves `text` behind it.
    ///
    /// # Errors
    /// The text is damaged.
    fn unpack(text: &mut &str) -> Result<Self, Damaged>;
}

const ALPHABET: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

/// The value of each character; 255 for those that are none of ours.
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut at = 0;
    while at < ALPHABET.len() {
        #[expect(clippy::cast_possible_truncation, reason = "64 characters")]
        let value = at as u8;
        values[ALPHABET[at] as usize] = value;
        at += 1;
    }
    values
};

impl Pack for u64 {
    fn pack(&self, out: &mut String) {
        let mut rest = *self;
        loop {
            let group = (rest & 31) as usize;
            rest >>= 5;
            let more = usize::from(rest != 0) << 5;
            out.push(char::from(ALPHABET[group | more]));
            if rest == 0 {
                break;
            }
        }
    }

    fn unpack(text: &mut &str) -> Result<u64, Damaged> {
        let mut number = 0_u64;
        for (at, &byte) in text.as_bytes().iter().enumerate().take(13) {
            let value = VALUES[usize::from(byte)];
            if value == 255 {
                return Err(Damaged);
            }
            let group = u64::from(value & 31);
            let shift = 5 * u32::try_from(at).map_err(|_| Damaged)?;
            // The thirteenth group holds the last four bits.
            if shift == 60 && group > 15 {
                return Err(Damaged);
            }
            number |= group << shift;
            if value & 32 == 0 {
                *text = text.get(at + 1..).ok_or(Damaged)?;
                return Ok(number);
            }
        }
        Err(Damaged)
    }
}

macro_rules! pack_number {
    ($($number:ty)+) => {$(
        impl Pack for $number {
            fn pack(&self, out: &mut String) {
                u64::from(*self).pack(out);
            }

            fn unpack(text: &mut &str) -> Result<Self, Damaged> {
                Self::try_from(u64::unpack(text)?).map_err(|_| Damaged)
            }
        }
    )+};
}

pack_number!(u8 u16 u32);

impl Pack for bool {
    fn pack(&self, out: &mut String) {
        u64::from(*self).pack(out);
    }

    fn unpack(text: &mut &str) -> Result<bool, Damaged> {
        match u64::unpack(text)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Damaged),
        }
    }
}

impl Pack for i64 {
    fn pack(&self, out: &mut String) {
        // The sign goes to the lowest bit, so that small negative numbers stay short.
        ((self << 1) ^ (self >> 63)).cast_unsigned().pack(out);
    }

    fn unpack(text: &mut &str) -> Result<i64, Damaged> {
        let number = u64::unpack(text)?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }
}

impl Pack for i16 {
    fn pack(&self, out: &mut String) {
        i64::from(*self).pack(out);
    }

    fn unpack(text: &mut &str) -> Result<i16, Damaged> {
        i16::try_from(i64::unpack(text)?).map_err(|_| Damaged)
    }
}

impl Pack for String {
    fn pack(&self, out: &mut String) {
        (self.len() as u64).pack(out);
        out.push_str(self);
    }

    fn unpack(text: &mut &str) -> Result<String, Damaged> {
        let length = usize::try_from(u64::unpack(text)?).map_err(|_| Damaged)?;
        let (own, rest) = text.split_at_checked(length).ok_or(Damaged)?;
        *text = rest;
        Ok(own.to_owned())
    }
}

impl<T: Pack> Pack for Option<T> {
    fn pack(&self, out: &mut String) {
        self.is_some().pack(out);
        if let Some(value) = self {
            value.pack(out);
        }
    }

    fn unpack(text: &mut &str) -> Result<Option<T>, Damaged> {
        bool::unpack(text)?.then(|| T::unpack(text)).transpose()
    }
}

impl<T: Pack> Pack for Vec<T> {
    fn pack(&self, out: &mut String) {
        (self.len() as u64).pack(out);
        for item in self {
            item.pack(out);
        }
    }

    fn unpack(text: &mut &str) -> Result<Vec<T>, Damaged> {
        let count = u64::unpack(text)?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(T::unpack(text)?);
        }
        Ok(items)
    }
}

/// Most characters of a number.
pub const NUMBER_BYTES: usize = 13;

/// Most characters that [`pack_bytes`] appends.
pub fn text_bytes(bytes: &[u8]) -> usize {
    NUMBER_BYTES + bytes.len().div_ceil(3) * 4
}

/// Appends bytes: their number, and then four characters for three, the last ones filled up with zeros.
pub fn pack_bytes(bytes: &[u8], out: &mut String) {
    (bytes.len() as u64).pack(out);
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .rev()
            .fold(0, |bits, &byte| bits << 8 | usize::from(byte));
        for shift in [0, 6, 12, 18] {
            out.push(char::from(ALPHABET[bits >> shift & 63]));
        }
    }
}

/// Reads bytes into `bytes`, in the place of what is there.
///
/// # Errors
/// The text is damaged.
pub fn unpack_bytes(text: &mut &str, bytes: &mut Vec<u8>) -> Result<(), Damaged> {
    let length = usize::try_from(u64::unpack(text)?).map_err(|_| Damaged)?;
    let characters = length.div_ceil(3).checked_mul(4).ok_or(Damaged)?;
    let (own, rest) = text.split_at_checked(characters).ok_or(Damaged)?;
    *text = rest;
    bytes.clear();
    for four in own.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for &character in four.iter().rev() {
            let value = VALUES[usize::from(character)];
            if value > 63 {
                return Err(Damaged);
            }
            bits = bits << 6 | u32::from(value);
        }
        bytes.extend_from_slice(&bits.to_le_bytes()[..3]);
    }
    bytes.truncate(length);
    Ok(())
}

/// Writes a struct member by member, in the order given.
///
/// With `if` and a method's name, what is read is refused unless the method says that it is sound.
macro_rules! pack_struct {
    ($name:ident if $sound:ident { $($member:ident),+ $(,)? }) => {
        impl $crate::state::pack::Pack for $name {
            fn pack(&self, out: &mut String) {
                $($crate::state::pack::Pack::pack(&self.$member, out);)+
            }

            fn unpack(text: &mut &str) -> Result<Self, $crate::state::pack::Damaged> {
                let read = $name { $($member: $crate::state::pack::Pack::unpack(text)?,)+ };
                if read.$sound() { Ok(read) } else { Err($crate::state::pack::Damaged) }
            }
        }
    };
    ($name:ident { $($member:ident),+ $(,)? }) => {
        impl $crate::state::pack::Pack for $name {
            fn pack(&self, out: &mut String) {
                $($crate::state::pack::Pack::pack(&self.$member, out);)+
            }

            fn unpack(text: &mut &str) -> Result<Self, $crate::state::pack::Damaged> {
                Ok($name { $($member: $crate::state::pack::Pack::unpack(text)?,)+ })
            }
        }
    };
}
pub(crate) use pack_struct;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_written_is_read(
            large in any::<u64>(),
            signed in any::<i64>(),
            small in any::<i16>(),
            texts in prop::collection::vec("\\PC{0,9}", 0..5),
            maybe in any::<Option<u32>>(),
            bytes in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let mut out = String::new();
            large.pack(&mut out);
            signed.pack(&mut out);
            small.pack(&mut out);
            texts.pack(&mut out);
            maybe.pack(&mut out);
            pack_bytes(&bytes, &mut out);
            let text = &mut out.as_str();
            prop_assert_eq!(u64::unpack(text), Ok(large));
            prop_assert_eq!(i64::unpack(text), Ok(signed));
            prop_assert_eq!(i16::unpack(text), Ok(small));
            prop_assert_eq!(Vec::<String>::unpack(text), Ok(texts));
            prop_assert_eq!(Option::<u32>::unpack(text), Ok(maybe));
            let mut read = vec![1, 2, 3];
            prop_assert_eq!(unpack_bytes(text, &mut read), Ok(()));
            prop_assert_eq!(read, bytes);
            prop_assert_eq!(*text, "");
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = Vec::<String>::unpack(&mut text.as_str());
            let _ = Vec::<Option<u8>>::unpack(&mut text.as_str());
            let _ = i64::unpack(&mut text.as_str());
        }
    }

    #[test]
    fn what_is_out_of_range_or_cut_short_is_refused() {
        let mut large = String::new();
        300_u64.pack(&mut large);
        assert_eq!(u8::unpack(&mut large.as_str()), Err(Damaged));
        assert_eq!(u64::unpack(&mut ""), Err(Damaged));
        assert_eq!(u64::unpack(&mut "________________"), Err(Damaged));
        assert_eq!(bool::unpack(&mut "2"), Err(Damaged));
        assert_eq!(String::unpack(&mut "5abcd"), Err(Damaged));
        for text in ["5abcd", "3ab!d", "abcd", "_________"] {
            assert_eq!(unpack_bytes(&mut &*text, &mut Vec::new()), Err(Damaged));
        }
        // A count that nothing stands behind costs nothing.
        let mut many = String::new();
        u64::MAX.pack(&mut many);
        assert_eq!(Vec::<u64>::unpack(&mut many.as_str()), Err(Damaged));
    }
}

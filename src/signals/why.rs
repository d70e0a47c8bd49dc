//! The sentence of a hit: a text with places for what was seen. It is written out where it leaves, and nowhere else.

use std::fmt;

use crate::state::event::country_letters;
use crate::write::number;

/// One short sentence with the numbers seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Ours, without numbers.
    Plain(&'static str),
    /// Ours: what stands before, between and after the parts, and the parts.
    Said(&'static [&'static str], [Part; PARTS_MAX]),
    /// Not only ours: with words of an operator's option, or read back from where it was written.
    Given(Box<str>),
}

/// What stands in one place of a sentence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Part {
    /// There is no such place.
    #[default]
    Nothing,
    /// A number, in digits.
    Number(i64),
    /// Further words of ours.
    Words(&'static str),
    /// A name in quotation marks.
    Quoted(&'static str),
    /// A country as its two letters, from what [`crate::state::event::Event::country`] holds.
    Country(u16),
}

/// Places in a sentence at most.
const PARTS_MAX: usize = 5;

/// A sentence of ours: `why!("{} users within {} min", users, minutes)`.
macro_rules! why {
    ($text:literal $(, $part:expr)+ $(,)?) => {
        {
            const PARTS: usize = [$(stringify!($part)),+].len();
            const TEXTS: [&str; PARTS + 1] = $crate::signals::why::texts($text);
            $crate::signals::why::Why::said(&TEXTS, [$($crate::signals::why::Part::from($part)),+])
        }
    };
}
pub(crate) use why;

/// What stands before, between and after the `{}` of a text.
pub(crate) const fn texts<const COUNT: usize>(text: &'static str) -> [&'static str; COUNT] {
    let mut texts = [""; COUNT];
    let (mut rest, mut place, mut count) = (text, 0, 0);
    while place < rest.len() {
        if rest.as_bytes()[place] == b'{' {
            let (before, after) = rest.split_at(place);
            texts[count] = before;
            count += 1;
            (rest, place) = (after.split_at("{}".len()).1, 0);
        } else {
            place += 1;
        }
    }
    assert!(count + 1 == COUNT, "a text has as many places as parts");
    texts[count] = rest;
    texts
}

impl Why {
    pub(crate) fn said<const COUNT: usize>(
        texts: &'static [&'static str],
        parts: [Part; COUNT],
    ) -> Why {
        const { assert!(COUNT <= PARTS_MAX) };
        debug_assert!(texts.iter().all(|text| is_plain(text)), "{texts:?}");
        let mut all = [Part::Nothing; PARTS_MAX];
        for (place, part) in all.iter_mut().zip(parts) {
            *place = part;
        }
        Why::Said(texts, all)
    }

    /// Appends the sentence. `escaped` appends a text of which not all is ours, so that JSON may want escapes in it.
    pub(crate) fn write(&self, out: &mut String, escaped: impl Fn(&mut String, &str)) {
        let (texts, parts) = match self {
            Why::Plain(text) => return out.push_str(text),
            Why::Given(text) => return escaped(out, text),
            Why::Said(texts, parts) => (texts, parts),
        };
        // Behind the last text there is no part.
        let parts = parts.iter().chain([&Part::Nothing]);
        for (text, part) in texts.iter().zip(parts) {
            out.push_str(text);
            match *part {
                Part::Nothing => {}
                Part::Number(value) => number(out, value),
                Part::Words(text) => out.push_str(text),
                Part::Quoted(name) => {
                    escaped(out, "\"");
                    out.push_str(name);
                    escaped(out, "\"");
                }
                Part::Country(country) => out.push_str(&country_letters(country)),
            }
        }
    }
}

/// Whether JSON wants no escapes in a text: so it is with all words of ours.
fn is_plain(text: &str) -> bool {
    !text
        .bytes()
        .any(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'))
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text, String::push_str);
        f.pad(&text)
    }
}

impl From<&'static str> for Why {
    fn from(text: &'static str) -> Why {
        debug_assert!(is_plain(text), "{text}");
        Why::Plain(text)
    }
}

impl From<&'static str> for Part {
    fn from(words: &'static str) -> Part {
        debug_assert!(is_plain(words), "{words}");
        Part::Words(words)
    }
}

impl From<i64> for Part {
    fn from(number: i64) -> Part {
        Part::Number(number)
    }
}

impl From<u32> for Part {
    fn from(number: u32) -> Part {
        Part::Number(i64::from(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_stands_in_its_place() {
        let rows = [
            (Why::from("{} as it is"), "{} as it is"),
            (why!("{}", 7_i64), "7"),
            (
                why!(
                    "{} of {} in {}, {}",
                    1_u32,
                    -20_i64,
                    Part::Country(17477),
                    "now"
                ),
                "1 of -20 in DE, now",
            ),
            (why!("{}{}", "", "x"), "x"),
            (
                why!("client {} tried", Part::Quoted("POP")),
                "client \"POP\" tried",
            ),
            (Why::Given("{} of another".into()), "{} of another"),
        ];
        for (why, expected) in rows {
            assert_eq!(why.to_string(), expected);
        }
    }
}

//! A cursor over one line of JSON text: hands out positions and copies nothing.
//!
//! It reads what it is asked for, skips the rest, and checks all of it: what it accepts, `serde_json`
//! accepts too, and the other way round (tested below over random and broken texts). What a value
//! means is left to [`super::record`].

use super::scan;
use crate::limits::DEPTH_MAX;

/// Why a text cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The grammar of JSON is broken.
    NotJson,
    /// More than [`DEPTH_MAX`] brackets are open at once.
    TooDeep,
    /// A `\u` escape holds half a surrogate pair, so the text has no UTF-8 form.
    BrokenEncoding,
}

/// Where a text or a token stands: byte positions from the start of the cursor's text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A string: the bytes between its quotes, and whether there is a backslash among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw {
    /// The bytes between the quotes, escapes as they stand.
    pub span: Span,
    /// Whether [`unescape`] is needed to get at the text.
    pub escaped: bool,
}

/// The value that a cursor has come upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(Span),
    /// A number, as written.
    Number(Span),
    /// A string.
    Text(Raw),
    /// An object whose `{` has been read: go on with [`Cursor::key`].
    Object,
    /// An array whose `[` has been read: go on with [`Cursor::element`].
    Array,
}

/// A position in one JSON text.
pub struct Cursor<'t> {
    text: &'t str,
    /// What has not been read yet of the text.
    rest: &'t [u8],
    depth: u32,
    /// Whether a line end ends the text; else it is a blank.
    one_line: bool,
}

impl<'t> Cursor<'t> {
    /// A cursor at the start of `text`.
    pub fn new(text: &'t str) -> Self {
        Cursor::starting_at(text, 0)
    }

    /// A cursor at the start of the first line of `text`, which sees nothing of the other lines.
    pub fn of_line(text: &'t str) -> Self {
        Cursor {
            one_line: true,
            ..Cursor::new(text)
        }
    }

    /// A cursor that starts further in; positions still count from the start of `text`.
    pub fn starting_at(text: &'t str, at: usize) -> Self {
        Cursor {
            text,
            rest: text.as_bytes().get(at..).unwrap_or(&[]),
            depth: 0,
            one_line: false,
        }
    }

    /// Position of the next byte to be read.
    #[inline]
    pub fn at(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    /// The bytes of `span`; empty where the span is not of this text.
    pub fn slice(&self, span: Span) -> &'t str {
        self.text.get(span.start..span.end).unwrap_or("")
    }

    /// How many brackets are open.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// The bytes from here to the end of the text; of a line, with those of the lines after it.
    #[inline]
    pub fn rest(&self) -> &'t [u8] {
        self.rest
    }

    /// The bytes from `start` up to here.
    pub fn since(&self, start: usize) -> &'t [u8] {
        self.text.as_bytes().get(start..self.at()).unwrap_or(&[])
    }

    /// The next byte, be it white space; `None` at the end.
    #[inline]
    pub fn here(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Moves past `length` bytes that are known.
    #[inline]
    pub fn pass(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or(&[]);
    }

    /// The same for bytes of which one bracket stays open. It must not be one too many.
    pub fn pass_into(&mut self, length: usize) {
        self.pass(length);
        self.depth += 1;
    }

    /// The same for bytes that close a bracket.
    pub fn pass_out(&mut self, length: usize) {
        self.pass(length);
        self.depth = self.depth.saturating_sub(1);
    }

    /// Reads on in a string whose first quote has been read, if there is no escape in it; else it stays where it is.
    #[inline(always)]
    pub fn plain_text(&mut self) -> Option<Span> {
        let length = scan::stop(self.rest);
        if self.rest.get(length) != Some(&b'"') {
            return None;
        }
        let start = self.at();
        self.pass(length + 1);
        Some(Span {
            start,
            end: start + length,
        })
    }

    /// Moves past white space and returns the byte that follows; `None` at the end.
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match self.here()? {
                b'\n' if self.one_line => return None,
                b' ' | b'\t' | b'\r' | b'\n' => self.pass(1),
                other => return Some(other),
            }
        }
    }

    /// Checks that nothing but white space is left.
    pub fn finish(&mut self) -> Result<(), Fault> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Fault::NotJson),
        }
    }

    /// Closes the open object if its bracket comes next, without white space before it.
    #[inline(always)]
    pub fn closes(&mut self) -> bool {
        let closes = self.here() == Some(b'}');
        if closes {
            self.close();
        }
        closes
    }

    /// Reads the next value; of an object or array only the opening bracket.
    pub fn value(&mut self) -> Result<Value, Fault> {
        match self.peek().ok_or(Fault::NotJson)? {
            b'"' => self.string().map(Value::Text),
            b'{' => self.open().map(|()| Value::Object),
            b'[' => self.open().map(|()| Value::Array),
            b'n' => self.word("null").map(|_| Value::Null),
            b't' => self.word("true").map(Value::Bool),
            b'f' => self.word("false").map(Value::Bool),
            _ => self.number().map(Value::Number),
        }
    }

    /// Reads up to the value of the next member of the open object and returns its key; `None` once the
    /// object is closed. `first` is true before the first call and false after it.
    pub fn key(&mut self, first: &mut bool) -> Result<Option<Raw>, Fault> {
        match self.peek() {
            Some(b'}') => {
                self.close();
                return Ok(None);
            }
            Some(b',') if !*first => {
                self.pass(1);
                self.peek();
            }
            Some(b'"') if *first => {}
            _ => return Err(Fault::NotJson),
        }
        *first = false;
        self.member_key().map(Some)
    }

    /// Moves to the next element of the open array; false once the array is closed. `first` as for [`Cursor::key`].
    pub fn element(&mut self, first: &mut bool) -> Result<bool, Fault> {
        match self.peek() {
            Some(b']') => {
                self.close();
                Ok(false)
            }
            Some(b',') if !*first => {
                self.pass(1);
                Ok(true)
            }
            Some(_) if *first => {
                *first = false;
                Ok(true)
            }
            _ => Err(Fault::NotJson),
        }
    }

    /// Skips the next value, however large, checking it on the way. Returns where it stands.
    pub fn skip(&mut self) -> Result<Span, Fault> {
        self.peek();
        let start = self.at();
        let value = self.value()?;
        self.skip_rest(value)?;
        Ok(Span {
            start,
            end: self.at(),
        })
    }

    /// Skips what is left of `value`, which [`Cursor::value`] has just returned.
    pub fn skip_rest(&mut self, value: Value) -> Result<(), Fault> {
        if !matches!(value, Value::Object | Value::Array) {
            return Ok(());
        }
        // Which of the open brackets are objects'. No recursion, so no stack to exhaust.
        let mut kinds = Kinds::default();
        let mut open = 1_u32;
        let mut object = value == Value::Object;
        let mut first = true;
        kinds.set(open, object);
        loop {
            let more = if object {
                self.skip_key(&mut first)?
            } else {
                self.element(&mut first)?
            };
            if !more {
                open -= 1;
                if open == 0 {
                    return Ok(());
                }
                object = kinds.get(open);
                first = false;
                continue;
            }
            // Most values are texts without escapes.
            if self.here() == Some(b'"') {
                self.pass(1);
                if self.plain_text().is_none() {
                    self.rest_of_string()?;
                }
                continue;
            }
            let inner = self.value()?;
            if let Value::Object | Value::Array = inner {
                open += 1;
                object = inner == Value::Object;
                kinds.set(open, object);
                first = true;
            }
        }
    }

    /// As [`Cursor::key`] for a name that nobody asks for: whether there is another member.
    #[inline]
    fn skip_key(&mut self, first: &mut bool) -> Result<bool, Fault> {
        // `,"name":` without blanks or escapes; anything else is read with care.
        let opening: &[u8] = if *first { b"\"" } else { b",\"" };
        if let Some(rest) = self.rest.strip_prefix(opening) {
            let length = scan::stop(rest);
            let after = rest.get(length..).unwrap_or(&[]);
            if let [b'"', b':', rest @ ..] = after {
                self.rest = rest;
                *first = false;
                return Ok(true);
            }
        }
        self.key(first).map(|key| key.is_some())
    }

    fn open(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Fault::TooDeep);
        }
        self.pass(1);
        Ok(())
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.pass(1);
    }

    fn member_key(&mut self) -> Result<Raw, Fault> {
        let key = self.string()?;
        if self.peek() != Some(b':') {
            return Err(Fault::NotJson);
        }
        self.pass(1);
        Ok(key)
    }

    fn string(&mut self) -> Result<Raw, Fault> {
        if self.here() != Some(b'"') {
            return Err(Fault::NotJson);
        }
        self.pass(1);
        self.rest_of_string()
    }

    /// Reads on in a string whose first quote has been read.
    pub fn rest_of_string(&mut self) -> Result<Raw, Fault> {
        let bytes = self.rest;
        let start = self.at();
        let mut at = 0;
        let mut escaped = false;
        loop {
            at += scan::stop(bytes.get(at..).unwrap_or(&[]));
            match bytes.get(at) {
                Some(b'"') => {
                    self.pass(at + 1);
                    let end = start + at;
                    let span = Span { start, end };
                    return Ok(Raw { span, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    at = escape_end(bytes, at)?;
                }
                _ => return Err(Fault::NotJson),
            }
        }
    }

    fn word(&mut self, word: &str) -> Result<Span, Fault> {
        if !self.rest.starts_with(word.as_bytes()) {
            return Err(Fault::NotJson);
        }
        let start = self.at();
        self.pass(word.len());
        Ok(Span {
            start,
            end: self.at(),
        })
    }

    fn number(&mut self) -> Result<Span, Fault> {
        let bytes = self.rest;
        let start = self.at();
        let mut at = 0;
        if bytes.first() == Some(&b'-') {
            at += 1;
        }
        // A leading zero stands alone.
        at = match bytes.get(at) {
            Some(b'0') => at + 1,
            _ => digits_end(bytes, at)?,
        };
        if bytes.get(at) == Some(&b'.') {
            at = digits_end(bytes, at + 1)?;
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            at += 1;
            if let Some(b'+' | b'-') = bytes.get(at) {
                at += 1;
            }
            at = digits_end(bytes, at)?;
        }
        self.pass(at);
        Ok(Span {
            start,
            end: start + at,
        })
    }
}

/// One bit for each depth. Two words, because a shift of one 128-bit number is a call in the sandbox.
#[derive(Default)]
struct Kinds([u64; 2]);

const _: () = assert!(DEPTH_MAX < 2 * u64::BITS);

impl Kinds {
    fn get(&self, depth: u32) -> bool {
        let word = self.0.get((depth / 64) as usize);
        word.is_some_and(|word| word >> (depth % 64) & 1 == 1)
    }

    fn set(&mut self, depth: u32, bit: bool) {
        if let Some(word) = self.0.get_mut((depth / 64) as usize) {
            *word = *word & !(1 << (depth % 64)) | u64::from(bit) << (depth % 64);
        }
    }
}

/// Appends the text that `raw` (the inside of a string that a [`Cursor`] has accepted) stands for.
pub fn unescape(raw: &str, out: &mut String) {
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at).unwrap_or(""));
        let bytes = rest.as_bytes();
        let (character, length) = match bytes.get(at + 1) {
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            Some(b't') => ('\t', 2),
            Some(b'u') => escaped_character(bytes, at),
            Some(&other) => (char::from(other), 2),
            None => return,
        };
        out.push(character);
        rest = rest.get(at + length..).unwrap_or("");
    }
    out.push_str(rest);
}

/// The character of the `\u` escape at `at` and the escape's length, a pair of surrogates taken together.
fn escaped_character(bytes: &[u8], at: usize) -> (char, usize) {
    let high = hex(bytes, at + 2).unwrap_or(0xfffd);
    if let Some(character) = char::from_u32(high) {
        return (character, 6);
    }
    let low = hex(bytes, at + 8).unwrap_or(0xdc00);
    let point = 0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff);
    let character = char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER);
    (character, 12)
}

/// The position after the escape whose backslash stands at `at`.
fn escape_end(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match hex(bytes, at + 2).ok_or(Fault::NotJson)? {
            0xdc00..=0xdfff => Err(Fault::BrokenEncoding),
            0xd800..=0xdbff => {
                let pair = bytes.get(at + 6..at + 8) == Some(b"\\u");
                match hex(bytes, at + 8) {
                    Some(0xdc00..=0xdfff) if pair => Ok(at + 12),
                    _ => Err(Fault::BrokenEncoding),
                }
            }
            _ => Ok(at + 6),
        },
        _ => Err(Fault::NotJson),
    }
}

/// The four hexadecimal digits at `at` as a number.
fn hex(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |number, &digit| {
        Some(number << 4 | char::from(digit).to_digit(16)?)
    })
}

/// The position after the digits that start at `at`, of which there must be one.
fn digits_end(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    let rest = bytes.get(at..).unwrap_or(&[]);
    match rest.iter().position(|byte| !byte.is_ascii_digit()) {
        Some(0) => Err(Fault::NotJson),
        Some(length) => Ok(at + length),
        None if rest.is_empty() => Err(Fault::NotJson),
        None => Ok(bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str) -> Result<(), Fault> {
        let mut cursor = Cursor::new(text);
        cursor.skip()?;
        cursor.finish()
    }

    #[test]
    fn accepts_and_refuses_as_json_does() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let rows = [
            ("{}", Ok(())),
            (" [ ] ", Ok(())),
            (r#"{"a":[1,-0.5e+3,true,false,null,"x"],"b":{}}"#, Ok(())),
            (r#""\u00e9\ud83d\ude00\"\\\/""#, Ok(())),
            ("", Err(Fault::NotJson)),
            ("{", Err(Fault::NotJson)),
            (r#"{"a":1,}"#, Err(Fault::NotJson)),
            (r#"{"a" 1}"#, Err(Fault::NotJson)),
            (r#"{,"a":1}"#, Err(Fault::NotJson)),
            (r#"{"a":1 "b":2}"#, Err(Fault::NotJson)),
            ("[1,]", Err(Fault::NotJson)),
            ("[1}", Err(Fault::NotJson)),
            ("01", Err(Fault::NotJson)),
            ("1.", Err(Fault::NotJson)),
            ("1e", Err(Fault::NotJson)),
            ("-", Err(Fault::NotJson)),
            ("nul", Err(Fault::NotJson)),
            ("{} {}", Err(Fault::NotJson)),
            ("\"a\u{0}b\"", Err(Fault::NotJson)),
            ("\"a\tb\"", Err(Fault::NotJson)),
            (r#""\x""#, Err(Fault::NotJson)),
            (r#""\u12g4""#, Err(Fault::NotJson)),
            (r#""\ud800""#, Err(Fault::BrokenEncoding)),
            (r#""\ud800\u0041""#, Err(Fault::BrokenEncoding)),
            (r#""\udc00""#, Err(Fault::BrokenEncoding)),
            (&deep(127), Ok(())),
            (&deep(128), Err(Fault::TooDeep)),
            (&deep(10_000), Err(Fault::TooDeep)),
        ];
        for (text, expected) in rows {
            assert_eq!(check(text), expected, "{text:.60}");
        }
    }

    #[test]
    fn unescapes_as_json_does() {
        for text in [
            r"plain",
            r"\b\f\n\r\t\/\\\u0041\u00e9\u20ac",
            r"\ud83d\ude00 \u0000 \uffff end",
        ] {
            let mut ours = String::new();
            unescape(text, &mut ours);
            let theirs: String = serde_json::from_str(&format!("\"{text}\"")).unwrap();
            assert_eq!(ours, theirs);
        }
    }

    /// Random texts of JSON's alphabet, and random documents with one byte changed.
    fn hostile() -> impl Strategy<Value = String> {
        let soup = proptest::collection::vec(
            proptest::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "d800", "dc00", "0041", "1", "-",
                "0", ".", "e", "+", "true", "null", " ", "\n", "a", "é", "😀", "\u{1}", "\\\"",
                "\"k\":", "12345678",
            ]),
            0..24,
        );
        prop_oneof![
            soup.prop_map(|parts| parts.concat()),
            (document(), any::<prop::sample::Index>(), 0x20_u8..0x7f).prop_map(
                |(text, index, byte)| {
                    let mut bytes = text.into_bytes();
                    let at = index.index(bytes.len());
                    bytes[at] = byte;
                    String::from_utf8_lossy(&bytes).into_owned()
                }
            ),
        ]
    }

    fn document() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            ".{0,20}".prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
                proptest::collection::btree_map(".{0,9}", inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
        .prop_map(|value| value.to_string())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

        #[test]
        fn agrees_with_serde_json(text in prop_oneof![hostile(), document()]) {
            // `IgnoredAny` checks the grammar only; `Value` depth and surrogates as well (and number ranges).
            let grammar = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            let whole = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            match check(&text) {
                Ok(()) => prop_assert!(grammar, "{text}"),
                Err(Fault::NotJson) => prop_assert!(!grammar, "{text}"),
                Err(_) => prop_assert!(!whole, "{text}"),
            }
        }

        #[test]
        fn positions_hold_the_text(text in document()) {
            let mut cursor = Cursor::new(&text);
            let span = cursor.skip().unwrap();
            prop_assert_eq!(cursor.slice(span), text.trim());
        }
    }
}

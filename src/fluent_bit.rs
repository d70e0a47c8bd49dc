//! Fluent Bit's `filter_wasm`: one record in, one record or nothing out.
//!
//! The host calls a function by its name for each record, copies the text that comes back, and stops at nothing: what
//! is not one JSON object it drops, and after a good record of the same chunk it aborts. So every answer of a
//! [`Filter`] is one JSON object, or empty text for a record that leaves the stream. The functions themselves stand in
//! `exports`; with the reading of UTF-8 below they are the only unsafe code of the crate, and each block says its proof.
#![expect(unsafe_code, reason = "the host speaks C")]

use std::borrow::Cow;

use crate::config::{self, Config};
use crate::input::Skip;
use crate::input::json::{Cursor, Fault, Value};
use crate::session::Session;
use crate::write;

/// What becomes of noise. It goes over the configuration's `mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is removed.
    Annotate,
    /// Suppressed records are removed, and roll-ups come in the place of some of them.
    Filter,
}

/// A session that answers each record with one JSON object or with nothing.
///
/// A roll-up that is due waits until a record leaves the stream, and takes its place. Each roll-up counts a record
/// that left, so there is always a place. Envelopes are enriched and never removed.
pub struct Filter {
    session: Session,
}

impl Filter {
    /// Opens a filter that remembers nothing yet. `None` where `config` has problems, or wants records to wait
    /// (`hold_secs`), for which this host has no way; `signin-triage bake` refuses both.
    pub fn open(config: &str, mode: Mode) -> Option<Filter> {
        let config = Config::from_json(config).ok()?;
        if config.int(&config::HOLD_SECS) > 0 {
            return None;
        }
        let mode = match mode {
            Mode::Annotate => "annotate",
            Mode::Filter => "filter",
        };
        let config = config.with_word(&config::MODE, mode);
        let session = Session::one_by_one(config);
        Some(Filter { session })
    }

    /// The answer to a record: the record enriched, a roll-up in its place, or empty text. A record that is not a
    /// sign-in comes back as it is, and what is no JSON object as the text of a member `log`.
    ///
    /// Bytes that are not UTF-8 become U+FFFD, as they would in Fluent Bit.
    pub fn answer(&mut self, record: &[u8]) -> String {
        let record = text_of(record);
        let text = record.trim_ascii();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let Some(outcome) = self.session.process_one(text) else {
            // Between two tokens a line end is as good as a blank, and within a string none is allowed. Fluent Bit
            // writes none.
            return self.answer(text.replace('\n', " ").as_bytes());
        };
        if outcome.kept.is_empty() {
            if outcome.suppressed.is_empty() {
                return checked(text.to_owned());
            }
            let mut rollup = String::new();
            self.session.rollup(&mut rollup);
            rollup.truncate(rollup.trim_ascii_end().len());
            return rollup;
        }
        let read = |reason| matches!(reason, Skip::NotSignIn | Skip::MemberTaken);
        if outcome.rejected.iter().all(|one| read(one.reason)) {
            return outcome.kept;
        }
        checked(outcome.kept)
    }

    /// Records counted by roll-ups that have not been written yet.
    #[cfg(test)]
    fn rollups_open(&self) -> usize {
        self.session.rollups.len()
    }
}

/// The answer where no filter can be opened: the record as it is, made a JSON object where it is none.
pub fn unchanged(record: &[u8]) -> String {
    checked(text_of(record).into_owned())
}

/// The answer where the host had no memory to hand the record over in.
pub fn lost(bytes: usize) -> String {
    in_object(&format!(
        "signin_triage: there was no memory for a record of {bytes} bytes"
    ))
}

fn text_of(record: &[u8]) -> Cow<'_, str> {
    utf8(record).map_or_else(|| String::from_utf8_lossy(record), Cow::Borrowed)
}

/// The text that `record` is, if it is UTF-8. Blocks of ASCII, which are nearly all, are told by their words: the
/// standard library's check would be a fifth of all that a record takes in an interpreter.
fn utf8(record: &[u8]) -> Option<&str> {
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let is_ascii = |block: &[u8; 32]| {
        let words = block.as_chunks::<8>().0.iter();
        words.fold(0, |bits, word| bits | u64::from_le_bytes(*word)) & HIGHS == 0
    };
    let (blocks, rest) = record.as_chunks::<32>();
    let mut at = 0;
    while let Some(block) = blocks.get(at) {
        if is_ascii(block) {
            at += 1;
            continue;
        }
        // Up to the next block of ASCII, in which no character can end that began before it.
        let more = blocks.get(at..)?;
        let other = more.iter().take_while(|block| !is_ascii(block)).count();
        let end = if other == more.len() {
            record.len()
        } else {
            32 * (at + other)
        };
        str::from_utf8(record.get(32 * at..end)?).ok()?;
        at += other;
    }
    let last_is_ascii = blocks.last().is_none_or(is_ascii);
    if last_is_ascii {
        str::from_utf8(rest).ok()?;
    }
    // Proof: each byte is in a block of ASCII, or in a part that was found to be UTF-8. No character reaches from one
    // into the other, as both sides of each border are whole: ASCII, or checked by itself.
    Some(unsafe { str::from_utf8_unchecked(record) })
}

fn checked(text: String) -> String {
    if is_object(&text) {
        text
    } else {
        in_object(&text)
    }
}

/// Fluent Bit's own inputs keep what they cannot parse under this name.
fn in_object(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8 + 16);
    out.push_str("{\"log\":");
    write::string(&mut out, text);
    out.push('}');
    out
}

/// Whether `text` is one JSON object, nested however deep. Half a surrogate pair is allowed, as Fluent Bit reads and
/// writes such.
fn is_object(text: &str) -> bool {
    let read = match walk(text) {
        Err(Fault::BrokenEncoding) => walk(&without_surrogates(text)),
        read => read,
    };
    read.is_ok()
}

fn walk(text: &str) -> Result<(), Fault> {
    let mut cursor = Cursor::new(text);
    if cursor.value()? != Value::Object {
        return Err(Fault::NotJson);
    }
    // Of each open bracket whether it is an object's. No recursion, so no stack to exhaust.
    let mut open = vec![true];
    let mut first = true;
    while let Some(&object) = open.last() {
        let more = if object {
            cursor.key(&mut first)?.is_some()
        } else {
            cursor.element(&mut first)?
        };
        if !more {
            open.pop();
            first = false;
            continue;
        }
        let value = cursor.value()?;
        if let Value::Object | Value::Array = value {
            open.push(value == Value::Object);
            first = true;
            // A new cursor has no bracket open, so it does not find the text too deep.
            cursor = Cursor::starting_at(text, cursor.at());
        }
    }
    cursor.finish()
}

/// The text with another character in the place of each escaped half of a surrogate pair.
fn without_surrogates(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_half = |at: usize| {
        matches!(
            bytes.get(at..at + 4),
            Some(
                [
                    b'\\',
                    b'u',
                    b'd' | b'D',
                    b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F',
                ],
            )
        )
    };
    let mut out = String::with_capacity(text.len());
    let (mut from, mut at) = (0, 0);
    while at < bytes.len() {
        if is_half(at) {
            out.push_str(text.get(from..at).unwrap_or(""));
            // The two digits that follow stay, and are checked.
            out.push_str("\\u00");
            from = at + 4;
        }
        // What follows a backslash begins no escape.
        at += if bytes.get(at) == Some(&b'\\') { 2 } else { 1 };
    }
    out.push_str(text.get(from..).unwrap_or(""));
    out
}

/// The functions that Fluent Bit calls, with the signature of its filters in C, and what it needs to call them.
///
/// Only for wasm32: elsewhere `malloc` and `free` would take the place of the system's.
#[cfg(all(feature = "fluent-bit", target_arch = "wasm32"))]
mod exports {
    use std::alloc::{Layout, alloc, dealloc};
    use std::cell::UnsafeCell;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{Filter, Mode, lost, unchanged};

    /// What lives across calls.
    struct Kept {
        /// One for each function; the host calls the same for every record.
        filters: [Option<Box<Filter>>; 2],
        /// How often each was opened.
        opened: [u32; 2],
        /// The last answer, which the host copies before it calls again.
        answer: String,
    }

    struct Global(UnsafeCell<Kept>);

    // Proof: without atomics the target has one thread, so nothing is shared between threads.
    #[cfg(not(target_feature = "atomics"))]
    unsafe impl Sync for Global {}

    static KEPT: Global = Global(UnsafeCell::new(Kept {
        filters: [None, None],
        opened: [0; 2],
        answer: String::new(),
    }));

    /// A filter is opened a second time only after a trap took the first, and what that one held is lost to the
    /// allocator too. After so many, records go through unchanged.
    const OPENED_MAX: u32 = 4;

    /// Where the configuration stands and how many bytes it has: `signin-triage bake` writes both, and the text
    /// behind the module's own memory. Zero: everything is at its default.
    #[unsafe(no_mangle)]
    pub static SIGNIN_TRIAGE_BAKED: [AtomicU32; 2] = [AtomicU32::new(0), AtomicU32::new(0)];

    /// Bytes before a block of `malloc` that hold its size. As many as keep the block aligned.
    const HEAD: usize = 8;
    type Size = [u8; size_of::<usize>()];

    fn layout(size: usize) -> Option<Layout> {
        Layout::from_size_align(size.checked_add(HEAD)?, HEAD).ok()
    }

    /// Memory for the host to put a record in; null where there is none. Without this function and the next the host
    /// would have 8 KiB for all records.
    #[unsafe(no_mangle)]
    pub extern "C" fn malloc(size: usize) -> *mut u8 {
        let Some(layout) = layout(size) else {
            return std::ptr::null_mut();
        };
        // Proof: the layout is of HEAD bytes at least. The block is aligned to HEAD and has room for its size before
        // what is handed out.
        unsafe {
            let block = alloc(layout);
            if block.is_null() {
                return block;
            }
            block.cast::<Size>().write(size.to_le_bytes());
            block.add(HEAD)
        }
    }

    /// Gives back what `malloc` gave; null is fine.
    ///
    /// # Safety
    /// `memory` comes from `malloc` and was not given back since.
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn free(memory: *mut u8) {
        if memory.is_null() {
            return;
        }
        // Proof: by the contract above the block begins HEAD bytes before and holds the size it was made with.
        unsafe {
            let block = memory.sub(HEAD);
            let size = usize::from_le_bytes(block.cast::<Size>().read());
            if let Some(layout) = layout(size) {
                dealloc(block, layout);
            }
        }
    }

    /// Adds what was found to every record.
    ///
    /// # Safety
    /// `record` points to `record_len` bytes, or is null.
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn signin_triage_annotate(
        _tag: *const u8,
        _tag_len: u32,
        _seconds: u32,
        _nanoseconds: u32,
        record: *const u8,
        record_len: usize,
    ) -> *const u8 {
        // Proof: the contract is the same.
        unsafe { answer(Mode::Annotate, record, record_len) }
    }

    /// The same, and takes noise out of the stream.
    ///
    /// # Safety
    /// `record` points to `record_len` bytes, or is null.
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn signin_triage_filter(
        _tag: *const u8,
        _tag_len: u32,
        _seconds: u32,
        _nanoseconds: u32,
        record: *const u8,
        record_len: usize,
    ) -> *const u8 {
        // Proof: the contract is the same.
        unsafe { answer(Mode::Filter, record, record_len) }
    }

    /// The configuration that was baked in, empty where there is none.
    #[unsafe(no_mangle)]
    pub extern "C" fn signin_triage_config() -> *const u8 {
        let text = String::from_utf8_lossy(baked()).into_owned();
        hand_out(kept(), text)
    }

    /// # Safety
    /// `record` points to `record_len` bytes, or is null.
    unsafe fn answer(mode: Mode, record: *const u8, record_len: usize) -> *const u8 {
        let kept = kept();
        let text = if let Some(bytes) = within(record.addr(), record_len) {
            answered(kept, mode, bytes)
        } else {
            lost(record_len)
        };
        hand_out(kept, text)
    }

    fn answered(kept: &mut Kept, mode: Mode, record: &[u8]) -> String {
        let (Some(place), Some(opened)) = (
            kept.filters.get_mut(mode as usize),
            kept.opened.get_mut(mode as usize),
        ) else {
            return unchanged(record);
        };
        // Taken out while it works. Nothing is known to make it trap; were it to, the next record finds the place
        // empty and begins anew, instead of what the trap left half done.
        let mut filter = place.take();
        if filter.is_none() && *opened < OPENED_MAX {
            *opened += 1;
            let config = str::from_utf8(baked()).ok();
            filter = config
                .and_then(|config| Filter::open(config, mode))
                .map(Box::new);
        }
        let Some(mut filter) = filter else {
            return unchanged(record);
        };
        let text = filter.answer(record);
        *place = Some(filter);
        text
    }

    /// Ends the text as the host wants it. It stays where it is until the next call.
    fn hand_out(kept: &mut Kept, mut text: String) -> *const u8 {
        text.push('\0');
        kept.answer = text;
        kept.answer.as_ptr()
    }

    fn kept() -> &'static mut Kept {
        // Proof: there is one thread, every export asks for this once, and nothing that they call calls the host or
        // another export. A call that trapped is gone with its reference.
        unsafe { &mut *KEPT.0.get() }
    }

    fn baked() -> &'static [u8] {
        let [place, length] = SIGNIN_TRIAGE_BAKED
            .each_ref()
            .map(|number| number.load(Ordering::Relaxed) as usize);
        within(place, length).unwrap_or(&[])
    }

    /// The bytes at `place`; `None` at null, or where they would end outside the memory.
    fn within(place: usize, length: usize) -> Option<&'static [u8]> {
        const PAGE: usize = 1 << 16;
        let end = place.checked_add(length)?;
        if place == 0 || end.div_ceil(PAGE) > core::arch::wasm32::memory_size(0) {
            return None;
        }
        // Proof: the bytes are inside the memory. Those of the configuration lie behind what the allocator was given
        // by the linker and before what it gets by growing, so nobody writes there; a record is the host's until the
        // call returns, and no answer refers to it.
        Some(unsafe {
            std::slice::from_raw_parts(std::ptr::with_exposed_provenance(place), length)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROMPT: &str = concat!(
        r#"{"createdDateTime":"2026-03-01T10:02:03Z","id":"1","userPrincipalName":"ada@contoso.example","#,
        r#""appDisplayName":"Portal","ipAddress":"192.0.2.1","status":{"errorCode":50058}}"#
    );

    fn filter(mode: Mode) -> Filter {
        Filter::open("", mode).unwrap()
    }

    #[test]
    fn what_is_an_object_is_told_from_what_is_none() {
        let deep =
            |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        let rows = [
            ("{}".to_owned(), true),
            (" { \"a\" : [ 1 , { } ] } ".to_owned(), true),
            (deep(127), true),
            (deep(100_000), true),
            (deep(1000).replace("]}", "}}"), false),
            (
                r#"{"a":"\ud800","b":"\uDFFF\ud83d\ude00"}"#.to_owned(),
                true,
            ),
            (r#"{"a":"\\ud800"}"#.to_owned(), true),
            (r#"{"a":"\ud80"}"#.to_owned(), false),
            (r#"{"a":"\ud8x0"}"#.to_owned(), false),
            (r#"{"a":"\\\ud800\"#.to_owned(), false),
            ("{} {}".to_owned(), false),
            ("{\"a\":1,}".to_owned(), false),
            ("[{}]".to_owned(), false),
            (String::new(), false),
            ("{\"a\":nan}".to_owned(), false),
            ("{\"a\":\"\\x07\"}".to_owned(), false),
        ];
        for (text, expected) in rows {
            assert_eq!(is_object(&text), expected, "{text:.60}");
        }
    }

    #[test]
    fn what_is_no_object_comes_back_in_one() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(300), "]".repeat(300));
        let long = format!(
            "{{\"a\":\"{}\"}}",
            "x".repeat(crate::limits::LINE_BYTES_MAX)
        );
        let rows: [(&[u8], &str); 15] = [
            (b"", r#"{"log":""}"#),
            (b"  ", r#"{"log":""}"#),
            (b"hello \"world\"", r#"{"log":"hello \"world\""}"#),
            (b"[1,2]", r#"{"log":"[1,2]"}"#),
            (b"{\"a\":", r#"{"log":"{\"a\":"}"#),
            (b"{}{}", r#"{"log":"{}{}"}"#),
            (b"a\0b", r#"{"log":"a\u0000b"}"#),
            (b"\xff\xfe", "{\"log\":\"\u{fffd}\u{fffd}\"}"),
            (b"{\"a\":\"\xff\"}", "{\"a\":\"\u{fffd}\"}"),
            (b"{}", "{}"),
            (b"{\"a\":\n1}\r\n", "{\"a\": 1}"),
            (b"\xef\xbb\xbf{}", "{}"),
            (br#"{"a":"\ud800"}"#, r#"{"a":"\ud800"}"#),
            (deep.as_bytes(), &deep),
            (long.as_bytes(), &long),
        ];
        for mode in [Mode::Annotate, Mode::Filter] {
            let mut filter = filter(mode);
            for (record, expected) in rows {
                let answer = filter.answer(record);
                assert!(answer == expected, "{answer:.100} for {expected:.100}");
                assert_eq!(filter.answer(answer.as_bytes()), answer);
            }
        }
        assert_eq!(unchanged(b"x"), r#"{"log":"x"}"#);
        assert_eq!(unchanged(b"{}"), "{}");
        assert!(is_object(&lost(7)));
    }

    #[test]
    fn the_function_goes_over_the_mode_and_what_cannot_be_done_is_refused() {
        for config in ["", r#"{"mode":"annotate"}"#, r#"{"mode":"filter"}"#] {
            for (mode, leaves) in [(Mode::Annotate, false), (Mode::Filter, true)] {
                let mut filter = Filter::open(config, mode).unwrap();
                filter.answer(PROMPT.as_bytes());
                let twice = filter.answer(PROMPT.as_bytes());
                assert_eq!(twice.is_empty(), leaves, "{config} {mode:?}: {twice}");
            }
        }
        for config in [r#"{"hold_secs":1}"#, "{", r#"{"nonsense":1}"#] {
            assert!(Filter::open(config, Mode::Filter).is_none(), "{config}");
        }
    }

    #[test]
    fn an_envelope_is_enriched_and_stays() {
        let envelope = format!("{{\"records\":[{PROMPT},{PROMPT},1]}}");
        let mut filter = filter(Mode::Filter);
        let answer = filter.answer(envelope.as_bytes());
        assert_eq!(answer.matches("\"suppress\":true").count(), 2, "{answer}");
        assert_eq!(answer.matches("errorCode").count(), 2);
        assert_eq!(filter.rollups_open(), 0);
    }

    /// Records in are records out and records suppressed, and the roll-ups that came in their places, with those
    /// still open, count just the latter.
    #[test]
    fn nothing_is_lost_between_records_and_rollups() {
        let mut filter = Filter::open(r#"{"rollup_secs":60}"#, Mode::Filter).unwrap();
        let (mut kept, mut gone, mut counted, mut rollups) = (0, 0, 0, 0);
        let total = 5000;
        for number in 0..total {
            let (minute, second) = (number / 60 % 60, number % 60);
            let record = PROMPT
                .replace(
                    "10:02:03",
                    &format!("{:02}:{minute:02}:{second:02}", 1 + number / 3600),
                )
                .replace("\"1\"", &format!("\"{number}\""))
                .replace("ada", &format!("user{}", number % 97))
                .replace("192.0.2.1", &format!("192.0.2.{}", number % 97));
            let record = if number % 5 == 0 {
                record.replace("50058", "0")
            } else {
                record
            };
            let answer = filter.answer(record.as_bytes());
            if answer.is_empty() {
                gone += 1;
            } else if answer.starts_with("{\"signin_triage_rollup\"") {
                gone += 1;
                rollups += 1;
                let value: serde_json::Value = serde_json::from_str(&answer).unwrap();
                counted += value["signin_triage_rollup"]["count"].as_u64().unwrap();
            } else {
                kept += 1;
                assert!(answer.contains("\"signin_triage\":"), "{answer}");
            }
        }
        assert_eq!(kept + gone, total);
        assert!(rollups > 1000 && kept >= 1000, "{rollups} {kept}");
        let mut open = 0;
        for line in filter.session.drain().kept.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            open += value["signin_triage_rollup"]["count"].as_u64().unwrap();
        }
        assert!(open > 0);
        assert_eq!(counted + open, gone);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn utf8_is_told_as_by_the_standard_library(
            parts in prop::collection::vec(prop_oneof![
                4 => "[a-z]{0,40}".prop_map(String::into_bytes),
                2 => "[\\u{e4}\\u{20ac}\\u{1f600}a]{0,12}".prop_map(String::into_bytes),
                1 => prop::collection::vec(any::<u8>(), 0..3),
            ], 0..12),
        ) {
            let bytes = parts.concat();
            prop_assert_eq!(utf8(&bytes), str::from_utf8(&bytes).ok());
        }

        #[test]
        fn every_answer_is_one_object(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            text in "[\\[\\]{}:,\"a1\\\\ud8\\n ]{0,40}",
            cut in 0..PROMPT.len(),
        ) {
            let mut filter = filter(Mode::Filter);
            let part = PROMPT.as_bytes().get(..cut).unwrap_or(&[]);
            for record in [bytes.as_slice(), text.as_bytes(), part] {
                let answer = filter.answer(record);
                let value: serde_json::Value = serde_json::from_str(&answer).unwrap();
                prop_assert!(value.is_object(), "{}", answer);
                prop_assert!(!answer.contains('\0') && !answer.contains('\n'));
            }
        }
    }
}

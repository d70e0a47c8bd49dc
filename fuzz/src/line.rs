//! The reader compares a line with what came before instead of reading it: what came before never changes what a
//! record says.

use serde::de::IgnoredAny;
use serde_json::Value;
use signin_triage::input::shapes::Field;
use signin_triage::input::{Record, Scratch, Skip, View, view};

const MEMBER: &str = "signin_triage";

/// How many lines are read before the others: the reader's lessons are over by then.
const LESSONS: usize = 40;

/// How many lines come again and again in them. Members in which they differ are read, the others compared.
const KNOWN: usize = 2;

/// Small changes of each line that are looked at as well.
const CHANGES: u64 = 6;

/// What a small change can put in.
const PARTS: [&str; 28] = [
    "0",
    "5",
    "-",
    ".0",
    "e1",
    "E+",
    "\"",
    "\\",
    "\\\"",
    "\\u0041",
    "\\ud800",
    ",",
    ":",
    "{",
    "}",
    "[",
    "]",
    " ",
    "\t",
    "\r",
    "null",
    "true",
    "\u{0}",
    "é",
    "\"\":",
    ",\"a\":1",
    ",\"signin_triage\":{\"version\":1}",
    "{}",
];

/// Reads the first lines of `text` until they are known, and then each line, and some that differ a little from it,
/// side by side with a reader that has seen nothing.
pub fn check(text: &str) {
    let mut warm = Scratch::default();
    let known: Vec<&str> = text.split('\n').take(KNOWN).collect();
    for line in known.iter().cycle().take(LESSONS) {
        let _ = view(line, MEMBER, &mut warm);
    }
    for (line, number) in text.split('\n').zip(1..) {
        agree(line, &mut warm);
        for change in 1..=CHANGES {
            agree(&changed(line, number * CHANGES + change), &mut warm);
        }
    }
}

/// What a reader that has seen other lines says of `line` is what one says that has seen nothing, and both go by the
/// grammar as `serde_json` knows it.
fn agree(line: &str, warm: &mut Scratch) {
    let mut cold = Scratch::default();
    let (found, expected) = (view(line, MEMBER, warm), view(line, MEMBER, &mut cold));
    match (&found, &expected) {
        (Ok(View::Record(found)), Ok(View::Record(expected))) => {
            same(found, expected);
            only_ours_is_cut(expected);
        }
        (
            Ok(View::Envelope { length, array }),
            Ok(View::Envelope {
                length: other_length,
                array: other_array,
            }),
        ) => assert_eq!((length, array), (other_length, other_array), "{line}"),
        (Err(skip), Err(other)) => assert_eq!(skip, other, "{line}"),
        _ => panic!(
            "{:?} after other lines, {:?} by itself: {line}",
            found.err(),
            expected.err()
        ),
    }
    let text = line.strip_prefix('\u{feff}').unwrap_or(line);
    let grammar = serde_json::from_str::<IgnoredAny>(text).is_ok();
    match expected.err() {
        None | Some(Skip::NotObject | Skip::NotSignIn | Skip::MemberTaken) => {
            assert!(grammar, "{line}");
        }
        Some(Skip::Empty) => assert!(text.trim().is_empty(), "{line}"),
        Some(Skip::NotJson) => assert!(!grammar, "{line}"),
        // `serde_json` allows as much nesting and refuses half a surrogate pair only where it keeps the text.
        Some(Skip::TooDeep | Skip::BrokenEncoding) => {
            assert!(serde_json::from_str::<Value>(text).is_err(), "{line}");
        }
        Some(Skip::TooLong) => {}
    }
}

/// All that a record says.
fn same(one: &Record, other: &Record) {
    let line = other.json();
    assert_eq!(one.json(), line);
    assert_eq!(one.shape(), other.shape(), "{line}");
    assert_eq!(one.category(), other.category(), "{line}");
    for &field in Field::ALL {
        assert_eq!(one.found(field), other.found(field), "{field:?}: {line}");
    }
    let steps = |record: &Record| -> Vec<_> {
        let steps = record.steps();
        steps
            .map(|step| {
                (
                    step.method.to_owned(),
                    step.detail.to_owned(),
                    step.succeeded,
                )
            })
            .collect()
    };
    assert_eq!(steps(one), steps(other), "{line}");
    let policies = |record: &Record| -> Vec<_> {
        let policies = record.unsatisfied_policies();
        policies
            .map(|policy| {
                (
                    policy.name.to_owned(),
                    policy.custom_control.map(str::to_owned),
                )
            })
            .collect()
    };
    assert_eq!(policies(one), policies(other), "{line}");
    assert_eq!(one.policy_tally(), other.policy_tally(), "{line}");
    assert_eq!(
        one.is_network_trusted(),
        other.is_network_trusted(),
        "{line}"
    );
    assert_eq!(one.is_cut(), other.is_cut(), "{line}");
    let layout = |record: &Record| {
        let layout = record.layout();
        let cuts: Vec<_> = layout.cuts().map(|cut| (cut.start, cut.end)).collect();
        (layout.end, layout.others, cuts)
    };
    assert_eq!(layout(one), layout(other), "{line}");
}

/// What is cut out of a record is our member and nothing else, and what is added stands in a whole object.
fn only_ours_is_cut(record: &Record) {
    let (text, layout) = (record.json(), record.layout());
    let mut left = String::with_capacity(text.len() + 16);
    let mut from = 0;
    for cut in layout.cuts() {
        left.push_str(&text[from..cut.start]);
        from = cut.end;
    }
    left.push_str(&text[from..layout.end]);
    if layout.others {
        left.push(',');
    }
    left.push_str("\"signin_triage\":7");
    left.push_str(&text[layout.end..]);
    // A number can be JSON and too large for `serde_json`.
    let Ok(mut before) = serde_json::from_str::<Value>(text) else {
        return;
    };
    before[MEMBER] = Value::from(7);
    let after = serde_json::from_str::<Value>(&left);
    assert_eq!(after.ok(), Some(before), "{text}");
}

/// `line` with one small change, another one for each `number`: the kind that turns a thing that was seen before into
/// one that only looks like it.
fn changed(line: &str, number: u64) -> String {
    let mut random = hash(line) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut below = |end: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 32).unwrap_or(0) % end.max(1)
    };
    below(1);
    let mut at = line.floor_char_boundary(below(line.len() + 1));
    let bytes = line.as_bytes();
    // Half of them where one token ends and the next begins.
    if below(2) == 0 {
        let tokens = bytes.iter().skip(at);
        let is_border = |byte: &u8| b"{}[],:\"0123456789.eE\\".contains(byte);
        at += tokens.take_while(|&byte| !is_border(byte)).count();
        at = line.floor_char_boundary(at + below(2));
    }
    let (before, after) = line.split_at(at);
    let length = [0, 0, 1, 1, 2, 5, 40, 200][below(8)].min(after.len());
    let (cut, rest) = after.split_at(after.floor_char_boundary(length));
    let part = PARTS[below(PARTS.len())];
    match below(6) {
        0 => format!("{before}{rest}"),
        1 => format!("{before}{cut}{cut}{rest}"),
        2 => format!("{before}{part}{rest}"),
        3 => format!("{before}{}{rest}", swapped(cut)),
        _ => format!("{before}{part}{cut}{rest}"),
    }
}

/// Other capitals.
fn swapped(text: &str) -> String {
    let swap = |letter: char| {
        if letter.is_ascii_lowercase() {
            letter.to_ascii_uppercase()
        } else {
            letter.to_ascii_lowercase()
        }
    };
    text.chars().map(swap).collect()
}

fn hash(text: &str) -> u64 {
    let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, add) | 1
}

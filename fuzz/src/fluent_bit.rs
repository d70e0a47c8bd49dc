//! Fluent Bit's calls: every answer is one JSON object, or empty where a record leaves the stream.

use serde::de::IgnoredAny;
use signin_triage::fluent_bit::{Filter, Mode, unchanged};

/// Hands over each line of `bytes`, and then all of them as one record, which Fluent Bit never would.
pub fn check(mode: Mode, bytes: &[u8]) {
    let mut filter = Filter::open("", mode).expect("the defaults");
    let lines = bytes.split(|&byte| byte == b'\n');
    for record in lines.chain([bytes]) {
        let answer = filter.answer(record);
        if !(answer.is_empty() && mode == Mode::Filter) {
            is_an_object(&answer);
        }
        is_an_object(&unchanged(record));
    }
}

fn is_an_object(text: &str) {
    assert!(text.trim_ascii_start().starts_with('{'), "{text}");
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        panic!("{error}: {text}");
    }
}

//! The state of a key, under a checksum that fits, and a batch of its lines.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, Option<i64>, &str)| {
    let (which, watermark, text) = input;
    signin_triage_fuzz::keyed::check(which, watermark, text);
});

//! Fluent Bit's calls.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signin_triage::fluent_bit::Mode;

fuzz_target!(|input: (bool, &[u8])| {
    let mode = if input.0 {
        Mode::Filter
    } else {
        Mode::Annotate
    };
    signin_triage_fuzz::fluent_bit::check(mode, input.1);
});

//! A session over a batch of lines.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u64, &str)| {
    let (which, cuts, batch) = input;
    signin_triage_fuzz::batch::check(which, cuts, batch);
});

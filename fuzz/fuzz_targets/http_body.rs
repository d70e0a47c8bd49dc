//! The body of a request.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u16, &[u8])| {
    let (flags, bytes_max, bytes) = input;
    signin_triage_fuzz::http_body::check(flags, bytes_max, bytes);
});

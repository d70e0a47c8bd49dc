//! A snapshot, under a checksum that fits.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| signin_triage_fuzz::snapshot::check(input.0, input.1));

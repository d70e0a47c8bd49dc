//! The reader, with and without a past.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| signin_triage_fuzz::line::check(text));

//! A configuration.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| signin_triage_fuzz::config::check(text));

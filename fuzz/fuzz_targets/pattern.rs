//! `sops_fuzz::pattern`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sops_fuzz::pattern(input));

//! `sops_fuzz::metadata`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sops_fuzz::metadata(input));

//! `sops_fuzz::amend`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sops_fuzz::amend(input));

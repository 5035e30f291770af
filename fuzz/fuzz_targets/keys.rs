//! `sops_fuzz::keys`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sops_fuzz::keys(input));

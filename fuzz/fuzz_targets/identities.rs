//! `sops_fuzz::identities`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sops_fuzz::identities(input));

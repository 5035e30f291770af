//! `sops_fuzz::sealed`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sops_fuzz::sealed(input));

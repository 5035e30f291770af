//! `sops_fuzz::path`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sops_fuzz::path(input));

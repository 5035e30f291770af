//! `sops_fuzz::config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sops_fuzz::config(input));

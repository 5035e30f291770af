//! `sops_fuzz::shamir`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sops_fuzz::shamir(input));

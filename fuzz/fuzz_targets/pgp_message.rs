//! `sops_fuzz::pgp_message`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sops_fuzz::pgp_message(input));

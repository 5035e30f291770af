//! `sops_fuzz::document` with texts of this format.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    sops_fuzz::document(sops_core::format::Format::Dotenv, input);
});

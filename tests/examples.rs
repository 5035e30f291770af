//! The examples of the repository are what they say they are: each `NAME.enc.SUFFIX` opens with the
//! published key to the file `NAME.SUFFIX` beside it, byte for byte.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::fs;
use std::path::Path;

use sops_tests::paths;
use sops_tests::run::Run;

#[test]
fn every_encrypted_example_opens_to_the_one_in_clear() {
    let top = paths::repository();
    let mut seen = 0;
    for folder in ["quickstart", "formats"] {
        for entry in fs::read_dir(top.join("examples").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let Some((stem, suffix)) = name.split_once(".enc.") else { continue };
            let clear =
                fs::read_to_string(path.with_file_name(format!("{stem}.{suffix}"))).unwrap();
            let opened = Run::sops_rs([Path::new("decrypt"), &path])
                .env("SOPS_AGE_KEY_FILE", top.join("examples/quickstart/age-key.txt"))
                .run()
                .success();
            assert_eq!(opened.out(), clear, "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 4, "only {seen} examples were found");
}

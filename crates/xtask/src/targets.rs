//! Other systems: what they get is type-checked where their target is installed. A target is some
//! files of the standard library (`rustup target add`); no linker and no other machine is needed.

use std::path::Path;

use anyhow::{Result, bail};

use crate::shell;

/// What is released, beside the target on which all else is checked.
const TARGETS: [&str; 6] = [
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-gnu",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-gnu",
    "x86_64-pc-windows-msvc",
];

/// Packages with features that need no compiler for C: with those of the cloud services, libraries
/// in C come along, for which there would have to be one of each target.
const PARTS: [(&str, &str); 3] = [
    ("sops-core", ""),
    ("sops-providers", "age,age-ssh,age-plugin,tokio-timer"),
    ("sops-rs", "age-ssh,age-plugin"),
];

/// Checks what there is, and names what there is not.
pub(crate) fn check() -> Result<()> {
    let (mut left_out, mut failed) = (Vec::new(), Vec::new());
    for target in TARGETS {
        if !is_installed(target)? {
            left_out.push(target);
            continue;
        }
        for (package, features) in PARTS {
            let mut cargo = shell::cargo(["check", "-j2", "-p", package, "--no-default-features"]);
            cargo.args(["--features", features, "--target", target]);
            if let Err(error) = shell::run(&mut cargo) {
                eprintln!("{package} for {target}: {error:#}");
                failed.push(format!("{package} for {target}"));
            }
        }
    }
    if !left_out.is_empty() {
        println!("note: NOT CHECKED, since the target is not installed: {}", left_out.join(", "));
    }
    if failed.is_empty() { Ok(()) } else { bail!("{}", failed.join(", ")) }
}

/// Whether the standard library for a target is there.
pub(crate) fn is_installed(target: &str) -> Result<bool> {
    let mut ask = shell::command("rustc", ["--print", "target-libdir", "--target", target]);
    Ok(Path::new(shell::output(&mut ask)?.trim()).is_dir())
}

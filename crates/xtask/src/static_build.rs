//! Programs that need nothing of the system they are started on: no loader, no library.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use sops_tests::paths;

use crate::shell;

/// Randomness comes from the kernel by its call: without a loader the usual way finds no function
/// of the C library, and falls back to files in `/dev`, which need not be there.
const FLAGS: &str = "-C target-feature=+crt-static --cfg getrandom_backend=\"linux_getrandom\"";

/// How much a program is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// As it comes.
    Usual,
    /// Without what only a backtrace reads, and with its own addresses in a short form; it starts
    /// as any other does. For lld, which is the linker of the gnu target alone.
    Small,
}

/// Builds one program, on the musl target of this machine where that is installed, else on the gnu
/// one. Gives where it is.
pub(crate) fn build(package: &str, profile: &str, flags: &[&str], size: Size) -> Result<PathBuf> {
    let machine = std::env::consts::ARCH;
    let installed = |target: &str| -> Result<bool> {
        let mut ask = shell::command("rustc", ["--print", "target-libdir", "--target", target]);
        Ok(Path::new(shell::output(&mut ask)?.trim()).is_dir())
    };
    let musl = format!("{machine}-unknown-linux-musl");
    let target = if installed(&musl)? { musl } else { format!("{machine}-unknown-linux-gnu") };
    let mut build = shell::cargo(["build", "--profile", profile, "-j2", "-p", package]);
    build.args(["--target", &target]).args(flags);
    let mut rustflags = FLAGS.to_owned();
    if size == Size::Small && target == "x86_64-unknown-linux-gnu" {
        let script = paths::repository().join("crates/xtask/link/no-unwinding.ld");
        for argument in [
            "-z,pack-relative-relocs",
            "--icf=all",
            "--no-eh-frame-hdr",
            &format!("-T,{}", script.display()),
        ] {
            rustflags.push_str(&format!(" -C link-arg=-Wl,{argument}"));
        }
    }
    shell::run(build.env("RUSTFLAGS", rustflags))?;
    let program = paths::target().join(target).join(profile).join(package);
    ensure!(is_static(&std::fs::read(&program)?), "{} is not static", program.display());
    Ok(program)
}

/// Whether a program for ELF, 64 bits, least byte first, asks for no loader.
pub(crate) fn is_static(program: &[u8]) -> bool {
    const INTERPRETER: usize = 3;
    let number = |at: usize, size: usize| -> Option<usize> {
        let bytes = program.get(at..at + size)?;
        Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    };
    let segments = || -> Option<Vec<usize>> {
        let (start, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
        (0..count).map(|at| number(start + at * size, 4)).collect()
    };
    program.starts_with(b"\x7fELF\x02\x01")
        && segments().is_some_and(|kinds| !kinds.contains(&INTERPRETER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_needs_a_loader_is_not_static() {
        let with_segments = |kinds: &[u32]| {
            let mut program = b"\x7fELF\x02\x01".to_vec();
            program.resize(64, 0);
            program[32] = 64;
            program[54] = 56;
            program[56] = u8::try_from(kinds.len()).unwrap();
            for kind in kinds {
                let mut segment = kind.to_le_bytes().to_vec();
                segment.resize(56, 0);
                program.extend(segment);
            }
            program
        };
        assert!(is_static(&with_segments(&[1, 1])));
        assert!(!is_static(&with_segments(&[1, 3])));
        assert!(!is_static(b"#!/bin/sh\n"));
    }
}

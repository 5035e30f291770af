//! `cargo xtask programs`: the command as it is released, static, twice: with every key service, and
//! small, with age alone. Both are looked at and tried.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sops_tests::paths;

use crate::static_build::Size;
use crate::{shell, static_build};

const PACKAGE: &str = "sops-rs";
struct Program {
    name: &'static str,
    profile: &'static str,
    flags: &'static [&'static str],
    size: Size,
    /// Bytes.
    limit: u64,
}

const PROGRAMS: [Program; 2] = [
    Program {
        name: "sops-rs-age",
        profile: "small",
        flags: &["--no-default-features"],
        size: Size::Small,
        limit: 4_000_000,
    },
    Program {
        name: "sops-rs",
        profile: "release",
        flags: &[],
        size: Size::Usual,
        limit: 25_000_000,
    },
];

/// Builds both into `target/programs`.
pub(crate) fn run() -> Result<()> {
    let folder = paths::target().join("programs");
    fs::create_dir_all(&folder)?;
    let mut made = Vec::new();
    for Program { name, profile, flags, size, limit } in PROGRAMS {
        shell::step(name);
        let built = static_build::build(PACKAGE, profile, flags, size)?;
        let program = folder.join(name);
        let bytes = fs::copy(built, &program)?;
        ensure!(bytes <= limit, "{name} has {bytes} bytes, more than {limit}");
        open(&program)?;
        made.push((program, bytes));
    }
    for (program, bytes) in made {
        println!("{}: {:.1} MB, static", program.display(), bytes as f64 / 1e6);
    }
    Ok(())
}

/// Opens the file of the first steps with it: age, and without any library around it.
fn open(program: &Path) -> Result<()> {
    let quickstart: PathBuf = paths::repository().join("examples/quickstart");
    let mut decrypt = shell::command(program, ["decrypt"]);
    decrypt.arg(quickstart.join("secret.enc.yaml"));
    decrypt.env_clear().env("SOPS_AGE_KEY_FILE", quickstart.join("age-key.txt"));
    let opened = shell::output(&mut decrypt)?;
    let clear = fs::read_to_string(quickstart.join("secret.yaml")).context("its plain text")?;
    ensure!(opened == clear, "{} opened something else", program.display());
    Ok(())
}

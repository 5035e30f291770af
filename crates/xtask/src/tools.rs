//! Tools that are built once and kept in the rig folder.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use sops_tests::paths;

use crate::shell;

/// A program from crates.io, in the one version that was chosen for this repository.
pub(crate) struct CargoTool {
    krate: &'static str,
    binary: &'static str,
    version: &'static str,
}

/// Bans, licences and sources of dependencies.
pub(crate) const DENY: CargoTool =
    CargoTool { krate: "cargo-deny", binary: "cargo-deny", version: "0.20.2" };

/// The other Rust program of this kind, for `bench`.
pub(crate) const ROPS: CargoTool =
    CargoTool { krate: "rops-cli", binary: "rops", version: "0.1.7" };

impl CargoTool {
    /// Where the program is; it is installed first when it is missing or of another version.
    pub(crate) fn ready(&self) -> Result<PathBuf> {
        let root = paths::rig().join("tools");
        let binary = root.join("bin").join(self.binary);
        let _lock = lock()?;
        if self.is_installed(&root) {
            return Ok(binary);
        }
        println!("installing {} {} (some minutes, once)", self.krate, self.version);
        let mut install = shell::cargo(["install", "--locked", "--force", self.krate]);
        install.args(["--version", self.version, "--jobs", "2", "--root"]).arg(&root);
        // Not the target folder of this workspace: a temporary one, which cargo removes.
        install.env_remove("CARGO_TARGET_DIR");
        shell::run(&mut install).with_context(|| format!("{} is missing", self.krate))?;
        if !binary.is_file() {
            bail!("{} was installed without the program {}", self.krate, self.binary);
        }
        Ok(binary)
    }

    /// Asks cargo's own record, since not every program tells its version.
    fn is_installed(&self, root: &std::path::Path) -> bool {
        let wanted = format!("\"{} {} (", self.krate, self.version);
        fs::read_to_string(root.join(".crates.toml")).is_ok_and(|record| record.contains(&wanted))
    }
}

/// Holds off other work trees that install into the same folder, until it is dropped.
pub(crate) fn lock() -> Result<File> {
    let folder = paths::rig();
    fs::create_dir_all(&folder).with_context(|| format!("unable to make {}", folder.display()))?;
    let file = File::create(folder.join("lock")).context("unable to make the lock of the rig")?;
    if file.try_lock().is_err() {
        println!("waiting for another work tree that installs into {}", folder.display());
        file.lock().context("unable to lock the rig")?;
    }
    Ok(file)
}

/// Installs a system package where that is possible: as root, with apt. Elsewhere it says so.
pub(crate) fn system_package(program: &str, package: &str) -> Result<()> {
    if paths::on_path(program).is_some() {
        return Ok(());
    }
    install(program, package)
}

/// The same for a program that is not looked for on `PATH`.
pub(crate) fn install(program: &str, package: &str) -> Result<()> {
    if !rustix::process::geteuid().is_root() || paths::on_path("apt-get").is_none() {
        bail!("`{program}` is not there; install the package {package}");
    }
    let apt = |arguments: &[&str]| {
        let mut apt = shell::command("apt-get", arguments.iter().map(OsStr::new));
        shell::run(apt.env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt(&["update", "-q"])?;
    apt(&["install", "-q", "-y", "--no-install-recommends", package])
}

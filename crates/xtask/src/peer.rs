//! The Go program sops-rs is compared with, and plugins of age for both, built from the module
//! pinned in `tests/peer`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sops_tests::paths;

use crate::{shell, tools};

const COMMAND: &str = "github.com/getsops/sops/v3/cmd/sops";

/// Plugins of age: those of its own repository that need no hardware, and a double of one that
/// does.
const PLUGINS: [(&str, &str); 3] = [
    ("age-plugin-batchpass", "filippo.io/age/cmd/age-plugin-batchpass"),
    ("age-plugin-pq", "filippo.io/age/extra/age-plugin-pq"),
    ("age-plugin-double", "./double"),
];

/// Where the program is: `SOPS_PEER`, or the one built here, which is rebuilt when the pin moved.
pub(crate) fn ready() -> Result<PathBuf> {
    if let Some(path) = env::var_os("SOPS_PEER").filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        if !path.is_file() {
            bail!("SOPS_PEER names {}, which is not there", path.display());
        }
        return Ok(path);
    }
    let module = paths::in_tests("peer");
    let pin = fs::read_to_string(module.join("go.sum")).context("unable to read the pin")?;
    let binary = paths::rig().join("bin/sops");
    let stamp = paths::rig().join("bin/sops.pin");
    let _lock = tools::lock()?;
    if binary.is_file() && fs::read_to_string(&stamp).is_ok_and(|built| built == pin) {
        return Ok(binary);
    }
    println!("building Go sops (some minutes the first time)");
    build(&module, &binary, COMMAND).context("Go sops cannot be built")?;
    fs::write(&stamp, pin).context("unable to note which pin was built")?;
    Ok(binary)
}

/// The second opinion on the files in `deploy/`: `SOPS_REFEREE`, or the one built here.
pub(crate) fn referee() -> Result<PathBuf> {
    if let Some(path) = env::var_os("SOPS_REFEREE").filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    let binary = paths::rig().join("bin/referee");
    let _lock = tools::lock()?;
    build(&paths::in_tests("referee"), &binary, ".").context("the referee cannot be built")?;
    Ok(binary)
}

/// The folder with the plugins. Go looks by itself whether something changed.
pub(crate) fn plugins() -> Result<PathBuf> {
    let folder = paths::rig().join("bin/plugins");
    let _lock = tools::lock()?;
    for (name, package) in PLUGINS {
        build(&paths::in_tests("peer"), &folder.join(name), package)
            .with_context(|| format!("{name} cannot be built"))?;
    }
    Ok(folder)
}

fn build(module: &Path, binary: &Path, package: &str) -> Result<()> {
    let go = shell::find("go")?;
    let mut build = shell::command(go, ["build", "-mod=readonly", "-p=2", "-trimpath", "-o"]);
    // Without symbols, as the released program is.
    build.arg(binary).args(["-ldflags=-s -w", package]).current_dir(module);
    shell::run(build.env("GOFLAGS", "").env("GOWORK", "off"))
}

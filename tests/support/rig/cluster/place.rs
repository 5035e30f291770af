//! Where a running control plane is: all that a client needs.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::run::Run;

/// The folder of a control plane, with what stands in it for clients.
#[derive(Clone, Debug)]
pub struct Place {
    folder: PathBuf,
    record: Record,
}

/// What the folder itself does not say.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) etcd: u16,
    pub(super) apiserver: u16,
    pub(super) kubectl: PathBuf,
    pub(super) controllers: bool,
}

impl Place {
    /// Reads what was noted in a folder, that of `SOPS_CLUSTER_DIR` for example.
    pub fn at(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        let path = folder.join("place.json");
        let text = fs::read(&path).with_context(|| format!("unable to read {}", path.display()))?;
        let record = serde_json::from_slice(&text)
            .with_context(|| format!("{} makes no sense", path.display()))?;
        Ok(Self { folder, record })
    }

    /// Notes it in the folder.
    pub(super) fn note(folder: &Path, record: Record) -> Result<Self> {
        fs::write(folder.join("place.json"), serde_json::to_vec(&record)?)
            .context("unable to note where the control plane is")?;
        Ok(Self { folder: folder.to_owned(), record })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A kubeconfig of the administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// The certificate that signed the server's, PEM.
    pub fn authority(&self) -> Result<String> {
        fs::read_to_string(self.folder.join("ca.crt"))
            .context("no certificate of the control plane")
    }

    /// Every call the API server answered, a line of JSON each.
    pub fn audit_log(&self) -> PathBuf {
        self.folder.join("audit.log")
    }

    pub(super) fn port(&self) -> u16 {
        self.record.apiserver
    }

    /// The API server: `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.record.apiserver)
    }

    /// The API server: `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("https://{}", self.address())
    }

    /// The store: `127.0.0.1:PORT`, without TLS.
    pub fn etcd_address(&self) -> String {
        format!("127.0.0.1:{}", self.record.etcd)
    }

    /// Whether garbage is collected here, namespaces end, and workloads are rolled out.
    pub fn has_controllers(&self) -> bool {
        self.record.controllers
    }

    /// A run of the real kubectl as the administrator.
    pub fn kubectl<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        // Else it makes one in the home folder, which runs of tests do not have.
        Run::program(&self.record.kubectl, ["--cache-dir"])
            .arg(self.folder.join("kubectl-cache"))
            .args(arguments)
            .env("KUBECONFIG", self.kubeconfig())
    }
}

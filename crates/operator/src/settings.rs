//! What an operator does, decided once from flags and environment.

use std::net::SocketAddr;
use std::time::Duration;

/// All settings of a run.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Namespaces that are watched; all if there is none.
    pub(crate) namespaces: Vec<String>,
    /// Which SopsSecrets, by their labels.
    pub(crate) selector: Option<String>,
    /// The pause before a failure is tried again, or at most that for what may pass.
    pub(crate) retry: Duration,
    pub(crate) enforce_ownership: bool,
    pub(crate) require_verified: bool,
    pub(crate) mode: Mode,
    pub(crate) workers: usize,
    pub(crate) max_deletes: usize,
    pub(crate) kms_calls_per_second: u32,
    pub(crate) keep_keys: Duration,
    /// How many workloads are rolled out in a minute when their Secrets change; none at all if
    /// absent.
    pub(crate) rollouts_per_minute: Option<u32>,
    /// Where records of opened objects go.
    pub(crate) audit: Option<crate::audit::Settings>,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) health: Option<SocketAddr>,
    pub(crate) election: Option<Election>,
    pub(crate) kubeconfig: Option<std::path::PathBuf>,
}

/// Whether anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// Secrets are made and kept.
    Run,
    /// Nothing is written; what differs is told.
    Shadow,
}

/// How one of several replicas is chosen.
#[derive(Clone, Debug)]
pub(crate) struct Election {
    pub(crate) namespace: String,
    pub(crate) identity: String,
}

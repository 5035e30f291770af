//! What a test needs from outside, and what happens when it is not there.
//!
//! ```no_run
//! # fn main() {
//! let Some(peer) = sops_tests::need::peer() else { return };
//! # }
//! ```
//!
//! `cargo xtask test` installs and starts these things and sets the variables. A plain
//! `cargo test` without them skips, loudly. With `CI=true` a missing thing fails the test, so that
//! no suite is green because it tested nothing.

use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::rig::aws::Aws;
use crate::rig::cluster::{ControlPlane, Place, Programs};
use crate::rig::postgres::Postgres;
use crate::rig::vault::{OpenBao, Vault};
use crate::{paths, private_etc};

/// The Go program sops-rs is compared with: `SOPS_PEER`.
pub fn peer() -> Option<PathBuf> {
    variable("SOPS_PEER", "the Go program to compare with").map(PathBuf::from)
}

/// The folder with plugins of age: `SOPS_PLUGINS`.
pub fn plugins() -> Option<PathBuf> {
    variable("SOPS_PLUGINS", "the folder with plugins of age").map(PathBuf::from)
}

/// The AWS emulators: `SOPS_RIG_KMS` and `SOPS_RIG_STS`.
pub fn aws() -> Option<Aws> {
    let kms = variable("SOPS_RIG_KMS", "the KMS emulator")?;
    let sts = variable("SOPS_RIG_STS", "the STS and S3 emulator")?;
    Some(Aws::at(kms, sts))
}

/// The server of OpenBao that all tests share: `SOPS_VAULT_DIR`.
pub fn vault() -> Option<Vault> {
    let folder = variable("SOPS_VAULT_DIR", "the server of OpenBao")?;
    Some(Vault::at(folder).expect("a server of OpenBao"))
}

/// A server of OpenBao for one test alone, by the program of `SOPS_BAO`.
pub fn openbao(folder: &Path) -> Option<OpenBao> {
    let program = variable("SOPS_BAO", "the program of OpenBao")?;
    Some(OpenBao::start(Path::new(&program), folder).expect("a server of OpenBao starts"))
}

/// The PostgreSQL server that all tests share: `SOPS_POSTGRES_DIR`.
pub fn postgres() -> Option<Postgres> {
    let folder = variable("SOPS_POSTGRES_DIR", "the server of PostgreSQL")?;
    Some(Postgres::at(folder).expect("a server of PostgreSQL"))
}

/// The right to mount things that nobody else sees ([`crate::private_etc`]).
pub fn private_etc() -> Option<()> {
    if private_etc::is_possible() {
        return Some(());
    }
    absent("this user may not mount a file over /etc for one program (`unshare --mount`)")
}

/// A Python with what the doubles of key services need: `SOPS_RIG_PYTHON`.
pub fn python() -> Option<PathBuf> {
    variable("SOPS_RIG_PYTHON", "the Python of the doubles").map(PathBuf::from)
}

/// The control plane all tests share: `SOPS_CLUSTER_DIR`. With controllers, which tests of
/// workloads, garbage and namespaces need.
pub fn cluster() -> Option<Place> {
    let what = "the Kubernetes control plane";
    let place = Place::at(variable("SOPS_CLUSTER_DIR", what)?).expect("a control plane");
    if place.has_controllers() { Some(place) } else { absent("kube-controller-manager is nowhere") }
}

/// A control plane for one test alone, with further flags for its API server.
pub fn control_plane(folder: &Path, flags: &[&str]) -> Option<ControlPlane> {
    let Some(programs) = Programs::installed() else {
        return absent("etcd and kube-apiserver are nowhere (run `cargo xtask test`)");
    };
    Some(ControlPlane::start(&programs, folder, flags).expect("a control plane starts"))
}

/// helm, which renders the chart: `SOPS_HELM`.
pub fn helm() -> Option<PathBuf> {
    variable("SOPS_HELM", "helm").map(PathBuf::from)
}

/// kubeconform, which holds manifests against schemas: `SOPS_KUBECONFORM`.
pub fn kubeconform() -> Option<PathBuf> {
    variable("SOPS_KUBECONFORM", "kubeconform").map(PathBuf::from)
}

/// The second opinion on the files in `deploy/`: `SOPS_REFEREE`.
pub fn referee() -> Option<PathBuf> {
    variable("SOPS_REFEREE", "the referee of deploy/").map(PathBuf::from)
}

/// The operator under test: `SOPS_OPERATOR_BIN`.
pub fn operator() -> Option<PathBuf> {
    variable("SOPS_OPERATOR_BIN", "the operator").map(PathBuf::from)
}

/// A program on `PATH`, such as `strace` or `gpg`.
pub fn program(name: &str) -> Option<PathBuf> {
    paths::on_path(name).or_else(|| absent(&format!("`{name}` is not on PATH")))
}

/// An environment variable that says where something is; `what` is said when it is not set.
pub fn variable(name: &str, what: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty()).or_else(|| {
        absent(&format!("{what} is not there ({name} is not set; run `cargo xtask test`)"))
    })
}

/// Whether a missing tool is a failure instead of a skip.
pub fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

/// Says that a test is skipped, or fails it in CI.
fn absent<T>(reason: &str) -> Option<T> {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    assert!(!in_ci(), "{reason}; with CI=true that is a failure");
    // Written past the harness, which would swallow the output of a test that passes. A skip that
    // cannot be told must not fail the test.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {test}: {reason}");
    None
}

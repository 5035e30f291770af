//! Where the programs of a control plane are.

use std::env;
use std::path::PathBuf;

use crate::paths;

/// The folder that the Kubernetes test tools of others install into.
const USUAL: &str = "/usr/local/kubebuilder/bin";

/// The programs of a control plane.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The store.
    pub etcd: PathBuf,
    /// The API server.
    pub apiserver: PathBuf,
    /// What collects garbage, ends namespaces, makes ReplicaSets of Deployments. The bundles of
    /// others come without it.
    pub controllers: Option<PathBuf>,
    /// The client of everybody.
    pub kubectl: PathBuf,
}

impl Programs {
    /// Those that somebody named or installed: each from its own variable, from the folder
    /// `KUBEBUILDER_ASSETS`, or from `/usr/local/kubebuilder/bin`, whichever is there first.
    /// `None` when one of those that are always needed is nowhere.
    pub fn installed() -> Option<Self> {
        Some(Self {
            etcd: find("etcd")?,
            apiserver: find("kube-apiserver")?,
            controllers: find("kube-controller-manager"),
            kubectl: find("kubectl")?,
        })
    }

    /// The variables by which [`Programs::installed`] finds these, in a process started from here.
    pub fn variables(&self) -> Vec<(String, PathBuf)> {
        let always =
            [("etcd", &self.etcd), ("kube-apiserver", &self.apiserver), ("kubectl", &self.kubectl)];
        let controllers = self.controllers.iter().map(|path| ("kube-controller-manager", path));
        let all = always.into_iter().chain(controllers);
        all.map(|(name, path)| (variable(name), path.clone())).collect()
    }
}

/// `TEST_ASSET_KUBE_APISERVER` for `kube-apiserver`.
fn variable(program: &str) -> String {
    format!("TEST_ASSET_{}", program.replace('-', "_").to_uppercase())
}

fn find(program: &str) -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let named = set(&variable(program));
    let folder = set("KUBEBUILDER_ASSETS").map(|folder| folder.join(program));
    let usual = PathBuf::from(USUAL).join(program);
    [named, folder, Some(usual)].into_iter().flatten().find(|path| paths::is_program(path))
}

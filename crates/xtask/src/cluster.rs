//! A Kubernetes control plane for the tests of the operator, and the programs they use, built from
//! the modules pinned in `tests/cluster/go`.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sops_tests::paths;
use sops_tests::rig::cluster::{ControlPlane, Part, Programs};

use crate::{shell, tools};

/// Programs that come from one pinned module.
struct Module {
    /// The folder in `tests/cluster/go`.
    name: &'static str,
    /// The names of the programs, as Go names them, and what they are built from.
    programs: &'static [(&'static str, &'static str)],
}

const ETCD: Module = Module { name: "etcd", programs: &[("etcd", "go.etcd.io/etcd/server/v3")] };

const KUBE: Module = Module {
    name: "kube",
    programs: &[
        ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
        ("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
        ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    ],
};

const HELM: Module = Module { name: "helm", programs: &[("helm", "helm.sh/helm/v4/cmd/helm")] };

const KUBECONFORM: Module = Module {
    name: "kubeconform",
    programs: &[("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform")],
};

/// The control plane that all tests of one run share. Dropping it ends and removes it.
pub(crate) struct Cluster {
    plane: ControlPlane,
    programs: Programs,
    // After the processes have ended, in this order.
    folder: Folder,
}

impl Cluster {
    /// Builds what is missing, and starts it.
    pub(crate) fn start() -> Result<Self> {
        let programs = programs()?;
        let folder = Folder::new()?;
        let plane = ControlPlane::start(&programs, &folder.path, &[])?;
        for (name, after) in plane.started() {
            println!("{name} is ready after {:.1} s", after.as_secs_f32());
        }
        if !plane.is_running(Part::Controllers) {
            println!("note: there is no kube-controller-manager: tests that need it are skipped");
        }
        Ok(Self { plane, programs, folder })
    }

    /// The variables by which tests find it.
    pub(crate) fn variables(&self) -> Vec<(String, PathBuf)> {
        let mut all = self.programs.variables();
        all.push(("SOPS_CLUSTER_DIR".into(), self.folder.path.clone()));
        all
    }

    /// A kubeconfig of the administrator.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.plane.place().kubeconfig()
    }
}

/// The variables by which programs that start control planes of their own find what they take.
pub(crate) fn variables_of_programs() -> Result<Vec<(String, PathBuf)>> {
    Ok(programs()?.variables())
}

/// helm and kubeconform, each with the variable by which tests find it.
pub(crate) fn chart_tools() -> [(&'static str, Result<PathBuf>); 2] {
    [("SOPS_HELM", &HELM), ("SOPS_KUBECONFORM", &KUBECONFORM)]
        .map(|(variable, module)| (variable, named(variable, module)))
}

/// helm alone.
pub(crate) fn helm() -> Result<PathBuf> {
    named("SOPS_HELM", &HELM)
}

fn named(variable: &str, module: &Module) -> Result<PathBuf> {
    match env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from) {
        Some(path) if paths::is_program(&path) => Ok(path),
        Some(path) => bail!("{variable} names {}, which is no program", path.display()),
        None => Ok(module.ready()?.join(module.name)),
    }
}

/// Those somebody installed; else all of them from here, in versions that fit each other.
fn programs() -> Result<Programs> {
    if let Some(installed) = Programs::installed() {
        return Ok(installed);
    }
    let etcd = ETCD.ready()?.join("etcd");
    let kube = KUBE.ready()?;
    Ok(Programs {
        etcd,
        apiserver: kube.join("kube-apiserver"),
        controllers: Some(kube.join("kube-controller-manager")),
        kubectl: kube.join("kubectl"),
    })
}

impl Module {
    /// The folder with the programs, which are built when they are missing or the pin moved.
    fn ready(&self) -> Result<PathBuf> {
        let folder = paths::rig().join("bin/cluster");
        let module = paths::in_tests("cluster/go").join(self.name);
        let pin = |file| fs::read_to_string(module.join(file)).context("unable to read the pin");
        let requirements = pin("go.mod")?;
        let pin = requirements.clone() + &pin("go.sum")?;
        let stamp = folder.join(format!("{}.pin", self.name));
        let _lock = tools::lock()?;
        let complete = self.programs.iter().all(|(name, _)| paths::is_program(&folder.join(name)));
        if complete && fs::read_to_string(&stamp).is_ok_and(|built| built == pin) {
            return Ok(folder);
        }
        println!("building {} (minutes, once)", self.name);
        for (name, package) in self.programs {
            self.build(&module, &folder.join(name), package, &requirements)
                .with_context(|| format!("{name} cannot be built"))?;
        }
        fs::write(&stamp, pin).context("unable to note which pin was built")?;
        Ok(folder)
    }

    fn build(&self, module: &Path, binary: &Path, package: &str, pin: &str) -> Result<()> {
        let go = shell::find("go")?;
        let mut build =
            shell::command(go, ["build", "-mod=readonly", "-p=2", "-trimpath", "-buildvcs=false"]);
        let mut flags = "-s -w".to_owned();
        if self.name == KUBE.name {
            flags += &version_flags(pin)?;
        }
        build.arg("-o").arg(binary).arg(format!("-ldflags={flags}")).arg(package);
        build.envs([("GOFLAGS", ""), ("GOWORK", "off"), ("CGO_ENABLED", "0")]);
        shell::run(build.current_dir(module))
    }
}

/// Without them the programs say that they are v0.0.0, and clients decide by the version.
fn version_flags(requirements: &str) -> Result<String> {
    let version = requirements
        .lines()
        .map(|line| line.trim().trim_start_matches("require "))
        .find_map(|line| line.strip_prefix("k8s.io/kubernetes v"))
        .and_then(|rest| rest.split_whitespace().next())
        .context("go.mod does not say which Kubernetes")?;
    let mut parts = version.split('.');
    let (Some(major), Some(minor)) = (parts.next(), parts.next()) else {
        bail!("{version} is no version of Kubernetes")
    };
    let variables = [
        ("k8s.io/component-base/version.gitVersion", format!("v{version}")),
        ("k8s.io/component-base/version.gitMajor", major.to_owned()),
        ("k8s.io/component-base/version.gitMinor", minor.to_owned()),
        ("k8s.io/component-base/version.gitTreeState", "clean".to_owned()),
        ("k8s.io/client-go/pkg/version.gitVersion", format!("v{version}")),
    ];
    Ok(variables.iter().map(|(name, value)| format!(" -X {name}={value}")).collect())
}

/// What a control plane writes, while it runs. The lock says that it does: a run that was killed
/// leaves its folder, tens of megabytes, to the next one.
struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    fn new() -> Result<Self> {
        let state = paths::rig().join("state");
        let path = state.join(format!("cluster-{}", std::process::id()));
        // Held while the new folder has no lock of its own yet.
        let _lock = tools::lock()?;
        remove_abandoned(&state);
        fs::create_dir_all(&path).with_context(|| format!("unable to make {}", path.display()))?;
        let lock = File::create(path.join("lock")).context("unable to lock the control plane")?;
        lock.lock().context("unable to lock the control plane")?;
        Ok(Self { path, _lock: lock })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("unable to remove {}: {error}", self.path.display());
        }
    }
}

fn remove_abandoned(state: &Path) {
    for entry in fs::read_dir(state).into_iter().flatten().flatten() {
        let named = entry.file_name().to_string_lossy().starts_with("cluster-");
        let lock = File::open(entry.path().join("lock"));
        if named && lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            // It is in nobody's way, if it cannot be removed.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_kubernetes_comes_from_its_pin() {
        for pin in [
            "require k8s.io/kubernetes v1.36.4\n",
            "require (\n\tk8s.io/api v0.1.2\n\tk8s.io/kubernetes v1.36.4 // indirect\n)",
        ] {
            let flags = version_flags(pin).unwrap();
            for flag in ["gitVersion=v1.36.4 ", "gitMajor=1 ", "gitMinor=36 "] {
                let flag = format!(" -X k8s.io/component-base/version.{flag}");
                assert!(flags.contains(&flag), "{flags}");
            }
        }
        assert!(version_flags("require k8s.io/api v0.36.4").is_err());
    }
}

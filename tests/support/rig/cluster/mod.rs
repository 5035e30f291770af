//! A real Kubernetes control plane on loopback: etcd, API server and controllers as plain
//! processes, without nodes. Pods are made and never run.
//!
//! `cargo xtask test` starts one for all tests, found by [`crate::need::cluster`]. A test that
//! stops, kills or restarts parts of it starts one of its own, see [`crate::need::control_plane`].

mod certificates;
mod place;
mod programs;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;
use serde_json::json;

use certificates::Authority;
pub use certificates::kubeconfig;
pub use place::Place;
use place::Record;
pub use programs::Programs;

use super::servers::{End, Server, answers, lasting_port};

/// The controllers that run: collecting, namespaces and accounts, and those that roll workloads
/// out. The rest needs nodes or a cloud.
const CONTROLLERS: [&str; 10] = [
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
    "resourcequota-controller",
    "clusterrole-aggregation-controller",
    "deployment-controller",
    "replicaset-controller",
    "statefulset-controller",
    "daemonset-controller",
];

/// A running API server that is asked to end waits for its watches, 40 seconds and more.
const TERM_LIMIT: Duration = Duration::from_secs(3);

/// The processes of a control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The store.
    Etcd,
    /// The API server.
    Apiserver,
    /// The controller manager.
    Controllers,
}

/// A control plane that was started here. Dropping it ends all its processes.
#[derive(Debug)]
pub struct ControlPlane {
    programs: Programs,
    place: Place,
    etcd_peers: u16,
    flags: Vec<String>,
    running: BTreeMap<Part, Server>,
}

impl ControlPlane {
    /// Starts one in an empty folder, which is left to the caller. `flags` are for the API server,
    /// such as `--goaway-chance=0.02`. Takes about five seconds.
    pub fn start(programs: &Programs, folder: &Path, flags: &[&str]) -> Result<Self> {
        let [etcd, etcd_peers, apiserver] = [lasting_port()?, lasting_port()?, lasting_port()?];
        let record = Record {
            etcd,
            apiserver,
            kubectl: programs.kubectl.clone(),
            controllers: programs.controllers.is_some(),
        };
        let place = Place::note(folder, record)?;
        write_files(&place)?;
        let mut plane = Self {
            programs: programs.clone(),
            place,
            etcd_peers,
            flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
            running: BTreeMap::new(),
        };
        plane.run(Part::Etcd)?;
        plane.run(Part::Apiserver)?;
        if programs.controllers.is_some() {
            plane.run(Part::Controllers)?;
        }
        Ok(plane)
    }

    /// Where clients find it.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Its processes, and how long each took until it was ready.
    pub fn started(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        self.running.values().map(|server| (server.name(), server.ready_after()))
    }

    /// Whether this part was started, and not ended since.
    pub fn is_running(&self, part: Part) -> bool {
        self.running.contains_key(&part)
    }

    /// Starts a part again that was killed or stopped: the same port, the same data.
    pub fn run(&mut self, part: Part) -> Result<()> {
        let place = self.place.clone();
        let server = match part {
            Part::Etcd => {
                let ready = answers(&place.etcd_address(), "/health");
                self.server("etcd", self.etcd(), ready)
            }
            Part::Apiserver => {
                let ready = || {
                    // Asked only when somebody listens: a kubectl costs more than a look.
                    TcpStream::connect(place.address()).is_ok()
                        && place.kubectl(["get", "--raw=/readyz"]).run().status.success()
                };
                self.server("kube-apiserver", self.apiserver(), ready)
            }
            Part::Controllers => {
                let program = self.programs.controllers.as_ref();
                let program = program.context("there is no kube-controller-manager")?;
                let account = ["get", "serviceaccount", "default", "--namespace=default"];
                let ready = || place.kubectl(account).run().status.success();
                self.server("kube-controller-manager", self.controllers(program), ready)
            }
        };
        self.running.insert(part, server?);
        Ok(())
    }

    /// Ends a part by SIGKILL.
    pub fn kill(&mut self, part: Part) -> Result<()> {
        self.running.remove(&part).map_or(Ok(()), |mut server| server.stop(None))
    }

    /// Ends a part by SIGTERM, as an upgrade does; after three seconds by SIGKILL.
    pub fn stop(&mut self, part: Part) -> Result<()> {
        self.running.remove(&part).map_or(Ok(()), |mut server| server.stop(Some(TERM_LIMIT)))
    }

    /// Lets a part hang, its connections open, until [`ControlPlane::resume`].
    pub fn pause(&mut self, part: Part) -> Result<()> {
        self.running.get_mut(&part).map_or(Ok(()), |server| server.signal(Signal::STOP))
    }

    /// Lets it go on.
    pub fn resume(&mut self, part: Part) -> Result<()> {
        self.running.get_mut(&part).map_or(Ok(()), |server| server.signal(Signal::CONT))
    }

    fn server(
        &self,
        name: &'static str,
        command: Command,
        ready: impl FnMut() -> bool,
    ) -> Result<Server> {
        // None has anything to save: what they wrote goes away with the folder.
        let log = self.at("logs").join(format!("{name}.log"));
        Server::start(name, command, End::AtOnce, &log, ready)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.place.folder().join(name)
    }

    fn etcd(&self) -> Command {
        let clients = format!("http://{}", self.place.etcd_address());
        let peers = format!("http://127.0.0.1:{}", self.etcd_peers);
        let mut command = Command::new(&self.programs.etcd);
        command.args(["--name", "rig", "--log-level", "warn", "--unsafe-no-fsync"]);
        command
            .args(["--quota-backend-bytes", "8589934592"])
            .arg("--data-dir")
            .arg(self.at("etcd"));
        command.args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
        command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
        command.arg(format!("--initial-cluster=rig={peers}"));
        command
    }

    fn apiserver(&self) -> Command {
        let mut command = Command::new(&self.programs.apiserver);
        command.args([
            format!("--etcd-servers=http://{}", self.place.etcd_address()),
            format!("--secure-port={}", self.place.port()),
        ]);
        command.args([
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--allow-privileged=true",
            // Never a second file: byte offsets stay what they are.
            "--audit-log-maxsize=4096",
        ]);
        for (flag, file) in [
            ("--tls-cert-file", "apiserver.crt"),
            ("--tls-private-key-file", "apiserver.key"),
            ("--client-ca-file", "ca.crt"),
            ("--service-account-key-file", "sa.pub"),
            ("--service-account-signing-key-file", "sa.key"),
            ("--audit-policy-file", "audit-policy.json"),
            ("--audit-log-path", "audit.log"),
            ("--cert-dir", "certificates"),
        ] {
            command.arg(flag).arg(self.at(file));
        }
        command.args(&self.flags);
        command
    }

    fn controllers(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.args(["--bind-address=127.0.0.1", "--secure-port=0", "--leader-elect=false"]);
        // With its own name only it may do nothing: each controller has an account.
        command.arg("--use-service-account-credentials=true");
        command.args(["--concurrent-gc-syncs=20", "--kube-api-qps=200", "--kube-api-burst=400"]);
        command.arg(format!("--controllers={}", CONTROLLERS.join(",")));
        for (flag, file) in [
            ("--kubeconfig", "controllers.kubeconfig"),
            ("--root-ca-file", "ca.crt"),
            ("--service-account-private-key-file", "sa.key"),
        ] {
            command.arg(flag).arg(self.at(file));
        }
        command
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // The store last, so that the others do not complain about it.
        for part in [Part::Controllers, Part::Apiserver, Part::Etcd] {
            drop(self.running.remove(&part));
        }
    }
}

/// Certificates, kubeconfigs and the audit policy: all calls, without their bodies.
fn write_files(place: &Place) -> Result<()> {
    let authority = Authority::new().context("no certificates for the control plane")?;
    authority.write_for_servers(place.folder())?;
    let masters = Some("system:masters");
    authority.write_kubeconfig(&place.kubeconfig(), &place.url(), "admin", masters)?;
    authority.write_kubeconfig(
        &place.folder().join("controllers.kubeconfig"),
        &place.url(),
        "system:kube-controller-manager",
        None,
    )?;
    let policy = json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata"}],
    });
    fs::write(place.folder().join("audit-policy.json"), policy.to_string())
        .context("unable to write the audit policy")
}

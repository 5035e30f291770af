//! `cargo xtask rig`: the emulators behind the fault proxy, OpenBao, PostgreSQL, and a control plane,
//! until Ctrl-C.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sops_tests::fault::{Call, FaultProxy, Rule};

use crate::cluster::Cluster;
use crate::emulators::Emulators;
use crate::postgres::Postgres;
use crate::shell;
use crate::vault::Vault;

/// How often the calls that came in are shown.
const LOOK: Duration = Duration::from_millis(200);

/// Starts everything, prints how to use it, and shows the calls that come in.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let wanted = Wanted::of(arguments)?;
    let (interrupted, wait) = mpsc::channel();
    shell::at_interrupt(move || {
        // Only a second Ctrl-C finds nobody listening.
        let _ = interrupted.send(());
    })?;
    shell::step("emulators");
    let emulators = Emulators::start()?;
    let proxy = FaultProxy::in_front_of(&emulators.aws.kms);
    proxy.add(Rule::always().delayed(wanted.delay));
    println!(
        "\n# For clients, such as sops-rs, sops and aws; KMS is behind a proxy that lists calls:"
    );
    for (name, value) in emulators.aws.through(&proxy).environment() {
        println!("export {name}={value}");
    }
    println!("# For tests:");
    for (name, value) in emulators.variables() {
        println!("export {name}={value}");
    }
    let _vault = vault()?;
    let _postgres = postgres()?;
    let _cluster = if wanted.cluster { Some(cluster()?) } else { None };
    println!("# The keys are listed in tests/support/rig/aws.rs. Ctrl-C stops everything.");
    let mut shown = 0;
    loop {
        match wait.recv_timeout(LOOK) {
            Err(RecvTimeoutError::Timeout) => {}
            ended => return ended.context("nobody can interrupt"),
        }
        let calls = proxy.calls();
        calls[shown..].iter().for_each(show);
        shown = calls.len();
    }
}

fn show(call: &Call) {
    let key = call.key.as_deref().unwrap_or("-");
    let at = call.at.as_secs_f32();
    println!(
        "{at:9.3} s  connection {}  {}  {}  {key}",
        call.connection, call.operation, call.region
    );
}

fn vault() -> Result<Vault> {
    shell::step("OpenBao");
    let vault = Vault::start()?;
    println!("\n# For tests; the root token is `root`, the ports stand in ports.json there:");
    for (name, value) in vault.variables() {
        println!("export {name}={}", value.display());
    }
    Ok(vault)
}

fn postgres() -> Result<Postgres> {
    shell::step("PostgreSQL");
    let postgres = Postgres::start()?;
    println!("\n# For tests; the port stands in postgres.json there:");
    for (name, value) in postgres.variables() {
        println!("export {name}={}", value.display());
    }
    Ok(postgres)
}

fn cluster() -> Result<Cluster> {
    shell::step("Kubernetes control plane");
    let cluster = Cluster::start()?;
    println!("\n# For kubectl, helm and the operator, as an administrator:");
    println!("export KUBECONFIG={}", cluster.kubeconfig().display());
    println!("# For tests:");
    for (name, value) in cluster.variables() {
        println!("export {name}={}", value.display());
    }
    Ok(cluster)
}

/// What was asked for.
#[derive(Debug, Default, PartialEq)]
struct Wanted {
    delay: Duration,
    cluster: bool,
}

impl Wanted {
    fn of(arguments: &[String]) -> Result<Self> {
        let mut wanted = Self::default();
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--cluster" => wanted.cluster = true,
                "--delay" => {
                    let number = words.next().and_then(|number| number.parse().ok());
                    wanted.delay =
                        Duration::from_millis(number.context("--delay wants milliseconds")?);
                }
                other => bail!("rig does not know {other}"),
            }
        }
        Ok(wanted)
    }
}

//! `cargo xtask test`: installs and starts what tests need, once, then runs them all, and the fuzz
//! targets for a moment each.

use std::env;
use std::process::Command;

use anyhow::Result;
use sops_tests::paths;

use crate::cluster::Cluster;
use crate::emulators::Emulators;
use crate::postgres::Postgres;
use crate::vault::Vault;
use crate::{cluster, fuzz, peer, shell, tools};

/// Programs that tests look for on `PATH`, with the package that brings them.
const PROGRAMS: [(&str, &str); 3] =
    [("strace", "strace"), ("gpg", "gnupg"), ("gpg-agent", "gpg-agent")];

/// What property tests draw their cases from. The same each time, so that CI does not fail over a
/// find that has nothing to do with the change; who looks for finds sets another number, or runs
/// `cargo test`, which draws one.
const PROPERTY_SEED: (&str, &str) = ("PROPTEST_RNG_SEED", "1");

/// Set by whoever runs `cargo xtask rig` beside: then its emulators are used.
const RIG: [&str; 3] = ["SOPS_RIG_KMS", "SOPS_RIG_STS", "SOPS_RIG_PYTHON"];

/// The same for `cargo xtask rig --cluster`.
const CLUSTER: &str = "SOPS_CLUSTER_DIR";

/// Runs the tests of the workspace, or those that `arguments` select.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let (own, rest): (Vec<&String>, Vec<&String>) = arguments
        .iter()
        .partition(|argument| ["--no-rig", "--no-fuzz"].contains(&argument.as_str()));
    let without = |flag: &str| own.iter().any(|argument| *argument == flag);
    let with_rig = !without("--no-rig");
    let with_fuzz = !without("--no-fuzz") && rest.is_empty();

    shell::step("build");
    shell::build()?;

    let mut test = shell::cargo(["test", "-j2"]);
    if rest.is_empty() {
        test.arg("--workspace");
    }
    test.args(rest);
    test.env("SOPS_RS_BIN", paths::target().join("debug/sops-rs"));
    let operator = paths::target().join("debug/sops-operator");
    if operator.is_file() && env::var_os("SOPS_OPERATOR_BIN").is_none() {
        test.env("SOPS_OPERATOR_BIN", operator);
    }
    if env::var_os(PROPERTY_SEED.0).is_none() {
        test.env(PROPERTY_SEED.0, PROPERTY_SEED.1);
    }

    let rig = if with_rig { Some(prepare(&mut test)?) } else { None };
    shell::step("test");
    let result = shell::run(&mut test);
    drop(rig);
    result?;
    if with_fuzz { fuzz::run(&[]) } else { Ok(()) }
}

/// Servers of one run, unless somebody else started them.
struct Rig {
    _emulators: Option<Emulators>,
    _vault: Option<Vault>,
    _postgres: Option<Postgres>,
    _cluster: Option<Cluster>,
}

/// Sets the variables of everything that can be had here. What cannot is reported now, and each
/// test that misses it says so again.
fn prepare(test: &mut Command) -> Result<Rig> {
    shell::at_interrupt(|| std::process::exit(130))?;
    shell::step("programs");
    for (program, package) in PROGRAMS {
        if let Err(error) = tools::system_package(program, package) {
            shell::missing::<()>(&error)?;
        }
    }
    shell::step("Go sops");
    match peer::ready() {
        Ok(path) => {
            println!("{}", path.display());
            test.env("SOPS_PEER", path);
        }
        Err(error) => drop(shell::missing::<()>(&error)?),
    }
    shell::step("plugins of age");
    match peer::plugins() {
        Ok(path) => drop(test.env("SOPS_PLUGINS", path)),
        Err(error) => drop(shell::missing::<()>(&error)?),
    }
    shell::step("programs for charts");
    let referee = ("SOPS_REFEREE", peer::referee());
    for (variable, program) in cluster::chart_tools().into_iter().chain([referee]) {
        match program {
            Ok(path) => {
                println!("{}", path.display());
                test.env(variable, path);
            }
            Err(error) => drop(shell::missing::<()>(&error)?),
        }
    }
    Ok(Rig {
        _emulators: emulators(test)?,
        _vault: vault(test)?,
        _postgres: postgres(test)?,
        _cluster: control_plane(test)?,
    })
}

fn emulators(test: &mut Command) -> Result<Option<Emulators>> {
    shell::step("emulators");
    if RIG.iter().all(|name| env::var_os(name).is_some()) {
        println!("those of {} and {}, already running", RIG[0], RIG[1]);
        return Ok(None);
    }
    match Emulators::start() {
        Ok(emulators) => {
            test.envs(emulators.variables());
            Ok(Some(emulators))
        }
        Err(error) => shell::missing(&error),
    }
}

fn vault(test: &mut Command) -> Result<Option<Vault>> {
    shell::step("OpenBao");
    match Vault::start() {
        Ok(vault) => {
            test.envs(vault.variables());
            Ok(Some(vault))
        }
        Err(error) => shell::missing(&error),
    }
}

fn postgres(test: &mut Command) -> Result<Option<Postgres>> {
    shell::step("PostgreSQL");
    match Postgres::start() {
        Ok(postgres) => {
            test.envs(postgres.variables());
            Ok(Some(postgres))
        }
        Err(error) => shell::missing(&error),
    }
}

fn control_plane(test: &mut Command) -> Result<Option<Cluster>> {
    shell::step("Kubernetes control plane");
    if env::var_os(CLUSTER).is_some() {
        println!("that of {CLUSTER}, already running");
        return Ok(None);
    }
    match Cluster::start() {
        Ok(cluster) => {
            test.envs(cluster.variables());
            Ok(Some(cluster))
        }
        Err(error) => shell::missing(&error),
    }
}

//! `cargo xtask rig`: the emulators, until Ctrl-C.

use std::sync::mpsc;

use anyhow::{Context, Result};

use crate::emulators::Emulators;
use crate::{servers, shell};

/// Starts everything, prints how to use it, and waits.
pub(crate) fn run() -> Result<()> {
    let (interrupted, wait) = mpsc::channel();
    servers::at_interrupt(move || {
        // Only a second Ctrl-C finds nobody listening.
        let _ = interrupted.send(());
    })?;
    shell::step("emulators");
    let emulators = Emulators::start()?;
    println!("\n# For clients, such as sops-rs, sops and aws:");
    for (name, value) in emulators.aws.environment() {
        println!("export {name}={value}");
    }
    println!("# For tests:");
    for (name, value) in emulators.variables() {
        println!("export {name}={value}");
    }
    println!("# The keys are listed in tests/support/rig/aws.rs. Ctrl-C stops everything.");
    wait.recv().context("nobody can interrupt")
}

//! `cargo xtask bench`: how long the released program takes and how much memory it needs, beside
//! Go sops and rops in the same run, since only ratios of one run on one machine mean something.
//!
//! Whole processes are measured, from their start to their end, because that is what a person or a
//! hook waits for. A goal that is missed is said, and is no failure: speed on a shared machine
//! proves nothing by a single run.

mod cases;
mod goals;
mod inputs;
mod measure;
mod report;

use std::path::PathBuf;

use anyhow::{Result, bail};
use sops_tests::paths;

use crate::{peer, shell, tools};

pub(crate) use measure::{AS_CHILD, run_as_child};

/// The programs that are compared.
pub(super) struct Programs {
    pub(super) ours: PathBuf,
    pub(super) go: Option<PathBuf>,
    pub(super) rops: Option<PathBuf>,
}

/// Measures everything, prints the tables, and writes them to `target/bench.json`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let quick = match arguments {
        [] => false,
        [flag] if flag == "--quick" => true,
        other => bail!("bench does not know {}", other.join(" ")),
    };
    shell::step("programs");
    shell::run(&mut shell::cargo(["build", "--release", "-p", "sops-rs", "-j2"]))?;
    let programs = Programs {
        ours: paths::target().join("release/sops-rs"),
        go: optional(peer::ready())?,
        rops: optional(tools::ROPS.ready())?,
    };
    let rows = cases::run_all(&programs, quick)?;
    report::print(&rows);
    let goals = goals::judge(&rows);
    report::print_goals(&goals);
    report::write(&rows, &goals, &paths::target().join("bench.json"))
}

fn optional(path: Result<PathBuf>) -> Result<Option<PathBuf>> {
    path.map_or_else(|error| shell::missing(&error), |path| Ok(Some(path)))
}

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
mod operator;
mod report;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
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
    let wanted = Wanted::of(arguments)?;
    if wanted.operator {
        return operator::run(wanted.quick, wanted.profile);
    }
    let quick = wanted.quick;
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

/// What was asked for.
#[derive(Debug, Default, PartialEq)]
struct Wanted {
    operator: bool,
    quick: bool,
    /// Of the build of the operator.
    profile: Option<String>,
}

impl Wanted {
    fn of(arguments: &[String]) -> Result<Self> {
        let mut wanted = Self::default();
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--operator" => wanted.operator = true,
                "--quick" => wanted.quick = true,
                "--profile" => {
                    wanted.profile = Some(words.next().context("--profile wants a name")?.clone());
                }
                other => bail!("bench does not know {other}"),
            }
        }
        if wanted.profile.is_some() && !wanted.operator {
            bail!("--profile goes with --operator");
        }
        Ok(wanted)
    }
}

fn optional(path: Result<PathBuf>) -> Result<Option<PathBuf>> {
    path.map_or_else(|error| shell::missing(&error), |path| Ok(Some(path)))
}

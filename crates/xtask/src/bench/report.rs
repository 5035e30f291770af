//! Prints the tables, and keeps them for later comparison.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use super::cases::Row;
use super::goals::Goal;
use super::measure::Cost;
use crate::shell;

/// Wall time, processor time and memory of all programs.
pub(super) fn print(rows: &[Row]) {
    shell::step("results: wall ms (CPU ms, peak MB), medians");
    println!(
        "{:26} {:>26} {:>26} {:>26} {:>8} {:>8}",
        "", "sops-rs", "Go sops", "rops", "Go/us", "rops/us"
    );
    for row in rows {
        let ratio = |peer: Option<Cost>| match (peer, row.ours) {
            (Some(peer), Some(ours)) => format!("{:.1}", peer.wall_ms / ours.wall_ms),
            _ => "-".into(),
        };
        println!(
            "{:26} {:>26} {:>26} {:>26} {:>8} {:>8}",
            row.id,
            cell(row.ours),
            cell(row.go),
            cell(row.rops),
            ratio(row.go),
            ratio(row.rops),
        );
    }
}

/// Each goal with its figure.
pub(super) fn print_goals(goals: &[Goal]) {
    shell::step("goals");
    for goal in goals {
        let mark = if goal.met { "met   " } else { "MISSED" };
        println!("{mark} {} (found {:.2})", goal.rule, goal.found);
    }
}

/// Writes everything as JSON.
pub(super) fn write(rows: &[Row], goals: &[Goal], path: &Path) -> Result<()> {
    let text = serde_json::to_string_pretty(&json!({"rows": rows, "goals": goals}))?;
    fs::write(path, text).with_context(|| format!("unable to write {}", path.display()))?;
    println!("\nwritten to {}", path.display());
    Ok(())
}

fn cell(cost: Option<Cost>) -> String {
    cost.map_or_else(
        || "-".into(),
        |cost| format!("{:.1} ({:.1}, {:.1})", cost.wall_ms, cost.cpu_ms, cost.peak_mb),
    )
}

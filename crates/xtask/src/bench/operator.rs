//! `cargo xtask bench --operator`: the operator on a real control plane, beside the published
//! measurements of the original.
//!
//! The load is made by a program of its own (`tests/bench`), which has a client of Kubernetes; this
//! builds it, hands it the programs of a control plane, and makes tables of what it found. The
//! figures of the original are measurements by others on another machine with as many cores: they
//! give the size of a number, not a ratio. What compares is the ceiling, which is taken in the
//! same run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;
use sops_tests::paths;

use super::goals::Goal;
use super::report;
use crate::{cluster, shell};

/// How much is measured: SopsSecrets, Secrets of others, single changes, runs of what takes
/// seconds.
const FULL: [usize; 4] = [10_000, 40_000, 50, 5];
const QUICK: [usize; 4] = [1_000, 4_000, 20, 3];

/// The build that is released. Another one is quicker made, to try something.
const PROFILE: &str = "operator";

/// What the program found: values by name, one for each run.
#[derive(Debug, Deserialize)]
struct Found {
    figures: BTreeMap<String, Vec<f64>>,
}

/// One line of the table.
#[derive(Debug, serde::Serialize)]
struct Row {
    what: &'static str,
    /// As published, for ten thousand objects.
    original: &'static str,
    ours: String,
}

/// Measures, prints the tables, and writes them to `target/bench-operator.json`.
pub(super) fn run(quick: bool, profile: Option<String>) -> Result<()> {
    shell::step("programs");
    let profile = profile.unwrap_or_else(|| PROFILE.to_owned());
    let folder = if profile == "dev" { "debug" } else { &profile };
    // One after the other, so that the one under test has the features it is released with.
    for package in ["sops-operator", "sops-bench"] {
        let build = ["build", "-j2", "--profile", &profile, "-p", package];
        shell::run(&mut shell::cargo(build))?;
    }
    let built = paths::target().join(folder);
    let report = paths::target().join("bench-operator.found.json");
    let size = if quick { QUICK } else { FULL };
    shell::step("measuring (the whole takes several minutes)");
    let mut command = shell::command(built.join("operator-bench"), [&report]);
    command.arg(built.join("sops-operator")).args(size.map(|number| number.to_string()));
    command.envs(cluster::variables_of_programs()?);
    shell::run(&mut command)?;
    let text = fs::read(&report).context("the measuring program left no report")?;
    let found: Found = serde_json::from_slice(&text).context("its report makes no sense")?;
    let rows = rows(&found);
    print(&rows);
    let goals = goals(&found);
    report::print_goals(&goals);
    write(&rows, &goals, &text, &paths::target().join("bench-operator.json"))
}

impl Found {
    /// The median.
    fn get(&self, name: &str) -> Option<f64> {
        self.at(name, 50)
    }

    fn at(&self, name: &str, percent: usize) -> Option<f64> {
        let mut all = self.figures.get(name)?.clone();
        all.sort_by(f64::total_cmp);
        all.get((all.len() * percent / 100).min(all.len().checked_sub(1)?)).copied()
    }

    fn most(&self, names: &[&str]) -> Option<f64> {
        names.iter().filter_map(|name| self.at(name, 100)).max_by(f64::total_cmp)
    }

    /// What the API server could do, before the operator's work and after it.
    fn ceiling(&self) -> Option<f64> {
        let (before, after) =
            (self.get("ceiling_before_per_second")?, self.get("ceiling_after_per_second")?);
        Some(before.midpoint(after))
    }

    /// How many MB more than `before`.
    fn growth(&self, before: &str, after: &str) -> Option<f64> {
        Some(self.get(after)? - self.get(before)?)
    }

    /// `2.1 s (0.9 s of a core)`: each name with the text around it.
    fn text(&self, parts: &[(&str, &str)]) -> String {
        let shown = parts.iter().map(|(name, unit)| match self.get(name) {
            Some(value) if value.abs() >= 100.0 => format!("{value:.0}{unit}"),
            Some(value) => format!("{:.prec$}{unit}", value, prec = digits(value)),
            None => format!("-{unit}"),
        });
        shown.collect()
    }
}

fn digits(value: f64) -> usize {
    if value.fract() == 0.0 { 0 } else { 2 }
}

fn rows(found: &Found) -> Vec<Row> {
    let row = |what, original, ours: String| Row { what, original, ours };
    vec![
        row(
            "restart, all in sync",
            "120 s, 20,000 writes",
            found.text(&[
                ("restart_idle_s", " s ("),
                ("restart_cpu_s", " s of a core), "),
                ("restart_writes", " writes, "),
                ("restart_kms_calls", " KMS calls"),
            ]),
        ),
        row(
            "first convergence",
            "16 a second, 7 writes each",
            found.text(&[
                ("converge_per_second", " a second, "),
                ("converge_writes_per_object", " writes each, "),
                ("converge_cpu_us_per_object", " µs of a core each, "),
                ("converge_kms_calls", " KMS calls"),
            ]),
        ),
        row(
            "the ceiling of it, before and after",
            "-",
            found.text(&[
                ("ceiling_before_per_second", ", "),
                ("ceiling_after_per_second", " a second"),
            ]),
        ),
        row(
            "processor time of all, operator / ceiling",
            "-",
            found.text(&[
                ("converge_all_cpu_us_each", " / "),
                ("ceiling_all_cpu_us_each", " µs each"),
            ]),
        ),
        row(
            "one change, idle, data key new / known",
            "17-23 ms (age)",
            found.text(&[("change_new_key_ms", " / "), ("change_known_key_ms", " ms")]),
        ),
        row(
            "one change right after 600 others",
            "4400 ms",
            found.text(&[("after_others_ms", " ms")]),
        ),
        row(
            "memory after convergence / restart (MB)",
            "235",
            found.text(&[
                ("converge_resident_mb", " / "),
                ("restart_resident_mb", ", peaks "),
                ("converge_peak_mb", " / "),
                ("restart_peak_mb", ""),
            ]),
        ),
        row(
            "memory beside foreign Secrets (MB)",
            "290 at 1,000 objects",
            found.text(&[
                ("foreign_before_resident_mb", " before, "),
                ("foreign_while_resident_mb", " after they came, "),
                ("foreign_resident_mb", " after a restart"),
            ]),
        ),
        row("restart beside foreign Secrets", "-", found.text(&[("foreign_idle_s", " s")])),
        row(
            "first reaction after an outage of 5 s",
            "18 s",
            found.text(&[("outage_reaction_s", " s")]),
        ),
        row(
            "1,000 Secrets overwritten, repaired",
            "-",
            found.text(&[
                ("drift_p50_ms", " ms (p50), "),
                ("drift_p99_ms", " ms (p99), "),
                ("drift_all_s", " s for all, "),
                ("drift_kms_calls", " KMS calls"),
            ]),
        ),
        row(
            "half a minute without a change",
            "no write",
            found.text(&[
                ("idle_calls_besides_lease", " calls besides the lease, "),
                ("idle_percent_of_a_core", " % of a core"),
            ]),
        ),
    ]
}

fn goals(found: &Found) -> Vec<Goal> {
    let mut goals = Vec::new();
    let mut at_most = |rule: &str, value: Option<f64>, most: f64| {
        let goal = |found| Goal { rule: rule.to_owned(), found, met: found <= most };
        goals.extend(value.map(goal));
    };
    at_most("restart: at most 3 s", found.get("restart_idle_s"), 3.0);
    at_most("restart: no KMS call", found.most(&["restart_kms_calls"]), 0.0);
    at_most("restart: no write besides the lease", found.most(&["restart_writes"]), 0.0);
    let share = found.get("converge_per_second").zip(found.ceiling());
    let share = share.map(|(rate, ceiling)| rate / ceiling * 100.0);
    at_most(
        "first convergence: at least 70 % of the ceiling (% below it)",
        share.map(|share| 100.0 - share),
        30.0,
    );
    at_most(
        "first convergence: at most 2 writes each",
        found.get("converge_writes_per_object"),
        2.0,
    );
    at_most("first convergence: a KMS call per wrapped key", found.get("converge_kms_calls"), 20.0);
    at_most("one change, idle: at most 20 ms of KMS + 25 ms", found.get("change_new_key_ms"), 45.0);
    at_most("one change after 600 others: at most 2200 ms", found.get("after_others_ms"), 2200.0);
    let memory = ["converge_resident_mb", "restart_resident_mb", "idle_resident_mb"];
    at_most("memory: at most 40 MB", found.most(&memory), 40.0);
    at_most(
        "memory: foreign Secrets that come add at most 2 MB",
        found.growth("foreign_before_resident_mb", "foreign_while_resident_mb"),
        2.0,
    );
    at_most(
        "memory: foreign Secrets that are there add at most 2 MB",
        found.growth("restart_resident_mb", "foreign_resident_mb"),
        2.0,
    );
    at_most("outage: first reaction within 2 s", found.get("outage_reaction_s"), 2.0);
    at_most("drift: no KMS call", found.get("drift_kms_calls"), 0.0);
    at_most("idle: no call besides the lease", found.get("idle_calls_besides_lease"), 0.0);
    at_most("idle: at most 0.2 % of a core", found.get("idle_percent_of_a_core"), 0.2);
    goals
}

fn print(rows: &[Row]) {
    shell::step("results: medians; the original's are published, of another machine");
    println!("{:41} {:27} ours", "", "the original, published");
    for Row { what, original, ours } in rows {
        println!("{what:41} {original:27} {ours}");
    }
}

fn write(rows: &[Row], goals: &[Goal], found: &[u8], path: &Path) -> Result<()> {
    let found: serde_json::Value = serde_json::from_slice(found)?;
    let all = json!({"rows": rows, "goals": goals, "found": found});
    fs::write(path, serde_json::to_string_pretty(&all)?)
        .with_context(|| format!("unable to write {}", path.display()))?;
    println!("\nwritten to {}", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, values: &[f64]) -> Found {
        Found { figures: BTreeMap::from([(name.to_owned(), values.to_vec())]) }
    }

    #[test]
    fn the_median_and_the_worst_are_taken() {
        let found = found("a", &[9.0, 1.0, 5.0]);
        assert_eq!((found.get("a"), found.most(&["a", "b"])), (Some(5.0), Some(9.0)));
        assert_eq!((found.get("b"), found.text(&[("b", " s")])), (None, "- s".to_owned()));
    }

    #[test]
    fn what_was_not_measured_is_no_goal_and_what_is_missed_says_so() {
        let goals = goals(&found("restart_idle_s", &[4.0, 2.0, 5.0]));
        assert_eq!(goals.len(), 1);
        assert!(!goals[0].met && goals[0].found == 4.0);
    }
}

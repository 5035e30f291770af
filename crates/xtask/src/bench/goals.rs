//! What the measurements have to show.

use super::cases::Row;
use super::measure::Cost;

/// One goal, and what was found.
#[derive(Debug, serde::Serialize)]
pub(super) struct Goal {
    /// The rule, as a person says it.
    pub(super) rule: String,
    /// The figure it is about.
    pub(super) found: f64,
    /// Whether it holds.
    pub(super) met: bool,
}

/// All goals for which both sides were measured.
pub(super) fn judge(rows: &[Row]) -> Vec<Goal> {
    let row = |id: &str| rows.iter().find(|row| row.id == id);
    let mut goals = Vec::new();
    for (id, go, rops) in [
        ("start", 6.0, 1.0),
        ("decrypt 10", 6.0, 1.0),
        ("encrypt grouped 100k", 20.0, 2.0),
        ("decrypt grouped 100k", 20.0, 2.0),
    ] {
        let Some(row) = row(id) else { continue };
        goals.extend(at_least(id, "Go", go, row.ours.as_ref(), row.go.as_ref()));
        goals.extend(at_least(id, "rops", rops, row.ours.as_ref(), row.rops.as_ref()));
        if let (true, Some(ours), Some(go)) = (id.contains("100k"), &row.ours, &row.go) {
            let found = go.peak_mb / ours.peak_mb;
            goals.push(goal(
                format!("{id}: memory at most a quarter of Go's"),
                found,
                found >= 4.0,
            ));
        }
    }
    if let Some(ours) = row("start").and_then(|row| row.ours) {
        let rule = "start: at most 8 MB".to_owned();
        goals.push(goal(rule, ours.peak_mb, ours.peak_mb <= 8.0));
        let rule = "start: at most 2 ms".to_owned();
        goals.push(goal(rule, ours.wall_ms, ours.wall_ms <= 2.0));
    }
    let wall = |id: &str| row(id).and_then(|row| row.ours).map(|cost| cost.wall_ms);
    if let (Some(with), Some(alone)) = (wall("exec-env 10"), wall("the command alone")) {
        let found = with - alone;
        goals.push(goal("exec-env: at most 3 ms over its command".into(), found, found <= 3.0));
    }
    // "What a grouped one costs" with room for noise and for what each line has more.
    for (command, from, to, most) in [
        ("encrypt", "grouped 100k", "flat 100k", 1.25),
        ("decrypt", "grouped 100k", "flat 100k", 1.25),
    ] {
        goals.extend(at_most(row, &format!("{command} {from}"), &format!("{command} {to}"), most));
    }
    for format in ["yaml", "json", "dotenv", "ini"] {
        for command in ["encrypt", "decrypt"] {
            let size = |values: &str| format!("{command} {format} {values}");
            goals.extend(at_most(row, &size("10k"), &size("100k"), 11.0));
        }
    }
    let memory = |id: &str| row(id).and_then(|row| row.ours).map(|cost| cost.peak_mb);
    if let (Some(few), Some(many)) = (memory("updatekeys 10 files"), memory("updatekeys 300 files"))
    {
        let found = many - few;
        goals.push(goal(
            "updatekeys: 300 files need what 10 need (MB more)".into(),
            found,
            found <= 2.0,
        ));
    }
    goals
}

fn at_least(
    id: &str,
    peer: &str,
    factor: f64,
    ours: Option<&Cost>,
    theirs: Option<&Cost>,
) -> Option<Goal> {
    let found = theirs?.wall_ms / ours?.wall_ms;
    Some(goal(format!("{id}: at least {factor} times as fast as {peer}"), found, found >= factor))
}

fn at_most<'a>(
    row: impl Fn(&str) -> Option<&'a Row>,
    small: &str,
    large: &str,
    factor: f64,
) -> Option<Goal> {
    let found = row(large)?.ours?.wall_ms / row(small)?.ours?.wall_ms;
    Some(goal(format!("{large}: at most {factor} times {small}"), found, found <= factor))
}

fn goal(rule: String, found: f64, met: bool) -> Goal {
    Goal { rule, found, met }
}

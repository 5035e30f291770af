//! Ends a command at each system call by which it changes something, one run a call, or makes that
//! call fail as a full disk does.
//!
//! The faults are injected by `strace` into the program as it was built; nothing in it knows. A
//! killed process does not run the call it was killed at, so the states seen are those before the
//! first change, between any two, and after the last.
//!
//! ```no_run
//! use sops_tests::crash::{Fault, Plan, every_point};
//! use sops_tests::run::Run;
//! # fn main() {
//! every_point(
//!     &Plan::new(Fault::Kill).most(60),
//!     |scratch| {
//!         let file = scratch.write("secret.yaml", "a: old\n");
//!         Run::sops_rs(["set", "--in-place"]).arg(file)
//!     },
//!     |point, scratch, outcome| {
//!         let text = scratch.text("secret.yaml");
//!         assert!(text == "a: old\n" || text == "a: new\n", "{point}: {outcome}");
//!     },
//! );
//! # }
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::need;
use crate::run::{Outcome, Run};
use crate::scratch::Scratch;

/// The calls by which a process changes files, as `strace` names them; a name that this kernel
/// does not have is left out by it (`?`).
pub const WRITES: &[&str] = &[
    "?open",
    "openat",
    "?creat",
    "write",
    "writev",
    "pwrite64",
    "?pwritev",
    "?copy_file_range",
    "?sendfile",
    "?rename",
    "?renameat",
    "renameat2",
    "?link",
    "linkat",
    "?symlink",
    "symlinkat",
    "?unlink",
    "unlinkat",
    "?mkdir",
    "mkdirat",
    "?rmdir",
    "fsync",
    "fdatasync",
    "truncate",
    "ftruncate",
    "fallocate",
    "?chmod",
    "fchmod",
    "fchmodat",
    "?chown",
    "fchown",
    "fchownat",
    "?setxattr",
    "fsetxattr",
    "?fremovexattr",
    "utimensat",
];

/// How a call asks for a file without a name.
const ANONYMOUS: &str = "O_TMPFILE";

/// What happens at the chosen call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process ends at once (SIGKILL).
    Kill,
    /// The call fails once, with an error such as `EIO`.
    FailsOnce(&'static str),
    /// The call and all later ones of its name fail, as with `ENOSPC` on a full disk.
    FailsFromThen(&'static str),
}

/// Which runs are made.
#[derive(Clone, Debug)]
pub struct Plan {
    fault: Fault,
    calls: Vec<String>,
    most: usize,
    anonymous: bool,
}

impl Plan {
    /// The fault at each call of [`WRITES`], in at most 80 runs.
    pub fn new(fault: Fault) -> Self {
        let calls = WRITES.iter().map(|call| (*call).to_owned()).collect();
        Self { fault, calls, most: 80, anonymous: true }
    }

    /// Only at these calls.
    pub fn calls(self, calls: &[&str]) -> Self {
        Self { calls: calls.iter().map(|call| (*call).to_owned()).collect(), ..self }
    }

    /// As on a file system that has no files without a name (`O_TMPFILE`): asking for one fails in
    /// every run. The fault itself then meets all calls but those that open.
    pub fn without_anonymous_files(self) -> Self {
        let calls = self.calls.into_iter().filter(|call| !call.contains("open")).collect();
        Self { calls, anonymous: false, ..self }
    }

    /// At most so many runs. Of more points, those that open and write are thinned out evenly:
    /// they are many and alike, while each rename and each sync stands for a step of its own.
    pub fn most(self, most: usize) -> Self {
        Self { most, ..self }
    }
}

/// One call of a command: the `number`th with this name in one of its processes or threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// The name of the call.
    pub call: String,
    /// Which one of that name, counted from 1 in each thread.
    pub number: usize,
    /// The call as it was seen in the run that counted.
    pub seen: String,
    fault: Fault,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {} {}: {}", self.fault, self.call, self.number, self.seen)
    }
}

/// Runs the command once to its end to learn its calls, then once for each of them with the fault.
///
/// `prepare` fills a new folder and says what to run in it; `check` looks at what is left, and
/// panics when it is wrong. Returns how many points were tried: 0 only where `strace` is missing
/// and that is no failure. A command that changes nothing fails the test.
#[track_caller]
pub fn every_point(
    plan: &Plan,
    prepare: impl Fn(&Scratch) -> Run,
    check: impl Fn(&Point, &Scratch, &Outcome),
) -> usize {
    let Some(strace) = need::program("strace") else { return 0 };
    let refused = refusal(plan, &strace, &prepare);
    let points = chosen(points(plan, &strace, &prepare, &refused), plan.most);
    assert!(!points.is_empty(), "the command makes none of the calls {:?}", plan.calls);
    for point in &points {
        let (scratch, logs) = (Scratch::new(), Scratch::new());
        let inject = match plan.fault {
            Fault::Kill => format!("signal=SIGKILL:when={}", point.number),
            Fault::FailsOnce(error) => format!("error={error}:when={}", point.number),
            Fault::FailsFromThen(error) => format!("error={error}:when={}+", point.number),
        };
        let inject = format!("inject={}:{inject}", point.call);
        let mut options = vec![format!("trace={},?open,openat", point.call), inject];
        options.extend(refused.clone());
        let run = traced(&strace, prepare(&scratch), &logs.at("log"), &options);
        let outcome = run.run();
        demand_refusal(&refused, &logs.text("log"));
        check(point, &scratch, &outcome);
    }
    points.len()
}

/// The option that makes the file system refuse files without a name, if the plan says so.
fn refusal(plan: &Plan, strace: &Path, prepare: &impl Fn(&Scratch) -> Run) -> Option<String> {
    if plan.anonymous {
        return None;
    }
    let (scratch, logs) = (Scratch::new(), Scratch::new());
    let options = ["trace=?open,openat".to_owned()];
    traced(strace, prepare(&scratch), &logs.at("log"), &options).run().success();
    let log = logs.text("log");
    let asked = calls(&log).find(|call| call.seen.contains(ANONYMOUS));
    let asked = asked.expect("the command asks for a file without a name");
    Some(format!("inject={}:error=EOPNOTSUPP:when={}", asked.call, asked.number))
}

/// Fails the test if a file without a name was given, or refused was another one.
fn demand_refusal(refused: &Option<String>, log: &str) {
    let asked = log.lines().filter(|line| line.contains(ANONYMOUS));
    let (granted, other) = (
        asked.clone().any(|line| !line.contains("EOPNOTSUPP")),
        log.lines().any(|line| line.contains("EOPNOTSUPP") && !line.contains(ANONYMOUS)),
    );
    assert!(refused.is_none() || !granted && !other, "it was not that call which failed:\n{log}");
}

/// The calls of an undisturbed run that change something, in their order.
fn points(
    plan: &Plan,
    strace: &Path,
    prepare: &impl Fn(&Scratch) -> Run,
    refused: &Option<String>,
) -> Vec<Point> {
    let (scratch, logs) = (Scratch::new(), Scratch::new());
    let mut options = vec![format!("trace={},?open,openat", plan.calls.join(","))];
    options.extend(refused.clone());
    traced(strace, prepare(&scratch), &logs.at("log"), &options).run().success();
    let log = logs.text("log");
    demand_refusal(refused, &log);
    let wanted = |call: &str| plan.calls.iter().any(|each| each.trim_start_matches('?') == call);
    parse(&log, plan.fault).into_iter().filter(|point| wanted(&point.call)).collect()
}

fn traced(strace: &Path, run: Run, log: &Path, options: &[String]) -> Run {
    let mut arguments = vec!["-f".into(), "-qq".into(), "-o".into(), log.as_os_str().to_owned()];
    for option in options {
        arguments.extend(["-e".into(), option.into()]);
    }
    arguments.push("--".into());
    run.behind(strace, arguments)
}

/// The calls of a log that change something. Two threads may reach the same number of the same
/// call; that is one point, since the fault counts in each thread by itself.
fn parse(log: &str, fault: Fault) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    for Seen { call, number, seen } in calls(log) {
        let known = points.iter().any(|point| point.call == call && point.number == number);
        if !known && (!call.starts_with("open") || opens_to_write(seen)) {
            points.push(Point { call: call.into(), number, seen: seen.into(), fault });
        }
    }
    points
}

/// A line of a log.
struct Seen<'a> {
    call: &'a str,
    /// Which one of this name, from 1, in its thread.
    number: usize,
    seen: &'a str,
}

/// Reads `PID  call(arguments) = result` lines.
fn calls(log: &str) -> impl Iterator<Item = Seen<'_>> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    log.lines().filter_map(move |line| {
        let (thread, rest) = line.split_once(' ')?;
        let seen = rest.trim_start();
        let (call, _) = seen.split_once('(')?;
        // Signals, exits, and the second half of a call that was interrupted in the log.
        if !call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return None;
        }
        let count = counts.entry((thread, call)).or_default();
        *count += 1;
        Some(Seen { call, number: *count, seen })
    })
}

fn opens_to_write(arguments: &str) -> bool {
    ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| arguments.contains(flag))
}

/// At most `most` of the points, in their order.
fn chosen(points: Vec<Point>, most: usize) -> Vec<Point> {
    let is_common = |point: &Point| point.call.starts_with("open") || point.call.contains("write");
    let common = points.iter().filter(|point| is_common(point)).count();
    let rare = points.len() - common;
    if points.len() <= most || rare >= most {
        return evenly(points, most);
    }
    let (common, rare): (Vec<_>, Vec<_>) =
        points.into_iter().enumerate().partition(|(_, point)| is_common(point));
    let mut kept = evenly(common, most - rare.len());
    kept.extend(rare);
    kept.sort_by_key(|(position, _)| *position);
    kept.into_iter().map(|(_, point)| point).collect()
}

/// At most `most` items, with the first and the last among them.
fn evenly<T>(items: Vec<T>, most: usize) -> Vec<T> {
    let count = items.len();
    if count <= most {
        return items;
    }
    let last = most.saturating_sub(1).max(1);
    let wanted: Vec<usize> = (0..most).map(|step| step * (count - 1) / last).collect();
    let items = items.into_iter().enumerate();
    items.filter(|(position, _)| wanted.contains(position)).map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;

    /// The states of `file` that a script leaves behind.
    fn states(fault: Fault, script: &str) -> Option<BTreeSet<String>> {
        let seen = RefCell::new(BTreeSet::new());
        let tried = every_point(
            &Plan::new(fault),
            |scratch| {
                scratch.write("file", "old\n");
                Run::program("/bin/sh", ["-c", script]).within(scratch.path())
            },
            |_, scratch, _| {
                seen.borrow_mut().insert(scratch.text("file"));
            },
        );
        (tried > 0).then(|| seen.into_inner())
    }

    fn set(states: &[&str]) -> BTreeSet<String> {
        states.iter().map(|state| (*state).to_owned()).collect()
    }

    #[test]
    fn a_write_in_place_is_caught_and_a_rename_is_not() {
        let Some(seen) = states(Fault::Kill, "echo new > file") else { return };
        assert_eq!(seen, set(&["", "old\n"]));
        let seen = states(Fault::Kill, "echo new > beside && mv beside file && echo done >&2");
        assert_eq!(seen, Some(set(&["new\n", "old\n"])));
    }

    #[test]
    fn a_full_disk_is_seen_by_the_program() {
        let plan = Plan::new(Fault::FailsFromThen("ENOSPC")).calls(&["write"]);
        let prepare = |_: &Scratch| Run::program("/bin/sh", ["-c", "echo text"]);
        every_point(&plan, prepare, |point, _, outcome| {
            assert!(!outcome.status.success() && outcome.stdout.is_empty(), "{point}: {outcome}");
        });
    }

    #[test]
    fn calls_are_counted_in_each_thread_and_reading_is_no_point() {
        let log = "7  openat(AT_FDCWD, \"/etc/x\", O_RDONLY|O_CLOEXEC) = 3\n\
                   7  openat(AT_FDCWD, \"b\", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3\n\
                   7  write(3, \"a\", 1 <unfinished ...>\n\
                   8  write(3, \"b\", 1) = 1\n\
                   7  <... write resumed>) = 1\n\
                   8  write(3, \"c\", 1) = 1\n\
                   7  --- SIGCHLD {si_signo=SIGCHLD} ---\n";
        let points: Vec<_> =
            parse(log, Fault::Kill).into_iter().map(|point| (point.call, point.number)).collect();
        let expected = [("openat", 2), ("write", 1), ("write", 2)];
        assert_eq!(points, expected.map(|(call, number)| (call.to_owned(), number)));
    }

    #[test]
    fn thinning_keeps_the_rare_calls_and_both_ends() {
        let point = |call: &str, number| Point {
            call: call.into(),
            number,
            seen: String::new(),
            fault: Fault::Kill,
        };
        let mut all: Vec<Point> = (1..=100).map(|number| point("write", number)).collect();
        all.insert(50, point("renameat2", 1));
        let kept = chosen(all, 11);
        assert_eq!(kept.len(), 11);
        assert!(kept.iter().any(|point| point.call == "renameat2"));
        assert_eq!((kept[0].number, kept[10].number), (1, 100));
    }
}

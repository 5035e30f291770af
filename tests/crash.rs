//! A file that is replaced is old or new, never in between: the program is killed at each call by
//! which it changes something, and each of those calls fails as on a full or broken disk.
//!
//! After each of these runs:
//!
//! - the file is byte for byte what it was, or it opens and holds exactly what the command makes;
//! - mode and attributes of the file are those of before, but for a file that got plaintext, which
//!   is for its owner only;
//! - no value is in clear in any file below the folders of the run: beside the target, among the
//!   temporary files. Two exceptions: a kill in `edit` that also meets the guard leaves the text in
//!   memory (and only there, for its owner only), and a kill of `decrypt --in-place` between naming
//!   and renaming the new file leaves that file, for its owner only;
//! - the next command on the file succeeds and leaves nothing behind, also not what the killed one
//!   left, neither in the folder nor in memory;
//! - a call that failed ends the command with a status other than 0 and its cause in words, and
//!   leaves nothing at all beside the file.
//!
//! The ways out of the editor and several writers at once are in files of their own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says how many points it tried"
)]
#![cfg(target_os = "linux")]

#[path = "crash/case.rs"]
mod case;
#[path = "crash/editing.rs"]
mod editing;
#[path = "crash/hostile.rs"]
mod hostile;
#[path = "crash/leftovers.rs"]
mod leftovers;
#[path = "crash/memory.rs"]
mod memory;
#[path = "crash/outputs.rs"]
mod outputs;
#[path = "crash/writers.rs"]
mod writers;

use std::cell::Cell;

use case::{Case, KEPT, NEW, OLD, canaries};
use memory::Memory;
use sops_tests::crash::{Fault, Plan, Point, every_point};
use sops_tests::run::Outcome;
use sops_tests::scratch::Scratch;

/// SIGKILL, as `strace` injects it.
const KILLED: i32 = 9;
/// The name of a file that has one for a moment only.
const STRAY: &str = ".sops-rs-";

/// What was seen at the points of one command.
#[derive(Debug, Default)]
struct Seen {
    old: Cell<usize>,
    new: Cell<usize>,
}

impl Seen {
    fn note(&self, is_new: bool) {
        let count = if is_new { &self.new } else { &self.old };
        count.set(count.get() + 1);
    }

    /// Both states must have been seen, or the points were not those that change the file.
    #[track_caller]
    fn tell(&self, case: &Case, fault: Fault, points: usize) {
        let (old, new) = (self.old.get(), self.new.get());
        println!("{case}: {fault:?} at {points} points, old {old} times, new {new} times");
        assert!(points == 0 || old > 0 && new > 0, "{case}: {fault:?}: {self:?}");
    }
}

/// Kills the command at each of its points.
fn kill(case: &Case) {
    kill_as(case, &Plan::new(Fault::Kill));
}

fn kill_as(case: &Case, plan: &Plan) {
    let Some(memory) = Memory::new() else { return };
    let seen = Seen::default();
    let points = every_point(
        plan,
        |scratch| case.prepare(scratch).env("XDG_RUNTIME_DIR", memory.path()),
        |point, scratch, outcome| {
            let at = format!("{case}: {point}");
            // Before anything else runs in this folder, which removes them.
            let strays = case.strays(scratch);
            assert!(strays.len() <= 1, "{at}: {strays:?}");
            for name in &strays {
                assert!(name.starts_with(STRAY), "{at}: {name}");
                let mode = case.mode(scratch, name);
                assert!(!case.is("decrypt") || mode & 0o077 == 0, "{at}: {name}: {mode:o}");
            }
            let is_new = case.is_new(scratch, &at);
            seen.note(is_new);
            // A child may have been killed instead; then the command says that it failed.
            assert!(is_new || !outcome.status.success(), "{at}: {outcome}");
            if strays.is_empty() || !case.is("decrypt") {
                case.no_plaintext(scratch, is_new);
            }
            let was_killed = outcome.signal() == Some(KILLED);
            assert!(was_killed || memory.is_empty(), "{at}: {:?}: {outcome}", memory.left());
            memory.demand_private(&at);
            goes_on(case, scratch, is_new, &memory, &at);
        },
    );
    seen.tell(case, Fault::Kill, points);
}

/// The next command succeeds, and only the file itself is there afterwards.
#[track_caller]
fn goes_on(case: &Case, scratch: &Scratch, is_new: bool, memory: &Memory, at: &str) {
    let later = case.later(scratch, is_new, memory.path());
    assert!(later.status.success(), "{at}: the next command: {later}");
    assert_eq!(case.strays(scratch), [""; 0], "{at}: after the next command");
    assert!(memory.is_empty(), "{at}: after the next command: {:?}", memory.left());
    case.no_plaintext(scratch, true);
}

/// Lets each of its calls fail once, and from then on.
fn fail(case: &Case, error: &'static str) {
    for fault in [Fault::FailsOnce(error), Fault::FailsFromThen(error)] {
        fail_as(case, fault);
    }
}

fn fail_as(case: &Case, fault: Fault) {
    // When every later open fails, those that only list a folder fail too, which no full disk
    // does; a folder that cannot be listed cannot be emptied.
    let opens = !(case.is("edit") && matches!(fault, Fault::FailsFromThen(_)));
    let calls: Vec<_> = DISK.iter().copied().filter(|call| opens || *call != "openat").collect();
    fail_at(case, &Plan::new(fault).calls(&calls), fault);
}

fn fail_at(case: &Case, plan: &Plan, fault: Fault) {
    let Some(memory) = Memory::new() else { return };
    let seen = Seen::default();
    let points = every_point(
        plan,
        |scratch| case.prepare(scratch).env("XDG_RUNTIME_DIR", memory.path()),
        |point, scratch, outcome| {
            let at = format!("{case}: {point}");
            let is_new = case.is_new(scratch, &at);
            seen.note(is_new);
            assert_eq!(outcome.signal(), None, "{at}: {outcome}");
            assert!(is_new || !outcome.status.success(), "{at}: {outcome}");
            says_why(point, fault, outcome, is_new, &at);
            for name in case.strays(scratch) {
                // The work of a person is kept, encrypted, when it cannot go where it should.
                assert!(case.is("edit") && name.contains(".edited."), "{at}: {name}: {outcome}");
                case.opens_as_new(scratch, &name);
            }
            case.no_plaintext(scratch, is_new);
            assert!(memory.is_empty(), "{at}: {:?}: {outcome}", memory.left());
            for canary in canaries() {
                canary.assert_not_printed(outcome);
            }
        },
    );
    seen.tell(case, fault, points);
}

/// A call on the file that failed is named by its cause, unless standard error failed as well.
#[track_caller]
fn says_why(point: &Point, fault: Fault, outcome: &Outcome, is_new: bool, at: &str) {
    let cause = match fault {
        Fault::FailsOnce("ENOSPC") => "no space left on device",
        Fault::FailsOnce("EDQUOT") => "quota exceeded",
        Fault::FailsOnce("EINTR") => "interrupted",
        Fault::FailsOnce(_) => "input/output error",
        Fault::Kill | Fault::FailsFromThen(_) => return,
    };
    let to_a_person = point.seen.starts_with("write(1,") || point.seen.starts_with("write(2,");
    if to_a_person || outcome.status.success() {
        return;
    }
    let text = outcome.err();
    assert!(text.to_lowercase().contains(cause), "{at}: {outcome}");
    // A folder that cannot be synced is found out when the file is in place already.
    let in_place = text.contains("was written, but");
    assert_eq!(is_new, in_place, "{at}: {outcome}");
}

/// The calls that fail on a disk that is full or broken.
const DISK: &[&str] = &[
    "openat",
    "write",
    "writev",
    "pwrite64",
    "?rename",
    "?renameat",
    "renameat2",
    "?link",
    "linkat",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "?mkdir",
    "mkdirat",
    "?chmod",
    "fchmod",
    "fchmodat",
    "fsetxattr",
];

fn yaml(value: &str) -> String {
    format!("# who may enter\nuser: {value}\nlist:\n  - {KEPT}\n  - 3\n")
}

/// `set` of a value at the path.
fn sets(file: &'static str, path: &'static str, template: &str) -> Case {
    // The value is an argument; it is in the list of processes, and in no file.
    const QUOTED: &str = concat!('"', "canary-new-c86d20ef", '"');
    Case::amends(file, &["set", path, QUOTED], template)
}

fn edits(file: &'static str, template: &str) -> Case {
    Case::amends(file, &["edit"], template)
}

macro_rules! tests {
    ($($name:ident: $case:expr;)+) => {
        mod kill {
            use super::*;
            $(#[test] fn $name() { super::kill(&$case); })+
        }
        mod full_disk {
            use super::*;
            $(#[test] fn $name() { super::fail(&$case, "ENOSPC"); })+
        }
        mod broken_disk {
            use super::*;
            $(#[test] fn $name() { super::fail(&$case, "EIO"); })+
        }
    };
}

/// Where there are no files without a name, the new file has one while it is written.
mod without_anonymous_files {
    use super::*;

    fn plan(fault: Fault) -> Plan {
        Plan::new(fault).without_anonymous_files()
    }

    #[test]
    fn encrypt() {
        kill_as(&super::encrypts(), &plan(Fault::Kill));
    }

    #[test]
    fn decrypt() {
        kill_as(&super::decrypts(), &plan(Fault::Kill));
    }

    #[test]
    fn set() {
        kill_as(&super::sets_user(), &plan(Fault::Kill));
        let calls: Vec<_> = DISK.iter().copied().filter(|call| *call != "openat").collect();
        for fault in [Fault::FailsOnce("EIO"), Fault::FailsFromThen("ENOSPC")] {
            fail_at(&super::sets_user(), &plan(fault).calls(&calls), fault);
        }
    }
}

/// Errors that come and go, and those of a disk that is full for one person only.
#[test]
fn quotas_and_interruptions() {
    for error in ["EDQUOT", "EINTR"] {
        fail_as(&sets_user(), Fault::FailsOnce(error));
        fail_as(&edits("a.yaml", &yaml("{value}")), Fault::FailsOnce(error));
    }
}

fn encrypts() -> Case {
    Case::keeps("a.yaml", &["encrypt", "--in-place"], &yaml(OLD), (false, true))
}

fn decrypts() -> Case {
    Case::keeps("a.yaml", &["decrypt", "--in-place"], &yaml(OLD), (true, false))
}

fn sets_user() -> Case {
    sets("a.yaml", "[\"user\"]", &yaml("{value}"))
}

tests! {
    encrypt: encrypts();
    decrypt: decrypts();
    set: sets_user();
    set_from_input: {
        let command = ["set", "--value-stdin", "[\"user\"]"];
        Case::amends("a.yaml", &command, &yaml("{value}")).reading(&format!("\"{NEW}\""))
    };
    unset: {
        let without = yaml(OLD).replace(&format!("user: {OLD}\n"), "");
        Case::changes("a.yaml", &["unset", "[\"user\"]"], [&yaml(OLD), &without])
    };
    rotate: {
        const ADDED: &str =
            "--add-age=age1ypucxcsrnn30lwu25k2gv55d8nzjr0px7try0pys56mpkff744msg7zvcl";
        assert!(ADDED.ends_with(case::SECOND));
        Case::keeps("a.yaml", &["rotate", "--in-place", ADDED], &yaml(OLD), (true, true))
    };
    groups: {
        // The same key once more, so that both groups can be opened.
        const OWN: &str =
            "--age=age1z3rnsunsh9cmsw2flfzqv0wxnexelrfyg3rke3c98fnpxf7lfvsquqgl9x";
        let command = ["groups", "add", "--in-place", OWN, "--file"];
        Case::keeps("a.yaml", &command, &yaml(OLD), (true, true))
    };
    updatekeys: Case::keeps("a.yaml", &["updatekeys", "--yes"], &yaml(OLD), (true, true));
    edit: edits("a.yaml", &yaml("{value}"));
    json: {
        let text = format!("{{\n  \"a\": \"{{value}}\",\n  \"b\": \"{KEPT}\"\n}}\n");
        sets("a.json", "[\"a\"]", &text)
    };
    dotenv: sets("a.env", "[\"A\"]", &format!("A={{value}}\nB={KEPT}\n"));
    ini: edits("a.ini", &format!("[a]\nb = {{value}}\nc = {KEPT}\n"));
    binary: {
        let text = format!("\u{1}{OLD}\n{KEPT}");
        Case::keeps("a.bin", &["encrypt", "--in-place"], &text, (false, true))
    };
}

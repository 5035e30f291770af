//! In place means old or new: every command that replaces a file is killed at each of its writes,
//! and has each of them fail as on a full or broken disk. Afterwards the file opens, to its old or
//! its new content, and no plaintext lies anywhere that was not there before.

use std::path::{Path, PathBuf};

use sops_tests::{
    canary::Canary,
    crash::{Fault, Plan, Point, every_point},
    paths,
    run::{Outcome, Run},
    scratch::{Scratch, files_below},
};

const R1: &str = "age1ypucxcsrnn30lwu25k2gv55d8nzjr0px7try0pys56mpkff744msg7zvcl";
const R2: &str = "age1qtcp7x5u5npvg68v4gy58f5x2kke0syt9vkjn4e2jmwcwrcas9cq6supw5";
const OLD: &str = "canary-of-the-old-value";
const NEW: &str = "canary-of-the-new-value";
const FAULTS: [Fault; 3] = [Fault::Kill, Fault::FailsOnce("EIO"), Fault::FailsFromThen("ENOSPC")];

fn sops<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Run {
    Run::sops_rs(arguments).env("SOPS_AGE_KEY_FILE", paths::in_tests("cli/keys.txt"))
}

/// A sealed file that holds the old value.
fn sealed(scratch: &Scratch) -> PathBuf {
    let file = scratch.write("secret.yaml", format!("a: {OLD}\nb: 2\n"));
    sops(["encrypt", "-i", "--age", R1]).arg(&file).run().success();
    file
}

fn decrypted(file: &Path) -> String {
    sops(["decrypt"]).arg(file).run().success().out()
}

/// No file of the folder holds a value in clear, and the command printed none.
fn nothing_in_clear(point: &Point, scratch: &Scratch, outcome: &Outcome) {
    for value in [OLD, NEW] {
        let canary = Canary::new(value);
        for file in files_below(scratch.path()) {
            let bytes = std::fs::read(&file).unwrap();
            assert!(!canary.is_in(&bytes), "{point}: {value} is in {}: {outcome}", file.display());
        }
        assert!(!canary.is_in(&outcome.stdout) && !canary.is_in(&outcome.stderr), "{point}");
    }
}

/// Runs a command on a sealed file under every fault.
fn survives(command: impl Fn(&Scratch, &Path) -> Run, new: &str) {
    for fault in FAULTS {
        every_point(
            &Plan::new(fault).most(40),
            |scratch| {
                let file = sealed(scratch);
                command(scratch, &file).within(scratch.path())
            },
            |point, scratch, outcome| {
                nothing_in_clear(point, scratch, outcome);
                let text = decrypted(&scratch.at("secret.yaml"));
                let old = format!("a: {OLD}\nb: 2\n");
                assert!(text == old || text == new, "{point}: {text}{outcome}");
            },
        );
    }
}

#[test]
fn encrypting_in_place_leaves_the_plain_or_the_sealed_file() {
    for fault in FAULTS {
        every_point(
            &Plan::new(fault).most(40),
            |scratch| {
                let file = scratch.write("secret.yaml", format!("a: {OLD}\nb: 2\n"));
                sops(["encrypt", "-i", "--age", R1]).arg(file)
            },
            |point, scratch, outcome| {
                let file = scratch.at("secret.yaml");
                let text = std::fs::read_to_string(&file).unwrap();
                let plain = format!("a: {OLD}\nb: 2\n");
                assert!(text == plain || decrypted(&file) == plain, "{point}: {outcome}");
                let others = files_below(scratch.path()).into_iter().filter(|path| *path != file);
                for other in others {
                    let bytes = std::fs::read(&other).unwrap();
                    assert!(!Canary::new(OLD).is_in(&bytes), "{point}: {}", other.display());
                }
            },
        );
    }
}

#[test]
fn set_leaves_the_old_or_the_new_file() {
    let value = format!("\"{NEW}\"");
    let new = format!("a: {NEW}\nb: 2\n");
    survives(
        |_, file| sops(["set", "--value-stdin"]).arg(file).arg("[\"a\"]").input(value.clone()),
        &new,
    );
}

#[test]
fn rotate_leaves_the_old_or_the_new_file() {
    survives(|_, file| sops(["rotate", "-i", "--add-age", R2]).arg(file), "");
}

#[test]
fn updatekeys_leaves_the_old_or_the_new_file() {
    survives(
        |scratch, file| {
            scratch.write(".sops.yaml", format!("creation_rules:\n  - age: {R1},{R2}\n"));
            sops(["updatekeys", "--yes"]).arg(file)
        },
        "",
    );
}

#[test]
fn edit_leaves_the_old_or_the_new_file() {
    // A killed editor session leaves its folder in memory; this one goes with the test.
    let memory = tempfile::Builder::new().prefix("sops-rs-test-").tempdir_in("/dev/shm").unwrap();
    let new = format!("a: {NEW}\nb: 2\n");
    survives(
        |_, file| {
            let editor = format!("sed -i s/{OLD}/{NEW}/");
            sops(["edit"])
                .arg(file)
                .env("SOPS_EDITOR", editor)
                .env("XDG_RUNTIME_DIR", memory.path())
        },
        &new,
    );
}

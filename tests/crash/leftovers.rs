//! What killed programs have left behind is removed by whatever command runs next, and nothing
//! else is.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use sops_tests::run::Signal;
use sops_tests::scratch::Scratch;

use super::case::{Case, NEW, OLD};
use super::editing::Editing;
use super::memory::Memory;
use super::{edits, yaml};

/// A name that `edit` could have given to its folder.
const FOLDER: &str = "sops-rs-edit-0123456789abcdef01234567";

/// Runs a command that only reads.
fn read(case: &Case, scratch: &Scratch, memory: &Memory) {
    let run = case.sops_rs(scratch, &["decrypt", case.file]);
    run.env("XDG_RUNTIME_DIR", memory.path()).run().success();
}

fn private(path: PathBuf) -> PathBuf {
    fs::create_dir(&path).unwrap();
    fs::write(path.join("s.yaml"), NEW).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}

#[test]
fn a_killed_edit_is_cleaned_up_while_its_editor_still_runs() {
    // The editor ends only when its text is gone.
    let script = format!(
        "sed -i 's/{OLD}/{NEW}/' \"$1\"; mkdir \"$1.d\"; cp \"$1\" \"$1.d/copy\"; \
         : >\"$SCRATCH/here\"; while test -e \"$1\"; do sleep 0.02; done"
    );
    let Some(editing) = Editing::with(&script) else { return };
    let mut running = editing.run.start();
    editing.scratch.wait_for("here");
    running.signal(Signal::KILL);
    assert_eq!(running.finish().signal(), Some(Signal::KILL.as_raw()));
    editing.memory.wait_until_empty();
    editing.nothing_happened();
}

#[test]
fn private_folders_of_the_dead_go_and_no_others() {
    let Some(memory) = Memory::new() else { return };
    let (case, scratch) = (edits("a.yaml", &yaml("{value}")), Scratch::new());
    case.prepare(&scratch);
    let at = |name: &str| memory.path().join(name);
    let digits = |digit: &str| format!("sops-rs-edit-{}", digit.repeat(24));

    let dead = private(at(FOLDER));
    fs::create_dir(dead.join("odd")).unwrap();
    fs::write(dead.join("odd/copy"), NEW).unwrap();
    fs::set_permissions(dead.join("odd"), fs::Permissions::from_mode(0o000)).unwrap();
    // A link in it is removed, and what it leads to is not.
    let outside = scratch.write("outside/file", NEW);
    symlink(outside.parent().unwrap(), dead.join("link")).unwrap();
    // A second name of a file outside: the file keeps its content.
    let twin = at("twin");
    fs::write(&twin, NEW).unwrap();
    fs::hard_link(&twin, dead.join("twin")).unwrap();

    let living = private(at(&digits("1")));
    let lock = fs::File::open(&living).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let others = private(at("sops-rs-of-somebody"));
    let open_to_all = private(at(&digits("2")));
    fs::set_permissions(&open_to_all, fs::Permissions::from_mode(0o755)).unwrap();
    let target = private(at("target"));
    let link = at(&digits("3"));
    symlink(&target, &link).unwrap();

    read(&case, &scratch, &memory);
    assert!(!dead.exists());
    assert_eq!(fs::read(&outside).unwrap(), NEW.as_bytes());
    assert_eq!(fs::read(&twin).unwrap(), NEW.as_bytes());
    for kept in [living.clone(), others, open_to_all, target, link] {
        assert!(kept.join("s.yaml").exists(), "{}", kept.display());
    }
    drop(lock);
    read(&case, &scratch, &memory);
    assert!(!living.exists());
}

#[test]
fn files_beside_of_the_dead_go_and_no_others() {
    let Some(memory) = Memory::new() else { return };
    let (case, scratch) = (edits("a.yaml", &yaml("{value}")), Scratch::new());
    case.prepare(&scratch);
    let at = |number: usize| format!("repository/.sops-rs-{number}.tmp");
    let stray = scratch.write(at(0), NEW);
    let living = scratch.write(at(1), NEW);
    let lock = fs::File::open(&living).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let other = scratch.write("repository/other", NEW);
    symlink("other", scratch.at(at(2))).unwrap();
    fs::hard_link(&other, scratch.at(at(3))).unwrap();
    fs::create_dir(scratch.at(at(4))).unwrap();
    let pipe = scratch.at(at(5));
    super::hostile::make_pipe(&pipe);
    let alike = scratch.write("repository/.sops-rs-x.tmp", NEW);

    read(&case, &scratch, &memory);
    assert!(!stray.exists());
    let kept = [living.clone(), other, scratch.at(at(2)), scratch.at(at(3)), pipe, alike];
    for kept in kept.iter().chain([&scratch.at(at(4))]) {
        assert!(kept.symlink_metadata().is_ok(), "{}", kept.display());
    }
    // Names that are taken stand in nobody's way.
    let set = case.sops_rs(&scratch, &["set", case.file, "[\"user\"]", &format!("\"{NEW}\"")]);
    set.run().success();
    drop(lock);
    read(&case, &scratch, &memory);
    assert!(!living.exists() && Path::exists(&scratch.at(at(4))));
}

//! Files that are no plain files, and folders in which somebody exchanges them: nothing outside is
//! read or written, nothing is waited for, and an edit is not lost.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use sops_tests::run::{Outcome, Run};
use sops_tests::scratch::Scratch;

use super::case::{Case, NEW, OLD};
use super::editing::{Editing, replace};
use super::{edits, sets_user, yaml};

/// Nothing here may wait for anybody.
const AT_ONCE: Duration = Duration::from_secs(30);

pub(crate) fn make_pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// All commands that replace a file, on a path of the folder of the file.
fn in_place(case: &Case, scratch: &Scratch, name: &str) -> Vec<Outcome> {
    let value = format!("\"{NEW}\"");
    let commands: [&[&str]; 7] = [
        &["encrypt", "--in-place", name],
        &["decrypt", "--in-place", name],
        &["set", name, "[\"user\"]", &value],
        &["unset", name, "[\"user\"]"],
        &["rotate", "--in-place", name],
        &["updatekeys", "--yes", name],
        &["edit", name],
    ];
    let run = |words: &&[&str]| case.sops_rs(scratch, words).deadline(AT_ONCE).run();
    commands.iter().map(run).collect()
}

#[test]
fn what_is_no_file_is_refused_and_stays() {
    let (case, scratch) = (sets_user(), Scratch::new());
    case.prepare(&scratch);
    make_pipe(&scratch.at("repository/pipe.yaml"));
    fs::create_dir(scratch.at("repository/folder.yaml")).unwrap();
    symlink("nowhere.yaml", scratch.at("repository/dangling.yaml")).unwrap();
    symlink("loop.yaml", scratch.at("repository/loop.yaml")).unwrap();
    symlink("/dev/null", scratch.at("repository/device.yaml")).unwrap();
    symlink("pipe.yaml", scratch.at("repository/link.yaml")).unwrap();
    for name in ["pipe", "folder", "dangling", "loop", "device", "link"] {
        for outcome in in_place(&case, &scratch, &format!("{name}.yaml")) {
            assert!(!outcome.status.success(), "{outcome}");
            let names = outcome.err().contains(".yaml") || outcome.err().contains("directory");
            assert!(names, "it names the path, or says what it is: {outcome}");
            assert!(!outcome.err().contains("panicked"), "{outcome}");
        }
    }
    let kind = |name: &str| scratch.at("repository").join(name).symlink_metadata().unwrap();
    assert!(kind("pipe.yaml").file_type().is_fifo());
    assert!(kind("folder.yaml").is_dir());
    for name in ["dangling.yaml", "loop.yaml", "device.yaml", "link.yaml"] {
        assert!(kind(name).is_symlink(), "{name}");
    }
    assert!(!scratch.at("repository/nowhere.yaml").exists());
}

#[test]
fn links_stay_and_other_names_keep_the_old_content() {
    let (case, scratch) = (sets_user(), Scratch::new());
    let run = case.prepare(&scratch);
    let file = scratch.at("repository/a.yaml");
    let old = fs::read(&file).unwrap();
    fs::create_dir(scratch.at("elsewhere")).unwrap();
    fs::rename(&file, scratch.at("elsewhere/real.yaml")).unwrap();
    symlink("../elsewhere/real.yaml", &file).unwrap();
    fs::hard_link(scratch.at("elsewhere/real.yaml"), scratch.at("elsewhere/twin.yaml")).unwrap();
    let outcome = run.run().success();
    assert!(outcome.err().contains("has other names (hard links)"), "{outcome}");
    assert!(file.is_symlink());
    assert_ne!(fs::read(scratch.at("elsewhere/real.yaml")).unwrap(), old);
    assert_eq!(fs::read(scratch.at("elsewhere/twin.yaml")).unwrap(), old);
    assert!(case.is_new(&scratch, "through the link"));
    assert_eq!(fs::read_dir(scratch.at("elsewhere")).unwrap().count(), 2);
}

/// Whatever comes in the place of the file while the editor is open stays there, and the edit is
/// kept, sealed.
#[test]
fn a_file_that_was_exchanged_meanwhile_is_not_written() {
    let exchanges = [
        ("a link", "ln -sf ../outside a.yaml"),
        ("a pipe", "rm a.yaml; mkfifo a.yaml"),
        ("a folder", "rm a.yaml; mkdir a.yaml"),
        ("nothing", "rm a.yaml"),
        ("a device", "ln -sf /dev/null a.yaml"),
        ("a longer file", "cp a.yaml b; echo '# x' >>b; mv b a.yaml"),
    ];
    for (what, exchange) in exchanges {
        let script = format!("{}; cd \"$SCRATCH/repository\"; {exchange}", replace());
        let Some(editing) = Editing::with(&script) else { return };
        let outside = editing.scratch.write("outside", "outside: 1\n");
        let outcome = editing.run.clone().deadline(AT_ONCE).run().fails_with(3);
        assert!(outcome.err().contains("by another program in the meantime"), "{what}: {outcome}");
        let kept = "your edit was kept, encrypted, in a.edited.yaml";
        assert!(outcome.err().contains(kept), "{what}: {outcome}");
        editing.case.opens_as_new(&editing.scratch, "a.edited.yaml");
        assert_eq!(fs::read_to_string(&outside).unwrap(), "outside: 1\n", "{what}");
        assert!(editing.memory.is_empty(), "{what}");
    }
}

#[test]
fn an_edit_is_kept_elsewhere_when_its_folder_is_gone() {
    let script = format!("{}; rm -r \"$SCRATCH/repository\"", replace());
    let Some(editing) = Editing::with(&script) else { return };
    let outcome = editing.run.run().fails_with(3);
    let kept = editing.scratch.at("temporary/a.edited.yaml");
    assert!(outcome.err().contains(&kept.display().to_string()), "{outcome}");
    let opened = Run::sops_rs(["decrypt"])
        .arg(&kept)
        .env("SOPS_AGE_KEY_FILE", editing.scratch.at("keys.txt"))
        .run()
        .success();
    assert!(opened.out().contains(NEW), "{opened}");
    assert!(editing.memory.is_empty());
}

#[test]
fn a_new_file_is_not_written_over_one_that_appeared() {
    let script = "echo 'a: 1' >\"$1\"; echo mine >\"$SCRATCH/repository/new.yaml\"";
    let Some(editing) = Editing::with(script) else { return };
    let case = &editing.case;
    let edit = case.sops_rs(&editing.scratch, &["edit", "new.yaml"]);
    let outcome = edit.env("SCRATCH", editing.scratch.path()).run().fails_with(3);
    assert!(outcome.err().contains("new.yaml appeared in the meantime"), "{outcome}");
    assert_eq!(editing.scratch.text("repository/new.yaml"), "mine\n");
    assert!(editing.scratch.at("repository/new.edited.yaml").exists(), "{outcome}");
}

#[test]
fn a_folder_that_was_removed_under_us_is_an_error() {
    let (case, scratch) = (sets_user(), Scratch::new());
    case.prepare(&scratch);
    fs::create_dir(scratch.at("gone")).unwrap();
    for command in ["decrypt --in-place", "rotate --in-place", "edit", "encrypt --output o.yaml"] {
        let line = format!("rmdir ../gone; exec \"$0\" {command} a.yaml");
        let program = sops_tests::run::sops_rs_binary();
        let run = Run::program("/bin/sh", ["-c", &line]).arg(&program).within(scratch.at("gone"));
        let outcome = run.env("SOPS_AGE_KEY_FILE", scratch.at("keys.txt")).run();
        assert!(outcome.code().is_some_and(|code| code != 0), "{outcome}");
        assert!(!outcome.err().contains("panicked"), "{outcome}");
        fs::create_dir(scratch.at("gone")).unwrap();
    }
}

/// What somebody without root's rights meets; where the tests run as root, it is given up.
#[test]
fn what_may_not_be_replaced_is_refused_before_the_editor_opens() {
    let script = "echo open >>\"$SCRATCH/opened\"; exit 1";
    let Some(editing) = Editing::with(script) else { return };
    let (scratch, root) = (&editing.scratch, rustix::process::geteuid().is_root());
    let mut run = editing.run.clone().env("XDG_RUNTIME_DIR", "/nonexistent");
    let repository = scratch.at("repository");
    let file = repository.join("a.yaml");
    if root {
        let Some(setpriv) = sops_tests::need::program("setpriv") else { return };
        for path in [scratch.path(), &scratch.at("keys.txt"), &repository, &file] {
            std::os::unix::fs::chown(path, Some(65534), Some(65534)).unwrap();
        }
        run = run.behind(setpriv, ["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    let old = fs::read(&file).unwrap();
    let set_mode = |path: &Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    // A file that may not be written, then a folder.
    for (path, mode, usual) in [(&file, 0o440, 0o640), (&repository, 0o555, 0o755)] {
        set_mode(path, mode);
        let outcome = run.run().fails_with(3);
        assert!(outcome.err().contains("permission denied"), "{outcome}");
        set_mode(path, usual);
    }
    if root {
        // A file of somebody else, which all may write to, in a folder where only owners remove.
        std::os::unix::fs::chown(&file, Some(0), None).unwrap();
        std::os::unix::fs::chown(&repository, Some(0), None).unwrap();
        set_mode(&file, 0o666);
        set_mode(&repository, 0o1777);
        let outcome = run.run().fails_with(3);
        assert!(outcome.err().contains("not permitted"), "{outcome}");
        assert_eq!(fs::metadata(&file).unwrap().uid(), 0);
    }
    assert_eq!(fs::read(&file).unwrap(), old);
    assert!(!scratch.at("opened").exists(), "the editor did not open");
}

/// Root keeps the owner; and the bits that make a program run as its owner are kept or dropped
/// with it, never given to plaintext.
#[test]
fn owners_and_odd_modes_are_kept() {
    let case = edits("a.yaml", &yaml("{value}"));
    let scratch = Scratch::new();
    let edit = case.prepare(&scratch);
    let file = scratch.at("repository/a.yaml");
    let root = rustix::process::geteuid().is_root();
    if root {
        std::os::unix::fs::chown(&file, Some(65534), Some(65533)).unwrap();
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o6754)).unwrap();
    edit.run().success();
    let data = fs::metadata(&file).unwrap();
    assert_eq!(data.permissions().mode() & 0o7777, 0o6754);
    assert!(!root || (data.uid(), data.gid()) == (65534, 65533));
    case.sops_rs(&scratch, &["decrypt", "--in-place", "a.yaml"]).run().success();
    let data = fs::metadata(&file).unwrap();
    assert_eq!(data.permissions().mode() & 0o7777, 0o700);
    assert!(!root || (data.uid(), data.gid()) == (65534, 65533));
    assert!(fs::read_to_string(&file).unwrap().contains(NEW) && OLD != NEW);
}

//! Where `--output` goes, and who may read it.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use sops_tests::crash::{Fault, Plan, every_point};
use sops_tests::need;
use sops_tests::run::{Outcome, Run};
use sops_tests::scratch::Scratch;

use super::case::{Case, NEW, OLD};
use super::hostile::make_pipe;
use super::memory::Memory;
use super::{edits, sets_user, yaml};

fn prepared() -> (Case, Scratch) {
    let (case, scratch) = (sets_user(), Scratch::new());
    case.prepare(&scratch);
    (case, scratch)
}

fn decrypt(case: &Case, scratch: &Scratch, output: &str) -> Outcome {
    case.sops_rs(scratch, &["decrypt", "--output", output, "a.yaml"]).run()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Runs with this umask.
fn under(umask: &str, run: &Run) -> Outcome {
    let line = format!("umask {umask}; exec \"$0\" \"$@\"");
    run.clone().behind("/bin/sh", ["-c", line.as_str()]).run()
}

#[test]
fn plaintext_is_for_its_owner_whatever_the_umask() {
    for umask in ["0000", "0022", "0077", "0277", "0777"] {
        let (case, scratch) = prepared();
        let out = scratch.at("repository/out.yaml");
        let run = case.sops_rs(&scratch, &["decrypt", "--output", "out.yaml", "a.yaml"]);
        under(umask, &run).success();
        assert_eq!(mode(&out), 0o600, "umask {umask}");
        fs::set_permissions(&out, fs::Permissions::from_mode(0o4766)).unwrap();
        under(umask, &run).success();
        assert_eq!(mode(&out), 0o700, "umask {umask}: what others could do is gone");
        let extract = ["decrypt", "--extract", "[\"user\"]", "--output", "one", "a.yaml"];
        under(umask, &case.sops_rs(&scratch, &extract)).success();
        assert_eq!(mode(&scratch.at("repository/one")), 0o600, "umask {umask}");
        assert_eq!(scratch.text("repository/one"), OLD);
        // A file that is sealed again keeps what it has.
        let seal = ["encrypt", "--in-place", "out.yaml"];
        under(umask, &case.sops_rs(&scratch, &seal)).success();
        assert_eq!(mode(&out), 0o700, "umask {umask}");
    }
}

#[test]
fn what_is_sealed_is_as_the_umask_has_it() {
    let (case, scratch) = prepared();
    scratch.write("repository/plain.yaml", yaml(OLD));
    let run = case.sops_rs(&scratch, &["encrypt", "--output", "out.yaml", "plain.yaml"]);
    under("0027", &run).success();
    assert_eq!(mode(&scratch.at("repository/out.yaml")), 0o640);
}

/// An access list that lets others read a sealed file does not let them read the plaintext.
#[test]
fn access_lists_go_with_what_is_sealed_only() {
    let Some((setfacl, getfacl)) = need::program("setfacl").zip(need::program("getfacl")) else {
        return;
    };
    let (case, scratch) = prepared();
    let file = scratch.at("repository/a.yaml");
    let facl = |arguments: &[&str], path: &Path| {
        Run::program(&setfacl, arguments).arg(path).run().status.success()
    };
    let list = || Run::program(&getfacl, ["-cpE"]).arg(&file).run().success().out();
    if !facl(&["-m", "u:65534:rw,g::-"], &file) {
        return;
    }
    let before = list();
    assert!(before.contains("user:65534:rw-") || before.contains("user:nobody:rw-"), "{before}");
    case.sops_rs(&scratch, &["rotate", "--in-place", "a.yaml"]).run().success();
    assert_eq!(list(), before);
    // A list that the folder gives to new files is nobody's wish for this one.
    assert!(facl(&["-d", "-m", "u:65533:rwx"], &scratch.at("repository")));
    case.sops_rs(&scratch, &["rotate", "--in-place", "a.yaml"]).run().success();
    assert_eq!(list(), before);
    case.sops_rs(&scratch, &["decrypt", "--in-place", "a.yaml"]).run().success();
    assert_eq!(list().trim(), "user::rw-\ngroup::---\nother::---");
}

#[test]
fn streams_devices_and_pipes_are_written_to() {
    let (case, scratch) = prepared();
    assert_eq!(decrypt(&case, &scratch, "/dev/stdout").success().out(), yaml(OLD));
    decrypt(&case, &scratch, "/dev/null").success();
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    let full = decrypt(&case, &scratch, "/dev/full").fails_with(3);
    assert!(full.err().contains("no space left on device"), "{full}");

    // As a shell writes `--output >(command)`.
    let line = "exec 7>&1 >&2; exec \"$0\" \"$@\"";
    let run = case.sops_rs(&scratch, &["decrypt", "--output", "/dev/fd/7", "a.yaml"]);
    assert_eq!(run.behind("/bin/sh", ["-c", line]).run().success().out(), yaml(OLD));

    let pipe = scratch.at("repository/pipe");
    make_pipe(&pipe);
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || {
            let mut text = String::new();
            fs::File::open(pipe).unwrap().read_to_string(&mut text).unwrap();
            text
        }
    });
    decrypt(&case, &scratch, "pipe").success();
    assert_eq!(reader.join().unwrap(), yaml(OLD));
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
}

#[test]
fn links_are_followed_if_they_lead_somewhere() {
    let (case, scratch) = prepared();
    let target = scratch.write("repository/target", "old");
    symlink("target", scratch.at("repository/link")).unwrap();
    decrypt(&case, &scratch, "link").success();
    assert!(scratch.at("repository/link").is_symlink());
    assert_eq!(fs::read_to_string(target).unwrap(), yaml(OLD));

    symlink("nowhere", scratch.at("repository/dangling")).unwrap();
    symlink("loop", scratch.at("repository/loop")).unwrap();
    fs::create_dir(scratch.at("repository/folder")).unwrap();
    for (name, words) in
        [("dangling", "no such file"), ("loop", "symbolic link"), ("folder", "is a directory")]
    {
        let outcome = decrypt(&case, &scratch, name).fails_with(3);
        assert!(outcome.err().contains(words), "{outcome}");
    }
    assert!(!scratch.at("repository/nowhere").exists());
}

#[test]
fn the_input_itself_may_be_the_output() {
    let (case, scratch) = prepared();
    let file = scratch.at("repository/a.yaml");
    let sealed = fs::read(&file).unwrap();
    // Under another name it is another file afterwards.
    fs::hard_link(&file, scratch.at("repository/twin.yaml")).unwrap();
    decrypt(&case, &scratch, "twin.yaml").success();
    assert_eq!(fs::read(&file).unwrap(), sealed);
    assert_eq!(scratch.text("repository/twin.yaml"), yaml(OLD));
    assert_eq!(fs::metadata(&file).unwrap().nlink(), 1);
    decrypt(&case, &scratch, "a.yaml").success();
    assert_eq!(scratch.text("repository/a.yaml"), yaml(OLD));
    assert_eq!(mode(&file) & 0o077, 0);
}

/// A file larger than the process may write: the part that was written is not taken for all.
#[test]
fn a_write_that_stops_half_way_replaces_nothing() {
    for signal in ["", "trap '' XFSZ; "] {
        let (case, scratch) = prepared();
        let large = format!("{}filler: {}\n", yaml(OLD), "x".repeat(64 * 1024));
        let file = scratch.write("repository/large.yaml", &large);
        let line = format!("{signal}ulimit -f 8; exec \"$0\" \"$@\"");
        let run = case.sops_rs(&scratch, &["encrypt", "--in-place", "large.yaml"]);
        let outcome = run.behind("/bin/sh", ["-c", line.as_str()]).run();
        assert!(!outcome.status.success(), "{outcome}");
        assert_eq!(fs::read_to_string(&file).unwrap(), large);
        assert_eq!(case.strays(&scratch), ["large.yaml"], "{outcome}");
    }
}

/// A file that was not there gets its name when it is complete, and has no other name before.
#[test]
fn a_new_file_is_there_whole_or_not_at_all() {
    let Some(memory) = Memory::new() else { return };
    let case = edits("a.yaml", &yaml("{value}"));
    let seal = ["encrypt", "--output", "new.yaml", "plain.yaml"];
    for command in
        [&["decrypt", "--output", "new.yaml", "a.yaml"], &seal[..], &["edit", "new.yaml"]]
    {
        every_point(
            &Plan::new(Fault::Kill).most(60),
            |scratch| {
                case.prepare(scratch);
                scratch.write("repository/plain.yaml", yaml(OLD));
                case.sops_rs(scratch, command).env("XDG_RUNTIME_DIR", memory.path())
            },
            |point, scratch, outcome| {
                let strays = case.strays(scratch);
                assert!(
                    strays.iter().all(|name| ["new.yaml", "plain.yaml"].contains(&name.as_str())),
                    "{point}: {strays:?}: {outcome}"
                );
                let new = scratch.at("repository/new.yaml");
                if new.exists() {
                    let text = match command[0] {
                        "decrypt" => scratch.text("repository/new.yaml"),
                        _ => case.sops_rs(scratch, &["decrypt", "new.yaml"]).run().success().out(),
                    };
                    let expected = if command[0] == "edit" { yaml(NEW) } else { yaml(OLD) };
                    assert_eq!(text, expected, "{point}");
                }
                // Whatever runs next takes away what the guard could not.
                let next = case.sops_rs(scratch, &["filestatus", "a.yaml"]);
                next.env("XDG_RUNTIME_DIR", memory.path()).run().success();
                assert!(memory.is_empty(), "{point}: {:?}", memory.left());
            },
        );
    }
}

//! `exec-env` and `exec-file` as a parent: signals, statuses, what the command gets and what it does
//! not get, and what is left afterwards.
//!
//! The Go program has none of this; what it does have is compared in `differential.rs`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use sops_tests::canary::Canary;
use sops_tests::run::{Outcome, Run, Signal};
use sops_tests::scratch::{Scratch, files_below};
use sops_tests::terminal::Session;
use sops_tests::{need, paths};

const RECIPIENT: &str = "age1ypucxcsrnn30lwu25k2gv55d8nzjr0px7try0pys56mpkff744msg7zvcl";

/// Where Linux has memory that looks like a folder.
const SHARED: &str = "/dev/shm";

/// An encrypted file, and a folder in memory for what its commands see.
struct Stage {
    scratch: Scratch,
    memory: tempfile::TempDir,
    secret: Canary,
}

impl Stage {
    /// `None` where this machine has no memory that looks like a folder, and that is no failure.
    fn new() -> Option<Self> {
        let kind = Run::program("stat", ["-f", "-c", "%T", SHARED]).run().out();
        if kind.trim() != "tmpfs" {
            assert!(!need::in_ci(), "{SHARED} is not in memory; with CI=true that is a failure");
            let _ = writeln!(std::io::stderr(), "SKIPPED: {SHARED} is not in memory");
            return None;
        }
        let scratch = Scratch::new();
        let secret = Canary::new("canary-of-exec-9f3b");
        let plain = format!("word: {}\n", secret.value());
        for name in ["s.yaml", "s.env"] {
            let text = if name == "s.env" { plain.replace(": ", "=") } else { plain.clone() };
            let words = ["encrypt", "--age", RECIPIENT, "--filename-override", name];
            let sealed = Run::sops_rs(words).input(text).within(scratch.path()).run().success();
            scratch.write(name, sealed.stdout);
        }
        fs::create_dir(scratch.at("tmp")).unwrap();
        let memory = tempfile::Builder::new().prefix("sops-rs-test-").tempdir_in(SHARED);
        Some(Self { scratch, memory: memory.expect("a folder in memory can be made"), secret })
    }

    fn run(&self, words: &[&str]) -> Run {
        Run::sops_rs(words)
            .env("SOPS_AGE_KEY_FILE", paths::in_tests("cli/key1.txt"))
            .env("XDG_RUNTIME_DIR", self.memory.path())
            .env("TMPDIR", self.scratch.at("tmp"))
            .within(self.scratch.path())
    }

    /// No private folder is left, and the plaintext is in no file on the disk.
    #[track_caller]
    fn nothing_is_left(&self) {
        let left: Vec<_> = fs::read_dir(self.memory.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        self.nothing_is_on_disk();
    }

    #[track_caller]
    fn nothing_is_on_disk(&self) {
        for path in files_below(self.scratch.path()) {
            let bytes = fs::read(&path).unwrap();
            assert!(!self.secret.is_in(&bytes), "{}", path.display());
        }
    }

    fn wait_until_left_nothing(&self) {
        let started = Instant::now();
        while fs::read_dir(self.memory.path()).unwrap().next().is_some() {
            assert!(started.elapsed() < Duration::from_secs(60), "the folder stays");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn a_signal_is_the_commands_to_handle() {
    for (signal, name) in [
        (Signal::TERM, "TERM"),
        (Signal::INT, "INT"),
        (Signal::HUP, "HUP"),
        (Signal::QUIT, "QUIT"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
    ] {
        for command in ["exec-env", "exec-file"] {
            let Some(stage) = Stage::new() else { return };
            let line = format!(
                "trap 'echo got {name}; exit 5' {name}; : > ready; while :; do sleep 0.05; done"
            );
            let mut running = stage.run(&[command, "s.env", &line]).start();
            stage.scratch.wait_for("ready");
            running.signal(signal);
            let outcome = running.finish().fails_with(5);
            assert_eq!(outcome.out(), format!("got {name}\n"), "{command}");
            stage.nothing_is_left();
        }
    }
}

#[test]
fn who_was_asked_to_end_ends_as_the_command_does() {
    for command in ["exec-env", "exec-file"] {
        let Some(stage) = Stage::new() else { return };
        let mut running = stage.run(&[command, "s.env", ": > ready; exec sleep 60"]).start();
        stage.scratch.wait_for("ready");
        running.signal(Signal::TERM);
        let outcome = running.finish();
        assert_eq!(outcome.signal(), Some(Signal::TERM.as_raw()), "{outcome}");
        assert_eq!(outcome.err(), "", "{outcome}");
        stage.nothing_is_left();
    }
}

#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let Some(stage) = Stage::new() else { return };
    // `trap '' HUP` is what nohup does.
    let line = "trap '' HUP; exec \"$0\" exec-env s.env \
                'kill -HUP $$; kill -HUP $PPID; echo still here'";
    let outcome = stage.run(&[]).behind("/bin/sh", ["-c", line]).run().success();
    assert_eq!(outcome.out(), "still here\n");
}

#[test]
fn what_a_process_sends_is_passed_on_once() {
    // The command sends it to the program, and counts what comes back.
    let Some(stage) = Stage::new() else { return };
    let line = "trap 'echo got' INT; kill -INT $PPID; : > sent; \
                while ! test -e go; do sleep 0.02; done; exit 0";
    let running = stage.run(&["exec-env", "s.env", line]).start();
    stage.scratch.wait_for("sent");
    stage.scratch.write("go", "");
    assert_eq!(running.finish().success().out(), "got\n");
}

#[test]
fn ctrl_c_reaches_the_command_once() {
    for command in ["exec-env", "exec-file"] {
        let Some(stage) = Stage::new() else { return };
        let line = "n=0; trap 'n=$((n+1)); echo int $n' INT; echo ready; \
                    while ! test -e go; do sleep 0.05; done; echo total $n";
        let run = stage.run(&[command, "s.env", line]);
        let Some(mut session) = Session::start(&run) else { return };
        session.expect("ready");
        session.enter("\x03");
        session.expect("int 1");
        stage.scratch.write("go", "");
        let (status, screen) = session.finish();
        assert!(status.success() && screen.contains("total 1"), "{screen}");
        stage.nothing_is_left();
    }
}

#[test]
fn arguments_behind_dashes_reach_the_program_as_they_are() {
    let Some(stage) = Stage::new() else { return };
    let words = ["exec-env", "s.env", "--", "printf", "%s|", "a b", "$word", "", "--pristine", "*"];
    let outcome = stage.run(&words).run().success();
    assert_eq!(outcome.out(), "a b|$word||--pristine|*|");
    let words = ["exec-file", "s.env", "--", "sh", "-c", "cat \"$1\"; exit 4", "sh", "{}"];
    let outcome = stage.run(&words).run().fails_with(4);
    assert_eq!(outcome.out(), format!("word={}\n", stage.secret.value()));
    assert_eq!(outcome.err(), "exit status 4\n");
}

#[test]
fn a_program_that_is_not_there_is_told_as_by_a_shell() {
    let Some(stage) = Stage::new() else { return };
    let outcome =
        stage.run(&["exec-env", "s.env", "--", "nosuchprogram", "x"]).run().fails_with(127);
    let problem = "exec: \"nosuchprogram\": executable file not found in $PATH\n";
    assert_eq!(outcome.err(), problem);
    stage.scratch.write("text", "no program");
    stage.run(&["exec-env", "s.env", "--", "./text", "x"]).run().fails_with(126);
    stage.run(&["exec-file", "s.env", "--", "nosuchprogram", "{}"]).run().fails_with(127);
    stage.nothing_is_left();
}

#[test]
fn our_own_key_is_not_the_commands_unless_asked() {
    let Some(stage) = Stage::new() else { return };
    let key = fs::read_to_string(paths::in_tests("cli/key1.txt")).unwrap();
    let key = key.lines().last().unwrap();
    let line = "echo ${SOPS_AGE_KEY:-none}";
    let run = |words: &[&str]| {
        let words: Vec<&str> = words.iter().copied().chain(["s.env", line]).collect();
        stage.run(&words).without_env("SOPS_AGE_KEY_FILE").env("SOPS_AGE_KEY", key)
    };
    for command in ["exec-env", "exec-file"] {
        assert_eq!(run(&[command]).run().success().out(), "none\n");
        let passed = run(&[command, "--pass-age-key"]).run().success();
        assert_eq!(passed.out(), format!("{key}\n"));
        let passed = run(&[command]).env("SOPS_PASS_AGE_KEY", "true").run().success();
        assert_eq!(passed.out(), format!("{key}\n"));
    }
    assert_eq!(run(&["exec-env", "--same-process"]).run().success().out(), "none\n");
    let refused = run(&["exec-env"]).env("SOPS_PASS_AGE_KEY", "perhaps").run().fails_with(1);
    assert!(refused.err().contains("SOPS_PASS_AGE_KEY"), "{refused}");
    // What the file itself says is the command's.
    let plain = "SOPS_AGE_KEY=of-the-file\n";
    let words = ["encrypt", "--age", RECIPIENT, "--filename-override", "k.env"];
    stage.scratch.write("k.env", stage.run(&words).input(plain).run().success().stdout);
    let outcome = stage.run(&["exec-env", "k.env", line]).run().success();
    assert_eq!(outcome.out(), "of-the-file\n");
}

#[test]
fn a_pipe_is_read_as_often_as_one_likes_and_is_in_no_file() {
    let Some(stage) = Stage::new() else { return };
    let line = "f={}; for i in 1 2 3 4 5; do cat $f; done; head -c 3 $f; cat $f $f; \
                find \"$XDG_RUNTIME_DIR\" \"$TMPDIR\" -type f";
    let outcome = stage.run(&["exec-file", "s.yaml", line]).run().success();
    let text = format!("word: {}\n", stage.secret.value());
    assert_eq!(outcome.out(), format!("{}wor{}", text.repeat(5), text.repeat(2)));
    stage.nothing_is_left();
}

#[test]
fn a_command_that_opens_the_path_twice_at_once_reads_all_of_it_twice() {
    let Some(stage) = Stage::new() else { return };
    let text = format!("word: {0}\tword: {0}\n", stage.secret.value());
    for _ in 0..20 {
        let outcome = stage.run(&["exec-file", "s.yaml", "--", "paste", "{}", "{}"]).run();
        assert_eq!(outcome.success().out(), text);
    }
    stage.nothing_is_left();
}

#[test]
fn the_file_is_for_its_owner_in_memory_and_gone_afterwards() {
    let Some(stage) = Stage::new() else { return };
    let line = "f={}; stat -c '%a %F' $f; stat -c %a \"$(dirname $f)\"; echo $f; ls -A \"$TMPDIR\"";
    for (flag, kind) in [("--no-fifo=false", "fifo"), ("--no-fifo", "regular file")] {
        let outcome = stage.run(&["exec-file", flag, "s.yaml", line]).run().success();
        let out = outcome.out();
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines[..2], [format!("600 {kind}"), "700".to_owned()]);
        assert!(Path::new(lines[2]).starts_with(stage.memory.path()), "{out}");
        assert_eq!(lines.len(), 3, "{out}");
        stage.nothing_is_left();
    }
}

#[test]
fn what_runs_in_the_background_keeps_its_file() {
    let Some(stage) = Stage::new() else { return };
    let line =
        "while ! test -e go; do sleep 0.02; done; cat {} > \"$OUT.tmp\"; mv \"$OUT.tmp\" \"$OUT\"";
    let out = stage.memory.path().join("copy");
    let words = ["exec-file", "--background", "s.yaml", line];
    stage.run(&words).env("OUT", &out).run().success();
    stage.scratch.write("go", "");
    let started = Instant::now();
    while !out.exists() {
        assert!(started.elapsed() < Duration::from_secs(60), "the command wrote nothing");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(fs::read_to_string(&out).unwrap(), format!("word: {}\n", stage.secret.value()));
    fs::remove_file(&out).unwrap();
    stage.wait_until_left_nothing();
    stage.nothing_is_on_disk();
}

#[test]
fn a_killed_program_leaves_no_file() {
    let Some(stage) = Stage::new() else { return };
    let words = ["exec-file", "--no-fifo", "s.yaml", ": > ready; exec sleep 60"];
    let mut running = stage.run(&words).start();
    stage.scratch.wait_for("ready");
    running.signal(Signal::KILL);
    // The command lives on, and holds the streams; its file goes.
    stage.wait_until_left_nothing();
    end_of_children_of(&stage);
    let _ = running.finish();
    stage.nothing_is_on_disk();
}

/// Ends what the killed program has left running in the folder of the stage.
fn end_of_children_of(stage: &Stage) {
    let folder = stage.scratch.path().canonicalize().unwrap();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok())
        else {
            continue;
        };
        let here = fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder);
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if here && name.trim() == "sleep" {
            let process = rustix::process::Pid::from_raw(number).unwrap();
            let _ = rustix::process::kill_process(process, Signal::KILL);
        }
    }
}

#[test]
fn root_can_become_somebody_else() {
    if !rustix::process::geteuid().is_root() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: only root can become somebody else");
        return;
    }
    let Some(stage) = Stage::new() else { return };
    fs::set_permissions(stage.scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(stage.memory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let who = "id -un; id -gn; id -Gn; echo $HOME $USER $LOGNAME";
    let expected =
        Run::program("/bin/sh", ["-c", "id -gn nobody; id -Gn nobody; getent passwd nobody"]);
    let expected = expected.run().success().out();
    let lines: Vec<&str> = expected.lines().collect();
    let home = lines[2].split(':').nth(5).unwrap();
    let told = format!("nobody\n{}\n{}\n{home} nobody nobody\n", lines[0], lines[1]);
    let read = format!("{told}word: {}\n", stage.secret.value());
    let outcome = stage.run(&["exec-env", "--user", "nobody", "s.env", who]).run().success();
    assert_eq!(outcome.out(), told);
    let words = ["exec-env", "--user", "nobody", "--same-process", "s.env", who];
    assert_eq!(stage.run(&words).run().success().out(), told);
    for flag in ["--no-fifo", "--no-fifo=false"] {
        let line = format!("{who}; cat {{}}");
        let words = ["exec-file", flag, "--user", "nobody", "s.yaml", &line];
        assert_eq!(stage.run(&words).run().success().out(), read);
        stage.nothing_is_left();
    }
}

#[test]
fn nothing_is_said_of_values() {
    let Some(stage) = Stage::new() else { return };
    let check = |outcome: Outcome| stage.secret.assert_not_printed(&outcome);
    check(stage.run(&["exec-env", "s.env", "exit 3"]).run().fails_with(3));
    check(stage.run(&["--verbose", "exec-file", "s.yaml", "exit 3"]).run().fails_with(3));
    check(
        stage.run(&["--error-format", "json", "exec-env", "s.yaml", "exit 3"]).run().fails_with(3),
    );
    let plain = format!("list: [{}]\n", stage.secret.value());
    let words = ["encrypt", "--age", RECIPIENT, "--filename-override", "l.yaml"];
    stage.scratch.write("l.yaml", stage.run(&words).input(plain).run().success().stdout);
    check(stage.run(&["exec-env", "l.yaml", "true"]).run().fails_with(1));
}

#[test]
fn the_values_are_not_among_the_arguments() {
    let Some(stage) = Stage::new() else { return };
    for command in ["exec-env", "exec-file"] {
        let line = "tr '\\0' '\\n' < /proc/$PPID/cmdline; tr '\\0' '\\n' < /proc/$$/cmdline";
        let outcome = stage.run(&[command, "s.env", line]).run().success();
        stage.secret.assert_not_printed(&outcome);
    }
}

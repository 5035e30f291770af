//! `edit`, and the ways out of it that are not saving a good text.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use sops_tests::need;
use sops_tests::paths;
use sops_tests::run::{Run, Signal};
use sops_tests::scratch::{Scratch, files_below};
use sops_tests::terminal::Session;

use super::case::{Case, NEW, OLD};
use super::memory::Memory;
use super::{edits, yaml};

/// A file and the folder in memory it is edited in.
pub(crate) struct Editing {
    pub(crate) case: Case,
    pub(crate) scratch: Scratch,
    pub(crate) memory: Memory,
    pub(crate) run: Run,
}

impl Editing {
    /// `edit` of the file with this script as the editor; it runs in the folder of the file and
    /// gets the text as `$1`, and the scratch folder as `$SCRATCH`.
    pub(crate) fn with(editor: &str) -> Option<Self> {
        let memory = Memory::new()?;
        let case = edits("a.yaml", &yaml("{value}"));
        let scratch = Scratch::new();
        let run = case.prepare(&scratch);
        let script = scratch.script("editor", &format!("#!/bin/sh\n{editor}\n"));
        let run = run
            .env("EDITOR", script)
            .env("SCRATCH", scratch.path())
            .env("XDG_RUNTIME_DIR", memory.path());
        Some(Self { case, scratch, memory, run })
    }

    /// Fails unless the file is as before and nothing else is left anywhere.
    #[track_caller]
    pub(crate) fn nothing_happened(&self) {
        assert!(!self.case.is_new(&self.scratch, "it was not to be written"));
        self.nothing_is_left();
    }

    #[track_caller]
    fn nothing_is_left(&self) {
        assert!(self.memory.is_empty(), "{:?}", self.memory.left());
        assert_eq!(self.case.strays(&self.scratch), [""; 0]);
        self.case.no_plaintext(&self.scratch, true);
    }
}

/// Replaces the old value by the new one.
pub(crate) fn replace() -> String {
    format!("sed -i 's/{OLD}/{NEW}/' \"$1\"")
}

#[test]
fn a_signal_ends_the_editor_and_leaves_nothing() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        // The text is changed and saved by then, with a copy beside it as editors make them.
        let script =
            format!("{}; cp \"$1\" \"$1~\"; : >\"$SCRATCH/here\"; exec sleep 300", replace());
        let Some(editing) = Editing::with(&script) else { return };
        let mut running = editing.run.start();
        editing.scratch.wait_for("here");
        running.signal(signal);
        // The editor has the other ends of the pipes: this comes back only when it is gone too.
        let outcome = running.finish().fails_with(1);
        assert!(outcome.err().contains("User canceled operation"), "{outcome}");
        editing.nothing_happened();
    }
}

#[test]
fn control_c_on_a_terminal_is_such_a_signal() {
    let Some(editing) = Editing::with("echo the editor is open; exec sleep 300") else { return };
    let Some(mut session) = Session::start(&editing.run) else { return };
    session.expect("the editor is open");
    session.enter("\u{3}");
    let (status, text) = session.finish();
    assert_eq!(status.code(), Some(1), "{text}");
    editing.nothing_happened();
}

/// The settings of the terminal before and after, with whatever the editor does to it.
fn on_a_terminal(editor: &str) -> Option<(Editing, String)> {
    let editing = Editing::with(editor)?;
    let line = "stty -g; \"$0\" \"$@\"; echo status $?; stty -g";
    let run = editing.run.clone().env("TERM", "xterm").behind("/bin/sh", ["-c", line]);
    let (_, text) = Session::start(&run)?.finish();
    Some((editing, text))
}

#[track_caller]
fn demand_same_settings(text: &str) {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let (first, last) = (lines[0], lines[lines.len() - 1]);
    assert!(first.contains(':') && first == last, "{text:?}");
}

#[test]
fn the_terminal_is_in_order_after_an_editor_that_left_it_raw() {
    let raw = "stty raw -echo; printf '\\033[?1049h'";
    // An editor that dies of the signal, one that does not care for it, one started by a script
    // that does not pass it on, and two that end by themselves.
    for (way_out, status) in [
        ("kill -TERM $PPID; exec sleep 300", 1),
        ("kill -HUP $PPID; exec sleep 300", 1),
        ("trap '' TERM; kill -TERM $PPID; while :; do sleep 1; done", 1),
        ("sleep 300 & kill -TERM $PPID; wait", 1),
        ("kill -9 $$", 201),
        ("exit 3", 201),
    ] {
        let Some((editing, text)) = on_a_terminal(&format!("{raw}; {way_out}")) else { return };
        demand_same_settings(&text);
        assert!(text.contains(&format!("status {status}")), "{way_out}: {text:?}");
        assert!(text.contains("\u{1b}[?1047l"), "{way_out}: the other screen is left: {text:?}");
        editing.nothing_happened();
    }
}

#[test]
fn a_terminal_that_is_in_order_is_left_alone() {
    for way_out in ["kill -TERM $PPID; exec sleep 300", "exit 0"] {
        let Some((editing, text)) = on_a_terminal(way_out) else { return };
        demand_same_settings(&text);
        assert!(!text.contains("\u{1b}[?1047l"), "{way_out}: {text:?}");
        editing.nothing_happened();
    }
}

#[test]
fn a_text_that_was_not_changed_is_not_written() {
    // Written anew with the same bytes, as editors do.
    let Some(editing) = Editing::with("cp \"$1\" \"$1~\" && mv \"$1~\" \"$1\"") else { return };
    let data = || std::fs::metadata(editing.scratch.at("repository/a.yaml")).unwrap();
    let before = data();
    editing.run.run().fails_with(200);
    let after = data();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));
    editing.nothing_happened();
}

#[test]
fn whatever_an_editor_leaves_in_the_place_of_the_text_is_looked_at_with_care() {
    // Gone, a folder, a link to something else, a pipe that nobody writes to.
    for script in [
        "rm \"$1\"",
        "rm \"$1\"; mkdir \"$1\"",
        "ln -sf \"$SCRATCH/keys.txt\" \"$1\"",
        "rm \"$1\"; mkfifo \"$1\"",
    ] {
        let Some(editing) = Editing::with(script) else { return };
        let outcome = editing.run.run().fails_with(2);
        assert!(outcome.err().contains("Could not read edited file"), "{script}: {outcome}");
        editing.nothing_happened();
    }
    // Emptied: there is no document, and nobody to ask.
    let editing = Editing::with(": >\"$1\"").expect("there was memory a moment ago");
    editing.run.run().fails_with(1);
    editing.nothing_happened();
}

#[test]
fn an_editor_may_save_by_renaming() {
    let script = format!("sed 's/{OLD}/{NEW}/' \"$1\" >\"$1.new\" && mv \"$1.new\" \"$1\"");
    let Some(editing) = Editing::with(&script) else { return };
    editing.run.run().success();
    assert!(editing.case.is_new(&editing.scratch, "renamed"));
    editing.nothing_is_left();
}

#[test]
fn an_editor_that_returns_at_once_has_changed_nothing() {
    // What it does later finds no folder; the text it has in mind is the user's.
    let script = "(while test -e \"$1\"; do sleep 0.02; done; echo 'a: 1' >\"$1\") \
                  >/dev/null 2>&1 & exit 0";
    let Some(editing) = Editing::with(script) else { return };
    let outcome = editing.run.run().fails_with(200);
    assert!(outcome.err().contains("File has not changed"), "{outcome}");
    editing.nothing_happened();
}

#[test]
fn lines_that_look_like_the_notice_are_the_authors() {
    let script = format!("sed -i '1i # sops-rs: my own line' \"$1\"; {}", replace());
    let Some(editing) = Editing::with(&script) else { return };
    editing.run.run().success();
    let opened = editing.case.sops_rs(&editing.scratch, &["decrypt", "a.yaml"]).run().success();
    assert!(opened.out().starts_with("# sops-rs: my own line\n"), "{opened}");
    // And they stay when another line is changed.
    let script = editing.scratch.script("editor", "#!/bin/sh\nsed -i 's/^  - 3/  - 4/' \"$1\"\n");
    editing.run.clone().env("EDITOR", script).run().success();
    let opened = editing.case.sops_rs(&editing.scratch, &["decrypt", "a.yaml"]).run().success();
    assert!(opened.out().starts_with("# sops-rs: my own line\n"), "{opened}");
    editing.nothing_is_left();
}

#[test]
fn without_memory_the_text_is_on_the_disk_with_a_warning_and_gone_afterwards() {
    let Some(strace) = need::program("strace") else { return };
    let script = format!("dirname \"$1\" >\"$SCRATCH/where\"; {}", replace());
    let Some(editing) = Editing::with(&script) else { return };
    // The first folder is made in XDG_RUNTIME_DIR, which is on the disk here and so not used at
    // all; what is left is /dev/shm, where no folder can be made.
    let logs = Scratch::new();
    let log = logs.at("log");
    let options = ["-f", "-qq", "-e", "inject=mkdir:error=EACCES:when=1", "-o"];
    let run = editing.run.clone().env("XDG_RUNTIME_DIR", editing.scratch.path());
    let options = options.map(std::ffi::OsStr::new).into_iter().chain([log.as_os_str()]);
    let outcome = run.behind(strace, options.collect::<Vec<_>>()).run().success();
    let temporary = editing.scratch.at("temporary");
    let warning = format!("the plaintext is kept below {}", temporary.display());
    assert!(outcome.err().contains(&warning), "{outcome}");
    let place = PathBuf::from(editing.scratch.text("where").trim());
    assert!(place.starts_with(&temporary) && !place.exists(), "{}", place.display());
    assert!(editing.case.is_new(&editing.scratch, "on the disk"));
    editing.nothing_is_left();
}

#[test]
fn what_cannot_be_removed_is_told() {
    let Some(strace) = need::program("strace") else { return };
    let Some(editing) = Editing::with("exit 0") else { return };
    let logs = Scratch::new();
    let log = logs.at("log");
    // The first one looks for a file in the place of the text.
    let options = ["-qq", "-e", "inject=unlinkat:error=EIO:when=2+", "-o"];
    let options = options.map(std::ffi::OsStr::new).into_iter().chain([log.as_os_str()]);
    let run = editing.run.clone().behind(strace, options.collect::<Vec<_>>());
    let outcome = run.run().fails_with(200);
    assert!(outcome.err().contains("could not be removed"), "{outcome}");
    // The guard, which is not disturbed here, has done it.
    editing.memory.wait_until_empty();
}

#[test]
fn an_editor_that_fails_writes_nothing() {
    let Some(editing) = Editing::with(&format!("{}; exit 3", replace())) else { return };
    let outcome = editing.run.run().fails_with(201);
    assert!(outcome.err().contains("exit status 3"), "{outcome}");
    editing.nothing_happened();
    let killed = Editing::with("kill -9 $$").expect("there was memory a moment ago");
    killed.run.run().fails_with(201);
    killed.nothing_happened();
}

#[test]
fn an_invalid_text_comes_back_with_the_error_on_top() {
    let script = format!(
        "if test -e \"$SCRATCH/again\"; then head -n 1 \"$1\" >\"$SCRATCH/top\"; value={NEW}; \
         else : >\"$SCRATCH/again\"; value='['; fi; sed -i \"s/^user: .*/user: $value/\" \"$1\""
    );
    let Some(editing) = Editing::with(&script) else { return };
    let Some(mut session) = Session::start(&editing.run) else { return };
    session.expect("Press enter to return to the editor");
    session.enter("\n");
    let (status, text) = session.finish();
    assert!(status.success(), "{text}");
    let top = editing.scratch.text("top");
    assert!(top.starts_with("# sops-rs: Could not load tree"), "{top}");
    // The notice is not part of the text.
    assert!(editing.case.is_new(&editing.scratch, "the second text"));
    editing.nothing_is_left();
}

#[test]
fn without_a_person_an_invalid_text_is_given_up() {
    for (input, rounds) in [("", "x"), ("\n\n\n\n", "xx")] {
        let script = "printf x >>\"$SCRATCH/rounds\"; echo 'a: [' >\"$1\"";
        let Some(editing) = Editing::with(script) else { return };
        let outcome = editing.run.clone().input(input).run().fails_with(1);
        assert!(outcome.err().contains("The edited text was not kept"), "{outcome}");
        assert_eq!(editing.scratch.text("rounds"), rounds);
        editing.nothing_happened();
    }
}

#[test]
fn the_text_lies_in_memory_for_its_owner_only() {
    // No core dump of the editor either; and no umask can keep the text from its owner.
    let script = "stat -c %a \"$1\" \"$(dirname \"$1\")\" >\"$SCRATCH/seen\"; echo \"$1\" \
                  >>\"$SCRATCH/seen\"; ulimit -c >>\"$SCRATCH/seen\"; exit 1";
    let Some(editing) = Editing::with(script) else { return };
    let line = "umask 0277; ulimit -c 1000; exec \"$0\" \"$@\"";
    editing.run.clone().behind("/bin/sh", ["-c", line]).run().fails_with(201);
    let seen = editing.scratch.text("seen");
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines[..2], ["600", "700"]);
    let path = PathBuf::from(lines[2]);
    assert!(path.starts_with(editing.memory.path()), "{seen}");
    assert_eq!(path.file_name().unwrap(), "a.yaml");
    assert_eq!(lines[3], "0");
}

#[test]
fn vim_is_told_to_keep_no_copies() {
    let Some(editing) = Editing::with("exit 9") else { return };
    // By its name, behind a path of its own; the person's arguments stay.
    let script = "#!/bin/sh\nprintf '%s\\n' \"$@\" >\"$SCRATCH/arguments\"\n";
    let vim = editing.scratch.script("bin/vim", script);
    let editor = format!("{} -c 'set tw=72'", vim.display());
    editing.run.clone().env("SOPS_EDITOR", editor).run().fails_with(200);
    let text = editing.scratch.text("arguments");
    let arguments: Vec<&str> = text.lines().collect();
    assert_eq!(arguments[..4], ["-n", "-i", "NONE", "-c"]);
    assert_eq!(arguments[5..7], ["-c", "set tw=72"]);
    for option in ["noswapfile", "nobackup", "nowritebackup", "noundofile"] {
        assert!(text.contains(option), "{text}");
    }
    editing.nothing_happened();
}

/// With settings that make it keep all the copies it can, in a home of its own.
#[test]
fn a_real_vim_leaves_nothing_behind() {
    let Some(vim) = paths::on_path("vim") else {
        let _ = writeln!(std::io::stderr(), "SKIPPED: vim is not on PATH");
        return;
    };
    let Some(editing) = Editing::with("exit 9") else { return };
    let settings = "set nocompatible undofile undodir=~ backup backupdir=~ directory=~ swapfile\n\
                    set updatecount=1 viminfo='100,<50,s10,h\n";
    let home = editing.scratch.at("home");
    editing.scratch.write("home/.vimrc", settings);
    // A filter makes vim write the text into a temporary file of its own.
    let steps = format!("-c '%s/{OLD}/{NEW}/' -c yank -c '%!cat' -c wq");
    let run = editing.run.clone().env("SOPS_EDITOR", format!("{} {steps}", vim.display()));
    let Some(session) = Session::start(&run.env("HOME", &home).env("TERM", "xterm")) else {
        return;
    };
    let (status, text) = session.finish();
    assert!(status.success(), "{text}");
    assert!(editing.case.is_new(&editing.scratch, "vim"));
    let left = files_below(&home);
    assert_eq!(left, [home.join(".vimrc")]);
    editing.nothing_is_left();
}

#[test]
fn a_file_that_changed_meanwhile_is_kept_and_the_edit_too() {
    let script = format!("{}; echo 'other: 1' >\"$SCRATCH/repository/a.yaml\"", replace());
    let Some(editing) = Editing::with(&script) else { return };
    let outcome = editing.run.run().fails_with(3);
    assert!(outcome.err().contains("changed by another program in the meantime"), "{outcome}");
    assert_eq!(editing.scratch.text("repository/a.yaml"), "other: 1\n");
    assert_eq!(editing.case.strays(&editing.scratch), ["a.edited.yaml"]);
    editing.case.opens_as_new(&editing.scratch, "a.edited.yaml");
    editing.case.no_plaintext(&editing.scratch, true);
    assert!(editing.memory.is_empty());
}

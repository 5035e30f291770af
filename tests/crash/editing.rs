//! `edit`, and the ways out of it that are not saving a good text.

use std::path::PathBuf;

use sops_tests::run::{Run, Signal};
use sops_tests::scratch::Scratch;
use sops_tests::terminal::Session;

use super::case::{Case, NEW, OLD};
use super::memory::Memory;
use super::{edits, yaml};

/// A file and the folder in memory it is edited in.
struct Editing {
    case: Case,
    scratch: Scratch,
    memory: Memory,
    run: Run,
}

impl Editing {
    /// `edit` of the file with this script as the editor; it runs in the folder of the file and
    /// gets the text as `$1`, and the scratch folder as `$SCRATCH`.
    fn with(editor: &str) -> Option<Self> {
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
    fn nothing_happened(&self) {
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
fn replace() -> String {
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

#[test]
fn a_text_that_was_not_changed_is_not_written() {
    // Written anew with the same bytes, as editors do.
    let Some(editing) = Editing::with("cp \"$1\" \"$1~\" && mv \"$1~\" \"$1\"") else { return };
    editing.run.run().fails_with(200);
    editing.nothing_happened();
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
    let script = "stat -c %a \"$1\" \"$(dirname \"$1\")\" >\"$SCRATCH/seen\"; echo \"$1\" \
                  >>\"$SCRATCH/seen\"; exit 1";
    let Some(editing) = Editing::with(script) else { return };
    editing.run.run().fails_with(201);
    let seen = editing.scratch.text("seen");
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines[..2], ["600", "700"]);
    let path = PathBuf::from(lines[2]);
    assert!(path.starts_with(editing.memory.path()), "{seen}");
    assert_eq!(path.file_name().unwrap(), "a.yaml");
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
    assert_eq!(arguments[..5], ["-c", "set tw=72", "-n", "-i", "NONE"]);
    for option in ["noswapfile", "nobackup", "nowritebackup", "noundofile"] {
        assert!(text.contains(option), "{text}");
    }
    editing.nothing_happened();
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

//! The editor: which one, with which arguments, and a text that lies in a private folder while it
//! runs.
//!
//! The command comes from `SOPS_EDITOR`, else `EDITOR`, else it is the first of vim, nano and vi
//! that is installed. It is split into words as a shell would, but no shell runs. Known editors
//! are told to keep no swap, backup, undo or history files, and those that live in the terminal
//! put their own temporary files into the private folder; whatever an editor writes there goes
//! with it.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
};

use sops_core::crypto::SecretBytes;

use super::{
    exits,
    private_folder::{PrivateFolder, Use},
};
use crate::{
    env_vars,
    failure::{Failure, os_words},
    status::Status,
};

/// One text in the hands of the editor.
#[derive(Debug)]
pub(crate) struct Session {
    folder: PrivateFolder,
    /// The base name of the file that is edited: editors choose their mode by it.
    name: OsString,
    editor: Editor,
}

impl Session {
    /// Chooses the editor, and makes the folder.
    pub(crate) fn start(name: &OsStr) -> Result<Self, Failure> {
        let editor = Editor::choose()?;
        Ok(Self { folder: PrivateFolder::create(Use::Plaintext)?, name: name.to_owned(), editor })
    }

    /// Lets the person edit `text`, and gives what it has become.
    pub(crate) fn edit(&self, text: &SecretBytes) -> Result<SecretBytes, Failure> {
        let path = self.folder.write(&self.name, text.expose()).map_err(|error| {
            let problem = format!("Could not write temporary file: {}", os_words(&error));
            Failure::new(Status::CouldNotWriteOutput, problem)
        })?;
        self.editor.run(&path, self.folder.path())?;
        self.folder
            .open(&self.name)
            .and_then(|mut file| {
                let size = file.metadata().map_or(0, |data| data.len());
                super::input::read_all(&mut file, size)
            })
            .map_err(|error| {
                let problem = format!("Could not read edited file: {}", os_words(&error));
                Failure::new(Status::CouldNotReadInput, problem)
                    .hint("the file is as it was before")
            })
    }
}

/// An editor, found, with the arguments that the person gives it.
#[derive(Debug, PartialEq, Eq)]
struct Editor {
    program: PathBuf,
    given: Vec<String>,
}

impl Editor {
    fn choose() -> Result<Self, Failure> {
        let given = [env_vars::SOPS_EDITOR, env_vars::EDITOR]
            .into_iter()
            .find_map(|variable| variable.non_empty().map(|text| (variable.name, text)));
        let path = env_vars::PATH.os().unwrap_or_default();
        let Some((variable, text)) = given else {
            return ["vim", "nano", "vi"]
                .into_iter()
                .find_map(|name| look_up(name, &path).ok())
                .map(|program| Self { program, given: Vec::new() })
                .ok_or_else(|| {
                    not_run(
                        "no editor available: sops attempts to use the editor defined in the \
                         SOPS_EDITOR or EDITOR environment variables, and if that's not set \
                         defaults to any of vim, nano, vi, but none of them could be found",
                    )
                    .hint("export EDITOR=…, or change single values with `sops-rs set`")
                });
        };
        let words = shlex::split(&text).filter(|words| !words.is_empty());
        let words = words.ok_or_else(|| not_run(&format!("invalid ${variable}: {text}")))?;
        let program = look_up(&words[0], &path).map_err(|problem| not_run(&problem))?;
        Ok(Self { program, given: words[1..].to_vec() })
    }

    fn run(&self, path: &Path, folder: &Path) -> Result<(), Failure> {
        let habits = Habits::of(&self.program);
        let mut command = Command::new(&self.program);
        // First, so that they hold before the person's own commands, which may save and end.
        command.args(habits.arguments(&self.given, folder)).args(&self.given).arg(path);
        if habits.lives_in_terminal() {
            command.env(env_vars::TMPDIR.name, folder);
        }
        let status = exits::run(command).map_err(|error| {
            not_run(&format!("fork/exec {}: {}", self.program.display(), os_words(&error)))
        })?;
        if status.success() {
            return Ok(());
        }
        Err(not_run(&how_it_ended(status)).hint("the file is as it was before"))
    }
}

fn not_run(problem: &str) -> Failure {
    Failure::new(Status::NoEditorFound, format!("Could not run editor: {problem}"))
}

/// The end of a child in words.
pub(crate) fn how_it_ended(status: std::process::ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;
        if let Some(signal) = status.signal() {
            return format!("signal {signal}");
        }
    }
    match status.code() {
        Some(code) => format!("exit status {code}"),
        None => "it ended without a status".to_owned(),
    }
}

/// Finds a program as a shell would, but never through the current folder: a repository must not
/// bring its own editor along.
pub(crate) fn look_up(name: &str, path: &OsStr) -> Result<PathBuf, String> {
    if is_path(name) {
        return Ok(PathBuf::from(name));
    }
    let endings = if cfg!(windows) { endings(env_vars::PATHEXT.text().as_deref()) } else { vec![] };
    for folder in std::env::split_paths(path) {
        let mut candidates = spellings(name, &endings).map(|name| folder.join(name));
        let Some(candidate) = candidates.find(|candidate| is_program(candidate)) else { continue };
        if folder.is_absolute() {
            return Ok(candidate);
        }
        return Err(format!(
            "exec: \"{name}\": cannot run executable found relative to current directory"
        ));
    }
    Err(format!("exec: \"{name}\": executable file not found in $PATH"))
}

/// Whether the name of a program says where it is, so that nobody looks for it.
pub(crate) fn is_path(name: &str) -> bool {
    name.chars().any(std::path::is_separator)
}

/// What the names of programs end with where the system tells them by that: those of `PATHEXT`.
fn endings(given: Option<&str>) -> Vec<String> {
    let usual = ".COM;.EXE;.BAT;.CMD";
    let all = given.filter(|given| !given.is_empty()).unwrap_or(usual).split(';');
    all.filter(|ending| ending.starts_with('.')).map(str::to_lowercase).collect()
}

/// The names of files that a program can have: its own, and with each ending unless it has one.
fn spellings<'a>(name: &'a str, endings: &'a [String]) -> impl Iterator<Item = String> + 'a {
    let lower = name.to_lowercase();
    let whole = endings.is_empty() || endings.iter().any(|ending| lower.ends_with(ending));
    let plain = whole.then(|| name.to_owned());
    let others = endings.iter().filter(move |_| !whole);
    plain.into_iter().chain(others.map(move |ending| format!("{name}{ending}")))
}

fn is_program(path: &Path) -> bool {
    let Ok(data) = path.metadata() else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        data.is_file() && data.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    data.is_file()
}

/// What is known of an editor, by the names of its program.
struct Habits {
    /// The name it was called by and that of the file behind it: `vi` is a link to vim on most
    /// machines, but not on all.
    names: [String; 2],
}

impl Habits {
    fn of(program: &Path) -> Self {
        let base = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let typed = base(program).unwrap_or_default();
        let real = program.canonicalize().ok().and_then(|real| base(&real)).unwrap_or_default();
        Self { names: [typed, real] }
    }

    fn is(&self, names: &[&str]) -> bool {
        names.iter().any(|name| {
            self.names.iter().any(|base| {
                base.strip_prefix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
            })
        })
    }

    /// Whether it ends with its last window. One with windows of its own may live on, and would
    /// then look for its temporary files in a folder that is gone.
    fn lives_in_terminal(&self) -> bool {
        const NAMES: &[&str] =
            &["vim", "nvim", "vi", "nano", "pico", "joe", "micro", "kak", "hx", "helix", "ne"];
        self.is(NAMES)
    }

    /// What keeps it from leaving copies, and from coming back before the text is saved.
    fn arguments(&self, given: &[String], folder: &Path) -> Vec<OsString> {
        let has = |words: &[&str]| given.iter().any(|word| words.contains(&word.as_str()));
        let mut added: Vec<OsString> = Vec::new();
        let mut add = |words: &[&str]| added.extend(words.iter().map(OsString::from));
        if self.is(&["vim", "nvim", "gvim", "mvim", "vimx", "rvim", "view"]) {
            // No swap file, no history; the rest after the person's own settings, which would win
            // otherwise. A vim without undo files ends at the unknown word, so it stands last.
            add(&["-n", "-i", "NONE", "-c"]);
            add(&["silent! set noswapfile nobackup nowritebackup noundofile"]);
        }
        if self.is(&["gvim", "mvim"]) && !has(&["-f", "--nofork"]) {
            add(&["-f"]);
        }
        if self.is(&["emacs"]) {
            add(&["--eval"]);
            add(&["(setq make-backup-files nil backup-inhibited t auto-save-default nil \
                    auto-save-list-file-prefix nil create-lockfiles nil \
                    undo-tree-auto-save-history nil)"]);
        }
        if self.is(&["micro"]) {
            add(&["-backup", "false", "-saveundo", "false", "-savecursor", "false"]);
            add(&["-savehistory", "false"]);
        }
        if self.is(&["joe", "jmacs", "jstar", "jpico", "rjoe"]) {
            // Its rescue file would lie in the current folder; its state holds what was cut.
            add(&["-nobackups", "-nodeadjoe", "--joe_state"]);
        }
        if self.is(&["nano", "pico"]) {
            // Backups are not switched off but kept here; they go with the folder.
            added.extend(["-C".into(), folder.as_os_str().to_owned()]);
        }
        const WITH_WINDOWS: &[&str] = &[
            "code",
            "codium",
            "vscodium",
            "code-insiders",
            "cursor",
            "subl",
            "zed",
            "zeditor",
            "gedit",
            "atom",
            "mate",
        ];
        // Without it the command returns at once, and the text would be gone before it is read.
        if self.is(WITH_WINDOWS) && !has(&["--wait", "-w"]) {
            added.push("--wait".into());
        }
        if self.is(&["kate", "kwrite"]) && !has(&["--block", "-b"]) {
            added.push("--block".into());
        }
        added
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use sops_tests::scratch::Scratch;

    use super::*;

    fn program(scratch: &Scratch, name: &str) -> PathBuf {
        let path = scratch.write(name, "#!/bin/sh\n");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn added(program: &Path, given: &[&str]) -> Vec<OsString> {
        let given: Vec<String> = given.iter().map(|word| (*word).to_owned()).collect();
        Habits::of(program).arguments(&given, Path::new("/private"))
    }

    #[test]
    fn programs_come_from_the_path_but_not_from_here() {
        let scratch = Scratch::new();
        let found = program(&scratch, "ed-none");
        assert_eq!(look_up("ed-none", scratch.path().as_os_str()), Ok(found));
        let here = look_up("Cargo.toml", OsStr::new("."));
        assert!(here.is_err());
        assert_eq!(
            look_up("nosuch", OsStr::new("/bin")).unwrap_err(),
            "exec: \"nosuch\": executable file not found in $PATH"
        );
        assert_eq!(look_up("./x", OsStr::new("")), Ok(PathBuf::from("./x")));
    }

    #[test]
    fn programs_have_the_endings_that_their_system_gives_them() {
        let names = |name: &str, endings: &[String]| spellings(name, endings).collect::<Vec<_>>();
        assert_eq!(names("gpg", &[]), ["gpg"]);
        let windows = endings(Some(".EXE;.Cmd;junk"));
        assert_eq!(names("gpg", &windows), ["gpg.exe", "gpg.cmd"]);
        assert_eq!(names("Git.EXE", &windows), ["Git.EXE"]);
        assert_eq!(endings(None), [".com", ".exe", ".bat", ".cmd"]);
    }

    #[test]
    fn a_vi_that_is_vim_is_told_to_leave_no_copies() {
        let scratch = Scratch::new();
        let vim = program(&scratch, "vim.basic");
        let vi = scratch.at("vi");
        symlink(&vim, &vi).unwrap();
        assert_eq!(added(&vi, &[])[..3], ["-n", "-i", "NONE"]);
        assert!(Habits::of(&vi).lives_in_terminal());
        let vis = program(&scratch, "vis");
        assert!(added(&vis, &[]).is_empty() && !Habits::of(&vis).lives_in_terminal());
    }

    #[test]
    fn editors_with_windows_are_waited_for() {
        let code = Path::new("/usr/bin/code");
        assert_eq!(added(code, &[]), ["--wait"]);
        assert!(added(code, &["-w"]).is_empty());
        assert!(!Habits::of(code).lives_in_terminal());
        assert_eq!(added(Path::new("/usr/bin/gvim"), &[]).last(), Some(&"-f".into()));
    }

    #[test]
    fn backups_of_nano_go_with_the_folder() {
        assert_eq!(added(Path::new("/usr/bin/nano"), &[]), ["-C", "/private"]);
    }
}

//! The editor: which one, with which arguments, and a text that lies in a private folder while it
//! runs.
//!
//! The command comes from `SOPS_EDITOR`, else `EDITOR`, else it is the first of vim, nano and vi
//! that is installed. It is split into words as a shell would, but no shell runs. Known editors
//! are told to keep no swap, backup, undo or history files; whatever an editor writes beside the
//! text goes with the folder.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
};

use sops_core::crypto::SecretBytes;

use super::private_folder::{PrivateFolder, Running};
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
        Ok(Self { folder: PrivateFolder::create()?, name: name.to_owned(), editor })
    }

    /// Lets the person edit `text`, and gives what it has become.
    pub(crate) fn edit(&self, text: &SecretBytes) -> Result<SecretBytes, Failure> {
        let path = self.folder.write(&self.name, text.expose()).map_err(|error| {
            let problem = format!("Could not write temporary file: {}", os_words(&error));
            Failure::new(Status::CouldNotWriteOutput, problem)
        })?;
        self.editor.run(&path)?;
        std::fs::File::open(&path)
            .and_then(|mut file| {
                let size = file.metadata().map_or(0, |data| data.len());
                super::input::read_all(&mut file, size)
            })
            .map_err(|error| {
                let problem = format!("Could not read edited file: {}", os_words(&error));
                Failure::new(Status::CouldNotReadInput, problem)
            })
    }
}

/// An editor with its arguments, found.
#[derive(Debug, PartialEq, Eq)]
struct Editor {
    program: PathBuf,
    arguments: Vec<OsString>,
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
                .map(|program| Self { arguments: arguments_for(&program, &[]), program })
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
        let arguments = arguments_for(&program, &words[1..]);
        Ok(Self { program, arguments })
    }

    fn run(&self, path: &Path) -> Result<(), Failure> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .arg(path)
            .spawn()
            .map_err(|error| not_run(&os_words(&error)))?;
        let running = Running::start(child.id());
        let ended = child.wait();
        drop(running);
        let status = ended.map_err(|error| not_run(&os_words(&error)))?;
        if status.success() {
            return Ok(());
        }
        Err(not_run(&how_it_ended(status)).hint("the file is as it was before"))
    }
}

fn not_run(problem: &str) -> Failure {
    Failure::new(Status::NoEditorFound, format!("Could not run editor: {problem}"))
}

/// The end of a child in the words of SOPS.
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
    if name.contains('/') {
        return Ok(PathBuf::from(name));
    }
    for folder in std::env::split_paths(path) {
        let candidate = folder.join(name);
        if !is_program(&candidate) {
            continue;
        }
        if folder.is_absolute() {
            return Ok(candidate);
        }
        return Err(format!(
            "exec: \"{name}\": cannot run executable found relative to current directory"
        ));
    }
    Err(format!("exec: \"{name}\": executable file not found in $PATH"))
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

/// The person's arguments, and those that keep a known editor from leaving copies.
fn arguments_for(program: &Path, given: &[String]) -> Vec<OsString> {
    let base = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let typed = base(program).unwrap_or_default();
    // `vi` is a link to vim on most machines, but not on all.
    let real = program.canonicalize().ok().and_then(|real| base(&real)).unwrap_or_default();
    let is = |names: &[&str]| {
        names.iter().any(|name| {
            [&typed, &real].into_iter().any(|base| {
                base.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        })
    };
    let waits = || given.iter().any(|word| word == "--wait" || word == "-w");
    let added: &[&str] = if is(&["vim", "nvim", "gvim"]) {
        // No swap file, no history; the rest after the person's own settings, which would win
        // otherwise. A vim without undo files ends at the unknown word, so it stands last.
        &["-n", "-i", "NONE", "-c", "silent! set noswapfile nobackup nowritebackup noundofile"]
    } else if is(&["emacs"]) {
        &["--eval", "(setq make-backup-files nil auto-save-default nil create-lockfiles nil)"]
    } else if is(&["micro"]) {
        &["-backup", "false", "-saveundo", "false"]
    } else if is(&["code", "codium", "code-insiders", "cursor", "subl", "zed"]) && !waits() {
        // Without it the command returns at once, and the text would be gone before it is read.
        &["--wait"]
    } else {
        &[]
    };
    given.iter().map(OsString::from).chain(added.iter().map(OsString::from)).collect()
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
    fn a_vi_that_is_vim_is_told_to_leave_no_copies() {
        let scratch = Scratch::new();
        let vim = program(&scratch, "vim.basic");
        let vi = scratch.at("vi");
        symlink(&vim, &vi).unwrap();
        assert_eq!(arguments_for(&vi, &[])[..3], ["-n", "-i", "NONE"]);
        assert!(arguments_for(&program(&scratch, "vis"), &[]).is_empty());
    }

    #[test]
    fn editors_with_windows_are_waited_for() {
        assert_eq!(arguments_for(Path::new("/usr/bin/code"), &[]), ["--wait"]);
        let given = ["-w".to_owned()];
        assert_eq!(arguments_for(Path::new("/usr/bin/code"), &given), ["-w"]);
    }
}

//! A process that waits for the end of this one, and removes the private folder if this one did
//! not: SIGKILL leaves no other way. It is this program again, with two words as its arguments.
//!
//! It holds nothing but a descriptor of the folder, waits for the lock on it, which the system
//! takes from a process however it ends, and gets no variables and no streams. It is in a process
//! group of its own, so that Ctrl-C does not reach it. Where it cannot be started, the next command
//! removes what was left.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::{held_folder, private_folder};

/// The first of the two words; the folder is the other.
const WORD: &str = "__remove-when-abandoned";

/// The process.
#[derive(Debug)]
pub(super) struct Guard {
    process: Child,
}

impl Guard {
    /// Lets it watch over a folder that this process holds.
    pub(super) fn start(folder: &Path) -> Option<Self> {
        // The program may have been replaced by a newer one since it was started.
        let program = match cfg!(target_os = "linux") {
            true => PathBuf::from("/proc/self/exe"),
            false => std::env::current_exe().ok()?,
        };
        let mut command = Command::new(program);
        command.arg(WORD).arg(folder).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt as _;
            command.arg0("sops-rs").process_group(0).current_dir("/");
        }
        command.spawn().ok().map(|process| Self { process })
    }

    /// Ends it. Nothing is left for it to do.
    pub(super) fn dismiss(mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The folder to watch over, if this process is to be the guard.
pub(crate) fn asked(words: &[OsString]) -> Option<&Path> {
    let [word, folder] = words else { return None };
    let folder = Path::new(folder);
    (word == WORD && private_folder::is_name(folder.file_name()?)).then_some(folder)
}

/// Watches over it.
pub(crate) fn watch(folder: &Path) {
    held_folder::wait_and_remove(folder);
}

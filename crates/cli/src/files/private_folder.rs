//! A folder that only its owner can enter, for plaintext or for pipes that give it out: in memory
//! where there is any, and gone on every way out of the program.
//!
//! Rules of this module:
//!
//! - Memory first: `XDG_RUNTIME_DIR` and `/dev/shm`, when the file system there is one that lives
//!   in memory. Only then the folder for temporary files, with a warning. (What is in memory may
//!   still be swapped out; encrypt the swap space, or have none.)
//! - Files are overwritten before they are removed. On a disk that is a good deed and no promise.
//! - The folder goes when its value is dropped, when the program panics, and on signals that ask
//!   for the end. After SIGKILL a guard removes it, and if that was killed too, the next command.
//!   What is not in memory survives a power failure, until the next `edit`.
//! - All such folders are in a global, because signals and panics know no owner.

use std::{
    ffi::OsStr,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, TryLockError},
};

use super::{exits, guard::Guard, held_folder::HeldFolder, leftovers};
use crate::{
    env_vars,
    failure::{self, Failure, os_words},
    status::Status,
};

/// The folders to remove on the way out.
static FOLDERS: Mutex<Vec<Registered>> = Mutex::new(Vec::new());

/// A folder, and who removes it if this process does not come to it.
struct Registered {
    folder: HeldFolder,
    guard: Option<Guard>,
}

/// What a folder is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Files in clear, which belong into memory.
    Plaintext,
    /// Pipes: what goes through them is in no file.
    Pipes,
}

/// What its name begins with; 24 hexadecimal digits follow.
const PREFIX: &str = "sops-rs-edit-";

/// The folder. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct PrivateFolder {
    path: PathBuf,
}

impl PrivateFolder {
    /// Makes one.
    pub(crate) fn create(used_for: Use) -> Result<Self, Failure> {
        exits::watch()?;
        let failed = |problem: String| {
            Failure::new(
                Status::CouldNotWriteOutput,
                format!("Could not create temporary directory: {problem}"),
            )
        };
        let fallback = std::env::temp_dir();
        leftovers::remove_private_folders(&fallback);
        let mut random = [0; 12];
        getrandom::fill(&mut random).map_err(|error| failed(error.to_string()))?;
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("{PREFIX}{name}");
        for place in in_memory() {
            if let Ok(path) = make(&place.join(&name)) {
                return Ok(Self { path });
            }
        }
        if used_for == Use::Plaintext {
            failure::warn(format_args!(
                "no memory-backed folder found; the plaintext is kept below {} for as long as it \
                 is needed",
                fallback.display()
            ));
        }
        let path = make(&fallback.join(&name)).map_err(|error| failed(os_words(&error)))?;
        Ok(Self { path })
    }

    /// Writes a file into it, readable by its owner only, in place of any of that name.
    pub(crate) fn write(&self, name: &OsStr, bytes: &[u8]) -> io::Result<PathBuf> {
        // What an editor has put there, a link even, is not written through.
        let registered = lock();
        let own = registered.iter().find(|registered| registered.folder.path() == self.path);
        if let Some(own) = own {
            own.folder.remove_file(name)?;
        }
        drop(registered);
        let path = self.path.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut file = options.open(&path)?;
        #[cfg(unix)]
        super::unix::set_mode(&file, 0o600)?;
        file.write_all(bytes)?;
        Ok(path)
    }

    /// Opens what an editor has left under a name.
    pub(crate) fn open(&self, name: &OsStr) -> io::Result<File> {
        let path = self.path.join(name);
        let file = super::open_to_read(&path)?;
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(io::Error::other("it is no regular file any more")),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets the processes that this one starts from now on hold it too. It stays after this
    /// process has ended, until the last of them has; then the guard removes it.
    #[cfg(unix)]
    pub(crate) fn leave_to_children(self) -> io::Result<()> {
        let registered = lock();
        let own = registered.iter().find(|registered| registered.folder.path() == self.path);
        match own {
            Some(Registered { folder, guard: Some(_) }) => folder.leave_to_children()?,
            // Nobody would remove it.
            _ => return Err(io::Error::other("there is no process that would remove it")),
        }
        drop(registered);
        std::mem::forget(self);
        Ok(())
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        let mut registered = lock();
        let own = registered.iter().position(|registered| registered.folder.path() == self.path);
        let own = own.map(|own| registered.swap_remove(own));
        drop(registered);
        // What ended the program meanwhile has removed it.
        if let Some(own) = own {
            own.remove();
        }
    }
}

/// Whether a folder of this name was made here.
pub(super) fn is_name(name: &OsStr) -> bool {
    let digits = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
    digits.is_some_and(|digits| {
        digits.len() == 24 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Whether plaintext can be kept in memory.
pub(crate) fn has_memory() -> bool {
    !in_memory().is_empty()
}

/// Folders of this machine that live in memory.
pub(super) fn in_memory() -> Vec<PathBuf> {
    let runtime = env_vars::XDG_RUNTIME_DIR.os().map(PathBuf::from);
    let shared = PathBuf::from("/dev/shm");
    runtime
        .into_iter()
        .chain([shared])
        .filter(|folder| folder.is_absolute() && is_memory(folder))
        .collect()
}

#[cfg(target_os = "linux")]
fn is_memory(folder: &Path) -> bool {
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    // The type's width differs between machines; the numbers fit into 32 bits on all of them.
    rustix::fs::statfs(folder)
        .is_ok_and(|data| matches!((data.f_type as u64) & 0xffff_ffff, TMPFS | RAMFS))
}

#[cfg(not(target_os = "linux"))]
fn is_memory(_: &Path) -> bool {
    false
}

/// Makes a folder for its owner only, and remembers to remove it.
fn make(path: &Path) -> io::Result<PathBuf> {
    let mut registered = lock();
    let folder = HeldFolder::make(path)?;
    let guard = Guard::start(path);
    registered.push(Registered { folder, guard });
    Ok(path.to_owned())
}

fn lock() -> std::sync::MutexGuard<'static, Vec<Registered>> {
    FOLDERS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Removes the folders, if there are any.
pub(super) fn remove() {
    // A panic while the lock is held must not keep the folders alive.
    let registered = match FOLDERS.try_lock() {
        Ok(mut registered) => std::mem::take(&mut *registered),
        Err(TryLockError::Poisoned(poisoned)) => std::mem::take(&mut *poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => Vec::new(),
    };
    registered.into_iter().for_each(Registered::remove);
}

impl Registered {
    fn remove(self) {
        match self.folder.remove() {
            Ok(()) => {
                if let Some(guard) = self.guard {
                    guard.dismiss();
                }
            }
            // The guard tries it once more when this process has ended.
            Err(error) => failure::warn(format_args!(
                "the plaintext in {} could not be removed ({}); remove the folder",
                self.folder.path().display(),
                os_words(&error)
            )),
        }
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn the_folder_is_private_and_goes_with_its_value() {
        let folder = PrivateFolder::create(Use::Plaintext).unwrap();
        let file = folder.write(OsStr::new("s.yaml"), b"secret").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path), 0o700);
        assert_eq!(mode(&file), 0o600);
        let path = folder.path.clone();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn each_folder_goes_with_its_own_value() {
        let first = PrivateFolder::create(Use::Plaintext).unwrap();
        let second = PrivateFolder::create(Use::Plaintext).unwrap();
        let file = first.write(OsStr::new("s.yaml"), b"secret").unwrap();
        let path = second.path.clone();
        drop(second);
        assert!(!path.exists());
        assert_eq!(fs::read(&file).unwrap(), b"secret");
        first.write(OsStr::new("s.yaml"), b"other").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"other");
        drop(first);
        assert!(!file.parent().unwrap().exists());
    }

    #[test]
    fn what_an_editor_put_in_the_place_of_the_file_is_not_written_through() {
        let scratch = sops_tests::scratch::Scratch::new();
        let other = scratch.write("other", "kept");
        let folder = PrivateFolder::create(Use::Plaintext).unwrap();
        let (name, at) = (OsStr::new("s.yaml"), folder.path().join("s.yaml"));
        std::os::unix::fs::symlink(&other, &at).unwrap();
        assert!(folder.open(name).is_err(), "a link is not read either");
        folder.write(name, b"secret").unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"kept");
        fs::remove_file(&at).unwrap();
        // A second name was made by somebody who wants to keep the content.
        let twin = folder.path().join("twin");
        fs::hard_link(&other, &twin).unwrap_or_else(|_| fs::write(&twin, "other disk").unwrap());
        drop(folder);
        assert_eq!(fs::read(&other).unwrap(), b"kept");
    }
}

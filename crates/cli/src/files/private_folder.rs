//! A folder for plaintext that only its owner can enter, in memory where there is any, and gone
//! on every way out of the program.
//!
//! Rules of this module:
//!
//! - Memory first: `XDG_RUNTIME_DIR` and `/dev/shm`, when the file system there is one that lives
//!   in memory. Only then the folder for temporary files, with a warning. (What is in memory may
//!   still be swapped out; encrypt the swap space, or have none.)
//! - Files are overwritten before they are removed. On a disk that is a good deed and no promise.
//! - The folder goes when its value is dropped, when the program panics, and on SIGINT, SIGTERM,
//!   SIGHUP and SIGQUIT. Only SIGKILL and a power failure leave it, the latter not in memory.
//! - There is one such folder at a time, in a global, because signals and panics know no owner.

use std::{
    ffi::OsStr,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock, Mutex, Once,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use crate::{
    env_vars,
    failure::{self, Failure, os_words},
    status::Status,
};

/// The folder to remove on the way out.
static FOLDER: Mutex<Option<PathBuf>> = Mutex::new(None);
/// The editor's process, 0 when none runs.
static CHILD: AtomicU32 = AtomicU32::new(0);
/// Whether a signal asked for the end. Set by the handler itself: Ctrl-C on a terminal ends the
/// editor too, and the main thread must not take that for the editor's own failure.
static CANCELLED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// Whether the main thread has seen the editor end after that.
static CHILD_ENDED: AtomicBool = AtomicBool::new(false);

/// The folder. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct PrivateFolder {
    path: PathBuf,
}

impl PrivateFolder {
    /// Makes one.
    pub(crate) fn create() -> Result<Self, Failure> {
        clean_up_on_every_exit()?;
        let mut random = [0; 12];
        let failed = |problem: String| {
            Failure::new(
                Status::CouldNotWriteOutput,
                format!("Could not create temporary directory: {problem}"),
            )
        };
        getrandom::fill(&mut random).map_err(|error| failed(error.to_string()))?;
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("sops-rs-{name}");
        for folder in in_memory() {
            if let Ok(path) = make(&folder.join(&name)) {
                return Ok(Self { path });
            }
        }
        let fallback = std::env::temp_dir();
        failure::warn(format_args!(
            "no memory-backed folder found; the plaintext is kept below {} while the editor runs",
            fallback.display()
        ));
        let path = make(&fallback.join(&name)).map_err(|error| failed(os_words(&error)))?;
        Ok(Self { path })
    }

    /// Writes a file into it, readable by its owner only, in place of any of that name.
    pub(crate) fn write(&self, name: &OsStr, bytes: &[u8]) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        options.open(&path)?.write_all(bytes)?;
        Ok(path)
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        remove_registered();
    }
}

/// While it lives, a signal ends this process too.
pub(crate) struct Running;

impl Running {
    /// Remembers the editor's process.
    pub(crate) fn start(process: u32) -> Self {
        CHILD.store(process, Ordering::SeqCst);
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        CHILD.store(0, Ordering::SeqCst);
        CHILD_ENDED.store(true, Ordering::SeqCst);
        // The thread that got the signal ends the program; what the editor said on its way out
        // is of no interest any more.
        while CANCELLED.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Folders of this machine that live in memory.
fn in_memory() -> Vec<PathBuf> {
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
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    let mut registered = FOLDER.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    builder.create(path)?;
    *registered = Some(path.to_owned());
    Ok(path.to_owned())
}

fn remove_registered() {
    // A panic while the lock is held must not keep the folder alive.
    let folder = match FOLDER.try_lock() {
        Ok(mut folder) => folder.take(),
        Err(std::sync::TryLockError::Poisoned(poisoned)) => poisoned.into_inner().take(),
        Err(std::sync::TryLockError::WouldBlock) => None,
    };
    if let Some(folder) = folder {
        wipe_below(&folder);
        let _ = fs::remove_dir_all(&folder);
    }
}

/// Overwrites every file. What cannot be overwritten is still removed.
fn wipe_below(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => wipe_below(&path),
            Ok(kind) if kind.is_file() => {
                let Ok(mut file) = OpenOptions::new().write(true).open(&path) else { continue };
                let length = file.metadata().map_or(0, |data| data.len());
                let zeros = [0; 8192];
                let mut left = length;
                while left > 0 {
                    let part = left.min(zeros.len() as u64) as usize;
                    if file.write_all(&zeros[..part]).is_err() {
                        break;
                    }
                    left -= part as u64;
                }
                let _ = file.sync_data();
            }
            _ => {}
        }
    }
}

/// Arranges, once, for the folder to go on signals and panics.
fn clean_up_on_every_exit() -> Result<(), Failure> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        // In a release the program is aborted after this hook, and nothing is dropped.
        std::panic::set_hook(Box::new(move |panic| {
            remove_registered();
            before(panic);
        }));
    });
    watch_signals()
}

#[cfg(unix)]
fn watch_signals() -> Result<(), Failure> {
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
        iterator::Signals,
    };
    static WATCHING: AtomicBool = AtomicBool::new(false);
    if WATCHING.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    const ENDING: [i32; 4] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];
    let failed = |error| Failure::generic(format!("unable to watch for signals: {error}"));
    // In this order: once the flag can be set, somebody will act on it.
    let mut signals = Signals::new(ENDING).map_err(failed)?;
    for signal in ENDING {
        signal_hook::flag::register(signal, Arc::clone(&CANCELLED)).map_err(failed)?;
    }
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            cancel();
        }
    });
    Ok(())
}

#[cfg(not(unix))]
fn watch_signals() -> Result<(), Failure> {
    Ok(())
}

/// Ends the editor, removes the folder, and ends the program.
#[cfg(unix)]
fn cancel() {
    use rustix::process::{Pid, Signal, kill_process};
    let child = i32::try_from(CHILD.load(Ordering::SeqCst)).ok().and_then(Pid::from_raw);
    if let Some(child) = child {
        let _ = kill_process(child, Signal::TERM);
        // It may want to put the terminal in order.
        for _ in 0..25 {
            if CHILD_ENDED.load(Ordering::SeqCst) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    remove_registered();
    Failure::generic("User canceled operation").print();
    std::process::exit(Status::Generic.code().into());
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_folder_is_private_and_goes_with_its_value() {
        let folder = PrivateFolder::create().unwrap();
        let file = folder.write(OsStr::new("s.yaml"), b"secret").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path), 0o700);
        assert_eq!(mode(&file), 0o600);
        let path = folder.path.clone();
        drop(folder);
        assert!(!path.exists());
    }
}

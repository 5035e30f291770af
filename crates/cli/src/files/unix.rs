//! What the standard library lacks for replacing files on Unix.

use std::{
    fs::File,
    io,
    os::{
        fd::AsFd as _,
        unix::fs::{MetadataExt as _, PermissionsExt as _},
    },
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, Gid, Mode, Uid, XattrFlags, fchown, flock},
    io::Errno,
};

use super::{input::unreadable, replace::Content};
use crate::{failure::Failure, status::Status};

/// How long another of these programs may hold a file before we give up: longer than any command
/// takes but `edit`, which holds it for as long as the editor is open.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens and locks the file that `real` names at the moment the lock is held.
pub(super) fn lock(typed: &Path, real: &Path) -> Result<File, Failure> {
    let refused = |error: &io::Error| unreadable("open", typed, error);
    let started = Instant::now();
    loop {
        let file = File::open(real).map_err(|error| refused(&error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                // While we waited, another may have put a new file under this name; the lock is
                // on the old one then and protects nothing.
                let (ours, named) = (file.metadata(), std::fs::metadata(real));
                match (ours, named) {
                    (Ok(ours), Ok(named))
                        if (ours.dev(), ours.ino()) == (named.dev(), named.ino()) =>
                    {
                        return Ok(file);
                    }
                    (Ok(_), Ok(_)) => continue,
                    (Err(error), _) | (_, Err(error)) => return Err(refused(&error)),
                }
            }
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            // Some network file systems have no locks. A change is still noticed by content.
            Err(_) => return Ok(file),
        }
        if started.elapsed() > PATIENCE {
            let problem = format!("another sops-rs is working on {}", typed.display());
            return Err(Failure::new(Status::CouldNotReadInput, problem)
                .hint("finish the edit that is open on this file, and repeat the command"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The mode of a new file, before the umask.
pub(super) fn mode(content: Content) -> u32 {
    match content {
        Content::Plain => 0o600,
        Content::Sealed => 0o666,
    }
}

/// A file in `folder` that has no name yet, and vanishes by itself if it never gets one. `None`
/// where the file system, or a missing `/proc`, does not allow it.
#[cfg(target_os = "linux")]
pub(super) fn anonymous_file(folder: &Path, content: Content) -> Option<File> {
    use rustix::fs::{OFlags, open};
    // Without /proc there is no way to give it a name later on.
    if !Path::new("/proc/self/fd").exists() {
        return None;
    }
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    open(folder, flags, Mode::from_raw_mode(mode(content))).ok().map(File::from)
}

/// Gives an anonymous file a name that must be free.
#[cfg(target_os = "linux")]
pub(super) fn name_file(file: &File, name: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    use std::os::fd::AsRawFd as _;
    let here = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    Ok(linkat(CWD, here.as_str(), CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

/// Marks a file as being written. Where there are no locks, nothing is ever taken for a stray.
pub(super) fn hold(file: &File) {
    let _ = flock(file, FlockOperation::NonBlockingLockExclusive);
}

/// Removes what a program that was killed has left under a temporary name: a file that is not
/// marked by [`hold`], because marks go with those who made them.
pub(super) fn remove_stray(name: &Path) {
    use rustix::fs::{OFlags, open};
    // Anybody may have put anything there; nothing is followed and nothing is waited for.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = open(name, flags, Mode::empty()).map(File::from) else { return };
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return;
    }
    // Only whoever holds the lock on the file that has the name removes the name, so it cannot
    // come to stand for another file after this look.
    let (Ok(ours), Ok(named)) = (file.metadata(), std::fs::symlink_metadata(name)) else { return };
    if ours.is_file() && (ours.dev(), ours.ino()) == (named.dev(), named.ino()) {
        let _ = std::fs::remove_file(name);
    }
}

/// Gives `file` the owner, the mode and the extended attributes of `target`.
pub(super) fn take_over(file: &File, target: &Path) -> io::Result<()> {
    let theirs = std::fs::metadata(target)?;
    let ours = file.metadata()?;
    let mut mode = theirs.permissions().mode() & 0o7777;
    if theirs.uid() != ours.uid() && fchown(file, Some(Uid::from_raw(theirs.uid())), None).is_err()
    {
        // Only root gives files away. It is ours now; a set-user bit would mean another user.
        mode &= !0o6000;
    }
    if theirs.gid() != ours.gid() && fchown(file, None, Some(Gid::from_raw(theirs.gid()))).is_err()
    {
        // What the old group could do must not fall to another one.
        mode &= !0o6070;
    }
    file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    copy_attributes(file, target);
    Ok(())
}

/// Copies access lists, security labels and the like, as far as the file system lets us. Losing
/// one is no reason to refuse the user's change.
fn copy_attributes(file: &File, target: &Path) {
    let mut names = vec![0; 4096];
    let Ok(length) = rustix::fs::listxattr(target, names.as_mut_slice()) else { return };
    names.truncate(length);
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 64 * 1024];
        let Ok(length) = rustix::fs::getxattr(target, name, value.as_mut_slice()) else { continue };
        value.truncate(length);
        let _ = rustix::fs::fsetxattr(file, name, &value, XattrFlags::empty());
    }
}

//! A named pipe that gives the same text to everyone who opens it, one after the other: the text is
//! in no file.
//!
//! A pipe has one stream for all who have it open. So each reader gets a pipe of its own: as soon
//! as somebody opens the name, another pipe takes it. Two that open the name in the same
//! moment may still share one; for them there is a regular file (`--no-fifo`).
//!
//! That moment cannot be taken away, nor seen: the system lets all who wait for a pipe in at once,
//! tells nobody how many they are, and its notices of files being opened become one where they are
//! equal. A link to an open file in memory (`/proc/PID/fd/N`) would be another text for each, but
//! no pipe, as scripts expect one, and closed to another user (`--user`).

use std::{
    ffi::OsStr,
    fs::OpenOptions,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use sops_core::crypto::SecretBytes;

use super::private_folder::PrivateFolder;

/// Makes the pipe, and serves it for as long as this program runs. What is not read costs nothing.
pub(crate) fn serve(
    folder: &PrivateFolder,
    name: &OsStr,
    text: SecretBytes,
) -> io::Result<PathBuf> {
    let path = folder.path().join(name);
    let next = folder.path().join(".sops-rs-next");
    make(&path)?;
    let (text, served) = (Arc::new(text), path.clone());
    thread::spawn(move || {
        loop {
            // It is there before it is needed, so that the name changes hands at once.
            if make(&next).is_err() {
                return;
            }
            // Waits for a reader.
            let Ok(mut pipe) = OpenOptions::new().write(true).open(&served) else { return };
            let renamed = std::fs::rename(&next, &served);
            let text = text.clone();
            // A reader that stops reading does not keep the others waiting.
            thread::spawn(move || {
                // It may have seen enough and gone.
                let _ = pipe.write_all(text.expose());
            });
            if renamed.is_err() {
                return;
            }
        }
    });
    Ok(path)
}

fn make(path: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    Ok(mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::FileTypeExt as _};

    use super::*;
    use crate::files::private_folder::Use;

    #[test]
    fn everyone_reads_the_same_also_more_than_a_pipe_holds() {
        let folder = PrivateFolder::create(Use::Pipes).unwrap();
        let text = "0123456789".repeat(20_000);
        let path = serve(&folder, OsStr::new("s.yaml"), SecretBytes::from(text.as_str())).unwrap();
        assert!(fs::metadata(&path).unwrap().file_type().is_fifo());
        for _ in 0..50 {
            assert!(fs::read_to_string(&path).unwrap() == text);
        }
        // Somebody who opens it and does not read is in nobody's way.
        let idle = fs::File::open(&path).unwrap();
        assert!(fs::read_to_string(&path).unwrap() == text);
        drop(idle);
        assert!(fs::read_to_string(&path).unwrap() == text);
    }
}

//! What programs like this one have left behind when they were killed, found and removed by the
//! next one that runs.
//!
//! Rules of this module:
//!
//! - Two things can be left: the file that was to replace another one, in that one's folder, and
//!   the private folder of an editor. Whoever makes one of them holds a lock on it for as long as
//!   they live; a name of ours without a lock is left behind.
//! - Nothing is removed that belongs to another person, that has a second name, or that is not of
//!   the kind and mode we make. No link is followed.
//! - Nothing here is a reason to stop: what cannot be removed stays.

use std::{fs, path::Path, sync::Once};

use super::{beside, held_folder, private_folder};

/// Removes what was left in `folder`, and, once, the private folders in memory.
pub(super) fn remove_in(folder: &Path) {
    static ONCE: Once = Once::new();
    beside::remove_strays(folder);
    ONCE.call_once(|| {
        private_folder::in_memory().iter().for_each(|place| remove_private_folders(place));
    });
}

/// Removes the private folders that were left in `place`.
pub(super) fn remove_private_folders(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        if private_folder::is_name(&entry.file_name()) {
            held_folder::remove_if_abandoned(&entry.path());
        }
    }
}

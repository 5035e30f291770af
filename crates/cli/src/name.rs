//! The name that this program was started by. As `sops` it takes the place of SOPS: what it advises
//! to type has to be there, and scripts ask `sops --version` what they can expect.

use std::{borrow::Cow, path::Path, sync::OnceLock};

use sops_core::metadata::VERSION;

/// Its own name.
const OWN: &str = "sops-rs";
/// The other one.
const OTHER: &str = "sops";

/// The name to type.
pub(crate) fn typed() -> &'static str {
    static NAME: OnceLock<&str> = OnceLock::new();
    NAME.get_or_init(|| {
        let first = std::env::args_os().next();
        let stem = first.as_deref().and_then(|first| Path::new(first).file_stem());
        if stem.is_some_and(|stem| stem == OTHER) { OTHER } else { OWN }
    })
}

/// The line of `--version`. Scripts read the second word: as `sops` it is the version of SOPS whose
/// files, commands and flags these are.
pub(crate) fn version() -> String {
    let own = concat!("sops-rs ", env!("CARGO_PKG_VERSION"));
    if typed() == OTHER { format!("{OTHER} {VERSION} ({own})\n") } else { format!("{own}\n") }
}

/// A message, with the name to type where it says what to type.
pub(crate) fn in_message(text: &str) -> Cow<'_, str> {
    let command = format!("{OWN} ");
    if typed() == OWN || !text.contains(&command) {
        return Cow::Borrowed(text);
    }
    let mut text = text.to_owned();
    for before in ["`", ": "] {
        text = text.replace(&format!("{before}{command}"), &format!("{before}{OTHER} "));
    }
    Cow::Owned(text)
}

/// A text of ours, such as help or a script, with the name to type everywhere.
pub(crate) fn everywhere(text: String) -> String {
    if typed() == OWN { text } else { text.replace("sops__rs", OTHER).replace(OWN, OTHER) }
}

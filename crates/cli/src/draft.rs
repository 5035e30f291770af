//! A text in the editor, until it can be sealed: unchanged, it is left alone; invalid, it is
//! offered again with the error on top.
//!
//! Rules of this module:
//!
//! - The error stands in comment lines that begin with a mark of ours, where the format has
//!   comments, and on standard error in any case. As many lines as were put there are taken away
//!   before the text is read; such lines of the author's own stay.
//! - Between two rounds one line of standard input is waited for, so that Ctrl-C can end it. When
//!   nobody sits there, the input ends, or the editor gives the same invalid text twice: then it
//!   is given up (exit status 1), because an editor that is a script would go on for ever.
//! - Given up means that the edited text is gone. It is plaintext, and does not stay on a disk.

use std::{
    ffi::OsStr,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};
use sops_core::{crypto::SecretBytes, format::Format};

use crate::{
    failure::{self, Failure},
    files::editor::Session,
    status::Status,
};

const MARK: &str = "sops-rs: ";
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// A text that is offered for editing.
pub(crate) struct Draft {
    session: Session,
    offered: SecretBytes,
    comment: Option<&'static str>,
}

impl Draft {
    /// Gets editor and folder ready.
    pub(crate) fn start(
        path: &Path,
        offered: SecretBytes,
        format: Format,
    ) -> Result<Self, Failure> {
        let name = path.file_name().unwrap_or(OsStr::new("file"));
        let comment = match format {
            Format::Yaml | Format::Dotenv => Some("# "),
            Format::Ini => Some("; "),
            Format::Json | Format::Binary => None,
        };
        Ok(Self { session: Session::start(name)?, offered, comment })
    }

    /// Lets the person edit until `accept` takes the text, and gives what it made of it.
    pub(crate) fn edit<T>(
        self,
        mut accept: impl FnMut(&SecretBytes) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut text = self.offered.clone();
        let mut refused = None;
        let mut notice = 0;
        loop {
            let edited = self.without_notice(self.session.edit(&text)?, notice);
            if edited == self.offered {
                return Err(Failure::new(
                    Status::FileHasNotBeenModified,
                    "File has not changed, exiting.",
                ));
            }
            let failure = match accept(&edited) {
                Ok(accepted) => return Ok(accepted),
                Err(failure) => failure,
            };
            let digest = <[u8; 32]>::from(Sha256::digest(edited.expose()));
            let problem = what(&failure);
            failure::note(format_args!(
                "{problem} Press enter to return to the editor, or Ctrl+C to exit."
            ));
            if !go_on(refused.replace(digest) == Some(digest)) {
                return Err(Failure::generic(format!("{problem} The edited text was not kept.")));
            }
            (text, notice) = self.with_notice(&edited, &problem);
        }
    }

    /// The text with the problem on top, in so many lines.
    fn with_notice(&self, text: &SecretBytes, problem: &str) -> (SecretBytes, usize) {
        let Some(comment) = self.comment else { return (text.clone(), 0) };
        let (bom, rest) = split_bom(text.expose());
        let mut noted = SecretBytes::new(Vec::with_capacity(text.len() + 2 * problem.len() + 200));
        let mut lines = 0;
        let out = noted.expose_mut();
        out.extend_from_slice(bom);
        for line in problem.lines().filter(|line| !line.trim().is_empty()) {
            out.extend_from_slice(format!("{comment}{MARK}{line}\n").as_bytes());
            lines += 1;
        }
        out.extend_from_slice(rest);
        (noted, lines)
    }

    /// The text without the notice, of which the person may have left any part.
    fn without_notice(&self, text: SecretBytes, lines: usize) -> SecretBytes {
        let Some(comment) = self.comment else { return text };
        let mark = format!("{comment}{MARK}");
        let (bom, mut rest) = split_bom(text.expose());
        let whole = rest.len();
        for _ in 0..lines {
            if !rest.starts_with(mark.as_bytes()) {
                break;
            }
            let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
            rest = &rest[end..];
        }
        if rest.len() == whole {
            return text;
        }
        let mut plain = SecretBytes::new(Vec::with_capacity(bom.len() + rest.len()));
        plain.expose_mut().extend_from_slice(bom);
        plain.expose_mut().extend_from_slice(rest);
        plain
    }
}

fn split_bom(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(if text.starts_with(BOM) { BOM.len() } else { 0 })
}

/// What keeps the text from being sealed, as a sentence.
fn what(failure: &Failure) -> String {
    let message = failure.message();
    match message.strip_prefix("Error unmarshalling file: ") {
        Some(problem) => {
            format!("Could not load tree, probably due to invalid syntax: {problem}.")
        }
        None => format!("Tree not valid for encryption: {message}."),
    }
}

/// Waits for the person, if there is one.
fn go_on(again: bool) -> bool {
    let person = io::stdin().is_terminal();
    if !person && again {
        return false;
    }
    read_line()
}

/// Reads one line, byte by byte: what stands behind it belongs to the editor.
fn read_line() -> bool {
    let mut byte = [0];
    loop {
        #[cfg(unix)]
        let read = rustix::io::read(io::stdin(), &mut byte[..]);
        #[cfg(not(unix))]
        let read = io::Read::read(&mut io::stdin().lock(), &mut byte);
        match read {
            Ok(0) | Err(_) => return false,
            Ok(_) if byte[0] == b'\n' => return true,
            Ok(_) => {}
        }
    }
}

/// Names beside a file for a text that could not replace it: `secret.edited.yaml`,
/// `secret.edited2.yaml`.
pub(crate) fn beside(path: &Path, number: u32) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let number = if number > 1 { number.to_string() } else { String::new() };
    match path.extension() {
        Some(extension) => {
            path.with_file_name(format!("{stem}.edited{number}.{}", extension.to_string_lossy()))
        }
        None => path.with_file_name(format!("{stem}.edited{number}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edit_that_lost_keeps_its_format() {
        assert_eq!(beside(Path::new("a/s.yaml"), 1), Path::new("a/s.edited.yaml"));
        assert_eq!(beside(Path::new("a/s.yaml"), 2), Path::new("a/s.edited2.yaml"));
        assert_eq!(beside(Path::new("a/s"), 1), Path::new("a/s.edited"));
    }

    #[test]
    fn parse_errors_are_told_from_others() {
        let parse = Failure::generic("Error unmarshalling file: line 1, column 2: odd");
        assert_eq!(
            what(&parse),
            "Could not load tree, probably due to invalid syntax: line 1, column 2: odd."
        );
        assert!(what(&Failure::generic("no")).starts_with("Tree not valid for encryption: no"));
    }
}

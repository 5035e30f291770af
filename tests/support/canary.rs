//! Looks for a plaintext where it must not be.
//!
//! A canary is a value that occurs nowhere by accident. Put it into a document, run the command,
//! then search what the command printed and every file it left behind.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::run::Outcome;
use crate::scratch::files_below;

/// A value to look for.
#[derive(Clone, Debug)]
pub struct Canary {
    value: String,
}

impl Canary {
    /// Takes the value; short ones would be found by accident.
    pub fn new(value: impl Into<String>) -> Self {
        let value = value.into();
        assert!(value.len() >= 12, "a canary of under 12 bytes is found by accident");
        Self { value }
    }

    /// The value, to be put into a document.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether these bytes hold the value: as it is, as hexadecimal, or in base64 when the value
    /// begins at any of the three offsets base64 has.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.spellings().iter().any(|spelling| contains(bytes, spelling))
    }

    /// Fails if the command printed the value on either stream.
    #[track_caller]
    pub fn assert_not_printed(&self, outcome: &Outcome) {
        assert!(!self.is_in(&outcome.stdout), "the canary is on standard output of {outcome}");
        assert!(!self.is_in(&outcome.stderr), "the canary is on standard error of {outcome}");
    }

    /// Fails if a file below the folder holds the value or is named after it; files named in
    /// `but` (relative to the folder) may.
    #[track_caller]
    pub fn assert_not_below(&self, folder: &Path, but: &[&str]) {
        for path in files_below(folder) {
            let name = path.strip_prefix(folder).expect("it is below the folder");
            if but.iter().any(|allowed| Path::new(allowed) == name) {
                continue;
            }
            let shown = name.display();
            assert!(!self.is_in(name.as_os_str().as_encoded_bytes()), "a file is called {shown}");
            // A link that points nowhere holds nothing.
            let Ok(content) = fs::read(&path) else { continue };
            assert!(!self.is_in(&content), "the canary is in the file {shown}");
        }
    }

    fn spellings(&self) -> Vec<Vec<u8>> {
        let bytes = self.value.as_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut all = vec![bytes.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
        for offset in 0..3 {
            let mut padded = vec![0; offset];
            padded.extend_from_slice(bytes);
            let text = STANDARD.encode(&padded);
            // The first and last groups also hold bits of the neighbours; the middle is certain.
            all.push(text.as_bytes()[4..text.len() - 4].to_vec());
        }
        all
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_found_in_clear_in_hex_and_in_base64() {
        let canary = Canary::new("canary-7f3a9c51");
        assert!(canary.is_in(b"token: canary-7f3a9c51\n"));
        assert!(canary.is_in(b"63616e6172792d3766336139633531"));
        for before in ["", "x", "xy", "xyz"] {
            let text = STANDARD.encode(format!("{before}canary-7f3a9c51 and more"));
            assert!(canary.is_in(text.as_bytes()), "{before:?} in front");
        }
        assert!(!canary.is_in(b"token: ENC[AES256_GCM,data:...]\n"));
    }
}

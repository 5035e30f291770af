//! What was opened last, so that an unchanged object costs no call of a key service.
//!
//! The digest is one of the *encrypted* object, which whoever may read the status may read as
//! well; nothing can be learned from it. A digest of plaintext stands nowhere.

use sha2::{Digest as _, Sha256};

use crate::object::SopsSecret;

/// Raised when the same object would become other Secrets than before.
const MEANING: &[u8] = b"sops-operator 1\n";

/// The digest of everything that decides what Secrets an object becomes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(object: &SopsSecret) -> Self {
        let mut hash = Sha256::new();
        hash.update(MEANING);
        for part in [&object.spec, &object.sops] {
            let text = part.as_ref().map_or("", |raw| raw.get());
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
        // Both decide whether the object is taken at all.
        let claim = object.annotation(crate::open::CANONICAL).unwrap_or_default();
        hash.update((claim.len() as u64).to_le_bytes());
        hash.update(claim);
        Self(hash.finalize().into())
    }

    /// As it stands in the status.
    pub(crate) fn text(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether the status holds this one.
    pub(crate) fn is(&self, text: &str) -> bool {
        text == self.text()
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text()[..12])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Fingerprint {
        Fingerprint::of(&serde_json::from_str(text).expect("an object"))
    }

    #[test]
    fn spec_and_sops_count_and_nothing_else_does() {
        let base = of(r#"{"metadata":{"name":"a"},"spec":{"x":1},"sops":{"mac":"m"}}"#);
        let same = [
            r#"{"metadata":{"name":"a","resourceVersion":"9"},"spec":{"x":1},"sops":{"mac":"m"}}"#,
            r#"{"metadata":{"name":"a"},"spec":{"x":1},"sops":{"mac":"m"},"status":{"message":"h"}}"#,
        ];
        let other = [
            r#"{"metadata":{"name":"a"},"spec":{"x":2},"sops":{"mac":"m"}}"#,
            r#"{"metadata":{"name":"a"},"spec":{"x":1},"sops":{"mac":"n"}}"#,
            r#"{"metadata":{"name":"a"},"spec":{"x":1}}"#,
            r#"{"metadata":{"name":"a","annotations":{"sops-operator/canonical":"true"}},"spec":{"x":1},"sops":{"mac":"m"}}"#,
        ];
        assert!(same.iter().all(|text| of(text) == base));
        assert!(other.iter().all(|text| of(text) != base));
    }
}

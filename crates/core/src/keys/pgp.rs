//! OpenPGP: a fingerprint (format §4.2).

use super::{KeyFault, KeyKind, ParseKeyError};

const FORM: &str = "a fingerprint, or at least the long key id of 16 hexadecimal digits";

/// A key of OpenPGP.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PgpKey {
    /// The fingerprint as given, without blanks. A `!` at its end forces that subkey.
    pub fingerprint: String,
}

impl PgpKey {
    /// Reads a fingerprint. Blanks are removed, so the grouped form works.
    ///
    /// # Errors
    /// If it is not one: names and addresses do not work with the reference either.
    pub fn parse(text: &str) -> Result<Self, ParseKeyError> {
        let fingerprint: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let digits = fingerprint.strip_suffix('!').unwrap_or(&fingerprint);
        let digits = digits.strip_prefix("0x").unwrap_or(digits);
        if digits.len() >= 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Self { fingerprint });
        }
        Err(ParseKeyError::new(KeyKind::Pgp, text.trim(), KeyFault::Form(FORM)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_lose_their_blanks() {
        let grouped = "85D7 7543 B3D6 24B6 3CEA  9E6D BC17 301B 491B 3F21!";
        let key = PgpKey::parse(grouped).unwrap();
        assert_eq!(key.fingerprint, "85D77543B3D624B63CEA9E6DBC17301B491B3F21!");
        for text in ["", "alice@example.com", "491B3F21", "85D77543B3D624B6X"] {
            assert!(PgpKey::parse(text).is_err(), "{text}");
        }
    }
}

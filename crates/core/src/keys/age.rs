//! age: a recipient, in one of four forms (format §4.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::bech32::bech32_decode;
use super::{KeyFault, KeyKind, ParseKeyError};

/// A recipient of age.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AgeKey {
    /// The recipient as it was given, comment of an SSH key included.
    pub recipient: String,
}

/// The forms of recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgeRecipientKind {
    /// `age1…`: X25519.
    X25519,
    /// `age1pq1…`: ML-KEM-768 with X25519.
    PostQuantum,
    /// `age1NAME1…`: belongs to the program `age-plugin-NAME`.
    Plugin,
    /// `ssh-ed25519 …`
    SshEd25519,
    /// `ssh-rsa …`
    SshRsa,
}

/// Bytes in the public key of a post-quantum recipient: ML-KEM-768 and X25519.
const POST_QUANTUM_LEN: usize = 1184 + 32;

impl AgeKey {
    /// Reads a recipient as users write it, and checks its checksum or its encoding.
    ///
    /// # Errors
    /// If the text is not a recipient.
    pub fn parse(text: &str) -> Result<Self, ParseKeyError> {
        let text = text.trim();
        let refused = |fault| ParseKeyError::new(KeyKind::Age, text, fault);
        let key = Self { recipient: text.to_owned() };
        let kind = key.recipient_kind().ok_or_else(|| refused(KeyFault::UnknownRecipient))?;
        match kind {
            AgeRecipientKind::SshEd25519 | AgeRecipientKind::SshRsa => {
                check_ssh(text).ok_or_else(|| refused(KeyFault::SshKey))?;
            }
            _ => {
                let (_, bytes) =
                    bech32_decode(text).map_err(|error| refused(KeyFault::Bech32(error)))?;
                let fits = match kind {
                    AgeRecipientKind::X25519 => bytes.len() == 32,
                    AgeRecipientKind::PostQuantum => bytes.len() == POST_QUANTUM_LEN,
                    // What a plugin puts in there is its own affair.
                    _ => true,
                };
                if !fits {
                    return Err(refused(KeyFault::Length));
                }
            }
        }
        Ok(key)
    }

    /// Which form the recipient has; `None` if it has none of them.
    pub fn recipient_kind(&self) -> Option<AgeRecipientKind> {
        let text = self.recipient.trim();
        if text.starts_with("age1pq1") {
            Some(AgeRecipientKind::PostQuantum)
        } else if let Some(rest) = text.strip_prefix("age1") {
            // The separator of Bech32 is its last `1`; an earlier one belongs to a plugin's name.
            Some(match rest.contains('1') {
                true => AgeRecipientKind::Plugin,
                false => AgeRecipientKind::X25519,
            })
        } else {
            match text.split_ascii_whitespace().next() {
                Some("ssh-ed25519") => Some(AgeRecipientKind::SshEd25519),
                Some("ssh-rsa") => Some(AgeRecipientKind::SshRsa),
                _ => None,
            }
        }
    }

    /// The name of the plugin that the recipient belongs to.
    pub fn plugin_name(&self) -> Option<&str> {
        match self.recipient_kind()? {
            AgeRecipientKind::Plugin => {
                let (name, _) = self.recipient.trim().strip_prefix("age1")?.rsplit_once('1')?;
                Some(name)
            }
            _ => None,
        }
    }
}

/// Whether a line of `authorized_keys` holds a key of the type that it begins with: its base64
/// part repeats the type, with a length in front (RFC 4253 §6.6).
fn check_ssh(line: &str) -> Option<()> {
    let mut words = line.split_ascii_whitespace();
    let (name, blob) = (words.next()?, STANDARD.decode(words.next()?).ok()?);
    let (length, rest) = blob.split_first_chunk::<4>()?;
    let inner = rest.get(..u32::from_be_bytes(*length) as usize)?;
    (inner == name.as_bytes() && rest.len() > inner.len()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Bech32Error;

    const X25519: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";

    #[test]
    fn recipients_are_stored_as_given() {
        for text in [X25519, ED25519, &format!("{ED25519} alice@host")] {
            assert_eq!(AgeKey::parse(&format!(" {text}\n")).unwrap().recipient, text);
        }
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        let typo = X25519.replace("ql3z", "ql3y");
        for (text, fault) in [
            ("age1short", KeyFault::Bech32(Bech32Error::Separator)),
            ("age1nosuch1xyz", KeyFault::Bech32(Bech32Error::Separator)),
            (typo.as_str(), KeyFault::Bech32(Bech32Error::Checksum)),
            ("ssh-ed25519", KeyFault::SshKey),
            ("ssh-ed25519 AAAA", KeyFault::SshKey),
            ("ecdsa-sha2-nistp256 AAAA", KeyFault::UnknownRecipient),
            ("AGE-SECRET-KEY-1XYZ", KeyFault::PrivateKey),
            ("alice", KeyFault::UnknownRecipient),
        ] {
            assert_eq!(AgeKey::parse(text).unwrap_err().fault, fault, "{text}");
        }
    }

    #[test]
    fn plugins_are_known_by_a_second_one() {
        let text = crate::keys::bech32_encode("age1yubikey", &[1, 2, 3]);
        let key = AgeKey::parse(&text).unwrap();
        assert_eq!(key.recipient_kind(), Some(AgeRecipientKind::Plugin));
        assert_eq!(key.plugin_name(), Some("yubikey"));
        assert_eq!(AgeKey::parse(X25519).unwrap().plugin_name(), None);
    }
}

//! The text of a sealed value, `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]` (format §1.3).
//!
//! Behind the closing bracket a **spelling note** may follow: `~` and base64 without padding. It
//! says, encrypted, how the author had spelled the value where its style alone cannot tell
//! (`docs/layout.md`). SOPS anchors its pattern at the start only, so it reads such a token as it
//! reads any other.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::tree::Kind;

const PREFIX: &[u8] = b"ENC[AES256_GCM,data:";

/// Padding is demanded, stray bits in the last character are not: as the reference reads (§1.3).
const PADDED: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);
const UNPADDED: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// A sealed value, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The ciphertext, as long as the plaintext.
    pub data: Vec<u8>,
    /// The nonce; 32 bytes in all files but a few of 2017.
    pub nonce: Vec<u8>,
    /// The authentication tag, 16 bytes when genuine.
    pub tag: Vec<u8>,
    /// What the plaintext is.
    pub kind: Kind,
    /// The encrypted spelling note, if there is one.
    pub note: Option<Vec<u8>>,
}

/// Why a text is not a sealed value. The text is never repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It does not have the shape at all.
    #[error("the value is not an ENC[…] token")]
    NotAToken,
    /// One of the parts is not base64.
    #[error("the {0} part of the ENC[…] token is not base64")]
    NotBase64(&'static str),
    /// The type is none of format §1.4.
    #[error("the ENC[…] token names an unknown type")]
    UnknownType,
}

impl Envelope {
    /// Whether a text has the shape of a sealed value (the pattern of §1.3), however broken its
    /// parts may be.
    pub fn matches(text: &[u8]) -> bool {
        parts(text).is_some()
    }

    /// Whether a text is a sealed comment: what stands for a comment in a sealed list (§1.6).
    pub fn is_comment(text: &[u8]) -> bool {
        parts(text).is_some_and(|parts| parts.kind == Kind::Comment.name().as_bytes())
    }

    /// Takes a sealed value apart.
    ///
    /// # Errors
    /// If it is not one.
    pub fn parse(text: &[u8]) -> Result<Self, EnvelopeError> {
        let parts = parts(text).ok_or(EnvelopeError::NotAToken)?;
        let kind = Kind::from_name(parts.kind).ok_or(EnvelopeError::UnknownType)?;
        let note = parts.rest.strip_prefix(b"~").and_then(|note| UNPADDED.decode(note).ok());
        Ok(Self {
            data: decode(parts.data, "data")?,
            nonce: decode(parts.iv, "iv")?,
            tag: decode(parts.tag, "tag")?,
            kind,
            note,
        })
    }

    /// The text.
    pub fn print(&self) -> String {
        let mut text = String::with_capacity(160 + self.data.len() * 4 / 3);
        text.push_str("ENC[AES256_GCM,data:");
        PADDED.encode_string(&self.data, &mut text);
        text.push_str(",iv:");
        PADDED.encode_string(&self.nonce, &mut text);
        text.push_str(",tag:");
        PADDED.encode_string(&self.tag, &mut text);
        text.push_str(",type:");
        text.push_str(self.kind.name());
        text.push(']');
        if let Some(note) = &self.note {
            text.push('~');
            UNPADDED.encode_string(note, &mut text);
        }
        text
    }
}

struct Parts<'a> {
    data: &'a [u8],
    iv: &'a [u8],
    tag: &'a [u8],
    kind: &'a [u8],
    rest: &'a [u8],
}

/// Splits at the separators. The pattern's groups are greedy and exclude line feeds, so the last
/// separator of each name counts and the token ends with the last `]` of its line.
fn parts(text: &[u8]) -> Option<Parts<'_>> {
    let body = text.strip_prefix(PREFIX)?;
    let line = body.iter().position(|b| *b == b'\n').map_or(body, |end| &body[..end]);
    let close = line.iter().rposition(|b| *b == b']')?;
    let rest = &line[close + 1..];
    let (head, kind) = split_last(&line[..close], b",type:")?;
    let (head, tag) = split_last(head, b",tag:")?;
    let (data, iv) = split_last(head, b",iv:")?;
    let whole = [data, iv, tag, kind].iter().all(|part| !part.is_empty());
    whole.then_some(Parts { data, iv, tag, kind, rest })
}

fn split_last<'a>(text: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut end = text.len();
    // Base64 has no comma, so the first one from behind is nearly always the one.
    loop {
        let at = text[..end].iter().rposition(|b| *b == separator[0])?;
        if text[at..].starts_with(separator) {
            return Some((&text[..at], &text[at + separator.len()..]));
        }
        end = at;
    }
}

fn decode(part: &[u8], name: &'static str) -> Result<Vec<u8>, EnvelopeError> {
    let refused = |_| EnvelopeError::NotBase64(name);
    if part.contains(&b'\r') {
        let kept: Vec<u8> = part.iter().copied().filter(|b| *b != b'\r').collect();
        return PADDED.decode(kept).map_err(refused);
    }
    PADDED.decode(part).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "ENC[AES256_GCM,data:Rw==,iv:AAAA,tag:AAAA,type:str]";

    #[test]
    fn a_token_is_printed_as_it_was_read() {
        assert_eq!(Envelope::parse(TOKEN.as_bytes()).unwrap().print(), TOKEN);
    }

    #[test]
    fn a_note_rides_behind_the_bracket() {
        let mut token = Envelope::parse(TOKEN.as_bytes()).unwrap();
        token.note = Some(vec![1, 2, 3, 4]);
        assert_eq!(token.print(), format!("{TOKEN}~AQIDBA"));
        assert_eq!(Envelope::parse(token.print().as_bytes()), Ok(token));
    }

    #[test]
    fn errors_do_not_repeat_the_text() {
        for text in ["hunter2", "ENC[AES256_GCM,data:hunter2!,iv:AAAA,tag:AAAA,type:str]"] {
            let error = Envelope::parse(text.as_bytes()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }
}

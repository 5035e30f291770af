//! The verdict on a document's MAC (format §2), and what a mismatch most likely means.

use super::{diagnosis::Diagnosis, pieces::Piece};
use crate::{
    crypto::{Digest, SecretBytes},
    format::Format,
    metadata::{Metadata, is_before},
    tree::Value,
};

/// What came of comparing the MAC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MacVerdict {
    /// It matches.
    Matches,
    /// It matches what an older version hashed (format §9, Q4 and Q17).
    MatchesLegacy,
    /// There is none.
    Missing,
    /// It is there, and does not open: it belongs to another time stamp, key or file.
    Unreadable,
    /// It is another one.
    Differs(Diagnosis),
}

impl MacVerdict {
    /// Whether the values are those that were sealed.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Matches | Self::MatchesLegacy)
    }
}

/// Whether the MAC is what an older version would have written: floats as Python spells them
/// (format §9, Q4), or large integers of JSON by way of a float (Q17).
///
/// Type tags are not authenticated. If the decrypted bytes counted as they are whatever their
/// type, a text such as `05` could be passed off as the integer 5 under an unchanged MAC. So these
/// readings are open only to files that claim to be that old, and to what those versions wrote.
pub(super) fn matches_legacy(
    expected: &SecretBytes,
    format: Format,
    metadata: &Metadata,
    pieces: &[Piece],
    odd: &[(usize, SecretBytes)],
) -> bool {
    let version = metadata.version.as_str();
    let as_written = |number: usize, piece: &Piece| match piece.value {
        Value::Float(_) => odd
            .iter()
            .find(|(at, bytes)| *at == number && python_writes(bytes))
            .map(|(_, bytes)| bytes.clone()),
        _ => None,
    };
    let through_float = |_: usize, piece: &Piece| match piece.value {
        Value::Int(int) if !piece.selected && int.unsigned_abs() > 1 << 53 => {
            Some(SecretBytes::from(format!("{:.0}", int as f64)))
        }
        _ => None,
    };
    type Variant<'v> = &'v dyn Fn(usize, &Piece) -> Option<SecretBytes>;
    let python: Variant<'_> = &as_written;
    let before_int: Variant<'_> = &through_float;
    let variants = [
        (is_before(version, [2, 0, 0]) && !odd.is_empty(), python),
        (is_before(version, [3, 13, 2]) && format == Format::Json, before_int),
    ];
    variants.iter().filter(|(open, _)| *open).any(|(_, variant)| {
        let mut digest = Digest::new(metadata.mac_scope);
        for (number, piece) in pieces.iter().enumerate() {
            let bytes = variant(number, piece).unwrap_or_else(|| piece.value.canonical().into());
            digest.add(piece.selected, bytes.expose());
        }
        digest.finish() == *expected
    })
}

/// Whether Python prints a float like this where Go prints it otherwise: `1.0`, `1e+21`, `nan`.
fn python_writes(bytes: &SecretBytes) -> bool {
    let text = bytes.expose();
    text.ends_with(b".0") || text.contains(&b'e') || text.ends_with(b"inf") || text == b"nan"
}

//! The pipeline with a fixed key and fixed randomness, for property tests and fuzz targets: what
//! must hold for every text that reads as a plain document.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of tests fails the test")]

use std::collections::HashSet;

use sops_core::crypto::{DataKey, MacScope, SecretBytes};
use sops_core::document::{Document, PlainDocument};
use sops_core::format::Format;
use sops_core::keys::testing::{SeededRng, pgp};
use sops_core::keys::{KeyGroup, WrappedKey};
use sops_core::metadata::{Metadata, VERSION};
use sops_core::pipeline::{self, Check, OpenDocument, Plan, SealError, SealedText, Target};
use sops_core::selection::{Field, Selection};
use sops_core::tree::Time;

/// When documents are sealed first, and when they are sealed again.
const TIMES: [i64; 2] = [1_700_000_000, 1_800_000_000];

/// Of a plain text; `None` when it does not read as one.
pub(crate) fn plain(format: Format, text: &[u8]) -> Option<PlainDocument> {
    match Document::read(format, text.into()) {
        Ok(Document::Plain(plain)) => Some(plain),
        _ => None,
    }
}

/// Seals, whether or not the rule selects anything.
pub(crate) fn seal(plain: PlainDocument, selection: &Selection) -> Result<SealedText, SealError> {
    let (metadata, key) = (metadata(selection), data_key(1));
    let plan = plan(metadata, &key, plain.format, TIMES[0]);
    pipeline::seal(plain, plan, &mut SeededRng::new(1))
}

/// Opens a sealed text, whose MAC has to match.
pub(crate) fn open(format: Format, sealed: &SecretBytes, key: u8) -> OpenDocument {
    let document = match Document::read(format, sealed.clone()) {
        Ok(Document::Sealed(document)) => *document,
        other => panic!("a sealed text reads as {other:?}\n{}", shown(sealed.expose())),
    };
    let opened = pipeline::open(document, &data_key(key), true);
    let opened = opened.unwrap_or_else(|error| panic!("{error}\n{}", shown(sealed.expose())));
    opened.verified().unwrap_or_else(|verdict| panic!("{verdict:?}\n{}", shown(sealed.expose())))
}

/// Seals a text that was open again, under the key and the nonces it had.
pub(crate) fn reseal(plain: PlainDocument, opened: OpenDocument) -> SealedText {
    try_reseal(plain, opened).unwrap()
}

/// As [`reseal`], of a text that may be one that cannot be sealed.
pub(crate) fn try_reseal(
    plain: PlainDocument,
    opened: OpenDocument,
) -> Result<SealedText, SealError> {
    let (key, format) = (data_key(1), opened.format);
    let plan = plan(opened.metadata, &key, format, TIMES[1]);
    pipeline::reseal(plain, opened.memory, plan, &mut SeededRng::new(2))
}

/// What must hold: opened, the text is what it was; sealed again without an edit, it changes in
/// time and MAC only; no two tokens are equal; rotated, it still opens to what it was.
///
/// With `odd` a text may also be refused because what came of it does not read or open again:
/// the check before every write is what keeps the promise for YAML that nobody writes.
pub(crate) fn check(format: Format, text: &[u8], selection: &Selection, odd: bool) {
    let Some(document) = plain(format, text) else { return };
    let sealed = match seal(document, selection) {
        Ok(sealed) => sealed,
        // What cannot be sealed, and says so before anything is made.
        Err(SealError::NoDocument | SealError::Emit(_) | SealError::Aliases(_)) => return,
        Err(SealError::CommentRule { .. }) => return,
        Err(SealError::UnseenComment { .. }) if goes_by_comments(selection) => return,
        Err(SealError::Unreadable(_) | SealError::Unopenable) if odd => return,
        Err(error) => panic!("{error:?}\n{}", shown(text)),
    };
    let first = tokens(&sealed.text, &sealed.metadata.mac);
    let mut different = HashSet::new();
    assert!(first.iter().all(|token| different.insert(token)), "equal tokens\n{}", shown(text));

    let opened = open(format, &sealed.text, 1);
    let back = opened.text().unwrap();
    // An alias into sealed data becomes a copy; that is told.
    if sealed.expanded_aliases.is_empty() && !(odd && tag_moved(text, back.expose())) {
        assert_eq!(
            shown(back.expose()),
            shown(text),
            "opened from\n{}",
            shown(sealed.text.expose())
        );
    }

    let again = reseal(plain(format, back.expose()).expect("it reads as before"), opened);
    let constant = |sealed: &SealedText| {
        let time = sealed.metadata.last_modified.to_string();
        let text = shown(sealed.text.expose());
        let text = text.replace(&sealed.metadata.mac, "MAC").replace(&time, "TIME");
        if odd { without_comments(text) } else { text }
    };
    assert_eq!(constant(&again), constant(&sealed), "sealed again, of\n{}", shown(text));

    let key = data_key(2);
    let opened = open(format, &sealed.text, 1);
    let plan = plan(opened.metadata.clone(), &key, format, TIMES[1]);
    let rotated = pipeline::rotate(opened, plan, &mut SeededRng::new(3));
    // What a pattern meets in a token by chance is met under one key and not under another.
    if matches!(rotated, Err(SealError::CommentRule { .. })) {
        return;
    }
    let rotated = rotated.unwrap();
    let second = tokens(&rotated.text, &rotated.metadata.mac);
    assert_eq!(second.len(), first.len(), "rotated, of\n{}", shown(text));
    assert!(second.iter().all(|token| !first.contains(token)), "a token of the old key stayed");
    let turned = open(format, &rotated.text, 2).text().unwrap();
    if odd {
        // Blanks at the very end of a block may go.
        let tree = |text: &SecretBytes| plain(format, text.expose()).map(|plain| plain.tree);
        assert_eq!(tree(&turned), tree(&back), "rotated, of\n{}", shown(text));
        return;
    }
    assert_eq!(shown(turned.expose()), shown(back.expose()), "rotated, of\n{}", shown(text));
}

/// Whether comments decide what is encrypted. Only then one that Go sops loses stops the work.
fn goes_by_comments(selection: &Selection) -> bool {
    matches!(
        selection.field(),
        Some((Field::EncryptedCommentRegex | Field::UnencryptedCommentRegex, _))
    )
}

/// A sealed text with its comments left out. Among nothing but comments it happens that one is
/// taken for that of another container once they are sealed; it opens there too, and is then
/// sealed anew.
fn without_comments(text: String) -> String {
    let mut rest = text.as_str();
    let mut kept = String::new();
    while let Some(at) = rest.find("ENC[AES256_GCM,data:") {
        let end = rest[at..].find(']').map_or(rest.len(), |end| at + end + 1);
        kept.push_str(&rest[..at]);
        let token = &rest[at..end];
        kept.push_str(if token.ends_with(",type:comment]") { "COMMENT" } else { token });
        rest = &rest[end..];
    }
    kept + rest
}

/// Whether two texts differ in the place of a tag only: one that stood before an anchor or a
/// comment comes back behind it (docs/layout.md).
fn tag_moved(before: &[u8], after: &[u8]) -> bool {
    let sorted = |text: &[u8]| {
        let mut bytes = text.to_vec();
        bytes.sort_unstable();
        bytes
    };
    before != after && before.contains(&b'!') && sorted(before) == sorted(after)
}

/// The tokens of a sealed text, without that of the MAC, which each document of a file repeats.
pub(crate) fn tokens(sealed: &SecretBytes, mac: &str) -> Vec<String> {
    let text = shown(sealed.expose()).replace(mac, "");
    text.match_indices("ENC[AES256_GCM,data:")
        .filter_map(|(at, _)| text[at..].split(']').next().map(str::to_owned))
        .filter(|token| token.contains(",tag:"))
        .collect()
}

/// Bytes for a message.
pub(crate) fn shown(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|&byte| match byte {
            b'\n' => vec!['\n'],
            b'\r' => "\\r".chars().collect(),
            _ if byte.is_ascii_control() => format!("\\x{byte:02x}").chars().collect(),
            _ => vec![char::from(byte)],
        })
        .collect()
}

fn plan(metadata: Metadata, key: &DataKey, format: Format, now: i64) -> Plan<'_> {
    let target = Target { format, indent: None, check: Check::Full };
    let now = Time::from_unix(now).expect("a year of four digits");
    Plan { metadata, data_key: key, now, target, allow_nothing_sealed: true }
}

pub(crate) fn metadata(selection: &Selection) -> Metadata {
    let created_at = Time::from_unix(1_600_000_000);
    let key = WrappedKey { key: pgp(1), enc: "wrapped".into(), created_at, unknown: Vec::new() };
    Metadata {
        groups: vec![KeyGroup(vec![key])],
        shamir_threshold: 0,
        last_modified: created_at.expect("a year of four digits"),
        mac: String::new(),
        selection: selection.clone(),
        mac_scope: MacScope::Everything,
        version: VERSION.to_owned(),
        unknown: Vec::new(),
        unknown_in_groups: Vec::new(),
    }
}

pub(crate) fn data_key(number: u8) -> DataKey {
    DataKey::from_slice(&[number; 32]).expect("of the right length")
}

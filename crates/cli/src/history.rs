//! What Git can tell of a file whose MAC does not match: the newest committed version that has the
//! same MAC and is intact, and where the file differs from it.
//!
//! Rules of this module:
//!
//! - It is asked after a failure only, so whatever goes wrong here is no further failure: then
//!   there is nothing to tell.
//! - It names places, never values.
//! - It asks no key: a version with the same MAC was sealed with the data key that is at hand.

use std::path::Path;

use sops_core::{
    crypto::{DataKey, SecretBytes},
    diff::{self, Change, ChangeKind, Side},
    document::{Document, SealedDocument},
    format::Format,
    pipeline,
};

use crate::{files::input::Source, git};

/// Versions that are looked at. One with the same MAC that is not among them is older than any
/// mistake that somebody still looks for.
const VERSIONS: usize = 50;
/// Places that are named of each kind.
const NAMED: usize = 5;

/// Where the file at `path` differs from its newest intact version, as the end of a sentence.
pub(crate) fn since_intact(path: &Path, format: Format, data_key: &DataKey) -> Option<String> {
    let now = read(format, Source::File(path.to_owned()).read().ok()?)?;
    let revisions = git::revisions(path, VERSIONS).ok()?;
    for revision in revisions {
        let Some(before) = git::file_at(&revision, path).ok().flatten() else { continue };
        let Some(old) = read(format, before.clone()) else { continue };
        if old.metadata.mac == now.metadata.mac && is_intact(read(format, before)?, data_key) {
            let side = |tree| Side { tree, sealed: true, open: None };
            let changes = diff::changes(side(&old.tree), side(&now.tree));
            return Some(describe(&revision, &changes));
        }
    }
    None
}

fn read(format: Format, bytes: SecretBytes) -> Option<SealedDocument> {
    match Document::read(format, bytes) {
        Ok(Document::Sealed(document)) => Some(*document),
        Ok(Document::Plain(_)) | Err(_) => None,
    }
}

fn is_intact(document: SealedDocument, data_key: &DataKey) -> bool {
    pipeline::open(document, data_key, false).is_ok_and(|opened| opened.verdict().is_good())
}

fn describe(revision: &str, changes: &[Change]) -> String {
    let of = |word: &str, kind: fn(&ChangeKind) -> bool| {
        let places: Vec<String> = changes
            .iter()
            .filter(|change| kind(&change.kind))
            .map(|change| match change.document {
                0 => change.path.to_string(),
                number => format!("{} of document {}", change.path, number + 1),
            })
            .collect();
        let named = places.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = places.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!places.is_empty()).then(|| format!("{word} {named}{more}"))
    };
    let found: Vec<String> = [
        of("changed", |kind| {
            use ChangeKind as K;
            matches!(kind, K::Changed(..) | K::Unknown(..) | K::Resealed(_) | K::SameValue(..))
        }),
        of("added", |kind| matches!(kind, ChangeKind::Added(_))),
        of("removed", |kind| matches!(kind, ChangeKind::Removed(_))),
    ]
    .into_iter()
    .flatten()
    .collect();
    match found.is_empty() {
        true => format!("Since commit {revision}, outside of sops: the order of entries"),
        false => {
            format!("Since commit {revision}, outside of sops: {}", found.join("; "))
        }
    }
}

#[cfg(test)]
mod tests {
    use sops_core::{
        diff::What,
        tree::{Path, Step},
    };

    use super::*;

    const TEXT: What = What::Leaf { kind: "str", sealed: false };

    fn change(key: &str, document: usize, kind: ChangeKind) -> Change {
        Change { document, path: Path(vec![Step::Key(key.to_owned())]), kind }
    }

    #[test]
    fn places_are_named_by_what_happened_to_them() {
        let changes = [
            change("a", 0, ChangeKind::Changed(TEXT, TEXT)),
            change("b", 1, ChangeKind::Added(TEXT)),
            change("c", 0, ChangeKind::Removed(TEXT)),
        ];
        assert_eq!(
            describe("1a2b3c4", &changes),
            "Since commit 1a2b3c4, outside of sops: changed [\"a\"]; added [\"b\"] of \
             document 2; removed [\"c\"]"
        );
    }

    #[test]
    fn many_places_are_counted() {
        let changes: Vec<Change> =
            (0..7).map(|n| change(&format!("k{n}"), 0, ChangeKind::Removed(TEXT))).collect();
        assert!(describe("1a2b3c4", &changes).ends_with("[\"k4\"] and 2 more"));
    }

    #[test]
    fn nothing_but_order_is_said_to_be_the_order() {
        assert!(describe("1a2b3c4", &[]).contains("order"));
    }
}

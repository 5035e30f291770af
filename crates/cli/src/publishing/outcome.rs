//! What became of a file, or would become of it: for people, and as JSON. Names, never values.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sops_core::{
    diff::{self, Change, ChangeKind, Side},
    tree::Tree,
};

/// What happened in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// It is as it was, and nothing was written.
    Same,
    /// Somebody said no.
    Canceled,
    /// What was there was not looked at.
    Published,
    /// There was something else.
    Changed,
    /// There was nothing.
    Created,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Canceled => "canceled",
            Self::Published => "published",
            Self::Changed => "changed",
            Self::Created => "created",
        }
    }

    fn planned(self) -> &'static str {
        match self {
            Self::Same => "is the same already",
            Self::Canceled => "would not be published",
            Self::Published => "would be published (what is there cannot be looked at)",
            Self::Changed => "would be changed",
            Self::Created => "would be created",
        }
    }
}

/// One place.
#[derive(Debug)]
pub(crate) struct Part {
    /// The key of the value it holds, if the file is in several places.
    pub(crate) key: Option<String>,
    /// What happened.
    pub(crate) outcome: Outcome,
    /// The version that was made.
    pub(crate) version: Option<String>,
}

/// A file.
#[derive(Debug)]
pub(crate) struct Done {
    /// Where it goes.
    pub(crate) address: String,
    /// Each place; usually one.
    pub(crate) parts: Vec<Part>,
    /// What differs from what was there, where both are known.
    pub(crate) changes: Vec<Change>,
    /// Whether the file is encrypted anew for its destination.
    pub(crate) anew: bool,
}

impl Done {
    /// What happened in all: the most that happened anywhere.
    pub(crate) fn outcome(&self) -> Outcome {
        self.parts.iter().map(|part| part.outcome).max().unwrap_or(Outcome::Same)
    }

    /// Whether anything was written, if it was no rehearsal.
    pub(crate) fn writes(&self) -> bool {
        !matches!(self.outcome(), Outcome::Same | Outcome::Canceled)
    }

    /// What would happen, for `--dry-run`.
    pub(crate) fn plan(&self, file: &str) -> String {
        let anew = if self.anew { ", encrypted anew by the recreation rule" } else { "" };
        let mut text = format!("{file}: {} {}{anew}\n", self.address, self.outcome().planned());
        for part in self.parts.iter().filter(|part| part.outcome != Outcome::Same) {
            if let Some(key) = &part.key {
                let _ = writeln!(text, "  {} {key}", mark_of(part.outcome));
            }
        }
        for (path, kind) in self.listed() {
            let _ = writeln!(text, "  {} {path}", kind.0);
        }
        text
    }

    /// One line for a terminal.
    pub(crate) fn line(&self, file: &str) -> String {
        let mut text = format!("{file}: {} {}", self.address, self.outcome().name());
        if let [Part { version: Some(version), .. }] = self.parts.as_slice() {
            let _ = write!(text, " (version {version})");
        }
        text
    }

    /// For programs.
    pub(crate) fn json(&self, file: &str, dry: bool) -> Value {
        let changes: Vec<_> =
            self.listed().map(|(path, kind)| json!({ "path": path, "change": kind.1 })).collect();
        let mut line = json!({
            "file": file,
            "destination": self.address,
            "result": self.outcome().name(),
            "written": self.writes() && !dry,
            "changes": changes,
        });
        match self.parts.as_slice() {
            [Part { key: None, version, .. }] => line["version"] = json!(version),
            parts => {
                let parts = parts.iter().map(|part| {
                    json!({
                        "key": part.key,
                        "result": part.outcome.name(),
                        "version": part.version,
                    })
                });
                line["parameters"] = parts.collect();
            }
        }
        line
    }

    fn listed(&self) -> impl Iterator<Item = (String, (char, &'static str))> {
        self.changes.iter().filter_map(|change| {
            let kind = match change.kind {
                ChangeKind::Added(_) => ('+', "added"),
                ChangeKind::Removed(_) => ('-', "removed"),
                ChangeKind::Comments { .. } => return None,
                // Encrypted by another key it is another text whatever it says.
                ChangeKind::Unknown(..) if self.anew => return None,
                _ => ('~', "changed"),
            };
            Some((change.path.to_string(), kind))
        })
    }
}

fn mark_of(outcome: Outcome) -> char {
    match outcome {
        Outcome::Created => '+',
        Outcome::Same => '=',
        _ => '~',
    }
}

/// What differs between what is there and what is to be there.
pub(crate) fn changes(old: &Tree, new: &Tree, sealed: bool) -> Vec<Change> {
    let side = |tree| Side { tree, sealed, open: None };
    diff::changes(side(old), side(new))
}

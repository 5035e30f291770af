//! How `diff` shows what it found: as text for people and reviews, as JSON for programs, and with
//! `--show-values` as a unified diff of the plaintext.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _},
};

use serde_json::{Value, json};
use similar::TextDiff;
use sops_core::{
    crypto::SecretBytes,
    diff::{Change, ChangeKind, MetadataChange, What},
};

use crate::failure::colour_wanted;

/// Everything that was found.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    /// What the two versions are called.
    pub(crate) names: (&'a str, &'a str),
    /// Whether each is encrypted, not encrypted, or absent.
    pub(crate) states: (&'static str, &'static str),
    /// Values and comments.
    pub(crate) changes: &'a [Change],
    /// Keys and rule.
    pub(crate) metadata: &'a MetadataChange,
    /// Whether the files are the same, byte for byte.
    pub(crate) same_bytes: bool,
    /// Whether the MAC of each matches; `None` where it was not looked at.
    pub(crate) macs: (Option<bool>, Option<bool>),
}

/// From how many values on those that were only encrypted anew are counted, not listed.
const MANY: usize = 5;

impl Report<'_> {
    /// Whether anything but layout, time and MAC differs.
    pub(crate) fn differs(&self) -> bool {
        !self.changes.is_empty() || !self.metadata.is_empty() || self.states.0 != self.states.1
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        if self.same_bytes {
            return String::new();
        }
        let paint = Paint::of_stdout();
        let mut text = paint.bold(&format!("{} → {}", self.names.0, self.names.1));
        text.push('\n');
        if self.states.0 != self.states.1 {
            let _ = writeln!(text, "  {} → {}", self.states.0, self.states.1);
        }
        if !self.differs() {
            text.push_str("  only layout, MAC or date differ\n");
            self.mac_text(&mut text, paint);
            return text;
        }
        let several = self.changes.iter().any(|change| change.document > 0);
        let anew = |change: &&Change| matches!(change.kind, ChangeKind::Resealed(_));
        let resealed = self.changes.iter().filter(anew).count();
        // After a rotation these are all values; what did change should not drown in them.
        if resealed >= MANY {
            let _ = writeln!(
                text,
                "  {} {resealed} values: re-encrypted without change",
                paint.mark('=')
            );
        }
        for change in self.changes.iter().filter(|change| resealed < MANY || !anew(change)) {
            let document = match several {
                true => format!("document {} ", change.document + 1),
                false => String::new(),
            };
            let (mark, words) = describe(&change.kind);
            let path = match change.path.0.is_empty() {
                true => "(top level)".to_owned(),
                false => change.path.to_string(),
            };
            let _ = writeln!(text, "  {} {document}{path}: {words}", paint.mark(mark));
        }
        self.metadata_text(&mut text, paint);
        self.mac_text(&mut text, paint);
        text
    }

    /// A MAC that does not match says that somebody changed the file without sops.
    fn mac_text(&self, text: &mut String, paint: Paint) {
        for (name, good) in [(self.names.0, self.macs.0), (self.names.1, self.macs.1)] {
            if good == Some(false) {
                let words = "the MAC does not match; it was changed outside of sops";
                let _ = writeln!(text, "  {} {name}: {words}", paint.mark('!'));
            }
        }
    }

    fn metadata_text(&self, text: &mut String, paint: Paint) {
        let found = self.metadata;
        for group in &found.groups {
            let _ = writeln!(text, "  recipients, group {}:", group.group);
            for key in &group.added {
                let _ = writeln!(text, "    {} {key}", paint.mark('+'));
            }
            for key in &group.removed {
                let _ = writeln!(text, "    {} {key}", paint.mark('-'));
            }
        }
        if let Some((old, new)) = found.groups_needed {
            let _ = writeln!(text, "  key groups needed to decrypt: {old} → {new}");
        }
        if let Some((old, new)) = &found.rule {
            let _ = writeln!(text, "  what is encrypted: {old} → {new}");
        }
        if let Some((_, new)) = found.mac_only_encrypted {
            let covers = if new { "encrypted values only" } else { "all values" };
            let _ = writeln!(text, "  the MAC covers {covers} now");
        }
        if let Some((old, new)) = &found.version {
            let _ = writeln!(text, "  version: {old} → {new}");
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let (mut changes, mut comments) = (Vec::new(), Vec::new());
        for change in self.changes {
            let place = json!({ "path": change.path.to_string(), "document": change.document + 1 });
            match change.kind {
                ChangeKind::Comments { added, removed, certain } => {
                    let found = json!({ "added": added, "removed": removed, "certain": certain });
                    comments.push(with(place, found));
                }
                kind => changes.push(with(place, kind_json(kind))),
            }
        }
        let found = self.metadata;
        let pair = |old: Value, new: Value| json!({ "old": old, "new": new });
        let groups: Vec<_> = found
            .groups
            .iter()
            .map(|group| {
                json!({ "group": group.group, "added": group.added, "removed": group.removed })
            })
            .collect();
        json!({
            "old": { "name": self.names.0, "state": self.states.0, "mac_matches": self.macs.0 },
            "new": { "name": self.names.1, "state": self.states.1, "mac_matches": self.macs.1 },
            "different": self.differs(),
            "changes": changes,
            "comments": comments,
            "recipients": groups,
            "groups_needed": found.groups_needed.map(|(old, new)| pair(old.into(), new.into())),
            "rule": found.rule.clone().map(|(old, new)| pair(old.into(), new.into())),
            "mac_only_encrypted":
                found.mac_only_encrypted.map(|(old, new)| pair(old.into(), new.into())),
            "version": found.version.clone().map(|(old, new)| pair(old.into(), new.into())),
        })
    }
}

fn describe(kind: &ChangeKind) -> (char, String) {
    match kind {
        ChangeKind::Added(what) => ('+', format!("added ({})", name(*what))),
        ChangeKind::Removed(what) => ('-', format!("removed ({})", name(*what))),
        ChangeKind::Changed(old, new) => ('~', format!("changed ({})", both(*old, *new))),
        ChangeKind::Resealed(what) => {
            ('=', format!("re-encrypted without change ({})", name(*what)))
        }
        ChangeKind::SameValue(_, What::Leaf { sealed: true, .. }) => {
            ('~', "encrypted now, without change".to_owned())
        }
        ChangeKind::SameValue(..) => ('!', "in clear now, without change".to_owned()),
        ChangeKind::Unknown(What::Leaf { sealed: true, .. }, What::Leaf { sealed: true, .. }) => (
            '?',
            "ciphertext changed (whether the value did cannot be told without a key)".to_owned(),
        ),
        ChangeKind::Unknown(_, What::Leaf { sealed: true, .. }) => (
            '?',
            "encrypted now (whether the value changed cannot be told without a key)".to_owned(),
        ),
        ChangeKind::Unknown(..) => (
            '!',
            "in clear now (whether the value changed cannot be told without a key)".to_owned(),
        ),
        ChangeKind::Comments { added, removed, certain: false } => (
            '?',
            format!(
                "comments: {added} added, {removed} removed, or encrypted otherwise (which cannot \
                 be told without a key)"
            ),
        ),
        ChangeKind::Comments { added, removed, .. } => {
            let words = match (added, removed) {
                (added, 0) => format!("comments: {added} added"),
                (0, removed) => format!("comments: {removed} removed"),
                (added, removed) => format!("comments: {added} added, {removed} removed"),
            };
            ('#', words)
        }
    }
}

fn both(old: What, new: What) -> String {
    let (a, b) = (name(old), name(new));
    if a == b { a } else { format!("{a} → {b}") }
}

fn name(what: What) -> String {
    let values =
        |count: usize| if count == 1 { "1 value".into() } else { format!("{count} values") };
    match what {
        What::Leaf { kind, sealed: true } => format!("{kind}, encrypted"),
        What::Leaf { kind, sealed: false } => format!("{kind}, in clear"),
        What::Mapping { values: count } => format!("mapping of {}", values(count)),
        What::List { values: count } => format!("list of {}", values(count)),
    }
}

fn kind_json(kind: ChangeKind) -> Value {
    let of = |word: &str, old: Option<What>, new: Option<What>| json!({ "change": word, "old": old.map(what_json), "new": new.map(what_json) });
    match kind {
        ChangeKind::Added(new) => of("added", None, Some(new)),
        ChangeKind::Removed(old) => of("removed", Some(old), None),
        ChangeKind::Changed(old, new) => of("changed", Some(old), Some(new)),
        ChangeKind::Resealed(what) => of("re-encrypted", Some(what), Some(what)),
        ChangeKind::SameValue(old, new) => of("same-value", Some(old), Some(new)),
        ChangeKind::Unknown(old, new) => of("unknown", Some(old), Some(new)),
        ChangeKind::Comments { .. } => Value::Null,
    }
}

fn what_json(what: What) -> Value {
    match what {
        What::Leaf { kind, sealed } => json!({ "type": kind, "encrypted": sealed }),
        What::Mapping { values } => json!({ "type": "mapping", "values": values }),
        What::List { values } => json!({ "type": "list", "values": values }),
    }
}

fn with(mut place: Value, more: Value) -> Value {
    if let (Value::Object(place), Value::Object(more)) = (&mut place, more) {
        place.extend(more);
    }
    place
}

/// A unified diff of two plaintexts; empty if they are equal.
pub(crate) fn unified(
    old_name: &str,
    new_name: &str,
    old: &SecretBytes,
    new: &SecretBytes,
) -> SecretBytes {
    if old.expose() == new.expose() {
        return SecretBytes::default();
    }
    // As Git has it, a text holds no zero byte.
    let text = |side: &'_ SecretBytes| side.expose_str().is_some() && !side.expose().contains(&0);
    let (Some(old), Some(new), true) = (old.expose_str(), new.expose_str(), text(old) && text(new))
    else {
        return SecretBytes::from(format!("Binary values differ: {old_name} {new_name}\n"));
    };
    let diff = TextDiff::from_lines(old, new);
    let mut unified = diff.unified_diff();
    let text = unified.context_radius(3).header(old_name, new_name).to_string();
    let paint = Paint::of_stdout();
    if !paint.0 {
        return SecretBytes::from(text);
    }
    let mut painted = SecretBytes::default();
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches('\n');
        let code = match body.as_bytes().first() {
            Some(b'+') => "32",
            Some(b'-') => "31",
            Some(b'@') => "36",
            _ => "0",
        };
        let line = format!("\x1b[{code}m{body}\x1b[0m\n");
        painted.expose_mut().extend_from_slice(line.as_bytes());
    }
    painted
}

/// Colours, where standard output is a terminal.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn of_stdout() -> Self {
        Self(io::stdout().is_terminal() && colour_wanted())
    }

    fn bold(self, text: &str) -> String {
        if self.0 { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn mark(self, mark: char) -> String {
        let code = match mark {
            '+' => "32",
            '-' => "31",
            '!' => "1;31",
            '?' => "33",
            _ => "36",
        };
        if self.0 { format!("\x1b[{code}m{mark}\x1b[0m") } else { mark.to_string() }
    }
}

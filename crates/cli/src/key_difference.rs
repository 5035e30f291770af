//! What would change in the key groups of a file, as `updatekeys` shows it (CLI §3.6).

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _},
};

use serde_json::{Value, json};
use sops_core::{keys::MasterKey, metadata::Metadata};

use crate::failure::colour_wanted;

/// The difference, group by group.
#[derive(Debug)]
pub(crate) struct KeyDifference {
    groups: Vec<GroupDifference>,
    threshold: (u32, u32),
    /// Whether there are more groups, or fewer.
    other_count: bool,
}

#[derive(Debug, Default)]
struct GroupDifference {
    kept: Vec<String>,
    added: Vec<String>,
    removed: Vec<String>,
}

impl KeyDifference {
    /// Compares what a file has with what it shall have, group by group. The order within a group
    /// says nothing of who can open the file, and makes no difference (as in SOPS).
    pub(crate) fn between(metadata: &Metadata, wanted: &[Vec<MasterKey>], threshold: u32) -> Self {
        let count = metadata.groups.len().max(wanted.len());
        let groups = (0..count)
            .map(|number| {
                let old = metadata.groups.get(number);
                let old = old.map(|group| group.master_keys()).unwrap_or_default();
                let new = wanted.get(number).cloned().unwrap_or_default();
                let has = |keys: &[MasterKey], key: &MasterKey| keys.iter().any(|k| k.is_same(key));
                let names = |keys: Vec<&MasterKey>| keys.iter().map(|k| k.identity()).collect();
                GroupDifference {
                    kept: names(new.iter().filter(|key| has(&old, key)).collect()),
                    added: names(new.iter().filter(|key| !has(&old, key)).collect()),
                    removed: names(old.iter().filter(|key| !has(&new, key)).collect()),
                }
            })
            .collect();
        let other_count = metadata.groups.len() != wanted.len();
        Self { groups, threshold: (metadata.shamir_threshold, threshold), other_count }
    }

    /// Whether nothing would change.
    pub(crate) fn is_empty(&self) -> bool {
        let same = |group: &GroupDifference| group.added.is_empty() && group.removed.is_empty();
        !self.other_count && self.threshold.0 == self.threshold.1 && self.groups.iter().all(same)
    }

    /// Whether a key loses access.
    pub(crate) fn removes(&self) -> bool {
        self.groups.iter().any(|group| !group.removed.is_empty())
    }

    /// The difference as text, coloured where standard output is a terminal.
    pub(crate) fn render(&self) -> String {
        let colour = io::stdout().is_terminal() && colour_wanted();
        let paint = |code: &str, text: String| match colour {
            true => format!("\x1b[{code}m{text}\x1b[0m\n"),
            false => format!("{text}\n"),
        };
        let mut text = String::new();
        match self.threshold {
            (old, new) if old == new && old > 0 => {
                let _ = writeln!(text, "shamir_threshold: {old}");
            }
            (old, new) if old != new => {
                text.push_str(&paint("32", format!("+++ shamir_threshold: {new}")));
                text.push_str(&paint("31", format!("--- shamir_threshold: {old}")));
            }
            _ => {}
        }
        for (number, group) in self.groups.iter().enumerate() {
            text.push_str(&paint("4", format!("Group {}", number + 1)));
            for key in &group.kept {
                let _ = writeln!(text, "    {key}");
            }
            for key in &group.added {
                text.push_str(&paint("32", format!("+++ {key}")));
            }
            for key in &group.removed {
                text.push_str(&paint("31", format!("--- {key}")));
            }
        }
        text
    }

    /// The groups for `--json`.
    pub(crate) fn json(&self) -> Value {
        let groups = self.groups.iter().map(
            |group| json!({ "kept": group.kept, "added": group.added, "removed": group.removed }),
        );
        groups.collect()
    }

    /// The threshold for `--json`.
    pub(crate) fn threshold_json(&self) -> Value {
        json!({ "old": self.threshold.0, "new": self.threshold.1 })
    }
}

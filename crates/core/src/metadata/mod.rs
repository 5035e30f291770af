//! The `sops` section of a sealed document: keys, rule, time and MAC (format §3).
//!
//! Reading takes everything that any version since 1.x wrote (format §3.6, §9); writing gives the
//! layout of 3.13. Fields that are not understood are kept.

mod legacy;
mod read;
mod version;
mod write;

pub use legacy::{context_is_lost, context_variants};
pub use read::{ReadMetadataError, is_sealed};
pub(crate) use version::is_before;
pub use version::{VERSION, raised_version};

use crate::{
    crypto::MacScope,
    keys::KeyGroup,
    selection::Selection,
    tree::{Node, Time},
};

/// The `sops` section of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// The key groups. One group wraps the data key itself, several wrap one share of it each.
    pub groups: Vec<KeyGroup>,
    /// How many groups are needed to open; 0 where the section does not say.
    pub shamir_threshold: u32,
    /// When a value was last changed, as it was written: with its offset and fraction.
    pub last_modified: Time,
    /// The sealed MAC as text; empty where it is missing.
    pub mac: String,
    /// What is sealed.
    pub selection: Selection,
    /// What the MAC covers.
    pub mac_scope: MacScope,
    /// The version of SOPS that wrote the section. It may be empty or anything else: nothing is
    /// ever refused because of it (format §3.6).
    pub version: String,
    /// Fields of the section that are not understood, written back as they were.
    pub unknown: Vec<(String, Node)>,
    /// Fields of each key group that are not understood, written back as long as the number of
    /// groups stays what it was.
    pub unknown_in_groups: Vec<Vec<(String, Node)>>,
}

impl Metadata {
    /// The additional data that the MAC is sealed with: the time without fraction, `Z` for offset
    /// zero, whatever the section's own spelling is (format §2, step 4; §9, Q20).
    pub fn mac_aad(&self) -> String {
        self.last_modified.whole_seconds().to_string()
    }

    /// How many groups have to be opened to have the data key (format §5).
    pub fn groups_needed(&self) -> usize {
        match (self.groups.len(), self.shamir_threshold) {
            (0 | 1, _) => 1,
            (groups, 0) => groups,
            (_, threshold) => threshold as usize,
        }
    }

    /// Puts our version in place of an older one, as an edit does (format §8).
    pub fn raise_version(&mut self) {
        self.version = raised_version(&self.version).to_owned();
    }
}

#[cfg(test)]
mod tests;

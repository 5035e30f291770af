//! The section from a mapping, with the tolerance of format §3.6.

use super::{Metadata, legacy};
use crate::{
    crypto::MacScope,
    keys::{KeyGroup, KeyKind, ReadKeyError, WrappedKey},
    selection::{Field, Fields as SelectionFields, SelectionError},
    tree::{Mapping, Node, Time},
};

/// Why a section could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadMetadataError {
    /// There is no key in it.
    #[error("no master keys in the metadata")]
    NoKeys,
    /// A key entry is broken.
    #[error("unable to read {kind} key {position}{}", in_group(*.group))]
    Key {
        /// The kind of the list it stands in.
        kind: KeyKind,
        /// Its position in the list, from 1.
        position: usize,
        /// The key group, from 1, if there are groups.
        group: Option<usize>,
        /// What is wrong with it.
        source: ReadKeyError,
    },
    /// The time is missing or none.
    #[error("metadata field lastmodified is not a time such as 2024-05-06T07:08:09Z")]
    LastModified,
    /// A field holds something else than what belongs there.
    #[error("metadata field {field} is not {expected}")]
    Shape {
        /// The field.
        field: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// The selection fields make no rule.
    #[error("unusable rule in the metadata")]
    Selection(#[source] SelectionError),
}

fn in_group(group: Option<usize>) -> String {
    group.map(|number| format!(" of group {number}")).unwrap_or_default()
}

impl Metadata {
    /// Reads a section.
    ///
    /// # Errors
    /// If there is no key or no time in it, or a field holds something else than what belongs
    /// there. The version never is a reason.
    pub fn read(section: &Mapping) -> Result<Self, ReadMetadataError> {
        let mut fields = Fields::of(section);
        let flat = read_group(&mut fields, None)?;
        let grouped = fields.items("key_groups")?;
        let mut groups = Vec::new();
        let mut unknown_in_groups = Vec::new();
        if flat.0.is_empty() {
            for (index, group) in grouped.into_iter().enumerate() {
                let mut fields = Fields::of(group);
                groups.push(read_group(&mut fields, Some(index + 1))?);
                unknown_in_groups.push(fields.rest());
            }
        } else {
            // Flat lists with anything in them win (format §3.6).
            groups.push(flat);
        }
        if groups.iter().all(|group| group.0.is_empty()) {
            return Err(ReadMetadataError::NoKeys);
        }
        if unknown_in_groups.iter().all(Vec::is_empty) {
            unknown_in_groups.clear();
        }
        let mut selection = SelectionFields::none();
        for field in Field::ALL {
            selection.set(field, fields.text(field.name())?);
        }
        let sealed_only = fields.take("mac_only_encrypted").map_or(Some(false), legacy::bool);
        Ok(Self {
            groups,
            shamir_threshold: fields
                .take("shamir_threshold")
                .map_or(Some(0), legacy::whole_number)
                .ok_or_else(|| shape("shamir_threshold", "a whole number"))?,
            last_modified: fields.time("lastmodified")?,
            mac: fields.text("mac")?,
            selection: selection.selection().map_err(ReadMetadataError::Selection)?,
            mac_scope: match sealed_only {
                Some(true) => MacScope::SealedOnly,
                Some(false) => MacScope::Everything,
                None => return Err(shape("mac_only_encrypted", "true or false")),
            },
            version: fields.text("version").unwrap_or_default(),
            unknown: fields.rest(),
            unknown_in_groups,
        })
    }
}

/// Whether a section makes its document a sealed one: it can be read, and names a version and a
/// MAC (format §3.6, the test of `filestatus`). What its pattern says is not asked.
pub fn is_sealed(section: &Mapping) -> bool {
    let mut fields = Fields::of(section);
    let mut given = |name| fields.text(name).is_ok_and(|text| !text.is_empty());
    let readable = match Metadata::read(section) {
        Ok(_) => true,
        Err(ReadMetadataError::Selection(error)) => {
            matches!(error, SelectionError::Pattern { .. })
        }
        Err(_) => false,
    };
    readable && given("version") && given("mac")
}

/// The seven lists, in the order in which a group is read (format §3.6).
fn read_group(
    fields: &mut Fields<'_>,
    group: Option<usize>,
) -> Result<KeyGroup, ReadMetadataError> {
    let mut keys = Vec::new();
    for kind in KeyKind::ALL {
        for (index, entry) in fields.items(kind.name())?.into_iter().enumerate() {
            let key = WrappedKey::from_entry(kind, entry).map_err(|source| {
                ReadMetadataError::Key { kind, position: index + 1, group, source }
            })?;
            keys.extend(key);
        }
    }
    Ok(KeyGroup(keys))
}

/// The fields of a mapping, each taken out once.
struct Fields<'a>(Vec<Option<(&'a str, &'a Node)>>);

impl<'a> Fields<'a> {
    fn of(mapping: &'a Mapping) -> Self {
        Self(mapping.pairs().map(|pair| Some((pair.key.as_str(), &pair.value))).collect())
    }

    /// Names are matched exactly first, else without regard to case (format §3.6).
    fn take(&mut self, name: &str) -> Option<&'a Node> {
        let position = |same: &dyn Fn(&str) -> bool| {
            self.0.iter().position(|field| field.is_some_and(|(key, _)| same(key)))
        };
        let at = position(&|key| key == name)
            .or_else(|| position(&|key| key.eq_ignore_ascii_case(name)))?;
        self.0[at].take().map(|(_, node)| node)
    }

    fn text(&mut self, name: &str) -> Result<String, ReadMetadataError> {
        self.take(name).map_or(Some(String::new()), legacy::text).ok_or_else(|| shape(name, "text"))
    }

    fn time(&mut self, name: &str) -> Result<Time, ReadMetadataError> {
        self.take(name).and_then(legacy::time).ok_or(ReadMetadataError::LastModified)
    }

    fn items(&mut self, name: &str) -> Result<Vec<&'a Mapping>, ReadMetadataError> {
        self.take(name)
            .map_or(Some(Vec::new()), legacy::items)
            .ok_or_else(|| shape(name, "a list of mappings"))
    }

    /// What nobody asked for.
    fn rest(self) -> Vec<(String, Node)> {
        self.0.into_iter().flatten().map(|(key, node)| (key.to_owned(), node.clone())).collect()
    }
}

fn shape(field: &str, expected: &'static str) -> ReadMetadataError {
    ReadMetadataError::Shape { field: field.to_owned(), expected }
}

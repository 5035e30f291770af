//! Checks a whole file against the registry: shapes, duplicate keys, unknown keys.
//!
//! An unknown key is an **error** when it looks like a vital key, because ignoring it would drop a
//! recipient, a rule, a threshold or a restriction of one. It looks like one when, without regard
//! to case, `-`, `_`, `.` and blanks,
//!
//! 1. it is the name of a vital key of this mapping, or one of the names mistaken for it;
//! 2. it is at most one edit away from such a name for every four letters of that, and one in
//!    any case (an edit inserts, deletes or replaces a letter or swaps two neighbours; mistaken
//!    names of less than six letters have to be met exactly);
//! 3. it is the name of a vital key with a name of its own in another mapping, and its value
//!    bears no anchor.
//!
//! Any other unknown key is a **warning**, so that a file that works with the reference works
//! here. No word is lost about keys of the top level that hold anchors, or that begin with `x-`,
//! `_` or `.`: they are there to be referred to.

use super::{
    ConfigError, ConfigWarning, UnknownKey,
    registry::{self, Key, Level, Shape},
    source::{Kind, Node},
};

/// Checks a file; what is merely unknown comes back as warnings.
pub(super) fn check(root: &Node) -> Result<Vec<ConfigWarning>, ConfigError> {
    let mut check = Check::default();
    check.level(root, &registry::TOP, "")?;
    if check.vital.is_empty() { Ok(check.warnings) } else { Err(ConfigError::Unknown(check.vital)) }
}

#[derive(Default)]
struct Check {
    warnings: Vec<ConfigWarning>,
    vital: Vec<UnknownKey>,
}

impl Check {
    fn level(&mut self, node: &Node, level: &'static Level, at: &str) -> Result<(), ConfigError> {
        if node.is_null() {
            return Ok(());
        }
        let Kind::Map(entries) = &node.kind else {
            return Err(wrong(node, at, "a mapping"));
        };
        for (number, (key, value)) in entries.iter().enumerate() {
            if let Some((first, _)) = entries[..number].iter().find(|(k, _)| k.text == key.text) {
                return Err(ConfigError::DuplicateKey {
                    key: key.text.clone(),
                    line: key.line,
                    first_line: first.line,
                });
            }
            match level.keys.iter().find(|known| known.name == key.text) {
                Some(known) => {
                    let dot = if at.is_empty() { "" } else { "." };
                    self.shape(value, &known.shape, &format!("{at}{dot}{}", key.text))?;
                }
                None => self.unknown(&key.text, key.line, value, level, at),
            }
        }
        Ok(())
    }

    fn shape(&mut self, node: &Node, shape: &Shape, at: &str) -> Result<(), ConfigError> {
        let fits =
            |fits: bool, expected| if fits { Ok(()) } else { Err(wrong(node, at, expected)) };
        match shape {
            _ if node.is_null() => Ok(()),
            Shape::Keys | Shape::KeysInList => Ok(()),
            Shape::Text => fits(node.text().is_some(), "text"),
            Shape::Bool => fits(node.bool().is_some(), "true or false"),
            Shape::Count => fits(node.number().is_some(), "a whole number"),
            Shape::Int(least) => {
                fits(node.int().is_some_and(|int| int >= *least), "a whole number")
                    .map_err(|_| wrong_number(node, at, *least))
            }
            Shape::Names => match &node.kind {
                Kind::Map(entries) => entries.iter().try_for_each(|(key, value)| {
                    let at = format!("{at}.{}", key.text);
                    value.text().map(|_| ()).ok_or_else(|| wrong(value, &at, "text"))
                }),
                _ => Err(wrong(node, at, "a mapping")),
            },
            Shape::Map(level) => self.level(node, level, at),
            Shape::Texts | Shape::ListOf(_) => {
                let Kind::List(items) = &node.kind else {
                    return Err(wrong(node, at, "a list"));
                };
                items.iter().enumerate().try_for_each(|(number, item)| {
                    let at = format!("{at}[{number}]");
                    match shape {
                        Shape::ListOf(level) => self.level(item, level, &at),
                        _ if item.text().is_some() => Ok(()),
                        _ => Err(wrong(item, &at, "text")),
                    }
                })
            }
        }
    }

    fn unknown(&mut self, key: &str, line: usize, value: &Node, level: &'static Level, at: &str) {
        let found = |suggestion, elsewhere| UnknownKey {
            key: key.to_owned(),
            line,
            place: at.to_owned(),
            suggestion,
            elsewhere,
        };
        if let Some((_, meant)) = level.ignored.iter().find(|(name, _)| *name == key) {
            self.warnings.push(ConfigWarning::UnknownKey(found(Some(*meant), false)));
            return;
        }
        let nearest = nearest(key, level);
        if let Some(meant) = nearest.filter(|meant| meant.vital) {
            self.vital.push(found(Some(meant.name), false));
            return;
        }
        if let Some(name) = displaced(key, level).filter(|_| !value.anchored) {
            self.vital.push(found(Some(name), true));
            return;
        }
        let holder = value.anchored || key.starts_with("x-") || key.starts_with(['_', '.']);
        if !(std::ptr::eq(level, &raw const registry::TOP) && holder) {
            let suggestion = nearest.map(|meant| meant.name);
            self.warnings.push(ConfigWarning::UnknownKey(found(suggestion, false)));
        }
    }
}

/// The key of this level that was probably meant (rules 1 and 2).
fn nearest(key: &str, level: &'static Level) -> Option<&'static Key> {
    let given = squashed(key);
    let names = level.keys.iter().flat_map(|known| {
        std::iter::once(known.name).chain(known.mistaken.iter().copied()).map(move |n| (n, known))
    });
    let candidates = names.filter_map(|(name, known)| {
        let name = squashed(name);
        let distance = distance(&given, &name);
        // Short words that are only mistaken for a key are near to too many others.
        let exact = name != squashed(known.name) && name.len() < 6;
        let allowed = if exact { 0 } else { (name.len() / 4).max(1) };
        (distance <= allowed).then_some((distance, known))
    });
    candidates.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// A vital key of another level with a name of its own (rule 3).
fn displaced(key: &str, here: &'static Level) -> Option<&'static str> {
    const TOO_COMMON: [&str; 8] =
        ["merge", "arn", "role", "context", "resource_id", "key_id", "key", "version"];
    let given = squashed(key);
    [&registry::TOP, &registry::RULE, &registry::GROUP, &registry::DESTINATION]
        .into_iter()
        .filter(|level| !std::ptr::eq(*level, here))
        .flat_map(|level| level.keys)
        .find(|known| {
            known.vital && !TOO_COMMON.contains(&known.name) && squashed(known.name) == given
        })
        .map(|known| known.name)
}

fn squashed(name: &str) -> String {
    name.chars().filter(|c| !"-_. ".contains(*c)).flat_map(char::to_lowercase).collect()
}

/// Edits between two texts, a swap of neighbours counting as one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // A name far longer than any known one is near to none; no work for hostile input.
    if a.len() > 64 {
        return usize::MAX;
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

fn wrong(node: &Node, at: &str, expected: &'static str) -> ConfigError {
    let place = if at.is_empty() { "the file" } else { at };
    ConfigError::Shape { place: place.to_owned(), line: node.line, expected, found: node.what() }
}

fn wrong_number(node: &Node, at: &str, least: i64) -> ConfigError {
    match node.int() {
        Some(_) => ConfigError::TooSmall { place: at.to_owned(), line: node.line, least },
        None => wrong(node, at, "a whole number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::source;

    fn findings(text: &str) -> Result<Vec<String>, Vec<String>> {
        let shown = |warning: &ConfigWarning| warning.to_string();
        match check(&source::read(text).unwrap().root) {
            Ok(warnings) => Ok(warnings.iter().map(shown).collect()),
            Err(ConfigError::Unknown(keys)) => Err(keys.iter().map(ToString::to_string).collect()),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_key_that_looks_vital_is_an_error() {
        for (text, meant) in [
            ("creation_rule: []", "creation_rules"),
            ("creationRules: []", "creation_rules"),
            ("creation-rules: &x []", "creation_rules"),
            ("rules: []", "creation_rules"),
            ("creation_rules: [{keygroups: []}]", "key_groups"),
            ("creation_rules: [{key-groups: []}]", "key_groups"),
            ("creation_rules: [{encrypted-regex: a}]", "encrypted_regex"),
            ("creation_rules: [{encrypted_regexp: a}]", "encrypted_regex"),
            ("creation_rules: [{encryptd_suffx: a}]", "encrypted_suffix"),
            ("creation_rules: [{shamir-threshold: 2}]", "shamir_threshold"),
            ("creation_rules: [{threshold: 2}]", "shamir_threshold"),
            ("creation_rules: [{ages: x}]", "age"),
            ("creation_rules: [{Age: x}]", "age"),
            ("creation_rules: [{gpg: x}]", "pgp"),
            ("creation_rules: [{hc_vault: x}]", "hc_vault_transit_uri"),
            ("creation_rules: [{azure_kv: x}]", "azure_keyvault"),
            ("creation_rules: [{azure_keyvault_url: x}]", "azure_keyvault"),
            ("creation_rules: [{age_recipient: x}]", "age"),
            ("creation_rules: [{path: x}]", "path_regex"),
            ("creation_rules: [{path_regexp: x}]", "path_regex"),
            ("creation_rules: [{key_groups: [{azure_keyvault: [{vault_url: x}]}]}]", "vaultUrl"),
            ("creation_rules: [{key_groups: [{merg: []}]}]", "merge"),
            ("age: x", "age"),
            ("shamir_threshold: 2", "shamir_threshold"),
            ("creation_rules: [{key_groups: [{shamir_threshold: 2}]}]", "shamir_threshold"),
            ("destination_rules: [{recreation-rule: {}}]", "recreation_rule"),
        ] {
            let found = findings(text).unwrap_err();
            assert!(found[0].contains(&format!("{meant:?}")), "{text}: {found:?}");
        }
    }

    #[test]
    fn any_other_unknown_key_is_a_warning() {
        for text in [
            "foo: bar",
            "version: 1",
            "keys: [a]",
            "store: {}",
            "creation_rules: [{name: a}]",
            "creation_rules: [{description: a, comment: b, id: 1, owner: x, tags: [a], env: x}]",
            "stores: {yaml: {indnt: 2}}",
            "destination_rules: [{reencryption_rule: {age: x}}]",
        ] {
            assert!(!findings(text).unwrap().is_empty(), "{text}");
        }
        assert_eq!(
            findings("a: 1\nstore: {}").unwrap()[1],
            "line 2: unknown key \"store\" is ignored; did you mean \"stores\"?"
        );
    }

    #[test]
    fn keys_that_hold_anchors_are_nobodys_business() {
        let text = "
keys:
  - &alice age1x
age: &bob age1y
x-common: {a: 1}
_base: 1
creation_rules:
  - age: [*alice, *bob]
";
        assert_eq!(findings(text), Ok(vec![]));
    }

    #[test]
    fn shapes_and_duplicates_are_checked() {
        for (text, message) in [
            ("creation_rules: text", "line 1: creation_rules is text, expected a list"),
            ("- a", "line 1: the file is a list, expected a mapping"),
            (
                "creation_rules: [{shamir_threshold: '2'}]",
                "line 1: creation_rules[0].shamir_threshold is text, expected a whole number",
            ),
            ("stores: {yaml: {indent: -1}}", "line 1: stores.yaml.indent must be at least 0"),
            (
                "creation_rules:\n- mac_only_encrypted: maybe",
                "line 2: creation_rules[0].mac_only_encrypted is text, expected true or false",
            ),
            ("stores: {}\nstores: {}", "line 2: the key \"stores\" stands in line 1 already"),
        ] {
            let error = check(&source::read(text).unwrap().root).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}

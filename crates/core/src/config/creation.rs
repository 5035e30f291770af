//! Creation rules: which one a path falls under, and what it says (format §6.3, §6.4).

use super::{Config, ConfigWarning, key_list, source::Node};
use crate::{
    keys::{MasterKey, ParseKeyError},
    selection::{Field, Fields, Pattern, PatternError, Selection, SelectionError},
};

/// A creation rule, as written: its patterns and keys are looked at when it is used.
#[derive(Clone, Debug)]
pub struct CreationRule {
    number: usize,
    node: Node,
    within_destination: bool,
}

/// What a file's rules have to say about a path.
#[derive(Clone, Copy, Debug)]
pub enum Lookup<'c> {
    /// There is no file, or it has no creation rules.
    NoRules,
    /// There are rules, and none matches.
    NoMatch,
    /// The first rule that matches.
    Rule(&'c CreationRule),
}

/// What became of one rule in the search for a path.
#[derive(Debug)]
pub struct Verdict<'c> {
    /// The rule.
    pub rule: &'c CreationRule,
    /// What became of it.
    pub outcome: Outcome,
}

/// How a rule relates to a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is the first that matches.
    Chosen,
    /// It matches, and so does an earlier one.
    Shadowed,
    /// It does not match, but would with a small change.
    Near(NearMiss),
    /// It does not match.
    Miss,
    /// Its pattern is none, so it stops the search if it is reached.
    Invalid(PatternError),
}

/// What keeps a pattern from matching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NearMiss {
    /// It would match without regard to case.
    Case,
    /// It would match the absolute path; paths are relative to the config file.
    AbsolutePath,
    /// It would match the file's name alone.
    FileName,
}

/// Why a rule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The path pattern is none.
    #[error("line {line}: invalid path_regex in creation rule {rule}")]
    Pattern {
        /// The rule, from 1.
        rule: usize,
        /// Its line, from 1.
        line: usize,
        /// What is wrong with the pattern.
        source: PatternError,
    },
    /// Something else than keys in a list of keys.
    #[error("line {line}: {place} is {found}, expected {expected}")]
    Shape {
        /// The path of the list.
        place: String,
        /// The line, from 1.
        line: usize,
        /// "text or a list of texts", …
        expected: &'static str,
        /// "a number", …
        found: &'static str,
    },
    /// A key that is none.
    #[error("line {line}: invalid key in {place}")]
    Key {
        /// The path of the key's list.
        place: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with the key.
        source: ParseKeyError,
    },
    /// Two selection rules in one creation rule.
    #[error("line {line}: invalid creation rule {rule}")]
    Selection {
        /// The rule, from 1.
        rule: usize,
        /// Its line, from 1.
        line: usize,
        /// What is wrong with its selection.
        source: SelectionError,
    },
    /// The rule names no key at all: nobody could decrypt the file.
    #[error("line {line}: creation rule {rule} names no key")]
    NoKeys {
        /// The rule, from 1.
        rule: usize,
        /// Its line, from 1.
        line: usize,
    },
    /// One of several groups is empty.
    #[error("line {line}: key group {group} of creation rule {rule} names no key")]
    EmptyGroup {
        /// The rule, from 1.
        rule: usize,
        /// The group, from 1.
        group: usize,
        /// The group's line, from 1.
        line: usize,
    },
}

impl Config {
    /// The rule for a file. `path` is absolute, with `/` on every system.
    ///
    /// # Errors
    /// If the search meets an invalid pattern before a match.
    pub fn creation_rule(&self, path: &str) -> Result<Lookup<'_>, RuleError> {
        let Some(rules) = self.creation_rules() else { return Ok(Lookup::NoRules) };
        let path = self.relative(path);
        for rule in rules {
            if rule.pattern()?.is_none_or(|pattern| pattern.is_match(path)) {
                return Ok(Lookup::Rule(rule));
            }
        }
        Ok(Lookup::NoMatch)
    }

    /// What became of each rule in the search for a path: for messages, and to explain.
    pub fn explain(&self, path: &str) -> Vec<Verdict<'_>> {
        let relative = self.relative(path);
        let mut decided = false;
        let mut outcome = |rule: &CreationRule| match rule.pattern() {
            Err(RuleError::Pattern { source, .. }) => Outcome::Invalid(source),
            Ok(pattern) if pattern.as_ref().is_none_or(|p| p.is_match(relative)) => {
                let chosen = !std::mem::replace(&mut decided, true);
                if chosen { Outcome::Chosen } else { Outcome::Shadowed }
            }
            Ok(Some(pattern)) => {
                near_miss(&pattern, relative, path).map_or(Outcome::Miss, Outcome::Near)
            }
            _ => Outcome::Miss,
        };
        let rules = self.creation_rules().unwrap_or_default();
        rules.iter().map(|rule| Verdict { rule, outcome: outcome(rule) }).collect()
    }

    /// The path that patterns see: without the directory of the config file, if it is below.
    pub(super) fn relative<'p>(&self, path: &'p str) -> &'p str {
        path.strip_prefix(self.directory()).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path)
    }
}

fn near_miss(pattern: &Pattern, relative: &str, absolute: &str) -> Option<NearMiss> {
    let folded = Pattern::new(&format!("(?i:{})", pattern.as_str())).ok();
    let name = relative.rsplit('/').next().unwrap_or(relative);
    if folded.is_some_and(|pattern| pattern.is_match(relative)) {
        Some(NearMiss::Case)
    } else if pattern.is_match(absolute) {
        Some(NearMiss::AbsolutePath)
    } else if pattern.is_match(name) {
        Some(NearMiss::FileName)
    } else {
        None
    }
}

impl CreationRule {
    pub(super) fn read(number: usize, node: &Node) -> Self {
        Self { number, node: node.clone(), within_destination: false }
    }

    /// The one inside of the destination rule with this number.
    pub(super) fn within_destination(number: usize, node: &Node) -> Self {
        Self { within_destination: true, ..Self::read(number, node) }
    }

    /// The path of its node in the file.
    fn place(&self) -> String {
        let index = self.number - 1;
        match self.within_destination {
            true => format!("destination_rules[{index}].recreation_rule"),
            false => format!("creation_rules[{index}]"),
        }
    }

    /// Its position, from 1; a rule inside of a destination rule has that rule's.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Its line, from 1.
    pub fn line(&self) -> usize {
        self.node.line
    }

    /// The pattern of paths, as written; `None` if it matches all.
    pub fn path_regex(&self) -> Option<&str> {
        self.node.get("path_regex").and_then(Node::text).filter(|text| !text.is_empty())
    }

    /// The selection fields as written.
    pub fn fields(&self) -> Fields {
        let mut fields = Fields::none();
        for field in Field::ALL {
            if let Some(text) = self.node.get(field.name()).and_then(Node::text) {
                fields.set(field, text);
            }
        }
        fields
    }

    /// The selection it asks for, by itself.
    ///
    /// # Errors
    /// If it asks for two, or a pattern is none.
    pub fn selection(&self) -> Result<Selection, RuleError> {
        self.fields().selection().map_err(|source| RuleError::Selection {
            rule: self.number,
            line: self.line(),
            source,
        })
    }

    /// Whether the MAC shall cover encrypted values only.
    pub fn mac_only_encrypted(&self) -> bool {
        self.node.get("mac_only_encrypted").and_then(Node::bool).unwrap_or_default()
    }

    /// How many groups shall be needed to decrypt; 0 where it does not say.
    ///
    /// # Errors
    /// If it is negative, has a fraction or is far too high.
    pub fn shamir_threshold(&self) -> Result<u32, RuleError> {
        let Some(node) = self.node.get("shamir_threshold") else { return Ok(0) };
        let threshold = node.int().and_then(|threshold| u32::try_from(threshold).ok());
        threshold.ok_or_else(|| RuleError::Shape {
            place: format!("{}.shamir_threshold", self.place()),
            line: node.line,
            expected: "a whole number from 0 up",
            found: "another number",
        })
    }

    /// Whether it names keys, in whatever way. Says nothing about whether they are any good.
    pub fn has_keys(&self) -> bool {
        self.groups_written().next().is_some()
            || key_list::FLAT.iter().any(|(name, _)| self.node.get(name).is_some())
    }

    /// The key groups: those under `key_groups`, else the keys of the rule as one group.
    ///
    /// # Errors
    /// If a key is none, or there is no key in the rule or in one of its groups.
    pub fn groups(&self) -> Result<Vec<Vec<MasterKey>>, RuleError> {
        let place = self.place();
        if self.groups_written().next().is_none() {
            let keys = key_list::flat(&self.node, &place)?;
            if keys.is_empty() {
                return Err(RuleError::NoKeys { rule: self.number, line: self.line() });
            }
            return Ok(vec![keys]);
        }
        let mut groups = Vec::new();
        for (index, node) in self.groups_written() {
            let keys = key_list::group(node, &format!("{place}.key_groups[{index}]"))?;
            if keys.is_empty() {
                let (group, line) = (index + 1, node.line);
                return Err(RuleError::EmptyGroup { rule: self.number, group, line });
            }
            groups.push(keys);
        }
        Ok(groups)
    }

    fn groups_written(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.node.get("key_groups").into_iter().flat_map(Node::items)
    }

    /// The keys that its groups put out of force.
    pub(super) fn ignored_keys(&self) -> Vec<ConfigWarning> {
        if self.groups_written().next().is_none() {
            return Vec::new();
        }
        let ignored = key_list::FLAT.iter().filter_map(|(key, _)| {
            let line = self.node.get(key)?.line;
            Some(ConfigWarning::KeysBesideGroups { key, line, rule: self.number })
        });
        ignored.collect()
    }

    fn pattern(&self) -> Result<Option<Pattern>, RuleError> {
        self.path_regex().map(Pattern::new).transpose().map_err(|source| RuleError::Pattern {
            rule: self.number,
            line: self.line(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyKind;

    const R1: &str = "age1ypucxcsrnn30lwu25k2gv55d8nzjr0px7try0pys56mpkff744msg7zvcl";
    const R2: &str = "age1qtcp7x5u5npvg68v4gy58f5x2kke0syt9vkjn4e2jmwcwrcas9cq6supw5";

    fn config(text: &str) -> Config {
        let text = text.replace("R1", R1).replace("R2", R2);
        Config::parse(text.as_bytes(), "/repo").unwrap()
    }

    fn chosen(config: &Config, path: &str) -> Option<usize> {
        match config.creation_rule(path).unwrap() {
            Lookup::Rule(rule) => Some(rule.number()),
            _ => None,
        }
    }

    fn first(config: &Config) -> &CreationRule {
        &config.creation_rules().unwrap()[0]
    }

    fn identities(config: &Config) -> Vec<Vec<String>> {
        let groups = first(config).groups().unwrap();
        groups.iter().map(|keys| keys.iter().map(MasterKey::identity).collect()).collect()
    }

    #[test]
    fn the_first_rule_whose_pattern_is_found_counts() {
        // transcript 11
        let config = config(
            "creation_rules: [{path_regex: '^a/b/.*\\.yaml$', age: R1}, {path_regex: '\\.json$', age: [R1, R2], encrypted_regex: ^s}]",
        );
        assert_eq!(chosen(&config, "/repo/a/b/f.yaml"), Some(1));
        assert_eq!(chosen(&config, "/repo/zz.json"), Some(2));
        assert_eq!(chosen(&config, "/repo/other.yaml"), None);
        // A file that is not below the config's directory is matched by its whole path.
        assert_eq!(chosen(&config, "/elsewhere/a/b/f.yaml"), None);
        assert_eq!(chosen(&config, "/repository/x.json"), Some(2));
    }

    #[test]
    fn no_rules_and_no_match_are_different_answers() {
        assert!(matches!(config("").creation_rule("/repo/a"), Ok(Lookup::NoRules)));
        let none = config("creation_rules: []");
        assert!(matches!(none.creation_rule("/repo/a"), Ok(Lookup::NoMatch)));
        assert_eq!(chosen(&config("creation_rules: [{age: R1}]"), "/repo/a"), Some(1));
    }

    #[test]
    fn a_bad_pattern_stops_the_search_only_when_it_is_reached() {
        let text = "creation_rules: [{path_regex: a, age: R1}, {path_regex: (, age: x}]";
        let config = config(text);
        assert_eq!(chosen(&config, "/repo/a"), Some(1));
        let error = config.creation_rule("/repo/b").unwrap_err();
        assert_eq!(error.to_string(), "line 1: invalid path_regex in creation rule 2");
    }

    #[test]
    fn near_misses_are_explained() {
        let config = config(
            "creation_rules:
- {path_regex: ^Secrets/, age: R1}
- {path_regex: ^/repo/secrets/, age: R1}
- {path_regex: ^db, age: R1}
- {path_regex: nothing, age: R1}
- {path_regex: '[', age: R1}
- {age: R1}
- {path_regex: secrets, age: R1}",
        );
        let outcomes: Vec<_> =
            config.explain("/repo/secrets/db.yaml").into_iter().map(|v| v.outcome).collect();
        assert_eq!(
            outcomes,
            [
                Outcome::Near(NearMiss::Case),
                Outcome::Near(NearMiss::AbsolutePath),
                Outcome::Near(NearMiss::FileName),
                Outcome::Miss,
                Outcome::Invalid(PatternError::MissingBracket("[".into())),
                Outcome::Chosen,
                Outcome::Shadowed,
            ]
        );
    }

    #[test]
    fn keys_are_text_with_commas_or_lists() {
        assert_eq!(identities(&config("creation_rules: [{age: 'R1, R2,'}]")), [[R1, R2]]);
        assert_eq!(identities(&config("creation_rules: [{age: [R2, R1]}]")), [[R2, R1]]);
        let folded = config("creation_rules:\n- age: >-\n    R1,\n    R2\n");
        assert_eq!(identities(&folded), [[R1, R2]]);
        // no de-duplication in the flat form; fixed order of kinds
        let mixed = config(
            "creation_rules: [{pgp: 85D77543B3D624B63CEA9E6DBC17301B491B3F21, age: [R1, R1]}]",
        );
        let kinds: Vec<_> =
            first(&mixed).groups().unwrap()[0].iter().map(MasterKey::kind).collect();
        assert_eq!(kinds, [KeyKind::Age, KeyKind::Age, KeyKind::Pgp]);
    }

    #[test]
    fn the_profile_of_a_rule_goes_to_its_flat_kms_keys() {
        let arn = "arn:aws:kms:us-east-1:111122223333:key/00000001-0000-4000-8000-000000000001";
        let flat = config(&format!("creation_rules: [{{kms: '{arn}', aws_profile: dev}}]"));
        assert_eq!(identities(&flat), [[format!("{arn}||dev")]]);
        let group = config(&format!(
            "creation_rules: [{{key_groups: [{{kms: [{{arn: '{arn}', role: 'arn:aws:iam::1:role/r', context: {{b: 2, a: x, n: null}}}}]}}]}}]"
        ));
        assert_eq!(identities(&group), [[format!("{arn}+arn:aws:iam::1:role/r|a:x,b:2")]]);
    }

    #[test]
    fn groups_merge_recursively_and_keep_the_first_of_equals() {
        // transcript 11
        let config = config(
            "creation_rules: [{key_groups: [{merge: [{merge: [{age: [R1]}]}, {age: [R1]}], age: [R2, R1]}], age: R2}]",
        );
        assert_eq!(identities(&config), [[R1, R2]]);
    }

    #[test]
    fn a_rule_without_keys_is_refused() {
        for (text, message) in [
            ("[{encrypted_suffix: a}]", "line 1: creation rule 1 names no key"),
            ("[{age: ' , '}]", "line 1: creation rule 1 names no key"),
            ("[{key_groups: []}]", "line 1: creation rule 1 names no key"),
            ("[{key_groups: [{}]}]", "line 1: key group 1 of creation rule 1 names no key"),
            (
                "[{key_groups: [{age: [R1]}, {age: []}]}]",
                "line 1: key group 2 of creation rule 1 names no key",
            ),
            (
                "[{age: 5}]",
                "line 1: creation_rules[0].age is a number, expected text or a list of texts",
            ),
            (
                "[{age: [5]}]",
                "line 1: creation_rules[0].age is a number, expected text in the list",
            ),
            ("[{age: junk}]", "line 1: invalid key in creation_rules[0].age"),
            ("[{kms: junk}]", "line 1: invalid key in creation_rules[0].kms"),
            (
                "[{hc_vault_transit_uri: junk}]",
                "line 1: invalid key in creation_rules[0].hc_vault_transit_uri",
            ),
            (
                "[{hckms: 'a:b'}]",
                "line 1: creation_rules[0].hckms is text, expected a list of texts",
            ),
        ] {
            let config = config(&format!("creation_rules: {text}"));
            assert_eq!(first(&config).groups().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn two_selections_in_a_rule_are_refused() {
        let config = config("creation_rules: [{encrypted_suffix: a, encrypted_regex: b}]");
        let error = first(&config).selection().unwrap_err();
        assert!(matches!(error, RuleError::Selection { rule: 1, .. }));
    }
}

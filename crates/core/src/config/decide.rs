//! Flags and a creation rule become one decision: for whom, what, and how guarded (format §6.4,
//! CLI §4.3, §4.4).

use std::collections::BTreeMap;

use super::{Lookup, RuleError};
use crate::{
    crypto::MacScope,
    format::Format,
    keys::{KeyKind, MasterKey, ParseKeyError},
    selection::{Field, Fields, Selection, SelectionError},
};

/// The order in which keys of the command line stand in their group.
const ORDER: [KeyKind; 7] = [
    KeyKind::AwsKms,
    KeyKind::GcpKms,
    KeyKind::HuaweiKms,
    KeyKind::AzureKv,
    KeyKind::Pgp,
    KeyKind::HcVault,
    KeyKind::Age,
];

/// Keys as flags or variables give them: a comma list per kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChoice(BTreeMap<KeyKind, String>);

impl KeyChoice {
    /// No keys given.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a comma list of one kind.
    pub fn add(&mut self, kind: KeyKind, list: &str) {
        let known = self.0.entry(kind).or_default();
        if !known.is_empty() && !list.is_empty() {
            known.push(',');
        }
        known.push_str(list);
    }

    /// Whether nothing was given: empty texts are nothing.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(String::is_empty)
    }

    /// The keys, as one group.
    ///
    /// # Errors
    /// For the first text that is no key of its kind.
    pub fn keys(&self) -> Result<Vec<MasterKey>, ParseKeyError> {
        let lists = ORDER.iter().filter_map(|kind| Some((*kind, self.0.get(kind)?)));
        let mut keys = Vec::new();
        for (kind, list) in lists {
            keys.extend(MasterKey::parse_list(kind, list)?);
        }
        Ok(keys)
    }
}

/// What flags and variables say about an encryption, as typed.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The keys. If there are any, those of the rule do not count.
    pub keys: KeyChoice,
    /// The selection; merged with that of the rule field by field.
    pub selection: Fields,
    /// How many groups shall be needed; 0 leaves it to the rule.
    pub shamir_threshold: u32,
    /// Whether the MAC shall cover encrypted values only; the rule can ask for it as well.
    pub mac_only_encrypted: bool,
    /// Encryption context for all AWS KMS keys that have none of their own, from flags and rule
    /// alike (format §4.1).
    pub aws_context: BTreeMap<String, String>,
    /// Profile for the AWS KMS keys among the flags.
    pub aws_profile: Option<String>,
}

/// An encryption with nothing left to look up.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The keys. There is at least one group, and at least one key in each.
    pub groups: Vec<Vec<MasterKey>>,
    /// The threshold as it is stored: with several groups from 2 to their number, else whatever
    /// was asked for.
    pub shamir_threshold: u32,
    /// What is encrypted.
    pub selection: Selection,
    /// What the MAC covers.
    pub mac_scope: MacScope,
    /// The creation rule that had a part in it, from 1.
    pub rule: Option<usize>,
    /// What the caller may want to tell.
    pub remarks: Vec<Remark>,
}

/// Something about a decision that may surprise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Remark {
    /// Binary files are encrypted whole, whatever is asked (format §3.5).
    #[error("{0} has no effect on a binary file, which is encrypted whole")]
    IgnoredForBinary(Field),
    /// Keys were given, and the config file has no rule for this path.
    #[error("no creation rule matches; only what was given with the command counts")]
    NoRule,
    /// Several groups and no threshold: often a dash too many, where one group was meant.
    #[error(
        "there are {0} key groups and no shamir_threshold, so keys of all {0} groups are needed \
         to decrypt; if any one key should do, put the keys into one group, else set \
         shamir_threshold: {0}"
    )]
    AllGroups(usize),
    /// A threshold for the keys of one group, of which any opens the file.
    #[error("the threshold {0} has no effect on one key group: any one of its keys opens the file")]
    ThresholdAlone(u32),
}

/// Why nothing could be decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    /// No keys given, and there is no config file with creation rules.
    #[error("no keys given, and no creation rules found")]
    NoRules,
    /// No keys given, and no rule matches.
    #[error("no creation rule matches the file")]
    NoMatch,
    /// The key options hold nothing but commas and blanks.
    #[error("the key options name no key")]
    NoKeys,
    /// A text among the flags is no key.
    #[error("invalid key")]
    Key(#[source] ParseKeyError),
    /// The rule cannot be used.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// Flags and rule together do not make one selection.
    #[error("unable to tell what to encrypt")]
    Selection {
        /// What is wrong.
        source: SelectionError,
        /// Which fields the flags gave.
        flags: Vec<Field>,
        /// Which fields the rule gave.
        rule: Vec<Field>,
    },
    /// A threshold that the groups cannot meet, or that would make splitting pointless.
    #[error("{groups} key groups cannot have the threshold {threshold}: it must be 2 to {groups}")]
    Threshold {
        /// What was asked for.
        threshold: u32,
        /// How many groups there are.
        groups: usize,
    },
    /// More groups than a data key can be split for (format §5).
    #[error("{0} key groups are too many: a data key can be split for 255")]
    TooManyGroups(usize),
}

/// Brings flags and the rule for a path together.
///
/// Keys of the command line replace those of the rule; all else is merged. With keys of the
/// command line, a config file without a matching rule has no say and is no obstacle.
///
/// # Errors
/// If there are no keys, or what is asked contradicts itself.
pub fn decide(lookup: Lookup<'_>, given: &Given, format: Format) -> Result<Decision, DecideError> {
    let rule = match lookup {
        Lookup::Rule(rule) => Some(rule),
        Lookup::NoRules if given.keys.is_empty() => return Err(DecideError::NoRules),
        Lookup::NoMatch if given.keys.is_empty() => return Err(DecideError::NoMatch),
        Lookup::NoRules | Lookup::NoMatch => None,
    };
    let mut remarks = Vec::new();
    if matches!(lookup, Lookup::NoMatch) {
        remarks.push(Remark::NoRule);
    }
    // Two selections inside of a rule are the rule's fault, whatever the flags say.
    let rule_fields = rule.map(|rule| rule.fields()).unwrap_or_default();
    if let (Some(rule), true) = (rule, rule_fields.given().count() > 1) {
        rule.selection()?;
    }
    let fields = given.selection.or(&rule_fields);
    let (selection, mac_scope) = if format == Format::Binary {
        remarks.extend(fields.given().map(|(field, _)| Remark::IgnoredForBinary(field)));
        (Selection::Everything, MacScope::Everything)
    } else {
        let names = |fields: &Fields| fields.given().map(|(field, _)| field).collect();
        let selection = fields.selection().map_err(|source| DecideError::Selection {
            source,
            flags: names(&given.selection),
            rule: names(&rule_fields),
        })?;
        let sealed_only =
            given.mac_only_encrypted || rule.is_some_and(|rule| rule.mac_only_encrypted());
        (selection, if sealed_only { MacScope::SealedOnly } else { MacScope::Everything })
    };
    let groups = groups(rule, given)?;
    let asked = match given.shamir_threshold {
        0 => rule.map_or(Ok(0), |rule| rule.shamir_threshold())?,
        threshold => threshold,
    };
    match (groups.len(), asked) {
        (1, 0 | 1) => {}
        (1, threshold) => remarks.push(Remark::ThresholdAlone(threshold)),
        (several, 0) => remarks.push(Remark::AllGroups(several)),
        _ => {}
    }
    Ok(Decision {
        shamir_threshold: threshold(asked, groups.len())?,
        groups,
        selection,
        mac_scope,
        rule: rule.map(|rule| rule.number()),
        remarks,
    })
}

fn groups(
    rule: Option<&super::CreationRule>,
    given: &Given,
) -> Result<Vec<Vec<MasterKey>>, DecideError> {
    let mut groups = match rule {
        Some(rule) if given.keys.is_empty() => rule.groups()?,
        _ => {
            let mut keys = given.keys.keys().map_err(DecideError::Key)?;
            for key in &mut keys {
                if let MasterKey::AwsKms(key) = key {
                    key.profile.clone_from(&given.aws_profile);
                }
            }
            if keys.is_empty() {
                return Err(DecideError::NoKeys);
            }
            vec![keys]
        }
    };
    for key in groups.iter_mut().flatten() {
        if let MasterKey::AwsKms(key) = key
            && key.context.is_empty()
        {
            key.context.clone_from(&given.aws_context);
        }
    }
    Ok(groups)
}

fn threshold(asked: u32, groups: usize) -> Result<u32, DecideError> {
    match groups {
        0 | 1 => Ok(asked),
        256.. => Err(DecideError::TooManyGroups(groups)),
        // The number that is then stored (format §5).
        _ if asked == 0 => Ok(groups as u32),
        _ if asked >= 2 && asked as usize <= groups => Ok(asked),
        _ => Err(DecideError::Threshold { threshold: asked, groups }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const R1: &str = "age1ypucxcsrnn30lwu25k2gv55d8nzjr0px7try0pys56mpkff744msg7zvcl";
    const R2: &str = "age1qtcp7x5u5npvg68v4gy58f5x2kke0syt9vkjn4e2jmwcwrcas9cq6supw5";

    fn with(text: &str, given: &Given, format: Format) -> Result<Decision, DecideError> {
        let text = text.replace("R1", R1).replace("R2", R2);
        let config = Config::parse(text.as_bytes(), "/repo").unwrap();
        decide(config.creation_rule("/repo/f.yaml").unwrap(), given, format)
    }

    fn keys(recipient: &str) -> Given {
        let mut keys = KeyChoice::none();
        keys.add(KeyKind::Age, recipient);
        Given { keys, ..Given::default() }
    }

    #[test]
    fn explicit_keys_need_no_rule() {
        // transcript 11: the reference fails in the third case (CLI §13, 31)
        for text in ["", "creation_rules: [{path_regex: nomatch, age: R1}]", "creation_rules: []"] {
            let decision = with(text, &keys(R2), Format::Yaml).unwrap();
            assert_eq!(decision.groups[0][0].identity(), R2);
            assert_eq!(decision.remarks.is_empty(), text.is_empty());
        }
    }

    #[test]
    fn explicit_keys_replace_those_of_the_rule_and_nothing_else() {
        let text = "creation_rules: [{age: R1, encrypted_regex: ^s, mac_only_encrypted: yes}]";
        let decision = with(text, &keys(R2), Format::Yaml).unwrap();
        assert_eq!(decision.groups.len(), 1);
        assert_eq!(decision.groups[0][0].identity(), R2);
        assert_eq!(decision.selection.field(), Some((Field::EncryptedRegex, "^s")));
        assert_eq!(decision.mac_scope, MacScope::SealedOnly);
    }

    #[test]
    fn without_keys_there_is_nothing_to_decide() {
        let nothing = Given::default();
        assert_eq!(with("", &nothing, Format::Yaml), Err(DecideError::NoRules));
        assert_eq!(with("creation_rules: []", &nothing, Format::Yaml), Err(DecideError::NoMatch));
        assert_eq!(with("", &keys(" ,"), Format::Yaml), Err(DecideError::NoKeys));
        let keyless = with("creation_rules: [{encrypted_suffix: a}]", &nothing, Format::Yaml);
        assert!(matches!(keyless, Err(DecideError::Rule(RuleError::NoKeys { .. }))));
    }

    #[test]
    fn a_conflict_names_both_fields_and_where_they_come_from() {
        // transcript 11
        let mut given = Given::default();
        given.selection.set(Field::EncryptedSuffix, "x");
        let text = "creation_rules: [{age: R1, encrypted_regex: ^s}]";
        assert_eq!(
            with(text, &given, Format::Yaml),
            Err(DecideError::Selection {
                source: SelectionError::Conflict(vec![
                    Field::EncryptedSuffix,
                    Field::EncryptedRegex
                ]),
                flags: vec![Field::EncryptedSuffix],
                rule: vec![Field::EncryptedRegex],
            })
        );
    }

    #[test]
    fn a_rule_with_two_selections_is_wrong_by_itself() {
        let mut given = keys(R1);
        given.selection.set(Field::EncryptedRegex, "c");
        let text = "creation_rules: [{encrypted_suffix: a, encrypted_regex: b}]";
        for format in [Format::Yaml, Format::Binary] {
            let error = with(text, &given, format).unwrap_err();
            assert!(matches!(error, DecideError::Rule(RuleError::Selection { .. })), "{error}");
        }
    }

    #[test]
    fn an_unusable_pattern_stops_before_anything_is_sealed() {
        let text = "creation_rules: [{age: R1, encrypted_regex: '('}]";
        let error = with(text, &Given::default(), Format::Yaml).unwrap_err();
        let DecideError::Selection { source, .. } = error else { panic!("{error}") };
        assert_eq!(source.to_string(), "invalid pattern in encrypted_regex");
    }

    #[test]
    fn binary_files_are_encrypted_whole() {
        let text = "creation_rules: [{age: R1, encrypted_regex: ^s, mac_only_encrypted: true}]";
        let decision = with(text, &Given::default(), Format::Binary).unwrap();
        assert_eq!(decision.selection, Selection::Everything);
        assert_eq!(decision.mac_scope, MacScope::Everything);
        assert_eq!(decision.remarks, [Remark::IgnoredForBinary(Field::EncryptedRegex)]);
    }

    #[test]
    fn thresholds_fit_the_groups() {
        let groups = "key_groups: [{age: [R1]}, {age: [R2]}]";
        let decided = |threshold: &str| {
            let text = format!("creation_rules: [{{{threshold} {groups}}}]");
            with(&text, &Given::default(), Format::Yaml).map(|decision| decision.shamir_threshold)
        };
        assert_eq!(decided(""), Ok(2));
        assert_eq!(decided("shamir_threshold: 2,"), Ok(2));
        for threshold in [1, 3] {
            assert_eq!(
                decided(&format!("shamir_threshold: {threshold},")),
                Err(DecideError::Threshold { threshold, groups: 2 })
            );
        }
        for threshold in ["-1", "2.5"] {
            let error = decided(&format!("shamir_threshold: {threshold},")).unwrap_err();
            assert!(matches!(error, DecideError::Rule(RuleError::Shape { .. })), "{error}");
        }
        // With a single group the number is stored and means nothing (format §6.4).
        let text = "creation_rules: [{age: R1, shamir_threshold: 3}]";
        assert_eq!(with(text, &Given::default(), Format::Yaml).unwrap().shamir_threshold, 3);
    }

    #[test]
    fn the_encryption_context_reaches_keys_from_flags_and_rule() {
        let arn = "arn:aws:kms:us-east-1:111122223333:alias/a";
        let mut given = Given::default();
        given.aws_context.insert("env".into(), "prod".into());
        let from_rule = with(&format!("creation_rules: [{{kms: '{arn}'}}]"), &given, Format::Yaml);
        assert_eq!(from_rule.unwrap().groups[0][0].identity(), format!("{arn}|env:prod"));
        given.keys.add(KeyKind::AwsKms, arn);
        given.keys.add(KeyKind::Age, R1);
        given.aws_profile = Some("dev".into());
        let from_flags = with("", &given, Format::Yaml).unwrap();
        assert_eq!(from_flags.groups[0][0].identity(), format!("{arn}|env:prod|dev"));
        assert_eq!(from_flags.groups[0][1].identity(), R1);
    }
}

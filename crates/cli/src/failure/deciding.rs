//! Why it is not clear for whom, or what, to encrypt: in the words of SOPS.

use sops_core::{
    config::{DecideError, RuleError},
    keys::{KeyFault, KeyKind, ParseKeyError},
    selection::SelectionError,
};

use super::{Failure, sentence};
use crate::{config_file::ConfigFile, status::Status};

const FIELDS: &str = "encrypted_suffix, unencrypted_suffix, encrypted_regex, unencrypted_regex, \
                      encrypted_comment_regex, or unencrypted_comment_regex";

/// Flags and rule gave no decision.
pub(crate) fn decide(error: &DecideError, config: Option<&ConfigFile>) -> Failure {
    match error {
        DecideError::NoRules => {
            let failure = Failure::generic(
                "config file not found, or has no creation rules, and no keys provided through \
                 command line options",
            );
            match config {
                None => failure.hint(
                    "name a key (--age age1…, --kms arn:…), or write a creation rule into \
                     .sops.yaml in this folder or one above",
                ),
                Some(file) => failure.hint(format!(
                    "{} has no creation_rules; name a key, or add some",
                    file.path.display()
                )),
            }
        }
        DecideError::NoMatch => {
            Failure::generic("error loading config: no matching creation rules found")
        }
        DecideError::NoKeys => no_keys(),
        DecideError::Key(error) => key(error),
        DecideError::Rule(error) => match config {
            Some(file) => rule(error, file),
            None => Failure::from_error(Status::Generic, error),
        },
        DecideError::Selection { source: SelectionError::Conflict(_), flags, rule } => {
            let names = |fields: &[sops_core::selection::Field]| {
                fields.iter().map(|field| field.name()).collect::<Vec<_>>().join(", ")
            };
            let failure = Failure::new(
                Status::ConflictingParameters,
                format!("Error: cannot use more than one of {FIELDS} in the same file"),
            );
            match (flags.is_empty(), rule.is_empty()) {
                (false, false) => failure.hint(format!(
                    "flags give {}, and the creation rule gives {}; they count together",
                    names(flags),
                    names(rule)
                )),
                _ => failure,
            }
        }
        DecideError::Selection { source: source @ SelectionError::Pattern { .. }, .. } => {
            Failure::from_error(Status::Generic, source)
                .hint("patterns are those of Go (RE2): no look-around, no back-references")
        }
        DecideError::Threshold { .. } | DecideError::TooManyGroups(_) => Failure::generic(format!(
            "Could not generate data key: [could not split data key into parts for Shamir: {error}]"
        )),
    }
}

/// A creation rule cannot be used.
pub(crate) fn rule(error: &RuleError, file: &ConfigFile) -> Failure {
    let failure = rule_in_words(error, file).in_file(&file.path);
    let of_rule = |number: &usize| format!("creation_rules[{}]", number - 1);
    let (line, place) = match error {
        RuleError::Pattern { rule, line, .. } => (line, of_rule(rule) + ".path_regex"),
        RuleError::Shape { place, line, .. } | RuleError::Key { place, line, .. } => {
            (line, place.clone())
        }
        RuleError::Selection { rule, line, .. } | RuleError::NoKeys { rule, line } => {
            (line, of_rule(rule))
        }
        RuleError::EmptyGroup { rule, group, line } => {
            (line, format!("{}.key_groups[{}]", of_rule(rule), group - 1))
        }
    };
    failure.at_line(Some(*line)).at_path(place)
}

fn rule_in_words(error: &RuleError, file: &ConfigFile) -> Failure {
    let path = file.path.display();
    match error {
        RuleError::Pattern { line, source, .. } => {
            Failure::generic(format!("can not compile regexp: error parsing regexp: {source}"))
                .hint(format!("path_regex in {path}, line {line}"))
        }
        RuleError::Shape { .. } => {
            Failure::generic(format!("invalid key configuration: {path}: {error}"))
        }
        RuleError::Key { line, source, .. } => key(source).hint(format!("{path}, line {line}")),
        RuleError::Selection { line, source: SelectionError::Conflict(_), .. } => {
            let problem = format!(
                "error loading config: cannot use more than one of {FIELDS} for the same rule"
            );
            Failure::generic(problem).hint(format!("the rule in {path}, line {line}"))
        }
        RuleError::Selection { .. } => {
            Failure::generic(format!("error loading config: {path}: {}", sentence(error)))
        }
        RuleError::NoKeys { line, .. } | RuleError::EmptyGroup { line, .. } => {
            no_keys().hint(format!("the rule in {path}, line {line}, names no key: {error}"))
        }
    }
}

fn no_keys() -> Failure {
    Failure::generic("Could not generate data key: [empty key group provided]")
}

/// A text is no master key.
pub(crate) fn key(error: &ParseKeyError) -> Failure {
    let ParseKeyError { kind, text, fault } = error;
    let words = match (kind, fault) {
        (KeyKind::Age, KeyFault::UnknownRecipient | KeyFault::PrivateKey) => {
            format!("failed to parse input, unknown recipient type: {text:?}")
        }
        (KeyKind::Age, KeyFault::SshKey) => {
            format!(
                "failed to parse input as age-ssh public key: malformed SSH recipient: {text:?}: ssh: no key found"
            )
        }
        (KeyKind::Age, fault) => format!(
            "failed to parse input as Bech32-encoded age public key: malformed recipient {text:?}: {fault}"
        ),
        (KeyKind::AwsKms, _) => unusable(text, &format!("no valid ARN found in '{text}'")),
        (KeyKind::GcpKms, _) => unusable(
            text,
            &format!("cannot create GCP KMS service: no valid resource ID found in {text:?}"),
        ),
        (KeyKind::HcVault, _) if !text.contains("://") => format!(
            "missing scheme in Vault URL (should be like this: \
             +https://vault.example.com:8200/v1/transit/keys/keyName), got: {text}"
        ),
        (KeyKind::AzureKv, _) => {
            format!("could not parse {text:?} into a valid Azure Key Vault MasterKey []")
        }
        (KeyKind::HuaweiKms, _) => {
            format!("invalid key ID format: expected 'region:key-uuid', got {text:?}")
        }
        _ => error.to_string(),
    };
    Failure::generic(words).hint(fault.to_string())
}

fn unusable(text: &str, why: &str) -> String {
    format!(
        "Could not generate data key: [failed to encrypt new data key with master key {text:?}: {why}]"
    )
}

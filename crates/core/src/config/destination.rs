//! Destination rules: where `publish` puts a file (format §6.5).

use super::{Config, creation::CreationRule, source::Node};
use crate::selection::{Pattern, PatternError};

/// A destination rule, as written: it is checked when it is used.
#[derive(Clone, Debug)]
pub struct DestinationRule {
    number: usize,
    node: Node,
}

/// Where files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Amazon S3: the encrypted file.
    S3 {
        /// The bucket.
        bucket: String,
        /// What is put before the file's name.
        prefix: String,
    },
    /// Google Cloud Storage: the encrypted file.
    Gcs {
        /// The bucket.
        bucket: String,
        /// What is put before the file's name.
        prefix: String,
    },
    /// Vault's key-value store: the decrypted data.
    Vault {
        /// The server; empty leaves it to the environment.
        address: String,
        /// Path below the mount, ended by a slash.
        path: String,
        /// The mount, ended by a slash.
        mount: String,
        /// Version of the store.
        version: VaultVersion,
    },
    /// AWS Secrets Manager: the decrypted data as one secret.
    SecretsManager {
        /// What is put before the file's name.
        prefix: String,
        /// The region; `None` leaves it to the environment.
        region: Option<String>,
        /// The KMS key of secrets that are made; `None` is the account's own.
        kms_key: Option<String>,
    },
    /// AWS Systems Manager Parameter Store: the decrypted data as secure parameters.
    ParameterStore {
        /// The hierarchy, begun and ended by a slash.
        path: String,
        /// The region; `None` leaves it to the environment.
        region: Option<String>,
        /// The KMS key of the parameters; `None` is the account's own.
        kms_key: Option<String>,
        /// Whether each value is a parameter of its own; else the file is one.
        per_key: bool,
    },
}

/// The version of a key-value store of Vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VaultVersion {
    /// Without versions of secrets.
    V1,
    /// With versions of secrets.
    V2,
}

/// Why a destination rule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// The path pattern is none. The reference takes it for one that does not match.
    #[error("line {line}: invalid path_regex in destination rule {rule}")]
    Pattern {
        /// The rule, from 1.
        rule: usize,
        /// Its line, from 1.
        line: usize,
        /// What is wrong with the pattern.
        source: PatternError,
    },
    /// Two destinations or more.
    #[error("line {line}: destination rule {rule} names more than one destination")]
    Several {
        /// The rule, from 1.
        rule: usize,
        /// Its line, from 1.
        line: usize,
    },
    /// No destination.
    #[error("line {line}: destination rule {rule} names no destination")]
    Nowhere {
        /// The rule, from 1.
        rule: usize,
        /// Its line, from 1.
        line: usize,
    },
    /// The path as it was given falls under one rule, and the path relative to the configuration
    /// under another.
    #[error(
        "destination rule {given} (line {given_line}) matches the path as it was given, and rule \
         {relative} (line {relative_line}) the path relative to the configuration"
    )]
    Ambiguous {
        /// The first rule that matches the path as it was given, from 1.
        given: usize,
        /// Its line, from 1.
        given_line: usize,
        /// The first rule that matches the path relative to the configuration, from 1.
        relative: usize,
        /// Its line, from 1.
        relative_line: usize,
    },
}

impl Config {
    /// The first destination rule that matches a path: as it was `given`, which is what the
    /// reference goes by, or relative to the folder of the configuration, which is what creation
    /// rules go by and the reference does not try. `absolute` is the same path from the root, with
    /// `/` on every system.
    ///
    /// # Errors
    /// If the search meets an invalid pattern before a match, or each way finds another rule:
    /// nobody could tell where the file was meant to go.
    pub fn destination_rule(
        &self,
        given: &str,
        absolute: &str,
    ) -> Result<Option<&DestinationRule>, DestinationError> {
        let relative = self.relative(absolute);
        let (mut as_given, mut as_relative) = (None, None);
        for rule in self.destination_rules() {
            let pattern = rule.pattern()?;
            let matches = |path: &str| pattern.as_ref().is_none_or(|p| p.is_match(path));
            if as_given.is_none() && matches(given) {
                as_given = Some(rule);
            }
            if as_relative.is_none() && matches(relative) {
                as_relative = Some(rule);
            }
            if as_given.is_some() && as_relative.is_some() {
                break;
            }
        }
        match (as_given, as_relative) {
            (Some(a), Some(b)) if a.number != b.number => Err(DestinationError::Ambiguous {
                given: a.number,
                given_line: a.line(),
                relative: b.number,
                relative_line: b.line(),
            }),
            (found, other) => Ok(found.or(other)),
        }
    }
}

impl DestinationRule {
    pub(super) fn read(number: usize, node: &Node) -> Self {
        Self { number, node: node.clone() }
    }

    /// Its position, from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Its line, from 1.
    pub fn line(&self) -> usize {
        self.node.line
    }

    /// Where files go.
    ///
    /// # Errors
    /// If there is not exactly one destination.
    pub fn destination(&self) -> Result<Destination, DestinationError> {
        let mut found = Vec::new();
        if let Some(bucket) = self.text("s3_bucket") {
            found.push(Destination::S3 { bucket, prefix: self.text_or("s3_prefix", "") });
        }
        if let Some(bucket) = self.text("gcs_bucket") {
            found.push(Destination::Gcs { bucket, prefix: self.text_or("gcs_prefix", "") });
        }
        if let Some(path) = self.text("vault_path") {
            let slashed = |mut path: String| {
                if !path.ends_with('/') {
                    path.push('/');
                }
                path
            };
            let mount = slashed(self.text_or("vault_kv_mount_name", "secret/"));
            let path = slashed(path);
            let version = match self.node.get("vault_kv_version").and_then(Node::int) {
                Some(1) => VaultVersion::V1,
                // Any other number counts as 2 (format §6.5).
                _ => VaultVersion::V2,
            };
            let address = self.text_or("vault_address", "");
            found.push(Destination::Vault { address, path, mount, version });
        }
        // A name may be the file's alone: that the key is there is what counts.
        if self.node.get("aws_secrets_manager_prefix").is_some() {
            found.push(Destination::SecretsManager {
                prefix: self.text_or("aws_secrets_manager_prefix", ""),
                region: self.text("aws_secrets_manager_region"),
                kms_key: self.text("aws_secrets_manager_kms_key_id"),
            });
        }
        if self.node.get("aws_parameter_store_path").is_some() {
            let path = self.text_or("aws_parameter_store_path", "");
            let path = match path.trim_matches('/') {
                "" => "/".to_owned(),
                path => format!("/{path}/"),
            };
            let per_key = self.node.get("aws_parameter_store_per_key").and_then(Node::bool);
            found.push(Destination::ParameterStore {
                path,
                region: self.text("aws_parameter_store_region"),
                kms_key: self.text("aws_parameter_store_kms_key_id"),
                per_key: per_key.unwrap_or_default(),
            });
        }
        let (rule, line) = (self.number, self.line());
        match (found.pop(), found.is_empty()) {
            (None, _) => Err(DestinationError::Nowhere { rule, line }),
            (Some(destination), true) => Ok(destination),
            (Some(_), false) => Err(DestinationError::Several { rule, line }),
        }
    }

    /// What the file is encrypted with anew before it is put there; `None` if it goes as it is. One
    /// that says something and names no key is there, and is an error when it is used: the reference
    /// leaves the file as it is then, whatever was meant.
    pub fn recreation_rule(&self) -> Option<CreationRule> {
        let node = self.node.get("recreation_rule").filter(|node| !node.is_empty_map())?;
        Some(CreationRule::within_destination(self.number, node))
    }

    /// Whether the file's extension is left out.
    pub fn omit_extensions(&self) -> bool {
        self.node.get("omit_extensions").and_then(Node::bool).unwrap_or_default()
    }

    fn text(&self, name: &str) -> Option<String> {
        self.node.get(name).and_then(Node::text).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn text_or(&self, name: &str, default: &str) -> String {
        self.text(name).unwrap_or_else(|| default.to_owned())
    }

    fn pattern(&self) -> Result<Option<Pattern>, DestinationError> {
        let (rule, line) = (self.number, self.line());
        let pattern = self.text("path_regex").map(|pattern| Pattern::new(&pattern));
        pattern.transpose().map_err(|source| DestinationError::Pattern { rule, line, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(rules: &str) -> Config {
        Config::parse(format!("destination_rules: {rules}").as_bytes(), "/repo").unwrap()
    }

    fn first(rules: &str) -> Result<Destination, DestinationError> {
        config(rules).destination_rules()[0].destination()
    }

    #[test]
    fn a_rule_has_exactly_one_destination() {
        assert_eq!(
            first("[{s3_bucket: b, s3_prefix: p/}]"),
            Ok(Destination::S3 { bucket: "b".into(), prefix: "p/".into() })
        );
        assert_eq!(
            first("[{vault_path: x, vault_kv_mount_name: kv, vault_kv_version: 1}]"),
            Ok(Destination::Vault {
                address: String::new(),
                path: "x/".into(),
                mount: "kv/".into(),
                version: VaultVersion::V1,
            })
        );
        let several = first("[{s3_bucket: b, gcs_bucket: c}]");
        assert_eq!(several, Err(DestinationError::Several { rule: 1, line: 1 }));
        assert_eq!(first("[{}]"), Err(DestinationError::Nowhere { rule: 1, line: 1 }));
        assert_eq!(
            first("[{s3_bucket: b, aws_parameter_store_path: /}]"),
            Err(DestinationError::Several { rule: 1, line: 1 })
        );
    }

    #[test]
    fn stores_of_aws_are_named_by_their_prefix_or_path() {
        assert_eq!(
            first("[{aws_secrets_manager_prefix: '', aws_secrets_manager_region: eu-west-1}]"),
            Ok(Destination::SecretsManager {
                prefix: String::new(),
                region: Some("eu-west-1".into()),
                kms_key: None,
            })
        );
        for (written, path) in [("/", "/"), ("team", "/team/"), ("/team/app/", "/team/app/")] {
            let rule = format!("[{{aws_parameter_store_path: {written}}}]");
            let Ok(Destination::ParameterStore { path: found, per_key: false, .. }) = first(&rule)
            else {
                panic!("{written}")
            };
            assert_eq!(found, path);
        }
        let rule = "[{aws_parameter_store_path: /a, aws_parameter_store_per_key: true}]";
        assert!(matches!(first(rule), Ok(Destination::ParameterStore { per_key: true, .. })));
    }

    #[test]
    fn paths_are_matched_as_given_or_from_the_configuration() {
        let rules = config("[{path_regex: ^s3/, s3_bucket: a}, {path_regex: ^/, gcs_bucket: b}]");
        let number = |given, absolute| {
            rules.destination_rule(given, absolute).map(|rule| rule.map(DestinationRule::number))
        };
        assert_eq!(number("s3/x", "/repo/s3/x"), Ok(Some(1)));
        // From within the folder the reference finds nothing.
        assert_eq!(number("x", "/repo/s3/x"), Ok(Some(1)));
        assert_eq!(number("x", "/repo/other/x"), Ok(None));
        // Outside of the configuration's folder both ways are the same.
        assert_eq!(number("/other/x", "/other/x"), Ok(Some(2)));
        // The reference would take the second rule here, and nobody can tell what was meant.
        assert_eq!(
            number("/repo/s3/x", "/repo/s3/x"),
            Err(DestinationError::Ambiguous {
                given: 2,
                given_line: 1,
                relative: 1,
                relative_line: 1
            })
        );
        let broken = config("[{path_regex: '(', s3_bucket: a}, {s3_bucket: b}]");
        assert!(broken.destination_rule("x", "/repo/x").is_err());
    }

    #[test]
    fn a_recreation_rule_that_says_something_counts() {
        let rules = config(
            "[{recreation_rule: {age: x}}, {recreation_rule: {}}, {}, \
             {recreation_rule: {encrypted_regex: a}}]",
        );
        let rules = rules.destination_rules();
        let found: Vec<_> = rules.iter().map(|rule| rule.recreation_rule().is_some()).collect();
        assert_eq!(found, [true, false, false, true]);
        let error = rules[3].recreation_rule().unwrap().groups().unwrap_err();
        assert!(matches!(error, crate::config::RuleError::NoKeys { .. }), "{error}");
    }
}

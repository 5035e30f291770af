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
        /// Path below the mount.
        path: String,
        /// The mount, ended by a slash.
        mount: String,
        /// Version of the store.
        version: VaultVersion,
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
}

impl Config {
    /// The first destination rule that matches a path as it was given.
    ///
    /// # Errors
    /// If the search meets an invalid pattern before a match.
    pub fn destination_rule(
        &self,
        path: &str,
    ) -> Result<Option<&DestinationRule>, DestinationError> {
        for rule in self.destination_rules() {
            if rule.pattern()?.is_none_or(|pattern| pattern.is_match(path)) {
                return Ok(Some(rule));
            }
        }
        Ok(None)
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
            let mut mount = self.text_or("vault_kv_mount_name", "secret/");
            if !mount.ends_with('/') {
                mount.push('/');
            }
            let version = match self.node.get("vault_kv_version").and_then(Node::int) {
                Some(1) => VaultVersion::V1,
                // Any other number counts as 2 (format §6.5).
                _ => VaultVersion::V2,
            };
            let address = self.text_or("vault_address", "");
            found.push(Destination::Vault { address, path, mount, version });
        }
        let (rule, line) = (self.number, self.line());
        match (found.pop(), found.is_empty()) {
            (None, _) => Err(DestinationError::Nowhere { rule, line }),
            (Some(destination), true) => Ok(destination),
            (Some(_), false) => Err(DestinationError::Several { rule, line }),
        }
    }

    /// What the file is encrypted with anew before it is put there; `None` if it goes as it is.
    pub fn recreation_rule(&self) -> Option<CreationRule> {
        let rule = CreationRule::read(self.number, self.node.get("recreation_rule")?);
        rule.has_keys().then_some(rule)
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
                path: "x".into(),
                mount: "kv/".into(),
                version: VaultVersion::V1,
            })
        );
        let several = first("[{s3_bucket: b, gcs_bucket: c}]");
        assert_eq!(several, Err(DestinationError::Several { rule: 1, line: 1 }));
        assert_eq!(first("[{}]"), Err(DestinationError::Nowhere { rule: 1, line: 1 }));
    }

    #[test]
    fn paths_are_matched_as_given() {
        let rules = config("[{path_regex: ^s3/, s3_bucket: a}, {path_regex: '', gcs_bucket: b}]");
        let number = |path| rules.destination_rule(path).unwrap().map(DestinationRule::number);
        assert_eq!(number("s3/x"), Some(1));
        assert_eq!(number("/repo/s3/x"), Some(2));
        let broken = config("[{path_regex: '(', s3_bucket: a}, {s3_bucket: b}]");
        assert!(broken.destination_rule("x").is_err());
    }

    #[test]
    fn a_recreation_rule_without_keys_is_none() {
        let rules = config("[{recreation_rule: {age: x}}, {recreation_rule: {}}, {}]");
        let found: Vec<_> =
            rules.destination_rules().iter().map(|rule| rule.recreation_rule().is_some()).collect();
        assert_eq!(found, [true, false, false]);
    }
}

//! Flags that say which values of a new file are encrypted.

use clap::Args;

/// Which values are encrypted. A document carries one rule.
#[derive(Args, Clone, Debug, Default)]
#[command(
    next_help_heading = "What is encrypted (one rule; default: all but keys ending in _unencrypted)"
)]
pub(crate) struct SelectionFlags {
    /// Encrypt only values below keys that match this regular expression (Go RE2)
    #[arg(long, value_name = "REGEX")]
    pub(crate) encrypted_regex: Option<String>,
    /// Encrypt all but values below keys that match this regular expression
    #[arg(long, value_name = "REGEX")]
    pub(crate) unencrypted_regex: Option<String>,
    /// Encrypt only values below keys that end like this
    #[arg(long, value_name = "SUFFIX")]
    pub(crate) encrypted_suffix: Option<String>,
    /// Encrypt all but values below keys that end like this
    #[arg(long, value_name = "SUFFIX")]
    pub(crate) unencrypted_suffix: Option<String>,
    /// Encrypt only values whose comment matches this regular expression
    #[arg(long, value_name = "REGEX")]
    pub(crate) encrypted_comment_regex: Option<String>,
    /// Encrypt all but values whose comment matches this regular expression
    #[arg(long, value_name = "REGEX")]
    pub(crate) unencrypted_comment_regex: Option<String>,
    /// Protect only encrypted values by the MAC, so that the others can be edited freely
    #[arg(long)]
    pub(crate) mac_only_encrypted: bool,
    /// Go on when the rule selects none of the values
    #[arg(long)]
    pub(crate) allow_nothing_encrypted: bool,
}

impl SelectionFlags {
    /// Whether any names a rule.
    pub(crate) fn names_rule(&self) -> bool {
        let rules = [
            &self.encrypted_regex,
            &self.unencrypted_regex,
            &self.encrypted_suffix,
            &self.unencrypted_suffix,
            &self.encrypted_comment_regex,
            &self.unencrypted_comment_regex,
        ];
        rules.into_iter().flatten().any(|rule| !rule.is_empty())
    }
}

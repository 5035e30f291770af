//! What master keys are, and how a data key is spread over them and recovered (format §3.3, §4,
//! §5).
//!
//! A [`MasterKey`] is data: a recipient, an ARN, a fingerprint. The ability to use it belongs to
//! a [`KeyProvider`], so a document can be parsed, inspected and written back unchanged on a
//! machine that can use none of its keys. All seven kinds are known in every build.

mod age;
mod aws_kms;
mod azure_kv;
mod bech32;
mod distribute;
mod entry;
mod gcp_kms;
mod hc_vault;
mod huawei_kms;
mod order;
mod pgp;
mod provider;
mod recover;
#[cfg(any(test, feature = "test-util"))]
pub mod testing;

use std::fmt;

pub use age::{AgeKey, AgeRecipientKind};
pub use aws_kms::{AwsContextError, AwsKmsKey, parse_encryption_context};
pub use azure_kv::AzureKvKey;
pub use bech32::{Bech32Error, bech32_decode, bech32_encode};
pub use distribute::{
    DistributeError, Distributed, Distribution, WrapFailure, complete, distribute, rewrap,
};
pub use entry::ReadKeyError;
pub use gcp_kms::GcpKmsKey;
pub use hc_vault::HcVaultKey;
pub use huawei_kms::HuaweiKmsKey;
pub use order::{DecryptionOrder, OrderError};
pub use pgp::PgpKey;
pub use provider::{Attempt, KeyProvider, ProviderError, Providers, Reach, Refusal};
pub use recover::{
    GroupReport, Hedge, KeyOutcome, KeyReport, RecoverError, Recovered, Timer, recover,
};

use crate::tree::{Node, Time};

/// The kinds of master key. Their order is the one in which a group is read (format §3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// AWS KMS
    AwsKms,
    /// Google Cloud KMS
    GcpKms,
    /// Huawei Cloud KMS
    HuaweiKms,
    /// Azure Key Vault
    AzureKv,
    /// HashiCorp Vault or OpenBao transit
    HcVault,
    /// OpenPGP
    Pgp,
    /// age
    Age,
}

impl KeyKind {
    /// All kinds, in the order in which a group is read.
    pub const ALL: [Self; 7] = [
        Self::AwsKms,
        Self::GcpKms,
        Self::HuaweiKms,
        Self::AzureKv,
        Self::HcVault,
        Self::Pgp,
        Self::Age,
    ];

    /// The name of its list in metadata and in `--decryption-order`.
    pub fn name(self) -> &'static str {
        match self {
            Self::AwsKms => "kms",
            Self::GcpKms => "gcp_kms",
            Self::HuaweiKms => "hckms",
            Self::AzureKv => "azure_kv",
            Self::HcVault => "hc_vault",
            Self::Pgp => "pgp",
            Self::Age => "age",
        }
    }

    /// The name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::AwsKms => "AWS KMS",
            Self::GcpKms => "Google Cloud KMS",
            Self::HuaweiKms => "Huawei Cloud KMS",
            Self::AzureKv => "Azure Key Vault",
            Self::HcVault => "Vault transit",
            Self::Pgp => "PGP",
            Self::Age => "age",
        }
    }

    /// The kind whose list has this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// A master key: what it is called, not how to use it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MasterKey {
    /// AWS KMS
    AwsKms(AwsKmsKey),
    /// Google Cloud KMS
    GcpKms(GcpKmsKey),
    /// Huawei Cloud KMS
    HuaweiKms(HuaweiKmsKey),
    /// Azure Key Vault
    AzureKv(AzureKvKey),
    /// HashiCorp Vault or OpenBao transit
    HcVault(HcVaultKey),
    /// OpenPGP
    Pgp(PgpKey),
    /// age
    Age(AgeKey),
}

impl MasterKey {
    /// Reads one key as users write it on the command line and in lists of `.sops.yaml`.
    ///
    /// # Errors
    /// If the text is not a key of that kind.
    pub fn parse(kind: KeyKind, text: &str) -> Result<Self, ParseKeyError> {
        Ok(match kind {
            KeyKind::AwsKms => Self::AwsKms(AwsKmsKey::parse(text)?),
            KeyKind::GcpKms => Self::GcpKms(GcpKmsKey::parse(text)?),
            KeyKind::HuaweiKms => Self::HuaweiKms(HuaweiKmsKey::parse(text)?),
            KeyKind::AzureKv => Self::AzureKv(AzureKvKey::parse(text)?),
            KeyKind::HcVault => Self::HcVault(HcVaultKey::parse(text)?),
            KeyKind::Pgp => Self::Pgp(PgpKey::parse(text)?),
            KeyKind::Age => Self::Age(AgeKey::parse(text)?),
        })
    }

    /// Reads a comma list of keys. Parts are trimmed and empty ones dropped (format §6.4), so an
    /// empty text is an empty list.
    ///
    /// # Errors
    /// For the first part that is not a key of that kind.
    pub fn parse_list(kind: KeyKind, text: &str) -> Result<Vec<Self>, ParseKeyError> {
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| Self::parse(kind, part))
            .collect()
    }

    /// Which kind it is.
    pub fn kind(&self) -> KeyKind {
        match self {
            Self::AwsKms(_) => KeyKind::AwsKms,
            Self::GcpKms(_) => KeyKind::GcpKms,
            Self::HuaweiKms(_) => KeyKind::HuaweiKms,
            Self::AzureKv(_) => KeyKind::AzureKv,
            Self::HcVault(_) => KeyKind::HcVault,
            Self::Pgp(_) => KeyKind::Pgp,
            Self::Age(_) => KeyKind::Age,
        }
    }

    /// The text by which keys of one kind are told apart: for differences, de-duplication and
    /// `--rm-*` (format §4). Never secret.
    pub fn identity(&self) -> String {
        match self {
            Self::AwsKms(key) => key.identity(),
            Self::GcpKms(key) => key.resource_id.clone(),
            Self::HuaweiKms(key) => key.key_id.clone(),
            Self::AzureKv(key) => key.identity(),
            Self::HcVault(key) => key.identity(),
            Self::Pgp(key) => key.fingerprint.clone(),
            Self::Age(key) => key.recipient.clone(),
        }
    }

    /// Whether it says everything that is written down in a file; else a provider fills it in
    /// ([`KeyProvider::complete`]).
    pub fn is_complete(&self) -> bool {
        !matches!(self, Self::AzureKv(key) if key.version.is_empty())
    }

    /// Whether both name the same key: same kind and same identity.
    pub fn is_same(&self, other: &Self) -> bool {
        self.kind() == other.kind() && self.identity() == other.identity()
    }
}

impl fmt::Display for MasterKey {
    /// The identity.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.identity())
    }
}

/// A master key together with what it wrapped, as it stands in the metadata of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct WrappedKey {
    /// The key.
    pub key: MasterKey,
    /// The wrapped part, in the text form of its kind (format §4, `enc`).
    pub enc: String,
    /// When the key was added to the document. Wrapping again does not refresh it (format §4.8);
    /// age entries have none.
    pub created_at: Option<Time>,
    /// Fields of the entry that this version does not know, written back as they were.
    pub unknown: Vec<(String, Node)>,
}

/// Master keys that all wrap the same part. Any one of them opens the group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyGroup(pub Vec<WrappedKey>);

impl KeyGroup {
    /// The master keys, without what they wrapped.
    pub fn master_keys(&self) -> Vec<MasterKey> {
        self.0.iter().map(|wrapped| wrapped.key.clone()).collect()
    }
}

/// Why a text is not a master key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a usable {kind} key: {fault}")]
pub struct ParseKeyError {
    /// The kind that was expected.
    pub kind: KeyKind,
    /// What was given; shortened if it was a private key by mistake.
    pub text: String,
    /// What is wrong with it.
    pub fault: KeyFault,
}

/// What is wrong with a text that should be a master key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// A private key stands where a public one belongs.
    #[error("this is a private key; give the recipient that belongs to it")]
    PrivateKey,
    /// It does not begin like any age recipient.
    #[error("a recipient begins with age1, ssh-ed25519 or ssh-rsa")]
    UnknownRecipient,
    /// It is not well-formed Bech32.
    #[error("{0}")]
    Bech32(Bech32Error),
    /// It is well-formed, but too short or too long for its type.
    #[error("it has the wrong length")]
    Length,
    /// The part after the SSH key type is not a public key of that type.
    #[error("there is no SSH public key of that type in it")]
    SshKey,
    /// It does not have the form of its kind, which is given.
    #[error("expected {0}")]
    Form(&'static str),
}

impl ParseKeyError {
    fn new(kind: KeyKind, text: &str, fault: KeyFault) -> Self {
        let private = ["AGE-SECRET-KEY-", "AGE-PLUGIN-", "-----BEGIN"];
        let upper = text.to_ascii_uppercase();
        match private.iter().find(|prefix| upper.starts_with(*prefix)) {
            // Whoever mixed the two up must not find the private one in a log of CI.
            Some(prefix) => {
                Self { kind, text: format!("{prefix}…"), fault: KeyFault::PrivateKey }
            }
            None => Self { kind, text: text.to_owned(), fault },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_names_of_their_lists() {
        let names: Vec<_> = KeyKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names, ["kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp", "age"]);
        assert!(KeyKind::ALL.iter().all(|kind| KeyKind::from_name(kind.name()) == Some(*kind)));
        assert_eq!(KeyKind::from_name("azure"), None);
    }

    #[test]
    fn a_private_key_is_not_repeated() {
        let given = "AGE-SECRET-KEY-1QQQQQQ";
        let error = MasterKey::parse(KeyKind::Age, given).unwrap_err();
        assert_eq!(error.fault, KeyFault::PrivateKey);
        assert!(!error.to_string().contains("QQQQ"), "{error}");
        assert!(!format!("{error:?}").contains("QQQQ"));
        let error = MasterKey::parse(KeyKind::AwsKms, given).unwrap_err();
        assert!(!error.to_string().contains("QQQQ"), "{error}");
    }

    #[test]
    fn lists_are_split_at_commas_and_trimmed() {
        let fingerprint = "85D77543B3D624B63CEA9E6DBC17301B491B3F21";
        let keys = MasterKey::parse_list(KeyKind::Pgp, &format!(" {fingerprint} ,,\n")).unwrap();
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].identity(), fingerprint);
        assert_eq!(MasterKey::parse_list(KeyKind::Pgp, " ").unwrap(), []);
    }
}

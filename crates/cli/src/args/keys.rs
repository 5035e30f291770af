//! Flags that say which master keys to use, and which to add or remove.

use clap::Args;

/// Which master keys a new file is encrypted for. Any of them replaces the keys of `.sops.yaml`.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Master keys of a new file (default: those of .sops.yaml)")]
pub(crate) struct KeyFlags {
    /// age recipients, separated by commas: age1…, age1pq1…, ssh-ed25519 …, ssh-rsa …
    #[arg(short, long, value_name = "RECIPIENTS")]
    pub(crate) age: Option<String>,
    /// AWS KMS key or alias ARNs, separated by commas; ARN+ROLE_ARN assumes a role
    #[arg(short, long, value_name = "ARNS")]
    pub(crate) kms: Option<String>,
    /// AWS profile that is stored with the AWS KMS keys
    #[arg(long, value_name = "NAME")]
    pub(crate) aws_profile: Option<String>,
    /// Encryption context of AWS KMS keys: key:value pairs, separated by commas
    #[arg(long, value_name = "PAIRS")]
    pub(crate) encryption_context: Option<String>,
    /// OpenPGP fingerprints, separated by commas
    #[arg(short, long, value_name = "FINGERPRINTS")]
    pub(crate) pgp: Option<String>,
    /// Google Cloud KMS resource ids, separated by commas
    #[arg(long, value_name = "IDS")]
    pub(crate) gcp_kms: Option<String>,
    /// Azure Key Vault key URLs, separated by commas
    #[arg(long, value_name = "URLS")]
    pub(crate) azure_kv: Option<String>,
    /// HashiCorp Vault transit key URIs, separated by commas
    #[arg(long, value_name = "URIS")]
    pub(crate) hc_vault_transit: Option<String>,
    /// HuaweiCloud KMS keys (region:uuid), separated by commas
    #[arg(long, value_name = "IDS")]
    pub(crate) hckms: Option<String>,
    /// How many key groups are needed to decrypt (all of them, unless given)
    #[arg(long, value_name = "N", value_parser = super::integer)]
    pub(crate) shamir_secret_sharing_threshold: Option<i64>,
}

impl KeyFlags {
    /// Whether any names a key.
    pub(crate) fn any(&self) -> bool {
        let lists = [
            &self.age,
            &self.kms,
            &self.pgp,
            &self.gcp_kms,
            &self.azure_kv,
            &self.hc_vault_transit,
            &self.hckms,
        ];
        lists.into_iter().flatten().any(|list| !list.is_empty())
    }
}

/// Which master keys `rotate` adds to the first key group, and which it removes from all groups.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Master keys to add or remove")]
pub(crate) struct ChangeKeyFlags {
    /// Add these age recipients
    #[arg(long, value_name = "RECIPIENTS")]
    pub(crate) add_age: Option<String>,
    /// Remove these age recipients
    #[arg(long, value_name = "RECIPIENTS")]
    pub(crate) rm_age: Option<String>,
    /// Add these AWS KMS keys
    #[arg(long, value_name = "ARNS")]
    pub(crate) add_kms: Option<String>,
    /// Remove these AWS KMS keys
    #[arg(long, value_name = "ARNS")]
    pub(crate) rm_kms: Option<String>,
    /// Encryption context of the AWS KMS keys to add or remove
    #[arg(long, value_name = "PAIRS")]
    pub(crate) encryption_context: Option<String>,
    /// Add these OpenPGP keys
    #[arg(long, value_name = "FINGERPRINTS")]
    pub(crate) add_pgp: Option<String>,
    /// Remove these OpenPGP keys
    #[arg(long, value_name = "FINGERPRINTS")]
    pub(crate) rm_pgp: Option<String>,
    /// Add these Google Cloud KMS keys
    #[arg(long, value_name = "IDS")]
    pub(crate) add_gcp_kms: Option<String>,
    /// Remove these Google Cloud KMS keys
    #[arg(long, value_name = "IDS")]
    pub(crate) rm_gcp_kms: Option<String>,
    /// Add these Azure Key Vault keys
    #[arg(long, value_name = "URLS")]
    pub(crate) add_azure_kv: Option<String>,
    /// Remove these Azure Key Vault keys
    #[arg(long, value_name = "URLS")]
    pub(crate) rm_azure_kv: Option<String>,
    /// Add these HashiCorp Vault transit keys
    #[arg(long, value_name = "URIS")]
    pub(crate) add_hc_vault_transit: Option<String>,
    /// Remove these HashiCorp Vault transit keys
    #[arg(long, value_name = "URIS")]
    pub(crate) rm_hc_vault_transit: Option<String>,
    /// Add these HuaweiCloud KMS keys
    #[arg(long, value_name = "IDS")]
    pub(crate) add_hckms: Option<String>,
    /// Remove these HuaweiCloud KMS keys
    #[arg(long, value_name = "IDS")]
    pub(crate) rm_hckms: Option<String>,
}

/// Where the data key is asked for.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Key services")]
pub(crate) struct ServiceFlags {
    /// Use the keys of this machine and its cloud credentials (default: true)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) enable_local_keyservice: Option<bool>,
    /// A key service: tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH; may be repeated
    #[arg(long, value_name = "URI")]
    pub(crate) keyservice: Vec<String>,
    /// Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms
    #[arg(long, value_name = "KINDS")]
    pub(crate) decryption_order: Option<String>,
}

//! Every key that `.sops.yaml` knows (format §6), once: the check for unknown keys and the JSON
//! schema are both made from this list.

/// A mapping of the file: which keys it knows.
pub(super) struct Level {
    /// Its name in the JSON schema.
    pub(super) name: &'static str,
    /// What it describes.
    pub(super) about: &'static str,
    pub(super) keys: &'static [Key],
    /// Keys that are often seen here and that nobody reads, with what is meant. Naming them is
    /// enough; files that work with the reference hold them.
    pub(super) ignored: &'static [(&'static str, &'static str)],
}

/// A known key.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// Whether a file in which this key is not understood loses a recipient, a rule, a threshold
    /// or a restriction of one of them.
    pub(super) vital: bool,
    /// Names that are no near misses but taken for this one.
    pub(super) mistaken: &'static [&'static str],
    pub(super) about: &'static str,
}

/// What stands behind a key.
pub(super) enum Shape {
    /// Text.
    Text,
    /// A list of texts.
    Texts,
    /// Keys: text with commas or a list of texts. Checked when the rule is used, as the reference
    /// does.
    Keys,
    /// As [`Shape::Keys`], but only the list.
    KeysInList,
    /// A boolean.
    Bool,
    /// A whole number from this one up.
    Int(i64),
    /// A whole number from 0 up. Which number it is, is judged when the rule is used.
    Count,
    /// A mapping of texts to texts.
    Names,
    /// A mapping.
    Map(&'static Level),
    /// A list of mappings.
    ListOf(&'static Level),
}

use Shape::{Bool, Count, Int, Keys, KeysInList, ListOf, Map, Names, Text, Texts};

const fn vital(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, shape, vital: true, mistaken: &[], about }
}

const fn plain(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, shape, vital: false, mistaken: &[], about }
}

const fn mistaken_for(mut key: Key, names: &'static [&'static str]) -> Key {
    key.mistaken = names;
    key
}

pub(super) static TOP: Level = Level {
    name: "config",
    about: "Configuration of SOPS: which files are encrypted how, and for whom.",
    keys: &[
        mistaken_for(
            vital(
                "creation_rules",
                ListOf(&RULE),
                "How new files are encrypted. The first rule whose path_regex matches counts.",
            ),
            &["rules"],
        ),
        vital(
            "destination_rules",
            ListOf(&DESTINATION),
            "Where publish puts files. The first rule whose path_regex matches counts.",
        ),
        plain("stores", Map(&STORES), "How files are laid out when they are written anew."),
    ],
    ignored: &[],
};

pub(super) static RULE: Level = Level {
    name: "creation_rule",
    about: "A creation rule: keys, what is encrypted, and for which files.",
    keys: &[
        mistaken_for(
            vital(
                "path_regex",
                Text,
                "Go regular expression, searched in the path relative to this file, with / on \
                 every system. Without it the rule matches every file.",
            ),
            &["filename_regex", "path", "regex"],
        ),
        mistaken_for(
            vital("age", Keys, "age recipients: age1…, ssh-ed25519 … or ssh-rsa …."),
            &["age_recipients", "age_keys", "recipients"],
        ),
        mistaken_for(vital("pgp", Keys, "Fingerprints of OpenPGP keys."), &["gpg", "fingerprints"]),
        mistaken_for(
            vital("kms", Keys, "ARNs of AWS KMS keys, each with +ROLE-ARN if a role is needed."),
            &["aws_kms", "aws_kms_arn", "kms_arn", "kms_arns", "kms_keys"],
        ),
        mistaken_for(
            vital("gcp_kms", Keys, "Resource ids of Google Cloud KMS keys."),
            &["gcp", "gcp_kms_ids"],
        ),
        mistaken_for(
            vital("azure_keyvault", Keys, "URLs of Azure Key Vault keys."),
            &["azure_kv", "azure_keyvault_urls", "azure"],
        ),
        mistaken_for(
            vital("hc_vault_transit_uri", Keys, "URIs of Vault transit keys."),
            &["hc_vault", "hc_vault_transit", "hc_vault_uris", "vault"],
        ),
        mistaken_for(
            vital("hckms", KeysInList, "Huawei Cloud KMS keys, each as region:id."),
            &["huawei_kms", "hc_kms"],
        ),
        vital("aws_profile", Text, "Profile of the AWS configuration for all keys under kms."),
        vital(
            "key_groups",
            ListOf(&GROUP),
            "Groups of keys. With several groups, keys of shamir_threshold of them are needed \
             to decrypt. When this is given, the keys directly in the rule are ignored.",
        ),
        mistaken_for(
            vital(
                "shamir_threshold",
                Count,
                "How many groups are needed to decrypt; all of them by default.",
            ),
            &["threshold"],
        ),
        vital(
            "encrypted_regex",
            Text,
            "Encrypt only what stands below a key that matches this Go regular expression.",
        ),
        vital(
            "unencrypted_regex",
            Text,
            "Leave readable what stands below a key that matches this Go regular expression.",
        ),
        vital("encrypted_suffix", Text, "Encrypt only what stands below a key with this suffix."),
        vital(
            "unencrypted_suffix",
            Text,
            "Leave readable what stands below a key with this suffix.",
        ),
        vital(
            "encrypted_comment_regex",
            Text,
            "Encrypt only what follows a comment that matches this Go regular expression.",
        ),
        vital(
            "unencrypted_comment_regex",
            Text,
            "Leave readable what follows a comment that matches this Go regular expression.",
        ),
        vital("mac_only_encrypted", Bool, "Let the MAC cover only the values that are encrypted."),
    ],
    ignored: &[],
};

pub(super) static GROUP: Level = Level {
    name: "key_group",
    about: "A group of keys, each of which opens the group.",
    keys: &[
        vital("merge", ListOf(&GROUP), "Groups whose keys are put before those of this one."),
        mistaken_for(vital("age", Texts, "age recipients."), &["age_recipients"]),
        mistaken_for(
            vital("pgp", Texts, "Fingerprints of OpenPGP keys."),
            &["gpg", "pgp_fp", "pgp_fingerprints", "fingerprints"],
        ),
        mistaken_for(vital("kms", ListOf(&AWS_KMS), "AWS KMS keys."), &["aws_kms", "awskms"]),
        mistaken_for(vital("gcp_kms", ListOf(&GCP_KMS), "Google Cloud KMS keys."), &["gcp"]),
        mistaken_for(
            vital("hckms", ListOf(&HUAWEI_KMS), "Huawei Cloud KMS keys."),
            &["huawei_kms", "hc_kms"],
        ),
        mistaken_for(
            vital("azure_keyvault", ListOf(&AZURE), "Azure Key Vault keys."),
            &["azure_kv", "azure"],
        ),
        mistaken_for(
            vital("hc_vault", Texts, "URIs of Vault transit keys."),
            &["hc_vault_transit_uri", "hc_vault_transit", "vault"],
        ),
    ],
    ignored: &[],
};

static AWS_KMS: Level = Level {
    name: "aws_kms_key",
    about: "An AWS KMS key.",
    keys: &[
        vital("arn", Text, "ARN of the key or of an alias."),
        vital("role", Text, "ARN of the role to assume."),
        mistaken_for(vital("context", Names, "Encryption context."), &["encryption_context"]),
        mistaken_for(vital("aws_profile", Text, "Profile of the AWS configuration."), &["profile"]),
    ],
    ignored: &[],
};

static GCP_KMS: Level = Level {
    name: "gcp_kms_key",
    about: "A Google Cloud KMS key.",
    keys: &[mistaken_for(
        vital("resource_id", Text, "projects/…/locations/…/keyRings/…/cryptoKeys/…"),
        &["resource", "id"],
    )],
    ignored: &[],
};

static HUAWEI_KMS: Level = Level {
    name: "huawei_kms_key",
    about: "A Huawei Cloud KMS key.",
    keys: &[mistaken_for(vital("key_id", Text, "region:id"), &["key", "id"])],
    ignored: &[],
};

static AZURE: Level = Level {
    name: "azure_keyvault_key",
    about: "An Azure Key Vault key.",
    keys: &[
        mistaken_for(vital("vaultUrl", Text, "https://NAME.vault.azure.net"), &["url", "vault"]),
        mistaken_for(vital("key", Text, "Name of the key."), &["name", "key_name"]),
        vital("version", Text, "Version of the key; the newest one by default."),
    ],
    ignored: &[],
};

pub(super) static DESTINATION: Level = Level {
    name: "destination_rule",
    about: "Where publish puts the files that match.",
    keys: &[
        mistaken_for(
            vital(
                "path_regex",
                Text,
                "Go regular expression, searched in the path as it was given and in the path \
                 relative to this file. If each finds another rule, nothing is published.",
            ),
            &["filename_regex", "path", "regex"],
        ),
        vital("s3_bucket", Text, "Bucket of Amazon S3."),
        vital("s3_prefix", Text, "What is put before the file's name."),
        vital("gcs_bucket", Text, "Bucket of Google Cloud Storage."),
        vital("gcs_prefix", Text, "What is put before the file's name."),
        vital("vault_path", Text, "Path below the mount in Vault's key-value store."),
        vital("vault_address", Text, "Address of the Vault server."),
        vital("vault_kv_mount_name", Text, "Mount of the key-value store; secret/ by default."),
        vital("vault_kv_version", Int(0), "Version of the key-value store, 1 or 2; 2 by default."),
        mistaken_for(
            vital(
                "aws_secrets_manager_prefix",
                Text,
                "What is put before the file's name to name a secret of AWS Secrets Manager.",
            ),
            &[
                "aws_secrets_manager",
                "aws_secrets_manager_name",
                "aws_secrets_manager_path",
                "aws_secrets_manager_secret_name",
                "aws_secretsmanager_prefix",
                "secrets_manager_prefix",
            ],
        ),
        vital(
            "aws_secrets_manager_region",
            Text,
            "Its region; that of the environment by default.",
        ),
        vital(
            "aws_secrets_manager_kms_key_id",
            Text,
            "KMS key of secrets that are made there; the account's own by default.",
        ),
        mistaken_for(
            vital(
                "aws_parameter_store_path",
                Text,
                "Hierarchy of AWS Systems Manager Parameter Store in which the file's name becomes \
                 that of a secure parameter.",
            ),
            &[
                "aws_parameter_store",
                "aws_parameter_store_prefix",
                "aws_ssm_path",
                "parameter_store_path",
                "ssm_path",
            ],
        ),
        vital(
            "aws_parameter_store_region",
            Text,
            "Its region; that of the environment by default.",
        ),
        vital(
            "aws_parameter_store_kms_key_id",
            Text,
            "KMS key of the parameters; the account's own by default.",
        ),
        vital(
            "aws_parameter_store_per_key",
            Bool,
            "Whether each value of the file is a parameter of its own, below the file's name.",
        ),
        vital(
            "recreation_rule",
            Map(&RULE),
            "Keys and rules that the file is encrypted with anew.",
        ),
        plain("omit_extensions", Bool, "Whether to leave the file's extension out."),
    ],
    ignored: &[("reencryption_rule", "recreation_rule")],
};

static STORES: Level = Level {
    name: "stores",
    about: "Layout per format.",
    keys: &[
        plain("yaml", Map(&YAML_STORE), "YAML files."),
        plain("json", Map(&JSON_STORE), "JSON files."),
        plain("json_binary", Map(&JSON_STORE), "The JSON around encrypted binary files."),
        plain("dotenv", Map(&EMPTY_STORE), "dotenv files; nothing to set."),
        plain("ini", Map(&EMPTY_STORE), "INI files; nothing to set."),
    ],
    ignored: &[],
};

static YAML_STORE: Level = Level {
    name: "yaml_store",
    about: "Layout of YAML files.",
    keys: &[plain("indent", Int(0), "Blanks per level, 2 to 9; 4 by default.")],
    ignored: &[],
};

static JSON_STORE: Level = Level {
    name: "json_store",
    about: "Layout of JSON.",
    keys: &[plain("indent", Int(-1), "Blanks per level; −1, the default, is a tab.")],
    ignored: &[],
};

static EMPTY_STORE: Level =
    Level { name: "empty_store", about: "Nothing to set.", keys: &[], ignored: &[] };

//! For whom a new file is encrypted, and what of it: flags, variables and the creation rule.

use std::path::Path;

use sops_core::{
    config::{DecideError, Decision, Given, KeyChoice, Lookup, NearMiss, Outcome, Remark, decide},
    format::Format,
    keys::{KeyKind, parse_encryption_context},
    selection::{Field, Fields},
};

use crate::{
    args::{keys::KeyFlags, selection::SelectionFlags},
    config_file::{ConfigFile, nearer_to, with_slashes},
    env_vars,
    failure::{self, Failure, deciding},
    files::absolute_path,
    status::Status,
};

/// Decides for a path, which is the file's or the one given in its place.
pub(crate) fn decision(
    keys: &KeyFlags,
    selection: &SelectionFlags,
    config: Option<&ConfigFile>,
    path: &Path,
    format: Format,
) -> Result<Decision, Failure> {
    let given = given(keys, selection)?;
    let absolute = with_slashes(&absolute_path(path));
    let lookup = match config {
        None => Lookup::NoRules,
        Some(file) => {
            file.config.creation_rule(&absolute).map_err(|error| deciding::rule(&error, file))?
        }
    };
    if failure::wants_more() {
        tell(&lookup, config, &absolute, keys);
    }
    let decision = decide(lookup, &given, format).map_err(|error| {
        let failure = deciding::decide(&error, config);
        let failure = match (&error, &lookup, config) {
            (DecideError::Selection { rule: fields, .. }, Lookup::Rule(rule), Some(file))
                if !fields.is_empty() =>
            {
                let path = file.path.display();
                failure.hint(format!("the creation rule is in {path}, line {}", rule.line()))
            }
            _ => failure,
        };
        match (&error, config) {
            (DecideError::NoMatch, Some(file)) => {
                elsewhere(explain(failure, file, &absolute), path, config)
            }
            (DecideError::NoRules, _) => elsewhere(failure, path, config),
            _ => failure,
        }
    })?;
    for remark in &decision.remarks {
        match remark {
            // Keys were given, and they count.
            Remark::NoRule => failure::detail(remark),
            remark => failure::warn(remark),
        }
    }
    Ok(decision)
}

/// Whether to go on when a rule selects nothing.
pub(crate) fn may_encrypt_nothing(flag: bool) -> Result<bool, Failure> {
    Ok(flag || env_vars::SOPS_ALLOW_NOTHING_ENCRYPTED.boolean()?.unwrap_or(false))
}

fn given(keys: &KeyFlags, selection: &SelectionFlags) -> Result<Given, Failure> {
    let mut choice = KeyChoice::none();
    for (kind, flag, variable) in [
        (KeyKind::AwsKms, &keys.kms, env_vars::SOPS_KMS_ARN),
        (KeyKind::GcpKms, &keys.gcp_kms, env_vars::SOPS_GCP_KMS_IDS),
        (KeyKind::HuaweiKms, &keys.hckms, env_vars::SOPS_HUAWEICLOUD_KMS_IDS),
        (KeyKind::AzureKv, &keys.azure_kv, env_vars::SOPS_AZURE_KEYVAULT_URLS),
        (KeyKind::HcVault, &keys.hc_vault_transit, env_vars::SOPS_VAULT_URIS),
        (KeyKind::Pgp, &keys.pgp, env_vars::SOPS_PGP_FP),
        (KeyKind::Age, &keys.age, env_vars::SOPS_AGE_RECIPIENTS),
    ] {
        if let Some(list) = flag.clone().or_else(|| variable.text()) {
            choice.add(kind, &list);
        }
    }
    let mut fields = Fields::none();
    for (field, flag) in [
        (Field::EncryptedRegex, &selection.encrypted_regex),
        (Field::UnencryptedRegex, &selection.unencrypted_regex),
        (Field::EncryptedSuffix, &selection.encrypted_suffix),
        (Field::UnencryptedSuffix, &selection.unencrypted_suffix),
        (Field::EncryptedCommentRegex, &selection.encrypted_comment_regex),
        (Field::UnencryptedCommentRegex, &selection.unencrypted_comment_regex),
    ] {
        if let Some(text) = flag {
            fields.set(field, text.as_str());
        }
    }
    let shamir_threshold = match keys.shamir_secret_sharing_threshold {
        None => 0,
        Some(number) => u32::try_from(number).map_err(|_| {
            Failure::usage(format_args!(
                "invalid value \"{number}\" for flag -shamir-secret-sharing-threshold: parse error"
            ))
        })?,
    };
    Ok(Given {
        keys: choice,
        selection: fields,
        shamir_threshold,
        mac_only_encrypted: selection.mac_only_encrypted,
        aws_context: context(keys.encryption_context.as_deref())?,
        aws_profile: keys.aws_profile.clone().filter(|profile| !profile.is_empty()),
    })
}

/// The pairs of `--encryption-context`.
pub(crate) fn context(
    text: Option<&str>,
) -> Result<std::collections::BTreeMap<String, String>, Failure> {
    parse_encryption_context(text.unwrap_or_default()).map_err(|error| {
        Failure::new(Status::InvalidEncryptionContext, "Invalid KMS encryption context format")
            .hint(error.to_string())
            .hint("write it as key:value,key:value")
    })
}

/// Names a configuration beside the file that was not looked at.
fn elsewhere(failure: Failure, path: &Path, config: Option<&ConfigFile>) -> Failure {
    failure.maybe_hint(nearer_to(path, config).map(|found| {
        format!(
            "the search begins in the current folder, not in that of the file; {} was not looked \
             at: go there, or say --config",
            found.display()
        )
    }))
}

/// Says which rule counts, and what became of those before it.
fn tell(lookup: &Lookup<'_>, config: Option<&ConfigFile>, path: &str, keys: &KeyFlags) {
    let Some(file) = config else { return };
    match lookup {
        Lookup::NoRules => failure::detail("there are no creation rules in it"),
        Lookup::Rule(_) | Lookup::NoMatch => {
            for verdict in file.config.explain(path) {
                let words = match verdict.outcome {
                    Outcome::Chosen => "matches and counts",
                    Outcome::Shadowed => continue,
                    Outcome::Near(_) | Outcome::Miss => "does not match",
                    Outcome::Invalid(_) => "is invalid",
                };
                let pattern = match verdict.rule.path_regex() {
                    Some(pattern) => format!("path_regex {pattern}"),
                    None => "for all files".to_owned(),
                };
                failure::detail(format_args!(
                    "creation rule {} (line {}, {pattern}) {words}",
                    verdict.rule.number(),
                    verdict.rule.line()
                ));
            }
        }
    }
    if keys.any() {
        failure::detail("master keys: those of the flags, in place of the rule's");
    }
}

/// Says why no rule matches, rule by rule where one comes near.
fn explain(mut failure: Failure, file: &ConfigFile, path: &str) -> Failure {
    for verdict in file.config.explain(path) {
        let number = verdict.rule.number();
        let pattern = verdict.rule.path_regex().unwrap_or_default();
        let advice = match verdict.outcome {
            Outcome::Near(NearMiss::Case) => "would match if case did not count",
            Outcome::Near(NearMiss::AbsolutePath) => {
                "matches the absolute path, but rules see the path below the config file's folder"
            }
            Outcome::Near(NearMiss::FileName) => {
                "matches the file's name, but rules see its path below the config file's folder"
            }
            _ => continue,
        };
        failure = failure.hint(format!("path_regex {pattern} of rule {number} {advice}"));
    }
    failure.hint(format!(
        "add a rule for it to {}, or name keys with --age, --kms, …",
        file.path.display()
    ))
}

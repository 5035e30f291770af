//! Every environment variable this program reads. It reads none that is not listed here, apart
//! from those that the libraries of clouds, gpg and the editor read for themselves.
//!
//! A variable that stands in for a flag is looked at by the commands that have the flag, and by
//! no others: a malformed one cannot disturb a command that does not use it.

use std::{env, ffi::OsString};

use crate::failure::Failure;

/// One variable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variable {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does, as the reference page says it.
    pub(crate) about: &'static str,
}

impl Variable {
    /// Its value, if it is set and is text. Set to nothing counts as set (CLI §1.1).
    pub(crate) fn text(self) -> Option<String> {
        env::var(self.name).ok()
    }

    /// Its value, if it is set: a path or a command.
    pub(crate) fn os(self) -> Option<OsString> {
        env::var_os(self.name)
    }

    /// Its value, if it is set to anything.
    pub(crate) fn non_empty(self) -> Option<String> {
        self.text().filter(|text| !text.is_empty())
    }

    /// The variables whose names begin with this one: what follows, and the value.
    #[cfg(feature = "huawei")]
    pub(crate) fn all_after(self) -> impl Iterator<Item = (String, String)> {
        env::vars_os().filter_map(move |(name, value)| {
            let rest = name.to_str()?.strip_prefix(self.name)?.to_owned();
            Some((rest, value.into_string().ok().filter(|value| !value.is_empty())?))
        })
    }

    /// Its value as a boolean; nothing means false.
    pub(crate) fn boolean(self) -> Result<Option<bool>, Failure> {
        let Some(text) = self.text() else { return Ok(None) };
        if text.is_empty() {
            return Ok(Some(false));
        }
        parse_bool(&text).map(Some).ok_or_else(|| {
            Failure::generic(format!("could not parse {text} as bool value for {}", self.name))
                .hint("it takes true or false")
        })
    }
}

/// The spellings of booleans that flags and variables accept.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

macro_rules! env_vars {
    ($($(#[doc = $about:literal])+ $name:ident;)+) => {
        $($(#[doc = $about])+
        #[allow(non_upper_case_globals, reason = "some variables have names in small letters")]
        pub(crate) const $name: Variable =
            Variable { name: stringify!($name), about: concat!($($about),+) };)+

        /// All of them, in the order of the reference page.
        pub(crate) const ALL: &[Variable] = &[$($name),+];
    };
}

env_vars! {
    /// AWS KMS keys for new files, as `--kms` takes them.
    SOPS_KMS_ARN;
    /// Google Cloud KMS keys for new files, as `--gcp-kms` takes them.
    SOPS_GCP_KMS_IDS;
    /// HuaweiCloud KMS keys for new files, as `--hckms` takes them.
    SOPS_HUAWEICLOUD_KMS_IDS;
    /// Azure Key Vault keys for new files, as `--azure-kv` takes them.
    SOPS_AZURE_KEYVAULT_URLS;
    /// HashiCorp Vault transit keys for new files, as `--hc-vault-transit` takes them.
    SOPS_VAULT_URIS;
    /// OpenPGP fingerprints for new files, as `--pgp` takes them.
    SOPS_PGP_FP;
    /// age recipients for new files, as `--age` takes them.
    SOPS_AGE_RECIPIENTS;
    /// The configuration file, instead of the search for `.sops.yaml`.
    SOPS_CONFIG;
    /// Which kinds of keys to try first, as `--decryption-order` takes them.
    SOPS_DECRYPTION_ORDER;
    /// Whether keys on this machine and cloud services are used directly; `true` unless set.
    SOPS_ENABLE_LOCAL_KEYSERVICE;
    /// Key services on other machines, separated by commas.
    SOPS_KEYSERVICE;
    /// A file of certificates (PEM): who is trusted to be a key service at `tls://…`. Those of the
    /// system, unless set.
    SOPS_KEYSERVICE_CA;
    /// A file with the certificate (PEM) that is shown to a key service at `tls://…`.
    SOPS_KEYSERVICE_CERT;
    /// A file with the private key (PEM) of that certificate.
    SOPS_KEYSERVICE_KEY;
    /// Accepted for scripts written for SOPS; this program never looks for new versions.
    SOPS_DISABLE_VERSION_CHECK;
    /// `true`: encrypt a document under a rule that selects none of its values.
    SOPS_ALLOW_NOTHING_ENCRYPTED;
    /// Seconds that one call of a key service may take; unless set 10, and 60 for key services on
    /// other machines, where a person may be asked. For gpg where nobody can be asked; unless set
    /// 120.
    SOPS_KEY_TIMEOUT;
    /// The proxy for calls of key services by `https`; with a user and password in its address if
    /// it wants them.
    HTTPS_PROXY;
    /// The same, if the one above is not set.
    https_proxy;
    /// Hosts that are asked without the proxy, separated by commas.
    NO_PROXY;
    /// The same, if the one above is not set.
    no_proxy;
    /// The address of all AWS services, instead of their own; the AWS SDK reads it. This program
    /// looks only whether it is set to nothing.
    AWS_ENDPOINT_URL;
    /// The same for AWS KMS.
    AWS_ENDPOINT_URL_KMS;
    /// The same for STS, which gives out roles.
    AWS_ENDPOINT_URL_STS;
    /// The same for the portal of single sign-on.
    AWS_ENDPOINT_URL_SSO;
    /// The address of S3, for `publish`; the SDK for AWS reads it.
    AWS_ENDPOINT_URL_S3;
    /// The address of Secrets Manager, for `publish`; the SDK for AWS reads it.
    AWS_ENDPOINT_URL_SECRETS_MANAGER;
    /// The address of Parameter Store, for `publish`; the SDK for AWS reads it.
    AWS_ENDPOINT_URL_SSM;
    /// The region of S3, Secrets Manager and Parameter Store, for `publish`; the SDK for AWS reads
    /// it. That of keys stands in their ARN.
    AWS_REGION;
    /// The profile of the AWS SDK. This program looks at it to say when there is none of that name.
    AWS_PROFILE;
    /// The file of AWS profiles. This program only names it in messages.
    AWS_CONFIG_FILE;
    /// The file of AWS access keys. This program only names it in messages.
    AWS_SHARED_CREDENTIALS_FILE;
    /// The address of Vault and OpenBao, for `publish`, where the rule has none. That of keys stands
    /// in the file.
    VAULT_ADDR;
    /// The token for keys of Vault and OpenBao; else the file `~/.vault-token` has it.
    VAULT_TOKEN;
    /// Which servers of Vault may be asked: `all` (unless set), `none`, or beginnings of their
    /// addresses, separated by commas.
    SOPS_HC_VAULT_ALLOWLIST;
    /// The namespace of requests to Vault.
    VAULT_NAMESPACE;
    /// The address of an agent that is asked instead of the server of a Vault key.
    VAULT_AGENT_ADDR;
    /// A file of certificates to trust for Vault, instead of those of the system.
    VAULT_CACERT;
    /// The certificates themselves, if the variable above is not set.
    VAULT_CACERT_BYTES;
    /// A folder of such files, if neither is set.
    VAULT_CAPATH;
    /// The certificate of the caller for Vault; goes with `VAULT_CLIENT_KEY`.
    VAULT_CLIENT_CERT;
    /// The private key of that certificate.
    VAULT_CLIENT_KEY;
    /// `true`: whoever answers is taken for Vault, whatever certificate comes. For tests.
    VAULT_SKIP_VERIFY;
    /// The name in the certificate of Vault. Not served yet: an error if it is set.
    VAULT_TLS_SERVER_NAME;
    /// The proxy for Vault, instead of `HTTPS_PROXY`; for plain `http`, too.
    VAULT_PROXY_ADDR;
    /// The same, if the one above is not set.
    VAULT_HTTP_PROXY;
    /// `true`: answers of Vault that lead to another address are not followed.
    VAULT_DISABLE_REDIRECTS;
    /// Further headers of requests to Vault, as a JSON object of texts.
    VAULT_HEADERS;
    /// How long a call of Vault may take, if `SOPS_KEY_TIMEOUT` is not set: seconds, or such as
    /// `1m30s`.
    VAULT_CLIENT_TIMEOUT;
    /// How often a call of Vault is made again if it fails for the moment; 2 unless set.
    VAULT_MAX_RETRIES;
    /// The access key for Huawei Cloud KMS; else the file of credentials has it.
    HUAWEICLOUD_SDK_AK;
    /// The secret key that belongs to it.
    HUAWEICLOUD_SDK_SK;
    /// The token of a session of that key.
    HUAWEICLOUD_SDK_SECURITY_TOKEN;
    /// The project whose keys are used; else Huawei's identity service is asked.
    HUAWEICLOUD_SDK_PROJECT_ID;
    /// The file of credentials for Huawei Cloud, instead of `~/.huaweicloud/credentials`.
    HUAWEICLOUD_SDK_CREDENTIALS_FILE;
    /// The file of Huawei's regions, instead of `~/.huaweicloud/regions.yaml`.
    HUAWEICLOUD_SDK_REGIONS_FILE;
    /// With the name of a region behind it, in capitals and with `_` for `-`: the address of Huawei
    /// Cloud KMS there.
    HUAWEICLOUD_SDK_REGION_KMS_;
    /// The address of Huawei's identity service.
    HUAWEICLOUD_SDK_IAM_ENDPOINT;
    /// The program for keys of OpenPGP, instead of `gpg`.
    SOPS_GPG_EXEC;
    /// The home of GnuPG, instead of `~/.gnupg`; gpg reads it, too.
    GNUPGHOME;
    /// Credentials for Google Cloud: a file of them, or the JSON text itself.
    GOOGLE_CREDENTIALS;
    /// The address of an emulator of Cloud Storage, for `publish`, which gets no credentials.
    STORAGE_EMULATOR_HOST;
    /// An access token for Google Cloud, if the variable above is not set. Without both, the
    /// library looks for application default credentials.
    GOOGLE_OAUTH_ACCESS_TOKEN;
    /// A file of application default credentials; the library for Google Cloud reads it.
    GOOGLE_APPLICATION_CREDENTIALS;
    /// Where the metadata server of Google Cloud is; its library reads it.
    GCE_METADATA_HOST;
    /// Accepted for scripts written for SOPS: Google Cloud KMS is asked by REST, whatever it says.
    SOPS_GCP_KMS_CLIENT_TYPE;
    /// The address of Google Cloud KMS, instead of its own.
    SOPS_GCP_KMS_ENDPOINT;
    /// The universe of Google Cloud, instead of `googleapis.com`, unless the address is set.
    SOPS_GCP_KMS_UNIVERSE_DOMAIN;
    /// Which credentials for Azure are tried: `prod` (those of machines), `dev` (those of persons),
    /// or one by name, such as `ManagedIdentityCredential`.
    AZURE_TOKEN_CREDENTIALS;
    /// The tenant of an application, for Azure.
    AZURE_TENANT_ID;
    /// The application, or which identity of this machine, for Azure.
    AZURE_CLIENT_ID;
    /// The secret of the application, for Azure.
    AZURE_CLIENT_SECRET;
    /// Not served: an error for Azure if nothing else gives a token.
    AZURE_CLIENT_CERTIFICATE_PATH;
    /// A file with the token of a Kubernetes service account, for Azure.
    AZURE_FEDERATED_TOKEN_FILE;
    /// Who gives out tokens, for clouds of Azure of their own; its library reads it.
    AZURE_AUTHORITY_HOST;
    /// Where the identity of this machine is asked for; the library for Azure reads it.
    IDENTITY_ENDPOINT;
    /// What is shown there; the library for Azure reads it.
    IDENTITY_HEADER;
    /// The same as `IDENTITY_ENDPOINT`, in older places.
    MSI_ENDPOINT;
    /// When errors are followed by hints: `always`, `never`, or (unset) on a terminal.
    SOPS_RS_HINTS;
    /// How errors are told when `--error-format` is not given: `text`, or `json` for programs.
    SOPS_RS_ERROR_FORMAT;
    /// `true`: commands of `exec-env` and `exec-file` get `SOPS_AGE_KEY` as well, as with
    /// `--pass-age-key`.
    SOPS_PASS_AGE_KEY;
    /// The editor of `edit`, with arguments; split like a shell would, no shell runs.
    SOPS_EDITOR;
    /// The editor of `edit` when `SOPS_EDITOR` is not set.
    EDITOR;
    /// age identities, separated by white space; or one age-encrypted file of them.
    SOPS_AGE_KEY;
    /// A file of age identities, one per line; may be age-encrypted with a passphrase.
    SOPS_AGE_KEY_FILE;
    /// A command that prints age identities; it gets the recipient in `SOPS_AGE_RECIPIENT`.
    SOPS_AGE_KEY_CMD;
    /// An SSH private key for age recipients of kind `ssh-ed25519` and `ssh-rsa`.
    SOPS_AGE_SSH_PRIVATE_KEY_FILE;
    /// A command that prints an SSH private key without passphrase.
    SOPS_AGE_SSH_PRIVATE_KEY_CMD;
    /// Where gpg-agent listens (up to the first colon), which is asked for passphrases of age
    /// identities and SSH keys; unset, `gpgconf` says it.
    GPG_AGENT_INFO;
    /// The terminal at which gpg-agent asks, unless it is that of this program.
    GPG_TTY;
    /// The display on which gpg-agent asks.
    DISPLAY;
    /// The same, of Wayland.
    WAYLAND_DISPLAY;
    /// Where `sops/age/keys.txt` is looked for, instead of `~/.config`.
    XDG_CONFIG_HOME;
    /// The same on Windows.
    APPDATA;
    /// Memory-backed folder in which `edit` and `exec-file` keep the plaintext.
    XDG_RUNTIME_DIR;
    /// Where `edit` and `exec-file` keep the plaintext when no memory-backed folder is found.
    TMPDIR;
    /// Home of the person: SSH keys and the default identity file are looked for there.
    HOME;
    /// The same on Windows, if `HOME` is not set.
    USERPROFILE;
    /// Where editors and commands are looked for.
    PATH;
    /// What the names of programs end with, on Windows.
    PATHEXT;
    /// Set by completion scripts of SOPS for zsh, which get descriptions then.
    _CLI_ZSH_AUTOCOMPLETE_HACK;
    /// Set to anything: no colours.
    NO_COLOR;
    /// `dumb`: no colours. gpg-agent is told about it.
    TERM;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_says_what_it_does() {
        for variable in ALL {
            assert!(variable.about.trim().ends_with('.'), "{}", variable.name);
        }
    }

    #[test]
    fn booleans_are_spelled_as_in_go() {
        assert_eq!(parse_bool("T"), Some(true));
        assert_eq!(parse_bool("False"), Some(false));
        assert_eq!(parse_bool("yes"), None);
    }
}

//! The one joint to key services.

use std::fmt;
use std::sync::Arc;

use super::{KeyKind, MasterKey};
use crate::crypto::KeyPart;

/// Wraps and opens data-key parts with one family of master keys.
///
/// This is the only trait that a new key service implements. Credentials belong to the
/// implementor and are given to its constructor, never looked up here. An implementor must not
/// repeat secrets in errors, and must end each call within a deadline of its own.
#[async_trait::async_trait]
pub trait KeyProvider: Send + Sync {
    /// What using `key` through this provider takes. Answers without I/O.
    fn reach(&self, key: &MasterKey) -> Reach;

    /// Fills in what the key needs before it is wrapped for and written down, such as the newest
    /// version of a key that was given without one. `None` if nothing is missing, or if the key is
    /// none of this provider's.
    ///
    /// # Errors
    /// If it cannot be found out.
    async fn complete(&self, _key: &MasterKey) -> Result<Option<MasterKey>, ProviderError> {
        Ok(None)
    }

    /// Encrypts `part` so that `key` can open it again, and gives the `enc` text of its kind
    /// (format §4).
    ///
    /// # Errors
    /// If the key cannot be used.
    async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError>;

    /// Tries to open `enc`, which `key` is said to have made.
    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt;
}

/// The providers of one operation, in the order in which they are tried for each key.
pub type Providers = [Arc<dyn KeyProvider>];

/// What using a key through a provider takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// The provider has nothing to do with keys of that kind.
    Never,
    /// Everything happens on this machine.
    Local,
    /// Everything happens on this machine, and opening takes a person: a passphrase, a touch. It
    /// is tried while nothing else is under way. Such a provider is not asked to wrap.
    Assisted,
    /// A service elsewhere is asked.
    Remote,
}

/// What came of trying one key.
#[derive(Debug)]
pub enum Attempt {
    /// The part, recovered.
    Opened(KeyPart),
    /// This provider has nothing that belongs to that key; the next one is tried.
    NotMine,
    /// It should have worked and did not.
    Failed(ProviderError),
}

/// Why a master key could not be used, with everything that is known without another call.
///
/// `Display` is one line; [`ProviderError::next_step`] is the advice that belongs to it. Neither
/// repeats a secret.
#[derive(Debug)]
pub struct ProviderError {
    /// The kind of refusal.
    pub refusal: Refusal,
    /// The kind of the key.
    pub kind: KeyKind,
    /// The identity of the key (format §4).
    pub key: String,
    /// The key service that was asked to use the key, if not this program itself did.
    pub via: Option<Box<str>>,
    /// Who asked: an ARN where it is known, else the source of the credentials.
    pub caller: Option<String>,
    /// Status of the HTTP answer, if one came.
    pub http_status: Option<u16>,
    /// The service's own name for the error, such as `AccessDeniedException`.
    pub code: Option<String>,
    /// What the service or library said, in one line; may be empty.
    pub text: String,
}

/// The kinds of refusal. Each has its own advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The caller may not use the key.
    Denied,
    /// The key is switched off.
    Disabled,
    /// The key is going to be deleted.
    PendingDeletion,
    /// The key exists but is in no state to work, such as a missing import or replica.
    NotUsable,
    /// There is no such key.
    NoSuchKey,
    /// The key is for something else, such as signing.
    WrongUsage,
    /// The wrapped text was made by another key.
    WrongKey,
    /// The wrapped text, or the encryption context beside it, is not what it was.
    WrongCiphertext,
    /// No credentials, identity or token was found.
    NoCredentials,
    /// Somewhere there should be credentials, and they could not be had.
    CredentialsFailed,
    /// The credentials are there, but are not valid or no longer.
    BadCredentials,
    /// It is not known which region to ask.
    NoRegion,
    /// The role beside the key could not be assumed.
    RoleRefused,
    /// Too many requests.
    Throttled,
    /// The service had an internal problem.
    Unavailable,
    /// No connection came about, or it broke.
    Unreachable,
    /// No answer within the deadline.
    TimedOut,
    /// The key, the wrapped text or the answer is not well-formed.
    Malformed,
    /// A passphrase or touch was needed and not given.
    NotUnlocked,
    /// A program that belongs to the key is missing.
    HelperMissing,
    /// A program that belongs to the key failed.
    HelperFailed,
    /// A setting of this run makes no sense.
    BadSetting,
    /// A setting of this run does not allow it.
    NotAllowed,
    /// This build or this provider cannot do it.
    Unsupported,
    /// Anything else.
    Other,
}

impl ProviderError {
    /// A refusal that no service was asked for.
    pub fn new(refusal: Refusal, key: &MasterKey, text: impl Into<String>) -> Self {
        Self {
            refusal,
            kind: key.kind(),
            key: key.identity(),
            via: None,
            caller: None,
            http_status: None,
            code: None,
            text: text.into(),
        }
    }

    /// Whether the same call may succeed when it is made again with nothing changed.
    pub fn is_temporary(&self) -> bool {
        use Refusal::{Throttled, TimedOut, Unavailable, Unreachable};
        matches!(self.refusal, Throttled | TimedOut | Unavailable | Unreachable)
    }

    /// Whether whoever asked may not use the key, or it is not there to be used.
    pub fn is_refusal(&self) -> bool {
        use Refusal::{
            BadCredentials, CredentialsFailed, Denied, Disabled, NoCredentials, NoSuchKey,
            NotUsable, PendingDeletion, RoleRefused,
        };
        matches!(
            self.refusal,
            BadCredentials
                | CredentialsFailed
                | Denied
                | Disabled
                | NoCredentials
                | NoSuchKey
                | NotUsable
                | PendingDeletion
                | RoleRefused
        )
    }

    /// What the user can do about it.
    pub fn next_step(&self) -> String {
        if let Some(service) = &self.via {
            return self.next_step_at(service);
        }
        let caller = self.caller.as_deref().unwrap_or("the caller");
        let aws = self.kind == KeyKind::AwsKms;
        let pgp = self.kind == KeyKind::Pgp;
        let vault = self.kind == KeyKind::HcVault;
        let huawei = self.kind == KeyKind::HuaweiKms;
        let gcp = self.kind == KeyKind::GcpKms;
        let azure = self.kind == KeyKind::AzureKv;
        match self.refusal {
            Refusal::Denied if aws => format!(
                "allow kms:Encrypt and kms:Decrypt on this key for {caller}, in its IAM policy and \
                 in the key policy; if the policy has a condition on the encryption context, the \
                 context has to match"
            ),
            Refusal::Denied if vault => format!(
                "allow `update` on ENGINE/encrypt/KEY and ENGINE/decrypt/KEY in a policy of \
                 {caller}; `vault token lookup` tells whether it is still valid, and whether it is \
                 one of the right namespace"
            ),
            Refusal::Denied if gcp => format!(
                "give {caller} the role roles/cloudkms.cryptoKeyEncrypterDecrypter on this key"
            ),
            Refusal::Denied if azure => format!(
                "give {caller} the role Key Vault Crypto User, or the rights get, encrypt and \
                 decrypt for keys in the access policy of the vault"
            ),
            Refusal::Denied => format!("give {caller} permission to use this key"),
            Refusal::Disabled => "enable the key, or use another key of the file".into(),
            Refusal::PendingDeletion if aws => "cancel its deletion while there is time (aws kms \
                 cancel-key-deletion, then enable-key), or use another key of the file"
                .into(),
            Refusal::PendingDeletion => {
                "cancel its deletion while there is time, or use another key of the file".into()
            }
            Refusal::NotUsable if pgp => "renew the key (`gpg --quick-set-expire`) or take \
                 another one, and import its public key anew"
                .into(),
            Refusal::NotUsable if vault => "lower `min_decryption_version` of the key, or restore \
                 the wrapped key that a later version of the file has"
                .into(),
            Refusal::NotUsable => "look at the state of the key in its service".into(),
            Refusal::NoSuchKey if pgp => "import the public key into the GnuPG home (`gpg \
                 --import`), and check the fingerprint"
                .into(),
            Refusal::NoSuchKey if vault => "check address, namespace, engine and name of the key; \
                 a new one is made by `vault write -f ENGINE/keys/KEY`"
                .into(),
            Refusal::NoSuchKey if gcp || azure => {
                "check the name of the key; it may have been deleted".into()
            }
            Refusal::NoSuchKey => {
                "check region, account and id of the key; it may have been deleted, \
                 or an alias may have been removed"
                    .into()
            }
            Refusal::WrongUsage if pgp => {
                "add a subkey for encryption (`gpg --quick-add-key FINGERPRINT default encr`)"
                    .into()
            }
            Refusal::WrongUsage if vault => "choose a key that encrypts, made without \
                 `derived=true`"
                .into(),
            Refusal::WrongUsage => "choose a symmetric key for encryption and decryption".into(),
            Refusal::WrongKey => {
                "the key beside this text did not make it: was the file's metadata \
                 edited or merged, or does the alias point to another key now?"
                    .into()
            }
            Refusal::WrongCiphertext if aws => "the file's encryption context or wrapped key was \
                 changed since it was written: restore them from an earlier version of the file"
                .into(),
            Refusal::WrongCiphertext => {
                "the wrapped key was changed since it was written, or made \
                 for somebody else: restore it from an earlier version of the file"
                    .into()
            }
            Refusal::NoCredentials if aws => "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY, or sign in with `aws sso login`"
                .into(),
            Refusal::NoCredentials if pgp => {
                "make the GnuPG home readable, with the secret key in it".into()
            }
            Refusal::NoCredentials if huawei => "set HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK and \
                 HUAWEICLOUD_SDK_PROJECT_ID, or write ak, sk and project_id into the section \
                 [basic] of ~/.huaweicloud/credentials"
                .into(),
            Refusal::NoCredentials if vault => {
                "set VAULT_TOKEN, or sign in with `vault login`, which writes ~/.vault-token".into()
            }
            Refusal::NoCredentials if gcp => "sign in with `gcloud auth application-default \
                 login`, or name a file in GOOGLE_APPLICATION_CREDENTIALS"
                .into(),
            Refusal::NoCredentials if azure => "sign in with `az login`, or set AZURE_TENANT_ID, \
                 AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
                .into(),
            Refusal::NoCredentials => format!("provide credentials for {}", self.kind),
            Refusal::CredentialsFailed if gcp || azure => {
                "repair that source of credentials, or choose another one".into()
            }
            Refusal::CredentialsFailed => {
                "repair that source of credentials, or choose another one with AWS_PROFILE; \
                 `aws sts get-caller-identity` looks in the same places"
                    .into()
            }
            Refusal::BadCredentials if aws => {
                "sign in again (`aws sso login`), or renew the access \
                 key; `aws sts get-caller-identity` shows whether it works"
                    .into()
            }
            Refusal::BadCredentials if vault => {
                "sign in again (`vault login`), or renew the token in VAULT_TOKEN".into()
            }
            Refusal::BadCredentials if gcp => "renew the token, or sign in again (`gcloud auth \
                 application-default login`)"
                .into(),
            Refusal::BadCredentials if azure => {
                "sign in again (`az login`), or renew the secret of the application".into()
            }
            Refusal::BadCredentials => "renew the credentials".into(),
            Refusal::NoRegion if huawei => "check the region before the colon of the key; the \
                 address of one that is new can be set by HUAWEICLOUD_SDK_REGION_KMS_REGION"
                .into(),
            Refusal::NoRegion => "write the key as a full ARN, which has the region in it".into(),
            Refusal::RoleRefused => format!(
                "allow sts:AssumeRole on the role for {caller}, and name the caller in the role's \
                 trust policy"
            ),
            Refusal::Throttled => {
                "try again in a moment; if it stays, raise the request quota".into()
            }
            Refusal::Unavailable => "try again in a moment; the service has a problem".into(),
            Refusal::Unreachable if aws => {
                "check network and proxy, and AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_KMS and \
                 AWS_ENDPOINT_URL_STS if they are set"
                    .into()
            }
            Refusal::Unreachable => "check network, proxy and the address of the service".into(),
            Refusal::TimedOut if pgp => {
                "see what gpg and its agent wait for (run `gpg -d` by hand; \
                 `gpgconf --kill gpg-agent` ends the agent), or allow more time"
                    .into()
            }
            Refusal::TimedOut => "check network and proxy, or allow more time per call".into(),
            Refusal::Malformed => "check the key's entry in the file or the configuration".into(),
            Refusal::NotUnlocked => "run it where the passphrase can be given".into(),
            Refusal::HelperMissing => {
                "install the program in a folder of PATH and run this again".into()
            }
            Refusal::HelperFailed => "check the program's own messages".into(),
            Refusal::BadSetting => "correct the setting, or take it away".into(),
            Refusal::NotAllowed => {
                "add the address to the setting, if it is one to trust with keys and credentials"
                    .into()
            }
            Refusal::Unsupported if pgp => {
                "use another key of the file, or open it where gpg is there".into()
            }
            Refusal::Unsupported => "use a build that supports it".into(),
            Refusal::Other => "see the message of the service".into(),
        }
    }

    /// What the user can do when another program was asked to use the key.
    fn next_step_at(&self, service: &str) -> String {
        match self.refusal {
            Refusal::Unreachable => {
                format!("start the key service at {service}, or take its address away")
            }
            Refusal::TimedOut => format!(
                "see what the key service at {service} waits for; it may be asking somebody"
            ),
            Refusal::Denied => {
                format!("ask whoever runs the key service at {service} to allow this key")
            }
            Refusal::BadSetting => "correct the address of the key service".into(),
            Refusal::Unsupported => {
                format!("use a version of the key service at {service} that knows this key")
            }
            Refusal::BadCredentials => format!(
                "check the certificates of this program and of the key service at {service}"
            ),
            _ => format!("see the messages of the key service at {service}"),
        }
    }
}

impl Refusal {
    /// A clause that says what happened.
    pub fn clause(self) -> &'static str {
        match self {
            Self::Denied => "access denied",
            Self::Disabled => "the key is disabled",
            Self::PendingDeletion => "the key is pending deletion",
            Self::NotUsable => "the key is in no usable state",
            Self::NoSuchKey => "there is no such key",
            Self::WrongUsage => "the key is not for encryption",
            Self::WrongKey => "the wrapped data key belongs to another key",
            Self::WrongCiphertext => "the wrapped data key or its context is not what it was",
            Self::NoCredentials => "no credentials found",
            Self::CredentialsFailed => "the credentials could not be had",
            Self::BadCredentials => "the credentials are not valid",
            Self::NoRegion => "no region known",
            Self::RoleRefused => "the role could not be assumed",
            Self::Throttled => "too many requests",
            Self::Unavailable => "the service failed",
            Self::Unreachable => "the service could not be reached",
            Self::TimedOut => "no answer in time",
            Self::Malformed => "not well-formed",
            Self::NotUnlocked => "no passphrase given",
            Self::HelperMissing => "a program is missing",
            Self::HelperFailed => "a program failed",
            Self::BadSetting => "a setting makes no sense",
            Self::NotAllowed => "a setting does not allow it",
            Self::Unsupported => "not supported",
            Self::Other => "failed",
        }
    }
}

impl fmt::Display for ProviderError {
    /// `AWS KMS: access denied (HTTP 400, AccessDeniedException, as arn:…): text`; with a key
    /// service between, `AWS KMS by tcp://…: …`. The key is left out: reports name it in the line
    /// before.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.title())?;
        if let Some(service) = &self.via {
            write!(f, " by {service}")?;
        }
        write!(f, ": {}", self.refusal.clause())?;
        let status = self.http_status.map(|status| format!("HTTP {status}"));
        let caller = self.caller.as_ref().map(|caller| format!("as {caller}"));
        let facts: Vec<_> = [status, self.code.clone(), caller].into_iter().flatten().collect();
        if !facts.is_empty() {
            write!(f, " ({})", facts.join(", "))?;
        }
        if !self.text.is_empty() {
            write!(f, ": {}", self.text)?;
        }
        Ok(())
    }
}

impl std::error::Error for ProviderError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_caller_status_and_code() {
        let arn = "arn:aws:kms:us-east-1:111122223333:alias/a";
        let key = MasterKey::parse(KeyKind::AwsKms, arn).unwrap();
        let mut error = ProviderError::new(Refusal::Denied, &key, "no identity-based policy");
        assert_eq!(error.to_string(), "AWS KMS: access denied: no identity-based policy");
        error.http_status = Some(400);
        error.code = Some("AccessDeniedException".into());
        error.caller = Some("arn:aws:iam::111122223333:user/x".into());
        assert_eq!(
            error.to_string(),
            "AWS KMS: access denied (HTTP 400, AccessDeniedException, as \
             arn:aws:iam::111122223333:user/x): no identity-based policy"
        );
        assert!(error.next_step().contains("for arn:aws:iam::111122223333:user/x"));
        assert!(!error.is_temporary());
    }
}

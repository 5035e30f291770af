//! Which providers, in which order; and what a build lacks.

use std::sync::Arc;

use sops_core::keys::{AgeRecipientKind, KeyProvider, MasterKey, Providers};

/// The providers of one program, tried in this order for each key. Empty unless the program adds
/// some: using a service is something it does, not something a feature does behind its back.
#[derive(Clone, Default)]
pub struct Keyring(Vec<Arc<dyn KeyProvider>>);

impl Keyring {
    /// Adds a provider behind the others.
    #[must_use]
    pub fn with(mut self, provider: impl KeyProvider + 'static) -> Self {
        self.0.push(Arc::new(provider));
        self
    }

    /// Adds a provider that the caller keeps a handle of.
    #[must_use]
    pub fn with_shared(mut self, provider: Arc<dyn KeyProvider>) -> Self {
        self.0.push(provider);
        self
    }

    /// The providers, as operations of the core take them.
    pub fn providers(&self) -> &Providers {
        &self.0
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({} providers)", self.0.len())
    }
}

/// Names the feature that would have made `key` usable in this build; for kinds that no version
/// of this crate serves yet, `None`.
pub fn missing_feature(key: &MasterKey) -> Option<&'static str> {
    match key {
        MasterKey::Age(key) => match key.recipient_kind() {
            Some(AgeRecipientKind::SshEd25519 | AgeRecipientKind::SshRsa) => {
                (!cfg!(feature = "age-ssh")).then_some("age-ssh")
            }
            Some(AgeRecipientKind::Plugin) => {
                (!cfg!(feature = "age-plugin")).then_some("age-plugin")
            }
            _ => (!cfg!(feature = "age")).then_some("age"),
        },
        MasterKey::AwsKms(_) => (!cfg!(feature = "aws")).then_some("aws"),
        MasterKey::Pgp(_) => (!cfg!(any(feature = "gpg", feature = "pgp"))).then_some("pgp"),
        MasterKey::HcVault(_) => (!cfg!(feature = "vault")).then_some("vault"),
        MasterKey::HuaweiKms(_) => (!cfg!(feature = "huawei")).then_some("huawei"),
        MasterKey::GcpKms(_) => (!cfg!(feature = "gcp")).then_some("gcp"),
        MasterKey::AzureKv(_) => (!cfg!(feature = "azure")).then_some("azure"),
    }
}

/// The clock of a tokio runtime, for [`sops_core::keys::Hedge`].
#[cfg(feature = "tokio-timer")]
#[derive(Clone, Copy, Debug)]
pub struct TokioTimer;

#[cfg(feature = "tokio-timer")]
#[async_trait::async_trait]
impl sops_core::keys::Timer for TokioTimer {
    async fn sleep(&self, time: std::time::Duration) {
        tokio::time::sleep(time).await;
    }
}

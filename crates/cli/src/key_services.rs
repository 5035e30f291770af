//! Asks master keys: one keyring and one runtime for a run, made when they are first needed, and
//! the report when no key opened the file.
//!
//! What identities of this machine can do needs no runtime, and most runs of most people need
//! nothing else.

use std::{
    cell::OnceCell,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use sops_core::{
    audit,
    crypto::DataKey,
    keys::{
        self, DecryptionOrder, Distributed, Distribution, GroupReport, Hedge, KeyGroup, KeyKind,
        KeyOutcome, KeyProvider, KeyReport, MasterKey, OrderError, Reach, RecoverError, Recovered,
    },
    metadata::Metadata,
};
use sops_providers::{AgeProvider, Keyring, TokioTimer};
use tokio::runtime::Runtime;

use crate::{
    args::keys::ServiceFlags,
    credentials, env_vars,
    failure::{self, Failure, keys::Tried},
    status::Status,
    system::{SystemRandomness, now},
};

/// The means of this run to use master keys.
pub(crate) struct KeyServices {
    order: DecryptionOrder,
    local: bool,
    /// Key services elsewhere, which are asked behind this machine.
    remote: Vec<Arc<dyn KeyProvider>>,
    made: OnceCell<Made>,
}

struct Made {
    keyring: Keyring,
    age: Arc<AgeProvider>,
    /// What opens without a question.
    silent: Arc<dyn KeyProvider>,
    runtime: OnceCell<Runtime>,
}

/// Words for what went wrong when keys could not wrap a data key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purpose {
    status: Status,
    heading: &'static str,
}

impl Purpose {
    /// A new file by `encrypt`, or a new data key.
    pub(crate) const NEW_DATA_KEY: Self =
        Self { status: Status::Generic, heading: "Could not generate data key" };
    /// A new file in the editor.
    pub(crate) const NEW_FILE: Self = Self {
        status: Status::CouldNotRetrieveKey,
        heading: "Error encrypting the data key with one or more master keys",
    };
    /// Other keys for a file.
    pub(crate) const OTHER_KEYS: Self =
        Self { status: Status::Generic, heading: "error updating one or more master keys" };
}

impl KeyServices {
    /// Reads flags and variables; no key is looked at.
    pub(crate) fn new(flags: &ServiceFlags) -> Result<Self, Failure> {
        let order = match flags
            .decryption_order
            .clone()
            .or_else(|| env_vars::SOPS_DECRYPTION_ORDER.non_empty())
        {
            None => DecryptionOrder::default(),
            Some(text) if text.is_empty() => DecryptionOrder::default(),
            Some(text) => DecryptionOrder::parse(&text).map_err(|error| match error {
                OrderError::Duplicate(kind) => Failure::new(
                    Status::DuplicateDecryptionKeyType,
                    format!("Duplicate decryption key type: {}", kind.name()),
                ),
                OrderError::Unknown(_) => Failure::from_error(Status::Generic, &error),
            })?,
        };
        let local = match flags.enable_local_keyservice {
            Some(local) => local,
            None => env_vars::SOPS_ENABLE_LOCAL_KEYSERVICE.boolean()?.unwrap_or(true),
        };
        Ok(Self { order, local, remote: remote(flags), made: OnceCell::new() })
    }

    /// The keys of this machine alone, to be used for others.
    #[cfg(feature = "keyservice")]
    pub(crate) fn of_this_machine() -> Self {
        let order = DecryptionOrder::default();
        Self { order, local: true, remote: Vec::new(), made: OnceCell::new() }
    }

    /// Who uses the keys, in order.
    #[cfg(feature = "keyservice")]
    pub(crate) fn providers(&self) -> Vec<Arc<dyn KeyProvider>> {
        self.made().keyring.providers().to_vec()
    }

    /// Does work that waits for something.
    #[cfg(feature = "keyservice")]
    pub(crate) fn wait_for<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        Ok(self.made().runtime()?.block_on(work))
    }

    /// The data key of a document.
    pub(crate) fn recover(&self, metadata: &Metadata) -> Result<DataKey, Failure> {
        self.recover_telling(metadata, failure::keys::recover)
    }

    /// The same with other words for the failure.
    pub(crate) fn recover_telling(
        &self,
        metadata: &Metadata,
        words: impl FnOnce(&RecoverError, Tried<'_>) -> Failure,
    ) -> Result<DataKey, Failure> {
        self.recover_with_keys(metadata, words).map(|(data_key, _)| data_key)
    }

    /// The same, and the keys that opened it.
    pub(crate) fn recover_with_keys(
        &self,
        metadata: &Metadata,
        words: impl FnOnce(&RecoverError, Tried<'_>) -> Failure,
    ) -> Result<(DataKey, Vec<MasterKey>), Failure> {
        let recovered = match self.recovered_first(metadata) {
            Some(recovered) => recovered,
            None => self.recovered_anyhow(metadata, words)?,
        };
        tell(&recovered.groups);
        for (group, key) in &recovered.wrong_context {
            let name = metadata.groups.get(*group).and_then(|keys| keys.0.get(*key));
            if let Some(key) = name {
                failure::warn(format_args!(
                    "{} was wrapped by an old version with another encryption context; \
                     `rotate -i` repairs the file",
                    key.key
                ));
            }
        }
        Ok((recovered.data_key, audit::keys_that_opened(&recovered.groups)))
    }

    /// The data key, if identities of this machine give it without asking anybody.
    pub(crate) fn recover_quietly(&self, metadata: &Metadata) -> Option<DataKey> {
        self.recovered_here(metadata).map(|recovered| recovered.data_key)
    }

    /// What identities of this machine recover, where they are asked first anyway.
    fn recovered_first(&self, metadata: &Metadata) -> Option<Recovered> {
        if self.order.is_by_hand() { None } else { self.recovered_here(metadata) }
    }

    /// What identities of this machine recover without asking anybody.
    fn recovered_here(&self, metadata: &Metadata) -> Option<Recovered> {
        if !self.local || !opens_here(metadata) {
            return None;
        }
        let keyring = Keyring::default().with_shared(self.made().silent.clone());
        at_once(self.recovery(metadata, &keyring))?.ok()
    }

    fn recovered_anyhow(
        &self,
        metadata: &Metadata,
        words: impl FnOnce(&RecoverError, Tried<'_>) -> Failure,
    ) -> Result<Recovered, Failure> {
        let made = self.made();
        let attempt = self.recovery(metadata, &made.keyring);
        made.runtime()?.block_on(attempt).map_err(|error| {
            let looked = credentials::age::describe(&made.age.looked_at());
            words(&error, Tried { services: self.any(), looked: &looked })
        })
    }

    async fn recovery(
        &self,
        metadata: &Metadata,
        keyring: &Keyring,
    ) -> Result<Recovered, RecoverError> {
        let threshold = metadata.shamir_threshold as usize;
        let (groups, providers) = (&metadata.groups, keyring.providers());
        keys::recover(groups, threshold, &self.order, providers, Hedge::new(&TokioTimer)).await
    }

    /// Keys as they are written down: with the version that is the newest now, where one was given
    /// without.
    pub(crate) fn complete(
        &self,
        wanted: &[Vec<MasterKey>],
    ) -> Result<Vec<Vec<MasterKey>>, Failure> {
        if wanted.iter().flatten().all(MasterKey::is_complete) {
            return Ok(wanted.to_vec());
        }
        let made = self.made();
        let work = keys::complete(wanted, made.keyring.providers());
        made.runtime()?.block_on(work).map_err(|error| failure::keys::incomplete(&error))
    }

    /// A new data key, wrapped for all keys of all groups.
    pub(crate) fn distribute(
        &self,
        wanted: &[Vec<MasterKey>],
        previous: &[KeyGroup],
        threshold: u32,
        purpose: Purpose,
    ) -> Result<(DataKey, Distributed), Failure> {
        self.demand_services(purpose)?;
        let made = self.made();
        let wanted = &self.complete(wanted)?[..];
        let mut random = SystemRandomness::new();
        let data_key = DataKey::random(&mut random);
        let plan = Distribution { wanted, previous, threshold: threshold as usize, now: now() };
        let work = keys::distribute(&data_key, plan, made.keyring.providers(), &mut random);
        let distributed = made
            .finish(work, wanted)?
            .map_err(|error| failure::keys::distribute(&error, purpose.status, purpose.heading))?;
        tell_wrapped(wanted);
        Ok((data_key, distributed))
    }

    /// A data key that is there already, wrapped for other keys.
    pub(crate) fn rewrap(
        &self,
        data_key: &DataKey,
        wanted: &[Vec<MasterKey>],
        previous: &[KeyGroup],
        threshold: u32,
        purpose: Purpose,
    ) -> Result<Distributed, Failure> {
        self.demand_services(purpose)?;
        let made = self.made();
        let wanted = &self.complete(wanted)?[..];
        let mut random = SystemRandomness::new();
        let plan = Distribution { wanted, previous, threshold: threshold as usize, now: now() };
        let work = keys::rewrap(data_key, plan, made.keyring.providers(), &mut random);
        let distributed = made
            .finish(work, wanted)?
            .map_err(|error| failure::keys::distribute(&error, purpose.status, purpose.heading))?;
        tell_wrapped(wanted);
        Ok(distributed)
    }

    /// Wrapping needs somebody who wraps.
    fn demand_services(&self, purpose: Purpose) -> Result<(), Failure> {
        match self.any() {
            true => Ok(()),
            false => Err(failure::keys::no_services(purpose.status, purpose.heading)),
        }
    }

    /// Whether anybody can be asked.
    fn any(&self) -> bool {
        self.local || !self.remote.is_empty()
    }

    fn made(&self) -> &Made {
        self.made.get_or_init(|| {
            let age = Arc::new(credentials::age::provider());
            let [silent, assisted] = age.in_steps();
            let mut keyring = Keyring::default();
            if self.local {
                keyring = keyring.with_shared(silent.clone()).with_shared(assisted);
                #[cfg(feature = "pgp")]
                {
                    let [wraps, opens] = credentials::pgp::providers();
                    keyring = keyring.with_shared(wraps).with_shared(opens);
                }
                #[cfg(feature = "aws")]
                {
                    keyring = keyring.with_shared(credentials::aws::provider());
                }
                #[cfg(feature = "gcp")]
                {
                    keyring = keyring.with_shared(credentials::gcp::provider());
                }
                #[cfg(feature = "azure")]
                {
                    keyring = keyring.with_shared(credentials::azure::provider());
                }
                #[cfg(feature = "huawei")]
                {
                    keyring = keyring.with_shared(credentials::huawei::provider());
                }
                #[cfg(feature = "vault")]
                {
                    keyring = keyring.with_shared(credentials::vault::provider());
                }
            }
            for service in &self.remote {
                keyring = keyring.with_shared(Arc::clone(service));
            }
            Made { keyring, age, silent, runtime: OnceCell::new() }
        })
    }
}

impl Made {
    /// Waits for work that uses these keys.
    fn finish<T>(
        &self,
        work: impl Future<Output = T>,
        keys: &[Vec<MasterKey>],
    ) -> Result<T, Failure> {
        let mut work = pin!(work);
        let asks = |key| self.keyring.providers().iter().any(|p| p.reach(key) == Reach::Remote);
        if !keys.iter().flatten().any(asks)
            && let Some(done) = at_once(work.as_mut())
        {
            return Ok(done);
        }
        Ok(self.runtime()?.block_on(work))
    }

    fn runtime(&self) -> Result<&Runtime, Failure> {
        started(&self.runtime)
    }
}

/// What waits for answers of services, started when the first one is asked.
pub(crate) fn started(runtime: &OnceCell<Runtime>) -> Result<&Runtime, Failure> {
    if let Some(runtime) = runtime.get() {
        return Ok(runtime);
    }
    let made = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let made = made.map_err(|error| Failure::generic(format!("unable to start: {error}")))?;
    Ok(runtime.get_or_init(|| made))
}

/// Key services elsewhere, in their order.
#[cfg(feature = "keyservice")]
fn remote(flags: &ServiceFlags) -> Vec<Arc<dyn KeyProvider>> {
    let addresses = credentials::keyservice::addresses(&flags.keyservice, failure::warn);
    let services = credentials::keyservice::providers(addresses);
    services.map(|service| Arc::new(service) as Arc<dyn KeyProvider>).collect()
}

#[cfg(not(feature = "keyservice"))]
fn remote(flags: &ServiceFlags) -> Vec<Arc<dyn KeyProvider>> {
    if !flags.keyservice.is_empty() || env_vars::SOPS_KEYSERVICE.non_empty().is_some() {
        failure::warn("this build asks no key services elsewhere (feature keyservice)");
    }
    Vec::new()
}

/// The outcome of work that waits for nothing.
fn at_once<T>(work: impl Future<Output = T>) -> Option<T> {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

/// Says which keys opened a file.
fn tell(groups: &[GroupReport]) {
    for (number, group) in groups.iter().enumerate() {
        for KeyReport { key, outcome } in &group.keys {
            let words = match outcome {
                KeyOutcome::Opened => "opened it",
                KeyOutcome::Failed(_) => "failed",
                KeyOutcome::NotMine => "has no identity here",
                KeyOutcome::NotNeeded | KeyOutcome::NoProvider => continue,
            };
            let place = match groups.len() {
                1 => String::new(),
                _ => format!("group {}, ", number + 1),
            };
            failure::detail(format_args!("data key: {place}{} {key} {words}", key.kind()));
        }
    }
}

/// Says for which keys a data key was wrapped.
fn tell_wrapped(wanted: &[Vec<MasterKey>]) {
    for key in wanted.iter().flatten() {
        failure::detail(format_args!("data key: wrapped for {} {key}", key.kind()));
    }
}

/// Whether a document has keys of a kind that needs no service elsewhere. There may be others, too:
/// whoever looks here asks only those.
pub(crate) fn opens_here(metadata: &Metadata) -> bool {
    let keys = metadata.groups.iter().flat_map(|group| &group.0);
    keys.map(|key| key.key.kind()).any(|kind| kind == KeyKind::Age)
}

//! Data keys: recovered once, shared by all objects that have the same wrapped key, and kept for a
//! moment.
//!
//! Rules of this module:
//!
//! - One choke point, [`Keys::data_key`], decides whether an object may use a key, before anything
//!   is asked.
//! - The same wrapped key is asked for once at a time, whoever wants it.
//! - Key services get no more calls than the limit allows.
//! - What is remembered is wiped when it is forgotten.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use sops_core::audit;
use sops_core::crypto::{DataKey, KeyPart};
use sops_core::keys::{
    self, Attempt, DecryptionOrder, Hedge, KeyOutcome, KeyProvider, MasterKey, ProviderError,
    Reach, RecoverError,
};
use sops_core::metadata::Metadata;
use sops_providers::{Keyring, TokioTimer};

use crate::metrics::Metrics;
use crate::object::Name;

/// For how long a failure is told to whoever asks for the same wrapped key.
const FAILURE: Duration = Duration::from_secs(3);
/// How many data keys are kept.
const KEPT: usize = 4096;

/// Recovers data keys.
pub(crate) struct Keys {
    keyring: RwLock<Arc<Keyring>>,
    slots: Mutex<HashMap<[u8; 32], Arc<Slot>>>,
    kept_for: Duration,
    metrics: Arc<Metrics>,
}

/// One wrapped key. Whoever holds the lock asks; the others wait for what came of it.
#[derive(Default)]
struct Slot(tokio::sync::Mutex<Option<Known>>);

enum Known {
    Key(Arc<Held>, Instant),
    Failure(Arc<RecoverError>, Instant),
}

/// A data key.
pub(crate) struct Held {
    pub(crate) data_key: DataKey,
    /// What opened it.
    pub(crate) keys: Vec<MasterKey>,
}

impl Keys {
    pub(crate) fn new(keyring: Keyring, kept_for: Duration, metrics: Arc<Metrics>) -> Self {
        let slots = Mutex::default();
        Self { keyring: RwLock::new(Arc::new(keyring)), slots, kept_for, metrics }
    }

    /// Other identities from now on: what failed may work.
    pub(crate) fn replace(&self, keyring: Keyring) {
        *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keyring);
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many wrapped keys are remembered.
    pub(crate) fn cached(&self) -> usize {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Forgets what was not used for a while.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|_, slot| match slot.0.try_lock() {
            // Somebody is asking.
            Err(_) => true,
            Ok(known) => match &*known {
                Some(Known::Key(_, at)) => now.duration_since(*at) < self.kept_for,
                Some(Known::Failure(_, at)) => now.duration_since(*at) < FAILURE,
                None => false,
            },
        });
    }

    /// The data key of an object.
    pub(crate) async fn data_key(
        &self,
        object: &Name,
        metadata: &Metadata,
    ) -> Result<Arc<Held>, Arc<RecoverError>> {
        let allowed = allowed(object, metadata);
        let slot = self.slot(digest(allowed));
        let mut known = slot.0.lock().await;
        let now = Instant::now();
        match &*known {
            Some(Known::Key(key, at)) if now.duration_since(*at) < self.kept_for => {
                return Ok(key.clone());
            }
            Some(Known::Failure(error, at)) if now.duration_since(*at) < FAILURE => {
                return Err(error.clone());
            }
            _ => {}
        }
        let keyring = self.keyring.read().unwrap_or_else(PoisonError::into_inner).clone();
        let threshold = allowed.shamir_threshold as usize;
        let order = DecryptionOrder::default();
        let hedge = Hedge::new(&TokioTimer);
        let attempt =
            keys::recover(&allowed.groups, threshold, &order, keyring.providers(), hedge).await;
        match attempt {
            Ok(recovered) => {
                self.count(&recovered.groups);
                let keys = audit::keys_that_opened(&recovered.groups);
                let key = Arc::new(Held { data_key: recovered.data_key, keys });
                *known = (!self.kept_for.is_zero()).then(|| Known::Key(key.clone(), now));
                Ok(key)
            }
            Err(error) => {
                if let RecoverError::TooFew { groups, .. } = &error {
                    self.count(groups);
                }
                let error = Arc::new(error);
                *known = Some(Known::Failure(error.clone(), Instant::now()));
                Err(error)
            }
        }
    }

    fn slot(&self, digest: [u8; 32]) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= KEPT && !slots.contains_key(&digest) {
            // None is better than another one: they are all recent, or a sweep had taken them.
            slots.retain(|_, slot| slot.0.try_lock().is_err());
        }
        slots.entry(digest).or_default().clone()
    }

    fn count(&self, groups: &[keys::GroupReport]) {
        for report in groups.iter().flat_map(|group| &group.keys) {
            let outcome = match &report.outcome {
                KeyOutcome::Opened => "opened",
                KeyOutcome::Failed(_) => "failed",
                KeyOutcome::NotMine | KeyOutcome::NotNeeded | KeyOutcome::NoProvider => continue,
            };
            self.metrics.decrypt(report.key.kind().name(), outcome);
        }
    }
}

/// The keys that an object may use. All of its own so far; a policy by namespace belongs here.
fn allowed<'m>(_object: &Name, metadata: &'m Metadata) -> &'m Metadata {
    metadata
}

/// Of everything that decides what data key comes out.
fn digest(metadata: &Metadata) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(metadata.shamir_threshold.to_le_bytes());
    for group in &metadata.groups {
        hash.update((group.0.len() as u64).to_le_bytes());
        for wrapped in &group.0 {
            for part in [format!("{:?}", wrapped.key).as_str(), &wrapped.enc] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
    }
    hash.finalize().into()
}

/// What kept a data key away, as far as it decides what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// Nothing here fits any key of the object.
    NoneUsable,
    /// A service refuses.
    Denied,
    /// A service does not answer, or says that it will later.
    Unavailable,
}

/// Judges a failure by the key that was nearest to success.
pub(crate) fn lack(error: &RecoverError) -> Lack {
    let RecoverError::TooFew { groups, .. } = error else { return Lack::NoneUsable };
    let reports = groups.iter().filter(|group| !group.opened).flat_map(|group| &group.keys);
    let errors = reports.filter_map(|report| match &report.outcome {
        KeyOutcome::Failed(errors) => Some(errors),
        _ => None,
    });
    let errors: Vec<&ProviderError> = errors.flatten().collect();
    if errors.iter().any(|error| error.is_temporary()) {
        Lack::Unavailable
    } else if errors.iter().any(|error| error.is_refusal()) {
        Lack::Denied
    } else {
        Lack::NoneUsable
    }
}

/// What each key said, for a condition. One line, nothing secret.
pub(crate) fn explain(error: &RecoverError) -> String {
    let RecoverError::TooFew { groups, .. } = error else { return error.to_string() };
    let mut text = error.to_string();
    for report in groups.iter().filter(|group| !group.opened).flat_map(|group| &group.keys) {
        let said = match &report.outcome {
            KeyOutcome::NotMine => "no identity of the operator belongs to it".to_owned(),
            KeyOutcome::NoProvider => "this operator knows no such keys".to_owned(),
            KeyOutcome::Failed(errors) => {
                errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            }
            KeyOutcome::Opened | KeyOutcome::NotNeeded => continue,
        };
        text.push_str(&format!(". {} {}: {said}", report.key.kind().name(), report.key));
    }
    text
}

/// A provider of remote keys behind a limit, and timed.
pub(crate) struct Limited {
    inner: Arc<dyn KeyProvider>,
    bucket: Bucket,
    metrics: Arc<Metrics>,
}

impl Limited {
    pub(crate) fn new(inner: Arc<dyn KeyProvider>, per_second: u32, metrics: Arc<Metrics>) -> Self {
        Self { inner, bucket: Bucket::new(per_second), metrics }
    }
}

#[async_trait::async_trait]
impl KeyProvider for Limited {
    fn reach(&self, key: &MasterKey) -> Reach {
        self.inner.reach(key)
    }

    async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
        self.inner.wrap(key, part).await
    }

    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
        self.bucket.take().await;
        let begin = Instant::now();
        let attempt = self.inner.open(key, enc).await;
        self.metrics.kms(begin.elapsed());
        attempt
    }
}

/// Lets so many pass in a second, and as many at once.
struct Bucket {
    between: Duration,
    burst: Duration,
    /// When the bucket is full again.
    full: Mutex<Instant>,
}

impl Bucket {
    fn new(per_second: u32) -> Self {
        let between = Duration::from_secs(1) / per_second.max(1);
        Self { between, burst: Duration::from_secs(1), full: Mutex::new(Instant::now()) }
    }

    async fn take(&self) {
        let wait = {
            let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
            self.wait(&mut full, Instant::now())
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// How long whoever comes now has to wait.
    fn wait(&self, full: &mut Instant, now: Instant) -> Duration {
        *full = (*full).max(now) + self.between;
        full.duration_since(now).saturating_sub(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_lets_a_burst_pass_and_then_one_at_a_time() {
        let bucket = Bucket::new(10);
        let now = Instant::now();
        let mut full = now;
        let waits: Vec<u128> = (0..12).map(|_| bucket.wait(&mut full, now).as_millis()).collect();
        assert!(waits[..10].iter().all(|wait| *wait == 0), "{waits:?}");
        assert_eq!(waits[10..], [100, 200]);
        // Two seconds later it is full again.
        assert!(bucket.wait(&mut full, now + Duration::from_secs(3)).is_zero());
    }
}

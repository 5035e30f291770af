//! Data key → parts → wrapped for every key of every group (format §4, §5).

use std::future::Future;
use std::sync::Arc;

use futures_util::future::join_all;

use super::{
    KeyGroup, KeyKind, KeyProvider, MasterKey, ProviderError, Providers, Reach, WrappedKey,
};
use crate::crypto::{DataKey, KeyPart, ShamirError, split};
use crate::tree::Time;

/// Which keys a data key shall be spread over.
#[derive(Clone, Copy, Debug)]
pub struct Distribution<'a> {
    /// The key groups, in order.
    pub wanted: &'a [Vec<MasterKey>],
    /// The groups as they stand in the document so far; empty for a new one. Keys that were there
    /// keep their `created_at` and the fields that nobody knows.
    pub previous: &'a [KeyGroup],
    /// Groups needed for opening. Zero means all of them.
    pub threshold: usize,
    /// `created_at` of new keys.
    pub now: Time,
}

/// A data key spread over master keys, as it belongs into metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct Distributed {
    /// The groups with what their keys wrapped.
    pub groups: Vec<KeyGroup>,
    /// The value of `shamir_threshold`: with several groups what holds, with a single one what was
    /// asked for. Zero is not written.
    pub threshold: usize,
}

/// Why a data key could not be spread over its keys. Nothing may be written then.
#[derive(Debug, thiserror::Error)]
pub enum DistributeError {
    /// There is no group.
    #[error("no master key is given, so nobody could decrypt")]
    NoGroups,
    /// A group without keys, counted from one.
    #[error("no key is left in key group {0} (the first one is 1), so nobody could open it")]
    EmptyGroup(usize),
    /// The number of groups and the threshold do not go together.
    #[error("unable to share the data key")]
    Share(#[source] ShamirError),
    /// Keys that could not wrap their part; all of them.
    #[error("unable to wrap the data key for {}", list(.0))]
    Wrap(Vec<WrapFailure>),
}

/// A master key that could not wrap its part.
#[derive(Debug)]
pub struct WrapFailure {
    /// The group, counted from zero.
    pub group: usize,
    /// The key.
    pub key: MasterKey,
    /// What each provider for that kind said; none if there is no provider for it.
    pub errors: Vec<ProviderError>,
}

fn list(failures: &[WrapFailure]) -> String {
    let names: Vec<_> = failures.iter().map(|failure| failure.key.identity()).collect();
    names.join(", ")
}

/// Wraps a data key for every key of every group: first those of this machine, then all services
/// at the same time.
///
/// Every key is asked once, also those that had wrapped the same data key before; see [`rewrap`]
/// for the other way. Randomness is used before this returns; the future needs none.
///
/// # Errors
/// If a key of any group could not be used: a document that one of its readers cannot open is
/// not made. All failures are kept; services are not asked when a key of this machine failed.
pub fn distribute<'a>(
    data_key: &DataKey,
    plan: Distribution<'a>,
    providers: &'a Providers,
    rng: &mut dyn rand_core::CryptoRng,
) -> impl Future<Output = Result<Distributed, DistributeError>> + Send + use<'a> {
    let parts = parts(data_key, plan, rng);
    async move {
        let (parts, threshold) = parts?;
        wrap_all(parts, threshold, plan, providers, &[]).await
    }
}

/// Wraps the data key that a document has already for another set of keys.
///
/// With a single group before and after, a key that stays keeps its `enc` byte for byte and is
/// not asked, so a difference shows only who came and who went. With several groups every part
/// is drawn anew.
///
/// # Errors
/// As [`distribute`].
pub fn rewrap<'a>(
    data_key: &DataKey,
    plan: Distribution<'a>,
    providers: &'a Providers,
    rng: &mut dyn rand_core::CryptoRng,
) -> impl Future<Output = Result<Distributed, DistributeError>> + Send + use<'a> {
    let parts = parts(data_key, plan, rng);
    let kept: &[WrappedKey] = match (plan.wanted, plan.previous) {
        ([_], [only]) => &only.0,
        _ => &[],
    };
    async move {
        let (parts, threshold) = parts?;
        wrap_all(parts, threshold, plan, providers, kept).await
    }
}

/// Fills in what keys need before they are wrapped for and written down
/// ([`KeyProvider::complete`]).
///
/// # Errors
/// All failures; nothing can be wrapped for those keys then.
pub async fn complete(
    groups: &[Vec<MasterKey>],
    providers: &Providers,
) -> Result<Vec<Vec<MasterKey>>, DistributeError> {
    let mut completed = groups.to_vec();
    let mut failures = Vec::new();
    for (group, keys) in completed.iter_mut().enumerate() {
        for key in keys {
            let mut errors = Vec::new();
            for provider in providers {
                match provider.complete(key).await {
                    Ok(None) => continue,
                    Ok(Some(whole)) => {
                        errors.clear();
                        *key = whole;
                        break;
                    }
                    Err(error) => errors.push(error),
                }
            }
            if !errors.is_empty() {
                failures.push(WrapFailure { group, key: key.clone(), errors });
            }
        }
    }
    // What was given in two ways may be the same now.
    for (group, before) in
        completed.iter_mut().zip(groups).filter(|(after, before)| after != before)
    {
        let mut seen: Vec<MasterKey> = Vec::with_capacity(before.len());
        group.retain(|key| {
            let new = !seen.iter().any(|known| known.is_same(key));
            seen.push(key.clone());
            new
        });
    }
    match failures.is_empty() {
        true => Ok(completed),
        false => Err(DistributeError::Wrap(failures)),
    }
}

/// One part per group, and the threshold that is written.
fn parts(
    data_key: &DataKey,
    plan: Distribution<'_>,
    rng: &mut dyn rand_core::CryptoRng,
) -> Result<(Vec<KeyPart>, usize), DistributeError> {
    if let Some(empty) = plan.wanted.iter().position(Vec::is_empty) {
        return Err(DistributeError::EmptyGroup(empty + 1));
    }
    match plan.wanted.len() {
        0 => Err(DistributeError::NoGroups),
        1 => Ok((vec![data_key.as_part()], plan.threshold)),
        groups => {
            let threshold = if plan.threshold == 0 { groups } else { plan.threshold };
            let parts = split(data_key, threshold, groups, rng).map_err(DistributeError::Share)?;
            Ok((parts, threshold))
        }
    }
}

async fn wrap_all(
    parts: Vec<KeyPart>,
    threshold: usize,
    plan: Distribution<'_>,
    providers: &Providers,
    kept: &[WrappedKey],
) -> Result<Distributed, DistributeError> {
    let jobs = plan.wanted.iter().zip(&parts).enumerate().flat_map(|(group, (keys, part))| {
        keys.iter().map(move |key| async move {
            let before = known(plan.previous, group, key);
            let enc = match kept.iter().find(|wrapped| wrapped.key.is_same(key)) {
                Some(wrapped) => wrapped.enc.clone(),
                None => wrap(key, part, providers).await.map_err(|errors| WrapFailure {
                    group,
                    key: key.clone(),
                    errors,
                })?,
            };
            let created_at = match (key.kind(), before) {
                (KeyKind::Age, _) => None,
                (_, Some(before)) => before.created_at.or(Some(plan.now.whole_seconds())),
                (_, None) => Some(plan.now.whole_seconds()),
            };
            let unknown = before.map(|before| before.unknown.clone()).unwrap_or_default();
            Ok((group, WrappedKey { key: key.clone(), enc, created_at, unknown }))
        })
    });
    // A plugin that waits for a touch holds up this thread, so keys of this machine come before
    // calls that have a deadline. When one of them fails, no call would help.
    let keys = plan.wanted.iter().flatten();
    let jobs = jobs.zip(keys).enumerate().map(|(at, (job, key))| (at, job, key));
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        jobs.partition(|(_, _, key)| wraps_here(key, providers));
    let mut results = Vec::with_capacity(here.len() + elsewhere.len());
    for (at, job, _) in here {
        results.push((at, job.await));
    }
    if results.iter().all(|(_, result)| result.is_ok()) {
        let calls = elsewhere.into_iter().map(|(at, job, _)| async move { (at, job.await) });
        results.extend(join_all(calls).await);
    }
    results.sort_by_key(|(at, _)| *at);

    let mut groups = vec![KeyGroup::default(); plan.wanted.len()];
    let mut failures = Vec::new();
    for (_, result) in results {
        match result {
            Ok((group, wrapped)) => groups[group].0.push(wrapped),
            Err(failure) => failures.push(failure),
        }
    }
    match failures.is_empty() {
        true => Ok(Distributed { groups, threshold }),
        false => Err(DistributeError::Wrap(failures)),
    }
}

/// Whether this machine is asked first to wrap for this key; a service elsewhere may be asked if it
/// cannot.
fn wraps_here(key: &MasterKey, providers: &Providers) -> bool {
    let first = wrapping(key, providers).next();
    first.is_none_or(|provider| provider.reach(key) == Reach::Local)
}

/// Who can be asked to wrap for a key, in order.
fn wrapping<'a>(
    key: &'a MasterKey,
    providers: &'a Providers,
) -> impl Iterator<Item = &'a Arc<dyn KeyProvider>> {
    let wraps = |reach| matches!(reach, Reach::Local | Reach::Remote);
    providers.iter().filter(move |provider| wraps(provider.reach(key)))
}

/// The first provider that can wraps.
async fn wrap(
    key: &MasterKey,
    part: &KeyPart,
    providers: &Providers,
) -> Result<String, Vec<ProviderError>> {
    let mut errors = Vec::new();
    for provider in wrapping(key, providers) {
        match provider.wrap(key, part).await {
            Ok(enc) => return Ok(enc),
            Err(error) => errors.push(error),
        }
    }
    Err(errors)
}

/// The entry that a key has in the document so far: in the same group, else in any.
fn known<'a>(groups: &'a [KeyGroup], group: usize, key: &MasterKey) -> Option<&'a WrappedKey> {
    let same = groups.get(group).into_iter();
    same.chain(groups).flat_map(|group| &group.0).find(|wrapped| wrapped.key.is_same(key))
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::keys::testing::{SeededRng, TestProvider, pgp};
    use crate::keys::{Attempt, Refusal};

    fn plan<'a>(wanted: &'a [Vec<MasterKey>], previous: &'a [KeyGroup]) -> Distribution<'a> {
        let now = Time::from_unix(1_714_979_289).unwrap();
        Distribution { wanted, previous, threshold: 0, now }
    }

    fn key() -> DataKey {
        DataKey::from_slice(&[7; 32]).unwrap()
    }

    #[tokio::test]
    async fn every_key_of_a_group_wraps_the_same_part() {
        let provider = Arc::new(TestProvider::local());
        let wanted = [vec![pgp(1), pgp(2)], vec![pgp(3)], vec![pgp(4)]];
        let mut plan = plan(&wanted, &[]);
        plan.threshold = 2;
        let providers: [Arc<dyn super::super::KeyProvider>; 1] = [provider.clone()];
        let done = distribute(&key(), plan, &providers, &mut SeededRng::new(1)).await.unwrap();
        assert_eq!((done.groups.len(), done.threshold), (3, 2));
        let part = |group: usize, at: usize| TestProvider::unwrap(&done.groups[group].0[at].enc);
        assert_eq!(part(0, 0), part(0, 1));
        assert_eq!(part(0, 0).expose().last(), Some(&1));
        assert_eq!(part(2, 0).expose().last(), Some(&3));
        assert_eq!(crate::crypto::combine(&[&part(0, 1), &part(2, 0)]), Ok(key()));
        assert_eq!(provider.wraps(), 4);
    }

    #[tokio::test]
    async fn one_refusal_fails_all_and_every_refusal_is_kept() {
        let provider = TestProvider::local().refusing(&pgp(2), Refusal::Denied);
        let provider = Arc::new(provider.refusing(&pgp(3), Refusal::Disabled));
        let providers: [Arc<dyn super::super::KeyProvider>; 1] = [provider];
        let wanted = [vec![pgp(1), pgp(2), pgp(3)]];
        let error = distribute(&key(), plan(&wanted, &[]), &providers, &mut SeededRng::new(1))
            .await
            .unwrap_err();
        let DistributeError::Wrap(failures) = error else { panic!("{error}") };
        let refusals: Vec<_> = failures.iter().map(|f| (f.group, f.errors[0].refusal)).collect();
        assert_eq!(refusals, [(0, Refusal::Denied), (0, Refusal::Disabled)]);
        let unknown = crate::keys::MasterKey::Age(crate::keys::AgeKey { recipient: "x".into() });
        let wanted = [vec![unknown]];
        let error = distribute(&key(), plan(&wanted, &[]), &[], &mut SeededRng::new(1)).await;
        assert!(matches!(error, Err(DistributeError::Wrap(f)) if f[0].errors.is_empty()));
    }

    /// Some keys are of this machine, and the order in which all were asked is noted.
    struct Mixed {
        here: Vec<MasterKey>,
        inner: TestProvider,
        asked: std::sync::Mutex<Vec<String>>,
    }

    #[async_trait::async_trait]
    impl KeyProvider for Mixed {
        fn reach(&self, key: &MasterKey) -> Reach {
            if self.here.contains(key) { Reach::Local } else { Reach::Remote }
        }

        async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
            self.asked.lock().unwrap().push(key.identity());
            self.inner.wrap(key, part).await
        }

        async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
            self.inner.open(key, enc).await
        }
    }

    #[tokio::test]
    async fn keys_of_this_machine_wrap_first_and_calls_wait_for_them() {
        let wanted = [vec![pgp(1), pgp(2)], vec![pgp(3)]];
        for (refused, asked) in [(9, vec![2, 1, 3]), (2, vec![2])] {
            let mixed = Arc::new(Mixed {
                here: vec![pgp(2)],
                inner: TestProvider::local().refusing(&pgp(refused), Refusal::HelperMissing),
                asked: Default::default(),
            });
            let providers: [Arc<dyn KeyProvider>; 1] = [mixed.clone()];
            let rng = &mut SeededRng::new(1);
            let result = distribute(&key(), plan(&wanted, &[]), &providers, rng).await;
            let names: Vec<_> = asked.into_iter().map(|number| pgp(number).identity()).collect();
            assert_eq!(*mixed.asked.lock().unwrap(), names);
            assert_eq!(result.is_ok(), refused == 9);
            if let Ok(made) = result {
                let keys = made.groups.iter().map(|group| {
                    group.0.iter().map(|wrapped| wrapped.key.clone()).collect::<Vec<_>>()
                });
                assert_eq!(keys.collect::<Vec<_>>(), wanted);
            }
        }
    }

    #[tokio::test]
    async fn empty_groups_are_refused() {
        let empty = [vec![pgp(1)], Vec::new()];
        for (wanted, text) in [
            (
                &empty[..],
                "no key is left in key group 2 (the first one is 1), so nobody could open it",
            ),
            (&[][..], "no master key is given, so nobody could decrypt"),
        ] {
            let result = distribute(&key(), plan(wanted, &[]), &[], &mut SeededRng::new(1)).await;
            assert_eq!(result.unwrap_err().to_string(), text);
        }
    }

    #[tokio::test]
    async fn rewrapping_asks_only_new_keys_and_keeps_what_stands_there() {
        let provider = Arc::new(TestProvider::local());
        let providers: [Arc<dyn super::super::KeyProvider>; 1] = [provider.clone()];
        let before = [vec![pgp(1), pgp(2)]];
        let mut rng = SeededRng::new(1);
        let mut old =
            distribute(&key(), plan(&before, &[]), &providers, &mut rng).await.unwrap().groups;
        old[0].0[1].created_at = Time::from_unix(0);
        old[0].0[1].unknown = vec![("x".into(), "y".into())];
        let wanted = [vec![pgp(3), pgp(2)]];
        let new = rewrap(&key(), plan(&wanted, &old), &providers, &mut rng).await.unwrap();
        assert_eq!(provider.wraps(), 3);
        assert_eq!(new.groups[0].0[1], old[0].0[1]);
        // A new data key is wrapped for everybody, and no entry becomes younger by it.
        let other = DataKey::from_slice(&[8; 32]).unwrap();
        let rotated = distribute(&other, plan(&wanted, &old), &providers, &mut rng).await.unwrap();
        assert_eq!(provider.wraps(), 5);
        assert_eq!(rotated.groups[0].0[1].created_at, Time::from_unix(0));
        assert_eq!(rotated.groups[0].0[1].unknown.len(), 1);
        assert_ne!(rotated.groups[0].0[1].enc, old[0].0[1].enc);
    }
}

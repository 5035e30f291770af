//! Wrapped parts → enough parts → data key, keeping each failure (format §5, §8).
//!
//! Rules of this module:
//!
//! - What works on this machine is tried first, one key after the other.
//! - Then one remote key is asked. The next one is asked as soon as a failure is known, or a
//!   moment later when nothing is known: a healthy key costs one call, a dead one a moment.
//! - It stops at the first success, or with several groups as soon as enough of them are open.
//!   Calls that are still under way are dropped then, and no further group is asked.
//! - An order that a user wrote is followed as it is; only the default one puts local keys first.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};

use super::{
    Attempt, DecryptionOrder, KeyGroup, MasterKey, ProviderError, Providers, Reach, Refusal,
};
use crate::crypto::{DataKey, KeyPart, SHARE_LEN, ShamirError, combine};

/// Waits. The caller brings the clock: the core has none.
#[async_trait::async_trait]
pub trait Timer: Send + Sync {
    /// Returns when the time is over.
    async fn sleep(&self, time: Duration);
}

/// When to stop waiting for one remote key alone.
#[derive(Clone, Copy)]
pub struct Hedge<'a> {
    /// How long an unanswered key is waited for before the next one is asked too.
    pub delay: Duration,
    /// The caller's clock.
    pub timer: &'a dyn Timer,
}

impl<'a> Hedge<'a> {
    /// A healthy service answers in a tenth of that; a person hardly notices it.
    pub const DELAY: Duration = Duration::from_millis(300);

    /// With the usual delay.
    pub fn new(timer: &'a dyn Timer) -> Self {
        Self { delay: Self::DELAY, timer }
    }
}

impl fmt::Debug for Hedge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hedge({:?})", self.delay)
    }
}

/// A data key, and how it was come by.
#[derive(Debug)]
pub struct Recovered {
    /// The data key.
    pub data_key: DataKey,
    /// What was tried, group by group.
    pub groups: Vec<GroupReport>,
    /// AWS KMS keys whose encryption context in the file is not the one they wrapped with: a
    /// fault of versions before 3.3.0 (format §9, Q11). They should be wrapped again. Each is a
    /// group and a key in it, counted from zero.
    pub wrong_context: Vec<(usize, usize)>,
}

/// Why the data key could not be recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// There is nothing to try.
    #[error("the file names no master key")]
    NoKeys,
    /// The threshold is more than there are groups.
    #[error("{needed} key groups are needed and the file has only {groups}")]
    Threshold {
        /// Groups needed.
        needed: usize,
        /// Groups there are.
        groups: usize,
    },
    /// Too few groups could be opened.
    #[error("{}", too_few(*.needed, .groups))]
    TooFew {
        /// Groups needed.
        needed: usize,
        /// What was tried, group by group.
        groups: Vec<GroupReport>,
    },
    /// Enough groups opened, and what they held does not go together.
    #[error("the opened shares give no data key")]
    Combine(#[source] ShamirError),
}

fn too_few(needed: usize, groups: &[GroupReport]) -> String {
    let opened = groups.iter().filter(|group| group.opened).count();
    match groups.len() {
        1 => "none of the file's master keys could open its data key".to_owned(),
        all => format!("{opened} of {all} key groups could be opened, {needed} are needed"),
    }
}

/// What was tried in one group.
#[derive(Debug)]
pub struct GroupReport {
    /// Whether a key opened it.
    pub opened: bool,
    /// Its keys, in the order of the file.
    pub keys: Vec<KeyReport>,
}

/// What was tried with one key.
#[derive(Debug)]
pub struct KeyReport {
    /// The key.
    pub key: MasterKey,
    /// What came of it.
    pub outcome: KeyOutcome,
}

/// What came of one key.
#[derive(Debug)]
pub enum KeyOutcome {
    /// It opened its group.
    Opened,
    /// It was not needed, or had not answered when it was not needed any more.
    NotNeeded,
    /// No provider knows keys of that kind.
    NoProvider,
    /// No provider has anything that belongs to this key.
    NotMine,
    /// It should have worked; what each provider said.
    Failed(Vec<ProviderError>),
}

/// Recovers the data key of a document.
///
/// `threshold` is the value of `shamir_threshold`; zero means all groups. A single group holds
/// the data key itself, whatever the threshold says.
///
/// # Errors
/// If too few groups could be opened; the error says what each key said.
pub async fn recover(
    groups: &[KeyGroup],
    threshold: usize,
    order: &DecryptionOrder,
    providers: &Providers,
    hedge: Hedge<'_>,
) -> Result<Recovered, RecoverError> {
    let needed = match groups.len() {
        0 => return Err(RecoverError::NoKeys),
        1 => 1,
        all if threshold == 0 => all,
        // Sharing begins with two (§5); a file that says one cannot have been made by that rule.
        _ => threshold.max(2),
    };
    if needed > groups.len() {
        return Err(RecoverError::Threshold { needed, groups: groups.len() });
    }
    let mut race = Race::new(groups, needed, providers, hedge);
    race.lanes = (0..groups.len()).map(|group| race.lane(group, order)).collect();
    race.run_local().await;
    race.run().await;
    if race.shares.len() < needed {
        race.lanes = (0..groups.len()).map(|group| race.lane_of_old_contexts(group)).collect();
        race.old_contexts = true;
        race.run().await;
    }
    race.finish()
}

/// One way to try one key.
struct Candidate<'a> {
    at: usize,
    key: Cow<'a, MasterKey>,
    provider: usize,
    reach: Reach,
}

/// The candidates of one group, and how far they are.
#[derive(Default)]
struct Lane<'a> {
    candidates: Vec<Candidate<'a>>,
    next: usize,
    running: Vec<usize>,
    started: bool,
}

enum Event {
    /// A call ended.
    Answer { group: usize, candidate: usize, attempt: Attempt },
    /// A call was given its moment.
    Moment { group: usize, candidate: usize },
}

type Pending<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Event> + Send + 'a>>>;

struct Race<'a> {
    groups: &'a [KeyGroup],
    needed: usize,
    providers: &'a Providers,
    hedge: Hedge<'a>,
    lanes: Vec<Lane<'a>>,
    pending: Pending<'a>,
    shares: Vec<(usize, KeyPart)>,
    reports: Vec<GroupReport>,
    old_contexts: bool,
    wrong_context: Vec<(usize, usize)>,
}

impl<'a> Race<'a> {
    fn new(
        groups: &'a [KeyGroup],
        needed: usize,
        providers: &'a Providers,
        hedge: Hedge<'a>,
    ) -> Self {
        let report = |key: &MasterKey| {
            let known = providers.iter().any(|provider| provider.reach(key) != Reach::Never);
            let outcome = if known { KeyOutcome::NotNeeded } else { KeyOutcome::NoProvider };
            KeyReport { key: key.clone(), outcome }
        };
        let reports = groups.iter().map(|group| GroupReport {
            opened: false,
            keys: group.0.iter().map(|wrapped| report(&wrapped.key)).collect(),
        });
        Self {
            groups,
            needed,
            providers,
            hedge,
            lanes: Vec::new(),
            pending: FuturesUnordered::new(),
            shares: Vec::new(),
            reports: reports.collect(),
            old_contexts: false,
            wrong_context: Vec::new(),
        }
    }

    /// The candidates of a group in the order in which they are tried.
    fn lane(&self, group: usize, order: &DecryptionOrder) -> Lane<'a> {
        let keys = self.groups[group].0.iter().enumerate();
        let mut candidates: Vec<_> =
            keys.flat_map(|(at, wrapped)| self.ways(at, Cow::Borrowed(&wrapped.key))).collect();
        // Both sorts are stable: equals stay in the order of the file, and of the providers.
        candidates.sort_by_key(|way| order.rank(way.key.kind()));
        if !order.is_by_hand() {
            candidates.sort_by_key(|way| way.reach);
        }
        Lane { candidates, ..Lane::default() }
    }

    /// Versions before 3.3.0 could wrap with every value of the encryption context set to one of
    /// them (format §9, Q11).
    fn lane_of_old_contexts(&self, group: usize) -> Lane<'a> {
        if self.reports[group].opened {
            return Lane::default();
        }
        let keys = self.groups[group].0.iter().zip(&self.reports[group].keys).enumerate();
        let candidates = keys.flat_map(|(at, (wrapped, report))| {
            let refused = matches!(&report.outcome, KeyOutcome::Failed(errors)
                if errors.iter().any(|error| error.refusal == Refusal::WrongCiphertext));
            let variants = if refused { old_contexts(&wrapped.key) } else { Vec::new() };
            variants.into_iter().flat_map(move |key| self.ways(at, Cow::Owned(key)))
        });
        Lane { candidates: candidates.collect(), ..Lane::default() }
    }

    fn ways(&self, at: usize, key: Cow<'a, MasterKey>) -> Vec<Candidate<'a>> {
        let reaches = self.providers.iter().map(|provider| provider.reach(&key)).enumerate();
        reaches
            .filter(|(_, reach)| *reach != Reach::Never)
            .map(|(provider, reach)| Candidate { at, key: key.clone(), provider, reach })
            .collect()
    }

    /// Tries what every group begins with on this machine, one after the other.
    async fn run_local(&mut self) {
        for group in 0..self.lanes.len() {
            while self.shares.len() < self.needed
                && !self.reports[group].opened
                && self.next_is_local(group)
            {
                let candidate = self.lanes[group].next;
                self.lanes[group].next += 1;
                let attempt = self.call(group, candidate).await;
                self.settle(group, candidate, attempt);
            }
        }
    }

    /// Asks the rest, as many groups at a time as are still missing.
    async fn run(&mut self) {
        while self.shares.len() < self.needed {
            let missing = self.needed - self.shares.len();
            while self.running() < missing && self.start_group() {}
            if self.running() == 0 {
                break;
            }
            self.step().await;
        }
        // What is still under way is not needed any more.
        self.pending.clear();
    }

    /// How many groups are under way.
    fn running(&self) -> usize {
        self.lanes.iter().filter(|lane| !lane.running.is_empty()).count()
    }

    fn next_is_local(&self, group: usize) -> bool {
        let lane = &self.lanes[group];
        lane.candidates.get(lane.next).is_some_and(|way| way.reach == Reach::Local)
    }

    /// Starts the first group that is neither open nor under way; false if there is none.
    fn start_group(&mut self) -> bool {
        (0..self.lanes.len()).any(|group| {
            !self.reports[group].opened && !self.lanes[group].started && self.start(group)
        })
    }

    /// Starts the next candidate of a group; false if there is none.
    fn start(&mut self, group: usize) -> bool {
        let lane = &mut self.lanes[group];
        lane.started = true;
        let candidate = lane.next;
        let Some(way) = lane.candidates.get(candidate) else { return false };
        lane.next += 1;
        lane.running.push(candidate);
        let remote = way.reach == Reach::Remote;
        let call = self.call(group, candidate);
        self.pending
            .push(Box::pin(async move { Event::Answer { group, candidate, attempt: call.await } }));
        // Nobody is raced against a person who types a passphrase.
        if remote {
            let hedge = self.hedge;
            self.pending.push(Box::pin(async move {
                hedge.timer.sleep(hedge.delay).await;
                Event::Moment { group, candidate }
            }));
        }
        true
    }

    fn call(
        &self,
        group: usize,
        candidate: usize,
    ) -> impl Future<Output = Attempt> + Send + use<'a> {
        let way = &self.lanes[group].candidates[candidate];
        let (key, provider) = (way.key.clone(), &self.providers[way.provider]);
        let enc = &self.groups[group].0[way.at].enc;
        async move { provider.open(&key, enc).await }
    }

    /// Waits for one event and does what follows from it.
    async fn step(&mut self) {
        match self.pending.next().await {
            None => {}
            Some(Event::Moment { group, candidate }) => {
                let waiting = self.lanes[group].running.contains(&candidate);
                if waiting && !self.reports[group].opened && !self.start(group) {
                    self.start_group();
                }
            }
            Some(Event::Answer { group, candidate, attempt }) => {
                self.lanes[group].running.retain(|running| *running != candidate);
                if self.reports[group].opened {
                    return;
                }
                if self.settle(group, candidate, attempt) {
                    // Its other calls do not count as running any more.
                    self.lanes[group].running.clear();
                } else {
                    // A group without another key ends here; the loop goes on to the next one.
                    self.start(group);
                }
            }
        }
    }

    /// Writes down what came of a candidate; true if it opened its group.
    fn settle(&mut self, group: usize, candidate: usize, attempt: Attempt) -> bool {
        let way = &self.lanes[group].candidates[candidate];
        let at = way.at;
        let checked = match attempt {
            Attempt::Opened(part) => match self.flaw(&part) {
                None => {
                    self.shares.push((group, part));
                    self.reports[group].opened = true;
                    self.reports[group].keys[at].outcome = KeyOutcome::Opened;
                    if self.old_contexts {
                        self.wrong_context.push((group, at));
                    }
                    return true;
                }
                Some(flaw) => Err(ProviderError::new(Refusal::Malformed, &way.key, flaw)),
            },
            Attempt::NotMine => Ok(()),
            Attempt::Failed(error) => Err(error),
        };
        if self.old_contexts {
            // These were guesses; the report keeps what the file's own context came to.
            return false;
        }
        let outcome = &mut self.reports[group].keys[at].outcome;
        match (checked, &mut *outcome) {
            (Err(error), KeyOutcome::Failed(errors)) => errors.push(error),
            (Err(error), _) => *outcome = KeyOutcome::Failed(vec![error]),
            (Ok(()), KeyOutcome::Failed(_)) => {}
            (Ok(()), _) => *outcome = KeyOutcome::NotMine,
        }
        false
    }

    /// What is wrong with an opened part, if anything.
    fn flaw(&self, part: &KeyPart) -> Option<String> {
        let expected = if self.groups.len() == 1 { DataKey::LEN } else { SHARE_LEN };
        if part.len() != expected {
            let found = part.len();
            return Some(format!("it opened to {found} bytes where {expected} belong"));
        }
        let number = part.expose().last();
        let twin = self.shares.iter().find(|(_, share)| share.expose().last() == number);
        match twin {
            Some((group, _)) if self.groups.len() > 1 => {
                Some(format!("its share has the same number as that of group {}", group + 1))
            }
            _ => None,
        }
    }

    fn finish(self) -> Result<Recovered, RecoverError> {
        if self.shares.len() < self.needed {
            return Err(RecoverError::TooFew { needed: self.needed, groups: self.reports });
        }
        let data_key = match &self.shares[..] {
            [(_, part)] => DataKey::from_slice(part.expose()).map_err(ShamirError::from),
            shares => combine(&shares.iter().map(|(_, part)| part).collect::<Vec<_>>()),
        };
        Ok(Recovered {
            data_key: data_key.map_err(RecoverError::Combine)?,
            groups: self.reports,
            wrong_context: self.wrong_context,
        })
    }
}

/// The key with every value of its context set to one of them, for each of them.
fn old_contexts(key: &MasterKey) -> Vec<MasterKey> {
    let MasterKey::AwsKms(key) = key else { return Vec::new() };
    let values: BTreeSet<_> = key.context.values().cloned().collect();
    if values.len() < 2 {
        return Vec::new();
    }
    let with = |value: &String| {
        let mut variant = key.clone();
        variant.context.values_mut().for_each(|old| old.clone_from(value));
        MasterKey::AwsKms(variant)
    };
    values.iter().map(with).collect()
}

#[cfg(test)]
#[allow(clippy::cloned_ref_to_slice_refs, reason = "the list is of `dyn`, the handle is not")]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::crypto::split;
    use crate::keys::testing::{SeededRng, TestProvider, pgp};
    use crate::keys::{
        AgeKey, AwsKmsKey, KeyKind, KeyProvider, WrappedKey, parse_encryption_context,
    };
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    struct Clock;

    #[async_trait::async_trait]
    impl Timer for Clock {
        async fn sleep(&self, time: Duration) {
            tokio::time::sleep(time).await;
        }
    }

    /// What a key of [`Service`] does.
    #[derive(Clone, Copy)]
    enum Does {
        Open(u64),
        Refuse(u64),
        Hang,
    }

    /// A remote service with a script, and a log of calls: milliseconds and key.
    struct Service {
        script: Vec<(MasterKey, Does)>,
        start: tokio::time::Instant,
        log: Mutex<Vec<(u64, String)>>,
    }

    impl Service {
        fn new(script: Vec<(MasterKey, Does)>) -> Arc<Self> {
            Arc::new(Self { script, start: tokio::time::Instant::now(), log: Mutex::default() })
        }

        fn log(&self) -> Vec<(u64, String)> {
            self.log.lock().unwrap().clone()
        }
    }

    #[async_trait::async_trait]
    impl KeyProvider for Service {
        fn reach(&self, key: &MasterKey) -> Reach {
            match self.script.iter().any(|(known, _)| known == key) {
                true => Reach::Remote,
                false => Reach::Never,
            }
        }

        async fn wrap(&self, key: &MasterKey, _: &KeyPart) -> Result<String, ProviderError> {
            Err(ProviderError::new(Refusal::Other, key, "not in this test"))
        }

        async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
            let at = self.start.elapsed().as_millis() as u64;
            self.log.lock().unwrap().push((at, key.identity()));
            let (_, does) = self.script.iter().find(|(known, _)| known == key).unwrap();
            let wait = |time: u64| tokio::time::sleep(Duration::from_millis(time));
            match does {
                Does::Open(time) => {
                    wait(*time).await;
                    Attempt::Opened(TestProvider::unwrap(enc))
                }
                Does::Refuse(time) => {
                    wait(*time).await;
                    Attempt::Failed(ProviderError::new(Refusal::Denied, key, ""))
                }
                Does::Hang => std::future::pending().await,
            }
        }
    }

    fn data_key() -> DataKey {
        DataKey::from_slice(&[7; 32]).unwrap()
    }

    fn entry(key: MasterKey, part: &KeyPart) -> WrappedKey {
        let enc = format!("0 {} {}", key.identity(), STANDARD.encode(part.expose()));
        WrappedKey { key, enc, created_at: None, unknown: Vec::new() }
    }

    fn group(keys: &[MasterKey]) -> [KeyGroup; 1] {
        let part = data_key().as_part();
        [KeyGroup(keys.iter().map(|key| entry(key.clone(), &part)).collect())]
    }

    fn shared(threshold: usize, groups: &[Vec<MasterKey>]) -> Vec<KeyGroup> {
        let parts = split(&data_key(), threshold, groups.len(), &mut SeededRng::new(3)).unwrap();
        let group = |(keys, part): (&Vec<MasterKey>, _)| {
            KeyGroup(keys.iter().map(|key| entry(key.clone(), part)).collect())
        };
        groups.iter().zip(&parts).map(group).collect()
    }

    fn age(number: u8) -> MasterKey {
        MasterKey::Age(AgeKey { recipient: format!("age1{number}") })
    }

    fn kms(number: u8) -> MasterKey {
        let arn = format!("arn:aws:kms:us-east-1:111122223333:key/{number}");
        MasterKey::AwsKms(AwsKmsKey::parse(&arn).unwrap())
    }

    async fn open(
        groups: &[KeyGroup],
        threshold: usize,
        providers: &[Arc<dyn KeyProvider>],
    ) -> Result<Recovered, RecoverError> {
        let order = DecryptionOrder::default();
        recover(groups, threshold, &order, providers, Hedge::new(&Clock)).await
    }

    fn is_send<T: Send>(value: T) -> T {
        value
    }

    #[tokio::test(start_paused = true)]
    async fn a_healthy_remote_key_costs_one_call() {
        let service = Service::new(vec![(kms(1), Does::Open(20)), (kms(2), Does::Open(20))]);
        let groups = group(&[kms(1), kms(2)]);
        let opened = is_send(open(&groups, 0, &[service.clone()])).await.unwrap();
        assert_eq!(opened.data_key, data_key());
        assert_eq!(service.log(), [(0, kms(1).identity())]);
        assert!(matches!(opened.groups[0].keys[1].outcome, KeyOutcome::NotNeeded));
    }

    #[tokio::test(start_paused = true)]
    async fn local_keys_come_first_unless_the_user_says_otherwise() {
        let local: Arc<dyn KeyProvider> = Arc::new(OnlyAge(TestProvider::local()));
        let service = Service::new(vec![(kms(1), Does::Open(20))]);
        let providers = [service.clone() as Arc<dyn KeyProvider>, local];
        let groups = group(&[kms(1), age(1)]);
        open(&groups, 0, &providers).await.unwrap();
        assert_eq!(service.log(), []);
        let order = DecryptionOrder::parse("kms,age").unwrap();
        recover(&groups, 0, &order, &providers, Hedge::new(&Clock)).await.unwrap();
        assert_eq!(service.log().len(), 1);
    }

    struct OnlyAge(TestProvider);

    #[async_trait::async_trait]
    impl KeyProvider for OnlyAge {
        fn reach(&self, key: &MasterKey) -> Reach {
            if key.kind() == KeyKind::Age { Reach::Local } else { Reach::Never }
        }
        async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
            self.0.wrap(key, part).await
        }
        async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
            self.0.open(key, enc).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hung_key_costs_a_moment_and_a_refused_one_nothing() {
        let service = Service::new(vec![
            (kms(1), Does::Hang),
            (kms(2), Does::Refuse(50)),
            (kms(3), Does::Open(20)),
        ]);
        let groups = group(&[kms(1), kms(2), kms(3)]);
        let opened = open(&groups, 0, &[service.clone()]).await.unwrap();
        let times: Vec<_> = service.log().iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [0, 300, 350]);
        assert_eq!(service.start.elapsed().as_millis(), 370);
        assert!(matches!(opened.groups[0].keys[0].outcome, KeyOutcome::NotNeeded));
        assert!(matches!(&opened.groups[0].keys[1].outcome,
            KeyOutcome::Failed(errors) if errors[0].refusal == Refusal::Denied));
    }

    #[tokio::test(start_paused = true)]
    async fn no_group_is_asked_beyond_the_threshold() {
        let all = |does| (1..=4).map(|n| (kms(n), does)).collect();
        let service = Service::new(all(Does::Open(20)));
        let groups = shared(2, &[vec![kms(1)], vec![kms(2)], vec![kms(3)], vec![kms(4)]]);
        let opened = open(&groups, 2, &[service.clone()]).await.unwrap();
        assert_eq!(opened.data_key, data_key());
        // Both at the same time.
        assert_eq!(service.log(), [(0, kms(1).identity()), (0, kms(2).identity())]);

        let local: Arc<dyn KeyProvider> = Arc::new(OnlyAge(TestProvider::local()));
        let groups = shared(2, &[vec![kms(1)], vec![age(1)], vec![kms(3), age(2)]]);
        let service = Service::new(all(Does::Open(20)));
        open(&groups, 2, &[service.clone(), local]).await.unwrap();
        assert_eq!(service.log(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_group_is_replaced_at_once_and_a_hung_one_after_a_moment() {
        let service = Service::new(vec![
            (kms(1), Does::Refuse(50)),
            (kms(2), Does::Hang),
            (kms(3), Does::Open(20)),
            (kms(4), Does::Open(20)),
        ]);
        let groups = shared(2, &[vec![kms(1)], vec![kms(2)], vec![kms(3)], vec![kms(4)]]);
        let opened = open(&groups, 2, &[service.clone()]).await.unwrap();
        assert_eq!(opened.data_key, data_key());
        let times: Vec<_> = service.log().iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [0, 0, 50, 300]);
        assert_eq!(service.start.elapsed().as_millis(), 320);
    }

    #[tokio::test(start_paused = true)]
    async fn every_failure_is_kept_per_group_and_key() {
        let refusing = TestProvider::local().refusing(&pgp(1), Refusal::HelperFailed);
        let provider: Arc<dyn KeyProvider> = Arc::new(refusing.without(&pgp(2)));
        let groups = shared(2, &[vec![pgp(1), pgp(2)], vec![pgp(3)]]);
        let error = open(&groups, 0, &[provider]).await.unwrap_err();
        assert_eq!(error.to_string(), "1 of 2 key groups could be opened, 2 are needed");
        let RecoverError::TooFew { needed: 2, groups } = error else { panic!() };
        assert!(matches!(&groups[0].keys[0].outcome, KeyOutcome::Failed(errors)
            if errors[0].refusal == Refusal::HelperFailed));
        assert!(matches!(groups[0].keys[1].outcome, KeyOutcome::NotMine));
        assert!(groups[1].opened);

        let error = open(&group(&[kms(1)]), 0, &[]).await.unwrap_err();
        let RecoverError::TooFew { groups, .. } = error else { panic!() };
        assert!(matches!(groups[0].keys[0].outcome, KeyOutcome::NoProvider));
        assert!(matches!(open(&[], 0, &[]).await, Err(RecoverError::NoKeys)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_of_another_size_is_a_failure_of_its_key() {
        let provider: Arc<dyn KeyProvider> = Arc::new(TestProvider::local());
        let short = KeyPart::new(vec![1; 16]);
        let good = data_key().as_part();
        let groups = [KeyGroup(vec![entry(pgp(1), &short), entry(pgp(2), &good)])];
        let opened = open(&groups, 0, std::slice::from_ref(&provider)).await.unwrap();
        assert_eq!(opened.data_key, data_key());
        assert!(matches!(&opened.groups[0].keys[0].outcome, KeyOutcome::Failed(errors)
            if errors[0].refusal == Refusal::Malformed));
        let twice = split(&data_key(), 2, 2, &mut SeededRng::new(1)).unwrap();
        let group = |n| KeyGroup(vec![entry(pgp(n), &twice[0])]);
        let error = open(&[group(1), group(2)], 2, &[provider]).await.unwrap_err();
        assert!(matches!(error, RecoverError::TooFew { .. }));
    }

    #[tokio::test(start_paused = true)]
    async fn thresholds_of_one_and_beyond_the_groups_are_handled() {
        let provider: Arc<dyn KeyProvider> = Arc::new(TestProvider::local());
        let groups = shared(2, &[vec![pgp(1)], vec![pgp(2)]]);
        let opened = open(&groups, 1, std::slice::from_ref(&provider)).await.unwrap();
        assert_eq!(opened.data_key, data_key());
        let error = open(&groups, 3, &[provider]).await.unwrap_err();
        assert!(matches!(error, RecoverError::Threshold { needed: 3, groups: 2 }));
    }

    #[tokio::test(start_paused = true)]
    async fn contexts_of_old_versions_are_tried_after_the_normal_way() {
        // format §9, Q11
        struct Old(Mutex<Vec<String>>);
        #[async_trait::async_trait]
        impl KeyProvider for Old {
            fn reach(&self, _: &MasterKey) -> Reach {
                Reach::Remote
            }
            async fn wrap(&self, key: &MasterKey, _: &KeyPart) -> Result<String, ProviderError> {
                Err(ProviderError::new(Refusal::Other, key, ""))
            }
            async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
                self.0.lock().unwrap().push(key.identity());
                let MasterKey::AwsKms(aws) = key else { panic!() };
                if aws.context.values().all(|value| value == "y") {
                    return Attempt::Opened(TestProvider::unwrap(enc));
                }
                Attempt::Failed(ProviderError::new(Refusal::WrongCiphertext, key, ""))
            }
        }
        let MasterKey::AwsKms(mut key) = kms(1) else { panic!() };
        key.context = parse_encryption_context("a:x,b:y").unwrap();
        let old = Arc::new(Old(Mutex::default()));
        let groups = group(&[MasterKey::AwsKms(key)]);
        let opened = open(&groups, 0, &[old.clone()]).await.unwrap();
        assert_eq!(opened.wrong_context, [(0, 0)]);
        let asked = old.0.lock().unwrap().clone();
        let contexts: Vec<_> = asked.iter().map(|key| key.rsplit('|').next().unwrap()).collect();
        assert_eq!(contexts, ["a:x,b:y", "a:x,b:x", "a:y,b:y"]);
    }
}

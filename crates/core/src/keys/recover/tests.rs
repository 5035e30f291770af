//! Recovery with scripted services on a clock that is stepped by hand.

use std::sync::{Arc, Mutex};

use super::*;
use crate::crypto::{KeyPart, split};
use crate::keys::testing::{SeededRng, TestProvider, pgp};
use crate::keys::{
    AgeKey, Attempt, AwsKmsKey, KeyKind, KeyProvider, Reach, Refusal, WrappedKey,
    parse_encryption_context,
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

/// Keys that take a person, with the script of a service.
struct Person(Arc<Service>);

#[async_trait::async_trait]
impl KeyProvider for Person {
    fn reach(&self, key: &MasterKey) -> Reach {
        if key.kind() == KeyKind::Age { Reach::Assisted } else { Reach::Never }
    }
    async fn wrap(&self, key: &MasterKey, _: &KeyPart) -> Result<String, ProviderError> {
        Err(ProviderError::new(Refusal::Other, key, "not in this test"))
    }
    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
        self.0.open(key, enc).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_person_is_asked_while_nothing_else_is_under_way() {
    for (groups, person, service) in [
        // In a group it comes before services, as every key of this machine does.
        (group(&[kms(1), age(1)]).to_vec(), vec![(0, age(1))], vec![]),
        // Other groups are enough.
        (
            shared(2, &[vec![age(1)], vec![kms(1)], vec![kms(2)]]),
            vec![],
            vec![(0, kms(1)), (0, kms(2))],
        ),
        // One of them is not: the person is asked when it is known, not beside it.
        (
            shared(2, &[vec![age(1)], vec![kms(1)], vec![kms(3)]]),
            vec![(50, age(1))],
            vec![(0, kms(1)), (0, kms(3))],
        ),
    ] {
        let asked = Service::new(vec![(age(1), Does::Open(5000))]);
        let remote = Service::new(vec![
            (kms(1), Does::Open(20)),
            (kms(2), Does::Open(20)),
            (kms(3), Does::Refuse(50)),
        ]);
        let providers: [Arc<dyn KeyProvider>; 2] =
            [Arc::new(Person(asked.clone())), remote.clone()];
        open(&groups, 2, &providers).await.unwrap();
        let named = |expected: Vec<(u64, MasterKey)>| -> Vec<_> {
            expected.into_iter().map(|(at, key)| (at, key.identity())).collect()
        };
        assert_eq!(asked.log(), named(person));
        assert_eq!(remote.log(), named(service));
    }
}

//! Keys of Huawei Cloud KMS, at a double that recomputes signatures.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sops_core::crypto::KeyPart;
use sops_core::keys::{Attempt, KeyKind, KeyProvider, MasterKey, ProviderError, Refusal};
use sops_providers::{CallPolicy, HuaweiCredentials, HuaweiKms, HuaweiSettings};
use sops_tests::double::{self, Double};
use sops_tests::rig::huawei::{
    self, ACCESS_KEY, DENIED, DISABLED, HuaweiDouble, MISSING, OTHER, PENDING_DELETION, PROJECT,
    REGION, SECRET,
};

use crate::contract;

fn settings(address: &str) -> HuaweiSettings {
    HuaweiSettings {
        credentials: Some(HuaweiCredentials {
            access_key: ACCESS_KEY.into(),
            secret_key: SECRET.into(),
            security_token: None,
            project: Some(PROJECT.into()),
            source: "the test".into(),
        }),
        addresses: HashMap::from([(REGION.to_owned(), address.to_owned())]),
        ..HuaweiSettings::default()
    }
}

fn with(address: &str, change: impl FnOnce(&mut HuaweiCredentials)) -> HuaweiKms {
    let mut settings = settings(address);
    change(settings.credentials.as_mut().unwrap());
    HuaweiKms::new(settings)
}

fn key(id: &str) -> MasterKey {
    MasterKey::parse(KeyKind::HuaweiKms, &format!("{REGION}:{id}")).unwrap()
}

fn part() -> KeyPart {
    KeyPart::new(vec![7; 32])
}

#[track_caller]
fn refused(attempt: Attempt) -> ProviderError {
    let Attempt::Failed(error) = attempt else { panic!("{attempt:?}") };
    error
}

#[tokio::test]
async fn huawei_keeps_the_contract_at_a_double() {
    let double = HuaweiDouble::start();
    let provider = HuaweiKms::new(settings(&double.url()));
    contract::check(&provider, &key(huawei::KEY), None).await;
}

#[tokio::test]
async fn a_session_is_signed_for_the_double_too() {
    let double = HuaweiDouble::start();
    let provider = with(&double.url(), |own| own.security_token = Some("token".into()));
    let enc = provider.wrap(&key(huawei::KEY), &part()).await.unwrap();
    let attempt = provider.open(&key(huawei::KEY), &enc).await;
    assert!(matches!(&attempt, Attempt::Opened(found) if *found == part()), "{attempt:?}");
    assert_eq!(
        double.seen(),
        [
            format!("POST /v1.0/{PROJECT}/kms/encrypt-data"),
            format!("POST /v1.0/{PROJECT}/kms/decrypt-data"),
        ]
    );
}

#[tokio::test]
async fn a_project_that_is_not_configured_is_asked_of_the_double_once() {
    let double = HuaweiDouble::start();
    let mut settings = settings(&double.url());
    settings.credentials.as_mut().unwrap().project = None;
    settings.identity = Some(double.url());
    let provider = HuaweiKms::new(settings.clone());
    let enc = provider.wrap(&key(huawei::KEY), &part()).await.unwrap();
    provider.open(&key(huawei::KEY), &enc).await;
    assert_eq!(double.seen()[0], format!("GET /v3/projects?name={REGION}"));
    assert_eq!(double.seen().len(), 3);
    // One that fails is an error like any other.
    double.fails(1, 404, "");
    let error = refused(HuaweiKms::new(settings).open(&key(huawei::KEY), &enc).await);
    assert!(error.text.contains("failed to get the project id"), "{error}");
    assert_eq!(double.seen().len(), 4);
}

#[tokio::test]
async fn a_machine_finds_its_credentials_in_the_metadata_of_a_double() {
    let double = HuaweiDouble::start();
    let metadata = |passes: bool| {
        Double::new(move |request| match request.start.split(' ').nth(1).unwrap() {
            "/meta-data/latest/api/token" if passes => double::answer(200, &[], "pass"),
            "/meta-data/latest/api/token" => double::answer(404, &[], ""),
            _ if passes != (request.header("x-metadata-token") == Some("pass")) => {
                double::answer(401, &[], "")
            }
            _ => {
                let text = format!(
                    r#"{{"credential":{{"access":"{ACCESS_KEY}","secret":"{SECRET}","securitytoken":"t","expires_at":"2027"}}}}"#
                );
                double::answer(200, &[], &text)
            }
        })
    };
    for passes in [true, false] {
        let machine = metadata(passes);
        let provider = HuaweiKms::new(HuaweiSettings {
            credentials: None,
            metadata: Some(machine.url()),
            identity: Some(double.url()),
            ..settings(&double.url())
        });
        let enc = provider.wrap(&key(huawei::KEY), &part()).await.unwrap();
        let attempt = provider.open(&key(huawei::KEY), &enc).await;
        assert!(matches!(&attempt, Attempt::Opened(found) if *found == part()), "{attempt:?}");
        assert_eq!(machine.seen().len(), 2, "it is asked once");
    }
    // A machine of somebody else, and one that does not answer.
    for machine in [Double::new(|_| double::answer(404, &[], "")), Double::silent()] {
        let nobody = HuaweiSettings {
            credentials: None,
            looked: "looked here".into(),
            metadata: Some(machine.url()),
            policy: CallPolicy::within(Duration::from_secs(1)),
            ..settings(&double.url())
        };
        let error = refused(HuaweiKms::new(nobody).open(&key(huawei::KEY), "AAAA").await);
        assert_eq!(error.refusal, Refusal::NoCredentials, "{error}");
        assert!(error.text.starts_with("looked here; the metadata of this machine: "), "{error}");
    }
}

#[tokio::test]
async fn refusals_of_the_double_say_what_it_was_in_one_request() {
    let double = HuaweiDouble::start();
    let url = double.url();
    let good = || HuaweiKms::new(settings(&url));
    let enc = good().wrap(&key(huawei::KEY), &part()).await.unwrap();
    let of_other = good().wrap(&key(OTHER), &part()).await.unwrap();
    for (provider, id, refusal, code, status) in [
        (good(), MISSING, Refusal::NoSuchKey, "KMS.0205", 400),
        (good(), DISABLED, Refusal::Disabled, "KMS.0209", 400),
        (good(), PENDING_DELETION, Refusal::PendingDeletion, "KMS.0210", 400),
        (
            with(&url, |own| own.secret_key = "other".into()),
            huawei::KEY,
            Refusal::BadCredentials,
            "APIGW.0301",
            401,
        ),
        (
            with(&url, |own| own.access_key = DENIED.into()),
            huawei::KEY,
            Refusal::Denied,
            "KMS.0303",
            403,
        ),
    ] {
        let before = double.seen().len();
        let error = provider.wrap(&key(id), &part()).await.unwrap_err();
        assert_eq!((error.refusal, error.http_status), (refusal, Some(status)), "{error}");
        assert_eq!(error.code.as_deref(), Some(code));
        let frame = "failed to encrypt sops data key with HuaweiCloud KMS: {";
        assert!(error.text.starts_with(frame) && error.text.contains(code), "{error}");
        assert!(error.caller.unwrap().ends_with("from the test"));
        assert_eq!(double.seen().len() - before, 1);
    }
    let error = refused(good().open(&key(huawei::KEY), &of_other).await);
    assert_eq!(error.refusal, Refusal::WrongCiphertext, "{error}");
    let attempt = good().open(&key(huawei::KEY), &enc).await;
    assert!(matches!(&attempt, Attempt::Opened(found) if *found == part()), "{attempt:?}");
}

#[tokio::test]
async fn what_is_temporary_at_the_double_is_tried_three_times() {
    let double = HuaweiDouble::start();
    let provider = HuaweiKms::new(settings(&double.url()));
    let enc = provider.wrap(&key(huawei::KEY), &part()).await.unwrap();
    let throttled = r#"{"error_code":"APIGW.0308","error_msg":"The throttling threshold"}"#;
    for (status, body, refusal) in
        [(503, "<html>", Refusal::Unavailable), (429, throttled, Refusal::Throttled)]
    {
        let before = double.seen().len();
        double.fails(2, status, body);
        let attempt = provider.open(&key(huawei::KEY), &enc).await;
        assert!(matches!(&attempt, Attempt::Opened(found) if *found == part()), "{attempt:?}");
        double.fails(3, status, body);
        let error = refused(provider.open(&key(huawei::KEY), &enc).await);
        assert_eq!(error.refusal, refusal, "{error}");
        assert_eq!(double.seen().len() - before, 6);
    }
}

#[tokio::test]
async fn a_double_that_never_answers_ends_at_the_deadline() {
    let silent = Double::silent();
    let policy = CallPolicy::within(Duration::from_secs(1));
    let provider = HuaweiKms::new(HuaweiSettings { policy, ..settings(&silent.url()) });
    let start = Instant::now();
    let error = refused(provider.open(&key(huawei::KEY), "AAAA").await);
    assert_eq!(error.refusal, Refusal::TimedOut, "{error}");
    assert!(error.text.contains("within 1 s from region rig-north-1"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[tokio::test]
async fn keys_and_settings_that_make_no_sense_ask_nobody() {
    let double = HuaweiDouble::start();
    let broken = |key_id: &str| {
        MasterKey::HuaweiKms(sops_core::keys::HuaweiKmsKey { key_id: key_id.to_owned() })
    };
    let provider = HuaweiKms::new(settings(&double.url()));
    for (key, refusal) in [
        (broken("no-colon"), Refusal::Malformed),
        (broken("rig-north-1:a\",\"x\":\"b"), Refusal::Malformed),
        (broken("evil.example/:x"), Refusal::Malformed),
        (broken("mars-1:x"), Refusal::NoRegion),
    ] {
        assert_eq!(refused(provider.open(&key, "AAAA").await).refusal, refusal, "{key}");
    }
    let error = refused(provider.open(&broken("mars-1:x"), "AAAA").await);
    assert!(error.text.contains("tr-west-1") && error.text.contains("cn-north-4"), "{error}");
    let looked = "looked here and there".to_owned();
    let nobody = HuaweiSettings { credentials: None, looked, ..settings(&double.url()) };
    let error = refused(HuaweiKms::new(nobody).open(&key(huawei::KEY), "AAAA").await);
    assert_eq!(error.refusal, Refusal::NoCredentials);
    assert!(error.text.contains("looked here and there"));
    assert_eq!(double.seen(), [""; 0]);
    let shown = format!("{:?}", settings(&double.url()));
    assert!(shown.contains(ACCESS_KEY) && !shown.contains(SECRET), "{shown}");
}

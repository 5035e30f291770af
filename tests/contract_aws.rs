//! AWS KMS at real emulators, with a proxy that makes calls fail and counts them.

use crate::contract;

use std::time::{Duration, Instant};

use sops_core::crypto::{DataKey, KeyPart};
use sops_core::keys::testing::SeededRng;
use sops_core::keys::{
    Attempt, AwsKmsKey, DecryptionOrder, Distributed, Distribution, Hedge, KeyGroup, KeyOutcome,
    KeyProvider, MasterKey, ProviderError, RecoverError, Recovered, Refusal, distribute,
    parse_encryption_context, recover,
};
use sops_core::tree::Time;
use sops_providers::{AwsCredentials, AwsKms, AwsSettings, Keyring, TokioTimer};
use sops_tests::fault::{FaultProxy, Rule};
use sops_tests::need;
use sops_tests::rig::aws::{self, Aws};

fn settings(aws: &Aws) -> AwsSettings {
    AwsSettings {
        credentials: AwsCredentials::Fixed {
            access_key_id: aws::ACCOUNT.into(),
            secret_access_key: "x".into(),
            session_token: None,
        },
        kms_endpoint: Some(aws.kms.clone()),
        sts_endpoint: Some(aws.sts.clone()),
        host: Some("build-7".into()),
        ..AwsSettings::default()
    }
}

/// A provider behind a proxy of its own.
fn proxied(aws: &Aws) -> (FaultProxy, AwsSettings) {
    let proxy = FaultProxy::in_front_of(&aws.kms);
    let settings = AwsSettings { kms_endpoint: Some(proxy.url()), ..settings(aws) };
    (proxy, settings)
}

fn key(text: &str) -> MasterKey {
    MasterKey::AwsKms(AwsKmsKey::parse(text).unwrap())
}

fn data_key() -> DataKey {
    DataKey::from_slice(&[7; 32]).unwrap()
}

async fn spread(provider: AwsKms, keys: &[MasterKey]) -> Distributed {
    let wanted = [keys.to_vec()];
    let now = Time::from_unix(0).unwrap();
    let plan = Distribution { wanted: &wanted, previous: &[], threshold: 0, now };
    let keyring = Keyring::default().with(provider);
    distribute(&data_key(), plan, keyring.providers(), &mut SeededRng::new(1)).await.unwrap()
}

async fn open(groups: &[KeyGroup], provider: AwsKms) -> Result<Recovered, RecoverError> {
    let keyring = Keyring::default().with(provider);
    let order = DecryptionOrder::default();
    recover(groups, 0, &order, keyring.providers(), Hedge::new(&TokioTimer)).await
}

async fn refused(provider: &AwsKms, key: &MasterKey) -> ProviderError {
    provider.wrap(key, &KeyPart::new(vec![7; 32])).await.unwrap_err()
}

fn failure(result: Result<Recovered, RecoverError>) -> ProviderError {
    let Err(RecoverError::TooFew { mut groups, .. }) = result else { panic!("{result:?}") };
    let KeyOutcome::Failed(mut errors) = groups.remove(0).keys.remove(0).outcome else {
        panic!("no failure was kept")
    };
    errors.remove(0)
}

#[tokio::test]
async fn kms_keeps_the_contract() {
    let Some(aws) = need::aws() else { return };
    let provider = AwsKms::new(settings(&aws));
    for text in [aws::MAIN, aws::ALIAS, aws::MULTI_REGION, aws::ELSEWHERE] {
        contract::check(&provider, &key(text), None).await;
    }
    let mut with_context = AwsKmsKey::parse(aws::MAIN).unwrap();
    with_context.context = parse_encryption_context("env:prod,app:x").unwrap();
    contract::check(&provider, &MasterKey::AwsKms(with_context), None).await;
}

#[tokio::test]
async fn a_role_is_assumed_first() {
    let Some(aws) = need::aws() else { return };
    let provider = AwsKms::new(settings(&aws));
    let part = KeyPart::new(vec![7; 32]);
    let with_role = key(&format!("{}+{}", aws::MAIN, aws::ROLE));
    let enc = provider.wrap(&with_role, &part).await.unwrap();
    let attempt = provider.open(&with_role, &enc).await;
    assert!(matches!(attempt, Attempt::Opened(found) if found == part));

    let closed = AwsSettings { sts_endpoint: Some("http://127.0.0.1:9".into()), ..settings(&aws) };
    let error = refused(&AwsKms::new(closed), &with_role).await;
    assert_eq!(error.refusal, Refusal::Unreachable);
    assert!(error.text.contains(aws::ROLE), "{error}");
}

#[tokio::test]
async fn a_healthy_key_costs_one_call_and_one_connection() {
    let Some(aws) = need::aws() else { return };
    let (proxy, settings) = proxied(&aws);
    let keys = [key(aws::MAIN), key(aws::OTHER), key(aws::MULTI_REGION)];
    let spread = spread(AwsKms::new(settings.clone()), &keys).await;
    assert_eq!((proxy.count("Encrypt"), proxy.count("Decrypt")), (3, 0));
    proxy.reset();
    let keyring = Keyring::default().with(AwsKms::new(settings));
    let before = proxy.connections();
    for times in 1..=5 {
        let order = DecryptionOrder::default();
        let hedge = Hedge::new(&TokioTimer);
        let opened = recover(&spread.groups, 0, &order, keyring.providers(), hedge).await.unwrap();
        assert_eq!(opened.data_key, data_key());
        assert_eq!(proxy.calls().len(), times);
    }
    assert_eq!(proxy.connections() - before, 1);
}

#[tokio::test]
async fn wraps_for_several_keys_run_at_the_same_time() {
    let Some(aws) = need::aws() else { return };
    let (proxy, settings) = proxied(&aws);
    proxy.add(Rule::on("Encrypt").delayed(Duration::from_millis(400)));
    let keys: Vec<_> = [aws::MAIN, aws::OTHER, aws::MULTI_REGION, aws::ELSEWHERE].map(key).to_vec();
    let start = Instant::now();
    spread(AwsKms::new(settings), &keys).await;
    assert!(start.elapsed() < Duration::from_millis(1400), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_dead_region_costs_a_moment() {
    let Some(aws) = need::aws() else { return };
    let (proxy, settings) = proxied(&aws);
    let keys = [key(aws::MULTI_REGION), key(aws::REPLICA)];
    let spread = spread(AwsKms::new(settings.clone()), &keys).await;
    proxy.add(Rule::on("Decrypt").in_region(aws::REGION).hangs());
    let start = Instant::now();
    let opened = open(&spread.groups, AwsKms::new(settings.clone())).await.unwrap();
    assert_eq!(opened.data_key, data_key());
    let took = start.elapsed();
    assert!(took > Duration::from_millis(290) && took < Duration::from_secs(2), "{took:?}");
    assert_eq!(proxy.count("Decrypt"), 2);

    // A refusal is known at once, so the next key is asked at once.
    proxy.reset();
    proxy.add(Rule::on("Decrypt").in_region(aws::REGION).denied("no"));
    open(&spread.groups, AwsKms::new(settings)).await.unwrap();
    let regions: Vec<_> = proxy.calls().into_iter().map(|call| call.region).collect();
    assert_eq!(regions, [aws::REGION, aws::SECOND_REGION]);
}

#[tokio::test]
async fn a_replica_opens_what_the_first_region_wrapped() {
    let Some(aws) = need::aws() else { return };
    let provider = AwsKms::new(settings(&aws));
    let part = KeyPart::new(vec![7; 32]);
    let enc = provider.wrap(&key(aws::MULTI_REGION), &part).await.unwrap();
    let attempt = provider.open(&key(aws::REPLICA), &enc).await;
    assert!(matches!(attempt, Attempt::Opened(found) if found == part));
}

#[tokio::test]
async fn refusals_say_what_it_was_in_one_call() {
    let Some(aws) = need::aws() else { return };
    let (proxy, settings) = proxied(&aws);
    let provider = AwsKms::new(settings);
    for (arn, refusal, code, advice) in [
        (aws::DISABLED, Refusal::Disabled, "DisabledException", "enable the key"),
        (
            aws::PENDING_DELETION,
            Refusal::PendingDeletion,
            "KMSInvalidStateException",
            "cancel its deletion",
        ),
        (aws::SIGN, Refusal::WrongUsage, "InvalidKeyUsageException", "symmetric"),
        (aws::MISSING, Refusal::NoSuchKey, "NotFoundException", "check region"),
    ] {
        proxy.reset();
        let error = refused(&provider, &key(arn)).await;
        assert_eq!((error.refusal, error.http_status), (refusal, Some(400)), "{error}");
        assert_eq!(error.code.as_deref(), Some(code));
        assert_eq!(error.key, arn);
        assert!(error.next_step().contains(advice), "{}", error.next_step());
        assert_eq!(
            error.caller.as_deref(),
            Some("access key 111122223333 from the given credentials")
        );
        assert_eq!(proxy.calls().len(), 1, "{arn}");
    }
}

#[tokio::test]
async fn damage_and_wrong_places_are_told_apart() {
    let Some(aws) = need::aws() else { return };
    let provider = AwsKms::new(settings(&aws));
    let part = KeyPart::new(vec![7; 32]);
    let enc = provider.wrap(&key(aws::MAIN), &part).await.unwrap();
    let mut context = AwsKmsKey::parse(aws::MAIN).unwrap();
    context.context = parse_encryption_context("env:test").unwrap();
    let elsewhere = aws::MAIN.replace("us-east-1", "mars-1");
    for (key, enc, expected) in [
        (key(aws::OTHER), enc.as_str(), Refusal::WrongKey),
        (MasterKey::AwsKms(context), enc.as_str(), Refusal::WrongCiphertext),
        (key(&elsewhere), enc.as_str(), Refusal::NoSuchKey),
        (key(aws::MAIN), "not base64!", Refusal::Malformed),
        (key(aws::MAIN), "AAAA", Refusal::WrongCiphertext),
    ] {
        let attempt = provider.open(&key, enc).await;
        let Attempt::Failed(error) = attempt else { panic!("{key}: {attempt:?}") };
        assert_eq!(error.refusal, expected, "{key}: {error}");
    }
}

#[tokio::test]
async fn denied_and_expired_are_not_tried_again() {
    let Some(aws) = need::aws() else { return };
    let (proxy, settings) = proxied(&aws);
    let spread = spread(AwsKms::new(settings.clone()), &[key(aws::MAIN)]).await;
    proxy.reset();
    let user = "arn:aws:iam::111122223333:user/x";
    proxy.add(Rule::on("Decrypt").denied(&format!("User: {user} is not authorized")));
    let error = failure(open(&spread.groups, AwsKms::new(settings.clone())).await);
    assert_eq!((error.refusal, error.caller.as_deref()), (Refusal::Denied, Some(user)));
    assert!(error.to_string().contains("HTTP 400, AccessDeniedException"), "{error}");
    assert!(error.next_step().contains(user));
    assert_eq!(proxy.count("Decrypt"), 1);
    proxy.reset();
    proxy.add(Rule::on("Decrypt").fails(400, "ExpiredTokenException", "expired"));
    let error = failure(open(&spread.groups, AwsKms::new(settings)).await);
    assert_eq!(error.refusal, Refusal::BadCredentials);
    assert_eq!(proxy.count("Decrypt"), 1);
}

#[tokio::test]
async fn what_is_temporary_is_tried_three_times() {
    let Some(aws) = need::aws() else { return };
    let (proxy, settings) = proxied(&aws);
    let spread = spread(AwsKms::new(settings.clone()), &[key(aws::MAIN)]).await;
    let html = |rule: Rule| rule.answers(503, "text/html", "<html>busy</html>");
    type Fails = fn(Rule) -> Rule;
    for (fails, refusal) in [
        ((|rule| rule.throttled()) as Fails, Refusal::Throttled),
        (|rule| rule.broken(), Refusal::Unavailable),
        (html, Refusal::Unavailable),
        (|rule| rule.resets(), Refusal::Unreachable),
    ] {
        // Twice: nobody notices.
        proxy.reset();
        proxy.add(fails(Rule::on("Decrypt").times(2)));
        let opened = open(&spread.groups, AwsKms::new(settings.clone())).await;
        assert_eq!(opened.unwrap().data_key, data_key(), "{refusal:?}");
        assert_eq!(proxy.count("Decrypt"), 3, "{refusal:?}");
        // Always: it ends.
        proxy.reset();
        proxy.add(fails(Rule::on("Decrypt")));
        let start = Instant::now();
        let error = failure(open(&spread.groups, AwsKms::new(settings.clone())).await);
        assert_eq!(error.refusal, refusal, "{error}");
        assert!(error.is_temporary());
        assert_eq!(proxy.count("Decrypt"), 3, "{refusal:?}");
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_service_that_never_answers_ends_at_the_deadline() {
    let Some(aws) = need::aws() else { return };
    let (proxy, settings) = proxied(&aws);
    let spread = spread(AwsKms::new(settings.clone()), &[key(aws::MAIN)]).await;
    proxy.add(Rule::on("Decrypt").hangs());
    let settings = AwsSettings { deadline: Duration::from_secs(1), ..settings };
    let start = Instant::now();
    let error = failure(open(&spread.groups, AwsKms::new(settings)).await);
    assert_eq!(error.refusal, Refusal::TimedOut);
    assert!(error.to_string().contains("within 1 s from region us-east-1"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let Some(aws) = need::aws() else { return };
    let closed = AwsSettings { kms_endpoint: Some("http://127.0.0.1:9".into()), ..settings(&aws) };
    let start = Instant::now();
    let error = refused(&AwsKms::new(closed), &key(aws::MAIN)).await;
    assert_eq!(error.refusal, Refusal::Unreachable, "{error}");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_arn_that_makes_no_sense_asks_nobody() {
    let mut broken = AwsKmsKey::parse(aws::MAIN).unwrap();
    broken.arn = "arn:aws:kms:us-east-1.example.com/:111122223333:key/x".into();
    let provider = AwsKms::new(AwsSettings::default());
    let error = refused(&provider, &MasterKey::AwsKms(broken)).await;
    assert_eq!(error.refusal, Refusal::Malformed);
}

#[tokio::test]
async fn a_profile_that_is_not_there_is_no_credentials() {
    let mut with_profile = AwsKmsKey::parse(aws::MAIN).unwrap();
    with_profile.profile = Some("sops-rs-test-has-no-such-profile".into());
    let provider = AwsKms::new(AwsSettings::default());
    let error = refused(&provider, &MasterKey::AwsKms(with_profile)).await;
    assert_eq!(error.refusal, Refusal::NoCredentials, "{error}");
    assert!(error.to_string().contains("no-such-profile"), "{error}");
}

/// Runs the example `kms_probe` with these variables and no others; gives its one line.
fn in_environment(key: &str, variables: &[(&str, &str)]) -> String {
    // Cargo builds examples next to the tests, one folder up.
    let tests = std::env::current_exe().unwrap();
    let probe = tests.parent().unwrap().parent().unwrap().join("examples/kms_probe");
    let output = std::process::Command::new(&probe)
        .arg(key)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", probe.display()));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text.trim_end().to_owned()
}

#[test]
fn the_chain_and_the_endpoints_of_the_environment_are_used() {
    let Some(aws) = need::aws() else { return };
    let scratch = sops_tests::scratch::Scratch::new();
    let token = scratch.write("token", "header.payload.signature");
    let config = scratch.write(
        "config",
        format!(
            "[profile base]\nregion = eu-west-1\n\
             [profile role]\nrole_arn = {}\nsource_profile = base\n",
            aws::ROLE
        ),
    );
    let keys = format!("aws_access_key_id = {}\naws_secret_access_key = x\n", aws::ACCOUNT);
    let credentials = scratch.write("credentials", format!("[base]\n{keys}"));
    let (token, config, credentials) =
        (token.to_str().unwrap(), config.to_str().unwrap(), credentials.to_str().unwrap());
    let endpoints = [
        ("AWS_ENDPOINT_URL_KMS", aws.kms.as_str()),
        ("AWS_ENDPOINT_URL_STS", aws.sts.as_str()),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let files = [("AWS_CONFIG_FILE", config), ("AWS_SHARED_CREDENTIALS_FILE", credentials)];
    let no_files = [("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")];
    let access_key = [("AWS_ACCESS_KEY_ID", aws::ACCOUNT), ("AWS_SECRET_ACCESS_KEY", "x")];
    let web = [("AWS_WEB_IDENTITY_TOKEN_FILE", token), ("AWS_ROLE_ARN", aws::ROLE)];
    let named = |profile| [("AWS_PROFILE", profile)];
    let with_role = format!("{}+{}", aws::MAIN, aws::ROLE);
    let base_of_key = format!("{}|base", aws::MAIN);
    let role_of_key = format!("{}|role", aws::MAIN);
    for (what, key, variables) in [
        ("access key", aws::MAIN, [&no_files[..], &access_key].concat()),
        ("role of the key", &with_role, [&no_files[..], &access_key].concat()),
        ("web identity", aws::MAIN, [&no_files[..], &web].concat()),
        ("AWS_PROFILE", aws::MAIN, [&files[..], &named("base")].concat()),
        ("AWS_PROFILE with a role", aws::MAIN, [&files[..], &named("role")].concat()),
        ("profile of the key", &base_of_key, files.to_vec()),
        ("profile of the key, with a role", &role_of_key, files.to_vec()),
    ] {
        let variables = [&endpoints[..], &variables].concat();
        assert_eq!(in_environment(key, &variables), "opened true", "{what}");
    }
    let nothing = in_environment(aws::MAIN, &[&endpoints[..], &no_files].concat());
    assert!(nothing.starts_with("NoCredentials AWS KMS: no credentials found"), "{nothing}");
    let general = [("AWS_ENDPOINT_URL", "http://127.0.0.1:9")];
    let closed = in_environment(aws::MAIN, &[&no_files[..], &access_key, &general].concat());
    assert!(closed.starts_with("Unreachable"), "{closed}");
    assert!(closed.contains("access key 111122223333 from the environment"), "{closed}");
}

//! Keys of a transit engine at a real server of OpenBao, with a proxy that makes calls fail and
//! counts them. What no server does on request is done by a double, and says so.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sops_core::crypto::KeyPart;
use sops_core::keys::{Attempt, KeyKind, KeyProvider, MasterKey, ProviderError, Refusal};
use sops_providers::{
    CallPolicy, HcVault, HttpSettings, VaultAllowlist, VaultSettings, VaultToken,
};
use sops_tests::double::{self, Double};
use sops_tests::fault::{FaultProxy, Rule};
use sops_tests::need;
use sops_tests::rig::vault::{ROOT, Vault};
use sops_tests::scratch::Scratch;

use crate::contract;

fn settings(token: &str) -> VaultSettings {
    let token = VaultToken { secret: token.into(), source: "the test".into() };
    VaultSettings { token: Some(token), ..VaultSettings::default() }
}

fn root() -> HcVault {
    HcVault::new(settings(ROOT))
}

fn key(server: &str, engine: &str, name: &str) -> MasterKey {
    MasterKey::parse(KeyKind::HcVault, &format!("{server}/v1/{engine}/keys/{name}")).unwrap()
}

fn part() -> KeyPart {
    KeyPart::new(vec![7; 32])
}

#[track_caller]
fn refused(attempt: Attempt) -> ProviderError {
    let Attempt::Failed(error) = attempt else { panic!("{attempt:?}") };
    error
}

/// An engine with one key `k`, and that key.
fn engine(vault: &Vault) -> (String, MasterKey) {
    let engine = vault.engine();
    vault.key(&engine, "k", &Value::Null);
    let own = key(&vault.url(), &engine, "k");
    (engine, own)
}

#[tokio::test]
async fn vault_keeps_the_contract() {
    let Some(vault) = need::vault() else { return };
    let engine = vault.engine();
    for kind in ["aes256-gcm96", "aes128-gcm96", "chacha20-poly1305", "rsa-2048"] {
        vault.key(&engine, kind, &json!({"type": kind}));
        contract::check(&root(), &key(&vault.url(), &engine, kind), None).await;
    }
}

#[tokio::test]
async fn a_key_that_is_not_there_is_not_made() {
    let Some(vault) = need::vault() else { return };
    let (engine, _) = engine(&vault);
    let slip = key(&vault.url(), &engine, "kk");
    let error = root().wrap(&slip, &part()).await.unwrap_err();
    assert_eq!((error.refusal, error.http_status), (Refusal::NoSuchKey, Some(404)), "{error}");
    assert!(error.text.contains("kk"), "{error}");
    assert!(!vault.has_key(&engine, "kk"), "it was made");
    // The server would have made it.
    let body = json!({"plaintext": "AAAA"});
    vault.call("PUT", &format!("{engine}/encrypt/kk"), &body);
    assert!(vault.has_key(&engine, "kk"));
}

#[tokio::test]
async fn who_may_only_use_a_key_can_wrap_and_makes_none() {
    let Some(vault) = need::vault() else { return };
    let (engine, own) = engine(&vault);
    let rules = ["encrypt", "decrypt"].map(|operation| {
        format!("path \"{engine}/{operation}/*\" {{ capabilities = [\"update\"] }}\n")
    });
    let provider = HcVault::new(settings(&vault.token(&rules.concat())));
    let enc = provider.wrap(&own, &part()).await.unwrap();
    assert!(enc.starts_with("vault:v1:"), "{enc}");
    assert!(matches!(provider.open(&own, &enc).await, Attempt::Opened(found) if found == part()));
    let error = provider.wrap(&key(&vault.url(), &engine, "kk"), &part()).await.unwrap_err();
    assert_eq!(error.refusal, Refusal::Denied, "{error}");
    assert!(!vault.has_key(&engine, "kk"), "it was made");
}

#[tokio::test]
async fn a_key_is_looked_at_once_and_opening_takes_one_request() {
    let Some(vault) = need::vault() else { return };
    let (engine, _) = engine(&vault);
    let proxy = FaultProxy::in_front_of(&vault.url());
    let (own, provider) = (key(&proxy.url(), &engine, "k"), root());
    let enc = provider.wrap(&own, &part()).await.unwrap();
    provider.wrap(&own, &part()).await.unwrap();
    provider.open(&own, &enc).await;
    let seen: Vec<_> = proxy.calls().into_iter().map(|call| call.operation).collect();
    let encrypt = format!("PUT /v1/{engine}/encrypt/k");
    let decrypt = format!("PUT /v1/{engine}/decrypt/k");
    let look = format!("GET /v1/{engine}/keys/k");
    assert_eq!(seen, [look, encrypt.clone(), encrypt, decrypt]);
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn refusals_say_what_it_was_in_one_request() {
    let Some(vault) = need::vault() else { return };
    let (engine, own) = engine(&vault);
    let old = root().wrap(&own, &part()).await.unwrap();
    let proxy = FaultProxy::in_front_of(&vault.url());
    let at = |name: &str| key(&proxy.url(), &engine, name);
    vault.key(&engine, "other", &Value::Null);
    vault.key(&engine, "derived", &json!({"derived": true}));
    vault.key(&engine, "signs", &json!({"type": "ed25519"}));
    vault.key(&engine, "young", &Value::Null);
    let before = root().wrap(&key(&vault.url(), &engine, "young"), &part()).await.unwrap();
    vault.call("POST", &format!("{engine}/keys/young/rotate"), &Value::Null);
    let config = json!({"min_decryption_version": 2});
    vault.call("POST", &format!("{engine}/keys/young/config"), &config);
    let only_encrypt =
        vault.token(&format!("path \"{engine}/encrypt/k\" {{ capabilities = [\"update\"] }}"));
    let nowhere = key(&proxy.url(), &format!("{engine}/nowhere"), "k");
    for (token, key, enc, refusal, words) in [
        (Some(only_encrypt.as_str()), at("k"), &old, Refusal::Denied, "permission denied"),
        (None, at("k"), &old, Refusal::NoCredentials, "Code: 403"),
        (Some(ROOT), at("absent"), &old, Refusal::NoSuchKey, "encryption key not found"),
        (Some(ROOT), nowhere, &old, Refusal::NoSuchKey, "Code: 404"),
        (Some(ROOT), at("other"), &old, Refusal::WrongCiphertext, "authentication failed"),
        (Some(ROOT), at("young"), &before, Refusal::NotUsable, "too old"),
        (Some(ROOT), at("derived"), &old, Refusal::WrongUsage, "key derivation"),
        (Some(ROOT), at("signs"), &old, Refusal::WrongUsage, "key type ed25519"),
        (Some(ROOT), at("k"), &"no:prefix".to_owned(), Refusal::WrongCiphertext, "no prefix"),
    ] {
        proxy.reset();
        let mut settings = settings(token.unwrap_or_default());
        settings.token = settings.token.filter(|_| token.is_some());
        let error = refused(HcVault::new(settings).open(&key, enc).await);
        assert_eq!(error.refusal, refusal, "{error}");
        assert!(error.text.contains(words), "{words:?} is not in {error}");
        let frame = "failed to decrypt sops data key from Vault transit backend '";
        assert!(error.text.starts_with(frame), "{error}");
        assert!(error.text.contains("Error making API request. URL: PUT http://"), "{error}");
        assert_eq!(error.caller.as_deref(), token.map(|_| "the token of the test"));
        assert_eq!(proxy.calls().len(), 1, "{error}");
    }
    let error = refused(HcVault::new(settings("hvs.invalid")).open(&own, &old).await);
    assert!(matches!(error.refusal, Refusal::Denied | Refusal::BadCredentials), "{error}");
    let error = root().wrap(&at("derived"), &part()).await.unwrap_err();
    assert_eq!(error.refusal, Refusal::WrongUsage, "{error}");
    let frame = "failed to encrypt sops data key to Vault transit backend '";
    assert!(error.text.starts_with(frame), "{error}");
}

#[tokio::test]
async fn namespaces_are_headers_or_part_of_the_path() {
    let Some(vault) = need::vault() else { return };
    let name = format!("ns{}", std::process::id());
    vault.call("POST", &format!("sys/namespaces/{name}"), &Value::Null);
    vault.call("POST", &format!("{name}/sys/mounts/transit"), &json!({"type": "transit"}));
    vault.call("POST", &format!("{name}/transit/keys/k"), &Value::Null);
    let within = |namespace: &str| {
        HcVault::new(VaultSettings { namespace: Some(namespace.into()), ..settings(ROOT) })
    };
    let by_header = key(&vault.url(), "transit", "k");
    let by_path = key(&vault.url(), &format!("{name}/transit"), "k");
    let enc = within(&name).wrap(&by_header, &part()).await.unwrap();
    let attempt = root().open(&by_path, &enc).await;
    assert!(matches!(&attempt, Attempt::Opened(found) if *found == part()), "{attempt:?}");
    let error = refused(within("elsewhere").open(&by_header, &enc).await);
    assert_eq!(error.refusal, Refusal::NoSuchKey, "{error}");
    assert!(error.text.contains("Namespace: elsewhere"), "{error}");
}

#[tokio::test]
async fn what_is_temporary_is_tried_three_times() {
    let Some(vault) = need::vault() else { return };
    let (engine, own) = engine(&vault);
    let enc = root().wrap(&own, &part()).await.unwrap();
    let proxy = FaultProxy::in_front_of(&vault.url());
    let own = key(&proxy.url(), &engine, "k");
    let errors = |text: &str| json!({"errors": [text]}).to_string();
    type Fails = fn(Rule, &str) -> Rule;
    for (fails, body, refusal) in [
        (
            (|rule, body| rule.answers(503, "application/json", body)) as Fails,
            errors("Vault is sealed"),
            Refusal::Unavailable,
        ),
        (
            |rule, body| rule.answers(429, "application/json", body),
            errors("too many"),
            Refusal::Throttled,
        ),
        (|rule, body| rule.answers(502, "text/html", body), "<html>".into(), Refusal::Unavailable),
        (|rule, _| rule.resets(), String::new(), Refusal::Unreachable),
        (|rule, _| rule.cuts_short(), String::new(), Refusal::Unreachable),
    ] {
        proxy.reset();
        proxy.add(fails(Rule::always().times(2), &body));
        let attempt = root().open(&own, &enc).await;
        assert!(matches!(&attempt, Attempt::Opened(found) if *found == part()), "{attempt:?}");
        assert_eq!(proxy.calls().len(), 3, "{refusal:?}");
        proxy.reset();
        proxy.add(fails(Rule::always(), &body));
        let error = refused(root().open(&own, &enc).await);
        assert_eq!(error.refusal, refusal, "{error}");
        assert!(error.is_temporary());
        assert_eq!(proxy.calls().len(), 3, "{refusal:?}");
    }
    // As often as the caller wants.
    proxy.reset();
    proxy.add(Rule::always().answers(503, "text/plain", ""));
    let policy = CallPolicy { attempts: 1, ..CallPolicy::default() };
    let once = HcVault::new(VaultSettings { policy, ..settings(ROOT) });
    refused(once.open(&own, &enc).await);
    assert_eq!(proxy.calls().len(), 1);
}

#[tokio::test]
async fn a_server_that_never_answers_ends_at_the_deadline() {
    let Some(vault) = need::vault() else { return };
    let (engine, _) = engine(&vault);
    let proxy = FaultProxy::in_front_of(&vault.url());
    proxy.add(Rule::always().hangs());
    let policy = CallPolicy::within(Duration::from_secs(1));
    let provider = HcVault::new(VaultSettings { policy, ..settings(ROOT) });
    let own = key(&proxy.url(), &engine, "k");
    let start = Instant::now();
    let error = refused(provider.open(&own, "vault:v1:AAAA").await);
    assert_eq!(error.refusal, Refusal::TimedOut, "{error}");
    assert!(error.text.contains("nothing within 1 s from 127.0.0.1:"), "{error}");
    let took = start.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(8), "{took:?}");
}

#[tokio::test]
async fn a_sealed_server_says_so() {
    let scratch = Scratch::new();
    let Some(server) = need::openbao(&scratch.at("server")) else { return };
    let vault = server.vault();
    let (_, own) = engine(vault);
    let enc = root().wrap(&own, &part()).await.unwrap();
    vault.call("PUT", "sys/seal", &Value::Null);
    let error = refused(root().open(&own, &enc).await);
    assert_eq!((error.refusal, error.http_status), (Refusal::Unavailable, Some(503)), "{error}");
    assert!(error.text.contains("Vault is sealed"), "{error}");
}

#[tokio::test]
async fn certificates_decide_who_is_believed() {
    let Some(vault) = need::vault() else { return };
    let (engine, own) = engine(&vault);
    let enc = root().wrap(&own, &part()).await.unwrap();
    let authority = fs::read(vault.file("ca.crt")).unwrap();
    let own_certificate = || {
        let files = ["client.key", "client.crt"].map(|name| fs::read(vault.file(name)).unwrap());
        Some(files.concat()[..].into())
    };
    let http = |authorities: Option<&[u8]>| HttpSettings {
        authorities: authorities.map(<[u8]>::to_vec),
        ..HttpSettings::default()
    };
    let tls = key(&vault.tls_url(), &engine, "k");
    let mutual = key(&vault.mutual_url(), &engine, "k");
    for (key, http) in [
        (&tls, http(Some(&authority))),
        (&tls, HttpSettings { any_certificate: true, ..http(None) }),
        (&mutual, HttpSettings { identity: own_certificate(), ..http(Some(&authority)) }),
    ] {
        let provider = HcVault::new(VaultSettings { http, ..settings(ROOT) });
        let attempt = provider.open(key, &enc).await;
        assert!(matches!(&attempt, Attempt::Opened(found) if *found == part()), "{attempt:?}");
    }
    // A certificate of nobody known; none of our own where one is demanded.
    let stranger = fs::read(vault.file("client.crt")).unwrap();
    for (key, http) in [(&tls, http(Some(&stranger))), (&mutual, http(Some(&authority)))] {
        let provider = HcVault::new(VaultSettings { http, ..settings(ROOT) });
        let start = Instant::now();
        let error = refused(provider.open(key, &enc).await);
        assert_eq!(error.refusal, Refusal::Unreachable, "{error}");
        assert!(error.text.to_lowercase().contains("certificate"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_not_asked() {
    let Some(vault) = need::vault() else { return };
    let (engine, _) = engine(&vault);
    let proxy = FaultProxy::in_front_of(&vault.url());
    let own = key(&proxy.url(), &engine, "k");
    for list in ["none", "https://vault.example.com"] {
        let allowed = VaultAllowlist::parse(list).unwrap();
        let provider = HcVault::new(VaultSettings { allowed, ..settings(ROOT) });
        let error = refused(provider.open(&own, "vault:v1:AAAA").await);
        assert_eq!(error.refusal, Refusal::NotAllowed);
        let start = format!("Allowlist does not allow {}", proxy.url());
        assert!(error.text.starts_with(&start), "{error}");
        provider.wrap(&own, &part()).await.unwrap_err();
    }
    assert_eq!(proxy.connections(), 0);
    let allowed = VaultAllowlist::parse(&format!("https://a.example,{}", proxy.url())).unwrap();
    let provider = HcVault::new(VaultSettings { allowed, ..settings(ROOT) });
    provider.wrap(&own, &part()).await.unwrap();
}

#[tokio::test]
async fn a_standby_leads_to_the_server_that_works() {
    let Some(vault) = need::vault() else { return };
    let (engine, _) = engine(&vault);
    let active = vault.url();
    let standby = Double::new(move |request| {
        let path = request.start.split(' ').nth(1).unwrap();
        double::answer(307, &[("Location", &format!("{active}{path}"))], "")
    });
    let own = key(&standby.url(), &engine, "k");
    let enc = root().wrap(&own, &part()).await.unwrap();
    let attempt = root().open(&own, &enc).await;
    assert!(matches!(&attempt, Attempt::Opened(found) if *found == part()), "{attempt:?}");
    assert_eq!(standby.seen().len(), 3);
    let http = HttpSettings::default();
    let stays = HcVault::new(VaultSettings { http, ..settings(ROOT) });
    let error = refused(stays.open(&own, &enc).await);
    assert_eq!((error.refusal, error.http_status), (Refusal::Unreachable, Some(307)), "{error}");
    assert_eq!(standby.seen().len(), 4);
}

#[tokio::test]
async fn a_double_that_says_when_to_come_back_is_left_alone_until_then() {
    let asked = AtomicUsize::new(0);
    let double = Double::new(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => double::answer(429, &[("Retry-After", "1")], r#"{"errors":["busy"]}"#),
        _ => double::answer(200, &[], r#"{"data":{"plaintext":"BwcH"}}"#),
    });
    let start = Instant::now();
    let attempt = root().open(&key(&double.url(), "transit", "k"), "vault:v1:AAAA").await;
    assert!(matches!(&attempt, Attempt::Opened(found) if found.expose() == [7; 3]), "{attempt:?}");
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(double.seen().len(), 2);
}

#[tokio::test]
async fn answers_of_a_double_that_are_none_are_refused() {
    for (status, body) in [
        (200, ""),
        (200, "<html>"),
        (200, r#"{"data":{}}"#),
        (200, r#"{"data":{"plaintext":"not base64"}}"#),
        (200, r#"{"data":{"plaintext":""}}"#),
        (204, ""),
        (404, "<html>"),
    ] {
        let double = Double::new(move |_| double::answer(status, &[], body));
        let own = key(&double.url(), "transit", "k");
        let error = refused(root().open(&own, "vault:v1:AAAA").await);
        assert!(!error.is_temporary(), "{status} {body}: {error}");
        assert_eq!(double.seen().len(), 1, "{status} {body}: {error}");
    }
}

#[tokio::test]
async fn settings_are_read_when_a_key_is_asked() {
    let provider = HcVault::reading(|| Err("the setting makes no sense".into()));
    let own = key("http://127.0.0.1:9", "transit", "k");
    let error = refused(provider.open(&own, "vault:v1:AAAA").await);
    assert_eq!(
        (error.refusal, error.text.as_str()),
        (Refusal::BadSetting, "the setting makes no sense")
    );
    let _never = HcVault::reading(|| panic!("nobody asked"));
}

//! Azure Key Vault at a double, over TLS, by the names of real vaults: a proxy leads to it. It
//! really encrypts, answers the first request with the challenge for a token, and gives out tokens.

use std::process::Command;
use std::time::Instant;

use serde_json::json;
use sops_core::keys::{AzureKvKey, KeyKind, MasterKey};
use sops_providers::{AzureKv, AzureSettings};
use sops_tests::fault::NobodyListens;
use sops_tests::need;
use sops_tests::rig::doubles::Azure;
use sops_tests::run::{Outcome, Run};

use crate::contract;
use crate::place::{FILE, NO_KEY, PLAIN, Place, refused};

/// A double with a key: its URL, and its version.
fn with_key() -> Option<(Azure, String, String)> {
    let double = Azure::start(&need::python()?);
    let (url, version) = double.create_key("k1");
    Some((double, url, version))
}

#[test]
fn the_double_of_azure_keeps_the_contract() {
    const KEY: &str = "SOPS_TEST_AZURE_KEY";
    // The way to the double is in variables that the library reads: another process has them.
    if let Ok(key) = std::env::var(KEY) {
        let key = MasterKey::parse(KeyKind::AzureKv, &key).unwrap();
        let provider = AzureKv::new(AzureSettings::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(contract::check(&provider, &key, None));
        return;
    }
    let Some((double, url, version)) = with_key() else { return };
    let test = ["--exact", "azure::the_double_of_azure_keeps_the_contract", "--nocapture"];
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(test).envs(double.environment("good")).env(KEY, format!("{url}/{version}"));
    let output = again.env_remove("AZURE_CLIENT_ID").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{errors}");
}

#[test]
fn go_sops_and_this_program_open_each_others_files_at_the_double_of_azure() {
    let (Some((double, url, version)), Some(peer)) = (with_key(), need::peer()) else { return };
    let place = Place::new(double.environment("good"));
    let go = |arguments: &[&str]| place.run(Run::peer(&peer, arguments));
    for key in [url.clone(), format!("{url}/{version}")] {
        place.encrypt(&["--azure-kv", &key]);
        let stored = format!("version: {version}");
        assert!(place.scratch.text(FILE).contains(&stored), "the version is written down");
        assert_eq!(go(&["decrypt", FILE]).run().success().out(), PLAIN, "{key}");
        place.scratch.write(FILE, PLAIN);
        go(&["encrypt", "-i", "--azure-kv", &key, FILE]).run().success();
        double.forget();
        place.opens();
        assert_eq!(double.calls("/decrypt").len(), 1, "one call opens it");
        place.sops_rs(&["rotate", "-i", FILE]).run().success();
        assert_eq!(go(&["decrypt", FILE]).run().success().out(), PLAIN, "{key}");
    }
}

#[test]
fn a_key_without_version_gets_the_newest_at_the_double_of_azure() {
    let Some((double, url, first)) = with_key() else { return };
    let place = Place::new(double.environment("good"));
    let config = format!("creation_rules:\n  - azure_keyvault: {url}\n");
    place.scratch.write(".sops.yaml", config);
    place.encrypt(&[]);
    assert!(place.scratch.text(FILE).contains(&first));
    let updated = place.sops_rs(&["updatekeys", "--yes", FILE]).run().success();
    assert!(updated.err().contains("already up to date"), "{updated}");

    let (_, second) = double.create_key("k1");
    // Old files go on, and say which version they have.
    place.opens();
    let updated = place.sops_rs(&["updatekeys", "--yes", FILE]).run().success();
    assert!(updated.out().contains(&second) && updated.out().contains(&first), "{updated}");
    let text = place.scratch.text(FILE);
    assert!(text.contains(&second) && !text.contains(&first), "{text}");
    place.opens();
    // Without a version, every version is removed.
    let age = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    let rotate = ["rotate", "-i", "--add-age", age, "--rm-azure-kv", &url, FILE];
    place.sops_rs(&rotate).run().success();
    assert!(!place.scratch.text(FILE).contains(Azure::VAULT));
}

#[test]
fn a_key_that_is_not_there_is_told_before_anything_is_encrypted_at_the_double_of_azure() {
    let Some((double, url, _)) = with_key() else { return };
    let place = Place::new(double.environment("good"));
    let absent = url.replace("/k1", "/absent");
    let run = place.sops_rs(&["encrypt", "-i", "--azure-kv", &absent, FILE]).run();
    let words = [
        "failed to fetch Azure Key to retrieve key version: ",
        "there is no such key (HTTP 404, KeyNotFound",
        "A key with (name/id) absent was not found in this key vault.",
    ];
    refused(&run, 1, &words);
    assert!(!run.err().contains("Could not generate"), "{run}");
    assert_eq!(place.scratch.text(FILE), PLAIN);
    let unchanged = format!("{url}/0123456789abcdef0123456789abcdef");
    let run = place.sops_rs(&["encrypt", "-i", "--azure-kv", &unchanged, FILE]).run();
    refused(&run, 1, &["Could not generate data key: [", "there is no such key (HTTP 404"]);
}

#[test]
fn refusals_are_told_and_not_repeated_at_the_double_of_azure() {
    let Some((double, url, version)) = with_key() else { return };
    let place = Place::new(double.environment("good"));
    place.encrypt(&["--azure-kv", &url]);
    double.forget();
    let run = place.decrypt().env("AZURE_CLIENT_ID", "denied").run();
    let words = [
        "access denied (HTTP 403, ForbiddenByRbac, as ManagedIdentityCredential): Caller is not \
         authorized to perform action on resource.",
        "hint: give ManagedIdentityCredential the role Key Vault Crypto User",
    ];
    refused(&run, NO_KEY, &words);
    assert_eq!(double.calls("/decrypt").len(), 1);
    let run = place.decrypt().env("AZURE_CLIENT_ID", "junk").run();
    refused(&run, NO_KEY, &["the credentials are not valid (HTTP 401, Unauthorized"]);

    let path = format!("/keys/k1/{version}?api-version=7.6");
    double.admin("PATCH", &path, &json!({"attributes": {"enabled": false}}));
    refused(&place.decrypt().run(), NO_KEY, &["the key is disabled (HTTP 403, KeyDisabled"]);
    double.admin("PATCH", &path, &json!({"attributes": {"enabled": true}}));

    // Another version of the key did not make it.
    let (_, second) = double.create_key("k1");
    place.scratch.write(FILE, place.scratch.text(FILE).replace(&version, &second));
    let words = "the wrapped data key or its context is not what it was (HTTP 400, BadParameter";
    refused(&place.decrypt().run(), NO_KEY, &[words]);
}

#[test]
fn throttling_and_server_errors_are_tried_three_times_at_the_double_of_azure() {
    let Some((double, url, _)) = with_key() else { return };
    let place = Place::new(double.environment("good"));
    place.encrypt(&["--azure-kv", &url]);
    for fault in [
        json!({"code": 429, "error": "Throttled", "retry_after": 1}),
        json!({"code": 503, "raw": "<html>no</html>"}),
    ] {
        let with = |times: usize| {
            let mut fault = fault.clone();
            fault["op"] = "decrypt".into();
            fault["times"] = times.into();
            double.fail(&json!([fault]));
            double.forget();
        };
        with(2);
        let outcome = place.decrypt().run().success();
        assert_eq!(outcome.out(), PLAIN);
        if fault["retry_after"] == 1 {
            assert!(outcome.took.as_secs_f32() >= 2.0, "it waits as long as it is told: {outcome}");
        }
        with(100);
        let status = format!("(HTTP {}", fault["code"]);
        refused(&place.decrypt().run(), NO_KEY, &[&status, "hint: try again in a moment"]);
        let tries = double.seen().iter().filter(|seen| seen["status"] == fault["code"]).count();
        assert_eq!(tries, 3, "{fault}");
    }
    double.fail(&json!([]));
}

#[test]
fn nobody_there_and_a_certificate_of_somebody_else_take_seconds_and_say_why() {
    let Some((double, url, _)) = with_key() else { return };
    let place = Place::new(double.environment("good"));
    place.encrypt(&["--azure-kv", &url]);
    let begun = Instant::now();
    let nobody = NobodyListens::new();
    let run = place.decrypt().env("HTTPS_PROXY", nobody.url()).run();
    refused(&run, NO_KEY, &["the service could not be reached", "onnection refused"]);
    let other = rcgen::generate_simple_self_signed(vec!["x".to_owned()]).unwrap();
    let other = place.scratch.write("other.crt", other.cert.pem());
    let run = place.decrypt().env("SSL_CERT_FILE", other).run();
    refused(&run, NO_KEY, &["the service could not be reached", "certificate"]);
    // A place without any certificate to trust.
    let run = place.decrypt().env("SSL_CERT_FILE", "/dev/null").run();
    refused(&run, NO_KEY, &["a setting makes no sense: ", "No CA certificates"]);
    // By itself the library would have gone on for more than a minute, twice.
    assert!(begun.elapsed().as_secs() < 40, "{:?}", begun.elapsed());
}

#[test]
fn every_credential_gives_a_token_at_the_double_of_azure() {
    let Some((double, url, _)) = with_key() else { return };
    let place = Place::new(double.way());
    let as_machine = Place::new(double.environment("good"));
    as_machine.encrypt(&["--azure-kv", &url]);
    place.scratch.write(FILE, as_machine.scratch.read(FILE));
    let token = place.scratch.write("token", "a.b.c");
    let application =
        |run: Run| run.env("AZURE_TENANT_ID", Azure::TENANT).env("AZURE_CLIENT_ID", "good");
    let az = "#!/bin/sh\necho \"$@\" >> \"$HOME/az-calls\"\nprintf '{\"accessToken\":\"good\",\
              \"expiresOn\":\"2030-01-01 00:00:00.000000\",\"expires_on\":1893456000,\
              \"tenant\":\"t\",\"tokenType\":\"Bearer\"}'\n";
    place.scratch.script("bin/az", az);
    let path = format!(
        "{}:{}",
        place.scratch.at("bin").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let check = |what: &str, run: Run| {
        double.forget();
        let outcome = run.run();
        assert!(outcome.status.success(), "{what}: {outcome}");
        assert_eq!(outcome.out(), PLAIN, "{what}");
        assert_eq!(double.calls("/decrypt").len(), 1, "{what}");
    };
    check("a secret", application(place.decrypt()).env("AZURE_CLIENT_SECRET", "s"));
    check(
        "a workload identity",
        application(place.decrypt()).env("AZURE_FEDERATED_TOKEN_FILE", &token),
    );
    let named = "AZURE_TOKEN_CREDENTIALS";
    check("az", place.decrypt().env(named, "AzureCLICredential").env("PATH", &path));
    check("az, by `dev`", place.decrypt().env(named, "dev").env("PATH", &path));
    // Nothing says that this machine has an identity, so `az` comes soon.
    let begun = Instant::now();
    check("az, at the end of the chain", place.decrypt().env("PATH", &path));
    assert!(begun.elapsed().as_secs() < 9, "{:?}", begun.elapsed());
    let asked = place.scratch.text("az-calls");
    assert!(asked.lines().count() == 3 && asked.contains("get-access-token"), "{asked}");
    // Another cloud gives out its tokens elsewhere: this name is the double's, too.
    check(
        "a secret in another cloud",
        application(place.decrypt())
            .env("AZURE_CLIENT_SECRET", "s")
            .env("AZURE_AUTHORITY_HOST", "https://other.vault.azure.net/"),
    );
    assert!(double.seen().iter().any(|seen| seen["host"] == "other.vault.azure.net"));
}

#[test]
fn without_any_credential_every_place_is_named() {
    let Some((double, url, _)) = with_key() else { return };
    let as_machine = Place::new(double.environment("good"));
    as_machine.encrypt(&["--azure-kv", &url]);
    let place = Place::new(double.way());
    place.scratch.write(FILE, as_machine.scratch.read(FILE));
    let with = |name: &str, value: &str| -> Outcome {
        // No `az` anywhere.
        place.decrypt().env("PATH", "/usr/bin:/bin").env(name, value).run()
    };
    let run = with("AZURE_TOKEN_CREDENTIALS", "dev");
    let words = [
        "no credentials found: failed to acquire a token. Attempted credentials: \
         AzureCLICredential: ",
        "AzureDeveloperCLICredential: ",
        "hint: sign in with `az login`",
    ];
    refused(&run, NO_KEY, &words);
    let run = with("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential");
    refused(&run, NO_KEY, &["AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET have to be"]);
    let run = with("AZURE_TOKEN_CREDENTIALS", "wrong");
    refused(&run, NO_KEY, &["invalid AZURE_TOKEN_CREDENTIALS value \"wrong\""]);
}

#[test]
fn a_vault_that_wants_a_token_for_somebody_else_gets_none() {
    let Some((double, url, version)) = with_key() else { return };
    let as_machine = Place::new(double.environment("good"));
    as_machine.encrypt(&["--azure-kv", &url]);
    // Here it asks for a token for 0.0.1, which is no domain that this address belongs to.
    let text = as_machine.scratch.text(FILE).replace(Azure::VAULT, "https://127.0.0.1");
    as_machine.scratch.write(FILE, text);
    double.forget();
    refused(&as_machine.decrypt().run(), NO_KEY, &["doesn't match the requested domain"]);
    assert!(double.calls("/decrypt").is_empty(), "no token was sent");
    // What is no name never becomes part of an address.
    let key = AzureKvKey { vault_url: Azure::VAULT.into(), name: "../x".into(), version };
    assert!(MasterKey::parse(KeyKind::AzureKv, &MasterKey::AzureKv(key).identity()).is_err());
}

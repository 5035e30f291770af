//! Google Cloud KMS at a double, which really encrypts and checks the checksums that it is sent.

use serde_json::json;
use sops_core::keys::{KeyKind, MasterKey};
use sops_providers::{GcpCredentials, GcpKms, GcpSettings};
use sops_tests::fault::NobodyListens;
use sops_tests::need;
use sops_tests::rig::doubles::Gcp;
use sops_tests::run::Run;

use crate::contract;
use crate::place::{FILE, NO_KEY, PLAIN, Place, refused};

fn with_key() -> Option<(Gcp, String)> {
    let double = Gcp::start(&need::python()?);
    let key = double.create_key("k1");
    Some((double, key))
}

#[tokio::test]
async fn the_double_of_gcp_keeps_the_contract() {
    let Some((double, key)) = with_key() else { return };
    let settings = GcpSettings {
        credentials: GcpCredentials::Token("good".into()),
        endpoint: Some(double.url()),
        ..GcpSettings::default()
    };
    let key = MasterKey::parse(KeyKind::GcpKms, &key).unwrap();
    contract::check(&GcpKms::new(settings), &key, None).await;
}

#[test]
fn go_sops_and_this_program_open_each_others_files_at_the_double_of_gcp() {
    let (Some((double, key)), Some(peer)) = (with_key(), need::peer()) else { return };
    let place = Place::new(double.environment());
    let go = |arguments: &[&str]| place.run(Run::peer(&peer, arguments));
    place.encrypt(&["--gcp-kms", &key]);
    assert_eq!(go(&["decrypt", FILE]).run().success().out(), PLAIN);
    place.scratch.write(FILE, PLAIN);
    go(&["encrypt", "-i", "--gcp-kms", &key, FILE]).run().success();
    double.forget();
    place.opens();
    assert_eq!((double.calls("decrypt").len(), double.seen().len()), (1, 1), "one call opens it");
    // And it stays a file of both after a change.
    place.sops_rs(&["rotate", "-i", FILE]).run().success();
    assert_eq!(go(&["decrypt", FILE]).run().success().out(), PLAIN);
}

#[test]
fn checksums_are_sent_and_checked_at_the_double_of_gcp() {
    let Some((double, key)) = with_key() else { return };
    let place = Place::new(double.environment());
    place.encrypt(&["--gcp-kms", &key]);
    place.opens();
    // The double refuses one that is wrong, and this program sends one each time.
    for (operation, field) in [("encrypt", "plaintextCrc32c"), ("decrypt", "ciphertextCrc32c")] {
        let calls = double.calls(operation);
        let body: serde_json::Value =
            serde_json::from_str(calls[0]["body"].as_str().unwrap()).unwrap();
        assert!(body[field].as_str().is_some_and(|sum| sum.parse::<u32>().is_ok()), "{body}");
        assert_eq!(calls.len(), 1);
    }
    // One damaged answer is asked for again, more are an error.
    double.fail(&json!([{"op": "decrypt", "times": 1, "corrupt_crc": true}]));
    double.forget();
    place.opens();
    assert_eq!(double.calls("decrypt").len(), 2);
    double.fail(&json!([{"op": "*", "times": 100, "corrupt_crc": true}]));
    let words = "the answer was damaged on its way: the checksum (CRC32C) does not match";
    refused(&place.decrypt().run(), NO_KEY, &[&key, words]);
    place.scratch.write(FILE, PLAIN);
    let run = place.sops_rs(&["encrypt", "-i", "--gcp-kms", &key, FILE]).run();
    refused(&run, 1, &[words]);
    assert_eq!(place.scratch.text(FILE), PLAIN);
}

#[test]
fn refusals_are_told_and_not_repeated_at_the_double_of_gcp() {
    let Some((double, key)) = with_key() else { return };
    let place = Place::new(double.environment());
    place.encrypt(&["--gcp-kms", &key]);
    let version = format!("{key}/cryptoKeyVersions/1");
    for (token, words) in [
        (
            "denied",
            vec![
                "access denied (HTTP 403, PERMISSION_DENIED, as the access token that was given)",
                "Permission 'cloudkms.cryptoKeyVersions.useToDecrypt' denied on resource",
                "hint: give the access token that was given the role roles/cloudkms.crypto",
            ],
        ),
        (
            "junk",
            vec![
                "the credentials are not valid (HTTP 401, UNAUTHENTICATED",
                "hint: renew the token",
            ],
        ),
    ] {
        double.forget();
        let run = place.decrypt().env("GOOGLE_OAUTH_ACCESS_TOKEN", token).run();
        refused(&run, NO_KEY, &[&[key.as_str()], &words[..]].concat());
        assert!(!run.err().contains(token) || token == "denied", "{run}");
        assert_eq!(double.seen().len(), 1, "{token}");
    }
    let absent = key.replace("/k1", "/absent");
    place.scratch.write("other.yaml", PLAIN);
    let run = place.sops_rs(&["encrypt", "--gcp-kms", &absent, "other.yaml"]).run();
    refused(&run, 1, &["there is no such key (HTTP 404, NOT_FOUND", &absent, "not found."]);

    // Versions that are switched off, or going to be.
    double.admin("PATCH", &format!("/v1/{version}"), &json!({"state": "DISABLED"}));
    let run = place.decrypt().run();
    refused(
        &run,
        NO_KEY,
        &["the key is disabled (HTTP 400, FAILED_PRECONDITION", "is not enabled"],
    );
    double.admin("POST", &format!("/v1/{version}:destroy"), &json!({}));
    refused(&place.decrypt().run(), NO_KEY, &["the key is pending deletion (HTTP 400"]);
    double.admin("PATCH", &format!("/v1/{version}"), &json!({"state": "ENABLED"}));

    // A file that another key made.
    let other = double.create_key("k2");
    let text = place.scratch.text(FILE).replace("cryptoKeys/k1", "cryptoKeys/k2");
    place.scratch.write(FILE, text);
    let run = place.decrypt().run();
    refused(&run, NO_KEY, &[&other, "Decryption failed: verify that 'name' refers to the correct"]);
}

#[test]
fn throttling_and_server_errors_are_tried_three_times_at_the_double_of_gcp() {
    let Some((double, key)) = with_key() else { return };
    let place = Place::new(double.environment());
    place.encrypt(&["--gcp-kms", &key]);
    for fault in [
        json!({"code": 503, "status": "UNAVAILABLE", "message": "later"}),
        json!({"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "later"}),
        json!({"code": 500, "raw": "<html>no</html>"}),
    ] {
        let with = |times: usize| {
            let mut fault = fault.clone();
            fault["op"] = "decrypt".into();
            fault["times"] = times.into();
            double.fail(&json!([fault]));
            double.forget();
        };
        with(2);
        place.opens();
        assert_eq!(double.calls("decrypt").len(), 3, "{fault}");
        with(100);
        let status = format!("(HTTP {}", fault["code"]);
        refused(&place.decrypt().run(), NO_KEY, &[&key, &status, "hint: try again in a moment"]);
        assert_eq!(double.calls("decrypt").len(), 3, "{fault}");
    }
    double.fail(&json!([{"op": "decrypt", "times": 100, "delay": 30}]));
    let run = place.decrypt().env("SOPS_KEY_TIMEOUT", "0.5").run();
    let words = format!("no answer in time: nothing within 0.5 s from {}", double.url());
    refused(&run, NO_KEY, &[&words]);
}

#[test]
fn a_new_version_of_the_key_opens_old_files_at_the_double_of_gcp() {
    let Some((double, key)) = with_key() else { return };
    let place = Place::new(double.environment());
    place.encrypt(&["--gcp-kms", &key]);
    double.admin("POST", &format!("/v1/{key}/cryptoKeyVersions"), &json!({}));
    let second = json!({"cryptoKeyVersionId": "2"});
    double.admin("POST", &format!("/v1/{key}:updatePrimaryVersion"), &second);
    place.opens();
    place.sops_rs(&["rotate", "-i", FILE]).run().success();
    place.opens();
}

#[test]
fn credentials_are_found_in_their_order_at_the_double_of_gcp() {
    let Some((double, key)) = with_key() else { return };
    let place = Place::new(double.environment());
    place.encrypt(&["--gcp-kms", &key]);
    let account = double.service_account();
    let bare = || place.decrypt().without_env("GOOGLE_OAUTH_ACCESS_TOKEN");
    let text = std::fs::read_to_string(&account).unwrap();
    for (what, run) in [
        ("a file", place.decrypt().env("GOOGLE_CREDENTIALS", &account)),
        ("the text, before a token", place.decrypt().env("GOOGLE_CREDENTIALS", &text)),
        ("the default file", bare().env("GOOGLE_APPLICATION_CREDENTIALS", &account)),
        ("the metadata server", bare().env("GCE_METADATA_HOST", host(&double))),
    ] {
        double.forget();
        let outcome = run.run();
        assert!(outcome.status.success(), "{what}: {outcome}");
        assert_eq!(outcome.out(), PLAIN, "{what}");
        assert_eq!(double.calls("decrypt").len(), 1, "{what}");
        let token = double.calls("decrypt")[0]["headers"]["authorization"].clone();
        let is_given = token == "Bearer good";
        assert_eq!(is_given, what == "the metadata server", "{what}: {token}");
    }
    // A token that is no better than it is counts after GOOGLE_CREDENTIALS.
    let run = place.decrypt().env("GOOGLE_OAUTH_ACCESS_TOKEN", "junk");
    run.env("GOOGLE_CREDENTIALS", &account).run().success();
    let run = place.decrypt().env("GOOGLE_CREDENTIALS", "hunter2").run();
    refused(&run, NO_KEY, &["GOOGLE_CREDENTIALS holds no credentials: it is not JSON"]);
    assert!(!run.err().contains("hunter2"), "{run}");
}

fn host(double: &Gcp) -> String {
    double.url().trim_start_matches("http://").to_owned()
}

#[test]
fn a_name_that_is_none_and_a_server_that_is_not_there() {
    let Some((double, key)) = with_key() else { return };
    let place = Place::new(double.environment());
    place.encrypt(&["--gcp-kms", &key]);
    let nobody = NobodyListens::new();
    let run = place.decrypt().env("SOPS_GCP_KMS_ENDPOINT", nobody.url()).run();
    refused(&run, NO_KEY, &["the service could not be reached", "onnection refused"]);
    // A place without any certificate to trust.
    let run = place.decrypt().env("SSL_CERT_FILE", "/dev/null").run();
    refused(&run, NO_KEY, &["a setting makes no sense: ", "No CA certificates"]);
    let text = place.scratch.text(FILE).replace("cryptoKeys/k1", "cryptoKeys/k1/../x");
    place.scratch.write(FILE, text);
    double.forget();
    let words = "cannot create GCP KMS service: no valid resource ID found in";
    refused(&place.decrypt().run(), NO_KEY, &[words]);
    assert!(double.seen().is_empty());
}

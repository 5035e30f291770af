//! Objects of Google Cloud Storage. No emulator of it can be had from a package registry, so these
//! are tests at a double: it checks the checksum of an upload as the service does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sops_tests::need;
use sops_tests::rig::doubles::Storage;

use super::place::{Place, refused};

const PLAIN: &str = "a: hunter2\nb: 2\n";

fn place() -> Option<(Place, Storage)> {
    let storage = Storage::start(&need::python()?, "pub");
    let place = Place::new(storage.environment());
    place.config(
        "destination_rules:\n  - path_regex: gcs/.*\n    gcs_bucket: pub\n    gcs_prefix: pre/\n  - \
         path_regex: gone/.*\n    gcs_bucket: gone\n",
    );
    place.sealed("gcs/s.yaml", PLAIN);
    place.sealed("gone/s.yaml", PLAIN);
    Some((place, storage))
}

#[test]
fn at_the_double_the_file_arrives_byte_for_byte_as_with_go() {
    let Some((place, storage)) = place() else { return };
    place.publish(&["--yes", "gcs/s.yaml"]).run().success();
    let sent = STANDARD.encode(place.scratch.read("gcs/s.yaml"));
    assert_eq!(storage.objects(), json!({"pub/pre/s.yaml": sent}));
    let Some(go) = place.go(&["--yes", "gcs/s.yaml"]) else { return };
    go.run().success();
    assert_eq!(storage.objects(), json!({"pub/pre/s.yaml": sent}));
}

#[test]
fn at_the_double_an_upload_that_was_damaged_is_an_error() {
    let Some((place, storage)) = place() else { return };
    storage.fail(&json!([{"op": "upload", "times": 1, "corrupt_crc": true}]));
    // Once it is sent again.
    place.publish(&["--yes", "gcs/s.yaml"]).run().success();
    storage.fail(&json!([{"op": "upload", "times": 99, "corrupt_crc": true}]));
    let outcome = place.publish(&["--yes", "gcs/s.yaml"]).run();
    refused(&outcome, 1, &["CRC32C", "pre/s.yaml"]);
}

#[test]
fn at_the_double_what_passes_is_tried_again_and_a_refusal_is_not() {
    let Some((place, storage)) = place() else { return };
    storage.fail(&json!([{"op": "upload", "times": 2, "code": 503, "raw": "<html>"}]));
    place.publish(&["--yes", "gcs/s.yaml"]).run().success();
    assert_eq!(storage.seen().len(), 3);
    storage.fail(&json!([
        {"op": "upload", "times": 9, "code": 403, "message": "no access", "reason": "forbidden"},
    ]));
    let outcome = place.publish(&["--yes", "gcs/s.yaml"]).run();
    refused(&outcome, 1, &["googleapi: Error 403: no access, forbidden", "storage.objects.create"]);
    assert_eq!(storage.seen().len(), 4);
    storage.fail(&json!([]));
    let outcome = place.publish(&["--yes", "gone/s.yaml"]).run();
    refused(&outcome, 1, &["googleapi: Error 404: The specified bucket does not exist., notFound"]);
}

#[test]
fn at_the_double_a_dry_run_reads_and_writes_nothing() {
    let Some((place, storage)) = place() else { return };
    let run = || place.publish(&["--dry-run", "gcs/s.yaml"]).run().success().out();
    assert_eq!(run(), "gcs/s.yaml: gcs://pub/pre/s.yaml would be created\n");
    place.publish(&["--yes", "gcs/s.yaml"]).run().success();
    assert_eq!(run(), "gcs/s.yaml: gcs://pub/pre/s.yaml is the same already\n");
    place.sops_rs(&["set", "gcs/s.yaml", "[\"b\"]", "3"]).run().success();
    assert_eq!(run(), "gcs/s.yaml: gcs://pub/pre/s.yaml would be changed\n  ~ [\"b\"]\n");
    assert!(storage.seen().iter().filter(|seen| seen["method"] == "POST").count() == 1);
}

#[test]
fn at_the_double_no_credentials_are_shown_to_an_emulator() {
    let Some((place, storage)) = place() else { return };
    let run = place.publish(&["--yes", "gcs/s.yaml"]).env("GOOGLE_OAUTH_ACCESS_TOKEN", "hunter2");
    run.run().success();
    assert!(!format!("{:?}", storage.seen()).contains("hunter2"));
}

//! Objects of S3, at moto.

use sops_tests::fault::{FaultProxy, Rule};
use sops_tests::need;
use sops_tests::rig::stores::Stores;

use super::place::{Place, R1, SECRET, refused, says_no_secret, unique};

const PLAIN: &str = "a: hunter2\nb: 2\n# c\nx_unencrypted: seen\n";

fn place() -> Option<(Place, Stores, String)> {
    let stores = Stores::of(&need::aws()?);
    let bucket = unique("pub");
    stores.bucket(&bucket);
    let place = Place::new(stores.environment());
    place.config(&format!(
        "destination_rules:\n  - path_regex: s3/.*\n    s3_bucket: {bucket}\n    s3_prefix: pre/\n  \
         - path_regex: re/.*\n    s3_bucket: {bucket}\n    recreation_rule:\n      age: R2\n  - \
         path_regex: part/.*\n    s3_bucket: {bucket}\n    recreation_rule:\n      age: R2\n      \
         encrypted_regex: ^a$\n      mac_only_encrypted: true\n  - path_regex: none/.*\n    \
         s3_bucket: {bucket}\n    recreation_rule:\n      encrypted_regex: ^a$\n  - path_regex: \
         gone/.*\n    s3_bucket: no-such-bucket-{bucket}\n"
    ));
    Some((place, stores, bucket))
}

#[test]
fn the_file_arrives_byte_for_byte_as_with_go() {
    let Some((place, stores, bucket)) = place() else { return };
    place.sealed("s3/s.yaml", PLAIN);
    // Nobody's key is needed.
    let outcome = place.publish(&["--yes", "s3/s.yaml"]).env("SOPS_AGE_KEY_FILE", "/none").run();
    let outcome = outcome.success();
    assert_eq!((outcome.out().as_str(), outcome.err().as_str()), ("", ""));
    let ours = stores.object(&bucket, "pre/s.yaml").expect("an object");
    assert_eq!(ours, place.scratch.read("s3/s.yaml"));
    let Some(go) = place.go(&["--yes", "s3/s.yaml"]) else { return };
    go.run().success();
    assert_eq!(stores.object(&bucket, "pre/s.yaml").expect("an object"), ours);
}

#[test]
fn names_are_those_of_go() {
    let Some((place, stores, bucket)) = place() else { return };
    for name in ["s3/s.yaml", "s3/sub/t.json", "s3/two.enc.yaml", "s3/odd name+é.env"] {
        let text = match name {
            "s3/sub/t.json" => "{\"a\": \"hunter2\"}",
            "s3/odd name+é.env" => "A=hunter2\n",
            _ => PLAIN,
        };
        place.sealed(name, text);
    }
    let all = ["pre/odd name+é.env", "pre/s.yaml", "pre/sub/t.json", "pre/two.enc.yaml"];
    let short = ["pre/odd name+é", "pre/s", "pre/sub/t", "pre/two.enc"];
    place.publish(&["--yes", "--recursive", "s3"]).run().success();
    let escaped = |text: &str| text.replace("&#43;", "+");
    let listed = || stores.objects(&bucket).iter().map(|n| escaped(n)).collect::<Vec<_>>();
    assert_eq!(listed(), all);
    place.publish(&["--yes", "--recursive", "--omit-extensions", "s3"]).run().success();
    let mut both = [all, short].concat();
    both.sort_unstable();
    assert_eq!(listed(), both);
    // The same once more by the other program makes no further ones.
    for flags in
        [&["--yes", "--recursive", "s3"][..], &["--yes", "--recursive", "--omit-extensions", "s3"]]
    {
        let Some(go) = place.go(flags) else { return };
        go.run().success();
    }
    assert_eq!(listed(), both);
}

#[test]
fn one_file_with_recursive_has_its_own_name() {
    let Some((place, stores, bucket)) = place() else { return };
    place.sealed("s3/s.yaml", PLAIN);
    place.publish(&["--yes", "--recursive", "s3/s.yaml"]).run().success();
    assert_eq!(stores.objects(&bucket), ["pre/s.yaml"]);
}

#[test]
fn a_recreated_file_opens_with_the_other_key_only() {
    let Some((place, stores, bucket)) = place() else { return };
    const PLAIN: &str = "a: hunter2\nb: 2\n# c\nc: 1.5\n";
    place.sealed("re/s.yaml", PLAIN);
    let outcome = place.publish(&["--yes", "re/s.yaml"]).run().success();
    assert!(
        outcome.out().starts_with("The following changes will be made to the file's key groups:\n"),
        "{outcome}"
    );
    let object = stores.object(&bucket, "s.yaml").expect("an object");
    let text = String::from_utf8(object.clone()).unwrap();
    assert!(!text.contains(SECRET) && !text.contains(R1), "{text}");
    place.opens("got.yaml", &object, "key2.txt", PLAIN);
    let Some(go) = place.go(&["--yes", "re/s.yaml"]) else { return };
    let theirs = go.run().success();
    assert_eq!(theirs.out(), outcome.out());
    let object = stores.object(&bucket, "s.yaml").expect("an object");
    place.opens("got.yaml", &object, "key2.txt", PLAIN);
}

#[test]
fn all_settings_of_a_recreation_rule_count() {
    let Some((place, stores, bucket)) = place() else { return };
    place.sealed("part/s.yaml", PLAIN);
    place.publish(&["--yes", "part/s.yaml"]).run().success();
    let object = stores.object(&bucket, "s.yaml").expect("an object");
    let text = String::from_utf8(object.clone()).unwrap();
    assert!(text.contains("b: 2") && !text.contains(SECRET), "{text}");
    assert!(text.contains("encrypted_regex: ^a$") && text.contains("mac_only_encrypted: true"));
    place.opens("got.yaml", &object, "key2.txt", PLAIN);
}

#[test]
fn a_recreation_rule_that_selects_nothing_bares_nothing() {
    let Some((place, stores, bucket)) = place() else { return };
    place.sealed("re/s.yaml", PLAIN);
    place.publish(&["--yes", "re/s.yaml"]).run().success();
    let object = stores.object(&bucket, "s.yaml").expect("an object");
    assert!(String::from_utf8_lossy(&object).contains("x_unencrypted: seen"));
    place.opens("got.yaml", &object, "key2.txt", PLAIN);
    // Here the file has encrypted what a new one would not.
    place.scratch.write("re/t.yaml", "a: x\nx_unencrypted: hunter2\n");
    let arguments = ["encrypt", "-i", "--age", R1, "--encrypted-regex", ".", "re/t.yaml"];
    place.sops_rs(&[&["--config", "/dev/null"], &arguments[..]].concat()).run().success();
    let outcome = place.publish(&["--yes", "re/t.yaml"]).run();
    refused(&outcome, 1, &["[\"x_unencrypted\"]", "would be readable", "encrypted_regex"]);
    assert_eq!(stores.objects(&bucket), ["s.yaml"]);
}

#[test]
fn a_recreation_rule_without_keys_is_no_way_to_send_the_file_as_it_is() {
    let Some((place, stores, bucket)) = place() else { return };
    place.sealed("none/s.yaml", PLAIN);
    let outcome = place.publish(&["--yes", "none/s.yaml"]).run();
    refused(&outcome, 1, &["empty key group", "names no key", "line 18"]);
    assert_eq!(stores.objects(&bucket), [""; 0]);
}

#[test]
fn a_file_that_was_tampered_with_is_not_recreated() {
    let Some((place, stores, bucket)) = place() else { return };
    place.sealed("re/s.yaml", PLAIN);
    let text = place.scratch.text("re/s.yaml").replace("seen", "forged");
    place.scratch.write("re/s.yaml", text);
    let outcome = place.publish(&["--yes", "re/s.yaml"]).run();
    refused(&outcome, 51, &["MAC mismatch"]);
    assert_eq!(stores.objects(&bucket), [""; 0]);
}

#[test]
fn what_is_no_file_of_sops_goes_nowhere() {
    let Some((place, stores, bucket)) = place() else { return };
    for (name, text) in [
        ("s3/plain.yaml", "a: hunter2\n"),
        ("s3/plain.json", "{\"a\": \"hunter2\"}"),
        ("s3/plain.txt", "hunter2"),
    ] {
        place.scratch.write(name, text);
        let outcome = place.publish(&["--yes", name]).run();
        assert_eq!(outcome.code(), Some(1), "{outcome}");
        says_no_secret(&outcome);
    }
    let outcome = place.publish(&["--yes", "s3/plain.yaml"]).run();
    refused(&outcome, 1, &["sops metadata not found"]);
    assert_eq!(stores.objects(&bucket), [""; 0]);
}

#[test]
fn refusals_are_told_in_the_words_of_the_service() {
    let Some((place, ..)) = place() else { return };
    place.sealed("gone/s.yaml", PLAIN);
    place.sealed("s3/s.yaml", PLAIN);
    let outcome = place.publish(&["--yes", "gone/s.yaml"]).run();
    refused(
        &outcome,
        1,
        &[
            "operation error S3: PutObject, https response error StatusCode: 404",
            "api error NoSuchBucket: The specified bucket does not exist",
        ],
    );
    let run =
        place.publish(&["--yes", "s3/s.yaml"]).env("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9");
    refused(&run.run(), 1, &["operation error S3: PutObject", "request send failed", "refused"]);
    let run = place.publish(&["--yes", "s3/s.yaml"]).env("AWS_ACCESS_KEY_ID", "");
    let run = run.env("AWS_SECRET_ACCESS_KEY", "");
    refused(&run.run(), 1, &["get identity: get credentials", "AWS_PROFILE"]);
    let run = place.publish(&["--yes", "s3/s.yaml"]).without_env("AWS_REGION");
    refused(&run.run(), 1, &["no region is known", "AWS_REGION"]);
}

#[test]
fn what_passes_is_tried_again_three_times_in_all() {
    let Some((place, stores, bucket)) = place() else { return };
    let proxy = FaultProxy::in_front_of(&need::aws().unwrap().sts);
    let operation = format!("PUT /{bucket}/pre/s.yaml");
    place.sealed("s3/s.yaml", PLAIN);
    let run = || place.publish(&["--yes", "s3/s.yaml"]).env("AWS_ENDPOINT_URL_S3", proxy.url());
    proxy.add(Rule::on(&operation).times(2).answers(503, "text/html", "<html>"));
    run().run().success();
    assert_eq!(proxy.count(&operation), 3);
    assert_eq!(stores.object(&bucket, "pre/s.yaml"), Some(place.scratch.read("s3/s.yaml")));
    proxy.reset();
    proxy.add(Rule::on(&operation).answers(503, "text/html", "<html>"));
    refused(&run().run(), 1, &["StatusCode: 503", "not one of the service's"]);
    assert_eq!(proxy.count(&operation), 3);
}

#[test]
fn a_dry_run_tells_names_and_writes_nothing() {
    let Some((place, stores, bucket)) = place() else { return };
    place.sealed("s3/s.yaml", PLAIN);
    place.sealed("re/s.yaml", PLAIN);
    let run = |path| place.publish(&["--dry-run", path]).run().success().out();
    let target = format!("s3://{bucket}/pre/s.yaml");
    assert_eq!(run("s3/s.yaml"), format!("s3/s.yaml: {target} would be created\n"));
    assert_eq!(stores.objects(&bucket), [""; 0]);
    place.publish(&["--yes", "s3/s.yaml"]).run().success();
    assert_eq!(run("s3/s.yaml"), format!("s3/s.yaml: {target} is the same already\n"));
    place.sops_rs(&["set", "s3/s.yaml", "[\"a\"]", "\"hunter2 too\""]).run().success();
    place.sops_rs(&["set", "s3/s.yaml", "[\"n\"]", "1"]).run().success();
    assert_eq!(
        run("s3/s.yaml"),
        format!("s3/s.yaml: {target} would be changed\n  ~ [\"a\"]\n  + [\"n\"]\n")
    );
    // No key is used to find out.
    let outcome =
        place.publish(&["--dry-run", "re/s.yaml"]).env("SOPS_AGE_KEY_FILE", "/none").run();
    let out = outcome.success().out();
    assert!(out.contains("would be created, encrypted anew by the recreation rule"), "{out}");
    assert_eq!(stores.objects(&bucket), ["pre/s.yaml"]);
}

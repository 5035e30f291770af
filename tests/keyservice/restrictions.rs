//! Which keys a key service uses, and what it writes down.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use serde_json::Value;
use sops_tests::rig::aws;

use super::place::{FILE, NO_KEY, PLAIN, Place, identity, refused};

fn lines(place: &Place, name: &str) -> Vec<Value> {
    place.scratch.text(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn keys_that_are_not_on_the_list_are_refused_and_the_others_used() {
    let place = Place::new();
    place.encrypt();
    let recipient = place.recipient.clone();
    let other = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    for (flags, allowed) in [
        (vec!["--allow-kind", "age"], true),
        (vec!["--allow-kind", "kms,age"], true),
        (vec!["--allow-kind", "kms"], false),
        (vec!["--allow-key", &recipient], true),
        (vec!["--allow-key", other], false),
        (vec!["--allow-key", other, "--allow-key", &recipient], true),
        (vec!["--allow-key", aws::MAIN, "--allow-kind", "pgp"], false),
    ] {
        let at = place.tcp();
        let _server = place.serve(&at, &flags);
        let run = place.decrypt(&at.uri()).run();
        match allowed {
            true => assert_eq!(run.success().out(), PLAIN, "{flags:?}"),
            false => {
                let words = "code = PermissionDenied desc = this key is not on the allow-list";
                refused(&run, NO_KEY, &[words]);
            }
        }
    }
    let run = place.sops_rs(&["keyservice", "--allow-kind", "aws"]).run();
    refused(&run, 1, &["--allow-kind: \"aws\" is no kind of key", "azure_kv"]);
}

#[test]
fn the_log_has_a_line_for_each_request_and_no_key_material() {
    let place = Place::new();
    let at = super::place::At::Unix(place.scratch.at("keys.sock"));
    let _server = place.serve(&at, &["--log", "log.jsonl", "--allow-kind", "age"]);
    let service = ["--enable-local-keyservice=false", "--keyservice", &at.uri()];
    let encrypt = [&["encrypt", "-i"], &service[..], &["--age", &place.recipient, FILE]].concat();
    place.sops_rs(&encrypt).run().success();
    place.decrypt(&at.uri()).run().success();
    let arn = ["encrypt", "-i", "--kms", aws::MAIN, "other.yaml"];
    place.scratch.write("other.yaml", PLAIN);
    let refusal = place.sops_rs(&[&arn[..1], &service[..], &arn[1..]].concat()).run();
    refused(&refusal, 1, &["not on the allow-list"]);

    let log = lines(&place, "log.jsonl");
    let column = |name: &str| log.iter().map(|line| line[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("operation"), ["encrypt", "decrypt", "encrypt"]);
    assert_eq!(column("outcome"), ["answered", "answered", "refused"]);
    assert_eq!(column("kind"), ["age", "age", "kms"]);
    assert_eq!(column("key"), [&place.recipient[..], &place.recipient, aws::MAIN]);
    let user = fs::metadata(place.scratch.path()).unwrap().uid();
    assert!(log.iter().all(|line| line["peer"]["uid"] == user && line["event"] == "keyservice"));
    assert!(log[2]["reason"].as_str().unwrap().contains("allow-list"), "{log:?}");

    let text = place.scratch.text("log.jsonl");
    let secret = fs::read_to_string(identity()).unwrap();
    let secret = secret.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap();
    assert!(!text.contains(secret) && !text.contains("AGE ENCRYPTED FILE"), "{text}");
    // What may be known of it is not everybody's.
    let mode = fs::metadata(place.scratch.at("log.jsonl")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn without_its_log_a_service_does_not_answer() {
    let place = Place::new();
    place.encrypt();
    let at = place.tcp();
    // A device on which nothing can be written.
    let _server = place.serve(&at, &["--log", "/dev/full"]);
    let words = "code = Internal desc = the key service cannot write its log";
    refused(&place.decrypt(&at.uri()).run(), NO_KEY, &[words]);
    let run = place.sops_rs(&["keyservice", "--log", "none/x"]).run();
    refused(&run, 1, &["--log: open none/x: no such file or directory"]);
}

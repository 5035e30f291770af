//! What is sent and stored for contexts, aliases and roles, and that Go sops and this program open
//! each other's files; files of earlier runs still open.

use std::path::Path;

use serde_json::Value;
use sops_tests::rig::aws;
use sops_tests::run::Run;
use sops_tests::{need, paths};

use super::place::{FILE, PLAIN, Place};

/// Keys in every spelling that flags have, with a context.
fn flags() -> Vec<(&'static str, Vec<String>)> {
    let role = format!("{}+{}", aws::MAIN, aws::ROLE);
    let several = format!("{},{}", aws::MULTI_REGION, aws::REPLICA);
    let context = ["--encryption-context", "team:blue,stage:test"];
    [
        ("a key", vec!["--kms", aws::MAIN]),
        ("a key with context", [&["--kms", aws::MAIN], &context[..]].concat()),
        ("an alias", vec!["--kms", aws::ALIAS]),
        ("a role", vec!["--kms", &role]),
        ("a role with context", [&["--kms", &role], &context[..]].concat()),
        ("several regions", vec!["--kms", &several]),
    ]
    .map(|(what, flags)| (what, flags.into_iter().map(str::to_owned).collect()))
    .into()
}

fn go(place: &Place, peer: &Path, arguments: &[&str]) -> Run {
    place.environment(Run::peer(peer, arguments))
}

#[test]
fn go_sops_opens_what_was_encrypted_here() {
    let (Some(place), Some(peer)) = (Place::new(), need::peer()) else { return };
    for (what, flags) in flags() {
        place.scratch.write(FILE, PLAIN);
        place.encrypt(&flags.iter().map(String::as_str).collect::<Vec<_>>());
        let opened = go(&place, &peer, &["decrypt", FILE]).run();
        assert!(opened.status.success(), "{what}: {opened}");
        // It writes YAML anew; this document it writes as it was.
        assert_eq!(opened.out(), PLAIN, "{what}");
    }
}

#[test]
fn what_go_sops_encrypted_opens_here() {
    let (Some(place), Some(peer)) = (Place::new(), need::peer()) else { return };
    for (what, flags) in flags() {
        place.scratch.write(FILE, PLAIN);
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let arguments = [&["encrypt", "--in-place"], &flags[..], &[FILE]].concat();
        go(&place, &peer, &arguments).run().success();
        place.forget();
        let opened = place.decrypt();
        assert!(opened.status.success(), "{what}: {opened}");
        assert_eq!(opened.out(), PLAIN, "{what}");
        assert_eq!(place.calls(), (0, 1, 0), "{what}");
        // And it stays a file of both after a change.
        place.sops_rs(&["rotate", "--in-place", FILE]).run().success();
        assert_eq!(go(&place, &peer, &["decrypt", FILE]).run().success().out(), PLAIN, "{what}");
    }
}

#[test]
fn a_context_of_flags_or_config_goes_with_each_call() {
    let Some(place) = Place::new() else { return };
    let config = format!(
        "creation_rules:\n  - key_groups:\n      - kms:\n          - arn: {}\n            \
         context: {{team: blue, stage: test}}\n",
        aws::MAIN
    );
    let in_flags = ["--kms", aws::MAIN, "--encryption-context", "team:blue,stage:test"];
    for flags in [&in_flags[..], &[]] {
        place.scratch.write(FILE, PLAIN);
        place.forget();
        if flags.is_empty() {
            place.scratch.write(".sops.yaml", &config);
        }
        let arguments = [&["encrypt", "--in-place"], flags, &[FILE]].concat();
        place.sops_rs(&arguments).run().success();
        place.opens();
        let calls = place.kms.calls();
        assert_eq!(calls.len(), 2);
        for call in calls {
            let body: Value = serde_json::from_str(&call.body).unwrap();
            let context = serde_json::json!({"team": "blue", "stage": "test"});
            assert_eq!(body["EncryptionContext"], context, "{}", call.operation);
            assert_eq!(call.key.as_deref(), Some(aws::MAIN));
        }
    }
}

#[test]
fn an_alias_is_stored_and_asked_as_it_was_written() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&["--kms", aws::ALIAS]);
    assert!(place.scratch.text(FILE).contains(aws::ALIAS));
    place.opens();
    let keys: Vec<_> = place.kms.calls().into_iter().map(|call| call.key).collect();
    assert_eq!(keys, [Some(aws::ALIAS.to_owned())]);
}

#[test]
fn a_role_is_assumed_once_and_used_for_the_call() {
    let Some(place) = Place::new() else { return };
    // Two keys with one role.
    let keys = [aws::MAIN, aws::OTHER].map(|arn| format!("{arn}+{}", aws::ROLE)).join(",");
    let arguments = ["encrypt", "--in-place", "--kms", &keys, FILE];
    place.sops_rs(&arguments).run().success();
    assert_eq!(place.calls(), (2, 0, 0));
    assert_eq!(place.sts.count("AssumeRole"), 1);
    place.forget();
    place.opens();
    assert_eq!((place.sts.count("AssumeRole"), place.calls()), (1, (0, 1, 0)));
    for call in place.kms.calls() {
        assert_ne!(call.access_key, aws::ACCOUNT, "the role's credentials are used");
    }
    let assumed = &place.sts.calls()[0];
    assert_eq!(assumed.access_key, aws::ACCOUNT);
    assert!(place.scratch.text(FILE).contains(&format!("role: {}", aws::ROLE)));
}

#[test]
fn files_of_earlier_runs_open() {
    let Some(place) = Place::new() else { return };
    for name in ["golden.yaml", "golden-go.yaml"] {
        let text = std::fs::read(paths::in_tests(format!("kms/{name}"))).unwrap();
        place.scratch.write(FILE, text);
        place.forget();
        let opened = place.decrypt();
        assert!(opened.status.success(), "{name}: {opened}");
        assert_eq!(opened.out(), PLAIN, "{name}");
        assert_eq!(place.calls(), (0, 1, 0), "{name}");
    }
}

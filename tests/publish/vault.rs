//! Key-value stores of both versions, at a real server of OpenBao.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sops_tests::fault::{FaultProxy, Rule};
use sops_tests::need;
use sops_tests::rig::vault::{ROOT, Vault};

use super::place::{Place, refused, says_no_secret, unique};

const PLAIN: &str = "a: hunter2\nb: 2\nf: 1.0\nt: true\nn: null\n# c\nm:\n    z: x\n    l:\n        - k: 1\n          d: 2024-01-02\n        # c\n        - two\n";

fn expected() -> Value {
    json!({
        "a": "hunter2", "b": 2, "f": 1, "t": true, "n": null,
        "m": {"z": "x", "l": [{"k": 1, "d": "2024-01-02T00:00:00Z"}, "two"]},
    })
}

struct Store {
    vault: Vault,
    v1: String,
    v2: String,
}

fn place() -> Option<(Place, Store)> {
    let vault = need::vault()?;
    let (v1, v2) = (unique("kv1"), unique("kv2"));
    for (mount, version) in [(&v1, "1"), (&v2, "2")] {
        let options = json!({"type": "kv", "options": {"version": version}});
        vault.call("POST", &format!("sys/mounts/{mount}"), &options);
    }
    let place =
        Place::new(vec![("VAULT_ADDR".into(), vault.url()), ("VAULT_TOKEN".into(), ROOT.into())]);
    place.config(&format!(
        "destination_rules:\n  - path_regex: v2/.*\n    vault_path: app/\n    vault_kv_mount_name: \
         {v2}\n  - path_regex: v1/.*\n    vault_path: app\n    vault_kv_mount_name: {v1}\n    \
         vault_kv_version: 1\n    omit_extensions: true\n  - path_regex: nomount/.*\n    \
         vault_path: app\n    vault_kv_mount_name: nomount\n"
    ));
    // A mount of version 2 is made ready in the background.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while vault.call_as(ROOT, "POST", &format!("{v2}/data/ready"), &json!({"data": {}})).is_err() {
        assert!(std::time::Instant::now() < deadline, "the store gets ready");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Some((place, Store { vault, v1, v2 }))
}

impl Store {
    fn v1(&self, path: &str) -> Value {
        self.vault.call("GET", &format!("{}/{path}", self.v1), &Value::Null)["data"].clone()
    }

    fn v2(&self, path: &str) -> (Value, i64) {
        let answer = self.vault.call("GET", &format!("{}/data/{path}", self.v2), &Value::Null);
        let version = answer["data"]["metadata"]["version"].as_i64().unwrap();
        (answer["data"]["data"].clone(), version)
    }
}

#[test]
fn values_arrive_as_they_are() {
    let Some((place, store)) = place() else { return };
    place.sealed("v2/s.yaml", PLAIN);
    place.sealed("v1/s.yaml", PLAIN);
    let outcome = place.publish(&["--yes", "v2/s.yaml"]).run().success();
    assert_eq!((outcome.out().as_str(), outcome.err().as_str()), ("", ""));
    assert_eq!(store.v2("app/s.yaml"), (expected(), 1));
    place.publish(&["--yes", "v1/s.yaml"]).run().success();
    assert_eq!(store.v1("app/s"), expected());
}

#[test]
fn what_is_there_is_not_written_again() {
    let Some((place, store)) = place() else { return };
    place.sealed("v2/s.yaml", PLAIN);
    place.sealed("v1/s.yaml", PLAIN);
    for _ in 0..2 {
        place.publish(&["--yes", "v2/s.yaml"]).run().success();
    }
    assert_eq!(store.v2("app/s.yaml").1, 1);
    place.publish(&["--yes", "v1/s.yaml"]).run().success();
    // Who may only read cannot write; nothing is written where nothing differs.
    let rules = format!("path \"{}/app/s\" {{ capabilities = [\"read\"] }}", store.v1);
    let token = store.vault.token(&rules);
    let out = place.publish(&["--yes", "--json", "v1/s.yaml"]).env("VAULT_TOKEN", &token).run();
    let line: Value = serde_json::from_str(&out.success().out()).unwrap();
    assert_eq!((&line["result"], &line["written"]), (&json!("same"), &json!(false)));
    place.sops_rs(&["set", "v1/s.yaml", "[\"b\"]", "3"]).run().success();
    let outcome = place.publish(&["--yes", "v1/s.yaml"]).env("VAULT_TOKEN", &token).run();
    refused(
        &outcome,
        1,
        &["Error making API request.", "Code: 403", "permission denied", "VAULT_TOKEN"],
    );
}

#[test]
fn go_and_this_program_publish_the_same() {
    // Without what Go mangles: mappings in lists.
    const TAME: &str =
        "a: hunter2\nb: 2\nf: 1.5\nt: true\nn: null\nm:\n    z: x\n    l: [1, two]\n";
    let Some((place, store)) = place() else { return };
    for (name, text) in [
        ("s.yaml", TAME),
        ("s.json", "{\"a\": \"hunter2\", \"n\": {\"x\": 1e3, \"b\": 9007199254740993}}"),
        ("s.env", "A=hunter2\nB=2\n"),
        ("s.ini", "[db]\nuser = hunter2\n"),
        ("s.bin", "hunter2 <&>\n"),
    ] {
        place.sealed(&format!("v2/{name}"), text);
        let Some(go) = place.go(&["--yes", &format!("v2/{name}")]) else { return };
        go.run().success();
        let (theirs, version) = store.v2(&format!("app/{name}"));
        // What Go has written counts as the same.
        let outcome = place.publish(&["--yes", "--json", &format!("v2/{name}")]).run().success();
        let line: Value = serde_json::from_str(&outcome.out()).unwrap();
        assert_eq!(line["result"], "same", "{name}");
        // The store takes numbers for floats, whoever writes them; here one is told.
        let told = outcome.err().contains("[\"n\"][\"b\"] with other last digits");
        assert_eq!(told, name == "s.json", "{outcome}");
        assert_eq!(store.v2(&format!("app/{name}")), (theirs.clone(), version));
        // And written here anew, it is what Go has written.
        let path = format!("{}/metadata/app/{name}", store.v2);
        store.vault.call("DELETE", &path, &Value::Null);
        place.publish(&["--yes", &format!("v2/{name}")]).run().success();
        assert_eq!(store.v2(&format!("app/{name}")).0, theirs, "{name}");
    }
}

#[test]
fn a_dry_run_names_the_keys_that_change() {
    let Some((place, store)) = place() else { return };
    place.sealed("v2/s.yaml", "a: hunter2\nb: 2\nm: {z: x}\n");
    let run = || place.publish(&["--dry-run", "v2/s.yaml"]).run().success();
    let target = format!("{}/v1/{}/data/app/s.yaml", store.vault.url(), store.v2);
    let first = run();
    assert_eq!(
        first.out(),
        format!("v2/s.yaml: {target} would be created\n  + [\"a\"]\n  + [\"b\"]\n  + [\"m\"]\n")
    );
    let old = json!({"data": {"a": "hunter2", "b": 1, "m": {"z": "x", "old": "hunter2"}}});
    store.vault.call("POST", &format!("{}/data/app/s.yaml", store.v2), &old);
    let second = run();
    assert_eq!(
        second.out(),
        format!("v2/s.yaml: {target} would be changed\n  ~ [\"b\"]\n  - [\"m\"][\"old\"]\n")
    );
    says_no_secret(&first);
    says_no_secret(&second);
    assert_eq!(store.v2("app/s.yaml").1, 1);
}

#[test]
fn who_may_write_and_not_read_is_told_and_served() {
    let Some((place, store)) = place() else { return };
    place.sealed("v2/s.yaml", PLAIN);
    let path = format!("{}/data/app/s.yaml", store.v2);
    let token = store
        .vault
        .token(&format!("path \"{path}\" {{ capabilities = [\"create\", \"update\"] }}"));
    let outcome = place.publish(&["--yes", "v2/s.yaml"]).env("VAULT_TOKEN", token).run().success();
    assert!(
        outcome.err().contains("Cannot check if destination secret already exists"),
        "{outcome}"
    );
    says_no_secret(&outcome);
    assert_eq!(store.v2("app/s.yaml"), (expected(), 1));
}

#[test]
fn stores_that_demand_a_check_take_it() {
    let Some((place, store)) = place() else { return };
    let config = format!("{}/config", store.v2);
    store.vault.call("POST", &config, &json!({"cas_required": true}));
    place.sealed("v2/s.yaml", PLAIN);
    place.publish(&["--yes", "v2/s.yaml"]).run().success();
    place.sops_rs(&["set", "v2/s.yaml", "[\"b\"]", "3"]).run().success();
    place.publish(&["--yes", "v2/s.yaml"]).run().success();
    assert_eq!(store.v2("app/s.yaml").1, 2);
    // A version that is deleted is followed by the next.
    store.vault.call("DELETE", &format!("{}/data/app/s.yaml", store.v2), &Value::Null);
    place.publish(&["--yes", "v2/s.yaml"]).run().success();
    assert_eq!(store.v2("app/s.yaml").1, 3);
}

#[test]
fn what_somebody_else_writes_in_between_is_not_lost() {
    let Some((place, store)) = place() else { return };
    place.sealed("v2/s.yaml", PLAIN);
    let path = format!("/v1/{}/data/app/s.yaml", store.v2);
    let proxy = FaultProxy::in_front_of(&store.vault.url());
    let put = format!("PUT {path}");
    // Long enough for a busy machine to write meanwhile.
    proxy.add(Rule::on(&put).delayed(Duration::from_secs(8)));
    let run = place.publish(&["--yes", "v2/s.yaml"]).env("VAULT_ADDR", proxy.url());
    let running = run.env("SOPS_KEY_TIMEOUT", "60").start();
    let deadline = Instant::now() + Duration::from_secs(60);
    while proxy.count(&put) == 0 {
        assert!(Instant::now() < deadline, "it is looked at, and then written");
        std::thread::sleep(Duration::from_millis(20));
    }
    let other = json!({"data": {"theirs": 1}});
    store.vault.call("POST", &format!("{}/data/app/s.yaml", store.v2), &other);
    refused(&running.finish(), 1, &["Code: 400", "check-and-set", "publish again"]);
    assert_eq!(store.v2("app/s.yaml"), (json!({"theirs": 1}), 1));
}

#[test]
fn refusals_are_told_in_the_words_of_vault() {
    let Some((place, store)) = place() else { return };
    place.sealed("v2/s.yaml", PLAIN);
    place.sealed("nomount/s.yaml", PLAIN);
    let url = format!("URL: PUT {}/v1/{}/data/app/s.yaml", store.vault.url(), store.v2);
    let path = format!("{}/data/app/s.yaml", store.v2);
    let token = store.vault.token(&format!("path \"{path}\" {{ capabilities = [\"read\"] }}"));
    let outcome = place.publish(&["--yes", "v2/s.yaml"]).env("VAULT_TOKEN", token).run();
    refused(
        &outcome,
        1,
        &["Error making API request.\n\n", &url, "\nCode: 403. Errors:\n\n* ", "permission denied"],
    );
    let outcome = place.publish(&["--yes", "nomount/s.yaml"]).run();
    refused(&outcome, 1, &["Code: 404", "nomount", "vault_kv_mount_name"]);
    let run = place.publish(&["--yes", "v2/s.yaml"]).without_env("VAULT_TOKEN");
    refused(&run.run(), 1, &["Code: 403", "VAULT_TOKEN"]);
    let run = place.publish(&["--yes", "v2/s.yaml"]).env("VAULT_ADDR", "http://127.0.0.1:9");
    refused(&run.run(), 1, &["Get \"http://127.0.0.1:9/v1/", "refused"]);
    let run = place.publish(&["--yes", "v2/s.yaml"]).without_env("VAULT_ADDR");
    refused(&run.run(), 1, &["Get \"https://127.0.0.1:8200/v1/", "VAULT_ADDR is not set"]);
}

#[test]
fn what_json_cannot_say_is_not_sent() {
    let Some((place, store)) = place() else { return };
    place.sealed("v2/s.yaml", "a: hunter2\nb: .inf\n");
    let outcome = place.publish(&["--yes", "v2/s.yaml"]).run();
    refused(&outcome, 4, &["[\"b\"]", "infinite"]);
    let found =
        store.vault.call_as(ROOT, "GET", &format!("{}/data/app/s.yaml", store.v2), &Value::Null);
    assert!(found.is_err());
}

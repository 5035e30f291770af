//! The examples of the operator's specification (§12), and what must come of each change to the
//! first one.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::api::PostParams;
use serde_json::json;
use sops_cluster::{EXAMPLES, Example, Namespace};

use crate::stage::{DECRYPTION, HEALTHY, NOT_OWNED, SUSPENDED, Stage, UPDATE, condition};

const STOREFRONT: Example = EXAMPLES[0];
const LEDGER: Example = EXAMPLES[1];
const EDGE: Example = EXAMPLES[2];

/// Fails unless the Secrets are there as the specification has them, controlled by their object.
async fn assert_exact(space: &Namespace, example: Example, uid: &str) {
    for wanted in example.secrets() {
        let name = wanted.metadata.name.clone().unwrap();
        let found = space.secret(&name).await.unwrap();
        assert_eq!(found.type_, wanted.type_, "{name}");
        assert_eq!(found.data, wanted.data, "{name}");
        assert_eq!(found.metadata.labels, wanted.metadata.labels, "{name}");
        assert_eq!(found.metadata.annotations, wanted.metadata.annotations, "{name}");
        assert_eq!((found.immutable, found.string_data), (None, None), "{name}");
        let owner = json!([{
            "apiVersion": "isindir.github.com/v1alpha3",
            "kind": "SopsSecret",
            "name": example.name,
            "uid": uid,
            "controller": true,
            "blockOwnerDeletion": true,
        }]);
        assert_eq!(json!(found.metadata.owner_references), owner, "{name}");
    }
}

fn uid(object: &serde_json::Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap()
}

/// A Secret that belongs to nobody.
fn unowned(name: &str, annotations: &[(&str, &str)]) -> Secret {
    let text = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let mut secret = Secret::default();
    secret.metadata.name = Some(name.into());
    secret.metadata.annotations = Some(annotations.iter().map(text).collect());
    secret.string_data = Some(BTreeMap::from([("theirs".into(), "old".into())]));
    secret
}

#[tokio::test]
async fn the_examples_become_exactly_the_secrets_they_describe() {
    let Some(stage) = Stage::set("examples").await else { return };
    // An unowned Secret of that name is taken over, since the object enforces ownership.
    let secrets = stage.space.api::<Secret>();
    secrets.create(&PostParams::default(), &unowned("ledger-db", &[])).await.unwrap();
    let _operator = stage.operate().await;
    for example in EXAMPLES {
        stage.kubectl_apply(&example.sealed_for(stage.space.name()));
    }
    for example in [STOREFRONT, LEDGER] {
        let object = stage.says(example.name, HEALTHY).await;
        assert_exact(&stage.space, example, uid(&object)).await;
        let integrity = if example.canonical { "Verified" } else { "Unverifiable" };
        assert_eq!(condition(&object, "Integrity")["reason"], integrity, "{}", example.name);
    }
    stage.says(EDGE.name, SUSPENDED).await;
    let names: Vec<String> = stage.space.secrets().await.into_keys().collect();
    assert_eq!(names, ["ledger-db", "storefront-registry", "storefront-smtp"], "nothing else");

    stage.patch(EDGE.name, json!({"spec": {"suspend": false}})).await;
    let object = stage.says(EDGE.name, HEALTHY).await;
    assert_exact(&stage.space, EDGE, uid(&object)).await;
}

/// Changes to the first example that must not be taken: what is changed, by what, and the reason
/// that is told.
fn refused() -> [(&'static str, String, &'static str); 5] {
    let sealed = STOREFRONT.sealed();
    let replaced = |from: &str, to: &str| {
        assert_eq!(sealed.matches(from).count(), 1, "{from}");
        sealed.replace(from, to)
    };
    let line = |start: &str| {
        let mut lines = sealed.lines().filter(|line| line.starts_with(start));
        lines.next().unwrap().to_owned()
    };
    let username = line("      username:");
    let last_modified = line("  lastmodified:");
    [
        ("a character of a value", replaced("data:68qD/h8X", "data:68qD/h8Y"), "BadCiphertext"),
        (
            "plain text in place of a value",
            replaced(&username, &format!("      username: {PLAIN}")),
            "BadCiphertext",
        ),
        ("the name of a key", replaced("      password:", "      passwd:"), "BadCiphertext"),
        ("no lastmodified", replaced(&format!("{last_modified}\n"), ""), "Malformed"),
        ("no sops block", sealed.split("\nsops:").next().unwrap().to_owned(), "NotEncrypted"),
    ]
}

/// What somebody wrote in clear under an encrypted path.
const PLAIN: &str = "canary-in-clear-5521";

#[tokio::test]
async fn what_was_tampered_with_is_refused_and_touches_nothing() {
    let Some(stage) = Stage::set("tampered").await else { return };
    let operator = stage.operate_with(|launch| launch.flag("zap-log-level", "debug")).await;
    let here =
        |text: &str| text.replace("namespace: shop", &format!("namespace: {}", stage.space.name()));
    stage.apply(&here(&STOREFRONT.sealed())).await;
    stage.says(STOREFRONT.name, HEALTHY).await;
    let before = stage.versions().await;
    for (change, sealed, reason) in refused() {
        stage.apply(&here(&sealed)).await;
        let object = stage.says(STOREFRONT.name, DECRYPTION).await;
        let ready = condition(&object, "Ready");
        assert_eq!(
            (&ready["status"], &ready["reason"]),
            (&json!("False"), &json!(reason)),
            "{change}"
        );
        assert_eq!(stage.versions().await, before, "{change}");
        assert!(!object["status"].to_string().contains(PLAIN), "{change}");

        stage.apply(&here(&STOREFRONT.sealed())).await;
        stage.says(STOREFRONT.name, HEALTHY).await;
        assert_eq!(stage.versions().await, before, "{change}: it is right already");
    }
    let events = format!("{:?}", stage.events(STOREFRONT.name).await);
    for text in [events, operator.output(), operator.metrics_text()] {
        assert!(!text.contains(PLAIN), "{text}");
    }
}

#[tokio::test]
async fn an_object_that_was_never_good_makes_no_secret() {
    let Some(stage) = Stage::set("never-good").await else { return };
    let _operator = stage.operate().await;
    for (number, (change, sealed, reason)) in refused().into_iter().enumerate() {
        let name = format!("bad-{number}");
        let sealed =
            sealed.replace("namespace: shop", &format!("namespace: {}", stage.space.name()));
        stage.kubectl_apply(&sealed.replace("name: storefront\n", &format!("name: {name}\n")));
        let object = stage.says(&name, DECRYPTION).await;
        assert_eq!(condition(&object, "Ready")["reason"], reason, "{change}");
    }
    assert_eq!(stage.space.secrets().await, BTreeMap::new());
}

/// The first example with the names of its two templates exchanged.
fn exchanged(namespace: &str) -> String {
    let sealed = STOREFRONT.sealed_for(namespace);
    let names = sealed.lines().filter_map(|line| line.strip_prefix("  - name: "));
    let names: Vec<&str> = names.collect();
    let [first, second] = names[..] else { panic!("{names:?}") };
    sealed.replace(first, "FIRST").replace(second, first).replace("FIRST", second)
}

#[tokio::test]
async fn exchanged_names_are_taken_when_nothing_can_verify_them() {
    let Some(stage) = Stage::set("exchanged").await else { return };
    let _operator = stage.operate().await;
    stage.apply(&exchanged(stage.space.name())).await;
    let object = stage.says(STOREFRONT.name, HEALTHY).await;
    assert_eq!(condition(&object, "Integrity")["reason"], "Unverifiable");
    let kind = async |name: &str| stage.space.secret(name).await.unwrap().type_.unwrap();
    assert_eq!(kind("storefront-smtp").await, "kubernetes.io/dockerconfigjson");
    assert_eq!(kind("storefront-registry").await, "Opaque");
}

#[tokio::test]
async fn names_exchanged_later_would_change_types_and_touch_nothing() {
    let Some(stage) = Stage::set("exchanged-later").await else { return };
    let _operator = stage.operate().await;
    stage.apply(&STOREFRONT.sealed_for(stage.space.name())).await;
    stage.says(STOREFRONT.name, HEALTHY).await;
    let before = stage.versions().await;
    stage.apply(&exchanged(stage.space.name())).await;
    let object = stage.says(STOREFRONT.name, UPDATE).await;
    let secrets = object["status"]["secrets"].as_array().unwrap();
    let results: Vec<_> = secrets.iter().map(|secret| secret["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["RequiresRecreate", "RequiresRecreate"]);
    assert_eq!(stage.versions().await, before);
}

#[tokio::test]
async fn a_template_that_is_taken_away_takes_its_secret_with_it() {
    let Some(stage) = Stage::set("template-gone").await else { return };
    let _operator = stage.operate().await;
    let sealed = STOREFRONT.sealed_for(stage.space.name());
    stage.kubectl_apply(&sealed);
    stage.says(STOREFRONT.name, HEALTHY).await;
    let kept = stage.space.secret("storefront-smtp").await.unwrap();
    let second = sealed.rfind("  - name: ").unwrap();
    let sops = sealed.find("sops:\n").unwrap();
    stage.kubectl_apply(&format!("{}{}", &sealed[..second], &sealed[sops..]));
    stage.gone("storefront-registry").await;
    stage.says(STOREFRONT.name, HEALTHY).await;
    assert_eq!(stage.space.secret("storefront-smtp").await.unwrap(), kept, "untouched");
}

#[tokio::test]
async fn an_unowned_secret_is_in_the_way_of_its_own_template_only() {
    let Some(stage) = Stage::set("unowned").await else { return };
    let secrets = stage.space.api::<Secret>();
    // The text is compared letter by letter.
    let blocking = unowned("storefront-smtp", &[("sopssecret/managed", "True")]);
    let blocking = secrets.create(&PostParams::default(), &blocking).await.unwrap();
    let _operator = stage.operate().await;
    stage.apply(&STOREFRONT.sealed_for(stage.space.name())).await;
    let object = stage.says(STOREFRONT.name, NOT_OWNED).await;
    assert_eq!(object["status"]["secrets"][0]["result"], "NotOwned");
    assert_eq!(object["status"]["secrets"][1]["result"], "Synced");
    assert_eq!(stage.space.secret("storefront-smtp").await.unwrap(), blocking);
    let wanted = STOREFRONT.secrets().remove(1);
    assert_eq!(stage.space.secret("storefront-registry").await.unwrap().data, wanted.data);

    // Now it offers itself.
    let offer = json!({"metadata": {"annotations": {"sopssecret/managed": "true"}}});
    stage.patch_secret("storefront-smtp", offer).await;
    let object = stage.says(STOREFRONT.name, HEALTHY).await;
    assert_exact(&stage.space, STOREFRONT, uid(&object)).await;
}

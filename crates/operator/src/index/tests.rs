use serde_json::{Value, json};

use super::*;

fn object(spec: i64, status: Value) -> SopsSecret {
    serde_json::from_value(json!({
        "metadata": {"name": "a", "namespace": "n", "uid": "me", "generation": spec},
        "spec": {"x": spec},
        "sops": {},
        "status": status
    }))
    .expect("an object")
}

/// The status that a pass over `object(spec, …)` would leave, with one Secret.
fn healthy(spec: i64, version: &str) -> Value {
    json!({
        "message": "Healthy",
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Synced", "message": "",
             "lastTransitionTime": "2026-01-01T00:00:00Z"}
        ],
        "secrets": [{"name": "s", "uid": "su", "resourceVersion": version, "result": "Synced"}],
        "applied": {"digest": Fingerprint::of(&object(spec, json!({}))).text()}
    })
}

fn secret(name: &str, uid: &str, version: &str, owner: Option<&str>) -> SecretMeta {
    let owners = owner.map(|uid| {
        json!([{"apiVersion": "isindir.github.com/v1alpha3", "kind": "SopsSecret", "name": "a",
                "uid": uid, "controller": true}])
    });
    serde_json::from_value(json!({"metadata": {
        "name": name, "namespace": "n", "uid": uid, "resourceVersion": version,
        "ownerReferences": owners
    }}))
    .expect("metadata")
}

fn name() -> Name {
    Name::new("n", "a")
}

#[test]
fn after_a_restart_what_is_unchanged_is_in_sync_and_nothing_else_is() {
    let start = |spec: i64, status: Value, secrets: &[SecretMeta]| {
        let mut index = Index::default();
        index.see_object(&object(spec, status));
        for secret in secrets {
            index.see_secret(secret);
        }
        index.in_sync(&name())
    };
    let right = secret("s", "su", "5", Some("me"));
    assert!(start(1, healthy(1, "5"), std::slice::from_ref(&right)));
    // Changed, deleted, made anew, of another owner, of none, and one too many.
    assert!(!start(1, healthy(1, "5"), &[secret("s", "su", "6", Some("me"))]));
    assert!(!start(1, healthy(1, "5"), &[]));
    assert!(!start(1, healthy(1, "5"), &[secret("s", "new", "5", Some("me"))]));
    assert!(!start(1, healthy(1, "5"), &[secret("s", "su", "5", Some("other"))]));
    assert!(!start(1, healthy(1, "5"), &[secret("s", "su", "5", None)]));
    assert!(!start(1, healthy(1, "5"), &[right.clone(), secret("t", "tu", "1", Some("me"))]));
    // Another input than the one that was applied, and none.
    assert!(!start(2, healthy(1, "5"), std::slice::from_ref(&right)));
    assert!(!start(1, json!({"message": "Healthy"}), &[right]));
}

#[test]
fn our_own_status_and_our_own_writes_wake_nobody() {
    let mut index = Index::default();
    assert_eq!(index.see_object(&object(1, json!({}))), Wake::Changed);
    assert_eq!(index.see_object(&object(1, healthy(1, "5"))), Wake::No);
    let child = Child { name: "s".into(), uid: "su".into(), version: "5".into(), content: None };
    let seen = Seen {
        uid: "su".into(),
        version: "5".into(),
        owner: Some("me".into()),
        content: None,
        deleting: false,
    };
    index.put_own(&name(), &Name::new("n", "s"), seen, &child);
    assert!(index.see_secret(&secret("s", "su", "5", Some("me"))).is_empty());
    // Whoever changes it, deletes it, or takes its owner away, wakes us.
    assert_eq!(index.see_secret(&secret("s", "su", "6", Some("me"))), [name()]);
    index.want(&name(), vec![Name::new("n", "s")]);
    assert_eq!(index.see_secret(&secret("s", "su", "7", None)), [name()]);
    assert_eq!(index.lose_secret(&Name::new("n", "s")), [name()]);
}

#[test]
fn labels_and_annotations_wake_as_a_new_generation_does() {
    let mut index = Index::default();
    index.see_object(&object(1, json!({})));
    let mut annotated = object(1, json!({}));
    annotated.metadata.plain.annotations = Some([("x".to_owned(), "y".to_owned())].into());
    assert_eq!(index.see_object(&annotated), Wake::Changed);
    assert_eq!(index.see_object(&annotated), Wake::No);
    assert_eq!(index.see_object(&object(2, json!({}))), Wake::Changed);
}

#[test]
fn secrets_of_others_are_remembered_only_while_a_template_wants_their_name() {
    let mut index = Index::default();
    index.see_object(&object(1, json!({})));
    assert!(index.see_secret(&secret("s", "su", "1", None)).is_empty());
    assert_eq!(index.counts(), (1, 0));
    index.want(&name(), vec![Name::new("n", "s")]);
    assert_eq!(index.see_secret(&secret("s", "su", "2", None)), [name()]);
    assert_eq!(index.counts(), (1, 1));
    // A blocking Secret that goes is noticed.
    assert_eq!(index.lose_secret(&Name::new("n", "s")), [name()]);
    index.see_secret(&secret("s", "su", "3", None));
    index.want(&name(), Vec::new());
    assert_eq!(index.counts(), (1, 0));
}

#[test]
fn what_a_complete_list_lacks_is_gone() {
    let mut index = Index::default();
    index.see_object(&object(1, healthy(1, "5")));
    index.see_secret(&secret("s", "su", "5", Some("me")));
    assert_eq!(index.retain_secrets(|_| false), [name()]);
    assert!(!index.in_sync(&name()));
    index.retain_objects(|_| false);
    assert_eq!(index.counts(), (0, 0));
    assert!(index.by_uid("me").is_none());
}

#[test]
fn an_object_of_the_same_name_is_another_one() {
    let mut index = Index::default();
    index.see_object(&object(1, healthy(1, "5")));
    let mut other = object(1, json!({}));
    other.metadata.plain.uid = Some("other".into());
    assert_eq!(index.see_object(&other), Wake::Changed);
    assert!(index.by_uid("me").is_none());
    assert!(index.object(&name()).is_some_and(|known| known.applied.is_none()));
}

#[test]
fn versions_that_others_make_are_written_now_and_then() {
    let mut index = Index::default();
    index.see_object(&object(1, healthy(1, "5")));
    let status =
        |version: &str| serde_json::from_value::<Status>(healthy(1, version)).expect("a status");
    assert!(!index.renewal_is_due(&name(), &status("5"), &status("5")));
    assert!(!index.renewal_is_due(&name(), &status("5"), &status("6")));
    let due = index.renewal(&name()).expect("it is due some time");
    assert!(due > Instant::now());
    // The first change decides, however many follow.
    assert!(!index.renewal_is_due(&name(), &status("5"), &status("7")));
    assert_eq!(index.renewal(&name()), Some(due));
    assert!(!index.renewal_is_due(&name(), &status("7"), &status("7")));
    assert_eq!(index.renewal(&name()), None);
}

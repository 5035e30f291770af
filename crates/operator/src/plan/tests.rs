use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldsV1;
use serde_json::json;

use super::*;
use crate::fingerprint::Fingerprint;
use crate::ownership::Rival;

struct Nobody;

impl Others for Nobody {
    fn rival(&self, _: &str) -> Option<Rival> {
        None
    }

    fn was_taken(&self, _: &str, _: &str) -> bool {
        false
    }
}

fn object() -> SopsSecret {
    serde_json::from_value(json!({
        "metadata": {"name": "a", "namespace": "n", "uid": "me", "generation": 1}
    }))
    .expect("an object")
}

fn desired(labels: &[(&str, &str)], data: &[(&str, &str)]) -> Desired {
    let text = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let bytes = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned().into());
    Desired {
        name: "s".into(),
        kind: "Opaque".into(),
        labels: labels.iter().map(text).collect(),
        annotations: BTreeMap::new(),
        data: data.iter().map(bytes).collect(),
    }
}

/// New content gets an id, which nobody can foretell.
fn ids() -> Ids {
    let object = object();
    Ids::of(&object, Fingerprint::of(&object), "s", true)
}

fn decide(desired: &Desired, live: Option<&Secret>, enforces: bool) -> Step {
    let me = Me { uid: "me", created: 0, enforces };
    step(&object(), desired, live, &me, &Nobody, &ids())
}

/// A Secret as the API server would give it back.
fn stored(desired: &Desired, manager: &str) -> Secret {
    let mut secret = new(&object(), desired);
    let keys = desired.labels.keys().map(|key| (format!("f:{key}"), json!({})));
    secret.metadata.managed_fields = Some(vec![entry(manager, keys.collect())]);
    secret.metadata.resource_version = Some("5".into());
    secret
}

fn entry(manager: &str, labels: serde_json::Map<String, serde_json::Value>) -> ManagedFieldsEntry {
    ManagedFieldsEntry {
        manager: Some(manager.into()),
        operation: Some("Update".into()),
        fields_v1: Some(FieldsV1(json!({"f:metadata": {"f:labels": labels}}))),
        ..ManagedFieldsEntry::default()
    }
}

fn updated(step: Step) -> Secret {
    match step {
        Step::Update(secret, _) => *secret,
        other => panic!("{other:?}"),
    }
}

fn labels(secret: &Secret) -> Vec<&str> {
    secret.metadata.labels.iter().flatten().map(|(key, _)| key.as_str()).collect()
}

#[test]
fn what_is_missing_is_made_whole() {
    let Step::Create(secret) = decide(&desired(&[("l", "1")], &[("k", "v")]), None, false) else {
        panic!("it is missing")
    };
    let owner = &secret.metadata.owner_references.as_ref().expect("an owner")[0];
    assert_eq!((owner.uid.as_str(), owner.controller), ("me", Some(true)));
    assert_eq!(owner.block_owner_deletion, Some(true));
    assert_eq!(owner.api_version, "isindir.github.com/v1alpha3");
    assert_eq!(secret.data.as_ref().map(|data| data["k"].0.as_slice()), Some(&b"v"[..]));
    assert_eq!(secret.string_data, None);
}

#[test]
fn what_is_right_is_left_alone_whoever_wrote_it() {
    let wanted = desired(&[("l", "1")], &[("k", "v")]);
    for manager in [MANAGER, MANAGER_OF_THE_ORIGINAL, "kubectl"] {
        let step = decide(&wanted, Some(&stored(&wanted, manager)), false);
        assert!(matches!(step, Step::Keep), "{manager}: {step:?}");
    }
}

#[test]
fn keys_of_data_that_the_template_does_not_have_go() {
    let wanted = desired(&[], &[("k", "v")]);
    let mut live = stored(&wanted, MANAGER);
    live.data.get_or_insert_default().insert("foreign".into(), ByteString(b"x".to_vec()));
    let secret = updated(decide(&wanted, Some(&live), false));
    assert_eq!(
        secret.data.map(|data| data.into_keys().collect::<Vec<_>>()),
        Some(vec!["k".into()])
    );
    assert_eq!(secret.metadata.resource_version.as_deref(), Some("5"));
}

#[test]
fn labels_of_others_stay_and_labels_of_earlier_templates_go() {
    let before = desired(&[("old", "1"), ("kept", "1")], &[("k", "v")]);
    let now = desired(&[("kept", "2")], &[("k", "v")]);
    for manager in [MANAGER, MANAGER_OF_THE_ORIGINAL] {
        let mut live = stored(&before, manager);
        live.metadata.labels.get_or_insert_default().insert("foreign".into(), "1".into());
        let secret = updated(decide(&now, Some(&live), false));
        assert_eq!(labels(&secret), ["foreign", "kept"], "{manager}");
        let managers = secret.metadata.managed_fields.expect("entries");
        assert_eq!(managers[0].manager.as_deref(), Some(MANAGER), "{manager}");
    }
    // A label that somebody else set is nobody's but theirs, and alone no reason to write.
    let mut live = stored(&now, MANAGER);
    live.metadata.labels.get_or_insert_default().insert("foreign".into(), "1".into());
    assert!(matches!(decide(&now, Some(&live), false), Step::Keep));
}

#[test]
fn once_we_wrote_the_name_of_the_original_is_somebody_else() {
    let now = desired(&[], &[("k", "v")]);
    let mut live = stored(&now, MANAGER);
    live.metadata.labels = Some([("theirs".to_owned(), "1".to_owned())].into());
    let theirs = json!({"f:theirs": {}}).as_object().cloned().expect("a map");
    let entries = live.metadata.managed_fields.get_or_insert_default();
    entries.push(entry(MANAGER_OF_THE_ORIGINAL, theirs));
    assert!(matches!(decide(&now, Some(&live), false), Step::Keep));
}

#[test]
fn a_takeover_replaces_owners_and_drops_the_offer() {
    let wanted = desired(&[], &[("k", "v")]);
    let mut live = stored(&wanted, "kubectl");
    live.metadata.owner_references = None;
    live.metadata.annotations =
        Some([(MANAGED.to_owned(), "true".to_owned()), ("x".to_owned(), "y".to_owned())].into());
    let Step::Update(secret, Some(_)) = decide(&wanted, Some(&live), false) else {
        panic!("it offers itself")
    };
    let annotations: Vec<_> = secret.metadata.annotations.into_iter().flatten().collect();
    assert_eq!(annotations, [("x".to_owned(), "y".to_owned())]);
    assert_eq!(secret.metadata.owner_references.map(|owners| owners.len()), Some(1));
}

#[test]
fn what_cannot_be_changed_is_told_and_not_tried() {
    let wanted = desired(&[], &[("k", "v")]);
    let mut typed = stored(&wanted, MANAGER);
    typed.type_ = Some("kubernetes.io/basic-auth".into());
    typed.data = None;
    let mut fixed = stored(&desired(&[], &[("k", "other")]), MANAGER);
    fixed.immutable = Some(true);
    for live in [typed, fixed] {
        let step = decide(&wanted, Some(&live), false);
        assert!(matches!(step, Step::Refuse(TemplateReason::RequiresRecreate, _)), "{step:?}");
    }
    // Immutable and right is right.
    let mut right = stored(&wanted, MANAGER);
    right.immutable = Some(true);
    assert!(matches!(decide(&wanted, Some(&right), false), Step::Keep));
}

#[test]
fn an_id_changes_with_the_data_and_with_nothing_else() {
    let id = |secret: &Secret| content::of(&secret.metadata);
    let Step::Create(first) = decide(&desired(&[], &[("k", "v")]), None, false) else {
        panic!("it is missing")
    };
    assert!(id(&first).is_some(), "{:?}", first.metadata);
    // As the API server gives it back, where our fields are known to be ours.
    let mut live = *first.clone();
    let fields = json!({"f:metadata": {"f:annotations": {"f:sops-operator/content": {}}}});
    live.metadata.managed_fields = Some(vec![ManagedFieldsEntry {
        fields_v1: Some(FieldsV1(fields)),
        ..entry(MANAGER, serde_json::Map::new())
    }]);
    assert!(matches!(decide(&desired(&[], &[("k", "v")]), Some(&live), false), Step::Keep));
    let labelled = updated(decide(&desired(&[("l", "1")], &[("k", "v")]), Some(&live), false));
    assert_eq!(id(&labelled), id(&first));
    let other = updated(decide(&desired(&[], &[("k", "w")]), Some(&live), false));
    assert!(id(&other).is_some_and(|other| Some(other) != id(&first)));
    // A template cannot set it, and does not make us write all the time.
    let mut template = desired(&[], &[("k", "v")]);
    template.annotations.insert(content::CONTENT.into(), "mine".into());
    assert!(matches!(decide(&template, Some(&live), false), Step::Keep));
}

#[test]
fn no_data_and_empty_data_are_the_same() {
    let wanted = desired(&[], &[]);
    let mut live = stored(&wanted, MANAGER);
    live.data = Some(BTreeMap::new());
    assert!(matches!(decide(&wanted, Some(&live), false), Step::Keep));
}

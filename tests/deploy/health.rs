//! The health check for Argo CD, run by the Lua interpreter that Argo CD embeds.

use serde_json::{Value, json};

use crate::render::{Referee, deploy};

fn condition(kind: &str, status: &str, observed: u64) -> Value {
    json!({"type": kind, "status": status, "reason": "R", "message": format!("about {kind}"),
           "observedGeneration": observed, "lastTransitionTime": "2026-01-15T10:00:00Z"})
}

/// An object of the third generation.
fn object(spec: Value, status: Value) -> Value {
    json!({"apiVersion": "isindir.github.com/v1alpha3", "kind": "SopsSecret",
           "metadata": {"name": "storefront", "namespace": "shop", "generation": 3},
           "spec": spec, "status": status})
}

fn reported(observed: u64, conditions: Vec<Value>) -> Value {
    json!({"message": "Decryption error", "observedGeneration": observed, "conditions": conditions})
}

#[test]
fn argo_cd_shows_what_the_operator_says() {
    let Some(referee) = Referee::needed() else { return };
    let none = || json!({});
    let cases = [
        ("no status", object(none(), Value::Null), "Progressing", "Waiting for the operator"),
        ("an empty status", object(none(), json!({})), "Progressing", "Waiting for the operator"),
        ("not even a spec", json!({"metadata": {}}), "Progressing", "Waiting for the operator"),
        (
            "suspended",
            object(json!({"suspend": true}), reported(3, vec![condition("Ready", "False", 3)])),
            "Suspended",
            "Reconciliation is suspended",
        ),
        (
            "suspended, nothing reported",
            object(json!({"suspend": true}), Value::Null),
            "Suspended",
            "Reconciliation is suspended",
        ),
        (
            "ready before the last change",
            object(none(), reported(2, vec![condition("Ready", "True", 2)])),
            "Progressing",
            "The operator has not seen the last change yet",
        ),
        (
            "the condition alone is old",
            object(none(), reported(3, vec![condition("Ready", "True", 2)])),
            "Progressing",
            "The operator has not seen the last change yet",
        ),
        (
            "failed before the last change",
            object(none(), reported(2, vec![condition("Stalled", "True", 2)])),
            "Progressing",
            "The operator has not seen the last change yet",
        ),
        (
            "ready",
            object(
                json!({"suspend": false}),
                reported(
                    3,
                    vec![condition("Integrity", "Unknown", 3), condition("Ready", "True", 3)],
                ),
            ),
            "Healthy",
            "about Ready",
        ),
        (
            "not ready",
            object(none(), reported(3, vec![condition("Ready", "False", 3)])),
            "Degraded",
            "about Ready",
        ),
        (
            "not ready, tried again",
            object(
                none(),
                reported(
                    3,
                    vec![condition("Reconciling", "True", 3), condition("Ready", "False", 3)],
                ),
            ),
            "Degraded",
            "about Ready",
        ),
        (
            "not known yet",
            object(none(), reported(3, vec![condition("Ready", "Unknown", 3)])),
            "Progressing",
            "about Ready",
        ),
        (
            "stalled",
            object(
                none(),
                reported(
                    3,
                    vec![condition("Ready", "Unknown", 3), condition("Stalled", "True", 3)],
                ),
            ),
            "Degraded",
            "about Stalled",
        ),
        (
            "not stalled",
            object(
                none(),
                reported(3, vec![condition("Ready", "True", 3), condition("Stalled", "False", 3)]),
            ),
            "Healthy",
            "about Ready",
        ),
        (
            "the original: healthy",
            object(none(), json!({"message": "Healthy"})),
            "Healthy",
            "Healthy",
        ),
        (
            "the original: resumed, not noticed yet",
            object(json!({"suspend": false}), json!({"message": "Reconciliation is suspended"})),
            "Progressing",
            "Waiting for the operator",
        ),
        (
            "the original: no message yet",
            object(none(), json!({"message": ""})),
            "Progressing",
            "Waiting for the operator",
        ),
    ];
    let script = deploy("argocd/health.lua");
    for (name, object, status, message) in cases {
        let found = referee.health(&script, &object);
        assert_eq!(found, json!({"status": status, "message": message}), "{name}");
    }
    // Operator spec §6.1: the six that are failures.
    for text in [
        "Decryption error",
        "Child secret is not owned by controller error",
        "New child secret creation error",
        "Child secret update error",
        "Setting controller ownership of the child secret error",
        "Unknown Error",
    ] {
        let found = referee.health(&script, &object(none(), json!({"message": text})));
        assert_eq!(found, json!({"status": "Degraded", "message": text}));
    }
}

#[test]
fn the_patch_of_argo_cd_holds_the_check() {
    let Some(referee) = Referee::needed() else { return };
    let patch = referee.file(&deploy("argocd/argocd-cm.yaml")).remove(0);
    let name = "resource.customizations.health.isindir.github.com_SopsSecret";
    let check = std::fs::read_to_string(deploy("argocd/health.lua")).unwrap();
    assert_eq!(patch["data"][name], check);
    assert_eq!(patch["metadata"]["name"], "argocd-cm");
}

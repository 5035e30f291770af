//! The operator may do what it has to, and no more (operator spec §9.4).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::render::{FULLNAME, NAMESPACE, Objects, Renderer, texts};

/// Rights as `group/resource verb`; those on one object only as `group/resource=name verb`.
fn rights(role: &Value) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        let names = rule["resourceNames"].as_array().map(|_| texts(&rule["resourceNames"]));
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for verb in texts(&rule["verbs"]) {
                    for name in names.clone().unwrap_or_else(|| vec![""]) {
                        let name = if name.is_empty() { String::new() } else { format!("={name}") };
                        let right = format!("{group}/{resource}{name} {verb}");
                        assert!(all.insert(right.clone()), "{right} twice");
                    }
                }
            }
        }
    }
    all
}

/// `"group/resource verb verb"` for each line, as [`rights`] writes them.
fn listed(lines: &[&str]) -> BTreeSet<String> {
    lines
        .iter()
        .flat_map(|line| {
            let (what, verbs) = line.split_once(' ').unwrap();
            verbs.split(' ').map(move |verb| format!("{what} {verb}"))
        })
        .collect()
}

const LOOK: [&str; 2] =
    ["isindir.github.com/sopssecrets get list watch", "/secrets get list watch"];

const WORK: [&str; 5] = [
    "isindir.github.com/sopssecrets/status get patch update",
    "isindir.github.com/sopssecrets/finalizers update",
    "/secrets create update patch delete",
    "/events create patch",
    "events.k8s.io/events create patch",
];

const NAMESPACES: [&str; 1] = ["/namespaces get list watch"];

const LEASE: [&str; 2] = [
    "coordination.k8s.io/leases create",
    "coordination.k8s.io/leases=ca57d051.github.com get update patch",
];

const ROLLOUT: [&str; 4] = [
    "apps/deployments get list watch patch",
    "apps/statefulsets get list watch patch",
    "apps/daemonsets get list watch patch",
    "argoproj.io/rollouts get list watch patch",
];

fn lease(objects: &Objects) -> &Value {
    let role = objects.named("Role", &format!("{FULLNAME}-leader-election"));
    assert_eq!(role["metadata"]["namespace"], NAMESPACE);
    role
}

#[test]
fn in_all_namespaces() {
    let Some(renderer) = Renderer::needed() else { return };
    let objects = renderer.render("{}");
    let wanted = listed(&[&LOOK[..], &WORK, &NAMESPACES].concat());
    assert_eq!(rights(objects.one("ClusterRole")), wanted);
    assert_eq!(rights(lease(&objects)), listed(&LEASE));
    assert_eq!(objects.of("Role").len(), 1);
}

#[test]
fn in_some_namespaces() {
    let Some(renderer) = Renderer::needed() else { return };
    let objects = renderer.render("namespaced: true\nwatchNamespaces: [shop, finance, tools]");
    assert!(objects.of("ClusterRole").is_empty());
    assert!(objects.of("ClusterRoleBinding").is_empty());
    let mut namespaces = Vec::new();
    for role in objects.of("Role") {
        if role["metadata"]["name"] != FULLNAME {
            continue;
        }
        assert_eq!(rights(role), listed(&[&LOOK[..], &WORK].concat()));
        namespaces.push(role["metadata"]["namespace"].as_str().unwrap());
    }
    assert_eq!(namespaces, ["finance", "shop", "tools"]);
    for binding in objects.of("RoleBinding") {
        let subject = &binding["subjects"][0];
        assert_eq!(
            (&subject["name"], &subject["namespace"]),
            (&FULLNAME.into(), &NAMESPACE.into())
        );
        assert_eq!(binding["roleRef"]["name"], binding["metadata"]["name"]);
    }
    assert_eq!(rights(lease(&objects)), listed(&LEASE));
}

#[test]
fn rollouts_have_rights_of_their_own() {
    let Some(renderer) = Renderer::needed() else { return };
    let objects = renderer.render("rolloutRestarts: {enabled: true}");
    let wanted = listed(&[&LOOK[..], &WORK, &NAMESPACES, &ROLLOUT].concat());
    assert_eq!(rights(objects.one("ClusterRole")), wanted);
}

#[test]
fn shadow_mode_only_looks() {
    let Some(renderer) = Renderer::needed() else { return };
    let objects = renderer.render("mode: shadow\nrolloutRestarts: {enabled: true}");
    assert_eq!(rights(objects.one("ClusterRole")), listed(&[&LOOK[..], &NAMESPACES].concat()));
    assert!(objects.of("Role").is_empty(), "it takes no lease");
}

/// Operator spec §1.6.
#[test]
fn people_get_roles_when_asked_for() {
    let Some(renderer) = Renderer::needed() else { return };
    let objects = renderer.render("rbac: {helperRoles: {enabled: true, aggregate: true}}");
    let editor = objects.named("ClusterRole", &format!("{FULLNAME}-sopssecret-editor-role"));
    let edit = [
        "isindir.github.com/sopssecrets create delete get list patch update watch",
        "isindir.github.com/sopssecrets/status get",
    ];
    assert_eq!(rights(editor), listed(&edit));
    assert_eq!(editor["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"], "true");
    let viewer = objects.named("ClusterRole", &format!("{FULLNAME}-sopssecret-viewer-role"));
    let view = [
        "isindir.github.com/sopssecrets get list watch",
        "isindir.github.com/sopssecrets/status get",
    ];
    assert_eq!(rights(viewer), listed(&view));
    let label = |role: &Value, to: &str| {
        role["metadata"]["labels"][format!("rbac.authorization.k8s.io/aggregate-to-{to}")].clone()
    };
    assert_eq!(label(viewer, "view"), "true");
    let alone = renderer.render("rbac: {helperRoles: {enabled: true}}");
    for role in alone.of("ClusterRole") {
        assert!(["admin", "edit", "view"].iter().all(|to| label(role, to).is_null()));
    }
}

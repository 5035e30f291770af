//! Workloads, and of each only what decides about a rollout.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use kube::core::DynamicResourceScope;
use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::object::Name;

/// The annotation by which a workload asks: `true`, or names of Secrets with commas between.
const ASK: &str = "sops-operator/rollout";
/// The annotation that makes rollouts wait.
const PAUSED: &str = "sops-operator/rollout-paused";
/// The annotation in which it is kept which contents a workload has.
pub(crate) const SEEN: &str = "sops-operator/seen";
/// The annotation of the pod template whose change rolls it out.
pub(crate) const ROLLED_FOR: &str = "sops-operator/rolled-for";

/// A kind of workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
    /// Of Argo Rollouts.
    Rollout,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] =
        [Self::Deployment, Self::StatefulSet, Self::DaemonSet, Self::Rollout];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Rollout => "Rollout",
        }
    }

    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::Rollout => "rollouts",
        }
    }

    pub(crate) fn group(self) -> &'static str {
        if self == Self::Rollout { "argoproj.io" } else { "apps" }
    }

    pub(crate) fn version(self) -> &'static str {
        if self == Self::Rollout { "v1alpha1" } else { "v1" }
    }

    pub(crate) fn api_version(self) -> String {
        format!("{}/{}", self.group(), self.version())
    }
}

/// Which workload.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    pub(crate) name: Name,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.name)
    }
}

impl Key {
    /// What events are published about.
    pub(crate) fn reference(&self, uid: &str) -> ObjectReference {
        ObjectReference {
            api_version: Some(self.kind.api_version()),
            kind: Some(self.kind.name().to_owned()),
            name: Some(self.name.name().to_owned()),
            namespace: Some(self.name.namespace().to_owned()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        }
    }
}

/// What is kept of a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) uid: Box<str>,
    /// The Secrets that it asks about by its annotation.
    pub(crate) asks: Box<[Box<str>]>,
    /// [`SEEN`], as it stands.
    pub(crate) seen: Option<Box<str>>,
    /// [`ROLLED_FOR`], as it stands.
    pub(crate) rolled_for: Option<Box<str>>,
    /// By the annotation, or by its own `spec.paused`.
    pub(crate) paused: bool,
    /// Kind and name of what controls it.
    pub(crate) controller: Option<Box<str>>,
    /// Whether its pod template is its own; a Rollout may refer to that of a Deployment.
    pub(crate) has_template: bool,
    /// Whether pods stay until somebody deletes them.
    pub(crate) on_delete: bool,
    pub(crate) deleting: bool,
}

/// A workload as it comes from the API server.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    /// Names, UID and version.
    metadata: ObjectMeta,
    pub(crate) facts: Facts,
}

impl Workload {
    pub(crate) fn name(&self) -> Name {
        Name::of(&self.metadata)
    }

    pub(crate) fn version(&self) -> &str {
        self.metadata.resource_version.as_deref().unwrap_or_default()
    }
}

impl kube::Resource for Workload {
    type DynamicType = Kind;
    type Scope = DynamicResourceScope;

    fn kind(kind: &Kind) -> Cow<'_, str> {
        kind.name().into()
    }

    fn group(kind: &Kind) -> Cow<'_, str> {
        kind.group().into()
    }

    fn version(kind: &Kind) -> Cow<'_, str> {
        kind.version().into()
    }

    fn plural(kind: &Kind) -> Cow<'_, str> {
        kind.plural().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl<'de> Deserialize<'de> for Workload {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Whole {
            metadata: Meta,
            /// Read apart: one object that is not understood must not keep the list away.
            #[serde(default)]
            spec: Option<Box<RawValue>>,
        }
        let Whole { metadata, spec } = Whole::deserialize(from)?;
        let spec: Spec =
            spec.and_then(|spec| serde_json::from_str(spec.get()).ok()).unwrap_or_default();
        let facts = facts(&metadata, &spec);
        let metadata = ObjectMeta {
            name: metadata.name,
            namespace: metadata.namespace,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            ..ObjectMeta::default()
        };
        Ok(Self { metadata, facts })
    }
}

fn facts(metadata: &Meta, spec: &Spec) -> Facts {
    let annotation = |key: &str| metadata.annotations.as_ref()?.get(key).map(String::as_str);
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let controller = owners.iter().find(|owner| owner.controller == Some(true));
    let template = spec.template.as_ref();
    let marks = template.and_then(|template| template.metadata.as_ref()?.annotations.as_ref());
    let strategy = spec.update_strategy.as_ref().and_then(|strategy| strategy.kind.as_deref());
    Facts {
        uid: metadata.uid.as_deref().unwrap_or_default().into(),
        asks: asks(annotation(ASK).unwrap_or_default(), template),
        seen: annotation(SEEN).map(Into::into),
        rolled_for: marks.and_then(|marks| marks.get(ROLLED_FOR)).map(|mark| mark.as_str().into()),
        paused: annotation(PAUSED) == Some("true") || spec.paused == Some(true),
        controller: controller.map(|owner| format!("{} {}", owner.kind, owner.name).into()),
        has_template: template.is_some(),
        on_delete: strategy == Some("OnDelete"),
        deleting: metadata.deletion_timestamp.is_some(),
    }
}

/// The Secrets that an annotation is about.
fn asks(annotation: &str, template: Option<&Template>) -> Box<[Box<str>]> {
    let words = annotation.split(',').map(str::trim);
    let mut all = BTreeSet::new();
    for word in words {
        match word {
            "" | "false" => {}
            "true" => all.extend(template.iter().flat_map(|template| template.read_once())),
            name => {
                all.insert(name);
            }
        }
    }
    all.into_iter().map(Into::into).collect()
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    deletion_timestamp: Option<Time>,
    annotations: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<OwnerReference>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    paused: Option<bool>,
    template: Option<Template>,
    update_strategy: Option<Strategy>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Strategy {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Template {
    metadata: Option<Marks>,
    spec: Pod,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Marks {
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Pod {
    containers: Option<Vec<Container>>,
    init_containers: Option<Vec<Container>>,
    volumes: Option<Vec<Volume>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Container {
    env: Option<Vec<Variable>>,
    env_from: Option<Vec<Variables>>,
    volume_mounts: Option<Vec<Mount>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Variable {
    value_from: Option<Source>,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Source {
    secret_key_ref: Option<Reference>,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Variables {
    secret_ref: Option<Reference>,
}

/// A reference to a Secret: two places call its name so, one otherwise.
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reference {
    #[serde(alias = "secretName")]
    name: Option<String>,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Mount {
    name: String,
    sub_path: Option<String>,
    sub_path_expr: Option<String>,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Volume {
    name: String,
    secret: Option<Reference>,
    projected: Option<Projected>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Projected {
    sources: Option<Vec<Projection>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Projection {
    secret: Option<Reference>,
}

impl Template {
    /// The Secrets that a pod reads when it starts and never again: variables, and files mounted
    /// by `subPath`. A volume that is mounted whole follows its Secret by itself.
    fn read_once(&self) -> BTreeSet<&str> {
        fn all<T>(list: &Option<Vec<T>>) -> &[T] {
            list.as_deref().unwrap_or_default()
        }
        fn name(reference: Option<&Reference>) -> Option<&str> {
            reference?.name.as_deref()
        }
        let pod = &self.spec;
        let mut found = BTreeSet::new();
        for container in all(&pod.containers).iter().chain(all(&pod.init_containers)) {
            let sources = all(&container.env).iter().filter_map(|env| env.value_from.as_ref());
            found.extend(sources.filter_map(|source| name(source.secret_key_ref.as_ref())));
            let whole = all(&container.env_from).iter();
            found.extend(whole.filter_map(|from| name(from.secret_ref.as_ref())));
            for mount in all(&container.volume_mounts) {
                let part = [&mount.sub_path, &mount.sub_path_expr];
                if part.into_iter().flatten().all(String::is_empty) {
                    continue;
                }
                for volume in all(&pod.volumes).iter().filter(|one| one.name == mount.name) {
                    found.extend(name(volume.secret.as_ref()));
                    let parts = volume.projected.as_ref().map(|projected| &projected.sources);
                    let parts = parts.map(all).unwrap_or_default();
                    found.extend(parts.iter().filter_map(|part| name(part.secret.as_ref())));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(ask: &str, spec: Value) -> Facts {
        let object = json!({
            "metadata": {"name": "web", "uid": "u", "annotations": {ASK: ask}}, "spec": spec
        });
        serde_json::from_value::<Workload>(object).expect("a workload").facts
    }

    fn template() -> Value {
        json!({"template": {"spec": {
            "initContainers": [{"env": [
                {"name": "PLAIN", "value": "x"},
                {"name": "A", "valueFrom": {"secretKeyRef": {"name": "by-variable", "key": "k"}}},
                {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "no-secret", "key": "k"}}},
            ]}],
            "containers": [{
                "envFrom": [{"secretRef": {"name": "by-all"}}, {"configMapRef": {"name": "no"}}],
                "volumeMounts": [
                    {"name": "whole", "mountPath": "/w"},
                    {"name": "empty", "mountPath": "/e", "subPath": ""},
                    {"name": "part", "mountPath": "/p", "subPath": "f"},
                    {"name": "grown", "mountPath": "/x", "subPathExpr": "$(A)"},
                    {"name": "several", "mountPath": "/s", "subPath": "f"},
                ],
            }],
            "volumes": [
                {"name": "whole", "secret": {"secretName": "by-volume"}},
                {"name": "empty", "secret": {"secretName": "by-empty"}},
                {"name": "part", "secret": {"secretName": "by-part"}},
                {"name": "grown", "secret": {"secretName": "by-expression"}},
                {"name": "several", "projected": {"sources": [
                    {"secret": {"name": "by-projection"}}, {"downwardAPI": {}}]}},
            ],
            "imagePullSecrets": [{"name": "by-kubelet"}],
        }}})
    }

    #[test]
    fn what_a_pod_reads_once_counts_and_what_follows_does_not() {
        let asks = read("true", template()).asks;
        let expected = ["by-all", "by-expression", "by-part", "by-projection", "by-variable"];
        assert_eq!(asks.iter().map(|name| &**name).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn names_count_however_they_are_used() {
        let asks = |ask| read(ask, template()).asks.into_vec();
        assert_eq!(asks(" by-volume, other"), ["by-volume", "other"].map(Box::from));
        assert_eq!(asks("true,other").len(), 6);
        assert!(asks("false").is_empty() && asks("").is_empty());
    }

    #[test]
    fn one_that_is_not_understood_does_not_keep_the_others_away() {
        let facts = read("true", json!({"template": "no template"}));
        assert!(facts.asks.is_empty() && !facts.has_template);
        let facts = read("true", json!({"workloadRef": {"kind": "Deployment", "name": "x"}}));
        assert!(!facts.has_template);
    }

    #[test]
    fn both_ways_to_pause_count() {
        assert!(read("true", json!({"paused": true})).paused);
        let object = json!({"metadata": {"name": "a", "annotations": {PAUSED: "true"}}});
        assert!(serde_json::from_value::<Workload>(object).expect("a workload").facts.paused);
        assert!(!read("true", json!({})).paused);
    }
}

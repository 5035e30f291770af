//! Objects as the watches bring them: only what decides something is taken apart.
//!
//! A cluster may hold ten thousand SopsSecrets and many more Secrets. Of the first, `spec` and
//! `sops` stay the text that came over the wire; of the second, metadata is read without
//! annotations, since `kubectl apply` keeps a copy of the whole Secret in one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::content::CONTENT;
use crate::crd::{GROUP, KIND, PLURAL, VERSION};
use crate::status::Status;

/// The annotation of the original by which a Secret offers itself (operator spec §4.3).
pub(crate) const MANAGED: &str = "sopssecret/managed";

/// Namespace and name, with a slash between, which neither may hold. Copies share the text: the
/// index has the same name in many places, and one allocation for each.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name(Arc<str>);

impl Name {
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self(format!("{namespace}/{name}").into())
    }

    pub(crate) fn of(meta: &ObjectMeta) -> Self {
        let namespace = meta.namespace.as_deref().unwrap_or_default();
        Self::new(namespace, meta.name.as_deref().unwrap_or_default())
    }

    pub(crate) fn namespace(&self) -> &str {
        self.0.split_once('/').map_or("", |(namespace, _)| namespace)
    }

    pub(crate) fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A SopsSecret.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct SopsSecret {
    pub(crate) metadata: Meta,
    #[serde(default)]
    pub(crate) spec: Option<Box<RawValue>>,
    #[serde(default)]
    pub(crate) sops: Option<Box<RawValue>>,
    #[serde(default)]
    pub(crate) status: Option<Status>,
}

/// The metadata of a SopsSecret, without managed fields and without the copy of the whole object
/// that `kubectl apply` keeps in an annotation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meta {
    pub(crate) plain: ObjectMeta,
    /// The API version through which `spec` was written last, if that is an older one.
    pub(crate) older_version: Option<Box<str>>,
    /// Bytes of the copy that `kubectl apply` keeps.
    pub(crate) copy: usize,
}

impl std::ops::Deref for Meta {
    type Target = ObjectMeta;

    fn deref(&self) -> &ObjectMeta {
        &self.plain
    }
}

impl SopsSecret {
    pub(crate) fn name(&self) -> Name {
        Name::of(&self.metadata)
    }

    pub(crate) fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    pub(crate) fn generation(&self) -> i64 {
        self.metadata.generation.unwrap_or_default()
    }

    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(key).map(String::as_str)
    }

    /// What events are published about.
    pub(crate) fn reference(&self) -> ObjectReference {
        ObjectReference {
            api_version: Some(format!("{GROUP}/{VERSION}")),
            kind: Some(KIND.to_owned()),
            name: self.metadata.name.clone(),
            namespace: self.metadata.namespace.clone(),
            uid: self.metadata.uid.clone(),
            resource_version: self.metadata.resource_version.clone(),
            ..ObjectReference::default()
        }
    }

    /// The part of `spec` that is never encrypted.
    pub(crate) fn switches(&self) -> Switches {
        let Some(spec) = &self.spec else { return Switches::default() };
        serde_json::from_str(spec.get()).unwrap_or_default()
    }

    /// Bytes that it takes in memory, roughly.
    pub(crate) fn weight(&self) -> usize {
        let text = |part: &Option<Box<RawValue>>| part.as_ref().map_or(0, |raw| raw.get().len());
        1024 + text(&self.spec) + text(&self.sops)
    }
}

/// What `spec` says beside the templates.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Switches {
    #[serde(default)]
    pub(crate) suspend: Option<bool>,
    #[serde(default)]
    pub(crate) enforce_ownership: Option<bool>,
}

impl kube::Resource for SopsSecret {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        KIND.into()
    }

    fn group((): &()) -> Cow<'_, str> {
        GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        VERSION.into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        PLURAL.into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata.plain
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata.plain
    }
}

impl<'de> Deserialize<'de> for Meta {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Part {
            name: Option<String>,
            namespace: Option<String>,
            uid: Option<String>,
            resource_version: Option<String>,
            generation: Option<i64>,
            creation_timestamp: Option<Time>,
            deletion_timestamp: Option<Time>,
            labels: Option<BTreeMap<String, String>>,
            annotations: Option<BTreeMap<String, String>>,
            #[serde(default)]
            managed_fields: Vec<Manager>,
        }
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Manager {
            api_version: Option<Box<str>>,
            time: Option<Time>,
            fields_v1: Option<Box<RawValue>>,
        }
        let mut part = Part::deserialize(from)?;
        let mut copy = 0;
        if let Some(annotations) = &mut part.annotations {
            copy = annotations.remove(LAST_APPLIED).map_or(0, |copy| copy.len());
        }
        let wrote_spec = |manager: &Manager| {
            manager.fields_v1.as_ref().is_some_and(|fields| fields.get().contains("\"f:spec\""))
        };
        let last = part.managed_fields.into_iter().filter(wrote_spec);
        let last =
            last.max_by(|a, b| a.time.as_ref().map(|t| t.0).cmp(&b.time.as_ref().map(|t| t.0)));
        let version = last.and_then(|manager| manager.api_version);
        let older_version =
            version.filter(|version| is_of_group(version) && !version.ends_with(VERSION));
        let plain = ObjectMeta {
            name: part.name,
            namespace: part.namespace,
            uid: part.uid,
            resource_version: part.resource_version,
            generation: part.generation,
            creation_timestamp: part.creation_timestamp,
            deletion_timestamp: part.deletion_timestamp,
            labels: part.labels,
            annotations: part.annotations,
            ..ObjectMeta::default()
        };
        Ok(Self { plain, older_version, copy })
    }
}

/// The annotation in which `kubectl apply` keeps a copy of what it applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The metadata of a Secret, without its labels, most annotations and managed fields.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct SecretMeta {
    #[serde(deserialize_with = "with_what_counts")]
    pub(crate) metadata: ObjectMeta,
}

impl SecretMeta {
    /// The UID of the SopsSecret that controls it.
    pub(crate) fn controlled_by(&self) -> Option<&str> {
        let owners = self.metadata.owner_references.as_deref().unwrap_or_default();
        let controller = owners.iter().find(|owner| owner.controller == Some(true))?;
        let ours = controller.kind == KIND && is_of_group(&controller.api_version);
        ours.then_some(controller.uid.as_str())
    }
}

/// Whether an `apiVersion` is one of SopsSecrets, of whatever version.
pub(crate) fn is_of_group(api_version: &str) -> bool {
    api_version.strip_prefix(GROUP).is_some_and(|rest| rest.starts_with('/'))
}

impl kube::Resource for SecretMeta {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Secret".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "secrets".into()
    }

    fn metadata_api() -> bool {
        true
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// Metadata with what the index of Secrets needs.
fn with_what_counts<'de, D: Deserializer<'de>>(from: D) -> Result<ObjectMeta, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Part {
        name: Option<String>,
        namespace: Option<String>,
        uid: Option<String>,
        resource_version: Option<String>,
        deletion_timestamp: Option<Time>,
        owner_references: Option<Vec<OwnerReference>>,
        #[serde(default)]
        annotations: Option<Counting>,
    }
    let part = Part::deserialize(from)?;
    Ok(ObjectMeta {
        name: part.name,
        namespace: part.namespace,
        uid: part.uid,
        resource_version: part.resource_version,
        deletion_timestamp: part.deletion_timestamp,
        owner_references: part.owner_references,
        annotations: part.annotations.map(|Counting(all)| all).filter(|all| !all.is_empty()),
        ..ObjectMeta::default()
    })
}

/// The annotation that counts. The values of others, among them the copy of the whole Secret that
/// `kubectl apply` keeps, never leave the reader's buffer.
struct Counting(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Counting {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Annotations;
        impl<'de> Visitor<'de> for Annotations {
            type Value = Counting;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("annotations")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Counting, A::Error> {
                let mut found = BTreeMap::new();
                while let Some(key) = map.next_key::<Cow<'_, str>>()? {
                    if key == CONTENT {
                        found.insert(key.into_owned(), map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Counting(found))
            }
        }
        from.deserialize_map(Annotations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_secret_only_the_annotation_that_counts_is_kept() {
        let secret: SecretMeta = serde_json::from_str(
            r#"{"kind":"PartialObjectMetadata","metadata":{"name":"a","namespace":"b","uid":"u",
                "resourceVersion":"7","annotations":{"kubectl.kubernetes.io/last-applied-configuration":
                "{\"data\":{}}","sops-operator/content":"c"},"ownerReferences":[{"apiVersion":
                "isindir.github.com/v1alpha3","kind":"SopsSecret","name":"x","uid":"o","controller":true}]}}"#,
        )
        .expect("metadata");
        assert_eq!(secret.controlled_by(), Some("o"));
        assert_eq!(crate::content::of(&secret.metadata).as_deref(), Some("c"));
        assert_eq!(secret.metadata.annotations.map(|all| all.len()), Some(1));
    }

    #[test]
    fn whoever_is_not_the_controller_does_not_control() {
        let owned = |kind: &str, group: &str, controller: &str| {
            let text = format!(
                r#"{{"metadata":{{"ownerReferences":[{{"apiVersion":"{group}/v1","kind":"{kind}",
                "name":"x","uid":"o"{controller}}}]}}}}"#
            );
            let secret: SecretMeta = serde_json::from_str(&text).expect("metadata");
            secret.controlled_by().map(str::to_owned)
        };
        assert_eq!(owned(KIND, GROUP, r#","controller":true"#), Some("o".to_owned()));
        assert_eq!(owned(KIND, GROUP, ""), None);
        assert_eq!(owned("SealedSecret", GROUP, r#","controller":true"#), None);
        assert_eq!(owned(KIND, "isindir.github.community", r#","controller":true"#), None);
    }

    #[test]
    fn the_version_counts_through_which_spec_was_written_last() {
        let entry = |version: &str, second: u8, field: &str| {
            format!(
                r#"{{"apiVersion":"isindir.github.com/{version}","time":"2026-01-01T00:00:0{second}Z",
                "fieldsV1":{{"f:{field}":{{}}}}}}"#
            )
        };
        let of = |entries: &[String]| {
            let text = format!(r#"{{"managedFields":[{}]}}"#, entries.join(","));
            serde_json::from_str::<Meta>(&text).expect("metadata").older_version
        };
        let (old, new) = (entry("v1alpha2", 1, "spec"), entry("v1alpha3", 2, "spec"));
        let status = entry("v1alpha2", 9, "status");
        assert_eq!(of(std::slice::from_ref(&old)).as_deref(), Some("isindir.github.com/v1alpha2"));
        assert_eq!(of(&[old, status, new]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn the_text_of_spec_and_sops_stays_as_it_came() {
        let text = r#"{"metadata":{"name":"a","generation":3},"spec":{"suspend":true,"secretTemplates":[{"name":"ENC[x]"}]},"sops":{"mac":"m"}}"#;
        let object: SopsSecret = serde_json::from_str(text).expect("an object");
        assert_eq!(object.sops.as_ref().map(|raw| raw.get()), Some(r#"{"mac":"m"}"#));
        assert_eq!(object.switches().suspend, Some(true));
        assert_eq!(object.generation(), 3);
    }
}

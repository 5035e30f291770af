//! What is there and what should be → what has to be done. Pure.
//!
//! Rules of this module:
//!
//! - A Secret is written whole, in one request, and only if it differs.
//! - Of labels and annotations we own what the template has, and what an earlier template had.
//!   What others put there stays (operator spec §4.2).
//! - Nothing is deleted unless everything else went well; that is for the caller to know.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    ManagedFieldsEntry, ObjectMeta, OwnerReference,
};

use crate::content::{self, Ids};
use crate::crd::{GROUP, KIND, VERSION};
use crate::desired::Desired;
use crate::object::{MANAGED, SopsSecret};
use crate::ownership::{Claim, Me, Others, judge};
use crate::status::TemplateReason;

/// Under this name our writes stand in `metadata.managedFields`.
pub(crate) const MANAGER: &str = "sops-operator";
/// Under this one those of the original.
const MANAGER_OF_THE_ORIGINAL: &str = "manager";

/// One thing to do.
#[derive(Debug)]
pub(crate) enum Step {
    /// There is no such Secret.
    Create(Box<Secret>),
    /// It differs; carries the version it was decided on.
    Update(Box<Secret>, Option<Takeover>),
    /// It is as it should be.
    Keep,
    /// It must not be touched.
    Refuse(TemplateReason, String),
}

/// A Secret that changes hands.
#[derive(Clone, Debug)]
pub(crate) struct Takeover {
    pub(crate) from: Option<OwnerReference>,
}

/// What one template takes, given the Secret of its name.
pub(crate) fn step(
    object: &SopsSecret,
    desired: &Desired,
    live: Option<&Secret>,
    me: &Me<'_>,
    others: &dyn Others,
    ids: &Ids,
) -> Step {
    let Some(live) = live else {
        let mut secret = new(object, desired);
        content::mark(&mut secret.metadata, ids.created());
        return Step::Create(Box::new(secret));
    };
    let takeover = match judge(live, me, others) {
        Claim::Refused(reason, text) => return Step::Refuse(reason, text),
        Claim::Ours => None,
        Claim::Takes(from) => Some(Takeover { from }),
    };
    if live.metadata.deletion_timestamp.is_some() {
        let text = "it is being deleted, and made anew when it is gone".to_owned();
        return Step::Refuse(TemplateReason::Changed, text);
    }
    let kind = live.type_.as_deref().unwrap_or("Opaque");
    if kind != desired.kind {
        let text = format!(
            "its type is {kind} and cannot be changed to {}; delete it to have it made anew",
            desired.kind
        );
        return Step::Refuse(TemplateReason::RequiresRecreate, text);
    }
    let changed = changed(object, desired, live, takeover.is_some(), ids);
    if takeover.is_none() && same(&changed, live) {
        return Step::Keep;
    }
    if live.immutable == Some(true) && changed.data != live.data {
        let text = "it is immutable and its data differ; delete it to have it made anew".to_owned();
        return Step::Refuse(TemplateReason::RequiresRecreate, text);
    }
    Step::Update(Box::new(changed), takeover)
}

/// The Secret that a template describes.
pub(crate) fn new(object: &SopsSecret, desired: &Desired) -> Secret {
    let filled = |map: &BTreeMap<String, String>| (!map.is_empty()).then(|| map.clone());
    Secret {
        metadata: ObjectMeta {
            name: Some(desired.name.clone()),
            namespace: object.metadata.namespace.clone(),
            labels: filled(&desired.labels),
            annotations: filled(&desired.annotations),
            owner_references: Some(vec![owner(object)]),
            ..ObjectMeta::default()
        },
        type_: Some(desired.kind.clone()),
        data: (!desired.data.is_empty()).then(|| desired.bytes()),
        ..Secret::default()
    }
}

/// The reference by which the cluster collects a Secret once its object is gone.
fn owner(object: &SopsSecret) -> OwnerReference {
    OwnerReference {
        api_version: format!("{GROUP}/{VERSION}"),
        kind: KIND.to_owned(),
        name: object.metadata.name.clone().unwrap_or_default(),
        uid: object.uid().to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// A Secret as it is to become.
fn changed(
    object: &SopsSecret,
    desired: &Desired,
    live: &Secret,
    taken: bool,
    ids: &Ids,
) -> Secret {
    let mut secret = live.clone();
    secret.data = (!desired.data.is_empty()).then(|| desired.bytes());
    let ours = Ours::of(&live.metadata);
    secret.metadata.labels = merged(live.metadata.labels.as_ref(), &desired.labels, &ours.labels);
    let mut dropped = ours.annotations;
    if taken {
        dropped.insert(MANAGED.to_owned());
        secret.metadata.owner_references = Some(vec![owner(object)]);
    }
    secret.metadata.annotations =
        merged(live.metadata.annotations.as_ref(), &desired.annotations, &dropped);
    let id = ids.changed(live, same_map(secret.data.as_ref(), live.data.as_ref()));
    content::mark(&mut secret.metadata, id);
    if let Some(entries) = &mut secret.metadata.managed_fields {
        take_over_fields(entries);
    }
    secret
}

/// Whether writing would change nothing that matters. Who wrote what alone is no reason to write.
fn same(changed: &Secret, live: &Secret) -> bool {
    let (new, old) = (&changed.metadata, &live.metadata);
    same_map(changed.data.as_ref(), live.data.as_ref())
        && same_map(new.labels.as_ref(), old.labels.as_ref())
        && same_map(new.annotations.as_ref(), old.annotations.as_ref())
}

/// None and an empty one are the same.
fn same_map<V: PartialEq>(
    one: Option<&BTreeMap<String, V>>,
    other: Option<&BTreeMap<String, V>>,
) -> bool {
    one.filter(|map| !map.is_empty()) == other.filter(|map| !map.is_empty())
}

/// What is there, without what was ours, and with what is.
fn merged(
    live: Option<&BTreeMap<String, String>>,
    template: &BTreeMap<String, String>,
    ours: &BTreeSet<String>,
) -> Option<BTreeMap<String, String>> {
    let mut all = live.cloned().unwrap_or_default();
    all.retain(|key, _| !ours.contains(key));
    all.extend(template.iter().map(|(key, value)| (key.clone(), value.clone())));
    (!all.is_empty()).then_some(all)
}

/// Labels and annotations that we set before, or the original did, as the API server remembers it.
struct Ours {
    labels: BTreeSet<String>,
    annotations: BTreeSet<String>,
}

impl Ours {
    fn of(metadata: &ObjectMeta) -> Self {
        let entries = metadata.managed_fields.as_deref().unwrap_or_default();
        let keys = |field: &str| {
            let names = entries.iter().filter(|entry| is_ours(entries, entry));
            names.flat_map(|entry| field_names(entry, field)).collect()
        };
        Self { labels: keys("f:labels"), annotations: keys("f:annotations") }
    }
}

/// Entries of ours; those of the original as long as there are none.
fn is_ours(all: &[ManagedFieldsEntry], entry: &ManagedFieldsEntry) -> bool {
    let by = |entry: &ManagedFieldsEntry, name: &str| {
        entry.manager.as_deref() == Some(name) && entry.operation.as_deref() == Some("Update")
    };
    let we_wrote = all.iter().any(|entry| by(entry, MANAGER));
    by(entry, if we_wrote { MANAGER } else { MANAGER_OF_THE_ORIGINAL })
}

fn field_names(entry: &ManagedFieldsEntry, field: &str) -> Vec<String> {
    let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
    let names = fields.and_then(|fields| fields.get("f:metadata")?.get(field)?.as_object());
    let names = names.into_iter().flatten().filter_map(|(key, _)| key.strip_prefix("f:"));
    names.map(str::to_owned).collect()
}

/// The entry of the original becomes ours at our first write, or what it set could never be told
/// from what others did (operator spec §4.4).
fn take_over_fields(entries: &mut [ManagedFieldsEntry]) {
    if entries.iter().any(|entry| entry.manager.as_deref() == Some(MANAGER)) {
        return;
    }
    for entry in entries {
        let update = entry.operation.as_deref() == Some("Update");
        if update && entry.manager.as_deref() == Some(MANAGER_OF_THE_ORIGINAL) {
            entry.manager = Some(MANAGER.to_owned());
        }
    }
}

#[cfg(test)]
mod tests;

//! One pass over one object: observe → open → plan → apply → report.

use std::sync::atomic::Ordering;
use std::time::Instant;

use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{Patch, PatchParams};

use crate::apply::{self, Failed, Settled};
use crate::audit;
use crate::content::Ids;
use crate::context::Context;
use crate::desired::{self, Desired, Wrong};
use crate::fingerprint::Fingerprint;
use crate::index::{Child, Seen};
use crate::object::{Name, SopsSecret};
use crate::open::{self, Integrity};
use crate::plan::MANAGER;
use crate::queue::Lane;
use crate::read;
use crate::report::{self, Deeds, Next, Outcome, Report};
use crate::slots::Slot;
use crate::status::{Message, Reason, Status, TemplateReason};
use crate::uid::Uid;
use crate::version::Version;

/// Looks at an object and does what it takes. Gives when to look again by itself. The slot may go to
/// another object before the end.
pub(crate) async fn reconcile(
    context: &Context,
    name: &Name,
    slot: &mut Slot,
) -> Result<Option<Next>, kube::Error> {
    let begin = Instant::now();
    let Some(mut object) = observe(context, name).await? else {
        renew(context, name).await?;
        return Ok(None);
    };
    let fingerprint = Fingerprint::of(&object);
    let outcome = outcome(context, &object, fingerprint).await;
    let report = report::report(&object, fingerprint, &outcome, Timestamp::now());
    let failures = context.index().object(name).map_or(0, |known| known.failures);
    remember(context, name, fingerprint, &report);
    context.metrics.passed(report.passed, report.counted(), begin.elapsed());
    crate::telemetry::passed(name, &outcome, &report);
    // What follows is about the object, and needs none of its body any more.
    (object.spec, object.sops) = (None, None);
    let _turn = context.slots.status(slot, context.queue.fresh_waits()).await;
    let written = write(context, &object, &report.status).await;
    let outrun = written.as_ref().is_err_and(is_conflict);
    // What the status could not take is not told again with every try.
    if written.is_ok() || outrun || failures == 0 {
        crate::events::publish(context, &object, &report.notices).await;
    }
    if let Err(error) = written {
        if let Some(known) = context.index().object_mut(name) {
            known.reason = None;
            // Not before its status says so.
            known.hopeless = None;
            // However well the rest went: the pauses grow as long as this fails.
            known.failures = failures;
            if outrun {
                // Older than what somebody wrote: the next pass asks for the latest.
                known.version = Version::default();
            }
        }
        if outrun {
            // Somebody changed the object meanwhile: what it says now is looked at, at once.
            context.queue.push(name, Lane::Fresh);
            return Ok(None);
        }
        return Err(error);
    }
    Ok(Some(report.next))
}

/// The object, if there is something to do for it.
async fn observe(context: &Context, name: &Name) -> Result<Option<SopsSecret>, kube::Error> {
    let version = {
        let index = context.index();
        let Some(known) = index.object(name) else { return Ok(None) };
        // Its Secrets go with it. Making one now would only hold it up.
        if known.deleting {
            return Ok(None);
        }
        // Where only verified objects are taken, what was applied before may not be taken now.
        let taken = !demands_verified(context, name.namespace())
            || known.integrity == Some(Integrity::Verified);
        if taken && index.in_sync(name) {
            return Ok(None);
        }
        if known.hopeless == Some(known.fingerprint) {
            return Ok(None);
        }
        known.version.clone()
    };
    let object = match context.bodies.take(name) {
        Some(object) => Some(object),
        None => {
            let api: Api<SopsSecret> = Api::namespaced(context.client.clone(), name.namespace());
            read::no_older(&api, name.name(), &version).await?
        }
    };
    Ok(object.filter(|object| object.metadata.deletion_timestamp.is_none()))
}

async fn outcome(context: &Context, object: &SopsSecret, fingerprint: Fingerprint) -> Outcome {
    if object.switches().suspend == Some(true) {
        return Outcome::Suspended;
    }
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    let opened = match audit::open(context, object, demands_verified(context, namespace)).await {
        Ok(opened) => opened,
        Err((closed, integrity)) => return Outcome::Closed(closed, integrity),
    };
    let integrity = Integrity::of(&opened.integrity);
    let doubt = open::doubt(&opened.integrity);
    let templates = desired::desired(&opened.templates);
    drop(opened.templates);
    want(context, object, &templates);
    // What was applied last was this input: a version that is not the one we left means that
    // somebody changed the Secret, and no version at all that somebody deleted it.
    let unchanged = context
        .index()
        .object(&object.name())
        .is_some_and(|known| known.applied == Some(fingerprint));
    let draws = context.settings.rollouts_per_minute.is_some();
    let mut results = Vec::with_capacity(templates.len());
    for template in &templates {
        results.push(match template {
            Ok(desired) if unchanged && is_left_so(context, object, &desired.name) => {
                Ok(kept(context, object, &desired.name))
            }
            Ok(desired) => {
                let ids = Ids::of(object, fingerprint, &desired.name, draws);
                apply::settle(context, object, desired, &ids, false).await
            }
            Err(wrong) => Err(failed(wrong)),
        });
    }
    let notes = notes(object, &templates);
    let mut deeds = Deeds {
        results,
        integrity,
        doubt,
        deleted: Vec::new(),
        left: 0,
        delete_failed: None,
        notes,
    };
    // Nothing is deleted unless everything else went well.
    if deeds.results.iter().all(|result| result.is_ok() || harmless(result)) {
        clean_up(context, object, &templates, &mut deeds).await;
    }
    Outcome::Settled(deeds)
}

fn demands_verified(context: &Context, namespace: &str) -> bool {
    context.settings.require_verified || context.verified_only.contains(namespace)
}

/// Whether a failure leaves nothing undone.
fn harmless(result: &Result<Settled, Failed>) -> bool {
    matches!(result, Err(failed) if failed.reason == TemplateReason::DuplicateName)
}

/// The index learns which names the object wants, so that it is woken by those of others too.
fn want(context: &Context, object: &SopsSecret, templates: &[Result<Desired, Wrong>]) {
    let object = object.name();
    let names = templates.iter().flatten();
    let names = names.map(|desired| Name::new(object.namespace(), &desired.name));
    context.index().want(&object, names.collect());
}

fn is_left_so(context: &Context, object: &SopsSecret, secret: &str) -> bool {
    let index = context.index();
    let name = object.name();
    let Some(known) = index.object(&name) else { return false };
    let Some(child) = known.children.iter().find(|child| *child.name == *secret) else {
        return false;
    };
    let secret = Name::new(name.namespace(), &child.name);
    index.secret(&secret).is_some_and(|seen| {
        seen.version == child.version
            && seen.uid == child.uid
            && seen.owner.as_ref().is_some_and(|owner| *owner == *object.uid())
            && !seen.deleting
    })
}

fn kept(context: &Context, object: &SopsSecret, secret: &str) -> Settled {
    let index = context.index();
    let known = index.object(&object.name());
    let child = known.and_then(|known| known.children.iter().find(|child| *child.name == *secret));
    let empty = || Child {
        name: secret.into(),
        uid: Uid::default(),
        version: Version::default(),
        content: None,
    };
    Settled { child: child.cloned().unwrap_or_else(empty), deed: apply::Deed::Kept }
}

fn failed(wrong: &Wrong) -> Failed {
    Failed {
        name: wrong.name.clone(),
        reason: wrong.reason,
        message: Message::CreationError,
        detail: wrong.detail.clone(),
        temporary: false,
    }
}

/// Deletes the Secrets that no template wants any more, at most so many in a pass.
async fn clean_up(
    context: &Context,
    object: &SopsSecret,
    templates: &[Result<Desired, Wrong>],
    deeds: &mut Deeds,
) {
    let wanted = |name: &str| templates.iter().flatten().any(|desired| desired.name == name);
    let orphans: Vec<(Name, Seen)> = {
        let index = context.index();
        let controlled = index.controlled(object.uid());
        let orphans = controlled.filter(|(name, seen)| !wanted(name.name()) && !seen.deleting);
        orphans.map(|(name, seen)| (name.clone(), seen.clone())).collect()
    };
    let now = orphans.len().min(context.settings.max_deletes);
    for (name, seen) in &orphans[..now] {
        match apply::delete(context, name, seen).await {
            Ok(()) => deeds.deleted.push(name.name().to_owned()),
            Err(failed) => {
                deeds.delete_failed = Some(failed);
                break;
            }
        }
    }
    deeds.left = orphans.len() - deeds.deleted.len();
}

/// What is no failure and worth knowing.
fn notes(object: &SopsSecret, templates: &[Result<Desired, Wrong>]) -> Vec<String> {
    /// What the API server takes in a Secret (core API).
    const SECRET: usize = 1 << 20;
    /// What it takes in all annotations of an object.
    const ANNOTATIONS: usize = 256 << 10;
    let mut notes = Vec::new();
    if let Some(version) = &object.metadata.older_version {
        notes.push(format!(
            "spec was written as {version}, where data were plain text; here they are base64"
        ));
    }
    if object.metadata.copy > ANNOTATIONS / 10 * 9 {
        notes.push(format!(
            "kubectl apply keeps a copy of {} KiB in an annotation, and 256 are the most: use \
             kubectl apply --server-side",
            object.metadata.copy >> 10
        ));
    }
    for desired in templates.iter().flatten() {
        let size: usize = desired.data.iter().map(|(key, value)| key.len() + value.len()).sum();
        if size > SECRET / 10 * 9 {
            notes.push(format!(
                "Secret {} holds {} KiB of the 1024 that the API server takes",
                desired.name,
                size >> 10
            ));
        }
    }
    notes
}

/// The index learns what came of the pass.
fn remember(context: &Context, name: &Name, fingerprint: Fingerprint, report: &Report) {
    let mut index = context.index();
    let Some(known) = index.object_mut(name) else { return };
    let good = report.reason == Reason::Synced && report.next == Next::Never;
    known.reason = Some(report.reason);
    known.integrity = report.integrity;
    known.cut_off = false;
    known.hopeless = report.hopeless.then_some(fingerprint);
    if good {
        known.applied = Some(fingerprint);
        known.children = report.status.secrets.iter().filter_map(Child::of).collect();
        known.last_success = Some(Timestamp::now().as_second());
    }
    known.failures = match report.next {
        Next::Never => 0,
        Next::Soon | Next::Interval => known.failures.saturating_add(1),
    };
}

/// Writes versions of Secrets that others changed, so that a restart knows them.
async fn renew(context: &Context, name: &Name) -> Result<(), kube::Error> {
    {
        let mut index = context.index();
        let in_sync = index.in_sync(name);
        let Some(known) = index.object_mut(name) else { return Ok(()) };
        if !in_sync || known.renew_at.is_none_or(|due| due > Instant::now()) {
            return Ok(());
        }
        known.renew_at = None;
    }
    let api: Api<SopsSecret> = Api::namespaced(context.client.clone(), name.namespace());
    let Some(object) = api.get_opt(name.name()).await? else { return Ok(()) };
    let Some(mut status) = object.status.clone() else { return Ok(()) };
    {
        let index = context.index();
        let known = index.object(name).filter(|known| known.uid == *object.uid());
        for child in known.iter().flat_map(|known| &known.children) {
            if let Some(secret) = status.secrets.iter_mut().find(|one| one.name == *child.name) {
                secret.resource_version = child.version.to_string();
            }
        }
    }
    if object.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let written = patch(context, &object, &status).await;
    if written.is_err()
        && let Some(known) = context.index().object_mut(name)
    {
        known.renew_at = Some(Instant::now());
    }
    written
}

/// Writes the status, if it says something new.
async fn write(context: &Context, object: &SopsSecret, status: &Status) -> Result<(), kube::Error> {
    let before = object.status.clone().unwrap_or_default();
    let renewed = context.index().renewal_is_due(&object.name(), &before, status);
    if !(report::differs(&before, status) || renewed) || !context.leads() {
        return Ok(());
    }
    patch(context, object, status).await
}

/// Writes the status of the object as it was seen, and of no other: a request that was sent before
/// the lease was lost may arrive when another replica has written.
async fn patch(context: &Context, object: &SopsSecret, status: &Status) -> Result<(), kube::Error> {
    if !context.leads() {
        return Ok(());
    }
    let name = object.name();
    let api: Api<SopsSecret> = Api::namespaced(context.client.clone(), name.namespace());
    // A field that is empty now has to be named to go.
    let mut patch = serde_json::json!({ "status": status });
    if let Some(version) = &object.metadata.resource_version {
        patch["metadata"] = serde_json::json!({ "resourceVersion": version });
    }
    for field in ["secrets", "applied"] {
        if patch["status"].get(field).is_none() {
            patch["status"][field] = serde_json::Value::Null;
        }
    }
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    match api.patch_status(name.name(), &params, &Patch::Merge(&patch)).await {
        Ok(kept) => {
            let kept = kept.status.is_some_and(|kept| kept.observed_generation.is_some());
            if !kept && !context.loses_statuses.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "The definition of SopsSecrets is an older one: conditions are lost, and every \
                     restart opens all objects again. Apply the one that `sops-operator crd` prints"
                );
            }
            Ok(())
        }
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_conflict())
}

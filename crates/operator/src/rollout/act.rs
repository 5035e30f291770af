//! One workload is written: asked for, judged again as it is now, and changed in one request.
//!
//! Rules of this module:
//!
//! - A write carries the version it was decided on. If the workload changed meanwhile, the decision
//!   is made again.
//! - The baseline and the mark on the pod template are one write: whatever ends the operator, what
//!   was rolled out is known, and what is known was rolled out.

use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::baseline::{Baseline, Contents, judge};
use super::table::Known;
use super::workload::{Facts, Key, ROLLED_FOR, SEEN, Workload};
use crate::context::Context;
use crate::object::Name;
use crate::plan::MANAGER;

/// How often a decision is made again because the workload changed meanwhile.
const ATTEMPTS: usize = 4;

/// What came of it.
#[derive(Debug)]
pub(crate) enum Done {
    /// It is not there any more, or going.
    Gone,
    /// Somebody writes it all the time, or we do not lead.
    NotNow,
    /// It says this; there was nothing to do, or the contents were recorded.
    Says(Baseline),
    Rolled {
        baseline: Baseline,
        changed: Baseline,
        facts: Facts,
    },
    /// It has no pod template of its own. Not tried again.
    NoTemplate {
        baseline: Baseline,
        changed: Baseline,
        facts: Facts,
    },
}

/// Does what a workload waits for. `contents` says what its Secrets hold.
pub(crate) async fn act(
    context: &Context,
    key: &Key,
    known: &Known,
    contents: impl Fn(&Facts) -> Contents,
) -> Result<Done, kube::Error> {
    let api: Api<Workload> =
        Api::namespaced_with(context.client.clone(), key.name.namespace(), &key.kind);
    for _ in 0..ATTEMPTS {
        let Some(workload) = api.get_opt(key.name.name()).await? else { return Ok(Done::Gone) };
        let facts = &workload.facts;
        if facts.deleting {
            return Ok(Done::Gone);
        }
        let said = Baseline::read(facts.seen.as_deref().unwrap_or_default());
        let before = known.baseline.clone().corrected_by(said.clone());
        let contents = contents(facts);
        let mut judgement = judge(&before, &contents);
        let there = |secret: &str| {
            let name = Name::new(key.name.namespace(), secret);
            contents.contains_key(secret) || context.index().secret(&name).is_some()
        };
        judgement.recorded.retain(there);
        judgement.rolled.retain(there);
        let changed = judgement.changed;
        let rolls = !changed.is_empty()
            && !facts.paused
            && known.tried.as_deref() != Some(&*changed.to_string());
        let baseline = if rolls { judgement.rolled } else { judgement.recorded };
        if !rolls && said.covers(&baseline) {
            return Ok(Done::Says(before));
        }
        if !context.leads() {
            return Ok(Done::NotNow);
        }
        let mark = (rolls && facts.has_template).then(|| changed.to_string());
        let patch = Patch::Merge(patch(workload.version(), &baseline, mark.as_deref()));
        let params =
            PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        return match api.patch(key.name.name(), &params, &patch).await {
            Ok(_) if !rolls => Ok(Done::Says(baseline)),
            Ok(written) if mark.is_some() => {
                Ok(Done::Rolled { baseline, changed, facts: written.facts })
            }
            Ok(written) => Ok(Done::NoTemplate { baseline, changed, facts: written.facts }),
            Err(kube::Error::Api(status)) if status.is_conflict() => continue,
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(Done::Gone),
            Err(error) => Err(error),
        };
    }
    Ok(Done::NotNow)
}

fn patch(version: &str, baseline: &Baseline, mark: Option<&str>) -> Value {
    let mut patch = json!({
        "metadata": {
            "resourceVersion": version,
            "annotations": { SEEN: baseline.to_string() },
        },
    });
    if let Some(mark) = mark {
        patch["spec"] = json!({"template": {"metadata": {"annotations": { ROLLED_FOR: mark }}}});
    }
    patch
}

//! One change, one request.
//!
//! Rules of this module:
//!
//! - A change carries the version it was decided on. If the Secret changed meanwhile, the decision
//!   is made again.
//! - Nothing is written by a replica that does not lead.
//! - Of an answer of the API server only its reason and the fields it names are told: its messages
//!   repeat values.

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::core::Status as ApiStatus;

use crate::content::{self, Ids};
use crate::context::Context;
use crate::desired::Desired;
use crate::index::{Child, Seen};
use crate::object::{Name, SopsSecret};
use crate::ownership::{Me, Others, Rival};
use crate::plan::{self, MANAGER, Step};
use crate::queue::Lane;
use crate::read;
use crate::status::{Message, TemplateReason};
use crate::version::Version;

/// How often a decision is made again because the Secret changed meanwhile.
const ATTEMPTS: usize = 4;

/// A template that became a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) child: Child,
    pub(crate) deed: Deed,
}

/// What it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Kept,
    Created,
    Updated,
    /// Taken over, from this owner.
    Taken(Option<String>),
}

/// A template that did not become a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) name: String,
    pub(crate) reason: TemplateReason,
    pub(crate) message: Message,
    pub(crate) detail: String,
    /// Whether it may pass by itself.
    pub(crate) temporary: bool,
}

/// Makes a template a Secret.
pub(crate) async fn settle(
    context: &Context,
    object: &SopsSecret,
    desired: &Desired,
    ids: &Ids,
    look: bool,
) -> Result<Settled, Failed> {
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    let api: Api<Secret> = Api::namespaced(context.client.clone(), namespace);
    let name = Name::new(namespace, &desired.name);
    let me = me(context, object);
    let seen = context.index().secret(&name).map(|seen| seen.version.clone());
    let mut live = match seen {
        None if !look => None,
        seen => get(&api, desired, &seen.unwrap_or_default()).await?,
    };
    for _ in 0..ATTEMPTS {
        let world = World { context, name: &name };
        let step = plan::step(object, desired, live.as_ref(), &me, &world, ids);
        let (sent, deed) = match step {
            Step::Keep => {
                let child = child(desired, live.as_ref());
                note(context, object, &name, &child);
                return Ok(Settled { child, deed: Deed::Kept });
            }
            Step::Refuse(reason, detail) => {
                if let Some(live) = &live {
                    see_foreign(context, object, &name, live);
                }
                return Err(refused(desired, reason, detail));
            }
            Step::Create(secret) => {
                demand_lead(context, desired)?;
                (api.create(&params(), &secret).await, Deed::Created)
            }
            Step::Update(secret, takeover) => {
                demand_lead(context, desired)?;
                let deed = match &takeover {
                    None => Deed::Updated,
                    Some(takeover) => Deed::Taken(
                        takeover
                            .from
                            .as_ref()
                            .map(|owner| format!("{} {}", owner.kind, owner.name)),
                    ),
                };
                let sent = api.replace(&desired.name, &params(), &secret).await;
                if let (Ok(_), Some(from)) = (&sent, takeover.and_then(|takeover| takeover.from)) {
                    let uid = secret.metadata.uid.as_deref().unwrap_or_default();
                    context.index().take(uid, &from.uid);
                }
                (sent, deed)
            }
        };
        match sent {
            Ok(secret) => {
                let child = child(desired, Some(&secret));
                note(context, object, &name, &child);
                return Ok(Settled { child, deed });
            }
            // Somebody was faster, or the index is behind: look, and decide again.
            Err(kube::Error::Api(status)) if status.is_already_exists() || status.is_conflict() => {
                live = get(&api, desired, &Version::default()).await?;
            }
            // It was there a moment ago.
            Err(kube::Error::Api(status))
                if status.is_not_found() && matches!(deed, Deed::Updated | Deed::Taken(_)) =>
            {
                live = None;
            }
            Err(error) => return Err(api_error(desired, &error, deed == Deed::Created)),
        }
    }
    let text = "it changes all the time; somebody else writes it too".to_owned();
    Err(Failed { temporary: true, ..refused(desired, TemplateReason::Changed, text) })
}

/// Deletes a Secret that no template wants any more, if it is still the one that was seen.
pub(crate) async fn delete(context: &Context, name: &Name, seen: &Seen) -> Result<(), Failed> {
    let api: Api<Secret> = Api::namespaced(context.client.clone(), name.namespace());
    let precondition = Preconditions {
        uid: Some(seen.uid.to_string()),
        resource_version: Some(seen.version.to_string()),
    };
    let how = DeleteParams { preconditions: Some(precondition), ..DeleteParams::default() };
    if !context.leads() {
        return Err(not_leading(name.name()));
    }
    match api.delete(name.name(), &how).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(error) => {
            let wanted = wanted(name.name());
            Err(Failed { message: Message::Unknown, ..api_error(&wanted, &error, true) })
        }
    }
}

fn wanted(name: &str) -> Desired {
    Desired {
        name: name.to_owned(),
        kind: String::new(),
        labels: Default::default(),
        annotations: Default::default(),
        data: Default::default(),
    }
}

/// Who asks.
pub(crate) fn me<'a>(context: &Context, object: &'a SopsSecret) -> Me<'a> {
    let enforces = object.switches().enforce_ownership;
    Me {
        uid: object.uid(),
        created: object.metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second()),
        enforces: enforces.unwrap_or(context.settings.enforce_ownership),
    }
}

/// What the index knows of others that want this Secret.
pub(crate) struct World<'a> {
    pub(crate) context: &'a Context,
    pub(crate) name: &'a Name,
}

impl Others for World<'_> {
    fn rival(&self, uid: &str) -> Option<Rival> {
        let index = self.context.index();
        let (_, known) = index.by_uid(uid)?;
        let wants = known.wanted.contains(self.name);
        let enforces = known.enforces.unwrap_or(self.context.settings.enforce_ownership);
        (wants && !known.deleting).then_some(Rival { created: known.created, enforces })
    }

    fn was_taken(&self, secret: &str, from: &str) -> bool {
        self.context.index().was_taken(secret, from)
    }
}

/// The index learns of our own writes at once; the watch would bring them a moment later.
fn note(context: &Context, object: &SopsSecret, name: &Name, child: &Child) {
    let seen = Seen {
        uid: child.uid.clone(),
        version: child.version.clone(),
        owner: Some(object.uid().into()),
        content: child.content.clone(),
        deleting: false,
    };
    let others = context.index().put_own(&object.name(), name, seen, child);
    wake(context, &others);
}

/// A Secret that we must not touch is watched from now on, since a template wants its name.
fn see_foreign(context: &Context, object: &SopsSecret, name: &Name, live: &Secret) {
    let owners = live.metadata.owner_references.iter().flatten();
    let controller = owners.into_iter().find(|owner| {
        owner.controller == Some(true) && crate::object::is_of_group(&owner.api_version)
    });
    let seen = Seen {
        uid: live.metadata.uid.as_deref().unwrap_or_default().into(),
        version: live.metadata.resource_version.as_deref().unwrap_or_default().into(),
        owner: controller.map(|owner| owner.uid.as_str().into()),
        content: content::of(&live.metadata),
        deleting: live.metadata.deletion_timestamp.is_some(),
    };
    let others = context.index().put_foreign(&object.name(), name, seen);
    wake(context, &others);
}

/// What the index knows already, the watch wakes nobody for.
fn wake(context: &Context, others: &[Name]) {
    others.iter().for_each(|name| context.queue.push(name, Lane::Fresh));
}

fn child(desired: &Desired, secret: Option<&Secret>) -> Child {
    let meta = secret.map(|secret| &secret.metadata);
    let text = |field: fn(&ObjectMeta) -> Option<&str>| meta.and_then(field).unwrap_or_default();
    Child {
        name: desired.name.as_str().into(),
        uid: text(|meta| meta.uid.as_deref()).into(),
        version: text(|meta| meta.resource_version.as_deref()).into(),
        content: meta.and_then(content::of),
    }
}

fn params() -> PostParams {
    PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() }
}

async fn get(
    api: &Api<Secret>,
    desired: &Desired,
    version: &Version,
) -> Result<Option<Secret>, Failed> {
    let read = read::no_older(api, &desired.name, version).await;
    read.map_err(|error| api_error(desired, &error, true))
}

fn demand_lead(context: &Context, desired: &Desired) -> Result<(), Failed> {
    if context.leads() { Ok(()) } else { Err(not_leading(&desired.name)) }
}

fn not_leading(name: &str) -> Failed {
    Failed {
        name: name.to_owned(),
        reason: TemplateReason::ApiError,
        message: Message::Unknown,
        detail: "another replica leads now".to_owned(),
        temporary: true,
    }
}

fn refused(desired: &Desired, reason: TemplateReason, detail: String) -> Failed {
    let message = match reason {
        TemplateReason::NotOwned | TemplateReason::Conflict => Message::NotOwned,
        _ => Message::UpdateError,
    };
    Failed { name: desired.name.clone(), reason, message, detail, temporary: false }
}

/// A refusal of the API server. `first`: there is no Secret that would have been changed.
fn api_error(desired: &Desired, error: &kube::Error, first: bool) -> Failed {
    let (reason, detail, temporary) = match error {
        kube::Error::Api(status) => judged(status),
        // What could not be read may hold values, and so may the error about it.
        kube::Error::SerdeError(_) => {
            let text = "the answer of the API server cannot be read".to_owned();
            (TemplateReason::ApiError, text, true)
        }
        // Addresses at most: nothing was answered.
        other => (TemplateReason::ApiError, format!("no answer: {other}"), true),
    };
    let message = if first { Message::Unknown } else { Message::UpdateError };
    Failed { name: desired.name.clone(), reason, message, detail, temporary }
}

/// What an answer of the API server means, without its message.
pub(crate) fn judged(status: &ApiStatus) -> (TemplateReason, String, bool) {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let fields: Vec<String> = causes
        .filter(|cause| !cause.field.is_empty())
        .map(|cause| format!("{} ({})", cause.field, cause.reason))
        .collect();
    let mut detail = format!("the API server answers {} {}", status.code, reason(status));
    if !fields.is_empty() {
        detail.push_str(&format!(": {}", fields.join(", ")));
    }
    match status.code {
        403 => {
            detail.push_str(&forbidden(&status.message));
            (TemplateReason::Forbidden, detail, true)
        }
        400 | 422 => (TemplateReason::Invalid, detail, true),
        _ => (TemplateReason::ApiError, detail, true),
    }
}

/// The word for an answer: that of the API server or, where something before it answered in a form
/// of its own, that of HTTP. The client puts its own words there then.
pub(crate) fn reason(status: &ApiStatus) -> &str {
    if !status.reason.contains(' ') {
        return &status.reason;
    }
    let code = axum::http::StatusCode::from_u16(status.code).ok();
    code.and_then(|code| code.canonical_reason()).unwrap_or("of no known kind")
}

/// What a 403 is about, told by words that hold nothing of the request.
pub(crate) fn forbidden(message: &str) -> String {
    let said = |words: &str| message.contains(words);
    if said("exceeded quota") {
        "; a quota of the namespace is exhausted".to_owned()
    } else if said("is being terminated") {
        "; the namespace is being deleted".to_owned()
    } else if let Some((verb, resource)) = lacking(message) {
        format!("; the operator lacks the verb {verb} for {resource}")
    } else if said("cannot set blockOwnerDeletion") {
        "; the operator lacks the verb update for sopssecrets/finalizers".to_owned()
    } else {
        "; permissions of the operator, or a policy, are in the way".to_owned()
    }
}

/// Verb and resource that RBAC refuses. They come from closed sets: a message may hold anything.
fn lacking(message: &str) -> Option<(&'static str, &'static str)> {
    const VERBS: [&str; 7] = ["create", "delete", "get", "list", "patch", "update", "watch"];
    const RESOURCES: [&str; 10] = [
        "daemonsets",
        "deployments",
        "events",
        "leases",
        "namespaces",
        "rollouts",
        "secrets",
        "sopssecrets",
        "sopssecrets/status",
        "statefulsets",
    ];
    let said = |verb: &str, resource: &str| {
        message.contains(&format!("cannot {verb} resource \"{resource}\""))
    };
    let pairs = VERBS.into_iter().flat_map(|verb| RESOURCES.map(|resource| (verb, resource)));
    pairs.into_iter().find(|(verb, resource)| said(verb, resource))
}

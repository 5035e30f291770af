//! The watches: what the cluster says → the index → the queue.
//!
//! Rules of this module:
//!
//! - A watch that ends is started again at once, then with growing pauses of less than half a
//!   second.
//! - After a gap everything is listed, and what the list lacks is gone. An error is never taken for
//!   an empty list.
//! - Nothing is looked at before both lists are complete.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource};
use tokio::sync::watch;

use crate::context::Context;
use crate::index::{Known, Wake};
use crate::namespaces::LABEL;
use crate::object::{Name, SecretMeta, SopsSecret};
use crate::queue::Lane;
use crate::telemetry::words;

/// So many refusals in a row are taken for an API server that has just started: it answers before
/// it knows the roles. With the pauses between them that is some seconds.
const STARTING: usize = 10;
/// Between two tries of what is refused after that: it takes somebody who allows it.
const FORBIDDEN: Duration = Duration::from_secs(10);
/// The watch that the role of the original does not allow, and a Role of one namespace cannot.
const NAMESPACES: &str = "namespaces";
/// The same for that watch: nobody has to allow it.
const FORBIDDEN_NAMESPACES: Duration = Duration::from_secs(30);
/// The same where it cannot be allowed.
const RARELY: Duration = Duration::from_secs(300);

/// SopsSecrets in one answer of a list. What an answer takes while it is read is never given back
/// whole, and each of these is kilobytes.
const PAGE: u32 = 100;
/// Pauses between two tries. A connection that is refused costs nobody anything, and whoever waits
/// for a secret waits for us too.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
];

/// Which lists are complete; how many watches each kind has.
pub(crate) struct Readiness {
    waiting: watch::Sender<usize>,
}

impl Readiness {
    /// Of so many lists.
    pub(crate) fn of(lists: usize) -> Self {
        Self { waiting: watch::Sender::new(lists) }
    }

    fn one_is_complete(&self) {
        self.waiting.send_modify(|waiting| *waiting = waiting.saturating_sub(1));
    }

    fn one_is_left(&self) -> bool {
        *self.waiting.borrow() == 1
    }

    /// Whether all are.
    pub(crate) fn is_complete(&self) -> bool {
        *self.waiting.borrow() == 0
    }

    /// Returns when all are.
    pub(crate) async fn complete(&self) {
        // The sender lives as long as we do.
        let _ = self.waiting.subscribe().wait_for(|waiting| *waiting == 0).await;
    }
}

/// Starts all watches. They run as long as the program.
pub(crate) fn start(context: &Arc<Context>) -> Arc<Readiness> {
    let places = places(context);
    let readiness = Arc::new(Readiness::of(2 * places.len() + 1));
    for place in places {
        tokio::spawn(objects(context.clone(), place.clone(), readiness.clone()));
        tokio::spawn(secrets(context.clone(), place, readiness.clone()));
    }
    tokio::spawn(namespaces(context.clone(), readiness.clone()));
    readiness
}

/// Where to watch: the namespaces that were named, or everywhere.
pub(crate) fn places(context: &Context) -> Vec<Option<String>> {
    match context.settings.namespaces.as_slice() {
        [] => vec![None],
        some => some.iter().cloned().map(Some).collect(),
    }
}

fn api<K>(context: &Context, place: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
{
    match place {
        None => Api::all(context.urgent.clone()),
        Some(namespace) => Api::namespaced(context.urgent.clone(), namespace),
    }
}

/// SopsSecrets.
async fn objects(context: Arc<Context>, place: Option<String>, readiness: Arc<Readiness>) {
    let api = api::<SopsSecret>(&context, place.as_deref());
    let mut config = watcher::Config::default().page_size(PAGE);
    config.label_selector.clone_from(&context.settings.selector);
    let mut first = true;
    let mut seen = HashSet::new();
    run(
        "sopssecrets",
        &context,
        api,
        config,
        |_| {},
        |event| match event {
            Event::Init => seen.clear(),
            Event::InitApply(object) => {
                seen.insert(object.name());
                see(&context, object, if first { Lane::Backlog } else { Lane::Fresh }, &readiness);
            }
            Event::InitDone => {
                let seen = std::mem::take(&mut seen);
                let inside =
                    |name: &Name| place.as_deref().is_none_or(|place| *name.namespace() == *place);
                context.index().retain_objects(|name| !inside(name) || seen.contains(name));
                if std::mem::take(&mut first) {
                    readiness.one_is_complete();
                }
            }
            Event::Apply(object) => see(&context, object, Lane::Fresh, &readiness),
            Event::Delete(object) => {
                let name = object.name();
                context.index().forget_object(&name);
                context.rollouts.forget_object(&name);
                context.bodies.forget(&name);
                context.queue.remove(&name);
            }
        },
    )
    .await;
}

fn see(context: &Context, object: SopsSecret, lane: Lane, readiness: &Readiness) {
    let name = object.name();
    let wake = context.index().see_object(&object);
    if wake == Wake::No {
        return;
    }
    context.rollouts.object(&object);
    // Before the lists are complete nobody knows whether there is anything to do.
    if readiness.is_complete() {
        context.bodies.put(object);
    }
    context.queue.push(&name, lane);
}

/// Secrets, by their metadata.
async fn secrets(context: Arc<Context>, place: Option<String>, readiness: Arc<Readiness>) {
    let api = api::<SecretMeta>(&context, place.as_deref());
    let mut first = true;
    let mut seen = HashSet::new();
    run(
        "secrets",
        &context,
        api,
        watcher::Config::default(),
        |_| {},
        |event| match event {
            Event::Init => seen.clear(),
            Event::InitApply(secret) => {
                let name = Name::of(&secret.metadata);
                let woken = context.index().see_secret(&secret);
                context.rollouts.secret(&secret);
                if context.index().secret(&name).is_some() {
                    seen.insert(name);
                }
                push(&context, &woken, &readiness);
            }
            Event::InitDone => {
                let seen = std::mem::take(&mut seen);
                let inside =
                    |name: &Name| place.as_deref().is_none_or(|place| *name.namespace() == *place);
                let woken =
                    context.index().retain_secrets(|name| !inside(name) || seen.contains(name));
                push(&context, &woken, &readiness);
                if std::mem::take(&mut first) {
                    readiness.one_is_complete();
                }
            }
            Event::Apply(secret) => {
                let woken = context.index().see_secret(&secret);
                context.rollouts.secret(&secret);
                push(&context, &woken, &readiness);
            }
            Event::Delete(secret) => {
                let woken = context.index().lose_secret(&Name::of(&secret.metadata));
                push(&context, &woken, &readiness);
            }
        },
    )
    .await;
}

fn push(context: &Context, woken: &[Name], readiness: &Readiness) {
    // At the start every object waits already.
    if readiness.is_complete() {
        woken.iter().for_each(|name| context.queue.push(name, Lane::Fresh));
    }
}

/// Namespaces that demand verified objects.
async fn namespaces(context: Arc<Context>, readiness: Arc<Readiness>) {
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(context.urgent.clone());
    let config = watcher::Config::default().labels(&format!("{LABEL}=true"));
    let mut seen = HashSet::new();
    let first = AtomicBool::new(true);
    let complete = || {
        if first.swap(false, Ordering::Relaxed) {
            readiness.one_is_complete();
        }
    };
    let patience = if context.settings.namespaces.is_empty() { STARTING } else { 1 };
    let refused = |times| {
        // An API server that allows the other lists knows the roles.
        let believed = times >= patience || (times > 1 && readiness.one_is_left());
        if believed && first.load(Ordering::Relaxed) {
            tracing::warn!("The label {LABEL} of namespaces is not looked at");
            complete();
        }
    };
    let wake = |namespace: &str| {
        let index = context.index();
        let inside = index.objects().filter(|(name, _)| *name.namespace() == *namespace);
        let names: Vec<Name> = inside.map(|(name, _)| name.clone()).collect();
        drop(index);
        names.iter().for_each(|name| context.queue.push(name, Lane::Backlog));
    };
    run(NAMESPACES, &context, api, config, refused, |event| match event {
        Event::Init => seen.clear(),
        Event::InitApply(object) | Event::Apply(object) => {
            let name = object.metadata.name.unwrap_or_default();
            seen.insert(name.clone());
            if context.verified_only.set(&name, true) {
                wake(&name);
            }
        }
        Event::InitDone => {
            context.verified_only.retain(&seen).iter().for_each(|name| wake(name));
            complete();
        }
        Event::Delete(object) => {
            let name = object.metadata.name.unwrap_or_default();
            seen.remove(&name);
            if context.verified_only.set(&name, false) {
                wake(&name);
            }
        }
    })
    .await;
}

/// Runs one watch, for good. `refused` is told when it is forbidden, and how many times in a row
/// it was.
async fn run<K>(
    what: &'static str,
    context: &Context,
    api: Api<K>,
    config: watcher::Config,
    refused: impl Fn(usize),
    mut see: impl FnMut(Event<K>),
) where
    K: Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + 'static,
    K::DynamicType: Clone,
{
    let everywhere = context.settings.namespaces.is_empty();
    let mut stream = pin!(watcher(api, config));
    let (mut failures, mut refusals) = (0, 0);
    context.metrics.watch(what, false);
    while let Some(next) = stream.next().await {
        match next {
            Ok(event) => {
                let live = matches!(event, Event::InitDone | Event::Apply(_) | Event::Delete(_));
                if live && failures > 0 {
                    tracing::info!(resource = what, "The watch is up to date again");
                    resume(context);
                }
                if live {
                    (failures, refusals) = (0, 0);
                    context.metrics.watch(what, true);
                }
                see(event);
            }
            Err(error) => {
                if failures == 0 {
                    let why = watch_words(&error);
                    tracing::warn!(resource = what, error = why, "The watch broke off");
                }
                context.metrics.watch(what, false);
                refusals = if is_forbidden(&error) { refusals + 1 } else { 0 };
                if refusals > 0 {
                    refused(refusals);
                }
                let soon = PAUSES.get(failures).copied().unwrap_or(PAUSES[PAUSES.len() - 1]);
                tokio::time::sleep(rest(what, refusals, everywhere).unwrap_or(soon)).await;
                failures += 1;
            }
        }
    }
}

/// How long to leave alone what was refused so often in a row; `None`: not longer than what failed.
fn rest(what: &str, refusals: usize, everywhere: bool) -> Option<Duration> {
    match (what, everywhere) {
        // Who may not look at all namespaces is not even asked for patience.
        (NAMESPACES, false) if refusals > 0 => Some(RARELY),
        _ if refusals < STARTING => None,
        (NAMESPACES, _) => Some(FORBIDDEN_NAMESPACES),
        _ => Some(FORBIDDEN),
    }
}

/// What failed while the API server was away is tried now that it is back, not when its pause ends.
pub(crate) fn resume(context: &Context) {
    let names: Vec<Name> = {
        let mut index = context.index();
        let cut_off = |known: &mut Known| std::mem::take(&mut known.cut_off);
        let all = index.objects_mut();
        all.filter_map(|(name, known)| cut_off(known).then(|| name.clone())).collect()
    };
    names.iter().for_each(|name| context.queue.push(name, Lane::Backlog));
}

fn is_forbidden(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == 403,
        watcher::Error::WatchError(status) => status.code == 403,
        _ => false,
    }
}

/// What broke off, in words that hold nothing of an object.
pub(crate) fn watch_words(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => words(error),
        watcher::Error::WatchError(status) => crate::telemetry::answered(status),
        watcher::Error::NoResourceVersion => "the list has no version".to_owned(),
    }
}

//! The watches of workloads. They run only with `-rollout-restarts`.
//!
//! Rules of this module:
//!
//! - Whether Rollouts exist at all is asked for now and then; before, nobody watches them.
//! - What is forbidden is told once, and costs nothing else: Secrets do not depend on it.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::Api;
use kube::runtime::watcher::{self, Event, watcher};

use super::News;
use super::workload::{Key, Kind, Workload};
use crate::context::Context;

/// Between two tries of what a permission is missing for, and two looks for the kind Rollout.
const SELDOM: Duration = Duration::from_secs(20);
/// Between two tries of what broke off.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// Starts all watches. They run as long as the program.
pub(crate) fn start(context: &Arc<Context>, tell: &super::Sender) {
    let warned = Arc::new(AtomicBool::new(false));
    for place in crate::watch::places(context) {
        for kind in Kind::ALL {
            let (context, tell, warned) = (context.clone(), tell.clone(), warned.clone());
            let place = place.clone();
            tokio::spawn(async move {
                loop {
                    until_served(&context, kind).await;
                    follow(&context, kind, place.as_deref(), &tell, &warned).await;
                }
            });
        }
    }
}

/// Returns when the API server knows the kind.
async fn until_served(context: &Context, kind: Kind) {
    if kind != Kind::Rollout {
        return;
    }
    loop {
        let served = context.client.list_api_group_resources(&kind.api_version()).await;
        if served.is_ok_and(|all| all.resources.iter().any(|one| one.name == kind.plural())) {
            return;
        }
        tokio::time::sleep(SELDOM).await;
    }
}

/// Watches until there is no such kind any more.
async fn follow(
    context: &Context,
    kind: Kind,
    place: Option<&str>,
    tell: &super::Sender,
    warned: &AtomicBool,
) {
    let api: Api<Workload> = match place {
        None => Api::all_with(context.client.clone(), &kind),
        Some(namespace) => Api::namespaced_with(context.client.clone(), namespace, &kind),
    };
    let mut stream = pin!(watcher(api, watcher::Config::default()));
    let mut listed = HashSet::new();
    let mut failures = 0;
    context.metrics.watch(kind.plural(), false);
    while let Some(next) = stream.next().await {
        let key = |workload: &Workload| Key { kind, name: workload.name() };
        match next {
            Ok(event) => {
                if matches!(event, Event::InitDone | Event::Apply(_) | Event::Delete(_)) {
                    failures = 0;
                    context.metrics.watch(kind.plural(), true);
                }
                let news = match event {
                    Event::Init => {
                        listed.clear();
                        continue;
                    }
                    Event::InitApply(workload) => {
                        listed.insert(key(&workload));
                        News::Workload(key(&workload), Box::new(workload.facts))
                    }
                    Event::Apply(workload) => {
                        News::Workload(key(&workload), Box::new(workload.facts))
                    }
                    Event::Delete(workload) => News::Gone(key(&workload)),
                    Event::InitDone => {
                        let place = place.map(Into::into);
                        News::Listed { kind, place, listed: std::mem::take(&mut listed) }
                    }
                };
                tell.tell(news);
            }
            Err(error) => {
                context.metrics.watch(kind.plural(), false);
                let why = crate::watch::watch_words(&error);
                let pause = match code(&error) {
                    Some(404) if kind == Kind::Rollout => return,
                    Some(403) => {
                        forbidden(kind, &why, warned);
                        SELDOM
                    }
                    _ => {
                        if failures == 0 {
                            tracing::warn!(
                                resource = kind.plural(),
                                error = why,
                                "The watch broke off"
                            );
                        }
                        PAUSES[failures.min(PAUSES.len() - 1)]
                    }
                };
                failures += 1;
                tokio::time::sleep(pause).await;
            }
        }
    }
}

fn forbidden(kind: Kind, why: &str, warned: &AtomicBool) {
    let resource = kind.plural();
    if warned.swap(true, Ordering::Relaxed) {
        tracing::debug!(resource, error = why, "Not allowed to watch");
    } else {
        tracing::warn!(
            resource,
            error = why,
            "The operator may not get, list, watch and patch workloads, so that they are not rolled \
             out when their Secrets change; the value rolloutRestarts.enabled of the chart lets it. \
             This is told once, for all kinds"
        );
    }
}

/// The status of an answer.
fn code(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => Some(status.code),
        watcher::Error::WatchError(status) => Some(status.code),
        _ => None,
    }
}

//! Rotation reaches the pods: workloads that ask for it are rolled out when a Secret they use
//! changes content.
//!
//! ```text
//! watches of workloads ─┐                                  ┌─ turns: quiet, budget
//! SopsSecrets, Secrets ─┴▶ table: what each waits for ─────┴▶ act: one write ─▶ event
//! ```
//!
//! Rules of this module:
//!
//! - Nothing of it runs, watches or writes without `-rollout-restarts`, or in shadow mode.
//! - Content is told by random ids ([`crate::content`]); which a workload has stands on itself. So
//!   neither a restart nor another leader rolls anything out, and what changed meanwhile is noticed.
//! - No content rolls a workload out twice, whatever somebody else does to it.
//! - Secrets never wait for any of this.

mod act;
mod baseline;
mod table;
mod turns;
mod watch;
mod workload;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::context::Context;
use crate::object::{Name, SecretMeta, SopsSecret};
use crate::report::Notice;
use act::Done;
use baseline::Baseline;
use table::Table;
use turns::{Next, Turns, Wish};
use workload::{Facts, Key, Kind};

/// How long one write may take, with the questions before it.
const LONGEST: Duration = Duration::from_secs(20);
/// How often a replica that does not lead looks whether it does.
const ELECTION: Duration = Duration::from_secs(1);

/// What happened.
enum News {
    Workload(Key, Box<Facts>),
    Gone(Key),
    Listed {
        kind: Kind,
        place: Option<Box<str>>,
        listed: HashSet<Key>,
    },
    /// A SopsSecret, with the workloads it names.
    Object(Name, Vec<Key>),
    /// A Secret that a SopsSecret controls.
    Secret(Name),
}

/// Takes news, if anybody wants them.
#[derive(Clone, Default)]
pub(crate) struct Sender(Option<UnboundedSender<News>>);

impl Sender {
    /// A SopsSecret is new or was changed.
    pub(crate) fn object(&self, object: &SopsSecret) {
        if self.0.is_some() {
            self.tell(News::Object(object.name(), targets(object)));
        }
    }

    /// A SopsSecret is gone.
    pub(crate) fn forget_object(&self, name: &Name) {
        if self.0.is_some() {
            self.tell(News::Object(name.clone(), Vec::new()));
        }
    }

    /// The index has seen a Secret.
    pub(crate) fn secret(&self, secret: &SecretMeta) {
        if self.0.is_some() && secret.controlled_by().is_some() {
            self.tell(News::Secret(Name::of(&secret.metadata)));
        }
    }

    fn tell(&self, news: News) {
        if let Some(sender) = &self.0 {
            // The receiver lives as long as the program.
            let _ = sender.send(news);
        }
    }
}

/// What the engine will hear; none if it is not wanted.
pub(crate) struct Engine {
    per_minute: u32,
    news: UnboundedReceiver<News>,
}

/// Both ends, before anything is watched.
pub(crate) fn channel(per_minute: Option<u32>) -> (Sender, Option<Engine>) {
    let Some(per_minute) = per_minute else { return (Sender::default(), None) };
    let (sender, news) = unbounded_channel();
    (Sender(Some(sender)), Some(Engine { per_minute, news }))
}

/// The workloads that `spec.rolloutRestart` names.
fn targets(object: &SopsSecret) -> Vec<Key> {
    #[derive(Default, serde::Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Spec {
        rollout_restart: Option<Vec<Target>>,
    }
    #[derive(serde::Deserialize)]
    struct Target {
        kind: String,
        name: String,
    }
    let text = object.spec.as_ref().map_or("{}", |spec| spec.get());
    // Most have none, and their specs are long.
    if !text.contains("rolloutRestart") {
        return Vec::new();
    }
    let spec: Spec = serde_json::from_str(text).unwrap_or_default();
    let own = object.name();
    let keys = spec.rollout_restart.unwrap_or_default().into_iter().filter_map(|target| {
        let kind = Kind::named(&target.kind);
        if kind.is_none() {
            tracing::warn!(
                sopssecret = %object.name(),
                kind = target.kind,
                "spec.rolloutRestart takes Deployment, StatefulSet, DaemonSet and Rollout"
            );
        }
        Some(Key { kind: kind?, name: Name::new(own.namespace(), &target.name) })
    });
    keys.collect()
}

/// Works for good, once every Secret is known.
pub(crate) async fn run(context: Arc<Context>, engine: Engine, ready: impl Future<Output = ()>) {
    watch::start(&context, &context.rollouts);
    ready.await;
    let Engine { per_minute, mut news } = engine;
    let mut work =
        Work { context, table: Table::default(), turns: Turns::new(per_minute), reverted: vec![] };
    loop {
        // What is known already counts before anything is done.
        while let Ok(one) = news.try_recv() {
            work.hear(one);
        }
        work.tell_reverted().await;
        let now = Instant::now();
        let wake = match work.turns.next(now, |key| {
            tracing::info!(workload = %key, "Waits: as many workloads as allowed were rolled out within a minute");
        }) {
            Next::Now(key) if work.context.leads() => {
                work.act(&key).await;
                continue;
            }
            // Whoever leads does it, which the watches will tell.
            Next::Now(_) => Some(now + ELECTION),
            Next::At(at) => Some(at),
            Next::Nothing => None,
        };
        let sleep = async {
            match wake {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            one = news.recv() => match one {
                Some(one) => work.hear(one),
                None => return,
            },
            () = sleep => {}
        }
    }
}

struct Work {
    context: Arc<Context>,
    table: Table,
    turns: Turns,
    /// Workloads whose pod template was put back, to be told about.
    reverted: Vec<Key>,
}

impl Work {
    fn hear(&mut self, news: News) {
        match news {
            News::Workload(key, facts) => {
                if self.table.see(&key, *facts, Instant::now()) {
                    self.reverted.push(key.clone());
                }
                self.judge(&key);
            }
            News::Gone(key) => {
                self.table.forget(&key);
                self.judge(&key);
            }
            News::Listed { kind, place, listed } => {
                let inside = |key: &Key| {
                    key.kind == kind
                        && place.as_ref().is_none_or(|at| **at == *key.name.namespace())
                };
                let gone = self.table.retain(|key| !inside(key) || listed.contains(key));
                gone.iter().for_each(|key| self.judge(key));
            }
            News::Object(object, targets) => {
                let concerned = self.table.aim(&object, targets);
                concerned.iter().for_each(|key| self.judge(key));
            }
            News::Secret(secret) => {
                let concerned = self.table.concerned(&secret, &self.context.index());
                concerned.iter().for_each(|key| self.judge(key));
            }
        }
    }

    fn judge(&mut self, key: &Key) {
        let verdict = self.table.judge(key, &self.context.index());
        if let Some(secrets) = verdict.held_for {
            tracing::info!(workload = %key, secrets, "Is paused; it is rolled out when it no longer is");
        }
        if let Some(Wish::Roll(contents)) = &verdict.wish {
            tracing::debug!(workload = %key, contents, "Has other contents than its Secrets");
        }
        self.turns.set(key, verdict.wish, Instant::now());
    }

    async fn act(&mut self, key: &Key) {
        let Some(known) = self.table.known(key) else {
            self.turns.set(key, None, Instant::now());
            return;
        };
        let outcome = {
            let (context, table) = (&self.context, &self.table);
            let contents = |facts: &Facts| table.contents(key, facts, &context.index());
            tokio::time::timeout(LONGEST, act::act(context, key, &known, contents)).await
        };
        match outcome {
            Ok(Ok(done)) => self.done(key, done).await,
            Ok(Err(error)) => self.failed(key, &error).await,
            Err(_elapsed) => {
                tracing::warn!(workload = %key, "The API server does not answer about the workload");
                self.turns.postpone(key, Instant::now());
            }
        }
    }

    async fn done(&mut self, key: &Key, done: Done) {
        let now = Instant::now();
        match done {
            Done::NotNow => {
                self.turns.postpone(key, now);
                return;
            }
            Done::Gone => self.table.forget(key),
            Done::Says(baseline) => self.table.wrote(key, baseline, None),
            Done::Rolled { baseline, changed, facts } => {
                self.turns.count(now);
                self.context.metrics.rolled_out();
                let stands = facts.rolled_for.as_deref() == Some(&*changed.to_string());
                self.table.wrote(key, baseline, Some(changed.to_string()));
                self.tell_rolled(key, &changed, &facts).await;
                if !stands {
                    self.tell_put_back(key, &facts).await;
                }
            }
            Done::NoTemplate { baseline, changed, facts } => {
                self.table.wrote(key, baseline, Some(changed.to_string()));
                let text = format!(
                    "{} changed, and this workload has no pod template of its own: annotate the \
                     one it refers to",
                    noun(&changed)
                );
                self.publish(key, &facts.uid, true, "RolloutFailed", text).await;
            }
        }
        self.turns.set(key, None, now);
        self.judge(key);
    }

    async fn tell_rolled(&self, key: &Key, changed: &Baseline, facts: &Facts) {
        let mut text = format!("rolled out: {} changed", noun(changed));
        if facts.on_delete {
            text.push_str(
                "; its update strategy is OnDelete, so that pods change as you delete them",
            );
        }
        self.publish(key, &facts.uid, false, "RolledOut", text).await;
    }

    async fn tell_put_back(&self, key: &Key, facts: &Facts) {
        let who = facts.controller.as_deref().unwrap_or("somebody");
        let text = format!(
            "{who} put the pod template back after the rollout for changed Secrets, so that some \
             pods may have the old contents; it is not tried again before they change again"
        );
        self.publish(key, &facts.uid, true, "RolloutReverted", text).await;
    }

    async fn tell_reverted(&mut self) {
        for key in std::mem::take(&mut self.reverted) {
            if let Some(facts) = self.table.facts(&key).cloned() {
                self.tell_put_back(&key, &facts).await;
            }
        }
    }

    async fn failed(&mut self, key: &Key, error: &kube::Error) {
        let first = self.turns.postpone(key, Instant::now());
        let why = match error {
            kube::Error::Api(status) if status.code == 403 => format!(
                "the operator may not get and patch {}, or a policy is in the way",
                key.kind.plural()
            ),
            error => crate::telemetry::words(error),
        };
        if first && let Some(uid) = self.table.facts(key).map(|facts| facts.uid.clone()) {
            let text = format!("unable to roll out for changed Secrets: {why}; it is tried again");
            self.publish(key, &uid, true, "RolloutFailed", text).await;
        } else {
            tracing::debug!(workload = %key, error = why, "Unable to roll out");
        }
    }

    /// Tells in the log and by an event.
    async fn publish(
        &self,
        key: &Key,
        uid: &str,
        warning: bool,
        reason: &'static str,
        text: String,
    ) {
        if warning {
            tracing::warn!(workload = %key, reason, "{text}");
        } else {
            tracing::info!(workload = %key, reason, "{text}");
        }
        let notice = Notice { warning, reason, text };
        let publish = crate::events::publish_about(&self.context, key.reference(uid), &notice);
        // An event is worth no wait.
        let _ = tokio::time::timeout(LONGEST, publish).await;
    }
}

fn noun(secrets: &Baseline) -> String {
    let noun = if secrets.count() == 1 { "the content of Secret" } else { "contents of Secrets" };
    format!("{noun} {}", secrets.names())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(spec: serde_json::Value) -> Vec<String> {
        let object = json!({"metadata": {"name": "a", "namespace": "n"}, "spec": spec});
        let object: SopsSecret = serde_json::from_value(object).expect("an object");
        targets(&object).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn targets_are_workloads_beside_the_object() {
        let target = |kind: &str| json!({"kind": kind, "name": "x", "namespace": "elsewhere"});
        let all = ["Deployment", "CronJob", "Rollout"].map(target);
        assert_eq!(of(json!({"rolloutRestart": all})), ["Deployment n/x", "Rollout n/x"]);
        assert!(of(json!({"rolloutRestart": "all"})).is_empty());
        assert!(of(json!({})).is_empty());
    }

    #[test]
    fn nobody_hears_what_nobody_wants() {
        let (sender, engine) = channel(None);
        assert!(engine.is_none() && sender.0.is_none());
    }
}

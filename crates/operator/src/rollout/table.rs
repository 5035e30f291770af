//! The workloads that are known, and what each of them waits for. Nothing here sends anything.
//!
//! What is kept here is a hint, as in the index: before a workload is written the API server is
//! asked for it, and the write carries the version it was decided on.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::baseline::{Baseline, Contents, Now, judge};
use super::turns::Wish;
use super::workload::{Facts, Key};
use crate::index::Index;
use crate::object::Name;

/// How long somebody who puts a pod template back is looked for.
const LOOKED_FOR: Duration = Duration::from_secs(120);

#[derive(Default)]
pub(crate) struct Table {
    workloads: HashMap<Key, Entry>,
    /// Workloads that ask about a Secret.
    askers: HashMap<Name, HashSet<Key>>,
    /// What SopsSecrets say about workloads, both ways.
    targets: HashMap<Key, HashSet<Name>>,
    targets_of: HashMap<Name, Vec<Key>>,
}

struct Entry {
    facts: Facts,
    /// What the workload says it has, and what was seen for the first time since.
    baseline: Baseline,
    /// Whether there is something in it that the workload does not say yet.
    unsaved: bool,
    /// What it was rolled out for last: never twice for the same.
    tried: Option<String>,
    mark: Mark,
    /// The contents for which it was told that it is paused.
    held: Option<String>,
}

/// The mark on the pod template, which somebody may take away again.
enum Mark {
    Unwatched,
    /// It was written; what the watch brings may be older.
    Sent,
    /// It was seen.
    Stands(Instant),
}

/// What a workload waits for, and what is to be told about it now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) wish: Option<Wish>,
    /// It is paused, for these Secrets; told once.
    pub(crate) held_for: Option<String>,
}

/// What it takes to act.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) baseline: Baseline,
    pub(crate) tried: Option<String>,
}

impl Table {
    /// A workload was seen. Gives whether its pod template was put back after it was rolled out.
    pub(crate) fn see(&mut self, key: &Key, facts: Facts, now: Instant) -> bool {
        let before = self.workloads.get(key).map(|entry| &entry.facts);
        if before.is_none_or(|before| before.uid != facts.uid) {
            self.forget(key);
        }
        let asked = self.workloads.get(key).map(|entry| entry.facts.asks.clone());
        if asked.as_ref() != Some(&facts.asks) {
            self.ask(key, asked.as_deref().unwrap_or_default(), &facts.asks);
        }
        let entry = self.workloads.entry(key.clone()).or_insert_with(|| Entry {
            facts: Facts::default(),
            baseline: Baseline::default(),
            unsaved: false,
            tried: None,
            mark: Mark::Unwatched,
            held: None,
        });
        let stands = entry.tried.is_some() && entry.tried.as_deref() == facts.rolled_for.as_deref();
        let mut reverted = false;
        match entry.mark {
            Mark::Sent if stands => entry.mark = Mark::Stands(now + LOOKED_FOR),
            Mark::Stands(until) if !stands => {
                entry.mark = Mark::Unwatched;
                reverted = now < until && !facts.deleting;
            }
            _ => {}
        }
        entry.say(facts.seen.as_deref());
        entry.facts = facts;
        reverted
    }

    /// A workload is gone.
    pub(crate) fn forget(&mut self, key: &Key) {
        if let Some(entry) = self.workloads.remove(key) {
            self.ask(key, &entry.facts.asks, &[]);
        }
    }

    /// Forgets workloads that a complete list did not have; gives them.
    pub(crate) fn retain(&mut self, stays: impl Fn(&Key) -> bool) -> Vec<Key> {
        let gone: Vec<Key> = self.workloads.keys().filter(|key| !stays(key)).cloned().collect();
        gone.iter().for_each(|key| self.forget(key));
        gone
    }

    fn ask(&mut self, key: &Key, before: &[Box<str>], after: &[Box<str>]) {
        let secret = |name: &str| Name::new(key.name.namespace(), name);
        for name in before {
            if let Some(askers) = self.askers.get_mut(&secret(name)) {
                askers.remove(key);
                if askers.is_empty() {
                    self.askers.remove(&secret(name));
                }
            }
        }
        for name in after {
            self.askers.entry(secret(name)).or_default().insert(key.clone());
        }
    }

    /// The workloads that a SopsSecret names from now on; gives those that it has to do with.
    pub(crate) fn aim(&mut self, object: &Name, targets: Vec<Key>) -> Vec<Key> {
        let mut concerned = self.targets_of.remove(object).unwrap_or_default();
        for key in &concerned {
            if let Some(objects) = self.targets.get_mut(key) {
                objects.remove(object);
                if objects.is_empty() {
                    self.targets.remove(key);
                }
            }
        }
        for key in &targets {
            self.targets.entry(key.clone()).or_default().insert(object.clone());
        }
        concerned.extend(targets.iter().cloned());
        if !targets.is_empty() {
            self.targets_of.insert(object.clone(), targets);
        }
        concerned
    }

    /// The workloads that a Secret has to do with.
    pub(crate) fn concerned(&self, secret: &Name, index: &Index) -> Vec<Key> {
        let owner = index.secret(secret).and_then(|seen| seen.owner.as_ref());
        let object = owner.and_then(|uid| index.by_uid(uid)).map(|(name, _)| name);
        let targets = object.and_then(|object| self.targets_of.get(object)).into_iter().flatten();
        self.askers.get(secret).into_iter().flatten().chain(targets).cloned().collect()
    }

    /// What the Secrets that count for a workload hold.
    pub(crate) fn contents(&self, key: &Key, facts: &Facts, index: &Index) -> Contents {
        let objects = self.targets.get(key).into_iter().flatten();
        let known = objects.filter_map(|object| index.object(object));
        let aimed = known.flat_map(|known| index.controlled(&known.uid));
        let aimed = aimed.map(|(secret, _)| secret.name().into());
        let names = facts.asks.iter().cloned().chain(aimed);
        names.map(|name| (name.clone(), now(index, key.name.namespace(), &name))).collect()
    }

    /// What a workload waits for.
    pub(crate) fn judge(&mut self, key: &Key, index: &Index) -> Verdict {
        let Some(entry) = self.workloads.get(key).filter(|entry| !entry.facts.deleting) else {
            return Verdict::default();
        };
        let contents = self.contents(key, &entry.facts, index);
        match self.workloads.get_mut(key) {
            Some(entry) => entry.judge(&contents),
            None => Verdict::default(),
        }
    }

    pub(crate) fn known(&self, key: &Key) -> Option<Known> {
        let entry = self.workloads.get(key)?;
        Some(Known { baseline: entry.baseline.clone(), tried: entry.tried.clone() })
    }

    /// The workload says this now; and was rolled out for that, if it was.
    pub(crate) fn wrote(&mut self, key: &Key, baseline: Baseline, rolled_for: Option<String>) {
        let Some(entry) = self.workloads.get_mut(key) else { return };
        entry.baseline = baseline;
        entry.unsaved = false;
        if rolled_for.is_some() {
            entry.tried = rolled_for;
            entry.mark = Mark::Sent;
        }
    }

    /// Who controls it, and its UID.
    pub(crate) fn facts(&self, key: &Key) -> Option<&Facts> {
        Some(&self.workloads.get(key)?.facts)
    }
}

impl Entry {
    /// What the workload says counts; about what it does not say, what is remembered: whoever takes
    /// the annotation away does not make us write it again and again.
    fn say(&mut self, seen: Option<&str>) {
        let said = Baseline::read(seen.unwrap_or_default());
        if said.covers(&self.baseline) {
            self.unsaved = false;
        }
        self.baseline = std::mem::take(&mut self.baseline).corrected_by(said);
    }

    fn judge(&mut self, contents: &Contents) -> Verdict {
        let judgement = judge(&self.baseline, contents);
        self.unsaved |= judgement.recorded != self.baseline;
        self.baseline = judgement.recorded;
        let record = self.unsaved.then_some(Wish::Record);
        let changed = judgement.changed.to_string();
        if changed.is_empty() || self.tried.as_ref() == Some(&changed) {
            self.held = None;
            return Verdict { wish: record, held_for: None };
        }
        if self.facts.paused {
            let told = self.held.replace(changed.clone()) == Some(changed);
            let held_for = (!told).then(|| judgement.changed.names());
            return Verdict { wish: record, held_for };
        }
        self.held = None;
        Verdict { wish: Some(Wish::Roll(changed)), held_for: None }
    }
}

/// Only what a SopsSecret that we know controls counts.
fn now(index: &Index, namespace: &str, secret: &str) -> Now {
    let seen = index.secret(&Name::new(namespace, secret)).filter(|seen| !seen.deleting);
    let ours = seen.filter(|seen| {
        let owner = seen.owner.as_ref();
        owner.is_some_and(|owner| index.by_uid(owner).is_some())
    });
    ours.map_or(Now::Missing, |seen| Now::Here(seen.content.clone()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::{SecretMeta, SopsSecret};
    use crate::rollout::workload::Kind;

    fn key(name: &str) -> Key {
        Key { kind: Kind::Deployment, name: Name::new("n", name) }
    }

    fn facts(seen: Option<&str>, rolled_for: Option<&str>) -> Facts {
        Facts {
            uid: "w".into(),
            asks: ["s".into()].into(),
            seen: seen.map(Into::into),
            rolled_for: rolled_for.map(Into::into),
            has_template: true,
            ..Facts::default()
        }
    }

    fn index(owner: &str, contents: &[(&str, &str)]) -> Index {
        let object: SopsSecret = serde_json::from_value(
            json!({"metadata": {"name": "o", "namespace": "n", "uid": "ou"}}),
        )
        .expect("an object");
        let mut index = Index::default();
        index.see_object(&object);
        for (name, id) in contents {
            let secret: SecretMeta = serde_json::from_value(json!({"metadata": {
                "name": name, "namespace": "n", "uid": "su",
                "annotations": {"sops-operator/content": id},
                "ownerReferences": [{"apiVersion": "isindir.github.com/v1alpha3",
                    "kind": "SopsSecret", "name": "o", "uid": owner, "controller": true}],
            }}))
            .expect("a Secret");
            index.see_secret(&secret);
        }
        index
    }

    fn roll(for_: &str) -> Option<Wish> {
        Some(Wish::Roll(for_.into()))
    }

    #[test]
    fn first_sight_is_remembered_although_it_is_not_written_yet() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.see(&key("web"), facts(None, None), now);
        let judge = |table: &mut Table, id| table.judge(&key("web"), &index("ou", &[("s", id)]));
        assert_eq!(judge(&mut table, "1").wish, Some(Wish::Record));
        assert_eq!(judge(&mut table, "2").wish, roll("s=2"));
        // Another replica wrote it.
        table.see(&key("web"), facts(Some("s=1"), None), now);
        assert_eq!(judge(&mut table, "1").wish, None);
        // Whoever takes it away gets no answer.
        table.see(&key("web"), facts(None, None), now);
        assert_eq!(judge(&mut table, "1").wish, None);
        // Another workload of the same name has seen nothing.
        table.see(&key("web"), Facts { uid: "other".into(), ..facts(None, None) }, now);
        assert_eq!(judge(&mut table, "1").wish, Some(Wish::Record));
    }

    #[test]
    fn secrets_of_nobody_we_know_do_not_count() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.see(&key("web"), facts(Some("s=1"), None), now);
        assert_eq!(table.judge(&key("web"), &index("somebody", &[("s", "2")])).wish, None);
        assert_eq!(table.judge(&key("web"), &index("ou", &[("s", "2")])).wish, roll("s=2"));
    }

    #[test]
    fn what_was_tried_is_not_tried_again_and_who_puts_it_back_is_noticed_once() {
        let (mut table, now) = (Table::default(), Instant::now());
        let index = index("ou", &[("s", "2")]);
        let web = key("web");
        table.see(&web, facts(Some("s=1"), None), now);
        assert_eq!(table.judge(&web, &index).wish, roll("s=2"));
        table.wrote(&web, Baseline::read("s=2"), Some("s=2".into()));
        // What the watch brings may be from before.
        assert!(!table.see(&web, facts(Some("s=1"), None), now));
        assert_eq!(table.judge(&web, &index).wish, None);
        assert!(!table.see(&web, facts(Some("s=2"), Some("s=2")), now));
        assert!(table.see(&web, facts(Some("s=1"), None), now), "it was put back");
        assert!(!table.see(&web, facts(Some("s=1"), None), now));
        assert_eq!(table.judge(&web, &index).wish, None);
    }

    #[test]
    fn a_mark_that_goes_much_later_was_not_put_back() {
        let (mut table, now) = (Table::default(), Instant::now());
        let web = key("web");
        table.see(&web, facts(Some("s=1"), None), now);
        table.wrote(&web, Baseline::read("s=2"), Some("s=2".into()));
        table.see(&web, facts(Some("s=2"), Some("s=2")), now);
        assert!(!table.see(&web, facts(Some("s=2"), None), now + LOOKED_FOR));
    }

    #[test]
    fn who_is_paused_waits_and_is_told_once() {
        let (mut table, now) = (Table::default(), Instant::now());
        let index = index("ou", &[("s", "2")]);
        let web = key("web");
        table.see(&web, Facts { paused: true, ..facts(Some("s=1"), None) }, now);
        let held = Verdict { wish: None, held_for: Some("s".into()) };
        assert_eq!(table.judge(&web, &index), held);
        assert_eq!(table.judge(&web, &index), Verdict::default());
        table.see(&web, facts(Some("s=1"), None), now);
        assert_eq!(table.judge(&web, &index).wish, roll("s=2"));
    }

    #[test]
    fn a_target_counts_without_an_annotation() {
        let (mut table, now) = (Table::default(), Instant::now());
        let index = index("ou", &[("s", "1"), ("t", "2")]);
        let web = key("web");
        let quiet = Facts { asks: Box::default(), ..facts(Some("s=0"), None) };
        table.see(&web, quiet, now);
        assert_eq!(table.judge(&web, &index).wish, None);
        assert!(table.concerned(&Name::new("n", "s"), &index).is_empty());
        let object = Name::new("n", "o");
        assert_eq!(table.aim(&object, vec![web.clone()]).len(), 1);
        assert_eq!(table.concerned(&Name::new("n", "t"), &index), std::slice::from_ref(&web));
        // Of the second Secret this is the first sight.
        assert_eq!(table.judge(&web, &index).wish, roll("s=1"));
        assert_eq!(table.aim(&object, Vec::new()), std::slice::from_ref(&web));
        assert_eq!(table.aim(&object, Vec::new()), []);
    }

    #[test]
    fn who_no_longer_asks_is_not_woken() {
        let (mut table, now) = (Table::default(), Instant::now());
        let index = index("ou", &[("s", "1")]);
        let secret = Name::new("n", "s");
        table.see(&key("web"), facts(None, None), now);
        assert_eq!(table.concerned(&secret, &index), [key("web")]);
        table.see(&key("web"), Facts { asks: Box::default(), ..facts(None, None) }, now);
        assert_eq!(table.concerned(&secret, &index), []);
        table.see(&key("web"), facts(None, None), now);
        assert_eq!(table.retain(|_| false), [key("web")]);
        assert_eq!(table.concerned(&secret, &index), []);
    }
}

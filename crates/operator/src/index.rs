//! What is known of the cluster, in as few bytes as decisions take: the SopsSecrets, the Secrets
//! they control or wait for, and what was done last.
//!
//! Rules of this module:
//!
//! - Nothing secret, and no body of an object, is kept here.
//! - A Secret of others is forgotten at once, unless a template wants its name.
//! - What the watches said last is a hint: before something is overwritten the API server is
//!   asked, and changes carry the version they were decided on.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::content::{self, Id};
use crate::fingerprint::Fingerprint;
use crate::object::{Name, SecretMeta, SopsSecret};
use crate::status::{Reason, SYNCED, SecretStatus, Status};
use crate::uid::Uid;
use crate::version::Version;

/// A Secret as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) uid: Uid,
    pub(crate) version: Version,
    /// The UID of the SopsSecret that controls it.
    pub(crate) owner: Option<Uid>,
    pub(crate) content: Option<Id>,
    pub(crate) deleting: bool,
}

/// A Secret that an object became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Child {
    pub(crate) name: Box<str>,
    pub(crate) uid: Uid,
    pub(crate) version: Version,
    pub(crate) content: Option<Id>,
}

impl Child {
    /// As the status has it, if it became one.
    pub(crate) fn of(status: &SecretStatus) -> Option<Self> {
        let content = status.content.as_str();
        (status.result == SYNCED).then(|| Self {
            name: status.name.as_str().into(),
            uid: status.uid.as_str().into(),
            version: status.resource_version.as_str().into(),
            content: (!content.is_empty()).then(|| content.into()),
        })
    }
}

/// What is known of a SopsSecret.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) uid: Uid,
    pub(crate) generation: i64,
    pub(crate) created: i64,
    pub(crate) version: Version,
    /// Labels and annotations: a change of them wakes the reconciler, as a new generation does.
    pub(crate) marks: u64,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) deleting: bool,
    pub(crate) enforces: Option<bool>,
    /// What was applied last, by the status or by ourselves.
    pub(crate) applied: Option<Fingerprint>,
    pub(crate) children: Box<[Child]>,
    /// Names that templates want; empty before the first pass.
    pub(crate) wanted: Box<[Name]>,
    pub(crate) reason: Option<Reason>,
    pub(crate) integrity: Option<crate::open::Integrity>,
    pub(crate) last_success: Option<i64>,
    pub(crate) failures: u32,
    /// The last pass got no answer of use from the API server.
    pub(crate) cut_off: bool,
    /// This input is wrong and stays so: opening it again would cost a call and tell nothing.
    pub(crate) hopeless: Option<Fingerprint>,
    /// When versions of Secrets that others changed are written into the status.
    pub(crate) renew_at: Option<Instant>,
}

/// How long a version that others changed stays out of the status. It is written at all so that a
/// restart knows it; at once, whoever touches a Secret every second would make us do so too.
const RENEWAL: Duration = Duration::from_secs(300);

/// Why an object has to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// It is new or was changed.
    Changed,
    /// Nothing says so.
    No,
}

#[derive(Default)]
pub(crate) struct Index {
    // Boxed: tables are a third empty, and twice as large while they grow.
    objects: HashMap<Name, Box<Known>>,
    secrets: HashMap<Name, Seen>,
    /// What belongs to the UID of a SopsSecret.
    owners: HashMap<Uid, Owner>,
    /// Names of Secrets that templates want, and which objects do: nearly always one.
    wanted: HashMap<Name, Vec<Name>>,
    /// Takeovers: the Secret's UID and that of the owner it was taken from.
    taken: HashSet<(Box<str>, Box<str>)>,
}

/// What belongs to a UID: the SopsSecret, if there is one, and the Secrets it controls.
#[derive(Default)]
struct Owner {
    object: Option<Name>,
    controls: Vec<Name>,
}

impl Index {
    pub(crate) fn object(&self, name: &Name) -> Option<&Known> {
        self.objects.get(name).map(Box::as_ref)
    }

    pub(crate) fn object_mut(&mut self, name: &Name) -> Option<&mut Known> {
        self.objects.get_mut(name).map(Box::as_mut)
    }

    pub(crate) fn objects(&self) -> impl Iterator<Item = (&Name, &Known)> {
        self.objects.iter().map(|(name, known)| (name, &**known))
    }

    pub(crate) fn objects_mut(&mut self) -> impl Iterator<Item = (&Name, &mut Known)> {
        self.objects.iter_mut().map(|(name, known)| (name, &mut **known))
    }

    pub(crate) fn secret(&self, name: &Name) -> Option<&Seen> {
        self.secrets.get(name)
    }

    /// The SopsSecret with this UID.
    pub(crate) fn by_uid(&self, uid: impl Into<Uid>) -> Option<(&Name, &Known)> {
        let name = self.owners.get(&uid.into())?.object.as_ref()?;
        Some((name, self.object(name)?))
    }

    /// The Secrets that the SopsSecret with this UID controls.
    pub(crate) fn controlled(&self, uid: impl Into<Uid>) -> impl Iterator<Item = (&Name, &Seen)> {
        let names = self.owners.get(&uid.into()).into_iter().flat_map(|owner| &owner.controls);
        names.filter_map(|name| Some((name, self.secrets.get(name)?)))
    }

    pub(crate) fn was_taken(&self, secret: &str, from: &str) -> bool {
        self.taken.contains(&(secret.into(), from.into()))
    }

    pub(crate) fn take(&mut self, secret: &str, from: &str) {
        self.taken.insert((secret.into(), from.into()));
    }

    /// A SopsSecret was seen.
    pub(crate) fn see_object(&mut self, object: &SopsSecret) -> Wake {
        let name = object.name();
        let fingerprint = Fingerprint::of(object);
        let marks = marks(object);
        let deleting = object.metadata.deletion_timestamp.is_some();
        let version = object.metadata.resource_version.as_deref().unwrap_or_default();
        let before = self.objects.get_mut(&name).filter(|known| known.uid == *object.uid());
        if let Some(known) = before {
            let changed = known.generation != object.generation()
                || known.marks != marks
                || known.fingerprint != fingerprint
                || known.deleting != deleting;
            // Whoever annotates an object wants it to be looked at (operator spec §4.5).
            let forced = known.marks != marks;
            known.generation = object.generation();
            known.marks = marks;
            known.fingerprint = fingerprint;
            known.deleting = deleting;
            if changed {
                known.hopeless = None;
                known.failures = 0;
            }
            if forced {
                known.applied = None;
            }
            known.version = version.into();
            known.enforces = object.switches().enforce_ownership;
            return if changed { Wake::Changed } else { Wake::No };
        }
        self.forget_object(&name);
        let status = object.status.as_ref();
        let applied = status.and_then(|status| status.applied.as_ref());
        let children = status.map(|status| &status.secrets).into_iter().flatten();
        let children: Box<[Child]> = children.filter_map(Child::of).collect();
        let current = applied.filter(|applied| fingerprint.is(&applied.digest));
        let known = Known {
            uid: object.uid().into(),
            generation: object.generation(),
            created: object.metadata.creation_timestamp.as_ref().map_or(0, |t| t.0.as_second()),
            version: version.into(),
            marks,
            fingerprint,
            deleting,
            enforces: object.switches().enforce_ownership,
            applied: current.map(|_| fingerprint),
            wanted: Box::default(),
            children,
            reason: status.and_then(crate::report::reason_of),
            integrity: status.and_then(crate::report::integrity_of),
            last_success: applied.and_then(|applied| Some(applied.time.as_ref()?.0.as_second())),
            failures: 0,
            cut_off: false,
            hopeless: None,
            renew_at: None,
        };
        self.owners.entry(known.uid.clone()).or_default().object = Some(name.clone());
        let names = known.children.iter().map(|child| Name::new(name.namespace(), &child.name));
        let names: Vec<Name> = names.collect();
        self.objects.insert(name.clone(), Box::new(known));
        self.want(&name, names);
        Wake::Changed
    }

    /// A SopsSecret is gone.
    pub(crate) fn forget_object(&mut self, name: &Name) {
        self.want(name, Vec::new());
        let Some(known) = self.objects.remove(name) else { return };
        self.change_owner(&known.uid, |owner| owner.object = None);
    }

    /// Forgets every SopsSecret that a complete list did not have.
    pub(crate) fn retain_objects(&mut self, stays: impl Fn(&Name) -> bool) {
        let gone: Vec<Name> = self.objects.keys().filter(|name| !stays(name)).cloned().collect();
        for name in gone {
            self.forget_object(&name);
        }
    }

    /// The names that the templates of an object want from now on.
    pub(crate) fn want(&mut self, object: &Name, names: Vec<Name>) {
        let Some(known) = self.objects.get_mut(object) else { return };
        // The one copy of a name, if its Secret is there already.
        let own = |name| self.secrets.get_key_value(&name).map_or(name, |(own, _)| own.clone());
        let names: Box<[Name]> = names.into_iter().map(own).collect();
        let before = std::mem::replace(&mut known.wanted, names.clone());
        for secret in before {
            if let Some(who) = self.wanted.get_mut(&secret) {
                who.retain(|other| other != object);
                if who.is_empty() {
                    self.wanted.remove(&secret);
                    self.forget_foreign(&secret);
                }
            }
        }
        for secret in names {
            let who = self.wanted.entry(secret).or_insert_with(|| Vec::with_capacity(1));
            if !who.contains(object) {
                who.push(object.clone());
            }
        }
    }

    /// A Secret was seen; gives the objects that have to do with it, if it is not what they left.
    pub(crate) fn see_secret(&mut self, secret: &SecretMeta) -> Vec<Name> {
        let name = Name::of(&secret.metadata);
        // The one copy of this name, if a template has it already.
        let name = self.wanted.get_key_value(&name).map_or(name, |(own, _)| own.clone());
        let owner = secret.controlled_by();
        let relevant = owner.is_some() || self.wanted.contains_key(&name);
        if !relevant {
            let concerned = self.concerned(&name);
            self.forget_secret(&name);
            return concerned;
        }
        let seen = Seen {
            uid: secret.metadata.uid.as_deref().unwrap_or_default().into(),
            version: secret.metadata.resource_version.as_deref().unwrap_or_default().into(),
            owner: owner.map(Into::into),
            content: content::of(&secret.metadata),
            deleting: secret.metadata.deletion_timestamp.is_some(),
        };
        if self.secrets.get(&name) == Some(&seen) {
            return Vec::new();
        }
        let mut concerned = self.concerned(&name);
        self.put_secret(&name, seen.clone());
        concerned.extend(self.concerned(&name));
        concerned.sort();
        concerned.dedup();
        // Whoever wrote exactly this has nothing to learn from it.
        concerned.retain(|object| !self.left_so(object, &name, &seen));
        concerned
    }

    /// A Secret is gone; gives the objects that have to do with it.
    pub(crate) fn lose_secret(&mut self, name: &Name) -> Vec<Name> {
        let concerned = self.concerned(name);
        self.forget_secret(name);
        concerned
    }

    /// Secrets that a complete list did not have; gives the objects that have to do with them.
    pub(crate) fn retain_secrets(&mut self, stays: impl Fn(&Name) -> bool) -> Vec<Name> {
        let gone: Vec<Name> = self.secrets.keys().filter(|name| !stays(name)).cloned().collect();
        gone.iter().flat_map(|name| self.lose_secret(name)).collect()
    }

    /// A Secret as our own write left it, before the watch brings it.
    fn put_secret(&mut self, name: &Name, seen: Seen) {
        self.forget_secret(name);
        if let Some(owner) = &seen.owner {
            let controls = &mut self.owners.entry(owner.clone()).or_default().controls;
            // Nearly always the only one.
            if controls.is_empty() {
                controls.reserve_exact(1);
            }
            controls.push(name.clone());
        }
        self.secrets.insert(name.clone(), seen);
    }

    /// A Secret as a pass of its object left it; the child is known at once, so that the watch,
    /// which brings the same a moment later, wakes nobody. If the Secret changed hands, gives the
    /// other objects that have to do with it.
    pub(crate) fn put_own(
        &mut self,
        object: &Name,
        secret: &Name,
        seen: Seen,
        child: &Child,
    ) -> Vec<Name> {
        let changes_hands = self.secrets.get(secret).is_none_or(|old| old.owner != seen.owner);
        let others = if changes_hands { self.others(secret, object) } else { Vec::new() };
        self.put_secret(secret, seen);
        self.put_child(object, child);
        others
    }

    /// A Secret as a pass met it that must not touch it. Gives the other objects that have to do
    /// with it, if that is news.
    pub(crate) fn put_foreign(&mut self, object: &Name, secret: &Name, seen: Seen) -> Vec<Name> {
        let news = self.secrets.get(secret) != Some(&seen);
        let others = if news { self.others(secret, object) } else { Vec::new() };
        self.put_secret(secret, seen);
        others
    }

    fn others(&self, secret: &Name, object: &Name) -> Vec<Name> {
        let mut all = self.concerned(secret);
        all.retain(|name| name != object);
        all
    }

    fn put_child(&mut self, object: &Name, child: &Child) {
        let Some(known) = self.objects.get_mut(object) else { return };
        match known.children.iter_mut().find(|other| other.name == child.name) {
            Some(before) => *before = child.clone(),
            None => {
                let mut all = std::mem::take(&mut known.children).into_vec();
                all.push(child.clone());
                known.children = all.into_boxed_slice();
            }
        }
    }

    /// Whether everything an object became is still as it was left.
    pub(crate) fn in_sync(&self, name: &Name) -> bool {
        let Some(known) = self.objects.get(name) else { return false };
        let applied = known.applied == Some(known.fingerprint);
        let intact = |child: &Child| {
            let secret = Name::new(name.namespace(), &child.name);
            self.secrets.get(&secret).is_some_and(|seen| {
                seen.uid == child.uid
                    && seen.version == child.version
                    && seen.owner.as_ref() == Some(&known.uid)
                    && !seen.deleting
            })
        };
        let no_more = self.controlled(&known.uid).count() == known.children.len();
        applied
            && known.reason == Some(Reason::Synced)
            && !known.children.is_empty()
            && known.children.iter().all(intact)
            && no_more
    }

    /// Whether a status that differs in versions of Secrets only is to be written now.
    pub(crate) fn renewal_is_due(&mut self, name: &Name, before: &Status, after: &Status) -> bool {
        let Some(known) = self.objects.get_mut(name) else { return false };
        if before == after {
            known.renew_at = None;
            return false;
        }
        let now = Instant::now();
        let due = *known.renew_at.get_or_insert(now + RENEWAL);
        if due <= now {
            known.renew_at = None;
        }
        due <= now
    }

    /// When the status of an object is to be renewed.
    pub(crate) fn renewal(&self, name: &Name) -> Option<Instant> {
        self.objects.get(name)?.renew_at
    }

    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.objects.len(), self.secrets.len())
    }

    fn left_so(&self, object: &Name, secret: &Name, seen: &Seen) -> bool {
        let Some(known) = self.objects.get(object) else { return false };
        known.children.iter().any(|child| {
            *child.name == *secret.name()
                && child.uid == seen.uid
                && child.version == seen.version
                && seen.owner.as_ref() == Some(&known.uid)
                && !seen.deleting
        })
    }

    fn concerned(&self, secret: &Name) -> Vec<Name> {
        let owner = self.secrets.get(secret).and_then(|seen| seen.owner.as_ref());
        let owner = owner.and_then(|uid| self.owners.get(uid)?.object.as_ref());
        let waiting = self.wanted.get(secret).into_iter().flatten();
        let mut all: Vec<Name> = owner.into_iter().chain(waiting).cloned().collect();
        all.sort();
        all.dedup();
        all
    }

    fn forget_foreign(&mut self, name: &Name) {
        if self.secrets.get(name).is_some_and(|seen| seen.owner.is_none()) {
            self.forget_secret(name);
        }
    }

    fn forget_secret(&mut self, name: &Name) {
        let Some(seen) = self.secrets.remove(name) else { return };
        if let Some(owner) = seen.owner {
            self.change_owner(&owner, |owner| owner.controls.retain(|other| other != name));
        }
    }

    /// Changes what belongs to a UID, and forgets it when nothing does.
    fn change_owner(&mut self, uid: &Uid, change: impl FnOnce(&mut Owner)) {
        let Some(owner) = self.owners.get_mut(uid) else { return };
        change(owner);
        if owner.object.is_none() && owner.controls.is_empty() {
            self.owners.remove(uid);
        }
    }
}

/// Labels and annotations, as a number that changes with them.
fn marks(object: &SopsSecret) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    object.metadata.labels.hash(&mut hasher);
    object.metadata.annotations.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;

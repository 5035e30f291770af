//! Which object is looked at next.
//!
//! Rules of this module:
//!
//! - An object waits once, however often it is pushed, and is never looked at twice at a time: what
//!   comes while it is in work makes it wait again.
//! - What somebody just changed goes before the backlog of a start or of retries.
//! - Within a lane namespaces take turns, so that one with a thousand objects does not keep the
//!   others waiting.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::object::Name;

/// So many objects take room that is worth giving back.
const MANY: usize = 500;

/// Which lane an object waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Something changed.
    Fresh,
    /// A start, or another try.
    Backlog,
}

/// The queue.
#[derive(Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    changed: Notify,
    drained: Notify,
}

#[derive(Default)]
struct Inner {
    lanes: [Turns; 2],
    entries: HashMap<Name, Entry>,
    /// When entries come due; the number keeps those of one instant apart.
    timers: BTreeMap<(Instant, u64), Name>,
    count: u64,
}

#[derive(Default)]
struct Entry {
    waiting: Option<Lane>,
    running: bool,
    again: Option<Lane>,
    timer: Option<(Instant, u64)>,
}

impl Queue {
    /// Has an object looked at as soon as possible.
    pub(crate) fn push(&self, name: &Name, lane: Lane) {
        self.lock().push(name, lane);
        self.changed.notify_one();
    }

    /// Has an object looked at when `due` is there, unless something comes before.
    pub(crate) fn push_at(&self, name: &Name, due: Instant) {
        self.lock().push_at(name, due);
        self.changed.notify_one();
    }

    /// Forgets an object that is gone.
    pub(crate) fn remove(&self, name: &Name) {
        self.lock().remove(name);
    }

    /// Forgets everything that waits, as a replica does that is no longer the leader.
    pub(crate) fn clear(&self) {
        let mut inner = self.lock();
        inner.lanes = Default::default();
        inner.timers.clear();
        inner.entries.retain(|_, entry| {
            *entry = Entry { running: entry.running, ..Entry::default() };
            entry.running
        });
    }

    /// How many objects wait for a worker now.
    pub(crate) fn depth(&self) -> usize {
        let inner = self.lock();
        inner.lanes.iter().map(Turns::len).sum()
    }

    /// Whether something that somebody just changed waits for a worker.
    pub(crate) fn fresh_waits(&self) -> bool {
        !self.lock().lanes[Lane::Fresh as usize].order.is_empty()
    }

    /// The next object; it counts as in work until [`Queue::done`].
    pub(crate) async fn next(&self) -> Name {
        loop {
            let changed = self.changed.notified();
            let due = {
                let mut inner = self.lock();
                inner.wake(Instant::now());
                if let Some(name) = inner.pop() {
                    // Another worker may find more.
                    self.changed.notify_one();
                    return name;
                }
                inner.timers.first_key_value().map(|((due, _), _)| *due)
            };
            match due {
                Some(due) => {
                    let _ = tokio::time::timeout_at(due.into(), changed).await;
                }
                None => changed.await,
            }
        }
    }

    /// An object is no longer in work.
    pub(crate) fn done(&self, name: &Name) {
        let drained = {
            let mut inner = self.lock();
            inner.done(name);
            inner.rest()
        };
        if drained {
            self.drained.notify_one();
        }
        self.changed.notify_one();
    }

    /// Returns when nothing is left of very many.
    pub(crate) async fn drained(&self) {
        self.drained.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing below can panic half way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn push(&mut self, name: &Name, lane: Lane) {
        let entry = self.entries.entry(name.clone()).or_default();
        if let Some(timer) = entry.timer.take() {
            self.timers.remove(&timer);
        }
        if entry.running {
            entry.again = Some(entry.again.map_or(lane, |before| before.min(lane)));
            return;
        }
        match entry.waiting {
            Some(before) if before <= lane => return,
            Some(before) => self.lanes[before as usize].remove(name),
            None => {}
        }
        entry.waiting = Some(lane);
        self.lanes[lane as usize].push(name);
    }

    fn push_at(&mut self, name: &Name, due: Instant) {
        let entry = self.entries.entry(name.clone()).or_default();
        if entry.waiting.is_some() || entry.again.is_some() {
            return;
        }
        if let Some(timer) = entry.timer {
            if timer.0 <= due {
                return;
            }
            self.timers.remove(&timer);
        }
        self.count += 1;
        entry.timer = Some((due, self.count));
        self.timers.insert((due, self.count), name.clone());
    }

    fn wake(&mut self, now: Instant) {
        while let Some(first) = self.timers.first_entry() {
            if first.key().0 > now {
                return;
            }
            let name = first.remove();
            if let Some(entry) = self.entries.get_mut(&name) {
                entry.timer = None;
            }
            self.push(&name, Lane::Backlog);
        }
    }

    fn pop(&mut self) -> Option<Name> {
        let name = self.lanes.iter_mut().find_map(Turns::pop)?;
        let entry = self.entries.entry(name.clone()).or_default();
        entry.waiting = None;
        entry.running = true;
        Some(name)
    }

    fn done(&mut self, name: &Name) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        entry.running = false;
        match entry.again.take() {
            Some(lane) => self.push(name, lane),
            None if entry.waiting.is_none() && entry.timer.is_none() => {
                self.entries.remove(name);
            }
            None => {}
        }
    }

    fn remove(&mut self, name: &Name) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        if let Some(timer) = entry.timer.take() {
            self.timers.remove(&timer);
        }
        if let Some(lane) = entry.waiting.take() {
            self.lanes[lane as usize].remove(name);
        }
        entry.again = None;
        if !entry.running {
            self.entries.remove(name);
        }
    }

    /// Gives room back when nothing waits any more. Says whether there was much.
    fn rest(&mut self) -> bool {
        let much = self.entries.is_empty() && self.entries.capacity() > MANY;
        if much {
            self.entries.shrink_to_fit();
            self.lanes = Default::default();
        }
        much
    }
}

/// Names, of which those of different namespaces take turns.
#[derive(Default)]
struct Turns {
    order: VecDeque<Box<str>>,
    waiting: HashMap<Box<str>, VecDeque<Name>>,
}

impl Turns {
    fn push(&mut self, name: &Name) {
        let names = self.waiting.entry(name.namespace().into()).or_default();
        if names.is_empty() {
            self.order.push_back(name.namespace().into());
        }
        names.push_back(name.clone());
    }

    fn pop(&mut self) -> Option<Name> {
        let namespace = self.order.pop_front()?;
        let names = self.waiting.get_mut(&namespace)?;
        let name = names.pop_front()?;
        if names.is_empty() {
            self.waiting.remove(&namespace);
        } else {
            self.order.push_back(namespace);
        }
        Some(name)
    }

    fn remove(&mut self, name: &Name) {
        let Some(names) = self.waiting.get_mut(name.namespace()) else { return };
        names.retain(|other| other != name);
        if names.is_empty() {
            self.waiting.remove(name.namespace());
            self.order.retain(|other| **other != *name.namespace());
        }
    }

    fn len(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn name(text: &str) -> Name {
        let (namespace, name) = text.split_once('/').expect("a namespace");
        Name::new(namespace, name)
    }

    fn drain(inner: &mut Inner) -> Vec<String> {
        std::iter::from_fn(|| inner.pop()).map(|name| name.to_string()).collect()
    }

    #[test]
    fn namespaces_take_turns_and_changes_go_first() {
        let mut inner = Inner::default();
        for text in ["a/1", "a/2", "a/3", "b/1", "a/1"] {
            inner.push(&name(text), Lane::Backlog);
        }
        inner.push(&name("c/1"), Lane::Fresh);
        inner.push(&name("a/3"), Lane::Fresh);
        assert_eq!(drain(&mut inner), ["c/1", "a/3", "a/1", "b/1", "a/2"]);
    }

    #[test]
    fn what_comes_during_work_is_looked_at_again_and_not_beside() {
        let mut inner = Inner::default();
        inner.push(&name("a/1"), Lane::Fresh);
        assert_eq!(drain(&mut inner), ["a/1"]);
        inner.push(&name("a/1"), Lane::Fresh);
        assert!(inner.pop().is_none());
        inner.done(&name("a/1"));
        assert_eq!(drain(&mut inner), ["a/1"]);
        inner.done(&name("a/1"));
        assert!(inner.entries.is_empty());
    }

    #[test]
    fn a_timer_wakes_once_and_the_earlier_one_counts() {
        let mut inner = Inner::default();
        let now = Instant::now();
        inner.push_at(&name("a/1"), now + Duration::from_secs(5));
        inner.push_at(&name("a/1"), now + Duration::from_secs(9));
        inner.push_at(&name("a/1"), now + Duration::from_secs(2));
        inner.wake(now + Duration::from_secs(1));
        assert!(inner.pop().is_none());
        inner.wake(now + Duration::from_secs(2));
        assert_eq!(drain(&mut inner), ["a/1"]);
        inner.done(&name("a/1"));
        inner.wake(now + Duration::from_secs(20));
        assert!(inner.pop().is_none());
    }

    #[test]
    fn a_change_makes_its_timer_needless() {
        let mut inner = Inner::default();
        let now = Instant::now();
        inner.push_at(&name("a/1"), now + Duration::from_secs(5));
        inner.push(&name("a/1"), Lane::Fresh);
        assert!(inner.timers.is_empty());
        assert_eq!(drain(&mut inner), ["a/1"]);
    }

    #[tokio::test]
    async fn the_room_of_very_many_is_given_back_at_the_end() {
        let queue = Queue::default();
        let names: Vec<Name> = (0..=MANY).map(|number| name(&format!("a/{number}"))).collect();
        names.iter().for_each(|name| queue.push(name, Lane::Backlog));
        for left in (0..names.len()).rev() {
            let next = queue.next().await;
            assert!(queue.lock().entries.capacity() > MANY);
            queue.done(&next);
            assert_eq!(queue.lock().entries.len(), left);
        }
        queue.drained().await;
        assert_eq!(queue.lock().entries.capacity(), 0);
    }

    #[test]
    fn what_is_gone_is_not_looked_at() {
        let mut inner = Inner::default();
        inner.push(&name("a/1"), Lane::Fresh);
        inner.push_at(&name("a/2"), Instant::now());
        inner.remove(&name("a/1"));
        inner.remove(&name("a/2"));
        inner.wake(Instant::now() + Duration::from_secs(1));
        assert!(inner.pop().is_none());
        assert!(inner.entries.is_empty() && inner.lanes[0].order.is_empty());
    }

    #[tokio::test]
    async fn a_waiting_worker_is_woken() {
        let queue = std::sync::Arc::new(Queue::default());
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.next().await }
        });
        tokio::task::yield_now().await;
        queue.push(&name("a/1"), Lane::Fresh);
        assert_eq!(waiting.await.expect("it ends"), name("a/1"));
    }
}

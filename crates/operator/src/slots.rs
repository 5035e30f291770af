//! How many passes are under way, and whose requests go first.
//!
//! Rules of this module:
//!
//! - A pass holds a slot until its Secrets are as they should be, and then until it is over, unless
//!   the next rule takes it away.
//! - While changes that somebody just made wait for a slot, Secrets go before statuses: a status is
//!   the dearest request there is for the API server, and nobody waits for one as for a Secret.
//! - A pass without a slot still holds its object, so only so many may be that far.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Passes that have given up their slot.
const TRAILING: u32 = 256;
/// Statuses that are written at the same time while Secrets wait.
const STATUSES: usize = 8;

/// The slots, and the turns of statuses.
pub(crate) struct Slots {
    slots: Arc<Semaphore>,
    workers: u32,
    trailing: Semaphore,
    statuses: Semaphore,
}

/// That of one pass; it may give it back before it ends.
pub(crate) struct Slot(Option<OwnedSemaphorePermit>);

/// A turn to write a status, as long as it is held.
#[must_use]
pub(crate) struct Turn<'t> {
    _held: Option<(SemaphorePermit<'t>, SemaphorePermit<'t>)>,
}

impl Slots {
    pub(crate) fn of(workers: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(workers)),
            workers: u32::try_from(workers).unwrap_or(u32::MAX),
            trailing: Semaphore::new(TRAILING as usize),
            statuses: Semaphore::new(STATUSES),
        }
    }

    /// The next slot that is free.
    pub(crate) async fn slot(&self) -> Slot {
        // Nobody closes it, and without a slot one pass more would be under way.
        Slot(self.slots.clone().acquire_owned().await.ok())
    }

    /// When a pass may write its status. `others_wait`: for a slot, with something that was just
    /// changed.
    pub(crate) async fn status(&self, slot: &mut Slot, others_wait: bool) -> Turn<'_> {
        if !others_wait {
            return Turn { _held: None };
        }
        let Ok(trailing) = self.trailing.try_acquire() else { return Turn { _held: None } };
        slot.0 = None;
        Turn { _held: self.statuses.acquire().await.ok().map(|status| (trailing, status)) }
    }

    /// Returns when no pass is under way, and keeps it so.
    pub(crate) async fn stop(&self) {
        // First the slots: who has one may come to trail.
        if let Ok(slots) = self.slots.acquire_many(self.workers).await {
            slots.forget();
        }
        if let Ok(trailing) = self.trailing.acquire_many(TRAILING).await {
            trailing.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn whoever_has_made_its_secrets_lets_the_next_one_make_theirs() {
        let slots = Slots::of(1);
        let mut first = slots.slot().await;
        assert!(slots.slot().now_or_never().is_none());
        let turn = slots.status(&mut first, true).await;
        let mut second = slots.slot().await;
        // Nobody waits: it writes as it comes, and keeps its slot.
        let other = slots.status(&mut second, false).await;
        assert!(slots.slot().now_or_never().is_none());
        // The end waits for both.
        assert!(slots.stop().now_or_never().is_none());
        drop((first, second, other));
        assert!(slots.stop().now_or_never().is_none());
        drop(turn);
    }

    #[test]
    fn few_statuses_are_written_while_secrets_wait_and_only_so_many_passes_wait() {
        let slots = Slots::of(TRAILING as usize + 1);
        let held = (0..=TRAILING).map(|_| slots.slot().now_or_never().expect("a slot"));
        let mut held: Vec<Slot> = held.collect();
        let mut passes: Vec<_> =
            held.iter_mut().map(|slot| Box::pin(slots.status(slot, true))).collect();
        let mut at_once: Vec<_> =
            passes.iter_mut().map(|pass| pass.as_mut().now_or_never()).collect();
        let mut expected = vec![false; TRAILING as usize + 1];
        expected[..STATUSES].fill(true);
        // The one too many writes at once, and keeps its slot.
        expected[TRAILING as usize] = true;
        assert_eq!(at_once.iter().map(Option::is_some).collect::<Vec<_>>(), expected);
        at_once.clear();
        drop((at_once, passes));
        assert!(held.pop().is_some_and(|last| last.0.is_some()));
        assert!(held.iter().all(|slot| slot.0.is_none()));
    }
}

//! Wrapped parts → enough parts → data key, keeping each failure (format §5, §8).
//!
//! Rules of this module:
//!
//! - What works on this machine is tried first, one key after the other.
//! - What takes a person, such as a passphrase, comes after it, before remote keys of the same
//!   group and after those of groups that need nobody.
//! - Then one remote key is asked. The next one is asked as soon as a failure is known, or a
//!   moment later when nothing is known: a healthy key costs one call, a dead one a moment.
//! - It stops at the first success, or with several groups as soon as enough of them are open.
//!   Calls that are still under way are dropped then, and no further group is asked.
//! - An order that a user wrote is followed as it is; only the default one puts local keys first.

mod race;
#[cfg(test)]
#[allow(clippy::cloned_ref_to_slice_refs, reason = "the list is of `dyn`, the handle is not")]
mod tests;

use std::fmt;
use std::time::Duration;

use super::{DecryptionOrder, KeyGroup, MasterKey, ProviderError, Providers};
use crate::crypto::{DataKey, ShamirError};

/// Waits. The caller brings the clock: the core has none.
#[async_trait::async_trait]
pub trait Timer: Send + Sync {
    /// Returns when the time is over.
    async fn sleep(&self, time: Duration);
}

/// When to stop waiting for one remote key alone.
#[derive(Clone, Copy)]
pub struct Hedge<'a> {
    /// How long an unanswered key is waited for before the next one is asked too.
    pub delay: Duration,
    /// The caller's clock.
    pub timer: &'a dyn Timer,
}

impl<'a> Hedge<'a> {
    /// A healthy service answers in a tenth of that; a person hardly notices it.
    pub const DELAY: Duration = Duration::from_millis(300);

    /// With the usual delay.
    pub fn new(timer: &'a dyn Timer) -> Self {
        Self { delay: Self::DELAY, timer }
    }
}

impl fmt::Debug for Hedge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hedge({:?})", self.delay)
    }
}

/// A data key, and how it was come by.
#[derive(Debug)]
pub struct Recovered {
    /// The data key.
    pub data_key: DataKey,
    /// What was tried, group by group.
    pub groups: Vec<GroupReport>,
    /// AWS KMS keys whose encryption context in the file is not the one they wrapped with: a
    /// fault of versions before 3.3.0 (format §9, Q11). They should be wrapped again. Each is a
    /// group and a key in it, counted from zero.
    pub wrong_context: Vec<(usize, usize)>,
}

/// Why the data key could not be recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// There is nothing to try.
    #[error("the file names no master key")]
    NoKeys,
    /// The threshold is more than there are groups.
    #[error("{needed} key groups are needed and the file has only {groups}")]
    Threshold {
        /// Groups needed.
        needed: usize,
        /// Groups there are.
        groups: usize,
    },
    /// Too few groups could be opened.
    #[error("{}", too_few(*.needed, .groups))]
    TooFew {
        /// Groups needed.
        needed: usize,
        /// What was tried, group by group.
        groups: Vec<GroupReport>,
    },
    /// Enough groups opened, and what they held does not go together.
    #[error("the opened shares give no data key")]
    Combine(#[source] ShamirError),
}

fn too_few(needed: usize, groups: &[GroupReport]) -> String {
    let opened = groups.iter().filter(|group| group.opened).count();
    match groups.len() {
        1 => "none of the file's master keys could open its data key".to_owned(),
        all => format!("{opened} of {all} key groups could be opened, {needed} are needed"),
    }
}

/// What was tried in one group.
#[derive(Debug)]
pub struct GroupReport {
    /// Whether a key opened it.
    pub opened: bool,
    /// Its keys, in the order of the file.
    pub keys: Vec<KeyReport>,
}

/// What was tried with one key.
#[derive(Debug)]
pub struct KeyReport {
    /// The key.
    pub key: MasterKey,
    /// What came of it.
    pub outcome: KeyOutcome,
}

/// What came of one key.
#[derive(Debug)]
pub enum KeyOutcome {
    /// It opened its group.
    Opened,
    /// It was not needed, or had not answered when it was not needed any more.
    NotNeeded,
    /// No provider knows keys of that kind.
    NoProvider,
    /// No provider has anything that belongs to this key.
    NotMine,
    /// It should have worked; what each provider said.
    Failed(Vec<ProviderError>),
}

/// Recovers the data key of a document.
///
/// `threshold` is the value of `shamir_threshold`; zero means all groups. A single group holds
/// the data key itself, whatever the threshold says.
///
/// # Errors
/// If too few groups could be opened; the error says what each key said.
pub async fn recover(
    groups: &[KeyGroup],
    threshold: usize,
    order: &DecryptionOrder,
    providers: &Providers,
    hedge: Hedge<'_>,
) -> Result<Recovered, RecoverError> {
    let needed = match groups.len() {
        0 => return Err(RecoverError::NoKeys),
        1 => 1,
        all if threshold == 0 => all,
        // Sharing begins with two (§5); a file that says one cannot have been made by that rule.
        _ => threshold.max(2),
    };
    if needed > groups.len() {
        return Err(RecoverError::Threshold { needed, groups: groups.len() });
    }
    race::open_groups(groups, needed, order, providers, hedge).await
}

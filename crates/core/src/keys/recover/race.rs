//! The race between keys: which is asked when, and what came of each.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;

use futures_util::stream::{FuturesUnordered, StreamExt};

use super::{GroupReport, Hedge, KeyOutcome, KeyReport, RecoverError, Recovered};
use crate::crypto::{DataKey, KeyPart, SHARE_LEN, ShamirError, combine};
use crate::keys::{
    Attempt, DecryptionOrder, KeyGroup, MasterKey, ProviderError, Providers, Reach, Refusal,
};

/// Tries keys until `needed` groups are open, and puts their parts together.
pub(super) async fn open_groups(
    groups: &[KeyGroup],
    needed: usize,
    order: &DecryptionOrder,
    providers: &Providers,
    hedge: Hedge<'_>,
) -> Result<Recovered, RecoverError> {
    let mut race = Race::new(groups, needed, providers, hedge);
    race.lanes = (0..groups.len()).map(|group| race.lane(group, order)).collect();
    race.run_local().await;
    race.run().await;
    if race.shares.len() < needed {
        race.lanes = (0..groups.len()).map(|group| race.lane_of_old_contexts(group)).collect();
        race.old_contexts = true;
        race.run().await;
    }
    race.finish()
}

/// One way to try one key.
struct Candidate<'a> {
    at: usize,
    key: Cow<'a, MasterKey>,
    provider: usize,
    reach: Reach,
}

/// The candidates of one group, and how far they are.
#[derive(Default)]
struct Lane<'a> {
    candidates: Vec<Candidate<'a>>,
    next: usize,
    running: Vec<usize>,
}

enum Event {
    /// A call ended.
    Answer { group: usize, candidate: usize, attempt: Attempt },
    /// A call was given its moment.
    Moment { group: usize, candidate: usize },
}

type Pending<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Event> + Send + 'a>>>;

struct Race<'a> {
    groups: &'a [KeyGroup],
    needed: usize,
    providers: &'a Providers,
    hedge: Hedge<'a>,
    lanes: Vec<Lane<'a>>,
    pending: Pending<'a>,
    shares: Vec<(usize, KeyPart)>,
    reports: Vec<GroupReport>,
    old_contexts: bool,
    wrong_context: Vec<(usize, usize)>,
}

impl<'a> Race<'a> {
    fn new(
        groups: &'a [KeyGroup],
        needed: usize,
        providers: &'a Providers,
        hedge: Hedge<'a>,
    ) -> Self {
        let report = |key: &MasterKey| {
            let known = providers.iter().any(|provider| provider.reach(key) != Reach::Never);
            let outcome = if known { KeyOutcome::NotNeeded } else { KeyOutcome::NoProvider };
            KeyReport { key: key.clone(), outcome }
        };
        let reports = groups.iter().map(|group| GroupReport {
            opened: false,
            keys: group.0.iter().map(|wrapped| report(&wrapped.key)).collect(),
        });
        Self {
            groups,
            needed,
            providers,
            hedge,
            lanes: Vec::new(),
            pending: FuturesUnordered::new(),
            shares: Vec::new(),
            reports: reports.collect(),
            old_contexts: false,
            wrong_context: Vec::new(),
        }
    }

    /// The candidates of a group in the order in which they are tried.
    fn lane(&self, group: usize, order: &DecryptionOrder) -> Lane<'a> {
        let keys = self.groups[group].0.iter().enumerate();
        let mut candidates: Vec<_> =
            keys.flat_map(|(at, wrapped)| self.ways(at, Cow::Borrowed(&wrapped.key))).collect();
        // Both sorts are stable: equals stay in the order of the file, and of the providers.
        candidates.sort_by_key(|way| order.rank(way.key.kind()));
        if !order.is_by_hand() {
            candidates.sort_by_key(|way| way.reach);
        }
        Lane { candidates, ..Lane::default() }
    }

    /// Versions before 3.3.0 could wrap with every value of the encryption context set to one of
    /// them (format §9, Q11).
    fn lane_of_old_contexts(&self, group: usize) -> Lane<'a> {
        if self.reports[group].opened {
            return Lane::default();
        }
        let keys = self.groups[group].0.iter().zip(&self.reports[group].keys).enumerate();
        let candidates = keys.flat_map(|(at, (wrapped, report))| {
            let refused = matches!(&report.outcome, KeyOutcome::Failed(errors)
                if errors.iter().any(|error| error.refusal == Refusal::WrongCiphertext));
            let variants = if refused { old_contexts(&wrapped.key) } else { Vec::new() };
            variants.into_iter().flat_map(move |key| self.ways(at, Cow::Owned(key)))
        });
        Lane { candidates: candidates.collect(), ..Lane::default() }
    }

    fn ways(&self, at: usize, key: Cow<'a, MasterKey>) -> Vec<Candidate<'a>> {
        let reaches = self.providers.iter().map(|provider| provider.reach(&key)).enumerate();
        reaches
            .filter(|(_, reach)| *reach != Reach::Never)
            .map(|(provider, reach)| Candidate { at, key: key.clone(), provider, reach })
            .collect()
    }

    /// Tries what every group begins with on this machine, one after the other.
    async fn run_local(&mut self) {
        for group in 0..self.lanes.len() {
            while self.shares.len() < self.needed
                && !self.reports[group].opened
                && self.next_is(group, Reach::Local)
            {
                self.try_alone(group).await;
            }
        }
    }

    /// Tries the next key that takes a person; false if there is none.
    ///
    /// Nothing else is under way then: whoever types a passphrase holds up this thread, and the
    /// answers of services would come too late.
    async fn ask_a_person(&mut self) -> bool {
        let mut groups = 0..self.lanes.len();
        let found = groups
            .find(|group| !self.reports[*group].opened && self.next_is(*group, Reach::Assisted));
        match found {
            Some(group) => {
                self.try_alone(group).await;
                true
            }
            None => false,
        }
    }

    /// Tries the next candidate of a group while nothing else is under way.
    async fn try_alone(&mut self, group: usize) {
        let candidate = self.lanes[group].next;
        self.lanes[group].next += 1;
        let attempt = self.call(group, candidate).await;
        self.settle(group, candidate, attempt);
    }

    /// Asks the rest, as many groups at a time as are still missing.
    async fn run(&mut self) {
        while self.shares.len() < self.needed {
            let missing = self.needed - self.shares.len();
            while self.running() < missing && self.start_group() {}
            if self.running() > 0 {
                self.step().await;
            } else if !self.ask_a_person().await {
                break;
            }
        }
        // What is still under way is not needed any more.
        self.pending.clear();
    }

    /// How many groups are under way.
    fn running(&self) -> usize {
        self.lanes.iter().filter(|lane| !lane.running.is_empty()).count()
    }

    fn next_is(&self, group: usize, reach: Reach) -> bool {
        let lane = &self.lanes[group];
        lane.candidates.get(lane.next).is_some_and(|way| way.reach == reach)
    }

    /// Starts the first group that is neither open nor under way; false if there is none.
    fn start_group(&mut self) -> bool {
        (0..self.lanes.len()).any(|group| {
            !self.reports[group].opened && self.lanes[group].running.is_empty() && self.start(group)
        })
    }

    /// Starts the next candidate of a group; false if there is none that can be started beside
    /// others.
    fn start(&mut self, group: usize) -> bool {
        let lane = &mut self.lanes[group];
        let candidate = lane.next;
        let Some(way) = lane.candidates.get(candidate) else { return false };
        if way.reach == Reach::Assisted {
            return false;
        }
        lane.next += 1;
        lane.running.push(candidate);
        let remote = way.reach == Reach::Remote;
        let call = self.call(group, candidate);
        self.pending
            .push(Box::pin(async move { Event::Answer { group, candidate, attempt: call.await } }));
        if remote {
            let hedge = self.hedge;
            self.pending.push(Box::pin(async move {
                hedge.timer.sleep(hedge.delay).await;
                Event::Moment { group, candidate }
            }));
        }
        true
    }

    fn call(
        &self,
        group: usize,
        candidate: usize,
    ) -> impl Future<Output = Attempt> + Send + use<'a> {
        let way = &self.lanes[group].candidates[candidate];
        let (key, provider) = (way.key.clone(), &self.providers[way.provider]);
        let enc = &self.groups[group].0[way.at].enc;
        async move { provider.open(&key, enc).await }
    }

    /// Waits for one event and does what follows from it.
    async fn step(&mut self) {
        match self.pending.next().await {
            None => {}
            Some(Event::Moment { group, candidate }) => {
                let waiting = self.lanes[group].running.contains(&candidate);
                if waiting && !self.reports[group].opened && !self.start(group) {
                    self.start_group();
                }
            }
            Some(Event::Answer { group, candidate, attempt }) => {
                self.lanes[group].running.retain(|running| *running != candidate);
                if self.reports[group].opened {
                    return;
                }
                if self.settle(group, candidate, attempt) {
                    // Its other calls do not count as running any more.
                    self.lanes[group].running.clear();
                } else {
                    // A group without another key ends here; the loop goes on to the next one.
                    self.start(group);
                }
            }
        }
    }

    /// Writes down what came of a candidate; true if it opened its group.
    fn settle(&mut self, group: usize, candidate: usize, attempt: Attempt) -> bool {
        let way = &self.lanes[group].candidates[candidate];
        let at = way.at;
        let checked = match attempt {
            Attempt::Opened(part) => match self.flaw(&part) {
                None => {
                    self.shares.push((group, part));
                    self.reports[group].opened = true;
                    self.reports[group].keys[at].outcome = KeyOutcome::Opened;
                    if self.old_contexts {
                        self.wrong_context.push((group, at));
                    }
                    return true;
                }
                Some(flaw) => Err(ProviderError::new(Refusal::Malformed, &way.key, flaw)),
            },
            Attempt::NotMine => Ok(()),
            Attempt::Failed(error) => Err(error),
        };
        if self.old_contexts {
            // These were guesses; the report keeps what the file's own context came to.
            return false;
        }
        let outcome = &mut self.reports[group].keys[at].outcome;
        match (checked, &mut *outcome) {
            (Err(error), KeyOutcome::Failed(errors)) => errors.push(error),
            (Err(error), _) => *outcome = KeyOutcome::Failed(vec![error]),
            (Ok(()), KeyOutcome::Failed(_)) => {}
            (Ok(()), _) => *outcome = KeyOutcome::NotMine,
        }
        false
    }

    /// What is wrong with an opened part, if anything.
    fn flaw(&self, part: &KeyPart) -> Option<String> {
        let expected = if self.groups.len() == 1 { DataKey::LEN } else { SHARE_LEN };
        if part.len() != expected {
            let found = part.len();
            return Some(format!("it opened to {found} bytes where {expected} belong"));
        }
        let number = part.expose().last();
        let twin = self.shares.iter().find(|(_, share)| share.expose().last() == number);
        match twin {
            Some((group, _)) if self.groups.len() > 1 => {
                Some(format!("its share has the same number as that of group {group}"))
            }
            _ => None,
        }
    }

    fn finish(self) -> Result<Recovered, RecoverError> {
        if self.shares.len() < self.needed {
            return Err(RecoverError::TooFew { needed: self.needed, groups: self.reports });
        }
        let data_key = match &self.shares[..] {
            [(_, part)] => DataKey::from_slice(part.expose()).map_err(ShamirError::from),
            shares => combine(&shares.iter().map(|(_, part)| part).collect::<Vec<_>>()),
        };
        Ok(Recovered {
            data_key: data_key.map_err(RecoverError::Combine)?,
            groups: self.reports,
            wrong_context: self.wrong_context,
        })
    }
}

/// The key with every value of its context set to one of them, for each of them.
fn old_contexts(key: &MasterKey) -> Vec<MasterKey> {
    let MasterKey::AwsKms(key) = key else { return Vec::new() };
    let values: BTreeSet<_> = key.context.values().cloned().collect();
    if values.len() < 2 {
        return Vec::new();
    }
    let with = |value: &String| {
        let mut variant = key.clone();
        variant.context.values_mut().for_each(|old| old.clone_from(value));
        MasterKey::AwsKms(variant)
    };
    values.iter().map(with).collect()
}

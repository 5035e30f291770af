//! Which workload is dealt with when. Time is an argument.
//!
//! Rules of this module:
//!
//! - Secrets that change one after the other roll a workload out once, when it has been quiet for a
//!   moment; whoever never is quiet does not put it off for ever.
//! - In any minute no more workloads are rolled out than allowed. The others wait, the longest
//!   waiting first, and none is lost.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::workload::Key;

/// How long no Secret of a workload may change before it is rolled out.
const QUIET: Duration = Duration::from_secs(5);
/// How long changes can put that off.
const LONGEST: Duration = Duration::from_secs(30);
/// How long what is only recorded waits, so that several Secrets are recorded at once.
const GATHER: Duration = Duration::from_secs(1);
/// The time for which rollouts are counted.
const MINUTE: Duration = Duration::from_secs(60);
/// The pause after a failure; it grows up to [`MOST`].
const RETRY: Duration = Duration::from_secs(5);
const MOST: Duration = Duration::from_secs(300);

/// What a workload waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To have recorded what was seen for the first time.
    Record,
    /// To be rolled out, for these contents.
    Roll(String),
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Now(Key),
    At(Instant),
    Nothing,
}

/// Those that wait.
pub(crate) struct Turns {
    waiting: HashMap<Key, Waiting>,
    /// When workloads were rolled out, within the last minute.
    rolled: VecDeque<Instant>,
    per_minute: usize,
}

struct Waiting {
    wish: Wish,
    since: Instant,
    due: Instant,
    failures: u32,
    /// Whether it was told that it waits for others.
    told: bool,
}

impl Turns {
    pub(crate) fn new(per_minute: u32) -> Self {
        let per_minute = usize::try_from(per_minute).unwrap_or(usize::MAX);
        Self { waiting: HashMap::new(), rolled: VecDeque::new(), per_minute }
    }

    /// A workload waits for this from now on, or for nothing.
    pub(crate) fn set(&mut self, key: &Key, wish: Option<Wish>, now: Instant) {
        let Some(wish) = wish else {
            self.waiting.remove(key);
            return;
        };
        match self.waiting.get_mut(key) {
            Some(waiting) if waiting.wish == wish => {}
            Some(waiting) if matches!((&waiting.wish, &wish), (Wish::Roll(_), Wish::Roll(_))) => {
                waiting.due = (now + QUIET).min(waiting.since + LONGEST);
                waiting.wish = wish;
                waiting.failures = 0;
            }
            _ => {
                let pause = if wish == Wish::Record { GATHER } else { QUIET };
                let waiting =
                    Waiting { wish, since: now, due: now + pause, failures: 0, told: false };
                self.waiting.insert(key.clone(), waiting);
            }
        }
    }

    /// What it waits for is not possible now. Gives whether this is the first failure.
    pub(crate) fn postpone(&mut self, key: &Key, now: Instant) -> bool {
        let Some(waiting) = self.waiting.get_mut(key) else { return false };
        let factor = 1_u32.checked_shl(waiting.failures).unwrap_or(u32::MAX);
        waiting.due = now + RETRY.saturating_mul(factor).min(MOST);
        waiting.failures = waiting.failures.saturating_add(1);
        waiting.failures == 1
    }

    /// A workload was rolled out.
    pub(crate) fn count(&mut self, now: Instant) {
        self.rolled.push_back(now);
    }

    /// Who is next. `told` hears, once, who waits for the budget only.
    pub(crate) fn next(&mut self, now: Instant, mut told: impl FnMut(&Key)) -> Next {
        while self.rolled.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            self.rolled.pop_front();
        }
        let room = match self.rolled.front() {
            Some(first) if self.rolled.len() >= self.per_minute => *first + MINUTE,
            _ => now,
        };
        let mut best: Option<(Instant, Instant, &Key)> = None;
        for (key, waiting) in &mut self.waiting {
            let rolls = matches!(waiting.wish, Wish::Roll(_));
            let at = if rolls { waiting.due.max(room) } else { waiting.due };
            if rolls
                && waiting.due <= now
                && room > now
                && !std::mem::replace(&mut waiting.told, true)
            {
                told(key);
            }
            let rank = (at.max(now), waiting.since, key);
            if best.is_none_or(|best| rank < best) {
                best = Some(rank);
            }
        }
        match best {
            Some((at, _, key)) if at <= now => Next::Now(key.clone()),
            Some((at, ..)) => Next::At(at),
            None => Next::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Name;
    use crate::rollout::workload::Kind;

    fn key(name: &str) -> Key {
        Key { kind: Kind::Deployment, name: Name::new("n", name) }
    }

    fn roll(id: &str) -> Option<Wish> {
        Some(Wish::Roll(id.to_owned()))
    }

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    fn next(turns: &mut Turns, now: Instant) -> Next {
        turns.next(now, |_| {})
    }

    #[test]
    fn what_changes_within_a_moment_is_one_rollout() {
        let (mut turns, start) = (Turns::new(10), Instant::now());
        turns.set(&key("a"), roll("1"), start);
        assert_eq!(next(&mut turns, start), Next::At(at(start, 5)));
        turns.set(&key("a"), roll("2"), at(start, 3));
        // The same again, for whatever reason, puts nothing off.
        turns.set(&key("a"), roll("2"), at(start, 7));
        assert_eq!(next(&mut turns, at(start, 7)), Next::At(at(start, 8)));
        assert_eq!(next(&mut turns, at(start, 8)), Next::Now(key("a")));
        turns.set(&key("a"), None, at(start, 8));
        assert_eq!(next(&mut turns, at(start, 8)), Next::Nothing);
    }

    #[test]
    fn what_never_rests_is_not_put_off_for_ever() {
        let (mut turns, start) = (Turns::new(10), Instant::now());
        for second in 0..30 {
            turns.set(&key("a"), roll(&second.to_string()), at(start, second));
            assert_ne!(next(&mut turns, at(start, second)), Next::Now(key("a")));
        }
        turns.set(&key("a"), roll("last"), at(start, 30));
        assert_eq!(next(&mut turns, at(start, 30)), Next::Now(key("a")));
    }

    #[test]
    fn in_any_minute_so_many_and_the_others_wait_in_their_order() {
        let (mut turns, start) = (Turns::new(2), Instant::now());
        for (second, name) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
            turns.set(&key(name), roll("1"), at(start, second as u64));
        }
        let mut rolled = Vec::new();
        let mut waited = 0;
        let mut second = 0;
        while second < 200 {
            let now = at(start, second);
            match turns.next(now, |_| waited += 1) {
                Next::Now(key) => {
                    turns.count(now);
                    turns.set(&key, None, now);
                    rolled.push((second, key.name.name().to_owned()));
                }
                _ => second += 1,
            }
        }
        let expected = [(5, "a"), (6, "b"), (65, "c"), (66, "d"), (125, "e")];
        assert_eq!(rolled, expected.map(|(second, name)| (second, name.to_owned())));
        assert_eq!(waited, 3, "each is told once");
    }

    #[test]
    fn recording_waits_for_no_budget() {
        let (mut turns, start) = (Turns::new(1), Instant::now());
        turns.count(start);
        turns.set(&key("a"), roll("1"), start);
        turns.set(&key("b"), Some(Wish::Record), start);
        assert_eq!(next(&mut turns, at(start, 1)), Next::Now(key("b")));
        turns.set(&key("b"), None, start);
        assert_eq!(next(&mut turns, at(start, 10)), Next::At(at(start, 60)));
    }

    #[test]
    fn failures_are_tried_again_less_and_less_often_and_told_once() {
        let (mut turns, start) = (Turns::new(1), Instant::now());
        turns.set(&key("a"), roll("1"), start);
        assert!(turns.postpone(&key("a"), start));
        assert_eq!(next(&mut turns, start), Next::At(at(start, 5)));
        assert!(!turns.postpone(&key("a"), start));
        assert_eq!(next(&mut turns, start), Next::At(at(start, 10)));
        for _ in 0..40 {
            turns.postpone(&key("a"), start);
        }
        assert_eq!(next(&mut turns, start), Next::At(at(start, 300)));
        // Another content is another matter.
        turns.set(&key("a"), roll("2"), start);
        assert_eq!(next(&mut turns, start), Next::At(at(start, 5)));
    }
}

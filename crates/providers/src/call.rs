//! How often and how long a key service is asked: one policy for all of them.
//!
//! Rules of this module:
//!
//! - A call ends within its deadline: attempts, the pauses between them and the search for
//!   credentials, if that is part of it.
//! - What may pass is tried again: throttling, errors of the server, connections that break. A
//!   refusal is not, it would be the same.
//! - The pauses grow, and differ from one program to the next, so that those that were turned away
//!   together do not come back together. A service that says how long to wait (`Retry-After`) is
//!   not asked before, and not at all if that would be after the deadline.
//! - What is told in the end is the cause, not that it was tried three times.

use std::future::Future;
use std::time::{Duration, SystemTime};

use sops_core::keys::{MasterKey, ProviderError, Refusal};
use tokio::time::{Instant, sleep, timeout_at};

/// How often and how long one call may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallPolicy {
    /// How long it may take in all.
    pub deadline: Duration,
    /// How often it is tried at most; at least once.
    pub attempts: u32,
}

impl Default for CallPolicy {
    /// Ten seconds, three attempts.
    fn default() -> Self {
        Self { deadline: Self::DEADLINE, attempts: Self::ATTEMPTS }
    }
}

impl CallPolicy {
    /// The usual deadline.
    pub const DEADLINE: Duration = Duration::from_secs(10);
    /// The usual number of attempts.
    pub const ATTEMPTS: u32 = 3;
    /// About how long the first pause is; each one doubles.
    pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(200);
    /// The longest pause that is not asked for by the service.
    pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(2);
    /// When an address that takes no connection is given up.
    pub(crate) const CONNECT: Duration = Duration::from_millis(3100);

    /// The limit for a connection, which is never longer than the call.
    #[allow(dead_code, reason = "which services use it depends on the features")]
    pub(crate) fn connect(&self) -> Duration {
        self.deadline.min(Self::CONNECT)
    }

    /// The usual policy with another deadline.
    #[must_use]
    pub fn within(deadline: Duration) -> Self {
        Self { deadline, ..Self::default() }
    }

    /// The same with more time for content that takes a while on its way: a second for each 256 KB.
    #[allow(dead_code, reason = "which services use it depends on the features")]
    pub(crate) fn carrying(self, bytes: usize) -> Self {
        let seconds = u64::try_from(bytes / (256 * 1024)).unwrap_or(u64::MAX);
        let deadline = self.deadline.saturating_add(Duration::from_secs(seconds));
        Self { deadline, ..self }
    }

    /// Makes one call: `attempt` is asked until it works, fails for good, or the time is over.
    /// `place` is whom it asks, for the message that nothing came from there.
    ///
    /// # Errors
    /// What the last attempt said, or that there was no answer in time.
    #[allow(dead_code, reason = "which services use it depends on the features")]
    pub(crate) async fn call<T, F>(
        &self,
        key: &MasterKey,
        place: &str,
        attempt: impl FnMut() -> F,
    ) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, Failed>>,
    {
        self.run(attempt, |before| self.no_answer(key, place, before)).await
    }

    /// The same with errors of another kind; `late` says that there was no answer in time, and what
    /// came before.
    ///
    /// # Errors
    /// What the last attempt said, or what `late` says.
    #[allow(dead_code, reason = "which services use it depends on the features")]
    pub(crate) async fn run<T, E, F>(
        &self,
        attempt: impl FnMut() -> F,
        late: impl FnOnce(Option<E>) -> E,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, Failed<E>>>,
    {
        self.repeat(attempt).await.map_err(|ended| match ended {
            Ended::Failed(error) => *error,
            Ended::NoAnswer(before) => late(before.map(|error| *error)),
        })
    }

    /// The same for whatever tells itself that there was no answer.
    ///
    /// # Errors
    /// What the last attempt said, or that there was no answer in time.
    #[allow(dead_code, reason = "which services use it depends on the features")]
    pub(crate) async fn repeat<T, E, F>(
        &self,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, Ended<E>>
    where
        F: Future<Output = Result<T, Failed<E>>>,
    {
        let end = self.end();
        let mut before = None;
        let mut number = 1;
        loop {
            let Ok(result) = timeout_at(end, attempt()).await else {
                return Err(Ended::NoAnswer(before));
            };
            let failed = match result {
                Ok(done) => return Ok(done),
                Err(failed) => failed,
            };
            let pause = pause(number).max(failed.wait);
            let in_time = Instant::now().checked_add(pause).is_some_and(|then| then < end);
            if !failed.again || number >= self.attempts || !in_time {
                return Err(Ended::Failed(failed.error));
            }
            before = Some(failed.error);
            sleep(pause).await;
            number += 1;
        }
    }

    /// When a call that begins now has to be over.
    pub(crate) fn end(&self) -> Instant {
        // A deadline beyond what a clock can tell is none; thirty years are as good.
        let now = Instant::now();
        let far = Duration::from_secs(30 * 365 * 86_400);
        now.checked_add(self.deadline).unwrap_or_else(|| now + far)
    }

    fn no_answer(
        &self,
        key: &MasterKey,
        place: &str,
        before: Option<ProviderError>,
    ) -> ProviderError {
        let seconds = self.deadline.as_secs_f32();
        let mut text = format!("nothing within {seconds} s from {place}");
        let Some(before) = before else { return ProviderError::new(Refusal::TimedOut, key, text) };
        text.push_str(&format!("; before that: {}", before.refusal.clause()));
        if !before.text.is_empty() {
            text.push_str(&format!(": {}", before.text));
        }
        let (refusal, text) = (Refusal::TimedOut, text);
        ProviderError { refusal, text, ..before }
    }
}

/// An error that knows whether trying again can help.
pub(crate) trait Fault {
    /// Whether the same call may succeed when it is made again with nothing changed.
    fn is_temporary(&self) -> bool;
}

impl Fault for ProviderError {
    fn is_temporary(&self) -> bool {
        Self::is_temporary(self)
    }
}

/// How a call ended that did not work.
#[derive(Debug)]
pub(crate) enum Ended<E> {
    /// This is what the last attempt said.
    Failed(Box<E>),
    /// There was no answer in time; what the attempt before said.
    NoAnswer(Option<Box<E>>),
}

/// An attempt that did not work.
#[derive(Debug)]
pub(crate) struct Failed<E = ProviderError> {
    error: Box<E>,
    again: bool,
    wait: Duration,
}

impl<E: Fault> From<E> for Failed<E> {
    /// Whether it is tried again follows from the kind of refusal.
    fn from(error: E) -> Self {
        Self { again: error.is_temporary(), error: Box::new(error), wait: Duration::ZERO }
    }
}

#[allow(dead_code, reason = "which services use it depends on the features")]
impl<E> Failed<E> {
    /// `again`: the same may work later.
    pub(crate) fn new(error: E, again: bool) -> Self {
        Self { error: Box::new(error), again, wait: Duration::ZERO }
    }

    /// It is not tried again, whatever kind it is.
    pub(crate) fn for_good(mut self) -> Self {
        self.again = false;
        self
    }

    /// The answer had this status: what somebody on the way says with one of these stays as it is.
    pub(crate) fn with_status(self, status: u16) -> Self {
        match status {
            412 | 429 | 500.. => self,
            _ => self.for_good(),
        }
    }

    /// The service said how long to wait.
    pub(crate) fn not_before(mut self, wait: Option<Duration>) -> Self {
        self.wait = wait.unwrap_or_default();
        self
    }
}

/// The pause after an attempt: 200 ms, 400 ms, 800 ms … up to two seconds, of which between a half
/// and all is waited.
fn pause(number: u32) -> Duration {
    let doubled = 1_u32.checked_shl(number.saturating_sub(1)).unwrap_or(u32::MAX);
    let longest = CallPolicy::FIRST_PAUSE.saturating_mul(doubled).min(CallPolicy::LONGEST_PAUSE);
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// The pause in a header `Retry-After`: seconds, or the time until a date, which is over if there
/// is none left (RFC 9110, 10.2.3).
#[allow(dead_code, reason = "which services use it depends on the features")]
pub(crate) fn retry_after(value: &str) -> Option<Duration> {
    until(value, SystemTime::now())
}

fn until(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use sops_core::keys::KeyKind;

    use super::*;

    fn key() -> MasterKey {
        MasterKey::parse(KeyKind::HcVault, "https://vault.example.com/v1/transit/keys/k").unwrap()
    }

    fn fails(refusal: Refusal) -> Failed {
        ProviderError::new(refusal, &key(), "as it is").into()
    }

    /// Calls until `answers` are used up, then for ever the last one; gives how often it asked.
    async fn asked(
        policy: CallPolicy,
        answers: &[fn() -> Result<u8, Failed>],
    ) -> (u32, Duration, Result<u8, ProviderError>) {
        let (key, count, started) = (key(), Cell::new(0), Instant::now());
        let result = policy.call(&key, "there", || {
            let at = count.get();
            count.set(at + 1);
            let answer = answers.get(at).or(answers.last()).unwrap()();
            async move { answer }
        });
        let result = result.await;
        (u32::try_from(count.get()).unwrap(), started.elapsed(), result)
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_tried_again() {
        let busy = || Err(fails(Refusal::Throttled));
        let (count, took, result) = asked(CallPolicy::default(), &[busy, busy, || Ok(7)]).await;
        assert_eq!((count, result.unwrap()), (3, 7));
        // 200 ms and 400 ms, or as little as half of that.
        assert!(
            took >= Duration::from_millis(300) && took <= Duration::from_millis(601),
            "{took:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_after_three_times_with_the_cause() {
        let (count, _, result) =
            asked(CallPolicy::default(), &[|| Err(fails(Refusal::Unavailable))]).await;
        let error = result.unwrap_err();
        assert_eq!(
            (count, error.refusal, error.text.as_str()),
            (3, Refusal::Unavailable, "as it is")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_not_tried_again() {
        for answer in [(|| Err(fails(Refusal::Denied))) as fn() -> Result<u8, Failed>, || {
            Err(fails(Refusal::Unreachable).for_good())
        }] {
            let (count, took, result) = asked(CallPolicy::default(), &[answer]).await;
            assert_eq!((count, took), (1, Duration::ZERO), "{result:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_says_when_is_not_asked_before() {
        let wait = |seconds| Some(Duration::from_secs(seconds));
        let (count, took, result) = asked(
            CallPolicy::default(),
            &[|| Err(fails(Refusal::Throttled).not_before(retry_after(" 3 "))), || Ok(1)],
        )
        .await;
        assert_eq!((count, result.unwrap()), (2, 1));
        assert!(took >= Duration::from_secs(3) && took < Duration::from_secs(4), "{took:?}");
        // RFC 9110 has this date as its example; a second before it, and long after.
        let date = "Fri, 31 Dec 1999 23:59:59 GMT";
        let before = SystemTime::UNIX_EPOCH + Duration::from_secs(946_684_798);
        assert_eq!(until(date, before), wait(1));
        assert_eq!((retry_after(date), retry_after("3")), (wait(0), wait(3)));
        assert_eq!((retry_after("soon"), retry_after("-1")), (None, None));
        // After the deadline nobody waits for it.
        let late = || Err(fails(Refusal::Throttled).not_before(Some(Duration::from_secs(60))));
        let (count, took, result) = asked(CallPolicy::default(), &[late]).await;
        assert_eq!((count, took), (1, Duration::ZERO));
        assert_eq!(result.unwrap_err().refusal, Refusal::Throttled);
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_is_that_of_all_attempts_together() {
        let policy = CallPolicy { deadline: Duration::from_secs(2), attempts: 100 };
        let (count, started) = (Cell::new(0), Instant::now());
        let result: Result<(), _> = policy
            .call(&key(), "vault.example.com", || {
                count.set(count.get() + 1);
                let first = count.get() == 1;
                async move {
                    match first {
                        true => Err(fails(Refusal::Unavailable)),
                        false => std::future::pending().await,
                    }
                }
            })
            .await;
        let error = result.unwrap_err();
        assert_eq!((count.get(), started.elapsed()), (2, Duration::from_secs(2)));
        assert_eq!(error.refusal, Refusal::TimedOut);
        assert_eq!(
            error.text,
            "nothing within 2 s from vault.example.com; before that: the service failed: as it is"
        );
        // One that takes no number ends too.
        let endless = CallPolicy { deadline: Duration::MAX, attempts: 1 };
        assert_eq!(asked(endless, &[|| Ok(3)]).await.2.unwrap(), 3);
    }
}

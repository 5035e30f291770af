//! Waiting for an effect.

use std::future::Future;
use std::panic::Location;
use std::time::{Duration, Instant};

/// Enough for anything that happens by itself, also on a busy machine. Nobody waits that long but
/// in a test that fails.
pub const SOON: Duration = Duration::from_secs(60);

/// Looks again and again until `look` gives `Ok`, and gives that. After `limit` the test fails and
/// says `what` it waited for and what `look` saw last: its `Err`.
#[track_caller]
pub fn eventually<T>(
    limit: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> impl Future<Output = T> {
    let caller = Location::caller();
    async move {
        let started = Instant::now();
        let mut last = "nothing yet: the first look did not end".to_owned();
        loop {
            let left = limit.saturating_sub(started.elapsed());
            // A look may hang, when the API server does.
            match tokio::time::timeout(left, look()).await {
                Ok(Ok(found)) => return found,
                Ok(Err(state)) => last = state,
                Err(_) => {}
            }
            assert!(
                started.elapsed() < limit,
                "{caller}: waited {limit:?} in vain: {what}; last seen: {last}"
            );
            tokio::time::sleep(pause(started.elapsed())).await;
        }
    }
}

/// Looks often at first: most effects come within milliseconds.
fn pause(waited: Duration) -> Duration {
    (waited / 8).clamp(Duration::from_millis(2), Duration::from_millis(200))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.unwrap().block_on(future)
    }

    #[test]
    fn what_comes_late_is_found() {
        let mut looks = 0;
        let found = block_on(eventually(SOON, "three looks", async || {
            looks += 1;
            if looks < 3 { Err(format!("look {looks}")) } else { Ok(looks) }
        }));
        assert_eq!(found, 3);
    }

    #[test]
    #[should_panic(expected = "in vain: the sun rises; last seen: dark")]
    fn what_never_comes_fails_with_what_was_seen_last() {
        let limit = Duration::from_millis(20);
        block_on(eventually(limit, "the sun rises", async || Err::<(), _>("dark".into())));
    }

    #[test]
    #[should_panic(expected = "the first look did not end")]
    fn a_look_that_hangs_ends_too() {
        let limit = Duration::from_millis(20);
        block_on(eventually(limit, "an answer", async || {
            std::future::pending::<()>().await;
            Ok(())
        }));
    }
}

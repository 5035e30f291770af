//! The time and the randomness of this machine, which the core takes as arguments.

use std::{convert::Infallible, time::SystemTime};

use rand_core::{TryCryptoRng, TryRng};
use sops_core::tree::Time;
use zeroize::Zeroize as _;

/// Now, in UTC.
#[expect(clippy::expect_used, reason = "the epoch is a time")]
pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    // A clock beyond the year 9999 is as wrong as one before 1970.
    let time = i64::try_from(seconds).ok().and_then(Time::from_unix);
    time.or_else(|| Time::from_unix(0)).expect("the epoch is a time")
}

/// Randomness of the operating system, fetched in portions: a large file needs a nonce for each
/// value, and one system call for each of them would be felt.
pub(crate) struct SystemRandomness {
    stock: [u8; 1024],
    used: usize,
}

impl SystemRandomness {
    /// Nothing is fetched before it is needed.
    pub(crate) fn new() -> Self {
        Self { stock: [0; 1024], used: 1024 }
    }

    #[expect(clippy::expect_used, reason = "without randomness nothing may be encrypted")]
    fn take(&mut self, bytes: &mut [u8]) {
        if bytes.len() > self.stock.len() - self.used {
            if bytes.len() >= self.stock.len() {
                getrandom::fill(bytes).expect("the operating system gives randomness");
                return;
            }
            getrandom::fill(&mut self.stock).expect("the operating system gives randomness");
            self.used = 0;
        }
        let end = self.used + bytes.len();
        let portion = &mut self.stock[self.used..end];
        bytes.copy_from_slice(portion);
        // What became a data key must not be found here.
        portion.zeroize();
        self.used = end;
    }
}

impl Drop for SystemRandomness {
    fn drop(&mut self) {
        self.stock.zeroize();
    }
}

impl TryRng for SystemRandomness {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.take(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.take(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.take(bytes);
        Ok(())
    }
}

impl TryCryptoRng for SystemRandomness {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_do_not_repeat() {
        let mut random = SystemRandomness::new();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..200 {
            let mut bytes = [0; 32];
            random.take(&mut bytes);
            assert!(seen.insert(bytes));
        }
        let mut large = [0; 3000];
        random.take(&mut large);
        assert!(large.iter().any(|byte| *byte != 0));
    }
}

//! A provider without keys, a scripted one, and randomness that repeats: for tests of this and
//! other crates (feature `test-util`).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of tests fails the test")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Attempt, KeyProvider, MasterKey, PgpKey, ProviderError, Reach, Refusal};
use crate::crypto::KeyPart;

/// Wraps by writing the part down, so that everybody can read it. Counts what it is asked.
#[derive(Debug)]
pub struct TestProvider {
    reach: Reach,
    refused: Mutex<Vec<(String, Refusal)>>,
    foreign: Vec<String>,
    opened: Mutex<Vec<String>>,
    wraps: AtomicUsize,
}

impl TestProvider {
    /// A provider for keys of every kind that says it works on this machine.
    pub fn local() -> Self {
        Self {
            reach: Reach::Local,
            refused: Mutex::default(),
            foreign: Vec::new(),
            opened: Mutex::default(),
            wraps: AtomicUsize::new(0),
        }
    }

    /// The same, but it says that it asks a service.
    pub fn remote() -> Self {
        Self { reach: Reach::Remote, ..Self::local() }
    }

    /// Lets a key fail.
    #[must_use]
    pub fn refusing(self, key: &MasterKey, refusal: Refusal) -> Self {
        self.refused.lock().unwrap().push((key.identity(), refusal));
        self
    }

    /// Lets a key be somebody else's.
    #[must_use]
    pub fn without(mut self, key: &MasterKey) -> Self {
        self.foreign.push(key.identity());
        self
    }

    /// The keys that were asked to open, in order.
    pub fn opened(&self) -> Vec<String> {
        self.opened.lock().unwrap().clone()
    }

    /// How often it wrapped.
    pub fn wraps(&self) -> usize {
        self.wraps.load(Ordering::Relaxed)
    }

    /// What a text of [`KeyProvider::wrap`] holds.
    pub fn unwrap(enc: &str) -> KeyPart {
        let (_, part) = enc.rsplit_once(' ').expect("made by this provider");
        KeyPart::new(STANDARD.decode(part).expect("made by this provider"))
    }

    fn refusal(&self, key: &MasterKey) -> Option<ProviderError> {
        let refused = self.refused.lock().unwrap();
        let (_, refusal) = refused.iter().find(|(name, _)| *name == key.identity())?;
        Some(ProviderError::new(*refusal, key, "as the test wants"))
    }
}

#[async_trait::async_trait]
impl KeyProvider for TestProvider {
    fn reach(&self, _: &MasterKey) -> Reach {
        self.reach
    }

    async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
        let number = self.wraps.fetch_add(1, Ordering::Relaxed);
        match self.refusal(key) {
            Some(error) => Err(error),
            // The number makes two wraps of one part differ, as real ones do.
            None => Ok(format!("{number} {} {}", key.identity(), STANDARD.encode(part.expose()))),
        }
    }

    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
        self.opened.lock().unwrap().push(key.identity());
        if self.foreign.contains(&key.identity()) {
            return Attempt::NotMine;
        }
        if let Some(error) = self.refusal(key) {
            return Attempt::Failed(error);
        }
        match enc.contains(&key.identity()) {
            true => Attempt::Opened(Self::unwrap(enc)),
            false => Attempt::Failed(ProviderError::new(Refusal::WrongCiphertext, key, "")),
        }
    }
}

/// A PGP key with a fingerprint made of `number`.
pub fn pgp(number: u8) -> MasterKey {
    MasterKey::Pgp(PgpKey { fingerprint: format!("{number:040X}") })
}

/// Randomness that is the same in every run. Never outside of tests: it can be guessed.
#[derive(Debug)]
pub struct SeededRng(u64);

impl SeededRng {
    /// Starts at a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    fn step(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

impl rand_core::TryRng for SeededRng {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.step() as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.step())
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in to.chunks_mut(8) {
            let bytes = self.step().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for SeededRng {}

//! Remembers which nonce each value was sealed with, so that a value nobody edited is sealed to
//! the same bytes again and a one-line edit stays a one-line diff (format §1.7).
//!
//! Rules of this module:
//!
//! - A nonce comes back only for the same typed plaintext under the same path. Under one key any
//!   other reuse would break GCM.
//! - Equal values under one path (items of a list share theirs) get their own nonces back in the
//!   order in which they stood, each once: two equal tokens would show that two values are equal.
//! - Only nonces of 32 bytes are kept. Older files hold others; they are read, not written.
//! - Plaintext is kept as a hash only, and the memory lives for one operation.

use std::collections::{HashMap, VecDeque};

use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};

use crate::{crypto::Nonce, tree::Kind};

/// Nonces by what they sealed.
#[derive(Clone, Default)]
pub struct NonceMemory {
    nonces: HashMap<[u8; 32], VecDeque<Nonce>>,
    /// Blanks per level of the metadata, which the plaintext in between does not show.
    pub(super) metadata_indent: Option<u8>,
}

impl NonceMemory {
    /// Remembers the nonce of a value that was opened.
    pub(super) fn remember(&mut self, aad: &str, kind: Kind, plaintext: &[u8], nonce: &[u8]) {
        if let Ok(nonce) = nonce.try_into() {
            self.nonces.entry(fingerprint(aad, kind, plaintext)).or_default().push_back(nonce);
        }
    }

    fn recall(&mut self, aad: &str, kind: Kind, plaintext: &[u8]) -> Option<Nonce> {
        if self.nonces.is_empty() {
            return None;
        }
        self.nonces.get_mut(&fingerprint(aad, kind, plaintext))?.pop_front()
    }
}

impl std::fmt::Debug for NonceMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NonceMemory of {}", self.nonces.len())
    }
}

fn fingerprint(aad: &str, kind: Kind, plaintext: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update((aad.len() as u64).to_be_bytes());
    hash.update(aad);
    hash.update(kind.name());
    hash.update([0]);
    hash.update(plaintext);
    hash.finalize().into()
}

/// Gives nonces: remembered ones where they fit, fresh ones else.
pub(super) struct Nonces<'a> {
    memory: NonceMemory,
    rng: &'a mut dyn CryptoRng,
    /// Random bytes drawn ahead: one system call for many nonces.
    pool: Vec<u8>,
    used: usize,
}

impl<'a> Nonces<'a> {
    pub(super) fn new(memory: NonceMemory, rng: &'a mut dyn CryptoRng) -> Self {
        Self { memory, rng, pool: Vec::new(), used: 0 }
    }

    /// The nonce for a value.
    pub(super) fn next(&mut self, aad: &str, kind: Kind, plaintext: &[u8]) -> Nonce {
        self.memory.recall(aad, kind, plaintext).unwrap_or_else(|| self.fresh())
    }

    /// A nonce that was never used.
    pub(super) fn fresh(&mut self) -> Nonce {
        const AHEAD: usize = 64;
        const LEN: usize = size_of::<Nonce>();
        let mut nonce: Nonce = [0; LEN];
        if self.used == self.pool.len() {
            // Few values need few nonces: the pool grows with use.
            let size = (self.pool.len() * 2).clamp(LEN, AHEAD * LEN);
            self.pool.resize(size, 0);
            self.rng.fill_bytes(&mut self.pool);
            self.used = 0;
        }
        nonce.copy_from_slice(&self.pool[self.used..self.used + LEN]);
        self.used += LEN;
        nonce
    }
}

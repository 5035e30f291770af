//! Private keys as gpg-agent keeps them: `private-keys-v1.d/KEYGRIP.key`.
//!
//! Such a file holds an S-expression, or lines `Name: value` of which `Key` has the expression.
//! What it holds besides (dates, URIs, smartcard ids) is not needed.

use std::sync::Arc;

use aes::Aes128;
use aes::cipher::BlockDecryptMut as _;
use aes::cipher::KeyIvInit as _;
use aes::cipher::block_padding::NoPadding;
use ocb3::aead::generic_array::{GenericArray, typenum::U12};
use ocb3::aead::{Aead as _, KeyInit as _, Payload};
use sha1::{Digest as _, Sha1};
use sops_core::crypto::SecretBytes;
use zeroize::Zeroizing;

use super::keygrip::PublicPart;
use super::packets::Broken;
use super::sexp::Sexp;

/// Longest file: an RSA key of 16384 bits in hexadecimal digits is half of it.
const LONGEST: usize = 64 * 1024;
/// Most bytes that may go into the hash of a passphrase. gpg-agent takes what lasts 0.1 s.
const MOST_HASHED: usize = 2_000_000_000;

/// A key file.
pub(crate) struct AgentKey {
    pub(crate) public: PublicPart,
    pub(crate) secret: AgentSecret,
}

/// The private half of it.
pub(crate) enum AgentSecret {
    Open(Numbers),
    Locked(Arc<Locked>),
    /// It is on a smartcard, and only a stub is here.
    OnCard,
    /// Protected in a way that this program does not know.
    Foreign,
}

/// The numbers of a private key by their names (`d`, `p`, `q`, `u`; `x`).
pub(crate) struct Numbers(Sexp);

impl Numbers {
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.value(name)
    }
}

/// A private half behind a passphrase.
pub(crate) struct Locked {
    mode: Mode,
    salt: Vec<u8>,
    hashed: usize,
    iv: Vec<u8>,
    sealed: Vec<u8>,
    /// The list that the protection covers, without the protected part, in canonical form.
    public: Zeroizing<Vec<u8>>,
    /// The same as a list, to hash it with the private numbers in it.
    key: Sexp,
}

#[derive(Clone, Copy)]
enum Mode {
    /// AES-CBC, and a SHA-1 over everything.
    Cbc,
    /// AES-OCB with the public half as associated data.
    Ocb,
}

impl AgentKey {
    /// Reads a file.
    pub(crate) fn parse(file: &[u8]) -> Result<Self, Broken> {
        if file.len() > LONGEST {
            return Err(Broken);
        }
        let outer = if file.trim_ascii_start().starts_with(b"(") {
            Sexp::parse(file)?
        } else {
            Sexp::parse(&field(file, "key")?)?
        };
        let kind = outer.name().ok_or(Broken)?.to_vec();
        let Sexp::List(mut items) = outer else { return Err(Broken) };
        if items.len() < 2 {
            return Err(Broken);
        }
        let key = items.swap_remove(1);
        let public = PublicPart::of_sexp(&key).ok_or(Broken)?;
        let secret = match &kind[..] {
            b"private-key" => AgentSecret::Open(Numbers(key)),
            b"shadowed-private-key" => AgentSecret::OnCard,
            b"protected-private-key" => match Locked::of(key)? {
                Some(locked) => AgentSecret::Locked(Arc::new(locked)),
                None => AgentSecret::Foreign,
            },
            _ => return Err(Broken),
        };
        Ok(Self { public, secret })
    }
}

/// The value of a field: what follows its name, and the lines below that are indented. A line end
/// and the blank behind it are no part of the value.
fn field(file: &[u8], name: &str) -> Result<Zeroizing<Vec<u8>>, Broken> {
    let mut value: Option<Zeroizing<Vec<u8>>> = None;
    for line in file.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let indented = line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        match &mut value {
            Some(value) if indented => value.extend_from_slice(&line[1..]),
            Some(_) => break,
            None if indented => {}
            None => {
                let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
                if line[..colon].eq_ignore_ascii_case(name.as_bytes()) {
                    let mut start = Zeroizing::new(Vec::with_capacity(file.len()));
                    start.extend_from_slice(&line[colon + 1..]);
                    value = Some(start);
                }
            }
        }
    }
    value.ok_or(Broken)
}

impl Locked {
    /// Takes `(rsa (n …)(e …)(protected MODE ((sha1 SALT COUNT) IV) SEALED)(protected-at …))`
    /// apart. `None` for a mode that is not known here.
    fn of(key: Sexp) -> Result<Option<Self>, Broken> {
        let protected = key.child("protected").and_then(Sexp::list).ok_or(Broken)?;
        let mode = match protected.get(1).and_then(Sexp::atom).ok_or(Broken)? {
            b"openpgp-s2k3-sha1-aes-cbc" => Mode::Cbc,
            b"openpgp-s2k3-ocb-aes" => Mode::Ocb,
            _ => return Ok(None),
        };
        let parameters = protected.get(2).and_then(Sexp::list).ok_or(Broken)?;
        let hash = parameters.first().and_then(Sexp::list).ok_or(Broken)?;
        let atom = |list: &[Sexp], at: usize| list.get(at).and_then(Sexp::atom).map(<[u8]>::to_vec);
        let count = atom(hash, 2).and_then(|count| String::from_utf8(count).ok()).ok_or(Broken)?;
        let hashed: usize = count.parse().map_err(|_| Broken)?;
        let (salt, iv) = (atom(hash, 1).ok_or(Broken)?, atom(parameters, 1).ok_or(Broken)?);
        let sealed = atom(protected, 3).ok_or(Broken)?;
        let iv_length = match mode {
            Mode::Cbc => 16,
            Mode::Ocb => 12,
        };
        let fits = hash.first().and_then(Sexp::atom) == Some(b"sha1")
            && salt.len() == 8
            && hashed <= MOST_HASHED
            && iv.len() == iv_length;
        if !fits {
            return Err(Broken);
        }
        let mut public = Zeroizing::new(vec![b'(']);
        for item in key.list().unwrap_or_default() {
            if item.name() != Some(b"protected") {
                item.write_canonical(&mut public);
            }
        }
        public.push(b')');
        Ok(Some(Self { mode, salt, hashed, iv, sealed, public, key }))
    }

    /// Opens it. `None` if this is not the passphrase.
    pub(crate) fn unlock(&self, passphrase: &SecretBytes) -> Option<Numbers> {
        let key = self.key_of(passphrase);
        let plain = match self.mode {
            Mode::Ocb => {
                let cipher = ocb3::Ocb3::<Aes128, U12>::new(GenericArray::from_slice(&key[..]));
                let message = Payload { msg: &self.sealed, aad: &self.public };
                Zeroizing::new(cipher.decrypt(GenericArray::from_slice(&self.iv), message).ok()?)
            }
            Mode::Cbc => {
                let mut plain = Zeroizing::new(self.sealed.clone());
                let cipher = cbc::Decryptor::<Aes128>::new_from_slices(&key[..], &self.iv).ok()?;
                cipher.decrypt_padded_mut::<NoPadding>(&mut plain).ok()?;
                plain
            }
        };
        // ((d …)(p …)(q …)(u …)), in one more list.
        let Sexp::List(mut outer) = Sexp::parse(&plain).ok()? else { return None };
        if outer.is_empty() {
            return None;
        }
        if let Mode::Cbc = self.mode {
            let sum = outer.iter().find(|item| item.name() == Some(b"hash"))?;
            let sum = sum.list()?.get(2)?.atom()?.to_vec();
            if sum != self.sum(outer[0].list()?)? {
                return None;
            }
        }
        let numbers = outer.swap_remove(0);
        numbers.list()?;
        Some(Numbers(numbers))
    }

    /// SHA-1 over the list with the private numbers where the protected part stands.
    fn sum(&self, numbers: &[Sexp]) -> Option<Vec<u8>> {
        let mut all = Zeroizing::new(vec![b'(']);
        for item in self.key.list()? {
            if item.name() == Some(b"protected") {
                numbers.iter().for_each(|number| number.write_canonical(&mut all));
            } else {
                item.write_canonical(&mut all);
            }
        }
        all.push(b')');
        Some(Sha1::digest(&all[..]).to_vec())
    }

    /// The iterated and salted way from a passphrase to a key (RFC 9580 §3.7.1.3), with the count
    /// written out.
    fn key_of(&self, passphrase: &SecretBytes) -> Zeroizing<[u8; 16]> {
        let salted = Zeroizing::new([&self.salt[..], passphrase.expose()].concat());
        let mut hash = Sha1::new();
        let mut left = self.hashed.max(salted.len());
        // In larger pieces, because there are many rounds of few bytes.
        let piece = Zeroizing::new(salted.repeat(4096 / salted.len() + 1));
        while left > 0 {
            let now = left.min(piece.len());
            hash.update(&piece[..now]);
            left -= now;
        }
        let mut key = Zeroizing::new([0; 16]);
        key.copy_from_slice(&hash.finalize()[..16]);
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANONICAL: &[u8] = b"(11:private-key(3:ecc(5:curve10:NIST P-256)(1:q1:\x04)(1:d1:\x09)))";

    #[test]
    fn both_kinds_of_file_are_read() {
        let lines =
            b"Created: 20261125T184943\nkey: (private-key (ecc (curve \"NIST\n  P-256\")\n  \
                      (q #0\n 4#)(d #09#)))\nURI: (x\n";
        for file in [CANONICAL, lines] {
            let key = AgentKey::parse(file).unwrap();
            let AgentSecret::Open(numbers) = &key.secret else { panic!("not open") };
            assert_eq!(numbers.get("d"), Some(&[9][..]));
            assert!(matches!(&key.public, PublicPart::Curve { point, .. } if point == &[4]));
        }
    }

    #[test]
    fn stubs_and_unknown_protections_are_told_apart() {
        let rsa = "(rsa (n #05#)(e #03#)(PROTECTED))";
        let kind = |name: &str, protected: &str| {
            AgentKey::parse(format!("({name} {})", rsa.replace("PROTECTED", protected)).as_bytes())
                .map(|key| key.secret)
        };
        let card = kind("shadowed-private-key", "shadowed t1-v1 (#01# OPENPGP.2)");
        assert!(matches!(card, Ok(AgentSecret::OnCard)));
        let native = kind("protected-private-key", "protected openpgp-native (x)");
        assert!(matches!(native, Ok(AgentSecret::Foreign)));
        for wrong in ["protected", "protected openpgp-s2k3-ocb-aes ((sha1 #00# \"1\")#00#)#00#"] {
            assert!(kind("protected-private-key", wrong).is_err(), "{wrong}");
        }
        assert!(kind("public-key", "x").is_err());
        assert!(AgentKey::parse(b"Created: x\n").is_err());
        assert!(AgentKey::parse(b"(private-key)").is_err());
    }
}

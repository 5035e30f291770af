//! ElGamal (RFC 9580 §5.1.4), for keys of the years when GnuPG made DSA with ElGamal.
//!
//! Powers are computed in constant time for the size of the prime, and the padding is looked
//! through without a branch on what is in it. Whoever calls this does not tell which step failed.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::packets::trimmed;

/// Bits of the primes that are computed with. gpg makes at most 4096.
const SIZES: std::ops::RangeInclusive<u32> = 512..=8192;

/// The public half: a prime, a generator, and a power of it.
pub(crate) struct Public {
    params: BoxedMontyParams,
    prime: BoxedUint,
    g: BoxedUint,
    y: BoxedUint,
}

/// The private half with it.
pub(crate) struct Secret {
    public: Public,
    /// `p - 1 - x`: by Fermat this power is the inverse of the power `x`.
    inverse: Zeroizing<BoxedUint>,
}

impl Public {
    /// Numbers of a key. `None` if they make no key.
    pub(crate) fn new(p: &[u8], g: &[u8], y: &[u8]) -> Option<Self> {
        let p = trimmed(p);
        let bits = u32::try_from(p.len()).ok()?.checked_mul(8)? - p.first()?.leading_zeros();
        if !SIZES.contains(&bits) {
            return None;
        }
        let prime = BoxedUint::from_be_slice(p, precision(p)).ok()?;
        let odd: Odd<BoxedUint> = Option::from(prime.to_odd())?;
        let (g, y) = (number(g, p)?, number(y, p)?);
        Some(Self { params: BoxedMontyParams::new(odd), prime, g, y })
    }

    /// Bytes of the prime.
    fn size(&self) -> usize {
        trimmed(&self.prime.to_be_bytes()).len()
    }

    /// Encrypts at most as many bytes as there is room beside the padding.
    pub(crate) fn encrypt(
        &self,
        rng: &mut (impl RngCore + CryptoRng),
        plain: &[u8],
    ) -> Option<(Vec<u8>, Vec<u8>)> {
        let padded = pad(rng, self.size(), plain)?;
        let mut k = Zeroizing::new(vec![0; self.size()]);
        rng.fill_bytes(&mut k);
        let k = Zeroizing::new(BoxedUint::from_be_slice(&k, self.prime.bits_precision()).ok()?);
        let message = BoxedUint::from_be_slice(&padded, self.prime.bits_precision()).ok()?;
        let first = self.form(self.g.clone()).pow(&k);
        let shared = self.form(self.y.clone()).pow(&k);
        let second = self.form(message).mul(&shared);
        Some((bytes(&first), bytes(&second)))
    }

    fn form(&self, number: BoxedUint) -> BoxedMontyForm {
        BoxedMontyForm::new(number, &self.params)
    }
}

impl Secret {
    /// Numbers of a key. `None` if they make no key.
    pub(crate) fn new(public: Public, x: &[u8]) -> Option<Self> {
        let precision = public.prime.bits_precision();
        let x = Zeroizing::new(BoxedUint::from_be_slice(trimmed(x), precision).ok()?);
        let power = public.form(public.g.clone()).pow(&x).retrieve();
        let one = BoxedUint::one_with_precision(precision);
        let inverse = public.prime.wrapping_sub(&one).wrapping_sub(&*x);
        let inverse = Zeroizing::new(inverse);
        // A private half of some other key would open nothing, or what was made to look so.
        (power == public.y).then_some(Self { public, inverse })
    }

    /// Decrypts. `None` if it does not come out as it is made.
    pub(crate) fn decrypt(&self, first: &[u8], second: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let p = self.public.prime.to_be_bytes();
        let first = number(first, trimmed(&p))?;
        let second = number(second, trimmed(&p))?;
        let inverse = self.public.form(first).pow(&self.inverse);
        let plain = inverse.mul(&self.public.form(second)).retrieve();
        let all = Zeroizing::new(plain.to_be_bytes().into_vec());
        unpad(&all[all.len() - self.public.size()..])
    }
}

/// A number between 0 and the prime, both excluded.
fn number(bytes: &[u8], prime: &[u8]) -> Option<BoxedUint> {
    let bytes = trimmed(bytes);
    let smaller = bytes.len() < prime.len() || bytes.len() == prime.len() && bytes < prime;
    if bytes.is_empty() || !smaller {
        return None;
    }
    BoxedUint::from_be_slice(bytes, precision(prime)).ok()
}

fn precision(prime: &[u8]) -> u32 {
    // At most 8192; see `SIZES`.
    (prime.len() * 8).next_multiple_of(64) as u32
}

fn bytes(form: &BoxedMontyForm) -> Vec<u8> {
    trimmed(&form.retrieve().to_be_bytes()).to_vec()
}

/// EME-PKCS1-v1_5 (RFC 9580 §12.1.1): `00 02`, at least eight bytes that are not zero, `00`.
fn pad(
    rng: &mut (impl RngCore + CryptoRng),
    size: usize,
    plain: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let filling = size.checked_sub(3 + plain.len()).filter(|filling| *filling >= 8)?;
    let mut padded = Zeroizing::new(vec![0; size]);
    padded[1] = 2;
    for byte in &mut padded[2..2 + filling] {
        while *byte == 0 {
            rng.fill_bytes(std::slice::from_mut(byte));
        }
    }
    padded[3 + filling..].copy_from_slice(plain);
    Some(padded)
}

/// Finds where the message begins. Each byte is looked at in the same way whatever it is.
fn unpad(padded: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if padded.len() < 11 {
        return None;
    }
    let is_zero = |byte: u8| u32::from(byte).wrapping_sub(1) >> 31;
    let mut wrong = u32::from(padded[0]) | u32::from(padded[1] ^ 2);
    let (mut found, mut start) = (0_u32, 0_u32);
    for (at, byte) in padded.iter().enumerate().skip(2) {
        let first = is_zero(*byte) & (found ^ 1);
        // A mask of ones where the first zero is.
        start |= first.wrapping_neg() & at as u32;
        found |= first;
    }
    wrong |= found ^ 1;
    // Eight bytes of filling are the least: the zero is at 10 or behind it.
    wrong |= start.wrapping_sub(10) >> 31;
    if wrong != 0 {
        return None;
    }
    Some(Zeroizing::new(padded[start as usize + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The group of RFC 2409 §6.2, whose prime is a safe one, with generator 2.
    const P: &str = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B13\
                     9B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576\
                     625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE64928\
                     6651ECE65381FFFFFFFFFFFFFFFF";

    fn prime() -> Vec<u8> {
        let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
        P.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
    }

    fn key() -> Secret {
        // 2^10 for the private number 10, and 2^x for one of many bits.
        let public = Public::new(&prime(), &[2], &[4, 0]).unwrap();
        Secret::new(public, &[10]).unwrap()
    }

    #[test]
    fn what_was_encrypted_is_decrypted_and_nothing_else() {
        let key = key();
        let mut rng = rand::rngs::OsRng;
        let (first, second) = key.public.encrypt(&mut rng, b"a session key").unwrap();
        assert_eq!(**key.decrypt(&first, &second).unwrap(), *b"a session key");
        let mut changed = second.clone();
        changed[9] ^= 1;
        let opened = key.decrypt(&first, &changed);
        assert!(opened.is_none_or(|opened| **opened != *b"a session key"));
        assert!(key.decrypt(&[], &second).is_none());
        assert!(key.decrypt(&prime(), &second).is_none());
        assert!(key.public.encrypt(&mut rng, &[1; 118]).is_none());
        assert!(key.public.encrypt(&mut rng, &[1; 117]).is_some());
    }

    #[test]
    fn halves_that_do_not_belong_together_are_no_key() {
        let public = || Public::new(&prime(), &[2], &[4, 0]).unwrap();
        assert!(Secret::new(public(), &[11]).is_none());
        assert!(Public::new(&prime(), &[], &[4]).is_none());
        assert!(Public::new(&[0xff; 32], &[2], &[4]).is_none());
        assert!(Public::new(&[&prime()[..127], &[0xfe]].concat(), &[2], &[4]).is_none());
    }

    #[test]
    fn padding_has_one_form() {
        let good = [&[0, 2][..], &[5; 8], &[0], b"key"].concat();
        assert_eq!(**unpad(&good).unwrap(), *b"key");
        for (at, byte) in [(0, 1), (1, 1), (1, 0), (9, 0), (2, 0), (10, 7)] {
            let mut wrong = good.clone();
            wrong[at] = byte;
            assert!(unpad(&wrong).is_none(), "{at} {byte}");
        }
        assert!(unpad(&good[..10]).is_none());
        assert_eq!(unpad(&good[..11]).unwrap().len(), 0);
    }
}

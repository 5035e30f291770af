//! Shamir's secret sharing over GF(2⁸), as key groups use it (format §5).
//!
//! Rules of this module:
//!
//! - The field is that of AES, with polynomial 0x11B. Libraries with 0x11D agree with it for the
//!   shares 1, 2 and 3 and for no others.
//! - A share is one byte per byte of the secret, and behind them the byte x, which is its number
//!   counted from one.
//! - Arithmetic on secret bytes has no branch and no table look-up that depends on them. Which
//!   shares there are is not secret.

use zeroize::Zeroizing;

use super::{DataKey, DataKeyLength, KeyPart};

/// Why a data key could not be split, or not put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShamirError {
    /// One share would be enough, which is no sharing.
    #[error("a threshold of {0} is too low, it has to be 2 or more")]
    ThresholdTooLow(usize),
    /// More shares would be needed than there are.
    #[error("a threshold of {threshold} can never be met with {parts} key groups")]
    ThresholdTooHigh {
        /// Shares needed.
        threshold: usize,
        /// Shares there are.
        parts: usize,
    },
    /// The number of a share is one byte, and zero is taken by the secret.
    #[error("{0} key groups are more than the 255 that can share a data key")]
    TooManyParts(usize),
    /// Fewer than two shares.
    #[error("at least 2 shares are needed, got {0}")]
    TooFew(usize),
    /// Shares of different secrets, or no shares at all.
    #[error("the shares do not have one length")]
    Lengths,
    /// Two shares with the same number.
    #[error("two shares have the same number {0}")]
    Duplicate(u8),
    /// A share whose number is zero.
    #[error("a share has the number 0, which no share can have")]
    NumberZero,
    /// What came out is no data key.
    #[error(transparent)]
    Length(#[from] DataKeyLength),
}

/// Length of the share of a data key.
pub const SHARE_LEN: usize = DataKey::LEN + 1;

/// Splits a data key into `parts` shares, any `threshold` of which give it back.
///
/// # Errors
/// Unless 2 ≤ threshold ≤ parts ≤ 255.
pub fn split(
    key: &DataKey,
    threshold: usize,
    parts: usize,
    rng: &mut dyn rand_core::CryptoRng,
) -> Result<Vec<KeyPart>, ShamirError> {
    if threshold < 2 {
        return Err(ShamirError::ThresholdTooLow(threshold));
    }
    if parts < threshold {
        return Err(ShamirError::ThresholdTooHigh { threshold, parts });
    }
    let count = u8::try_from(parts).map_err(|_| ShamirError::TooManyParts(parts))?;
    // One polynomial of degree threshold − 1 for each byte of the key; its constant term is that
    // byte. All coefficients are drawn alike, zero included.
    let mut coefficients = Zeroizing::new(vec![0; (threshold - 1) * DataKey::LEN]);
    rng.fill_bytes(&mut coefficients);
    let share = |x: u8| {
        let polynomials = coefficients.chunks(threshold - 1);
        let points = key.expose().iter().zip(polynomials).map(|(byte, polynomial)| {
            // Horner's scheme, from the highest term down to the constant one.
            mul(polynomial.iter().rev().fold(0, |sum, c| mul(sum, x) ^ c), x) ^ byte
        });
        KeyPart::new(points.chain([x]).collect())
    };
    Ok((1..=count).map(share).collect())
}

/// Puts a data key together from shares, all of which are used.
///
/// Nothing here tells whether they belong together; a wrong key shows when the first value does
/// not open.
///
/// # Errors
/// If there are fewer than two, or they cannot be shares of one data key.
pub fn combine(shares: &[&KeyPart]) -> Result<DataKey, ShamirError> {
    if shares.len() < 2 {
        return Err(ShamirError::TooFew(shares.len()));
    }
    let mut numbers = Vec::with_capacity(shares.len());
    for share in shares {
        let [.., x] = share.expose() else { return Err(ShamirError::Lengths) };
        if share.len() != shares[0].len() {
            return Err(ShamirError::Lengths);
        }
        if *x == 0 {
            return Err(ShamirError::NumberZero);
        }
        if numbers.contains(x) {
            return Err(ShamirError::Duplicate(*x));
        }
        numbers.push(*x);
    }
    // Lagrange's interpolation at zero. In this field, subtracting is adding.
    let mut secret = Zeroizing::new(vec![0; shares[0].len() - 1]);
    for (share, x) in shares.iter().zip(&numbers) {
        let others = numbers.iter().filter(|other| *other != x);
        let weight = others.fold(1, |product, other| mul(product, mul(*other, invert(other ^ x))));
        for (byte, y) in secret.iter_mut().zip(share.expose()) {
            *byte ^= mul(weight, *y);
        }
    }
    Ok(DataKey::from_slice(&secret)?)
}

/// Multiplies, with the same steps whatever the factors are.
fn mul(a: u8, b: u8) -> u8 {
    let (mut product, mut shifted) = (0, a);
    for bit in 0..8 {
        product ^= mask(b >> bit) & shifted;
        shifted = shifted << 1 ^ mask(shifted >> 7) & 0x1b;
    }
    product
}

/// All ones if the lowest bit is set, else zero.
fn mask(byte: u8) -> u8 {
    (byte & 1).wrapping_neg()
}

/// The multiplicative inverse: the 254th power, since the 255th is one. Zero gives zero.
fn invert(a: u8) -> u8 {
    // 254 = 2 + 4 + 8 + … + 128
    let mut square = a;
    let mut product = 1;
    for _ in 0..7 {
        square = mul(square, square);
        product = mul(product, square);
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::testing::SeededRng;

    fn vectors() -> serde_json::Value {
        let text = include_str!("../../../../tests/data/vectors/06-shamir.json");
        serde_json::from_str(text).unwrap()
    }

    fn unhex(text: &serde_json::Value) -> Vec<u8> {
        let text = text.as_str().unwrap();
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    /// Gives out bytes that were chosen beforehand.
    struct Script(Vec<u8>);

    impl rand_core::TryRng for Script {
        type Error = std::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            panic!("only bytes are drawn")
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            panic!("only bytes are drawn")
        }
        fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Self::Error> {
            to.copy_from_slice(&self.0.drain(..to.len()).collect::<Vec<_>>());
            Ok(())
        }
    }

    impl rand_core::TryCryptoRng for Script {}

    #[test]
    fn arithmetic_matches_the_samples_of_the_format() {
        let vectors = vectors();
        for sample in vectors["mul_samples"].as_array().unwrap() {
            let at = |n: usize| sample[n].as_u64().unwrap() as u8;
            assert_eq!(mul(at(0), at(1)), at(2), "{sample}");
        }
        for sample in vectors["inverse_samples"].as_array().unwrap() {
            let at = |n: usize| sample[n].as_u64().unwrap() as u8;
            assert_eq!(invert(at(0)), at(1), "{sample}");
        }
        assert!((1..=255).all(|a| mul(a, invert(a)) == 1));
    }

    #[test]
    fn shares_are_those_of_the_vectors_and_every_subset_combines() {
        let vectors = vectors();
        let vectors = vectors["vectors"].as_array().unwrap();
        assert!(!vectors.is_empty());
        for vector in vectors {
            let number = |name: &str| vector[name].as_u64().unwrap() as usize;
            let (parts, threshold) = (number("parts"), number("threshold"));
            let key = DataKey::from_slice(&unhex(&vector["secret_hex"])).unwrap();
            let coefficients = vector["coefficients_per_secret_byte"].as_array().unwrap();
            let script = coefficients
                .iter()
                .flat_map(|polynomial| polynomial.as_array().unwrap())
                .map(|coefficient| coefficient.as_u64().unwrap() as u8)
                .collect();
            let shares = split(&key, threshold, parts, &mut Script(script)).unwrap();
            let expected = vector["shares_hex"].as_array().unwrap();
            assert_eq!(shares.len(), expected.len());
            for (share, text) in shares.iter().zip(expected) {
                assert_eq!(share.expose(), unhex(text));
            }
            for chosen in 0u32..1 << parts {
                let subset: Vec<_> =
                    (0..parts).filter(|at| chosen >> at & 1 == 1).map(|at| &shares[at]).collect();
                if subset.len() >= threshold {
                    assert_eq!(combine(&subset).as_ref(), Ok(&key));
                } else if subset.len() >= 2 {
                    assert_ne!(combine(&subset).as_ref(), Ok(&key));
                }
            }
        }
    }

    #[test]
    fn limits_hold() {
        let key = DataKey::from_slice(&[1; 32]).unwrap();
        let split = |threshold, parts| split(&key, threshold, parts, &mut SeededRng::new(1));
        assert_eq!(split(1, 3), Err(ShamirError::ThresholdTooLow(1)));
        assert_eq!(split(3, 2), Err(ShamirError::ThresholdTooHigh { threshold: 3, parts: 2 }));
        assert_eq!(split(2, 256), Err(ShamirError::TooManyParts(256)));
        let shares = split(255, 255).unwrap();
        assert_eq!(combine(&shares.iter().collect::<Vec<_>>()), Ok(key.clone()));
        assert_eq!(combine(&[&shares[0]]), Err(ShamirError::TooFew(1)));
        assert_eq!(combine(&[&shares[0], &shares[0]]), Err(ShamirError::Duplicate(1)));
        assert_eq!(combine(&[&shares[0], &key.as_part()]), Err(ShamirError::Lengths));
        let zero = KeyPart::new(vec![0; SHARE_LEN]);
        assert_eq!(combine(&[&shares[0], &zero]), Err(ShamirError::NumberZero));
    }
}

//! Bech32 (BIP 173) without its limit of 90 characters: post-quantum recipients of age have
//! 1959.

use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const CHECKSUM: usize = 6;

/// Why a text is not Bech32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Bech32Error {
    /// There is no `1` between a name and at least a checksum.
    #[error("it is cut off, or its separator 1 is missing")]
    Separator,
    /// A character that cannot stand there; the position counts from one.
    #[error("the character at position {0} cannot stand in it")]
    Character(usize),
    /// Upper and lower case together.
    #[error("it mixes upper and lower case")]
    MixedCase,
    /// The checksum does not match: a typing error, or cut off.
    #[error("its checksum does not match: is it complete and spelled correctly?")]
    Checksum,
    /// The bits left over at the end are not zero, or more than four.
    #[error("it does not hold whole bytes")]
    Padding,
}

/// Splits a text into its name, in lower case, and its bytes.
///
/// # Errors
/// If it is not Bech32.
pub fn bech32_decode(text: &str) -> Result<(String, Zeroizing<Vec<u8>>), Bech32Error> {
    if let Some(at) = text.bytes().position(|b| !(33..=126).contains(&b)) {
        return Err(Bech32Error::Character(at + 1));
    }
    let (has_lower, has_upper) = (
        text.bytes().any(|b| b.is_ascii_lowercase()),
        text.bytes().any(|b| b.is_ascii_uppercase()),
    );
    if has_lower && has_upper {
        return Err(Bech32Error::MixedCase);
    }
    let (name, rest) = text.rsplit_once('1').ok_or(Bech32Error::Separator)?;
    if name.is_empty() || rest.len() < CHECKSUM {
        return Err(Bech32Error::Separator);
    }
    let name = name.to_ascii_lowercase();
    let mut digits = Zeroizing::new(Vec::with_capacity(rest.len()));
    for (at, byte) in rest.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|b| *b == byte.to_ascii_lowercase());
        digits.push(digit.ok_or(Bech32Error::Character(name.len() + 2 + at))? as u8);
    }
    if remainder(&name, &digits) != 1 {
        return Err(Bech32Error::Checksum);
    }
    digits.truncate(rest.len() - CHECKSUM);
    let bytes = regroup(&digits, 5, 8, false).ok_or(Bech32Error::Padding)?;
    Ok((name, bytes))
}

/// Puts a name, in lower case, and bytes together.
pub fn bech32_encode(name: &str, bytes: &[u8]) -> Zeroizing<String> {
    // Regrouping fails only where padding is not allowed.
    let mut digits = regroup(bytes, 8, 5, true).unwrap_or_default();
    let data = digits.len();
    digits.resize(data + CHECKSUM, 0);
    let sum = remainder(name, &digits) ^ 1;
    for (at, digit) in digits[data..].iter_mut().enumerate() {
        *digit = (sum >> (5 * (CHECKSUM - 1 - at)) & 31) as u8;
    }
    let mut text = Zeroizing::new(String::with_capacity(name.len() + 1 + digits.len()));
    text.push_str(name);
    text.push('1');
    text.extend(digits.iter().map(|digit| char::from(ALPHABET[usize::from(*digit)])));
    text
}

/// The remainder of name and digits by the generator polynomial of BIP 173.
fn remainder(name: &str, digits: &[u8]) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let high = name.bytes().map(|b| b >> 5);
    let low = name.bytes().map(|b| b & 31);
    high.chain([0]).chain(low).chain(digits.iter().copied()).fold(1, |sum, digit| {
        let top = sum >> 25;
        let shifted = (sum & 0x01ff_ffff) << 5 ^ u32::from(digit);
        GENERATOR
            .iter()
            .enumerate()
            .filter(|(bit, _)| top >> bit & 1 == 1)
            .fold(shifted, |sum, (_, term)| sum ^ term)
    })
}

/// Reads numbers of `from` bits as numbers of `to` bits.
fn regroup(input: &[u8], from: u32, to: u32, pad: bool) -> Option<Zeroizing<Vec<u8>>> {
    let mut output =
        Zeroizing::new(Vec::with_capacity(input.len() * from as usize / to as usize + 1));
    let (mut held, mut bits) = (0u32, 0);
    for number in input {
        held = (held << from | u32::from(*number)) & 0xfff;
        bits += from;
        while bits >= to {
            bits -= to;
            output.push((held >> bits & ((1 << to) - 1)) as u8);
        }
    }
    let left = held & ((1 << bits) - 1);
    if pad {
        if bits > 0 {
            output.push((left << (to - bits)) as u8);
        }
    } else if bits >= from || left != 0 {
        return None;
    }
    Some(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

    #[test]
    fn decoding_and_encoding_are_inverse() {
        let (name, bytes) = bech32_decode(RECIPIENT).unwrap();
        assert_eq!((name.as_str(), bytes.len()), ("age", 32));
        assert_eq!(bech32_encode(&name, &bytes).as_str(), RECIPIENT);
        for length in 0..70 {
            let bytes: Vec<u8> = (0..length).map(|n| (n * 37 + 5) as u8).collect();
            let text = bech32_encode("age-secret-key-", &bytes).to_ascii_uppercase();
            let (name, back) = bech32_decode(&text).unwrap();
            assert_eq!((name.as_str(), back.as_slice()), ("age-secret-key-", bytes.as_slice()));
        }
    }

    #[test]
    fn every_single_letter_counts() {
        for at in 4..RECIPIENT.len() {
            let mut changed = RECIPIENT.as_bytes().to_vec();
            changed[at] = if changed[at] == b'q' { b'p' } else { b'q' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(bech32_decode(&changed), Err(Bech32Error::Checksum), "{changed}");
        }
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        for (text, error) in [
            ("age", Bech32Error::Separator),
            ("age1short", Bech32Error::Separator),
            ("1qqqqqq", Bech32Error::Separator),
            ("Age1qqqqqqqq", Bech32Error::MixedCase),
            ("age1qqqqqbqq", Bech32Error::Character(10)),
            ("age1qq qqqqqq", Bech32Error::Character(7)),
            ("age1qqqqqqqq", Bech32Error::Checksum),
        ] {
            assert_eq!(bech32_decode(text), Err(error), "{text}");
        }
    }
}

//! ASCII armor of OpenPGP (RFC 9580 §6).
//!
//! More is accepted than is written: blanks around lines, which indentation in documents leaves
//! there, any line end, headers, and no checksum. What follows the last line is not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::packets::Broken;

const BEGIN: &str = "-----BEGIN PGP ";
const END: &str = "-----END PGP ";
const DASHES: &str = "-----";

/// What is said to be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Message,
    PublicKey,
    PrivateKey,
}

/// A block, without its armor.
pub(crate) type Block = (Kind, Zeroizing<Vec<u8>>);

impl Kind {
    const ALL: [Self; 3] = [Self::Message, Self::PublicKey, Self::PrivateKey];

    fn words(self) -> &'static str {
        match self {
            Self::Message => "MESSAGE",
            Self::PublicKey => "PUBLIC KEY BLOCK",
            Self::PrivateKey => "PRIVATE KEY BLOCK",
        }
    }
}

/// Whether bytes look as if they were armored.
pub(crate) fn is_armored(bytes: &[u8]) -> bool {
    bytes.windows(BEGIN.len()).take(4096).any(|window| window == BEGIN.as_bytes())
}

/// All blocks of a text, with what stands in them.
pub(crate) fn blocks(text: &str) -> Result<Vec<Block>, Broken> {
    let mut lines = text.lines().map(str::trim);
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        let Some(words) = label(line, BEGIN) else { continue };
        let kind = Kind::ALL.into_iter().find(|kind| kind.words() == words).ok_or(Broken)?;
        blocks.push((kind, block(kind, &mut lines)?));
    }
    Ok(blocks)
}

/// The one message of a text that is nothing else.
pub(crate) fn message(text: &str) -> Result<Zeroizing<Vec<u8>>, Broken> {
    let text = text.trim();
    let begins = text.lines().next().is_some_and(|line| label(line.trim(), BEGIN).is_some());
    let ends = text.lines().next_back().is_some_and(|line| label(line.trim(), END).is_some());
    match blocks(text)?.pop() {
        Some((Kind::Message, bytes)) if begins && ends && text.matches(BEGIN).count() == 1 => {
            Ok(bytes)
        }
        _ => Err(Broken),
    }
}

/// Writes a block, without a newline at its end.
pub(crate) fn write(kind: Kind, bytes: &[u8]) -> String {
    let mut text = format!("{BEGIN}{}{DASHES}\n\n", kind.words());
    // 48 bytes are a line of 64 characters, as GnuPG writes it.
    for line in bytes.chunks(48) {
        text.push_str(&STANDARD.encode(line));
        text.push('\n');
    }
    let sum = STANDARD.encode(&crc24(bytes).to_be_bytes()[1..]);
    text.push_str(&format!("={sum}\n{END}{}{DASHES}", kind.words()));
    text
}

fn label<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix(DASHES)
}

/// What follows the first line, up to the last.
fn block<'a>(
    kind: Kind,
    lines: &mut impl Iterator<Item = &'a str>,
) -> Result<Zeroizing<Vec<u8>>, Broken> {
    let mut base64 = Zeroizing::new(String::new());
    let mut sum = None;
    for line in lines {
        if let Some(words) = label(line, END) {
            let bytes = Zeroizing::new(STANDARD.decode(base64.as_bytes()).map_err(|_| Broken)?);
            let fits = words == kind.words() && sum.is_none_or(|sum| sum == crc24(&bytes));
            return if fits { Ok(bytes) } else { Err(Broken) };
        }
        match line.strip_prefix('=') {
            Some(digits) if sum.is_none() => {
                let bytes = STANDARD.decode(digits).map_err(|_| Broken)?;
                let [a, b, c] = bytes[..] else { return Err(Broken) };
                sum = Some(u32::from_be_bytes([0, a, b, c]));
            }
            Some(_) => return Err(Broken),
            // A header, such as `Version: GnuPG v1`; base64 has no colon.
            None if base64.is_empty() && line.contains(':') => {}
            None if sum.is_some() && !line.is_empty() => return Err(Broken),
            None => base64.push_str(line),
        }
    }
    Err(Broken)
}

/// The checksum (RFC 9580 §6.1).
fn crc24(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x00b7_04ce, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte) << 16, |sum, _| {
            let sum = sum << 1;
            if sum & 0x0100_0000 == 0 { sum } else { sum ^ 0x0186_4cfb }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back() {
        for length in [1, 47, 48, 49, 500] {
            let bytes: Vec<_> = (0..length).map(|n| (n * 7) as u8).collect();
            let text = write(Kind::Message, &bytes);
            assert_eq!(*message(&text).unwrap(), bytes);
            let indented = format!("\n  {}\r\n", text.replace('\n', "  \r\n   "));
            assert_eq!(*message(&indented).unwrap(), bytes);
            let headers = text.replacen("\n\n", "\nVersion: GnuPG v1\nComment: x\n\n", 1);
            assert_eq!(*message(&headers).unwrap(), bytes);
        }
    }

    #[test]
    fn a_checksum_that_is_there_has_to_fit() {
        // The checksum of "123456789" by this polynomial and start is in its catalogues.
        assert_eq!(crc24(b"123456789"), 0x21cf02);
        let text = write(Kind::Message, b"123456789");
        assert!(text.contains("\n=Ic8C\n"), "{text}");
        assert!(message(&text.replace("=Ic8C\n", "")).is_ok());
        assert_eq!(message(&text.replace("=Ic8C", "=Ic8D")), Err(Broken));
    }

    #[test]
    fn other_texts_are_no_message() {
        let text = write(Kind::Message, b"123456789");
        let two = format!("{text}\n{text}");
        let after = format!("{text}\nx");
        for wrong in ["", "x", &two, &after, &text[..30], &text.replace("MESSAGE", "SIGNATURE")] {
            assert_eq!(message(wrong), Err(Broken), "{wrong}");
        }
        assert_eq!(message(&write(Kind::PublicKey, b"x")), Err(Broken));
    }
}

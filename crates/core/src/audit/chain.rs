//! Lines that hold on to one another.
//!
//! A line is a record whose last two fields are `previous`, the hash of the line before, and
//! `hash`: the SHA-256 of the line up to the comma before `"hash"`. So a line can be checked with
//! `sha256sum`, and without agreeing on how JSON is written.
//!
//! What it finds: lines that were changed, taken out, put in or exchanged. What it cannot find by
//! itself: lines missing at the end, and a log that was written anew from a line on by somebody who
//! may write it. Both show when its last hash is kept elsewhere.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// What stands between a record and its hash.
const HASH: &[u8] = b",\"hash\":\"";
/// What stands before the hash of the line before.
const PREVIOUS: &[u8] = b",\"previous\":\"";
/// What ends a line.
const END: &[u8] = b"\"}";
/// Hexadecimal digits of a hash.
const DIGITS: usize = 64;

/// The hash of a line, by which the next one holds on to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Link([u8; 32]);

impl Link {
    /// What the first line holds on to.
    pub const FIRST: Self = Self([0; 32]);

    /// The hash that stands in a line; not checked. `None` if it has none.
    pub fn of_line(line: &[u8]) -> Option<Self> {
        Some(split(line)?.hash)
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(digits: &[u8]) -> Option<Self> {
        if digits.len() != DIGITS {
            return None;
        }
        let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16)?).ok();
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(hash))
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({self})")
    }
}

/// A record as a line that holds on to the line before, with its line break; and its own link.
pub fn chained(record: &str, previous: Link) -> (String, Link) {
    let mut line = record.strip_suffix('}').unwrap_or(record).to_owned();
    line.push_str(&format!(",\"previous\":\"{previous}\""));
    let link = Link(Sha256::digest(line.as_bytes()).into());
    line.push_str(&format!(",\"hash\":\"{link}\"}}\n"));
    (line, link)
}

/// The parts of a line.
struct Parts<'a> {
    /// What was hashed.
    hashed: &'a [u8],
    previous: Link,
    hash: Link,
}

fn split(line: &[u8]) -> Option<Parts<'_>> {
    let (rest, digits) = line.strip_suffix(END)?.split_last_chunk::<DIGITS>()?;
    let (hash, hashed) = (Link::parse(digits)?, rest.strip_suffix(HASH)?);
    let (rest, digits) = hashed.strip_suffix(b"\"")?.split_last_chunk::<DIGITS>()?;
    let previous = Link::parse(digits)?;
    let record = rest.strip_suffix(PREVIOUS)?;
    record.starts_with(b"{").then_some(Parts { hashed, previous, hash })
}

/// What is wrong with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct Broken {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is no record.
    #[error("this is no whole record")]
    NoRecord,
    /// It is not what was hashed.
    #[error("the record was changed: its hash is another one")]
    Changed,
    /// It follows another line than the one before.
    #[error("records before this one were removed, added or exchanged")]
    Moved,
}

/// Checks lines, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Verifier {
    lines: usize,
    last: Link,
}

impl Default for Verifier {
    /// At the beginning of a log.
    fn default() -> Self {
        Self { lines: 0, last: Link::FIRST }
    }
}

impl Verifier {
    /// Checks the next line, given without its line break.
    ///
    /// # Errors
    /// If it is not what was written after the line before.
    pub fn line(&mut self, line: &[u8]) -> Result<Link, Broken> {
        self.lines += 1;
        let broken = |fault| Broken { line: self.lines, fault };
        let parts = split(line).ok_or(broken(Fault::NoRecord))?;
        if Link(Sha256::digest(parts.hashed).into()) != parts.hash {
            return Err(broken(Fault::Changed));
        }
        if parts.previous != self.last {
            return Err(broken(Fault::Moved));
        }
        self.last = parts.hash;
        Ok(parts.hash)
    }

    /// How many lines there were.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// The link of the last one.
    pub fn last(&self) -> Link {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Vec<String> {
        let mut last = Link::FIRST;
        ["a", "b", "c", "d"]
            .map(|name| {
                let (line, link) = chained(&format!("{{\"x\":\"{name}\"}}"), last);
                last = link;
                line.trim_end().to_owned()
            })
            .into()
    }

    fn verify(lines: &[String]) -> Result<usize, Broken> {
        let mut verifier = Verifier::default();
        lines.iter().try_for_each(|line| verifier.line(line.as_bytes()).map(drop))?;
        Ok(verifier.lines())
    }

    fn broken(line: usize, fault: Fault) -> Result<usize, Broken> {
        Err(Broken { line, fault })
    }

    #[test]
    fn a_line_is_hashed_as_it_is_documented() {
        // By `printf '%s' '{"x":"a","previous":"000…0"' | sha256sum`.
        let zeros = "0".repeat(64);
        let hash = "54f68d8fde383dc46d42750b9771d23dc728204d60edf5f51f3c306f63f83ac3";
        let line = format!("{{\"x\":\"a\",\"previous\":\"{zeros}\",\"hash\":\"{hash}\"}}\n");
        assert_eq!(chained("{\"x\":\"a\"}", Link::FIRST).0, line);
    }

    #[test]
    fn a_log_as_it_was_written_is_whole() {
        assert_eq!(verify(&log()), Ok(4));
        assert_eq!(verify(&[]), Ok(0));
    }

    #[test]
    fn a_line_that_was_changed_taken_out_or_exchanged_is_found() {
        let mut changed = log();
        changed[1] = changed[1].replace("\"b\"", "\"B\"");
        assert_eq!(verify(&changed), broken(2, Fault::Changed));
        let mut removed = log();
        removed.remove(2);
        assert_eq!(verify(&removed), broken(3, Fault::Moved));
        let mut headless = log();
        headless.remove(0);
        assert_eq!(verify(&headless), broken(1, Fault::Moved));
        let mut exchanged = log();
        exchanged.swap(1, 2);
        assert_eq!(verify(&exchanged), broken(2, Fault::Moved));
        let mut doubled = log();
        doubled.insert(2, doubled[1].clone());
        assert_eq!(verify(&doubled), broken(3, Fault::Moved));
        let mut torn = log();
        torn[3].truncate(40);
        assert_eq!(verify(&torn), broken(4, Fault::NoRecord));
        let mut behind = log();
        behind[0].push(' ');
        assert_eq!(verify(&behind), broken(1, Fault::NoRecord));
        // With a hash that fits, the next line does not.
        let mut forged = log();
        forged[1] = chained("{\"x\":\"B\"}", Link::of_line(log()[0].as_bytes()).unwrap()).0;
        forged[1].pop();
        assert_eq!(verify(&forged), broken(3, Fault::Moved));
    }

    #[test]
    fn any_bytes_are_no_record() {
        for line in ["", "}", "\"}", "{}", &format!("{}\"}}", "0".repeat(64))] {
            assert_eq!(Link::of_line(line.as_bytes()), None, "{line}");
        }
    }
}

//! Packets of OpenPGP: where each begins and ends (RFC 9580 §4.2), and numbers in them.
//!
//! The library parses packets too, but it stops at the first that it does not like. A keyring
//! holds what people collected in twenty years, so each packet is cut out here and judged alone.

use std::ops::Deref;

use zeroize::Zeroizing;

/// Tags of packets (RFC 9580 §5).
pub(crate) mod tag {
    pub(crate) const PKESK: u8 = 1;
    pub(crate) const SIGNATURE: u8 = 2;
    pub(crate) const SKESK: u8 = 3;
    pub(crate) const ONE_PASS: u8 = 4;
    pub(crate) const SECRET_KEY: u8 = 5;
    pub(crate) const PUBLIC_KEY: u8 = 6;
    pub(crate) const SECRET_SUBKEY: u8 = 7;
    pub(crate) const COMPRESSED: u8 = 8;
    /// Encrypted without protection of integrity.
    pub(crate) const UNPROTECTED: u8 = 9;
    pub(crate) const MARKER: u8 = 10;
    pub(crate) const LITERAL: u8 = 11;
    pub(crate) const USER_ID: u8 = 13;
    pub(crate) const PUBLIC_SUBKEY: u8 = 14;
    pub(crate) const USER_ATTRIBUTE: u8 = 17;
    /// Encrypted, with a hash over everything behind it.
    pub(crate) const PROTECTED: u8 = 18;
    /// GnuPG's own, in OCB mode.
    pub(crate) const GNUPG_OCB: u8 = 20;
    pub(crate) const PADDING: u8 = 21;
}

/// Where the bytes of a packet end does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// One packet.
pub(crate) struct Packet<'a> {
    pub(crate) tag: u8,
    pub(crate) body: Body<'a>,
}

/// What is in a packet: a part of the input, or put together from several.
pub(crate) enum Body<'a> {
    Whole(&'a [u8]),
    Joined(Zeroizing<Vec<u8>>),
}

impl Deref for Body<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Joined(bytes) => bytes,
        }
    }
}

/// Cuts bytes into packets, and stops at what cannot be cut.
pub(crate) fn packets(bytes: &[u8]) -> Packets<'_> {
    Packets { rest: bytes }
}

pub(crate) struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let packet = self.cut();
        if packet.is_err() {
            self.rest = &[];
        }
        Some(packet)
    }
}

impl<'a> Packets<'a> {
    fn cut(&mut self) -> Result<Packet<'a>, Broken> {
        let head = self.take(1)?[0];
        match head {
            // The newer form.
            0xc0.. => Ok(Packet { tag: head & 0x3f, body: self.body()? }),
            // The older form, which ends where the input does when its length is of type 3.
            0x80.. => {
                let length = match head & 3 {
                    3 => self.rest.len(),
                    size => self.number(1 << size)?,
                };
                Ok(Packet { tag: head >> 2 & 0xf, body: Body::Whole(self.take(length)?) })
            }
            _ => Err(Broken),
        }
    }

    /// A body in the newer form: whole, or in parts of which the last has an ordinary length.
    fn body(&mut self) -> Result<Body<'a>, Broken> {
        let (length, more) = self.length()?;
        let first = self.take(length)?;
        if !more {
            return Ok(Body::Whole(first));
        }
        let mut joined = Zeroizing::new(Vec::with_capacity(first.len() + self.rest.len()));
        joined.extend_from_slice(first);
        loop {
            let (length, more) = self.length()?;
            joined.extend_from_slice(self.take(length)?);
            if !more {
                return Ok(Body::Joined(joined));
            }
        }
    }

    /// A length in the newer form, and whether another part follows.
    fn length(&mut self) -> Result<(usize, bool), Broken> {
        Ok(match self.take(1)?[0] {
            short @ ..192 => (usize::from(short), false),
            high @ 192..224 => {
                (((usize::from(high) - 192) << 8) + usize::from(self.take(1)?[0]) + 192, false)
            }
            power @ 224..255 => (1 << (power & 0x1f), true),
            255 => (self.number(4)?, false),
        })
    }

    fn number(&mut self, size: usize) -> Result<usize, Broken> {
        Ok(self.take(size)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Broken> {
        take(&mut self.rest, length).ok_or(Broken)
    }
}

/// Takes bytes from the front.
pub(crate) fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

/// Takes a number from the front: two bytes of length in bits, then its bytes (RFC 9580 §3.2).
pub(crate) fn take_mpi<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let bits = take(rest, 2)?;
    let bits = usize::from(bits[0]) << 8 | usize::from(bits[1]);
    take(rest, bits.div_ceil(8))
}

/// Writes a number in that form.
pub(crate) fn put_mpi(out: &mut Vec<u8>, number: &[u8]) {
    let number = trimmed(number);
    let bits = match number.first() {
        Some(first) => number.len() * 8 - first.leading_zeros() as usize,
        None => 0,
    };
    // Numbers come from keys, which have at most 16384 bits.
    out.extend_from_slice(&(bits as u16).to_be_bytes());
    out.extend_from_slice(number);
}

/// Writes a packet in the newer form.
pub(crate) fn put_packet(out: &mut Vec<u8>, tag: u8, body: &[u8]) {
    out.push(0xc0 | tag);
    match body.len() {
        short @ ..192 => out.push(short as u8),
        long => {
            out.push(255);
            out.extend_from_slice(&(long as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(body);
}

/// Without zeros in front.
pub(crate) fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(bytes: &[u8]) -> Vec<Result<(u8, Vec<u8>), Broken>> {
        packets(bytes)
            .map(|packet| packet.map(|packet| (packet.tag, packet.body.to_vec())))
            .collect()
    }

    #[test]
    fn every_form_of_length_is_read() {
        let long = vec![7; 300];
        // RFC 9580 §4.2.1: one, two and five octets, parts; §4.2.2: one, two, four, indeterminate.
        for (head, tag) in [
            (vec![0xc0 | 11, 0xc0, 108], 11),
            (vec![0xc0 | 11, 255, 0, 0, 1, 44], 11),
            (vec![0x80 | 11 << 2 | 1, 1, 44], 11),
            (vec![0x80 | 11 << 2 | 2, 0, 0, 1, 44], 11),
            (vec![0x80 | 8 << 2 | 3], 8),
        ] {
            let bytes = [&head[..], &long[..]].concat();
            assert_eq!(cut(&bytes), [Ok((tag, long.clone()))], "{head:?}");
            assert_eq!(cut(&[&head[..], &[7]].concat()).len(), 1);
        }
        let parts =
            [&[0xc0 | 18, 0xe0 | 8][..], &long[..256], &[44], &long[..44], &[0xca, 0]].concat();
        assert_eq!(cut(&parts), [Ok((18, long)), Ok((10, vec![]))]);
    }

    #[test]
    fn what_is_cut_short_is_broken_and_ends_it() {
        for bytes in [&[0xcb][..], &[0xcb, 5, 1], &[0xcb, 0xe1, 1, 2], &[0x41, 0], &[0x8b]] {
            let cut = cut(bytes);
            assert!(cut.len() == 1 && cut[0].is_err() || bytes == [0x8b], "{bytes:?}: {cut:?}");
        }
    }

    #[test]
    fn numbers_lose_their_zeros_in_front() {
        let mut out = Vec::new();
        put_mpi(&mut out, &[0, 0, 5, 1]);
        assert_eq!(out, [0, 11, 5, 1]);
        assert_eq!(take_mpi(&mut &out[..]), Some(&[5, 1][..]));
        assert_eq!(take_mpi(&mut &out[..3]), None);
    }
}

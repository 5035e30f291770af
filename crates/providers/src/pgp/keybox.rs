//! The keybox, `pubring.kbx`: a file of blobs, of which some hold certificates of OpenPGP.
//!
//! Each blob begins with its length (4 bytes, big endian), its type and its version. In one with
//! a certificate the place and length of the certificate stand at 8 and 12. Everything else is an
//! index over it, which is not needed here.

use super::packets::Broken;

const FIRST_BLOB: u8 = 1;
const OPENPGP_BLOB: u8 = 2;
/// The fixed fields of a blob with a certificate.
const HEAD: usize = 16;

/// Whether this is a keybox: `KBXf` in its first blob.
pub(crate) fn is_keybox(bytes: &[u8]) -> bool {
    bytes.get(4) == Some(&FIRST_BLOB) && bytes.get(8..12) == Some(b"KBXf")
}

/// The certificates, as packets; then whether the rest could not be read.
pub(crate) fn certificates(bytes: &[u8]) -> (Vec<&[u8]>, Result<(), Broken>) {
    let mut found = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some((blob, left)) = blob(rest) else { return (found, Err(Broken)) };
        rest = left;
        if blob[4] != OPENPGP_BLOB {
            continue;
        }
        match certificate(blob) {
            Some(certificate) => found.push(certificate),
            None => return (found, Err(Broken)),
        }
    }
    (found, Ok(()))
}

/// The blob in front, with its head whole, and what follows it.
fn blob(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = number(bytes, 0)?;
    // The shortest one has its length, type and version.
    if length < 6 { None } else { bytes.split_at_checked(length) }
}

fn certificate(blob: &[u8]) -> Option<&[u8]> {
    let (start, length) = (number(blob, 8)?, number(blob, 12)?);
    if start < HEAD {
        return None;
    }
    blob.get(start..start.checked_add(length)?)
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(bytes)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob_of(kind: u8, certificate: &[u8]) -> Vec<u8> {
        let length = (20 + certificate.len()) as u32;
        let mut blob = length.to_be_bytes().to_vec();
        blob.extend([kind, 1, 0, 0, 0, 0, 0, 20]);
        blob.extend((certificate.len() as u32).to_be_bytes());
        blob.extend([0; 4]);
        blob.extend(certificate);
        blob
    }

    #[test]
    fn certificates_are_found_and_other_blobs_skipped() {
        let all = [blob_of(2, b"one"), blob_of(3, b"x.509"), blob_of(0, b""), blob_of(2, b"two")];
        let all = all.concat();
        assert_eq!(certificates(&all), (vec![&b"one"[..], b"two"], Ok(())));
        assert_eq!(certificates(&all[..all.len() - 1]), (vec![&b"one"[..]], Err(Broken)));
    }

    #[test]
    fn places_outside_of_a_blob_are_broken() {
        for (at, value) in
            [(0, 0), (0, 5), (0, u32::MAX), (8, 15), (8, u32::MAX), (12, 9), (12, u32::MAX)]
        {
            let mut blob = blob_of(2, b"cert");
            blob[at..at + 4].copy_from_slice(&value.to_be_bytes());
            assert_eq!(certificates(&blob), (vec![], Err(Broken)), "{at} {value}");
        }
    }
}

//! A message: session keys for its recipients, then the data under that key (RFC 9580 §10.3).
//!
//! Rules of this module:
//!
//! - Data without protection of integrity is refused: who can change it can read it.
//! - Nothing is given out before the whole message was found unchanged.
//! - What holds a data key is small, so all sizes are limited, also those of compressed data.

use std::io::Read as _;

use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{
    CompressedData, GnupgAeadDataConfig, PacketHeader, StreamDecryptor, SymEncryptedProtectedData,
};
use pgp::types::{PkeskBytes, Seipdv1ReadMode, Tag};
use rand::rngs::OsRng;
use sops_core::crypto::KeyPart;
use sops_core::keys::Refusal;
use zeroize::Zeroizing;

use super::armor;
use super::packets::{Packet, packets, put_packet, tag, take};
use super::secret::SessionKey;

/// Longest message in armor: some hundred recipients.
const LONGEST: usize = 256 * 1024;
/// Longest data in it, decompressed: a data key or share, and what stands around it.
const LONGEST_DATA: usize = 16 * 1024;
/// Longest data key or share.
const LONGEST_PART: usize = 1024;
/// Compressed data may hold compressed data so often.
const DEEPEST: usize = 4;

/// A message, not decrypted.
pub(crate) struct Message {
    pub(crate) recipients: Vec<Recipient>,
    data: Data,
}

/// The session key for one of its recipients.
pub(crate) struct Recipient {
    /// The key id, or zeros where the sender left it out.
    pub(crate) id: [u8; 8],
    pub(crate) values: PkeskBytes,
}

/// The encrypted data, without the head of its packet.
enum Data {
    /// With a hash behind it.
    Hashed(Zeroizing<Vec<u8>>),
    /// In GnuPG's OCB mode.
    Ocb(Zeroizing<Vec<u8>>),
}

/// Why a text is no message that could be opened.
pub(crate) type Fault = (Refusal, &'static str);

const DAMAGED: Fault = (Refusal::Malformed, "the armored message is damaged or incomplete");
const TOO_LONG: Fault = (Refusal::Malformed, "the message is too long to hold a data key");
const NOT_ENCRYPTED: Fault = (Refusal::Malformed, "the message is not encrypted for any key");
const NO_INTEGRITY: Fault = (
    Refusal::Unsupported,
    "the message has no protection of its integrity, so it is not opened; wrap the data key anew \
     where the old one can be opened (gpg --ignore-mdc-error)",
);
const NEWER: Fault = (
    Refusal::Unsupported,
    "the message is in the form of RFC 9580 (version 2), which is not supported here",
);

impl Message {
    /// Reads a message in armor.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() > LONGEST {
            return Err(TOO_LONG);
        }
        let bytes = armor::message(text).map_err(|_| DAMAGED)?;
        let mut recipients = Vec::new();
        let mut all = packets(&bytes);
        while let Some(packet) = all.next() {
            let Packet { tag, body } = packet.map_err(|_| DAMAGED)?;
            let data = match tag {
                tag::PKESK => {
                    recipients.extend(recipient(&body)?);
                    continue;
                }
                tag::SKESK | tag::MARKER | tag::PADDING => continue,
                tag::PROTECTED => match body.first() {
                    Some(1) => Data::Hashed(Zeroizing::new(body.to_vec())),
                    Some(2) => return Err(NEWER),
                    _ => return Err(DAMAGED),
                },
                tag::GNUPG_OCB => Data::Ocb(Zeroizing::new(body.to_vec())),
                tag::UNPROTECTED => return Err(NO_INTEGRITY),
                tag::COMPRESSED | tag::LITERAL | tag::ONE_PASS => return Err(NOT_ENCRYPTED),
                _ => return Err(DAMAGED),
            };
            if all.next().is_some() {
                return Err(DAMAGED);
            }
            return match recipients.is_empty() {
                true => Err(NOT_ENCRYPTED),
                false => Ok(Self { recipients, data }),
            };
        }
        Err(DAMAGED)
    }

    /// Decrypts it. `None` if it is not what was encrypted under that key.
    pub(crate) fn open(&self, session: &SessionKey) -> Option<KeyPart> {
        let plain = match &self.data {
            Data::Hashed(body) => open_hashed(body, session)?,
            Data::Ocb(body) => open_ocb(body, session)?,
        };
        part(&plain, 0)
    }
}

/// Reads the session key for one recipient. Those of other versions are for newer messages.
fn recipient(body: &[u8]) -> Result<Option<Recipient>, Fault> {
    let mut rest = body;
    let mut take = |length| take(&mut rest, length).ok_or(DAMAGED);
    if take(1)?[0] != 3 {
        return Ok(None);
    }
    let id = take(8)?.try_into().map_err(|_| DAMAGED)?;
    let algorithm = PublicKeyAlgorithm::from(take(1)?[0]);
    let values = PkeskBytes::try_from_reader(&algorithm, 3, rest).map_err(|_| DAMAGED)?;
    Ok(Some(Recipient { id, values }))
}

fn open_hashed(body: &[u8], session: &SessionKey) -> Option<Zeroizing<Vec<u8>>> {
    let header = PacketHeader::new_fixed(Tag::SymEncryptedProtectedData, length(body)?);
    let data = SymEncryptedProtectedData::try_from_reader(header, body).ok()?;
    // The mode that reads and checks everything first.
    let mode = Seipdv1ReadMode::default();
    let plain = data.decrypt(&session.key, Some(session.algorithm), mode).ok()?;
    Some(Zeroizing::new(plain))
}

fn open_ocb(body: &[u8], session: &SessionKey) -> Option<Zeroizing<Vec<u8>>> {
    let mut rest = body;
    let config = GnupgAeadDataConfig::try_from_reader(&mut rest).ok()?;
    if config.sym_alg != session.algorithm || session.key.len() != config.sym_alg.key_size() {
        return None;
    }
    let mut plain = Zeroizing::new(Vec::with_capacity(rest.len()));
    let mut stream = StreamDecryptor::gnupg_aead(
        config.sym_alg,
        config.aead,
        config.chunk_size,
        &session.key,
        &config.iv,
        rest,
    )
    .ok()?;
    // To its end, where the tag over all of it is.
    stream.read_to_end(&mut plain).ok()?;
    Some(plain)
}

/// Finds the data key in decrypted packets. Signatures beside it are not looked at.
fn part(plain: &[u8], depth: usize) -> Option<KeyPart> {
    let mut found = None;
    for packet in packets(plain) {
        let Packet { tag, body } = packet.ok()?;
        let inner = match tag {
            tag::LITERAL => literal(&body)?,
            tag::COMPRESSED if depth < DEEPEST => part(&decompressed(&body)?, depth + 1)?,
            tag::ONE_PASS | tag::SIGNATURE | tag::MARKER | tag::PADDING => continue,
            _ => return None,
        };
        if found.replace(inner).is_some() {
            return None;
        }
    }
    found
}

/// The data of a literal packet: a format, a name, a date, then the data (RFC 9580 §5.9).
fn literal(body: &[u8]) -> Option<KeyPart> {
    let mut rest = body;
    let name = usize::from(take(&mut rest, 2)?[1]);
    take(&mut rest, name + 4)?;
    (1..=LONGEST_PART).contains(&rest.len()).then(|| KeyPart::from_slice(rest))
}

fn decompressed(body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let header = PacketHeader::new_fixed(Tag::CompressedData, length(body)?);
    let data = CompressedData::try_from_reader(header, body).ok()?;
    let mut plain = Zeroizing::new(Vec::with_capacity(LONGEST_DATA + 1));
    let limit = LONGEST_DATA as u64 + 1;
    data.decompress().ok()?.take(limit).read_to_end(&mut plain).ok()?;
    (plain.len() <= LONGEST_DATA).then_some(plain)
}

fn length(body: &[u8]) -> Option<u32> {
    u32::try_from(body.len()).ok()
}

/// Writes a message to one recipient: binary, not compressed, AES-256, with a hash behind it, as
/// every GnuPG since 2000 can read.
///
/// `recipient` makes the session key for it, as the body of its packet.
pub(crate) fn seal(
    part: &KeyPart,
    recipient: impl FnOnce(&SessionKey) -> Option<Vec<u8>>,
) -> Option<String> {
    let session = SessionKey::random();
    let mut literal = Zeroizing::new(vec![b'b', 0, 0, 0, 0, 0]);
    literal.extend_from_slice(part.expose());
    let mut plain = Zeroizing::new(Vec::with_capacity(literal.len() + 6));
    put_packet(&mut plain, tag::LITERAL, &literal);
    let sealed = session.algorithm.encrypt_protected(OsRng, &session.key, &plain).ok()?;
    let mut message = Vec::new();
    put_packet(&mut message, tag::PKESK, &recipient(&session)?);
    put_packet(&mut message, tag::PROTECTED, &[&[1], &sealed[..]].concat());
    Some(armor::write(armor::Kind::Message, &message))
}

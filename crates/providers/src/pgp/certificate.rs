//! Keys as OpenPGP passes them on: a primary key, its names, its subkeys, and the signatures that
//! hold them together (RFC 9580 §10.1). Public and secret ones; one after the other in a keyring.
//!
//! Nothing is verified here, and a packet that cannot be read takes only itself away.

use pgp::packet::{PacketHeader, PublicKey, PublicSubkey, Signature, UserId};
use pgp::packet::{SecretKey, SecretSubkey, UserAttribute};
use pgp::types::{KeyDetails as _, SecretParams, Tag};

use sha1::{Digest as _, Sha1};

use super::keygrip::{Grip, PublicPart, hex};
use super::packets::{Broken, Packet, packets, tag};

/// A primary key with what belongs to it.
pub(crate) struct Certificate {
    pub(crate) primary: Primary,
    /// Signatures over the primary key alone.
    pub(crate) direct: Vec<Signature>,
    pub(crate) names: Vec<Name>,
    pub(crate) subkeys: Vec<Subkey>,
    /// Keys that the library cannot read.
    pub(crate) foreign: Vec<Foreign>,
}

/// A key of an algorithm or curve that the library does not know, and gpg does.
pub(crate) struct Foreign {
    /// In hexadecimal digits, upper case.
    pub(crate) fingerprint: String,
    pub(crate) grip: Grip,
    /// Whether it stands in a keyring of secret keys.
    pub(crate) is_secret: bool,
}

/// The key that signs the others.
pub(crate) struct Primary {
    pub(crate) component: Component,
    /// As a signer; the library has a type for each place.
    pub(crate) signer: PublicKey,
}

/// A key for some work, and the signatures that bind it to the primary key.
pub(crate) struct Subkey {
    pub(crate) component: Component,
    pub(crate) signatures: Vec<Signature>,
}

/// A name or picture, and the signatures that bind it.
pub(crate) struct Name {
    pub(crate) id: Id,
    pub(crate) signatures: Vec<Signature>,
}

pub(crate) enum Id {
    User(UserId),
    Attribute(UserAttribute),
}

/// One key, primary or not. Its fingerprint is the same in either place.
pub(crate) struct Component {
    pub(crate) public: PublicSubkey,
    /// For keys that gpg-agent can have.
    pub(crate) grip: Option<Grip>,
    /// From a keyring of secret keys.
    pub(crate) secret: Option<SecretParams>,
}

impl Component {
    /// The fingerprint in hexadecimal digits, upper case.
    pub(crate) fn fingerprint(&self) -> String {
        format!("{:X}", self.public.fingerprint())
    }
}

/// Reads the keys of a keyring. Then whether all of it could be read.
pub(crate) fn read(bytes: &[u8]) -> (Vec<Certificate>, Result<(), Broken>) {
    let mut found: Vec<Certificate> = Vec::new();
    let mut whole = Ok(());
    // Where signatures go; nowhere behind what could not be read.
    let mut place = Place::Nowhere;
    for packet in packets(bytes) {
        let Ok(packet) = packet else {
            whole = Err(Broken);
            break;
        };
        match packet.tag {
            tag::PUBLIC_KEY | tag::SECRET_KEY => {
                place = Place::Nowhere;
                match primary(&packet) {
                    Some(primary) => {
                        let (direct, names, subkeys, foreign) = Default::default();
                        found.push(Certificate { primary, direct, names, subkeys, foreign });
                        place = Place::Primary;
                    }
                    None => whole = Err(Broken),
                }
            }
            _ => match found.last_mut() {
                Some(certificate) if place != Place::Nowhere => {
                    place = certificate.add(&packet, place);
                }
                _ => {}
            },
        }
    }
    (found, whole)
}

/// What the last packet was that signatures can be about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    Primary,
    Name,
    Subkey,
    /// Something that could not be read, in a certificate that could.
    Skipped,
}

impl Certificate {
    fn add(&mut self, packet: &Packet<'_>, place: Place) -> Place {
        let body = &packet.body[..];
        match packet.tag {
            tag::SIGNATURE => {
                let header = PacketHeader::new_fixed(Tag::Signature, length(body));
                let Ok(signature) = Signature::try_from_reader(header, body) else { return place };
                match place {
                    Place::Primary => self.direct.push(signature),
                    Place::Name => self
                        .names
                        .last_mut()
                        .map(|n| n.signatures.push(signature))
                        .unwrap_or_default(),
                    Place::Subkey => self
                        .subkeys
                        .last_mut()
                        .map(|s| s.signatures.push(signature))
                        .unwrap_or_default(),
                    Place::Nowhere | Place::Skipped => {}
                }
                place
            }
            tag::USER_ID => {
                let header = PacketHeader::new_fixed(Tag::UserId, length(body));
                self.name(UserId::try_from_reader(header, body).ok().map(Id::User))
            }
            tag::USER_ATTRIBUTE => {
                let header = PacketHeader::new_fixed(Tag::UserAttribute, length(body));
                self.name(UserAttribute::try_from_reader(header, body).ok().map(Id::Attribute))
            }
            tag::PUBLIC_SUBKEY | tag::SECRET_SUBKEY => {
                match component(body, packet.tag == tag::SECRET_SUBKEY) {
                    Some(component) => {
                        self.subkeys.push(Subkey { component, signatures: Vec::new() });
                        Place::Subkey
                    }
                    None => {
                        let is_secret = packet.tag == tag::SECRET_SUBKEY;
                        self.foreign.extend(Foreign::of_packet(body, is_secret));
                        Place::Skipped
                    }
                }
            }
            // Notes of gpg about trust stand between signatures.
            _ => place,
        }
    }

    fn name(&mut self, id: Option<Id>) -> Place {
        let Some(id) = id else { return Place::Skipped };
        self.names.push(Name { id, signatures: Vec::new() });
        Place::Name
    }

    /// All keys of it.
    pub(crate) fn components(&self) -> impl Iterator<Item = &Component> {
        let subkeys = self.subkeys.iter().map(|subkey| &subkey.component);
        std::iter::once(&self.primary.component).chain(subkeys)
    }
}

impl Foreign {
    fn of_packet(body: &[u8], is_secret: bool) -> Option<Self> {
        let (public, length) = PublicPart::of_packet(body)?;
        // Of version 4 (RFC 9580 §5.5.4.2).
        let mut hash = Sha1::new();
        hash.update([0x99]);
        hash.update(u16::try_from(length).ok()?.to_be_bytes());
        hash.update(&body[..length]);
        let fingerprint = hex(&hash.finalize()).to_ascii_uppercase();
        Some(Self { fingerprint, grip: public.grip(), is_secret })
    }
}

fn primary(packet: &Packet<'_>) -> Option<Primary> {
    let body = &packet.body[..];
    let signer = if packet.tag == tag::SECRET_KEY {
        let header = PacketHeader::new_fixed(Tag::SecretKey, length(body));
        SecretKey::try_from_reader(header, body).ok()?.public_key().clone()
    } else {
        let header = PacketHeader::new_fixed(Tag::PublicKey, length(body));
        PublicKey::try_from_reader(header, body).ok()?
    };
    let component = component(body, packet.tag == tag::SECRET_KEY)?;
    Some(Primary { component, signer })
}

/// Reads a key, whichever of the two places it has.
fn component(body: &[u8], secret: bool) -> Option<Component> {
    let (public, secret) = if secret {
        let header = PacketHeader::new_fixed(Tag::SecretSubkey, length(body));
        let key = SecretSubkey::try_from_reader(header, body).ok()?;
        (key.public_key().clone(), Some(key.secret_params().clone()))
    } else {
        let header = PacketHeader::new_fixed(Tag::PublicSubkey, length(body));
        (PublicSubkey::try_from_reader(header, body).ok()?, None)
    };
    let grip = PublicPart::of_packet(body).map(|(public, _)| public.grip());
    Some(Component { public, grip, secret })
}

fn length(body: &[u8]) -> u32 {
    // Files of keys are limited to less.
    u32::try_from(body.len()).unwrap_or(u32::MAX)
}

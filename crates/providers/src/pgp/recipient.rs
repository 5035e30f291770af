//! Which key a data key is wrapped for: the choice that gpg makes (`-r FINGERPRINT`).
//!
//! Of the key that has this fingerprint, or that has a subkey with it, the newest subkey is taken
//! that is for encryption, bound by the primary key, and neither expired nor revoked; the primary
//! key where there is none. With `!` behind the fingerprint it is this key and no other.

use pgp::crypto::public_key::PublicKeyAlgorithm as A;
use pgp::packet::{PublicKey, PublicSubkey, Signature, SignatureType};
use pgp::types::{KeyDetails as _, Tag};

use super::certificate::{Certificate, Component, Id, Subkey};

/// Why no key of a certificate can be wrapped for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    Revoked,
    /// When it did, in seconds since 1970.
    Expired(u64),
    NotYet,
    /// No signature that makes it valid could be verified.
    Unbound,
    NotForEncryption,
}

/// What signatures say about a key.
struct Validity {
    expires: Option<u64>,
    /// Whether it is for encryption, where they say what it is for.
    encrypts: Option<bool>,
}

/// Chooses the key of a certificate. `exact` is the fingerprint of the only one that will do;
/// `now` is in seconds since 1970.
pub(crate) fn choose<'a>(
    certificate: &'a Certificate,
    exact: Option<&str>,
    now: u64,
) -> Result<&'a PublicSubkey, Unfit> {
    let primary = &certificate.primary;
    let validity = primary_validity(certificate, now)?;
    in_time(&primary.component, &validity, now)?;
    let fits = |component: &Component| exact.is_none_or(|exact| component.fingerprint() == exact);
    let mut why = Unfit::NotForEncryption;
    let mut best: Option<&PublicSubkey> = None;
    for subkey in certificate.subkeys.iter().filter(|subkey| fits(&subkey.component)) {
        match subkey_fits(subkey, &primary.signer, now) {
            Ok(()) => {
                let public = &subkey.component.public;
                if best.is_none_or(|best| best.created_at() < public.created_at()) {
                    best = Some(public);
                }
            }
            // What is said about a key for encryption tells more.
            Err(Unfit::NotForEncryption) => {}
            Err(unfit) => why = unfit,
        }
    }
    if let Some(best) = best {
        return Ok(best);
    }
    let component = &primary.component;
    let usable =
        fits(component) && can_encrypt(&component.public) && validity.encrypts != Some(false);
    if usable { Ok(&component.public) } else { Err(why) }
}

fn subkey_fits(subkey: &Subkey, signer: &PublicKey, now: u64) -> Result<(), Unfit> {
    let public = &subkey.component.public;
    if !can_encrypt(public) {
        return Err(Unfit::NotForEncryption);
    }
    let made_by_primary =
        |signature: &&Signature| signature.verify_subkey_binding(signer, public).is_ok();
    let of = |kind| subkey.signatures.iter().filter(move |one| one.typ() == Some(kind));
    if of(SignatureType::SubkeyRevocation).any(|one| made_by_primary(&one)) {
        return Err(Unfit::Revoked);
    }
    let bound = newest(of(SignatureType::SubkeyBinding).filter(made_by_primary), now);
    let validity = bound.map(|bound| validity(bound, &subkey.component)).ok_or(Unfit::Unbound)?;
    if validity.encrypts == Some(false) {
        return Err(Unfit::NotForEncryption);
    }
    in_time(&subkey.component, &validity, now)
}

/// What the newest signature of the primary key over itself or one of its names says.
fn primary_validity(certificate: &Certificate, now: u64) -> Result<Validity, Unfit> {
    let signer = &certificate.primary.signer;
    let own = |one: &&Signature| one.verify_key(signer).is_ok();
    let revocation = |one: &&Signature| one.typ() == Some(SignatureType::KeyRevocation);
    if certificate.direct.iter().filter(revocation).any(|one| own(&one)) {
        return Err(Unfit::Revoked);
    }
    let direct = certificate.direct.iter();
    let direct = direct.filter(|one| one.typ() == Some(SignatureType::Key)).filter(own);
    let names = certificate.names.iter().filter_map(|name| {
        let own = |one: &&Signature| {
            match &name.id {
                Id::User(id) => one.verify_certification(signer, Tag::UserId, id),
                Id::Attribute(id) => one.verify_certification(signer, Tag::UserAttribute, id),
            }
            .is_ok()
        };
        // The newest counts, also when it takes the name back.
        let newest = newest(name.signatures.iter().filter(own), now)?;
        (newest.typ() != Some(SignatureType::CertRevocation)).then_some(newest)
    });
    let newest = newest(direct.chain(names), now).ok_or(Unfit::Unbound)?;
    Ok(validity(newest, &certificate.primary.component))
}

/// The newest signature of those that are made and not expired.
fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>, now: u64) -> Option<&'a Signature> {
    let made = |signature: &Signature| signature.created().map(|time| u64::from(time.as_secs()));
    signatures
        .filter(|signature| {
            let Some(made) = made(signature) else { return false };
            let lasts = signature.signature_expiration_time().map_or(0, |time| time.as_secs());
            made <= now && (lasts == 0 || now < made + u64::from(lasts))
        })
        .max_by_key(|signature| made(signature))
}

fn validity(signature: &Signature, component: &Component) -> Validity {
    let lasts = signature.key_expiration_time().map_or(0, |time| time.as_secs());
    let created = u64::from(component.public.created_at().as_secs());
    let flags = signature.key_flags();
    let said = flags.certify()
        || flags.sign()
        || flags.authentication()
        || flags.encrypt_comms()
        || flags.encrypt_storage();
    Validity {
        expires: (lasts != 0).then(|| created + u64::from(lasts)),
        encrypts: said.then(|| flags.encrypt_comms() || flags.encrypt_storage()),
    }
}

fn in_time(component: &Component, validity: &Validity, now: u64) -> Result<(), Unfit> {
    if u64::from(component.public.created_at().as_secs()) > now {
        return Err(Unfit::NotYet);
    }
    match validity.expires {
        Some(time) if time <= now => Err(Unfit::Expired(time)),
        _ => Ok(()),
    }
}

fn can_encrypt(public: &PublicSubkey) -> bool {
    matches!(
        public.algorithm(),
        A::RSA | A::RSAEncrypt | A::Elgamal | A::ElgamalEncrypt | A::ECDH | A::X25519 | A::X448
    )
}

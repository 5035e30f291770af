//! OpenPGP: keys as GnuPG keeps them, and messages.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sops_core::crypto::{KeyPart, SecretBytes};
use sops_core::keys::{Attempt, KeyKind, KeyProvider, MasterKey};
use sops_providers::{PgpHome, PgpProvider};

use crate::keys::at_once;

/// A keyring (keybox, packets, armor) and a private key of gpg-agent: two bytes with the length
/// of the first, then both.
pub fn pgp_home(input: &[u8]) {
    let Some((length, rest)) = input.split_first_chunk() else { return };
    let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
    let (keyring, key) = rest.split_at(length);
    let mut home = PgpHome::new();
    home.add_keyring("keyring", SecretBytes::from(keyring));
    home.add_agent_key("key", SecretBytes::from(key));
    let provider = PgpProvider::new(home);
    let looked_at = provider.looked_at();
    assert!(looked_at.problems.iter().all(|problem| !problem.contains('\n')));
    // Signatures are looked at when something is to be wrapped.
    let key = MasterKey::parse(KeyKind::Pgp, OWN).expect("a fingerprint");
    let _ = at_once(provider.wrap(&key, &KeyPart::from_slice(&[1; 32])));
}

/// A message, with or without its armor, for keys that are there.
pub fn pgp_message(input: &[u8]) {
    static PROVIDER: LazyLock<PgpProvider> = LazyLock::new(|| {
        let mut home = PgpHome::new();
        home.add_keyring(
            "own",
            include_str!("../../tests/data/vectors-keys/keys/pgp-cv25519.sec.asc").into(),
        );
        home.add_keyring(
            "other",
            include_str!("../../tests/data/vectors-keys/keys/pgp-p256.sec.asc").into(),
        );
        PgpProvider::new(home)
    });
    let text = match std::str::from_utf8(input) {
        Ok(text) if text.contains("-----BEGIN") => text.to_owned(),
        _ => {
            let base64 = STANDARD.encode(input);
            format!("-----BEGIN PGP MESSAGE-----\n\n{base64}\n-----END PGP MESSAGE-----")
        }
    };
    let key = MasterKey::parse(KeyKind::Pgp, OWN).expect("a fingerprint");
    match at_once(PROVIDER.open(&key, &text)) {
        Attempt::Opened(part) => assert!((1..=1024).contains(&part.len())),
        Attempt::Failed(error) => assert!(!error.to_string().contains('\n')),
        Attempt::NotMine => {}
    }
}

/// The fingerprint of the key in `pgp-cv25519.sec.asc`.
const OWN: &str = "7CDC1649A17710A832D9A701DA62A3FF4F0F98EA";

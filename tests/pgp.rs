//! OpenPGP beside the real gpg: what either writes, the other opens.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "a test")]

#[path = "pgp/choice.rs"]
mod choice;
#[path = "pgp/command.rs"]
mod command;
#[path = "support/contract.rs"]
mod contract;
#[path = "pgp/gpg.rs"]
mod gpg;
#[path = "pgp/homes.rs"]
mod homes;
#[path = "pgp/messages.rs"]
mod messages;
#[path = "pgp/sops.rs"]
mod sops;

use std::sync::Arc;

use sops_core::crypto::SecretBytes;
use sops_core::keys::KeyProvider as _;
use sops_providers::{GpgFound, GpgProvider, PgpHome, PgpProvider};

use gpg::{Gpg, assert_opens, data_key, master, open};

/// Algorithms of a key and its subkey, as `--quick-gen-key` knows them.
const KINDS: [(&str, &str); 10] = [
    ("rsa2048", "rsa2048"),
    ("rsa3072", "rsa3072"),
    ("ed25519", "cv25519"),
    ("nistp256", "nistp256"),
    ("nistp384", "nistp384"),
    ("nistp521", "nistp521"),
    ("dsa1024", "elg1024"),
    ("dsa2048", "elg2048"),
    ("dsa3072", "elg3072"),
    ("ed25519", "rsa4096"),
];
/// Those that gpg has and the library does not.
const FOREIGN: [(&str, &str); 2] =
    [("brainpoolP256r1", "brainpoolP256r1"), ("secp256k1", "secp256k1")];

#[tokio::test]
async fn every_kind_of_key_opens_in_both_directions() {
    let Some(gpg) = Gpg::new() else { return };
    let keys: Vec<_> = KINDS
        .iter()
        .enumerate()
        .map(|(at, (primary, subkey))| gpg.key(&format!("k{at}"), primary, subkey).0)
        .collect();
    let foreign: Vec<_> =
        FOREIGN.iter().map(|(primary, subkey)| gpg.key(primary, primary, subkey).0).collect();
    let provider = gpg.provider();
    // Each file has the name that its keygrip says, or there would be a remark.
    let looked_at = provider.looked_at();
    assert_eq!(looked_at.problems, [""; 0]);
    assert_eq!(looked_at.public, KINDS.len() + FOREIGN.len());
    for (key, kind) in keys.iter().zip(KINDS) {
        let message = gpg.encrypt(key, &data_key(), &[]);
        assert_opens(&open(&provider, key, &message).await, &format!("{kind:?}"));
        let wrapped = provider.wrap(&master(key), &data_key()).await.unwrap();
        assert_eq!(gpg.decrypt(&wrapped), data_key().expose(), "{kind:?}");
        assert_eq!(gpg.recipients(&wrapped), gpg.recipients(&message), "{kind:?}");
    }
    for (key, kind) in foreign.iter().zip(FOREIGN) {
        let message = gpg.encrypt(key, &data_key(), &[]);
        let attempt = open(&provider, key, &message).await;
        homes::assert_refused(
            &attempt,
            sops_core::keys::Refusal::Unsupported,
            &format!("{kind:?}"),
        );
        let error = provider.wrap(&master(key), &data_key()).await.unwrap_err();
        assert!(!error.text.is_empty(), "{kind:?}: {error}");
    }
}

#[tokio::test]
async fn each_algorithm_keeps_the_contract() {
    let Some(gpg) = Gpg::new() else { return };
    let Some(others) = Gpg::new() else { return };
    let (stranger, _) = others.key("stranger", "ed25519", "cv25519");
    for (primary, subkey) in
        [("rsa2048", "rsa2048"), ("ed25519", "cv25519"), ("dsa1024", "elg1024")]
    {
        let (own, _) = gpg.key(primary, primary, subkey);
        let mut home = gpg.files();
        home.add_keyring("stranger", SecretBytes::new(others.run(&["--export"], b"")));
        contract::check(&PgpProvider::new(home), &master(&own), Some(&master(&stranger))).await;
    }
}

#[test]
fn sixty_four_open_at_once() {
    let Some(gpg) = Gpg::new() else { return };
    let keys = [("rsa2048", "rsa2048"), ("ed25519", "cv25519"), ("dsa1024", "elg1024")]
        .map(|(primary, subkey)| gpg.key(primary, primary, subkey).0);
    let messages = keys.map(|key| (gpg.encrypt(&key, &data_key(), &[]), key));
    // The first of them reads the keys, while the others wait.
    let provider = Arc::new(gpg.provider());
    std::thread::scope(|scope| {
        for at in 0..64 {
            let (provider, (message, key)) = (provider.clone(), &messages[at % messages.len()]);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                let attempt = runtime.block_on(open(&provider, key, message));
                assert_opens(&attempt, key);
            });
        }
    });
}

#[tokio::test]
async fn gpg_itself_keeps_the_contract() {
    let Some(gpg) = Gpg::new() else { return };
    for (primary, subkey) in [("rsa2048", "rsa2048"), ("ed25519", "cv25519")] {
        let (key, _) = gpg.key(primary, primary, subkey);
        let found = GpgFound::At(Box::new(gpg.as_program()));
        contract::check(&GpgProvider::reading(move || found), &master(&key), None).await;
    }
}

#[test]
fn a_home_is_read_once_and_not_before_it_is_needed() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let reads = Arc::new(AtomicUsize::new(0));
    let count = reads.clone();
    let provider = PgpProvider::reading(move || {
        count.fetch_add(1, Ordering::Relaxed);
        PgpHome::new()
    });
    let key = master(&"A".repeat(40));
    let _ = (provider.reach(&key), format!("{provider:?}"));
    assert_eq!(reads.load(Ordering::Relaxed), 0);
    let _ = (provider.looked_at(), provider.looked_at());
    assert_eq!(reads.load(Ordering::Relaxed), 1);
}

//! Which key a data key is wrapped for: always the one that gpg takes.

use sops_core::crypto::SecretBytes;
use sops_core::keys::{KeyProvider as _, Refusal};

use super::gpg::{Gpg, assert_opens, data_key, master, open};

#[track_caller]
fn refusal(result: Result<String, sops_core::keys::ProviderError>) -> (Refusal, String) {
    let error = result.expect_err("not usable");
    (error.refusal, error.to_string())
}

#[tokio::test]
async fn of_several_subkeys_the_one_that_gpg_takes() {
    let Some(gpg) = Gpg::new() else { return };
    // Made one after the other in time, as gpg sees it.
    let at = |time: &'static str| ["--faked-system-time", time];
    let name = "several <several@example.test>";
    gpg.run(
        &[&at("20250101T000000")[..], &["--quick-gen-key", name, "ed25519", "sign", "never"]]
            .concat(),
        b"",
    );
    let primary = gpg.fingerprints("several@example.test").remove(0);
    for (time, kind) in [
        ("20250102T000000", "rsa2048"),
        ("20250103T000000", "cv25519"),
        ("20250104T000000", "nistp256"),
    ] {
        gpg.run(
            &[&at(time)[..], &["--quick-add-key", &primary, kind, "encr", "never"]].concat(),
            b"",
        );
    }
    // One for signing, which is newer; one that has expired.
    gpg.run(
        &[&at("20250105T000000")[..], &["--quick-add-key", &primary, "ed25519", "sign", "never"]]
            .concat(),
        b"",
    );
    gpg.run(
        &[&at("20250106T000000")[..], &["--quick-add-key", &primary, "cv25519", "encr", "2d"]]
            .concat(),
        b"",
    );
    let all = gpg.fingerprints(&primary);
    let names = |fingerprint: &str| {
        let id = &fingerprint[24..];
        [
            fingerprint.to_owned(),
            fingerprint.to_lowercase(),
            id.to_owned(),
            format!("0x{fingerprint}"),
        ]
    };
    let provider = gpg.provider();
    for fingerprint in all.iter().flat_map(|one| names(one)) {
        let theirs = gpg.encrypt(&fingerprint, &data_key(), &[]);
        let ours = provider.wrap(&master(&fingerprint), &data_key()).await.unwrap();
        assert_eq!(gpg.recipients(&ours), gpg.recipients(&theirs), "{fingerprint}");
        assert_eq!(gpg.recipients(&ours), [all[3][24..].to_owned()], "{fingerprint}");
    }
    for fingerprint in &all[1..4] {
        let exact = format!("{fingerprint}!");
        let theirs = gpg.encrypt(&exact, &data_key(), &[]);
        let ours = provider.wrap(&master(&exact), &data_key()).await.unwrap();
        assert_eq!(gpg.recipients(&ours), [fingerprint[24..].to_owned()]);
        assert_eq!(gpg.recipients(&ours), gpg.recipients(&theirs));
        assert_opens(&open(&provider, &exact, &theirs).await, fingerprint);
    }
    let expected = [(0, Refusal::WrongUsage), (4, Refusal::WrongUsage), (5, Refusal::NotUsable)];
    for (at, expected) in expected {
        let exact = format!("{}!", all[at]);
        let theirs = gpg.try_run(&["--encrypt", "-r", &exact], b"x");
        assert!(!theirs.status.success(), "gpg takes {exact}");
        let (refusal, said) = refusal(provider.wrap(&master(&exact), &data_key()).await);
        assert_eq!(refusal, expected, "{at}: {said}");
    }
}

#[tokio::test]
async fn an_expired_key_opens_and_is_not_wrapped_for() {
    let Some(gpg) = Gpg::new() else { return };
    let then = ["--faked-system-time", "20240101T000000"];
    let make = ["--quick-gen-key", "old <old@example.test>", "future-default", "default", "30d"];
    gpg.run(&[&then[..], &make].concat(), b"");
    let key = gpg.fingerprints("old@example.test").remove(0);
    let message = gpg.encrypt(&key, &data_key(), &then);
    let provider = gpg.provider();
    assert_opens(&open(&provider, &key, &message).await, "expired");
    let (kind, said) = refusal(provider.wrap(&master(&key), &data_key()).await);
    assert_eq!(kind, Refusal::NotUsable);
    assert!(said.contains("expired on 2024-01-31T"), "{said}");
    assert!(!gpg.try_run(&["--encrypt", "-r", &key], b"x").status.success());
    // Longer life, by a newer signature.
    gpg.run(&["--quick-set-expire", &key, "0"], b"");
    gpg.run(&["--quick-set-expire", &key, "0", "*"], b"");
    let wrapped = gpg.provider().wrap(&master(&key), &data_key()).await.unwrap();
    assert_eq!(gpg.decrypt(&wrapped), data_key().expose());
}

#[tokio::test]
async fn a_revoked_key_is_not_wrapped_for() {
    let Some(gpg) = Gpg::new() else { return };
    let (key, older) = gpg.key("revoked", "ed25519", "cv25519");
    let message = gpg.encrypt(&key, &data_key(), &[]);
    // First the subkey alone.
    let words = "key 1\nrevkey\ny\n0\n\ny\nsave\n";
    gpg.run(&["--no-batch", "--command-fd", "0", "--edit-key", &key], words.as_bytes());
    let (kind, said) = refusal(gpg.provider().wrap(&master(&key), &data_key()).await);
    assert_eq!(kind, Refusal::NotUsable, "{said}");
    assert!(said.contains("revoked"), "{said}");
    // A new one takes its place, and only that.
    let newer = gpg.subkey(&key, "cv25519");
    let wrapped = gpg.provider().wrap(&master(&key), &data_key()).await.unwrap();
    assert_eq!(gpg.recipients(&wrapped), [newer[24..].to_owned()]);
    let exact = format!("{older}!");
    assert_eq!(
        refusal(gpg.provider().wrap(&master(&exact), &data_key()).await).0,
        Refusal::NotUsable
    );
    // Then all of it, by the certificate that gpg keeps for that day.
    let file = gpg.home().join(format!("openpgp-revocs.d/{key}.rev"));
    let certificate = std::fs::read_to_string(file).unwrap().replace("\n:-----", "\n-----");
    gpg.run(&["--import"], certificate.as_bytes());
    let provider = gpg.provider();
    let (kind, said) = refusal(provider.wrap(&master(&key), &data_key()).await);
    assert_eq!((kind, said.contains("revoked")), (Refusal::NotUsable, true), "{said}");
    assert_opens(&open(&provider, &key, &message).await, "revoked");
}

#[tokio::test]
async fn signatures_count_only_when_they_are_the_keys_own() {
    let Some(gpg) = Gpg::new() else { return };
    let (key, _) = gpg.key("bound", "ed25519", "cv25519");
    let mut ring = gpg.run(&["--export", &key], b"");
    // The last packet is the signature that binds the subkey; its last byte is one of a number.
    *ring.last_mut().unwrap() ^= 1;
    let mut home = sops_providers::PgpHome::new();
    home.add_keyring("changed", SecretBytes::new(ring));
    let provider = sops_providers::PgpProvider::new(home);
    let (kind, said) = refusal(provider.wrap(&master(&key), &data_key()).await);
    assert_eq!(kind, Refusal::NotUsable, "{said}");
    assert!(said.contains("no signature"), "{said}");
}

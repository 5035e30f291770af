//! What every provider promises, whatever service stands behind it.
//!
//! A module for test targets, not of the support library: that one depends on none of the
//! product's crates. A target takes it with `#[path = "support/contract.rs"] mod contract;`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of tests fails the test")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sops_core::crypto::KeyPart;
use sops_core::keys::{Attempt, KeyKind, KeyProvider, MasterKey, PgpKey, Reach, Refusal};

/// Checks a provider with a key that it can use. `stranger`, where there can be one, is a key of
/// the same kind that it can wrap for and has no means to open.
pub(crate) async fn check(
    provider: &dyn KeyProvider,
    own: &MasterKey,
    stranger: Option<&MasterKey>,
) {
    a_key_of_its_own_opens_what_it_wrapped(provider, own).await;
    keys_of_other_kinds_are_not_its_business(provider, own).await;
    damage_is_a_failure(provider, own).await;
    if let Some(stranger) = stranger {
        assert_ne!(provider.reach(stranger), Reach::Never);
        let part = KeyPart::new(vec![7; 32]);
        let enc = provider.wrap(stranger, &part).await.expect("anybody can wrap for it");
        let attempt = provider.open(stranger, &enc).await;
        assert!(matches!(attempt, Attempt::NotMine), "a stranger is no failure: {attempt:?}");
    }
}

async fn a_key_of_its_own_opens_what_it_wrapped(provider: &dyn KeyProvider, own: &MasterKey) {
    assert_ne!(provider.reach(own), Reach::Never);
    // A data key, and a share of one.
    for length in [32, 33] {
        let part = KeyPart::new((0..length).map(|n| n * 7 + 1).collect());
        let first = provider.wrap(own, &part).await.expect("its own key can be used");
        let second = provider.wrap(own, &part).await.expect("its own key can be used again");
        assert_ne!(first, second, "wrapping is randomised");
        for enc in [&first, &second, &format!("\n {first}\n")] {
            let attempt = provider.open(own, enc).await;
            assert!(matches!(&attempt, Attempt::Opened(found) if *found == part), "{attempt:?}");
        }
    }
}

async fn keys_of_other_kinds_are_not_its_business(provider: &dyn KeyProvider, own: &MasterKey) {
    let arn = "arn:aws:kms:us-east-1:111122223333:alias/x";
    let other = match own.kind() {
        KeyKind::Pgp => MasterKey::parse(KeyKind::AwsKms, arn).expect("an ARN"),
        _ => MasterKey::Pgp(PgpKey { fingerprint: "0".repeat(40) }),
    };
    assert_eq!(provider.reach(&other), Reach::Never);
    assert!(matches!(provider.open(&other, "x").await, Attempt::NotMine));
    let error = provider.wrap(&other, &KeyPart::new(vec![7; 32])).await.expect_err("not its kind");
    assert_eq!(error.refusal, Refusal::Unsupported);
}

async fn damage_is_a_failure(provider: &dyn KeyProvider, own: &MasterKey) {
    let part = KeyPart::new(vec![0x5a; 32]);
    let enc = provider.wrap(own, &part).await.expect("its own key can be used");
    let half = &enc[..enc.len() / 2];
    for damaged in [half, "", "x", "ö", &format!("{half}{half}{half}")] {
        let attempt = provider.open(own, damaged).await;
        let Attempt::Failed(error) = attempt else { panic!("{damaged:?} is damaged: {attempt:?}") };
        assert_eq!((error.kind, &error.key), (own.kind(), &own.identity()));
        assert!(!error.next_step().is_empty());
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(&STANDARD.encode(part.expose())), "{shown}");
        assert!(!shown.contains('\n'), "one line: {shown}");
    }
}

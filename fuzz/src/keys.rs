//! Keys and what they are made of.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use sops_core::crypto::{DataKey, KeyPart, SHARE_LEN, combine, split};
use sops_core::keys::testing::SeededRng;
use sops_core::keys::{
    AgeKey, DecryptionOrder, KeyKind, KeyProvider, MasterKey, bech32_decode, bech32_encode,
    parse_encryption_context,
};
use sops_providers::AgeProvider;
use sops_providers::age::IdentityText;

use crate::{choice, fields};

/// Recipients, ARNs and the like, in comma lists.
pub fn keys(input: &[u8]) {
    let Some((kind, text)) = choice(input, KeyKind::ALL.len() + 2) else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Some(kind) = KeyKind::ALL.get(kind).copied() else {
        let _ = parse_encryption_context(text);
        let _ = DecryptionOrder::parse(text);
        return;
    };
    let Ok(keys) = MasterKey::parse_list(kind, text) else { return };
    for key in keys {
        assert_eq!(key.kind(), kind);
        assert!(key.is_same(&key));
        let _ = key.identity();
        match &key {
            MasterKey::Age(age) => drop((age.recipient_kind(), age.plugin_name())),
            MasterKey::AwsKms(kms) => drop(kms.region()),
            MasterKey::HuaweiKms(kms) => drop(kms.parts()),
            _ => {}
        }
    }
}

/// Shares that belong together give the key back, and any others an error or some key.
pub fn shamir(input: &[u8]) {
    let Some((parts, rest)) = choice(input, 8) else { return };
    let loose: Vec<KeyPart> = rest.chunks(SHARE_LEN).map(KeyPart::from_slice).collect();
    let _ = combine(&loose.iter().collect::<Vec<_>>());
    let Some((threshold, rest)) = choice(rest, 8) else { return };
    let Some(Ok(key)) = rest.get(..DataKey::LEN).map(DataKey::from_slice) else { return };
    let Ok(shares) = split(&key, threshold, parts, &mut SeededRng::new(4)) else { return };
    let start = usize::from(rest.get(DataKey::LEN).copied().unwrap_or(0)) % parts;
    let mut chosen: Vec<&KeyPart> = shares[start..].iter().chain(&shares[..start]).collect();
    chosen.truncate(threshold);
    let found = combine(&chosen).expect("enough shares");
    assert_eq!(found.expose(), key.expose());
}

/// An age recipient, a wrapped key, and a text with identities.
pub fn identities(input: &[u8]) {
    let Some([recipient, enc, text]) = fields(input) else { return };
    let (Ok(recipient), Ok(enc)) = (std::str::from_utf8(recipient), std::str::from_utf8(enc))
    else {
        return;
    };
    if let Ok((name, bytes)) = bech32_decode(recipient) {
        let printed = bech32_encode(&name, &bytes);
        assert!(printed.eq_ignore_ascii_case(recipient), "{}", *printed);
    }
    // Identities are read when something is to be opened.
    let enc = if enc.is_empty() { WRAPPED } else { enc };
    let key = MasterKey::Age(AgeKey { recipient: recipient.to_owned() });
    let provider = AgeProvider::new(vec![Box::new(IdentityText::new("text", text))]);
    let _ = at_once(provider.open(&key, enc));
    for looked_at in provider.looked_at() {
        assert!(looked_at.problems.iter().all(|problem| !problem.contains('\n')));
    }
    if let Ok(key) = AgeKey::parse(recipient) {
        let _ = at_once(provider.wrap(&MasterKey::Age(key), &KeyPart::from_slice(&[1; 32])));
    }
}

/// A wrapped key whose recipient nobody has the identity of.
const WRAPPED: &str = include_str!("../wrapped.age");

/// What a local provider promises is there without waiting.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("a local provider waits"),
    }
}

//! Messages in the forms that gpg writes, and changed ones.

use aes::Aes256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ocb3::aead::generic_array::{GenericArray, typenum::U15};
use ocb3::aead::{Aead as _, KeyInit as _, Payload};
use sops_core::keys::{Attempt, Refusal};

use super::gpg::{Gpg, assert_opens, data_key, open};
use super::homes::assert_refused;

/// The bytes of an armored message.
fn bytes(message: &str) -> Vec<u8> {
    let body = message.split("\n\n").nth(1).unwrap();
    let lines = body.lines().take_while(|line| !line.starts_with(['=', '-']));
    STANDARD.decode(lines.collect::<String>()).unwrap()
}

/// Armor without a checksum, so that it is not what refuses a changed message.
fn armored(bytes: &[u8]) -> String {
    format!("-----BEGIN PGP MESSAGE-----\n\n{}\n-----END PGP MESSAGE-----", STANDARD.encode(bytes))
}

/// Where the packet with the data begins: behind those with a length of two octets or less, in
/// the older form that gpg writes for session keys.
fn data_at(message: &[u8]) -> usize {
    let mut at = 0;
    while message[at] & 0xfc == 0x84 {
        at += match message[at] & 3 {
            0 => 2 + usize::from(message[at + 1]),
            _ => 3 + usize::from(message[at + 1]) * 256 + usize::from(message[at + 2]),
        };
    }
    at
}

#[tokio::test]
async fn every_option_of_gpg_opens() {
    let Some(gpg) = Gpg::new() else { return };
    let (key, subkey) = gpg.key("one", "ed25519", "cv25519");
    let (other, _) = gpg.key("other", "rsa2048", "rsa2048");
    let mut options: Vec<Vec<&str>> = Vec::new();
    for cipher in
        ["AES128", "AES192", "AES256", "3DES", "CAST5", "TWOFISH", "BLOWFISH", "CAMELLIA256"]
    {
        options.push(vec!["--cipher-algo", cipher]);
    }
    for compression in ["uncompressed", "zip", "zlib", "bzip2"] {
        options.push(vec!["--compress-algo", compression]);
    }
    options.push(vec!["--sign", "-u", &key]);
    options.push(vec!["--throw-keyids"]);
    options.push(vec!["-r", &other]);
    options.push(vec!["-R", &other]);
    options.push(vec!["--comment", "made by: somebody"]);
    options.push(vec!["--set-filename", "name.bin"]);
    for option in &options {
        let message = gpg.encrypt(&key, &data_key(), option);
        assert_opens(&open(&gpg.provider(), &key, &message).await, &format!("{option:?}"));
        // Beside another fingerprint, as gpg does not know what stands beside it.
        assert_opens(&open(&gpg.provider(), &other, &message).await, &format!("{option:?}"));
        let untidy = format!("\n   {}  \r\n", message.replace('\n', "\r\n    "));
        assert_opens(&open(&gpg.provider(), &subkey, &untidy).await, &format!("{option:?}"));
    }
}

#[tokio::test]
async fn messages_in_the_ocb_mode_of_newer_versions_open() {
    let Some(gpg) = Gpg::new() else { return };
    let (key, _) = gpg.key("one", "ed25519", "cv25519");
    let message =
        gpg.encrypt(&key, &data_key(), &["--cipher-algo", "AES256", "--compress-algo", "none"]);
    // This gpg reads the mode and does not write it: its session key, and the mode from here.
    let shown = gpg.try_run(&["--show-session-key", "-d"], message.as_bytes()).stderr;
    let shown = String::from_utf8(shown).unwrap();
    let digits = shown.split("'9:").nth(1).unwrap().split('\'').next().unwrap();
    let session: Vec<_> = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let old = bytes(&message);
    let literal = [&[0xcb, 38, b'b', 0, 0, 0, 0, 0][..], data_key().expose()].concat();
    let ocb = ocb_packet(&session, &literal);
    let new = [&old[..data_at(&old)], &ocb[..]].concat();
    // gpg agrees that this is how it is written; without armor, as it wants a checksum in it.
    assert_eq!(gpg.run(&["-d"], &new), data_key().expose());
    let provider = gpg.provider();
    assert_opens(&open(&provider, &key, &armored(&new)).await, "OCB");
    for at in data_at(&new)..new.len() {
        let mut changed = new.clone();
        changed[at] ^= 1 << (at % 8);
        let attempt = open(&provider, &key, &armored(&changed)).await;
        assert!(matches!(attempt, Attempt::Failed(_)), "byte {at}: {attempt:?}");
    }
    // Without the tag over everything.
    let mut short = [&old[..data_at(&old)], &ocb[..ocb.len() - 16]].concat();
    let head = data_at(&old) + 1;
    short[head] -= 16;
    let attempt = open(&provider, &key, &armored(&short)).await;
    assert!(matches!(attempt, Attempt::Failed(_)), "{attempt:?}");
}

/// A packet of tag 20 (draft-koch-librepgp, "OCB Encrypted Data Packet") with one chunk.
fn ocb_packet(session: &[u8], plain: &[u8]) -> Vec<u8> {
    let head = [1, 9, 2, 10];
    let iv = [7; 15];
    let cipher = ocb3::Ocb3::<Aes256, U15>::new(GenericArray::from_slice(session));
    let seal = |index: u64, plain: &[u8], more: &[u8]| {
        let mut nonce = iv;
        nonce[7..].iter_mut().zip(index.to_be_bytes()).for_each(|(byte, with)| *byte ^= with);
        let aad = [&[0xd4][..], &head, &index.to_be_bytes(), more].concat();
        let payload = Payload { msg: plain, aad: &aad };
        cipher.encrypt(GenericArray::from_slice(&nonce), payload).unwrap()
    };
    let first = seal(0, plain, &[]);
    let last = seal(1, &[], &(plain.len() as u64).to_be_bytes());
    let body = [&head[..], &iv, &first, &last].concat();
    [&[0xd4, u8::try_from(body.len()).unwrap()][..], &body].concat()
}

#[tokio::test]
async fn changed_messages_never_open_as_something_else() {
    let Some(gpg) = Gpg::new() else { return };
    for (primary, subkey) in
        [("rsa2048", "rsa2048"), ("ed25519", "cv25519"), ("dsa1024", "elg1024")]
    {
        let (key, _) = gpg.key(primary, primary, subkey);
        let message = bytes(&gpg.encrypt(&key, &data_key(), &[]));
        let provider = gpg.provider();
        assert_opens(&open(&provider, &key, &armored(&message)).await, "unchanged");
        let data = data_at(&message);
        let mut opened = Vec::new();
        for at in 0..message.len() {
            for bit in [at % 8, (at + 4) % 8] {
                let mut changed = message.clone();
                changed[at] ^= 1 << bit;
                match open(&provider, &key, &armored(&changed)).await {
                    Attempt::Opened(part) => {
                        assert!(part == data_key() && at < data, "{subkey}: byte {at} of {data}");
                        opened.push((at, bit));
                    }
                    Attempt::NotMine => assert!(at < data, "{subkey}: byte {at}"),
                    Attempt::Failed(_) => {}
                }
            }
        }
        // Bits that mean nothing: how many of the first byte of a number count, the highest bit
        // of a point on Curve25519.
        assert!(opened.len() <= 6, "{subkey}: {opened:?}");
        for length in 0..message.len() {
            let attempt = open(&provider, &key, &armored(&message[..length])).await;
            assert!(!matches!(attempt, Attempt::Opened(_)), "{subkey}: {length} bytes");
        }
    }
}

#[tokio::test]
async fn data_without_protection_is_refused() {
    let Some(gpg) = Gpg::new() else { return };
    let (key, _) = gpg.key("one", "ed25519", "cv25519");
    let message = bytes(&gpg.encrypt(&key, &data_key(), &[]));
    let data = data_at(&message);
    // The same data, said to be of the kind that has no hash behind it.
    assert_eq!(message[data], 0xd2);
    let length = usize::from(message[data + 1]);
    assert_eq!(message.len(), data + 2 + length);
    let stripped =
        [&message[..data], &[0xc9, message[data + 1] - 1], &message[data + 3..]].concat();
    let attempt = open(&gpg.provider(), &key, &armored(&stripped)).await;
    let said = assert_refused(&attempt, Refusal::Unsupported, "stripped");
    assert!(said.contains("no protection of its integrity"), "{said}");
}

#[tokio::test]
async fn a_message_that_unfolds_into_much_is_refused() {
    let Some(gpg) = Gpg::new() else { return };
    let (key, _) = gpg.key("one", "ed25519", "cv25519");
    for length in [0, 1025, 60_000] {
        let part = sops_core::crypto::KeyPart::new(vec![0; length]);
        let message = gpg.encrypt(&key, &part, &["--compress-algo", "zlib"]);
        let attempt = open(&gpg.provider(), &key, &message).await;
        assert!(matches!(attempt, Attempt::Failed(_)), "{length}: {attempt:?}");
    }
}

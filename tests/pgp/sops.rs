//! Beside the Go program: files for keys of OpenPGP.

use std::process::Command;

use sops_core::crypto::{Envelope, SecretBytes, ValueCipher};
use sops_core::format::{self, Format, Section};
use sops_core::keys::{DecryptionOrder, Hedge, KeyProvider as _, recover};
use sops_core::metadata::Metadata;
use sops_providers::{Keyring, PgpProvider, TokioTimer};
use sops_tests::need;
use sops_tests::scratch::Scratch;

use super::gpg::{Gpg, master};

#[tokio::test]
async fn files_of_go_sops_open_and_it_opens_what_is_wrapped_here() {
    let Some(peer) = need::peer() else { return };
    let Some(gpg) = Gpg::new() else { return };
    let place = Scratch::new();
    let plain = place.write("plain.yaml", "password: hunter2\nlist: [1, 2]\n");
    let sops = |arguments: &[&str]| {
        let mut command = Command::new(&peer);
        command.args(arguments).arg("--disable-version-check").env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("GNUPGHOME", gpg.home());
        command.env("HOME", place.path()).current_dir(place.path());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    };
    let path = plain.to_str().unwrap();
    for (primary, subkey) in
        [("rsa2048", "rsa2048"), ("ed25519", "cv25519"), ("dsa2048", "elg2048")]
    {
        let (key, _) = gpg.key(primary, primary, subkey);
        let text = sops(&["encrypt", "--pgp", &key, path]);
        let parsed = format::parse(Format::Yaml, SecretBytes::from(&text[..])).unwrap();
        let Section::Found(section) = parsed.metadata else { panic!("no metadata") };
        let metadata = Metadata::read(&section).unwrap();
        let keyring = Keyring::default().with(gpg.provider());
        let order = DecryptionOrder::default();
        let hedge = Hedge::new(&TokioTimer);
        let needed = metadata.groups_needed();
        let recovered =
            recover(&metadata.groups, needed, &order, keyring.providers(), hedge).await.unwrap();
        let token = Envelope::parse(metadata.mac.as_bytes()).unwrap();
        let cipher = ValueCipher::new(recovered.data_key.expose());
        assert_eq!(cipher.open(&token, metadata.mac_aad().as_bytes()).unwrap().len(), 128);

        let provider: PgpProvider = gpg.provider();
        let part = recovered.data_key.as_part();
        let wrapped = provider.wrap(&master(&key), &part).await.unwrap();
        let ours = place.write("ours.yaml", with_enc(&text, &wrapped));
        let opened = sops(&["decrypt", ours.to_str().unwrap()]);
        assert!(opened.contains("password: hunter2"), "{primary}");
    }
}

/// The same file with another message in place of the one in it.
fn with_enc(text: &str, enc: &str) -> String {
    let start = text.find("-----BEGIN PGP MESSAGE").unwrap();
    let end = text.find("-----END PGP MESSAGE-----").unwrap() + "-----END PGP MESSAGE-----".len();
    let indent = text[..start].rsplit('\n').next().unwrap();
    let enc = enc.replace('\n', &format!("\n{indent}"));
    let replaced = format!("{}{enc}{}", &text[..start], &text[end..]);
    assert_ne!(replaced, text);
    replaced
}

//! What providers promise: the contract for each of them, the sample files of the format for age
//! and OpenPGP, and AWS KMS at its emulators. The contract for OpenPGP needs gpg: pgp.rs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "a test")]

#[path = "contract_aws.rs"]
mod aws_kms;
#[path = "support/contract.rs"]
mod contract;
#[path = "contract_vault.rs"]
mod hc_vault;
#[path = "contract_huawei.rs"]
mod huawei_kms;

use std::fs;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sops_core::crypto::{Envelope, SecretBytes, ValueCipher};
use sops_core::document::Document;
use sops_core::format::{self, Format, Section};
use sops_core::keys::{
    AgeKey, Attempt, DecryptionOrder, Hedge, KeyKind, KeyOutcome, KeyProvider, MasterKey,
    RecoverError, Recovered, Refusal, recover,
};
use sops_core::metadata::Metadata;
use sops_core::pipeline;
use sops_core::tree::{Node, Tree};
use sops_providers::age::{IdentitySource, IdentityText, PassphraseFor, Questions};
use sops_providers::{AgeProvider, Keyring, PgpHome, PgpProvider, TokioTimer};
use sops_tests::{need, paths, scratch::Scratch};
use zeroize::Zeroizing;

fn vectors(path: &str) -> std::path::PathBuf {
    paths::in_tests("data/vectors-keys").join(path)
}

fn text_of(key_file: &str) -> Vec<u8> {
    fs::read(vectors(&format!("keys/{key_file}"))).unwrap()
}

fn source(key_file: &str) -> Box<dyn IdentitySource> {
    Box::new(IdentityText::new(key_file, &text_of(key_file)[..]))
}

fn provider(key_files: &[&str]) -> AgeProvider {
    AgeProvider::new(key_files.iter().map(|file| source(file)).collect())
}

fn recipient_in(key_file: &str) -> MasterKey {
    let text = String::from_utf8(text_of(key_file)).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap_or(&text);
    MasterKey::parse(KeyKind::Age, line).unwrap()
}

fn stranger() -> MasterKey {
    let text = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    MasterKey::parse(KeyKind::Age, text).unwrap()
}

/// Knows one passphrase and counts who asks for it.
struct Knows(&'static str, AtomicUsize);

impl Questions for Knows {
    fn passphrase(&self, _: &PassphraseFor<'_>) -> Option<Zeroizing<String>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Some(Zeroizing::new(self.0.to_owned()))
    }
}

#[tokio::test]
async fn x25519_keeps_the_contract() {
    let own = recipient_in("age-x25519.txt");
    contract::check(&provider(&["age-x25519.txt"]), &own, Some(&stranger())).await;
}

#[tokio::test]
async fn post_quantum_keeps_the_contract() {
    let own = recipient_in("age-pq.txt");
    let all = ["age-x25519.txt", "age-pq.txt", "ssh_ed25519"];
    contract::check(&provider(&all), &own, Some(&stranger())).await;
}

#[tokio::test]
async fn ssh_keeps_the_contract() {
    for (public, private) in [("ssh_ed25519.pub", "ssh_ed25519"), ("ssh_rsa.pub", "ssh_rsa")] {
        let other = recipient_in("ssh_ed25519_pass.pub");
        contract::check(&provider(&[private]), &recipient_in(public), Some(&other)).await;
    }
}

#[tokio::test]
async fn protected_identities_keep_the_contract_and_ask_once() {
    let knows = Arc::new(Knows("idpass", AtomicUsize::new(0)));
    let provider = provider(&["age-x25519-passphrase.age"]).with_questions(knows.clone());
    contract::check(&provider, &recipient_in("age-x25519.txt"), Some(&stranger())).await;
    assert_eq!(knows.1.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn protected_identities_whose_last_byte_looks_like_a_blank_open() {
    // The last byte of such a file is one of a tag, so any.
    let file = (0..5000)
        .map(|_| protect(&text_of("age-x25519.txt"), "idpass"))
        .find(|file| file.last().is_some_and(u8::is_ascii_whitespace))
        .expect("one in fifty ends so");
    let source: Box<dyn IdentitySource> = Box::new(IdentityText::new("file", &file[..]));
    let knows = Arc::new(Knows("idpass", AtomicUsize::new(0)));
    let provider = AgeProvider::new(vec![source]).with_questions(knows);
    open(&metadata_of("age-x25519.yaml").unwrap(), provider).await.unwrap();
}

/// An age file for a passphrase, without armor, that costs no time.
fn protect(plain: &[u8], passphrase: &str) -> Vec<u8> {
    let mut recipient = age::scrypt::Recipient::new(passphrase.to_owned().into());
    recipient.set_work_factor(1);
    let recipients = std::iter::once(&recipient as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(recipients).unwrap();
    let mut writer = encryptor.wrap_output(Vec::new()).unwrap();
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}

struct Case {
    file: String,
    keys: Vec<String>,
    passphrase: Option<String>,
    opens: bool,
    /// The file below `expected/` with what Go sops decrypts it to.
    expected: String,
    pgp: Vec<String>,
}

fn cases() -> Vec<Case> {
    let manifest = fs::read_to_string(vectors("manifest.tsv")).unwrap();
    let rows = manifest.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.map(|row| {
        let mut columns = row.split('\t');
        let (file, how, expected) =
            (columns.next().unwrap(), columns.next().unwrap(), columns.next().unwrap());
        let offered = |prefix: &'static str| {
            how.split(' ').filter_map(move |word| word.strip_prefix(prefix)).map(str::to_owned)
        };
        Case {
            file: file.into(),
            keys: offered("age:").chain(offered("ssh:")).collect(),
            passphrase: offered("pass:").next(),
            opens: !expected.starts_with("FAIL"),
            expected: expected.into(),
            pgp: offered("pgp:").collect(),
        }
    })
    .collect()
}

fn metadata_of(file: &str) -> Option<Metadata> {
    let bytes = fs::read(vectors(&format!("files/{file}"))).unwrap();
    let parsed = format::parse(Format::of_file_name(file), SecretBytes::new(bytes)).ok()?;
    let Section::Found(section) = parsed.metadata else { panic!("{file}: no metadata") };
    Some(Metadata::read(&section).unwrap())
}

async fn open(metadata: &Metadata, provider: AgeProvider) -> Result<Recovered, RecoverError> {
    open_with(metadata, Keyring::default().with(provider)).await
}

async fn open_with(metadata: &Metadata, keyring: Keyring) -> Result<Recovered, RecoverError> {
    let order = DecryptionOrder::default();
    let hedge = Hedge::new(&TokioTimer);
    recover(&metadata.groups, metadata.groups_needed(), &order, keyring.providers(), hedge).await
}

/// Secret keys as they were exported.
fn openpgp(key_files: &[String], passphrase: &str) -> PgpProvider {
    let mut home = PgpHome::new();
    for file in key_files {
        home.add_keyring(file, SecretBytes::new(text_of(file)));
    }
    if !passphrase.is_empty() {
        home.add_passphrase(passphrase);
    }
    PgpProvider::new(home)
}

/// A data key is the right one if it opens the MAC.
fn assert_opens_mac(metadata: &Metadata, recovered: &Recovered, file: &str) {
    let token = Envelope::parse(metadata.mac.as_bytes()).unwrap();
    let cipher = ValueCipher::new(recovered.data_key.expose());
    let mac = cipher.open(&token, metadata.mac_aad().as_bytes()).expect(file);
    assert_eq!(mac.len(), 128, "{file}");
}

/// The values are those that Go sops decrypts; its layout is another.
fn assert_opens_values(recovered: &Recovered, case: &Case) {
    let read = |path: String| SecretBytes::new(fs::read(vectors(&path)).unwrap());
    let format = Format::of_file_name(&case.file);
    let document = match Document::read(format, read(format!("files/{}", case.file))).unwrap() {
        Document::Sealed(document) => *document,
        Document::Plain(_) => panic!("{}: not sealed", case.file),
    };
    let opened = pipeline::open(document, &recovered.data_key, false).unwrap();
    let opened = opened.verified().unwrap_or_else(|verdict| panic!("{}: {verdict:?}", case.file));
    let expected = read(format!("expected/{}", case.expected));
    let expected = format::parse(format, expected).unwrap();
    assert_eq!(values(&opened.tree), values(&expected.tree), "{}", case.file);
}

/// The values of a tree with their keys, without comments and marks.
fn values(tree: &Tree) -> Vec<String> {
    fn node(value: &Node, path: &str, list: &mut Vec<String>) {
        match value {
            Node::Map(mapping) => {
                mapping.pairs().for_each(|pair| {
                    node(&pair.value, &format!("{path}.{}", pair.key), list);
                });
            }
            Node::List(items) => {
                items.values().for_each(|value| node(value, &format!("{path}[]"), list));
            }
            Node::Leaf(leaf) => {
                let kind = leaf.value.kind();
                list.push(format!("{path} {kind:?} {:?}", leaf.value.canonical().expose()));
            }
        }
    }
    let mut list = Vec::new();
    for document in &tree.documents {
        document.pairs().for_each(|pair| node(&pair.value, &pair.key, &mut list));
    }
    assert!(!list.is_empty(), "nothing to compare");
    list
}

#[tokio::test]
async fn every_sample_opens_or_fails_as_its_row_says() {
    let mut seen = 0;
    for case in cases() {
        let metadata =
            metadata_of(&case.file).unwrap_or_else(|| panic!("{}: unreadable", case.file));
        let passphrase: &str = case.passphrase.clone().unwrap_or_default().leak();
        let knows = Arc::new(Knows(passphrase, AtomicUsize::new(0)));
        let keys: Vec<_> = case.keys.iter().map(String::as_str).collect();
        let age = provider(&keys).with_questions(knows);
        let keyring = Keyring::default().with(age).with(openpgp(&case.pgp, passphrase));
        let result = open_with(&metadata, keyring).await;
        if case.file == "pgp-bp256.yaml" {
            // A curve that the library does not have: it is said, and not taken for damage.
            let Err(RecoverError::TooFew { .. }) = &result else { panic!("{result:?}") };
            let said = format!("{result:?}");
            assert!(said.contains("Unsupported") && said.contains("algorithm or curve"), "{said}");
            seen += 1;
            continue;
        }
        match (result, case.opens) {
            (Ok(recovered), true) => {
                assert_opens_mac(&metadata, &recovered, &case.file);
                assert_opens_values(&recovered, &case);
            }
            (Err(RecoverError::TooFew { .. }), false) => {}
            (result, _) => panic!("{} with {keys:?}: {result:?}", case.file),
        }
        seen += 1;
    }
    assert!(seen >= 40, "only {seen} samples were tried");
}

#[tokio::test]
async fn post_quantum_samples_of_go_open_and_a_changed_one_does_not() {
    let metadata = metadata_of("age-pq.yaml").unwrap();
    for key_file in ["age-pq.txt", "age-pq-plugin.txt"] {
        let recovered = open(&metadata, provider(&[key_file])).await.unwrap();
        assert_opens_mac(&metadata, &recovered, key_file);
    }
    let wrapped = &metadata.groups[0].0[0];
    let wrong = MasterKey::Age(AgeKey { recipient: wrapped.key.identity() });
    let other = stranger();
    let provider = provider(&["age-pq.txt"]);
    let enc = provider.wrap(&other, &sops_core::crypto::KeyPart::new(vec![1; 32])).await.unwrap();
    // The identity of the recipient is there, so this cannot be somebody else's.
    let Attempt::Failed(error) = provider.open(&wrong, &enc).await else { panic!() };
    assert_eq!(error.refusal, Refusal::WrongCiphertext);
}

#[tokio::test]
async fn a_passphrase_is_asked_for_only_where_the_key_fits() {
    let ask = || Arc::new(Knows("sshpass", AtomicUsize::new(0)));
    let both = ["ssh_ed25519_pass", "ssh_rsa_pass"];
    for (file, questions) in
        [("age-x25519.yaml", 0), ("age-ssh-ed25519-pass.yaml", 1), ("age-ssh-ed25519.yaml", 0)]
    {
        let knows = ask();
        let metadata = metadata_of(file).unwrap();
        let result = open(&metadata, provider(&both).with_questions(knows.clone())).await;
        assert_eq!(knows.1.load(Ordering::Relaxed), questions, "{file}");
        assert_eq!(result.is_ok(), questions == 1, "{file}");
    }
}

#[tokio::test]
async fn a_wrong_passphrase_and_nobody_to_ask_are_told_apart() {
    let metadata = metadata_of("age-x25519.yaml").unwrap();
    let wrong = Arc::new(Knows("nonsense", AtomicUsize::new(0)));
    let protected = ["age-x25519-passphrase.asc"];
    for (provider, text) in [
        (provider(&protected), "nobody could be asked"),
        (provider(&protected).with_questions(wrong), "that is not the passphrase"),
    ] {
        let error = open(&metadata, provider).await.unwrap_err();
        let RecoverError::TooFew { groups, .. } = error else { panic!() };
        let KeyOutcome::Failed(errors) = &groups[0].keys[0].outcome else { panic!() };
        assert_eq!(errors[0].refusal, Refusal::NotUnlocked);
        assert!(errors[0].text.contains(text), "{}", errors[0]);
    }
}

#[tokio::test]
async fn a_broken_source_matters_only_when_no_other_one_opens() {
    struct Missing;
    impl IdentitySource for Missing {
        fn name(&self) -> String {
            "SOPS_AGE_KEY_FILE".into()
        }
        fn load(&self, _: &str) -> Result<Option<SecretBytes>, String> {
            Err("no such file".into())
        }
    }
    let metadata = metadata_of("age-x25519.yaml").unwrap();
    let sources = vec![Box::new(Missing) as _, source("age-x25519.txt")];
    open(&metadata, AgeProvider::new(sources)).await.unwrap();
    let error = open(&metadata, AgeProvider::new(vec![Box::new(Missing)])).await.unwrap_err();
    let RecoverError::TooFew { groups, .. } = error else { panic!() };
    let KeyOutcome::Failed(errors) = &groups[0].keys[0].outcome else { panic!() };
    assert!(errors[0].to_string().contains("unable to use SOPS_AGE_KEY_FILE: no such file"));
}

#[tokio::test]
async fn go_opens_what_is_wrapped_here() {
    let Some(peer) = need::peer() else { return };
    let scratch = Scratch::new();
    for (recipient, key_file, variable) in [
        ("age-x25519.txt", "age-x25519.txt", "SOPS_AGE_KEY_FILE"),
        ("age-pq.txt", "age-pq.txt", "SOPS_AGE_KEY_FILE"),
        ("ssh_ed25519.pub", "ssh_ed25519", "SOPS_AGE_SSH_PRIVATE_KEY_FILE"),
        ("ssh_rsa.pub", "ssh_rsa", "SOPS_AGE_SSH_PRIVATE_KEY_FILE"),
    ] {
        // A file of Go's, with its data key wrapped again by us and nothing else changed.
        let text = fs::read_to_string(vectors("files/age-x25519.json")).unwrap();
        let metadata = metadata_of("age-x25519.json").unwrap();
        let data_key = open(&metadata, provider(&["age-x25519.txt"])).await.unwrap().data_key;
        let key = recipient_in(recipient);
        let enc = provider(&[]).wrap(&key, &data_key.as_part()).await.unwrap();
        let old = &metadata.groups[0].0[0];
        let json = |text: &str| serde_json::to_string(text).unwrap();
        let file = text
            .replace(&json(&old.enc), &json(&enc))
            .replace(&json(&old.key.identity()), &json(&key.identity()));
        assert!(file.contains(&json(&enc)) && !file.contains(&json(&old.enc)));
        let path = scratch.write("file.json", file);
        let output = std::process::Command::new(&peer)
            .arg("decrypt")
            .arg(&path)
            .env_clear()
            .env("HOME", scratch.path())
            .env(variable, vectors(&format!("keys/{key_file}")))
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{recipient}: {stderr}");
        assert_eq!(output.stdout, fs::read(vectors("expected/decrypted.json")).unwrap());
    }
}

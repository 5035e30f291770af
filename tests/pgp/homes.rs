//! Every form in which GnuPG keeps or gives away keys.

use sops_core::crypto::SecretBytes;
use sops_core::keys::{Attempt, KeyProvider as _, Refusal};
use sops_providers::{PgpHome, PgpProvider};

use super::gpg::{Gpg, assert_opens, data_key, master, open};

/// The agent of earlier versions, which writes canonical expressions, and AES-CBC where there is
/// a passphrase.
const EARLIER: &str = "disable-extended-key-format\n";

#[track_caller]
pub(crate) fn assert_refused(attempt: &Attempt, refusal: Refusal, what: &str) -> String {
    let Attempt::Failed(error) = attempt else { panic!("{what}: {attempt:?}") };
    assert_eq!(error.refusal, refusal, "{what}: {error}");
    error.to_string()
}

#[tokio::test]
async fn keys_open_from_every_form() {
    for settings in ["", EARLIER] {
        let Some(gpg) = Gpg::with_agent(settings) else { return };
        for (primary, subkey) in
            [("rsa2048", "rsa2048"), ("ed25519", "cv25519"), ("dsa1024", "elg1024")]
        {
            let (key, _) = gpg.key(primary, primary, subkey);
            let message = gpg.encrypt(&key, &data_key(), &[]);
            assert_opens(&open(&gpg.provider(), &key, &message).await, "home");
            let mut homes = vec![
                gpg.exported(&["--export-secret-keys", &key]),
                gpg.exported(&["--armor", "--export-secret-keys", &key]),
                gpg.exported(&["--armor", "--export-secret-subkeys", &key]),
            ];
            // The older keyring, and that of secret keys beside it.
            let mut old = PgpHome::new();
            old.add_file("pubring.gpg", SecretBytes::new(gpg.run(&["--export"], b"")));
            old.add_file(
                "secring.gpg",
                SecretBytes::new(gpg.run(&["--export-secret-keys", &key], b"")),
            );
            homes.push(old);
            // Public keys in armor, secret ones as the agent has them.
            let mut mixed = gpg.files();
            mixed.add_keyring("armor", SecretBytes::new(gpg.run(&["--armor", "--export"], b"")));
            homes.push(mixed);
            for home in homes {
                let provider = PgpProvider::new(home);
                assert_eq!(provider.looked_at().problems, [""; 0]);
                assert_opens(&open(&provider, &key, &message).await, primary);
            }
        }
        let form = std::fs::read_dir(gpg.home().join("private-keys-v1.d")).unwrap().next();
        let start = std::fs::read(form.unwrap().unwrap().path()).unwrap()[0];
        assert_eq!(start == b'(', settings == EARLIER, "the agent wrote another form");
    }
}

#[tokio::test]
async fn passphrases_open_keys_in_every_form() {
    for settings in ["", EARLIER] {
        // Fewer rounds than an agent takes by itself, which are many for a build to test.
        let settings = format!("s2k-count 65536\n{settings}");
        let Some(gpg) = Gpg::with_agent(&settings) else { return };
        for kind in ["rsa2048", "future-default"] {
            let name = format!("{kind} <{kind}@example.test>");
            let locked =
                ["--passphrase", "pass phrase", "--quick-gen-key", &name, kind, "default", "never"];
            gpg.run(&locked, b"");
            let key = gpg.fingerprints(&format!("{kind}@example.test")).remove(0);
            if kind == "rsa2048" {
                gpg.run(
                    &[
                        "--passphrase",
                        "pass phrase",
                        "--quick-add-key",
                        &key,
                        kind,
                        "encr",
                        "never",
                    ],
                    b"",
                );
            }
            let message = gpg.encrypt(&key, &data_key(), &[]);
            let export = ["--passphrase", "pass phrase", "--export-secret-keys", &key];
            for make in [&|| gpg.files() as PgpHome, &|| gpg.exported(&export) as PgpHome]
                as [&dyn Fn() -> PgpHome; 2]
            {
                let attempt = open(&PgpProvider::new(make()), &key, &message).await;
                let said = assert_refused(&attempt, Refusal::NotUnlocked, kind);
                assert!(said.contains("none was given"), "{said}");
                let mut wrong = make();
                wrong.add_passphrase("pass");
                let attempt = open(&PgpProvider::new(wrong), &key, &message).await;
                let said = assert_refused(&attempt, Refusal::NotUnlocked, kind);
                assert!(said.contains("another passphrase"), "{said}");
                let mut right = make();
                right.add_passphrase("pass");
                right.add_passphrase("pass phrase\n");
                let provider = PgpProvider::new(right);
                assert_opens(&open(&provider, &key, &message).await, kind);
                assert_opens(&open(&provider, &key, &message).await, "again");
            }
        }
    }
}

#[tokio::test]
async fn a_damaged_key_takes_only_itself_away() {
    let Some(gpg) = Gpg::new() else { return };
    let (key, _) = gpg.key("good", "ed25519", "cv25519");
    let message = gpg.encrypt(&key, &data_key(), &[]);
    let grip = "0123456789ABCDEF0123456789ABCDEF01234567";
    let mut home = gpg.files();
    home.add_file(
        &format!("private-keys-v1.d/{grip}.key"),
        "(private-key (rsa (n #geheim#)))".into(),
    );
    home.add_keyring("broken", "geheim".into());
    let mut keybox = std::fs::read(gpg.home().join("pubring.kbx")).unwrap();
    keybox.truncate(keybox.len() - 1);
    home.add_keyring("half.kbx", SecretBytes::new(keybox));
    let provider = PgpProvider::new(home);
    assert_opens(&open(&provider, &key, &message).await, "beside damage");
    let problems = provider.looked_at().problems;
    for word in [grip, "broken", "half.kbx"] {
        assert!(problems.iter().any(|problem| problem.contains(word)), "{word}: {problems:?}");
    }
    assert!(problems.iter().all(|problem| !problem.contains("geheim")), "{problems:?}");
}

#[tokio::test]
async fn a_key_of_another_name_is_found_and_told() {
    let Some(gpg) = Gpg::new() else { return };
    let (key, _) = gpg.key("one", "ed25519", "cv25519");
    let message = gpg.encrypt(&key, &data_key(), &[]);
    let mut home = PgpHome::new();
    home.add_keyring("public", SecretBytes::new(gpg.run(&["--export"], b"")));
    for (at, entry) in std::fs::read_dir(gpg.home().join("private-keys-v1.d")).unwrap().enumerate()
    {
        let content = std::fs::read(entry.unwrap().path()).unwrap();
        home.add_file(&format!("private-keys-v1.d/{at:040}.key"), SecretBytes::new(content));
    }
    let provider = PgpProvider::new(home);
    assert_opens(&open(&provider, &key, &message).await, "renamed");
    let problems = provider.looked_at().problems;
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("another key than its name says"), "{problems:?}");
}

#[tokio::test]
async fn stubs_of_smartcards_are_told() {
    let Some(gpg) = Gpg::new() else { return };
    let (key, _) = gpg.key("card", "ed25519", "cv25519");
    let message = gpg.encrypt(&key, &data_key(), &[]);
    let home = || {
        let mut home = PgpHome::new();
        home.add_keyring("public", SecretBytes::new(gpg.run(&["--export"], b"")));
        for entry in std::fs::read_dir(gpg.home().join("private-keys-v1.d")).unwrap() {
            let entry = entry.unwrap();
            let content = std::fs::read_to_string(entry.path()).unwrap();
            // As gpg-agent's keyformat.txt has it: the public half, and where the other is.
            let stub = content.replace("(private-key", "(shadowed-private-key");
            let stub = on_card(&stub);
            home.add_agent_key(entry.file_name().to_string_lossy(), stub.into());
        }
        home
    };
    let secret = SecretBytes::new(gpg.run(&["--export-secret-keys"], b""));
    let attempt = open(&PgpProvider::new(home()), &key, &message).await;
    let said = assert_refused(&attempt, Refusal::Unsupported, "card");
    assert!(said.contains("smartcard"), "{said}");
    // The key itself is there too, in another form.
    let mut both = home();
    both.add_keyring("backup", secret);
    assert_opens(&open(&PgpProvider::new(both), &key, &message).await, "stub and key");
}

/// Puts the place on a card where the secret number stands.
fn on_card(key: &str) -> String {
    let start = key.find("(d ").unwrap();
    let end = start + key[start..].find(')').unwrap() + 1;
    format!("{}(shadowed t1-v1 (#D2760001# OPENPGP.2)){}", &key[..start], &key[end..])
}

#[tokio::test]
async fn what_could_not_be_read_is_told_when_nothing_opens() {
    let Some(gpg) = Gpg::new() else { return };
    let (key, _) = gpg.key("there", "ed25519", "cv25519");
    let message = gpg.encrypt(&key, &data_key(), &[]);
    let empty = PgpProvider::new(PgpHome::new());
    assert!(matches!(open(&empty, &key, &message).await, Attempt::NotMine));
    let mut home = PgpHome::new();
    home.add_problem("unable to read the GnuPG home: no such folder");
    let provider = PgpProvider::new(home);
    let said = assert_refused(&open(&provider, &key, &message).await, Refusal::NoCredentials, "");
    assert!(said.contains("no such folder"), "{said}");
    let error = provider.wrap(&master(&key), &data_key()).await.unwrap_err();
    assert_eq!(error.refusal, Refusal::NoSuchKey);
    assert!(error.to_string().contains("no such folder"), "{error}");
}

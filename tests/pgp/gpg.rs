//! The real gpg, with a home of its own and keys made for one test.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sops_core::crypto::{KeyPart, SecretBytes};
use sops_core::keys::{Attempt, KeyKind, KeyProvider as _, MasterKey};
use sops_providers::{GpgOutput, GpgProgram, GpgWork, PgpHome, PgpProvider};
use sops_tests::{need, scratch::Scratch};

pub(crate) struct Gpg {
    program: PathBuf,
    home: Scratch,
}

/// What a data key looks like, in that it is no text.
pub(crate) fn data_key() -> KeyPart {
    KeyPart::new((0..32).map(|n| n * 37 + 200).map(|n: u32| n as u8).collect())
}

impl Gpg {
    /// A home without keys.
    pub(crate) fn new() -> Option<Self> {
        Self::with_agent("")
    }

    /// One whose agent has these settings.
    pub(crate) fn with_agent(settings: &str) -> Option<Self> {
        let program = need::program("gpg")?;
        let home = Scratch::new();
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        home.write("gpg-agent.conf", settings);
        Some(Self { program, home })
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback"]);
        command.args(["--passphrase", ""]).args(arguments).env("GNUPGHOME", self.home());
        command.env("LC_ALL", "C");
        command
    }

    pub(crate) fn try_run(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Inputs are shorter than a pipe holds, and gpg may end without reading one.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }

    /// Runs gpg and gives what it printed.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.try_run(arguments, input);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gpg {arguments:?}: {said}");
        output.stdout
    }

    #[track_caller]
    pub(crate) fn text(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.run(arguments, b"")).unwrap()
    }

    /// Makes a key with a subkey for encryption, and gives the fingerprints of both.
    pub(crate) fn key(&self, name: &str, primary: &str, subkey: &str) -> (String, String) {
        self.run(
            &[
                "--quick-gen-key",
                &format!("{name} <{name}@example.test>"),
                primary,
                "sign",
                "never",
            ],
            b"",
        );
        let fingerprint = self.fingerprints(&format!("{name}@example.test")).remove(0);
        (fingerprint.clone(), self.subkey(&fingerprint, subkey))
    }

    /// Adds a subkey for encryption, and gives its fingerprint.
    pub(crate) fn subkey(&self, fingerprint: &str, kind: &str) -> String {
        let before = self.fingerprints(fingerprint);
        self.run(&["--quick-add-key", fingerprint, kind, "encr", "never"], b"");
        let after = self.fingerprints(fingerprint);
        after.into_iter().find(|one| !before.contains(one)).unwrap()
    }

    /// The fingerprints of a key and its subkeys.
    pub(crate) fn fingerprints(&self, key: &str) -> Vec<String> {
        let list = self.text(&["--with-colons", "--with-subkey-fingerprint", "--list-keys", key]);
        let rows = list.lines().filter(|line| line.starts_with("fpr:"));
        rows.map(|line| line.split(':').nth(9).unwrap().to_owned()).collect()
    }

    /// Encrypts as sops does it.
    pub(crate) fn encrypt(&self, fingerprint: &str, part: &KeyPart, more: &[&str]) -> String {
        let id = fingerprint.trim_end_matches('!');
        let id = &id[id.len() - 16..];
        let own = ["--no-default-recipient", "--yes", "--encrypt", "-a", "-r", fingerprint];
        let rest = ["--trusted-key", id, "--no-encrypt-to"];
        let text = self.run(&[more, &own, &rest].concat(), part.expose());
        String::from_utf8(text).unwrap().trim().to_owned()
    }

    #[track_caller]
    pub(crate) fn decrypt(&self, message: &str) -> Vec<u8> {
        self.run(&["-d"], message.as_bytes())
    }

    /// The long key ids that a message names.
    pub(crate) fn recipients(&self, message: &str) -> Vec<String> {
        let output = self.try_run(&["--list-only", "--list-packets"], message.as_bytes());
        let text = String::from_utf8(output.stdout).unwrap();
        let rows = text.lines().filter(|line| line.starts_with(":pubkey enc packet:"));
        rows.map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect()
    }

    /// The files that matter, as the chart of the operator copies them: two flat folders.
    pub(crate) fn files(&self) -> PgpHome {
        let mut home = PgpHome::new();
        for folder in ["", "private-keys-v1.d/"] {
            for entry in fs::read_dir(self.home().join(folder)).unwrap() {
                let entry = entry.unwrap();
                let path = format!("{folder}{}", entry.file_name().to_string_lossy());
                if PgpHome::wants(&path) {
                    home.add_file(&path, SecretBytes::new(fs::read(entry.path()).unwrap()));
                }
            }
        }
        home
    }

    /// The program as the command runs it: with no arguments of its own.
    pub(crate) fn as_program(&self) -> Bare {
        Bare { program: self.program.clone(), home: self.home().to_owned() }
    }

    /// A provider with everything in the home.
    pub(crate) fn provider(&self) -> PgpProvider {
        PgpProvider::new(self.files())
    }

    /// What gpg exports, as the only thing in a home.
    pub(crate) fn exported(&self, arguments: &[&str]) -> PgpHome {
        let mut home = PgpHome::new();
        home.add_keyring("export", SecretBytes::new(self.run(arguments, b"")));
        home
    }
}

/// gpg with nothing but a home.
pub(crate) struct Bare {
    program: PathBuf,
    home: PathBuf,
}

impl GpgProgram for Bare {
    fn name(&self) -> String {
        "gpg".to_owned()
    }

    fn run(&self, _: GpgWork, arguments: &[&str], input: &[u8]) -> std::io::Result<GpgOutput> {
        let mut command = Command::new(&self.program);
        command.args(arguments).env("GNUPGHOME", &self.home).env("LC_ALL", "C");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        // Inputs are shorter than a pipe holds, and gpg may end without reading one.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output()?;
        let failure = (!output.status.success()).then(|| output.status.to_string());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(GpgOutput { failure, printed: output.stdout[..].into(), said })
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let mut end = Command::new("gpgconf");
        let _ = end.args(["--kill", "all"]).env("GNUPGHOME", self.home()).status();
    }
}

pub(crate) fn master(fingerprint: &str) -> MasterKey {
    MasterKey::parse(KeyKind::Pgp, fingerprint).unwrap()
}

#[track_caller]
pub(crate) fn assert_opens(attempt: &Attempt, what: &str) {
    let expected = data_key();
    assert!(matches!(attempt, Attempt::Opened(part) if *part == expected), "{what}: {attempt:?}");
}

/// Opens a message with a provider.
pub(crate) async fn open(provider: &PgpProvider, fingerprint: &str, message: &str) -> Attempt {
    provider.open(&master(fingerprint), message).await
}

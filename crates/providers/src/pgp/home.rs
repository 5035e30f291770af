//! What is in a GnuPG home, as bytes that somebody else read.

use sops_core::crypto::SecretBytes;

/// The keys of a GnuPG home, or exported ones. Where they come from is the caller's business.
#[derive(Debug, Default)]
pub struct PgpHome {
    pub(crate) keyrings: Vec<(String, SecretBytes)>,
    pub(crate) agent_keys: Vec<(String, SecretBytes)>,
    pub(crate) passphrases: Vec<SecretBytes>,
    pub(crate) problems: Vec<String>,
}

/// The keyrings of a GnuPG home.
const KEYRINGS: [&str; 3] = ["pubring.kbx", "pubring.gpg", "secring.gpg"];
/// Where gpg-agent keeps private keys, one file for each: `private-keys-v1.d/KEYGRIP.key`.
const AGENT_FOLDER: &str = "private-keys-v1.d";
const AGENT_SUFFIX: &str = ".key";
/// Hexadecimal digits of a keygrip.
const GRIP_DIGITS: usize = 40;

impl PgpHome {
    /// One with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a file of a GnuPG home matters, by its path in it with `/` between names.
    pub fn wants(path: &str) -> bool {
        KEYRINGS.contains(&path) || is_agent_key(path)
    }

    /// Adds a file of a GnuPG home. Nothing comes of one that does not matter.
    pub fn add_file(&mut self, path: &str, content: SecretBytes) {
        if KEYRINGS.contains(&path) {
            self.add_keyring(path, content);
        } else if is_agent_key(path) {
            self.add_agent_key(path, content);
        }
    }

    /// Adds a keyring: a keybox, or keys one after the other, with or without armor
    /// (`gpg --export`, `gpg --export-secret-keys`). `name` is for messages.
    pub fn add_keyring(&mut self, name: impl Into<String>, content: SecretBytes) {
        self.keyrings.push((name.into(), content));
    }

    /// Adds a private key in the format of gpg-agent. To which public key it belongs is seen from
    /// what is in it; `name` is for messages.
    pub fn add_agent_key(&mut self, name: impl Into<String>, content: SecretBytes) {
        self.agent_keys.push((name.into(), content));
    }

    /// Adds a passphrase, which is tried on each key that has one. A line end behind it is
    /// no part of it.
    pub fn add_passphrase(&mut self, passphrase: impl Into<SecretBytes>) {
        let mut passphrase = passphrase.into();
        let bytes = passphrase.expose_mut();
        while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            bytes.pop();
        }
        self.passphrases.push(passphrase);
    }

    /// Adds what could not be read and why, in one line without anything secret. It is told when
    /// a message opens with none of the keys.
    pub fn add_problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }
}

fn is_agent_key(path: &str) -> bool {
    let name = path.strip_prefix(AGENT_FOLDER).and_then(|rest| rest.strip_prefix('/'));
    let grip = name.and_then(|name| name.strip_suffix(AGENT_SUFFIX));
    grip.is_some_and(|grip| {
        grip.len() == GRIP_DIGITS && grip.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_home_only_keys_matter() {
        let grip = "0123456789ABCDEF0123456789abcdef01234567";
        let key = format!("private-keys-v1.d/{grip}.key");
        for path in ["pubring.kbx", "pubring.gpg", "secring.gpg", &key] {
            assert!(PgpHome::wants(path), "{path}");
        }
        let other = format!("private-keys-v1.d/{grip}.key.tmp");
        let deeper = format!("private-keys-v1.d/x/{grip}.key");
        let here = format!("{grip}.key");
        for path in ["", "trustdb.gpg", "pubring.kbx~", "x/pubring.kbx", &other, &deeper, &here] {
            assert!(!PgpHome::wants(path), "{path}");
        }
    }

    #[test]
    fn nothing_of_it_is_shown() {
        let mut home = PgpHome::new();
        home.add_file("secring.gpg", "geheim".into());
        home.add_passphrase("geheim\r\n");
        assert_eq!(home.passphrases[0].expose(), b"geheim");
        assert!(!format!("{home:?}").contains("geheim"), "{home:?}");
    }
}

//! A folder with a file to encrypt, and an engine with a key `k`.

use serde_json::Value;
use sops_tests::need;
use sops_tests::rig::vault::{ROOT, Vault};
use sops_tests::run::Run;
pub(crate) use sops_tests::run::{refused, said};
use sops_tests::scratch::Scratch;

/// The document of these tests.
pub(crate) const PLAIN: &str = "# the database\nuser: alice\nport: 5432\n";
/// The file that holds it.
pub(crate) const FILE: &str = "secret.yaml";
/// No key could be asked successfully.
pub(crate) const NO_KEY: i32 = 128;

#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) vault: Vault,
    pub(crate) engine: String,
    pub(crate) scratch: Scratch,
}

impl Place {
    /// `None` without a server, where that is no failure.
    pub(crate) fn new() -> Option<Self> {
        let vault = need::vault()?;
        let engine = vault.engine();
        vault.key(&engine, "k", &Value::Null);
        let scratch = Scratch::new();
        scratch.write(FILE, PLAIN);
        Some(Self { vault, engine, scratch })
    }

    /// The URI of a key of the engine.
    pub(crate) fn key(&self, name: &str) -> String {
        self.key_at(&self.vault.url(), name)
    }

    /// The same at another address.
    pub(crate) fn key_at(&self, server: &str, name: &str) -> String {
        format!("{server}/v1/{}/keys/{name}", self.engine)
    }

    /// The program, without a token, with hints as on a terminal.
    pub(crate) fn without_token(&self, arguments: &[&str]) -> Run {
        let run = Run::sops_rs(arguments).env("SOPS_RS_HINTS", "always");
        run.within(self.scratch.path()).env("HOME", self.scratch.path())
    }

    /// The program, with a token that may do everything.
    pub(crate) fn sops_rs(&self, arguments: &[&str]) -> Run {
        self.without_token(arguments).env("VAULT_TOKEN", ROOT)
    }

    /// Encrypts the file in its place for these keys.
    #[track_caller]
    pub(crate) fn encrypt(&self, keys: &str) {
        let arguments = ["encrypt", "--in-place", "--hc-vault-transit", keys, FILE];
        self.sops_rs(&arguments).run().success();
        assert!(!self.scratch.text(FILE).contains("alice"));
    }

    /// Fails unless the run printed the text.
    #[track_caller]
    pub(crate) fn opens(&self, run: Run) {
        assert_eq!(run.run().success().out(), PLAIN);
    }
}

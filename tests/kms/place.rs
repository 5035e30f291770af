//! A folder with a file to encrypt, and AWS behind proxies.

use sops_tests::fault::FaultProxy;
use sops_tests::rig::aws::Aws;
use sops_tests::run::{Outcome, Run};
pub(crate) use sops_tests::run::{refused, said};
use sops_tests::scratch::Scratch;
use sops_tests::{need, paths};

/// The document of these tests.
pub(crate) const PLAIN: &str = "# the database\nuser: alice\nport: 5432\n";
/// The file that holds it.
pub(crate) const FILE: &str = "secret.yaml";
/// A recipient and the file of its identity, for files with an age key.
const AGE_KEY: &str = "data/vectors-keys/keys/age-x25519.txt";
pub(crate) const AGE: &str = "age1z3rnsunsh9cmsw2flfzqv0wxnexelrfyg3rke3c98fnpxf7lfvsquqgl9x";
/// No key could be asked successfully.
pub(crate) const NO_KEY: i32 = 128;

/// Emulators behind proxies, and a folder.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) aws: Aws,
    pub(crate) kms: FaultProxy,
    pub(crate) sts: FaultProxy,
    pub(crate) scratch: Scratch,
}

impl Place {
    /// `None` without emulators, where that is no failure.
    pub(crate) fn new() -> Option<Self> {
        let aws = need::aws()?;
        let (kms, sts) = (FaultProxy::in_front_of(&aws.kms), FaultProxy::in_front_of(&aws.sts));
        let scratch = Scratch::new();
        scratch.write(FILE, PLAIN);
        Some(Self { aws, kms, sts, scratch })
    }

    /// The program, with AWS at the proxies and hints as on a terminal.
    pub(crate) fn sops_rs(&self, arguments: &[&str]) -> Run {
        self.environment(Run::sops_rs(arguments)).env("SOPS_RS_HINTS", "always")
    }

    /// Any program in the same surroundings.
    pub(crate) fn environment(&self, run: Run) -> Run {
        let aws = Aws::at(self.kms.url(), self.sts.url());
        run.within(self.scratch.path()).envs(aws.environment())
    }

    /// The same, with the identity of [`AGE`].
    pub(crate) fn with_age(&self, arguments: &[&str]) -> Run {
        self.sops_rs(arguments).env("SOPS_AGE_KEY_FILE", paths::in_tests(AGE_KEY))
    }

    /// Encrypts the file in its place with these flags, and forgets the calls.
    #[track_caller]
    pub(crate) fn encrypt(&self, flags: &[&str]) {
        let arguments = [&["encrypt", "--in-place"], flags, &[FILE]].concat();
        self.sops_rs(&arguments).run().success();
        self.forget();
    }

    /// Forgets calls and rules.
    pub(crate) fn forget(&self) {
        self.kms.reset();
        self.sts.reset();
    }

    /// Decrypts the file to standard output.
    pub(crate) fn decrypt(&self) -> Outcome {
        self.sops_rs(&["decrypt", FILE]).run()
    }

    /// Fails unless the file opens to its text.
    #[track_caller]
    pub(crate) fn opens(&self) {
        assert_eq!(self.decrypt().success().out(), PLAIN);
    }

    /// How often `Encrypt`, `Decrypt` and anything else of KMS were called since the last
    /// [`forget`](Self::forget).
    pub(crate) fn calls(&self) -> (usize, usize, usize) {
        let (encrypt, decrypt) = (self.kms.count("Encrypt"), self.kms.count("Decrypt"));
        (encrypt, decrypt, self.kms.calls().len() - encrypt - decrypt)
    }

    /// The regions that were asked, in the order of the calls.
    pub(crate) fn regions(&self) -> Vec<String> {
        self.kms.calls().into_iter().map(|call| call.region).collect()
    }
}

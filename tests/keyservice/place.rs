//! A folder with a file, an identity of age, and key services that end with it.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use sops_tests::paths;
use sops_tests::rig::servers::{End, Server, lasting_port};
use sops_tests::run::Run;
pub(crate) use sops_tests::run::{refused, said};
use sops_tests::scratch::Scratch;

/// No key could be used.
pub(crate) const NO_KEY: i32 = 128;
/// A document, and its file.
pub(crate) const PLAIN: &str = "user: alice\nport: 5432\n";
pub(crate) const FILE: &str = "secret.yaml";

/// Where a key service listens.
#[derive(Clone, Debug)]
pub(crate) enum At {
    Tcp(u16),
    Unix(PathBuf),
}

impl At {
    /// As clients write it.
    pub(crate) fn uri(&self) -> String {
        match self {
            Self::Tcp(port) => format!("tcp://127.0.0.1:{port}"),
            Self::Unix(path) => format!("unix://{}", path.display()),
        }
    }

    /// As servers take it.
    pub(crate) fn flags(&self) -> Vec<String> {
        let flags = match self {
            Self::Tcp(port) => ["--network", "tcp", "--address", &format!("127.0.0.1:{port}")],
            Self::Unix(path) => ["--net", "unix", "--addr", path.to_str().unwrap()],
        };
        flags.map(str::to_owned).into()
    }

    fn answers(&self) -> bool {
        match self {
            Self::Tcp(port) => TcpStream::connect(("127.0.0.1", *port)).is_ok(),
            Self::Unix(path) => UnixStream::connect(path).is_ok(),
        }
    }
}

/// A folder, also the home of the programs that run in it.
pub(crate) struct Place {
    pub(crate) scratch: Scratch,
    /// The recipient of the identity.
    pub(crate) recipient: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let scratch = Scratch::new();
        scratch.write(FILE, PLAIN);
        let text = std::fs::read_to_string(identity()).unwrap();
        let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: "));
        Self { scratch, recipient: recipient.unwrap().to_owned() }
    }

    /// A TCP port and a socket that are free.
    pub(crate) fn both(&self) -> [At; 2] {
        [self.tcp(), At::Unix(self.scratch.at("keys.sock"))]
    }

    pub(crate) fn tcp(&self) -> At {
        At::Tcp(lasting_port().unwrap())
    }

    pub(crate) fn environment(&self, run: Run) -> Run {
        run.within(self.scratch.path()).env("HOME", self.scratch.path())
    }

    /// The program without any key.
    pub(crate) fn sops_rs(&self, arguments: &[&str]) -> Run {
        self.environment(Run::sops_rs(arguments)).env("SOPS_RS_HINTS", "always")
    }

    /// Go sops, or this program.
    pub(crate) fn either(&self, peer: Option<&Path>, arguments: &[&str]) -> Run {
        match peer {
            Some(peer) => self.environment(Run::peer(peer, arguments)),
            None => self.sops_rs(arguments),
        }
    }

    /// A key service of this program with the identity, and these further flags.
    pub(crate) fn serve(&self, at: &At, flags: &[&str]) -> Server {
        self.start(self.with_identity(self.sops_rs(&["keyservice"]).args(flags)), at)
    }

    /// A key service by any program.
    pub(crate) fn start(&self, run: Run, at: &At) -> Server {
        let log = self.scratch.at(format!("log-{}", at.uri().replace(['/', ':'], "-")));
        let command = run.args(at.flags()).command();
        Server::start("a key service", command, End::Gently, &log, || at.answers()).unwrap()
    }

    pub(crate) fn with_identity(&self, run: Run) -> Run {
        run.env("SOPS_AGE_KEY_FILE", identity())
    }

    /// Writes [`FILE`] anew and encrypts it for the recipient, by this program alone.
    #[track_caller]
    pub(crate) fn encrypt(&self) {
        self.scratch.write(FILE, PLAIN);
        self.sops_rs(&["encrypt", "-i", "--age", &self.recipient, FILE]).run().success();
    }

    /// Decrypts by this key service alone.
    pub(crate) fn decrypt(&self, uri: &str) -> Run {
        let local = "--enable-local-keyservice=false";
        self.sops_rs(&["decrypt", local, "--keyservice", uri, FILE])
    }
}

/// The file of an identity.
pub(crate) fn identity() -> PathBuf {
    paths::in_tests("data/vectors-keys/keys/age-x25519.txt")
}

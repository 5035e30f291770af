//! Where this operator's own identities come from (operator spec §3.4), and when they changed.
//!
//! Rules of this module:
//!
//! - Everything is read again when a file it names changes: mounted Secrets are replaced while the
//!   program runs.
//! - What cannot be read is told when a key needs it, with its place.

mod services;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sops_core::crypto::SecretBytes;
use sops_core::keys::KeyProvider;
use sops_providers::age::{AgeProvider, IdentitySource, IdentityText};
use sops_providers::aws_kms::{AwsKms, AwsSettings};
use sops_providers::pgp::{PgpHome, PgpProvider};
use sops_providers::{Keyring, Proxy};

use crate::context::Context;
use crate::keys::Limited;
use crate::metrics::Metrics;
use crate::object::Name;
use crate::queue::Lane;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// The keyring of this operator.
pub(crate) fn keyring(calls_per_second: u32, metrics: &Arc<Metrics>) -> Keyring {
    let aws: Arc<dyn KeyProvider> = Arc::new(AwsKms::new(aws()));
    let aws = Limited::new(aws, calls_per_second, metrics.clone());
    let pgp =
        PgpProvider::reading(|| gnupg_home().map_or_else(PgpHome::new, |home| read_home(&home)));
    let keyring = Keyring::default().with(AgeProvider::new(age())).with(pgp).with(aws);
    services::all().into_iter().fold(keyring, |keyring, service| {
        keyring.with(Limited::new(service, calls_per_second, metrics.clone()))
    })
}

/// Variables that name a file or hold an identity.
fn age() -> Vec<Box<dyn IdentitySource>> {
    let mut sources: Vec<Box<dyn IdentitySource>> = vec![Box::new(File {
        name: "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
        path: path("SOPS_AGE_SSH_PRIVATE_KEY_FILE"),
        usual: false,
    })];
    if let Ok(text) = std::env::var("SOPS_AGE_KEY")
        && !text.is_empty()
    {
        let lines = text.split_whitespace().collect::<Vec<_>>().join("\n");
        sources.push(Box::new(IdentityText::new("SOPS_AGE_KEY", lines)));
    }
    sources.push(Box::new(File {
        name: "SOPS_AGE_KEY_FILE",
        path: path("SOPS_AGE_KEY_FILE"),
        usual: false,
    }));
    sources.push(Box::new(File { name: "sops/age/keys.txt", path: usual(), usual: true }));
    sources
}

fn path(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn usual() -> Option<PathBuf> {
    let config = path("XDG_CONFIG_HOME").or_else(|| Some(path("HOME")?.join(".config")))?;
    Some(config.join("sops/age/keys.txt"))
}

struct File {
    name: &'static str,
    path: Option<PathBuf>,
    /// Merely the usual place: it need not be there.
    usual: bool,
}

impl IdentitySource for File {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn load(&self, _: &str) -> Result<Option<SecretBytes>, String> {
        let Some(path) = &self.path else { return Ok(None) };
        match std::fs::read(path) {
            Ok(bytes) => Ok(Some(SecretBytes::new(bytes))),
            Err(error) if self.usual && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }
}

/// Where GnuPG keeps its keys. The chart mounts two Secrets there (operator spec §9.3).
fn gnupg_home() -> Option<PathBuf> {
    path("GNUPGHOME").or_else(|| Some(path("HOME")?.join(".gnupg")))
}

/// The keys of GnuPG. Neither it nor its agent is needed.
fn read_home(home: &Path) -> PgpHome {
    let mut keys = PgpHome::new();
    for folder in ["", PRIVATE_KEYS] {
        let Ok(entries) = std::fs::read_dir(home.join(folder)) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let inside = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            // Mounted files are links into a folder that is exchanged as a whole.
            if !PgpHome::wants(&inside) || !entry.path().is_file() {
                continue;
            }
            match std::fs::read(entry.path()) {
                Ok(bytes) => keys.add_file(&inside, SecretBytes::new(bytes)),
                Err(error) => keys.add_problem(format!("{}: {error}", entry.path().display())),
            }
        }
    }
    keys
}

/// The folder of a GnuPG home in which the agent keeps private keys.
const PRIVATE_KEYS: &str = "private-keys-v1.d";

fn aws() -> AwsSettings {
    AwsSettings {
        host: std::env::var("HOSTNAME").ok().filter(|host| !host.is_empty()),
        proxy: proxy(),
        profile_in_environment: std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty()),
        ..AwsSettings::default()
    }
}

/// The proxy for `https`, by the variables that other programs read, too. The libraries of Google
/// and Azure read them themselves.
fn proxy() -> Option<Proxy> {
    let text = |name| std::env::var(name).ok().filter(|text: &String| !text.is_empty());
    let address = text("HTTPS_PROXY").or_else(|| text("https_proxy"))?;
    Some(Proxy { address, except: text("NO_PROXY").or_else(|| text("no_proxy")) })
}

/// The files that count, and when they were written.
fn stamps() -> Vec<Option<(SystemTime, u64)>> {
    let files = [
        path("SOPS_AGE_SSH_PRIVATE_KEY_FILE"),
        path("SOPS_AGE_KEY_FILE"),
        usual(),
        path("AWS_SHARED_CREDENTIALS_FILE"),
        path("AWS_CONFIG_FILE"),
        gnupg_home().map(|home| home.join("pubring.kbx")),
        gnupg_home().map(|home| home.join(PRIVATE_KEYS)),
        services::vault_token(),
        path("VAULT_CACERT"),
        path("GOOGLE_APPLICATION_CREDENTIALS"),
    ];
    let stamp = |path: &Option<PathBuf>| {
        let data = std::fs::metadata(path.as_ref()?).ok()?;
        Some((data.modified().ok()?, data.len()))
    };
    files.iter().map(stamp).collect()
}

/// Takes new identities up when their files change, for good, and has everything that failed looked
/// at again.
pub(crate) async fn follow(context: Arc<Context>) {
    let mut before = stamps();
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        ticks.tick().await;
        let now = stamps();
        if now == before {
            continue;
        }
        before = now;
        tracing::info!("Files of identities changed and are read again");
        context.keys.replace(keyring(context.settings.kms_calls_per_second, &context.metrics));
        let names: Vec<Name> = {
            let index = context.index();
            let failed = index.objects().filter(|(name, _)| !index.in_sync(name));
            failed.map(|(name, _)| name.clone()).collect()
        };
        names.iter().for_each(|name| context.queue.push(name, Lane::Backlog));
    }
}

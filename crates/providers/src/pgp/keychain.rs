//! The keys of a home, read once and put together.

use std::collections::{HashMap, HashSet};

use pgp::types::KeyDetails as _;

use super::agent_key::AgentKey;
use super::armor::{self, Kind};
use super::certificate::{self, Certificate};
use super::home::PgpHome;
use super::keybox;
use super::keygrip::{Grip, hex};
use super::packets::Broken;
use super::secret::SecretKey;
use sops_core::crypto::SecretBytes;

/// Longest keyring. One with all keys of a large company is some megabytes.
const LONGEST: usize = 256 * 1024 * 1024;

/// Everything that was in a home.
pub(crate) struct Keychain {
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) secrets: Vec<SecretKey>,
    /// Fingerprints of secret keys that the library cannot read.
    foreign: Vec<String>,
    pub(crate) passphrases: Vec<SecretBytes>,
    /// What could not be read at all, in one line each.
    pub(crate) problems: Vec<String>,
    /// What can be used, but not all of it.
    pub(crate) remarks: Vec<String>,
}

impl Keychain {
    /// Reads a home.
    pub(crate) fn read(home: PgpHome) -> Self {
        let PgpHome { keyrings, agent_keys, passphrases, problems } = home;
        let (certificates, secrets, foreign, remarks) = Default::default();
        let mut all = Self { certificates, secrets, foreign, passphrases, problems, remarks };
        for (name, content) in &keyrings {
            all.read_keyring(name, content.expose());
        }
        let mut by_grip = HashMap::new();
        for (name, content) in &agent_keys {
            match AgentKey::parse(content.expose()) {
                Ok(key) => {
                    let grip = key.public.grip();
                    all.remarks.extend(misnamed(name, &grip));
                    by_grip.insert(grip, (name, key));
                }
                Err(Broken) => all
                    .remarks
                    .push(format!("{name} is no private key of gpg-agent that can be read here")),
            }
        }
        all.collect_secrets(&mut by_grip);
        let mut alone: Vec<_> = by_grip.into_values().map(|(name, _)| name).collect();
        alone.sort_unstable();
        for name in alone {
            all.remarks.push(format!("the public key that {name} belongs to is in no keyring"));
        }
        all
    }

    /// Of the secret keys that the library cannot read, the fingerprint of the one with this id.
    pub(crate) fn foreign(&self, id: &[u8; 8]) -> Option<&str> {
        let digits = hex(id).to_ascii_uppercase();
        self.foreign.iter().find(|one| one.ends_with(&digits)).map(String::as_str)
    }

    fn read_keyring(&mut self, name: &str, bytes: &[u8]) {
        let before = self.certificates.len();
        let whole = match bytes.len() {
            ..=LONGEST => self.read_certificates(bytes),
            _ => Err(Broken),
        };
        if whole.is_err() {
            let text = format!("{name} is damaged, or of an unknown format");
            match self.certificates.len() > before {
                true => self.remarks.push(format!("{text}: not all of its keys could be read")),
                false => self.problems.push(text),
            }
        }
    }

    fn read_certificates(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        if keybox::is_keybox(bytes) {
            let (blobs, mut whole) = keybox::certificates(bytes);
            for blob in blobs {
                let (certificates, read) = certificate::read(blob);
                self.certificates.extend(certificates);
                whole = whole.and(read);
            }
            whole
        } else if armor::is_armored(bytes) {
            let text = std::str::from_utf8(bytes).map_err(|_| Broken)?;
            let mut whole = Ok(());
            for (kind, block) in armor::blocks(text)? {
                if kind == Kind::Message {
                    whole = Err(Broken);
                    continue;
                }
                let (certificates, read) = certificate::read(&block);
                self.certificates.extend(certificates);
                whole = whole.and(read);
            }
            whole
        } else {
            let (certificates, read) = certificate::read(bytes);
            self.certificates.extend(certificates);
            read
        }
    }

    /// Secret keys from keyrings, and those of gpg-agent by the keygrip of the public key.
    fn collect_secrets(&mut self, agent: &mut HashMap<Grip, (&String, AgentKey)>) {
        let mut used = HashSet::new();
        for component in self.certificates.iter().flat_map(Certificate::components) {
            let public = &component.public;
            let agent_key = component.grip.and_then(|grip| agent.get_key_value(&grip));
            used.extend(agent_key.map(|(grip, _)| *grip));
            if !SecretKey::can_open(public) {
                continue;
            }
            // One file of the agent may serve several keys, which differ in date only.
            let agent_key =
                agent_key.map(|(_, (_, key))| SecretKey::of_agent(public.clone(), &key.secret));
            let secret = component.secret.as_ref();
            let own = secret.and_then(|secret| SecretKey::of_packet(public.clone(), secret));
            self.secrets.extend(agent_key.into_iter().chain(own));
        }
        // A key may be there twice, with a passphrase and without, or as a stub.
        self.secrets.sort_by_key(SecretKey::rank);
        let mut seen = HashSet::new();
        self.secrets.retain(|secret| seen.insert(secret.public.fingerprint()));
        for key in self.certificates.iter().flat_map(|certificate| &certificate.foreign) {
            if key.is_secret || agent.contains_key(&key.grip) {
                used.insert(key.grip);
                self.foreign.push(key.fingerprint.clone());
            }
        }
        agent.retain(|grip, _| !used.contains(grip));
    }
}

/// Whether a file is named after another key than it holds, which gpg-agent would not find.
fn misnamed(name: &str, grip: &Grip) -> Option<String> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let said = file.strip_suffix(".key").filter(|said| said.len() == 2 * grip.len())?;
    let other = !said.eq_ignore_ascii_case(&hex(grip));
    other.then(|| format!("{name} holds another key than its name says"))
}

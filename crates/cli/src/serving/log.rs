//! A line of JSON for each request, without key material.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::{Mutex, PoisonError},
};

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use sops_core::tree::Time;
use sops_providers::keyservice::{Asked, Outcome, Peer};

use crate::{
    failure::{Failure, os_words},
    files,
    system::now,
};

/// Where the lines go.
pub(crate) struct Log(Mutex<Target>);

enum Target {
    File(File),
    Output,
}

impl Log {
    /// Opens a file to append to, readable by its owner if it is new. `-` is standard output.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self(Mutex::new(Target::Output)));
        }
        let opened = files::append_to(path).map_err(|error| {
            Failure::generic(format!("--log: open {}: {}", path.display(), os_words(&error)))
        });
        Ok(Self(Mutex::new(Target::File(opened?))))
    }

    /// Writes what came of a request.
    pub(crate) fn write(&self, asked: &Asked, outcome: Outcome<'_>) -> io::Result<()> {
        let mut line = entry(now(), asked, outcome).to_string();
        line.push('\n');
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            // At once, so that lines of several writers do not mix.
            Target::File(file) => file.write_all(line.as_bytes()),
            Target::Output => {
                let mut output = io::stdout().lock();
                output.write_all(line.as_bytes()).and_then(|()| output.flush())
            }
        }
    }
}

fn entry(time: Time, asked: &Asked, outcome: Outcome<'_>) -> Value {
    let (result, reason) = match outcome {
        Outcome::Answered => ("answered", None),
        Outcome::Refused(reason) => ("refused", Some(reason)),
        Outcome::Failed(reason) => ("failed", Some(reason)),
        Outcome::NoKey => ("no key", None),
    };
    let mut entry = json!({
        "time": time.to_string(),
        "event": "keyservice",
        "operation": asked.operation.name(),
        "kind": asked.key.as_ref().map(|key| key.kind().name()),
        "key": asked.key.as_ref().map(|key| key.identity()),
        "peer": peer(&asked.peer),
        "outcome": result,
    });
    if let Some(reason) = reason {
        entry["reason"] = reason.into();
    }
    entry
}

fn peer(peer: &Peer) -> Value {
    let mut known = Map::new();
    if let Some(address) = peer.address {
        known.insert("address".into(), address.to_string().into());
    }
    if let Some((user, process)) = peer.user {
        known.insert("uid".into(), user.into());
        known.extend(process.map(|process| ("pid".into(), process.into())));
    }
    if let Some(certificate) = &peer.certificate {
        let digest = Sha256::digest(certificate);
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        known.insert("certificate_sha256".into(), digits.into());
    }
    known.into()
}

#[cfg(test)]
mod tests {
    use sops_core::keys::{KeyKind, MasterKey};
    use sops_providers::keyservice::Operation;

    use super::*;

    #[test]
    fn a_line_says_who_asked_what_and_what_came_of_it() {
        let key = MasterKey::parse(KeyKind::HuaweiKms, "eu-west-101:abc").ok();
        let peer = Peer { user: Some((1000, Some(7))), ..Peer::default() };
        let asked = Asked { operation: Operation::Decrypt, key, peer };
        let time = Time::from_unix(0).unwrap();
        let line = entry(time, &asked, Outcome::Refused("no")).to_string();
        let expected = json!({
            "time": "1970-01-01T00:00:00Z", "event": "keyservice", "operation": "decrypt",
            "kind": "hckms", "key": "eu-west-101:abc", "peer": {"uid": 1000, "pid": 7},
            "outcome": "refused", "reason": "no",
        });
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), expected);
        assert!(!line.contains('\n'));
    }
}

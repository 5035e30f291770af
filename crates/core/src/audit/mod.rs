//! The audit log: who opened or made which document with which keys, and what came of it.
//!
//! Rules of this module:
//!
//! - One [`Record`] for the command and the operator. Its fields are documented in
//!   `docs/audit.md`; none is renamed or taken out without another [`SCHEMA`].
//! - A record holds names: files, objects, keys, users. It has no place for a value, a message of
//!   an error or a credential.
//! - A record is one line of JSON. In a file or stream, lines are chained by their hashes
//!   ([`Link`]), so that a line that was changed or taken out is found ([`Verifier`]).
//! - Time, names and identities are arguments. Who writes a record, and what happens when it
//!   cannot be written, is decided by the programs.

mod chain;
mod settings;

use std::fmt::{self, Write as _};

pub use chain::{Broken, Fault, Link, Verifier, chained};
pub use settings::{Backend, Facility, Settings, SettingsError, SyslogFormat, Target};

use crate::keys::{GroupReport, KeyOutcome, MasterKey, RecoverError};
use crate::tree::Time;

/// The number of the schema, in every record.
pub const SCHEMA: u32 = 1;

/// What was done to a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Its values were encrypted.
    Encrypt,
    /// Its values were opened.
    Decrypt,
    /// It got another data key.
    Rotate,
}

impl Action {
    /// Its name in records, and in the table of SOPS.
    pub fn name(self) -> &'static str {
        match self {
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::Rotate => "rotate",
        }
    }
}

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// None of the keys could be used here.
    NoKey,
    /// A key service refused.
    KeyDenied,
    /// A key service did not answer, or not now.
    KeyUnavailable,
    /// The MAC differs, is missing or does not decrypt.
    MacMismatch,
    /// A value does not decrypt.
    BadCiphertext,
    /// Only verified documents are taken, and this one is not.
    NotVerified,
    /// The document makes no sense.
    Malformed,
    /// The result could not be written where it belongs.
    NotWritten,
    /// A place where a record has to go did not take it, so that nothing was handed out.
    NotRecorded,
    /// Anything else, such as a setting that makes no sense.
    Other,
}

impl Reason {
    /// Its name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoKey => "no_key",
            Self::KeyDenied => "key_denied",
            Self::KeyUnavailable => "key_unavailable",
            Self::MacMismatch => "mac_mismatch",
            Self::BadCiphertext => "bad_ciphertext",
            Self::NotVerified => "not_verified",
            Self::Malformed => "malformed",
            Self::NotWritten => "not_written",
            Self::NotRecorded => "not_recorded",
            Self::Other => "other",
        }
    }

    /// Whether somebody said no, in contrast to something that did not work.
    pub fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::KeyDenied | Self::MacMismatch | Self::BadCiphertext | Self::NotVerified
        )
    }
}

impl From<&RecoverError> for Reason {
    /// Judged by the key that was nearest to success.
    fn from(error: &RecoverError) -> Self {
        match error {
            RecoverError::TooFew { groups, .. } => of_keys(groups),
            RecoverError::Combine(_) => Self::BadCiphertext,
            RecoverError::NoKeys | RecoverError::Threshold { .. } => Self::Malformed,
        }
    }
}

fn of_keys(groups: &[GroupReport]) -> Reason {
    let reports = groups.iter().filter(|group| !group.opened).flat_map(|group| &group.keys);
    let errors = reports.filter_map(|report| match &report.outcome {
        KeyOutcome::Failed(errors) => Some(errors),
        _ => None,
    });
    errors.flatten().fold(Reason::NoKey, |reason, error| {
        if error.is_temporary() {
            Reason::KeyUnavailable
        } else if error.is_refusal() && reason == Reason::NoKey {
            Reason::KeyDenied
        } else {
            reason
        }
    })
}

/// The keys that opened a document, for a record.
pub fn keys_that_opened(groups: &[GroupReport]) -> Vec<MasterKey> {
    let reports = groups.iter().flat_map(|group| &group.keys);
    let opened = reports.filter(|report| matches!(report.outcome, KeyOutcome::Opened));
    opened.map(|report| report.key.clone()).collect()
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A user of this machine.
    User {
        /// The name; the number as text where there is none.
        name: String,
        /// The number.
        id: Option<u32>,
        /// The number of the user that logged in, as the kernel remembers it through `su` and
        /// `sudo`.
        login: Option<u32>,
    },
    /// An operator in a cluster.
    Operator {
        /// Its identity: that of its lease, or the name of its pod.
        name: String,
    },
}

/// What it was done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A file.
    File {
        /// The absolute path.
        path: String,
    },
    /// What came by standard input.
    Input {
        /// The absolute path of the current folder.
        folder: String,
    },
    /// An object of a cluster.
    Kubernetes {
        /// The kind.
        kind: &'static str,
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
        /// The UID.
        uid: String,
    },
}

/// The program, and where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The name of the machine, or of the pod.
    pub host: &'a str,
}

/// What one record says.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// When it came to its end.
    pub time: Time,
    /// By what.
    pub program: Program<'a>,
    /// By whom.
    pub actor: &'a Actor,
    /// In the course of what: the name of the command, or `reconcile`.
    pub operation: &'a str,
    /// What was done.
    pub action: Action,
    /// What came of it.
    pub outcome: Result<(), Reason>,
    /// To what.
    pub object: &'a Object,
    /// Whether the MAC of an opened document was checked and matches; `None` for what was not
    /// opened.
    pub verified: Option<bool>,
    /// The keys that opened it, or for which it was encrypted.
    pub keys: &'a [MasterKey],
}

impl Record<'_> {
    /// The record as one JSON object, without a line break.
    pub fn json(&self) -> String {
        let mut json = Json::default();
        json.number("schema", SCHEMA);
        json.text("time", &self.time.to_string());
        json.text("program", self.program.name);
        json.text("version", self.program.version);
        json.text("host", self.program.host);
        json.object("actor", |json| self.actor.write(json));
        json.text("operation", self.operation);
        json.text("action", self.action.name());
        let (outcome, reason) = match self.outcome {
            Ok(()) => ("success", None),
            Err(reason) if reason.is_refusal() => ("refused", Some(reason.name())),
            Err(reason) => ("failed", Some(reason.name())),
        };
        json.text("outcome", outcome);
        json.maybe("reason", reason);
        json.object("object", |json| self.object.write(json));
        let mac = self.verified.map(|good| if good { "verified" } else { "not_verified" });
        json.maybe("mac", mac);
        json.list("keys", self.keys, |json, key| {
            json.text("kind", key.kind().name());
            json.text("id", &key.identity());
        });
        json.end()
    }
}

impl Actor {
    fn write(&self, json: &mut Json) {
        match self {
            Self::User { name, id, login } => {
                json.text("kind", "user");
                json.text("name", name);
                json.maybe_number("id", *id);
                json.maybe_number("login_id", *login);
            }
            Self::Operator { name } => {
                json.text("kind", "operator");
                json.text("name", name);
            }
        }
    }
}

impl Object {
    fn write(&self, json: &mut Json) {
        match self {
            Self::File { path } => {
                json.text("kind", "file");
                json.text("path", path);
            }
            Self::Input { folder } => {
                json.text("kind", "input");
                json.text("path", folder);
            }
            Self::Kubernetes { kind, namespace, name, uid } => {
                json.text("kind", kind);
                json.text("namespace", namespace);
                json.text("name", name);
                json.text("uid", uid);
            }
        }
    }
}

/// Writes an object with its fields in the order in which they are named.
#[derive(Default)]
struct Json(String);

impl Json {
    fn name(&mut self, name: &str) {
        if self.0.is_empty() {
            self.0.push('{');
        } else if !self.0.ends_with('{') {
            self.0.push(',');
        }
        let _ = write!(self.0, "{}:", Quoted(name));
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        let _ = write!(self.0, "{}", Quoted(text));
    }

    fn maybe(&mut self, name: &str, text: Option<&str>) {
        match text {
            Some(text) => self.text(name, text),
            None => self.null(name),
        }
    }

    fn number(&mut self, name: &str, number: u32) {
        self.name(name);
        let _ = write!(self.0, "{number}");
    }

    fn maybe_number(&mut self, name: &str, number: Option<u32>) {
        match number {
            Some(number) => self.number(name, number),
            None => self.null(name),
        }
    }

    fn null(&mut self, name: &str) {
        self.name(name);
        self.0.push_str("null");
    }

    fn object(&mut self, name: &str, fields: impl FnOnce(&mut Self)) {
        self.name(name);
        self.0.push('{');
        fields(self);
        self.0.push('}');
    }

    fn list<T>(&mut self, name: &str, items: &[T], fields: impl Fn(&mut Self, &T)) {
        self.name(name);
        self.0.push('[');
        for (at, item) in items.iter().enumerate() {
            self.0.push_str(if at > 0 { ",{" } else { "{" });
            fields(self, item);
            self.0.push('}');
        }
        self.0.push(']');
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A text in quotes. Whoever looks at a log in a terminal sees no control characters.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for letter in self.0.chars() {
            match letter {
                '"' | '\\' => write!(f, "\\{letter}")?,
                // All control characters are in the first plane.
                letter if letter.is_control() => write!(f, "\\u{:04x}", u32::from(letter))?,
                letter => f.write_char(letter)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::keys::{KeyKind, KeyReport, ProviderError, Refusal};

    const PROGRAM: Program<'_> = Program { name: "sops-rs", version: "1.2.3", host: "h" };

    fn key() -> MasterKey {
        MasterKey::parse(KeyKind::AwsKms, "arn:aws:kms:eu-west-1:111122223333:alias/team").unwrap()
    }

    fn read(record: &Record<'_>) -> Value {
        let text = record.json();
        assert!(!text.chars().any(char::is_control), "{text}");
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_record_says_who_did_what_to_what_by_which_keys() {
        let actor = Actor::User { name: "ali\"ce\n".to_owned(), id: Some(1000), login: None };
        let object = Object::File { path: "/s/\u{9b}31m\\x".to_owned() };
        let record = Record {
            time: Time::from_unix(1_700_000_000).unwrap(),
            program: PROGRAM,
            actor: &actor,
            operation: "exec-env",
            action: Action::Decrypt,
            outcome: Ok(()),
            object: &object,
            verified: Some(true),
            keys: &[key(), key()],
        };
        let entry = json!({"kind": "kms", "id": key().identity()});
        let expected = json!({
            "schema": 1, "time": "2023-11-14T22:13:20Z", "program": "sops-rs", "version": "1.2.3",
            "host": "h",
            "actor": {"kind": "user", "name": "ali\"ce\n", "id": 1000, "login_id": null},
            "operation": "exec-env", "action": "decrypt", "outcome": "success", "reason": null,
            "object": {"kind": "file", "path": "/s/\u{9b}31m\\x"}, "mac": "verified",
            "keys": [entry, entry],
        });
        assert_eq!(read(&record), expected);
    }

    #[test]
    fn fields_of_an_operator_are_the_same() {
        let actor = Actor::Operator { name: "pod_1".to_owned() };
        let object = Object::Kubernetes {
            kind: "SopsSecret",
            namespace: "shop".to_owned(),
            name: "db".to_owned(),
            uid: "u".to_owned(),
        };
        let record = Record {
            time: Time::from_unix(0).unwrap(),
            program: PROGRAM,
            actor: &actor,
            operation: "reconcile",
            action: Action::Decrypt,
            outcome: Err(Reason::MacMismatch),
            object: &object,
            verified: None,
            keys: &[],
        };
        let expected = json!({
            "schema": 1, "time": "1970-01-01T00:00:00Z", "program": "sops-rs", "version": "1.2.3",
            "host": "h", "actor": {"kind": "operator", "name": "pod_1"},
            "operation": "reconcile", "action": "decrypt",
            "outcome": "refused", "reason": "mac_mismatch",
            "object": {"kind": "SopsSecret", "namespace": "shop", "name": "db", "uid": "u"},
            "mac": null, "keys": [],
        });
        assert_eq!(read(&record), expected);
    }

    #[test]
    fn the_reason_is_that_of_the_key_that_was_nearest() {
        let of = |refusals: &[Refusal]| {
            let failed = |refusal: &Refusal| KeyReport {
                key: key(),
                outcome: KeyOutcome::Failed(vec![ProviderError::new(*refusal, &key(), "")]),
            };
            let keys = refusals.iter().map(failed).collect();
            let groups = vec![GroupReport { opened: false, keys }];
            Reason::from(&RecoverError::TooFew { needed: 1, groups })
        };
        assert_eq!(of(&[]), Reason::NoKey);
        assert_eq!(of(&[Refusal::Denied, Refusal::NotUnlocked]), Reason::KeyDenied);
        assert_eq!(of(&[Refusal::Denied, Refusal::Unreachable]), Reason::KeyUnavailable);
        assert_eq!(of(&[Refusal::Unreachable, Refusal::Denied]), Reason::KeyUnavailable);
        assert_eq!(of(&[Refusal::NotUnlocked]), Reason::NoKey);
    }
}

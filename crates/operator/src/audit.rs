//! The audit log: a record of each object that was opened, or should have been.
//!
//! Rules of this module:
//!
//! - Objects are opened here, and by passes in no other way. A record is written when it is known
//!   what came of it, and before anything is made of what was opened.
//! - With `audit-required` an object without its record counts as closed.
//! - What was looked at without asking for a key leaves no record, so nothing is written while
//!   nothing changes.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::jiff::Timestamp;
use sops_core::audit::{self, Action, Actor, Link, Object, Program, Record, chained};
use sops_core::keys::MasterKey;
use sops_core::sops_secret::OpenedTemplates;
use sops_core::tree::Time;
use sops_providers::audit::AuditFile;

use crate::context::Context;
use crate::metrics::Metrics;
use crate::object::SopsSecret;
use crate::open::{self, Closed, Integrity};
use crate::status::Reason;

/// Where records go, as flags say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) target: Target,
    /// Whether an object without its record stays closed.
    pub(crate) required: bool,
    /// Who writes.
    pub(crate) identity: String,
    /// Where that is.
    pub(crate) host: String,
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Output,
    File(PathBuf),
}

/// The audit log.
pub(crate) struct Audit {
    sink: Sink,
    required: bool,
    actor: Actor,
    host: String,
    metrics: Arc<Metrics>,
}

enum Sink {
    /// Standard output, with the link of the last line.
    Output(Mutex<Link>),
    File(AuditFile),
}

impl Audit {
    pub(crate) fn new(settings: &Settings, metrics: Arc<Metrics>) -> Self {
        let sink = match &settings.target {
            Target::Output => Sink::Output(Mutex::new(Link::FIRST)),
            Target::File(path) => Sink::File(AuditFile::new(path)),
        };
        let actor = Actor::Operator { name: settings.identity.clone() };
        let host = settings.host.clone();
        Self { sink, required: settings.required, actor, host, metrics }
    }

    /// Writes a record. The text of the error names the place and the cause.
    async fn write(&self, entry: &Entry<'_>) -> Result<(), String> {
        let record = Record {
            time: now(),
            program: Program {
                name: "sops-operator",
                version: env!("CARGO_PKG_VERSION"),
                host: &self.host,
            },
            actor: &self.actor,
            operation: "reconcile",
            action: Action::Decrypt,
            outcome: entry.outcome,
            object: &entry.object(),
            verified: entry.verified,
            keys: entry.keys,
        };
        let record = record.json();
        let written = match &self.sink {
            Sink::Output(last) => {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                print(&record, &mut last).map_err(|error| format!("standard output: {error}"))
            }
            Sink::File(file) => append(file.clone(), record).await,
        };
        let outcome = match (&written, entry.outcome) {
            (Err(_), _) => "lost",
            (Ok(()), Ok(())) => "success",
            (Ok(()), Err(reason)) if reason.is_refusal() => "refused",
            (Ok(()), Err(_)) => "failed",
        };
        self.metrics.recorded(outcome);
        written
    }
}

/// What a record is about.
struct Entry<'a> {
    of: &'a SopsSecret,
    outcome: Result<(), audit::Reason>,
    verified: Option<bool>,
    keys: &'a [MasterKey],
}

impl Entry<'_> {
    fn object(&self) -> Object {
        let name = self.of.name();
        Object::Kubernetes {
            kind: crate::crd::KIND,
            namespace: name.namespace().to_owned(),
            name: name.name().to_owned(),
            uid: self.of.uid().to_string(),
        }
    }
}

#[allow(clippy::print_stdout, reason = "it was asked for")]
fn print(record: &str, last: &mut Link) -> io::Result<()> {
    let (line, link) = chained(record, *last);
    let mut output = io::stdout().lock();
    output.write_all(line.as_bytes()).and_then(|()| output.flush())?;
    *last = link;
    Ok(())
}

/// Off the one thread that does everything else: a disk may take its time.
async fn append(file: AuditFile, record: String) -> Result<(), String> {
    let written = tokio::task::spawn_blocking(move || file.append(&[record])).await;
    match written {
        Ok(written) => written.map_err(|error| open::chain(&error)),
        Err(_) => Err("writing the record panicked".to_owned()),
    }
}

fn now() -> Time {
    let now = Time::from_unix(Timestamp::now().as_second());
    // The clock is beyond the year 9999.
    now.or_else(|| Time::from_unix(0)).unwrap_or_else(|| unreachable!("the epoch is a time"))
}

/// Opens the templates of an object, if they are taken, and records it. With a refusal goes what the
/// MAC is worth, if that is known.
pub(crate) async fn open(
    context: &Context,
    object: &SopsSecret,
    demands_verified: bool,
) -> Result<OpenedTemplates, (Closed, Option<Integrity>)> {
    let opened = open::open(&context.keys, object).await;
    let (outcome, keys) = match opened {
        Err(closed) => (Err((closed, None)), None),
        Ok((opened, key)) => {
            let integrity = Integrity::of(&opened.integrity);
            match open::refused(&opened, demands_verified) {
                Some(closed) => (Err((closed, Some(integrity))), Some(key)),
                None => (Ok(opened), Some(key)),
            }
        }
    };
    let Some(audit) = &context.audit else { return outcome };
    let told = match &outcome {
        Ok(_) => Ok(()),
        Err((closed, _)) => match reason(closed.reason) {
            Some(reason) => Err(reason),
            // No key was asked for it.
            None => return outcome,
        },
    };
    let verified = match &outcome {
        Ok(opened) => Some(Integrity::of(&opened.integrity)),
        Err((_, integrity)) => *integrity,
    };
    let verified = verified.map(|integrity| integrity == Integrity::Verified);
    let keys = keys.as_ref().map_or(&[][..], |key| &key.keys);
    let written = audit.write(&Entry { of: object, outcome: told, verified, keys }).await;
    let Err(problem) = written else { return outcome };
    let name = object.name();
    tracing::error!(sopssecret = %name, required = audit.required, "No audit record: {problem}");
    if audit.required && outcome.is_ok() {
        let detail = format!("the audit record could not be written: {problem}");
        return Err((Closed { reason: Reason::NotRecorded, detail }, None));
    }
    outcome
}

/// Why an object was not opened, if a key was asked for it.
fn reason(reason: Reason) -> Option<audit::Reason> {
    Some(match reason {
        Reason::NoUsableKey => audit::Reason::NoKey,
        Reason::KeyDenied => audit::Reason::KeyDenied,
        Reason::KeyUnavailable => audit::Reason::KeyUnavailable,
        Reason::BadCiphertext => audit::Reason::BadCiphertext,
        Reason::IntegrityMismatch => audit::Reason::MacMismatch,
        Reason::NotVerified => audit::Reason::NotVerified,
        _ => return None,
    })
}

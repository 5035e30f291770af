//! Where records go, and what it means when they do not get there.

use std::{cell::Cell, path::Path};

#[cfg(feature = "audit-postgres")]
use sops_core::audit::Actor;
use sops_core::audit::{Backend, Program, Record, Settings, Target};
use sops_providers::audit::AuditFile;
#[cfg(unix)]
use sops_providers::audit::{Syslog, SyslogMessage};

use super::{Event, SETTINGS, who};
use crate::failure::{self, Failure, os_words, sentence};

/// One place where records go.
pub(super) struct Sink {
    line: usize,
    required: bool,
    place: Place,
    /// It did not take a record, and is not asked again.
    broken: Cell<bool>,
}

enum Place {
    File(AuditFile),
    #[cfg(unix)]
    Syslog(Syslog),
    #[cfg(feature = "audit-postgres")]
    Table(Box<sops_providers::audit::postgres::AuditTable>),
}

/// The places that the settings name; none, if there are no settings.
pub(super) fn read(path: &Path) -> Result<Vec<Sink>, Failure> {
    let failed = |line: Option<usize>, problem: &str| {
        let what = format!("could not read audit settings: {}: {problem}", path.display());
        Failure::generic(what).at_line(line)
    };
    let text = who::settings(path).map_err(|error| {
        failed(None, &os_words(&error)).hint(
            "everybody who decrypts has to be able to read it; a password in it can be that of a \
             role that may insert into the table and nothing else",
        )
    })?;
    let Some(text) = text else { return Ok(Vec::new()) };
    let settings = Settings::parse(&text).map_err(|error| {
        let line = error.line();
        failed(line, &sentence(&error))
    })?;
    let sinks = settings.backends.iter().map(|backend| {
        let place = place(&backend.target).map_err(|problem| {
            failed(Some(backend.line), &format!("line {}: {problem}", backend.line))
        })?;
        let Backend { line, required, .. } = *backend;
        Ok(Sink { line, required, place, broken: Cell::new(false) })
    });
    sinks.collect()
}

fn place(target: &Target) -> Result<Place, String> {
    match target {
        Target::File { path } => Ok(Place::File(AuditFile::new(path))),
        #[cfg(unix)]
        Target::Syslog { socket, format, facility } => {
            Ok(Place::Syslog(Syslog::new(socket, *format, *facility)))
        }
        #[cfg(not(unix))]
        Target::Syslog { .. } => Err("there is no syslog on this system".to_owned()),
        #[cfg(feature = "audit-postgres")]
        Target::Postgres { connection } => {
            use sops_providers::audit::postgres::AuditTable;
            let Actor::User { name, .. } = who::user() else { return Err("no user".to_owned()) };
            AuditTable::new(connection, &name, |path| std::fs::read(path))
                .map(|table| Place::Table(Box::new(table)))
                .map_err(|error| sentence(&error))
        }
        #[cfg(not(feature = "audit-postgres"))]
        Target::Postgres { .. } => {
            Err("this build writes to no database (feature audit-postgres)".to_owned())
        }
    }
}

impl Sink {
    /// Writes records. What is not required fails with a warning only.
    pub(super) fn write(&self, operation: &str, events: &[Event]) -> Result<(), Failure> {
        if self.broken.get() {
            return Ok(());
        }
        let Err(problem) = self.place.write(operation, events) else { return Ok(()) };
        self.broken.set(true);
        // The words of SOPS, where it is what SOPS does.
        let what = match &self.place {
            #[cfg(feature = "audit-postgres")]
            Place::Table(_) => "Failed to insert audit record",
            _ => "Failed to write audit record",
        };
        if self.required {
            return Err(Failure::generic(format!("{what}: {problem}")).because(problem).hint(
                format!(
                    "line {} of {SETTINGS} says where records go; nothing is done without one",
                    self.line
                ),
            ));
        }
        failure::warn(format_args!(
            "{what}: {problem}; it goes on without, because line {} of {SETTINGS} does not \
             require it",
            self.line
        ));
        Ok(())
    }
}

impl Place {
    fn write(&self, operation: &str, events: &[Event]) -> Result<(), String> {
        let (actor, host) = (who::user(), who::host());
        let record = |event: &Event| {
            let record = Record {
                time: event.time,
                program: Program {
                    name: "sops-rs",
                    version: env!("CARGO_PKG_VERSION"),
                    host: &host,
                },
                actor: &actor,
                operation,
                action: event.action,
                outcome: event.outcome,
                object: &event.object,
                verified: event.verified,
                keys: &event.keys,
            };
            record.json()
        };
        match self {
            Self::File(file) => {
                let records: Vec<String> = events.iter().map(record).collect();
                file.append(&records).map_err(|error| words(&error))
            }
            #[cfg(unix)]
            Self::Syslog(log) => events.iter().try_for_each(|event| {
                let message = SyslogMessage {
                    time: event.time,
                    host: &host,
                    program: "sops-rs",
                    process: std::process::id(),
                    success: event.outcome.is_ok(),
                    record: &record(event),
                };
                log.send(&message).map_err(|error| words(&error))
            }),
            #[cfg(feature = "audit-postgres")]
            Self::Table(table) => insert(table, &actor, events),
        }
    }
}

/// An error with its cause, in the words of the operating system.
fn words(error: &dyn std::error::Error) -> String {
    match error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>()) {
        Some(cause) => format!("{error}: {}", os_words(cause)),
        None => sentence(error),
    }
}

/// Adds what went well to the table of SOPS.
#[cfg(feature = "audit-postgres")]
fn insert(
    table: &sops_providers::audit::postgres::AuditTable,
    actor: &Actor,
    events: &[Event],
) -> Result<(), String> {
    use sops_core::audit::Object;
    use sops_providers::audit::postgres::Row;
    let Actor::User { name: user, .. } = actor else { return Ok(()) };
    let done = events.iter().filter(|event| event.outcome.is_ok());
    let rows = done.filter_map(|event| match &event.object {
        Object::File { path: file } | Object::Input { folder: file } => {
            Some(Row { action: event.action.name(), user, file })
        }
        Object::Kubernetes { .. } => None,
    });
    let rows: Vec<Row<'_>> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("unable to start: {}", os_words(&error)))?;
    runtime.block_on(table.insert(&rows)).map_err(|error| error.to_string())
}

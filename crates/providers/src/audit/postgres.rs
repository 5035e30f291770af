//! The table `audit_event` of SOPS in a PostgreSQL database (CLI §10).
//!
//! Rules of this module:
//!
//! - It says nothing of what went well; the table has no place for a failure, so it gets none.
//! - Connecting is tried again as calls of key services are. An insert is not: it may have arrived,
//!   and would stand there twice.
//! - Of what the server says, the message and its code are told. Its details repeat rows.

mod address;
mod tls;

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout_at;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config};

pub use address::AddressError;
use address::{Address, Encryption, Host};
use sops_core::crypto::SecretBytes;

use crate::call::{CallPolicy, Ended, Failed};

/// A database.
pub struct AuditTable {
    config: Config,
    tls: tls::Tls,
    place: String,
    policy: CallPolicy,
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// What was done.
    pub action: &'a str,
    /// The name of the user of this machine.
    pub user: &'a str,
    /// The absolute path.
    pub file: &'a str,
}

/// Why a connection string cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It is not understood.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A file that it names cannot be read.
    #[error("unable to read {}, which {name} names", .path.display())]
    File {
        /// The parameter.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Certificates or keys cannot be used.
    #[error("{name}: {problem}")]
    Certificates {
        /// The parameter.
        name: &'static str,
        /// What is wrong.
        problem: String,
    },
}

/// Why a record is not in the database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InsertError {
    /// No connection came about.
    #[error("unable to connect to {place}: {problem}")]
    Connect {
        /// Host and port.
        place: String,
        /// What the server, or the network, said.
        problem: String,
    },
    /// The server refused the row.
    #[error("{problem}")]
    Insert {
        /// What the server said, with its code.
        problem: String,
    },
    /// Nothing came from there in time.
    #[error("nothing within {seconds} s from {place}{before}")]
    NoAnswer {
        /// Host and port.
        place: String,
        /// How long it was waited.
        seconds: u64,
        /// What was said before that, as the end of a sentence.
        before: String,
    },
}

impl AuditTable {
    /// The database behind a connection string, as a URL or as pairs. Nothing is connected.
    ///
    /// `user` is taken where the string names none. `read` reads the files that it names:
    /// certificates.
    ///
    /// # Errors
    /// If the string is not understood, or a file that it names is of no use.
    pub fn new(
        connection: &SecretBytes,
        user: &str,
        read: impl Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Self, TableError> {
        let address = Address::parse(connection)?;
        let tls = tls::Tls::new(&address, read)?;
        let mut config = Config::new();
        let unix = address.hosts.iter().all(|(host, _)| matches!(host, Host::Folder(_)));
        for (host, port) in &address.hosts {
            match host {
                Host::Name(name) => config.host(name.clone()),
                #[cfg(unix)]
                Host::Folder(path) => config.host_path(path),
                #[cfg(not(unix))]
                Host::Folder(_) => return Err(AddressError::new("sockets need Unix").into()),
            };
            config.port(*port);
        }
        let user = address.user.as_deref().unwrap_or(user);
        config.user(user).dbname(address.database.as_deref().unwrap_or(user));
        if let Some(password) = &address.password {
            config.password(password.expose());
        }
        config.application_name(address.application.as_deref().unwrap_or("sops-rs"));
        if !address.options.is_empty() {
            config.options(address.options.clone());
        }
        let policy = match address.timeout {
            Some(timeout) => CallPolicy::within(timeout.min(CallPolicy::DEADLINE)),
            None => CallPolicy::default(),
        };
        config.connect_timeout(policy.connect());
        config.ssl_mode(match address.encryption {
            // No server speaks TLS on a socket of this machine.
            _ if unix => SslMode::Disable,
            Encryption::None => SslMode::Disable,
            Encryption::IfPossible => SslMode::Prefer,
            Encryption::Demanded | Encryption::Trusted | Encryption::Named => SslMode::Require,
        });
        Ok(Self { config, tls, place: address.place(), policy })
    }

    /// Host and port, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Adds rows: all of them, or none.
    ///
    /// # Errors
    /// If they are not in the table, or nobody said that they are.
    pub async fn insert(&self, rows: &[Row<'_>]) -> Result<(), InsertError> {
        let end = self.policy.end();
        let connected = self.policy.repeat(|| self.connect()).await;
        let (mut client, driver) = connected.map_err(|ended| match ended {
            Ended::Failed(problem) => {
                InsertError::Connect { place: self.place.clone(), problem: *problem }
            }
            Ended::NoAnswer(before) => self.no_answer(before.map(|before| *before)),
        })?;
        let inserted = timeout_at(end, insert(&mut client, rows)).await;
        drop(client);
        // The server likes to be told that this is the end. It matters to nobody else.
        let _ = timeout_at(end, driver).await;
        match inserted {
            Ok(outcome) => outcome.map_err(|error| InsertError::Insert { problem: said(&error) }),
            Err(_) => Err(self.no_answer(None)),
        }
    }

    async fn connect(&self) -> Result<(Client, tokio::task::JoinHandle<()>), Failed<String>> {
        let connected = self.config.connect(self.tls.clone()).await;
        let (client, connection) = connected.map_err(|error| {
            let again = may_pass(&error);
            Failed::new(said(&error), again)
        })?;
        // What goes wrong on the way is told to whoever waits for an answer.
        Ok((client, tokio::spawn(async move { drop(connection.await) })))
    }

    fn no_answer(&self, before: Option<String>) -> InsertError {
        let seconds = self.policy.deadline.max(Duration::from_secs(1)).as_secs();
        let before = before.map(|before| format!("; before that: {before}")).unwrap_or_default();
        InsertError::NoAnswer { place: self.place.clone(), seconds, before }
    }
}

async fn insert(client: &mut Client, rows: &[Row<'_>]) -> Result<(), tokio_postgres::Error> {
    const INSERT: &str = "INSERT INTO audit_event (action, username, file) VALUES ($1, $2, $3)";
    let transaction = client.transaction().await?;
    for row in rows {
        // Of no type, so that the columns decide, as with SOPS. No statement is prepared, which
        // not every proxy in front of a database understands.
        let parameters: [(&(dyn ToSql + Sync), Type); 3] =
            [(&row.action, Type::UNKNOWN), (&row.user, Type::UNKNOWN), (&row.file, Type::UNKNOWN)];
        transaction.query_typed(INSERT, &parameters).await?;
    }
    transaction.commit().await
}

/// Whether connecting again may work: the server is busy or starts, or the network fails.
fn may_pass(error: &tokio_postgres::Error) -> bool {
    if let Some(code) = error.code() {
        return [SqlState::TOO_MANY_CONNECTIONS, SqlState::CANNOT_CONNECT_NOW].contains(code);
    }
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    // That is a certificate that is not trusted, or a name that nobody knows.
    let for_good = [io::ErrorKind::InvalidData, io::ErrorKind::InvalidInput];
    cause.is_some_and(|cause| !for_good.contains(&cause.kind()))
}

/// What went wrong, in words, without anything that a row or a credential could be in.
fn said(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return format!("{} ({})", error.message(), error.code().code());
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let words = next.to_string();
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(words.split(" (os error ").next().unwrap_or(&words));
        }
        cause = next.source();
    }
    text
}

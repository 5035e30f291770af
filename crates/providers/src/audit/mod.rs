//! Where records of the audit log go: files, the log of the system, the table of SOPS in a database.
//!
//! Rules of this module:
//!
//! - Nothing is opened or connected before there is a record.
//! - A record was written when the other side has it: a file is synced, a database has committed.
//! - Errors name places and causes, never credentials.

mod file;
#[cfg(feature = "audit-postgres")]
pub mod postgres;
#[cfg(unix)]
mod syslog;

pub use file::{AuditFile, AuditFileError};
#[cfg(unix)]
pub use syslog::{Syslog, SyslogError, SyslogMessage};

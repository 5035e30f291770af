//! The log of the system, by its socket.

use std::io::{self, Write as _};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sops_core::audit::{Facility, SyslogFormat};
use sops_core::tree::Time;

/// How long the log may take to accept a message.
const WRITE: Duration = Duration::from_secs(10);

/// The log of the system.
#[derive(Clone, Debug)]
pub struct Syslog {
    socket: PathBuf,
    format: SyslogFormat,
    facility: Facility,
}

/// A message.
#[derive(Clone, Copy, Debug)]
pub struct SyslogMessage<'a> {
    /// When.
    pub time: Time,
    /// Where.
    pub host: &'a str,
    /// Which program.
    pub program: &'a str,
    /// Which process of it.
    pub process: u32,
    /// Whether it tells of a success.
    pub success: bool,
    /// The record.
    pub record: &'a str,
}

/// Why the log takes no message.
#[derive(Debug, thiserror::Error)]
#[error("unable to send to {}", .socket.display())]
pub struct SyslogError {
    /// Its socket.
    pub socket: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl Syslog {
    /// The log behind this socket. It is connected with each message.
    pub fn new(socket: impl Into<PathBuf>, format: SyslogFormat, facility: Facility) -> Self {
        Self { socket: socket.into(), format, facility }
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Sends a message. Nobody says whether it was kept.
    ///
    /// # Errors
    /// If nobody takes it.
    pub fn send(&self, message: &SyslogMessage<'_>) -> Result<(), SyslogError> {
        let text = text(self.format, self.facility, message);
        self.deliver(text.as_bytes())
            .map_err(|source| SyslogError { socket: self.socket.clone(), source })
    }

    fn deliver(&self, text: &[u8]) -> io::Result<()> {
        use io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
        let datagrams = UnixDatagram::unbound()?;
        datagrams.set_write_timeout(Some(WRITE))?;
        match datagrams.connect(&self.socket) {
            Ok(()) => datagrams.send(text).map(drop),
            Err(error)
                if matches!(error.kind(), NotFound | ConnectionRefused | PermissionDenied) =>
            {
                Err(error)
            }
            // Some listen for streams, in which a line break ends a message (RFC 6587, 3.4.2).
            Err(_) => {
                let mut stream = UnixStream::connect(&self.socket)?;
                stream.set_write_timeout(Some(WRITE))?;
                stream.write_all(&[text, b"\n"].concat())
            }
        }
    }
}

fn text(format: SyslogFormat, facility: Facility, message: &SyslogMessage<'_>) -> String {
    let SyslogMessage { time, host, program, process, success, record } = message;
    // "Notice", or "warning".
    let priority = facility.priority(if *success { 5 } else { 4 });
    let time = time.to_string();
    match format {
        SyslogFormat::Rfc5424 => {
            let host = if host.is_empty() { "-" } else { host };
            format!("<{priority}>1 {time} {host} {program} {process} audit - {record}")
        }
        SyslogFormat::Rfc3164 => {
            format!("<{priority}>{} {program}[{process}]: {record}", in_words(&time))
        }
    }
}

/// `2023-11-04T22:13:20Z` as `Nov  4 22:13:20`.
fn in_words(time: &str) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let number = |from: usize| time.get(from..from + 2).and_then(|two| two.parse::<usize>().ok());
    let month = number(5).and_then(|month| MONTHS.get(month.checked_sub(1)?)).unwrap_or(&"Jan");
    let (day, clock) = (number(8).unwrap_or(1), time.get(11..19).unwrap_or("00:00:00"));
    format!("{month} {day:>2} {clock}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_heads_of_their_standards() {
        let message = SyslogMessage {
            time: Time::from_unix(1_699_136_000).expect("a time"),
            host: "h",
            program: "sops-rs",
            process: 7,
            success: true,
            record: "{}",
        };
        // 10 × 8 + 5, and with 4 for a failure (RFC 5424, 6.2.1).
        let facility = Facility::default();
        let old = text(SyslogFormat::Rfc3164, facility, &message);
        assert_eq!(old, "<85>Nov  4 22:13:20 sops-rs[7]: {}");
        let failed = SyslogMessage { success: false, ..message };
        let new = text(SyslogFormat::Rfc5424, facility, &failed);
        assert_eq!(new, "<84>1 2023-11-04T22:13:20Z h sops-rs 7 audit - {}");
    }
}

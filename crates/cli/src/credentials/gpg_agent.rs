//! Passphrases by gpg-agent: it keeps them for a while, and asks for those it does not have in a
//! window or at the terminal (format §4.3).
//!
//! Rules of this module:
//!
//! - An agent that runs is used; none is started.
//! - What cannot be had from it is asked for at the terminal, unless the person said no.
//! - A passphrase stays in memory that is wiped, and in no buffer of the library.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Command, Stdio},
};

use zeroize::Zeroizing;

use crate::{env_vars, files};

/// What came of asking the agent.
pub(super) enum Answer {
    /// A passphrase, kept or typed.
    Given(Zeroizing<String>),
    /// The person said no.
    Refused,
    /// No agent runs, or it has nobody to ask.
    Nobody,
}

/// Asks for a passphrase with this name. `wrong`: the last one was, so it is not taken again.
pub(super) fn passphrase(id: &str, what: &str, wrong: bool) -> Answer {
    let Some(mut agent) = Agent::connect() else { return Answer::Nobody };
    let answer = agent.passphrase(id, what, wrong);
    match answer {
        Ok(Reply::Data(bytes)) => match std::str::from_utf8(&bytes) {
            Ok(text) => Answer::Given(Zeroizing::new(text.to_owned())),
            Err(_) => Answer::Nobody,
        },
        Ok(Reply::Refused(code)) if [CANCELLED, FULLY_CANCELLED].contains(&code) => Answer::Refused,
        Ok(Reply::Refused(_)) | Err(_) => Answer::Nobody,
    }
}

/// Takes a passphrase out of what the agent keeps.
pub(super) fn forget(id: &str) {
    if let Some(mut agent) = Agent::connect() {
        // It keeps it for some minutes more then; there is nothing better to do.
        _ = agent.command(&format!("CLEAR_PASSPHRASE {id}"));
    }
}

/// Codes of libgpg-error, without the part of the program that says so.
const CANCELLED: u32 = 99;
const FULLY_CANCELLED: u32 = 198;

/// A connection, in the protocol of libassuan: a line for a command, lines of `D` with data, then
/// a line with `OK` or `ERR`.
struct Agent(UnixStream);

enum Reply {
    Data(Zeroizing<Vec<u8>>),
    Refused(u32),
}

impl Agent {
    fn connect() -> Option<Self> {
        let mut agent = Self(UnixStream::connect(socket()?).ok()?);
        agent.line().ok()?.starts_with(b"OK").then_some(agent)
    }

    fn passphrase(&mut self, id: &str, what: &str, wrong: bool) -> io::Result<Reply> {
        self.tell_where_we_are()?;
        if wrong {
            self.command(&format!("CLEAR_PASSPHRASE {id}"))?;
        }
        let error = if wrong { escaped("That is not it.") } else { "X".to_owned() };
        self.command(&format!("GET_PASSPHRASE --data {id} {error} Passphrase {}", escaped(what)))
    }

    /// The agent may have been started elsewhere: it has to ask where this program runs.
    fn tell_where_we_are(&mut self) -> io::Result<()> {
        let terminal = env_vars::GPG_TTY.non_empty().or_else(|| {
            let path = rustix::termios::ttyname(io::stdin(), Vec::new()).ok()?;
            path.into_string().ok()
        });
        for (option, value) in [
            ("ttyname", terminal),
            ("ttytype", env_vars::TERM.non_empty()),
            ("display", env_vars::DISPLAY.non_empty()),
        ] {
            if let Some(value) = value.filter(|value| !value.contains(['\n', '\r'])) {
                self.command(&format!("OPTION {option}={value}"))?;
            }
        }
        Ok(())
    }

    fn command(&mut self, command: &str) -> io::Result<Reply> {
        self.0.write_all(format!("{command}\n").as_bytes())?;
        let mut data = Zeroizing::new(Vec::with_capacity(1024));
        loop {
            let line = self.line()?;
            if let Some(part) = line.strip_prefix(b"D ") {
                unescape(part, &mut data);
            } else if line.starts_with(b"OK") {
                return Ok(Reply::Data(data));
            } else if let Some(rest) = line.strip_prefix(b"ERR ") {
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
                let code = digits.fold(0_u32, |code, digit| {
                    code.wrapping_mul(10).wrapping_add(u32::from(digit - b'0'))
                });
                return Ok(Reply::Refused(code & 0xffff));
            } else if line.starts_with(b"INQUIRE") {
                self.0.write_all(b"CAN\n")?;
            }
        }
    }

    /// One line without its end; the protocol allows 1,000 bytes. Byte by byte, so that nothing of
    /// a passphrase stays in a buffer.
    fn line(&mut self) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut line = Zeroizing::new(Vec::with_capacity(1024));
        let mut byte = Zeroizing::new([0]);
        loop {
            self.0.read_exact(byte.as_mut())?;
            match byte[0] {
                b'\n' => return Ok(line),
                _ if line.len() == line.capacity() => return Err(io::ErrorKind::InvalidData.into()),
                other => line.push(other),
            }
        }
    }
}

/// Where the agent listens: what `GPG_AGENT_INFO` says, else what gpgconf says.
fn socket() -> Option<PathBuf> {
    if let Some(info) = env_vars::GPG_AGENT_INFO.non_empty() {
        return info.split(':').next().filter(|path| !path.is_empty()).map(PathBuf::from);
    }
    let path = env_vars::PATH.os().unwrap_or_default();
    let gpgconf = files::editor::look_up("gpgconf", &path).ok()?;
    let output = Command::new(gpgconf)
        .args(["--list-dirs", "agent-socket"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let line = String::from_utf8(output.stdout).ok()?;
    Some(line.trim_end()).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// A text as one word: blanks as `+`, and what is no letter or digit as `%XX`.
fn escaped(text: &str) -> String {
    let mut word = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => word.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) => {
                word.push(char::from(byte));
            }
            byte => word.push_str(&format!("%{byte:02X}")),
        }
    }
    word
}

/// The bytes of a line of data; in there only `%`, line ends and such are escaped.
fn unescape(text: &[u8], to: &mut Vec<u8>) {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut rest = text;
    while let [first, others @ ..] = rest {
        rest = others;
        match (first, digit(rest.first()), digit(rest.get(1))) {
            (b'%', Some(high), Some(low)) => {
                to.push((high * 16 + low) as u8);
                rest = &rest[2..];
            }
            _ => to.push(*first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_data_are_escaped_as_the_agent_does() {
        assert_eq!(escaped("of ~/a+b:\n"), "of+%7E%2Fa%2Bb%3A%0A");
        let mut bytes = Vec::new();
        unescape(b"100%25 a+b%0A%zz%4", &mut bytes);
        assert_eq!(bytes, b"100% a+b\n%zz%4");
    }
}

//! `audit.yaml`: where records go. The key `postgres` is that of SOPS; the others are ours, and SOPS
//! passes them over.
//!
//! Rules of this module:
//!
//! - Whatever is not understood is an error: a backend with a mistyped key would be none.
//! - A backend is required unless it says otherwise. Then nothing happens without its record.
//! - No message repeats a value: connection strings hold passwords, and may stand anywhere by
//!   mistake.

use crate::config::ConfigError;
use crate::config::source::{self, Key, Kind, Node};
use crate::crypto::SecretBytes;

/// What the file says.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where records go: to all of them.
    pub backends: Vec<Backend>,
}

/// One place where records go.
#[derive(Clone, Debug)]
pub struct Backend {
    /// The line where it begins, from 1.
    pub line: usize,
    /// Whether nothing happens when it takes no record.
    pub required: bool,
    /// Where that is.
    pub target: Target,
}

/// Where records go.
#[derive(Clone, Debug)]
pub enum Target {
    /// The table of SOPS in a database.
    Postgres {
        /// A URL, or pairs such as `host=db user=sops`; holds a password.
        connection: SecretBytes,
    },
    /// A file of lines that are chained.
    File {
        /// The absolute path.
        path: String,
    },
    /// The log of the system.
    Syslog {
        /// The path of its socket.
        socket: String,
        /// How messages look.
        format: SyslogFormat,
        /// To which part of the log they belong.
        facility: Facility,
    },
}

/// How a message of syslog looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyslogFormat {
    /// As programs of this machine write it since ever (RFC 3164), without a host.
    #[default]
    Rfc3164,
    /// RFC 5424.
    Rfc5424,
}

/// To which part of the log a message belongs (RFC 5424, 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(u8);

impl Default for Facility {
    /// That of messages of security that not everybody reads: `authpriv`.
    fn default() -> Self {
        Self(10)
    }
}

impl Facility {
    fn parse(name: &str) -> Option<Self> {
        let number = match name {
            "user" => 1,
            "daemon" => 3,
            "auth" => 4,
            "authpriv" => 10,
            "audit" => 13,
            _ => {
                let local: u8 = name.strip_prefix("local")?.parse().ok()?;
                return (local < 8).then_some(Self(16 + local));
            }
        };
        Some(Self(number))
    }

    /// The number in front of a message of this facility and severity.
    pub fn priority(self, severity: u8) -> u8 {
        self.0 * 8 + severity
    }
}

/// Why the file cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file is not text.
    #[error("the file is not UTF-8")]
    NotUtf8,
    /// It is not YAML.
    #[error(transparent)]
    Yaml(ConfigError),
    /// Something stands where something else belongs.
    #[error("line {line}: {place}: {problem}")]
    Shape {
        /// The line, from 1.
        line: usize,
        /// Where in the file.
        place: String,
        /// What is wrong.
        problem: String,
    },
}

impl SettingsError {
    /// The line, from 1, if there is one to name.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::NotUtf8 => None,
            Self::Yaml(ConfigError::Yaml { line, .. } | ConfigError::TooLarge { line }) => {
                Some(*line)
            }
            Self::Yaml(_) => None,
            Self::Shape { line, .. } => Some(*line),
        }
    }
}

fn shape(line: usize, place: &str, problem: impl Into<String>) -> SettingsError {
    SettingsError::Shape { line, place: place.to_owned(), problem: problem.into() }
}

impl Settings {
    /// Reads the file.
    ///
    /// # Errors
    /// If there is anything in it that is not understood.
    pub fn parse(text: &[u8]) -> Result<Self, SettingsError> {
        let text = std::str::from_utf8(text).map_err(|_| SettingsError::NotUtf8)?;
        let source = source::read(text).map_err(SettingsError::Yaml)?;
        if let Some(line) = source.second_document {
            return Err(shape(line, "the file", "there is a second document"));
        }
        let mut backends = Vec::new();
        for (key, node) in mapping(&source.root, "the file")? {
            demand(key, "the file", &["backends"])?;
            for (key, node) in mapping(node, "backends")? {
                demand(key, "backends", &["postgres", "file", "syslog"])?;
                for (at, item) in list(node, &format!("backends.{}", key.text))? {
                    let place = format!("backends.{}[{at}]", key.text);
                    backends.push(backend(&key.text, item, &place)?);
                }
            }
        }
        backends.sort_by_key(|backend| backend.line);
        Ok(Self { backends })
    }
}

fn backend(kind: &str, node: &Node, place: &str) -> Result<Backend, SettingsError> {
    let known: &[&str] = match kind {
        "postgres" => &["connection_string", "required"],
        "file" => &["path", "required"],
        _ => &["socket", "format", "facility", "required"],
    };
    let entries = mapping(node, place)?;
    for (key, _) in entries {
        demand(key, place, known)?;
    }
    let find = |name: &str| {
        let mut found = entries.iter().filter(|(key, _)| key.text == name);
        let first = found.next();
        match found.next() {
            Some((key, _)) => Err(shape(key.line, place, format!("{name} stands there twice"))),
            None => Ok(first.map(|(_, node)| node)),
        }
    };
    let text = |name: &str| {
        let Some(node) = find(name)? else { return Ok(None) };
        let text = node.text().filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| {
            shape(node.line, place, format!("{name} is {}, expected text", node.what()))
        })?;
        Ok(Some((text, node.line)))
    };
    let absolute = |name: &str, usual: Option<&str>| {
        let Some((path, line)) = text(name)? else {
            let missing = || shape(node.line, place, format!("{name} is missing"));
            return usual.map(str::to_owned).ok_or_else(missing);
        };
        match path.starts_with('/') {
            true => Ok(path.to_owned()),
            false => Err(shape(line, place, format!("{name} has to be a path from the root"))),
        }
    };
    let required = match find("required")? {
        None => true,
        Some(node) => node.bool().ok_or_else(|| {
            let problem = format!("required is {}, expected true or false", node.what());
            shape(node.line, place, problem)
        })?,
    };
    let target = match kind {
        "postgres" => match text("connection_string")? {
            Some((text, _)) => Target::Postgres { connection: SecretBytes::from(text.to_owned()) },
            None => return Err(shape(node.line, place, "connection_string is missing")),
        },
        "file" => Target::File { path: absolute("path", None)? },
        _ => Target::Syslog {
            socket: absolute("socket", Some("/dev/log"))?,
            format: match text("format")? {
                None | Some(("rfc3164", _)) => SyslogFormat::Rfc3164,
                Some(("rfc5424", _)) => SyslogFormat::Rfc5424,
                Some((_, line)) => {
                    return Err(shape(line, place, "format is rfc3164 or rfc5424"));
                }
            },
            facility: match text("facility")? {
                None => Facility::default(),
                Some((name, line)) => Facility::parse(name).ok_or_else(|| {
                    let names = "user, daemon, auth, authpriv, audit or local0 to local7";
                    shape(line, place, format!("facility is {names}"))
                })?,
            },
        },
    };
    Ok(Backend { line: node.line, required, target })
}

/// The entries of a mapping; nothing is an empty one.
fn mapping<'n>(node: &'n Node, place: &str) -> Result<&'n [(Key, Node)], SettingsError> {
    match &node.kind {
        Kind::Map(entries) => Ok(entries),
        _ if node.is_null() => Ok(&[]),
        _ => Err(shape(node.line, place, format!("this is {}, expected a mapping", node.what()))),
    }
}

/// The items of a list, with their positions from 0; nothing is an empty one.
fn list<'n>(
    node: &'n Node,
    place: &str,
) -> Result<impl Iterator<Item = (usize, &'n Node)>, SettingsError> {
    match &node.kind {
        Kind::List(items) => Ok(items.iter().enumerate()),
        _ if node.is_null() => Ok([].iter().enumerate()),
        _ => Err(shape(node.line, place, format!("this is {}, expected a list", node.what()))),
    }
}

fn demand(key: &Key, place: &str, known: &[&str]) -> Result<(), SettingsError> {
    if known.contains(&key.text.as_str()) {
        return Ok(());
    }
    // What looks like a name is one; anything else may be a value in the wrong place.
    let is_name = |text: &str| {
        text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
    };
    let name = if is_name(&key.text) { format!(" {:?}", key.text) } else { String::new() };
    let problem = format!("unknown key{name}; known are {}", known.join(", "));
    Err(shape(key.line, place, problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "\
backends:
  postgres:
    - connection_string: postgres://sops:hunter2@db/audit
  file:
    - path: /var/log/sops/audit.jsonl
      required: no
  syslog:
    - facility: local3
      format: rfc5424
    - socket: /run/log
";

    #[test]
    fn backends_are_required_unless_they_say_otherwise() {
        let settings = Settings::parse(WHOLE.as_bytes()).unwrap();
        let [postgres, file, syslog, other] = settings.backends.as_slice() else { panic!() };
        assert!(postgres.required && !file.required && syslog.required && other.required);
        assert_eq!((postgres.line, file.line, syslog.line), (3, 5, 8));
        assert!(matches!(&postgres.target, Target::Postgres { connection }
            if connection.expose() == b"postgres://sops:hunter2@db/audit"));
        assert!(matches!(&file.target, Target::File { path } if path.ends_with("audit.jsonl")));
        let Target::Syslog { socket, format, facility } = &syslog.target else { panic!() };
        assert_eq!((socket.as_str(), *format), ("/dev/log", SyslogFormat::Rfc5424));
        // RFC 5424: local3 is 19, and 5 is "notice".
        assert_eq!(facility.priority(5), 157);
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn a_file_without_backends_asks_for_nothing() {
        for text in ["", "backends:\n", "backends: {}\n", "backends: {postgres: []}\n"] {
            assert!(Settings::parse(text.as_bytes()).unwrap().backends.is_empty(), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error_with_its_line() {
        for (text, line, words) in [
            ("backend: {}\n", 1, "\"backend\""),
            ("backends:\n  postgress: []\n", 2, "\"postgress\""),
            ("backends:\n  file:\n  - path: /a\n    requird: true\n", 4, "\"requird\""),
            ("backends:\n  file:\n  - path: a\n", 3, "root"),
            ("backends:\n  file:\n  - {}\n", 3, "path is missing"),
            ("backends:\n  file:\n  - path: /a\n    required: maybe\n", 4, "required is text"),
            ("backends:\n  file:\n  - path: /a\n    path: /b\n", 4, "twice"),
            ("backends:\n  file: /a\n", 2, "a list"),
            ("backends:\n- file\n", 2, "a mapping"),
            ("backends:\n  postgres:\n  - connection_string:\n", 3, "connection_string is nothing"),
            ("backends:\n  syslog:\n  - format: json\n", 3, "rfc3164"),
            ("backends:\n  syslog:\n  - facility: local8\n", 3, "local7"),
            ("backends: {}\n---\nx: 1\n", 2, "second"),
            ("backends: [\n", 1, "bracket"),
        ] {
            let error = Settings::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.line(), Some(line), "{text}: {error}");
            assert!(error.to_string().contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn no_message_repeats_a_value() {
        for text in [
            "backends:\n  postgres: postgres://u:hunter2@h/d\n",
            "backends:\n  postgres:\n  - postgres://u:hunter2@h/d\n",
            "backends:\n  postgres:\n  - postgres://u:hunter2@h/d: x\n",
            "postgres://u:hunter2@h/d\n",
            "backends:\n  postgres:\n  - connection_string: [postgres://u:hunter2@h/d]\n",
        ] {
            let error = Settings::parse(text.as_bytes()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
}

//! Connection strings of PostgreSQL, as the library of SOPS takes them: `postgres://…` or
//! `host=… user=…`.
//!
//! Rules of this module:
//!
//! - What is left out is what PostgreSQL takes for it. Unlike there, no variable is read for it: who
//!   is audited does not say where the records go.
//! - TLS is demanded unless `sslmode` says otherwise, and the certificate of the server is checked
//!   where it says so, or where an authority is named.
//! - What is no parameter of a connection is a setting of the session, and the server judges it.
//! - Errors repeat nothing of the string.

use std::path::PathBuf;
use std::time::Duration;

use sops_core::crypto::SecretBytes;

/// What a connection string says.
pub(super) struct Address {
    /// Where the server may be, in the order in which it is looked for; never empty.
    pub(super) hosts: Vec<(Host, u16)>,
    pub(super) user: Option<String>,
    pub(super) password: Option<SecretBytes>,
    pub(super) database: Option<String>,
    pub(super) encryption: Encryption,
    /// Certificates of authorities; `system` for those of the system.
    pub(super) authority: Option<String>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) timeout: Option<Duration>,
    pub(super) application: Option<String>,
    /// Settings of the session, as arguments of the server.
    pub(super) options: String,
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Name(String),
    /// The folder of its socket.
    Folder(PathBuf),
}

/// `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// `disable`
    None,
    /// `allow`, `prefer`
    IfPossible,
    /// `require`: with whoever answers.
    Demanded,
    /// `verify-ca`: with somebody whose certificate is trusted.
    Trusted,
    /// `verify-full`: with somebody whose certificate is trusted and has the name of the host.
    Named,
}

/// Why a connection string is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection string is not understood: {problem}")]
pub struct AddressError {
    problem: &'static str,
}

impl AddressError {
    pub(super) fn new(problem: &'static str) -> Self {
        Self { problem }
    }
}

fn refused<T>(problem: &'static str) -> Result<T, AddressError> {
    Err(AddressError::new(problem))
}

/// Pairs as they stand there, before anybody knows what they mean.
type Pairs = Vec<(String, String)>;

const PORT: u16 = 5432;

impl Address {
    pub(super) fn parse(connection: &SecretBytes) -> Result<Self, AddressError> {
        let Some(text) = connection.expose_str().map(str::trim) else {
            return refused("it is no text");
        };
        let scheme = ["postgres://", "postgresql://"];
        let url = scheme.iter().find_map(|scheme| text.strip_prefix(scheme));
        let pairs = match url {
            Some(rest) => of_url(rest)?,
            None => of_words(text)?,
        };
        Self::of(pairs)
    }

    fn of(pairs: Pairs) -> Result<Self, AddressError> {
        let (mut hosts, mut ports) = (String::new(), String::new());
        let (mut mode, mut session) = (None, Pairs::new());
        let mut address = Self {
            hosts: Vec::new(),
            user: None,
            password: None,
            database: None,
            encryption: Encryption::Demanded,
            authority: None,
            certificate: None,
            key: None,
            timeout: None,
            application: None,
            options: String::new(),
        };
        for (name, value) in pairs {
            let given = || Some(value.clone()).filter(|value| !value.is_empty());
            match name.as_str() {
                "host" => hosts = value,
                "port" => ports = value,
                "user" => address.user = given(),
                "password" => address.password = given().map(SecretBytes::from),
                "dbname" | "database" => address.database = given(),
                "sslmode" => mode = Some(value),
                "sslrootcert" => address.authority = given(),
                "sslcert" => address.certificate = given().map(PathBuf::from),
                "sslkey" => address.key = given().map(PathBuf::from),
                "application_name" => address.application = given(),
                "fallback_application_name" => {
                    address.application = address.application.or_else(given);
                }
                "connect_timeout" => {
                    let Ok(seconds) = value.parse::<u64>() else {
                        return refused("connect_timeout is no number of seconds");
                    };
                    address.timeout = Some(Duration::from_secs(seconds)).filter(|t| !t.is_zero());
                }
                "options" => address.options.push_str(&value),
                // All texts are UTF-8 on both ends.
                "client_encoding" => {}
                "hostaddr"
                | "service"
                | "servicefile"
                | "passfile"
                | "sslcrl"
                | "krbsrvname"
                | "krbspn"
                | "sslinline"
                | "sslnegotiation"
                | "target_session_attrs"
                | "load_balance_hosts" => {
                    return refused(
                        "it has a parameter that is not served (known are host, port, user, \
                         password, dbname, sslmode, sslrootcert, sslcert, sslkey, \
                         connect_timeout, application_name, options and settings of sessions)",
                    );
                }
                _ => session.push((name, value)),
            }
        }
        address.hosts = places(&hosts, &ports)?;
        address.encryption = encryption(mode.as_deref(), address.authority.as_deref())?;
        if address.certificate.is_some() != address.key.is_some() {
            return refused("sslcert and sslkey belong together");
        }
        for (name, value) in session {
            if !address.options.is_empty() {
                address.options.push(' ');
            }
            address.options.push_str(&format!("-c {}={}", escaped(&name), escaped(&value)));
        }
        Ok(address)
    }

    /// Where the server is, for messages.
    pub(super) fn place(&self) -> String {
        let places = self.hosts.iter().map(|(host, port)| match host {
            Host::Name(name) => format!("{name}:{port}"),
            Host::Folder(path) => format!("{}/.s.PGSQL.{port}", path.display()),
        });
        places.collect::<Vec<_>>().join(", ")
    }
}

/// Hosts with their ports. One port is for all of them.
fn places(hosts: &str, ports: &str) -> Result<Vec<(Host, u16)>, AddressError> {
    let ports: Vec<&str> = ports.split(',').map(str::trim).collect();
    let hosts: Vec<&str> = hosts.split(',').map(str::trim).collect();
    if ports.len() > 1 && ports.len() != hosts.len() {
        return refused("there are not as many ports as hosts");
    }
    let all = hosts.iter().enumerate().map(|(at, host)| {
        let port = ports.get(at).or(ports.first()).copied().unwrap_or_default();
        let Ok(port) = (if port.is_empty() { Ok(PORT) } else { port.parse() }) else {
            return refused("the port is no number of a port");
        };
        let host = match *host {
            "" => Host::Name("localhost".to_owned()),
            path if path.starts_with('/') => Host::Folder(path.into()),
            name => Host::Name(name.to_owned()),
        };
        Ok((host, port))
    });
    all.collect()
}

fn encryption(mode: Option<&str>, authority: Option<&str>) -> Result<Encryption, AddressError> {
    Ok(match mode.unwrap_or_default() {
        "disable" => Encryption::None,
        "allow" | "prefer" => Encryption::IfPossible,
        // What the system trusts is trusted under its own name only.
        "require" | "" | "verify-ca" if authority == Some("system") => Encryption::Named,
        // As PostgreSQL does, so that an authority is not named in vain.
        "require" | "" if authority.is_some() => Encryption::Trusted,
        "require" | "" => Encryption::Demanded,
        "verify-ca" => Encryption::Trusted,
        "verify-full" => Encryption::Named,
        _ => {
            return refused("sslmode is disable, allow, prefer, require, verify-ca or verify-full");
        }
    })
}

/// `user:password@host:port,host:port/database?name=value&…`
fn of_url(rest: &str) -> Result<Pairs, AddressError> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (person, places) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = person.split_once(':').unwrap_or((person, ""));
    let mut pairs = Pairs::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            pairs.push((name.to_owned(), value));
        }
    };
    add("user", decoded(user, false)?);
    add("password", decoded(password, false)?);
    add("dbname", decoded(database, false)?);
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for place in places.split(',') {
        // An IPv6 address stands in brackets.
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, ""),
            Some((host, port)) => match port.strip_prefix(':') {
                Some(port) => (host, port),
                None => return refused("there is something between the host and its port"),
            },
            None => place.rsplit_once(':').unwrap_or((place, "")),
        };
        hosts.push(decoded(host, false)?);
        ports.push(port);
    }
    if hosts.iter().any(|host| !host.is_empty()) {
        add("host", hosts.join(","));
    }
    if ports.iter().any(|port| !port.is_empty()) {
        add("port", ports.join(","));
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((decoded(name, true)?, decoded(value, true)?));
    }
    Ok(pairs)
}

/// Takes `%20` apart, and in a query `+`, too.
fn decoded(text: &str, query: bool) -> Result<String, AddressError> {
    let (mut bytes, mut out) = (text.bytes(), Vec::with_capacity(text.len()));
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' if query => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let byte = digit().and_then(|high| Some(high * 16 + digit()?));
                match byte.and_then(|byte| u8::try_from(byte).ok()) {
                    Some(byte) => byte,
                    None => return refused("there is a % without two digits behind it"),
                }
            }
            byte => byte,
        });
    }
    String::from_utf8(out).or_else(|_| refused("it is no text"))
}

/// `name = value name = 'a value'`, with backslashes before what is meant as it is.
fn of_words(text: &str) -> Result<Pairs, AddressError> {
    let mut letters = text.chars().peekable();
    let mut pairs = Pairs::new();
    loop {
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        if letters.peek().is_none() {
            return Ok(pairs);
        }
        let mut name = String::new();
        while let Some(letter) = letters.next_if(|l| !l.is_whitespace() && *l != '=') {
            name.push(letter);
        }
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        if letters.next() != Some('=') || name.is_empty() {
            return refused("it is neither a URL nor made of pairs such as host=…");
        }
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        let quoted = letters.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        loop {
            match letters.next() {
                Some('\\') => match letters.next() {
                    Some(letter) => value.push(letter),
                    None => return refused("it ends with a backslash"),
                },
                Some('\'') if quoted => break,
                Some(letter) if !quoted && letter.is_whitespace() => break,
                Some(letter) => value.push(letter),
                None if quoted => return refused("a quote is not closed"),
                None => break,
            }
        }
        pairs.push((name, value));
    }
}

/// A word in the arguments of the server.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_whitespace() || letter == '\\' {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Address, AddressError> {
        Address::parse(&SecretBytes::from(text))
    }

    fn password(address: &Address) -> Option<&str> {
        address.password.as_ref().and_then(SecretBytes::expose_str)
    }

    #[test]
    fn urls_and_pairs_say_the_same() {
        for text in [
            "postgres://so%70s:p%40ss%3Aw@db.example.com:5433/aud?sslmode=disable",
            "postgresql://sops:p%40ss%3Aw@db.example.com/aud?port=5433&sslmode=disable",
            "host=db.example.com port=5433 user=sops password=p@ss:w dbname=aud sslmode=disable",
            " user = 'sops'  password='p@\\ss:w' host=db.example.com\tport='5433' dbname=aud \
             sslmode=disable ",
        ] {
            let address = read(text).expect(text);
            assert_eq!(address.hosts, [(Host::Name("db.example.com".into()), 5433)], "{text}");
            assert_eq!(address.user.as_deref(), Some("sops"), "{text}");
            assert_eq!(password(&address), Some("p@ss:w"), "{text}");
            assert_eq!(address.database.as_deref(), Some("aud"), "{text}");
            assert_eq!(address.encryption, Encryption::None, "{text}");
            assert_eq!(address.place(), "db.example.com:5433");
        }
    }

    #[test]
    fn what_is_left_out_is_usual() {
        let address = read("postgres://").expect("an address");
        assert_eq!(address.hosts, [(Host::Name("localhost".into()), 5432)]);
        assert_eq!((address.user, address.database), (None, None));
        // CLI §10: the library of SOPS demands TLS.
        assert_eq!(address.encryption, Encryption::Demanded);
    }

    #[test]
    fn several_hosts_and_sockets_are_understood() {
        let address = read("postgres://u@a:1,[::1]:2,c/d").expect("an address");
        let places = [("a", 1), ("::1", 2), ("c", 5432)];
        assert_eq!(address.hosts, places.map(|(host, port)| (Host::Name(host.into()), port)));
        let address = read("host=/run/postgresql user=u").expect("an address");
        assert_eq!(address.hosts, [(Host::Folder("/run/postgresql".into()), 5432)]);
        let address = read("host=a,b port=7").expect("an address");
        assert_eq!(address.place(), "a:7, b:7");
        assert!(read("host=a,b,c port=1,2").is_err());
    }

    #[test]
    fn an_authority_is_not_named_in_vain() {
        let mode = |text: &str| read(&format!("host=h {text}")).map(|address| address.encryption);
        assert_eq!(mode("sslmode=require"), Ok(Encryption::Demanded));
        assert_eq!(mode("sslmode=require sslrootcert=/ca.pem"), Ok(Encryption::Trusted));
        assert_eq!(mode("sslrootcert=system"), Ok(Encryption::Named));
        assert_eq!(mode("sslmode=verify-full"), Ok(Encryption::Named));
        assert_eq!(mode("sslmode=prefer"), Ok(Encryption::IfPossible));
        assert!(mode("sslmode=verify_full").is_err());
        assert!(mode("sslcert=/c").is_err());
    }

    #[test]
    fn settings_of_the_session_become_arguments() {
        let url = "postgres://h/d?search_path=a%2C+b&options=-c%20x%3D1";
        assert_eq!(read(url).expect("an address").options, "-c x=1 -c search_path=a,\\ b");
    }

    #[test]
    fn no_error_repeats_the_string() {
        for text in [
            "hunter2",
            "postgres://u:hunter2@h:hunter2/d",
            "postgres://u:hunter2%@h/d",
            "password='hunter2",
            "password=hunter2 port=hunter2",
            "password=hunter2 sslmode=hunter2",
            "password=hunter2 passfile=hunter2",
            "password=hunter2 connect_timeout=hunter2",
        ] {
            let error = read(text).err().expect(text);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
}

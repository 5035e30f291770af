//! Where a key service listens.

/// The address of a key service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// `tcp` or `unix`, as errors name it.
    pub(super) network: &'static str,
    /// `HOST:PORT`, or a path.
    pub(super) place: String,
    /// Whether it speaks TLS.
    pub(super) tls: bool,
}

impl Address {
    /// Reads `tcp://HOST:PORT` (also `tcp4`, `tcp6`), `tls://HOST:PORT` or `unix:///PATH`.
    ///
    /// # Errors
    /// A clause that says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
        match scheme {
            "unix" => {
                let path = match rest.strip_prefix("//") {
                    Some(path) if path.starts_with('/') => path,
                    None if !rest.is_empty() => rest,
                    _ => return Err(format!("{text} has no path; write unix:///PATH")),
                };
                Ok(Self { network: "unix", place: path.to_owned(), tls: false })
            }
            "tcp" | "tcp4" | "tcp6" | "tls" => {
                let place = rest.strip_prefix("//").unwrap_or(rest).trim_end_matches('/');
                let port = place.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>()));
                if !matches!(port, Some((host, Ok(_))) if !host.contains(['/', '@', '?', '#'])) {
                    return Err(format!("{text} has no port; write {scheme}://HOST:PORT"));
                }
                // As for every program that dials: no host is this machine.
                let place = match place.starts_with(':') {
                    true => format!("localhost{place}"),
                    false => place.to_owned(),
                };
                Ok(Self { network: "tcp", place, tls: scheme == "tls" })
            }
            _ => Err(format!(
                "{text} is no address of a key service; write tcp://HOST:PORT, tls://HOST:PORT or \
                 unix:///PATH"
            )),
        }
    }

    /// As the library for gRPC takes it.
    pub(super) fn uri(&self) -> String {
        match (self.network, self.tls) {
            ("unix", _) => format!("unix:{}", self.place),
            (_, true) => format!("https://{}", self.place),
            (_, false) => format!("http://{}", self.place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_go_dials_them() {
        for (text, network, place, tls) in [
            ("tcp://127.0.0.1:5000", "tcp", "127.0.0.1:5000", false),
            ("tcp4://host:1", "tcp", "host:1", false),
            ("tcp://[::1]:5000", "tcp", "[::1]:5000", false),
            ("tcp://:5000", "tcp", "localhost:5000", false),
            ("tls://keys.example.com:5000", "tcp", "keys.example.com:5000", true),
            ("unix:///run/s.sock", "unix", "/run/s.sock", false),
            ("unix:s.sock", "unix", "s.sock", false),
        ] {
            let address = Address { network, place: place.into(), tls };
            assert_eq!(Address::parse(text), Ok(address), "{text}");
        }
        for text in [
            "",
            "::bad",
            "http://x",
            "tcp://host",
            "tcp://u@h/x:1",
            "unix://",
            "unix://a/b",
            "tcp://h:x",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}

//! The way to services that are not next door.

/// A proxy for calls by `https`; what is asked by plain `http`, which is next door, goes past it.
#[derive(Clone)]
pub struct Proxy {
    /// Its address: `http://gateway.example.com:3128`, with user and password in it if it wants them.
    /// Without a scheme it is `http`.
    pub address: String,
    /// Hosts that are asked without it, separated by commas.
    pub except: Option<String>,
}

impl std::fmt::Debug for Proxy {
    /// The address may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("except", &self.except).finish_non_exhaustive()
    }
}

impl Proxy {
    /// The same for services that may run on this machine: what is asked there goes past a proxy
    /// that was set for all programs, as with other programs.
    #[must_use]
    pub fn beyond_this_machine(self) -> Self {
        const HERE: &str = "localhost,127.0.0.0/8,::1";
        let except = match self.except {
            None => HERE.to_owned(),
            Some(except) => format!("{except},{HERE}"),
        };
        Self { except: Some(except), ..self }
    }

    /// Its address with a scheme.
    #[allow(dead_code, reason = "which services use it depends on the features")]
    pub(crate) fn url(&self) -> String {
        match self.address.contains("://") {
            true => self.address.clone(),
            false => format!("http://{}", self.address),
        }
    }
}

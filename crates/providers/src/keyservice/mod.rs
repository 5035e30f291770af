//! Keys that another program uses for this one (CLI §3.10): the key service, client and server.
//!
//! Rules of this module:
//!
//! - Nothing is connected before a key has to be asked.
//! - A call ends within its deadline, the connection included.
//! - What a service returns is not believed blindly: a wrapped key has to look like one of its
//!   kind, since a file that holds nothing else is lost.
//! - Texts of a service become one line without control characters.

mod address;
mod errors;
#[cfg(feature = "keyservice-server")]
mod server;
mod wire;

use std::mem;
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sops_core::crypto::{KeyPart, SecretBytes};
use sops_core::keys::{Attempt, KeyKind, KeyProvider, MasterKey, ProviderError, Reach, Refusal};
use tokio::sync::OnceCell;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Response, Status};

use crate::call::CallPolicy;
use crate::words::causes;
use address::Address;
#[cfg(feature = "keyservice-server")]
pub use server::{
    Asked, Doorkeeper, KeyServer, Listener, Operation, Outcome, Peer, ServeError, ServerTls,
};
use wire::{DecryptRequest, EncryptRequest, KeyServiceClient};

/// The longest message that is read, in bytes. Data keys and what wraps them have a few thousand.
const LONGEST: usize = 1 << 20;

/// How a key service is reached.
#[derive(Clone, Debug)]
pub struct RemoteSettings {
    /// How long one call may take, the connection included, and how often it is tried. A minute:
    /// somebody may be asked there whether the key may be used.
    pub policy: CallPolicy,
    /// For addresses that begin with `tls`.
    pub tls: RemoteTls,
}

impl Default for RemoteSettings {
    fn default() -> Self {
        Self { policy: CallPolicy::within(Duration::from_secs(60)), tls: RemoteTls::default() }
    }
}

/// Who is trusted to be a key service, and who we are.
#[derive(Clone, Default)]
pub struct RemoteTls {
    /// Certificates to trust, as PEM. Those of the system, unless given.
    pub authorities: Option<Vec<u8>>,
    /// Our own certificate and its private key, as PEM.
    pub identity: Option<(Vec<u8>, SecretBytes)>,
}

impl std::fmt::Debug for RemoteTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteTls").finish_non_exhaustive()
    }
}

/// Wraps and opens by asking a key service. It is asked about keys of every kind: which of them it
/// can use is known there.
pub struct RemoteKeyService {
    name: String,
    read: Box<dyn Fn() -> Result<RemoteSettings, String> + Send + Sync>,
    settings: OnceLock<Result<RemoteSettings, String>>,
    channel: OnceCell<Channel>,
}

impl RemoteKeyService {
    /// A key service at `tcp://HOST:PORT`, `tls://HOST:PORT` or `unix:///PATH`. An address that
    /// makes no sense is told when a key has to be asked.
    pub fn new(address: impl Into<String>, settings: RemoteSettings) -> Self {
        Self::reading(address, move || Ok(settings.clone()))
    }

    /// The same, with settings that are read when a key is asked for the first time. Their error,
    /// one line, is that of the key then.
    pub fn reading(
        address: impl Into<String>,
        settings: impl Fn() -> Result<RemoteSettings, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: address.into(),
            read: Box::new(settings),
            settings: OnceLock::new(),
            channel: OnceCell::new(),
        }
    }

    fn settings(&self, key: &MasterKey) -> Result<&RemoteSettings, ProviderError> {
        let settings = self.settings.get_or_init(|| (self.read)()).as_ref();
        settings.map_err(|text| errors::told(key, &self.name, Refusal::BadSetting, text))
    }

    async fn channel(
        &self,
        key: &MasterKey,
        settings: &RemoteSettings,
    ) -> Result<Channel, ProviderError> {
        let bad = |text: &str| errors::told(key, &self.name, Refusal::BadSetting, text);
        let address = Address::parse(&self.name).map_err(|text| bad(&text))?;
        let made = self.channel.get_or_try_init(|| async {
            let endpoint = Endpoint::from_shared(address.uri())
                .map_err(|_| bad("this is no address"))?
                .connect_timeout(settings.policy.connect());
            let endpoint = match address.tls {
                true => endpoint.tls_config(client_tls(&settings.tls)).map_err(|error| {
                    bad(&format!("the certificates cannot be used: {}", causes(&error)))
                })?,
                false => endpoint,
            };
            let connected = endpoint.connect().await;
            connected.map_err(|error| errors::not_connected(key, &self.name, &address, &error))
        });
        made.await.cloned()
    }

    /// Makes one call. What is sent is wrapped or opened anew by each attempt, which changes nothing
    /// there.
    async fn call<T, C>(
        &self,
        key: &MasterKey,
        call: impl Fn(KeyServiceClient<Channel>) -> C,
    ) -> Result<T, ProviderError>
    where
        C: Future<Output = Result<Response<T>, Status>>,
    {
        let settings = self.settings(key)?;
        let attempt = || async {
            let channel = self.channel(key, settings).await?;
            let client = KeyServiceClient::new(channel).max_decoding_message_size(LONGEST);
            let answer = call(client).await;
            let answer = answer.map_err(|status| errors::answered(key, &self.name, &status))?;
            Ok(answer.into_inner())
        };
        let result = settings.policy.call(key, "the key service", attempt).await;
        result.map_err(|error| ProviderError { via: Some(self.name.as_str().into()), ..error })
    }
}

#[async_trait::async_trait]
impl KeyProvider for RemoteKeyService {
    fn reach(&self, _: &MasterKey) -> Reach {
        Reach::Remote
    }

    async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
        let request = || {
            let plaintext = part.expose().to_vec();
            Request::new(EncryptRequest { key: Some(wire::to_wire(key)), plaintext })
        };
        let answer = self.call(key, |mut client| {
            let request = request();
            async move { client.encrypt(request).await }
        });
        let enc = String::from_utf8(answer.await?.ciphertext).ok();
        enc.filter(|enc| looks_wrapped(key.kind(), enc, part.len())).ok_or_else(|| {
            let text = "it did not answer with a wrapped key of this kind";
            errors::told(key, &self.name, Refusal::Malformed, text)
        })
    }

    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
        let request = || {
            let ciphertext = enc.as_bytes().to_vec();
            Request::new(DecryptRequest { key: Some(wire::to_wire(key)), ciphertext })
        };
        let answer = self.call(key, |mut client| {
            let request = request();
            async move { client.decrypt(request).await }
        });
        match answer.await {
            Ok(mut answer) => Attempt::Opened(KeyPart::new(mem::take(&mut answer.plaintext))),
            Err(error) => Attempt::Failed(error),
        }
    }
}

impl std::fmt::Debug for RemoteKeyService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteKeyService").field("name", &self.name).finish_non_exhaustive()
    }
}

fn client_tls(given: &RemoteTls) -> ClientTlsConfig {
    let config = match &given.authorities {
        Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    match &given.identity {
        Some((pem, key)) => config.identity(Identity::from_pem(pem, key.expose())),
        None => config,
    }
}

/// Whether a text can be what a key of this kind wraps that many bytes to (format §4, `enc`).
fn looks_wrapped(kind: KeyKind, enc: &str, plain: usize) -> bool {
    let text = enc.trim();
    let armored = |title: &str| {
        text.starts_with(&format!("-----BEGIN {title}-----"))
            && text.ends_with(&format!("-----END {title}-----"))
    };
    let longer = |bytes: Option<Vec<u8>>| bytes.is_some_and(|bytes| bytes.len() > plain);
    match kind {
        KeyKind::Age => armored("AGE ENCRYPTED FILE"),
        KeyKind::Pgp => armored("PGP MESSAGE"),
        KeyKind::HcVault => text.starts_with("vault:v") && text.len() > plain,
        KeyKind::AzureKv => longer(URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()),
        // Stored as the service wrote it, whatever that is; the base64 of the key would be shorter.
        KeyKind::HuaweiKms => text.len() > plain.div_ceil(3) * 4,
        KeyKind::AwsKms | KeyKind::GcpKms => longer(STANDARD.decode(text).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_wrapped_key_is_told_apart() {
        let age = "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n";
        let base64 = STANDARD.encode([1; 60]);
        for (kind, enc, fits) in [
            (KeyKind::Age, age, true),
            (KeyKind::Age, "abc", false),
            (KeyKind::Age, &age[..40], false),
            (KeyKind::Pgp, age, false),
            (KeyKind::AwsKms, base64.as_str(), true),
            (KeyKind::AwsKms, "abc", false),
            // The key itself, not wrapped.
            (KeyKind::AwsKms, &STANDARD.encode([7; 32]), false),
            (KeyKind::HcVault, "vault:v1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", true),
            (KeyKind::HcVault, "vault", false),
            (KeyKind::AzureKv, &URL_SAFE_NO_PAD.encode([0xff; 256]), true),
            (KeyKind::GcpKms, "", false),
            (KeyKind::HuaweiKms, &"w".repeat(80), true),
            (KeyKind::HuaweiKms, &STANDARD.encode([7; 32]), false),
        ] {
            assert_eq!(looks_wrapped(kind, enc, 32), fits, "{kind} {enc}");
        }
    }

    #[test]
    fn settings_show_no_secret() {
        let identity = Some((b"cert".to_vec(), SecretBytes::from("hunter2")));
        let tls = RemoteTls { authorities: None, identity };
        let settings = RemoteSettings { tls, ..RemoteSettings::default() };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}

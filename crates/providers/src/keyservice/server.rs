//! The other end: uses keys for whoever asks.
//!
//! Rules of this module:
//!
//! - The [`Doorkeeper`] is asked before a key is used, and told what came of it before the answer
//!   goes out. What it does not let in, and what it cannot write down, is not answered.
//! - A request without a key, or with a key of no kind that is known, is `NOT_FOUND` (CLI §3.10).
//! - A key that cannot be used is `UNKNOWN` with a text; the text repeats no secret.
//! - Requests are answered side by side: a key that takes a program or much computing is used on a
//!   thread of its own. What may ask a person is used one after the other.

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use sops_core::crypto::{KeyPart, SecretBytes};
use sops_core::keys::{Attempt, KeyProvider, MasterKey, Reach};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Semaphore, oneshot};
use tokio_stream::wrappers::TcpListenerStream;
#[cfg(unix)]
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::server::ServerTlsConfig;
use tonic::transport::{Certificate, Identity, Server};
use tonic::{Request, Response, Status};

use super::LONGEST;
use super::wire::key_service_server::{KeyService, KeyServiceServer};
use super::wire::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, Key, from_wire,
};

/// Who is silent for this long is asked whether anybody is there, and gone if nobody says so
/// within the same time.
const ALIVE: Duration = Duration::from_secs(60);

/// How many keys are used at once on this machine; further requests wait.
const THREADS: usize = 32;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// To wrap a data key, or a share of one.
    Encrypt,
    /// To open one.
    Decrypt,
}

impl Operation {
    /// `encrypt` or `decrypt`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
        }
    }
}

/// Who asks, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Its address, over TCP.
    pub address: Option<SocketAddr>,
    /// Its user and process, over a Unix socket.
    pub user: Option<(u32, Option<i32>)>,
    /// Its certificate in DER, over TLS with certificates of clients.
    pub certificate: Option<Vec<u8>>,
}

/// A request, without what it brings to be wrapped or opened.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What for.
    pub operation: Operation,
    /// Which key; `None` if it named none that is known.
    pub key: Option<MasterKey>,
    /// Who.
    pub peer: Peer,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// The key was used, and the answer goes out.
    Answered,
    /// It was not let in, for this reason.
    Refused(&'a str),
    /// The key could not be used.
    Failed(&'a str),
    /// There was no key in it.
    NoKey,
}

/// Lets requests in, and keeps a record of them.
#[async_trait::async_trait]
pub trait Doorkeeper: Send + Sync {
    /// Whether a key may be used. The future is dropped when nobody waits for the answer any more.
    ///
    /// # Errors
    /// Why not, in words for who asks.
    async fn admit(&self, asked: &Asked) -> Result<(), String>;

    /// Writes down what came of a request.
    ///
    /// # Errors
    /// If it could not be written; whoever asked gets no answer then.
    fn record(&self, asked: &Asked, outcome: Outcome<'_>) -> io::Result<()>;
}

/// Where a server listens: a socket that is bound already.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(std::net::TcpListener),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

/// The certificates of a server.
#[derive(Clone)]
pub struct ServerTls {
    /// Its certificate, with those between it and an authority, as PEM.
    pub certificate: Vec<u8>,
    /// The private key, as PEM.
    pub key: SecretBytes,
    /// The authority whose certificates clients must have, as PEM; any client, unless given.
    pub client_authority: Option<Vec<u8>>,
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

/// A key service over these providers.
pub struct KeyServer {
    providers: Vec<Arc<dyn KeyProvider>>,
    doorkeeper: Arc<dyn Doorkeeper>,
    /// Held by what may ask the person in front of this machine.
    person: Arc<Mutex<()>>,
    /// Places for keys that are used here.
    threads: Arc<Semaphore>,
}

impl KeyServer {
    /// A server that has not begun. The providers are tried in this order for each key.
    pub fn new(providers: Vec<Arc<dyn KeyProvider>>, doorkeeper: Arc<dyn Doorkeeper>) -> Self {
        let threads = Arc::new(Semaphore::new(THREADS));
        Self { providers, doorkeeper, person: Arc::default(), threads }
    }

    /// Answers until `stop` is ready, and then ends what has begun.
    ///
    /// # Errors
    /// If the listener or the certificates cannot be used.
    pub async fn serve(
        self,
        listener: Listener,
        tls: Option<&ServerTls>,
        stop: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let mut server = Server::builder()
            .http2_keepalive_interval(Some(ALIVE))
            .http2_keepalive_timeout(Some(ALIVE));
        if let Some(tls) = tls {
            server = server.tls_config(config(tls)).map_err(ServeError::Tls)?;
        }
        let service = KeyServiceServer::new(self).max_decoding_message_size(LONGEST);
        match listener {
            Listener::Tcp(listener) => {
                listener.set_nonblocking(true).map_err(ServeError::Listen)?;
                let listener = tokio::net::TcpListener::from_std(listener);
                let incoming = TcpListenerStream::new(listener.map_err(ServeError::Listen)?);
                server.serve_with_incoming_shutdown(service, incoming, stop).await
            }
            #[cfg(unix)]
            Listener::Unix(listener) => {
                listener.set_nonblocking(true).map_err(ServeError::Listen)?;
                let listener = tokio::net::UnixListener::from_std(listener);
                let incoming = UnixListenerStream::new(listener.map_err(ServeError::Listen)?);
                server.serve_with_incoming_shutdown(service, incoming, stop).await
            }
        }
        .map_err(ServeError::Serve)
    }

    /// Lets a request in and finds its key.
    async fn admit(
        &self,
        operation: Operation,
        key: Option<Key>,
        peer: Peer,
    ) -> Result<(Asked, MasterKey), Status> {
        let asked = Asked { operation, key: from_wire(key), peer };
        let Some(key) = asked.key.clone() else {
            self.record(&asked, Outcome::NoKey)?;
            return Err(Status::not_found("Must provide a key"));
        };
        match self.doorkeeper.admit(&asked).await {
            Ok(()) => Ok((asked, key)),
            Err(reason) => {
                self.record(&asked, Outcome::Refused(&reason))?;
                Err(Status::permission_denied(reason))
            }
        }
    }

    /// Writes down what came of a request, and gives the answer.
    fn settle<T>(&self, asked: &Asked, result: Result<T, String>) -> Result<Response<T>, Status> {
        match result {
            Ok(answer) => {
                self.record(asked, Outcome::Answered)?;
                Ok(Response::new(answer))
            }
            Err(reason) => {
                self.record(asked, Outcome::Failed(&reason))?;
                Err(Status::unknown(reason))
            }
        }
    }

    fn record(&self, asked: &Asked, outcome: Outcome<'_>) -> Result<(), Status> {
        let recorded = self.doorkeeper.record(asked, outcome);
        recorded.map_err(|_| Status::internal("the key service cannot write its log"))
    }

    async fn wrap(&self, key: &MasterKey, part: KeyPart) -> Result<EncryptResponse, String> {
        let mut reasons = Vec::new();
        for provider in &self.providers {
            let reach = provider.reach(key);
            if matches!(reach, Reach::Local | Reach::Remote) {
                let (own, wanted, part) = (provider.clone(), key.clone(), part.clone());
                let wrapped = async move { own.wrap(&wanted, &part).await };
                match self.aside(reach, wrapped).await? {
                    Ok(enc) => return Ok(EncryptResponse { ciphertext: enc.into_bytes() }),
                    Err(error) => reasons.push(error.to_string()),
                }
            }
        }
        Err(all(key, reasons))
    }

    async fn open(&self, key: &MasterKey, enc: &str) -> Result<DecryptResponse, String> {
        let mut reasons = Vec::new();
        let mut strange = false;
        for provider in &self.providers {
            let reach = provider.reach(key);
            if reach == Reach::Never {
                continue;
            }
            let (own, wanted, enc) = (provider.clone(), key.clone(), enc.to_owned());
            match self.aside(reach, async move { own.open(&wanted, &enc).await }).await? {
                Attempt::Opened(part) => {
                    return Ok(DecryptResponse { plaintext: part.expose().to_vec() });
                }
                Attempt::NotMine => strange = true,
                Attempt::Failed(error) => reasons.push(error.to_string()),
            }
        }
        if strange && reasons.is_empty() {
            return Err(format!("{}: the key service has no identity for {key}", key.kind()));
        }
        Err(all(key, reasons))
    }

    /// Does the work where it keeps nobody else waiting. A thread, and none of those of the runtime:
    /// nobody shall wait for it at the end of the service.
    async fn aside<T: Send + 'static>(
        &self,
        reach: Reach,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, String> {
        if reach == Reach::Remote {
            return Ok(work.await);
        }
        let turn = match reach {
            Reach::Assisted => Some(self.person.clone().lock_owned().await),
            _ => None,
        };
        let problem = || "the key service has a problem".to_owned();
        let place = self.threads.clone().acquire_owned().await.map_err(|_| problem())?;
        let (tell, told) = oneshot::channel();
        let runtime = Handle::current();
        let started = thread::Builder::new().spawn(move || {
            // Whoever waited may be gone. Then the person is still being asked.
            let _ = tell.send(runtime.block_on(work));
            drop((turn, place));
        });
        started.map_err(|_| "the key service cannot start a thread".to_owned())?;
        told.await.map_err(|_| problem())
    }
}

#[async_trait::async_trait]
impl KeyService for KeyServer {
    async fn encrypt(
        &self,
        request: Request<EncryptRequest>,
    ) -> Result<Response<EncryptResponse>, Status> {
        let peer = peer(&request);
        let mut request = request.into_inner();
        let part = KeyPart::new(mem::take(&mut request.plaintext));
        let (asked, key) = self.admit(Operation::Encrypt, request.key.take(), peer).await?;
        self.settle(&asked, self.wrap(&key, part).await)
    }

    async fn decrypt(
        &self,
        request: Request<DecryptRequest>,
    ) -> Result<Response<DecryptResponse>, Status> {
        let peer = peer(&request);
        let DecryptRequest { key, ciphertext } = request.into_inner();
        let (asked, key) = self.admit(Operation::Decrypt, key, peer).await?;
        let result = match String::from_utf8(ciphertext) {
            Ok(enc) => self.open(&key, &enc).await,
            Err(_) => Err("the wrapped data key is no text".to_owned()),
        };
        self.settle(&asked, result)
    }
}

impl std::fmt::Debug for KeyServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyServer({} providers)", self.providers.len())
    }
}

/// Why a key service could not begin, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The socket cannot be used.
    #[error("unable to listen")]
    Listen(#[source] io::Error),
    /// The certificates or the private key cannot be used.
    #[error("the certificates cannot be used")]
    Tls(#[source] tonic::transport::Error),
    /// It ended.
    #[error("the key service ended")]
    Serve(#[source] tonic::transport::Error),
}

fn all(key: &MasterKey, reasons: Vec<String>) -> String {
    match reasons.is_empty() {
        true => format!("{} keys are not served by this key service", key.kind()),
        false => reasons.join("; "),
    }
}

fn config(tls: &ServerTls) -> ServerTlsConfig {
    let identity = Identity::from_pem(&tls.certificate, tls.key.expose());
    let config = ServerTlsConfig::new().identity(identity);
    match &tls.client_authority {
        Some(pem) => config.client_ca_root(Certificate::from_pem(pem)),
        None => config,
    }
}

fn peer<T>(request: &Request<T>) -> Peer {
    let certificates = request.peer_certs();
    let certificate = certificates.and_then(|all| all.first().map(|leaf| leaf.to_vec()));
    #[cfg(unix)]
    let user = {
        use tonic::transport::server::UdsConnectInfo;
        let info = request.extensions().get::<UdsConnectInfo>();
        info.and_then(|info| info.peer_cred).map(|user| (user.uid(), user.pid()))
    };
    #[cfg(not(unix))]
    let user = None;
    Peer { address: request.remote_addr(), user, certificate }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use sops_core::keys::{KeyKind, ProviderError, Refusal};
    use tonic::Code;
    use tonic::transport::Endpoint;

    use super::*;
    use crate::keyservice::wire::{KeyServiceClient, to_wire};
    use crate::{CallPolicy, RemoteKeyService, RemoteSettings};

    /// Keys of Vault whose names say what they do.
    struct Fake;

    fn key(name: &str) -> MasterKey {
        let url = format!("https://vault.example.com/v1/transit/keys/{name}");
        MasterKey::parse(KeyKind::HcVault, &url).unwrap()
    }

    fn name(key: &MasterKey) -> String {
        key.identity().rsplit('/').next().unwrap_or_default().to_owned()
    }

    #[async_trait::async_trait]
    impl KeyProvider for Fake {
        fn reach(&self, key: &MasterKey) -> Reach {
            if key.kind() == KeyKind::HcVault { Reach::Remote } else { Reach::Never }
        }

        async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
            match name(key).as_str() {
                "junk" => Ok("abc".into()),
                "denied" => Err(ProviderError::new(Refusal::Denied, key, "not you")),
                _ => Ok(format!("vault:v1:{}", digits(part.expose()))),
            }
        }

        async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
            match (name(key).as_str(), enc.strip_prefix("vault:v1:")) {
                ("strange", _) => Attempt::NotMine,
                (_, Some(digits)) => {
                    let bytes = digits.split('.').map(|digit| digit.parse().unwrap());
                    Attempt::Opened(KeyPart::new(bytes.collect()))
                }
                _ => {
                    let error = ProviderError::new(Refusal::WrongCiphertext, key, "no prefix");
                    Attempt::Failed(error)
                }
            }
        }
    }

    fn digits(bytes: &[u8]) -> String {
        bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(".")
    }

    /// Lets everything in but keys called `forbidden`, and remembers what it was told.
    #[derive(Default)]
    struct Book {
        lines: Mutex<Vec<String>>,
        broken: bool,
    }

    #[async_trait::async_trait]
    impl Doorkeeper for Book {
        async fn admit(&self, asked: &Asked) -> Result<(), String> {
            match asked.key.as_ref().map(name).as_deref() {
                Some("forbidden") => Err("Request rejected by user".into()),
                _ => Ok(()),
            }
        }

        fn record(&self, asked: &Asked, outcome: Outcome<'_>) -> io::Result<()> {
            assert!(asked.peer.address.is_some_and(|address| address.ip().is_loopback()));
            let line = format!("{} {outcome:?}", asked.operation.name());
            self.lines.lock().unwrap().push(line);
            if self.broken { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }
    }

    /// A server in the background of the test, and where it is.
    fn serve(book: &Arc<Book>) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = KeyServer::new(vec![Arc::new(Fake)], book.clone());
        tokio::spawn(async move {
            server.serve(Listener::Tcp(listener), None, std::future::pending()).await
        });
        address.to_string()
    }

    fn client(address: &str) -> RemoteKeyService {
        let policy = CallPolicy::within(Duration::from_secs(30));
        let settings = RemoteSettings { policy, ..RemoteSettings::default() };
        RemoteKeyService::new(format!("tcp://{address}"), settings)
    }

    #[tokio::test]
    async fn a_part_goes_there_and_back() {
        let book = Arc::new(Book::default());
        let client = client(&serve(&book));
        for length in [32, 33] {
            let part = KeyPart::new((0..length).collect());
            let enc = client.wrap(&key("k"), &part).await.unwrap();
            let attempt = client.open(&key("k"), &enc).await;
            assert!(matches!(&attempt, Attempt::Opened(found) if *found == part), "{attempt:?}");
        }
        assert_eq!(book.lines.lock().unwrap()[..2], ["encrypt Answered", "decrypt Answered"]);
    }

    #[tokio::test]
    async fn what_is_no_wrapped_key_is_not_believed() {
        let client = client(&serve(&Arc::default()));
        let error = client.wrap(&key("junk"), &KeyPart::new(vec![7; 32])).await.unwrap_err();
        assert_eq!(error.refusal, Refusal::Malformed, "{error}");
        assert!(error.via.is_some());
    }

    #[tokio::test]
    async fn refusals_and_failures_keep_their_words() {
        let book = Arc::new(Book::default());
        let client = client(&serve(&book));
        let part = KeyPart::new(vec![7; 32]);
        let error = client.wrap(&key("forbidden"), &part).await.unwrap_err();
        let words = "rpc error: code = PermissionDenied desc = Request rejected by user";
        assert_eq!((error.refusal, error.text.as_str()), (Refusal::Denied, words));
        let error = client.wrap(&key("denied"), &part).await.unwrap_err();
        let words = "rpc error: code = Unknown desc = Vault transit: access denied: not you";
        assert_eq!((error.refusal, error.text.as_str()), (Refusal::Other, words));
        for (name, enc, words) in
            [("strange", "x", "the key service has no identity for"), ("k", "x", "no prefix")]
        {
            let Attempt::Failed(error) = client.open(&key(name), enc).await else { panic!() };
            assert!(error.text.contains(words), "{error}");
        }
        let age = MasterKey::Age(sops_core::keys::AgeKey { recipient: "age1x".into() });
        let error = client.wrap(&age, &part).await.unwrap_err();
        assert!(error.text.contains("age keys are not served by this key service"), "{error}");
        assert_eq!(book.lines.lock().unwrap().len(), 5, "nothing was tried twice");
    }

    #[tokio::test]
    async fn a_request_without_a_key_or_a_kind_is_not_found() {
        let book = Arc::new(Book::default());
        let address = serve(&book);
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let mut raw = KeyServiceClient::new(channel.connect().await.unwrap());
        for key in [None, Some(Key { key_type: None })] {
            let request = EncryptRequest { key: key.clone(), plaintext: vec![7; 32] };
            let status = raw.encrypt(request).await.unwrap_err();
            assert_eq!((status.code(), status.message()), (Code::NotFound, "Must provide a key"));
            let status = raw.decrypt(DecryptRequest { key, ciphertext: vec![7] }).await;
            assert_eq!(status.err().map(|status| status.code()), Some(Code::NotFound));
        }
        // It is there for the next one.
        let request = EncryptRequest { key: Some(to_wire(&key("k"))), plaintext: vec![7; 32] };
        assert!(raw.encrypt(request).await.is_ok());
        assert_eq!(book.lines.lock().unwrap()[..2], ["encrypt NoKey", "decrypt NoKey"]);
    }

    #[tokio::test]
    async fn what_cannot_be_written_down_is_not_answered() {
        let book = Arc::new(Book { broken: true, ..Book::default() });
        let client = client(&serve(&book));
        let error = client.wrap(&key("k"), &KeyPart::new(vec![7; 32])).await.unwrap_err();
        let words = "code = Internal desc = the key service cannot write its log";
        assert!(error.text.contains(words), "{error}");
    }
}

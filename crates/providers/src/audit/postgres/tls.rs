//! TLS for connections of PostgreSQL: whom they trust is up to `sslmode`.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect};
use tokio_rustls::TlsConnector;

use super::TableError;
use super::address::{Address, Encryption};

/// What connections are secured by.
#[derive(Clone)]
pub(super) struct Tls {
    /// `None`: none is.
    how: Option<Arc<How>>,
}

struct How {
    encryption: Encryption,
    /// `None`: those of the system.
    authorities: Option<Vec<CertificateDer<'static>>>,
    own: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

type Problem = Box<dyn std::error::Error + Send + Sync>;

impl Tls {
    /// Reads the files that the address names.
    pub(super) fn new(
        address: &Address,
        read: impl Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Self, TableError> {
        if address.encryption == Encryption::None {
            return Ok(Self { how: None });
        }
        let file = |name: &'static str, path: &Path| {
            read(path).map_err(|source| TableError::File { name, path: path.to_owned(), source })
        };
        let bad = |name: &'static str, problem: &str| TableError::Certificates {
            name,
            problem: problem.to_owned(),
        };
        let certificates = |name: &'static str, path: &Path| {
            let text = file(name, path)?;
            let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
            let all = all.map_err(|_| bad(name, "the file is no PEM"))?;
            if all.is_empty() {
                return Err(bad(name, "there is no certificate in the file"));
            }
            Ok(all)
        };
        let authorities = match address.authority.as_deref() {
            None | Some("system") => None,
            Some(path) => Some(certificates("sslrootcert", Path::new(path))?),
        };
        let own = match (&address.certificate, &address.key) {
            (Some(certificate), Some(key)) => {
                let chain = certificates("sslcert", certificate)?;
                let key = PrivateKeyDer::from_pem_slice(&file("sslkey", key)?)
                    .map_err(|_| bad("sslkey", "there is no private key in the file"))?;
                Some((chain, key))
            }
            _ => None,
        };
        let encryption = address.encryption;
        Ok(Self { how: Some(Arc::new(How { encryption, authorities, own })) })
    }
}

impl How {
    fn config(&self) -> Result<ClientConfig, Problem> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?;
        let builder = match self.encryption {
            Encryption::Named => builder.with_webpki_verifier(self.verifier(provider)?),
            Encryption::Trusted => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyName(self.verifier(provider)?))),
            Encryption::None | Encryption::IfPossible | Encryption::Demanded => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            }
        };
        Ok(match &self.own {
            Some((chain, key)) => builder.with_client_auth_cert(chain.clone(), key.clone_key())?,
            None => builder.with_no_client_auth(),
        })
    }

    fn verifier(
        &self,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<WebPkiServerVerifier>, Problem> {
        let mut store = RootCertStore::empty();
        match &self.authorities {
            Some(authorities) => {
                for authority in authorities {
                    store.add(authority.clone())?;
                }
            }
            // Some of a system may be of no use, and do no harm.
            None => {
                let found = rustls_native_certs::load_native_certs();
                store.add_parsable_certificates(found.certs);
            }
        }
        Ok(WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build()?)
    }
}

/// `sslmode=require`: the connection cannot be listened to, with whomever it is. As PostgreSQL and
/// SOPS have it.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// `sslmode=verify-ca`: somebody whose certificate is trusted, under any name.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use rustls::Error::InvalidCertificate;
        // The name is looked at last.
        match self.0.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            Err(InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

impl<S> MakeTlsConnect<S> for Tls
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Stream<S>;
    type TlsConnect = Connect;
    type Error = Problem;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Connect, Problem> {
        // Asked for with `sslmode=disable` and for sockets as well, whose names are none.
        let Some(how) = &self.how else { return Ok(Connect(None)) };
        let Ok(name) = ServerName::try_from(domain.to_owned()) else { return Ok(Connect(None)) };
        Ok(Connect(Some((TlsConnector::from(Arc::new(how.config()?)), name))))
    }
}

/// One handshake.
pub(super) struct Connect(Option<(TlsConnector, ServerName<'static>)>);

impl<S> TlsConnect<S> for Connect
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Stream<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let Some((connector, name)) = self.0 else {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "the host has no name"));
            };
            connector.connect(name, stream).await.map(Stream)
        })
    }
}

/// A secured connection.
pub(super) struct Stream<S>(tokio_rustls::client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> tokio_postgres::tls::TlsStream for Stream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

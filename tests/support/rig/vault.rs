//! A real server of OpenBao on loopback, which is a Vault to its clients: by plain `http`, by
//! `https`, and by `https` for clients with a certificate.
//!
//! Tests share one: each makes an engine of its own with [`Vault::engine`]. What stops or seals a
//! server starts one for itself with [`OpenBao::start`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::servers::{End, Server, answers, free_port};
use crate::http::{self, Message};

/// The token that may do everything.
pub const ROOT: &str = "root";

/// Long enough for a busy machine, short enough to fail a run.
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// A running server: all that a client needs.
#[derive(Clone, Debug)]
pub struct Vault {
    folder: PathBuf,
    ports: Ports,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Ports {
    plain: u16,
    tls: u16,
    mutual: u16,
}

/// A server that was started here. Dropping it ends it.
#[derive(Debug)]
pub struct OpenBao {
    vault: Vault,
    server: Server,
}

impl OpenBao {
    /// Starts a server that keeps everything in memory; what stands in `folder` is for clients.
    pub fn start(program: &Path, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)
            .with_context(|| format!("unable to make {}", folder.display()))?;
        let ports = Ports { plain: free_port()?, tls: free_port()?, mutual: free_port()? };
        write_certificates(folder)?;
        let config = folder.join("listeners.json");
        fs::write(&config, listeners(folder, ports).to_string())
            .context("unable to write the configuration of OpenBao")?;
        let address = format!("127.0.0.1:{}", ports.plain);
        let mut command = Command::new(program);
        command.args(["server", "-dev", "-dev-no-store-token"]);
        command.arg(format!("-dev-listen-address={address}"));
        command.arg(format!("-dev-root-token-id={ROOT}")).arg("-config").arg(&config);
        command.env_clear().env("HOME", folder).current_dir(folder);
        let log = folder.join("openbao.log");
        let server = Server::start(
            "openbao",
            command,
            End::AtOnce,
            &log,
            answers(&address, "/v1/sys/health"),
        )?;
        let record = folder.join("ports.json");
        fs::write(record, serde_json::to_vec(&ports)?).context("unable to note the ports")?;
        Ok(Self { vault: Vault { folder: folder.to_owned(), ports }, server })
    }

    /// What a client needs.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// How long it took until it was ready.
    pub fn ready_after(&self) -> Duration {
        self.server.ready_after()
    }
}

/// Two more listeners beside the one that the mode for development has.
fn listeners(folder: &Path, ports: Ports) -> Value {
    let file = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let listener = |port: u16, mutual: bool| {
        let mut tcp = json!({
            "address": format!("127.0.0.1:{port}"),
            "tls_cert_file": file("server.crt"),
            "tls_key_file": file("server.key"),
        });
        if mutual {
            tcp["tls_require_and_verify_client_cert"] = true.into();
            tcp["tls_client_ca_file"] = file("ca.crt").into();
        }
        json!({ "tcp": tcp })
    };
    json!({"listener": [listener(ports.tls, false), listener(ports.mutual, true)]})
}

/// `ca.crt`, `server.crt` and `.key`, `client.crt` and `.key`.
fn write_certificates(folder: &Path) -> Result<()> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, "rig of vault");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate()?;
    let authority = parameters.self_signed(&key)?.pem();
    let issuer = Issuer::new(parameters, key);
    let write = |name: &str, text: &str| {
        fs::write(folder.join(name), text).with_context(|| format!("unable to write {name}"))
    };
    write("ca.crt", &authority)?;
    for (name, purpose) in [
        ("server", ExtendedKeyUsagePurpose::ServerAuth),
        ("client", ExtendedKeyUsagePurpose::ClientAuth),
    ] {
        let mut parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
        parameters.distinguished_name.push(DnType::CommonName, name);
        // Said in the certificate: rustls refuses one that may sign others.
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![purpose];
        let key = KeyPair::generate()?;
        write(&format!("{name}.crt"), &parameters.signed_by(&key, &issuer)?.pem())?;
        write(&format!("{name}.key"), &key.serialize_pem())?;
    }
    Ok(())
}

impl Vault {
    /// Reads what was noted in a folder, that of `SOPS_VAULT_DIR` for example.
    pub fn at(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        let path = folder.join("ports.json");
        let text = fs::read(&path).with_context(|| format!("unable to read {}", path.display()))?;
        let ports = serde_json::from_slice(&text)
            .with_context(|| format!("{} makes no sense", path.display()))?;
        Ok(Self { folder, ports })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.plain)
    }

    /// `https://127.0.0.1:PORT`
    pub fn tls_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.tls)
    }

    /// The same for clients with a certificate.
    pub fn mutual_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.mutual)
    }

    /// A file for clients: `ca.crt`, `client.crt` or `client.key`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Asks the server as `token`: `call("root", "POST", "sys/mounts/x", …)`. An error is what it
    /// answered.
    pub fn call_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Value, String> {
        let address = format!("127.0.0.1:{}", self.ports.plain);
        let request = Message {
            start: format!("{method} /v1/{path} HTTP/1.1"),
            headers: [("Host", address.as_str()), ("X-Vault-Token", token)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
        };
        let answer =
            http::send(&address, &request, CALL_LIMIT).map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        match answer.status() {
            200..300 => Ok(serde_json::from_str(&text).unwrap_or_default()),
            status => Err(format!("{method} {path}: HTTP {status}: {text}")),
        }
    }

    /// Asks the server as somebody who may do everything.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        self.call_as(ROOT, method, path, body).expect("the server of the rig does what it is told")
    }

    /// Makes a transit engine for one test and gives its path.
    #[track_caller]
    pub fn engine(&self) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = format!("t{}-{next}/transit", std::process::id());
        self.call("POST", &format!("sys/mounts/{path}"), &json!({"type": "transit"}));
        path
    }

    /// Makes a key, with options such as `{"type": "rsa-4096"}`.
    #[track_caller]
    pub fn key(&self, engine: &str, name: &str, options: &Value) {
        self.call("POST", &format!("{engine}/keys/{name}"), options);
    }

    /// Whether there is a key of this name.
    pub fn has_key(&self, engine: &str, name: &str) -> bool {
        self.call_as(ROOT, "GET", &format!("{engine}/keys/{name}"), &Value::Null).is_ok()
    }

    /// Makes a token that may do what the rules of one policy say, such as
    /// `path "transit/decrypt/k" { capabilities = ["update"] }`.
    #[track_caller]
    pub fn token(&self, rules: &str) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let policy = format!("p{}-{next}", std::process::id());
        self.call("PUT", &format!("sys/policies/acl/{policy}"), &json!({"policy": rules}));
        let options = json!({"policies": [policy], "no_default_policy": true});
        let answer = self.call("POST", "auth/token/create", &options);
        answer["auth"]["client_token"].as_str().expect("a token was made").to_owned()
    }
}

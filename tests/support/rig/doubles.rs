//! Doubles of key services that no emulator offers: small servers in `tests/rig/doubles`, written
//! from the public references of their interfaces. Tests that use them say so in their names.
//!
//! Each test starts one of its own, since faults are set for the whole double.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::servers::{End, Server, answers, lasting_port};
use crate::http::{self, Message};
use crate::paths;
use crate::scratch::Scratch;

/// Long enough for a busy machine, short enough to fail a run.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// A request that a double saw, as it wrote it down.
pub type Seen = Value;

/// Google Cloud KMS: keys really encrypt, IAM-like refusals, checksums.
#[derive(Debug)]
pub struct Gcp {
    _server: Server,
    scratch: Scratch,
    address: String,
}

impl Gcp {
    /// The key ring of all keys.
    pub const RING: &str = "projects/rig/locations/global/keyRings/ring";

    /// Starts one without keys.
    pub fn start(python: &Path) -> Self {
        let scratch = Scratch::new();
        let port = lasting_port().expect("a free port");
        let address = format!("127.0.0.1:{port}");
        let mut command = script(python, "gcp_kms.py");
        command.args(["--port", &port.to_string()]);
        let ready = answers(&address, "/_double/log");
        let server =
            Server::start("double of GCP KMS", command, End::AtOnce, &scratch.at("log"), ready);
        Self { _server: server.expect("the double starts"), scratch, address }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The variables by which clients of both programs find it, with a token that may do all.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("SOPS_GCP_KMS_ENDPOINT", self.url()),
            ("SOPS_GCP_KMS_CLIENT_TYPE", "rest".into()),
            ("GOOGLE_OAUTH_ACCESS_TOKEN", "good".into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Makes a key and gives its resource id.
    pub fn create_key(&self, name: &str) -> String {
        let path = format!("/v1/{}/cryptoKeys?cryptoKeyId={name}", Self::RING);
        self.admin("POST", &path, &json!({"purpose": "ENCRYPT_DECRYPT"}));
        format!("{}/cryptoKeys/{name}", Self::RING)
    }

    /// A request with all rights: `admin("PATCH", "/v1/…/cryptoKeyVersions/1", …)`.
    pub fn admin(&self, method: &str, path: &str, body: &Value) -> Value {
        call(&self.address, method, path, body)
    }

    /// Answers the next requests with faults: a list of rules, see the double.
    pub fn fail(&self, rules: &Value) {
        call(&self.address, "POST", "/_double/faults", rules);
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        seen(&self.address)
    }

    /// The requests of an operation, `encrypt` or `decrypt`.
    pub fn calls(&self, operation: &str) -> Vec<Seen> {
        let suffix = format!(":{operation}");
        let path = |seen: &Seen| seen["path"].as_str().unwrap_or_default().to_owned();
        let is = |seen: &Seen| path(seen).split('?').next().unwrap_or_default().ends_with(&suffix);
        self.seen().into_iter().filter(is).collect()
    }

    /// Forgets them.
    pub fn forget(&self) {
        call(&self.address, "DELETE", "/_double/log", &Value::Null);
    }

    /// A file with the key of a service account, whose tokens the double gives out and takes.
    pub fn service_account(&self) -> std::path::PathBuf {
        let size = rcgen::RsaKeySize::_2048;
        let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size);
        let key = key.expect("a key can be made").serialize_pem();
        let text = json!({
            "type": "service_account", "project_id": "rig", "private_key_id": "1",
            "private_key": key, "client_email": "rig@rig.iam.gserviceaccount.com",
            "client_id": "1", "token_uri": format!("{}/token", self.url()),
        });
        self.scratch.write("account.json", text.to_string())
    }
}

/// Google Cloud Storage: objects in memory, checksums, refusals.
#[derive(Debug)]
pub struct Storage {
    _server: Server,
    _scratch: Scratch,
    address: String,
}

impl Storage {
    /// Starts one that has a bucket of this name.
    pub fn start(python: &Path, bucket: &str) -> Self {
        let scratch = Scratch::new();
        let port = lasting_port().expect("a free port");
        let address = format!("127.0.0.1:{port}");
        let mut command = script(python, "gcs.py");
        command.args(["--port", &port.to_string(), "--bucket", bucket]);
        let ready = answers(&address, "/_double/log");
        let server = Server::start(
            "double of Cloud Storage",
            command,
            End::AtOnce,
            &scratch.at("log"),
            ready,
        );
        let server = server.expect("the double starts");
        Self { _server: server, _scratch: scratch, address }
    }

    /// The variable by which clients of both programs find it. They show it no credentials.
    pub fn environment(&self) -> Vec<(String, String)> {
        vec![("STORAGE_EMULATOR_HOST".to_owned(), self.address.clone())]
    }

    /// All objects: from their names to their content, as base64.
    pub fn objects(&self) -> Value {
        call(&self.address, "GET", "/_double/objects", &Value::Null)
    }

    /// Answers the next requests with faults: a list of rules, see the double.
    pub fn fail(&self, rules: &Value) {
        call(&self.address, "POST", "/_double/faults", rules);
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        seen(&self.address)
    }
}

/// Azure Key Vault: keys really encrypt, over TLS with an authority of its own, behind a proxy by
/// which it has the names of real vaults; and who gives out tokens.
#[derive(Debug)]
pub struct Azure {
    _server: Server,
    scratch: Scratch,
    tls: String,
    plain: String,
    proxy: String,
}

impl Azure {
    /// The vault of all keys. The name is that of the real service; the proxy leads to the double.
    pub const VAULT: &str = "https://rig.vault.azure.net";
    /// A tenant.
    pub const TENANT: &str = "00000000-0000-0000-0000-000000000001";

    /// Starts one without keys.
    pub fn start(python: &Path) -> Self {
        let scratch = Scratch::new();
        let port = || lasting_port().expect("a free port");
        let (tls, plain, proxy) = (port(), port(), port());
        let mut command = script(python, "azure_kv.py");
        command.arg("--dir").arg(scratch.path()).args(["--port", &tls.to_string()]);
        command.args(["--msi-port", &plain.to_string(), "--proxy-port", &proxy.to_string()]);
        let tls = format!("{}:{tls}", Self::VAULT);
        let plain = format!("127.0.0.1:{plain}");
        let ready = answers(&plain, "/_double/log");
        let server =
            Server::start("double of Key Vault", command, End::AtOnce, &scratch.at("log"), ready);
        let proxy = format!("http://127.0.0.1:{proxy}");
        Self { _server: server.expect("the double starts"), scratch, tls, plain, proxy }
    }

    /// `https://NAME:PORT`, for clients that have another way to learn where the name leads.
    pub fn direct(&self) -> &str {
        &self.tls
    }

    /// The variables by which clients of both programs find the vault, without credentials.
    pub fn way(&self) -> Vec<(String, String)> {
        let authority = self.scratch.at("ca.crt").display().to_string();
        [("HTTPS_PROXY", self.proxy.clone()), ("SSL_CERT_FILE", authority)]
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }

    /// The same, as the identity of this machine. An `identity` is a name that the double knows:
    /// `good`, `encrypt-only`, `decrypt-only`, `denied`, `junk`.
    pub fn environment(&self, identity: &str) -> Vec<(String, String)> {
        let mut variables = self.way();
        let endpoint = format!("http://{}/msi/token", self.plain);
        let more = [
            ("IDENTITY_ENDPOINT", endpoint.as_str()),
            ("IDENTITY_HEADER", "rig"),
            ("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential"),
            ("AZURE_CLIENT_ID", identity),
        ];
        variables.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
        variables
    }

    /// The file of the authority that its certificate comes from.
    pub fn authority(&self) -> std::path::PathBuf {
        self.scratch.at("ca.crt")
    }

    /// Makes a key, or a new version of it, and gives the URL without the version, and the version.
    pub fn create_key(&self, name: &str) -> (String, String) {
        let path = format!("/keys/{name}/create?api-version=7.6");
        let made = self.admin("POST", &path, &json!({"kty": "RSA", "key_size": 2048}));
        let kid = made["key"]["kid"].as_str().expect("a key has an id");
        let version = kid.rsplit('/').next().expect("an id has a version");
        (format!("{}/keys/{name}", Self::VAULT), version.to_owned())
    }

    /// A request with all rights: `admin("PATCH", "/keys/NAME/VERSION?api-version=7.6", …)`.
    pub fn admin(&self, method: &str, path: &str, body: &Value) -> Value {
        call(&self.plain, method, path, body)
    }

    /// Answers the next requests with faults: a list of rules, see the double.
    pub fn fail(&self, rules: &Value) {
        call(&self.plain, "POST", "/_double/faults", rules);
    }

    /// The requests so far, those for tokens too.
    pub fn seen(&self) -> Vec<Seen> {
        seen(&self.plain)
    }

    /// The requests whose path has this in it and that came with a token.
    pub fn calls(&self, part: &str) -> Vec<Seen> {
        let is = |seen: &Seen| {
            seen["path"].as_str().is_some_and(|path| path.contains(part))
                && seen["headers"].as_object().is_some_and(|headers| {
                    headers.keys().any(|name| name.eq_ignore_ascii_case("authorization"))
                })
        };
        self.seen().into_iter().filter(is).collect()
    }

    /// Forgets them.
    pub fn forget(&self) {
        call(&self.plain, "DELETE", "/_double/log", &Value::Null);
    }
}

fn script(python: &Path, name: &str) -> Command {
    let mut command = Command::new(python);
    // Nothing is left in the repository.
    command.arg("-B").arg(paths::in_tests(format!("rig/doubles/{name}")));
    command
}

fn call(address: &str, method: &str, path: &str, body: &Value) -> Value {
    let request = Message {
        start: format!("{method} {path} HTTP/1.1"),
        headers: [
            ("Host", address),
            ("Authorization", "Bearer good"),
            ("Content-Type", "application/json"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
    };
    let answer = http::send(address, &request, CALL_LIMIT).expect("the double answers");
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status(), 200, "{method} {path}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{method} {path}: {error}: {text}"))
}

fn seen(address: &str) -> Vec<Seen> {
    match call(address, "GET", "/_double/log", &Value::Null) {
        Value::Array(all) => all,
        other => panic!("a log is a list: {other}"),
    }
}

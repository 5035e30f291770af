//! The certificates of one control plane, made afresh for each.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde_json::json;

/// Names the API server is called by: on loopback, and as from inside a cluster.
const NAMES: [&str; 4] = ["127.0.0.1", "10.0.0.1", "localhost", "kubernetes.default.svc"];

/// What signs the certificates of one control plane.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    /// Makes a key and signs itself.
    pub(super) fn new() -> Result<Self> {
        let mut parameters = named("rig", None)?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = parameters.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(parameters, key), certificate })
    }

    /// Writes what the servers read: `ca.crt`, `apiserver.crt` and `.key`, `sa.key` and `.pub`.
    pub(super) fn write_for_servers(&self, folder: &Path) -> Result<()> {
        let mut parameters = CertificateParams::new(NAMES.map(String::from))?;
        parameters.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        let (certificate, key) = self.sign(parameters, ExtendedKeyUsagePurpose::ServerAuth)?;
        // Signs the tokens of ServiceAccounts.
        let tokens = KeyPair::generate()?;
        for (name, text) in [
            ("ca.crt", &self.certificate),
            ("apiserver.crt", &certificate),
            ("apiserver.key", &key),
            ("sa.key", &tokens.serialize_pem()),
            ("sa.pub", &tokens.public_key_pem()),
        ] {
            write(&folder.join(name), text)?;
        }
        Ok(())
    }

    /// Writes a kubeconfig for a user with a certificate, usable without any file beside it.
    pub(super) fn write_kubeconfig(
        &self,
        path: &Path,
        server: &str,
        user: &str,
        group: Option<&str>,
    ) -> Result<()> {
        let (certificate, key) =
            self.sign(named(user, group)?, ExtendedKeyUsagePurpose::ClientAuth)?;
        let user = json!({
            "client-certificate-data": STANDARD.encode(certificate),
            "client-key-data": STANDARD.encode(key),
        });
        write(path, &kubeconfig(server, &self.certificate, &user))
    }

    fn sign(
        &self,
        mut parameters: CertificateParams,
        purpose: ExtendedKeyUsagePurpose,
    ) -> Result<(String, String)> {
        // Said in the certificate: rustls refuses one that may sign others.
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![purpose];
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &self.issuer)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }
}

/// The text of a kubeconfig with one user: JSON, which is YAML too. `server` is a URL, `authority`
/// PEM, `user` the fields kubectl knows, such as `token`.
pub fn kubeconfig(server: &str, authority: &str, user: &serde_json::Value) -> String {
    let cluster = json!({
        "server": server,
        "certificate-authority-data": STANDARD.encode(authority),
    });
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "rig", "cluster": cluster}],
        "users": [{"name": "rig", "user": user}],
        "contexts": [{"name": "rig", "context": {"cluster": "rig", "user": "rig"}}],
        "current-context": "rig",
    })
    .to_string()
}

fn named(name: &str, group: Option<&str>) -> Result<CertificateParams> {
    let mut parameters = CertificateParams::default();
    // Kubernetes reads the user from the common name, its groups from the organisations.
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    if let Some(group) = group {
        parameters.distinguished_name.push(DnType::OrganizationName, group);
    }
    Ok(parameters)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("unable to write {}", path.display()))
}

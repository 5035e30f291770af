//! Credentials for the key services beside AWS KMS, each read when a key of its kind is asked first.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sops_core::crypto::SecretBytes;
use sops_core::keys::KeyProvider;
use sops_providers::azure_kv::AzureCredential;
use sops_providers::{
    AzureCredentials, AzureKv, AzureSettings, CallPolicy, GcpCredentials, GcpKms, GcpSettings,
    HcVault, HttpSettings, HuaweiCredentials, HuaweiKms, HuaweiSettings, Proxy, VaultAllowlist,
    VaultSettings, VaultToken,
};

use super::{path, proxy};

/// The variable with the servers of Vault that may be asked.
const ALLOWLIST: &str = "SOPS_HC_VAULT_ALLOWLIST";

/// Where an instance of Huawei Cloud is told who it is.
const HUAWEI_METADATA: &str = "http://169.254.169.254";

/// All of them.
pub(super) fn all() -> Vec<Arc<dyn KeyProvider>> {
    vec![
        Arc::new(HcVault::reading(vault)),
        Arc::new(GcpKms::reading(gcp)),
        Arc::new(AzureKv::reading(azure)),
        Arc::new(HuaweiKms::reading(huawei)),
    ]
}

/// Vault. Which server is asked, and so learns the token, is written in an object: without a list of
/// allowed ones there is none, or whoever may make an object anywhere would get the token.
fn vault() -> Result<VaultSettings, String> {
    let list = text(ALLOWLIST).unwrap_or_else(|| "none".into());
    let allowed = VaultAllowlist::parse(&list)
        .map_err(|entry| format!("{ALLOWLIST}'s entry {entry} is empty"))?;
    let read =
        |path: &Path| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    let token = match (text("VAULT_TOKEN"), vault_token()) {
        (Some(token), _) => Some(VaultToken { secret: token.into(), source: "VAULT_TOKEN".into() }),
        (None, Some(path)) if path.is_file() => {
            let text = SecretBytes::new(read(&path)?);
            let secret = SecretBytes::from(text.expose().trim_ascii());
            Some(VaultToken { secret, source: "~/.vault-token".into() })
        }
        (None, _) => None,
    };
    let authorities = path("VAULT_CACERT").map(|path| read(&path)).transpose()?;
    Ok(VaultSettings {
        token: token.filter(|token| !token.secret.is_empty()),
        namespace: text("VAULT_NAMESPACE"),
        allowed,
        http: HttpSettings { authorities, redirects: true, ..http() },
        ..VaultSettings::default()
    })
}

/// Where `vault login`, or an agent beside this program, puts the token.
pub(super) fn vault_token() -> Option<PathBuf> {
    Some(path("HOME")?.join(".vault-token"))
}

/// Google Cloud: what its library finds, such as the identity of a workload on GKE.
fn gcp() -> Result<GcpSettings, String> {
    Ok(GcpSettings {
        policy: CallPolicy::default(),
        credentials: GcpCredentials::Chain,
        endpoint: text("SOPS_GCP_KMS_ENDPOINT"),
        universe_domain: text("SOPS_GCP_KMS_UNIVERSE_DOMAIN"),
    })
}

/// Azure: those credentials of its chain that a machine has. The token is for Key Vault alone: the
/// library refuses a server that asks for another one.
fn azure() -> Result<AzureSettings, String> {
    let (tenant, client) = (text("AZURE_TENANT_ID"), text("AZURE_CLIENT_ID"));
    let application = tenant.zip(client.clone());
    let secret = application.clone().zip(text("AZURE_CLIENT_SECRET"));
    let workload = application.zip(path("AZURE_FEDERATED_TOKEN_FILE"));
    let machine = text("IDENTITY_ENDPOINT").or_else(|| text("MSI_ENDPOINT")).is_some();
    let mut chain = Vec::new();
    if let Some(((tenant, client), secret)) = secret {
        let secret = secret.into();
        chain.push(AzureCredential::ClientSecret { tenant, client, secret });
    }
    if let Some(((tenant, client), token_file)) = workload {
        chain.push(AzureCredential::WorkloadIdentity { tenant, client, token_file });
    }
    let patience = (!machine).then_some(AzureCredentials::PATIENCE);
    chain.push(AzureCredential::ManagedIdentity { client, patience });
    let credentials = AzureCredentials(chain);
    Ok(AzureSettings { policy: CallPolicy::default(), credentials })
}

/// Huawei Cloud: an access key of variables, else the agency of the machine.
fn huawei() -> Result<HuaweiSettings, String> {
    let key = text("HUAWEICLOUD_SDK_AK").zip(text("HUAWEICLOUD_SDK_SK"));
    let credentials = key.map(|(access_key, secret_key)| HuaweiCredentials {
        access_key,
        secret_key: secret_key.into(),
        security_token: text("HUAWEICLOUD_SDK_SECURITY_TOKEN").map(SecretBytes::from),
        project: text("HUAWEICLOUD_SDK_PROJECT_ID"),
        source: "the environment".to_owned(),
    });
    Ok(HuaweiSettings {
        policy: CallPolicy::default(),
        credentials,
        looked: "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK are not set".to_owned(),
        addresses: std::env::vars_os().filter_map(address).collect(),
        identity: text("HUAWEICLOUD_SDK_IAM_ENDPOINT"),
        metadata: Some(HUAWEI_METADATA.to_owned()),
        http: http(),
    })
}

fn http() -> HttpSettings {
    HttpSettings { proxy: proxy().map(Proxy::beyond_this_machine), ..HttpSettings::default() }
}

/// The address of a region, of the variable that names it.
fn address((name, value): (OsString, OsString)) -> Option<(String, String)> {
    let region = name.to_str()?.strip_prefix("HUAWEICLOUD_SDK_REGION_KMS_")?;
    Some((region.to_ascii_lowercase().replace('_', "-"), value.into_string().ok()?))
}

fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

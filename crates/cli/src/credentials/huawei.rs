//! Huawei Cloud: the access key of variables, else of the file of credentials; addresses of regions
//! by variables and by their file (format §4.7).

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use sops_core::{
    crypto::SecretBytes,
    format::{self, Format},
    keys::KeyProvider,
    tree::{Item, List, Mapping, Node, Value},
};
use sops_providers::{CallPolicy, HttpSettings, HuaweiCredentials, HuaweiKms, HuaweiSettings};

use super::calls;
use crate::{
    env_vars::{self, Variable},
    failure::os_words,
};

/// The section of the file of credentials.
const SECTION: &str = "basic";
/// The service in the file of regions.
const SERVICE: &str = "KMS";

/// Where machines of Huawei Cloud find out about themselves.
const METADATA: &str = "http://169.254.169.254";

/// A provider that has done nothing yet.
pub(crate) fn provider() -> Arc<dyn KeyProvider> {
    Arc::new(HuaweiKms::reading(settings))
}

fn settings() -> Result<HuaweiSettings, String> {
    let file = place(env_vars::HUAWEICLOUD_SDK_CREDENTIALS_FILE, "credentials");
    let credentials = match of_variables()? {
        Some(credentials) => Some(credentials),
        None => file.as_ref().map_or(Ok(None), of_file)?,
    };
    let files = file.map_or_else(String::new, |file| format!(", and none in {}", file.name));
    Ok(HuaweiSettings {
        policy: CallPolicy::within(calls::deadline()?),
        credentials,
        looked: format!("HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK are not set{files}"),
        metadata: Some(METADATA.to_owned()),
        addresses: addresses()?,
        identity: env_vars::HUAWEICLOUD_SDK_IAM_ENDPOINT.non_empty().map(with_scheme),
        http: HttpSettings { proxy: calls::proxy_beyond_this_machine(), ..HttpSettings::default() },
    })
}

fn of_variables() -> Result<Option<HuaweiCredentials>, String> {
    let (id, key) = (env_vars::HUAWEICLOUD_SDK_AK, env_vars::HUAWEICLOUD_SDK_SK);
    match (id.non_empty(), key.non_empty()) {
        (Some(access_key), Some(secret_key)) => Ok(Some(HuaweiCredentials {
            access_key,
            secret_key: SecretBytes::from(secret_key),
            security_token: env_vars::HUAWEICLOUD_SDK_SECURITY_TOKEN
                .non_empty()
                .map(SecretBytes::from),
            project: env_vars::HUAWEICLOUD_SDK_PROJECT_ID.non_empty(),
            source: "the environment".to_owned(),
        })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(format!("{} is set, and {} is not", id.name, key.name)),
        (None, Some(_)) => Err(format!("{} is set, and {} is not", key.name, id.name)),
    }
}

fn of_file(file: &Place) -> Result<Option<HuaweiCredentials>, String> {
    let Some(text) = file.read()? else { return Ok(None) };
    let documents = file.parse(Format::Ini, text)?;
    let Some(Node::Map(section)) = documents.iter().find_map(|map| map.get(SECTION)) else {
        return Err(format!("{} has no section [{SECTION}]", file.name));
    };
    let field = |name: &str| text_of(section, name).filter(|text| !text.is_empty());
    let (Some(access_key), Some(secret_key)) = (field("ak"), field("sk")) else {
        return Err(format!("{} has no ak and sk in section [{SECTION}]", file.name));
    };
    let public = |text: SecretBytes| text.expose_str().unwrap_or_default().to_owned();
    Ok(Some(HuaweiCredentials {
        access_key: public(access_key),
        secret_key,
        security_token: field("security_token"),
        project: field("project_id").map(public),
        source: file.name.clone(),
    }))
}

/// Addresses by region, those of variables before those of the file.
fn addresses() -> Result<HashMap<String, String>, String> {
    let mut addresses = HashMap::new();
    if let Some(file) = place(env_vars::HUAWEICLOUD_SDK_REGIONS_FILE, "regions.yaml")
        && let Some(text) = file.read()?
    {
        let documents = file.parse(Format::Yaml, text)?;
        for service in documents.iter().flat_map(Mapping::pairs) {
            if let (true, Node::List(regions)) =
                (service.key.eq_ignore_ascii_case(SERVICE), &service.value)
            {
                addresses.extend(regions_of(regions));
            }
        }
    }
    for (region, address) in env_vars::HUAWEICLOUD_SDK_REGION_KMS_.all_after() {
        addresses.insert(region.to_ascii_lowercase().replace('_', "-"), first_of(&address));
    }
    Ok(addresses)
}

/// `[{id: REGION, endpoint: ADDRESS}]`, or `endpoints` with several.
fn regions_of(regions: &List) -> impl Iterator<Item = (String, String)> {
    let public = |text: SecretBytes| text.expose_str().map(str::to_owned);
    regions.items.iter().filter_map(move |item| {
        let Item::Value(Node::Map(region)) = item else { return None };
        let several = || match region.get("endpoints")? {
            Node::List(list) => list.values().find_map(text_of_node),
            _ => None,
        };
        let address = text_of(region, "endpoint").or_else(several)?;
        Some((public(text_of(region, "id")?)?, public(address)?))
    })
}

/// Of several addresses the first is asked.
fn first_of(addresses: &str) -> String {
    addresses.split(',').next().unwrap_or_default().trim().to_owned()
}

fn with_scheme(address: String) -> String {
    if address.contains("://") { address } else { format!("https://{address}") }
}

fn text_of(map: &Mapping, name: &str) -> Option<SecretBytes> {
    text_of_node(map.get(name)?)
}

fn text_of_node(node: &Node) -> Option<SecretBytes> {
    match node {
        Node::Leaf(leaf) => match &leaf.value {
            Value::Text(text) => Some(text.clone()),
            value => Some(value.canonical().into()),
        },
        _ => None,
    }
}

/// A file that a variable names, or that has its usual place.
struct Place {
    path: PathBuf,
    name: String,
}

fn place(variable: Variable, usual: &str) -> Option<Place> {
    if let Some(path) = variable.os().filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        let name = format!("{} (of {})", path.display(), variable.name);
        return Some(Place { path, name });
    }
    let home = super::home()?;
    let path = Path::new(&home).join(".huaweicloud").join(usual);
    Some(Place { path, name: format!("~/.huaweicloud/{usual}") })
}

impl Place {
    fn read(&self) -> Result<Option<SecretBytes>, String> {
        match fs::read(&self.path).map(SecretBytes::new) {
            Ok(text) => Ok(Some(text)),
            Err(error) if super::is_absent(&error) => Ok(None),
            Err(error) => Err(format!("open {}: {}", self.name, os_words(&error))),
        }
    }

    /// What is wrong with it is not repeated: there are keys in it.
    fn parse(&self, format: Format, text: SecretBytes) -> Result<Vec<Mapping>, String> {
        let parsed = format::parse(format, text);
        parsed
            .map(|parsed| parsed.tree.documents)
            .map_err(|_| format!("{} is not well-formed", self.name))
    }
}

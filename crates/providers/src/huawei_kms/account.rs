//! Who asks, where that is not configured: the credentials of a machine, the project of a caller.

use std::sync::PoisonError;
use std::time::Duration;

use reqwest::{Method, Url};
use serde::Deserialize;
use sops_core::crypto::SecretBytes;
use sops_core::keys::{MasterKey, ProviderError, Refusal};

use super::{HuaweiCredentials, HuaweiKms, Ready, Request, Target, is_word, regions, with_path};
use crate::call::{CallPolicy, Failed};
use crate::http;

/// How long the metadata of a machine may take. It is next door, or not there at all.
const METADATA: Duration = Duration::from_secs(3);

#[derive(Deserialize)]
struct Metadata {
    credential: Session,
}

#[derive(Deserialize)]
struct Session {
    access: String,
    secret: String,
    securitytoken: String,
}

#[derive(Deserialize)]
struct Projects {
    projects: Vec<Project>,
}

#[derive(Deserialize)]
struct Project {
    id: String,
}

impl HuaweiKms {
    /// The credentials that the metadata of this machine gives, if it is one of Huawei's.
    pub(super) async fn of_instance(
        &self,
        key: &MasterKey,
        ready: &Ready,
    ) -> Result<HuaweiCredentials, ProviderError> {
        let settings = &ready.settings;
        let none = |why: &str| {
            ProviderError::new(Refusal::NoCredentials, key, format!("{}{why}", settings.looked))
        };
        // Nothing in here can panic half way, so a poisoned value is whole.
        let known = || self.instance.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known().clone() {
            return Ok(found);
        }
        let Some(base) = &settings.metadata else { return Err(none("")) };
        let place = "the metadata of this machine";
        let deadline = settings.policy.deadline.min(METADATA);
        let policy = CallPolicy { deadline, attempts: 1 };
        let attempt = || async {
            let client = ready
                .http
                .client("http", policy)
                .map_err(|text| ProviderError::new(Refusal::BadSetting, key, text))?;
            let pass = client.put(format!("{base}/meta-data/latest/api/token"));
            let pass = pass.header("X-Metadata-Token-Ttl-Seconds", "21600");
            let pass = http::send(key, pass).await?;
            let mut request = client.get(format!("{base}/openstack/latest/securitykey"));
            // Older machines know no such pass, and ask for none.
            if pass.status == 200 {
                request = request.header("X-Metadata-Token", pass.body.expose());
            }
            let answer = http::send(key, request).await?;
            match answer.status {
                200 => Ok(answer.body),
                status => {
                    let text = format!("HTTP {status}");
                    Err(Failed::from(ProviderError::new(Refusal::NoCredentials, key, text)))
                }
            }
        };
        let answer = policy.call(key, place, attempt).await;
        let answer = answer.map_err(|error| none(&format!("; {place}: {}", error.text)))?;
        let Metadata { credential } = serde_json::from_slice(answer.expose())
            .map_err(|_| none(&format!("; {place} has no credentials in its answer")))?;
        let found = HuaweiCredentials {
            access_key: credential.access,
            secret_key: SecretBytes::from(credential.secret),
            security_token: Some(SecretBytes::from(credential.securitytoken)),
            project: None,
            source: place.to_owned(),
        };
        *known() = Some(found.clone());
        Ok(found)
    }

    /// The project of the caller in a region: the configured one, or what the identity service
    /// says.
    pub(super) async fn project(
        &self,
        key: &MasterKey,
        target: &Target<'_>,
    ) -> Result<String, ProviderError> {
        if let Some(project) = &target.credentials.project {
            return Ok(project.clone());
        }
        // Nothing in here can panic half way, so a poisoned map is whole.
        let known = || self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(project) = known().get(target.region) {
            return Ok(project.clone());
        }
        let given = target.ready.settings.identity.clone();
        let address = given.unwrap_or_else(|| regions::identity(target.region));
        let address = Url::parse(&address).map_err(|_| {
            let text = "the address of the identity service is no http or https address";
            ProviderError::new(Refusal::BadSetting, key, text)
        })?;
        let frame =
            "failed to get the project id, which is not configured, from the identity service";
        let query = format!("name={}", target.region);
        let address = with_path(&address, "/v3/projects");
        let request =
            Request { method: Method::GET, address, query: &query, project: None, body: b"" };
        let answer = self.ask(key, target, frame, &request).await?;
        let found = serde_json::from_slice::<Projects>(answer.expose()).ok();
        let found = found.map(|found| found.projects).unwrap_or_default();
        let [Project { id }] = &found[..] else {
            let text = format!("{frame}: there is not exactly one for {}", target.region);
            return Err(ProviderError::new(Refusal::NoCredentials, key, text));
        };
        if !is_word(id) {
            return Err(ProviderError::new(Refusal::Malformed, key, format!("{frame}: no id")));
        }
        known().insert(target.region.to_owned(), id.clone());
        Ok(id.clone())
    }
}

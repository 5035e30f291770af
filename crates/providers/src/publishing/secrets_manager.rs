//! Secrets of AWS Secrets Manager: one secret, whose text is JSON.

use std::sync::Arc;

use sops_core::crypto::SecretBytes;
use sops_core::format::json::Object;
use sops_core::keys::Refusal;

use super::aws::{AwsStores, Field, Service, Session, call, fields};
use super::{Held, Target, TargetError};

const SERVICE: Service = Service { name: "secretsmanager", id: "Secrets Manager" };

/// A secret.
pub struct Secret {
    /// The way to AWS.
    pub stores: Arc<AwsStores>,
    /// Its name.
    pub name: String,
    /// Its region; `None` is that of the environment.
    pub region: Option<String>,
    /// The KMS key it is made with; `None` is the account's own. A secret that is there keeps its.
    pub kms_key: Option<String>,
}

impl Secret {
    async fn call(
        &self,
        session: &Session<'_>,
        operation: &'static str,
        body: &[(&str, Field<'_>)],
    ) -> Result<Object, TargetError> {
        let answer = call(session, SERVICE, "secretsmanager", operation, fields(body)).await;
        answer.map_err(|error| {
            let error = match error.text.contains("InvalidRequestException") {
                true => error.advise(
                    "if the secret is marked for deletion, restore it (aws secretsmanager \
                     restore-secret), or publish under another name",
                ),
                false => error,
            };
            error.needs(format_args!(
                "secretsmanager:{operation} on arn:aws:secretsmanager:{}:ACCOUNT:secret:{}-*, and \
                 the use of its KMS key",
                session.region(),
                self.name
            ))
        })
    }
}

/// What tells one change from another, so that one that is sent twice is made once.
fn token() -> String {
    let random = fastrand::u128(..);
    format!("{random:032x}")
}

fn is_absent(error: &TargetError) -> bool {
    error.text.contains("api error ResourceNotFoundException")
}

#[async_trait::async_trait]
impl Target for Secret {
    async fn read(&self) -> Result<Held, TargetError> {
        let session = self.stores.session(SERVICE, self.region.as_deref()).await?;
        let asked = [("SecretId", Field::Text(&self.name))];
        match self.call(&session, "GetSecretValue", &asked).await {
            Ok(answer) => {
                // One that holds bytes is another secret than one that holds text.
                let content = answer.text_below(&["SecretString"]).unwrap_or_default();
                Ok(Held::Content { content, version: None })
            }
            Err(error) if is_absent(&error) => Ok(Held::Nothing { version: None }),
            Err(error) if error.refusal == Refusal::Denied => Ok(Held::Unknown(Some(error))),
            Err(error) => Err(error),
        }
    }

    async fn write(
        &self,
        content: &SecretBytes,
        held: &Held,
    ) -> Result<Option<String>, TargetError> {
        let session = self.stores.session(SERVICE, self.region.as_deref()).await?;
        let text = content.expose_str().unwrap_or_default();
        let token = token();
        let common =
            [("ClientRequestToken", Field::Text(&token)), ("SecretString", Field::Text(text))];
        let answer = match held {
            Held::Nothing { .. } => None,
            _ => {
                let mut put = vec![("SecretId", Field::Text(&self.name))];
                put.extend(common);
                match self.call(&session, "PutSecretValue", &put).await {
                    Ok(answer) => Some(answer),
                    // Nobody could look whether it is there.
                    Err(error) if is_absent(&error) => None,
                    Err(error) => return Err(error),
                }
            }
        };
        let answer = match answer {
            Some(answer) => answer,
            None => {
                let mut create = vec![("Name", Field::Text(&self.name))];
                create.extend(common);
                if let Some(key) = &self.kms_key {
                    create.push(("KmsKeyId", Field::Text(key)));
                }
                self.call(&session, "CreateSecret", &create).await?
            }
        };
        let version = answer.text_below(&["VersionId"]);
        Ok(version.and_then(|version| version.expose_str().map(str::to_owned)))
    }
}

//! Parameters of AWS Systems Manager Parameter Store. They are secure ones (`SecureString`) or none:
//! the value of any other is shown to whoever may list parameters.

use std::sync::Arc;

use sops_core::crypto::SecretBytes;
use sops_core::format::json::Object;
use sops_core::keys::Refusal;

use super::aws::{AwsStores, Field, Service, Session, call, fields};
use super::{Held, Target, TargetError};

const SERVICE: Service = Service { name: "ssm", id: "SSM" };
const KIND: &str = "SecureString";

/// A parameter.
pub struct Parameter {
    /// The way to AWS.
    pub stores: Arc<AwsStores>,
    /// Its name, with a slash in front.
    pub name: String,
    /// Its region; `None` is that of the environment.
    pub region: Option<String>,
    /// The KMS key it is encrypted with; `None` is the account's own.
    pub kms_key: Option<String>,
}

impl Parameter {
    async fn call(
        &self,
        session: &Session<'_>,
        operation: &'static str,
        body: &[(&str, Field<'_>)],
    ) -> Result<Object, TargetError> {
        let answer = call(session, SERVICE, "AmazonSSM", operation, fields(body)).await;
        answer.map_err(|error| {
            let error = match error.text.contains("ParameterAlreadyExists") {
                true => error.advise("somebody else has made it meanwhile: publish again"),
                false => error,
            };
            error.needs(format_args!(
                "ssm:{operation} on arn:aws:ssm:{}:ACCOUNT:parameter{}, and the use of its KMS key",
                session.region(),
                self.name
            ))
        })
    }
}

#[async_trait::async_trait]
impl Target for Parameter {
    async fn read(&self) -> Result<Held, TargetError> {
        let session = self.stores.session(SERVICE, self.region.as_deref()).await?;
        let asked = [("Name", Field::Text(&self.name)), ("WithDecryption", Field::Flag(true))];
        let answer = match self.call(&session, "GetParameter", &asked).await {
            Ok(answer) => answer,
            Err(error) if error.text.contains("api error ParameterNotFound") => {
                return Ok(Held::Nothing { version: None });
            }
            Err(error) if error.refusal == Refusal::Denied => {
                return Ok(Held::Unknown(Some(error)));
            }
            Err(error) => return Err(error),
        };
        let kind = answer.text_below(&["Parameter", "Type"]);
        if kind.as_ref().and_then(SecretBytes::expose_str) != Some(KIND) {
            let text = format!(
                "the parameter {} is there and is no {KIND}: its value is shown to whoever may \
                 list parameters",
                self.name
            );
            return Err(TargetError::new(Refusal::NotAllowed, text)
                .advise("delete it, or publish under another name; its kind cannot be changed"));
        }
        let content = answer.text_below(&["Parameter", "Value"]).unwrap_or_default();
        let version = answer.int_below(&["Parameter", "Version"]);
        Ok(Held::Content { content, version: version.and_then(|v| v.try_into().ok()) })
    }

    async fn write(
        &self,
        content: &SecretBytes,
        held: &Held,
    ) -> Result<Option<String>, TargetError> {
        let session = self.stores.session(SERVICE, self.region.as_deref()).await?;
        let new = matches!(held, Held::Nothing { .. });
        let mut put = vec![
            ("Name", Field::Text(&self.name)),
            ("Type", Field::Text(KIND)),
            ("Value", Field::Text(content.expose_str().unwrap_or_default())),
            ("Overwrite", Field::Flag(!new)),
        ];
        if let Some(key) = &self.kms_key {
            put.push(("KeyId", Field::Text(key)));
        }
        let answer = self.call(&session, "PutParameter", &put).await?;
        Ok(answer.int_below(&["Version"]).map(|version| version.to_string()))
    }
}

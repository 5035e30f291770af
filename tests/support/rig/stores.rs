//! S3, Secrets Manager and Parameter Store at moto, looked at past every client under test.

use std::time::Duration;

use serde_json::{Value, json};

use super::aws::{ACCOUNT, Aws, REGION};
use crate::http::{self, Message};

/// Long enough for a busy machine, short enough to fail a run.
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// The stores of one moto.
#[derive(Clone, Debug)]
pub struct Stores {
    url: String,
    aws: Aws,
}

impl Stores {
    /// Those beside the emulator of STS.
    pub fn of(aws: &Aws) -> Self {
        Self { url: aws.sts.clone(), aws: aws.clone() }
    }

    /// The variables a client needs.
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut variables = self.aws.environment();
        for service in ["SECRETS_MANAGER", "SSM"] {
            variables.push((format!("AWS_ENDPOINT_URL_{service}"), self.url.clone()));
        }
        variables
    }

    /// Makes a bucket.
    #[track_caller]
    pub fn bucket(&self, name: &str) {
        assert_eq!(self.call("s3", "PUT", &format!("/{name}"), None, b"").status(), 200);
    }

    /// An object; `None` if there is none.
    #[track_caller]
    pub fn object(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let answer = self.call("s3", "GET", &format!("/{bucket}/{key}"), None, b"");
        match answer.status() {
            200 => Some(answer.body),
            404 => None,
            status => panic!("{bucket}/{key}: HTTP {status}"),
        }
    }

    /// The names of all objects of a bucket, sorted.
    #[track_caller]
    pub fn objects(&self, bucket: &str) -> Vec<String> {
        let answer = self.call("s3", "GET", &format!("/{bucket}?list-type=2"), None, b"");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let mut names: Vec<_> = text
            .split("<Key>")
            .skip(1)
            .filter_map(|rest| rest.split("</Key>").next().map(str::to_owned))
            .collect();
        names.sort();
        names
    }

    /// Asks Secrets Manager. An error is what it answered.
    pub fn secrets(&self, operation: &str, body: &Value) -> Result<Value, String> {
        self.json("secretsmanager", &format!("secretsmanager.{operation}"), body)
    }

    /// The text of a secret; `None` if there is none.
    pub fn secret(&self, name: &str) -> Option<String> {
        let answer = self.secrets("GetSecretValue", &json!({ "SecretId": name })).ok()?;
        answer["SecretString"].as_str().map(str::to_owned)
    }

    /// How many versions of a secret were made.
    #[track_caller]
    pub fn secret_versions(&self, name: &str) -> usize {
        let asked = json!({ "SecretId": name, "IncludeDeprecated": true });
        let answer = self.secrets("ListSecretVersionIds", &asked).expect("there is a secret");
        answer["Versions"].as_array().map_or(0, Vec::len)
    }

    /// Asks Parameter Store. An error is what it answered.
    pub fn parameters(&self, operation: &str, body: &Value) -> Result<Value, String> {
        self.json("ssm", &format!("AmazonSSM.{operation}"), body)
    }

    /// Kind, version and value of a parameter; `None` if there is none.
    pub fn parameter(&self, name: &str) -> Option<(String, i64, String)> {
        let asked = json!({ "Name": name, "WithDecryption": true });
        let answer = self.parameters("GetParameter", &asked).ok()?;
        let found = &answer["Parameter"];
        let text = |key: &str| found[key].as_str().map(str::to_owned);
        Some((text("Type")?, found["Version"].as_i64()?, text("Value")?))
    }

    fn json(&self, service: &str, target: &str, body: &Value) -> Result<Value, String> {
        let answer = self.call(service, "POST", "/", Some(target), body.to_string().as_bytes());
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        match answer.status() {
            200 => serde_json::from_str(&text).map_err(|error| format!("{error}: {text}")),
            status => Err(format!("{target}: HTTP {status}: {text}")),
        }
    }

    #[track_caller]
    fn call(
        &self,
        service: &str,
        method: &str,
        path: &str,
        target: Option<&str>,
        body: &[u8],
    ) -> Message {
        let address = http::host_of(&self.url);
        let scope = format!("{ACCOUNT}/20260101/{REGION}/{service}/aws4_request");
        // The emulator looks at service and region, and checks no signature.
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let mut headers = vec![("Host", address), ("Authorization", authorization.as_str())];
        if let Some(target) = target {
            headers.push(("X-Amz-Target", target));
            headers.push(("Content-Type", "application/x-amz-json-1.1"));
        }
        let request = Message {
            start: format!("{method} {path} HTTP/1.1"),
            headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            body: body.to_vec(),
        };
        http::send(address, &request, CALL_LIMIT).expect("the emulator answers")
    }
}

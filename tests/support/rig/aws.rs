//! AWS on loopback: LocalStack for KMS, moto for STS and S3.
//!
//! The keys below have fixed ids *and* fixed material, so a file that was encrypted under one of
//! them in an earlier run, and is kept as test data, still opens. All tests share them: a test
//! that changes the state of a key makes one of its own with [`Aws::create_key`].

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::fault::FaultProxy;
use crate::http::{self, Message};

/// The account whose keys these are; as access key id it also says so to the emulator.
pub const ACCOUNT: &str = "111122223333";
/// The other account.
pub const SECOND_ACCOUNT: &str = "444455556666";
/// The region of all keys but [`REPLICA`].
pub const REGION: &str = "us-east-1";
/// The region of [`REPLICA`].
pub const SECOND_REGION: &str = "eu-west-1";

/// The key for everything that is not about keys.
pub const MAIN: &str =
    "arn:aws:kms:us-east-1:111122223333:key/00000001-0000-4000-8000-000000000001";
/// Another usable key.
pub const OTHER: &str =
    "arn:aws:kms:us-east-1:111122223333:key/00000002-0000-4000-8000-000000000002";
/// A disabled key.
pub const DISABLED: &str =
    "arn:aws:kms:us-east-1:111122223333:key/00000003-0000-4000-8000-000000000003";
/// A key whose deletion is scheduled.
pub const PENDING_DELETION: &str =
    "arn:aws:kms:us-east-1:111122223333:key/00000004-0000-4000-8000-000000000004";
/// A key of [`SECOND_ACCOUNT`].
pub const FOREIGN: &str =
    "arn:aws:kms:us-east-1:444455556666:key/00000005-0000-4000-8000-000000000005";
/// An RSA key that signs, so it encrypts nothing.
pub const SIGN: &str =
    "arn:aws:kms:us-east-1:111122223333:key/00000006-0000-4000-8000-000000000006";
/// A usable key in [`SECOND_REGION`], unrelated to the multi-region one.
pub const ELSEWHERE: &str =
    "arn:aws:kms:eu-west-1:111122223333:key/00000007-0000-4000-8000-000000000007";
/// The alias of [`MAIN`].
pub const ALIAS: &str = "arn:aws:kms:us-east-1:111122223333:alias/sops-main";
/// The multi-region key.
pub const MULTI_REGION: &str =
    "arn:aws:kms:us-east-1:111122223333:key/mrk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// The same multi-region key in [`SECOND_REGION`]; it opens the same blobs.
pub const REPLICA: &str =
    "arn:aws:kms:eu-west-1:111122223333:key/mrk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// A key id that nobody has.
pub const MISSING: &str =
    "arn:aws:kms:us-east-1:111122223333:key/0000dead-0000-4000-8000-00000000dead";
/// A role that can be assumed at the STS emulator: any name in this account can.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/sops-test";

/// Long enough for a busy machine, short enough to fail a run.
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// Where the emulators listen.
#[derive(Clone, Debug)]
pub struct Aws {
    /// `http://127.0.0.1:PORT` of KMS.
    pub kms: String,
    /// `http://127.0.0.1:PORT` of STS and S3.
    pub sts: String,
}

impl Aws {
    /// Emulators at these addresses.
    pub fn at(kms: impl Into<String>, sts: impl Into<String>) -> Self {
        Self { kms: kms.into(), sts: sts.into() }
    }

    /// The same emulators, with KMS behind a proxy.
    pub fn through(&self, proxy: &FaultProxy) -> Self {
        Self::at(proxy.url(), &self.sts)
    }

    /// The variables a client needs; each service has its own, since the Go SDK ignores the
    /// general one for some of its STS calls.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ACCESS_KEY_ID", ACCOUNT),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_ENDPOINT_URL_KMS", &self.kms),
            ("AWS_ENDPOINT_URL_STS", &self.sts),
            ("AWS_ENDPOINT_URL_S3", &self.sts),
            ("AWS_REGION", REGION),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// Calls KMS directly, past any proxy: `kms("us-east-1", ACCOUNT, "DisableKey", …)`. An error
    /// is what the service answered.
    pub fn kms(
        &self,
        region: &str,
        account: &str,
        operation: &str,
        body: Value,
    ) -> Result<Value, String> {
        let address = http::host_of(&self.kms);
        let scope = format!("{account}/20260101/{region}/kms/aws4_request");
        // The emulator looks at account and region, and checks no signature.
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let request = Message {
            start: "POST / HTTP/1.1".into(),
            headers: [
                ("Host", address),
                ("Authorization", &authorization),
                ("X-Amz-Target", &format!("TrentService.{operation}")),
                ("Content-Type", "application/x-amz-json-1.1"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            body: body.to_string().into_bytes(),
        };
        let answer =
            http::send(address, &request, CALL_LIMIT).map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        if answer.status() != 200 {
            return Err(format!("{operation}: HTTP {}: {text}", answer.status()));
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).map_err(|error| format!("{operation}: {error}: {text}"))
    }

    /// Makes a usable key for one test and gives its ARN.
    pub fn create_key(&self, region: &str) -> String {
        let answer = self.kms(region, ACCOUNT, "CreateKey", json!({})).expect("a key can be made");
        answer["KeyMetadata"]["Arn"].as_str().expect("a key has an ARN").to_owned()
    }

    /// Makes the keys of this module. Called once, by whoever started the emulator.
    pub fn create_fixed_keys(&self) -> Result<(), String> {
        self.fixed(MAIN, 1, json!({}))?;
        self.kms(
            REGION,
            ACCOUNT,
            "CreateAlias",
            json!({"AliasName": "alias/sops-main", "TargetKeyId": MAIN}),
        )?;
        self.fixed(OTHER, 2, json!({}))?;
        self.fixed(DISABLED, 3, json!({}))?;
        self.kms(REGION, ACCOUNT, "DisableKey", json!({"KeyId": DISABLED}))?;
        self.fixed(PENDING_DELETION, 4, json!({}))?;
        self.kms(REGION, ACCOUNT, "ScheduleKeyDeletion", json!({"KeyId": PENDING_DELETION}))?;
        self.fixed(FOREIGN, 5, json!({}))?;
        let rsa = json!({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"});
        self.create(SIGN, None, rsa)?;
        self.fixed(MULTI_REGION, 6, json!({"MultiRegion": true}))?;
        let replica = json!({"KeyId": MULTI_REGION, "ReplicaRegion": SECOND_REGION});
        self.kms(REGION, ACCOUNT, "ReplicateKey", replica)?;
        self.fixed(ELSEWHERE, 7, json!({}))
    }

    fn fixed(&self, arn: &str, material: u8, options: Value) -> Result<(), String> {
        self.create(arn, Some([material; 32]), options)
    }

    /// Makes the key that has this ARN. Id and material are given as tags, which is the
    /// emulator's own way to fix them.
    fn create(
        &self,
        arn: &str,
        material: Option<[u8; 32]>,
        mut options: Value,
    ) -> Result<(), String> {
        let (region, account, id) = parts(arn);
        let mut tags = vec![json!({"TagKey": "_custom_id_", "TagValue": id})];
        if let Some(material) = material {
            let value = STANDARD.encode(material);
            tags.push(json!({"TagKey": "_custom_key_material_", "TagValue": value}));
        }
        options["Tags"] = tags.into();
        let answer = self.kms(region, account, "CreateKey", options)?;
        match answer["KeyMetadata"]["Arn"].as_str() {
            Some(made) if made == arn => Ok(()),
            made => Err(format!("wanted {arn}, got {made:?}")),
        }
    }
}

/// Region, account and key id of a key ARN.
fn parts(arn: &str) -> (&str, &str, &str) {
    let mut fields = arn.split(':').skip(3);
    let region = fields.next().expect("an ARN has a region");
    let account = fields.next().expect("an ARN has an account");
    let resource = fields.next().expect("an ARN has a resource");
    (region, account, resource.trim_start_matches("key/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::need;

    fn encrypt(aws: &Aws, arn: &str) -> Result<Value, String> {
        let (region, account, _) = parts(arn);
        let plaintext = STANDARD.encode([9; 32]);
        aws.kms(region, account, "Encrypt", json!({"KeyId": arn, "Plaintext": plaintext}))
    }

    #[test]
    fn the_usable_keys_encrypt_and_the_others_say_why_not() {
        let Some(aws) = need::aws() else { return };
        for arn in [MAIN, OTHER, FOREIGN, ELSEWHERE, ALIAS, MULTI_REGION, REPLICA] {
            encrypt(&aws, arn).unwrap();
        }
        let refused = [
            (DISABLED, "DisabledException"),
            (PENDING_DELETION, "KMSInvalidStateException"),
            (SIGN, "InvalidKeyUsageException"),
            (MISSING, "NotFoundException"),
        ];
        for (arn, code) in refused {
            let error = encrypt(&aws, arn).unwrap_err();
            assert!(error.contains(code), "{arn}: {error}");
        }
    }

    #[test]
    fn a_replica_opens_what_the_first_region_wrapped() {
        let Some(aws) = need::aws() else { return };
        let blob = encrypt(&aws, MULTI_REGION).unwrap()["CiphertextBlob"].clone();
        let request = json!({"KeyId": REPLICA, "CiphertextBlob": blob});
        let opened = aws.kms(SECOND_REGION, ACCOUNT, "Decrypt", request).unwrap();
        assert_eq!(opened["Plaintext"], STANDARD.encode([9; 32]));
    }

    #[test]
    fn fixed_material_opens_a_blob_of_an_earlier_run() {
        let Some(aws) = need::aws() else { return };
        let request = json!({"CiphertextBlob": BLOB_OF_AN_EARLIER_RUN});
        let opened = aws.kms(REGION, ACCOUNT, "Decrypt", request).unwrap();
        assert_eq!(opened["Plaintext"], STANDARD.encode([9; 32]));
        assert_eq!(opened["KeyId"], MAIN);
    }

    /// 32 bytes of 9 under [`MAIN`], wrapped by another process of the emulator.
    const BLOB_OF_AN_EARLIER_RUN: &str = "MDAwMDAwMDEtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAxfz/wugjhTSg8OssDXkoVJcaF3+jNGIR6cqn8grDmLRXnwKDhf8XH6rxd4chPbWaZ4+6IwkCrscd/VZ6UvVldQS4p55ijrCZQvpYjiNUSsAk=";
}

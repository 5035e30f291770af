//! Wraps and opens with one AWS KMS key and the credentials of the environment, and prints what
//! came of it: what a test needs in a process of its own, since variables belong to a process.
//!
//! The argument is `ARN[+ROLE][|PROFILE]`.

use sops_core::{
    crypto::KeyPart,
    keys::{Attempt, AwsKmsKey, KeyProvider, MasterKey},
};
use sops_providers::{AwsKms, AwsSettings};

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stdout, reason = "how the outcome gets out of the process")]
#[allow(clippy::expect_used, reason = "a probe that was called wrongly fails its test")]
async fn main() {
    let text = std::env::args().nth(1).expect("the key");
    let (arn, profile) = text.split_once('|').unwrap_or((&text, ""));
    let mut key = AwsKmsKey::parse(arn).expect("an ARN");
    key.profile = Some(profile.to_owned()).filter(|profile| !profile.is_empty());
    let profile_in_environment = std::env::var("AWS_PROFILE").ok();
    let settings = AwsSettings { profile_in_environment, ..AwsSettings::default() };
    let provider = AwsKms::new(settings);
    let key = MasterKey::AwsKms(key);
    let part = KeyPart::new(vec![7; 32]);
    match provider.wrap(&key, &part).await {
        Err(error) => println!("{:?} {error}", error.refusal),
        Ok(enc) => match provider.open(&key, &enc).await {
            Attempt::Opened(found) => println!("opened {}", found == part),
            other => println!("{other:?}"),
        },
    }
}

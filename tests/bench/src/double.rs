//! A double of AWS KMS: one operation, `Decrypt` (AWS KMS API Reference, JSON 1.1), that takes as
//! long as it is told and is counted. It wraps nothing: a blob holds the data key after a prefix.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sops_tests::double::{Double, answer};
use sops_tests::rig::aws::{Aws, MAIN};

/// What every blob of the double begins with.
const PREFIX: &[u8] = b"double of KMS: ";

/// A running double.
pub(crate) struct Kms {
    double: Double,
    calls: Arc<AtomicUsize>,
}

impl Kms {
    /// Answers each call after `delay`, as many at the same time as there are connections.
    pub(crate) fn start(delay: Duration) -> Self {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let double = Double::new(move |request| {
            counted.fetch_add(1, Ordering::Relaxed);
            thread::sleep(delay);
            match opened(&request.body) {
                Some(body) => answer(200, &[("Content-Type", "application/x-amz-json-1.1")], &body),
                None => answer(400, &[], r#"{"__type":"InvalidCiphertextException"}"#),
            }
        });
        Self { double, calls }
    }

    /// How often it was called.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// The variables by which a client finds it.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        Aws::at(self.double.url(), self.double.url()).environment()
    }
}

/// A data key as the double wraps it: `enc` of a key entry.
pub(crate) fn wrapped(data_key: &[u8]) -> String {
    STANDARD.encode([PREFIX, data_key].concat())
}

fn opened(body: &[u8]) -> Option<String> {
    let request: Value = serde_json::from_slice(body).ok()?;
    let blob = STANDARD.decode(request["CiphertextBlob"].as_str()?).ok()?;
    let key = STANDARD.encode(blob.strip_prefix(PREFIX)?);
    let answer =
        json!({"KeyId": MAIN, "Plaintext": key, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"});
    Some(answer.to_string())
}

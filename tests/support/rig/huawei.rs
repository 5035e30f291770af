//! A double of Huawei Cloud KMS: two operations of its public interface, with signatures that are
//! recomputed by the public description of them. It is not the service: what it says about errors
//! comes from the public list of codes, and keys lie in its memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::double::{self, Double};
use crate::http::Message;

/// The access key that may do everything.
pub const ACCESS_KEY: &str = "rigak";
/// One that may do nothing; it has the same secret.
pub const DENIED: &str = "deniedak";
/// The secret of both.
pub const SECRET: &str = "rigsk";
/// The project of both.
pub const PROJECT: &str = "rigproject";
/// A region that the public list does not have.
pub const REGION: &str = "rig-north-1";

/// A key that is there from the start.
pub const KEY: &str = "0d0466b0-e727-4d9c-b35d-f84bb474a37f";
/// A disabled one.
pub const DISABLED: &str = "0d0466b0-e727-4d9c-b35d-f84bb474a380";
/// One whose deletion is scheduled.
pub const PENDING_DELETION: &str = "0d0466b0-e727-4d9c-b35d-f84bb474a381";
/// Another usable one.
pub const OTHER: &str = "0d0466b0-e727-4d9c-b35d-f84bb474a382";
/// An id that nobody has.
pub const MISSING: &str = "0d0466b0-e727-4d9c-b35d-f84bb474dead";

/// A running double. Dropping it ends it.
#[derive(Debug)]
pub struct HuaweiDouble {
    double: Double,
    faults: Arc<Mutex<Vec<Message>>>,
}

impl HuaweiDouble {
    /// Starts one with the keys of this module.
    pub fn start() -> Self {
        let faults = Arc::new(Mutex::new(Vec::<Message>::new()));
        let keys = Arc::new(HashMap::from([
            (KEY, "2"),
            (OTHER, "2"),
            (DISABLED, "3"),
            (PENDING_DELETION, "4"),
        ]));
        let double = Double::new({
            let faults = Arc::clone(&faults);
            move |request| {
                let fault = faults.lock().unwrap_or_else(PoisonError::into_inner).pop();
                fault.or_else(|| answer(request, &keys))
            }
        });
        Self { double, faults }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.double.url()
    }

    /// The first lines of all requests so far.
    pub fn seen(&self) -> Vec<String> {
        self.double.seen()
    }

    /// Answers the next `times` requests with this.
    pub fn fails(&self, times: usize, status: u16, body: &str) {
        let message = double::answer(status, &[], body).expect("an answer");
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.extend(std::iter::repeat_n(message, times));
    }

    /// The variables that a client needs.
    pub fn environment(&self) -> Vec<(String, String)> {
        let variable = REGION.to_uppercase().replace('-', "_");
        [
            ("HUAWEICLOUD_SDK_AK", ACCESS_KEY.to_owned()),
            ("HUAWEICLOUD_SDK_SK", SECRET.to_owned()),
            ("HUAWEICLOUD_SDK_PROJECT_ID", PROJECT.to_owned()),
            (&format!("HUAWEICLOUD_SDK_REGION_KMS_{variable}"), self.url()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

type Refused = (u16, Value);

fn answer(request: &Message, keys: &HashMap<&str, &str>) -> Option<Message> {
    let result = authenticate(request).and_then(|()| route(request, keys));
    let (status, body) = match result {
        Ok(body) => (200, body),
        Err(refused) => refused,
    };
    double::answer(status, &[("Content-Type", "application/json")], &body.to_string())
}

fn refused(status: u16, code: &str, text: &str) -> Refused {
    (status, json!({"error": {"error_code": code, "error_msg": text}}))
}

fn authenticate(request: &Message) -> Result<(), Refused> {
    let bad = |text: &str| {
        let text = format!("Incorrect IAM authentication information: {text}");
        let body =
            json!({"error_code": "APIGW.0301", "error_msg": text, "request_id": "0".repeat(32)});
        (401, body)
    };
    let header = request.header("authorization").unwrap_or_default();
    let field = |name: &str| {
        let (_, rest) = header.split_once(&format!("{name}="))?;
        rest.split(',').next().map(str::to_owned)
    };
    let fields = header
        .strip_prefix("SDK-HMAC-SHA256 ")
        .and_then(|_| Some((field("Access")?, field("SignedHeaders")?, field("Signature")?)));
    let (access, signed, signature) = fields.ok_or_else(|| bad("decrypt token fail"))?;
    if access != ACCESS_KEY && access != DENIED {
        return Err(bad("the AK does not exist"));
    }
    if sign(request, &signed) != signature {
        return Err(bad("verify aksk signature fail"));
    }
    if access == DENIED {
        return Err(refused(
            403,
            "KMS.0303",
            "You do not have permission to perform this operation.",
        ));
    }
    Ok(())
}

/// The signature that the request should have.
fn sign(request: &Message, signed: &str) -> String {
    let mut words = request.start.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = format!("{}/", path.trim_end_matches('/'));
    let mut fields: Vec<&str> = query.split('&').collect();
    fields.sort_unstable();
    let header = |name: &str| request.header(name).unwrap_or_default().trim().to_owned();
    let headers: String =
        signed.split(';').map(|name| format!("{name}:{}\n", header(name))).collect();
    let body = hex(&Sha256::digest(&request.body));
    let canonical = [method, &path, &fields.join("&"), &headers, signed, &body].join("\n");
    let date = header("x-sdk-date");
    let text = format!("SDK-HMAC-SHA256\n{date}\n{}", hex(&Sha256::digest(canonical)));
    hex(&mac(SECRET.as_bytes(), text.as_bytes()))
}

fn route(request: &Message, keys: &HashMap<&str, &str>) -> Result<Value, Refused> {
    let target = request.start.split(' ').nth(1).unwrap_or_default();
    if target.starts_with("/v3/projects?name=") {
        return Ok(json!({"projects": [{"id": PROJECT, "name": REGION}]}));
    }
    let rest = target.strip_prefix(&format!("/v1.0/{PROJECT}/kms/"));
    let operation = rest.ok_or_else(|| {
        refused(403, "KMS.0303", "The project id does not match the credentials.")
    })?;
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|_| refused(400, "KMS.0202", "Invalid JSON format of the request message."))?;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let missing = || refused(400, "KMS.0204", "Parameters missing in the request message.");
    if text("encryption_algorithm") != "SYMMETRIC_DEFAULT" {
        return Err(missing());
    }
    match operation {
        "encrypt-data" => {
            let id = text("key_id");
            check(&id, keys)?;
            let plain = STANDARD.decode(text("plain_text")).ok().filter(|plain| !plain.is_empty());
            let wrapped = wrap(&id, &plain.ok_or_else(missing)?);
            Ok(json!({"key_id": id, "cipher_text": STANDARD.encode(wrapped)}))
        }
        "decrypt-data" => {
            let matches = || refused(400, "KMS.0415", "Invalid matches.");
            let wrapped = STANDARD.decode(text("cipher_text")).map_err(|_| matches())?;
            let (id, plain) = unwrap(&wrapped).ok_or_else(matches)?;
            check(&id, keys)?;
            if ![String::new(), id.clone()].contains(&text("key_id")) {
                return Err(matches());
            }
            Ok(json!({"key_id": id, "plain_text": STANDARD.encode(plain)}))
        }
        _ => Err(refused(404, "KMS.0201", "Invalid request URL.")),
    }
}

fn check(id: &str, keys: &HashMap<&str, &str>) -> Result<(), Refused> {
    match keys.get(id).copied() {
        None => Err(refused(400, "KMS.0205", "Invalid key ID.")),
        Some("3") => Err(refused(400, "KMS.0209", "The key has been disabled.")),
        Some("4") => Err(refused(
            400,
            "KMS.0210",
            "The key is in Scheduled deletion state and cannot be used.",
        )),
        Some(_) => Ok(()),
    }
}

/// Key id, a number used once, the text under a stream of hashes, and a hash over all of it: enough
/// to notice what a real cipher would notice.
fn wrap(id: &str, plain: &[u8]) -> Vec<u8> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = (NEXT.fetch_add(1, Ordering::Relaxed) as u64).to_be_bytes();
    let mut wrapped = [id.as_bytes(), &number, &stream(id, &number, plain)].concat();
    let tag = mac(id.as_bytes(), &wrapped);
    wrapped.extend(tag);
    wrapped
}

fn unwrap(wrapped: &[u8]) -> Option<(String, Vec<u8>)> {
    let (id, rest) = wrapped.split_at_checked(36)?;
    let id = std::str::from_utf8(id).ok()?;
    let (number, rest) = rest.split_at_checked(8)?;
    let (hidden, tag) = rest.split_at_checked(rest.len().checked_sub(32)?)?;
    let whole = &wrapped[..wrapped.len() - 32];
    (mac(id.as_bytes(), whole) == tag).then(|| (id.to_owned(), stream(id, number, hidden)))
}

fn stream(id: &str, number: &[u8], text: &[u8]) -> Vec<u8> {
    let blocks =
        (0_u8..).flat_map(|block| mac(id.as_bytes(), &[b"stream", number, &[block]].concat()));
    text.iter().zip(blocks).map(|(byte, mask)| byte ^ mask).collect()
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is fine");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

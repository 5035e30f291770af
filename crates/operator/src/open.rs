//! An object → opened templates, by way of the core.
//!
//! Rules of this module:
//!
//! - Nothing that is wrong is taken for "there are no templates".
//! - The texts of its errors name key paths and keys, never values.

use std::sync::Arc;

use serde_json::value::RawValue;
use sops_core::crypto::SecretBytes;
use sops_core::sops_secret::{self, OpenedTemplates, StoredError, StoredObject};

use crate::keys::{self, Held, Keys, Lack};
use crate::object::SopsSecret;
use crate::status::Reason;

/// The annotation by which an object claims the canonical form.
pub(crate) const CANONICAL: &str = sops_secret::CANONICAL_ANNOTATION;

/// What the MAC of an object is worth, for indexes and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Integrity {
    Verified,
    Unverifiable,
    Mismatch,
}

impl Integrity {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Verified => "Verified",
            Self::Unverifiable => "Unverifiable",
            Self::Mismatch => "Mismatch",
        }
    }

    pub(crate) fn of(integrity: &sops_secret::Integrity) -> Self {
        match integrity {
            sops_secret::Integrity::Verified => Self::Verified,
            sops_secret::Integrity::Unverifiable(_) => Self::Unverifiable,
            sops_secret::Integrity::Mismatch(_) => Self::Mismatch,
        }
    }
}

/// Why an object did not open.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) reason: Reason,
    pub(crate) detail: String,
}

/// Opens the templates of an object; gives what opened them, too.
pub(crate) async fn open(
    keys: &Keys,
    object: &SopsSecret,
) -> Result<(OpenedTemplates, Arc<Held>), Closed> {
    let stored = read(object)?;
    let name = object.name();
    let held = keys.data_key(&name, stored.metadata()).await.map_err(|error| {
        let reason = match keys::lack(&error) {
            Lack::NoneUsable => Reason::NoUsableKey,
            Lack::Denied => Reason::KeyDenied,
            Lack::Unavailable => Reason::KeyUnavailable,
        };
        Closed { reason, detail: keys::explain(&error) }
    })?;
    let opened = stored.open(&held.data_key).map_err(|error| {
        let hint = "the value, its place or the data key was changed since it was encrypted";
        Closed { reason: Reason::BadCiphertext, detail: format!("{error}; {hint}") }
    })?;
    if opened.templates.values().next().is_none() {
        return Err(no_templates(object));
    }
    Ok((opened, held))
}

/// Takes an object apart, without asking any key.
pub(crate) fn read(object: &SopsSecret) -> Result<StoredObject, Closed> {
    let Some(sops) = &object.sops else { return Err(not_encrypted()) };
    #[derive(serde::Deserialize)]
    struct Spec<'a> {
        #[serde(rename = "secretTemplates", borrow, default)]
        templates: Option<&'a RawValue>,
    }
    let spec = object.spec.as_ref().map(|spec| serde_json::from_str::<Spec<'_>>(spec.get()));
    let templates = match &spec {
        Some(Ok(spec)) => spec.templates,
        Some(Err(_)) | None => None,
    };
    let Some(templates) = templates else { return Err(no_templates(object)) };
    let claim = match object.annotation(CANONICAL) {
        Some(value) => serde_json::json!({ CANONICAL: value }),
        None => serde_json::json!({}),
    };
    let text = format!(
        r#"{{"metadata":{{"annotations":{claim}}},"spec":{{"secretTemplates":{}}},"sops":{}}}"#,
        templates.get(),
        sops.get()
    );
    StoredObject::read(SecretBytes::from(text)).map_err(|error| match error {
        StoredError::NotSealed => not_encrypted(),
        StoredError::NoTemplates => no_templates(object),
        other => Closed { reason: Reason::Malformed, detail: chain(&other) },
    })
}

fn not_encrypted() -> Closed {
    let detail = "the object has no sops section; its values are readable for everyone who may \
                  read it: encrypt it with sops, and change what it holds"
        .to_owned();
    Closed { reason: Reason::NotEncrypted, detail }
}

fn no_templates(object: &SopsSecret) -> Closed {
    match &object.metadata.older_version {
        Some(version) => {
            let detail = format!(
                "spec was written as {version}, through which its templates were lost; encrypt and \
                 apply it as {}/{}",
                crate::crd::GROUP,
                crate::crd::VERSION
            );
            Closed { reason: Reason::OldVersion, detail }
        }
        // The API server forgets who wrote what when an object is written through another version
        // than before.
        None => {
            let detail = "the object has no spec.secretTemplates, which a write through v1alpha1 \
                          loses; its Secrets stay as they are";
            Closed { reason: Reason::NoTemplates, detail: detail.to_owned() }
        }
    }
}

/// Why an object could not be verified, in words.
pub(crate) fn doubt(integrity: &sops_secret::Integrity) -> Option<String> {
    match integrity {
        sops_secret::Integrity::Verified => None,
        sops_secret::Integrity::Unverifiable(doubt) | sops_secret::Integrity::Mismatch(doubt) => {
            Some(doubt.to_string())
        }
    }
}

/// Why an opened object is not taken. `demanded`: only verified ones are, and such as show nothing
/// in clear, which no MAC covers.
pub(crate) fn refused(opened: &OpenedTemplates, demanded: bool) -> Option<Closed> {
    let integrity = Integrity::of(&opened.integrity);
    let doubt = doubt(&opened.integrity).unwrap_or_default();
    if integrity == Integrity::Mismatch {
        let detail = format!("the object claims the canonical form and does not verify: {doubt}");
        return Some(Closed { reason: Reason::IntegrityMismatch, detail });
    }
    let why = match opened.in_clear.first() {
        _ if !demanded => return None,
        _ if integrity != Integrity::Verified => doubt,
        Some(path) => format!("{path} stands in clear, where the MAC does not cover it"),
        None => return None,
    };
    let detail = format!("only verified objects are taken here: {why}; see sops-rs seal");
    Some(Closed { reason: Reason::NotVerified, detail })
}

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = next.source();
    }
    text
}

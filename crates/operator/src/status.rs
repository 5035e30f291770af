//! The status of a SopsSecret: the one text that the original writes, and what we say beside it.
//!
//! Rules of this module:
//!
//! - `message` is one of eight texts, letter by letter (operator spec §6.1): scripts compare it.
//! - Reasons come from closed sets, so they can be labels of metrics.
//! - Nothing here holds a value, or a label or annotation of a template.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde::{Deserialize, Serialize};

/// `status` of a SopsSecret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) observed_generation: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) conditions: Vec<Condition>,
    /// One for each template, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) secrets: Vec<SecretStatus>,
    /// What was opened last, so that it need not be opened again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) applied: Option<Applied>,
}

/// What became of one template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SecretStatus {
    /// Empty where the template has none.
    pub(crate) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) uid: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) resource_version: String,
    /// The id of its content ([`crate::content`]).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) content: String,
    /// `Synced`, or a reason of [`TemplateReason`].
    pub(crate) result: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) detail: String,
}

/// What the Secrets were made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Applied {
    /// Of the *encrypted* object ([`crate::fingerprint`]).
    pub(crate) digest: String,
    /// When every template was last found or made right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<Time>,
}

/// The texts of `status.message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Message {
    Healthy,
    Suspended,
    DecryptionError,
    NotOwned,
    CreationError,
    UpdateError,
    #[allow(dead_code, reason = "one of the eight; no step of ours can fail that way")]
    OwnershipError,
    Unknown,
}

impl Message {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Suspended => "Reconciliation is suspended",
            Self::DecryptionError => "Decryption error",
            Self::NotOwned => "Child secret is not owned by controller error",
            Self::CreationError => "New child secret creation error",
            Self::UpdateError => "Child secret update error",
            Self::OwnershipError => "Setting controller ownership of the child secret error",
            Self::Unknown => "Unknown Error",
        }
    }
}

/// Why an object as a whole is as it is: reasons of the condition `Ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// Every template is a Secret.
    Synced,
    /// `spec.suspend`.
    Suspended,
    /// There is no `sops` block: nothing is encrypted.
    NotEncrypted,
    /// The object is not understood.
    Malformed,
    /// It has no template; that is never taken for "delete everything".
    NoTemplates,
    /// It was written through an older API version, which lost its templates.
    OldVersion,
    /// No identity of this operator, or no key of the object, fits.
    NoUsableKey,
    /// A key service refuses.
    KeyDenied,
    /// A key service does not answer.
    KeyUnavailable,
    /// A value does not open.
    BadCiphertext,
    /// The MAC does not match, and the object says that it must.
    IntegrityMismatch,
    /// Only verified objects are taken here, and this is none.
    NotVerified,
    /// The audit log did not take the record of it.
    NotRecorded,
    /// One template or more could not be applied; `status.secrets` says which.
    TemplateFailed,
}

impl Reason {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Synced => "Synced",
            Self::Suspended => "Suspended",
            Self::NotEncrypted => "NotEncrypted",
            Self::Malformed => "Malformed",
            Self::NoTemplates => "NoTemplates",
            Self::OldVersion => "OldVersion",
            Self::NoUsableKey => "NoUsableKey",
            Self::KeyDenied => "KeyDenied",
            Self::KeyUnavailable => "KeyUnavailable",
            Self::BadCiphertext => "BadCiphertext",
            Self::IntegrityMismatch => "IntegrityMismatch",
            Self::NotVerified => "NotVerified",
            Self::NotRecorded => "NotRecorded",
            Self::TemplateFailed => "TemplateFailed",
        }
    }
}

/// Why a template is no Secret (yet).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TemplateReason {
    /// No name.
    NoName,
    /// A value of `data` is not base64.
    NotBase64,
    /// A value is still encrypted after decryption.
    StillEncrypted,
    /// An earlier template has the same name.
    DuplicateName,
    /// The Secret exists and belongs to nobody we know, and does not offer itself.
    NotOwned,
    /// The Secret belongs to somebody else.
    Conflict,
    /// The change is one that the API server only allows by delete and create: another type, or
    /// an immutable Secret.
    RequiresRecreate,
    /// The API server says that the Secret is not valid.
    Invalid,
    /// The API server forbids it: permissions, quota, admission, a namespace that is going.
    Forbidden,
    /// The Secret changed at the same time.
    Changed,
    /// The API server did not do it, for another reason.
    ApiError,
}

impl TemplateReason {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NoName => "NoName",
            Self::NotBase64 => "NotBase64",
            Self::StillEncrypted => "StillEncrypted",
            Self::DuplicateName => "DuplicateName",
            Self::NotOwned => "NotOwned",
            Self::Conflict => "Conflict",
            Self::RequiresRecreate => "RequiresRecreate",
            Self::Invalid => "Invalid",
            Self::Forbidden => "Forbidden",
            Self::Changed => "Changed",
            Self::ApiError => "ApiError",
        }
    }
}

/// The result of a template that is a Secret.
pub(crate) const SYNCED: &str = "Synced";

/// A condition as it should be; when it became so is for [`set`] to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) kind: &'static str,
    pub(crate) status: Option<bool>,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

/// The conditions of an object, in a fixed order, from what they were: a time changes only with
/// the status it belongs to, and is never empty.
pub(crate) fn set(
    before: &[Condition],
    claims: &[Claim],
    generation: i64,
    now: &Time,
) -> Vec<Condition> {
    let conditions = claims.iter().map(|claim| {
        let status = match claim.status {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        };
        let old = before.iter().find(|old| old.type_ == claim.kind && old.status == status);
        Condition {
            type_: claim.kind.to_owned(),
            status: status.to_owned(),
            reason: claim.reason.to_owned(),
            message: claim.message.clone(),
            observed_generation: Some(generation),
            last_transition_time: old
                .map_or_else(|| now.clone(), |old| old.last_transition_time.clone()),
        }
    });
    conditions.collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn at(second: i64) -> Time {
        Time(Timestamp::from_second(second).expect("a time"))
    }

    fn claim(status: bool, message: &str) -> Claim {
        Claim { kind: "Ready", status: Some(status), reason: "Synced", message: message.into() }
    }

    #[test]
    fn a_time_changes_with_the_status_only() {
        let first = set(&[], &[claim(true, "a")], 1, &at(1));
        let second = set(&first, &[claim(true, "b")], 2, &at(2));
        let third = set(&second, &[claim(false, "b")], 2, &at(3));
        let time = |all: &[Condition]| all[0].last_transition_time.clone();
        assert_eq!(time(&second), at(1));
        assert_eq!(time(&third), at(3));
    }

    #[test]
    fn what_the_original_wrote_is_read() {
        let status: Status = serde_json::from_str(r#"{"message":"Healthy"}"#).expect("a status");
        assert_eq!(status.message, Message::Healthy.text());
        assert_eq!(status.applied, None);
    }

    #[test]
    fn what_is_empty_is_not_written() {
        let text = serde_json::to_string(&Status::default()).expect("a status");
        assert_eq!(text, "{}");
    }
}

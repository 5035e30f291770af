//! Recipients and identities that belong to a program `age-plugin-NAME` on `PATH`.
//!
//! The name comes out of the recipient or identity, so out of a file that somebody else may have
//! written. The library takes letters, digits and `+-._` only: no name leads to another folder
//! (GHSA-32gq-x56h-299c).

use std::sync::Arc;

use age::plugin::{Identity, IdentityPluginV1, Recipient, RecipientPluginV1};
use age::secrecy::SecretString;
use sops_core::keys::{AgeKey, Refusal};

use crate::age::{PassphraseFor, Questions};
use crate::age_identities::Unlock;

/// An identity that only its program can use.
pub(crate) struct PluginIdentity(Identity);

/// What plugins may ask, answered by the caller's [`Questions`].
#[derive(Clone)]
struct Asked(Arc<dyn Questions>);

impl PluginIdentity {
    /// Reads `AGE-PLUGIN-NAME-1…`.
    ///
    /// # Errors
    /// A sentence without any part of the identity.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = zeroize::Zeroizing::new(text.to_ascii_uppercase());
        let identity = text.parse().map_err(|_| "not a valid identity of a plugin".to_owned())?;
        Ok(Self(identity))
    }

    /// The name of its program.
    pub(crate) fn program(&self) -> String {
        program(self.0.plugin())
    }

    /// Finds the program.
    pub(crate) fn unlock(&self, age: &AgeKey, questions: &Arc<dyn Questions>) -> Unlock {
        let name = self.0.plugin();
        let asked = Asked(questions.clone());
        match IdentityPluginV1::new(name, std::slice::from_ref(&self.0), asked) {
            Ok(identity) => Unlock::Open(vec![Arc::new(identity)]),
            // A missing program is a problem only for those who need it.
            Err(_) if age.plugin_name().is_some_and(|needed| needed != name) => Unlock::NotFor,
            Err(_) => Unlock::Failed(Refusal::HelperMissing, missing(name)),
        }
    }
}

/// The recipient as something that can wrap.
pub(crate) fn recipient(
    age: &AgeKey,
    questions: &Arc<dyn Questions>,
) -> Result<Box<dyn age::Recipient + Send>, (Refusal, String)> {
    let text = age.recipient.trim();
    // Tagged recipients name hardware keys; only opening needs their program.
    if let Ok(recipient) = text.parse::<age::tag::Recipient>() {
        return Ok(Box::new(recipient));
    }
    if let Ok(recipient) = text.parse::<age::tagpq::Recipient>() {
        return Ok(Box::new(recipient));
    }
    let recipient: Recipient = text
        .parse()
        .map_err(|_| (Refusal::Malformed, "not a valid recipient of a plugin".to_owned()))?;
    let name = recipient.plugin().to_owned();
    let plugin = RecipientPluginV1::new(&name, &[recipient], &[], Asked(questions.clone()))
        .map_err(|_| (Refusal::HelperMissing, missing(&name)))?;
    Ok(Box::new(plugin))
}

fn program(name: &str) -> String {
    format!("age-plugin-{name}")
}

fn missing(name: &str) -> String {
    format!("the program {} is not on PATH", program(name))
}

impl age::Callbacks for Asked {
    fn display_message(&self, message: &str) {
        self.0.message(message);
    }

    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        self.0.confirm(message, yes, no)
    }

    fn request_public_string(&self, description: &str) -> Option<String> {
        self.0.input(description)
    }

    fn request_passphrase(&self, description: &str) -> Option<SecretString> {
        let asked = PassphraseFor { what: description, cache_id: None, wrong: 0 };
        self.0.passphrase(&asked).map(|text| SecretString::from(text.as_str()))
    }
}

//! From values to the bytes of an encrypted file, as every command that writes one ends.

use sops_core::{
    audit::Action,
    config::Decision,
    crypto::{DataKey, SecretBytes},
    document::PlainDocument,
    format::{EmitError, Format},
    keys::Distributed,
    metadata::{Metadata, VERSION},
    pipeline::{self, NonceMemory, Plan, SealError, SealedText, Target},
};

use crate::{
    auditing::Track,
    failure::{self, Failure, reading},
    system::{SystemRandomness, now},
};

/// The metadata of a new file; time and MAC come with sealing.
pub(crate) fn metadata(decision: Decision, keys: Distributed) -> Metadata {
    Metadata {
        groups: keys.groups,
        shamir_threshold: u32::try_from(keys.threshold).unwrap_or(u32::MAX),
        last_modified: now(),
        mac: String::new(),
        selection: decision.selection,
        mac_scope: decision.mac_scope,
        version: VERSION.to_owned(),
        unknown: Vec::new(),
        unknown_in_groups: Vec::new(),
    }
}

/// What sealing takes.
pub(crate) struct Order<'a> {
    /// Keys, rule and version.
    pub(crate) metadata: Metadata,
    /// The key that the metadata holds wrapped.
    pub(crate) data_key: &'a DataKey,
    /// Where the text goes.
    pub(crate) target: Target,
    /// Go on when the rule selects nothing.
    pub(crate) allow_nothing_sealed: bool,
}

impl<'a> Order<'a> {
    fn plan(self) -> Plan<'a> {
        Plan {
            metadata: self.metadata,
            data_key: self.data_key,
            now: now(),
            target: self.target,
            allow_nothing_sealed: self.allow_nothing_sealed,
        }
    }
}

/// A sealed text of which there is no record yet.
#[must_use]
pub(crate) struct Unrecorded(SealedText);

impl Unrecorded {
    /// Records it, and hands it out.
    pub(crate) fn record(&self, track: &Track<'_>) -> Result<&SealedText, Failure> {
        track.sealed(&self.0.metadata.groups)?;
        Ok(&self.0)
    }

    /// The text, to be kept for the person who wrote it when there can be no record.
    pub(crate) fn text_to_keep(&self) -> &SecretBytes {
        &self.0.text
    }
}

/// Seals a document. Values that `memory` knows keep their ciphertext.
pub(crate) fn seal(
    document: PlainDocument,
    memory: NonceMemory,
    order: Order<'_>,
    track: &Track<'_>,
) -> Result<Unrecorded, Failure> {
    track.begin(Action::Encrypt)?;
    let rule = rule(&order.metadata);
    let foreign = order.target.format == Format::Binary && document.format != Format::Binary;
    let sealed = pipeline::reseal(document, memory, order.plan(), &mut SystemRandomness::new())
        .map_err(|error| match error {
            // The result was read as what it shall be, and is none of that kind.
            SealError::Unreadable(_) | SealError::Unopenable if foreign => {
                reading::emit(&EmitError::NotBinary)
            }
            error @ SealError::NothingSelected { .. } => {
                reading::seal(&error).hint(format!("the rule is {rule}"))
            }
            error => reading::seal(&error),
        })?;
    tell(&sealed);
    Ok(Unrecorded(sealed))
}

/// Seals an opened document under another data key.
pub(crate) fn rotate(
    document: pipeline::OpenDocument,
    order: Order<'_>,
) -> Result<Unrecorded, Failure> {
    let sealed = pipeline::rotate(document, order.plan(), &mut SystemRandomness::new())
        .map_err(|error| reading::seal(&error))?;
    tell(&sealed);
    Ok(Unrecorded(sealed))
}

/// What is encrypted, as it is written in the metadata.
pub(crate) fn rule(metadata: &Metadata) -> String {
    match metadata.selection.field() {
        Some((field, text)) => format!("{field}: {text}"),
        None => "everything".to_owned(),
    }
}

/// Tells what the sealed text holds, and what it does not keep of the author's.
fn tell(sealed: &SealedText) {
    failure::detail(format_args!(
        "{} of {} values are encrypted ({})",
        sealed.sealed,
        sealed.values,
        rule(&sealed.metadata)
    ));
    if !sealed.expanded_aliases.is_empty() {
        let lines: Vec<_> = sealed.expanded_aliases.iter().map(ToString::to_string).collect();
        failure::warn(format_args!(
            "aliases of encrypted values were replaced by copies (line {}), because SOPS reads \
             them as such",
            lines.join(", ")
        ));
    }
    if sealed.odd_merge_keys {
        failure::warn(
            "a key called \"<<\" with a simple value cannot be read by SOPS up to 3.13.3",
        );
    }
}

/// Tells of aliases that a change would have changed, or that stood in its way.
pub(crate) fn tell_of_copies(lines: &[usize]) {
    if !lines.is_empty() {
        let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
        failure::warn(format_args!(
            "aliases were replaced by copies (line {}), so that only the value at the path changes",
            lines.join(", ")
        ));
    }
}

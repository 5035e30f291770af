//! A file whose data key is wrapped for other master keys: values and MAC stay.

use sops_core::{
    crypto::{DataKey, SecretBytes},
    document::SealedDocument,
    format::Format,
    keys::MasterKey,
    pipeline,
};

use crate::{
    args::GlobalFlags,
    failure::{Failure, reading},
    key_services::{KeyServices, Purpose},
};

/// The text of the file with these keys, of which `threshold` groups are needed. It keeps its
/// layout; only what is made anew follows `--indent`.
pub(crate) fn with_keys(
    sealed: &SealedDocument,
    data_key: &DataKey,
    wanted: &[Vec<MasterKey>],
    threshold: u32,
    services: &KeyServices,
    global: &GlobalFlags,
) -> Result<SecretBytes, Failure> {
    let mut metadata = sealed.metadata.clone();
    let keys =
        services.rewrap(data_key, wanted, &metadata.groups, threshold, Purpose::OTHER_KEYS)?;
    metadata.groups = keys.groups;
    metadata.shamir_threshold = u32::try_from(keys.threshold).unwrap_or(u32::MAX);
    let indent = global.indent.and_then(|indent| u8::try_from(indent).ok());
    let indent = indent.filter(|_| sealed.format != Format::Yaml || indent != Some(0));
    pipeline::rewrap(sealed, &metadata, indent).map_err(|error| reading::seal(&error))
}

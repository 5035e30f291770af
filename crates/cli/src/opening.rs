//! From the bytes of an encrypted file to its values, as every command but `encrypt` begins.

use sops_core::{
    crypto::{DataKey, SecretBytes},
    document::{Document, SealedDocument},
    format::Format,
    pipeline::{self, OpenDocument},
};

use crate::{
    failure::{self, Failure, reading},
    key_services::KeyServices,
};

/// Reads an encrypted text.
pub(crate) fn read(format: Format, bytes: &SecretBytes) -> Result<SealedDocument, Failure> {
    match Document::read(format, bytes.clone()) {
        Ok(Document::Sealed(document)) => Ok(*document),
        Ok(Document::Plain(_)) => Err(reading::no_metadata(format, bytes)),
        Err(error) => Err(reading::sealed(&error, format, bytes)),
    }
}

/// A document whose values are open, and its data key.
pub(crate) struct Open {
    /// The data key.
    pub(crate) data_key: DataKey,
    /// The values.
    pub(crate) document: OpenDocument,
}

/// Opens an encrypted document. `remember` keeps what sealing it again takes.
pub(crate) fn open(
    document: SealedDocument,
    services: &KeyServices,
    remember: bool,
    ignore_mac: bool,
) -> Result<Open, Failure> {
    let data_key = services.recover(&document.metadata)?;
    let opened =
        pipeline::open(document, &data_key, remember).map_err(|error| reading::leaf(&error))?;
    let document = if ignore_mac {
        opened.unverified().0
    } else {
        opened.verified().map_err(|verdict| reading::mac(&verdict))?
    };
    for path in &document.comments_kept {
        failure::warn(format_args!(
            "a comment {} does not decrypt and stays as it is",
            if path.0.is_empty() { "at the top level".to_owned() } else { format!("below {path}") }
        ));
    }
    Ok(Open { data_key, document })
}

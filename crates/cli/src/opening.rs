//! From the bytes of an encrypted file to its values, as every command but `encrypt` begins.

use std::path::Path;

use sops_core::{
    crypto::{DataKey, SecretBytes},
    document::{Document, SealedDocument},
    format::Format,
    pipeline::{self, OpenDocument},
};

use crate::{
    failure::{self, Failure, reading},
    history,
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

/// What a MAC that does not match means to a command.
#[derive(Clone, Copy)]
pub(crate) enum Mac<'a> {
    /// It stops. If the text is the content of this file, its history in Git is looked at to say
    /// where it was changed.
    Demanded(Option<&'a Path>),
    /// It goes on with what cannot be trusted.
    Ignored,
}

impl<'a> Mac<'a> {
    /// As the flag `--ignore-mac` has it.
    pub(crate) fn unless(ignored: bool, file: Option<&'a Path>) -> Self {
        if ignored { Self::Ignored } else { Self::Demanded(file) }
    }
}

/// Opens an encrypted document. `remember` keeps what sealing it again takes.
pub(crate) fn open(
    document: SealedDocument,
    services: &KeyServices,
    remember: bool,
    mac: Mac<'_>,
) -> Result<Open, Failure> {
    let data_key = services.recover(&document.metadata)?;
    let format = document.format;
    let opened =
        pipeline::open(document, &data_key, remember).map_err(|error| reading::leaf(&error))?;
    let document = match mac {
        Mac::Ignored => opened.unverified().0,
        Mac::Demanded(file) => opened.verified().map_err(|verdict| {
            let since = || history::since_intact(file?, format, &data_key);
            reading::mac(&verdict, since)
        })?,
    };
    for path in &document.comments_kept {
        failure::warn(format_args!(
            "a comment {} does not decrypt and stays as it is",
            if path.0.is_empty() { "at the top level".to_owned() } else { format!("below {path}") }
        ));
    }
    Ok(Open { data_key, document })
}

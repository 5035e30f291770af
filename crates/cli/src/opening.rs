//! From the bytes of an encrypted file to its values, as every command but `encrypt` begins.

use std::path::Path;

use sops_core::{
    audit::Action,
    crypto::{DataKey, SecretBytes},
    document::{Document, SealedDocument},
    format::Format,
    pipeline::{self, OpenDocument},
};

use crate::{
    auditing::Track,
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

/// Opens an encrypted document. `remember` keeps what sealing it again takes. There is a record of
/// it when this returns.
pub(crate) fn open(
    document: SealedDocument,
    services: &KeyServices,
    remember: bool,
    mac: Mac<'_>,
    track: &Track<'_>,
) -> Result<Open, Failure> {
    track.begin(Action::Decrypt)?;
    let (data_key, keys) = services.recover_with_keys(&document.metadata, |error, tried| {
        track.because(error.into());
        failure::keys::recover(error, tried)
    })?;
    let format = document.format;
    let opened =
        pipeline::open(document, &data_key, remember).map_err(|error| reading::leaf(&error))?;
    let verified = opened.verdict().is_good();
    let document = match mac {
        Mac::Ignored => opened.unverified().0,
        Mac::Demanded(file) => opened.verified().map_err(|verdict| {
            let since = || history::since_intact(file?, format, &data_key);
            reading::mac(&verdict, since)
        })?,
    };
    track.opened(keys, verified)?;
    for path in &document.comments_kept {
        failure::warn(format_args!(
            "a comment {} does not decrypt and stays as it is",
            if path.0.is_empty() { "at the top level".to_owned() } else { format!("below {path}") }
        ));
    }
    Ok(Open { data_key, document })
}

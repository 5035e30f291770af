//! A change of one value, as `set` and `unset` make it: open, change, seal again, replace.

use std::path::Path as FilePath;

use sops_core::pipeline::{Amended, OpenDocument, SealedText};

use crate::{
    args::{GlobalFlags, files::TypeFlags, keys::ServiceFlags},
    auditing::Trail,
    canonical, config_file,
    failure::Failure,
    files::replace::{Content, Original},
    key_services::KeyServices,
    opening::{self, Mac, Open},
    request::{self, Formats},
    sealing::{self, Order},
    status::Status,
};

/// The file and how to open it.
pub(crate) struct Amending<'a> {
    /// The file.
    pub(crate) path: &'a FilePath,
    /// The name that tells its format.
    pub(crate) name: &'a FilePath,
    /// Its format.
    pub(crate) types: &'a TypeFlags,
    /// Where its data key is asked for.
    pub(crate) services: &'a ServiceFlags,
    /// Whether a wrong MAC matters.
    pub(crate) ignore_mac: bool,
}

impl Amending<'_> {
    /// Changes the file. `change` gives what its plaintext shall be, or nothing if it may stay;
    /// `tell` sees the new text before it takes the place of the old one.
    pub(crate) fn run(
        &self,
        global: &GlobalFlags,
        trail: &Trail,
        change: impl FnOnce(&OpenDocument) -> Result<Option<Amended>, Failure>,
        tell: impl FnOnce(&SealedText),
    ) -> Result<Status, Failure> {
        let formats = Formats::of(self.types, Some(self.name))?;
        let services = KeyServices::new(self.services)?;
        let config = config_file::find_settings(global)?;
        let target = request::target(formats.output, global, config.as_ref())?;
        let original = Original::read(self.path)?;
        let sealed = opening::read(formats.input, original.bytes())?;
        let mac = Mac::unless(self.ignore_mac, Some(self.path));
        let track = trail.on(Some(self.path));
        let Open { data_key, document } = opening::open(sealed, &services, true, mac, &track)?;
        let Some(amended) = change(&document)? else { return Ok(Status::Success) };
        let canonical = canonical::is_canonical(&document.tree, &document.metadata);
        let OpenDocument { metadata, memory, .. } = document;
        let plain = canonical::keep(amended.document, canonical, &metadata, false);
        // The last encrypted value of a file may be taken out of it.
        let order = Order { metadata, data_key: &data_key, target, allow_nothing_sealed: true };
        let sealed = sealing::seal(plain, memory, order, &track)?;
        let sealed = sealed.record(&track)?;
        sealing::tell_of_copies(&amended.expanded_aliases);
        tell(sealed);
        formats.warn_of_name(self.path);
        original.replace(&sealed.text, Content::Sealed)?;
        Ok(Status::Success)
    }
}

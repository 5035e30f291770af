//! age files: one part for one recipient, in armor; and what the library says when one does not
//! open.

use std::io::{Read as _, Write as _};

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::{DecryptError, Decryptor, EncryptError, Encryptor, Identity, Recipient};
use age_core::format::{FileKey, Stanza};
use sops_core::crypto::KeyPart;
use sops_core::keys::{MasterKey, ProviderError, Refusal};
use zeroize::Zeroizing;

/// An armored age file for one recipient, with a newline at its end.
pub(crate) fn encrypt(recipient: &dyn Recipient, part: &KeyPart) -> Result<String, EncryptError> {
    let encryptor = Encryptor::with_recipients(std::iter::once(recipient))?;
    let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
    let mut writer = encryptor.wrap_output(armor)?;
    writer.write_all(part.expose())?;
    let mut text = String::from_utf8(writer.finish()?.finish()?)
        .map_err(|_| std::io::Error::other("armor is ASCII"))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    // The armor of the library ends its lines as the platform does; files are the same anywhere.
    Ok(text.replace("\r\n", "\n"))
}

/// Reads the header.
pub(crate) fn decryptor(
    enc: &str,
) -> Result<Decryptor<ArmoredReader<std::io::BufReader<&[u8]>>>, DecryptError> {
    // The armor reader refuses blanks around it, which editors and YAML leave there.
    Decryptor::new(ArmoredReader::new(enc.trim().as_bytes()))
}

pub(crate) fn decrypt<'a>(
    enc: &str,
    identities: impl Iterator<Item = &'a (dyn Identity + Send + Sync)>,
) -> Result<KeyPart, DecryptError> {
    let identities = identities.map(|identity| identity as &dyn Identity);
    let mut reader = decryptor(enc)?.decrypt(identities)?;
    let mut part = Zeroizing::new(Vec::with_capacity(64));
    // A data key or a share; the limit keeps a text that holds something else from filling memory.
    reader.by_ref().take(1024).read_to_end(&mut part)?;
    Ok(KeyPart::from_slice(&part))
}

/// Opens identities from a protected identity file.
pub(crate) fn decrypt_identities(
    protected: &[u8],
    passphrase: &str,
) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let mut identity = age::scrypt::Identity::new(age::secrecy::SecretString::from(passphrase));
    // The library would first measure this machine; the limit is that of Go.
    identity.set_max_work_factor(22);
    let reader = ArmoredReader::new(protected);
    let reader = Decryptor::new(reader)?.decrypt(std::iter::once(&identity as &dyn Identity))?;
    let mut text = Zeroizing::new(Vec::with_capacity(4096));
    reader.take(crate::age_identities::MAX_LEN as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// An identity that opens nothing and remembers what it was shown.
#[derive(Default)]
pub(crate) struct Peek(std::sync::Mutex<Vec<Stanza>>);

impl Peek {
    pub(crate) fn stanzas(enc: &str) -> Vec<Stanza> {
        let peek = Self::default();
        if let Ok(decryptor) = decryptor(enc) {
            // It fails, since this identity never opens anything.
            _ = decryptor.decrypt(std::iter::once(&peek as &dyn Identity));
        }
        peek.0.into_inner().unwrap_or_default()
    }
}

impl Identity for Peek {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        let Stanza { tag, args, body } = stanza;
        let copy = Stanza { tag: tag.clone(), args: args.clone(), body: body.clone() };
        if let Ok(mut seen) = self.0.lock() {
            seen.push(copy);
        }
        None
    }
}

pub(crate) fn failure(key: &MasterKey, error: &DecryptError) -> ProviderError {
    ProviderError::new(refusal(error), key, one_line(error))
}

pub(crate) fn refusal(error: &DecryptError) -> Refusal {
    match error {
        DecryptError::DecryptionFailed | DecryptError::InvalidMac => Refusal::WrongCiphertext,
        DecryptError::InvalidHeader | DecryptError::UnknownFormat | DecryptError::Io(_) => {
            Refusal::Malformed
        }
        DecryptError::KeyDecryptionFailed => Refusal::NotUnlocked,
        #[cfg(feature = "age-plugin")]
        DecryptError::Plugin(_) | DecryptError::PluginResolve(_) => Refusal::HelperFailed,
        _ => Refusal::Other,
    }
}

pub(crate) fn encrypt_refusal(error: &EncryptError) -> Refusal {
    match error {
        #[cfg(feature = "age-plugin")]
        EncryptError::Plugin(_) | EncryptError::PluginResolve(_) => Refusal::HelperFailed,
        EncryptError::Io(_) => Refusal::Malformed,
        _ => Refusal::Other,
    }
}

/// The library writes its advice on a second line, and repeats what plugins say.
pub(crate) fn one_line(error: &dyn std::fmt::Display) -> String {
    crate::words::one_line(&error.to_string())
}

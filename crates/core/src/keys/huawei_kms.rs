//! Huawei Cloud KMS: a region and a key id (format §4.7).

use super::{KeyFault, KeyKind, ParseKeyError};

/// A key of Huawei Cloud KMS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HuaweiKmsKey {
    /// `REGION:UUID`
    pub key_id: String,
}

impl HuaweiKmsKey {
    /// Reads `REGION:UUID`.
    ///
    /// # Errors
    /// If the text does not have that form.
    pub fn parse(text: &str) -> Result<Self, ParseKeyError> {
        let text = text.trim();
        let word = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        match text.split_once(':') {
            Some((region, id)) if word(region) && word(id) => Ok(Self { key_id: text.to_owned() }),
            _ => {
                let fault = KeyFault::Form("REGION:KEY-ID");
                Err(ParseKeyError::new(KeyKind::HuaweiKms, text, fault))
            }
        }
    }

    /// Region and id.
    pub fn parts(&self) -> Option<(&str, &str)> {
        self.key_id.split_once(':')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_and_id_are_told_apart() {
        let text = "tr-west-1:abc12345-6789-0123-4567-890123456789";
        let key = HuaweiKmsKey::parse(text).unwrap();
        assert_eq!(key.parts().unwrap().0, "tr-west-1");
        for text in ["", "x", ":x", "x:", "a:b:c"] {
            assert!(HuaweiKmsKey::parse(text).is_err(), "{text}");
        }
    }
}

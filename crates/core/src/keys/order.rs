//! Which keys to try first (format §8).

use super::KeyKind;

/// The order of kinds in which the keys of a group are tried. Kinds that it does not list come
/// last, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecryptionOrder {
    listed: Vec<KeyKind>,
    by_hand: bool,
}

/// Why a text is not a decryption order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// A kind that is listed twice; exit status 112 in the reference.
    #[error("the decryption order lists {} twice", .0.name())]
    Duplicate(KeyKind),
    /// A name that no kind has.
    #[error(
        "{0:?} in the decryption order is no kind of key; there are \
         kms, gcp_kms, hckms, azure_kv, hc_vault, pgp and age"
    )]
    Unknown(String),
}

impl Default for DecryptionOrder {
    /// `age,pgp`
    fn default() -> Self {
        Self { listed: vec![KeyKind::Age, KeyKind::Pgp], by_hand: false }
    }
}

impl DecryptionOrder {
    /// Reads a comma list of kinds. Parts are trimmed; an empty list means the order of the file.
    ///
    /// # Errors
    /// If a name is unknown or comes twice.
    pub fn parse(text: &str) -> Result<Self, OrderError> {
        let mut listed = Vec::new();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let kind =
                KeyKind::from_name(name).ok_or_else(|| OrderError::Unknown(name.to_owned()))?;
            if listed.contains(&kind) {
                return Err(OrderError::Duplicate(kind));
            }
            listed.push(kind);
        }
        Ok(Self { listed, by_hand: true })
    }

    /// The place of a kind: smaller is earlier.
    pub fn rank(&self, kind: KeyKind) -> usize {
        self.listed.iter().position(|listed| *listed == kind).unwrap_or(self.listed.len())
    }

    /// Whether a user wrote it. Such an order is followed to the letter; in the default one, what
    /// needs no network comes before what does.
    pub fn is_by_hand(&self) -> bool {
        self.by_hand
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_kinds_come_first() {
        let order = DecryptionOrder::parse(" kms , age,").unwrap();
        assert_eq!((order.rank(KeyKind::AwsKms), order.rank(KeyKind::Age)), (0, 1));
        assert_eq!((order.rank(KeyKind::Pgp), order.rank(KeyKind::HcVault)), (2, 2));
        assert_eq!(DecryptionOrder::default().rank(KeyKind::Pgp), 1);
    }

    #[test]
    fn mistakes_are_named() {
        let error = DecryptionOrder::parse("age,pgp,age").unwrap_err();
        assert_eq!(error, OrderError::Duplicate(KeyKind::Age));
        let error = DecryptionOrder::parse("age,aws").unwrap_err();
        assert_eq!(error, OrderError::Unknown("aws".into()));
        assert!(error.to_string().contains("kms"));
    }
}

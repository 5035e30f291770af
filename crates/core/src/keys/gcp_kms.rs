//! Google Cloud KMS: a resource id (format §4.4).

use super::{KeyFault, KeyKind, ParseKeyError};

const FORM: &str = "projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY";

/// A key of Google Cloud KMS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GcpKmsKey {
    /// `projects/…/locations/…/keyRings/…/cryptoKeys/…`
    pub resource_id: String,
}

impl GcpKmsKey {
    /// Reads a resource id. Blanks are removed.
    ///
    /// # Errors
    /// If the text does not have the form of one.
    pub fn parse(text: &str) -> Result<Self, ParseKeyError> {
        let resource_id: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let steps: Vec<_> = resource_id.split('/').collect();
        let names = ["projects", "locations", "keyRings", "cryptoKeys"];
        let fits = steps.len() == 2 * names.len()
            && steps
                .chunks(2)
                .zip(names)
                .all(|(pair, name)| pair[0] == name && !pair[1].is_empty());
        match fits {
            true => Ok(Self { resource_id }),
            false => Err(ParseKeyError::new(KeyKind::GcpKms, text.trim(), KeyFault::Form(FORM))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_ids_have_four_pairs() {
        let id = "projects/p/locations/global/keyRings/r/cryptoKeys/k";
        assert_eq!(GcpKmsKey::parse(&format!(" {id} ")).unwrap().resource_id, id);
        for text in ["", "projects/p", &format!("{id}/cryptoKeyVersions/1"), &format!("{id}/")] {
            assert!(GcpKmsKey::parse(text).is_err(), "{text}");
        }
    }
}

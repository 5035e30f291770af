//! The messages, and master keys in them (CLI §3.10).

use std::collections::BTreeMap;

use sops_core::keys::{
    AgeKey, AwsKmsKey, AzureKvKey, GcpKmsKey, HcVaultKey, HuaweiKmsKey, MasterKey, PgpKey,
};
use zeroize::{Zeroize as _, ZeroizeOnDrop};

/// What is generated from `proto/keyservice.proto`.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]
mod generated {
    tonic::include_proto!("_");
}

pub(super) use generated::DecryptResponse;
#[cfg(feature = "keyservice-server")]
pub(super) use generated::EncryptResponse;
pub(super) use generated::key::KeyType;
pub(super) use generated::key_service_client::KeyServiceClient;
#[cfg(feature = "keyservice-server")]
pub(super) use generated::key_service_server;
pub(super) use generated::{
    AgeKey as WireAge, AzureKeyVaultKey, DecryptRequest, EncryptRequest, GcpKmsKey as WireGcp,
    HckmsKey, Key, KmsKey, PgpKey as WirePgp, VaultKey,
};

// The two messages that have a data key in them in clear. What the libraries for gRPC and HTTP/2
// copy it to on its way is out of reach.
impl Drop for EncryptRequest {
    fn drop(&mut self) {
        self.plaintext.zeroize();
    }
}

impl ZeroizeOnDrop for EncryptRequest {}

impl Drop for DecryptResponse {
    fn drop(&mut self) {
        self.plaintext.zeroize();
    }
}

impl ZeroizeOnDrop for DecryptResponse {}

/// A master key as a message.
pub(super) fn to_wire(key: &MasterKey) -> Key {
    let kind = match key.clone() {
        MasterKey::AwsKms(key) => KeyType::KmsKey(KmsKey {
            arn: key.arn,
            role: key.role.unwrap_or_default(),
            context: key.context,
            aws_profile: key.profile.unwrap_or_default(),
        }),
        MasterKey::Pgp(key) => KeyType::PgpKey(WirePgp { fingerprint: key.fingerprint }),
        MasterKey::GcpKms(key) => KeyType::GcpKmsKey(WireGcp { resource_id: key.resource_id }),
        MasterKey::AzureKv(key) => KeyType::AzureKeyvaultKey(AzureKeyVaultKey {
            vault_url: key.vault_url,
            name: key.name,
            version: key.version,
        }),
        MasterKey::HcVault(key) => KeyType::VaultKey(VaultKey {
            vault_address: key.vault_address,
            engine_path: key.engine_path,
            key_name: key.key_name,
        }),
        MasterKey::Age(key) => KeyType::AgeKey(WireAge { recipient: key.recipient }),
        MasterKey::HuaweiKms(key) => KeyType::HckmsKey(HckmsKey { key_id: key.key_id }),
    };
    Key { key_type: Some(kind) }
}

/// The master key in a message; `None` if there is none, or none of a kind that is known.
#[cfg_attr(not(any(test, feature = "keyservice-server")), allow(dead_code, reason = "of a server"))]
pub(super) fn from_wire(key: Option<Key>) -> Option<MasterKey> {
    let filled = |text: String| Some(text).filter(|text| !text.is_empty());
    Some(match key?.key_type? {
        KeyType::KmsKey(key) => MasterKey::AwsKms(AwsKmsKey {
            arn: key.arn,
            role: filled(key.role),
            context: BTreeMap::from_iter(key.context),
            profile: filled(key.aws_profile),
        }),
        KeyType::PgpKey(key) => MasterKey::Pgp(PgpKey { fingerprint: key.fingerprint }),
        KeyType::GcpKmsKey(key) => MasterKey::GcpKms(GcpKmsKey { resource_id: key.resource_id }),
        KeyType::AzureKeyvaultKey(key) => MasterKey::AzureKv(AzureKvKey {
            vault_url: key.vault_url,
            name: key.name,
            version: key.version,
        }),
        KeyType::VaultKey(key) => MasterKey::HcVault(HcVaultKey {
            vault_address: key.vault_address,
            engine_path: key.engine_path,
            key_name: key.key_name,
        }),
        KeyType::AgeKey(key) => MasterKey::Age(AgeKey { recipient: key.recipient }),
        KeyType::HckmsKey(key) => MasterKey::HuaweiKms(HuaweiKmsKey { key_id: key.key_id }),
    })
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use sops_core::keys::KeyKind;

    use super::*;

    fn keys() -> Vec<MasterKey> {
        let parse = |kind, text: &str| MasterKey::parse(kind, text).unwrap();
        let mut aws = AwsKmsKey::parse(
            "arn:aws:kms:us-east-1:111122223333:alias/a+arn:aws:iam::111122223333:role/r",
        )
        .unwrap();
        aws.context = BTreeMap::from([("k".into(), "v".into()), ("a".into(), "b".into())]);
        aws.profile = Some("p".into());
        vec![
            MasterKey::AwsKms(aws),
            parse(KeyKind::AwsKms, "arn:aws:kms:us-east-1:111122223333:alias/a"),
            parse(KeyKind::Pgp, "85D77543B3D624B63CEA9E6DBC17301B491B3F21"),
            parse(KeyKind::GcpKms, "projects/p/locations/l/keyRings/r/cryptoKeys/k"),
            parse(KeyKind::AzureKv, "https://v.vault.azure.net/keys/k/1"),
            parse(KeyKind::HcVault, "https://v.example.com/v1/a/b/keys/k"),
            parse(KeyKind::HuaweiKms, "tr-west-1:abc"),
            MasterKey::Age(AgeKey { recipient: "age1".into() }),
        ]
    }

    #[test]
    fn every_kind_survives_the_wire() {
        for key in keys() {
            let bytes = to_wire(&key).encode_to_vec();
            assert_eq!(from_wire(Key::decode(&bytes[..]).ok()), Some(key));
        }
    }

    #[test]
    fn field_numbers_are_those_of_the_protocol() {
        // Observed bytes of a request for age: key (1), of kind 6, with the recipient (1), and the
        // plaintext (2).
        let recipient = "age1ypucxcsrnn30lwu25k2gv55d8nzjr0px7try0pys56mpkff744msg7zvcl";
        let key = to_wire(&MasterKey::Age(AgeKey { recipient: recipient.into() }));
        let bytes = EncryptRequest { key: Some(key), plaintext: vec![7; 32] }.encode_to_vec();
        let mut expected = vec![0x0a, 0x42, 0x32, 0x40, 0x0a, 0x3e];
        expected.extend_from_slice(recipient.as_bytes());
        expected.extend_from_slice(&[0x12, 0x20]);
        expected.extend_from_slice(&[7; 32]);
        assert_eq!(bytes, expected);
        // The first byte of each key is its field's number and the type of a message.
        let tags =
            keys().iter().map(|key| to_wire(key).encode_to_vec()[0] >> 3).collect::<Vec<_>>();
        assert_eq!(tags, [1, 1, 2, 3, 4, 5, 7, 6]);
    }

    #[test]
    fn messages_with_a_data_key_are_wiped() {
        fn is_wiped<T: ZeroizeOnDrop>() -> bool {
            std::mem::needs_drop::<T>()
        }
        assert!(is_wiped::<EncryptRequest>() && is_wiped::<DecryptResponse>());
    }

    #[test]
    fn no_key_and_no_kind_are_nothing() {
        assert_eq!(from_wire(None), None);
        assert_eq!(from_wire(Some(Key::default())), None);
        // A kind of a later version: field 9.
        assert_eq!(from_wire(Key::decode(&[0x4a, 0x00][..]).ok()), None);
    }
}

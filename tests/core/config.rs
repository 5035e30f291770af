//! Decisions from `.sops.yaml` and flags, compared with those of SOPS itself (format §6).
#![allow(clippy::unwrap_used, reason = "a test")]

use serde_json::Value as Json;
use sops_core::{
    config::{Config, Decision, Given, decide},
    crypto::MacScope,
    format::Format,
    keys::KeyKind,
    selection::Field,
};

/// Made by SOPS 3.13.3 from generated files; some 20,000 more were compared once.
const TABLE: &str = include_str!("../data/config_decisions.json");

#[test]
fn files_that_work_with_sops_work_here_and_mean_the_same() {
    let table: Json = serde_json::from_str(TABLE).unwrap();
    let rows = table["vectors"].as_array().unwrap();
    assert!(rows.len() > 100, "the table is empty");
    for row in rows {
        let decision = decision(row);
        match row["refused"].as_str() {
            Some(reason) => {
                assert!(decision.is_err(), "SOPS refuses it: {reason}\n{}", row["config"]);
            }
            // A threshold that is none is refused; SOPS cuts it or writes it as it is.
            None if row["threshold"].as_i64() < Some(0) || truncated(row) => {
                assert!(decision.is_err(), "{row}");
            }
            None => {
                let decision = decision.unwrap_or_else(|error| panic!("{error}\n{row}"));
                assert_eq!(recipients(&decision), row["groups"], "{row}");
                assert_eq!(decision.shamir_threshold, row["threshold"], "{row}");
                let (field, text) = decision.selection.field().unwrap();
                assert_eq!(serde_json::json!([field.name(), text]), row["selection"], "{row}");
                let sealed_only = decision.mac_scope == MacScope::SealedOnly;
                assert_eq!(sealed_only, row["mac_only_encrypted"], "{row}");
            }
        }
    }
}

fn decision(row: &Json) -> Result<Decision, String> {
    let mut given = Given::default();
    given.keys.add(KeyKind::Age, row["age"].as_str().unwrap_or_default());
    given.selection.set(Field::EncryptedRegex, row["encrypted_regex"].as_str().unwrap_or_default());
    let config = Config::parse(row["config"].as_str().unwrap().as_bytes(), "/repo")
        .map_err(|error| error.to_string())?;
    let lookup =
        config.creation_rule(row["path"].as_str().unwrap()).map_err(|error| error.to_string())?;
    decide(lookup, &given, Format::Yaml).map_err(|error| error.to_string())
}

fn truncated(row: &Json) -> bool {
    row["config"].as_str().unwrap().contains("2.5") && row["threshold"] == 2
}

fn recipients(decision: &Decision) -> Json {
    let group = |keys: &Vec<sops_core::keys::MasterKey>| {
        keys.iter().map(|key| key.identity()).collect::<Vec<_>>()
    };
    serde_json::json!(decision.groups.iter().map(group).collect::<Vec<_>>())
}

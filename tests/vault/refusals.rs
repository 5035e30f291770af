//! What a person reads when Vault says no.

use sops_tests::fault::{FaultProxy, NobodyListens, Rule};

use super::place::{FILE, NO_KEY, PLAIN, Place, refused};

#[test]
fn a_slip_in_the_name_of_a_key_is_told_and_makes_no_key() {
    let Some(place) = Place::new() else { return };
    let slip = place.key("kk");
    let run = place.sops_rs(&["encrypt", "--in-place", "--hc-vault-transit", &slip, FILE]).run();
    let words = [
        "Could not generate data key: [failed to encrypt new data key with master key",
        &slip,
        "there is no such key",
        "vault write -f ENGINE/keys/KEY",
    ];
    refused(&run, 1, &words);
    assert_eq!(place.scratch.text(FILE), PLAIN);
    assert!(!place.vault.has_key(&place.engine, "kk"));
}

#[test]
fn who_may_not_is_told_which_path_and_what_to_allow() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&place.key("k"));
    let rules = format!("path \"{}/encrypt/k\" {{ capabilities = [\"update\"] }}", place.engine);
    let token = place.vault.token(&rules);
    let run = place.without_token(&["decrypt", FILE]).env("VAULT_TOKEN", &token).run();
    let backend = format!("transit backend '{}/decrypt/k'", place.engine);
    let words = [
        "access denied (HTTP 403, as the token of VAULT_TOKEN)",
        &backend,
        "Error making API request. URL: PUT",
        "Code: 403. Errors:",
        "permission denied",
        "hint: allow `update` on ENGINE/encrypt/KEY",
    ];
    refused(&run, NO_KEY, &words);
    assert!(!run.err().contains(&token), "{run}");
}

#[test]
fn uris_that_make_no_sense_are_refused_before_anything_is_asked() {
    let Some(place) = Place::new() else { return };
    for uri in ["127.0.0.1:8200/v1/transit/keys/k", "https://vault.example.com/transit", "x"] {
        let run = place.sops_rs(&["encrypt", "--in-place", "--hc-vault-transit", uri, FILE]).run();
        refused(&run, 1, &[uri, "https://HOST/v1/ENGINE/keys/KEY"]);
        assert_eq!(place.scratch.text(FILE), PLAIN);
    }
}

#[test]
fn a_server_that_is_away_or_silent() {
    let Some(place) = Place::new() else { return };
    let proxy = FaultProxy::in_front_of(&place.vault.url());
    place.encrypt(&place.key_at(&proxy.url(), "k"));
    proxy.reset();
    proxy.add(Rule::always().hangs());
    let run = place.sops_rs(&["decrypt", FILE]).env("SOPS_KEY_TIMEOUT", "0.5").run();
    refused(&run, NO_KEY, &["no answer in time", "within 0.5 s", "SOPS_KEY_TIMEOUT"]);
    let run = place.sops_rs(&["decrypt", FILE]).env("VAULT_CLIENT_TIMEOUT", "500ms").run();
    refused(&run, NO_KEY, &["no answer in time", "within 0.5 s"]);
    proxy.reset();
    proxy.add(Rule::always().answers(
        503,
        "application/json",
        "{\"errors\":[\"Vault is sealed\"]}",
    ));
    let run = place.sops_rs(&["decrypt", FILE]).env("VAULT_MAX_RETRIES", "0").run();
    refused(&run, NO_KEY, &["Code: 503. Errors: * Vault is sealed"]);
    assert_eq!(proxy.calls().len(), 1);

    let nobody = NobodyListens::new();
    let text = place.scratch.text(FILE).replace(&proxy.url(), nobody.url());
    place.scratch.write(FILE, text);
    let run = place.sops_rs(&["decrypt", FILE]).run();
    refused(&run, NO_KEY, &["the service could not be reached", "refused", "hint: "]);
}

#[test]
fn a_file_cannot_send_the_token_anywhere_but_to_a_key() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&place.key("k"));
    let text = place.scratch.text(FILE);
    let evil = text.replace("key_name: k", "key_name: ../../../sys/seal");
    assert_ne!(evil, text);
    place.scratch.write(FILE, evil);
    let proxy = FaultProxy::in_front_of(&place.vault.url());
    let run = place.sops_rs(&["decrypt", FILE]).env("VAULT_AGENT_ADDR", proxy.url()).run();
    refused(&run, NO_KEY, &["not well-formed", "is no path of a transit key"]);
    assert_eq!(proxy.connections(), 0);
}

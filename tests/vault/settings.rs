//! Where tokens and settings come from.

use sops_tests::double::Double;
use sops_tests::fault::FaultProxy;
use sops_tests::http::Message;
use sops_tests::rig::vault::ROOT;

use super::place::{FILE, NO_KEY, PLAIN, Place, refused};

#[test]
fn a_file_goes_through_all_its_life() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&place.key("k"));
    place.opens(place.sops_rs(&["decrypt", FILE]));
    let first = place.scratch.text(FILE);
    assert!(first.contains("vault:v1:") && first.contains(&place.engine), "{first}");

    // A new version of the key is taken up by a new data key.
    place.vault.call("POST", &format!("{}/keys/k/rotate", place.engine), &serde_json::Value::Null);
    place.opens(place.sops_rs(&["decrypt", FILE]));
    place.sops_rs(&["rotate", "--in-place", FILE]).run().success();
    assert!(place.scratch.text(FILE).contains("vault:v2:"));
    place.opens(place.sops_rs(&["decrypt", FILE]));

    // Another key by the rules.
    place.vault.key(&place.engine, "l", &serde_json::Value::Null);
    let rule = format!("creation_rules:\n  - hc_vault_transit_uri: {}\n", place.key("l"));
    place.scratch.write(".sops.yaml", rule);
    place.sops_rs(&["updatekeys", "--yes", FILE]).run().success();
    let text = place.scratch.text(FILE);
    assert!(text.contains("key_name: l") && !text.contains("key_name: k"), "{text}");
    place.opens(place.sops_rs(&["decrypt", FILE]));

    place.sops_rs(&["set", FILE, "[\"port\"]", "5433"]).run().success();
    let out = place.sops_rs(&["decrypt", FILE]).run();
    assert_eq!(out.success().out(), PLAIN.replace("5432", "5433"));
}

#[test]
fn several_keys_are_alternatives_and_a_slash_at_the_end_does_no_harm() {
    let Some(place) = Place::new() else { return };
    place.vault.key(&place.engine, "l", &serde_json::Value::Null);
    let keys = format!("{}, {}/", place.key("l"), place.key("k"));
    place.encrypt(&keys);
    let rules = format!("path \"{}/decrypt/k\" {{ capabilities = [\"update\"] }}", place.engine);
    let token = place.vault.token(&rules);
    place.opens(place.without_token(&["decrypt", FILE]).env("VAULT_TOKEN", token));
}

#[test]
fn the_token_is_that_of_the_variable_or_of_the_file() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&place.key("k"));
    let key = place.key("k");
    let words = [
        key.as_str(),
        "failed to decrypt sops data key from Vault transit backend",
        "Code: 403",
        "hint: set VAULT_TOKEN, or sign in with `vault login`",
    ];
    refused(&place.without_token(&["decrypt", FILE]).run(), NO_KEY, &words);

    place.scratch.write(".vault-token", format!("{ROOT}\n"));
    place.opens(place.without_token(&["decrypt", FILE]));
    // The variable comes first, also when it is wrong.
    let wrong = place.without_token(&["decrypt", FILE]).env("VAULT_TOKEN", "hvs.wrong").run();
    refused(&wrong, NO_KEY, &["the token of VAULT_TOKEN"]);
    assert!(!wrong.err().contains("hvs.wrong"), "{wrong}");
}

#[test]
fn the_address_is_that_of_the_key() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&place.key("k"));
    place.opens(place.sops_rs(&["decrypt", FILE]).env("VAULT_ADDR", "http://127.0.0.1:9"));
    // Unless an agent stands in for it.
    let proxy = FaultProxy::in_front_of(&place.vault.url());
    place.opens(place.sops_rs(&["decrypt", FILE]).env("VAULT_AGENT_ADDR", proxy.url()));
    assert_eq!(proxy.calls().len(), 1);
}

#[test]
fn a_proxy_of_its_own_is_used_and_one_for_all_programs_not_for_this_machine() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&place.key("k"));
    // It is asked with the whole address, which the server takes as well.
    let proxy = FaultProxy::in_front_of(&place.vault.url());
    place.opens(place.sops_rs(&["decrypt", FILE]).env("VAULT_HTTP_PROXY", proxy.url()));
    let seen: Vec<_> = proxy.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(seen, [format!("PUT {}/v1/{}/decrypt/k", place.vault.url(), place.engine)]);
    let both = place.sops_rs(&["decrypt", FILE]).env("VAULT_HTTP_PROXY", "http://127.0.0.1:9");
    place.opens(both.env("VAULT_PROXY_ADDR", proxy.url()));
    assert_eq!(proxy.calls().len(), 2);

    let tls = place.key_at(&place.vault.tls_url(), "k");
    place.scratch.write(FILE, PLAIN);
    let run = |arguments: &[&str]| {
        let run = place.sops_rs(arguments).env("VAULT_CACERT", place.vault.file("ca.crt"));
        run.env("HTTPS_PROXY", "http://127.0.0.1:9").env("NO_PROXY", "example.com")
    };
    run(&["encrypt", "--in-place", "--hc-vault-transit", &tls, FILE]).run().success();
    place.opens(run(&["decrypt", FILE]));
    let secret = "http://user:hunter2@127.0.0.1:9";
    let run = run(&["decrypt", FILE]).env("VAULT_PROXY_ADDR", secret).run();
    refused(&run, NO_KEY, &["the service could not be reached"]);
    assert!(!run.err().contains("hunter2"), "{run}");
}

#[test]
fn certificates_come_from_variables() {
    let Some(place) = Place::new() else { return };
    let file = |name: &str| place.vault.file(name);
    let tls = place.key_at(&place.vault.tls_url(), "k");
    let encrypt = ["encrypt", "--in-place", "--hc-vault-transit", &tls, FILE];
    place.sops_rs(&encrypt).env("VAULT_CACERT", file("ca.crt")).run().success();
    let decrypt = || place.sops_rs(&["decrypt", FILE]);
    place.opens(decrypt().env("VAULT_CACERT", file("ca.crt")));
    let text = std::fs::read_to_string(file("ca.crt")).unwrap();
    place.opens(decrypt().env("VAULT_CACERT_BYTES", &text));
    place.scratch.write("authorities/below/ca.pem", &text);
    place.opens(decrypt().env("VAULT_CAPATH", place.scratch.at("authorities")));
    place.opens(decrypt().env("VAULT_SKIP_VERIFY", "1"));
    place.opens(decrypt().env("SSL_CERT_FILE", file("ca.crt")));
    refused(&decrypt().run(), NO_KEY, &["certificate", "hint: ", "VAULT_CACERT"]);

    let mutual = place.key_at(&place.vault.mutual_url(), "k");
    place.scratch.write(FILE, PLAIN);
    let run = |arguments: &[&str]| {
        let run = place.sops_rs(arguments).env("VAULT_CACERT", file("ca.crt"));
        run.env("VAULT_CLIENT_CERT", file("client.crt")).env("VAULT_CLIENT_KEY", file("client.key"))
    };
    run(&["encrypt", "--in-place", "--hc-vault-transit", &mutual, FILE]).run().success();
    place.opens(run(&["decrypt", FILE]));
    let half = run(&["decrypt", FILE]).without_env("VAULT_CLIENT_KEY").run();
    refused(&half, NO_KEY, &["both VAULT_CLIENT_CERT and VAULT_CLIENT_KEY must be set"]);
}

#[test]
fn settings_that_make_no_sense_are_named_when_a_key_is_asked_and_not_before() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&place.key("k"));
    for (variable, value, words) in [
        ("VAULT_SKIP_VERIFY", "maybe", "could not parse VAULT_SKIP_VERIFY"),
        ("VAULT_CACERT", "/nonexistent/ca.crt", "VAULT_CACERT: open /nonexistent/ca.crt"),
        ("VAULT_CAPATH", "/dev/null", "VAULT_CAPATH: open /dev/null"),
        ("VAULT_MAX_RETRIES", "-1", "VAULT_MAX_RETRIES is \"-1\""),
        ("VAULT_CLIENT_TIMEOUT", "soon", "VAULT_CLIENT_TIMEOUT is \"soon\""),
        ("VAULT_TLS_SERVER_NAME", "vault", "VAULT_TLS_SERVER_NAME"),
        ("VAULT_HEADERS", "{\"X-Vault-Token\":\"x\"}", "VAULT_HEADERS cannot set X-Vault-Token"),
        ("VAULT_HEADERS", "[]", "VAULT_HEADERS is no JSON object"),
        ("VAULT_AGENT_ADDR", "unix:///x", "no http or https address"),
        ("SOPS_HC_VAULT_ALLOWLIST", "a,,b", "SOPS_HC_VAULT_ALLOWLIST's entry 2 is empty"),
        ("SOPS_KEY_TIMEOUT", "soon", "SOPS_KEY_TIMEOUT is \"soon\""),
    ] {
        let run = place.sops_rs(&["decrypt", FILE]).env(variable, value).run();
        assert_eq!(run.code(), Some(NO_KEY), "{variable}: {run}");
        refused(&run, NO_KEY, &["a setting makes no sense", words]);
        // Nobody asks the key here.
        place.sops_rs(&["filestatus", FILE]).env(variable, value).run().success();
    }
}

#[test]
fn the_list_of_allowed_servers_is_kept() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&place.key("k"));
    let decrypt =
        |list: &str| place.sops_rs(&["decrypt", FILE]).env("SOPS_HC_VAULT_ALLOWLIST", list);
    place.opens(decrypt("all"));
    place.opens(decrypt(&format!("https://a.example, {}", place.vault.url())));
    let url = place.vault.url();
    let words = ["Allowlist does not allow", &url, "SOPS_HC_VAULT_ALLOWLIST"];
    refused(&decrypt("none").run(), NO_KEY, &words);
}

#[test]
fn an_answer_leads_only_to_servers_that_are_allowed() {
    let Some(place) = Place::new() else { return };
    let vault = place.vault.url();
    // As a standby server does that knows the active one.
    let standby = Double::new({
        let vault = vault.clone();
        move |request: &Message| {
            let path = request.start.split(' ').nth(1)?;
            let headers = [("Location", format!("{vault}{path}")), ("Content-Length", "0".into())];
            let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
            let start = "HTTP/1.1 307 Temporary Redirect".to_owned();
            Some(Message { start, headers, body: Vec::new() })
        }
    });
    place.encrypt(&place.key_at(&standby.url(), "k"));
    assert!(!standby.seen().is_empty());
    let decrypt =
        |list: &str| place.sops_rs(&["decrypt", FILE]).env("SOPS_HC_VAULT_ALLOWLIST", list);
    place.opens(decrypt(&format!("{},{vault}", standby.url())));
    let run = decrypt(&standby.url()).run();
    refused(&run, NO_KEY, &["the answer leads to an address that is not allowed"]);
}

#[test]
fn a_namespace_and_further_headers_go_with_each_request() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&place.key("k"));
    let run = place.sops_rs(&["decrypt", FILE]).env("VAULT_NAMESPACE", "nons").run();
    refused(&run, NO_KEY, &["Namespace: nons", "Code: 404"]);
    let run = place.sops_rs(&["decrypt", FILE]);
    place.opens(run.env("VAULT_HEADERS", "{\"X-Team\": \"blue\"}"));
}

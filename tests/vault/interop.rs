//! Go sops and this program open each other's files.

use serde_json::json;
use sops_tests::need;
use sops_tests::rig::vault::ROOT;
use sops_tests::run::Run;

use super::place::{FILE, PLAIN, Place, said};

#[test]
fn each_program_opens_what_the_other_encrypted() {
    let (Some(place), Some(peer)) = (Place::new(), need::peer()) else { return };
    let go = |arguments: &[&str]| {
        let run = Run::peer(&peer, arguments).within(place.scratch.path());
        run.env("HOME", place.scratch.path()).env("VAULT_TOKEN", ROOT)
    };
    for kind in ["aes256-gcm96", "chacha20-poly1305", "rsa-4096"] {
        place.vault.key(&place.engine, kind, &json!({"type": kind}));
        let key = place.key(kind);

        place.scratch.write(FILE, PLAIN);
        place.encrypt(&key);
        assert_eq!(go(&["decrypt", FILE]).run().success().out(), PLAIN, "{kind}");
        // It goes on with the file.
        go(&["rotate", "--in-place", FILE]).run().success();
        place.opens(place.sops_rs(&["decrypt", FILE]));

        place.scratch.write(FILE, PLAIN);
        go(&["encrypt", "--in-place", "--hc-vault-transit", &key, FILE]).run().success();
        place.opens(place.sops_rs(&["decrypt", FILE]));
        place.sops_rs(&["rotate", "--in-place", FILE]).run().success();
        assert_eq!(go(&["decrypt", FILE]).run().success().out(), PLAIN, "{kind}");
    }
}

#[test]
fn both_store_the_same_fields() {
    let (Some(place), Some(peer)) = (Place::new(), need::peer()) else { return };
    let key = place.key("k");
    let entry = |text: &str| {
        let start = text.find("hc_vault:").expect("there is an entry");
        let fields = text[start..].lines().map(|line| line.trim().trim_start_matches("- "));
        let names = fields.filter_map(|line| line.split_once(": "));
        let of_entry = names.take(5).map(|(name, value)| match name {
            "created_at" | "enc" => (name.to_owned(), String::new()),
            _ => (name.to_owned(), value.to_owned()),
        });
        of_entry.collect::<Vec<_>>()
    };
    place.encrypt(&key);
    let ours = place.scratch.text(FILE);
    place.scratch.write(FILE, PLAIN);
    let arguments = ["encrypt", "--hc-vault-transit", &key, FILE];
    let run = Run::peer(&peer, arguments).within(place.scratch.path());
    let theirs = run.env("VAULT_TOKEN", ROOT).run().success().out();
    assert_eq!(entry(&ours), entry(&theirs), "{ours}\n{theirs}");
}

#[test]
fn both_end_with_the_same_status_and_say_the_same_of_the_server() {
    let (Some(place), Some(peer)) = (Place::new(), need::peer()) else { return };
    place.vault.key(&place.engine, "other", &serde_json::Value::Null);
    place.encrypt(&place.key("k"));
    let whole = place.scratch.text(FILE);
    let wrong_key = whole.replace("key_name: k", "key_name: other");
    let no_key = whole.replace("key_name: k", "key_name: absent");
    let damaged = whole.replace("vault:v1:", "vault:v1:AAAA");
    for (text, variables, words) in [
        (&whole, [("VAULT_TOKEN", ""), ("X", "")], "permission denied"),
        (&whole, [("VAULT_TOKEN", "hvs.wrong"), ("X", "")], "permission denied"),
        (&whole, [("VAULT_TOKEN", ROOT), ("VAULT_NAMESPACE", "nons")], "Namespace: nons"),
        (
            &whole,
            [("VAULT_TOKEN", ROOT), ("SOPS_HC_VAULT_ALLOWLIST", "none")],
            "Allowlist does not allow",
        ),
        (&wrong_key, [("VAULT_TOKEN", ROOT), ("X", "")], "message authentication failed"),
        (&no_key, [("VAULT_TOKEN", ROOT), ("X", "")], "encryption key not found"),
        (&damaged, [("VAULT_TOKEN", ROOT), ("X", "")], "Code: 400"),
    ] {
        place.scratch.write(FILE, text);
        let theirs = Run::peer(&peer, ["decrypt", FILE]).within(place.scratch.path());
        let theirs = theirs.env("HOME", place.scratch.path()).envs(variables).run();
        let ours = place.without_token(&["decrypt", FILE]).envs(variables).run();
        assert_eq!(ours.code(), theirs.code(), "{ours}\n{theirs}");
        for outcome in [&ours, &theirs] {
            assert!(said(outcome).contains(words), "{words:?} is not in {outcome}");
        }
    }
}

//! Objects sealed by the reference, as written and as a cluster returns them. What their MACs are
//! worth in either order was computed by another program (`tests/data/README.md`).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    crypto::{DataKey, MacScope, SecretBytes},
    document::{Document, PlainDocument},
    format::Format,
    pipeline::LeafError,
    selection::{Field, Selection},
};

const OBJECTS: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/sops_secrets.json"));
const TWO: &str = "canonical, two templates, claimed";
const BY_REGEX: &str = "canonical by regex, claimed";

struct Object {
    key: DataKey,
    stored: Json,
    all: Json,
}

fn objects() -> Vec<Object> {
    let all: Vec<Json> = serde_json::from_str(OBJECTS).unwrap();
    all.into_iter()
        .map(|all| Object {
            key: DataKey::from_slice(&STANDARD.decode(all["data_key"].as_str().unwrap()).unwrap())
                .unwrap(),
            stored: serde_json::from_str(all["stored"].as_str().unwrap()).unwrap(),
            all,
        })
        .collect()
}

fn object(name: &str) -> Object {
    objects().into_iter().find(|object| object.all["name"] == name).unwrap()
}

fn opened(key: &DataKey, stored: &Json) -> Result<OpenedTemplates, LeafError> {
    StoredObject::read(stored.to_string().into()).unwrap().open(key)
}

fn at(templates: &List, number: usize, path: &[&str]) -> Option<String> {
    let Some(Node::Map(mut mapping)) = templates.values().nth(number).cloned() else { return None };
    for key in &path[..path.len() - 1] {
        mapping = match mapping.get(key)? {
            Node::Map(inner) => inner.clone(),
            _ => return None,
        };
    }
    text(&mapping, path[path.len() - 1]).map(str::to_owned)
}

#[test]
fn the_verdict_is_what_another_program_found() {
    for object in objects() {
        let name = object.all["name"].as_str().unwrap();
        let opened = opened(&object.key, &object.stored).unwrap();
        let matches = object.all["matches_as_stored"].as_bool().unwrap();
        match &opened.integrity {
            Integrity::Verified => assert!(matches, "{name}"),
            Integrity::Unverifiable(_) => assert!(!matches, "{name}"),
            Integrity::Mismatch(doubt) => panic!("{name}: {doubt}"),
        }
        // Whether the file would verify can be told before it is in a cluster, by its order.
        let sealed: SecretBytes = object.all["sealed"].as_str().unwrap().into();
        let Document::Sealed(written) = Document::read(Format::Yaml, sealed).unwrap() else {
            panic!("{name} is sealed");
        };
        let metadata = &written.metadata;
        let found = departure(&written.tree.documents[0], &metadata.selection, metadata.mac_scope);
        assert_eq!(found.is_none(), matches, "{name}: {found:?}");
    }
}

#[test]
fn the_templates_are_those_that_were_sealed() {
    let first = object("author order");
    let first = opened(&first.key, &first.stored).unwrap().templates;
    assert_eq!(at(&first, 0, &["name"]).as_deref(), Some("storefront-smtp"));
    assert_eq!(at(&first, 0, &["stringData", "password"]).as_deref(), Some("p#ss: w0rd"));
    assert_eq!(at(&first, 0, &["stringData", "empty"]).as_deref(), Some(""));
    assert_eq!(
        at(&first, 0, &["labels", "app.kubernetes.io/part-of"]).as_deref(),
        Some("storefront")
    );
    assert_eq!(at(&first, 1, &["type"]).as_deref(), Some("kubernetes.io/dockerconfigjson"));

    let second = object("canonical");
    let second = opened(&second.key, &second.stored).unwrap();
    assert_eq!(at(&second.templates, 0, &["data", "seed"]).as_deref(), Some("AAECAwT/"));
    assert_eq!(at(&second.templates, 0, &["stringData", "pool"]).as_deref(), Some("16"));
    assert!(second.in_clear.is_empty());

    let third = object("by regex, author order");
    let third = opened(&third.key, &third.stored).unwrap();
    assert_eq!(
        at(&third.templates, 0, &["stringData", "password"]).as_deref(),
        Some("two\nlines\n")
    );
    let in_clear: Vec<_> = third.in_clear.iter().map(ToString::to_string).collect();
    assert_eq!(
        in_clear,
        [
            r#"["spec"]["secretTemplates"][0]["labels"]["tier"]"#,
            r#"["spec"]["secretTemplates"][0]["name"]"#,
            r#"["spec"]["secretTemplates"][0]["type"]"#,
        ]
    );
}

#[test]
fn the_order_in_which_an_object_is_handed_in_does_not_matter() {
    let object = object(TWO);
    let cut = json!({
        "sops": object.stored["sops"],
        "metadata": {"annotations": object.stored["metadata"]["annotations"]},
        "spec": {"secretTemplates": object.stored["spec"]["secretTemplates"]},
    });
    assert_eq!(opened(&object.key, &cut).unwrap().integrity, Integrity::Verified);
    // A serializer that follows the fields of a type instead of their names.
    let sorted = object.stored["spec"]["secretTemplates"][0].to_string();
    let name = object.stored["spec"]["secretTemplates"][0]["name"].to_string();
    let moved = sorted.replacen(&format!("\"name\":{name},"), "", 1);
    let moved = moved.replacen('{', &format!("{{\"name\":{name},"), 1);
    let text = object.stored.to_string().replacen(&sorted, &moved, 1);
    assert_ne!(text, object.stored.to_string());
    let read = StoredObject::read(text.into()).unwrap();
    assert_eq!(read.open(&object.key).unwrap().integrity, Integrity::Verified);
}

/// What became of a manipulated object.
#[derive(Debug, PartialEq)]
enum Seen {
    Refused,
    Mismatch,
    Nothing,
}

fn seen(key: &DataKey, stored: &Json) -> Seen {
    match opened(key, stored).map(|opened| opened.integrity) {
        Err(_) => Seen::Refused,
        Ok(Integrity::Mismatch(_)) => Seen::Mismatch,
        Ok(Integrity::Verified) => Seen::Nothing,
        Ok(Integrity::Unverifiable(doubt)) => panic!("the claim was not seen: {doubt}"),
    }
}

/// The table of operator spec §3.2, what the MAC adds to it, and what stays unseen.
#[test]
fn manipulations_are_seen_as_far_as_they_can_be() {
    let object = object(TWO);
    let token = |json: &Json| json.as_str().unwrap().to_owned();
    type Change<'c> = &'c dyn Fn(&mut Json);
    let swap = |json: &mut Json, a: &str, b: &str| {
        let (left, right) = (json.pointer(a).unwrap().clone(), json.pointer(b).unwrap().clone());
        *json.pointer_mut(a).unwrap() = right;
        *json.pointer_mut(b).unwrap() = left;
    };
    let (first, second) = ("/spec/secretTemplates/0", "/spec/secretTemplates/1");
    let both = |json: &mut Json, rest: &str| {
        swap(json, &format!("{first}{rest}"), &format!("{second}{rest}"));
    };
    let cases: &[(&str, Seen, Change<'_>)] = &[
        ("nothing", Seen::Nothing, &|_| {}),
        ("ciphertext changed", Seen::Refused, &|o| {
            let value = &mut o["spec"]["secretTemplates"][0]["stringData"]["password"];
            let text = token(value);
            let old = &text["ENC[AES256_GCM,data:".len()..][..1];
            let new = if old == "A" { "B" } else { "A" };
            *value = text.replacen(&format!("data:{old}"), &format!("data:{new}"), 1).into();
        }),
        ("key renamed", Seen::Refused, &|o| {
            let data = o["spec"]["secretTemplates"][0]["stringData"].as_object_mut().unwrap();
            let value = data.remove("password").unwrap();
            data.insert("passwd".to_owned(), value);
        }),
        ("moved from stringData to data", Seen::Refused, &|o| {
            let value = o["spec"]["secretTemplates"][0]["stringData"]["password"].take();
            o["spec"]["secretTemplates"][0]["data"]["password"] = value;
        }),
        ("values of the same path exchanged", Seen::Mismatch, &|o| both(o, "/stringData/password")),
        ("names exchanged", Seen::Mismatch, &|o| both(o, "/name")),
        ("equal types exchanged", Seen::Nothing, &|o| both(o, "/type")),
        ("template deleted", Seen::Mismatch, &|o| {
            o["spec"]["secretTemplates"].as_array_mut().unwrap().pop();
        }),
        ("templates exchanged", Seen::Mismatch, &|o| {
            o["spec"]["secretTemplates"].as_array_mut().unwrap().reverse();
        }),
        ("template doubled", Seen::Mismatch, &|o| {
            let list = o["spec"]["secretTemplates"].as_array_mut().unwrap();
            list.push(list[1].clone());
        }),
        ("key deleted", Seen::Mismatch, &|o| {
            o["spec"]["secretTemplates"][0]["stringData"].as_object_mut().unwrap().remove("user");
        }),
        ("label deleted", Seen::Mismatch, &|o| {
            o["spec"]["secretTemplates"][0].as_object_mut().unwrap().remove("labels");
        }),
        ("value emptied", Seen::Mismatch, &|o| {
            o["spec"]["secretTemplates"][0]["stringData"]["password"] = "".into();
        }),
        ("empty value added", Seen::Nothing, &|o| {
            o["spec"]["secretTemplates"][0]["stringData"]["added"] = "".into();
        }),
        ("empty value deleted", Seen::Nothing, &|o| {
            o["spec"]["secretTemplates"][0]["stringData"].as_object_mut().unwrap().remove("empty");
        }),
        ("text said to be a number", Seen::Mismatch, &|o| {
            let value = &mut o["spec"]["secretTemplates"][0]["stringData"]["port"];
            *value = token(value).replace("type:str]", "type:int]").into();
        }),
        ("text said to be bytes", Seen::Mismatch, &|o| {
            let value = &mut o["spec"]["secretTemplates"][0]["stringData"]["port"];
            *value = token(value).replace("type:str]", "type:bytes]").into();
        }),
        ("text said to be a comment", Seen::Mismatch, &|o| {
            let value = &mut o["spec"]["secretTemplates"][0]["stringData"]["port"];
            *value = token(value).replace("type:str]", "type:comment]").into();
        }),
        ("plain text in the place of a token", Seen::Refused, &|o| {
            o["spec"]["secretTemplates"][0]["stringData"]["password"] = "mine".into();
        }),
        ("data added in clear, under a rule that leaves it alone", Seen::Mismatch, &|o| {
            let sops = o["sops"].as_object_mut().unwrap();
            sops.remove("encrypted_suffix");
            let rule = "^(annotations|labels|name|seed|stringData|type)$";
            sops.insert("encrypted_regex".to_owned(), rule.into());
            o["spec"]["secretTemplates"][0]["data"]["password"] = "bWluZQ==".into();
        }),
        ("rule narrowed", Seen::Mismatch, &|o| {
            let sops = o["sops"].as_object_mut().unwrap();
            sops.remove("encrypted_suffix");
            sops.insert("encrypted_regex".to_owned(), "^stringData$".into());
        }),
        ("mac_only_encrypted taken away", Seen::Mismatch, &|o| {
            o["sops"].as_object_mut().unwrap().remove("mac_only_encrypted");
        }),
        ("MAC taken away", Seen::Mismatch, &|o| {
            o["sops"].as_object_mut().unwrap().remove("mac");
        }),
        ("time of the last change put back", Seen::Mismatch, &|o| {
            o["sops"]["lastmodified"] = "2020-01-01T00:00:00Z".into();
        }),
        ("said to be of an old version", Seen::Nothing, &|o| {
            o["sops"]["version"] = "1.0".into();
        }),
        ("suspended", Seen::Nothing, &|o| o["spec"]["suspend"] = true.into()),
        ("moved to another namespace", Seen::Nothing, &|o| {
            o["metadata"]["namespace"] = "elsewhere".into();
        }),
    ];
    for (what, expected, change) in cases {
        let mut changed = object.stored.clone();
        change(&mut changed);
        assert_eq!(seen(&object.key, &changed), *expected, "{what}");
        // Who takes the claim away too is only told that nothing is known.
        let annotations = changed["metadata"]["annotations"].as_object_mut().unwrap();
        annotations.remove(CANONICAL_ANNOTATION);
        if *expected == Seen::Mismatch {
            let opened = opened(&object.key, &changed).unwrap();
            assert!(matches!(opened.integrity, Integrity::Unverifiable(_)), "{what}");
        }
    }
}

#[test]
fn what_stands_in_clear_is_named_and_not_covered() {
    let object = object(BY_REGEX);
    let before = opened(&object.key, &object.stored).unwrap();
    assert_eq!(before.integrity, Integrity::Verified);
    assert_eq!(before.in_clear.len(), 6);
    let mut changed = object.stored;
    changed["spec"]["secretTemplates"][0]["name"] = "other".into();
    let after = opened(&object.key, &changed).unwrap();
    assert_eq!(after.integrity, Integrity::Verified);
    assert_eq!(at(&after.templates, 0, &["name"]).as_deref(), Some("other"));
}

/// The rule is not authenticated. Under a narrower one that leaves the sealed values sealed, all
/// but data can be added in clear; that it is there is told.
#[test]
fn what_is_added_in_clear_under_a_changed_rule_is_named() {
    let Object { key, mut stored, .. } = object("canonical");
    assert!(opened(&key, &stored).unwrap().in_clear.is_empty());
    let sops = stored["sops"].as_object_mut().unwrap();
    sops.remove("encrypted_suffix");
    sops.insert("encrypted_regex".to_owned(), "^(data|name|stringData|type)$".into());
    stored["spec"]["secretTemplates"][0]["labels"] = json!({"added": "x"});
    let opened = opened(&key, &stored).unwrap();
    assert_eq!(opened.integrity, Integrity::Verified);
    let in_clear: Vec<_> = opened.in_clear.iter().map(ToString::to_string).collect();
    assert_eq!(in_clear, [r#"["spec"]["secretTemplates"][0]["labels"]["added"]"#]);
}

#[test]
fn an_object_without_templates_opens_to_nothing_at_all() {
    let object = object("author order");
    let reads = |change: &dyn Fn(&mut Json)| {
        let mut changed = object.stored.clone();
        change(&mut changed);
        StoredObject::read(changed.to_string().into())
    };
    let no_spec = reads(&|o| drop(o.as_object_mut().unwrap().remove("spec")));
    assert!(matches!(no_spec, Err(StoredError::NoTemplates)));
    let older = reads(&|o| o["spec"] = json!({"secret_templates": []}));
    assert!(matches!(older, Err(StoredError::NoTemplates)));
    let no_list = reads(&|o| o["spec"]["secretTemplates"] = json!({"name": "x"}));
    assert!(matches!(no_list, Err(StoredError::NoTemplates)));
    let plain = reads(&|o| drop(o.as_object_mut().unwrap().remove("sops")));
    assert!(matches!(plain, Err(StoredError::NotSealed)));
    let by_comments = reads(&|o| {
        let sops = o["sops"].as_object_mut().unwrap();
        sops.remove("encrypted_suffix");
        sops.insert("encrypted_comment_regex".to_owned(), "secret".into());
    });
    assert!(matches!(by_comments, Err(StoredError::CommentRule)));
    let twice =
        object.stored.to_string().replacen("\"empty\":\"\"", "\"empty\":\"\",\"empty\":\"\"", 1);
    assert!(matches!(StoredObject::read(twice.into()), Err(StoredError::Repeated(_))));
}

fn regex(text: &str) -> Selection {
    Selection::from_fields([(Field::EncryptedRegex, text)]).unwrap()
}

fn plain(text: &str) -> PlainDocument {
    match Document::read(Format::Yaml, text.into()).unwrap() {
        Document::Plain(plain) => plain,
        Document::Sealed(_) => panic!("not sealed"),
    }
}

#[test]
fn a_departure_names_the_entry() {
    let begin = "apiVersion: isindir.github.com/v1alpha3\nkind: SopsSecret\nspec:\n";
    let suffix = selection();
    let everything_but = Selection::default();
    let data_only = regex("^(data|stringData)$");
    let data_alone = regex("^data$");
    for (body, rule, says) in [
        ("  secretTemplates:\n  - name: a\n", &suffix, None),
        ("  secretTemplates:\n  - name: a\n", &data_only, None),
        ("  suspend: true\n", &suffix, Some("there is no list spec.secretTemplates")),
        (
            "  secretTemplates:\n  - name: a\n    data: {x: eA==}\n",
            &suffix,
            Some(
                "[\"spec\"][\"secretTemplates\"][0][\"data\"] stands behind \"name\", and keys \
                 have to be in the order of their bytes",
            ),
        ),
        // Capitals come before small letters, and a dot before both.
        ("  secretTemplates:\n  - stringData: {.a: x, B: x, a: x, b: x}\n", &suffix, None),
        (
            "  secretTemplates:\n  - name: a\n",
            &everything_but,
            Some("the rule encrypts [\"apiVersion\"], outside of spec.secretTemplates"),
        ),
        (
            "  secretTemplates:\n  - stringData:\n      port: 5432\n",
            &suffix,
            Some(
                "[\"spec\"][\"secretTemplates\"][0][\"stringData\"][\"port\"] is a number, and a \
                 Secret holds text only: quote it",
            ),
        ),
        (
            "  secretTemplates:\n  - stringData:\n      port: a\n",
            &data_alone,
            Some(
                "the rule leaves [\"spec\"][\"secretTemplates\"][0][\"stringData\"][\"port\"] \
                 readable",
            ),
        ),
    ] {
        let document = plain(&format!("{begin}{body}"));
        let found = departure(&document.tree.documents[0], rule, MacScope::SealedOnly);
        assert_eq!(found.map(|found| found.to_string()).as_deref(), says, "{body}");
    }
    let document = plain(&format!("{begin}  secretTemplates:\n  - name: a\n"));
    let found = departure(&document.tree.documents[0], &suffix, MacScope::Everything);
    assert_eq!(found, Some(Departure::MacCoversEverything));
}

#[test]
fn an_object_of_another_kind_is_none() {
    let of = |text: &str| version(&plain(text).tree.documents[0]).map(str::to_owned);
    let right = "apiVersion: isindir.github.com/v1alpha2\nkind: SopsSecret\n";
    assert_eq!(of(right).as_deref(), Some("v1alpha2"));
    for wrong in [
        "apiVersion: v1\nkind: Secret\n",
        "apiVersion: isindir.github.com/v1alpha3\nkind: SopsSecretList\n",
        "apiVersion: example.com/v1alpha3\nkind: SopsSecret\n",
        "apiVersion: [a]\nkind: SopsSecret\n",
        "kind: SopsSecret\n",
    ] {
        assert_eq!(of(wrong), None, "{wrong}");
    }
}

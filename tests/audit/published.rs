//! What `publish` leaves behind, at moto: nothing goes anywhere without its record.

use sops_tests::need;
use sops_tests::rig::stores::Stores;
use sops_tests::run::Run;

use super::place::{FILE, Place, RECIPIENT, file_backend, in_short};

/// A place whose files go where their folders say: as they are, encrypted anew, as values.
fn place() -> Option<(Place, Stores, String)> {
    let (place, stores) = (Place::new()?, Stores::of(&need::aws()?));
    let bucket = format!("audit-{}", std::process::id());
    stores.bucket(&bucket);
    place.scratch.write(
        ".sops.yaml",
        format!(
            "creation_rules:\n- age: {RECIPIENT}\ndestination_rules:\n- path_regex: ^same/\n  \
             s3_bucket: {bucket}\n  s3_prefix: same/\n- path_regex: ^anew/\n  s3_bucket: {bucket}\n  \
             s3_prefix: anew/\n  recreation_rule: {{age: {RECIPIENT}}}\n- path_regex: ^values/\n  \
             aws_secrets_manager_region: us-east-1\n  aws_secrets_manager_prefix: {bucket}/\n"
        ),
    );
    for folder in ["same", "anew", "values"] {
        place.scratch.write(format!("{folder}/a.yaml"), place.scratch.read(FILE));
    }
    Some((place, stores, bucket))
}

#[test]
fn what_is_published_leaves_the_records_of_what_was_opened_and_made() {
    let Some((place, stores, bucket)) = place() else { return };
    let publish = |settings: &str, words: &[&str]| {
        let run = Run::sops_rs([&["publish", "--yes"], words].concat());
        let run = place.audited(run, settings).envs(stores.environment()).run();
        place.assert_discreet(&run);
        run
    };
    let closed = place.scratch.at("absent/audit.jsonl");
    let closed = file_backend(&closed);
    for file in ["anew/a.yaml", "values/a.yaml"] {
        publish(&closed, &[file]).fails_with(1);
    }
    assert_eq!(stores.objects(&bucket), [""; 0]);
    assert_eq!(stores.secret(&format!("{bucket}/a.yaml")), None);

    let (settings, log) = place.log();
    // Nothing is opened to send a file as it is, with records or without.
    publish(&closed, &["same/a.yaml"]).success();
    publish(&settings, &["same/a.yaml"]).success();
    assert!(!place.scratch.at(log).exists());
    publish(&settings, &["--dry-run", "anew/a.yaml"]).success();
    assert!(!place.scratch.at(log).exists());
    publish(&settings, &["anew/a.yaml"]).success();
    publish(&settings, &["values/a.yaml"]).success();
    assert_eq!(stores.objects(&bucket), ["anew/a.yaml", "same/a.yaml"]);

    // One that fails does not take the record of the next one.
    place
        .scratch
        .write("values/b.yaml", place.scratch.text(FILE).replace("word: ENC", "werd: ENC"));
    place.scratch.write("values/c.yaml", place.scratch.read(FILE));
    publish(&settings, &["--recursive", "values"]).fails_with(1);
    let told: Vec<String> = place
        .records(log)
        .iter()
        .map(|record| {
            assert_eq!(record["operation"], "publish");
            let path = record["object"]["path"].as_str().unwrap_or_default();
            let name = path.rsplit('/').next().unwrap_or_default();
            format!("{name} {}", in_short(record))
        })
        .collect();
    let expected = [
        "a.yaml decrypt success -",
        "a.yaml encrypt success -",
        "a.yaml decrypt success -",
        "a.yaml decrypt success -",
        "b.yaml decrypt refused bad_ciphertext",
        "c.yaml decrypt success -",
    ];
    assert_eq!(told, expected);
}

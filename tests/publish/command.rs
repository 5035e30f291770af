//! What the command asks and says, at moto.

use serde_json::Value;
use sops_tests::need;
use sops_tests::rig::stores::Stores;

use super::place::{Place, refused, says_no_secret, unique};

const PLAIN: &str = "a: hunter2\n";

fn place() -> Option<(Place, Stores, String)> {
    let stores = Stores::of(&need::aws()?);
    let bucket = unique("cmd");
    stores.bucket(&bucket);
    let place = Place::new(stores.environment());
    place.config(&format!(
        "destination_rules:\n  - path_regex: ^s3/\n    s3_bucket: {bucket}\n  - path_regex: \
         both/\n    s3_bucket: b\n    vault_path: x\n  - path_regex: nowhere/\n    omit_extensions: \
         true\n"
    ));
    place.sealed("s3/a.yaml", PLAIN);
    place.sealed("s3/sub/b.yaml", PLAIN);
    place.sealed("s3/z.yaml", PLAIN);
    Some((place, stores, bucket))
}

#[test]
fn a_person_is_asked_before_a_key_is() {
    let Some((place, stores, bucket)) = place() else { return };
    let shown = place.scratch.at("s3/a.yaml");
    let question = format!("uploading {} to s3://{bucket}/a.yaml ? (y/n): ", shown.display());
    let run = |input: &str| place.publish(&["s3/a.yaml"]).input(input).run();
    let canceled = format!("Publication of {} canceled", shown.display());
    refused(&run("n\n"), 1, &[&question, &canceled]);
    refused(&run(""), 1, &[&question, "EOF"]);
    assert_eq!(stores.objects(&bucket), [""; 0]);
    let asked_again = run("yes\n\ny\n").success();
    assert_eq!(asked_again.err().matches(&question).count(), 3);
    assert_eq!(stores.objects(&bucket), ["a.yaml"]);
}

#[test]
fn answers_count_file_by_file() {
    let Some((place, stores, bucket)) = place() else { return };
    let outcome = place.publish(&["--recursive", "s3"]).input("n\ny\nn\n").run().success();
    assert_eq!(stores.objects(&bucket), ["sub/b.yaml"]);
    let canceled = |name| format!("Publication of {} canceled\n", place.scratch.at(name).display());
    assert_eq!(outcome.out(), canceled("s3/a.yaml") + &canceled("s3/z.yaml"));
}

#[test]
fn one_file_that_fails_does_not_stop_the_others() {
    let Some((place, stores, bucket)) = place() else { return };
    place.scratch.write("s3/b-plain.yaml", PLAIN);
    std::os::unix::fs::symlink("sub", place.scratch.at("s3/link")).unwrap();
    let outcome = place.publish(&["--yes", "--recursive", "s3"]).run();
    refused(
        &outcome,
        1,
        &[
            "s3/b-plain.yaml: sops metadata not found",
            "s3/link is no regular file",
            "3 published, 2 failed",
            "failed publishing 2 file(s)",
        ],
    );
    assert_eq!(stores.objects(&bucket), ["a.yaml", "sub/b.yaml", "z.yaml"]);
    let outcome = place.publish(&["--yes", "--json", "--recursive", "s3"]).run();
    refused(&outcome, 1, &["failed publishing 2 file(s)"]);
    let out = outcome.out();
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let files: Vec<_> = lines.iter().map(|line| line["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["s3/a.yaml", "s3/b-plain.yaml", "s3/link", "s3/sub/b.yaml", "s3/z.yaml"]);
    assert!(lines[1]["error"].as_str().unwrap().contains("sops metadata not found"));
    assert_eq!(lines[0]["destination"], format!("s3://{bucket}/a.yaml"));
}

#[test]
fn what_git_keeps_and_the_configuration_are_left_out() {
    let Some((place, stores, bucket)) = place() else { return };
    place.config(&format!("destination_rules:\n  - s3_bucket: {bucket}\n"));
    place.scratch.write(".git/config", "[core]\n");
    place.publish(&["--yes", "--recursive", "."]).run().success();
    assert_eq!(stores.objects(&bucket), ["s3/a.yaml", "s3/sub/b.yaml", "s3/z.yaml"]);
}

#[test]
fn rules_are_found_from_any_folder_and_never_two_of_them() {
    let Some((place, stores, bucket)) = place() else { return };
    let below = place.scratch.at("s3");
    place.publish(&["--yes", "a.yaml"]).within(&below).run().success();
    assert_eq!(stores.objects(&bucket), ["a.yaml"]);
    place.config(&format!(
        "destination_rules:\n  - path_regex: ^s3/\n    s3_bucket: {bucket}\n  - s3_bucket: \
         other-{bucket}\n"
    ));
    // SOPS would put it into the second bucket from here.
    let outcome = place.publish(&["--yes", "z.yaml"]).within(&below).run();
    refused(&outcome, 1, &["destination rule 2 (line 4)", "rule 1 (line 2)", "folder of the"]);
    assert_eq!(stores.objects(&bucket), ["a.yaml"]);
}

#[test]
fn a_configuration_that_makes_no_sense_stops_it() {
    let Some((place, stores, bucket)) = place() else { return };
    for folder in ["both", "nowhere", "none"] {
        place.sealed(&format!("{folder}/a.yaml"), PLAIN);
    }
    let run = |path: &str| place.publish(&["--yes", path]).run();
    refused(&run("both/a.yaml"), 1, &["more than one destinations were found", "line 4"]);
    refused(&run("nowhere/a.yaml"), 1, &["names no destination"]);
    refused(
        &run("none/a.yaml"),
        1,
        &["error loading config: no matching destination found in config"],
    );
    place.config(&format!(
        "destination_rules:\n  - path_regex: (\n    vault_path: x\n  - s3_bucket: {bucket}\n"
    ));
    refused(&run("s3/a.yaml"), 1, &["can not compile regexp", ".sops.yaml, line 2"]);
    place.config(&format!("destination_rules:\n  - s3_buckett: x\n    s3_bucket: {bucket}\n"));
    refused(&run("s3/a.yaml"), 1, &["s3_buckett", "s3_bucket"]);
    assert_eq!(stores.objects(&bucket), [""; 0]);
}

#[test]
fn usage_is_that_of_sops() {
    let Some((place, ..)) = place() else { return };
    refused(&place.publish(&[]).run(), 100, &["Error: no file specified"]);
    refused(
        &place.publish(&["s3"]).run(),
        1,
        &["can't operate on a directory without --recursive flag."],
    );
    refused(
        &place.publish(&["none.yaml"]).run(),
        1,
        &["stat none.yaml: no such file or directory"],
    );
    std::fs::remove_file(place.scratch.at(".sops.yaml")).unwrap();
    let outcome = place.publish(&["s3/a.yaml"]).run();
    refused(&outcome, 1, &["config file not found"]);
    says_no_secret(&outcome);
}

#[test]
fn the_format_can_be_given() {
    let Some((place, stores, bucket)) = place() else { return };
    let text = place.scratch.text("s3/a.yaml");
    place.scratch.write("s3/odd.txt", text);
    assert_eq!(place.publish(&["--yes", "s3/odd.txt"]).run().code(), Some(1));
    place.publish(&["--yes", "--input-type", "yaml", "s3/odd.txt"]).run().success();
    assert_eq!(stores.objects(&bucket), ["odd.txt"]);
}

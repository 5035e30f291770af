//! The built program with keys of Huawei Cloud KMS, at a double that recomputes signatures; Go sops
//! beside it, whose requests the double believes, too.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use sops_tests::need;
use sops_tests::rig::huawei::{
    ACCESS_KEY, DISABLED, HuaweiDouble, KEY, OTHER, PROJECT, REGION, SECRET,
};
use sops_tests::run::{Run, refused};
use sops_tests::scratch::Scratch;

const PLAIN: &str = "# the database\nuser: alice\nport: 5432\n";
const FILE: &str = "secret.yaml";
const NO_KEY: i32 = 128;

struct Place {
    double: HuaweiDouble,
    scratch: Scratch,
}

impl Place {
    fn new() -> Self {
        let scratch = Scratch::new();
        scratch.write(FILE, PLAIN);
        Self { double: HuaweiDouble::start(), scratch }
    }

    /// The program without credentials.
    fn bare(&self, arguments: &[&str]) -> Run {
        let run = Run::sops_rs(arguments).within(self.scratch.path());
        run.env("HOME", self.scratch.path()).env("SOPS_RS_HINTS", "always")
    }

    fn sops_rs(&self, arguments: &[&str]) -> Run {
        self.bare(arguments).envs(self.double.environment())
    }

    #[track_caller]
    fn encrypt(&self, key: &str) {
        let arguments = ["encrypt", "--in-place", "--hckms", key, FILE];
        self.sops_rs(&arguments).run().success();
        assert!(!self.scratch.text(FILE).contains("alice"));
    }

    #[track_caller]
    fn opens(&self, run: Run) {
        assert_eq!(run.run().success().out(), PLAIN);
    }
}

fn key(id: &str) -> String {
    format!("{REGION}:{id}")
}

#[test]
fn a_file_goes_through_all_its_life_at_a_double() {
    let place = Place::new();
    place.encrypt(&key(KEY));
    place.opens(place.sops_rs(&["decrypt", FILE]));
    place.sops_rs(&["rotate", "--in-place", "--add-hckms", &key(OTHER), FILE]).run().success();
    place.sops_rs(&["rotate", "--in-place", "--rm-hckms", &key(KEY), FILE]).run().success();
    let text = place.scratch.text(FILE);
    assert!(text.contains(OTHER) && !text.contains(KEY), "{text}");
    place.opens(place.sops_rs(&["decrypt", FILE]));
    place.scratch.write(".sops.yaml", format!("creation_rules:\n  - hckms: [\"{}\"]\n", key(KEY)));
    place.sops_rs(&["updatekeys", "--yes", FILE]).run().success();
    place.opens(place.sops_rs(&["decrypt", FILE]));
}

#[test]
fn each_program_opens_what_the_other_encrypted_at_a_double() {
    let Some(peer) = need::peer() else { return };
    let place = Place::new();
    let go = |arguments: &[&str]| {
        let run = Run::peer(&peer, arguments).within(place.scratch.path());
        run.env("HOME", place.scratch.path()).envs(place.double.environment())
    };
    place.encrypt(&key(KEY));
    assert_eq!(go(&["decrypt", FILE]).run().success().out(), PLAIN);
    go(&["rotate", "--in-place", FILE]).run().success();
    place.opens(place.sops_rs(&["decrypt", FILE]));

    place.scratch.write(FILE, PLAIN);
    go(&["encrypt", "--in-place", "--hckms", &key(KEY), FILE]).run().success();
    place.opens(place.sops_rs(&["decrypt", FILE]));
    place.sops_rs(&["rotate", "--in-place", FILE]).run().success();
    assert_eq!(go(&["decrypt", FILE]).run().success().out(), PLAIN);
}

#[test]
fn credentials_and_regions_come_from_files_too() {
    let place = Place::new();
    place.encrypt(&key(KEY));
    let words =
        ["no credentials found", "HUAWEICLOUD_SDK_AK", "~/.huaweicloud/credentials", "hint: set"];
    let regions = format!("KMS:\n  - id: {REGION}\n    endpoint: {}\n", place.double.url());
    place.scratch.write(".huaweicloud/regions.yaml", &regions);
    // The metadata of this machine is asked as well; nothing answers here, so not for long.
    let run = place.bare(&["decrypt", FILE]).env("SOPS_KEY_TIMEOUT", "0.2").run();
    refused(&run, NO_KEY, &words);

    let file = format!("[basic]\nak = {ACCESS_KEY}\nsk = {SECRET}\nproject_id = {PROJECT}\n");
    place.scratch.write(".huaweicloud/credentials", &file);
    place.opens(place.bare(&["decrypt", FILE]));

    // By variables that name them, from elsewhere.
    place.scratch.write("here/credentials", &file);
    place.scratch.write("here/regions", &regions);
    let run = place.bare(&["decrypt", FILE]).env("HOME", "/nonexistent");
    let run = run.env("HUAWEICLOUD_SDK_CREDENTIALS_FILE", place.scratch.at("here/credentials"));
    place.opens(run.env("HUAWEICLOUD_SDK_REGIONS_FILE", place.scratch.at("here/regions")));

    // Without a project in the file the identity service is asked.
    place
        .scratch
        .write(".huaweicloud/credentials", format!("[basic]\nak = {ACCESS_KEY}\nsk = {SECRET}\n"));
    let run = place.bare(&["decrypt", FILE]);
    place.opens(run.env("HUAWEICLOUD_SDK_IAM_ENDPOINT", place.double.url()));

    place.scratch.write(".huaweicloud/credentials", format!("[other]\nak = {SECRET}\n"));
    let run = place.bare(&["decrypt", FILE]).run();
    refused(&run, NO_KEY, &["a setting makes no sense", "no section [basic]"]);
    assert!(!run.err().contains(SECRET), "{run}");
}

#[test]
fn refusals_of_a_double_are_told_with_what_to_do() {
    let place = Place::new();
    let run = place.sops_rs(&["encrypt", "--in-place", "--hckms", &key(DISABLED), FILE]).run();
    let words = [
        "Could not generate data key: [failed to encrypt new data key with master key",
        "failed to encrypt sops data key with HuaweiCloud KMS: {",
        "the key is disabled",
        "KMS.0209",
        "hint: enable the key",
    ];
    refused(&run, 1, &words);
    assert_eq!(place.scratch.text(FILE), PLAIN);
    place.encrypt(&key(KEY));
    let run = place.sops_rs(&["decrypt", FILE]).env("HUAWEICLOUD_SDK_SK", "wrong").run();
    let words = [
        "the credentials are not valid",
        "as access key rigak from the environment",
        "verify aksk signature fail",
    ];
    refused(&run, NO_KEY, &words);
    let run = place.sops_rs(&["decrypt", FILE]).without_env("HUAWEICLOUD_SDK_SK").run();
    refused(&run, NO_KEY, &["HUAWEICLOUD_SDK_AK is set, and HUAWEICLOUD_SDK_SK is not"]);
    place.scratch.write(FILE, PLAIN);
    let run = place.sops_rs(&["encrypt", "--hckms", "mars-1:abc", FILE]).run();
    refused(&run, 1, &["invalid region \"mars-1\"", "tr-west-1"]);
    let run = place.sops_rs(&["encrypt", "--hckms", "abc", FILE]).run();
    refused(&run, 1, &["invalid key ID format: expected 'region:key-uuid', got \"abc\""]);
}

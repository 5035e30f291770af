//! What a person reads when there are no credentials, or when the place that should have them
//! fails: which place, what it said, and what to do next.

use std::time::Duration;

use sops_tests::double::{Double, answer};
use sops_tests::fault::{NobodyListens, Rule};
use sops_tests::rig::aws;
use sops_tests::run::Run;

use super::place::{FILE, NO_KEY, Place, refused, said};

/// A file with one key, and the program without an access key.
fn place(key: &str) -> Option<(Place, Run)> {
    let place = Place::new()?;
    place.encrypt(&["--kms", key]);
    let run = place
        .sops_rs(&["decrypt", FILE])
        .without_env("AWS_ACCESS_KEY_ID")
        .without_env("AWS_SECRET_ACCESS_KEY")
        .env("HOME", place.scratch.path());
    Some((place, run))
}

fn with_config(place: &Place, run: &Run, text: &str) -> Run {
    run.clone().env("AWS_CONFIG_FILE", place.scratch.write("config", text))
}

#[test]
fn each_place_that_was_looked_at_is_named() {
    let Some((place, run)) = place(aws::MAIN) else { return };
    let outcome = run.run();
    let words = [
        aws::MAIN,
        "AWS KMS: no credentials found",
        "the environment (AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set)",
        "profile default (no credentials in /dev/null and /dev/null)",
        "the web identity token of AWS_WEB_IDENTITY_TOKEN_FILE (AWS_WEB_IDENTITY_TOKEN_FILE or",
        "the container's credentials (AWS_CONTAINER_CREDENTIALS_FULL_URI and",
        "the instance's role (IMDS disabled by AWS_EC2_METADATA_DISABLED",
        "hint: set AWS_PROFILE",
    ];
    refused(&outcome, NO_KEY, &words);
    assert!(!said(&outcome).contains("not valid"), "{outcome}");

    // Instance metadata where nobody listens is no credentials either.
    let nobody = NobodyListens::new();
    let refusing = run
        .without_env("AWS_EC2_METADATA_DISABLED")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", nobody.url());
    refused(&refusing.run(), NO_KEY, &["no credentials found", "the instance's role ("]);
    assert_eq!(place.kms.calls().len(), 0);
}

#[test]
fn a_profile_that_nobody_defined() {
    let Some((place, run)) = place(aws::MAIN) else { return };
    let config = place.scratch.write("config", "[profile other]\nregion = us-east-1\n");
    let files = format!("in {} and /dev/null", config.display());
    let by_variable = run.env("AWS_CONFIG_FILE", &config).env("AWS_PROFILE", "typo").run();
    let words = [aws::MAIN, "no credentials found", "there is no profile typo ", &files];
    refused(&by_variable, NO_KEY, &words);

    // A profile beside the key comes before the access key of the environment.
    let arguments = ["encrypt", "--kms", aws::MAIN, "--aws-profile", "gone", FILE];
    place.scratch.write(FILE, super::place::PLAIN);
    let of_key = place.sops_rs(&arguments).env("AWS_CONFIG_FILE", &config).run();
    refused(&of_key, 1, &[aws::MAIN, "there is no profile gone ", &files]);
    assert_eq!(place.kms.calls().len(), 0);
}

#[test]
fn instance_metadata_that_refuses() {
    let Some((place, run)) = place(aws::MAIN) else { return };
    let metadata = Double::new(|request| match request.start.starts_with("PUT ") {
        true => answer(200, &[("x-aws-ec2-metadata-token-ttl-seconds", "21600")], "t"),
        false => answer(403, &[], ""),
    });
    let run = run
        .without_env("AWS_EC2_METADATA_DISABLED")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url());
    let words = [
        aws::MAIN,
        "the credentials could not be had (HTTP 403)",
        "the instance's role",
        "hint: repair that source of credentials",
    ];
    refused(&run.run(), NO_KEY, &words);
    assert_eq!(place.kms.calls().len(), 0);
}

#[test]
fn whoever_hangs_is_named_at_the_deadline() {
    let Some((place, run)) = place(aws::MAIN) else { return };
    let silent = Double::silent();
    let short = |run: Run| run.env("SOPS_KEY_TIMEOUT", "0.4").deadline(Duration::from_secs(20));
    let instance = short(run.clone())
        .without_env("AWS_EC2_METADATA_DISABLED")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", silent.url());
    let words = [aws::MAIN, "no answer in time", "within 0.4 s from the instance's role", "hint: "];
    refused(&instance.run(), NO_KEY, &words);
    let token = place.scratch.write("token", "x");
    let web = short(run)
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", token)
        .env("AWS_ROLE_ARN", aws::ROLE)
        .env("AWS_ENDPOINT_URL_STS", silent.url());
    refused(
        &web.run(),
        NO_KEY,
        &["within 0.4 s from the web identity token of AWS_WEB_IDENTITY_TOKEN_FILE"],
    );
    assert_eq!(place.kms.calls().len(), 0);
}

#[test]
fn a_role_beside_the_key_while_sts_hangs_or_is_not_there() {
    let key = format!("{}+{}", aws::MAIN, aws::ROLE);
    let Some((place, _)) = place(&key) else { return };
    let silent = Double::silent();
    let decrypt = || place.sops_rs(&["decrypt", FILE]);
    let hung = decrypt().env("SOPS_KEY_TIMEOUT", "0.4").env("AWS_ENDPOINT_URL_STS", silent.url());
    let who = format!("within 0.4 s from STS, for the role {}", aws::ROLE);
    refused(&hung.run(), NO_KEY, &[aws::MAIN, "no answer in time", &who]);
    let nobody = NobodyListens::new();
    let gone = decrypt().env("AWS_ENDPOINT_URL_STS", nobody.url());
    let who = format!("STS, for {}", aws::ROLE);
    let words = [&key, "the service could not be reached", &who, "AWS_ENDPOINT_URL_STS"];
    refused(&gone.run(), NO_KEY, &words);
    assert_eq!(place.kms.calls().len(), 0);
}

#[test]
fn a_role_of_a_profile_that_may_not_be_assumed() {
    let Some((place, run)) = place(aws::MAIN) else { return };
    let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: \
                arn:aws:iam::111122223333:user/x is not authorized to perform: sts:AssumeRole\
                </Message></Error></ErrorResponse>";
    place.sts.add(Rule::on("AssumeRole").answers(403, "text/xml", body));
    let config = format!(
        "[profile base]\naws_access_key_id = {}\naws_secret_access_key = x\n\
         [profile r]\nrole_arn = {}\nsource_profile = base\n",
        aws::ACCOUNT,
        aws::ROLE
    );
    let outcome = with_config(&place, &run, &config).env("AWS_PROFILE", "r").run();
    let words = [
        aws::MAIN,
        "the role could not be assumed (HTTP 403, AccessDenied, as \
         arn:aws:iam::111122223333:user/x)",
        "STS, for profile r: ",
        "hint: allow sts:AssumeRole on the role for arn:aws:iam::111122223333:user/x",
    ];
    refused(&outcome, NO_KEY, &words);
    assert_eq!((place.sts.count("AssumeRole"), place.kms.calls().len()), (1, 0));
}

#[test]
fn a_web_identity_token_that_is_not_there_or_not_taken() {
    let Some((place, run)) = place(aws::MAIN) else { return };
    let missing = place.scratch.at("token");
    let run = run.env("AWS_WEB_IDENTITY_TOKEN_FILE", &missing).env("AWS_ROLE_ARN", aws::ROLE);
    let words = [
        aws::MAIN,
        "the credentials could not be had",
        "the web identity token of AWS_WEB_IDENTITY_TOKEN_FILE: No such file",
    ];
    refused(&run.run(), NO_KEY, &words);
    place.scratch.write("token", "x");
    let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not \
                authorized</Message></Error></ErrorResponse>";
    place.sts.add(Rule::on("AssumeRoleWithWebIdentity").answers(403, "text/xml", body));
    let words = [
        "the role could not be assumed (HTTP 403, AccessDenied",
        "STS, for the web identity token of AWS_WEB_IDENTITY_TOKEN_FILE: Not authorized",
    ];
    refused(&run.run(), NO_KEY, &words);
    assert_eq!(place.kms.calls().len(), 0);
}

#[test]
fn a_profile_that_leads_to_one_that_is_not_there() {
    let Some((place, run)) = place(aws::MAIN) else { return };
    let config = format!("[profile r]\nrole_arn = {}\nsource_profile = gone\n", aws::ROLE);
    let outcome = with_config(&place, &run, &config).env("AWS_PROFILE", "r").run();
    let words =
        [aws::MAIN, "the credentials could not be had: profile r: profile `gone` was not defined"];
    refused(&outcome, NO_KEY, &words);
    assert_eq!(place.kms.calls().len(), 0);
}

#[test]
fn an_address_that_is_set_to_nothing() {
    let Some((place, _)) = place(aws::MAIN) else { return };
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL_STS"] {
        let outcome = place.sops_rs(&["decrypt", FILE]).env(variable, "").run();
        refused(&outcome, NO_KEY, &[aws::MAIN, &format!("{variable} is set to nothing"), "hint: "]);
    }
}

#[test]
fn a_credential_process_that_fails() {
    let Some((place, run)) = place(aws::MAIN) else { return };
    let script = place.scratch.script("process", "#!/bin/sh\necho 'token expired' >&2\nexit 3\n");
    let config = format!("[default]\ncredential_process = {}\n", script.display());
    let words = [aws::MAIN, "the credentials could not be had", "profile default", "token expired"];
    refused(&with_config(&place, &run, &config).run(), NO_KEY, &words);
    assert_eq!(place.kms.calls().len(), 0);
}

#[test]
fn a_session_of_single_sign_on_that_has_ended() {
    let Some((place, run)) = place(aws::MAIN) else { return };
    let config = "[profile s]\nsso_session = work\nsso_account_id = 111122223333\n\
                  sso_role_name = R\n[sso-session work]\nsso_region = us-east-1\n\
                  sso_start_url = https://x.example.com\n";
    let outcome = with_config(&place, &run, config).env("AWS_PROFILE", "s").run();
    refused(
        &outcome,
        NO_KEY,
        &[
            aws::MAIN,
            "the credentials are not valid: profile s: ",
            "hint: sign in again (`aws sso login`)",
        ],
    );
    assert_eq!(place.kms.calls().len(), 0);
}

#[test]
fn a_session_token_that_has_expired() {
    let Some((place, _)) = place(aws::MAIN) else { return };
    place.kms.add(Rule::on("Decrypt").fails(400, "ExpiredTokenException", "the token is expired"));
    let words = [
        aws::MAIN,
        "the credentials are not valid (HTTP 400, ExpiredTokenException, as access key \
         111122223333 from the environment): the token is expired",
        "hint: sign in again",
    ];
    refused(&place.decrypt(), NO_KEY, &words);
    assert_eq!(place.calls(), (0, 1, 0));
}

#[test]
fn a_deadline_that_is_no_number_stops_only_who_asks_a_key_of_aws() {
    let Some((place, _)) = place(aws::MAIN) else { return };
    for text in ["soon", "0", "-1", "nan", "1e999"] {
        let run = place.sops_rs(&["decrypt", FILE]).env("SOPS_KEY_TIMEOUT", text).run();
        let said = format!("SOPS_KEY_TIMEOUT is {text:?}; it takes seconds above zero");
        refused(&run, NO_KEY, &[aws::MAIN, &said]);
    }
    // An age key of the same file is enough, and so is a file without keys of AWS.
    for flags in
        [&["--kms", aws::MAIN, "--age", super::place::AGE][..], &["--age", super::place::AGE]]
    {
        place.scratch.write(FILE, super::place::PLAIN);
        place.encrypt(flags);
        place.with_age(&["decrypt", FILE]).env("SOPS_KEY_TIMEOUT", "soon").run().success();
    }
    let rotate = ["rotate", "--in-place", FILE];
    place.with_age(&rotate).env("SOPS_KEY_TIMEOUT", "soon").run().success();
    assert_eq!(place.kms.calls().len(), 0);
}

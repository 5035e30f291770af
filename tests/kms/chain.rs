//! The places where credentials may be, one by one, through the whole program: KMS and STS are the
//! emulators, the rest are doubles on loopback.

use sops_tests::double::{Double, answer};
use sops_tests::fault::FaultProxy;
use sops_tests::http::Message;
use sops_tests::rig::aws;
use sops_tests::run::Run;

use super::place::{FILE, PLAIN, Place};

/// What a place of credentials gives out. The emulator takes the id for an account.
const KEYS: &str = r#""AccessKeyId": "111122223333", "SecretAccessKey": "x", "Expiration": "2099-01-01T00:00:00Z""#;
/// The name of a session of single sign-on, and that of the file with its token: the SHA-1 of it.
const SESSION: &str = "work";
const SESSION_FILE: &str = "e274eeff768c6396088ec6eb091f4bf4d47ab1e0";

/// A place whose program has no credentials at all yet.
struct Bare(Place);

impl Bare {
    fn new() -> Option<Self> {
        let place = Place::new()?;
        place.encrypt(&["--kms", aws::MAIN]);
        Some(Self(place))
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.0
            .sops_rs(arguments)
            .without_env("AWS_ACCESS_KEY_ID")
            .without_env("AWS_SECRET_ACCESS_KEY")
            .env("HOME", self.0.scratch.path())
    }

    fn decrypt(&self) -> Run {
        self.run(&["decrypt", FILE])
    }

    /// The program with a file of profiles.
    fn with_profiles(&self, config: &str, credentials: &str, arguments: &[&str]) -> Run {
        let config = self.0.scratch.write("config", config);
        let credentials = self.0.scratch.write("credentials", credentials);
        self.run(arguments)
            .env("AWS_CONFIG_FILE", config)
            .env("AWS_SHARED_CREDENTIALS_FILE", credentials)
    }

    /// Fails unless this run opens the file with one call; gives the access key it was made with.
    #[track_caller]
    fn opens(&self, run: &Run) -> String {
        self.0.forget();
        assert_eq!(run.run().success().out(), PLAIN);
        let calls = self.0.kms.calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls[0].access_key.clone()
    }
}

fn static_keys(profile: &str, id: &str) -> String {
    format!("[{profile}]\naws_access_key_id = {id}\naws_secret_access_key = x\n")
}

#[test]
fn a_profile_by_variable_and_one_of_the_key() {
    let Some(bare) = Bare::new() else { return };
    let keys = static_keys("mine", aws::ACCOUNT);
    let by_variable = bare.with_profiles("", &keys, &["decrypt", FILE]).env("AWS_PROFILE", "mine");
    assert_eq!(bare.opens(&by_variable), aws::ACCOUNT);

    // One that stands beside the key comes before variables: those would be somebody else's.
    bare.0.scratch.write(FILE, PLAIN);
    let flags = ["encrypt", "-i", "--kms", aws::MAIN, "--aws-profile", "mine", FILE];
    let wrong = [("AWS_ACCESS_KEY_ID", aws::SECOND_ACCOUNT), ("AWS_SECRET_ACCESS_KEY", "x")];
    bare.with_profiles("", &keys, &flags).envs(wrong).run().success();
    assert!(bare.0.scratch.text(FILE).contains("aws_profile: mine"));
    let of_key = bare.with_profiles("", &keys, &["decrypt", FILE]).envs(wrong);
    assert_eq!(bare.opens(&of_key), aws::ACCOUNT);
}

#[test]
fn a_role_of_a_profile() {
    let Some(bare) = Bare::new() else { return };
    let config = format!("[profile r]\nrole_arn = {}\nsource_profile = base\n", aws::ROLE);
    let keys = static_keys("base", aws::ACCOUNT);
    let run = bare.with_profiles(&config, &keys, &["decrypt", FILE]).env("AWS_PROFILE", "r");
    assert_ne!(bare.opens(&run), aws::ACCOUNT, "the role's credentials are used");
    let assumed = bare.0.sts.calls();
    assert_eq!((assumed.len(), assumed[0].operation.as_str()), (1, "AssumeRole"));
    assert_eq!(assumed[0].access_key, aws::ACCOUNT);
}

#[test]
fn a_credential_process_runs_once_for_several_regions() {
    let Some(bare) = Bare::new() else { return };
    let script =
        format!("#!/bin/sh\necho run >>\"${{0%/*}}/runs\"\necho '{{\"Version\": 1, {KEYS}}}'\n");
    let script = bare.0.scratch.script("process", &script);
    let config = format!("[default]\ncredential_process = {}\n", script.display());
    let several = [aws::MAIN, aws::OTHER, aws::ELSEWHERE].join(",");
    bare.0.scratch.write(FILE, PLAIN);
    bare.0.forget();
    let flags = ["encrypt", "-i", "--kms", &several, FILE];
    bare.with_profiles(&config, "", &flags).run().success();
    assert_eq!(bare.0.calls(), (3, 0, 0));
    assert_eq!(bare.0.scratch.text("runs"), "run\n");
}

#[test]
fn single_sign_on() {
    let Some(bare) = Bare::new() else { return };
    let portal = Double::new(|request| {
        let asked = request.start.starts_with("GET /federation/credentials?")
            && request.header("x-amz-sso_bearer_token") == Some("token-of-the-session");
        let keys = r#"{"roleCredentials": {"accessKeyId": "111122223333", "secretAccessKey": "x",
                       "sessionToken": "t", "expiration": 4070908800000}}"#;
        if asked { answer(200, &[], keys) } else { answer(401, &[], "{}") }
    });
    let config = format!(
        "[profile s]\nsso_session = {SESSION}\nsso_account_id = 111122223333\nsso_role_name = R\n\
         [sso-session {SESSION}]\nsso_region = us-east-1\nsso_start_url = https://x.example.com\n"
    );
    let token = r#"{"accessToken": "token-of-the-session", "expiresAt": "2099-01-01T00:00:00Z",
                    "region": "us-east-1", "startUrl": "https://x.example.com"}"#;
    let cache = format!(".aws/sso/cache/{SESSION_FILE}.json");
    std::fs::create_dir_all(bare.0.scratch.at(".aws/sso/cache")).unwrap();
    bare.0.scratch.write(cache, token);
    let run = bare
        .with_profiles(&config, "", &["decrypt", FILE])
        .env("AWS_PROFILE", "s")
        .env("AWS_ENDPOINT_URL_SSO", portal.url());
    assert_eq!(bare.opens(&run), aws::ACCOUNT);
    assert_eq!(portal.seen().len(), 1);
}

#[test]
fn a_web_identity_token_as_in_irsa() {
    let Some(bare) = Bare::new() else { return };
    let token = bare.0.scratch.write("token", "header.payload.signature");
    let run =
        bare.decrypt().env("AWS_WEB_IDENTITY_TOKEN_FILE", token).env("AWS_ROLE_ARN", aws::ROLE);
    bare.opens(&run);
    assert_eq!(bare.0.sts.count("AssumeRoleWithWebIdentity"), 1);
    // A variable that a pipeline set to nothing names no profile.
    let keys = static_keys("other", aws::ACCOUNT);
    let file = bare.0.scratch.write("credentials", keys);
    bare.opens(&run.env("AWS_PROFILE", "").env("AWS_SHARED_CREDENTIALS_FILE", file));
}

#[test]
fn a_container_with_a_token_as_in_eks_pod_identity() {
    let Some(bare) = Bare::new() else { return };
    let agent = Double::new(|request| match request.header("authorization") {
        Some("token-of-the-pod") => answer(200, &[], &format!("{{{KEYS}, \"Token\": \"t\"}}")),
        _ => answer(401, &[], "{}"),
    });
    let token = bare.0.scratch.write("token", "token-of-the-pod");
    let run = bare
        .decrypt()
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.url() + "/v1/credentials")
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token);
    assert_eq!(bare.opens(&run), aws::ACCOUNT);
    assert_eq!(agent.seen(), ["GET /v1/credentials"]);
}

/// Instance metadata that answers nobody without a token (IMDSv2).
fn metadata() -> Double {
    Double::new(|request| {
        let token = request.header("x-aws-ec2-metadata-token") == Some("token-of-the-instance");
        let path = "/latest/meta-data/iam/security-credentials/";
        match request.start.strip_suffix(" HTTP/1.1").unwrap_or_default() {
            "PUT /latest/api/token" => answer(
                200,
                &[("x-aws-ec2-metadata-token-ttl-seconds", "21600")],
                "token-of-the-instance",
            ),
            start if token && start == format!("GET {path}") => answer(200, &[], "the-role"),
            start if token && start == format!("GET {path}the-role") => {
                let rest = r#""Code": "Success", "Type": "AWS-HMAC", "Token": "t""#;
                answer(200, &[], &format!("{{{KEYS}, {rest}}}"))
            }
            _ => answer(401, &[], ""),
        }
    })
}

fn on_instance(bare: &Bare, metadata: &Double) -> Run {
    bare.decrypt()
        .without_env("AWS_EC2_METADATA_DISABLED")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url())
}

#[test]
fn the_role_of_an_instance() {
    let Some(bare) = Bare::new() else { return };
    let metadata = metadata();
    assert_eq!(bare.opens(&on_instance(&bare, &metadata)), aws::ACCOUNT);
    assert_eq!(metadata.seen().len(), 3, "{:?}", metadata.seen());
}

#[test]
fn a_profile_that_is_not_there_is_not_replaced_by_the_role_of_the_instance() {
    let Some(bare) = Bare::new() else { return };
    let metadata = metadata();
    let run = on_instance(&bare, &metadata).env("AWS_PROFILE", "typo").run();
    super::place::refused(&run, super::place::NO_KEY, &["there is no profile typo in /dev/null"]);
    assert_eq!((metadata.seen().len(), bare.0.kms.calls().len()), (0, 0));
}

#[test]
fn addresses_by_variable_and_by_profile() {
    let Some(bare) = Bare::new() else { return };
    let keys = [("AWS_ACCESS_KEY_ID", aws::ACCOUNT), ("AWS_SECRET_ACCESS_KEY", "x")];
    let general = bare
        .decrypt()
        .envs(keys)
        .without_env("AWS_ENDPOINT_URL_KMS")
        .env("AWS_ENDPOINT_URL", bare.0.kms.url());
    bare.opens(&general);
    // The one of the service comes first.
    let other = FaultProxy::in_front_of(&bare.0.aws.kms);
    bare.opens(&bare.decrypt().envs(keys).env("AWS_ENDPOINT_URL", other.url()));
    assert_eq!(other.connections(), 0);
    let config = format!(
        "[default]\nservices = mine\n[services mine]\nkms =\n  endpoint_url = {}\n",
        bare.0.kms.url()
    );
    let services = bare
        .with_profiles(&config, "", &["decrypt", FILE])
        .envs(keys)
        .without_env("AWS_ENDPOINT_URL_KMS");
    bare.opens(&services);
}

/// A proxy that refuses everybody, since nothing may leave this machine: it shows whom the program
/// would have asked.
fn refusing_proxy() -> Double {
    Double::new(|_: &Message| answer(403, &[], ""))
}

#[test]
fn hosts_follow_region_partition_and_fips_and_go_through_the_proxy() {
    let Some(bare) = Bare::new() else { return };
    let china = "arn:aws-cn:kms:cn-north-1:111122223333:key/1";
    let gov = "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/1";
    for (key, variables, host) in [
        (aws::MAIN, &[][..], "kms.us-east-1.amazonaws.com"),
        (aws::MAIN, &[("AWS_USE_FIPS_ENDPOINT", "true")], "kms-fips.us-east-1.amazonaws.com"),
        (aws::MAIN, &[("AWS_USE_DUALSTACK_ENDPOINT", "true")], "kms.us-east-1.api.aws"),
        (china, &[], "kms.cn-north-1.amazonaws.com.cn"),
        (gov, &[("AWS_USE_FIPS_ENDPOINT", "true")], "kms-fips.us-gov-west-1.amazonaws.com"),
    ] {
        let proxy = refusing_proxy();
        bare.0.scratch.write(FILE, PLAIN);
        let run = bare
            .0
            .sops_rs(&["encrypt", "-i", "--kms", key, FILE])
            .without_env("AWS_ENDPOINT_URL_KMS")
            .env("HTTPS_PROXY", proxy.url())
            .envs(variables.iter().copied())
            .run();
        super::place::refused(&run, 1, &[key, "the service could not be reached"]);
        let seen = proxy.seen();
        assert!(!seen.is_empty(), "{run}");
        for asked in seen {
            assert_eq!(asked, format!("CONNECT {host}:443"));
        }
        assert_eq!(bare.0.scratch.text(FILE), PLAIN);
    }
}

#[test]
fn sts_is_asked_where_fips_wants_it() {
    let Some(bare) = Bare::new() else { return };
    let token = bare.0.scratch.write("token", "header.payload.signature");
    let role = format!("{}+{}", aws::MAIN, aws::ROLE);
    let web = bare
        .run(&["encrypt", "-i", "--kms", aws::MAIN, FILE])
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", token)
        .env("AWS_ROLE_ARN", aws::ROLE);
    for run in [web, bare.0.sops_rs(&["encrypt", "-i", "--kms", &role, FILE])] {
        let proxy = refusing_proxy();
        bare.0.scratch.write(FILE, PLAIN);
        let run = run
            .without_env("AWS_ENDPOINT_URL_STS")
            .env("AWS_USE_FIPS_ENDPOINT", "true")
            .env("HTTPS_PROXY", proxy.url())
            .run();
        super::place::refused(
            &run,
            1,
            &[aws::MAIN, "the service could not be reached", "STS, for "],
        );
        let seen = proxy.seen();
        assert!(!seen.is_empty(), "{run}");
        assert!(
            seen.iter().all(|asked| asked == "CONNECT sts-fips.us-east-1.amazonaws.com:443"),
            "{seen:?}"
        );
    }
}

#[test]
fn what_is_asked_by_plain_http_goes_past_the_proxy() {
    let Some(bare) = Bare::new() else { return };
    let proxy = refusing_proxy();
    let metadata = metadata();
    let run = on_instance(&bare, &metadata)
        .env("HTTPS_PROXY", proxy.url())
        .env("HTTP_PROXY", proxy.url());
    bare.opens(&run);
    assert_eq!(proxy.seen(), [""; 0]);
}

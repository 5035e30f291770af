//! Signatures and rights, at a moto that checks both: what the page on publishing says a caller has
//! to be allowed, and no more.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use sops_tests::http::{self, Message};
use sops_tests::need;
use sops_tests::rig::aws::Aws;
use sops_tests::rig::servers::{End, Server, answers, lasting_port};
use sops_tests::rig::stores::Stores;

use super::place::{Place, refused};

const PLAIN: &str = "a: hunter2\nb: 2\n";
const LIMIT: Duration = Duration::from_secs(30);

/// A moto for one test, and somebody who may do nothing yet.
struct Checked {
    _server: Server,
    address: String,
    stores: Stores,
    place: Place,
    id: String,
    secret: String,
}

impl Checked {
    fn start() -> Option<Self> {
        let python = need::python()?;
        let program = Path::new(&python).with_file_name("moto_server");
        let port = lasting_port().unwrap();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let stores = Stores::of(&Aws::at("http://127.0.0.1:9", format!("http://{address}")));
        let place = Place::new(stores.environment());
        let log = place.scratch.at("log/moto.log");
        let ready = answers(&address, "/moto-api/data.json");
        let server = Server::start("moto", command, End::Gently, &log, ready).unwrap();
        let mut checked = Self {
            _server: server,
            address,
            stores,
            place,
            id: String::new(),
            secret: String::new(),
        };
        checked.stores.bucket("deploy");
        checked.iam("Action=CreateUser&UserName=publisher");
        let answer = checked.iam("Action=CreateAccessKey&UserName=publisher");
        let tag = |name: &str| {
            let rest = answer.split_once(&format!("<{name}>")).unwrap().1;
            rest.split_once("</").unwrap().0.to_owned()
        };
        (checked.id, checked.secret) = (tag("AccessKeyId"), tag("SecretAccessKey"));
        checked.place.config(
            "destination_rules:\n  - path_regex: s3/\n    s3_bucket: deploy\n    s3_prefix: \
             web/\n  - path_regex: sm/\n    aws_secrets_manager_prefix: team/\n  - path_regex: \
             ps/\n    aws_parameter_store_path: /team\n",
        );
        Some(checked)
    }

    fn iam(&self, query: &str) -> String {
        let authorization = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request, \
                             SignedHeaders=host, Signature=0";
        let request = Message {
            start: "POST / HTTP/1.1".into(),
            headers: [
                ("Host", self.address.as_str()),
                ("Authorization", authorization),
                ("Content-Type", "application/x-www-form-urlencoded"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            body: format!("{query}&Version=2010-05-08").into_bytes(),
        };
        let answer = http::send(&self.address, &request, LIMIT).unwrap();
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status(), 200, "{query}: {text}");
        text
    }

    /// Allows these actions, all others are denied.
    fn allow(&self, actions: &[&str]) {
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": "*"},
        ]});
        let escaped: String =
            policy.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
        self.iam(&format!(
            "Action=PutUserPolicy&UserName=publisher&PolicyName=p&PolicyDocument={escaped}"
        ));
    }

    /// Whether signatures and rights are looked at.
    fn check(&self, on: bool) {
        let request = Message {
            start: "POST /moto-api/reset-auth HTTP/1.1".into(),
            headers: [("Host", self.address.as_str()), ("Content-Type", "text/plain")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            body: if on { b"0".to_vec() } else { b"1000000000".to_vec() },
        };
        assert_eq!(http::send(&self.address, &request, LIMIT).unwrap().status(), 200);
    }

    /// Publishes a file as somebody who may do these things.
    fn publish(&self, actions: &[&str], secret: &str, path: &str) -> sops_tests::run::Outcome {
        self.check(false);
        self.allow(actions);
        self.check(true);
        let run = self.place.publish(&["--yes", path]).env("AWS_ACCESS_KEY_ID", &self.id);
        let outcome = run.env("AWS_SECRET_ACCESS_KEY", secret).run();
        self.check(false);
        outcome
    }
}

#[test]
fn requests_are_signed_so_that_a_server_that_checks_takes_them() {
    let Some(checked) = Checked::start() else { return };
    for name in ["s3/s.yaml", "s3/odd name+é~(1).yaml", "sm/s.yaml", "ps/s.yaml"] {
        checked.place.sealed(name, PLAIN);
        checked.publish(&["*"], &checked.secret, name).success();
    }
    assert_eq!(checked.stores.objects("deploy").len(), 2);
    assert!(checked.stores.secret("team/s.yaml").is_some());
    assert!(checked.stores.parameter("/team/s.yaml").is_some());
    let outcome = checked.publish(&["*"], "somebody else's", "s3/s.yaml");
    refused(&outcome, 1, &["SignatureDoesNotMatch", "renew the access key"]);
}

#[test]
fn the_rights_on_the_page_are_enough_and_all_are_needed() {
    let Some(checked) = Checked::start() else { return };
    for (path, needed, missing) in [
        ("s3/s.yaml", &["s3:PutObject"][..], "s3:PutObject on arn:aws:s3:::deploy/web/s.yaml"),
        (
            "sm/s.yaml",
            &["secretsmanager:GetSecretValue", "secretsmanager:CreateSecret"],
            "secretsmanager:CreateSecret on arn:aws:secretsmanager:us-east-1:ACCOUNT:secret:team/s.yaml-*",
        ),
        (
            "ps/s.yaml",
            &["ssm:GetParameter", "ssm:PutParameter"],
            "ssm:PutParameter on arn:aws:ssm:us-east-1:ACCOUNT:parameter/team/s.yaml",
        ),
    ] {
        checked.place.sealed(path, PLAIN);
        let without = [&needed[..needed.len() - 1], &["sts:GetCallerIdentity"]].concat();
        let outcome = checked.publish(&without, &checked.secret, path);
        refused(&outcome, 1, &["AccessDenied", &format!("allow {missing}")]);
        checked.publish(needed, &checked.secret, path).success();
    }
    // Who may write and not read is told, and served.
    checked.place.sops_rs(&["set", "sm/s.yaml", "[\"b\"]", "3"]).run().success();
    let outcome =
        checked.publish(&["secretsmanager:PutSecretValue"], &checked.secret, "sm/s.yaml").success();
    assert!(
        outcome.err().contains("Cannot check if destination secret already exists"),
        "{outcome}"
    );
    assert!(checked.stores.secret("team/s.yaml").is_some_and(|text| text.contains("\"b\":3")));
}

//! The program of the image with nothing around it but what the image has: it has to resolve names
//! and to find the roots that it trusts, which a static program does not do by itself.
//!
//! It opens an object whose keys are at AWS and at Azure. Both names lead to a double that speaks
//! TLS, by a double of a name server. What counts is that both requests arrive there: a name that
//! is not resolved, or a certificate that nobody vouches for, ends before one is sent.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;

use anyhow::{Context, Result, ensure};
use sops_tests::rig::doubles::Azure;

use crate::{emulators, shell};

/// Where the double of a name server listens. Of the loopback, and not where one of the system is.
const NAME_SERVER: &str = "127.0.53.77";

/// An object with keys at both services, which nobody can open.
const OBJECT: &str = r#"
apiVersion: isindir.github.com/v1alpha3
kind: SopsSecret
metadata: {name: trial, namespace: default}
spec:
  secretTemplates:
    - name: trial
      stringData:
        key: ENC[AES256_GCM,data:AA==,iv:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]
sops:
  kms:
    - {arn: "arn:aws:kms:eu-west-1:000000000000:key/11111111-1111-1111-1111-111111111111", created_at: "2026-01-01T00:00:00Z", enc: AAAA}
  azure_kv:
    - {vault_url: "VAULT", name: trial, version: "1", created_at: "2026-01-01T00:00:00Z", enc: AAAA}
  lastmodified: "2026-01-01T00:00:00Z"
  mac: ENC[AES256_GCM,data:AA==,iv:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]
  encrypted_suffix: Data
  version: 3.13.0
"#;

/// Starts it in a copy of the image's root folder.
pub(super) fn run(image: &Path, trial: &Path, user: &str) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        println!("note: NOT STARTED: only root can change the root folder");
        return Ok(());
    }
    let python = match emulators::python_of_doubles() {
        Ok(python) => python,
        Err(error) => {
            return shell::missing::<()>(&error.context("the image is not tried")).map(drop);
        }
    };
    copy(image, trial)?;
    let mut help = start(trial, user);
    shell::run(help.arg("--help"))?;

    answer_names()?;
    let double = Azure::start(&python);
    let roots = trial.join("etc/ssl/certs/ca-certificates.crt");
    let mut trusted = fs::read(&roots)?;
    trusted.extend(fs::read(double.authority())?);
    fs::write(&roots, trusted)?;
    fs::write(trial.join("etc/resolv.conf"), format!("nameserver {NAME_SERVER}\n"))?;
    fs::write(trial.join("trial.yaml"), OBJECT.replace("VAULT", double.direct()))?;
    let mut check = start(trial, user);
    check.envs(double.environment("good")).env("AWS_ENDPOINT_URL_KMS", double.direct());
    // No other way than that of the image, and no other roots.
    for (name, _) in double.way() {
        check.env_remove(name);
    }
    check.env("AWS_ACCESS_KEY_ID", "trial").env("AWS_SECRET_ACCESS_KEY", "trial");
    let output = check.args(["check", "/trial.yaml"]).output().context("unable to start it")?;
    let said = String::from_utf8_lossy(&output.stderr);
    for path in ["/", "/keys/trial/1/decrypt"] {
        let arrived = |seen: &serde_json::Value| {
            let path_of = seen["path"].as_str().unwrap_or_default();
            path_of.split('?').next() == Some(path)
        };
        ensure!(double.seen().iter().any(arrived), "no request for {path} arrived:\n{said}");
    }
    println!("it resolved names, and trusted the roots of the image");
    Ok(())
}

fn start(root: &Path, user: &str) -> std::process::Command {
    let mut start = shell::command("chroot", ["--userspec", user]);
    start.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    start.arg(root).arg("/usr/local/bin/manager");
    start
}

/// Files and links, and nothing else: an image has no more.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&source, &target)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

/// A double of a name server (RFC 1035): every name has the address 127.0.0.1, and no other record.
fn answer_names() -> Result<()> {
    let socket = UdpSocket::bind((NAME_SERVER, 53)).context("no port for a name server")?;
    thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut question) {
            if let Some(answer) = answer(&question[..length]) {
                // Who does not get one asks again.
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    Ok(())
}

/// The answer to a message with one question; `None` for what is none.
fn answer(message: &[u8]) -> Option<Vec<u8>> {
    const HEADER: usize = 12;
    const ADDRESS: [u8; 2] = [0, 1];
    let name = message.get(HEADER..)?.iter().position(|&length| length == 0)?;
    let question = message.get(HEADER..HEADER + name + 5)?;
    let known = question[name + 1..name + 3] == ADDRESS;
    let mut answer = message[..2].to_vec();
    // A response, recursion desired and available; one question, and perhaps one answer.
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(known), 0, 0, 0, 0]);
    answer.extend(question);
    if known {
        // The name stands at byte 12; type, class, a minute to live, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_one_address() {
        let question = |kind: u8| {
            let mut message = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            message.extend(b"\x01a\x04test\0");
            message.extend([0, kind, 0, 1]);
            message
        };
        let found = answer(&question(1)).expect("an answer");
        assert_eq!(found[..8], [7, 9, 0x81, 0x80, 0, 1, 0, 1]);
        assert!(found.ends_with(&[127, 0, 0, 1]));
        let none = answer(&question(28)).expect("an answer");
        assert_eq!(none[..8], [7, 9, 0x81, 0x80, 0, 1, 0, 0]);
        assert!(none.ends_with(b"\x01a\x04test\0\0\x1c\0\x01"));
        assert_eq!(answer(b"short"), None);
    }
}

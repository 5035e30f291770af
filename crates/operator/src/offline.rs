//! Without a cluster: what objects in files would become, and what would fail. The same code as in
//! a cluster opens and judges them.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sops_core::crypto::SecretBytes;

use crate::args::Files;
use crate::desired;
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::object::{SopsSecret, is_of_group};
use crate::open::{self, Integrity};
use crate::status::Reason;
use crate::{credentials, plan};

/// What came of the files.
#[derive(Default)]
struct Found {
    objects: usize,
    failures: usize,
}

/// Prints the Secrets.
pub(crate) async fn render(files: &Files) -> Result<(), String> {
    let mut found = Found::default();
    let keys = keys();
    for (place, object) in objects(&files.files)? {
        found.objects += 1;
        let opened = match opened(&keys, &object, files.require_verified).await {
            Ok(opened) => opened,
            Err(problem) => {
                found.fail(&place, &problem.text);
                continue;
            }
        };
        for template in desired::desired(&opened.templates) {
            match template {
                Ok(desired) => {
                    let mut secret = plan::new(&object, &desired);
                    // Only a cluster knows who the owner is.
                    secret.metadata.owner_references = None;
                    let text =
                        serde_saphyr::to_string(&secret).map_err(|_| "a Secret has no text")?;
                    print(&SecretBytes::from(format!("---\n{text}")))?;
                }
                Err(wrong) => {
                    found.fail(&place, &format!("Secret {}: {}", wrong.name, wrong.detail))
                }
            }
        }
    }
    found.end()
}

/// Says what would fail.
pub(crate) async fn check(files: &Files) -> Result<(), String> {
    let mut found = Found::default();
    let keys = keys();
    for (place, object) in objects(&files.files)? {
        found.objects += 1;
        match opened(&keys, &object, files.require_verified).await {
            Ok(opened) => {
                let wrong = desired::desired(&opened.templates).into_iter().filter_map(Result::err);
                let wrong: Vec<_> = wrong.collect();
                for wrong in &wrong {
                    found.fail(&place, &format!("Secret {}: {}", wrong.name, wrong.detail));
                }
                if wrong.is_empty() {
                    let integrity = Integrity::of(&opened.integrity).name();
                    let doubt = open::doubt(&opened.integrity);
                    let doubt = doubt.map(|doubt| format!(": {doubt}")).unwrap_or_default();
                    say(&format!("{place}: good, {integrity}{doubt}"));
                }
            }
            // Whoever checks need not be able to decrypt: what can be seen from outside is good.
            Err(problem) if problem.reason == Reason::NoUsableKey && !files.require_verified => {
                say(&format!(
                    "{place}: well-formed; no key here opens it, so its values are not checked"
                ));
            }
            Err(problem) => found.fail(&place, &problem.text),
        }
    }
    found.end()
}

impl Found {
    fn fail(&mut self, place: &str, text: &str) {
        self.failures += 1;
        say(&format!("{place}: {text}"));
    }

    fn end(&self) -> Result<(), String> {
        match (self.objects, self.failures) {
            (0, _) => Err("the files hold no SopsSecret".to_owned()),
            (_, 0) => Ok(()),
            (_, 1) => Err("1 problem".to_owned()),
            (_, many) => Err(format!("{many} problems")),
        }
    }
}

struct Problem {
    reason: Reason,
    text: String,
}

async fn opened(
    keys: &Keys,
    object: &SopsSecret,
    require_verified: bool,
) -> Result<sops_core::sops_secret::OpenedTemplates, Problem> {
    let problem = |closed: open::Closed| Problem {
        reason: closed.reason,
        text: format!("{}: {}", closed.reason.name(), closed.detail),
    };
    let opened = open::open(keys, object).await.map_err(problem)?;
    match open::refused(&opened, require_verified) {
        Some(closed) => Err(problem(closed)),
        None => Ok(opened),
    }
}

fn keys() -> Keys {
    let metrics = Arc::new(Metrics::new());
    Keys::new(credentials::keyring(50, &metrics), Duration::from_secs(600), metrics)
}

/// The SopsSecrets of files, each with its place. Other objects are left out.
fn objects(files: &[PathBuf]) -> Result<Vec<(String, SopsSecret)>, String> {
    let mut all = Vec::new();
    for path in files {
        let text = read(path)?;
        let text = text.expose_str().ok_or_else(|| format!("{} is not UTF-8", path.display()))?;
        let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(text)
            // The text of the error may show lines of the file.
            .map_err(|_| format!("{} is no YAML or JSON", path.display()))?;
        for (number, document) in documents.into_iter().enumerate() {
            let of_group = document["apiVersion"].as_str().is_some_and(is_of_group);
            if !of_group || document["kind"] != crate::crd::KIND {
                continue;
            }
            let place = format!("{}, document {}", path.display(), number + 1);
            let older = document["apiVersion"].as_str().map(str::to_owned);
            let mut object: SopsSecret = serde_json::from_value(document)
                .map_err(|_| format!("{place} does not have the shape of a SopsSecret"))?;
            let older = older.filter(|version| !version.ends_with(crate::crd::VERSION));
            object.metadata.older_version = older.map(String::into_boxed_str);
            all.push((place, object));
        }
    }
    Ok(all)
}

fn read(path: &Path) -> Result<SecretBytes, String> {
    let mut bytes = Vec::new();
    let read = match path.to_str() {
        Some("-") => std::io::stdin().lock().read_to_end(&mut bytes),
        _ => std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    read.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(SecretBytes::new(bytes))
}

fn print(text: &SecretBytes) -> Result<(), String> {
    std::io::stdout()
        .lock()
        .write_all(text.expose())
        .map_err(|error| format!("standard output: {error}"))
}

#[allow(clippy::print_stderr, reason = "standard output is for Secrets")]
fn say(text: &str) {
    eprintln!("{text}");
}

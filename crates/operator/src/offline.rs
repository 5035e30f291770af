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
            Err(closed) => {
                found.fail(&place, &format!("{}: {}", closed.reason.name(), closed.detail));
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

/// Says what would fail: on standard error for people, or as lines of JSON on standard output.
pub(crate) async fn check(files: &Files, json: bool) -> Result<(), String> {
    let mut found = Found::default();
    let keys = keys();
    for (place, object) in objects(&files.files)? {
        found.objects += 1;
        let verdict = verdict(&keys, &place, &object, files.require_verified).await;
        found.failures += verdict.problems.len();
        if json {
            let line = serde_json::to_string(&verdict).map_err(|_| "a verdict has no text")?;
            print(&SecretBytes::from(format!("{line}\n")))?;
        } else {
            verdict.lines().iter().for_each(|line| say(line));
        }
    }
    found.end()
}

async fn verdict<'o>(
    keys: &Keys,
    place: &Place,
    object: &'o SopsSecret,
    require_verified: bool,
) -> Verdict<'o> {
    let mut verdict = Verdict {
        place: place.clone(),
        namespace: object.metadata.namespace.as_deref(),
        name: object.metadata.name.as_deref(),
        result: Checked::Good,
        integrity: None,
        doubt: None,
        problems: Vec::new(),
    };
    match opened(keys, object, require_verified).await {
        Ok(opened) => {
            let wrong = desired::desired(&opened.templates).into_iter().filter_map(Result::err);
            verdict.problems.extend(wrong.map(|wrong| Problem {
                secret: Some(wrong.name.to_string()),
                reason: wrong.reason.name(),
                detail: wrong.detail.to_string(),
            }));
            verdict.integrity = Some(Integrity::of(&opened.integrity).name());
            verdict.doubt = open::doubt(&opened.integrity).map(|doubt| doubt.to_string());
        }
        // Whoever checks need not be able to decrypt: what can be seen from outside is good.
        Err(closed) if closed.reason == Reason::NoUsableKey && !require_verified => {
            verdict.result = Checked::NoKey;
        }
        Err(closed) => verdict.problems.push(Problem {
            secret: None,
            reason: closed.reason.name(),
            detail: closed.detail.to_string(),
        }),
    }
    if !verdict.problems.is_empty() {
        verdict.result = Checked::Fails;
    }
    verdict
}

impl Found {
    fn fail(&mut self, place: &Place, text: &str) {
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

/// Where an object stands.
#[derive(Clone, Debug, serde::Serialize)]
struct Place {
    file: PathBuf,
    /// Counted from 1.
    document: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, document {}", self.file.display(), self.document)
    }
}

/// What `check` found about one object. It holds no value.
#[derive(serde::Serialize)]
struct Verdict<'o> {
    #[serde(flatten)]
    place: Place,
    namespace: Option<&'o str>,
    name: Option<&'o str>,
    result: Checked,
    /// `Verified`, `Unverifiable` or `Mismatch`; nothing when it was not opened.
    integrity: Option<&'static str>,
    /// Why the MAC says nothing.
    doubt: Option<String>,
    problems: Vec<Problem>,
}

#[derive(Clone, Copy, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
enum Checked {
    Good,
    Fails,
    /// No key here opens it: only what can be seen from outside is good.
    NoKey,
}

#[derive(serde::Serialize)]
struct Problem {
    /// The Secret that would not be made; nothing when none would.
    secret: Option<String>,
    reason: &'static str,
    detail: String,
}

impl Verdict<'_> {
    fn lines(&self) -> Vec<String> {
        let place = &self.place;
        match self.result {
            Checked::Good => {
                let integrity = self.integrity.unwrap_or_default();
                let doubt = self.doubt.as_ref().map(|doubt| format!(": {doubt}"));
                vec![format!("{place}: good, {integrity}{}", doubt.unwrap_or_default())]
            }
            Checked::NoKey => vec![format!(
                "{place}: well-formed; no key here opens it, so its values are not checked"
            )],
            Checked::Fails => {
                let line = |problem: &Problem| match &problem.secret {
                    Some(secret) => format!("{place}: Secret {secret}: {}", problem.detail),
                    None => format!("{place}: {}: {}", problem.reason, problem.detail),
                };
                self.problems.iter().map(line).collect()
            }
        }
    }
}

async fn opened(
    keys: &Keys,
    object: &SopsSecret,
    require_verified: bool,
) -> Result<sops_core::sops_secret::OpenedTemplates, open::Closed> {
    let (opened, _) = open::open(keys, object).await?;
    match open::refused(&opened, require_verified) {
        Some(closed) => Err(closed),
        None => Ok(opened),
    }
}

fn keys() -> Keys {
    let metrics = Arc::new(Metrics::new());
    Keys::new(credentials::keyring(50, &metrics), Duration::from_secs(600), metrics)
}

/// The SopsSecrets of files, each with its place. Other objects are left out.
fn objects(files: &[PathBuf]) -> Result<Vec<(Place, SopsSecret)>, String> {
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
            let place = Place { file: path.clone(), document: number + 1 };
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

//! Puts files where their destination rules say (CLI §3.9).
//!
//! ```text
//! path ─ files ─▶ name ─ config ─▶ destination, recreation rule
//!                                      │
//!  a person is asked ◀─ what would change of the keys
//!                                      │
//!        content: the file │ the file encrypted anew │ its values
//!                                      │
//!            places: what is there ─▶ the same? ─▶ written ─▶ outcome
//! ```
//!
//! Rules of this module:
//!
//! - What is no file of SOPS is never sent anywhere.
//! - A file goes out as it is, byte for byte, unless its rule has keys of its own: then it is opened,
//!   its MAC has to match, and it is encrypted by that rule and no other.
//! - Values in clear go to stores of secrets only, and only where they differ from what is there.
//! - A person is asked before any key is used.

mod files;
mod outcome;
mod places;
mod rules;

use std::cell::OnceCell;
use std::path::Path;

use sops_core::{
    config::{Decision, Destination},
    crypto::SecretBytes,
    diff::{Change, ChangeKind, What},
    document::{Document, SealedDocument},
    format::{Format, json::Object},
    pipeline::NonceMemory,
    tree::Tree,
};
use sops_providers::publishing::{Held, Target, TargetError};
use tokio::runtime::Runtime;

pub(crate) use files::{Found, find};
pub(crate) use outcome::{Done, Outcome};
use outcome::{Part, changes};
use places::{Kind, Places};

use crate::{
    args::GlobalFlags,
    auditing::Trail,
    config_file::ConfigFile,
    failure::{self, Failure, reading, sentence},
    files::{absolute_path, input::Source, print},
    key_difference::KeyDifference,
    key_services::{self, KeyServices, Purpose},
    opening::{self, Mac},
    prompt, request,
    sealing::{self, Order},
    status::Status,
};

/// What all files of a run have in common.
pub(crate) struct Run<'a> {
    pub(crate) global: &'a GlobalFlags,
    pub(crate) config: &'a ConfigFile,
    pub(crate) services: KeyServices,
    trail: &'a Trail,
    /// Do not ask.
    pub(crate) yes: bool,
    /// Look at what is there, and write nothing.
    pub(crate) dry: bool,
    /// Leave extensions out, whatever the rule says.
    pub(crate) omit_extensions: bool,
    /// Standard output is read by a program.
    pub(crate) json: bool,
    /// Answering no is no failure.
    pub(crate) several: bool,
    pub(crate) input_type: Option<&'a str>,
    places: Places,
    runtime: OnceCell<Runtime>,
}

/// One file on its way.
struct Job<'a> {
    path: &'a Path,
    format: Format,
    bytes: SecretBytes,
    destination: Destination,
    name: String,
    address: String,
    /// What it is encrypted by anew, if it is.
    recreation: Option<Decision>,
    /// Whether that rule says itself what is encrypted.
    selects: bool,
}

impl<'a> Run<'a> {
    /// With nothing read or connected yet.
    pub(crate) fn new(
        global: &'a GlobalFlags,
        config: &'a ConfigFile,
        services: KeyServices,
        trail: &'a Trail,
    ) -> Self {
        Self {
            global,
            config,
            services,
            trail,
            yes: false,
            dry: false,
            omit_extensions: false,
            json: false,
            several: false,
            input_type: None,
            places: Places::default(),
            runtime: OnceCell::new(),
        }
    }

    /// Publishes one file.
    ///
    /// # Errors
    /// If it did not get where it shall be.
    pub(crate) fn publish(&self, found: &Found) -> Result<Done, Failure> {
        failure::is_about(&found.path);
        let (mut job, sealed) = self.prepare(found)?;
        if let Some(canceled) = self.ask(&mut job, &sealed)? {
            return Ok(canceled);
        }
        match (Kind::of(&job.destination), job.recreation.take()) {
            (Kind::File, None) => self.put_file(&job, &sealed),
            (Kind::File, Some(_)) if self.dry => self.rehearse_recreation(&job, &sealed),
            (Kind::File, Some(decision)) => self.put_recreated(&job, sealed, decision),
            (Kind::Object, _) => {
                let object = self.values(&job, sealed)?;
                self.put_object(&job, &object)
                    .map_err(|failure| failure.maybe_hint(places::guessed(&job.destination)))
            }
            (Kind::Values, _) => {
                let object = self.values(&job, sealed)?;
                let values = object.parameters().map_err(|error| unsayable(&error))?;
                self.put_values(&job, &values)
            }
        }
    }

    /// Reads the file and its rule; no key is used.
    fn prepare<'f>(&self, found: &'f Found) -> Result<(Job<'f>, SealedDocument), Failure> {
        let path = found.path.as_path();
        let rule = self.rule(path)?;
        let destination = rule.destination().map_err(|error| self.refused(&error))?;
        let omit = self.omit_extensions || rule.omit_extensions();
        let name = if omit { files::without_extension(&found.name)? } else { &found.name };
        let format = request::format("--input-type", self.input_type, Some(path))?;
        let bytes = Source::File(path.to_owned()).read()?;
        let sealed = opening::read(format, &bytes)?;
        let mut selects = false;
        let recreation = match (rule.recreation_rule(), Kind::of(&destination)) {
            (None, _) => None,
            (Some(recreation), Kind::File) => {
                selects = recreation.fields().given().next().is_some();
                Some(self.decide(rule, &recreation, format)?)
            }
            (Some(_), _) => {
                failure::warn(format_args!(
                    "the recreation_rule of destination rule {} has no effect: its destination \
                     takes values, not files",
                    rule.number()
                ));
                None
            }
        };
        let address = places::address(&destination, name);
        failure::detail(format_args!(
            "{}: destination rule {} (line {}), {address}",
            path.display(),
            rule.number(),
            rule.line()
        ));
        let name = name.to_owned();
        let job = Job { path, format, bytes, destination, name, address, recreation, selects };
        Ok((job, sealed))
    }

    /// Shows what changes of the keys, and asks whether to go on; if not, that is what came of it.
    fn ask(&self, job: &mut Job<'_>, sealed: &SealedDocument) -> Result<Option<Done>, Failure> {
        if let Some(decision) = &mut job.recreation {
            if !self.dry {
                decision.groups = self.services.complete(&decision.groups)?;
            }
            let difference = KeyDifference::between(
                &sealed.metadata,
                &decision.groups,
                decision.shamir_threshold,
            );
            if !difference.is_empty() {
                let heading = "The following changes will be made to the file's key groups:\n";
                let text = format!("{heading}{}", difference.render());
                match self.json {
                    false => print(text.as_bytes())?,
                    true if self.yes || self.dry => {}
                    // Whoever is asked has to see what about; standard output is the program's.
                    true => failure::note(text.trim_end()),
                }
            }
        }
        let shown = absolute_path(job.path);
        let question = format!("uploading {} to {} ? (y/n): ", shown.display(), job.address);
        if self.yes || self.dry || prompt::confirm(&question)? {
            return Ok(None);
        }
        let text = format!("Publication of {} canceled", shown.display());
        match (self.several, self.json) {
            (false, _) => return Err(Failure::generic(text)),
            (true, false) => print(format!("{text}\n").as_bytes())?,
            (true, true) => {}
        }
        Ok(Some(done(job, Outcome::Canceled, None, Vec::new(), false)))
    }

    /// The values in clear.
    fn values(&self, job: &Job<'_>, sealed: SealedDocument) -> Result<Object, Failure> {
        let mac = Mac::Demanded(Some(job.path));
        let track = self.trail.on(Some(job.path));
        let open = opening::open(sealed, &self.services, false, mac, &track)?;
        Object::of(&open.document.tree).map_err(|error| unsayable(&error))
    }

    /// The file, opened and encrypted as a new one by its recreation rule.
    fn put_recreated(
        &self,
        job: &Job<'_>,
        sealed: SealedDocument,
        decision: Decision,
    ) -> Result<Done, Failure> {
        let mac = Mac::Demanded(Some(job.path));
        let before = sealed.tree.clone();
        let track = self.trail.on(Some(job.path));
        let open = opening::open(sealed, &self.services, false, mac, &track)?;
        let text = open.document.text().map_err(|error| reading::emit(&error))?;
        let plain = match Document::read(job.format, text) {
            Ok(Document::Plain(plain)) => plain,
            Ok(Document::Sealed(_)) => return Err(reading::already_encrypted()),
            Err(error) => return Err(reading::plain(&error, job.format)),
        };
        let (data_key, keys) = self.services.distribute(
            &decision.groups,
            &[],
            decision.shamir_threshold,
            Purpose::NEW_DATA_KEY,
        )?;
        let output = request::target(job.format, self.global, Some(self.config))?;
        let metadata = sealing::metadata(decision, keys);
        let allow_nothing_sealed = request::creation::may_encrypt_nothing(false)?;
        let order = Order { metadata, data_key: &data_key, target: output, allow_nothing_sealed };
        let sealed = sealing::seal(plain, NonceMemory::default(), order, &track)?;
        let text = &sealed.record(&track)?.text;
        if !job.selects {
            demand_nothing_is_bared(job.format, &before, text)?;
        }
        let target = self.places.target(&job.destination, &job.name, None)?;
        let version = self.write(&*target, text, &Held::Unknown(None))?;
        Ok(done(job, Outcome::Published, version, Vec::new(), true))
    }

    /// The file as it is.
    fn put_file(&self, job: &Job<'_>, sealed: &SealedDocument) -> Result<Done, Failure> {
        let target = self.places.target(&job.destination, &job.name, None)?;
        if !self.dry {
            // As SOPS does it: who publishes needs no right to read.
            let version = self.write(&*target, &job.bytes, &Held::Unknown(None))?;
            return Ok(done(job, Outcome::Published, version, Vec::new(), false));
        }
        let held = self.read(&*target)?;
        let (outcome, changes) = match &held {
            Held::Unknown(_) => (Outcome::Published, Vec::new()),
            Held::Nothing { .. } => (Outcome::Created, Vec::new()),
            Held::Content { content, .. } if content.expose() == job.bytes.expose() => {
                (Outcome::Same, Vec::new())
            }
            Held::Content { content, .. } => {
                (Outcome::Changed, sealed_changes(job.format, content, sealed))
            }
        };
        Ok(done(job, outcome, None, changes, false))
    }

    /// What would happen to a file that is encrypted anew: no key is used to find out.
    fn rehearse_recreation(&self, job: &Job<'_>, sealed: &SealedDocument) -> Result<Done, Failure> {
        let target = self.places.target(&job.destination, &job.name, None)?;
        let (outcome, changes) = match self.read(&*target)? {
            Held::Unknown(_) => (Outcome::Published, Vec::new()),
            Held::Nothing { .. } => (Outcome::Created, Vec::new()),
            Held::Content { content, .. } => {
                (Outcome::Changed, sealed_changes(job.format, &content, sealed))
            }
        };
        Ok(done(job, outcome, None, changes, true))
    }

    fn put_object(&self, job: &Job<'_>, object: &Object) -> Result<Done, Failure> {
        let target = self.places.target(&job.destination, &job.name, None)?;
        let held = self.read(&*target)?;
        let before = match &held {
            Held::Content { content, .. } => Object::read(content),
            _ => None,
        };
        let nothing = Tree::default();
        let same = match (&before, &job.destination) {
            (Some(before), Destination::Vault { .. }) => before.rounded().0 == object.rounded().0,
            (before, _) => before.as_ref() == Some(object),
        };
        if let (Destination::Vault { .. }, Some(path)) = (&job.destination, object.rounded().1) {
            failure::warn(format_args!(
                "Vault shows the number at {path} with other last digits, since it takes it for a \
                 float; as text, in quotes, it would stay as it is"
            ));
        }
        let (outcome, old) = match (&held, &before) {
            _ if same => {
                return Ok(done(job, Outcome::Same, None, Vec::new(), false));
            }
            (Held::Content { .. }, Some(before)) => (Outcome::Changed, Some(before.tree())),
            (Held::Content { .. }, None) => (Outcome::Changed, None),
            (Held::Nothing { .. }, _) => (Outcome::Created, Some(nothing)),
            (Held::Unknown(_), _) => (Outcome::Published, None),
        };
        let changes = old.map(|old| changes(&old, &object.tree(), false)).unwrap_or_default();
        let version = match self.dry {
            true => None,
            false => self.write(&*target, &object.text(), &held)?,
        };
        Ok(done(job, outcome, version, changes, false))
    }

    /// All are looked at before the first is written.
    fn put_values(&self, job: &Job<'_>, values: &[(String, SecretBytes)]) -> Result<Done, Failure> {
        let mut found = Vec::new();
        for (key, value) in values {
            let target = self.places.target(&job.destination, &job.name, Some(key))?;
            let held = self.read(&*target)?;
            let outcome = match &held {
                Held::Content { content, .. } if content.expose() == value.expose() => {
                    Outcome::Same
                }
                Held::Content { .. } => Outcome::Changed,
                Held::Nothing { .. } => Outcome::Created,
                Held::Unknown(_) => Outcome::Published,
            };
            found.push((key, value, target, held, outcome));
        }
        let (mut parts, mut written) = (Vec::new(), 0);
        for (key, value, target, held, outcome) in &found {
            let mut version = None;
            if *outcome != Outcome::Same && !self.dry {
                version = self.write(&**target, value, held).map_err(|failure| match written {
                    0 => failure,
                    written => failure.hint(format!(
                        "{written} of {} parameters were written before; publishing again goes on \
                         with the others",
                        values.len()
                    )),
                })?;
                written += 1;
            }
            parts.push(Part { key: Some((*key).clone()), outcome: *outcome, version });
        }
        Ok(Done { address: job.address.clone(), parts, changes: Vec::new(), anew: false })
    }

    fn read(&self, target: &dyn Target) -> Result<Held, Failure> {
        let held = self.runtime()?.block_on(target.read()).map_err(|error| failed(&error))?;
        if let Held::Unknown(Some(error)) = &held {
            failure::warn(format_args!(
                "Cannot check if destination secret already exists: {}",
                error.text.split_whitespace().collect::<Vec<_>>().join(" ")
            ));
        }
        Ok(held)
    }

    fn write(
        &self,
        target: &dyn Target,
        content: &SecretBytes,
        held: &Held,
    ) -> Result<Option<String>, Failure> {
        let work = target.write(content, held);
        self.runtime()?.block_on(work).map_err(|error| failed(&error))
    }

    fn runtime(&self) -> Result<&Runtime, Failure> {
        key_services::started(&self.runtime)
    }
}

fn done(
    job: &Job<'_>,
    outcome: Outcome,
    version: Option<String>,
    changes: Vec<Change>,
    anew: bool,
) -> Done {
    let part = Part { key: None, outcome, version };
    Done { address: job.address.clone(), parts: vec![part], changes, anew }
}

/// What differs between a file that was published and this one.
fn sealed_changes(format: Format, held: &SecretBytes, new: &SealedDocument) -> Vec<Change> {
    match Document::read(format, held.clone()) {
        Ok(Document::Sealed(held)) => changes(&held.tree, &new.tree, true),
        _ => Vec::new(),
    }
}

/// A rule that does not say what is encrypted leaves `…_unencrypted` readable, as any new file has
/// it. What the file itself has encrypted is not bared by that.
fn demand_nothing_is_bared(
    format: Format,
    before: &Tree,
    text: &SecretBytes,
) -> Result<(), Failure> {
    let Ok(Document::Sealed(after)) = Document::read(format, text.clone()) else { return Ok(()) };
    let bared = |change: &Change| {
        let (old, new) = match change.kind {
            ChangeKind::Unknown(old, new) | ChangeKind::SameValue(old, new) => (old, new),
            _ => return false,
        };
        let sealed = |what| matches!(what, What::Leaf { sealed: true, .. });
        sealed(old) && !sealed(new)
    };
    match changes(before, &after.tree, true).into_iter().find(bared) {
        None => Ok(()),
        Some(Change { path, .. }) => Err(Failure::generic(format!(
            "the value at {path} is encrypted in the file and would be readable where it goes"
        ))
        .hint("say in the recreation_rule what is encrypted, such as encrypted_regex: .")),
    }
}

fn unsayable(error: &dyn std::error::Error) -> Failure {
    Failure::new(Status::CouldNotDumpTree, sentence(error))
}

fn failed(error: &TargetError) -> Failure {
    let caller = error.caller.as_ref().map(|caller| format!("asked as {caller}"));
    Failure::generic(&error.text).hint(&error.advice).maybe_hint(caller)
}

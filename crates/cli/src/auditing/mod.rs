//! The audit log of the command: a record of each file that is opened or made, where
//! `/etc/sops/audit.yaml` says.
//!
//! Rules of this module:
//!
//! - The file has one path. No flag and no variable names another one, or none: whoever is audited
//!   does not decide it. It is read by commands that need a record, before any key is asked, and a
//!   file that is there and not understood stops them.
//! - A record is written after the operation and before its result leaves: plaintext is not printed,
//!   no command gets it and no file is replaced without. `opening` and `sealing` see to it.
//! - What failed is recorded when the command ends. The table of SOPS has no place for that.
//! - Nothing is connected by commands without a record, and nothing twice that has failed.

mod sinks;
mod who;

use std::{
    cell::{OnceCell, RefCell},
    path::Path,
};

use sops_core::{
    audit::{Action, Object, Reason},
    keys::{KeyGroup, MasterKey},
    tree::Time,
};

use crate::{
    failure::{self, Failure},
    files::absolute_path,
    status::Status,
    system::now,
};
use sinks::Sink;

/// Where it says what is audited (CLI §10).
pub(crate) const SETTINGS: &str = "/etc/sops/audit.yaml";

/// What one run leaves behind.
pub(crate) struct Trail {
    operation: &'static str,
    sinks: OnceCell<Vec<Sink>>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// What was begun and has not come to its end.
    pending: Option<Pending>,
    /// A rotation is under way: its records go together.
    rotates: bool,
    held: Vec<Event>,
}

struct Pending {
    action: Action,
    object: Object,
    /// Why it failed, if that is known better than by the exit status.
    reason: Option<Reason>,
}

/// What a record is made of.
struct Event {
    time: Time,
    action: Action,
    outcome: Result<(), Reason>,
    object: Object,
    verified: Option<bool>,
    keys: Vec<MasterKey>,
}

impl Trail {
    /// That of a command.
    pub(crate) fn of(operation: &'static str) -> Self {
        Self { operation, sinks: OnceCell::new(), state: RefCell::default() }
    }

    /// The part of it that is about one file; without, about standard input.
    pub(crate) fn on(&self, file: Option<&Path>) -> Track<'_> {
        let text = |path: &Path| absolute_path(path).to_string_lossy().into_owned();
        let object = match file {
            Some(path) => Object::File { path: text(path) },
            None => Object::Input { folder: text(Path::new(".")) },
        };
        Track { trail: self, object }
    }

    /// Records what was begun and failed.
    pub(crate) fn conclude(&self, outcome: &Result<Status, Failure>) {
        if let Err(failure) = outcome {
            self.failed(failure);
        }
    }

    /// The same for one of several files, before the next one is begun.
    pub(crate) fn failed(&self, failure: &Failure) {
        // An editor that was closed without a change is no failure.
        if failure.status == Status::FileHasNotBeenModified {
            return;
        }
        let State { pending, held, .. } = self.state.take();
        let mut events = held;
        events.extend(pending.map(|pending| Event {
            time: now(),
            action: pending.action,
            outcome: Err(pending.reason.unwrap_or_else(|| reason(failure.status))),
            object: pending.object,
            verified: None,
            keys: Vec::new(),
        }));
        if let Err(failure) = self.write(&events) {
            failure::warn(failure.message());
        }
    }

    /// Writes records to all places; fails if one that is required did not take them.
    fn write(&self, events: &[Event]) -> Result<(), Failure> {
        let Some(sinks) = self.sinks.get().filter(|_| !events.is_empty()) else { return Ok(()) };
        let mut failed = None;
        for sink in sinks {
            if let Err(failure) = sink.write(self.operation, events) {
                failed.get_or_insert(failure);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn ready(&self) -> Result<(), Failure> {
        if self.sinks.get().is_none() {
            let sinks = sinks::read(Path::new(SETTINGS))?;
            // Only one thread comes here.
            let _ = self.sinks.set(sinks);
        }
        Ok(())
    }
}

/// The part of a trail that is about one file.
pub(crate) struct Track<'t> {
    trail: &'t Trail,
    object: Object,
}

impl Track<'_> {
    /// Something is going to be done. Fails if it is not understood where its record goes.
    pub(crate) fn begin(&self, action: Action) -> Result<(), Failure> {
        self.trail.ready()?;
        let mut state = self.trail.state.borrow_mut();
        state.rotates |= action == Action::Rotate;
        state.pending = Some(Pending { action, object: self.object.clone(), reason: None });
        Ok(())
    }

    /// Why it is about to fail.
    pub(crate) fn because(&self, reason: Reason) {
        if let Some(pending) = &mut self.trail.state.borrow_mut().pending {
            pending.reason = Some(reason);
        }
    }

    /// The values are open, by these keys. Records it; nothing of them may leave if that fails.
    pub(crate) fn opened(&self, keys: Vec<MasterKey>, verified: bool) -> Result<(), Failure> {
        let event = Event { keys, verified: Some(verified), ..self.success(Action::Decrypt) };
        let mut state = self.trail.state.borrow_mut();
        if !state.rotates {
            drop(state);
            return self.done(&[event], None);
        }
        state.held.push(event);
        let object = self.object.clone();
        state.pending = Some(Pending { action: Action::Rotate, object, reason: None });
        Ok(())
    }

    /// The values are encrypted for these keys. Records it; the result may not be written if that
    /// fails.
    pub(crate) fn sealed(&self, groups: &[KeyGroup]) -> Result<(), Failure> {
        let keys: Vec<MasterKey> = groups.iter().flat_map(KeyGroup::master_keys).collect();
        let (rotates, held) = {
            let mut state = self.trail.state.borrow_mut();
            (state.rotates, std::mem::take(&mut state.held))
        };
        let mut events = Vec::new();
        if rotates {
            // In the order of SOPS.
            events.push(Event { keys: keys.clone(), ..self.success(Action::Rotate) });
        }
        events.extend(held);
        events.push(Event { keys, ..self.success(Action::Encrypt) });
        // Whatever goes wrong from now on, it is with writing.
        self.done(&events, Some(Action::Encrypt))
    }

    fn success(&self, action: Action) -> Event {
        let object = self.object.clone();
        Event { time: now(), action, outcome: Ok(()), object, verified: None, keys: Vec::new() }
    }

    fn done(&self, events: &[Event], next: Option<Action>) -> Result<(), Failure> {
        let written = self.trail.write(events);
        match &written {
            // Other places may have the record of a success.
            Err(_) => self.because(Reason::NotRecorded),
            Ok(()) => {
                let object = self.object.clone();
                let reason = Some(Reason::NotWritten);
                let pending = next.map(|action| Pending { action, object, reason });
                self.trail.state.borrow_mut().pending = pending;
            }
        }
        written
    }
}

fn reason(status: Status) -> Reason {
    match status {
        Status::CouldNotRetrieveKey => Reason::NoKey,
        Status::MacMismatch => Reason::MacMismatch,
        Status::DecryptingTree => Reason::BadCiphertext,
        Status::CouldNotWriteOutput => Reason::NotWritten,
        _ => Reason::Other,
    }
}

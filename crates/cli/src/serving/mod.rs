//! The key service that programs elsewhere talk to: who is let in, what is written down, and how it
//! ends. What is said on the wire is in `sops_providers::keyservice`.

pub(crate) mod allowed;
pub(crate) mod log;
pub(crate) mod socket;

use std::{
    io,
    sync::{Arc, mpsc},
    time::Duration,
};

use sops_providers::keyservice::{
    Asked, Doorkeeper, KeyServer, Listener, Outcome, ServeError, ServerTls,
};
use tokio::sync::{oneshot, watch};

use crate::{
    failure::{self, Failure, sentence},
    key_services::KeyServices,
    prompt,
    status::Status,
};
use allowed::Allowed;
use log::Log;

/// How long calls that have begun get to end when the service shall.
const GRACE: Duration = Duration::from_secs(2);

/// Decides about requests, before a key is used.
pub(crate) struct Door {
    allowed: Allowed,
    person: Option<mpsc::Sender<Question>>,
    log: Option<Log>,
}

/// A question to the person in front of this machine, and where the answer goes.
struct Question {
    text: String,
    answer: oneshot::Sender<bool>,
}

impl Door {
    /// The allow-list comes first, then the person, if one shall be asked.
    pub(crate) fn new(allowed: Allowed, prompt: bool, log: Option<Log>) -> Arc<Self> {
        let person = prompt.then(|| {
            let (sender, questions) = mpsc::channel();
            // A thread of its own: while somebody thinks, the service goes on. One question at a
            // time, so that an answer cannot belong to another one.
            std::thread::spawn(move || questions.into_iter().for_each(Question::put));
            sender
        });
        Arc::new(Self { allowed, person, log })
    }
}

impl Question {
    fn put(self) {
        // Whoever waited for it may be gone.
        if self.answer.is_closed() {
            return;
        }
        // The end of the input says no.
        let yes = prompt::confirm(&self.text).unwrap_or(false);
        if self.answer.send(yes).is_err() {
            failure::note("nobody waits for that answer any more");
        }
    }
}

#[async_trait::async_trait]
impl Doorkeeper for Door {
    async fn admit(&self, asked: &Asked) -> Result<(), String> {
        let Some(key) = &asked.key else { return Err("Must provide a key".to_owned()) };
        if !self.allowed.allows(key) {
            return Err("this key is not on the allow-list of the key service".to_owned());
        }
        let Some(person) = &self.person else { return Ok(()) };
        let text = format!(
            "Received {} request using {} key {}. Respond to request? (y/n): ",
            asked.operation.name(),
            key.kind(),
            plain(&key.identity())
        );
        let (answer, wait) = oneshot::channel();
        let sent = person.send(Question { text, answer });
        match (sent, wait.await) {
            (Ok(()), Ok(true)) => Ok(()),
            _ => Err("Request rejected by user".to_owned()),
        }
    }

    fn record(&self, asked: &Asked, outcome: Outcome<'_>) -> io::Result<()> {
        let operation = asked.operation.name();
        let key = asked.key.as_ref().map(|key| plain(&key.identity())).unwrap_or_default();
        failure::detail(format_args!("{operation} {key}: {outcome:?}"));
        match &self.log {
            Some(log) => log.write(asked, outcome).inspect_err(|error| {
                failure::warn(format_args!(
                    "unable to write the log, so nobody is answered: {error}"
                ));
            }),
            None => Ok(()),
        }
    }
}

/// A text from elsewhere, so that it cannot move the cursor or hide what was asked.
fn plain(text: &str) -> String {
    let shown = |c: char| {
        let hidden = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if hidden { c.escape_unicode().to_string() } else { c.to_string() }
    };
    text.chars().map(shown).collect()
}

/// Serves until SIGTERM or SIGINT.
pub(crate) fn until_signalled(
    services: &KeyServices,
    server: KeyServer,
    listener: Listener,
    tls: Option<&ServerTls>,
) -> Result<(), Failure> {
    let (tell, told) = watch::channel(false);
    watch_for_signals(tell)?;
    let ended = |mut told: watch::Receiver<bool>| async move {
        // Nobody is left to tell it when the thread that watches has gone.
        let _ = told.wait_for(|end| *end).await;
    };
    let work = async {
        let in_time = async {
            ended(told.clone()).await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            result = server.serve(listener, tls, ended(told.clone())) => result,
            () = in_time => Ok(()),
        }
    };
    services.wait_for(work)?.map_err(|error: ServeError| {
        let failure = Failure::new(Status::Generic, sentence(&error));
        match error {
            ServeError::Tls(_) => {
                failure.hint("--tls-cert and --tls-key belong together, both as PEM")
            }
            _ => failure,
        }
    })
}

#[cfg(unix)]
fn watch_for_signals(tell: watch::Sender<bool>) -> Result<(), Failure> {
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::Signals,
    };
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(|error| Failure::generic(format!("unable to watch for signals: {error}")))?;
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            tell.send_replace(true);
        }
    });
    Ok(())
}

#[cfg(not(unix))]
fn watch_for_signals(tell: watch::Sender<bool>) -> Result<(), Failure> {
    // The system ends the program.
    std::mem::forget(tell);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_elsewhere_cannot_change_the_question() {
        let name = "age1\u{1b}[2K\rReceived encrypt request\u{202e}";
        let shown = plain(name);
        assert_eq!(shown, "age1\\u{1b}[2K\\u{d}Received encrypt request\\u{202e}");
    }
}

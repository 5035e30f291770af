//! Why a destination did not take, or did not show, its content.

use std::fmt;

use sops_core::keys::Refusal;

use crate::call::{CallPolicy, Fault};
use crate::http::Broken;

/// A call to a destination failed.
///
/// `Display` is [`TargetError::text`]; it repeats no secret.
#[derive(Debug)]
pub struct TargetError {
    /// The kind of refusal.
    pub refusal: Refusal,
    /// What happened; several lines where those of the reference are.
    pub text: String,
    /// What the user can do about it.
    pub advice: String,
    /// Who asked, where that is known.
    pub caller: Option<String>,
}

impl TargetError {
    pub(super) fn new(refusal: Refusal, text: impl Into<String>) -> Self {
        Self { refusal, text: text.into(), advice: advice(refusal).to_owned(), caller: None }
    }

    /// No answer came to what `asked` says.
    pub(super) fn broken(asked: &str, broken: Broken) -> Self {
        Self::new(broken.refusal, format!("{asked}: {}", broken.text))
    }

    /// No answer came in time.
    pub(super) fn late(asked: &str, policy: CallPolicy, before: Option<Self>) -> Self {
        let seconds = policy.deadline.as_secs_f32();
        let mut error =
            Self::new(Refusal::TimedOut, format!("{asked}: nothing within {seconds} s"));
        if let Some(before) = before {
            error.text = format!("{}; before that: {}", error.text, before.text);
            error.caller = before.caller;
        }
        error
    }

    /// The same with advice of its own.
    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// The same, asked by somebody.
    pub(super) fn by(mut self, caller: Option<String>) -> Self {
        self.caller = caller;
        self
    }

    /// The same with the rights that the call takes, if it was refused for want of them.
    pub(super) fn needs(self, rights: impl fmt::Display) -> Self {
        if self.refusal != Refusal::Denied {
            return self;
        }
        let caller = self.caller.as_deref().unwrap_or("the caller");
        let advice = format!("allow {rights} for {caller}");
        self.advise(advice)
    }
}

fn advice(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Throttled => "try again in a moment; if it stays, raise the request quota",
        Refusal::Unavailable => "try again in a moment; the service has a problem",
        Refusal::Unreachable => "check network, proxy and the address of the service",
        Refusal::TimedOut => "check network and proxy, or allow more time per call",
        Refusal::BadSetting => "correct the setting, or take it away",
        Refusal::BadCredentials => "renew the credentials",
        Refusal::NoCredentials => "provide credentials",
        _ => "see the message of the service",
    }
}

impl Fault for TargetError {
    fn is_temporary(&self) -> bool {
        use Refusal::{Throttled, TimedOut, Unavailable, Unreachable};
        matches!(self.refusal, Throttled | TimedOut | Unavailable | Unreachable)
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for TargetError {}

//! Which calls fail, and how.

use std::time::Duration;

use serde_json::json;

use super::Call;

/// What happens to a call instead of, or before, being forwarded.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is forwarded; with a delay, this is a slow service.
    None,
    /// It is answered with this.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The type of the body.
        content_type: String,
        /// The body.
        body: String,
    },
    /// The connection is reset.
    Reset,
    /// It is forwarded, and half of the answer's body arrives.
    CutShort,
    /// No answer, ever; the connection stays open until the client closes it.
    Hang,
}

/// A fault and the calls it is for. Without conditions it is for all of them, without limit.
#[derive(Clone, Debug)]
pub struct Rule {
    operation: Option<String>,
    region: Option<String>,
    key: Option<String>,
    skip: usize,
    left: Option<usize>,
    delay: Duration,
    fault: Fault,
}

impl Rule {
    /// For every call.
    pub fn always() -> Self {
        Self {
            operation: None,
            region: None,
            key: None,
            skip: 0,
            left: None,
            delay: Duration::ZERO,
            fault: Fault::None,
        }
    }

    /// For calls of one operation, such as `Decrypt`.
    pub fn on(operation: &str) -> Self {
        Self { operation: Some(operation.into()), ..Self::always() }
    }

    /// Only in this region.
    pub fn in_region(self, region: &str) -> Self {
        Self { region: Some(region.into()), ..self }
    }

    /// Only for the key with this `KeyId`, as the client wrote it.
    pub fn with_key(self, key: &str) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    /// Only that many times; later calls go on to the next rule that matches.
    pub fn times(self, times: usize) -> Self {
        Self { left: Some(times), ..self }
    }

    /// Not the first `calls` that match.
    pub fn after(self, calls: usize) -> Self {
        Self { skip: calls, ..self }
    }

    /// Wait before anything else happens.
    pub fn delayed(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// Fail with an error as KMS spells it.
    pub fn fails(self, status: u16, code: &str, message: &str) -> Self {
        let body = json!({"__type": code, "message": message}).to_string();
        self.answers(status, "application/x-amz-json-1.1", &body)
    }

    /// Fail as KMS does when there are too many calls.
    pub fn throttled(self) -> Self {
        self.fails(400, "ThrottlingException", "Rate exceeded")
    }

    /// Fail as KMS does when it may not be used.
    pub fn denied(self, message: &str) -> Self {
        self.fails(400, "AccessDeniedException", message)
    }

    /// Fail as KMS does when something broke there.
    pub fn broken(self) -> Self {
        self.fails(500, "KMSInternalException", "")
    }

    /// Answer with any bytes, such as the page of a load balancer.
    pub fn answers(self, status: u16, content_type: &str, body: &str) -> Self {
        let (content_type, body) = (content_type.into(), body.into());
        self.with(Fault::Answer { status, content_type, body })
    }

    /// Reset the connection.
    pub fn resets(self) -> Self {
        self.with(Fault::Reset)
    }

    /// Send half of the real answer.
    pub fn cuts_short(self) -> Self {
        self.with(Fault::CutShort)
    }

    /// Never answer.
    pub fn hangs(self) -> Self {
        self.with(Fault::Hang)
    }

    fn with(self, fault: Fault) -> Self {
        Self { fault, ..self }
    }

    /// What happens to a call that this rule is for. Calls to be skipped are counted here.
    pub(super) fn meet(&mut self, call: &Call) -> Option<(Duration, Fault)> {
        let matches = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        let applies = self.left != Some(0)
            && matches(&self.operation, &call.operation)
            && matches(&self.region, &call.region)
            && matches(&self.key, call.key.as_deref().unwrap_or_default());
        if !applies {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.left = self.left.map(|left| left - 1);
        Some((self.delay, self.fault.clone()))
    }
}

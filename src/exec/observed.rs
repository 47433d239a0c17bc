//! What came of a control.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::access::{Said, said};
use super::actor::Actor;
use super::control::Probe;
use super::done::Done;
use super::exchange::StepRun;
use super::{busy, leak, spill};
use crate::event::{ControlRecord, When};
use crate::http::{Headers, Trail, is_limit};
use crate::step::Step;

/// The code of the reason that a lock was met.
const LOCKED: &str = "locked-out";

/// What came of a control.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    pub(super) status: Option<u16>,
    /// Why no answer came.
    pub(super) error: Option<String>,
    pub(super) granted: bool,
    /// Whether it was refused: 401, 403, or what `outcomes` declares.
    pub(super) denied: bool,
    /// Tells bodies apart; nothing of one that is empty or was not looked at.
    pub(super) body: Option<u64>,
    /// The same of a body that says something, in whatever way it is written.
    pub(super) telling: Option<u64>,
    /// The body, where it may be looked at.
    pub(super) content: Option<Bytes>,
    /// The fields of the answer.
    pub(super) headers: Option<Headers>,
    /// How far the server's clock is ahead of ours, where it tells its time.
    pub(super) skew: Option<SignedDuration>,
    /// Position in the run when it was asked.
    pub(super) at: u64,
}

impl Observed {
    pub(super) fn of(run: &StepRun<'_>, step: &Step, actor: &Actor, trail: &Trail) -> Self {
        let response = trail.response().filter(|_| trail.error.is_none());
        let denied = run.denial(step, actor, trail).is_some();
        let in_by_looks = response.is_some_and(|r| r.status / 100 == 2) || said(step, trail) == Said::Allowed;
        Self {
            status: response.map(|r| r.status),
            error: trail.error.as_ref().map(ToString::to_string),
            granted: in_by_looks && !denied,
            denied: denied || response.is_some_and(|r| matches!(r.status, 401 | 403)),
            telling: response.and_then(|r| leak::telling(&r.body)),
            content: response.and_then(spill::content),
            body: response.map(|r| &r.body).filter(|body| !body.is_empty()).map(|body| digest(body)),
            headers: response.map(|r| r.headers.clone()),
            skew: response.and_then(|r| r.ahead(Timestamp::now())),
            at: 0,
        }
    }

    /// None that could be had, and why.
    pub(super) fn none(why: &str) -> Self {
        Self { error: Some(why.to_owned()), granted: false, ..Self::of_done(&Done::nothing()) }
    }

    pub(super) fn of_done(done: &Done) -> Self {
        let last = done.records.last();
        Self {
            status: last.and_then(|r| r.status),
            error: done.reasons.first().map(|r| r.message.clone()).filter(|_| last.is_none_or(|r| r.status.is_none())),
            granted: done.held(),
            denied: false,
            body: None,
            telling: None,
            content: None,
            headers: None,
            skew: None,
            at: 0,
        }
    }

    /// Tells whether the status is one of success.
    pub(super) fn is_2xx(&self) -> bool {
        self.status.is_some_and(|status| status / 100 == 2)
    }

    /// Tells whether the server refused for being asked too often, or for a lock.
    pub(super) fn is_locked_out(&self) -> bool {
        self.status == Some(423) || self.is_limited()
    }

    /// The code of the reason that nothing was learnt, where the answer is a lock or a limit.
    pub(super) fn shut(&self) -> Option<&'static str> {
        if self.is_limited() { Some(busy::CODE) } else { self.is_locked_out().then_some(LOCKED) }
    }

    /// Tells whether the answer is about how often somebody asks.
    pub(super) fn is_limited(&self) -> bool {
        let none = Headers::default();
        self.status.is_some_and(|status| is_limit(status, self.headers.as_ref().unwrap_or(&none)))
    }

    /// Why nothing was learnt of a control that met a lock or a limit before anything was tried: the code of the reason, and
    /// its sentence.
    pub(super) fn shut_out(&self, name: &str) -> (&'static str, String) {
        if self.is_limited() {
            let message =
                format!("`{name}` asked too often before anything was tried ({}): nothing shows who may", self.told());
            return (busy::CODE, message);
        }
        (LOCKED, format!("`{name}` is locked out before anything was tried ({})", self.told()))
    }

    /// Tells whether the server, or a gateway before it, broke.
    pub(super) fn is_broken(&self) -> bool {
        self.status.is_some_and(|status| status >= 500)
    }

    /// What came, in words.
    pub(super) fn told(&self) -> String {
        match (self.status, &self.error) {
            (Some(status), _) => status.to_string(),
            (None, Some(error)) => error.clone(),
            (None, None) => "no answer".to_owned(),
        }
    }

    /// Why what was refused proves nothing when a control was answered so afterwards: the code of the reason, and its
    /// sentence.
    pub(super) fn lost(&self, probe: &Probe) -> (&'static str, String) {
        let (name, told) = (probe.name(), self.told());
        if let Some(code) = self.shut() {
            let why = if code == LOCKED { "locked out" } else { "asked too often" };
            return (code, format!("afterwards `{name}` was refused as well ({told}): {why}"));
        }
        let message = match &probe.origin {
            Some(origin) => format!("afterwards pages of `{origin}` might not read it any more ({told})"),
            None => format!("afterwards `{name}` was not allowed any more ({told})"),
        };
        ("control-after", message)
    }

    pub(super) fn record(&self, when: When, who: &str, held: bool) -> ControlRecord {
        ControlRecord { when, who: who.to_owned(), status: self.status, held }
    }
}

/// Tells bodies apart without keeping them.
pub(super) fn digest(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}

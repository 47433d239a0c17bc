//! Asks every check of a step what it thinks, and words what did not hold.

use std::sync::Arc;

use super::actor::{Actor, Who};
use super::exchange::StepRun;
use super::{Shared, learn, record};
use crate::check::{Checked, Fetched, Seen};
use crate::event::{Phase, Reason};
use crate::http::{Response, Trail};
use crate::source::Span;
use crate::spec::Talk;
use crate::step::Step;
use crate::template::{Scope, Value, to_json};

/// The note of a refresh that gives no other refresh token.
const STAYS: &str = "no new refresh token came, so the old one stays (RFC 6749, section 6)";

/// What the checks of a step said.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) held: usize,
    pub(super) broken: Vec<Reason>,
    /// What a reader has to know of what held.
    pub(super) notes: Vec<&'static str>,
}

/// An answer as checks and captures see it.
pub(super) struct Answer<'a> {
    pub(super) trail: &'a Trail,
    pub(super) response: &'a Response,
    pub(super) fetched: &'a Fetched,
}

/// What a step asked of an answer, and what it was told.
pub(super) struct Told {
    /// The names in which it asked, its captures included.
    pub(super) scope: Scope,
    pub(super) captured: Vec<(Arc<str>, Value)>,
    /// The captures that found nothing.
    pub(super) not_found: Vec<Reason>,
    pub(super) judged: Judged,
}

impl Told {
    /// Adds what the step around it asked, and gives what that captured.
    pub(super) fn join(&mut self, outside: Self) -> Vec<(Arc<str>, Value)> {
        self.scope = outside.scope;
        self.not_found.extend(outside.not_found);
        self.judged.held += outside.judged.held;
        self.judged.broken.extend(outside.judged.broken);
        self.judged.notes.extend(outside.judged.notes);
        outside.captured
    }
}

impl StepRun<'_> {
    /// Takes the captures of a step out of an answer, then asks what it expects, in the names given.
    pub(super) fn ask_of(&self, answer: &Answer<'_>, step: &Step, actor: &Actor, mut scope: Scope) -> Told {
        let Answer { trail, response, fetched } = *answer;
        scope.set("response", self.answer_value(step, actor, (trail, response)));
        let (mut captured, mut missing) = (Vec::new(), Vec::new());
        let brings_nothing = self.is_refused_cell();
        for capture in &step.captures {
            match capture.take(trail, response, &scope) {
                Ok(taken) => {
                    learn::capture(self.shared, self.owner(actor), &capture.name, &taken);
                    if self.is_secret(actor, &capture.name)
                        && let Ok(value) = to_json(&taken.value)
                    {
                        learn::secret(self.shared, &format!("{}.{}", self.owner(actor), capture.name), &value);
                    }
                    captured.push((Arc::clone(&capture.name), taken.value));
                }
                Err(_) if brings_nothing => {}
                Err(fault) => missing.push((capture, fault)),
            }
        }
        let (mut not_found, mut stays, brings_some) = (Vec::new(), false, !captured.is_empty());
        for (capture, fault) in missing {
            if let Some(value) = self.stays(&capture.name, &scope).filter(|_| brings_some) {
                captured.push((Arc::clone(&capture.name), value));
                stays = true;
                continue;
            }
            let message = format!("the capture `{}` finds nothing: {}", capture.name, fault.why);
            not_found.push(self.reason("capture-failed", &message, capture.span, Vec::new()));
        }
        for (name, value) in &captured {
            scope.set(Arc::clone(name), value.clone());
        }
        let mut seen = Seen::new(trail, response, &scope, fetched, jiff::Timestamp::now());
        (seen.stance, seen.denied) = (self.stance(step, actor, trail), self.is_denied(step, actor, (trail, response)));
        let mut judged = judge(self.shared, step, &seen);
        judged.notes.extend(stays.then_some(STAYS));
        drop(seen);
        Told { scope, captured, not_found, judged }
    }

    /// The refresh token that a refresh was sent with, should it give no other in its place.
    fn stays(&self, name: &str, scope: &Scope) -> Option<Value> {
        let is_refresh = self.phase == Phase::Refresh || self.talking.is_some_and(|t| t.talk == Talk::Refresh);
        let is_token = name.to_ascii_lowercase().contains("refresh");
        let old = scope.get("session").filter(|_| is_refresh && is_token)?.get_attr(name).ok()?;
        (!old.is_undefined() && !old.is_none()).then_some(old)
    }

    /// Tells whether what is captured by this name is a secret of the sender's scheme.
    fn is_secret(&self, actor: &Actor, name: &str) -> bool {
        let (Who::Identity(id, ..) | Who::Entering(id, _)) = &actor.who else { return false };
        self.shared.plan.identities[id.0 as usize].login.scheme.is_secret(name)
    }
}

fn judge(shared: &Shared, step: &Step, seen: &Seen<'_>) -> Judged {
    let mut judged = Judged { held: 0, broken: Vec::new(), notes: Vec::new() };
    for placed in step.expect.checks.iter().filter(|placed| !placed.check.takes_many()) {
        let checked = placed.check.judge(seen);
        if let (Checked::Held, Some(note)) = (&checked, placed.check.note())
            && !judged.notes.contains(&note)
        {
            judged.notes.push(note);
        }
        match reason(shared, placed.span, &placed.subject, checked) {
            None => judged.held += 1,
            Some(mut reason) => {
                reason.help.extend(placed.check.help(seen).map(|help| record::text(shared, &help)));
                judged.broken.push(reason);
            }
        }
    }
    judged
}

/// Words what did not hold; nothing when it did.
pub(super) fn reason(shared: &Shared, span: Span, subject: &str, checked: Checked) -> Option<Reason> {
    match checked {
        Checked::Held => None,
        Checked::Broken { expected, actual } => {
            let message = format!("{subject} is not as expected");
            let mut reason = record::reason(shared, "check-failed", &message, span, Vec::new());
            reason.expected = Some(record::text(shared, &expected));
            reason.actual = Some(record::text(shared, &actual));
            Some(reason)
        }
        Checked::Unjudgeable { why } => {
            let message = format!("{subject} cannot be judged: {why}");
            Some(record::reason(shared, "check-unjudgeable", &message, span, Vec::new()))
        }
    }
}

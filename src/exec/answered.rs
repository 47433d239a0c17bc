//! What comes of a step: it is judged by its answer, or ends without one; and the record of it.

use std::sync::Arc;

use super::actor::{Actor, Who};
use super::done::{Done, Ended};
use super::exchange::StepRun;
use super::judge::{self, Answer, Judged, Told};
use super::record::{self, Subject};
use super::session::Failure;
use super::{Keep, Wire, learn};
use crate::check::Fetched;
use crate::event::{Event, Exchanged, Reason, StepRecord};
use crate::http::{HttpError, Trail};
use crate::source::Span;
use crate::step::{Step, Unready};
use crate::template::Template;

impl StepRun<'_> {
    pub(super) fn judge(&self, step: &Step, actor: &Actor, trail: &Trail, fetched: &Fetched) -> Done {
        let Some(response) = trail.response().filter(|_| trail.error.is_none()) else {
            return self.no_answer(step, actor, trail);
        };
        learn::cookies(self.shared, trail, self.owner(actor));
        let answer = Answer { trail, response, fetched };
        let mut asked = self.ask_of(&answer, step, actor, self.scope_of(actor));
        let mut beyond = Vec::new();
        for used in self.within.asking() {
            let run = StepRun { scope: used.scope, ..*self };
            let mut scope = run.scope_of(actor);
            for (name, value) in used.flow.returns.iter().filter_map(|name| Some((name, asked.scope.get(name)?))) {
                scope.set(Arc::clone(name), value.clone());
            }
            let outside = run.ask_of(&answer, used.step, actor, scope);
            beyond.push(asked.join(outside));
        }
        let Told { captured, not_found, judged: Judged { held, mut broken, notes }, .. } = asked;
        // Whatever it answered may be somebody else's answer.
        if let Some(why) = &trail.unproven {
            broken.insert(0, self.reason("server-unproven", why, step.span, unproven_help()));
        }
        let ended = match (broken.len(), not_found.len()) {
            (0, 0) => Ended::Held,
            (0, _) => Ended::Errored,
            _ => Ended::Failed,
        };
        let mut record = self.record(step, actor, Some(trail), ended, held, broken.len());
        record.notes.extend(notes.into_iter().map(ToOwned::to_owned));
        // What did not hold says more than what was not found, so it stands first.
        let reasons = broken.into_iter().chain(not_found).collect();
        Done { captured, beyond, reasons, ..Done::of(ended, record) }
    }

    /// Judges that no answer came: what was expected, or an error.
    fn no_answer(&self, step: &Step, actor: &Actor, trail: &Trail) -> Done {
        let error = trail.error.clone().unwrap_or(HttpError::Closed);
        let (ended, reason) = match step.expect.error.filter(|expected| !expected.is_beside(&error)) {
            None => {
                // A way that leads to nobody does not lead where it should.
                let strayed = trail.until.is_some() && trail.hops.len() > 1;
                let ended = if strayed { Ended::Failed } else { Ended::Errored };
                let mut reason = self.reason(
                    error.code(),
                    &error.to_string(),
                    self.fault_at(step, actor, trail, &error),
                    error.help(),
                );
                if error.is_everybodys() {
                    reason.shared_cause = record::dead_target(&reason.message);
                }
                (ended, Some(reason))
            }
            Some(expected) => match judge::reason(self.shared, expected.span, "error", expected.judge(&error)) {
                None => (Ended::Held, None),
                Some(reason) => (Ended::Failed, Some(reason)),
            },
        };
        let (held, broken) = (usize::from(ended == Ended::Held), usize::from(ended == Ended::Failed));
        let record = self.record(step, actor, Some(trail), ended, held, broken);
        Done { reasons: reason.into_iter().collect(), ..Done::of(ended, record) }
    }

    /// Where it is written what cannot be sent: the value in the step or in the scheme of its sender, if it is one.
    fn fault_at(&self, step: &Step, actor: &Actor, trail: &Trail, error: &HttpError) -> Span {
        let of_field = || {
            let HttpError::BadField { field, .. } = error else { return None };
            let of_scheme = || {
                let (id, _) = actor.who.session()?;
                self.shared.plan.identities[id.0 as usize].login.scheme.field_at(field)
            };
            step.field_at(field).or_else(of_scheme)
        };
        let known = |span: &Span| span.is_some();
        trail.fault.filter(known).or_else(of_field).filter(known).unwrap_or(step.span)
    }

    /// Whose captures and cookies these are, for the names of masks.
    pub(super) fn owner(&self, actor: &Actor) -> String {
        match &actor.who {
            Who::Identity(id, ..) | Who::Entering(id, _) => self.shared.plan.identities[id.0 as usize].name.to_string(),
            Who::Nobody | Who::Anonymous => "case".to_owned(),
        }
    }

    pub(super) fn unsent(&self, step: &Step, actor: &Actor, error: Unready) -> Done {
        let reason = self.reason(error.code, &error.message, error.span, error.help);
        self.without_answer(step, actor, reason)
    }

    /// A step whose `if` is false.
    pub(super) fn skipped(&self, step: &Step, actor: &Actor) -> Done {
        let mut record = self.record(step, actor, None, Ended::Held, 0, 0);
        record.skipped = true;
        let condition = step.condition.as_ref().map(Template::source).unwrap_or_default();
        record.notes.push(record::text(self.shared, &format!("skipped, for `{condition}` is false")));
        Done::of(Ended::Held, record)
    }

    pub(super) fn without_answer(&self, step: &Step, actor: &Actor, reason: Reason) -> Done {
        let record = self.record(step, actor, None, Ended::Errored, 0, 0);
        Done { reasons: vec![reason], ..Done::of(Ended::Errored, record) }
    }

    pub(super) fn blocked(&self, step: &Step, actor: &Actor, failure: Arc<Failure>) -> Done {
        let record = self.record(step, actor, None, Ended::Blocked, 0, 0);
        Done { blocked: Some(failure), ..Done::of(Ended::Blocked, record) }
    }

    pub(super) fn reason(&self, code: &'static str, message: &str, span: Span, help: Vec<String>) -> Reason {
        record::reason(self.shared, code, message, span, help)
    }

    /// Who an actor is, for records.
    fn caller(&self, actor: &Actor) -> Option<String> {
        match &actor.who {
            Who::Nobody => None,
            Who::Anonymous => Some("anonymous".to_owned()),
            Who::Entering(id, _) | Who::Identity(id, ..) => {
                Some(self.shared.plan.identities[id.0 as usize].name.to_string())
            }
        }
    }

    /// The role of an actor, for records.
    fn role(&self, actor: &Actor) -> Option<String> {
        match &actor.who {
            Who::Nobody | Who::Anonymous => None,
            Who::Entering(id, _) | Who::Identity(id, ..) => {
                self.shared.plan.identities[id.0 as usize].role.as_ref().map(ToString::to_string)
            }
        }
    }

    /// Tells what was exchanged to whoever asked for all of it; what that renewed of a session is known from then on.
    pub(super) fn tell(&self, actor: &Actor, trail: &Trail) {
        self.shared.renewed.note(&self.shared.secrets, &record::label(self.shared, self.label), trail);
        if self.shared.options.wire == Wire::Untold || trail.hops.is_empty() {
            return;
        }
        let (hops, started) = record::exchanged(self.shared, trail);
        let (case, phase, caller) = (record::label(self.shared, self.label), self.phase, self.caller(actor));
        self.shared.emit(Event::Exchanged(Box::new(Exchanged { case, phase, caller, hops, started })));
    }

    pub(super) fn record(
        &self,
        step: &Step,
        actor: &Actor,
        trail: Option<&Trail>,
        ended: Ended,
        held: usize,
        broken: usize,
    ) -> StepRecord {
        let caller = self.caller(actor);
        let role = self.role(actor);
        let whole = ended != Ended::Held || self.shared.options.keep == Keep::Exchanges;
        let session = actor.who.session();
        let signer = session.map(|(id, session)| {
            let scheme = &*self.shared.plan.identities[id.0 as usize].login.scheme;
            (scheme, &session.memory)
        });
        let per_request = signer.is_some_and(|(scheme, _)| scheme.is_per_request());
        let subject = Subject { phase: self.phase, caller, role, per_request, signer, whole, held, broken };
        record::step(self.shared, step, &subject, trail)
    }
}

/// What to do where a server proves itself wrongly.
fn unproven_help() -> Vec<String> {
    vec![
        "the server's hash is that of the request without the method, for the same `uri`, `nc` and `cnonce`, with `qop=auth-int` over its own body: mend it, or leave `rspauth` out".to_owned(),
        "where the server is right, something answered in its place, or changed the answer on its way".to_owned(),
    ]
}

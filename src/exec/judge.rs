//! Asks every check of a step what it thinks, and words what did not hold.

use super::{Shared, record};
use crate::check::{Checked, Fetched, Seen};
use crate::event::Reason;
use crate::http::{Response, Trail};
use crate::source::Span;
use crate::step::Step;
use crate::template::Scope;

/// What the checks of a step said.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) held: usize,
    pub(super) broken: Vec<Reason>,
    /// What a reader has to know of what held.
    pub(super) notes: Vec<&'static str>,
}

pub(super) fn judge(
    shared: &Shared,
    step: &Step,
    trail: &Trail,
    response: &Response,
    scope: &Scope,
    fetched: &Fetched,
) -> Judged {
    let seen = Seen::new(trail, response, scope, fetched, jiff::Timestamp::now());
    let mut judged = Judged { held: 0, broken: Vec::new(), notes: Vec::new() };
    for placed in step.expect.checks.iter().filter(|placed| !placed.check.counts_winners()) {
        let checked = placed.check.judge(&seen);
        if let (Checked::Held, Some(note)) = (&checked, placed.check.note())
            && !judged.notes.contains(&note)
        {
            judged.notes.push(note);
        }
        match reason(shared, placed.span, &placed.subject, checked) {
            None => judged.held += 1,
            Some(reason) => judged.broken.push(reason),
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

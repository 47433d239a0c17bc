//! Asks every check of a step what it thinks, and words what did not hold.

use super::{Shared, record};
use crate::check::{Checked, Seen};
use crate::event::Reason;
use crate::http::{Response, Trail};
use crate::step::Step;
use crate::template::Scope;

/// What the checks of a step said.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) held: usize,
    pub(super) broken: Vec<Reason>,
}

pub(super) fn judge(shared: &Shared, step: &Step, trail: &Trail, response: &Response, scope: &Scope) -> Judged {
    let seen = Seen::new(trail, response, scope, jiff::Timestamp::now());
    let mut judged = Judged { held: 0, broken: Vec::new() };
    for placed in &step.expect.checks {
        match placed.check.judge(&seen) {
            Checked::Held => judged.held += 1,
            Checked::Broken { expected, actual } => {
                let message = format!("{} is not as expected", placed.subject);
                let mut reason = record::reason(shared, "check-failed", &message, placed.span, Vec::new());
                reason.expected = Some(record::text(shared, &expected));
                reason.actual = Some(record::text(shared, &actual));
                judged.broken.push(reason);
            }
            Checked::Unjudgeable { why } => {
                let message = format!("{} cannot be judged: {why}", placed.subject);
                judged.broken.push(record::reason(shared, "check-unjudgeable", &message, placed.span, Vec::new()));
            }
        }
    }
    judged
}

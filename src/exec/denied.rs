//! An answer as templates see it, with whether it refuses: only the run knows what the suite calls a refusal.

use super::actor::Actor;
use super::exchange::StepRun;
use crate::answer::{denies, judged_value};
use crate::check::{Stance, Word};
use crate::http::{Response, Trail};
use crate::step::Step;
use crate::template::Value;

impl StepRun<'_> {
    /// The value of `response` for a step.
    pub(super) fn answer_value(&self, step: &Step, actor: &Actor, (trail, response): (&Trail, &Response)) -> Value {
        judged_value(trail, response, self.is_denied(step, actor, (trail, response)))
    }

    /// Tells whether an answer is a refusal, whomever it is for: who is refused a login need not be anybody.
    pub(super) fn is_denied(&self, step: &Step, actor: &Actor, (trail, response): (&Trail, &Response)) -> bool {
        const ALL: [Stance; 2] = [Stance::Anonymous, Stance::Identity];
        let usual = |stance: &Stance| step.outcomes.as_ref().is_none_or(|own| !own.redefines(Word::Deny, *stance));
        self.barren || (denies(response) && ALL.iter().any(usual)) || self.denial_of(step, actor, trail, &ALL).is_some()
    }
}

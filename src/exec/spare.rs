//! Failed cases that do not fail the run: their defects are milder than `--fail-on`.

use super::Shared;
use crate::event::{Outcome, OutcomeKind, Verdict};

/// Tells whether the threshold spares a case: nothing failed in it but the step with the defect, be it what the table
/// wants of it or what the suite does.
pub(super) fn is_spared(shared: &Shared, outcome: &Outcome) -> bool {
    let Some(from) = shared.options.policy.severity else { return false };
    let mild = outcome.with.as_ref().is_some_and(|with| with.severity < from);
    mild && outcome.kind == OutcomeKind::Case && outcome.verdict == Verdict::Failed && is_its_own(outcome)
}

/// Tells whether all that is wrong with a case is wrong with the step that has the defect.
fn is_its_own(outcome: &Outcome) -> bool {
    let of_defect = |step: usize| outcome.steps.get(step).is_some_and(|step| step.with.is_some());
    !outcome.reasons.is_empty() && outcome.reasons.iter().all(|reason| reason.step.is_some_and(of_defect))
}

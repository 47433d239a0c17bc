//! What steps leave behind, one or many: records, captures, and what they show about access.

use std::sync::Arc;
use std::time::Duration;

use url::Origin;

use super::control::Claim;
use super::ledger::{Refusal, RequestKey};
use super::matrix::Got;
use super::session::Failure;
use crate::event::{ControlRecord, MutantRecord, Reason, StepRecord};
use crate::http::Trail;
use crate::step::IdentityId;
use crate::template::Value;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Everything held.
    Held,
    /// A check did not hold.
    Failed,
    /// There was no answer to judge, or a capture found nothing.
    Errored,
    /// The session ended and could not be renewed.
    Blocked,
    /// It ran, and its result would prove nothing.
    Inconclusive,
    /// What it is about has no sense here.
    Unfit,
}

/// What a step left behind, or a list of them.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) ended: Ended,
    /// What was sent, in order.
    pub(super) records: Vec<StepRecord>,
    pub(super) captured: Vec<(Arc<str>, Value)>,
    /// What the steps that use the flow captured of its last answer, the innermost first.
    pub(super) beyond: Vec<Vec<(Arc<str>, Value)>>,
    /// Why it did not hold; each is about one of the records.
    pub(super) reasons: Vec<Reason>,
    /// What was refused as it was expected; each is about one of the records.
    pub(super) refused: Vec<Refusal>,
    /// What defects were refused; each is about one of the records.
    pub(super) claims: Vec<Claim>,
    /// The defect that was sent.
    pub(super) mutant: Option<Box<MutantRecord>>,
    /// What shows the worth of refusals.
    pub(super) controls: Vec<ControlRecord>,
    /// Whether somebody was let in who was to be refused: that is the end of it, whatever is answered later.
    pub(super) let_in: bool,
    /// What was allowed.
    pub(super) allowed: Vec<RequestKey>,
    /// The identity whose credential the last request was allowed with.
    pub(super) allowed_to: Option<IdentityId>,
    /// Why the session could not be renewed.
    pub(super) blocked: Option<Arc<Failure>>,
    /// Where requests were sent first.
    pub(super) origins: Vec<Origin>,
    pub(super) requests: u32,
    pub(super) waited: Duration,
    /// What the last request really did.
    pub(super) last: Option<Arc<Trail>>,
    /// How many records follow the one of that request: of what is the same for everybody.
    pub(super) behind: usize,
    /// What the step that a cell is about was answered.
    pub(super) cell: Option<Got>,
}

impl Done {
    /// Nothing was done, and so everything holds.
    pub(super) const fn nothing() -> Self {
        Self {
            ended: Ended::Held,
            records: Vec::new(),
            captured: Vec::new(),
            beyond: Vec::new(),
            reasons: Vec::new(),
            refused: Vec::new(),
            claims: Vec::new(),
            mutant: None,
            controls: Vec::new(),
            let_in: false,
            allowed: Vec::new(),
            allowed_to: None,
            blocked: None,
            origins: Vec::new(),
            requests: 0,
            waited: Duration::ZERO,
            last: None,
            behind: 0,
            cell: None,
        }
    }

    /// A step that ended in some way, with its record.
    pub(super) fn of(ended: Ended, record: StepRecord) -> Self {
        Self { ended, records: vec![record], ..Self::nothing() }
    }

    /// Tells whether everything held.
    pub(super) fn held(&self) -> bool {
        self.ended == Ended::Held
    }

    /// The place of the last request's record.
    pub(super) fn place_of_last(&self) -> Option<usize> {
        self.records.len().checked_sub(1 + self.behind)
    }

    /// Adds an exchange whose answer is the same for everybody: what was asked last before stays the last.
    pub(super) fn append_common(&mut self, next: Self) {
        let (last, behind) = (self.last.take(), self.behind + next.records.len());
        self.append(next);
        if last.is_some() {
            (self.last, self.behind) = (last, behind);
        }
    }

    /// Says which step of a list it was.
    pub(super) fn number(&mut self, step: usize) {
        let alone = self.records.len() == 1;
        for (i, record) in self.records.iter_mut().enumerate() {
            record.number = match &*record.number {
                "" if alone => step.to_string(),
                "" => format!("{step}.{}", i + 1),
                inner => format!("{step}.{inner}"),
            };
        }
    }

    /// Adds what the next step left behind.
    pub(super) fn append(&mut self, next: Self) {
        let first = self.records.len();
        self.captured.retain(|(name, _)| next.captured.iter().all(|(newer, _)| newer != name));
        let added = next.records.len();
        let at = |step: Option<usize>| Some(first + step.unwrap_or(0));
        self.ended = next.ended;
        self.records.extend(next.records);
        self.captured.extend(next.captured);
        self.beyond = next.beyond;
        self.reasons.extend(next.reasons.into_iter().map(|r| Reason { step: at(r.step), ..r }));
        self.refused.extend(next.refused.into_iter().map(|r| Refusal { step: first + r.step, ..r }));
        self.claims.extend(next.claims.into_iter().map(|c| Claim { step: first + c.step, ..c }));
        self.mutant = next.mutant.or(self.mutant.take());
        self.controls.extend(next.controls);
        self.let_in |= next.let_in;
        self.allowed.extend(next.allowed);
        self.allowed_to = next.allowed_to;
        self.blocked = next.blocked;
        self.origins.extend(next.origins);
        self.requests += next.requests;
        self.waited += next.waited;
        self.behind = if next.last.is_some() || self.last.is_none() { next.behind } else { self.behind + added };
        self.last = next.last.or(self.last.take());
        self.cell = next.cell.or(self.cell.take());
    }
}

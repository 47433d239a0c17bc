//! Refusals that hand over what they guard: by status they refuse, and their body is the one that whoever is allowed gets.

use super::grade::Tried;
use super::ledger::{Refusal, RequestKey};
use super::observed::digest;
use super::{Shared, record};
use crate::event::{Outcome, Reason, Verdict};
use crate::http::{Response, Trail};
use crate::mutate::Grade;
use crate::source::Span;

/// The code of its reason.
pub(super) const CODE: &str = "refused-with-data";

/// A body, and what it was asked for by: a method and target, or what all cells of a row ask for.
pub(super) type Handed = (u64, u64);

/// Tells bodies apart that say something; nothing of `{}`, `null`, `ok` and the like, which anybody may get.
pub(super) fn telling(body: &[u8]) -> Option<u64> {
    const SHORTEST: usize = 8;
    (body.trim_ascii().len() >= SHORTEST).then(|| digest(body))
}

/// Tells what an answer to a request of a method and target handed over.
pub(super) fn handed(key: RequestKey, response: Option<&Response>) -> Option<Handed> {
    Some((key.request(), telling(&response?.body)?))
}

impl Tried<'_> {
    /// Tells whether a defect was refused by status, with the body that the good credential gets.
    pub(super) fn leaks(&self) -> bool {
        let refused = self.trial.mutant.row.expect.is_refusal();
        let came = self.trail.response().filter(|r| refused && r.status / 100 != 2).and_then(|r| telling(&r.body));
        let before = self.controlled.before.as_ref().map(|(_, before)| before);
        let good = before.filter(|b| b.granted && b.is_2xx()).and_then(|b| b.body);
        let public = self.controlled.without.as_ref().is_some_and(|without| without.granted);
        came.is_some() && came == good && !public
    }
}

/// Tells what an answer handed over by its target, and by its row.
pub(super) fn all_handed(key: RequestKey, alike: Option<Handed>, trail: &Trail) -> Vec<Handed> {
    handed(key, trail.response()).into_iter().chain(alike).collect()
}

/// Says what is wrong with such a refusal.
pub(super) fn message(status: u16) -> String {
    format!("refused by status ({status}), and the answer has what is guarded: the body of whoever is allowed")
}

/// Fails a case one of whose refusals hands over what it guards.
pub(super) fn fail(shared: &Shared, outcome: &mut Outcome, refusal: &Refusal) {
    let mut reason: Reason = record::reason(shared, CODE, &message(refusal.status), Span::NONE, Vec::new());
    reason.place = outcome.steps.get(refusal.step).map_or_else(|| outcome.place.clone(), |s| s.place.clone());
    reason.step = Some(refusal.step);
    outcome.reasons.push(reason);
    outcome.verdict = Verdict::Failed;
    outcome.proof.proven = 0;
    let accepted = |grade: &mut Option<Grade>| {
        if let Some(grade) = grade {
            *grade = Grade::Accepted;
        }
    };
    outcome.with.iter_mut().for_each(|with| accepted(&mut with.grade));
    outcome.steps.get_mut(refusal.step).into_iter().for_each(|step| accepted(&mut step.grade));
}

#[cfg(test)]
mod tests {
    use super::telling;

    #[test]
    fn a_body_that_says_nothing_is_nobodys() {
        for nothing in ["", "{}", " null\n", "ok", "[]\r\n", "\"ok\"", "denied"] {
            assert_eq!(telling(nothing.as_bytes()), None, "{nothing}");
        }
        assert_eq!(telling(b"{\"id\":17}"), telling(b"{\"id\":17}"));
        assert_ne!(telling(b"{\"id\":17}"), telling(b"{\"id\":18}"));
        assert!(telling(b"{\"id\":17}").is_some());
    }
}

//! Requests that may have ended a session which several cases share, though nothing calls them a logout: whatever changes
//! something. The run knows until when the session was let in, and asks once more at its end whether it is dead; what was
//! sent between is named, as far as that is one request or few.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ledger::Ledger;
use super::session::SessionId;
use super::{Shared, record};
use crate::event::{Outcome, Reason, Verdict};
use crate::evidence::{Facts, Span};
use crate::source::Span as Place;
use crate::step::IdentityId;
use crate::term::list;

/// How many requests are named; of more nobody learns anything.
const NAMED: usize = 3;

/// How many of a session are kept: those that came last.
const KEPT: usize = 64;

/// A session as facts know it: whose it is, and when its login began.
type Key = (IdentityId, u64);

/// What changed something, by the shared sessions that it was sent with.
#[derive(Debug, Default)]
pub(super) struct Suspects(Mutex<HashMap<Key, Own>>);

/// Those of one session.
#[derive(Debug)]
struct Own {
    session: SessionId,
    sent: Vec<Suspect>,
}

/// A request that changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Suspect {
    span: Span,
    case: String,
    line: String,
}

impl Suspects {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Own>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request that was sent with a shared session and was not refused.
    pub(super) fn note(&self, key: Key, session: SessionId, span: Span, (case, line): (&str, &str)) {
        let mut all = self.lock();
        let own = all.entry(key).or_insert(Own { session, sent: Vec::new() });
        if own.sent.len() == KEPT {
            own.sent.remove(0);
        }
        own.sent.push(Suspect { span, case: case.to_owned(), line: line.to_owned() });
    }

    /// What may have ended the session that a refused step was sent with: what was answered after the last request that is
    /// known to have been let in, and sent before the refusal came.
    fn of(&self, ledger: &Ledger, facts: &Facts) -> Option<(SessionId, Vec<Suspect>)> {
        let all = self.lock();
        let own = all.get(&(facts.identity?, facts.session.own))?;
        let seen = ledger.last_seen(own.session)?;
        let between = Span { began: seen, ended: facts.session.meanwhile.ended };
        let sent = own.sent.iter().filter(|suspect| suspect.span.meets(between)).cloned().collect();
        Some((own.session, sent))
    }
}

/// The step of a case that failed as one whose session has ended.
fn as_dead(outcome: &Outcome) -> Option<(usize, &Facts)> {
    // What is called a logout is named by itself.
    let is_named = outcome.reasons.iter().any(|reason| reason.code == "session-disturbed");
    if is_named || !matches!(outcome.verdict, Verdict::Failed | Verdict::Errored) {
        return None;
    }
    let facts = |at: usize| outcome.steps.get(at).and_then(|step| step.facts.as_deref());
    let at = outcome.reasons.iter().filter_map(|reason| reason.step).find(|at| facts(*at).is_some())?;
    let facts = facts(at)?;
    let is_refused = facts.surprise().is_some_and(|answer| answer.status == 401 || answer.to_login);
    (facts.name().is_some() && is_refused).then_some((at, facts))
}

/// The session of a failed case of which it has to be known whether it is dead.
pub(super) fn in_doubt(shared: &Shared, outcome: &Outcome) -> Option<(IdentityId, SessionId)> {
    let (_, facts) = as_dead(outcome)?;
    let (session, sent) = shared.suspects.of(&shared.ledger, facts)?;
    (!sent.is_empty()).then_some((facts.identity?, session))
}

/// Takes a refusal for no answer to what a case asks where another case seems to have ended the session.
pub(super) fn excuse(shared: &Shared, outcome: &mut Outcome) {
    let Some((at, facts)) = as_dead(outcome) else { return };
    let Some((session, mut sent)) = shared.suspects.of(&shared.ledger, facts) else { return };
    sent.dedup_by(|one, other| (&one.case, &one.line) == (&other.case, &other.line));
    let is_own = sent.iter().any(|suspect| suspect.case == *outcome.id);
    if is_own || sent.is_empty() || sent.len() > NAMED || !shared.ledger.is_dead(session) {
        return;
    }
    let lines: Vec<String> = sent.iter().map(|s| format!("`{}` of `{}`", s.line, s.case)).collect();
    let name = facts.name().unwrap_or_default();
    let (which, who) = if sent.len() == 1 { ("", "that case") } else { ("one of ", "a case that ends its session") };
    let message = format!(
        "the shared session of `{name}` was let in until {which}{} was sent, and not any more since: nothing is known of this request",
        list(&lines, "and")
    );
    let help = format!("if that ends it, give {who} a login of its own with `session: fresh`");
    let mut reason: Reason = record::reason(shared, "session-disturbed", &message, Place::NONE, vec![help]);
    reason.place = outcome.steps[at].place.clone();
    reason.step = Some(at);
    outcome.verdict = Verdict::Inconclusive;
    outcome.reasons = vec![reason];
}

//! Decides what the refusals of each case prove, at once or when the run is over.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use super::actor::{Actor, Ownership};
use super::case::CaseDone;
use super::ledger::{Asked, Refusal, Sender, Shown};
use super::login::ask;
use super::talk::Ended;
use super::{OnFailure, RequireProof, Shared, record};
use crate::event::{Event, Outcome, Reason, Stopped, Tally, Verdict};
use crate::source::Span;
use crate::step::{IdentityId, StepsId};
use crate::template::Scope;

/// What is decided so far, and what is held back.
#[derive(Debug, Default)]
pub(super) struct Decided {
    pub(super) tally: Tally,
    held: Vec<CaseDone>,
    /// Cases decided since what is held was looked at.
    since: usize,
}

/// Asks `whoami` again where a refusal hangs on it: as the identity, whose session may have died before
/// it was refused; and as nobody, since a `whoami` that holds for anybody shows nothing.
pub(super) async fn check_alive(shared: &Arc<Shared>) {
    let refusals: Vec<Refusal> = {
        let decided = shared.decided.lock().unwrap_or_else(PoisonError::into_inner);
        decided.held.iter().flat_map(|d| d.refusals.clone()).collect()
    };
    let mut asked = HashSet::new();
    for refusal in &refusals {
        let Some((id, whoami)) = whoami_of(shared, refusal) else { continue };
        let world = shared.worlds[shared.plan.identities[id.0 as usize].world].as_ref();
        let (Some(world), Some(session)) = (world, shared.sessions.made(id)) else { continue };
        let ended = session.credential.expires.is_some_and(|at| at <= jiff::Timestamp::now());
        if shared.ledger.wants_life(refusal) && !ended && asked.insert((id, Asked::Plainly)) {
            let mut actor = Actor::of(id, &session, Ownership::Still);
            let done = ask(shared, world, id, whoami, &world.scope, &mut actor).await;
            if let Some(last) = done.last().filter(|d| d.ended != Ended::Held) {
                shared.ledger.dead(id, last.record.status);
            }
        }
        if !shared.ledger.is_surely_somebody(id) && asked.insert((id, Asked::Whoami)) {
            // Its templates may name the identity; only the credential stays away.
            let mut scope = Scope::above(&world.scope);
            session.scope.local().for_each(|(name, value)| scope.set(Arc::clone(name), value.clone()));
            ask(shared, world, id, whoami, &Arc::new(scope), &mut Actor::anonymous()).await;
        }
    }
}

/// The identity that was refused, and its `whoami`.
fn whoami_of(shared: &Shared, refusal: &Refusal) -> Option<(IdentityId, StepsId)> {
    let Sender::Identity { id, .. } = refusal.sender else { return None };
    Some((id, shared.plan.identities[id.0 as usize].login.whoami?))
}

/// Tells whether nothing that comes later can change what a refusal proves.
fn is_settled(shared: &Shared, refusal: &Refusal) -> bool {
    shared.ledger.is_settled(refusal) && !(shared.ledger.wants_life(refusal) && whoami_of(shared, refusal).is_some())
}

/// Decides a case now if its refusals can be judged, else later or at the end of the run.
pub(super) fn decide(shared: &Shared, done: CaseDone) {
    let settled = |done: &CaseDone| {
        let passed = matches!(done.outcome.verdict, Verdict::Passed | Verdict::Flaky);
        !passed || done.refusals.iter().all(|r| is_settled(shared, r))
    };
    let mut ready = Vec::new();
    {
        let mut decided = shared.decided.lock().unwrap_or_else(PoisonError::into_inner);
        if settled(&done) {
            ready.push(done);
        } else {
            decided.held.push(done);
        }
        decided.since += 1;
        // What was held is looked at now and then, seldom enough to cost little when much is held.
        if decided.since > decided.held.len() / 8 {
            decided.since = 0;
            ready.extend(decided.held.extract_if(.., |d| settled(d)));
        }
    }
    ready.into_iter().for_each(|done| finish(shared, done));
}

pub(super) fn decide_rest(shared: &Shared) {
    let mut held = std::mem::take(&mut shared.decided.lock().unwrap_or_else(PoisonError::into_inner).held);
    held.sort_by_key(|d| d.outcome.index);
    for done in held {
        finish(shared, done);
    }
}

/// Judges the refusals of a case and emits its outcome.
fn finish(shared: &Shared, done: CaseDone) {
    let CaseDone { mut outcome, refusals } = done;
    if matches!(outcome.verdict, Verdict::Passed | Verdict::Flaky) {
        refusals.iter().for_each(|refusal| judge(shared, &mut outcome, refusal));
        if outcome.proof.unproven > 0 && shared.options.proof == RequireProof::Yes {
            outcome.verdict = Verdict::Inconclusive;
        }
    }
    if outcome.verdict == Verdict::Inconclusive {
        outcome.proof.proven = 0;
    }
    if shared.options.on_failure == OnFailure::Stop && outcome.verdict.needs_attention() {
        shared.stop.soon(Stopped::FailFast);
    }
    shared.decided.lock().unwrap_or_else(PoisonError::into_inner).tally.add(&outcome);
    shared.emit(Event::CaseFinished(Box::new(outcome)));
}

/// Counts what one refusal proves; one that proves nothing makes its case inconclusive.
fn judge(shared: &Shared, outcome: &mut Outcome, refusal: &Refusal) {
    let identity = match refusal.sender {
        Sender::Identity { id, .. } => Some(id),
        Sender::Anonymous | Sender::Somebody => None,
    };
    let name = identity.map_or("", |id| &shared.plan.identities[id.0 as usize].name);
    let (code, message) = match shared.ledger.shown(refusal) {
        Shown::Proven => {
            outcome.proof.proven += 1;
            return;
        }
        Shown::Fine => return,
        Shown::Unproven => {
            outcome.proof.unproven += 1;
            let message = "nobody was allowed the same request in this run, so the refusal may have another cause";
            ("unproven", message.to_owned())
        }
        Shown::Never => (
            "never-allowed",
            format!(
                "`{name}` was never allowed anything in this run that nobody else was, so its refusals prove nothing"
            ),
        ),
        Shown::Died => (
            "never-allowed",
            format!(
                "`{name}` was not seen being allowed anything with this credential around the refusal, so it may just have been dead"
            ),
        ),
    };
    push(shared, outcome, code, &message, refusal.step);
    if code == "unproven" {
        return;
    }
    outcome.verdict = Verdict::Inconclusive;
    if let Some((id, ender)) = identity.and_then(|id| Some((id, shared.ledger.ender(id)?))) {
        let named = record::disturbed(shared, id, &ender, Span::NONE);
        let place = outcome.steps.get(refusal.step).map_or_else(|| named.place.clone(), |s| s.place.clone());
        outcome.reasons.push(Reason { place, step: Some(refusal.step), ..named });
    }
}

fn push(shared: &Shared, outcome: &mut Outcome, code: &'static str, message: &str, step: usize) {
    let help = match code {
        "unproven" => "add a case in which somebody is allowed this method and target",
        _ => {
            "add a case in which this identity is allowed something that anonymous is not, or a `whoami` to its scheme"
        }
    };
    let place = outcome.steps.get(step).map_or_else(|| outcome.place.clone(), |s| s.place.clone());
    let mut reason: Reason = record::reason(shared, code, message, Span::NONE, vec![help.to_owned()]);
    reason.place = place;
    reason.step = Some(step);
    // Several cases of one identity have one cause; every unproven refusal stands for itself.
    if code == "never-allowed" {
        reason.shared_cause = Some(format!("{code}:{message}").into());
    }
    outcome.reasons.push(reason);
}

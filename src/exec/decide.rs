//! Decides what the refusals of each case prove, at once or when the run is over.

use std::collections::HashSet;
use std::sync::PoisonError;

use super::case::{self, CaseDone};
use super::ledger::Refusal;
use super::observe::{WAITING, may_be_explained_later, recall, server_output};
use super::session::SessionId;
use super::settle::undecided;
use super::spill::When;
use super::{OnFailure, RequireProof, Shared, hollow, later, leak, matrix, renewed, spare, suspects, weigh, xfail};
use crate::check::UNVERIFIED;
use crate::event::{Event, Outcome, Stopped, Tally, Verdict};
use crate::step::IdentityId;
use crate::verdict::OnInconclusive;

/// What is decided so far, and what is held back.
#[derive(Debug, Default)]
pub(super) struct Decided {
    pub(super) tally: Tally,
    pub(super) held: Vec<CaseDone>,
    /// Failed cases that the rest of the run may explain.
    failed: Vec<CaseDone>,
    /// Cases whose refusals may hand over what they guard: the rest of the run may tell the same where it guards nothing.
    doubted: Vec<CaseDone>,
    /// Cases decided since what is held was looked at.
    since: usize,
    /// The indices of the outcomes that were told.
    told: HashSet<u32>,
}

/// Tells whether nothing that comes later can change what a refusal proves. Whether a session was
/// alive is asked at the end, so that the order of cases decides nothing.
fn is_settled(shared: &Shared, refusal: &Refusal) -> bool {
    shared.ledger.is_settled(refusal) && !shared.ledger.wants_life(refusal)
}

/// Decides a case now if its refusals can be judged, else later or at the end of the run.
pub(super) fn decide(shared: &Shared, mut done: CaseDone) {
    let settled = |done: &CaseDone| {
        let passed = matches!(done.outcome.verdict, Verdict::Passed | Verdict::Flaky);
        let is_open = || shared.later.is_open(done.outcome.index as usize);
        !passed || (!is_open() && done.refusals.iter().all(|r| is_settled(shared, r)))
    };
    let mut ready = Vec::new();
    {
        let mut decided = shared.decided.lock().unwrap_or_else(PoisonError::into_inner);
        if decided.failed.len() < WAITING && may_be_explained_later(&done) {
            stop_early_if_asked(shared, &done.outcome);
            decided.failed.push(done);
        } else if settled(&done) {
            ready.push(done);
        } else {
            // Whatever is unproven waits until the end of the run.
            done.outcome.steps.shrink_to_fit();
            decided.held.push(done);
        }
        decided.since += 1;
        // What was held is looked at now and then, seldom enough to cost little when much is held.
        if decided.since > decided.held.len() / 8 {
            decided.since = 0;
            ready.extend(decided.held.extract_if(.., |d| settled(d)));
        }
    }
    let (doubted, ready): (Vec<_>, Vec<_>) = ready.into_iter().partition(|done| is_doubted(shared, done));
    ready.into_iter().for_each(|done| finish(shared, done, When::Running));
    doubted.iter().for_each(|done| stop_early_if_asked(shared, &done.outcome));
    shared.decided.lock().unwrap_or_else(PoisonError::into_inner).doubted.extend(doubted);
}

/// Tells whether a refusal of a case may hand over what it guards.
fn is_doubted(shared: &Shared, done: &CaseDone) -> bool {
    let passed = matches!(done.outcome.verdict, Verdict::Passed | Verdict::Flaky);
    passed && done.refusals.iter().any(|refusal| leak::found(shared, refusal, When::Running).is_some())
}

/// The sessions of failed cases of which it has to be known whether they are dead.
pub(super) fn in_doubt(shared: &Shared) -> Vec<(IdentityId, SessionId)> {
    let decided = shared.decided.lock().unwrap_or_else(PoisonError::into_inner);
    let mut all: Vec<_> = decided.failed.iter().filter_map(|done| suspects::in_doubt(shared, &done.outcome)).collect();
    all.sort_unstable_by_key(|(id, session)| (*id, session.0));
    all.dedup();
    all
}

pub(super) fn decide_rest(shared: &Shared) {
    shared.controls.idle().into_iter().for_each(|done| finish(shared, done, When::Over));
    for mut done in shared.controls.held() {
        undecided(shared, &mut done, 0);
        finish(shared, done, When::Over);
    }
    let mut held = {
        let mut decided = shared.decided.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = std::mem::take(&mut decided.held);
        all.append(&mut decided.failed);
        all.append(&mut decided.doubted);
        all
    };
    held.sort_by_key(|d| d.outcome.index);
    for done in held {
        finish(shared, done, When::Over);
    }
    tell_lost(shared);
}

/// Tells the cases that nothing was told of: what ran them went wrong. A run that loses a case is not green.
fn tell_lost(shared: &Shared) {
    let lost: Vec<usize> = {
        let decided = shared.decided.lock().unwrap_or_else(PoisonError::into_inner);
        let is_told = |index: &usize| u32::try_from(*index).is_ok_and(|index| decided.told.contains(&index));
        (0..shared.plan.cases.len()).filter(|index| !is_told(index)).collect()
    };
    for index in lost {
        let lost = case::went_wrong(shared, index, "authspec went wrong around this case, which is not decided");
        finish(shared, lost, When::Over);
    }
}

/// Judges the refusals of a case and emits its outcome.
fn finish(shared: &Shared, done: CaseDone, when: When) {
    let CaseDone { mut outcome, refusals, .. } = done;
    renewed::excuse(shared, &mut outcome);
    suspects::excuse(shared, &mut outcome);
    if matches!(outcome.verdict, Verdict::Passed | Verdict::Flaky) {
        later::fail(shared, &mut outcome, &refusals);
    }
    if matches!(outcome.verdict, Verdict::Passed | Verdict::Flaky) {
        // While the run goes on, cases that were looked at before come here alone.
        let looked_at = refusals.iter().filter(|_| when == When::Over);
        match looked_at.into_iter().find_map(|refusal| Some((refusal, leak::found(shared, refusal, when)?))) {
            Some((refusal, found)) => leak::fail(shared, &mut outcome, refusal, &found),
            None => refusals.iter().for_each(|refusal| weigh::judge(shared, &mut outcome, refusal)),
        }
        if outcome.verdict != Verdict::Failed && outcome.proof.unproven > 0 && shared.options.proof == RequireProof::Yes
        {
            outcome.verdict = Verdict::Inconclusive;
        }
    }
    matrix::finish(shared, &mut outcome);
    outcome.proof.unlooked = hollow::unlooked(shared, &outcome);
    xfail::turn(shared, &mut outcome);
    if matches!(outcome.verdict, Verdict::Inconclusive | Verdict::Skipped) {
        outcome.proof.proven = 0;
    }
    outcome.spared = spare::is_spared(shared, &outcome);
    stop_if_asked(shared, &outcome);
    let unverified = outcome.steps.iter().filter(|s| s.notes.iter().any(|note| note == UNVERIFIED)).count();
    outcome.proof.unverified = u32::try_from(unverified).unwrap_or(u32::MAX);
    recall(shared, &mut outcome);
    outcome.server = server_output(shared, &outcome);
    {
        let mut decided = shared.decided.lock().unwrap_or_else(PoisonError::into_inner);
        decided.tally.add(&outcome);
        decided.told.insert(outcome.index);
    }
    shared.emit(Event::CaseFinished(Box::new(outcome)));
}

fn stop_if_asked(shared: &Shared, outcome: &Outcome) {
    let tolerated =
        outcome.verdict == Verdict::Inconclusive && shared.options.policy.inconclusive == OnInconclusive::Tolerate;
    let stops = outcome.verdict.needs_attention() && !tolerated && !spare::is_spared(shared, outcome);
    if shared.options.on_failure == OnFailure::Stop && stops {
        shared.stop.soon(Stopped::FailFast);
    }
}

/// The same for a failed case that is decided later: what is expected to fail stops nothing.
fn stop_early_if_asked(shared: &Shared, outcome: &Outcome) {
    if shared.options.on_failure == OnFailure::Stop {
        let mut turned = outcome.clone();
        xfail::turn(shared, &mut turned);
        stop_if_asked(shared, &turned);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diag::{Diagnostics, Severity};
    use crate::event::Verdict;
    use crate::exec::{RunOptions, Runner, Stopper, prepare};
    use crate::plan::{Commands, Plan, PlanOptions, Selection};
    use crate::secret::SecretSet;
    use crate::source::SourceMap;
    use crate::spec::{Input, load};

    const SUITE: &str =
        "target: http://127.0.0.1:9\ncases:\n  - { name: a, request: GET /a }\n  - { name: b, request: GET /b }\n";

    #[tokio::test]
    async fn a_case_that_nothing_was_told_of_is_errored() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("s.yaml"), SUITE).unwrap();
        let (mut sources, mut diags, secrets) = (SourceMap::default(), Diagnostics::default(), SecretSet::new());
        let input = Input { paths: vec!["s.yaml".into()], stdin: None, folder: folder.path().to_owned(), at: None };
        let suites = load(&input, &mut sources, &mut diags);
        let how = PlanOptions {
            environment: None,
            target: None,
            vars: Vec::new(),
            variables: std::collections::BTreeMap::default(),
            unset: Severity::Error,
            commands: Commands::Run,
            selection: Selection::default(),
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        let plan = Plan::from_suites(&suites, &how, &sources, &mut diags);
        let prepared = prepare(&plan, &RunOptions::one_by_one(), &secrets, &mut diags).await;
        assert_eq!(diags.errors(), 0);
        let (events, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let runner = Runner::new(
            plan,
            prepared,
            RunOptions::one_by_one(),
            Arc::new(sources),
            secrets,
            events,
            Stopper::default(),
        );
        let shared = runner.shared();
        // One case is decided as always, and what runs the other one falls over.
        decide(&shared, case::not_run(&shared, 0, Verdict::Passed, "internal", ""));
        decide_rest(&shared);
        decide_rest(&shared);
        drop((runner, shared));
        let mut told = Vec::new();
        while let Some(event) = heard.recv().await {
            if let Event::CaseFinished(outcome) = event {
                told.push((outcome.index, outcome.verdict));
            }
        }
        assert_eq!(told, [(0, Verdict::Passed), (1, Verdict::Errored)]);
    }
}

//! Runs one case from its sessions to its outcome.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cast::Cast;
use super::done::Ended;
use super::ledger::Refusal;
use super::rounds::run_all;
use super::session::Failure;
use super::talk::StepRun;
use super::{Shared, record};
use crate::event::{Outcome, OutcomeKind, Phase, Proof, Reason, Verdict};
use crate::plan::Case;
use crate::step::Step;
use crate::template::Scope;

/// What a case left behind: its outcome, and the refusals that the run has yet to judge.
#[derive(Debug)]
pub(super) struct CaseDone {
    pub(super) outcome: Outcome,
    pub(super) refusals: Vec<Refusal>,
}

/// What a suite's setup gives its cases.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    /// Captures of the setup above the world's values.
    pub(super) scope: Arc<Scope>,
    /// Why no case of the suite can run.
    pub(super) blocked: Option<Arc<Failure>>,
}

/// Makes the outcome of a case that did not run.
pub(super) fn not_run(shared: &Shared, index: usize, verdict: Verdict, code: &'static str, message: &str) -> CaseDone {
    let case = &shared.plan.cases[index];
    let mut outcome = blank(shared, index, case);
    outcome.verdict = verdict;
    outcome.reasons.push(record::reason(shared, code, message, case.shape.span, Vec::new()));
    CaseDone { outcome, refusals: Vec::new() }
}

fn blank(shared: &Shared, index: usize, case: &Case) -> Outcome {
    Outcome {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        kind: OutcomeKind::Case,
        suite: case.suite,
        id: Arc::clone(&case.id),
        name: case.name.clone(),
        tags: case.shape.tags.iter().map(ToString::to_string).collect(),
        place: shared.sources.place(case.shape.span),
        verdict: Verdict::Passed,
        reasons: Vec::new(),
        proof: Proof::default(),
        steps: Vec::new(),
        case_steps: case.shape.steps.len(),
        attempts: 1,
        elapsed: Duration::ZERO,
        waited: Duration::ZERO,
        requests: 0,
    }
}

/// Runs a case, and again where `--retry` allows it.
pub(super) async fn run(shared: &Arc<Shared>, index: usize, ground: &Ground) -> CaseDone {
    let case = &shared.plan.cases[index];
    if let Some(skip) = &case.shape.skip {
        return not_run(shared, index, Verdict::Skipped, "skipped", skip);
    }
    // A refusal that only comes at the second try is no refusal: such cases are never run again.
    let refusing = case.shape.steps.iter().any(Step::may_refuse);
    let attempts = if refusing { 1 } else { shared.options.retries + 1 };
    let mut first: Option<CaseDone> = None;
    let clock = Instant::now();
    let mut requests = 0;
    for attempt in 1.. {
        let mut done = attempt_once(shared, index, case, ground).await;
        requests += done.outcome.requests;
        let again = matches!(done.outcome.verdict, Verdict::Failed | Verdict::Errored) && attempt < attempts;
        if again {
            first.get_or_insert(done);
            continue;
        }
        if let (Verdict::Passed, Some(first)) = (done.outcome.verdict, first) {
            // Nor does a 404 or the way to the login page count that somebody was spared at first.
            done = if done.refusals.is_empty() { flaky(done, &first, attempt) } else { first };
        }
        done.outcome.requests = requests;
        done.outcome.attempts = attempt;
        done.outcome.elapsed = clock.elapsed();
        return done;
    }
    unreachable!("the loop returns at its last attempt")
}

/// A case that passed only after being run again, with what was wrong at first.
fn flaky(mut done: CaseDone, first: &CaseDone, attempt: u32) -> CaseDone {
    done.outcome.verdict = Verdict::Flaky;
    if let Some(first) = first.outcome.reasons.first() {
        let message = format!("passed at try {attempt}; the first try: {}", first.message);
        done.outcome.reasons.push(Reason { code: "retried", message, ..first.clone() });
    }
    done
}

async fn attempt_once(shared: &Arc<Shared>, index: usize, case: &Case, ground: &Ground) -> CaseDone {
    let mut outcome = blank(shared, index, case);
    if let Some(failure) = &ground.blocked {
        return blocked(outcome, failure);
    }
    let cast = match Cast::assemble(shared, case).await {
        Ok(cast) => cast,
        Err(failure) => return blocked(outcome, &failure),
    };
    let world = shared.plan.suites[case.suite].world;
    let Some(world) = shared.worlds[world].as_ref() else {
        outcome.verdict = Verdict::Errored;
        return CaseDone { outcome, refusals: Vec::new() };
    };
    let mut cast = cast;
    let run = StepRun {
        shared,
        world,
        phase: Phase::Case,
        label: &case.id,
        scope: &ground.scope,
        stand_in: case.caller,
        case: Some(index),
    };
    let (done, _) = run_all(&run, &case.shape.steps, &mut cast).await;
    outcome.requests = done.requests;
    outcome.waited = done.waited;
    outcome.steps = done.records;
    outcome.reasons = done.reasons;
    outcome.verdict = match done.ended {
        Ended::Held => Verdict::Passed,
        Ended::Failed => Verdict::Failed,
        Ended::Errored => Verdict::Errored,
        Ended::Blocked => Verdict::Blocked,
    };
    if let Some(failure) = done.blocked {
        // The steps of the login stand behind those of the case.
        let first = outcome.steps.len();
        let step = failure.reason.step.map(|s| first + s);
        outcome.reasons.push(Reason { step, ..failure.reason.clone() });
        outcome.steps.extend(failure.steps.iter().cloned());
    }
    CaseDone { outcome, refusals: done.refused }
}

fn blocked(mut outcome: Outcome, failure: &Failure) -> CaseDone {
    outcome.verdict = Verdict::Blocked;
    outcome.reasons.push(failure.reason.clone());
    outcome.steps.clone_from(&failure.steps);
    CaseDone { outcome, refusals: Vec::new() }
}

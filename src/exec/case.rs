//! Runs one case from its sessions to its outcome.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::control::Claim;
use super::ledger::Refusal;
use super::session::Failure;
use super::{Shared, play, record, relogin};
use crate::check::Side;
use crate::event::{Outcome, OutcomeKind, Proof, Reason, Stopped, Verdict};
use crate::plan::Case;
use crate::step::Step;
use crate::template::Scope;

/// What a case left behind: its outcome, and the refusals that the run has yet to judge.
#[derive(Debug)]
pub(super) struct CaseDone {
    pub(super) outcome: Outcome,
    pub(super) refusals: Vec<Refusal>,
    /// What defects were refused.
    pub(super) claims: Vec<Claim>,
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
    outcome.reasons.push(record::reason(shared, code, message, case.span(), Vec::new()));
    CaseDone { outcome, refusals: Vec::new(), claims: Vec::new() }
}

/// A case that is undecided through a fault of ours.
pub(super) fn went_wrong(shared: &Shared, index: usize, message: &str) -> CaseDone {
    not_run(shared, index, Verdict::Errored, "internal", message)
}

pub(super) fn blank(shared: &Shared, index: usize, case: &Case) -> Outcome {
    Outcome {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        kind: OutcomeKind::Case,
        suite: case.suite,
        id: record::label(shared, &case.id),
        name: shared.secrets.mask(&case.name).into_owned(),
        tags: case.shape.tags.iter().map(ToString::to_string).collect(),
        place: shared.sources.place(case.span()),
        verdict: Verdict::Passed,
        spared: false,
        reasons: Vec::new(),
        proof: Proof::default(),
        access: super::matrix::told(shared, case),
        with: None,
        controls: Vec::new(),
        causes: Vec::new(),
        server: None,
        steps: Vec::with_capacity(case.shape.steps.len()),
        case_steps: case.shape.steps.len(),
        attempts: 1,
        elapsed: Duration::ZERO,
        waited: Duration::ZERO,
        requests: 0,
    }
}

/// Makes the outcome of a case that was stopped before its end.
pub(super) fn stopped(shared: &Shared, index: usize, why: Stopped, how: &str) -> CaseDone {
    let (code, message) = match why {
        Stopped::FailFast => ("fail-fast", format!("{how}: an earlier case did not pass and `--fail-fast` is on")),
        Stopped::Interrupted => ("interrupted", format!("{how}: the run was interrupted")),
        Stopped::Deadline => ("deadline", format!("{how}: the time of `--deadline` was over")),
    };
    not_run(shared, index, Verdict::NotRun, code, &message)
}

/// Runs a case, and again where `--retry` allows it.
pub(super) async fn run(shared: &Arc<Shared>, index: usize, ground: &Ground) -> CaseDone {
    let case = &shared.plan.cases[index];
    if let Some(skip) = &case.shape.skip {
        return not_run(shared, index, Verdict::Skipped, "skipped", skip);
    }
    // A refusal that only comes at the second try is no refusal: such cases are never run again. Nor
    // are those that are to fail: the first failure is what they are there for.
    let refused = case.cell.is_some_and(|cell| cell.side != Side::Allowed);
    let asked = refused || case.with.is_some();
    let mut steps = case.shape.steps.iter().chain(&case.shape.teardown);
    let once = asked || case.shape.xfail.is_some() || steps.any(Step::may_refuse);
    let attempts = if once { 1 } else { shared.options.retries + 1 };
    let mut first: Option<CaseDone> = None;
    let clock = Instant::now();
    let mut requests = 0;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let mut done = play::once(shared, index, ground).await;
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
        tokio::select! {
            () = Box::pin(relogin::straight_after(shared, &mut done)) => {}
            _ = shared.stop.cut_off() => {}
        }
        return done;
    }
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

//! Runs one case from its sessions to its outcome.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::actor::{Actor, Ownership};
use super::decide::Sample;
use super::ledger::Refusal;
use super::login::{self, Sharing};
use super::session::{Failure, Session};
use super::talk::{Done, Ended, StepRun};
use super::{Shared, record};
use crate::event::{Outcome, OutcomeKind, Phase, Proof, Reason, StepRecord, Verdict};
use crate::plan::Case;
use crate::spec;
use crate::step::{Caller, IdentityId, Step};
use crate::template::{Scope, Value};

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
    let refusing = case.shape.steps.iter().any(super::super::step::Step::may_refuse);
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
    let mut scope = Scope::above(&ground.scope);
    cast.show_sessions(shared, &mut scope);
    let mut refusals = Vec::new();
    for step in &case.shape.steps {
        let layered = Arc::new(scope.clone());
        let run = StepRun { shared, world, phase: Phase::Case, label: &case.id, scope: &layered };
        let done = cast.act(&run, case, step).await;
        outcome.requests += done.requests;
        outcome.waited += done.waited;
        refusals.extend(done.refused.map(|refusal| Refusal { step: outcome.steps.len(), ..refusal }));
        let number = outcome.steps.len();
        if let (Some(id), Some(key), true) = (done.allowed_to, done.allowed, is_repeatable(step)) {
            shared.ledger.sample(id, key, || Sample { case: index, step: number, scope: Arc::clone(&layered) });
        }
        for (name, value) in done.captured {
            scope.set(name, value);
        }
        outcome.steps.push(done.record);
        outcome.reasons.extend(done.reasons.into_iter().map(|r| Reason { step: Some(number), ..r }));
        outcome.verdict = match done.ended {
            Ended::Held => continue,
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
        break;
    }
    CaseDone { outcome, refusals }
}

/// Tells whether a step can be sent once more without harm or delay.
fn is_repeatable(step: &Step) -> bool {
    matches!(&*step.method, "GET" | "HEAD") && step.pause.is_none() && step.retry.is_none()
}

fn blocked(mut outcome: Outcome, failure: &Failure) -> CaseDone {
    outcome.verdict = Verdict::Blocked;
    outcome.reasons.push(failure.reason.clone());
    outcome.steps.clone_from(&failure.steps);
    CaseDone { outcome, refusals: Vec::new() }
}

/// The actors of a case: each identity keeps its own jar from step to step.
struct Cast {
    nobody: Actor,
    identities: HashMap<IdentityId, Actor>,
}

impl Cast {
    /// Gets a session for every identity that the case uses.
    async fn assemble(shared: &Arc<Shared>, case: &Case) -> Result<Self, Arc<Failure>> {
        let fresh = case.shape.session == spec::Session::Fresh;
        let own = match case.caller {
            Caller::Identity(id) => Some(id),
            Caller::Case | Caller::Nobody | Caller::Anonymous => None,
        };
        let ownership = match (fresh, case.shape.pauses()) {
            (true, _) => Ownership::Fresh,
            (false, true) => Ownership::Still,
            (false, false) => Ownership::Shared,
        };
        let mut cast = Self { nobody: Actor::nobody(), identities: HashMap::new() };
        for id in own.into_iter().chain(case.shape.identities.iter().copied()) {
            if cast.identities.contains_key(&id) {
                continue;
            }
            let session: Arc<Session> = if fresh {
                login::make(shared, id, None, Sharing::Fresh).await?
            } else {
                shared.sessions.get(shared, id).await?
            };
            cast.identities.insert(id, Actor::of(id, &session, ownership));
        }
        Ok(cast)
    }

    /// Puts `sessions.NAME` into scope.
    fn show_sessions(&self, shared: &Shared, scope: &mut Scope) {
        if self.identities.is_empty() {
            return;
        }
        let parts = self.identities.iter().filter_map(|(id, actor)| {
            let super::actor::Who::Identity(_, session, _) = &actor.who else { return None };
            let name = shared.plan.identities[id.0 as usize].name.to_string();
            Some((name, session.scope.get("session").cloned().unwrap_or_else(|| Value::from(()))))
        });
        scope.set_fields("sessions", parts.collect::<Vec<_>>());
    }

    async fn act(&mut self, run: &StepRun<'_>, case: &Case, step: &Step) -> Done {
        let caller = if step.caller == Caller::Case { case.caller } else { step.caller };
        match caller {
            Caller::Identity(id) => match self.identities.get_mut(&id) {
                Some(actor) => run.run(step, actor).await,
                // The plan lists every identity that a step names, so this cannot be.
                None => run.run(step, &mut self.nobody).await,
            },
            Caller::Anonymous => run.run(step, &mut Actor::anonymous()).await,
            Caller::Nobody | Caller::Case => run.run(step, &mut self.nobody).await,
        }
    }
}

/// Runs the setup or teardown of a suite; the captures of a setup reach the cases.
pub(super) async fn run_steps(
    shared: &Arc<Shared>,
    suite: usize,
    steps: &[Step],
    phase: Phase,
    ground: &Arc<Scope>,
) -> Result<(Arc<Scope>, u32), (Arc<Failure>, u32)> {
    let plan = &shared.plan.suites[suite];
    let Some(world) = shared.worlds[plan.world].as_ref() else { return Ok((Arc::clone(ground), 0)) };
    let label: Arc<str> = plan.id.as_str().into();
    let mut cast = Cast { nobody: Actor::nobody(), identities: HashMap::new() };
    for id in &plan.identities {
        let session = shared.sessions.get(shared, *id).await.map_err(|f| (f, 0))?;
        cast.identities.insert(*id, Actor::of(*id, &session, Ownership::Shared));
    }
    let mut scope = Scope::above(ground);
    cast.show_sessions(shared, &mut scope);
    let mut records: Vec<StepRecord> = Vec::new();
    let mut requests = 0;
    let stand_in = default_caller(shared, suite);
    for step in steps {
        let layered = Arc::new(scope.clone());
        let run = StepRun { shared, world, phase, label: &label, scope: &layered };
        let caller = if step.caller == Caller::Case { stand_in } else { step.caller };
        let done = match caller {
            Caller::Identity(id) => match cast.identities.get_mut(&id) {
                Some(actor) => run.run(step, actor).await,
                None => run.run(step, &mut cast.nobody).await,
            },
            Caller::Anonymous => run.run(step, &mut Actor::anonymous()).await,
            Caller::Nobody | Caller::Case => run.run(step, &mut cast.nobody).await,
        };
        requests += done.requests;
        for (name, value) in done.captured {
            scope.set(name, value);
        }
        let ended = done.ended;
        let number = records.len();
        records.push(done.record);
        if ended != Ended::Held {
            let first = done.reasons.into_iter().next().or_else(|| done.blocked.map(|f| f.reason.clone()));
            return Err((Arc::new(failed(shared, suite, phase, step, first, number, records)), requests));
        }
    }
    Ok((Arc::new(scope), requests))
}

fn default_caller(shared: &Shared, suite: usize) -> Caller {
    shared.plan.suites[suite].caller
}

fn failed(
    shared: &Shared,
    suite: usize,
    phase: Phase,
    step: &Step,
    first: Option<Reason>,
    number: usize,
    records: Vec<StepRecord>,
) -> Failure {
    let plan = &shared.plan.suites[suite];
    let (code, what) = if phase == Phase::Setup { ("setup-failed", "setup") } else { ("teardown-failed", "teardown") };
    let why = first.as_ref().map(|r| r.message.clone()).unwrap_or_default();
    let message = format!("the {what} of `{}` did not work at `{}`: {why}", plan.name, step.line());
    let mut reason = record::reason(shared, code, &message, step.span, Vec::new());
    if let Some(first) = first {
        reason =
            Reason { place: first.place, expected: first.expected, actual: first.actual, help: first.help, ..reason };
    }
    reason.step = Some(number);
    reason.shared_cause = Some(format!("{code}:{}", plan.id).into());
    Failure { reason, steps: records }
}

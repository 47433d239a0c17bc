//! The steps around the cases of a suite: its setup and its teardown.

use std::collections::HashMap;
use std::sync::Arc;

use super::actor::{Actor, Ownership};
use super::cast::Cast;
use super::session::Failure;
use super::talk::{Ended, StepRun};
use super::{Shared, record};
use crate::event::{Phase, Reason, StepRecord};
use crate::step::{Caller, Step};
use crate::template::Scope;

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

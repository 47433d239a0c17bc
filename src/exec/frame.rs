//! The steps around the cases of a suite: its setup and its teardown.

use std::sync::Arc;

use super::actor::{Actor, Ownership};
use super::cast::Cast;
use super::done::Done;
use super::exchange::StepRun;
use super::keep::Place;
use super::rounds::run_all;
use super::session::Failure;
use super::stop::TEARDOWN;
use super::{Shared, keep, record};
use crate::event::{Phase, Reason};
use crate::step::Step;
use crate::template::Scope;

/// The code of a teardown, of a suite or of a case, that did not work.
pub(super) const TEARDOWN_FAILED: &str = "teardown-failed";

/// Gives a teardown its time: as long as its steps take, and after an interrupt a few seconds of its own.
pub(super) async fn in_time<T>(shared: &Shared, steps: impl Future<Output = T>) -> Result<T, &'static str> {
    let late = async {
        shared.stop.hurried().await;
        tokio::time::sleep(TEARDOWN).await;
    };
    tokio::select! {
        done = steps => Ok(done),
        () = late => Err("did not end in time"),
        () = shared.stop.left() => Err("was cut off by a second interrupt"),
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
    // A setup runs in the place of its suite; a teardown may have none.
    let place = if phase == Phase::Setup { Place::Given } else { Place::None };
    let _held = keep::beside(shared, &plan.identities, place).await;
    let mut cast = Cast::alone(Actor::nobody());
    for id in &plan.identities {
        let session = shared.sessions.get(shared, *id).await.map_err(|f| (f, 0))?;
        cast.identities.insert(*id, Actor::of(*id, &session, Ownership::Shared));
    }
    let run = StepRun { stand_in: plan.caller, ..StepRun::plain(shared, world, (phase, &label), ground) };
    let (done, scope) = run_all(&run, steps, &mut cast).await;
    let requests = done.requests;
    if done.held() {
        return Ok((Arc::new(scope), requests));
    }
    Err((Arc::new(failed(shared, suite, phase, done)), requests))
}

fn failed(shared: &Shared, suite: usize, phase: Phase, done: Done) -> Failure {
    let plan = &shared.plan.suites[suite];
    let (code, what) = if phase == Phase::Setup { ("setup-failed", "setup") } else { (TEARDOWN_FAILED, "teardown") };
    let first = done.reasons.into_iter().next().or_else(|| done.blocked.map(|f| f.reason.clone()));
    let why = first.as_ref().map(|r| r.message.clone()).unwrap_or_default();
    let last = done.records.last();
    let line = last.map(|r| r.request.clone()).unwrap_or_default();
    let message = format!("the {what} of `{}` did not work at `{line}`: {why}", plan.name);
    let mut reason = record::reason(shared, code, &message, plan.span, Vec::new());
    let target = first.as_ref().and_then(|r| r.shared_cause.clone());
    if let Some(first) = first {
        reason =
            Reason { place: first.place, expected: first.expected, actual: first.actual, help: first.help, ..reason };
    } else if let Some(last) = last {
        reason.place = last.place.clone();
    }
    reason.step = done.records.len().checked_sub(1);
    reason.shared_cause = Some(format!("{code}:{}", plan.id).into());
    Failure { reason: record::share_target(reason, target.as_ref()), steps: done.records }
}

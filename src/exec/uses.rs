//! Runs the steps of a flow for the step that uses it: in names of their own, of which only some come out.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::Value as Json;

use super::cast::Cast;
use super::done::Done;
use super::record;
use super::rounds::run_into;
use super::talk::{PASSWORDS, StepRun};
use crate::event::FlowRecord;
use crate::step::{Arg, Ask, Caller, Flow, Giver, Step};
use crate::template::{Scope, TemplateError, Value, from_json};

/// Where a step stands when a flow is run.
#[derive(Clone, Copy, Default)]
pub(super) struct Within<'a> {
    /// Its place in the case.
    pub(super) path: Option<&'a Path<'a>>,
    /// The use of the flow that it is a step of.
    pub(super) used: Option<&'a Used<'a>>,
    /// Whether it is the last step of that flow.
    pub(super) is_last: bool,
    /// What the case keeps of flows that are not over yet.
    pub(super) kept: Option<&'a Kept>,
}

/// What flows return to a case while they run, for a teardown after one that was cut off in their midst.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Vec<(Arc<str>, Value)>>);

/// The place of a step: its index, below that of the step that uses its flow.
pub(super) struct Path<'a> {
    pub(super) step: usize,
    pub(super) above: Option<&'a Path<'a>>,
}

/// A flow as a step uses it, in the names of that step.
pub(super) struct Used<'a> {
    pub(super) step: &'a Step,
    pub(super) flow: &'a Flow,
    pub(super) scope: &'a Arc<Scope>,
    /// Where the step that uses it stands.
    within: Within<'a>,
}

impl<'a> Within<'a> {
    /// The steps from the innermost out that ask something of the answer since it is the last one of their flows.
    pub(super) fn asking(self) -> impl Iterator<Item = &'a Used<'a>> {
        let next = |within: Within<'a>| within.used.filter(|_| within.is_last);
        std::iter::successors(next(self), move |used| next(used.within))
    }

    /// Keeps what a step of a flow captured, if it comes out of all flows around it.
    pub(super) fn keep(self, captured: &[(Arc<str>, Value)]) {
        let Some((kept, innermost)) = self.kept.zip(self.used) else { return };
        let all: Vec<&Flow> =
            std::iter::successors(Some(innermost), |used| used.within.used).map(|used| used.flow).collect();
        let out = captured.iter().filter(|(name, _)| all.iter().all(|flow| flow.returns.contains(name)));
        kept.lock().extend(out.cloned());
    }
}

impl Kept {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Arc<str>, Value)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives what was kept, and keeps it no longer.
    pub(super) fn take(&self) -> Vec<(Arc<str>, Value)> {
        std::mem::take(&mut *self.lock())
    }
}

impl Path<'_> {
    /// The indices from the case's own step down.
    pub(super) fn indices(&self) -> Vec<usize> {
        let mut all = self.above.map_or_else(Vec::new, Self::indices);
        all.push(self.step);
        all
    }
}

/// Finds a step of a case by the indices that lead to it.
pub(super) fn find<'s>(steps: &'s [Step], path: &[usize]) -> Option<&'s Step> {
    let (first, rest) = path.split_first()?;
    let step = steps.get(*first)?;
    match &step.ask {
        Ask::Use(flow) if !rest.is_empty() => find(&flow.steps, rest),
        Ask::Use(_) | Ask::Request(_) | Ask::Submit(_) | Ask::Talk(..) => Some(step),
    }
}

impl StepRun<'_> {
    /// Runs the steps of a flow. They see nothing of whoever uses it but what they are given.
    pub(super) fn flow<'f>(
        &'f self,
        step: &'f Step,
        flow: &'f Flow,
        cast: &'f mut Cast,
        caller: Caller,
    ) -> BoxFuture<'f, Done> {
        async move {
            let mut ground = Scope::above(&self.world.scope);
            cast.show_sessions(self.shared, &mut ground);
            let mut scope = Scope::above(&Arc::new(ground.clone()));
            for arg in &flow.args {
                let names = match arg.from {
                    Giver::Use => &self.scope_of(cast.actor(caller)),
                    Giver::Flow => &ground,
                };
                match self.given(arg, names).await {
                    Ok(value) => scope.set(Arc::clone(&arg.name), from_json(&value)),
                    Err(error) => return self.unsent(step, cast.actor(caller), error.into()),
                }
            }
            let used = Used { step, flow, scope: self.scope, within: self.within };
            let run = StepRun { last: None, within: Within { used: Some(&used), ..self.within }, ..*self };
            let mut done = Done::nothing();
            run_into(&run, &flow.steps, cast, &mut done, &mut scope).await;
            if let (Some(kept), None) = (self.within.kept, self.within.used) {
                // The case itself has it from here on.
                kept.take();
            }
            self.leave(step, flow, done)
        }
        .boxed()
    }

    /// Computes an argument; one that needs a one-time password waits until there is a fresh one.
    async fn given(&self, arg: &Arg, names: &Scope) -> Result<Json, TemplateError> {
        for _ in 0..PASSWORDS {
            match arg.value.value(names) {
                Err(TemplateError { ready_at: Some(time), .. }) => {
                    self.wait_until(time, "the next one-time password").await;
                }
                done => return done,
            }
        }
        arg.value.value(names)
    }

    /// Keeps what comes out of a flow, and notes on all it sent where it was used.
    fn leave(&self, step: &Step, flow: &Flow, mut done: Done) -> Done {
        done.captured.retain(|(name, _)| flow.returns.contains(name));
        if !done.beyond.is_empty() {
            let own = done.beyond.remove(0);
            done.captured.retain(|(name, _)| own.iter().all(|(newer, _)| newer != name));
            done.captured.extend(own);
        }
        let used =
            FlowRecord { name: record::text(self.shared, &flow.name), place: record::place(self.shared, step.span) };
        done.records.iter_mut().for_each(|record| record.flows.insert(0, used.clone()));
        done
    }
}

//! Runs the steps of a flow for the step that uses it: in names of their own, of which only some come out.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::Value as Json;

use super::cast::Cast;
use super::done::Done;
use super::record;
use super::rounds::run_into;
use super::talk::{PASSWORDS, StepRun};
use crate::event::FlowRecord;
use crate::step::{Arg, Ask, Caller, Flow, Giver, Step};
use crate::template::{Scope, TemplateError, from_json};

/// Where a step stands when a flow is run.
#[derive(Clone, Copy, Default)]
pub(super) struct Within<'a> {
    /// Its place in the case.
    pub(super) path: Option<&'a Path<'a>>,
    /// What is asked of the answer from outside of the flow, when the step is the last of it.
    pub(super) asks: Option<&'a Asks<'a>>,
}

/// The place of a step: its index, below that of the step that uses its flow.
pub(super) struct Path<'a> {
    pub(super) step: usize,
    pub(super) above: Option<&'a Path<'a>>,
}

/// What the step that uses a flow asks of the flow's last answer, and in which names.
pub(super) struct Asks<'a> {
    pub(super) step: &'a Step,
    pub(super) flow: &'a Flow,
    pub(super) scope: &'a Arc<Scope>,
    /// What is asked from further outside.
    pub(super) next: Option<&'a Asks<'a>>,
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
            let asks = Asks { step, flow, scope: self.scope, next: self.within.asks };
            let within = Within { asks: Some(&asks), ..self.within };
            let run = StepRun { last: None, within, ..*self };
            let mut done = Done::nothing();
            run_into(&run, &flow.steps, cast, &mut done, &mut scope).await;
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

//! Runs the steps of a flow for the step that uses it: in names of their own, of which only some come out.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::Value as Json;
use url::Origin;

use super::cast::Cast;
use super::done::Done;
use super::exchange::{PASSWORDS, StepRun};
use super::record;
use super::rounds::run_into;
use crate::event::FlowRecord;
use crate::http::Ends;
use crate::step::{Arg, Ask, Caller, Flow, Giver, Ground, Step};
use crate::template::{Scope, TemplateError, Value, from_json};

/// Where a step stands in its case.
#[derive(Clone, Copy, Default)]
pub(super) struct Within<'a> {
    /// The steps that use the flows it is a step of, from the case's own down.
    pub(super) used: &'a [Used<'a>],
    /// Its place among the steps beside it.
    pub(super) number: usize,
    /// Whether it is the last of them.
    pub(super) is_last: bool,
    /// What the case keeps of flows that are not over yet.
    pub(super) kept: Option<&'a Kept>,
    /// Whether the case is done once more, without its defect.
    pub(super) is_replay: bool,
    /// Where the way of the login ends that it is a page of.
    pub(super) landing: Option<&'a Ends>,
    /// Where people log in, of the steps of a login: the suite's origins, and what these steps ask for themselves.
    pub(super) home: Option<&'a Mutex<Vec<Origin>>>,
}

/// A flow as a step uses it, in the names of that step.
#[derive(Clone, Copy)]
pub(super) struct Used<'a> {
    pub(super) step: &'a Step,
    pub(super) flow: &'a Flow,
    pub(super) scope: &'a Arc<Scope>,
    number: usize,
    is_last: bool,
}

/// The indices that lead to a step of a case, each with the names that were in scope there.
pub(super) type Trace = Vec<(usize, Arc<Scope>)>;

/// What flows return to a case while they run, for a teardown after one that was cut off in their midst.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Vec<(Arc<str>, Value)>>);

impl<'a> Within<'a> {
    /// The steps from the innermost out that ask something of the answer since it is the last one of their flows.
    pub(super) fn asking(self) -> impl Iterator<Item = &'a Used<'a>> {
        let mut is_last = self.is_last;
        self.used.iter().rev().take_while(move |used| std::mem::replace(&mut is_last, used.is_last))
    }

    /// Tells whether the answer to the step is what comes of the case's own step: of a flow the last one counts.
    pub(super) fn is_outcome(self) -> bool {
        self.asking().count() == self.used.len()
    }

    /// Keeps what a step of a flow captured, if it comes out of all flows around it.
    pub(super) fn keep(self, captured: &[(Arc<str>, Value)]) {
        if let (Some(kept), false) = (self.kept, self.used.is_empty()) {
            let comes_out = |name: &Arc<str>| self.used.iter().all(|used| used.flow.returns.contains(name));
            kept.lock().extend(captured.iter().filter(|(name, _)| comes_out(name)).cloned());
        }
    }

    /// The place of the step, or of what uses its flow, among those of the case.
    pub(super) fn place(self) -> usize {
        self.used.first().map_or(self.number, |used| used.number)
    }

    /// Tells the way to the step, which sees these names.
    pub(super) fn trace(self, scope: &Arc<Scope>) -> Trace {
        let above = self.used.iter().map(|used| (used.number, Arc::clone(used.scope)));
        above.chain([(self.number, Arc::clone(scope))]).collect()
    }
}

/// Goes a way once more: the step at its end, the uses of flows on it, and whether the step is the last one there.
pub(super) fn retrace<'s>(mut steps: &'s [Step], trace: &'s Trace) -> Option<(&'s Step, Vec<Used<'s>>, bool)> {
    let mut all = Vec::new();
    for (number, scope) in trace {
        let (step, is_last) = (steps.get(*number)?, number + 1 == steps.len());
        match &step.ask {
            Ask::Use(flow) if all.len() + 1 < trace.len() => {
                all.push(Used { step, flow, scope, number: *number, is_last });
                steps = &flow.steps;
            }
            Ask::Use(_) | Ask::Request(_) | Ask::Submit(_) | Ask::Talk(..) => return Some((step, all, is_last)),
        }
    }
    None
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
            let mut ground = self.ground(flow.ground, cast);
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
            let mut cookies = match step.cookies(&self.scope_of(cast.actor(caller))) {
                Ok(cookies) => cookies,
                Err(error) => return self.unsent(step, cast.actor(caller), error.into()),
            };
            let outer = self.cookies.iter().filter(|(name, _)| cookies.iter().all(|(own, _)| own != name));
            let outer: Vec<_> = outer.cloned().collect();
            cookies.extend(outer);
            let Within { number, is_last, .. } = self.within;
            let mut used = self.within.used.to_vec();
            used.push(Used { step, flow, scope: self.scope, number, is_last });
            let run = StepRun { last: None, within: Within { used: &used, ..self.within }, cookies: &cookies, ..*self };
            let mut done = Done::nothing();
            run_into(&run, &flow.steps, cast, &mut done, &mut scope).await;
            if let (Some(kept), true) = (self.within.kept, self.within.used.is_empty()) {
                // The case itself has it from here on.
                kept.take();
            }
            self.leave(step, flow, done)
        }
        .boxed()
    }

    /// What the steps of a flow see beside what they are given. Steps that were given see what whoever gave them sees,
    /// also when they are sent as nobody.
    fn ground(&self, ground: Ground, cast: &mut Cast) -> Scope {
        let Ground::Step(level) = ground else { return Scope::above(&self.world.scope) };
        let Some(giver) = self.within.used.get(level) else { return Scope::above(self.scope) };
        let actor = cast.actor(self.caller_of(giver.step));
        StepRun { scope: giver.scope, ..*self }.scope_of(actor)
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
        for record in &mut done.records {
            record.flows.insert(0, used.clone());
            // Whatever bears no name of its own is a part of what does.
            if record.name.is_none() {
                record.name = step.name.as_ref().map(ToString::to_string);
            }
        }
        done
    }
}

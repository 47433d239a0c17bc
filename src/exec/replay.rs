//! A case done once more with the good credential: the control of a request that changes something, where nothing else
//! shows that it would be allowed.
//!
//! Whoever does it again takes away what it found, so each time stands on a ground of its own: a setup, the case up to
//! the request that is sent with the defect, the teardown. Those with the defects have a ground for themselves, too, and
//! so has each defect that is to be let in.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};

use super::case::Ground;
use super::control::Probe;
use super::decide::decide;
use super::frame::{in_time, run_steps};
use super::keep::for_case;
use super::ledger::Asked;
use super::observed::Observed;
use super::play::{Play, Stillborn};
use super::rounds::run_into;
use super::settle::{hold, release};
use super::stop::Stop;
use super::suite::{self, Stand};
use super::uses::Within;
use super::{Shared, exchange, keep, pages};
use crate::event::{Phase, Reason};
use crate::http::Follow;
use crate::spec::Session;

/// The cases of a suite whose control is themselves: those that share one together.
pub(super) fn groups(shared: &Shared, suite: usize) -> Vec<Vec<usize>> {
    let plan = &shared.plan;
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for index in shared.options.order.of(plan.suites[suite].cases.clone()).into_iter().filter(|i| plan.replays(*i)) {
        let same = |group: &&mut Vec<usize>| plan.cases[group[0]].group == plan.cases[index].group;
        match groups.iter_mut().find(same) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

/// Runs such cases, one after another, between their controls.
pub(super) async fn run(shared: &Arc<Shared>, suite: usize, cases: &[usize]) {
    let Some(first) = cases.first() else { return };
    let plan = &shared.plan;
    let group = plan.cases[*first].group;
    hold(shared, group);
    let is_wanted = cases.iter().any(|case| plan.cases[*case].shape.skip.is_none());
    if is_wanted && shared.stop.state() == Stop::No {
        let probe = Probe::replay(*first);
        tokio::select! {
            _ = Box::pin(probe.observe(shared)) => {}
            _ = shared.stop.cut_off() => {}
        }
    }
    // What is to be let in takes away what the others are tried on.
    let is_taken = |case: &usize| plan.cases[*case].with.as_ref().is_some_and(|with| !with.row.expect.is_refusal());
    let (taken, refused): (Vec<usize>, Vec<usize>) = cases.iter().copied().partition(is_taken);
    for together in std::iter::once(refused).chain(taken.into_iter().map(|case| vec![case])) {
        let stand = if together.is_empty() { continue } else { Stand::set_up(shared, suite).await };
        for index in together {
            suite::run_case(Arc::clone(shared), index, stand.ground.clone()).await;
        }
        stand.tear_down(shared, suite).await;
    }
    release(shared, group).await.into_iter().for_each(|done| decide(shared, done));
}

/// Does a case once more, up to the request with the defect, which is sent as it is. Gives the requests too, but for
/// those of logins.
pub(super) fn ask(shared: &Arc<Shared>, index: usize) -> BoxFuture<'_, (Observed, u32)> {
    async move {
        let case = &shared.plan.cases[index];
        let plan = &shared.plan.suites[case.suite];
        let mut ground = suite::plain_ground(shared, case.suite);
        let mut requests = 0;
        if let Some(failure) = &ground.blocked {
            return (Observed::none(&failure.reason.message), requests);
        }
        if !plan.setup.is_empty() {
            match run_steps(shared, case.suite, &plan.setup, Phase::Setup, &ground.scope).await {
                Ok((scope, sent)) => (ground.scope, requests) = (scope, sent),
                Err((failure, sent)) => return (Observed::none(&failure.reason.message), sent),
            }
        }
        let (observed, sent) = alone(shared, index, &ground).await;
        requests += sent;
        if !plan.teardown.is_empty() {
            // The case took away what this would: that it does not hold says nothing.
            let steps = run_steps(shared, case.suite, &plan.teardown, Phase::Teardown, &ground.scope);
            requests += match in_time(shared, Box::pin(steps)).await {
                Ok(Ok((_, sent)) | Err((_, sent))) => sent,
                Err(_) => 0,
            };
        }
        (observed, requests)
    }
    .boxed()
}

/// Plays the case itself, which has its people to itself where it says so.
async fn alone(shared: &Arc<Shared>, index: usize, ground: &Ground) -> (Observed, u32) {
    let case = &shared.plan.cases[index];
    let held = for_case(shared, case).await;
    let is_alone = case.shape.session == Session::Exclusive;
    let selves = keep::selves(&shared.plan, &keep::identities(case));
    if is_alone {
        Box::pin(suite::settle_before(shared, &selves)).await;
    }
    let done = match Play::begin(shared, index, ground).await {
        Ok(mut play) => {
            let observed = play.good().await;
            play.tidy_up(observed.granted).await;
            (observed, play.done.requests)
        }
        Err(Stillborn::Blocked(failure)) => (Observed::none(&failure.reason.message), 0),
        Err(Stillborn::Errored(reason)) => (Observed::none(&reason.message), 0),
    };
    if is_alone {
        selves.into_iter().for_each(|id| shared.sessions.forget(id));
    }
    drop(held);
    done
}

impl Play<'_> {
    /// Sends what a defect is tried on as it is, after the steps that stand before it.
    async fn good(&mut self) -> Observed {
        let Some(number) = self.case.with.as_ref().map(|mutant| mutant.step) else { return Observed::none("") };
        let step = &self.case.shape.steps[number];
        let below = Arc::new(self.scope.clone());
        let run = self.step_run(Phase::Case, &below);
        let run = exchange::StepRun { within: Within { is_replay: true, ..run.within }, ..run };
        run_into(&run, &self.case.shape.steps[..number], &mut self.cast, &mut self.done, &mut self.scope).await;
        if !self.done.held() {
            let reason = self.done.reasons.first().or(self.done.blocked.as_ref().map(|failure| &failure.reason));
            let at = self.done.records.last().map(|record| record.request.clone()).unwrap_or_default();
            return Observed::none(&format!("`{at}` before it: {}", reason.map_or("", |r: &Reason| &r.message)));
        }
        let below = Arc::new(self.scope.clone());
        let run = exchange::StepRun { scope: &below, within: Within { number, ..run.within }, ..run };
        let actor = self.cast.actor(run.caller_of(step));
        let mut prepared = match run.prepare(step, actor).await {
            Ok(prepared) => prepared,
            Err(error) => return Observed::none(&error.message),
        };
        prepared.follow = Follow::No;
        if let Some((name, token)) = pages::token(run.shared, actor, &prepared) {
            prepared.request.headers.add(name, token);
        }
        if run.foreign(step, actor, &prepared).is_some() {
            return Observed::none("its credential is not bound to where it goes");
        }
        let key = run.key_of(step, actor, &prepared.request, Asked::Plainly);
        let (observed, requests) = run.good_one(step, actor, prepared, key).await;
        self.done.requests += requests;
        observed
    }
}

//! Runs a suite: setup, cases, teardown.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt as _;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

use super::alive::settle;
use super::case::{self, CaseDone, Ground, stopped};
use super::decide::decide;
use super::frame::{TEARDOWN_FAILED, in_time, run_steps};
use super::keep::Place;
use super::settle::{close, settle_of};
use super::stop::{GRACE, Stop};
use super::{Shared, keep, later, matrix, record, replay};
use crate::event::{CaseStarted, Event, Outcome, OutcomeKind, Phase, Proof, Reason, Verdict};
use crate::spec::Session;
use crate::step::IdentityId;
use crate::template::Scope;

/// What the cases of a suite stand on, and whether anything was set up for it.
pub(super) struct Stand {
    pub(super) ground: Ground,
    set_up: bool,
}

impl Stand {
    /// Runs the setup of a suite.
    pub(super) async fn set_up(shared: &Arc<Shared>, suite: usize) -> Self {
        let plan = &shared.plan.suites[suite];
        let mut ground = plain_ground(shared, suite);
        let set_up = ground.blocked.is_none() && !plan.setup.is_empty() && shared.stop.state() == Stop::No;
        if set_up {
            let steps = run_steps(shared, suite, &plan.setup, Phase::Setup, &ground.scope);
            let cut_off = shared.stop.cut_off();
            tokio::select! {
                done = steps => match done {
                    Ok((scope, requests)) => {
                        ground.scope = scope;
                        shared.limits.count(requests);
                    }
                    Err((failure, requests)) => {
                        ground.blocked = Some(failure);
                        shared.limits.count(requests);
                    }
                },
                _ = cut_off => {}
            }
        }
        Self { ground, set_up }
    }

    /// Runs the teardown, if there is anything to tear down.
    pub(super) async fn tear_down(self, shared: &Arc<Shared>, suite: usize) {
        let plan = &shared.plan.suites[suite];
        if !plan.teardown.is_empty() && (self.set_up || plan.setup.is_empty()) {
            teardown(shared, suite, &self.ground.scope).await;
        }
    }
}

/// Runs a suite that has a setup, a teardown or an order.
pub(super) async fn run(shared: Arc<Shared>, suite: usize, permit: OwnedSemaphorePermit) {
    let plan = &shared.plan.suites[suite];
    let groups = replay::groups(&shared, suite);
    // With one job the suite keeps its place until its end, or others would run between its cases.
    let mut place = Some(permit);
    if plan.cases.len() > groups.iter().map(Vec::len).sum() {
        let stand = Stand::set_up(&shared, suite).await;
        if plan.serial || shared.options.jobs == 1 {
            for index in matrix::waves(&shared, suite).into_iter().flat_map(|wave| wave.cases) {
                run_case(Arc::clone(&shared), index, stand.ground.clone()).await;
            }
        } else {
            // The suite waits for its cases; its own place is for them.
            drop(place.take());
            for wave in matrix::waves(&shared, suite) {
                run_wave(&shared, wave, &stand.ground).await;
            }
        }
        if shared.options.jobs > 1 {
            drop(place.take());
        }
        stand.tear_down(&shared, suite).await;
    }
    for group in groups {
        if place.is_none() {
            place = shared.limits.open().await;
        }
        replay::run(&shared, suite, &group).await;
    }
    drop(place);
}

async fn run_wave(shared: &Arc<Shared>, wave: matrix::Wave, ground: &Ground) {
    let mut cases = JoinSet::new();
    for index in wave.cases {
        let permit = shared.limits.open().await;
        let (shared, ground) = (Arc::clone(shared), ground.clone());
        cases.spawn(async move {
            let _permit = permit;
            run_case(shared, index, ground).await;
        });
        if !wave.at_once {
            cases.join_next().await;
        }
    }
    while cases.join_next().await.is_some() {}
}

/// What cases stand on when nothing was set up.
pub(super) fn plain_ground(shared: &Shared, suite: usize) -> Ground {
    let world = shared.worlds[shared.plan.suites[suite].world].as_ref();
    let scope = world.map_or_else(|| Arc::new(Scope::default()), |w| Arc::clone(&w.scope));
    let blocked = world.and_then(|w| w.not_ready.as_ref()).map(|not_ready| {
        let mut reason = record::reason(shared, "target-not-ready", &not_ready.message, not_ready.span, Vec::new());
        reason.shared_cause = record::dead_target(&reason.message);
        Arc::new(super::session::Failure { reason, steps: Vec::new() })
    });
    Ground { scope, blocked }
}

/// Runs one case and hands its outcome on; a panic in it is an errored case.
pub(super) async fn run_case(shared: Arc<Shared>, index: usize, ground: Ground) {
    if let Stop::Soon(why) | Stop::Now(why) = shared.stop.state() {
        let done = stopped(&shared, index, why, "not started");
        close(&shared, index, done).await.into_iter().for_each(|done| decide(&shared, done));
        return;
    }
    let case = &shared.plan.cases[index];
    let held = tokio::select! {
        held = keep::for_case(&shared, case) => held,
        _ = shared.stop.cut_off() => Vec::new(),
    };
    if let Stop::Soon(why) | Stop::Now(why) = shared.stop.state() {
        let done = stopped(&shared, index, why, "not started");
        close(&shared, index, done).await.into_iter().for_each(|done| decide(&shared, done));
        return;
    }
    let alone = case.shape.session == Session::Exclusive;
    if alone {
        Box::pin(settle_before(&shared, &keep::selves(&shared.plan, &keep::identities(case)))).await;
    }
    let number = u32::try_from(index).unwrap_or(u32::MAX);
    let running = shared.stop.enter();
    shared.emit(Event::CaseStarted(CaseStarted { index: number, id: record::label(&shared, &case.id) }));
    // The future of a case is large: boxed, it stays where it is. It listens for the end of the run itself.
    let working = AssertUnwindSafe(Box::pin(case::run(&shared, index, &ground))).catch_unwind();
    let done = working.await.unwrap_or_else(|_| {
        case::went_wrong(&shared, index, "authspec went wrong in this case; the others are not touched")
    });
    drop(running);
    if alone {
        // Whatever the case did to the account, the next one logs in anew.
        for id in keep::selves(&shared.plan, &keep::identities(case)) {
            shared.sessions.forget(id);
        }
    }
    close(&shared, index, done).await.into_iter().for_each(|done| decide(&shared, done));
    drop(held);
    later::ask(&shared, Place::Given).await;
}

/// Settles what the sessions of identities have yet to show, before a case takes these for itself.
pub(super) async fn settle_before(shared: &Arc<Shared>, ids: &[IdentityId]) {
    tokio::select! {
        () = settle(shared, ids) => {}
        _ = shared.stop.cut_off() => {}
    }
    settle_of(shared, ids).await.into_iter().for_each(|done| decide(shared, done));
}

async fn teardown(shared: &Arc<Shared>, suite: usize, scope: &Arc<Scope>) {
    let plan = &shared.plan.suites[suite];
    let clock = Instant::now();
    let steps = run_steps(shared, suite, &plan.teardown, Phase::Teardown, scope);
    let (reason, steps, requests) = match in_time(shared, Box::pin(steps)).await {
        Ok(Ok((_, requests))) => return shared.limits.count(requests),
        Ok(Err((failure, requests))) => (failure.reason.clone(), failure.steps.clone(), requests),
        Err(why) => {
            let message = format!("the teardown of `{}` {why}", plan.name);
            (record::reason(shared, TEARDOWN_FAILED, &message, plan.span, Vec::new()), Vec::new(), 0)
        }
    };
    let offset = shared.plan.cases.len() + suite;
    let reason = Reason { shared_cause: None, ..reason };
    let outcome = Outcome {
        index: u32::try_from(offset).unwrap_or(u32::MAX),
        kind: OutcomeKind::Teardown,
        suite,
        id: format!("{}/teardown", plan.id).into(),
        name: "teardown".to_owned(),
        tags: Vec::new(),
        place: reason.place.clone(),
        verdict: Verdict::Errored,
        spared: false,
        reasons: vec![reason],
        proof: Proof::default(),
        access: None,
        with: None,
        controls: Vec::new(),
        causes: Vec::new(),
        server: None,
        steps,
        case_steps: plan.teardown.len(),
        attempts: 1,
        elapsed: clock.elapsed(),
        waited: std::time::Duration::ZERO,
        requests,
    };
    decide(shared, CaseDone { outcome, refusals: Vec::new(), claims: Vec::new() });
}

/// Lets running cases finish for a while after an interrupt, then cuts them off.
pub(super) async fn enforce(shared: Arc<Shared>) {
    let why = shared.stop.hurried().await;
    tokio::time::sleep(GRACE).await;
    shared.stop.now(why);
}

//! Refreshes of one session at the same moment: `request: refresh` that is sent `together`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use tokio::sync::Barrier;

use super::cast::Cast;
use super::done::Done;
use super::drive::{self, Driven};
use super::exchange::StepRun;
use super::lend::says_nothing;
use super::login::{Entry, Sharing};
use super::race::Runner;
use super::scheme::{Stillborn, Talker, leaves_open, spend};
use super::talked::Gave;
use super::uses::Within;
use super::variation::Talking;
use super::world::WorldRun;
use crate::spec::Talk;
use crate::step::{Caller, IdentityId, Step};

/// Where the first request of a talk waits, on a connection of its own, for those that leave with it.
#[derive(Debug)]
pub(super) struct Gate<'a> {
    barrier: &'a Barrier,
    passed: AtomicBool,
}

impl<'a> Gate<'a> {
    const fn new(barrier: &'a Barrier) -> Self {
        Self { barrier, passed: AtomicBool::new(false) }
    }

    /// Where to wait, for the first who asks.
    pub(super) fn pass(&self) -> Option<&'a Barrier> {
        (!self.passed.swap(true, Ordering::Relaxed)).then_some(self.barrier)
    }
}

impl StepRun<'_> {
    /// Refreshes the caller's session so many times at once, and judges the answers together. The case goes on with what
    /// the first winner was given.
    pub(super) async fn refreshes(&self, step: &Step, number: u32, cast: &mut Cast, caller: Caller) -> Done {
        let Caller::Identity(id) = caller else {
            // The plan refuses it.
            return self.unsaid(step, cast.actor(caller), "there is no refresh for nobody");
        };
        let headers = match step.headers(&self.scope_of(cast.actor(caller))) {
            Ok(headers) => headers,
            Err(error) => return self.unsent(step, cast.actor(caller), error.into()),
        };
        if let Some(why) = self.spent(step, Talk::Refresh, id, cast) {
            return self.unsaid(step, cast.actor(caller), &why);
        }
        let entry = || Entry::of(self.shared, id, Sharing::Fresh);
        let own = entry();
        let world = match own.world() {
            Ok(world) => world,
            Err(failure) => return self.blocked(step, cast.actor(caller), failure),
        };
        let mut talkers = Vec::new();
        for _ in 0..number {
            match self.with_session(Talk::Refresh, entry(), cast) {
                Ok(talker) => talkers.push(talker),
                Err(Stillborn::Blocked(failure)) => return self.blocked(step, cast.actor(caller), failure),
                Err(Stillborn::Unsaid(why)) => return self.unsaid(step, cast.actor(caller), &why),
            }
        }
        let (mut runners, mut given) = (Vec::new(), Vec::new());
        let (mut requests, mut is_open) = (0, false);
        let all = self.at_once((step, &headers), id, world, &mut talkers).await;
        for (talker, driven) in talkers.iter_mut().zip(all) {
            let Driven { credential, origins, done, strayed, .. } = driven;
            is_open |= credential.is_some() || leaves_open(&done);
            let gave = Gave { credential: credential.is_some(), strayed, began: own.began };
            let done = self.judge_talk(step, (&mut talker.inside.nobody, id), gave, done).await;
            let Some(trail) = done.last.clone() else { return done };
            requests += done.requests;
            runners.push(Runner { trail, done });
            given.push((credential, origins));
        }
        let first = runners.iter().position(Runner::won).unwrap_or(0);
        let mut done = self.result(step, cast.actor(caller), &mut runners, first);
        done.requests = requests;
        // An answer that says nothing of who asks leaves open who would have won: a premise is about that one.
        let mute = runners.iter().find(|runner| says_nothing(&runner.trail));
        done.last = mute.or(runners.get(first)).map(|runner| runner.trail.clone());
        spend(Talk::Refresh, &[], is_open, cast.identities.get(&id));
        let (credential, origins) = given.swap_remove(first);
        if let Some(credential) = credential.filter(|_| done.held()) {
            let talker = talkers.swap_remove(first);
            // Whether the winner's tokens outlive the others is for the case to ask.
            self.go_on((Talk::Refresh, false), talker, (world, credential, origins), cast, &mut done).await;
        }
        done
    }

    async fn at_once(
        &self,
        (step, headers): (&Step, &[(Arc<str>, String)]),
        id: IdentityId,
        world: &WorldRun,
        talkers: &mut [Talker<'_>],
    ) -> Vec<Driven> {
        let barrier = Barrier::new(talkers.len());
        let gates: Vec<Gate<'_>> = talkers.iter().map(|_| Gate::new(&barrier)).collect();
        let talks = talkers.iter_mut().zip(&gates).map(|(talker, gate)| async move {
            let (answers, timeout) = (step.handshake, step.timeout);
            let (talk, gate) = (Talk::Refresh, Some(gate));
            // Whoever waits and asks again was not sent at once.
            let (variations, waits, is_exact) = (&[][..], false, true);
            let talking = Talking { talk, variations, headers, answers, waits, is_exact, timeout, gate };
            let (scope, stand_in, within, talking) = (&world.scope, Caller::Nobody, Within::default(), Some(talking));
            let run =
                StepRun { world, scope, stand_in, case: None, last: None, within, talking, cookies: &[], ..*self };
            let driven = Box::pin(drive::drive(&run, id, talker.flow.as_mut(), &mut talker.inside)).await;
            // Whoever sent nothing keeps nobody waiting.
            if let Some(barrier) = gate.and_then(Gate::pass) {
                barrier.wait().await;
            }
            driven
        });
        join_all(talks).await
    }
}

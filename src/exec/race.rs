//! One step sent several times at once: which of the answers got what was there to get.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Barrier;

use super::actor::Actor;
use super::done::{Done, Ended};
use super::exchange::{StepRun, count, with_token};
use super::judge;
use super::ledger::{Asked, RequestKey};
use super::matrix::Got;
use super::travel::Way;
use super::witness::Seen;
use crate::check::{self, Checked, Fetched};
use crate::event::Reason;
use crate::http::Trail;
use crate::step::{Prepared, Step};

/// One of the answers, judged by itself.
pub(super) struct Runner {
    pub(super) trail: Arc<Trail>,
    pub(super) done: Done,
}

impl Runner {
    /// Tells whether the answer met all expectations; a capture is none.
    pub(super) fn won(&self) -> bool {
        match self.trail.error {
            None => self.done.ended != Ended::Failed,
            Some(_) => self.done.held(),
        }
    }
}

impl StepRun<'_> {
    /// Sends a step so many times at once, each on a connection of its own and all in flight together.
    pub(super) async fn race(&self, step: &Step, number: u32, actor: &mut Actor) -> Done {
        let mut all = Vec::new();
        for _ in 0..number {
            match self.prepare(step, actor).await {
                Ok(prepared) => all.push(with_token(self.shared, actor, prepared)),
                Err(error) => return self.unsent(step, actor, error),
            }
        }
        if let Some(done) = all.iter().find_map(|prepared| self.foreign(step, actor, prepared)) {
            return done;
        }
        let key = |prepared: &Prepared| self.key_of(step, actor, &prepared.request, Asked::Plainly);
        let keys: Vec<RequestKey> = all.iter().map(key).collect();
        let senders: Vec<_> = all.iter().map(|prepared| self.sender(prepared, actor)).collect();
        let since = self.shared.ledger.tick();
        let (trails, jars) = self.send_at_once(step, actor, all).await;
        let requests = trails.iter().map(count).sum();
        let at = self.shared.ledger.tick();
        let mut runners = Vec::new();
        for (i, trail) in trails.into_iter().enumerate() {
            let seen = Seen { key: keys[i], sender: senders[i], since, at };
            let fetched = self.fetch(step, actor, &trail).await;
            let mut done = self.judge(step, actor, &trail, &fetched);
            self.tell(actor, &trail);
            self.remember(step, actor, &trail, &mut done, seen);
            runners.push(Runner { trail: Arc::new(trail), done });
        }
        // What the winner was given is what the case goes on with.
        let first = runners.iter().position(Runner::won).unwrap_or(0);
        if let Some(jar) = jars.into_iter().nth(first) {
            actor.jar = jar;
        }
        if let Some(runner) = runners.get(first) {
            actor.keep_page(&runner.trail);
        }
        let mut done = self.result(step, actor, &mut runners, first);
        done.requests = requests;
        if let Some(runner) = runners.get(first) {
            self.note_ender(step, &runner.trail, &mut done, (senders[first], since));
            done.last = Some(Arc::clone(&runner.trail));
        }
        done
    }

    async fn send_at_once(
        &self,
        step: &Step,
        actor: &Actor,
        all: Vec<Prepared>,
    ) -> (Vec<Trail>, Vec<crate::http::jar::Jar>) {
        let Some(any) = all.first() else { return (Vec::new(), Vec::new()) };
        // They are one step: waiting for a place each would take them apart.
        let _slot = self.shared.limits.slot(&any.request).await;
        let gate = Barrier::new(all.len());
        let gate = &gate;
        let journeys = all.into_iter().map(|prepared| async move {
            let mut jar = actor.jar.clone();
            let trail = self.travel(step, &actor.who, &mut jar, prepared, Way { gate: Some(gate), own: None }).await;
            (trail, jar)
        });
        join_all(journeys).await.into_iter().unzip()
    }

    /// Judges the answers together.
    pub(super) fn result(&self, step: &Step, actor: &Actor, runners: &mut [Runner], first: usize) -> Done {
        let mut reasons = Vec::new();
        let about = |at: usize, reason: &Reason| Reason { step: Some(at), ..reason.clone() };
        let mut ended = Ended::Held;
        let counted = step.expect.checks.iter().any(|placed| placed.check.counts_winners());
        if let Some(lost) = runners.iter().position(|r| r.trail.error.is_some() && !r.won()) {
            // Without all answers nobody knows who won.
            ended = runners[lost].done.ended;
            reasons.extend(runners[lost].done.reasons.iter().map(|r| about(lost, r)));
        } else if counted {
            reasons = self.count_winners(step, runners);
            if !reasons.is_empty() {
                ended = Ended::Failed;
            }
        } else if let Some(lost) = runners.iter().position(|r| !r.won()) {
            ended = Ended::Failed;
            reasons.extend(runners[lost].done.reasons.iter().map(|r| about(lost, r)));
        }
        let winner = runners.get(first).filter(|r| r.won());
        if let Some(winner) = winner.filter(|w| w.done.ended == Ended::Errored && ended == Ended::Held) {
            ended = Ended::Errored;
            reasons.extend(winner.done.reasons.iter().map(|r| about(first, r)));
        }
        let records = runners
            .iter()
            .map(|r| {
                let judged = r.done.records.last();
                let (held, broken) = judged.map_or((0, 0), |r| (r.held, r.broken));
                self.record(step, actor, Some(&r.trail), ended, held, broken)
            })
            .collect();
        let (captured, beyond) = winner.map(|w| (w.done.captured.clone(), w.done.beyond.clone())).unwrap_or_default();
        let mut done = Done { ended, records, captured, beyond, reasons, ..Done::nothing() };
        for (i, runner) in runners.iter_mut().enumerate() {
            done.allowed.append(&mut runner.done.allowed);
            done.allowed_to = done.allowed_to.or(runner.done.allowed_to);
            done.cell = Got::of_both(done.cell, runner.done.cell);
            let refused = runner.done.refused.drain(..).map(|r| super::ledger::Refusal { step: i, ..r });
            // All are one claim.
            done.refused.extend(refused.take(usize::from(done.refused.is_empty())));
        }
        done
    }

    fn count_winners(&self, step: &Step, runners: &[Runner]) -> Vec<Reason> {
        let winners = runners.iter().filter(|r| r.won()).count();
        let Some((trail, response)) = runners.first().and_then(|r| Some((&r.trail, r.trail.response()?))) else {
            return Vec::new();
        };
        let fetched = Fetched::new();
        let mut seen = check::Seen::new(trail, response, self.scope, &fetched, jiff::Timestamp::now());
        seen.winners = u32::try_from(winners).ok();
        let mut reasons = Vec::new();
        for placed in step.expect.checks.iter().filter(|placed| placed.check.counts_winners()) {
            let checked = match placed.check.judge(&seen) {
                Checked::Broken { expected, actual } => {
                    Checked::Broken { expected, actual: format!("{actual} of {}: {}", runners.len(), answers(runners)) }
                }
                other => other,
            };
            // The last winner is one too many, or there was none and the first one lost.
            let about = runners.iter().rposition(Runner::won).unwrap_or(0);
            reasons.extend(
                judge::reason(self.shared, placed.span, &placed.subject, checked)
                    .map(|r| Reason { step: Some(about), ..r }),
            );
        }
        if winners == 0 && !reasons.is_empty() {
            reasons.extend(runners.first().into_iter().flat_map(|r| r.done.reasons.clone()));
        }
        reasons
    }
}

/// The answers by status: `1 × 201, 9 × 409`.
fn answers(runners: &[Runner]) -> String {
    let mut by_status: BTreeMap<u16, usize> = BTreeMap::new();
    for status in runners.iter().filter_map(|r| r.trail.response()).map(|r| r.status) {
        *by_status.entry(status).or_default() += 1;
    }
    let words: Vec<String> = by_status.iter().map(|(status, times)| format!("{times} × {status}")).collect();
    words.join(", ")
}

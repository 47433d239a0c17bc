//! One try of a case: its people get their sessions, its steps run, and its teardown tidies up.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use jiff::Timestamp;

use super::access::may_end_session;
use super::actor::Ownership;
use super::alive::ask_after;
use super::case::{CaseDone, Ground, blank, stopped};
use super::cast::Cast;
use super::done::{Done, Ended};
use super::exchange::StepRun;
use super::frame::{TEARDOWN_FAILED, in_time};
use super::ledger::Sender;
use super::rounds::run_into;
use super::session::{Failure, Session};
use super::uses::{Kept, Within};
use super::world::WorldRun;
use super::{Shared, matrix, record, undisturbed};
use crate::check::Side;
use crate::event::{Outcome, Phase, Reason, StepRecord, Stopped, Verdict};
use crate::plan::Case;
use crate::source::Span;
use crate::spec::Talk;
use crate::step::Ask;
use crate::template::{Scope, from_json};

/// Plays a case once.
pub(super) async fn once(shared: &Arc<Shared>, index: usize, ground: &Ground) -> CaseDone {
    let case = &shared.plan.cases[index];
    let outcome = blank(shared, index, case);
    if let Some(failure) = &ground.blocked {
        return blocked(outcome, failure);
    }
    shared.doing.begin(&case.id);
    let amiss = tokio::select! {
        amiss = undisturbed::amiss(shared, index, ground) => amiss,
        _ = shared.stop.cut_off() => None,
    };
    let mut done = play(shared, index, ground, outcome).await;
    undisturbed::weigh(shared, &mut done, amiss);
    shared.doing.end(&case.id);
    done
}

async fn play(shared: &Arc<Shared>, index: usize, ground: &Ground, outcome: Outcome) -> CaseDone {
    let begun = tokio::select! {
        begun = Play::begin(shared, index, ground) => begun,
        why = shared.stop.cut_off() => return stopped(shared, index, why, "cut off while its people logged in"),
    };
    let mut play = match begun {
        Ok(play) => play,
        Err(Stillborn::Blocked(failure)) => return blocked(outcome, &failure),
        Err(Stillborn::Errored(reason)) => {
            let reasons = vec![*reason];
            return CaseDone {
                outcome: Outcome { verdict: Verdict::Errored, reasons, ..outcome },
                refusals: Vec::new(),
                claims: Vec::new(),
            };
        }
    };
    let cut = tokio::select! {
        () = Box::pin(play.steps()) => None,
        why = shared.stop.cut_off() => Some(why),
    };
    if cut.is_some() {
        play.note_cut();
    }
    play.tidy_up(cut.is_none()).await;
    match cut {
        Some(why) if play.left.is_empty() => play.cut_off(why),
        Some(_) | None => play.end(outcome),
    }
}

/// Why a case did not even begin.
pub(super) enum Stillborn {
    /// Somebody could not log in.
    Blocked(Arc<Failure>),
    /// Its row or one of its variables could not be computed.
    Errored(Box<Reason>),
}

/// A case on its way.
pub(super) struct Play<'a> {
    shared: &'a Arc<Shared>,
    pub(super) case: &'a Case,
    index: usize,
    world: &'a WorldRun,
    pub(super) cast: Cast,
    /// What its steps see: what was captured so far, over all below.
    pub(super) scope: Scope,
    pub(super) done: Done,
    /// What flows that are not over yet return.
    kept: Arc<Kept>,
    /// Why the teardown did not work.
    left: Vec<Reason>,
    /// Where it was cut off, if it was.
    cut: String,
}

impl<'a> Play<'a> {
    /// Gets everybody a session, and the row and the variables their values.
    pub(super) async fn begin(shared: &'a Arc<Shared>, index: usize, ground: &Ground) -> Result<Self, Stillborn> {
        let case = &shared.plan.cases[index];
        let cast = Cast::assemble(shared, case).await.map_err(Stillborn::Blocked)?;
        let fault = |message: &str, span| {
            Stillborn::Errored(Box::new(record::reason(shared, "template", message, span, Vec::new())))
        };
        let world = shared.worlds[shared.plan.suites[case.suite].world].as_ref();
        let world = world.ok_or_else(|| fault("its world was not started", Span::NONE))?;
        let mut scope = Scope::above(&ground.scope);
        cast.show_sessions(shared, &mut scope);
        let row = case.row.iter().map(|row| (Arc::from("row"), &row.value));
        let vars = case.shape.vars.iter().map(|var| (Arc::clone(&var.name), &var.value));
        for (name, tree) in row.chain(vars) {
            let value = tree.value(&scope);
            let value = value.map_err(|e| fault(&format!("`{name}` cannot be computed: {}", e.message), e.span))?;
            scope.set(name, from_json(&value));
        }
        let (done, kept, left, cut) = (Done::nothing(), Arc::default(), Vec::new(), String::new());
        Ok(Self { shared, case, index, world, cast, scope, done, kept, left, cut })
    }

    /// Runs the steps, up to the first that does not hold.
    async fn steps(&mut self) {
        let below = Arc::new(self.scope.clone());
        let kept = Arc::clone(&self.kept);
        let run = self.step_run(Phase::Case, &below);
        let run = StepRun { within: Within { kept: Some(&kept), ..run.within }, ..run };
        run_into(&run, &self.case.shape.steps, &mut self.cast, &mut self.done, &mut self.scope).await;
        self.look_after().await;
    }

    /// Where nothing that a case did can have ended a session, asks whether those of its own outlived their refusals.
    async fn look_after(&mut self) {
        let alone = matches!(&*self.done.records, [_]);
        let lasting = alone || !self.done.records.iter().any(|record| self.may_have_ended(record));
        if !lasting || !self.done.held() || self.case.with.is_some() || self.case.shape.pauses() {
            return;
        }
        let mut found = HashMap::new();
        for refusal in &mut self.done.refused {
            let Sender::Identity { id, ownership: Ownership::Fresh, .. } = refusal.sender else { continue };
            let Some(actor) = self.cast.identities.get(&id) else { continue };
            let over = |session: &Session| session.credential.expires.is_some_and(|at| at <= Timestamp::now());
            // What was allowed before and is refused now is what the case is about.
            let is_end = refusal.earlier.contains(&refusal.key);
            if is_end || actor.who.session().is_none_or(|(_, session)| over(session)) {
                continue;
            }
            if let Entry::Vacant(first) = found.entry(id) {
                let mut cast = Cast::alone(actor.clone());
                first.insert(ask_after(self.shared, id, &refusal.earlier, &mut cast).await);
                // It may have been given a new cookie.
                self.cast.identities.insert(id, cast.nobody);
            }
            refusal.after = found.get(&id).copied().flatten();
        }
    }

    /// Tells whether a step may have ended the session that it was sent with.
    fn may_have_ended(&self, record: &StepRecord) -> bool {
        let number = record.number.split('.').next().and_then(|number| number.parse::<usize>().ok());
        let step = number.and_then(|number| self.case.shape.steps.get(number.checked_sub(1)?));
        let enters = step.is_some_and(|step| matches!(step.ask, Ask::Talk(Talk::Login, _)));
        let refused = matches!(record.status, Some(401 | 403 | 404));
        !record.skipped && !enters && !refused && may_end_session(&record.request)
    }

    pub(super) fn step_run<'s>(&self, phase: Phase, scope: &'s Arc<Scope>) -> StepRun<'s>
    where
        'a: 's,
    {
        let case = (phase == Phase::Case).then_some(self.index);
        let stand_in = self.case.caller;
        StepRun { stand_in, case, ..StepRun::plain(self.shared, self.world, (phase, &self.case.id), scope) }
    }

    /// Notes where the steps were cut off, before a teardown comes between.
    fn note_cut(&mut self) {
        let doing = self.shared.doing.end(&self.case.id);
        let whole = |number: &str| number.split('.').next().and_then(|n| n.parse::<usize>().ok());
        let step = self.done.records.last().and_then(|r| whole(&r.number)).unwrap_or(0);
        let of = self.case.shape.steps.len();
        let waits = doing.waits.map(|what| format!(", waiting {what}")).unwrap_or_default();
        self.cut = format!("cut off in step {} of {of}{waits}", (step + 1).min(of));
        self.done.requests = self.done.requests.max(doing.requests);
    }

    /// Makes the outcome of a case that was cut off: what it did up to then is kept.
    fn cut_off(self, why: Stopped) -> CaseDone {
        let mut done = stopped(self.shared, self.index, why, &self.cut);
        done.outcome.requests = self.done.requests;
        done.outcome.waited = self.done.waited;
        done.outcome.steps = self.done.records;
        done
    }

    /// Runs the teardown; `whole` tells whether the steps came to their end or to their fault.
    pub(super) async fn tidy_up(&mut self, whole: bool) {
        if self.case.shape.teardown.is_empty() {
            return;
        }
        let shared = self.shared;
        self.kept.take().into_iter().for_each(|(name, value)| self.scope.set(name, value));
        // A cell that is refused has nothing of what its request brings to those who are let in.
        let brings_all = self.case.cell.is_none_or(|cell| cell.side != Side::Refused);
        let whole = whole && self.done.held() && brings_all;
        if let Err(why) = in_time(shared, Box::pin(self.teardown(whole))).await {
            let message = format!("the teardown of this case {why}");
            self.left.push(record::reason(shared, TEARDOWN_FAILED, &message, self.case.shape.span, Vec::new()));
        }
    }

    /// Runs all steps of the teardown, whatever becomes of each.
    async fn teardown(&mut self, whole: bool) {
        let ended = self.done.ended;
        for step in &self.case.shape.teardown {
            let below = Arc::new(self.scope.clone());
            let run = self.step_run(Phase::Teardown, &below);
            let mut done = run.run(step, &mut self.cast).await;
            if !whole && done.requests == 0 && done.reasons.iter().any(|r| r.code == "template") {
                // It needs what the case never came to capture, so there is nothing to tidy up.
                continue;
            }
            for (name, value) in done.captured.drain(..) {
                self.scope.set(name, value);
            }
            let reasons = std::mem::take(&mut done.reasons);
            if !done.held() {
                let number = self.done.records.len();
                let first = reasons.into_iter().next().or_else(|| done.blocked.as_ref().map(|f| f.reason.clone()));
                let why = first.as_ref().map(|r| r.message.clone()).unwrap_or_default();
                let message = format!("the teardown of this case did not work at `{}`: {why}", step.line());
                let own = record::reason(self.shared, TEARDOWN_FAILED, &message, step.span, Vec::new());
                let (code, message) = (own.code, own.message.clone());
                let reason = first.map_or(own, |first| Reason { code, message, ..first });
                self.left.push(Reason { step: Some(number + reason.step.unwrap_or(0)), shared_cause: None, ..reason });
            }
            // What a teardown is refused proves nothing about the case.
            done.refused.clear();
            let blocked = self.done.blocked.take();
            self.done.append(done);
            (self.done.ended, self.done.blocked) = (ended, blocked);
        }
    }

    /// Makes the outcome. A teardown that did not work makes a case errored that would have passed.
    fn end(self, mut outcome: Outcome) -> CaseDone {
        let done = self.done;
        outcome.requests = done.requests;
        outcome.waited = done.waited;
        outcome.steps = done.records;
        outcome.reasons = done.reasons;
        outcome.verdict = match done.ended {
            Ended::Held if self.left.is_empty() => Verdict::Passed,
            Ended::Held => Verdict::Errored,
            Ended::Failed => Verdict::Failed,
            Ended::Errored => Verdict::Errored,
            Ended::Blocked => Verdict::Blocked,
            Ended::Inconclusive => Verdict::Inconclusive,
            Ended::Unfit => Verdict::Skipped,
        };
        outcome.with = done.mutant;
        outcome.controls = done.controls;
        if let Some(failure) = done.blocked {
            // The steps of the login stand behind those of the case.
            let first = outcome.steps.len();
            let step = failure.reason.step.map(|s| first + s);
            outcome.reasons.push(Reason { step, ..failure.reason.clone() });
            outcome.steps.extend(failure.steps.iter().cloned());
        }
        outcome.reasons.extend(self.left);
        let mut own = outcome.steps.iter().filter(|step| step.phase == Phase::Case).peekable();
        let nothing_sent = match outcome.verdict {
            Verdict::Passed if own.peek().is_some() && own.all(|step| step.skipped) => {
                Some("the `if` of every step was false")
            }
            Verdict::Passed if self.case.with.is_some() && outcome.with.is_none() => {
                Some("the `if` of the step with the defect was false, so that it was not sent")
            }
            _ => None,
        };
        if let Some(message) = nothing_sent {
            outcome.verdict = Verdict::Skipped;
            outcome.reasons.push(record::reason(self.shared, "condition", message, self.case.shape.span, Vec::new()));
        }
        matrix::conclude(self.shared, self.case, &mut outcome, done.cell);
        CaseDone { outcome, refusals: done.refused, claims: done.claims }
    }
}

fn blocked(mut outcome: Outcome, failure: &Failure) -> CaseDone {
    outcome.verdict = Verdict::Blocked;
    outcome.reasons.push(failure.reason.clone());
    outcome.steps.clone_from(&failure.steps);
    CaseDone { outcome, refusals: Vec::new(), claims: Vec::new() }
}

//! Runs steps in their time: the wait before one, its tries, and one after the other.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::access::{Said, said};
use super::actor::Actor;
use super::alive::Sample;
use super::cast::Cast;
use super::done::Done;
use super::exchange::StepRun;
use super::ledger::Weight;
use super::lend::end_of;
use super::record;
use super::uses::Within;
use crate::check::remember;
use crate::event::{Event, OTHER_CREDENTIAL, Phase, Waiting};
use crate::mutate::Aim;
use crate::spec::{Repeat, Talk};
use crate::step::{Ask, Caller, Pause, Step};
use crate::template::{Scope, TemplateError, Value};

/// The note of a step that is not tried again.
const LET_IN: &str = "not asked again: it was let in";
/// What ends the tries of a refresh before they are over.
const SPENT: &str = "not tried again: what a refresh was sent with is never sent twice";

/// Runs steps one after the other, each with what those before captured; stops at the first that does
/// not hold.
pub(super) async fn run_all(run: &StepRun<'_>, steps: &[Step], cast: &mut Cast) -> (Done, Scope) {
    let mut scope = Scope::above(run.scope);
    cast.show_sessions(run.shared, &mut scope);
    let mut all = Done::nothing();
    run_into(run, steps, cast, &mut all, &mut scope).await;
    (all, scope)
}

/// Runs steps as [`run_all`] does, and notes what each did as soon as it did it: whoever cuts this off has
/// what was done so far.
pub(super) async fn run_into(run: &StepRun<'_>, steps: &[Step], cast: &mut Cast, all: &mut Done, scope: &mut Scope) {
    for (number, step) in steps.iter().enumerate() {
        let layered = Arc::new(scope.clone());
        let within = Within { number, is_last: number + 1 == steps.len(), ..run.within };
        let inner = StepRun { scope: &layered, last: all.last.as_ref(), within, ..*run };
        let mut done = inner.run(step, cast).await;
        if done.held() {
            inner.compare_times(step, &steps[..number], cast, &mut done).await;
        } else {
            inner.confirm_difference(step, &steps[..number], cast, &mut done).await;
        }
        done.number(number + 1);
        if let (Some(case), Some(id), [key], true) =
            (run.case, done.allowed_to, &done.allowed[..], step.is_repeatable())
        {
            run.shared.ledger.sample(id, *key, || Sample { case, trace: within.trace(&layered) });
        }
        within.keep(&done.captured);
        run.keep_credential(step, &steps[number + 1..], cast, scope);
        for (name, value) in &done.captured {
            scope.set(Arc::clone(name), value.clone());
        }
        if let (Some(name), Some(answer)) = (&step.name, &done.last)
            && steps[number..].iter().any(|later| later.compares_with(name))
        {
            remember(scope, name, Arc::clone(answer));
        }
        all.append(done);
        if !all.held() {
            return;
        }
    }
}

impl StepRun<'_> {
    /// Runs a step with the credential it is to be sent with.
    pub(super) async fn run(&self, step: &Step, cast: &mut Cast) -> Done {
        let lent = step.lent.as_ref().map(|lent| self.lend(step, lent, cast)).transpose();
        let mut is_over = false;
        let mut done = match lent {
            Err(done) => *done,
            Ok(own) => {
                let end = end_of(cast.actor(self.caller_of(step)), step);
                let mut done = match &step.alone {
                    None => self.in_time(step, cast).await,
                    Some(alone) => Box::pin(self.each_alone(step, alone, cast)).await,
                };
                is_over = end.is_some_and(|end| end <= Timestamp::now());
                if let Some((caller, own)) = own {
                    *cast.actor(caller) = own;
                    let records = done.records.iter_mut().filter(|record| !record.skipped);
                    records.for_each(|record| record.notes.push(OTHER_CREDENTIAL.to_owned()));
                }
                done
            }
        };
        if step.alone.is_none() {
            self.hold_premise(step, cast, &mut done, is_over);
        }
        done
    }

    /// Runs a step in its time, unless its condition keeps it from being sent.
    pub(super) async fn in_time(&self, step: &Step, cast: &mut Cast) -> Done {
        let caller = self.caller_of(step);
        if step.is_anew {
            cast.empty_browser();
        }
        if let Some(name) = self.without_session(step, caller, cast) {
            let why = format!("`{name}` has no session: the login before gave none");
            return self.unsaid(step, cast.actor(caller), &why);
        }
        match self.condition(step, cast.actor(caller)) {
            Ok(true) => {}
            Ok(false) => return self.skipped(step, cast.actor(caller)),
            Err(error) => return self.unsent(step, cast.actor(caller), error.into()),
        }
        let mut waited = Duration::ZERO;
        if let Some(pause) = &step.pause {
            let actor = cast.actor(caller);
            match self.pause(pause, actor).await {
                Ok(time) => waited += time,
                Err(error) => return self.unsent(step, actor, error.into()),
            }
        }
        let mut done = match &step.repeat {
            None => self.tries(step, cast, caller).await,
            Some(repeat) => Box::pin(self.rounds(step, repeat, cast, caller)).await,
        };
        done.waited += waited;
        done
    }

    /// Tells whether a step's `if` lets it be sent; it sees the answer of the step before.
    fn condition(&self, step: &Step, actor: &Actor) -> Result<bool, TemplateError> {
        let Some(condition) = &step.condition else { return Ok(true) };
        let mut scope = self.scope_of(actor);
        scope.set_fields("credential", [("refreshes", Value::from(self.may_refresh(actor)))]);
        if let Some((trail, response)) = self.last.and_then(|trail| Some((trail, trail.response()?))) {
            scope.set("response", self.answer_value(step, actor, (trail, response)));
        }
        if let serde_json::Value::Bool(holds) = condition.value(&scope)? {
            return Ok(holds);
        }
        let message = format!("`{}` gives neither true nor false", condition.source());
        Err(TemplateError { message, span: condition.span(), ready_at: None })
    }

    /// Runs a step again and again, as long as every round holds.
    async fn rounds(&self, step: &Step, repeat: &Repeat, cast: &mut Cast, caller: Caller) -> Done {
        let mut all = Done::nothing();
        for round in 1..=repeat.times {
            if round > 1 {
                self.wait(repeat.every, "the next round of a step").await;
                all.waited += repeat.every;
                if step.is_anew {
                    cast.empty_browser();
                }
            }
            let mut done = self.once(step, cast, caller).await;
            done.number(round as usize);
            if !done.held()
                && let Some(record) = done.records.last_mut()
            {
                record.notes.push(format!("round {round} of {}", repeat.times));
            }
            all.append(done);
            if !all.held() {
                break;
            }
        }
        all
    }

    /// Runs a step until it holds, or its tries are over. Whoever was let in and should not have been was let in: no
    /// later refusal takes that back.
    async fn tries(&self, step: &Step, cast: &mut Cast, caller: Caller) -> Done {
        let (mut requests, mut waited) = (0, Duration::ZERO);
        let attempts = step.retry.map_or(1, |r| r.attempts);
        // A form that is sent again is the one that was sent before, not that of the answer.
        let page = cast.actor(caller).page.clone();
        let mut first_in: Option<Done> = None;
        let mut attempt = 0;
        loop {
            attempt += 1;
            cast.actor(caller).page.clone_from(&page);
            let mut done = self.once(step, cast, caller).await;
            requests += done.requests;
            // The way to the login page, where nobody said that this is what is wanted.
            if done.held() && done.refused.iter().any(|refusal| refusal.weight != Weight::Hint) {
                done = first_in.take().unwrap_or(done);
            }
            // What a refresh was sent with is never sent twice: what came of it stands.
            let is_spent = attempt < attempts && !done.held() && self.is_spent(step, cast, caller);
            if done.held() || done.let_in || is_spent || attempt >= attempts {
                if let (true, Some(record)) = (is_spent, done.records.last_mut()) {
                    record.notes.push(SPENT.to_owned());
                }
                if done.let_in && attempts > 1 {
                    done.records.iter_mut().for_each(|record| record.notes.push(LET_IN.to_owned()));
                }
                done.requests = requests;
                done.waited += waited;
                if attempt > 1
                    && let Some(record) = done.records.last_mut()
                {
                    record.notes.push(format!("asked {attempt} times"));
                }
                return done;
            }
            if is_in(step, &done) {
                first_in.get_or_insert(Done { let_in: true, ..done });
            }
            let every = step.retry.map_or(Duration::ZERO, |r| r.every);
            self.wait(every, "the next try of a step").await;
            waited += every;
        }
    }

    async fn once(&self, step: &Step, cast: &mut Cast, caller: Caller) -> Done {
        if let Some((case, mutant)) = self.mutant() {
            let done = Box::pin(self.mutated(step, case, mutant, cast.actor(caller))).await;
            return match mutant.row.aim {
                Aim::Credential | Aim::Change | Aim::Origin => done,
                Aim::Bypass => Box::pin(self.proven(step, cast, caller, done)).await,
            };
        }
        match (&step.ask, step.together) {
            (Ask::Request(_) | Ask::Submit(_), None) => {
                let done = Box::pin(self.exchange(step, cast.actor(caller))).await;
                if done.refused.is_empty() { done } else { Box::pin(self.proven(step, cast, caller, done)).await }
            }
            (Ask::Request(_) | Ask::Submit(_), Some(number)) => {
                Box::pin(self.race(step, number, cast.actor(caller))).await
            }
            (Ask::Talk(Talk::Refresh, _), Some(number)) => Box::pin(self.refreshes(step, number, cast, caller)).await,
            (Ask::Use(flow), _) => self.flow(step, flow, cast, caller).await,
            (Ask::Talk(talk, vary), _) => Box::pin(self.talk(step, (*talk, vary), cast, caller)).await,
        }
    }

    async fn pause(&self, pause: &Pause, actor: &Actor) -> Result<Duration, TemplateError> {
        let time = match pause {
            Pause::For(time) => *time,
            Pause::Until(template) => {
                let value = template.value(&self.scope_of(actor))?;
                let until = read_time(&value).ok_or_else(|| {
                    TemplateError::new("`until` is neither seconds since 1970 nor an RFC 3339 time", template.span())
                })?;
                Duration::try_from(until.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO)
            }
        };
        self.wait(time, "a pause in the suite").await;
        Ok(time)
    }

    pub(super) async fn wait_until(&self, time: Timestamp, what: &str) {
        // Once more where the clock was set back meanwhile.
        loop {
            let left = Duration::try_from(time.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO);
            if left.is_zero() {
                return;
            }
            self.wait(left, what).await;
        }
    }

    pub(super) async fn wait(&self, time: Duration, what: &str) {
        if time >= Duration::from_millis(200) {
            let waiting = Waiting { case: record::label(self.shared, self.label), what: what.to_owned(), time };
            self.shared.emit(Event::Waiting(waiting));
        }
        self.shared.doing.wait(self.label, || format!("for {what}"));
        match (self.inside, self.phase) {
            (Some(inside), _) => inside.outside(tokio::time::sleep(time)).await,
            (None, Phase::Case) => self.shared.limits.pass_time(time).await,
            (None, Phase::Setup | Phase::Teardown | Phase::Login | Phase::Refresh | Phase::Whoami) => {
                tokio::time::sleep(time).await;
            }
        }
        self.shared.doing.go_on(self.label, 0);
    }
}

/// Tells whether a request was answered as whoever may is answered.
fn is_in(step: &Step, done: &Done) -> bool {
    let is_alone = matches!(step.ask, Ask::Request(_) | Ask::Submit(_));
    is_alone && done.last.as_ref().is_some_and(|trail| said(step, trail) == Said::Allowed)
}

fn read_time(value: &serde_json::Value) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "a time is told to the millisecond")]
    let of = |seconds: f64| Timestamp::from_millisecond((seconds * 1000.0) as i64).ok();
    if let Some(seconds) = value.as_f64() {
        return of(seconds);
    }
    let text = value.as_str()?;
    text.parse::<f64>().ok().map_or_else(|| text.parse().ok(), of)
}

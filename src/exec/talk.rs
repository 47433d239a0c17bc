//! Sends one step as somebody and judges what came back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use url::Origin;

use super::actor::{Actor, Who};
use super::dress::Credential;
use super::judge::{self, Judged};
use super::ledger::{Asked, Refusal, RequestKey};
use super::record::{self, Subject};
use super::session::{Failure, Session};
use super::witness::Seen;
use super::world::WorldRun;
use super::{Keep, Shared};
use crate::capture::response_value;
use crate::event::{Event, Phase, Reason, StepRecord, Waiting};
use crate::http::{HttpError, Journey, Trail};
use crate::step::{IdentityId, Pause, Prepared, Step};
use crate::template::{Scope, TemplateError, Value};

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Everything held.
    Held,
    /// A check did not hold.
    Failed,
    /// There was no answer to judge, or a capture found nothing.
    Errored,
    /// The session ended and could not be renewed.
    Blocked,
}

/// What a step left behind.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) ended: Ended,
    pub(super) record: StepRecord,
    pub(super) captured: Vec<(Arc<str>, Value)>,
    pub(super) reasons: Vec<Reason>,
    /// Set when the step was refused as it expected.
    pub(super) refused: Option<Refusal>,
    /// What the step was allowed.
    pub(super) allowed: Option<RequestKey>,
    /// The identity whose credential it was allowed with.
    pub(super) allowed_to: Option<IdentityId>,
    /// Why the session could not be renewed.
    pub(super) blocked: Option<Arc<Failure>>,
    pub(super) requests: u32,
    pub(super) waited: Duration,
}

impl Done {
    /// A step that ended without an answer.
    fn empty(record: StepRecord) -> Self {
        Self {
            ended: Ended::Errored,
            record,
            captured: Vec::new(),
            reasons: Vec::new(),
            refused: None,
            allowed: None,
            allowed_to: None,
            blocked: None,
            requests: 0,
            waited: Duration::ZERO,
        }
    }
}

/// What running a step needs.
pub(super) struct StepRun<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) world: &'a WorldRun,
    pub(super) phase: Phase,
    /// The case's id, for events; the identity's name for logins.
    pub(super) label: &'a Arc<str>,
    /// Captures so far and all below.
    pub(super) scope: &'a Arc<Scope>,
}

impl StepRun<'_> {
    /// Runs a step with its pause and its retries.
    pub(super) async fn run(&self, step: &Step, actor: &mut Actor) -> Done {
        let mut waited = Duration::ZERO;
        if let Some(pause) = &step.pause {
            match self.pause(pause, actor).await {
                Ok(time) => waited += time,
                Err(error) => return self.unsent(step, actor, &error),
            }
        }
        let mut requests = 0;
        let attempts = step.retry.map_or(1, |r| r.attempts);
        for attempt in 1.. {
            let mut done = self.once(step, actor).await;
            requests += done.requests;
            if done.ended == Ended::Held || attempt >= attempts {
                done.requests = requests;
                done.waited += waited;
                if attempt > 1 {
                    done.record.notes.push(format!("asked {attempt} times"));
                }
                return done;
            }
            let every = step.retry.map_or(Duration::ZERO, |r| r.every);
            self.wait(every, "the next try of a step").await;
            waited += every;
        }
        unreachable!("the loop returns at its last attempt")
    }

    async fn pause(&self, pause: &Pause, actor: &Actor) -> Result<Duration, TemplateError> {
        let time = match pause {
            Pause::For(time) => *time,
            Pause::Until(template) => {
                let value = template.value(&self.scope_of(actor))?;
                let until = read_time(&value).ok_or_else(|| TemplateError {
                    message: "`until` is neither seconds since 1970 nor an RFC 3339 time".to_owned(),
                    span: template.span(),
                })?;
                Duration::try_from(until.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO)
            }
        };
        self.wait(time, "a pause in the suite").await;
        Ok(time)
    }

    async fn wait(&self, time: Duration, what: &str) {
        if time >= Duration::from_millis(200) {
            let waiting = Waiting { case: Arc::clone(self.label), what: what.to_owned(), time };
            self.shared.emit(Event::Waiting(waiting));
        }
        match self.phase {
            Phase::Case => self.shared.limits.pass_time(time).await,
            Phase::Setup | Phase::Teardown | Phase::Login | Phase::Refresh | Phase::Whoami => {
                tokio::time::sleep(time).await;
            }
        }
    }

    async fn once(&self, step: &Step, actor: &mut Actor) -> Done {
        if let Err(failure) = self.keep_alive(actor).await {
            return self.blocked(step, actor, failure);
        }
        let scope = self.scope_of(actor);
        let prepared = match step.prepare(&scope, &self.world.base) {
            Ok(prepared) => prepared,
            Err(error) => return self.unsent(step, actor, &error),
        };
        let asked = if self.phase == Phase::Whoami { Asked::Whoami } else { Asked::Plainly };
        let key = RequestKey::of(&prepared.request.method, &prepared.request.address.to_string(), asked);
        let sender = self.sender(&prepared, actor);
        if let Some(done) = self.foreign(step, actor, &prepared) {
            return done;
        }
        let mut trail = self.send(step, actor, prepared).await;
        let mut requests = count(&trail);
        match self.renew(actor, sender, &trail).await {
            Ok(None) => {}
            Ok(Some(renewed)) => {
                actor.take_over(&renewed);
                let scope = self.scope_of(actor);
                if let Ok(again) = step.prepare(&scope, &self.world.base) {
                    trail = self.send(step, actor, again).await;
                    trail.notes.push("sent again with a newer session after a 401".to_owned());
                    requests += count(&trail);
                    self.note_futile(actor, &trail);
                }
            }
            Err(failure) => return Done { requests, ..self.blocked(step, actor, failure) },
        }
        let at = self.shared.ledger.tick();
        let mut done = self.judge(step, actor, &trail);
        done.requests = requests;
        self.remember(step, actor, &trail, &mut done, Seen { key, sender, at });
        self.note_ender(step, &trail, &mut done, sender);
        done
    }

    /// A step that would carry a credential to an origin it is not bound to is never sent.
    fn foreign(&self, step: &Step, actor: &Actor, prepared: &Prepared) -> Option<Done> {
        let Who::Identity(id, session, _) = &actor.who else { return None };
        let origins = self.origins(session);
        if origins.contains(&prepared.request.address.origin()) {
            return None;
        }
        let name = &self.shared.plan.identities[id.0 as usize].name;
        let base = prepared.request.address.base();
        let message = format!("the credential of `{name}` is not bound to {base}, so nothing was sent");
        let help = format!("if {base} may see it, add it under `origins:`; otherwise send the step `as: anonymous`");
        let reason = self.reason("other-origin", &message, step.span, vec![help]);
        Some(self.without_answer(step, actor, reason))
    }

    fn origins(&self, session: &Session) -> Vec<Origin> {
        session.origins.iter().chain(&self.world.origins).cloned().collect()
    }

    async fn send(&self, step: &Step, actor: &mut Actor, prepared: Prepared) -> Trail {
        let _slot = self.shared.limits.slot(&prepared.request).await;
        let timeout = step.timeout.unwrap_or(self.shared.options.timeout);
        let session = match &actor.who {
            Who::Identity(id, session, _) => Some((*id, Arc::clone(session))),
            Who::Nobody | Who::Anonymous | Who::Entering(..) => None,
        };
        let mut dress = Credential {
            shared: self.shared,
            origins: session.as_ref().map(|(_, s)| self.origins(s)),
            session,
            removed: prepared.removed,
            fault: None,
        };
        let journey = Journey {
            transport: &self.world.transport,
            jar: &mut actor.jar,
            cookies: prepared.cookies,
            follow: step.follow,
            timeout,
        };
        let mut trail = journey.go(prepared.request, &mut dress).await;
        if let Some(why) = dress.fault {
            trail.error = Some(HttpError::BadRequest { why });
        }
        trail
    }

    /// The names that the step's templates see.
    pub(super) fn scope_of(&self, actor: &Actor) -> Scope {
        let mut scope = Scope::above(self.scope);
        match &actor.who {
            Who::Nobody | Who::Anonymous => {}
            Who::Entering(_, fields) => copy(fields, &mut scope),
            Who::Identity(_, session, _) => copy(&session.scope, &mut scope),
        }
        let now = Timestamp::now();
        if !actor.jar.is_empty(now) {
            let cookies = actor.jar.iter(now).map(|c| {
                let name = String::from_utf8_lossy(c.name.as_bytes()).into_owned();
                (name, Value::from(percent_decoded(&c.value.text())))
            });
            scope.set_fields("jar", cookies.collect::<Vec<_>>());
        }
        scope
    }

    fn judge(&self, step: &Step, actor: &Actor, trail: &Trail) -> Done {
        let Some(response) = trail.response().filter(|_| trail.error.is_none()) else {
            let error = trail.error.clone().unwrap_or(HttpError::Closed);
            let reason = self.reason(error.code(), &error.to_string(), step.span, error.help());
            let mut done = self.without_answer(step, actor, reason);
            done.record = self.record(step, actor, Some(trail), Ended::Errored, 0, 0);
            return done;
        };
        record::know_cookies(self.shared, trail, self.owner(actor));
        let mut scope = self.scope_of(actor);
        scope.set("response", response_value(trail, response));
        let mut captured = Vec::new();
        let mut reasons = Vec::new();
        for capture in &step.captures {
            match capture.take(trail, response, &scope) {
                Ok(taken) => {
                    record::know_capture(self.shared, self.owner(actor), &capture.name, &taken);
                    captured.push((Arc::clone(&capture.name), taken.value));
                }
                Err(fault) => {
                    let message = format!("the capture `{}` finds nothing: {}", capture.name, fault.why);
                    reasons.push(self.reason("capture-failed", &message, capture.span, Vec::new()));
                }
            }
        }
        for (name, value) in &captured {
            scope.set(Arc::clone(name), value.clone());
        }
        let errored = !reasons.is_empty();
        let Judged { held, broken } = judge::judge(self.shared, step, trail, response, &scope);
        let failures = broken.len();
        // What did not hold says more than what was not found, so it stands first.
        reasons.splice(0..0, broken);
        let ended = match (failures, errored) {
            (0, false) => Ended::Held,
            (0, true) => Ended::Errored,
            _ => Ended::Failed,
        };
        let record = self.record(step, actor, Some(trail), ended, held, failures);
        Done { ended, captured, reasons, ..Done::empty(record) }
    }

    /// Whose captures and cookies these are, for the names of masks.
    fn owner(&self, actor: &Actor) -> String {
        match &actor.who {
            Who::Identity(id, ..) | Who::Entering(id, _) => self.shared.plan.identities[id.0 as usize].name.to_string(),
            Who::Nobody | Who::Anonymous => "case".to_owned(),
        }
    }

    fn unsent(&self, step: &Step, actor: &Actor, error: &TemplateError) -> Done {
        let reason = self.reason("template", &error.message, error.span, Vec::new());
        self.without_answer(step, actor, reason)
    }

    fn without_answer(&self, step: &Step, actor: &Actor, reason: Reason) -> Done {
        Done { reasons: vec![reason], ..Done::empty(self.record(step, actor, None, Ended::Errored, 0, 0)) }
    }

    fn blocked(&self, step: &Step, actor: &Actor, failure: Arc<Failure>) -> Done {
        let record = self.record(step, actor, None, Ended::Blocked, 0, 0);
        Done { ended: Ended::Blocked, blocked: Some(failure), ..Done::empty(record) }
    }

    fn reason(&self, code: &'static str, message: &str, span: crate::source::Span, help: Vec<String>) -> Reason {
        record::reason(self.shared, code, message, span, help)
    }

    fn record(
        &self,
        step: &Step,
        actor: &Actor,
        trail: Option<&Trail>,
        ended: Ended,
        held: usize,
        broken: usize,
    ) -> StepRecord {
        let caller = match &actor.who {
            Who::Nobody => None,
            Who::Anonymous => Some("anonymous".to_owned()),
            Who::Entering(id, _) | Who::Identity(id, ..) => {
                Some(self.shared.plan.identities[id.0 as usize].name.to_string())
            }
        };
        let whole = ended != Ended::Held || self.shared.options.keep == Keep::Exchanges;
        record::step(self.shared, step, &Subject { phase: self.phase, caller, whole, held, broken }, trail)
    }
}

/// Runs a list of steps as one actor, as logins do; stops at the first that does not hold.
pub(super) async fn run_all(run: &StepRun<'_>, steps: &[Step], actor: &mut Actor) -> (Vec<Done>, Scope, Duration) {
    let clock = Instant::now();
    let mut scope = Scope::above(run.scope);
    let mut all = Vec::new();
    for step in steps {
        let layered = Arc::new(scope.clone());
        let inner =
            StepRun { shared: run.shared, world: run.world, phase: run.phase, label: run.label, scope: &layered };
        let done = match step.caller {
            crate::step::Caller::Anonymous => inner.run(step, &mut Actor::anonymous()).await,
            _ => inner.run(step, actor).await,
        };
        for (name, value) in &done.captured {
            scope.set(Arc::clone(name), value.clone());
        }
        let held = done.ended == Ended::Held;
        all.push(done);
        if !held {
            break;
        }
    }
    (all, scope, clock.elapsed())
}

fn count(trail: &Trail) -> u32 {
    u32::try_from(trail.hops.len()).unwrap_or(u32::MAX)
}

fn copy(from: &Scope, to: &mut Scope) {
    for (name, value) in from.local() {
        to.set(Arc::clone(name), value.clone());
    }
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

fn percent_decoded(text: &str) -> String {
    // `form_urlencoded` would turn `+` into a blank; cookies have none of that.
    let pairs = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(pairs.as_bytes()).map(|(k, _)| k.into_owned()).next().unwrap_or_default()
}

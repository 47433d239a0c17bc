//! One session per identity and run, made by one login that all waiting cases share.
//!
//! Each login and refresh runs in a task of its own: a waiter that is cancelled, timed out or retried
//! never cancels it, so a rotated refresh token is never used twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::watch;
use url::Origin;

use super::actor::{Actor, Done, Ended, Ownership, StepRun, Who, run_all};
use super::world::WorldRun;
use super::{Shared, record};
use crate::auth::{Cookies, Credential, Ctx, Flow, Heard, Move};
use crate::event::{Event, Login, LoginAction, Phase, Reason, StepRecord};
use crate::http::jar::Jar;
use crate::plan::Identity;
use crate::step::IdentityId;
use crate::template::{Scope, Value, from_json, to_json};

/// A login that worked.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) credential: Credential,
    /// Cookies that belong to the session.
    pub(super) jar: Jar,
    /// `identity.*` and `session.*`.
    pub(super) scope: Arc<Scope>,
    /// The identity's fields, rendered.
    pub(super) fields: Vec<(Arc<str>, String)>,
    /// Where the credential may go.
    pub(super) origins: Vec<Origin>,
    /// Counts logins and refreshes of the identity.
    pub(super) generation: u64,
}

/// A login that did not work; blocks everybody who waits for it.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) reason: Reason,
    pub(super) steps: Vec<StepRecord>,
}

type Made = Result<Arc<Session>, Arc<Failure>>;

#[derive(Debug, Clone)]
enum State {
    Empty,
    Pending(watch::Receiver<Option<Made>>),
    Made(Made),
}

/// The shared sessions of a run.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    cells: Mutex<HashMap<IdentityId, State>>,
    /// Requests sent by logins, told in the summary.
    counted: Mutex<(usize, usize)>,
}

impl Sessions {
    /// Gives the shared session of an identity; the first caller logs in, all others wait for it.
    pub(super) async fn get(&self, shared: &Arc<Shared>, id: IdentityId) -> Made {
        let waiting = {
            let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
            match cells.entry(id).or_insert(State::Empty) {
                State::Made(made) => return made.clone(),
                State::Pending(waiting) => waiting.clone(),
                empty @ State::Empty => {
                    let waiting = spawn(shared, id, None);
                    *empty = State::Pending(waiting.clone());
                    waiting
                }
            }
        };
        self.wait(id, waiting).await
    }

    /// Renews the shared session unless somebody already did. Without a refresh it logs in anew.
    pub(super) async fn renew(&self, shared: &Arc<Shared>, id: IdentityId, generation: u64) -> Made {
        let waiting = {
            let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
            match cells.get(&id) {
                Some(State::Pending(waiting)) => waiting.clone(),
                Some(State::Made(Ok(session))) if session.generation > generation => return Ok(Arc::clone(session)),
                Some(State::Made(Err(failure))) => return Err(Arc::clone(failure)),
                Some(State::Made(Ok(session))) => {
                    let waiting = spawn(shared, id, Some(Arc::clone(session)));
                    cells.insert(id, State::Pending(waiting.clone()));
                    waiting
                }
                Some(State::Empty) | None => return self.missing(id),
            }
        };
        self.wait(id, waiting).await
    }

    fn missing(&self, _: IdentityId) -> Made {
        unreachable!("only sessions that exist are renewed")
    }

    async fn wait(&self, id: IdentityId, mut waiting: watch::Receiver<Option<Made>>) -> Made {
        let made = waiting.wait_for(Option::is_some).await.map(|m| m.clone());
        let made = match made {
            Ok(Some(made)) => made,
            Ok(None) | Err(_) => return Err(Arc::new(Failure { reason: broken_off(), steps: Vec::new() })),
        };
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(cells.get(&id), Some(State::Pending(_))) {
            cells.insert(id, State::Made(made.clone()));
        }
        made
    }

    /// Gives the session if it was made; for `sessions.NAME` and the checks at the end.
    pub(super) fn made(&self, id: IdentityId) -> Option<Arc<Session>> {
        match self.cells.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            Some(State::Made(Ok(session))) => Some(Arc::clone(session)),
            Some(State::Empty | State::Pending(_) | State::Made(Err(_))) | None => None,
        }
    }

    /// Gives how many logins were made and how many requests they took.
    pub(super) fn counted(&self) -> (usize, usize) {
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, logins: usize, requests: usize) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.0 += logins;
        counted.1 += requests;
    }
}

fn broken_off() -> Reason {
    Reason {
        code: "internal",
        message: "the login ended without a result".to_owned(),
        place: crate::source::SourceMap::default().place(crate::source::Span::NONE),
        expected: None,
        actual: None,
        step: None,
        help: Vec::new(),
        shared_cause: None,
    }
}

/// Starts a login or refresh in a task of its own.
fn spawn(shared: &Arc<Shared>, id: IdentityId, old: Option<Arc<Session>>) -> watch::Receiver<Option<Made>> {
    let (done, waiting) = watch::channel(None);
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let made = make(&shared, id, old, Sharing::Shared).await;
        // Nobody may wait any more; the result stays for the next.
        done.send_replace(Some(made));
    });
    waiting
}

/// Who a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    /// All cases.
    Shared,
    /// One case.
    Fresh,
}

/// Logs in, or refreshes an old session; then asks `whoami`.
pub(super) async fn make(shared: &Arc<Shared>, id: IdentityId, old: Option<Arc<Session>>, sharing: Sharing) -> Made {
    let identity = &shared.plan.identities[id.0 as usize];
    let clock = Instant::now();
    let refresh = old.as_ref().and_then(|s| Some((identity.login.scheme.refresh(&s.credential)?, Arc::clone(s))));
    let action = if refresh.is_some() { LoginAction::Refresh } else { LoginAction::Login };
    let generation = old.as_ref().map_or(0, |s| s.generation) + 1;
    let entry = Entry { shared, id, identity, generation };
    let made = entry.run(refresh).await;
    let failure = made.as_ref().err().map(|f| f.reason.message.clone());
    shared.emit(Event::Login(Login {
        identity: identity.name.to_string(),
        action,
        failure,
        elapsed: clock.elapsed(),
        fresh: sharing == Sharing::Fresh,
    }));
    made
}

struct Entry<'a> {
    shared: &'a Arc<Shared>,
    id: IdentityId,
    identity: &'a Identity,
    generation: u64,
}

impl Entry<'_> {
    async fn run(&self, refresh: Option<(Box<dyn Flow>, Arc<Session>)>) -> Made {
        let world = self.shared.worlds[self.identity.world].as_ref();
        let Some(world) = world else { return Err(self.fail("internal", "its world was not started", Vec::new())) };
        if let Some(not_ready) = &world.not_ready {
            let mut reason =
                record::reason(self.shared, "target-not-ready", &not_ready.message, not_ready.span, Vec::new());
            reason.shared_cause = Some("target-not-ready".into());
            return Err(Arc::new(Failure { reason, steps: Vec::new() }));
        }
        let fields = self.fields(world)?;
        let mut scope = Scope::default();
        let mut visible: Vec<(String, Value)> =
            fields.iter().map(|(n, v)| (n.to_string(), Value::from(v.as_str()))).collect();
        for (name, value) in [("name", Some(&self.identity.name)), ("role", self.identity.role.as_ref())] {
            if visible.iter().all(|(n, _)| n != name) {
                visible.push((name.to_owned(), value.map_or_else(|| Value::from(()), |v| Value::from(&**v))));
            }
        }
        scope.set_fields("identity", visible);
        let (mut flow, phase, mut actor) = match refresh {
            Some((flow, old)) => {
                let session = old.scope.get("session").cloned();
                session.into_iter().for_each(|s| scope.set("session", s));
                let who = Who::Entering(self.id, Arc::new(scope.clone()));
                (flow, Phase::Refresh, Actor { who, jar: old.jar.clone() })
            }
            None => {
                let who = Who::Entering(self.id, Arc::new(scope.clone()));
                (self.identity.login.scheme.begin(), Phase::Login, Actor { who, jar: Jar::default() })
            }
        };
        let (credential, origins) = self.flow(world, flow.as_mut(), phase, &mut actor).await?;
        let parts = credential.parts.iter().map(|(n, v)| (n.to_string(), from_json(v)));
        scope.set_fields("session", parts.collect::<Vec<_>>());
        let keep = self.identity.login.scheme.cookies() == Cookies::Keep;
        let session = Session {
            credential,
            jar: if keep { actor.jar } else { Jar::default() },
            scope: Arc::new(scope),
            fields,
            origins,
            generation: self.generation,
        };
        self.whoami(world, session).await
    }

    fn fields(&self, world: &WorldRun) -> Result<Vec<(Arc<str>, String)>, Arc<Failure>> {
        let mut fields = Vec::new();
        for field in &self.identity.fields {
            let value = field.value.render(&world.scope).map_err(|e| {
                let message =
                    format!("the field `{}` of `{}` cannot be rendered: {}", field.name, self.identity.name, e.message);
                let reason = record::reason(self.shared, "template", &message, e.span, Vec::new());
                Arc::new(Failure { reason: self.shared_cause(reason), steps: Vec::new() })
            })?;
            if field.secret {
                self.shared.secrets.declare(&format!("{}.{}", self.identity.name, field.name), &value);
            }
            fields.push((Arc::clone(&field.name), value));
        }
        Ok(fields)
    }

    async fn flow(
        &self,
        world: &WorldRun,
        flow: &mut dyn Flow,
        phase: Phase,
        actor: &mut Actor,
    ) -> Result<(Credential, Vec<Origin>), Arc<Failure>> {
        let mut origins = world.origins.clone();
        let mut heard = Heard::Start;
        loop {
            match flow.next(heard, &Ctx { now: Timestamp::now() }) {
                Move::Ready(credential) => return Ok((credential, origins)),
                Move::Steps(steps) => {
                    let steps = &self.shared.plan.steps[steps.0 as usize];
                    for step in steps {
                        // An absolute address in a login is trusted with what the login gives.
                        let address = step.target.as_literal().and_then(|t| crate::http::Address::parse(t).ok());
                        origins.extend(address.map(|a| a.origin()));
                    }
                    let run = self.step_run(world, phase);
                    let (done, ..) = run_all(&run, steps, actor).await;
                    self.shared.sessions.count(0, done.iter().map(|d| d.requests as usize).sum());
                    if done.last().is_some_and(|d| d.ended != Ended::Held) {
                        return Err(self.failed_login(phase, done));
                    }
                    let captured = done.into_iter().flat_map(|d| d.captured);
                    heard = Heard::Steps(captured.filter_map(|(n, v)| Some((n, to_json(&v).ok()?))).collect());
                }
            }
        }
    }

    fn step_run<'a>(&'a self, world: &'a WorldRun, phase: Phase) -> StepRun<'a> {
        StepRun { shared: self.shared, world, phase, label: &self.identity.name, scope: &world.scope }
    }

    async fn whoami(&self, world: &WorldRun, session: Session) -> Made {
        let session = Arc::new(session);
        self.shared.sessions.count(usize::from(self.identity.login.kind.name == "login"), 0);
        match ask(self.shared, world, self.id, &session).await {
            None | Some(Ok(())) => Ok(session),
            Some(Err(done)) => {
                let name = &self.identity.name;
                let message = format!(
                    "`{name}` logged in, but `whoami` does not hold: the session is not theirs or does not work"
                );
                Err(self.failed("wrong-person", &message, *done))
            }
        }
    }

    fn failed_login(&self, phase: Phase, done: Vec<Done>) -> Arc<Failure> {
        let what = if phase == Phase::Refresh { "refresh the session" } else { "log in" };
        let status = done.last().and_then(|d| d.record.status);
        let why = done.last().and_then(|d| d.reasons.first()).map(|r| r.message.clone()).unwrap_or_default();
        let name = &self.identity.name;
        let message = match status {
            Some(status) => format!("`{name}` could not {what}: the server answered {status} ({why})"),
            None => format!("`{name}` could not {what}: {why}"),
        };
        self.failed("login-failed", &message, done)
    }

    fn failed(&self, code: &'static str, message: &str, done: Vec<Done>) -> Arc<Failure> {
        let last = done.last().and_then(|d| d.reasons.first()).cloned();
        let mut reason = record::reason(self.shared, code, message, self.identity.span, Vec::new());
        if let Some(last) = last {
            reason.place = last.place;
            reason.expected = last.expected;
            reason.actual = last.actual;
            reason.help.extend(last.help);
        }
        reason.step = done.len().checked_sub(1);
        let steps = done.into_iter().map(|d| d.record).collect();
        Arc::new(Failure { reason: self.shared_cause(reason), steps })
    }

    fn fail(&self, code: &'static str, message: &str, done: Vec<Done>) -> Arc<Failure> {
        self.failed(code, message, done)
    }

    fn shared_cause(&self, mut reason: Reason) -> Reason {
        reason.shared_cause = Some(format!("{}:{}", reason.code, self.identity.name).into());
        reason
    }
}

/// Asks `whoami` with a session; `None` when the scheme has none.
pub(super) async fn ask(
    shared: &Arc<Shared>,
    world: &WorldRun,
    id: IdentityId,
    session: &Arc<Session>,
) -> Option<Result<(), Box<Vec<Done>>>> {
    let identity = &shared.plan.identities[id.0 as usize];
    let steps = &shared.plan.steps[identity.login.whoami?.0 as usize];
    let run = StepRun { shared, world, phase: Phase::Whoami, label: &identity.name, scope: &world.scope };
    let mut actor = Actor::of(id, session, Ownership::Still);
    let (done, ..) = run_all(&run, steps, &mut actor).await;
    shared.sessions.count(0, done.iter().map(|d| d.requests as usize).sum());
    let held = done.last().is_some_and(|d| d.ended == Ended::Held);
    Some(if held { Ok(()) } else { Err(Box::new(done)) })
}

//! One session per identity and run, made by one login that all waiting cases share.
//!
//! Each login and refresh runs in a task of its own: a waiter that is cancelled, timed out or retried
//! never cancels it, so a rotated refresh token is never used twice.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::watch;
use url::Origin;

use super::actor::{Actor, Done, Ended, Ownership, StepRun, Who, run_all};
use super::ledger::RequestKey;
use super::world::WorldRun;
use super::{Shared, record};
use crate::auth::{Cookies, Credential, Ctx, Flow, Heard, Move};
use crate::event::{Event, Login, LoginAction, Phase, Reason, StepRecord};
use crate::http::jar::Jar;
use crate::plan::Identity;
use crate::step::{IdentityId, StepsId};
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
    /// What `whoami` was allowed with it.
    pub(super) shown_by: Vec<RequestKey>,
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
    Pending(watch::Receiver<Option<Made>>),
    Made(Made),
}

/// The shared sessions of a run.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    cells: Mutex<HashMap<IdentityId, State>>,
    /// Identities whose renewed credential was called expired at once: renewing again would not help.
    futile: Mutex<HashSet<IdentityId>>,
    /// Requests sent by logins, told in the summary.
    counted: Mutex<(usize, usize)>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<IdentityId, State>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the shared session of an identity; the first caller logs in, all others wait for it.
    pub(super) async fn get(&self, shared: &Arc<Shared>, id: IdentityId) -> Made {
        let waiting = {
            let mut cells = self.lock();
            match cells.get(&id) {
                Some(State::Made(made)) => return made.clone(),
                Some(State::Pending(waiting)) => waiting.clone(),
                None => start(shared, &mut cells, id, None),
            }
        };
        wait(waiting).await
    }

    /// Renews the shared session unless somebody already did. Without a refresh it logs in anew.
    pub(super) async fn renew(&self, shared: &Arc<Shared>, id: IdentityId, generation: u64) -> Made {
        let waiting = {
            let mut cells = self.lock();
            match cells.get(&id) {
                Some(State::Pending(waiting)) => waiting.clone(),
                Some(State::Made(Ok(session))) if session.generation > generation => return Ok(Arc::clone(session)),
                Some(State::Made(Err(failure))) => return Err(Arc::clone(failure)),
                Some(State::Made(Ok(session))) => {
                    let old = Arc::clone(session);
                    start(shared, &mut cells, id, Some(old))
                }
                None => start(shared, &mut cells, id, None),
            }
        };
        wait(waiting).await
    }

    /// Tells whether a newer session was made, or is being made.
    pub(super) fn newer(&self, id: IdentityId, generation: u64) -> bool {
        match self.lock().get(&id) {
            Some(State::Pending(_) | State::Made(Err(_))) => true,
            Some(State::Made(Ok(session))) => session.generation > generation,
            None => false,
        }
    }

    /// Notes that renewing did not help.
    pub(super) fn note_futile(&self, id: IdentityId) {
        self.futile.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    /// Tells whether renewing did not help before.
    pub(super) fn is_futile(&self, id: IdentityId) -> bool {
        self.futile.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    /// Gives the session if it was made; for `sessions.NAME` and the checks at the end.
    pub(super) fn made(&self, id: IdentityId) -> Option<Arc<Session>> {
        match self.lock().get(&id) {
            Some(State::Made(Ok(session))) => Some(Arc::clone(session)),
            Some(State::Pending(_) | State::Made(Err(_))) | None => None,
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

/// Starts a login or refresh in a task of its own, which keeps the result itself: were it left to the
/// waiters, a slow one could put an old session over a newer one.
fn start(
    shared: &Arc<Shared>,
    cells: &mut HashMap<IdentityId, State>,
    id: IdentityId,
    old: Option<Arc<Session>>,
) -> watch::Receiver<Option<Made>> {
    let (done, waiting) = watch::channel(None);
    cells.insert(id, State::Pending(waiting.clone()));
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let made = make(&shared, id, old, Sharing::Shared).await;
        shared.sessions.lock().insert(id, State::Made(made.clone()));
        // Nobody may wait any more.
        done.send_replace(Some(made));
    });
    waiting
}

async fn wait(mut waiting: watch::Receiver<Option<Made>>) -> Made {
    let made = waiting.wait_for(Option::is_some).await.map(|m| m.clone());
    match made {
        Ok(Some(made)) => made,
        Ok(None) | Err(_) => Err(Arc::new(Failure { reason: broken_off(), steps: Vec::new() })),
    }
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
    let entry = Entry { shared, id, identity, generation, sharing };
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
    sharing: Sharing,
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
        let (mut flow, phase, mut actor) = if let Some((flow, old)) = refresh {
            let session = old.scope.get("session").cloned();
            session.into_iter().for_each(|s| scope.set("session", s));
            let who = Who::Entering(self.id, Arc::new(scope.clone()));
            (flow, Phase::Refresh, Actor::entering(who, old.jar.clone()))
        } else {
            let who = Who::Entering(self.id, Arc::new(scope.clone()));
            (self.identity.login.scheme.begin(), Phase::Login, Actor::entering(who, Jar::default()))
        };
        let (credential, origins, done) = self.flow(world, flow.as_mut(), phase, &mut actor).await?;
        let parts = credential.parts.iter().map(|(n, v)| (n.to_string(), from_json(v)));
        scope.set_fields("session", parts.collect::<Vec<_>>());
        let keep = self.identity.login.scheme.cookies() == Cookies::Keep;
        if keep && credential.parts.is_empty() && actor.jar.is_empty(Timestamp::now()) {
            return Err(self.empty_handed(done));
        }
        let session = Session {
            credential,
            jar: if keep { actor.jar } else { Jar::default() },
            scope: Arc::new(scope),
            fields,
            origins,
            generation: self.generation,
            shown_by: Vec::new(),
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
    ) -> Result<(Credential, Vec<Origin>, Vec<Done>), Arc<Failure>> {
        let mut origins = world.origins.clone();
        let mut all = Vec::new();
        let mut heard = Heard::Start;
        loop {
            match flow.next(heard, &Ctx { now: Timestamp::now() }) {
                Move::Ready(credential) => return Ok((credential, origins, all)),
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
                    let captured = done.iter().flat_map(|d| &d.captured);
                    let parts = captured.filter_map(|(n, v)| Some((Arc::clone(n), to_json(v).ok()?)));
                    heard = Heard::Steps(parts.collect());
                    all.extend(done);
                }
            }
        }
    }

    fn step_run<'a>(&'a self, world: &'a WorldRun, phase: Phase) -> StepRun<'a> {
        StepRun { shared: self.shared, world, phase, label: &self.identity.name, scope: &world.scope }
    }

    async fn whoami(&self, world: &WorldRun, session: Session) -> Made {
        self.shared.sessions.count(usize::from(self.identity.login.kind.name == "login"), 0);
        let Some(whoami) = self.identity.login.whoami else { return Ok(Arc::new(session)) };
        let ownership = if self.sharing == Sharing::Fresh { Ownership::Fresh } else { Ownership::Still };
        let asked = Arc::new(session);
        let mut actor = Actor::of(self.id, &asked, ownership);
        let done = ask(self.shared, world, self.id, whoami, &world.scope, &mut actor).await;
        if done.last().is_some_and(|d| d.ended == Ended::Held) {
            drop(actor);
            let shown_by = done.iter().filter_map(|d| d.allowed).collect();
            let session = Arc::try_unwrap(asked).map(|session| Arc::new(Session { shown_by, ..session }));
            return Ok(session.unwrap_or_else(|held| held));
        }
        let name = &self.identity.name;
        let message =
            format!("`{name}` logged in, but `whoami` does not hold: the session is not theirs or does not work");
        Err(self.failed("wrong-person", &message, done))
    }

    /// A login by cookies that got none would send every request without a credential.
    fn empty_handed(&self, done: Vec<Done>) -> Arc<Failure> {
        let name = &self.identity.name;
        let message = format!("`{name}` got no credential: the login was answered, but left no cookie to send");
        let notes: Vec<String> = done.iter().flat_map(|d| d.record.notes.clone()).collect();
        let failure = self.failed("login-failed", &message, done);
        let mut reason = failure.reason.clone();
        reason.help.extend(notes);
        Arc::new(Failure { reason, steps: failure.steps.clone() })
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

/// Asks `whoami` as somebody.
pub(super) async fn ask(
    shared: &Arc<Shared>,
    world: &WorldRun,
    id: IdentityId,
    whoami: StepsId,
    scope: &Arc<Scope>,
    actor: &mut Actor,
) -> Vec<Done> {
    let identity = &shared.plan.identities[id.0 as usize];
    let steps = &shared.plan.steps[whoami.0 as usize];
    let run = StepRun { shared, world, phase: Phase::Whoami, label: &identity.name, scope };
    let (done, ..) = run_all(&run, steps, actor).await;
    shared.sessions.count(0, done.iter().map(|d| d.requests as usize).sum());
    done
}

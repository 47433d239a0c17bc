//! Logs an identity in or refreshes its session, step by step, and asks `whoami` whether it is theirs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use url::Origin;

use super::actor::{Actor, Ownership, Who};
use super::cast::Cast;
use super::done::Done;
use super::drive::{self, Driven};
use super::exchange::StepRun;
use super::given::{certified, session_end};
use super::pages;
use super::rounds::run_all;
use super::session::{Failure, Made, Session};
use super::uses::Within;
use super::world::WorldRun;
use super::{Keep, Shared, record};
use crate::auth::{Cookies, Credential, Flow, Memory, field_fault};
use crate::event::{Event, Login, LoginAction, Phase, Reason, StepRecord};
use crate::evidence::Kept;
use crate::http::jar::Jar;
use crate::plan::Identity;
use crate::step::{Caller, IdentityId, StepsId};
use crate::template::{Scope, Value, from_json};
use crate::term::list;

/// How many log in at once: servers count logins, and what they hash for one is dear.
pub(super) const ENTRANCE: usize = 8;

/// How long a login waits, all waits together, for a server that is asked too often.
const PATIENCE: Duration = Duration::from_secs(30);

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
    let entry = Entry { generation, ..Entry::of(shared, id, sharing) };
    let made = entry.run(refresh).await;
    let action = if entry.anew.load(Ordering::Relaxed) { LoginAction::Login } else { action };
    let steps = entry.told.into_inner().unwrap_or_else(PoisonError::into_inner);
    let failure = made.as_ref().err().map(|f| f.reason.message.clone());
    shared.emit(Event::Login(Login {
        identity: identity.name.to_string(),
        action,
        failure,
        elapsed: clock.elapsed(),
        fresh: sharing == Sharing::Fresh,
        steps,
    }));
    made
}

/// An identity on its way to a session.
pub(super) struct Entry<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) id: IdentityId,
    pub(super) identity: &'a Identity,
    generation: u64,
    sharing: Sharing,
    /// The records of what was sent, where exchanges are kept.
    told: Mutex<Vec<StepRecord>>,
    /// Whether a refresh that was refused gave way to a login.
    anew: AtomicBool,
}

/// Who an identity is: its fields rendered, and the names that its scheme sees.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) fields: Vec<(Arc<str>, String)>,
    pub(super) scope: Scope,
    /// The session of whoever approves the login.
    pub(super) approver: Option<(IdentityId, Arc<Session>)>,
}

/// The sessions of others that a login uses.
pub(super) type Needed = Vec<(IdentityId, Arc<Session>)>;

/// What a login gave.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) credential: Credential,
    /// Where the credential may go.
    pub(super) origins: Vec<Origin>,
    pub(super) jar: Jar,
    /// Cookies that the jar did not take.
    pub(super) refused: Vec<Kept>,
}

/// The cookies of exchanges that the jar did not take.
pub(super) fn refused_cookies(done: &Done) -> Vec<Kept> {
    let facts = done.records.iter().filter_map(|r| r.facts.as_ref());
    facts.flat_map(|f| f.cookies.refused.clone()).collect()
}

impl<'a> Entry<'a> {
    pub(super) fn of(shared: &'a Arc<Shared>, id: IdentityId, sharing: Sharing) -> Self {
        Self {
            shared,
            id,
            identity: &shared.plan.identities[id.0 as usize],
            generation: 1,
            sharing,
            told: Mutex::default(),
            anew: AtomicBool::new(false),
        }
    }

    async fn run(&self, refresh: Option<(Box<dyn Flow>, Arc<Session>)>) -> Made {
        let world = self.world()?;
        let mut person = self.person(world, self.needed(None).await?)?;
        let refreshes = refresh.is_some();
        let (driven, jar) = if let Some((mut flow, old)) = refresh {
            let session = old.scope.get("session").cloned();
            session.into_iter().for_each(|s| person.scope.set("session", s));
            let cast = self.entering(&person, old.jar.clone());
            let (driven, jar) = self.drive(world, flow.as_mut(), Phase::Refresh, cast).await;
            if driven.credential.is_none() && is_over(&driven.done) {
                // The whole family of that token is over: it is dropped, and never tried again.
                self.anew.store(true, Ordering::Relaxed);
                person = self.person(world, self.needed(None).await?)?;
                self.log_in(world, &person).await
            } else {
                // A refresh is no matter of the browser, which stays as it was.
                (driven, if old.is_apart { old.browser.clone() } else { jar })
            }
        } else {
            self.log_in(world, &person).await
        };
        let Driven { credential, origins, done, .. } = driven;
        let Some(credential) = credential else {
            let is_refresh = refreshes && !self.anew.load(Ordering::Relaxed);
            let what = if is_refresh { "refresh the session" } else { "log in" };
            return Err(self.failed_login(what, done));
        };
        let given = Given { credential, origins, jar, refused: refused_cookies(&done) };
        match self.session(world, person, given) {
            Ok(session) => self.whoami(world, session).await,
            Err(failure) => {
                let mut reason = failure.reason.clone();
                reason.help.extend(done.records.iter().flat_map(|r| r.notes.clone()));
                reason.step = done.records.len().checked_sub(1);
                Err(Arc::new(Failure { reason, steps: done.records }))
            }
        }
    }

    /// Somebody on their way in.
    pub(super) fn entering(&self, person: &Person, jar: Jar) -> Cast {
        let mut cast = Cast::alone(Actor::entering(Who::Entering(self.id, Arc::new(person.scope.clone())), jar));
        let approver = person.approver.as_ref();
        cast.identities.extend(approver.map(|(id, session)| (*id, Actor::of(*id, session, Ownership::Still))));
        cast
    }

    /// Logs in. A server that is asked too often says nothing about the credential: it is asked again when it wants
    /// to be (RFC 6585, section 4; RFC 9110, section 10.2.3), as long as that is soon. A flow that gave up by itself
    /// has been as patient as it can be.
    async fn log_in(&self, world: &WorldRun, person: &Person) -> (Driven, Jar) {
        let mut waited = Duration::ZERO;
        loop {
            let mut flow = self.identity.login.scheme.begin();
            let cast = self.entering(person, Jar::default());
            let (driven, jar) = self.drive(world, flow.as_mut(), Phase::Login, cast).await;
            let done = driven.credential.is_some() || driven.refused;
            let answer = driven.done.last.as_ref().and_then(|trail| trail.response()).filter(|_| !done);
            let busy = answer.and_then(|response| response.asks_to_wait(Timestamp::now()));
            let Some(time) = busy.filter(|time| waited.saturating_add(*time) <= PATIENCE) else { return (driven, jar) };
            waited += time;
            self.step_run(world, Phase::Login).wait(time, "a server that is asked too often").await;
        }
    }

    /// Drives a flow in its turn.
    async fn drive(&self, world: &WorldRun, flow: &mut dyn Flow, phase: Phase, mut cast: Cast) -> (Driven, Jar) {
        let _turn = self.shared.entrance.acquire().await;
        let run = self.step_run(world, phase);
        let driven = Box::pin(drive::drive(&run, self.id, flow, &mut cast)).await;
        self.shared.sessions.count(0, driven.done.requests as usize);
        self.tell(&driven.done);
        (driven, cast.nobody.jar)
    }

    /// The world the identity lives in, once it is ready.
    pub(super) fn world(&self) -> Result<&'a WorldRun, Arc<Failure>> {
        let Some(world) = self.shared.worlds[self.identity.world].as_ref() else {
            return Err(self.failed("internal", "its world was not started", Done::nothing()));
        };
        if let Some(not_ready) = &world.not_ready {
            let mut reason =
                record::reason(self.shared, "target-not-ready", &not_ready.message, not_ready.span, Vec::new());
            reason.shared_cause = record::dead_target(&reason.message);
            return Err(Arc::new(Failure { reason, steps: Vec::new() }));
        }
        Ok(world)
    }

    /// Gets the sessions that the login uses: those of a case where it has them, else those that all share. Whoever
    /// cannot log in since another cannot has no cause of their own.
    pub(super) async fn needed(&self, cast: Option<&Cast>) -> Result<Needed, Arc<Failure>> {
        let mut all = Vec::new();
        for id in &self.identity.needs {
            let own = cast.and_then(|cast| cast.identities.get(id)).and_then(|actor| actor.who.session());
            let session = match own {
                Some((_, session)) => Arc::clone(session),
                None => Box::pin(self.shared.sessions.fresh_enough(self.shared, *id)).await?,
            };
            all.push((*id, session));
        }
        Ok(all)
    }

    /// Renders who the identity is; `sessions` are those of others that its login uses.
    pub(super) fn person(&self, world: &WorldRun, sessions: Needed) -> Result<Person, Arc<Failure>> {
        let mut scope = Scope::above(&world.scope);
        let parts = sessions.iter().map(|(id, session)| {
            let name = self.shared.plan.identities[id.0 as usize].name.to_string();
            (name, session.scope.get("session").cloned().unwrap_or_else(|| Value::from(())))
        });
        if !sessions.is_empty() {
            scope.set_fields("sessions", parts.collect::<Vec<_>>());
        }
        let fields = self.fields(&scope)?;
        let mut visible: Vec<(String, Value)> =
            fields.iter().map(|(n, v)| (n.to_string(), Value::from(v.as_str()))).collect();
        for (name, value) in [("name", Some(&self.identity.name)), ("role", self.identity.role.as_ref())] {
            if visible.iter().all(|(n, _)| n != name) {
                visible.push((name.to_owned(), value.map_or_else(|| Value::from(()), |v| Value::from(&**v))));
            }
        }
        scope.set_fields("identity", visible);
        let approver = sessions.into_iter().find(|(id, _)| self.identity.approver == Some(*id));
        Ok(Person { fields, scope, approver })
    }

    /// Makes the session of what a login gave.
    pub(super) fn session(&self, world: &WorldRun, person: Person, given: Given) -> Result<Session, Arc<Failure>> {
        let Person { fields, mut scope, .. } = person;
        let Given { mut credential, origins, jar, refused } = given;
        let parts = credential.parts.iter().map(|(n, v)| (n.to_string(), from_json(v)));
        scope.set_fields("session", parts.collect::<Vec<_>>());
        for (name, value) in &credential.parts {
            record::know_part(self.shared, &self.identity.name, name, value);
        }
        let scheme = &*self.identity.login.scheme;
        let keep = scheme.cookies() == Cookies::Keep;
        let only_cookies = credential.parts.is_empty() || pages::needs_token(scheme);
        if keep && only_cookies && jar.is_empty(Timestamp::now()) {
            return Err(self.empty_handed());
        }
        if keep {
            let now = Timestamp::now();
            credential.end_with_cookies(session_end(&jar, &world.base, now), now);
        }
        let memory = Memory::of(&credential);
        let transport = certified(self.shared, self.id, world, &scope)
            .map_err(|why| self.failed("login-failed", &why, Done::nothing()))?;
        Ok(Session {
            number: self.shared.sessions.number(),
            credential,
            transport,
            browser: if keep { Jar::default() } else { jar.clone() },
            is_apart: !keep,
            jar: if keep { jar } else { Jar::default() },
            scope: Arc::new(scope),
            fields,
            origins,
            generation: self.generation,
            memory,
            shown_by: Vec::new(),
            refused,
            is_spent: Arc::default(),
            aging: tokio::sync::RwLock::default(),
        })
    }

    fn fields(&self, scope: &Scope) -> Result<Vec<(Arc<str>, String)>, Arc<Failure>> {
        let mut fields = Vec::new();
        for field in &self.identity.fields {
            let value = field.value.render(scope).map_err(|e| {
                let message =
                    format!("the field `{}` of `{}` cannot be rendered: {}", field.name, self.identity.name, e.message);
                let reason = record::reason(self.shared, "template", &message, e.span, Vec::new());
                Arc::new(Failure { reason: self.shared_cause(reason), steps: Vec::new() })
            })?;
            if let Some(fault) = field_fault(self.identity.login.kind, &field.name, &value) {
                let message = format!("the field `{}` of `{}` {}", field.name, self.identity.name, fault.describe());
                return Err(self.failed("login-failed", &message, Done::nothing()));
            }
            if field.secret {
                self.shared.secrets.declare(&format!("{}.{}", self.identity.name, field.name), &value);
            }
            fields.push((Arc::clone(&field.name), value));
        }
        Ok(fields)
    }

    fn tell(&self, done: &Done) {
        if self.shared.options.keep == Keep::Exchanges {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.extend(done.records.iter().cloned());
        }
    }

    fn step_run<'s>(&'s self, world: &'s WorldRun, phase: Phase) -> StepRun<'s> {
        StepRun {
            shared: self.shared,
            world,
            phase,
            label: &self.identity.name,
            scope: &world.scope,
            stand_in: Caller::Nobody,
            case: None,
            last: None,
            within: Within::default(),
            talking: None,
            cookies: &[],
        }
    }

    /// Asks `whoami` whether the session works, and is theirs.
    pub(super) async fn whoami(&self, world: &WorldRun, session: Session) -> Made {
        self.shared.sessions.count(usize::from(matches!(self.identity.login.kind.name, "login" | "form")), 0);
        let Some(whoami) = self.identity.login.whoami else { return Ok(Arc::new(session)) };
        let ownership = if self.sharing == Sharing::Fresh { Ownership::Fresh } else { Ownership::Still };
        let asked = Arc::new(session);
        let mut cast = Cast::alone(Actor::of(self.id, &asked, ownership));
        let done = ask(self.shared, world, self.id, whoami, &world.scope, &mut cast).await;
        self.tell(&done);
        if done.held() {
            drop(cast);
            let shown_by = done.allowed;
            let session = Arc::try_unwrap(asked).map(|session| Arc::new(Session { shown_by, ..session }));
            return Ok(session.unwrap_or_else(|held| held));
        }
        let name = &self.identity.name;
        let message =
            format!("`{name}` logged in, but `whoami` does not hold: the session is not theirs or does not work");
        let status = done.records.last().and_then(|r| r.status);
        let mut failure = self.failed("wrong-person", &message, done);
        // Where nothing was exchanged before, it is the credential itself that is refused here.
        let needs: Vec<String> = self.identity.login.kind.needs.iter().map(|need| format!("`{need}`")).collect();
        if status == Some(401)
            && !needs.is_empty()
            && let Some(failure) = Arc::get_mut(&mut failure)
            && failure.reason.help.is_empty()
        {
            let help = format!("the server answered 401, which is about the credential: check {}", list(&needs, "and"));
            failure.reason.help.push(help);
        }
        Err(failure)
    }

    /// A login by cookies that got none would send every request without a credential.
    fn empty_handed(&self) -> Arc<Failure> {
        let name = &self.identity.name;
        let message = format!("`{name}` got no credential: the login was answered, but left no cookie to send");
        self.failed("login-failed", &message, Done::nothing())
    }

    fn failed_login(&self, what: &str, done: Done) -> Arc<Failure> {
        let status = done.records.last().and_then(|r| r.status);
        let why = done.reasons.first().map(|r| r.message.clone()).unwrap_or_default();
        let name = &self.identity.name;
        let message = match status {
            Some(status) => format!("`{name}` could not {what}: the server answered {status} ({why})"),
            None => format!("`{name}` could not {what}: {why}"),
        };
        self.failed("login-failed", &message, done)
    }

    pub(super) fn failed(&self, code: &'static str, message: &str, done: Done) -> Arc<Failure> {
        let last = done.reasons.first().cloned();
        let target = last.as_ref().and_then(|r| r.shared_cause.clone());
        let mut reason = record::reason(self.shared, code, message, self.identity.span, Vec::new());
        if let Some(last) = last {
            reason.place = last.place;
            reason.expected = last.expected;
            reason.actual = last.actual;
            reason.help.extend(last.help);
        }
        reason.step = done.records.len().checked_sub(1);
        let steps = done.records;
        let reason = record::share_target(self.shared_cause(reason), target.as_ref());
        Arc::new(Failure { reason, steps })
    }

    fn shared_cause(&self, mut reason: Reason) -> Reason {
        reason.shared_cause = Some(format!("{}:{}", reason.code, self.identity.name).into());
        reason
    }
}

/// Tells whether the server says that a refresh token is worth nothing any more (RFC 6749, section 5.2): it is over, was
/// revoked, or somebody else used it.
fn is_over(done: &Done) -> bool {
    let answer = done.last.as_ref().and_then(|trail| trail.response()).filter(|r| matches!(r.status, 400 | 401));
    let said: Option<serde_json::Value> = answer.and_then(|r| serde_json::from_slice(&r.body).ok());
    said.is_some_and(|said| said.get("error").and_then(serde_json::Value::as_str) == Some("invalid_grant"))
}

/// Asks `whoami` as somebody.
pub(super) async fn ask(
    shared: &Arc<Shared>,
    world: &WorldRun,
    id: IdentityId,
    whoami: StepsId,
    scope: &Arc<Scope>,
    cast: &mut Cast,
) -> Done {
    let identity = &shared.plan.identities[id.0 as usize];
    let steps = &shared.plan.steps[whoami.0 as usize];
    let run = StepRun {
        shared,
        world,
        phase: Phase::Whoami,
        label: &identity.name,
        scope,
        stand_in: Caller::Nobody,
        case: None,
        last: None,
        within: Within::default(),
        talking: None,
        cookies: &[],
    };
    let (done, _) = run_all(&run, steps, cast).await;
    shared.sessions.count(0, done.requests as usize);
    done
}

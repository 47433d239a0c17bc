//! Logs an identity in or refreshes its session, step by step, and asks `whoami` whether it is theirs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::actor::{Actor, Ownership, Who};
use super::cast::Cast;
use super::done::Done;
use super::doubt::{NONCE, Turns};
use super::drive::{self, Driven};
use super::exchange::StepRun;
use super::person::{Given, Person};
use super::rounds::run_all;
use super::session::{Failure, Made, Session};
use super::world::WorldRun;
use super::{Keep, Shared, record};
use crate::auth::{Flow, PRINTED, Waits};
use crate::event::{Event, Login, LoginAction, Phase, Reason, StepRecord, Warning};
use crate::evidence::{Kept, Span};
use crate::http::is_limit;
use crate::http::jar::Jar;
use crate::plan::Identity;
use crate::spec::Talk;
use crate::step::{IdentityId, StepsId};
use crate::template::Scope;
use crate::term::list;

/// How long a login waits, all waits together, for a server that is asked too often; any other request as well.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What it waits for then.
pub(super) const BUSY: &str = "a server that is asked too often";

/// What is said of a credential that `whoami` refuses, before it is known what else the run did with its identity.
pub(super) const ABOUT_FIELDS: &str = "the server answered 401, which is about the credential: check";

/// How much of it is used up.
#[derive(Debug, Default)]
pub(super) struct Patience(Waits);

impl Patience {
    /// How long to wait before a login is tried again. A server that is asked too often says nothing about the
    /// credential: it is asked again when it wants to be (RFC 6585, section 4; RFC 9110, section 10.2.3), as long as
    /// that is soon. A flow that gave up by itself has been as patient as it can be.
    pub(super) fn with(&mut self, driven: &Driven) -> Option<Duration> {
        let done = driven.credential.is_some() || driven.refused;
        let answer = driven.done.last.as_ref().and_then(|trail| trail.response()).filter(|_| !done)?;
        self.0.next(answer.asks_to_wait(Timestamp::now())?, PATIENCE)
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
    let entry = Entry { generation, ..Entry::of(shared, id, sharing) };
    let began = shared.ledger.tick();
    let made = entry.run(refresh).await;
    let action = if entry.anew.load(Ordering::Relaxed) { LoginAction::Login } else { action };
    match &made {
        Ok(_) if action == LoginAction::Login => shared.ledger.talked((id, Talk::Login), began),
        // A login after a refresh that was refused says nothing of the refresh.
        Ok(_) => shared.ledger.talked((id, Talk::Refresh), began),
        Err(failure) if action == LoginAction::Login => {
            shared.ledger.not_talked((id, Talk::Login), began, &failure.reason.message);
        }
        // A refresh token may have had its end.
        Err(_) => {}
    }
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
    pub(super) generation: u64,
    sharing: Sharing,
    /// Position in the run when it began.
    pub(super) began: u64,
    /// The records of what was sent, where exchanges are kept.
    told: Mutex<Vec<StepRecord>>,
    /// Whether a refresh that was refused gave way to a login.
    anew: AtomicBool,
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
            began: shared.ledger.tick(),
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
            let is_lost = is_lost(&driven.done) && !self.identity.login.scheme.begins_once();
            if driven.credential.is_none() && (is_over(&driven.done) || self.is_refused(&driven.done) || is_lost) {
                // The whole family of that token is over, or nobody knows: it is dropped, and never tried again.
                self.anew.store(true, Ordering::Relaxed);
                if is_lost {
                    self.warn_of_lost(&driven.done);
                }
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
        if !refreshes || self.anew.load(Ordering::Relaxed) {
            self.count_login();
        }
        let given = Given { credential, origins, jar, refused: refused_cookies(&done) };
        match self.session(world, person, given) {
            Ok(session) => self.whoami(world, session).await,
            Err(failure) => {
                let mut reason = failure.reason.clone();
                // What a program gave is known; that of a server may have gone with what became of its cookies.
                let (ran, answered): (Vec<_>, Vec<_>) = done.records.iter().partition(|r| r.ran.is_some());
                reason.help.extend(answered.iter().flat_map(|r| r.notes.clone()));
                reason.help.extend(ran.first().map(|_| PRINTED.to_owned()));
                reason.step = done.records.len().checked_sub(1);
                Err(Arc::new(Failure { reason, steps: done.records }))
            }
        }
    }

    /// Tells whether the steps of a scheme's own that refresh were refused: 401 and 403 say so of what they were sent with
    /// (RFC 9110, section 15.5), where nothing else is agreed.
    fn is_refused(&self, done: &Done) -> bool {
        let status = done.last.as_ref().and_then(|trail| trail.response()).map(|response| response.status);
        self.identity.login.scheme.refresh_steps().is_some() && matches!(status, Some(401 | 403))
    }

    /// Tells that a refresh has no clear end: an endpoint that fails is seen, although the run goes on.
    fn warn_of_lost(&self, done: &Done) {
        let status = done.last.as_ref().and_then(|trail| trail.response()).map(|response| response.status);
        let how = status.map_or_else(|| "not answered".to_owned(), |status| format!("answered {status}"));
        let message = format!(
            "the refresh of `{}` was {how}, and what it was sent with is never sent twice: it logs in anew",
            self.identity.name
        );
        let place = Some(record::place(self.shared, self.identity.span));
        let message = record::text(self.shared, &message);
        self.shared.emit(Event::Warning(Warning { code: "refresh-lost", message, place }));
    }

    /// Somebody on their way in.
    pub(super) fn entering(&self, person: &Person, jar: Jar) -> Cast {
        let mut cast = Cast::alone(Actor::entering(Who::Entering(self.id, Arc::new(person.scope.clone())), jar));
        let approver = person.approver.as_ref();
        cast.identities.extend(approver.map(|(id, session)| (*id, Actor::of(*id, session, Ownership::Still))));
        cast
    }

    /// Logs in, with patience for a server that is asked too often; alone where others used up the nonce that it was given.
    async fn log_in(&self, world: &WorldRun, person: &Person) -> (Driven, Jar) {
        let (mut patience, mut turns, mut turn) = (Patience::default(), Turns::default(), None);
        loop {
            let mut flow = self.identity.login.scheme.begin();
            let cast = self.entering(person, Jar::default());
            let (driven, jar) = self.drive(world, flow.as_mut(), Phase::Login, cast).await;
            let (time, what) = match (patience.with(&driven), turns.again(&driven)) {
                (Some(time), _) => (time, BUSY),
                (None, Some(time)) => (time, NONCE),
                (None, None) => return (driven, jar),
            };
            if what == NONCE && turn.is_none() {
                turn = Some(self.shared.turn.lock().await);
            }
            self.step_run(world, Phase::Login).wait(time, what).await;
        }
    }

    /// Drives a flow in its turn; while it waits, others have theirs.
    pub(super) async fn drive(
        &self,
        world: &WorldRun,
        flow: &mut dyn Flow,
        phase: Phase,
        mut cast: Cast,
    ) -> (Driven, Jar) {
        let inside = self.shared.entrance.enter().await;
        let run = StepRun { inside: Some(&inside), ..self.step_run(world, phase) };
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

    fn tell(&self, done: &Done) {
        if self.shared.options.keep == Keep::Exchanges {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.extend(done.records.iter().cloned());
        }
    }

    fn step_run<'s>(&'s self, world: &'s WorldRun, phase: Phase) -> StepRun<'s> {
        StepRun::plain(self.shared, world, (phase, &self.identity.name), &world.scope)
    }

    /// Counts a login that gave a credential; a scheme that only presents what it has makes none.
    pub(super) fn count_login(&self) {
        if self.identity.login.kind.logs_in {
            self.shared.sessions.count(1, 0);
            let ended = self.shared.ledger.tick();
            self.shared.visits.came(self.id, Span { began: self.began, ended });
        }
    }

    /// Asks `whoami` whether the session works, and is theirs.
    pub(super) async fn whoami(&self, world: &WorldRun, session: Session) -> Made {
        let Some(whoami) = self.identity.login.whoami else { return Ok(Arc::new(session)) };
        let ownership = if self.sharing == Sharing::Fresh { Ownership::Fresh } else { Ownership::Still };
        let asked = Arc::new(session);
        let mut cast = Cast::alone(Actor::of(self.id, &asked, ownership));
        let done = ask(self.shared, world, self.id, whoami, &world.scope, &mut cast).await;
        self.tell(&done);
        if done.held() {
            // What a server renews with each answer it renewed with this one.
            let mut jar = asked.jar.clone();
            jar.renew(&cast.nobody.jar);
            drop(cast);
            let shown_by = done.allowed;
            let session = Arc::try_unwrap(asked).map(|session| Arc::new(Session { jar, shown_by, ..session }));
            return Ok(session.unwrap_or_else(|held| held));
        }
        let name = &self.identity.name;
        let broke = done.records.last().and_then(|r| r.status).filter(|status| *status >= 500);
        let answer = done.last.as_ref().and_then(|trail| trail.response());
        let limit = answer.filter(|answer| is_limit(answer.status, &answer.headers)).map(|answer| answer.status);
        let (code, message) = if let Some(status) = limit {
            let why = format!(
                "`whoami` of `{name}` was answered {status}: the server is asked too often, so nothing shows that the session works"
            );
            ("asked-too-often", why)
        } else if let Some(status) = broke {
            let why = format!("`whoami` of `{name}` was answered {status}: nothing shows that the session works");
            ("login-failed", why)
        } else if self.identity.login.kind.logs_in {
            let why =
                format!("`{name}` logged in, but `whoami` does not hold: the session is not theirs or does not work");
            ("wrong-person", why)
        } else {
            ("wrong-person", format!("`{name}` is not accepted, or taken for somebody else: `whoami` does not hold"))
        };
        let status = done.records.last().and_then(|r| r.status);
        let facts = done.records.last().and_then(|r| r.facts.as_ref());
        let shown = facts.is_some_and(|facts| !facts.sent.is_empty()) || self.identity.login.scheme.fields().is_empty();
        let mut failure = self.failed(code, &message, done);
        // Where nothing was exchanged before, it is the credential itself that is refused here.
        let needs: Vec<String> = self.identity.login.kind.needs.iter().map(|need| format!("`{need}`")).collect();
        if status == Some(401)
            && shown
            && !needs.is_empty()
            && let Some(failure) = Arc::get_mut(&mut failure)
            && failure.reason.help.is_empty()
        {
            let help = format!("{ABOUT_FIELDS} {}", list(&needs, "and"));
            failure.reason.help.push(help);
        }
        Err(failure)
    }

    fn failed_login(&self, what: &str, done: Done) -> Arc<Failure> {
        let at = done.reasons.first().and_then(|r| r.step);
        let record = at.and_then(|at| done.records.get(at)).or(done.records.last());
        // Of a token that is not believed it tells nothing that its answer was a 200.
        let is_distrusted = record.and_then(|r| r.hops.last()).is_some_and(|hop| hop.says.is_some());
        let status = record.and_then(|r| r.status).filter(|_| !is_distrusted);
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
        let last_step = last.as_ref().and_then(|r| r.step).filter(|step| *step < done.records.len());
        let mut reason = record::reason(self.shared, code, message, self.identity.span, Vec::new());
        if let Some(last) = last {
            reason.place = last.place;
            reason.expected = last.expected;
            reason.actual = last.actual;
            reason.help.extend(last.help);
        }
        reason.step = last_step.or(done.records.len().checked_sub(1));
        let steps = done.records;
        let reason = record::share_target(self.shared_cause(reason), target.as_ref());
        Arc::new(Failure { reason, steps })
    }

    pub(super) fn shared_cause(&self, mut reason: Reason) -> Reason {
        reason.shared_cause = Some(format!("{}:{}", reason.code, self.identity.name).into());
        reason
    }
}

/// Tells whether a refresh got no answer, or an error of the server: nobody knows what came of it.
fn is_lost(done: &Done) -> bool {
    let answer = done.last.as_ref().and_then(|trail| trail.response());
    done.requests > 0 && answer.is_none_or(|response| response.status >= 500)
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
    let run = StepRun::plain(shared, world, (Phase::Whoami, &identity.name), scope);
    let (done, _) = run_all(&run, steps, cast).await;
    shared.sessions.count(0, done.requests as usize);
    done
}

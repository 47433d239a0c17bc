//! Asks once more, as an identity or as nobody: whether a session was alive, and what being let in is worth.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use super::Shared;
use super::actor::{Actor, Ownership};
use super::cast::Cast;
use super::control::lock;
use super::decide::in_doubt;
use super::done::Done;
use super::exchange::StepRun;
use super::ledger::{Access, Asked, Refusal, RequestKey, Sender, Shown};
use super::login::ask;
use super::relogin;
use super::session::Session;
use super::uses::{Trace, Within, retrace};
use super::world::WorldRun;
use crate::event::Phase;
use crate::step::{IdentityId, StepsId};
use crate::template::Scope;

/// A page that an identity was allowed, to be asked for once more: as itself, or as nobody.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) case: usize,
    /// The way to the step in its case, with what each step on it was rendered with.
    pub(super) trace: Trace,
}

/// Answers the questions that held refusals hang on: whether the identity's session was alive, and
/// whether what it was allowed is anything that nobody would not be allowed as well.
pub(super) async fn check_alive(shared: &Arc<Shared>) {
    let refusals: Vec<Refusal> = {
        let decided = shared.decided.lock().unwrap_or_else(PoisonError::into_inner);
        decided.held.iter().flat_map(|d| d.refusals.clone()).collect()
    };
    relogin::ask(shared, &refusals, |_| true).await;
    let mut asked = HashSet::new();
    for (id, number) in in_doubt(shared) {
        let session = shared.sessions.made(id).filter(|session| session.number == number);
        if let Some(session) = session
            && asked.insert((id, Asked::Plainly))
        {
            ask_as_itself(shared, id, &session).await;
        }
    }
    for refusal in &refusals {
        let Sender::Identity { id, session: number, .. } = refusal.sender else { continue };
        let Some(session) = shared.sessions.made(id) else { continue };
        let ended = session.credential.expires.is_some_and(|at| at <= jiff::Timestamp::now());
        let is_its_own = session.number == number;
        if is_its_own && shared.ledger.wants_life(refusal) && !ended && asked.insert((id, Asked::Plainly)) {
            ask_as_itself(shared, id, &session).await;
        }
        // What proves nothing already cannot be overturned.
        let stands = !matches!(shared.ledger.shown(refusal), Shown::Never | Shown::Died);
        if stands && !shared.ledger.is_surely_somebody(id) && asked.insert((id, Asked::Whoami)) {
            ask_as_nobody(shared, id, &session).await;
        }
    }
}

/// Before a case takes identities for itself: what their shared sessions are worth is asked now, since
/// afterwards they have others.
pub(super) async fn settle(shared: &Arc<Shared>, ids: &[IdentityId]) {
    let held: Vec<Refusal> = {
        let decided = shared.decided.lock().unwrap_or_else(PoisonError::into_inner);
        decided.held.iter().flat_map(|d| d.refusals.clone()).collect()
    };
    relogin::ask(shared, &held, |id| ids.contains(&id)).await;
    let refusals = held.iter().filter(|r| shared.ledger.wants_life(r));
    let wanting: HashSet<IdentityId> = refusals
        .filter_map(|r| match r.sender {
            Sender::Identity { id, .. } => Some(id),
            Sender::Anonymous | Sender::Somebody => None,
        })
        .collect();
    for id in ids.iter().filter(|id| wanting.contains(id)) {
        if let Some(session) = shared.sessions.made(*id) {
            Box::pin(ask_as_itself(shared, *id, &session)).await;
        }
    }
}

/// Asks `whoami` once more, or what the identity was allowed when its scheme has none: the session
/// may have died before it was refused. What nobody is allowed as well tells nothing, so of a page that
/// was never asked for as nobody that is found out first.
async fn ask_as_itself(shared: &Arc<Shared>, id: IdentityId, session: &Arc<Session>) {
    let mut cast = Cast::alone(Actor::of(id, session, Ownership::Still));
    let mut statuses = Vec::new();
    let mut asked = false;
    if let Some((world, whoami)) = whoami_of(shared, id) {
        if shared.ledger.whoami_access(id) == Access::Unknown {
            whoami_as_nobody(shared, id, session).await;
        }
        if shared.ledger.whoami_access(id) != Access::Public {
            let done = ask(shared, world, id, whoami, &world.scope, &mut cast).await;
            if done.held() {
                return;
            }
            asked = true;
            statuses.extend(last_status(&done));
        }
    }
    // A `whoami` that fails for the identity itself needs no second opinion.
    let samples = if asked { Vec::new() } else { shared.ledger.samples(id) };
    for (key, sample) in samples {
        if shared.ledger.access(key) == Access::Unknown {
            repeat_as_nobody(shared, id, (key, &sample), session).await;
        }
        if shared.ledger.access(key) == Access::Public {
            continue;
        }
        let Some(done) = repeat(shared, &sample, &mut cast).await else { continue };
        if done.held() {
            return;
        }
        asked = true;
        statuses.extend(last_status(&done));
    }
    if asked {
        shared.ledger.dead(session.number, statuses);
    }
}

/// Asks once more with a session that a case has for itself: its `whoami`, or one of the pages that it was allowed
/// before. Gives the answer when it does not hold.
pub(super) async fn ask_after(
    shared: &Arc<Shared>,
    id: IdentityId,
    earlier: &[RequestKey],
    cast: &mut Cast,
) -> Option<u16> {
    let done = if let Some((world, whoami)) = whoami_of(shared, id) {
        ask(shared, world, id, whoami, &world.scope, cast).await
    } else {
        let (_, sample) = shared.ledger.samples(id).into_iter().find(|(key, _)| earlier.contains(key))?;
        repeat(shared, &sample, cast).await?
    };
    if done.held() { None } else { last_status(&done) }
}

fn last_status(done: &Done) -> Option<u16> {
    done.records.last().and_then(|r| r.status)
}

/// Sends a page's step once more.
async fn repeat(shared: &Arc<Shared>, sample: &Sample, cast: &mut Cast) -> Option<Done> {
    let case = &shared.plan.cases[sample.case];
    let world = shared.worlds[shared.plan.suites[case.suite].world].as_ref()?;
    let (step, used, is_last) = retrace(&case.shape.steps, &sample.trace)?;
    let within = Within { used: &used, is_last, ..Within::default() };
    let (_, scope) = sample.trace.last()?;
    let run = StepRun { within, ..StepRun::plain(shared, world, (Phase::Case, &case.id), scope) };
    let done = run.run(step, cast).await;
    shared.limits.count(done.requests);
    Some(done)
}

/// Asks as nobody for what the identity was allowed, until something is refused: a login page with
/// status 200, or a `whoami` that holds for anybody, shows nothing about a credential.
async fn ask_as_nobody(shared: &Arc<Shared>, id: IdentityId, session: &Session) {
    whoami_as_nobody(shared, id, session).await;
    for (key, sample) in shared.ledger.samples(id) {
        if shared.ledger.is_surely_somebody(id) {
            return;
        }
        repeat_as_nobody(shared, id, (key, &sample), session).await;
    }
}

/// Tells whether nobody passes an identity's `whoami` as well.
pub(super) async fn whoami_is_public(shared: &Arc<Shared>, id: IdentityId, session: &Session) -> bool {
    whoami_as_nobody(shared, id, session).await;
    shared.ledger.whoami_access(id) == Access::Public
}

/// Asks once; whoever has the same question meanwhile waits for the answer.
async fn whoami_as_nobody(shared: &Arc<Shared>, id: IdentityId, session: &Session) {
    let Some((world, whoami)) = whoami_of(shared, id) else { return };
    let cell = Arc::clone(lock(&shared.controls.strangers).entry(id).or_default());
    let answered = cell.get_or_init(async || {
        let scope = with_fields(&world.scope, session);
        ask(shared, world, id, whoami, &scope, &mut Cast::alone(Actor::anonymous())).await;
    });
    answered.await;
}

async fn repeat_as_nobody(
    shared: &Arc<Shared>,
    id: IdentityId,
    (key, sample): (RequestKey, &Sample),
    session: &Session,
) {
    if !shared.ledger.may_ask_as_nobody(id, key) {
        return;
    }
    let trace = sample.trace.iter().map(|(number, scope)| (*number, with_fields(scope, session))).collect();
    repeat(shared, &Sample { trace, ..*sample }, &mut Cast::alone(Actor::anonymous())).await;
}

/// The templates may name the identity; only the credential stays away.
fn with_fields(base: &Arc<Scope>, session: &Session) -> Arc<Scope> {
    let mut scope = Scope::above(base);
    session.scope.local().for_each(|(name, value)| scope.set(Arc::clone(name), value.clone()));
    Arc::new(scope)
}

/// The `whoami` of an identity, and the world it is asked in.
fn whoami_of(shared: &Shared, id: IdentityId) -> Option<(&WorldRun, StepsId)> {
    let identity = &shared.plan.identities[id.0 as usize];
    Some((shared.worlds[identity.world].as_ref()?, identity.login.whoami?))
}

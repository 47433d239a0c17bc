//! Controls: the requests that show what a refused defect is worth (docs/language.md, "What a refusal proves").
//!
//! The unchanged request has to be allowed before and after, and refused without a credential. Controls are shared: one
//! is sent once for all defects of a request, and the last one when the last of them is done.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use super::Shared;
use super::actor::{Actor, Ownership, Who};
use super::busy::Tries;
use super::cast::Cast;
use super::done::Done;
use super::exchange::{StepRun, count};
use super::leak::handed;
use super::ledger::{RequestKey, Sender};
use super::login::ask;
use super::observed::Observed;
use super::session::SessionId;
use super::settle::Group;
use super::spill;
use super::travel::Way;
use super::wary::{First, Refused};
use crate::event::Phase;
use crate::http::jar::Jar;
use crate::http::{Request, Response};
use crate::mutate::shares;
use crate::plan::Control;
use crate::step::{IdentityId, Prepared, Step, StepsId};
use crate::template::Scope;

/// A defect that was refused; it is proven when the good credential is allowed afterwards too.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    /// Index of the record it is about.
    pub(super) step: usize,
    /// Position in the run.
    pub(super) at: u64,
    /// What has to be allowed afterwards; nothing when `control: off`.
    pub(super) probe: Option<Arc<Probe>>,
    /// Whether that proves it: another request than the refused one shows no more than that the credential lives.
    pub(super) whole: bool,
    /// How it was refused.
    pub(super) refused: Option<Arc<Refused>>,
    /// Whether it is the other way round: the case failed, since a defect was refused that is to be let in. Whoever is dead by
    /// then is let in with none.
    pub(super) blames: bool,
}

impl Claim {
    /// One of a case with one step, for which the good credential has to be allowed afterwards.
    pub(super) const fn new(at: u64, probe: Option<Arc<Probe>>) -> Self {
        Self { step: 0, at, probe, whole: false, refused: None, blames: false }
    }
}

/// A control that can be sent, and sent again.
#[derive(Debug)]
pub(super) struct Probe {
    case: usize,
    /// Index of the step that it controls.
    step: usize,
    pub(super) who: Who,
    jar: Jar,
    scope: Arc<Scope>,
    what: What,
    /// Who sends it.
    owner: String,
    /// The origin whose pages have to be able to read the answer; without one it has to be allowed.
    pub(super) origin: Option<String>,
    /// The session whose token it carries signed anew.
    anew: Option<SessionId>,
}

/// What is asked.
#[derive(Debug)]
pub(super) enum What {
    /// The step's own request, dressed as always, and what the ledger knows it by.
    Same(Box<Prepared>, RequestKey),
    /// A request as it stands.
    Ready(Box<Request>, RequestKey),
    /// A request that was made, with a defect or a token that is signed anew; and its head where that leaves byte for byte.
    Made(Box<Request>, Option<Bytes>),
    /// The case's `control`.
    Control,
    /// The scheme's `whoami`.
    Whoami(StepsId),
    /// The case itself, on a setup of its own.
    Replay,
}

impl What {
    /// Tells whether it carries the credential of its sender.
    pub(super) const fn is_dressed(&self) -> bool {
        !matches!(self, Self::Ready(..) | Self::Made(..))
    }
}

/// Tells probes apart: what is asked, and with which credential.
type Key = (u64, u64);

/// The controls of a run.
#[derive(Debug, Default)]
pub(super) struct Controls {
    pub(super) first: Mutex<HashMap<Key, Arc<OnceCell<Observed>>>>,
    pub(super) latest: Mutex<HashMap<Key, Observed>>,
    pub(super) groups: Mutex<HashMap<usize, Group>>,
    pub(super) refused: First,
    /// Logins that show what changed ones are worth, one at a time for each identity.
    pub(super) logins: Mutex<HashMap<IdentityId, Arc<tokio::sync::Mutex<()>>>>,
    /// Whose `whoami` nobody was asked for already.
    pub(super) strangers: Mutex<HashMap<IdentityId, Arc<OnceCell<()>>>>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Probe {
    /// Makes a control of a step of a case, sent as somebody with a jar of its own; a session is asked as it is, never
    /// renewed.
    pub(super) fn new(
        (case, step): (usize, usize),
        actor: &Actor,
        scope: &Arc<Scope>,
        what: What,
        owner: String,
    ) -> Self {
        let who = match &actor.who {
            Who::Identity(id, session, Ownership::Shared) => Who::Identity(*id, Arc::clone(session), Ownership::Still),
            who => who.clone(),
        };
        Self {
            case,
            step,
            who,
            jar: actor.jar.clone(),
            scope: Arc::clone(scope),
            what,
            owner,
            origin: None,
            anew: None,
        }
    }

    /// A case once more, whoever it is of those that share it.
    pub(super) fn replay(case: usize) -> Self {
        let (who, jar, scope, owner) = (Who::Nobody, Jar::default(), Arc::default(), String::new());
        Self { case, step: 0, who, jar, scope, what: What::Replay, owner, origin: None, anew: None }
    }

    /// Asks whether pages of an origin may read the answer, whatever it is.
    pub(super) fn shared_with(self, origin: String) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// Is told apart by the session whose token is signed anew: of those that are made of one, one is sent.
    pub(super) fn made_of(self, session: SessionId) -> Self {
        Self { anew: Some(session), ..self }
    }

    /// Tells whether what came is what has to come.
    pub(super) fn is_met(&self, observed: &Observed) -> bool {
        match &self.origin {
            None => observed.granted,
            Some(origin) => observed.headers.as_ref().is_some_and(|headers| shares(headers, origin)),
        }
    }

    /// What it is called in records.
    pub(super) fn name(&self) -> &str {
        match &self.what {
            What::Same(..) | What::Ready(..) | What::Made(..) => &self.owner,
            What::Control => "control",
            What::Whoami(_) => "whoami",
            What::Replay => "the case replayed",
        }
    }

    /// Tells whether it is the request itself.
    pub(super) const fn is_same(&self) -> bool {
        matches!(self.what, What::Same(..))
    }

    /// Tells whether it is the step that the case names.
    pub(super) const fn is_step(&self) -> bool {
        matches!(self.what, What::Control)
    }

    /// Tells whether it is the whole case.
    pub(super) const fn is_replay(&self) -> bool {
        matches!(self.what, What::Replay)
    }

    fn key(&self, shared: &Shared) -> Key {
        let mut what = DefaultHasher::new();
        match &self.what {
            What::Same(prepared, _) => {
                (0, &prepared.cookies, &prepared.removed).hash(&mut what);
                request_of(&prepared.request, &mut what);
            }
            What::Ready(request, _) => {
                1.hash(&mut what);
                request_of(request, &mut what);
            }
            // Two tokens that are made of one may differ in their signatures, and in nothing else.
            What::Made(..) if self.anew.is_some() => (4, shared.plan.cases[self.case].group).hash(&mut what),
            What::Made(request, head) => {
                (5, head).hash(&mut what);
                request_of(request, &mut what);
            }
            What::Control => (2, shared.plan.cases[self.case].group).hash(&mut what),
            What::Whoami(steps) => (3, steps).hash(&mut what),
            // Each time it has its people and its jar from the case.
            What::Replay => {
                (6, shared.plan.cases[self.case].group).hash(&mut what);
                return (what.finish(), 0);
            }
        }
        let mut who = DefaultHasher::new();
        if let Some(session) = self.anew {
            (4, session).hash(&mut who);
            return (what.finish(), who.finish());
        }
        match &self.who {
            Who::Nobody => 0.hash(&mut who),
            Who::Anonymous => 1.hash(&mut who),
            Who::Entering(id, _) => (2, id).hash(&mut who),
            Who::Identity(_, session, _) => (3, session.number).hash(&mut who),
        }
        // What a case was given on its way is its own.
        self.jar.iter(Timestamp::now()).for_each(|c| (c.name.as_bytes(), c.value.text().as_bytes()).hash(&mut who));
        (what.finish(), who.finish())
    }

    /// Asks once for all who have the same question.
    pub(super) async fn observe(&self, shared: &Arc<Shared>) -> Observed {
        let key = self.key(shared);
        let cell = Arc::clone(lock(&shared.controls.first).entry(key).or_default());
        let first = cell.get_or_init(|| self.send(shared)).await.clone();
        lock(&shared.controls.latest).entry(key).or_insert_with(|| first.clone());
        first
    }

    /// Asks again, unless somebody did so after a time.
    pub(super) async fn after(&self, shared: &Arc<Shared>, at: u64) -> Observed {
        let key = self.key(shared);
        if let Some(known) = lock(&shared.controls.latest).get(&key).filter(|o| o.at > at) {
            return known.clone();
        }
        let observed = self.send(shared).await;
        lock(&shared.controls.latest).insert(key, observed.clone());
        observed
    }

    /// Asks now, whatever was answered before.
    pub(super) async fn again(&self, shared: &Arc<Shared>) -> Observed {
        self.after(shared, shared.ledger.tick()).await
    }

    async fn send(&self, shared: &Arc<Shared>) -> Observed {
        // What is answered late may have been allowed long before.
        let at = shared.ledger.tick();
        let case = &shared.plan.cases[self.case];
        let Some(world) = shared.worlds[shared.plan.suites[case.suite].world].as_ref() else {
            return Observed::of_done(&Done::nothing());
        };
        let run = StepRun::plain(shared, world, (Phase::Case, &case.id), &self.scope);
        let run = StepRun { stand_in: case.caller, ..run };
        // A step of a flow has its place there; any step of the case will do to send as it does.
        let step = case.shape.steps.get(self.step).unwrap_or(&case.shape.steps[0]);
        let mut actor = Actor::entering(self.who.clone(), self.jar.clone());
        let (observed, requests) = match &self.what {
            What::Same(prepared, key) => run.good_one(step, &mut actor, Prepared::clone(prepared), *key).await,
            What::Replay => super::replay::ask(shared, self.case).await,
            What::Ready(request, key) => {
                let made = ((**request).clone(), None);
                let (trail, sent) = run.post_told(step, &actor, made, &world.transport).await;
                let observed = Observed::of(&run, step, &actor, &trail);
                note(shared, (*key, at), Sender::Anonymous, &observed, trail.response());
                (observed, sent)
            }
            What::Made(request, head) => {
                let own = self.who.session().and_then(|(_, session)| session.transport.as_deref());
                let (mut request, mut head) = ((**request).clone(), head.clone());
                run.holder(&actor).renew_proof(&mut request, &mut head);
                let transport = own.unwrap_or(&world.transport);
                let (trail, sent) = run.post_told(step, &actor, (request, head), transport).await;
                (Observed::of(&run, step, &actor, &trail), sent)
            }
            What::Control => {
                let Some(Control::Step(step)) = &case.shape.control else {
                    return Observed::of_done(&Done::nothing());
                };
                let done = Box::pin(run.exchange(step, &mut actor)).await;
                let denied = done.last.as_ref().is_some_and(|trail| run.denial(step, &actor, trail).is_some());
                let observed = Observed::of_done(&done);
                (Observed { granted: observed.granted && !denied, ..observed }, done.requests)
            }
            What::Whoami(steps) => {
                let id = match self.who {
                    Who::Identity(id, ..) | Who::Entering(id, _) => id,
                    Who::Nobody | Who::Anonymous => return Observed::of_done(&Done::nothing()),
                };
                let mut cast = Cast::alone(actor);
                let done = Box::pin(ask(shared, world, id, *steps, &self.scope, &mut cast)).await;
                // The login counted its own.
                (Observed::of_done(&done), 0)
            }
        };
        shared.limits.count(requests);
        Observed { at, ..observed }
    }
}

impl StepRun<'_> {
    /// Sends a request as it is, dressed as always, and notes what that says about access.
    pub(super) async fn good_one(
        &self,
        step: &Step,
        actor: &mut Actor,
        prepared: Prepared,
        key: RequestKey,
    ) -> (Observed, u32) {
        let at = self.shared.ledger.tick();
        let sender = self.sender(&prepared, actor);
        let who = actor.who.clone();
        let (mut tries, mut requests) = (Tries::default(), 0);
        let trail = loop {
            self.in_turn(step, &prepared.request).await;
            let slot = self.shared.limits.slot(&prepared.request).await;
            let trail = self.travel(step, &who, &mut actor.jar, prepared.clone(), Way::default()).await;
            drop(slot);
            self.tell(actor, &trail);
            requests += count(&trail);
            if !self.is_tried_again(step, &trail, &mut tries).await {
                break trail;
            }
        };
        let observed = Observed::of(self, step, actor, &trail);
        note(self.shared, (key, at), sender, &observed, trail.response());
        (observed, requests)
    }
}

/// Notes in the ledger what a control says about access.
fn note(
    shared: &Shared,
    (key, since): (RequestKey, u64),
    sender: Sender,
    observed: &Observed,
    response: Option<&Response>,
) {
    if let Some(handed) = handed(key, response).filter(|_| observed.granted && observed.is_2xx()) {
        shared.ledger.handed_out(&[handed]);
        shared.spills.given(spill::keys(key, None), sender, response);
    }
    let refused = observed.denied;
    match sender {
        _ if observed.granted => {
            shared.ledger.allowed(key, sender, since);
            if sender != Sender::Anonymous {
                shared.later.allowed(key.request(), shared.ledger.tick());
            }
        }
        Sender::Anonymous if refused => shared.ledger.guarded(key),
        Sender::Anonymous | Sender::Somebody | Sender::Identity { .. } => {}
    }
    if refused {
        shared.ledger.refused(key);
    }
}

fn request_of(request: &Request, hasher: &mut DefaultHasher) {
    (&request.method, request.address.to_string(), &request.body).hash(hasher);
    request.headers.iter().for_each(|field| field.hash(hasher));
}

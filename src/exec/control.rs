//! Controls: the requests that show what a refused defect is worth (docs/language.md, "What a refusal proves").
//!
//! The unchanged request has to be allowed before and after, and refused without a credential. Controls are shared: one
//! is sent once for all defects of a request, and the last one when the last of them is done.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::OnceCell;

use super::access::{Said, said};
use super::actor::{Actor, Ownership, Who};
use super::case::CaseDone;
use super::cast::Cast;
use super::decide::decide;
use super::done::Done;
use super::exchange::{StepRun, count};
use super::leak::handed;
use super::ledger::{RequestKey, Sender};
use super::login::ask;
use super::travel::Way;
use super::uses::Within;
use super::{Shared, record};
use crate::event::{ControlRecord, Phase, Verdict, When};
use crate::http::jar::Jar;
use crate::http::{Headers, Request, Response, Trail};
use crate::mutate::shares;
use crate::plan::{Control, Plan};
use crate::source::Span;
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
}

/// A control that can be sent, and sent again.
#[derive(Debug)]
pub(super) struct Probe {
    case: usize,
    /// Index of the step that it controls.
    step: usize,
    who: Who,
    jar: Jar,
    scope: Arc<Scope>,
    what: What,
    /// Who sends it.
    owner: String,
    /// The origin whose pages have to be able to read the answer; without one it has to be allowed.
    origin: Option<String>,
}

/// What is asked.
#[derive(Debug)]
pub(super) enum What {
    /// The step's own request, dressed as always, and what the ledger knows it by.
    Same(Box<Prepared>, RequestKey),
    /// A request as it stands.
    Ready(Box<Request>, RequestKey),
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
        !matches!(self, Self::Ready(..))
    }
}

/// What came of a control.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    pub(super) status: Option<u16>,
    /// Why no answer came.
    pub(super) error: Option<String>,
    pub(super) granted: bool,
    /// Whether it was refused: 401, 403, or what `outcomes` declares.
    pub(super) denied: bool,
    /// Tells bodies apart; nothing of one that is empty or was not looked at.
    pub(super) body: Option<u64>,
    /// The fields of the answer.
    pub(super) headers: Option<Headers>,
    /// How far the server's clock is ahead of ours, where it tells its time.
    pub(super) skew: Option<SignedDuration>,
    /// Position in the run when it was asked.
    pub(super) at: u64,
}

/// Tells probes apart: what is asked, and with which credential.
type Key = (u64, u64);

/// The controls of a run.
#[derive(Debug, Default)]
pub(super) struct Controls {
    first: Mutex<HashMap<Key, Arc<OnceCell<Observed>>>>,
    latest: Mutex<HashMap<Key, Observed>>,
    groups: Mutex<HashMap<usize, Group>>,
}

/// Cases that share their controls.
#[derive(Debug, Default)]
struct Group {
    /// How many are not done.
    left: usize,
    /// Cases that left before they were done.
    gone: HashSet<usize>,
    /// Those that wait for the last control.
    held: Vec<CaseDone>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Controls {
    /// Counts the groups of a plan.
    pub(super) fn of(plan: &Plan) -> Self {
        let mut groups: HashMap<usize, Group> = HashMap::new();
        for case in plan.cases.iter().filter(|c| c.with.is_some()) {
            groups.entry(case.group).or_default().left += 1;
        }
        Self { groups: Mutex::new(groups), ..Self::default() }
    }

    /// Gives up waiting: what is still held, when the run ends.
    pub(super) fn held(&self) -> Vec<CaseDone> {
        lock(&self.groups).values_mut().flat_map(|g| std::mem::take(&mut g.held)).collect()
    }
}

impl Observed {
    pub(super) fn of(run: &StepRun<'_>, step: &crate::step::Step, actor: &Actor, trail: &Trail) -> Self {
        let response = trail.response().filter(|_| trail.error.is_none());
        let denied = run.denial(step, actor, trail).is_some();
        let in_by_looks = response.is_some_and(|r| r.status / 100 == 2) || said(step, trail) == Said::Allowed;
        Self {
            status: response.map(|r| r.status),
            error: trail.error.as_ref().map(ToString::to_string),
            granted: in_by_looks && !denied,
            denied: denied || response.is_some_and(|r| matches!(r.status, 401 | 403)),
            body: response.map(|r| &r.body).filter(|body| !body.is_empty()).map(|body| digest(body)),
            headers: response.map(|r| r.headers.clone()),
            skew: response.and_then(|r| r.ahead(Timestamp::now())),
            at: 0,
        }
    }

    /// None that could be had, and why.
    pub(super) fn none(why: &str) -> Self {
        Self { error: Some(why.to_owned()), granted: false, ..Self::of_done(&Done::nothing()) }
    }

    fn of_done(done: &Done) -> Self {
        let last = done.records.last();
        Self {
            status: last.and_then(|r| r.status),
            error: done.reasons.first().map(|r| r.message.clone()).filter(|_| last.is_none_or(|r| r.status.is_none())),
            granted: done.held(),
            denied: false,
            body: None,
            headers: None,
            skew: None,
            at: 0,
        }
    }

    /// Tells whether the status is one of success.
    pub(super) fn is_2xx(&self) -> bool {
        self.status.is_some_and(|status| status / 100 == 2)
    }

    /// Tells whether the server refused for being asked too often, or for a lock.
    pub(super) fn is_locked_out(&self) -> bool {
        matches!(self.status, Some(423 | 429))
    }

    /// What came, in words.
    pub(super) fn told(&self) -> String {
        match (self.status, &self.error) {
            (Some(status), _) => status.to_string(),
            (None, Some(error)) => error.clone(),
            (None, None) => "no answer".to_owned(),
        }
    }

    pub(super) fn record(&self, when: When, who: &str, held: bool) -> ControlRecord {
        ControlRecord { when, who: who.to_owned(), status: self.status, held }
    }
}

/// Tells bodies apart without keeping them.
pub(super) fn digest(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
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
        Self { case, step, who, jar: actor.jar.clone(), scope: Arc::clone(scope), what, owner, origin: None }
    }

    /// A case once more, whoever it is of those that share it.
    pub(super) fn replay(case: usize) -> Self {
        let (who, jar, scope, owner) = (Who::Nobody, Jar::default(), Arc::default(), String::new());
        Self { case, step: 0, who, jar, scope, what: What::Replay, owner, origin: None }
    }

    /// Asks whether pages of an origin may read the answer, whatever it is.
    pub(super) fn shared_with(self, origin: String) -> Self {
        Self { origin: Some(origin), ..self }
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
            What::Same(..) | What::Ready(..) => &self.owner,
            What::Control => "control",
            What::Whoami(_) => "whoami",
            What::Replay => "the case replayed",
        }
    }

    /// Tells whether it is the request itself.
    pub(super) const fn is_same(&self) -> bool {
        matches!(self.what, What::Same(..))
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
            What::Control => (2, shared.plan.cases[self.case].group).hash(&mut what),
            What::Whoami(steps) => (3, steps).hash(&mut what),
            // Each time it has its people and its jar from the case.
            What::Replay => {
                (4, shared.plan.cases[self.case].group).hash(&mut what);
                return (what.finish(), 0);
            }
        }
        let mut who = DefaultHasher::new();
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
    async fn after(&self, shared: &Arc<Shared>, at: u64) -> Observed {
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
        let (label, scope, stand_in, within) = (&case.id, &self.scope, case.caller, Within::default());
        let phase = Phase::Case;
        let (last, talking, cookies) = (None, None, &[][..]);
        let run = StepRun { shared, world, phase, label, scope, stand_in, case: None, last, within, talking, cookies };
        // A step of a flow has its place there; any step of the case will do to send as it does.
        let step = case.shape.steps.get(self.step).unwrap_or(&case.shape.steps[0]);
        let mut actor = Actor::entering(self.who.clone(), self.jar.clone());
        let (observed, requests) = match &self.what {
            What::Same(prepared, key) => run.good_one(step, &mut actor, Prepared::clone(prepared), *key).await,
            What::Replay => super::replay::ask(shared, self.case).await,
            What::Ready(request, key) => {
                let trail = run.post((**request).clone(), None, step, &world.transport).await;
                run.tell(&actor, &trail);
                let observed = Observed::of(&run, step, &actor, &trail);
                note(shared, (*key, at), Sender::Anonymous, &observed, trail.response());
                (observed, count(&trail))
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
        let _slot = self.shared.limits.slot(&prepared.request).await;
        let who = actor.who.clone();
        let trail = self.travel(step, &who, &mut actor.jar, prepared, Way::default()).await;
        self.tell(actor, &trail);
        let observed = Observed::of(self, step, actor, &trail);
        note(self.shared, (key, at), sender, &observed, trail.response());
        (observed, count(&trail))
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
    }
    let refused = observed.denied;
    match sender {
        _ if observed.granted => shared.ledger.allowed(key, sender, since),
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

/// Takes a finished case in: one with a defect waits for the last of its group, and then for what the good credential
/// is answered. Gives what can be decided now.
pub(super) async fn close(shared: &Arc<Shared>, index: usize, done: CaseDone) -> Vec<CaseDone> {
    let case = &shared.plan.cases[index];
    if case.with.is_none() {
        let mut done = done;
        settle(shared, &mut done, 0).await;
        return vec![done];
    }
    let mut ready = Vec::new();
    let held = {
        let mut groups = lock(&shared.controls.groups);
        let group = groups.entry(case.group).or_default();
        let claims = done.outcome.verdict == Verdict::Passed && !done.claims.is_empty();
        if group.gone.contains(&index) {
            if claims { vec![done] } else { return vec![done] }
        } else {
            group.left = group.left.saturating_sub(1);
            if claims {
                group.held.push(done);
            } else {
                ready.push(done);
            }
            if group.left == 0 { std::mem::take(&mut group.held) } else { Vec::new() }
        }
    };
    ready.extend(settle_all(shared, case.group, held).await);
    ready
}

/// Takes a case out of its group: it is about to wait for long, and the others must not wait with it.
pub(super) async fn leave(shared: &Arc<Shared>, index: usize) {
    // A case that is its own control is done again when nothing else of it stands.
    if shared.plan.replays(index) {
        return;
    }
    let number = shared.plan.cases[index].group;
    let held = {
        let mut groups = lock(&shared.controls.groups);
        let group = groups.entry(number).or_default();
        if !group.gone.insert(index) {
            return;
        }
        group.left = group.left.saturating_sub(1);
        if group.left == 0 { std::mem::take(&mut group.held) } else { Vec::new() }
    };
    settle_all(shared, number, held).await.into_iter().for_each(|done| decide(shared, done));
}

/// Lets a group wait for more than its cases.
pub(super) fn hold(shared: &Shared, group: usize) {
    lock(&shared.controls.groups).entry(group).or_default().left += 1;
}

/// Ends that wait. Gives what can be decided.
pub(super) async fn release(shared: &Arc<Shared>, number: usize) -> Vec<CaseDone> {
    let held = {
        let mut groups = lock(&shared.controls.groups);
        let group = groups.entry(number).or_default();
        group.left = group.left.saturating_sub(1);
        if group.left == 0 { std::mem::take(&mut group.held) } else { Vec::new() }
    };
    settle_all(shared, number, held).await
}

/// Cases whose last control is asked. Whoever is cut off meanwhile gives them back to their group, so that none is lost.
struct Settling<'a> {
    controls: &'a Controls,
    group: usize,
    held: Vec<CaseDone>,
}

impl Drop for Settling<'_> {
    fn drop(&mut self) {
        if !self.held.is_empty() {
            lock(&self.controls.groups).entry(self.group).or_default().held.append(&mut self.held);
        }
    }
}

/// Before a case takes identities for itself: what has yet to be shown of defects by their sessions is asked now, since
/// afterwards they have others. Gives what can be decided.
pub(super) async fn settle_of(shared: &Arc<Shared>, ids: &[IdentityId]) -> Vec<CaseDone> {
    let is_theirs = |probe: &Probe| probe.who.session().is_some_and(|(id, _)| ids.contains(&id));
    // A case that is done again gets its sessions anew.
    let probes = |done: &CaseDone| done.claims.iter().filter_map(|claim| claim.probe.clone()).collect::<Vec<_>>();
    let waits = |done: &CaseDone| probes(done).iter().any(|probe| !probe.is_replay() && is_theirs(probe));
    let held: Vec<(usize, Vec<CaseDone>)> = {
        let mut groups = lock(&shared.controls.groups);
        groups.iter_mut().map(|(number, group)| (*number, group.held.extract_if(.., |d| waits(d)).collect())).collect()
    };
    let mut settled = Vec::new();
    for (group, held) in held {
        settled.extend(settle_all(shared, group, held).await);
    }
    settled
}

/// All are asked about after the last of them was refused.
async fn settle_all(shared: &Arc<Shared>, group: usize, held: Vec<CaseDone>) -> Vec<CaseDone> {
    let latest = held.iter().flat_map(|done| &done.claims).map(|claim| claim.at).max().unwrap_or(0);
    let mut settling = Settling { controls: &shared.controls, group, held };
    for done in &mut settling.held {
        settle(shared, done, latest).await;
    }
    std::mem::take(&mut settling.held)
}

/// Asks whether the good credential is still allowed, and words what it is not.
async fn settle(shared: &Arc<Shared>, done: &mut CaseDone, latest: u64) {
    for claim in std::mem::take(&mut done.claims) {
        let Some(probe) = &claim.probe else {
            done.outcome.proof.unproven += 1;
            let message = "`control: off`: nothing shows that the good credential would be allowed";
            push(shared, done, "uncontrolled", message, claim.step, Vec::new());
            continue;
        };
        // Every case may come here and few do: boxed, it takes no room in the others.
        let after = tokio::select! {
            biased;
            _ = shared.stop.cut_off() => {
                undecided(shared, done, claim.step);
                continue;
            }
            after = Box::pin(probe.after(shared, latest)) => after,
        };
        let name = probe.name();
        let met = probe.is_met(&after);
        done.outcome.controls.push(after.record(When::After, name, met));
        if met {
            done.outcome.proof.proven += u32::from(claim.whole);
            continue;
        }
        done.outcome.verdict = Verdict::Inconclusive;
        let (code, message) = if after.is_locked_out() {
            (
                "locked-out",
                format!("afterwards `{}` was refused as well ({}): locked out or limited", name, after.told()),
            )
        } else if let Some(origin) = &probe.origin {
            ("control-after", format!("afterwards pages of `{origin}` might not read it any more ({})", after.told()))
        } else {
            ("control-after", format!("afterwards `{}` was not allowed any more ({})", name, after.told()))
        };
        push(shared, done, code, &message, claim.step, Vec::new());
    }
}

/// A case whose last control never came.
pub(super) fn undecided(shared: &Shared, done: &mut CaseDone, step: usize) {
    done.outcome.verdict = Verdict::Inconclusive;
    let message = "the run ended before the good credential was asked once more";
    push(shared, done, "control-after", message, step, Vec::new());
}

fn push(shared: &Shared, done: &mut CaseDone, code: &'static str, message: &str, step: usize, help: Vec<String>) {
    let mut reason = record::reason(shared, code, message, Span::NONE, help);
    reason.place = done.outcome.steps.get(step).map_or_else(|| done.outcome.place.clone(), |s| s.place.clone());
    reason.step = Some(step);
    reason.shared_cause = Some(format!("{code}:{message}").into());
    done.outcome.reasons.push(reason);
}

//! Who was allowed what in this run, and what refusals therefore prove (docs/language.md, "What a refusal proves").
//!
//! A refusal is proven when somebody was allowed the same method and target in this run, and the
//! refused identity itself was allowed something that nobody without a credential was. Cases with
//! refusals that are not settled yet are held back; when all cases are done, the rest is decided.
//! Nothing is decided on what a later answer may overturn, so the order of cases never matters.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::actor::Ownership;
use super::alive::Sample;
use super::leak::Handed;
use super::session::SessionId;
use crate::evidence::Memory;
use crate::step::IdentityId;

/// What is known of a method and target, whatever else was asked.
#[derive(Debug, Default, Clone, Copy)]
struct Address {
    known: Known,
    /// Somebody was allowed it whose credential may be a part of the body.
    by_hand: bool,
    /// It is one of a login, whose credential is.
    of_login: bool,
}

/// What is known of a request.
#[derive(Debug, Default, Clone, Copy)]
struct Known {
    /// Somebody was allowed it.
    somebody: bool,
    /// Somebody without a credential was allowed it.
    public: bool,
    /// Somebody without a credential was refused it.
    guarded: bool,
    /// How often anybody was refused it; counted by method and target.
    refusals: usize,
}

#[derive(Debug, Default)]
struct Inner {
    requests: HashMap<RequestKey, Known>,
    /// The same by method and target alone; a `whoami` tells no more than that somebody was allowed it.
    addresses: HashMap<u64, Address>,
    /// What somebody was allowed in a row whose cells each have something of their own.
    alike: HashSet<u64>,
    /// What whoever was allowed something got.
    handed: HashSet<Handed>,
    /// What each identity was allowed.
    by_identity: HashMap<IdentityId, HashSet<RequestKey>>,
    /// What each shared session was allowed, and when it last asked for it: only what it was seen doing itself says
    /// whether it lived, and an answer that came late may have been given before.
    by_session: HashMap<SessionId, HashMap<RequestKey, u64>>,
    /// What shared sessions were answered when they were asked at the end and were not alive.
    dead: HashMap<SessionId, Found>,
    /// Methods and targets that anonymous was refused for another reason than a token against request forgery.
    barred: HashSet<u64>,
    /// The talks that changed nothing.
    talks: Talks,
    /// The step that first ended or rotated each identity's shared session.
    ended: HashMap<IdentityId, Ender>,
    /// Pages that each identity was allowed.
    samples: HashMap<IdentityId, Vec<(RequestKey, Sample)>>,
    /// What was asked as nobody to find out what it is worth: a page of an identity, or its `whoami`.
    as_nobody: HashSet<(IdentityId, RequestKey)>,
    clock: u64,
}

/// The statuses that a dead session was answered, if any.
#[derive(Debug, Clone)]
struct Found(Vec<u16>);

/// What nobody gets of a request, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Nobody is allowed it as well.
    Public,
    /// Nobody is refused it.
    Guarded,
    /// Nobody asked, or the answer said neither.
    Unknown,
}

/// How many pages of an identity are kept to be asked for again: the first ones of a suite are often public.
const SAMPLES: usize = 8;

/// A step of a case that ended or rotated a session that others use.
#[derive(Debug, Clone)]
pub(super) struct Ender {
    /// The case's id.
    pub(super) case: Arc<str>,
    /// The session.
    pub(super) session: SessionId,
    /// The step's line.
    pub(super) line: String,
}

impl Inner {
    fn known(&self, key: RequestKey) -> Known {
        let own = self.requests.get(&key).copied().unwrap_or_default();
        // What anybody may ask with one body anybody may ask with another, unless just that was refused.
        let open = || self.addresses.get(&key.request).is_some_and(|address| address.known.public);
        let public = own.public || (key.asked == Asked::Plainly && !own.guarded && open());
        Known { public, ..own }
    }

    fn guarded(&self, key: RequestKey) -> bool {
        // Whoever is refused the request is refused its `whoami`.
        self.known(key).guarded || self.known(key.plainly()).guarded
    }

    /// What anonymous gets too shows nothing about a credential.
    fn is_somebody(&self, id: IdentityId) -> bool {
        self.by_identity.get(&id).is_some_and(|keys| keys.iter().any(|k| !self.known(*k).public))
    }

    fn is_surely_somebody(&self, id: IdentityId) -> bool {
        let theirs = self.by_identity.get(&id);
        theirs.is_some_and(|keys| keys.iter().any(|k| !self.known(*k).public && self.guarded(*k)))
    }

    /// Tells whether somebody was allowed what was refused: the same request. Where the credential is a part of the body,
    /// as that of a login is, another body is no other request; nor where the case says so by its control.
    fn is_allowed(&self, refusal: &Refusal) -> bool {
        if refusal.control {
            return true;
        }
        let by_hand = !matches!(refusal.sender, Sender::Identity { .. });
        let in_body = |address: &Address| address.of_login || (by_hand && address.by_hand);
        self.known(refusal.key).somebody || self.addresses.get(&refusal.key.request).is_some_and(in_body)
    }

    fn access(&self, key: RequestKey) -> Access {
        match (self.known(key).public, self.guarded(key)) {
            (true, _) => Access::Public,
            (false, true) => Access::Guarded,
            (false, false) => Access::Unknown,
        }
    }

    /// Tells whether the session was seen being allowed something after a time that shows it alive: also a
    /// dead session gets what is public, so what may be is worth nothing once the session was found dead.
    fn alive_after(&self, session: SessionId, at: u64) -> bool {
        let found_dead = self.dead.contains_key(&session);
        self.seen_after(session, at, |access| match access {
            Access::Public => false,
            Access::Guarded => true,
            Access::Unknown => !found_dead,
        })
    }

    fn seen_after(&self, session: SessionId, at: u64, counts: impl Fn(Access) -> bool) -> bool {
        let seen = self.by_session.get(&session);
        seen.is_some_and(|keys| keys.iter().any(|(key, last)| *last >= at && counts(self.access(*key))))
    }

    /// Tells whether a credential that is written by hand was seen good before: by the same request, or one that nobody is
    /// allowed without one.
    fn was_good(&self, refusal: &Refusal) -> bool {
        refusal.earlier.iter().any(|key| key.is_to(refusal.key) || self.access(*key) == Access::Guarded)
    }

    /// Tells whether the credential was good when it was refused, as far as can be told.
    fn was_alive(&self, refusal: &Refusal, session: SessionId, ownership: Ownership) -> bool {
        // A 401 or the way to the login page is what a dead session gets as well.
        let as_dead = matches!(refusal.status, 401 | 300..=399);
        let earlier = refusal.earlier.iter().any(|k| !self.known(*k).public);
        match ownership {
            Ownership::Fresh => {
                let after = refusal.after.and_then(|after| refusal.lived(&[after]));
                after != Some(false) && (earlier || !as_dead)
            }
            // The case itself waits for the end of a credential that it saw working.
            Ownership::Still if earlier => refusal.waited != Waited::Disturbed,
            Ownership::Shared | Ownership::Still => {
                self.alive_after(session, refusal.at)
                    || self.dead.get(&session).and_then(|Found(all)| refusal.lived(all)).unwrap_or(!as_dead)
            }
        }
    }
}

/// The run's memory of who was allowed what.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Inner>);

impl Ledger {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the next position in the run.
    pub(super) fn tick(&self) -> u64 {
        let mut inner = self.lock();
        inner.clock += 1;
        inner.clock
    }

    /// Notes that a request was allowed that was sent at a position in the run.
    pub(super) fn allowed(&self, key: RequestKey, sender: Sender, since: u64) {
        let mut inner = self.lock();
        inner.requests.entry(key.plainly()).or_default().somebody = true;
        let address = inner.addresses.entry(key.request).or_default();
        address.known.somebody = true;
        address.by_hand |= !matches!(sender, Sender::Identity { .. });
        match sender {
            Sender::Somebody => {}
            Sender::Anonymous => {
                address.known.public |= key.asked == Asked::Plainly;
                inner.requests.entry(key).or_default().public = true;
            }
            Sender::Identity { id, session, ownership } => {
                inner.by_identity.entry(id).or_default().insert(key);
                if ownership != Ownership::Fresh {
                    let last = inner.by_session.entry(session).or_default().entry(key).or_default();
                    *last = since.max(*last);
                }
            }
        }
    }

    /// Notes what somebody got who was allowed it; before it is noted that they were.
    pub(super) fn handed_out(&self, handed: &[Handed]) {
        self.lock().handed.extend(handed);
    }

    /// Tells whether a refusal hands over what somebody who is allowed gets, and anonymous does not.
    pub(super) fn leaks(&self, refusal: &Refusal) -> bool {
        let inner = self.lock();
        !inner.known(refusal.key).public && refusal.handed.iter().any(|handed| inner.handed.contains(handed))
    }

    /// Notes that somebody was allowed what a row asks for.
    pub(super) fn allowed_alike(&self, row: u64) {
        self.lock().alike.insert(row);
    }

    /// Notes that a request was allowed on the way into a session.
    pub(super) fn entered(&self, key: RequestKey) {
        self.allowed(key, Sender::Somebody, 0);
        self.lock().addresses.entry(key.request).or_default().of_login = true;
    }

    /// Notes that a request without a credential was refused.
    pub(super) fn guarded(&self, key: RequestKey) {
        let mut inner = self.lock();
        inner.requests.entry(key).or_default().guarded = true;
        inner.addresses.entry(key.request).or_default().known.guarded |= key.asked == Asked::Plainly;
    }

    /// Notes that anonymous was refused a request by who asks.
    pub(super) fn barred(&self, key: RequestKey) {
        self.lock().barred.insert(key.request);
    }

    /// Notes that a request was refused, to whomever.
    pub(super) fn refused(&self, key: RequestKey) {
        self.lock().addresses.entry(key.request).or_default().known.refusals += 1;
    }

    /// Tells what the run knows about a request and who sent it: the identities that were allowed it,
    /// and all the rest, with the names left empty.
    pub(super) fn memory(&self, request: u64, id: Option<IdentityId>) -> (Vec<IdentityId>, Memory) {
        let inner = self.lock();
        let known = inner.addresses.get(&request).copied().unwrap_or_default().known;
        let got = |keys: &HashSet<RequestKey>| keys.iter().any(|k| k.request == request);
        let mut others: Vec<IdentityId> = inner
            .by_identity
            .iter()
            .filter(|(other, keys)| Some(**other) != id && got(keys))
            .map(|(o, _)| *o)
            .collect();
        others.sort_unstable();
        let theirs = id.and_then(|id| inner.by_identity.get(&id));
        let elsewhere = |keys: &HashSet<RequestKey>| {
            keys.iter().filter(|k| k.request != request && !inner.known(**k).public).count()
        };
        let ender = id.and_then(|id| inner.ended.get(&id));
        let memory = Memory {
            others: Vec::new(),
            public: known.public,
            guarded: known.guarded,
            elsewhere: theirs.map_or(0, elsewhere),
            itself: theirs.is_some_and(got),
            refusals: known.refusals,
            left: None,
            ender: ender.map(|e| (e.case.to_string(), e.line.clone())),
        };
        (others, memory)
    }

    /// Notes that a shared session does not work any more, and what it was answered.
    pub(super) fn dead(&self, session: SessionId, statuses: Vec<u16>) {
        self.lock().dead.insert(session, Found(statuses));
    }

    /// Tells whether a shared session was found not to work any more.
    pub(super) fn is_dead(&self, session: SessionId) -> bool {
        self.lock().dead.contains_key(&session)
    }

    /// Keeps a page that an identity was allowed, one of each address.
    pub(super) fn sample(&self, id: IdentityId, key: RequestKey, sample: impl FnOnce() -> Sample) {
        let mut inner = self.lock();
        let samples = inner.samples.entry(id).or_default();
        if samples.len() < SAMPLES && samples.iter().all(|(k, _)| *k != key) {
            samples.push((key, sample()));
        }
    }

    /// Gives the pages that an identity was allowed and that are not known to be public.
    pub(super) fn samples(&self, id: IdentityId) -> Vec<(RequestKey, Sample)> {
        let inner = self.lock();
        let all = inner.samples.get(&id).into_iter().flatten();
        all.filter(|(key, _)| !inner.known(*key).public).cloned().collect()
    }

    /// Tells, once, that what an identity was allowed may be asked for as nobody: a page, or its `whoami`.
    pub(super) fn may_ask_as_nobody(&self, id: IdentityId, page: RequestKey) -> bool {
        self.lock().as_nobody.insert((id, page))
    }

    /// Tells what nobody gets of a request.
    pub(super) fn access(&self, key: RequestKey) -> Access {
        self.lock().access(key)
    }

    /// Tells what nobody gets of an identity's `whoami`.
    pub(super) fn whoami_access(&self, id: IdentityId) -> Access {
        let inner = self.lock();
        let asked = inner.by_identity.get(&id).into_iter().flatten();
        let mut all = asked.filter(|k| k.asked == Asked::Whoami).map(|k| inner.access(*k));
        let first = all.next().unwrap_or(Access::Unknown);
        all.fold(first, |one, other| if one == other { one } else { Access::Unknown })
    }

    /// Notes that a case ended or rotated the shared session of an identity.
    pub(super) fn ended(&self, id: IdentityId, ender: Ender) {
        self.lock().ended.entry(id).or_insert(ender);
    }

    /// Tells whether a shared session was let in to what is not known to be public by a request that was sent later.
    pub(super) fn was_good_after(&self, session: SessionId, at: u64) -> bool {
        self.lock().seen_after(session, at, |access| access != Access::Public)
    }

    /// Tells who ended or rotated the shared session of an identity.
    pub(super) fn ender(&self, id: IdentityId) -> Option<Ender> {
        self.lock().ended.get(&id).cloned()
    }

    /// Tells what a refusal proves as far as is known now.
    pub(super) fn shown(&self, refusal: &Refusal) -> Shown {
        if refusal.weight == Weight::Unsent {
            return Shown::Unsent;
        }
        let inner = self.lock();
        if let Some(spoken) = refusal.talk {
            // Asked is of the talk and not of the person: a session that was found dead had an end of its own.
            let died = refusal.after.is_some_and(|after| refusal.lived(&[after]) == Some(false));
            return if died { Shown::Died } else { inner.talks.of(refusal, spoken) };
        }
        if let Sender::Identity { id, session, ownership } = refusal.sender {
            if !inner.is_somebody(id) {
                return Shown::Never;
            }
            if !inner.was_alive(refusal, session, ownership) {
                return Shown::Died;
            }
        }
        if (refusal.weight, refusal.waited) == (Weight::Claim, Waited::ByHand) && !inner.was_good(refusal) {
            return Shown::Unseen;
        }
        if refusal.weight == Weight::Claim && refusal.tokenless && !inner.barred.contains(&refusal.key.request) {
            return Shown::Tokenless;
        }
        match refusal.weight {
            Weight::Remark | Weight::Hint => Shown::Fine,
            Weight::Unsent => Shown::Unsent,
            Weight::Claim | Weight::Change if inner.is_allowed(refusal) => Shown::Proven,
            Weight::Change => Shown::Unaccepted,
            Weight::Claim if refusal.alike.is_some_and(|row| inner.alike.contains(&row)) => Shown::Proven,
            Weight::Claim => Shown::Unproven,
        }
    }

    /// Tells whether somebody was allowed the method and target of a refusal, with another body or other fields.
    pub(super) fn is_allowed_otherwise(&self, refusal: &Refusal) -> bool {
        self.lock().addresses.get(&refusal.key.request).is_some_and(|address| address.known.somebody)
    }

    /// Tells whether nobody that comes later can change what a refusal proves; whether the session
    /// lives on is another question, see [`Ledger::wants_life`].
    pub(super) fn is_settled(&self, refusal: &Refusal) -> bool {
        match self.shown(refusal) {
            Shown::Proven | Shown::Fine => {}
            Shown::Unsent => return true,
            Shown::Unproven
            | Shown::Tokenless
            | Shown::Unseen
            | Shown::Never
            | Shown::Died
            | Shown::Unaccepted
            | Shown::LockedOut => {
                return false;
            }
        }
        if refusal.talk.is_some() {
            return true;
        }
        match refusal.sender {
            Sender::Anonymous | Sender::Somebody => true,
            Sender::Identity { id, .. } => self.is_surely_somebody(id),
        }
    }

    /// Tells whether an identity was allowed a method and target.
    pub(super) fn was_allowed(&self, id: IdentityId, request: u64) -> bool {
        self.lock().by_identity.get(&id).is_some_and(|keys| keys.iter().any(|key| key.request == request))
    }

    /// Tells whether an identity was allowed something that anonymous was seen being refused.
    pub(super) fn is_surely_somebody(&self, id: IdentityId) -> bool {
        self.lock().is_surely_somebody(id)
    }

    /// Tells whether a shared session has yet to be seen working after a refusal.
    pub(super) fn wants_life(&self, refusal: &Refusal) -> bool {
        if refusal.talk.is_some() {
            return false;
        }
        let Sender::Identity { session, ownership, .. } = refusal.sender else { return false };
        let waited = ownership == Ownership::Still && !refusal.earlier.is_empty();
        let shared = ownership != Ownership::Fresh && !waited && refusal.weight != Weight::Unsent;
        shared && !self.lock().seen_after(session, refusal.at, |access| access == Access::Guarded)
    }
}

mod refusal;
mod talks;
#[cfg(test)]
mod tests;

pub(super) use refusal::{Asked, Refusal, RequestKey, Sender, Shown, Waited, Weight};
pub(super) use talks::Spoken;
use talks::Talks;

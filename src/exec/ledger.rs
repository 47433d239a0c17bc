//! Who was allowed what in this run, and what refusals therefore prove (language §6, plain refusals).
//!
//! A refusal is proven when somebody was allowed the same method and target in this run, and the
//! refused identity itself was allowed something that nobody without a credential was. Cases with
//! refusals that are not proven yet are held back; when all cases are done, the rest is decided.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use crate::step::IdentityId;

/// A method and target, as they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RequestKey(u64);

impl RequestKey {
    pub(super) fn of(method: &str, url: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (method, url).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// A request that was refused, as its case expected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    pub(super) key: RequestKey,
    /// Who was refused; `None` for nobody, anonymous and hand-written credentials.
    pub(super) identity: Option<IdentityId>,
    pub(super) status: u16,
    /// Index of the step in its case.
    pub(super) step: usize,
    /// Position in the run, for telling earlier from later.
    pub(super) at: u64,
    /// The case uses the identity's shared session, so the session's later fate counts.
    pub(super) shared: bool,
}

/// Who sent an allowed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    /// Without any credential.
    Anonymous,
    /// An identity with its credential; a `fresh` or shared session.
    Identity { id: IdentityId, shared: bool },
    /// A hand-written credential, or steps of a login: shows that the request can be allowed, nothing more.
    Somebody,
}

/// What a refusal proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Access was at stake.
    Proven,
    /// Nobody was seen being allowed the same request.
    Unproven,
    /// The identity was never allowed anything, or its session had died: it proves nothing.
    Nothing,
}

#[derive(Debug, Default)]
struct Inner {
    /// Requests that somebody was allowed; true when anonymous was.
    allowed: HashMap<RequestKey, bool>,
    /// What each identity was allowed.
    by_identity: HashMap<IdentityId, HashSet<RequestKey>>,
    /// When each identity's shared session was last seen working.
    last_alive: HashMap<IdentityId, u64>,
    clock: u64,
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

    /// Notes that a request was allowed.
    pub(super) fn allowed(&self, key: RequestKey, sender: Sender) {
        let mut inner = self.lock();
        inner.clock += 1;
        let now = inner.clock;
        let anonymous = inner.allowed.entry(key).or_insert(false);
        *anonymous |= sender == Sender::Anonymous;
        if let Sender::Identity { id, shared } = sender {
            inner.by_identity.entry(id).or_default().insert(key);
            if shared {
                inner.last_alive.insert(id, now);
            }
        }
    }

    /// Tells whether an identity was ever allowed something.
    pub(super) fn knows(&self, id: Option<IdentityId>) -> bool {
        id.is_some_and(|id| self.lock().by_identity.contains_key(&id))
    }

    /// Tells what a refusal proves as far as is known now.
    pub(super) fn shown(&self, refusal: &Refusal) -> Shown {
        let inner = self.lock();
        if let Some(id) = refusal.identity {
            let theirs = inner.by_identity.get(&id);
            // What anonymous gets too shows nothing about a credential.
            let somebody = theirs.is_some_and(|keys| keys.iter().any(|k| inner.allowed.get(k) == Some(&false)));
            if !somebody {
                return Shown::Nothing;
            }
            // A 401 may also mean that the session died: it must have been seen working afterwards.
            let died = refusal.shared
                && refusal.status == 401
                && inner.last_alive.get(&id).is_none_or(|alive| *alive < refusal.at);
            if died {
                return Shown::Nothing;
            }
        }
        if inner.allowed.contains_key(&refusal.key) { Shown::Proven } else { Shown::Unproven }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: IdentityId = IdentityId(1);

    fn refusal(ledger: &Ledger, url: &str, identity: Option<IdentityId>, status: u16) -> Refusal {
        Refusal { key: RequestKey::of("GET", url), identity, status, step: 0, at: ledger.tick(), shared: true }
    }

    #[test]
    fn a_refusal_needs_somebody_allowed_and_the_refused_alive() {
        let ledger = Ledger::default();
        let admin = refusal(&ledger, "/admin", Some(BOB), 403);
        assert_eq!(ledger.shown(&admin), Shown::Nothing);
        ledger.allowed(RequestKey::of("GET", "/me"), Sender::Identity { id: BOB, shared: true });
        assert_eq!(ledger.shown(&admin), Shown::Unproven);
        ledger.allowed(RequestKey::of("GET", "/admin"), Sender::Identity { id: IdentityId(2), shared: true });
        assert_eq!(ledger.shown(&admin), Shown::Proven);
    }

    #[test]
    fn what_anonymous_gets_too_does_not_make_somebody_alive() {
        let ledger = Ledger::default();
        ledger.allowed(RequestKey::of("GET", "/health"), Sender::Identity { id: BOB, shared: true });
        ledger.allowed(RequestKey::of("GET", "/health"), Sender::Anonymous);
        assert_eq!(ledger.shown(&refusal(&ledger, "/admin", Some(BOB), 403)), Shown::Nothing);
    }

    #[test]
    fn a_401_after_the_session_was_last_seen_working_proves_nothing() {
        let ledger = Ledger::default();
        let me = RequestKey::of("GET", "/me");
        ledger.allowed(me, Sender::Identity { id: BOB, shared: true });
        ledger.allowed(RequestKey::of("GET", "/admin"), Sender::Somebody);
        let dead = refusal(&ledger, "/admin", Some(BOB), 401);
        assert_eq!(ledger.shown(&dead), Shown::Nothing);
        ledger.allowed(me, Sender::Identity { id: BOB, shared: true });
        assert_eq!(ledger.shown(&dead), Shown::Proven);
    }

    #[test]
    fn nobody_needs_no_life() {
        let ledger = Ledger::default();
        let anonymous = refusal(&ledger, "/me", None, 401);
        assert_eq!(ledger.shown(&anonymous), Shown::Unproven);
        ledger.allowed(RequestKey::of("GET", "/me"), Sender::Somebody);
        assert_eq!(ledger.shown(&anonymous), Shown::Proven);
    }
}

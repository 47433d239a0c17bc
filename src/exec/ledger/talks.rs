//! Which talks of schemes were seen working with nothing changed: what a refused changed one is worth. Also a server that
//! lets an identity in no more refuses it, or one whose endpoint refuses everybody.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Access, Ledger, Refusal, Shown, Weight};
use crate::exec::session::SessionId;
use crate::spec::Talk;
use crate::step::IdentityId;

/// Whose talk, and which.
pub(in crate::exec) type Spoken = (IdentityId, Talk);

/// The talks that changed nothing.
#[derive(Debug, Default)]
pub(super) struct Talks {
    /// When the last of each began that worked.
    worked: HashMap<Spoken, u64>,
    /// When one began that did not, and why.
    broken: HashMap<Spoken, (u64, Arc<str>)>,
}

impl Talks {
    /// What they show about a changed one that was refused at a time.
    pub(super) fn after(&self, spoken: Spoken, at: u64) -> Shown {
        if self.worked.get(&spoken).is_some_and(|began| *began > at) {
            return Shown::Proven;
        }
        let is_broken = self.broken.get(&spoken).is_some_and(|(began, _)| *began > at);
        if is_broken { Shown::LockedOut } else { Shown::Unproven }
    }

    /// What they show about a refusal: what works when a lock is over shows nothing about who came before.
    pub(super) fn of(&self, refusal: &Refusal, spoken: Spoken) -> Shown {
        if refusal.shut.is_some() { Shown::LockedOut } else { self.after(spoken, refusal.at) }
    }
}

impl Ledger {
    /// When what a shared session was last seen being allowed was asked for, that not everybody is allowed.
    pub(in crate::exec) fn last_seen(&self, session: SessionId) -> Option<u64> {
        let inner = self.lock();
        let seen = inner.by_session.get(&session)?;
        seen.iter().filter(|(key, _)| inner.access(**key) != Access::Public).map(|(_, last)| *last).max()
    }

    /// Notes that a talk with nothing changed worked that began at a time.
    pub(in crate::exec) fn talked(&self, spoken: Spoken, began: u64) {
        let mut inner = self.lock();
        let latest = inner.talks.worked.entry(spoken).or_default();
        *latest = began.max(*latest);
    }

    /// Notes that a talk with nothing changed did not work that began at a time, and why.
    pub(in crate::exec) fn not_talked(&self, spoken: Spoken, began: u64, why: &str) {
        self.lock().talks.broken.insert(spoken, (began, why.into()));
    }

    /// Tells whether a talk with nothing changed was seen working that began after a time.
    pub(in crate::exec) fn has_talked(&self, spoken: Spoken, at: u64) -> bool {
        self.lock().talks.after(spoken, at) == Shown::Proven
    }

    /// Tells which talk has yet to work after a changed one was refused.
    pub(in crate::exec) fn wants_talk(&self, refusal: &Refusal) -> Option<Spoken> {
        let spoken = refusal.talk.filter(|_| refusal.weight == Weight::Claim && refusal.shut.is_none())?;
        (self.lock().talks.after(spoken, refusal.at) == Shown::Unproven).then_some(spoken)
    }

    /// Why a talk that began after a changed one was refused did not work with nothing changed.
    pub(in crate::exec) fn is_shut(&self, spoken: Spoken, at: u64) -> Option<Arc<str>> {
        let inner = self.lock();
        let is_shut = inner.talks.after(spoken, at) == Shown::LockedOut;
        inner.talks.broken.get(&spoken).filter(|_| is_shut).map(|(_, why)| Arc::clone(why))
    }

    /// Why a talk did not work with nothing changed.
    pub(in crate::exec) fn why_not_talked(&self, spoken: Spoken) -> Option<Arc<str>> {
        self.lock().talks.broken.get(&spoken).map(|(_, why)| Arc::clone(why))
    }
}

//! When identities came and went: a server may end the earlier sessions of whoever logs in once more, and all of whoever logs
//! out of one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Shared;
use super::session::Session;
use crate::evidence::{Facts, Span};
use crate::spec::Talk;
use crate::step::IdentityId;

/// How many cases that logged out are named.
const NAMED: usize = 3;

/// The logins and logouts of a run, with their times in it.
#[derive(Debug, Default)]
pub(super) struct Visits(Mutex<HashMap<IdentityId, Own>>);

/// Those of one identity.
#[derive(Debug, Default)]
struct Own {
    /// Logins that gave a credential.
    came: Vec<Span>,
    /// Logouts of sessions that cases have for themselves, with the case.
    left: Vec<(Span, String)>,
}

impl Visits {
    fn lock(&self) -> MutexGuard<'_, HashMap<IdentityId, Own>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a login that gave a credential.
    pub(super) fn came(&self, id: IdentityId, span: Span) {
        self.lock().entry(id).or_default().came.push(span);
    }

    /// Notes that a case logged out of a session of its own.
    pub(super) fn left(&self, id: IdentityId, span: Span, case: &str) {
        self.lock().entry(id).or_default().left.push((span, case.to_owned()));
    }
}

/// From when on a session may have been ended by others: since its own login began, or it was last seen alive.
pub(super) fn since(shared: &Shared, session: &Session) -> u64 {
    session.began.max(shared.ledger.last_seen(session.number).unwrap_or(0))
}

/// Adds to the facts of a step how its identity came and went around it. The case itself is told by its own steps.
pub(super) fn recall(shared: &Shared, case: &str, facts: &mut Facts) {
    let Some(id) = facts.identity else { return };
    let has_whoami = shared.plan.identities[id.0 as usize].login.whoami.is_some();
    let session = &mut facts.session;
    let all = shared.visits.lock();
    let Some(own) = all.get(&id) else { return };
    let meanwhile = |span: &&Span| span.began != session.own && session.meanwhile.meets(**span);
    // One that outlived another login is not ended by the next.
    let before = |span: &Span| session.own > 0 && span.began > session.own && span.ended < session.meanwhile.began;
    let outlived = own.came.iter().any(before);
    session.newer_logins = if outlived { 0 } else { own.came.iter().filter(meanwhile).count() as u64 };
    let left = own.left.iter().filter(|(span, by)| by != case && meanwhile(&span));
    session.logouts = left.map(|(_, by)| by.clone()).take(NAMED).collect();
    session.works = has_whoami && shared.ledger.has_talked((id, Talk::Login), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_before_or_begins_afterwards_does_not_meet() {
        let span = |began, ended| Span { began, ended };
        assert!(span(5, 9).meets(span(1, 6)) && span(5, 9).meets(span(8, 20)) && span(5, 9).meets(span(6, 7)));
        assert!(!span(5, 9).meets(span(1, 5)) && !span(5, 9).meets(span(9, 12)));
    }
}

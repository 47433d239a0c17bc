//! Who sends: nobody, an identity on its way in, or one with its session.

use std::sync::Arc;

use super::ledger::RequestKey;
use super::session::Session;
use crate::http::Trail;
use crate::http::jar::Jar;
use crate::page;
use crate::step::{IdentityId, LastPage};
use crate::template::Scope;

/// Who sends, with what belongs to them in this case.
#[derive(Debug, Clone)]
pub(super) struct Actor {
    pub(super) who: Who,
    pub(super) jar: Jar,
    /// The cookies of the browser it logged in with, where these do not travel with its requests.
    pub(super) browser: Jar,
    /// The last page it got in this case, whose forms may be sent.
    pub(super) page: Option<LastPage>,
    /// What this credential was allowed so far in this case.
    pub(super) allowed: Vec<RequestKey>,
}

/// The kinds of senders.
#[derive(Debug, Clone)]
pub(super) enum Who {
    /// Nobody: only what the case received or wrote itself travels.
    Nobody,
    /// Nobody, by name.
    Anonymous,
    /// An identity on its way in: its fields are in scope, no credential is sent.
    Entering(IdentityId, Arc<Scope>),
    /// An identity with its session.
    Identity(IdentityId, Arc<Session>, Ownership),
}

/// Whose session an identity uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ownership {
    /// A copy of the one that all cases share; it may refresh by itself.
    Shared,
    /// The shared one, in a case that waits or ends it: nothing refreshes by itself.
    Still,
    /// The case's own.
    Fresh,
}

impl Who {
    /// The identity that has a session, with that session.
    pub(super) const fn session(&self) -> Option<(IdentityId, &Arc<Session>)> {
        match self {
            Self::Identity(id, session, _) => Some((*id, session)),
            Self::Nobody | Self::Anonymous | Self::Entering(..) => None,
        }
    }
}

impl Actor {
    pub(super) fn nobody() -> Self {
        Self::entering(Who::Nobody, Jar::default())
    }

    pub(super) fn anonymous() -> Self {
        Self::entering(Who::Anonymous, Jar::default())
    }

    /// Goes on with a newer session; cookies that the case received itself stay.
    pub(super) fn take_over(&mut self, session: &Arc<Session>) {
        if let Who::Identity(_, held, _) = &mut self.who {
            *held = Arc::clone(session);
            self.jar.absorb(&session.jar);
        }
    }

    /// Keeps the page that an answer brought, if it brought one.
    pub(super) fn keep_page(&mut self, trail: &Trail) {
        if let Some(hop) = trail.hops.last()
            && let Ok(response) = &hop.response
            && page::is_page(response)
        {
            self.page = Some(LastPage { response: response.clone(), address: hop.request.address.clone() });
        }
    }

    /// Somebody without a credential.
    pub(super) fn entering(who: Who, jar: Jar) -> Self {
        Self { who, jar, browser: Jar::default(), page: None, allowed: Vec::new() }
    }

    /// Becomes the browser that it logged in with: no credential travels, and the cookies of that login do.
    pub(super) fn open_browser(&mut self) -> Option<Who> {
        let Who::Identity(id, session, _) = &self.who else { return None };
        let browsing = Who::Entering(*id, Arc::clone(&session.scope));
        if session.is_apart {
            std::mem::swap(&mut self.jar, &mut self.browser);
        }
        Some(std::mem::replace(&mut self.who, browsing))
    }

    /// Becomes itself again.
    pub(super) fn close_browser(&mut self, before: Option<Who>) {
        let Some(who) = before else { return };
        if matches!(&who, Who::Identity(_, session, _) if session.is_apart) {
            std::mem::swap(&mut self.jar, &mut self.browser);
        }
        self.who = who;
    }

    pub(super) fn of(id: IdentityId, session: &Arc<Session>, ownership: Ownership) -> Self {
        // The `whoami` of a session that was made for this case showed it working.
        let allowed = if ownership == Ownership::Fresh { session.shown_by.clone() } else { Vec::new() };
        let (jar, browser) = (session.jar.clone(), session.browser.clone());
        Self { who: Who::Identity(id, Arc::clone(session), ownership), jar, browser, page: None, allowed }
    }
}

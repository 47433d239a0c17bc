//! One session per identity and run, made by one login that all waiting cases share.
//!
//! Each login and refresh runs in a task of its own: a waiter that is cancelled, timed out or retried
//! never cancels it, so a rotated refresh token is never used twice.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use url::Origin;

use super::Shared;
use super::ledger::RequestKey;
use super::login::{Sharing, make};
use crate::auth::{Credential, Memory, Part, Seal};
use crate::event::{Reason, StepRecord};
use crate::evidence::Kept;
use crate::http::Transport;
use crate::http::jar::Jar;
use crate::step::IdentityId;
use crate::template::{Scope, from_json};

/// Tells sessions apart: every login and every refresh makes another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SessionId(pub(super) u64);

/// A login that worked.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) number: SessionId,
    pub(super) credential: Credential,
    /// Cookies that belong to the session.
    pub(super) jar: Jar,
    /// Cookies of the browser it was made with, where these do not travel with its requests.
    pub(super) browser: Jar,
    /// Whether they do not.
    pub(super) is_apart: bool,
    /// `identity.*` and `session.*`.
    pub(super) scope: Arc<Scope>,
    /// The identity's fields, rendered.
    pub(super) fields: Vec<(Arc<str>, String)>,
    /// Where the credential may go.
    pub(super) origins: Vec<Origin>,
    /// Connections of its own, which show a client certificate.
    pub(super) transport: Option<Arc<Transport>>,
    /// Counts logins and refreshes of the identity.
    pub(super) generation: u64,
    /// Position in the run when the login or refresh began that made it.
    pub(super) began: u64,
    /// What its requests learn from the server.
    pub(super) memory: Memory,
    /// What `whoami` was allowed with it.
    pub(super) shown_by: Vec<RequestKey>,
    /// Cookies of the login that the jar did not take.
    pub(super) refused: Vec<Kept>,
    /// Whether a refresh was sent of which nobody knows what the server made: what it was sent with may have been
    /// rotated, and whoever sends it again looks like a thief (RFC 9700, section 4.14.2).
    pub(super) is_spent: Arc<AtomicBool>,
    /// Whether a logout ended it.
    pub(super) is_left: Arc<AtomicBool>,
    /// What of its credential travels.
    pub(super) carries: Carries,
    /// Held by those who wait for its token to be over: a newer session might be what ends it.
    pub(super) aging: tokio::sync::RwLock<()>,
}

/// What of a credential travels with requests, beside the cookies of the jar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Carries {
    /// All that its scheme puts there.
    #[default]
    All,
    /// One thing of it.
    Only(Part),
    /// Nothing.
    Nothing,
}

impl Session {
    /// What a signer may use of it, now.
    pub(super) fn seal(&self) -> Seal<'_> {
        Seal { scope: &self.scope, identity: &self.fields, memory: &self.memory, now: Timestamp::now() }
    }

    /// The same of which not all travels.
    pub(super) fn carrying(&self, carries: Carries) -> Self {
        let same = self.with_credential(self.number, self.credential.clone());
        Self { carries, shown_by: self.shown_by.clone(), ..same }
    }

    /// The same with another credential, of which nothing was seen yet.
    pub(super) fn with_credential(&self, number: SessionId, credential: Credential) -> Self {
        let mut scope = (*self.scope).clone();
        let parts = credential.parts.iter().map(|(name, value)| (name.to_string(), from_json(value)));
        scope.set_fields("session", parts.collect::<Vec<_>>());
        Self {
            number,
            memory: Memory::of(&credential),
            credential,
            jar: self.jar.clone(),
            browser: self.browser.clone(),
            is_apart: self.is_apart,
            scope: Arc::new(scope),
            fields: self.fields.clone(),
            origins: self.origins.clone(),
            transport: self.transport.clone(),
            generation: self.generation,
            began: self.began,
            shown_by: Vec::new(),
            refused: self.refused.clone(),
            is_spent: Arc::clone(&self.is_spent),
            is_left: Arc::clone(&self.is_left),
            carries: self.carries.clone(),
            aging: tokio::sync::RwLock::default(),
        }
    }
}

/// A login that did not work; blocks everybody who waits for it.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) reason: Reason,
    pub(super) steps: Vec<StepRecord>,
}

pub(super) type Made = Result<Arc<Session>, Arc<Failure>>;

#[derive(Debug, Clone)]
enum State {
    Pending(watch::Receiver<Option<Made>>),
    Made(Made),
}

/// The shared sessions of a run.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    cells: Mutex<HashMap<IdentityId, State>>,
    /// Identities whose renewed credential was called expired at once: renewing again would not help.
    futile: Mutex<HashSet<IdentityId>>,
    /// Requests sent by logins, told in the summary.
    counted: Mutex<(usize, usize)>,
    /// How many sessions were made, fresh ones as well.
    numbers: AtomicU64,
    /// The logins and refreshes on their way.
    tasks: Mutex<JoinSet<()>>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<IdentityId, State>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the number of a new session.
    pub(super) fn number(&self) -> SessionId {
        SessionId(self.numbers.fetch_add(1, Ordering::Relaxed))
    }

    /// Gives the shared session of an identity; the first caller logs in, all others wait for it.
    pub(super) async fn get(&self, shared: &Arc<Shared>, id: IdentityId) -> Made {
        let waiting = {
            let mut cells = self.lock();
            match cells.get(&id) {
                Some(State::Made(made)) => return made.clone(),
                Some(State::Pending(waiting)) => waiting.clone(),
                None => start(shared, &mut cells, id, None),
            }
        };
        wait(waiting).await
    }

    /// Gives the shared session of an identity for what another one makes of it: one that is about to end is renewed.
    pub(super) async fn fresh_enough(&self, shared: &Arc<Shared>, id: IdentityId) -> Made {
        let session = self.get(shared, id).await?;
        if session.credential.refresh_at().is_some_and(|at| at <= jiff::Timestamp::now()) {
            return self.renew(shared, id, session.generation).await;
        }
        Ok(session)
    }

    /// Renews the shared session unless somebody already did. Without a refresh it logs in anew.
    pub(super) async fn renew(&self, shared: &Arc<Shared>, id: IdentityId, generation: u64) -> Made {
        let waiting = {
            let mut cells = self.lock();
            match cells.get(&id) {
                Some(State::Pending(waiting)) => waiting.clone(),
                Some(State::Made(Ok(session))) if session.generation > generation => return Ok(Arc::clone(session)),
                Some(State::Made(Err(failure))) => return Err(Arc::clone(failure)),
                Some(State::Made(Ok(session))) => {
                    let old = Arc::clone(session);
                    start(shared, &mut cells, id, Some(old))
                }
                None => start(shared, &mut cells, id, None),
            }
        };
        wait(waiting).await
    }

    /// Tells whether a newer session was made, or is being made.
    pub(super) fn newer(&self, id: IdentityId, generation: u64) -> bool {
        match self.lock().get(&id) {
            Some(State::Pending(_) | State::Made(Err(_))) => true,
            Some(State::Made(Ok(session))) => session.generation > generation,
            None => false,
        }
    }

    /// Counts the sessions that were made; nothing while one is being made.
    pub(super) fn generation(&self, id: IdentityId) -> Option<u64> {
        match self.lock().get(&id) {
            Some(State::Made(Ok(session))) => Some(session.generation),
            Some(State::Pending(_) | State::Made(Err(_))) | None => None,
        }
    }

    /// Drops the shared session, so that the next who needs it logs in anew. A login that failed stays
    /// so: it is not tried again in a run.
    pub(super) fn forget(&self, id: IdentityId) {
        let mut cells = self.lock();
        if matches!(cells.get(&id), Some(State::Made(Ok(_)))) {
            cells.remove(&id);
        }
        self.futile.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Notes that renewing did not help.
    pub(super) fn note_futile(&self, id: IdentityId) {
        self.futile.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    /// Tells whether renewing did not help before.
    pub(super) fn is_futile(&self, id: IdentityId) -> bool {
        self.futile.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    /// Gives the session if it was made; for `sessions.NAME` and the checks at the end.
    pub(super) fn made(&self, id: IdentityId) -> Option<Arc<Session>> {
        match self.lock().get(&id) {
            Some(State::Made(Ok(session))) => Some(Arc::clone(session)),
            Some(State::Pending(_) | State::Made(Err(_))) | None => None,
        }
    }

    /// Gives up what is still on its way when the run is over: nobody waits for it any more.
    pub(super) fn end(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }

    /// Gives how many logins were made and how many requests they took.
    pub(super) fn counted(&self) -> (usize, usize) {
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, logins: usize, requests: usize) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.0 += logins;
        counted.1 += requests;
    }
}

fn broken_off() -> Reason {
    Reason {
        code: "internal",
        message: "the login ended without a result".to_owned(),
        place: crate::source::SourceMap::default().place(crate::source::Span::NONE),
        expected: None,
        actual: None,
        step: None,
        help: Vec::new(),
        shared_cause: None,
    }
}

/// Starts a login or refresh in a task of its own, which keeps the result itself: were it left to the
/// waiters, a slow one could put an old session over a newer one.
fn start(
    shared: &Arc<Shared>,
    cells: &mut HashMap<IdentityId, State>,
    id: IdentityId,
    old: Option<Arc<Session>>,
) -> watch::Receiver<Option<Made>> {
    let (done, waiting) = watch::channel(None);
    cells.insert(id, State::Pending(waiting.clone()));
    let mut tasks = shared.sessions.tasks.lock().unwrap_or_else(PoisonError::into_inner);
    while tasks.try_join_next().is_some() {}
    let shared = Arc::clone(shared);
    tasks.spawn(async move {
        let made = make(&shared, id, old, Sharing::Shared).await;
        shared.sessions.lock().insert(id, State::Made(made.clone()));
        // Nobody may wait any more.
        done.send_replace(Some(made));
    });
    waiting
}

async fn wait(mut waiting: watch::Receiver<Option<Made>>) -> Made {
    let made = waiting.wait_for(Option::is_some).await.map(|m| m.clone());
    match made {
        Ok(Some(made)) => made,
        Ok(None) | Err(_) => Err(Arc::new(Failure { reason: broken_off(), steps: Vec::new() })),
    }
}

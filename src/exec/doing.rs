//! What each running case is about, for whoever has to say where it was cut off.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The running cases by id.
#[derive(Debug, Default)]
pub(super) struct Doings(Mutex<HashMap<Arc<str>, Doing>>);

/// What a case is about.
#[derive(Debug, Default)]
pub(super) struct Doing {
    /// The requests it sent, also those that nobody heard the answer of.
    pub(super) requests: u32,
    /// What it waits for, as a fragment: `for the answer to GET /me`.
    pub(super) waits: Option<String>,
}

impl Doings {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Doing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A case begins.
    pub(super) fn begin(&self, case: &Arc<str>) {
        self.lock().insert(Arc::clone(case), Doing::default());
    }

    /// A case is over, or was cut off in what is given.
    pub(super) fn end(&self, case: &str) -> Doing {
        self.lock().remove(case).unwrap_or_default()
    }

    /// A case begins to wait; whoever is no case, such as a login, is not noted.
    pub(super) fn wait(&self, case: &str, what: impl FnOnce() -> String) {
        if let Some(doing) = self.lock().get_mut(case) {
            doing.waits = Some(what());
        }
    }

    /// A case sends a request; the answer may never come.
    pub(super) fn send(&self, case: &str, what: impl FnOnce() -> String) {
        if let Some(doing) = self.lock().get_mut(case) {
            doing.requests += 1;
            doing.waits = Some(what());
        }
    }

    /// A case has what it waited for, after so many further requests.
    pub(super) fn go_on(&self, case: &str, further: u32) {
        if let Some(doing) = self.lock().get_mut(case) {
            doing.requests += further;
            doing.waits = None;
        }
    }
}

//! Lanes for requests that prove a key (RFC 9449, section 9). An API may take its newest nonce alone, so that requests that
//! are on their way at once use up the nonces of one another. Where that was seen, one is sent after the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use super::doubt::lost_nonce;
use crate::http::Trail;

/// How often a request is sent again in its turn.
pub(super) const TURNS: u32 = 4;

/// The lanes of a run, by origin: whoever asks with another key may use up the nonce as well.
#[derive(Debug, Default)]
pub(super) struct Lanes(Mutex<HashMap<String, Arc<Lane>>>);

type Lane = tokio::sync::Mutex<Helps>;

/// Whether being sent in turn helps.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Helps {
    /// Nobody knows yet.
    #[default]
    Unknown,
    /// It did.
    Yes,
    /// Also whoever was alone was asked for another nonce each time.
    No,
}

/// The turn of one request, until it is dropped.
pub(super) type Turn = OwnedMutexGuard<Helps>;

impl Lanes {
    /// Waits for a turn where requests are sent one after the other; there is none where they need not be.
    pub(super) async fn turn(&self, base: &str) -> Option<Turn> {
        let lane = self.lock().get(base).map(Arc::clone)?;
        Some(lane.lock_owned().await).filter(|helps| **helps != Helps::No)
    }

    /// Waits for a turn where somebody lost a nonce: from now on, whoever comes waits as well. There is none where it did
    /// not help before.
    pub(super) async fn begin(&self, base: &str) -> Option<Turn> {
        let lane = Arc::clone(self.lock().entry(base.to_owned()).or_default());
        Some(lane.lock_owned().await).filter(|helps| **helps != Helps::No)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Lane>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells whether a request was asked for another nonce although it had the newest one, and may be sent again: nobody looked
/// at it.
pub(super) fn is_lost(trail: &Trail) -> bool {
    let [.., before, last] = trail.hops.as_slice() else { return false };
    let is_same = before.request.method == last.request.method
        && before.request.address.to_string() == last.request.address.to_string();
    let gave = trail.response().is_some_and(|response| response.headers.all("dpop-nonce").count() == 1);
    is_same && gave && lost_nonce(trail) && trail.hops.len() == 2
}

/// Joins what was sent before with what was sent in turn.
pub(super) fn join(before: Trail, mut last: Trail) -> Trail {
    last.hops.splice(0..0, before.hops);
    last.jar.moves.splice(0..0, before.jar.moves);
    let new: Vec<String> = last.notes.into_iter().filter(|note| !before.notes.contains(note)).collect();
    last.notes = before.notes.into_iter().chain(new).collect();
    last
}

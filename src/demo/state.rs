//! Everything one running demo knows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::store::Store;
use super::token::{KeyRing, Rsa};
use super::weakness::Weak;
use super::{clock, oauth};

/// The shared state, as every handler takes it.
pub(crate) type App = Arc<State>;

/// The state of one demo: what never changes, and the store that does.
pub(crate) struct State {
    /// The demo's own URL, which is also the issuer of its tokens.
    pub(crate) url: String,
    /// The key pair that signs access tokens, made while the server already answers.
    pub(crate) keys: KeyRing,
    /// The authorization server.
    pub(crate) oauth: oauth::Server,
    /// What this demo does wrong on purpose.
    pub(crate) weak: Weak,
    store: Mutex<Store>,
    run: String,
    requests: AtomicU64,
}

impl State {
    pub(crate) fn new(url: String, key: Option<Rsa>, weak: Weak) -> App {
        let run = format!("{:x}", clock::now_ms());
        Arc::new(Self {
            oauth: oauth::Server::new(&url, key.clone()),
            url,
            keys: KeyRing::start(key, &weak),
            weak,
            store: Mutex::new(Store::seeded()),
            run,
            requests: AtomicU64::new(1),
        })
    }

    /// The store; no lock is ever held while waiting, so this never blocks for long.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the demo serves https.
    pub(crate) fn is_https(&self) -> bool {
        self.url.starts_with("https:")
    }

    /// A name for one request, unique in this demo.
    pub(crate) fn request_id(&self) -> String {
        format!("req-{}-{}", self.run, self.requests.fetch_add(1, Ordering::Relaxed))
    }
}

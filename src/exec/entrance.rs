//! How many log in at once. Whoever waits meanwhile, for a device to be approved or the next one-time password, goes out
//! and lets others in.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Servers count logins, and what they hash for one is dear.
const PLACES: usize = 8;

/// Where logins begin.
#[derive(Debug)]
pub(super) struct Entrance(Arc<Semaphore>);

/// A login on its way.
#[derive(Debug)]
pub(super) struct Inside {
    door: Arc<Semaphore>,
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Default for Entrance {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PLACES)))
    }
}

impl Entrance {
    /// Waits for a place, which is held until it is dropped.
    pub(super) async fn enter(&self) -> Inside {
        let place = Arc::clone(&self.0).acquire_owned().await.ok();
        Inside { door: Arc::clone(&self.0), place: Mutex::new(place) }
    }
}

impl Inside {
    /// Waits for something, and lets others in meanwhile.
    pub(super) async fn outside<T>(&self, waiting: impl Future<Output = T>) -> T {
        drop(self.lock().take());
        let done = waiting.await;
        let place = Arc::clone(&self.door).acquire_owned().await.ok();
        *self.lock() = place;
        done
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<OwnedSemaphorePermit>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

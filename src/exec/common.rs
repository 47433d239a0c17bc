//! What is the same for everybody and asked for once a run: metadata, key sets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

/// Answers by address.
#[derive(Debug)]
pub(super) struct Common<T>(Mutex<HashMap<String, Arc<Slot<T>>>>);

type Slot<T> = tokio::sync::Mutex<Option<T>>;

impl<T> Default for Common<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Common<T> {
    /// Gives what is known of an address. It is held while it is asked for: whoever comes meanwhile waits for the answer,
    /// and nobody who asks elsewhere does.
    pub(super) async fn at(&self, address: &str) -> OwnedMutexGuard<Option<T>> {
        let slot = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(address.to_owned()).or_default())
        };
        slot.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_address_waits_for_itself_alone() {
        let common = Common::<u8>::default();
        let mut held = common.at("a").await;
        assert!(tokio::time::timeout(std::time::Duration::from_millis(20), common.at("a")).await.is_err());
        assert_eq!(*common.at("b").await, None);
        *held = Some(1);
        drop(held);
        assert_eq!(*common.at("a").await, Some(1));
    }
}

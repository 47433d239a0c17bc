//! What logins of the run used up or gave, with the end that each would have had by itself: one that is sent again after it may
//! be refused for that.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::auth::{Credential, texts};
use crate::jose::expiry;

/// How far clocks may differ.
const SLACK: SignedDuration = SignedDuration::from_secs(1);

/// The ends of what was used up; no secret is kept for it.
#[derive(Debug)]
pub(super) struct Spent {
    /// When the run began.
    began: Timestamp,
    hasher: RandomState,
    ends: Mutex<HashMap<u64, Timestamp>>,
}

impl Default for Spent {
    fn default() -> Self {
        Self { began: Timestamp::now(), hasher: RandomState::default(), ends: Mutex::default() }
    }
}

impl Spent {
    /// Keeps what a login used up, and the token that it gave.
    pub(super) fn keep(&self, credential: &Credential) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let token = credential.expires.map(|end| (Arc::from("access_token"), end));
        for (name, end) in credential.ends.iter().chain(&token) {
            let part = credential.parts.iter().find(|(own, _)| own == name).and_then(|(_, value)| value.as_str());
            ends.extend(part.map(|text| (self.hasher.hash_one(text), *end)));
        }
    }

    /// Tells whether a token had its end since the run began, as its login or it itself says.
    pub(super) fn is_over_since(&self, token: &str, now: Timestamp) -> bool {
        let own = || expiry(token).and_then(|second| Timestamp::from_second(second).ok());
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let end = ends.get(&self.hasher.hash_one(token)).copied().or_else(own);
        end.is_some_and(|end| end > self.began && end.duration_since(now) <= SLACK)
    }

    /// Tells whether a value is one that was used up, and by now over by itself.
    pub(super) fn is_over(&self, value: &Value, now: Timestamp) -> bool {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let end_of = |text: &String| ends.get(&self.hasher.hash_one(text.as_str()));
        texts(value).iter().filter_map(end_of).any(|end| end.duration_since(now) <= SLACK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_up_is_over_at_its_own_end() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let spent = Spent::default();
        let parts = vec![("code".into(), "a-code".into()), ("state".into(), "a-state".into())];
        spent.keep(&Credential { parts, ends: vec![("code".into(), at(100))], ..Credential::default() });
        let is_over = |value: &str, now: i64| spent.is_over(&Value::from(value), at(now));
        assert_eq!([is_over("a-code", 98), is_over("a-code", 99), is_over("a-code", 500)], [false, true, true]);
        assert!(!is_over("a-state", 500) && !is_over("made-up", 500), "these have no end of their own");
        assert!(spent.is_over(&serde_json::json!(["made-up", "a-code"]), at(500)));
        // What was over when the run began is sent for that.
        assert!(!spent.is_over_since("a-code", at(500)) && !spent.is_over_since("made-up", at(500)));
        let second = Timestamp::now().as_second() + 60;
        let parts = vec![("access_token".into(), "a-token".into())];
        spent.keep(&Credential { parts, expires: Some(at(second)), ..Credential::default() });
        assert_eq!([58, 59, 90].map(|n| spent.is_over_since("a-token", at(second - 60 + n))), [false, true, true]);
    }
}

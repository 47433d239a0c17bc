//! What a login gave, and until when it holds.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::Bound;

/// What a login gave.
#[derive(Debug, Clone, Default)]
pub struct Credential {
    /// Its parts by name, `session.*`.
    pub parts: Vec<(Arc<str>, Value)>,
    /// When those of them that are used up would have ended by themselves.
    pub ends: Vec<(Arc<str>, Timestamp)>,
    /// When it was issued.
    pub issued: Option<Timestamp>,
    /// When it ends, if it says so.
    pub expires: Option<Timestamp>,
    /// The scopes that were asked for and not given.
    pub ungiven: Vec<String>,
    /// The refresh token that it was got for, where one was sent.
    pub redeemed: Option<String>,
    /// The key that it is bound to, if it is; a refresh keeps it.
    pub bound: Option<Arc<Bound>>,
}

impl Credential {
    /// When to refresh: `min(60 s, 10 % of the lifetime)` before the end.
    pub fn refresh_at(&self) -> Option<Timestamp> {
        let (issued, expires) = (self.issued?, self.expires?);
        let lifetime = expires.as_millisecond().saturating_sub(issued.as_millisecond()).max(0);
        let margin = jiff::SignedDuration::from_millis((lifetime / 10).min(60_000));
        expires.checked_sub(margin).ok()
    }

    /// Lets it end with the cookies that carry it, unless its parts already say when.
    pub fn end_with_cookies(&mut self, end: Option<Timestamp>, now: Timestamp) {
        if self.expires.is_none() && end.is_some() {
            self.issued = Some(now);
            self.expires = end;
        }
    }

    /// Reads the end from `expires_at`, `expires_in`, or the token itself. One that is over at once
    /// comes from another clock than ours; to go by it would mean a refresh before every request.
    pub(super) fn set_expiry(&mut self, now: Timestamp) {
        self.issued = Some(now);
        let part = |name: &str| self.parts.iter().find(|(n, _)| &**n == name).map(|(_, v)| v);
        let number = |v: &Value| v.as_i64().or_else(|| v.as_str().and_then(|s| s.parse().ok()));
        let at = part("expires_at").and_then(number).and_then(|s| Timestamp::from_second(s).ok()).or_else(|| {
            let seconds = part("expires_in").and_then(number)?;
            now.checked_add(jiff::SignedDuration::from_secs(seconds)).ok()
        });
        let of_token = || {
            let tokens =
                self.parts.iter().filter(|(n, _)| n.contains("access") || &**n == "token" || n.contains("jwt"));
            tokens.filter_map(|(_, v)| v.as_str()).find_map(crate::jose::expiry)
        };
        let end = at.or_else(|| of_token().and_then(|s| Timestamp::from_second(s).ok()));
        self.expires = end.filter(|end| *end > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refresh_comes_a_tenth_before_the_end_at_most_a_minute() {
        let at = |lifetime: i64| {
            let issued = Timestamp::from_second(1_000_000).unwrap();
            let expires = Timestamp::from_second(1_000_000 + lifetime).unwrap();
            let credential = Credential { issued: Some(issued), expires: Some(expires), ..Credential::default() };
            credential.refresh_at().unwrap().as_millisecond() - 1_000_000_000
        };
        assert_eq!([at(3600), at(300), at(2), at(-5)], [3_540_000, 270_000, 1_800, -5_000]);
    }
}

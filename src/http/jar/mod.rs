//! The cookie jar, after draft-ietf-httpbis-rfc6265bis ("the draft" below).
//!
//! It keeps the reason for every cookie stored, refused, sent and withheld, because a 401 is often
//! a cookie that never came back. Pure: no I/O and no clock, the caller passes the time in.
//! A new rule is a variant in `reason.rs` with its sentence, a check in `store.rs` or `send.rs`,
//! and a test that breaks exactly that rule.
//!
//! Three places where the draft leaves the choice to the user agent:
//! - A secure protocol is `https` (or `wss`). Plain `http` to a loopback host counts only under
//!   [`SecureOver::HttpsAndLoopback`]: a test that passes because localhost was trusted proves little.
//! - No public suffix list is built in. A `Domain` of one label (`com`, `localhost`) counts as a
//!   public suffix, so `co.uk` is not recognised.
//! - At most [`PER_DOMAIN`] cookies for a domain and [`TOTAL`] in a jar.
//!
//! Expired cookies stay in the jar unseen until they are replaced or space is needed: nothing
//! finds or sends them, but a [`Selection`] can still say that they ran out.

mod cookie;
mod date;
mod evict;
mod parse;
mod reason;
mod scope;
mod send;
mod store;
mod trail;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use url::Url;

pub use self::cookie::{Cookie, CookieName, CookieValue, SameSite};
pub use self::date::parse_cookie_date;
pub use self::evict::{Evicted, PER_DOMAIN, TOTAL};
pub use self::parse::{Attribute, ParsedSetCookie};
pub use self::reason::{Deletion, EvictReason, HostRule, RefuseReason, StoreOutcome, WithholdReason};
pub use self::scope::{SecureOver, is_loopback};
pub use self::send::{Selection, SendContext, SentCookie, Site, Withheld};
pub use self::store::Stored;
pub use self::trail::{Change, ChangeKind, JarMove, JarTrail};

/// Holds the cookies of one identity.
#[derive(Clone, Debug, Default)]
pub struct Jar {
    cookies: Vec<Cookie>,
    /// Breaks ties between cookies created at the same instant.
    next_seq: u64,
    secure_over: SecureOver,
}

impl Jar {
    /// Makes an empty jar that trusts only TLS with `Secure` cookies.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty jar with another idea of what a secure protocol is.
    pub fn with_secure_over(secure_over: SecureOver) -> Self {
        Self { secure_over, ..Self::default() }
    }

    /// Lists the cookies that have not expired, oldest first.
    pub fn iter(&self, now: Timestamp) -> impl Iterator<Item = &Cookie> {
        self.cookies.iter().filter(move |c| !c.is_expired(now))
    }

    /// Says whether nothing is left that could ever be sent.
    pub fn is_empty(&self, now: Timestamp) -> bool {
        self.iter(now).next().is_none()
    }

    /// Finds the cookies of that name on every host and path, oldest first.
    pub fn find<'a>(&'a self, name: &'a str, now: Timestamp) -> impl Iterator<Item = &'a Cookie> {
        self.iter(now).filter(move |c| c.name == *name)
    }

    /// Finds the cookie of that name which a request to `url` would carry first.
    pub fn get(&self, name: &str, url: &Url, now: Timestamp) -> Option<&Cookie> {
        self.place_of(name, url, now).map(|at| &self.cookies[at])
    }

    /// Sets a value by hand, no rule asked: in the cookie that [`Jar::get`] finds, keeping its
    /// scope, or else in a new session cookie for exactly this host and the path `/`.
    pub fn set_raw(&mut self, name: &str, value: &[u8], url: &Url, now: Timestamp) {
        let value = CookieValue::new(value);
        if let Some(at) = self.place_of(name, url, now) {
            self.cookies[at].value = value;
            return;
        }
        let host = scope::host_of(url).unwrap_or_default();
        let cookie = Cookie::plain(CookieName::from(name), value, host, now);
        // Whatever is hidden behind the same key is expired or withheld; the hand-set one wins.
        self.cookies.retain(|c| !c.same_key(&cookie));
        self.insert(cookie);
    }

    /// Gives every cookie of one value another one.
    pub fn replace(&mut self, old: &[u8], new: &[u8]) {
        let all = self.cookies.iter_mut().filter(|cookie| cookie.value.as_bytes() == old);
        all.for_each(|cookie| cookie.value = CookieValue::new(new));
    }

    /// Takes over the cookies of a newer jar; what only this one holds stays.
    pub fn absorb(&mut self, newer: &Self) {
        for cookie in &newer.cookies {
            self.cookies.retain(|c| !c.same_key(cookie));
            self.insert(cookie.clone());
        }
    }

    /// Takes over what a newer jar has of the cookies that this one holds.
    pub fn renew(&mut self, newer: &Self) {
        for cookie in &mut self.cookies {
            if let Some(new) = newer.cookies.iter().find(|new| new.same_key(cookie)) {
                *cookie = Cookie { seq: cookie.seq, ..new.clone() };
            }
        }
    }

    /// Takes out every cookie of that name, expired ones too.
    pub fn remove(&mut self, name: &str) -> Vec<Cookie> {
        self.cookies.extract_if(.., |c| c.name == *name).collect()
    }

    /// Empties the jar.
    pub fn clear(&mut self) {
        self.cookies.clear();
    }

    fn insert(&mut self, mut cookie: Cookie) {
        cookie.seq = self.next_seq;
        self.next_seq += 1;
        self.cookies.push(cookie);
    }
}

//! One stored cookie, and names and values as the bytes they are.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use url::Url;

use super::parse::Attribute;
use super::scope::{domain_match, host_of};

/// Names a cookie; any bytes, shown as text with replacement characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CookieName(Vec<u8>);

impl CookieName {
    /// Returns the name exactly as received.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Says whether the cookie has no name (`Set-Cookie: value`).
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&[u8]> for CookieName {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<&str> for CookieName {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl PartialEq<str> for CookieName {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for CookieName {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl fmt::Display for CookieName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for CookieName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

/// Holds a cookie's value; it has no `Display`, and its `Debug` tells only the length.
#[derive(Clone, PartialEq, Eq)]
pub struct CookieValue(Vec<u8>);

impl CookieValue {
    /// Keeps the bytes as they are, quotes and percent signs included.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// Returns the value exactly as received.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the value as text, bytes that are not UTF-8 replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Says whether the value is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for CookieValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "‹{} bytes›", self.0.len())
    }
}

/// Tells which cross-site requests a cookie may travel with (draft, section 5.6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// With none.
    Strict,
    /// With navigations by a safe method.
    Lax,
    /// With all; needs `Secure`.
    None,
}

/// Holds one stored cookie with its scope.
#[derive(Clone, Debug)]
pub struct Cookie {
    /// Its name.
    pub name: CookieName,
    /// Its value, as received.
    pub value: CookieValue,
    /// The host it belongs to, in lower case, without a leading dot.
    pub domain: String,
    /// Whether only `domain` itself gets it, not its subdomains.
    pub host_only: bool,
    /// The path at and under which it is sent.
    pub path: String,
    /// Whether it is for secure protocols only.
    pub secure: bool,
    /// Whether scripts are kept from it; no effect on what authspec sends.
    pub http_only: bool,
    /// What `SameSite` said; `None` when absent or not understood, which acts like `Lax`.
    pub same_site: Option<SameSite>,
    /// When it runs out; `None` for a session cookie.
    pub expiry: Option<Timestamp>,
    /// When a cookie with this name and scope was first stored.
    pub created: Timestamp,
    /// When it was last stored or sent.
    pub last_access: Timestamp,
    /// The attributes as seen, in order, understood or not.
    pub attributes: Vec<Attribute>,
    /// Its place in the order of creation.
    pub(super) seq: u64,
}

impl Cookie {
    /// Makes a session cookie for one host and all its paths.
    pub(super) fn plain(name: CookieName, value: CookieValue, host: String, now: Timestamp) -> Self {
        Self {
            name,
            value,
            domain: host,
            host_only: true,
            path: "/".to_owned(),
            secure: false,
            http_only: false,
            same_site: None,
            expiry: None,
            created: now,
            last_access: now,
            attributes: Vec::new(),
            seq: 0,
        }
    }

    /// Says whether its time has run out.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expiry.is_some_and(|at| at <= now)
    }

    /// Says whether the host of an address is in its scope, whatever the path.
    pub fn goes_to(&self, url: &Url) -> bool {
        let Some(host) = host_of(url) else { return false };
        if self.host_only { host == self.domain } else { domain_match(&host, &self.domain) }
    }

    /// Says whether storing the one replaces the other.
    pub(super) fn same_key(&self, other: &Cookie) -> bool {
        self.name == other.name
            && self.domain == other.domain
            && self.host_only == other.host_only
            && self.path == other.path
    }

    /// Tells where it is sent, for use in a sentence.
    pub fn scope(&self) -> String {
        let below = if self.host_only { "" } else { " and below" };
        format!("{}{below}, path `{}`", self.domain, self.path)
    }
}

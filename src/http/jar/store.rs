//! Taking a `Set-Cookie` in, or refusing it (draft, section 5.7).

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::Jar;
use super::cookie::{Cookie, CookieName, CookieValue, SameSite};
use super::evict::Evicted;
use super::parse::ParsedSetCookie;
use super::reason::{Deletion, HostRule, RefuseReason, StoreOutcome};
use super::scope;

/// No cookie lives longer, whatever `Max-Age` and `Expires` say: 400 days.
const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(400 * 24);

/// Tells what became of one `Set-Cookie`.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What the response said.
    pub parsed: ParsedSetCookie,
    /// What the jar did with it.
    pub outcome: StoreOutcome,
    /// The cookies that had to make room for it.
    pub evicted: Vec<Evicted>,
}

impl Stored {
    /// Returns the cookie's name.
    pub fn name(&self) -> &CookieName {
        &self.parsed.name
    }

    /// Returns the value that the response set.
    pub fn value(&self) -> &CookieValue {
        &self.parsed.value
    }

    /// Says in one sentence what happened.
    pub fn why(&self) -> String {
        self.outcome.why()
    }
}

impl Jar {
    /// Takes in the value of one `Set-Cookie` field of a response from `from`.
    pub fn store(&mut self, set_cookie: &[u8], from: &Url, now: Timestamp) -> Stored {
        let parsed = ParsedSetCookie::parse(set_cookie);
        match self.admit(&parsed, from, now) {
            Err(reason) => Stored { parsed, outcome: StoreOutcome::Refused(reason), evicted: Vec::new() },
            Ok(cookie) => {
                let domain = cookie.domain.clone();
                let outcome = self.put(cookie, now);
                let evicted = self.make_room(&domain, now);
                Stored { parsed, outcome, evicted }
            }
        }
    }

    fn admit(&self, parsed: &ParsedSetCookie, from: &Url, now: Timestamp) -> Result<Cookie, RefuseReason> {
        if let Some(fault) = parsed.fault() {
            return Err(fault);
        }
        let no_host = || RefuseReason::NoHost { scheme: from.scheme().to_owned() };
        let host = scope::host_of(from).ok_or_else(no_host)?;
        let wide = wide_domain(parsed, &host)?;
        let cookie = Cookie {
            host_only: wide.is_none(),
            path: path(parsed, from),
            secure: parsed.secure(),
            http_only: parsed.http_only(),
            same_site: parsed.same_site(),
            expiry: expiry(parsed, now),
            attributes: parsed.attributes.clone(),
            ..Cookie::plain(parsed.name.clone(), parsed.value.clone(), wide.unwrap_or(host), now)
        };
        if !self.secure_over.trusts(from) {
            self.check_plain(&cookie, from, now)?;
        }
        if cookie.same_site == Some(SameSite::None) && !cookie.secure {
            return Err(RefuseReason::SameSiteNone);
        }
        check_prefixes(&cookie, parsed)?;
        Ok(cookie)
    }

    /// Applies the two rules for responses that anybody on the way could have written.
    fn check_plain(&self, cookie: &Cookie, from: &Url, now: Timestamp) -> Result<(), RefuseReason> {
        if cookie.secure {
            return Err(RefuseReason::SecureFromInsecure {
                scheme: from.scheme().to_owned(),
                host: from.host_str().unwrap_or_default().to_owned(),
            });
        }
        let overlaid = self.iter(now).find(|old| {
            let related =
                scope::domain_match(&old.domain, &cookie.domain) || scope::domain_match(&cookie.domain, &old.domain);
            let under = scope::path_match(&cookie.path, &old.path);
            old.secure && old.name == cookie.name && related && under
        });
        match overlaid {
            Some(old) => Err(RefuseReason::SecureOverlay { scope: old.scope() }),
            None => Ok(()),
        }
    }

    fn put(&mut self, mut cookie: Cookie, now: Timestamp) -> StoreOutcome {
        let at = self.cookies.iter().position(|c| c.same_key(&cookie));
        let old = at.map(|at| self.cookies.remove(at)).filter(|c| !c.is_expired(now));
        if cookie.is_expired(now) {
            return StoreOutcome::Deleted(match old {
                Some(_) => Deletion::Removed,
                None => Deletion::NothingThere { left: self.scopes_of(&cookie.name, now) },
            });
        }
        let Some(old) = old else {
            self.insert(cookie);
            return StoreOutcome::Stored;
        };
        let same_value = old.value == cookie.value;
        cookie.created = old.created;
        cookie.seq = old.seq;
        // A replaced cookie keeps its turn; the list is in order of creation.
        let turn = self.cookies.partition_point(|c| c.seq < cookie.seq);
        self.cookies.insert(turn, cookie);
        if same_value { StoreOutcome::Renewed } else { StoreOutcome::Replaced }
    }

    fn scopes_of(&self, name: &CookieName, now: Timestamp) -> Vec<String> {
        self.iter(now).filter(|c| c.name == *name).map(Cookie::scope).collect()
    }
}

/// Returns the domain a cookie is widened to, or `None` for a cookie of this host alone.
fn wide_domain(parsed: &ParsedSetCookie, host: &str) -> Result<Option<String>, RefuseReason> {
    let Some(domain) = parsed.domain().filter(|d| !d.is_empty()) else {
        return Ok(None);
    };
    if !domain.is_ascii() {
        return Err(RefuseReason::DomainNotAscii { domain });
    }
    let one_label = !domain.trim_end_matches('.').contains(['.', ':']);
    if one_label && domain == host {
        return Ok(None);
    }
    let host = host.to_owned();
    if one_label {
        return Err(RefuseReason::PublicSuffix { domain, host });
    }
    if !scope::domain_match(&host, &domain) {
        return Err(RefuseReason::Domain { domain, host });
    }
    Ok(Some(domain))
}

fn path(parsed: &ParsedSetCookie, from: &Url) -> String {
    match parsed.path() {
        Some(path) if path.starts_with('/') => path.to_owned(),
        _ => scope::default_path(from),
    }
}

/// Returns when the cookie runs out: `Max-Age` beats `Expires`, and neither beats the cap.
fn expiry(parsed: &ParsedSetCookie, now: Timestamp) -> Option<Timestamp> {
    let after = |life| now.checked_add(life).unwrap_or(Timestamp::MAX);
    match parsed.max_age() {
        Some(seconds) if seconds <= 0 => Some(Timestamp::MIN),
        Some(seconds) => Some(after(SignedDuration::from_secs(seconds).min(LONGEST_LIFE))),
        None => parsed.expires().map(|at| at.min(after(LONGEST_LIFE))),
    }
}

fn check_prefixes(cookie: &Cookie, parsed: &ParsedSetCookie) -> Result<(), RefuseReason> {
    let name = cookie.name.as_bytes();
    if starts_like(name, "__Secure-") && !cookie.secure {
        return Err(RefuseReason::SecurePrefix);
    }
    if starts_like(name, "__Host-") {
        check_host_prefix(cookie, parsed).map_err(RefuseReason::HostPrefix)?;
    }
    if name.is_empty() {
        // Sent back as a bare value it would read like a cookie with a protected name.
        let imitated = ["__Secure-", "__Host-"].into_iter().find(|prefix| starts_like(cookie.value.as_bytes(), prefix));
        if let Some(prefix) = imitated {
            return Err(RefuseReason::NamelessPrefix { prefix });
        }
    }
    Ok(())
}

fn check_host_prefix(cookie: &Cookie, parsed: &ParsedSetCookie) -> Result<(), HostRule> {
    if !cookie.secure {
        return Err(HostRule::Secure);
    }
    if !cookie.host_only {
        return Err(HostRule::Domain { domain: cookie.domain.clone() });
    }
    let path = parsed.path();
    if path.is_none() || cookie.path != "/" {
        return Err(HostRule::Path { path: path.map(str::to_owned) });
    }
    Ok(())
}

fn starts_like(text: &[u8], prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

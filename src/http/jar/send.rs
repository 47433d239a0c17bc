//! Choosing the cookies for a request, and saying why the others stay (draft, section 5.8.3).

use std::cmp::Reverse;

use jiff::Timestamp;
use url::Url;

use super::Jar;
use super::cookie::{Cookie, CookieName, CookieValue, SameSite};
use super::reason::WithholdReason;
use super::scope::{self, SecureOver};

/// Tells what the URL does not say about a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendContext {
    /// Where the request comes from.
    pub site: Site,
    /// What counts as a secure protocol for this request; `None` keeps the jar's choice.
    pub secure_over: Option<SecureOver>,
}

/// Tells where a request comes from, for `SameSite`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Site {
    /// From the site itself, or typed in by the user.
    #[default]
    Same,
    /// From a link on another site: a navigation by a safe method.
    CrossNavigation,
    /// From another site in any other way: a form post, a script, an image.
    Cross,
}

/// Holds a cookie as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentCookie {
    /// Its name.
    pub name: CookieName,
    /// Its value.
    pub value: CookieValue,
}

/// Tells of a cookie that stayed in the jar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// Its name.
    pub name: CookieName,
    /// Where it would have been sent.
    pub scope: String,
    /// Every reason, the most fundamental first; never empty.
    pub why: Vec<WithholdReason>,
}

impl Withheld {
    /// Says in one sentence why it stayed.
    pub fn why(&self) -> String {
        let reasons: Vec<String> = self.why.iter().map(WithholdReason::why).collect();
        reasons.join("; also, ")
    }
}

/// Holds the cookies for one request, and those that stayed in the jar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// What is sent, in order.
    pub sent: Vec<SentCookie>,
    /// What is not, oldest first.
    pub withheld: Vec<Withheld>,
}

impl Selection {
    /// Writes the `Cookie` field value; `None` when there is nothing to send.
    pub fn header(&self) -> Option<Vec<u8>> {
        let pairs: Vec<Vec<u8>> = self.sent.iter().map(SentCookie::pair).collect();
        (!pairs.is_empty()).then(|| pairs.join(&b"; "[..]))
    }

    /// Sends this value for this request only, in place of every chosen cookie of the name.
    pub fn put(&mut self, name: &str, value: &[u8]) {
        let value = CookieValue::new(value);
        let first = self.sent.iter().position(|c| c.name == *name);
        self.sent.retain(|c| c.name != *name);
        let cookie = SentCookie { name: CookieName::from(name), value };
        self.sent.insert(first.unwrap_or(self.sent.len()), cookie);
    }
}

impl SentCookie {
    /// Writes `name=value`; a cookie without a name goes as its bare value.
    fn pair(&self) -> Vec<u8> {
        let (name, value) = (self.name.as_bytes(), self.value.as_bytes());
        if name.is_empty() { value.to_vec() } else { [name, b"=", value].concat() }
    }
}

impl Jar {
    /// Chooses the cookies for a request to `to` and notes that they were used.
    pub fn cookies_for(&mut self, to: &Url, now: Timestamp, cx: SendContext) -> Selection {
        let request = Request::new(to, now, cx, self.secure_over);
        let mut selection = Selection::default();
        let mut chosen = Vec::new();
        for cookie in &mut self.cookies {
            let why = request.reasons(cookie);
            if why.is_empty() {
                cookie.last_access = now;
                chosen.push(&*cookie);
            } else {
                let (name, scope) = (cookie.name.clone(), cookie.scope());
                selection.withheld.push(Withheld { name, scope, why });
            }
        }
        chosen.sort_by_key(|c| turn(c));
        let sent = chosen.into_iter().map(|c| SentCookie { name: c.name.clone(), value: c.value.clone() });
        selection.sent = sent.collect();
        selection
    }

    /// Tells whether a request to `url` would carry cookies.
    pub fn covers(&self, url: &Url, now: Timestamp) -> bool {
        let request = Request::new(url, now, SendContext::default(), self.secure_over);
        self.cookies.iter().any(|cookie| request.reasons(cookie).is_empty())
    }

    /// Finds where the cookie of that name is that goes first to `url`.
    pub(super) fn place_of(&self, name: &str, url: &Url, now: Timestamp) -> Option<usize> {
        let request = Request::new(url, now, SendContext::default(), self.secure_over);
        let fits = |c: &Cookie| c.name == *name && request.reasons(c).is_empty();
        let fitting = self.cookies.iter().enumerate().filter(|(_, c)| fits(c));
        fitting.min_by_key(|(_, c)| turn(c)).map(|(at, _)| at)
    }
}

/// Orders cookies in a field: longer paths first, then older cookies.
fn turn(cookie: &Cookie) -> (Reverse<usize>, Timestamp, u64) {
    (Reverse(cookie.path.len()), cookie.created, cookie.seq)
}

struct Request<'a> {
    url: &'a Url,
    host: String,
    now: Timestamp,
    site: Site,
    trusted: bool,
}

impl<'a> Request<'a> {
    fn new(url: &'a Url, now: Timestamp, cx: SendContext, jar: SecureOver) -> Self {
        Self {
            url,
            host: scope::host_of(url).unwrap_or_default(),
            now,
            site: cx.site,
            trusted: cx.secure_over.unwrap_or(jar).trusts(url),
        }
    }

    fn reasons(&self, cookie: &Cookie) -> Vec<WithholdReason> {
        let all = [self.host(cookie), self.time(cookie), self.path(cookie), self.secure(cookie), self.site(cookie)];
        all.into_iter().flatten().collect()
    }

    fn host(&self, cookie: &Cookie) -> Option<WithholdReason> {
        let (domain, host) = (cookie.domain.clone(), self.host.clone());
        if cookie.host_only {
            (domain != host).then_some(WithholdReason::HostOnly { domain, host })
        } else {
            (!scope::domain_match(&host, &domain)).then_some(WithholdReason::Domain { domain, host })
        }
    }

    fn time(&self, cookie: &Cookie) -> Option<WithholdReason> {
        let at = cookie.expiry?;
        cookie.is_expired(self.now).then_some(WithholdReason::Expired { at })
    }

    fn path(&self, cookie: &Cookie) -> Option<WithholdReason> {
        let request = self.url.path();
        (!scope::path_match(request, &cookie.path))
            .then(|| WithholdReason::Path { cookie: cookie.path.clone(), request: request.to_owned() })
    }

    fn secure(&self, cookie: &Cookie) -> Option<WithholdReason> {
        if !cookie.secure || self.trusted {
            return None;
        }
        let (scheme, host) = (self.url.scheme().to_owned(), self.host.clone());
        Some(if scope::is_loopback(self.url) {
            WithholdReason::SecureLoopback { scheme, host }
        } else {
            WithholdReason::Secure { scheme, host }
        })
    }

    fn site(&self, cookie: &Cookie) -> Option<WithholdReason> {
        let lax_stays = match self.site {
            Site::Same => return None,
            Site::CrossNavigation => false,
            Site::Cross => true,
        };
        match cookie.same_site {
            Some(SameSite::None) => None,
            Some(SameSite::Strict) => Some(WithholdReason::SameSiteStrict),
            Some(SameSite::Lax) => lax_stays.then_some(WithholdReason::SameSiteLax),
            None => lax_stays.then_some(WithholdReason::SameSiteUnset),
        }
    }
}

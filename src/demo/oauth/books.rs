//! What the authorization server remembers: grants with their tokens, codes, requests under way, and ids seen once.

use std::collections::{HashMap, HashSet};

use super::api::Order;
use super::device::Device;
use super::interaction::Pending;
use super::par::Pushed;
use super::token::code::Code;
use crate::demo::random;

/// How many grants are opened between two clean-ups.
const CLEAN_EVERY: usize = 256;

/// What a client was allowed, and by whom; every token belongs to one.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) client: &'static str,
    /// Whom its tokens stand for: a person, or a client that acts for itself.
    pub(crate) subject: String,
    /// The name of the person; nobody for a client that acts for itself.
    pub(crate) user: Option<String>,
    pub(crate) scope: Vec<String>,
    pub(crate) audience: String,
    /// When the person logged in, in seconds.
    pub(crate) auth_time: Option<u64>,
    pub(crate) nonce: Option<String>,
    /// The thumbprint of the key that the tokens are bound to.
    pub(crate) jkt: Option<String>,
    /// The browser session the grant came from.
    pub(crate) session: Option<String>,
    /// Who acts for the person (RFC 8693 §4.1).
    pub(crate) actor: Option<String>,
}

#[derive(Debug)]
struct Family {
    grant: Grant,
    ended: Option<&'static str>,
    /// When the last of its tokens expires, in seconds.
    until: u64,
}

#[derive(Debug)]
struct Access {
    family: String,
    revoked: bool,
    until: u64,
}

#[derive(Debug)]
struct Refresh {
    family: String,
    spent: bool,
    until_ms: u64,
}

/// The memory of one authorization server.
#[derive(Debug, Default)]
pub(crate) struct Books {
    families: HashMap<String, Family>,
    access: HashMap<String, Access>,
    refresh: HashMap<[u8; 32], Refresh>,
    pub(crate) codes: HashMap<[u8; 32], Code>,
    pub(crate) pending: HashMap<String, Pending>,
    pub(crate) pushed: HashMap<String, Pushed>,
    pub(crate) devices: HashMap<[u8; 32], Device>,
    /// What a person allowed in a browser session: session, client, scope.
    pub(crate) consents: HashSet<(String, &'static str, String)>,
    /// The orders of the protected API.
    pub(crate) orders: Vec<Order>,
    seen: HashMap<String, u64>,
    opened: usize,
}

/// Why a refresh token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotRefreshed {
    Unknown,
    Expired,
    Reused,
    Ended(&'static str),
}

/// What is known of a refresh token.
#[derive(Debug, Clone)]
pub(crate) struct Refreshable {
    pub(crate) family: String,
    pub(crate) grant: Grant,
    pub(crate) until_ms: u64,
}

impl Books {
    /// Opens a grant.
    pub(crate) fn open(&mut self, grant: Grant, now_ms: u64) -> String {
        self.opened += 1;
        if self.opened.is_multiple_of(CLEAN_EVERY) {
            self.clean(now_ms);
        }
        let id = random::name("grant");
        self.families.insert(id.clone(), Family { grant, ended: None, until: now_ms / 1000 + 60 });
        id
    }

    /// Ends a grant with all its tokens; the first reason stays.
    pub(crate) fn end(&mut self, family: &str, why: &'static str) {
        if let Some(family) = self.families.get_mut(family) {
            family.ended.get_or_insert(why);
        }
    }

    /// Ends what came from a browser session.
    pub(crate) fn end_session(&mut self, session: &str) {
        for family in self.families.values_mut().filter(|f| f.grant.session.as_deref() == Some(session)) {
            family.ended.get_or_insert("its session was logged out");
        }
        self.consents.retain(|(s, _, _)| s != session);
    }

    /// Ends everything a person allowed.
    pub(crate) fn end_user(&mut self, name: &str, why: &'static str) {
        for family in self.families.values_mut().filter(|f| f.grant.user.as_deref() == Some(name)) {
            family.ended.get_or_insert(why);
        }
    }

    /// Notes that a person who logged in again goes on under a new session.
    pub(crate) fn rename_session(&mut self, old: &str, new: &str, name: &str) {
        let same = |grant: &Grant| grant.session.as_deref() == Some(old) && grant.user.as_deref() == Some(name);
        for family in self.families.values_mut().filter(|f| same(&f.grant)) {
            family.grant.session = Some(new.to_owned());
        }
    }

    /// Notes an access token, which lives until that second.
    pub(crate) fn note_access(&mut self, jti: &str, family: &str, until: u64) {
        self.access.insert(jti.to_owned(), Access { family: family.to_owned(), revoked: false, until });
        self.prolong(family, until);
    }

    fn prolong(&mut self, family: &str, until: u64) {
        if let Some(family) = self.families.get_mut(family) {
            family.until = family.until.max(until);
        }
    }

    /// The grant of an access token, or why the token is dead.
    pub(crate) fn access(&self, jti: &str) -> Result<(&str, &Grant), String> {
        const UNKNOWN: &str = "the token is not known here";
        let access = self.access.get(jti).ok_or(UNKNOWN)?;
        let family = self.families.get(&access.family).ok_or(UNKNOWN)?;
        if let Some(why) = family.ended {
            return Err(format!("the token was revoked: {why}"));
        }
        if access.revoked {
            return Err("the token was revoked".to_owned());
        }
        Ok((&access.family, &family.grant))
    }

    /// Revokes one access token.
    pub(crate) fn revoke_access(&mut self, jti: &str) {
        if let Some(access) = self.access.get_mut(jti) {
            access.revoked = true;
        }
    }

    /// Makes a refresh token of a grant.
    pub(crate) fn issue_refresh(&mut self, family: &str, until_ms: u64) -> String {
        let token = random::secret();
        let entry = Refresh { family: family.to_owned(), spent: false, until_ms };
        self.refresh.insert(random::fingerprint(&token), entry);
        self.prolong(family, until_ms.div_ceil(1000));
        token
    }

    /// The grant a refresh token belongs to, whether or not the token is still good.
    pub(crate) fn refresh_owner(&self, token: &str) -> Option<(&str, &Grant)> {
        let entry = self.refresh.get(&random::fingerprint(token))?;
        Some((&entry.family, &self.families.get(&entry.family)?.grant))
    }

    /// The grant of a refresh token that could be used now, and when the token expires in seconds.
    pub(crate) fn living_refresh(&self, token: &str, now_ms: u64) -> Option<(&Grant, u64)> {
        let entry = self.refresh.get(&random::fingerprint(token)).filter(|r| !r.spent && r.until_ms > now_ms)?;
        let family = self.families.get(&entry.family).filter(|f| f.ended.is_none())?;
        Some((&family.grant, entry.until_ms / 1000))
    }

    /// Looks at a refresh token and leaves it as it is, except that one used before ends its whole grant
    /// (RFC 9700 §4.14.2).
    pub(crate) fn peek_refresh(&mut self, token: &str, now_ms: u64) -> Result<Refreshable, NotRefreshed> {
        let entry = self.refresh.get(&random::fingerprint(token)).ok_or(NotRefreshed::Unknown)?;
        let (spent, until_ms, id) = (entry.spent, entry.until_ms, entry.family.clone());
        if spent {
            self.end(&id, "a refresh token was used twice");
            return Err(NotRefreshed::Reused);
        }
        let family = self.families.get(&id).ok_or(NotRefreshed::Unknown)?;
        if let Some(why) = family.ended {
            return Err(NotRefreshed::Ended(why));
        }
        if until_ms <= now_ms {
            return Err(NotRefreshed::Expired);
        }
        Ok(Refreshable { grant: family.grant.clone(), family: id, until_ms })
    }

    /// Marks a refresh token as used.
    pub(crate) fn spend_refresh(&mut self, token: &str) {
        if let Some(entry) = self.refresh.get_mut(&random::fingerprint(token)) {
            entry.spent = true;
        }
    }

    /// Notes an id that may come only once until it expires; false when it was there already.
    pub(crate) fn first_time(&mut self, what: &str, until: u64, now: u64) -> bool {
        if self.seen.len() > 10_000 {
            self.seen.retain(|_, until| *until >= now);
        }
        let old = self.seen.insert(what.to_owned(), until);
        old.is_none_or(|old| old < now)
    }

    fn clean(&mut self, now_ms: u64) {
        let now = now_ms / 1000;
        // A dead token still has a story to tell for a while: what it was refused for.
        self.access.retain(|_, a| a.until + 3600 > now);
        self.families.retain(|_, f| f.until + 3600 > now);
        self.refresh.retain(|_, r| self.families.contains_key(&r.family));
        self.codes.retain(|_, c| c.until_ms + 3_600_000 > now_ms);
        self.pending.retain(|_, p| p.until_ms > now_ms);
        self.pushed.retain(|_, p| p.until_ms > now_ms);
        self.devices.retain(|_, d| d.until_ms + 3_600_000 > now_ms);
    }
}

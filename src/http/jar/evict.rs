//! Making room when there are too many cookies (draft, section 5.7, "remove excess cookies").

use jiff::Timestamp;

use super::Jar;
use super::cookie::{Cookie, CookieName};
use super::reason::EvictReason;

/// How many cookies one domain may have; the draft asks for at least 50, browsers keep 180.
pub const PER_DOMAIN: usize = 180;
/// How many cookies a jar may have.
pub const TOTAL: usize = 3000;

/// Tells of a cookie that had to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evicted {
    /// Its name.
    pub name: CookieName,
    /// Where it was sent.
    pub scope: String,
    /// Why it went.
    pub why: EvictReason,
}

impl Jar {
    /// Makes room after a cookie for `domain` came in.
    pub(super) fn make_room(&mut self, domain: &str, now: Timestamp) -> Vec<Evicted> {
        let mut evicted = Vec::new();
        let here = |c: &Cookie| c.domain == domain;
        while self.cookies.iter().filter(|c| here(c)).count() > PER_DOMAIN {
            // Among too many for one domain, those that are not Secure go first.
            let rank = |c: &Cookie| here(c).then_some(c.secure);
            evicted.extend(self.evict(rank, EvictReason::DomainFull { limit: PER_DOMAIN }, now));
        }
        while self.cookies.len() > TOTAL {
            // No domain has too many by now, so all cookies rank alike.
            let rank = |_: &Cookie| Some(false);
            evicted.extend(self.evict(rank, EvictReason::JarFull { limit: TOTAL }, now));
        }
        evicted
    }

    /// Takes out one cookie among those with a rank: expired first, then the lowest rank, then
    /// the one used longest ago.
    fn evict(&mut self, rank: impl Fn(&Cookie) -> Option<bool>, why: EvictReason, now: Timestamp) -> Option<Evicted> {
        let ranked = self.cookies.iter().enumerate().filter_map(|(at, c)| {
            let rank = rank(c)?;
            Some(((!c.is_expired(now), rank, c.last_access, c.seq), at))
        });
        let (_, at) = ranked.min()?;
        let cookie = self.cookies.remove(at);
        let expired = cookie.is_expired(now);
        Some(Evicted {
            scope: cookie.scope(),
            name: cookie.name,
            why: if expired { EvictReason::Expired } else { why },
        })
    }
}

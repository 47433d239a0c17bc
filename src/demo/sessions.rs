//! Token sessions: rotating refresh tokens with reuse detection (RFC 9700 §4.14), and what has been revoked.

use std::collections::HashMap;

use super::random;
use super::weakness::Weak;

/// How many sessions are opened between two clean-ups.
const CLEAN_EVERY: usize = 256;

/// The longest life of an access token, in seconds.
pub(crate) const LONGEST_ACCESS: u64 = 900;
/// The longest life of a refresh token, in seconds: two weeks.
pub(crate) const LONGEST_REFRESH: u64 = 14 * 24 * 3600;

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    LoggedOut,
    Revoked,
    RefreshReused,
    PasswordChanged,
    AllEnded,
    Disabled,
}

impl End {
    /// The reason as the end of a challenge's description.
    pub(crate) fn why(self) -> &'static str {
        match self {
            Self::LoggedOut => "its session was logged out",
            Self::Revoked => "its session was revoked",
            Self::RefreshReused => "a refresh token of its session was used twice",
            Self::PasswordChanged => "the password was changed",
            Self::AllEnded => "all sessions of the user were ended",
            Self::Disabled => "the account was disabled",
        }
    }
}

/// How long the tokens of a session live, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lives {
    pub(crate) access: u64,
    pub(crate) refresh: u64,
}

/// A login and everything that came of it by refreshing.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) user: String,
    pub(crate) lives: Lives,
    /// When the newest refresh token expires, in milliseconds.
    pub(crate) refresh_until: u64,
    pub(crate) ended: Option<End>,
    /// Single access tokens that were revoked (RFC 7009).
    revoked_jtis: Vec<String>,
}

impl Session {
    /// Why an access token of this session is no longer good.
    pub(crate) fn refusal(&self, jti: &str) -> Option<String> {
        if let Some(end) = self.ended {
            return Some(format!("the token was revoked: {}", end.why()));
        }
        self.revoked_jtis.iter().any(|j| j == jti).then(|| "the token was revoked".to_owned())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Fresh,
    Spent,
}

#[derive(Debug)]
struct Refresh {
    sid: String,
    until: u64,
    used: Use,
}

/// What a login or a refresh hands out.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) sid: String,
    pub(crate) user: String,
    pub(crate) lives: Lives,
    pub(crate) refresh_token: String,
}

/// Why a refresh token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotRefreshed {
    Unknown,
    Expired,
    Reused,
    Ended(End),
}

impl NotRefreshed {
    /// The reason as a sentence.
    pub(crate) fn message(self) -> String {
        match self {
            Self::Unknown => "this refresh token was never issued here; log in again".to_owned(),
            Self::Expired => "the refresh token has expired; log in again".to_owned(),
            Self::Reused => {
                "the refresh token was used before, so the whole session was ended; log in again".to_owned()
            }
            Self::Ended(end) => format!("the refresh token is dead: {}; log in again", end.why()),
        }
    }
}

/// All token sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    by_id: HashMap<String, Session>,
    refresh: HashMap<[u8; 32], Refresh>,
    opened: usize,
}

impl Sessions {
    /// Opens a session for a person who just proved who they are.
    pub(crate) fn open(&mut self, user: &str, lives: Lives, now: u64) -> Opened {
        self.opened += 1;
        if self.opened.is_multiple_of(CLEAN_EVERY) {
            self.clean(now);
        }
        let sid = random::name("sid");
        let refresh_until = now + lives.refresh * 1000;
        let session = Session { user: user.to_owned(), lives, refresh_until, ended: None, revoked_jtis: Vec::new() };
        self.by_id.insert(sid.clone(), session);
        let refresh_token = self.issue(&sid, refresh_until);
        Opened { sid, user: user.to_owned(), lives, refresh_token }
    }

    /// Trades a refresh token for the next one; using one twice ends its session.
    pub(crate) fn rotate(&mut self, weak: &Weak, token: &str, now: u64) -> Result<Opened, NotRefreshed> {
        let entry = self.refresh.get_mut(&random::fingerprint(token)).ok_or(NotRefreshed::Unknown)?;
        let session = self.by_id.get_mut(&entry.sid).ok_or(NotRefreshed::Unknown)?;
        if entry.used == Use::Spent {
            if !weak.is("reuse-not-detected") {
                session.ended.get_or_insert(End::RefreshReused);
            }
            return Err(NotRefreshed::Reused);
        }
        let forgiven = session.ended == Some(End::LoggedOut) && weak.is("logout-keeps-refresh");
        if let Some(end) = session.ended.filter(|_| !forgiven) {
            return Err(NotRefreshed::Ended(end));
        }
        if entry.until <= now {
            return Err(NotRefreshed::Expired);
        }
        if !weak.is("refresh-reusable") {
            entry.used = Use::Spent;
        }
        session.refresh_until = now + session.lives.refresh * 1000;
        let (sid, user, lives, until) = (entry.sid.clone(), session.user.clone(), session.lives, session.refresh_until);
        let refresh_token = self.issue(&sid, until);
        Ok(Opened { sid, user, lives, refresh_token })
    }

    /// The session of that id.
    pub(crate) fn get(&self, sid: &str) -> Option<&Session> {
        self.by_id.get(sid)
    }

    /// Whether a refresh token could be used now.
    pub(crate) fn is_fresh(&self, token: &str) -> bool {
        self.refresh.get(&random::fingerprint(token)).is_some_and(|entry| entry.used == Use::Fresh)
    }

    /// Takes back that a refresh token was used.
    pub(crate) fn unspend(&mut self, token: &str) {
        if let Some(entry) = self.refresh.get_mut(&random::fingerprint(token)) {
            entry.used = Use::Fresh;
        }
    }

    /// Gives a living session a further refresh token.
    pub(crate) fn reissue(&mut self, sid: &str) -> Option<Opened> {
        let session = self.by_id.get(sid).filter(|s| s.ended.is_none())?;
        let (user, lives, until) = (session.user.clone(), session.lives, session.refresh_until);
        Some(Opened { sid: sid.to_owned(), user, lives, refresh_token: self.issue(sid, until) })
    }

    /// The session a refresh token belongs to.
    pub(crate) fn of_refresh(&self, token: &str) -> Option<&Session> {
        self.by_id.get(&self.refresh.get(&random::fingerprint(token))?.sid)
    }

    /// Ends one session.
    pub(crate) fn end(&mut self, sid: &str, end: End) {
        if let Some(session) = self.by_id.get_mut(sid) {
            session.ended.get_or_insert(end);
        }
    }

    /// Ends the session a refresh token belongs to; a token that is not known is no error (RFC 7009 §2.2).
    pub(crate) fn end_by_refresh(&mut self, token: &str) {
        if let Some(entry) = self.refresh.get(&random::fingerprint(token)) {
            let sid = entry.sid.clone();
            self.end(&sid, End::Revoked);
        }
    }

    /// Revokes one access token and leaves its session alive.
    pub(crate) fn revoke_jti(&mut self, sid: &str, jti: &str) {
        if let Some(session) = self.by_id.get_mut(sid) {
            session.revoked_jtis.push(jti.to_owned());
        }
    }

    /// Ends every session of a person but the one to keep.
    pub(crate) fn end_all(&mut self, user: &str, keep: Option<&str>, end: End) {
        for (sid, session) in &mut self.by_id {
            if session.user == user && keep != Some(sid.as_str()) {
                session.ended.get_or_insert(end);
            }
        }
    }

    fn issue(&mut self, sid: &str, until: u64) -> String {
        let token = random::secret();
        self.refresh.insert(random::fingerprint(&token), Refresh { sid: sid.to_owned(), until, used: Use::Fresh });
        token
    }

    /// Drops the sessions of which no token can be good any more.
    fn clean(&mut self, now: u64) {
        // An access token may outlive the refresh token it came with.
        self.by_id.retain(|_, s| s.refresh_until + LONGEST_ACCESS * 1000 > now);
        let known = &self.by_id;
        self.refresh.retain(|_, r| known.contains_key(&r.sid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVES: Lives = Lives { access: 900, refresh: 10 };

    #[test]
    fn a_used_token_ends_the_family() {
        let mut sessions = Sessions::default();
        let first = sessions.open("alice", LIVES, 0);
        let second = sessions.rotate(&Weak::default(), &first.refresh_token, 1).unwrap();
        assert_eq!(second.sid, first.sid);
        assert_eq!(sessions.rotate(&Weak::default(), &first.refresh_token, 2).unwrap_err(), NotRefreshed::Reused);
        let dead = sessions.rotate(&Weak::default(), &second.refresh_token, 3).unwrap_err();
        assert_eq!(dead, NotRefreshed::Ended(End::RefreshReused));
        assert!(sessions.get(&first.sid).unwrap().refusal("any").is_some());
    }

    #[test]
    fn a_refresh_token_expires_by_the_millisecond() {
        let mut sessions = Sessions::default();
        let opened = sessions.open("alice", LIVES, 0);
        assert_eq!(
            sessions.rotate(&Weak::default(), &opened.refresh_token, 10_000).unwrap_err(),
            NotRefreshed::Expired
        );
        assert!(sessions.rotate(&Weak::default(), &opened.refresh_token, 9_999).is_ok());
    }

    #[test]
    fn what_is_over_is_forgotten_and_what_lives_is_kept() {
        let mut sessions = Sessions::default();
        let old = sessions.open("alice", LIVES, 0);
        let live = sessions.open("alice", Lives { access: 900, refresh: 100_000 }, 0);
        sessions.clean(1_000_000 + 10_000);
        assert!(sessions.get(&old.sid).is_none());
        assert!(sessions.get(&live.sid).is_some());
        assert_eq!(sessions.refresh.len(), 1);
    }
}

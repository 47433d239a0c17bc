//! The session that a step was sent with, and what the run did meanwhile that may have ended it.

/// What the run knew of the session that a step was sent with, at that moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    /// The answer is what `outcomes` declares as a refusal of anonymous, and not as one of an identity.
    pub as_nobody: bool,
    /// Position in the run when the login began that made it; nothing of whoever is on the way in.
    pub own: u64,
    /// When it may have been ended by others: from when it was last known to be alive until the step was answered.
    pub meanwhile: Span,
    /// How often the run logged the identity in meanwhile.
    pub newer_logins: u64,
    /// The cases that logged out meanwhile, of sessions of their own.
    pub logouts: Vec<String>,
    /// A login of the identity worked in this run: `whoami` said that it is theirs.
    pub works: bool,
    /// The cookies of its login that do not travel with its requests.
    pub apart: Vec<String>,
    /// Names the cookies that it was sent with in the run's memory.
    pub cookies: Vec<u64>,
    /// The answer that had given another one in place of one of them, which was not seen working since.
    pub renewed: Option<Renewal>,
}

/// A stretch of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// Position when it began.
    pub began: u64,
    /// Position when it ended.
    pub ended: u64,
}

impl Span {
    /// Tells whether two go on at once for some time.
    pub fn meets(self, other: Self) -> bool {
        self.began < other.ended && other.began < self.ended
    }
}

/// An answer that gave a cookie anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// The name of the cookie.
    pub cookie: String,
    /// The case, or whoever logged in.
    pub case: String,
    /// The request that was answered, without its query.
    pub line: String,
}

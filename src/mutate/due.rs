//! What an answer has to say, where a row is about that and not about a refusal.

use crate::http::{Headers, Request, Response};

/// What an answer has to say.
#[derive(Debug)]
pub struct Due {
    /// That, in words: `a 401 with a challenge`.
    pub words: &'static str,
    /// What is wrong when it does not, a clause: `the 401 does not say how to log in`.
    pub fault: &'static str,
    /// What has to be seen first, so that the answer says something.
    pub basis: Basis,
    /// Judges an answer.
    pub judge: fn(&Heard<'_>) -> Said,
}

/// What has to be seen before an answer says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Nothing: the answer speaks for itself.
    Nothing,
    /// That pages of the good origin may read the answer to the same request.
    Shared,
    /// That the same preflight is answered to the good origin.
    Preflight,
}

/// An answer, with what it is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Heard<'a> {
    /// The request that it is the answer to.
    pub sent: &'a Request,
    /// The answer.
    pub response: &'a Response,
    /// What the good origin was answered, where that was asked.
    pub good: Option<&'a Headers>,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// What it has to; in words.
    Due(String),
    /// Not what it has to; in words.
    Amiss(String),
    /// Something that should be known, and is no fault by itself; in words.
    Lax(String),
    /// Nothing of what the row asks; why.
    Nothing(String),
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

impl Eq for Due {}

//! What a login, a refresh or a logout wants done next, and what it hears of it: the contract between a scheme, which
//! sends nothing, and whoever runs the plan.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{Absent, Bound, Credential, Newest, Signer, Spelled, Varied, vary};
use crate::http::{Address, Request, Response};
pub use crate::page::Agree;
use crate::source::Span;
use crate::spec::Handshake;
use crate::step::{StepsId, Submit};
use crate::template::Scope;

/// What was heard since the last move.
#[derive(Debug)]
pub enum Heard {
    /// Nothing yet: this is the first move.
    Start,
    /// The steps ran and held; these are their captures.
    Steps(Vec<(Arc<str>, Value)>),
    /// The answer to the request that was sent, whatever it says.
    Answer(Box<Response>),
    /// The pages led to the address they were to end at, which was not asked for.
    Landed(Address),
    /// The time is over.
    Waited,
    /// What the program printed.
    Printed(String),
}

/// What the world gives a flow.
#[derive(Debug, Clone, Copy)]
pub struct Ctx<'a> {
    /// The time.
    pub now: Timestamp,
    /// What the scheme's templates see: the world, `identity.*`, and at a refresh `session.*`.
    pub scope: &'a Scope,
    /// The target, which paths are appended to.
    pub base: &'a str,
    /// Whether what a server asks back is answered, or left to be judged.
    pub answers: Handshake,
    /// Whether a server that is asked too often is waited for, or left to be judged.
    pub waits: bool,
    /// The refresh tokens that took the place of others; nothing where just the one at hand is meant.
    pub newest: Option<&'a Newest>,
}

impl Ctx<'_> {
    /// Gives the refresh token that is good by now in place of another one.
    pub(super) fn newest_of(&self, token: &str) -> String {
        self.newest.map_or_else(|| token.to_owned(), |newest| newest.of(token))
    }
}

/// The waits for a server that is asked too often: each is at least twice as long as the one before, so that one that
/// always says the same is not asked for ever.
#[derive(Debug, Clone, Copy, Default)]
pub struct Waits {
    all: Duration,
    last: Duration,
}

impl Waits {
    /// All of them together.
    pub const fn all(&self) -> Duration {
        self.all
    }

    /// The next wait, when a server asks for one; none when all together would be longer than a limit.
    pub fn next(&mut self, asked: Duration, limit: Duration) -> Option<Duration> {
        let left = limit.checked_sub(self.all).filter(|left| asked <= *left && !left.is_zero())?;
        self.last = asked.max(self.last * 2).min(left);
        self.all += self.last;
        Some(self.last)
    }
}

/// A login, a refresh or a logout on its way.
pub trait Flow: Send {
    /// Says what to do next.
    fn next(&mut self, heard: Heard, cx: &Ctx<'_>) -> Move;

    /// Where the key of the scheme stands that its last move is about, where it is one; else the identity is meant.
    fn at(&self) -> Option<Span> {
        None
    }
}

/// What a flow wants done.
#[derive(Debug)]
pub enum Move {
    /// Run these steps as the identity; all must hold.
    Steps(StepsId),
    /// Go through these pages as a browser does; captures and a CSRF token are heard as those of steps.
    Pages(Arc<PageScript>),
    /// Send this; the flow judges the answer itself.
    Send(Box<Exchange>),
    /// Send this, whose answer is the same for everybody, although it may be known: that one is too old.
    Renew(Box<Exchange>),
    /// Run this program to its end.
    Run(Box<Program>),
    /// Let this time pass, for this reason.
    Wait(Duration, &'static str),
    /// The credential is there.
    Ready(Credential),
    /// There will be none: the server refused, or its answer is not what it must be.
    Refused(Refused),
    /// There will be none: this token of the last answer that was not the same for everybody is not believed.
    Distrusted(Refused, String),
}

/// One request of a flow.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// What it is called in reports and by `vary`: `token`, `authorize` …
    pub label: &'static str,
    /// The request, without cookies.
    pub request: Request,
    /// Whether its answer is the same for everybody: it is asked for once in a run.
    pub common: bool,
    /// The key by which it is proven, if it is.
    pub bound: Option<Arc<Bound>>,
    /// By what its assertions are signed, if it has some.
    pub signer: Option<Arc<Signer>>,
    /// How a client stands in its Basic credential, where it has one.
    pub spelled: Spelled,
}

impl Exchange {
    /// A request of one's own, which no key proves.
    pub fn plain(label: &'static str, request: Request) -> Self {
        Self { label, request, common: false, bound: None, signer: None, spelled: Spelled::Encoded }
    }
}

/// How a request was made: by what its parameters are changed.
#[derive(Debug, Clone, Copy)]
pub struct How<'a> {
    /// The key by which it is proven, if it is.
    pub bound: Option<&'a Bound>,
    /// By what its assertions are signed, if it has some.
    pub signer: Option<&'a Signer>,
    /// How a client stands in its Basic credential, where it has one.
    pub spelled: Spelled,
}

impl How<'_> {
    /// A request in which nothing is signed.
    pub const PLAIN: Self = How { bound: None, signer: None, spelled: Spelled::Encoded };

    /// Changes a parameter; one within a proof or an assertion is signed anew.
    pub fn vary(&self, request: &mut Request, parameter: &str, value: &Value, absent: Absent) -> Varied {
        let proof = self.bound.and_then(|bound| bound.vary(request, parameter, value));
        let signed = proof.or_else(|| self.signer.and_then(|signer| signer.vary(request, parameter, value)));
        signed.unwrap_or_else(|| vary(request, parameter, value, absent, self.spelled))
    }
}

/// A program that prints a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its name and its arguments.
    pub words: Vec<String>,
    /// Variables for it, beside those of this process.
    pub variables: Vec<(String, String)>,
    /// Where it runs.
    pub folder: PathBuf,
}

/// Why a flow gives no credential: one sentence, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What the server said, or what is wrong with it.
    pub message: String,
    /// What the likely cause is, and what to try.
    pub help: Vec<String>,
}

impl Refused {
    /// A flow heard what it never asked for; a fault of this program.
    pub(crate) fn unasked() -> Self {
        Self { message: "the login heard something that it did not ask for".to_owned(), help: Vec::new() }
    }
}

/// The pages of a login, from the first to where they end.
#[derive(Debug)]
pub struct PageScript {
    /// How the first page is asked for.
    pub open: Opening,
    /// The address they end at, which is not asked for, as with an OAuth redirect URI.
    pub until: Option<Address>,
    /// The steps that the user wrote down; without them the way is found.
    pub pages: Option<StepsId>,
    /// What the user says about the form.
    pub fill: Submit,
    /// Whether the user says what goes into which field.
    pub named: bool,
    /// What pages are agreed to that ask for more than a login.
    pub agree: Agree,
    /// Whose browser it is.
    pub browser: Browser,
    /// The code that a device shows, for the page that asks for it.
    pub user_code: Option<String>,
}

/// Whose browser goes through pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Browser {
    /// The identity's own.
    Own,
    /// That of the identity who approves the login, with the cookies of that one's session.
    Approver,
}

/// How the first page of a login is asked for.
#[derive(Debug)]
pub enum Opening {
    /// By a step.
    Step(StepsId),
    /// By a request that the flow made.
    Request(Box<Exchange>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_always_says_the_same_is_asked_less_and_less() {
        let seconds = |asked: &[u64], limit: u64| {
            let mut waits = Waits::default();
            let mut next = |asked: &u64| waits.next(Duration::from_secs(*asked), Duration::from_secs(limit));
            asked.iter().map(|asked| next(asked).map(|time| time.as_secs())).collect::<Vec<_>>()
        };
        let all = [Some(1), Some(2), Some(4), Some(8), Some(16), Some(29), None];
        assert_eq!(seconds(&[1; 7], 60), all);
        assert_eq!(seconds(&[1, 30, 30], 60), [Some(1), Some(30), None], "longer than what is left");
        assert_eq!(seconds(&[61, 5], 60), [None, Some(5)]);
        assert_eq!(seconds(&[20, 10, 1], 30), [Some(20), Some(10), None]);
    }
}

//! What a scheme can do, and what it works with: requests are signed, sessions begun, renewed and ended by it.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::signed::{Signed, Strings};
use super::{Bound, Credential, Ctx, Flow, Heard, Move, Part, Refused, digest};
use crate::http::{ClientCertificate, Request, Response};
use crate::mutate::{Bend, Unfit};
use crate::source::Span;
use crate::spec::Talk;
use crate::step::StepsId;
use crate::template::{Scope, TemplateError};

/// How one kind of login works.
pub trait Scheme: Debug + Send + Sync {
    /// Starts a login.
    fn begin(&self) -> Box<dyn Flow>;

    /// Starts a refresh; `None` when this credential cannot be refreshed.
    fn refresh(&self, _: &Credential) -> Option<Box<dyn Flow>> {
        None
    }

    /// The names of the parts a credential has, for `session.*`.
    fn parts(&self) -> Vec<Arc<str>> {
        Vec::new()
    }

    /// Tells whether a part of its credential is a secret whatever it is called: it travels with requests, or a refresh
    /// makes it anew.
    fn is_secret(&self, _part: &str) -> bool {
        false
    }

    /// What it put on a request that proves who sends just this one: signatures.
    fn proofs(&self, _: &Request) -> Vec<String> {
        Vec::new()
    }

    /// What of a request was signed, as it left.
    fn signed(&self, _: &Memory, _: &Request) -> Vec<Signed> {
        Vec::new()
    }

    /// Steps that end the session of whoever runs them.
    fn logout(&self) -> Option<StepsId> {
        None
    }

    /// Steps that rotate the session's credential.
    fn refresh_steps(&self) -> Option<StepsId> {
        None
    }

    /// Tells whether an exchange of its talks carries a proof of a key (RFC 9449), whose parts `vary` reaches.
    fn proves(&self, _exchange: &str) -> bool {
        false
    }

    /// Proves a request anew that was changed after it was proven, or bears another token than the one it was proven with;
    /// what it wrote before and what it wrote now, where it did.
    fn prove_again(&self, _: &Seal<'_>, _proven_with: &str, _: &mut Request) -> Option<(String, String)> {
        None
    }

    /// Makes what proves a request anew, where it is sent again and a proof is good once; what it was before and is now.
    fn renew_proof(&self, _: &Seal<'_>, _: &mut Request) -> Option<(String, String)> {
        None
    }

    /// Makes the proof in a request anew for the method and address that it goes to now.
    fn renew_proof_here(&self, _: &Seal<'_>, _: &mut Request) {}

    /// Tells whether a parameter of an exchange of its talks is an assertion that it signs itself (RFC 7523), whose parts
    /// `vary` reaches.
    fn signs(&self, _exchange: &str, _parameter: &str) -> bool {
        false
    }

    /// The value that a parameter of an exchange has each time, where the scheme says so in so many words.
    fn constant(&self, _exchange: &str, _parameter: &str) -> Option<String> {
        None
    }

    /// Starts to end a session; `None` when the scheme does not say how.
    fn leave(&self, _: &Credential) -> Option<Box<dyn Flow>> {
        self.logout().map(|steps| Box::new(JustSteps(steps)) as Box<dyn Flow>)
    }

    /// The exchanges that a talk is made of; none when the scheme has no such talk.
    fn exchanges(&self, talk: Talk) -> Exchanges {
        match talk {
            Talk::Login => Exchanges::default(),
            Talk::Refresh => Exchanges::of_steps(self.refresh_steps()),
            Talk::Logout => Exchanges::of_steps(self.logout()),
        }
    }

    /// Whether cookies received at login travel with later requests.
    fn cookies(&self) -> Cookies {
        Cookies::Drop
    }

    /// The CSRF token that unsafe requests of the session carry.
    fn csrf(&self) -> Option<&Csrf> {
        None
    }

    /// Where the scheme says what stands in a header field.
    fn field_at(&self, _name: &str) -> Option<Span> {
        None
    }

    /// Puts the credential on a request.
    fn sign(&self, seal: &Seal<'_>, request: &mut Request) -> Result<(), TemplateError>;

    /// Puts the credential on a request with one thing other than it should be; the nonce is given, where one travels.
    fn bend(&self, _: &Seal<'_>, _: Bend, _nonce: &str, _: &mut Request) -> Result<(), Unfit> {
        Err(Unfit::not_here("the requests of this scheme are not signed"))
    }

    /// Answers what a server asks of whoever sends no credential, with one thing other than it should be; the client's
    /// own nonce is given.
    fn answer(&self, _: &Seal<'_>, _question: &Response, _: Bend, _nonce: &str, _: &mut Request) -> Result<(), Unfit> {
        Err(Unfit::not_here("the server asks nothing before it lets somebody in"))
    }

    /// Starts the talk of one request with a server that asks before it lets anybody in; then it
    /// signs in place of [`Scheme::sign`].
    fn handshake(&self) -> Option<Box<dyn Handshake + '_>> {
        None
    }

    /// The client certificate of the identity's connections; the error is one sentence.
    fn certificate(&self, _: &Scope) -> Option<Result<ClientCertificate, String>> {
        None
    }

    /// Where the scheme says that a client certificate proves somebody, if it names none itself: then that of all
    /// connections has to.
    fn uncertified(&self) -> Option<Span> {
        None
    }

    /// Tells whether a login begins with what a server may take once.
    fn begins_once(&self) -> bool {
        false
    }

    /// Tells whether the credential is made for each request, so that there is none to show on its own.
    fn is_per_request(&self) -> bool {
        self.handshake().is_some()
    }

    /// What it puts on requests, where that is several things of which each may be worth something alone.
    fn travels(&self) -> Vec<Part> {
        Vec::new()
    }

    /// Tells whether a request of this identity carries the credential only if [`Scheme::sign`] puts
    /// it there. A step that writes such a field itself replaces it.
    fn fields(&self) -> Vec<String>;
}

/// The exchanges of a talk, by which `vary` names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchanges {
    /// Those that the scheme makes.
    pub labels: Vec<&'static str>,
    /// Those of the user's own: each is called by its name, or as the talk is.
    pub steps: Vec<StepsId>,
}

impl Exchanges {
    pub(super) fn of_steps(steps: Option<StepsId>) -> Self {
        Self { labels: Vec::new(), steps: steps.into_iter().collect() }
    }

    /// Tells whether there is no such talk.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.steps.is_empty()
    }
}

/// A flow that is over when its steps are.
struct JustSteps(StepsId);

impl Flow for JustSteps {
    fn next(&mut self, heard: Heard, _: &Ctx<'_>) -> Move {
        match heard {
            Heard::Start => Move::Steps(self.0),
            Heard::Steps(_) => Move::Ready(Credential::default()),
            Heard::Answer(_) | Heard::Landed(_) | Heard::Waited | Heard::Printed(_) => {
                Move::Refused(Refused::unasked())
            }
        }
    }
}

/// Whether cookies of the login belong to the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookies {
    /// They travel.
    Keep,
    /// Only the credential does.
    Drop,
}

/// What a signer may use.
#[derive(Debug)]
pub struct Seal<'a> {
    /// `identity.*` and `session.*`.
    pub scope: &'a Scope,
    /// The identity's fields, rendered.
    pub identity: &'a [(Arc<str>, String)],
    /// What earlier requests of the session learnt.
    pub memory: &'a Memory,
    /// The time.
    pub now: Timestamp,
}

impl Seal<'_> {
    pub(super) fn field(&self, name: &str) -> &str {
        self.identity.iter().find(|(n, _)| &**n == name).map_or("", |(_, v)| v)
    }
}

/// One request's talk with a server that answers a challenge with another request. That request is
/// protocol, not a try: it stands in the trace, and the checks see only what came of it.
pub trait Handshake: Send {
    /// Puts on the request what is known to be wanted.
    fn sign(&mut self, seal: &Seal<'_>, request: &mut Request) -> Result<(), TemplateError>;

    /// Hears the answer to the request as it left.
    fn after(&mut self, seal: &Seal<'_>, request: &Request, response: &Response) -> After;
}

/// What comes after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// The answer stands; a sentence is noted in the trail.
    Done(Option<String>),
    /// The request is to be signed and sent again, for this reason.
    Again(String),
    /// The answer stands, and the server has not proven what it says it has: one sentence.
    Unproven(String),
}

/// What a session's requests learn from the server and share: nonces, and the key they are for.
#[derive(Debug, Default)]
pub struct Memory {
    /// Free nonce lanes by origin.
    pub(super) lanes: Mutex<HashMap<String, Vec<digest::Lane>>>,
    /// What was signed lately.
    pub(super) strings: Strings,
    /// The key that the session's token is bound to, with the nonces for its proofs.
    pub(super) bound: Option<Arc<Bound>>,
}

impl Memory {
    /// Begins with what a login gave.
    pub fn of(credential: &Credential) -> Self {
        Self { bound: credential.bound.clone(), ..Self::default() }
    }
}

/// A CSRF token that travels beside the cookies of a session with requests that change something.
#[derive(Debug)]
pub struct Csrf {
    /// Where it comes from.
    pub source: CsrfSource,
    /// The field it travels in.
    pub header: Arc<str>,
}

/// Where a CSRF token comes from.
#[derive(Debug)]
pub enum CsrfSource {
    /// A cookie, URL-decoded.
    Cookie(Arc<str>),
    /// A part of the session.
    Part(&'static str),
}

/// Why a request cannot be signed with a defect.
pub(super) fn unsigned(error: TemplateError) -> Unfit {
    Unfit::Unavailable { why: error.message, add: Vec::new() }
}

/// A flow that has its credential at once: it is made of the identity's own fields.
pub(super) struct AtOnce;

impl Flow for AtOnce {
    fn next(&mut self, _: Heard, _: &Ctx<'_>) -> Move {
        Move::Ready(Credential::default())
    }
}

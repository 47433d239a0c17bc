//! A request that was refused: what was asked for, whose credential it carried, and what its refusal may prove.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::Spoken;
use crate::exec::actor::Ownership;
use crate::exec::leak::Handed;
use crate::exec::session::SessionId;
use crate::exec::spill::Reply;
use crate::step::IdentityId;

/// What was asked for: a method and target as they were sent, with body and fields; of a `whoami` or of any other step.
///
/// Where one address serves all (GraphQL) or a field names the tenant, these are what is allowed or refused. Of what is
/// another each time they hold the words that were written for it.
///
/// They are told apart because a `whoami` looks at the answer: `GET /session` may be 200 to all, and
/// yet name somebody only to whoever is logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::exec) struct RequestKey {
    pub(super) request: u64,
    /// What the target names, whatever is done with it.
    place: u64,
    detail: u64,
    pub(super) asked: Asked,
}

/// Why a request was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::exec) enum Asked {
    /// A step of a case, a setup or a login.
    Plainly,
    /// A scheme's `whoami`.
    Whoami,
}

impl RequestKey {
    pub(in crate::exec) fn of(method: &str, url: &str, asked: Asked) -> Self {
        let hash = |what: &[&str]| {
            let mut hasher = DefaultHasher::new();
            what.hash(&mut hasher);
            hasher.finish()
        };
        let place = url.split(['?', '#']).next().unwrap_or_default();
        Self { request: hash(&[method, url]), place: hash(&[place]), detail: 0, asked }
    }

    /// The same with a body and fields; there are none when nothing is written.
    pub(in crate::exec) fn with(self, outline: &str) -> Self {
        if outline.is_empty() {
            return self;
        }
        let mut hasher = DefaultHasher::new();
        outline.hash(&mut hasher);
        Self { detail: hasher.finish(), ..self }
    }

    /// The same as any other step would ask for it.
    pub(super) const fn plainly(self) -> Self {
        Self { asked: Asked::Plainly, ..self }
    }

    /// Tells whether another request has the same method and target.
    pub(in crate::exec) const fn is_to(self, other: Self) -> bool {
        self.request == other.request
    }

    /// What the target names as a number, whatever the method and the query are.
    pub(in crate::exec) const fn place(self) -> u64 {
        self.place
    }

    /// The method and target as a number, for facts.
    pub(in crate::exec) const fn request(self) -> u64 {
        self.request
    }
}

/// A request that was refused, as its case expected.
#[derive(Debug, Clone)]
pub(in crate::exec) struct Refusal {
    pub(in crate::exec) key: RequestKey,
    pub(in crate::exec) sender: Sender,
    pub(in crate::exec) status: u16,
    /// Index of the step in its case.
    pub(in crate::exec) step: usize,
    /// Position in the run, for telling earlier from later.
    pub(in crate::exec) at: u64,
    pub(in crate::exec) weight: Weight,
    /// Of a cell: what its row asks for, but for what was made for each cell.
    pub(in crate::exec) alike: Option<u64>,
    /// Of a changed talk: whose and which, that has to work with nothing changed afterwards.
    pub(in crate::exec) talk: Option<Spoken>,
    /// Of a changed login: why one with nothing changed did not work straight after it.
    pub(in crate::exec) shut: Option<Arc<str>>,
    /// What the same credential was allowed earlier in the same case.
    pub(in crate::exec) earlier: Vec<RequestKey>,
    /// What is known of its credential where its case waited before.
    pub(in crate::exec) waited: Waited,
    /// What its answer has in its body.
    pub(in crate::exec) handed: Vec<Handed>,
    /// What its answer says.
    pub(in crate::exec) reply: Option<Reply>,
    /// What a session of the case's own was answered after it, when that did not hold any more.
    pub(in crate::exec) after: Option<u16>,
    /// Whether the case's own `control` has the same method and target, and was allowed.
    pub(in crate::exec) control: bool,
    /// Whether it is about a token against request forgery that nobody sent, and may say nothing of who asks.
    pub(in crate::exec) tokenless: bool,
}

impl Refusal {
    /// Tells whether the living session was refused, by what it was answered when it was found dead; nothing where that
    /// tells nothing.
    pub(super) fn lived(&self, dead: &[u16]) -> Option<bool> {
        // The dead session is answered otherwise, so this was a refusal of the living one; unless what was asked for
        // hides from whoever is not known, or sends them to the login page.
        let otherwise = !dead.contains(&self.status) && !matches!(self.status, 404 | 300..=399);
        dead.iter().any(|s| matches!(s, 401 | 403)).then_some(otherwise)
    }

    /// A refusal of which nothing else is known.
    pub(in crate::exec) fn new((key, sender): (RequestKey, Sender), at: u64, status: u16, weight: Weight) -> Self {
        let (alike, talk, shut, after, earlier, handed, reply) = (None, None, None, None, Vec::new(), Vec::new(), None);
        Self {
            key,
            sender,
            status,
            step: 0,
            at,
            weight,
            alike,
            talk,
            shut,
            earlier,
            waited: Waited::No,
            handed,
            reply,
            after,
            control: false,
            tokenless: false,
        }
    }
}

/// What a wait before a refusal means for the credential that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::exec) enum Waited {
    /// Nothing.
    No,
    /// It is written by hand, so that only what it was allowed earlier shows that it was good.
    ByHand,
    /// It is that of a session that others ended or renewed meanwhile.
    Disturbed,
}

/// How much a refusal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::exec) enum Weight {
    /// The case is about it: it wants proof.
    Claim,
    /// It is about the request and not about who sends it: without proof it says nothing.
    Change,
    /// It was not asked for, as with a redirect to the login page that is below 400: it proves
    /// nothing when the session is dead.
    Remark,
    /// Not found: it proves nothing when the identity was never allowed anything, or is found dead.
    Hint,
    /// The identity's credential was not sent, so it is nobody's refusal.
    Unsent,
}

/// Whose credential a request carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::exec) enum Sender {
    /// Without any credential.
    Anonymous,
    /// An identity with its credential.
    Identity { id: IdentityId, session: SessionId, ownership: Ownership },
    /// A hand-written credential, or steps of a login: shows that the request can be allowed, nothing more.
    Somebody,
}

/// What a refusal proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::exec) enum Shown {
    /// Access was at stake.
    Proven,
    /// It needs no proof.
    Fine,
    /// Nobody was seen being allowed the same request.
    Unproven,
    /// It is about a token against request forgery that was not sent, not about who asks.
    Tokenless,
    /// Its case waited for the end of a credential that was not seen good before.
    Unseen,
    /// The same, where that proves nothing.
    Unaccepted,
    /// The identity was never allowed anything: it proves nothing.
    Never,
    /// The session may have been dead: it proves nothing.
    Died,
    /// Afterwards the talk did not work with nothing changed, either: it proves nothing.
    LockedOut,
    /// The credential was not sent: it proves nothing.
    Unsent,
}

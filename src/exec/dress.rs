//! Puts a session's credential on the hops that may carry it, and on no other.

use std::sync::Arc;

use url::Origin;

use super::Shared;
use super::session::{Carries, Session};
use crate::auth::{After, Handshake};
use crate::http::{Dress, Exchange, Heard, Request};
use crate::source::Span;
use crate::spec::Handshake as Answers;
use crate::step::IdentityId;

/// Puts a credential on the hops that may carry it.
pub(super) struct Credential<'a> {
    pub(super) shared: &'a Shared,
    pub(super) session: Option<(IdentityId, Arc<Session>)>,
    pub(super) origins: Option<Vec<Origin>>,
    pub(super) removed: Vec<Arc<str>>,
    answers: Answers,
    /// The talk of the request on its way, where the scheme has one.
    talk: Option<Box<dyn Handshake + 'a>>,
    /// Where it is written what could not be put on the request.
    pub(super) fault: Option<Span>,
}

impl<'a> Credential<'a> {
    /// Joins what a request may carry; nothing without a session.
    pub(super) fn new(
        shared: &'a Shared,
        session: Option<(IdentityId, Arc<Session>)>,
        origins: Option<Vec<Origin>>,
        removed: Vec<Arc<str>>,
        answers: Answers,
    ) -> Self {
        Self { shared, session, origins, removed, answers, talk: None, fault: None }
    }
}

impl Dress for Credential<'_> {
    fn dress(&mut self, request: &mut Request, hop: usize) -> Result<Option<String>, String> {
        let shared = self.shared;
        let Some((id, session)) = &self.session else { return Ok(None) };
        let identity = &shared.plan.identities[id.0 as usize];
        if self.origins.as_ref().is_some_and(|o| !o.contains(&request.address.origin())) {
            self.talk = None;
            let base = request.address.base();
            let stayed = || format!("the credential of `{}` stayed behind on the way to {base}", identity.name);
            return Ok((hop > 0).then(stayed));
        }
        if session.carries == Carries::Nothing {
            return Ok(None);
        }
        let scheme = &identity.login.scheme;
        let own = request.headers.clone();
        let alone = match &session.carries {
            Carries::Only(part) => Some((part, request.clone())),
            Carries::All | Carries::Nothing => None,
        };
        let seal = session.seal();
        let written =
            scheme.fields().iter().any(|f| own.has(f) || self.removed.iter().any(|r| r.eq_ignore_ascii_case(f)));
        if self.talk.is_none() && !written {
            self.talk = scheme.handshake();
        }
        let signed = match &mut self.talk {
            Some(talk) => talk.sign(&seal, request),
            None => scheme.sign(&seal, request),
        };
        if let Err(error) = signed {
            self.fault = Some(error.span);
            return Err(error.message);
        }
        if let Some((part, unsigned)) = alone {
            *request = part.alone(&unsigned, request);
        }
        for proof in scheme.proofs(request) {
            shared.secrets.add(&format!("{}.signature", identity.name), &proof);
        }
        for name in scheme.fields().into_iter().chain(["cookie".to_owned()]) {
            if own.has(&name) {
                // The step's own field replaces the scheme's.
                request.headers.remove(&name);
                for value in own.all(&name) {
                    request.headers.add(name.to_ascii_lowercase(), value.clone());
                }
            } else if self.removed.iter().any(|r| r.eq_ignore_ascii_case(&name)) {
                request.headers.remove(&name);
            }
        }
        Ok(None)
    }

    fn heard(&mut self, exchange: &Exchange) -> Heard {
        let (Some(talk), Some((_, session)), Ok(response)) = (&mut self.talk, &self.session, &exchange.response) else {
            return Heard::Done(None);
        };
        let seal = session.seal();
        match talk.after(&seal, &exchange.request, response) {
            After::Again(why) if self.answers == Answers::On => Heard::Again(why),
            After::Again(_) => {
                self.talk = None;
                Heard::Done(Some("the server's question was left open, as `handshake: off` asks".to_owned()))
            }
            After::Unproven(why) => {
                self.talk = None;
                Heard::Unproven(why)
            }
            After::Done(note) => {
                // The next hop is another request.
                self.talk = None;
                Heard::Done(note)
            }
        }
    }

    fn is_at_home(&self, request: &Request) -> bool {
        self.origins.as_ref().is_none_or(|o| o.contains(&request.address.origin()))
    }

    fn may_carry_cookies(&self, request: &Request) -> bool {
        let removed = self.removed.iter().any(|r| r.eq_ignore_ascii_case("cookie"));
        !removed && self.is_at_home(request)
    }
}

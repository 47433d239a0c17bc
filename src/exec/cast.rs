//! The actors of a case: who sends its steps, each with a jar that is kept from step to step.

use std::collections::HashMap;
use std::sync::Arc;

use super::Shared;
use super::actor::{Actor, Ownership, Who};
use super::alone::Thing;
use super::login::{self, Sharing};
use super::session::{Failure, Session};
use crate::plan::Case;
use crate::spec::{self, Talk};
use crate::step::{Ask, Caller, IdentityId, Step};
use crate::template::{Scope, Value};

/// The actors of a case: each identity keeps its own jar from step to step.
pub(super) struct Cast {
    pub(super) nobody: Actor,
    /// Nobody by name; a new one for every step that names it, or for all of a flow.
    anonymous: Actor,
    pub(super) identities: HashMap<IdentityId, Actor>,
    /// What of a session was let in alone, by the step that found it out.
    pub(super) let_in: HashMap<Arc<str>, Vec<Thing>>,
}

impl Cast {
    /// One actor who sends every step, as in a login.
    pub(super) fn alone(actor: Actor) -> Self {
        Self { nobody: actor, anonymous: Actor::anonymous(), identities: HashMap::new(), let_in: HashMap::new() }
    }

    /// Gets a session for every identity that the case uses.
    pub(super) async fn assemble(shared: &Arc<Shared>, case: &Case) -> Result<Self, Arc<Failure>> {
        let fresh = case.shape.session != spec::Session::Shared;
        let own = match case.caller {
            Caller::Identity(id) => Some(id),
            Caller::Case | Caller::Nobody | Caller::Anonymous => None,
        };
        let waits = case.shape.pauses() || case.with.is_some();
        let ownership = match (fresh, waits) {
            (true, _) => Ownership::Fresh,
            (false, true) => Ownership::Still,
            (false, false) => Ownership::Shared,
        };
        let mut cast = Self::alone(Actor::nobody());
        for id in own.into_iter().chain(case.shape.identities.iter().copied()) {
            if cast.identities.contains_key(&id) || enters(case, id) {
                continue;
            }
            let session: Arc<Session> = if fresh {
                Box::pin(login::make(shared, id, None, Sharing::Fresh)).await?
            } else if ownership == Ownership::Still {
                // Nothing is renewed any more from here on, so what is about to end is renewed now.
                shared.sessions.fresh_enough(shared, id).await?
            } else {
                shared.sessions.get(shared, id).await?
            };
            cast.identities.insert(id, Actor::of(id, &session, ownership));
        }
        Ok(cast)
    }

    /// Puts `sessions.NAME` into scope.
    pub(super) fn show_sessions(&self, shared: &Shared, scope: &mut Scope) {
        if self.identities.is_empty() {
            return;
        }
        let parts = self.identities.iter().filter_map(|(id, actor)| {
            let Who::Identity(_, session, _) = &actor.who else { return None };
            let name = shared.plan.identities[id.0 as usize].name.to_string();
            Some((name, session.scope.get("session").cloned().unwrap_or_else(|| Value::from(()))))
        });
        scope.set_fields("sessions", parts.collect::<Vec<_>>());
    }

    /// Whoever is anonymous begins with an empty jar.
    pub(super) fn empty_browser(&mut self) {
        self.anonymous = Actor::anonymous();
    }

    /// Who sends a step.
    pub(super) fn actor(&mut self, caller: Caller) -> &mut Actor {
        match caller {
            // The plan lists every identity that a step names, so that it is here.
            Caller::Identity(id) => self.identities.get_mut(&id).unwrap_or(&mut self.nobody),
            Caller::Anonymous => &mut self.anonymous,
            Caller::Nobody | Caller::Case => &mut self.nobody,
        }
    }
}

/// Whether the first that a case does as an identity is to log in, just as it always does: such a case is about
/// that login, which may be refused. With a parameter changed, a login that works is what a refusal is held against.
fn enters(case: &Case, id: IdentityId) -> bool {
    let of = |step: &Step| if step.caller == Caller::Case { case.caller } else { step.caller };
    let mut own = case.shape.steps.iter().flat_map(Step::sending).filter(|step| of(step) == Caller::Identity(id));
    own.next().is_some_and(|first| matches!(&first.ask, Ask::Talk(Talk::Login, vary) if vary.is_empty()))
}

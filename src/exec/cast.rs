//! The actors of a case: who sends its steps, each with a jar that is kept from step to step.

use std::collections::HashMap;
use std::sync::Arc;

use super::Shared;
use super::actor::{Actor, Ownership, Who};
use super::login::{self, Sharing};
use super::session::{Failure, Session};
use super::talk::{Done, StepRun};
use crate::plan::Case;
use crate::spec;
use crate::step::{Caller, IdentityId, Step};
use crate::template::{Scope, Value};

/// The actors of a case: each identity keeps its own jar from step to step.
pub(super) struct Cast {
    pub(super) nobody: Actor,
    pub(super) identities: HashMap<IdentityId, Actor>,
}

impl Cast {
    /// Gets a session for every identity that the case uses.
    pub(super) async fn assemble(shared: &Arc<Shared>, case: &Case) -> Result<Self, Arc<Failure>> {
        let fresh = case.shape.session == spec::Session::Fresh;
        let own = match case.caller {
            Caller::Identity(id) => Some(id),
            Caller::Case | Caller::Nobody | Caller::Anonymous => None,
        };
        let ownership = match (fresh, case.shape.pauses()) {
            (true, _) => Ownership::Fresh,
            (false, true) => Ownership::Still,
            (false, false) => Ownership::Shared,
        };
        let mut cast = Self { nobody: Actor::nobody(), identities: HashMap::new() };
        for id in own.into_iter().chain(case.shape.identities.iter().copied()) {
            if cast.identities.contains_key(&id) {
                continue;
            }
            let session: Arc<Session> = if fresh {
                login::make(shared, id, None, Sharing::Fresh).await?
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

    pub(super) async fn act(&mut self, run: &StepRun<'_>, case: &Case, step: &Step) -> Done {
        let caller = if step.caller == Caller::Case { case.caller } else { step.caller };
        match caller {
            Caller::Identity(id) => match self.identities.get_mut(&id) {
                Some(actor) => run.run(step, actor).await,
                // The plan lists every identity that a step names, so this cannot be.
                None => run.run(step, &mut self.nobody).await,
            },
            Caller::Anonymous => run.run(step, &mut Actor::anonymous()).await,
            Caller::Nobody | Caller::Case => run.run(step, &mut self.nobody).await,
        }
    }
}

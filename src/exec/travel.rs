//! How a request travels: by whose connections, with what of its sender.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;

use super::actor::{Actor, Who};
use super::dress::Credential;
use super::exchange::{StepRun, count};
use super::given::certified;
use super::lanes::{self, Helps};
use crate::event::{CERTIFICATE_SHOWN, CERTIFICATE_UNASKED};
use crate::http::jar::Jar;
use crate::http::{Journey, Trail, Transport};
use crate::spec::Handshake;
use crate::step::{Prepared, Step};

/// How a request leaves.
#[derive(Debug, Default)]
pub(super) struct Way<'a> {
    /// Connections in place of those of its sender's session.
    pub(super) own: Option<Arc<Transport>>,
    /// Where it waits for those that leave with it.
    pub(super) gate: Option<&'a Barrier>,
}

impl StepRun<'_> {
    /// The connections of a client on its way in, where they show who it is; the pages of a login are the browser's,
    /// which has no certificate. The error is one sentence.
    pub(super) fn shown(&self, actor: &Actor) -> Result<Option<Arc<Transport>>, String> {
        match &actor.who {
            Who::Entering(id, scope) => certified(self.shared, *id, self.world, scope),
            // A session has its own.
            Who::Nobody | Who::Anonymous | Who::Identity(..) => Ok(None),
        }
    }

    /// How long a step may take for its answer: as it says itself, or the talk that it belongs to.
    pub(super) fn time_limit(&self, step: &Step) -> Duration {
        let of_talk = || self.talking.and_then(|talking| talking.timeout);
        step.timeout.or_else(of_talk).unwrap_or(self.shared.options.timeout)
    }

    /// Lets a request travel with the credential and the cookies of its sender: in its turn, where others would use up the
    /// nonce that it proves its key with.
    pub(super) async fn travel(
        &self,
        step: &Step,
        who: &Who,
        jar: &mut Jar,
        prepared: Prepared,
        way: Way<'_>,
    ) -> Trail {
        let is_written = prepared.request.headers.has("dpop") || prepared.request.headers.has("authorization");
        let is_gated = way.gate.is_some() || self.talking.is_some_and(|talking| talking.gate.is_some());
        let proves = who.session().is_some_and(|(_, session)| session.credential.bound.is_some());
        if !proves || is_written || is_gated || step.handshake == Handshake::Off {
            return self.set_out(step, who, jar, prepared, way).await;
        }
        let (lanes, base) = (&self.shared.lanes, prepared.request.address.base().to_owned());
        let mut turn = lanes.turn(&base).await;
        let again = Way { own: way.own.clone(), gate: None };
        let mut trail = self.set_out(step, who, jar, prepared.clone(), way).await;
        if !lanes::is_lost(&trail) {
            return trail;
        }
        if turn.is_none() {
            turn = lanes.begin(&base).await;
        }
        let Some(mut helps) = turn else { return trail };
        for _ in 0..lanes::TURNS {
            let way = Way { own: again.own.clone(), gate: None };
            let next = self.set_out(step, who, jar, prepared.clone(), way).await;
            let is_lost = lanes::is_lost(&next);
            trail = lanes::join(trail, next);
            if !is_lost {
                *helps = Helps::Yes;
                trail.notes.push("sent again in its turn: others had used up the nonce for its proof".to_owned());
                return trail;
            }
        }
        if *helps == Helps::Unknown {
            *helps = Helps::No;
        }
        trail
    }

    async fn set_out(
        &self,
        step: &Step,
        who: &Who,
        jar: &mut Jar,
        prepared: Prepared,
        Way { own, gate }: Way<'_>,
    ) -> Trail {
        let gate = gate.or_else(|| self.talking?.gate?.pass());
        let timeout = self.time_limit(step);
        let session = who.session().map(|(id, session)| (id, Arc::clone(session)));
        let origins = session.as_ref().map(|(_, s)| self.origins(s));
        let own = own.or_else(|| session.as_ref().and_then(|(_, s)| s.transport.clone()));
        let mut dress = Credential::new(self.shared, session, origins, prepared.removed, step.handshake);
        let Prepared { request, cookies, follow, notes, .. } = prepared;
        let (transport, elsewhere) = match &own {
            Some(own) => (&**own, Some(&*self.world.transport)),
            None => (&*self.world.transport, None),
        };
        let certified = elsewhere.is_some();
        let journey = Journey { transport, elsewhere, jar, cookies, follow, timeout, gate };
        self.shared.doing.send(self.label, || format!("for the answer to `{}`", step.line()));
        // Many cases wait and few send, so the large future of sending is not part of every case.
        let mut trail = Box::pin(journey.go(request, &mut dress)).await;
        self.shared.doing.go_on(self.label, count(&trail).saturating_sub(1));
        trail.notes.splice(0..0, notes);
        trail.fault = dress.fault;
        let is_tls = |hop: &crate::http::Exchange| hop.request.address.url().scheme() == "https";
        if certified && trail.hops.iter().any(is_tls) {
            if own.as_ref().is_some_and(|own| own.was_asked_for_certificate()) {
                trail.notes.push(CERTIFICATE_SHOWN.to_owned());
            } else if trail.hops.iter().any(|hop| hop.response.is_ok()) {
                // Where no answer came there may have been no TLS at all.
                trail.notes.push(CERTIFICATE_UNASKED.to_owned());
            }
        }
        trail
    }
}

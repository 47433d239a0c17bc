//! Keeps a shared session alive under the steps that use it, and names who ended it.

use std::sync::Arc;

use jiff::Timestamp;

use super::access::{ends_session, leaves};
use super::actor::{Actor, Ownership, Who};
use super::done::{Done, Ended};
use super::exchange::StepRun;
use super::ledger::{Ender, Sender};
use super::record;
use super::session::{Failure, Session, SessionId};
use crate::event::Phase;
use crate::evidence::Span;
use crate::http::challenge::parse_challenges;
use crate::http::jar::{Deletion, StoreOutcome, Stored};
use crate::http::{Trail, is_safe};
use crate::step::{IdentityId, Step};

impl StepRun<'_> {
    /// Renews a shared session that is about to end.
    pub(super) async fn keep_alive(&self, actor: &mut Actor) -> Result<(), Arc<Failure>> {
        if is_ending(actor)
            && let Who::Identity(id, session, _) = &actor.who
        {
            let renewed = self.shared.sessions.renew(self.shared, *id, session.generation).await?;
            actor.take_over(&renewed);
        }
        Ok(())
    }

    /// After a 401, a shared session gives way to a newer one that somebody else made meanwhile, since
    /// a rotation may end the old one; if the 401 says expired, it is renewed once.
    pub(super) async fn renew(
        &self,
        actor: &Actor,
        sender: Sender,
        trail: &Trail,
    ) -> Result<Option<Arc<Session>>, Arc<Failure>> {
        // A 401 for a credential that the step wrote itself says nothing about the session.
        let Sender::Identity { ownership: Ownership::Shared, .. } = sender else { return Ok(None) };
        let Who::Identity(id, session, _) = &actor.who else { return Ok(None) };
        if trail.response().is_none_or(|r| r.status != 401) {
            return Ok(None);
        }
        let newer = self.shared.sessions.newer(*id, session.generation);
        if newer || (says_expired(session, trail) && !self.shared.sessions.is_futile(*id)) {
            return self.shared.sessions.renew(self.shared, *id, session.generation).await.map(Some);
        }
        Ok(None)
    }

    /// A new credential that is called expired as well was not refused for its age.
    pub(super) fn note_futile(&self, actor: &Actor, trail: &Trail) {
        if let Who::Identity(id, session, _) = &actor.who
            && says_expired(session, trail)
        {
            self.shared.sessions.note_futile(*id);
        }
    }

    /// A case that ends the session that others use is named where they meet the ended one.
    pub(super) fn note_ender(&self, step: &Step, trail: &Trail, done: &mut Done, (sender, since): (Sender, u64)) {
        let Sender::Identity { id, ownership, session } = sender else { return };
        if ownership == Ownership::Fresh {
            if done.held() && leaves(trail) {
                let span = Span { began: since, ended: self.shared.ledger.tick() };
                self.shared.visits.left(id, span, &record::label(self.shared, self.label));
            }
            return;
        }
        let refused = trail.response().is_some_and(|r| r.status == 401);
        if done.ended == Ended::Failed
            && refused
            && let Some(ender) = self.shared.ledger.ender(id)
        {
            done.reasons.push(record::disturbed(self.shared, id, &ender, step.span));
        }
        self.note_suspect(step, trail, (id, session), since);
        if done.held() && self.phase == Phase::Case && ends_session(trail) {
            self.shared.ledger.ended(id, Ender { case: Arc::clone(self.label), session, line: step.line() });
        }
    }
}

impl StepRun<'_> {
    /// Keeps what changes something with the session that others use: it may end it, whatever it is called.
    fn note_suspect(&self, step: &Step, trail: &Trail, (id, session): (IdentityId, SessionId), since: u64) {
        let is_done = trail.response().is_some_and(|r| r.status < 400);
        let changes = trail.request().is_some_and(|r| !is_safe(&r.method));
        let Some(own) = self.shared.sessions.made(id).filter(|own| own.number == session && is_done && changes) else {
            return;
        };
        let span = Span { began: since, ended: self.shared.ledger.tick() };
        self.shared.suspects.note((id, own.began), session, span, (self.label, &step.line()));
    }
}

/// Tells whether a shared session is about to end.
pub(super) fn is_ending(actor: &Actor) -> bool {
    let Who::Identity(_, session, Ownership::Shared) = &actor.who else { return false };
    session.credential.refresh_at().is_some_and(|at| at <= Timestamp::now())
}

/// Tells whether a 401 is about an expired credential: by its challenge (RFC 6750, section 3.1), its body, or by a
/// `Set-Cookie` that takes a cookie of the session away.
fn says_expired(session: &Session, trail: &Trail) -> bool {
    calls_it_expired(trail) || (trail.response().is_some_and(|r| r.status == 401) && takes_cookie_away(session, trail))
}

/// The same by its words alone.
pub(super) fn calls_it_expired(trail: &Trail) -> bool {
    let Some(response) = trail.response().filter(|r| r.status == 401) else { return false };
    let fields: Vec<Vec<u8>> = response.headers.all("www-authenticate").map(|v| v.to_vec()).collect();
    let challenges = parse_challenges(fields.iter().map(Vec::as_slice));
    let described =
        challenges.iter().filter_map(|c| c.param("error_description")).any(|d| d.to_lowercase().contains("expired"));
    let body = String::from_utf8_lossy(&response.body[..response.body.len().min(4096)]).to_lowercase();
    described || body.contains("expired")
}

fn takes_cookie_away(session: &Session, trail: &Trail) -> bool {
    let now = Timestamp::now();
    let gone = trail.jar.stored().filter(|s| s.outcome == StoreOutcome::Deleted(Deletion::Removed));
    gone.map(Stored::name).any(|name| session.jar.iter(now).any(|c| c.name == *name))
}

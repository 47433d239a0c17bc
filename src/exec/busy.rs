//! Waits for a server that is asked too often, once for all who ask it: a 429 refuses nothing, and the same request may be
//! allowed a moment later (RFC 6585, section 4).
//!
//! Logins have waits of their own (`login`, and the flows of `auth`).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;

use super::actor::Actor;
use super::done::{Done, Ended};
use super::exchange::{Sent, StepRun, count};
use super::login::{BUSY, PATIENCE};
use super::matrix::Part;
use super::runner::Slot;
use super::talked::takes_busy;
use super::travel::Way;
use crate::auth::Waits;
use crate::event::{Phase, Reason};
use crate::evidence::{Word, find_words};
use crate::http::{Request, Response, Trail, Transport, is_safe};
use crate::step::{Prepared, Step};
use crate::term::duration;

/// The code of the reason that nothing was learnt.
pub(super) const CODE: &str = "asked-too-often";
/// How long a gateway has to find its server again.
const LAPSE: Duration = Duration::from_millis(150);
/// How far apart those leave at first who waited.
const APART: Duration = Duration::from_millis(20);

/// What origins said of how often they are asked.
#[derive(Debug, Default)]
pub(super) struct Busy(Mutex<HashMap<String, Lane>>);

/// The way to an origin that was asked too often.
#[derive(Debug)]
struct Lane {
    /// When it wants to be asked again.
    until: Instant,
    /// When the next of those may leave who wait.
    free: Instant,
    apart: Duration,
}

impl Busy {
    /// How long whoever is about to ask waits first. Those who wait leave one after the other, or they would all meet the
    /// limit again; whoever waited before waits again only for what the server said since.
    fn turn(&self, base: &str, waited: bool) -> Option<Duration> {
        let (mut lanes, now) = (self.lock(), Instant::now());
        let lane = lanes.get_mut(base)?;
        let at = if waited { lane.until } else { lane.until.max(lane.free) };
        let left = at.checked_duration_since(now).filter(|left| !left.is_zero())?;
        let at = at.max(lane.free);
        lane.free = at + lane.apart;
        Some(left.max(at - now))
    }

    /// Takes down that an origin wants to be left alone; whoever waited as it said and meets the limit again shows that
    /// those who wait leave too fast.
    fn heard(&self, base: &str, time: Duration, again: bool) {
        let (mut lanes, now) = (self.lock(), Instant::now());
        let new = || Lane { until: now, free: now, apart: APART };
        let lane = lanes.entry(base.to_owned()).or_insert_with(new);
        lane.until = lane.until.max(now + time);
        if again {
            lane.apart = (lane.apart * 2).min(time.max(APART));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Lane>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells whether an answer is that of a server that is asked too often, or that says when it can answer again.
fn is_busy(response: &Response) -> bool {
    response.status == 429 || response.turns_away(Timestamp::now()).is_some()
}

/// Tells whether a gateway answered in place of the server, without saying when that is there again.
fn is_gateways(response: &Response) -> bool {
    matches!(response.status, 502..=504) && response.asks_to_wait(Timestamp::now()).is_none()
}

fn are_safe(trail: &Trail) -> bool {
    trail.hops.iter().all(|hop| is_safe(&hop.request.method))
}

/// How often a request was sent that says who may, and how long it waited for that.
#[derive(Debug, Default)]
pub(super) struct Tries {
    waits: Waits,
    /// What a gateway answered in place of the server; it is asked once more.
    gateway: Option<u16>,
}

impl Tries {
    /// Notes beside the answer that it is not the first.
    pub(super) fn tell(&self, trail: &mut Trail) {
        if let Some(status) = self.gateway {
            trail.notes.push(format!("sent again after a {status}, which a gateway answers now and then"));
        }
    }
}

/// Tells whether an answer is about an account that is locked, which is no limit of the server.
fn is_lock(response: &Response) -> bool {
    const READ: usize = 4096;
    let text = String::from_utf8_lossy(&response.body[..response.body.len().min(READ)]).to_lowercase();
    find_words(&text).contains(&Word::Locked)
}

impl StepRun<'_> {
    /// Tells whether a step waits for a server that is asked too often: not where that is what it is about. A login has
    /// waits of its own, as has a step with `retry`, and a talk that a case asked for is judged as it went.
    fn outlasts(&self, step: &Step) -> bool {
        let is_own =
            matches!(self.phase, Phase::Login | Phase::Refresh) || self.talking.is_some() || step.retry.is_some();
        !is_own && !takes_busy(step) && !self.within.asking().any(|used| takes_busy(used.step))
    }

    /// Prepares a step and waits for the right to send it, and before that for a server that has said that it is asked too
    /// often.
    pub(super) async fn ready_in_turn(
        &self,
        step: &Step,
        actor: &mut Actor,
    ) -> Result<(Prepared, Slot<'_>), Box<Done>> {
        let mut waited = false;
        loop {
            let (prepared, slot) = self.ready(step, actor).await?;
            let turn = || self.shared.busy.turn(prepared.request.address.base(), waited);
            let Some(time) = self.outlasts(step).then(turn).flatten() else { return Ok((prepared, slot)) };
            drop(slot);
            self.wait(time, BUSY).await;
            waited = true;
        }
    }

    /// Waits before a request that is made already.
    pub(super) async fn in_turn(&self, step: &Step, request: &Request) {
        let mut waited = false;
        while self.outlasts(step)
            && let Some(time) = self.shared.busy.turn(request.address.base(), waited)
        {
            self.wait(time, BUSY).await;
            waited = true;
        }
    }

    /// Sends a request again that met a limit, when the server wants it, as long as that is soon.
    pub(super) async fn outlast(&self, step: &Step, actor: &mut Actor, sent: &mut Sent) -> Result<(), Box<Done>> {
        let mut waits = Waits::default();
        while self.comes_again((step, self.is_refusal(step)), &sent.trail, &mut waits) {
            self.tell(actor, &sent.trail);
            let (again, slot) = self.ready_in_turn(step, actor).await?;
            let sender = self.sender(&again, actor);
            let since = self.shared.ledger.tick();
            let trail = self.set_off(slot, (step, actor), again, Way::default()).await;
            *sent = Sent { requests: sent.requests + count(&trail), trail, sender, since };
        }
        if !waits.all().is_zero() {
            sent.trail
                .notes
                .push(format!("sent again after {}: the server was asked too often", duration(waits.all())));
        }
        Ok(())
    }

    /// Sends what is made already as it stands and tells it; again where it met a limit, unless it has something that is
    /// good once. Gives how many were sent.
    pub(super) async fn post_told(
        &self,
        step: &Step,
        actor: &Actor,
        (request, head): (Request, Option<Bytes>),
        transport: &Transport,
    ) -> (Trail, u32) {
        let mut tries = Tries::default();
        let proves = actor.who.session().is_some_and(|(id, session)| {
            let scheme = &self.shared.plan.identities[id.0 as usize].login.scheme;
            session.credential.bound.is_some() || scheme.is_per_request()
        });
        let mut sent = 0;
        loop {
            let mut trail = self.post(request.clone(), head.clone(), step, transport).await;
            self.tell(actor, &trail);
            sent += count(&trail);
            if proves || !self.is_tried_again(step, &trail, &mut tries).await {
                tries.tell(&mut trail);
                return (trail, sent);
            }
        }
    }

    /// Tells whether a request that is sent with a defect, or as the control of one, is to be sent again: where it met a
    /// limit, and once where a gateway answered, which breaks now and then by itself. All of these are about who may.
    pub(super) async fn is_tried_again(&self, step: &Step, trail: &Trail, tries: &mut Tries) -> bool {
        if self.comes_again((step, true), trail, &mut tries.waits) {
            return true;
        }
        let response = trail.response().filter(|response| tries.gateway.is_none() && is_gateways(response));
        let Some(response) = response.filter(|_| are_safe(trail) && self.outlasts(step)) else { return false };
        tries.gateway = Some(response.status);
        self.wait(LAPSE, BUSY).await;
        true
    }

    /// Tells whether a request that met a limit is to be sent again in its turn. Nobody looked at it, so that one which
    /// changes something may be sent again as well; a 503 may come after it was looked at.
    pub(super) fn comes_again(&self, asked_by: (&Step, bool), trail: &Trail, waits: &mut Waits) -> bool {
        let (Some((base, asked)), before) = (self.asks_to_wait(asked_by, trail), waits.all()) else { return false };
        let Some(time) = waits.next(asked, PATIENCE) else { return false };
        self.shared.busy.heard(&base, time, !before.is_zero());
        true
    }

    /// The origin that wants to be left alone, and for how long. The step comes with whether it asks who may.
    fn asks_to_wait(&self, (step, asks_who_may): (&Step, bool), trail: &Trail) -> Option<(String, Duration)> {
        let (request, response) = (trail.request()?, trail.response()?);
        let waits = match response.status {
            429 => !is_lock(response),
            // Somebody may have looked at it.
            403 => are_safe(trail) && !is_lock(response),
            // What fails now and then is told, but where it stands in the way of a refusal.
            _ => asks_who_may && are_safe(trail),
        };
        let asked = response.turns_away(Timestamp::now()).filter(|_| waits && self.outlasts(step))?;
        Some((request.address.base().to_owned(), asked))
    }

    /// Tells whether a step asks who may: as a cell of a matrix, or by expecting a refusal.
    fn is_refusal(&self, step: &Step) -> bool {
        matches!(self.cell(), Some((.., Part::Target | Part::Way | Part::Missing))) || step.may_refuse()
    }

    /// Takes a limit for no answer to what a cell of a matrix, or a step that expects a refusal, asks: nothing is known.
    pub(super) fn doubt_busy(&self, step: &Step, trail: &Trail, done: &mut Done) {
        let Some(response) = trail.response().filter(|response| is_busy(response)) else { return };
        let is_lock = self.cell().is_none() && is_lock(response);
        // A limit of 403 looks like the refusal that is wanted. One of a login may be a lock, which is.
        let holds = done.held() && !(response.status == 403 && are_safe(trail));
        if holds || is_lock || !self.is_refusal(step) || !self.outlasts(step) {
            return;
        }
        let wish = match response.limit_field() {
            Some(name) => format!(" for longer than is waited for (`{name}`)"),
            None if response.status == 429 => ", and does not say for how long".to_owned(),
            None => String::new(),
        };
        let message = format!("the server is asked too often ({}){wish}: nobody was refused", response.status);
        let help = "raise the limit of the test environment, or send less at once (`--jobs-per-host`)".to_owned();
        let reason = self.reason(CODE, &message, step.span, vec![help]);
        done.ended = Ended::Inconclusive;
        done.refused.clear();
        done.reasons = vec![Reason { step: done.records.len().checked_sub(1), ..reason }];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_while_a_server_is_left_alone_waits_with_the_others() {
        let busy = Busy::default();
        assert_eq!(busy.turn("http://a", false), None);
        busy.heard("http://a", Duration::from_secs(5), false);
        let turn = |waited| busy.turn("http://a", waited).unwrap().as_secs_f64();
        let (first, second) = (turn(false), turn(false));
        assert!((4.9..=5.0).contains(&first) && second > first && second < 5.1, "{first} {second}");
        assert_eq!(busy.turn("http://b", false), None);
    }

    #[test]
    fn whoever_waited_leaves_unless_the_server_said_more() {
        let busy = Busy::default();
        busy.heard("http://a", Duration::from_millis(30), false);
        for _ in 0..3 {
            busy.turn("http://a", false);
        }
        std::thread::sleep(Duration::from_millis(35));
        assert_eq!(busy.turn("http://a", true), None);
        assert!(busy.turn("http://a", false).is_some(), "others are still to leave");
        busy.heard("http://a", Duration::from_secs(1), true);
        assert!(busy.turn("http://a", true).is_some());
    }
}

//! Sends one step as somebody and judges what came back.

use std::sync::Arc;

use jiff::Timestamp;
use url::Origin;

use super::access::{Said, said};
use super::actor::{Actor, Who};
use super::done::Done;
use super::entrance::Inside;
use super::homes::to_add;
use super::learn;
use super::ledger::{Asked, RequestKey, Sender};
use super::renew::is_ending;
use super::runner::Slot;
use super::session::Session;
use super::travel::Way;
use super::uses::Within;
use super::variation::{Talking, complete};
use super::witness::Seen;
use super::world::WorldRun;
use super::{Shared, pages};
use crate::auth::{Exchange as Made, How};
use crate::check::Fetched;
use crate::event::Phase;
use crate::http::{Request, Trail, percent_decoded};
use crate::step::{Caller, Prepared, Step, Unready};
use crate::template::{Scope, Value};

/// What running a step needs.
#[derive(Clone, Copy)]
pub(super) struct StepRun<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) world: &'a WorldRun,
    pub(super) phase: Phase,
    /// The case's id, for events; the identity's name for logins.
    pub(super) label: &'a Arc<str>,
    /// Captures so far and all below.
    pub(super) scope: &'a Arc<Scope>,
    /// Who sends steps that name nobody.
    pub(super) stand_in: Caller,
    /// The number of the case, when its pages may be asked for again.
    pub(super) case: Option<usize>,
    /// What the step before really did.
    pub(super) last: Option<&'a Arc<Trail>>,
    /// Where it stands in flows.
    pub(super) within: Within<'a>,
    /// The talk of a scheme that the steps belong to, where a case asked for it.
    pub(super) talking: Option<Talking<'a>>,
    /// Cookies that whoever uses the flow writes for all its requests.
    pub(super) cookies: &'a [(String, String)],
    /// The place of a login that the steps belong to.
    pub(super) inside: Option<&'a Inside>,
    /// Whether it was a talk of a scheme that gave no credential.
    pub(super) barren: bool,
}

/// A request that was sent, and sent again where nobody looked at it.
pub(super) struct Sent {
    pub(super) trail: Trail,
    pub(super) sender: Sender,
    /// When the last of them was sent.
    pub(super) since: u64,
    /// How many were sent.
    pub(super) requests: u32,
}

/// How often a request waits for a one-time password: others may take the next one first.
pub(super) const PASSWORDS: usize = 20;

/// How often a session is renewed that comes to its end while its request waits to be sent.
const RENEWALS: usize = 5;

impl<'a> StepRun<'a> {
    /// Steps of nobody's that stand in no flow and belong to nothing else.
    pub(super) fn plain(
        shared: &'a Arc<Shared>,
        world: &'a WorldRun,
        (phase, label): (Phase, &'a Arc<str>),
        scope: &'a Arc<Scope>,
    ) -> Self {
        Self {
            shared,
            world,
            phase,
            label,
            scope,
            stand_in: Caller::Nobody,
            case: None,
            last: None,
            within: Within::default(),
            talking: None,
            cookies: &[],
            inside: None,
            barren: false,
        }
    }
}

impl StepRun<'_> {
    /// Sends one request as somebody, and judges what came back.
    pub(super) async fn exchange(&self, step: &Step, actor: &mut Actor) -> Done {
        let (prepared, slot) = match self.ready_in_turn(step, actor).await {
            Ok(ready) => ready,
            Err(done) => return *done,
        };
        learn::written(self.shared, &self.owner(actor), &prepared.request);
        let asked = if self.phase == Phase::Whoami { Asked::Whoami } else { Asked::Plainly };
        let key = self.key_of(step, actor, &prepared.request, asked);
        let origin = prepared.request.address.origin();
        let sent = self.sent(step, actor, prepared, slot).await;
        let Sent { trail, sender, since, requests } = match sent {
            Ok(sent) => sent,
            Err(done) => return *done,
        };
        if self.within.landing.is_some() {
            learn::landing(self.shared, &self.owner(actor), &trail);
        }
        let at = self.shared.ledger.tick();
        let fetched = self.fetch(step, actor, &trail).await;
        let mut done = self.judge(step, actor, &trail, &fetched);
        self.doubt_nonce(step, &trail, &mut done);
        self.tell(actor, &trail);
        done.requests = requests;
        done.origins.push(origin);
        self.remember(step, actor, &trail, &mut done, Seen { key, sender, since, at });
        self.doubt_written(step, sender, &trail, &mut done);
        self.note_ender(step, &trail, &mut done, (sender, since));
        self.observe(step, actor, &trail, &mut done, (key, since));
        self.doubt_busy(step, &trail, &mut done);
        done.last = Some(Arc::new(trail));
        done
    }

    /// Sends a prepared request until it has an answer that is about it: when a server that is asked too often wants it,
    /// and once more with a newer session. Else what becomes of the step.
    async fn sent(
        &self,
        step: &Step,
        actor: &mut Actor,
        prepared: Prepared,
        slot: Slot<'_>,
    ) -> Result<Sent, Box<Done>> {
        let sender = self.sender(&prepared, actor);
        let since = self.shared.ledger.tick();
        let trail = self.set_off(slot, (step, actor), prepared, Way::default()).await;
        let mut sent = Sent { requests: count(&trail), trail, sender, since };
        let after = |done: Box<Done>, requests| Box::new(Done { requests, ..*done });
        let met = self.outlast(step, actor, &mut sent).await;
        met.map_err(|done| after(done, sent.requests))?;
        match self.renew(actor, sent.sender, &sent.trail).await {
            Ok(None) => {}
            Ok(Some(renewed)) => {
                actor.take_over(&renewed);
                // It may come to its end as well before it is its turn.
                if let Ok((again, slot)) = self.ready_in_turn(step, actor).await {
                    sent.sender = self.sender(&again, actor);
                    self.tell(actor, &sent.trail);
                    sent.trail = self.set_off(slot, (step, actor), again, Way::default()).await;
                    sent.trail.notes.push("sent again with a newer session after a 401".to_owned());
                    sent.requests += count(&sent.trail);
                    self.note_futile(actor, &sent.trail);
                    let met = self.outlast(step, actor, &mut sent).await;
                    met.map_err(|done| after(done, sent.requests))?;
                }
            }
            Err(failure) => {
                self.tell(actor, &sent.trail);
                return Err(after(Box::new(self.blocked(step, actor, failure)), sent.requests));
            }
        }
        Ok(sent)
    }

    /// Sends a request that a page of a login made, and judges what came back. That it was allowed is only known when
    /// the login works: a page that is shown again is an answer like any other.
    pub(super) async fn browse(&self, step: &Step, actor: &mut Actor, prepared: Prepared, label: &str) -> Done {
        let key = RequestKey::of(&prepared.request.method, &prepared.request.address.to_string(), Asked::Plainly);
        let since = self.shared.ledger.tick();
        let trail = self.send(step, actor, prepared, Way::default()).await;
        learn::landing(self.shared, &self.owner(actor), &trail);
        let fetched = self.fetch(step, actor, &trail).await;
        let mut done = self.judge(step, actor, &trail, &fetched);
        done.requests = count(&trail);
        done.records.iter_mut().for_each(|r| r.name = Some(label.to_owned()));
        if done.held() && said(step, &trail) == Said::Allowed {
            done.allowed.push(key);
        }
        self.tell(actor, &trail);
        // A form that was taken leads on to a page that is for whoever is in.
        if trail.hops.len() > 1 && trail.response().is_some_and(|response| response.status == 401) {
            self.observe(step, actor, &trail, &mut done, (key, since));
        }
        done.last = Some(Arc::new(trail));
        done
    }

    /// Sends a request that a flow made. What it says about access is noted; whether it is what the flow needs
    /// is for the flow to say.
    pub(super) async fn send_made(&self, step: &Step, exchange: Made, actor: &mut Actor) -> Done {
        let Made { label, request, bound, signer, spelled, .. } = exchange;
        let made = How { bound: bound.as_deref(), signer: signer.as_deref(), spelled };
        let mut prepared = match step.dress(request, &self.scope_of(actor)) {
            // What it proves stands in it, and no cookies travel with it.
            Ok(prepared) => self.varied(Some(label), prepared, made, &[]),
            Err(error) => return self.unsent(step, actor, error.into()),
        };
        if let Who::Identity(id, ..) = &actor.who {
            // What the request needs to prove, the flow wrote into it; the session's credential is for the API.
            let fields = self.shared.plan.identities[id.0 as usize].login.scheme.fields();
            prepared.removed.extend(fields.into_iter().map(Arc::from));
        }
        let key = RequestKey::of(&prepared.request.method, &prepared.request.address.to_string(), Asked::Plainly);
        let sender = self.sender(&prepared, actor);
        let owner = self.owner(actor);
        learn::request(self.shared, &owner, &prepared.request);
        let own = match self.shown(actor) {
            Ok(own) => own,
            Err(why) => {
                return self.without_answer(step, actor, self.reason("login-failed", &why, step.span, Vec::new()));
            }
        };
        // A client asks a server by itself: the cookies are those of the browser, and no page is on its screen.
        let (jar, page) = (std::mem::take(&mut actor.jar), actor.page.take());
        let since = self.shared.ledger.tick();
        let trail = self.send(step, actor, prepared, Way { own, gate: None }).await;
        (actor.jar, actor.page) = (jar, page);
        let at = self.shared.ledger.tick();
        learn::answer(self.shared, &owner, &trail);
        let mut done = self.judge(step, actor, &trail, &Fetched::new());
        done.requests = count(&trail);
        done.records.iter_mut().for_each(|r| r.name = Some(label.to_owned()));
        self.tell(actor, &trail);
        self.remember(step, actor, &trail, &mut done, Seen { key, sender, since, at });
        self.observe(step, actor, &trail, &mut done, (key, since));
        done.records.iter_mut().filter_map(|r| r.facts.as_mut()).for_each(|facts| facts.made = true);
        done.last = Some(Arc::new(trail));
        done
    }

    /// Changes the parameters that a case wants changed in an exchange of a scheme.
    pub(super) fn varied(
        &self,
        label: Option<&str>,
        mut prepared: Prepared,
        made: How<'_>,
        carried: &[String],
    ) -> Prepared {
        if let Some(talking @ Talking { talk, variations, .. }) = self.talking {
            talking.dress(&mut prepared);
            let label = label.unwrap_or(talk.word());
            let notes: Vec<String> =
                variations.iter().filter_map(|v| v.apply(label, &mut prepared, made, carried)).collect();
            prepared.notes.extend(notes);
            prepared.notes.extend(complete(&self.shared.codes, variations, label, &mut prepared.request));
        }
        prepared
    }

    /// The fields that a request will have of its sender: those of the credential, and the cookies.
    pub(super) fn carried(&self, actor: &Actor, prepared: &Prepared) -> Vec<String> {
        let of_scheme = actor
            .who
            .session()
            .filter(|(_, session)| self.origins(session).contains(&prepared.request.address.origin()));
        let fields = of_scheme.map(|(id, _)| self.shared.plan.identities[id.0 as usize].login.scheme.fields());
        let has_cookies =
            !prepared.cookies.is_empty() || actor.jar.covers(prepared.request.address.url(), Timestamp::now());
        fields.into_iter().flatten().chain(has_cookies.then(|| "cookie".to_owned())).collect()
    }

    /// Renders the request; one that needs a one-time password waits until there is a fresh one.
    pub(super) async fn prepare(&self, step: &Step, actor: &Actor) -> Result<Prepared, Unready> {
        for _ in 0..PASSWORDS {
            match step.prepare(&self.scope_of(actor), &self.world.base, actor.page.as_ref()) {
                Err(Unready { ready_at: Some(time), .. }) => self.wait_until(time, "the next one-time password").await,
                done => return self.with_cookies(done),
            }
        }
        self.with_cookies(step.prepare(&self.scope_of(actor), &self.world.base, actor.page.as_ref()))
    }

    /// Adds the cookies of whoever uses the flow to those that the step writes itself.
    fn with_cookies(&self, prepared: Result<Prepared, Unready>) -> Result<Prepared, Unready> {
        let mut prepared = prepared?;
        for (name, value) in self.cookies {
            if prepared.cookies.iter().all(|(own, _)| own != name) {
                prepared.cookies.push((name.clone(), value.clone()));
            }
        }
        Ok(prepared)
    }

    /// A step that would carry a credential to an origin it is not bound to is never sent.
    pub(super) fn foreign(&self, step: &Step, actor: &Actor, prepared: &Prepared) -> Option<Done> {
        let foreign = |(_, session): &(_, &Arc<Session>)| !self.is_home(session, &prepared.request);
        let Some((id, _)) = actor.who.session().filter(foreign) else {
            return self.written_elsewhere(step, actor, prepared);
        };
        let name = &self.shared.plan.identities[id.0 as usize].name;
        let base = prepared.request.address.base();
        let message = format!("the credential of `{name}` is not bound to {base}, so nothing was sent");
        let help = format!("if {base} may see it, {}; otherwise send the step `as: anonymous`", to_add(step));
        let reason = self.reason("other-origin", &message, step.span, vec![help]);
        Some(self.without_answer(step, actor, reason))
    }

    /// Tells whether the credential of a session may go with a request.
    pub(super) fn is_home(&self, session: &Session, request: &Request) -> bool {
        self.origins(session).contains(&request.address.origin())
    }

    pub(super) fn origins(&self, session: &Session) -> Vec<Origin> {
        session.origins.iter().chain(&self.world.origins).cloned().collect()
    }

    /// Prepares a step and waits for the right to send it. A session that comes to its end meanwhile is renewed first,
    /// which takes a right of its own, so none is held for that.
    pub(super) async fn ready(&self, step: &Step, actor: &mut Actor) -> Result<(Prepared, Slot<'_>), Box<Done>> {
        let mut renewals = 0;
        loop {
            if let Err(failure) = self.keep_alive(actor).await {
                return Err(Box::new(self.blocked(step, actor, failure)));
            }
            // One that is over as soon as it is made is no better for being made again.
            let was_ending = is_ending(actor);
            let mut prepared = match self.prepare(step, actor).await {
                Ok(prepared) => {
                    let carried = self.carried(actor, &prepared);
                    self.varied(step.name.as_deref(), prepared, How::PLAIN, &carried)
                }
                Err(error) => return Err(Box::new(self.unsent(step, actor, error))),
            };
            if let Some(done) = self.typed_elsewhere(step, actor, &prepared) {
                return Err(Box::new(done));
            }
            if let Some(ends) = self.within.landing {
                prepared.follow = prepared.follow.within(ends);
            }
            if let Some(done) = self.foreign(step, actor, &prepared) {
                return Err(Box::new(done));
            }
            let slot = self.slot(&prepared.request).await;
            if renewals == RENEWALS || was_ending || !is_ending(actor) {
                return Ok((prepared, slot));
            }
            renewals += 1;
        }
    }

    async fn send(&self, step: &Step, actor: &mut Actor, prepared: Prepared, way: Way<'_>) -> Trail {
        let slot = self.slot(&prepared.request).await;
        self.set_off(slot, (step, actor), prepared, way).await
    }

    /// Waits for the right to send a request. Those that leave together are one step: whoever waited for a place each
    /// might wait for the other.
    async fn slot(&self, request: &Request) -> Slot<'_> {
        match self.talking {
            Some(Talking { gate: Some(_), .. }) => Slot::default(),
            _ => self.shared.limits.slot(request).await,
        }
    }

    /// Sends a request by the right to do so, which is over with its answer.
    pub(super) async fn set_off(
        &self,
        _slot: Slot<'_>,
        (step, actor): (&Step, &mut Actor),
        prepared: Prepared,
        way: Way<'_>,
    ) -> Trail {
        let prepared = with_token(self.shared, actor, prepared);
        let trail = self.travel(step, &actor.who, &mut actor.jar, prepared, way).await;
        actor.keep_page(&trail);
        trail
    }

    /// The names that the step's templates see.
    pub(super) fn scope_of(&self, actor: &Actor) -> Scope {
        let mut scope = Scope::above(self.scope);
        match &actor.who {
            Who::Nobody | Who::Anonymous => {}
            Who::Entering(_, fields) => copy(fields, &mut scope),
            Who::Identity(_, session, _) => copy(&session.scope, &mut scope),
        }
        let now = Timestamp::now();
        if !actor.jar.is_empty(now) {
            let cookies = actor.jar.iter(now).map(|c| {
                let name = String::from_utf8_lossy(c.name.as_bytes()).into_owned();
                (name, Value::from(percent_decoded(c.value.text().as_bytes())))
            });
            scope.set_fields("jar", cookies.collect::<Vec<_>>());
        }
        scope
    }
}

/// Adds the CSRF token that a change of a session carries.
pub(super) fn with_token(shared: &Shared, actor: &Actor, mut prepared: Prepared) -> Prepared {
    if let Some((name, token)) = pages::token(shared, actor, &prepared) {
        prepared.request.headers.set(name, token);
    }
    prepared
}

pub(super) fn count(trail: &Trail) -> u32 {
    u32::try_from(trail.hops.len()).unwrap_or(u32::MAX)
}

fn copy(from: &Scope, to: &mut Scope) {
    for (name, value) in from.local() {
        to.set(Arc::clone(name), value.clone());
    }
}

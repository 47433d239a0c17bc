//! Steps that ask for what the caller's scheme does: `request: login | refresh | logout`. Its exchanges are made as
//! for any session, with one parameter changed if the step says so; the last answer is judged by the step.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;

use super::actor::{Actor, Ownership, Who};
use super::cast::Cast;
use super::done::{Done, Ended};
use super::doubt::{NONCE, Turns};
use super::drive::{self, Driven};
use super::exchange::StepRun;
use super::login::{BUSY, Entry, Patience, Sharing, refused_cookies};
use super::person::{Given, Needed, Person};
use super::record;
use super::session::Failure;
use super::talked::{Gave, takes_busy};
use super::uses::Within;
use super::variation::{Talking, Variation, are_met, plant};
use super::world::WorldRun;
use crate::auth::{Credential, Flow};
use crate::event::Reason;
use crate::evidence::Span;
use crate::http::is_safe;
use crate::http::jar::Jar;
use crate::spec::Talk;
use crate::step::{Ask, Caller, IdentityId, Step, Vary};

/// Somebody on the way through a talk of their scheme.
pub(super) struct Talker<'a> {
    entry: Entry<'a>,
    pub(super) flow: Box<dyn Flow>,
    pub(super) inside: Cast,
    person: Person,
}

/// A talk that is over.
struct Talked<'a> {
    talker: Talker<'a>,
    driven: Driven,
    /// When it began.
    began: u64,
    /// What was sent and waited for before, in vain.
    tried: Done,
}

impl StepRun<'_> {
    /// Does what the caller's scheme says, and judges the last answer.
    pub(super) async fn talk(
        &self,
        step: &Step,
        (talk, vary): (Talk, &[Vary]),
        cast: &mut Cast,
        caller: Caller,
    ) -> Done {
        let Caller::Identity(id) = caller else {
            // The plan refuses it.
            return self.unsaid(step, cast.actor(caller), &format!("there is no {} for nobody", talk.word()));
        };
        let (variations, planted) = match self.changes(step, vary, cast.actor(caller)) {
            Ok(changes) => changes,
            Err(error) => return self.unsent(step, cast.actor(caller), error.into()),
        };
        let headers = match step.headers(&self.scope_of(cast.actor(caller))) {
            Ok(headers) => headers,
            Err(error) => return self.unsent(step, cast.actor(caller), error.into()),
        };
        let entry = Entry::of(self.shared, id, Sharing::Fresh);
        let (world, sessions) = match entry.world_and_needed(cast).await {
            Ok(both) => both,
            Err(failure) => return self.blocked(step, cast.actor(caller), failure),
        };
        if let Some(why) = self.spent(step, talk, id, cast) {
            return self.unsaid(step, cast.actor(caller), &why);
        }
        let is_left = step.lent.is_none() && is_left(talk, vary, cast.identities.get(&id));
        let (answers, timeout, is_exact, waits) =
            (step.handshake, step.timeout, step.lent.is_some(), !takes_busy(step));
        let talking =
            Talking { talk, variations: &variations, headers: &headers, answers, waits, is_exact, timeout, gate: None };
        let talked = Box::pin(self.hold_talk(talking, id, (world, &sessions, &planted), cast)).await;
        let Talked { mut talker, driven, began, tried } = match talked {
            Ok(talked) => talked,
            Err(Stillborn::Blocked(failure)) => return self.blocked(step, cast.actor(caller), failure),
            Err(Stillborn::Unsaid(why)) => return self.unsaid(step, cast.actor(caller), &why),
        };
        let is_open = driven.credential.is_some() || leaves_open(&driven.done);
        let Driven { credential, origins, done, strayed, .. } = driven;
        let gave = Gave { credential: credential.is_some(), strayed, began };
        let mut done = self.judge_talk(step, (&mut talker.inside.nobody, id), gave, done).await;
        if let Some(variation) = variations.iter().find(|v| v.is_missed()) {
            self.missed(step, talk.word(), variation, &mut done);
        }
        self.doubt_age(step, &variations, gave, &mut done);
        self.doubt_left(step, talk, is_left && !gave.credential, &mut done);
        self.doubt_planted(step, talk == Talk::Login && !planted.is_empty(), (world, &origins), &mut done);
        spend(talk, vary, is_open, cast.identities.get(&id));
        match (talk, credential) {
            // What is left of the session stays with its owner, who may show that it is dead.
            (Talk::Logout, _) => {
                leave(gave.credential, &talker.inside.nobody);
                self.note_leave(id, began, gave.credential && variations.is_empty());
                cast.identities.insert(id, talker.inside.nobody);
            }
            (Talk::Login | Talk::Refresh, Some(credential)) if done.held() => {
                self.go_on((talk, vary.is_empty()), talker, (world, credential, origins), cast, &mut done).await;
            }
            (Talk::Login | Talk::Refresh, _) => {}
        }
        if gave.credential && vary.is_empty() && planted.is_empty() && step.lent.is_none() && done.held() {
            self.shared.ledger.talked((id, talk), began);
        }
        let mut all = tried;
        all.append(done);
        all
    }

    /// Notes that a case logged out, which may end other sessions as well.
    fn note_leave(&self, id: IdentityId, began: u64, has_left: bool) {
        if has_left {
            let span = Span { began, ended: self.shared.ledger.tick() };
            self.shared.visits.left(id, span, &record::label(self.shared, self.label));
        }
    }

    /// Says that cookies were not sent that were planted for a login that asked nothing of their origin.
    fn doubt_planted(&self, step: &Step, is_planted: bool, (world, met): (&WorldRun, &[url::Origin]), done: &mut Done) {
        if !is_planted || are_met(met, &world.base) {
            return;
        }
        let why = format!("the login asked nothing of {}, so the cookies were not sent", world.base);
        done.reasons.insert(0, self.reason("vary-missed", &why, step.span, Vec::new()));
        done.ended = Ended::Errored;
    }

    /// Goes through a talk. A server that is asked too often has not answered: it is asked again when it wants to be, as
    /// long as that is soon. Nor has one that asks for a nonce whose last one others used up: then it is asked alone.
    async fn hold_talk<'e>(
        &'e self,
        talking: Talking<'_>,
        id: IdentityId,
        (world, sessions, planted): (&'e WorldRun, &Needed, &[(String, String)]),
        cast: &mut Cast,
    ) -> Result<Talked<'e>, Stillborn> {
        // Whoever uses a flow that ends with the talk asks of its last answer, not of those on the way.
        let (scope, stand_in, within) = (&world.scope, Caller::Nobody, Within::default());
        let talk = talking.talk;
        let run = StepRun {
            world,
            scope,
            stand_in,
            case: None,
            last: None,
            within,
            talking: Some(talking),
            cookies: &[],
            ..*self
        };
        let (mut patience, mut turns, mut tried) = (Patience::default(), Turns::default(), Done::nothing());
        let mut turn = None;
        loop {
            talking.variations.iter().for_each(Variation::anew);
            let entry = Entry::of(self.shared, id, Sharing::Fresh);
            let mut talker = self.talker(talk, entry, (world, sessions.clone()), cast)?;
            if talk == Talk::Login {
                plant(planted, &world.base, &mut talker.inside.nobody.jar).map_err(Stillborn::Unsaid)?;
            }
            let began = self.shared.ledger.tick();
            let driven = Box::pin(drive::drive(&run, id, talker.flow.as_mut(), &mut talker.inside)).await;
            // Whoever logs in begins anew; of what takes a session, a part that was done is never done twice.
            let begins_anew = match talk {
                Talk::Login => true,
                Talk::Refresh => driven.done.requests == 1 && !leaves_open(&driven.done),
                Talk::Logout => false,
            };
            let busy = if talking.waits && begins_anew { patience.with(&driven) } else { None };
            let asked = turns.with(&talking, &driven);
            let (time, what) = match (busy, asked) {
                (Some(time), _) => (time, BUSY),
                (None, Some(time)) => (time, NONCE),
                (None, None) => return Ok(Talked { talker, driven, began, tried }),
            };
            tried.records.extend(driven.done.records);
            tried.requests += driven.done.requests;
            tried.waited += driven.done.waited + time;
            if asked.is_some() && turn.is_none() {
                turn = Some(self.shared.limits.meanwhile(self.shared.turn.lock()).await);
            }
            run.wait(time, what).await;
        }
    }

    /// Lets somebody go on with the session that a login or a refresh gave.
    pub(super) async fn go_on(
        &self,
        (talk, asks_whoami): (Talk, bool),
        talker: Talker<'_>,
        (world, credential, origins): (&WorldRun, Credential, Vec<url::Origin>),
        cast: &mut Cast,
        done: &mut Done,
    ) {
        let Talker { entry, inside, person, .. } = talker;
        let id = entry.id;
        let refused = refused_cookies(done);
        let browser = cast.identities.get(&id).map(|actor| &actor.browser).filter(|_| talk == Talk::Refresh);
        let jar = browser.filter(|jar| !jar.is_empty(Timestamp::now())).cloned().unwrap_or(inside.nobody.jar);
        if talk == Talk::Login {
            entry.count_login();
        }
        let given = Given { credential, origins, jar, refused };
        let session = match entry.session(world, person, given) {
            // With another parameter it may be good for less than `whoami` asks.
            Ok(session) if asks_whoami => Box::pin(entry.whoami(world, session)).await,
            Ok(session) => Ok(Arc::new(session)),
            Err(failure) => Err(failure),
        };
        match session {
            Ok(session) => drop(cast.identities.insert(id, Actor::of(id, &session, Ownership::Fresh))),
            Err(failure) => fail(done, &failure),
        }
    }

    /// Why a session is not refreshed once more; a step that names the credential it is sent with means just that.
    pub(super) fn spent(&self, step: &Step, talk: Talk, id: IdentityId, cast: &Cast) -> Option<String> {
        let Some(Who::Identity(_, session, _)) = cast.identities.get(&id).map(|actor| &actor.who) else { return None };
        let is_spent = talk == Talk::Refresh && step.lent.is_none() && session.is_spent.load(Ordering::Relaxed);
        let name = &self.shared.plan.identities[id.0 as usize].name;
        is_spent.then(|| {
            format!(
                "a refresh of `{name}` before this one had no clear end, and what it was sent with is never sent twice, for the server may have rotated it"
            )
        })
    }

    /// Whether a try of a step used up what the next would be sent with.
    pub(super) fn is_spent(&self, step: &Step, cast: &Cast, caller: Caller) -> bool {
        match (&step.ask, caller) {
            (Ask::Talk(talk, _), Caller::Identity(id)) => self.spent(step, *talk, id, cast).is_some(),
            _ => false,
        }
    }

    /// Gets somebody ready for a talk: to log in one needs nothing, for all else a session.
    fn talker<'e>(
        &self,
        talk: Talk,
        entry: Entry<'e>,
        (world, sessions): (&WorldRun, Needed),
        cast: &mut Cast,
    ) -> Result<Talker<'e>, Stillborn> {
        let scheme = &entry.identity.login.scheme;
        if talk == Talk::Login {
            let person = entry.person(world, sessions).map_err(Stillborn::Blocked)?;
            let inside = entry.entering(&person, Jar::default());
            return Ok(Talker { flow: scheme.begin(), entry, inside, person });
        }
        self.with_session(talk, entry, cast)
    }

    /// Gets somebody ready for a talk that takes a session.
    pub(super) fn with_session<'e>(
        &self,
        talk: Talk,
        entry: Entry<'e>,
        cast: &mut Cast,
    ) -> Result<Talker<'e>, Stillborn> {
        let id = entry.id;
        let scheme = &entry.identity.login.scheme;
        let name = &entry.identity.name;
        let none = || Stillborn::Unsaid(format!("`{name}` has no session: the login before gave none"));
        let session = match cast.identities.get(&id).map(|a| &a.who) {
            Some(Who::Identity(_, session, _)) => Arc::clone(session),
            _ => return Err(none()),
        };
        let (fields, scope) = (session.fields.clone(), (*session.scope).clone());
        let person = Person { fields, scope, approver: None };
        let flow = match talk {
            Talk::Login => return Err(none()),
            Talk::Refresh => scheme.refresh(&session.credential),
            Talk::Logout => scheme.leave(&session.credential),
        };
        let Some(flow) = flow else {
            return Err(Stillborn::Unsaid(format!("this credential of `{name}` has no {}", talk.word())));
        };
        let inside = if talk == Talk::Logout {
            Cast::alone(cast.identities.remove(&id).ok_or_else(none)?)
        } else {
            // A refused refresh leaves the session as it was.
            entry.entering(&person, cast.actor(Caller::Identity(id)).jar.clone())
        };
        Ok(Talker { entry, flow, inside, person })
    }

    /// The identity that a step names and that has no session, unless the step is about getting one.
    pub(super) fn without_session(&self, step: &Step, caller: Caller, cast: &Cast) -> Option<&str> {
        let Caller::Identity(id) = caller else { return None };
        if cast.identities.contains_key(&id) || matches!(step.ask, Ask::Talk(..) | Ask::Use(_)) {
            return None;
        }
        Some(&self.shared.plan.identities[id.0 as usize].name)
    }

    /// A step of which nothing could be sent.
    pub(super) fn unsaid(&self, step: &Step, actor: &Actor, why: &str) -> Done {
        let reason = self.reason("no-session", why, step.span, Vec::new());
        self.without_answer(step, actor, reason)
    }
}

/// Why a talk does not begin.
pub(super) enum Stillborn {
    Blocked(Arc<Failure>),
    Unsaid(String),
}

fn fail(done: &mut Done, failure: &Failure) {
    let first = done.records.len();
    done.ended = Ended::Failed;
    done.reasons.push(Reason {
        step: failure.reason.step.map(|s| first + s),
        shared_cause: None,
        ..failure.reason.clone()
    });
    done.records.extend(failure.steps.iter().cloned());
}

/// Whether something was sent of which nobody knows what the server made: a refusal is clear, an error or silence is not,
/// nor is a refusal after something was changed.
pub(super) fn leaves_open(done: &Done) -> bool {
    let status = done.last.as_ref().and_then(|trail| trail.response()).map(|response| response.status);
    let before = done.records.len().saturating_sub(1);
    let has_changed = done.records[..before].iter().any(|record| {
        let method = record.request.split(' ').next().unwrap_or_default();
        !is_safe(method) && record.status.is_some_and(|status| status / 100 == 2)
    });
    done.requests > 0 && (has_changed || status.is_none_or(|status| !(400..500).contains(&status)))
}

/// Lets the session of somebody be refreshed no more, where what it was refreshed with may be used up; whoever gets a
/// new one forgets it.
pub(super) fn spend(talk: Talk, vary: &[Vary], is_open: bool, actor: Option<&Actor>) {
    let own = !vary.iter().any(|vary| vary.parameter.contains("refresh_token"));
    if let (true, Some(Who::Identity(_, session, _))) =
        (talk == Talk::Refresh && is_open && own, actor.map(|actor| &actor.who))
    {
        session.is_spent.store(true, Ordering::Relaxed);
    }
}

/// Notes that a session was ended.
fn leave(is_ended: bool, actor: &Actor) {
    if let (true, Some((_, session))) = (is_ended, actor.who.session()) {
        session.is_left.store(true, Ordering::Relaxed);
    }
}

/// Tells whether a changed talk goes with a session that a logout ended before, so that the change need not be what
/// refuses it; who sends another token than that of the session does not go with it.
fn is_left(talk: Talk, vary: &[Vary], actor: Option<&Actor>) -> bool {
    let own = match talk {
        Talk::Login => false,
        Talk::Refresh => !vary.iter().any(|vary| vary.parameter.contains("refresh_token")),
        Talk::Logout => !vary.iter().any(|vary| vary.parameter.contains("token")),
    };
    let session = actor.and_then(|actor| actor.who.session());
    own && !vary.is_empty() && session.is_some_and(|(_, session)| session.is_left.load(Ordering::Relaxed))
}

//! Steps that ask for what the caller's scheme does: `request: login | refresh | logout`. Its exchanges are made as
//! for any session, with one parameter changed if the step says so; the last answer is judged by the step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use serde_json::Value;

use super::actor::{Actor, Ownership, Who};
use super::cast::Cast;
use super::done::{Done, Ended};
use super::drive::{self, Driven};
use super::exchange::StepRun;
use super::ledger::{Asked, RequestKey, Sender};
use super::login::{Entry, Given, Needed, Person, Sharing, refused_cookies};
use super::session::Failure;
use super::twice::Gate;
use super::uses::Within;
use super::witness::Seen;
use super::world::WorldRun;
use crate::auth::{Absent, Bound, Credential, Flow, Varied, texts, vary};
use crate::check::Fetched;
use crate::event::Reason;
use crate::http::jar::Jar;
use crate::http::{Address, Request, Trail};
use crate::spec::{Handshake, Talk};
use crate::step::{Ask, Caller, IdentityId, Step, Vary};
use crate::template::TemplateError;
use crate::term::list;

/// The talk that exchanges belong to, and what is changed in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Talking<'a> {
    /// What its exchanges are called that have no name.
    pub(super) talk: Talk,
    pub(super) variations: &'a [Variation],
    /// Whether what a server asks back is answered.
    pub(super) answers: Handshake,
    /// Where its first request waits for those of others that leave with it.
    pub(super) gate: Option<&'a Gate<'a>>,
}

/// A parameter that is changed, rendered.
#[derive(Debug)]
pub(super) struct Variation {
    exchange: Arc<str>,
    parameter: Arc<str>,
    value: Value,
    /// Whether the exchange was made with it.
    applied: AtomicBool,
}

impl Talking<'_> {
    /// Where a request asks the browser to be sent back to in place of the address that the scheme has; `None` when none
    /// does, and so when it names no address.
    pub(super) fn asked_back(&self, from: &Address) -> Option<Vec<Address>> {
        let is_place = |v: &&Variation| matches!(&*v.parameter, "redirect_uri" | "post_logout_redirect_uri");
        let is_browsers = |v: &&Variation| matches!(&*v.exchange, "authorize" | "par" | "end_session");
        let all = self.variations.iter().filter(is_place).filter(is_browsers).filter(|v| !v.value.is_null());
        let mut all = all.map(|v| texts(&v.value)).peekable();
        all.peek()?;
        Some(all.flatten().filter_map(|text| from.join(&text).ok()).collect())
    }
}

impl Variation {
    /// Changes the parameter if the request is of its exchange; gives a note for the record.
    pub(super) fn apply(&self, label: &str, request: &mut Request, bound: Option<&Bound>) -> Option<String> {
        if *label != *self.exchange {
            return None;
        }
        // A page may be followed by others with forms of their own, in which nothing is added.
        let absent = if label == "form" { Absent::Leave } else { Absent::Add };
        let proof = bound.and_then(|bound| bound.vary(request, &self.parameter, &self.value));
        let how = match proof.unwrap_or_else(|| vary(request, &self.parameter, &self.value, absent)) {
            Varied::Changed => "has another value",
            Varied::Removed => "is left out",
            Varied::Added => "is added",
            Varied::Missing => return None,
        };
        self.applied.store(true, Ordering::Relaxed);
        Some(format!("`{}` {how}", self.parameter))
    }
}

/// Somebody on the way through a talk of their scheme.
pub(super) struct Talker<'a> {
    entry: Entry<'a>,
    pub(super) flow: Box<dyn Flow>,
    pub(super) inside: Cast,
    person: Person,
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
        let entry = Entry::of(self.shared, id, Sharing::Fresh);
        let world = match entry.world() {
            Ok(world) => world,
            Err(failure) => return self.blocked(step, cast.actor(caller), failure),
        };
        let sessions = match entry.needed(Some(cast)).await {
            Ok(sessions) => sessions,
            Err(failure) => return self.blocked(step, cast.actor(caller), failure),
        };
        let spent = self.spent(step, talk, id, cast).map(|why| Err(Stillborn::Unsaid(why)));
        let talker = spent.unwrap_or_else(|| self.talker(talk, entry, (world, sessions), cast));
        let mut talker = match talker {
            Ok(talker) => talker,
            Err(Stillborn::Blocked(failure)) => return self.blocked(step, cast.actor(caller), failure),
            Err(Stillborn::Unsaid(why)) => return self.unsaid(step, cast.actor(caller), &why),
        };
        if talk == Talk::Login
            && let Err(why) = plant(&planted, &world.base, &mut talker.inside.nobody.jar)
        {
            return self.unsaid(step, cast.actor(caller), &why);
        }
        let talking = Some(Talking { talk, variations: &variations, answers: step.handshake, gate: None });
        // Whoever uses a flow that ends with the talk asks of its last answer, not of those on the way.
        let (scope, stand_in, within) = (&world.scope, Caller::Nobody, Within::default());
        let run = StepRun { world, scope, stand_in, case: None, last: None, within, talking, cookies: &[], ..*self };
        let driven = Box::pin(drive::drive(&run, id, talker.flow.as_mut(), &mut talker.inside)).await;
        let is_open = driven.credential.is_some() || leaves_open(&driven.done);
        let Driven { credential, origins, done, strayed, .. } = driven;
        let gave = Gave { credential: credential.is_some(), strayed };
        let mut done = self.judge_talk(step, (&mut talker.inside.nobody, id), gave, done).await;
        if let Some(variation) = variations.iter().find(|v| !v.applied.load(Ordering::Relaxed)) {
            self.missed(step, talk.word(), variation, &mut done);
        }
        if talk == Talk::Login && !planted.is_empty() && !are_met(&origins, &world.base) {
            let why = format!("the login asked nothing of {}, so the cookies were not sent", world.base);
            done.reasons.insert(0, self.reason("vary-missed", &why, step.span, Vec::new()));
            done.ended = Ended::Errored;
        }
        spend(talk, vary, is_open, cast.identities.get(&id));
        match (talk, credential) {
            // What is left of the session stays with its owner, who may show that it is dead.
            (Talk::Logout, _) => {
                cast.identities.insert(id, talker.inside.nobody);
            }
            (Talk::Login | Talk::Refresh, Some(credential)) if done.held() => {
                self.go_on((talk, vary.is_empty()), talker, (world, credential, origins), cast, &mut done).await;
            }
            (Talk::Login | Talk::Refresh, _) => {}
        }
        done
    }

    /// Lets somebody go on with the session that a login or a refresh gave.
    pub(super) async fn go_on(
        &self,
        (talk, is_whole): (Talk, bool),
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
        let given = Given { credential, origins, jar, refused };
        let session = match entry.session(world, person, given) {
            // With another parameter it may be good for less than `whoami` asks.
            Ok(session) if is_whole => Box::pin(entry.whoami(world, session)).await,
            Ok(session) => Ok(Arc::new(session)),
            Err(failure) => Err(failure),
        };
        match session {
            Ok(session) => drop(cast.identities.insert(id, Actor::of(id, &session, Ownership::Fresh))),
            Err(failure) => fail(done, &failure),
        }
    }

    /// What a step changes in a talk: parameters, and the cookies of the browser that it begins with.
    #[expect(clippy::type_complexity, reason = "two lists that are taken apart at once")]
    fn changes(
        &self,
        step: &Step,
        vary: &[Vary],
        actor: &Actor,
    ) -> Result<(Vec<Variation>, Vec<(String, String)>), TemplateError> {
        let variations = vary.iter().map(|v| self.variation(v, actor)).collect::<Result<Vec<_>, _>>()?;
        let own = step.cookies(&self.scope_of(actor))?;
        Ok((variations, [&own, self.cookies].concat()))
    }

    fn variation(&self, vary: &Vary, actor: &Actor) -> Result<Variation, TemplateError> {
        let value = vary.value.value(&self.scope_of(actor))?;
        let (exchange, parameter) = (Arc::clone(&vary.exchange), Arc::clone(&vary.parameter));
        Ok(Variation { exchange, parameter, value, applied: AtomicBool::new(false) })
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
            Talk::Login | Talk::Refresh => scheme.refresh(&session.credential),
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

    /// Judges the last answer of a talk in place of the scheme.
    pub(super) async fn judge_talk(
        &self,
        step: &Step,
        (actor, id): (&mut Actor, IdentityId),
        gave: Gave,
        mut exchanges: Done,
    ) -> Done {
        let Some(trail) = exchanges.last.clone().filter(|_| !exchanges.records.is_empty()) else {
            if exchanges.held() {
                return self.unsaid(step, actor, "the scheme sends nothing for it");
            }
            return exchanges;
        };
        let fetched: Fetched = self.fetch(step, actor, &trail).await;
        let mut judged = self.judge(step, actor, &trail, &fetched);
        let said = std::mem::take(&mut exchanges.reasons);
        let last = exchanges.records.pop();
        // The identity logs in without the change as well: that its exchange was allowed then is what proves it.
        let is_varied = matches!(&step.ask, Ask::Talk(_, vary) if !vary.is_empty());
        let label = last.as_ref().and_then(|record| record.name.as_deref()).filter(|_| is_varied);
        let alike = label.map(|label| drive::of_exchange(id, label));
        if let (Some(old), Some(new)) = (last, judged.records.first_mut()) {
            new.name = step.name.as_ref().map(ToString::to_string).or(old.name);
            (new.caller, new.role) = (old.caller, old.role);
            new.notes.extend(old.notes.into_iter().filter(|note| !new.notes.contains(note)).collect::<Vec<_>>());
        }
        if let Some(request) = trail.request() {
            let key = RequestKey::of(&request.method, &request.address.to_string(), Asked::Plainly);
            let sender = match &actor.who {
                Who::Identity(id, session, ownership) => {
                    Sender::Identity { id: *id, session: session.number, ownership: *ownership }
                }
                Who::Nobody | Who::Anonymous | Who::Entering(..) => Sender::Somebody,
            };
            // Whatever was allowed on the way shows no session alive after it.
            let at = self.shared.ledger.tick();
            self.remember(step, actor, &trail, &mut judged, Seen { key, sender, since: 0, at });
            judged.refused.iter_mut().for_each(|refusal| refusal.alike = refusal.alike.or(alike));
            self.observe(step, actor, &trail, &mut judged, key);
        }
        let stopped = !gave.credential && !exchanges.held();
        let asked = self.within.asking().any(|used| !used.step.expect.checks.is_empty());
        let leads = step.expect.says_where() || self.within.asking().any(|used| used.step.expect.says_where());
        if gave.strayed && !(judged.held() && leads) {
            // Whoever sends a browser there has not refused, whatever the status is.
            judged.ended = Ended::Failed;
            judged.refused.clear();
            let why = said.into_iter().filter(|r| r.code == "astray").map(|r| Reason { step: Some(0), ..r });
            judged.reasons.splice(0..0, why.collect::<Vec<_>>());
        } else if judged.held() && stopped && !asked && !is_meant(step, &trail) {
            judged.ended = Ended::Failed;
            if let Some(record) = judged.records.first_mut() {
                record.hops = self.record(step, actor, Some(&trail), Ended::Failed, 0, 0).hops;
            }
            judged.reasons = said;
            judged.reasons.iter_mut().for_each(|r| r.step = Some(0));
        } else if !judged.held() {
            let why = said.into_iter().filter(|r| matches!(r.code, "login-failed" | "logout-failed"));
            judged.reasons.extend(why.map(|r| Reason { step: Some(0), ..r }));
        }
        // What the scheme captured is its own, and what was refused on the way was not asked for.
        exchanges.captured.clear();
        exchanges.refused.clear();
        exchanges.append(judged);
        exchanges.last = Some(trail);
        exchanges
    }

    /// A variation that met no request proves nothing, whatever was answered.
    fn missed(&self, step: &Step, talk: &str, variation: &Variation, done: &mut Done) {
        let Variation { exchange, parameter, .. } = variation;
        let message = format!(
            "no request of `{exchange}` was sent with another `{parameter}` than it has, so nothing was changed"
        );
        let sent: Vec<String> =
            done.records.iter().map(|r| format!("`{}`", r.name.as_deref().unwrap_or(talk))).collect();
        let help = if sent.is_empty() { Vec::new() } else { vec![format!("sent were {}", list(&sent, "and"))] };
        let reason = self.reason("vary-missed", &message, step.span, help);
        done.ended = Ended::Errored;
        done.reasons.insert(0, Reason { step: done.records.len().checked_sub(1), ..reason });
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

/// Puts cookies into a browser before it logs in.
fn plant(cookies: &[(String, String)], base: &str, jar: &mut Jar) -> Result<(), String> {
    let url = url::Url::parse(base).map_err(|_| format!("{base} is no address that cookies could be for"))?;
    cookies.iter().for_each(|(name, value)| jar.set_raw(name, value.as_bytes(), &url, Timestamp::now()));
    Ok(())
}

/// Whether one of these is the origin of an address.
fn are_met(origins: &[url::Origin], base: &str) -> bool {
    url::Url::parse(base).is_ok_and(|url| origins.contains(&url.origin()))
}

/// What a talk gave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gave {
    pub(super) credential: bool,
    /// Whether the browser was sent to where it must not go.
    pub(super) strayed: bool,
}

/// Why a talk does not begin.
pub(super) enum Stillborn {
    Blocked(Arc<Failure>),
    Unsaid(String),
}

/// Whether a talk that gave no credential is what the step is about: it was refused by its status, or the step
/// looks at more than the status, as at the message on a login page.
fn is_meant(step: &Step, trail: &Trail) -> bool {
    trail.response().is_none_or(|r| r.status >= 400) || step.expect.checks.len() > 1
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

/// Whether something was sent of which nobody knows what the server made: a refusal is clear, an error or silence is not.
pub(super) fn leaves_open(done: &Done) -> bool {
    let status = done.last.as_ref().and_then(|trail| trail.response()).map(|response| response.status);
    done.requests > 0 && status.is_none_or(|status| !(400..500).contains(&status))
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

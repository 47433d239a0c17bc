//! Sends a step once with each thing that a session consists of: what its scheme puts on requests, its cookies, and the
//! cookies of its login that do not travel otherwise. What a server ends when somebody logs out may be one of them only.
//!
//! First which of them are let in is found out, while the session is alive; then those are tried again.

use jiff::Timestamp;

use super::actor::{Actor, Who};
use super::cast::Cast;
use super::done::{Done, Ended};
use super::exchange::StepRun;
use super::lend::{end_of, says_nothing};
use super::record;
use super::session::Carries;
use crate::auth::Part;
use crate::http::jar::Jar;
use crate::step::{Alone, Caller, Step};

/// What of a session is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Thing {
    /// All that its scheme puts on requests, without cookies of the jar.
    Signed,
    /// One thing of that.
    Part(Part),
    /// Cookies, without anything of the scheme.
    Cookies(Jars),
    /// One of them.
    Cookie(Jars, String),
}

/// Which cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jars {
    /// Those that travel with the session.
    Session,
    /// Those of the browser it was made with, which do not.
    Login,
}

/// Things that are sent together, and each of them.
struct Group {
    together: Thing,
    /// Whether that is all of the session, which needs no request of its own.
    is_whole: bool,
    each: Vec<Thing>,
}

impl Thing {
    fn told(&self) -> String {
        match self {
            Self::Signed => "without its cookies".to_owned(),
            Self::Part(part) => format!("with nothing but {}", part.told()),
            Self::Cookies(Jars::Session) => "with nothing but its cookies".to_owned(),
            Self::Cookies(Jars::Login) => "with nothing but the cookies of its login".to_owned(),
            Self::Cookie(Jars::Session, name) => format!("with nothing but the cookie `{name}`"),
            Self::Cookie(Jars::Login, name) => format!("with nothing but the cookie `{name}` of its login"),
        }
    }

    /// Somebody of whose session only this travels.
    fn held_by(&self, actor: &Actor) -> Actor {
        let Who::Identity(id, session, ownership) = &actor.who else { return actor.clone() };
        let carries = match self {
            Self::Signed => Carries::All,
            Self::Part(part) => Carries::Only(part.clone()),
            Self::Cookies(_) | Self::Cookie(..) => Carries::Nothing,
        };
        let jar = match self {
            Self::Signed | Self::Part(_) => Jar::default(),
            Self::Cookies(jars) => jars.of(actor).clone(),
            Self::Cookie(jars, name) => {
                let mut jar = jars.of(actor).clone();
                let others: Vec<String> = names(&jar).into_iter().filter(|other| other != name).collect();
                others.iter().for_each(|other| drop(jar.remove(other)));
                jar
            }
        };
        let who = Who::Identity(*id, session.carrying(carries).into(), *ownership);
        Actor { who, jar, ..actor.clone() }
    }
}

impl Jars {
    const fn of(self, actor: &Actor) -> &Jar {
        match self {
            Self::Session => &actor.jar,
            Self::Login => &actor.browser,
        }
    }
}

/// The names of the cookies in a jar, each once.
fn names(jar: &Jar) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for cookie in jar.iter(Timestamp::now()) {
        let name = String::from_utf8_lossy(cookie.name.as_bytes()).into_owned();
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

impl StepRun<'_> {
    /// Sends a step with things of its caller's session, one at a time.
    pub(super) async fn each_alone(&self, step: &Step, alone: &Alone, cast: &mut Cast) -> Done {
        let caller = self.caller_of(step);
        if !matches!(cast.actor(caller).who, Who::Identity(..)) {
            let why = "the sender of this step has no session that consists of anything";
            return self.unsaid(step, cast.actor(caller), why);
        }
        let (done, nothing) = match alone {
            Alone::Each => (self.try_each(step, cast, caller).await, "the session consists of one thing alone"),
            Alone::Those(name) => {
                let things = cast.let_in.get(name).cloned().unwrap_or_default();
                (self.all_of(step, &things, cast, caller).await, "nothing of the session was let in alone before")
            }
        };
        if done.records.is_empty() {
            let mut record = self.record(step, cast.actor(caller), None, Ended::Held, 0, 0);
            record.skipped = true;
            record.notes.push(format!("nothing to send: {nothing}"));
            return Done::of(Ended::Held, record);
        }
        done
    }

    /// Finds out which things are let in, and keeps them under the name of the step.
    async fn try_each(&self, step: &Step, cast: &mut Cast, caller: Caller) -> Done {
        let mut let_in = Vec::new();
        let mut all = Done::nothing();
        for group in self.groups(cast.actor(caller)) {
            let is_in = group.is_whole || self.is_let_in(step, &group.together, cast, caller, &mut all).await;
            if is_in && !group.is_whole {
                let_in.push(group.together);
            }
            // What is not let in together is not alone either.
            let each = if is_in && group.each.len() > 1 { group.each } else { Vec::new() };
            for thing in each {
                if all.held() && self.is_let_in(step, &thing, cast, caller, &mut all).await {
                    let_in.push(thing);
                }
            }
            if !all.held() {
                return all;
            }
        }
        if let Some(name) = &step.name {
            cast.let_in.insert(name.clone(), let_in);
        }
        all
    }

    /// Sends a step with one thing, and tells whether it was let in. That it was not is no fault.
    async fn is_let_in(&self, step: &Step, thing: &Thing, cast: &mut Cast, caller: Caller, all: &mut Done) -> bool {
        let (mut done, lone) = self.with_thing(step, thing, cast, caller).await;
        let is_in = done.held();
        if done.ended == Ended::Failed && done.last.as_deref().is_some_and(says_nothing) {
            let message = format!("`{}` sent {} was not answered by the server itself", step.line(), thing.told());
            done.reasons.insert(0, self.reason("premise", &message, step.span, Vec::new()));
            done.ended = Ended::Inconclusive;
        } else if done.ended == Ended::Failed {
            done = Done { ended: Ended::Held, records: done.records, requests: done.requests, ..Done::nothing() };
            for record in &mut done.records {
                (record.broken, record.facts) = (0, None);
            }
            if let Some(record) = done.records.last_mut() {
                record.notes.push("not let in".to_owned());
            }
        }
        if let (true, Thing::Cookies(Jars::Session) | Thing::Cookie(Jars::Session, _)) = (is_in, thing) {
            // A session whose cookie is made anew goes on with the new one.
            cast.actor(caller).jar.absorb(&lone.jar);
        }
        done.number(all.records.len() + 1);
        all.append(done);
        is_in
    }

    /// Sends a step with each of these things, as long as it holds.
    async fn all_of(&self, step: &Step, things: &[Thing], cast: &mut Cast, caller: Caller) -> Done {
        let mut all = Done::nothing();
        for thing in things {
            let (mut done, _) = self.with_thing(step, thing, cast, caller).await;
            done.number(all.records.len() + 1);
            all.append(done);
            if !all.held() {
                break;
            }
        }
        all
    }

    /// Sends a step with one thing; gives who sent it as they are afterwards.
    async fn with_thing(&self, step: &Step, thing: &Thing, cast: &mut Cast, caller: Caller) -> (Done, Actor) {
        let own = cast.actor(caller).clone();
        *cast.actor(caller) = thing.held_by(&own);
        let end = end_of(&own, step);
        let mut done = self.in_time(step, cast).await;
        let is_over = end.is_some_and(|end| end <= Timestamp::now());
        self.hold_premise(step, cast, &mut done, is_over);
        let lone = std::mem::replace(cast.actor(caller), own);
        for record in &mut done.records {
            record.notes.insert(0, record::text(self.shared, &format!("sent {}", thing.told())));
        }
        (done, lone)
    }

    /// What the session of somebody consists of.
    fn groups(&self, actor: &Actor) -> Vec<Group> {
        let Who::Identity(id, ..) = &actor.who else { return Vec::new() };
        let scheme = &self.shared.plan.identities[id.0 as usize].login.scheme;
        let parts = scheme.travels();
        let signs = !parts.is_empty() || !scheme.fields().is_empty();
        let cookies = |jars: Jars, is_whole: bool| {
            let each: Vec<Thing> = names(jars.of(actor)).into_iter().map(|name| Thing::Cookie(jars, name)).collect();
            (!each.is_empty()).then_some(Group { together: Thing::Cookies(jars), is_whole, each })
        };
        let session = cookies(Jars::Session, !signs);
        let each = parts.into_iter().map(Thing::Part).collect();
        let signed = signs.then(|| Group { together: Thing::Signed, is_whole: session.is_none(), each });
        signed.into_iter().chain(session).chain(cookies(Jars::Login, false)).collect()
    }
}

//! Sends a step with another credential than its caller's own of now: the one of an earlier step, or one with other
//! parts. Whatever comes of it, the caller goes on with the own one.

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use minijinja::value::{Object, ObjectRepr, Value};

use super::actor::{Actor, Who};
use super::cast::Cast;
use super::done::{Done, Ended};
use super::exchange::StepRun;
use super::session::SessionId;
use crate::auth::LEFT_OUT;
use crate::event::Reason;
use crate::http::Trail;
use crate::http::jar::Jar;
use crate::jose::expiry;
use crate::spec::Talk;
use crate::step::{Ask, Caller, Lent, Premise, Step, Which};
use crate::template::{Scope, to_json};

/// Statuses that say nothing about a credential: too many requests, and a gateway that finds nobody behind it.
const NOBODYS: [u16; 4] = [429, 502, 503, 504];

/// Tells whether an answer says nothing of who asked.
pub(super) fn says_nothing(trail: &Trail) -> bool {
    trail.response().is_some_and(|response| NOBODYS.contains(&response.status))
}

/// Somebody as they were when a step was over, kept in the scope of the later ones.
struct Then(Actor);

impl fmt::Debug for Then {
    /// Shows no content: it holds secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an earlier credential")
    }
}

impl Object for Then {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// Under what name a scope keeps it; no template can write it.
fn slot(step: &str) -> String {
    format!("credential after {step}")
}

impl StepRun<'_> {
    /// Keeps who the caller of a step is now, if a later one goes back to it.
    pub(super) fn keep_credential(&self, step: &Step, later: &[Step], cast: &mut Cast, scope: &mut Scope) {
        let Some(name) = step.name.as_ref().filter(|name| later.iter().any(|s| s.goes_back_to(name))) else { return };
        if let Caller::Identity(id) = self.caller_of(step)
            && let Some(actor) = cast.identities.get(&id)
        {
            scope.set(slot(name), Value::from_object(Then(actor.clone())));
        }
    }

    /// Who sends a step.
    pub(super) fn caller_of(&self, step: &Step) -> Caller {
        if step.caller == Caller::Case { self.stand_in } else { step.caller }
    }

    /// Tells whether somebody has what a refresh is sent with.
    pub(super) fn may_refresh(&self, actor: &Actor) -> bool {
        let Who::Identity(id, session, _) = &actor.who else { return false };
        let scheme = &self.shared.plan.identities[id.0 as usize].login.scheme;
        !scheme.exchanges(Talk::Refresh).is_empty() && scheme.refresh(&session.credential).is_some()
    }

    /// Gives the caller the credential that a step is sent with; gives back the own one, for later.
    pub(super) fn lend(&self, step: &Step, lent: &Lent, cast: &mut Cast) -> Result<(Caller, Actor), Box<Done>> {
        let caller = self.caller_of(step);
        let Caller::Identity(id) = caller else {
            let why = "nobody has a credential that could be another one";
            return Err(Box::new(self.unsaid(step, cast.actor(caller), why)));
        };
        let other = match &lent.which {
            Which::After(name) => {
                let kept = self.scope.get(&slot(name)).and_then(Value::downcast_object::<Then>);
                let kept = kept
                    .map(|then| then.0.clone())
                    .filter(|then| matches!(then.who, Who::Identity(of, ..) if of == id));
                kept.ok_or_else(|| format!("the sender of this step had no session after `{name}`"))
            }
            Which::Parts(parts) => {
                let actor = cast.actor(caller);
                let names = self.scope_of(actor);
                let values = parts.iter().map(|(name, tree)| Ok((Arc::clone(name), tree.value(&names)?)));
                match values.collect::<Result<Vec<_>, crate::template::TemplateError>>() {
                    Ok(values) => {
                        let is_refresh = matches!(step.ask, Ask::Talk(Talk::Refresh, _));
                        with_parts(actor, &values, is_refresh, self.shared.sessions.number())
                    }
                    Err(error) => return Err(Box::new(self.unsent(step, actor, error.into()))),
                }
            }
        };
        match other {
            Ok(other) => {
                let own = cast.identities.insert(id, other);
                Ok((caller, own.unwrap_or_else(Actor::nobody)))
            }
            Err(why) => {
                let reason = self.reason("no-session", &why, lent.span, Vec::new());
                Err(Box::new(self.without_answer(step, cast.actor(caller), reason)))
            }
        }
    }

    /// Makes of a step what it is worth: where its premise does not hold, nothing is known.
    pub(super) fn hold_premise(&self, step: &Step, cast: &mut Cast, done: &mut Done, is_over: bool) {
        let (what, but, span) = match &step.premise {
            None => return,
            Some(_) if matches!(done.ended, Ended::Blocked | Ended::Unfit) => return,
            Some(Premise::Step) if done.held() => return,
            Some(Premise::Step) => {
                let what = step.name.as_deref().map_or_else(|| step.line(), ToOwned::to_owned);
                (what, "it does not".to_owned(), step.span)
            }
            Some(Premise::Answered) => {
                let Some(trail) = &done.last else { return };
                let Some(status) = trail.response().map(|response| response.status) else { return };
                let but = match status {
                    _ if NOBODYS.contains(&status) => format!("the answer is {status}, which says nothing of who asks"),
                    _ if status >= 300 && is_over => {
                        format!("the answer is {status}, and the credential had its end by then")
                    }
                    _ => return,
                };
                ("answered".to_owned(), but, step.span)
            }
            Some(Premise::That(expression)) => {
                let Some(trail) = done.last.clone() else { return };
                let Some(response) = trail.response() else { return };
                let actor = cast.actor(self.caller_of(step));
                let mut scope = self.scope_of(actor);
                scope.set("response", self.answer_value(step, actor, (&trail, response)));
                scope.set_fields("credential", [("over", Value::from(is_over))]);
                if matches!(expression.value(&scope), Ok(serde_json::Value::Bool(true))) {
                    return;
                }
                let over = if is_over { ", and the credential had its end by then" } else { "" };
                let values = told_values(&expression.source(), &scope);
                (expression.source(), format!("the answer is {}{over}{values}", response.status), expression.span())
            }
        };
        let message = format!("`{what}` has to hold for the rest to mean anything, and {but}");
        let reason = self.reason("premise", &message, span, Vec::new());
        let at = done.reasons.first().and_then(|r| r.step).or(done.records.len().checked_sub(1));
        done.reasons.insert(0, Reason { step: at, ..reason });
        done.ended = Ended::Inconclusive;
    }
}

/// Tells the texts, and the lists of texts, that an expression names: what does not hold is seen in them.
fn told_values(expression: &str, scope: &Scope) -> String {
    const GIVEN: [&str; 2] = ["response", "credential"];
    let words = expression.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !GIVEN.contains(word));
    let mut told: Vec<String> = Vec::new();
    for word in words {
        let Some(Ok(value)) = scope.get(word).map(to_json) else { continue };
        let value = match &value {
            serde_json::Value::String(text) => format!("`{text}`"),
            serde_json::Value::Array(all) if all.is_empty() => "empty".to_owned(),
            serde_json::Value::Array(all) if all.iter().all(serde_json::Value::is_string) => {
                let texts: Vec<String> = all.iter().filter_map(|v| Some(format!("`{}`", v.as_str()?))).collect();
                crate::term::list(&texts, "and")
            }
            _ => continue,
        };
        let one = format!("; `{word}` is {value}");
        if !told.contains(&one) {
            told.push(one);
        }
    }
    told.concat()
}

/// When that ends by itself which a step is sent with, as far as its login said so: a refresh token where it is sent to
/// get another one, else what stands for the session. Clocks may differ by a second.
pub(super) fn end_of(actor: &Actor, step: &Step) -> Option<Timestamp> {
    let Who::Identity(_, session, _) = &actor.who else { return None };
    let credential = &session.credential;
    if matches!(step.ask, Ask::Talk(Talk::Login, _)) {
        // Whoever logs in sends nothing of an earlier session.
        return None;
    }
    let end = if matches!(step.ask, Ask::Talk(Talk::Refresh, _)) {
        let part = credential.parts.iter().find(|(name, _)| &**name == "refresh_token");
        part.and_then(|(_, token)| expiry(token.as_str()?)).and_then(|end| Timestamp::from_second(end).ok())
    } else {
        credential.expires
    };
    end?.checked_sub(SignedDuration::from_secs(1)).ok()
}

/// Somebody whose credential has other parts. One that is `null` is left out of a refresh, which then begins with no
/// cookie either: that may carry it as well.
fn with_parts(
    actor: &Actor,
    parts: &[(Arc<str>, serde_json::Value)],
    is_refresh: bool,
    number: SessionId,
) -> Result<Actor, String> {
    let Who::Identity(id, session, ownership) = &actor.who else {
        return Err("the sender of this step has no session".to_owned());
    };
    let mut credential = session.credential.clone();
    for (name, value) in parts {
        let Some(part) = credential.parts.iter_mut().find(|(own, _)| own == name) else {
            return Err(format!("the credential of this step has no part `{name}`"));
        };
        if part.1 == *value {
            return Err(format!("`{name}` of the credential is what it is anyway, so nothing would be another one"));
        }
        let is_left_out = is_refresh && value.is_null();
        part.1 = if is_left_out { LEFT_OUT.into() } else { value.clone() };
        if !name.contains("refresh") {
            // The end that the login told is that of the own one.
            credential.expires = value.as_str().and_then(expiry).and_then(|end| Timestamp::from_second(end).ok());
        }
    }
    let mut session = session.with_credential(number, credential);
    if parts.iter().any(|(name, _)| name.contains("refresh")) {
        session.is_spent = Arc::default();
    }
    let who = Who::Identity(*id, Arc::new(session), *ownership);
    let mut actor = actor.clone();
    if is_refresh && parts.iter().any(|(_, value)| value.is_null()) {
        (actor.jar, actor.browser) = (Jar::default(), Jar::default());
    }
    // What the own one was allowed shows that only the other parts can be refused.
    Ok(Actor { who, ..actor })
}

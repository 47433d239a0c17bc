//! Shows what a refused login, refresh or logout is worth that was made with something changed: afterwards it has to work
//! with nothing changed, straight after the case: a lock may be over when the run ends. One of each kind for each identity
//! serves all that were refused before it, and what a refresh or a logout takes is a session of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Shared;
use super::actor::{Actor, Ownership};
use super::case::CaseDone;
use super::cast::Cast;
use super::control::lock;
use super::ledger::{Refusal, Weight};
use super::login::{self, Entry, Sharing};
use super::session::Session;
use crate::event::{Phase, Verdict};
use crate::spec::Talk;
use crate::step::IdentityId;

/// Logs in, refreshes or logs out with nothing changed straight after a case whose changed one was refused. A lock that an
/// earlier case caused refuses whatever is sent, and is over by itself later. Those who wait for the same share it. Whose
/// login begins with what may be good once is left alone until the run ends.
pub(super) async fn straight_after(shared: &Arc<Shared>, done: &mut CaseDone) {
    if done.outcome.verdict != Verdict::Passed {
        return;
    }
    for refusal in &mut done.refusals {
        let Some((id, said)) = refusal.talk.filter(|_| refusal.weight == Weight::Claim) else { continue };
        if shared.plan.identities[id.0 as usize].login.scheme.begins_once() {
            continue;
        }
        let alone = Arc::clone(lock(&shared.controls.logins).entry(id).or_default());
        let _alone = alone.lock().await;
        if shared.ledger.wants_talk(refusal).is_some() {
            talk(shared, id, &BTreeSet::from([said])).await;
        }
        refusal.shut = shared.ledger.is_shut((id, said), refusal.at);
    }
}

/// Goes through the talks as they are of those whose changed ones were refused and that were not seen working since.
pub(super) async fn ask(shared: &Arc<Shared>, refusals: &[Refusal], whose: impl Fn(IdentityId) -> bool) {
    let mut wanting: BTreeMap<IdentityId, BTreeSet<Talk>> = BTreeMap::new();
    for (id, talk) in refusals.iter().filter_map(|refusal| shared.ledger.wants_talk(refusal)) {
        if whose(id) {
            wanting.entry(id).or_default().insert(talk);
        }
    }
    for (id, talks) in wanting {
        talk(shared, id, &talks).await;
    }
}

/// Logs in, and refreshes and ends that session if that is asked.
async fn talk(shared: &Arc<Shared>, id: IdentityId, talks: &BTreeSet<Talk>) {
    let began = shared.ledger.tick();
    let not = |talk: Talk, why: &str| shared.ledger.not_talked((id, talk), began, why);
    let mut session = match login::make(shared, id, None, Sharing::Fresh).await {
        Ok(session) => session,
        Err(failure) => {
            talks.iter().for_each(|talk| not(*talk, &failure.reason.message));
            return;
        }
    };
    if talks.contains(&Talk::Refresh) {
        // A refresh that was refused gives way to a login.
        match login::make(shared, id, Some(Arc::clone(&session)), Sharing::Fresh).await {
            Ok(renewed) => session = renewed,
            Err(failure) => not(Talk::Refresh, &failure.reason.message),
        }
        if !shared.ledger.has_talked((id, Talk::Refresh), began) {
            not(Talk::Refresh, "the session of a new login was not refreshed");
        }
    }
    if talks.contains(&Talk::Logout) {
        let began = shared.ledger.tick();
        match leave(shared, id, &session).await {
            Ok(()) => shared.ledger.talked((id, Talk::Logout), began),
            Err(why) => not(Talk::Logout, &why),
        }
    }
}

/// Ends a session as its scheme does.
async fn leave(shared: &Arc<Shared>, id: IdentityId, session: &Arc<Session>) -> Result<(), String> {
    let entry = Entry::of(shared, id, Sharing::Fresh);
    let world = entry.world().map_err(|failure| failure.reason.message.clone())?;
    let Some(mut flow) = entry.identity.login.scheme.leave(&session.credential) else {
        return Err("the session of a new login has no logout".to_owned());
    };
    let cast = Cast::alone(Actor::of(id, session, Ownership::Fresh));
    let (driven, _) = entry.drive(world, flow.as_mut(), Phase::Teardown, cast).await;
    let why = || driven.done.reasons.first().map_or_else(String::new, |reason| reason.message.clone());
    if driven.credential.is_some() { Ok(()) } else { Err(why()) }
}

/// Says why a changed talk that was refused proves nothing.
pub(super) fn told(shared: &Shared, refusal: &Refusal) -> String {
    let Some((id, talk)) = refusal.talk else { return String::new() };
    if let Some(why) = &refusal.shut {
        return format!(
            "the {} was refused, and straight afterwards it did not work with nothing changed either, as if the account or the client were locked: {why}",
            talk.word()
        );
    }
    let why = shared.ledger.why_not_talked((id, talk)).unwrap_or_default();
    format!("the {} was refused, and afterwards it did not work with nothing changed either: {why}", talk.word())
}

/// What to do about a lock.
const SHUT: &str = "give the case an identity or a client of its own, put it before those that are meant to be refused, or let the server lock later in the test environment; `control: off` lets the refusal stand unproven";

/// What to do about a changed talk that was refused and proves nothing.
pub(super) fn help(shared: &Shared, refusal: &Refusal) -> Option<&'static str> {
    let (id, _) = refusal.talk?;
    if refusal.shut.is_some() {
        return Some(SHUT);
    }
    let login = &shared.plan.identities[id.0 as usize].login;
    Some(if login.scheme.begins_once() {
        "a login of this identity begins with a refresh token, which may be good once and was not replaced: change a refresh in place of the login, and let the case itself refresh with nothing changed afterwards"
    } else {
        "let the server take the identity as it is, before and after, or give the case an identity of its own"
    })
}

/// Says what is not known of a changed talk that was refused.
pub(super) fn untold(refusal: &Refusal) -> Option<String> {
    let (_, talk) = refusal.talk?;
    Some(format!(
        "no {} with nothing changed was made after this one in this run, so the refusal may have another cause",
        talk.word()
    ))
}

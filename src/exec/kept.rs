//! Tokens of earlier runs: what is over by now, where nothing makes such a token.
//!
//! What became of a token between two runs nobody saw. Its refusal counts only when the server names its end, or when
//! another kept token that is not over yet is taken: one that was there when the refused one was seen alive, so that
//! neither a newer login nor a restart in between explains it.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::Shared;
use super::access::{Said, said};
use super::actor::{Actor, Ownership, Who};
use super::bad::{Lent, is_access_token};
use super::exchange::{StepRun, count};
use super::mutant::{Controlled, Trial};
use super::record;
use super::session::Session;
use super::value::KEPT;
use super::vault::{KeptToken, Vault};
use crate::event::{Event, Warning};
use crate::jose::Token;
use crate::mutate::{Bad, Forged, LEEWAY, Presented};
use crate::step::IdentityId;
use crate::term::duration;

/// How long before its end a token is surely not over.
const BEFORE: SignedDuration = SignedDuration::from_secs(5);

/// The files of a run that something was said about.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<HashSet<String>>);

/// A token that could be kept.
pub(super) struct AtHand<'a> {
    pub(super) id: IdentityId,
    pub(super) session: &'a Session,
    pub(super) token: &'a str,
    /// When it ends.
    pub(super) end: Timestamp,
}

impl<'a> AtHand<'a> {
    /// The token of a request, where it is the access token of a session and no key of its own belongs to it.
    pub(super) fn of(
        trial: &Trial<'_>,
        actor: &'a Actor,
        presented: &'a Presented<'_>,
        end: Option<Timestamp>,
    ) -> Option<Self> {
        let (Some(Bad::Over), Who::Identity(id, session, Ownership::Still)) = (trial.mutant.row.bad, &actor.who) else {
            return None;
        };
        let token = presented.token().ok()?;
        let parts = &session.credential.parts;
        let mut names =
            parts.iter().filter(|(_, value)| value.as_str() == Some(token)).map(|(name, _)| &**name).peekable();
        names.peek()?;
        let is_access = names.all(is_access_token) && session.credential.bound.is_none();
        is_access.then_some(Self { id: *id, session, token, end: end? })
    }
}

impl StepRun<'_> {
    /// Keeps the token at hand for later runs, and finds one of an earlier run that is over.
    pub(super) async fn kept(
        &self,
        trial: &Trial<'_>,
        presented: &Presented<'_>,
        hand: &AtHand<'_>,
        controlled: &Controlled,
    ) -> Option<(Forged, Lent, u32)> {
        let key = self.shared.options.keep_key.as_ref()?;
        controlled.before.as_ref().filter(|(_, before)| before.granted)?;
        let identity = &self.shared.plan.identities[hand.id.0 as usize];
        let folder: PathBuf = self.shared.plan.worlds[identity.world].folder.clone();
        let vault = Vault::of(&folder, &self.world.base, &identity.name, key);
        let begun = Timestamp::now();
        let mut tokens = match vault.read() {
            Ok(tokens) => tokens,
            Err(why) => {
                let what = format!("{why}; no token of it is used, and it is left as it is");
                self.warn_of(&vault, &what);
                return None;
            }
        };
        for kept in &tokens {
            self.shared.secrets.add(&format!("{}.kept_token", identity.name), &kept.token);
        }
        let before = tokens.clone();
        let requests = self.see_alive(trial, presented, hand, &mut tokens).await;
        let lent = over(&tokens, hand, begun).and_then(|old| {
            let witnessed = tokens.iter().any(|k| is_young(k, hand, begun) && k.alive >= begun && k.made <= old.alive);
            let since = duration(std::time::Duration::try_from(begun.duration_since(old.end)).unwrap_or_default());
            let change = format!("the token of an earlier run in its place, which is over since {since}");
            let request = presented.with_token(&old.token).ok()?;
            Some((Forged::new(request, change), Lent::kept(witnessed), requests))
        });
        if tokens.iter().all(|kept| kept.token != hand.token) {
            let token = hand.token.to_owned();
            tokens.push(KeptToken { token, end: hand.end, made: begun, alive: begun });
        }
        if tokens != before
            && let Err(why) = vault.write(tokens, begun)
        {
            self.warn_of(&vault, &format!("it cannot be written: {}", crate::term::system(&why)));
        }
        if lent.is_none() {
            self.shared.limits.count(requests);
        }
        lent
    }

    /// Notes which kept tokens, not over yet, are still taken beside the session of this run.
    async fn see_alive(
        &self,
        trial: &Trial<'_>,
        presented: &Presented<'_>,
        hand: &AtHand<'_>,
        tokens: &mut [KeptToken],
    ) -> u32 {
        let transport = hand.session.transport.as_deref().unwrap_or(&self.world.transport);
        let mut requests = 0;
        for kept in tokens.iter_mut().filter(|kept| is_young(kept, hand, Timestamp::now())) {
            let Ok(request) = presented.with_token(&kept.token) else { continue };
            // A request that changes something is not sent for this.
            if !crate::http::is_safe(&request.method) {
                continue;
            }
            let trail = self.post(request, None, trial.step, transport).await;
            requests += count(&trail);
            let is_allowed = trail.response().is_some_and(|r| r.status / 100 == 2);
            if is_allowed || said(trial.step, &trail) == Said::Allowed {
                kept.alive = Timestamp::now();
            }
        }
        requests
    }

    /// Says once what is wrong with a file.
    fn warn_of(&self, vault: &Vault<'_>, what: &str) {
        let shared: &Shared = self.shared;
        let file = vault.shown();
        if shared.kept_told.0.lock().unwrap_or_else(PoisonError::into_inner).insert(file.clone()) {
            let message = record::text(shared, &format!("the kept tokens in `{file}`: {what}"));
            shared.emit(Event::Warning(Warning { code: KEPT.name, message, place: None }));
        }
    }
}

/// Tells whether a token of another session than the one at hand is not over yet.
fn is_young(kept: &KeptToken, hand: &AtHand<'_>, now: Timestamp) -> bool {
    is_like(&kept.token, hand.token) && kept.end.checked_sub(BEFORE).is_ok_and(|end| end > now)
}

/// The token that was over last, by more than any leeway.
fn over<'k>(tokens: &'k [KeptToken], hand: &AtHand<'_>, now: Timestamp) -> Option<&'k KeptToken> {
    let surely =
        |kept: &&KeptToken| kept.end.checked_add(SignedDuration::from_secs(LEEWAY)).is_ok_and(|end| end <= now);
    tokens.iter().filter(|kept| is_like(&kept.token, hand.token)).filter(surely).max_by_key(|kept| kept.end)
}

/// Tells whether another token is of the same kind: for the same, of the same, and signed with the same key. One whose
/// key was changed meanwhile is refused for that.
fn is_like(other: &str, own: &str) -> bool {
    const CLAIMS: &[&str] = &["iss", "aud", "sub", "client_id", "azp", "cnf"];
    const HEADER: &[&str] = &["alg", "kid", "typ"];
    match (Token::parse(other), Token::parse(own)) {
        _ if other == own => false,
        (Ok(other), Ok(own)) => {
            let (Ok(theirs), Ok(ours)) = (other.claims(), own.claims()) else { return false };
            CLAIMS.iter().all(|name| theirs.get(name) == ours.get(name))
                && HEADER.iter().all(|name| other.header().get(*name) == own.header().get(*name))
        }
        (Err(_), Err(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jose::{Algorithm, Key, sign};

    #[test]
    fn a_kept_token_stands_in_only_for_one_of_its_kind() {
        let key = Key::secret(&[7; 32]).unwrap();
        let token = |kid: &str, claims: serde_json::Value| {
            let header = json!({ "kid": kid }).as_object().unwrap().clone();
            sign(Algorithm::Hs256, header, claims.to_string().as_bytes(), &key).unwrap()
        };
        let own = token("k", json!({ "sub": "alice", "exp": 2000 }));
        assert!(is_like(&token("k", json!({ "sub": "alice", "exp": 1000 })), &own));
        assert!(!is_like(&own, &own));
        assert!(!is_like(&token("k", json!({ "sub": "bob", "exp": 1000 })), &own));
        assert!(!is_like(&token("old", json!({ "sub": "alice", "exp": 1000 })), &own));
        assert!(!is_like("opaque", &own));
        assert!(is_like("opaque", "another"));
    }
}

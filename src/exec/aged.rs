//! The token at hand, kept aside until it is over: the last way to an expired token, where no key makes one
//! and none was kept.
//!
//! It is the same request with the same token: allowed shortly before its end, refused shortly after it, and allowed
//! again with a fresh one. Whatever else may have ended the token in that time is no proof. While it waits, its case has
//! no place among those that run, and nobody waits with it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::actor::{Actor, Ownership, Who};
use super::bad::Lent;
use super::control::Probe;
use super::done::{Done, Ended};
use super::exchange::StepRun;
use super::kept::AtHand;
use super::learn;
use super::mutant::{Controlled, Trial};
use super::session::Session;
use super::settle::leave;
use crate::event::When;
use crate::jose::expiry;
use crate::mutate::{Bad, Forged, Grade, LEEWAY, Presented, Unfit};
use crate::step::{IdentityId, Prepared};
use crate::term::duration;

/// How long before its end a token has to be allowed once more.
const BEFORE: SignedDuration = SignedDuration::from_secs(2);
/// When it is tried first: servers tell their time in whole seconds.
const AFTER: SignedDuration = SignedDuration::from_secs(2);
/// When no leeway of a server explains that it is taken.
const SURELY: SignedDuration = SignedDuration::from_secs(LEEWAY);

/// A token that will be over.
struct Aging {
    id: IdentityId,
    session: Arc<Session>,
    /// When it ends, by this machine's clock.
    end: Timestamp,
    /// Until when it may be waited.
    limit: Timestamp,
}

impl StepRun<'_> {
    /// Sends a row for which no bad token could be had: by waiting, where that is allowed.
    pub(super) async fn unmade(
        &self,
        trial: Trial<'_>,
        actor: &mut Actor,
        (prepared, presented): (&Prepared, &Presented<'_>),
        mut controlled: Controlled,
        unfit: Unfit,
    ) -> Done {
        let old = self.of_earlier(trial, actor, (prepared, presented), &mut controlled).await;
        let aging = match (self.aging(&trial, actor, presented, &controlled, unfit), old) {
            (Ok(aging), None) => aging,
            // What is left in doubt may be shown by waiting.
            (Ok(aging), Some(Done { ended: Ended::Inconclusive, requests, .. })) => {
                self.shared.limits.count(requests);
                aging
            }
            (_, Some(done)) => return Done { controls: controlled.records, ..done },
            (Err(unfit), None) => return Done { controls: controlled.records, ..self.unfit(&trial, actor, unfit) },
        };
        if controlled.without.is_none() {
            self.without(&trial, (actor, presented), &mut controlled).await;
        }
        leave(self.shared, trial.case).await;
        let begun = Timestamp::now();
        let mut done = self.outlived(trial, actor, prepared, &mut controlled, &aging).await;
        self.prove_with_fresh(trial, actor, &aging, &mut done).await;
        done.waited += Duration::try_from(Timestamp::now().duration_since(begun)).unwrap_or_default();
        done.controls = controlled.records;
        done
    }

    /// Tries a token of an earlier run, where one was kept.
    async fn of_earlier(
        &self,
        trial: Trial<'_>,
        actor: &mut Actor,
        (prepared, presented): (&Prepared, &Presented<'_>),
        controlled: &mut Controlled,
    ) -> Option<Done> {
        let found = {
            let Who::Identity(_, session, _) = &actor.who else { return None };
            let end = end_of(session, presented, skew(controlled));
            let hand = AtHand::of(&trial, actor, presented, end)?;
            self.kept(&trial, presented, &hand, controlled).await
        };
        let (forged, lent, requests) = found?;
        self.without(&trial, (actor, presented), controlled).await;
        for secret in self.holder(actor).secrets(presented) {
            learn::defect(self.shared, &self.owner(actor), secret, &forged.request);
        }
        let mut done = self.attempt(trial, actor, (prepared, presented), (forged, Some(lent)), controlled).await;
        done.requests += requests;
        Some(done)
    }

    /// The token at hand, if it will be over within `--max-wait`.
    fn aging(
        &self,
        trial: &Trial<'_>,
        actor: &Actor,
        presented: &Presented<'_>,
        controlled: &Controlled,
        unfit: Unfit,
    ) -> Result<Aging, Unfit> {
        let (Some(Bad::Over), Who::Identity(id, session, Ownership::Still)) = (trial.mutant.row.bad, &actor.who) else {
            return Err(unfit);
        };
        let now = Timestamp::now();
        let end = end_of(session, presented, skew(controlled));
        let most = self.shared.options.max_wait;
        // What is no JWT has an end only where the login told it, and nobody can make one that is over.
        let (why, mut add) = match (unfit, end.and(most)) {
            (Unfit::Unavailable { why, add }, _) => (why, add),
            (Unfit::NotApplicable(_), Some(_)) => ("the token is no JWT, so no key makes one".to_owned(), Vec::new()),
            (unfit, _) => return Err(unfit),
        };
        let Some(end) = end else {
            let why = format!("{why}, and nothing says when the token at hand ends");
            return Err(Unfit::Unavailable { why, add });
        };
        let why = match self.shared.options.keep_key {
            Some(_) => format!("{why}, and no token of an earlier run is over"),
            None => why,
        };
        let wait = |moment| end.checked_add(moment).unwrap_or(end).duration_since(now);
        if let Some(most) = most
            && wait(AFTER) <= SignedDuration::try_from(most).unwrap_or(SignedDuration::MAX)
        {
            let limit = now.checked_add(SignedDuration::try_from(most).unwrap_or_default()).unwrap_or(end);
            return Ok(Aging { id: *id, session: Arc::clone(session), end, limit });
        }
        let minutes = wait(SURELY).as_secs().max(1).div_euclid(60) + 1;
        add.push(format!("or run with `--max-wait {minutes}m`: the token at hand is over by then"));
        if self.shared.options.keep_key.is_none() && AtHand::of(trial, actor, presented, Some(end)).is_some() {
            add.push(
                "or set `AUTHSPEC_KEEP_KEY`: the token at hand is kept, and a run after its end has it".to_owned(),
            );
        }
        let why = most.map_or(why.clone(), |most| {
            format!("{why}, and the token at hand is not over within `--max-wait {}`", duration(most))
        });
        Err(Unfit::Unavailable { why, add })
    }

    /// Waits for the end, and tries the token after it; once more where the first try may have met a leeway.
    async fn outlived(
        &self,
        trial: Trial<'_>,
        actor: &mut Actor,
        prepared: &Prepared,
        controlled: &mut Controlled,
        aging: &Aging,
    ) -> Done {
        let _aging = self.shared.limits.meanwhile(aging.session.aging.read()).await;
        let at = |moment: SignedDuration| aging.end.checked_add(moment).unwrap_or(aging.end);
        self.wait_until(at(-BEFORE), "a real token to expire").await;
        let generation = self.shared.sessions.generation(aging.id);
        if let Some((probe, _)) = &controlled.before {
            let again = probe.again(self.shared).await;
            controlled.records.push(again.record(When::Before, probe.name(), again.granted));
            if !again.granted {
                let message = if Timestamp::now() < aging.end {
                    format!("the token was not allowed any more shortly before its end ({})", again.told())
                } else {
                    format!(
                        "the token was not seen being allowed shortly before its end ({}, when it was over)",
                        again.told()
                    )
                };
                return self.inconclusive(&trial, actor, "control-refused", &message, Vec::new());
            }
        }
        let mut requests = 0;
        let mut moment = AFTER;
        loop {
            self.wait_until(at(moment), "a real token to expire").await;
            // Signed anew: what a proof says of the time must be true.
            let dressed = match self.dressed(trial.step, actor, prepared) {
                Ok(dressed) => dressed,
                Err(done) => return *done,
            };
            let presented = self.presented(actor, &dressed);
            let age = Timestamp::now().duration_since(aging.end);
            let told = duration(Duration::from_secs(age.as_secs().unsigned_abs()));
            let forged = Forged::new(dressed.clone(), format!("the token itself, kept until {told} after its end"));
            for secret in self.holder(actor).secrets(&presented) {
                learn::defect(self.shared, &self.owner(actor), secret, &forged.request);
            }
            let lent = Lent::aged(aging.id, generation);
            let mut done = self.attempt(trial, actor, (prepared, &presented), (forged, Some(lent)), controlled).await;
            requests += done.requests;
            done.requests = requests;
            let taken = done.mutant.as_ref().is_some_and(|told| told.grade == Some(Grade::Accepted));
            if !taken || done.ended != Ended::Failed || age >= SURELY {
                return done;
            }
            if at(SURELY) > aging.limit {
                let message = format!("the token was taken {told} after its end, which may be leeway");
                let minutes = aging.limit.duration_since(Timestamp::now()).as_secs().max(0) / 60 + 3;
                let help = format!("`--max-wait {minutes}m` shows whether it is taken two minutes after its end");
                let told = done.mutant.take();
                let records = std::mem::take(&mut done.records);
                let early = self.inconclusive(&trial, actor, "no-bad-token", &message, vec![help]);
                return Done { requests, records, mutant: told, last: done.last, ..early };
            }
            moment = SURELY;
        }
    }

    /// A refusal counts when the same is allowed with a fresh token of the same identity.
    async fn prove_with_fresh(&self, trial: Trial<'_>, actor: &Actor, aging: &Aging, done: &mut Done) {
        if done.claims.iter().all(|claim| claim.probe.is_none()) {
            return;
        }
        let probe = self.fresh_probe(&trial, actor, aging).await;
        match probe {
            Ok(probe) => {
                let probe = Arc::new(probe);
                done.claims.iter_mut().for_each(|claim| claim.probe = Some(Arc::clone(&probe)));
            }
            Err(why) => {
                let message = format!("no fresh token shows that it was refused for its age: {why}");
                done.reasons.push(self.reason("control-after", &message, trial.mutant.span, Vec::new()));
                done.claims.clear();
                done.ended = Ended::Inconclusive;
            }
        }
    }

    async fn fresh_probe(&self, trial: &Trial<'_>, actor: &Actor, aging: &Aging) -> Result<Probe, String> {
        // Once all who wait for the same token have tried it.
        drop(self.shared.limits.meanwhile(aging.session.aging.write()).await);
        let renewed = self.shared.sessions.renew(self.shared, aging.id, aging.session.generation).await;
        let renewed = renewed.map_err(|failure| failure.reason.message.clone())?;
        let mut fresh = Actor::of(aging.id, &renewed, Ownership::Still);
        fresh.page.clone_from(&actor.page);
        // What is written with the session is written with the new one.
        let prepared = self.prepare(trial.step, &fresh).await.map_err(|error| error.message)?;
        let what = self.good(trial, &fresh, &prepared).ok_or("nothing shows it for this request")?;
        Ok(self.probe(trial, &fresh, what))
    }
}

/// How far the server's clock is ahead of ours.
fn skew(controlled: &Controlled) -> SignedDuration {
    controlled.before.as_ref().and_then(|(_, before)| before.skew).unwrap_or_default()
}

/// When the token of a request ends: as it says itself, by the server's clock, or as its login said.
fn end_of(session: &Session, presented: &Presented<'_>, skew: SignedDuration) -> Option<Timestamp> {
    let token = presented.token().ok()?;
    let own = expiry(token).and_then(|seconds| Timestamp::from_second(seconds).ok());
    if let Some(end) = own {
        return end.checked_sub(skew).ok();
    }
    let mut parts = session.credential.parts.iter();
    let is_access = parts.any(|(name, value)| value.as_str() == Some(token) && super::bad::is_access_token(name));
    session.credential.expires.filter(|_| is_access)
}

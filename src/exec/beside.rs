//! What a case itself names as proof of its refusals: somebody who has to be allowed the same, or a request that has to
//! be allowed (`control`).

use super::cast::Cast;
use super::control::{Claim, Probe, What};
use super::done::{Done, Ended};
use super::exchange::StepRun;
use super::ledger::Asked;
use crate::event::{ControlRecord, When};
use crate::http::Follow;
use crate::plan::Control;
use crate::step::{Caller, IdentityId, Step};

impl StepRun<'_> {
    /// Adds what proves a step that was refused as it should be; a control that does not hold makes it inconclusive.
    pub(super) async fn proven(&self, step: &Step, cast: &mut Cast, caller: Caller, mut done: Done) -> Done {
        let Some(case) = self.case else { return done };
        let refused = done.held() && !done.refused.is_empty();
        let Some(control) = self.shared.plan.cases[case].shape.control.as_ref().filter(|_| refused) else {
            return done;
        };
        match control {
            Control::Off(_) => {
                let at = self.shared.ledger.tick();
                let claim = |step| Claim { step, whole: true, ..Claim::new(at, None) };
                done.claims.extend(done.refused.drain(..).map(|r| claim(r.step)));
            }
            Control::Who(who) => self.beside(step, cast, caller, who, &mut done).await,
            Control::Step(own) => {
                let mut shown = Box::pin(self.exchange(own, cast.actor(caller))).await;
                let status = shown.records.last().and_then(|r| r.status);
                let last = shown.last.as_ref();
                let denied = last.is_some_and(|trail| self.denial(own, cast.actor(caller), trail).is_some());
                let held = shown.held() && !denied;
                let record = ControlRecord { when: When::After, who: "control".to_owned(), status, held };
                done.controls.push(record);
                done.requests += shown.requests;
                if held {
                    for refusal in &mut done.refused {
                        refusal.control = shown.allowed.iter().any(|key| key.is_to(refusal.key));
                    }
                } else {
                    shown.reasons.truncate(1);
                    let came = status.map_or_else(|| "no answer".to_owned(), |s| s.to_string());
                    self.doubt(step, &mut done, &format!("the case's control was not allowed ({came})"));
                }
            }
        }
        done
    }

    /// Sends the same request as those who have to be allowed it.
    async fn beside(&self, step: &Step, cast: &mut Cast, caller: Caller, who: &[IdentityId], done: &mut Done) {
        let Ok(mut prepared) = self.prepare(step, cast.actor(caller)).await else { return };
        prepared.follow = Follow::No;
        for id in who {
            let Some(actor) = cast.identities.get(id) else { continue };
            let name = self.owner(actor);
            let key = self.key_of(step, actor, &prepared.request, Asked::Plainly);
            let what = What::Same(Box::new(prepared.clone()), key);
            let place = (self.case.unwrap_or_default(), self.within.number);
            let observed = Probe::new(place, actor, self.scope, what, name.clone()).observe(self.shared).await;
            done.controls.push(observed.record(When::Beside, &name, observed.granted));
            if !observed.granted {
                self.doubt(
                    step,
                    done,
                    &format!("`{name}` has to be allowed the same, and was not ({})", observed.told()),
                );
            }
        }
    }

    fn doubt(&self, step: &Step, done: &mut Done, message: &str) {
        done.ended = Ended::Inconclusive;
        let mut reason = self.reason("control-refused", message, step.span, Vec::new());
        reason.step = Some(0);
        done.reasons.push(reason);
    }
}

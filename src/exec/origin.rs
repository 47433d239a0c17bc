//! What has to be seen before an origin that is denied says something: that the good one is allowed.

use std::sync::Arc;

use super::actor::{Actor, Who};
use super::control::What;
use super::done::Done;
use super::exchange::StepRun;
use super::ledger::{Asked, RequestKey};
use super::mutant::{Controlled, Trial};
use crate::event::When;
use crate::http::Request;
use crate::mutate::Basis;
use crate::plan::Control;
use crate::step::Prepared;

impl StepRun<'_> {
    /// Asks as a page of the good origin first. A case that cannot go on is given back.
    pub(super) async fn basis(
        &self,
        trial: &Trial<'_>,
        actor: &Actor,
        (prepared, dressed, forged): (&Prepared, &Request, &Request),
        controlled: &mut Controlled,
    ) -> Option<Done> {
        let control = &self.shared.plan.cases[trial.case].shape.control;
        let origin = dressed.headers.text("origin").filter(|_| !matches!(control, Some(Control::Off(_))))?;
        let what = match trial.mutant.row.expect.stands_on() {
            Basis::Nothing => return None,
            Basis::Shared => self.same(trial, actor, prepared),
            Basis::Preflight => {
                let mut request = forged.clone();
                request.headers.set("Origin", origin.clone());
                {
                    let key = RequestKey::of(&request.method, &request.address.to_string(), Asked::Plainly);
                    What::Ready(Box::new(request), key)
                }
            }
        };
        let as_somebody = what.is_dressed() && matches!(actor.who, Who::Identity(..));
        let probe = self.probe(trial, actor, what).shared_with(origin.clone());
        let observed = probe.observe(self.shared).await;
        let (met, name) = (probe.is_met(&observed), probe.name().to_owned());
        let wrong = if observed.is_locked_out() {
            Some(observed.shut_out(&name))
        } else if as_somebody && !observed.granted {
            let message = format!("with the good credential `{name}` was not allowed ({})", observed.told());
            Some(("control-refused", message))
        } else if met {
            None
        } else {
            let message = format!("pages of `{origin}` may not read the answer either ({})", observed.told());
            Some(("control-origin", message))
        };
        controlled.records.push(observed.record(When::Before, &name, wrong.is_none()));
        let Some((code, message)) = wrong else {
            controlled.before = Some((Arc::new(probe), observed));
            return None;
        };
        let help = match code {
            "control-origin" => vec!["`with: cors-origin-allowed` tells what the answer lacks".to_owned()],
            _ => Vec::new(),
        };
        let mut done = self.inconclusive(trial, actor, code, &message, help);
        done.reasons.iter_mut().for_each(|r| r.shared_cause = Some(format!("{code}:{message}").into()));
        Some(done)
    }
}

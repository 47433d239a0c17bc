//! Which defects may be sent: attacks to hosts that are permitted, and what destroys where data may be lost.

use super::actor::Actor;
use super::done::Done;
use super::exchange::StepRun;
use super::grade::told;
use super::kit::Again;
use super::mutant::{Trial, left_out};
use super::record;
use crate::event::Reason;
use crate::http::{is_loopback, is_safe};
use crate::mutate::{Attacks, Class, Unfit};
use crate::plan::{Asked, Losses, SuitePlan};
use crate::step::Prepared;

impl StepRun<'_> {
    /// What becomes of a row that nobody gave leave for.
    pub(super) async fn not_permitted(&self, trial: &Trial<'_>, actor: &Actor, prepared: &Prepared) -> Option<Done> {
        if let Some(reason) = self.attack_not_allowed(trial, prepared) {
            return Some(self.not_sent(trial, actor, reason));
        }
        let reason = self.destructive_not_allowed(trial, prepared)?;
        // A row that has no sense here would not be sent with leave either.
        if let Some(done) = self.has_no_sense(trial, actor, prepared).await {
            return Some(done);
        }
        let done = self.not_sent(trial, actor, reason);
        Some(match trial.mutant.asked {
            Asked::ByPack(_) => left_out(done),
            Asked::ByName => done,
        })
    }

    fn not_sent(&self, trial: &Trial<'_>, actor: &Actor, reason: Reason) -> Done {
        Done { mutant: Some(Box::new(told(trial, None))), ..self.without_answer(trial.step, actor, reason) }
    }

    fn suite_of(&self, trial: &Trial<'_>) -> &SuitePlan {
        &self.shared.plan.suites[self.shared.plan.cases[trial.case].suite]
    }

    /// What attacks goes to this machine and where it is permitted.
    fn attack_not_allowed(&self, trial: &Trial<'_>, prepared: &Prepared) -> Option<Reason> {
        let row = trial.mutant.row;
        let world = &self.shared.plan.worlds[self.suite_of(trial).world];
        let address = &prepared.request.address;
        let host = address.url().host_str().unwrap_or_default().trim_matches(['[', ']']);
        let here = is_loopback(address.url()) && self.world.transport.leads_here(host);
        if row.attacks == Attacks::No || here || world.attacks.iter().any(|glob| fits(glob, host)) {
            return None;
        }
        let message = format!("`{}` attacks, and `{host}` is not permitted", row.id);
        let help = format!("add `allow_attacks_on: [{host}]` to `authspec.yaml` if you may attack it");
        let mut reason = self.reason("attack-not-allowed", &message, trial.mutant.span, vec![help]);
        reason.shared_cause = Some(format!("attack:{host}").into());
        Some(reason)
    }

    /// What destroys goes to the embedded demo and where data may be lost. A request that only reads costs nothing,
    /// whoever is let in.
    fn destructive_not_allowed(&self, trial: &Trial<'_>, prepared: &Prepared) -> Option<Reason> {
        let (row, request) = (trial.mutant.row, &prepared.request);
        let spared = is_safe(&request.method) || self.world.demos.contains(&request.address.origin());
        if row.class != Class::Destructive || spared {
            return None;
        }
        let (why, help) = match self.suite_of(trial).losses {
            Losses::Allowed => return None,
            Losses::Unsaid => {
                let what = trial.step.line();
                let add = format!(
                    "add `allow_destructive: true` to the suite, to `authspec.yaml` or to the environment, if what `{what}` writes or deletes may be lost"
                );
                ("nothing permits that here", add)
            }
            Losses::Forbidden(span) => {
                let place = record::place(self.shared, span);
                (
                    "that is forbidden here",
                    format!("`allow_destructive: false` stands at {}:{}", place.file, place.line),
                )
            }
        };
        let message = format!("`{}` is destructive, and {why}", row.id);
        let mut reason = self.reason("destructive-not-allowed", &message, trial.mutant.span, vec![help]);
        reason.shared_cause = Some("destructive".into());
        Some(reason)
    }

    /// Makes a row and sends nothing, to see whether it applies.
    async fn has_no_sense(&self, trial: &Trial<'_>, actor: &Actor, prepared: &Prepared) -> Option<Done> {
        let dressed = match self.dressed(trial.step, actor, prepared) {
            Ok(dressed) => dressed,
            Err(done) => return Some(*done),
        };
        let presented = self.presented(actor, &dressed);
        match self.made(trial, actor, &presented, Again { prepared, question: None }).await {
            Err(unfit @ Unfit::NotApplicable(_)) => Some(self.unfit(trial, actor, unfit)),
            Ok(_) | Err(_) => None,
        }
    }
}

fn fits(glob: &str, host: &str) -> bool {
    globset::Glob::new(glob).is_ok_and(|glob| glob.compile_matcher().is_match(host))
}

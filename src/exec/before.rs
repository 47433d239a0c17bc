//! What has to be seen before a defect says something: that the request is allowed with the good credential, and refused
//! without any.

use std::sync::Arc;

use super::actor::{Actor, Who};
use super::alive::whoami_is_public;
use super::control::What;
use super::done::Done;
use super::exchange::StepRun;
use super::ledger::Asked;
use super::mutant::{Controlled, Trial};
use crate::event::When;
use crate::http::{Request, is_safe};
use crate::mutate::{Aim, Presented, Unfit};
use crate::plan::Control;
use crate::step::{Prepared, StepsId};

impl StepRun<'_> {
    /// Asks with the good credential first. A case that cannot go on is given back.
    pub(super) async fn before(
        &self,
        trial: &Trial<'_>,
        actor: &Actor,
        prepared: &Prepared,
        controlled: &mut Controlled,
    ) -> Option<Done> {
        if let Some(Control::Off(_)) = &self.shared.plan.cases[trial.case].shape.control {
            return None;
        }
        let Some(what) = self.good(trial, actor, prepared) else {
            let message = format!("`{}` is not repeated as its own control", trial.step.line());
            let help = [
                "give the scheme a `whoami`, or the case `control: { request: GET /me }`",
                "or make what the request needs in the suite's `setup`: then the case is replayed with the good credential",
            ];
            return Some(self.inconclusive(trial, actor, "no-control", &message, help.map(str::to_owned).to_vec()));
        };
        let public = self.is_public(trial, actor, &what).await;
        let probe = self.probe(trial, actor, what);
        let observed = probe.observe(self.shared).await;
        let name = probe.name();
        if trial.mutant.row.aim == Aim::Bypass && observed.granted && !trial.mutant.is_meant() {
            let why = "the request is allowed as it is, so that there is no refusal to get around";
            return Some(self.unfit(trial, actor, Unfit::not_here(why)));
        }
        let wrong = match trial.mutant.row.aim {
            Aim::Credential | Aim::Change | Aim::Bypass if !observed.granted && observed.is_locked_out() => {
                Some(observed.shut_out(name))
            }
            Aim::Bypass if observed.is_broken() => Some((
                "control-refused",
                format!("`{name}` was answered {} to the plain request, which refuses nobody", observed.told()),
            )),
            Aim::Credential | Aim::Change if !observed.granted => Some((
                "control-refused",
                format!("with the good credential `{name}` was not allowed ({})", observed.told()),
            )),
            Aim::Bypass if observed.granted => {
                Some(("control-allowed", format!("`{name}` is allowed the plain request ({})", observed.told())))
            }
            Aim::Credential | Aim::Change if public => {
                Some(("public", format!("anonymous passes the `{name}` too, so it controls nothing")))
            }
            Aim::Credential | Aim::Change | Aim::Bypass | Aim::Origin => None,
        };
        controlled.records.push(observed.record(When::Before, name, wrong.is_none()));
        if let Some((code, message)) = wrong {
            let other = (code == "public" && probe.is_step())
                .then(|| "name one that needs the credential, such as `control: { request: GET /me }`".to_owned());
            let mut done = self.inconclusive(trial, actor, code, &message, other.into_iter().collect());
            done.reasons.iter_mut().for_each(|r| r.shared_cause = Some(format!("{code}:{message}").into()));
            return Some(done);
        }
        controlled.before = Some((Arc::new(probe), observed));
        None
    }

    /// Tells whether nobody is allowed a control that is another request than the one with the defect: then it does not show
    /// that the credential is worth anything.
    async fn is_public(&self, trial: &Trial<'_>, actor: &Actor, what: &What) -> bool {
        match (what, &actor.who) {
            (What::Whoami(_), Who::Identity(id, session, _)) => whoami_is_public(self.shared, *id, session).await,
            (What::Control, Who::Identity(..)) => {
                self.probe(trial, &Actor::anonymous(), What::Control).observe(self.shared).await.granted
            }
            _ => false,
        }
    }

    /// What has to be allowed with the good credential; nothing where nothing says it.
    pub(super) fn good(&self, trial: &Trial<'_>, actor: &Actor, prepared: &Prepared) -> Option<What> {
        let case = &self.shared.plan.cases[trial.case];
        let same = || self.same(trial, actor, prepared);
        match (&case.shape.control, trial.mutant.row.aim) {
            (_, Aim::Bypass | Aim::Origin) => Some(same()),
            (Some(Control::Step(_)), Aim::Credential | Aim::Change) => Some(What::Control),
            (_, Aim::Credential | Aim::Change) if is_safe(&prepared.request.method) => Some(same()),
            (_, Aim::Credential | Aim::Change) => {
                let replay = || self.shared.plan.replays(trial.case).then_some(What::Replay);
                self.whoami_of(actor).map(What::Whoami).or_else(replay)
            }
        }
    }

    /// Asks without any credential, where the request itself is the control.
    pub(super) async fn without(
        &self,
        trial: &Trial<'_>,
        (actor, presented): (&Actor, &Presented<'_>),
        controlled: &mut Controlled,
    ) {
        let same = controlled.before.as_ref().is_some_and(|(before, _)| before.is_same());
        let Some(one_less) = presented.without().ok().filter(|_| same) else { return };
        // Other cookies and fields of the session travel beside the credential: by them nobody is a stranger.
        let Ok(request) = presented.nobodys() else { return };
        let cookies = |request: &Request| request.headers.text("cookie").unwrap_or_default();
        let beside = cookies(&one_less);
        if cookies(&request) != beside {
            let by_cookie = self.probe(trial, actor, What::Made(Box::new(one_less), None));
            if by_cookie.observe(self.shared).await.granted {
                let sent: Vec<&str> =
                    beside.split(';').filter_map(|pair| Some(pair.split_once('=')?.0.trim())).collect();
                let names = presented.cookies.iter().filter(|name| sent.contains(&name.as_str()));
                controlled.by_cookie = names.cloned().collect();
            }
        }
        let nobody = Actor::anonymous();
        let key = self.key_of(trial.step, &nobody, &request, Asked::Plainly);
        let probe = self.probe(trial, &nobody, What::Ready(Box::new(request), key));
        let observed = probe.observe(self.shared).await;
        controlled.records.push(observed.record(When::Without, "anonymous", !observed.granted));
        controlled.without = Some(observed);
    }

    /// The request of a step itself.
    pub(super) fn same(&self, trial: &Trial<'_>, actor: &Actor, prepared: &Prepared) -> What {
        let key = self.key_of(trial.step, actor, &prepared.request, Asked::Plainly);
        What::Same(Box::new(prepared.clone()), key)
    }

    fn whoami_of(&self, actor: &Actor) -> Option<StepsId> {
        let Who::Identity(id, ..) = &actor.who else { return None };
        self.shared.plan.identities[id.0 as usize].login.whoami
    }
}

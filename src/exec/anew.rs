//! A second look at what a defect was answered, where it may have another cause: a token that was signed here may be refused
//! because the server did not make it, and what has to be taken because the session ended meanwhile.

use std::sync::Arc;

use super::actor::{Actor, Ownership, Who};
use super::control::{Probe, What};
use super::done::{Done, Ended};
use super::exchange::StepRun;
use super::mutant::{Controlled, Trial};
use super::session::Session;
use crate::auth::Credential;
use crate::event::When;
use crate::mutate::{Presented, Unfit};
use crate::step::Prepared;

impl StepRun<'_> {
    /// Asks what else an answer may come from, before it counts.
    pub(super) async fn looked_at_twice(
        &self,
        trial: &Trial<'_>,
        (actor, prepared, presented): (&Actor, &Prepared, &Presented<'_>),
        controlled: &mut Controlled,
        is_signed: bool,
        done: Done,
    ) -> Done {
        let Some((good, _)) = controlled.before.clone() else { return done };
        let missed = done.ended == Ended::Failed && done.reasons.iter().any(|reason| reason.code == "mutant-refused");
        if missed {
            let again = good.again(self.shared).await;
            let met = good.is_met(&again);
            controlled.records.push(again.record(When::After, good.name(), met));
            if !met {
                let (code, message) = again.lost(&good);
                return self.doubted(trial, actor, done, (code, &message), Vec::new());
            }
        }
        if !is_signed || !(missed || done.held() && !done.claims.is_empty()) {
            return done;
        }
        let observed = match self.anew(trial, actor, prepared, presented).await {
            Ok(probe) => probe.observe(self.shared).await,
            Err(why) => {
                let help = vec!["give the scheme a `whoami`, or the case `control: { request: GET /me }`".to_owned()];
                return self.doubted(trial, actor, done, ("control-signed", &why), help);
            }
        };
        controlled.records.push(observed.record(When::Signed, good.name(), observed.granted));
        if observed.granted {
            return done;
        }
        let what = format!("the good token signed anew, with nothing wrong, was not allowed ({})", observed.told());
        let code = observed.shut().unwrap_or("control-signed");
        let help = match code {
            "control-signed" => vec![
                "the server may keep a list of the tokens that it gave out: take `signing_key` out of the scheme, so that none is made".to_owned(),
                "a bad one then comes from the server itself: `donor: NAME` beside `these:` for one that is for somebody else, `--max-wait` or `AUTHSPEC_KEEP_KEY` for one that is over".to_owned(),
            ],
            _ => Vec::new(),
        };
        self.doubted(trial, actor, done, (code, &what), help)
    }

    /// An answer that proves nothing, for a reason that all share who stand on the same control.
    fn doubted(
        &self,
        trial: &Trial<'_>,
        actor: &Actor,
        done: Done,
        (code, message): (&'static str, &str),
        help: Vec<String>,
    ) -> Done {
        let mut reason = self.reason(code, message, trial.mutant.span, help);
        reason.shared_cause = Some(format!("{code}:{message}").into());
        let mut record = self.record(trial.step, actor, done.last.as_deref(), Ended::Inconclusive, 0, 0);
        record.with = Some(trial.mutant.row.id.to_owned());
        record.grade = done.records.first().and_then(|record| record.grade);
        let Done { mutant, requests, last, cell, .. } = done;
        Done { reasons: vec![reason], mutant, requests, last, cell, ..Done::of(Ended::Inconclusive, record) }
    }

    /// The control that stands for a defect, with the token signed anew.
    async fn anew(
        &self,
        trial: &Trial<'_>,
        actor: &Actor,
        prepared: &Prepared,
        presented: &Presented<'_>,
    ) -> Result<Probe, String> {
        let words = |unfit| match unfit {
            Unfit::NotApplicable(why) | Unfit::Unavailable { why, .. } | Unfit::Held(why) | Unfit::Broken(why) => why,
        };
        let old = presented.token().map_err(words)?;
        let token = self.holder(actor).sign_anew(self.world, presented).await.map_err(words)?;
        self.shared.secrets.declare(&format!("{}.defect", self.owner(actor)), &token);
        let (Some((id, session)), Some(what)) = (actor.who.session(), self.good(trial, actor, prepared)) else {
            return Err("no request is sent as a control with the token signed anew".to_owned());
        };
        let probe = match what {
            What::Same(..) => {
                let mut request = presented.with_token(&token).map_err(words)?;
                self.holder(actor).prove_again(presented, &mut request);
                self.probe(trial, actor, What::Made(Box::new(request), None))
            }
            // Whoever does the case again logs in again.
            What::Replay => return Err("no request is sent as a control with the token signed anew".to_owned()),
            What::Control | What::Whoami(_) | What::Ready(..) | What::Made(..) => {
                let renewed = session.with_token(self.shared.sessions.number(), old, &token);
                let who = Who::Identity(id, Arc::new(renewed), Ownership::Still);
                let mut bearer = Actor { who, ..actor.clone() };
                bearer.jar.replace(old.as_bytes(), token.as_bytes());
                self.probe(trial, &bearer, what)
            }
        };
        Ok(probe.made_of(session.number))
    }
}

impl Session {
    /// The same session with another token in place of its own.
    fn with_token(&self, number: super::session::SessionId, old: &str, token: &str) -> Self {
        let other = |value: &serde_json::Value| match value.as_str() {
            Some(text) if text == old => token.into(),
            _ => value.clone(),
        };
        let parts = self.credential.parts.iter().map(|(name, value)| (Arc::clone(name), other(value))).collect();
        let credential = Credential { parts, ..self.credential.clone() };
        let mut session = self.with_credential(number, credential);
        session.jar.replace(old.as_bytes(), token.as_bytes());
        session.fields.iter_mut().filter(|(_, value)| value == old).for_each(|(_, value)| token.clone_into(value));
        session
    }
}

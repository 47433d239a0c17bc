//! Sends a step with a deliberate defect: controls first, then the defect, then the grade.

use std::sync::Arc;

use super::actor::{Actor, Who};
use super::bad::Lent;
use super::control::{Probe, What};
use super::detour::{Detour, Reached};
use super::done::{Done, Ended};
use super::dress::Credential;
use super::exchange::{StepRun, count};
use super::grade::told;
use super::kit::{self, Again, Holder};
use super::matrix::Got;
use super::observed::Observed;
use super::otherwise::{Otherwise, written};
use super::tried::Tried;
use super::wary::{Refused, Shape, Way};
use super::{learn, pages, record};
use crate::check::{Stance, Word};
use crate::event::{ControlRecord, Reason};
use crate::http::jar::Jar;
use crate::http::{Follow, HttpError, Journey, Request, Trail, Transport};
use crate::mutate::{Aim, Forged, Needs, Presented, Unfit};
use crate::plan::{Asked, Mutant};
use crate::secret::TextKind;
use crate::step::{Prepared, Step};

/// What a defect is tried on.
#[derive(Clone, Copy)]
pub(super) struct Trial<'a> {
    pub(super) step: &'a Step,
    pub(super) mutant: &'a Mutant,
    pub(super) case: usize,
}

/// What the controls showed so far.
#[derive(Default)]
pub(super) struct Controlled {
    pub(super) before: Option<(Arc<Probe>, Observed)>,
    pub(super) without: Option<Observed>,
    /// The cookies of the session that are let in without the credential, where they are.
    pub(super) by_cookie: Vec<String>,
    pub(super) records: Vec<ControlRecord>,
}

impl Controlled {
    /// How the good credential was refused, where it was: what a way around begins with.
    fn refused(&self) -> Option<u16> {
        self.before.as_ref().filter(|(_, before)| !before.granted).and_then(|(_, before)| before.status)
    }

    /// The defect as it may be sent once more: what follows another request is not the same alone, and what changes
    /// something is not done again.
    fn made_again(&self, trial: &Trial<'_>, forged: &Forged) -> Option<What> {
        let is_replay = self.before.as_ref().is_some_and(|(probe, _)| probe.is_replay());
        let is_alone = forged.first.is_none() && trial.mutant.row.aim != Aim::Change && !is_replay;
        is_alone.then(|| What::Made(Box::new(forged.request.clone()), forged.head.clone()))
    }

    /// What the good credential got, where it was allowed.
    pub(super) fn good_body(&self) -> Option<u64> {
        self.before.as_ref().filter(|(_, before)| before.granted).and_then(|(_, before)| before.body)
    }
}

impl StepRun<'_> {
    /// The defect that a step of the case is sent with.
    pub(super) fn mutant(&self) -> Option<(usize, &Mutant)> {
        let case = self.case?;
        let mutant = self.shared.plan.cases[case].with.as_deref()?;
        let is_it = self.within.used.is_empty() && self.within.number == mutant.step;
        (is_it && !self.within.is_replay).then_some((case, mutant))
    }

    /// Sends a step with its defect, between its controls.
    pub(super) async fn mutated(&self, step: &Step, case: usize, mutant: &Mutant, actor: &mut Actor) -> Done {
        let mut prepared = match self.prepare(step, actor).await {
            Ok(prepared) => prepared,
            Err(error) => return self.unsent(step, actor, error),
        };
        // No redirect is followed: where it leads would be judged in place of the answer.
        prepared.follow = Follow::No;
        // Without what the scheme puts on a change, that would be refused for the lack of it.
        if let Some((name, token)) = pages::token(self.shared, actor, &prepared) {
            prepared.request.headers.add(name, token);
        }
        if let Some(done) = self.foreign(step, actor, &prepared) {
            return done;
        }
        let trial = Trial { step, mutant, case };
        if let Some(done) = self.not_permitted(&trial, actor, &prepared).await {
            return done;
        }
        let mut controlled = Controlled::default();
        if mutant.row.aim != Aim::Origin
            && let Some(done) = self.before(&trial, actor, &prepared, &mut controlled).await
        {
            return Done { controls: controlled.records, ..done };
        }
        let dressed = match self.dressed(step, actor, &prepared) {
            Ok(dressed) => dressed,
            Err(done) => return Done { controls: controlled.records, ..*done },
        };
        let presented = self.presented(actor, &dressed);
        let question = self.question(&trial, actor, (&prepared, &dressed)).await;
        let again = Again { prepared: &prepared, question: question.as_ref().and_then(Trail::response) };
        let made = self.made(&trial, actor, &presented, again).await;
        let (forged, lent) = match made {
            Ok(made) => made,
            Err(unfit) => return Box::pin(self.unmade(trial, actor, (&prepared, &presented), controlled, unfit)).await,
        };
        match mutant.row.aim {
            Aim::Credential => self.without(&trial, (actor, &presented), &mut controlled).await,
            Aim::Bypass | Aim::Change => {}
            Aim::Origin => {
                let asked = (&prepared, &dressed, &forged.request);
                if let Some(done) = self.basis(&trial, actor, asked, &mut controlled).await {
                    return Done { controls: controlled.records, ..done };
                }
            }
        }
        for secret in self.holder(actor).secrets(&presented) {
            learn::defect(self.shared, &self.owner(actor), secret, &forged.request);
        }
        let is_signed = forged.is_signed;
        let done = self.attempt(trial, actor, (&prepared, &presented), (forged, lent), &controlled).await;
        let mut done =
            self.looked_at_twice(&trial, (actor, &prepared, &presented), &mut controlled, is_signed, done).await;
        done.controls = controlled.records;
        done.requests += question.as_ref().map_or(0, count);
        done
    }

    /// Makes the defect, or takes a bad token of somebody else's.
    pub(super) async fn made(
        &self,
        trial: &Trial<'_>,
        actor: &Actor,
        presented: &Presented<'_>,
        again: Again<'_>,
    ) -> Result<(Forged, Option<Lent>), Unfit> {
        let row = trial.mutant.row;
        let allowed = match row.needs {
            Needs::Name => self.name_of_allowed(trial.mutant).await,
            Needs::Nothing | Needs::PublicKey | Needs::Question => None,
        };
        // What answers a question is made anew, and may stand nowhere yet.
        let fits = match row.aim {
            Aim::Credential | Aim::Change if again.question.is_none() => presented.spot().map(drop),
            Aim::Credential | Aim::Change | Aim::Bypass | Aim::Origin => Ok(()),
        };
        let forged = match fits {
            Ok(()) => self.holder(actor).forge(row, self.world, presented, allowed, Some(again)).await,
            Err(unfit) => Err(unfit),
        };
        match forged {
            Ok(forged) => Ok((forged, None)),
            Err(unfit) => self.lent(trial, actor, presented, unfit).await.map(|(forged, lent)| (forged, Some(lent))),
        }
    }

    /// Asks what a server wants to know of whoever sends no credential, for a row that answers it. Each has a question
    /// of its own: an answer to one that was used may be refused for its age.
    async fn question(
        &self,
        trial: &Trial<'_>,
        actor: &Actor,
        (prepared, dressed): (&Prepared, &Request),
    ) -> Option<Trail> {
        let Who::Identity(id, ..) = &actor.who else { return None };
        let scheme = &self.shared.plan.identities[id.0 as usize].login.scheme;
        if trial.mutant.row.needs != Needs::Question || scheme.handshake().is_none() {
            return None;
        }
        let plain = kit::unsigned(dressed, &scheme.fields(), prepared);
        Some(self.post(plain, None, trial.step, self.transport_of(actor)).await)
    }

    fn transport_of<'t>(&'t self, actor: &'t Actor) -> &'t Transport {
        let own = actor.who.session().and_then(|(_, session)| session.transport.as_deref());
        own.unwrap_or(&self.world.transport)
    }

    /// Sends the defect itself.
    pub(super) async fn attempt(
        &self,
        trial: Trial<'_>,
        actor: &mut Actor,
        (prepared, presented): (&Prepared, &Presented<'_>),
        (forged, lent): (Forged, Option<Lent>),
        controlled: &Controlled,
    ) -> Done {
        let own = actor.who.session().and_then(|(_, session)| session.transport.clone());
        let transport = own.as_deref().unwrap_or(&self.world.transport);
        let (verbatim, written) = (forged.head.is_some(), written(&forged.request, forged.head.as_deref()));
        let made = controlled.made_again(&trial, &forged);
        let repeats = forged.first.is_some();
        let before = match self.taken_first(&trial, actor, forged.first, transport).await {
            Ok(requests) => requests,
            Err(done) => return *done,
        };
        let line = Otherwise::of(presented.request, &forged.request, written.as_deref());
        let (head, sent) = (forged.head.clone(), (forged.request, forged.head));
        let (trail, sent) = self.post_told(trial.step, actor, sent, transport).await;
        let detour = Detour {
            prepared,
            dressed: presented.request,
            trail: &trail,
            head,
            refused: controlled.refused(),
            transport,
            sender: self.holder(actor),
        };
        let denial = self.denial_of(trial.step, actor, &trail, &[Stance::Identity, Stance::Anonymous]);
        let led = self.led((&trial, actor), &detour, denial, (&line, presented, controlled)).await;
        let (away, led_in) = match trial.mutant.row.aim {
            Aim::Credential => {
                let away = self.sent_as_nobody(&trial, &detour, controlled).await;
                (away, self.leads_in(&trial, &detour, controlled).await)
            }
            Aim::Change | Aim::Bypass | Aim::Origin => (false, false),
        };
        let again = Arc::new(self.refused(&trial, actor, made, &trail));
        let allowed = self.probe_allowed(&trial, prepared).await.map(Arc::new);
        let down = self.down(&trial, &trail, controlled).await;
        let tried = Tried {
            trial,
            prepared,
            presented,
            trail: &trail,
            line,
            repeats,
            verbatim,
            controlled,
            reached: led,
            denial,
            away,
            led_in,
            lent,
            allowed,
            again,
            down,
        };
        let mut done = self.grade(&tried, actor);
        self.tell_how(&mut done, (verbatim, written), &forged.change);
        done.requests = before + sent;
        done.cell = Got::of(&trail, denial);
        done.last = Some(Arc::new(trail));
        done
    }

    /// What a control is answered as well by now: by a gateway that answered a defect, or as a way around a refusal is that
    /// got another one than the plain request did before, and than the suite wants of it.
    async fn down(&self, trial: &Trial<'_>, trail: &Trail, controlled: &Controlled) -> Option<String> {
        let status = trail.response()?.status;
        let (probe, before) = controlled.before.as_ref().filter(|(probe, _)| !probe.is_replay())?;
        let wanted = trial.mutant.own(trial.step).and_then(|own| own.status.as_ref());
        let is_other = (400..500).contains(&status)
            && trial.mutant.row.aim == Aim::Bypass
            && before.status != Some(status)
            && wanted.is_some_and(|wanted| !wanted.matches(status));
        let is_gateways = matches!(status, 502..=504);
        if !is_other && !is_gateways {
            return None;
        }
        let now = probe.again(self.shared).await;
        let is_same = if is_gateways { now.is_broken() } else { now.status == Some(status) };
        is_same.then(|| now.told())
    }

    /// Where the defect led, where its answer alone does not say it.
    async fn led(
        &self,
        (trial, actor): (&Trial<'_>, &Actor),
        detour: &Detour<'_>,
        denial: Option<Word>,
        (line, presented, controlled): (&Otherwise, &Presented<'_>, &Controlled),
    ) -> Option<Reached> {
        match (trial.mutant.row.aim, presented.token()) {
            _ if denial.is_some() => None,
            (Aim::Credential, Ok(id)) if line.is_elsewhere() => {
                Some(self.by_id(trial, detour, id, controlled.good_body()).await)
            }
            (Aim::Credential | Aim::Change | Aim::Origin, _) => None,
            (Aim::Bypass, _) => match self.bodiless(trial, actor, detour, controlled).await {
                None => Some(self.reached(trial, detour).await),
                unseen => unseen,
            },
        }
    }

    /// Notes what was changed, whether it left as no library sends it, and with which request line if it has its own.
    fn tell_how(&self, done: &mut Done, (verbatim, written): (bool, Option<String>), change: &str) {
        if let Some(told) = &mut done.mutant {
            told.verbatim = verbatim;
            told.change = Some(record::text(self.shared, change));
        }
        if let (Some(line), Some(step)) = (written, done.records.last_mut()) {
            step.request = self.shared.secrets.mask_text(TextKind::Url, &line);
            step.hops.iter_mut().for_each(|hop| hop.request.line = format!("{} HTTP/1.1", step.request));
        }
    }

    /// Sends what is to come again, and counts its requests; where it is not allowed, its replay shows nothing.
    async fn taken_first(
        &self,
        trial: &Trial<'_>,
        actor: &Actor,
        first: Option<Request>,
        transport: &Transport,
    ) -> Result<u32, Box<Done>> {
        let Some(first) = first else { return Ok(0) };
        let trail = self.post(first, None, trial.step, transport).await;
        self.tell(actor, &trail);
        let observed = Observed::of(self, trial.step, actor, &trail);
        if observed.granted {
            return Ok(count(&trail));
        }
        let code = observed.shut().unwrap_or("control-refused");
        let message = format!("the good request was not allowed ({}), so its replay shows nothing", observed.told());
        let done = self.inconclusive(trial, actor, code, &message, Vec::new());
        Err(Box::new(Done { requests: count(&trail), ..done }))
    }

    /// What was sent, should it be refused.
    fn refused(&self, trial: &Trial<'_>, actor: &Actor, made: Option<What>, trail: &Trail) -> Refused {
        let way = Way::of(&Observed::of(self, trial.step, actor, trail));
        let shape = trail.request().map(Shape::of).unwrap_or_default();
        let probe = made.map(|what| self.probe(trial, actor, what));
        Refused { id: trial.mutant.row.id, probe, shape, way }
    }

    /// Sends a request as it stands; nothing is added, followed or repeated.
    pub(super) async fn post(
        &self,
        request: Request,
        head: Option<bytes::Bytes>,
        step: &Step,
        transport: &Transport,
    ) -> Trail {
        let timeout = step.timeout.unwrap_or(self.shared.options.timeout);
        self.in_turn(step, &request).await;
        let _slot = self.shared.limits.slot(&request).await;
        self.shared.doing.send(self.label, || format!("for the answer to `{}`", step.line()));
        let exchange = match head {
            Some(head) => transport.send_verbatim(request, head, timeout).await,
            None => Box::pin(transport.send(request, timeout)).await,
        };
        self.shared.doing.go_on(self.label, 0);
        let error = exchange.response.as_ref().err().cloned();
        Trail { hops: vec![exchange], error, ..Trail::default() }
    }

    /// The request as it would leave; else what becomes of the step.
    pub(super) fn dressed(&self, step: &Step, actor: &Actor, prepared: &Prepared) -> Result<Request, Box<Done>> {
        let session = actor.who.session().map(|(id, session)| (id, Arc::clone(session)));
        let origins = session.as_ref().map(|(_, s)| self.origins(s));
        let removed = prepared.removed.clone();
        let mut dress = Credential::new(self.shared, session, origins, removed, step.handshake);
        let mut jar: Jar = actor.jar.clone();
        let journey = Journey {
            transport: &self.world.transport,
            elsewhere: None,
            jar: &mut jar,
            cookies: prepared.cookies.clone(),
            follow: Follow::No,
            timeout: self.shared.options.timeout,
            gate: None,
        };
        journey.dressed(prepared.request.clone(), &mut dress).map_err(|why| {
            let error = HttpError::BadRequest { why };
            let reason = self.reason(error.code(), &error.to_string(), step.span, Vec::new());
            Box::new(self.without_answer(step, actor, reason))
        })
    }

    /// Finds the credential in a request.
    pub(super) fn presented<'r>(&self, actor: &Actor, request: &'r Request) -> Presented<'r> {
        self.holder(actor).presented(request)
    }

    pub(super) fn holder<'s>(&'s self, actor: &'s Actor) -> Holder<'s> {
        let who = actor.who.session().map(|(id, session)| (id, &**session));
        Holder::new(self.shared, who)
    }

    pub(super) fn inconclusive(
        &self,
        trial: &Trial<'_>,
        actor: &Actor,
        code: &'static str,
        message: &str,
        help: Vec<String>,
    ) -> Done {
        let reason = self.reason(code, message, trial.mutant.span, help);
        let mut record = self.record(trial.step, actor, None, Ended::Inconclusive, 0, 0);
        record.with = Some(trial.mutant.row.id.to_owned());
        let mutant = Some(Box::new(told(trial, None)));
        Done { reasons: vec![reason], mutant, ..Done::of(Ended::Inconclusive, record) }
    }

    /// A row that was tried on the credential itself, so that nothing had to be sent.
    fn offline(&self, trial: &Trial<'_>, actor: &Actor, ended: Ended, reasons: Vec<Reason>) -> Done {
        let (held, broken) = (usize::from(ended == Ended::Held), usize::from(ended == Ended::Failed));
        let mut record = self.record(trial.step, actor, None, ended, held, broken);
        record.with = Some(trial.mutant.row.id.to_owned());
        Done { reasons, mutant: Some(Box::new(told(trial, None))), ..Done::of(ended, record) }
    }

    /// A row that cannot be sent: in a pack it is skipped where it has no sense.
    pub(super) fn unfit(&self, trial: &Trial<'_>, actor: &Actor, unfit: Unfit) -> Done {
        let row = trial.mutant.row;
        match unfit {
            Unfit::NotApplicable(why) => {
                let message = format!("`{}` does not apply: {why}", row.id);
                let done = self.inconclusive(trial, actor, "not-applicable", &message, Vec::new());
                match trial.mutant.asked {
                    Asked::ByPack(_) => left_out(done),
                    Asked::ByName => done,
                }
            }
            Unfit::Unavailable { why, add } => {
                let mut done = self.inconclusive(trial, actor, "no-bad-token", &why, add);
                done.reasons.iter_mut().for_each(|r| r.shared_cause = Some(format!("no-bad-token:{why}").into()));
                done
            }
            Unfit::Held(_) => self.offline(trial, actor, Ended::Held, Vec::new()),
            Unfit::Broken(how) => {
                let message = format!("`{}`: {how}", row.id);
                let reason = self.reason("weak-secret", &message, trial.mutant.span, Vec::new());
                self.offline(trial, actor, Ended::Failed, vec![reason])
            }
        }
    }
}

/// A row of a pack that is skipped: nothing was sent, so there is no step to show.
pub(super) fn left_out(mut done: Done) -> Done {
    done.ended = Ended::Unfit;
    done.records.clear();
    done.reasons.iter_mut().for_each(|r| r.step = None);
    done
}

//! Sends a step with a deliberate defect: controls first, then the defect, then the grade.

use std::sync::Arc;

use jiff::Timestamp;

use super::access::{Said, said};
use super::actor::{Actor, Who};
use super::control::{Claim, Observed, Probe, What, digest, request_key, still};
use super::done::{Done, Ended};
use super::dress::Credential;
use super::exchange::{StepRun, count};
use super::judge;
use super::ledger::{Refusal, Weight};
use super::{kit, record};
use crate::check::{Expectations, Fetched, Seen};
use crate::event::{MutantRecord, Reason, When};
use crate::http::jar::Jar;
use crate::http::{Address, Follow, HttpError, Journey, Request, Trail, Transport};
use crate::mutate::{Aim, Answered, Attacks, Expect, Forged, Grade, Graded, Presented, Unfit};
use crate::plan::{Asked, Control, Mutant, Wanted};
use crate::step::{Prepared, Step};

/// What a defect is tried on.
struct Trial<'a> {
    step: &'a Step,
    mutant: &'a Mutant,
    case: usize,
}

/// What the controls showed so far.
struct Controlled {
    before: Option<(Arc<Probe>, Observed)>,
    without: Option<Observed>,
    records: Vec<crate::event::ControlRecord>,
    /// Whether the answer is the one that any made-up path gets.
    fallback: bool,
}

impl StepRun<'_> {
    /// The defect that a step of the case is sent with.
    pub(super) fn mutant(&self) -> Option<(usize, &Mutant)> {
        let case = self.case?;
        let mutant = self.shared.plan.cases[case].with.as_deref()?;
        (self.within.used.is_empty() && self.within.number == mutant.step).then_some((case, mutant))
    }

    /// Sends a step with its defect, between its controls.
    pub(super) async fn mutated(&self, step: &Step, case: usize, mutant: &Mutant, actor: &mut Actor) -> Done {
        let mut prepared = match self.prepare(step, actor).await {
            Ok(prepared) => prepared,
            Err(error) => return self.unsent(step, actor, error),
        };
        // No redirect is followed: where it leads would be judged in place of the answer.
        prepared.follow = Follow::No;
        if let Some(done) = self.foreign(step, actor, &prepared) {
            return done;
        }
        let trial = Trial { step, mutant, case };
        if let Some(done) = self.not_permitted(&trial, actor, &prepared) {
            return done;
        }
        let mut controlled = Controlled { before: None, without: None, records: Vec::new(), fallback: false };
        if let Some(done) = self.before(&trial, actor, &prepared, &mut controlled).await {
            return Done { controls: controlled.records, ..done };
        }
        let dressed = self.dressed(step, actor, &prepared);
        let forged = match self.forge(&trial, actor, &dressed) {
            Ok(forged) => forged,
            Err(unfit) => return Done { controls: controlled.records, ..self.unfit(&trial, actor, unfit) },
        };
        if mutant.row.aim == Aim::Credential {
            self.without(&trial, actor, &dressed, &mut controlled).await;
        }
        let Forged { request, head, change } = forged;
        let _slot = self.shared.limits.slot(&request).await;
        let own = match &actor.who {
            Who::Identity(_, session, _) => session.transport.clone(),
            Who::Nobody | Who::Anonymous | Who::Entering(..) => None,
        };
        let transport = own.as_deref().unwrap_or(&self.world.transport);
        let trail = self.post(request, head, step, transport).await;
        self.tell(actor, &trail);
        controlled.fallback = mutant.row.aim == Aim::Bypass && self.is_fallback(step, &trail, transport).await;
        let mut done = self.grade(&trial, actor, (&dressed, &prepared), &trail, &controlled);
        if let Some(told) = &mut done.mutant {
            told.change = Some(record::text(self.shared, &change));
        }
        done.requests = count(&trail);
        done.controls = controlled.records;
        done.last = Some(Arc::new(trail));
        done
    }

    /// Tells whether an answer is the one that any made-up path gets, such as the page of a single-page application, or
    /// the one that comes without the detour: then the guarded thing was not reached.
    async fn is_fallback(&self, step: &Step, trail: &Trail, transport: &Transport) -> bool {
        let (Some(sent), Some(response)) = (trail.request(), trail.response()) else { return false };
        let Ok(address) = Address::parse(&format!("{}/authspec-no-such-path", sent.address.base())) else {
            return false;
        };
        if response.status / 100 != 2 {
            return false;
        }
        let mut request = sent.clone();
        if request.headers.has("x-original-url") {
            // What the path itself gives is nothing that the field brought.
            request.headers.remove("x-original-url");
        } else {
            request.address = address;
        }
        let other = self.post(request, None, step, transport).await;
        self.shared.limits.count(count(&other));
        other.response().is_some_and(|o| o.status == response.status && digest(&o.body) == digest(&response.body))
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
        self.shared.doing.send(self.label, || format!("for the answer to `{}`", step.line()));
        let exchange = match head {
            Some(head) => transport.send_verbatim(request, head, timeout).await,
            None => Box::pin(transport.send(request, timeout)).await,
        };
        self.shared.doing.go_on(self.label, 0);
        let error = exchange.response.as_ref().err().cloned();
        Trail { hops: vec![exchange], error, ..Trail::default() }
    }

    /// The request as it would leave.
    fn dressed(&self, step: &Step, actor: &Actor, prepared: &Prepared) -> Request {
        let session = match &actor.who {
            Who::Identity(id, session, _) => Some((*id, Arc::clone(session))),
            Who::Nobody | Who::Anonymous | Who::Entering(..) => None,
        };
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
        journey.dressed(prepared.request.clone(), &mut dress)
    }

    /// What attacks goes to this machine and where it is permitted; what destroys only where that is allowed.
    fn not_permitted(&self, trial: &Trial<'_>, actor: &Actor, prepared: &Prepared) -> Option<Done> {
        let row = trial.mutant.row;
        let world = &self.shared.plan.worlds[self.shared.plan.suites[self.shared.plan.cases[trial.case].suite].world];
        if row.class.is_destructive() && !world.destructive {
            let why = format!("`{}` {} and nothing allows that", row.id, row.class.word());
            let add = vec![
                "add `allow_destructive: true` to `authspec.yaml`, for an environment that may be damaged".to_owned(),
            ];
            return Some(self.unfit(trial, actor, Unfit::Unavailable { why, add }));
        }
        let host = prepared.request.address.url().host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if row.attacks == Attacks::No || is_here(&host) || world.attacks.iter().any(|glob| fits(glob, &host)) {
            return None;
        }
        let message = format!("`{}` attacks, and `{host}` is not permitted", row.id);
        let help = format!("add `allow_attacks_on: [{host}]` to `authspec.yaml` if you may attack it");
        let mut reason = self.reason("attack-not-allowed", &message, trial.mutant.span, vec![help]);
        reason.shared_cause = Some(format!("attack:{host}").into());
        Some(Done { mutant: Some(Box::new(told(trial, None))), ..self.without_answer(trial.step, actor, reason) })
    }

    /// Asks with the good credential first. A case that cannot go on is given back.
    async fn before(
        &self,
        trial: &Trial<'_>,
        actor: &Actor,
        prepared: &Prepared,
        controlled: &mut Controlled,
    ) -> Option<Done> {
        let case = &self.shared.plan.cases[trial.case];
        let what = match (&case.shape.control, trial.mutant.row.aim) {
            (Some(Control::Off(_)), _) => return None,
            (Some(Control::Step(_)), _) => What::Control,
            (_, Aim::Bypass | Aim::Origin) => What::Same(Box::new(prepared.clone())),
            (_, Aim::Credential) if is_safe(&prepared.request.method) => What::Same(Box::new(prepared.clone())),
            (_, Aim::Credential) => {
                let Some(whoami) = self.whoami_of(actor) else {
                    let message = format!("`{}` is not repeated as its own control", trial.step.line());
                    let help = "give the scheme a `whoami`, or the case `control: { request: GET /me }`".to_owned();
                    return Some(self.inconclusive(trial, actor, "no-control", &message, vec![help]));
                };
                What::Whoami(whoami)
            }
        };
        let (who, jar) = still(actor);
        let name = match &what {
            What::Same(_) | What::Ready(_) => self.owner(actor),
            What::Control => "control".to_owned(),
            What::Whoami(_) => "whoami".to_owned(),
        };
        let probe =
            Probe { case: trial.case, step: trial.mutant.step, who, jar, scope: Arc::clone(self.scope), what, name };
        let observed = probe.observe(self.shared).await;
        let name = probe.name.clone();
        let wrong = match trial.mutant.row.aim {
            Aim::Credential if !observed.granted && observed.is_locked_out() => {
                Some(("locked-out", format!("`{name}` is locked out or limited before anything was tried")))
            }
            Aim::Credential if !observed.granted => Some((
                "control-refused",
                format!("with the good credential `{name}` was not allowed ({})", observed.told()),
            )),
            Aim::Bypass if observed.granted => {
                Some(("control-allowed", format!("`{name}` is allowed the plain request ({})", observed.told())))
            }
            Aim::Origin if !observed.shared_with_origin => {
                Some(("control-refused", "the answer to the request's own origin allows no origin at all".to_owned()))
            }
            Aim::Credential | Aim::Bypass | Aim::Origin => None,
        };
        controlled.records.push(observed.record(When::Before, &name, wrong.is_none()));
        if let Some((code, message)) = wrong {
            let mut done = self.inconclusive(trial, actor, code, &message, Vec::new());
            done.reasons.iter_mut().for_each(|r| r.shared_cause = Some(format!("{code}:{message}").into()));
            return Some(done);
        }
        controlled.before = Some((Arc::new(probe), observed));
        None
    }

    /// Asks without any credential.
    async fn without(&self, trial: &Trial<'_>, actor: &Actor, dressed: &Request, controlled: &mut Controlled) {
        let Some((before, _)) = &controlled.before else { return };
        let what = match &before.what {
            What::Same(_) => match self.presented(actor, dressed).without() {
                Ok(request) => What::Ready(Box::new(request)),
                Err(_) => return,
            },
            // What stands in for the request is asked as nobody by the login's own checks.
            What::Ready(_) | What::Control | What::Whoami(_) => return,
        };
        let (who, jar) = (Who::Anonymous, Jar::default());
        let scope = Arc::clone(self.scope);
        let probe =
            Probe { case: trial.case, step: trial.mutant.step, who, jar, scope, what, name: "anonymous".to_owned() };
        let observed = probe.observe(self.shared).await;
        controlled.records.push(observed.record(When::Without, "anonymous", !observed.granted));
        controlled.without = Some(observed);
    }

    fn whoami_of(&self, actor: &Actor) -> Option<crate::step::StepsId> {
        let Who::Identity(id, ..) = &actor.who else { return None };
        self.shared.plan.identities[id.0 as usize].login.whoami
    }

    /// Finds the credential in a request.
    pub(super) fn presented<'r>(&self, actor: &Actor, request: &'r Request) -> Presented<'r> {
        let Who::Identity(id, session, _) = &actor.who else {
            return Presented::new(request, &[], &[], &[]);
        };
        let login = &self.shared.plan.identities[id.0 as usize].login;
        let mut known = session.credential.parts.clone();
        let secret = |name: &str| !crate::auth::is_name(name);
        known.extend(session.fields.iter().filter(|(n, _)| secret(n)).map(|(n, v)| (Arc::clone(n), v.as_str().into())));
        let now = Timestamp::now();
        let cookies: Vec<String> =
            session.jar.iter(now).map(|c| String::from_utf8_lossy(c.name.as_bytes()).into_owned()).collect();
        Presented::new(request, &known, &login.scheme.fields(), &cookies)
    }

    fn forge(&self, trial: &Trial<'_>, actor: &Actor, dressed: &Request) -> Result<Forged, Unfit> {
        let row = trial.mutant.row;
        let presented = self.presented(actor, dressed);
        if row.aim == Aim::Credential {
            presented.spot()?;
        }
        let supplies = kit::gather(self, row, actor, presented.token().ok());
        let session = match &actor.who {
            Who::Identity(_, session, _) => Some(session),
            Who::Nobody | Who::Anonymous | Who::Entering(..) => None,
        };
        let part = |name: &str| {
            let parts = session?.credential.parts.iter();
            parts.clone().find(|(n, _)| &**n == name).and_then(|(_, v)| v.as_str()).map(ToOwned::to_owned)
        };
        supplies.with(row, &part, |kit| (row.apply)(&presented, kit))
    }

    /// Judges what came back.
    fn grade(
        &self,
        trial: &Trial<'_>,
        actor: &mut Actor,
        (dressed, prepared): (&Request, &Prepared),
        trail: &Trail,
        controlled: &Controlled,
    ) -> Done {
        let Trial { step, mutant, .. } = *trial;
        let row = mutant.row;
        let Some(graded) = self.graded(trial, actor, dressed, trail) else {
            let error = trail.error.clone().unwrap_or(HttpError::Closed);
            let reason = self.reason(error.code(), &error.to_string(), mutant.span, error.help());
            let record = self.mutant_record(step, actor, trail, Ended::Errored, row.id);
            let mutant = Some(Box::new(told(trial, None)));
            return Done { reasons: vec![reason], mutant, ..Done::of(Ended::Errored, record) };
        };
        let graded = if controlled.fallback {
            let actual =
                format!("{}, as any made-up path gets it", graded.actual.split(':').next().unwrap_or_default());
            Graded { grade: Grade::DeniedOther, held: true, actual, ..graded }
        } else {
            graded
        };
        let status = trail.response().map_or(0, |r| r.status);
        let public = controlled.without.as_ref().is_some_and(|o| o.granted);
        let mut reasons = Vec::new();
        let mut ended = Ended::Held;
        let is_missing = row.id == "hdr-missing";
        if public && !is_missing && row.expect.is_refusal() && status != 401 {
            ended = Ended::Inconclusive;
            reasons.push(self.about(trial, "public", "anonymous is allowed the same request", &graded));
            reasons.iter_mut().for_each(|r| r.shared_cause = Some(format!("public:{}", step.line()).into()));
        } else if status == 429 {
            ended = Ended::Inconclusive;
            reasons.push(self.about(
                trial,
                "locked-out",
                "the server is asked too often (429), which refuses nothing",
                &graded,
            ));
        } else {
            let broken = self.broken(trial, actor, trail, &graded, controlled);
            if !broken.is_empty() {
                ended = Ended::Failed;
            }
            reasons.extend(broken);
        }
        let mut record = self.mutant_record(step, actor, trail, ended, row.id);
        record.grade = Some(graded.grade);
        let mut done = Done { reasons, ..Done::of(ended, record) };
        done.mutant = Some(Box::new(told(trial, Some(&graded))));
        if ended == Ended::Held {
            self.claim(trial, actor, prepared, status, controlled, &mut done);
        }
        done
    }

    /// Notes what has yet to be shown of a defect that was answered as it should be.
    fn claim(
        &self,
        trial: &Trial<'_>,
        actor: &Actor,
        prepared: &Prepared,
        status: u16,
        controlled: &Controlled,
        done: &mut Done,
    ) {
        let at = self.shared.ledger.tick();
        let row = trial.mutant.row;
        match row.aim {
            Aim::Credential if row.expect.is_refusal() || controlled.before.is_none() => {
                let probe = controlled.before.as_ref().map(|(probe, _)| Arc::clone(probe));
                done.claims.push(Claim { step: 0, at, probe });
            }
            Aim::Bypass => {
                // It has to be shown that the plain request is one that somebody may make.
                let key = request_key(&prepared.request);
                let sender = self.sender(prepared, actor);
                let earlier = actor.allowed.clone();
                done.refused.push(Refusal {
                    key,
                    sender,
                    status,
                    step: 0,
                    at,
                    weight: Weight::Claim,
                    earlier,
                    alike: None,
                });
            }
            Aim::Credential | Aim::Origin => {}
        }
    }

    /// Grades an answer; a connection that is closed refuses too. Nothing when there is nothing to judge.
    fn graded(&self, trial: &Trial<'_>, actor: &Actor, dressed: &Request, trail: &Trail) -> Option<Graded> {
        let row = trial.mutant.row;
        let graded = |grade, held, actual: &str| {
            Some(Graded { grade, held, expected: row.expect.describe(), actual: actual.to_owned() })
        };
        match (&trail.error, trail.response()) {
            (None, Some(response)) => {
                let presented = self.presented(actor, dressed);
                let challenged = presented.field().is_ok_and(|(name, _)| name.eq_ignore_ascii_case("authorization"));
                let sent_away = said(trial.step, trail) == Said::SentAway;
                Some(row.expect.grade(Answered { response, sent_away, bearer: presented.is_bearer(), challenged }))
            }
            (Some(HttpError::Closed), _) if row.expect != Expect::Taken => {
                graded(Grade::DeniedOther, true, "the connection was closed without an answer")
            }
            (Some(HttpError::Timeout(_)), _) => {
                graded(Grade::Crashed, false, "no answer in time: the server hangs on it")
            }
            (Some(_) | None, _) => None,
        }
    }

    /// What is wrong with the answer, as the table, the step or `with` wants it.
    fn broken(
        &self,
        trial: &Trial<'_>,
        actor: &Actor,
        trail: &Trail,
        graded: &Graded,
        controlled: &Controlled,
    ) -> Vec<Reason> {
        let row = trial.mutant.row;
        let own: Option<&Expectations> = match &trial.mutant.wanted {
            Wanted::Row => None,
            Wanted::Step => Some(&trial.step.expect),
            Wanted::Own(own) => Some(own),
        };
        if let (Some(own), Some(response)) = (own, trail.response()) {
            let scope = self.scope_of(actor);
            let fetched = Fetched::new();
            let seen = Seen::new(trail, response, &scope, &fetched, Timestamp::now());
            let checks = own.checks.iter().filter_map(|placed| {
                judge::reason(self.shared, placed.span, &placed.subject, placed.check.judge(&seen))
            });
            return checks.collect();
        }
        let told = |code, message: &str| vec![self.about(trial, code, message, graded)];
        match (graded.grade, graded.held) {
            (Grade::Crashed, _) => told("mutant-crashed", &format!("the server broke on `{}`", row.id)),
            (Grade::Accepted, false) => {
                let body = trail.response().map_or(0, |r| digest(&r.body));
                let same =
                    controlled.before.as_ref().filter(|(_, o)| o.granted && o.body != 0).map(|(_, o)| o.body == body);
                let how = match same {
                    Some(true) => ", with the same body as the good credential gets",
                    Some(false) => ", with another body than the good credential gets",
                    None => "",
                };
                told("mutant-accepted", &format!("`{}` was let in{how}", row.id))
            }
            (Grade::DeniedOther, true) if trial.mutant.strict => {
                told("mutant-inexact", &format!("`{}` was refused in another way than the one that is due", row.id))
            }
            (Grade::DeniedExact | Grade::DeniedOther, false) => {
                told("mutant-refused", &format!("`{}` was refused, and it has to make no difference", row.id))
            }
            (Grade::DeniedExact | Grade::DeniedOther | Grade::Accepted, true) => Vec::new(),
        }
    }

    fn about(&self, trial: &Trial<'_>, code: &'static str, message: &str, graded: &Graded) -> Reason {
        let mut reason = self.reason(code, message, trial.mutant.span, Vec::new());
        reason.expected = Some(graded.expected.clone());
        reason.actual = Some(record::text(self.shared, &graded.actual));
        reason
    }

    fn inconclusive(
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

    /// A row that cannot be sent: in a pack it is skipped where it has no sense.
    fn unfit(&self, trial: &Trial<'_>, actor: &Actor, unfit: Unfit) -> Done {
        let row = trial.mutant.row;
        match unfit {
            Unfit::NotApplicable(why) => {
                let message = format!("`{}` does not apply: {why}", row.id);
                let mut done = self.inconclusive(trial, actor, "not-applicable", &message, Vec::new());
                if let Asked::ByPack(_) = trial.mutant.asked {
                    done.ended = Ended::Unfit;
                    done.records.clear();
                    done.reasons.iter_mut().for_each(|r| r.step = None);
                }
                done
            }
            Unfit::Unavailable { why, add } => {
                let mut done = self.inconclusive(trial, actor, "no-bad-token", &why, add);
                done.reasons.iter_mut().for_each(|r| r.shared_cause = Some(format!("no-bad-token:{why}").into()));
                done
            }
        }
    }

    fn mutant_record(
        &self,
        step: &Step,
        actor: &Actor,
        trail: &Trail,
        ended: Ended,
        id: &str,
    ) -> crate::event::StepRecord {
        let (held, broken) = (usize::from(ended == Ended::Held), usize::from(ended == Ended::Failed));
        let mut record = self.record(step, actor, Some(trail), ended, held, broken);
        record.with = Some(id.to_owned());
        record
    }
}

fn told(trial: &Trial<'_>, graded: Option<&Graded>) -> MutantRecord {
    let row = trial.mutant.row;
    MutantRecord {
        id: row.id.to_owned(),
        severity: row.severity,
        pack: match trial.mutant.asked {
            Asked::ByName => None,
            Asked::ByPack(name) => Some(name.to_owned()),
        },
        change: None,
        grade: graded.map(|g| g.grade),
        expected: row.expect.describe(),
        actual: graded.map(|g| g.actual.clone()),
    }
}

/// Tells whether a request changes nothing (RFC 9110, section 9.2.1).
fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// Tells whether a host is this machine.
fn is_here(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn fits(glob: &str, host: &str) -> bool {
    globset::Glob::new(glob).is_ok_and(|glob| glob.compile_matcher().is_match(host))
}

//! Judges what came of a talk of a scheme: by its last answer, in place of the scheme.

use super::actor::{Actor, Who};
use super::done::{Done, Ended};
use super::exchange::StepRun;
use super::ledger::{Asked, Refusal, RequestKey, Sender, Spoken, Weight};
use super::witness::Seen;
use super::{busy, leak, record};
use crate::check::{Fetched, Placed, Stance};
use crate::event::Reason;
use crate::http::Trail;
use crate::spec::Talk;
use crate::step::{Ask, IdentityId, Step};

/// What a talk gave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gave {
    pub(super) credential: bool,
    /// Whether the browser was sent to where it must not go.
    pub(super) strayed: bool,
    /// Position in the run when it began.
    pub(super) began: u64,
}

/// How a talk ended.
#[derive(Clone, Copy)]
struct End {
    /// Whether the browser was sent to where it must not go.
    strayed: bool,
    /// Whether the scheme itself stopped.
    stopped: bool,
    /// Whether `outcomes` declares the answer as a refusal.
    is_denied: bool,
}

/// Tells whether a step is about being asked too often, or about a server that cannot answer.
pub(super) fn takes_busy(step: &Step) -> bool {
    step.expect.status.as_ref().is_some_and(|status| status.matches(429) || status.matches(503))
}

impl StepRun<'_> {
    /// Judges the last answer of a talk in place of the scheme.
    pub(super) async fn judge_talk(
        &self,
        step: &Step,
        (actor, id): (&mut Actor, IdentityId),
        gave: Gave,
        mut exchanges: Done,
    ) -> Done {
        let Some(trail) = exchanges.last.clone().filter(|_| !exchanges.records.is_empty()) else {
            if exchanges.held() {
                return self.unsaid(step, actor, "the scheme sends nothing for it");
            }
            return exchanges;
        };
        let fetched: Fetched = self.fetch(step, actor, &trail).await;
        let barren = matches!(step.ask, Ask::Talk(Talk::Login, _)) && !gave.credential;
        let mut judged = StepRun { barren, ..*self }.judge(step, actor, &trail, &fetched);
        let last = exchanges.place_of_last().map(|at| exchanges.records.remove(at));
        let label = last.as_ref().and_then(|record| record.name.as_deref());
        let said = self.by_change(step, label, (judged.held(), &trail), std::mem::take(&mut exchanges.reasons));
        // That it works afterwards with nothing changed is what proves it.
        let spoken = match &step.ask {
            Ask::Talk(talk, vary) if !vary.is_empty() => Some((id, *talk)),
            _ => None,
        };
        if let (Some(old), Some(new)) = (last, judged.records.first_mut()) {
            new.name = step.name.as_ref().map(ToString::to_string).or(old.name);
            (new.caller, new.role) = (old.caller, old.role);
            new.notes.extend(old.notes.into_iter().filter(|note| !new.notes.contains(note)).collect::<Vec<_>>());
        }
        if let Some(request) = trail.request() {
            let key = RequestKey::of(&request.method, &request.address.to_string(), Asked::Plainly);
            let sender = match &actor.who {
                Who::Identity(id, session, ownership) => {
                    Sender::Identity { id: *id, session: session.number, ownership: *ownership }
                }
                Who::Nobody | Who::Anonymous | Who::Entering(..) => Sender::Somebody,
            };
            // Whatever was allowed on the way shows no session alive after it.
            let at = self.shared.ledger.tick();
            self.remember(step, actor, &trail, &mut judged, Seen { key, sender, since: 0, at });
            if let Some(spoken) = spoken {
                claim(&mut judged, spoken, gave, (key, sender), at);
            }
            self.observe(step, actor, &trail, &mut judged, (key, gave.began));
            let facts = judged.records.last_mut().and_then(|record| record.facts.as_mut());
            if let (Some(facts), Ask::Talk(_, vary)) = (facts, &step.ask) {
                facts.changed = vary.iter().map(|v| format!("{}.{}", v.exchange, v.parameter)).collect();
                facts.pushed = exchanges.records.iter().any(|record| record.name.as_deref() == Some("par"));
            }
        }
        let stopped = !gave.credential && !exchanges.held();
        // Whoever is refused a session need not be anybody to the server.
        let is_denied =
            step.may_refuse() && self.denial_of(step, actor, &trail, &[Stance::Identity, Stance::Anonymous]).is_some();
        let ended = End { strayed: gave.strayed, stopped, is_denied };
        self.amend(step, actor, ended, &trail, said, &mut judged);
        // What the scheme captured is its own, and what was refused on the way was not asked for.
        exchanges.captured.clear();
        exchanges.refused.clear();
        exchanges.append(judged);
        (exchanges.last, exchanges.behind) = (Some(trail), 0);
        exchanges
    }

    /// Why a changed talk came to nothing is told where it was changed: nothing of the identity need be wrong.
    fn by_change(
        &self,
        step: &Step,
        label: Option<&str>,
        (held, trail): (bool, &Trail),
        mut said: Vec<Reason>,
    ) -> Vec<Reason> {
        let Ask::Talk(_, all) = &step.ask else { return said };
        let Some(vary) = all.iter().find(|vary| label == Some(&*vary.exchange)).or(all.first()) else { return said };
        let what = format!("`{}.{}` is changed here", vary.exchange, vary.parameter);
        let help = match trail.response() {
            _ if held => Some(format!(
                "{what}: where this is the refusal that is meant, say what it looks like, too, by `html` or `json`"
            )),
            // A refusal by its status has a cause of its own.
            Some(response) if response.status >= 400 => None,
            Some(_) | None => Some(format!("{what}, which is the likely cause")),
        };
        let is_scheme = |r: &&mut Reason| matches!(r.code, "login-failed" | "logout-failed" | "form");
        for reason in said.iter_mut().filter(is_scheme) {
            reason.place = record::place(self.shared, vary.span);
            reason.help = help.iter().map(|help| record::text(self.shared, help)).collect();
        }
        said
    }

    /// Takes back what a talk that was judged does not show: where its browser was led astray, where the scheme itself
    /// stopped, where the server was asked too often, and where it asked for a nonce to the last.
    fn amend(&self, step: &Step, actor: &Actor, ended: End, trail: &Trail, said: Vec<Reason>, judged: &mut Done) {
        let End { strayed, stopped, is_denied } = ended;
        let asked = self.within.asking().any(|used| !used.step.expect.checks.is_empty());
        let leads = step.expect.says_where() || self.within.asking().any(|used| used.step.expect.says_where());
        if strayed && !(judged.held() && leads) {
            // Whoever sends a browser there has not refused, whatever the status is.
            judged.ended = Ended::Failed;
            judged.refused.clear();
            let why = said.into_iter().filter(|r| r.code == "astray").map(|r| Reason { step: Some(0), ..r });
            judged.reasons.splice(0..0, why.collect::<Vec<_>>());
        } else if judged.held() && (stopped || is_denied) && hands_over(trail, is_denied) {
            // Clients go by the status, and whoever reads the answer has what it refuses.
            let message = if is_denied {
                "the answer is what `outcomes` calls a refusal, and has an `access_token` in it"
            } else {
                "the answer refuses by its status, and has an `access_token` in it"
            };
            let help =
                vec!["let the server end there once it refuses: whoever sees that answer can use the token".to_owned()];
            judged.ended = Ended::Failed;
            judged.refused.clear();
            judged.reasons = vec![Reason { step: Some(0), ..self.reason(leak::CODE, message, step.span, help) }];
        } else if judged.held() && stopped && !asked && !is_denied && !is_meant(step, trail) {
            judged.ended = Ended::Failed;
            if let Some(record) = judged.records.first_mut() {
                record.hops = self.record(step, actor, Some(trail), Ended::Failed, 0, 0).hops;
            }
            judged.reasons = said;
            judged.reasons.iter_mut().for_each(|r| r.step = Some(0));
        } else if trail.response().is_some_and(|response| response.status == 429) && !takes_busy(step) {
            // Whoever is asked too often has not looked at who asks.
            judged.ended = Ended::Inconclusive;
            judged.refused.clear();
            judged.reasons = vec![Reason { step: Some(0), ..self.too_often(step, trail) }];
        } else if let Some(unheard) = self.unheard(step, trail).filter(|_| judged.held() && stopped) {
            judged.ended = Ended::Inconclusive;
            judged.refused.clear();
            judged.reasons = vec![Reason { step: Some(0), ..unheard }];
        } else if !judged.held() {
            let why = said.into_iter().filter(|r| matches!(r.code, "login-failed" | "logout-failed"));
            judged.reasons.extend(why.map(|r| Reason { step: Some(0), ..r }));
        }
    }

    /// Why nothing was learnt of a server that is asked too often.
    fn too_often(&self, step: &Step, trail: &Trail) -> Reason {
        let until = trail.response().and_then(|response| response.headers.text("retry-after"));
        let wish = until.map_or_else(String::new, |time| {
            format!(", and wants `Retry-After: {}`", record::quoted(self.shared, time.trim(), 40))
        });
        let message = format!("the server is asked too often (429){wish}, which refuses nothing");
        let help = "let fewer cases log in, or raise the limit of the test environment; `status: 429` expects it";
        self.reason(busy::CODE, &message, step.span, vec![help.to_owned()])
    }
}

/// A changed talk that came to nothing, as its step expects, claims that the change was refused, whatever the server calls
/// that: a token endpoint says it by a 400, and a page by being shown again. A fault of the server and a limit refuse
/// nothing.
fn claim(judged: &mut Done, spoken: Spoken, gave: Gave, sent: (RequestKey, Sender), at: u64) {
    let status = judged.records.first().and_then(|record| record.status);
    let refuses = status.filter(|status| *status < 500 && *status != 429);
    if let (false, false, true, Some(status)) = (gave.credential, gave.strayed, judged.held(), refuses) {
        if judged.refused.is_empty() {
            judged.refused.push(Refusal::new(sent, at, status, Weight::Claim));
        }
        judged.refused.iter_mut().filter(|r| r.weight != Weight::Unsent).for_each(|r| r.weight = Weight::Claim);
    }
    judged.refused.iter_mut().filter(|r| r.weight == Weight::Claim).for_each(|r| r.talk = Some(spoken));
}

/// Whether an answer that refuses has a token in it.
fn hands_over(trail: &Trail, is_denied: bool) -> bool {
    let answer = trail.response().filter(|response| is_denied || response.status >= 400);
    let said: Option<serde_json::Value> = answer.and_then(|response| serde_json::from_slice(&response.body).ok());
    let token = said.as_ref().and_then(|said| said.get("access_token")?.as_str());
    token.is_some_and(|token| !token.is_empty())
}

/// Whether a talk that gave no credential is what the step is about: it was refused by its status, or the step
/// looks at more than the status, as at the message on a login page.
fn is_meant(step: &Step, trail: &Trail) -> bool {
    // How long it took, what was sent and how many won say nothing of the answer.
    let speaks = |placed: &&Placed| {
        !["status", "duration", "sent", "winners"].iter().any(|mute| placed.subject.starts_with(mute))
    };
    trail.response().is_none_or(|r| r.status >= 400)
        || step.expect.checks.len() > 1 && step.expect.checks.iter().any(|placed| speaks(&placed))
}

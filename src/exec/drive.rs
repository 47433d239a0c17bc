//! Does what a flow asks for, move by move, until there is a credential or it is clear that there will be none.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use url::Origin;

use super::cast::Cast;
use super::done::{Done, Ended};
use super::exchange::StepRun;
use super::login::{BUSY, PATIENCE};
use super::rounds::run_all;
use super::uses::Within;
use super::variation::{Talking, Variation};
use super::{Shared, pages, record};
use crate::auth::{Browser, Credential, Ctx, Exchange, Flow, Heard, Move, PageScript, Program, Refused, Waits};
use crate::event::{Reason, StepRecord};
use crate::http::Response;
use crate::source::Span;
use crate::spec::{Handshake, Talk};
use crate::step::{IdentityId, Step};
use crate::template::to_json;
use crate::term::{list, shorten};

/// What a flow came to.
#[derive(Debug)]
pub(super) struct Driven {
    /// What it gave; nothing when `done` did not hold.
    pub(super) credential: Option<Credential>,
    /// Where the credential may go.
    pub(super) origins: Vec<Origin>,
    /// What was sent.
    pub(super) done: Done,
    /// Whether the flow itself said that there will be no credential.
    pub(super) refused: bool,
    /// Whether the browser was sent to where it must not go.
    pub(super) strayed: bool,
}

/// Drives a flow of an identity; whoever enters is the one whom `cast` has for steps that name nobody.
pub(super) async fn drive(run: &StepRun<'_>, id: IdentityId, flow: &mut dyn Flow, cast: &mut Cast) -> Driven {
    let origins = run.world.origins.clone();
    let driven = Driven { credential: None, origins, done: Done::nothing(), refused: false, strayed: false };
    let mut drive = Drive { run, id, driven, at: None };
    let begins_once = run.shared.plan.identities[id.0 as usize].login.scheme.begins_once();
    let is_exact = run.talking.is_some_and(|talking| talking.is_exact);
    let newest = Some(&run.shared.newest).filter(|_| begins_once && !is_exact);
    // Two that begin with one token would be one who sends it twice.
    let _turn = if newest.is_some() { Some(run.shared.redeeming.lock().await) } else { None };
    let mut heard = Heard::Start;
    loop {
        let scope = run.scope_of(&cast.nobody);
        let answers = run.talking.map_or(Handshake::On, |talking| talking.answers);
        let waits = run.talking.is_none_or(|talking| talking.waits);
        let (now, base) = (Timestamp::now(), &*run.world.base);
        let step = flow.next(heard, &Ctx { now, scope: &scope, base, answers, waits, newest });
        drive.at = flow.at();
        match drive.make(step, cast).await {
            Some(next) => heard = next,
            None => return drive.driven,
        }
    }
}

impl Shared {
    /// Whoever holds it is alone in that identity's browser.
    fn browser(&self, id: IdentityId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(self.browsers.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default())
    }
}

struct Drive<'a, 'r> {
    run: &'a StepRun<'r>,
    id: IdentityId,
    driven: Driven,
    /// The key of the scheme that the move is about.
    at: Option<Span>,
}

impl Drive<'_, '_> {
    /// Notes what was used up, and what took the place of the refresh token that was sent, unless a step had another one
    /// sent.
    fn keep(&self, credential: &Credential) {
        self.run.shared.codes.keep(credential);
        self.run.shared.spent.keep(credential);
        let is_other = |variation: &Variation| variation.parameter() == "refresh_token";
        if self.run.talking.is_some_and(|talking| talking.variations.iter().any(is_other)) {
            return;
        }
        let given = credential.parts.iter().find(|(name, _)| &**name == "refresh_token");
        let given = given.and_then(|(_, token)| token.as_str());
        if let (Some(used), Some(given)) = (&credential.redeemed, given) {
            self.run.shared.newest.put(used, given);
        }
    }

    /// Makes one move; nothing is heard of the last one.
    async fn make(&mut self, step: Move, cast: &mut Cast) -> Option<Heard> {
        match step {
            Move::Ready(credential) => {
                let (ledger, done) = (&self.run.shared.ledger, &self.driven.done);
                done.allowed.iter().for_each(|key| ledger.entered(*key));
                self.keep(&credential);
                self.note_ungiven(&credential);
                self.note_given(&credential);
                self.driven.credential = Some(credential);
                None
            }
            Move::Refused(why) => {
                self.refuse(&why);
                None
            }
            Move::Distrusted(why, token) => {
                self.distrust(&why, &token);
                None
            }
            Move::Wait(time, why) => {
                self.run.wait(time, why).await;
                self.driven.done.waited += time;
                Some(Heard::Waited)
            }
            Move::Run(program) => self.program(&program).await,
            Move::Steps(steps) => {
                let steps = &self.run.shared.plan.steps[steps.0 as usize];
                let home = Mutex::new(self.run.world.origins.clone());
                let run = StepRun { within: Within { home: Some(&home), ..self.run.within }, ..*self.run };
                let (done, _) = run_all(&run, steps, cast).await;
                // Where a login sends what it knows is trusted with what it gives.
                self.driven.origins.extend(done.origins.iter().cloned());
                let held = done.held();
                let parts = done.captured.iter().filter_map(|(n, v)| Some((Arc::clone(n), to_json(v).ok()?))).collect();
                self.driven.done.append(done);
                held.then_some(Heard::Steps(parts))
            }
            Move::Pages(script) => {
                let Some(driven) = self.browse(&script, cast).await else {
                    self.refuse(&Refused::unasked());
                    return None;
                };
                let pages::Driven { done, token, landed, origin, strayed } = driven;
                self.driven.strayed |= strayed;
                self.driven.origins.extend(origin);
                let held = done.held();
                let captured = done.captured.iter().filter_map(|(n, v)| Some((Arc::clone(n), to_json(v).ok()?)));
                let heard = landed.map_or_else(
                    || Heard::Steps(captured.chain(token.map(|t| ("csrf_token".into(), t.into()))).collect()),
                    Heard::Landed,
                );
                self.driven.done.append(done);
                held.then_some(heard)
            }
            Move::Send(exchange) => self.send(*exchange, cast).await.map(|answer| Heard::Answer(Box::new(answer))),
            Move::Renew(exchange) => {
                *self.run.shared.common.at(&exchange.request.address.to_string()).await = None;
                self.send(*exchange, cast).await.map(|answer| Heard::Answer(Box::new(answer)))
            }
        }
    }

    /// Notes the scopes that were asked for and not given beside the answer that gave the token; a talk in which
    /// something was changed asked for something else.
    fn note_ungiven(&mut self, credential: &Credential) {
        let is_plain = self.run.talking.is_none_or(|talking| talking.variations.is_empty());
        let is_token = |r: &&mut StepRecord| r.name.as_deref().is_some_and(|n| matches!(n, "token" | "refresh"));
        let record = self.driven.done.records.iter_mut().rev().find(is_token);
        if let (true, false, Some(record)) = (is_plain, credential.ungiven.is_empty(), record) {
            let scopes: Vec<String> = credential.ungiven.iter().map(|scope| format!("`{scope}`")).collect();
            let noun = if scopes.len() == 1 { "scope" } else { "scopes" };
            let note = format!("asked for and not given: the {noun} {}", list(&scopes, "and"));
            record.notes.push(record::text(self.run.shared, &note));
        }
    }

    /// Runs a program, which is a step of the login like any other.
    async fn program(&mut self, program: &Program) -> Option<Heard> {
        let clock = Instant::now();
        let (became, heard) = self.run.program(program).await;
        let ran = record::Ran { words: program.words.clone(), became, elapsed: clock.elapsed() };
        let name = &self.run.shared.plan.identities[self.id.0 as usize].name;
        let at = self.at.unwrap_or_else(|| self.span());
        let record = record::program(self.run.shared, self.run.phase, name, at, ran);
        self.driven.done.append(Done::of(Ended::Held, record));
        match heard {
            Ok(text) => Some(Heard::Printed(text)),
            Err(why) => {
                self.refuse(&why);
                None
            }
        }
    }

    /// Notes what the program of a login gave, by name.
    fn note_given(&mut self, credential: &Credential) {
        let names: Vec<String> = credential.parts.iter().map(|(name, _)| format!("`{name}`")).collect();
        if let Some(record) = self.driven.done.records.last_mut().filter(|record| record.ran.is_some()) {
            record.notes.push(record::text(self.run.shared, &format!("gave {}", list(&names, "and"))));
        }
    }

    /// Goes through pages in the browser of whoever is to do so; nothing, if that one is not there.
    async fn browse(&self, script: &PageScript, cast: &mut Cast) -> Option<pages::Driven> {
        if script.browser == Browser::Approver {
            let approver = self.run.shared.plan.identities[self.id.0 as usize].approver?;
            // A copy of that one's session, as a case gets it: what comes of it stays here.
            let mut other = Cast::alone(cast.identities.remove(&approver)?);
            other.nobody.open_browser();
            let browser = self.run.shared.browser(approver);
            let _alone = browser.lock().await;
            return Some(pages::drive(self.run, (self.id, &self.driven.origins), script, &mut other).await);
        }
        let before = cast.nobody.open_browser();
        let driven = pages::drive(self.run, (self.id, &self.driven.origins), script, cast).await;
        cast.nobody.close_browser(before);
        Some(driven)
    }

    /// Sends one request of the flow; the flow judges its answer.
    async fn send(&mut self, exchange: Exchange, cast: &mut Cast) -> Option<Response> {
        self.driven.origins.push(exchange.request.address.origin());
        if !exchange.common {
            let (answer, done) = self.ask(exchange, cast).await;
            self.driven.done.append(done);
            return answer;
        }
        let mut known = self.run.shared.common.at(&exchange.request.address.to_string()).await;
        if known.is_some() {
            return known.clone();
        }
        let mut waits = Waits::default();
        loop {
            let (answer, done) = self.ask(exchange.clone(), cast).await;
            // What a talk is judged by is never what everybody is told.
            self.driven.done.append_common(done);
            // A server that is asked too often has not answered: one waits for it, for all of them.
            let is_judged = self.run.talking.is_some_and(|talking| !talking.waits);
            let asked = answer.as_ref().filter(|_| !is_judged).and_then(|a| a.asks_to_wait(Timestamp::now()));
            let Some(time) = asked.and_then(|asked| waits.next(asked, PATIENCE)) else {
                *known = answer.clone().filter(|a| a.status == 200);
                return answer;
            };
            self.run.wait(time, BUSY).await;
            self.driven.done.waited += time;
        }
    }

    async fn ask(&self, exchange: Exchange, cast: &mut Cast) -> (Option<Response>, Done) {
        let step = Step::made(self.span(), exchange.label, &exchange.request);
        // What is the same for everybody is sent once, so it waits for nobody.
        let is_own = !exchange.common;
        let talking = self.run.talking.map(|talking| Talking { gate: talking.gate.filter(|_| is_own), ..talking });
        let run = StepRun { talking, ..*self.run };
        let done = run.send_made(&step, exchange, &mut cast.nobody).await;
        let answer = done.last.as_ref().and_then(|trail| trail.response().cloned()).filter(|_| done.held());
        (answer, done)
    }

    /// Keeps the exchange whole that is refused: what the server says of it, and what was signed, is what it is about. Where
    /// it gave something all the same, that is not shown unless it was signed.
    fn show_refused(&mut self) {
        let done = &mut self.driven.done;
        let (Some(record), Some(trail)) = (done.records.last_mut(), &done.last) else { return };
        let is_same =
            trail.request().is_some_and(|request| record.request.starts_with(&format!("{} ", request.method)));
        if is_same && record.hops.is_empty() {
            let (hops, _) = record::exchanged(self.run.shared, trail);
            let is_refused = trail.response().is_some_and(|response| response.status >= 400);
            if is_refused || hops.iter().any(|hop| !hop.signed.is_empty()) {
                record.hops = hops;
            }
        }
    }

    fn span(&self) -> Span {
        self.run.shared.plan.identities[self.id.0 as usize].span
    }

    /// Refuses what a token says that came with the last answer of one's own, which is what it is about, whatever was
    /// asked for since to find that out: it is kept whole, with what the token says.
    fn distrust(&mut self, why: &Refused, token: &str) {
        self.refuse(why);
        let done = &mut self.driven.done;
        let Some(at) = done.place_of_last() else { return };
        if let Some(reason) = done.reasons.first_mut() {
            reason.step = Some(at);
        }
        if let (Some(trail), true) = (&done.last, done.records[at].hops.is_empty()) {
            (done.records[at].hops, _) = record::exchanged(self.run.shared, trail);
        }
        if let Some(hop) = done.records[at].hops.last_mut() {
            hop.says = record::says(self.run.shared, "ID token", token);
        }
    }

    fn refuse(&mut self, why: &Refused) {
        let is_logout = self.run.talking.is_some_and(|talking| talking.talk == Talk::Logout);
        let code = if is_logout { "logout-failed" } else { "login-failed" };
        let mut reason = self.run.reason(code, &why.message, self.at.unwrap_or_else(|| self.span()), why.help.clone());
        // What the server said is in them whole until it is masked.
        reason.help.iter_mut().chain([&mut reason.message]).for_each(|text| *text = shorten(text, record::LONGEST));
        self.show_refused();
        let done = &mut self.driven.done;
        done.ended = Ended::Failed;
        done.reasons.insert(0, Reason { step: done.records.len().checked_sub(1), ..reason });
        self.driven.refused = true;
    }
}

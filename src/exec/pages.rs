//! Drives the pages of a login: fetches, fills and sends them, and does what they do by themselves. What to do is
//! decided by [`Guide`], which sends nothing; here every exchange is made, named and recorded.

use std::sync::Arc;

use jiff::Timestamp;
use url::Origin;

use super::actor::{Actor, Who};
use super::cast::Cast;
use super::done::{Done, Ended};
use super::exchange::StepRun;
use super::uses::Within;
use super::{Shared, astray, learn, record};
use crate::auth::{CsrfSource, Exchange, How, Opening, PageScript, Scheme, texts};
use crate::event::Reason;
use crate::http::jar::{Cookie, CookieName, CookieValue, Jar};
use crate::http::{Address, End, Ends, Follow, Stray, is_safe, percent_decoded};
use crate::page::{ACCEPT, Agree, Fault, Filling, Guide, Known, Page, Pick, Submission, Turn, leads_in};
use crate::step::{IdentityId, Prepared, Step};
use crate::template::Scope;
use crate::term::shorten;

mod known;

use known::{carry_token, known, likely, retyped};

/// What the exchanges with pages are called in records; `vary` calls them `page`, `form`, `consent` and `confirm`.
const LOGIN_PAGE: &str = "the login page";
const LOGIN_FORM: &str = "the login form";
const CONSENT_FORM: &str = "the consent form";
const LOGOUT_FORM: &str = "the logout form";

/// What going through the pages left behind.
pub(super) struct Driven {
    pub(super) done: Done,
    /// The CSRF token in the head of the last page that had one.
    pub(super) token: Option<String>,
    /// The address that the pages were to end at, as they led to it.
    pub(super) landed: Option<Address>,
    /// Where the first page is, if that is written out.
    pub(super) origin: Option<Origin>,
    /// Whether they led to where they must not.
    pub(super) strayed: bool,
}

/// Goes through the pages of a login as somebody on their way in.
pub(super) async fn drive(
    run: &StepRun<'_>,
    (id, home): (IdentityId, &[Origin]),
    script: &PageScript,
    cast: &mut Cast,
) -> Driven {
    let plan = &run.shared.plan;
    let identity = &plan.identities[id.0 as usize];
    let mut all = Driven { done: Done::nothing(), token: None, landed: None, origin: None, strayed: false };
    let made;
    let (open, request) = match &script.open {
        Opening::Step(steps) => match plan.steps[steps.0 as usize].first() {
            Some(step) => (step, None),
            None => return all,
        },
        Opening::Request(exchange) => {
            made = Step::page(identity.span, exchange.label, &exchange.request);
            (&made, Some(&**exchange))
        }
    };
    all.origin = open.fixed_address(&run.world.scope).map(|a| a.origin());
    let agreement = if script.agree == Agree::ToLeave { LOGOUT_FORM } else { CONSENT_FORM };
    let ends = astray::ends(run, script, home);
    let code = request.and_then(|request| retyped(run, request, script.user_code.as_deref()?));
    let mut drive = Drive { run, open, ends, all: &mut all, agreement, filled: None, code };
    drive.open(request, &mut cast.nobody).await;
    if let Some(pages) = script.pages {
        drive.told(&plan.steps[pages.0 as usize], cast).await;
    } else {
        drive.found(script, &mut cast.nobody).await;
    }
    // Whether it worked is told by `whoami`, by what the pages were to lead to, or to a device by the token endpoint (RFC
    // 8628, section 3.5), which needs no cookie; else by the cookies.
    if identity.login.whoami.is_none() && script.until.is_none() && script.user_code.is_none() {
        drive.must_have_changed(&cast.nobody.jar);
    }
    if drive.all.done.held() {
        if let Some(token) = &drive.all.token {
            run.shared.secrets.add(&format!("{}.csrf_token", identity.name), token);
        } else if needs_token(&*identity.login.scheme) {
            let help = "`csrf: { meta: true }` takes it from the head of the page that the login ends at";
            let message = "no page of the login has a CSRF token in a meta element".to_owned();
            drive.stuck(Fault { message, help: vec![help.to_owned()] });
        }
    }
    if let Some(until) = script.until.as_ref().filter(|_| drive.all.landed.is_none() && drive.all.done.held()) {
        let message = format!("the pages did not lead to {until}");
        let help = "is that the redirect URI that the server knows for this client? the last page is shown".to_owned();
        drive.stuck(Fault { message, help: vec![help] });
    }
    drive.quote();
    all
}

/// Whether a session is of no use without a CSRF token of a page.
pub(super) fn needs_token(scheme: &dyn Scheme) -> bool {
    scheme.csrf().is_some_and(|csrf| matches!(csrf.source, CsrfSource::Part(_)))
}

struct Drive<'a, 'r> {
    run: &'a StepRun<'r>,
    /// Asks for the first page; what follows is sent in its name.
    open: &'a Step,
    /// Where the pages are to end, and where they must not lead.
    ends: Ends,
    all: &'a mut Driven,
    /// What a form is called that is agreed to.
    agreement: &'static str,
    /// The form that was filled in last.
    filled: Option<Filled>,
    /// What the code of a device was changed to on the way to its page; `Null` where it was left out.
    code: Option<serde_json::Value>,
}

/// How things were before a form was filled in, and what has come of it.
struct Filled {
    cookies: Vec<Held>,
    /// Whether the answer led to another page.
    led_on: bool,
}

/// A cookie by what tells it from others, and its value.
type Held = (CookieName, String, String, CookieValue);

fn held(jar: &Jar) -> Vec<Held> {
    let held = |c: &Cookie| (c.name.clone(), c.domain.clone(), c.path.clone(), c.value.clone());
    jar.iter(Timestamp::now()).map(held).collect()
}

impl Drive<'_, '_> {
    async fn open(&mut self, request: Option<&Exchange>, actor: &mut Actor) {
        let scope = self.run.scope_of(actor);
        let prepared = match request {
            None => self.open.prepare(&scope, &self.run.world.base, None),
            Some(exchange) => self.open.dress(exchange.request.clone(), &scope).map_err(Into::into),
        };
        match prepared {
            Ok(prepared) => {
                if request.is_none() {
                    self.ends.own.push(prepared.request.address.origin());
                }
                self.ask(prepared, request.map_or(LOGIN_PAGE, |e| e.label), actor).await;
            }
            Err(error) => self.all.done.append(self.run.unsent(self.open, actor, error)),
        }
    }

    async fn ask(&mut self, mut prepared: Prepared, label: &str, actor: &mut Actor) {
        prepared.request.headers.set("accept", ACCEPT);
        let called = match label {
            LOGIN_PAGE => "page",
            LOGIN_FORM => "form",
            CONSENT_FORM => "consent",
            LOGOUT_FORM => "confirm",
            other => other,
        };
        let carried = self.run.carried(actor, &prepared);
        prepared = self.run.varied(Some(called), prepared, How::PLAIN, &carried);
        prepared.follow = Follow::Yes.within(&self.ends);
        let done = self.run.browse(self.open, actor, prepared, label).await;
        if let Some(filled) = &mut self.filled {
            filled.led_on |= done.last.as_ref().is_some_and(|trail| trail.hops.len() > 1);
        }
        self.all.done.append(done);
        self.keep_token();
        self.look_for_end();
    }

    /// The cookie of somebody who only looked at the login page is nobody's credential: a form that brought no other
    /// one and led nowhere has let nobody in.
    fn must_have_changed(&mut self, jar: &Jar) {
        let now = held(jar);
        let unchanged = self.filled.as_ref().is_some_and(|f| !f.led_on && now.iter().all(|c| f.cookies.contains(c)));
        if !unchanged || now.is_empty() || !self.all.done.held() {
            return;
        }
        let status = self.all.done.last.as_ref().and_then(|t| t.response()).map_or(0, |r| r.status);
        let message = format!("the login was answered {status}, but no cookie changed");
        let help = "if the server lets people in without a new cookie, say by `whoami:` how it knows them";
        self.stuck(Fault { message, help: vec![help.to_owned()] });
    }

    /// Keeps the address where the pages were to end, once a redirect leads there.
    fn look_for_end(&mut self) {
        let Some(trail) = self.all.done.last.clone() else { return };
        self.ends.home.extend(trail.hops.iter().map(|hop| hop.request.address.origin()));
        if let Some(stray) = &trail.stray {
            return self.astray(stray);
        }
        if trail.until.as_ref().is_none_or(|until| !until.reached) {
            return;
        }
        let Some(hop) = trail.hops.last() else { return };
        let location = hop.response.as_ref().ok().and_then(|r| r.headers.text("location"));
        self.all.landed = location.and_then(|l| hop.request.address.join(&l).ok());
    }

    fn keep_token(&mut self) {
        let token = self.page().and_then(|page| page.signs.token).map(|token| token.value);
        self.all.token = token.or(self.all.token.take());
    }

    /// The page that was received last; nothing when the last answer was none.
    fn page(&self) -> Option<Page> {
        let hop = self.all.done.last.as_ref()?.hops.last()?;
        Page::read(hop.response.as_ref().ok()?, &hop.request.address)
    }

    /// Finds the way by itself.
    async fn found(&mut self, script: &PageScript, actor: &mut Actor) {
        let scope = self.run.scope_of(actor);
        let mut known = match known(script, &scope) {
            Ok(known) => known,
            Err(error) => return self.all.done.append(self.run.unsent(self.open, actor, error.into())),
        };
        let is_logout = known.agree == Agree::ToLeave;
        // What a case changed is what is typed from then on: the right code would undo it.
        let typed = self.code.as_ref().map(|code| texts(code).into_iter().next());
        let is_left_out = typed.as_ref().is_some_and(Option::is_none);
        known.user_code = typed.flatten().or(known.user_code);
        let mut guide = Guide::new(known);
        if is_left_out {
            guide = guide.without_code();
        }
        while self.goes_on() {
            let Some(page) = self.page() else {
                if is_logout {
                    return;
                }
                if !guide.has_filled() {
                    let message = "the login page is no HTML page".to_owned();
                    self.stuck(Fault { message, help: vec!["is `page:` the right one?".to_owned()] });
                } else if let Some(fault) = guide.missed(None) {
                    self.stuck(fault);
                }
                return;
            };
            let turn = guide.next(&page);
            if !self.act(&page, turn, actor).await {
                return;
            }
        }
    }

    /// Goes the way that the user wrote down.
    async fn told(&mut self, steps: &[Step], cast: &mut Cast) {
        let mut guide = Guide::new(Known::default());
        self.settle(&mut guide, &mut cast.nobody).await;
        let mut scope = Scope::above(self.run.scope);
        for step in steps {
            if !self.goes_on() {
                return;
            }
            self.filled = Some(Filled { cookies: held(&cast.nobody.jar), led_on: false });
            let (layered, ends) = (Arc::new(scope.clone()), self.ends.clone());
            let within = Within { landing: Some(&ends), ..self.run.within };
            let done = StepRun { scope: &layered, within, ..*self.run }.run(step, cast).await;
            if let Some(filled) = &mut self.filled {
                filled.led_on |= done.last.as_ref().is_some_and(|trail| trail.hops.len() > 1);
            }
            for (name, value) in &done.captured {
                scope.set(Arc::clone(name), value.clone());
            }
            self.all.done.append(done);
            self.keep_token();
            self.look_for_end();
            self.settle(&mut guide, &mut cast.nobody).await;
        }
        if let Some(fault) = self.page().filter(|_| self.goes_on()).and_then(|p| Guide::shown_again(&p)) {
            self.stuck(fault);
        }
    }

    /// Lets pages lead on by themselves.
    async fn settle(&mut self, guide: &mut Guide, actor: &mut Actor) {
        while self.goes_on() {
            let Some(page) = self.page() else { return };
            let Some(turn) = guide.settle(&page) else { return };
            if !self.act(&page, turn, actor).await {
                return;
            }
        }
    }

    fn goes_on(&self) -> bool {
        self.all.done.held() && self.all.landed.is_none()
    }

    /// Does one turn; tells whether the pages go on.
    async fn act(&mut self, page: &Page, turn: Turn, actor: &mut Actor) -> bool {
        let sent = |at: usize, filling: &Filling| {
            let mut submission = page.submit(&page.forms[at], filling)?;
            carry_token(&mut submission.request, page, &page.forms[at], &actor.jar);
            Ok(submission)
        };
        if let (Turn::Visit(_) | Turn::Send(_), Some(filled)) = (&turn, &mut self.filled) {
            filled.led_on = true;
        }
        if let Turn::Fill(..) = turn {
            self.filled = Some(Filled { cookies: held(&actor.jar), led_on: false });
        }
        let is_filled = matches!(turn, Turn::Fill(..));
        let by_itself = Filling { fields: Vec::new(), button: Pick::None };
        let (submission, label) = match turn {
            Turn::Arrived => return false,
            Turn::Stuck(fault) => (Err(fault), ""),
            Turn::Visit(address) => {
                (Ok(Submission { request: page.visit(address), notes: Vec::new() }), "the page leads on")
            }
            Turn::Send(at) => (sent(at, &by_itself), "the page sends its form by itself"),
            Turn::Fill(at, filling) => (sent(at, &filling), LOGIN_FORM),
            Turn::Agree(at, filling) => (sent(at, &filling), self.agreement),
        };
        let Submission { request, notes } = match submission {
            Ok(submission) => submission,
            Err(fault) => {
                self.stuck(fault);
                return false;
            }
        };
        if is_filled && !self.ends.own.contains(&request.address.origin()) {
            self.fail("other-origin", astray::foreign(&request.address));
            return false;
        }
        // A form that is sent there by itself carries its answer in the body (`form_post`).
        let body = String::from_utf8_lossy(&request.body);
        match self.ends.of(&request.address, &body, &[page.address().origin()]) {
            End::On => {}
            End::Reached => {
                learn::fields(self.run.shared, &self.run.owner(actor), &request.body);
                let mut landed = request.address.clone();
                for (name, value) in url::form_urlencoded::parse(&request.body) {
                    landed.add_query(&name, &value);
                }
                self.all.landed = Some(landed);
                return false;
            }
            End::Strayed(stray) => {
                learn::fields(self.run.shared, &self.run.owner(actor), &request.body);
                self.astray(&stray);
                return false;
            }
        }
        let scope = self.run.scope_of(actor);
        match self.open.dress(request, &scope) {
            Ok(prepared) => self.ask(Prepared { notes, ..prepared }, label, actor).await,
            Err(error) => self.all.done.append(self.run.unsent(self.open, actor, error.into())),
        }
        self.goes_on()
    }

    fn stuck(&mut self, fault: Fault) {
        self.fail("form", fault);
    }

    /// The browser was sent to where it must not go: nothing is asked there.
    fn astray(&mut self, stray: &Stray) {
        self.all.strayed = true;
        self.fail("astray", astray::fault(stray, self.agreement == LOGOUT_FORM));
    }

    fn fail(&mut self, code: &'static str, fault: Fault) {
        let done = &mut self.all.done;
        let mut reason = record::reason(self.run.shared, code, &fault.message, self.open.span, fault.help);
        reason.message = shorten(&reason.message, record::LONGEST);
        done.ended = Ended::Failed;
        done.reasons.insert(0, Reason { step: done.records.len().checked_sub(1), ..reason });
    }

    /// A refusal by its status says why on its page.
    fn quote(&mut self) {
        let said = self.page().and_then(|page| page.signs.error);
        let done = &mut self.all.done;
        if done.ended == Ended::Held {
            return;
        }
        if let (Some(said), Some(reason)) = (said, done.reasons.first_mut())
            && !matches!(reason.code, "form" | "astray")
        {
            let said = record::quoted(self.run.shared, &said, 200);
            reason.message.push_str(&format!("; the page says \"{said}\""));
        }
        let last =
            done.records.last().and_then(|record| Some(((record.name.as_deref()?, &*record.request), record.status?)));
        let body = done.last.as_ref().and_then(|trail| trail.response()).map(|response| response.text());
        // Whom a form led on it has taken: the page behind it refuses for something else.
        let is_behind = |hop: &crate::http::Exchange| !leads_in(hop.request.address.path());
        let led_on = done.last.as_ref().is_some_and(|t| t.hops.len() > 1 && t.hops.last().is_some_and(is_behind));
        let cause = last
            .filter(|_| !led_on)
            .and_then(|(asked, status)| likely(asked, status, body.as_deref().unwrap_or_default()));
        if let (Some(cause), Some(reason)) = (cause, done.reasons.first_mut().filter(|reason| reason.help.is_empty())) {
            reason.help.push(cause.to_owned());
        }
    }
}

/// The CSRF token that an unsafe request of a session carries, where its scheme says so.
pub(super) fn token(shared: &Shared, actor: &Actor, prepared: &Prepared) -> Option<(String, String)> {
    let Who::Identity(id, session, _) = &actor.who else { return None };
    let csrf = shared.plan.identities[id.0 as usize].login.scheme.csrf()?;
    let request = &prepared.request;
    let own =
        request.headers.has(&csrf.header) || prepared.removed.iter().any(|r| r.eq_ignore_ascii_case(&csrf.header));
    if own || is_safe(&request.method) {
        return None;
    }
    let value = match &csrf.source {
        CsrfSource::Cookie(name) => {
            percent_decoded(actor.jar.find(name, Timestamp::now()).next()?.value.text().as_bytes())
        }
        CsrfSource::Part(part) => {
            let found = session.credential.parts.iter().find(|(name, _)| &**name == *part);
            found.and_then(|(_, v)| v.as_str())?.to_owned()
        }
    };
    Some((csrf.header.to_string(), value))
}

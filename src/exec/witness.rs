//! Notes in the ledger what each answer of a step says about access.

use jiff::Timestamp;

use super::access::{Said, is_asked, may_hold_credential, sender_of};
use super::actor::{Actor, Who};
use super::done::Done;
use super::exchange::StepRun;
use super::kit::Holder;
use super::leak::{all_handed, all_within};
use super::ledger::{Asked, Refusal, RequestKey, Sender, Weight};
use super::matrix::{Part, stance};
use crate::check::Side;
use crate::event::Carried;
use crate::http::jar::{Cookie, Jar};
use crate::http::{HttpError, Request, TlsEnd, Trail};
use crate::mutate::{Place, is_csrf};
use crate::spec::Handshake;
use crate::step::{Prepared, Step};

/// A request that was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) key: RequestKey,
    pub(super) sender: Sender,
    /// Position in the run when it was sent.
    pub(super) since: u64,
    /// The same when it was answered.
    pub(super) at: u64,
}

impl StepRun<'_> {
    /// What is asked for by a request of a step.
    pub(super) fn key_of(&self, step: &Step, actor: &Actor, request: &Request, asked: Asked) -> RequestKey {
        let words = self.words();
        let fields = || self.shared.plan.identities.iter().flat_map(|identity| identity.login.scheme.fields());
        let matters = |name: &str| is_asked(name) && !fields().any(|own| own.eq_ignore_ascii_case(name));
        let outline = step.outline(&words.above(self.scope_of(actor)), &|name| words.is_other(name), &matters);
        RequestKey::of(&request.method, &request.address.to_string(), asked).with(&outline)
    }

    /// Notes what the answer says about access.
    pub(super) fn remember(&self, step: &Step, actor: &mut Actor, trail: &Trail, done: &mut Done, seen: Seen) {
        let Seen { key, sender, since, at } = seen;
        let carried = carried(sender);
        done.records.iter_mut().filter_map(|r| r.sent.as_mut()).for_each(|sent| sent.credential = carried);
        let held = done.held();
        let said = self.said(step, actor, trail, held);
        let alike = self.alike(step, actor);
        let as_row = alike.and_then(|row| self.handed_alike(actor, row, trail));
        self.keep_cell(step, actor, trail, done, said);
        if said == Said::Refused {
            self.shared.ledger.refused(key);
        }
        if held || said != Said::Allowed {
            self.tell_apart(key, (sender, alike), actor, trail, said);
        }
        match said {
            Said::Refused | Said::SentAway if sender == Sender::Anonymous => self.shared.ledger.guarded(key),
            // A check that did not hold may be what tells that nothing was really granted.
            Said::Allowed if held => {
                if trail.response().is_some_and(|r| r.status / 100 == 2) {
                    self.shared.ledger.handed_out(&all_handed(key, as_row, trail));
                }
                match actor.who {
                    Who::Entering(..) => self.shared.ledger.entered(key),
                    _ => self.shared.ledger.allowed(key, sender, since),
                }
                alike.into_iter().for_each(|row| self.shared.ledger.allowed_alike(row));
                self.note_worked(trail, key);
                self.note_allowed(Seen { key, sender, since, at }, alike);
                done.allowed.push(key);
                if let Sender::Identity { id, .. } = sender {
                    done.allowed_to = Some(id);
                    actor.allowed.push(key);
                }
            }
            Said::Refused | Said::SentAway | Said::Allowed | Said::Hidden | Said::Nothing => {}
        }
        if held && matches!(trail.error, Some(HttpError::Tls { by: TlsEnd::Server, .. })) {
            // At the door nobody is known yet: as with what is written by hand, that somebody may is all that is to be seen.
            let sender = if sender == Sender::Anonymous { sender } else { Sender::Somebody };
            done.refused.push(Refusal::new((key, sender), at, 0, Weight::Claim));
        }
        done.let_in |= !held && said == Said::Allowed && self.wants_refusal(step, actor);
        if let Some(weight) = self.weight(step, said).filter(|_| held) {
            // That nothing is there is seen without a credential as well, where that is all that is said.
            let is_theirs = weight != Weight::Hint || self.wants_refusal(step, actor);
            let is_unsent = is_theirs && !self.left(step, actor, trail, sender);
            let weight = if is_unsent { Weight::Unsent } else { weight };
            let status = trail.response().map_or(0, |r| r.status);
            let reply = self.reply(actor, trail);
            let handed = all_within(key, as_row, trail);
            let (waited, earlier) = self.waited(actor, sender, trail);
            let tokenless = self.is_tokenless(step, actor, trail, (key, sender, weight));
            let plain = Refusal::new((key, sender), at, status, weight);
            let refusal = Refusal { alike, earlier, waited, handed, reply, tokenless, ..plain };
            done.refused.push(refusal);
            if weight == Weight::Claim {
                self.note_refused(step, actor, Seen { key, sender, since, at }, alike);
            }
        }
    }

    /// How much a refusal says; nothing where none was met.
    fn weight(&self, step: &Step, said: Said) -> Option<Weight> {
        let cell = self.cell();
        if cell.as_ref().is_some_and(|(.., part)| *part == Part::Missing) {
            // What is not there is nobody's to be let in to.
            return None;
        }
        let closed = cell.and_then(|(case, ..)| self.shared.plan.row_of(case)).is_some_and(|row| row.closed);
        Some(match said {
            // That nobody may is said; that it is the person who is refused has to be seen all the same.
            Said::Refused if closed => Weight::Remark,
            Said::Refused => Weight::Claim,
            Said::SentAway if step.expect.status.is_some() => Weight::Claim,
            Said::SentAway => Weight::Remark,
            Said::Hidden => Weight::Hint,
            Said::Allowed | Said::Nothing => return None,
        })
    }

    /// Tells whether the credential of an identity left with any request of a step: a cookie may be for another path, and
    /// a question of the server one that the scheme has no answer to.
    fn left(&self, step: &Step, actor: &Actor, trail: &Trail, sender: Sender) -> bool {
        let (Who::Identity(id, session, _), Sender::Identity { .. }) = (&actor.who, sender) else { return true };
        // What a redirect led to at another origin was asked without it.
        let last = trail.hops.last().filter(|hop| hop.response.as_ref().is_ok_and(|r| matches!(r.status, 401 | 403)));
        if last.is_some_and(|hop| !self.is_home(session, &hop.request)) {
            return false;
        }
        // Of a certificate the connection tells; without the handshake the question alone is what is judged.
        if session.transport.is_some() || step.handshake == Handshake::Off || step.alone.is_some() {
            return true;
        }
        let fields = self.shared.plan.identities[id.0 as usize].login.scheme.fields();
        // Nor was it lost on the way where the step itself changed what it travels in.
        if step
            .varies(|name| name.eq_ignore_ascii_case("cookie") || fields.iter().any(|f| f.eq_ignore_ascii_case(name)))
        {
            return true;
        }
        let now = Timestamp::now();
        let own = session_cookies(&session.jar, now);
        let (alive, gone): (Vec<&String>, Vec<&String>) =
            own.iter().partition(|name| actor.jar.find(name, now).next().is_some());
        // What the server took away itself cannot be sent any more: that is what is refused then.
        if fields.is_empty() && alive.is_empty() && (actor.jar.is_empty(now) || !gone.is_empty()) {
            return true;
        }
        let holder = Holder::new(self.shared, Some((*id, session)));
        let counts = |name: &str| own.is_empty() || alive.iter().any(|own| *own == name);
        trail.hops.iter().any(|hop| {
            let spot = holder.presented(&hop.request).spot;
            let elsewhere = spot.is_some_and(|spot| !matches!(spot.place, Place::Cookie(_)));
            elsewhere || cookie_names(&hop.request).iter().any(|name| counts(name))
        })
    }

    /// Tells whether nothing but a refusal is wanted: by the step, by whoever uses the flow that ends with it, or by the
    /// cell that it is about.
    fn wants_refusal(&self, step: &Step, actor: &Actor) -> bool {
        let wants = |step: &Step| step.expect.status.as_ref().is_some_and(|status| status.refuses(stance(actor)));
        let of_cell = matches!(self.cell(), Some((_, cell, Part::Target)) if cell.side == Side::Refused);
        of_cell || wants(step) || self.within.asking().any(|used| wants(used.step))
    }

    /// Tells whose credential a request carries.
    pub(super) fn sender(&self, prepared: &Prepared, actor: &Actor) -> Sender {
        let now = Timestamp::now();
        match &actor.who {
            Who::Identity(id, session, ownership) => {
                let fields = self.shared.plan.identities[id.0 as usize].login.scheme.fields();
                let own = Sender::Identity { id: *id, session: session.number, ownership: *ownership };
                sender_of(own, &fields, prepared, |name| actor.jar.find(name, now).next().is_some())
            }
            Who::Entering(..) => Sender::Somebody,
            Who::Nobody | Who::Anonymous => {
                // A body is no credential: a form that anybody may send is public.
                let cookies = !prepared.cookies.is_empty() || !actor.jar.is_empty(now);
                let by_hand = may_hold_credential(&prepared.request.headers);
                if by_hand || cookies { Sender::Somebody } else { Sender::Anonymous }
            }
        }
    }
}

/// The names of the cookies that a session may go by: those that no script reads, or long ones, and not what pages are
/// known by; where none is so, all of them. A language is no credential, though the login set it.
fn session_cookies(jar: &Jar, now: Timestamp) -> Vec<String> {
    const LONG: usize = 16;
    let name = |cookie: &Cookie| String::from_utf8_lossy(cookie.name.as_bytes()).into_owned();
    let all: Vec<&Cookie> = jar.iter(now).filter(|cookie| !is_csrf(&name(cookie))).collect();
    let likely = |cookie: &&Cookie| cookie.http_only || cookie.value.as_bytes().len() >= LONG;
    let some: Vec<String> = all.iter().copied().filter(likely).map(name).collect();
    if some.is_empty() { all.into_iter().map(name).collect() } else { some }
}

/// The names of the cookies in a request.
fn cookie_names(request: &Request) -> Vec<String> {
    let fields = request.headers.all("cookie").map(|field| String::from_utf8_lossy(field).into_owned());
    let names = |field: String| -> Vec<String> {
        field.split(';').map(|pair| pair.split('=').next().unwrap_or_default().trim().to_owned()).collect()
    };
    fields.flat_map(names).filter(|name| !name.is_empty()).collect()
}

/// Whose credential a sender's request carries, for records.
const fn carried(sender: Sender) -> Carried {
    match sender {
        Sender::Anonymous => Carried::None,
        Sender::Identity { .. } => Carried::Own,
        Sender::Somebody => Carried::Other,
    }
}

//! Asks once more for what was refused before anybody was allowed it: a cache that somebody filled who may answers
//! whoever asks then, and what was refused before says nothing of it (docs/language.md, "What a refusal proves").
//!
//! Of one address one of each kind of sender is asked again, as soon as somebody was allowed: nobody, somebody with a
//! credential written by hand, and one of all identities. Only what reads is asked again, and nothing that a case goes on
//! to change.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::actor::{Actor, Ownership, Who};
use super::done::Done;
use super::exchange::StepRun;
use super::keep::{self, Place};
use super::ledger::{Refusal, Sender};
use super::stop::Stop;
use super::uses::{Trace, Within, retrace};
use super::witness::Seen;
use super::{Shared, record};
use crate::event::{Outcome, Phase, Reason, Verdict};
use crate::plan::Case;
use crate::source::Span;
use crate::spec::{Handshake, Session};
use crate::step::{Ask, Step};

/// The code of its reason.
pub(super) const CODE: &str = "let-in-later";

/// What was asked for: a method and target, or what all cells of a row ask for.
type Address = u64;

/// A request that was refused, as it can be sent again.
#[derive(Debug)]
struct Refused {
    case: usize,
    sender: Sender,
    trace: Trace,
    actor: Actor,
    /// When it was answered.
    at: u64,
}

/// What came of it when it was sent again and let in.
#[derive(Debug)]
struct LetIn {
    done: Done,
    at: u64,
}

/// What was refused, and what was allowed since.
#[derive(Debug, Default)]
pub(super) struct Later(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// When the first answer had come that let somebody in.
    allowed: HashMap<Address, u64>,
    waiting: HashMap<Address, Vec<Refused>>,
    /// Those that were refused since, each of one kind.
    seen: HashSet<(Address, u8)>,
    /// How many requests of a case wait or are being sent.
    open: HashMap<usize, usize>,
    let_in: HashMap<usize, LetIn>,
}

/// Tells kinds of senders apart.
const fn kind(sender: Sender) -> u8 {
    match sender {
        Sender::Anonymous => 0,
        Sender::Somebody => 1,
        Sender::Identity { .. } => 2,
    }
}

impl Inner {
    fn close(&mut self, case: usize) {
        if let Some(left) = self.open.get_mut(&case) {
            *left -= 1;
            if *left == 0 {
                self.open.remove(&case);
            }
        }
    }

    /// Takes out what somebody was allowed meanwhile.
    fn due(&mut self) -> Vec<(Address, Refused)> {
        let ready: Vec<Address> = self.waiting.keys().filter(|at| self.allowed.contains_key(at)).copied().collect();
        let taken = ready.into_iter().flat_map(|at| {
            let all = self.waiting.remove(&at).unwrap_or_default();
            all.into_iter().map(move |refused| (at, refused)).collect::<Vec<_>>()
        });
        taken.collect()
    }
}

impl Later {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that somebody was allowed something by now.
    pub(super) fn allowed(&self, address: Address, at: u64) {
        self.lock().allowed.entry(address).or_insert(at);
    }

    /// Tells whether a case has yet to be asked again.
    pub(super) fn is_open(&self, case: usize) -> bool {
        self.lock().open.contains_key(&case)
    }

    /// Keeps what was refused, of each kind the one whose case stands first.
    fn refused(&self, address: Address, since: u64, refused: Refused) {
        let mut inner = self.lock();
        let own = (address, kind(refused.sender));
        if inner.seen.contains(&own) {
            return;
        }
        let is_after = inner.allowed.get(&address).is_some_and(|at| *at <= since);
        let waiting = inner.waiting.entry(address).or_default();
        let same = waiting.iter().position(|other| kind(other.sender) == own.1);
        if !is_after && same.is_some_and(|at| waiting[at].case <= refused.case) {
            return;
        }
        let before = same.map(|at| waiting.swap_remove(at));
        let case = refused.case;
        if is_after {
            inner.seen.insert(own);
        } else {
            waiting.push(refused);
            *inner.open.entry(case).or_default() += 1;
        }
        if let Some(before) = before {
            inner.close(before.case);
        }
    }
}

impl StepRun<'_> {
    /// Notes that somebody was allowed what a step asks for.
    pub(super) fn note_allowed(&self, seen: Seen, alike: Option<u64>) {
        if seen.sender == Sender::Anonymous {
            return;
        }
        let at = self.shared.ledger.tick();
        alike.into_iter().chain([seen.key.request()]).for_each(|address| self.shared.later.allowed(address, at));
    }

    /// Keeps what a step was refused, where it can be asked for again.
    pub(super) fn note_refused(&self, step: &Step, actor: &Actor, seen: Seen, alike: Option<u64>) {
        let Some(index) = self.case else { return };
        let case = &self.shared.plan.cases[index];
        if !self.can_ask_again(case, step) {
            return;
        }
        let mut actor = actor.clone();
        if let Who::Identity(_, _, ownership @ Ownership::Shared) = &mut actor.who {
            *ownership = Ownership::Still;
        }
        let refused =
            Refused { case: index, sender: seen.sender, trace: self.within.trace(self.scope), actor, at: seen.at };
        self.shared.later.refused(alike.unwrap_or_else(|| seen.key.request()), seen.since, refused);
    }

    /// What a case goes on to change it may be allowed itself afterwards, as may one that comes later in a fixed order.
    fn can_ask_again(&self, case: &Case, step: &Step) -> bool {
        let reads = matches!(&step.ask, Ask::Request(line) if matches!(&*line.method, "GET" | "HEAD"));
        let plain = case.with.is_none() && self.within.used.is_empty() && case.shape.session != Session::Exclusive;
        let is_row = case.cell.is_some() && self.cell().is_some();
        let in_order = self.shared.plan.suites[case.suite].serial && !is_row;
        let onward = case.shape.steps.get(self.within.number..).unwrap_or_default();
        // The question of a server is asked until the session has learned the answer: a nonce, say.
        let is_question = step.handshake == Handshake::Off;
        reads && !is_question && step.is_repeatable() && plain && !in_order && onward.iter().all(Step::is_safe)
    }
}

/// Asks again for what somebody was allowed meanwhile. Whoever calls it holds no identity.
pub(super) async fn ask(shared: &Arc<Shared>, place: Place) {
    let mut due = shared.later.lock().due();
    due.sort_by_key(|(_, refused)| refused.case);
    for (address, refused) in due {
        let case = refused.case;
        let own = (address, kind(refused.sender));
        let is_open = !shared.later.lock().seen.contains(&own) && shared.stop.state() == Stop::No;
        let let_in = match refused.sender {
            _ if !is_open => None,
            // Whoever is allowed the same elsewhere has a right that comes and goes.
            Sender::Identity { id, .. } if shared.ledger.was_allowed(id, address) => None,
            Sender::Anonymous | Sender::Somebody | Sender::Identity { .. } => {
                let ids = keep::identities(&shared.plan.cases[case]);
                let _held = keep::beside(shared, &ids, place).await;
                tokio::select! {
                    let_in = Box::pin(send(shared, refused)) => let_in,
                    _ = shared.stop.cut_off() => None,
                }
            }
        };
        let mut inner = shared.later.lock();
        inner.seen.insert(own);
        inner.close(case);
        if let Some(let_in) = let_in {
            inner.let_in.insert(case, let_in);
        }
    }
}

/// Sends it as it was sent, and gives what came when that is a way in.
async fn send(shared: &Arc<Shared>, refused: Refused) -> Option<LetIn> {
    let Refused { case: index, trace, mut actor, at, .. } = refused;
    let case = &shared.plan.cases[index];
    let world = shared.worlds[shared.plan.suites[case.suite].world].as_ref()?;
    let (step, used, is_last) = retrace(&case.shape.steps, &trace)?;
    let (number, scope) = trace.last()?;
    let within = Within { used: &used, number: *number, is_last, ..Within::default() };
    let run = StepRun::plain(shared, world, (Phase::Case, &case.id), scope);
    let run = StepRun { within, case: Some(index), stand_in: case.caller, ..run };
    let done = run.exchange(step, &mut actor).await;
    shared.limits.count(done.requests);
    done.let_in.then_some(LetIn { done, at })
}

/// Makes a case failed whose refused request was let in later.
pub(super) fn fail(shared: &Shared, outcome: &mut Outcome, refusals: &[Refusal]) {
    let let_in = shared.later.lock().let_in.remove(&(outcome.index as usize));
    let Some(LetIn { mut done, at }) = let_in else { return };
    let (Some(mut told), Some(first)) = (done.records.pop(), done.reasons.into_iter().next()) else { return };
    let before = refusals.iter().find(|r| r.at == at).and_then(|r| outcome.steps.get(r.step));
    let with = before.and_then(|step| step.status).map(|status| format!(" with {status}")).unwrap_or_default();
    let who = told.caller.as_ref().map_or_else(|| "the request".to_owned(), |name| format!("`{name}`"));
    let message = format!("{who} was refused{with} at first, and let in once somebody else was allowed the same");
    told.number = format!("{}.2", before.map_or("1", |step| &step.number));
    told.facts.iter_mut().for_each(|facts| facts.wanted.refused_before = true);
    told.notes.push("sent once more after somebody else had been allowed the same".to_owned());
    if let Some(access) = &mut outcome.access {
        access.got = told.status;
    }
    let own = record::reason(shared, CODE, &message, Span::NONE, Vec::new());
    let reason = Reason { code: own.code, message: own.message, step: Some(outcome.steps.len()), ..first };
    outcome.reasons.insert(0, reason);
    outcome.steps.push(told);
    outcome.verdict = Verdict::Failed;
}

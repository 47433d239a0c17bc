//! A case of which no defect applies: nothing was tried, so it is not green.
//!
//! In a pack a row that has no sense is skipped and counted. Where that is so of all of them, what was meant was another
//! credential than the one that is sent.

use super::Shared;
use super::case::CaseDone;
use super::record;
use crate::auth::{Cookies, Part};
use crate::event::Verdict;
use crate::plan::{Asked, Case};
use crate::source::Span;
use crate::step::Caller;
use crate::term;

/// How many reasons are told of why rows do not apply.
const REASONS: usize = 3;

/// What of a group's defects was tried.
#[derive(Debug, Default)]
pub(super) struct Idle {
    /// How many of the group are run.
    pub(super) chosen: usize,
    /// Whether one of them was tried, or ended otherwise than for having no sense.
    is_tried: bool,
    /// Those that have none, until it is known.
    waiting: Vec<CaseDone>,
}

impl Idle {
    /// Takes a finished case in; gives those of which it is known by now that they are skipped.
    pub(super) fn take(&mut self, done: CaseDone, is_own: bool) -> Vec<CaseDone> {
        if is_own && has_no_sense(&done) {
            self.waiting.push(done);
            return if self.is_tried { std::mem::take(&mut self.waiting) } else { Vec::new() };
        }
        let mut ready = self.tried();
        ready.push(done);
        ready
    }

    /// Says that one was tried; gives those that are skipped by that.
    pub(super) fn tried(&mut self) -> Vec<CaseDone> {
        self.is_tried = true;
        self.rest()
    }

    /// Gives what still waits.
    pub(super) fn rest(&mut self) -> Vec<CaseDone> {
        std::mem::take(&mut self.waiting)
    }

    /// Gives what waits when all of a group are done: the first of a case of which nothing was tried is not skipped.
    pub(super) fn close(&mut self, shared: &Shared) -> Vec<CaseDone> {
        let mut all = self.rest();
        all.sort_by_key(|done| done.outcome.index);
        let case = all.first().and_then(|first| shared.plan.cases.get(first.outcome.index as usize));
        if let Some(case) = case.filter(|case| case.siblings == self.chosen && !self.is_tried) {
            tell(shared, case, &mut all);
        }
        all
    }
}

/// Tells whether a row of a pack was skipped for having no sense.
fn has_no_sense(done: &CaseDone) -> bool {
    let code = done.outcome.reasons.first().map(|reason| reason.code);
    done.outcome.verdict == Verdict::Skipped && code == Some("not-applicable")
}

/// Makes the first inconclusive.
fn tell(shared: &Shared, case: &Case, all: &mut [CaseDone]) {
    let mut packs: Vec<String> = Vec::new();
    let mut whys: Vec<String> = Vec::new();
    for done in all.iter() {
        let mutant = shared.plan.cases[done.outcome.index as usize].with.as_deref();
        if let Some(Asked::ByPack(name)) = mutant.map(|mutant| mutant.asked) {
            let pack = format!("`pack.{name}`");
            packs.extend((!packs.contains(&pack)).then_some(pack));
        }
        let message = done.outcome.reasons.first().map_or("", |reason| &reason.message);
        let why = message.split_once(": ").map_or(message, |(_, why)| why).to_owned();
        whys.extend((!whys.contains(&why)).then_some(why));
    }
    whys.truncate(REASONS);
    let (packs, whys) = (term::list(&packs, "and"), term::list(&whys, "and"));
    let message = format!("no row of {packs} applies, so nothing was tried: {whys}");
    let span = case.with.as_ref().map_or(Span::NONE, |mutant| mutant.span);
    let mut reason = record::reason(shared, "nothing-applies", &message, span, help(shared, case));
    reason.place = record::place(shared, span);
    if let Some(first) = all.first_mut() {
        first.outcome.verdict = Verdict::Inconclusive;
        first.outcome.reasons = vec![reason];
    }
}

/// What is sent, and what to write.
fn help(shared: &Shared, case: &Case) -> Vec<String> {
    let Caller::Identity(id) = case.caller else { return Vec::new() };
    let identity = &shared.plan.identities[id.0 as usize];
    let scheme = &identity.login.scheme;
    let mut sent: Vec<String> = scheme.travels().iter().map(Part::told).collect();
    if sent.is_empty() {
        sent.extend(scheme.fields().iter().map(|name| format!("the field `{name}`")));
    }
    if scheme.cookies() == Cookies::Keep {
        sent.push("the cookies of its login".to_owned());
    }
    let mut help = Vec::new();
    if !sent.is_empty() {
        help.push(format!("`{}` is known by {}", identity.name, term::list(&sent, "and")));
    }
    help.push("name the packs that are about this credential; where it is a cookie, say which one: `send: { cookie: NAME, … }`".to_owned());
    help
}

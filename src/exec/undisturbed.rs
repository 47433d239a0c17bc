//! Whether `unchanged` of a row holds where nothing was asked: a path with a slip in it would accuse the server of what it
//! did not do.
//!
//! It is looked at once for a row, before its first cell that is refused and on a `given` of its own: later there may be
//! something to find.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;

use super::Shared;
use super::case::{CaseDone, Ground};
use super::control::lock;
use super::exchange::StepRun;
use super::play::Play;
use super::record;
use super::rounds::run_into;
use super::uses::Within;
use crate::event::{Phase, Reason, Verdict};
use crate::plan::Cell;
use crate::source::Span;
use crate::step::{Caller, Step};

/// What is said of a cell whose `unchanged` never holds.
const CODE: &str = "unchanged-amiss";

/// The row of a suite, and its column where its steps are sent by whoever the cell is about.
type Key = (usize, u32, Option<u32>);

/// Why `unchanged` of rows does not hold where nothing was asked.
#[derive(Debug, Default)]
pub(super) struct Undisturbed(Mutex<HashMap<Key, Arc<OnceCell<Option<String>>>>>);

/// Looks whether `unchanged` of a cell holds; gives what is amiss. Whoever asks the same meanwhile waits for the answer.
pub(super) async fn amiss(shared: &Arc<Shared>, index: usize, ground: &Ground) -> Option<String> {
    let case = &shared.plan.cases[index];
    let cell = case.cell.filter(|cell| cell.target + 1 < case.shape.steps.len())?;
    let steps = case.shape.steps[..cell.given].iter().chain(&case.shape.steps[cell.target + 1..]);
    let is_theirs = steps.into_iter().any(|step| step.caller == Caller::Case);
    let key = (case.suite, cell.row, is_theirs.then_some(cell.column));
    let looked = Arc::clone(lock(&shared.undisturbed.0).entry(key).or_default());
    looked.get_or_init(|| Box::pin(look(shared, index, cell, ground))).await.clone()
}

/// Plays the cell without what it is about.
async fn look(shared: &Arc<Shared>, index: usize, cell: Cell, ground: &Ground) -> Option<String> {
    let mut play = Play::begin(shared, index, ground).await.ok()?;
    let steps = &shared.plan.cases[index].shape.steps;
    part(&mut play, &steps[..cell.given]).await;
    let made = play.done.held();
    if made {
        part(&mut play, &steps[cell.target + 1..]).await;
    }
    play.tidy_up(true).await;
    shared.limits.count(play.done.requests);
    // What could not be judged without the rest of the cell says nothing.
    let first = play.done.reasons.first().filter(|reason| made && reason.code == "check-failed");
    first.map(|reason| reason.message.clone())
}

async fn part(play: &mut Play<'_>, steps: &[Step]) {
    let below = Arc::new(play.scope.clone());
    let run = play.step_run(Phase::Case, &below);
    // Its steps are not where the case has them.
    let run = StepRun { case: None, within: Within { is_replay: true, ..run.within }, ..run };
    run_into(&run, steps, &mut play.cast, &mut play.done, &mut play.scope).await;
}

/// Takes back that something changed, where things were so before anything was asked.
pub(super) fn weigh(shared: &Shared, done: &mut CaseDone, amiss: Option<String>) {
    let (outcome, Some(amiss)) = (&mut done.outcome, amiss) else { return };
    let Some(first) = outcome.reasons.first_mut().filter(|reason| reason.code == "changed") else { return };
    let message = format!("`unchanged` does not hold where nothing was asked either: {amiss}");
    let help = "right after `given` it has to hold: look at its path, at who asks, and at what it expects";
    let own = record::reason(shared, CODE, &message, Span::NONE, vec![help.to_owned()]);
    let shared_cause = Some(format!("{CODE}:{}:{message}", outcome.suite).into());
    *first = Reason { code: own.code, message: own.message, help: own.help, shared_cause, ..first.clone() };
    outcome.verdict = Verdict::Inconclusive;
}

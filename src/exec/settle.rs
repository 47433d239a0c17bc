//! The last control of a group of defects: whether the good credential is still allowed when the last of them is done, and
//! what their refusals are worth then.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use super::case::CaseDone;
use super::control::{Claim, Controls, Probe, lock};
use super::decide::decide;
use super::idle::Idle;
use super::{Shared, record, wary};
use crate::event::{Verdict, When};
use crate::plan::Plan;
use crate::source::Span;
use crate::step::IdentityId;

/// Cases that share their controls.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// How many are not done.
    left: usize,
    /// Cases that left before they were done.
    gone: HashSet<usize>,
    /// Those that wait for the last control.
    held: Vec<CaseDone>,
    /// Those that had no sense.
    idle: Idle,
}

impl Group {
    /// Gives those that wait for the last control, and those that are decided without, if all are done.
    fn end(&mut self, shared: &Shared) -> (Vec<CaseDone>, Vec<CaseDone>) {
        if self.left > 0 {
            return (Vec::new(), Vec::new());
        }
        (std::mem::take(&mut self.held), self.idle.close(shared))
    }
}

impl Controls {
    /// Counts the groups of a plan.
    pub(super) fn of(plan: &Plan) -> Self {
        let mut groups: HashMap<usize, Group> = HashMap::new();
        for case in plan.cases.iter().filter(|c| c.with.is_some()) {
            let group = groups.entry(case.group).or_default();
            group.left += 1;
            group.idle.chosen += 1;
        }
        Self { groups: Mutex::new(groups), ..Self::default() }
    }

    /// Gives up waiting: what is still held, when the run ends.
    pub(super) fn held(&self) -> Vec<CaseDone> {
        lock(&self.groups).values_mut().flat_map(|g| std::mem::take(&mut g.held)).collect()
    }

    /// The same of those that had no sense.
    pub(super) fn idle(&self) -> Vec<CaseDone> {
        lock(&self.groups).values_mut().flat_map(|g| g.idle.rest()).collect()
    }
}

/// Takes a finished case in: one with a defect waits for the last of its group, and then for what the good credential
/// is answered. Gives what can be decided now.
pub(super) async fn close(shared: &Arc<Shared>, index: usize, mut done: CaseDone) -> Vec<CaseDone> {
    let case = &shared.plan.cases[index];
    if case.with.is_none() {
        settle(shared, &mut done, 0).await;
        return vec![done];
    }
    let mut ready = Vec::new();
    excuse(shared, &mut done).await;
    let held = {
        let mut groups = lock(&shared.controls.groups);
        let group = groups.entry(case.group).or_default();
        let claims = done.outcome.verdict == Verdict::Passed && !done.claims.is_empty();
        if group.gone.contains(&index) {
            if claims { vec![done] } else { return vec![done] }
        } else {
            group.left = group.left.saturating_sub(1);
            if claims {
                ready.extend(group.idle.tried());
                group.held.push(done);
            } else {
                ready.extend(group.idle.take(done, case.siblings > 0));
            }
            let (held, idle) = group.end(shared);
            ready.extend(idle);
            held
        }
    };
    ready.extend(settle_all(shared, case.group, held).await);
    ready
}

/// Takes a case out of its group: it is about to wait for long, and the others must not wait with it.
pub(super) async fn leave(shared: &Arc<Shared>, index: usize) {
    // A case that is its own control is done again when nothing else of it stands.
    if shared.plan.replays(index) {
        return;
    }
    let number = shared.plan.cases[index].group;
    let mut ready = Vec::new();
    let held = {
        let mut groups = lock(&shared.controls.groups);
        let group = groups.entry(number).or_default();
        if !group.gone.insert(index) {
            return;
        }
        group.left = group.left.saturating_sub(1);
        ready.extend(group.idle.tried());
        let (held, idle) = group.end(shared);
        ready.extend(idle);
        held
    };
    ready.extend(settle_all(shared, number, held).await);
    ready.into_iter().for_each(|done| decide(shared, done));
}

/// Lets a group wait for more than its cases.
pub(super) fn hold(shared: &Shared, group: usize) {
    lock(&shared.controls.groups).entry(group).or_default().left += 1;
}

/// Ends that wait. Gives what can be decided.
pub(super) async fn release(shared: &Arc<Shared>, number: usize) -> Vec<CaseDone> {
    let (held, mut ready) = {
        let mut groups = lock(&shared.controls.groups);
        let group = groups.entry(number).or_default();
        group.left = group.left.saturating_sub(1);
        group.end(shared)
    };
    ready.extend(settle_all(shared, number, held).await);
    ready
}

/// Cases whose last control is asked. Whoever is cut off meanwhile gives them back to their group, so that none is lost.
struct Settling<'a> {
    controls: &'a Controls,
    group: usize,
    held: Vec<CaseDone>,
}

impl Drop for Settling<'_> {
    fn drop(&mut self) {
        if !self.held.is_empty() {
            lock(&self.controls.groups).entry(self.group).or_default().held.append(&mut self.held);
        }
    }
}

/// Before a case takes identities for itself: what has yet to be shown of defects by their sessions is asked now, since
/// afterwards they have others. Gives what can be decided.
pub(super) async fn settle_of(shared: &Arc<Shared>, ids: &[IdentityId]) -> Vec<CaseDone> {
    let is_theirs = |probe: &Probe| probe.who.session().is_some_and(|(id, _)| ids.contains(&id));
    // A case that is done again gets its sessions anew.
    let probes = |done: &CaseDone| done.claims.iter().filter_map(|claim| claim.probe.clone()).collect::<Vec<_>>();
    let waits = |done: &CaseDone| probes(done).iter().any(|probe| !probe.is_replay() && is_theirs(probe));
    let held: Vec<(usize, Vec<CaseDone>)> = {
        let mut groups = lock(&shared.controls.groups);
        groups.iter_mut().map(|(number, group)| (*number, group.held.extract_if(.., |d| waits(d)).collect())).collect()
    };
    let mut settled = Vec::new();
    for (group, held) in held {
        settled.extend(settle_all(shared, group, held).await);
    }
    settled
}

/// All are asked about after the last of them was refused.
async fn settle_all(shared: &Arc<Shared>, group: usize, held: Vec<CaseDone>) -> Vec<CaseDone> {
    let latest = held.iter().flat_map(|done| &done.claims).map(|claim| claim.at).max().unwrap_or(0);
    let mut settling = Settling { controls: &shared.controls, group, held };
    wary::look(shared, &mut settling.held).await;
    for done in &mut settling.held {
        settle(shared, done, latest).await;
    }
    std::mem::take(&mut settling.held)
}

/// Asks whether the good credential is still allowed, and words what it is not.
async fn settle(shared: &Arc<Shared>, done: &mut CaseDone, latest: u64) {
    for claim in std::mem::take(&mut done.claims) {
        let Some(probe) = &claim.probe else {
            done.outcome.proof.unproven += 1;
            done.outcome.proof.uncontrolled += 1;
            let message = "`control: off`: nothing shows that the good credential would be allowed";
            push(shared, done, "uncontrolled", message, claim.step, Vec::new());
            continue;
        };
        // Every case may come here and few do: boxed, it takes no room in the others.
        let after = tokio::select! {
            biased;
            _ = shared.stop.cut_off() => {
                undecided(shared, done, claim.step);
                continue;
            }
            after = Box::pin(probe.after(shared, latest)) => after,
        };
        let name = probe.name();
        let met = probe.is_met(&after);
        done.outcome.controls.push(after.record(When::After, name, met));
        if met {
            done.outcome.proof.proven += u32::from(claim.whole);
            continue;
        }
        done.outcome.verdict = Verdict::Inconclusive;
        let (code, message) = after.lost(probe);
        push(shared, done, code, &message, claim.step, Vec::new());
    }
}

/// A defect that is to be let in was refused: no failure where the good credential is refused by then as well.
async fn excuse(shared: &Arc<Shared>, done: &mut CaseDone) {
    let blamed: Vec<Claim> = done.claims.extract_if(.., |claim| claim.blames).collect();
    if done.outcome.verdict != Verdict::Failed {
        return;
    }
    for claim in blamed {
        let Some(probe) = &claim.probe else { continue };
        let after = tokio::select! {
            biased;
            _ = shared.stop.cut_off() => return,
            after = Box::pin(probe.after(shared, claim.at)) => after,
        };
        // One that is met is told with the others.
        if !probe.is_met(&after) {
            done.outcome.controls.push(after.record(When::After, probe.name(), false));
            done.outcome.verdict = Verdict::Inconclusive;
            done.outcome.reasons.clear();
            let (code, message) = after.lost(probe);
            push(shared, done, code, &message, claim.step, Vec::new());
        }
    }
}

/// A case whose last control never came.
pub(super) fn undecided(shared: &Shared, done: &mut CaseDone, step: usize) {
    done.outcome.verdict = Verdict::Inconclusive;
    let message = "the run ended before the good credential was asked once more";
    push(shared, done, "control-after", message, step, Vec::new());
}

/// Adds a reason to a case that is done.
pub(super) fn push(
    shared: &Shared,
    done: &mut CaseDone,
    code: &'static str,
    message: &str,
    step: usize,
    help: Vec<String>,
) {
    let mut reason = record::reason(shared, code, message, Span::NONE, help);
    reason.place = done.outcome.steps.get(step).map_or_else(|| done.outcome.place.clone(), |s| s.place.clone());
    reason.step = Some(step);
    reason.shared_cause = Some(format!("{code}:{message}").into());
    done.outcome.reasons.push(reason);
}

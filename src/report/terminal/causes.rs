//! Collects what did not pass by cause, so that every cause is told once and the worst come first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::line::{Line, Page};
use crate::event::{Outcome, Verdict};
use crate::report::Again;
use crate::report::block::{Block, CASES_NAMED, Cases, block};

pub(super) struct Causes {
    all: Vec<Cause>,
    by_key: HashMap<Arc<str>, usize>,
    /// How many blocks are kept; what is beyond is only counted, so memory stays bounded.
    most: usize,
    drawn: usize,
    /// A cause behind this one will never be shown, so it need not be drawn.
    last_shown: Option<(u8, u32)>,
}

struct Cause {
    severity: u8,
    /// The number of the first case in the plan it concerns.
    index: u32,
    count: usize,
    ids: Vec<(u32, Arc<str>)>,
    /// The defects of its cases, in the plan's order.
    defects: BTreeMap<u32, String>,
    block: Option<Block>,
}

/// Ranks what needs attention; none for what does not.
fn severity(outcome: &Outcome) -> Option<u8> {
    match outcome.verdict {
        Verdict::Failed if outcome.spared => Some(4),
        Verdict::Failed => Some(0),
        Verdict::Errored => Some(1),
        Verdict::Blocked => Some(2),
        Verdict::Inconclusive => Some(3),
        Verdict::Passed | Verdict::Flaky | Verdict::Skipped | Verdict::NotRun => None,
    }
}

/// The key of what an outcome has in common with others. What could not be judged for one sentence about one place has
/// one cause, however many defects stand behind it; but every unproven refusal stands for itself.
fn common(outcome: &Outcome) -> Option<Arc<str>> {
    let first = outcome.reasons.first()?;
    let place = &first.place;
    let alike = outcome.verdict == Verdict::Inconclusive && first.code != "unproven" && place.line > 0;
    first.shared_cause.clone().or_else(|| {
        alike.then(|| format!("{} {}:{}:{} {}", first.code, place.file, place.line, place.start, first.message).into())
    })
}

impl Causes {
    pub(super) fn new(most: usize) -> Self {
        Self { all: Vec::new(), by_key: HashMap::new(), most, drawn: 0, last_shown: None }
    }

    /// Takes in an outcome.
    pub(super) fn add(&mut self, page: Page, outcome: &Outcome, again: &Again) {
        let Some(severity) = severity(outcome) else { return };
        let key = common(outcome);
        let known = key.as_ref().and_then(|k| self.by_key.get(k).copied());
        let at = known.unwrap_or_else(|| {
            let at = self.all.len();
            let (ids, defects) = (Vec::new(), BTreeMap::new());
            self.all.push(Cause { severity, index: u32::MAX, count: 0, ids, defects, block: None });
            if let Some(key) = key {
                self.by_key.insert(key, at);
            }
            at
        });
        let cause = &mut self.all[at];
        cause.count += 1;
        cause.name(outcome);
        let rank = (severity, outcome.index);
        if rank < (cause.severity, cause.index) || cause.count == 1 {
            // The first case of the plan speaks for all, whichever finished first.
            (cause.severity, cause.index) = rank;
            if self.last_shown.is_none_or(|last| rank <= last) {
                self.drawn += usize::from(cause.block.is_none());
                cause.block = Some(block(page, outcome, again));
            }
        }
        if self.drawn > self.most.saturating_mul(2) {
            self.prune();
        }
    }

    /// Drops blocks that will not be shown: causes only ever move forward, so they cannot come back
    /// without being drawn again.
    fn prune(&mut self) {
        let order = self.order();
        for at in &order[self.most..] {
            self.all[*at].block = None;
        }
        self.last_shown = order[..self.most].last().map(|at| (self.all[*at].severity, self.all[*at].index));
        self.drawn = self.most;
    }

    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.all.len()).collect();
        order.sort_by_key(|i| (self.all[*i].severity, self.all[*i].index));
        order
    }

    /// Draws the blocks, most severe first.
    pub(super) fn draw(&self, page: Page) -> Vec<Vec<Line>> {
        let mut blocks = Vec::new();
        let shown = self.all.len().min(self.most);
        let digits = shown.to_string().len().max(2);
        for (i, at) in self.order().into_iter().take(self.most).enumerate() {
            let cause = &self.all[at];
            let ids: Vec<&str> = cause.ids.iter().map(|(_, id)| &**id).collect();
            if let Some(block) = &cause.block {
                let defects: Vec<&str> = cause.defects.values().map(String::as_str).collect();
                let cases = Cases { ids: &ids, defects: &defects, count: cause.count };
                blocks.push(block.draw(page, &format!("{:>digits$} ", i + 1), &cases));
            }
        }
        blocks
    }

    /// Counts the causes that are not drawn.
    pub(super) fn untold(&self) -> usize {
        self.all.len().saturating_sub(self.most)
    }
}

impl Cause {
    /// Keeps the ids of the first cases in the plan's order, and the defects of all.
    fn name(&mut self, outcome: &Outcome) {
        let at = self.ids.partition_point(|(index, _)| *index <= outcome.index);
        if at < CASES_NAMED {
            self.ids.insert(at, (outcome.index, Arc::clone(&outcome.id)));
            self.ids.truncate(CASES_NAMED);
        }
        if let Some(with) = &outcome.with
            && !self.defects.values().any(|id| *id == with.id)
        {
            self.defects.insert(outcome.index, with.id.clone());
        }
    }
}

//! What is going on right now: which cases run, which of them are slow and which wait.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::line::{Glyphs, Line, Page, Role};
use crate::event::{CaseStarted, Outcome, OutcomeKind, Verdict, Waiting};
use crate::term::{plural, shorten};

/// A case that runs longer than this is named.
const SLOW: Duration = Duration::from_secs(1);
/// Without a bar, a sign of life is given after this long without any line; then ever more rarely.
const SILENCE: Duration = Duration::from_secs(10);
/// The longest pause between two signs of life.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);
/// How many cases a sign of life names.
const NAMED: usize = 4;

pub(super) struct Progress {
    total: usize,
    decided: usize,
    failed: usize,
    unjudged: usize,
    running: HashMap<Arc<str>, Running>,
    last_sign: Instant,
    patience: Duration,
}

struct Running {
    index: u32,
    since: Instant,
    wait: Option<Wait>,
}

struct Wait {
    what: String,
    until: Instant,
    longest: Duration,
}

impl Progress {
    pub(super) fn new(total: usize, now: Instant) -> Self {
        Self { total, decided: 0, failed: 0, unjudged: 0, running: HashMap::new(), last_sign: now, patience: SILENCE }
    }

    pub(super) fn started(&mut self, case: &CaseStarted, now: Instant) {
        self.running.insert(Arc::clone(&case.id), Running { index: case.index, since: now, wait: None });
    }

    pub(super) fn waiting(&mut self, waiting: &Waiting, now: Instant) {
        let Some(case) = self.running.get_mut(&waiting.case) else { return };
        let longest = case.wait.as_ref().map_or(Duration::ZERO, |w| w.longest);
        // A case that polls waits many times; what it waited for longest is what it is known for.
        let what = match &case.wait {
            Some(wait) if wait.longest > waiting.time => wait.what.clone(),
            _ => waiting.what.clone(),
        };
        let until = now.checked_add(waiting.time).unwrap_or(now);
        case.wait = Some(Wait { what, until, longest: longest.max(waiting.time) });
    }

    /// Takes a case off the list and tells what it waited for longest.
    pub(super) fn finished(&mut self, outcome: &Outcome, now: Instant) -> Option<String> {
        let running = self.running.remove(&outcome.id);
        if outcome.kind == OutcomeKind::Case {
            self.decided += 1;
            match outcome.verdict {
                Verdict::Failed => self.failed += usize::from(!outcome.spared),
                Verdict::Blocked | Verdict::Inconclusive | Verdict::Errored => self.unjudged += 1,
                Verdict::Passed | Verdict::Flaky | Verdict::Skipped | Verdict::NotRun => {}
            }
        }
        self.last_sign = now;
        self.patience = SILENCE;
        running.and_then(|r| r.wait).map(|w| w.what)
    }

    /// Draws the bar's line.
    pub(super) fn bar(&self, page: Page, now: Instant) -> Line {
        let columns = (page.width / 5).clamp(8, 30);
        let done = (columns * self.decided).checked_div(self.total).unwrap_or(0).min(columns);
        let (full, rest) = if page.glyphs == Glyphs::Ascii { ("=", "-") } else { ("━", "─") };
        let line =
            page.line().text("  ").push(Role::Good, &full.repeat(done)).push(Role::Dim, &rest.repeat(columns - done));
        let line = line.text(&format!(" {} of {}", self.decided, self.total));
        let counted = |line: Line, count: usize, role, word| {
            if count == 0 { line } else { line.then(role, &format!("{count} {word}")) }
        };
        let line = counted(line, self.failed, Role::Bad, "failed");
        let line = counted(line, self.unjudged, Role::Doubt, "not judged");
        line.then(Role::Dim, &self.named(now).join(", "))
    }

    /// Gives a sign of life when nothing was heard for a while.
    pub(super) fn sign(&mut self, page: Page, now: Instant) -> Option<Line> {
        if now.saturating_duration_since(self.last_sign) < self.patience {
            return None;
        }
        self.last_sign = now;
        self.patience = (self.patience * 2).min(LONGEST_SILENCE);
        let line = page.line().text(&format!("... {} of {}", self.decided, plural(self.total, "case")));
        let named = self.named(now);
        Some(if named.is_empty() { line } else { line.text(&format!(", waiting for: {}", named.join(", "))) })
    }

    /// Names what takes long: waiting cases first, then the slowest.
    fn named(&self, now: Instant) -> Vec<String> {
        let mut cases: Vec<(&Arc<str>, &Running)> =
            self.running.iter().filter(|(_, r)| r.waits(now) || r.age(now) >= SLOW).collect();
        cases.sort_by_key(|(_, r)| (!r.waits(now), r.since, r.index));
        let more = cases.len().saturating_sub(NAMED);
        let mut names: Vec<String> = cases.iter().take(NAMED).map(|(id, r)| r.told(id, now)).collect();
        if more > 0 {
            names.push(format!("{more} more"));
        }
        names
    }
}

impl Running {
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    fn waits(&self, now: Instant) -> bool {
        self.wait.as_ref().is_some_and(|w| w.until > now)
    }

    fn told(&self, id: &str, now: Instant) -> String {
        let id = shorten(id, 40);
        match &self.wait {
            Some(wait) if wait.until > now => {
                let left = wait.until.duration_since(now).as_secs_f64().ceil();
                format!("{id} ({}, {left:.0}s left)", wait.what)
            }
            Some(_) | None => format!("{id} ({}s)", self.age(now).as_secs()),
        }
    }
}

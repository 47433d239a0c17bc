//! The end of a run: the slowest cases, the count, what is proved and what is not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::line::{Line, Page, Role, width};
use super::{LABEL, Verbosity, row};
use crate::event::{Outcome, Stopped, Summary, Tally, Verdict};
use crate::term::{duration, list, plural, shorten};
use crate::verdict::fails_by_flaky;

/// How many of the slowest cases are named.
const SLOWEST: usize = 5;
/// A case is slow when it takes longer than this,
const SLOW: Duration = Duration::from_millis(100);
/// or this many times as long as the middle one and at least the next time.
const TIMES_MEDIAN: u32 = 10;
const LEAST: Duration = Duration::from_millis(20);
/// What was wrong at first is cut behind this many characters.
const SENTENCE: usize = 160;

/// The times of all cases, and the names of the slowest.
#[derive(Default)]
pub(super) struct Times {
    all: Vec<Duration>,
    slowest: Vec<(Duration, Duration, Arc<str>)>,
}

impl Times {
    pub(super) fn add(&mut self, outcome: &Outcome) {
        match outcome.verdict {
            Verdict::Skipped | Verdict::NotRun => return,
            Verdict::Passed
            | Verdict::Flaky
            | Verdict::Failed
            | Verdict::Blocked
            | Verdict::Inconclusive
            | Verdict::Errored => {}
        }
        if outcome.with.is_some() {
            // They share their login and their controls, and all take the time of these.
            return;
        }
        self.all.push(outcome.elapsed);
        let at = self.slowest.partition_point(|(time, ..)| *time >= outcome.elapsed);
        if at < SLOWEST {
            self.slowest.insert(at, (outcome.elapsed, outcome.waited, Arc::clone(&outcome.id)));
            self.slowest.truncate(SLOWEST);
        }
    }

    /// Draws the slowest cases, if there were enough to compare and any was slow.
    pub(super) fn draw(&mut self, page: Page) -> Vec<Line> {
        if self.all.len() <= 3 {
            return Vec::new();
        }
        let middle = self.all.len() / 2;
        let median = *self.all.select_nth_unstable(middle).1;
        let slow = |time: Duration| time > SLOW || (time > LEAST && time > median * TIMES_MEDIAN);
        let shown: Vec<_> = self.slowest.iter().filter(|(time, ..)| slow(*time)).collect();
        let names: Vec<String> = shown.iter().map(|(_, _, id)| shorten(id, page.width - LABEL - 10)).collect();
        let widest = names.iter().map(|n| width(&page.fold(n))).max().unwrap_or(0);
        let mut lines = Vec::new();
        for ((time, waited, _), name) in shown.iter().zip(names) {
            let line = row(page, if lines.is_empty() { "slowest" } else { "" });
            let line = line.text(&name).pad_to(LABEL + widest).text(&format!("{:>9}", duration(*time)));
            let waited = if *waited > SLOW { format!("({} waiting)", duration(*waited)) } else { String::new() };
            lines.push(line.then(Role::Dim, &waited).cut(page.width));
        }
        lines
    }
}

/// How many cases are named below a line that counts them.
const NAMED: usize = 5;

/// The first cases of a line that counts them, each with what there is to say of it.
#[derive(Default)]
struct Named {
    cases: BTreeMap<(bool, u32), (Arc<str>, String)>,
    more: usize,
}

impl Named {
    fn add(&mut self, late: bool, outcome: &Outcome, how: String) {
        self.cases.insert((late, outcome.index), (Arc::clone(&outcome.id), how));
        if self.cases.len() > NAMED {
            self.cases.pop_last();
            self.more += 1;
        }
    }

    fn draw(&self, page: Page) -> Vec<Line> {
        let mut lines = Vec::new();
        for (id, how) in self.cases.values() {
            lines.extend(row(page, "").text(id).flow(&[(Role::Dim, how)], page.width, LABEL + 2));
        }
        if self.more > 0 {
            lines.push(row(page, "").push(Role::Dim, &format!("and {} more", self.more)));
        }
        lines
    }
}

/// Cases that have no block and are named all the same.
#[derive(Default)]
pub(super) struct Told {
    /// What a deadline or an interrupt left undone, what was cut off first.
    undone: Named,
    /// What passed only when it was run again, with what was wrong at first.
    flaky: Named,
}

impl Told {
    pub(super) fn add(&mut self, outcome: &Outcome) {
        let Some(first) = outcome.reasons.first() else { return };
        if matches!(first.code, "interrupted" | "deadline") {
            // The rest of the sentence says why, which is told once.
            let how = first.message.rsplit_once(": ").map_or(&*first.message, |(how, _)| how);
            self.undone.add(how == "not started", outcome, how.to_owned());
        }
        if let Some(retried) = outcome.reasons.iter().find(|r| r.code == "retried") {
            self.flaky.add(false, outcome, format!("{} ({})", shorten(&retried.message, SENTENCE), retried.place));
        }
    }
}

/// Draws the count of everything and the exit code.
pub(super) fn count(page: Page, summary: &Summary) -> Vec<Line> {
    let tally = &summary.tally;
    let line = page.line().push(Role::Strong, &format!("{}:", plural(tally.total(), "case")));
    let parts = parts(tally);
    let line = parts.iter().enumerate().fold(line, |line, (i, (role, text))| {
        let gap = if i == 0 { " " } else { ", " };
        line.text(gap).push(*role, text)
    });
    let exit = if summary.exit == 0 { Role::Good } else { Role::Bad };
    let (requests, time) = (plural(tally.requests, "request"), duration(summary.elapsed));
    let code = format!("exit {}", summary.exit);
    line.flow(&[(Role::Plain, &requests), (Role::Plain, &time), (exit, &code)], page.width, 2)
}

/// The cases that fail the run.
fn failed(tally: &Tally) -> usize {
    tally.failing()
}

fn unjudged(tally: &Tally) -> usize {
    tally.of(Verdict::Blocked) + tally.of(Verdict::Inconclusive) + tally.of(Verdict::Errored)
}

fn parts(tally: &Tally) -> Vec<(Role, String)> {
    let total = tally.total();
    let passed = tally.of(Verdict::Passed);
    if total == 0 {
        return vec![(Role::Doubt, "nothing ran".to_owned())];
    }
    if passed == total {
        return vec![(Role::Good, if total == 1 { "passed" } else { "all passed" }.to_owned())];
    }
    let rows = [
        (Role::Good, passed, "passed"),
        (Role::Doubt, tally.of(Verdict::Flaky), "flaky"),
        (Role::Bad, failed(tally), "failed"),
        (Role::Doubt, tally.spared, "spared"),
        (Role::Doubt, unjudged(tally), "not judged"),
        (Role::Plain, tally.of(Verdict::Skipped), "skipped"),
        (Role::Doubt, tally.of(Verdict::NotRun), "not run"),
    ];
    rows.into_iter().filter(|(_, n, _)| *n > 0).map(|(role, n, word)| (role, format!("{n} {word}"))).collect()
}

/// Draws what stands below the count: what the numbers mean; of that the indispensable with `-q`.
pub(super) fn meaning(page: Page, summary: &Summary, told: &Told, verbosity: Verbosity) -> Vec<Line> {
    let mut rows = notes(summary);
    if verbosity == Verbosity::Quiet {
        rows.retain(|(label, role, _)| match *label {
            "flaky" => *role == Role::Bad,
            label => matches!(label, "skipped" | "teardown" | "stopped" | "tolerated" | "spared"),
        });
    }
    rows.into_iter()
        .flat_map(|(label, role, text)| {
            let mut lines = row(page, label).push(role, &text).wrap(page.width, LABEL);
            match label {
                "stopped" => lines.extend(told.undone.draw(page)),
                "flaky" => lines.extend(told.flaky.draw(page)),
                _ => {}
            }
            lines
        })
        .collect()
}

/// What passed without some of its steps.
fn skipped(steps: usize) -> String {
    let whose = if steps == 1 { "its" } else { "their" };
    format!("{} of cases that passed, for {whose} `if` was false, or nothing was there to send", plural(steps, "step"))
}

/// Says what there is to say beside the count, each with its label.
fn notes(summary: &Summary) -> Vec<(&'static str, Role, String)> {
    let tally = &summary.tally;
    let mut rows = Vec::new();
    if unjudged(tally) > 0 {
        let kinds = [Verdict::Blocked, Verdict::Inconclusive, Verdict::Errored];
        let named = kinds.iter().filter(|v| tally.of(**v) > 0).map(|v| format!("{} {}", tally.of(*v), v.word()));
        rows.push(("unjudged", Role::Plain, named.collect::<Vec<_>>().join(", ")));
    }
    if tally.of(Verdict::Flaky) > 0 {
        let text = format!("{} passed only when run again", plural(tally.of(Verdict::Flaky), "case"));
        rows.push(if fails_by_flaky(summary) {
            ("flaky", Role::Bad, format!("{text}, and --fail-on flaky lets none pass"))
        } else {
            ("flaky", Role::Doubt, text)
        });
    }
    if tally.of(Verdict::Skipped) == tally.total() && tally.total() > 0 {
        rows.push(("skipped", Role::Doubt, "every case, and a run is not green because nothing ran".to_owned()));
    }
    if tally.teardowns > 0 {
        let text = format!("{} did not work, something may have been left behind", plural(tally.teardowns, "teardown"));
        rows.push(("teardown", Role::Doubt, text));
    }
    if let Some(stopped) = summary.stopped {
        rows.push(("stopped", Role::Doubt, why_stopped(stopped, tally.of(Verdict::NotRun))));
    }
    if tally.proven_refusals > 0 {
        let tail = if tally.proven_refusals == 1 { "with its controls" } else { "each with its controls" };
        rows.push(("proved", Role::Plain, format!("{}, {tail}", plural(tally.proven_refusals, "refusal"))));
    }
    if tally.unlooked_refusals > 0 {
        rows.push(("unlooked", Role::Doubt, unlooked(tally.unlooked_refusals)));
    }
    if tally.unproven > 0 {
        rows.push(("unproven", Role::Doubt, unproven(tally)));
    }
    if tally.unverified_claims > 0 {
        let (steps, verb) =
            (plural(tally.unverified_claims, "step"), if tally.unverified_claims == 1 { "reads" } else { "read" });
        let text = format!("{steps} {verb} them without verifying the signature; `verify` beside `claims` does");
        rows.push(("claims", Role::Doubt, text));
    }
    if tally.findings > 0 {
        let (cases, object) = (plural(tally.findings, "passed case"), if tally.findings == 1 { "it" } else { "them" });
        let text = format!("{cases} answered otherwise than is due; `strict: true` makes {object} fail");
        rows.push(("findings", Role::Doubt, text));
    }
    if tally.skipped_steps > 0 {
        rows.push(("skipped", Role::Doubt, skipped(tally.skipped_steps)));
    }
    if tally.withheld > 0 {
        let defects = plural(tally.withheld, "defect");
        let text = format!("{defects} that may write or delete data: only with `allow_destructive: true`");
        rows.push(("withheld", Role::Doubt, text));
    }
    rows.extend(let_pass(summary));
    rows
}

/// Which refusals say nothing of what was done.
fn unlooked(refusals: usize) -> String {
    let (changes, verb) = (plural(refusals, "refused change"), if refusals == 1 { "was" } else { "were" });
    format!("nobody looked whether {changes} {verb} made all the same; `unchanged` does")
}

/// Which passed cases prove less than they seem to.
fn unproven(tally: &Tally) -> String {
    let (verb, object) = if tally.unproven == 1 { ("holds", "it count") } else { ("hold", "them count") };
    let cases = plural(tally.unproven, "passed case");
    let off = match tally.uncontrolled {
        0 => String::new(),
        all if all == tally.unproven => " (`control: off`)".to_owned(),
        some => format!(" ({some} with `control: off`)"),
    };
    format!("{cases} {verb} a refusal that nobody was seen being allowed{off}; --require-proof makes {object}")
}

/// What the command line let pass.
fn let_pass(summary: &Summary) -> Vec<(&'static str, Role, String)> {
    let tally = &summary.tally;
    let mut rows = Vec::new();
    if let Some(from) = summary.fail_on.filter(|_| tally.spared > 0) {
        let (cases, was) = (plural(tally.spared, "case"), if tally.spared == 1 { "defect is" } else { "defects are" });
        rows.push(("spared", Role::Doubt, format!("{cases} failed whose {was} milder than --fail-on {}", from.word())));
    }
    if !summary.tolerated.is_empty() {
        let cases = summary.tolerated.iter().map(|v| plural(tally.of(*v), &format!("{} case", v.word())));
        let text = format!("{}, by request", list(&cases.collect::<Vec<_>>(), "and"));
        rows.push(("tolerated", Role::Doubt, text));
    }
    rows
}

/// Says why a run stopped early, and how much of it was left out.
pub(in crate::report) fn why_stopped(stopped: Stopped, undone: usize) -> String {
    let why = match stopped {
        Stopped::FailFast => "by --fail-fast",
        Stopped::Interrupted => "interrupted",
        Stopped::Deadline => "--deadline ran out",
    };
    match undone {
        0 => why.to_owned(),
        1 => format!("{why}, 1 case was not run"),
        n => format!("{why}, {n} cases were not run"),
    }
}

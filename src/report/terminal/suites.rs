//! One line a suite, written when its last case is decided.

use std::time::{Duration, Instant};

use super::Verbosity;
use super::line::{Line, Page, Role, width};
use crate::event::{Outcome, OutcomeKind, SuiteInfo, Verdict};
use crate::mutate::Grade;
use crate::report::block::tone;
use crate::term::{duration, plural, shorten};

/// How many suites in which nothing deviates are told; the rest are counted.
const QUIET_TOLD: usize = 50;
/// How many suites in which something deviates are told; their causes are told anyway.
const LOUD_TOLD: usize = 200;
/// Waiting that is shorter than this is not worth a remark.
const WORTH_TELLING: Duration = Duration::from_millis(100);
/// Below this many columns the table is drawn closer.
const NARROW: usize = 60;
/// What stands behind a suite's name, and the room its remarks should have.
const BEHIND: usize = 16 + 28;
/// Where suite names begin.
const NAME: usize = 8;

pub(super) struct Suites {
    rows: Vec<Row>,
    names: usize,
    quiet_told: usize,
    loud_told: usize,
    untold: usize,
    untold_cases: usize,
    verbosity: Verbosity,
}

struct Row {
    id: String,
    cases: usize,
    decided: usize,
    counts: [usize; 8],
    /// Those that failed and do not fail the run.
    spared: usize,
    unproven: usize,
    skipped_steps: usize,
    /// Deliberate defects that were sent.
    defects: usize,
    /// Cases that passed and were answered otherwise than is due.
    findings: usize,
    span: Option<(Instant, Instant)>,
    waited: Duration,
    waited_for: Option<String>,
    told: bool,
    /// With `-v`: what is said of each case, by its number.
    lines: Vec<(u32, Vec<Line>)>,
}

impl Suites {
    pub(super) fn new(suites: &[SuiteInfo], page: Page, verbosity: Verbosity) -> Self {
        let widest = suites.iter().map(|s| width(&page.fold(&s.id))).max().unwrap_or(0);
        let names = widest.clamp(12, (page.width - NAME).saturating_sub(BEHIND).max(12));
        let row = |s: &SuiteInfo| Row {
            id: s.id.clone(),
            cases: s.cases,
            decided: 0,
            counts: [0; 8],
            spared: 0,
            unproven: 0,
            skipped_steps: 0,
            defects: 0,
            findings: 0,
            span: None,
            waited: Duration::ZERO,
            waited_for: None,
            told: false,
            lines: Vec::new(),
        };
        let rows = suites.iter().map(row).collect();
        Self { rows, names, quiet_told: 0, loud_told: 0, untold: 0, untold_cases: 0, verbosity }
    }

    /// Takes in an outcome; gives the lines of its suite if it was the last one.
    pub(super) fn add(&mut self, page: Page, outcome: &Outcome, waited_for: Option<String>, now: Instant) -> Vec<Line> {
        let Some(row) = self.rows.get_mut(outcome.suite) else { return Vec::new() };
        if outcome.kind == OutcomeKind::Teardown {
            return Vec::new();
        }
        row.decided += 1;
        row.counts[outcome.verdict as usize] += 1;
        row.spared += usize::from(outcome.spared);
        row.unproven += usize::from(outcome.verdict == Verdict::Passed && outcome.proof.unproven > 0);
        row.skipped_steps += outcome.skipped_steps();
        if outcome.with.as_ref().is_some_and(|with| with.grade.is_some()) {
            row.defects += 1;
        }
        row.findings += usize::from(outcome.has_finding());
        let start = now.checked_sub(outcome.elapsed).unwrap_or(now);
        let (first, last) = row.span.unwrap_or((start, now));
        row.span = Some((first.min(start), last.max(now)));
        if outcome.waited > row.waited {
            row.waited = outcome.waited;
            row.waited_for = waited_for;
        }
        match self.verbosity {
            Verbosity::Verbose => row.lines.push((outcome.index, case_line(page, outcome, &outcome.name))),
            Verbosity::Quiet | Verbosity::Normal | Verbosity::VeryVerbose => {}
        }
        if row.decided < row.cases { Vec::new() } else { self.tell(page, outcome.suite) }
    }

    /// Gives the lines of suites that were cut short, and counts those that were not told.
    pub(super) fn end(&mut self, page: Page) -> Vec<Line> {
        let open: Vec<usize> =
            (0..self.rows.len()).filter(|i| !self.rows[*i].told && self.rows[*i].cases > 0).collect();
        let mut lines: Vec<Line> = open.into_iter().flat_map(|i| self.tell(page, i)).collect();
        if self.untold > 0 {
            let suites = format!("and {}", plural(self.untold, "more suite"));
            let line = page.line().pad_to(NAME).text(&suites).then(Role::Dim, &plural(self.untold_cases, "case"));
            lines.push(line);
        }
        lines
    }

    fn tell(&mut self, page: Page, index: usize) -> Vec<Line> {
        let row = &mut self.rows[index];
        row.told = true;
        let (told, most) = match (self.verbosity, row.is_quiet()) {
            (Verbosity::Quiet, _) => return Vec::new(),
            (Verbosity::Verbose | Verbosity::VeryVerbose, _) => (&mut self.quiet_told, usize::MAX),
            (Verbosity::Normal, true) => (&mut self.quiet_told, QUIET_TOLD),
            (Verbosity::Normal, false) => (&mut self.loud_told, LOUD_TOLD),
        };
        if *told >= most {
            self.untold += 1;
            self.untold_cases += row.cases;
            return Vec::new();
        }
        *told += 1;
        let mut lines = row.line(page, self.names);
        let mut cases = std::mem::take(&mut row.lines);
        cases.sort_by_key(|(index, _)| *index);
        lines.extend(cases.into_iter().flat_map(|(_, lines)| lines));
        lines
    }
}

impl Row {
    const fn of(&self, verdict: Verdict) -> usize {
        self.counts[verdict as usize]
    }

    fn unjudged(&self) -> usize {
        self.of(Verdict::Blocked) + self.of(Verdict::Inconclusive) + self.of(Verdict::Errored)
    }

    /// Tells whether nothing in it needs a look.
    fn is_quiet(&self) -> bool {
        self.of(Verdict::Failed) + self.unjudged() + self.of(Verdict::NotRun) + self.of(Verdict::Flaky) == 0
            && self.decided >= self.cases
    }

    fn line(&self, page: Page, names: usize) -> Vec<Line> {
        let passed = self.of(Verdict::Passed) + self.of(Verdict::Flaky) + self.spared;
        let (mark, role) = if self.of(Verdict::Failed) > self.spared {
            (" FAIL", Role::Bad)
        } else if self.unjudged() > 0 {
            ("  ?", Role::Doubt)
        } else if self.of(Verdict::NotRun) > 0 || self.decided < self.cases {
            ("  -", Role::Doubt)
        } else if passed == 0 {
            (" skip", Role::Dim)
        } else {
            ("  ok", Role::Good)
        };
        let time = self.span.map_or_else(String::new, |(first, last)| seconds(last.saturating_duration_since(first)));
        let line = page.line().push(role, mark).pad_to(NAME).text(&shorten(&self.id, names)).pad_to(NAME + names);
        let line = line.text(&if page.width < NARROW {
            format!("{:>5}{time:>8}", self.cases)
        } else {
            format!("{:>6}  {time:>8}", self.cases)
        });
        let hang = if page.width < NARROW { NAME } else { line.width() + 3 };
        let remarks = self.remarks();
        let remarks: Vec<(Role, &str)> = remarks.iter().map(|(role, text)| (*role, text.as_str())).collect();
        line.flow(&remarks, page.width, hang)
    }

    fn remarks(&self) -> Vec<(Role, String)> {
        let unjudged = match self.unjudged() {
            0 => String::new(),
            n => format!("{n} could not be judged"),
        };
        let count = |n: usize, word: &str| if n == 0 { String::new() } else { format!("{n} {word}") };
        let skipped = self.of(Verdict::Skipped);
        let all_skipped = skipped == self.cases;
        let undone = self.of(Verdict::NotRun) + self.cases.saturating_sub(self.decided);
        let waited = match &self.waited_for {
            _ if self.waited < WORTH_TELLING => String::new(),
            Some(what) => format!("({} waiting for {})", seconds(self.waited), shorten(what, 60)),
            None => format!("({} waiting)", seconds(self.waited)),
        };
        [
            (Role::Bad, count(self.of(Verdict::Failed).saturating_sub(self.spared), "failed")),
            (Role::Doubt, count(self.spared, "spared")),
            (Role::Doubt, unjudged),
            (Role::Doubt, count(undone, "not run")),
            (Role::Doubt, count(self.of(Verdict::Flaky), "flaky")),
            (Role::Dim, if all_skipped { String::new() } else { count(skipped, "skipped") }),
            (Role::Dim, count(self.unproven, "unproven")),
            (Role::Dim, steps_skipped(self.skipped_steps)),
            (
                Role::Dim,
                if self.defects == 0 { String::new() } else { format!("{} sent", plural(self.defects, "defect")) },
            ),
            (Role::Doubt, if self.findings == 0 { String::new() } else { plural(self.findings, "finding") }),
            (Role::Dim, waited),
        ]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .collect()
    }
}

/// Says how many steps were left out, if any.
fn steps_skipped(steps: usize) -> String {
    if steps == 0 { String::new() } else { format!("{} skipped", plural(steps, "step")) }
}

/// Writes a suite's time: always in seconds, so that the column can be compared.
fn seconds(time: Duration) -> String {
    if time < Duration::from_mins(1) { format!("{:.2}s", time.as_secs_f64()) } else { duration(time) }
}

/// Says how a defect was refused that should have been refused otherwise.
fn inexact(outcome: &Outcome) -> String {
    let with = outcome.with.as_ref().filter(|with| matches!(with.grade, Some(Grade::DeniedOther | Grade::Amiss)));
    let told = with.filter(|_| outcome.verdict == Verdict::Passed).and_then(|w| Some((w, w.actual.as_ref()?)));
    told.map_or_else(String::new, |(with, actual)| format!("got {actual}, want {}", with.expected))
}

/// Draws one case of a suite in a line: verdict, time, name, and why it neither passed nor has a block.
pub(super) fn case_line(page: Page, outcome: &Outcome, name: &str) -> Vec<Line> {
    let time = match outcome.verdict {
        Verdict::Skipped | Verdict::NotRun => String::new(),
        Verdict::Passed
        | Verdict::Flaky
        | Verdict::Failed
        | Verdict::Blocked
        | Verdict::Inconclusive
        | Verdict::Errored => duration(outcome.elapsed),
    };
    let (role, word) =
        if outcome.spared { (Role::Doubt, "spared") } else { (tone(outcome.verdict), outcome.verdict.word()) };
    let line = page.line().pad_to(NAME).push(role, word).pad_to(NAME + 12);
    let line = line.push(Role::Dim, &format!("{time:>8}  ")).text(name);
    let why = outcome.reasons.first().filter(|_| !outcome.verdict.needs_attention());
    let why = why.map(|r| shorten(&r.message, 160)).unwrap_or_default();
    let skipped = steps_skipped(outcome.skipped_steps());
    let inexact = inexact(outcome);
    let remarks = [(Role::Dim, why.as_str()), (Role::Dim, skipped.as_str()), (Role::Doubt, inexact.as_str())];
    let remarks: Vec<_> = remarks.into_iter().filter(|(_, text)| !text.is_empty()).collect();
    line.flow(&remarks, page.width, NAME + 22)
}

//! The JUnit report: what CI systems read.
//!
//! `junit-report` builds the test cases, a few at a time so that memory stays small; `splice` joins
//! what it writes into one document and adds what it does not know: `line`, `skipped`, properties and
//! totals. Every text goes through `clean`, so the file is well-formed whatever a server sends.

use std::collections::HashSet;
use std::io::{self, Write};
use std::time::Duration;

use junit_report::{OffsetDateTime, Report, TestCase, TestSuite};

use crate::event::{OutcomeKind, RunInfo, SuiteInfo, Summary, Verdict};
use crate::report::Again;
use crate::report::spool::{Entry, Spool};

mod case;
mod clean;
mod cut;
mod exchange;
mod splice;

pub use cut::cut;
use splice::{Added, Splice};

/// Bytes of text in test cases that are built before they are written.
const BATCH: usize = 256 * 1024;

/// What a verdict is in JUnit's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Passed,
    Failure,
    Error,
    Skipped,
}

/// The numbers of one suite or of the run.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    unproven: usize,
    time: Duration,
}

/// Writes the report of a run as one JUnit document, in the order of the plan.
///
/// Suites without an outcome are left out. Errors are those of the
/// writer and of the spool.
pub fn write_junit(
    info: &RunInfo,
    summary: &Summary,
    spool: &mut Spool,
    again: &Again,
    to: &mut dyn Write,
) -> io::Result<()> {
    let again = &spool.masked(again)?;
    let info = spool.masked(info)?;
    let shown = |entry: &Entry| shown(entry, summary);
    let mut entries = spool.entries();
    entries.sort_by_key(|entry| entry.suite);
    let mut total = Counts::of(&entries, shown);
    total.time = summary.elapsed;
    let mut splice = Splice::begin(to, &total.attributes(&[("name", "authspec")]))?;
    let mut names = HashSet::new();
    let mut classes = HashSet::new();
    for (id, of_suite) in entries.chunk_by(|a, b| a.suite == b.suite).enumerate() {
        let unknown = SuiteInfo { id: "unknown".into(), name: "unknown".into(), file: "".into(), cases: 0 };
        let suite = info.suites.get(of_suite[0].suite as usize).unwrap_or(&unknown);
        let classname = unique(&clean::name(&suite.id), "2", &mut classes);
        let counts = Counts::of(of_suite, shown);
        let head = SuiteHead { name: clean::name(&suite.name), id: id.to_string(), started: started(&info) };
        splice.open_suite(
            &head.rendered(Vec::new())?,
            &counts.attributes(&[("id", &head.id)]),
            &properties(&info, summary, &counts),
        )?;
        names.clear();
        let mut batch = Batch::default();
        for entry in of_suite {
            let mut case = case::case(entry, shown(entry), spool, again)?;
            case.name = unique(&case.name, &case.id, &mut names);
            batch.push(case, &classname);
            if batch.bytes > BATCH {
                batch.write(&head, &mut splice)?;
            }
        }
        batch.write(&head, &mut splice)?;
        splice.close_suite()?;
    }
    splice.end()
}

/// Says what a verdict is in JUnit's terms; what the user tolerates must not stop a pipeline, nor look passed.
fn shown(entry: &Entry, summary: &Summary) -> Shown {
    match entry.verdict {
        Verdict::Passed | Verdict::Flaky => Shown::Passed,
        Verdict::Failed if entry.spared => Shown::Skipped,
        Verdict::Failed => Shown::Failure,
        Verdict::Inconclusive if summary.tolerated.contains(&entry.verdict) => Shown::Skipped,
        Verdict::Blocked | Verdict::Inconclusive | Verdict::Errored => Shown::Error,
        Verdict::Skipped | Verdict::NotRun => Shown::Skipped,
    }
}

impl Counts {
    fn of(entries: &[Entry], shown: impl Fn(&Entry) -> Shown) -> Self {
        let mut counts = Self { tests: entries.len(), ..Self::default() };
        for entry in entries {
            counts.time += entry.elapsed;
            counts.unproven += usize::from(entry.kind == OutcomeKind::Case && entry.unproven > 0);
            match shown(entry) {
                Shown::Passed => {}
                Shown::Failure => counts.failures += 1,
                Shown::Error => counts.errors += 1,
                Shown::Skipped => counts.skipped += 1,
            }
        }
        counts
    }

    fn attributes(&self, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut all: Vec<_> = more.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let numbers = [self.tests, self.failures, self.errors, self.skipped];
        all.extend(["tests", "failures", "errors", "skipped"].into_iter().zip(numbers.map(|n| n.to_string())));
        all.push(("time", seconds(self.time)));
        all
    }
}

/// Writes seconds with milliseconds, which is all that strict readers take.
fn seconds(time: Duration) -> String {
    let ms = (time.as_micros() + 500) / 1000;
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// Gives what weakens or explains the run, for the properties of every suite.
fn properties(info: &RunInfo, summary: &Summary, counts: &Counts) -> Vec<(&'static str, String)> {
    let mut all = vec![("authspec.version", info.version.clone())];
    all.extend(info.targets.iter().map(|target| ("authspec.target", target.clone())));
    all.extend(info.notices.iter().map(|notice| ("authspec.notice", notice.clone())));
    all.extend(summary.tolerated.iter().map(|verdict| ("authspec.tolerated", verdict.word().to_owned())));
    all.extend(summary.fail_on.map(|severity| ("authspec.fail-on", severity.word().to_owned())));
    if counts.unproven > 0 {
        all.push(("authspec.unproven", counts.unproven.to_string()));
    }
    all.iter().map(|(name, value)| (*name, clean::attribute(value).into_owned())).collect()
}

/// Makes a name that is not in `taken` yet, by adding `distinct` and then by a number in front.
fn unique(name: &str, distinct: &str, taken: &mut HashSet<String>) -> String {
    let mut free = |name: String| taken.insert(name.clone()).then_some(name);
    // Names are cut at the end, so a number there might be lost.
    free(name.to_owned())
        .or_else(|| free(clean::name(&format!("{name} ({distinct})"))))
        .or_else(|| (2usize..).find_map(|n| free(clean::name(&format!("#{n} {name}")))))
        .unwrap_or_default()
}

fn started(info: &RunInfo) -> OffsetDateTime {
    let seconds = info.started.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_second);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// What `junit-report` has to know of a suite.
struct SuiteHead {
    name: String,
    id: String,
    started: OffsetDateTime,
}

impl SuiteHead {
    /// Has `junit-report` write a document of this suite with some of its cases.
    fn rendered(&self, cases: Vec<TestCase>) -> io::Result<Vec<u8>> {
        let mut suite = TestSuite::new(&self.name);
        suite.set_timestamp(self.started);
        suite.testcases = cases;
        let mut report = Report::new();
        report.add_testsuite(suite);
        let mut out = Vec::new();
        report.write_xml(&mut out).map_err(io::Error::other)?;
        Ok(out)
    }
}

/// Test cases that wait to be written, and what is added to each.
#[derive(Default)]
struct Batch {
    cases: Vec<TestCase>,
    added: Vec<Added>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, case: case::Case, classname: &str) {
        self.bytes += case.bytes() + 200;
        self.added.push(Added {
            attributes: [("time", seconds(case.elapsed)), ("line", case.line.to_string())],
            properties: case.properties(),
        });
        self.cases.push(case.into_test_case(classname));
    }

    fn write(&mut self, head: &SuiteHead, splice: &mut Splice<'_>) -> io::Result<()> {
        let Self { cases, added, .. } = std::mem::take(self);
        if cases.is_empty() {
            return Ok(());
        }
        splice.cases(&head.rendered(cases)?, &added)
    }
}

#[cfg(test)]
mod tests;

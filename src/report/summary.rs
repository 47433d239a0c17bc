//! The run as Markdown, for the summary of a pull request or a pipeline: the numbers, the access matrices, and what did
//! not pass.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::event::{Outcome, RunInfo, Summary, Verdict};
use crate::mutate::Grade;
use crate::report::matrix::Matrices;
use crate::report::spool::Spool;
use crate::term::{duration, markdown as text, markdown_code as code, plural};

/// How many causes are named: a summary is read, not searched.
const MOST: usize = 30;

/// Writes the summary of a run. `rows` are the rows of matrices that are shown.
///
/// Errors are those of the writer and of the spool.
pub fn write_summary(info: &RunInfo, summary: &Summary, spool: &mut Spool, to: &mut dyn Write) -> io::Result<()> {
    let info = spool.masked(info)?;
    let mut matrices = Matrices::default();
    let mut causes: Vec<Cause> = Vec::new();
    let mut grades: BTreeMap<&'static str, usize> = BTreeMap::new();
    for entry in spool.entries() {
        let outcome = spool.outcome(&entry)?;
        matrices.add(&outcome);
        if let Some(grade) = outcome.with.as_ref().and_then(|with| with.grade) {
            *grades.entry(grade.word()).or_default() += 1;
        }
        if outcome.verdict.needs_attention() {
            note(&mut causes, &outcome);
        }
    }
    writeln!(to, "## {}\n", headline(summary))?;
    let targets: Vec<String> = info.targets.iter().map(|t| code(t)).collect();
    let (requests, time) = (summary.tally.requests, duration(summary.elapsed));
    writeln!(to, "{} against {}, {requests} requests, {time}\n", plural(info.cases, "case"), targets.join(", "))?;
    let count = |v: Verdict| if v == Verdict::Failed { summary.tally.failing() } else { summary.tally.of(v) };
    let verdicts: Vec<(&str, usize)> = Verdict::ALL
        .into_iter()
        .map(|v| (v.word(), count(v)))
        .chain([("spared", summary.tally.spared)])
        .filter(|(_, n)| *n > 0)
        .collect();
    row(to, verdicts.iter().map(|(word, _)| (*word).to_owned()))?;
    writeln!(to, "|{}", "---:|".repeat(verdicts.len()))?;
    row(to, verdicts.iter().map(|(_, n)| n.to_string()))?;
    if summary.tally.proven_refusals > 0 {
        writeln!(to, "\n{} proven, each with its controls", plural(summary.tally.proven_refusals, "refusal"))?;
    }
    if !grades.is_empty() {
        let told = Grade::ALL.iter().filter_map(|g| Some(format!("{} {}", grades.get(g.word())?, g.word())));
        writeln!(to, "\n{} sent: {}", plural(grades.values().sum(), "defect"), told.collect::<Vec<_>>().join(", "))?;
    }
    remarks(summary, to)?;
    for notice in &info.notices {
        writeln!(to, "\n> {}", text(notice))?;
    }
    matrices.markdown(to)?;
    if !causes.is_empty() {
        writeln!(to, "\n### What did not pass\n")?;
        // What fails the run goes first.
        causes.sort_by_key(|cause| cause.spared);
        for cause in causes.iter().take(MOST) {
            writeln!(to, "- {cause}")?;
        }
        if causes.len() > MOST {
            writeln!(to, "- and {}", plural(causes.len() - MOST, "more cause"))?;
        }
    }
    Ok(())
}

/// Writes what is to be known beside the numbers.
fn remarks(summary: &Summary, to: &mut dyn Write) -> io::Result<()> {
    if summary.tally.findings > 0 {
        let findings = plural(summary.tally.findings, "finding");
        writeln!(to, "\n> {findings}: answered otherwise than is due, and let pass without `strict: true`")?;
    }
    if summary.tally.withheld > 0 {
        let defects = plural(summary.tally.withheld, "defect");
        writeln!(to, "\n> {defects} withheld that may write or delete data, without `allow_destructive: true`")?;
    }
    if let Some(from) = summary.fail_on.filter(|_| summary.tally.spared > 0) {
        writeln!(to, "\n> `--fail-on {}` spares defects that are milder", from.word())?;
    }
    for verdict in &summary.tolerated {
        writeln!(to, "\n> `--tolerate {0}` lets {0} cases pass", verdict.word())?;
    }
    Ok(())
}

/// Something that did not pass, with how many cases it concerns.
struct Cause {
    key: String,
    verdict: Verdict,
    spared: bool,
    what: String,
    place: String,
    id: String,
    cases: usize,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { verdict, what, place, id, cases, .. } = self;
        let word = if self.spared { "spared" } else { verdict.word() };
        write!(f, "**{word}** {what} ({}): {}", code(place), code(id))?;
        if *cases > 1 { write!(f, " and {}", plural(cases - 1, "more case")) } else { Ok(()) }
    }
}

/// Adds an outcome; what is the same for several is told once.
fn note(causes: &mut Vec<Cause>, outcome: &Outcome) {
    let (what, place) = match outcome.reasons.first() {
        None => (outcome.verdict.word().to_owned(), &outcome.place),
        Some(reason) => {
            let wanted = reason.expected.as_ref().map(|e| format!(", expected {}", code(e))).unwrap_or_default();
            let came = reason.actual.as_ref().map(|a| format!(", got {}", code(a))).unwrap_or_default();
            (format!("{}{wanted}{came}", text(&reason.message)), &reason.place)
        }
    };
    let place = format!("{}:{}", place.file, place.line);
    let key = format!("{what} {place}");
    let (verdict, spared, id) = (outcome.verdict, outcome.spared, outcome.id.to_string());
    if let Some(known) = causes.iter_mut().find(|c| c.key == key && (c.verdict, c.spared) == (verdict, spared)) {
        known.cases += 1;
    } else {
        causes.push(Cause { key, verdict, spared, what, place, id, cases: 1 });
    }
}

fn headline(summary: &Summary) -> String {
    let of = |verdicts: &[Verdict]| verdicts.iter().map(|v| summary.tally.of(*v)).sum::<usize>();
    let failed = summary.tally.failing();
    let unjudged = of(&[Verdict::Blocked, Verdict::Inconclusive, Verdict::Errored]);
    let mark = if summary.exit == crate::verdict::ALL_PASSED { ":white_check_mark:" } else { ":x:" };
    let told = match (failed, unjudged, summary.exit) {
        (0, 0, crate::verdict::ALL_PASSED) if summary.tally.spared > 0 => {
            format!("all hold but for {} spared", plural(summary.tally.spared, "case"))
        }
        (0, 0, crate::verdict::ALL_PASSED) => "all hold".to_owned(),
        (0, 0, _) => "did not end as it should".to_owned(),
        (0, n, _) => format!("{} could not be judged", plural(n, "case")),
        (n, 0, _) => format!("{} failed", plural(n, "case")),
        (n, m, _) => format!("{} failed, {m} could not be judged", plural(n, "case")),
    };
    format!("{mark} authspec: {told}")
}

/// Writes one row of a table.
pub(super) fn row(to: &mut dyn Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    let cells: Vec<String> = cells.collect();
    writeln!(to, "| {} |", cells.join(" | "))
}

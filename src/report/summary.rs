//! The run as Markdown, for the summary of a pull request or a pipeline: the numbers, the access matrices, and what did
//! not pass.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::event::{Outcome, Reason, RunInfo, Summary, Verdict};
use crate::mutate::Grade;
use crate::report::matrix::Matrices;
use crate::report::spool::Spool;
use crate::report::terminal::why_stopped;
use crate::term::{duration, markdown as text, markdown_code as code, plural};
use crate::verdict::fails_by_flaky;

/// How many causes are named: a summary is read, not searched.
const MOST: usize = 30;

/// Writes the summary of a run. `rows` are the rows of matrices that are shown.
///
/// Errors are those of the writer and of the spool.
pub fn write_summary(info: &RunInfo, summary: &Summary, spool: &mut Spool, to: &mut dyn Write) -> io::Result<()> {
    let info = spool.masked(info)?;
    let mut matrices = Matrices::default();
    let (mut causes, mut flaky): (Vec<Cause>, Vec<Cause>) = (Vec::new(), Vec::new());
    let mut grades: BTreeMap<&'static str, usize> = BTreeMap::new();
    for entry in spool.entries() {
        let outcome = spool.outcome(&entry)?;
        matrices.add(&outcome);
        if let Some(grade) = outcome.with.as_ref().and_then(|with| with.grade) {
            *grades.entry(grade.word()).or_default() += 1;
        }
        if outcome.verdict.needs_attention() {
            note(&mut causes, &outcome, outcome.reasons.first());
        } else if outcome.verdict == Verdict::Flaky {
            note(&mut flaky, &outcome, outcome.reasons.iter().find(|r| r.code == "retried"));
        }
    }
    writeln!(to, "## {}\n", headline(summary))?;
    let targets: Vec<String> = info.targets.iter().map(|t| code(t)).collect();
    let (requests, time) = (plural(summary.tally.requests, "request"), duration(summary.elapsed));
    writeln!(to, "{} against {}, {requests}, {time}\n", plural(info.cases, "case"), targets.join(", "))?;
    numbers(summary, to)?;
    if !grades.is_empty() {
        let told = Grade::ALL.iter().filter_map(|g| Some(format!("{} {}", grades.get(g.word())?, g.word())));
        writeln!(to, "\n{} sent: {}", plural(grades.values().sum(), "defect"), told.collect::<Vec<_>>().join(", "))?;
    }
    remarks(summary, to)?;
    for notice in &info.notices {
        writeln!(to, "\n> {}", text(notice))?;
    }
    matrices.markdown(to)?;
    // What fails the run goes first.
    causes.sort_by_key(|cause| cause.spared);
    named("What did not pass", &causes, to)?;
    named("What passed only when run again", &flaky, to)
}

/// The verdicts in a table, and below it how many refusals are proven.
fn numbers(summary: &Summary, to: &mut dyn Write) -> io::Result<()> {
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
    match summary.tally.proven_refusals {
        0 => Ok(()),
        1 => writeln!(to, "\n1 refusal proven, with its controls"),
        n => writeln!(to, "\n{n} refusals proven, each with its controls"),
    }
}

/// What nobody may overlook beside the numbers.
fn remarks(summary: &Summary, to: &mut dyn Write) -> io::Result<()> {
    let tally = &summary.tally;
    if let Some(stopped) = summary.stopped {
        writeln!(to, "\n> stopped: {}", why_stopped(stopped, tally.of(Verdict::NotRun)))?;
    }
    if tally.unproven > 0 {
        let (cases, verb) = (plural(tally.unproven, "passed case"), if tally.unproven == 1 { "holds" } else { "hold" });
        let off = if tally.uncontrolled > 0 {
            format!(", {} of them with `control: off`", tally.uncontrolled)
        } else {
            String::new()
        };
        writeln!(to, "\n> {cases} {verb} a refusal that nobody was seen being allowed (unproven{off})")?;
    }
    if tally.unlooked_refusals > 0 {
        let refused = plural(tally.unlooked_refusals, "refused change");
        writeln!(to, "\n> nobody looked whether {refused} took effect all the same (no `unchanged` in the row)")?;
    }
    if tally.findings > 0 {
        let findings = plural(tally.findings, "finding");
        writeln!(to, "\n> {findings}: answered otherwise than is due, and let pass without `strict: true`")?;
    }
    if tally.withheld > 0 {
        let defects = plural(tally.withheld, "defect");
        writeln!(to, "\n> {defects} withheld that may write or delete data, without `allow_destructive: true`")?;
    }
    if let Some(from) = summary.fail_on.filter(|_| tally.spared > 0) {
        writeln!(to, "\n> `--fail-on {}` spares defects that are milder", from.word())?;
    }
    if fails_by_flaky(summary) {
        writeln!(to, "\n> `--fail-on flaky` lets no case pass that had to be run again")?;
    }
    for verdict in &summary.tolerated {
        writeln!(to, "\n> `--tolerate {0}` lets {0} cases pass", verdict.word())?;
    }
    Ok(())
}

fn named(title: &str, causes: &[Cause], to: &mut dyn Write) -> io::Result<()> {
    if causes.is_empty() {
        return Ok(());
    }
    writeln!(to, "\n### {title}\n")?;
    for cause in causes.iter().take(MOST) {
        writeln!(to, "- {cause}")?;
    }
    if causes.len() > MOST {
        writeln!(to, "- and {}", plural(causes.len() - MOST, "more cause"))?;
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
fn note(causes: &mut Vec<Cause>, outcome: &Outcome, why: Option<&Reason>) {
    let (what, place) = match why {
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
        (0, 0, _) if fails_by_flaky(summary) => {
            format!("{} passed only when run again", plural(of(&[Verdict::Flaky]), "case"))
        }
        (0, 0, _) if of(&[Verdict::NotRun]) > 0 => {
            format!("stopped, {} not run", plural(of(&[Verdict::NotRun]), "case"))
        }
        (0, 0, crate::verdict::NOTHING) => "every case was skipped".to_owned(),
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

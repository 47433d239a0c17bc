//! One outcome as a JUnit test case.

use std::time::Duration;

use junit_report::{TestCase, TestResult};

use super::{Shown, clean, cut, exchange};
use crate::event::{Certainty, Outcome, OutcomeKind, Verdict};
use crate::mutate::mutation;
use crate::report::Again;
use crate::report::block::failure_text;
use crate::report::spool::{Defect, Entry, Spool};
use crate::term::plural;

/// Bytes of the exchange that are written for a case that did not pass.
const SYSTEM_OUT: usize = 8 * 1024;

/// Bytes of the text of a failure; a block is far shorter, values in it may not be.
const FAILURE: usize = 16 * 1024;

/// Columns of the failure text.
const WIDTH: usize = 100;

/// A test case before its name is known to be unique.
pub(super) struct Case {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) elapsed: Duration,
    file: String,
    result: TestResult,
    system_out: Option<String>,
    defect: Option<Defect>,
}

/// Reads what a test case shows from the spool; of a plainly passed case only its name and place.
pub(super) fn case(entry: &Entry, shown: Shown, spool: &mut Spool, again: &Again) -> std::io::Result<Case> {
    if entry.verdict == Verdict::Passed {
        return passed(entry, spool);
    }
    let outcome = spool.outcome(entry)?;
    let name = match outcome.kind {
        OutcomeKind::Case => clean::name(&outcome.name),
        OutcomeKind::Teardown => "teardown".to_owned(),
    };
    let place = &outcome.place;
    Ok(Case {
        id: outcome.id.to_string(),
        name,
        line: place.line,
        elapsed: outcome.elapsed,
        file: clean::attribute(&place.file).into_owned(),
        result: result(&outcome, shown, again),
        system_out: Some(content(&system_out(&outcome, shown), SYSTEM_OUT)).filter(|text| !text.is_empty()),
        defect: outcome.with.as_deref().map(Defect::of),
    })
}

fn passed(entry: &Entry, spool: &mut Spool) -> std::io::Result<Case> {
    let head = spool.head(entry)?;
    Ok(Case {
        name: clean::name(&head.name),
        id: head.id,
        line: head.line,
        elapsed: entry.elapsed,
        file: clean::attribute(&head.file).into_owned(),
        result: TestResult::Success,
        system_out: Some(remarks((head.unproven, head.uncontrolled), head.skipped_steps))
            .filter(|text| !text.is_empty()),
        defect: head.defect,
    })
}

impl Case {
    /// Counts the bytes of its longest texts.
    pub(super) fn bytes(&self) -> usize {
        let cause = match &self.result {
            TestResult::Success | TestResult::Skipped => None,
            TestResult::SkippedWithCause { cause, .. }
            | TestResult::Error { cause, .. }
            | TestResult::Failure { cause, .. } => cause.as_ref(),
        };
        cause.map_or(0, String::len) + self.system_out.as_ref().map_or(0, String::len)
    }

    /// What a query asks by: the defect that was sent, how bad it is, what it stands on, and what came of it.
    pub(super) fn properties(&self) -> Vec<(&'static str, String)> {
        let Some(defect) = &self.defect else { return Vec::new() };
        let mut all = vec![
            ("authspec.mutation", defect.id.clone()),
            ("authspec.severity", defect.severity.clone()),
            ("authspec.grade", defect.grade.clone()),
        ];
        let row = mutation(&defect.id);
        let class = row.map(|row| row.class).filter(|class| !class.is_harmless());
        all.extend(class.map(|class| ("authspec.class", class.word().to_owned())));
        let refs = row.map_or(&[][..], |row| row.refs);
        all.extend(refs.iter().map(|reference| ("authspec.reference", (*reference).to_owned())));
        all.iter().map(|(name, value)| (*name, clean::attribute(value).into_owned())).collect()
    }

    pub(super) fn into_test_case(self, classname: &str) -> TestCase {
        let mut case = TestCase::success(&self.name, junit_report::Duration::ZERO);
        case.result = self.result;
        case.classname = Some(classname.to_owned());
        case.filepath = Some(self.file);
        case.system_out = self.system_out;
        case
    }
}

fn result(outcome: &Outcome, shown: Shown, again: &Again) -> TestResult {
    let type_ = outcome.reasons.first().map_or("unknown", |reason| reason.code).to_owned();
    let message = clean::attribute(&cause(outcome)).into_owned();
    let text = || Some(content(&format!("{message}\n\n{}", failure_text(outcome, WIDTH, again)), FAILURE));
    match shown {
        Shown::Passed => TestResult::Success,
        Shown::Failure => {
            let cause = text();
            TestResult::Failure { type_, message, cause }
        }
        Shown::Error => {
            let cause = text();
            TestResult::Error { type_, message, cause }
        }
        Shown::Skipped => {
            let message = match outcome.verdict {
                Verdict::Inconclusive => format!("inconclusive, tolerated: {message}"),
                Verdict::Failed => format!("spared, milder than --fail-on: {message}"),
                Verdict::Passed
                | Verdict::Flaky
                | Verdict::Blocked
                | Verdict::Errored
                | Verdict::Skipped
                | Verdict::NotRun => message,
            };
            TestResult::SkippedWithCause { type_, message, cause: None }
        }
    }
}

/// Says in one line why a case did not pass and where.
fn cause(outcome: &Outcome) -> String {
    let Some(reason) = outcome.reasons.first() else {
        return format!("{} ({})", outcome.verdict.word(), outcome.place);
    };
    let place = if reason.place.line > 0 { &reason.place } else { &outcome.place };
    // Dashboards show this line alone, so a cause that is certain stands in it.
    let sure = outcome.causes.first().filter(|f| f.certainty == Certainty::Certain);
    let cause = sure.map(|f| format!("; {}", f.cause)).unwrap_or_default();
    format!("{}{cause} ({place})", reason.message)
}

fn system_out(outcome: &Outcome, shown: Shown) -> String {
    let mut out = String::new();
    if outcome.verdict == Verdict::Flaky {
        out.push_str(&format!("flaky: passed only at attempt {}\n", outcome.attempts));
        for reason in &outcome.reasons {
            out.push_str(&format!("an earlier attempt: {} ({})\n", reason.message, reason.place));
        }
    }
    out.push_str(&remarks((outcome.proof.unproven, outcome.proof.uncontrolled), outcome.skipped_steps()));
    match shown {
        Shown::Passed => {}
        Shown::Failure | Shown::Error | Shown::Skipped => out.push_str(&exchange::exchanges(outcome)),
    }
    out
}

/// What a case proves less than its text says.
fn remarks((unproven, uncontrolled): (u32, u32), skipped_steps: usize) -> String {
    let mut out = String::new();
    if uncontrolled > 0 {
        let told = plural(uncontrolled as usize, "refusal");
        out.push_str(&format!("unproven: {told}; with `control: off` nothing shows what else it may come from\n"));
    }
    if unproven > uncontrolled {
        let told = plural((unproven - uncontrolled) as usize, "refusal");
        out.push_str(&format!("unproven: {told}; nobody was allowed the same request, so the cause may be another\n"));
    }
    if skipped_steps > 0 {
        out.push_str(&format!(
            "skipped: {}, for the condition under `if` was false, or nothing was there to send\n",
            plural(skipped_steps, "step")
        ));
    }
    out
}

/// Cuts a masked text and makes it fit for XML.
fn content(text: &str, max: usize) -> String {
    clean::content(&cut(text.to_owned(), max)).into_owned()
}

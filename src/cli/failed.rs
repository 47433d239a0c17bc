//! `run --failed-from`: which cases did not pass in an earlier result.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use super::context::Context;
use crate::event::Verdict;
use crate::plan::Plan;
use crate::report::json::SCHEMA;
use crate::term::{list, plural};

/// How many ids a sentence names.
const NAMED: usize = 5;

/// What is needed of a JSON report.
#[derive(Deserialize)]
struct Results {
    schema: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    verdict: Verdict,
}

/// Reads the ids of the cases that did not pass; what was skipped on purpose is left out.
pub(super) fn read(path: &Path, context: &Context) -> Result<BTreeSet<String>, String> {
    let shown = path.display();
    let text = std::fs::read(context.folder.join(path)).map_err(|error| {
        let why = error.to_string();
        format!("{shown} cannot be read: {}", why.split(" (os error").next().unwrap_or_default().to_lowercase())
    })?;
    let results: Results = serde_json::from_slice(&text).map_err(|e| {
        format!("{shown} is no result of `authspec run --json` (line {}, column {})", e.line(), e.column())
    })?;
    if results.schema != SCHEMA {
        return Err(format!("{shown} is of another kind: its schema is `{}`, not `{SCHEMA}`", results.schema));
    }
    let again = |verdict: Verdict| match verdict {
        Verdict::Failed | Verdict::Blocked | Verdict::Inconclusive | Verdict::Errored | Verdict::NotRun => true,
        Verdict::Passed | Verdict::Flaky | Verdict::Skipped => false,
    };
    Ok(results.cases.into_iter().filter(|case| again(case.verdict)).map(|case| case.id).collect())
}

/// Names the cases that are not there any more.
pub(super) fn gone(plan: &Plan, path: &Path) -> Option<String> {
    if plan.gone.is_empty() {
        return None;
    }
    let mut names: Vec<String> = plan.gone.iter().take(NAMED).map(|id| format!("`{id}`")).collect();
    if plan.gone.len() > NAMED {
        names.push(format!("{} more", plan.gone.len() - NAMED));
    }
    let (cases, are) = (plural(plan.gone.len(), "case"), if plan.gone.len() == 1 { "is" } else { "are" });
    Some(format!("{cases} of {} {are} not in these files any more: {}", path.display(), list(&names, "and")))
}

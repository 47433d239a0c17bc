//! The JSON report: the whole run as one document, described in `docs/json.md`.
//!
//! The document is written case by case from the spool; every line is a whole value, so that it can
//! be read with line tools too. A field may be added within a schema version, never taken away.

use std::io::{self, Write};

use serde::Serialize;

use crate::event::{OutcomeKind, RunInfo, Stopped, Summary, Verdict};
use crate::report::spool::{Entry, Spool};

/// The name and version of the schema; the number changes when a reader could break.
pub const SCHEMA: &str = "authspec-results/1";

/// The numbers of the run as the document shows them.
#[derive(Serialize)]
struct Numbers {
    cases: usize,
    verdicts: serde_json::Map<String, serde_json::Value>,
    spared: usize,
    unproven: usize,
    #[serde(skip_serializing_if = "is_none")]
    uncontrolled: usize,
    skipped_steps: usize,
    proven_refusals: usize,
    unverified_claims: usize,
    odd_refusals: usize,
    #[serde(skip_serializing_if = "is_none")]
    unlooked_refusals: usize,
    findings: usize,
    withheld: usize,
    requests: usize,
    logins: usize,
    teardowns: usize,
    filtered_out: usize,
    excluded_files: usize,
    ms: f64,
}

/// Writes the report of a run as one JSON document, in the order of the plan.
///
/// Errors are those of the writer and of the spool.
pub fn write_json(info: &RunInfo, summary: &Summary, spool: &mut Spool, to: &mut dyn Write) -> io::Result<()> {
    let stopped: Option<Stopped> = summary.stopped;
    let head = [
        ("schema", spool.json_of(&SCHEMA)?),
        ("version", spool.json_of(&info.version)?),
        ("started", spool.json_of(&info.started)?),
        ("exit", summary.exit.to_string()),
        ("stopped", serde_json::to_string(&stopped)?),
        ("targets", spool.json_of(&info.targets)?),
        ("notices", spool.json_of(&info.notices)?),
        ("tolerated", serde_json::to_string(&summary.tolerated)?),
        ("fail_on", serde_json::to_string(&summary.fail_on)?),
        ("summary", serde_json::to_string(&Numbers::of(info, summary))?),
    ];
    to.write_all(b"{")?;
    for (i, (key, value)) in head.iter().enumerate() {
        write!(to, "{}\n\"{key}\":{value}", if i > 0 { "," } else { "" })?;
    }
    let suites = info.suites.iter().map(|suite| spool.json_of(suite)).collect::<io::Result<Vec<_>>>()?;
    list(to, "suites", &suites)?;
    let warnings = spool.warnings().iter().map(|warning| spool.json_of(warning)).collect::<io::Result<Vec<_>>>()?;
    list(to, "warnings", &warnings)?;
    let (cases, teardowns): (Vec<Entry>, Vec<Entry>) =
        spool.entries().into_iter().partition(|entry| entry.kind == OutcomeKind::Case);
    outcomes(to, "cases", &cases, spool)?;
    outcomes(to, "teardowns", &teardowns, spool)?;
    to.write_all(b"\n}\n")
}

fn list(to: &mut dyn Write, key: &str, values: &[String]) -> io::Result<()> {
    write!(to, ",\n\"{key}\":[")?;
    for (i, value) in values.iter().enumerate() {
        write!(to, "{}\n{value}", if i > 0 { "," } else { "" })?;
    }
    to.write_all(b"]")
}

fn outcomes(to: &mut dyn Write, key: &str, entries: &[Entry], spool: &mut Spool) -> io::Result<()> {
    write!(to, ",\n\"{key}\":[")?;
    for (i, entry) in entries.iter().enumerate() {
        to.write_all(if i > 0 { b",\n" } else { b"\n" })?;
        spool.write_json(entry, to)?;
    }
    to.write_all(b"]")
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_none(number: &usize) -> bool {
    *number == 0
}

impl Numbers {
    fn of(info: &RunInfo, summary: &Summary) -> Self {
        let tally = &summary.tally;
        let word = |verdict: Verdict| serde_json::to_value(verdict).ok()?.as_str().map(str::to_owned);
        let verdicts = Verdict::ALL.into_iter().filter_map(|v| Some((word(v)?, tally.of(v).into())));
        Self {
            cases: tally.total(),
            verdicts: verdicts.collect(),
            spared: tally.spared,
            unproven: tally.unproven,
            uncontrolled: tally.uncontrolled,
            skipped_steps: tally.skipped_steps,
            proven_refusals: tally.proven_refusals,
            unverified_claims: tally.unverified_claims,
            odd_refusals: tally.odd_refusals,
            unlooked_refusals: tally.unlooked_refusals,
            findings: tally.findings,
            withheld: tally.withheld,
            requests: tally.requests,
            logins: tally.logins,
            teardowns: tally.teardowns,
            filtered_out: info.filtered_out,
            excluded_files: info.excluded_files,
            ms: summary.elapsed.as_secs_f64() * 1000.0,
        }
    }
}

#[cfg(test)]
mod tests;

//! What coverage says, as data: the JSON document, and what the other outputs are made of.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::document::{Document, Operation};
use super::grid::{Grid, Row};
use super::lint::Found;
use super::metrics::{METRICS, risk};
use super::stance::{Stance, State, Want};
use crate::source::SourceMap;

/// The name and version of the schema; the number changes when a reader could break.
pub const SCHEMA: &str = "authspec-coverage/1";

/// All that coverage says.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// The exit code.
    pub exit: u8,
    /// The document: its title, version and file, and the version of OpenAPI.
    pub document: About,
    /// What was counted.
    pub counted: Counted,
    /// What to know before the numbers.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The stances, in the order of the columns.
    pub stances: Vec<String>,
    /// The metrics by name.
    pub metrics: Map<String, Value>,
    /// What is below its bound or worse than the baseline; each fails.
    pub failures: Vec<Failure>,
    /// All operations, in the order of the document.
    pub operations: Vec<OperationReport>,
    /// What no case has checked, the greatest risk first.
    pub untested: Vec<Untested>,
    /// What is badly said, or contradicted by the results.
    pub findings: Vec<FindingReport>,
}

/// The document.
#[derive(Debug, Serialize, Deserialize)]
pub struct About {
    /// Its title.
    pub title: String,
    /// The version of the API.
    pub version: String,
    /// The version of OpenAPI.
    pub openapi: String,
    /// The file.
    pub file: String,
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Counted {
    /// Result files.
    pub results: usize,
    /// Cases in them.
    pub cases: usize,
    /// Requests of their steps.
    pub requests: usize,
    /// Requests that belong to no operation.
    pub unmatched: usize,
}

/// Why coverage fails.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    /// `below-bound`, `new-without-refusal` or `lost-security`.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// Where the operation stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// An operation with its cells.
#[derive(Debug, Serialize, Deserialize)]
pub struct OperationReport {
    /// The method.
    pub method: String,
    /// The path with its parameters in braces.
    pub path: String,
    /// `required`, `optional`, `public` or `undeclared`.
    pub security: String,
    /// Where it stands.
    pub place: String,
    /// By stance, the state; a stance that makes no sense is left out.
    pub cells: Map<String, Value>,
    /// The statuses about access that were seen.
    pub statuses: Vec<u16>,
}

/// A cell that no case has checked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Untested {
    /// How much it matters.
    pub risk: u32,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The stance.
    pub stance: String,
    /// `untested`, or `vacuous` when it was refused without any proof.
    pub state: String,
}

/// A finding.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FindingReport {
    /// Its kind.
    pub code: String,
    /// What it is about.
    pub subject: String,
    /// Where it stands.
    pub place: Option<String>,
}

impl Report {
    /// Gathers everything; what fails is judged later.
    pub fn of(document: &Document, grid: &Grid, found: &[Found], counted: Counted, sources: &SourceMap) -> Self {
        let mut metrics = Map::new();
        for metric in METRICS {
            let share = metric.count(document, grid);
            let mut value = serde_json::json!({ "covered": share.covered, "of": share.of, "percent": share.percent() });
            if metric.name == "mutation" {
                let family = |(sent, good): &(usize, usize)| serde_json::json!({ "covered": good, "of": sent });
                value["families"] = grid.mutations.iter().map(|(name, all)| (name.clone(), family(all))).collect();
            }
            metrics.insert(metric.name.to_owned(), value);
        }
        let rows = || document.operations.iter().zip(&grid.rows);
        Self {
            schema: SCHEMA.to_owned(),
            exit: 0,
            document: About {
                title: document.title.clone(),
                version: document.version.clone(),
                openapi: document.openapi.clone(),
                file: document.file.to_string(),
            },
            counted,
            notes: notes(document, grid),
            stances: grid.stances.iter().map(|s| s.name().into_owned()).collect(),
            metrics,
            failures: Vec::new(),
            operations: rows().map(|(op, row)| OperationReport::of(op, row, grid, sources)).collect(),
            untested: untested(rows(), grid),
            findings: found.iter().map(FindingReport::of).collect(),
        }
    }
}

/// What to know before the numbers: why nothing is counted, where nothing is.
fn notes(document: &Document, grid: &Grid) -> Vec<String> {
    if grid.requests == 0 {
        return vec!["no request was sent in these results, so nothing is counted".to_owned()];
    }
    let (Some(((_, method, path), _)), Some(op)) = (grid.elsewhere.first_key_value(), document.operations.first())
    else {
        return Vec::new();
    };
    if !grid.origins.is_empty() {
        return Vec::new();
    }
    let own = format!("{} {}{}", op.method, op.prefixes.first().map_or("", String::as_str), op.path);
    vec![format!(
        "no request belongs to an operation: {method} {path} was sent, and the document has {own}; `servers` say what stands before its paths"
    )]
}

impl OperationReport {
    fn of(op: &Operation, row: &Row, grid: &Grid, sources: &SourceMap) -> Self {
        let applicable = grid.stances.iter().zip(&row.cells).filter(|(_, cell)| **cell != State::NotApplicable);
        Self {
            method: op.method.clone(),
            path: op.path.clone(),
            security: op.security.word().to_owned(),
            place: sources.place(op.span).to_string(),
            cells: applicable.map(|(s, cell)| (s.name().into_owned(), cell.word().into())).collect(),
            statuses: row.statuses.iter().copied().collect(),
        }
    }
}

impl FindingReport {
    fn of(found: &Found) -> Self {
        Self { code: found.kind.to_owned(), subject: found.subject.clone(), place: found.place.clone() }
    }
}

/// Tells whether a cell is worth a case. Whether somebody is let in is asked of those who may, and of strangers where the
/// document lets them in: all have to be seen there. The rest is about refusals.
pub(super) fn matters(stance: &Stance, want: Want) -> bool {
    match stance {
        Stance::Role(_) | Stance::Anonymous => want != Want::Nothing,
        Stance::Invalid | Stance::Expired | Stance::Peer => matches!(want, Want::Denied | Want::Open),
    }
}

/// What no case has checked, the greatest risk first, then in the order of the document.
fn untested<'a>(rows: impl Iterator<Item = (&'a Operation, &'a Row)>, grid: &Grid) -> Vec<Untested> {
    let mut out = Vec::new();
    for (op, row) in rows {
        for ((stance, cell), want) in grid.stances.iter().zip(&row.cells).zip(&row.wants) {
            let open = matches!(cell, State::Untested | State::Vacuous);
            if open && matters(stance, *want) {
                out.push(Untested {
                    risk: risk(op, stance),
                    method: op.method.clone(),
                    path: op.path.clone(),
                    stance: stance.name().into_owned(),
                    state: cell.word().to_owned(),
                });
            }
        }
    }
    out.sort_by_key(|u| std::cmp::Reverse(u.risk));
    out
}

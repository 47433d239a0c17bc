//! What became worse since an earlier state of the document: a report of coverage, or the document itself.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::document::Document;
use super::grid::Grid;
use super::read::without_names;
use super::report::{Failure, Report, SCHEMA};
use super::stance::Stance;
use crate::source::SourceMap;

/// The operations of an earlier state, each with the word of its security.
#[derive(Debug, Default)]
pub struct Baseline {
    operations: BTreeMap<(String, String), String>,
}

impl Baseline {
    /// Reads an earlier report; nothing if it is none.
    pub fn of_report(text: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Head {
            schema: String,
        }
        let head: Head = serde_json::from_slice(text).ok()?;
        if head.schema != SCHEMA {
            return None;
        }
        let report: Report = serde_json::from_slice(text).ok()?;
        let all = report.operations.into_iter();
        Some(Self { operations: all.map(|o| ((o.method, without_names(&o.path)), o.security)).collect() })
    }

    /// Takes an earlier document.
    pub fn of_document(document: &Document) -> Self {
        let all = document.operations.iter();
        let key = |o: &super::Operation| (o.method.clone(), without_names(&o.path));
        Self { operations: all.map(|o| (key(o), o.security.word().to_owned())).collect() }
    }

    /// Says what became worse.
    pub fn compare(&self, document: &Document, grid: &Grid, sources: &SourceMap) -> Vec<Failure> {
        let mut out = Vec::new();
        let stranger = grid.stances.iter().position(|s| *s == Stance::Anonymous);
        for (op, row) in document.operations.iter().zip(&grid.rows) {
            let place = Some(sources.place(op.span).to_string());
            let refused = stranger.and_then(|at| row.cells.get(at)).is_some_and(|cell| cell.is_covered());
            match self.operations.get(&(op.method.clone(), without_names(&op.path))) {
                None if op.is_protected() && !refused => out.push(Failure {
                    code: "new-without-refusal".to_owned(),
                    message: format!("{} is new, and no case shows that it refuses strangers", op.name()),
                    place,
                }),
                Some(before) if has_lost(before, op.security.word()) => {
                    let did = if before == "required" { "asked for a credential" } else { "took a credential" };
                    out.push(Failure {
                        code: "lost-security".to_owned(),
                        message: format!("{} {did} and is {} now", op.name(), op.security.word()),
                        place,
                    });
                }
                Some(_) | None => {}
            }
        }
        out
    }
}

/// Tells whether an operation asks for less than before: one that took a credential, if there was one, looks at none now.
fn has_lost(before: &str, now: &str) -> bool {
    (before == "required" && before != now) || (before == "optional" && now == "public")
}

//! The numbers: how much of what a document promises a case has checked.
//!
//! To add a metric: a row in [`METRICS`] with its count; reports, `--fail-under` and the documents read the table.

use std::collections::BTreeSet;

use super::document::{Document, Security};
use super::grid::{Grid, LIFE, Row, is_requirement};
use super::stance::{Stance, State, Want};
use crate::mutate::mutations;
use crate::spec::READY_FLOWS;

/// A number of coverage.
#[derive(Debug)]
pub struct Metric {
    /// The name that `--fail-under` takes.
    pub name: &'static str,
    /// What it counts, one fragment.
    pub about: &'static str,
    /// Whether one number of `--fail-under` bounds it.
    pub gate: bool,
    count: fn(&Document, &Grid) -> Share,
}

/// A part of a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// How many were checked.
    pub covered: usize,
    /// How many there are.
    pub of: usize,
}

impl Share {
    /// In percent, cut to a tenth so that nothing is 100 that is not all; nothing where there is nothing to count.
    pub fn percent(self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a document has fewer than 2^52 cells")]
        (self.of > 0).then(|| (self.covered as f64 * 1000.0 / self.of as f64).floor() / 10.0)
    }
}

/// All metrics, in the order of reports.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "authentication",
        about: "protected operations that refused a stranger and an invalid credential",
        gate: true,
        count: |d, g| protected(d, g, |row| covered(g, row, &Stance::Anonymous) && covered(g, row, &Stance::Invalid)),
    },
    Metric {
        name: "expiry",
        about: "protected operations that refused an expired credential",
        gate: false,
        count: |d, g| protected(d, g, |row| covered(g, row, &Stance::Expired)),
    },
    Metric {
        name: "role-denial",
        about: "operation and role: those who may not were refused",
        gate: true,
        count: |d, g| roles(d, g, &[Want::Denied, Want::Open], Want::Denied),
    },
    Metric {
        name: "role-grant",
        about: "operation and role: those who may were let in",
        gate: false,
        count: |d, g| roles(d, g, &[Want::Allowed], Want::Allowed),
    },
    Metric {
        name: "scope",
        about: "operation and scope: somebody known who lacks it was refused, and the challenge said so",
        gate: false,
        count: scopes,
    },
    Metric {
        name: "object",
        about: "protected operations on an object that refused somebody of the owner's role",
        gate: true,
        count: |_, g| cells(g, |stance, want| *stance == Stance::Peer && want == Want::Denied),
    },
    Metric {
        name: "scheme",
        about: "alternatives of `security` that let somebody in, and schemes needed together that were missed when left out",
        gate: false,
        count: |_, g| g.rows.iter().flat_map(|r| r.doors.seen()).fold(Share::default(), Share::with),
    },
    Metric {
        name: "lifecycle",
        about: "life-cycle flows of the library that a case used and passed; nothing where none is used",
        gate: false,
        count: |_, g| lives(g),
    },
    Metric {
        name: "mutation",
        about: "defects that were refused exactly as they should be",
        gate: false,
        count: |_, g| {
            let all = g.mutations.values();
            all.fold(Share::default(), |s, (sent, good)| Share { covered: s.covered + good, of: s.of + sent })
        },
    },
    Metric {
        name: "semantics",
        about: "refusals with the status that says why: 401 or 403",
        gate: false,
        count: |_, g| semantics(g),
    },
    Metric {
        name: "documentation",
        about: "statuses about access that were seen and are documented",
        gate: false,
        count: documentation,
    },
    Metric {
        name: "requirement",
        about: "requirements (ASVS, WSTG, API Top 10) of the catalogue of defects that one showed to be met; nothing where none was sent",
        gate: false,
        count: |_, g| requirements(g),
    },
];

/// Finds a metric by its name.
pub fn metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|m| m.name == name)
}

impl Metric {
    /// Counts it.
    pub fn count(&self, document: &Document, grid: &Grid) -> Share {
        (self.count)(document, grid)
    }
}

impl Share {
    const fn with(self, covered: bool) -> Self {
        Self { covered: self.covered + covered as usize, of: self.of + 1 }
    }
}

fn covered(grid: &Grid, row: &Row, stance: &Stance) -> bool {
    let at = grid.stances.iter().position(|s| s == stance);
    at.and_then(|at| row.cells.get(at)).is_some_and(|c| c.is_covered())
}

fn protected(document: &Document, grid: &Grid, covers: impl Fn(&Row) -> bool) -> Share {
    let rows = document.operations.iter().zip(&grid.rows).filter(|(op, _)| op.is_protected());
    rows.fold(Share::default(), |share, (_, row)| share.with(covers(row)))
}

fn cells(grid: &Grid, counts: impl Fn(&Stance, Want) -> bool) -> Share {
    let all = grid.rows.iter().flat_map(|row| grid.stances.iter().zip(&row.wants).zip(&row.cells));
    let wanted = all.filter(|((stance, want), _)| counts(stance, **want));
    wanted.fold(Share::default(), |share, (_, cell)| share.with(cell.is_covered()))
}

/// A cell that nobody declared and nobody tested may be one that has to be refused, and counts so.
fn roles(document: &Document, grid: &Grid, counted: &[Want], covers: Want) -> Share {
    let mut share = Share::default();
    for (op, row) in document.operations.iter().zip(&grid.rows) {
        if matches!(op.security, Security::Optional(_)) {
            continue;
        }
        for ((stance, want), cell) in grid.stances.iter().zip(&row.wants).zip(&row.cells) {
            if matches!(stance, Stance::Role(_)) && counted.contains(want) {
                share = share.with(*want == covers && cell.is_covered());
            }
        }
    }
    share
}

fn scopes(document: &Document, grid: &Grid) -> Share {
    let rows = document.operations.iter().zip(&grid.rows);
    let all = rows.flat_map(|(op, row)| document.scopes(op).into_iter().map(|scope| row.withheld.contains(&scope)));
    all.fold(Share::default(), Share::with)
}

/// What there is in the library that does not apply counts as missing: results do not say what applies.
fn lives(grid: &Grid) -> Share {
    if grid.lives.is_empty() {
        return Share::default();
    }
    let all = READY_FLOWS.iter().filter(|flow| flow.name.starts_with(LIFE));
    all.fold(Share::default(), |share, flow| share.with(grid.lives.get(flow.name) == Some(&true)))
}

fn requirements(grid: &Grid) -> Share {
    let Some(met) = &grid.met else { return Share::default() };
    let all: BTreeSet<&str> =
        mutations().flat_map(|row| row.refs).copied().filter(|reference| is_requirement(reference)).collect();
    all.iter().fold(Share::default(), |share, one| share.with(met.contains(one)))
}

fn semantics(grid: &Grid) -> Share {
    let all = grid.rows.iter().flat_map(|row| row.wants.iter().zip(&row.cells));
    let refused = all.filter(|(want, cell)| **want == Want::Denied && cell.is_covered());
    refused.fold(Share::default(), |share, (_, cell)| share.with(*cell == State::Exact))
}

fn documentation(document: &Document, grid: &Grid) -> Share {
    let mut share = Share::default();
    for (op, row) in document.operations.iter().zip(&grid.rows) {
        for status in &row.statuses {
            let range = format!("{}XX", status / 100);
            let known = op.statuses.iter().any(|s| *s == status.to_string() || s.eq_ignore_ascii_case(&range));
            share = share.with(known);
        }
    }
    share
}

/// How much an untested cell matters: what the method can do, to which data, and by how many people.
pub fn risk(op: &super::document::Operation, stance: &Stance) -> u32 {
    const SENSITIVE: &[&str] = &["admin", "pii", "personal", "payment"];
    let method = if op.is_safe() { 1 } else { 3 };
    let words = op.path.split(['/', '-', '_', '.']).chain(op.tags.iter().map(String::as_str));
    let sensitive = words.into_iter().any(|w| SENSITIVE.iter().any(|s| w.eq_ignore_ascii_case(s)));
    let data = if sensitive { 2 } else { 1 };
    let exposure = match stance {
        // Nothing is lost where strangers are welcome.
        Stance::Anonymous if op.security == Security::Public => 1,
        // Anybody in the world.
        Stance::Anonymous | Stance::Invalid => 3,
        // Anybody with an account.
        Stance::Role(_) | Stance::Peer => 2,
        // Whoever had one.
        Stance::Expired => 1,
    };
    method * data * exposure
}

#[cfg(test)]
mod tests;

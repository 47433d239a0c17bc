//! Coverage of access: which promises of an API document no case has checked.
//!
//! ```text
//! document ──► operations ┐
//!                         ├─► grid: operation × stance ──► metrics, findings, missing cases ──► outputs
//! results  ──► requests   ┘
//! ```
//!
//! What counts is what was really sent: a request is sorted to its operation by method and path (`route`), to a
//! stance by whose credential it carried (`stance`), and to a state by how it was answered and what that proves. Nothing
//! in here sends or runs anything. To add a metric: a row in [`METRICS`]; a finding: a row in [`FINDINGS`].

mod baseline;
pub mod diags;
mod document;
mod grid;
mod library;
mod lint;
mod maker;
pub mod markdown;
mod metrics;
pub mod missing;
mod owners;
mod read;
mod report;
mod results;
mod route;
mod schemes;
pub mod skeleton;
mod stance;
pub mod terminal;
#[cfg(test)]
mod testing;
mod written;

pub use baseline::Baseline;
pub use document::{
    Body, Document, Field, Flow, KeyPlace, Operation, Requirement, SchemeKind, Security, SecurityScheme,
};
pub use grid::{Elsewhere, Grid, Row};
pub use library::too_large;
pub use lint::{FINDINGS, FindingKind, Found, lint};
pub use metrics::{METRICS, Metric, Share, metric, risk};
pub use read::{ROLES_KEY, path_of as base_path, read};
pub use report::{About, Counted, Failure, FindingReport, OperationReport, Report, SCHEMA, Untested};
pub use results::{CaseResult, Results, StepResult, parse as parse_results};
pub use route::{Router, Template};
pub use stance::{Groups, Said, Stance, State, Want};
pub use written::FILL_IN;

#[cfg(test)]
mod tests;

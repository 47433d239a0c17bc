//! Coverage as Markdown, for the summary of a pull request.

use super::metrics::METRICS;
use super::report::{OperationReport, Report};
use super::terminal::{has_gap, percent_text};
use crate::term::{markdown as text, markdown_code as code, plural};

/// How many rows the map has: a summary is read, not searched.
const MOST_ROWS: usize = 100;
/// How many untested cells are named.
const MOST_UNTESTED: usize = 20;

/// Writes the whole.
pub fn write(report: &Report) -> String {
    let about = &report.document;
    let mut out = format!("## Coverage of access: {} {}\n\n", text(&about.title), text(&about.version));
    report.notes.iter().for_each(|note| out.push_str(&format!("{}\n\n", text(note))));
    for failure in &report.failures {
        let place = failure.place.as_ref().map_or_else(String::new, |p| format!(" ({})", code(p)));
        out.push_str(&format!("- :x: {}{place}\n", text(&failure.message)));
    }
    if !report.failures.is_empty() {
        out.push('\n');
    }
    out.push_str("| metric | | covered | means |\n|---|---:|---:|---|\n");
    for metric in METRICS {
        let value = &report.metrics[metric.name];
        let [covered, of] = ["covered", "of"].map(|key| value[key].as_u64().unwrap_or_default());
        if let Some(percent) = value["percent"].as_f64() {
            let row = format!("| {} | {}% | {covered}/{of} | {} |\n", metric.name, percent_text(percent), metric.about);
            out.push_str(&row);
        }
    }
    map(report, &mut out);
    if !report.untested.is_empty() {
        out.push_str("\n### To test next\n\n| risk | operation | stance |\n|---:|---|---|\n");
        for one in report.untested.iter().take(MOST_UNTESTED) {
            let name = format!("{} {}", one.method, one.path);
            out.push_str(&format!("| {} | {} | {} |\n", one.risk, code(&name), text(&one.stance)));
        }
        let left = report.untested.len().saturating_sub(MOST_UNTESTED);
        if left > 0 {
            out.push_str(&format!("\nand {left} more\n"));
        }
    }
    if !report.findings.is_empty() {
        out.push_str("\n### Findings\n\n");
        for found in report.findings.iter().take(MOST_ROWS) {
            let place = found.place.as_ref().map_or_else(String::new, |p| format!(" ({})", code(p)));
            out.push_str(&format!("- {}: {}{place}\n", found.code, code(&found.subject)));
        }
    }
    out
}

fn map(report: &Report, out: &mut String) {
    out.push_str("\n| operation |");
    report.stances.iter().for_each(|stance| out.push_str(&format!(" {} |", text(stance))));
    out.push_str(&format!("\n|---|{}\n", ":-:|".repeat(report.stances.len())));
    let rows: Vec<&OperationReport> = report.operations.iter().filter(|op| has_gap(op)).collect();
    for op in rows.iter().take(MOST_ROWS) {
        out.push_str(&format!("| {} |", code(&format!("{} {}", op.method, op.path))));
        for stance in &report.stances {
            let state = op.cells.get(stance).and_then(|v| v.as_str()).unwrap_or_default();
            out.push_str(&format!(" {} |", word(state)));
        }
        out.push('\n');
    }
    let whole = report.operations.len() - rows.len();
    if whole > 0 {
        out.push_str(&format!("\n{} without a gap not shown.\n", plural(whole, "operation")));
    }
    if rows.len() > MOST_ROWS {
        out.push_str(&format!("\nand {} more.\n", rows.len() - MOST_ROWS));
    }
}

fn word(state: &str) -> &'static str {
    match state {
        "passed-exact" => "ok",
        "passed-loose" => "other status",
        "vacuous" => "no proof",
        "failed" => "**failed**",
        "untested" => "untested",
        _ => "",
    }
}

//! What was signed of a request that was refused: what a server has to have put together as well.

use super::{COLUMN, INDENT};
use crate::event::{SignedRecord, StepRecord};
use crate::report::terminal::line::{Line, Page, Role};
use crate::term::plural;

/// How many lines of it are drawn; `-vv` draws all.
const DRAWN: usize = 16;

/// Draws it where the answer may be about it. What is forbidden (403) is no matter of a proof or an assertion; some
/// servers refuse a wrong signature so.
pub(super) fn signed(page: Page, step: &StepRecord) -> Vec<Line> {
    let Some(hop) = step.hops.last() else { return Vec::new() };
    let may_be_about = |is_token: bool| match step.status {
        Some(400 | 401) => true,
        Some(403) => !is_token,
        _ => false,
    };
    let mut lines = Vec::new();
    for signed in hop.signed.iter().filter(|signed| may_be_about(signed.is_token())) {
        let label = if lines.is_empty() { "signed" } else { "" };
        lines.extend(one(page, label, signed));
    }
    lines
}

/// Draws what a token in the answer says that is not believed.
pub(super) fn says(page: Page, step: &StepRecord) -> Vec<Line> {
    step.hops.last().and_then(|hop| hop.says.as_ref()).map_or_else(Vec::new, |says| one(page, "says", says))
}

fn one(page: Page, label: &str, signed: &SignedRecord) -> Vec<Line> {
    let mut lines = vec![page.labelled(INDENT, label, COLUMN).text(&signed.what)];
    let text = if signed.text.is_empty() { "(empty)" } else { &signed.text };
    let all: Vec<&str> = text.split('\n').collect();
    for text in all.iter().take(DRAWN) {
        let line = page.line().pad_to(COLUMN).push(Role::Dim, "| ").text(text);
        lines.extend(line.fill(page.width, COLUMN + 2));
    }
    let more = all.len().saturating_sub(DRAWN);
    if more > 0 {
        let text = format!("… {}", plural(more, "more line"));
        lines.push(page.line().pad_to(COLUMN).push(Role::Dim, &text));
    }
    lines
}

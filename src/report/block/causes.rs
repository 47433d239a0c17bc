//! The causes that a diagnosis found, the most certain first.

use super::{COLUMN, INDENT, SENTENCE};
use crate::event::{Certainty, Explanation, Outcome};
use crate::report::terminal::line::{Line, Page, Role};
use crate::term::shorten;

/// How many causes are drawn; reports for machines hold all.
const DRAWN: usize = 3;

/// Draws each cause with how sure it is, and what shows the first.
pub(super) fn causes(page: Page, outcome: &Outcome) -> Vec<Line> {
    let mut lines = Vec::new();
    for (i, explanation) in outcome.causes.iter().take(DRAWN).enumerate() {
        let head = page.labelled(INDENT, explanation.certainty.word(), COLUMN);
        let head = head.push(tone(explanation.certainty), &shorten(&explanation.cause, SENTENCE));
        let explain = format!("(authspec explain {})", explanation.code);
        lines.extend(head.flow(&[(Role::Dim, &explain)], page.width, COLUMN));
        if i == 0 {
            for (nth, evidence) in explanation.evidence.iter().enumerate() {
                let label = if nth == 0 { "seen" } else { "" };
                let line = page.labelled(INDENT, label, COLUMN).text(&shorten(evidence, SENTENCE));
                lines.extend(line.wrap(page.width, COLUMN));
            }
        }
    }
    lines
}

/// What the first cause and those as sure as it ask for.
pub(super) fn next(outcome: &Outcome) -> impl Iterator<Item = &String> {
    let surest = outcome.causes.first().map(|f| f.certainty);
    let sure = move |f: &&Explanation| Some(f.certainty) == surest;
    outcome.causes.iter().take(DRAWN).filter(sure).flat_map(|f| &f.next)
}

const fn tone(certainty: Certainty) -> Role {
    match certainty {
        Certainty::Certain => Role::Strong,
        Certainty::Likely | Certainty::Possible => Role::Plain,
    }
}

//! The failure block: all a reader needs to understand one cause, in the order it is asked for.
//!
//! Verdict, place, the user's own line, what was sent, what came back, what it means, what to try.
//! The same block is drawn on the terminal and written as the text of a `JUnit` failure. Pure: it
//! reads an [`Outcome`] and gives lines; nothing in here knows a stream.

use crate::event::{Outcome, OutcomeKind, Phase, Reason, Verdict, When, reason_code};
use crate::mutate::{Mutation, mutation};
use crate::report::terminal::line::{Colour, Glyphs, Line, Page, Role};
use crate::report::{Again, curl};
use crate::spec::{ReadyFlow, life_cycle};
use crate::term::{plural, shorten};

mod causes;
mod command;
mod compare;
mod excerpt;
pub(crate) mod exchange;
pub(crate) mod json;
mod signed;
mod snippet;
mod token;

pub(crate) use excerpt::bytes;

/// Where labels begin.
pub(crate) const INDENT: usize = 4;
/// Where what they label begins.
pub(crate) const COLUMN: usize = 14;
/// How many broken expectations of one case are drawn in full.
const REASONS_DRAWN: usize = 4;
/// How many cases of one cause are named.
pub(crate) const CASES_NAMED: usize = 5;
/// A sentence longer than this, in characters, is cut.
const SENTENCE: usize = 400;

/// One cause, drawn.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    verdict: Verdict,
    spared: bool,
    message: String,
    place: String,
    name: String,
    /// The user's lines.
    body: Vec<Line>,
    /// What the first case was sent with, and what became of it.
    rest: (Vec<Line>, Vec<Line>),
}

/// The cases of one cause.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cases<'a> {
    /// The first of them.
    pub(crate) ids: &'a [&'a str],
    /// The defects they are sent with.
    pub(crate) defects: &'a [&'a str],
    pub(crate) count: usize,
}

/// Draws the block of an outcome.
pub(crate) fn block(page: Page, outcome: &Outcome, again: &Again) -> Block {
    let first = outcome.reasons.first();
    let place = first.map(|r| &r.place).filter(|p| p.line > 0).unwrap_or(&outcome.place);
    let message = first.map_or_else(|| "no reason was given".to_owned(), |r| shorten(&r.message, SENTENCE));
    let mut rest = exchange::told(page, outcome);
    rest.extend(controls(page, outcome));
    rest.extend(server(page, outcome));
    rest.extend(advice(page, outcome, again));
    Block {
        verdict: outcome.verdict,
        spared: outcome.spared,
        message,
        place: if place.line > 0 { place.to_string() } else { String::new() },
        name: outcome.name.clone(),
        body: reasons(page, outcome),
        rest: (defect(page, outcome), rest),
    }
}

/// Gives the block as plain text, at most `width` columns where possible: what `JUnit` shows.
pub fn failure_text(outcome: &Outcome, width: usize, again: &Again) -> String {
    let page = Page { width: width.max(40), glyphs: Glyphs::Unicode };
    let lines = block(page, outcome, again).draw(page, "", &Cases { ids: &[], defects: &[], count: 1 });
    let mut text = String::new();
    for line in lines {
        text.push_str(&line.render(Colour::Off));
        text.push('\n');
    }
    text
}

impl Block {
    /// Puts the head above the block: its number, how many cases it concerns, their ids and defects.
    pub(crate) fn draw(&self, page: Page, number: &str, cases: &Cases<'_>) -> Vec<Line> {
        let Cases { ids, defects, count } = *cases;
        let mut lines = self.head(page, number, count);
        let (label, names) = if count == 1 { ("case", &[self.name.as_str()][..]) } else { ("cases", ids) };
        let named = names.len().min(CASES_NAMED);
        for (i, name) in names[..named].iter().enumerate() {
            let line = page.labelled(INDENT, if i == 0 { label } else { "" }, COLUMN);
            lines.extend(line.text(&shorten(name, SENTENCE)).wrap(page.width, COLUMN));
        }
        if count > named {
            lines.push(page.line().pad_to(COLUMN).push(Role::Dim, &format!("and {} more", count - named)));
        }
        lines.extend(self.body.iter().cloned());
        let (defect, rest) = &self.rest;
        match defects {
            [] | [_] => lines.extend(defect.iter().cloned()),
            several => {
                let head = page.labelled(INDENT, "defects", COLUMN).text(&several.join(", "));
                lines.extend(head.wrap(page.width, COLUMN));
            }
        }
        lines.extend(rest.iter().cloned());
        lines
    }

    fn head(&self, page: Page, number: &str, count: usize) -> Vec<Line> {
        // What does not fail the run must not look as if it did.
        let (role, word) =
            if self.spared { (Role::Doubt, "spared") } else { (tone(self.verdict), self.verdict.word()) };
        let word = page.line().push(Role::Dim, number).push(role, &word.to_uppercase());
        let hang = word.width() + 2;
        let head = word.text("  ").push(Role::Strong, &self.message);
        let cases = if count > 1 { plural(count, "case") } else { String::new() };
        let whole = head.clone().then(Role::Plain, &cases).then(Role::Place, &self.place);
        if whole.width() <= page.width {
            return vec![whole];
        }
        let mut lines = head.wrap(page.width, hang);
        let below = [(Role::Place, self.place.as_str()), (Role::Plain, cases.as_str())];
        lines.extend(page.labelled(INDENT, "place", COLUMN).flow(&below, page.width, COLUMN));
        lines
    }
}

/// Gives the colour of a verdict.
pub(crate) fn tone(verdict: Verdict) -> Role {
    match verdict {
        Verdict::Passed => Role::Good,
        Verdict::Failed => Role::Bad,
        Verdict::Flaky | Verdict::Blocked | Verdict::Inconclusive | Verdict::Errored => Role::Doubt,
        Verdict::Skipped | Verdict::NotRun => Role::Dim,
    }
}

/// Draws the user's lines with what was expected and what was there.
fn reasons(page: Page, outcome: &Outcome) -> Vec<Line> {
    let mut lines = Vec::new();
    for (i, reason) in outcome.reasons.iter().take(REASONS_DRAWN).enumerate() {
        if i > 0 {
            let head = page.labelled(INDENT, "also", COLUMN).text(&shorten(&reason.message, SENTENCE));
            lines.extend(head.flow(&[(Role::Place, &placed(reason))], page.width, COLUMN));
        }
        lines.extend(snippet::snippet(page, &reason.place));
        lines.extend(compare::compare(page, reason.expected.as_deref(), reason.actual.as_deref()));
    }
    let more = outcome.reasons.len().saturating_sub(REASONS_DRAWN);
    if more > 0 {
        let text = format!("and {} of this case", plural(more, "more reason"));
        lines.push(page.line().pad_to(COLUMN).push(Role::Dim, &text).cut(page.width));
    }
    lines.extend(flows(page, outcome));
    lines
}

/// Draws where the flows were used that the step belongs to, from the innermost out.
fn flows(page: Page, outcome: &Outcome) -> Vec<Line> {
    let Some(first) = outcome.reasons.first() else { return Vec::new() };
    let used = first.step.and_then(|i| outcome.steps.get(i)).map_or(&[][..], |step| &step.flows);
    let mut shown = vec![(&first.place.file, first.place.line)];
    let mut lines = Vec::new();
    for flow in used.iter().rev() {
        let head = page.labelled(INDENT, "flow", COLUMN).text(&shorten(&flow.name, SENTENCE));
        let place = format!("used at {}", flow.place);
        lines.extend(head.flow(&[(Role::Place, &place)], page.width, COLUMN));
        let line = (&flow.place.file, flow.place.line);
        if !shown.contains(&line) {
            lines.extend(snippet::snippet(page, &flow.place));
            shown.push(line);
        }
    }
    lines
}

/// Draws the deliberate defect that the request was sent with.
fn defect(page: Page, outcome: &Outcome) -> Vec<Line> {
    let Some(with) = &outcome.with else { return Vec::new() };
    let change = with.change.as_ref().map(|change| format!(": {change}")).unwrap_or_default();
    let text = format!("{} ({}){}", with.id, with.severity.word(), shorten(&change, SENTENCE));
    page.labelled(INDENT, "defect", COLUMN).text(&text).wrap(page.width, COLUMN)
}

/// Draws the requests that show what a refusal is worth.
fn controls(page: Page, outcome: &Outcome) -> Vec<Line> {
    if outcome.controls.is_empty() {
        return Vec::new();
    }
    let told = outcome.controls.iter().map(|control| {
        let status = control.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        let when = match control.when {
            When::Before => " before",
            When::Without | When::Beside => "",
            When::After => " after",
            When::Signed => " signed anew",
        };
        let wrong = if control.held { "" } else { ", not as it has to be" };
        format!("{} {status}{when}{wrong}", control.who)
    });
    let text = told.collect::<Vec<_>>().join(" | ");
    page.labelled(INDENT, "controls", COLUMN).text(&shorten(&text, SENTENCE)).wrap(page.width, COLUMN)
}

/// Draws what the command of the target said last.
fn server(page: Page, outcome: &Outcome) -> Vec<Line> {
    let Some(server) = &outcome.server else { return Vec::new() };
    let head = page.labelled(INDENT, "server", COLUMN).text(&shorten(&server.about, SENTENCE));
    let mut lines = head.wrap(page.width, COLUMN);
    for text in &server.lines {
        let line = page.line().pad_to(COLUMN).push(Role::Dim, &page.fold("│ "));
        lines.push(line.text(&shorten(text, SENTENCE)).cut(page.width));
    }
    lines
}

fn placed(reason: &Reason) -> String {
    if reason.place.line > 0 { reason.place.to_string() } else { String::new() }
}

/// Draws what it means, what to try, and the two ways to see it again.
fn advice(page: Page, outcome: &Outcome, again: &Again) -> Vec<Line> {
    let mut lines = Vec::new();
    if outcome.attempts > 1 {
        let text = format!("the last of {}", plural(outcome.attempts as usize, "attempt"));
        lines.push(page.labelled(INDENT, "attempt", COLUMN).text(&text));
    }
    lines.extend(causes::causes(page, outcome));
    if let Some((meaning, name)) = meaning(outcome) {
        let line = page.labelled(INDENT, "means", COLUMN).text(meaning);
        let explain = format!("(authspec explain {name})");
        lines.extend(line.flow(&[(Role::Dim, &explain)], page.width, COLUMN));
    }
    let mut said: Vec<&str> = Vec::new();
    // What a cause asks for comes before what a reason could only guess.
    let helps = causes::next(outcome).chain(outcome.reasons.iter().take(REASONS_DRAWN).flat_map(|r| &r.help));
    for help in helps {
        if !said.contains(&help.as_str()) {
            let line = page.labelled(INDENT, "try", COLUMN).text(&shorten(help, SENTENCE));
            lines.extend(line.wrap(page.width, COLUMN));
            said.push(help);
        }
    }
    lines.extend(command::lines(page, outcome, again));
    match outcome.kind {
        OutcomeKind::Case => {
            let again = format!("{} --id {} -vv", again.run, curl::quote(&outcome.id));
            lines.extend(command::copied(page, "again", &again));
        }
        // It has no id that could be selected.
        OutcomeKind::Teardown => {}
    }
    lines
}

/// What it means, by the nearest that has words of its own: a defect, a life cycle, a reason; and by what name it is
/// explained.
fn meaning(outcome: &Outcome) -> Option<(&'static str, &'static str)> {
    let of_defect = || let_in(outcome).map(|row| (row.explain, row.id));
    // Who is refused in a way that only has to be declared outlived nothing.
    let is_refused = outcome.causes.iter().any(|cause| cause.code == "refused-as-nobody");
    let of_life = || outlived(outcome).filter(|_| !is_refused).map(|row| (row.means, row.name));
    let of_reason = || first_reason_row(outcome).map(|row| (row.about, row.name));
    of_defect().or_else(of_life).or_else(of_reason)
}

/// The mutation whose own words say what it means that it was taken or not taken as it should be.
fn let_in(outcome: &Outcome) -> Option<&'static Mutation> {
    let told = outcome.reasons.first()?;
    let of_mutants = ["mutant-accepted", "mutant-refused", "mutant-amiss"].contains(&told.code);
    mutation(&outcome.with.as_ref().filter(|_| of_mutants)?.id)
}

/// The life cycle that did not hold: what its own steps expect is what it is about.
fn outlived(outcome: &Outcome) -> Option<&'static ReadyFlow> {
    let step = outcome.reasons.first().filter(|_| outcome.verdict == Verdict::Failed)?.step?;
    outcome.steps.get(step)?.flows.iter().find_map(|flow| life_cycle(&flow.name))
}

/// Finds the row that explains the first reason, unless it would only say that a check failed.
fn first_reason_row(outcome: &Outcome) -> Option<&'static crate::event::ReasonCode> {
    let reason = outcome.reasons.first().filter(|r| r.code != "check-failed")?;
    reason_code(reason.code).filter(|row| row.about != reason.message)
}

/// Finds the step a block is about: the first reason's, else the last one that ran.
fn step_of(outcome: &Outcome) -> Option<usize> {
    let named = outcome.reasons.first().and_then(|r| r.step).filter(|i| *i < outcome.steps.len());
    let about_an_answer = matches!(outcome.verdict, Verdict::Failed | Verdict::Errored);
    named.or_else(|| outcome.steps.len().checked_sub(1).filter(|_| about_an_answer))
}

/// Numbers a step among those of its part, as its record does.
pub(crate) fn number(outcome: &Outcome, index: usize) -> String {
    let step = &outcome.steps[index];
    if step.number.is_empty() {
        return outcome.steps[..=index].iter().filter(|s| s.phase == step.phase).count().to_string();
    }
    step.number.clone()
}

/// Says which step it is: `3 of 5 "old token is dead"`, `login of alice`.
pub(crate) fn step_title(outcome: &Outcome, index: usize) -> String {
    let step = &outcome.steps[index];
    let number = number(outcome, index);
    let whole = number.split('.').next().and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
    let name = step.name.as_ref().map(|n| format!(" \"{n}\"")).unwrap_or_default();
    // On the pages of a login it may be another one who approves it; whose login it is, its first request says.
    let of_phase = outcome.steps[..=index].iter().rev().take_while(|s| s.phase == step.phase);
    let who = of_phase.last().and_then(|s| s.caller.as_deref()).unwrap_or("nobody");
    match step.phase {
        Phase::Case if outcome.case_steps >= whole => match number.split_once('.') {
            // What a step sends more than one request for is counted within it.
            Some((step, within)) => format!("{step} of {}, part {within}{name}", outcome.case_steps),
            None => format!("{number} of {}{name}", outcome.case_steps),
        },
        Phase::Case => format!("{number}{name}"),
        Phase::Setup => format!("setup {number}{name}"),
        Phase::Teardown => format!("teardown {number}{name}"),
        Phase::Login => format!("login of {who}{name}"),
        Phase::Refresh => format!("refresh of {who}{name}"),
        Phase::Whoami => format!("whoami of {who}{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_text_of_a_failure_begins_with_cause_and_place() {
        let text = failure_text(&fixture::wrong_status(0), 100, &Again::default());
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("FAILED  status is 200, not 404   specs/notes.yaml:31"));
        assert_eq!(lines.next(), Some("    case      a note is private [as=bob]"));
        assert!(text.contains("    again     authspec run --id 'notes/a note is private[as=bob]' -vv\n"), "{text}");
    }

    #[test]
    fn what_was_asked_for_stands_in_the_order_it_is_asked_for() {
        let text = failure_text(&fixture::blocked(0), 100, &Again::default());
        let order = ["BLOCKED", "authspec.yaml:9", "│", "sent", "got", "means", "try", "curl", "again"];
        let at: Vec<usize> = order.iter().map(|word| text.find(word).expect(word)).collect();
        assert!(at.is_sorted(), "{text}");
    }

    #[test]
    fn a_teardown_cannot_be_run_alone() {
        let mut outcome = fixture::no_answer(0);
        outcome.kind = OutcomeKind::Teardown;
        assert!(!failure_text(&outcome, 80, &Again::default()).contains("again"));
    }

    #[test]
    fn an_outcome_with_nothing_in_it_is_told() {
        let mut outcome = fixture::outcome(0, 0, "", Verdict::Errored);
        outcome.place.line = 0;
        assert_eq!(
            failure_text(&outcome, 0, &Again::default()),
            "ERRORED  no reason was given\n    case\n    again     authspec run --id '' -vv\n"
        );
        outcome.reasons = vec![fixture::reason("check-failed", "", outcome.place.clone())];
        outcome.reasons[0].step = Some(7);
        failure_text(&outcome, 40, &Again::default());
    }
}

//! `-vv`: everything that went over the wire for a case, masked.

use super::line::{Colour, Glyphs, Line, Page, Role};
use super::suites::case_line;
use crate::event::{
    BODY_KEPT, BodyKind, BodyRecord, HopRecord, Login, MessageRecord, Outcome, Phase, SignedRecord, StepRecord,
};
use crate::report::block::{bytes, step_title};
use crate::term::duration;

/// Where the exchange begins.
const INDENT: usize = 10;

/// Draws a case with all its steps and every hop of them.
pub(super) fn whole(page: Page, outcome: &Outcome) -> Vec<Line> {
    let mut lines = case_line(page, outcome, &outcome.id);
    for (i, record) in outcome.steps.iter().enumerate() {
        step(page, record, &format!("step {}", step_title(outcome, i)), &mut lines);
    }
    lines
}

/// Draws every exchange of a login or refresh that made a session, and of the `whoami` behind it.
pub(super) fn login(page: Page, login: &Login) -> Vec<Line> {
    let mut lines = Vec::new();
    for record in &login.steps {
        let what = match record.phase {
            Phase::Refresh => "refresh",
            Phase::Whoami => "whoami",
            Phase::Setup | Phase::Case | Phase::Teardown | Phase::Login => "login",
        };
        let name = record.name.as_ref().map(|n| format!(" \"{n}\"")).unwrap_or_default();
        step(page, record, &format!("{what} of {}{name}", login.identity), &mut lines);
    }
    lines
}

fn step(page: Page, step: &StepRecord, title: &str, lines: &mut Vec<Line>) {
    let head = page.line().pad_to(INDENT).push(Role::Strong, title);
    let who = step.caller.as_ref().map(|c| format!("as {c}")).unwrap_or_default();
    let place = if step.place.line > 0 { step.place.to_string() } else { String::new() };
    let items = [(Role::Plain, who.as_str()), (Role::Dim, &duration(step.elapsed)), (Role::Place, &place)];
    lines.extend(head.flow(&items, page.width, INDENT + 2));
    program(page, INDENT, step, lines);
    for hop in &step.hops {
        exchange(page, INDENT, hop, lines);
    }
    for note in &step.notes {
        let line = page.line().pad_to(INDENT).push(Role::Dim, "* ").text(note);
        lines.extend(line.wrap(page.width, INDENT + 2));
    }
}

/// Draws what steps exchanged and nothing else, from the edge of the page on.
pub fn exchanges(steps: &[&StepRecord], colour: Colour, glyphs: Glyphs, width: usize) -> String {
    let page = Page { width, glyphs };
    let mut lines = Vec::new();
    for (i, step) in steps.iter().enumerate() {
        if i > 0 {
            lines.push(page.line());
        }
        program(page, 0, step, &mut lines);
        for hop in &step.hops {
            exchange(page, 0, hop, &mut lines);
        }
        for note in &step.notes {
            lines.extend(page.line().push(Role::Dim, "* ").text(note).wrap(width, 2));
        }
    }
    lines.iter().map(|line| line.render(colour) + "\n").collect()
}

/// Draws the program that a step ran in place of a request.
fn program(page: Page, indent: usize, step: &StepRecord, lines: &mut Vec<Line>) {
    let Some(ran) = &step.ran else { return };
    let start = |mark: &str| page.line().pad_to(indent).push(Role::Dim, mark);
    lines.extend(start("$ ").push(Role::Strong, &step.request).fill(page.width, indent + 4));
    lines.extend(start("< ").text(ran).then(Role::Dim, &duration(step.elapsed)).fill(page.width, indent + 4));
}

fn exchange(page: Page, indent: usize, hop: &HopRecord, lines: &mut Vec<Line>) {
    message(page, indent, "> ", &hop.request, None, lines);
    hop.signed.iter().for_each(|signed| token(page, indent, signed, lines));
    if let Some(response) = &hop.response {
        message(page, indent, "< ", response, Some(duration(hop.elapsed)), lines);
    }
    hop.says.iter().for_each(|says| token(page, indent, says, lines));
    if let Some(error) = &hop.error {
        let line = page.line().pad_to(indent).push(Role::Bad, "! ").text(error);
        lines.extend(line.then(Role::Dim, &duration(hop.elapsed)).wrap(page.width, indent + 2));
    }
}

/// Draws what was signed of a request, or what a token of the answer says.
fn token(page: Page, indent: usize, signed: &SignedRecord, lines: &mut Vec<Line>) {
    let start = || page.line().pad_to(indent).push(Role::Dim, "= ");
    lines.push(start().push(Role::Dim, &signed.what));
    let text = if signed.text.is_empty() { "(empty)" } else { &signed.text };
    text.split('\n').for_each(|text| lines.extend(start().text(text).fill(page.width, indent + 4)));
}

fn message(
    page: Page,
    indent: usize,
    mark: &str,
    message: &MessageRecord,
    time: Option<String>,
    lines: &mut Vec<Line>,
) {
    let start = || page.line().pad_to(indent).push(Role::Dim, mark);
    let mut add = |line: Line| lines.extend(line.fill(page.width, indent + 4));
    add(start().push(Role::Strong, &message.line).then(Role::Dim, &time.unwrap_or_default()));
    for (name, value) in &message.headers {
        add(start().push(Role::Dim, &format!("{name}: ")).text(value));
    }
    let body = body(&message.body);
    if !body.is_empty() {
        add(start());
    }
    for text in body {
        add(start().text(&text));
    }
}

/// Gives a body's lines as they came; this is the place to see every byte, so nothing is laid out.
fn body(body: &BodyRecord) -> Vec<String> {
    match body.kind {
        BodyKind::Empty => Vec::new(),
        BodyKind::Binary => vec![format!("({} of binary data)", bytes(body.bytes))],
        BodyKind::Json | BodyKind::Html | BodyKind::Form | BodyKind::Text => {
            let is_cut = body.bytes > BODY_KEPT as u64 && (body.text.ends_with('…') || body.text.len() >= BODY_KEPT);
            let text = if is_cut { body.text.trim_end_matches('…') } else { &body.text };
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            if is_cut {
                lines.push(format!("… ({} more)", bytes(body.bytes.saturating_sub(text.len() as u64))));
            }
            lines
        }
    }
}

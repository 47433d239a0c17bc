//! The exchanges of a case as text: what was sent and what came back, step by step.

use super::clean::one_line;
use crate::event::{BODY_KEPT, BodyKind, HopRecord, MessageRecord, Outcome, StepRecord};
use crate::report::block::exchange::unanswered;
use crate::report::block::step_title;
use crate::term::{duration, grouped};

/// Bytes of one body that are written out before it is cut.
const BODY: usize = 3 * 1024;

/// Tells the exchanges of an outcome: all steps in a line each, then the one at fault in full, then the others.
pub(super) fn exchanges(outcome: &Outcome) -> String {
    let mut out = String::new();
    for (i, step) in outcome.steps.iter().enumerate() {
        out.push_str(&format!("{}\n", one_line(&title(outcome, i, step))));
    }
    let fault = outcome.reasons.first().and_then(|reason| reason.step);
    let fault = fault.filter(|i| *i < outcome.steps.len());
    let others = (0..outcome.steps.len()).filter(|i| Some(*i) != fault);
    for i in fault.into_iter().chain(others) {
        let step = &outcome.steps[i];
        if step.hops.is_empty() && step.notes.is_empty() {
            continue;
        }
        out.push_str(&format!("\n== {}\n", one_line(&title(outcome, i, step))));
        for hop in &step.hops {
            tell(hop, &mut out);
        }
        for note in &step.notes {
            out.push_str(&format!("* {}\n", one_line(note)));
        }
    }
    out
}

fn title(outcome: &Outcome, index: usize, step: &StepRecord) -> String {
    let mut title = format!("{}: {}", step_title(outcome, index), step.request);
    if let Some(caller) = &step.caller {
        title.push_str(&format!(" as {caller}"));
    }
    match step.status {
        Some(status) => title.push_str(&format!(" -> {status}, {}", duration(step.elapsed))),
        None => title.push_str(&format!(" -> {}", unanswered(step))),
    }
    title
}

fn tell(hop: &HopRecord, out: &mut String) {
    out.push_str(&format!("* {}\n", one_line(&hop.url)));
    message("> ", &hop.request, out);
    if let Some(response) = &hop.response {
        message("< ", response, out);
    }
    if let Some(error) = &hop.error {
        out.push_str(&format!("* {}\n", one_line(error)));
    }
}

/// Writes a message with a mark before each line, so that no body can be taken for something else.
fn message(mark: &str, message: &MessageRecord, out: &mut String) {
    out.push_str(&format!("{mark}{}\n", one_line(&message.line)));
    for (name, value) in &message.headers {
        out.push_str(&format!("{mark}{}: {}\n", one_line(name), one_line(value)));
    }
    let body = &message.body;
    match body.kind {
        BodyKind::Empty => {}
        BodyKind::Binary => {
            out.push_str(&format!("{mark}\n{mark}[{} bytes that are no text]\n", grouped(body.bytes)));
        }
        BodyKind::Json | BodyKind::Html | BodyKind::Form | BodyKind::Text => {
            out.push_str(&format!("{mark}\n"));
            for line in super::cut(body.text.clone(), BODY).lines() {
                out.push_str(&format!("{mark}{line}\n"));
            }
            // A text a little below the bound may have lost a part of a character to it.
            if body.bytes > BODY_KEPT as u64 && body.text.len() + 4 >= BODY_KEPT {
                out.push_str(&format!("{mark}[the body had {} bytes]\n", grouped(body.bytes)));
            }
        }
    }
}

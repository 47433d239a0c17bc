//! What was sent and what came back, as far as it tells something.

use std::time::Duration;

use super::excerpt::excerpt;
use super::signed::{says, signed};
use super::{COLUMN, INDENT, bytes, number, step_of, step_title};
use crate::event::{BodyKind, CERTIFICATE_SHOWN, HopRecord, MessageRecord, Outcome, Phase, StepRecord};
use crate::report::terminal::line::{Line, Page, Role, width};
use crate::term::{duration, plural, shorten};

/// How many earlier steps, hops or notes are listed.
const LISTED: usize = 8;
/// Answer fields that often tell why; the media type stands beside the status.
const TELLING: &[&str] = &["www-authenticate", "proxy-authenticate", "location", "retry-after"];
/// Where a server proves itself, which tells where it does so wrongly.
const PROOF: &str = "authentication-info";
/// An answer that took longer than this has its time told.
const SLOW: Duration = Duration::from_secs(1);

/// Draws the step an outcome is about: the way to it, its request and its answer.
pub(crate) fn told(page: Page, outcome: &Outcome) -> Vec<Line> {
    let Some(index) = step_of(outcome) else { return Vec::new() };
    let step = &outcome.steps[index];
    let mut lines = before(page, outcome, index);
    if index > 0 || outcome.case_steps > 1 || step.phase != Phase::Case {
        let line = page.labelled(INDENT, "step", COLUMN).text(&step_title(outcome, index));
        lines.extend(line.flow(&[(Role::Place, &elsewhere(outcome, step))], page.width, COLUMN));
    }
    lines.extend(hops(page, step));
    lines.extend(sent(page, step));
    lines.extend(signed(page, step));
    lines.extend(got(page, step, outcome.reasons.iter().any(|reason| reason.code == "server-unproven")));
    lines.extend(says(page, step));
    for (i, note) in step.notes.iter().take(LISTED).enumerate() {
        let label = if i == 0 { "noted" } else { "" };
        lines.extend(page.labelled(INDENT, label, COLUMN).text(&shorten(note, 400)).wrap(page.width, COLUMN));
    }
    lines
}

/// Names a step's place when it is not where the reason points.
fn elsewhere(outcome: &Outcome, step: &StepRecord) -> String {
    let shown = outcome.reasons.first().map(|r| (&r.place.file, r.place.line));
    let here = (&step.place.file, step.place.line);
    if step.place.line > 0 && shown.is_some_and(|s| s.0 != here.0) { step.place.to_string() } else { String::new() }
}

/// How long the name of an earlier step may be, and its request, where there is room.
const TITLE: usize = 44;
const REQUEST: usize = 60;

/// Lists the steps that went before, one line each. What came of them is what they are listed for, so the rest makes room.
fn before(page: Page, outcome: &Outcome, index: usize) -> Vec<Line> {
    let from = index.saturating_sub(LISTED);
    let steps = &outcome.steps[from..index];
    let widest = |column: &[String]| column.iter().map(|text| width(&page.fold(text))).max().unwrap_or(0);
    let came = |step: &StepRecord| step.status.map_or_else(|| unanswered(step).to_owned(), |s| s.to_string());
    let came: Vec<String> = steps.iter().map(came).collect();
    let who = |step: &StepRecord| step.caller.as_deref().map(|c| format!("   as {c}")).unwrap_or_default();
    let who: Vec<String> = steps.iter().map(who).collect();
    let room = page.width.saturating_sub(COLUMN + 4 + widest(&came) + widest(&who));
    let requests = steps.iter().map(|step| step.request.chars().count().min(REQUEST)).max().unwrap_or(0);
    let most = TITLE.min(room.saturating_sub(requests).max(room / 2));
    let titles: Vec<String> = (from..index).map(|i| shorten(&short_title(outcome, i), most)).collect();
    let left = REQUEST.min(room.saturating_sub(widest(&titles)));
    let asked: Vec<String> = steps.iter().map(|step| shorten(&step.request, left)).collect();
    let (first, second) = (COLUMN + widest(&titles) + 2, COLUMN + widest(&titles) + widest(&asked) + 4);
    let mut lines = Vec::new();
    if from > 0 {
        let text = format!("{} left out here", plural(from, "step"));
        lines.push(page.labelled(INDENT, "before", COLUMN).push(Role::Dim, &text));
    }
    for i in 0..steps.len() {
        let label = if lines.is_empty() { "before" } else { "" };
        let line = page.labelled(INDENT, label, COLUMN).text(&titles[i]).pad_to(first).text(&asked[i]);
        lines.push(line.pad_to(second).text(&came[i]).push(Role::Dim, &who[i]).cut(page.width));
    }
    lines
}

/// What is told in place of a status.
pub(crate) fn unanswered(step: &StepRecord) -> &str {
    match (step.skipped, &step.ran, &step.sent) {
        (true, ..) => "skipped",
        (false, Some(ran), _) => ran,
        (false, None, None) => "not sent",
        (false, None, Some(_)) => "no answer",
    }
}

fn short_title(outcome: &Outcome, index: usize) -> String {
    let step = &outcome.steps[index];
    let number = number(outcome, index);
    let name = step.name.as_ref().map(|n| format!(" \"{n}\"")).unwrap_or_default();
    match step.phase {
        Phase::Case => format!("{number}{name}"),
        Phase::Setup | Phase::Teardown | Phase::Login | Phase::Refresh | Phase::Whoami => step_title(outcome, index),
    }
}

/// Lists the redirects that led to the last request.
fn hops(page: Page, step: &StepRecord) -> Vec<Line> {
    let earlier = step.hops.len().saturating_sub(1);
    let mut lines = Vec::new();
    for hop in step.hops.iter().take(earlier.min(LISTED)) {
        let location = hop.response.as_ref().and_then(|r| header(r, "location"));
        // Without a way to go on it was a question, such as a Digest challenge, that the next request answers.
        let label = match (lines.is_empty(), location) {
            (true, Some(_)) => "redirect",
            (true, None) => "asked",
            (false, _) => "",
        };
        let line = page.labelled(INDENT, label, COLUMN).text(request_line(&hop.request));
        let line = match &hop.response {
            Some(response) => {
                let status = status_line(response);
                let to = location.map(|to| format!(" → {to}")).unwrap_or_default();
                line.text("   ").text(status.split(' ').next().unwrap_or("")).text(&to)
            }
            None => line,
        };
        lines.push(line.cut(page.width));
    }
    if earlier > LISTED {
        let text = format!("… {}", plural(earlier - LISTED, "more hop"));
        lines.push(page.line().pad_to(COLUMN).push(Role::Dim, &text));
    }
    lines
}

fn sent(page: Page, step: &StepRecord) -> Vec<Line> {
    let hop = step.hops.last();
    let request = hop.map_or(step.request.as_str(), |h| request_line(&h.request));
    if request.is_empty() {
        return Vec::new();
    }
    let who = step.caller.as_deref().map(|c| format!("as {c}")).unwrap_or_default();
    let is_certified = step.notes.iter().any(|note| note == CERTIFICATE_SHOWN);
    let none = if is_certified { "a client certificate" } else { "no credential" };
    let credential = hop.map(|hop| credential(hop).unwrap_or_else(|| none.to_owned())).unwrap_or_default();
    let items = [(Role::Plain, request), (Role::Plain, &who), (Role::Dim, &credential)];
    // Of a request that got no answer the exchange is always kept.
    let label = match (&step.ran, hop, step.status) {
        (Some(_), ..) => "ran",
        (None, None, None) => "not sent",
        _ => "sent",
    };
    page.labelled(INDENT, label, COLUMN).flow(&items, page.width, COLUMN)
}

/// Finds the field that carried the credential; the text is empty where it stands in the address or the body.
fn credential(hop: &HopRecord) -> Option<String> {
    let headers = &hop.request.headers;
    let named = |wanted: &str| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let field = named("authorization").or_else(|| named("cookie"));
    let field = field.or_else(|| headers.iter().find(|(_, value)| value.contains('‹')));
    match field {
        // A field that is there twice is shown twice, and a tab as what it is.
        Some((name, _)) => {
            let same = headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
            let shown = same.map(|(name, value)| format!("{name}: {}", shorten(&value.replace('\t', r"\t"), 200)));
            Some(shown.collect::<Vec<_>>().join("   "))
        }
        None => (hop.url.contains('‹') || hop.request.body.text.contains('‹')).then(String::new),
    }
}

fn got(page: Page, step: &StepRecord, is_unproven: bool) -> Vec<Line> {
    let Some(hop) = step.hops.last() else {
        if let Some(ran) = &step.ran {
            let line = page.labelled(INDENT, "got", COLUMN).text(ran);
            return line.then(Role::Dim, &duration(step.elapsed)).wrap(page.width, COLUMN);
        }
        let Some(status) = step.status else { return Vec::new() };
        return vec![page.labelled(INDENT, "got", COLUMN).text(&status.to_string())];
    };
    let Some(response) = &hop.response else {
        let why = hop.error.as_deref().unwrap_or("the connection ended");
        let line = page.labelled(INDENT, "got", COLUMN).push(Role::Bad, "no answer");
        // `no answer within 30s` says it already.
        let (gap, why) = why.strip_prefix("no answer").map_or((": ", why), |rest| ("", rest));
        return line.text(gap).text(&shorten(why, 400)).wrap(page.width, COLUMN);
    };
    let kind = header(response, "content-type").unwrap_or("");
    let size = if response.body.kind == BodyKind::Empty { String::new() } else { bytes(response.body.bytes) };
    let time = if hop.elapsed >= SLOW { duration(hop.elapsed) } else { String::new() };
    let kind = shorten(kind, 80);
    let items = [(Role::Strong, status_line(response)), (Role::Dim, &kind), (Role::Dim, &size), (Role::Dim, &time)];
    let mut lines = page.labelled(INDENT, "got", COLUMN).flow(&items, page.width, COLUMN);
    let room = page.width - COLUMN;
    let tells = |name: &str| TELLING.contains(&name) || is_unproven && name == PROOF;
    for (name, value) in response.headers.iter().filter(|(n, _)| tells(&n.to_ascii_lowercase())) {
        let line = page.line().pad_to(COLUMN).text(&format!("{name}: {}", shorten(value, 3 * room)));
        lines.extend(line.wrap(page.width, COLUMN + 2));
    }
    if let Some(error) = &hop.error {
        lines.extend(page.line().pad_to(COLUMN).push(Role::Bad, &shorten(error, 400)).wrap(page.width, COLUMN));
    }
    for text in excerpt(&response.body, room) {
        lines.push(page.line().pad_to(COLUMN).text(&text).cut(page.width));
    }
    lines
}

/// Gives a request's method and target.
pub(crate) fn request_line(message: &MessageRecord) -> &str {
    message.line.rsplit_once(" HTTP/").map_or(&message.line, |(line, _)| line)
}

/// Gives a response's code and reason.
fn status_line(message: &MessageRecord) -> &str {
    message.line.split_once(' ').filter(|(v, _)| v.starts_with("HTTP/")).map_or(&message.line, |(_, line)| line)
}

fn header<'a>(message: &'a MessageRecord, name: &str) -> Option<&'a str> {
    message.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

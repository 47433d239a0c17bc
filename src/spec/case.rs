//! Reads cases, flat or with `steps`.

use std::sync::Arc;

use super::ask::ASKS;
use super::diags;
use super::model::{CaseSpec, Session, StepSpec, Xfail};
use super::reader::{Fields, Key, Reader, key};
use super::rows::{EACH_KEYS, each};
use super::shape::{Def, Shape};
use super::step::{STEP_KEYS, step, steps};
use super::with::{CONTROL, control};
use super::yaml::{Data, Node};
use crate::source::Spanned;

/// The keys that a case has beside those of a step.
pub const CASE_KEYS: &[Key] = &[
    key("steps", "the steps of a case that has several; then the request stands in them")
        .is(Shape::Filled(&Shape::List(&Shape::The(Def::Step)))),
    key("tags", "words to select by").is(Shape::TEXTS),
    key("skip", "a reason; the case is not run").is(Shape::Quoted),
    key("xfail", "`{ reason, until }`: it is expected to fail until that day; red when it passes or the day is over")
        .is(Shape::Keys(XFAIL_KEYS)),
    key(
        "session",
        "`shared` (default): a copy of the identity's one session; `fresh`: a login of its own; `exclusive`: that, while nobody else uses the identity",
    )
    .is(Shape::Words(&["shared", "fresh", "exclusive"])),
    key("vars", "variables of its own, computed when it begins").is(Shape::by_name(&Shape::Any)),
    key("each", "rows: a list of maps, `{ csv: file, types }` or `{ json: file }`; one case for each, as `row.*`")
        .is(Shape::Either(&[Shape::Filled(&Shape::List(&Shape::Map(&Shape::Any))), Shape::Keys(EACH_KEYS)])),
    key("control", "what proves its refusals: a name (who has to be allowed the same), a step that has to be allowed before and after, or `off`")
        .is(CONTROL),
    key("teardown", "steps that always run after it, also when it failed").is(Shape::List(&Shape::The(Def::Step))),
];

/// The keys of `xfail`.
pub const XFAIL_KEYS: &[Key] = &[
    key("reason", "why it fails, for people and reports").is(Shape::Text).needed(),
    key("until", "the last day on which it may fail, `2027-01-31`").is(Shape::Text),
];

const SESSIONS: &[(&str, Session)] =
    &[("shared", Session::Shared), ("fresh", Session::Fresh), ("exclusive", Session::Exclusive)];

/// Step keys that a case with `steps` may still have itself.
pub const CASE_LEVEL: &[&str] = &["name", "as"];

/// Reads a case, flat or with `steps`.
pub(super) fn case(node: &Node, reader: &mut Reader<'_>) -> Option<CaseSpec> {
    let keys: Vec<Key> = STEP_KEYS.iter().chain(CASE_KEYS).copied().collect();
    let fields = reader.fields(node, &keys, "a case")?;
    let span = fields.iter().next().map_or(node.span, |e| e.key_span);
    let callers = fields.get("as").map_or_else(Vec::new, |n| callers(n, reader));
    let steps = if let Some(list) = fields.get("steps") {
        for entry in fields.iter() {
            let step_only = STEP_KEYS.iter().any(|k| k.name == &*entry.key) && !CASE_LEVEL.contains(&&*entry.key);
            if step_only {
                let message = format!("a case with `steps` has no `{}` itself", entry.key);
                reader.fault(diags::bad_value(entry.key_span, message).label("belongs into a step"));
            }
        }
        let read = steps(list, reader);
        if matches!(&list.data, Data::List(items) if items.is_empty()) || matches!(list.data, Data::Null) {
            reader.fault(diags::bad_value(list.span, "`steps` is empty, so the case could not fail").label("no steps"));
        }
        read
    } else {
        let mut flat = step_of_case(node, fields, reader)?;
        flat.caller = None;
        flat.name = None;
        vec![flat]
    };
    let named = fields.get("name").and_then(|n| reader.word(n));
    let name = if let Some(name) = named {
        Spanned::new(name.value.to_string(), name.span)
    } else {
        let first = steps.first()?;
        Spanned::new(first.ask.title(), first.ask.span())
    };
    let session = fields.get("session").and_then(|n| reader.one_of(n, "a kind of session", SESSIONS));
    let case = CaseSpec {
        span,
        name,
        callers,
        tags: fields.get("tags").map_or_else(Vec::new, |n| tags(n, reader)),
        skip: fields.get("skip").and_then(|n| skip(n, reader)),
        xfail: fields.get("xfail").and_then(|n| xfail(n, reader)),
        session: session.unwrap_or_default(),
        vars: super::shared::named(fields, "vars", reader, |_, n| Some(n.clone())),
        each: fields.get("each").map(|n| each(n, reader)),
        steps,
        teardown: fields.get("teardown").map_or_else(Vec::new, |n| super::step::steps(n, reader)),
        control: fields.get("control").and_then(|n| control(n, reader)),
    };
    (!case.steps.is_empty()).then_some(case)
}

/// A flat case is its own only step; `as` may be a list there, so it is read apart.
fn step_of_case(node: &Node, fields: Fields<'_>, reader: &mut Reader<'_>) -> Option<StepSpec> {
    if ASKS.iter().all(|ask| fields.get(ask).is_none()) {
        let span = fields.iter().next().map_or(node.span, |e| e.key_span);
        reader.fault(diags::missing_key(span, "request", "a case").help("a case has a `request` or `steps`"));
        return None;
    }
    let without_as = match &node.data {
        Data::Map(entries) => {
            let entries = entries.iter().filter(|e| &*e.key != "as").cloned().collect();
            Node { data: Data::Map(entries), ..node.clone() }
        }
        Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::List(_) => return None,
    };
    let fields = reader.map(&without_as)?;
    step(&without_as, fields, reader)
}

pub(super) fn skip(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<str>> {
    if matches!(node.data, Data::Bool(_)) {
        reader.fault(diags::bad_value(node.span, "`skip` takes the reason").label("say why, in words"));
        return None;
    }
    reader.word(node).map(|t| t.value)
}

fn xfail(node: &Node, reader: &mut Reader<'_>) -> Option<Xfail> {
    let fields = reader.fields(node, XFAIL_KEYS, "`xfail`")?;
    let reason = reader.need(fields, node, "reason", "`xfail`").and_then(|n| reader.word(n))?;
    let until = match fields.get("until") {
        None => None,
        Some(node) => {
            let date = reader.word(node)?;
            let read = date.value.parse().ok();
            if read.is_none() {
                let message = format!("`{}` is no date", date.value);
                reader.fault(diags::bad_value(node.span, message).label("write `2027-01-31`"));
            }
            Some(read?)
        }
    };
    Some(Xfail { reason: reason.value, until, span: node.span })
}

fn callers(node: &Node, reader: &mut Reader<'_>) -> Vec<Spanned<Arc<str>>> {
    let items = reader.one_or_more(node);
    if items.is_empty() {
        reader.fault(diags::bad_value(node.span, "`as` names nobody").label("empty"));
    }
    items.iter().filter_map(|n| reader.word(n)).collect()
}

/// Reads tags: one word or a list of words.
pub(super) fn tags(node: &Node, reader: &mut Reader<'_>) -> Vec<Arc<str>> {
    reader.one_or_more(node).iter().filter_map(|n| reader.word(n)).map(|t| t.value).collect()
}

//! Reads flows: steps under a name, which other steps run with `use`.

use std::sync::Arc;

use super::ask::UseSpec;
use super::diags;
use super::model::{FlowSpec, Named, StepSpec};
use super::reader::{Fields, Key, Reader, key};
use super::shape::{Def, Shape};
use super::step::{line_step, one_or_more_steps, steps};
use super::yaml::{Data, Entry, Node};

/// The keys of a flow.
pub const FLOW_KEYS: &[Key] = &[
    key("args", "names that `use` gives values to, each with its default; one without a value has to be given")
        .is(Shape::Named(r"^[A-Za-z_]\w*$", &Shape::Any)),
    key("takes", "names that `use` gives steps to under `args`, each with its default: a request line, a step, or a list of steps")
        .is(Shape::Named(r"^[A-Za-z_][\w-]*$", &Shape::Any)),
    key("steps", "its steps, one after the other").is(Shape::Filled(&Shape::List(&Shape::The(Def::Step)))).needed(),
    key("returns", "the names that come out of it: what its steps captured").is(Shape::TEXTS),
];

/// The keys of a step that go with `use`; what is sent and how is said by the steps of the flow.
pub const BESIDE_USE: &[&str] = &[
    "name",
    "as",
    "use",
    "args",
    "if",
    "pause",
    "repeat",
    "expect",
    "capture",
    "cookies",
    "credential",
    "alone",
    "premise",
];

/// Reads a flow.
pub(super) fn flow(reader: &mut Reader<'_>, node: &Node) -> Option<Arc<FlowSpec>> {
    let fields = reader.fields(node, FLOW_KEYS, "a flow")?;
    let given =
        |name: &str, reader: &mut Reader<'_>| fields.get(name).map_or_else(|| Some(Vec::new()), |n| args(reader, n));
    let (args, takes) = (given("args", reader), given("takes", reader));
    let returns = fields.get("returns").map_or(&[][..], |n| reader.one_or_more(n));
    let returns = returns.iter().filter_map(|n| reader.word(n)).collect();
    let list = reader.need(fields, node, "steps", "a flow")?;
    let written = match &list.data {
        Data::List(items) => items.len(),
        Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::Map(_) => 0,
    };
    let steps = steps(list, reader);
    if written == 0 && matches!(list.data, Data::List(_) | Data::Null) {
        reader.fault(diags::bad_value(list.span, "`steps` is empty, so the flow does nothing").label("no steps"));
    }
    // A flow with half of its steps would be another one.
    let whole = written > 0 && steps.len() == written;
    let (args, takes) = (args?, takes?);
    whole.then(|| Arc::new(FlowSpec { args, takes, steps, returns }))
}

/// Reads what a flow may be given.
fn args(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<Named<Node>>> {
    if matches!(node.data, Data::List(_)) {
        let fault = diags::wrong_type(node, "a map").help("write `{ item: , count: 1 }`: names, some with a default");
        reader.fault(fault);
        return None;
    }
    let named = |e: &Entry| Named { name: Arc::clone(&e.key), span: e.key_span, value: e.value.clone() };
    reader.map(node).map(|map| map.iter().map(named).collect())
}

/// Reads what is given to a flow in place of a step: a request line, a step, or a list of them.
pub fn given_steps(node: &Node, reader: &mut Reader<'_>) -> Vec<StepSpec> {
    let of = |node: &Node, reader: &mut Reader<'_>| match &node.data {
        Data::Text(_) => line_step(node, reader),
        _ => one_or_more_steps(node, reader).into_iter().next(),
    };
    let items = reader.one_or_more(node);
    if items.is_empty() {
        reader.fault(diags::bad_value(node.span, "no step is given").label("empty"));
    }
    let steps: Vec<StepSpec> = items.iter().filter_map(|item| of(item, reader)).collect();
    // A part of them would be another thing.
    if steps.len() == items.len() { steps } else { Vec::new() }
}

/// Reads `use` with its `args`.
pub(super) fn use_of(fields: Fields<'_>, name: &Node, reader: &mut Reader<'_>) -> Option<UseSpec> {
    let args = match fields.get("args") {
        None => Vec::new(),
        Some(node) => reader.map(node)?.iter().cloned().collect(),
    };
    let word = reader.word(name)?;
    Some(UseSpec { name: word, args })
}

/// Finds keys that say what the steps of a flow say themselves, and `args` that nothing takes.
pub(super) fn conflicts(fields: Fields<'_>, known: &[Key], reader: &mut Reader<'_>) {
    let args = fields.entry("args");
    let Some(using) = fields.entry("use") else {
        if let Some(args) = args {
            reader.fault(diags::missing_key(args.key_span, "use", "a step with `args`"));
        }
        return;
    };
    // The other ways of asking are told by `one-ask`.
    let others = known.iter().filter(|k| !BESIDE_USE.contains(&k.name) && !super::ask::ASKS.contains(&k.name));
    for entry in others.filter_map(|k| fields.entry(k.name)) {
        let why = "the steps of a flow say themselves how they are sent";
        reader.fault(diags::at_odds(("use", using.key_span), (&entry.key, entry.key_span), why));
    }
}

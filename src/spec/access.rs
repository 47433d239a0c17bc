//! Reads `access:`, the matrix: rows of requests, columns of people, and in every cell what must come back.
//!
//! A row is a step with a few keys of its own, so whatever a step learns to do a row can do as well. Who stands for
//! what column is resolved when the plan is made.

use std::sync::Arc;

use super::ask::{AskSpec, RequestSpec, request};
use super::diags;
use super::model::{Named, Session, StepSpec};
use super::reader::{Fields, Key, Reader, key};
use super::shape::{Def, Shape};
use super::step::{STEP_KEYS, one_or_more_steps, step};
use super::yaml::{Data, Entry, Node, Style};
use crate::source::{Span, Spanned};

/// The keys of `access`.
pub const ACCESS_KEYS: &[Key] = &[
    key("columns", "identities, roles and `anonymous`; without it `anonymous` and every identity that has a role")
        .is(Shape::Filled(&Shape::TEXTS)),
    key("rows", "requests by name, each with who may send them and what everybody else gets")
        .is(Shape::Filled(&Shape::Map(&Shape::The(Def::Row))))
        .needed(),
    key("strict", "`true`: a 401 for somebody who is known and a 403 for `anonymous` are failures").is(Shape::Flag),
];

/// The keys that a row has beside those of a step.
pub const ROW_KEYS: &[Key] = &[
    key("missing", "the same request for something that is not there, which `hidden` is compared with: a request line, or `{ request, ignore }`")
        .is(Shape::Either(&[Shape::Quoted, Shape::Keys(MISSING_KEYS)])),
    key("given", "steps before every cell, so that each has something of its own").is(Shape::STEPS),
    key("unchanged", "steps after every refusal that must find all as it was").is(Shape::STEPS),
    key("closed", "`true`: nobody may, by declaration").is(Shape::Flag),
    key("strict", "for this row alone").is(Shape::Flag),
    key("tags", "words to select by").is(Shape::TEXTS),
    key("skip", "a reason; the row is not run").is(Shape::Quoted),
    key("session", "`shared` (default), or `fresh`: a login for every cell").is(Shape::Words(&["shared", "fresh"])),
    key("teardown", "steps that run after every cell, also when it failed").is(Shape::List(&Shape::The(Def::Step))),
];

/// The keys of `missing` in its long form.
pub const MISSING_KEYS: &[Key] = &[
    key("request", "`METHOD target`").is(Shape::Like(super::ask::REQUEST)).needed(),
    key("ignore", "JSONPaths of the body that may differ, such as `$.timestamp`").is(Shape::TEXTS),
];

/// Names of cells that mean several columns.
pub const EVERYONE: &str = "everyone";
/// All columns that are not named.
pub const OTHERS: &str = "others";

const SESSIONS: &[(&str, Session)] = &[("shared", Session::Shared), ("fresh", Session::Fresh)];

/// Keys of a step that a row does not have: its columns say who, its key says what it is called.
const NOT_IN_ROWS: &[&str] = &["as", "name"];

/// The matrix as written.
#[derive(Debug, Clone)]
pub struct AccessSpec {
    /// Where it stands.
    pub span: Span,
    /// The columns, if they are named.
    pub columns: Option<Vec<Spanned<Arc<str>>>>,
    /// Whether a refusal of the other kind is a failure.
    pub strict: bool,
    /// The rows.
    pub rows: Vec<RowSpec>,
}

/// A row as written.
#[derive(Debug, Clone)]
pub struct RowSpec {
    /// Its name.
    pub name: Spanned<Arc<str>>,
    /// What every cell sends; its expectation is that of the cell.
    pub step: StepSpec,
    /// What is expected, by column.
    pub cells: Vec<Named<Node>>,
    /// Where it says that nobody may.
    pub closed: Option<Span>,
    /// What `hidden` is compared with.
    pub missing: Option<MissingSpec>,
    /// Steps before every cell.
    pub given: Vec<StepSpec>,
    /// Steps after every refusal.
    pub unchanged: Vec<StepSpec>,
    /// Steps after every cell.
    pub teardown: Vec<StepSpec>,
    /// Whether a refusal of the other kind is a failure, where the row says so itself.
    pub strict: Option<bool>,
    /// Its tags.
    pub tags: Vec<Arc<str>>,
    /// Why it is skipped.
    pub skip: Option<Arc<str>>,
    /// Whose session its cells use.
    pub session: Session,
}

/// What `hidden` is compared with, as written.
#[derive(Debug, Clone)]
pub struct MissingSpec {
    /// Where it stands.
    pub span: Span,
    /// The request.
    pub request: RequestSpec,
    /// `JSONPath`s of the body that may differ.
    pub ignore: Vec<Node>,
}

/// Reads the matrix.
pub(super) fn access(entry: &Entry, reader: &mut Reader<'_>) -> Option<AccessSpec> {
    let node = &entry.value;
    let fields = reader.fields(node, ACCESS_KEYS, "`access`")?;
    let columns = fields.get("columns").map(|n| columns(n, reader));
    let strict = fields.get("strict").and_then(|n| reader.flag(n)).unwrap_or(false);
    let rows = reader.need(fields, node, "rows", "`access`")?;
    if matches!(rows.data, Data::List(_)) {
        reader.fault(diags::rows_by_name(rows));
        return None;
    }
    let map = reader.map(rows)?;
    if map.iter().next().is_none() {
        reader.fault(diags::bad_value(rows.span, "a matrix without rows proves nothing").label("no rows"));
    }
    let rows = map.iter().filter_map(|entry| row(entry, reader)).collect();
    Some(AccessSpec { span: entry.key_span, columns, strict, rows })
}

fn columns(node: &Node, reader: &mut Reader<'_>) -> Vec<Spanned<Arc<str>>> {
    let items = reader.one_or_more(node);
    if items.is_empty() {
        reader.fault(diags::bad_value(node.span, "`columns` names nobody").label("empty"));
    }
    let mut all: Vec<Spanned<Arc<str>>> = Vec::new();
    for node in items {
        let Some(word) = reader.word(node) else { continue };
        if all.iter().any(|known| known.value == word.value) {
            let message = format!("`{}` stands twice among the columns", word.value);
            reader.fault(diags::bad_value(word.span, message).label("once is enough"));
        } else {
            all.push(word);
        }
    }
    all
}

fn row(entry: &Entry, reader: &mut Reader<'_>) -> Option<RowSpec> {
    let name = Spanned::new(Arc::clone(&entry.key), entry.key_span);
    if name.value.trim().is_empty() {
        reader.fault(diags::bad_value(name.span, "a row needs a name").label("empty"));
        return None;
    }
    let fields = reader.map(&entry.value)?;
    if fields.iter().next().is_none() {
        let fault = diags::bad_value(entry.key_span, "this row says nothing, so everybody would be refused");
        reader.fault(fault.label("who may?").help("write `{ closed: true }` if nobody may"));
        return None;
    }
    let is_long = fields.iter().any(|e| is_row_key(&e.key) && &*e.key != "closed");
    if is_long { long(&name, fields, &entry.value, reader) } else { short(&name, fields, reader) }
}

/// Tells whether a name is a key of rows, so that no column can bear it.
pub fn is_row_key(name: &str) -> bool {
    STEP_KEYS.iter().chain(ROW_KEYS).any(|k| k.name == name)
}

/// `GET /me: { anonymous: 401, others: 200 }`.
fn short(name: &Spanned<Arc<str>>, fields: Fields<'_>, reader: &mut Reader<'_>) -> Option<RowSpec> {
    let line = key_as_request(name);
    let node = Node { data: Data::Map([line].into()), span: name.span, style: Style::Collection };
    let step = step(&node, reader.map(&node)?, reader);
    let cells = cells(fields.iter().filter(|e| &*e.key != "closed"), reader);
    let closed = closed(fields, reader);
    Some(RowSpec { cells, closed, ..bare(name, step?) })
}

/// The key of a row as the request that it is unless another one is given.
fn key_as_request(name: &Spanned<Arc<str>>) -> Entry {
    let value = Node { data: Data::Text(Arc::clone(&name.value)), span: name.span, style: Style::Plain };
    Entry { key: "request".into(), key_span: name.span, value }
}

fn long(name: &Spanned<Arc<str>>, fields: Fields<'_>, node: &Node, reader: &mut Reader<'_>) -> Option<RowSpec> {
    let keys: Vec<Key> = STEP_KEYS.iter().filter(|k| !NOT_IN_ROWS.contains(&k.name)).chain(ROW_KEYS).copied().collect();
    let known: Vec<&str> = keys.iter().map(|k| k.name).collect();
    for entry in fields.iter().filter(|e| !known.contains(&&*e.key)) {
        let fault = diags::unknown_key(entry.key_span, &entry.key, "a row", &known);
        let help = match &*entry.key {
            "as" => "the columns say who sends it",
            "name" => "its key is its name",
            "steps" => "a row is one request; what has to go before it stands under `given`",
            key if super::case::CASE_KEYS.iter().any(|k| k.name == key) => {
                "cases have that key, rows do not: write the request as a case, `as: [alice, bob]`"
            }
            _ => "in a row with a `request` or other keys of its own, who may stands under `expect:`",
        };
        reader.fault(fault.help(help));
    }
    let missing = fields.get("missing").and_then(|n| missing(n, reader));
    let steps_of = |name: &str, reader: &mut Reader<'_>| {
        fields.get(name).map_or_else(Vec::new, |node| one_or_more_steps(node, reader))
    };
    let (given, unchanged) = (steps_of("given", reader), steps_of("unchanged", reader));
    let teardown = fields.get("teardown").map_or_else(Vec::new, |n| super::step::steps(n, reader));
    let cells = match fields.get("expect") {
        None => Vec::new(),
        Some(node) => cells(reader.map(node)?.iter(), reader),
    };
    let closed = closed(fields, reader);
    if fields.get("expect").is_none() && closed.is_none() {
        let fault = diags::missing_key(name.span, "expect", "a row");
        reader.fault(fault.help("`expect: { alice: allow }` says who may; whoever is not named is refused"));
    }
    let step = as_step(name, fields, node, reader);
    let row = RowSpec {
        cells,
        closed,
        missing,
        given,
        unchanged,
        teardown,
        strict: fields.get("strict").and_then(|n| reader.flag(n)),
        tags: fields.get("tags").map_or_else(Vec::new, |n| super::case::tags(n, reader)),
        skip: fields.get("skip").and_then(|n| super::case::skip(n, reader)),
        session: fields
            .get("session")
            .and_then(|n| reader.one_of(n, "a session of a row", SESSIONS))
            .unwrap_or_default(),
        ..bare(name, step?)
    };
    Some(row)
}

/// The part of a row that is a step: without its own keys, and without what is expected of whom.
fn as_step(name: &Spanned<Arc<str>>, fields: Fields<'_>, node: &Node, reader: &mut Reader<'_>) -> Option<StepSpec> {
    let of_step = |key: &str| STEP_KEYS.iter().any(|k| k.name == key) && key != "expect" && !NOT_IN_ROWS.contains(&key);
    let mut entries: Vec<Entry> = fields.iter().filter(|e| of_step(&e.key)).cloned().collect();
    if super::ask::ASKS.iter().all(|ask| fields.get(ask).is_none()) {
        entries.insert(0, key_as_request(name));
    }
    let node = Node { data: Data::Map(entries.into()), ..node.clone() };
    step(&node, reader.map(&node)?, reader)
}

fn bare(name: &Spanned<Arc<str>>, step: StepSpec) -> RowSpec {
    RowSpec {
        name: name.clone(),
        step,
        cells: Vec::new(),
        closed: None,
        missing: None,
        given: Vec::new(),
        unchanged: Vec::new(),
        teardown: Vec::new(),
        strict: None,
        tags: Vec::new(),
        skip: None,
        session: Session::Shared,
    }
}

fn cells<'e>(entries: impl Iterator<Item = &'e Entry>, reader: &mut Reader<'_>) -> Vec<Named<Node>> {
    let cells: Vec<Named<Node>> =
        entries.map(|e| Named { name: Arc::clone(&e.key), span: e.key_span, value: e.value.clone() }).collect();
    if let Some(all) = cells.iter().find(|c| &*c.name == EVERYONE)
        && let Some(other) = cells.iter().find(|c| &*c.name != EVERYONE)
    {
        let why = "everyone is every column, so nothing is left to say; `others` is who is not named";
        reader.fault(diags::at_odds((EVERYONE, all.span), (&other.name, other.span), why));
    }
    cells
}

fn closed(fields: Fields<'_>, reader: &mut Reader<'_>) -> Option<Span> {
    let entry = fields.entry("closed")?;
    let closed = reader.flag(&entry.value)?;
    if !closed {
        let fault = diags::bad_value(entry.value.span, "a row is not closed unless it says so");
        reader.fault(fault.label("leave the key out"));
    }
    closed.then_some(entry.key_span)
}

fn missing(node: &Node, reader: &mut Reader<'_>) -> Option<MissingSpec> {
    if !matches!(node.data, Data::Map(_)) {
        return request(node, reader).map(|request| MissingSpec { span: node.span, request, ignore: Vec::new() });
    }
    let fields = reader.fields(node, MISSING_KEYS, "`missing`")?;
    let line = reader.need(fields, node, "request", "`missing`").and_then(|n| request(n, reader))?;
    let ignore = fields.get("ignore").map_or(&[][..], |n| reader.one_or_more(n));
    Some(MissingSpec { span: node.span, request: line, ignore: ignore.to_vec() })
}

impl RowSpec {
    /// The step that asks for what is missing: the same in all but its target.
    pub fn missing_step(&self, name: &str) -> Option<StepSpec> {
        let missing = self.missing.as_ref()?;
        Some(StepSpec {
            name: Some(name.into()),
            ask: AskSpec::Request(missing.request.clone()),
            capture: None,
            expect: None,
            ..self.step.clone()
        })
    }
}

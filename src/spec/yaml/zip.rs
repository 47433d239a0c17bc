//! Turns a document's form into nodes: scalars resolved, aliases expanded, `<<` merged.
//!
//! Plain scalars that could be anything but text are resolved by `serde_yaml`, so that its reading
//! of the YAML 1.2 core schema is ours; most are plainly text and need no second parser.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use serde_yaml::Value;

use super::raw::{Document, Form, Raw};
use super::{Data, Entry, Node, Style};
use crate::diag::Diagnostics;
use crate::source::Span;
use crate::spec::diags;

/// The most nodes a document may have once its aliases are expanded.
const MAX_NODES: usize = 1_000_000;

/// Makes the nodes of a document; `None` after a fault that was reported.
pub(super) fn join(document: &Document, diags: &mut Diagnostics) -> Option<Node> {
    let mut joiner = Joiner { nodes: 0, resolved: HashMap::new(), meant: &document.meant, diags };
    joiner.node(&document.root)
}

struct Joiner<'a> {
    nodes: usize,
    /// Scalars met before: files repeat `200` and `true` a lot.
    resolved: HashMap<Arc<str>, Data>,
    meant: &'a HashMap<u32, Arc<str>>,
    diags: &'a mut Diagnostics,
}

impl Joiner<'_> {
    fn node(&mut self, raw: &Rc<Raw>) -> Option<Node> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.diags.push(diags::yaml(raw.span, "its aliases repeat too much"));
            return None;
        }
        let span = raw.span;
        match &raw.form {
            Form::List(items) => {
                let items = items.iter().map(|r| self.node(r)).collect::<Option<Vec<_>>>()?;
                Some(Node { data: Data::List(items), span, style: Style::Collection })
            }
            Form::Map(pairs) => {
                let mut entries = Vec::with_capacity(pairs.len());
                for (key, value) in pairs {
                    // A key that is no scalar was a fault, and was left out.
                    let Form::Scalar { text, style } = &key.form else { continue };
                    let value = self.node(value)?;
                    entries.push((Entry { key: Arc::clone(text), key_span: key.span, value }, *style));
                }
                let entries = merge(entries, self.diags);
                Some(Node { data: Data::Map(entries), span, style: Style::Collection })
            }
            Form::Scalar { text, style } => {
                let data = match style {
                    Style::Plain => match self.meant.get(&span.start) {
                        Some(meant) => Data::Text(Arc::clone(meant)),
                        None => self.plain(text, span),
                    },
                    Style::Quoted | Style::Block | Style::Collection => Data::Text(Arc::clone(text)),
                };
                Some(Node { data, span, style: *style })
            }
        }
    }

    fn plain(&mut self, text: &Arc<str>, span: Span) -> Data {
        if !may_be_typed(text) {
            return Data::Text(Arc::clone(text));
        }
        if let Some(known) = self.resolved.get(text) {
            return known.clone();
        }
        let data = match serde_yaml::from_str::<Value>(text) {
            Ok(Value::Null) => Data::Null,
            Ok(Value::Bool(b)) => Data::Bool(b),
            // `.inf` and `.nan` have no place in JSON or HTTP: they stay as written.
            Ok(Value::Number(n)) => {
                number(&n).map_or_else(|| Data::Text(Arc::clone(text)), |n| Data::Number(n, Arc::clone(text)))
            }
            Ok(Value::String(_) | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_)) => {
                Data::Text(Arc::clone(text))
            }
            Err(_) => {
                let message = "this number is larger than any that can be compared; quote it to mean the text";
                self.diags.push(diags::yaml(span, message));
                Data::Text(Arc::clone(text))
            }
        };
        self.resolved.insert(Arc::clone(text), data.clone());
        data
    }
}

/// Tells whether a plain scalar could be null, a boolean or a number in the core schema.
fn may_be_typed(text: &str) -> bool {
    match text.as_bytes() {
        [] | b"~" => true,
        [b'0'..=b'9' | b'+' | b'-' | b'.', ..] => text.len() <= 64 && !text.contains([' ', ':', '#']),
        _ => matches!(text, "null" | "Null" | "NULL" | "true" | "True" | "TRUE" | "false" | "False" | "FALSE"),
    }
}

fn number(n: &serde_yaml::Number) -> Option<serde_json::Number> {
    if let Some(n) = n.as_u64() {
        return Some(n.into());
    }
    if let Some(n) = n.as_i64() {
        return Some(n.into());
    }
    n.as_f64().and_then(serde_json::Number::from_f64)
}

/// Applies `<<`: what is written beside it wins, of several maps the first one does.
fn merge(entries: Vec<(Entry, Style)>, diags: &mut Diagnostics) -> Vec<Entry> {
    let is_merge = |entry: &Entry, style: Style| &*entry.key == "<<" && style == Style::Plain;
    if !entries.iter().any(|(e, s)| is_merge(e, *s)) {
        return entries.into_iter().map(|(e, _)| e).collect();
    }
    let mut out: Vec<Entry> = Vec::with_capacity(entries.len());
    let mut bases = Vec::new();
    for (entry, style) in entries {
        if is_merge(&entry, style) {
            match entry.value.data {
                Data::Map(base) => bases.push(base),
                Data::List(items) => {
                    for item in items {
                        match item.data {
                            Data::Map(base) => bases.push(base),
                            _ => diags.push(diags::merge_needs_map(item.span)),
                        }
                    }
                }
                Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) => {
                    diags.push(diags::merge_needs_map(entry.value.span));
                }
            }
        } else {
            out.push(entry);
        }
    }
    for base in bases {
        for entry in base {
            if out.iter().all(|e| e.key != entry.key) {
                out.push(entry);
            }
        }
    }
    out
}

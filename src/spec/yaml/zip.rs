//! Joins the two readings of a document: places from one, resolved values from the other.

use std::rc::Rc;
use std::sync::Arc;

use serde_yaml::Value;

use super::raw::{Document, Form, Raw};
use super::{Data, Entry, Node, Style};
use crate::diag::Diagnostics;
use crate::source::{FileId, Span};
use crate::spec::diags;

/// Joins a document; `None` when the two parsers disagree or a merge is faulty.
pub(super) fn join(file: FileId, document: &Document, value: &Value, diags: &mut Diagnostics) -> Option<Node> {
    let before = diags.errors();
    let Some(node) = node(&document.root, value, diags) else {
        if diags.errors() == before {
            diags.push(diags::yaml(Span::new(file, 0, 0), "this YAML can be read in two ways; write it more plainly"));
        }
        return None;
    };
    (diags.errors() == before).then_some(node)
}

fn node(raw: &Rc<Raw>, value: &Value, diags: &mut Diagnostics) -> Option<Node> {
    let span = raw.span;
    match (&raw.form, value) {
        (Form::List(raws), Value::Sequence(values)) if raws.len() == values.len() => {
            let items = raws.iter().zip(values).map(|(r, v)| node(r, v, diags)).collect::<Option<Vec<_>>>()?;
            Some(Node { data: Data::List(items), span, style: Style::Collection })
        }
        (Form::Map(pairs), Value::Mapping(map)) if pairs.len() == map.len() => {
            let mut entries = Vec::with_capacity(pairs.len());
            for ((key, raw_value), (_, value)) in pairs.iter().zip(map) {
                let Form::Scalar { text, style } = &key.form else { return None };
                let value = node(raw_value, value, diags)?;
                entries.push((Entry { key: Arc::clone(text), key_span: key.span, value }, *style));
            }
            let entries = merge(entries, diags)?;
            Some(Node { data: Data::Map(entries), span, style: Style::Collection })
        }
        (Form::Scalar { text, style }, value) => {
            let data = match value {
                Value::Null => Data::Null,
                Value::Bool(b) => Data::Bool(*b),
                Value::Number(n) => match number(n) {
                    Some(number) => Data::Number(number, Arc::clone(text)),
                    // `.inf` and `.nan` have no place in JSON or HTTP: they stay as written.
                    None => Data::Text(Arc::clone(text)),
                },
                Value::String(_) => Data::Text(Arc::clone(text)),
                Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => return None,
            };
            Some(Node { data, span, style: *style })
        }
        (Form::List(_) | Form::Map(_), _) => None,
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
fn merge(entries: Vec<(Entry, Style)>, diags: &mut Diagnostics) -> Option<Vec<Entry>> {
    let is_merge = |entry: &Entry, style: Style| &*entry.key == "<<" && style == Style::Plain;
    if !entries.iter().any(|(e, s)| is_merge(e, *s)) {
        return Some(entries.into_iter().map(|(e, _)| e).collect());
    }
    let mut out: Vec<Entry> = Vec::with_capacity(entries.len());
    let mut bases = Vec::new();
    for (entry, style) in entries {
        if is_merge(&entry, style) {
            match entry.value.data {
                Data::Map(base) => bases.push(base),
                Data::List(items) => {
                    for item in items {
                        let Data::Map(base) = item.data else {
                            diags.push(diags::merge_needs_map(item.span));
                            return None;
                        };
                        bases.push(base);
                    }
                }
                Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) => {
                    diags.push(diags::merge_needs_map(entry.value.span));
                    return None;
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
    Some(out)
}

/// The resolver's own sentence without its position.
pub(super) fn reason(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

//! Resolves plain scalars, merges maps, and keeps equal texts once.
//!
//! Plain scalars that could be anything but text are resolved by `serde_yaml`, so that its reading
//! of the YAML 1.2 core schema is ours; most are plainly text or whole numbers and need no second
//! parser.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_yaml::Value;

use super::{Data, Entry};
use crate::diag::Diagnostics;
use crate::source::Span;
use crate::spec::diags;

/// The short texts met so far: files repeat their keys and most of their values.
#[derive(Default)]
pub(crate) struct Words(HashSet<Arc<str>>);

impl Words {
    /// Longer texts are hardly ever repeated.
    const LONGEST: usize = 32;

    /// To forget only costs memory.
    const MOST: usize = 4096;

    /// Gives the text, shared with all places that write the same.
    pub(super) fn get(&mut self, text: &str) -> Arc<str> {
        if text.len() > Self::LONGEST {
            return text.into();
        }
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        if self.0.len() >= Self::MOST {
            self.0.clear();
        }
        let text: Arc<str> = text.into();
        self.0.insert(Arc::clone(&text));
        text
    }
}

/// Resolves the plain scalars of a document.
#[derive(Default)]
pub(super) struct Resolver {
    /// Scalars met before: files repeat `true` and `null` a lot.
    known: HashMap<Arc<str>, Data>,
}

impl Resolver {
    /// Says what a plain scalar is.
    pub(super) fn plain(&mut self, text: &Arc<str>, span: Span, faults: &mut Diagnostics) -> Data {
        if !may_be_typed(text) {
            return Data::Text(Arc::clone(text));
        }
        if let Some(number) = decimal(text) {
            return Data::Number(number.into(), Arc::clone(text));
        }
        if let Some(known) = self.known.get(text) {
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
                faults.push(diags::yaml(span, message));
                Data::Text(Arc::clone(text))
            }
        };
        self.known.insert(Arc::clone(text), data.clone());
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

/// Reads a whole number as most are written: a few digits, none of them a leading zero.
fn decimal(text: &str) -> Option<u64> {
    let plain = text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
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
pub(super) fn merge(entries: Vec<Entry>, faults: &mut Diagnostics) -> Vec<Entry> {
    let mut out: Vec<Entry> = Vec::with_capacity(entries.len());
    let mut bases = Vec::new();
    for entry in entries {
        if &*entry.key != "<<" {
            out.push(entry);
            continue;
        }
        match entry.value.data {
            Data::Map(base) => bases.push(base),
            Data::List(items) => {
                for item in items.iter() {
                    match &item.data {
                        Data::Map(base) => bases.push(Arc::clone(base)),
                        Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::List(_) => {
                            faults.push(diags::merge_needs_map(item.span));
                        }
                    }
                }
            }
            Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) => {
                faults.push(diags::merge_needs_map(entry.value.span));
            }
        }
    }
    for base in bases {
        for entry in base.iter() {
            if out.iter().all(|e| e.key != entry.key) {
                out.push(entry.clone());
            }
        }
    }
    out
}

//! `ignore`: what of two answers may differ, as `JSONPaths` of their bodies and names of header fields.

use serde_json::Value;

use super::diags;
use crate::jsonpath::{Path, PathFault};
use crate::spec::{Node, Reader};
use crate::template::{Scope, Template};

/// What may differ.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    pub(super) paths: Vec<Path>,
    pub(super) fields: Vec<String>,
}

impl Ignored {
    /// Reads a path or name, or a list of them.
    pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut ignored = Self::default();
        for item in reader.one_or_more(node) {
            let text = reader.word(item)?.value;
            if is_everything(&text) {
                let message = format!("`{text}` leaves nothing of the body to compare");
                reader.fault(diags::no_checks(item.span, message).help("to leave the body out, write `in: [status]`"));
                return None;
            }
            if let Err(fault) = ignored.add(&text) {
                let written = reader.sources.slice(item.span);
                reader.fault(diags::bad_path(item.span, &text, written, &fault));
                return None;
            }
        }
        Some(ignored)
    }

    /// What a template gives.
    pub(super) fn late(template: &Template, scope: &Scope) -> Result<Self, String> {
        let mut ignored = Self::default();
        let value = template.value(scope).map_err(|error| error.message)?;
        let wrong =
            |text: &str| format!("`ignore` is a list of JSONPaths and names of header fields, and `{text}` is none");
        let items = match value {
            Value::Array(items) => items,
            Value::Null => Vec::new(),
            one => vec![one],
        };
        for item in &items {
            let text = item.as_str().filter(|text| !is_everything(text)).ok_or_else(|| wrong(&item.to_string()))?;
            ignored.add(text).map_err(|_| wrong(text))?;
        }
        Ok(ignored)
    }

    fn add(&mut self, text: &str) -> Result<(), PathFault> {
        if text.starts_with('$') {
            self.paths.push(Path::parse(text)?);
        } else {
            self.fields.push(text.to_ascii_lowercase());
        }
        Ok(())
    }
}

/// Tells whether a path names all that a body holds: `$`, or wildcards alone.
pub(super) fn is_everything(path: &str) -> bool {
    path.strip_prefix('$').is_some_and(|rest| rest.chars().all(|c| ".*[] ".contains(c)))
}

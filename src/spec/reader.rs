//! Reads nodes into typed values; every fault becomes a diagnostic, and reading goes on.

use std::sync::Arc;
use std::time::Duration;

use super::diags;
use super::shape::Shape;
use super::yaml::{Data, Entry, Node, Style};
use crate::diag::{Diagnostic, Diagnostics};
use crate::source::{SourceMap, Spanned};
use crate::template::{Names, Origin, Template};

/// A key of the language at one place, with what a reader of the docs needs.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it takes and means, one sentence.
    pub about: &'static str,
    /// The form of its value, for editors.
    pub shape: Option<Shape>,
    /// Whether its map cannot do without it.
    pub needed: bool,
    /// What holds where it is not written, if that is something.
    pub usual: Option<&'static str>,
}

/// Shorthand for a row of a key table.
pub const fn key(name: &'static str, about: &'static str) -> Key {
    Key { name, about, shape: None, needed: false, usual: None }
}

impl Key {
    /// Says what form the value has.
    pub const fn is(self, shape: Shape) -> Self {
        Self { shape: Some(shape), ..self }
    }

    /// Says that the map needs this key.
    pub const fn needed(self) -> Self {
        Self { needed: true, ..self }
    }

    /// Says what holds where it is not written.
    pub const fn usually(self, value: &'static str) -> Self {
        Self { usual: Some(value), ..self }
    }
}

/// What reading needs: the texts, the names in scope, and where faults go.
pub struct Reader<'a> {
    /// The texts of all files.
    pub sources: &'a SourceMap,
    /// Where faults go.
    pub diags: &'a mut Diagnostics,
    /// The names that templates may use at this point.
    pub names: Arc<Names>,
}

/// The entries of a map whose keys were checked.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'n> {
    entries: &'n [Entry],
}

impl<'n> Fields<'n> {
    /// Finds the value of a key.
    pub fn get(&self, name: &str) -> Option<&'n Node> {
        self.entry(name).map(|e| &e.value)
    }

    /// Finds a key with its value.
    pub fn entry(&self, name: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|e| &*e.key == name)
    }

    /// Gives all entries in file order.
    pub fn iter(&self) -> std::slice::Iter<'n, Entry> {
        self.entries.iter()
    }
}

impl<'a> Reader<'a> {
    /// Starts reading with no names in scope.
    pub fn new(sources: &'a SourceMap, diags: &'a mut Diagnostics) -> Self {
        Self { sources, diags, names: Arc::default() }
    }

    /// Reports a fault.
    pub fn fault(&mut self, diagnostic: Diagnostic) {
        self.diags.push(diagnostic);
    }

    /// Reads a map that may only have the given keys.
    pub fn fields<'n>(&mut self, node: &'n Node, keys: &[Key], place: &str) -> Option<Fields<'n>> {
        let fields = self.map(node)?;
        let known: Vec<&str> = keys.iter().map(|k| k.name).collect();
        for entry in fields.iter().filter(|e| !known.contains(&&*e.key)) {
            self.fault(diags::unknown_key(entry.key_span, &entry.key, place, &known));
        }
        Some(fields)
    }

    /// Reads a map with free keys.
    pub fn map<'n>(&mut self, node: &'n Node) -> Option<Fields<'n>> {
        match &node.data {
            Data::Map(entries) => Some(Fields { entries }),
            // `headers:` with nothing below it reads as an empty map.
            Data::Null => Some(Fields { entries: &[] }),
            Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::List(_) => {
                self.fault(diags::wrong_type(node, "a map"));
                None
            }
        }
    }

    /// Reads a list.
    pub fn list<'n>(&mut self, node: &'n Node) -> Option<&'n [Node]> {
        match &node.data {
            Data::List(items) => Some(items),
            Data::Null => Some(&[]),
            Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::Map(_) => {
                self.fault(diags::wrong_type(node, "a list"));
                None
            }
        }
    }

    /// Reads one value or a list of them.
    pub fn one_or_more<'n>(&mut self, node: &'n Node) -> &'n [Node] {
        match &node.data {
            Data::List(items) => items,
            Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::Map(_) => std::slice::from_ref(node),
        }
    }

    /// Reads a scalar by its spelling.
    pub fn text(&mut self, node: &Node) -> Option<Spanned<Arc<str>>> {
        let text = node.scalar();
        if text.is_none() {
            self.fault(diags::wrong_type(node, "text"));
        }
        text.map(|t| Spanned::new(t, node.span))
    }

    /// Reads a scalar that is not empty.
    pub fn word(&mut self, node: &Node) -> Option<Spanned<Arc<str>>> {
        let text = self.text(node)?;
        if text.value.trim().is_empty() {
            self.fault(diags::bad_value(node.span, "text is needed here, and this is empty").label("empty"));
            return None;
        }
        Some(text)
    }

    /// Reads the path of a file, where nothing but a path can stand: no `file:` goes before it.
    pub fn path(&mut self, node: &Node) -> Option<Spanned<Arc<str>>> {
        if let Data::Map(entries) = &node.data
            && let [Entry { key, value, .. }] = &entries[..]
            && &**key == "file"
            && let Data::Text(path) = &value.data
        {
            let fault = diags::wrong_type(node, "the path of a file");
            self.fault(fault.fix(node.span, &**path, "nothing else can stand here, so the path stands alone"));
            return None;
        }
        self.word(node)
    }

    /// Reads `true` or `false`.
    pub fn flag(&mut self, node: &Node) -> Option<bool> {
        if let Data::Bool(b) = node.data {
            return Some(b);
        }
        self.fault(diags::wrong_type(node, "`true` or `false`"));
        None
    }

    /// Reads a whole number within bounds.
    pub fn count(&mut self, node: &Node, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let Data::Number(n, _) = &node.data else {
            self.fault(diags::wrong_type(node, "a whole number"));
            return None;
        };
        let value = n.as_u64().filter(|n| range.contains(n));
        if value.is_none() {
            let message = format!("a whole number from {} to {} is needed here", range.start(), range.end());
            self.fault(diags::bad_value(node.span, message).label("out of range"));
        }
        value
    }

    /// Reads a duration: `500ms`, `30s`, `1m 30s`; a bare number has no unit and is a fault.
    pub fn duration(&mut self, node: &Node) -> Option<Duration> {
        let text = self.text(node)?;
        let parsed = parse_duration(&text.value);
        if parsed.is_none() {
            let number = matches!(node.data, Data::Number(..));
            let message = if number { "a duration needs a unit" } else { "this is no duration" };
            let fault = diags::bad_value(node.span, message).label("write `500ms`, `30s` or `1m 30s`");
            let fixed = format!("{}s", text.value);
            self.fault(if number { fault.fix(node.span, fixed, "seconds?") } else { fault });
        }
        parsed
    }

    /// Reads one of some words.
    pub fn one_of<T: Copy>(&mut self, node: &Node, what: &str, known: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(node)?;
        let found = known.iter().find(|(name, _)| *name == &*text.value).map(|(_, v)| *v);
        if found.is_none() {
            let names: Vec<&str> = known.iter().map(|(n, _)| *n).collect();
            self.fault(diags::unknown_word(node.span, &text.value, what, &names));
        }
        found
    }

    /// Demands a key of a map.
    pub fn need<'n>(&mut self, fields: Fields<'n>, node: &Node, name: &str, place: &str) -> Option<&'n Node> {
        let found = fields.get(name);
        if found.is_none() {
            let span = match &node.data {
                Data::Map(entries) => entries.first().map_or(node.span, |e| e.key_span),
                Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::List(_) => node.span,
            };
            self.fault(diags::missing_key(span, name, place));
        }
        found
    }

    /// Says where a scalar's text stands, so that templates in it can be located.
    pub fn origin(&self, node: &Node) -> Origin<'a> {
        Origin { span: node.span, raw: self.sources.slice(node.span) }
    }

    /// Compiles a scalar as a template.
    pub fn template(&mut self, node: &Node) -> Option<Template> {
        let text = self.text(node)?;
        self.compile(&text.value, node)
    }

    /// Compiles a part of a node's text that begins at a byte of it.
    pub fn compile_part(&mut self, part: &Arc<str>, node: &Node, at: usize) -> Option<Template> {
        let text = self.text(node)?.value;
        let origin = self.origin(node);
        let lead = if origin.raw.get(..text.len()) == Some(&text) { at } else { at + 1 };
        let exact = origin.raw.get(lead..lead + part.len()) == Some(part);
        let origin = if exact {
            Origin { span: node.span.slice(lead..lead + part.len()), raw: &origin.raw[lead..lead + part.len()] }
        } else {
            origin
        };
        Template::compile(part, origin, &self.names, self.diags)
    }

    /// Compiles text that stands in a node.
    pub fn compile(&mut self, text: &Arc<str>, node: &Node) -> Option<Template> {
        Template::compile(text, self.origin(node), &self.names, self.diags)
    }

    /// Compiles a scalar as a bare expression.
    pub fn expression(&mut self, node: &Node) -> Option<Template> {
        let text = self.word(node)?;
        if text.value.contains("{{") {
            let fixed = text.value.replace("{{", "").replace("}}", "");
            let fixed = format!("\"{}\"", fixed.trim().replace('"', "'"));
            self.fault(diags::bad_value(node.span, "an expression stands here without braces").fix(
                node.span,
                fixed,
                "write it bare",
            ));
            return None;
        }
        Template::expression(&text.value, self.origin(node), &self.names, self.diags)
    }

    /// Refuses a number where text is compared, with the corrected spelling.
    pub fn refuse_number(&mut self, node: &Node, key: &str) -> Option<()> {
        if let (Data::Number(_, raw), Style::Plain) = (&node.data, node.style) {
            self.fault(diags::slip_number(node.span, key, raw));
            return None;
        }
        Some(())
    }
}

/// Reads `1h`, `1m 30s`, `500ms`, `1.5s`; `None` when it is not one or longer than a year.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let unit_len = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let seconds = match &rest[..unit_len] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(value * seconds).ok()?)?;
        rest = rest[unit_len..].trim_start();
    }
    (total <= Duration::from_hours(8784)).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_units() {
        let ms = |t: &str| parse_duration(t).map(|d| d.as_millis());
        assert_eq!(ms("500ms"), Some(500));
        assert_eq!(ms("1m 30s"), Some(90_000));
        assert_eq!(ms("1.5s"), Some(1500));
        for bad in ["", "3", "s", "1x", "1..2s", "-1s", "9999999d", "1e9s"] {
            assert_eq!(ms(bad), None, "{bad}");
        }
    }
}

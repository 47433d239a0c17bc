//! One YAML document as a tree in which every key and every value knows its place.
//!
//! Two parsers share the work: `granit-parser` gives the form with all places and finds duplicate
//! keys, `serde_yaml` resolves scalars by the YAML 1.2 core schema. Aliases are expanded (a node
//! reached through one keeps the place of its anchor) and `<<` is merged here.

use std::sync::Arc;

use crate::diag::Diagnostics;
use crate::source::{FileId, Span};

mod raw;
mod resolve;
mod slips;

pub(super) use resolve::Words;

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it is.
    pub data: Data,
    /// Where it stands; quotes included.
    pub span: Span,
    /// How a scalar was written.
    pub style: Style,
}

/// How a scalar was written, which decides how offsets in its text map to offsets in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In single or double quotes.
    Quoted,
    /// A literal or folded block.
    Block,
    /// Not a scalar.
    Collection,
}

/// What a node holds. Scalars keep their text as written, for credential fields (`012345`).
#[derive(Debug, Clone)]
pub enum Data {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number and its spelling.
    Number(serde_json::Number, Arc<str>),
    /// Text.
    Text(Arc<str>),
    /// A sequence; shared by all that keep a copy.
    List(Arc<[Node]>),
    /// A mapping in file order, keys unique; shared like a sequence.
    Map(Arc<[Entry]>),
}

/// One key of a mapping with its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key's text.
    pub key: Arc<str>,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Node {
    /// A map with entries over its own, one by one; `null` removes one.
    pub fn with<'e>(&self, own: impl Iterator<Item = &'e Entry>) -> Self {
        let mut all: Vec<Entry> = match &self.data {
            Data::Map(entries) => entries.to_vec(),
            Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::List(_) => Vec::new(),
        };
        for entry in own {
            let place = all.iter().position(|e| e.key == entry.key);
            match (place, &entry.value.data) {
                (Some(place), Data::Null) => _ = all.remove(place),
                (None, Data::Null) => {}
                (Some(place), _) => all[place] = entry.clone(),
                (None, _) => all.push(entry.clone()),
            }
        }
        Self { data: Data::Map(all.into()), ..self.clone() }
    }

    /// Names the type for messages: `text`, `a number`, `a list`.
    pub fn type_name(&self) -> &'static str {
        match &self.data {
            Data::Null => "nothing",
            Data::Bool(_) => "true or false",
            Data::Number(..) => "a number",
            Data::Text(_) => "text",
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
        }
    }

    /// Gives a scalar's text as it was written; `None` for null and collections.
    pub fn scalar(&self) -> Option<Arc<str>> {
        match &self.data {
            Data::Bool(b) => Some(if *b { "true" } else { "false" }.into()),
            Data::Number(_, raw) => Some(Arc::clone(raw)),
            Data::Text(text) => Some(Arc::clone(text)),
            Data::Null | Data::List(_) | Data::Map(_) => None,
        }
    }

    /// Finds an entry of a mapping.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        match &self.data {
            Data::Map(entries) => entries.iter().find(|e| &*e.key == key),
            Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::List(_) => None,
        }
    }

    /// Converts to JSON; every map key is text.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(b) => Value::Bool(*b),
            Data::Number(n, _) => Value::Number(n.clone()),
            Data::Text(t) => Value::String(t.to_string()),
            Data::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Data::Map(entries) => {
                Value::Object(entries.iter().map(|e| (e.key.to_string(), e.value.to_json())).collect())
            }
        }
    }
}

/// The largest file that is read, in bytes.
pub const MAX_FILE: usize = 16 * 1024 * 1024;

/// Parses one file. `None` when it cannot be understood as YAML; the faults say why. An empty file
/// gives a null node.
pub(super) fn parse(file: FileId, text: &str, words: &mut Words, diags: &mut Diagnostics) -> Option<Node> {
    if text.len() > MAX_FILE {
        diags.push(super::diags::file_too_large(file, text.len()));
        return None;
    }
    raw::read(file, text, words, diags).unwrap_or_else(|fault| {
        diags.push(slips::explain(file, text, &fault));
        None
    })
}

/// Parses a file that is no suite, such as an API document: any YAML or JSON, with its places.
pub fn document(file: FileId, text: &str, diags: &mut Diagnostics) -> Option<Node> {
    parse(file, text, &mut Words::default(), diags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceMap;
    use proptest::prelude::*;

    fn parse_text(text: &str) -> (Option<Node>, Diagnostics, SourceMap) {
        let mut sources = SourceMap::default();
        let file = sources.add("t.yaml", text);
        let mut diags = Diagnostics::default();
        let node = parse(file, text, &mut Words::default(), &mut diags);
        (node, diags, sources)
    }

    #[test]
    fn scalars_follow_yaml_1_2_core_and_keep_their_spelling() {
        let (node, diags, _) = parse_text("a: no\nb: 012345\nc: 1e5\nd: true\ne: ~\nf: '7'\ng: 0x1f\n");
        assert!(diags.is_empty());
        let node = node.unwrap();
        let of = |k: &str| node.get(k).unwrap().value.clone();
        assert!(matches!(of("a").data, Data::Text(t) if &*t == "no"));
        assert_eq!(&*of("b").scalar().unwrap(), "012345");
        assert_eq!(&*of("c").scalar().unwrap(), "1e5");
        assert!(matches!(of("d").data, Data::Bool(true)));
        assert!(matches!(of("e").data, Data::Null));
        assert!(matches!(of("f").data, Data::Text(_)));
    }

    #[test]
    fn aliases_and_merges_keep_places() {
        let text = "base: &b { as: alice, tags: [x] }\none: { <<: *b, tags: [y] }\ntwo: *b\n";
        let (node, diags, sources) = parse_text(text);
        assert!(diags.is_empty(), "{diags:?}");
        let node = node.unwrap();
        let one = &node.get("one").unwrap().value;
        assert_eq!(one.to_json(), serde_json::json!({"tags": ["y"], "as": "alice"}));
        assert_eq!(sources.place(one.get("as").unwrap().key_span).line, 1);
        assert_eq!(node.get("two").unwrap().value.to_json(), serde_json::json!({"as": "alice", "tags": ["x"]}));
    }

    #[test]
    fn every_duplicate_key_is_found() {
        let (node, diags, _) = parse_text("a: 1\nb: { c: 1, c: 2 }\na: 2\n");
        assert_eq!(diags.errors(), 2);
        // The first one is read on with.
        assert_eq!(node.unwrap().to_json(), serde_json::json!({"a": 1, "b": {"c": 1}}));
    }

    #[test]
    fn bombs_and_depth_are_refused() {
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
        assert!(parse_text(bomb).0.is_none());
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        assert!(parse_text(&deep).0.is_none());
        assert!(parse_text(&"- ".repeat(3000)).0.is_none());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,200}") {
            let _ = parse_text(&text);
        }

        #[test]
        fn yaml_like_text_never_panics(parts in proptest::collection::vec("(a|b|: |- |\\n|\\n  |\\{|\\}|\\[|\\]|\"|'|#|&x |\\*x|<<|\\||>|!t |\\{\\{|\\t|é|0x1|1e9|,)", 0..60)) {
            let _ = parse_text(&parts.concat());
        }
    }
}

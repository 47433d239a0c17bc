//! What a body holds, as far as its schema says it: the fields that have to be sent, and where an answer has what.
//!
//! It fills in what is written for people, so nothing in a schema is a fault here, and what cannot be read is left out.

use serde_json::{Map, Value};

use super::{Reading, entries, texts};
use crate::cover::document::{Body, Field};
use crate::cover::written::is_plain_key;
use crate::spec::{Data, Node};

/// How far schemas are followed into one another.
const DEEP: usize = 4;

/// How many fields of one body are looked at.
const MANY: usize = 40;

/// How many schemas are looked at for one body: they may lead to one another without end.
const MOST: usize = 400;

impl Reading<'_> {
    /// The body of an operation with the key of a step that takes it.
    pub(super) fn body(&mut self, request: Option<&Node>) -> Option<Body> {
        let body = self.library.resolve(request?)?;
        let content = body.get("content").map(|e| e.value.clone());
        let types: Vec<String> = content.iter().flat_map(entries).map(|e| e.key.to_ascii_lowercase()).collect();
        let takes = |word: &str| types.iter().position(|t| t.contains(word));
        let (key, at) = match (takes("json"), takes("x-www-form-urlencoded"), takes("multipart/")) {
            _ if types.is_empty() => ("json", None),
            (Some(at), ..) => ("json", Some(at)),
            (None, Some(at), _) => ("form", Some(at)),
            (None, None, Some(at)) => ("multipart", Some(at)),
            (None, None, None) => ("body", None),
        };
        let media = content.as_ref().and_then(|c| entries(c).nth(at?)).map(|e| e.value.clone());
        let fields = media.map(|media| self.quietly(|this| this.fields(&media))).unwrap_or_default();
        Some(Body { key, fields })
    }

    /// Where the answer that lets somebody in has texts and numbers.
    pub(super) fn answers(&mut self, responses: Option<&Node>) -> Vec<String> {
        let lets_in = |key: &str| key.starts_with('2') || key == "default";
        let Some(found) = responses.into_iter().flat_map(entries).find(|e| lets_in(&e.key)) else { return Vec::new() };
        let found = found.value.clone();
        self.quietly(|this| {
            let mut out = Vec::new();
            let response = this.library.resolve(&found)?;
            let content = response.get("content")?.value.clone();
            let media = entries(&content).find(|e| e.key.contains("json"))?.value.get("schema")?.value.clone();
            this.leaves(&media, "$", DEEP, &mut out);
            Some(out)
        })
        .unwrap_or_default()
    }

    /// What a schema leads to may be broken or far away, which is no fault of the document here.
    fn quietly<T>(&mut self, look: impl FnOnce(&mut Self) -> T) -> T {
        let told = std::mem::take(self.library.diags);
        self.library.quietly();
        self.left = MOST;
        let found = look(self);
        self.library.quietly();
        *self.library.diags = told;
        found
    }

    fn fields(&mut self, media: &Node) -> Vec<Field> {
        let example = media.get("example").map(|e| e.value.to_json());
        let Some(schema) = media.get("schema").map(|e| e.value.clone()) else { return Vec::new() };
        let Some(Value::Object(all)) = self.object(&schema, DEEP) else { return Vec::new() };
        let shown = |name: &str| example.as_ref().and_then(|e| e.get(name)).cloned();
        let plain = all.into_iter().filter(|(name, _)| is_plain_key(name));
        plain.map(|(name, sample)| Field { sample: shown(&name).unwrap_or(sample), name }).collect()
    }

    /// The schema and those it is put together of.
    fn parts(&mut self, schema: &Node, deep: usize) -> Vec<Node> {
        if deep == 0 || self.left == 0 {
            return Vec::new();
        }
        self.left -= 1;
        let Some(node) = self.library.resolve(schema) else { return Vec::new() };
        let list = |key: &str| match node.get(key).map(|e| &e.value.data) {
            Some(Data::List(items)) => items.to_vec(),
            _ => Vec::new(),
        };
        // One of several is as good as another.
        let one = list("oneOf").into_iter().chain(list("anyOf")).take(1);
        let joined: Vec<Node> = list("allOf").into_iter().chain(one).collect();
        let mut all = vec![node];
        for part in joined {
            all.extend(self.parts(&part, deep - 1));
        }
        all
    }

    /// The fields that an object has to have, all it may have where none is demanded, each with a value.
    fn object(&mut self, schema: &Node, deep: usize) -> Option<Value> {
        let parts = self.parts(schema, deep);
        let required: Vec<String> =
            parts.iter().filter_map(|p| p.get("required")).flat_map(|e| texts(&e.value)).collect();
        let mut all = Map::new();
        for part in &parts {
            let Some(properties) = part.get("properties").map(|e| e.value.clone()) else { continue };
            for property in entries(&properties).take(MANY) {
                let needed = required.is_empty() || required.iter().any(|r| **r == *property.key);
                let Some(schema) = self.library.resolve(&property.value).filter(|_| needed) else { continue };
                let given = schema.get("readOnly").is_some_and(|e| matches!(e.value.data, Data::Bool(true)));
                if !given {
                    all.insert(property.key.to_string(), self.sample(&schema, deep - 1));
                }
            }
        }
        (!all.is_empty()).then_some(Value::Object(all))
    }

    /// A value that a schema takes; null is what only a person knows.
    fn sample(&mut self, schema: &Node, deep: usize) -> Value {
        if deep == 0 {
            return Value::Null;
        }
        for part in self.parts(schema, deep) {
            let said = ["const", "example", "default"].iter().find_map(|key| part.get(key));
            let first = |key: &str| match part.get(key).map(|e| &e.value.data) {
                Some(Data::List(items)) => items.first().cloned(),
                _ => None,
            };
            let said = said.map(|e| e.value.clone()).or_else(|| first("enum")).or_else(|| first("examples"));
            if let Some(said) = said {
                return said.to_json();
            }
            let least = || part.get("minimum").map(|e| e.value.to_json()).filter(Value::is_number);
            // Since 3.1 a type may be a list.
            let kind = part.get("type").and_then(|e| texts(&e.value).into_iter().next()).unwrap_or_default();
            match &*kind {
                "integer" | "number" => return least().unwrap_or_else(|| 1.into()),
                "boolean" => return false.into(),
                "array" => {
                    let item = part.get("items").map(|e| e.value.clone());
                    return Value::Array(item.map(|item| self.sample(&item, deep - 1)).into_iter().collect());
                }
                _ => {}
            }
        }
        self.object(schema, deep).unwrap_or(Value::Null)
    }

    /// The paths of the texts and numbers of a schema.
    fn leaves(&mut self, schema: &Node, path: &str, deep: usize, out: &mut Vec<String>) {
        for part in self.parts(schema, deep) {
            let Some(properties) = part.get("properties").map(|e| e.value.clone()) else { continue };
            for property in entries(&properties).take(MANY) {
                let is_name = property.key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && property.key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                let below = format!("{path}.{}", property.key);
                let Some(schema) = self.library.resolve(&property.value).filter(|_| is_name) else { continue };
                let kind = schema.get("type").and_then(|e| texts(&e.value).into_iter().next());
                match kind.as_deref() {
                    Some("string" | "integer" | "number") if out.len() < MANY => out.push(below),
                    Some("array" | "boolean" | "string" | "integer" | "number") => {}
                    Some(_) | None => self.leaves(&schema, &below, deep - 1, out),
                }
            }
        }
    }
}

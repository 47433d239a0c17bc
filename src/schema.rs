//! The JSON Schema of suites and project files, for editors (draft 2020-12).
//!
//! It is made of the same rows that read the files: every key brings its [`Shape`] and its sentence along.
//! To change it, change a row. What a schema cannot say (a name that nobody declared, a template that cannot
//! be compiled) stays with `authspec check`.

use serde_json::{Map, Value, json};

use crate::auth::{COMMON_KEYS, SCHEMES};
use crate::capture::{CUTS, SOURCES};
use crate::check::{CHECKS, OPERATORS};
use crate::spec::{
    ASKS, BESIDE_USE, CASE_KEYS, CASE_LEVEL, Def, IDENTITY_KEYS, Key, PROJECT_KEYS, ROW_KEYS, SHARED_KEYS, STEP_KEYS,
    SUITE_KEYS, Shape,
};

/// The kinds of files that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A suite.
    Suite,
    /// A project file.
    Project,
}

impl Kind {
    /// The name of the schema's file where a project keeps it.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Suite => "suite.schema.json",
            Self::Project => "project.schema.json",
        }
    }
}

/// Makes the schema of a kind of file.
pub fn schema(kind: Kind) -> Value {
    let (title, about, own) = match kind {
        Kind::Suite => ("authspec suite", "cases that say who gets in and who does not", SUITE_KEYS),
        Kind::Project => ("authspec project", "what the suites beside and below it share", PROJECT_KEYS),
    };
    let mut out = Map::new();
    out.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    out.insert("title".into(), title.into());
    out.insert("description".into(), about.into());
    // An empty project file is one that says nothing; an empty suite is none.
    let empty = if kind == Kind::Project { Empty::Allowed } else { Empty::Refused };
    out.extend(map_of(SHARED_KEYS.iter().chain(own), empty));
    if kind == Kind::Suite {
        out.insert("anyOf".into(), json!([{ "required": ["cases"] }, { "required": ["access"] }]));
    }
    out.insert("$defs".into(), Def::ALL.into_iter().map(|def| (def.name().to_owned(), definition(def))).collect());
    Value::Object(out)
}

/// Whether nothing below a key reads as an empty map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Empty {
    Allowed,
    Refused,
}

/// A map with the given keys and no others.
fn map_of<'k>(keys: impl Iterator<Item = &'k Key>, empty: Empty) -> Map<String, Value> {
    let (mut properties, mut needed) = (Map::new(), Vec::new());
    for key in keys {
        properties.insert(key.name.to_owned(), told(of(key.shape.unwrap_or(Shape::Any)), key.about));
        if key.needed {
            needed.push(Value::from(key.name));
        }
    }
    let kind = if empty == Empty::Allowed && needed.is_empty() { json!(["object", "null"]) } else { json!("object") };
    let mut out = Map::new();
    out.insert("type".into(), kind);
    out.insert("properties".into(), properties.into());
    out.insert("additionalProperties".into(), false.into());
    if !needed.is_empty() {
        out.insert("required".into(), needed.into());
    }
    out
}

/// A schema with its sentence, which editors show.
fn told(schema: Value, about: &str) -> Value {
    match schema {
        Value::Object(mut map) => {
            map.insert("description".into(), about.into());
            map.into()
        }
        // `true` stands for anything.
        _ => json!({ "description": about }),
    }
}

fn reference(def: Def) -> Value {
    json!({ "$ref": format!("#/$defs/{}", def.name()) })
}

/// The schema of a shape.
fn of(shape: Shape) -> Value {
    match shape {
        Shape::Any => Value::Bool(true),
        Shape::Null => json!({ "type": "null" }),
        Shape::Text => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Quoted => json!({ "type": "string" }),
        Shape::Like(pattern) => json!({ "type": "string", "pattern": pattern }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Number => json!({ "type": "number" }),
        Shape::Count(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Shape::Duration => json!({
            "type": "string",
            "pattern": r"^\s*([0-9]+(\.[0-9]+)?\s*(ms|s|m|min|h|d)\s*)+$",
            "examples": ["500ms", "30s", "1m 30s"],
        }),
        Shape::Words(words) => json!({ "enum": words }),
        Shape::List(item) => json!({ "type": ["array", "null"], "items": of(*item) }),
        Shape::OneOrMore(item) => json!({ "anyOf": [of(*item), { "type": "array", "items": of(*item) }] }),
        Shape::Map(value) => json!({ "type": ["object", "null"], "additionalProperties": of(*value) }),
        Shape::Named(pattern, value) => json!({
            "type": ["object", "null"],
            "propertyNames": { "pattern": pattern },
            "additionalProperties": of(*value),
        }),
        Shape::Keys(keys) => map_of(keys.iter(), Empty::Allowed).into(),
        Shape::Filled(inner) => filled(of(*inner)),
        Shape::Either(all) => json!({ "anyOf": all.iter().map(|one| of(*one)).collect::<Vec<_>>() }),
        Shape::The(def) => reference(def),
    }
}

/// The same, but neither empty nor nothing.
fn filled(schema: Value) -> Value {
    let Value::Object(mut map) = schema else { return schema };
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|t| t != "null");
    }
    map.insert("minProperties".into(), 1.into());
    map.insert("minItems".into(), 1.into());
    map.into()
}

fn definition(def: Def) -> Value {
    match def {
        Def::Step => {
            let mut step = map_of(STEP_KEYS.iter(), Empty::Refused);
            step.insert("anyOf".into(), asks());
            with_rules(step)
        }
        Def::Case => case(),
        Def::Scheme => scheme(),
        Def::Identity => {
            let mut map = map_of(IDENTITY_KEYS.iter(), Empty::Refused);
            map.insert(
                "additionalProperties".into(),
                told(json!(true), "a field, or a key that takes the scheme's place"),
            );
            map.insert("anyOf".into(), json!([{ "required": ["auth"] }, { "required": ["like"] }]));
            map.into()
        }
        Def::Environment => map_of(SHARED_KEYS.iter(), Empty::Allowed).into(),
        Def::Expect => {
            let checks = rows(CHECKS.iter().map(|c| (c.name, c.about, c.takes)));
            json!({ "anyOf": [of(Shape::STATUS), filled(checks)] })
        }
        Def::Value => json!({
            "anyOf": [{ "type": ["string", "number", "boolean", "array", "null"] }, reference(Def::Operators)],
        }),
        Def::Operators => filled(rows(OPERATORS.iter().map(|o| (o.name, o.about, o.takes)))),
        Def::Capture => capture(),
        Def::Row => row(),
    }
}

/// A map whose keys are the rows of a table.
fn rows(rows: impl Iterator<Item = (&'static str, &'static str, Shape)>) -> Value {
    let properties: Map<String, Value> =
        rows.map(|(name, about, takes)| (name.to_owned(), told(of(takes), about))).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn asks() -> Value {
    ASKS.iter().map(|ask| json!({ "required": [ask] })).collect()
}

/// At most one way of asking, and at most one body; a form is its own. A try again goes with no round or race, and a
/// flow with nothing that its steps say themselves.
fn with_rules(mut step: Map<String, Value>) -> Value {
    const BODIES: &[&str] = &["json", "form", "multipart", "body", "submit"];
    let mut pairs = Vec::new();
    for exclusive in [ASKS, BODIES] {
        for (i, one) in exclusive.iter().enumerate() {
            for other in &exclusive[i + 1..] {
                pairs.push(json!({ "not": { "required": [one, other] } }));
            }
        }
    }
    let of_steps = STEP_KEYS.iter().map(|k| k.name).filter(|k| !BESIDE_USE.contains(k) && !ASKS.contains(k));
    let none: Map<String, Value> = of_steps.map(|k| (k.to_owned(), Value::Bool(false))).collect();
    pairs.push(json!({ "if": { "required": ["use"] }, "then": { "properties": none } }));
    pairs.push(json!({ "if": { "required": ["args"] }, "then": { "required": ["use"] } }));
    for other in ["repeat", "together"] {
        pairs.push(json!({ "not": { "required": ["retry", other] } }));
    }
    step.insert("allOf".into(), pairs.into());
    step.into()
}

/// A case has the keys of its only step, or several steps.
fn case() -> Value {
    let keys = STEP_KEYS.iter().chain(CASE_KEYS);
    let Value::Object(mut case) = with_rules(map_of(keys, Empty::Refused)) else { return Value::Bool(true) };
    let in_steps = STEP_KEYS.iter().filter(|k| !CASE_LEVEL.contains(&k.name));
    let none: Map<String, Value> = in_steps.map(|k| (k.name.to_owned(), Value::Bool(false))).collect();
    case.remove("required");
    case.insert("if".into(), json!({ "required": ["steps"] }));
    case.insert("then".into(), json!({ "properties": none }));
    case.insert("else".into(), json!({ "anyOf": asks() }));
    if let Some(callers) = case.get_mut("properties").and_then(|p| p.get_mut("as")) {
        let about = callers["description"].take();
        *callers = told(filled(of(Shape::TEXTS)), about.as_str().unwrap_or_default());
    }
    case.into()
}

/// A request with who may, or a step with keys of its own and who may under `expect`.
fn row() -> Value {
    let cells = filled(of(Shape::Map(&Shape::The(Def::Expect))));
    let closed = ROW_KEYS.iter().filter(|k| k.name == "closed");
    let mut short = map_of(closed, Empty::Refused);
    short.insert("additionalProperties".into(), reference(Def::Expect));
    let of_step = STEP_KEYS.iter().filter(|k| !CASE_LEVEL.contains(&k.name));
    let Value::Object(mut long) = with_rules(map_of(of_step.chain(ROW_KEYS), Empty::Refused)) else {
        return Value::Bool(true);
    };
    if let Some(Value::Object(properties)) = long.get_mut("properties") {
        properties.insert("expect".into(), told(cells, "who may, by column; whoever is not named is refused"));
    }
    long.insert("anyOf".into(), json!([{ "required": ["expect"] }, { "required": ["closed"] }]));
    json!({ "anyOf": [filled(short.into()), filled(long.into())] })
}

/// The kind decides which further keys there are; that of a scheme `like` another stands elsewhere.
fn scheme() -> Value {
    let kinds: Vec<&str> = SCHEMES.iter().map(|s| s.name).collect();
    let branches: Vec<Value> = SCHEMES
        .iter()
        .map(|kind| {
            let then = map_of(COMMON_KEYS.iter().chain(kind.keys), Empty::Refused);
            let then = told(then.into(), kind.about);
            let is = json!({ "properties": { "scheme": { "const": kind.name } }, "required": ["scheme"] });
            json!({ "if": is, "then": then })
        })
        .collect();
    let needed: Vec<&str> = COMMON_KEYS.iter().filter(|k| k.needed).map(|k| k.name).collect();
    let common = COMMON_KEYS.iter().filter(|k| k.name == "like");
    let mut properties: Map<String, Value> =
        common.map(|k| (k.name.to_owned(), told(of(k.shape.unwrap_or(Shape::Any)), k.about))).collect();
    properties.insert("scheme".into(), told(json!({ "enum": kinds }), "the kind of scheme"));
    json!({
        "type": "object",
        "properties": properties,
        "if": { "not": { "required": ["like"] } },
        "then": { "required": needed, "allOf": branches },
    })
}

/// A path, a template over `response`, or one source with at most one cut.
fn capture() -> Value {
    let parts = SOURCES.iter().map(|s| (s.name, s.about, s.takes));
    let mut long = rows(parts.chain(CUTS.iter().map(|c| (c.name, c.about, c.takes))));
    let sources: Vec<Value> = SOURCES.iter().map(|s| json!({ "required": [s.name] })).collect();
    let mut cuts: Vec<Value> = CUTS.iter().map(|c| json!({ "required": [c.name] })).collect();
    let all: Vec<Value> = CUTS.iter().map(|c| json!({ "required": [c.name] })).collect();
    cuts.push(json!({ "not": { "anyOf": all } }));
    long["allOf"] = json!([{ "oneOf": sources }, { "oneOf": cuts }]);
    json!({ "anyOf": [{ "type": "string", "pattern": r"^\$|\{\{|\{%" }, long] })
}

//! `schema`: JSON Schema, as a check of the whole body and as an operator on any value.
//!
//! The validator comes with the cargo feature `json-schema`, which is on by default.

use std::sync::Arc;

use serde_json::Value;

use crate::diag::Diagnostic;
use crate::spec::{Data, Node, Reader};

use super::operand::{Moment, Why};
use super::operator::{Expectation, Fit, Operator};
use super::value::{Actual, Kind};
use super::{Check, Checked, Placed, Seen, diags};

mod words;

#[derive(Debug)]
struct Body(Expectation);

/// Reads the row `schema`.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    if let Some(operator) = operator(node, Kind::Json, reader) {
        let expectation = Expectation::of(operator, Kind::Json, node.span);
        out.push(Placed { check: Box::new(Body(expectation)), span: node.span, subject: "schema".to_owned() });
    }
}

impl Check for Body {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        match seen.json() {
            Ok(body) => self.0.judge(Actual::Json(body), seen.moment()),
            Err(why) => {
                Checked::Broken { expected: self.0.expected(seen.moment()), actual: format!("nothing ({why})") }
            }
        }
    }
}

#[derive(Debug)]
struct Schema {
    /// The file it stands in.
    file: Option<Arc<str>>,
    validator: Validator,
}

/// Reads a schema: a map, or the path of a JSON file.
pub(super) fn operator(node: &Node, kind: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    if kind != Kind::Json {
        reader.fault(diags::misplaced_operator(node.span, "this source is text, and a schema describes JSON"));
        return None;
    }
    let (file, schema) = match &node.data {
        Data::Text(path) => match file(path, reader) {
            Ok(schema) => (Some(Arc::clone(path)), schema),
            Err(why) => {
                reader.fault(diags::bad_schema(node.span, &format!("the file `{path}` cannot be used: {why}")));
                return None;
            }
        },
        Data::Map(entries) if !entries.is_empty() => (None, node.to_json()),
        Data::Map(_) | Data::Bool(true) | Data::Null => {
            reader.fault(diags::no_checks(node.span, "this schema allows everything, so it could not fail"));
            return None;
        }
        Data::Bool(_) | Data::Number(..) | Data::List(_) => {
            reader.fault(diags::needs(node, "a schema, or the path of one"));
            return None;
        }
    };
    if let Some(wrong) = words::misspelt(&schema) {
        reader.fault(misspelt(node, file.as_deref(), &wrong));
        return None;
    }
    if !words::could_refuse(&schema) {
        let message = "this schema has no keyword that refuses anything, so it could not fail";
        reader.fault(diags::no_checks(node.span, message));
        return None;
    }
    match Validator::new(&schema) {
        Ok(validator) => Some(Box::new(Schema { file, validator })),
        Err(why) => {
            reader.fault(diags::bad_schema(node.span, &why));
            None
        }
    }
}

/// Tells of a misspelt keyword at its place, which in a file is a path.
fn misspelt(node: &Node, file: Option<&str>, wrong: &words::Misspelt) -> Diagnostic {
    let key = wrong.path.last().map_or("", String::as_str);
    if let Some(file) = file {
        let at = wrong.path.join("/");
        let why = format!("the file `{file}` has no keyword of JSON Schema at /{at}: it would be passed over");
        return diags::bad_schema(node.span, &why).help(format!("did you mean `{}`?", wrong.near));
    }
    let (mut here, mut span) = (node, node.span);
    for part in &wrong.path {
        match &here.data {
            Data::Map(entries) => {
                let Some(entry) = entries.iter().find(|e| *e.key == **part) else { break };
                (here, span) = (&entry.value, entry.key_span);
            }
            Data::List(items) => {
                let Some(item) = part.parse().ok().and_then(|at: usize| items.get(at)) else { break };
                (here, span) = (item, item.span);
            }
            Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) => break,
        }
    }
    diags::unknown_keyword(span, key, wrong.near)
}

fn file(path: &str, reader: &Reader<'_>) -> Result<Value, String> {
    let bytes = reader.names.read_file(path)?;
    serde_json::from_slice(&bytes).map_err(|e| format!("it is not JSON (line {}, column {})", e.line(), e.column()))
}

/// How many faults of a value are told.
#[cfg(feature = "json-schema")]
const TOLD: usize = 3;

#[cfg(feature = "json-schema")]
#[derive(Debug)]
struct Validator(jsonschema::Validator);

#[cfg(feature = "json-schema")]
impl Validator {
    fn new(schema: &Value) -> Result<Self, String> {
        jsonschema::validator_for(schema).map(Self).map_err(|error| {
            let (at, words) = (error.instance_path().to_string(), error.to_string());
            match words.split('\'').nth(1) {
                Some(elsewhere) if words.starts_with("Resource ") => {
                    format!("the schema refers to `{elsewhere}`, and nothing outside of it is fetched")
                }
                Some(_) | None if at.is_empty() => format!("the schema cannot be read: {words}"),
                Some(_) | None => format!("the schema cannot be read at {at}: {words}"),
            }
        })
    }

    /// What is wrong with a value, a few of many.
    fn faults(&self, value: &Value) -> Vec<String> {
        let told = self.0.iter_errors(value).map(|error| {
            let at = error.instance_path().to_string();
            // Without the values: what is wrong may be a secret.
            let words = error.masked().to_string();
            if at.is_empty() { words } else { format!("{at}: {words}") }
        });
        told.take(TOLD).collect()
    }
}

#[cfg(not(feature = "json-schema"))]
#[derive(Debug)]
struct Validator;

#[cfg(not(feature = "json-schema"))]
impl Validator {
    fn new(_: &Value) -> Result<Self, String> {
        Err("this build knows no JSON Schema; it needs the cargo feature `json-schema`".to_owned())
    }

    fn faults(&self, _: &Value) -> Vec<String> {
        Vec::new()
    }
}

impl Operator for Schema {
    fn fit(&self, actual: Actual<'_>, _: Moment<'_>) -> Result<Fit, Why> {
        let Actual::Json(value) = actual else { return Ok(Fit::Unfit) };
        Ok(Fit::from(self.validator.faults(value).is_empty()))
    }

    fn expected(&self, _: Moment<'_>) -> String {
        match &self.file {
            Some(file) => format!("what the schema in {file} describes"),
            None => "what the schema describes".to_owned(),
        }
    }

    fn actual(&self, actual: Actual<'_>) -> String {
        match actual {
            Actual::Json(value) => self.validator.faults(value).join(" and "),
            Actual::Text(_) | Actual::Lines(_) | Actual::NoNodes(_) | Actual::Missing(_) => actual.describe(),
        }
    }
}

#[cfg(all(test, feature = "json-schema"))]
mod tests {
    use serde_json::json;

    use super::super::testing::{Answer, faults};

    const USER: &str = "{ type: object, required: [id], properties: { id: { type: integer } } }";

    #[test]
    fn bodies_and_nodes_are_held_to_a_schema() {
        let answer = Answer::ok().json(&json!({"users": [{"id": 1}, {"id": "secret"}], "id": 3}));
        assert!(answer.holds(&format!("schema: {USER}")));
        assert!(answer.holds(&format!("json: {{ \"$.users[0]\": {{ schema: {USER} }} }}")));
        assert!(!answer.holds(&format!("json: {{ \"$.users[*]\": {{ all: {{ schema: {USER} }} }} }}")));
        assert!(
            !answer.holds(&format!("json: {{ $.nope: {{ not: {{ schema: {USER} }} }} }}")),
            "missing fails `not` too"
        );
        let broken = answer.broken(&format!("json: {{ \"$.users[1]\": {{ schema: {USER} }} }}"));
        assert_eq!(broken[0].0, "what the schema describes");
        assert!(broken[0].1.starts_with("/id: ") && !broken[0].1.contains("secret"), "{broken:?}");
        assert!(Answer::ok().body("<p>").broken(&format!("schema: {USER}"))[0].1.contains("not JSON"));
    }

    #[test]
    fn names_of_the_user_are_no_keywords() {
        let schema = "schema: { properties: { typ: { type: string }, item: { enum: [{ tpye: 1 }] } }, \
                      dependencies: { typ: [itm] }, x-typ: 1, example: { tpye: 1 }, required: [typ] }";
        assert!(Answer::ok().json(&json!({"typ": "a", "itm": 1})).holds(schema));
        assert!(!Answer::ok().json(&json!({"typ": 1, "itm": 1})).holds(schema));
    }

    #[test]
    fn faults_are_told() {
        for (written, words) in [
            ("schema: { type: objekt }", "cannot be read"),
            ("schema: {}", "could not fail"),
            ("schema: { title: user, $defs: { a: { type: string } } }", "could not fail"),
            ("schema: { x-type: string, whatever: 1 }", "could not fail"),
            ("schema: { type: object, requried: [id] }", "no keyword `requried`"),
            ("schema: { propertys: { id: {} } }", "no keyword `propertys`"),
            ("schema: { properties: { typ: { minimun: 1 } } }", "`minimun`"),
            ("schema: { anyOf: [ { type: string }, { tpye: object } ] }", "`tpye`"),
            ("json: { $.a: { schema: { items: { enumm: [1] } } } }", "`enumm`"),
            ("schema: tests/fixtures/misspelt-schema.json", "/properties/id/minimun"),
            ("schema: true", "could not fail"),
            ("schema: nope.json", "cannot be used"),
            ("schema: { $ref: \"https://example.com/x.json\" }", "nothing outside"),
            ("body: { schema: { type: object } }", "describes JSON"),
            ("schema: [1]", "a schema"),
        ] {
            let found = faults(written);
            assert!(found.len() == 1 && found[0].contains(words), "{written}: {found:?}");
        }
    }
}

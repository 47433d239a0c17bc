//! `exists`, `type` and `length`.

use serde_json::Value;

use super::{Expectation, Fit, Looks, Operator, missing};
use crate::check::diags;
use crate::check::operand::{Moment, Why};
use crate::check::value::{Actual, Kind, Missing};
use crate::spec::{Data, Node, Reader};

#[derive(Debug)]
struct Exists(Presence);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    There,
    NotThere,
}

/// Reads whether something must be there.
pub(super) fn exists(node: &Node, kind: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    let there = reader.flag(node)?;
    if kind == Kind::Text {
        let message = "this source is always there, if empty; write `length: 0` or `length: { above: 0 }`";
        reader.fault(diags::misplaced_operator(node.span, message));
        return None;
    }
    Some(Box::new(Exists(if there { Presence::There } else { Presence::NotThere })))
}

impl Operator for Exists {
    fn fit(&self, actual: Actual<'_>, _: Moment<'_>) -> Result<Fit, Why> {
        let found = match actual {
            Actual::Json(_) | Actual::Text(_) | Actual::Lines(_) => Presence::There,
            Actual::NoNodes(Missing::Absent(_)) | Actual::Missing(Missing::Absent(_)) => Presence::NotThere,
            Actual::NoNodes(Missing::Unplaced(_)) | Actual::Missing(Missing::Unplaced(_)) => return Ok(Fit::Unfit),
        };
        Ok(Fit::from(found == self.0))
    }

    fn expected(&self, _: Moment<'_>) -> String {
        match self.0 {
            Presence::There => "something".to_owned(),
            Presence::NotThere => "nothing".to_owned(),
        }
    }

    fn actual(&self, actual: Actual<'_>) -> String {
        match actual {
            Actual::NoNodes(missing) => Actual::Missing(missing).describe(),
            Actual::Json(_) | Actual::Text(_) | Actual::Lines(_) | Actual::Missing(_) => actual.describe(),
        }
    }

    fn looks(&self) -> Looks {
        Looks::Together
    }
}

#[derive(Debug)]
struct TypeOf(Type);

#[derive(Debug, Clone, Copy)]
enum Type {
    Null,
    Boolean,
    Number,
    Integer,
    Text,
    List,
    Object,
}

/// The words for types; JSON's own and YAML's are both understood.
const TYPES: &[(&str, Type)] = &[
    ("null", Type::Null),
    ("boolean", Type::Boolean),
    ("number", Type::Number),
    ("integer", Type::Integer),
    ("text", Type::Text),
    ("string", Type::Text),
    ("list", Type::List),
    ("array", Type::List),
    ("object", Type::Object),
    ("map", Type::Object),
];

/// The same, bare; `null` may stand unquoted.
pub(super) const TYPE_WORDS: &[&str] =
    &["null", "boolean", "number", "integer", "text", "string", "list", "array", "object", "map"];

/// Reads the name of a type; `null` may be unquoted.
pub(super) fn type_of(node: &Node, kind: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    if kind != Kind::Json {
        reader.fault(diags::misplaced_operator(node.span, "this source is always text, so `type` says nothing"));
        return None;
    }
    let wanted = match node.data {
        Data::Null => Type::Null,
        Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::List(_) | Data::Map(_) => {
            reader.one_of(node, "a type", TYPES)?
        }
    };
    Some(Box::new(TypeOf(wanted)))
}

impl Operator for TypeOf {
    fn fit(&self, actual: Actual<'_>, _: Moment<'_>) -> Result<Fit, Why> {
        let Actual::Json(value) = actual else { return Ok(Fit::Unfit) };
        Ok(Fit::from(match self.0 {
            Type::Null => value.is_null(),
            Type::Boolean => value.is_boolean(),
            Type::Number => value.is_number(),
            Type::Integer => is_whole(value),
            Type::Text => value.is_string(),
            Type::List => value.is_array(),
            Type::Object => value.is_object(),
        }))
    }

    fn expected(&self, _: Moment<'_>) -> String {
        match self.0 {
            Type::Null => "null",
            Type::Boolean => "a boolean",
            Type::Number => "a number",
            Type::Integer => "an integer",
            Type::Text => "text",
            Type::List => "a list",
            Type::Object => "an object",
        }
        .to_owned()
    }
}

/// Tells whether a number is whole, however it is spelled: JSON has one type of number.
fn is_whole(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|f| f.fract() == 0.0)
}

#[derive(Debug)]
struct Length(Expectation);

/// Reads a number, or operators for one.
pub(super) fn length(node: &Node, _: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    let is_number = match &node.data {
        Data::Map(_) => true,
        Data::Number(n, _) => n.is_u64(),
        Data::Text(text) => text.contains("{{"),
        Data::Null | Data::Bool(_) | Data::List(_) => false,
    };
    if !is_number {
        reader.fault(diags::needs(node, "a whole number or a map of operators"));
        return None;
    }
    Some(Box::new(Length(Expectation::read(node, Kind::Json, reader)?)))
}

fn length_in(actual: &Actual<'_>) -> Option<usize> {
    match actual {
        Actual::Text(text) => Some(text.chars().count()),
        Actual::Json(Value::String(text)) => Some(text.chars().count()),
        Actual::Json(Value::Array(items)) => Some(items.len()),
        Actual::Json(Value::Object(map)) => Some(map.len()),
        Actual::NoNodes(_) => Some(0),
        Actual::Json(_) | Actual::Lines(_) | Actual::Missing(_) => None,
    }
}

impl Operator for Length {
    fn fit(&self, actual: Actual<'_>, at: Moment<'_>) -> Result<Fit, Why> {
        if let Some(fit) = missing(&actual) {
            return Ok(fit);
        }
        match length_in(&actual) {
            Some(length) => self.0.fit(Actual::Json(&Value::from(length)), at),
            None => Ok(Fit::Unfit),
        }
    }

    fn expected(&self, at: Moment<'_>) -> String {
        format!("length {}", self.0.expected(at))
    }

    fn actual(&self, actual: Actual<'_>) -> String {
        match length_in(&actual) {
            Some(length) => format!("length number {length} of {}", actual.describe()),
            None => format!("no length: {}", actual.describe()),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_bare_words_are_those_of_the_table() {
        assert_eq!(super::TYPES.iter().map(|(word, _)| *word).collect::<Vec<_>>(), super::TYPE_WORDS);
    }
}

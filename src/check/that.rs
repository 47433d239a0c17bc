//! `that`: expressions of the user's own.

use std::sync::Arc;

use minijinja::value::ValueKind;

use crate::answer;
use crate::diag::Diagnostics;
use crate::spec::{Node, Reader};
use crate::template::{Names, Origin, Template};

use super::{Check, Checked, Placed, Seen, diags};

#[derive(Debug)]
struct That(Template);

/// Reads the row `that`.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    let Some(items) = reader.list(node) else { return };
    let mut names = Names::clone(&reader.names);
    answer::add_names(&mut names);
    let outside = std::mem::replace(&mut reader.names, Arc::new(names));
    for item in items {
        let Some(expression) = reader.expression(item) else { continue };
        if is_constant(item) {
            reader
                .fault(diags::no_checks(item.span, "this expression uses nothing of the answer, so it could not fail"));
            continue;
        }
        out.push(Placed { check: Box::new(That(expression)), span: item.span, subject: "expression".to_owned() });
    }
    reader.names = outside;
}

/// Tells whether an expression compiles without any name in scope.
fn is_constant(node: &Node) -> bool {
    node.scalar().is_some_and(|text| {
        Template::expression(&text, Origin::NONE, &Names::default(), &mut Diagnostics::default()).is_some()
    })
}

impl Check for That {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        let mut scope = seen.scope.clone();
        scope.set("response", answer::judged_value(seen.trail, seen.response, seen.denied));
        let source = self.0.source();
        let value = match self.0.raw_value(&scope) {
            Ok(value) => value,
            Err(error) => {
                let body = seen.json().err().filter(|_| source.contains("response.json"));
                let hint = body.map(|why| format!(" ({why})")).unwrap_or_default();
                return Checked::Unjudgeable {
                    why: format!("`{source}` cannot be evaluated: {}{hint}", error.message),
                };
            }
        };
        match value.kind() {
            ValueKind::Bool if value.is_true() => Checked::Held,
            ValueKind::Bool => {
                Checked::Broken { expected: format!("`{source}` to be true"), actual: "boolean false".to_owned() }
            }
            kind => Checked::Unjudgeable { why: format!("`{source}` gives {}, not true or false", words(kind)) },
        }
    }
}

/// Names a type of the template engine in the words used for values.
fn words(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::None => "null",
        ValueKind::Number => "a number",
        ValueKind::String => "text",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        ValueKind::Map => "an object",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Answer, faults};
    use serde_json::json;

    #[test]
    fn expressions_must_be_true() {
        let answer = Answer::status(201).header("X-Id", "7").json(&json!({"items": [1, 2], "who": "alice"}));
        assert!(answer.holds(
            "that: [ \"response.json.items | length > 1\", \"response.json.who == who\", \"response.headers.x_id == '7'\" ]"
        ));
        let broken = answer.broken("that: [ \"response.status == 200\" ]");
        assert_eq!(broken, [("`response.status == 200` to be true".to_owned(), "boolean false".to_owned())]);
    }

    #[test]
    fn what_is_not_true_or_false_cannot_be_judged() {
        let answer = Answer::ok().body("<html>");
        for (expression, words) in [
            ("response.status", "gives a number"),
            ("response.body", "gives text"),
            ("nothing", "gives null"),
            ("response.json.a == 1", "the body is not JSON"),
            ("response.headers.nope == 'a'", "undefined"),
            ("not response.headers.nope", "undefined"),
        ] {
            let why = answer.unjudgeable(&format!("that: [ \"{expression}\" ]"));
            assert!(why.len() == 1 && why[0].contains(words), "{expression}: {why:?}");
        }
    }

    #[test]
    fn faults_are_told() {
        for (written, words) in [
            ("that: [ \"true\" ]", "could not fail"),
            ("that: [ \"1 == 1\" ]", "could not fail"),
            ("that: []", "could not fail"),
            ("that: [ \"response.staus == 1\" ]", "response.staus"),
            ("that: [ \"whoo == 1\" ]", "whoo"),
            ("that: [ \"{{ who }} == 1\" ]", "without braces"),
            ("that: who == 1", "a list"),
            ("that: [ \"response.status ==\" ]", "cannot be read"),
        ] {
            let found = faults(written);
            assert!(found.len() == 1 && found[0].contains(words), "{written}: {found:?}");
        }
    }
}

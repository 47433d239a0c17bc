//! Documents and results for tests.

use std::path::Path;

use serde_json::{Value, json};

use super::document::{Document, Operation, Security};
use super::results::Results;
use crate::diag::{Diagnostics, Drawing, render};
use crate::source::{SourceMap, Span};

/// An operation that asks for nothing in particular.
pub(crate) fn operation(method: &str, path: &str) -> Operation {
    Operation {
        method: method.to_owned(),
        path: path.to_owned(),
        prefixes: vec![String::new()],
        security: Security::Undeclared,
        objects: Vec::new(),
        roles: None,
        statuses: Vec::new(),
        tags: Vec::new(),
        body: None,
        answers: Vec::new(),
        span: Span::NONE,
    }
}

/// Reads a document; what is wrong with it is drawn.
pub(crate) fn read(text: &str) -> (Option<Document>, String) {
    let (mut sources, mut diags) = (SourceMap::default(), Diagnostics::default());
    let document = super::read(("api.yaml", text, Path::new(".")), super::ROLES_KEY, &mut sources, &mut diags);
    (document, render(&diags, &sources, &crate::secret::SecretSet::new(), Drawing { colour: false, width: 100 }))
}

/// Reads a document without a fault.
#[track_caller]
pub(crate) fn document(text: &str) -> Document {
    let (document, told) = read(text);
    assert!(told.is_empty(), "{told}");
    document.expect("a document without a fault")
}

/// A step: `alice:user GET /notes/1 200`, with more fields.
pub(crate) fn step(line: &str, more: Value) -> Value {
    let words: Vec<&str> = line.split(' ').collect();
    let [who, method, target, status] = words[..] else { panic!("{line}") };
    let (caller, role) = who.split_once(':').map_or((who, None), |(c, r)| (c, Some(r)));
    let own = caller != "anonymous" && caller != "nobody";
    let mut step = json!({
        "caller": (caller != "nobody").then_some(caller),
        "request": format!("{method} {target}"),
        "sent": { "origin": "http://a", "credential": if own { "own" } else { "none" },
                  "carries": if own { vec!["authorization Bearer"] } else { vec![] } },
        "status": status.parse::<u16>().expect("a status"),
        "broken": 0,
    });
    if let Some(role) = role {
        step["role"] = role.into();
    }
    for (key, value) in more.as_object().into_iter().flatten() {
        step[key] = value.clone();
    }
    step
}

/// Results of one case for each list of steps, all of them passed.
pub(crate) fn results(cases: &[Vec<Value>]) -> Results {
    let cases: Vec<Value> = cases
        .iter()
        .enumerate()
        .map(|(i, steps)| json!({ "id": format!("c/{i}"), "verdict": "passed", "steps": steps }))
        .collect();
    serde_json::from_value(json!({ "schema": "", "cases": cases })).expect("results")
}

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::{Event, Outcome, Warning};
use crate::report::Reporter;
use crate::report::sample::{Texts, info, outcome, summary};
use crate::secret::SecretSet;

fn written(info: &RunInfo, outcomes: &[Outcome], spool: &mut Spool) -> Value {
    for outcome in outcomes {
        spool.push(outcome).unwrap();
    }
    let mut out = Vec::new();
    write_json(info, &summary(outcomes), spool, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn the_document_says_what_the_run_was() {
    let mut spool = Spool::new(SecretSet::new());
    let place = None;
    spool.event(&Event::Warning(Warning { code: "short-secret", message: "too short".into(), place })).unwrap();
    let mut left = outcome(9, 1, Verdict::Errored);
    left.kind = OutcomeKind::Teardown;
    let outcomes = [left, outcome(1, 0, Verdict::Failed), outcome(0, 0, Verdict::Passed)];
    let report = written(&info(&["shop", "users"]), &outcomes, &mut spool);
    assert_eq!(report["schema"], SCHEMA);
    assert_eq!(report["exit"], 1);
    assert_eq!(report["stopped"], Value::Null);
    assert_eq!(report["suites"][1]["id"], "users");
    assert_eq!(report["warnings"][0]["code"], "short-secret");
    let ids: Vec<_> = report["cases"].as_array().unwrap().iter().map(|case| case["name"].clone()).collect();
    assert_eq!(ids, ["case 0", "case 1"]);
    assert_eq!(report["cases"][1]["place"], json!({"file": "specs/orders.yaml", "line": 5, "column": 3}));
    assert_eq!(report["teardowns"][0]["verdict"], "errored");
    assert_eq!(report["summary"]["cases"], 2);
    assert_eq!(report["summary"]["verdicts"]["passed"], 1);
    assert_eq!(report["summary"]["verdicts"]["not-run"], 0);
    assert_eq!(report["summary"]["teardowns"], 1);
    assert_eq!(report["summary"]["ms"], 1500.0);
}

#[test]
fn a_run_without_outcomes_is_a_document_too() {
    let report = written(&info(&[]), &[], &mut Spool::new(SecretSet::new()));
    assert_eq!((&report["cases"], &report["suites"]), (&json!([]), &json!([])));
}

/// Every path of keys that a document has, lists left out.
fn keys(value: &Value, path: &str, out: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = format!("{path}.{key}");
                keys(value, &path, out);
                out.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, path, out)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_field_is_documented() {
    let mut spool = Spool::new(SecretSet::new());
    let warning = Warning { code: "x", message: "m".into(), place: None };
    spool.event(&Event::Warning(warning)).unwrap();
    let mut left = outcome(9, 0, Verdict::Errored);
    left.kind = OutcomeKind::Teardown;
    let report = written(&info(&["shop"]), &[left, outcome(1, 0, Verdict::Failed)], &mut spool);
    let mut all = std::collections::BTreeSet::new();
    keys(&report, "", &mut all);
    for event in crate::report::events::tests::run() {
        keys(&serde_json::to_value(event).unwrap(), "", &mut all);
    }
    let doc = include_str!("../../../docs/json.md");
    for path in all {
        let key = path.rsplit('.').next().unwrap();
        assert!(doc.contains(&format!("`{key}`")), "docs/json.md does not name `{key}` of {path}");
    }
    for verdict in Verdict::ALL {
        let word = serde_json::to_value(verdict).unwrap();
        assert!(doc.contains(&format!("`{}`", word.as_str().unwrap())), "docs/json.md does not name {word}");
    }
    assert!(doc.contains(SCHEMA));
}

#[test]
fn the_documented_example_is_a_report() {
    let doc = include_str!("../../../docs/json.md");
    let example = doc.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let example: Value = serde_json::from_str(example).unwrap();
    let cases: Vec<Outcome> = serde_json::from_value(example["cases"].clone()).unwrap();
    let mut all = [std::collections::BTreeSet::new(), std::collections::BTreeSet::new()];
    let report = written(&info(&["shop"]), &cases, &mut Spool::new(SecretSet::new()));
    keys(&example, "", &mut all[0]);
    keys(&report, "", &mut all[1]);
    assert_eq!(all[0], all[1]);
}

proptest! {
    #[test]
    fn any_text_parses_back(texts in prop::collection::vec(any::<String>(), 1..20), verdict in 0usize..8) {
        let outcome = Texts::new(&texts).outcome(0, 1, Verdict::ALL[verdict]);
        let info = Texts::new(&texts).info(2);
        let report = written(&info, std::slice::from_ref(&outcome), &mut Spool::new(SecretSet::new()));
        prop_assert_eq!(&report["cases"][0], &serde_json::to_value(&outcome).unwrap());
        prop_assert_eq!(&report["suites"][1], &serde_json::to_value(&info.suites[1]).unwrap());
        prop_assert_eq!(&report["notices"], &json!(info.notices));
    }
}

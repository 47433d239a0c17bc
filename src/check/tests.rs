//! Tests over the whole tables, and what holds for all checks together.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::diags::CODES;
use super::testing::{Answer, faults, read};
use super::{CHECKS, OPERATORS};

fn is_word(name: &str, separator: char) -> bool {
    name.split(separator).all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase()))
}

fn unique<'a>(names: impl Iterator<Item = &'a str>) -> bool {
    let mut all: Vec<&str> = names.collect();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    all.len() == count
}

#[test]
fn tables_have_unique_names_and_words() {
    assert!(unique(CHECKS.iter().map(|c| c.name)) && CHECKS.iter().all(|c| is_word(c.name, '_')));
    assert!(unique(OPERATORS.iter().map(|o| o.name)) && OPERATORS.iter().all(|o| is_word(o.name, '_')));
    assert!(unique(CODES.iter().map(|c| c.name)) && CODES.iter().all(|c| is_word(c.name, '-')));
    assert_eq!(CHECKS[0].name, "status");
    assert!(CODES.iter().all(|c| !c.about.is_empty() && c.explain.ends_with('.')));
    assert!(CHECKS.iter().all(|c| !c.about.ends_with('.')) && OPERATORS.iter().all(|o| !o.about.ends_with('.')));
}

#[test]
fn every_example_reads() {
    for check in CHECKS {
        assert!(read(&format!("{}: {}", check.name, check.example)).is_some(), "{}", check.name);
    }
    for operator in OPERATORS {
        let written = format!("json: {{ $.a: {{ {}: {} }} }}", operator.name, operator.example);
        assert!(read(&written).is_some(), "{}", operator.name);
    }
}

#[test]
fn empty_expectations_are_refused() {
    for check in CHECKS {
        for nothing in ["{}", "[]", "null"] {
            let found = faults(&format!("{}: {nothing}", check.name));
            assert!(!found.is_empty(), "{}: {nothing}", check.name);
        }
    }
    assert!(faults("{}")[0].starts_with("no-checks"));
}

#[test]
fn every_fault_is_told_and_the_rest_is_read() {
    let found = faults("status: 4xx\nheaders: { X: null }\nbody: { containz: x }\nstatsu: 200\njson: { $.a: 1 }");
    let codes: Vec<&str> = found.iter().map(|f| f.split(':').next().unwrap()).collect();
    assert_eq!(codes, ["bad-status", "bad-operand", "unknown-operator", "unknown-check"]);
}

#[test]
fn each_operator_has_its_own_place() {
    let written = "json:\n  $.a: { above: 1, below: 3 }\nheaders:\n  X: { contains: a }\ncookies:\n  s: { secure: true, path: / }";
    let read = read(written).unwrap();
    let subjects: Vec<&str> = read.checks.iter().map(|c| c.subject.as_str()).collect();
    assert_eq!(subjects, ["json $.a", "json $.a", "header X", "cookie s secure", "cookie s path"]);
    let widths: Vec<u32> = read.checks.iter().map(|c| c.span.end - c.span.start).collect();
    assert_eq!(widths, [1, 1, 1, 4, 1]);
}

/// An expectation that uses every check and every operator on whatever there is.
fn everything() -> String {
    let operators = |skip: &[&str]| -> String {
        let rows = OPERATORS.iter().filter(|o| !skip.contains(&o.name));
        rows.map(|o| format!("{}: {}", o.name, o.example)).collect::<Vec<_>>().join(", ")
    };
    let json = operators(&[]);
    let text = operators(&["equals", "exists", "type", "all", "any", "schema"]);
    let lines = operators(&["equals", "type", "schema"]);
    let others = CHECKS.iter().filter(|c| !["json", "headers", "body", "error"].contains(&c.name));
    let mut out = others.map(|c| format!("{}: {}", c.name, c.example)).collect::<Vec<_>>().join("\n") + "\n";
    out.push_str(
        &format!("json: {{ $.a: {{ {json} }}, $..a: {{ {json}, not: {{ {json} }} }}, $: {{ {json} }} }}\n")
            .replace(", not: alice", ""),
    );
    out.push_str(&format!("headers: {{ X: {{ {lines} }}, Location: {{ {lines} }} }}\nbody: {{ {text} }}\n"));
    out
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 64.0)),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("(a|b|id|\\PC)", inner, 0..5).prop_map(|m| json!(m)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn judging_never_panics(
        body in prop_oneof![any_json().prop_map(|v| v.to_string().into_bytes()), proptest::collection::vec(any::<u8>(), 0..60)],
        status in 100u16..1000,
        x in proptest::collection::vec(any::<u8>(), 0..30),
        location in "(http:/|/|\\?|#|//h|[a-z:@%]){0,6}|\\PC{0,12}",
        set in "(a|session|__Host-s)?=?\\PC{0,8}(; (Max-Age|Expires|SameSite|Domain|Path|Secure)=?\\PC{0,6}){0,3}",
        challenge in "(Bearer|Basic|[a-z]+| |=|,|\"|\\\\){0,12}",
    ) {
        let expectations = read(&everything()).unwrap();
        let answer = Answer::status(status)
            .header("X", x.clone())
            .header("X", "1")
            .header("Location", location)
            .header("WWW-Authenticate", challenge)
            .set_cookie(&set)
            .body(body);
        prop_assert_eq!(answer.judge_read(&expectations).len(), expectations.checks.len());
    }

    #[test]
    fn reading_never_panics(text in "(\\{|\\}|\\[|\\]|, |: |status|json|\\$\\.a|not|all|any|matches|one_of|4xx|200|null|\"|\\{\\{ who \\}\\}|\\PC){0,14}") {
        super::testing::read_anything(&text);
    }

    #[test]
    fn a_value_equals_itself_and_never_its_negation(value in any_json()) {
        let written = serde_json::to_string(&value).unwrap();
        prop_assume!(!written.contains("{{") && !written.contains("{%") && !written.contains("{#"));
        let answer = Answer::ok().json(&json!({ "v": value }));
        let Some(expectations) = super::testing::read_anything(&format!("json: {{ $.v: {{ equals: {written} }} }}")) else {
            return Ok(());
        };
        let held = answer.judge_read(&expectations).iter().all(|c| *c == super::Checked::Held);
        let negated = format!("json: {{ $.v: {{ not: {{ equals: {written} }} }} }}");
        prop_assert!(held, "{}", written);
        prop_assert!(!answer.holds(&negated));
    }
}

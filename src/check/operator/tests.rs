use serde_json::{Value, json};

use super::super::testing::{Answer, NOW, faults};

/// What becomes of one operator map on one value: `held`, `broken` or `unjudgeable`, and of its negation.
fn both(value: &Value, operators: &str) -> (&'static str, &'static str) {
    let answer = Answer::ok().json(&json!({ "v": value }));
    let of = |written: String| {
        if answer.holds(&written) {
            "held"
        } else if answer.unjudgeable(&written).is_empty() {
            "broken"
        } else {
            "unjudgeable"
        }
    };
    (of(format!("json: {{ $.v: {operators} }}")), of(format!("json: {{ $.v: {{ not: {operators} }} }}")))
}

const HELD: (&str, &str) = ("held", "broken");
const BROKEN: (&str, &str) = ("broken", "held");
/// The source is unfit: neither the operator holds nor its negation.
const UNFIT: (&str, &str) = ("broken", "broken");

fn judge_all(rows: &[(Value, &str, (&str, &str))]) {
    for (value, operators, became) in rows {
        assert_eq!(both(value, operators), *became, "{value} {operators}");
    }
}

#[test]
fn equality_and_texts() {
    judge_all(&[
        (json!({"a": [1, "x"]}), "{ equals: { a: [1, x] } }", HELD),
        (json!({"a": 1}), "{ equals: { a: \"1\" } }", BROKEN),
        (json!(3), "{ equals: 3.0 }", HELD),
        (json!("3"), "{ equals: 3 }", BROKEN),
        (json!(null), "{ equals: null }", HELD),
        (json!("alice"), "{ contains: lic }", HELD),
        (json!("alice"), "{ contains: bob }", BROKEN),
        (json!(["user", 1]), "{ contains: user }", HELD),
        (json!(["users", 1]), "{ contains: user }", BROKEN),
        (json!([1]), "{ contains: \"1\" }", BROKEN),
        (json!({"k": 1}), "{ contains: k }", HELD),
        (json!({"k": 1}), "{ contains: j }", BROKEN),
        (json!(12), "{ contains: 1 }", UNFIT),
        (json!("12"), "{ contains: 1 }", UNFIT),
        (json!(null), "{ contains: a }", UNFIT),
        (json!("alice"), "{ starts_with: al }", HELD),
        (json!("alice"), "{ starts_with: Al }", BROKEN),
        (json!(["al"]), "{ starts_with: al }", UNFIT),
        (json!("alice"), "{ ends_with: ce }", HELD),
        (json!("alice"), "{ ends_with: al }", BROKEN),
        (json!(3), "{ ends_with: ce }", UNFIT),
        (json!("a-1"), "{ matches: '^a-\\d$' }", HELD),
        (json!("b a-1"), "{ matches: '^a-\\d$' }", BROKEN),
        (json!(1), "{ matches: '1' }", UNFIT),
        (json!("b"), "{ one_of: [a, b] }", HELD),
        (json!(1), "{ one_of: [\"1\", 2] }", BROKEN),
        (json!(["a"]), "{ one_of: [[a], b] }", HELD),
    ]);
}

#[test]
fn shapes_and_numbers() {
    judge_all(&[
        (json!(null), "{ exists: true }", HELD),
        (json!(1), "{ exists: false }", BROKEN),
        (json!(null), "{ type: null }", HELD),
        (json!(true), "{ type: boolean }", HELD),
        (json!(1.5), "{ type: number }", HELD),
        (json!(1.5), "{ type: integer }", BROKEN),
        (json!(2), "{ type: integer }", HELD),
        (json!("2"), "{ type: integer }", BROKEN),
        (json!(""), "{ type: string }", HELD),
        (json!([]), "{ type: list }", HELD),
        (json!({}), "{ type: map }", HELD),
        (json!({}), "{ type: array }", BROKEN),
        (json!("é1"), "{ length: 2 }", HELD),
        (json!([1, 2]), "{ length: { at_least: 1, below: 3 } }", HELD),
        (json!({"a": 1}), "{ length: 0 }", BROKEN),
        (json!(12), "{ length: 2 }", UNFIT),
        (json!(null), "{ length: 0 }", UNFIT),
        (json!(4), "{ above: 3 }", HELD),
        (json!(3), "{ above: 3 }", BROKEN),
        (json!("4"), "{ above: 3 }", UNFIT),
        (json!(2.5), "{ below: 3 }", HELD),
        (json!(3), "{ below: 3 }", BROKEN),
        (json!(true), "{ below: 3 }", UNFIT),
        (json!(3), "{ at_least: 3 }", HELD),
        (json!(2), "{ at_least: 3 }", BROKEN),
        (json!(null), "{ at_least: 3 }", UNFIT),
        (json!(3), "{ at_most: 3 }", HELD),
        (json!(4), "{ at_most: 3 }", BROKEN),
        (json!([1]), "{ at_most: 3 }", UNFIT),
    ]);
}

#[test]
fn elements_and_combinations() {
    judge_all(&[
        (json!(["ab", "ac"]), "{ all: { starts_with: a } }", HELD),
        (json!(["ab", "c"]), "{ all: { starts_with: a } }", BROKEN),
        (json!(["ab", 3]), "{ all: { starts_with: a } }", UNFIT),
        (json!([]), "{ all: { starts_with: a } }", UNFIT),
        (json!("ab"), "{ all: ab }", UNFIT),
        (json!([3, "b"]), "{ any: b }", HELD),
        (json!([3, "c"]), "{ any: b }", BROKEN),
        (json!([]), "{ any: b }", BROKEN),
        (json!([3, "c"]), "{ any: { starts_with: b } }", UNFIT),
        (json!([3, "bc"]), "{ any: { starts_with: b } }", HELD),
        (json!({"a": 1}), "{ any: 1 }", UNFIT),
        (json!(5), "{ above: 3, below: 9, not: 7 }", HELD),
        (json!(7), "{ above: 3, below: 9, not: 7 }", BROKEN),
        (json!(7), "{ not: { not: 7 } }", HELD),
        (json!("x"), "{ not: { not: { above: 7 } } }", UNFIT),
    ]);
}

#[test]
fn times_are_compared_with_the_moment_of_judging() {
    let (held, broken, unfit) = (HELD, BROKEN, UNFIT);
    for (value, became) in [
        (json!(NOW + 900), held),
        (json!(NOW + 905), held),
        (json!(NOW - 5), held),
        (json!(NOW + 906), broken),
        (json!(NOW - 6), broken),
        (json!((NOW + 900) * 1000), unfit),
        (json!("2026-01-01T00:14:59Z"), held),
        (json!("2026-01-01T01:14:59+01:00"), held),
        (json!("2026-01-01T00:16:00Z"), broken),
        (json!("tomorrow"), unfit),
        (json!(1e300), unfit),
        (json!(null), unfit),
    ] {
        assert_eq!(both(&value, "{ within: 15m }"), became, "{value}");
    }
    let answer = Answer::ok().header("Expires", "Thu, 01 Jan 2026 00:10:00 GMT");
    assert!(
        answer.holds("headers: { Expires: { within: 15m } }") && !answer.holds("headers: { Expires: { within: 5m } }")
    );
    let broken = Answer::ok().json(&json!({"exp": NOW + 3600})).broken("json: { $.exp: { within: 15m } }");
    assert_eq!(broken[0].0, "a time within 15m 00s from now (2026-01-01T00:00:00Z)");
    assert_eq!(broken[0].1, "number 1767229200 (2026-01-01T01:00:00Z)");
}

#[test]
fn templates_are_rendered_when_the_answer_is_judged() {
    let answer =
        Answer::ok().json(&json!({"name": "alice", "count": 3, "list": ["alice", 3], "map": {"who": "alice", "n": 3}}));
    for holds in [
        "$.name: \"{{ who }}\"",
        "$.count: \"{{ n }}\"",
        "$.name: { starts_with: \"{{ who[:2] }}\" }",
        "$.name: { matches: \"^{{ who }}$\" }",
        "$.name: { one_of: [bob, \"{{ who }}\"] }",
        "$.name: { one_of: \"{{ [who, 'x'] }}\" }",
        "$.list: [\"{{ who }}\", \"{{ n }}\"]",
        "$.map: { equals: { n: \"{{ n }}\", who: \"{{ who }}\" } }",
        "$.map: { equals: \"{{ {'who': who, 'n': n} }}\" }",
        "$.list: { contains: \"{{ n }}\", length: \"{{ n - 1 }}\" }",
        "$.count: { at_most: \"{{ n }}\" }",
    ] {
        assert!(answer.holds(&format!("json: {{ {holds} }}")), "{holds}");
    }
    assert!(!answer.holds("json: { $.count: \"{{ who }}\" }") && !answer.holds("json: { $.name: \"{{ n }}\" }"));
    for faulty in [
        "$.name: { starts_with: \"{{ nothing }}\" }",
        "$.name: { not: \"{{ who.x.y }}\" }",
        "$.name: { not: { matches: \"({{ who }}\" } }",
        "$.name: { one_of: \"{{ who }}\" }",
        "$.count: { not: { above: \"{{ who }}\" } }",
        "$.name: { within: \"{{ who }}\" }",
        "$.list: { not: { any: \"{{ who.x.y }}\" } }",
    ] {
        let why = answer.unjudgeable(&format!("json: {{ {faulty} }}"));
        assert!(why.len() == 1 && !why[0].contains("alice"), "{faulty}: {why:?}");
    }
}

#[test]
fn what_is_wanted_and_found_is_told_with_types() {
    let answer = Answer::ok().json(&json!({"n": 3, "list": [1, 2], "s": "a\"b"}));
    let told = |operators: &str| answer.broken(&format!("json: {{ {operators} }}")).remove(0);
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(told("$.n: \"3\""), pair("text \"3\"", "number 3"));
    assert_eq!(told("$.x: 3"), pair("number 3", "nothing (no such node)"));
    assert_eq!(told("$.s: { not: { contains: a } }"), pair("not contains text \"a\"", "text \"a\\\"b\""));
    assert_eq!(
        told("$.list: { length: { above: 2 } }"),
        pair("length a number above 2", "length number 2 of list [1,2]")
    );
    assert_eq!(told("$.n: { one_of: [1, a] }"), pair("one of number 1, text \"a\"", "number 3"));
    assert_eq!(told("$.n: { exists: false }"), pair("nothing", "number 3"));
    assert_eq!(
        told("$.list: { all: { above: 1 } }"),
        pair("a list in which every element is a number above 1", "list [1,2]")
    );
    assert_eq!(told("$.n: { type: text }"), pair("text", "number 3"));
}

#[test]
fn operands_of_the_wrong_type_are_refused_when_the_plan_is_made() {
    for (operators, words) in [
        ("{ above: \"3\" }", "a number is needed"),
        ("{ within: 15 }", "needs a unit"),
        ("{ length: -1 }", "a whole number"),
        ("{ length: long }", "a whole number"),
        ("{ exists: 1 }", "`true` or `false`"),
        ("{ type: int }", "did you mean"),
        ("{ one_of: a }", "a list is needed"),
        ("{ one_of: [] }", "at least one"),
        ("{ not: [a] }", "a scalar or a map"),
        ("{ starts_with: 12 }", "`starts_with` compares text"),
        ("{ matches: 12 }", "`matches` compares text"),
        ("{ starts_with: [a] }", "text"),
        ("{ all: {} }", "could not fail"),
        ("{ not: {} }", "could not fail"),
        ("{ id: 1 }", "no operator called `id`"),
        ("{ startswith: a }", "no operator called `startswith`"),
        ("{ equals: \"{{ whoo }}\" }", "`whoo`"),
    ] {
        let found = faults(&format!("json: {{ $.v: {operators} }}"));
        let good = found.len() == 1 && (found[0].contains(words) || words == "did you mean");
        assert!(good, "{operators}: {found:?}");
    }
}

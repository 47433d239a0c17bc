//! Values as expectations see them: what was there, how two of them compare, how they are told.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::term::grouped;

/// What an expectation is about, which decides how scalars compare and which operators make sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A JSON value: compared with its type.
    Json,
    /// One text that is always there, such as a body: compared by its spelling.
    Text,
    /// A text that may be missing, such as a parameter of a challenge.
    MaybeText,
    /// Any number of texts, such as the lines of a header.
    Lines,
}

/// What was there.
#[derive(Debug, Clone, Copy)]
pub(super) enum Actual<'a> {
    /// A JSON value.
    Json(&'a Value),
    /// A text.
    Text(&'a str),
    /// Several texts, at least one.
    Lines(&'a [String]),
    /// The empty list of a path that can name several nodes. Whether it exists is asked like of
    /// anything missing, everything else of the list.
    NoNodes(Missing<'a>),
    /// Nothing.
    Missing(Missing<'a>),
}

/// Why nothing is there, and whether that says anything.
#[derive(Debug, Clone, Copy)]
pub(super) enum Missing<'a> {
    /// It could have been there and is not.
    Absent(&'a str),
    /// The place where it would be is not there either, so its absence proves nothing.
    Unplaced(&'a str),
}

/// What a path that finds no nodes gives.
pub(super) const NO_NODES: Value = Value::Array(Vec::new());

/// Texts longer than this, in bytes, are told by their length: a cut could split a secret and so
/// hide half of it from masking.
const LONGEST_SHOWN: usize = 4096;

impl Actual<'_> {
    /// Tells the value with its type.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Json(value) => describe(value),
            Self::Text(text) => describe_text(text),
            Self::Lines([one]) => describe_text(one),
            Self::Lines(lines) => lines.iter().map(|l| describe_text(l)).collect::<Vec<_>>().join(" and "),
            Self::NoNodes(_) => describe(&NO_NODES),
            Self::Missing(Missing::Absent(why) | Missing::Unplaced(why)) => format!("nothing ({why})"),
        }
    }
}

/// Tells a JSON value with its type: `number 3`, `text "alice"`, `null`.
pub(super) fn describe(value: &Value) -> String {
    let shown = |word: &str, text: String| {
        if text.len() > LONGEST_SHOWN {
            format!("{word} of {} bytes", grouped(text.len() as u64))
        } else {
            format!("{word} {text}")
        }
    };
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => format!("boolean {b}"),
        Value::Number(n) => format!("number {n}"),
        Value::String(text) => describe_text(text),
        Value::Array(_) => shown("list", value.to_string()),
        Value::Object(_) => shown("object", value.to_string()),
    }
}

/// Tells a text with its type.
pub(super) fn describe_text(text: &str) -> String {
    if text.len() > LONGEST_SHOWN {
        return format!("text of {} bytes", grouped(text.len() as u64));
    }
    format!("text {}", Value::from(text))
}

/// Compares two values with their types; numbers by value, objects in any order.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b) == Some(Ordering::Equal),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// Compares two numbers: whole ones exactly, others as 64-bit floats.
pub(super) fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    let whole = |n: &Number| n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

/// Reads a text as JSON spells numbers.
pub(super) fn number_of(text: &str) -> Option<Number> {
    let text = text.trim();
    // JSON itself allows blanks and other values around; only a bare number will do.
    let plausible = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    plausible.then(|| serde_json::from_str(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_told_with_their_types() {
        let told: Vec<String> = [json!(null), json!(true), json!(3), json!("a\"b"), json!([1]), json!({"a": 1})]
            .iter()
            .map(describe)
            .collect();
        assert_eq!(told, ["null", "boolean true", "number 3", r#"text "a\"b""#, "list [1]", r#"object {"a":1}"#]);
        assert_eq!(describe_text(&"x".repeat(5000)), "text of 5,000 bytes");
        assert_eq!(Actual::Missing(Missing::Absent("no such node")).describe(), "nothing (no such node)");
    }

    #[test]
    fn equality_keeps_types_and_compares_numbers_exactly() {
        assert!(same(&json!({"a": 1, "b": [2.0]}), &json!({"b": [2], "a": 1.0})));
        for (a, b) in [
            (json!("3"), json!(3)),
            (json!(0), json!(false)),
            (json!(null), json!("")),
            (json!([1]), json!(1)),
            (json!({}), json!([])),
            (json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992_u64)),
            (json!({"a": null}), json!({})),
        ] {
            assert!(!same(&a, &b), "{a} {b}");
        }
        assert_eq!(number_of(" 12 "), Some(12.into()));
        for no in ["", "x", "0x1", "1 2", "007", "\"1\"", "[1]", "NaN", "+1"] {
            assert_eq!(number_of(no), None, "{no}");
        }
    }
}

//! `headers`: header fields of the answer that is judged.

use crate::http::{Headers, is_token};
use crate::spec::{Node, Reader};

use super::operator::Expectation;
use super::value::{Actual, Kind, Missing};
use super::{Check, Checked, Placed, Seen, diags};

#[derive(Debug)]
struct Header {
    name: String,
    expectation: Expectation,
}

/// Reads the row `headers`.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    for (name, value) in fields(node, reader) {
        let Some(expectation) = Expectation::read(value, Kind::Lines, reader) else { continue };
        let subject = format!("header {name}");
        expectation.place(&subject, out, |expectation| Box::new(Header { name: name.clone(), expectation }));
    }
}

/// Reads a map by field name.
pub(super) fn fields<'n>(node: &'n Node, reader: &mut Reader<'_>) -> Vec<(String, &'n Node)> {
    let Some(entries) = reader.map(node) else { return Vec::new() };
    let mut out = Vec::new();
    for entry in entries.iter() {
        if !is_token(&entry.key) {
            reader.fault(diags::misplaced_operator(entry.key_span, "this is no name of a header field"));
            continue;
        }
        out.push((entry.key.to_string(), &entry.value));
    }
    out
}

/// The values of a field as text, one for each line.
pub(super) fn lines(headers: &Headers, name: &str) -> Vec<String> {
    headers.all(name).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}

/// Turns lines into a source.
pub(super) fn source<'a>(lines: &'a [String], nothing: &'a str) -> Actual<'a> {
    if lines.is_empty() { Actual::Missing(Missing::Absent(nothing)) } else { Actual::Lines(lines) }
}

impl Check for Header {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        let lines = lines(&seen.response.headers, &self.name);
        self.expectation.judge(source(&lines, "no such header"), seen.moment())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Answer, faults};

    #[test]
    fn names_have_no_case_and_values_are_text() {
        let answer = Answer::ok().header("Cache-Control", "no-store, private").header("X-Count", "3");
        assert!(answer.holds("headers: { cache-control: { contains: no-store } }"));
        assert!(answer.holds("headers: { X-Count: 3 }") && answer.holds("headers: { X-Count: \"3\" }"));
        assert!(answer.holds("headers: { X-Count: { at_most: 3, above: 2, length: 1 } }"));
        assert!(answer.holds("headers: { Server: { exists: false }, X-Count: { exists: true } }"));
        let broken = answer.broken("headers: { cache-control: no-store }");
        assert_eq!(broken, [("text \"no-store\"".to_owned(), "text \"no-store, private\"".to_owned())]);
        let broken = answer.broken("headers: { server: nginx }");
        assert_eq!(broken[0].1, "nothing (no such header)");
    }

    #[test]
    fn one_line_has_to_satisfy_a_map_and_negations_hold_for_all() {
        let answer = Answer::ok().header("Set-Cookie", "a=1; HttpOnly").header("Set-Cookie", "b=2");
        let holds = |operators: &str| answer.holds(&format!("headers: {{ Set-Cookie: {operators} }}"));
        assert!(holds("{ starts_with: a=, contains: HttpOnly }"));
        assert!(!holds("{ starts_with: b=, contains: HttpOnly }"));
        assert!(holds("b=2") && !holds("{ not: b=2 }") && !holds("{ not: { contains: HttpOnly } }"));
        assert!(holds("{ not: { contains: Secure } }") && !holds("{ not: { starts_with: b=, contains: '2' } }"));
        assert!(holds("{ any: { contains: HttpOnly } }") && !holds("{ all: { contains: HttpOnly } }"));
        assert!(holds("[\"a=1; HttpOnly\", b=2]") && !holds("[b=2]") && !holds("{ not: { exists: true } }"));
        assert!(!holds("{ not: { above: 1 } }"), "text that is no number is unfit, also under `not`");
    }

    #[test]
    fn a_missing_header_fails_everything_but_exists() {
        for operators in
            ["{ not: x }", "{ not: { contains: x } }", "{ length: 0 }", "{ all: x }", "{ not: { any: x } }"]
        {
            assert!(!Answer::ok().holds(&format!("headers: {{ X: {operators} }}")), "{operators}");
        }
        assert!(Answer::ok().holds("headers: { X: { not: { exists: true } } }"));
    }

    #[test]
    fn faults_are_told() {
        for (written, words) in [
            ("headers: { X: null }", "never null"),
            ("headers: { \"a b\": x }", "no name"),
            ("headers: { X: { contains: 3 } }", "`contains` compares text"),
            ("headers: { X: { equals: { a: 1 } } }", "text is needed"),
            ("headers: { X: { type: text } }", "always text"),
            ("headers: { X: {} }", "could not fail"),
            ("headers: {}", "could not fail"),
            ("headers: x", "a map"),
        ] {
            let found = faults(written);
            assert!(found.len() == 1 && found[0].contains(words), "{written}: {found:?}");
        }
    }
}

//! `sent`: what really left, after templates, identities and redirects.
//!
//! `method`, `url` and `body` are those of the first request. A header or cookie is looked for on
//! every hop: one hop has to satisfy what is wanted, and `exists: false` or a negation holds only
//! when it does on all of them.

use crate::http::Trail;
use crate::spec::{Def, Key, Node, Reader, Shape, key};

use super::headers::{fields, lines, source};
use super::operator::Expectation;
use super::value::{Actual, Kind};
use super::{Check, Checked, Placed, Seen};

/// The keys of `sent`.
pub(super) const KEYS: &[Key] = &[
    key("headers", "header fields by name, on any hop").is(Shape::VALUES),
    key("cookies", "values of cookies by name, on any hop").is(Shape::VALUES),
    key("method", "the method of the first request").is(Shape::The(Def::Value)),
    key("url", "the address of the first request, absolute or from its path on").is(Shape::The(Def::Value)),
    key("body", "the body of the first request, as text").is(Shape::The(Def::Value)),
];

#[derive(Debug)]
struct Sent {
    part: Part,
    expectation: Expectation,
}

#[derive(Debug, Clone)]
enum Part {
    Header(String),
    Cookie(String),
    Method,
    Url,
    Body,
}

/// Reads the row `sent`.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    let Some(all) = reader.fields(node, KEYS, "`sent`") else { return };
    if let Some(node) = all.get("headers") {
        for (name, value) in fields(node, reader) {
            let subject = format!("sent header {name}");
            place(&subject, &Part::Header(name), Kind::Lines, value, reader, out);
        }
    }
    if let Some(cookies) = all.get("cookies").and_then(|node| reader.map(node)) {
        for entry in cookies.iter() {
            let subject = format!("sent cookie {}", entry.key);
            place(&subject, &Part::Cookie(entry.key.to_string()), Kind::Lines, &entry.value, reader, out);
        }
    }
    for (name, part, kind) in
        [("method", Part::Method, Kind::Text), ("url", Part::Url, Kind::Lines), ("body", Part::Body, Kind::Text)]
    {
        if let Some(node) = all.get(name) {
            place(&format!("sent {name}"), &part, kind, node, reader, out);
        }
    }
}

fn place(subject: &str, part: &Part, kind: Kind, node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    if let Some(expectation) = Expectation::read(node, kind, reader) {
        expectation.place(subject, out, |expectation| Box::new(Sent { part: part.clone(), expectation }));
    }
}

impl Check for Sent {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        let at = seen.moment();
        let Some(first) = seen.trail.request() else {
            return Checked::Unjudgeable { why: "nothing was sent".to_owned() };
        };
        match &self.part {
            Part::Header(name) => {
                let found: Vec<String> = seen.trail.hops.iter().flat_map(|h| lines(&h.request.headers, name)).collect();
                self.expectation.judge(source(&found, "no such header was sent"), at)
            }
            Part::Cookie(name) => {
                let found = cookies(seen.trail, name);
                self.expectation.judge(source(&found, "no such cookie was sent"), at)
            }
            Part::Method => self.expectation.judge(Actual::Text(&first.method), at),
            Part::Url => {
                let spellings = [first.address.to_string(), first.address.target().to_owned()];
                self.expectation.judge(Actual::Lines(&spellings), at)
            }
            Part::Body => self.expectation.judge(Actual::Text(&String::from_utf8_lossy(&first.body)), at),
        }
    }
}

/// The values of a cookie in the `Cookie` fields of all hops.
fn cookies(trail: &Trail, name: &str) -> Vec<String> {
    let fields = trail.hops.iter().flat_map(|hop| lines(&hop.request.headers, "cookie"));
    let of_field = |field: String| -> Vec<String> {
        let pairs = field.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(n, _)| *n == name).map(|(_, value)| value.to_owned()).collect()
    };
    fields.flat_map(of_field).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Answer, faults};

    fn answer() -> Answer {
        Answer::redirected("http://other.test/b", 200).sent(0, "Authorization", "Bearer abc").sent(
            1,
            "Cookie",
            "a=1; sid=x=y",
        )
    }

    #[test]
    fn headers_and_cookies_of_all_hops_count() {
        let holds = |wanted: &str| answer().holds(&format!("sent: {wanted}"));
        assert!(holds("{ headers: { authorization: { starts_with: Bearer } } }"));
        assert!(!holds("{ headers: { authorization: { exists: false } } }"), "it left on the first hop");
        assert!(holds("{ headers: { X-Debug: { exists: false } } }"));
        assert!(
            holds("{ cookies: { sid: x=y, a: 1, b: { exists: false } } }")
                && !holds("{ cookies: { sid: { not: x=y } } }")
        );
        let broken = answer().broken("sent: { headers: { X-Debug: { not: x } } }");
        assert_eq!(broken[0].1, "nothing (no such header was sent)");
    }

    #[test]
    fn the_rest_is_of_the_first_request() {
        let holds = |wanted: &str| answer().holds(&format!("sent: {wanted}"));
        assert!(holds("{ method: GET, url: /start?x=1, body: \"\" }") && !holds("{ method: POST }"));
        assert!(
            holds("{ url: http://api.test:8080/start?x=1 }") && holds("{ url: { not: { contains: other.test } } }")
        );
        assert!(!holds("{ url: { not: { ends_with: x=1 } } }") && holds("{ body: { length: 0 } }"));
    }

    #[test]
    fn faults_are_told() {
        for (written, words) in [
            ("sent: { header: { a: b } }", "no key called `header`"),
            ("sent: { method: { exists: true } }", "always there"),
            ("sent: { headers: {} }", "could not fail"),
            ("sent: { cookies: x }", "a map"),
        ] {
            let found = faults(written);
            assert!(found.len() == 1 && found[0].contains(words), "{written}: {found:?}");
        }
    }
}

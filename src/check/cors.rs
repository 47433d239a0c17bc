//! `cors`: whether a page of another origin may call, as a browser would judge it (Fetch, section 3.2).
//!
//! Reads the answer to a request that carried `Origin`, a preflight or a plain one; it sends nothing.

use crate::http::{Request, Response};
use crate::spec::{Def, Key, Node, Reader, Shape, key};
use crate::term::list;

use super::headers::{lines, source};
use super::operator::Expectation;
use super::value::{Kind, describe_text};
use super::{Check, Checked, Placed, Seen, diags};

/// The keys of `cors`.
pub(super) const KEYS: &[Key] = &[
    key("origin", "`allowed` or `denied`: whether pages of the origin that the request named may read the answer")
        .is(Shape::Words(&["allowed", "denied"])),
    key("methods", "methods that such pages may use").is(Shape::TEXTS),
    key("headers", "header fields that such pages may send; `*` does not cover `authorization`").is(Shape::TEXTS),
    key("credentials", "whether cookies and other credentials of the browser may go with it").is(Shape::Flag),
    key("exposes", "header fields of the answer that such pages may read").is(Shape::TEXTS),
    key("max_age", "operators on the seconds that a browser may keep the answer to a preflight")
        .is(Shape::The(Def::Value)),
];

/// Methods that need no permission.
const SIMPLE: [&str; 3] = ["GET", "HEAD", "POST"];

#[derive(Debug)]
enum Cors {
    Allowed,
    Denied,
    Credentials(bool),
    Listed(Listed, String),
    MaxAge(Expectation),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    Method,
    Header,
    Exposed,
}

/// Reads the row `cors`.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    let Some(fields) = reader.fields(node, KEYS, "`cors`") else { return };
    let mut add = |check: Cors, span, subject: &str| {
        out.push(Placed { check: Box::new(check), span, subject: format!("cors {subject}") });
    };
    if let Some(node) = fields.get("origin") {
        let words = [("allowed", true), ("denied", false)];
        if let Some(allowed) = reader.one_of(node, "a verdict on an origin", &words) {
            add(if allowed { Cors::Allowed } else { Cors::Denied }, node.span, "origin");
        }
    }
    for (name, kind) in [("methods", Listed::Method), ("headers", Listed::Header), ("exposes", Listed::Exposed)] {
        let Some(node) = fields.get(name) else { continue };
        let items = reader.one_or_more(node);
        if items.is_empty() {
            reader.fault(diags::no_checks(node.span, "an empty list asks for nothing, so it could not fail"));
        }
        for item in items {
            if let Some(text) = reader.word(item) {
                add(Cors::Listed(kind, text.value.to_string()), item.span, name);
            }
        }
    }
    if let Some(node) = fields.get("credentials")
        && let Some(wanted) = reader.flag(node)
    {
        add(Cors::Credentials(wanted), node.span, "credentials");
    }
    if let Some(node) = fields.get("max_age")
        && let Some(expectation) = Expectation::read(node, Kind::Lines, reader)
    {
        let span = node.span;
        add(Cors::MaxAge(expectation), span, "max_age");
    }
}

/// What the answer says to browsers.
struct Said<'a> {
    origin: String,
    allow_origin: Vec<String>,
    credentials: bool,
    request: &'a Request,
    response: &'a Response,
}

impl<'a> Said<'a> {
    fn of(seen: &'a Seen<'a>) -> Result<Self, String> {
        let request = &seen.trail.hops.last().ok_or("nothing was sent")?.request;
        let origin = request.headers.text("origin").ok_or(
            "the request carried no `Origin`, and servers answer about an origin that is named; add `headers: { Origin: https://… }`",
        )?;
        let response = seen.response;
        let allow_origin = lines(&response.headers, "access-control-allow-origin");
        // `True` is not `true` (Fetch, section 3.2.3).
        let credentials = lines(&response.headers, "access-control-allow-credentials") == ["true"];
        Ok(Self { origin, allow_origin, credentials, request, response })
    }

    fn is_wild(&self) -> bool {
        self.allow_origin == ["*"]
    }

    fn is_allowed(&self) -> bool {
        self.is_wild() || self.allow_origin == [self.origin.as_str()]
    }

    fn is_preflight(&self) -> bool {
        self.request.method == "OPTIONS" && self.request.headers.has("access-control-request-method")
    }

    /// Whether a list in a field has an item.
    fn lists(&self, field: &str, wanted: &str, case: bool, wildcard: bool) -> bool {
        lines(&self.response.headers, field).iter().flat_map(|line| line.split(',')).map(str::trim).any(|item| {
            let same = if case { item == wanted } else { item.eq_ignore_ascii_case(wanted) };
            same || (item == "*" && wildcard && !self.credentials)
        })
    }

    fn told(&self, field: &str) -> String {
        let found = lines(&self.response.headers, field);
        if found.is_empty() {
            return format!("nothing (no `{field}`)");
        }
        let told: Vec<String> = found.iter().map(|line| describe_text(line)).collect();
        format!("{field}: {}", list(&told, "and"))
    }
}

const ALLOW_ORIGIN: &str = "access-control-allow-origin";

impl Check for Cors {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        let said = match Said::of(seen) {
            Ok(said) => said,
            Err(why) => return Checked::Unjudgeable { why },
        };
        let broken = |expected: String, actual: String| Checked::Broken { expected, actual };
        if said.is_wild() && said.credentials {
            let expected = "an origin by name where credentials are allowed".to_owned();
            return broken(expected, "every origin (`*`) with credentials, which no browser takes".to_owned());
        }
        let judged = |held: bool, expected: String, field: &str| {
            if held { Checked::Held } else { broken(expected, said.told(field)) }
        };
        let origin = format!("`{}`", said.origin);
        match self {
            Self::Allowed if said.is_preflight() && !(200..300).contains(&said.response.status) => {
                broken("a preflight answered with 2xx".to_owned(), said.response.status.to_string())
            }
            Self::Allowed => judged(said.is_allowed(), format!("the origin {origin} allowed"), ALLOW_ORIGIN),
            Self::Denied => judged(!said.is_allowed(), format!("the origin {origin} denied"), ALLOW_ORIGIN),
            Self::Credentials(wanted) => {
                let words = if *wanted { "credentials allowed" } else { "credentials not allowed" };
                judged(said.credentials == *wanted, words.to_owned(), "access-control-allow-credentials")
            }
            Self::Listed(kind, wanted) => kind.judge(&said, wanted),
            Self::MaxAge(expectation) => {
                let found = lines(&said.response.headers, "access-control-max-age");
                expectation.judge(source(&found, "no `access-control-max-age`"), seen.moment())
            }
        }
    }
}

impl Listed {
    fn judge(self, said: &Said<'_>, wanted: &str) -> Checked {
        let (field, held, words) = match self {
            Self::Method => {
                let field = "access-control-allow-methods";
                (field, SIMPLE.contains(&wanted) || said.lists(field, wanted, true, true), "the method")
            }
            Self::Header => {
                let field = "access-control-allow-headers";
                let wildcard = !wanted.eq_ignore_ascii_case("authorization");
                (field, said.lists(field, wanted, false, wildcard), "the field")
            }
            Self::Exposed => {
                let field = "access-control-expose-headers";
                (field, said.lists(field, wanted, false, true), "to be read, the field")
            }
        };
        if held && said.is_allowed() {
            return Checked::Held;
        }
        let field = if held { ALLOW_ORIGIN } else { field };
        Checked::Broken {
            expected: format!("for the origin `{}`, {words} `{wanted}`", said.origin),
            actual: said.told(field),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Answer, faults};

    fn answer(status: u16, origin: &'static str, allow: &str) -> Answer {
        Answer::status(status).sent(0, "Origin", origin).header("Access-Control-Allow-Origin", allow.to_owned())
    }

    #[test]
    fn an_origin_is_allowed_by_its_name_or_by_a_star() {
        let named = answer(200, "https://a.example", "https://a.example");
        assert!(named.holds("cors: { origin: allowed, credentials: false }"));
        assert!(!named.holds("cors: { origin: denied }"));
        for other in ["https://b.example", "https://A.example", "http://a.example", "https://a.example/", "null", ""] {
            let answer = answer(200, "https://a.example", other);
            assert!(answer.holds("cors: { origin: denied }") && !answer.holds("cors: { origin: allowed }"), "{other}");
        }
        assert!(
            answer(401, "https://a.example", "*").holds("cors: { origin: allowed }"),
            "a refusal can be shared too"
        );
        let twice = answer(200, "https://a.example", "https://a.example").header("Access-Control-Allow-Origin", "*");
        assert!(twice.holds("cors: { origin: denied }"), "browsers take one line only");
        assert_eq!(Answer::ok().unjudgeable("cors: { origin: denied }").len(), 1);
    }

    #[test]
    fn a_star_with_credentials_always_fails() {
        let answer = answer(200, "https://a.example", "*").header("Access-Control-Allow-Credentials", "true");
        for wanted in ["origin: allowed", "origin: denied", "credentials: true", "credentials: false", "methods: [GET]"]
        {
            let broken = answer.broken(&format!("cors: {{ {wanted} }}"));
            assert!(broken[0].1.contains("with credentials"), "{wanted}: {broken:?}");
        }
        let spelled = super::tests::answer(200, "https://a.example", "https://a.example")
            .header("Access-Control-Allow-Credentials", "True");
        assert!(!spelled.holds("cors: { credentials: true }"));
    }

    #[test]
    fn lists_are_judged_as_browsers_do() {
        let answer = answer(204, "https://a.example", "https://a.example")
            .header("Access-Control-Allow-Methods", "PUT, delete")
            .header("Access-Control-Allow-Headers", "*")
            .header("Access-Control-Expose-Headers", "Retry-After")
            .header("Access-Control-Max-Age", "600");
        let holds = |wanted: &str| answer.holds(&format!("cors: {{ {wanted} }}"));
        assert!(holds("methods: [PUT, POST], headers: x-thing, exposes: [retry-after], max_age: { at_most: 3600 }"));
        assert!(!holds("methods: [DELETE]") && !holds("headers: [authorization]") && !holds("exposes: [etag]"));
        assert!(!holds("max_age: { above: 600 }"));
        let denied = super::tests::answer(204, "https://b.example", "https://a.example");
        assert!(!denied.holds("cors: { methods: [GET] }"), "nothing is allowed to an origin that is not");
    }

    #[test]
    fn a_preflight_has_to_be_answered_well() {
        let ask = |status: u16| {
            let answer = answer(status, "https://a.example", "*").sent(0, "Access-Control-Request-Method", "PUT");
            answer.method("OPTIONS").holds("cors: { origin: allowed }")
        };
        assert!(ask(204) && !ask(302) && !ask(401));
    }

    #[test]
    fn faults_are_told() {
        for (written, words) in [
            ("cors: { origin: perhaps }", "not a verdict on an origin"),
            ("cors: { origins: allowed }", "no key called `origins`"),
            ("cors: { methods: [] }", "could not fail"),
            ("cors: {}", "could not fail"),
            ("cors: { credentials: maybe }", "`true` or `false`"),
        ] {
            let found = faults(written);
            assert!(found.len() == 1 && found[0].contains(words), "{written}: {found:?}");
        }
    }
}

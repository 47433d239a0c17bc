use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::diag::{Diagnostic, Diagnostics};
use crate::http::jar::Jar;
use crate::http::{Address, Exchange, Headers, Request};
use crate::source::SourceMap;
use crate::spec::{Input, load};
use crate::template::to_json;

/// Reads captures as they stand in a suite.
fn read(captures: &str) -> (Vec<Capture>, Vec<Diagnostic>, SourceMap) {
    let text =
        format!("target: demo\ncases:\n  - name: a\n    request: GET /a\n    expect: 200\n    capture: {captures}\n");
    let input = Input { paths: vec![PathBuf::from("-")], stdin: Some(text), folder: PathBuf::from("."), at: None };
    let (mut sources, mut diags) = (SourceMap::default(), Diagnostics::default());
    let suites = load(&input, &mut sources, &mut diags);
    let node = suites.suites.first().and_then(|s| s.cases.first()).and_then(|c| c.steps.first()?.capture.clone());
    let mut found = Vec::new();
    if let Some(node) = node {
        let mut reader = Reader::new(&sources, &mut diags);
        let mut names = Names::default();
        names.add("known");
        reader.names = Arc::new(names);
        found = read_captures(&node, &mut reader);
        assert!(!reader.names.has("response"), "the names of the place stay as they were");
    }
    (found, diags.iter().cloned().collect(), sources)
}

fn one(capture: &str) -> Capture {
    let (mut found, faults, _) = read(&format!("{{ it: {capture} }}"));
    assert!(faults.is_empty(), "{capture}: {faults:?}");
    found.pop().unwrap()
}

fn answer(url: &str, status: u16, fields: &[(&str, &str)], body: &str) -> Trail {
    let mut trail = Trail::default();
    hop(&mut trail, url, status, fields, body);
    trail
}

fn hop(trail: &mut Trail, url: &str, status: u16, fields: &[(&str, &str)], body: &str) {
    let mut headers = Headers::default();
    let address = Address::parse(url).unwrap();
    let mut jar = Jar::new();
    for (name, value) in fields {
        headers.add(*name, value.to_string());
        if name.eq_ignore_ascii_case("set-cookie") {
            trail.jar.received(address.url(), jar.store(value.as_bytes(), address.url(), Timestamp::UNIX_EPOCH));
        }
    }
    let request = Request { method: "GET".to_owned(), address, headers: Headers::default(), body: bytes::Bytes::new() };
    let response = Response { status, version: "HTTP/1.1", headers, body: body.to_owned().into() };
    let (started, elapsed) = (Timestamp::UNIX_EPOCH, Duration::ZERO);
    trail.hops.push(Exchange { request, response: Ok(response), started, elapsed });
}

fn take(capture: &str, trail: &Trail) -> Result<serde_json::Value, String> {
    let mut scope = Scope::default();
    scope.set("known", Value::from("k"));
    let taken = one(capture).take(trail, trail.response().unwrap(), &scope);
    taken.map(|t| to_json(&t.value).unwrap()).map_err(|f| f.why)
}

fn json(body: &str) -> Trail {
    answer("http://h/", 200, &[("content-type", "application/json")], body)
}

#[test]
fn json_keeps_its_type_and_a_path_of_many_gives_a_list() {
    let trail = json(r#"{"id": 7, "tags": ["a", "b"], "none": null, "o": {"x": true}}"#);
    assert_eq!(take("$.id", &trail).unwrap(), 7);
    assert_eq!(take("{ json: $.o }", &trail).unwrap(), serde_json::json!({"x": true}));
    assert_eq!(take("\"$.tags[1]\"", &trail).unwrap(), "b");
    assert_eq!(take("\"$.tags[*]\"", &trail).unwrap(), serde_json::json!(["a", "b"]));
    assert_eq!(take("\"$..x\"", &trail).unwrap(), serde_json::json!([true]));
    assert_eq!(take("$.none", &trail).unwrap(), serde_json::Value::Null);
    assert_eq!(take("$", &json("5")).unwrap(), 5);
}

#[test]
fn json_that_is_not_there_tells_names_and_no_values() {
    let why = |capture: &str, body: &str| take(capture, &json(body)).unwrap_err();
    assert_eq!(
        why("$.access_token", r#"{"error": "s3cret", "message": "s3cret"}"#),
        "`$.access_token` finds nothing; the body is a map with `error` and `message`"
    );
    assert_eq!(
        why("$.data.token", r#"{"data": {"id": "s3cret"}}"#),
        "`$.data.token` finds nothing; `$.data` is a map with `id`"
    );
    assert_eq!(why("\"$.a[3].b\"", r#"{"a": [1]}"#), "`$.a[3].b` finds nothing; `$.a` is a list of 1 value");
    assert_eq!(why("\"$..t\"", "[]"), "`$..t` finds nothing; the body is an empty list");
    assert_eq!(why("$.t", "\"s3cret\""), "`$.t` finds nothing; the body is text");
    assert_eq!(why("$.t", ""), "`$.t` finds nothing; the body is empty");
    assert_eq!(why("$.t", "s3cret"), "`$.t` finds nothing; the body is not JSON (line 1, column 1)");
}

#[test]
fn header_fields_are_found_without_regard_to_case() {
    let trail = answer("http://h/", 200, &[("ETag", "\"v1\""), ("x-a", "1"), ("X-A", "2")], "");
    assert_eq!(take("{ header: etag }", &trail).unwrap(), "\"v1\"");
    assert_eq!(take("{ header: X-A }", &trail).unwrap(), "1");
    let why = take("{ header: X-B }", &trail).unwrap_err();
    assert_eq!(why, "the answer has no header field `X-B`; it has `ETag` and `x-a`");
    assert!(take("{ header: a }", &json("")).unwrap_err().contains("content-type"));
}

#[test]
fn cookies_come_from_every_hop_and_the_last_one_counts() {
    let mut trail = answer("http://h/a", 302, &[("set-cookie", "csrf=a%20b"), ("set-cookie", "sid=one")], "");
    hop(&mut trail, "http://h/b", 200, &[("set-cookie", "sid=two; Secure"), ("set-cookie", "old=; Max-Age=0")], "");
    assert_eq!(take("{ cookie: csrf }", &trail).unwrap(), "a b");
    assert_eq!(take("{ cookie: sid }", &trail).unwrap(), "two");
    assert_eq!(take("{ cookie: old }", &trail).unwrap_err(), "this step deleted the cookie `old`");
    let why = take("{ cookie: no }", &trail).unwrap_err();
    assert_eq!(why, "no answer of this step set the cookie `no`; set were `csrf`, `sid`, `sid` and `old`");
    let why = take("{ cookie: no }", &json("")).unwrap_err();
    assert_eq!(why, "no answer of this step set the cookie `no`, or any other");
}

#[test]
fn addresses_are_absolute() {
    let at = |location: &str| {
        let trail = answer("http://h:81/a/b?c", 302, &[("location", location)], "");
        take("{ url: location }", &trail).unwrap()
    };
    assert_eq!(at("/cb?code=1#f"), "http://h:81/cb?code=1#f");
    assert_eq!(at("x"), "http://h:81/a/x");
    assert_eq!(at("//o/x"), "http://o/x");
    assert_eq!(at("HTTPS://Other/%7e?a=b|c"), "HTTPS://Other/%7e?a=b|c");
    assert_eq!(at("myapp:/cb?code=1"), "myapp:/cb?code=1");
    let trail = answer("http://h:81/a/../b", 200, &[], "");
    assert_eq!(take("{ url: final }", &trail).unwrap(), "http://h:81/a/../b");
    assert_eq!(take("{ url: location }", &trail).unwrap_err(), "the answer (200) has no `Location`");
}

#[test]
fn parameters_are_cut_out_of_any_url() {
    let body =
        r#"{"uri": "otpauth://totp/x?secret=A%2BB&issuer=s3cret", "rel": "/cb?code=1#x?code=2", "n": 5, "no": null}"#;
    let trail = json(body);
    assert_eq!(take("{ json: $.uri, query: secret }", &trail).unwrap(), "A+B");
    assert_eq!(take("{ json: $.rel, query: code }", &trail).unwrap(), "1");
    let why = take("{ json: $.uri, query: code }", &trail).unwrap_err();
    assert_eq!(why, "in json $.uri, there is no parameter `code`; there is `secret` and `issuer`");
    let why = take("{ json: $.n, query: code }", &trail).unwrap_err();
    assert_eq!(why, "in json $.n, there is no parameter `code`: it has no query");
    assert!(take("{ json: $.no, query: code }", &trail).unwrap_err().starts_with("in json $.no, it is null"));
}

#[test]
fn the_first_group_is_cut_out_else_the_whole_match() {
    let trail = json("your code: 1234, b=5");
    assert_eq!(take("{ body: true, regex: 'code: (\\d+)' }", &trail).unwrap(), "1234");
    assert_eq!(take("{ body: true, regex: '\\d+' }", &trail).unwrap(), "1234");
    assert_eq!(take("{ body: true, regex: 'a=(\\d)|b=(\\d)' }", &trail).unwrap(), "5");
    assert_eq!(take("{ status: true, regex: '^.' }", &trail).unwrap(), "2");
    let why = take("{ body: true, regex: 'pin (\\d+)' }", &trail).unwrap_err();
    assert_eq!(why, "in the body, `pin (\\d+)` matches nothing; the text is 20 characters");
}

#[test]
fn elements_and_challenges_are_found_with_their_parts() {
    let page = "<h1>Log\n in</h1><form id=login action=/in><input name=csrf value=abc></form>";
    let fields = [
        ("content-type", "text/html"),
        ("www-authenticate", "Negotiate YII=, Basic realm=\"x\""),
        ("www-authenticate", "Digest realm=\"d\", nonce=\"n1\""),
    ];
    let trail = answer("http://h/", 401, &fields, page);
    assert_eq!(take("{ html: h1 }", &trail).unwrap(), "Log in");
    assert_eq!(take("{ html: 'input[name=csrf]', attr: value }", &trail).unwrap(), "abc");
    assert_eq!(take("{ html: h1, regex: '^L(.)' }", &trail).unwrap(), "o");
    assert_eq!(take("{ html: p }", &trail).unwrap_err(), "no element is `p`; the answer is text/html");
    let why = take("{ html: form, attr: method }", &trail).unwrap_err();
    assert_eq!(why, "the element `form` has no attribute `method`; it has `action` and `id`");
    assert_eq!(take("{ challenge: digest, param: nonce }", &trail).unwrap(), "n1");
    assert_eq!(take("{ challenge: negotiate }", &trail).unwrap(), "YII=");
    assert_eq!(take("{ challenge: Basic }", &trail).unwrap(), "Basic realm=\"x\"");
    let why = take("{ challenge: Bearer }", &trail).unwrap_err();
    assert_eq!(why, "the answer has no challenge `Bearer`; it has `Negotiate`, `Basic` and `Digest`");
    let why = take("{ challenge: Basic, param: nonce }", &trail).unwrap_err();
    assert_eq!(why, "the challenge `Basic` has no parameter `nonce`; it has `realm`");
    assert!(take("{ challenge: Basic }", &json("")).unwrap_err().ends_with("it has none"));
}

#[test]
fn fragments_and_claims_are_cut_out() {
    let location = [("location", "/cb?code=1#access_token=a%2Bb&state=s3cret")];
    let trail = answer("http://h/", 302, &location, "");
    assert_eq!(take("{ url: location, fragment: access_token }", &trail).unwrap(), "a+b");
    let why = take("{ url: location, fragment: code }", &trail).unwrap_err();
    assert_eq!(why, "in url location, there is no parameter `code`; there is `access_token` and `state`");
    // {"sub":"1","exp":1700000000,"realm":{"roles":["a"]}}
    let token = "e30.eyJzdWIiOiIxIiwiZXhwIjoxNzAwMDAwMDAwLCJyZWFsbSI6eyJyb2xlcyI6WyJhIl19fQ.eA";
    let trail = json(&format!("{{\"t\": \"{token}\", \"h\": \"Bearer {token}\", \"o\": \"s3cret\"}}"));
    assert_eq!(take("{ json: $.t, claim: sub }", &trail).unwrap(), "1");
    assert_eq!(take("{ json: $.h, claim: exp }", &trail).unwrap(), 1_700_000_000);
    assert_eq!(take("{ json: $.t, claim: '$.realm.roles' }", &trail).unwrap(), serde_json::json!(["a"]));
    let why = take("{ json: $.t, claim: aud }", &trail).unwrap_err();
    assert_eq!(why, "in json $.t, there is no claim `aud`; there is `sub`, `exp` and `realm`");
    let why = take("{ json: $.o, claim: sub }", &trail).unwrap_err();
    assert!(why.starts_with("in json $.o, there is no JWT: ") && !why.contains("s3cret"), "{why}");
}

#[test]
fn whole_answers_keep_their_type() {
    let trail = json("text");
    assert_eq!(take("{ body: true }", &trail).unwrap(), "text");
    assert_eq!(take("{ status: true }", &trail).unwrap(), 200);
}

#[test]
fn templates_see_the_answer_and_the_scope() {
    let fields = [("ETag", "v1"), ("set-cookie", "sid=a%20b"), ("location", "/next")];
    let trail = answer("http://h/x", 201, &fields, r#"{"id": 7, "list": [1]}"#);
    assert_eq!(take("\"{{ response.json.id + 1 }}\"", &trail).unwrap(), 8);
    assert_eq!(take("\"{{ response.json.list }}\"", &trail).unwrap(), serde_json::json!([1]));
    assert_eq!(take("\"{{ known }}-{{ response.status }}\"", &trail).unwrap(), "k-201");
    assert_eq!(take("\"{{ response.headers.etag }}\"", &trail).unwrap(), "v1");
    assert_eq!(take("\"{{ response.url }}\"", &trail).unwrap(), "http://h/x");
    assert_eq!(take("\"{{ response.body | length }}\"", &trail).unwrap(), 22);
    let why = take("\"{{ response.json.nope }}\"", &trail).unwrap_err();
    assert!(why.starts_with("`response.json.nope` cannot be computed: "), "{why}");
    assert!(take("\"{{ response.json.id }}\"", &json("no JSON")).is_err());
}

#[test]
fn what_is_taken_says_where_it_came_from() {
    let trail = json(r#"{"tokens": {"access_token": "x"}, "uri": "a:?secret=1"}"#);
    let taken = |c: &str| {
        let taken = one(c).take(&trail, trail.response().unwrap(), &Scope::default()).unwrap();
        (taken.source_kind, taken.key.to_string())
    };
    assert_eq!(taken("$.tokens.access_token"), (SourceKind::Json, "access_token".to_owned()));
    assert_eq!(taken("{ json: $.uri, query: secret }"), (SourceKind::Json, "secret".to_owned()));
    assert_eq!(taken("{ header: Content-Type }"), (SourceKind::Header, "Content-Type".to_owned()));
    assert_eq!(one("{ json: $.uri, query: secret }").subject(), "json $.uri, query secret");
}

/// What each faulty capture is told, and the text below the caret.
const FAULTS: &[(&str, &str, &str)] = &[
    ("it: { jsn: $.a }", "a capture has no source or cut called `jsn`", "jsn"),
    ("it: { json: $.a, regx: x }", "a capture has no source or cut called `regx`", "regx"),
    ("it: { json: $.a, header: X }", "a capture has one source: `json` or `header`", "header"),
    ("it: { json: $.a, regex: x, query: y }", "a capture has one cut: `regex` or `query`", "query"),
    ("it: { regex: x }", "a capture needs a source", "{ regex: x }"),
    ("it: { json: $.a, attr: x }", "`attr` goes with the source `html` only", "attr"),
    ("it: { html: h1, param: x }", "`param` goes with the source `challenge` only", "param"),
    ("it: { html: 'h1[' }", "this CSS selector cannot be read", "'h1['"),
    ("it: { json: $.a, claim: '$.a[' }", "this JSONPath cannot be read", "'$.a['"),
    ("it: {}", "a capture needs a source", "{}"),
    ("it: body", "a capture takes something from the answer, and this is text", "body"),
    ("it: 5", "a capture takes something from the answer, and this is a number", "5"),
    ("it: [$.a]", "a capture takes something from the answer, and this is a list", "[$.a]"),
    ("it: { body: true, regex: '(x' }", "this regular expression cannot be read: unclosed group", "'(x'"),
    ("it: $.a b", "this JSONPath cannot be read: a blank does not fit here in a path", " "),
    ("it: '$.a[?@.b = 1]'", "this JSONPath cannot be read: `=` does not fit", "="),
    ("it: { json: a.b }", "this JSONPath cannot be read: a JSONPath begins with `$`", "a"),
    ("it: { header: a b }", "this is not the name of a header field", "a b"),
    ("it: { url: loction }", "`loction` is not an address of an answer", "loction"),
    ("it: { body: false }", "`true` is the only value here; leave the capture out instead", "false"),
    ("it: \"{{ nope }}\"", "nothing supplies `nope` at this point", "nope"),
    ("it: \"{{ response.jsn }}\"", "nothing supplies `response.jsn` at this point", "response.jsn"),
    ("session: $.a", "`session` cannot be the name of a capture: templates know that name already", "session"),
    ("response: $.a", "`response` cannot be the name of a capture: templates know that name already", "response"),
    ("not: $.a", "`not` cannot be the name of a capture: it is a word of templates", "not"),
    ("a-b: $.a", "`a-b` cannot be the name of a capture: a name begins with a letter and holds letters", "a-b"),
    ("1a: $.a", "`1a` cannot be the name of a capture: a name begins with a letter and holds letters", "1a"),
];

#[test]
fn faults_stand_at_their_place() {
    for (capture, message, under) in FAULTS {
        let (found, faults, sources) = read(&format!("{{ {capture} }}"));
        assert!(found.is_empty(), "{capture}");
        let [fault] = &faults[..] else { panic!("{capture}: {faults:?}") };
        assert!(fault.message.starts_with(message), "{capture}: {}", fault.message);
        assert_eq!(sources.slice(fault.span), *under, "{capture}");
    }
}

#[test]
fn all_faults_are_told_and_good_ones_are_kept() {
    let (found, faults, _) = read("{ a: { jsn: $.a }, b: { header: X }, c: $$, not: 5 }");
    assert_eq!(found.iter().map(|c| &*c.name).collect::<Vec<_>>(), ["b"]);
    assert_eq!(faults.len(), 4, "{faults:?}");
}

#[test]
fn near_misses_are_offered() {
    let fix = |capture: &str| read(&format!("{{ it: {capture} }}")).1[0].fix.clone().map(|f| f.text);
    assert_eq!(fix("{ heder: X }").as_deref(), Some("header"));
    assert_eq!(fix("{ json: $.a, qery: X }").as_deref(), Some("query"));
    assert_eq!(fix("status").as_deref(), Some("{ status: true }"));
}

#[test]
fn tables_are_whole() {
    let mut names: Vec<&str> = SOURCES.iter().map(|s| s.name).chain(CUTS.iter().map(|c| c.name)).collect();
    for row in SOURCES {
        assert!(row.example.contains(row.name) && !row.about.is_empty(), "{}", row.name);
        assert_eq!(one(row.example).kind, row.kind, "{}", row.name);
    }
    for row in CUTS {
        assert!(row.example.contains(row.name) && !row.about.is_empty(), "{}", row.name);
        assert!(one(row.example).cut.is_some(), "{}", row.name);
    }
    names.extend(diags::CODES.iter().map(|c| c.name));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a name stands twice");
}

proptest! {
    #[test]
    fn no_capture_panics(
        key in "\\PC{0,6}",
        parts in proptest::collection::vec("(\\$|\\.|\\*|a|\\[|\\]|\\(|\\)|\\?|@|'|0|-|é|\\\\|\\{|\\}| )", 0..16),
        body in "(\\{\"a\":(1|\"é\"|\\[1,\\{\"a\":null\\}\\])\\}|[\\[\\]{}\",:a0-9]{0,20}|\\PC{0,20})",
        location in "\\PC{0,20}",
    ) {
        let (text, mut sources, mut diags) = (parts.concat(), SourceMap::default(), Diagnostics::default());
        let file = sources.add("t", text.clone());
        let span = Span::new(file, 0, text.len());
        let scalar = |t: &str| Node { data: Data::Text(t.into()), span, style: crate::spec::Style::Plain };
        let entry = |key: &str, value| Entry { key: key.into(), key_span: span, value };
        let map = |entries: Vec<_>| Node { data: Data::Map(entries.into()), span, style: crate::spec::Style::Collection };
        let flag = || Node { data: Data::Bool(true), span, style: crate::spec::Style::Plain };
        let node = map(vec![
            entry(&key, scalar(&text)),
            entry("b", map(vec![entry("json", scalar(&text)), entry("query", scalar(&key))])),
            entry("c", map(vec![entry("body", flag()), entry("regex", scalar(&text))])),
            entry("d", map(vec![entry("url", scalar("location")), entry("query", scalar("a"))])),
            entry("e", map(vec![entry("cookie", scalar(&text))])),
        ]);
        let captures = read_captures(&node, &mut Reader::new(&sources, &mut diags));
        let trail = answer("http://h/", 302, &[("location", &location), ("set-cookie", &location)], &body);
        for capture in captures {
            let _ = capture.take(&trail, trail.response().unwrap(), &Scope::default());
        }
    }
}

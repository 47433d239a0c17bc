use serde_json::json;

use super::super::testing::{answer, get, kit};
use super::super::{Answered, Expect, Forged, Grade, Presented, Unfit, mutation};
use super::FAMILY;
use crate::http::{Request, Response};

const GOOD: &str = "https://app.example.com";

fn forge(id: &str, request: &Request) -> Result<Forged, Unfit> {
    let known = [("access_token".into(), json!("secret-1"))];
    (mutation(id).unwrap().apply)(&Presented::new(request, &known, &[], &["sid".to_owned()]), &kit())
}

fn asked(origin: &str) -> Request {
    get("/me?a=1", &[("origin", origin), ("authorization", "Bearer secret-1"), ("accept", "*/*")])
}

fn origin(id: &str, good: &str) -> Option<String> {
    forge(id, &asked(good)).ok()?.request.headers.text("origin")
}

/// The grade of an answer to what a row sends, and whether it passes; nothing where it says nothing of the row.
fn graded(id: &str, request: &Request, response: &Response, good: Option<&Response>) -> Option<(Grade, bool)> {
    let forged = forge(id, request).unwrap().request;
    let good = good.map(|g| &g.headers);
    let (sent_away, bearer, challenged) = (false, true, true);
    let answered = Answered { sent: &forged, response, good, sent_away, bearer, challenged };
    mutation(id).unwrap().expect.grade(answered).ok().map(|g| (g.grade, g.held))
}

const DUE: Option<(Grade, bool)> = Some((Grade::AsDue, true));
const AMISS: Option<(Grade, bool)> = Some((Grade::Amiss, false));
const LAX: Option<(Grade, bool)> = Some((Grade::Amiss, true));

/// Ways of comparing an origin in part, each of which some row is taken by.
#[test]
fn an_origin_that_is_compared_in_part_is_found() {
    let rows: Vec<String> = FAMILY.rows.iter().filter_map(|row| origin(row.id, GOOD)).filter(|o| o != GOOD).collect();
    let regex = |pattern: &str| regex::Regex::new(pattern).unwrap();
    let host = |origin: &str| origin.split_once("://").map(|(_, host)| host.to_owned()).unwrap_or_default();
    for text in [
        "^https://app\\.example\\.com",
        "^https://app\\.example\\.com\\b",
        "^https://app\\.example\\.com(:[0-9]+)?$",
        "^https://app\\.example\\.com[^.a-z]",
        "^https?://app\\.example\\.com$",
        "app\\.example\\.com$",
        "^https://.*\\.example\\.com$",
        "^https://[^.]+\\.example\\.com$",
        "^https://[a-z0-9-]*example\\.com$",
        "^https://app.example\\.com$",
        "^https://app.example.com$",
        "example\\.com",
        "^null$",
        "^https?://localhost(:[0-9]+)?$",
    ] {
        assert!(rows.iter().any(|origin| regex(text).is_match(origin)), "{text}: {rows:?}");
    }
    let good = host(GOOD);
    assert!(rows.iter().any(|origin| origin.starts_with(GOOD)) && rows.iter().any(|origin| origin.ends_with(&good)));
    assert!(rows.iter().any(|origin| origin.ends_with(".example.com") && !origin.ends_with(&format!("/{good}"))));
    assert!(rows.iter().any(|origin| host(origin).split(':').next() == Some(&good)));
}

#[test]
fn neighbours_of_an_origin_are_others() {
    let at = |id: &str| origin(id, GOOD).unwrap();
    assert_eq!(at("cors-suffix"), "https://app.example.com.authspec.example");
    assert_eq!(at("cors-prefix"), "https://authspecapp.example.com");
    assert_eq!(at("cors-subdomain"), "https://authspec.app.example.com");
    assert_eq!(at("cors-scheme"), "http://app.example.com");
    assert_eq!(at("cors-port"), "https://app.example.com:8081");
    assert_eq!(at("cors-dot-escape"), "https://appxexample.com");
    assert_eq!((&*at("cors-null"), &*at("cors-origin-allowed")), ("null", GOOD));
    let local = |id: &str| origin(id, "http://localhost:8081");
    assert_eq!(local("cors-port").unwrap(), "http://localhost:8082");
    assert_eq!(local("cors-suffix").unwrap(), "http://localhost.authspec.example:8081");
    assert_eq!(local("cors-prefix").unwrap(), "http://authspeclocalhost:8081");
    for id in ["cors-scheme", "cors-subdomain", "cors-dot-escape"] {
        assert_eq!(local(id), None, "{id}");
        assert_eq!(origin(id, "http://127.0.0.1:3000"), None, "{id}");
    }
    assert_eq!(origin("cors-port", "http://[::1]:3000").unwrap(), "http://[::1]:8081");
    assert_eq!(origin("cors-suffix", "null"), None);
    // Another port of a machine that is good itself is what `cors-port` asks for.
    assert_eq!(at("cors-localhost"), "http://localhost:49517");
    for good in ["http://localhost:8081", "http://127.0.0.1:3000", "http://[::1]:3000"] {
        assert_eq!(origin("cors-localhost", good), None, "{good}");
    }
}

#[test]
fn only_the_origin_is_another() {
    for id in ["cors-origin-foreign", "cors-reflect", "cors-null", "cors-localhost", "cors-suffix", "cors-vary"] {
        let (was, is) = (asked(GOOD), forge(id, &asked(GOOD)).unwrap().request);
        let plain = |r: &Request| {
            let mut r = r.clone();
            r.headers.remove("origin");
            r
        };
        assert_eq!(plain(&is), plain(&was), "{id}");
        assert_ne!(is.headers, was.headers, "{id}");
    }
    let bare = forge("cors-on-error", &asked(GOOD)).unwrap().request;
    assert!(!bare.headers.has("authorization") && bare.headers.has("origin"));
}

#[test]
fn a_preflight_is_what_a_browser_sends() {
    let mut request = get(
        "/me",
        &[
            ("origin", GOOD),
            ("authorization", "Bearer secret-1"),
            ("X-Csrf", "1"),
            ("content-type", "application/json"),
        ],
    );
    request.method = "PUT".to_owned();
    request.body = "{}".into();
    let sent = forge("cors-preflight-noauth", &request).unwrap().request;
    let fields: Vec<(&str, &[u8])> = sent.headers.iter().map(|(n, v)| (n, &v[..])).collect();
    let wanted: [(&str, &[u8]); 3] = [
        ("Origin", GOOD.as_bytes()),
        ("Access-Control-Request-Method", b"PUT"),
        ("Access-Control-Request-Headers", b"authorization,content-type,x-csrf"),
    ];
    assert_eq!((&*sent.method, sent.body.is_empty(), fields), ("OPTIONS", true, wanted.to_vec()));
    assert!(forge("cors-allow-method", &asked(GOOD)).is_err(), "GET needs no permission");
    let simple = get("/me", &[("origin", GOOD), ("cookie", "sid=77"), ("content-type", "text/plain; charset=utf-8")]);
    assert!(forge("cors-allow-authorization", &simple).is_err());
    assert!(!forge("cors-preflight-noauth", &simple).unwrap().request.headers.has("cookie"));
    let foreign = forge("cors-preflight-foreign", &asked(GOOD)).unwrap().request;
    assert_ne!(foreign.headers.text("origin").unwrap(), GOOD);
}

#[test]
fn rows_start_from_a_good_origin_and_repeat_nothing_that_changes_something() {
    for row in FAMILY.rows {
        assert!(matches!(forge(row.id, &get("/me", &[])), Err(Unfit::NotApplicable(_))), "{}", row.id);
        assert!(matches!(row.expect, Expect::Says(_)));
        let mut post = asked(GOOD);
        post.method = "POST".to_owned();
        let preflight = forge(row.id, &post).map(|f| f.request.method);
        assert!(preflight.is_err() || preflight == Ok("OPTIONS".to_owned()), "{}", row.id);
    }
    assert!(forge("cors-on-error", &get("/me", &[("origin", GOOD)])).is_err(), "there is no credential to take away");
}

#[test]
fn an_origin_is_allowed_or_not() {
    let allow = |origin: &str| answer(200, &[("access-control-allow-origin", origin)]);
    let with = |origin: &str, credentials: &str| {
        answer(200, &[("access-control-allow-origin", origin), ("access-control-allow-credentials", credentials)])
    };
    let (request, nothing) = (asked(GOOD), answer(200, &[]));
    let grade = |id: &str, response: &Response| graded(id, &request, response, None);
    let evil = forge("cors-reflect", &request).unwrap().request.headers.text("origin").unwrap();
    assert_eq!(grade("cors-origin-allowed", &allow(GOOD)), DUE);
    assert_eq!(grade("cors-origin-allowed", &allow("*")), DUE);
    for response in [&nothing, &allow("https://APP.example.com"), &allow("https://app.example.com/"), &allow("null")] {
        assert_eq!(grade("cors-origin-allowed", response), AMISS);
    }
    assert_eq!(grade("cors-reflect", &with(&evil, "true")), AMISS);
    assert_eq!(grade("cors-reflect", &with(&evil, "True")), LAX);
    assert_eq!(grade("cors-reflect", &with(GOOD, "true")), DUE);
    assert_eq!(grade("cors-reflect", &nothing), DUE);
    assert_eq!(grade("cors-null", &allow("null")), AMISS);
    assert_eq!(grade("cors-null", &allow("*")), None, "everybody is not nobody in particular");
    assert_eq!(grade("cors-origin-foreign", &allow("*")), LAX);
    assert_eq!(grade("cors-origin-foreign", &answer(403, &[])), DUE);
    assert_eq!(grade("cors-origin-foreign", &answer(500, &[])), Some((Grade::Crashed, false)));
    assert_eq!(grade("cors-star-cred", &with("*", "true")), AMISS);
    assert_eq!(grade("cors-star-cred", &with("*", "false")), DUE);
    assert_eq!(grade("cors-star-cred", &nothing), None);
    assert_eq!(grade("cors-cred-case", &with(GOOD, "True")), AMISS);
    assert_eq!(grade("cors-cred-case", &with(GOOD, "true")), DUE);
    assert_eq!(grade("cors-cred-case", &allow(GOOD)), None);
}

#[test]
fn a_request_with_cookies_takes_more() {
    let request = get("/me", &[("origin", GOOD), ("cookie", "sid=77")]);
    let grade = |fields: &[(&str, &str)]| graded("cors-origin-allowed", &request, &answer(200, fields), None);
    let (origin, star) = (("access-control-allow-origin", GOOD), ("access-control-allow-origin", "*"));
    assert_eq!(grade(&[origin, ("access-control-allow-credentials", "true")]), DUE);
    assert_eq!(grade(&[origin]), AMISS);
    assert_eq!(grade(&[star]), AMISS);
    assert_eq!(grade(&[origin, origin, ("access-control-allow-credentials", "true")]), AMISS, "one line too many");
}

#[test]
fn a_preflight_is_answered_in_full() {
    let mut request = asked(GOOD);
    request.method = "PUT".to_owned();
    let (origin, star) = (("access-control-allow-origin", GOOD), ("access-control-allow-headers", "*"));
    let grade = |id: &str, status: u16, fields: &[(&str, &str)]| graded(id, &request, &answer(status, fields), None);
    assert_eq!(grade("cors-preflight-noauth", 204, &[origin]), DUE);
    for (status, fields) in [(204, &[][..]), (302, &[origin]), (401, &[origin]), (404, &[origin])] {
        assert_eq!(grade("cors-preflight-noauth", status, fields), AMISS, "{status}");
        assert_eq!(grade("cors-allow-authorization", status, fields), None, "one cause is told once");
    }
    let listed = ("access-control-allow-headers", "X-Other, Authorization");
    assert_eq!(grade("cors-allow-authorization", 204, &[origin, listed]), DUE);
    assert_eq!(grade("cors-allow-authorization", 204, &[origin, star]), AMISS);
    let methods = |list: &'static str| ("access-control-allow-methods", list);
    assert_eq!(grade("cors-allow-method", 204, &[origin, methods("GET, PUT")]), DUE);
    assert_eq!(grade("cors-allow-method", 204, &[origin, methods("*")]), DUE);
    for list in ["GET, POST", "put", ""] {
        assert_eq!(grade("cors-allow-method", 204, &[origin, methods(list)]), AMISS, "{list}");
    }
    let credentials = ("access-control-allow-credentials", "true");
    assert_eq!(grade("cors-allow-method", 204, &[origin, credentials, methods("*")]), AMISS);
}

#[test]
fn what_depends_on_the_origin_says_so() {
    let request = asked(GOOD);
    let good = |vary: &str| answer(200, &[("access-control-allow-origin", GOOD), ("vary", vary)]);
    let grade = |good: &Response, here: &Response| graded("cors-vary", &request, here, Some(good));
    let nothing = answer(200, &[]);
    assert_eq!(grade(&good("Accept, origin"), &nothing), DUE);
    assert_eq!(grade(&good("*"), &nothing), DUE);
    assert_eq!(grade(&good("Accept"), &nothing), AMISS);
    assert_eq!(grade(&good("X-Origin"), &nothing), AMISS);
    assert_eq!(grade(&good("Accept"), &good("")), DUE, "one and the same for all");
}

#[test]
fn a_refusal_is_shared_and_readable() {
    let request = asked(GOOD);
    let origin = ("access-control-allow-origin", GOOD);
    let challenge = ("www-authenticate", "Bearer");
    let grade = |id: &str, status: u16, fields: &[(&str, &str)]| graded(id, &request, &answer(status, fields), None);
    assert_eq!(grade("cors-on-error", 401, &[origin]), DUE);
    assert_eq!(grade("cors-on-error", 401, &[]), AMISS);
    assert_eq!(grade("cors-on-error", 200, &[]), None, "nobody is refused");
    assert_eq!(grade("cors-on-error", 302, &[]), None);
    let exposed = ("access-control-expose-headers", "www-authenticate, X-Id");
    assert_eq!(grade("cors-expose", 401, &[origin, challenge, exposed]), DUE);
    assert_eq!(grade("cors-expose", 401, &[origin, challenge]), LAX);
    assert_eq!(grade("cors-expose", 401, &[origin]), None);
    assert_eq!(grade("cors-expose", 401, &[challenge]), None);
}

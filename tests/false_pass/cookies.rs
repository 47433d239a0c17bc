//! Logins by cookie, and jars that must not mix.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::runs::Project;
use crate::server::{Reply, Request, Server, html, json, status};

/// A login that sets a cookie; the cookie is all that travels.
const COOKIES: &str = r#"
auth:
  web:
    scheme: login
    login: { request: POST /login, form: { user: "{{ identity.username }}", password: "{{ identity.password }}" } }
identities:
  alice: { auth: web, username: alice, password: right-alice }
  bob: { auth: web, username: bob, password: right-bob }
"#;

/// The user of a good session cookie.
fn user(request: &Request) -> Option<String> {
    let pairs = request.header("cookie").split("; ").filter_map(|p| p.split_once('='));
    pairs.filter(|(n, _)| *n == "sid").find_map(|(_, v)| Some(v.strip_prefix("session-of-")?.to_owned()))
}

/// A server with cookie sessions whose `Set-Cookie` has the given attributes.
fn web(attributes: &'static str) -> Server {
    Server::start(move |r| answer(r, attributes))
}

fn answer(r: &Request, attributes: &str) -> Reply {
    match (&*r.method, &*r.path) {
        ("POST", "/login") => {
            let name = r.body.split('&').find_map(|p| p.strip_prefix("user=")).unwrap_or_default();
            let cookie = format!("sid=session-of-{name}{attributes}");
            status(303).header("location", "/home").header("set-cookie", cookie)
        }
        ("GET", "/me") => match user(r) {
            Some(name) => json(200, &format!(r#"{{"username":"{name}"}}"#)),
            None => status(403),
        },
        _ => status(404),
    }
}

const SUITE: &str = r"
cases:
  - { name: alice sees herself, as: alice, request: GET /me, expect: { status: 200, json: { $.username: alice } } }
  - { name: bob is refused, as: bob, request: GET /me, expect: 403 }
";

#[test]
fn a_cookie_that_the_rules_refuse_is_no_login() {
    for attributes in ["; Domain=example.org", "; Path=/; Domain=com", "; Path=/; Secure", "; Max-Age=0"] {
        let server = web(attributes);
        let run = Project::new(&server.url, COOKIES, SUITE).run("");
        run.must(3, &[("alice sees herself", "blocked: login-failed"), ("bob is refused", "blocked: login-failed")]);
        assert_eq!(server.count("GET /me"), 0, "nothing is sent without a credential");
    }
    let run = Project::new(&web("; Domain=example.org").url, COOKIES, SUITE).run("");
    assert!(run.said.contains("`sid` was refused"), "the reason is told: {}", run.said);
    let run = Project::new(&web("; Path=/; HttpOnly").url, COOKIES, SUITE).run("");
    run.must(1, &[("alice sees herself", "passed"), ("bob is refused", "failed: check-failed")]);
}

/// The cookie is kept, but for another path: it never travels to where it is needed.
#[test]
fn a_cookie_that_is_never_sent() {
    for attributes in ["; Path=/login", "; Path=/elsewhere"] {
        let server = web(attributes);
        let run = Project::new(&server.url, COOKIES, SUITE).run("");
        run.must(1, &[("alice sees herself", "failed: check-failed"), ("bob is refused", "inconclusive: not-sent")]);
    }
}

/// The login page again, with status 200, and a session cookie that is nobody's.
#[test]
fn a_login_that_shows_its_form_again() {
    let server = Server::start(|r| match (&*r.method, &*r.path) {
        ("POST", "/login") => html(200, "wrong password <form>").header("set-cookie", "sid=anonymous; Path=/"),
        _ => answer(r, ""),
    });
    let run = Project::new(&server.url, COOKIES, SUITE).run("");
    run.must(1, &[("alice sees herself", "failed: check-failed"), ("bob is refused", "inconclusive: never-allowed")]);
    let looking = COOKIES.replace("identities:", "    whoami: { request: GET /me }\nidentities:");
    let run = Project::new(&server.url, &looking, SUITE).run("");
    run.must(3, &[("alice sees herself", "blocked: wrong-person"), ("bob is refused", "blocked: wrong-person")]);
}

/// What a case receives stays in it: each starts from a copy of the session.
#[test]
fn cases_do_not_share_what_they_receive() {
    let server = Server::start(|r| match &*r.path {
        "/mark" => status(204).header("set-cookie", "mark=1; Path=/"),
        "/see" => json(200, &format!("{{\"cookies\":\"{}\"}}", r.header("cookie"))),
        _ => answer(r, "; Path=/"),
    });
    let suite = r#"
serial: true
cases:
  - name: one marks itself
    as: alice
    steps:
      - { request: POST /mark }
      - { request: GET /see, expect: { json: { $.cookies: "sid=session-of-alice; mark=1" } }, capture: { seen: $.cookies } }
  - { name: the next is not marked, as: alice, request: GET /see, expect: { json: { $.cookies: sid=session-of-alice } } }
  - name: nobody keeps only its own
    steps:
      - { request: GET /see, expect: { json: { $.cookies: "" } } }
      - { request: POST /mark }
      - { as: alice, request: GET /see, expect: { json: { $.cookies: sid=session-of-alice } } }
      - { request: GET /see, expect: { json: { $.cookies: mark=1 } } }
      - { as: anonymous, request: GET /see, expect: { json: { $.cookies: "" } } }
      - { as: anonymous, request: POST /mark }
      - { as: anonymous, request: GET /see, expect: { json: { $.cookies: "" }, sent: { headers: { Cookie: { exists: false }, Authorization: { exists: false } } } } }
      - { as: bob, request: GET /see, expect: { json: { $.cookies: sid=session-of-bob } } }
  - { name: a cookie for one request, as: alice, request: GET /see, cookies: { sid: none, more: 1 }, expect: { json: { $.cookies: "sid=none; more=1" } } }
"#;
    let names = ["one marks itself", "the next is not marked", "nobody keeps only its own", "a cookie for one request"];
    let run = Project::new(&server.url, COOKIES, suite).run("");
    run.must(0, &names.map(|n| (n, "passed")));
    assert_eq!(server.count("POST /login"), 2);
    // What one case captures is unknown to another, and said so before anything runs.
    let suite = "cases:\n  - { name: a, request: GET /see, capture: { seen: $.cookies } }\n  - { name: b, request: \"GET /{{ seen }}\" }\n";
    let run = Project::new(&server.url, COOKIES, suite).run("");
    assert_eq!((run.code, run.cases().len()), (2, 0), "{}", run.said);
}

/// A scheme that sends a cookie of its own beside the jar and the step's.
#[test]
fn a_cookie_of_the_scheme_travels_beside_the_others() {
    let people = r#"
auth:
  web:
    scheme: login
    login: { request: POST /login, capture: { token: $.token } }
    send: { cookie: { sid: "{{ session.token }}" } }
    COOKIES
identities:
  alice: { auth: web }
"#;
    let server = Server::start(|r| match &*r.path {
        "/login" => json(200, r#"{"token":"t-1"}"#).header("set-cookie", "lang=en; Path=/"),
        "/mark" => status(204).header("set-cookie", "mark=1; Path=/"),
        _ => json(200, &format!("{{\"cookies\":\"{}\"}}", r.header("cookie"))),
    });
    let suite = r#"
cases:
  - name: all of them
    as: alice
    steps:
      - { request: POST /mark }
      - { request: GET /see, cookies: { more: 1 }, expect: { json: { $.cookies: WANTED } } }
      - { request: GET /see, cookies: { sid: mine }, expect: { json: { $.cookies: { contains: sid=mine, not: { contains: t-1 } } } } }
      - { request: GET /see, headers: { Cookie: a=b }, expect: { json: { $.cookies: a=b } } }
      - { request: GET /see, headers: { Cookie: null }, expect: { json: { $.cookies: "" } } }
"#;
    for (keep, wanted) in [("", "mark=1; sid=t-1; more=1"), ("cookies: keep", "lang=en; mark=1; sid=t-1; more=1")] {
        let run = Project::new(&server.url, &people.replace("COOKIES", keep), &suite.replace("WANTED", wanted)).run("");
        run.must(0, &[("all of them", "passed")]);
    }
}

/// The server of a session whose cookie lives for some seconds and names its login: `sid=0`, `sid=1` …
fn short_lived(cookies: impl Fn(usize) -> Vec<String> + Send + Sync + 'static) -> Server {
    let logins = AtomicUsize::new(0);
    Server::start(move |r| match &*r.path {
        "/login" => {
            let set = cookies(logins.fetch_add(1, Ordering::SeqCst));
            set.into_iter().fold(status(303).header("location", "/"), |reply, c| reply.header("set-cookie", c))
        }
        "/slow" => status(200).after(2750),
        "/soon" => status(200).after(1200),
        _ => json(200, &format!(r#"{{"cookie":"{}"}}"#, r.header("cookie"))),
    })
}

/// The cookie that a case sends after some time, and how many logins there were.
fn cookie_after(
    wait: &str,
    extra: &str,
    cookies: impl Fn(usize) -> Vec<String> + Send + Sync + 'static,
) -> (String, usize) {
    let server = short_lived(cookies);
    let suite = format!(
        r"
cases:
  - name: alice
    as: alice{extra}
    steps:
      - {{ request: GET /now, expect: {{ json: {{ $.cookie: {{ starts_with: sid=0 }} }} }} }}
      - {{ as: anonymous, request: GET {wait} }}
      - {{ request: GET /now }}
"
    );
    let run = Project::new(&server.url, COOKIES, &suite).run("");
    assert_eq!(run.code, 0, "{}", run.said);
    let seen = server.seen();
    (seen.last().unwrap().header("cookie").to_owned(), server.count("POST /login"))
}

/// A cookie session says its end in `Max-Age` or `Expires`: a tenth before it, its owner logs in again.
#[test]
fn a_session_of_cookies_is_renewed_before_it_ends() {
    let aged = |n: usize| vec![format!("sid={n}; Max-Age=3; HttpOnly; Path=/")];
    let dated = |n: usize| {
        // A date has whole seconds: two to three of them are left.
        let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3);
        let end = end.strftime("%a, %d %b %Y %H:%M:%S GMT");
        vec![format!("sid={n}; Expires={end}; HttpOnly; Path=/")]
    };
    // What scripts may read is no session, and neither is what goes elsewhere.
    let others = |n: usize| {
        let others = ["theme=dark; Max-Age=1; Path=/".to_owned(), "away=1; Max-Age=1; Domain=example.org".to_owned()];
        [vec![format!("sid={n}; HttpOnly; Path=/")], others.to_vec()].concat()
    };
    std::thread::scope(|scope| {
        let early = scope.spawn(|| cookie_after("/soon", "", aged));
        let late = scope.spawn(|| cookie_after("/slow", "", aged));
        let fresh = scope.spawn(|| cookie_after("/slow", "\n    session: fresh", aged));
        let dated = scope.spawn(|| cookie_after("/slow", "", dated));
        let others = scope.spawn(|| cookie_after("/slow", "", others));
        assert_eq!(early.join().unwrap(), ("sid=0".to_owned(), 1));
        assert_eq!(late.join().unwrap(), ("sid=1".to_owned(), 2));
        // The end of its own session is what such a case may be about.
        assert_eq!(fresh.join().unwrap(), ("sid=0".to_owned(), 1));
        assert_eq!(dated.join().unwrap(), ("sid=1".to_owned(), 2));
        assert_eq!(others.join().unwrap(), ("sid=0".to_owned(), 1));
    });
}

/// The server ends the session, and says so: by a word, or by taking the cookie away.
#[test]
fn a_session_of_cookies_that_the_server_ends_is_renewed_once() {
    type End = fn() -> Reply;
    let ends: [(End, bool); 3] = [
        (|| json(401, r#"{"error":"session expired"}"#), true),
        (|| status(401).header("set-cookie", "sid=; Max-Age=0; Path=/"), true),
        (|| status(401), false),
    ];
    for (end, renewed) in ends {
        let logins = AtomicUsize::new(0);
        let server = Server::start(move |r| match (&*r.path, r.header("cookie")) {
            ("/login", _) => {
                let sid = format!("sid={}; HttpOnly; Path=/", logins.fetch_add(1, Ordering::SeqCst));
                status(303).header("location", "/").header("set-cookie", sid)
            }
            (_, "sid=1") => status(200),
            _ => end(),
        });
        let suite = "cases:\n  - { name: c, as: alice, request: GET /me, expect: 200 }\n  - { name: d, as: alice, request: GET /me, expect: 200 }\n";
        let run = Project::new(&server.url, COOKIES, suite).run("");
        let verdict = if renewed { "passed" } else { "failed: check-failed" };
        run.must(i32::from(!renewed), &[("c", verdict), ("d", verdict)]);
        assert_eq!(server.count("POST /login"), if renewed { 2 } else { 1 });
    }
}

/// An application that keeps its token in a cookie, and wants a field beside it; without the cookie nobody gets anything.
fn with_field(field: &'static str) -> Server {
    let issued = AtomicUsize::new(0);
    Server::start(move |r| {
        let number = |text: &str| text.rsplit('-').next().unwrap_or_default().to_owned();
        let cookie = r.header("cookie").split("; ").find_map(|pair| pair.strip_prefix("auth=")).unwrap_or_default();
        match (r.method.as_str(), cookie) {
            _ if r.path == "/login" => {
                let n = issued.fetch_add(1, Ordering::SeqCst);
                json(200, &format!(r#"{{"beside":"beside-of-login-{n}"}}"#))
                    .header("set-cookie", format!("auth=token-of-alice-{n}; Path=/; HttpOnly"))
            }
            (_, token) if !token.starts_with("token-of-alice-") => json(401, "{}"),
            ("POST", token) if number(r.header(field)) != number(token) => json(403, "{}"),
            _ => json(200, r#"{"username":"alice"}"#),
        }
    })
}

#[test]
fn a_field_beside_the_cookie_that_is_the_credential_is_not_all_of_it() {
    for (field, code) in [("x-csrf", 0), ("x-device", 3)] {
        let scheme = format!(
            r#"
auth:
  api:
    scheme: login
    login:
      request: POST /login
      json: {{ username: "{{{{ identity.username }}}}" }}
      capture: {{ token: {{ cookie: auth }}, beside: $.beside }}
    whoami: {{ request: GET /me }}
    send: {{ cookie: {{ auth: "{{{{ session.token }}}}" }}, header: {{ {field}: "{{{{ session.beside }}}}" }} }}
identities:
  alice: {{ auth: api, username: alice }}
"#
        );
        let suite = "
cases:
  - { name: get, as: alice, with: [hdr-missing, tok-garbage], request: GET /me }
  - { name: post, as: alice, with: hdr-missing, request: POST /me }
";
        let run = Project::new(&with_field(field).url, &scheme, suite).run("");
        assert!(!run.said.contains("open to anybody") && !run.said.contains("anonymous 200"), "{}", run.said);
        assert_eq!((run.code, run.verdict("post")), (code, "unproven".to_owned()), "{}", run.said);
    }
}

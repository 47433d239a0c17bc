//! Refusals by status alone: what is guarded stands in the body of the answer.

use crate::api::Api;
use crate::runs::{PEOPLE, Project, SCHEME};
use crate::server::{Reply, Request, Server, html, json, status};

const USERS: &str = r#"{"users":["alice","bob","root"]}"#;

/// Only root may see the users; how everybody else is answered is told by a closure.
fn guarded(refuse: impl Fn(&Request, bool) -> Reply + Send + Sync + 'static) -> Server {
    let api = Api::default();
    Server::start(move |r| match (&*r.path, api.user(r)) {
        ("/users", Ok(user)) if user == "root" => json(200, USERS),
        (path, user) if path.starts_with("/users") => refuse(r, user.is_ok()),
        _ => api.answer(r),
    })
}

const SUITE: &str = r"
cases:
  - { name: bad token, as: root, with: tok-garbage, request: GET /users }
  - { name: a way around, as: bob, with: az-path-slash, control: root, request: GET /users }
  - { name: bob is refused, as: bob, request: GET /users, expect: deny }
  - { name: root is not, as: root, request: GET /users, expect: 200 }
access:
  columns: [bob, root]
  rows:
    the users: { request: GET /users, expect: { root: 200 } }
";

#[track_caller]
fn must(server: &Server, code: i32, [bad, around, bob, cell]: [&str; 4]) {
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), SUITE).run("");
    run.must(
        code,
        &[
            ("bad token", bad),
            ("a way around", around),
            ("bob is refused", bob),
            ("root is not", "passed"),
            ("the users [as=bob]", cell),
            ("the users [as=root]", "passed"),
        ],
    );
}

#[test]
fn a_refusal_that_hands_over_what_it_guards_is_none() {
    let leaks = "failed: refused-with-data";
    must(&guarded(|_, known| json(if known { 403 } else { 401 }, r#"{"error":"no"}"#)), 0, ["proven"; 4]);
    must(&guarded(|_, known| json(if known { 403 } else { 401 }, USERS)), 1, [leaks; 4]);
    // Written otherwise, beside an error, or as a part.
    let pretty = USERS.replace(':', ": ").replace(',', ",\n  ");
    let beside = format!("{{\"error\":\"no\",\"data\":{USERS}}}");
    for body in [pretty, beside] {
        must(&guarded(move |_, known| json(if known { 403 } else { 401 }, &body)), 1, [leaks; 4]);
    }
    // Only to who is not known, and only around.
    let unknown =
        guarded(|_, known| json(if known { 403 } else { 401 }, if known { r#"{"error":"no"}"# } else { USERS }));
    must(&unknown, 1, [leaks, "proven", "proven", "proven"]);
    for code in [400, 403, 404] {
        let around =
            guarded(move |r, _| if r.path == "/users/" { json(code, USERS) } else { json(403, "{\"no\":true}") });
        must(&around, 1, ["proven", leaks, "proven", "proven"]);
    }
}

/// A server that takes a token or a cookie, and a client that sends both: what is wrong with one of them says nothing.
#[test]
fn a_cookie_beside_the_credential_is_no_hole() {
    let either = |with_cookie: bool| {
        let api = Api::default();
        Server::start(move |r| match &*r.path {
            "/login" => {
                let answer = api.answer(r);
                if with_cookie { answer.header("set-cookie", "sid=right-1234567890; HttpOnly") } else { answer }
            }
            "/page" if r.header("cookie").contains("sid=right-1234567890") => json(200, USERS),
            "/page" if api.user(r).is_ok() => json(200, USERS),
            "/page" => status(401).header("www-authenticate", "Bearer"),
            _ => api.answer(r),
        })
    };
    let suite = "cases:\n  - { name: d, as: alice, with: [hdr-missing, tok-garbage], request: GET /page }\n";
    let scheme = SCHEME.replace("send: { bearer: access_token }", "send: { bearer: access_token }\n    cookies: keep");
    for (with_cookie, code, said) in [(false, 0, "passed"), (true, 3, "inconclusive")] {
        let run = Project::new(&either(with_cookie).url, &format!("{scheme}{PEOPLE}"), suite).run("");
        assert_eq!(run.code, code, "{}", run.said);
        assert!(run.cases().iter().all(|case| case["verdict"] == said), "{}", run.said);
    }
}

/// Whoever asks is refused: what makes no difference to a good request makes none to this one, either.
#[test]
fn what_is_refused_to_everybody_is_no_false_alarm() {
    let api = Api::default();
    let server = Server::start(move |r| match &*r.path {
        "/transfer" => status(401).header("www-authenticate", "Bearer error=\"invalid_token\""),
        _ => api.answer(r),
    });
    let suite = "cases:\n  - { name: d, as: alice, with: [hdr-lowercase-scheme], request: POST /transfer, json: { to: bob } }\n";
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("");
    assert_eq!(run.code, 3, "{}", run.said);
    assert_eq!(run.cases()[0]["reasons"][0]["code"], "control-change", "{}", run.said);
}

/// The handler runs on after it has sent the sender to log in.
#[test]
fn a_redirect_with_the_page_in_its_body() {
    let server = Server::start(|r| {
        let page = "<h1>Account of alice</h1><p>1234567</p>";
        match (&*r.path, r.header("cookie")) {
            ("/login", _) if r.method == "POST" => status(204).header("set-cookie", "sid=right-1234567890; HttpOnly"),
            ("/account", "sid=right-1234567890") => html(200, page),
            ("/account", _) => html(302, page).header("location", "/login"),
            _ => html(200, "<form>Log in</form>"),
        }
    });
    let project = r#"
auth:
  web:
    scheme: login
    login: { request: POST /login, json: { username: "{{ identity.username }}", password: "{{ identity.password }}" } }
identities:
  alice: { auth: web, username: alice, password: right-alice }
"#;
    let suite = "cases:\n  - { name: account, as: alice, with: [sess-none, sess-garbage], request: GET /account }\n";
    let run = Project::new(&server.url, project, suite).run("");
    assert_eq!(run.code, 1, "{}", run.said);
    for case in run.cases() {
        assert_eq!(case["reasons"][0]["code"], "refused-with-data", "{}", run.said);
    }
    assert_eq!(run.cases().len(), 2);
}

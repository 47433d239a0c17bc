//! Login pages that answer as if somebody had logged in.

use crate::runs::Project;
use crate::server::{Reply, Request, Server, html, json, status};

const PAGE: &str = "<!doctype html><p class=error>Try again.</p><form method=post><input type=hidden name=csrf value=t1>\
    <input name=user><input type=password name=pw></form>";

const WHOAMI: &str = r#"
auth:
  page:
    scheme: form
    page: /login
    whoami: { request: GET /me, expect: { json: { $.username: "{{ identity.username }}" } } }
"#;

const BLIND: &str = "
auth:
  page: { scheme: form, page: /login }
";

const PEOPLE: &str = "
identities:
  alice: { auth: page, username: alice, password: right-alice }
";

const CASES: &str = "
cases:
  - { name: alice sees the area, as: alice, request: GET /area, expect: 200 }
";

/// Everything but the login is open to everybody.
fn run(scheme: &str, code: u8, verdict: &str, login: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
    let server = Server::start(move |r| match r.path.as_str() {
        "/me" => json(200, r#"{"username": "bob"}"#),
        "/login" => login(r),
        _ => status(200),
    });
    let run = Project::new(&server.url, &format!("{scheme}{PEOPLE}"), CASES).run("");
    run.must(i32::from(code), &[("alice sees the area", verdict)]);
}

#[test]
fn a_login_page_shown_again_with_200_and_a_cookie() {
    for scheme in [WHOAMI, BLIND] {
        run(scheme, 3, "blocked: login-failed", |_| html(200, PAGE).header("set-cookie", "sid=1"));
    }
}

#[test]
fn a_form_that_is_refused_for_its_token() {
    run(BLIND, 3, "blocked: login-failed", |r| match r.method.as_str() {
        "POST" if !r.body.contains("csrf=t2") => html(403, "<p role=alert>CSRF</p>").header("set-cookie", "sid=1"),
        _ => html(200, PAGE).header("set-cookie", "sid=1"),
    });
}

#[test]
fn a_welcome_without_a_cookie() {
    run(BLIND, 3, "blocked: login-failed", |r| match r.method.as_str() {
        "POST" => html(200, "<h1>Welcome, alice!</h1>"),
        _ => html(200, PAGE),
    });
}

#[test]
fn the_session_of_somebody_else() {
    run(WHOAMI, 3, "blocked: wrong-person", |r| match r.method.as_str() {
        "POST" => html(200, "<h1>Welcome!</h1>").header("set-cookie", "sid=1"),
        _ => html(200, PAGE),
    });
}

#[test]
fn pages_that_lead_in_circles() {
    run(BLIND, 3, "blocked: login-failed", |r| match r.method.as_str() {
        "POST" => {
            html(200, "<form method=post><input type=hidden name=a></form><script>document.forms[0].submit()</script>")
                .header("set-cookie", "sid=1")
        }
        _ => html(200, PAGE),
    });
}

#[test]
fn a_page_that_asks_for_more_than_a_password() {
    run(WHOAMI, 3, "blocked: wrong-person", |r| match r.method.as_str() {
        "POST" => html(200, "<form method=post><input name=code></form>").header("set-cookie", "sid=1"),
        _ => html(200, PAGE),
    });
}

#[test]
fn a_wrong_password_behind_the_cookie_of_the_page() {
    run(BLIND, 3, "blocked: login-failed", |r| match r.method.as_str() {
        "POST" => html(200, "<p>Hm.</p>"),
        _ => html(200, PAGE).header("set-cookie", "sid=1"),
    });
}

#[test]
fn the_same_cookie_once_more() {
    run(BLIND, 3, "blocked: login-failed", |r| match r.method.as_str() {
        "POST" => html(200, "<p>Hm.</p>").header("set-cookie", "sid=1"),
        _ => html(200, PAGE).header("set-cookie", "sid=1"),
    });
}

#[test]
fn a_cookie_that_changes_is_a_login() {
    run(BLIND, 0, "passed", |r| match r.method.as_str() {
        "POST" => html(200, "<p>Welcome.</p>").header("set-cookie", "sid=2"),
        _ => html(200, PAGE).header("set-cookie", "sid=1"),
    });
}

#[test]
fn a_field_that_no_page_has() {
    let scheme = r#"
auth:
  page: { scheme: form, page: /login, fields: { usr: "{{ identity.username }}", pw: "{{ identity.password }}" } }
"#;
    for answer in [json(200, "{}"), html(200, "<p>Welcome.</p>")] {
        run(scheme, 3, "blocked: login-failed", move |r| match r.method.as_str() {
            "POST" => answer.clone().header("set-cookie", "sid=1"),
            _ => html(200, PAGE),
        });
    }
}

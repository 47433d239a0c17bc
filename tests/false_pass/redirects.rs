//! Applications that send whoever is not known to a page of theirs that no name gives away as a login page.

use crate::runs::{Project, Run};
use crate::server::{Server, html, status};

const PAGE: &str = "<h1>Account of alice</h1><p>1234567</p>";
const GOOD: &str = "sid=right-1234567890";

/// An application that sends strangers to `to`, and what it shows there.
fn application(to: &'static str, there: &'static str) -> Server {
    Server::start(move |r| match (&*r.path, r.header("cookie")) {
        ("/login", _) if r.method == "POST" => status(204).header("set-cookie", format!("{GOOD}; HttpOnly")),
        ("/account", GOOD) => html(200, PAGE),
        ("/account", _) => html(302, "<p>Redirecting to another page</p>").header("location", to),
        (path, _) if path == to => html(200, there),
        _ => status(404),
    })
}

fn run(server: &Server) -> Run {
    let project = r#"
auth:
  web:
    scheme: login
    login: { request: POST /login, json: { username: "{{ identity.username }}", password: "{{ identity.password }}" } }
identities:
  alice: { auth: web, username: alice, password: right-alice }
"#;
    let suite = "cases:\n  - { name: account, as: alice, with: [sess-none, sess-garbage, sess-truncated], request: GET /account }\n";
    Project::new(&server.url, project, suite).run("")
}

#[test]
fn the_redirect_that_nobody_gets_as_well_is_no_way_in() {
    for to in ["/session/new", "/", "/anmelden", "/login"] {
        let run = run(&application(to, "<form>Who are you?</form>"));
        assert_eq!(run.code, 0, "{to}\n{}", run.said);
        assert!(run.cases().len() == 3 && run.cases().iter().all(|c| c["verdict"] == "passed"), "{to}\n{}", run.said);
    }
}

/// Everybody is sent on to what is guarded.
#[test]
fn a_redirect_that_ends_at_what_is_guarded_is_one() {
    let run = run(&application("/overview", PAGE));
    assert_eq!(run.code, 1, "{}", run.said);
    for case in run.cases() {
        assert_eq!(case["reasons"][0]["code"], "mutant-accepted", "{}", run.said);
    }
}

/// A made-up session is sent where strangers are sent, with a good one.
#[test]
fn a_redirect_that_brings_a_session_is_one() {
    let run = run(&Server::start(|r| match (&*r.path, r.header("cookie")) {
        ("/login", _) if r.method == "POST" => status(204).header("set-cookie", format!("{GOOD}; HttpOnly")),
        ("/account", GOOD) => html(200, PAGE),
        ("/account", "") => status(302).header("location", "/start"),
        ("/account", _) => status(302).header("location", "/start").header("set-cookie", GOOD),
        _ => html(200, "<form>Who are you?</form>"),
    }));
    assert_eq!(run.code, 1, "{}", run.said);
    assert_eq!(run.cases()[0]["verdict"], "passed", "{}", run.said);
    assert_eq!(run.cases()[1]["reasons"][0]["code"], "mutant-accepted", "{}", run.said);
}

//! Applications that send whoever is not known to a page of theirs that no name gives away as a login page.

use crate::api::Api;
use crate::runs::{PEOPLE, Project, Run, SCHEME};
use crate::server::{Server, html, json, status};

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
    run_with(server, "[sess-none, sess-garbage, sess-truncated]", "")
}

/// Sends defects; `own` is what the step itself says of them.
fn run_with(server: &Server, defects: &str, own: &str) -> Run {
    let project = r#"
auth:
  web:
    scheme: login
    login: { request: POST /login, json: { username: "{{ identity.username }}", password: "{{ identity.password }}" } }
identities:
  alice: { auth: web, username: alice, password: right-alice }
"#;
    let suite = format!("cases:\n  - {{ name: account, as: alice, with: {defects}, request: GET /account{own} }}\n");
    Project::new(&server.url, project, &suite).run("")
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

/// An application that sends whoever is not known to its login; `ticket` is what that brings to whoever has a bad session.
fn by_login(ticket: impl Fn(&str) -> String + Send + Sync + 'static) -> Server {
    Server::start(move |r| match (&*r.path, r.header("cookie")) {
        ("/login", _) if r.method == "POST" => status(204).header("set-cookie", format!("{GOOD}; HttpOnly")),
        ("/account", GOOD) => html(200, PAGE),
        ("/account", cookie) => status(302).header("location", "/login/done").header("set-cookie", ticket(cookie)),
        _ => html(200, "<form>Who are you?</form>"),
    })
}

/// The way to the login page is no refusal where it brings a good session, by whatever name it goes, and whatever the
/// suite itself calls a refusal.
#[test]
fn the_way_to_the_login_that_brings_a_session_is_a_way_in() {
    let brings = || by_login(|cookie| if cookie.is_empty() { "theme=dark".to_owned() } else { GOOD.to_owned() });
    let suites = ["", ", expect: { status: 302, redirect: { to: /login/done } }"];
    for own in suites {
        let run = run_with(&brings(), "[sess-garbage, sess-truncated]", own);
        assert_eq!(run.code, 1, "{own}\n{}", run.said);
        assert!(run.cases().iter().all(|c| c["verdict"] == "failed"), "{own}\n{}", run.said);
        // A session of nobody, as many frameworks give to everybody, opens nothing.
        let run = run_with(&by_login(|_| "sid=of-nobody-12345".to_owned()), "[sess-garbage, sess-truncated]", own);
        assert_eq!(run.code, 0, "{own}\n{}", run.said);
        assert!(run.cases().iter().all(|c| c["verdict"] == "passed"), "{own}\n{}", run.said);
    }
}

/// A path that is not there is no way in, whatever the suite says of refusals at its own path.
#[test]
fn a_path_that_is_not_there_refuses_in_its_own_way() {
    let application = |open: bool| {
        Server::start(move |r| match (&*r.path, r.header("cookie")) {
            ("/login", _) if r.method == "POST" => status(204).header("set-cookie", format!("{GOOD}; HttpOnly")),
            ("/account", GOOD) => html(200, PAGE),
            ("/account", _) => status(302).header("location", "/"),
            (path, _) if open && path.starts_with("/account;sid=right") => html(200, PAGE),
            _ => status(404),
        })
    };
    let own = ", expect: { status: 302, redirect: { to: / } }";
    let run = run_with(&application(false), "[sess-garbage, sess-in-url]", own);
    assert_eq!(run.code, 0, "{}", run.said);
    let run = run_with(&application(true), "[sess-garbage, sess-in-url]", own);
    let verdicts: Vec<_> = run.cases().iter().map(|c| c["verdict"].as_str().unwrap()).collect();
    assert_eq!((run.code, verdicts), (1, vec!["passed", "failed"]), "{}", run.said);
}

/// A login that goes on at `/auth/UID`, as authorization servers do it, was let in.
#[test]
fn the_page_where_a_login_goes_on_is_no_login_page() {
    for (to, code) in [("/auth/x1", 0), ("/auth/login", 3)] {
        let server = Server::start(move |r| match (&*r.path, r.header("cookie")) {
            ("/login", _) => status(204).header("set-cookie", format!("{GOOD}; HttpOnly")),
            ("/interaction/x1", GOOD) => status(303).header("location", to),
            _ => status(401),
        });
        let project = r#"
auth:
  web: { scheme: login, login: { request: POST /login, json: { username: "{{ identity.username }}" } } }
identities:
  alice: { auth: web, username: alice }
"#;
        let suite = "cases:\n  - { name: goes on, as: alice, request: POST /interaction/x1, expect: 303 }
  - { name: nobody, as: anonymous, request: POST /interaction/x1, expect: 401 }\n";
        let run = Project::new(&server.url, project, suite).run("");
        assert_eq!(run.code, code, "{to}\n{}", run.said);
    }
}

/// A server that sends every path that is not written its way on to where it is, with 301 for every method; `lies` says
/// whether it first does what was asked there, as one does that guards a path and serves another spelling of it.
fn normalising(lies: bool) -> Server {
    let api = Api::default();
    Server::start(move |r| {
        let plain = r.path.replace("/./", "/").replace("//", "/");
        if plain == r.path && r.path != "/admin/users" {
            return api.answer(r);
        }
        if plain != r.path && (!lies || plain == "/admin/users") {
            return status(301).header("location", plain);
        }
        api.known(r, |user| if user == "root" { json(201, "{}") } else { json(403, r#"{"error":"forbidden"}"#) })
    })
}

#[test]
fn a_change_that_is_sent_back_to_its_plain_path_was_made_by_nobody() {
    let suite = "
cases:
  - { name: users, as: bob, with: [az-path-dot, az-path-dslash-inner], control: root, request: POST /admin/users, json: { name: z } }
  - { name: root, as: root, request: POST /admin/users, json: { name: z }, expect: 201 }
";
    let run = |lies| {
        let server = normalising(lies);
        Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("")
    };
    let names = ["users [with=az-path-dot]", "users [with=az-path-dslash-inner]"];
    let honest = run(false);
    assert_eq!(honest.code, 0, "{}", honest.said);
    names.iter().for_each(|name| assert_eq!(honest.verdict(name), "proven", "{}", honest.said));
    // Another path that is not there is not sent on: what was sent back may be a form that was accepted.
    let lying = run(true);
    assert_eq!(lying.code, 1, "{}", lying.said);
    names.iter().for_each(|name| assert_eq!(lying.reason(name), "mutant-accepted", "{}", lying.said));
}

//! Applications that refuse by their login page, with status 200 and at whatever address.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::runs::{Project, Run};
use crate::server::{Server, html, status};

const PAGE: &str = "<!doctype html><title>Log in</title><form action=/login method=post><input name=username><input name=password type=password><input type=hidden name=csrf value=TOKEN><button>Log in</button></form>";

const PROJECT: &str = r##"
auth:
  web:
    scheme: form
    page: /login
    fields: { username: "{{ identity.username }}", password: "{{ identity.password }}" }
    whoami: { request: GET /home, expect: { status: 200, html: { "#who": { equals: "{{ identity.username }}" } } } }
identities:
  alice: { auth: web, username: alice, password: right-alice }
"##;

const OUTCOMES: &str = r#"
outcomes:
  deny:
    anonymous: [ 401, { status: 200, html: { "input[type=password]": { exists: true } } } ]
    identity: [ 403, { status: 200, html: { "input[type=password]": { exists: true } } } ]
"#;

/// Whoever is not known gets the login page; `open` says what nobody has to be known for.
fn run(open: bool, outcomes: &str) -> Run {
    let sessions: Mutex<HashMap<String, String>> = Mutex::default();
    // Each page is another one.
    let pages = AtomicUsize::new(0);
    let page = move || html(200, &PAGE.replace("TOKEN", &format!("{:032}", pages.fetch_add(1, Ordering::SeqCst))));
    let server = Server::start(move |r| {
        let mut sessions = sessions.lock().unwrap();
        if r.is("POST /login") {
            let form: HashMap<String, String> = url::form_urlencoded::parse(r.body.as_bytes()).into_owned().collect();
            if form["password"] != format!("right-{}", form["username"]) {
                return page();
            }
            let id = format!("5e55{:028}", sessions.len());
            sessions.insert(id.clone(), form["username"].clone());
            return status(302)
                .header("location", "/home")
                .header("set-cookie", format!("sid={id}; HttpOnly; SameSite=Lax; Path=/"));
        }
        match sessions.get(r.header("cookie").trim_start_matches("sid=")) {
            Some(who) => html(200, &format!("<title>Home</title>Hello <b id=who>{who}</b>, your balance is 12345")),
            None if open && r.path == "/home" => html(200, "<title>Home</title>Hello <b id=who>you</b>"),
            None => page(),
        }
    });
    let suite = "cases:\n  - { name: in, as: alice, request: GET /home, expect: 200 }\n  - { name: nobody, request: GET /home, expect: deny }\n  - { name: it, as: alice, with: pack.session, request: GET /home }\n";
    Project::new(&server.url, &format!("{PROJECT}{outcomes}"), suite).run("")
}

#[test]
fn what_is_declared_as_a_refusal_is_one() {
    let run = run(false, OUTCOMES);
    assert_eq!(run.code, 0, "{}", run.said);
    assert_eq!(run.verdict("nobody"), "proven");
    let defects = run.cases().iter().filter(|case| !case["with"].is_null() && case["verdict"] == "passed");
    assert!(defects.clone().count() >= 5 && defects.clone().all(|c| c["proof"]["unproven"] == 0), "{}", run.said);
}

/// Nobody was let in, as far as can be seen, and that is told once with what to add.
#[test]
fn a_login_page_that_nobody_declared_lets_nobody_in() {
    let run = run(false, "");
    let defects: Vec<_> = run.cases().iter().filter(|case| !case["with"].is_null()).collect();
    assert!(defects.len() >= 5, "{}", run.said);
    for case in defects.iter().filter(|case| case["verdict"] != "skipped") {
        let (verdict, reason) = (&case["verdict"], &case["reasons"][0]);
        assert_eq!(
            (verdict.as_str(), reason["code"].as_str()),
            (Some("inconclusive"), Some("unclear-answer")),
            "{case}"
        );
        assert!(reason["help"].to_string().contains("outcomes.deny"), "{reason}");
    }
    assert_eq!(run.said.matches("a login page came").count(), 1, "{}", run.said);
    // The plain refusal says so as well.
    assert_eq!(run.verdict("nobody"), "failed");
    assert!(run.case("nobody").to_string().contains("under `outcomes`"), "{}", run.case("nobody"));
}

/// What is there for anybody is told as before.
#[test]
fn a_page_that_is_open_is_told() {
    for outcomes in ["", OUTCOMES] {
        let run = run(true, outcomes);
        assert_eq!(run.code, 1, "{}", run.said);
        let none = run.cases().iter().find(|case| case["with"]["id"] == "sess-none");
        assert!(none.is_some_and(|case| case["verdict"] == "failed"), "{}", run.said);
    }
}

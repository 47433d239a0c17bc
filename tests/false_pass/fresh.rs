//! Sessions that a case has for itself, and that die before they are refused.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::api::Api;
use crate::runs::{BLIND, PEOPLE, Project, SCHEME};
use crate::server::{Server, json, status};

/// Every token of bob is good for so many requests, and whoever is alive gets in where there is a limit; `dead` is what
/// `/admin` answers a dead one.
fn mortal(limit: usize, dead: u16) -> Server {
    let (api, used) = (Api::default(), AtomicUsize::new(0));
    Server::start(move |r| {
        if r.is("POST /login") && r.field("username") == "bob" {
            used.store(0, Ordering::SeqCst);
        }
        let user = api.user(r).ok();
        let is_dead = user.as_deref() == Some("bob") && used.fetch_add(1, Ordering::SeqCst) >= limit;
        match r.path.as_str() {
            "/admin" if is_dead => status(dead),
            "/admin" if user.is_some() && limit == 1 => json(200, r#"{"users":3}"#),
            "/me" if is_dead => status(if dead == 403 { 403 } else { 401 }),
            _ => api.answer(r),
        }
    })
}

/// His `whoami` is the request that each of his tokens is good for.
#[test]
fn a_session_that_dies_before_the_only_request() {
    let row = "
access:
  columns: [bob, root]
  rows:
    admin: { request: GET /admin, session: fresh, expect: { root: 200 } }
";
    let case = |status: &str| {
        format!(
            "serial: true
cases:
  - {{ name: root, as: root, request: GET /admin, expect: 200 }}
  - {{ name: bob, as: bob, session: fresh, request: GET /admin, expect: {status} }}
"
        )
    };
    let texts = [row.to_owned(), case("deny"), case("[403, 404]")];
    for (text, dead) in texts.iter().zip([401, 403, 404]) {
        for (limit, code) in [(1, 3), (99, 0)] {
            let run = Project::new(&mortal(limit, dead).url, &format!("{SCHEME}{PEOPLE}"), text).run("");
            assert_eq!(run.code, code, "{limit} {dead} {text}: {}", run.said);
            let reasons: Vec<_> = run.cases().iter().flat_map(|c| c["reasons"].as_array().unwrap()).collect();
            assert_eq!(reasons.iter().any(|r| r["code"] == "not-alive"), limit == 1, "{}", run.said);
        }
    }
}

/// The case itself sees it working, and nothing that it does can end it.
#[test]
fn a_session_that_dies_between_two_pages() {
    let suite = |first: &str| {
        format!(
            "serial: true
cases:
  - {{ name: root, as: root, request: GET /admin, expect: 200 }}
  - {{ name: bob, as: bob, session: fresh, steps: [ {first}{{ request: GET /me }}, {{ request: GET /admin, expect: deny }} ] }}
"
        )
    };
    for (scheme, uses) in [(BLIND, 1), (SCHEME, 2)] {
        for first in ["", "{ request: login }, "] {
            for (limit, bob) in [(uses, "inconclusive: not-alive"), (99, "proven")] {
                let server = mortal(limit, 401);
                let run = Project::new(&server.url, &format!("{scheme}{PEOPLE}"), &suite(first)).run("");
                run.must(if limit == 99 { 0 } else { 3 }, &[("root", "passed"), ("bob", bob)]);
            }
        }
    }
}

/// What ends a session is what these are about: nobody asks whether it lives.
#[test]
fn a_session_that_the_case_ends_is_not_asked() {
    for (steps, asked) in [
        ("{ request: GET /me }, { request: POST /logout }, { request: GET /me, expect: 401 }", 3),
        ("{ request: GET /me }, { request: POST /logout }, { request: GET /admin, expect: 401 }", 2),
    ] {
        let api = Api::default();
        let server = Server::start(move |r| api.answer(r));
        let suite = format!(
            "serial: true
cases:
  - {{ name: root, as: root, request: GET /admin, expect: 200 }}
  - {{ name: it ends, as: bob, session: fresh, steps: [ {steps} ] }}
"
        );
        let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite).run("");
        run.must(0, &[("root", "passed"), ("it ends", "proven")]);
        assert_eq!(server.seen().iter().filter(|r| r.is("GET /me") && r.bearer().contains("bob")).count(), asked);
    }
}

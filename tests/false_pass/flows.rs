//! What a step asks of the flow it uses counts as much as if it stood in the flow.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::api::Api;
use crate::runs::{BLIND, PEOPLE, Project};
use crate::server::{Server, json, status};

const FLOWS: &str = "
flows:
  look: { steps: [ { as: anonymous, request: GET /health }, { request: GET /me } ] }
  look deeper: { steps: [ { use: look } ] }
  go in: { steps: [ { request: GET /admin } ] }
";

const SUITE: &str = r"
serial: true
cases:
  - { name: root sees it, as: root, use: go in, expect: 200 }
  - { name: bob works, as: bob, use: look deeper, expect: { json: { $.username: bob } } }
  - { name: bob is refused, as: bob, use: go in, expect: deny }
";

/// After some good requests of bob the server forgets him; then it says 200 to whoever asks for `/me`, and 401 elsewhere.
fn forgetful(limit: usize) -> Server {
    let api = Api::default();
    let used = AtomicUsize::new(0);
    Server::start(move |r| match r.path.as_str() {
        path if api.user(r).is_ok_and(|u| u == "bob") && used.fetch_add(1, Ordering::SeqCst) >= limit => match path {
            "/me" => json(200, r#"{"hint": "log in"}"#),
            _ => status(401),
        },
        _ => api.answer(r),
    })
}

#[test]
fn a_session_that_dies_is_found_by_what_the_use_of_a_flow_asks() {
    let verdicts = |bob| [("root sees it", "passed"), ("bob works", "passed"), ("bob is refused", bob)];
    let project = format!("{BLIND}{PEOPLE}{FLOWS}");
    Project::new(&forgetful(1).url, &project, SUITE).run("").must(3, &verdicts("inconclusive: not-alive"));
    Project::new(&forgetful(99).url, &project, SUITE).run("").must(0, &verdicts("proven"));
}

#[test]
fn an_answer_that_the_use_of_a_flow_finds_wrong_allowed_nothing() {
    let server = Server::start({
        let api = Api::default();
        move |r| if r.is("GET /admin") { json(200, r#"{"hint": "log in"}"#) } else { api.answer(r) }
    });
    let suite = r"
serial: true
cases:
  - { name: root sees it, as: root, use: go in, expect: { json: { $.secrets: { exists: true } } } }
  - { name: bob is refused, as: bob, use: go in, expect: deny }
";
    let run = Project::new(&server.url, &format!("{BLIND}{PEOPLE}{FLOWS}"), suite).run("--retry 2");
    run.must(1, &[("root sees it", "failed: check-failed"), ("bob is refused", "failed: check-failed")]);
    // A refusal is never asked for again.
    assert_eq!(server.count("GET /admin"), 4, "{:?}", server.counts());
}

#[test]
fn a_flow_that_only_skips_proves_nothing() {
    let server = Server::start(|_| status(200));
    let project = "
flows:
  maybe: { args: { go: false }, steps: [ { request: GET /a, if: go, expect: 500 } ] }
  more: { steps: [ { use: maybe }, { use: maybe } ] }
";
    let suite = "cases:\n  - { name: nothing is sent, use: more }\n  - { name: nor here, use: more, if: 1 == 2 }\n";
    let run = Project::new(&server.url, project, suite).run("");
    run.must(4, &[("nothing is sent", "skipped: condition"), ("nor here", "skipped: condition")]);
    assert_eq!(server.count("GET /a"), 0);
}

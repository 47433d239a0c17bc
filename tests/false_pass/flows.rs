//! What a step asks of the flow it uses counts as much as if it stood in the flow.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::api::Api;
use crate::runs::{BLIND, PEOPLE, Project, SCHEME};
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

/// The page that everybody may see is a step of the flow, and what the cell is about its end.
#[test]
fn a_cell_is_about_the_end_of_its_flow() {
    let run = |admin: &'static str| {
        let api = Api::default();
        let server = Server::start(move |r| match &*r.path {
            "/page" => json(200, r#"{"motd":"Welcome to these notes, have a nice day","csrf":"abcdefabcdefabcdef12"}"#),
            "/admin" if admin == "open" => json(200, r#"{"users":3}"#),
            _ => api.answer(r),
        });
        let suite = "
flows:
  look: { steps: [ { request: GET /page, capture: { csrf: $.csrf } }, { request: GET /admin, headers: { X-CSRF: '{{ csrf }}' } } ] }
access:
  columns: [anonymous, bob, root]
  rows:
    admin: { use: look, expect: { root: 200 } }
";
        Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("")
    };
    let right = run("guarded");
    right.must(0, &[("admin [as=anonymous]", "proven"), ("admin [as=bob]", "proven"), ("admin [as=root]", "passed")]);
    assert_eq!(right.report["summary"]["proven_refusals"], 2, "{}", right.said);
    let open = run("open");
    open.must(
        1,
        &[
            ("admin [as=anonymous]", "failed: got-in"),
            ("admin [as=bob]", "failed: got-in"),
            ("admin [as=root]", "passed"),
        ],
    );
}

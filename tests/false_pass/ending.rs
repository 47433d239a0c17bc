//! Runs that show nothing must not end green: nothing selected, all skipped, setups and teardowns that
//! fail, retries that would wash a refusal clean.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::api::Api;
use crate::runs::{PEOPLE, Project, SCHEME};
use crate::server::{Server, json, status};

fn right() -> Server {
    let api = Api::default();
    Server::start(move |r| api.answer(r))
}

#[test]
fn nothing_selected_or_all_skipped() {
    let server = right();
    let suite = "cases:\n  - { name: alice, as: alice, request: GET /me }\n";
    let project = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite);
    for arguments in ["-k nothing-like-it", "--tag none", "--id suite/none", "--as bob"] {
        assert_eq!(project.run(arguments).code, 4, "{arguments}");
        assert_eq!(project.run(&format!("{arguments} --tolerate inconclusive")).code, 4, "{arguments}");
    }
    let suite = "cases:\n  - { name: alice, as: alice, request: GET /me, skip: not today }\n";
    let project = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite);
    project.run("").must(4, &[("alice", "skipped")]);
    assert!(server.seen().is_empty(), "a skipped case logs nobody in");
    let project = Project::new(&server.url, "", "cases: []\n");
    assert!([2, 4].contains(&project.run("").code));
}

#[test]
fn a_setup_that_fails_blocks_the_cases() {
    let suite = |setup: &str| {
        format!(
            "setup:\n  - {setup}\ncases:\n  - {{ name: one, request: 'GET /health' }}\n  - {{ name: two, as: alice, request: GET /me }}\n"
        )
    };
    let verdicts = [("one", "blocked: setup-failed"), ("two", "blocked: setup-failed")];
    for setup in [
        "{ request: GET /missing }",
        "{ request: GET /admin, as: bob }",
        "{ request: GET /health, expect: { json: { $.status: down } } }",
        // 200 with an error body: a capture is what notices.
        "{ request: GET /health, capture: { id: $.id } }",
        "{ request: 'GET http://127.0.0.1:9/refused' }",
    ] {
        let server = right();
        Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite(setup)).run("").must(3, &verdicts);
        assert_eq!(
            server.count("GET /me"),
            server.count("POST /login"),
            "only `whoami` of the setup, no case: {setup}"
        );
    }
    // A setup as somebody who cannot log in.
    let run = Project::new(
        &right().url,
        &format!("{SCHEME}{}", PEOPLE.replace("right-bob", "wrong")),
        &suite("{ request: GET /me, as: bob }"),
    )
    .run("");
    run.must(3, &[("one", "blocked: login-failed"), ("two", "blocked: login-failed")]);
}

#[test]
fn captures_of_a_setup_reach_the_cases() {
    let server = Server::start(|r| match &*r.path {
        "/make" => json(201, r#"{"id":17,"tags":["a","b"]}"#),
        "/things/17" => json(200, r#"{"id":17}"#),
        _ => status(404),
    });
    let suite = r#"
setup:
  - { request: POST /make, expect: 201, capture: { id: $.id, tags: $.tags } }
  - { request: "GET /things/{{ id }}", expect: 200 }
cases:
  - { name: by path, request: "GET /things/{{ id }}", expect: { json: { $.id: "{{ id }}" } } }
  - { name: as json, request: POST /make, json: { ids: ["{{ id }}"], tags: "{{ tags }}" }, expect: { sent: { body: '{"ids":[17],"tags":["a","b"]}' } } }
teardown:
  - { request: "GET /things/{{ id }}", expect: 200 }
"#;
    let run = Project::new(&server.url, "", suite).run("");
    run.must(0, &[("by path", "passed"), ("as json", "passed")]);
    assert_eq!((server.count("GET /things/17"), server.count("POST /make")), (3, 2));
}

#[test]
fn a_teardown_that_fails_is_not_green() {
    let server = right();
    for teardown in ["{ request: DELETE /thing }", "{ request: GET /me, as: bob, expect: 403 }"] {
        let suite = format!("cases:\n  - {{ name: fine, request: GET /health }}\nteardown:\n  - {teardown}\n");
        let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite).run("");
        run.must(3, &[("fine", "passed")]);
        assert_eq!(run.report["teardowns"][0]["verdict"], "errored");
        assert_eq!(run.report["teardowns"][0]["reasons"][0]["code"], "teardown-failed");
    }
    // It runs as well when cases failed or were blocked by the setup.
    let suite = "setup:\n  - { request: GET /missing }\ncases:\n  - { name: no, request: GET /health }\nteardown:\n  - { request: GET /health?torn=down }\n";
    Project::new(&server.url, "", suite).run("").must(3, &[("no", "blocked: setup-failed")]);
    assert_eq!(server.count("GET /health?torn=down"), 1);
}

/// A server that refuses only at the second try, and one that fails only at the first.
#[test]
fn a_retry_never_turns_a_refusal_green() {
    let second = |late: u16, early: u16| {
        let tries = AtomicUsize::new(0);
        Server::start(move |r| {
            if r.path != "/guarded" {
                return json(200, "{}");
            }
            let code = if tries.fetch_add(1, Ordering::SeqCst) == 0 { early } else { late };
            json(code, "{}")
        })
    };
    let suite = |expect: &str| format!("cases:\n  - {{ name: guarded, request: GET /guarded, expect: {expect} }}\n");
    for (expect, late) in
        [("401", 401), ("[401, 403]", 403), ("deny", 403), ("[200, 401]", 401), ("{ status: 403 }", 403)]
    {
        let server = second(late, 500);
        let run = Project::new(&server.url, "", &suite(expect)).run("--retry 3");
        run.must(1, &[("guarded", "failed: check-failed")]);
        assert_eq!(server.count("GET /guarded"), 1, "{expect} is never asked again");
    }
    let server = second(200, 500);
    let run = Project::new(&server.url, "", &suite("200")).run("--retry 3");
    run.must(0, &[("guarded", "flaky: retried")]);
    assert_eq!(run.case("guarded")["attempts"], 2);
    let run = Project::new(&second(200, 500).url, "", &suite("200")).run("--retry 1 --fail-on flaky");
    run.must(1, &[("guarded", "flaky: retried")]);
    let run = Project::new(&second(500, 500).url, "", &suite("200")).run("--retry 2");
    run.must(1, &[("guarded", "failed: check-failed")]);
    assert_eq!(run.case("guarded")["attempts"], 3);
    // A redirect to the login page and a 404 are refusals in other words.
    for (code, expect) in [(302, "{ status: 302, redirect: { to: /login } }"), (404, "404")] {
        let server = Server::start({
            let tries = AtomicUsize::new(0);
            move |_| match tries.fetch_add(1, Ordering::SeqCst) {
                0 => json(200, "{}"),
                _ => status(code).header("location", "/login"),
            }
        });
        let run = Project::new(&server.url, "", &suite(expect)).run("--retry 3");
        run.must(1, &[("guarded", "failed: check-failed")]);
    }
}

#[test]
fn tolerating_what_proves_nothing_shows_nothing() {
    let people = "identities: { old: { auth: { scheme: basic }, username: old, password: wrong } }\n";
    let server = Server::start(|r| if r.is("GET /health") { json(200, "{}") } else { status(403) });
    let suite = "cases:\n  - { name: refused, as: old, request: GET /admin, expect: 403 }\n  - { name: healthy, request: GET /health }\n";
    let project = Project::new(&server.url, people, suite);
    let verdicts = [("refused", "inconclusive: never-allowed"), ("healthy", "passed")];
    project.run("").must(3, &verdicts);
    let run = project.run("--tolerate inconclusive");
    run.must(0, &verdicts);
    assert_eq!(run.report["tolerated"][0], "inconclusive", "the report says so");
    assert!(run.said.contains("tolerated"), "{}", run.said);
    project.run("--tolerate inconclusive -k refused").must(3, &verdicts[..1]);
}

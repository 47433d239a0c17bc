//! A limiter that says the very words of the application: after so many requests nobody is let in, and each refusal looks
//! like one of the application's own.

use std::sync::Mutex;

use crate::api::{Api, unauthorized};
use crate::runs::{BLIND, PEOPLE, Project, Run, SCHEME};
use crate::server::{Reply, Request, Server, json};

/// Lets in whoever writes a token in quotes, and bob to what is root's; unless it was asked too often by then.
fn limited(patience: usize, counts: fn(&Request) -> bool, refusal: fn() -> Reply) -> Server {
    let (api, asked) = (Api::default(), Mutex::new(0));
    Server::start(move |r| {
        if r.is("POST /login") {
            return api.answer(r);
        }
        let mut asked = asked.lock().unwrap();
        *asked += usize::from(counts(r));
        match &*r.path {
            _ if *asked > patience => refusal(),
            "/me" if r.header("authorization").contains('"') => json(200, r#"{"username":"alice"}"#),
            path if path.starts_with("/admin") && r.bearer().contains("bob") => json(200, r#"{"users":3}"#),
            path if path.starts_with("/admin") => api.known(r, |user| match user {
                "root" => json(200, r#"{"users":3}"#),
                _ => json(403, r#"{"error":"forbidden"}"#),
            }),
            _ => api.answer(r),
        }
    })
}

fn unknown() -> Reply {
    unauthorized("invalid token")
}

fn forbidden() -> Reply {
    json(403, r#"{"error":"forbidden"}"#)
}

fn run(server: &Server, scheme: &str, suite: &str) -> Run {
    Project::new(&server.url, &format!("{scheme}{PEOPLE}"), suite).run("-j 1")
}

const ROWS: &str = "[tok-garbage, tok-placeholder, tok-placeholder-null, tok-truncated, hdr-quoted]";

/// The good credential closes a group, and is refused like all that came after the limit.
#[test]
fn the_last_control_of_a_pack_meets_the_limit() {
    let suite = format!("cases:\n  - {{ name: c, as: alice, with: {ROWS}, request: GET /me }}\n");
    for scheme in [SCHEME, BLIND] {
        for patience in 3..7 {
            let run = run(&limited(patience, |r| r.path == "/me", unknown), scheme, &suite);
            assert_eq!(run.code, 3, "{patience}\n{}", run.said);
            assert!(run.cases().iter().all(|case| case["verdict"] == "inconclusive"), "{patience}\n{}", run.said);
        }
        let awake = run(&limited(99, |r| r.path == "/me", unknown), scheme, &suite);
        assert_eq!(awake.code, 1, "{}", awake.said);
    }
}

/// Where a change is tried the `whoami` closes it, and counts as well.
#[test]
fn the_last_control_of_a_change_meets_the_limit() {
    let suite = format!("cases:\n  - {{ name: c, as: alice, with: {ROWS}, request: POST /me }}\n");
    let run = run(&limited(4, |_| true, unknown), SCHEME, &suite);
    assert_eq!(run.code, 3, "{}", run.said);
    assert!(run.cases().iter().all(|case| case["verdict"] == "inconclusive"), "{}", run.said);
}

/// Many plain refusals by status: whoever was refused is asked for at the end, and refused there as well.
#[test]
fn plain_refusals_after_the_limit_prove_nothing() {
    let pages = |line: fn(usize) -> String| (1..9).map(line).collect::<String>();
    let allowed = pages(|n| format!("  - {{ name: root {n}, as: root, request: GET /admin/{n} }}\n"));
    let refused = pages(|n| format!("  - {{ name: bob {n}, as: bob, request: GET /admin/{n}, expect: 403 }}\n"));
    let suite = format!("serial: true\ncases:\n{allowed}{refused}");
    for scheme in [SCHEME, BLIND] {
        let run = run(&limited(8, |r| r.path.starts_with("/admin") || r.path == "/me", forbidden), scheme, &suite);
        assert_ne!(run.code, 0, "{}", run.said);
        let refused = run.cases().iter().filter(|case| case["name"].as_str().unwrap().starts_with("bob"));
        assert!(refused.into_iter().all(|case| case["verdict"] != "passed"), "{}", run.said);
    }
}

/// In a matrix the cells that are let in come last.
#[test]
fn the_cells_that_are_let_in_meet_the_limit() {
    let rows = (1..9).map(|n| format!("    GET /admin/{n}: {{ root: allow }}\n")).collect::<String>();
    let suite = format!("access:\n  columns: [anonymous, alice, bob, root]\n  rows:\n{rows}");
    let run = run(&limited(8, |r| r.path.starts_with("/admin"), forbidden), SCHEME, &suite);
    assert_eq!(run.code, 1, "{}", run.said);
    let passed = run.cases().iter().filter(|case| case["verdict"] == "passed").count();
    assert_eq!(passed, 0, "{}", run.said);
}

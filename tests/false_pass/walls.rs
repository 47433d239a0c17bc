//! Firewalls that wake up, where what is sent at the same time, or before another request, blurs what came first.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::api::{Api, unauthorized};
use crate::runs::{PEOPLE, Project, Run, SCHEME};
use crate::server::{Reply, Server, json};

fn run(server: &Server, scheme: &str, cases: &str, jobs: usize) -> Run {
    Project::new(&server.url, &format!("{scheme}{PEOPLE}"), &format!("cases:\n{cases}")).run(&format!("-j {jobs}"))
}

fn blocked() -> Reply {
    json(403, r#"{"error":"blocked"}"#)
}

/// How many cases stand for each row: those that passed.
fn passed(run: &Run) -> Vec<&str> {
    let cases = run.cases().iter().filter(|case| case["verdict"] == "passed");
    cases.filter_map(|case| case["with"]["id"].as_str()).collect()
}

fn doubted(run: &Run) -> usize {
    let codes = |case: &&serde_json::Value| {
        case["reasons"].as_array().is_some_and(|all| all.iter().any(|r| r["code"] == "refused-otherwise"))
    };
    run.cases().iter().filter(codes).count()
}

const ROWS: &str =
    "[tok-garbage, tok-placeholder, tok-placeholder-null, hdr-quoted, hdr-double-bearer, tok-placeholder-false]";

/// The application takes its time to refuse, and the firewall none: its refusals are there first.
fn quick_wall(patience: usize) -> Server {
    let (api, bad) = (Api::default(), AtomicUsize::new(0));
    Server::start(move |r| {
        if r.is("POST /login") || api.user(r).is_ok() || r.header("authorization").is_empty() {
            return api.answer(r);
        }
        if bad.fetch_add(1, Ordering::SeqCst) < patience { api.answer(r).after(400) } else { blocked() }
    })
}

#[test]
fn what_a_firewall_refuses_is_in_doubt_whatever_came_first() {
    let case = format!("  - {{ name: c, as: alice, with: {ROWS}, request: GET /me }}\n");
    let run = run(&quick_wall(2), SCHEME, &case, 8);
    assert_eq!((run.code, passed(&run).len(), doubted(&run)), (3, 2, 4), "{}", run.said);
}

/// It wakes up at the end of one request's defects, and refuses all of another's, which the application takes.
#[test]
fn a_firewall_that_wakes_up_between_two_requests_proves_nothing() {
    let server = |patience: usize| {
        let (api, bad) = (Api::default(), AtomicUsize::new(0));
        Server::start(move |r| {
            if r.is("POST /login") || api.user(r).is_ok() || r.header("authorization").is_empty() {
                return if r.is("GET /orders") { api.known(r, |_| json(200, "[1]")) } else { api.answer(r) };
            }
            match bad.fetch_add(1, Ordering::SeqCst) < patience {
                true if r.is("GET /orders") => json(200, "[1]"),
                true => api.answer(r),
                false => blocked(),
            }
        })
    };
    let rows = "[tok-garbage, tok-placeholder]";
    let case =
        |name: &str, path: &str| format!("  - {{ name: {name}, as: alice, with: {rows}, request: GET {path} }}\n");
    let suite = format!("{}{}", case("me", "/me"), case("orders", "/orders"));
    let run_of = |patience| run(&server(patience), SCHEME, &suite, 1);
    let asleep = run_of(100);
    assert_eq!(asleep.code, 1, "asleep, it hides nothing\n{}", asleep.said);
    let awake = run_of(2);
    assert_eq!((awake.code, passed(&awake).len(), doubted(&awake)), (3, 2, 2), "{}", awake.said);
}

/// A foreign page's change is refused with 403, and so is whatever the firewall blocks: it cannot be sent again, and is in
/// doubt all the same.
#[test]
fn what_cannot_be_sent_again_is_in_doubt_as_well() {
    let server = |patience: usize| {
        let (api, bad) = (Api::default(), AtomicUsize::new(0));
        Server::start(move |r| {
            let (cookie, foreign) = (r.header("cookie"), r.header("origin").contains("elsewhere"));
            let known = cookie.strip_prefix("sid=").is_some_and(|sid| sid == "token-of-alice-1");
            let looks_bad = !cookie.is_empty() && !known || foreign;
            if looks_bad && bad.fetch_add(1, Ordering::SeqCst) >= patience {
                return blocked();
            }
            match r.path.as_str() {
                "/login" => api.answer(r),
                "/me" if known => json(200, r#"{"username":"alice"}"#),
                "/change" if known => json(200, r#"{"changed":true}"#),
                _ => unauthorized("no session"),
            }
        })
    };
    let cookie = "send: { cookie: { sid: \"{{ session.access_token }}\" } }";
    let scheme = format!("allow_destructive: true\n{}", SCHEME.replace("send: { bearer: access_token }", cookie));
    let case = "  - { name: c, as: alice, with: [sess-garbage, sess-truncated, csrf-origin-foreign, none], request: POST /change, json: { a: 1 } }\n";
    let asleep = run(&server(100), &scheme, case, 1);
    assert_eq!(asleep.code, 1, "asleep, it hides nothing\n{}", asleep.said);
    let awake = run(&server(2), &scheme, case, 1);
    assert_eq!((awake.code, doubted(&awake)), (3, 1), "{}", awake.said);
}

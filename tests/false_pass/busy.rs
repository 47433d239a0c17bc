//! A server that is asked too often: a 429 lets nobody in and refuses nobody. Honest limits are waited out, and what they
//! do not answer is not judged.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::api::Api;
use crate::runs::{PEOPLE, Project, Run, SCHEME};
use crate::server::{Reply, Request, Server, json};

/// A right API with a limit for all but logins: so many requests in each second.
fn limited(most: usize, says: fn(Reply) -> Reply) -> Server {
    let (api, window) = (Api::default(), Mutex::new((Instant::now(), 0)));
    Server::start(move |r| {
        if r.is("POST /login") {
            return api.answer(r);
        }
        let mut window = window.lock().unwrap();
        if window.0.elapsed() >= Duration::from_secs(1) {
            *window = (Instant::now(), 0);
        }
        window.1 += 1;
        if window.1 > most { says(json(429, r#"{"error":"slow down"}"#)) } else { paged(&api, r) }
    })
}

/// Every page below `/admin` is root's; what is posted there is created.
fn paged(api: &Api, r: &Request) -> Reply {
    if !r.path.starts_with("/admin") {
        return api.answer(r);
    }
    api.known(r, |user| match (user, &*r.method) {
        ("root", "POST") => json(201, "{}"),
        ("root", _) => json(200, r#"{"users":3}"#),
        _ => json(403, r#"{"error":"forbidden"}"#),
    })
}

fn run(server: &Server, suite: &str, arguments: &str) -> Run {
    Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run(arguments)
}

fn matrix() -> String {
    let rows = (1..6).map(|n| format!("    GET /admin/{n}: {{ root: allow }}\n")).collect::<String>();
    let post = "    POST /admin/things: { root: 201 }\n";
    format!("access:\n  columns: [anonymous, alice, bob, root]\n  rows:\n{rows}{post}")
}

#[test]
fn a_limit_that_says_when_to_come_again_is_waited_out() {
    for says in [|reply: Reply| reply.header("retry-after", "1"), |reply: Reply| reply.header("ratelimit-reset", "1")] {
        let server = limited(8, says);
        let suite = format!("cases:\n  - {{ name: bob, as: bob, request: GET /admin/1, expect: 403 }}\n{}", matrix());
        let run = run(&server, &suite, "");
        assert_eq!(run.code, 0, "{}", run.said);
        assert!(run.cases().iter().all(|case| case["proof"]["unproven"] == 0), "{}", run.said);
    }
}

/// Defects leave by a way of their own.
#[test]
fn defects_wait_for_a_limit_as_well() {
    let server = limited(4, |reply| reply.header("retry-after", "1"));
    let suite = "cases:\n  - { name: d, as: alice, with: [tok-garbage, tok-placeholder, tok-placeholder-null, tok-truncated, hdr-missing], request: GET /me }\n";
    let run = run(&server, suite, "");
    assert_eq!(run.code, 0, "{}", run.said);
}

/// Whoever comes while the server is left alone waits as well, so that nobody has to be told again.
#[test]
fn one_wait_is_shared() {
    let (api, began) = (Api::default(), Mutex::new(None));
    let refused = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&refused);
    let server = Server::start(move |r| {
        if !r.path.starts_with("/admin") {
            return api.answer(r);
        }
        let mut began = began.lock().unwrap();
        let is_over = began.get_or_insert_with(Instant::now).elapsed() > Duration::from_millis(900);
        if is_over {
            return paged(&api, r);
        }
        counter.fetch_add(1, Ordering::SeqCst);
        json(429, "{}").header("retry-after", "1")
    });
    let run = run(&server, &matrix(), "-j 2");
    assert_eq!(run.code, 0, "{}", run.said);
    let refused = refused.load(Ordering::SeqCst);
    assert!(refused <= 3, "two were on their way, and all others waited: {refused}");
}

#[test]
fn a_limit_that_lasts_leaves_a_refusal_unjudged() {
    for says in [|reply: Reply| reply, |reply: Reply| reply.header("retry-after", "3600")] {
        let server = limited(0, says);
        let scheme = crate::runs::BLIND;
        let cases = "cases:\n  - { name: nobody, as: anonymous, request: GET /admin/1, expect: 401 }\n  - { name: bob, as: bob, request: GET /admin/1, expect: [401, 403] }\n";
        let suite = format!("{cases}{}", matrix());
        let run = Project::new(&server.url, &format!("{scheme}{PEOPLE}"), &suite).run("");
        assert_eq!(run.code, 3, "{}", run.said);
        for case in run.cases() {
            assert_eq!(case["verdict"], "inconclusive", "{}", run.said);
            assert_eq!(case["reasons"][0]["code"], "asked-too-often", "{}", run.said);
        }
        assert!(run.took < Duration::from_secs(5), "{:?}", run.took);
    }
}

#[test]
fn a_limit_that_is_expected_comes_at_once() {
    let server = limited(0, |reply| reply.header("retry-after", "2"));
    let suite = "cases:\n  - { name: limit, as: anonymous, request: GET /admin/1, expect: 429 }\n";
    let run = run(&server, suite, "");
    run.must(0, &[("limit", "passed")]);
    assert_eq!(server.count("GET /admin/1"), 1);
}

/// A server that cannot answer for now may have done what it was asked to.
#[test]
fn a_change_is_not_sent_again_after_a_503() {
    for (method, times) in [("POST", 1), ("GET", 2)] {
        let (api, first) = (Api::default(), Mutex::new(true));
        let server = Server::start(move |r| {
            if r.path != "/admin/1" {
                return api.answer(r);
            }
            let is_first = std::mem::replace(&mut *first.lock().unwrap(), false);
            if is_first { json(503, "{}").header("retry-after", "0") } else { paged(&api, r) }
        });
        let suite = format!("cases:\n  - {{ name: bob, as: bob, request: {method} /admin/1, expect: 403 }}\n");
        let run = run(&server, &suite, "");
        assert_eq!(server.count(&format!("{method} /admin/1")), times, "{}", run.said);
        assert_eq!(run.verdict("bob"), if times == 1 { "inconclusive" } else { "unproven" }, "{}", run.said);
    }
}

//! Pages of other origins: servers that deny every origin, or none, for reasons of their own.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::runs::Project;
use crate::server::{Reply, Request, Server, json, status};

const GOOD: &str = "https://app.example.com";
const ALICE: &str = "identities: { alice: { auth: { scheme: bearer }, token: right-alice } }\n";

fn suite(with: &str) -> String {
    format!("cases:\n  - {{ name: c, as: alice, with: {with}, request: GET /me, headers: {{ Origin: {GOOD} }} }}\n")
}

fn me(request: &Request) -> Reply {
    if request.bearer() == "right-alice" { json(200, r#"{"username":"alice"}"#) } else { status(401) }
}

fn allow(reply: Reply, origin: &str) -> Reply {
    reply.header("access-control-allow-origin", origin).header("vary", "Origin")
}

/// As it should be: one origin is allowed, and everything else is as it was.
fn strict(request: &Request) -> Reply {
    let reply = if request.method == "OPTIONS" { status(204) } else { me(request) };
    if request.header("origin") == GOOD { allow(reply, GOOD) } else { reply }
}

const DENIED: [&str; 6] =
    ["cors-null", "cors-suffix", "cors-prefix", "cors-reflect", "cors-origin-foreign", "cors-preflight-foreign"];

#[test]
fn a_server_that_compares_origins() {
    let server = Server::start(strict);
    for id in DENIED {
        Project::new(&server.url, ALICE, &suite(id)).run("").must(0, &[("c", "passed")]);
    }
}

/// It never heard of other origins, so that none of them is let in, and none is kept out either.
#[test]
fn a_server_that_allows_nobody() {
    let server = Server::start(me);
    for id in DENIED {
        Project::new(&server.url, ALICE, &suite(id)).run("").must(3, &[("c", "inconclusive: control-origin")]);
    }
    for id in ["cors-origin-allowed", "cors-preflight-noauth"] {
        Project::new(&server.url, ALICE, &suite(id)).run("").must(1, &[("c", "failed: mutant-amiss")]);
    }
}

/// Whatever asks is told that it may ask, and the answer itself is guarded well.
#[test]
fn a_gateway_that_answers_every_preflight_alike() {
    let server = Server::start(|r| match &*r.method {
        "OPTIONS" => allow(status(204), r.header("origin")).header("access-control-allow-headers", "authorization"),
        _ => strict(r),
    });
    let run = |id: &str| Project::new(&server.url, ALICE, &suite(id)).run("");
    run("cors-preflight-noauth").must(0, &[("c", "passed")]);
    run("cors-origin-foreign").must(0, &[("c", "passed")]);
    run("cors-preflight-foreign").must(1, &[("c", "failed: mutant-amiss")]);
}

/// The token is not good any more, and the refusal says nothing of origins but to the good one.
#[test]
fn a_refusal_is_not_what_is_shared() {
    let server = Server::start(|r| {
        let reply = status(401).header("www-authenticate", "Bearer");
        if r.header("origin") == GOOD { allow(reply, GOOD) } else { reply }
    });
    Project::new(&server.url, ALICE, &suite("cors-null")).run("").must(3, &[("c", "inconclusive: control-refused")]);
}

/// Too many requests: what the limiter answers carries no fields, whoever asks.
#[test]
fn a_limiter_denies_every_origin() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |r| {
        let second = r.path == "/me" && asked.fetch_add(1, SeqCst) > 0;
        if second { status(429) } else { strict(r) }
    });
    Project::new(&server.url, ALICE, &suite("cors-null")).run("").must(3, &[("c", "inconclusive: asked-too-often")]);
}

/// After the first foreign page nobody is allowed any more.
#[test]
fn an_origin_that_is_forgotten() {
    let seen = AtomicUsize::new(0);
    let server = Server::start(move |r| {
        if r.header("origin") != GOOD {
            seen.fetch_add(1, SeqCst);
        }
        if seen.load(SeqCst) > 0 { me(r) } else { strict(r) }
    });
    Project::new(&server.url, ALICE, &suite("cors-null")).run("").must(3, &[("c", "inconclusive: control-after")]);
}

/// Gateway and application both write the field: browsers read neither.
#[test]
fn two_lines_allow_nobody() {
    let server = Server::start(|r| allow(allow(me(r), GOOD), GOOD));
    let run = |id: &str| Project::new(&server.url, ALICE, &suite(id)).run("");
    run("cors-origin-allowed").must(1, &[("c", "failed: mutant-amiss")]);
    run("cors-null").must(3, &[("c", "inconclusive: control-origin")]);
}

/// One origin is always written, whoever asks: nobody else is let in, and caches need not know.
#[test]
fn one_origin_for_all_who_ask() {
    let server = Server::start(|r| me(r).header("access-control-allow-origin", GOOD));
    for id in ["cors-null", "cors-suffix", "cors-vary"] {
        Project::new(&server.url, ALICE, &suite(id)).run("").must(0, &[("c", "passed")]);
    }
}

/// A gateway refuses without the fields, and the application behind it has them.
#[test]
fn refusals_of_a_gateway() {
    let server = Server::start(|r| if r.bearer().is_empty() && r.method == "GET" { status(401) } else { strict(r) });
    Project::new(&server.url, ALICE, &suite("cors-on-error")).run("").must(1, &[("c", "failed: mutant-amiss")]);
    // Where nobody is refused, nothing is shown of refusals.
    let server = Server::start(|r| allow(json(200, "{}"), r.header("origin")));
    Project::new(&server.url, ALICE, &suite("cors-on-error")).run("").must(3, &[("c", "inconclusive: not-applicable")]);
}

//! Tokens that are correctly signed and wrong all the same: servers that refuse them for another reason.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::api::Api;
use crate::runs::{PEOPLE, Project, Run, SCHEME};
use crate::server::{Reply, Request, Server, json, status};

/// A token as these servers give it; nobody here looks at its signature.
fn token(claims: &serde_json::Value) -> String {
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2lnbmF0dXJl", part(&json!({ "alg": "HS256", "kid": "k" })), part(claims))
}

fn claims(request: &Request) -> Option<serde_json::Value> {
    crate::server::claims(request.bearer())
}

fn refuse(why: &str) -> Reply {
    let challenge = format!("Bearer error=\"invalid_token\", error_description=\"{why}\"");
    status(401).header("www-authenticate", challenge)
}

/// `GET /orders` for tokens of one audience, `GET /bills` for those of another, each as a closure has it.
fn server(orders: impl Fn(&serde_json::Value) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |r| match (claims(r), &*r.path) {
        (None, _) => refuse(""),
        (Some(claims), "/orders") => orders(&claims),
        (Some(claims), "/bills") if claims["aud"] == "bills" => json(200, r#"{"bills":[]}"#),
        (Some(_), _) => refuse(""),
    })
}

fn ok() -> Reply {
    json(200, r#"{"orders":[]}"#)
}

const WHOAMI: &str = ", whoami: { request: GET /bills, expect: 200 }";

/// Runs `token-wrong-audience` with a donor that has these claims and whose scheme has that `whoami`.
fn run(server: &Server, donor: &serde_json::Value, whoami: &str) -> Run {
    run_of(server, "token-wrong-audience", &token(donor), whoami)
}

fn run_of(server: &Server, id: &str, donor: &str, whoami: &str) -> Run {
    let good = token(&json!({ "iss": "i", "sub": "s", "aud": "orders" }));
    let people = format!(
        "identities:\n  caller: {{ auth: {{ scheme: bearer }}, token: {good} }}\n  other: {{ auth: {{ scheme: bearer{whoami} }}, token: {donor} }}\n"
    );
    let case = format!("as: caller, with: {{ these: {id}, donor: other }}, request: GET /orders");
    Project::new(&server.url, &people, &format!("cases:\n  - {{ name: c, {case} }}\n")).run("")
}

fn bills() -> serde_json::Value {
    json!({ "iss": "i", "sub": "s", "aud": "bills" })
}

fn strict(claims: &serde_json::Value) -> Reply {
    if claims["aud"] == "orders" { ok() } else { refuse("") }
}

#[test]
fn the_token_of_another_audience_proves_that_it_is_looked_at() {
    run(&server(strict), &bills(), WHOAMI).must(0, &[("c", "proven")]);
    run(&server(|_| ok()), &bills(), WHOAMI).must(1, &[("c", "failed: mutant-accepted")]);
}

/// Nobody ever saw the donor being let in anywhere, or anybody would be where it was.
#[test]
fn a_donor_that_was_never_let_in_may_be_dead() {
    run(&server(strict), &bills(), "").must(3, &[("c", "inconclusive: never-allowed")]);
    let public = Server::start(|r| match (claims(r), &*r.path) {
        (_, "/bills") => json(200, "{}"),
        (Some(claims), _) => strict(&claims),
        (None, _) => refuse(""),
    });
    run(&public, &bills(), WHOAMI).must(3, &[("c", "inconclusive: never-allowed")]);
}

/// It lived at its login, and ends before it is tried.
#[test]
fn a_donor_that_died_shows_nothing() {
    let asked = AtomicUsize::new(0);
    let dying = Server::start(move |r| match (claims(r), &*r.path) {
        (Some(_), "/bills") if asked.fetch_add(1, Ordering::SeqCst) == 0 => json(200, "{}"),
        (Some(claims), "/orders") if claims["aud"] == "orders" => ok(),
        _ => refuse(""),
    });
    run(&dying, &bills(), WHOAMI).must(3, &[("c", "inconclusive: not-alive")]);
}

/// The audience is not looked at; the donor lacks a right, or is refused for what the server names.
#[test]
fn a_refusal_for_another_reason_is_none_for_the_audience() {
    let forbids = |claims: &serde_json::Value| if claims["aud"] == "orders" { ok() } else { status(403) };
    run(&server(forbids), &bills(), WHOAMI).must(3, &[("c", "inconclusive: other-cause")]);
    let kind = |claims: &serde_json::Value| {
        if claims["aud"] == "orders" { ok() } else { refuse("the token was revoked") }
    };
    run(&server(kind), &bills(), WHOAMI).must(3, &[("c", "inconclusive: other-cause")]);
    // The subject is one that this interface does not know.
    let people = |claims: &serde_json::Value| if claims["sub"] == "s" { ok() } else { refuse("") };
    let stranger = json!({ "iss": "i", "sub": "t", "aud": "bills" });
    run(&server(people), &stranger, WHOAMI).must(3, &[("c", "inconclusive: other-cause")]);
    let names = |claims: &serde_json::Value| if claims["sub"] == "s" { ok() } else { refuse("jwt audience invalid") };
    run(&server(names), &stranger, WHOAMI).must(0, &[("c", "proven")]);
}

/// Nothing of these says that they are for somebody else.
#[test]
fn a_token_that_is_not_wrong_in_that_way_is_not_sent() {
    let server = server(strict);
    for donor in [
        json!({ "iss": "i", "sub": "s", "aud": ["bills", "orders"] }),
        json!({ "iss": "i", "sub": "s" }),
        json!({ "iss": "i", "sub": "s", "aud": "bills", "exp": 1 }),
    ] {
        run(&server, &donor, "").must(3, &[("c", "inconclusive: no-bad-token")]);
    }
    run_of(&server, "token-wrong-audience", "opaque-token-of-the-other", "")
        .must(3, &[("c", "inconclusive: no-bad-token")]);
    run_of(&server, "token-wrong-issuer", &token(&bills()), "").must(3, &[("c", "inconclusive: no-bad-token")]);
}

/// Another issuer gives tokens for the same audience; its keys are not known here, or its name is not looked at.
#[test]
fn the_token_of_another_issuer() {
    let foreign = token(&json!({ "iss": "j", "sub": "s", "aud": "orders" }));
    let elsewhere = |lets_in: bool, why: &'static str| {
        Server::start(move |r| match (claims(r), &*r.path) {
            (Some(claims), "/bills") if claims["iss"] == "j" => json(200, "{}"),
            (Some(claims), "/orders") if lets_in || claims["iss"] == "i" => ok(),
            _ => refuse(why),
        })
    };
    let run = |server: &Server| run_of(server, "token-wrong-issuer", &foreign, WHOAMI);
    run(&elsewhere(false, "")).must(0, &[("c", "proven")]);
    run(&elsewhere(false, "invalid signature")).must(0, &[("c", "proven")]);
    run(&elsewhere(false, "invalid audience")).must(3, &[("c", "inconclusive: other-cause")]);
    run(&elsewhere(true, "")).must(1, &[("c", "failed: mutant-accepted")]);
}

/// A refresh token that was captured under another name is there, and has to be called what it is.
#[test]
fn a_refresh_token_by_another_name_is_told() {
    let api = Api::default();
    let server = Server::start(move |r| api.answer(r));
    let run = |case: &str| {
        let scheme =
            format!("{}{PEOPLE}", SCHEME.replace("$.access_token }", "$.access_token, refresh: $.refresh_token }"));
        let suite = format!("cases:\n  - {{ name: it, as: alice, {case} }}\n");
        Project::new(&server.url, &scheme, &suite).run("")
    };
    let one = run("with: life-refresh-as-access, request: GET /me");
    one.must(3, &[("it", "inconclusive: not-applicable")]);
    assert!(one.said.contains("capture `refresh` as"), "{}", one.said);
    let flow = run("use: lifecycle.rotation, args: { probe: GET /me }");
    assert_eq!(flow.code, 2, "{}", flow.said);
    assert!(flow.said.contains("keeps `session.refresh`"), "{}", flow.said);
}

//! Servers that refuse a credential for another reason than its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::api::{Api, unauthorized};
use crate::runs::{BLIND, PEOPLE, Project, REFRESHING, Run};
use crate::server::{Reply, Request, Server, json, status};

/// Runs one case as alice against a server that bends the API.
fn case(bend: impl Fn(&Api, &Request) -> Reply + Send + Sync + 'static, uses: &str) -> Run {
    let api = Api::default();
    let server = Server::start(move |request| bend(&api, request));
    let scheme = format!("{REFRESHING}    logout: {{ request: POST /logout }}\n{PEOPLE}");
    let suite = format!("cases:\n  - {{ name: it, as: alice, {uses} }}\n");
    Project::new(&server.url, &scheme, &suite).run("")
}

const LOGOUT: &str = "use: lifecycle.logout-replay, args: { probe: GET /me }";
const ROTATION: &str = "use: lifecycle.rotation, args: { probe: GET /me }";

#[test]
fn a_careful_server_passes() {
    assert_eq!(case(Api::answer, LOGOUT).verdict("it"), "proven");
}

#[test]
fn a_server_that_is_down_after_the_logout_ended_nothing() {
    for answer in [401, 429, 503] {
        let down = AtomicBool::new(false);
        let run = case(
            move |api, r| {
                if down.load(Ordering::SeqCst) {
                    return if answer == 401 { unauthorized("down") } else { status(answer) };
                }
                down.store(r.path == "/logout", Ordering::SeqCst);
                api.answer(r)
            },
            LOGOUT,
        );
        assert_eq!((run.code, &*run.verdict("it")), (3, "inconclusive"), "{answer}: {}", run.said);
    }
}

#[test]
fn a_session_that_was_dead_before_was_not_ended() {
    let run = case(|api, r| if r.path == "/me" { unauthorized("never") } else { api.answer(r) }, LOGOUT);
    assert_eq!(run.verdict("it"), "inconclusive", "{}", run.said);
}

#[test]
fn what_anybody_may_do_shows_nothing() {
    let run = case(|api, r| if r.path == "/me" { json(200, "{}") } else { api.answer(r) }, LOGOUT);
    assert_eq!(run.verdict("it"), "inconclusive", "{}", run.said);
}

#[test]
fn a_token_that_lives_on_is_told() {
    let run = case(|api, r| if r.path == "/logout" { status(204) } else { api.answer(r) }, LOGOUT);
    assert_eq!(run.verdict("it"), "failed", "{}", run.said);
}

/// A token that is looked up nowhere outlives the logout, as the service documents: then the refresh token has to die.
#[test]
fn where_an_access_token_outlives_the_logout_the_refresh_token_has_to_be_dead() {
    let logout =
        |args: &str| format!("use: lifecycle.logout-replay, args: {{ probe: GET /me, keeps_access: true{args} }}");
    let ended = std::sync::Mutex::new(Vec::new());
    let run = case(
        move |api, r| match &*r.path {
            "/logout" => {
                ended.lock().unwrap().push(r.bearer().replacen("token", "refresh", 1));
                status(204)
            }
            "/refresh" if ended.lock().unwrap().contains(&r.field("refresh_token")) => json(400, "{}"),
            _ => api.answer(r),
        },
        &logout(""),
    );
    run.must(0, &[("it", "proven")]);
    let lives =
        |args: &str| case(|api, r| if r.path == "/logout" { status(204) } else { api.answer(r) }, &logout(args));
    lives("").must(1, &[("it", "failed: check-failed")]);
    lives(", keeps_refresh: true").must(3, &[("it", "inconclusive: premise")]);
    // Whoever has none has nothing that could be dead.
    let api = Api::default();
    let server = Server::start(move |r| if r.path == "/logout" { status(204) } else { api.answer(r) });
    let scheme = format!("{BLIND}    logout: {{ request: POST /logout }}\n{PEOPLE}");
    let suite = format!("cases:\n  - {{ name: it, as: alice, {} }}\n", logout(""));
    Project::new(&server.url, &scheme, &suite).run("").must(3, &[("it", "inconclusive: premise")]);
}

/// The refresh endpoint works once for each login and then is asked too often, or broken.
#[test]
fn a_limit_at_the_refresh_endpoint_is_no_rotation() {
    for answer in [429, 400] {
        let asked = AtomicUsize::new(0);
        let run = case(
            move |api, r| match &*r.path {
                "/refresh" if asked.fetch_add(1, Ordering::SeqCst) > 0 => status(answer),
                _ => api.answer(r),
            },
            ROTATION,
        );
        assert_eq!(run.verdict("it"), "inconclusive", "{answer}: {}", run.said);
    }
}

/// The same refresh token comes again with every refresh, and works.
#[test]
fn a_refresh_that_keeps_the_token_is_told() {
    let api = Arc::new(Api::default());
    let inner = Arc::clone(&api);
    let run = case(
        move |_, r| {
            if r.path == "/refresh" {
                let reply = inner.issue("alice");
                let token = r.field("refresh_token");
                let mut body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
                body["refresh_token"] = token.into();
                return json(200, &body.to_string());
            }
            inner.answer(r)
        },
        ROTATION,
    );
    assert_eq!(run.verdict("it"), "failed", "{}", run.said);
    drop(api);
}

/// No refresh token comes with a refresh at all: the first one stays good (RFC 6749, section 6), or not even that.
#[test]
fn a_refresh_that_brings_no_token_is_told() {
    let bare = |lives: bool| {
        let (inner, used) = (Api::default(), std::sync::Mutex::new(Vec::new()));
        case(
            move |_, r| {
                if r.path != "/refresh" {
                    return inner.answer(r);
                }
                let token = r.field("refresh_token");
                if token.is_empty() || (!lives && used.lock().unwrap().contains(&token)) {
                    return json(400, r#"{"error":"invalid_grant"}"#);
                }
                used.lock().unwrap().push(token);
                let reply = inner.issue("alice");
                let mut body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
                body.as_object_mut().unwrap().remove("refresh_token");
                json(200, &body.to_string())
            },
            ROTATION,
        )
    };
    let run = bare(true);
    run.must(1, &[("it", "failed: check-failed")]);
    assert!(run.said.contains("RFC 6749, section 6"), "{}", run.said);
    bare(false).must(3, &[("it", "inconclusive: premise")]);
    // What is no token of a refresh has to come.
    let run = case(
        |api, r| if r.path == "/refresh" { json(200, r#"{"refresh_token":"another-1"}"#) } else { api.answer(r) },
        ROTATION,
    );
    run.must(3, &[("it", "inconclusive: premise")]);
}

/// Answers as slowly as its dice say, to everybody alike: no time is ever told.
#[test]
fn a_slow_and_moody_server_tells_nobody_apart() {
    let dice = AtomicUsize::new(1);
    let run = case(
        move |api, r| {
            if r.path != "/login" {
                return api.answer(r);
            }
            let n = dice.fetch_add(7, Ordering::SeqCst);
            api.answer(r).after(u64::try_from(n * n % 97).unwrap())
        },
        "use: lifecycle.user-enumeration-by-time, args: { right: { request: POST /login, json: { username: alice, \
         password: right-alice } }, known: { request: POST /login, json: { username: alice, password: no } }, \
         unknown: { request: POST /login, json: { username: nobody, password: no } } }",
    );
    assert!(["passed", "proven", "inconclusive"].contains(&&*run.verdict("it")), "{}", run.said);
}

/// Whoever is known gets a limit after a few guesses: the answers differ, and the times of another answer are none.
#[test]
fn a_limit_while_times_are_taken_is_no_difference() {
    let guesses = AtomicUsize::new(0);
    let run = case(
        move |api, r| match r.field("username").as_str() {
            "alice" if r.field("password") == "no" && guesses.fetch_add(1, Ordering::SeqCst) > 4 => status(429),
            _ => api.answer(r),
        },
        "use: lifecycle.user-enumeration-by-time, args: { right: { request: POST /login, json: { username: alice, \
         password: right-alice } }, known: { request: POST /login, json: { username: alice, password: no } }, \
         unknown: { request: POST /login, json: { username: nobody, password: no } } }",
    );
    assert_eq!(run.verdict("it"), "inconclusive", "{}", run.said);
}

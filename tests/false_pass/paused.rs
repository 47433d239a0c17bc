//! Cases that wait for the end of a credential: servers that end it for another reason meanwhile, and credentials that were never
//! good.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::api::{Api, unauthorized};
use crate::runs::{BLIND, PEOPLE, Project, REFRESHING, Run};
use crate::server::{Request, Server, json, status};

/// What becomes of the access token that a refresh takes the place of.
#[derive(Clone, Copy, PartialEq)]
enum Old {
    Ends,
    Lives,
}

/// A server whose `/moody` calls the first token expired, some time after it was asked, so that the session is renewed then.
fn moody(life: Duration, old: Old, why: &'static str) -> Server {
    let (api, ended, asked) = (Api::living(life), Mutex::new(HashSet::new()), AtomicBool::new(false));
    let dead = Mutex::new(String::new());
    Server::start(move |r: &Request| {
        match &*r.path {
            "/moody" if !asked.swap(true, Ordering::SeqCst) => {
                r.bearer().clone_into(&mut dead.lock().unwrap());
                return unauthorized("the token expired").after(700);
            }
            "/refresh" if old == Old::Ends => {
                ended.lock().unwrap().insert(dead.lock().unwrap().clone());
            }
            "/logout" => {
                ended.lock().unwrap().insert(r.bearer().to_owned());
                return status(204);
            }
            "/slow" => return json(200, "{}").after(700),
            _ => {}
        }
        let is_ended = !r.bearer().is_empty() && ended.lock().unwrap().contains(r.bearer());
        match api.known(r, |user| json(200, &format!(r#"{{"username":"{user}"}}"#))) {
            _ if is_ended => unauthorized(why),
            reply if r.path == "/me" || r.path == "/moody" => {
                if reply.status == 401 {
                    unauthorized(why)
                } else {
                    reply
                }
            }
            _ if r.path == "/login" => {
                let mut reply = api.answer(r);
                reply.body = reply.body.replacen('{', &format!("{{\"expires_in\":{},", life.as_secs()), 1);
                reply
            }
            _ => api.answer(r),
        }
    })
}

const WAITS: &str = "cases:
  - { name: it ends, as: alice, SESSION steps: [ { request: GET /me, expect: 200 }, STEPS { request: GET /me, pause: 2500ms, expect: 401 } ] }
";
const RENEWS: &str = "  - { name: another, as: alice, request: GET /moody, expect: 200 }\n";

/// Runs the case that waits beside another one.
fn beside(server: &Server, steps: &str, other: &str) -> Run {
    let suite = WAITS.replace("STEPS", steps).replace("SESSION", "") + other;
    Project::new(&server.url, &format!("{REFRESHING}{PEOPLE}"), &suite).run("")
}

#[test]
fn a_refresh_by_another_case_is_no_expiry() {
    let long = Duration::from_mins(1);
    let run = beside(&moody(long, Old::Ends, ""), "", RENEWS);
    run.must(3, &[("it ends", "inconclusive: session-disturbed"), ("another", "passed")]);
    assert!(run.said.contains("session: fresh"), "{}", run.said);
    // Whatever the server calls it.
    let run = beside(&moody(long, Old::Ends, "the token expired"), "", RENEWS);
    run.must(3, &[("it ends", "inconclusive: session-disturbed"), ("another", "passed")]);
    // Nobody renews a session of its own.
    let suite = WAITS.replace("STEPS", "").replace("SESSION", "session: fresh,") + RENEWS;
    let run = Project::new(&moody(long, Old::Ends, "").url, &format!("{REFRESHING}{PEOPLE}"), &suite).run("");
    run.must(1, &[("it ends", "failed: check-failed"), ("another", "passed")]);
}

#[test]
fn a_logout_by_another_case_is_no_expiry_either() {
    let other = "  - { name: another, as: alice, steps: [ { request: GET /slow, expect: 200 }, { request: POST /logout, expect: 204 } ] }\n";
    let run = beside(&moody(Duration::from_mins(1), Old::Ends, ""), "", other);
    run.must(3, &[("it ends", "inconclusive: session-disturbed"), ("another", "passed")]);
}

#[test]
fn a_token_that_outlives_the_refresh_ends_by_itself() {
    // It was seen working after the refresh.
    let server = moody(Duration::from_secs(2), Old::Lives, "");
    let again = "{ request: GET /me, pause: 1200ms, expect: 200 },";
    beside(&server, again, RENEWS).must(0, &[("it ends", "proven"), ("another", "passed")]);
    // Its end is known, and that it came is what the server says.
    for (why, code, verdict) in [("the token expired", 0, "proven"), ("", 3, "inconclusive: session-disturbed")] {
        let server = moody(Duration::from_secs(2), Old::Lives, why);
        let scheme = REFRESHING.replacen(
            "refresh_token: $.refresh_token }",
            "refresh_token: $.refresh_token, expires_in: $.expires_in }",
            1,
        );
        let suite = WAITS.replace("STEPS", "").replace("SESSION", "") + RENEWS;
        let run = Project::new(&server.url, &format!("{scheme}{PEOPLE}"), &suite).run("");
        run.must(code, &[("it ends", verdict), ("another", "passed")]);
    }
}

/// A server that reads tokens in the places that are given to it.
fn places() -> Server {
    let api = Api::living(Duration::from_millis(1500));
    Server::start(move |r| {
        let query = r.path.split_once("access_token=").map_or("", |(_, token)| token).to_owned();
        let token = [r.header("cookie").trim_start_matches("sid="), &query, &r.field("token")].concat();
        if r.path.starts_with("/any") {
            let mut asked = r.clone();
            asked.headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
            return api.known(&asked, |_| json(200, "{}"));
        }
        api.answer(r)
    })
}

/// Cases by their names, with their steps and what becomes of them.
const BY_HAND: [(&str, &str, &str); 15] = [
    ("header", "{ request: GET /me, pause: 200ms, NEVER, expect: 401 }", "unproven"),
    (
        "refused before",
        "{ request: GET /me, NEVER, expect: 401 }, { request: GET /me, pause: 200ms, NEVER, expect: 401 }",
        "unproven",
    ),
    (
        "for everybody",
        "{ request: GET /health, NEVER, expect: 200 }, { request: GET /me, pause: 200ms, NEVER, expect: 401 }",
        "unproven",
    ),
    (
        "another was good",
        "LOGIN, { request: GET /me, GOOD, expect: 200 }, { request: GET /me, pause: 200ms, NEVER, expect: 401 }",
        "unproven",
    ),
    ("cookie", "{ request: GET /any, pause: 200ms, cookies: { sid: never-good-1 }, expect: 401 }", "unproven"),
    ("query", "{ request: 'GET /any?access_token=never-good-1', pause: 200ms, expect: 401 }", "unproven"),
    ("body", "{ request: POST /any, pause: 200ms, json: { token: never-good-1 }, expect: 401 }", "unproven"),
    (
        "it ends",
        "LOGIN, { request: GET /me, GOOD, expect: 200 }, { request: GET /me, pause: 2s, GOOD, expect: 401 }",
        "proven",
    ),
    (
        "a cookie ends",
        "LOGIN, { request: GET /any, cookies: { sid: TOKEN }, expect: 200 }, { request: GET /any, pause: 2s, cookies: { sid: TOKEN }, expect: 401 }",
        "proven",
    ),
    (
        "in a body it ends",
        "LOGIN, { request: POST /any, json: { token: TOKEN }, expect: 200 }, { request: POST /any, pause: 2s, json: { token: TOKEN }, expect: 401 }",
        "proven",
    ),
    // What is taken once cannot be tried before, and a password does not end by waiting.
    (
        "in a body it was given",
        "LOGIN, { request: POST /any, pause: 2s, json: { token: TOKEN }, expect: 401 }",
        "proven",
    ),
    ("in a field it can be tried", "LOGIN, { request: GET /me, pause: 2s, GOOD, expect: 401 }", "unproven"),
    ("a password", "{ request: GET /me, pause: 200ms, headers: { Authorization: Basic eDp5 }, expect: 401 }", "proven"),
    (
        "no wait",
        "{ request: GET /me, NEVER, expect: 401 }, { request: GET /health, pause: 200ms, expect: 200 }",
        "proven",
    ),
    ("nobody", "{ request: GET /me, pause: 200ms, expect: 401 }", "proven"),
];

#[test]
fn a_credential_by_hand_that_was_never_good_has_no_end() {
    let login =
        "{ request: POST /login, json: { username: bob, password: right-bob }, capture: { token: $.access_token } }";
    let mut suite = "cases:\n  - { name: works, as: bob, request: GET /me, expect: 200 }\n".to_owned();
    for (name, steps, _) in BY_HAND {
        let steps = steps
            .replace("LOGIN", login)
            .replace("NEVER", "headers: { Authorization: Bearer never-good-1 }")
            .replace("GOOD", "headers: { Authorization: 'Bearer {{ token }}' }")
            .replace("TOKEN", "'{{ token }}'");
        suite += &format!("  - {{ name: {name}, steps: [ {steps} ] }}\n");
    }
    let run = Project::new(&places().url, &format!("{BLIND}{PEOPLE}"), &suite).run("");
    let mut verdicts = vec![("works", "passed")];
    verdicts.extend(BY_HAND.iter().map(|(name, _, verdict)| (*name, *verdict)));
    run.must(0, &verdicts);
    assert!(run.case("header").to_string().contains("may never have been good"), "{}", run.case("header"));
}

//! APIs that refuse in their own way: what `outcomes` declares as a refusal is no way in, whatever its status.

use crate::api::Api;
use crate::runs::{Project, REFRESHING, Run, SCHEME};
use crate::server::{Server, json, status};

const PEOPLE: &str = r"
identities:
  alice: { auth: api, role: user, username: alice, password: right-alice }
  bob: { auth: api, role: user, username: bob, password: right-bob }
  root: { auth: api, role: admin, username: root, password: right-root }
outcomes:
  deny:
    anonymous: [401, { status: 200, json: { $.error: denied } }]
    identity: [403, { status: 200, json: { $.error: denied } }]
";

/// An API whose refusals are all 200; `/admin` is for those named.
fn softly(allowed: &'static [&'static str]) -> Server {
    let api = Api::default();
    Server::start(move |r| match &*r.path {
        "/admin" | "/admin/" if api.user(r).is_ok_and(|user| allowed.contains(&&*user)) => {
            json(200, r#"{"users":["alice","bob","root"]}"#)
        }
        path if path.starts_with("/admin") => json(200, r#"{"error":"denied"}"#),
        _ => api.answer(r),
    })
}

fn run(server: &Server, suite: &str) -> Run {
    Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("--require-proof")
}

const CELLS: &str = r"
access:
  columns: [anonymous, alice, root]
  rows:
    GET /admin: { root: allow }
";

#[test]
fn a_server_that_denies_everybody_lets_nobody_in() {
    let lost = "inconclusive: row-unreached";
    let cells = ["GET /admin [as=anonymous]", "GET /admin [as=alice]", "GET /admin [as=root]"];
    let verdicts = |all: [&'static str; 3]| -> Vec<(&str, &str)> { cells.into_iter().zip(all).collect() };
    run(&softly(&[]), CELLS).must(1, &verdicts([lost, lost, "failed: check-failed"]));
    // Who writes a status is not told that it failed, and it proves nothing.
    run(&softly(&[]), &CELLS.replace("allow", "2xx")).must(3, &verdicts([lost, lost, lost]));
    run(&softly(&["root"]), CELLS).must(0, &verdicts(["proven", "proven", "passed"]));
    run(&softly(&["root", "alice"]), CELLS).must(1, &verdicts(["proven", "failed: got-in", "passed"]));
}

#[test]
fn a_control_that_is_denied_controls_nothing() {
    let suite = r"
cases:
  - { name: bad token, as: root, with: tok-garbage, request: GET /admin, expect: deny }
  - { name: a way around, as: bob, with: az-path-slash, control: root, request: GET /admin }
  - { name: bob is refused, as: bob, control: root, request: GET /admin, expect: deny }
  - { name: its control is denied, as: bob, control: { request: GET /admin }, request: GET /admin, expect: deny }
";
    let must = |run: &Run, code, all: [&'static str; 4]| {
        let names = ["bad token", "a way around", "bob is refused", "its control is denied"];
        run.must(code, &names.into_iter().zip(all).collect::<Vec<_>>());
    };
    let refused = "inconclusive: control-refused";
    must(&run(&softly(&[]), suite), 3, [refused; 4]);
    must(&run(&softly(&["root"]), suite), 3, ["proven", "proven", "proven", refused]);
    // What goes around and is let in, is.
    let api = Api::default();
    let open = Server::start(move |r| match &*r.path {
        "/admin" if api.user(r).is_ok_and(|user| user == "root") => json(200, r#"{"users":["alice","bob"]}"#),
        "/admin/" => json(200, r#"{"users":["alice","bob"]}"#),
        "/admin" => json(200, r#"{"error":"denied"}"#),
        _ => api.answer(r),
    });
    must(&run(&open, suite), 1, ["proven", "failed: mutant-accepted", "proven", refused]);
}

/// What HEAD of `/admin` says to bob; GET refuses him by the body of a 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    /// The fields of his refusal.
    Refused,
    /// Those of what root gets.
    LetIn,
    /// None that anybody else gets.
    Bare,
}

/// What `/admin` gives to root.
const LONG: &str = r#"{"users":["alice","bob","root"]}"#;

fn by_head(head: Head, users: &'static str) -> Server {
    let api = Api::default();
    Server::start(move |r| {
        if r.path.split('?').next() != Some("/admin") {
            return api.answer(r);
        }
        match (api.user(r).as_deref(), &*r.method, head) {
            (Ok("root"), ..) | (_, "HEAD", Head::LetIn) => json(200, users),
            (_, "HEAD", Head::Bare) => status(200),
            _ if r.method == "GET" || r.method == "HEAD" => json(200, r#"{"error":"denied"}"#),
            _ => json(405, "{}"),
        }
    })
}

#[test]
fn an_answer_to_head_is_told_by_its_fields() {
    let suite =
        |rest: &str| format!("cases:\n  - {{ name: head, as: bob, with: az-verb-head, request: GET /admin{rest} }}\n");
    let must = |server: &Server, rest: &str, code, verdict: &str| {
        run(server, &suite(rest)).must(code, &[("head", verdict)]);
    };
    let unclear = "inconclusive: unclear-answer";
    for (rest, let_in) in [("", "failed: mutant-accepted"), (", expect: deny", "failed: check-failed")] {
        let rest = format!(", control: root{rest}");
        must(&by_head(Head::Refused, LONG), &rest, 0, "proven");
        must(&by_head(Head::LetIn, LONG), &rest, 1, let_in);
        must(&by_head(Head::Bare, LONG), &rest, 3, unclear);
    }
    // Nobody is known who is allowed.
    must(&by_head(Head::Refused, LONG), "", 3, unclear);
    must(&by_head(Head::LetIn, LONG), "", 3, unclear);
}

/// Where both bodies are as long as each other, nothing tells them apart.
#[test]
fn an_answer_to_head_that_may_be_either_is_unclear() {
    const SAME: &str = r#"{"users":"rooted"}"#;
    assert_eq!(SAME.len(), r#"{"error":"denied"}"#.len());
    let suite = "cases:\n  - { name: head, as: bob, with: az-verb-head, control: root, request: GET /admin }\n";
    for head in [Head::Refused, Head::LetIn] {
        run(&by_head(head, SAME), suite).must(3, &[("head", "inconclusive: unclear-answer")]);
    }
}

/// A refusal that a field tells is seen without its body, and where it is not, nobody was refused.
#[test]
fn a_refusal_that_a_field_tells_needs_no_body() {
    let people = PEOPLE.replace("json: { $.error: denied }", "headers: { X-Denied: yes }");
    let suite = "cases:\n  - { name: head, as: bob, with: az-verb-head, control: root, request: GET /admin }\n";
    for (guarded, code, verdict) in [(true, 0, "proven"), (false, 1, "failed: mutant-accepted")] {
        let api = Api::default();
        let server = Server::start(move |r| match (&*r.path, api.user(r).as_deref()) {
            ("/admin", Ok("root")) => json(200, LONG),
            ("/admin", _) if r.method == "HEAD" && !guarded => json(200, LONG),
            ("/admin", _) => json(200, r#"{"error":"denied"}"#).header("x-denied", "yes"),
            _ => api.answer(r),
        });
        Project::new(&server.url, &format!("{SCHEME}{people}"), suite)
            .run("--require-proof")
            .must(code, &[("head", verdict)]);
    }
}

/// All ways around, in a row.
#[test]
fn all_ways_around_a_refusal_by_a_body_are_judged() {
    let suite = "
access:
  columns: [anonymous, alice, root]
  rows:
    GET /admin: { with: pack.bypass, expect: { root: allow } }
";
    let run = run(&by_head(Head::Refused, LONG), suite);
    let heads = run.cases().iter().filter(|c| c["with"]["id"] == "az-verb-head").collect::<Vec<_>>();
    assert_eq!((run.code, heads.len()), (0, 2), "{}", run.said);
}

/// What the contract's own example declares.
const AWAY: &str = "
identities:
  alice: { auth: api, username: alice, password: right-alice }
outcomes:
  deny: { anonymous: [ { status: 302, redirect: { to: /login } } ], identity: [403] }
";

/// How a server answers whoever comes with a credential of before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dead {
    /// Its session lives on, and its refresh token.
    LivesOn,
    Answered(u16),
}

fn sends_away(dead: Dead) -> Server {
    let api = Api::default();
    let away = || status(302).header("location", "/login".to_owned());
    Server::start(move |r| match (&*r.path, dead) {
        ("/me", _) if r.bearer().is_empty() => away(),
        ("/me", Dead::Answered(302)) if api.user(r).is_err() => away(),
        ("/me", Dead::Answered(code)) if code != 401 && api.user(r).is_err() => status(code),
        ("/logout", Dead::LivesOn) => status(204),
        _ => api.answer(r),
    })
}

#[test]
fn a_dead_credential_is_nobodys_whatever_a_refusal_of_people_looks_like() {
    let suite = "
cases:
  - { name: logout, as: alice, use: lifecycle.logout-replay, args: { probe: GET /me } }
  - { name: no token, as: alice, with: tok-garbage, request: GET /me, expect: deny }
";
    let scheme = format!("{REFRESHING}    logout: {{ request: POST /logout }}\n{AWAY}");
    let run = |dead| Project::new(&sends_away(dead).url, &scheme, suite).run("");
    for code in [401, 403, 302] {
        run(Dead::Answered(code)).must(0, &[("logout", "proven"), ("no token", "proven")]);
    }
    let other = run(Dead::Answered(400));
    other.must(1, &[("logout", "failed: check-failed"), ("no token", "failed: check-failed")]);
    let wanted = "deny (status 403, status 302 or status 401)";
    assert_eq!(other.case("logout")["reasons"][0]["expected"], wanted, "{}", other.said);
    run(Dead::LivesOn).must(1, &[("logout", "failed: check-failed"), ("no token", "proven")]);
    // Whoever is known is refused as it is declared.
    let known = "
cases:
  - { name: known, as: alice, control: { request: GET /health }, request: GET /admin, expect: deny }
";
    let api = Api::default();
    let server = Server::start(move |r| if r.path == "/admin" { json(401, "{}") } else { api.answer(r) });
    Project::new(&server.url, &scheme, known).run("").must(1, &[("known", "failed: check-failed")]);
}

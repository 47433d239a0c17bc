//! APIs that refuse in their own way: what `outcomes` declares as a refusal is no way in, whatever its status.

use crate::api::Api;
use crate::runs::{Project, Run, SCHEME};
use crate::server::{Server, json};

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

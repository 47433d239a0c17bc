//! `session: exclusive`: while such a case runs, nobody else uses its identities; afterwards they log in anew.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::api::Api;
use crate::runs::{PEOPLE, Project, SCHEME};
use crate::server::{Request, Server, json, status};

/// How long each answer takes.
const DELAY: u64 = 20;

/// A server that knows everybody and takes its time, and says 401 to nobody it knows.
fn slow() -> Server {
    let api = Api::default();
    Server::start(move |r| {
        if r.path.starts_with("/use/") {
            return api.known(r, |_| json(200, "{}")).after(DELAY);
        }
        api.answer(r)
    })
}

/// Cases of several kinds over the same people; every path says who uses whom, and whether alone.
const SUITE: &str = r#"
cases:
  - { name: beside, each: [{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }, { id: 5 }], as: [alice, bob], request: "GET /use/beside" }
  - name: alone
    each: [{ id: 1 }, { id: 2 }, { id: 3 }]
    as: [alice, bob]
    session: exclusive
    steps:
      - { request: "GET /use/alone/{{ row.id }}" }
      - { request: "GET /use/alone/{{ row.id }}", pause: 30ms }
    teardown: [ { request: "GET /use/alone/{{ row.id }}" } ]
  - name: two people alone
    session: exclusive
    as: bob
    steps:
      - { request: GET /use/alone/both }
      - { as: alice, request: GET /use/alone/both }
  - name: waits while others run
    each: [{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }]
    as: [bob, alice]
    steps:
      - { request: GET /use/beside }
      - { request: GET /use/beside, pause: 50ms }
setup: [ { as: alice, request: GET /use/beside } ]
teardown: [ { as: bob, request: GET /use/beside } ]
"#;

/// The requests of somebody, each with when it came and when it was answered.
fn uses(seen: &[Request], who: &str) -> Vec<(String, Duration, Duration)> {
    let theirs = seen.iter().filter(|r| r.path.starts_with("/use/") && r.bearer().contains(who));
    theirs.map(|r| (r.path.clone(), r.at, r.at + Duration::from_millis(DELAY))).collect()
}

#[test]
fn nobody_else_uses_the_identity_meanwhile() {
    for jobs in [1, 2, 3, 64] {
        let server = slow();
        let project = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), SUITE);
        let run = project.run(&format!("--jobs {jobs} --deadline 30s"));
        assert_eq!(run.code, 0, "--jobs {jobs}: {}", run.said);
        let seen = server.seen();
        for who in ["alice", "bob"] {
            let uses = uses(&seen, who);
            assert!(uses.len() > 20, "{uses:?}");
            // Each of these cases has a login, and so a token, of its own.
            let mut alone: Vec<&str> = seen
                .iter()
                .filter(|r| r.path.contains("alone") && r.bearer().contains(who))
                .map(Request::bearer)
                .collect();
            alone.sort_unstable();
            alone.dedup();
            assert_eq!(alone.len(), 4, "--jobs {jobs}: {alone:?}");
            for token in alone {
                let own: Vec<&Request> = seen.iter().filter(|r| r.bearer() == token && r.path != "/me").collect();
                let from = own.iter().map(|r| r.at).min().unwrap();
                let to = own.iter().map(|r| r.at).max().unwrap() + Duration::from_millis(DELAY);
                let others = seen.iter().filter(|r| r.bearer() != token && r.bearer().contains(who));
                let between: Vec<_> = others
                    .filter(|r| r.at < to && r.at + Duration::from_millis(DELAY) > from && r.path != "/me")
                    .collect();
                assert!(between.is_empty(), "--jobs {jobs}: {token} from {from:?} to {to:?}, and {between:?}");
            }
        }
    }
}

/// A case that changes the password ends all sessions; whoever comes later logs in anew.
#[test]
fn the_shared_session_is_made_anew_afterwards() {
    let api = Arc::new(Api::default());
    let server = Server::start(move |r| {
        if r.path == "/end-all" {
            api.forget();
            return status(204);
        }
        api.answer(r)
    });
    let suite = r"
serial: true
cases:
  - { name: before, as: alice, request: GET /me }
  - { name: ends all, as: alice, session: exclusive, request: POST /end-all }
  - { name: after, as: alice, request: GET /me }
";
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("--jobs 4");
    assert_eq!(run.code, 0, "{}", run.said);
    assert_eq!(server.count("POST /login"), 3, "shared, her own, and shared anew");
}

/// What a new session is allowed proves nothing about refusals of the one before, which was dead.
#[test]
fn a_refusal_of_a_dead_session_is_not_proven_by_the_next() {
    let server = Server::start({
        let (api, dead) = (Api::default(), Mutex::new(None::<String>));
        move |r| {
            // The first token of bob is good for its `whoami` and dies then, without a word.
            let mut dead = dead.lock().unwrap();
            if r.path == "/admin" && r.bearer().contains("bob") {
                dead.get_or_insert_with(|| r.bearer().to_owned());
            }
            if dead.as_deref() == Some(r.bearer()) { status(401) } else { api.answer(r) }
        }
    });
    let suite = r"
serial: true
cases:
  - { name: root may, as: root, request: GET /admin, expect: 200 }
  - { name: bob may not, as: bob, request: GET /admin, expect: 401 }
  - { name: his account changes, as: bob, session: exclusive, request: GET /me }
  - { name: he lives again, as: bob, request: GET /me }
";
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("");
    assert_eq!(run.verdict("bob may not"), "inconclusive", "{}", run.said);
}

#[test]
fn a_failing_exclusive_case_stops_nobody_and_fail_fast_stops_those_who_wait() {
    let server = slow();
    let suite = r"
cases:
  - { name: one, as: alice, session: exclusive, request: GET /use/alone/1, expect: 418 }
  - { name: two, as: alice, session: exclusive, request: GET /use/alone/2, expect: 418 }
";
    let project = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite);
    let run = project.run("--jobs 8 --deadline 20s");
    run.must(1, &[("one", "failed"), ("two", "failed")]);
    let run = project.run("--jobs 8 --deadline 20s --fail-fast");
    let mut verdicts = [run.verdict("one"), run.verdict("two")];
    verdicts.sort();
    assert_eq!(verdicts, ["failed", "not-run"], "{}", run.said);
}

//! Shared sessions that a case ends by a request that nothing calls a logout.

use std::collections::HashSet;
use std::sync::Mutex;

use crate::api::{Api, unauthorized};
use crate::runs::{BLIND, PEOPLE, Project, Run, SCHEME};
use crate::server::{Request, Server, json, status};

/// A server whose `POST /bye` ends the session that it is sent with, if it is one that `ends` says.
fn server(ends: bool) -> Server {
    let (api, ended) = (Api::default(), Mutex::new(HashSet::new()));
    Server::start(move |r: &Request| {
        let is_ended = !r.bearer().is_empty() && ended.lock().unwrap().contains(r.bearer());
        match (r.path.as_str(), api.user(r)) {
            _ if is_ended => unauthorized(""),
            ("/bye", Ok(_)) => {
                if ends {
                    ended.lock().unwrap().insert(r.bearer().to_owned());
                }
                status(204)
            }
            ("/notes" | "/more", Ok(_)) => json(200, r#"{"id":1}"#),
            ("/never", Ok(_)) => unauthorized(""),
            _ => api.answer(r),
        }
    })
}

const BEFORE: &str = "serial: true
cases:
  - { name: nobody, request: GET /me, expect: 401 }
  - { name: writes, as: alice, request: POST /notes, expect: 200 }
  - { name: reads, as: alice, request: GET /me, expect: 200 }
";
const BYE: &str = "  - { name: bye, as: alice, request: POST /bye, expect: 204 }\n";

fn run(ends: bool, scheme: &str, rest: &str) -> Run {
    Project::new(&server(ends).url, &format!("{scheme}{PEOPLE}"), &format!("{BEFORE}{rest}")).run("")
}

#[test]
fn what_ended_a_shared_session_is_named() {
    for scheme in [SCHEME, BLIND] {
        let after = format!(
            "{BYE}  - {{ name: after, as: alice, request: GET /me, expect: 200 }}\n  - {{ name: later, as: alice, request: GET /more, expect: 200 }}\n"
        );
        let run = run(true, scheme, &after);
        run.must(
            3,
            &[
                ("nobody", "proven"),
                ("writes", "passed"),
                ("reads", "passed"),
                ("bye", "passed"),
                ("after", "inconclusive: session-disturbed"),
                ("later", "inconclusive: session-disturbed"),
            ],
        );
        let told = run.case("later").to_string();
        assert!(told.contains("POST /bye") && told.contains("suite/bye") && !told.contains("suite/writes"), "{told}");
    }
}

/// A session that lives on was ended by nobody, and a case that ends its own has itself to blame.
#[test]
fn nobody_is_named_for_a_session_that_lives() {
    for scheme in [SCHEME, BLIND] {
        let never = format!("{BYE}  - {{ name: never, as: alice, request: GET /never, expect: 200 }}\n");
        let run = run(false, scheme, &never);
        assert_eq!((run.code, run.verdict("never").as_str()), (1, "failed"), "{}", run.said);
    }
    let own = "  - { name: own, as: alice, steps: [ { request: POST /bye, expect: 204 }, { request: GET /me, expect: 200 } ] }\n";
    assert_eq!(run(true, SCHEME, own).verdict("own"), "failed");
    // With a session of its own nothing happens to others.
    let fresh = BYE.replace("as: alice", "as: alice, session: fresh")
        + "  - { name: after, as: alice, request: GET /me, expect: 200 }\n";
    assert_eq!(run(true, SCHEME, &fresh).code, 0);
}

//! A cache that was filled by somebody who may, and answers whoever asks then: what was refused before says nothing of it.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::api::Api;
use crate::runs::{PEOPLE, Project, Run, SCHEME};
use crate::server::{Reply, Request, Server, json, status};

/// For whom the cache has an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    All,
    /// Whoever sends a credential is asked about by the application.
    Anonymous,
    Off,
}

/// Reports that root and alice may see, behind a cache that keeps what is 200 by its address alone.
fn cached(kept: Kept) -> Server {
    let (api, cache) = (Api::default(), Mutex::new(HashMap::<String, String>::new()));
    Server::start(move |r| {
        let asks = kept == Kept::All || (kept == Kept::Anonymous && r.header("authorization").is_empty());
        if asks && let Some(body) = cache.lock().unwrap().get(&r.path) {
            return json(200, body);
        }
        let reply = report(&api, r);
        if r.is("GET /reports/1") && api.user(r).is_ok_and(|user| user != "bob") {
            cache.lock().unwrap().insert(r.path.clone(), REPORT.to_owned());
        }
        reply
    })
}

const REPORT: &str = r#"{"id":1,"salaries":[1,2,3]}"#;

fn report(api: &Api, r: &Request) -> Reply {
    match &*r.path {
        "/reports/1" => api.known(r, |user| if user == "bob" { status(403) } else { json(200, REPORT) }),
        _ => api.answer(r),
    }
}

fn run(server: &Server, suite: &str) -> Run {
    Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("-j 1")
}

/// The verdicts of some of the cases, with their first reasons where one is given.
#[track_caller]
fn must(run: &Run, code: i32, verdicts: &[(&str, &str)]) {
    assert_eq!(run.code, code, "{}", run.said);
    for (name, expected) in verdicts {
        let why = if expected.contains(": ") { format!(": {}", run.reason(name)) } else { String::new() };
        assert_eq!(run.verdict(name) + &why, *expected, "{name}\n{}", run.said);
    }
}

const ROW: &str =
    "access:\n  columns: [anonymous, alice, bob, root]\n  rows:\n    GET /reports/1: { alice: 200, root: allow }\n";

#[test]
fn the_refused_cells_of_a_row_are_asked_again_when_somebody_was_let_in() {
    let later = "failed: let-in-later";
    for (kept, code, nobody, bob) in
        [(Kept::All, 1, later, later), (Kept::Anonymous, 1, later, "proven"), (Kept::Off, 0, "proven", "proven")]
    {
        let server = cached(kept);
        let run = run(&server, ROW);
        let cell = |who| format!("GET /reports/1 [as={who}]");
        let want = [(cell("anonymous"), nobody), (cell("bob"), bob), (cell("root"), "passed")];
        must(&run, code, &want.each_ref().map(|(name, verdict)| (&**name, *verdict)));
        // Four cells, and the refused ones once more: nobody, and one for all who are somebody.
        assert_eq!(server.count("GET /reports/1"), 6, "{kept:?}");
        if kept == Kept::All {
            let got = run.case("GET /reports/1 [as=bob]");
            assert_eq!((&got["access"]["got"], &got["access"]["body"]["is"]), (&200.into(), &"same".into()), "{got}");
            assert_eq!(got["steps"].as_array().map(Vec::len), Some(2), "both answers are told: {got}");
        }
    }
}

/// Bob and carol are one kind of refused people, and are asked once between them.
#[test]
fn one_of_all_who_are_refused_is_asked_again() {
    let server = cached(Kept::Off);
    let row = "access:\n  columns: [anonymous, bob, bob2, bob3, root]\n  rows:\n    GET /reports/1: { root: 200 }\n";
    let people = format!("{PEOPLE}  bob2: {{ like: bob }}\n  bob3: {{ like: bob }}\n");
    let run = Project::new(&server.url, &format!("{SCHEME}{people}"), row).run("");
    assert_eq!((run.code, server.count("GET /reports/1")), (0, 7), "{}", run.said);
}

#[test]
fn a_case_that_is_refused_is_asked_again_after_its_control() {
    for (control, allowed) in
        [(", control: root", ""), ("", "  - { name: root may, as: root, request: GET /reports/1 }\n")]
    {
        let suite = |sender: &str| {
            format!("cases:\n  - {{ name: no, {sender}request: GET /reports/1, expect: deny{control} }}\n{allowed}")
        };
        for (kept, sender, code, verdict) in [
            (Kept::All, "as: bob, ", 1, "failed: let-in-later"),
            (Kept::All, "as: anonymous, ", 1, "failed: let-in-later"),
            (Kept::All, "", 1, "failed: let-in-later"),
            (Kept::Anonymous, "as: anonymous, ", 1, "failed: let-in-later"),
            (Kept::Anonymous, "as: bob, ", 0, "proven"),
            (Kept::Off, "as: bob, ", 0, "proven"),
        ] {
            must(&run(&cached(kept), &suite(sender)), code, &[("no", verdict)]);
        }
    }
}

/// What was refused after somebody was let in needs no second look.
#[test]
fn whoever_is_refused_afterwards_is_asked_once() {
    let server = cached(Kept::Off);
    let suite = "cases:\n  - { name: root may, as: root, request: GET /reports/1 }\n  - { name: no, as: bob, request: GET /reports/1, expect: deny }\n";
    must(&run(&server, suite), 0, &[("no", "proven")]);
    assert_eq!(server.count("GET /reports/1"), 2);
}

/// Bob may see the report once it is shared with him.
fn sharing() -> Server {
    let (api, shared) = (Api::default(), Mutex::new(false));
    Server::start(move |r| match (&*r.method, &*r.path) {
        ("PUT", "/reports/1/share") => {
            *shared.lock().unwrap() = true;
            status(204)
        }
        (_, "/reports/1") if *shared.lock().unwrap() => api.known(r, |_| json(200, REPORT)),
        _ => report(&api, r),
    })
}

/// Where a case goes on to give the right itself, being let in later is as it should be.
#[test]
fn whoever_is_given_the_right_later_is_no_hole() {
    let server = sharing();
    let suite = "
cases:
  - name: shared
    steps:
      - { as: bob, request: GET /reports/1, expect: 403 }
      - { as: root, request: PUT /reports/1/share }
      - { as: root, request: GET /reports/1 }
      - { as: bob, request: GET /reports/1 }
";
    must(&run(&server, suite), 0, &[("shared", "proven")]);
    let serial = "
serial: true
cases:
  - { name: not yet, as: bob, request: GET /reports/1, expect: 403 }
  - { name: share, as: root, request: PUT /reports/1/share }
  - { name: root may, as: root, request: GET /reports/1 }
  - { name: bob may, as: bob, request: GET /reports/1 }
";
    let server = sharing();
    must(&run(&server, serial), 0, &[("not yet", "proven")]);
}

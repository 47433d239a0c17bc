//! Order and limits, as the server sees them.

use std::time::Duration;

use crate::api::Api;
use crate::runs::{PEOPLE, Project, SCHEME};
use crate::server::{Server, json, status};

fn slow(milliseconds: u64) -> Server {
    Server::start(move |_| json(200, "{}").after(milliseconds))
}

fn cases(count: usize) -> String {
    (0..count)
        .map(|i| format!("  - {{ name: c{i}, steps: [ {{ request: GET /{i}/a }}, {{ request: GET /{i}/b }} ] }}\n"))
        .collect()
}

fn in_order(count: usize) -> Vec<String> {
    (0..count).flat_map(|i| [format!("/{i}/a"), format!("/{i}/b")]).collect()
}

fn paths(server: &Server) -> Vec<String> {
    server.seen().into_iter().map(|r| r.path).collect()
}

fn most_in_flight(server: &Server) -> usize {
    server.seen().iter().map(|r| r.in_flight).max().unwrap_or(0)
}

#[test]
fn one_job_runs_one_case_after_another() {
    let server = slow(5);
    let project = Project::new(&server.url, "", &format!("cases:\n{}", cases(10)));
    assert_eq!(project.run("--jobs 1").code, 0);
    assert_eq!((paths(&server), most_in_flight(&server)), (in_order(10), 1));
}

#[test]
fn one_job_also_for_suites_with_a_setup() {
    let server = slow(5);
    let suite = |n: usize| {
        format!(
            "setup: [ {{ request: GET /{n}/setup }} ]\ncases:\n  - {{ name: a, request: GET /{n}/a }}\n  - {{ name: b, request: GET /{n}/b }}\nteardown: [ {{ request: GET /{n}/teardown }} ]\n"
        )
    };
    let project = Project::new(&server.url, "", &suite(0));
    project.file("suite2.yaml", &suite(1));
    project.file("suite3.yaml", &suite(2));
    assert_eq!(project.run("--jobs 1").code, 0);
    assert_eq!(most_in_flight(&server), 1);
    let expected: Vec<String> =
        (0..3).flat_map(|n| ["setup", "a", "b", "teardown"].map(|s| format!("/{n}/{s}"))).collect();
    assert_eq!(paths(&server), expected);
}

#[test]
fn jobs_are_requests_in_flight() {
    let server = slow(40);
    let project = Project::new(&server.url, "", &format!("cases:\n{}", cases(30)));
    assert_eq!(project.run("--jobs 7").code, 0);
    assert_eq!(most_in_flight(&server), 7);
}

#[test]
fn a_host_gets_no_more_than_its_share() {
    let (one, two) = (slow(40), slow(40));
    let other: String = (0..20).map(|i| format!("  - {{ name: o{i}, request: GET {}/{i} }}\n", two.url)).collect();
    let project = Project::new(&one.url, "", &format!("cases:\n{}{other}", cases(20)));
    assert_eq!(project.run("--jobs 20 --jobs-per-host 3").code, 0);
    assert_eq!((most_in_flight(&one), most_in_flight(&two)), (3, 3));
}

/// A host that is slow must not take the places of the others.
#[test]
fn waiting_for_a_host_takes_no_job() {
    let (crowded, free) = (slow(100), slow(0));
    let other: String = (0..20).map(|i| format!("  - {{ name: o{i}, request: GET {}/{i} }}\n", free.url)).collect();
    let many: String = (0..10).map(|i| format!("  - {{ name: c{i}, request: GET /{i} }}\n")).collect();
    let project = Project::new(&crowded.url, "", &format!("cases:\n{many}{other}"));
    assert_eq!(project.run("--jobs 4 --jobs-per-host 1").code, 0);
    let last = free.seen().iter().map(|r| r.at).max().unwrap();
    let end = crowded.seen().iter().map(|r| r.at).max().unwrap();
    assert!(last < end, "the free host was done at {last:?}, the crowded one at {end:?}");
}

#[test]
fn a_serial_suite_keeps_the_order_of_its_file() {
    let server = slow(5);
    let project = Project::new(&server.url, "", &format!("serial: true\ncases:\n{}", cases(12)));
    assert_eq!(project.run("").code, 0);
    assert_eq!((paths(&server), most_in_flight(&server)), (in_order(12), 1));
}

/// A pause costs a timer and no worker: a hundred of them run at once.
#[test]
fn pauses_take_no_place() {
    let server = slow(0);
    let pausing: String =
        (0..100).map(|i| format!("  - {{ name: c{i}, request: GET /{i}, pause: 500ms }}\n")).collect();
    let project = Project::new(&server.url, "", &format!("cases:\n{pausing}"));
    let run = project.run("--jobs 2");
    assert_eq!((run.code, most_in_flight(&server) <= 2), (0, true));
    assert!(run.took < Duration::from_secs(4), "{:?}", run.took);
}

#[test]
fn fail_fast_starts_nothing_more() {
    let server = Server::start(|r| if r.path == "/2" { status(500) } else { json(200, "{}") });
    let ten: String = (0..10).map(|i| format!("  - {{ name: c{i}, request: GET /{i}, expect: 200 }}\n")).collect();
    let suite = format!("serial: true\ncases:\n{ten}teardown:\n  - {{ request: GET /torn-down }}\n");
    let project = Project::new(&server.url, "", &suite);
    let verdicts: Vec<(String, &str)> = (0..10)
        .map(|i| {
            (
                format!("c{i}"),
                match i {
                    0 | 1 => "passed",
                    2 => "failed: check-failed",
                    _ => "not-run: fail-fast",
                },
            )
        })
        .collect();
    let verdicts: Vec<(&str, &str)> = verdicts.iter().map(|(n, v)| (&**n, *v)).collect();
    let run = project.run("--fail-fast");
    run.must(1, &verdicts);
    assert_eq!(run.report["stopped"], "fail-fast");
    assert_eq!(paths(&server), ["/0", "/1", "/2", "/torn-down"]);
}

/// A case that waits for its proof until the end stops nothing, and is not forgotten.
#[test]
fn fail_fast_and_cases_that_wait_for_proof() {
    let api = Api::default();
    let server = Server::start(move |r| api.answer(r));
    let suite = r"
serial: true
cases:
  - { name: refused, as: anonymous, request: GET /me, expect: 401 }
  - { name: fails, request: GET /missing, expect: 200 }
  - { name: alice, as: alice, request: GET /me, expect: 200 }
";
    Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("--fail-fast").must(
        1,
        &[("refused", "unproven: unproven"), ("fails", "failed: check-failed"), ("alice", "not-run: fail-fast")],
    );
}

/// What is let pass stops nothing, whether it is decided at once or at the end.
#[test]
fn fail_fast_and_what_is_tolerated() {
    let api = Api::default();
    let server = Server::start(move |r| api.answer(r));
    let suite = r"
serial: true
cases:
  - { name: no proof, as: alice, with: tok-garbage, request: GET /missing }
  - { name: alice, as: alice, request: GET /me, expect: 200 }
";
    let project = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite);
    let open = ("no proof", "inconclusive: control-refused");
    project.run("--fail-fast").must(3, &[open, ("alice", "not-run: fail-fast")]);
    project.run("--fail-fast --tolerate inconclusive").must(0, &[open, ("alice", "passed")]);
}

#[test]
fn a_deadline_ends_the_run_with_3() {
    let server = Server::start(|r| if r.path == "/hangs" { status(200).after(60_000) } else { json(200, "{}") });
    let suite = "serial: true\ncases:\n  - { name: a, request: GET /fine }\n  - { name: b, request: GET /hangs }\n  - { name: c, request: GET /never }\n";
    let run = Project::new(&server.url, "", suite).run("--deadline 400ms");
    run.must(3, &[("a", "passed"), ("b", "not-run: deadline"), ("c", "not-run: deadline")]);
    assert!(run.took < Duration::from_secs(5), "{:?}", run.took);
    assert_eq!(run.report["stopped"], "deadline");
    assert_eq!(server.count("GET /never"), 0);
    // A setup that hangs is cut off as well, and so is the question who is still alive.
    let suite = "setup:\n  - { request: GET /hangs }\ncases:\n  - { name: a, request: GET /fine }\n";
    let run = Project::new(&server.url, "", suite).run("--deadline 300ms");
    run.must(3, &[("a", "not-run: deadline")]);
    assert!(run.took < Duration::from_secs(5), "{:?}", run.took);
}

#[test]
fn a_timeout_is_no_answer() {
    let server = Server::start(|_| status(401).after(5000));
    let suite = "cases:\n  - { name: own, request: GET /, timeout: 100ms, expect: 401 }\n  - { name: of the run, request: GET /, expect: 401 }\n";
    let run = Project::new(&server.url, "", suite).run("--timeout 200ms");
    run.must(3, &[("own", "errored: timeout"), ("of the run", "errored: timeout")]);
}

/// Events come in the order of completion and make sense to whoever reads along.
#[test]
fn events_tell_the_run_in_order() {
    let api = Api::default();
    let server = Server::start(move |r| api.answer(r));
    let suite = format!("{}teardown:\n  - {{ request: GET /missing }}\n", crate::runs::TOUR);
    let project = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite);
    let run = project.run("--events events.ndjson");
    assert_eq!(run.code, 3);
    let text = std::fs::read_to_string(project.path().join("events.ndjson")).unwrap();
    let events: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let kinds: Vec<&str> = events.iter().map(|e| e["event"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], *kinds.last().unwrap()), ("run-started", "run-finished"));
    let count = |kind: &str| kinds.iter().filter(|k| **k == kind).count();
    assert_eq!((count("case-started"), count("case-finished"), count("login")), (4, 5, 3), "{kinds:?}");
    for (at, event) in events.iter().enumerate().filter(|(_, e)| e["event"] == "case-finished" && e["kind"] == "case") {
        let start = events.iter().position(|e| e["event"] == "case-started" && e["index"] == event["index"]);
        assert!(start.is_some_and(|start| start < at), "started before it finished: {event}");
    }
    let numbers: Vec<u64> = events.iter().filter_map(|e| e["seq"].as_u64()).collect();
    assert!(numbers.windows(2).all(|w| w[0] < w[1]), "{numbers:?}");
    assert_eq!(events.last().unwrap()["exit"], 3);
}

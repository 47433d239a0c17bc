//! Interrupts: what runs may finish for a while, teardowns run, reports are whole, the code is 130.
#![cfg(unix)]

use std::process::{Child, Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::recorder::{Recorder, answer};
use crate::support::{Session, told};

const SUITE: &str = r#"
target: "{{ env.TARGET }}"
setup: [ { request: GET /setup } ]
cases:
  - { name: quick, request: GET /quick }
  - { name: waits, steps: [ { request: GET /begins }, { request: GET /too-late, pause: 60s } ] }
  - { name: never starts, steps: [ { request: GET /also, pause: 60s } ] }
teardown: [ { request: GET /teardown } ]
"#;

struct Running {
    session: Session,
    child: Child,
}

fn start(server: &Recorder, suite: &str, args: &[&str]) -> Running {
    let session = Session::new().env("TARGET", server.url()).file("slow.yaml", suite);
    let reports = ["run", "slow.yaml", "--junit", "junit.xml", "--json", "results.json", "--events", "events.ndjson"];
    let child = session.command(&[&reports, args].concat()).spawn().expect("the binary starts");
    Running { session, child }
}

impl Running {
    fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.expect("`kill` is there").success());
    }

    /// Waits for the end and gives what was told, and how long it took.
    fn end(self) -> (Session, Output, Duration) {
        let clock = Instant::now();
        let output = self.child.wait_with_output().expect("the binary ends");
        (self.session, output, clock.elapsed())
    }
}

fn server() -> Recorder {
    Recorder::start(|_| answer("200 OK", &[], b"fine"))
}

/// The three reports are whole, and say what happened to each case.
fn check_reports(session: &Session, verdicts: &[(&str, &str)]) {
    let report: Value = serde_json::from_str(&session.read("results.json")).expect("JSON is whole");
    assert_eq!((&report["exit"], &report["stopped"]), (&Value::from(130), &Value::from("interrupted")));
    for (name, verdict) in verdicts {
        let cases = report["cases"].as_array().expect("cases");
        let case = cases.iter().find(|c| c["name"] == *name).unwrap_or_else(|| panic!("no case `{name}`: {report}"));
        assert_eq!(case["verdict"], *verdict, "{name}: {case}");
    }
    let xml = session.read("junit.xml");
    // A teardown that did not work stands among the cases there.
    let teardowns = report["teardowns"].as_array().map_or(0, Vec::len);
    let cases = crate::support::xml_elements(&xml).iter().filter(|name| *name == "testcase").count();
    assert_eq!(cases, verdicts.len() + teardowns, "{xml}");
    let events: Vec<Value> =
        session.read("events.ndjson").lines().map(|l| serde_json::from_str(l).expect("a line of JSON")).collect();
    assert_eq!(events.last().expect("events")["event"], "run-finished");
}

#[test]
fn one_interrupt_ends_the_run_within_seconds_and_tears_down() {
    let server = server();
    let running = start(&server, SUITE, &[]);
    server.wait_for("/quick");
    server.wait_for("/begins");
    running.signal("INT");
    let (session, output, took) = running.end();
    assert_eq!(output.status.code(), Some(130), "{}", told(&output));
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert!(server.has_heard("/teardown") && !server.has_heard("/too-late"), "{:?}", server.heard());
    check_reports(&session, &[("quick", "passed"), ("waits", "not-run"), ("never starts", "not-run")]);
    let told = told(&output);
    assert!(String::from_utf8_lossy(&output.stdout).contains("interrupted"), "{told}");
    // At once, also where nobody sees a bar.
    let heard = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(heard.contains("2 cases are finishing, at most 5 s; interrupt again to leave at once\n"), "{told}");
    assert!(told.contains("slow/waits   cut off in step 2 of 2, waiting for a pause in the suite\n"), "{told}");
    assert!(told.contains("4 requests"), "{told}");
}

#[test]
fn a_case_that_is_cut_off_within_a_flow_tidies_up_what_the_flow_made() {
    let server = Recorder::start(|_| answer("200 OK", &[("content-type", "application/json")], b"{\"id\": 7}"));
    let suite = r#"
target: "{{ env.TARGET }}"
flows:
  make: { steps: [ { request: POST /things, capture: { thing: $.id, other: $.id } }, { request: GET /, pause: 60s } ], returns: thing }
  more: { steps: [ { use: make } ], returns: thing }
cases:
  - name: waits
    steps: [ { use: more } ]
    teardown: [ { request: "DELETE /things/{{ thing }}" } ]
"#;
    let running = start(&server, suite, &[]);
    server.wait_for("/things");
    running.signal("INT");
    let (session, output, _) = running.end();
    assert_eq!(output.status.code(), Some(130), "{}", told(&output));
    assert!(server.has_heard("/things/7"), "{:?}", server.heard());
    check_reports(&session, &[("waits", "not-run")]);
}

#[test]
fn a_second_interrupt_does_not_wait() {
    let server = server();
    let running = start(&server, SUITE, &[]);
    server.wait_for("/begins");
    running.signal("TERM");
    thread::sleep(Duration::from_millis(300));
    running.signal("INT");
    let (session, output, took) = running.end();
    assert_eq!(output.status.code(), Some(130), "{}", told(&output));
    assert!(took < Duration::from_secs(3), "{took:?}");
    check_reports(&session, &[("quick", "passed"), ("waits", "not-run"), ("never starts", "not-run")]);
    // Whoever leaves at once is told that nothing was cleaned up.
    assert!(String::from_utf8_lossy(&output.stdout).contains("cut off by a second interrupt"), "{}", told(&output));
}

#[test]
fn what_runs_may_finish_after_an_interrupt() {
    let server = Recorder::start(|request| {
        if request.contains("/slow") {
            thread::sleep(Duration::from_millis(1500));
        }
        answer("200 OK", &[], b"fine")
    });
    let suite = "target: \"{{ env.TARGET }}\"\nserial: true\ncases:\n  - { name: slow, request: GET /slow }\n  - { name: next, request: GET /next }\n";
    let running = start(&server, suite, &[]);
    server.wait_for("/slow");
    running.signal("INT");
    let (session, output, took) = running.end();
    assert_eq!(output.status.code(), Some(130), "{}", told(&output));
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert!(!server.has_heard("/next"));
    check_reports(&session, &[("slow", "passed"), ("next", "not-run")]);
}

#[test]
fn a_teardown_that_hangs_cannot_hold_a_second_interrupt() {
    let server = server();
    let suite = SUITE.replace("GET /teardown", "GET /teardown, pause: 60s");
    let running = start(&server, &suite, &[]);
    server.wait_for("/begins");
    running.signal("INT");
    thread::sleep(Duration::from_millis(200));
    running.signal("INT");
    thread::sleep(Duration::from_millis(200));
    running.signal("INT");
    let (_, output, took) = running.end();
    assert_eq!(output.status.code(), Some(130), "{}", told(&output));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn an_interrupt_while_a_target_is_awaited_ends_the_wait() {
    let server = Recorder::start(|_| answer("503 Service Unavailable", &[], b""));
    let suite =
        "target: { url: \"{{ env.TARGET }}\", ready: GET /ready, within: 60s }\ncases:\n  - { request: GET /a }\n";
    let running = start(&server, suite, &[]);
    server.wait_for("/ready");
    running.signal("INT");
    let (_, output, took) = running.end();
    assert_eq!(output.status.code(), Some(130), "{}", told(&output));
    assert!(took < Duration::from_secs(8), "{took:?}");
}
